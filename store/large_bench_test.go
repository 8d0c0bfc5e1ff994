package store_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// BenchmarkImportScattered is an import of 50 TNs all over a country of many blocks.
// TNRESERVE_SEED_CSV may name a file of them.
func BenchmarkImportScattered(b *testing.B) {
	var csv strings.Builder
	csv.WriteString("npa,nxx,city,state\n")
	for i := range 4000 {
		if nxx := 200 + i%700; nxx%100 != 11 {
			fmt.Fprintf(&csv, "%d,%d,Eden,NC\n", 212+100*(i/700), nxx)
		}
	}
	country := csv.String()
	if name := os.Getenv("TNRESERVE_SEED_CSV"); name != "" {
		country = string(must[[]byte](b)(os.ReadFile(name)))
	}
	s := storetest.Empty(b, store.Config{})
	inv := read(b, country)
	must[store.Imported](b)(s.Import(ctx, operator, inv, nil))
	var turn int
	for b.Loop() {
		turn++
		file := "tn,monthly_cost\n"
		for i := range 50 {
			file += fmt.Sprintf("%s,%d.00\n", inv.Blocks[i*len(inv.Blocks)/50].Block.Number(turn%1000).Digits(), turn%7+1)
		}
		must[store.Imported](b)(s.Import(ctx, operator, read(b, file), nil))
	}
}

// BenchmarkLargeOrder is an order of 5,000 TNs, and how long somebody who reserves
// beside it waits at worst.
func BenchmarkLargeOrder(b *testing.B) {
	everything := everyTN()
	held := func(b *testing.B, s *storetest.Store, each int) (ids []string) {
		setPolicy(b, s, acme, func(p *tel.Policy) { p.MaxHeld, p.MaxPerReservation = 5000, 100 })
		for list := range slices.Chunk(everything, each) {
			ids = append(ids, reserve(b, s, admin, list...).ID)
		}
		return ids
	}
	for name, ready := range map[string]func(*testing.B, *storetest.Store) func() error{
		"free": func(b *testing.B, s *storetest.Store) func() error {
			return func() error { return second(s.PlaceOrder(ctx, admin, orderOf(acme, everything...))) }
		},
		"held by 50": func(b *testing.B, s *storetest.Store) func() error {
			req := with(orderOf(acme, everything...), held(b, s, 100)...)
			return func() error { return second(s.PlaceOrder(ctx, admin, req)) }
		},
		"held by 5000": func(b *testing.B, s *storetest.Store) func() error {
			req := with(orderOf(acme, everything...), held(b, s, 1)...)
			return func() error { return second(s.PlaceOrder(ctx, admin, req)) }
		},
		"held by 5000, none allowed": func(b *testing.B, s *storetest.Store) func() error {
			held(b, s, 1)
			return func() error { return second(s.PlaceOrder(ctx, admin, orderOf(acme, everything...))) }
		},
		"reserve": func(b *testing.B, s *storetest.Store) func() error {
			setPolicy(b, s, acme, func(p *tel.Policy) { p.MaxHeld, p.MaxPerReservation = 5000, 5000 })
			return func() error { return second(s.Reserve(ctx, admin, ask(acme, everything...))) }
		},
		"search": func(b *testing.B, s *storetest.Store) func() error {
			req := tel.OrderRequest{Account: acme, Kind: tel.OrderKindSearch, Search: &tel.OrderSearch{Query: tel.NewQuery(), Quantity: 5000}, PartialAllowed: true}
			req.Search.Query.Type = tel.TypeLocal
			return func() error { return second(s.PlaceOrder(ctx, admin, req)) }
		},
		"disconnect": func(b *testing.B, s *storetest.Store) func() error {
			order(b, s, admin, everything...)
			return func() error { return second(s.Disconnect(ctx, admin, orderOf(acme, everything...))) }
		},
		"take back": func(b *testing.B, s *storetest.Store) func() error {
			order(b, s, admin, everything...)
			disconnect(b, s, admin, everything...)
			return func() error { return second(s.PlaceOrder(ctx, admin, orderOf(acme, everything...))) }
		},
		"aged away": func(b *testing.B, s *storetest.Store) func() error {
			order(b, s, rival, everything...)
			disconnect(b, s, rival, everything...)
			s.Clock.Add(90 * 24 * time.Hour)
			return func() error { return second(s.PlaceOrder(ctx, admin, orderOf(acme, everything...))) }
		},
	} {
		b.Run(name, func(b *testing.B) {
			var worst time.Duration
			for b.Loop() {
				b.StopTimer()
				s := storetest.Open(b)
				run := ready(b, s)
				stop, wait := make(chan struct{}), sync.WaitGroup{}
				wait.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						at := time.Now()
						_, _ = s.AddOrderNote(ctx, admin, fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "x", "")
						worst = max(worst, time.Since(at))
						time.Sleep(time.Millisecond)
					}
				})
				time.Sleep(20 * time.Millisecond)
				b.StartTimer()
				if err := run(); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				close(stop)
				wait.Wait()
				b.StartTimer()
			}
			b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
		})
	}
}
