package limit

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// Turns share a few places fairly among those who want them, however much each of them
// wants: who holds none goes before who holds one, and then they take turns. It is safe
// for concurrent use.
type Turns struct {
	mu      sync.Mutex
	free    int
	each    int // places that one may hold
	now     int // the latest turn that was served
	waiting []*waiter
	who     map[string]*taker
}

// taker is somebody who holds places or waits for them.
type taker struct{ held, waits, last int }

type waiter struct {
	who   string
	turn  int // of who came at the same time, the one with fewer before it is the next
	ready chan struct{}
}

// NewTurns shares so many places, of which one may hold half.
func NewTurns(places int) *Turns {
	return &Turns{free: places, each: max(1, places/2), who: map[string]*taker{}}
}

// NewSearchTurns has a place per search that is made at once: half the cores, so that
// those who search never starve those who reserve.
func NewSearchTurns() *Turns { return NewTurns(max(1, runtime.GOMAXPROCS(0)/2)) }

// Take waits for a place until ctx ends, and answers what gives it back.
func (t *Turns) Take(ctx context.Context, who string) (leave func(), err error) {
	w := t.enter(who)
	select {
	case <-w.ready:
	case <-ctx.Done():
		if t.cancel(w) {
			return nil, ctx.Err()
		}
	}
	return sync.OnceFunc(func() { t.leave(who) }), nil
}

func (t *Turns) enter(who string) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.who[who]
	if k == nil {
		k = &taker{}
		t.who[who] = k
	}
	k.waits++
	k.last = max(k.last, t.now) + 1
	w := &waiter{who, k.last, make(chan struct{})}
	t.waiting = append(t.waiting, w)
	t.serve()
	return w
}

// serve gives out what is free.
func (t *Turns) serve() {
	for t.free > 0 {
		best := -1
		for i, w := range t.waiting {
			if t.who[w.who].held < t.each && (best < 0 || t.before(w, t.waiting[best])) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		w := t.waiting[best]
		t.waiting = slices.Delete(t.waiting, best, best+1)
		t.who[w.who].waits--
		t.who[w.who].held++
		t.free--
		t.now = max(t.now, w.turn)
		close(w.ready)
	}
}

func (t *Turns) before(a, b *waiter) bool {
	if x, y := t.who[a.who].held, t.who[b.who].held; x != y {
		return x < y
	}
	return a.turn < b.turn
}

// cancel takes back a wish, unless it has just come true. Those of the same who came
// after it move up.
func (t *Turns) cancel(w *waiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.waiting, w)
	if at < 0 {
		return false
	}
	t.waiting = slices.Delete(t.waiting, at, at+1)
	for _, later := range t.waiting[at:] {
		if later.who == w.who {
			later.turn--
		}
	}
	k := t.who[w.who]
	k.waits--
	k.last--
	t.forget(w.who)
	return true
}

func (t *Turns) leave(who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.who[who].held--
	t.free++
	t.serve()
	t.forget(who)
}

// forget forgets who neither holds nor waits.
func (t *Turns) forget(who string) {
	if k := t.who[who]; k.held == 0 && k.waits == 0 {
		delete(t.who, who)
	}
}
