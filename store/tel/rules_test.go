package tel_test

import (
	"strings"
	"testing"
	"time"

	"tnreserve/store/tel"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func code(t *testing.T, err error, want tel.Code) *tel.Error {
	t.Helper()
	if got := tel.CodeOf(err); got != want {
		t.Fatalf("got %q (%v), want %q", got, err, want)
	}
	e, _ := err.(*tel.Error)
	return e
}

// Every state × every move; what is not named here is refused.
func TestMoves(t *testing.T) {
	allowed := map[string]tel.State{
		"live extend": tel.StateLive, "live drop": tel.StateLive, "live cancel": tel.StateCancelled,
		"live submit": tel.StateSubmitted, "live order": tel.StateOrdered, "live expire": tel.StateExpired,
		"submitted resume": tel.StateLive, "submitted cancel": tel.StateCancelled,
		"submitted order": tel.StateOrdered, "submitted expire": tel.StateExpired,
	}
	if len(tel.States()) != 5 || len(tel.Moves()) != 7 {
		t.Fatal("a state or a move came: extend the table")
	}
	for _, s := range tel.States() {
		for _, m := range tel.Moves() {
			next, err := s.Next(m)
			want, ok := allowed[string(s)+" "+string(m)]
			switch {
			case ok && (err != nil || next != want):
				t.Errorf("%s %s: %v %v, want %s", s, m, next, err, want)
			case !ok && (tel.CodeOf(err) != tel.CodeEnded || next != s):
				t.Errorf("%s %s: %v %v, want a refusal", s, m, next, err)
			}
		}
	}
	for s, ended := range map[tel.State]bool{tel.StateLive: false, tel.StateSubmitted: false, tel.StateOrdered: true, tel.StateCancelled: true, tel.StateExpired: true} {
		if s.Ended() != ended {
			t.Errorf("%s ended: %v", s, !ended)
		}
	}
}

// Every state of a TN × every state.
func TestTNMoves(t *testing.T) {
	allowed := " available>reserved available>in service available>disabled reserved>available reserved>in service in service>aging aging>available aging>in service aging>disabled disabled>available "
	for _, from := range tel.TNStates() {
		for _, to := range tel.TNStates() {
			err := from.To(to)
			if ok := strings.Contains(allowed, " "+string(from)+">"+string(to)+" "); ok != (err == nil) {
				t.Errorf("%s to %s: %v", from, to, err)
			} else if err != nil {
				code(t, err, tel.CodeNotAvailable)
			}
		}
	}
}

// Every state of an upload × every state.
func TestUploadMoves(t *testing.T) {
	allowed := " reading>preview preview>running preview>discarded running>done running>failed failed>running discarded>discarded "
	for _, from := range tel.UploadStates() {
		for _, to := range tel.UploadStates() {
			if ok := strings.Contains(allowed, " "+string(from)+">"+string(to)+" "); ok != from.CanBecome(to) {
				t.Errorf("%s to %s: %v", from, to, !ok)
			}
		}
		if ended := from == tel.UploadDone || from == tel.UploadDiscarded; from.Ended() != ended {
			t.Errorf("%s ended: %v", from, !ended)
		}
	}
}

func live(window, ceiling time.Duration) *tel.Reservation {
	return &tel.Reservation{State: tel.StateLive, CreatedAt: noon, ExpiresAt: noon.Add(window), LimitAt: noon.Add(ceiling), TNCount: 2,
		TNs: []tel.ReservedTN{{TN: 1}, {TN: 2}, {TN: 3, EndedAt: noon, End: tel.StateCancelled}}}
}

func TestExpiryEdges(t *testing.T) {
	const window = 4 * time.Hour
	for _, at := range []struct {
		off time.Duration
		is  tel.State
	}{{-time.Microsecond, tel.StateLive}, {0, tel.StateExpired}, {time.Microsecond, tel.StateExpired}} {
		now := noon.Add(window + at.off)
		r := live(window, 12*time.Hour)
		if got := r.StateAt(now); got != at.is {
			t.Errorf("%v: %s", at.off, got)
		}
		if left := r.Left(now); left != max(0, -at.off) {
			t.Errorf("%v: left %v", at.off, left)
		}
		p := tel.DefaultPolicy()
		if r.Extendable(p, now) != (at.is == tel.StateLive) || r.Extensions != 0 {
			t.Errorf("%v: extendable %v", at.off, r.Extendable(p, now))
		}
		for name, do := range map[string]func(r *tel.Reservation) error{
			"extend": func(r *tel.Reservation) error { return r.Extend(p, now) },
			"drop":   func(r *tel.Reservation) error { return r.Drop(1, now) },
			"cancel": func(r *tel.Reservation) error { return r.Cancel(tel.Signature{}, "x", now) },
		} {
			r := live(window, 12*time.Hour)
			err := do(r)
			if at.is == tel.StateLive {
				if err != nil {
					t.Errorf("%s %v: %v", name, at.off, err)
				}
				continue
			}
			if e := code(t, err, tel.CodeRanOut); !e.At.Equal(r.ExpiresAt) || !strings.Contains(e.Message, "21 November 2026 at 16:00:00 UTC") {
				t.Errorf("%s: %v at %v", name, e, e.At)
			}
			if r.State != tel.StateLive || r.TNCount != 2 {
				t.Errorf("%s: a refused move changed it: %+v", name, r)
			}
		}
		err := live(window, 12*time.Hour).Expire(tel.Signature{}, now)
		if (err == nil) != (at.is == tel.StateExpired) {
			t.Errorf("expire %v: %v", at.off, err)
		}
	}
	r := live(window, 12*time.Hour)
	if err := r.Expire(tel.Signature{ID: "clock"}, noon.Add(9*time.Hour)); err != nil || r.State != tel.StateExpired || !r.EndedAt.Equal(r.ExpiresAt) || r.EndedBy.ID != "clock" {
		t.Errorf("%+v %v", r, err)
	}
}

// TestPause: a clock that stands keeps what was left, for 15 minutes and once.
func TestPause(t *testing.T) {
	const window, ceiling, at = time.Hour, 2 * time.Hour, 50 * time.Minute
	submitted := func() *tel.Reservation {
		r := live(window, ceiling)
		if err := r.Submit(noon.Add(at)); err != nil || r.State != tel.StateSubmitted || !r.ExpiresAt.Equal(noon.Add(window+tel.MaxPause)) || !r.LimitAt.Equal(noon.Add(ceiling+tel.MaxPause)) {
			t.Fatalf("%v %+v", err, r)
		}
		return r
	}
	for _, c := range []struct {
		after time.Duration // the pause began
		is    tel.State
	}{{0, tel.StateSubmitted}, {tel.MaxPause - time.Microsecond, tel.StateSubmitted}, {tel.MaxPause, tel.StateLive}, {tel.MaxPause + 10*time.Minute - time.Microsecond, tel.StateLive}, {tel.MaxPause + 10*time.Minute, tel.StateExpired}} {
		now := noon.Add(at + c.after)
		if got := submitted().StateAt(now); got != c.is {
			t.Errorf("%v after the pause began: %s, not %s", c.after, got, c.is)
		}
		r := submitted()
		if err := r.Resume(now); (err == nil) != (c.is == tel.StateSubmitted) {
			t.Errorf("resume after %v: %v", c.after, err)
		} else if err == nil && (r.Left(now) != 10*time.Minute || !r.LimitAt.Equal(noon.Add(ceiling+c.after))) {
			t.Errorf("resumed after %v: %v left, limit %v", c.after, r.Left(now), r.LimitAt)
		}
		if err := submitted().Submit(now); err == nil {
			t.Errorf("its clock stands twice, after %v", c.after)
		}
		if _, err := submitted().Order(2, tel.Signature{}, now); (err == nil) != (c.is != tel.StateExpired) {
			t.Errorf("order after %v: %v", c.after, err)
		}
		if err := submitted().Expire(tel.Signature{}, now); (err == nil) != (c.is == tel.StateExpired) {
			t.Errorf("expire after %v: %v", c.after, err)
		}
		if err := submitted().Extend(tel.DefaultPolicy(), now); (err == nil) != (c.is == tel.StateLive) {
			t.Errorf("extend after %v: %v", c.after, err)
		}
	}
	r := submitted()
	if err := r.Resume(noon.Add(at + time.Minute)); err != nil {
		t.Fatal(err)
	}
	code(t, r.Submit(noon.Add(at+2*time.Minute)), tel.CodeEnded)
	code(t, r.Resume(noon.Add(at+2*time.Minute)), tel.CodeEnded)
	code(t, live(window, ceiling).Submit(noon.Add(window)), tel.CodeRanOut)
}

func TestExtend(t *testing.T) {
	p := tel.Policy{Window: 4 * time.Hour, Ceiling: 10 * time.Hour, MaxExtensions: 9}
	r := live(p.Window, p.Ceiling)
	for i, want := range []time.Duration{8 * time.Hour, 10 * time.Hour} {
		if err := r.Extend(p, noon.Add(time.Hour)); err != nil || !r.ExpiresAt.Equal(noon.Add(want)) || r.Extensions != i+1 {
			t.Fatalf("%d: %v %+v", i, err, r)
		}
	}
	code(t, r.Extend(p, noon.Add(time.Hour)), tel.CodeAtLimit)
	if !r.ExpiresAt.Equal(r.LimitAt) || r.Extensions != 2 {
		t.Fatalf("%+v", r)
	}
	r = live(5*time.Hour, 9*time.Hour) // exactly to the limit
	if err := r.Extend(p, noon); err != nil || !r.ExpiresAt.Equal(r.LimitAt) {
		t.Fatal(err, r.ExpiresAt)
	}
	p.MaxExtensions = 1
	r = live(time.Hour, 90*time.Hour)
	if err := r.Extend(p, noon); err != nil {
		t.Fatal(err)
	}
	code(t, r.Extend(p, noon), tel.CodeNoExtensionsLeft)
	for _, s := range []tel.State{tel.StateCancelled, tel.StateOrdered, tel.StateSubmitted} {
		r := live(time.Hour, 9*time.Hour)
		r.State, r.SubmittedAt = s, noon
		code(t, r.Extend(p, noon), tel.CodeEnded)
	}
	r.State = tel.StateExpired
	code(t, r.Extend(p, noon), tel.CodeRanOut)
}

func TestDrop(t *testing.T) {
	r := live(time.Hour, time.Hour)
	code(t, r.Drop(9, noon), tel.CodeNotFound)
	code(t, r.Drop(3, noon), tel.CodeNotFound) // dropped before
	if err := r.Drop(1, noon); err != nil || r.TNCount != 1 {
		t.Fatal(err, r.TNCount)
	}
	code(t, r.Drop(2, noon), tel.CodeEnded)
	if got := r.HeldTNs(); len(got) != 2 {
		t.Error(got) // Drop only judges; the store ends the row
	}
}

func TestCheckReserve(t *testing.T) {
	a := tel.Account{Name: "Acme", ReservationsOn: true, Policy: tel.DefaultPolicy()}
	for _, c := range []struct {
		tns  int
		ask  time.Duration
		want tel.Code
		hold time.Duration
	}{
		{1, 0, "", 4 * time.Hour}, {100, 4 * time.Hour, "", 4 * time.Hour}, {1, time.Second, "", time.Second},
		{0, 0, tel.CodeInvalid, 0}, {101, 0, tel.CodeTooManyTNs, 0}, {1, time.Second - 1, tel.CodeInvalid, 0},
		{1, -1, tel.CodeInvalid, 0}, {1, 4*time.Hour + 1, tel.CodeInvalid, 0},
	} {
		expires, limit, err := a.CheckReserve(c.tns, c.ask, noon)
		code(t, err, c.want)
		if err == nil && (!expires.Equal(noon.Add(c.hold)) || !limit.Equal(noon.Add(12*time.Hour))) {
			t.Errorf("%+v: %v %v", c, expires, limit)
		}
	}
	a.ReservationsOn = false
	_, _, err := a.CheckReserve(0, -1, noon)
	code(t, err, tel.CodeReservationsOff)
	a.Policy.MaxHeld = 10
	code(t, a.CheckHeld(9, 1), "")
	code(t, a.CheckHeld(9, 2), tel.CodeTooManyHeld)
}

func TestPolicyBounds(t *testing.T) {
	if err := tel.DefaultPolicy().Check(); err != nil {
		t.Fatal(err)
	}
	if err := tel.DefaultLimits().Check(); err != nil {
		t.Fatal(err)
	}
	if err := tel.DefaultPolicy().Within(tel.DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field    string
		set      func(*tel.Policy, int64)
		low, top int64
	}{
		{"window", func(p *tel.Policy, v int64) { p.Window, p.Ceiling = time.Duration(v), tel.MaxCeiling }, int64(time.Second), -1},
		{"ceiling", func(p *tel.Policy, v int64) { p.Ceiling = time.Duration(v) }, int64(4 * time.Hour), int64(tel.MaxCeiling)},
		{"max_extensions", func(p *tel.Policy, v int64) { p.MaxExtensions = int(v) }, 0, 1000},
		{"max_held", func(p *tel.Policy, v int64) { p.MaxHeld = int(v) }, 1, 10_000_000},
		{"max_per_reservation", func(p *tel.Policy, v int64) { p.MaxPerReservation = int(v) }, 1, 5000},
		{"cooldown", func(p *tel.Policy, v int64) { p.CoolDown = time.Duration(v) }, 0, int64(30 * 24 * time.Hour)},
		{"max_share", func(p *tel.Policy, v int64) { p.MaxShare = int(v) }, 0, 100},
	} {
		for v, good := range map[int64]bool{c.low: true, c.low - 1: false, c.top: true, c.top + 1: false} {
			if c.top < 0 && v != c.low && v != c.low-1 {
				continue
			}
			p := tel.DefaultPolicy()
			c.set(&p, v)
			err := p.Check()
			if good && err != nil {
				t.Errorf("%s %d: %v", c.field, v, err)
			} else if !good {
				if e := code(t, err, tel.CodeInvalid); e.Field != c.field {
					t.Errorf("%s %d: field %s", c.field, v, e.Field)
				}
			}
		}
	}
	limits := tel.DefaultLimits()
	limits.CoolDown, limits.MaxShare = time.Minute, 10
	for field, set := range map[string]func(*tel.Policy){
		"window": func(p *tel.Policy) { p.Window++ }, "ceiling": func(p *tel.Policy) { p.Ceiling++ },
		"max_extensions": func(p *tel.Policy) { p.MaxExtensions++ }, "max_held": func(p *tel.Policy) { p.MaxHeld++ },
		"max_per_reservation": func(p *tel.Policy) { p.MaxPerReservation++ }, "cooldown": func(p *tel.Policy) { p.CoolDown-- },
		"max_share": func(p *tel.Policy) { p.MaxShare = (p.MaxShare + 1) % 11 }, // 0 is no bound, and goes furthest
	} {
		p := limits
		if err := p.Within(limits); err != nil {
			t.Error(err)
		}
		set(&p)
		if e := code(t, p.Within(limits), tel.CodeInvalid); e.Field != field {
			t.Errorf("%s: %+v", field, e)
		}
	}
}
