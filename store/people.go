package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

// NewPerson is somebody to be created.
type NewPerson struct {
	Email, Name string
	Password    string // "" signs in by link only
	Role        tel.Role
	Account     tel.AccountID // 0 for an operator, or support of all accounts
}

// CreatePerson makes a person with a first role. CodeConflict for somebody who signs in
// with a password already: whoever set that would come in by it, so another place is
// theirs by an invitation only (Accept). Without a password they get the role in one more
// account.
func (s *Store) CreatePerson(ctx context.Context, actor tel.Actor, n NewPerson) (*tel.Person, error) {
	if err := cleanPerson(&n); err != nil {
		return nil, err
	}
	if err := mayManagePeople(actor, n.Account); err != nil {
		return nil, err // before the hash, which is dear
	}
	hash, err := s.hashPassword(ctx, n.Password)
	if err != nil {
		return nil, err
	}
	var out *tel.Person
	err = s.change(ctx, actor, func(t *tx) (err error) {
		if err := mayManagePeople(t.actor, n.Account); err != nil {
			return err
		}
		if err := t.mayBeAdded(n); err != nil {
			return err
		}
		out, err = t.createPerson(n, hash)
		return err
	})
	return out, err
}

// mayBeAdded refuses a password for somebody who exists, and who has one themselves. Why,
// is told to who may know that the address signs in here.
func (t *tx) mayBeAdded(n NewPerson) error {
	id, err := t.personID(n.Email)
	if tel.CodeOf(err) == tel.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.newThere(n.Email, n.Account); err != nil {
		return err
	}
	p, err := scanPersonIn(t.row(personInSQL, id, 0), 0)
	switch {
	case err != nil || !p.HasPassword && n.Password == "":
		return err
	case mayManagePeople(t.actor, 0) != nil:
		return hasRoleHere(n.Email)
	}
	return tel.Refuse(tel.CodeConflict, "%s signs in here already, and keeps their own password. Invite them: they accept as themselves.", n.Email)
}

func cleanPerson(n *NewPerson) (err error) {
	if n.Email, err = tel.CleanEmail(n.Email); err != nil {
		return err
	}
	if n.Name, err = tel.CleanText("name", n.Name, tel.MaxName); err != nil {
		return err
	}
	if n.Name == "" {
		n.Name = n.Email
	}
	if err := tel.CheckPlace(n.Role, n.Account); err != nil {
		return err
	}
	if n.Password != "" {
		return tel.CheckPassword(n.Password)
	}
	return nil
}

