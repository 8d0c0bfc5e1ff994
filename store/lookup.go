package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"tnreserve/store/tel"
)

// TNReport is what a person may know of a TN.
type TNReport struct {
	TN tel.Number
	// State is the TN's own for those who see it; otherwise TNAvailable, or "" for
	// "not available": held by another account, sold, disabled and unknown look alike.
	State       tel.TNState
	Known       bool // in the inventory, and the person may know so
	Place       tel.Place
	Offer       tel.Offer
	Reservation *tel.Reservation // that holds it now, if the person sees it
	Past        []PastHold       // latest first, of accounts that the person sees
	Orders      []TNOrder        // latest first, of accounts that the person sees
	Changes     []TNChange       // latest first, of what the person sees
	Service     *TNInService     // in service or aging, if the person sees its account
}

// PastHold is a hold on a TN that is over.
type PastHold struct {
	Reservation *tel.Reservation
	EndedAt     time.Time
	How         tel.State
	DroppedBy   string // who gave it back while the rest was held on; "" when all ended together
}

// TNOrder is an order that took a TN, gave it up, or could not have it.
type TNOrder struct {
	Order *tel.Order // without its TNs
	At    time.Time
	Code  tel.Code // why not, "" when it did
}

const mostPast = 100

// LookUp answers for one TN. CodeForbidden for a role that may only read
// reservations by their id.
func (s *Store) LookUp(ctx context.Context, actor tel.Actor, tn tel.Number) (*TNReport, error) {
	report, err := s.lookUp(ctx, actor, tn)
	if err != nil {
		return nil, err
	}
	return report, s.noteLooks(ctx, actor, report.looks())
}

func (s *Store) lookUp(ctx context.Context, actor tel.Actor, tn tel.Number) (*TNReport, error) {
	if !actor.Can(tel.ActLookUpTN) {
		return nil, tel.Forbidden(tel.ActLookUpTN)
	}
	report := &TNReport{TN: tn}
	place, offer, known := s.shelf.Has(tn)
	free := s.shelf.IsFree(tn, s.Now())
	r, err := s.oneReservation(ctx, actor, `r.ended_at IS NULL AND r.seq = (SELECT reservation FROM hold WHERE tn = $1)`, int64(tn))
	switch {
	case err == nil && r.StateAt(s.Now()) != tel.StateExpired:
		report.State, report.Reservation = tel.TNReserved, r
	case err != nil && tel.CodeOf(err) != tel.CodeNotFound:
		return nil, err
	case free:
		report.State = tel.TNAvailable
	case known:
		if err := s.reportKept(ctx, actor, report); err != nil {
			return nil, err
		}
	}
	if report.State != "" {
		report.Known, report.Place, report.Offer = true, place, offer
	}
	if report.Past, err = s.pastHolds(ctx, actor, tn); err != nil {
		return nil, err
	}
	if report.Orders, err = s.ordersOfTN(ctx, actor, tn); err != nil {
		return nil, err
	}
	report.Changes, err = s.changesOfTN(ctx, actor, tn, report.Orders)
	return report, err
}

// ordersOfTN are the orders that named or got a TN, within the actor's scope.
func (s *Store) ordersOfTN(ctx context.Context, actor tel.Actor, tn tel.Number) ([]TNOrder, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+`, a.name, n.at, n.code FROM order_tn n JOIN orders o ON o.seq = n.order_seq JOIN account a ON a.id = o.account_id
		WHERE n.tn = $1 AND ($2 OR o.account_id = $3) ORDER BY n.order_seq DESC LIMIT $4`, int64(tn), actor.Sees(0), int64(actor.Account), mostPast)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (TNOrder, error) {
		var of TNOrder
		var name string
		o, err := scanOrder(row, &name, (*micros)(&of.At), (*string)(&of.Code))
		if err == nil {
			o.AccountName, of.Order = name, o
		}
		return of, err
	})
}

// reportKept tells of a TN that is in service, aging or disabled, to those who see
// its account.
func (s *Store) reportKept(ctx context.Context, actor tel.Actor, report *TNReport) error {
	kept, err := scanService(s.read.QueryRowContext(ctx, serviceSQL+` WHERE s.tn = $1 AND (s.until IS NULL OR s.until > $2)`, int64(report.TN), micros(s.Now())))
	if errors.Is(err, sql.ErrNoRows) || err == nil && !actor.Sees(kept.Account) {
		return nil
	}
	if err != nil {
		return err
	}
	report.State = kept.State
	if kept.Account != 0 {
		report.Service = kept
	}
	return nil
}

