package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

const orderColumns = `o.seq, o.id, o.account_id, o.kind, o.state, o.quantity, o.completed, o.search, o.reservation_ids, o.partial_allowed, o.back_order,
	o.customer_order_id, o.reference, o.name, o.site_id, o.peer_id, o.type_name, o.created_at, o.changed_at, o.completed_at, o.created_by, o.created_by_name, o.created_door, o.ties, o.toll_free`

func scanOrder(row scanner, more ...any) (*tel.Order, error) {
	var o tel.Order
	var search, ids, ties string
	err := row.Scan(append([]any{&o.Seq, &o.ID, &o.Account, (*string)(&o.Kind), (*string)(&o.State), &o.Quantity, &o.CompletedCount, &search, &ids, &o.PartialAllowed, &o.BackOrder,
		&o.CustomerOrderID, &o.Reference, &o.Name, &o.SiteID, &o.PeerID, &o.TypeName, (*micros)(&o.CreatedAt), (*micros)(&o.ChangedAt), (*micros)(&o.CompletedAt),
		&o.CreatedBy.ID, &o.CreatedBy.Name, &o.CreatedBy.Door, &ties, &o.TollFree}, more...)...)
	if err != nil {
		return nil, err
	}
	if o.State.Final() {
		o.FailedCount = o.Missing()
	}
	if search != "" {
		err = json.Unmarshal([]byte(search), &o.Search)
	}
	if ids != "" && err == nil {
		err = json.Unmarshal([]byte(ids), &o.ReservationIDs)
	}
	if ties != "" && err == nil {
		err = json.Unmarshal([]byte(ties), &o.Ties)
	}
	return &o, err
}

// PlaceOrder puts TNs into service for an account. The order is made and judged in
// one change, TN by TN: what it takes is in service when the answer comes, and the
// holds that it took them from are consumed. That a TN could not be had is in the
// order and no error; an error is about the request, and then there is no order.
//
// A TN that the own account holds needs its reservation's id (or UseOwnHolds); a free
// one needs none, and an aging one goes back to its last holder. An id that names no
// live reservation of the account is good for nothing: every TN that no other id
// covers is refused then, free or not, for who names a hold means that hold. A member
// orders only what an id covers. When some of a reservation's TNs are ordered it
// lives on with the rest. That reservation is switched off forbids no order.
//
// Codes: CodeForbidden, CodeNotFound, CodeInvalid, CodeConflict (the customer order id
// or idempotency key came with other content).
func (s *Store) PlaceOrder(ctx context.Context, actor tel.Actor, req tel.OrderRequest) (*tel.Order, error) {
	if err := actor.Require(tel.ActOrder, req.Account); err != nil {
		return nil, err
	}
	if err := req.Clean(); err != nil {
		return nil, err
	}
	switch req.Kind {
	case tel.OrderKindExisting:
		if actor.Role == tel.RoleMember && len(req.ReservationIDs) == 0 && !req.UseOwnHolds {
			return nil, tel.Refuse(tel.CodeForbidden, "Your role orders with a reservation id only.")
		}
		return s.changeToOrder(ctx, actor, len(req.TNs)+len(req.ReservationIDs), func(t *tx) (*tel.Order, error) { return t.placeOrder(req) })
	case tel.OrderKindSearch:
		if actor.Role == tel.RoleMember {
			return nil, tel.Refuse(tel.CodeForbidden, "Your role orders with a reservation id only.")
		}
		return s.searchAndOrder(ctx, actor, req)
	}
	return nil, tel.Invalid("kind", "%q is not a kind of order.", req.Kind)
}

