package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// search asks for so many TNs that end in some digits, of Raleigh's 2,000.
func search(account tel.AccountID, ends string, quantity int, part, wait bool) tel.OrderRequest {
	req := waitFor(account, quantity)
	req.Search.Query.EndsWith, req.PartialAllowed, req.BackOrder = tel.Pattern(ends), part, wait
	return req
}

func TestSearchAndOrder(t *testing.T) {
	s := storetest.Open(t)
	reserve(t, s, rival, raleigh(101))
	reserve(t, s, admin, raleigh(102)) // not even the own hold
	// "10?" fits 20 TNs, of which 18 are free.
	if o := place(t, s, admin, search(acme, "10?", 19, false, false)); o.State != tel.OrderFailed || o.FailedCount != 19 || o.Failed != nil {
		t.Errorf("%+v", o)
	}
	o := place(t, s, admin, search(acme, "10?", 15, false, false))
	if o.State != tel.OrderComplete || len(o.Completed) != 15 {
		t.Errorf("%+v", o)
	}
	for _, tn := range o.Completed {
		if tn.TN == raleigh(101) || tn.TN == raleigh(102) || tn.TN.Line()/10%100 != 10 || tn.Place.City != "Raleigh" {
			t.Errorf("%+v", tn)
		}
	}
	o = place(t, s, admin, search(acme, "10?", 15, true, false))
	if o.State != tel.OrderPartial || len(o.Completed) != 3 || o.FailedCount != 12 || o.Search.Quantity != 15 || o.Search.Query.EndsWith != "10?" {
		t.Errorf("%+v", o)
	}
	same(t, "read", must[*tel.Order](t)(s.Order(ctx, admin, o.ID)), o)
	if o := place(t, s, admin, search(acme, "10?", 1, true, false)); o.State != tel.OrderFailed {
		t.Errorf("%+v", o)
	}
	bad := search(acme, "", 1, true, false)
	bad.Search.Query.X = 3
	code(t, second(s.PlaceOrder(ctx, admin, bad)), tel.CodeInvalid)
	if o := place(t, s, admin, search(acme, "", 1990, true, false)); o.CompletedCount != 1980 { // more than a page of the shelf
		t.Errorf("%d", o.CompletedCount)
	}
	checked(t, s.Store)
}

// Forty orders of five for 200 TNs, beside people who reserve: everything goes, once.
func TestSearchAndOrderAtOnce(t *testing.T) {
	s := storetest.Open(t)
	var had, held atomic.Int64
	parallel(44, func(i int) {
		actor := []tel.Actor{admin, rival}[i%2]
		if i >= 40 {
			if _, err := s.Reserve(ctx, actor, ask(actor.Account, raleigh(100*(i-40)+1))); err == nil {
				held.Add(1)
			}
			return
		}
		o, err := s.PlaceOrder(ctx, actor, search(actor.Account, "0?", 5, true, false))
		if err != nil {
			t.Error(err)
			return
		}
		had.Add(int64(o.CompletedCount))
	})
	if had.Load()+held.Load() != 200 {
		t.Errorf("%d ordered, %d held of 200", had.Load(), held.Load())
	}
	checked(t, s.Store)
}

// So many orders of an account wait, and no more; closing one makes room.
func TestBackOrdersAreBounded(t *testing.T) {
	s := storetest.Open(t)
	never := search(acme, "00?", 2000, false, true)
	var last *tel.Order
	for range tel.MostWaiting {
		last = place(t, s, admin, never)
	}
	e := code(t, second(s.PlaceOrder(ctx, admin, never)), tel.CodeInvalid)
	if e.Field != "back_order" {
		t.Errorf("%+v", e)
	}
	place(t, s, admin, search(acme, "00?", 20, false, true)) // there at once: it does not wait
	never.Account = globex
	place(t, s, rival, never)
	must[*tel.Order](t)(s.UpdateOrder(ctx, admin, last.ID, tel.OrderUpdate{Close: true}))
	never.Account = acme
	place(t, s, admin, never)
	checked(t, s.Store)
}

