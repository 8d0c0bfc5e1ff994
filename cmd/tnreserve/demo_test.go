package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"tnreserve/store"
	"tnreserve/store/shelf"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
	"tnreserve/web/telnyx"
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
	if filled > time.Minute {
		t.Errorf("filled in %v", filled)
	}
	doesBusiness(t, s)
	whole(t, s)
	t.Logf("filled in %v: %d TNs, %d free, %d states, %d cities, %d outstanding, %d ended", filled.Round(time.Millisecond), tns, free, states, cities, outstanding, ended)

	again, err := demo(ctx, s.Store)
	if err != nil || len(again) != len(links) || again[0].token == links[0].token {
		t.Errorf("again: %d links, %v", len(again), err)
	}
	if n := count(t, s, store.ListQuery{}); n != outstanding {
		t.Errorf("again: %d outstanding, were %d", n, outstanding)
	}
	doesBusiness(t, s)
}

// doesBusiness looks for an order of every kind and state, numbers in service and aging,
// programs, an endpoint that is sent nothing, links and who bought through one.
func doesBusiness(t *testing.T, s *storetest.Store) {
	t.Helper()
	ctx := t.Context()
	got := map[string]int{}
	list, err := s.Orders(ctx, console, store.OrderQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Rows {
		got[string(o.Kind)]++
		got[string(o.State)]++
		if buyer, err := s.BuyerOf(ctx, console, o); err != nil {
			t.Error(err)
		} else if buyer != nil {
			got["bought"]++
		}
	}
	for _, a := range demoAdmins {
		clients, err1 := s.Clients(ctx, console, a.account)
		hooks, err2 := s.Endpoints(ctx, console, a.account)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		got["clients"] += len(clients)
		for _, h := range hooks {
			got["endpoints"]++
			if h.State() != tel.EndpointPaused || h.Waiting == 0 {
				t.Errorf("%s is %s, and %d wait", h.URL, h.State(), h.Waiting)
			}
		}
	}
	found, err := s.FindReference(ctx, console, "ORD-2041")
	if err != nil {
		t.Fatal(err)
	}
	links, err := s.PurchaseLinks(ctx, console, found.Reservations[0])
	if err != nil || len(links) != 1 || links[0].OrderID != "" {
		t.Errorf("links of a reservation: %v, %v", links, err)
	}
	if due, err := s.EndpointsDue(ctx, console); err != nil || len(due) > 0 {
		t.Errorf("the demo would send to %v, %v", due, err)
	}
	want := map[string]int{"existing": 9, "search": 2, "disconnect": 3, "COMPLETE": 11, "PARTIAL": 1, "FAILED": 1, "BACKORDERED": 1, "bought": 1, "clients": 4, "endpoints": 3}
	if !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
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
	kills := 0
	for after := int64(1); ; after += after/2 + 2 {
		ctx := &diesAfter{Context: t.Context()}
		ctx.asks.Store(after)
		if _, err := demo(ctx, s.Store); err == nil {
			break
		}
		kills++
		whole(t, s)
	}
	if kills < 5 {
		t.Errorf("killed %d times only", kills)
	}
	if n := count(t, s, store.ListQuery{}); n < 38 {
		t.Errorf("%d outstanding", n)
	}
	doesBusiness(t, s)
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
		s := serveProcess(t, 1+len(demoPeople), serveCmd(t.Context(), db, "--demo"))
		took := time.Since(start)
		if last := s.lines[len(s.lines)-1]; !strings.HasSuffix(last, " "+s.url+"/shop/acme") {
			t.Errorf("the last line is %q", last)
		}
		if len(s.lines) != 2+len(demoPeople) || !strings.Contains(s.lines[1], "sign in as operator:") || !strings.Contains(s.lines[1], s.url+"/enter/") {
			t.Errorf("%q", s.lines)
		}
		if took > time.Minute {
			t.Errorf("%s: open for work after %v", what, took)
		}
		t.Logf("%s: open for work after %v", what, took.Round(time.Millisecond))
		s.stop(t)
	}
	must(t, "check", "--db", db)
}

// newcomer is a browser on the demo's dashboard.
type newcomer struct {
	t      *testing.T
	who    string
	url    string
	client *http.Client
}

func (n *newcomer) page(path string) *goquery.Document {
	n.t.Helper()
	return n.read(n.client.Get(n.url + path))
}

func (n *newcomer) read(answer *http.Response, err error) *goquery.Document {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	doc, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		n.t.Fatalf("%s: %s: %s, %v", n.who, answer.Request.URL.Path, answer.Status, err)
	}
	return doc
}

// filled looks whether a page has something on it.
func (n *newcomer) filled(path string) *goquery.Document {
	n.t.Helper()
	doc := n.page(path)
	doc.Find(".empty-t").Each(func(_ int, e *goquery.Selection) {
		if e.Text() != "Whose history?" { // support asks for one number's
			n.t.Errorf("%s: %s says %q", n.who, path, e.Text())
		}
	})
	return doc
}

// Whoever comes to the demo finds something to look at on every page that the navigation
// leads to, and below.
func TestDemoShowsEverything(t *testing.T) {
	s := storetest.Empty(t, store.Config{Now: newClock().Now})
	out, err := demoFacts(t.Context(), s.Store, "")
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	out.print(&printed, true, "http://127.0.0.1:1")
	if !strings.HasSuffix(printed.String(), `{"kind":"storefront","who":"end users of Acme Tel","url":"/shop/acme"}`+"\n") {
		t.Error(printed.String())
	}
	site, err := web.New(web.Config{Store: s.Store, Log: slog.New(slog.DiscardHandler), OpenAPI: telnyx.OpenAPI()})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(site.Handler())
	defer h.Close()
	defer site.Drain()
	for _, f := range out {
		jar, _ := cookiejar.New(nil)
		n := &newcomer{t, f.Who, h.URL, &http.Client{Jar: jar}}
		if f.Kind == "storefront" {
			if n.filled(f.URL).Find("[id^=take-]").Length() == 0 {
				t.Error("the storefront has nothing to take")
			}
			continue
		}
		home := n.read(n.client.PostForm(n.url+f.URL, nil))
		paths := home.Find("#side nav a").Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
		if len(paths) < 3 {
			t.Errorf("%s: %v", n.who, paths)
		}
		for _, path := range append(paths, more[f.Who]...) {
			n.filled(path)
		}
	}
}

// more are pages behind the navigation's.
var more = map[string][]string{
	"operator":                {"/accounts/9500012/clients", "/accounts/9500012/webhooks", "/numbers?status=aging", "/reservations?show=ended"},
	"admin of Acme Tel":       {"/accounts/9500012/webhooks", "/numbers?status=aging", "/reservations?show=ended", "/orders?status=BACKORDERED", "/lookup?q=9192473306"},
	"support of Acme Tel":     {"/lookup?q=9192473306", "/lookup?q=PO-1002", "/audit?about=9192473306"},
	"support of all accounts": {"/lookup?q=6152473003"},
}
