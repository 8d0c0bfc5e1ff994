package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"tnreserve/store/tel"
)

// Links open a door for whoever holds their token.

// LinkKind is what a link opens.
type LinkKind string

// The kinds of link.
const (
	LinkSetup LinkKind = "setup" // makes the first operator
	LinkEnter LinkKind = "enter" // signs a person in
	LinkReset LinkKind = "reset" // sets a new password
)

// SetupLife is how long the first operator's set-up link lives.
const SetupLife = 30 * time.Minute

// NewSetupLink makes a link that creates the first operator. Others that live stay:
// another node printed them. It answers "" when there is a person already.
func (s *Store) NewSetupLink(ctx context.Context) (token string, err error) {
	token, hash := newToken()
	made := false
	err = s.change(ctx, tel.System("setup"), func(t *tx) error {
		made = false
		var people int
		if err := t.row(`SELECT COUNT(*) FROM person`).Scan(&people); err != nil || people > 0 {
			return err
		}
		made = true
		if _, err := t.exec(`DELETE FROM link WHERE kind = $1 AND expires_at <= $2`, string(LinkSetup), micros(t.now)); err != nil {
			return err
		}
		return t.insertLink(hash, LinkSetup, nil, false, t.now.Add(SetupLife))
	})
	if !made {
		token = ""
	}
	return token, err
}

func (t *tx) insertLink(hash []byte, kind LinkKind, person any, reusable bool, expires time.Time) error {
	_, err := t.exec(`INSERT INTO link (token, kind, person_id, reusable, expires_at) VALUES ($1, $2, $3, $4, $5)`, hash, string(kind), person, reusable, micros(expires))
	return err
}

// NewEnterLink makes a link that signs a person in without a password, as often as
// wanted while it lives when reusable. For the demo and the command line only.
func (s *Store) NewEnterLink(ctx context.Context, actor tel.Actor, email string, life time.Duration, reusable bool) (token string, err error) {
	if actor.Kind != tel.KindSystem {
		return "", tel.Forbidden(tel.ActManagePeople)
	}
	p, _, err := s.personByEmail(ctx, email)
	if err != nil {
		return "", err
	}
	if p == nil {
		return "", tel.NotFound()
	}
	token, hash := newToken()
	return token, s.change(ctx, actor, func(t *tx) error {
		return t.insertLink(hash, LinkEnter, p.ID, reusable, t.now.Add(life))
	})
}

// EndReusableLinks takes back the links that sign in as often as wanted: they are a
// demo's, and end with the process that printed them.
func (s *Store) EndReusableLinks(ctx context.Context, actor tel.Actor) error {
	return s.change(ctx, actor, func(t *tx) error {
		var n int
		if err := t.row(`SELECT COUNT(*) FROM link WHERE reusable`).Scan(&n); err != nil || n == 0 {
			return err
		}
		_, err := t.exec(`DELETE FROM link WHERE reusable`)
		return err
	})
}

// Empty tells whether nobody has used the database yet: no person, account or block.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	var used int
	err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM (SELECT id FROM account LIMIT 1) AS a UNION ALL SELECT 1 FROM (SELECT email FROM person LIMIT 1) AS p UNION ALL SELECT 1 FROM (SELECT id FROM block LIMIT 1) AS b) AS used`).Scan(&used)
	return used == 0, err
}

// endResetLinks takes back a person's links for a new password when they change it, or
// get a place more: what an admin gave out before must not open it.
func (t *tx) endResetLinks(person string) error {
	_, err := t.exec(`DELETE FROM link WHERE kind = $1 AND person_id = $2`, string(LinkReset), person)
	return err
}

func gone() error {
	return tel.Refuse(tel.CodeSignIn, "This link was used, or its time is over.")
}

// PeekLink tells whether a link still opens, and for whom (nil for a set-up link).
// It changes nothing: a mail program that looks at a link does not use it up.
func (s *Store) PeekLink(ctx context.Context, kind LinkKind, token string) (*tel.Person, error) {
	var email sql.NullString
	err := s.read.QueryRowContext(ctx, `SELECT p.email FROM link l LEFT JOIN person p ON p.id = l.person_id WHERE l.token = $1 AND l.kind = $2 AND l.expires_at > $3
		AND (l.kind <> 'setup' OR NOT EXISTS (SELECT 1 FROM person))`,
		tokenHash(token), string(kind), micros(s.Now())).Scan(&email)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, gone()
	}
	if err != nil || !email.Valid {
		return nil, err
	}
	p, _, err := s.personByEmail(ctx, email.String)
	if err == nil && p == nil {
		err = gone() // they were deactivated
	}
	return p, err
}

// useLink takes a link, once unless it is reusable.
func (t *tx) useLink(kind LinkKind, token string) error {
	var reusable bool
	err := t.row(`SELECT reusable FROM link WHERE token = $1 AND kind = $2 AND expires_at > $3`, tokenHash(token), string(kind), micros(t.now)).Scan(&reusable)
	if errors.Is(err, sql.ErrNoRows) {
		return gone()
	}
	if err != nil || reusable {
		return err
	}
	_, err = t.exec(`DELETE FROM link WHERE token = $1`, tokenHash(token))
	return err
}

// Enter signs in the person of a link.
func (s *Store) Enter(ctx context.Context, token string, caller Caller) (*Session, error) {
	p, err := s.PeekLink(ctx, LinkEnter, token)
	if err != nil {
		return nil, err
	}
	return s.openSession(ctx, p, caller, func(t *tx) error { return t.useLink(LinkEnter, token) })
}

// SetUp makes the first operator through a set-up link and signs them in.
func (s *Store) SetUp(ctx context.Context, token string, n NewPerson, caller Caller) (*Session, error) {
	n.Role, n.Account = tel.RoleOperator, 0
	if _, err := s.PeekLink(ctx, LinkSetup, token); err != nil {
		return nil, err
	}
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
	err = s.change(ctx, tel.System("setup"), func(t *tx) error {
		if err := t.useLink(LinkSetup, token); err != nil {
			return err
		}
		var people int
		if err := t.row(`SELECT COUNT(*) FROM person`).Scan(&people); err != nil {
			return err
		}
		if people > 0 {
			return gone()
		}
		if _, err := t.exec(`DELETE FROM link WHERE kind = $1`, string(LinkSetup)); err != nil {
			return err
		}
		p, err = t.createPerson(n, hash)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.openSession(ctx, p, caller, func(*tx) error { return nil })
}

// newToken is 256 random bits for a cookie or a link; the database keeps its hash.
func newToken() (token string, hash []byte) {
	raw := make([]byte, 32)
	rand.Read(raw)
	token = base64.RawURLEncoding.EncodeToString(raw)
	return token, tokenHash(token)
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
