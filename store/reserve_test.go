package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func TestLifeOfAReservation(t *testing.T) {
	s := storetest.Open(t)
	req := ask(acme, raleigh(1), raleigh(0), raleigh(1))
	req.CustomerReference, req.Note = " PO-7 ", "for the front desk"
	got, err := s.Reserve(ctx, member, req)
	if err != nil || len(got.Refused) > 0 || got.Repeated {
		t.Fatal(got, err)
	}
	r := got.Reservation
	if id, err := uuid.Parse(r.ID); err != nil || id.Version() != 4 {
		t.Error(r.ID)
	}
	raleighPlace := tel.Place{City: "Raleigh", State: "NC", RateCenter: "RALEIGH", LATA: "426"}
	want := &tel.Reservation{ID: r.ID, Seq: r.Seq, Account: acme, AccountName: "Acme Tel", State: tel.StateLive, CreatedAt: storetest.Start,
		ExpiresAt: storetest.Start.Add(4 * time.Hour), LimitAt: storetest.Start.Add(12 * time.Hour), CustomerReference: "PO-7", Note: "for the front desk",
		CreatedBy: member.Sign(), TNs: []tel.ReservedTN{{TN: raleigh(0), Place: raleighPlace}, {TN: raleigh(1), Place: raleighPlace}}, TNCount: 2}
	same(t, "reserved", r, want)
	same(t, "read back", must[*tel.Reservation](t)(s.Reservation(ctx, member, r.ID)), want)
	for _, id := range []string{strings.ToUpper(r.ID), strings.ReplaceAll(r.ID, "-", ""), "{" + r.ID + "}", "urn:uuid:" + r.ID, " " + r.ID + " "} {
		if _, err := s.Reservation(ctx, member, id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}

	s.Clock.Add(time.Hour)
	r = must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
	if !r.ExpiresAt.Equal(storetest.Start.Add(8*time.Hour)) || r.Extensions != 1 {
		t.Error(r.ExpiresAt)
	}
	r = must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, raleigh(0)))
	if r.TNCount != 1 || r.TNs[0].End != tel.StateCancelled || !free(t, s.Store, raleigh(0)) || free(t, s.Store, raleigh(1)) {
		t.Errorf("%+v", r)
	}
	code(t, second(s.Drop(ctx, admin, r.ID, raleigh(0))), tel.CodeNotFound)
	code(t, second(s.Drop(ctx, admin, r.ID, raleigh(1))), tel.CodeEnded)
	code(t, second(s.Cancel(ctx, admin, r.ID, "a\nb")), tel.CodeInvalid)
	r = must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, "changed their mind"))
	if r.State != tel.StateCancelled || r.EndReason != "changed their mind" || r.EndedBy != admin.Sign() || !r.EndedAt.Equal(s.Clock.Now()) || !free(t, s.Store, raleigh(1)) {
		t.Errorf("%+v", r)
	}
	same(t, "ended, read back", must[*tel.Reservation](t)(s.Reservation(ctx, member, r.ID)), r)
	code(t, second(s.Cancel(ctx, admin, r.ID, "")), tel.CodeEnded)
	code(t, second(s.Extend(ctx, admin, r.ID)), tel.CodeEnded)

	var kinds []tel.EventKind
	for _, e := range must[[]*tel.Event](t)(s.History(ctx, r)) {
		kinds = append(kinds, e.Kind)
		if e.Account != acme || e.Actor.ID == "" {
			t.Errorf("%+v", e)
		}
	}
	same(t, "history", kinds, []tel.EventKind{tel.EventReserved, tel.EventExtended, tel.EventDropped, tel.EventCancelled})
	if a := must[*tel.Account](t)(s.Account(ctx, admin, acme)); a.Held != 0 {
		t.Error(a.Held)
	}
	checked(t, s.Store)
}

func second[T any](_ T, err error) error { return err }

