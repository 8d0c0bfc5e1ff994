package store

import (
	"context"
	"time"

	"tnreserve/store/tel"
)

// Housekeeping. Nothing depends on it: expiry is decided at read time. It writes
// history, tells open pages, and throws away what is over.

// endAtOnce and tnsAtOnce are how many reservations, and TNs in them, one
// housekeeping change ends: few, so that nobody who reserves meanwhile waits long.
const (
	endAtOnce = 40
	tnsAtOnce = 400
)

// Swept counts what one pass did.
type Swept struct {
	Expired int `json:"expired"` // reservations that ran out, now written down as such
	Ended   int `json:"ended"`   // live ones of accounts that were switched off with "end now"
	Aged    int `json:"aged"`    // TNs whose aging is over
	Filled  int `json:"filled"`  // TNs that went to back-orders
	Warned  int `json:"warned"`  // reservations of which it was told that they run out soon
	Removed int `json:"removed"` // old sessions, links, idempotency keys, sign-in failures, uploads
	// Totalled is how many events were added to the sums that reports read.
	Totalled int `json:"totalled"`
}

// Sweep makes one pass of housekeeping. It stops early when ctx ends; the next pass
// goes on.
func (s *Store) Sweep(ctx context.Context) (Swept, error) {
	var out Swept
	for {
		// The readers are asked first: an idle server writes nothing.
		due, err := s.due(ctx)
		if err != nil {
			return out, err
		}
		if !due {
			break
		}
		n, err := s.sweepExpired(ctx)
		if out.Expired += n; err != nil {
			return out, err
		}
		if n == 0 {
			break // another process was faster
		}
	}
	n, err := s.sweepSwitchedOff(ctx)
	if out.Ended = n; err != nil {
		return out, err
	}
	if out.Aged, err = s.sweepAged(ctx); err != nil {
		return out, err
	}
	if out.Filled, err = s.fillIfFreed(ctx); err != nil {
		return out, err
	}
	if err = s.writeUses(ctx); err != nil {
		return out, err
	}
	if out.Warned, err = s.sweepExpiring(ctx); err != nil {
		return out, err
	}
	if out.Removed, err = s.sweepOld(ctx); err != nil {
		return out, err
	}
	n, err = s.sweepDeliveries(ctx)
	if out.Removed += n; err != nil {
		return out, err
	}
	out.Totalled, err = s.sweepTotals(ctx)
	return out, err
}

func (s *Store) sweepExpired(ctx context.Context) (n int, err error) {
	err = s.change(ctx, tel.System("sweeper"), func(t *tx) error {
		n = 0
		due, err := t.reservations(`r.ended_at IS NULL AND r.expires_at <= $1 ORDER BY r.expires_at, r.seq LIMIT $2`, micros(t.now), endAtOnce)
		if err != nil {
			return err
		}
		due = few(due)
		n = len(due)
		return t.expireAll(due)
	})
	return n, err
}

// few is as many reservations as one change may end without others waiting long: by
// their TNs, and at least one.
func few(list []*tel.Reservation) []*tel.Reservation {
	tns := 0
	for i, r := range list {
		if tns += r.TNCount; tns > tnsAtOnce && i > 0 {
			return list[:i]
		}
	}
	return list
}

// reservations reads those that a condition finds, without their TNs.
func (t *tx) reservations(where string, args ...any) ([]*tel.Reservation, error) {
	rows, err := t.query(`SELECT `+reservationColumns+` FROM reservation r WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanReservation)
}

const switchedOff = "Reservation was switched off for the account."

// endSwitchedOff cancels some live reservations of an account that was switched off
// with "live holds end now", and takes the mark away when none is left.
func (t *tx) endSwitchedOff(a *accountRow) (int, error) {
	list, err := t.reservations(`r.account_id = $1 AND r.ended_at IS NULL ORDER BY r.expires_at, r.seq LIMIT $2`, int64(a.ID), endAtOnce)
	if err != nil {
		return 0, err
	}
	some := few(list)
	var over, live []*tel.Reservation
	for _, r := range some {
		if r.StateAt(t.now) == tel.StateExpired {
			over = append(over, r)
		} else {
			live = append(live, r)
		}
	}
	if err := t.expireAll(over); err != nil {
		return 0, err
	}
	if err := t.cancelAll(live, switchedOff); err != nil {
		return 0, err
	}
	if len(some) == len(list) && len(list) < endAtOnce {
		_, err = t.exec(`UPDATE account SET ending = $1 WHERE id = $2`, false, int64(a.ID))
	}
	return len(some), err
}

// endSwitchedOff is one change of it, for an account that is still marked.
func (s *Store) endSwitchedOff(ctx context.Context, actor tel.Actor, id tel.AccountID) (n int, err error) {
	err = s.change(ctx, actor, func(t *tx) error {
		n = 0
		var ending bool
		if err := t.row(`SELECT ending FROM account WHERE id = $1`, int64(id)).Scan(&ending); err != nil || !ending {
			return err
		}
		a, err := t.account(id)
		if err == nil {
			n, err = t.endSwitchedOff(a)
		}
		return err
	})
	return n, err
}

func (s *Store) sweepSwitchedOff(ctx context.Context) (total int, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id FROM account WHERE ending`)
	if err != nil {
		return 0, err
	}
	ids, err := collect(rows, func(row scanner) (id tel.AccountID, err error) { return id, row.Scan(&id) })
	for _, id := range ids {
		for n := 1; err == nil && n > 0; total += n {
			n, err = s.endSwitchedOff(ctx, tel.System("sweeper"), id)
		}
	}
	return total, err
}

