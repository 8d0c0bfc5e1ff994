package store

import (
	"context"
	"database/sql"
	"errors"

	"tnreserve/store/tel"
)

// Half a session: the first part of signing in is done, a step is left. Its token
// opens nothing but that step.

func startAgain() error { return tel.Refuse(tel.CodeSignIn, "That took too long. Sign in again.") }

type half struct {
	person  tel.Person
	account tel.AccountID
	step    tel.SignInStep
}

const halfSQL = `SELECT p.id, p.email, p.name, p.platform, p.zone, p.theme, p.language, s.account_id, s.step FROM session s JOIN person p ON p.id = s.person_id
	WHERE s.token = $1 AND s.step <> '' AND s.created_at > $2 AND p.off_at IS NULL`

func scanHalf(row scanner) (*half, error) {
	var h half
	p := &h.person
	err := row.Scan(&p.ID, &p.Email, &p.Name, (*string)(&p.Platform), &p.Zone, &p.Theme, &p.Language, &h.account, (*string)(&h.step))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, startAgain()
	}
	return &h, err
}

func (s *Store) half(ctx context.Context, token string) (*half, error) {
	return scanHalf(s.read.QueryRowContext(ctx, halfSQL, tokenHash(token), micros(s.Now().Add(-halfLife))))
}

// StepLeft is what is left of signing in for a session's token, and the language that its
// person chose; CodeSignIn when it is no such session, or too old.
func (s *Store) StepLeft(ctx context.Context, token string) (step tel.SignInStep, language string, err error) {
	h, err := s.half(ctx, token)
	if err != nil {
		return "", "", err
	}
	return h.step, h.person.Language, nil
}

// FactorToSetUp is the second factor that somebody has to set up before their session
// counts.
func (s *Store) FactorToSetUp(ctx context.Context, token string) (*Factor, error) {
	h, err := s.half(ctx, token)
	if err != nil {
		return nil, err
	}
	f, err := s.waitingFactor(ctx, h.person.ID)
	if err == nil && (f == nil || h.step != tel.StepSetUp) {
		err = startAgain()
	}
	return f, err
}

// SignInCode finishes signing in with a code of the app, or a recovery code.
func (s *Store) SignInCode(ctx context.Context, token, code string, caller Caller) (*Session, error) {
	return s.finish(ctx, token, tel.StepCode, caller, func(t *tx, h *half) error { return t.takeCode(h.person.ID, code) })
}

// SignInSetUp finishes signing in with the first code of a second factor that was just
// set up, and answers the recovery codes, this once.
func (s *Store) SignInSetUp(ctx context.Context, token, code string, caller Caller) (*Session, []string, error) {
	codes := newRecovery()
	session, err := s.finish(ctx, token, tel.StepSetUp, caller, func(t *tx, h *half) error { return t.confirm(h.person.ID, code, codes) })
	return session, codes, err
}

// finish turns half a session into a whole one, with a new token.
func (s *Store) finish(ctx context.Context, token string, step tel.SignInStep, caller Caller, prove func(*tx, *half) error) (*Session, error) {
	h, err := s.half(ctx, token)
	if err != nil {
		return nil, err
	}
	if err := s.fillMemberships(ctx, &h.person); err != nil {
		return nil, err
	}
	actor, err := actorFor(&h.person, h.account)
	if err != nil {
		return nil, err
	}
	actor.Addr = caller.Addr
	try, err := s.tryFactor(ctx, h.person.ID, caller.Addr)
	if err != nil {
		return nil, err
	}
	var out *Session
	err = s.change(ctx, actor, func(t *tx) error {
		now, err := scanHalf(t.row(halfSQL, tokenHash(token), micros(t.now.Add(-halfLife))))
		if err != nil {
			return err
		}
		if now.step != step {
			return startAgain()
		}
		if err := prove(t, now); err != nil {
			return err
		}
		if err := t.succeeded(try); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM session WHERE token = $1`, tokenHash(token)); err != nil {
			return err
		}
		out, err = t.insertSession(&h.person, h.account, caller, tel.StepNone)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Actor = actor
	return out, nil
}
