package store_test

import (
	"sync"
	"testing"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// A reservation that waits to be written, and whose writing fails inside a neighbour's
// read, is not acknowledged.
func TestFailedFlushIsNobodysSuccess(t *testing.T) {
	s := storetest.OpenFile(t)
	run(t, file(t, s.Path), `CREATE TRIGGER boom BEFORE INSERT ON hold BEGIN SELECT RAISE(ABORT, 'boom'); END`)
	release := make(chan struct{})
	<-s.Hold(release) // what comes now shares the next transaction
	var all sync.WaitGroup
	var reserve, extend error
	all.Go(func() { _, reserve = s.Reserve(ctx, admin, ask(acme, raleigh(0))) })
	eventually(t, "it waits", func() bool { return s.Waiting() == 1 })
	all.Go(func() { _, extend = s.Extend(ctx, admin, "00000000-0000-4000-8000-000000000000") })
	eventually(t, "both wait", func() bool { return s.Waiting() == 2 })
	close(release)
	all.Wait()
	if reserve == nil {
		t.Error("a reservation was acknowledged whose hold was not written")
	}
	code(t, extend, tel.CodeNotFound)
	checked(t, s.Store)
}
