package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"tnreserve/store/tel"
)

// Somebody of the platform sees every account. What they look up there is an event of
// the account, so that its admins can read who did; when it cannot be written down, it
// is not shown.

// look is something of an account that somebody looked at.
type look struct {
	account tel.AccountID
	asked   string // in the words of who asked
	subject string // the id of a reservation or an order
	tns     []tel.Number
}

const mostLooks = 10_000

// lookStands is how long a page is the same look since it last asked: what it shows after
// longer is something new.
const lookStands = 10 * time.Minute

// looks remembers who looked at what, for the pages that they left open: what such a page
// asks again on its own is the same look, and no event. Somebody who looks again is one.
type looks struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (l look) key(actor tel.Actor) string {
	key := actor.ID + "\x00" + l.account.String() + "\x00" + l.asked + "\x00" + l.subject
	for _, tn := range l.tns {
		key += "\x00" + tn.Digits()
	}
	return key
}

// fresh leaves out what an actor looked at a moment ago, and remembers that it was looked
// at again.
func (m *looks) fresh(actor tel.Actor, list []look, now time.Time) []look {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(list, func(l look) bool {
		key := l.key(actor)
		if now.Sub(m.seen[key]) >= lookStands {
			return false
		}
		m.seen[key] = now
		return true
	})
}

func (m *looks) keep(actor tel.Actor, list []look, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil || len(m.seen) > mostLooks {
		m.seen = map[string]time.Time{}
	}
	for _, l := range list {
		m.seen[l.key(actor)] = now
	}
}

type unasked struct{}

// Unasked marks what an open page asks on its own to stay up to date.
func Unasked(ctx context.Context) context.Context {
	return context.WithValue(ctx, unasked{}, true)
}

// noteLooks writes down what somebody of the platform looked at in accounts.
func (s *Store) noteLooks(ctx context.Context, actor tel.Actor, list []look) error {
	if actor.Kind != tel.KindPerson || !actor.Sees(0) {
		return nil
	}
	list = slices.DeleteFunc(list, func(l look) bool { return l.account == 0 })
	now := s.Now()
	if ctx.Value(unasked{}) != nil { // anybody can say so: only what they looked at a moment ago
		list = s.looks.fresh(actor, list, now)
	}
	if len(list) == 0 {
		return nil
	}
	err := s.change(ctx, actor, func(t *tx) error {
		for _, l := range list {
			t.event(tel.EventLookedUp, l.account, 0, tel.Facts{TNs: l.tns, Subject: l.subject, Reason: l.asked})
		}
		return nil
	})
	if err == nil {
		s.looks.keep(actor, list, now)
	}
	return err
}

// looks are the accounts that a report tells of.
func (r *TNReport) looks() []look {
	accounts := map[tel.AccountID]bool{}
	if r.Reservation != nil {
		accounts[r.Reservation.Account] = true
	}
	if r.Service != nil {
		accounts[r.Service.Account] = true
	}
	for _, p := range r.Past {
		accounts[p.Reservation.Account] = true
	}
	for _, o := range r.Orders {
		accounts[o.Order.Account] = true
	}
	return looksOf(accounts, func(tel.AccountID) look { return look{asked: "number", tns: []tel.Number{r.TN}} })
}

// looksOf is a look into each account, in their order.
func looksOf[T any](accounts map[tel.AccountID]T, at func(tel.AccountID) look) []look {
	list := make([]look, 0, len(accounts))
	for account := range accounts {
		l := at(account)
		l.account = account
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b look) int { return int(a.account - b.account) })
	return list
}

// OpenReservation is Reservation for somebody who looks at it.
func (s *Store) OpenReservation(ctx context.Context, actor tel.Actor, id string) (*tel.Reservation, error) {
	r, err := s.Reservation(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return r, s.noteLooks(ctx, actor, []look{{account: r.Account, asked: "reservation", subject: r.ID}})
}

// OpenOrder is Order for somebody who looks at it.
func (s *Store) OpenOrder(ctx context.Context, actor tel.Actor, id string) (*tel.Order, error) {
	o, err := s.Order(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return o, s.noteLooks(ctx, actor, []look{{account: o.Account, asked: "order", subject: o.ID}})
}
