package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	{"account %v counts %v TNs in service, which is not what it has", `SELECT a.id, a.working FROM account a WHERE a.working <> (SELECT COUNT(*) FROM tn_state s WHERE s.account_id = a.id AND s.state = 'in service')`},
	{"TN %v is held and %v at once", `SELECT h.tn, s.state FROM hold h JOIN tn_state s ON s.tn = h.tn`},
	{"TN %v is held or has a state and is not in the inventory (block %v)", `SELECT x.tn, x.tn / 1000 FROM (SELECT tn FROM hold UNION SELECT tn FROM tn_state) AS x LEFT JOIN block b ON b.id = x.tn / 1000 WHERE b.id IS NULL`},
	{"TN %v is in the history of reservation %v, which has not ended, as expired", `SELECT p.tn, r.id FROM past_hold p JOIN reservation r ON r.seq = p.reservation WHERE r.ended_at IS NULL AND p.how = 'expired'`},
	{"reservation %v ended at %v and has no TN in the history", `SELECT r.id, r.ended_at FROM reservation r WHERE r.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM past_hold p WHERE p.reservation = r.seq)`},
	{"TN %v is in service or aging, and account %v has no order for it", `SELECT s.tn, s.account_id FROM tn_state s LEFT JOIN orders o ON o.seq = s.order_seq AND o.account_id = s.account_id AND o.kind <> 'disconnect'
		LEFT JOIN order_tn n ON n.order_seq = o.seq AND n.tn = s.tn AND n.code = '' WHERE s.state <> 'disabled' AND n.tn IS NULL`},
	{"TN %v is aging without an end, or %v with one", `SELECT tn, state FROM tn_state WHERE (state = 'aging') <> (until IS NOT NULL)`},
	{"purchase link %v and its reservation %v are of different accounts", `SELECT p.id, r.id FROM purchase p JOIN reservation r ON r.seq = p.reservation LEFT JOIN orders o ON o.seq = p.order_seq WHERE r.account_id <> p.account_id OR o.account_id <> p.account_id`},
	{"reservation number %v was bought %v times", `SELECT reservation, COUNT(*) FROM purchase WHERE order_seq IS NOT NULL GROUP BY reservation HAVING COUNT(*) > 1`},
	{"reservation %v is %v, and its clock never stood", `SELECT id, state FROM reservation WHERE state = 'submitted' AND submitted_at IS NULL`},
	{"order %v says it has another number of TNs than it does (%v)", `SELECT o.id, o.completed FROM orders o WHERE o.completed <> (SELECT COUNT(*) FROM order_tn n WHERE n.order_seq = o.seq AND n.code = '')`},
	{"order %v of named TNs says nothing of some of its %v TNs", `SELECT o.id, o.quantity FROM orders o WHERE o.kind <> 'search' AND o.quantity <> (SELECT COUNT(*) FROM order_tn n WHERE n.order_seq = o.seq)`},
	{"order %v says it has another number of toll-free TNs than it names (%v)", `SELECT o.id, o.toll_free FROM orders o WHERE o.kind <> 'search' AND o.toll_free <> (SELECT COUNT(*) FROM order_tn n WHERE n.order_seq = o.seq AND ` + isTollFree + `)`},
	{"TN %v went to order %v, and is neither in service by it nor was it disconnected", `SELECT n.tn, o.id FROM order_tn n JOIN orders o ON o.seq = n.order_seq
		WHERE n.code = '' AND o.kind <> 'disconnect' AND NOT EXISTS (SELECT 1 FROM tn_state s WHERE s.tn = n.tn AND s.order_seq = o.seq AND s.account_id = o.account_id)
		AND NOT EXISTS (SELECT 1 FROM order_tn d JOIN orders x ON x.seq = d.order_seq WHERE d.tn = n.tn AND d.code = '' AND x.kind = 'disconnect' AND x.account_id = o.account_id AND x.seq > o.seq)`},
	{"TN %v left a hold as ordered (reservation number %v), and the account has no order for it", `SELECT p.tn, p.reservation FROM past_hold p JOIN reservation r ON r.seq = p.reservation
		WHERE p.how = 'ordered' AND NOT EXISTS (SELECT 1 FROM order_tn n JOIN orders o ON o.seq = n.order_seq WHERE n.tn = p.tn AND n.code = '' AND n.at = p.ended_at AND o.account_id = r.account_id)`},
	{"account %v says it has another number of webhook endpoints than it has (%v)", `SELECT a.id, a.endpoints FROM account a WHERE a.endpoints <> (SELECT COUNT(*) FROM endpoint e WHERE e.account_id = a.id AND e.deleted_at IS NULL)`},
	{"subscription %v to %v has no endpoint that fits", `SELECT s.id, s.url FROM subscription s LEFT JOIN endpoint e ON e.id = s.id AND e.account_id = s.account_id AND e.format = 'bandwidth' AND e.deleted_at IS NULL WHERE s.url <> COALESCE(e.url, '')`},
	{"endpoint %v (to %v) is of a subscription that does not exist", `SELECT e.id, e.url FROM endpoint e LEFT JOIN subscription s ON s.id = e.id WHERE e.format = 'bandwidth' AND e.deleted_at IS NULL AND s.id IS NULL`},
	{"delivery %v tells another account of event %v", `SELECT d.id, d.event_seq FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id JOIN event v ON v.seq = d.event_seq WHERE v.account_id <> e.account_id`},
	{"delivery %v about %v waits, and nothing is before it", `SELECT d.id, d.subject FROM delivery d WHERE d.done_at IS NULL AND d.next_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM delivery f WHERE f.endpoint_id = d.endpoint_id AND f.subject = d.subject AND f.done_at IS NULL AND f.seq < d.seq)`},
	{"delivery %v has fewer than %v attempts", `SELECT d.id, d.attempts FROM delivery d WHERE d.state <> 'sending' AND d.attempts <> (SELECT COUNT(*) FROM attempt a WHERE a.delivery = d.seq)`},
	{"TN %v is held twice (%v times)", `SELECT tn, COUNT(*) FROM hold GROUP BY tn HAVING COUNT(*) > 1`},
}

