package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"tnreserve/store/tel"
)

// invariants are questions whose answer is no row. Each says in words what a row
// would mean.
var invariants = []struct{ broken, sql string }{
	{"TN %v is held by reservation %v, which has ended", `SELECT h.tn, r.id FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE r.ended_at IS NOT NULL`},
	{"TN %v is held by reservation number %v, which does not exist", `SELECT h.tn, h.reservation FROM hold h LEFT JOIN reservation r ON r.seq = h.reservation WHERE r.seq IS NULL`},
	{"reservation %v says it holds another number of TNs than it does (%v)", `SELECT r.id, r.tn_count FROM reservation r WHERE r.ended_at IS NULL AND r.tn_count <> (SELECT COUNT(*) FROM hold h WHERE h.reservation = r.seq)`},
	{"account %v counts %v held TNs, which is not what its reservations hold", `SELECT a.id, a.held FROM account a WHERE a.held <> (SELECT COALESCE(SUM(r.tn_count), 0) FROM reservation r WHERE r.account_id = a.id AND r.ended_at IS NULL)`},
	{"TN %v is held and %v at once", `SELECT h.tn, s.state FROM hold h JOIN tn_state s ON s.tn = h.tn`},
	{"TN %v is held or has a state and is not in the inventory (block %v)", `SELECT x.tn, x.tn / 1000 FROM (SELECT tn FROM hold UNION SELECT tn FROM tn_state) AS x LEFT JOIN block b ON b.id = x.tn / 1000 WHERE b.id IS NULL`},
	{"TN %v is in the history of reservation %v, which has not ended, as expired or ordered", `SELECT p.tn, r.id FROM past_hold p JOIN reservation r ON r.seq = p.reservation WHERE r.ended_at IS NULL AND p.how <> 'cancelled'`},
	{"reservation %v ended at %v and has no TN in the history", `SELECT r.id, r.ended_at FROM reservation r WHERE r.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM past_hold p WHERE p.reservation = r.seq)`},
	{"TN %v is held twice (%v times)", `SELECT tn, COUNT(*) FROM hold GROUP BY tn HAVING COUNT(*) > 1`},
}

const mostFindings = 100

// Check verifies every invariant and answers what is broken, in words; nil is good.
// It reads the whole database at one moment and writes nothing.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	c := checker{ctx: ctx, tx: tx, store: s}
	for _, step := range []func() error{c.shelf, c.file, c.rows, c.events} {
		if err := step(); err != nil {
			return c.found, err
		}
	}
	return c.found, nil
}

type checker struct {
	ctx   context.Context
	tx    *sql.Tx
	store *Store
	found []string
}

func (c *checker) report(format string, args ...any) {
	if len(c.found) < mostFindings {
		c.found = append(c.found, fmt.Sprintf(format, args...))
	}
}

// file is the database's own look at its pages and indexes.
func (c *checker) file() error {
	if c.store.dialect.integrity == "" {
		return nil
	}
	rows, err := c.tx.QueryContext(c.ctx, c.store.dialect.integrity)
	return eachRow(rows, err, func(row scanner) error {
		var verdict string
		err := row.Scan(&verdict)
		if verdict != "ok" {
			c.report("the file is damaged: %s", verdict)
		}
		return err
	})
}