func TestReserveRefusals(t *testing.T) {
	s := storetest.Open(t)
	mine := reserve(t, s, admin, raleigh(0))
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxPerReservation, p.MaxHeld = 3, 4 })
	long := strings.Repeat("x", 501)
	for name, c := range map[string]struct {
		actor tel.Actor
		req   tel.ReserveRequest
		want  tel.Code
		field string
	}{
		"none":           {admin, ask(acme), tel.CodeInvalid, "tn"},
		"too short":      {admin, tel.ReserveRequest{Account: acme, TNs: raleighs(1, 1), For: time.Millisecond}, tel.CodeInvalid, "for"},
		"too long":       {admin, tel.ReserveRequest{Account: acme, TNs: raleighs(1, 1), For: 5 * time.Hour}, tel.CodeInvalid, "for"},
		"reference":      {admin, tel.ReserveRequest{Account: acme, TNs: raleighs(1, 1), CustomerReference: long}, tel.CodeInvalid, "customer_reference"},
		"note":           {admin, tel.ReserveRequest{Account: acme, TNs: raleighs(1, 1), Note: long}, tel.CodeInvalid, "note"},
		"key":            {admin, tel.ReserveRequest{Account: acme, TNs: raleighs(1, 1), IdempotencyKey: long}, tel.CodeInvalid, "idempotency_key"},
		"many":           {admin, ask(acme, raleighs(1, 4)...), tel.CodeTooManyTNs, ""},
		"absurdly many":  {operator, ask(acme, make([]tel.Number, 5001)...), tel.CodeTooManyTNs, ""},
		"mine":           {admin, ask(acme, raleigh(0)), tel.CodeHeldByYou, ""},
		"theirs":         {rival, ask(globex, raleigh(0)), tel.CodeNotAvailable, ""},
		"off":            {operator, ask(initech, raleigh(1)), tel.CodeReservationsOff, ""},
		"support":        {storetest.Actor(tel.RoleSupport, acme), ask(acme, raleigh(1)), tel.CodeForbidden, ""},
		"not my account": {rival, ask(acme, raleigh(1)), tel.CodeNotFound, ""},
		"no account":     {operator, ask(77, raleigh(1)), tel.CodeNotFound, ""},
	} {
		got, err := s.Reserve(ctx, c.actor, c.req)
		if e := code(t, err, c.want); e.Field != c.field || got.Reservation != nil {
			t.Errorf("%s: %+v %+v", name, e, got)
		}
	}
	if _, err := s.Reserve(ctx, admin, ask(acme, raleigh(0))); !strings.Contains(err.Error(), mine.ID) {
		t.Error("held by you does not say in which reservation:", err)
	}
	reserve(t, s, admin, raleighs(1, 3)...)
	if e := code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(9)))), tel.CodeTooManyHeld); !strings.Contains(e.Message, "holds 4 numbers") {
		t.Error(e)
	}
	if _, err := s.Reserve(ctx, operator, ask(globex, raleigh(9))); err != nil {
		t.Error("an operator reserves for any account:", err)
	}
	checked(t, s.Store)
}

// Nobody learns from a refusal why a TN cannot be had.
func TestNotAvailableIsUniform(t *testing.T) {
	s := storetest.Open(t)
	held, disabled, unknown := raleigh(0), raleigh(1), tel.NewNumber(919, 777, 1234)
	reserve(t, s, rival, held)
	if err := s.Disable(ctx, operator, disabled); err != nil {
		t.Fatal(err)
	}
	inService, aging := raleigh(2), raleigh(3)
	order(t, s, rival, inService, aging)
	disconnect(t, s, rival, aging)
	support := storetest.Actor(tel.RoleSupport, acme)
	for _, tn := range []tel.Number{held, disabled, unknown, inService, aging, 0, 1} {
		e := code(t, second(s.Reserve(ctx, admin, ask(acme, tn))), tel.CodeNotAvailable)
		same(t, "refusal", *e, *tel.About(tn, tel.CodeNotAvailable, "%s is not available.", tn))
		for _, who := range []tel.Actor{admin, support} {
			same(t, "look-up", must[*store.TNReport](t)(s.LookUp(ctx, who, tn)), &store.TNReport{TN: tn})
		}
		same(t, "row state", must[map[tel.Number]store.RowState](t)(s.RowStates(ctx, admin, []tel.Number{tn})), map[tel.Number]store.RowState{tn: {}})
	}
	code(t, second(s.LookUp(ctx, member, held)), tel.CodeForbidden)
	if r := must[*store.TNReport](t)(s.LookUp(ctx, operator, disabled)); r.State != tel.TNDisabled || !r.Known {
		t.Errorf("%+v", r)
	}
	if r := must[*store.TNReport](t)(s.LookUp(ctx, operator, held)); r.State != tel.TNReserved || r.Reservation.Account != globex {
		t.Errorf("%+v", r)
	}
	checked(t, s.Store)
}

