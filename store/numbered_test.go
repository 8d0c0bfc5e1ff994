package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// Every filter, every page, and totals, against a plain walk over what was made.
func TestReservationsByNumber(t *testing.T) {
	defer store.PageStep(7)()
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	reserve(t, s, rival, raleigh(1999)) // what every seventh asks for and does not get
	var made []*tel.Reservation         // the oldest first
	for i := range 100 {
		req := ask(acme, raleigh(2*i), raleigh(2*i+1))
		if i%7 == 0 {
			req.TNs = append(req.TNs, raleigh(1999))
		}
		if i%3 == 0 {
			req.CustomerReference = "third"
		}
		got := must[tel.Reserved](t)(s.Reserve(ctx, admin, req))
		made = append(made, got.Reservation)
		if i%4 == 0 {
			s.Clock.Add(2 * time.Second)
		}
		if i == 50 {
			walkNumbered(t, s, store.NumberedQuery{Account: acme, Size: 9}, made, all) // and counts on from there
		}
	}
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, made[3].ID, ""))
	must[*tel.Reservation](t)(s.Drop(ctx, admin, made[5].ID, raleigh(10)))
	order(t, s, admin, raleigh(500))
	yes, no := true, false
	partly := func(r *tel.Reservation) bool { return len(r.Refused) == 1 && r.Refused[0] == raleigh(1999) }
	third := func(r *tel.Reservation) bool { return r.CustomerReference == "third" }
	from, to := made[20].CreatedAt, made[80].CreatedAt
	within := func(r *tel.Reservation) bool { return !r.CreatedAt.Before(from) && r.CreatedAt.Before(to) }
	for _, size := range []int{1, 9, 10, 50, 250} {
		for name, c := range map[string]struct {
			q    store.NumberedQuery
			want func(*tel.Reservation) bool
		}{
			"all":            {store.NumberedQuery{}, all},
			"partly":         {store.NumberedQuery{Partly: &yes}, partly},
			"wholly":         {store.NumberedQuery{Partly: &no}, func(r *tel.Reservation) bool { return !partly(r) }},
			"reference":      {store.NumberedQuery{Reference: "third"}, third},
			"no reference":   {store.NumberedQuery{Reference: "thir"}, func(*tel.Reservation) bool { return false }},
			"from":           {store.NumberedQuery{From: from}, func(r *tel.Reservation) bool { return !r.CreatedAt.Before(from) }},
			"to":             {store.NumberedQuery{To: to}, func(r *tel.Reservation) bool { return r.CreatedAt.Before(to) }},
			"between":        {store.NumberedQuery{From: from, To: to}, within},
			"nothing before": {store.NumberedQuery{To: made[0].CreatedAt}, func(*tel.Reservation) bool { return false }},
			"wrong way":      {store.NumberedQuery{From: to, To: from}, func(*tel.Reservation) bool { return false }},
			"all at once":    {store.NumberedQuery{From: from, To: to, Partly: &no, Reference: "third"}, func(r *tel.Reservation) bool { return within(r) && third(r) && !partly(r) }},
			"TNs": {store.NumberedQuery{TNs: []tel.Number{raleigh(7), raleigh(10), raleigh(60), raleigh(61), raleigh(1999)}}, func(r *tel.Reservation) bool {
				return slices.Contains([]string{made[3].ID, made[5].ID, made[30].ID}, r.ID)
			}},
			"TNs and time": {store.NumberedQuery{TNs: []tel.Number{raleigh(7), raleigh(60)}, From: from}, func(r *tel.Reservation) bool { return r.ID == made[30].ID }},
		} {
			c.q.Account, c.q.Size = acme, size
			t.Run(fmt.Sprint(name, size), func(t *testing.T) { walkNumbered(t, s, c.q, made, c.want) })
		}
	}
	for _, who := range []tel.Actor{member, rival, storetest.Actor(tel.RoleSupport, acme)} {
		if got, err := s.ReservationsByNumber(ctx, who, store.NumberedQuery{Account: acme, Size: 9}); err == nil || len(got.Rows) > 0 || got.Total != 0 {
			t.Errorf("%s sees %+v, %v", who.ID, got, err)
		}
	}
	code(t, second(s.ReservationsByNumber(ctx, rival, store.NumberedQuery{Account: acme})), tel.CodeNotFound)
	got := must[store.Numbered[*tel.Reservation]](t)(s.ReservationsByNumber(ctx, rival, store.NumberedQuery{Account: globex, Size: 9, TNs: raleighs(0, 100)}))
	if got.Total != 0 {
		t.Errorf("%+v", got)
	}
	code(t, second(s.ReservationsByNumber(ctx, admin, store.NumberedQuery{Account: acme, TNs: raleighs(0, 101)})), tel.CodeInvalid)
}

