package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/shelf"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func TestDemo(t *testing.T) {
	s := storetest.Empty(t, store.Config{Now: newClock().Now})
	ctx := t.Context()
	start := time.Now()
	links, err := demo(ctx, s.Store)
	if err != nil {
		t.Fatal(err)
	}
	filled := time.Since(start)
	if len(links) != len(demoPeople) {
		t.Errorf("%d links", len(links))
	}
	roles := map[tel.Role]bool{}
	for range 2 { // reusable
		for _, l := range links {
			session, err := s.Enter(ctx, l.token, store.Caller{Addr: "127.0.0.1"})
			if err != nil {
				t.Fatalf("%s: %v", l.who, err)
			}
			roles[session.Actor.Role] = true
			if !strings.HasPrefix(l.who, string(session.Actor.Role)) {
				t.Errorf("%s is %s", l.who, session.Actor.Role)
			}
		}
	}
	if len(roles) != len(tel.Roles()) {
		t.Errorf("roles: %v", roles)
	}
	_, tns, free := s.Shelf().Size()
	states, cities := 0, 0
	rows, err := s.Summary(console, shelf.ByState, tel.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Name != "" {
			states++
		}
	}
	rows, err = s.Summary(console, shelf.ByCity, tel.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Name != "" {
			cities++
		}
	}
	outstanding := count(t, s, store.ListQuery{})
	ended := count(t, s, store.ListQuery{Ended: true})
	if tns < 1_000_000 || states < 20 || cities < 35 || outstanding < 38 || ended < 3 {
		t.Errorf("%d TNs, %d states, %d cities, %d outstanding, %d ended", tns, states, cities, outstanding, ended)
	}
	if filled > 10*time.Second {
		t.Errorf("filled in %v", filled)
	}
	whole(t, s)
	t.Logf("filled in %v: %d TNs, %d free, %d states, %d cities, %d outstanding, %d ended", filled.Round(time.Millisecond), tns, free, states, cities, outstanding, ended)

	again, err := demo(ctx, s.Store)
	if err != nil || len(again) != len(links) || again[0].token == links[0].token {
		t.Errorf("again: %d links, %v", len(again), err)
	}
	if n := count(t, s, store.ListQuery{}); n != outstanding {
		t.Errorf("again: %d outstanding, were %d", n, outstanding)
	}
}

func count(t *testing.T, s *storetest.Store, q store.ListQuery) (n int) {
	t.Helper()
	err := s.Each(t.Context(), console, q, func(*tel.Reservation) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func whole(t *testing.T, s *storetest.Store) {
	t.Helper()
	if broken, err := s.Check(t.Context()); err != nil || len(broken) > 0 {
		t.Error(broken, err)
	}
}

// A filling that was killed goes on from where it was.
func TestDemoGoesOn(t *testing.T) {
	s := storetest.Empty(t, store.Config{Now: newClock().Now})
	for _, after := range []int{1, 3, 8, 15, 30, 60, 90} {
		ctx := &diesAfter{Context: t.Context()}
		ctx.asks.Store(int64(after))
		if _, err := demo(ctx, s.Store); err == nil {
			t.Fatalf("not interrupted after %d", after)
		}
		whole(t, s)
	}
	if _, err := demo(t.Context(), s.Store); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, store.ListQuery{}); n < 38 {
		t.Errorf("%d outstanding", n)
	}
	whole(t, s)
}

// diesAfter is a context that ends when it was asked so often.
type diesAfter struct {
	context.Context
	asks atomic.Int64
}

func (d *diesAfter) Err() error {
	if d.asks.Add(-1) < 0 {
		return context.Canceled
	}
	return d.Context.Err()
}

// Nobody gets into a database that is not the demo's by a flag.
func TestDemoLeavesOthersAlone(t *testing.T) {
	s := storetest.Open(t)
	for _, p := range []store.NewPerson{
		{Email: "ada@acme.example", Role: tel.RoleAdmin, Account: storetest.Acme},
		{Email: "boss@carrier.example", Role: tel.RoleOperator},
	} {
		if _, err := s.CreatePerson(t.Context(), console, p); err != nil {
			t.Fatal(err)
		}
	}
	_, tns, _ := s.Shelf().Size()
	links, err := demo(t.Context(), s.Store)
	if err != nil || len(links) != 0 {
		t.Errorf("%d links, %v", len(links), err)
	}
	if _, after, _ := s.Shelf().Size(); after != tns {
		t.Error("the inventory changed")
	}
}

func TestServeDemo(t *testing.T) {
	db := filepath.Join(t.TempDir(), "demo.db")
	for _, what := range []string{"an empty database", "the same again"} {
		start := time.Now()
		s := serveProcess(t, len(demoPeople), serveCmd(t.Context(), db, "--demo"))
		took := time.Since(start)
		if len(s.lines) != 1+len(demoPeople) || !strings.Contains(s.lines[1], "sign in as operator:") || !strings.Contains(s.lines[1], s.url+"/enter/") {
			t.Errorf("%q", s.lines)
		}
		if took > 10*time.Second {
			t.Errorf("%s: open for work after %v", what, took)
		}
		t.Logf("%s: open for work after %v", what, took.Round(time.Millisecond))
		s.stop(t)
	}
	must(t, "check", "--db", db)
}
