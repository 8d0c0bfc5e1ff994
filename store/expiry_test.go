package store_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// seen is every answer that depends on whether a hold is over.
type seen struct {
	Live, Ended, MineLive, MineEnded []string
	State                            tel.State
	LookUp                           tel.TNState
	LookUpHolder                     bool
	Past                             int
	Row                              string
	Found                            int
	Held, HeldInList                 int
}

func look(t *testing.T, s *storetest.Store, r *tel.Reservation, tn tel.Number) seen {
	t.Helper()
	var v seen
	ids := func(q store.ListQuery, actor tel.Actor) (list []string) {
		for _, r := range must[store.Listed](t)(s.List(ctx, actor, q)).Rows {
			list = append(list, r.ID)
		}
		return list
	}
	v.Live, v.Ended = ids(store.ListQuery{Limit: 9}, admin), ids(store.ListQuery{Ended: true, Limit: 9}, admin)
	v.MineLive, v.MineEnded = ids(store.ListQuery{Mine: true, Limit: 9}, member), ids(store.ListQuery{Mine: true, Ended: true, Limit: 9}, member)
	v.State = must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID)).StateAt(s.Now())
	report := must[*store.TNReport](t)(s.LookUp(ctx, admin, tn))
	v.LookUp, v.LookUpHolder, v.Past = report.State, report.Reservation != nil, len(report.Past)
	row := must[map[tel.Number]store.RowState](t)(s.RowStates(ctx, admin, []tel.Number{tn}))[tn]
	switch {
	case row.Free:
		v.Row = "free"
	case row.Mine != nil:
		v.Row = "mine"
	}
	q := tel.NewQuery()
	q.StartsWith = tel.Pattern(tn.Digits())
	v.Found = len(must[tel.Found](t)(s.Search(ctx, admin, q)).TNs)
	v.Held = must[*tel.Account](t)(s.Account(ctx, admin, acme)).Held
	for _, a := range must[[]*tel.Account](t)(s.Accounts(ctx, admin)) {
		v.HeldInList += a.Held
	}
	return v
}

// Nothing but the clock decides; the sweeper changes no answer.
func TestExpiryWithoutSweeper(t *testing.T) {
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 2 })
	r := reserve(t, s, member, raleighs(0, 2)...)
	id := []string{r.ID}
	live := seen{Live: id, MineLive: id, State: tel.StateLive, LookUp: tel.TNReserved, LookUpHolder: true, Row: "mine", Held: 2, HeldInList: 2}
	over := seen{Ended: id, MineEnded: id, State: tel.StateExpired, LookUp: tel.TNAvailable, Past: 1, Row: "free", Found: 1}
	same(t, "fresh", look(t, s, r, raleigh(0)), live)
	s.Clock.Add(4*time.Hour - us)
	same(t, "1 µs before", look(t, s, r, raleigh(0)), live)
	code(t, second(s.Reserve(ctx, rival, ask(globex, raleigh(0)))), tel.CodeNotAvailable)
	code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(5)))), tel.CodeTooManyHeld)
	s.Clock.Add(us)
	same(t, "at the end", look(t, s, r, raleigh(0)), over)
	for _, err := range []error{second(s.Extend(ctx, admin, r.ID)), second(s.Drop(ctx, admin, r.ID, raleigh(0))), second(s.Cancel(ctx, admin, r.ID, ""))} {
		if e := code(t, err, tel.CodeRanOut); !e.At.Equal(storetest.Start.Add(4*time.Hour)) || !strings.Contains(e.Message, "19:00:00 UTC") {
			t.Errorf("%v %v", e, e.At)
		}
	}
	same(t, "after refused moves", look(t, s, r, raleigh(0)), over)
	checked(t, s.Store)
	s.Clock.Add(time.Minute)
	same(t, "later", look(t, s, r, raleigh(0)), over)
	if got := must[store.Swept](t)(s.Sweep(ctx)); got.Expired != 1 {
		t.Error(got)
	}
	same(t, "swept", look(t, s, r, raleigh(0)), over)
	swept := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID))
	if !swept.EndedAt.Equal(r.ExpiresAt) || swept.EndedBy.ID != "clock" || swept.TNs[0].End != tel.StateExpired {
		t.Errorf("%+v", swept)
	}
	if got := must[store.Swept](t)(s.Sweep(ctx)); got != (store.Swept{}) {
		t.Errorf("a second sweep did %+v", got)
	}
	checked(t, s.Store)
}

