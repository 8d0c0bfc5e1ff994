package store_test

import (
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func marked(req tel.ReserveRequest, within time.Duration) tel.ReserveRequest {
	req.Repeat = tel.Repeat{Mark: "body", Within: within}
	return req
}

// A request that comes again gets its own reservation back, while that holds; what is
// not the same request, or another's, is refused.
func TestRepeatedReserve(t *testing.T) {
	s := storetest.Open(t)
	reserve(t, s, rival, raleigh(9))
	req := marked(ask(acme, raleigh(1), raleigh(2), raleigh(9)), time.Minute)
	first := must[tel.Reserved](t)(s.Reserve(ctx, member, req))
	if first.Repeated || len(first.Refused) != 1 || len(first.Reservation.Refused) != 1 {
		t.Fatalf("%+v", first)
	}
	s.Clock.Add(time.Minute)
	again := must[tel.Reserved](t)(s.Reserve(ctx, member, req))
	if !again.Repeated || again.Reservation.ID != first.Reservation.ID || len(again.Refused) != 1 || again.Refused[0].TN != raleigh(9) || again.Reservation.AccountName != "Acme Tel" {
		t.Fatalf("%+v", again)
	}
	s.Clock.Add(time.Microsecond)
	code(t, second(s.Reserve(ctx, member, req)), tel.CodeHeldByYou)
	code(t, second(s.Reserve(ctx, member, ask(acme, req.TNs...))), tel.CodeHeldByYou)
	req = marked(req, 24*time.Hour)
	code(t, second(s.Reserve(ctx, admin, req)), tel.CodeHeldByYou) // another client's
	other := req
	other.Repeat.Mark = "other"
	code(t, second(s.Reserve(ctx, member, other)), tel.CodeHeldByYou)
	if got := must[tel.Reserved](t)(s.Reserve(ctx, member, req)); !got.Repeated {
		t.Fatal("not the first answer")
	}
	// What came free meanwhile is no reason to answer anything else.
	must[*tel.Reservation](t)(s.Drop(ctx, member, first.Reservation.ID, raleigh(1)))
	if got := must[tel.Reserved](t)(s.Reserve(ctx, member, req)); !got.Repeated || got.Reservation.TNCount != 1 {
		t.Fatalf("%+v", got)
	}
	must[int](t)(s.SwitchReservations(ctx, operator, acme, false, store.LiveKeep))
	if got := must[tel.Reserved](t)(s.Reserve(ctx, member, req)); !got.Repeated {
		t.Fatal("the first answer stands though reservation was switched off")
	}
	must[int](t)(s.SwitchReservations(ctx, operator, acme, true, store.LiveKeep))
	must[*tel.Reservation](t)(s.Cancel(ctx, member, first.Reservation.ID, ""))
	fresh := must[tel.Reserved](t)(s.Reserve(ctx, member, req))
	if fresh.Repeated || fresh.Reservation.ID == first.Reservation.ID {
		t.Fatal("an ended reservation is given again")
	}
	s.Clock.Add(5 * time.Hour)
	if got := must[tel.Reserved](t)(s.Reserve(ctx, member, req)); got.Repeated {
		t.Fatal("a reservation that ran out is given again")
	}
	if r := must[*tel.Reservation](t)(s.Reservation(ctx, admin, first.Reservation.ID)); len(r.Refused) != 1 || !r.UpdatedAt(s.Now()).Equal(r.EndedAt) {
		t.Errorf("%+v", r)
	}
	checked(t, s.Store)
}

// Many at once: one reservation, and all get it.
func TestRepeatedAtOnce(t *testing.T) {
	s := storetest.Open(t)
	ids := map[string]int{}
	var mu sync.Mutex
	together(t, s, 50, func(int) {
		got, err := s.Reserve(ctx, member, marked(ask(acme, raleigh(1), raleigh(2)), time.Minute))
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		ids[got.Reservation.ID]++
	})
	if len(ids) != 1 {
		t.Error(ids)
	}
	checked(t, s.Store)
}

// An order of all or nothing leaves no trace when it is refused, and comes again only
// for the same request.
func TestWholeOrder(t *testing.T) {
	s := storetest.Open(t)
	reserve(t, s, rival, raleigh(9))
	mine := reserve(t, s, admin, raleigh(1))
	req := tel.OrderRequest{Account: acme, TNs: []tel.Number{raleigh(1), raleigh(9), raleigh(3)}, UseOwnHolds: true}
	o, refused, err := s.PlaceWholeOrder(ctx, admin, req)
	code(t, err, tel.CodeNotAvailable)
	if o != nil || len(refused) != 1 || refused[0].TN != raleigh(9) {
		t.Errorf("%+v %+v", o, refused)
	}
	if n := must[int](t)(s.CountOrders(ctx, admin, store.OrderQuery{Account: acme}, 9)); n != 0 {
		t.Errorf("%d orders", n)
	}
	_, _, err = s.PlaceWholeOrder(ctx, member, tel.OrderRequest{Account: acme, TNs: []tel.Number{raleigh(1)}, UseOwnHolds: true})
	code(t, err, tel.CodeNotAvailable) // not the member's hold
	_, _, err = s.PlaceWholeOrder(ctx, member, tel.OrderRequest{Account: acme, TNs: []tel.Number{raleigh(1)}})
	code(t, err, tel.CodeForbidden)
	_, _, err = s.PlaceWholeOrder(ctx, rival, req)
	code(t, err, tel.CodeNotFound)

	req.TNs, req.Repeat = []tel.Number{raleigh(1), raleigh(3)}, tel.Repeat{Mark: "body", Within: time.Minute}
	o, refused, err = s.PlaceWholeOrder(ctx, admin, req)
	if err != nil || o.State != tel.OrderComplete || refused != nil {
		t.Fatal(err, o, refused)
	}
	if r := must[*tel.Reservation](t)(s.Reservation(ctx, admin, mine.ID)); r.State != tel.StateOrdered {
		t.Error(r.State)
	}
	again, _, err := s.PlaceWholeOrder(ctx, admin, req)
	if err != nil || again.ID != o.ID || !again.Repeated {
		t.Error(err, again)
	}
	for name, change := range map[string]func(*tel.OrderRequest, *tel.Actor){
		"another mark": func(r *tel.OrderRequest, _ *tel.Actor) { r.Repeat.Mark = "other" },
		"no mark":      func(r *tel.OrderRequest, _ *tel.Actor) { r.Repeat = tel.Repeat{} },
		"a key":        func(r *tel.OrderRequest, _ *tel.Actor) { r.IdempotencyKey = "k" },
		"another's":    func(_ *tel.OrderRequest, a *tel.Actor) { a.ID = "another" },
		"too late":     func(r *tel.OrderRequest, _ *tel.Actor) { s.Clock.Add(2 * time.Minute) },
	} {
		r, who := req, admin
		change(&r, &who)
		if _, _, err := s.PlaceWholeOrder(ctx, who, r); tel.CodeOf(err) != tel.CodeNotAvailable {
			t.Errorf("%s: %v", name, err)
		}
		if name == "too late" {
			s.Clock.Add(-2 * time.Minute)
		}
	}
	checked(t, s.Store)
}

// An order's reference can be changed, and its ties stay.
func TestOrderReference(t *testing.T) {
	s := storetest.Open(t)
	o, _, err := s.PlaceWholeOrder(ctx, admin, tel.OrderRequest{Account: acme, TNs: []tel.Number{raleigh(1)}, Reference: "old", Ties: tel.Ties{ConnectionID: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	text := "new"
	must[*tel.Order](t)(s.UpdateOrder(ctx, admin, o.ID, tel.OrderUpdate{Reference: &text}))
	if got := must[*tel.Order](t)(s.Order(ctx, admin, o.ID)); got.Reference != "new" || got.Ties.ConnectionID != "c" {
		t.Errorf("%+v", got)
	}
	text = "a\nb"
	code(t, second(s.UpdateOrder(ctx, admin, o.ID, tel.OrderUpdate{Reference: &text})), tel.CodeInvalid)
	_, _, err = s.PlaceWholeOrder(ctx, admin, tel.OrderRequest{Account: acme, TNs: []tel.Number{raleigh(2)}, Ties: tel.Ties{BillingGroupID: "a\nb"}})
	if e := code(t, err, tel.CodeInvalid); e.Field != "billing_group_id" {
		t.Error(e.Field)
	}
}

// A request that comes again after all its TNs were disconnected is no repeat and is
// judged, unless it says that it is one.
func TestRepeatAfterDisconnect(t *testing.T) {
	s := storetest.Open(t)
	req := orderOf(acme, raleighs(1, 2)...)
	req.Repeat = tel.Repeat{Mark: "POST number_orders", Within: time.Minute}
	first, _, err := s.PlaceWholeOrder(ctx, admin, req)
	if err != nil {
		t.Fatal(err)
	}
	same := func(when string, req tel.OrderRequest) {
		t.Helper()
		if o, _, err := s.PlaceWholeOrder(ctx, admin, req); err != nil || o.ID != first.ID || !o.Repeated {
			t.Errorf("%s: %v %+v", when, err, o)
		}
	}
	same("at once", req)
	s.Clock.Add(time.Second)
	disconnect(t, s, admin, raleigh(1))
	same("one TN left", req)
	disconnect(t, s, admin, raleigh(2))
	retry := req
	retry.Repeat.Within, retry.Repeat.Retry = 24*time.Hour, true
	same("a retry", retry)
	named := req
	named.CustomerOrderID = "C-1"
	named.Repeat.Mark = "named"
	anew, _, err := s.PlaceWholeOrder(ctx, admin, req)
	if err != nil || anew.ID == first.ID || anew.Repeated {
		t.Fatalf("an order that lost its TNs is answered again: %v %+v", err, anew)
	}
	first = anew
	same("of two under one mark the later", req)
	disconnect(t, s, admin, raleighs(1, 2)...)
	order(t, s, admin, raleighs(1, 2)...)
	_, _, err = s.PlaceWholeOrder(ctx, admin, req) // its TNs are in service with another order
	code(t, err, tel.CodeNotAvailable)
	disconnect(t, s, admin, raleighs(1, 2)...)
	if first, _, err = s.PlaceWholeOrder(ctx, admin, named); err != nil {
		t.Fatal(err)
	}
	disconnect(t, s, admin, raleighs(1, 2)...)
	same("its customer order id stands for ever", named)
	checked(t, s.Store)
}

// A disconnect that comes again is answered as it was, and makes no second one that
// failed.
func TestRepeatedDisconnect(t *testing.T) {
	s := storetest.Open(t)
	order(t, s, admin, raleighs(1, 2)...)
	req := orderOf(acme, raleighs(1, 2)...)
	req.Repeat = tel.Repeat{Mark: "DELETE phone_numbers", Within: time.Minute}
	first := must[*tel.Order](t)(s.Disconnect(ctx, admin, req))
	again := must[*tel.Order](t)(s.Disconnect(ctx, admin, req))
	if first.State != tel.OrderComplete || again.ID != first.ID || !again.Repeated {
		t.Errorf("%+v then %+v", first, again)
	}
	checked(t, s.Store)
}
