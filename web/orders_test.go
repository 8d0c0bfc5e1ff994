package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// standing is what a TN in service or aging is, nil for any other.
func (s *site) standing(tn tel.Number) *store.TNInService {
	s.t.Helper()
	report, err := s.LookUp(ctx, root, tn)
	if err != nil {
		s.t.Fatal(err)
	}
	return report.Service
}

func (s *site) order(actor tel.Actor, req tel.OrderRequest) *tel.Order {
	s.t.Helper()
	o, err := s.PlaceOrder(ctx, actor, req)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// inService puts n fresh TNs into service for an account.
func (s *site) inService(account tel.AccountID, n int) (tns []tel.Number) {
	s.t.Helper()
	for range n {
		tns = append(tns, s.free())
	}
	s.order(root, tel.OrderRequest{Account: account, Kind: tel.OrderKindExisting, TNs: tns, Name: "Made for a test"})
	return tns
}

func (s *site) orderCount() string { s.t.Helper(); return s.one(`SELECT COUNT(*) FROM orders`) }

// orderForm is the form that orders a reservation, with every TN ticked.
func (v *visitor) orderForm(id string) url.Values {
	v.t.Helper()
	return v.want(200, "/orders/new?reservation="+id).form(".confirm")
}

func TestOrderAReservation(t *testing.T) {
	s := open(t)
	for _, who := range []string{"acme-member", "acme-admin", "operator"} {
		maker := who
		if who == "operator" {
			maker = "acme-admin"
		}
		v, r := s.as(who), s.reserved(maker, 3)
		v.want(200, "/reservations/"+r.ID).has(`#order[href="/orders/new?reservation=` + r.ID + `"]`)
		a := v.want(200, "/orders/new?reservation="+r.ID)
		a.says(".confirm", "Order 3 numbers?").says("#monthly", "3 numbers").has(".confirm [role=timer]").has("#partial:not([checked])")
		form := a.form(".confirm")
		if len(form["tn"]) != 3 || form.Get("key") == "" || form.Get("reservation") != r.ID {
			t.Fatal(form)
		}
		form.Set("name", "Branch in Cary")
		form.Set("customer_order_id", "PO 1-"+who[:4]+who[5:6])
		before := s.orderCount()
		v.Still = true
		first, second := v.post("/orders", form), v.post("/orders", form)
		v.Still = false
		at := first.header.Get("Location")
		if first.status != 303 || second.status != 303 || second.header.Get("Location") != at || !strings.HasPrefix(at, "/orders/") {
			t.Fatal(first.status, at, second.status, second.header.Get("Location"))
		}
		if first.flash().Text != "3 numbers are in service." || !strings.Contains(second.flash().Text, "nothing was done twice") {
			t.Error(first.flash(), second.flash())
		}
		if after := s.orderCount(); after == before || s.one(`SELECT COUNT(*) FROM orders WHERE customer_order_id = $1`, form.Get("customer_order_id")) != "1" {
			t.Error(before, after)
		}
		page := v.want(200, at)
		page.says("h1", "Branch in Cary").says("#about .pill", "Complete").says("#about", "3 of 3").says("#completed", r.TNs[2].TN.String()).
			says("#history", "Order placed").says("#history", "Took all of a reservation").has(`#about a[href="/reservations/` + r.ID + `"]`)
		if page.doc().Find("#failed").Length() != 0 || page.attr("#order-coid", "value") != form.Get("customer_order_id") {
			t.Error(page.text("#main"))
		}
		v.want(200, "/orders/new?reservation="+r.ID).says("#main", "This reservation has ended")
		over := v.want(200, "/reservations/"+r.ID)
		if over.doc().Find("#order").Length() != 0 {
			t.Error("an ended reservation can be ordered")
		}
		v.want(200, "/orders").says("#list", "Branch in Cary")
	}
}

func TestOrderPartOfAReservation(t *testing.T) {
	s := open(t)
	v, r := s.as("acme-member"), s.reserved("acme-member", 3)
	form := v.orderForm(r.ID)
	none := url.Values{}
	for name, vs := range form {
		none[name] = vs
	}
	none.Del("tn")
	s.unchanged("nothing ticked", func() {
		a := v.post("/orders", none)
		a.fault("tn", "at least one")
		if a.status != 422 || len(a.form(".confirm")["tn"]) != 0 {
			t.Error(a.status)
		}
		none["tn"] = []string{s.free().Digits()}
		if a := v.post("/orders", none); a.status != 422 {
			t.Error("a TN of no reservation", a.status)
		}
		form.Set("customer_order_id", "a_b")
		v.post("/orders", form).fault("customer_order_id", "letters, digits")
		form.Set("customer_order_id", "")
		form.Set("name", strings.Repeat("x", 51))
		v.post("/orders", form).fault("name", "")
	})
	// One of three: the reservation lives on with the rest, which the next form offers.
	form = v.orderForm(r.ID)
	form["tn"] = form["tn"][:1]
	form.Set("customer_order_id", "Mine")
	v.post("/orders", form).says("#about .pill", "Complete").says("#about", "1 of 1").says("#history", "Took part of a reservation")
	form = v.orderForm(r.ID)
	if len(form["tn"]) != 2 {
		t.Error(form)
	}
	form.Set("customer_order_id", "Mine")
	v.post("/orders", form).fault("customer_order_id", "Another order has")

	// What cannot be had any more: refused whole, or in part where that is allowed.
	form = v.orderForm(r.ID)
	lost := r.TNs[2].TN
	if _, err := s.Drop(ctx, s.actor("acme-member"), r.ID, lost); err != nil {
		t.Fatal(err)
	}
	s.reserve("globex-member", tel.ReserveRequest{Account: storetest.Globex, TNs: []tel.Number{lost}, AllOrNothing: true})
	a := v.post("/orders", form)
	a.says(".toast", "Nothing was ordered").says("#about .pill", "Failed").says("#failed", lost.String()).says("#failed", "not available")
	if strings.Contains(strings.ToLower(a.text("#main")), "globex") {
		t.Error(a.text("#main"))
	}
	form.Set("partial", "1")
	a = v.post("/orders", form)
	a.says(".toast", "Only 1 of 2 numbers").says("#about .pill", "Partial").says("#completed", r.TNs[1].TN.String()).says("#failed", lost.String())
}

func TestOrderPageNotesAndNames(t *testing.T) {
	s := open(t)
	v, r := s.as("acme-member"), s.reserved("acme-member", 1)
	a := v.want(200, "/orders/new?reservation="+r.ID)
	a.says(".confirm", "Order this number?").says(".confirm", "and the reservation ends")
	if n := a.doc().Find(".confirm [type=checkbox], #monthly").Length(); n != 0 {
		t.Error("a single number is there to choose from")
	}
	form := a.form(".confirm")
	at := v.post("/orders", form).url.Path
	v.post(at+"/notes", values("note", "  Ported <b>later</b> ")).says(".toast", "added").says("#note-list", "Ported <b>later</b>").says("#note-list", email("acme-member"))
	note := v.want(200, at).form(".o-note")
	note.Set("note", "A double click")
	v.post(at+"/notes", note).says("#note-list", "A double click")
	s.unchanged("the same note again", func() { v.post(at+"/notes", note) })
	note.Set("note", "Typed anew on the same page")
	v.post(at+"/notes", note).says("#note-list", "Typed anew")
	s.unchanged("wrong notes", func() {
		v.post(at+"/notes", values("note", " ")).fault("note", "")
		a := v.post(at+"/notes", values("note", strings.Repeat("x", tel.MaxNote+1)))
		a.fault("note", "")
		if a.status != 422 || len(a.attr("#note", "value")) != tel.MaxNote+1 {
			t.Error(a.status, len(a.attr("#note", "value")))
		}
		v.post(at, values("name", "x", "customer_order_id", "?")).fault("customer_order_id", "")
	})
	v.post(at, values("name", "New name", "customer_order_id", "PO-7")).says("h1", "New name").says("#about", "PO-7").says("#history", "changed")
	other := v.post("/orders", v.orderForm(s.reserved("acme-member", 1).ID)).url.Path
	v.post(other, values("customer_order_id", "PO-7")).fault("customer_order_id", "Another order has")
	if a := v.post(other, values("close", "1")); a.status != 200 || !strings.Contains(a.text(".toast"), "COMPLETE") {
		t.Error(a.status, a.text(".toast"))
	}

	// A back-order, closed by hand.
	q := tel.NewQuery()
	q.NPAs, q.NXX = []int{800}, 555
	o := s.order(s.actor("acme-admin"), tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindSearch, BackOrder: true, PartialAllowed: true, Search: &tel.OrderSearch{Query: q, Quantity: 1500}})
	a = v.want(200, "/orders/"+o.ID)
	a.says("#about .pill", "Back-ordered").says("#waiting", "Waiting for 500 numbers").says("#about", "Area code 800, exchange 555")
	v.post("/orders/"+o.ID, values("close", "1")).says("#about .pill", "Partial").says("#about", "1,000 of 1,500")

	// Who reads and may not change is offered nothing to change.
	support := s.as("acme-support")
	a = support.want(200, at)
	if a.doc().Find("#main form").Length() != 0 || support.post(at, values("name", "x")).status != 403 || support.post(at+"/notes", values("note", "x")).status != 403 {
		t.Error("support changes an order")
	}
}

