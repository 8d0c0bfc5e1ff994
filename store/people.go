package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"github.com/alexedwards/argon2id"
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

// CreatePerson makes a person with a first role. A person who exists already gets the
// role in one more account; their password stays. CodeConflict when they have a role
// there.
func (s *Store) CreatePerson(ctx context.Context, actor tel.Actor, n NewPerson) (*tel.Person, error) {
	if err := cleanPerson(&n); err != nil {
		return nil, err
	}
	if err := actor.Require(tel.ActManagePeople, n.Account); err != nil {
		return nil, err // before the hash, which is dear
	}
	hash, err := s.hashPassword(ctx, n.Password)
	if err != nil {
		return nil, err
	}
	var out *tel.Person
	err = s.change(ctx, actor, func(t *tx) (err error) {
		out, err = t.createPerson(n, hash)
		return err
	})
	return out, err
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
	if n.Role, err = tel.ParseRole(string(n.Role)); err != nil {
		return err
	}
	switch {
	case n.Role == tel.RoleOperator && n.Account != 0:
		return tel.Invalid("account", "An operator belongs to no account.")
	case (n.Role == tel.RoleAdmin || n.Role == tel.RoleMember) && n.Account == 0:
		return tel.Invalid("account", "This role, %s, needs an account.", n.Role)
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
			return nil, tel.Refuse(tel.CodeConflict, "%s has a role in account %d already.", n.Email, n.Account)
		}
		p.Memberships = []tel.Membership{{Account: n.Account, Role: n.Role}}
	}
	p.Platform = cmp.Or(platform, tel.Role(had))
	t.event(tel.EventPersonCreated, n.Account, 0, tel.Facts{Subject: p.ID, After: map[string]any{"email": n.Email, "role": n.Role}})
	return p, nil
}

// SetRole changes a person's role in an account; "" takes it away. It counts from
// the person's next request on.
func (s *Store) SetRole(ctx context.Context, actor tel.Actor, email string, account tel.AccountID, role tel.Role) error {
	if role != "" && role != tel.RoleAdmin && role != tel.RoleSupport && role != tel.RoleMember {
		return tel.Invalid("role", "In an account a person is admin, support or member.")
	}
	if cleaned, err := tel.CleanEmail(email); err == nil {
		email = cleaned
	}
	return s.change(ctx, actor, func(t *tx) error {
		if err := t.actor.Require(tel.ActManagePeople, account); err != nil {
			return err
		}
		var id, before string
		err := t.row(`SELECT m.person_id, m.role FROM membership m JOIN person p ON p.id = m.person_id WHERE p.email = $1 AND m.account_id = $2`, email, int64(account)).Scan(&id, &before)
		if errors.Is(err, sql.ErrNoRows) {
			return tel.NotFound()
		}
		if err != nil {
			return err
		}
		if role == "" {
			_, err = t.exec(`DELETE FROM membership WHERE person_id = $1 AND account_id = $2`, id, int64(account))
		} else {
			_, err = t.exec(`UPDATE membership SET role = $1 WHERE person_id = $2 AND account_id = $3`, string(role), id, int64(account))
		}
		if err != nil {
			return err
		}
		t.event(tel.EventRoleChanged, account, 0, tel.Facts{Subject: id, Before: before, After: role})
		return nil
	})
}