const mostFindings = 100

// Check verifies every invariant and answers what is broken, in words; nil is good.
// It reads the whole database at one moment and writes nothing.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	tx, err := s.read.snapshot(ctx)
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
	tx    *snapshot
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
	end := struct {
		seq  int64
		hash []byte
	}{}
	if err := c.tx.QueryRowContext(c.ctx, `SELECT seq, hash FROM event_end WHERE id = 1`).Scan(&end.seq, &end.hash); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	rows, err := c.tx.QueryContext(c.ctx, `SELECT `+eventColumns+` FROM event ORDER BY seq`)
	told := history{held: map[tel.Number]int64{}, told: map[int64]fate{}, past: map[pastKey]pastFate{}, kept: map[tel.Number]keeping{}, orders: map[int64]orderFate{}, endpoints: map[string]endpointFate{}, settings: map[setting]any{}}
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
		if e.Order != e.Facts.Order {
			c.report("event %d is filed under order number %d, and tells of %d", e.Seq, e.Order, e.Facts.Order)
		}
		if e.Seq == end.seq && !bytes.Equal(e.Hash[:], end.hash) {
			c.report("event %d is not the one that the history ended with: events up to it were removed, and others put in their place", e.Seq)
		}
		before, last = e.Hash, e.Seq
		told.replay(e)
		if last%1024 == 0 {
			c.store.cfg.progress("checking", "events", last, end.seq)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case last < end.seq:
		c.report("events %d to %d are missing at the end", last+1, end.seq)
	case end.seq == 0 && last > 0:
		c.report("it is not kept where the history ends, which is at event %d", last)
	}
	if err := c.compareReservations(told.told); err != nil {
		return err
	}
	if err := c.compareHolds(told.held); err != nil {
		return err
	}
	if err := c.comparePast(told.past); err != nil {
		return err
	}
	if err := c.compareKept(told.kept); err != nil {
		return err
	}
	if err := c.compareOrders(told.orders); err != nil {
		return err
	}
	if err := c.compareSettings(told.settings); err != nil {
		return err
	}
	return c.compareEndpoints(told.endpoints)
}

// history is what the events say of what there is now.
type history struct {
	held   map[tel.Number]int64
	told   map[int64]fate // by reservation
	past   map[pastKey]pastFate
	kept   map[tel.Number]keeping
	orders map[int64]orderFate

	endpoints map[string]endpointFate // by id
	settings  map[setting]any
}

// setting names what was last set for an account.
type setting struct {
	account tel.AccountID
	what    string // an event's subject, or its kind
}

// pastKey names a hold that is over, pastFate how and when it ended.
type pastKey struct {
	tn          tel.Number
	reservation int64
}

type pastFate struct {
	at  int64
	how tel.State
}