func TestDisable(t *testing.T) {
	s := storetest.Open(t)
	reserve(t, s, admin, raleigh(0))
	code(t, s.Disable(ctx, operator, raleigh(0)), tel.CodeNotAvailable)
	code(t, s.Enable(ctx, operator, raleigh(1)), tel.CodeNotAvailable)
	code(t, s.Disable(ctx, admin, raleigh(1)), tel.CodeForbidden)
	code(t, s.Enable(ctx, admin, raleigh(1)), tel.CodeForbidden)
	code(t, s.Disable(ctx, operator, 1), tel.CodeNotFound)
	s.Clock.Add(4 * time.Hour) // ran out, not swept
	if err := s.Disable(ctx, operator, raleigh(0)); err != nil || free(t, s.Store, raleigh(0)) {
		t.Fatal(err)
	}
	code(t, s.Disable(ctx, operator, raleigh(0)), tel.CodeNotAvailable)
	checked(t, s.Store)
	if err := s.Enable(ctx, operator, raleigh(0)); err != nil || !free(t, s.Store, raleigh(0)) {
		t.Fatal(err)
	}
	checked(t, s.Store)
}

func TestAllOrNothing(t *testing.T) {
	s := storetest.Open(t)
	reserve(t, s, rival, raleigh(1))
	req := ask(acme, raleighs(0, 3)...)
	req.AllOrNothing = true
	got, err := s.Reserve(ctx, admin, req)
	code(t, err, tel.CodeNotAvailable)
	if got.Reservation != nil || len(got.Refused) != 1 || got.Refused[0].TN != raleigh(1) || !free(t, s.Store, raleigh(0)) {
		t.Fatalf("%+v", got)
	}
	req.AllOrNothing = false
	got = must[tel.Reserved](t)(s.Reserve(ctx, admin, req))
	if got.Reservation.TNCount != 2 || len(got.Refused) != 1 || got.Refused[0].Code != tel.CodeNotAvailable {
		t.Fatalf("%+v", got)
	}
	// As many as possible counts against the cap what is had, not what was asked for.
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 3 })
	got = must[tel.Reserved](t)(s.Reserve(ctx, admin, ask(acme, raleigh(0), raleigh(1), raleigh(2), raleigh(3))))
	if got.Reservation.TNCount != 1 || len(got.Refused) != 3 {
		t.Fatalf("%+v", got)
	}
	checked(t, s.Store)
}

func TestCoolDown(t *testing.T) {
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.CoolDown = time.Hour })
	take := func() error { return second(s.Reserve(ctx, admin, ask(acme, raleigh(0)))) }
	steps := map[string]func(r *tel.Reservation){
		"cancelled": func(r *tel.Reservation) { must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, "")) },
		"dropped":   func(r *tel.Reservation) { must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, raleigh(0))) },
		"expired":   func(r *tel.Reservation) { s.Clock.Add(4 * time.Hour) },
		"swept":     func(r *tel.Reservation) { s.Clock.Add(4 * time.Hour); must[store.Swept](t)(s.Sweep(ctx)) },
	}
	for name, end := range steps {
		t.Run(name, func(t *testing.T) {
			end(reserve(t, s, admin, raleigh(0), raleigh(1)))
			ended := s.Now()
			for range 2 {
				e := code(t, take(), tel.CodeCoolingDown)
				if !e.At.Equal(ended.Add(time.Hour)) || e.TN != raleigh(0) || !slices.Contains(e.Args, any(tel.Instant(e.At))) {
					t.Errorf("%+v", e)
				}
				s.Clock.Add(time.Hour/2 - us)
			}
			s.Clock.Add(2*us - us) // 1 µs before
			code(t, take(), tel.CodeCoolingDown)
			if r := reserve(t, s, rival, raleigh(0)); true { // others need not wait
				must[*tel.Reservation](t)(s.Cancel(ctx, rival, r.ID, ""))
			}
			s.Clock.Add(us)
			r := reserve(t, s, admin, raleigh(0))
			must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
			s.Clock.Add(5 * time.Hour)
			checked(t, s.Store)
		})
	}
}

