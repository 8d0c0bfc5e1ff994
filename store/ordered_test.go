package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

var (
	success = []tel.OrderState{tel.OrderComplete, tel.OrderPartial}
	failure = []tel.OrderState{tel.OrderFailed}
	pending = []tel.OrderState{tel.OrderReceived, tel.OrderBackordered}
)

// Every list of orders is searched where its page begins, by the index that its filter
// has; nothing is sorted, and steps of numbered lists are counted without the rows.
func TestOrderPagesAreSearched(t *testing.T) {
	s := storetest.Open(t)
	o := order(t, s, admin, raleigh(0))
	if plan := must[string](t)(s.OrdersPlan(admin, store.OrderQuery{Account: acme})); plan == "" {
		return // PostgreSQL plans by what the tables hold
	}
	good := func(q any, plan, want string) {
		t.Helper()
		if strings.Count(plan, want) == 0 || strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "SCAN o\n") && want != "SCAN o" {
			t.Errorf("%+v:\n%s\nwant %s", q, plan, want)
		}
	}
	deep := must[store.ListedOrders](t)(s.Orders(ctx, admin, store.OrderQuery{Account: acme, Limit: 1})).Next
	at := o.CreatedAt
	for _, c := range []struct {
		who  tel.Actor
		q    store.OrderQuery
		want string
	}{
		{admin, store.OrderQuery{Account: acme}, "orders_account (account_id=?)"},
		{admin, store.OrderQuery{Account: acme, From: at, To: at.Add(time.Hour), Cursor: deep}, "orders_account (account_id=? AND seq>? AND seq<?)"},
		{admin, store.OrderQuery{Account: acme, States: failure}, "orders_state (account_id=? AND state=?)"},
		{admin, store.OrderQuery{Account: acme, States: pending}, "orders_state (account_id=? AND state=?)"},
		{admin, store.OrderQuery{Account: acme, Kinds: []tel.OrderKind{tel.OrderKindDisconnect}}, "orders_kind (account_id=? AND kind=?)"},
		{admin, store.OrderQuery{Account: acme, Kinds: []tel.OrderKind{tel.OrderKindExisting, tel.OrderKindSearch}}, "orders_account (account_id=?)"},
		{admin, store.OrderQuery{Account: acme, CustomerOrderID: "x"}, "(customer_order_id=?)"},
		{admin, store.OrderQuery{Account: acme, TN: raleigh(1)}, "order_tn_tn (tn=?)"},
		{member, store.OrderQuery{Account: acme, Mine: true}, "orders_maker (created_by=? AND account_id=?)"},
		{operator, store.OrderQuery{}, "SCAN o"},
		{operator, store.OrderQuery{From: at, To: at.Add(time.Hour)}, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
		{operator, store.OrderQuery{States: failure}, "orders_state_any (state=?)"},
		{operator, store.OrderQuery{Kinds: []tel.OrderKind{tel.OrderKindDisconnect}}, "orders_kind_any (kind=?)"},
		{operator, store.OrderQuery{CustomerOrderID: "x"}, "orders_customer_any (customer_order_id=?)"},
	} {
		good(c.q, must[string](t)(s.OrdersPlan(c.who, c.q)), c.want)
	}
	acmes := store.OrderQuery{Account: acme}
	in := func(states []tel.OrderState) store.OrderQuery { return store.OrderQuery{Account: acme, States: states} }
	for _, c := range []struct {
		q    any
		want string
	}{
		{store.OrderNumberedQuery{OrderQuery: acmes}, "COVERING INDEX orders_account (account_id=? AND seq>? AND seq<?)"},
		{store.OrderNumberedQuery{OrderQuery: in(success)}, "COVERING INDEX orders_account (account_id=? AND seq>? AND seq<?)"},
		{store.OrderNumberedQuery{OrderQuery: in(failure)}, "COVERING INDEX orders_state (account_id=? AND state=? AND seq>? AND seq<?)"},
		{store.OrderNumberedQuery{OrderQuery: in(pending)}, "COVERING INDEX orders_state (account_id=? AND state=? AND seq>? AND seq<?)"},
		{store.OrderNumberedQuery{OrderQuery: acmes, Quantity: 2}, "COVERING INDEX orders_quantity (account_id=? AND quantity=? AND seq>? AND seq<?)"},
		{store.OrderNumberedQuery{OrderQuery: acmes, Quantity: 1}, "COVERING INDEX orders_account (account_id=? AND seq>? AND seq<?)"},
		{store.OrderNumberedQuery{OrderQuery: acmes, Reference: "x"}, "COVERING INDEX orders_reference (reference=? AND seq>? AND seq<?)"},
		{store.SubOrderQuery{OrderQuery: acmes}, "COVERING INDEX orders_account (account_id=? AND seq>? AND seq<?)"},
		{store.SubOrderQuery{OrderQuery: in(success), Quantity: 2}, "COVERING INDEX orders_account (account_id=? AND seq>? AND seq<?)"},
		{store.SubOrderQuery{OrderQuery: in(pending)}, "COVERING INDEX orders_state (account_id=? AND state=? AND seq>? AND seq<?)"},
		{store.SubOrderQuery{OrderQuery: acmes, Type: tel.TypeTollFree}, "COVERING INDEX orders_toll_free (account_id=? AND seq>? AND seq<?)"},
		{store.SubOrderQuery{OrderQuery: acmes, OrderID: o.ID}, "sqlite_autoindex_orders_1 (id=?)"},
		{acmes, "COVERING INDEX orders_account (account_id=? AND seq>? AND seq<?)"},
	} {
		plan := must[string](t)(s.NumberedPlan(admin, c.q))
		good(c.q, plan, c.want)
		if strings.Count(plan, c.want) != 2 {
			t.Errorf("%+v:\n%s", c.q, plan)
		}
	}
}

