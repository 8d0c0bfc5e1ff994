package store_test

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func TestHundredForOneTN(t *testing.T) {
	s := storetest.Open(t)
	var won, lost atomic.Int32
	parallel(100, func(i int) {
		actor := []tel.Actor{admin, rival}[i%2]
		_, err := s.Reserve(ctx, actor, ask(actor.Account, raleigh(0)))
		switch tel.CodeOf(err) {
		case "":
			won.Add(1)
		case tel.CodeNotAvailable, tel.CodeHeldByYou:
			lost.Add(1)
		default:
			t.Error(err)
		}
	})
	if won.Load() != 1 || lost.Load() != 99 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	checked(t, s.Store)
}

// Everybody takes whatever search shows until there is nothing: each TN goes once.
func TestHundredForThirty(t *testing.T) {
	s := storetest.Empty(t, store.Config{})
	if _, err := s.Import(ctx, operator, read(t, "start,end,state,city\n9195552000,9195552029,NC,Raleigh\n"), nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []tel.AccountID{acme, globex} {
		if err := s.CreateAccount(ctx, operator, tel.Account{ID: id, Name: "A", ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	got := map[tel.Number]int{}
	parallel(100, func(i int) {
		actor := []tel.Actor{admin, rival}[i%2]
		for {
			q := tel.NewQuery()
			q.Seed, q.Limit = s.Shelf().NextSeed(), 1
			found, err := s.Search(ctx, actor, q)
			if err != nil {
				t.Error(err)
				return
			}
			if len(found.TNs) == 0 {
				return
			}
			r, err := s.Reserve(ctx, actor, ask(actor.Account, found.TNs[0].TN))
			switch tel.CodeOf(err) {
			case "":
				mu.Lock()
				got[r.Reservation.TNs[0].TN]++
				mu.Unlock()
			case tel.CodeNotAvailable, tel.CodeHeldByYou:
			default:
				t.Error(err)
				return
			}
		}
	})
	if len(got) != 30 {
		t.Errorf("%d TNs were had", len(got))
	}
	for tn, n := range got {
		if n != 1 {
			t.Errorf("%s was had %d times", tn, n)
		}
	}
	checked(t, s.Store)
}

func TestCapUnderParallelClients(t *testing.T) {
	s := storetest.Open(t)
	const most = 17
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = most })
	reserve(t, s, admin, raleighs(1000, most)...)
	s.Clock.Add(4 * time.Hour) // ran out and not swept: counts no more
	for range 2 {
		var won atomic.Int32
		base := rand.IntN(800)
		parallel(50, func(i int) {
			_, err := s.Reserve(ctx, admin, ask(acme, raleigh(base+i)))
			if err == nil {
				won.Add(1)
			} else if tel.CodeOf(err) != tel.CodeTooManyHeld {
				t.Error(err)
			}
		})
		if won.Load() != most {
			t.Errorf("%d TNs under a cap of %d", won.Load(), most)
		}
		if a := must[*tel.Account](t)(s.Account(ctx, admin, acme)); a.Held != most {
			t.Error(a.Held)
		}
		checked(t, s.Store)
		s.Clock.Add(4 * time.Hour)
		must[store.Swept](t)(s.Sweep(ctx))
	}
}

func TestOneKeyFiftyAtOnce(t *testing.T) {
	s := storetest.Open(t)
	req := ask(acme, raleighs(0, 2)...)
	req.IdempotencyKey = "once"
	var mu sync.Mutex
	ids, repeated := map[string]int{}, 0
	parallel(50, func(int) {
		got, err := s.Reserve(ctx, admin, req)
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		ids[got.Reservation.ID]++
		if got.Repeated {
			repeated++
		}
	})
	if len(ids) != 1 || repeated != 49 {
		t.Errorf("%d reservations, %d repeated", len(ids), repeated)
	}
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM reservation`); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// Off means off: in the order of the events no reservation stands between off and on.
func TestSwitchInMidFlight(t *testing.T) {
	s := storetest.Open(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var switched atomic.Int64 // odd: off was acknowledged, and on was not sent yet
	var next, made atomic.Int64
	for range 16 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := switched.Load()
				got, err := s.Reserve(ctx, admin, ask(acme, raleigh(int(next.Add(1)-1)%2000)))
				switch c := tel.CodeOf(err); c {
				case "":
					made.Add(1)
					if before%2 == 1 && switched.Load() == before {
						t.Error("reserved while off")
					}
					if _, err := s.Cancel(ctx, admin, got.Reservation.ID, ""); err != nil && tel.CodeOf(err) != tel.CodeEnded {
						t.Error(err)
					}
				case tel.CodeReservationsOff, tel.CodeNotAvailable, tel.CodeHeldByYou:
				default:
					t.Error(err)
				}
			}
		})
	}
	for i := range 25 {
		must[int](t)(s.SwitchReservations(ctx, operator, acme, false, store.Live(i%2 == 0)))
		switched.Add(1)
		time.Sleep(3 * time.Millisecond)
		switched.Add(1)
		must[int](t)(s.SwitchReservations(ctx, operator, acme, true, store.LiveKeep))
		time.Sleep(5 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	if made.Load() == 0 {
		t.Error("no reservation was made")
	}
	rows, err := file(t, s.Path).Query(`SELECT kind, facts FROM event WHERE kind IN ('account.switched', 'reservation.created') ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	on, switches := true, 0
	for rows.Next() {
		var kind, facts string
		if err := rows.Scan(&kind, &facts); err != nil {
			t.Fatal(err)
		}
		if kind == string(tel.EventSwitched) {
			on = strings.Contains(facts, `"after":true`)
			switches++
		} else if !on {
			t.Error("a reservation was created after off and before on")
		}
	}
	if switches != 50 {
		t.Errorf("%d switches", switches)
	}
	checked(t, s.Store)
}

func TestSwitchOffEndsAThousand(t *testing.T) {
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	theirs := reserve(t, s, rival, raleigh(1500))
	parallel(50, func(i int) {
		for j := range 10 {
			reserve(t, s, admin, raleighs(20*i+2*j, 2)...)
		}
	})
	ended := must[int](t)(s.SwitchReservations(ctx, admin, acme, false, store.LiveEnd))
	if ended != 500 {
		t.Errorf("%d ended", ended)
	}
	if a := must[*tel.Account](t)(s.Account(ctx, admin, acme)); a.Held != 0 || a.ReservationsOn {
		t.Errorf("%+v", a)
	}
	if list := must[store.Listed](t)(s.List(ctx, admin, store.ListQuery{Limit: 5})); len(list.Rows) != 0 {
		t.Error("live ones stay")
	}
	page := must[store.Listed](t)(s.List(ctx, admin, store.ListQuery{Ended: true, Limit: 1}))
	if r := page.Rows[0]; r.State != tel.StateCancelled || r.EndedBy != admin.Sign() || r.EndReason == "" {
		t.Errorf("%+v", r)
	}
	if r := must[*tel.Reservation](t)(s.Reservation(ctx, rival, theirs.ID)); r.State != tel.StateLive {
		t.Error("another account's ended too")
	}
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM account WHERE ending`); n != 0 {
		t.Error("still marked as ending")
	}
	checked(t, s.Store)
}

// A process that dies between two of those changes leaves the rest to the sweeper.
func TestSwitchOffGoesOnBySweeper(t *testing.T) {
	s := storetest.Open(t)
	for i := range 5 {
		reserve(t, s, admin, raleigh(i))
	}
	must[int](t)(s.SwitchReservations(ctx, admin, acme, false, store.LiveKeep))
	run(t, file(t, s.Path), `UPDATE account SET ending = TRUE WHERE id = 9500001`)
	if got := must[store.Swept](t)(s.Sweep(ctx)); got.Ended != 5 {
		t.Errorf("%+v", got)
	}
	checked(t, s.Store)
}
