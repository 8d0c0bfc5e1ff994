package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// looked are the look-ups that an account's admin can read, the latest first.
func looked(t *testing.T, s *storetest.Store, admin tel.Actor) (list []string) {
	t.Helper()
	for _, e := range must[store.Audited](t)(s.Audit(ctx, admin, store.AuditQuery{Kind: "desk", Limit: 100})).Rows {
		list = append(list, e.Actor.Name+" "+e.Facts.Reason)
	}
	return list
}

// TestLookUpsAreEvents: whatever somebody of the platform looks up in an account is told
// to it; what an open page asks again is not, nor what an account looks up itself.
func TestLookUpsAreEvents(t *testing.T) {
	s := storetest.Open(t)
	all := storetest.Actor(tel.RoleSupport, 0)
	req := ask(acme, raleigh(0))
	req.CustomerReference = "Order 4711"
	r := must[tel.Reserved](t)(s.Reserve(ctx, admin, req)).Reservation
	reserve(t, s, rival, raleigh(1))
	o := order(t, s, admin, raleigh(5))
	for _, own := range []tel.Actor{admin, storetest.Actor(tel.RoleSupport, acme)} {
		must[*store.TNReport](t)(s.LookUp(ctx, own, raleigh(0)))
		must[*store.References](t)(s.FindReference(ctx, own, "Order 4711"))
		must[[]store.TNLine](t)(s.LookUpAll(ctx, own, raleighs(0, 10)))
		must[*tel.Reservation](t)(s.OpenReservation(ctx, own, r.ID))
	}
	must[*store.TNReport](t)(s.LookUp(ctx, all, raleigh(7))) // free: nobody's
	must[*store.TNReport](t)(s.LookUp(ctx, tel.System("test"), raleigh(0)))
	same(t, "nobody looked in from outside", looked(t, s, admin), []string(nil))

	must[*store.TNReport](t)(s.LookUp(ctx, all, raleigh(0)))
	for range 3 { // a page that asks again and again
		s.Clock.Add(10*time.Minute - time.Microsecond)
		must[*store.TNReport](t)(s.LookUp(store.Unasked(ctx), all, raleigh(0)))
	}
	same(t, "one look", looked(t, s, admin), []string{all.Name + " number"})
	s.Clock.Add(10 * time.Minute)
	must[*store.TNReport](t)(s.LookUp(store.Unasked(ctx), all, raleigh(0))) // says so, long after
	same(t, "another look", looked(t, s, admin), []string{all.Name + " number", all.Name + " number"})
	must[*tel.Reservation](t)(s.OpenReservation(ctx, all, r.ID))
	must[*tel.Order](t)(s.OpenOrder(ctx, operator, o.ID))
	must[*store.References](t)(s.FindReference(ctx, all, "Order"))
	must[[]store.TNLine](t)(s.LookUpAll(ctx, operator, raleighs(0, 10)))
	support, root := all.Name+" ", operator.Name+" "
	want := []string{root + "list", support + "reference", root + "order", support + "reservation", support + "number", support + "number"}
	same(t, "Acme reads", looked(t, s, admin), want)
	same(t, "Globex reads", looked(t, s, rival), []string{root + "list"})
	must[*store.TNReport](t)(s.LookUp(ctx, all, raleigh(0)))
	same(t, "again at once", looked(t, s, admin), append([]string{support + "number"}, want...))
	must[*store.TNReport](t)(s.LookUp(store.Unasked(ctx), all, raleigh(5))) // says so, and never looked before
	same(t, "a page that was not open", looked(t, s, admin), append([]string{support + "number", support + "number"}, want...))
	page := must[store.Audited](t)(s.Audit(ctx, admin, store.AuditQuery{Kind: "desk", Limit: 4}))
	same(t, "which numbers", [][]tel.Number{page.Rows[1].Facts.TNs, page.Rows[2].Facts.TNs}, [][]tel.Number{{raleigh(0)}, {raleigh(0), raleigh(5)}})
	same(t, "what was typed", page.Rows[3].Facts.Subject, "Order")
	checked(t, s.Store)
}