// What comes free goes to who waits longest.
func TestBackOrders(t *testing.T) {
	s := storetest.Open(t)
	first := reserve(t, s, admin, raleigh(7), raleigh(1007)) // "007": both
	a := place(t, s, rival, search(globex, "007", 1, true, true))
	whole := place(t, s, rival, search(globex, "007", 2, false, true))
	b := place(t, s, operator, search(acme, "007", 2, true, true))
	for _, o := range []*tel.Order{a, whole, b} {
		if o.State != tel.OrderBackordered || o.CompletedCount != 0 || !o.CompletedAt.IsZero() || o.FailedCount != 0 {
			t.Errorf("%+v", o)
		}
	}
	if n := must[int](t)(s.FillBackOrders(ctx)); n != 0 {
		t.Errorf("%d filled with nothing", n)
	}
	state := func(o *tel.Order) (tel.OrderState, int) {
		got := must[*tel.Order](t)(s.Order(ctx, operator, o.ID))
		return got.State, len(got.Completed)
	}
	is := func(o *tel.Order, want tel.OrderState, n int) {
		t.Helper()
		if got, had := state(o); got != want || had != n {
			t.Errorf("%s with %d, want %s with %d", got, had, want, n)
		}
	}
	must[*tel.Reservation](t)(s.Drop(ctx, admin, first.ID, raleigh(7)))
	eventually(t, "the oldest has it", func() bool { got, _ := state(a); return got == tel.OrderComplete })
	is(whole, tel.OrderBackordered, 0)
	is(b, tel.OrderBackordered, 0)
	s.Clock.Add(4 * time.Hour) // the hold on the other runs out
	must[store.Swept](t)(s.Sweep(ctx))
	// One is not enough for who wants both or none: the younger is not kept waiting.
	eventually(t, "the younger has one", func() bool { _, n := state(b); return n == 1 })
	is(whole, tel.OrderBackordered, 0)
	is(b, tel.OrderBackordered, 1)
	closed := must[*tel.Order](t)(s.UpdateOrder(ctx, admin, b.ID, tel.OrderUpdate{Close: true}))
	if closed.State != tel.OrderPartial || closed.FailedCount != 1 || closed.CompletedAt.IsZero() {
		t.Errorf("%+v", closed)
	}
	if err := s.SetAging(ctx, operator, globex, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAging(ctx, operator, acme, time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, tn := range []tel.Number{raleigh(7), raleigh(1007)} {
		must[*tel.Order](t)(s.Disconnect(ctx, operator, orderOf(globex, tn)))
		must[*tel.Order](t)(s.Disconnect(ctx, operator, orderOf(acme, tn)))
	}
	s.Clock.Add(time.Hour)
	must[store.Swept](t)(s.Sweep(ctx))
	eventually(t, "all or nothing gets all", func() bool { got, n := state(whole); return got == tel.OrderComplete && n == 2 })
	kinds := ""
	for _, e := range must[[]*tel.Event](t)(s.OrderHistory(ctx, whole)) {
		kinds += string(e.Kind) + " "
	}
	same(t, "history", kinds, "order.placed order.backordered tn.in_service order.completed ")
	nothing := place(t, s, admin, search(acme, "007", 1, true, true))
	if o := must[*tel.Order](t)(s.UpdateOrder(ctx, admin, nothing.ID, tel.OrderUpdate{Close: true})); o.State != tel.OrderFailed {
		t.Errorf("%+v", o)
	}
	checked(t, s.Store)
	checked(t, again(t, s))
}

// Twenty wait for what comes free one after the other: nobody is passed over.
func TestBackOrdersOldestFirst(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleighs(0, 20)...) // "00?" and "01?" of the first thousand
	var waiting []*tel.Order
	for range 20 {
		req := search(globex, "", 1, true, true)
		req.Search.Query.StartsWith, req.Search.Query.EndsWith = "9195552", "0??"
		if len(waiting) == 0 {
			place(t, s, rival, func() tel.OrderRequest { r := req; x := *req.Search; x.Quantity = 80; r.Search = &x; return r }())
		}
		waiting = append(waiting, place(t, s, rival, req))
	}
	for i := range 19 {
		must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, raleigh(i)))
		eventually(t, "filled", func() bool {
			return must[*tel.Order](t)(s.Order(ctx, rival, waiting[i].ID)).State == tel.OrderComplete
		})
		if o := must[*tel.Order](t)(s.Order(ctx, rival, waiting[i+1].ID)); o.State != tel.OrderBackordered {
			t.Fatalf("the %dth was served before its turn", i+1)
		}
	}
	checked(t, s.Store)
}

// A pass that failed before its first look keeps nobody waiting for good.
func TestBackOrdersAfterAFailedPass(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(7), raleigh(1007))
	o := place(t, s, rival, search(globex, "007", 1, true, true))
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.FillBackOrders(over); err == nil {
		t.Fatal("it did not fail")
	}
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
	eventually(t, "filled", func() bool {
		must[store.Swept](t)(s.Sweep(ctx))
		return must[*tel.Order](t)(s.Order(ctx, rival, o.ID)).State == tel.OrderComplete
	})
	checked(t, s.Store)
}

// A server that starts again fills what waited before.
func TestBackOrdersAfterARestart(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(7), raleigh(1007))
	o := place(t, s, rival, search(globex, "007", 1, true, true))
	blind := must[*store.Store](t)(store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now, NoShelf: true}))
	defer blind.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	must[*tel.Reservation](t)(blind.Cancel(ctx, admin, r.ID, ""))
	next := again(t, s)
	if got := must[store.Swept](t)(next.Sweep(ctx)); got.Filled != 1 {
		t.Errorf("%+v", got)
	}
	if got := must[*tel.Order](t)(next.Order(ctx, rival, o.ID)); got.State != tel.OrderComplete {
		t.Errorf("%+v", got)
	}
	checked(t, next)
}
