package store_test

import (
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func TestDisconnect(t *testing.T) {
	s := storetest.Open(t)
	order(t, s, admin, raleighs(0, 3)...)
	order(t, s, rival, raleigh(10))
	reserve(t, s, admin, raleigh(11))
	o := must[*tel.Order](t)(s.Disconnect(ctx, admin, orderOf(acme, raleigh(0), raleigh(10), raleigh(11), raleigh(12), tel.NewNumber(919, 777, 1))))
	if o.Kind != tel.OrderKindDisconnect || o.State != tel.OrderPartial || len(o.Completed) != 1 || len(o.Failed) != 4 {
		t.Errorf("%+v", o)
	}
	for _, f := range o.Failed {
		if f.Code != tel.CodeNotAvailable || f.Message != f.TN.String()+" is not available." {
			t.Errorf("%+v", f)
		}
	}
	whole := orderOf(acme, raleigh(1), raleigh(10))
	whole.PartialAllowed = false
	if o := must[*tel.Order](t)(s.Disconnect(ctx, admin, whole)); o.State != tel.OrderFailed || len(o.Failed) != 2 {
		t.Errorf("%+v", o)
	}
	if o := must[*tel.Order](t)(s.Disconnect(ctx, admin, orderOf(acme, raleigh(0)))); o.State != tel.OrderFailed {
		t.Errorf("twice: %+v", o)
	}
	if r := must[*store.TNReport](t)(s.LookUp(ctx, admin, raleigh(0))); r.State != tel.TNAging || !r.Service.Until.Equal(storetest.Start.Add(90*24*time.Hour)) {
		t.Errorf("%+v", r)
	}
	same(t, "a stranger's look-up", must[*store.TNReport](t)(s.LookUp(ctx, rival, raleigh(0))), &store.TNReport{TN: raleigh(0)})
	checked(t, s.Store)
}

// In service → aging → available by itself, to the µs, sweeper or not; meanwhile only
// its last holder may have it back.
func TestAging(t *testing.T) {
	for _, swept := range []bool{false, true} {
		s := storetest.Open(t)
		for _, who := range []tel.Actor{admin, member, rival} {
			if err := s.SetAging(ctx, who, acme, time.Hour); err == nil {
				t.Errorf("%s set it", who.Name)
			}
		}
		code(t, s.SetAging(ctx, operator, acme, 0), tel.CodeInvalid)
		if err := s.SetAging(ctx, operator, acme, tel.BusinessAging); err != nil {
			t.Fatal(err)
		}
		order(t, s, admin, raleighs(0, 5)...)
		disconnect(t, s, admin, raleighs(0, 5)...)
		if err := s.SetAging(ctx, operator, acme, time.Hour); err != nil { // those that age keep their time
			t.Fatal(err)
		}
		tries := func() (could []string) {
			code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(0)))), tel.CodeNotAvailable) // nor a hold for its last holder
			for name, actor := range map[string]tel.Actor{"rival": rival} {
				if o := place(t, s, actor, orderOf(actor.Account, raleigh(0))); o.State == tel.OrderComplete {
					could = append(could, name)
				}
			}
			return could
		}
		s.Clock.Add(tel.BusinessAging - us)
		must[store.Swept](t)(s.Sweep(ctx))
		if got := tries(); got != nil || free(t, s.Store, raleigh(0)) {
			t.Errorf("while it ages: %v", got)
		}
		order(t, s, admin, raleigh(0)) // back
		disconnect(t, s, admin, raleigh(0))
		s.Clock.Add(us)
		if swept {
			if got := must[store.Swept](t)(s.Sweep(ctx)); got.Aged != 4 {
				t.Errorf("%+v", got)
			}
		}
		for i := 1; i < 5; i++ {
			if !free(t, s.Store, raleigh(i)) {
				t.Error("not free:", i)
			}
		}
		if r := must[*store.TNReport](t)(s.LookUp(ctx, operator, raleigh(1))); r.State != tel.TNAvailable || r.Service != nil {
			t.Errorf("%+v", r)
		}
		order(t, s, rival, raleigh(1))
		reserve(t, s, rival, raleigh(2))
		if err := s.Disable(ctx, operator, raleigh(3)); err != nil {
			t.Error(err)
		}
		if free(t, s.Store, raleigh(0)) {
			t.Error("an hour is not over")
		}
		if err := s.Disable(ctx, operator, raleigh(0)); err != nil { // an aging one
			t.Error(err)
		}
		checked(t, s.Store)
		if err := s.Enable(ctx, operator, raleigh(0)); err != nil || !free(t, s.Store, raleigh(0)) {
			t.Error(err)
		}
		checked(t, again(t, s))
		must[store.Swept](t)(s.Sweep(ctx))
		checked(t, s.Store)
	}
}