func TestFindReference(t *testing.T) {
	s := storetest.Open(t)
	made := func(actor tel.Actor, reference string, i int) string {
		t.Helper()
		req := ask(actor.Account, raleigh(i))
		req.CustomerReference = reference
		return must[tel.Reserved](t)(s.Reserve(ctx, actor, req)).Reservation.ID
	}
	first, second1, longer, theirs := made(admin, "4711", 0), made(admin, "4711", 1), made(admin, "4711-b", 2), made(rival, "4711", 1000)
	req := orderOf(acme, raleigh(9))
	req.CustomerOrderID, req.Reference = "4711-order", "4711 too"
	o := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req))
	found := func(actor tel.Actor, text string) (ids []string) {
		t.Helper()
		refs, err := s.FindReference(ctx, actor, text)
		if tel.CodeOf(err) == tel.CodeNotFound {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refs.Reservations {
			if ids = append(ids, r.ID); len(r.TNs) != 1 || r.AccountName == "" {
				t.Errorf("%+v", r)
			}
		}
		for _, o := range refs.Orders {
			ids = append(ids, o.ID)
		}
		return ids
	}
	same(t, "own", found(admin, "4711"), []string{second1, first, longer, o.ID})
	same(t, "all", found(operator, "4711"), []string{theirs, second1, first, longer, o.ID})
	same(t, "another's", found(rival, "4711"), []string{theirs})
	same(t, "begins", found(admin, "4711-"), []string{longer, o.ID})
	same(t, "none", found(admin, "4712"), []string(nil))
	same(t, "another's only", found(rival, "4711-"), []string(nil))
	code(t, second(s.FindReference(ctx, member, "4711")), tel.CodeForbidden)
	code(t, second(s.FindReference(ctx, admin, "a\nb")), tel.CodeInvalid)
	code(t, second(s.FindReference(ctx, admin, " ")), tel.CodeNotFound)
}

// TestLookUpAll: a list tells of each TN what LookUp tells.
func TestLookUpAll(t *testing.T) {
	s := storetest.Open(t)
	for i := range 3 {
		reserve(t, s, admin, raleigh(10*i))
		reserve(t, s, rival, raleigh(10*i+1))
		order(t, s, admin, raleigh(10*i+2))
		order(t, s, rival, raleigh(10*i+3))
	}
	disconnect(t, s, admin, raleigh(2))
	if err := s.Disable(ctx, operator, raleigh(5)); err != nil {
		t.Fatal(err)
	}
	req := ask(acme, raleigh(6))
	req.For = time.Minute
	must[tel.Reserved](t)(s.Reserve(ctx, admin, req))
	s.Clock.Add(2 * time.Minute)
	tns := append(raleighs(0, 30), tel.NewNumber(312, 555, 0))
	for i := range 1200 {
		tns = append(tns, raleigh(40+i))
	}
	for _, actor := range []tel.Actor{operator, admin, rival, storetest.Actor(tel.RoleSupport, globex)} {
		lines := must[[]store.TNLine](t)(s.LookUpAll(ctx, actor, tns))
		for i, l := range lines {
			is := must[*store.TNReport](t)(s.LookUp(ctx, actor, tns[i]))
			if l.TN != tns[i] || l.State != is.State || l.Place != is.Place || (l.Reservation != nil) != (is.Reservation != nil) || (l.Account != 0) != (is.Reservation != nil || is.Service != nil) ||
				l.Account != 0 && (!actor.Sees(l.Account) || l.AccountName == "") {
				t.Fatalf("%s: %s in the list is %+v, by itself %+v", actor.Name, tns[i], l, is)
			}
		}
	}
	code(t, second(s.LookUpAll(ctx, member, tns)), tel.CodeForbidden)
	code(t, second(s.LookUpAll(ctx, admin, make([]tel.Number, store.MostLookedUp+1))), tel.CodeInvalid)
}

// TestPastHoldsLatestFirst: by when they ended, changed meanwhile or not.
func TestPastHoldsLatestFirst(t *testing.T) {
	s := storetest.Open(t)
	var want []string
	for i := range 3 {
		r := reserve(t, s, admin, raleigh(0))
		s.Clock.Add(time.Hour)
		if i == 1 {
			must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
		}
		must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
		want = append([]string{r.ID}, want...)
	}
	r := reserve(t, s, admin, raleigh(0))
	s.Clock.Add(24 * time.Hour) // runs out, and is not swept
	want = append([]string{r.ID}, want...)
	var got []string
	for _, p := range must[*store.TNReport](t)(s.LookUp(ctx, admin, raleigh(0))).Past {
		got = append(got, p.Reservation.ID)
	}
	same(t, "past holds", got, want)
}