func TestOrderListFilters(t *testing.T) {
	s := open(t)
	for i, who := range []string{"acme-admin", "acme-member"} {
		v := s.as(who)
		form := v.orderForm(s.reserved(who, 1).ID)
		form.Set("name", "By "+who)
		form.Set("customer_order_id", []string{"A-1", "B-2"}[i])
		v.post("/orders", form)
	}
	theirs := s.inService(storetest.Globex, 1)[0]
	mine := s.inService(storetest.Acme, 1)[0]
	if _, err := s.Disconnect(ctx, s.actor("acme-admin"), tel.OrderRequest{Account: storetest.Acme, TNs: []tel.Number{mine}, Name: "Away"}); err != nil {
		t.Fatal(err)
	}
	s.order(s.actor("acme-admin"), tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindExisting, TNs: []tel.Number{theirs}, Name: "Lost"})
	s.Clock.Add(25 * time.Hour)
	s.order(root, tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindExisting, TNs: []tel.Number{s.free()}, Name: "Next day"})
	admin, member, operator := s.as("acme-admin"), s.as("acme-member"), s.as("operator")
	names := func(v *visitor, query string) string {
		t.Helper()
		a := v.want(200, "/orders"+query)
		return strings.Join(a.each(".o-name"), ",")
	}
	for query, want := range map[string]string{
		"":                       "Next day,Lost,Away,Made for a test,By acme-member,By acme-admin",
		"?status=failed":         "Lost",
		"?kind=disconnect":       "Away",
		"?customer_order_id=B-2": "By acme-member",
		"?tn=" + mine.Digits():   "Away,Made for a test",
		"?tn=" + theirs.Digits(): "Lost",
		"?from=2026-11-22":       "Next day",
		"?from=2026-11-21&to=2026-11-21&kind=disconnect": "Away",
		"?to=2026-11-20":   "",
		"?account=9500002": "Next day,Lost,Away,Made for a test,By acme-member,By acme-admin",
		"?status=complete&customer_order_id=A-1&kind=existing": "By acme-admin",
	} {
		if got := names(admin, query); got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
	}
	if got := names(member, ""); got != "By acme-member" {
		t.Error(got)
	}
	if got := names(operator, "?account=9500002"); got != "Made for a test" {
		t.Error(got)
	}
	operator.want(200, "/orders").says("#rows", "Globex").has("#rows .c-acc")
	for field, bad := range map[string]string{"status": "?status=x", "kind": "?kind=x", "tn": "?tn=5", "customer_order_id": "?customer_order_id=_", "from": "?from=x", "to": "?from=2026-11-22&to=2026-11-21"} {
		admin.want(422, "/orders"+bad).fault(field, "")
	}
	s.as("acme-support").want(403, "/orders?from=x")
	for range 60 {
		s.inService(storetest.Initech, 1)
	}
	v := s.as("initech-admin")
	a := v.want(200, "/orders?kind=existing")
	next := a.attr("#pager-next", "href")
	b := v.want(200, next)
	if len(a.each(".o-name")) != 50 || len(b.each(".o-name")) != 10 || b.attr("#pager-first", "href") != "/orders?kind=existing" {
		t.Error(next, len(a.each(".o-name")), len(b.each(".o-name")))
	}
	a.says("#list-h", "60 orders").has(`#list[hx-trigger*="live:orders"]`)
}

