package store_test

import (
	"fmt"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/shelf"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// past is a store with a history of two days, worked out by hand:
//
//	day 1, Acme: 4 reservations of 5 TNs: one of 2 TNs ordered after
//	12 minutes 34 seconds, one cancelled and its TN taken again, that one ran out, and one
//	ordered the next day after 13 hours 5 minutes; Globex: 1, cancelled.
//	day 2, Acme: 1 of 1 TN, the TN of before again, still held for a named customer;
//	Globex: 1 of 3 TNs, held.
func past(t *testing.T) *storetest.Store {
	t.Helper()
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.Window, p.Ceiling = 14*time.Hour, 24*time.Hour })
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s.Clock.Add(start.Sub(storetest.Start)) // the first day, at noon

	two := reserve(t, s, admin, raleigh(0), raleigh(1))
	again := reserve(t, s, member, raleigh(2))
	s.Clock.Add(12*time.Minute + 34*time.Second)
	orderHeld(t, s, two)
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, again.ID, "changed my mind"))
	theirs := reserve(t, s, rival, raleigh(900))
	must[*tel.Reservation](t)(s.Cancel(ctx, rival, theirs.ID, ""))
	req := ask(acme, raleigh(2))
	req.For = time.Minute
	must[tel.Reserved](t)(s.Reserve(ctx, admin, req)) // runs out; nobody sweeps yet
	late := reserve(t, s, admin, raleigh(3))
	s.Clock.Add(13*time.Hour + 5*time.Minute + 59*time.Second) // the next day, 01:18
	orderHeld(t, s, late)

	req = ask(acme, raleigh(2))
	req.CustomerReference = "For Ms Jones"
	must[tel.Reserved](t)(s.Reserve(ctx, admin, req))
	reserve(t, s, rival, raleigh(901), raleigh(902), raleigh(903))
	return s
}

func orderHeld(t *testing.T, s *storetest.Store, r *tel.Reservation) {
	t.Helper()
	req := orderOf(r.Account, r.HeldTNs()...)
	req.ReservationIDs = []string{r.ID}
	if o, err := s.PlaceOrder(ctx, admin, req); err != nil || o.State != tel.OrderComplete {
		t.Fatal(err, o)
	}
}

var firstDay = tel.DayOf(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))

func rangeOf(days int) tel.Range { return tel.Range{From: firstDay, To: firstDay + tel.Day(days-1)} }

