package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
	"tnreserve/web/limit"
)

// asks answers how a dashboard answers a signed-in person.
func asks(s *site, srv *web.Server, who string) func(path string) int {
	s.t.Helper()
	cookie := s.entered(srv, who)
	return func(path string) int {
		r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
		r.AddCookie(cookie)
		srv.Handler().ServeHTTP(w, r)
		return w.Code
	}
}

// A person may search so often, and miss so often, to the request; another is as free as
// before.
func TestLimitsOfPeople(t *testing.T) {
	s := open(t)
	srv, err := web.New(web.Config{Store: s.Store.Store, People: web.PeopleLimits{SearchRate: 1, SearchBurst: 30, Misses: 20}})
	if err != nil {
		t.Fatal(err)
	}
	member, other := asks(s, srv, "acme-member"), asks(s, srv, "acme-admin")
	mine := "/reservations/" + s.reserved("acme-member", 1).ID
	count := func(paths ...string) *[600]atomic.Int32 {
		var answers [600]atomic.Int32
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { answers[member(paths[i%len(paths)])].Add(1) })
		}
		all.Wait()
		return &answers
	}
	const none = "6f1c2a9e-0000-4000-8000-000000000001"
	search, miss := "/search?npa=919&seed=1", []string{"/reservations/" + none, "/lookup?q=" + none, "/orders/" + none, "/reservations/cancel?id=" + none, "/orders/new?reservation=" + none, "/accounts/9509999"}
	// on a machine that has much to do not all of them get their turn
	if n := count(search); n[http.StatusOK].Load()+n[http.StatusServiceUnavailable].Load() != 30 || n[http.StatusTooManyRequests].Load() != 20 {
		t.Errorf("searches: %d answered, %d refused", n[http.StatusOK].Load(), n[http.StatusTooManyRequests].Load())
	}
	if n := count(miss...); n[http.StatusNotFound].Load() != 20 || n[http.StatusTooManyRequests].Load() != 30 {
		t.Errorf("misses: %d answered, %d refused", n[http.StatusNotFound].Load(), n[http.StatusTooManyRequests].Load())
	}
	if got := []int{member(mine), other(search), other(miss[0]), other(miss[1])}; got[0] != 200 || got[1] != 200 || got[2] != 404 || got[3] != 404 {
		t.Errorf("%d", got)
	}
	for range 50 {
		if code := other("/nothing"); code != http.StatusNotFound {
			t.Errorf("an address of nothing: %d", code)
		}
	}
	s.Clock.Add(3 * time.Second)
	if got := []int{member(search), member(search), member(miss[0])}; got[0] != 200 || got[1] != 200 || got[2] != 404 {
		t.Errorf("later: %d", got)
	}
}

// The people of an account may together do ten times what one may; another account's are
// as free as before.
func TestLimitsOfAnAccount(t *testing.T) {
	s := open(t)
	srv, err := web.New(web.Config{Store: s.Store.Store, People: web.PeopleLimits{Misses: 2}})
	if err != nil {
		t.Fatal(err)
	}
	miss := func(who string) int { return asks(s, srv, who)("/orders/none") }
	for i := range 11 {
		who := fmt.Sprintf("acme-%d", i)
		if _, err := s.CreatePerson(ctx, root, store.NewPerson{Email: email(who), Name: who, Role: tel.RoleMember, Account: storetest.Acme}); err != nil {
			t.Fatal(err)
		}
		want := http.StatusNotFound
		if i == 10 {
			want = http.StatusTooManyRequests
		}
		for range 2 {
			if got := miss(who); got != want {
				t.Errorf("person %d of the account: %d, not %d", i+1, got, want)
			}
		}
	}
	if got := miss("globex-member"); got != http.StatusNotFound {
		t.Errorf("another account's: %d", got)
	}
}

// While one account has as many places as it may, its next search waits in vain and
// another's finds one.
func TestOneAccountKeepsNobodyFromSearching(t *testing.T) {
	s := open(t)
	turns := limit.NewTurns(2)
	srv, err := web.New(web.Config{Store: s.Store.Store, Searches: turns})
	if err != nil {
		t.Fatal(err)
	}
	leave, err := turns.Take(ctx, people["acme-member"].Account.String())
	if err != nil {
		t.Fatal(err)
	}
	greedy, other := asks(s, srv, "acme-member"), asks(s, srv, "globex-member")
	const search = "/search?npa=919&seed=1"
	if got := []int{greedy(search), other(search)}; got[0] != http.StatusServiceUnavailable || got[1] != http.StatusOK {
		t.Errorf("%d", got)
	}
	leave()
	if code := greedy(search); code != http.StatusOK {
		t.Errorf("later: %d", code)
	}
}