func TestDisconnectAndTakeBack(t *testing.T) {
	s := open(t)
	tns := s.inService(storetest.Acme, 3)
	durham := tel.NewNumber(984, 200, 7)
	s.order(root, tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindExisting, TNs: []tel.Number{durham}})
	s.inService(storetest.Globex, 1)
	v := s.as("acme-admin")
	a := v.want(200, "/numbers")
	a.says("#list-h", "4 numbers").has("#nav-numbers[aria-current]")
	for query, want := range map[string]string{"?npa=984": "1 number", "?npa=919&nxx=555": "3 numbers", "?state=NC": "4 numbers", "?state=nj": "0 numbers", "?city=raleigh": "3 numbers", "?rc=DURHAM": "1 number", "?status=aging": "0 numbers", "?account=9500002": "4 numbers"} {
		if got := v.want(200, "/numbers"+query).text("#list-h"); got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
	}
	v.want(422, "/numbers?npa=9").fault("npa", "")
	v.want(422, "/numbers?nxx=555").fault("nxx", "area code")
	v.want(422, "/numbers?npa=911").fault("npa", "")

	if a := v.get("/numbers/disconnect"); a.url.Path != "/numbers" {
		t.Error(a.url)
	}
	pick := "?tn=" + tns[0].Digits() + "&tn=" + tns[1].Digits()
	var form url.Values
	s.unchanged("asking", func() {
		a = v.want(200, "/numbers/disconnect"+pick+"&tn="+unknownTN)
		a.says(".confirm", "Disconnect 2 numbers?").says(".confirm", "They age for 90 days").says(".confirm", "left out: 1")
		form = a.form(".confirm")
		form.Set("customer_order_id", "_")
		v.post("/numbers/disconnect", form).fault("customer_order_id", "")
		form.Set("customer_order_id", "")
	})
	a = v.post("/numbers/disconnect", form)
	a.says(".toast", "2 numbers disconnected").says("#about .pill", "Complete").says("#completed", "Disconnected").says("#history", "Disconnected")
	at := a.url.Path
	if again := v.post("/numbers/disconnect", form); again.url.Path != at {
		t.Error("sent twice: ", again.url)
	}
	if is := s.standing(tns[0]); is.State != tel.TNAging {
		t.Fatal(is)
	}
	v.want(200, "/numbers?status=aging").says("#list-h", "2 numbers").says("#rows", "Aging").says("#rows", "19 Feb 2027")
	v.want(200, "/lookup?q="+tns[0].Digits()).says("#tn", "Comes free").has("#service-order")
	v.want(200, "/lookup?q="+tns[2].Digits()).says("#tn", "In service since").has("#service-order")

	// Nobody else takes it back.
	globex := s.as("globex-admin")
	if a := globex.get("/orders/new" + pick); a.url.Path != "/numbers" {
		t.Error(a.url)
	}
	globex.post("/orders", values("tn", tns[0].Digits())).says("#about .pill", "Failed").says("#failed", "not available")
	if a := s.as("acme-member").get("/orders/new" + pick); a.status != 403 {
		t.Error(a.status)
	}
	a = v.want(200, "/orders/new"+pick+"&tn="+tns[2].Digits())
	a.says(".confirm", "Take 2 numbers back?").says(".confirm", "left out: 1")
	v.post("/orders", a.form(".confirm")).says(".toast", "2 numbers are in service").says("#about .pill", "Complete")
	if is := s.standing(tns[0]); is.State != tel.TNInService {
		t.Error(is)
	}
	// An operator, for the account that the page names.
	op := s.as("operator")
	op.want(200, "/numbers").says("#rows", "Globex").says("#rows", "Acme")
	a = op.want(200, "/numbers/disconnect?tn="+durham.Digits())
	op.post("/numbers/disconnect", a.form(".confirm")).says("#about", "Acme").says("#about .pill", "Complete")
	op.post("/orders", op.want(200, "/orders/new?tn="+durham.Digits()).form(".confirm")).says("#about .pill", "Complete")
	if a := op.post("/numbers/disconnect", values("tn", durham.Digits())); a.status != 422 {
		t.Error(a.status)
	}
}

