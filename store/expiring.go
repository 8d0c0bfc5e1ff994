package store

import (
	"context"
	"time"

	"tnreserve/store/tel"
)

// Notices before expiry. Up to which expiry an account was told stands in a row of its
// own, so that nothing is told twice and a restart forgets nothing. A hold whose
// expiry is set nearer than the notice, when it is made or extended, is not warned of:
// the event that set it says when it runs out.

// expiringTold is how far an account was told: up to an expiry, and within that
// instant up to a reservation.
type expiringTold struct {
	expires     micros
	reservation int64
}

// warnAtOnce is how many notices one change writes.
const warnAtOnce = 40

// sweepExpiring tells accounts of holds that run out soon, those that have an endpoint
// which wants to know.
func (s *Store) sweepExpiring(ctx context.Context) (total int, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT DISTINCT a.id, a.expiring_us FROM endpoint e JOIN account a ON a.id = e.account_id
		WHERE e.deleted_at IS NULL AND e.format = 'json' AND a.expiring_us > 0 AND (e.events = '' OR e.events LIKE '%`+string(tel.WebhookReservationExpiring)+`%')`)
	if err != nil {
		return 0, err
	}
	notice := map[tel.AccountID]time.Duration{}
	var accounts []tel.AccountID
	err = eachRow(rows, nil, func(row scanner) error {
		var id tel.AccountID
		var us int64
		err := row.Scan(&id, &us)
		accounts, notice[id] = append(accounts, id), fromMicros(us)
		return err
	})
	for _, id := range accounts {
		for n := 1; err == nil && n > 0; total += n {
			n, err = s.warnSome(ctx, id, notice[id])
		}
	}
	return total, err
}

// soonSQL finds holds that run out up to an instant and were not told of yet.
const soonSQL = `SELECT ` + reservationColumns + ` FROM reservation r WHERE r.account_id = $1 AND r.ended_at IS NULL AND r.expires_at >= $2 AND r.expires_at <= $3
	AND (r.expires_at > $2 OR r.seq > $4) ORDER BY r.expires_at, r.seq LIMIT $5`

// warnSome writes some notices of an account. The readers are asked first: an idle
// server writes nothing.
func (s *Store) warnSome(ctx context.Context, id tel.AccountID, notice time.Duration) (n int, err error) {
	now := s.Now()
	told, err := toldSince(s.read.QueryRowContext(ctx, toldSQL, int64(id)), now)
	if err != nil {
		return 0, err
	}
	rows, err := s.read.QueryContext(ctx, soonSQL, int64(id), told.expires, micros(now.Add(notice)), told.reservation, 1)
	if err != nil {
		return 0, err
	}
	if some, err := collect(rows, scanReservation); err != nil || len(some) == 0 {
		return 0, err
	}
	err = s.change(ctx, tel.System("clock"), func(t *tx) (err error) {
		n, err = t.warn(id)
		return err
	})
	return n, err
}

const toldSQL = `SELECT COALESCE(MAX(expires_at), 0), COALESCE(MAX(reservation), 0) FROM expiring_told WHERE account_id = $1`

// toldSince reads how far an account was told; of what has run out nobody is warned.
func toldSince(row scanner, now time.Time) (told expiringTold, err error) {
	err = row.Scan(&told.expires, &told.reservation)
	if !time.Time(told.expires).After(now) {
		told = expiringTold{expires: micros(now), reservation: int64(^uint64(0) >> 1)}
	}
	return told, err
}

func (t *tx) warn(id tel.AccountID) (int, error) {
	a, err := t.account(id)
	if err != nil || a.ExpiringNotice == 0 {
		return 0, err
	}
	told, err := toldSince(t.row(toldSQL, int64(id)), t.now)
	if err != nil {
		return 0, err
	}
	rows, err := t.query(soonSQL, int64(id), told.expires, micros(t.now.Add(a.ExpiringNotice)), told.reservation, warnAtOnce)
	if err != nil {
		return 0, err
	}
	soon, err := collect(rows, scanReservation)
	if err != nil || len(soon) == 0 {
		return 0, err
	}
	for _, r := range soon {
		if r.State == tel.StateLive {
			t.event(tel.EventExpiring, id, r.Seq, tel.Facts{ExpiresAt: r.ExpiresAt.UnixMicro()})
		}
	}
	last := soon[len(soon)-1]
	_, err = t.exec(`INSERT INTO expiring_told (account_id, expires_at, reservation) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET expires_at = excluded.expires_at, reservation = excluded.reservation`, int64(id), micros(last.ExpiresAt), last.Seq)
	return len(soon), err
}