func TestReportOverTime(t *testing.T) {
	s := past(t)
	acmeFirst := tel.Outcomes{Reserved: 4, TNs: 5, Ordered: 2, Cancelled: 1, Expired: 1, Waits: tel.Waits{12 * 60: 1, 13 * 3600: 1}}
	globexFirst := tel.Outcomes{Reserved: 1, TNs: 1, Cancelled: 1}
	acmeSecond, globexSecond := tel.Outcomes{Reserved: 1, TNs: 1}, tel.Outcomes{Reserved: 1, TNs: 3}
	sum := func(list ...tel.Outcomes) (o tel.Outcomes) {
		for _, more := range list {
			o.Add(more)
		}
		return o
	}
	check := func(when string) {
		t.Helper()
		all := must[*store.OverTime](t)(s.OverTime(ctx, operator, store.ReportQuery{Range: rangeOf(2)}))
		same(t, when+": days of all", all.Days, []store.DayOutcomes{{Day: firstDay, Outcomes: sum(acmeFirst, globexFirst)}, {Day: firstDay + 1, Outcomes: sum(acmeSecond, globexSecond)}})
		same(t, when+": total", all.Total, sum(acmeFirst, globexFirst, acmeSecond, globexSecond))
		if all.Total.Live() != 2 {
			t.Errorf("%s: %d still held, want 2", when, all.Total.Live())
		}
		same(t, when+": top", all.Top, []store.AccountOutcomes{
			{Account: acme, Name: "Acme Tel", Outcomes: tel.Outcomes{Reserved: 5, TNs: 6, Ordered: 2}},
			{Account: globex, Name: "Globex", Outcomes: tel.Outcomes{Reserved: 2, TNs: 4}},
		})
		same(t, when+": taken again", all.Repeats, []store.Repeat{{Account: acme, Name: "Acme Tel", TN: raleigh(2), Times: 2}})
		own := must[*store.OverTime](t)(s.OverTime(ctx, admin, store.ReportQuery{Range: rangeOf(1)}))
		same(t, when+": an account's day", own.Total, acmeFirst)
		same(t, when+": its repeats", own.Repeats, []store.Repeat{{Account: acme, Name: "Acme Tel", TN: raleigh(2), Times: 1}})
		if d, ok := own.Total.Waits.Median(); !ok || d != 12*time.Minute {
			t.Errorf("%s: median %v %v, want 12 minutes", when, d, ok)
		}
		theirs := must[*store.OverTime](t)(s.OverTime(ctx, rival, store.ReportQuery{Range: rangeOf(2)}))
		same(t, when+": another account", theirs.Total, sum(globexFirst, globexSecond))
		if len(theirs.Repeats) != 0 || len(theirs.Top) != 1 {
			t.Errorf("%s: another account sees %+v %+v", when, theirs.Repeats, theirs.Top)
		}
		none := must[*store.OverTime](t)(s.OverTime(ctx, admin, store.ReportQuery{Range: tel.Range{From: firstDay - 9, To: firstDay - 5}}))
		same(t, when+": no such days", none.Total, tel.Outcomes{})
	}
	check("before any housekeeping")
	must[store.Swept](t)(s.Sweep(ctx))
	check("after it")
	if again := must[store.Swept](t)(s.Sweep(ctx)); again != (store.Swept{}) {
		t.Errorf("an idle pass did %+v", again)
	}
	check("after it again")
	checked(t, s.Store)
}

func TestReportOutstanding(t *testing.T) {
	s := past(t)
	out := must[*store.Outstanding](t)(s.Outstanding(ctx, operator, 0))
	same(t, "by account", out.Accounts, []store.AccountHeld{
		{Account: globex, Name: "Globex", Reservations: 1, TNs: 3, MaxHeld: 1000},
		{Account: acme, Name: "Acme Tel", Reservations: 1, TNs: 1, MaxHeld: 1000},
	})
	same(t, "total", out.Total(), store.AccountHeld{Reservations: 2, TNs: 4, MaxHeld: 2000})
	if len(out.Longest) != 2 || out.Longest[0].Account != acme || out.Soon[0].Account != globex {
		t.Errorf("longest %v, soon %v", out.Longest, out.Soon)
	}
	setPolicy(t, s, globex, func(p *tel.Policy) { p.MaxHeld = 3 })
	s.Clock.Add(3*time.Hour + 45*time.Minute)
	out = must[*store.Outstanding](t)(s.Outstanding(ctx, operator, 0))
	if same(t, "ending soon", out.Within, [2]int{1, 1}); !out.Accounts[0].NearCap() || out.Accounts[1].NearCap() {
		t.Errorf("near a cap: %+v", out.Accounts)
	}
	s.Clock.Add(time.Hour) // Globex's ran out, and nobody sweeps
	out = must[*store.Outstanding](t)(s.Outstanding(ctx, operator, 0))
	same(t, "what ran out is not held", out.Total(), store.AccountHeld{Reservations: 1, TNs: 1, MaxHeld: 1000})
	own := must[*store.Outstanding](t)(s.Outstanding(ctx, rival, 0))
	if len(own.Accounts)+len(own.Soon)+len(own.Longest) != 0 {
		t.Errorf("another account holds %+v", own)
	}
}

