package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"tnreserve/store/tel"
)

// Orders by search: candidates come from the shelf, which is advice, and are claimed
// in one change of the database, which judges them again.

// errLost says that others were faster at some of the candidates: nothing was
// written, look for more.
var errLost = errors.New("candidates were lost")

// searchAttempts is how often more candidates are looked for before an order takes
// what it could have.
const searchAttempts = 6

func (s *Store) searchAndOrder(ctx context.Context, actor tel.Actor, req tel.OrderRequest) (*tel.Order, error) {
	for attempt := 1; ; attempt++ {
		tns, all, err := s.candidates(req.Search.Query, req.Quantity()+spare(attempt))
		if err != nil {
			return nil, err
		}
		o, err := s.changeToOrder(ctx, actor, req.Quantity(), func(t *tx) (*tel.Order, error) {
			if first, err := t.firstOrder(req); first != nil || err != nil {
				return first, err
			}
			could, err := t.stillFree(tns, req.Quantity())
			if err != nil {
				return nil, err
			}
			if short := len(could) < req.Quantity(); short && attempt < searchAttempts && !(all && len(could) == len(tns)) {
				return nil, errLost
			}
			return t.makeOrder(req, could, nil)
		})
		if !errors.Is(err, errLost) {
			return o, err
		}
	}
}

// spare is how many candidates more than needed are looked for, the more the oftener
// some were lost.
func spare(attempt int) int { return 16 << (2 * attempt) }

// candidates are TNs that a search finds free, as many as are wanted; all tells that
// there are no more.
func (s *Store) candidates(q tel.Query, want int) (tns []tel.Number, all bool, err error) {
	q.Seed = s.shelf.NextSeed()
	for len(tns) < want {
		q.Limit = min(want-len(tns), tel.MostPerOrder)
		found, err := s.shelf.Search(q, s.Now())
		if err != nil {
			return nil, false, err
		}
		for _, f := range found.TNs {
			tns = append(tns, f.TN)
		}
		if q.Cursor = found.Next; q.Cursor == "" {
			return tns, true, nil
		}
	}
	return tns, false, nil
}

// stillFree are the candidates that nobody has, at most so many: never a hold, not
// even the own account's.
func (t *tx) stillFree(tns []tel.Number, most int) (free []standing, err error) {
	for len(tns) > 0 && len(free) < most {
		n := min(len(tns), most-len(free))
		standings, err := t.standings(tns[:n])
		if err != nil {
			return nil, err
		}
		for _, tn := range tns[:n] {
			if st, known := standings[tn]; known && st.State == tel.TNAvailable {
				free = append(free, st)
			}
		}
		tns = tns[n:]
	}
	return free, nil
}

// Back-orders.

// FillBackOrders gives TNs that are free to the orders that wait, oldest first, and
// answers how many it gave. An order that takes all or nothing and cannot have all
// yet keeps no younger one waiting, and may wait for long: to keep TNs back for it
// would let one that can never be filled lock up an area for everybody.
func (s *Store) FillBackOrders(ctx context.Context) (filled int, err error) {
	if s.cfg.NoShelf {
		return 0, nil
	}
	s.waiting.Store(false) // an order that comes to wait from here on sets it again
	defer func() {
		if err != nil { // the next pass goes on
			s.waiting.Store(true)
			s.cameFree.Store(true)
		}
	}()
	for after := int64(0); ; {
		rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+` FROM orders o WHERE o.state = 'BACKORDERED' AND o.seq > $1 ORDER BY o.seq LIMIT 100`, after)
		if err != nil {
			return filled, err
		}
		list, err := collect(rows, func(row scanner) (*tel.Order, error) { return scanOrder(row) })
		if err != nil || len(list) == 0 {
			return filled, err
		}
		s.waiting.Store(true)
		for _, o := range list {
			n, err := s.fillBackOrder(ctx, o)
			if filled += n; err != nil {
				return filled, err
			}
			after = o.Seq
		}
	}
}

