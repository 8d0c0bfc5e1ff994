package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// model is what a reservation means, in a few lines: what the store answers must be
// what this answers.
type model struct {
	now     time.Time
	on      map[tel.AccountID]bool
	all     []*hold
	lastEnd map[string]time.Time // "account tn" → when it last ended
}

type hold struct {
	id         string
	account    tel.AccountID
	tns        []tel.Number
	expires    time.Time
	limit      time.Time
	extensions int
	cancelled  bool
}

const (
	modelTNs      = 12
	modelWindow   = time.Hour
	modelCeiling  = 150 * time.Minute
	modelCoolDown = 10 * time.Minute
	modelHeld     = 6
)

func (h *hold) live(now time.Time) bool { return !h.cancelled && h.expires.After(now) }

func (m *model) holder(tn tel.Number) *hold {
	for _, h := range m.all {
		if h.live(m.now) && slices.Contains(h.tns, tn) {
			return h
		}
	}
	return nil
}

func (m *model) held(a tel.AccountID) (n int) {
	for _, h := range m.all {
		if h.account == a && h.live(m.now) {
			n += len(h.tns)
		}
	}
	return n
}

// ended is when an account last had a TN.
func (m *model) ended(a tel.AccountID, tn tel.Number) time.Time {
	last := m.lastEnd[fmt.Sprint(a, tn)]
	for _, h := range m.all {
		if h.account == a && !h.cancelled && !h.live(m.now) && slices.Contains(h.tns, tn) && h.expires.After(last) {
			last = h.expires
		}
	}
	return last
}

func (m *model) judge(a tel.AccountID, tn tel.Number) tel.Code {
	if h := m.holder(tn); h != nil && h.account == a {
		return tel.CodeHeldByYou
	} else if h != nil {
		return tel.CodeNotAvailable
	}
	if e := m.ended(a, tn); !e.IsZero() && e.Add(modelCoolDown).After(m.now) {
		return tel.CodeCoolingDown
	}
	return ""
}

func (m *model) reserve(a tel.AccountID, tns []tel.Number, all bool) (had []tel.Number, code tel.Code) {
	if !m.on[a] {
		return nil, tel.CodeReservationsOff
	}
	var first tel.Code
	for _, tn := range tns {
		if c := m.judge(a, tn); c == "" {
			had = append(had, tn)
		} else if first == "" {
			first = c
		}
	}
	switch {
	case len(had) == 0 || all && first != "":
		return nil, first
	case m.held(a)+len(had) > modelHeld:
		return nil, tel.CodeTooManyHeld
	}
	return had, ""
}

func (m *model) forget(h *hold, tn tel.Number) { m.lastEnd[fmt.Sprint(h.account, tn)] = m.now }

func (m *model) cancel(h *hold) {
	for _, tn := range h.tns {
		m.forget(h, tn)
	}
	h.cancelled = true
}

// state is why a hold cannot be moved, or "".
func (m *model) state(h *hold) tel.Code {
	switch {
	case h.cancelled:
		return tel.CodeEnded
	case !h.expires.After(m.now):
		return tel.CodeRanOut
	}
	return ""
}