func (c *checker) rows() error {
	for _, inv := range invariants {
		rows, err := c.tx.QueryContext(c.ctx, inv.sql+fmt.Sprintf(" LIMIT %d", mostFindings))
		err = eachRow(rows, err, func(row scanner) error {
			var a, b any
			err := row.Scan(&a, &b)
			c.report(inv.broken, a, b)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// events follows the hash chain and replays it: what is held according to the
// history must be what is held according to the rows.
func (c *checker) events() error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT `+eventColumns+` FROM event ORDER BY seq`)
	told := history{held: map[tel.Number]int64{}, told: map[int64]fate{}}
	var before [sha256.Size]byte
	var last int64
	err = eachRow(rows, err, func(row scanner) error {
		e, facts, err := scanEventFacts(row)
		if err != nil {
			c.report("an event after number %d cannot be read: %v", last, err)
			return nil
		}
		if e.Seq != last+1 {
			c.report("events %d to %d are missing", last+1, e.Seq-1)
		} else if e.ChainHash(before, facts) != e.Hash {
			c.report("event %d of %s (%s) was changed, or the one before it was", e.Seq, e.At.Format(time.RFC3339), e.Kind)
		}
		before, last = e.Hash, e.Seq
		told.replay(e)
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.compareReservations(told.told); err != nil {
		return err
	}
	return c.compareHolds(told.held)
}

// history is what the events say of what there is now.
type history struct {
	held map[tel.Number]int64
	told map[int64]fate // by reservation
}

// fate is what the events say of one reservation.
type fate struct {
	account tel.AccountID
	expires int64
	state   tel.State
}

func (h history) replay(e *tel.Event) {
	f := h.told[e.Reservation]
	switch e.Kind {
	case tel.EventReserved:
		f.account, f.state = e.Account, tel.StateLive
		for _, tn := range e.Facts.TNs {
			h.held[tn] = e.Reservation
		}
	case tel.EventDropped, tel.EventCancelled, tel.EventExpired:
		for _, tn := range e.Facts.TNs {
			if h.held[tn] == e.Reservation {
				delete(h.held, tn)
			}
		}
	}
	switch e.Kind {
	case tel.EventReserved, tel.EventExtended:
		f.expires = e.Facts.ExpiresAt
	case tel.EventCancelled:
		f.state = tel.StateCancelled
	case tel.EventExpired:
		f.state = tel.StateExpired
	case tel.EventDropped:
	default:
		return
	}
	h.told[e.Reservation] = f
}

func (c *checker) compareReservations(told map[int64]fate) error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT seq, id, account_id, state, expires_at FROM reservation`)
	err = eachRow(rows, err, func(row scanner) error {
		var seq int64
		var id string
		var is fate
		err := row.Scan(&seq, &id, &is.account, (*string)(&is.state), &is.expires)
		said, ok := told[seq]
		switch {
		case !ok:
			c.report("reservation %s (number %d) is not in the history", id, seq)
		case said.account != is.account:
			c.report("reservation %s belongs to account %d, and the history says %d", id, is.account, said.account)
		case said.state != is.state:
			c.report("reservation %s is %s, and the history says %s", id, is.state, said.state)
		case said.expires != is.expires:
			c.report("reservation %s runs to %s, and the history says %s", id, time.UnixMicro(is.expires).UTC(), time.UnixMicro(said.expires).UTC())
		}
		delete(told, seq)
		return err
	})
	for seq := range told {
		c.report("reservation number %d is in the history, and not in the database", seq)
	}
	return err
}

func (c *checker) compareHolds(held map[tel.Number]int64) error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT tn, reservation FROM hold`)
	err = eachRow(rows, err, func(row scanner) error {
		var tn tel.Number
		var seq int64
		err := row.Scan(&tn, &seq)
		if held[tn] != seq {
			c.report("TN %d is held by reservation number %d, and the history says %d", tn, seq, held[tn])
		}
		delete(held, tn)
		return err
	})
	for tn, seq := range held {
		c.report("TN %d is held by reservation number %d according to the history, and is not", tn, seq)
	}
	return err
}

// shelf compares what is free in memory with what is free by the rows: no TN that is
// held or has a state is free, and the sum agrees. It comes first: the transaction
// must begin at the event that the shelf has seen last. While others write without a
// pause there is no such moment, and nothing is compared.
func (c *checker) shelf() error {
	if c.store.cfg.NoShelf {
		return nil
	}
	c.store.applying.Lock()
	defer c.store.applying.Unlock()
	c.store.catchUp(c.ctx)
	var last int64
	if err := c.tx.QueryRowContext(c.ctx, `SELECT COALESCE(MAX(seq), 0) FROM event`).Scan(&last); err != nil || last != c.store.applied {
		return err
	}
	now := c.store.Now()
	var taken int64
	rows, err := c.tx.QueryContext(c.ctx, `SELECT h.tn FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE r.expires_at > $1 OR r.state <> 'live'
		UNION ALL SELECT tn FROM tn_state WHERE until IS NULL OR until > $1`, micros(now))
	err = eachRow(rows, err, func(row scanner) error {
		var tn tel.Number
		err := row.Scan(&tn)
		taken++
		if c.store.shelf.IsFree(tn, now) {
			c.report("TN %d is on the shelf as free and is not", tn)
		}
		return err
	})
	if err != nil {
		return err
	}
	c.store.shelf.IsFree(0, now) // lets what is due go before it is counted
	if _, tns, free := c.store.shelf.Size(); tns-taken != free {
		c.report("the shelf has %d free TNs and should have %d", free, tns-taken)
	}
	return nil
}