// Every filter, every page and totals against a plain walk, while orders that waited get
// some TNs, get all, or are closed, behind ranks that are known.
func TestNumberedOrdersThatWait(t *testing.T) {
	defer store.PageStep(5)()
	s := storetest.Open(t)
	tollFree := func(i int) tel.Number { return tel.NewNumber(800, 555, 6000+i) }
	durham := func(from, n int) (tns []tel.Number) {
		for i := range n {
			tns = append(tns, tel.NewNumber(984, 200, from+i))
		}
		return tns
	}
	reserve(t, s, rival, raleigh(1999))
	held := reserve(t, s, rival, durham(0, 7)...)
	order(t, s, rival, durham(7, 993)...)
	free := 0
	var waits []*tel.Order
	for i := range 60 {
		req := orderOf(acme, raleigh(free), raleigh(free+1))
		free += 2
		switch i % 6 {
		case 1:
			req.TNs = append(req.TNs, tollFree(i))
		case 2:
			req.TNs = []tel.Number{tollFree(i)}
		case 3:
			req.TNs = []tel.Number{raleigh(1999)} // another's
		case 4:
			req = waitFor(acme, 3)
			req.Search.Query.City = "Durham"
		case 5:
			req.Reference = "fifth"
		}
		o := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req))
		if o.State == tel.OrderBackordered {
			waits = append(waits, o)
		}
		s.Clock.Add(time.Second)
	}
	disconnect(t, s, admin, raleigh(0), raleigh(1))
	s.Clock.Add(time.Hour)
	walkOrders(t, s)

	for _, o := range waits[:4] {
		must[*tel.Order](t)(s.UpdateOrder(ctx, admin, o.ID, tel.OrderUpdate{Close: true}))
	}
	walkOrders(t, s)
	must[*tel.Reservation](t)(s.Cancel(ctx, rival, held.ID, "")) // two get all, one a third
	eventually(t, "the TNs that came free are given", func() bool {
		return must[*tel.Order](t)(s.Order(ctx, admin, waits[6].ID)).CompletedCount == 1
	})
	walkOrders(t, s)
	for _, o := range waits[6:] {
		must[*tel.Order](t)(s.UpdateOrder(ctx, admin, o.ID, tel.OrderUpdate{Close: true}))
	}
	walkOrders(t, s)
	checked(t, s.Store)
}

