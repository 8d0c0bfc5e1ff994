package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// everyTN is the whole inventory of a test: as many TNs as an order may have.
func everyTN() (all []tel.Number) {
	for _, first := range []tel.Number{raleigh(0), raleigh(1000), tel.NewNumber(984, 200, 0), tel.NewNumber(212, 555, 4000), tel.NewNumber(800, 555, 6000)} {
		for i := range 1000 {
			all = append(all, first+tel.Number(i))
		}
	}
	return all
}

// Of the large changes one waits at a time, so that small ones never wait for many. A
// client that goes away gives its place in the row up.
func TestLargeChangesWaitForEachOther(t *testing.T) {
	s := storetest.Open(t)
	all := everyTN()
	release := make(chan struct{})
	<-s.Hold(release)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			o, err := s.PlaceOrder(ctx, admin, orderOf(acme, all[800*i:800*(i+1)]...))
			if err != nil || o.State != tel.OrderComplete {
				t.Error(err)
			}
		})
	}
	eventually(t, "one waits", func() bool { return s.Waiting() == 1 })
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := s.PlaceOrder(short, admin, orderOf(acme, all...)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if n := s.Waiting(); n > 1 {
		t.Errorf("%d wait", n)
	}
	close(release)
	wg.Wait()
	checked(t, s.Store)
}

// Every way that thousands of TNs leave and come, with what the rows and the history
// say at the end.
func TestLargeOrders(t *testing.T) {
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	all := everyTN()
	var ids []string
	for i := range 130 { // a reservation of three, of which one goes, and one that goes whole
		ids = append(ids, reserve(t, s, admin, all[4*i:4*i+3]...).ID, reserve(t, s, admin, all[4*i+3]).ID)
	}
	var part []tel.Number
	for i := range 130 {
		part = append(part, all[4*i], all[4*i+3])
	}
	o := place(t, s, admin, with(orderOf(acme, append(part, all[1000:3000]...)...), ids...))
	if o.State != tel.OrderComplete || o.CompletedCount != 2260 {
		t.Errorf("%s, %d", o.State, o.CompletedCount)
	}
	checked(t, s.Store)
	rest := must[*tel.Reservation](t)(s.Reservation(ctx, admin, ids[0]))
	if rest.TNCount != 2 || len(rest.HeldTNs()) != 2 || rest.StateAt(s.Now()) != tel.StateLive {
		t.Errorf("%+v", rest)
	}
	if a := must[*tel.Account](t)(s.Account(ctx, admin, acme)); a.Held != 260 {
		t.Error(a.Held)
	}
	disconnect(t, s, admin, all[1000:2000]...)
	order(t, s, admin, all[1000:1500]...) // takes them back
	s.Clock.Add(91 * 24 * time.Hour)
	order(t, s, rival, all[1500:2000]...) // aged away, and nobody wrote it down
	checked(t, s.Store)
	o = place(t, s, rival, orderOf(globex, all...)) // what is left: also what ran out
	if o.CompletedCount != 5000-2260-500+1000-500 || o.State != tel.OrderPartial {
		t.Errorf("%s, %d", o.State, o.CompletedCount)
	}
	for i, f := range o.Failed {
		if f.Code != tel.CodeNotAvailable || i > 0 && f.TN <= o.Failed[i-1].TN {
			t.Fatalf("%+v", f)
		}
	}
	checked(t, s.Store)
	checked(t, again(t, s))
}
