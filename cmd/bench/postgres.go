package main

import (
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest/postgres"
	"tnreserve/store/tel"
)

// measurePostgres reserves on one node and on three, on a private PostgreSQL that waits
// for the disk as it does in earnest.
func (b *bench) measurePostgres() error {
	b.title("PostgreSQL on this machine, reserve over HTTP, durable (fsync, synchronous_commit=on)")
	p, err := postgres.Start()
	if errors.Is(err, postgres.ErrNone) {
		b.row("left out", err.Error(), "")
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	db, err := b.countryOn(p, "bench")
	if err != nil {
		return err
	}
	next, err := b.walk(db)
	if err != nil {
		return err
	}
	for _, n := range []int{1, 3} {
		if err := b.measureNodes(db, n, next); err != nil {
			return err
		}
	}
	if err := b.measureCatchUp(db, next); err != nil {
		return err
	}
	if db, err = b.countryOn(p, "load"); err != nil { // with nothing held yet
		return err
	}
	return b.loadInUse("PostgreSQL", db)
}

// countryOn makes a database with the country in it.
func (b *bench) countryOn(p *postgres.Server, name string) (string, error) {
	if err := p.Run(`CREATE DATABASE ` + name); err != nil {
		return "", err
	}
	return p.URL(name), b.fillPostgres(p.URL(name))
}

// fillPostgres imports the country and loads it.
func (b *bench) fillPostgres(db string) error {
	start := time.Now()
	if out, err := exec.CommandContext(b.ctx, b.binary, "import", "--db", db, b.csv).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	b.row("import of the whole country", round(time.Since(start)).String(), "")
	start = time.Now()
	s, err := store.Open(b.ctx, store.Config{DB: db, Now: time.Now})
	if err != nil {
		return err
	}
	b.row("opened, with the shelf in memory", round(time.Since(start)).String(), "under 5 s")
	return s.Close()
}

// measureNodes lets clients reserve on so many nodes at once.
func (b *bench) measureNodes(db string, n int, next func() tel.Number) error {
	var nodes []*server
	defer func() {
		for _, s := range nodes {
			s.stop()
		}
	}()
	for range n {
		s, err := b.serve(db)
		if err != nil {
			return err
		}
		nodes = append(nodes, s)
	}
	var turn atomic.Int64
	anyNode := func() (*wire, reserveFunc, error) { return nodes[int(turn.Add(1))%n].dashboard() }
	for _, clients := range []int{1, 16, 64, 256} {
		l, err := b.reserveFor(anyNode, clients, loadFor, next)
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("%s, %d clients", tel.Plural(n, "node"), clients), fmt.Sprintf("%.0f/s", l.rate()), l.took.String())
	}
	return b.searchWhileReserving(nodes, anyNode, next)
}

// searchWhileReserving lets 8 people search without rest while 32 clients reserve.
func (b *bench) searchWhileReserving(nodes []*server, by way, next func() tel.Number) error {
	var mu sync.Mutex
	var took times
	var stop atomic.Bool
	var wg sync.WaitGroup
	start := time.Now()
	for i := range 8 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				t := time.Now()
				if _, _, err := nodes[i%len(nodes)].get(fmt.Sprintf("/search?contains=424&seed=%d", i*100_000+n)); err == nil {
					mu.Lock()
					took = append(took, time.Since(t))
					mu.Unlock()
				}
			}
		})
	}
	l, err := b.reserveFor(by, 32, loadFor, next)
	stop.Store(true)
	wg.Wait()
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("%s, 8 search while 32 reserve %.0f/s", tel.Plural(len(nodes), "node"), l.rate()), fmt.Sprintf("%.0f searches/s", float64(len(took))/time.Since(start).Seconds()), took.String())
	return nil
}
