package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

// NewInvitation is somebody to be invited.
type NewInvitation struct {
	Email   string
	Role    tel.Role
	Account tel.AccountID // 0: the platform
}

// Invite offers somebody a role and answers the token of the link to hand over; an
// older invitation of theirs to the same account dies. Whether somebody of that
// address signs in here already makes no difference. CodeConflict when they have a
// role in the account.
func (s *Store) Invite(ctx context.Context, actor tel.Actor, n NewInvitation) (token string, err error) {
	if err := mayManagePeople(actor, n.Account); err != nil {
		return "", err
	}
	if n.Email, err = tel.CleanEmail(n.Email); err != nil {
		return "", err
	}
	if err := tel.CheckPlace(n.Role, n.Account); err != nil {
		return "", err
	}
	token, hash := newToken()
	return token, s.change(ctx, actor, func(t *tx) error { return t.invite(n, uuid.NewString(), hash) })
}

func (t *tx) invite(n NewInvitation, id string, hash []byte) error {
	if err := mayManagePeople(t.actor, n.Account); err != nil {
		return err
	}
	if n.Account != 0 {
		if _, err := t.account(n.Account); err != nil {
			return err
		}
	}
	if err := t.newThere(n.Email, n.Account); err != nil {
		return err
	}
	var waiting int
	if err := t.row(`SELECT COUNT(*) FROM invitation WHERE account_id = $1 AND email <> $2`, int64(n.Account), n.Email).Scan(&waiting); err != nil {
		return err
	}
	if waiting >= tel.MostInvitations {
		return tel.Invalid("email", "%d invitations wait to be accepted; take some back first.", waiting)
	}
	expires := t.now.Add(tel.InvitationLife)
	_, err := t.exec(`INSERT INTO invitation (id, token, email, account_id, role, created_at, created_by_name, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account_id, email) DO UPDATE SET id = $1, token = $2, role = $5, created_at = $6, created_by_name = $7, expires_at = $8`,
		id, hash, n.Email, int64(n.Account), string(n.Role), micros(t.now), t.actor.Name, micros(expires))
	t.event(tel.EventInvited, n.Account, 0, tel.Facts{Subject: id, ExpiresAt: expires.UnixMicro(), After: map[string]any{"email": n.Email, "role": n.Role}})
	return err
}

// newThere refuses somebody who has a role where they are invited to.
func (t *tx) newThere(email string, account tel.AccountID) error {
	var n int
	err := t.row(`SELECT COUNT(*) FROM person p LEFT JOIN membership m ON m.person_id = p.id AND m.account_id = $2
		WHERE p.email = $1 AND (m.role IS NOT NULL OR $2 = 0 AND p.platform <> '')`, email, int64(account)).Scan(&n)
	if err == nil && n > 0 {
		return hasRoleHere(email)
	}
	return err
}

func hasRoleHere(email string) error {
	return tel.Refuse(tel.CodeConflict, "%s has a role here already.", email)
}

const invitationColumns = `i.id, i.email, i.account_id, COALESCE(a.name, ''), i.role, i.created_at, i.created_by_name, i.expires_at`
const invitationTables = `invitation i LEFT JOIN account a ON a.id = i.account_id`

func scanInvitation(row scanner) (*tel.Invitation, error) {
	var i tel.Invitation
	err := row.Scan(&i.ID, &i.Email, &i.Account, &i.AccountName, (*string)(&i.Role), (*micros)(&i.CreatedAt), &i.CreatedBy, (*micros)(&i.ExpiresAt))
	return &i, err
}

// Invitations lists those to an account (0: the platform) that wait, newest first.
func (s *Store) Invitations(ctx context.Context, actor tel.Actor, account tel.AccountID) ([]*tel.Invitation, error) {
	if err := mayManagePeople(actor, account); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+invitationColumns+` FROM `+invitationTables+` WHERE i.account_id = $1 AND i.expires_at > $2 ORDER BY i.created_at DESC, i.email`, int64(account), micros(s.Now()))
	if err != nil {
		return nil, err
	}
	return collect(rows, scanInvitation)
}

// RevokeInvitation takes an invitation back.
func (s *Store) RevokeInvitation(ctx context.Context, actor tel.Actor, account tel.AccountID, id string) error {
	return s.change(ctx, actor, func(t *tx) error {
		if err := mayManagePeople(t.actor, account); err != nil {
			return err
		}
		i, err := scanInvitation(t.row(`SELECT `+invitationColumns+` FROM `+invitationTables+` WHERE i.id = $1 AND i.account_id = $2`, id, int64(account)))
		if errors.Is(err, sql.ErrNoRows) {
			return tel.NotFound()
		}
		if err != nil {
			return err
		}
		t.event(tel.EventUninvited, account, 0, tel.Facts{Subject: i.ID, Before: map[string]any{"email": i.Email, "role": i.Role}})
		_, err = t.exec(`DELETE FROM invitation WHERE id = $1`, i.ID)
		return err
	})
}

const invitationByToken = `SELECT ` + invitationColumns + ` FROM ` + invitationTables + ` WHERE i.token = $1 AND i.expires_at > $2`

