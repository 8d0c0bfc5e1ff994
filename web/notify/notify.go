package notify

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// house is who sends.
var house = tel.System("webhooks")

// Config says how to send.
type Config struct {
	Store *store.Store
	Log   *slog.Logger
	// AllowPrivate sends to loopback and private addresses and to this server itself
	// too, for trials.
	AllowPrivate bool
	BaseURL      string // as others reach this server; "" is not known
	// Timeout is how long an attempt may take in all; 0 is 10 s.
	Timeout time.Duration
}

// The places: how many attempts may be under way at once.
const (
	placesAll      = 256
	placesAccount  = 16
	placesEndpoint = 4 // of one that answered lately, and quickly; any other has one
	// Of all endpoints that fail or are slow, together and in one account.
	placesPoor        = 64
	placesPoorAccount = 8
	// inOneGo is how many deliveries one worker sends before others have their turn.
	inOneGo = 20
)

// What a slow attempt is, for how long its endpoint counts as slow after it, and how long
// after an answer nothing is known of an endpoint any more.
const (
	slowAfter   = time.Second
	slowFor     = time.Minute
	forgetAfter = time.Hour
)

// Notifier sends deliveries.
type Notifier struct {
	store   *store.Store
	log     *slog.Logger
	client  *http.Client
	home    *home // nil: trials may send anywhere
	timeout time.Duration
	slow    time.Duration // what takes longer is slow
	drain   time.Duration

	workers sync.WaitGroup
	again   chan struct{} // wakes Run

	mu        sync.Mutex
	stopping  bool
	taken     int
	accounts  map[tel.AccountID]int
	endpoints map[string]int
	poorTaken int
	poor      map[tel.AccountID]int // places of those that fail or are slow
	slowUntil map[string]time.Time  // endpoints that answered lately; quickly: when they did
	underWay  map[string]bool       // deliveries
	said      map[string]string     // the last error logged, by endpoint and by what else may fail
	faults    atomic.Int64          // how many errors there were
}

// What may fail beside the endpoints.
const (
	looking      = "looking for what is due"
	ownAddresses = "asking for this machine's addresses"
)

// anywhere is the judge of a trial.
func anywhere(context.Context, netip.Addr) error { return nil }

// New makes a Notifier, which does nothing until Run.
func New(c Config) *Notifier {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	n := &Notifier{store: c.Store, log: c.Log, client: newClient(anywhere), timeout: c.Timeout, slow: slowAfter, drain: drainMost, again: make(chan struct{}, 1),
		accounts: map[tel.AccountID]int{}, endpoints: map[string]int{}, poor: map[tel.AccountID]int{}, slowUntil: map[string]time.Time{}, underWay: map[string]bool{}, said: map[string]string{}}
	if !c.AllowPrivate {
		n.home = newHome(c.BaseURL, c.Store.Now, func(err error) { n.complain(ownAddresses, err) })
		n.client = newClient(n.home.onlyOutside)
	}
	return n
}

// How an end goes: attempts under way may finish for a while, then they are cut and
// sent again by the next process.
const (
	lookEvery = time.Second
	drainMost = 5 * time.Second
)

// Run sends what is due until ctx ends, and then lets attempts under way finish.
func (n *Notifier) Run(ctx context.Context) {
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		n.start(sending, 1)
		select {
		case <-ctx.Done():
		case <-n.store.Outgoing():
		case <-n.again:
		case now := <-tick.C:
			n.forget(now)
		}
	}
	n.mu.Lock()
	n.stopping = true
	n.mu.Unlock()
	defer time.AfterFunc(n.drain, cut).Stop()
	n.workers.Wait()
	n.client.CloseIdleConnections()
}

// Pass sends everything that is due now, and what comes due by that, and answers when
// it is done.
func (n *Notifier) Pass(ctx context.Context) {
	for before := n.faults.Load(); n.start(ctx, placesEndpoint); {
		n.workers.Wait()
		if n.faults.Load() != before {
			return
		}
	}
}

// start gives each endpoint that is due something so many workers, if there are places,
// and tells whether it gave any. One is enough: when it has begun, the next look gives
// another.
func (n *Notifier) start(ctx context.Context, each int) (started bool) {
	due, err := n.store.EndpointsDue(ctx, house)
	n.complain(looking, err)
	if err != nil {
		return false
	}
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, e := range due {
		for range each {
			p, ok := n.take(e)
			if !ok {
				break
			}
			started = true
			n.workers.Go(func() { n.work(ctx, p) })
		}
	}
	return started
}

// spot is a place that was taken.
type spot struct {
	endpoint string
	account  tel.AccountID
	poor     bool // the endpoint fails or is slow
}

