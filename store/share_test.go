package store_test

import (
	"sync/atomic"
	"testing"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// An account that may hold a share of what it has in service holds no TN more, however
// many ask at once.
func TestShareOfWorkingTNs(t *testing.T) {
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxShare, p.MaxPerReservation = 50, 5 })
	var at atomic.Int32
	at.Store(100)
	storm := func() (made int) {
		var won atomic.Int32
		parallel(50, func(int) {
			_, err := s.Reserve(ctx, admin, ask(acme, raleigh(int(at.Add(1)))))
			if err == nil {
				won.Add(1)
			} else if tel.CodeOf(err) != tel.CodeTooManyHeld {
				t.Error(err)
			}
		})
		return int(won.Load())
	}
	same(t, "what one reservation may hold", storm(), 5)
	order(t, s, admin, raleighs(0, 41)...)
	same(t, "half of 41 in service, less 5", storm(), 15)
	disconnect(t, s, admin, raleighs(0, 21)...)
	same(t, "half of 20", storm(), 0)
	a := must[*tel.Account](t)(s.Account(ctx, operator, acme))
	same(t, "figures", []int{a.Working, a.MayHold(), a.Held}, []int{20, 10, 20})
	same(t, "reported", must[*store.Outstanding](t)(s.Outstanding(ctx, operator, acme)).Accounts[0].MaxHeld, 10)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxShare, p.MaxHeld = 100, 30 })
	order(t, s, admin, raleighs(60, 40)...)
	same(t, "never over the cap", storm(), 10)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxShare, p.MaxHeld = 0, 40 })
	same(t, "off", storm(), 10)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxShare, p.MaxPerReservation = 50, 5 })
	same(t, "half of 60, and 40 held", storm(), 0)
	s.Clock.Add(tel.DefaultPolicy().Window)
	same(t, "all ran out, and nobody has swept", storm(), 30)
	checked(t, s.Store)
}