// keeping is what the events say of a TN that is in service, aging or disabled.
type keeping struct {
	state   tel.TNState
	account tel.AccountID
	order   int64 // that put it into service
	until   int64
}

// orderFate is what the events say of one order.
type orderFate struct {
	account   tel.AccountID
	state     tel.OrderState
	completed int
	names     orderName
}

// fate is what the events say of one reservation.
type fate struct {
	account tel.AccountID
	expires int64
	state   tel.State
}

func (h history) replay(e *tel.Event) {
	h.replayKept(e)
	h.replayOrder(e)
	h.replayEndpoint(e)
	switch e.Kind {
	case tel.EventAccountCreated:
		if first, ok := e.Facts.After.(map[string]any); ok {
			for what, of := range map[string]string{string(tel.EventSwitched): "on", string(tel.EventLocked): "locked", "": "policy", "limits": "limits", "aging": "aging"} {
				h.settings[setting{e.Account, what}] = first[of]
			}
		}
	case tel.EventSwitched, tel.EventLocked:
		h.settings[setting{e.Account, string(e.Kind)}] = e.Facts.After
	case tel.EventPolicy:
		h.settings[setting{e.Account, e.Facts.Subject}] = e.Facts.After
	}
	f := h.told[e.Reservation]
	switch e.Kind {
	case tel.EventReserved:
		f.account, f.state = e.Account, tel.StateLive
		for _, tn := range e.Facts.TNs {
			h.held[tn] = e.Reservation
		}
	case tel.EventDropped, tel.EventCancelled, tel.EventExpired, tel.EventOrdered, tel.EventPartOrdered:
		h.replayEnd(e)
	}
	switch e.Kind {
	case tel.EventReserved, tel.EventExtended:
		f.expires = e.Facts.ExpiresAt
	case tel.EventSubmitted:
		f.expires, f.state = e.Facts.ExpiresAt, tel.StateSubmitted
	case tel.EventResumed:
		f.expires, f.state = e.Facts.ExpiresAt, tel.StateLive
	case tel.EventCancelled:
		f.state = tel.StateCancelled
	case tel.EventExpired:
		f.state = tel.StateExpired
	case tel.EventOrdered:
		f.state = tel.StateOrdered
	case tel.EventDropped, tel.EventPartOrdered:
	default:
		return
	}
	h.told[e.Reservation] = f
}

// replayEnd notes how the holds of an event ended: one that ran out when it did, any
// other at the event.
func (h history) replayEnd(e *tel.Event) {
	p := pastFate{e.At.UnixMicro(), tel.StateCancelled}
	switch e.Kind {
	case tel.EventExpired:
		p = pastFate{h.told[e.Reservation].expires, tel.StateExpired}
	case tel.EventOrdered, tel.EventPartOrdered:
		p.how = tel.StateOrdered
	}
	for _, tn := range e.Facts.TNs {
		h.past[pastKey{tn, e.Reservation}] = p
		if h.held[tn] == e.Reservation {
			delete(h.held, tn)
		}
	}
}

func (h history) replayKept(e *tel.Event) {
	for _, tn := range e.Facts.TNs {
		k := keeping{account: e.Account, order: e.Order}
		switch e.Kind {
		case tel.EventInService:
			k.state = tel.TNInService
		case tel.EventDisconnected:
			k.state, k.order, k.until = tel.TNAging, h.kept[tn].order, e.Facts.ExpiresAt
		case tel.EventDisabled:
			k.state = tel.TNDisabled
		case tel.EventEnabled, tel.EventAged:
			delete(h.kept, tn)
			continue
		default:
			return
		}
		h.kept[tn] = k
	}
}

func (h history) replayOrder(e *tel.Event) {
	o := h.orders[e.Order]
	switch e.Kind {
	case tel.EventOrderPlaced:
		o.account, o.state = e.Account, tel.OrderReceived
		o.names = namesTold(e.Facts.After)
	case tel.EventOrderCompleted:
		o.state = tel.OrderComplete
	case tel.EventOrderPartial:
		o.state = tel.OrderPartial
	case tel.EventOrderFailed:
		o.state = tel.OrderFailed
	case tel.EventOrderWaits:
		o.state = tel.OrderBackordered
	case tel.EventOrderUpdated:
		o.names = namesTold(e.Facts.After)
	case tel.EventInService, tel.EventDisconnected:
		o.completed += len(e.Facts.TNs)
	default:
		return
	}
	h.orders[e.Order] = o
}

