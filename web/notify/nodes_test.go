package notify

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// ledger is a receiver that fails now and then, and notes who came when.
type ledger struct {
	mu      sync.Mutex
	open    map[string]int // requests under way, by delivery and by reservation
	met     []string       // those that met another one
	refused map[string]bool
	taken   map[string]int                // by delivery
	told    map[string][]tel.WebhookEvent // by reservation
}

func newLedger() *ledger {
	return &ledger{open: map[string]int{}, refused: map[string]bool{}, taken: map[string]int{}, told: map[string][]tel.WebhookEvent{}}
}

func (l *ledger) answer(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		d, id := got{body: body}.data(t), req.Header.Get("webhook-id")
		l.enter(id, d.Payload.ID)
		time.Sleep(2 * time.Millisecond) // for others to meet it
		if !l.leave(id, d.Payload.ID, d.EventType) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}

func (l *ledger) enter(keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if l.open[k]++; l.open[k] > 1 {
			l.met = append(l.met, k)
		}
	}
}

// leave takes a delivery, or refuses it: one in four, once.
func (l *ledger) leave(id, reservation string, event tel.WebhookEvent) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[id]--
	l.open[reservation]--
	if id[0]%4 == 0 && !l.refused[id] {
		l.refused[id] = true
		return false
	}
	l.taken[id]++
	l.told[reservation] = append(l.told[reservation], event)
	return true
}

// Three nodes send from one PostgreSQL: a delivery is sent by one of them at a time, what
// is about one reservation in its order, and what a node had begun when it was killed by
// another one when its lease is over.
func TestPostgresThreeNodesSend(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	nodes := []*Notifier{notifier(s)}
	for range 2 {
		other := must[*store.Store](t)(store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now}))
		t.Cleanup(func() { other.Close() })
		nodes = append(nodes, New(Config{Store: other, AllowPrivate: true}))
	}
	l := newLedger()
	to := receive(t, l.answer(t))
	e := endpoint(t, s, acme, to.URL)
	var ids []string
	for i := range 40 {
		r := reserve(t, s, admin, raleigh(i))
		must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
		must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
		ids = append(ids, r.ID)
	}
	begun := beginAndDie(t, s, e.ID, 5)
	for pass := range 30 {
		var all sync.WaitGroup
		for _, n := range nodes {
			all.Go(func() { n.Pass(ctx) })
		}
		all.Wait()
		if pass == 0 {
			for _, id := range begun {
				if l.taken[id] != 0 || l.refused[id] {
					t.Errorf("%s was sent while its lease ran", id)
				}
			}
		}
		s.Clock.Add(10 * time.Minute)
	}
	if len(l.met) > 0 {
		t.Errorf("at the same time twice: %q", l.met)
	}
	for _, id := range ids {
		if d := cmp.Diff([]tel.WebhookEvent{tel.WebhookReservationCreated, tel.WebhookReservationExtended, tel.WebhookReservationCancelled}, l.told[id]); d != "" {
			t.Error(d)
		}
	}
	for _, d := range deliveries(t, s, e.ID) {
		if d.State != tel.DeliveryDelivered || l.taken[d.ID] != 1 {
			t.Errorf("%s of %s is %s and was taken %d times", d.Event, d.ID, d.State, l.taken[d.ID])
		}
	}
	for _, id := range begun {
		if d := must[*tel.Delivery](t)(s.Delivery(ctx, operator, id)); d.Attempts < 2 || d.Tries[0].Error == "" {
			t.Errorf("the attempt that was cut: %+v", d)
		}
	}
	checked(t, s)
}

// beginAndDie begins so many deliveries on a node of its own, and leaves them so, as a
// node does that is killed.
func beginAndDie(t *testing.T, s *storetest.Store, endpoint string, most int) (begun []string) {
	t.Helper()
	node := must[*store.Store](t)(store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now}))
	defer node.Close()
	n := New(Config{Store: node, AllowPrivate: true})
	for _, d := range must[[]*tel.Delivery](t)(node.DeliveriesDue(ctx, house, endpoint, most)) {
		body := must[string](t)(n.render(ctx, d))
		if sending := must[*store.Sending](t)(node.StartAttempt(ctx, house, d.ID, body)); sending != nil {
			begun = append(begun, d.ID)
		}
	}
	if len(begun) != most {
		t.Fatalf("%d begun", len(begun))
	}
	return begun
}