func (t *tx) createPerson(n NewPerson, hash string) (*tel.Person, error) {
	if err := t.actor.Require(tel.ActManagePeople, n.Account); err != nil {
		return nil, err
	}
	if n.Account != 0 {
		if _, err := t.account(n.Account); err != nil {
			return nil, err
		}
	}
	p := &tel.Person{ID: uuid.NewString(), Email: n.Email, Name: n.Name, CreatedAt: t.now}
	platform := tel.Role("")
	if n.Account == 0 {
		platform = n.Role
	}
	// An admin who adds somebody learns nothing of what they are elsewhere.
	var had string
	err := t.row(`SELECT id, platform FROM person WHERE email = $1`, n.Email).Scan(&p.ID, &had)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = t.exec(`INSERT INTO person (id, email, name, password, platform, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			p.ID, n.Email, n.Name, hash, string(platform), micros(t.now))
	case err == nil && n.Account == 0:
		if had != "" {
			return nil, tel.Refuse(tel.CodeConflict, "%s is %s already.", n.Email, had)
		}
		_, err = t.exec(`UPDATE person SET platform = $1 WHERE id = $2`, string(platform), p.ID)
	}
	if err != nil {
		return nil, err
	}
	if n.Account != 0 {
		added, err := t.exec(`INSERT INTO membership (person_id, account_id, role) VALUES ($1, $2, $3) ON CONFLICT (person_id, account_id) DO NOTHING`,
			p.ID, int64(n.Account), string(n.Role))
		if err != nil {
			return nil, err
		}
		if added == 0 {
			return nil, tel.Refuse(tel.CodeConflict, "%s has a role in account %s already.", n.Email, n.Account)
		}
		p.Memberships = []tel.Membership{{Account: n.Account, Role: n.Role}}
	}
	if err := t.endResetLinks(p.ID); err != nil {
		return nil, err
	}
	p.Platform = cmp.Or(platform, tel.Role(had))
	t.event(tel.EventPersonCreated, n.Account, 0, tel.Facts{Subject: p.ID, After: map[string]any{"email": n.Email, "role": n.Role}})
	return p, nil
}

// personColumns and personTables read a person as a whole; scanPerson takes them.
const (
	personColumns = `p.id, p.email, p.name, p.platform, p.created_at, p.off_at, f.confirmed_at, p.sso IS NOT NULL, p.password <> '', p.zone, p.theme, p.language`
	personTables  = `person p LEFT JOIN second_factor f ON f.person_id = p.id`
)

func scanPerson(row scanner, more ...any) (*tel.Person, error) {
	var p tel.Person
	return &p, row.Scan(append([]any{&p.ID, &p.Email, &p.Name, (*string)(&p.Platform), (*micros)(&p.CreatedAt), (*micros)(&p.OffAt), (*micros)(&p.FactorAt), &p.SSO, &p.HasPassword, &p.Zone, &p.Theme, &p.Language}, more...)...)
}

// personInSQL finds a person where an actor manages people: in an account, or
// anywhere (account 0).
const personInSQL = `SELECT ` + personColumns + `, COALESCE(m.role, ''), m.off_at FROM ` + personTables + `
	LEFT JOIN membership m ON m.person_id = p.id AND m.account_id = $2 WHERE p.id = $1 AND ($2 = 0 OR m.role IS NOT NULL)`

// scanPersonIn reads it. In an account only the membership there is filled in.
func scanPersonIn(row scanner, account tel.AccountID) (*tel.Person, error) {
	m := tel.Membership{Account: account}
	p, err := scanPerson(row, (*string)(&m.Role), (*micros)(&m.OffAt))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if account != 0 {
		p.Memberships = []tel.Membership{m}
	}
	return p, err
}

// mayManagePeople keeps people in people's hands: a program changes nobody's role.
func mayManagePeople(actor tel.Actor, account tel.AccountID) error {
	act := tel.ActManagePeople
	if account == 0 {
		act = tel.ActManageEveryone
	}
	if err := actor.Require(act, account); err != nil {
		return err
	}
	if actor.Kind == tel.KindClient {
		return tel.Forbidden(act)
	}
	return nil
}

// personIn reads a person whom the actor manages in an account, or anywhere (0).
func (t *tx) personIn(account tel.AccountID, id string) (*tel.Person, error) {
	if err := mayManagePeople(t.actor, account); err != nil {
		return nil, err
	}
	return scanPersonIn(t.row(personInSQL, id, int64(account)), account)
}

// Person reads somebody where the actor manages people. In an account (0: anywhere)
// nothing is told of what they are elsewhere.
func (s *Store) Person(ctx context.Context, actor tel.Actor, account tel.AccountID, id string) (*tel.Person, error) {
	if err := mayManagePeople(actor, account); err != nil {
		return nil, err
	}
	p, err := scanPersonIn(s.read.QueryRowContext(ctx, personInSQL, id, int64(account)), account)
	if err != nil {
		return nil, err
	}
	if account != 0 {
		p.Platform = ""
		return p, nil
	}
	return p, s.fillMemberships(ctx, p)
}

// self is the person who asks, with their password's hash.
func (s *Store) self(ctx context.Context, actor tel.Actor) (*tel.Person, string, error) {
	if actor.Kind != tel.KindPerson {
		return nil, "", tel.NotFound()
	}
	p, hash, err := s.personWhere(ctx, `p.id = $1 AND p.off_at IS NULL`, actor.ID)
	if err == nil && p == nil {
		err = tel.NotFound()
	}
	return p, hash, err
}

// Self is the signed-in person.
func (s *Store) Self(ctx context.Context, actor tel.Actor) (*tel.Person, error) {
	p, _, err := s.self(ctx, actor)
	return p, err
}

func (s *Store) fillMemberships(ctx context.Context, p *tel.Person) error {
	rows, err := s.read.QueryContext(ctx, `SELECT m.account_id, a.name, m.role, m.off_at FROM membership m JOIN account a ON a.id = m.account_id WHERE m.person_id = $1 ORDER BY a.name, a.id`, p.ID)
	if err != nil {
		return err
	}
	p.Memberships, err = collect(rows, func(row scanner) (m tel.Membership, err error) {
		return m, row.Scan(&m.Account, &m.AccountName, (*string)(&m.Role), (*micros)(&m.OffAt))
	})
	return err
}

// PeopleQuery asks for people, by e-mail address.
type PeopleQuery struct {
	Account tel.AccountID // 0: everybody
	Text    string        // part of the address or the name
	After   string        // the address that the page before ended with
	Limit   int           // 0: all
}

// FindPeople lists a page of people. More tells that another follows.
func (s *Store) FindPeople(ctx context.Context, actor tel.Actor, q PeopleQuery) (list []*tel.Person, more bool, err error) {
	if err := mayManagePeople(actor, q.Account); err != nil {
		return nil, false, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = math.MaxInt32
	}
	text := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(q.Text)) + "%"
	rows, err := s.read.QueryContext(ctx, `SELECT `+personColumns+`, COALESCE(m.role, ''), m.off_at FROM `+personTables+`
		LEFT JOIN membership m ON m.person_id = p.id AND m.account_id = $1
		WHERE ($1 = 0 OR m.role IS NOT NULL) AND p.email > $2 AND (LOWER(p.email) LIKE $3 ESCAPE '\' OR LOWER(p.name) LIKE $3 ESCAPE '\') ORDER BY p.email LIMIT $4`,
		int64(q.Account), q.After, text, limit+1)
	if err != nil {
		return nil, false, err
	}
	list, err = collect(rows, func(row scanner) (*tel.Person, error) { return scanPersonIn(row, q.Account) })
	if err != nil {
		return nil, false, err
	}
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	for _, p := range list {
		if q.Account != 0 {
			p.Platform = ""
		} else if err := s.fillMemberships(ctx, p); err != nil {
			return nil, false, err
		}
	}
	return list, more, nil
}

// People lists who has a role in an account, by e-mail address.
func (s *Store) People(ctx context.Context, actor tel.Actor, account tel.AccountID) ([]*tel.Person, error) {
	if err := actor.Require(tel.ActManagePeople, account); err != nil {
		return nil, err
	}
	list, _, err := s.FindPeople(ctx, actor, PeopleQuery{Account: account})
	return list, err
}