func TestOrderRightsAndOtherAccounts(t *testing.T) {
	s := open(t)
	id, service, aging := s.ordered(storetest.Globex)
	r := s.reserved("globex-member", 1)
	for _, who := range []string{"acme-admin", "acme-member", "acme-support"} {
		v := s.as(who)
		for _, path := range []string{"/orders/" + id, "/orders/new?reservation=" + r.ID} {
			a, b := v.get(path), v.get(idInPath.ReplaceAllString(path, noTarget.order))
			if a.status != 404 || b.status != 404 || a.text("#main") != b.text("#main") {
				t.Error(who, path, a.status, b.status)
			}
		}
		for _, path := range []string{"/orders/" + id, "/orders/" + id + "/notes"} {
			if a := v.post(path, values("name", "x", "note", "x", "close", "1")); a.status != http.StatusNotFound {
				t.Error(who, path, a.status)
			}
		}
		v.post("/numbers/disconnect", values("tn", service, "account", "9500002"))
		v.post("/orders", values("tn", aging, "account", "9500002"))
		v.post("/orders", values("tn", r.TNs[0].TN.Digits(), "reservation", r.ID))
	}
	for tn, want := range map[string]tel.TNState{service: tel.TNInService, aging: tel.TNAging} {
		n, _ := tel.ParseNumber(tn)
		if is := s.standing(n); is.State != want || is.Account != storetest.Globex {
			t.Error(tn, is)
		}
	}
	for who, nav := range map[string][2]int{"operator": {1, 1}, "acme-admin": {1, 1}, "acme-member": {1, 0}, "acme-support": {0, 0}, "support-all": {0, 0}} {
		d := s.as(who).get("/lookup").doc()
		if got := [2]int{d.Find("#nav-orders").Length(), d.Find("#nav-numbers").Length()}; got != nav {
			t.Error(who, got)
		}
	}
	// Support sees the order and the reservation, and is offered no way to order.
	mine := s.reserved("acme-member", 1)
	support := s.as("acme-support")
	if a := support.want(200, "/reservations/"+mine.ID); a.doc().Find("#order").Length() != 0 {
		t.Error("support is offered to order")
	}
	support.want(403, "/orders/new?reservation="+mine.ID)
	member := s.as("acme-member")
	member.want(200, "/reservations").has("#order-" + mine.ID)
	member.want(403, "/numbers")
	if a := member.post("/orders", values("tn", s.free().Digits())); a.status != 403 {
		t.Error(a.status)
	}
}

