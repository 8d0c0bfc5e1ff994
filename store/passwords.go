package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/alexedwards/argon2id"

	"tnreserve/store/tel"
)

// A password hash takes 60 ms and 19 MiB, so few run at once.

// dummyHash is compared against when there is no such person, so that the answer
// takes as long.
var dummyHash = func() string {
	hash, err := argon2id.CreateHash(rand.Text(), hashParams)
	if err != nil {
		panic(err) // only if the system has no randomness
	}
	return hash
}()

var hashParams = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func (s *Store) hashPassword(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if err := s.startHashing(ctx); err != nil {
		return "", err
	}
	defer s.doneHashing()
	return argon2id.CreateHash(password, hashParams)
}

func (s *Store) startHashing(ctx context.Context) error {
	select {
	case s.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) doneHashing() { <-s.hashing }

// comparePassword tells whether a password is the one of a hash; it takes as long
// where there is no hash.
func (s *Store) comparePassword(ctx context.Context, password, hash string) (bool, error) {
	if err := s.startHashing(ctx); err != nil {
		return false, err
	}
	defer s.doneHashing()
	if hash == "" {
		_, err := argon2id.ComparePasswordAndHash(password, dummyHash)
		return false, err
	}
	return argon2id.ComparePasswordAndHash(password, hash)
}

// Failures are counted per person and address, and per address: a delay, not a
// lock-out, so that the owner can still sign in from elsewhere. A code has six digits
// only, so that failures to give one are counted per person too.
const (
	failureWindow     = 15 * time.Minute
	failuresPerPerson = 5
	failuresPerAddr   = 50
	failuresPerFactor = 20
)

// quota is how many failures may be counted for somebody within failureWindow.
type quota struct {
	who  string
	most int
}

// attempt is something that may fail, counted as failed until it succeeds.
type attempt struct {
	quotas []quota
	at     time.Time
}

// tryPassword, tryFactor count an attempt at a password, or at a code of the second
// factor.
func (s *Store) tryPassword(ctx context.Context, who, addr string) (*attempt, error) {
	return s.noteAttempt(ctx, quota{who + " " + addr, failuresPerPerson}, quota{addr, failuresPerAddr})
}

func (s *Store) tryFactor(ctx context.Context, person, addr string) (*attempt, error) {
	who := "code " + person
	return s.noteAttempt(ctx, quota{who + " " + addr, failuresPerPerson}, quota{addr, failuresPerAddr}, quota{who, failuresPerFactor})
}

// noteAttempt counts an attempt as failed before it is judged, so that many at once
// cannot slip through together. The time noted is the attempt's own, so that a success
// takes no other's away.
func (s *Store) noteAttempt(ctx context.Context, quotas ...quota) (*attempt, error) {
	a := &attempt{quotas: quotas}
	err := s.change(ctx, tel.System("sign-in"), func(t *tx) error {
		a.at = t.now
		var rows []any
		for _, q := range quotas {
			last, err := t.failures(q)
			if err != nil {
				return err
			}
			if !last.Before(a.at) {
				a.at = last.Add(time.Microsecond)
			}
		}
		for _, q := range quotas {
			rows = append(rows, q.who, micros(a.at))
		}
		return t.insertRows(`INSERT INTO sign_in_failure (who, at) VALUES `, 2, rows)
	})
	return a, err
}

// failures judges a quota: CodeSlowDown when it is used up, else when the last failure
// was.
func (t *tx) failures(q quota) (last time.Time, err error) {
	var n int
	var oldest, latest micros
	if err := t.row(`SELECT COUNT(*), MIN(at), MAX(at) FROM sign_in_failure WHERE who = $1 AND at > $2`, q.who, micros(t.now.Add(-failureWindow))).Scan(&n, &oldest, &latest); err != nil {
		return last, err
	}
	if n >= q.most {
		e := tel.Refuse(tel.CodeSlowDown, "Too many attempts. Try again in a few minutes, or from elsewhere.")
		e.At = time.Time(oldest).Add(failureWindow)
		return last, e
	}
	return time.Time(latest), nil
}

// succeeded takes the person's count away again, and this one attempt of the
// address's: many people may sit behind one.
func (t *tx) succeeded(a *attempt) error {
	for _, q := range a.quotas {
		if _, err := t.exec(`DELETE FROM sign_in_failure WHERE who = $1 AND ($2 OR at = $3)`, q.who, q.most != failuresPerAddr, micros(a.at)); err != nil {
			return err
		}
	}
	return nil
}

// SignIn checks an e-mail address and a password and opens a session. CodeSignIn is
// one text whatever was wrong; CodeSlowDown says when to come back.
func (s *Store) SignIn(ctx context.Context, email, password string, caller Caller) (*Session, error) {
	cleaned, err := tel.CleanEmail(email)
	if err != nil {
		cleaned = "?"
	}
	try, err := s.tryPassword(ctx, cleaned, caller.Addr)
	if err != nil {
		return nil, err
	}
	p, hash, err := s.personByEmail(ctx, cleaned)
	if err != nil {
		return nil, err
	}
	ok, err := s.comparePassword(ctx, password, hash)
	if err != nil {
		return nil, err
	}
	if !ok || p == nil {
		return nil, tel.Refuse(tel.CodeSignIn, "That e-mail address and password do not belong together.")
	}
	return s.openSession(ctx, p, caller, func(t *tx) error { return t.succeeded(try) })
}

// personByEmail reads somebody who may sign in; nil when there is nobody.
func (s *Store) personByEmail(ctx context.Context, email string) (*tel.Person, string, error) {
	return s.personWhere(ctx, `p.email = $1 AND p.off_at IS NULL`, email)
}

func (s *Store) personWhere(ctx context.Context, where string, args ...any) (*tel.Person, string, error) {
	var hash string
	row := s.read.QueryRowContext(ctx, `SELECT `+personColumns+`, p.password FROM `+personTables+` WHERE `+where, args...)
	p, err := scanPerson(row, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	if err := s.fillMemberships(ctx, p); err != nil {
		return nil, "", err
	}
	p.Memberships = activePlaces(p.Memberships)
	return p, hash, nil
}

// ChangePassword sets the signed-in person's password, for whoever knows the old one.
// All their sessions but the one that asks end, and links for a new one.
func (s *Store) ChangePassword(ctx context.Context, actor tel.Actor, token, old, password string) error {
	p, before, err := s.self(ctx, actor)
	if err != nil {
		return err
	}
	write, err := s.changedPassword(ctx, actor, p, before, Passwords{Session: token, Old: old, New: password})
	if err != nil {
		return err
	}
	return s.change(ctx, actor, write)
}

// Passwords are a signed-in person's own: the one they have and the one they choose.
type Passwords struct {
	Session  string // the token of the session that asks, which goes on
	Old, New string
}

// changedPassword judges a new password and answers what writes it down. before is the
// hash of the one that the person has.
func (s *Store) changedPassword(ctx context.Context, actor tel.Actor, p *tel.Person, before string, n Passwords) (write func(*tx) error, err error) {
	if err := tel.CheckPassword(n.New); err != nil {
		return nil, err
	}
	try, err := s.tryPassword(ctx, "password of "+p.ID, actor.Addr)
	if err != nil {
		return nil, err
	}
	ok, err := s.comparePassword(ctx, n.Old, before)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, tel.Invalid("old", "That is not your password.")
	}
	hash, err := s.hashPassword(ctx, n.New)
	if err != nil {
		return nil, err
	}
	return func(t *tx) error {
		// Another change of it may have come between.
		rows, err := t.exec(`UPDATE person SET password = $1 WHERE id = $2 AND password = $3`, hash, p.ID, before)
		if err := oneRow(rows, err); err != nil {
			return err
		}
		if err := t.succeeded(try); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM session WHERE person_id = $1 AND token <> $2`, p.ID, tokenHash(n.Session)); err != nil {
			return err
		}
		if err := t.endResetLinks(p.ID); err != nil {
			return err
		}
		t.event(tel.EventPasswordChanged, 0, 0, tel.Facts{Subject: p.ID})
		return nil
	}, nil
}

// NewResetLink makes the one link that sets a person's password; older ones die. An
// account's admin gets one only for somebody who has no other place than the account:
// the link would open those too.
func (s *Store) NewResetLink(ctx context.Context, actor tel.Actor, account tel.AccountID, id string) (token string, err error) {
	token, hash := newToken()
	return token, s.change(ctx, actor, func(t *tx) error {
		p, err := t.personIn(account, id)
		if err != nil {
			return err
		}
		if err := t.mayReset(account, p); err != nil {
			return err
		}
		if err := t.endResetLinks(p.ID); err != nil {
			return err
		}
		t.event(tel.EventResetLink, account, 0, tel.Facts{Subject: p.ID, ExpiresAt: t.now.Add(tel.ResetLife).UnixMicro()})
		return t.insertLink(hash, LinkReset, p.ID, false, t.now.Add(tel.ResetLife))
	})
}

// mayReset has one text for many reasons, so that it does not tell of places elsewhere.
func (t *tx) mayReset(account tel.AccountID, p *tel.Person) error {
	if !p.OffAt.IsZero() {
		return tel.Refuse(tel.CodeConflict, "%s is deactivated.", p.Email)
	}
	if account == 0 {
		return nil
	}
	var places int
	if err := t.row(`SELECT COUNT(*) FROM membership WHERE person_id = $1`, p.ID).Scan(&places); err != nil {
		return err
	}
	if places > 1 || p.Platform != "" || p.SSO || p.Memberships[0].Role == tel.RoleAdmin && p.ID != t.actor.ID {
		return tel.Refuse(tel.CodeConflict, "For %s only an operator can do this.", p.Email)
	}
	return nil
}

// ResetPassword sets a person's password through a reset link and ends all their
// sessions. It signs nobody in: a second factor is still asked for.
func (s *Store) ResetPassword(ctx context.Context, token, password string) error {
	p, err := s.PeekLink(ctx, LinkReset, token)
	if err != nil {
		return err
	}
	if err := tel.CheckPassword(password); err != nil {
		return err
	}
	hash, err := s.hashPassword(ctx, password)
	if err != nil {
		return err
	}
	return s.change(ctx, tel.System("reset link"), func(t *tx) error {
		if err := t.useLink(LinkReset, token); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE person SET password = $1 WHERE id = $2`, hash, p.ID); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM session WHERE person_id = $1`, p.ID); err != nil {
			return err
		}
		t.event(tel.EventPasswordChanged, 0, 0, tel.Facts{Subject: p.ID})
		return nil
	})
}