// What ran out while somebody paid, and was not swept, is held in no report.
func TestReportsOfAPauseThatRanOut(t *testing.T) {
	s := storetest.Open(t)
	withCheckout(t, s)
	req := ask(acme, raleigh(0))
	req.CustomerReference = "For Ms Jones"
	r := must[tel.Reserved](t)(s.Reserve(ctx, admin, req)).Reservation
	accept(t, s, linkTo(t, s, admin, r), tel.PurchasePaying)
	held := func() (out [4]int) {
		t.Helper()
		o := must[*store.Outstanding](t)(s.Outstanding(ctx, admin, acme))
		out[0], out[1] = o.Total().TNs, len(o.Longest)
		for _, u := range must[[]store.Use](t)(s.Utilisation(ctx, admin, store.UseQuery{Account: acme, By: shelf.ByState})) {
			out[2] += int(u.Reserved)
		}
		err := s.EachNumberUse(ctx, operator, func(u tel.NumberUse) error {
			out[3] += u.Reserved
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	same(t, "while somebody pays", held(), [4]int{1, 1, 1, 1})
	s.Clock.Add(5 * time.Hour)
	same(t, "ran out", held(), [4]int{})
	today := tel.DayOf(storetest.Start)
	got := must[*store.OverTime](t)(s.OverTime(ctx, admin, store.ReportQuery{Range: tel.Range{From: today, To: today}}))
	if got.Total.Expired != 1 {
		t.Errorf("%+v", got.Total)
	}
}

func TestReportUtilisation(t *testing.T) {
	s := past(t)
	disconnect(t, s, admin, raleigh(3))
	use := func(actor tel.Actor, by shelf.Dimension, state string) []store.Use {
		t.Helper()
		return must[[]store.Use](t)(s.Utilisation(ctx, actor, store.UseQuery{By: by, State: state}))
	}
	// in service 0, 1; aging 3; held 2 and Globex's three
	same(t, "by state", use(operator, shelf.ByState, ""), []store.Use{{Name: "NC", TNs: 3000, Free: 2993}, {TNs: 1000, Free: 1000}, {Name: "NY", TNs: 1000, Free: 1000}})
	same(t, "by block", use(operator, shelf.ByBlock, "NC")[0], store.Use{Name: "919-555-2", TNs: 1000, Free: 993})
	same(t, "an account's", use(admin, shelf.ByRateCenter, ""), []store.Use{{Name: "RALEIGH", State: "NC", InService: 2, Aging: 1, Reserved: 1}})
	same(t, "another's", use(rival, shelf.ByBlock, ""), []store.Use{{Name: "919-555-2", Reserved: 3}})
	same(t, "elsewhere", use(rival, shelf.ByState, "NY"), []store.Use{})
	code(t, second(s.Utilisation(ctx, operator, store.UseQuery{By: shelf.ByCity})), tel.CodeInvalid)
	code(t, second(s.Utilisation(ctx, operator, store.UseQuery{By: shelf.ByState, State: "N1"})), tel.CodeInvalid)
}

// TestNumberUse: a hold for a named customer is reserved, any other counts as available.
func TestNumberUse(t *testing.T) {
	s := past(t)
	disconnect(t, s, admin, raleigh(3))
	if err := s.Disable(ctx, operator, raleigh(500)); err != nil {
		t.Fatal(err)
	}
	var got []tel.NumberUse
	err := s.EachNumberUse(ctx, operator, func(u tel.NumberUse) error { got = append(got, u); return nil })
	if err != nil || len(got) != 5 {
		t.Fatal(err, got)
	}
	for _, u := range got {
		if u.TNs() != 1000 {
			t.Errorf("%s has %d TNs", u.Block, u.TNs())
		}
		if u.Block == raleigh(0).Block() {
			u.Place = tel.Place{}
			same(t, "the block in use", u, tel.NumberUse{Block: u.Block, Assigned: 2, Reserved: 1, Aging: 1, Administrative: 1, Available: 995})
		} else if u.Available != 1000 {
			t.Errorf("%+v", u)
		}
	}
	code(t, s.EachNumberUse(ctx, admin, nil), tel.CodeForbidden)
}

func TestEachMade(t *testing.T) {
	s := past(t)
	for range 620 { // more than a step
		r := reserve(t, s, rival, raleigh(1000))
		must[*tel.Reservation](t)(s.Cancel(ctx, rival, r.ID, ""))
	}
	walk := func(actor tel.Actor, r tel.Range) (n, tns int) {
		t.Helper()
		seen := map[string]bool{}
		err := s.EachMade(ctx, actor, store.ReportQuery{Range: r}, func(r *tel.Reservation) error {
			if seen[r.ID] || !actor.Sees(r.Account) || r.AccountName == "" {
				t.Fatalf("%s twice, or of another: %+v", r.ID, r)
			}
			seen[r.ID] = true
			n, tns = n+1, tns+len(r.TNs)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n, tns
	}
	for _, c := range []struct {
		actor  tel.Actor
		r      tel.Range
		n, tns int
	}{
		{operator, rangeOf(2), 627, 630}, {operator, rangeOf(1), 5, 6}, {admin, rangeOf(2), 5, 6}, {admin, rangeOf(1), 4, 5},
		{rival, tel.Range{From: firstDay + 1, To: firstDay + 1}, 621, 623}, {operator, tel.Range{From: firstDay + 5, To: firstDay + 6}, 0, 0},
	} {
		if n, tns := walk(c.actor, c.r); n != c.n || tns != c.tns {
			t.Errorf("%s %v: %d reservations of %d TNs, want %d of %d", c.actor.Name, c.r, n, tns, c.n, c.tns)
		}
	}
}

// TestReportRights: operators all, admins their own, nobody else.
func TestReportRights(t *testing.T) {
	s := storetest.Open(t)
	for _, c := range []struct {
		actor   tel.Actor
		account tel.AccountID
		want    tel.Code
	}{
		{operator, 0, ""}, {operator, acme, ""}, {operator, 4711, tel.CodeNotFound}, {admin, 0, ""}, {admin, acme, ""}, {admin, globex, tel.CodeNotFound}, {admin, 4711, tel.CodeNotFound},
		{member, 0, tel.CodeForbidden}, {member, acme, tel.CodeForbidden}, {member, globex, tel.CodeNotFound},
		{storetest.Actor(tel.RoleSupport, acme), 0, tel.CodeForbidden}, {storetest.Actor(tel.RoleSupport, 0), 0, tel.CodeForbidden}, {storetest.Actor(tel.RoleSupport, 0), acme, tel.CodeForbidden},
	} {
		q := store.ReportQuery{Account: c.account, Range: rangeOf(1)}
		for name, err := range map[string]error{
			"outstanding": second(s.Outstanding(ctx, c.actor, c.account)), "over time": second(s.OverTime(ctx, c.actor, q)),
			"use":  second(s.Utilisation(ctx, c.actor, store.UseQuery{Account: c.account, By: shelf.ByState})),
			"made": s.EachMade(ctx, c.actor, q, func(*tel.Reservation) error { return nil }),
		} {
			if got := tel.CodeOf(err); got != c.want {
				t.Errorf("%s, account %d, %s: %q, want %q", c.actor.Name, c.account, name, got, c.want)
			}
		}
	}
	code(t, second(s.OverTime(ctx, operator, store.ReportQuery{Range: tel.Range{From: 10, To: 9}})), tel.CodeInvalid)
	code(t, second(s.OverTime(ctx, operator, store.ReportQuery{Range: tel.Range{From: 10, To: 10 + tel.MostReportDays}})), tel.CodeInvalid)
}

// TestTotalsByTwo: two processes add the same events up, and each counts once.
func TestTotalsByTwo(t *testing.T) {
	s := past(t)
	other := again(t, s)
	parallel(8, func(i int) {
		if i%2 == 0 {
			_, _ = s.Sweep(ctx)
		} else {
			_, _ = other.Sweep(ctx)
		}
	})
	out := must[*store.OverTime](t)(s.OverTime(ctx, operator, store.ReportQuery{Range: rangeOf(2)}))
	if got := fmt.Sprint(out.Total.Reserved, out.Total.TNs, out.Total.Ordered, out.Total.Cancelled, out.Total.Expired, out.Repeats[0].Times); got != "7 10 2 2 1 2" {
		t.Errorf("%s", got)
	}
}