// The sweeper ends many in few statements, and each as if it were the only one.
func TestSweepEndsEachByItself(t *testing.T) {
	s := storetest.Open(t)
	var made []*tel.Reservation
	for i := range 50 {
		made = append(made, reserve(t, s, []tel.Actor{admin, rival}[i%2], raleighs(3*i, 1+i%3)...))
		s.Clock.Add(time.Second)
	}
	s.Clock.Add(4*time.Hour - 6*time.Second) // the last five live on
	if got := must[store.Swept](t)(s.Sweep(ctx)); got.Expired != 45 {
		t.Error(got)
	}
	checked(t, s.Store)
	for i, was := range made[:45] {
		actor := []tel.Actor{admin, rival}[i%2]
		r := must[*tel.Reservation](t)(s.Reservation(ctx, actor, was.ID))
		if r.State != tel.StateExpired || !r.EndedAt.Equal(was.ExpiresAt) || len(r.TNs) != 1+i%3 || !r.TNs[i%3].EndedAt.Equal(was.ExpiresAt) {
			t.Errorf("%+v", r)
		}
		events := must[[]*tel.Event](t)(s.History(ctx, r))
		if last := events[len(events)-1]; last.Kind != tel.EventExpired || !slices.Equal(last.Facts.TNs, raleighs(3*i, 1+i%3)) {
			t.Errorf("%+v", last)
		}
	}
	for i, was := range made[45:] {
		if r := must[*tel.Reservation](t)(s.Reservation(ctx, []tel.Actor{rival, admin}[i%2], was.ID)); r.State != tel.StateLive || len(r.HeldTNs()) != was.TNCount {
			t.Errorf("%+v", r)
		}
	}
}

func TestReserveAfterExpiry(t *testing.T) {
	s := storetest.Open(t)
	old := reserve(t, s, admin, raleighs(0, 3)...)
	s.Clock.Add(4*time.Hour - us)
	code(t, second(s.Reserve(ctx, rival, ask(globex, raleigh(1)))), tel.CodeNotAvailable)
	s.Clock.Add(us)
	r := reserve(t, s, rival, raleigh(1))
	if !free(t, s.Store, raleigh(0)) || free(t, s.Store, raleigh(1)) {
		t.Error("shelf")
	}
	events := must[[]*tel.Event](t)(s.History(ctx, old))
	if last := events[len(events)-1]; last.Kind != tel.EventExpired || last.Actor.Kind != tel.KindSystem || last.Account != acme {
		t.Errorf("the clock's event is signed by %+v", last.Actor)
	}
	if h := must[[]*tel.Event](t)(s.History(ctx, r)); h[0].Actor.ID != rival.ID {
		t.Errorf("%+v", h[0].Actor)
	}
	checked(t, s.Store)
}

// Reopening, and a clock that was set back, change nothing.
func TestExpiryOverRestart(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0))
	s.Clock.Add(time.Hour)
	must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
	s.Clock.Add(-3 * time.Hour)
	two := again(t, s)
	if want := storetest.Start.Add(time.Hour); !two.Now().Equal(want) || !s.Now().Equal(want) {
		t.Errorf("time ran back to %v and %v", two.Now(), s.Now())
	}
	s.Clock.Add(2*time.Hour + 8*time.Hour - us)
	if free(t, two, raleigh(0)) {
		t.Error("free before its end")
	}
	s.Clock.Add(us)
	if !free(t, two, raleigh(0)) || !free(t, again(t, s), raleigh(0)) {
		t.Error("not free at its end")
	}
	checked(t, two)
}

// The real clock, in no time: held at 4 h − 1 ns, free at 4 h.
func TestFourHours(t *testing.T) {
	dir := t.TempDir()
	defer store.FollowEvery(time.Hour)() // every 250 ms would be 57,600 reads
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(ctx, store.Config{DB: filepath.Join(dir, "t.db"), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Import(ctx, tel.System("test"), read(t, storetest.Inventory), nil); err != nil {
			t.Fatal(err)
		}
		for id, name := range map[tel.AccountID]string{acme: "Acme", globex: "Globex"} {
			a := tel.Account{ID: id, Name: name, ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
			if err := s.CreateAccount(ctx, tel.System("test"), a); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Reserve(ctx, admin, ask(acme, raleigh(0)))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4*time.Hour - time.Nanosecond)
		if left := got.Reservation.Left(time.Now()); left != time.Nanosecond {
			t.Error(left)
		}
		if free(t, s, raleigh(0)) {
			t.Error("free 1 ns before its end")
		}
		code(t, second(s.Reserve(ctx, rival, ask(globex, raleigh(0)))), tel.CodeNotAvailable)
		time.Sleep(time.Nanosecond)
		if !free(t, s, raleigh(0)) {
			t.Error("not free at its end")
		}
		code(t, second(s.Extend(ctx, admin, got.Reservation.ID)), tel.CodeRanOut)
		if _, err := s.Reserve(ctx, rival, ask(globex, raleigh(0))); err != nil {
			t.Error(err)
		}
	})
}
