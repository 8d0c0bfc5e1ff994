// Package storetest opens real stores for tests: a fresh database each, SQLite or (with
// TNRESERVE_TEST_DB=postgres) PostgreSQL, and a clock that only the test moves. There
// are no mocks.
package storetest

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/tel"
)

// Clock is a clock that stands until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Start is where every test's clock stands first.
var Start = time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Inventory is what Open puts on the shelf: 919-555-2 and -3 in Raleigh, 984-200-0 in
// Durham, 212-555-4 in New York, 800-555-6 toll-free; 5,000 TNs.
const Inventory = `npa,nxx,x,city,state,rate_center,lata,features,tier,monthly_cost
919,555,2,Raleigh,NC,RALEIGH,426,"sms,voice",,1.00
919,555,3,Raleigh,NC,RALEIGH,426,"sms,voice",premium,5.00
984,200,0,Durham,NC,DURHAM,426,voice,,1.00
212,555,4,New York,NY,NEW YORK,132,voice,,2.50
800,555,6,,,,,voice,,3.00
`

// The accounts that Open makes: Acme and Globex may reserve, Initech is switched off.
const (
	Acme    tel.AccountID = 9500001
	Globex  tel.AccountID = 9500002
	Initech tel.AccountID = 9500003
)

// Store is an open store with its clock and path.
type Store struct {
	*store.Store
	Clock *Clock
	Path  string
}

// Open makes a fresh store with Inventory and the accounts.
func Open(t testing.TB) *Store {
	t.Helper()
	return filled(t, Empty(t, store.Config{}))
}

// OpenFile is Open for what only an SQLite file has.
func OpenFile(t testing.TB) *Store {
	t.Helper()
	return filled(t, Empty(t, store.Config{DB: filepath.Join(t.TempDir(), "tnreserve.db")}))
}

// OpenPostgres is Open on a PostgreSQL, with settings added to the address.
func OpenPostgres(t testing.TB, p *Server, settings ...string) *Store {
	t.Helper()
	return filled(t, Empty(t, store.Config{DB: p.Create(t) + strings.Join(settings, "")}))
}

func filled(t testing.TB, s *Store) *Store {
	t.Helper()
	ctx := context.Background()
	inv, err := intake.Read(ctx, strings.NewReader(Inventory), intake.Options{AllowFictional: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(ctx, tel.System("test"), inv, nil); err != nil {
		t.Fatal(err)
	}
	for id, name := range map[tel.AccountID]string{Acme: "Acme Tel", Globex: "Globex", Initech: "Initech"} {
		a := tel.Account{ID: id, Name: name, ReservationsOn: id != Initech, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
		if err := s.CreateAccount(ctx, tel.System("test"), a); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Empty makes a fresh store with nothing in it. cfg.DB and, unless set, cfg.Now are
// filled in.
func Empty(t testing.TB, cfg store.Config) *Store {
	t.Helper()
	clock := &Clock{now: Start}
	if cfg.Now == nil {
		cfg.Now = clock.Now
	}
	switch {
	case cfg.DB != "":
	case onPostgres():
		cfg.DB = Postgres(t).Create(t)
	default:
		cfg.DB = filepath.Join(t.TempDir(), "tnreserve.db")
	}
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Store{Store: s, Clock: clock, Path: cfg.DB}
}

// Actor is a person in a role of an account, for tests that need no real person.
func Actor(role tel.Role, account tel.AccountID) tel.Actor {
	name := string(role) + "-" + account.String()
	return tel.Actor{Kind: tel.KindPerson, ID: name, Name: name + "@example.com", Role: role, Account: account, Door: "test"}
}
