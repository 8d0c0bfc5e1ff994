package store

import (
	"context"
	"database/sql"
	"errors"

	"tnreserve/store/tel"
)

// SetRole changes a person's role in an account; "" takes it away. It counts from
// the person's next request on. CodeConflict for the account's last admin.
func (s *Store) SetRole(ctx context.Context, actor tel.Actor, email string, account tel.AccountID, role tel.Role) error {
	if role != "" && role != tel.RoleAdmin && role != tel.RoleSupport && role != tel.RoleMember {
		return tel.Invalid("role", "In an account a person is admin, support or member.")
	}
	return s.change(ctx, actor, func(t *tx) error {
		if err := t.actor.Require(tel.ActManagePeople, account); err != nil {
			return err
		}
		id, err := t.personID(email)
		if err != nil {
			return err
		}
		p, err := t.personIn(account, id)
		if err != nil {
			return err
		}
		return t.setRole(p, role)
	})
}

// personID finds a person by the e-mail address.
func (t *tx) personID(email string) (id string, err error) {
	if cleaned, err := tel.CleanEmail(email); err == nil {
		email = cleaned
	}
	err = t.row(`SELECT id FROM person WHERE email = $1`, email).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tel.NotFound()
	}
	return id, err
}

// setRole changes the one membership that was read with a person.
func (t *tx) setRole(p *tel.Person, role tel.Role) error {
	m := p.Memberships[0]
	if m.Role == role {
		return nil
	}
	if m.Role == tel.RoleAdmin {
		if err := t.spareAdmin(m, p); err != nil {
			return err
		}
	}
	var err error
	if role == "" {
		_, err = t.exec(`DELETE FROM membership WHERE person_id = $1 AND account_id = $2`, p.ID, int64(m.Account))
	} else {
		_, err = t.exec(`UPDATE membership SET role = $1 WHERE person_id = $2 AND account_id = $3`, string(role), p.ID, int64(m.Account))
	}
	if err != nil {
		return err
	}
	t.event(tel.EventRoleChanged, m.Account, 0, tel.Facts{Subject: p.ID, Before: m.Role, After: role})
	return nil
}

// SetPlatformRole changes what a person is on the whole platform: operator, support
// of all accounts, or "" nothing. CodeConflict for the last operator, and for somebody
// with a password who is nothing there yet: see Accept.
func (s *Store) SetPlatformRole(ctx context.Context, actor tel.Actor, email string, role tel.Role) error {
	if role != "" && role != tel.RoleOperator && role != tel.RoleSupport {
		return tel.Invalid("role", "On the whole platform a person is operator or support.")
	}
	return s.change(ctx, actor, func(t *tx) error {
		if err := mayManagePeople(t.actor, 0); err != nil {
			return err
		}
		id, err := t.personID(email)
		if err != nil {
			return err
		}
		p, err := t.personIn(0, id)
		if err != nil {
			return err
		}
		if p.Platform == "" && role != "" && p.HasPassword {
			return tel.Refuse(tel.CodeConflict, "%s has no place on the whole platform yet. Invite them to it: they accept as themselves, with a new password.", p.Email)
		}
		return t.setPlatformRole(p, role)
	})
}

