package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func with(req tel.OrderRequest, ids ...string) tel.OrderRequest {
	req.ReservationIDs = ids
	return req
}

func place(t testing.TB, s *storetest.Store, actor tel.Actor, req tel.OrderRequest) *tel.Order {
	t.Helper()
	return must[*tel.Order](t)(s.PlaceOrder(ctx, actor, req))
}

func tns(list []tel.OrderedTN) (out []tel.Number) {
	for _, tn := range list {
		out = append(out, tn.TN)
	}
	return out
}

// A hold is consumed by an order with its id: all of it, or some while the rest lives.
func TestOrderAReservation(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, member, raleighs(0, 3)...)
	req := with(orderOf(acme, raleighs(0, 2)...), strings.ToUpper(r.ID))
	req.Name, req.SiteID, req.PeerID, req.TypeName, req.CustomerOrderID = "First", "1", "2", "Existing", "A 1"
	o := place(t, s, member, req)
	if o.State != tel.OrderComplete || o.CompletedCount != 2 || o.FailedCount != 0 || o.AccountName != "Acme Tel" || o.CreatedBy != member.Sign() {
		t.Errorf("%+v", o)
	}
	same(t, "read", must[*tel.Order](t)(s.Order(ctx, member, o.ID)), o)
	got := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID))
	if got.StateAt(s.Now()) != tel.StateLive || got.TNCount != 1 || !got.ExpiresAt.Equal(r.ExpiresAt) {
		t.Errorf("the rest: %+v", got)
	}
	same(t, "held", got.HeldTNs(), raleighs(2, 1))
	if a := must[*tel.Account](t)(s.Account(ctx, admin, acme)); a.Held != 1 {
		t.Error(a.Held)
	}
	checked(t, s.Store)
	place(t, s, admin, with(orderOf(acme, raleigh(2)), r.ID))
	got = must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID))
	if got.State != tel.StateOrdered || got.EndedBy != admin.Sign() || got.TNs[0].End != tel.StateOrdered {
		t.Errorf("%+v", got)
	}
	for _, err := range []error{second(s.Cancel(ctx, admin, r.ID, "")), second(s.Extend(ctx, admin, r.ID))} {
		code(t, err, tel.CodeEnded)
	}
	s.Clock.Add(5 * time.Hour) // in service is for good
	must[store.Swept](t)(s.Sweep(ctx))
	for i := range 3 {
		if free(t, s.Store, raleigh(i)) {
			t.Error("free:", i)
		}
	}
	report := must[*store.TNReport](t)(s.LookUp(ctx, admin, raleigh(0)))
	if report.State != tel.TNInService || report.Service.OrderID != o.ID || report.Service.SiteID != "1" || len(report.Past) != 1 || report.Past[0].How != tel.StateOrdered {
		t.Errorf("%+v %+v", report, report.Service)
	}
	same(t, "a stranger's look-up", must[*store.TNReport](t)(s.LookUp(ctx, rival, raleigh(0))), &store.TNReport{TN: raleigh(0)})
	checked(t, s.Store)
	checked(t, again(t, s))
}

