package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"tnreserve/store/tel"
)

// Identity is somebody whom the identity provider vouches for.
type Identity struct {
	Issuer, Subject string
	Email           string // verified there
	Name            string
	Places          tel.Places // by their groups there
}

// SignInAs signs in somebody whom the identity provider vouches for. They are made at
// their first time and get the roles of their groups each time; roles in accounts
// that no group speaks of stay. CodeSignIn when they have no place here.
func (s *Store) SignInAs(ctx context.Context, who Identity, caller Caller) (*Session, error) {
	var err error
	if who.Email, err = tel.CleanEmail(who.Email); err != nil {
		return nil, err
	}
	if who.Name, err = tel.CleanText("name", who.Name, tel.MaxName); err != nil {
		who.Name = "" // theirs to mend; it keeps nobody out
	}
	var id string
	err = s.change(ctx, tel.System("single sign-on"), func(t *tx) (err error) {
		id, err = t.known(who)
		return err
	})
	if err != nil {
		return nil, err
	}
	p, _, err := s.personWhere(ctx, `p.id = $1 AND p.off_at IS NULL`, id)
	if err == nil && p == nil {
		err = noPlace()
	}
	if err != nil {
		return nil, err
	}
	return s.openSession(ctx, p, caller, func(*tx) error { return nil })
}

// known brings what is kept of a person up to what the identity provider says.
func (t *tx) known(who Identity) (id string, err error) {
	if who.Places, err = t.realPlaces(who.Places); err != nil {
		return "", err
	}
	p, err := t.identified(who)
	if err != nil {
		return "", err
	}
	if p == nil {
		return t.createIdentified(who)
	}
	if !p.OffAt.IsZero() {
		return "", noPlace()
	}
	if err := t.updateIdentified(p, who); err != nil {
		return "", err
	}
	for _, account := range slices.Sorted(maps.Keys(who.Places)) {
		if err := t.place(p, account, who.Places[account]); err != nil {
			return "", err
		}
	}
	return p.ID, nil
}

// realPlaces leaves out accounts that do not exist.
func (t *tx) realPlaces(places tel.Places) (tel.Places, error) {
	out := tel.Places{}
	for account, role := range places {
		if account != 0 {
			_, err := t.account(account)
			if tel.CodeOf(err) == tel.CodeNotFound {
				t.store.log.Warn("single sign-on speaks of an account that does not exist", "account", account)
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		out[account] = role
	}
	return out, nil
}

func (who Identity) key() string { return who.Issuer + "|" + who.Subject }

// identified finds a person by who they are at the provider, and at their first time
// by the address. An address that somebody else there had before is not theirs.
func (t *tx) identified(who Identity) (*tel.Person, error) {
	var id string
	var sso sql.NullString
	err := t.row(`SELECT id, sso FROM person WHERE sso = $1 OR email = $2 ORDER BY CASE WHEN sso = $1 THEN 0 ELSE 1 END LIMIT 1`, who.key(), who.Email).Scan(&id, &sso)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case sso.Valid && sso.String != who.key():
		return nil, tel.Refuse(tel.CodeSignIn, "This address belongs to somebody else here. Ask an operator.")
	}
	return scanPersonIn(t.row(personInSQL, id, 0), 0)
}

func (t *tx) createIdentified(who Identity) (id string, err error) {
	for _, account := range slices.Sorted(maps.Keys(who.Places)) {
		role := who.Places[account]
		if role == "" {
			continue
		}
		n := NewPerson{Email: who.Email, Name: who.Name, Role: role, Account: account}
		if err := cleanPerson(&n); err != nil {
			return "", err
		}
		p, err := t.createPerson(n, "")
		if err != nil {
			return "", err
		}
		id = p.ID
	}
	if id == "" {
		return "", tel.Refuse(tel.CodeSignIn, "You are known there, and have no place here. Ask an operator or your account’s admin.")
	}
	_, err = t.exec(`UPDATE person SET sso = $1 WHERE id = $2`, who.key(), id)
	return id, err
}

// updateIdentified takes over address and name. An address that is taken here stays
// with whom it is.
func (t *tx) updateIdentified(p *tel.Person, who Identity) error {
	email, name := p.Email, p.Name
	if who.Name != "" {
		name = who.Name
	}
	if _, err := t.personID(who.Email); tel.CodeOf(err) == tel.CodeNotFound {
		email = who.Email
	} else if err != nil {
		return err
	}
	if p.SSO && email == p.Email && name == p.Name {
		return nil
	}
	if !p.SSO {
		if err := t.endOldWays(p.ID); err != nil {
			return err
		}
	}
	if _, err := t.exec(`UPDATE person SET sso = $1, email = $2, name = $3 WHERE id = $4`, who.key(), email, name, p.ID); err != nil {
		return err
	}
	t.event(tel.EventUpdated, 0, 0, tel.Facts{Subject: p.ID, Before: map[string]any{"email": p.Email, "name": p.Name, "sso": p.SSO}, After: map[string]any{"email": email, "name": name, "sso": true}})
	p.Email, p.Name = email, name
	return nil
}

// endOldWays takes away how a person came in before the identity provider vouched for
// them. Nobody did until then: whoever was handed the invitation for an address may have
// set the password, and would come in with every role of the groups; a second factor of
// theirs would keep the person out.
func (t *tx) endOldWays(person string) error {
	for _, forget := range []string{
		`UPDATE person SET password = '' WHERE id = $1`, `DELETE FROM session WHERE person_id = $1`, `DELETE FROM link WHERE person_id = $1`,
		`DELETE FROM second_factor WHERE person_id = $1 AND confirmed_at IS NULL`,
	} {
		if _, err := t.exec(forget, person); err != nil {
			return err
		}
	}
	f, err := t.factor(person)
	if err == nil && f.confirmed {
		err = t.deleteFactor(person)
	}
	return err
}

// place gives a person the role of their groups in one account. The last admin and the
// last operator stay what they are.
func (t *tx) place(p *tel.Person, account tel.AccountID, role tel.Role) error {
	var err error
	if account == 0 {
		err = t.setPlatformRole(p, role)
	} else {
		var in *tel.Person
		in, err = scanPersonIn(t.row(personInSQL, p.ID, int64(account)), account)
		switch {
		case err == nil:
			err = t.setRole(in, role)
		case tel.CodeOf(err) == tel.CodeNotFound && role != "":
			_, err = t.createPerson(NewPerson{Email: p.Email, Name: p.Name, Role: role, Account: account}, "")
		case tel.CodeOf(err) == tel.CodeNotFound:
			err = nil
		}
	}
	if tel.CodeOf(err) == tel.CodeConflict {
		t.store.log.Warn("single sign-on would take the last of its kind away; they stay", "person", p.ID, "account", account)
		err = nil
	}
	return err
}
