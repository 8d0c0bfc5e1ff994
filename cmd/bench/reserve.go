package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// flashOf is the message that an answer carries to the next page.
func flashOf(res *http.Response) string {
	for _, c := range res.Cookies() {
		if c.Name == "tn-flash" {
			text, _ := base64.RawURLEncoding.DecodeString(c.Value)
			return string(text)
		}
	}
	return ""
}

// load is what clients did for a while.
type load struct {
	took    times
	refused int64
	lasted  time.Duration
}

func (l load) rate() float64 { return float64(len(l.took)) / l.lasted.Seconds() }

// way opens a connection through one of the doors: what it gives reserves a TN there,
// or tells that it was refused.
type way func() (*wire, reserveFunc, error)

type reserveFunc func(tn tel.Number) (done bool, err error)

// dashboard reserves as a person does.
func (s *server) dashboard() (*wire, reserveFunc, error) {
	w, err := s.dial("/reservations", "HX-Request: true", "Cookie: "+s.cookie, "Content-Type: application/x-www-form-urlencoded")
	return w, func(tn tel.Number) (bool, error) {
		res, err := w.post("back=%2Flookup&tn=" + tn.Digits())
		return err == nil && strings.Contains(flashOf(res), "Reserved"), err
	}, err
}

// bandwidth reserves as Bandwidth's clients do.
func (s *server) bandwidth() (*wire, reserveFunc, error) {
	basic := base64.StdEncoding.EncodeToString([]byte(s.program.Username + ":" + s.program.Password))
	w, err := s.dial("/api/accounts/"+account.String()+"/tnreservation", "Content-Type: application/xml", "Authorization: Basic "+basic)
	return w, func(tn tel.Number) (bool, error) {
		res, err := w.post("<Reservation><ReservedTn>" + tn.Digits() + "</ReservedTn></Reservation>")
		return err == nil && res.StatusCode == http.StatusCreated, err
	}, err
}

// telnyx reserves as Telnyx's clients do.
func (s *server) telnyx() (*wire, reserveFunc, error) {
	w, err := s.dial("/v2/number_reservations", "Content-Type: application/json", "Authorization: Bearer "+s.program.Key)
	return w, func(tn tel.Number) (bool, error) {
		res, err := w.post(`{"phone_numbers":[{"phone_number":"` + tn.E164() + `"}]}`)
		return err == nil && res.StatusCode == http.StatusOK, err
	}, err
}

// reserveFor lets clients reserve TNs of their own for a while.
func (b *bench) reserveFor(by way, n int, d time.Duration, next func() tel.Number) (load, error) {
	var out load
	var mu sync.Mutex
	start := time.Now()
	err := each(n, func(int) error {
		w, reserve, err := by()
		if err != nil {
			return err
		}
		defer w.Close()
		var mine times
		for time.Since(start) < d && b.ctx.Err() == nil {
			t := time.Now()
			done, err := reserve(next())
			if err != nil {
				return err
			}
			if !done {
				atomic.AddInt64(&out.refused, 1)
				continue
			}
			mine = append(mine, time.Since(t))
		}
		mu.Lock()
		defer mu.Unlock()
		out.took = append(out.took, mine...)
		return nil
	})
	out.lasted = time.Since(start)
	return out, err
}