// TestHistoryOfATN: every hold, order and disconnect of a TN, each within its account.
func TestHistoryOfATN(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0))
	req := orderOf(acme, raleigh(0))
	req.ReservationIDs = []string{r.ID}
	o := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req))
	same(t, "the reservation's order", must[[]*tel.Order](t)(s.OrdersOf(ctx, r))[0].ID, o.ID)
	s.Clock.Add(time.Minute)
	gone := disconnect(t, s, admin, raleigh(0))
	s.Clock.Add(91 * 24 * time.Hour)
	theirs := order(t, s, rival, raleigh(0))
	orders := func(actor tel.Actor) (ids []string) {
		for _, o := range must[*store.TNReport](t)(s.LookUp(ctx, actor, raleigh(0))).Orders {
			ids = append(ids, o.Order.ID)
		}
		return ids
	}
	same(t, "all", orders(operator), []string{theirs.ID, gone.ID, o.ID})
	same(t, "Acme's", orders(admin), []string{gone.ID, o.ID})
	same(t, "Globex's", orders(rival), []string{theirs.ID})
	same(t, "somebody else's", orders(storetest.Actor(tel.RoleAdmin, initech)), []string(nil))
}

// TestChangesOfATN: who took a TN off the market and when its aging ended, each for those
// who may know the state itself.
func TestChangesOfATN(t *testing.T) {
	s := storetest.Open(t)
	const day = 24 * time.Hour
	globexAdmin, everySupport := storetest.Actor(tel.RoleAdmin, globex), storetest.Actor(tel.RoleSupport, 0)
	step := func(change func(context.Context, tel.Actor, tel.Number) error) {
		t.Helper()
		if err := change(ctx, operator, raleigh(0)); err != nil {
			t.Fatal(err)
		}
		s.Clock.Add(day)
	}
	changes := func(actor tel.Actor, tn tel.Number) (list []string) {
		t.Helper()
		for _, c := range must[*store.TNReport](t)(s.LookUp(ctx, actor, tn)).Changes {
			list = append(list, fmt.Sprintf("%s by %q on day %d", c.Kind, c.By, c.At.Sub(storetest.Start)/day))
		}
		return list
	}
	root := operator.Name
	step(s.Disable) // on day 0
	step(s.Enable)
	order(t, s, admin, raleigh(0), raleigh(1))
	disconnect(t, s, admin, raleigh(0), raleigh(1)) // on day 2, until day 92
	s.Clock.Add(10 * day)
	order(t, s, admin, raleigh(0)) // taken back, and given up again on day 12
	disconnect(t, s, admin, raleigh(0))
	same(t, "while it ages", changes(admin, raleigh(0)), []string(nil))
	s.Clock.Add(90*day - time.Microsecond)
	same(t, "until the last moment", changes(admin, raleigh(0)), []string(nil))
	same(t, "the other", changes(admin, raleigh(1)), []string{`tn.aged by "" on day 92`})
	s.Clock.Add(time.Microsecond)
	aged := []string{`tn.aged by "" on day 102`}
	same(t, "nobody wrote it down", changes(admin, raleigh(0)), aged)
	must[store.Swept](t)(s.Sweep(ctx))
	same(t, "written down", changes(admin, raleigh(0)), aged)
	all := append(aged, `tn.enabled by "`+root+`" on day 1`, `tn.disabled by "`+root+`" on day 0`)
	same(t, "the operator reads", changes(operator, raleigh(0)), all)
	same(t, "support of all reads", changes(everySupport, raleigh(0)), all)
	for _, stranger := range []tel.Actor{globexAdmin, storetest.Actor(tel.RoleSupport, globex)} {
		same(t, "another account reads", changes(stranger, raleigh(0)), []string(nil))
	}

	s.Clock.Add(time.Hour)
	order(t, s, globexAdmin, raleigh(0))
	disconnect(t, s, globexAdmin, raleigh(0)) // on day 102
	step(s.Disable)
	s.Clock.Add(100 * day)
	same(t, "disabled before it had aged", changes(globexAdmin, raleigh(0)), []string(nil))
	same(t, "the first holder still reads", changes(admin, raleigh(0)), aged)
	same(t, "the operator reads all", changes(operator, raleigh(0)), append([]string{`tn.disabled by "` + root + `" on day 102`}, all...))
	checked(t, s.Store)
}