func all(*tel.Reservation) bool { return true }

// walkNumbered reads all pages and the one after them.
func walkNumbered(t *testing.T, s *storetest.Store, q store.NumberedQuery, made []*tel.Reservation, want func(*tel.Reservation) bool) {
	t.Helper()
	var ids, got []string
	for _, r := range slices.Backward(made) {
		if want(r) {
			ids = append(ids, r.ID)
		}
	}
	for q.Page = 1; ; q.Page++ {
		page := must[store.Numbered[*tel.Reservation]](t)(s.ReservationsByNumber(ctx, admin, q))
		if page.Total != len(ids) {
			t.Fatalf("page %d: %d in all, not %d", q.Page, page.Total, len(ids))
		}
		for _, r := range page.Rows {
			got = append(got, r.ID)
			if r.AccountName != "Acme Tel" || len(r.TNs) != 2 || r.TNs[0].Place.City != "Raleigh" {
				t.Fatalf("%+v", r)
			}
		}
		if len(page.Rows) == 0 {
			break
		}
	}
	same(t, "the pages", got, ids)
	q.Page = 1 << 62
	if page := must[store.Numbered[*tel.Reservation]](t)(s.ReservationsByNumber(ctx, admin, q)); len(page.Rows) > 0 || page.Total != len(ids) {
		t.Fatalf("%+v", page)
	}
}

// Who walks the pages while others reserve and cancel misses nothing.
func TestPagesMissNothing(t *testing.T) {
	defer store.PageStep(10)()
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	steady := map[string]bool{}
	for i := range 100 {
		steady[reserve(t, s, admin, raleigh(i)).ID] = true
		s.Clock.Add(time.Second)
	}
	n := 100
	for page := 1; ; page++ {
		got := must[store.Numbered[*tel.Reservation]](t)(s.ReservationsByNumber(ctx, admin, store.NumberedQuery{Account: acme, Page: page, Size: 7}))
		for _, r := range got.Rows {
			delete(steady, r.ID)
		}
		if len(got.Rows) == 0 {
			break
		}
		for range 3 {
			r := reserve(t, s, admin, raleigh(n))
			if n++; n%2 == 0 {
				must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
			}
		}
		s.Clock.Add(3 * time.Second)
	}
	if len(steady) > 0 {
		t.Errorf("%d were missed", len(steady))
	}
}