// changeToOrder is a change that makes or changes an order of so many TNs.
func (s *Store) changeToOrder(ctx context.Context, actor tel.Actor, tns int, fn func(*tx) (*tel.Order, error)) (out *tel.Order, err error) {
	err = s.changeMany(ctx, actor, tns, func(t *tx) (err error) {
		out, err = fn(t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// placeOrder judges an order of named TNs and writes it.
func (t *tx) placeOrder(req tel.OrderRequest) (*tel.Order, error) {
	if first, err := t.firstOrder(req); first != nil || err != nil {
		return first, err
	}
	could, refused, err := t.judgeNamed(req)
	if err != nil {
		return nil, err
	}
	return t.makeOrder(req, could, refused)
}

// judgeNamed is judgeEach by what an order's holds cover.
func (t *tx) judgeNamed(req tel.OrderRequest) (could []standing, refused []*tel.Error, err error) {
	c, err := t.coverOf(req)
	if err != nil {
		return nil, nil, err
	}
	return t.judgeEach(req, func(st standing) bool {
		covered := c.covers(st)
		return st.Orderable(req.Account, covered) && (covered || !c.only)
	})
}

// judgeEach parts the named TNs of a request into those that can be had and the
// refusals of the others.
func (t *tx) judgeEach(req tel.OrderRequest, can func(standing) bool) (could []standing, refused []*tel.Error, err error) {
	standings, err := t.standings(req.TNs)
	if err != nil {
		return nil, nil, err
	}
	var others []tel.Number
	for _, tn := range req.TNs {
		if st, known := standings[tn]; known && can(st) {
			could = append(could, st)
			continue
		}
		others = append(others, tn)
	}
	refused, err = t.whyNot(req.Account, others)
	return could, refused, err
}

// whyNot are the refusals of TNs to an account: the same whatever they are, but that
// the account's own hold on one ran out the account may know.
func (t *tx) whyNot(account tel.AccountID, tns []tel.Number) ([]*tel.Error, error) {
	ranOut := map[tel.Number]time.Time{}
	latest := map[tel.Number]time.Time{}
	err := inBites(keys(tns), func(in string, some []any) error {
		n := len(some)
		rows, err := t.query(fmt.Sprintf(`SELECT p.tn, p.ended_at, p.how FROM past_hold p JOIN reservation r ON r.seq = p.reservation WHERE p.tn %[1]s AND r.account_id = $%[2]d
			UNION ALL SELECT h.tn, r.expires_at, 'expired' FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn %[1]s AND r.account_id = $%[2]d AND r.expires_at <= $%[3]d`,
			in, n+1, n+2), append(some, int64(account), micros(t.now))...)
		return eachRow(rows, err, func(row scanner) error {
			var tn tel.Number
			var at micros
			var how string
			err := row.Scan(&tn, &at, &how)
			if end := time.Time(at); end.After(latest[tn]) {
				delete(ranOut, tn)
				if latest[tn] = end; how == string(tel.StateExpired) {
					ranOut[tn] = end
				}
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	var refused []*tel.Error
	for _, tn := range tns {
		e := tel.NotAvailable(tn)
		if at, ok := ranOut[tn]; ok {
			e = tel.About(tn, tel.CodeNotAvailable, "%s is not available. This account's hold on it ran out on %s.", tn, tel.Instant(at))
			e.At = at
		}
		refused = append(refused, e)
	}
	return refused, nil
}

// cover is what an order brings: the holds that it may consume.
type cover struct {
	named map[int64]bool // live reservations of the account, named by id
	own   bool           // any live hold of the account
	maker string         // of those, only this one's; "" is anybody's
	only  bool           // nothing but what is covered
}

func (c cover) covers(st standing) bool {
	r := st.Reservation
	return r != nil && (c.named[r.Seq] || c.own && (c.maker == "" || c.maker == r.CreatedBy.ID))
}

func (t *tx) coverOf(req tel.OrderRequest) (cover, error) {
	c := cover{named: map[int64]bool{}, own: req.UseOwnHolds}
	if t.actor.Role == tel.RoleMember {
		c.maker, c.only = t.actor.ID, true
	}
	live, err := t.liveByIDs(req.Account, req.ReservationIDs)
	if err != nil {
		return c, err
	}
	for _, id := range req.ReservationIDs {
		canonical, _ := CanonicalID(id) // "" for what is none, and that is nobody's
		if seq, ok := live[canonical]; ok {
			c.named[seq] = true
		} else {
			c.only = true
		}
	}
	return c, nil
}

// liveByIDs finds an account's live reservations by their ids.
func (t *tx) liveByIDs(account tel.AccountID, ids []string) (map[string]int64, error) {
	var known []any
	for _, id := range ids {
		if canonical, err := CanonicalID(id); err == nil {
			known = append(known, canonical)
		}
	}
	live := map[string]int64{}
	err := inBites(known, func(in string, some []any) error {
		rows, err := t.query(`SELECT `+reservationColumns+` FROM reservation r WHERE r.id `+in, some...)
		return eachRow(rows, err, func(row scanner) error {
			r, err := scanReservation(row)
			if r.Account == account && !r.StateAt(t.now).Ended() {
				live[r.ID] = r.Seq
			}
			return err
		})
	})
	return live, err
}

// makeOrder writes an order of what could be had and what not, takes the TNs and
// settles it.
func (t *tx) makeOrder(req tel.OrderRequest, could []standing, refused []*tel.Error) (*tel.Order, error) {
	a, err := t.account(req.Account)
	if err != nil {
		return nil, err
	}
	o := tel.NewOrder(uuid.NewString(), req, t.actor.Sign(), t.now)
	o.AccountName = a.Name
	take := could[:o.Takes(len(could))]
	if o.Kind != tel.OrderKindSearch {
		for _, st := range could[len(take):] {
			refused = append(refused, tel.LeftAlone(st.tn))
		}
	}
	if err := o.Settle(len(take), t.now); err != nil {
		return nil, err
	}
	if err := t.roomToWait(o); err != nil {
		return nil, err
	}
	if err := t.insertOrder(o, req); err != nil {
		return nil, err
	}
	t.event(tel.EventOrderPlaced, o.Account, 0, tel.Facts{Order: o.Seq, TNs: req.TNs, Subject: o.ID, After: map[string]any{
		"kind": o.Kind, "quantity": o.Quantity, "customer_order_id": o.CustomerOrderID, "name": o.Name,
	}})
	if err := t.fulfil(o, a, take); err != nil {
		return nil, err
	}
	if err := t.refuseTNs(o, refused); err != nil {
		return nil, err
	}
	t.orderEvent(o, "")
	return o, nil
}

func (t *tx) insertOrder(o *tel.Order, req tel.OrderRequest) error {
	search, err := asJSON(o.Search, o.Search == nil)
	if err != nil {
		return err
	}
	ids, err := asJSON(o.ReservationIDs, len(o.ReservationIDs) == 0)
	if err != nil {
		return err
	}
	ties, err := asJSON(o.Ties, o.Ties == tel.Ties{})
	if err != nil {
		return err
	}
	t.writes++
	return t.row(`INSERT INTO orders (id, account_id, kind, state, quantity, completed, search, reservation_ids, partial_allowed, back_order,
		customer_order_id, reference, name, site_id, peer_id, type_name, idempotency_key, content, created_at, changed_at, completed_at, created_by, created_by_name, created_door, ties, toll_free)
		VALUES `+valuesList(1, 26)+` RETURNING seq`,
		o.ID, int64(o.Account), string(o.Kind), string(o.State), o.Quantity, o.CompletedCount, search, ids, o.PartialAllowed, o.BackOrder,
		o.CustomerOrderID, o.Reference, o.Name, o.SiteID, o.PeerID, o.TypeName, cmp.Or(req.IdempotencyKey, t.mark(req.Repeat)), orderContent(req), micros(o.CreatedAt), micros(o.ChangedAt), micros(o.CompletedAt),
		o.CreatedBy.ID, o.CreatedBy.Name, o.CreatedBy.Door, ties, o.TollFree).Scan(&o.Seq)
}

// asJSON is a column's text; nothing is "".
func asJSON(v any, nothing bool) (string, error) {
	if nothing {
		return "", nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// fulfil gives an order TNs that were judged, and notes them.
func (t *tx) fulfil(o *tel.Order, a *accountRow, take []standing) error {
	if len(take) == 0 {
		return nil
	}
	slices.SortFunc(take, func(a, b standing) int { return int(a.tn - b.tn) })
	move := t.intoService
	if o.Kind == tel.OrderKindDisconnect {
		move = t.outOfService
	}
	if err := move(o, a, take); err != nil {
		return err
	}
	rows := make([]any, 0, 5*len(take))
	for _, st := range take {
		rows = append(rows, o.Seq, int64(st.tn), micros(t.now), "", "")
		o.Completed = append(o.Completed, tel.OrderedTN{TN: st.tn, Place: t.store.placeOf(st.tn), At: t.now})
	}
	return t.insertRows(insertOrderTN, 5, rows)
}

const insertOrderTN = `INSERT INTO order_tn (order_seq, tn, at, code, message) VALUES `

func (t *tx) refuseTNs(o *tel.Order, refused []*tel.Error) error {
	slices.SortFunc(refused, func(a, b *tel.Error) int { return int(a.TN - b.TN) })
	rows := make([]any, 0, 5*len(refused))
	for _, e := range refused {
		rows = append(rows, o.Seq, int64(e.TN), micros(t.now), string(e.Code), e.Message)
		o.Failed = append(o.Failed, tel.OrderedTN{TN: e.TN, Place: t.store.placeOf(e.TN), At: t.now, Code: e.Code, Message: e.Message})
	}
	o.FailedCount = 0
	if o.State.Final() {
		o.FailedCount = o.Missing()
	}
	return t.insertRows(insertOrderTN, 5, rows)
}

// orderEvent tells what state an order came to.
func (t *tx) orderEvent(o *tel.Order, reason string) {
	kind := map[tel.OrderState]tel.EventKind{
		tel.OrderComplete: tel.EventOrderCompleted, tel.OrderPartial: tel.EventOrderPartial,
		tel.OrderFailed: tel.EventOrderFailed, tel.OrderBackordered: tel.EventOrderWaits,
	}[o.State]
	t.event(kind, o.Account, 0, tel.Facts{Order: o.Seq, Reason: reason, After: o.CompletedCount})
}

// intoService takes free TNs, the own holds and TNs that age from the account itself.
func (t *tx) intoService(o *tel.Order, a *accountRow, take []standing) error {
	if err := t.writeDown(take); err != nil {
		return err
	}
	var tns, aging []tel.Number
	rows := make([]any, 0, 5*len(take))
	held := map[int64][]tel.Number{}
	var reservations []int64 // in the order of their first TN
	for _, st := range take {
		tns = append(tns, st.tn)
		rows = append(rows, int64(st.tn), string(tel.TNInService), int64(o.Account), micros(t.now), o.Seq)
		switch st.State {
		case tel.TNReserved:
			seq := st.Reservation.Seq
			if held[seq] == nil {
				reservations = append(reservations, seq)
			}
			held[seq] = append(held[seq], st.tn)
		case tel.TNAging:
			aging = append(aging, st.tn)
		}
	}
	if err := t.execEach(keys(aging), `DELETE FROM tn_state WHERE state = 'aging' AND account_id = %s AND tn`, int64(o.Account)); err != nil {
		return err
	}
	if err := t.orderHolds(o, a, reservations, held); err != nil {
		return err
	}
	a.work(len(tns))
	t.event(tel.EventInService, o.Account, 0, tel.Facts{Order: o.Seq, TNs: tns})
	return t.insertRows(`INSERT INTO tn_state (tn, state, account_id, since, order_seq) VALUES `, 5, rows)
}

// orderHolds lets TNs leave their holds for an order. A reservation ends with its last
// one, and lives on with the rest otherwise.
func (t *tx) orderHolds(o *tel.Order, a *accountRow, reservations []int64, held map[int64][]tel.Number) error {
	of, err := t.bySeq(reservations)
	if err != nil {
		return err
	}
	var ended, lessened []int64
	var tns []tel.Number
	var past []any
	for _, seq := range reservations {
		over, err := of[seq].Order(len(held[seq]), t.actor.Sign(), t.now)
		if err != nil {
			return err
		}
		kind := tel.EventPartOrdered
		if over {
			kind, ended = tel.EventOrdered, append(ended, seq)
		} else {
			lessened = append(lessened, seq)
		}
		t.event(kind, o.Account, seq, tel.Facts{Order: o.Seq, TNs: held[seq]})
		for _, tn := range held[seq] {
			tns = append(tns, tn)
			past = append(past, int64(tn), seq, micros(t.now), string(tel.StateOrdered))
		}
	}
	a.count(-len(tns))
	if err := t.execEach(keys(tns), `DELETE FROM hold WHERE tn`); err != nil {
		return err
	}
	if err := t.insertRows(`INSERT INTO past_hold (tn, reservation, ended_at, how) VALUES `, 4, past); err != nil {
		return err
	}
	by := t.actor.Sign()
	if err := t.execEach(keys(ended), `UPDATE reservation SET state = %s, ended_at = %s, ended_by = %s, ended_by_name = %s, ended_door = %s WHERE ended_at IS NULL AND seq`,
		string(tel.StateOrdered), micros(t.now), by.ID, by.Name, by.Door); err != nil {
		return err
	}
	return t.execEach(keys(lessened), `UPDATE reservation SET tn_count = (SELECT COUNT(*) FROM hold h WHERE h.reservation = reservation.seq), changed_at = %s WHERE ended_at IS NULL AND seq`, micros(t.now))
}

// bySeq reads reservations without their TNs.
func (t *tx) bySeq(list []int64) (map[int64]*tel.Reservation, error) {
	out := map[int64]*tel.Reservation{}
	err := inBites(keys(list), func(in string, some []any) error {
		rows, err := t.query(`SELECT `+reservationColumns+` FROM reservation r WHERE r.seq `+in, some...)
		return eachRow(rows, err, func(row scanner) error {
			r, err := scanReservation(row)
			out[r.Seq] = r
			return err
		})
	})
	return out, err
}

// orderContent is what two requests under one name must share.
func orderContent(req tel.OrderRequest) []byte {
	req.IdempotencyKey, req.Repeat = "", tel.Repeat{}
	b, _ := json.Marshal(req) // plain fields: cannot fail
	sum := sha256.Sum256(b)
	return sum[:]
}

// firstOrder gives the order that this request made before, if it did: under its key
// for a day, without one as a repeat, under its customer order id for ever.
// Disconnects have names of their own.
func (t *tx) firstOrder(req tel.OrderRequest) (*tel.Order, error) {
	for _, by := range []struct {
		name, where string
		different   *tel.Error
		since       micros
		whileStands bool // only while the order has a TN left, unless its sender says that it is a retry
	}{
		{req.IdempotencyKey, `idempotency_key = $2 AND idempotency_key <> ''`, tel.Refuse(tel.CodeConflict, "This idempotency key was used for a different order."), micros(t.now.Add(-answerStands)), false},
		{t.markUnless(req), `idempotency_key = $2 AND idempotency_key <> ''`, tel.Refuse(tel.CodeConflict, "This request was used for a different order."), micros(t.now.Add(-req.Repeat.Within - time.Microsecond)), !req.Repeat.Retry},
		{req.CustomerOrderID, `customer_order_id = $2 AND customer_order_id <> ''`, tel.Refuse(tel.CodeConflict, "This customer order id was used for a different order."), micros(time.Unix(0, 0)), false},
	} {
		if by.name == "" {
			continue
		}
		var seq int64
		var before []byte
		err := t.row(`SELECT seq, content FROM orders WHERE account_id = $1 AND `+by.where+` AND (kind = 'disconnect') = $3 AND created_at > $4 ORDER BY seq DESC LIMIT 1`,
			int64(req.Account), by.name, req.Kind == tel.OrderKindDisconnect, by.since).Scan(&seq, &before)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			continue
		case err != nil:
			return nil, err
		case !slices.Equal(before, orderContent(req)):
			return nil, by.different
		}
		o, err := t.order(seq)
		if err != nil {
			return nil, err
		}
		if by.whileStands {
			stands, err := t.stands(o)
			if err != nil {
				return nil, err
			}
			if !stands {
				continue
			}
		}
		o.Repeated = true
		return o, nil
	}
	return nil, nil
}

// stands tells whether any of what an order got is still in service with it. One that
// got nothing lost nothing, and a disconnect gets nothing.
func (t *tx) stands(o *tel.Order) (bool, error) {
	if o.Kind == tel.OrderKindDisconnect {
		return true, nil
	}
	var tns []tel.Number
	for _, l := range o.Completed {
		tns = append(tns, l.TN)
	}
	stands := len(tns) == 0
	err := inBites(keys(tns), func(in string, some []any) error {
		var n int
		err := t.row(`SELECT COUNT(*) FROM tn_state WHERE tn `+in+` AND state = 'in service' AND order_seq = $`+strconv.Itoa(len(some)+1), append(some, o.Seq)...).Scan(&n)
		stands = stands || n > 0
		return err
	})
	return stands, err
}

// order reads one with its TNs inside the transaction.
func (t *tx) order(seq int64) (*tel.Order, error) {
	var name string
	o, err := scanOrder(t.row(`SELECT `+orderColumns+`, a.name FROM orders o JOIN account a ON a.id = o.account_id WHERE o.seq = $1`, seq), &name)
	if err != nil {
		return nil, err
	}
	o.AccountName = name
	return o, t.store.fillOrder(o, t.query)
}

// fillOrder reads what became of an order's TNs through a transaction's or a reader's
// query.
func (s *Store) fillOrder(o *tel.Order, query func(string, ...any) (results, error)) error {
	rows, err := query(`SELECT tn, at, code, message FROM order_tn WHERE order_seq = $1 ORDER BY tn`, o.Seq)
	return eachRow(rows, err, func(row scanner) error {
		var tn tel.OrderedTN
		err := row.Scan(&tn.TN, (*micros)(&tn.At), (*string)(&tn.Code), &tn.Message)
		s.addOrdered(o, tn)
		return err
	})
}

// mostLines bounds the TNs of a page of orders: 25 of the largest orders.
const mostLines = 25 * tel.MostPerOrder

// fillOrders is fillOrder for many.
func (s *Store) fillOrders(ctx context.Context, list []*tel.Order) error {
	n := 0
	bySeq := make(map[int64]*tel.Order, len(list))
	seqs := make([]int64, len(list))
	for i, o := range list {
		bySeq[o.Seq], seqs[i] = o, o.Seq
	}
	return inBites(keys(seqs), func(in string, some []any) error {
		rows, err := s.read.QueryContext(ctx, `SELECT order_seq, tn, at, code, message FROM order_tn WHERE order_seq `+in+` ORDER BY order_seq, tn`, some...)
		return eachRow(rows, err, func(row scanner) error {
			var seq int64
			var tn tel.OrderedTN
			if err := row.Scan(&seq, &tn.TN, (*micros)(&tn.At), (*string)(&tn.Code), &tn.Message); err != nil {
				return err
			}
			if n++; n > mostLines {
				return tel.Invalid("limit", "These orders have more than %d numbers together; ask for fewer orders at once.", mostLines)
			}
			s.addOrdered(bySeq[seq], tn)
			return nil
		})
	})
}

func (s *Store) addOrdered(o *tel.Order, tn tel.OrderedTN) {
	tn.Place = s.placeOf(tn.TN)
	if tn.Code == "" {
		o.Completed = append(o.Completed, tn)
	} else {
		o.Failed = append(o.Failed, tn)
	}
}

// Order reads one by its id. Another account's is as unknown as one that never was.
func (s *Store) Order(ctx context.Context, actor tel.Actor, id string) (*tel.Order, error) {
	o, err := s.OrderHead(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return o, s.fillOrder(o, s.reader(ctx))
}

// OrderHead is Order without the TNs, for what does not show them: they are thousands.
func (s *Store) OrderHead(ctx context.Context, actor tel.Actor, id string) (*tel.Order, error) {
	canonical, err := CanonicalID(id)
	if err != nil {
		return nil, tel.NotFound()
	}
	var name string
	o, err := scanOrder(s.read.QueryRowContext(ctx, `SELECT `+orderColumns+`, a.name FROM orders o JOIN account a ON a.id = o.account_id WHERE o.id = $1`, canonical), &name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	if err := actor.Require(tel.ActReadOrder, o.Account); err != nil {
		return nil, err
	}
	o.AccountName = name
	return o, nil
}

// changeableOrder reads, by its public id, an order that the actor may change. It
// leaves its TNs out: they are thousands, and others wait.
func (t *tx) changeableOrder(id string) (*tel.Order, error) {
	canonical, err := CanonicalID(id)
	if err != nil {
		return nil, tel.NotFound()
	}
	o, err := scanOrder(t.row(`SELECT `+orderColumns+` FROM orders o WHERE o.id = $1`, canonical))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	if err := t.actor.Require(tel.ActOrder, o.Account); err != nil {
		return nil, err
	}
	a, err := t.account(o.Account)
	if err == nil {
		o.AccountName = a.Name
	}
	return o, err
}

// UpdateOrder changes an order's names, and with Close ends one that waits, with what
// it has: PARTIAL, or FAILED when that is nothing. CodeEnded when it does not wait,
// CodeConflict when another order has the customer order id.
func (s *Store) UpdateOrder(ctx context.Context, actor tel.Actor, id string, u tel.OrderUpdate) (*tel.Order, error) {
	out, err := s.changeToOrder(ctx, actor, 1, func(t *tx) (*tel.Order, error) {
		o, err := t.changeableOrder(id)
		if err != nil {
			return nil, err
		}
		before := orderNames(o)
		if err := t.rename(o, u); err != nil {
			return nil, err
		}
		waited := o.State
		if u.Close {
			if err := o.Close(t.now); err != nil {
				return nil, err
			}
			o.FailedCount = o.Missing()
		}
		after := orderNames(o)
		if after == before && o.State == waited {
			return o, nil
		}
		o.ChangedAt = t.now
		if after != before {
			t.event(tel.EventOrderUpdated, o.Account, 0, tel.Facts{Order: o.Seq, Before: before, After: after})
		}
		if o.State != waited {
			t.orderEvent(o, "closed")
		}
		return o, t.updateOrder(o, waited, o.CompletedCount)
	})
	if err != nil {
		return nil, err
	}
	return out, s.fillOrder(out, s.reader(ctx))
}

// orderName is what UpdateOrder can change.
type orderName struct {
	Name            string `json:"name"`
	CustomerOrderID string `json:"customer_order_id"`
	Reference       string `json:"customer_reference,omitempty"`
}

func orderNames(o *tel.Order) orderName { return orderName{o.Name, o.CustomerOrderID, o.Reference} }

func (t *tx) rename(o *tel.Order, u tel.OrderUpdate) (err error) {
	if u.Name != nil {
		if o.Name, err = tel.CleanText("name", *u.Name, tel.MaxOrderName); err != nil {
			return err
		}
	}
	if u.Reference != nil {
		if o.Reference, err = tel.CleanText("customer_reference", *u.Reference, tel.MaxReference); err != nil {
			return err
		}
	}
	if u.CustomerOrderID == nil {
		return nil
	}
	if o.CustomerOrderID, err = tel.CleanCustomerOrderID(*u.CustomerOrderID); err != nil || o.CustomerOrderID == "" {
		return err
	}
	var others int
	err = t.row(`SELECT COUNT(*) FROM orders WHERE account_id = $1 AND customer_order_id = $2 AND customer_order_id <> '' AND (kind = 'disconnect') = $3 AND seq <> $4`,
		int64(o.Account), o.CustomerOrderID, o.Kind == tel.OrderKindDisconnect, o.Seq).Scan(&others)
	if err == nil && others > 0 {
		return tel.Refuse(tel.CodeConflict, "Another order has this customer order id.")
	}
	return err
}

// updateOrder writes an order that was in a state, with so many TNs, back.
func (t *tx) updateOrder(o *tel.Order, was tel.OrderState, had int) error {
	n, err := t.exec(`UPDATE orders SET state = $1, completed = $2, changed_at = $3, completed_at = $4, name = $5, customer_order_id = $6, reference = $7 WHERE seq = $8 AND state = $9 AND completed = $10`,
		string(o.State), o.CompletedCount, micros(o.ChangedAt), micros(o.CompletedAt), o.Name, o.CustomerOrderID, o.Reference, o.Seq, string(was), had)
	return oneRow(n, err)
}

// AddOrderNote puts a remark to an order. Its only home is the history. The same key
// ("" is none) with the same text within a day gives the first one back.
func (s *Store) AddOrderNote(ctx context.Context, actor tel.Actor, id, text, key string) (*tel.OrderNote, error) {
	text, err := tel.CleanText("note", text, tel.MaxNote)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, tel.Invalid("note", "A note needs a text.")
	}
	if err := tel.CheckIdempotencyKey(key); err != nil {
		return nil, err
	}
	var note *tel.OrderNote
	err = s.change(ctx, actor, func(t *tx) error {
		o, err := t.changeableOrder(id)
		if err != nil {
			return err
		}
		first, err := t.firstNote(o, text, key)
		if first != nil || err != nil {
			note = first
			return err
		}
		note = &tel.OrderNote{ID: uuid.NewString(), At: t.now, By: t.actor.Sign(), Text: text}
		t.event(tel.EventOrderNoted, o.Account, 0, tel.Facts{Order: o.Seq, Subject: note.ID, Reason: text})
		return t.rememberNote(o, note, key)
	})
	if err != nil {
		return nil, err
	}
	return note, nil
}

// firstNote gives the note that this key made before, if it did.
func (t *tx) firstNote(o *tel.Order, text, key string) (*tel.OrderNote, error) {
	if key == "" {
		return nil, nil
	}
	first := tel.OrderNote{Text: text, By: t.actor.Sign()}
	var content []byte
	err := t.row(`SELECT note, noted_at, content FROM noted WHERE order_seq = $1 AND key = $2 AND noted_at > $3`, o.Seq, t.noteKey(key), micros(t.now.Add(-answerStands))).
		Scan(&first.ID, (*micros)(&first.At), &content)
	switch sum := sha256.Sum256([]byte(text)); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case !slices.Equal(content, sum[:]):
		return nil, tel.Refuse(tel.CodeConflict, "This idempotency key was used for a different note.")
	}
	return &first, nil
}

func (t *tx) rememberNote(o *tel.Order, n *tel.OrderNote, key string) error {
	if key == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(n.Text))
	_, err := t.exec(`INSERT INTO noted (order_seq, key, content, note, noted_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (order_seq, key) DO UPDATE SET content = excluded.content, note = excluded.note, noted_at = excluded.noted_at`, o.Seq, t.noteKey(key), sum[:], n.ID, micros(n.At))
	return err
}

// noteKey keeps the keys of two who write to one order apart: a note is signed.
func (t *tx) noteKey(key string) string { return t.actor.ID + " " + key }

// OrderHistory is what happened to an order, oldest first. The order comes from
// Order, which made the check.
func (s *Store) OrderHistory(ctx context.Context, o *tel.Order) ([]*tel.Event, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE order_seq = $1 AND order_seq <> 0 ORDER BY seq LIMIT 1000`, o.Seq)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanEvent)
}

// OrderNotes are an order's remarks, oldest first. The order comes from Order.
func (s *Store) OrderNotes(ctx context.Context, o *tel.Order) ([]tel.OrderNote, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE order_seq = $1 AND order_seq <> 0 AND kind = $2 ORDER BY seq LIMIT 1000`, o.Seq, string(tel.EventOrderNoted))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (tel.OrderNote, error) {
		e, err := scanEvent(row)
		if err != nil {
			return tel.OrderNote{}, err
		}
		return tel.OrderNote{ID: e.Facts.Subject, At: e.At, By: e.Actor.Sign(), Text: e.Facts.Reason}, nil
	})
}