// take takes a place for an endpoint, if there is one.
func (n *Notifier) take(e store.DueEndpoint) (p spot, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	slowUntil, answered := n.slowUntil[e.ID]
	p = spot{e.ID, e.Account, e.Failing || time.Now().Before(slowUntil)}
	most := 1
	if answered && !p.poor {
		most = placesEndpoint
	}
	if n.stopping || n.taken >= placesAll || n.endpoints[e.ID] >= most || n.accounts[e.Account] >= placesAccount ||
		p.poor && (n.poorTaken >= placesPoor || n.poor[e.Account] >= placesPoorAccount) {
		return p, false
	}
	n.count(p, 1)
	return p, true
}

// count changes the number of places taken; the caller holds mu.
func (n *Notifier) count(p spot, by int) {
	n.taken += by
	countIn(n.accounts, p.account, by)
	countIn(n.endpoints, p.endpoint, by)
	if p.poor {
		n.poorTaken += by
		countIn(n.poor, p.account, by)
	}
}

func countIn[K comparable](places map[K]int, of K, by int) {
	if places[of] += by; places[of] == 0 {
		delete(places, of)
	}
}

// work sends an endpoint's deliveries, one after the other, until none is due, or one
// failed or was slow.
func (n *Notifier) work(ctx context.Context, p spot) {
	sent, err := n.sendSome(ctx, p.endpoint)
	n.complain(p.endpoint, err)
	n.mu.Lock()
	n.count(p, -1)
	n.mu.Unlock()
	if sent > 0 && err == nil { // otherwise a look now would find the same
		n.poke()
	}
}

// poke asks for a look at what is due.
func (n *Notifier) poke() {
	select {
	case n.again <- struct{}{}:
	default:
	}
}

func (n *Notifier) sendSome(ctx context.Context, endpoint string) (sent int, err error) {
	for good := true; good && sent < inOneGo; sent++ {
		d, err := n.next(ctx, endpoint)
		if err != nil || d == nil {
			return sent, err
		}
		good, err = n.deliver(ctx, d)
		n.leave(d.ID)
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// next is a delivery that is due and that no other worker is at; nil is none.
func (n *Notifier) next(ctx context.Context, endpoint string) (*tel.Delivery, error) {
	due, err := n.store.DeliveriesDue(ctx, house, endpoint, placesEndpoint)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range due {
		if !n.stopping && !n.underWay[d.ID] {
			n.underWay[d.ID] = true
			return d, nil
		}
	}
	return nil, nil
}

func (n *Notifier) leave(delivery string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.underWay, delivery)
}

// deliver makes one attempt and tells whether it was good, and quick.
func (n *Notifier) deliver(ctx context.Context, d *tel.Delivery) (good bool, err error) {
	body := d.Body
	if body == "" {
		body, err = n.render(ctx, d)
		switch {
		case tel.CodeOf(err) == tel.CodeNotFound:
			return false, nil // the endpoint was deleted meanwhile
		case err != nil:
			return false, err
		}
	}
	sending, err := n.store.StartAttempt(ctx, house, d.ID, body)
	if err != nil || sending == nil {
		return false, err
	}
	n.poke() // somebody else may begin with the next
	began := time.Now()
	r := n.attempt(ctx, sending)
	slow := time.Since(began) > n.slow
	if !r.Failed() {
		n.answered(d.Endpoint, slow)
	}
	// What came of it is written down also when the sending was cut.
	err = n.store.FinishAttempt(context.WithoutCancel(ctx), house, d.ID, r, rand.Float64())
	return !r.Failed() && !slow, err
}

// answered keeps how quick an endpoint is: one that is slow now and then is slow.
func (n *Notifier) answered(endpoint string, slow bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	until := time.Now()
	if slow {
		until = until.Add(slowFor)
	}
	if until.After(n.slowUntil[endpoint]) {
		n.slowUntil[endpoint] = until
	}
}

// forget lets go of endpoints that have not answered for long: they may be gone.
func (n *Notifier) forget(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.slowUntil, func(_ string, until time.Time) bool { return now.Sub(until) > forgetAfter })
}

// complain logs what fails, an error that stays only once; nil is that this is well
// again.
func (n *Notifier) complain(about string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case err == nil && n.said[about] != "":
		delete(n.said, about)
		n.log.Info("sending webhooks works again", "at", about)
	case err != nil:
		n.faults.Add(1)
		if err.Error() != n.said[about] {
			n.said[about] = err.Error()
			n.log.Error("sending webhooks failed; it goes on", "at", about, "error", err)
		}
	}
}