// Orders, their parts and their TNs by page.
func TestOrdersByNumber(t *testing.T) {
	s := storetest.Open(t)
	tollFree := tel.NewNumber(800, 555, 6000)
	one := order(t, s, admin, raleigh(1))
	s.Clock.Add(time.Second)
	mixed := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, tel.OrderRequest{Account: acme, Kind: tel.OrderKindExisting, TNs: []tel.Number{raleigh(2), raleigh(3), tollFree}, Reference: "mixed",
		Ties: tel.Ties{ConnectionID: "c", MessagingProfileID: "m", BillingGroupID: "b"}}))
	waits := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, waitFor(acme, 3000)))
	disconnect(t, s, admin, raleigh(1))
	order(t, s, rival, tel.NewNumber(212, 555, 4000))

	list := must[store.Numbered[*tel.Order]](t)(s.OrdersByNumber(ctx, admin, store.OrderNumberedQuery{OrderQuery: store.OrderQuery{Account: acme, Limit: 2}}))
	if list.Total != 3 || len(list.Rows) != 2 || list.Rows[0].ID != waits.ID || list.Rows[1].ID != mixed.ID || len(list.Rows[1].Completed) != 3 || list.Rows[1].Ties.BillingGroupID != "b" {
		t.Errorf("%+v", list)
	}
	list = must[store.Numbered[*tel.Order]](t)(s.OrdersByNumber(ctx, admin, store.OrderNumberedQuery{OrderQuery: store.OrderQuery{Account: acme, Limit: 2}, Page: 2}))
	if list.Total != 3 || len(list.Rows) != 1 || list.Rows[0].ID != one.ID {
		t.Errorf("%+v", list)
	}
	list = must[store.Numbered[*tel.Order]](t)(s.OrdersByNumber(ctx, admin, store.OrderNumberedQuery{OrderQuery: store.OrderQuery{Account: acme, Limit: 2}, Quantity: 3, Reference: "mixed"}))
	if list.Total != 1 || list.Rows[0].ID != mixed.ID {
		t.Errorf("%+v", list)
	}

	subs := must[store.Numbered[store.SubOrder]](t)(s.SubOrders(ctx, admin, store.SubOrderQuery{OrderQuery: store.OrderQuery{Account: acme, Limit: 9}}))
	var got []string
	for _, sub := range subs.Rows {
		got = append(got, fmt.Sprintf("%v %v %s %d", sub.Order.ID == waits.ID, sub.Order.ID == mixed.ID, sub.Type, sub.Count))
	}
	same(t, "sub-orders", got, []string{"true false local 3000", "false true local 2", "false true tollfree 1", "false false local 1"})
	subs = must[store.Numbered[store.SubOrder]](t)(s.SubOrders(ctx, admin, store.SubOrderQuery{OrderQuery: store.OrderQuery{Account: acme, Limit: 9}, OrderID: mixed.ID, Type: tel.TypeTollFree, Quantity: 1}))
	if subs.Total != 1 || subs.Rows[0].Type != tel.TypeTollFree {
		t.Errorf("%+v", subs)
	}

	lines := must[store.Numbered[store.OrderLine]](t)(s.OrderLines(ctx, admin, store.OrderQuery{Account: acme, Limit: 2, States: []tel.OrderState{tel.OrderComplete}}, 2))
	if lines.Total != 4 || len(lines.Rows) != 2 || lines.Rows[0].TN != raleigh(3) || lines.Rows[1].TN != raleigh(1) || lines.Rows[1].Order.ID != one.ID {
		t.Errorf("%+v", lines)
	}
	for _, who := range []tel.Actor{member, rival} {
		if _, err := s.SubOrders(ctx, who, store.SubOrderQuery{OrderQuery: store.OrderQuery{Account: acme}}); err == nil {
			t.Error("sub-orders for", who.ID)
		}
		if _, err := s.OrderLines(ctx, who, store.OrderQuery{Account: acme}, 1); err == nil {
			t.Error("lines for", who.ID)
		}
		if _, err := s.OrdersByNumber(ctx, who, store.OrderNumberedQuery{OrderQuery: store.OrderQuery{Account: acme}}); err == nil {
			t.Error("orders for", who.ID)
		}
	}

	part := mixed.ID[:19] + "8000-000000000001"
	if o := must[*tel.Order](t)(s.OrderBegins(ctx, member, part)); o.ID != mixed.ID {
		t.Error(o.ID)
	}
	code(t, second(s.OrderBegins(ctx, rival, part)), tel.CodeNotFound)
	code(t, second(s.OrderBegins(ctx, admin, "12345678"+part[8:])), tel.CodeNotFound)
	code(t, second(s.OrderBegins(ctx, admin, "x")), tel.CodeNotFound)
	checked(t, s.Store)
}
