package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// What happens shows in the figures, and nothing else does.
func TestStats(t *testing.T) {
	s := storetest.Open(t)
	stats := func() *store.Stats {
		t.Helper()
		return must[*store.Stats](t)(s.Stats(ctx, operator))
	}
	for _, a := range []tel.Actor{admin, member, storetest.Actor(tel.RoleSupport, 0), {}} {
		if got, err := s.Stats(ctx, a); got != nil || err == nil {
			t.Errorf("%s sees the figures", a.Role)
		}
	}
	before := stats()
	to := endpoint(t, s, acme)
	r := reserve(t, s, admin, raleighs(0, 3)...)
	must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
	gone := reserve(t, s, admin, raleigh(5))
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, gone.ID, ""))
	if _, err := s.Reserve(ctx, rival, ask(globex, raleigh(0))); err == nil {
		t.Fatal("taken twice")
	}
	must[*tel.Order](t)(s.PlaceOrder(ctx, admin, orderOf(acme, raleigh(9))))
	after := stats()
	for kind, want := range map[tel.EventKind]int64{tel.EventReserved: 2, tel.EventExtended: 1, tel.EventCancelled: 1, tel.EventExpired: 0, tel.EventOrderPlaced: 1, tel.EventOrderCompleted: 1} {
		if got := after.Events[kind] - before.Events[kind]; got != want {
			t.Errorf("%s: %d, not %d", kind, got, want)
		}
	}
	if len(after.Refused) != 1 || after.Refused[tel.CodeNotAvailable] != 1 {
		t.Errorf("refused %v", after.Refused)
	}
	if after.FreeTNs != before.FreeTNs-4 || after.TNs != before.TNs || after.Blocks == 0 {
		t.Errorf("%d of %d free, before %d", after.FreeTNs, after.TNs, before.FreeTNs)
	}
	d, was := after.Database, before.Database
	if d.HeldTNs != was.HeldTNs+3 || d.Outbox == 0 || d.Lag != 0 || d.Bytes+d.LogBytes < 10_000 || d.Waiting != 0 || d.OldestDue != 0 {
		t.Errorf("%+v", d)
	}

	s.Clock.Add(time.Minute)
	if got := stats().Database.OldestDue; got != time.Minute {
		t.Errorf("the oldest delivery has been due for %v", got)
	}
	list := due(t, s, to.ID)
	attempt(t, s, list[0], 200)
	attempt(t, s, list[1], 500)
	if got := stats(); got.Attempts[store.AttemptDelivered] != 1 || got.Attempts[store.AttemptFailed] != 1 || got.Database.Outbox >= d.Outbox {
		t.Errorf("attempts %v, %d left of %d", got.Attempts, got.Database.Outbox, d.Outbox)
	}
	s.Clock.Add(24 * time.Hour)
	if got := stats().FreeTNs; got != before.FreeTNs-1 {
		t.Errorf("what ran out is not free: %d, before %d", got, before.FreeTNs)
	}
	must[store.Swept](t)(s.Sweep(ctx))
	if got := stats(); got.Events[tel.EventExpired] != 1 || got.Database.HeldTNs != was.HeldTNs {
		t.Errorf("%d expired, %d held", got.Events[tel.EventExpired], got.Database.HeldTNs)
	}
}