// pastHolds is a TN's history within the actor's scope: in the WHERE, like every
// list.
func (s *Store) pastHolds(ctx context.Context, actor tel.Actor, tn tel.Number) ([]PastHold, error) {
	now := micros(s.Now())
	rows, err := s.read.QueryContext(ctx, `SELECT `+reservationColumns+`, a.name, p.ended_at AS over_at, p.how FROM past_hold p
			JOIN reservation r ON r.seq = p.reservation JOIN account a ON a.id = r.account_id
			WHERE p.tn = $1 AND ($2 OR r.account_id = $3)
		UNION ALL SELECT `+reservationColumns+`, a.name, r.expires_at, 'expired' FROM hold h
			JOIN reservation r ON r.seq = h.reservation JOIN account a ON a.id = r.account_id
			WHERE h.tn = $1 AND ($2 OR r.account_id = $3) AND r.expires_at <= $4
		ORDER BY over_at DESC LIMIT $5`, int64(tn), actor.Sees(0), int64(actor.Account), now, mostPast)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(row scanner) (PastHold, error) {
		var r tel.Reservation
		p := PastHold{Reservation: &r}
		err := row.Scan(append(reservationFields(&r), &r.AccountName, (*micros)(&p.EndedAt), (*string)(&p.How))...)
		return p, err
	})
	if err != nil {
		return nil, err
	}
	return list, s.fillDropped(ctx, tn, list)
}

