package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"sync"
	"time"

	"tnreserve/store/tel"
)

// Session is a signed-in browser.
type Session struct {
	Token       string // only in the cookie; "" when read back
	Person      tel.Person
	Actor       tel.Actor // the person in the role and account acted for
	AccountName string
	Places      int // how many accounts the person has a role in, the platform counted
	CreatedAt   time.Time
	seenAt      time.Time
}

// openSession makes a session in the person's first place, with a new token: an id
// from before signing in never lives on.
func (s *Store) openSession(ctx context.Context, p *tel.Person, addr string, also func(*tx) error) (*Session, error) {
	token, hash := newToken()
	account := firstAccount(p)
	out := &Session{Token: token, Person: *p}
	actor, err := actorFor(p, account)
	if err != nil {
		return nil, err
	}
	actor.Addr = addr
	err = s.change(ctx, actor, func(t *tx) error {
		if err := also(t); err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO session (token, person_id, account_id, created_at, seen_at) VALUES ($1, $2, $3, $4, $5)`,
			hash, p.ID, int64(account), micros(t.now), micros(t.now)); err != nil {
			return err
		}
		t.event(tel.EventSignedIn, account, 0, tel.Facts{Subject: p.ID})
		out.CreatedAt = t.now
		return nil
	})
	out.Actor = actor
	return out, err
}

func firstAccount(p *tel.Person) tel.AccountID {
	if p.Platform != "" || len(p.Memberships) == 0 {
		return 0
	}
	return p.Memberships[0].Account
}

// actorFor is a person in the role that they have in an account. CodeSignIn when
// they have none: a role that was taken away ends the session.
func actorFor(p *tel.Person, account tel.AccountID) (tel.Actor, error) {
	role, ok := p.RoleFor(account)
	if !ok {
		return tel.Actor{}, tel.Refuse(tel.CodeSignIn, "You have no place here any more.")
	}
	return tel.Actor{Kind: tel.KindPerson, ID: p.ID, Name: p.Email, Role: role, Account: account, Door: "dashboard"}, nil
}

// sessionTouch is how often a session's last use is written down, at most.
const sessionTouch = time.Minute

// Session reads who a cookie's token stands for, with the roles of this moment.
// CodeSignIn when it is unknown, was ended, or is too old.
func (s *Store) Session(ctx context.Context, token, addr string) (*Session, error) {
	hash := [sha256.Size]byte(tokenHash(token))
	now := s.Now()
	found, fresh := s.signedIn.find(hash, now)
	if found == nil {
		var err error
		if found, err = s.readSession(ctx, hash[:]); err != nil {
			return nil, err
		}
		fresh.keep(hash, found, now)
	}
	out := *found
	out.Actor.Addr = addr
	if now.Sub(out.seenAt) > s.idle(out.Actor.Role) || now.Sub(out.CreatedAt) > s.cfg.AbsoluteSession {
		return nil, tel.Refuse(tel.CodeSignIn, "You were signed out because this session was not used for a while.")
	}
	return &out, nil
}

// readSession asks the database, in one statement.
func (s *Store) readSession(ctx context.Context, hash []byte) (*Session, error) {
	var out Session
	var account tel.AccountID
	var role, accountName sql.NullString
	p := &out.Person
	err := s.read.QueryRowContext(ctx, `SELECT s.account_id, s.created_at, s.seen_at, p.id, p.email, p.name, p.platform, m.role, a.name,
			(SELECT COUNT(*) FROM membership n WHERE n.person_id = p.id) + CASE WHEN p.platform = '' THEN 0 ELSE 1 END
		FROM session s JOIN person p ON p.id = s.person_id
		LEFT JOIN membership m ON m.person_id = s.person_id AND m.account_id = s.account_id
		LEFT JOIN account a ON a.id = s.account_id WHERE s.token = $1`, hash).
		Scan(&account, (*micros)(&out.CreatedAt), (*micros)(&out.seenAt), &p.ID, &p.Email, &p.Name, (*string)(&p.Platform), &role, &accountName, &out.Places)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.Refuse(tel.CodeSignIn, "Please sign in.")
	}
	if err != nil {
		return nil, err
	}
	if role.Valid {
		p.Memberships = []tel.Membership{{Account: account, AccountName: accountName.String, Role: tel.Role(role.String)}}
	}
	out.AccountName = accountName.String
	out.Actor, err = actorFor(p, account)
	return &out, err
}

// signedIn keeps sessions that were just read: a page is many requests. A change of
// this process to sessions, people or roles empties it before the change is answered
// (see statement.people); what another process changed counts within sessionLife.
type signedIn struct {
	mu         sync.Mutex
	generation int
	sessions   map[[sha256.Size]byte]keptSession
}

type keptSession struct {
	*Session
	read time.Time
}

const (
	sessionLife  = time.Second
	mostSessions = 10_000
)

// freshness is when a session was looked for: one that was read before a change must
// not be kept after it.
type freshness struct {
	*signedIn
	generation int
}

func (k *signedIn) find(hash [sha256.Size]byte, now time.Time) (*Session, freshness) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept, ok := k.sessions[hash]
	if age := now.Sub(kept.read); !ok || age > sessionLife || age < 0 {
		kept.Session = nil
	}
	return kept.Session, freshness{k, k.generation}
}

func (f freshness) keep(hash [sha256.Size]byte, s *Session, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.generation != f.signedIn.generation {
		return
	}
	if f.sessions == nil || len(f.sessions) >= mostSessions {
		f.sessions = map[[sha256.Size]byte]keptSession{}
	}
	f.sessions[hash] = keptSession{s, now}
}

func (k *signedIn) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	k.sessions = nil
}

func (s *Store) idle(r tel.Role) time.Duration {
	if r == tel.RoleOperator || r == tel.RoleAdmin {
		return s.cfg.IdleStaff
	}
	return s.cfg.IdleOthers
}

// TouchSession notes that somebody used a session, at most once a minute. Pages that
// refresh themselves do not count. That it fails (a full disk) keeps nobody from
// reading.
func (s *Store) TouchSession(ctx context.Context, session *Session, token string) {
	if s.Now().Sub(session.seenAt) < sessionTouch {
		return
	}
	err := s.change(ctx, tel.System("session"), func(t *tx) error {
		_, err := t.exec(`UPDATE session SET seen_at = $1 WHERE token = $2`, micros(t.now), tokenHash(token))
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.Warn("session not touched", "error", err)
	}
}

// Memberships are the places of a signed-in person, for choosing one to act for.
func (s *Store) Memberships(ctx context.Context, p *tel.Person) ([]tel.Membership, error) {
	full := *p
	err := s.fillMemberships(ctx, &full)
	return full.Memberships, err
}

// ActFor changes the account that a session acts for; 0 is the platform. CodeNotFound
// where the person has no place, the same for an account that does not exist.
func (s *Store) ActFor(ctx context.Context, token string, actor tel.Actor, account tel.AccountID) error {
	return s.change(ctx, actor, func(t *tx) error {
		if account != 0 {
			var n int
			err := t.row(`SELECT COUNT(*) FROM account a WHERE a.id = $1 AND ($2 OR EXISTS (SELECT 1 FROM membership m WHERE m.account_id = a.id AND m.person_id = $3))`,
				int64(account), actor.Role == tel.RoleOperator, actor.ID).Scan(&n)
			if err != nil {
				return err
			}
			if n == 0 {
				return tel.NotFound()
			}
		} else {
			var platform string
			if err := t.row(`SELECT platform FROM person WHERE id = $1`, actor.ID).Scan(&platform); err != nil {
				return err
			}
			if platform == "" {
				return tel.NotFound()
			}
		}
		_, err := t.exec(`UPDATE session SET account_id = $1 WHERE token = $2 AND person_id = $3`, int64(account), tokenHash(token), actor.ID)
		return err
	})
}

// SignOut ends a session.
func (s *Store) SignOut(ctx context.Context, token string, actor tel.Actor) error {
	return s.change(ctx, actor, func(t *tx) error {
		n, err := t.exec(`DELETE FROM session WHERE token = $1`, tokenHash(token))
		if err == nil && n > 0 {
			t.event(tel.EventSignedOut, actor.Account, 0, tel.Facts{Subject: actor.ID})
		}
		return err
	})
}

// Links open a door for whoever holds their token.

// LinkKind is what a link opens.
type LinkKind string

// The kinds of link.
const (
	LinkSetup LinkKind = "setup" // makes the first operator
	LinkEnter LinkKind = "enter" // signs a person in
)

// SetupLife is how long the first operator's set-up link lives.
const SetupLife = 30 * time.Minute

// NewSetupLink makes the one link that creates the first operator; older ones die.
// It answers "" when there is a person already.
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
		if _, err := t.exec(`DELETE FROM link WHERE kind = $1`, string(LinkSetup)); err != nil {
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
func (s *Store) Enter(ctx context.Context, token, addr string) (*Session, error) {
	p, err := s.PeekLink(ctx, LinkEnter, token)
	if err != nil {
		return nil, err
	}
	return s.openSession(ctx, p, addr, func(t *tx) error { return t.useLink(LinkEnter, token) })
}

// SetUp makes the first operator through a set-up link and signs them in.
func (s *Store) SetUp(ctx context.Context, token string, n NewPerson, addr string) (*Session, error) {
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
		p, err = t.createPerson(n, hash)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.openSession(ctx, p, addr, func(*tx) error { return nil })
}
