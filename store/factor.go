package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"tnreserve/store/tel"
)

// The second factor is a code of six digits from an app that shares a secret with us
// (TOTP, RFC 6238), a new one every 30 seconds. The one before and the one after are
// taken too, for clocks that differ; none is taken twice.
const (
	factorStep   = 30 * time.Second
	factorSlack  = 1
	factorBytes  = 20
	factorDigits = otp.DigitsSix
)

// halfLife is how long somebody may take between the first part of signing in and
// the second.
const halfLife = 15 * time.Minute

// RecoveryCodes is how many codes for the loss of the app somebody is given, each
// good once.
const RecoveryCodes = 10

var errCode = tel.Refuse(tel.CodeSignIn, "That code is wrong, or was used before. Wait for the next one.")

// Factor is a second factor that is being set up.
type Factor struct {
	Secret string // base32, to be typed where no picture can be read
	Email  string
	Step   tel.SignInStep // while signing in
}

func (t *tx) newFactor(person string) error {
	raw := make([]byte, factorBytes)
	rand.Read(raw)
	// One that waits already stays: its picture may be in the app.
	_, err := t.exec(`INSERT INTO second_factor (person_id, secret, last_step) VALUES ($1, $2, 0) ON CONFLICT (person_id) DO NOTHING`,
		person, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
	return err
}

// StartFactor begins to set up the signed-in person's second factor. CodeConflict
// when they have one.
func (s *Store) StartFactor(ctx context.Context, actor tel.Actor) error {
	if actor.Kind != tel.KindPerson {
		return tel.NotFound()
	}
	return s.change(ctx, actor, func(t *tx) error {
		f, err := t.factor(t.actor.ID)
		if err != nil {
			return err
		}
		if f.confirmed {
			return hasFactor()
		}
		return t.newFactor(t.actor.ID)
	})
}

func hasFactor() error {
	return tel.Refuse(tel.CodeConflict, "Your second factor is on already.")
}

// WaitingFactor is the signed-in person's second factor that is being set up, nil
// when there is none.
func (s *Store) WaitingFactor(ctx context.Context, actor tel.Actor) (*Factor, error) {
	return s.waitingFactor(ctx, actor.ID)
}

func (s *Store) waitingFactor(ctx context.Context, person string) (*Factor, error) {
	var f Factor
	err := s.read.QueryRowContext(ctx, `SELECT f.secret, p.email FROM second_factor f JOIN person p ON p.id = f.person_id WHERE f.person_id = $1 AND f.confirmed_at IS NULL`, person).Scan(&f.Secret, &f.Email)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &f, err
}

// factorRow is a second factor inside a change; a zero one is none.
type factorRow struct {
	secret    string
	confirmed bool
	last      int64
}

func (t *tx) factor(person string) (f factorRow, err error) {
	err = t.row(`SELECT secret, confirmed_at IS NOT NULL, last_step FROM second_factor WHERE person_id = $1`, person).Scan(&f.secret, &f.confirmed, &f.last)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return f, err
}

// match finds the step that a code is of, if it is later than the last one taken.
func (f factorRow) match(code string, now time.Time) (step int64, ok bool) {
	if f.secret == "" {
		return 0, false
	}
	at := now.Unix() / int64(factorStep/time.Second)
	for step := at - factorSlack; step <= at+factorSlack; step++ {
		want, err := hotp.GenerateCodeCustom(f.secret, uint64(step), hotp.ValidateOpts{Digits: factorDigits, Algorithm: otp.AlgorithmSHA1})
		if err == nil && step > f.last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// cleanCode is a code as people type it: in groups, in lower case.
func cleanCode(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

// takeCode takes a code of the app, or a recovery code, for good.
func (t *tx) takeCode(person, code string) error {
	f, err := t.factor(person)
	if err != nil {
		return err
	}
	code = cleanCode(code)
	if step, ok := f.match(code, t.now); ok && f.confirmed {
		_, err := t.exec(`UPDATE second_factor SET last_step = $1 WHERE person_id = $2`, step, person)
		return err
	}
	var n int
	if err := t.row(`SELECT COUNT(*) FROM recovery_code WHERE person_id = $1 AND code = $2 AND used_at IS NULL`, person, tokenHash(code)).Scan(&n); err != nil {
		return err
	}
	if n == 0 || !f.confirmed {
		return errCode
	}
	t.event(tel.EventRecoveryUsed, 0, 0, tel.Facts{Subject: person})
	_, err = t.exec(`UPDATE recovery_code SET used_at = $1 WHERE person_id = $2 AND code = $3`, micros(t.now), person, tokenHash(code))
	return err
}

// confirm turns a second factor on that was set up, for whoever can give a code of it.
func (t *tx) confirm(person, code string, recovery []string) error {
	f, err := t.factor(person)
	if err != nil {
		return err
	}
	if f.confirmed {
		return hasFactor()
	}
	step, ok := f.match(cleanCode(code), t.now)
	if !ok {
		return tel.Invalid("code", "That is not the code that the app shows now. Is this device’s clock right?")
	}
	if _, err := t.exec(`UPDATE second_factor SET confirmed_at = $1, last_step = $2 WHERE person_id = $3`, micros(t.now), step, person); err != nil {
		return err
	}
	t.event(tel.EventFactorOn, 0, 0, tel.Facts{Subject: person})
	return t.setRecovery(person, recovery)
}

func newRecovery() (codes []string) {
	for range RecoveryCodes {
		text := rand.Text()[:16] // 80 bits in base32
		codes = append(codes, text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:])
	}
	return codes
}

// setRecovery replaces a person's recovery codes.
func (t *tx) setRecovery(person string, codes []string) error {
	if _, err := t.exec(`DELETE FROM recovery_code WHERE person_id = $1`, person); err != nil {
		return err
	}
	var rows []any
	for _, c := range codes {
		rows = append(rows, person, tokenHash(cleanCode(c)))
	}
	return t.insertRows(`INSERT INTO recovery_code (person_id, code) VALUES `, 2, rows)
}

// ConfirmFactor turns on the signed-in person's second factor, and answers the
// recovery codes, this once.
func (s *Store) ConfirmFactor(ctx context.Context, actor tel.Actor, code string) ([]string, error) {
	codes := newRecovery()
	return codes, s.change(ctx, actor, func(t *tx) error { return t.confirm(t.actor.ID, code, codes) })
}

// RecoveryLeft is how many recovery codes the signed-in person has.
func (s *Store) RecoveryLeft(ctx context.Context, actor tel.Actor) (n int, err error) {
	return n, s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM recovery_code WHERE person_id = $1 AND used_at IS NULL`, actor.ID).Scan(&n)
}

// NewRecoveryCodes replaces the signed-in person's recovery codes, for a code.
func (s *Store) NewRecoveryCodes(ctx context.Context, actor tel.Actor, code string) ([]string, error) {
	codes := newRecovery()
	return codes, s.withCode(ctx, actor, code, func(*tx) error { return nil }, func(t *tx) error {
		t.event(tel.EventRecoveryCodes, 0, 0, tel.Facts{Subject: t.actor.ID})
		return t.setRecovery(t.actor.ID, codes)
	})
}

// DropFactor turns off the signed-in person's second factor, for a code. CodeConflict
// while an account of theirs asks for one.
func (s *Store) DropFactor(ctx context.Context, actor tel.Actor, code string) error {
	return s.withCode(ctx, actor, code, (*tx).mayDropFactor, func(t *tx) error { return t.deleteFactor(t.actor.ID) })
}

// withCode judges something, and does it for whoever can give a code. Wrong ones are
// counted.
func (s *Store) withCode(ctx context.Context, actor tel.Actor, code string, judge, fn func(*tx) error) error {
	try, err := s.tryFactor(ctx, actor.ID, actor.Addr)
	if err != nil {
		return err
	}
	err = s.change(ctx, actor, func(t *tx) error {
		if err := judge(t); err != nil {
			return err
		}
		if err := t.takeCode(t.actor.ID, code); err != nil {
			return err
		}
		if err := t.succeeded(try); err != nil {
			return err
		}
		return fn(t)
	})
	if err == errCode {
		return tel.Invalid("code", "%s", errCode)
	}
	return err
}

func (t *tx) mayDropFactor() error {
	var account string
	err := t.row(`SELECT a.name FROM membership m JOIN account a ON a.id = m.account_id WHERE m.person_id = $1 AND m.off_at IS NULL AND a.second_factor ORDER BY a.name LIMIT 1`, t.actor.ID).Scan(&account)
	if err == nil {
		return tel.Refuse(tel.CodeConflict, "%s asks its people for a second factor, so that it stays on.", account)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return err
}

func (t *tx) deleteFactor(person string) error {
	for _, forget := range []string{`DELETE FROM recovery_code WHERE person_id = $1`, `DELETE FROM second_factor WHERE person_id = $1`} {
		if _, err := t.exec(forget, person); err != nil {
			return err
		}
	}
	t.event(tel.EventFactorOff, 0, 0, tel.Facts{Subject: person})
	return nil
}

// ResetFactor takes the second factor away from somebody who lost it, and ends their
// sessions. Only operators do this.
func (s *Store) ResetFactor(ctx context.Context, actor tel.Actor, id string) error {
	return s.change(ctx, actor, func(t *tx) error {
		p, err := t.personIn(0, id)
		if err != nil {
			return err
		}
		if p.FactorAt.IsZero() {
			return tel.Refuse(tel.CodeConflict, "%s has no second factor.", p.Email)
		}
		if err := t.deleteFactor(p.ID); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM session WHERE person_id = $1`, p.ID)
		return err
	})
}