// Every standing of a TN, and what an order of it comes to: with no id, and with ids
// good and bad.
func TestOrderJudges(t *testing.T) {
	s := storetest.Open(t)
	old := reserve(t, s, admin, raleigh(60))
	s.Clock.Add(4 * time.Hour)
	mine, theirs := reserve(t, s, admin, raleighs(0, 20)...), reserve(t, s, rival, raleighs(20, 10)...)
	order(t, s, admin, raleighs(30, 10)...)
	order(t, s, rival, raleighs(40, 10)...)
	disconnect(t, s, admin, raleighs(30, 5)...)
	disconnect(t, s, rival, raleighs(40, 5)...)
	if err := s.Disable(ctx, operator, raleigh(50)); err != nil {
		t.Fatal(err)
	}
	next := 100
	fresh := func() tel.Number { next++; return raleigh(next) }
	mineNext, agingNext := -1, 29
	held := func() tel.Number { mineNext++; return raleigh(mineNext) }
	aging := func() tel.Number { agingNext++; return raleigh(agingNext) }
	own := func(req tel.OrderRequest) tel.OrderRequest { req.UseOwnHolds = true; return req }
	for name, c := range map[string]struct {
		req tel.OrderRequest
		by  tel.Actor
		ok  bool
	}{
		"free":                     {orderOf(acme, fresh()), admin, true},
		"free for an operator":     {orderOf(acme, fresh()), operator, true},
		"free, reservation off":    {orderOf(initech, fresh()), operator, true},
		"free, any own hold":       {own(orderOf(acme, fresh())), admin, true},
		"free and a good id":       {with(orderOf(acme, fresh()), mine.ID), admin, true},
		"free and an unknown id":   {with(orderOf(acme, fresh()), uuid.NewString()), admin, false},
		"free and a foreign id":    {with(orderOf(acme, fresh()), theirs.ID), admin, false},
		"free and an expired id":   {with(orderOf(acme, fresh()), old.ID), admin, false},
		"ran out, its id":          {with(orderOf(acme, raleigh(60)), old.ID), admin, false},
		"free, no id, a member":    {with(orderOf(acme, fresh()), mine.ID), member, false},
		"mine, no id":              {orderOf(acme, held()), admin, false},
		"mine":                     {with(orderOf(acme, held()), mine.ID), admin, true},
		"mine, for a member":       {with(orderOf(acme, held()), mine.ID), member, true},
		"mine and a bad id":        {with(orderOf(acme, held()), "x", mine.ID), admin, true},
		"mine, only a bad id":      {with(orderOf(acme, held()), "x"), admin, false},
		"mine, foreign id":         {with(orderOf(acme, held()), theirs.ID), admin, false},
		"mine, any own hold":       {own(orderOf(acme, held())), admin, true},
		"theirs, any own hold":     {own(orderOf(acme, raleigh(20))), admin, false},
		"not the member's":         {own(orderOf(acme, held())), member, false},
		"theirs":                   {orderOf(acme, raleigh(21)), admin, false},
		"theirs, their id":         {with(orderOf(acme, raleigh(21)), theirs.ID), admin, false},
		"theirs, my id":            {with(orderOf(acme, raleigh(21)), mine.ID), admin, false},
		"in service here":          {orderOf(acme, raleigh(39)), admin, false},
		"in service there":         {orderOf(acme, raleigh(49)), admin, false},
		"aging from here":          {orderOf(acme, aging()), admin, true},
		"aging, operator":          {orderOf(acme, aging()), operator, true},
		"aging and a bad id":       {with(orderOf(acme, aging()), "x"), admin, false},
		"aging from there":         {orderOf(acme, raleigh(40)), admin, false},
		"disabled":                 {orderOf(acme, raleigh(50)), admin, false},
		"unknown":                  {orderOf(acme, tel.NewNumber(919, 777, 1234)), admin, false},
		"no number":                {orderOf(acme, 0), admin, false},
		"another account's aging":  {orderOf(globex, raleigh(34)), operator, false},
		"another account's, by id": {with(orderOf(globex, raleigh(19)), mine.ID), operator, false},
	} {
		o := place(t, s, c.by, c.req)
		tn := c.req.TNs[0]
		if c.ok {
			if o.State != tel.OrderComplete || len(o.Completed) != 1 || o.Completed[0].TN != tn || o.Failed != nil {
				t.Errorf("%s: %+v", name, o)
			}
			continue
		}
		if o.State != tel.OrderFailed || o.Completed != nil || len(o.Failed) != 1 || o.FailedCount != 1 {
			t.Errorf("%s: %+v", name, o)
			continue
		}
		want := tn.String() + " is not available."
		if name == "ran out, its id" {
			want += " This account's hold on it ran out on 21 November 2026 at 19:00:00 UTC."
		}
		if f := o.Failed[0]; f.Code != tel.CodeNotAvailable || f.Message != want {
			t.Errorf("%s: %+v", name, f)
		}
	}
	checked(t, s.Store)
	checked(t, again(t, s))
}