func TestModel(t *testing.T) {
	accounts := []tel.AccountID{acme, globex}
	rapid.Check(t, func(rt *rapid.T) {
		s := storetest.Open(t)
		defer s.Close()
		m := &model{now: s.Now(), on: map[tel.AccountID]bool{acme: true, globex: true}, lastEnd: map[string]time.Time{}}
		for _, a := range accounts {
			setPolicy(t, s, a, func(p *tel.Policy) {
				*p = tel.Policy{Window: modelWindow, Ceiling: modelCeiling, MaxExtensions: 2, MaxHeld: modelHeld, MaxPerReservation: 4, CoolDown: modelCoolDown}
			})
		}
		account := rapid.SampledFrom(accounts)
		tn := rapid.Map(rapid.IntRange(0, modelTNs-1), raleigh)
		want := func(err error, c tel.Code) bool {
			rt.Helper()
			if got := tel.CodeOf(err); got != c {
				rt.Fatalf("got %q (%v), want %q", got, err, c)
			}
			return c == ""
		}
		some := func(rt *rapid.T) *hold {
			if len(m.all) == 0 {
				rt.Skip("none")
			}
			return m.all[len(m.all)-1-rapid.IntRange(0, min(len(m.all)-1, 5)).Draw(rt, "back")]
		}
		actor := func(h *hold) tel.Actor { return storetest.Actor(tel.RoleAdmin, h.account) }
		rt.Repeat(map[string]func(*rapid.T){
			"reserve": func(rt *rapid.T) {
				a := account.Draw(rt, "account")
				req := ask(a, rapid.SliceOfNDistinct(tn, 1, 4, rapid.ID[tel.Number]).Draw(rt, "tns")...)
				req.AllOrNothing = rapid.Bool().Draw(rt, "all")
				sorted := slices.Sorted(slices.Values(req.TNs))
				had, c := m.reserve(a, sorted, req.AllOrNothing)
				got, err := s.Reserve(ctx, storetest.Actor(tel.RoleAdmin, a), req)
				if want(err, c) {
					r := got.Reservation
					same(t, "had", r.HeldTNs(), had)
					m.all = append(m.all, &hold{id: r.ID, account: a, tns: had, expires: m.now.Add(modelWindow), limit: m.now.Add(modelCeiling)})
				}
			},
			"extend": func(rt *rapid.T) {
				h := some(rt)
				c := m.state(h)
				switch {
				case !m.on[h.account]:
					c = tel.CodeReservationsOff
				case c != "":
				case !h.expires.Before(h.limit):
					c = tel.CodeAtLimit
				case h.extensions == 2:
					c = tel.CodeNoExtensionsLeft
				}
				if _, err := s.Extend(ctx, actor(h), h.id); want(err, c) {
					h.extensions++
					if h.expires = h.expires.Add(modelWindow); h.expires.After(h.limit) {
						h.expires = h.limit
					}
				}
			},
			"drop": func(rt *rapid.T) {
				h, n := some(rt), tn.Draw(rt, "tn")
				c := m.state(h)
				switch {
				case c != "":
				case !slices.Contains(h.tns, n):
					c = tel.CodeNotFound
				case len(h.tns) == 1:
					c = tel.CodeEnded
				}
				if _, err := s.Drop(ctx, actor(h), h.id, n); want(err, c) {
					h.tns = slices.DeleteFunc(slices.Clone(h.tns), func(x tel.Number) bool { return x == n })
					m.forget(h, n)
				}
			},
			"cancel": func(rt *rapid.T) {
				h := some(rt)
				if _, err := s.Cancel(ctx, actor(h), h.id, ""); want(err, m.state(h)) {
					m.cancel(h)
				}
			},
			"wait": func(rt *rapid.T) {
				d := time.Duration(rapid.SampledFrom([]int{1, 5, 10, 30, 60, 90}).Draw(rt, "minutes")) * time.Minute
				d += time.Duration(rapid.IntRange(-1, 1).Draw(rt, "µs")) * us
				s.Clock.Add(d)
				m.now = m.now.Add(d)
			},
			"sweep": func(rt *rapid.T) { must[store.Swept](t)(s.Sweep(ctx)) },
			"switch": func(rt *rapid.T) {
				a, on, live := account.Draw(rt, "account"), rapid.Bool().Draw(rt, "on"), store.Live(rapid.Bool().Draw(rt, "end"))
				must[int](t)(s.SwitchReservations(ctx, operator, a, on, live))
				if m.on[a] = on; !on && live == store.LiveEnd {
					for _, h := range m.all {
						if h.account == a && h.live(m.now) {
							m.cancel(h)
						}
					}
				}
			},
			"": func(rt *rapid.T) { compare(t, rt, s, m, accounts) },
		})
		checked(t, s.Store)
		checked(t, again(t, s))
	})
}

func compare(t *testing.T, rt *rapid.T, s *storetest.Store, m *model, accounts []tel.AccountID) {
	rows := must[map[tel.Number]store.RowState](t)(s.RowStates(ctx, operator, raleighs(0, modelTNs)))
	for tn, row := range rows {
		if row.Free != (m.holder(tn) == nil) {
			rt.Fatalf("%s free: %v", tn, row.Free)
		}
	}
	for _, a := range accounts {
		if got := must[*tel.Account](t)(s.Account(ctx, operator, a)); got.Held != m.held(a) {
			rt.Fatalf("account %d holds %d, want %d", a, got.Held, m.held(a))
		}
		live := map[string]time.Time{}
		for _, h := range m.all {
			if h.account == a && h.live(m.now) {
				live[h.id] = h.expires
			}
		}
		list := must[store.Listed](t)(s.List(ctx, operator, store.ListQuery{Account: a, Limit: 100}))
		if len(list.Rows) != len(live) {
			rt.Fatalf("%d live, want %d", len(list.Rows), len(live))
		}
		for _, r := range list.Rows {
			if !r.ExpiresAt.Equal(live[r.ID]) {
				rt.Fatalf("%s runs to %v, want %v", r.ID, r.ExpiresAt, live[r.ID])
			}
		}
	}
}