// Each change is told of with the transaction that it was part of.
func TestWatch(t *testing.T) {
	var mu sync.Mutex
	var turns []store.Turn
	var ended []store.Turn
	var failed []error
	s := storetest.Empty(t, store.Config{Watch: store.Watch{
		Turn: func(turn store.Turn) {
			mu.Lock()
			defer mu.Unlock()
			turns = append(turns, turn)
		},
		Change: func(ctx context.Context) func(store.Turn, error) {
			if ctx.Value(t) == nil {
				return nil
			}
			return func(turn store.Turn, err error) {
				mu.Lock()
				defer mu.Unlock()
				ended, failed = append(ended, turn), append(failed, err)
			}
		},
	}})
	named := context.WithValue(ctx, t, "this test's")
	account := tel.Account{ID: acme, Name: "Acme", Policy: tel.DefaultPolicy(), Limits: tel.DefaultPolicy()}
	if err := s.CreateAccount(named, operator, account); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateAccount(named, operator, account); tel.CodeOf(err) != tel.CodeConflict {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(named)
	cancel()
	account.ID++
	if err := s.CreateAccount(over, operator, account); err == nil {
		t.Error("a change for nobody was made")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ended) != 3 || failed[0] != nil || failed[1] == nil || failed[2] == nil {
		t.Fatalf("%v, %v", ended, failed)
	}
	for i, turn := range ended[:2] {
		if turn.Changes < 1 || turn.Began.IsZero() || turn.Flushing.Before(turn.Began) || turn.Ended.Before(turn.Flushing) {
			t.Errorf("%d: %+v", i, turn)
		}
	}
	if len(turns) < 2 {
		t.Errorf("%d transactions", len(turns))
	}
}

// A transaction that was rolled back for one of its changes is told of once, and each of
// those that then ran alone; a change is told its own.
func TestWatchOfChangesThatRanAlone(t *testing.T) {
	var mu sync.Mutex
	var turns, ended []store.Turn
	s := storetest.Empty(t, store.Config{Watch: store.Watch{
		Turn: func(turn store.Turn) {
			mu.Lock()
			defer mu.Unlock()
			turns = append(turns, turn)
		},
		Change: func(ctx context.Context) func(store.Turn, error) {
			return func(turn store.Turn, err error) {
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, turn)
			}
		},
	}})
	together(t, s, 3, func(i int) {
		if i == 1 {
			s.FailAfterWriting(acme)
		} else if err := s.CreateAccount(ctx, operator, tel.Account{ID: acme + tel.AccountID(i), Name: ref(i), Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}); err != nil {
			t.Error(err)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	told := map[store.Turn]int{}
	var changes []int
	for _, turn := range turns {
		told[turn]++
		changes = append(changes, turn.Changes)
	}
	same(t, "turns", changes, []int{1, 3, 1, 1, 1})
	if len(told) != 5 || !turns[1].Flushing.IsZero() {
		t.Errorf("%+v", turns)
	}
	own := map[store.Turn]int{}
	for _, turn := range ended {
		if own[turn]++; told[turn] != 1 || turn.Changes != 1 {
			t.Errorf("a change was told of %+v", turn)
		}
	}
	if len(own) < 3 || len(own) != len(ended) {
		t.Errorf("%d changes were told of %d turns", len(ended), len(own))
	}
}

func TestReady(t *testing.T) {
	s := storetest.Open(t)
	if err := s.Ready(ctx); err != nil {
		t.Error(err)
	}
	goOn := s.StopFollowing(time.Minute)
	if e := code(t, s.Ready(ctx), tel.CodeBusy); !strings.Contains(e.Message, "behind") {
		t.Error(e)
	}
	goOn()
	eventually(t, "ready", func() bool { return s.Ready(ctx) == nil })
	bare := must[*store.Store](t)(store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now, NoShelf: true}))
	defer bare.Close()
	if e := code(t, bare.Ready(ctx), tel.CodeBusy); !strings.Contains(e.Message, "not loaded") {
		t.Error(e)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if e := code(t, s.Ready(ctx), tel.CodeBusy); !strings.Contains(e.Message, "database") {
		t.Error(e)
	}
}

// A node without its database says so in time, and comes back by itself.
func TestPostgresReady(t *testing.T) {
	p := storetest.OwnPostgres(t)
	s := storetest.OpenPostgres(t, p)
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	code(t, s.Ready(soon), tel.CodeBusy)
	if got, err := s.Stats(soon, operator); err == nil || got == nil || got.Database != nil || got.TNs == 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready", func() bool { return s.Ready(ctx) == nil })
}