// oldRows are what nobody asks for any more: a query that finds one, and the
// statement that removes some.
var oldRows = []struct {
	find, remove string
	age          func(Config) time.Duration
}{
	{`SELECT 1 FROM session WHERE created_at < $1 LIMIT 1`, `DELETE FROM session WHERE created_at < $1`, func(c Config) time.Duration { return c.AbsoluteSession }},
	{`SELECT 1 FROM link WHERE expires_at < $1 LIMIT 1`, `DELETE FROM link WHERE expires_at < $1`, func(Config) time.Duration { return 0 }},
	{`SELECT 1 FROM invitation WHERE expires_at < $1 LIMIT 1`, `DELETE FROM invitation WHERE expires_at < $1`, func(Config) time.Duration { return 0 }},
	{`SELECT 1 FROM answered WHERE at < $1 LIMIT 1`, `DELETE FROM answered WHERE (account_id, key) IN (SELECT account_id, key FROM answered WHERE at < $1 ORDER BY at LIMIT 2000)`, func(Config) time.Duration { return answerStands }},
	{`SELECT 1 FROM purchase WHERE ` + forgotten + ` LIMIT 1`, `UPDATE purchase SET buyer = '' WHERE ` + forgotten, func(Config) time.Duration { return buyerKept }},
	{`SELECT 1 FROM noted WHERE noted_at < $1 LIMIT 1`, `DELETE FROM noted WHERE (order_seq, key) IN (SELECT order_seq, key FROM noted WHERE noted_at < $1 ORDER BY noted_at LIMIT 2000)`, func(Config) time.Duration { return answerStands }},
	{`SELECT 1 FROM client_use WHERE hour < $1 LIMIT 1`, `DELETE FROM client_use WHERE hour < $1`, func(Config) time.Duration { return usesKept }},
	{`SELECT 1 FROM upload WHERE touched_at < $1 LIMIT 1`, `DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE touched_at < $1 ORDER BY touched_at LIMIT 1)`, func(Config) time.Duration { return uploadKept }},
	{`SELECT 1 FROM sign_in_failure WHERE at < $1 LIMIT 1`, `DELETE FROM sign_in_failure WHERE at < $1`, func(Config) time.Duration { return failureWindow }},
}

// forgotten are purchases of holds that ended long ago, with a buyer who never ordered.
const forgotten = `order_seq IS NULL AND paid_at IS NULL AND buyer <> '' AND created_at < $1 AND EXISTS (SELECT 1 FROM reservation r WHERE r.seq = purchase.reservation AND r.ended_at < $1)`

// sweepOld removes old rows; it asks the readers first, so that an idle server
// writes nothing.
func (s *Store) sweepOld(ctx context.Context) (removed int, err error) {
	for _, old := range oldRows {
		before := micros(s.Now().Add(-old.age(s.cfg)))
		var found int
		if s.read.QueryRowContext(ctx, old.find, before).Scan(&found) != nil {
			continue // none, or the change below will say what is wrong
		}
		var n int64
		err = s.change(ctx, tel.System("sweeper"), func(t *tx) (err error) {
			n, err = t.exec(old.remove, before)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += int(n)
	}
	return removed, nil
}

// due tells whether some reservation ran out and is not written down yet.
func (s *Store) due(ctx context.Context) (bool, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM reservation WHERE ended_at IS NULL AND expires_at <= $1 LIMIT 1) AS d`, micros(s.Now())).Scan(&n)
	return n > 0, err
}
