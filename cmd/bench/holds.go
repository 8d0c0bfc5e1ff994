package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/web/telnyx"
)

// measureHolds fills an account with live holds, one reservation each, and looks at
// the list and at the sweeper.
func (b *bench) measureHolds() error {
	b.title(fmt.Sprintf("%s live holds", tel.Count(b.holds)))
	db, err := b.copyDB("holds.db")
	if err != nil {
		return err
	}
	var ahead atomic.Int64 // how far the clock was set forward
	var turns longest
	s, err := store.Open(b.ctx, store.Config{DB: db, Watch: store.Watch{Turn: turns.see}, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := prepare(b.ctx, s); err != nil {
		return err
	}
	next, err := b.freeTNs(s)
	if err != nil {
		return err
	}
	start := time.Now()
	expiring := b.holds / 10
	if err := b.fill(s, expiring, time.Hour, next); err != nil {
		return err
	}
	if err := b.fill(s, b.holds-expiring, 24*time.Hour, next); err != nil {
		return err
	}
	b.row("reserved in the store, 256 at once", fmt.Sprintf("%.0f/s", float64(b.holds)/time.Since(start).Seconds()), "")
	if err := b.measureList(s); err != nil {
		return err
	}
	if err := b.measureNumberedList(s); err != nil {
		return err
	}
	if err := b.measureDisk(); err != nil {
		return err
	}
	if err := b.measureWaits(s, &turns, "nothing is swept", next, b.pause); err != nil {
		return err
	}
	ahead.Store(int64(2 * time.Hour))
	start = time.Now()
	var swept store.Swept
	err = b.measureWaits(s, &turns, "what ran out is swept", next, func() (err error) { swept, err = s.Sweep(b.ctx); return err })
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("sweep of %s that ran out (%s found)", tel.Count(expiring), tel.Count(swept.Expired)), round(time.Since(start)).String(), "")
	return nil
}

// longest is the transaction that kept everybody waiting longest.
type longest struct {
	mu   sync.Mutex
	turn store.Turn
}

func (l *longest) see(t store.Turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.Flushing.IsZero() && t.Ended.Sub(t.Began) > l.turn.Ended.Sub(l.turn.Began) {
		l.turn = t
	}
}

func (l *longest) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%s, %s", round(l.turn.Flushing.Sub(l.turn.Began)), round(l.turn.Ended.Sub(l.turn.Flushing)))
}

func (l *longest) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn = store.Turn{}
}

func (b *bench) freeTNs(s *store.Store) (func() tel.Number, error) {
	rows, err := s.Summary(operator, "npa", tel.NewQuery())
	if err != nil {
		return nil, err
	}
	var blocks []tel.Block
	for _, r := range rows {
		var npa int
		fmt.Sscan(r.Name, &npa)
		q := tel.NewQuery()
		q.NPAs = []int{npa}
		inside, err := s.Summary(operator, "block", q)
		if err != nil {
			return nil, err
		}
		for _, row := range inside {
			var nxx, x int
			fmt.Sscanf(row.Name, "%03d-%03d-%d", &npa, &nxx, &x)
			blocks = append(blocks, tel.NewBlock(npa, nxx, x))
		}
	}
	var i atomic.Int64
	return func() tel.Number {
		n := i.Add(1)
		block := blocks[int(n*7919)%len(blocks)] // far apart, as real demand is
		return block.Number(int(n/int64(len(blocks))) % tel.BlockSize)
	}, nil
}

func (b *bench) fill(s *store.Store, n int, d time.Duration, next func() tel.Number) error {
	var left atomic.Int64
	left.Store(int64(n))
	return each(256, func(i int) error {
		for left.Add(-1) >= 0 && b.ctx.Err() == nil {
			_, err := s.Reserve(b.ctx, operator, tel.ReserveRequest{Account: account, TNs: []tel.Number{next()}, For: d})
			if err != nil && tel.CodeOf(err) == tel.CodeInternal {
				return err
			}
		}
		return nil
	})
}