// namesTold are an order's names in an event's facts.
func namesTold(fact any) (n orderName) {
	if m, ok := fact.(map[string]any); ok {
		n.Name, _ = m["name"].(string)
		n.CustomerOrderID, _ = m["customer_order_id"].(string)
	}
	return n
}

func (c *checker) comparePast(told map[pastKey]pastFate) error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT tn, reservation, ended_at, how FROM past_hold`)
	err = eachRow(rows, err, func(row scanner) error {
		var key pastKey
		var is pastFate
		err := row.Scan(&key.tn, &key.reservation, &is.at, (*string)(&is.how))
		if said := told[key]; said != is {
			c.report("the hold of reservation number %d on TN %d ended %s as %s, and the history says %s as %q", key.reservation, key.tn,
				time.UnixMicro(is.at).UTC(), is.how, time.UnixMicro(said.at).UTC(), said.how)
		}
		delete(told, key)
		return err
	})
	for key := range told {
		c.report("the hold of reservation number %d on TN %d ended according to the history, and is not there", key.reservation, key.tn)
	}
	return err
}

func (c *checker) compareKept(told map[tel.Number]keeping) error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT tn, state, COALESCE(account_id, 0), COALESCE(order_seq, 0), COALESCE(until, 0) FROM tn_state`)
	err = eachRow(rows, err, func(row scanner) error {
		var tn tel.Number
		var is keeping
		err := row.Scan(&tn, (*string)(&is.state), &is.account, &is.order, &is.until)
		if said := told[tn]; said != is {
			c.report("TN %d is %s with account %d until %d, and the history says %q with %d until %d", tn, is.state, is.account, is.until, said.state, said.account, said.until)
		}
		delete(told, tn)
		return err
	})
	for tn, said := range told {
		c.report("TN %d is %s according to the history, and is not", tn, said.state)
	}
	return err
}

func (c *checker) compareOrders(told map[int64]orderFate) error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT seq, id, account_id, state, completed, name, customer_order_id FROM orders`)
	err = eachRow(rows, err, func(row scanner) error {
		var seq int64
		var id string
		var is orderFate
		err := row.Scan(&seq, &id, &is.account, (*string)(&is.state), &is.completed, &is.names.Name, &is.names.CustomerOrderID)
		if said, ok := told[seq]; !ok {
			c.report("order %s (number %d) is not in the history", id, seq)
		} else if said != is {
			c.report("order %s is %s with %d TNs for account %d, and the history says %s with %d for %d, or another name", id, is.state, is.completed, is.account, said.state, said.completed, said.account)
		}
		delete(told, seq)
		return err
	})
	for seq := range told {
		c.report("order number %d is in the history, and not in the database", seq)
	}
	return err
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

// compareSettings knows what an account was told to begin with, and what was set since; it
// takes the rest as it is.
func (c *checker) compareSettings(told map[setting]any) error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT `+accountColumns+` FROM account`)
	return eachRow(rows, err, func(row scanner) error {
		is, err := scanAccount(row)
		if err != nil {
			return err
		}
		said := is.Account
		for what, into := range map[string]any{string(tel.EventSwitched): &said.ReservationsOn, string(tel.EventLocked): &said.SwitchLocked,
			"": &said.Policy, "limits": &said.Limits, "aging": &said.Aging, "expiring notice": &said.ExpiringNotice} {
			if text, err := json.Marshal(told[setting{is.ID, what}]); err != nil || json.Unmarshal(text, into) != nil { // null is not set
				c.report("account %d: what the history says of its settings cannot be read", is.ID)
			}
		}
		if said.ReservationsOn != is.ReservationsOn || said.SwitchLocked != is.SwitchLocked || !slices.Equal(policyArgs(said.Policy), policyArgs(is.Policy)) ||
			!slices.Equal(policyArgs(said.Limits), policyArgs(is.Limits)) || said.Aging != is.Aging || said.ExpiringNotice != is.ExpiringNotice {
			c.report("account %d has another switch, policy, limits or times than the history says", is.ID)
		}
		return nil
	})
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
	c.store.catchUp(c.ctx, lastEvent)
	var last int64
	if err := c.tx.QueryRowContext(c.ctx, `SELECT COALESCE(MAX(seq), 0) FROM event`).Scan(&last); err != nil || last != c.store.applied.Load() {
		return err
	}
	now := c.store.Now()
	var taken int64
	rows, err := c.tx.QueryContext(c.ctx, `SELECT h.tn FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE r.expires_at > $1
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
