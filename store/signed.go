package store

import (
	"context"
	"time"

	"tnreserve/store/tel"
)

// SessionInfo is a signed-in browser as a list shows it.
type SessionInfo struct {
	ID          string
	Account     tel.AccountID // acting for; 0: the platform
	AccountName string
	CreatedAt   time.Time
	SeenAt      time.Time
	Addr        string
	Browser     string
}

const sessionsSQL = `SELECT s.id, s.account_id, COALESCE(a.name, ''), s.created_at, s.seen_at, s.addr, s.browser FROM session s
	LEFT JOIN account a ON a.id = s.account_id WHERE s.person_id = $1 AND s.step = '' AND ($2 = 0 OR s.account_id = $2) ORDER BY s.seen_at DESC, s.id`

// Sessions are a person's, as far as the actor manages people: in an account those
// that act for it, or all (0).
func (s *Store) Sessions(ctx context.Context, actor tel.Actor, account tel.AccountID, id string) ([]SessionInfo, error) {
	p, err := s.Person(ctx, actor, account, id)
	if err != nil {
		return nil, err
	}
	return s.sessionsOf(ctx, p, account)
}

// OwnSessions are those of the signed-in person.
func (s *Store) OwnSessions(ctx context.Context, actor tel.Actor) ([]SessionInfo, error) {
	p, err := s.Self(ctx, actor)
	if err != nil {
		return nil, err
	}
	return s.sessionsOf(ctx, p, 0)
}

func (s *Store) sessionsOf(ctx context.Context, p *tel.Person, account tel.AccountID) ([]SessionInfo, error) {
	rows, err := s.read.QueryContext(ctx, sessionsSQL, p.ID, int64(account))
	if err != nil {
		return nil, err
	}
	all, err := collect(rows, func(row scanner) (i SessionInfo, err error) {
		return i, row.Scan(&i.ID, &i.Account, &i.AccountName, (*micros)(&i.CreatedAt), (*micros)(&i.SeenAt), &i.Addr, &i.Browser)
	})
	now := s.Now()
	var live []SessionInfo
	for _, i := range all {
		if role, ok := p.RoleFor(i.Account); ok && now.Sub(i.SeenAt) <= s.idle(role) && now.Sub(i.CreatedAt) <= s.cfg.AbsoluteSession {
			live = append(live, i)
		}
	}
	return live, err
}

// EndSessions ends one session of a person, or all ("" names none), as far as the
// actor manages people. It answers how many.
func (s *Store) EndSessions(ctx context.Context, actor tel.Actor, account tel.AccountID, id, session string) (n int, err error) {
	err = s.change(ctx, actor, func(t *tx) error {
		p, err := t.personIn(account, id)
		if err != nil {
			return err
		}
		n, err = t.endSessions(account, p.ID, session, "")
		return err
	})
	return n, err
}

// EndOwnSessions ends one session of the signed-in person, or all others than the
// one that asks.
func (s *Store) EndOwnSessions(ctx context.Context, actor tel.Actor, session, but string) (n int, err error) {
	if actor.Kind != tel.KindPerson {
		return 0, tel.NotFound()
	}
	err = s.change(ctx, actor, func(t *tx) error {
		n, err = t.endSessions(0, t.actor.ID, session, but)
		return err
	})
	return n, err
}

// endSessions ends those that match. One that is over already, or somebody else's, is
// none.
func (t *tx) endSessions(account tel.AccountID, person, session, but string) (int, error) {
	var n int
	const which = ` FROM session WHERE person_id = $1 AND ($2 = 0 OR account_id = $2) AND ($3 = '' OR id = $3) AND id <> $4`
	args := []any{person, int64(account), session, but}
	if err := t.row(`SELECT COUNT(*)`+which, args...).Scan(&n); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, nil
	}
	if _, err := t.exec(`DELETE`+which, args...); err != nil {
		return 0, err
	}
	t.event(tel.EventSessionsEnded, account, 0, tel.Facts{Subject: person, Before: n})
	return n, nil
}