// walk gives every TN of the inventory once, spread over the blocks.
func (b *bench) walk(db string) (func() tel.Number, error) {
	s, err := store.Open(b.ctx, store.Config{DB: db, Now: time.Now})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	q := tel.NewQuery()
	q.Limit = 5000
	var list []tel.Number
	for len(list) < 400_000 {
		page, err := s.Search(b.ctx, operator, q)
		if err != nil {
			return nil, err
		}
		for _, f := range page.TNs {
			list = append(list, f.TN)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	var i atomic.Int64
	return func() tel.Number { return list[int(i.Add(1))%len(list)] }, nil
}

const loadFor = 5 * time.Second

// measureReserve compares group commit with a transaction per request, in turn, and
// reserving alone with reserving while others search.
func (b *bench) measureReserve() error {
	b.title("Reserve over HTTP, durable (WAL, synchronous=FULL), 64 clients on different TNs")
	db, err := b.copyDB("reserve.db")
	if err != nil {
		return err
	}
	next, err := b.walk(db)
	if err != nil {
		return err
	}
	rates, cpu := map[string][]float64{}, map[string][]float64{}
	p99 := map[string]times{}
	for range 3 {
		for name, batch := range map[string]string{"group commit": "256", "one transaction per request": "1"} {
			s, err := b.serve(db, "--batch", batch)
			if err != nil {
				return err
			}
			before := s.cpu()
			l, err := b.reserveFor(s.dashboard, clients, loadFor, next)
			used := s.cpu() - before
			s.stop()
			if err != nil {
				return err
			}
			cpu[name] = append(cpu[name], float64(used.Microseconds())/float64(len(l.took)))
			rates[name] = append(rates[name], l.rate())
			p99[name] = append(p99[name], l.took...)
		}
	}
	for name, r := range rates {
		b.row(name, fmt.Sprintf("%.0f/s, %.0f µs of the server's CPU each", median(r), median(cpu[name])), p99[name].String())
	}
	b.row("ratio of the medians", fmt.Sprintf("%.1f", median(rates["group commit"])/median(rates["one transaction per request"])), "at least 5")
	for _, n := range []int{1, 16, 256} {
		s, err := b.serve(db)
		if err != nil {
			return err
		}
		l, err := b.reserveFor(s.dashboard, n, loadFor, next)
		s.stop()
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("%d clients", n), fmt.Sprintf("%.0f/s", l.rate()), l.took.String())
	}
	if err := b.measureDoors(db, next); err != nil {
		return err
	}
	return b.measureWhileSearching(db, next)
}

// measureDoors compares the doors, in turn on one server.
func (b *bench) measureDoors(db string, next func() tel.Number) error {
	s, err := b.serve(db)
	if err != nil {
		return err
	}
	defer s.stop()
	rates, took := map[string][]float64{}, map[string]times{}
	for range 3 {
		for name, by := range map[string]way{"dashboard": s.dashboard, "Bandwidth door": s.bandwidth, "Telnyx door": s.telnyx} {
			l, err := b.reserveFor(by, clients, loadFor, next)
			if err != nil {
				return err
			}
			rates[name] = append(rates[name], l.rate())
			took[name] = append(took[name], l.took...)
		}
	}
	for _, name := range []string{"dashboard", "Bandwidth door", "Telnyx door"} {
		b.row("64 clients, "+name, fmt.Sprintf("%.0f/s", median(rates[name])), took[name].String())
	}
	return nil
}

func median(list []float64) float64 {
	sort.Float64s(list)
	return list[len(list)/2]
}

// measureWhileSearching reserves with 32 clients, alone and while 32 others search
// without rest.
func (b *bench) measureWhileSearching(db string, next func() tel.Number) error {
	s, err := b.serve(db)
	if err != nil {
		return err
	}
	defer s.stop()
	var alone, beside []float64
	var found atomic.Int64
	for range 3 {
		l, err := b.reserveFor(s.dashboard, 32, loadFor/2, next)
		if err != nil {
			return err
		}
		alone = append(alone, l.rate())
		var stop atomic.Bool
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				for n := 0; !stop.Load(); n++ {
					if _, _, err := s.get(fmt.Sprintf("/search?contains=424&seed=%d", i*100_000+n)); err == nil {
						found.Add(1)
					}
				}
			})
		}
		l, err = b.reserveFor(s.dashboard, 32, loadFor/2, next)
		stop.Store(true)
		wg.Wait()
		if err != nil {
			return err
		}
		beside = append(beside, l.rate())
	}
	b.row("32 clients reserve, nobody searches", fmt.Sprintf("%.0f/s", median(alone)), "")
	b.row("32 reserve while 32 search", fmt.Sprintf("%.0f/s, and %.0f searches/s", median(beside), float64(found.Load())/(3*loadFor.Seconds()/2)), "")
	b.row("what is left of reserving", fmt.Sprintf("%.0f %%", 100*median(beside)/median(alone)), "at least 50 %")
	return nil
}