// fillBackOrder gives one order what is free of what it waits for.
func (s *Store) fillBackOrder(ctx context.Context, o *tel.Order) (took int, err error) {
	if enough, err := s.mayFill(o); err != nil || !enough {
		return 0, err
	}
	tns, _, err := s.candidates(o.Search.Query, o.Missing()+spare(0))
	if err != nil || o.Takes(len(tns)) == 0 {
		return 0, err
	}
	err = s.changeMany(ctx, tel.System("backorder"), o.Missing(), func(t *tx) error {
		took = 0
		o, err := scanOrder(t.row(`SELECT `+orderColumns+` FROM orders o WHERE o.seq = $1 AND o.state = 'BACKORDERED'`, o.Seq))
		if errors.Is(err, sql.ErrNoRows) {
			return nil // closed meanwhile
		}
		if err != nil {
			return err
		}
		fresh, err := t.notIn(o, tns)
		if err != nil {
			return err
		}
		free, err := t.stillFree(fresh, o.Missing())
		if err != nil {
			return err
		}
		if took = o.Takes(len(free)); took == 0 {
			return nil
		}
		return t.fillOrderWith(o, free[:took])
	})
	return took, err
}

// mayFill counts before thousands of candidates are laid out: an order that takes all
// or nothing is asked about at every pass, and mostly in vain.
func (s *Store) mayFill(o *tel.Order) (bool, error) {
	if o.PartialAllowed {
		return true, nil
	}
	q := o.Search.Query
	q.Seed, q.Limit = s.shelf.NextSeed(), 1
	found, err := s.shelf.Search(q, s.Now())
	return found.More || found.Total >= o.Missing(), err
}

// roomToWait bounds how many orders of an account wait: each is looked at whenever TNs
// come free.
func (t *tx) roomToWait(o *tel.Order) error {
	if o.State != tel.OrderBackordered {
		return nil
	}
	var waiting int
	err := t.row(`SELECT COUNT(*) FROM orders WHERE account_id = $1 AND state = 'BACKORDERED'`, int64(o.Account)).Scan(&waiting)
	if err == nil && waiting >= tel.MostWaiting {
		return tel.Invalid("back_order", "An account has at most %s back-orders waiting. Close some first.", tel.Count(tel.MostWaiting))
	}
	return err
}

// notIn leaves out the TNs that the order had before: one that it got, gave back and
// that has aged may be free again, and a second line for it would say nothing.
func (t *tx) notIn(o *tel.Order, tns []tel.Number) ([]tel.Number, error) {
	had := map[tel.Number]bool{}
	rows, err := t.query(`SELECT tn FROM order_tn WHERE order_seq = $1`, o.Seq)
	err = eachRow(rows, err, func(row scanner) error {
		var tn tel.Number
		err := row.Scan(&tn)
		had[tn] = true
		return err
	})
	return slices.DeleteFunc(slices.Clone(tns), func(tn tel.Number) bool { return had[tn] }), err
}

func (t *tx) fillOrderWith(o *tel.Order, take []standing) error {
	a, err := t.account(o.Account)
	if err != nil {
		return err
	}
	had := o.CompletedCount
	if err := o.Settle(len(take), t.now); err != nil {
		return err
	}
	if err := t.fulfil(o, a, take); err != nil {
		return err
	}
	t.orderEvent(o, "")
	return t.updateOrder(o, tel.OrderBackordered, had)
}

// noteFreed remembers that TNs came free, and wakes who fills back-orders if there
// are any.
func (s *Store) noteFreed() {
	s.cameFree.Store(true)
	if s.waiting.Load() {
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}
}

// fillIfFreed fills back-orders when TNs came free since the last time.
func (s *Store) fillIfFreed(ctx context.Context) (int, error) {
	if !s.waiting.Load() || !s.cameFree.Swap(false) {
		return 0, nil
	}
	return s.FillBackOrders(ctx)
}

// fillWhenFreed fills back-orders as soon as TNs come free.
func (s *Store) fillWhenFreed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.freed:
		}
		if _, err := s.fillIfFreed(ctx); err != nil && ctx.Err() == nil && tel.CodeOf(err) != tel.CodeBusy {
			s.log.Error("filling back-orders", "error", err)
		}
	}
}
