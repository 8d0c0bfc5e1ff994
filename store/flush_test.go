package store

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store/intake"
	"tnreserve/store/tel"
)

// A reservation that waits to be written, and whose writing fails inside a neighbour's
// read, is not acknowledged.
func TestFailedFlushIsNobodysSuccess(t *testing.T) {
	ctx, house := context.Background(), tel.System("test")
	s, err := Open(ctx, Config{DB: filepath.Join(t.TempDir(), "tnreserve.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	inv, err := intake.Read(ctx, strings.NewReader("npa,nxx,state\n919,247,NC\n"), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(ctx, house, inv, nil); err != nil {
		t.Fatal(err)
	}
	account := tel.Account{ID: 1, Name: "One", ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
	if err := s.CreateAccount(ctx, house, account); err != nil {
		t.Fatal(err)
	}
	tn := tel.NewNumber(919, 247, 1000)
	if err := s.change(ctx, house, func(x *tx) error {
		_, err := x.exec(`CREATE TRIGGER boom BEFORE INSERT ON hold BEGIN SELECT RAISE(ABORT, 'boom'); END`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	gate, waiting := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = s.change(ctx, house, func(*tx) error { close(waiting); <-gate; return nil })
	})
	<-waiting // what comes now shares the next transaction
	var reserve, extend error
	all.Go(func() {
		_, reserve = s.Reserve(ctx, house, tel.ReserveRequest{Account: 1, TNs: []tel.Number{tn}})
	})
	for s.Waiting() < 1 {
		time.Sleep(time.Millisecond)
	}
	all.Go(func() { _, extend = s.Extend(ctx, house, "00000000-0000-4000-8000-000000000000") })
	for s.Waiting() < 2 {
		time.Sleep(time.Millisecond)
	}
	close(gate)
	all.Wait()
	if reserve == nil {
		t.Error("a reservation was acknowledged whose hold was not written")
	}
	if tel.CodeOf(extend) != tel.CodeNotFound {
		t.Errorf("the neighbour was answered %v", extend)
	}
	if broken, err := s.Check(ctx); err != nil || len(broken) > 0 {
		t.Error(broken, err)
	}
}