func (t *tx) setPlatformRole(p *tel.Person, role tel.Role) error {
	if p.Platform == role {
		return nil
	}
	if err := t.spareOperator(p); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE person SET platform = $1 WHERE id = $2`, string(role), p.ID); err != nil {
		return err
	}
	if err := t.endResetLinks(p.ID); err != nil {
		return err
	}
	t.event(tel.EventRoleChanged, 0, 0, tel.Facts{Subject: p.ID, Before: p.Platform, After: role})
	return nil
}

// spareAdmin refuses to do without an account's last admin.
func (t *tx) spareAdmin(m tel.Membership, p *tel.Person) error {
	if !p.OffAt.IsZero() || !m.OffAt.IsZero() {
		return nil // counts as none already
	}
	var others int
	err := t.row(`SELECT COUNT(*) FROM membership m JOIN person p ON p.id = m.person_id
		WHERE m.account_id = $1 AND m.role = 'admin' AND m.off_at IS NULL AND p.off_at IS NULL AND p.id <> $2`, int64(m.Account), p.ID).Scan(&others)
	if err == nil && others == 0 {
		return tel.Refuse(tel.CodeConflict, "%s is the last admin of account %s. Make somebody else admin first.", p.Email, m.Account)
	}
	return err
}

// spareOperator refuses to do without the last operator.
func (t *tx) spareOperator(p *tel.Person) error {
	if p.Platform != tel.RoleOperator || !p.OffAt.IsZero() {
		return nil
	}
	var others int
	err := t.row(`SELECT COUNT(*) FROM person WHERE platform = 'operator' AND off_at IS NULL AND id <> $1`, p.ID).Scan(&others)
	if err == nil && others == 0 {
		return tel.Refuse(tel.CodeConflict, "%s is the last operator. Make somebody else operator first.", p.Email)
	}
	return err
}

// Deactivate keeps a person from signing in, or (account not 0) from acting for an
// account; off false takes it back. CodeConflict for the last operator, and for the
// last admin of an account.
func (s *Store) Deactivate(ctx context.Context, actor tel.Actor, account tel.AccountID, id string, off bool) error {
	return s.change(ctx, actor, func(t *tx) error {
		p, err := t.personIn(account, id)
		if err != nil {
			return err
		}
		if account == 0 {
			return t.deactivatePerson(p, off)
		}
		return t.deactivateMembership(p, off)
	})
}

func (t *tx) deactivateMembership(p *tel.Person, off bool) error {
	m := p.Memberships[0]
	if !m.OffAt.IsZero() == off {
		return nil
	}
	if off && m.Role == tel.RoleAdmin {
		if err := t.spareAdmin(m, p); err != nil {
			return err
		}
	}
	if _, err := t.exec(`UPDATE membership SET off_at = $1 WHERE person_id = $2 AND account_id = $3`, t.offAt(off), p.ID, int64(m.Account)); err != nil {
		return err
	}
	t.noteOff(m.Account, p, off)
	return nil
}

func (t *tx) deactivatePerson(p *tel.Person, off bool) error {
	if !p.OffAt.IsZero() == off {
		return nil
	}
	if off {
		if err := t.spare(p); err != nil {
			return err
		}
	}
	if _, err := t.exec(`UPDATE person SET off_at = $1 WHERE id = $2`, t.offAt(off), p.ID); err != nil {
		return err
	}
	t.noteOff(0, p, off)
	for _, forget := range []string{`DELETE FROM session WHERE person_id = $1`, `DELETE FROM link WHERE person_id = $1`} {
		if _, err := t.exec(forget, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// spare refuses to do without a person who is the last operator, or the last admin
// somewhere.
func (t *tx) spare(p *tel.Person) error {
	if err := t.spareOperator(p); err != nil {
		return err
	}
	rows, err := t.query(`SELECT account_id, role FROM membership WHERE person_id = $1 AND role = 'admin' AND off_at IS NULL ORDER BY account_id`, p.ID)
	if err != nil {
		return err
	}
	admin, err := collect(rows, func(row scanner) (m tel.Membership, err error) { return m, row.Scan(&m.Account, (*string)(&m.Role)) })
	for _, m := range admin {
		if err == nil {
			err = t.spareAdmin(m, p)
		}
	}
	return err
}

// offAt is the column that says since when something is deactivated.
func (t *tx) offAt(off bool) micros {
	if off {
		return micros(t.now)
	}
	return micros{}
}

func (t *tx) noteOff(account tel.AccountID, p *tel.Person, off bool) {
	kind := tel.EventReactivated
	if off {
		kind = tel.EventDeactivated
	}
	t.event(kind, account, 0, tel.Facts{Subject: p.ID, Before: !off, After: off})
}
