package store

import (
	"context"
	"encoding/json"
	"time"

	"tnreserve/store/tel"
)

// Notices before expiry, once for each expiry. Up to which one an account was told stands
// in a row of its own, so that a restart forgets nothing; it goes back when the notice
// becomes shorter. A hold whose expiry is set nearer than the notice, when it is made or
// extended, is not warned of: the event that set it says when it runs out; unless the
// notice became longer since. One whose clock stands is warned of with the latest end that
// it can have, and again if it ends sooner.

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
		for more, n := true, 0; err == nil && more; total += n {
			n, more, err = s.warnSome(ctx, id, notice[id])
		}
	}
	return total, err
}

// soonSQL finds holds that run out up to an instant and were not told of yet.
const soonSQL = `SELECT ` + reservationColumns + ` FROM reservation r WHERE r.account_id = $1 AND r.ended_at IS NULL AND r.expires_at >= $2 AND r.expires_at <= $3
	AND (r.expires_at > $2 OR r.seq > $4) ORDER BY r.expires_at, r.seq LIMIT $5`

// warnSome writes some notices of an account and tells how many, and whether there may be
// more. The readers are asked first: an idle server writes nothing.
func (s *Store) warnSome(ctx context.Context, id tel.AccountID, notice time.Duration) (n int, more bool, err error) {
	now := s.Now()
	told, err := toldSince(s.read.QueryRowContext(ctx, toldSQL, int64(id)), now)
	if err != nil {
		return 0, false, err
	}
	rows, err := s.read.QueryContext(ctx, soonSQL, int64(id), told.expires, micros(now.Add(notice)), told.reservation, 1)
	if err != nil {
		return 0, false, err
	}
	if some, err := collect(rows, scanReservation); err != nil || len(some) == 0 {
		return 0, false, err
	}
	err = s.change(ctx, tel.System("clock"), func(t *tx) (err error) {
		n, more, err = t.warn(id)
		return err
	})
	return n, more, err
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

func (t *tx) warn(id tel.AccountID) (n int, more bool, err error) {
	a, err := t.account(id)
	if err != nil || a.ExpiringNotice == 0 {
		return 0, false, err
	}
	told, err := toldSince(t.row(toldSQL, int64(id)), t.now)
	if err != nil {
		return 0, false, err
	}
	rows, err := t.query(soonSQL, int64(id), told.expires, micros(t.now.Add(a.ExpiringNotice)), told.reservation, warnAtOnce)
	if err != nil {
		return 0, false, err
	}
	soon, err := collect(rows, scanReservation)
	if err != nil || len(soon) == 0 {
		return 0, false, err
	}
	if n, err = t.warnOf(a, soon); err != nil {
		return 0, false, err
	}
	last := soon[len(soon)-1]
	_, err = t.exec(`INSERT INTO expiring_told (account_id, expires_at, reservation) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET expires_at = excluded.expires_at, reservation = excluded.reservation`, int64(id), micros(last.ExpiresAt), last.Seq)
	return n, true, err
}

// warnOf writes the notices of an account's holds, of those that are to be warned of.
func (t *tx) warnOf(a *accountRow, holds []*tel.Reservation) (n int, err error) {
	ends, err := t.expiriesOf(holds)
	if err != nil {
		return 0, err
	}
	var longer micros
	if err := t.settledRow(`SELECT expiring_since FROM account WHERE id = $1`, int64(a.ID)).Scan(&longer); err != nil {
		return 0, err
	}
	for _, r := range holds {
		e := ends[r.Seq]
		near := r.ExpiresAt.Sub(e.set) < a.ExpiringNotice && !time.Time(longer).After(e.set)
		if !near && !e.told.Equal(r.ExpiresAt) {
			t.event(tel.EventExpiring, a.ID, r.Seq, tel.Facts{ExpiresAt: r.ExpiresAt.UnixMicro()})
			n++
		}
	}
	return n, nil
}

// warnOfPassed warns of a hold whose end came nearer than its account was told up to: the
// sweep will not come to it.
func (t *tx) warnOfPassed(r *tel.Reservation) error {
	told, err := toldSince(t.row(toldSQL, int64(r.Account)), t.now)
	if err != nil || r.ExpiresAt.After(time.Time(told.expires)) || r.ExpiresAt.Equal(time.Time(told.expires)) && r.Seq > told.reservation {
		return err
	}
	a, err := t.account(r.Account)
	if err != nil {
		return err
	}
	return t.asClock(func() error {
		_, err := t.warnOf(a, []*tel.Reservation{r})
		return err
	})
}

// expiries are what was told of a hold's end: when somebody last set it, and of which end
// it was warned last.
type expiries struct{ set, told time.Time }

func (t *tx) expiriesOf(list []*tel.Reservation) (map[int64]expiries, error) {
	var seqs []int64
	for _, r := range list {
		seqs = append(seqs, r.Seq)
	}
	out := map[int64]expiries{}
	err := inBites(keys(seqs), func(in string, some []any) error {
		rows, err := t.query(`SELECT reservation, at, CASE WHEN kind = 'reservation.expiring' THEN facts ELSE '' END FROM event
			WHERE reservation <> 0 AND reservation `+in+` AND kind IN ('reservation.created', 'reservation.extended', 'reservation.expiring') ORDER BY seq`, some...)
		return eachRow(rows, err, func(row scanner) error {
			var seq int64
			var at micros
			var warned string
			if err := row.Scan(&seq, &at, &warned); err != nil {
				return err
			}
			of := out[seq]
			var facts tel.Facts
			if warned == "" {
				of.set = time.Time(at)
			} else if err := json.Unmarshal([]byte(warned), &facts); err != nil {
				return err
			} else {
				of.told = time.UnixMicro(facts.ExpiresAt)
			}
			out[seq] = of
			return nil
		})
	})
	for _, e := range t.events { // which are not in the table yet
		of := out[e.Reservation]
		switch e.Kind {
		case tel.EventReserved, tel.EventExtended:
			of.set = e.At
		case tel.EventExpiring:
			of.told = time.UnixMicro(e.Facts.ExpiresAt)
		default:
			continue
		}
		out[e.Reservation] = of
	}
	return out, err
}

// warnFrom looks again at what an account's holds run out from an instant on: some may end
// there that it was not told of.
func (t *tx) warnFrom(id tel.AccountID, from time.Time) error {
	_, err := t.exec(`UPDATE expiring_told SET expires_at = $1, reservation = 0 WHERE account_id = $2 AND expires_at >= $1`, micros(from), int64(id))
	return err
}