// People lists who has a role in an account, by e-mail.
func (s *Store) People(ctx context.Context, actor tel.Actor, account tel.AccountID) ([]*tel.Person, error) {
	if err := actor.Require(tel.ActManagePeople, account); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT p.id, p.email, p.name, p.created_at, m.role FROM membership m JOIN person p ON p.id = m.person_id
		WHERE m.account_id = $1 ORDER BY p.email`, int64(account))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (*tel.Person, error) {
		var p tel.Person
		m := tel.Membership{Account: account}
		err := row.Scan(&p.ID, &p.Email, &p.Name, (*micros)(&p.CreatedAt), (*string)(&m.Role))
		p.Memberships = []tel.Membership{m}
		return &p, err
	})
}

// Passwords. A hash takes 60 ms and 19 MiB, so few run at once.

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

// Failures of signing in are counted per person and address, and per address: a
// delay, not a lock-out, so that the owner can still sign in from elsewhere.
const (
	failureWindow     = 15 * time.Minute
	failuresPerPerson = 5
	failuresPerAddr   = 50
)

// SignIn checks an e-mail address and a password and opens a session. CodeSignIn is
// one text whatever was wrong; CodeSlowDown says when to come back.
func (s *Store) SignIn(ctx context.Context, email, password, addr string) (*Session, error) {
	cleaned, err := tel.CleanEmail(email)
	if err != nil {
		cleaned = "?"
	}
	who := []string{cleaned + " " + addr, addr}
	noted, err := s.noteAttempt(ctx, who)
	if err != nil {
		return nil, err
	}
	p, hash, err := s.personByEmail(ctx, cleaned)
	if err != nil {
		return nil, err
	}
	if p == nil || hash == "" {
		hash = dummyHash
	}
	if err := s.startHashing(ctx); err != nil {
		return nil, err
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	s.doneHashing()
	if err != nil {
		return nil, err
	}
	if !ok || p == nil || hash == dummyHash {
		return nil, tel.Refuse(tel.CodeSignIn, "That e-mail address and password do not belong together.")
	}
	return s.openSession(ctx, p, addr, func(t *tx) error {
		_, err := t.exec(`DELETE FROM sign_in_failure WHERE who = $1 OR who = $2 AND at = $3`, who[0], who[1], micros(noted))
		return err
	})
}

// noteAttempt counts an attempt as failed before it is judged, so that many at once
// cannot slip through together; a success takes the person's count away again, and
// this one attempt of the address's: many people may sit behind one. The time noted
// is the attempt's own, so that a success takes no other's away.
func (s *Store) noteAttempt(ctx context.Context, who []string) (noted time.Time, err error) {
	err = s.change(ctx, tel.System("sign-in"), func(t *tx) error {
		noted = t.now
		since := micros(t.now.Add(-failureWindow))
		for i, most := range []int{failuresPerPerson, failuresPerAddr} {
			var n int
			var oldest, latest micros
			if err := t.row(`SELECT COUNT(*), MIN(at), MAX(at) FROM sign_in_failure WHERE who = $1 AND at > $2`, who[i], since).Scan(&n, &oldest, &latest); err != nil {
				return err
			}
			if n >= most {
				e := tel.Refuse(tel.CodeSlowDown, "Too many attempts. Try again in a few minutes, or from elsewhere.")
				e.At = time.Time(oldest).Add(failureWindow)
				return e
			}
			if last := time.Time(latest); !last.Before(noted) {
				noted = last.Add(time.Microsecond)
			}
		}
		return t.insertRows(`INSERT INTO sign_in_failure (who, at) VALUES `, 2, []any{who[0], micros(noted), who[1], micros(noted)})
	})
	return noted, err
}

func (s *Store) personByEmail(ctx context.Context, email string) (*tel.Person, string, error) {
	var p tel.Person
	var hash string
	err := s.read.QueryRowContext(ctx, `SELECT id, email, name, platform, password FROM person WHERE email = $1`, email).
		Scan(&p.ID, &p.Email, &p.Name, (*string)(&p.Platform), &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	return &p, hash, s.fillMemberships(ctx, &p)
}

func (s *Store) fillMemberships(ctx context.Context, p *tel.Person) error {
	rows, err := s.read.QueryContext(ctx, `SELECT m.account_id, a.name, m.role FROM membership m JOIN account a ON a.id = m.account_id WHERE m.person_id = $1 ORDER BY a.name`, p.ID)
	if err != nil {
		return err
	}
	p.Memberships, err = collect(rows, func(row scanner) (m tel.Membership, err error) {
		return m, row.Scan(&m.Account, &m.AccountName, (*string)(&m.Role))
	})
	return err
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
