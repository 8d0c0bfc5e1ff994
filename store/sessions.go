package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

// Session is a signed-in browser.
type Session struct {
	ID          string // names it in a list; opens nothing
	Token       string // only in the cookie; "" when read back
	Person      tel.Person
	Actor       tel.Actor // the person in the role and account acted for
	AccountName string
	Places      int // how many accounts the person has a role in, the platform counted
	CreatedAt   time.Time
	Step        tel.SignInStep // when just opened: what is left of signing in
	seenAt      time.Time
}

// Caller is where somebody asks from.
type Caller struct {
	Addr    string
	Browser string // in words, such as "Firefox on Linux"
}

// openSession makes a session in the person's first place, with a new token: an id
// from before signing in never lives on. While a step is left the session counts for
// that step only.
func (s *Store) openSession(ctx context.Context, p *tel.Person, caller Caller, also func(*tx) error) (*Session, error) {
	account := firstAccount(p)
	actor, err := actorFor(p, account)
	if err != nil {
		return nil, err
	}
	actor.Addr = caller.Addr
	var out *Session
	err = s.change(ctx, actor, func(t *tx) error {
		step, err := t.stepOf(p.ID)
		if err != nil {
			return err
		}
		if err := also(t); err != nil {
			return err
		}
		if step == tel.StepSetUp {
			if err := t.newFactor(p.ID); err != nil {
				return err
			}
		}
		out, err = t.insertSession(p, account, caller, step)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Actor = actor
	return out, nil
}

// insertSession writes a session down; signing in is an event once no step is left.
func (t *tx) insertSession(p *tel.Person, account tel.AccountID, caller Caller, step tel.SignInStep) (*Session, error) {
	token, hash := newToken()
	out := &Session{ID: uuid.NewString(), Token: token, Person: *p, CreatedAt: t.now, Step: step}
	if _, err := t.exec(`INSERT INTO session (token, id, person_id, account_id, created_at, seen_at, addr, browser, step) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		hash, out.ID, p.ID, int64(account), micros(t.now), micros(t.now), caller.Addr, caller.Browser, string(step)); err != nil {
		return nil, err
	}
	if step == tel.StepNone {
		t.event(tel.EventSignedIn, account, 0, tel.Facts{Subject: p.ID})
	}
	return out, nil
}

// stepOf is what a person has to do beside the first part of signing in. CodeSignIn
// for somebody who was deactivated a moment ago.
func (t *tx) stepOf(id string) (tel.SignInStep, error) {
	var on, has, asked bool
	err := t.row(`SELECT p.off_at IS NULL, EXISTS (SELECT 1 FROM second_factor f WHERE f.person_id = p.id AND f.confirmed_at IS NOT NULL),
			EXISTS (SELECT 1 FROM membership m JOIN account a ON a.id = m.account_id WHERE m.person_id = p.id AND m.off_at IS NULL AND a.second_factor)
		FROM person p WHERE p.id = $1`, id).Scan(&on, &has, &asked)
	switch {
	case err != nil:
		return "", err
	case !on:
		return "", noPlace()
	case has:
		return tel.StepCode, nil
	case asked:
		return tel.StepSetUp, nil
	}
	return tel.StepNone, nil
}

func noPlace() error { return tel.Refuse(tel.CodeSignIn, "You have no place here any more.") }

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
		return tel.Actor{}, noPlace()
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
	err := s.read.QueryRowContext(ctx, `SELECT s.id, s.account_id, s.created_at, s.seen_at, p.id, p.email, p.name, p.platform, p.password <> '', p.zone, p.theme, p.language, m.role, a.name,
			(SELECT COUNT(*) FROM membership n WHERE n.person_id = p.id AND n.off_at IS NULL) + CASE WHEN p.platform = '' THEN 0 ELSE 1 END
		FROM session s JOIN person p ON p.id = s.person_id
		LEFT JOIN membership m ON m.person_id = s.person_id AND m.account_id = s.account_id AND m.off_at IS NULL
		LEFT JOIN account a ON a.id = s.account_id WHERE s.token = $1 AND s.step = '' AND p.off_at IS NULL`, hash).
		Scan(&out.ID, &account, (*micros)(&out.CreatedAt), (*micros)(&out.seenAt), &p.ID, &p.Email, &p.Name, (*string)(&p.Platform), &p.HasPassword, &p.Zone, &p.Theme, &p.Language, &role, &accountName, &out.Places)
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
	return activePlaces(full.Memberships), err
}

// activePlaces leaves out those where somebody is deactivated.
func activePlaces(list []tel.Membership) []tel.Membership {
	return slices.DeleteFunc(list, func(m tel.Membership) bool { return !m.OffAt.IsZero() })
}

// ActFor changes the account that a session acts for; 0 is the platform. CodeNotFound
// where the person has no place, the same for an account that does not exist.
func (s *Store) ActFor(ctx context.Context, token string, actor tel.Actor, account tel.AccountID) error {
	return s.change(ctx, actor, func(t *tx) error {
		if err := t.mayActFor(account); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE session SET account_id = $1 WHERE token = $2 AND person_id = $3`, int64(account), tokenHash(token), actor.ID)
		return err
	})
}

func (t *tx) mayActFor(account tel.AccountID) error {
	if account == 0 {
		var platform string
		if err := t.row(`SELECT platform FROM person WHERE id = $1`, t.actor.ID).Scan(&platform); err != nil {
			return err
		}
		if platform == "" {
			return tel.NotFound()
		}
		return nil
	}
	var name string
	var asks, has bool
	err := t.row(`SELECT a.name, a.second_factor, EXISTS (SELECT 1 FROM second_factor f WHERE f.person_id = $3 AND f.confirmed_at IS NOT NULL)
		FROM account a WHERE a.id = $1 AND ($2 OR EXISTS (SELECT 1 FROM membership m WHERE m.account_id = a.id AND m.person_id = $3 AND m.off_at IS NULL))`,
		int64(account), t.actor.Role == tel.RoleOperator, t.actor.ID).Scan(&name, &asks, &has)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return tel.NotFound()
	case err == nil && asks && !has && t.actor.Role != tel.RoleOperator:
		return tel.Refuse(tel.CodeForbidden, "%s asks its people for a second factor. Set yours up in your settings first.", name)
	}
	return err
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