func TestOrderRefusals(t *testing.T) {
	s := storetest.Open(t)
	long := orderOf(acme, raleigh(0))
	long.Name = strings.Repeat("x", 51)
	odd := orderOf(acme, raleigh(0))
	odd.Kind = "gift"
	asMember := waitFor(acme, 1)
	off := orderOf(acme, raleigh(0))
	for name, c := range map[string]struct {
		by   tel.Actor
		req  tel.OrderRequest
		want tel.Code
	}{
		"no TN":           {admin, orderOf(acme), tel.CodeInvalid},
		"long name":       {admin, long, tel.CodeInvalid},
		"kind":            {admin, odd, tel.CodeInvalid},
		"disconnect kind": {admin, tel.OrderRequest{Account: acme, Kind: tel.OrderKindDisconnect, TNs: raleighs(0, 1)}, tel.CodeInvalid},
		"another account": {rival, off, tel.CodeNotFound},
		"support":         {storetest.Actor(tel.RoleSupport, acme), off, tel.CodeForbidden},
		"member, no id":   {member, off, tel.CodeForbidden},
		"member, search":  {member, asMember, tel.CodeForbidden},
		"no account":      {operator, orderOf(77, raleigh(0)), tel.CodeNotFound},
	} {
		o, err := s.PlaceOrder(ctx, c.by, c.req)
		code(t, err, c.want)
		if o != nil {
			t.Error(name, o)
		}
	}
	for _, by := range []tel.Actor{member, storetest.Actor(tel.RoleSupport, acme)} {
		code(t, second(s.Disconnect(ctx, by, off)), tel.CodeForbidden)
	}
	code(t, second(s.Disconnect(ctx, rival, off)), tel.CodeNotFound)
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM orders`); n != 0 {
		t.Errorf("%d orders of refused requests", n)
	}
}

func TestAllOrPart(t *testing.T) {
	s := storetest.Open(t)
	reserve(t, s, rival, raleigh(1))
	r := reserve(t, s, admin, raleigh(2))
	req := with(orderOf(acme, raleighs(0, 3)...), r.ID)
	req.PartialAllowed = false
	o := place(t, s, admin, req)
	if o.State != tel.OrderFailed || o.CompletedCount != 0 || o.FailedCount != 3 || o.CompletedAt.IsZero() {
		t.Errorf("%+v", o)
	}
	codes := map[tel.Number]tel.Code{}
	for _, f := range o.Failed {
		codes[f.TN] = f.Code
	}
	same(t, "codes", codes, map[tel.Number]tel.Code{raleigh(0): tel.CodeConflict, raleigh(1): tel.CodeNotAvailable, raleigh(2): tel.CodeConflict})
	if got := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID)); got.State != tel.StateLive || !got.ExpiresAt.Equal(r.ExpiresAt) || got.TNCount != 1 {
		t.Errorf("a failed order moved the hold: %+v", got)
	}
	if !free(t, s.Store, raleigh(0)) {
		t.Error("taken by a failed order")
	}
	req.PartialAllowed = true
	o = place(t, s, admin, req)
	if o.State != tel.OrderPartial || o.CompletedCount != 2 || o.FailedCount != 1 {
		t.Errorf("%+v", o)
	}
	same(t, "completed", tns(o.Completed), []tel.Number{raleigh(0), raleigh(2)})
	same(t, "failed", tns(o.Failed), raleighs(1, 1))
	same(t, "read", must[*tel.Order](t)(s.Order(ctx, admin, o.ID)), o)
	checked(t, s.Store)
}

// One µs before its end a hold can be ordered; at its end it is over, sweeper or not.
func TestOrderAtTheEnd(t *testing.T) {
	for _, swept := range []bool{false, true} {
		s := storetest.Open(t)
		a, b := reserve(t, s, admin, raleigh(0)), reserve(t, s, admin, raleighs(1, 2)...)
		s.Clock.Add(4*time.Hour - us)
		if o := place(t, s, admin, with(orderOf(acme, raleigh(0)), a.ID)); o.State != tel.OrderComplete {
			t.Errorf("%+v", o.Failed)
		}
		s.Clock.Add(us)
		if swept {
			must[store.Swept](t)(s.Sweep(ctx))
		}
		o := place(t, s, admin, with(orderOf(acme, raleigh(1)), b.ID))
		if o.State != tel.OrderFailed || !strings.Contains(o.Failed[0].Message, "19:00:00 UTC") {
			t.Errorf("%+v", o)
		}
		order(t, s, rival, raleigh(1)) // free for anybody
		order(t, s, admin, raleigh(2)) // as for the one who held it
		checked(t, s.Store)
		if got := must[*tel.Reservation](t)(s.Reservation(ctx, admin, b.ID)); got.StateAt(s.Now()) != tel.StateExpired {
			t.Errorf("%+v", got)
		}
		checked(t, again(t, s))
	}
}

func TestOrderAgain(t *testing.T) {
	s := storetest.Open(t)
	key, named := orderOf(acme, raleigh(0)), orderOf(acme, raleigh(1))
	key.IdempotencyKey, named.CustomerOrderID = "k", "Order 1"
	for _, req := range []tel.OrderRequest{key, named} {
		first := place(t, s, admin, req)
		twice := place(t, s, admin, req)
		if !twice.Repeated || twice.ID != first.ID || first.Repeated || twice.State != tel.OrderComplete {
			t.Errorf("%+v", twice)
		}
		other := req
		other.Name = "other"
		code(t, second(s.PlaceOrder(ctx, admin, other)), tel.CodeConflict)
		req.TNs = raleighs(5, 1)
		code(t, second(s.PlaceOrder(ctx, admin, req)), tel.CodeConflict)
	}
	theirs := orderOf(globex, raleigh(6))
	theirs.IdempotencyKey, theirs.CustomerOrderID = "k", "Order 1"
	if o := place(t, s, rival, theirs); o.Repeated || o.State != tel.OrderComplete {
		t.Errorf("another account's names: %+v", o)
	}
	off := named
	off.TNs = raleighs(1, 1)
	if o := must[*tel.Order](t)(s.Disconnect(ctx, admin, off)); o.Repeated || o.State != tel.OrderComplete {
		t.Errorf("a disconnect has names of its own: %+v", o)
	}
	if o := must[*tel.Order](t)(s.Disconnect(ctx, admin, off)); !o.Repeated {
		t.Errorf("%+v", o)
	}
	if o := place(t, s, admin, named); !o.Repeated { // for ever
		t.Errorf("%+v", o)
	}
	s.Clock.Add(24 * time.Hour)
	if o := place(t, s, admin, key); o.Repeated || o.State != tel.OrderFailed { // a key for a day
		t.Errorf("%+v", o)
	}
	failed := orderOf(acme, raleigh(0)) // a failed order too is the first answer
	failed.CustomerOrderID = "Failed"
	first := place(t, s, admin, failed)
	if o := place(t, s, admin, failed); !o.Repeated || o.ID != first.ID || o.State != tel.OrderFailed || len(o.Failed) != 1 {
		t.Errorf("%+v", o)
	}
	checked(t, s.Store)
}

func TestOneOrderFiftyAtOnce(t *testing.T) {
	s := storetest.Open(t)
	search := waitFor(acme, 3)
	search.CustomerOrderID = "search once"
	named := orderOf(acme, raleigh(0))
	named.IdempotencyKey = "once"
	for _, req := range []tel.OrderRequest{search, named} {
		var mu sync.Mutex
		ids := map[string]int{}
		parallel(50, func(int) {
			o, err := s.PlaceOrder(ctx, admin, req)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[o.ID]++
		})
		if len(ids) != 1 {
			t.Errorf("%d orders", len(ids))
		}
	}
	checked(t, s.Store)
}

func TestHundredOrdersOfOneTN(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(1))
	for _, tn := range []tel.Number{raleigh(0), raleigh(1)} { // free, and held by one of them
		var won atomic.Int32
		parallel(100, func(i int) {
			actor := []tel.Actor{admin, rival}[i%2]
			req := orderOf(actor.Account, tn)
			if tn == raleigh(1) {
				req.ReservationIDs = []string{r.ID}
			}
			o, err := s.PlaceOrder(ctx, actor, req)
			switch {
			case err != nil:
				t.Error(err)
			case o.State == tel.OrderComplete:
				won.Add(1)
			case o.State != tel.OrderFailed || o.Failed[0].Code != tel.CodeNotAvailable:
				t.Errorf("%+v", o)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d won", won.Load())
		}
	}
	checked(t, s.Store)
}

// Order, cancel, reserve and the end of the hold at once: the TN goes to one.
func TestOrderAgainstEverything(t *testing.T) {
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.Window = time.Hour })
	for round := range 25 {
		tn := raleigh(round)
		r := reserve(t, s, admin, tn)
		s.Clock.Add(time.Hour - us)
		var ordered, had atomic.Int32
		parallel(12, func(i int) {
			switch i % 6 {
			case 0, 1:
				if o, err := s.PlaceOrder(ctx, admin, with(orderOf(acme, tn), r.ID)); err != nil {
					t.Error(err)
				} else if o.State == tel.OrderComplete {
					ordered.Add(1)
				}
			case 2:
				if o, err := s.PlaceOrder(ctx, rival, orderOf(globex, tn)); err != nil {
					t.Error(err)
				} else if o.State == tel.OrderComplete {
					ordered.Add(1)
				}
			case 3:
				if _, err := s.Reserve(ctx, rival, ask(globex, tn)); err == nil {
					had.Add(1)
				}
			case 4:
				if round%2 == 0 {
					_, _ = s.Cancel(ctx, admin, r.ID, "")
				} else {
					s.Clock.Add(us)
				}
			case 5:
				_, _ = s.Sweep(ctx)
			}
		})
		if ordered.Load() > 1 || ordered.Load() == 1 && had.Load() > 0 {
			t.Errorf("%d orders, %d holds", ordered.Load(), had.Load())
		}
	}
	checked(t, s.Store)
}

func TestOrderStaysInTheAccount(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0))
	o := place(t, s, admin, with(orderOf(acme, raleigh(0)), r.ID))
	name := "x"
	unknown := code(t, second(s.Order(ctx, rival, uuid.NewString())), tel.CodeNotFound)
	for _, by := range []tel.Actor{rival, storetest.Actor(tel.RoleMember, globex), storetest.Actor(tel.RoleSupport, globex), {}} {
		for what, err := range map[string]error{
			"read": second(s.Order(ctx, by, o.ID)), "update": second(s.UpdateOrder(ctx, by, o.ID, tel.OrderUpdate{Name: &name})),
			"close": second(s.UpdateOrder(ctx, by, o.ID, tel.OrderUpdate{Close: true})), "note": second(s.AddOrderNote(ctx, by, o.ID, "x", "")),
			"list": second(s.Orders(ctx, by, store.OrderQuery{Account: acme})), "mine": second(s.Orders(ctx, by, store.OrderQuery{Account: acme, Mine: true})),
			"count": second(s.CountOrders(ctx, by, store.OrderQuery{Account: acme}, 9)),
			"TNs":   second(s.TNsInService(ctx, by, store.NewTNQuery(acme))), "count TNs": second(s.CountTNs(ctx, by, store.NewTNQuery(acme))),
		} {
			if tel.CodeOf(err) != unknown.Code || err.Error() != unknown.Error() {
				t.Errorf("%s %s: %v", by.Name, what, err)
			}
		}
	}
	for _, by := range []tel.Actor{operator, admin, member, storetest.Actor(tel.RoleSupport, acme), storetest.Actor(tel.RoleSupport, 0)} {
		must[*tel.Order](t)(s.Order(ctx, by, o.ID))
	}
	for _, id := range []string{"", "x", o.ID + "0", uuid.NewString()} {
		code(t, second(s.Order(ctx, operator, id)), tel.CodeNotFound)
	}
	support := storetest.Actor(tel.RoleSupport, acme)
	for _, err := range []error{second(s.UpdateOrder(ctx, support, o.ID, tel.OrderUpdate{Name: &name})), second(s.Orders(ctx, support, store.OrderQuery{})), second(s.Orders(ctx, member, store.OrderQuery{})), second(s.TNsInService(ctx, member, store.NewTNQuery(acme)))} {
		code(t, err, tel.CodeForbidden)
	}
	if list := must[store.ListedOrders](t)(s.Orders(ctx, rival, store.OrderQuery{Limit: 9})); len(list.Rows) != 0 {
		t.Errorf("%+v", list)
	}
	if rows := must[store.ListedTNs](t)(s.TNsInService(ctx, rival, store.NewTNQuery(0))); len(rows.Rows) != 0 {
		t.Errorf("%+v", rows)
	}
}

func TestOrderHistoryAndNames(t *testing.T) {
	s := storetest.Open(t)
	o := order(t, s, admin, raleigh(0))
	one, two := "Name", "ID 1"
	other := place(t, s, admin, func() tel.OrderRequest {
		r := orderOf(acme, raleigh(1))
		r.CustomerOrderID = "Taken"
		return r
	}())
	s.Clock.Add(time.Minute)
	got := must[*tel.Order](t)(s.UpdateOrder(ctx, member, o.ID, tel.OrderUpdate{Name: &one, CustomerOrderID: &two}))
	if got.Name != one || got.CustomerOrderID != two || !got.ChangedAt.Equal(s.Now()) || len(got.Completed) != 1 {
		t.Errorf("%+v", got)
	}
	same(t, "read", must[*tel.Order](t)(s.Order(ctx, admin, o.ID)), got)
	code(t, second(s.UpdateOrder(ctx, admin, o.ID, tel.OrderUpdate{CustomerOrderID: &other.CustomerOrderID})), tel.CodeConflict)
	code(t, second(s.UpdateOrder(ctx, admin, o.ID, tel.OrderUpdate{Close: true})), tel.CodeEnded)
	bad := "a_b"
	code(t, second(s.UpdateOrder(ctx, admin, o.ID, tel.OrderUpdate{CustomerOrderID: &bad})), tel.CodeInvalid)
	code(t, second(s.AddOrderNote(ctx, admin, o.ID, " ", "")), tel.CodeInvalid)
	code(t, second(s.AddOrderNote(ctx, admin, o.ID, "a\nb", "")), tel.CodeInvalid)
	note := must[*tel.OrderNote](t)(s.AddOrderNote(ctx, member, o.ID, " <b>hello</b> ", ""))
	same(t, "notes", must[[]tel.OrderNote](t)(s.OrderNotes(ctx, got)), []tel.OrderNote{*note})
	if note.Text != "<b>hello</b>" || note.By != member.Sign() || !note.At.Equal(s.Now()) {
		t.Errorf("%+v", note)
	}
	var kinds []string
	for _, e := range must[[]*tel.Event](t)(s.OrderHistory(ctx, got)) {
		kinds = append(kinds, string(e.Kind))
	}
	same(t, "history", strings.Join(kinds, " "), "order.placed tn.in_service order.completed order.updated order.noted")
	checked(t, s.Store)
}

// A note sent twice is one note; with another text under its key it is a conflict, and
// another's key is another key.
func TestOrderNoteRepeated(t *testing.T) {
	s := storetest.Open(t)
	o := order(t, s, admin, raleigh(0))
	add := func(by tel.Actor, text, key string) (*tel.OrderNote, error) {
		return s.AddOrderNote(ctx, by, o.ID, text, key)
	}
	first := must[*tel.OrderNote](t)(add(admin, "one", "k"))
	s.Clock.Add(24*time.Hour - us)
	same(t, "again", must[*tel.OrderNote](t)(add(admin, " one ", "k")), first)
	code(t, second(add(admin, "two", "k")), tel.CodeConflict)
	code(t, second(add(admin, "two", strings.Repeat("k", 256))), tel.CodeInvalid)
	must[*tel.OrderNote](t)(add(member, "one", "k"))
	must[*tel.OrderNote](t)(add(admin, "one", ""))
	must[*tel.OrderNote](t)(add(admin, "one", ""))
	s.Clock.Add(us)
	must[*tel.OrderNote](t)(add(admin, "two", "k")) // a day has gone
	if notes := must[[]tel.OrderNote](t)(s.OrderNotes(ctx, o)); len(notes) != 5 {
		t.Errorf("%+v", notes)
	}
	s.Clock.Add(24*time.Hour + us)
	if swept := must[store.Swept](t)(s.Sweep(ctx)); swept.Removed != 2 {
		t.Errorf("%+v", swept)
	}
	checked(t, s.Store)
}

func TestOrderLists(t *testing.T) {
	s := storetest.Open(t)
	var ids []string
	for i := range 25 {
		req := orderOf(acme, raleigh(i))
		req.CustomerOrderID = fmt.Sprint("ID ", i)
		ids = append(ids, place(t, s, admin, req).ID)
		s.Clock.Add(time.Second)
	}
	failed := place(t, s, operator, orderOf(acme, raleigh(0)))
	off := disconnect(t, s, admin, raleigh(3))
	order(t, s, rival, raleigh(100))
	walk := func(actor tel.Actor, q store.OrderQuery) (got []string) {
		t.Helper()
		for q.Limit = 7; ; {
			page := must[store.ListedOrders](t)(s.Orders(ctx, actor, q))
			for _, o := range page.Rows {
				got = append(got, o.ID)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				q.Cursor = ""
				if n := must[int](t)(s.CountOrders(ctx, actor, q, 1000)); n != len(got) {
					t.Errorf("%+v: counts %d of %d", q, n, len(got))
				}
				return got
			}
		}
	}
	if got := walk(admin, store.OrderQuery{}); len(got) != 27 || got[0] != off.ID || got[26] != ids[0] {
		t.Errorf("%d", len(got))
	}
	if got := walk(operator, store.OrderQuery{}); len(got) != 28 {
		t.Errorf("%d", len(got))
	}
	same(t, "kind", walk(admin, store.OrderQuery{Kinds: []tel.OrderKind{tel.OrderKindDisconnect}}), []string{off.ID})
	same(t, "state", walk(admin, store.OrderQuery{States: []tel.OrderState{tel.OrderFailed, tel.OrderPartial}}), []string{failed.ID})
	same(t, "name", walk(admin, store.OrderQuery{CustomerOrderID: "ID 7"}), []string{ids[7]})
	same(t, "TN", walk(admin, store.OrderQuery{TN: raleigh(3)}), []string{off.ID, ids[3]})
	same(t, "mine", walk(operator, store.OrderQuery{Mine: true}), []string{failed.ID})
	same(t, "dates", walk(admin, store.OrderQuery{From: storetest.Start.Add(time.Second), To: storetest.Start.Add(3 * time.Second)}), []string{ids[2], ids[1]})
	code(t, second(s.Orders(ctx, admin, store.OrderQuery{Cursor: "x"})), tel.CodeInvalid)
	if o := must[store.ListedOrders](t)(s.Orders(ctx, admin, store.OrderQuery{Limit: 2})).Rows[1]; o.FailedCount != 1 || o.AccountName != "Acme Tel" {
		t.Errorf("%+v", o)
	}
}

func TestTNsInService(t *testing.T) {
	s := storetest.Open(t)
	order(t, s, admin, raleighs(995, 10)...)
	order(t, s, admin, tel.NewNumber(212, 555, 4001), tel.NewNumber(800, 555, 6001), tel.NewNumber(984, 200, 5))
	order(t, s, rival, raleigh(500))
	disconnect(t, s, admin, raleighs(995, 2)...)
	n := func(actor tel.Actor, set func(*store.TNQuery)) int {
		t.Helper()
		q := store.NewTNQuery(acme)
		set(&q)
		q.Limit = 3
		var last tel.Number
		for total := 0; ; {
			page := must[store.ListedTNs](t)(s.TNsInService(ctx, actor, q))
			for _, tn := range page.Rows {
				if tn.TN <= last || tn.OrderID == "" || tn.TN.NPA() != 800 && tn.Place.City == "" {
					t.Errorf("%+v after %s", tn, last)
				}
				last = tn.TN
			}
			total += len(page.Rows)
			if page.Next == 0 {
				if c := must[int](t)(s.CountTNs(ctx, actor, q)); c != total {
					t.Errorf("%+v: counts %d of %d", q, c, total)
				}
				return total
			}
			q.From = page.Next
		}
	}
	for name, c := range map[string]struct {
		want int
		set  func(*store.TNQuery)
	}{
		"all":         {11, func(*store.TNQuery) {}},
		"aging":       {2, func(q *store.TNQuery) { q.Status = tel.TNAging }},
		"both":        {13, func(q *store.TNQuery) { q.Status = "" }},
		"npa":         {8, func(q *store.TNQuery) { q.NPA = 919 }},
		"nxx":         {8, func(q *store.TNQuery) { q.NPA, q.NXX = 919, 555 }},
		"x":           {5, func(q *store.TNQuery) { q.NPA, q.NXX, q.X = 919, 555, 3 }},
		"other x":     {0, func(q *store.TNQuery) { q.NPA, q.NXX, q.X = 919, 555, 4 }},
		"state":       {9, func(q *store.TNQuery) { q.State = "nc" }},
		"city":        {1, func(q *store.TNQuery) { q.City, q.State = "durham", "NC" }},
		"rate center": {1, func(q *store.TNQuery) { q.RateCenter = "New York" }},
		"lata":        {9, func(q *store.TNQuery) { q.LATA = "426" }},
	} {
		if got := n(admin, c.set); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := n(operator, func(q *store.TNQuery) { q.Account = 0 }); got != 12 {
		t.Errorf("all accounts: %d", got)
	}
	for _, set := range []func(*store.TNQuery){func(q *store.TNQuery) { q.NXX = 555 }, func(q *store.TNQuery) { q.NPA = 911 }, func(q *store.TNQuery) { q.NPA, q.NXX = 919, 911 }, func(q *store.TNQuery) { q.NPA, q.NXX, q.X = 919, 555, 10 }, func(q *store.TNQuery) { q.Status = tel.TNDisabled }} {
		q := store.NewTNQuery(acme)
		set(&q)
		code(t, second(s.TNsInService(ctx, admin, q)), tel.CodeInvalid)
	}
	s.Clock.Add(tel.DefaultAging) // by itself
	if got := n(admin, func(q *store.TNQuery) { q.Status = "" }); got != 11 {
		t.Errorf("aged ones are listed: %d", got)
	}
}

// What one process orders, another that serves the same file sees.
func TestOrdersOfAnotherProcess(t *testing.T) {
	defer store.FollowEvery(5 * time.Millisecond)()
	s := storetest.Open(t)
	other := again(t, s)
	order(t, s, admin, raleigh(0))
	eventually(t, "in service", func() bool { return !free(t, other, raleigh(0)) })
	disconnect(t, s, admin, raleigh(0))
	o := must[*tel.Order](t)(other.PlaceOrder(ctx, admin, orderOf(acme, raleigh(0))))
	if o.State != tel.OrderComplete {
		t.Errorf("%+v", o)
	}
	checked(t, other)
	checked(t, s.Store)
}

// A random workload of everything; whatever happened, the history tells it.
func TestOrdersAtRandom(t *testing.T) {
	s := storetest.Open(t)
	for _, a := range []tel.AccountID{acme, globex} {
		if err := s.SetAging(ctx, operator, a, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var ids sync.Map
	for round := range 6 {
		parallel(8, func(i int) {
			rng := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			actor := []tel.Actor{admin, rival}[i%2]
			some := func() []tel.Number { return raleighs(rng.IntN(60), 1+rng.IntN(4)) }
			id := func() string {
				v, _ := ids.Load(rng.IntN(40))
				s, _ := v.(string)
				return s
			}
			for range 25 {
				var err error
				switch rng.IntN(10) {
				case 0, 1:
					var got tel.Reserved
					if got, err = s.Reserve(ctx, actor, ask(actor.Account, some()...)); err == nil {
						ids.Store(rng.IntN(40), got.Reservation.ID)
					}
				case 2:
					_, err = s.Cancel(ctx, actor, id(), "")
				case 3:
					_, err = s.Disconnect(ctx, actor, orderOf(actor.Account, some()...))
				case 4, 5:
					req := with(orderOf(actor.Account, some()...), id())
					req.PartialAllowed = rng.IntN(2) == 0
					_, err = s.PlaceOrder(ctx, actor, req)
				case 6:
					req := orderOf(actor.Account, some()...)
					req.UseOwnHolds = true
					_, err = s.PlaceOrder(ctx, actor, req)
				case 7:
					req := waitFor(actor.Account, 1+rng.IntN(3))
					req.Search.Query.EndsWith, req.PartialAllowed, req.BackOrder = "00?", rng.IntN(2) == 0, rng.IntN(2) == 0
					_, err = s.PlaceOrder(ctx, actor, req)
				case 8:
					s.Clock.Add(time.Duration(rng.IntN(20)) * time.Minute)
				case 9:
					_, err = s.Sweep(ctx)
				}
				if tel.CodeOf(err) == tel.CodeInternal {
					t.Error(err)
				}
			}
		})
	}
	checked(t, s.Store)
	checked(t, again(t, s))
	s.Clock.Add(24 * time.Hour)
	checked(t, s.Store)
	must[store.Swept](t)(s.Sweep(ctx))
	checked(t, s.Store)
}
