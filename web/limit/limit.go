// Package limit bounds how often each API client may ask, for every door alike.
package limit

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits has a token bucket per client. It is safe for concurrent use.
type Limits struct {
	every   rate.Limit
	burst   int
	now     func() time.Time
	mu      sync.Mutex
	clients map[string]*rate.Limiter
	tidyAt  int
}

// New lets each client ask perSecond times a second on the long run, and burst times
// at once.
func New(perSecond float64, burst int, now func() time.Time) *Limits {
	return &Limits{every: rate.Limit(perSecond), burst: burst, now: now, clients: map[string]*rate.Limiter{}, tidyAt: fewClients}
}

// fewClients are kept without looking whether they still ask.
const fewClients = 1000

// Burst is how often a rested client may ask at once.
func (l *Limits) Burst() int { return l.burst }

// Allow counts a request of a client. reset is when, if it asks no more, the client
// may ask again (ok false), or has its whole burst again (ok true); remaining is how
// often it may ask now.
func (l *Limits) Allow(client string) (ok bool, reset time.Time, remaining int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.clients[client]
	if b == nil {
		l.tidy(now)
		b = rate.NewLimiter(l.every, l.burst)
		l.clients[client] = b
	}
	ok = b.AllowN(now, 1)
	left := b.TokensAt(now)
	want := 1.0
	if ok {
		want = float64(l.burst)
	}
	wait := time.Duration(math.Ceil((want - left) / float64(l.every) * float64(time.Second)))
	return ok, now.Add(max(0, wait)), max(0, int(left))
}

// tidy forgets the rested, when there are many: a new bucket is as full as theirs.
func (l *Limits) tidy(now time.Time) {
	if len(l.clients) < l.tidyAt {
		return
	}
	for id, b := range l.clients {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.clients, id)
		}
	}
	l.tidyAt = max(fewClients, 2*len(l.clients))
}