// measureList reads pages on the way through the whole list.
func (b *bench) measureList(s *store.Store) error {
	for _, sort := range []store.Sort{store.SortExpires, store.SortCreatedRev} {
		var took times
		q := store.ListQuery{Account: account, Limit: 500, Sort: sort}
		deep := 0
		for {
			page := q
			if deep%20 == 0 {
				page.Limit = 50
				t := time.Now()
				if _, err := s.List(b.ctx, operator, page); err != nil {
					return err
				}
				took = append(took, time.Since(t))
			}
			got, err := s.List(b.ctx, operator, q)
			if err != nil {
				return err
			}
			deep++
			if q.Cursor = got.Next; q.Cursor == "" {
				break
			}
		}
		b.row(fmt.Sprintf("a page of 50 by %s, at %d depths", sort, len(took)), took.String(), "under 10 ms at any depth")
	}
	return nil
}

// measureNumberedList reads pages by their numbers through the Telnyx door, without a
// network: the first one ever counts what there is.
func (b *bench) measureNumberedList(s *store.Store) error {
	program, err := s.CreateClient(b.ctx, operator, store.NewClient{Account: account, Name: "bench " + rand.Text(), Role: tel.RoleAdmin, Expires: time.Hour})
	if err != nil {
		return err
	}
	door := telnyx.New(telnyx.Config{Store: s}).Beside(http.NotFoundHandler())
	const size = 20
	last := max(1, b.holds/size)
	for _, at := range []struct {
		what   string
		page   int
		times  int
		wanted string
	}{{"the first one since the start", 1, 1, ""}, {"page 1", 1, 300, "under 10 ms"}, {"the page in the middle", last / 2, 300, "under 10 ms"}, {"the last page", last, 300, "under 10 ms"}} {
		var took times
		for range at.times {
			r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/v2/number_reservations?page[number]=%d&page[size]=%d", max(1, at.page), size), nil)
			r.Header.Set("Authorization", "Bearer "+program.Key)
			w := httptest.NewRecorder()
			t := time.Now()
			door.ServeHTTP(w, r)
			took = append(took, time.Since(t))
			if w.Code != http.StatusOK {
				return fmt.Errorf("the list answers %d: %s", w.Code, w.Body)
			}
		}
		b.row("a list through the Telnyx door: "+at.what, took.String(), at.wanted)
	}
	return nil
}

// measureWaits reserves while something else is done, and looks at how long whoever
// reserves has to wait, and whether for work or for the disk.
func (b *bench) measureWaits(s *store.Store, turns *longest, what string, next func() tel.Number, during func() error) error {
	var stop atomic.Bool
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took times
	turns.forget()
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				t := time.Now()
				_, err := s.Reserve(b.ctx, operator, tel.ReserveRequest{Account: account, TNs: []tel.Number{next()}})
				if err == nil {
					mu.Lock()
					took = append(took, time.Since(t))
					mu.Unlock()
				}
			}
		})
	}
	err := during()
	stop.Store(true)
	wg.Wait()
	if err != nil {
		return err
	}
	b.row("4 clients reserve while "+what, took.String(), "never stopped for more than 50 ms")
	b.row("the longest turn of the writer meanwhile: its work, its disk", turns.String(), "")
	return nil
}

// diskFor is how long the disk is looked at, and reserving that nothing disturbs.
const diskFor = 20 * time.Second

func (b *bench) pause() error {
	select {
	case <-time.After(diskFor):
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

// measureDisk writes and flushes as much as a commit does, and nothing else: what the
// waits of the others are to be held against.
func (b *bench) measureDisk() error {
	f, err := os.Create(filepath.Join(b.dir, "disk"))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const commit, file = 128 << 10, 64 << 20
	page := make([]byte, commit)
	var took times
	for at, start := int64(0), time.Now(); time.Since(start) < diskFor && b.ctx.Err() == nil; at = (at + commit) % file {
		t := time.Now()
		if _, err := f.WriteAt(page, at); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		took = append(took, time.Since(t))
		time.Sleep(5 * time.Millisecond)
	}
	b.row("the disk alone: 128 KiB written and flushed", took.String(), "")
	return nil
}
