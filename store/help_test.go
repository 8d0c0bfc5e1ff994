package store_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// TestMain gives rapid fewer rounds than its 100: each opens a database. More by
// go test ./store -run Model -rapid.checks=1000.
func TestMain(m *testing.M) {
	flag.Set("rapid.checks", "12")
	os.Exit(m.Run())
}

const (
	acme    = storetest.Acme
	globex  = storetest.Globex
	initech = storetest.Initech
	us      = time.Microsecond
)

var (
	ctx      = context.Background()
	operator = storetest.Actor(tel.RoleOperator, 0)
	admin    = storetest.Actor(tel.RoleAdmin, acme)
	member   = storetest.Actor(tel.RoleMember, acme)
	rival    = storetest.Actor(tel.RoleAdmin, globex)
)

// raleigh is the i-th of 2,000 TNs in Raleigh.
func raleigh(i int) tel.Number { return tel.NewNumber(919, 555, 2000+i) }

func raleighs(from, n int) (tns []tel.Number) {
	for i := range n {
		tns = append(tns, raleigh(from+i))
	}
	return tns
}

func ask(account tel.AccountID, tns ...tel.Number) tel.ReserveRequest {
	return tel.ReserveRequest{Account: account, TNs: tns}
}

// reserve must work.
func reserve(t testing.TB, s *storetest.Store, actor tel.Actor, tns ...tel.Number) *tel.Reservation {
	t.Helper()
	got, err := s.Reserve(ctx, actor, ask(actor.Account, tns...))
	if err != nil || got.Reservation == nil {
		t.Fatalf("reserve %v: %v", tns, err)
	}
	return got.Reservation
}

func code(t testing.TB, err error, want tel.Code) *tel.Error {
	t.Helper()
	if got := tel.CodeOf(err); got != want {
		t.Fatalf("got %q (%v), want %q", got, err, want)
	}
	e, _ := err.(*tel.Error)
	return e
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func checked(t testing.TB, s *store.Store) {
	t.Helper()
	found, err := s.Check(ctx)
	if err != nil || found != nil {
		t.Fatalf("check: %v %q", err, found)
	}
}

func setPolicy(t testing.TB, s *storetest.Store, account tel.AccountID, change func(*tel.Policy)) {
	t.Helper()
	p := tel.DefaultPolicy()
	change(&p)
	if err := s.SetPolicy(ctx, operator, account, p); err != nil {
		t.Fatal(err)
	}
}

// parallel runs fn n times at once.
func parallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	wg.Wait()
}

// file opens a second connection to a store's database, as another process would.
func file(t testing.TB, path string) *sql.DB {
	t.Helper()
	return storetest.Connect(t, path)
}

func run(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func count(t testing.TB, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// again opens the same file once more.
func again(t testing.TB, s *storetest.Store) *store.Store {
	t.Helper()
	second, err := store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close() })
	return second
}

func read(t testing.TB, csv string) *intake.Inventory {
	t.Helper()
	inv, err := intake.Read(ctx, strings.NewReader(csv), intake.Options{AllowFictional: true})
	if err != nil {
		t.Fatal(err)
	}
	if inv.RefusedCount > 0 {
		t.Fatal(inv.Refused)
	}
	return inv
}

func free(t testing.TB, s *store.Store, tn tel.Number) bool {
	t.Helper()
	got, err := s.RowStates(ctx, operator, []tel.Number{tn})
	if err != nil {
		t.Fatal(err)
	}
	return got[tn].Free
}

// eventually waits for something that another goroutine brings.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	const within = 20 * time.Second
	for end := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// together makes n changes share a transaction.
func together(t testing.TB, s *storetest.Store, n int, change func(i int)) {
	t.Helper()
	release := make(chan struct{})
	<-s.Hold(release)
	var all sync.WaitGroup
	defer all.Wait()
	defer close(release)
	for i := range n {
		all.Go(func() { change(i) })
	}
	eventually(t, "all wait", func() bool { return s.Waiting() == n })
}

func ref(i int) string { return fmt.Sprintf("ref-%04d", i) }

// orderOf names TNs to put into service.
func orderOf(account tel.AccountID, tns ...tel.Number) tel.OrderRequest {
	return tel.OrderRequest{Account: account, Kind: tel.OrderKindExisting, TNs: tns, PartialAllowed: true}
}

// waitFor asks for so many TNs in Raleigh, and waits for what is not there.
func waitFor(account tel.AccountID, quantity int) tel.OrderRequest {
	q := tel.NewQuery()
	q.City = "Raleigh"
	return tel.OrderRequest{Account: account, Kind: tel.OrderKindSearch, Search: &tel.OrderSearch{Query: q, Quantity: quantity}, PartialAllowed: true, BackOrder: true}
}

// order must put all TNs into service.
func order(t testing.TB, s *storetest.Store, actor tel.Actor, tns ...tel.Number) *tel.Order {
	t.Helper()
	o, err := s.PlaceOrder(ctx, actor, orderOf(actor.Account, tns...))
	if err != nil || o.State != tel.OrderComplete {
		t.Fatalf("order %v: %v %+v", tns, err, o)
	}
	return o
}

// disconnect must take all TNs out of service.
func disconnect(t testing.TB, s *storetest.Store, actor tel.Actor, tns ...tel.Number) *tel.Order {
	t.Helper()
	o, err := s.Disconnect(ctx, actor, orderOf(actor.Account, tns...))
	if err != nil || o.State != tel.OrderComplete {
		t.Fatalf("disconnect %v: %v %+v", tns, err, o)
	}
	return o
}