func TestAgingOfAnAccount(t *testing.T) {
	s := open(t)
	op := s.as("operator")
	form := op.want(200, "/accounts/9500001").form("#aging form")
	if form.Get("aging") != "90d" {
		t.Error(form)
	}
	for _, bad := range []string{"", "soon", "366d", "0"} {
		a := op.post("/accounts/9500001/aging", values("aging", bad))
		a.fault("aging", "")
		if a.status != 422 || a.attr("#aging-time", "value") != bad {
			t.Error(bad, a.status)
		}
	}
	op.post("/accounts/9500001/aging", values("aging", "36h")).says(".toast", "1 day 12 hours")
	if got := op.get("/accounts/9500001").attr("#aging-time", "value"); got != "36h" {
		t.Error(got)
	}
	admin := s.as("acme-admin")
	if a := admin.get("/accounts/9500001"); a.doc().Find("#aging").Length() != 0 {
		t.Error("an admin is offered to set the aging time")
	}
	tn := s.inService(storetest.Acme, 1)[0]
	admin.want(200, "/numbers/disconnect?tn="+tn.Digits()).says(".confirm", "It ages for 1 day 12 hours")
}

// orderGallery fills an account with orders in every state, and answers which is
// partial and which waits.
func orderGallery(s *site) (partial, waiting string) {
	s.t.Helper()
	admin, tn := s.actor("acme-admin"), tel.NewNumber(984, 200, 600)
	named := func(name, id string, part bool, tns ...tel.Number) string {
		s.t.Helper()
		return s.order(admin, tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindExisting, TNs: tns, PartialAllowed: part, Name: name, CustomerOrderID: id}).ID
	}
	named("", "", false, tn, tn+1, tn+2)
	partial = named("Front desk and phones for the new branch in Cary", "PO-20419-with-a-long-tail-until-40-chars", true, tn+3, tel.NewNumber(212, 555, 4777), tel.NewNumber(212, 555, 4778))
	named("Lost to somebody else", "PO-3", false, tel.NewNumber(212, 555, 4777))
	for _, text := range []string{"The customer wants them before Monday.", "They agreed to do without the third number. " + strings.Repeat("It says a lot. ", 12)} {
		if _, err := s.AddOrderNote(ctx, admin, partial, text, ""); err != nil {
			s.t.Fatal(err)
		}
	}
	q := tel.NewQuery()
	q.NPAs, q.NXX = []int{800}, 555
	waiting = s.order(admin, tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindSearch, BackOrder: true, Search: &tel.OrderSearch{Query: q, Quantity: 1200}}).ID
	if _, err := s.Disconnect(ctx, admin, tel.OrderRequest{Account: storetest.Acme, TNs: []tel.Number{tn + 2}}); err != nil {
		s.t.Fatal(err)
	}
	return partial, waiting
}