func TestIdempotency(t *testing.T) {
	s := storetest.Open(t)
	reserve(t, s, rival, raleigh(1))
	req := ask(acme, raleighs(0, 3)...)
	req.IdempotencyKey = "k1"
	first := must[tel.Reserved](t)(s.Reserve(ctx, admin, req))
	shuffled := req
	shuffled.TNs = []tel.Number{raleigh(2), raleigh(0), raleigh(1), raleigh(2)}
	again := must[tel.Reserved](t)(s.Reserve(ctx, admin, shuffled))
	if !again.Repeated {
		t.Error("not marked as repeated")
	}
	again.Repeated = false
	for _, e := range first.Refused {
		e.Format, e.Args = "", nil // what is kept is the sentence
	}
	same(t, "the first answer again", again, first)
	for _, change := range []func(*tel.ReserveRequest){
		func(r *tel.ReserveRequest) { r.TNs = raleighs(0, 2) }, func(r *tel.ReserveRequest) { r.Note = "x" },
		func(r *tel.ReserveRequest) { r.For = time.Hour }, func(r *tel.ReserveRequest) { r.AllOrNothing = true }, func(r *tel.ReserveRequest) { r.CustomerReference = "x" },
	} {
		other := req
		change(&other)
		code(t, second(s.Reserve(ctx, admin, other)), tel.CodeConflict)
	}
	theirs := ask(globex, raleigh(5))
	theirs.IdempotencyKey = "k1" // another account's key is another key
	if got := must[tel.Reserved](t)(s.Reserve(ctx, rival, theirs)); got.Repeated {
		t.Error("a key crossed accounts")
	}
	refused := ask(acme, raleigh(1))
	refused.IdempotencyKey = "k2"
	code(t, second(s.Reserve(ctx, admin, refused)), tel.CodeNotAvailable) // nothing was done, nothing stands
	must[int](t)(s.SwitchReservations(ctx, operator, acme, false, store.LiveEnd))
	if got := must[tel.Reserved](t)(s.Reserve(ctx, admin, req)); !got.Repeated || got.Reservation.State != tel.StateCancelled {
		t.Errorf("%+v", got.Reservation)
	}
	must[int](t)(s.SwitchReservations(ctx, operator, acme, true, store.LiveKeep))
	s.Clock.Add(24*time.Hour - us)
	if got := must[tel.Reserved](t)(s.Reserve(ctx, admin, req)); !got.Repeated {
		t.Error("forgotten too soon")
	}
	must[store.Swept](t)(s.Sweep(ctx))
	s.Clock.Add(us)
	got := must[tel.Reserved](t)(s.Reserve(ctx, admin, req))
	if got.Repeated || got.Reservation.ID == first.Reservation.ID {
		t.Error("a key stands for longer than a day")
	}
	s.Clock.Add(25 * time.Hour)
	must[store.Swept](t)(s.Sweep(ctx))
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM answered`); n != 0 {
		t.Errorf("%d old answers stay", n)
	}
	checked(t, s.Store)
}

// An id that was once good never works on what came after it.
func TestStaleIDs(t *testing.T) {
	s := storetest.Open(t)
	old := reserve(t, s, admin, raleighs(0, 2)...)
	s.Clock.Add(4 * time.Hour)
	now := reserve(t, s, admin, raleighs(0, 2)...) // ends the old one on the way
	code(t, second(s.Extend(ctx, admin, old.ID)), tel.CodeRanOut)
	code(t, second(s.Drop(ctx, admin, old.ID, raleigh(0))), tel.CodeRanOut)
	code(t, second(s.Cancel(ctx, admin, old.ID, "")), tel.CodeRanOut)
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, now.ID, ""))
	third := reserve(t, s, admin, raleighs(0, 2)...)
	for _, id := range []string{old.ID, now.ID} {
		for _, err := range []error{second(s.Extend(ctx, admin, id)), second(s.Drop(ctx, admin, id, raleigh(0))), second(s.Cancel(ctx, admin, id, ""))} {
			if c := tel.CodeOf(err); c != tel.CodeRanOut && c != tel.CodeEnded {
				t.Error(err)
			}
		}
	}
	same(t, "the third", must[*tel.Reservation](t)(s.Reservation(ctx, admin, third.ID)), third)
	for _, id := range []string{"", "x", "00000000-0000-0000-0000-000000000000", old.ID + "0", "' OR 1=1 --"} {
		for _, err := range []error{second(s.Reservation(ctx, admin, id)), second(s.Extend(ctx, admin, id)), second(s.Drop(ctx, admin, id, raleigh(0))), second(s.Cancel(ctx, admin, id, ""))} {
			same(t, id, code(t, err, tel.CodeNotFound), tel.NotFound())
		}
	}
	checked(t, s.Store)
}