// FactorRequired tells whether an account asks its people for a second factor.
func (s *Store) FactorRequired(ctx context.Context, actor tel.Actor, account tel.AccountID) (on bool, err error) {
	if err := actor.Require(tel.ActRequireSecond, account); err != nil {
		return false, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT second_factor FROM account WHERE id = $1`, int64(account)).Scan(&on)
	if errors.Is(err, sql.ErrNoRows) {
		err = tel.NotFound()
	}
	return on, err
}

// RequireFactor makes an account ask its people for a second factor: whoever has none
// sets it up when they sign in next, before anything else.
func (s *Store) RequireFactor(ctx context.Context, actor tel.Actor, account tel.AccountID, on bool) error {
	return s.change(ctx, actor, func(t *tx) error {
		if err := t.actor.Require(tel.ActRequireSecond, account); err != nil {
			return err
		}
		if _, err := t.account(account); err != nil {
			return err
		}
		var was bool
		if err := t.row(`SELECT second_factor FROM account WHERE id = $1`, int64(account)).Scan(&was); err != nil || was == on {
			return err
		}
		t.event(tel.EventFactorRequired, account, 0, tel.Facts{Before: was, After: on})
		_, err := t.exec(`UPDATE account SET second_factor = $1 WHERE id = $2`, on, int64(account))
		return err
	})
}