// openInvitation tells an invitation that is over from an error.
func openInvitation(i *tel.Invitation, err error) (*tel.Invitation, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, gone()
	}
	return i, err
}

// PeekInvitation reads what a link offers; it changes nothing and tells nothing of
// who signs in here.
func (s *Store) PeekInvitation(ctx context.Context, token string) (*tel.Invitation, error) {
	return openInvitation(scanInvitation(s.read.QueryRowContext(ctx, invitationByToken, tokenHash(token), micros(s.Now()))))
}

func (t *tx) takeInvitation(token string) (*tel.Invitation, error) {
	return openInvitation(scanInvitation(t.row(invitationByToken, tokenHash(token), micros(t.now))))
}

// AcceptAsNew makes the person of an invitation and signs them in. CodeConflict when
// somebody signs in with that address already: they accept after signing in.
func (s *Store) AcceptAsNew(ctx context.Context, token string, n NewPerson, caller Caller) (*Session, error) {
	i, err := s.PeekInvitation(ctx, token)
	if err != nil {
		return nil, err
	}
	n.Email, n.Role, n.Account = i.Email, i.Role, i.Account
	if err := cleanPerson(&n); err != nil {
		return nil, err
	}
	if err := tel.CheckPassword(n.Password); err != nil {
		return nil, err
	}
	hash, err := s.hashPassword(ctx, n.Password)
	if err != nil {
		return nil, err
	}
	var p *tel.Person
	err = s.change(ctx, tel.System("invitation"), func(t *tx) (err error) {
		p, err = t.acceptAsNew(token, n, hash)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.openSession(ctx, p, caller, func(*tx) error { return nil })
}

func (t *tx) acceptAsNew(token string, n NewPerson, hash string) (*tel.Person, error) {
	i, err := t.takeInvitation(token)
	if err != nil {
		return nil, err
	}
	if i.Role != n.Role || i.Account != n.Account {
		return nil, gone() // it was replaced meanwhile
	}
	if _, err := t.personID(i.Email); tel.CodeOf(err) != tel.CodeNotFound {
		if err == nil {
			err = tel.Refuse(tel.CodeConflict, "Somebody signs in with this address already. If it is you, sign in to accept.")
		}
		return nil, err
	}
	p, err := t.createPerson(n, hash)
	if err != nil {
		return nil, err
	}
	return p, t.endInvitation(i, p.ID)
}

// endInvitation writes down that an invitation was accepted.
func (t *tx) endInvitation(i *tel.Invitation, person string) error {
	t.event(tel.EventJoined, i.Account, 0, tel.Facts{Subject: person, Before: i.ID, After: map[string]any{"email": i.Email, "role": i.Role}})
	_, err := t.exec(`DELETE FROM invitation WHERE id = $1`, i.ID)
	return err
}

// Accept gives the signed-in person the role that they were invited to. CodeForbidden
// when the invitation is for somebody else.
//
// Whoever set a person up in one place may know their password: an admin who opened the
// invitation or the link for a new password. So that it opens no place more, somebody
// with a password shows it here and chooses another; their other sessions end.
func (s *Store) Accept(ctx context.Context, actor tel.Actor, token string, own Passwords) (*tel.Invitation, error) {
	p, before, err := s.self(ctx, actor)
	if err != nil {
		return nil, err
	}
	if i, err := s.PeekInvitation(ctx, token); err != nil {
		return nil, err
	} else if err := isFor(i, p); err != nil {
		return nil, err
	}
	renew := func(*tx) error { return nil }
	if before != "" {
		if own.Old == own.New {
			return nil, tel.Invalid("password", "Choose another password than the one that you have.")
		}
		if renew, err = s.changedPassword(ctx, actor, p, before, own); err != nil {
			return nil, err
		}
	}
	var out *tel.Invitation
	return out, s.change(ctx, actor, func(t *tx) (err error) {
		if out, err = t.takeInvitation(token); err != nil {
			return err
		}
		return t.accept(out, p, renew)
	})
}

func isFor(i *tel.Invitation, p *tel.Person) error {
	if i.Email != p.Email {
		return tel.Refuse(tel.CodeForbidden, "This invitation is for somebody else. Sign in with the address that was invited.")
	}
	return nil
}

func (t *tx) accept(i *tel.Invitation, p *tel.Person, renew func(*tx) error) error {
	if err := isFor(i, p); err != nil {
		return err
	}
	if err := t.newThere(i.Email, i.Account); err != nil {
		return err
	}
	err := renew(t)
	if err != nil {
		return err
	}
	if i.Account == 0 {
		_, err = t.exec(`UPDATE person SET platform = $1 WHERE id = $2`, string(i.Role), p.ID)
	} else {
		_, err = t.exec(`INSERT INTO membership (person_id, account_id, role) VALUES ($1, $2, $3)`, p.ID, int64(i.Account), string(i.Role))
	}
	if err == nil {
		err = t.endResetLinks(p.ID)
	}
	if err != nil {
		return err
	}
	return t.endInvitation(i, p.ID)
}