// walkOrders reads all pages of the lists of Acme's orders.
func walkOrders(t *testing.T, s *storetest.Store) {
	t.Helper()
	var made []*tel.Order // the latest first
	for _, o := range must[store.ListedOrders](t)(s.Orders(ctx, admin, store.OrderQuery{Limit: 1000})).Rows {
		if o.Kind != tel.OrderKindDisconnect {
			made = append(made, must[*tel.Order](t)(s.Order(ctx, admin, o.ID)))
		}
	}
	from, to := made[40].CreatedAt, made[10].CreatedAt
	for name, states := range map[string][]tel.OrderState{"any": nil, "success": success, "failure": failure, "pending": pending} {
		for _, between := range []bool{false, true} {
			q := store.OrderQuery{Account: acme, States: states}
			if between {
				q.From, q.To = from, to
			}
			var some []*tel.Order
			for _, o := range made {
				if (states == nil || slices.Contains(states, o.State)) && (!between || !o.CreatedAt.Before(from) && o.CreatedAt.Before(to)) {
					some = append(some, o)
				}
			}
			for _, size := range []int{8, 250} {
				q.Limit = size
				t.Run(fmt.Sprint(name, between, size), func(t *testing.T) { walkOrderLists(t, s, q, some) })
			}
		}
	}
}

func walkOrderLists(t *testing.T, s *storetest.Store, q store.OrderQuery, some []*tel.Order) {
	for _, f := range []struct {
		quantity  int
		reference string
	}{{}, {quantity: 1}, {quantity: 3}, {reference: "fifth"}} {
		var want []string
		for _, o := range some {
			if (f.quantity == 0 || o.Quantity == f.quantity) && (f.reference == "" || o.Reference == f.reference) {
				want = append(want, fmt.Sprint(o.ID, " ", len(o.Completed), " ", len(o.Failed)))
			}
		}
		walkPages(t, fmt.Sprintf("orders %+v", f), want, func(page int) (store.Numbered[*tel.Order], error) {
			return s.OrdersByNumber(ctx, admin, store.OrderNumberedQuery{OrderQuery: q, Quantity: f.quantity, Reference: f.reference, Page: page})
		}, func(o *tel.Order) string { return fmt.Sprint(o.ID, " ", len(o.Completed), " ", len(o.Failed)) })
	}
	for _, f := range []struct {
		of       tel.TNType
		quantity int
	}{{}, {of: tel.TypeLocal}, {of: tel.TypeTollFree}, {quantity: 1}, {tel.TypeLocal, 2}} {
		var want []string
		for _, o := range some {
			free := 0
			for _, l := range slices.Concat(o.Completed, o.Failed) {
				if l.TN.TollFree() {
					free++
				}
			}
			for kind, n := range map[tel.TNType]int{tel.TypeLocal: o.Quantity - free, tel.TypeTollFree: free} {
				if n > 0 && (f.of == "" || f.of == kind) && (f.quantity == 0 || f.quantity == n) {
					want = append(want, fmt.Sprint(o.ID, " ", kind, " ", n))
				}
			}
			if n := len(want); n > 1 && want[n-2] > want[n-1] && want[n-2][:36] == want[n-1][:36] {
				want[n-2], want[n-1] = want[n-1], want[n-2]
			}
		}
		walkPages(t, fmt.Sprintf("sub-orders %+v", f), want, func(page int) (store.Numbered[store.SubOrder], error) {
			return s.SubOrders(ctx, admin, store.SubOrderQuery{OrderQuery: q, Type: f.of, Quantity: f.quantity, Page: page})
		}, func(p store.SubOrder) string { return fmt.Sprint(p.Order.ID, " ", p.Type, " ", p.Count) })
	}
	var want []string
	for _, o := range some {
		tns := slices.Concat(o.Completed, o.Failed)
		slices.SortFunc(tns, func(a, b tel.OrderedTN) int { return int(a.TN - b.TN) })
		for _, l := range tns {
			want = append(want, fmt.Sprint(o.ID, " ", l.TN, " ", l.Code))
		}
	}
	walkPages(t, "lines", want, func(page int) (store.Numbered[store.OrderLine], error) { return s.OrderLines(ctx, admin, q, page) },
		func(l store.OrderLine) string { return fmt.Sprint(l.Order.ID, " ", l.TN, " ", l.Code) })
}

// walkPages reads all pages and the one after them.
func walkPages[T any](t *testing.T, what string, want []string, read func(page int) (store.Numbered[T], error), name func(T) string) {
	t.Helper()
	var got []string
	for page := 1; ; page++ {
		list := must[store.Numbered[T]](t)(read(page))
		if list.Total != len(want) {
			t.Fatalf("%s, page %d: %d in all, not %d", what, page, list.Total, len(want))
		}
		for _, row := range list.Rows {
			got = append(got, name(row))
		}
		if len(list.Rows) == 0 {
			break
		}
	}
	same(t, what, got, want)
}