// fillDropped says who dropped a TN from reservations that went on without it: those
// tell only how the rest of them ended.
func (s *Store) fillDropped(ctx context.Context, tn tel.Number, list []PastHold) error {
	dropped := map[int64]*PastHold{}
	var seqs []int64
	for i, p := range list {
		if p.How == tel.StateCancelled {
			seqs = append(seqs, p.Reservation.Seq)
			dropped[p.Reservation.Seq] = &list[i]
		}
	}
	return inBites(keys(seqs), func(in string, some []any) error {
		rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE reservation <> 0 AND reservation `+in+` AND kind = 'reservation.dropped'`, some...)
		return eachRow(rows, err, func(row scanner) error {
			e, err := scanEvent(row)
			if err == nil && slices.Contains(e.Facts.TNs, tn) {
				dropped[e.Reservation].DroppedBy = e.Actor.Name
			}
			return err
		})
	})
}

// RowState is what a page that shows a TN says of it.
type RowState struct {
	Free bool
	Mine *tel.Reservation // of the actor's own account, live, and the actor may see it there
}

// RowStates tells, for TNs on an open search page, which are free and which the
// actor holds itself, so that the page can follow without searching again.
func (s *Store) RowStates(ctx context.Context, actor tel.Actor, tns []tel.Number) (map[tel.Number]RowState, error) {
	if !actor.Can(tel.ActSearch) {
		return nil, tel.Forbidden(tel.ActSearch)
	}
	now := s.Now()
	states := make(map[tel.Number]RowState, len(tns))
	for _, tn := range tns {
		if s.shelf.IsFree(tn, now) {
			states[tn] = RowState{Free: true}
			continue
		}
		r, err := s.ownHold(ctx, actor, tn, now)
		if err != nil {
			return nil, err
		}
		states[tn] = RowState{Mine: r}
	}
	return states, nil
}

// ownHold is the live reservation of a TN that the actor made, or may list.
func (s *Store) ownHold(ctx context.Context, actor tel.Actor, tn tel.Number, now time.Time) (*tel.Reservation, error) {
	r, err := scanReservation(s.read.QueryRowContext(ctx, `SELECT `+reservationColumns+` FROM hold h JOIN reservation r ON r.seq = h.reservation
		WHERE h.tn = $1 AND r.account_id = $2`, int64(tn), int64(actor.Account)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.StateAt(now) == tel.StateExpired || r.CreatedBy.ID != actor.ID && !actor.May(tel.ActListReservations, r.Account) {
		return nil, nil
	}
	return r, nil
}

// References is what carries a customer's own words: reservations whose customer
// reference begins with them, orders whose customer order id or reference does; what is
// called exactly so first, each up to MostReferences. The rows are as in a list.
type References struct {
	Reservations []*tel.Reservation
	Orders       []*tel.Order
}

// MostReferences is how many of each kind are found at most.
const MostReferences = 25

// FindReference looks for a customer reference or customer order id. CodeForbidden for a
// role that may only read reservations by their id; CodeNotFound when there is nothing,
// or nothing that the actor sees.
func (s *Store) FindReference(ctx context.Context, actor tel.Actor, text string) (*References, error) {
	if !actor.Can(tel.ActLookUpTN) {
		return nil, tel.Forbidden(tel.ActLookUpTN)
	}
	text, err := tel.CleanText("q", text, tel.MaxReference)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, tel.NotFound()
	}
	var out References
	if out.Reservations, err = s.reservationsCalled(ctx, actor, text); err != nil {
		return nil, err
	}
	if out.Orders, err = s.ordersCalled(ctx, actor, text); err != nil {
		return nil, err
	}
	accounts := map[tel.AccountID]bool{}
	for _, r := range out.Reservations {
		accounts[r.Account] = true
	}
	for _, o := range out.Orders {
		accounts[o.Account] = true
	}
	if len(accounts) == 0 {
		return nil, tel.NotFound()
	}
	return &out, s.noteLooks(ctx, actor, looksOf(accounts, func(tel.AccountID) look { return look{asked: "reference", subject: text} }))
}

const afterText = "\U0010FFFF"

// called finds rows by the beginning of a text that the column has an index on: first
// those that have exactly this, the latest first, then those that go on, as the index
// has them.
func called[T any](s *Store, ctx context.Context, actor tel.Actor, from, account, seq, column, text string, scan func(scanner) (T, error)) ([]T, error) {
	var found []T
	for _, exact := range []bool{true, false} {
		var c condition
		order := column
		if exact {
			order = seq + ` DESC`
			c.add(column+` <> '' AND `+column+` = %s`, text)
		} else {
			c.add(column+` <> '' AND `+column+` > %s AND `+column+` < %s`, text, text+afterText)
		}
		c.scope(actor, account)
		rows, err := s.read.QueryContext(ctx, from+c.where()+` ORDER BY `+order+` LIMIT `+c.arg(MostReferences-len(found)), c.args...)
		if err != nil {
			return nil, err
		}
		some, err := collect(rows, scan)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

func (s *Store) reservationsCalled(ctx context.Context, actor tel.Actor, text string) ([]*tel.Reservation, error) {
	list, err := called(s, ctx, actor, `SELECT `+reservationColumns+` FROM reservation r`, `r.account_id`, `r.seq`, `r.customer_reference`, text, scanReservation)
	if err != nil {
		return nil, err
	}
	return list, s.dress(ctx, list)
}

func (s *Store) ordersCalled(ctx context.Context, actor tel.Actor, text string) ([]*tel.Order, error) {
	const from = `SELECT ` + orderColumns + `, a.name FROM orders o JOIN account a ON a.id = o.account_id`
	list, err := called(s, ctx, actor, from, `o.account_id`, `o.seq`, `o.customer_order_id`, text, scanNamedOrder)
	if err != nil {
		return nil, err
	}
	more, err := called(s, ctx, actor, from, `o.account_id`, `o.seq`, `o.reference`, text, scanNamedOrder)
	for _, o := range more {
		if !slices.ContainsFunc(list, func(have *tel.Order) bool { return have.Seq == o.Seq }) && len(list) < MostReferences {
			list = append(list, o)
		}
	}
	return list, err
}

// scope narrows to what the actor sees.
func (c *condition) scope(actor tel.Actor, column string) {
	if !actor.Sees(0) {
		c.add(column+` = %s`, int64(actor.Account))
	}
}

// OrdersOf are the orders that took TNs of a reservation, oldest first, without their
// TNs. The reservation comes from Reservation, which made the check.
func (s *Store) OrdersOf(ctx context.Context, r *tel.Reservation) ([]*tel.Order, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+`, a.name FROM orders o JOIN account a ON a.id = o.account_id
		WHERE o.account_id = $1 AND o.seq IN (SELECT order_seq FROM event WHERE reservation = $2 AND reservation <> 0 AND order_seq <> 0) ORDER BY o.seq LIMIT $3`, int64(r.Account), r.Seq, mostPast)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanNamedOrder)
}

// MostLookedUp is how many TNs one list may have.
const MostLookedUp = 2500

// TNLine is what a person may know of a TN, in a line of a list.
type TNLine struct {
	TN          tel.Number
	State       tel.TNState // as in TNReport
	Place       tel.Place   // of those whose state is known
	Account     tel.AccountID
	AccountName string
	Reservation *tel.Reservation // that holds it, without its TNs
	Service     *TNInService
}

// LookUpAll answers for many TNs at once, each as LookUp does but for its history, in
// the order asked for. CodeInvalid for more than MostLookedUp.
func (s *Store) LookUpAll(ctx context.Context, actor tel.Actor, tns []tel.Number) ([]TNLine, error) {
	switch {
	case !actor.Can(tel.ActLookUpTN):
		return nil, tel.Forbidden(tel.ActLookUpTN)
	case len(tns) > MostLookedUp:
		return nil, tel.Invalid("tns", "At most %d numbers at once.", MostLookedUp)
	}
	held, err := s.heldOf(ctx, actor, tns)
	if err != nil {
		return nil, err
	}
	kept, err := s.keptOf(ctx, actor, tns)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	lines := make([]TNLine, len(tns))
	of := map[tel.AccountID][]tel.Number{}
	for i, tn := range tns {
		lines[i] = s.line(tn, held[tn], kept[tn], now)
		if account := lines[i].Account; account != 0 {
			of[account] = append(of[account], tn)
		}
	}
	return lines, s.noteLooks(ctx, actor, looksOf(of, func(a tel.AccountID) look { return look{asked: "list", tns: of[a]} }))
}

// line tells of one TN, by what was read of it.
func (s *Store) line(tn tel.Number, r *tel.Reservation, kept *TNInService, now time.Time) TNLine {
	l := TNLine{TN: tn}
	switch {
	case r != nil && r.StateAt(now) != tel.StateExpired:
		l.State, l.Reservation, l.Account, l.AccountName = tel.TNReserved, r, r.Account, r.AccountName
	case s.shelf.IsFree(tn, now):
		l.State = tel.TNAvailable
	case kept != nil:
		l.State, l.Service, l.Account, l.AccountName = kept.State, kept, kept.Account, kept.AccountName
	}
	if l.State != "" {
		l.Place = s.placeOf(tn)
	}
	return l
}

// fillAll reads the TNs of many reservations together.
func (s *Store) fillAll(ctx context.Context, list []*tel.Reservation) error {
	bySeq := make(map[int64]*tel.Reservation, len(list))
	seqs := make([]int64, len(list))
	for i, r := range list {
		bySeq[r.Seq], seqs[i] = r, r.Seq
	}
	return inBites(keys(seqs), func(in string, some []any) error {
		rows, err := s.read.QueryContext(ctx, `SELECT reservation, tn, NULL, '' FROM hold WHERE reservation `+in+`
			UNION ALL SELECT reservation, tn, ended_at, how FROM past_hold WHERE reservation `+in+` ORDER BY 1, 2`, some...)
		return eachRow(rows, err, func(row scanner) error {
			var seq int64
			var h tel.ReservedTN
			err := row.Scan(&seq, &h.TN, (*micros)(&h.EndedAt), (*string)(&h.End))
			h.Place = s.placeOf(h.TN)
			bySeq[seq].TNs = append(bySeq[seq].TNs, h)
			return err
		})
	})
}

// heldOf are the reservations that hold TNs, within the actor's scope.
func (s *Store) heldOf(ctx context.Context, actor tel.Actor, tns []tel.Number) (map[tel.Number]*tel.Reservation, error) {
	held := map[tel.Number]*tel.Reservation{}
	err := inBites(keys(tns), func(in string, some []any) error {
		c := condition{args: some}
		c.add(`h.tn `+in+` AND (%s OR r.account_id = %s)`, actor.Sees(0), int64(actor.Account))
		rows, err := s.read.QueryContext(ctx, `SELECT `+reservationColumns+`, a.name, h.tn FROM hold h JOIN reservation r ON r.seq = h.reservation JOIN account a ON a.id = r.account_id`+c.where(), c.args...)
		return eachRow(rows, err, func(row scanner) error {
			var r tel.Reservation
			var tn tel.Number
			err := row.Scan(append(reservationFields(&r), &r.AccountName, &tn)...)
			held[tn] = &r
			return err
		})
	})
	return held, err
}

// keptOf are the TNs in service, aging or disabled, within the actor's scope.
func (s *Store) keptOf(ctx context.Context, actor tel.Actor, tns []tel.Number) (map[tel.Number]*TNInService, error) {
	kept := map[tel.Number]*TNInService{}
	err := inBites(keys(tns), func(in string, some []any) error {
		c := condition{args: some}
		c.add(`s.tn `+in+` AND (s.until IS NULL OR s.until > %s) AND (%s OR s.account_id = %s)`, micros(s.Now()), actor.Sees(0), int64(actor.Account))
		rows, err := s.read.QueryContext(ctx, serviceSQL+c.where(), c.args...)
		return eachRow(rows, err, func(row scanner) error {
			n, err := scanService(row)
			if err == nil {
				kept[n.TN] = n
			}
			return err
		})
	})
	return kept, err
}
