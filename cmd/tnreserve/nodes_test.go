package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// cluster is three nodes on one PostgreSQL, and who asks them.
type cluster struct {
	db     string
	nodes  [3]atomic.Pointer[served]
	client *http.Client
	cookie string // of a session that one node opened
	door   *store.NewClientCredentials
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{db: storetest.Postgres(t).Create(t), client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 20}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	must(t, "account", "create", "--db", c.db, "--id", "9500012", "--name", "Acme Tel", "--reservations", "on")
	must(t, "account", "set", "--db", c.db, "--id", "9500012", "--max-held", "10000")
	must(t, "import", "--db", c.db, writeFile(t, "npa,nxx\n919,247\n"))
	s, err := database{c.db}.openExisting(t.Context(), &process{stderr: io.Discard}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreatePerson(t.Context(), console, store.NewPerson{Email: "ada@acme.example", Role: tel.RoleAdmin, Account: 9500012}); err != nil {
		t.Fatal(err)
	}
	link, err := s.NewEnterLink(t.Context(), console, "ada@acme.example", time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	if c.door, err = s.CreateClient(t.Context(), console, store.NewClient{Account: 9500012, Name: "Load", Role: tel.RoleMember}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range c.nodes {
		c.start(t, i)
	}
	c.enter(t, link)
	return c
}

func (c *cluster) start(t *testing.T, i int) {
	t.Helper()
	c.nodes[i].Store(serveProcess(t, 0, serveCmd(t.Context(), c.db, "--connections-per-addr", "0", "--client-rate", "0", "--search-rate", "0")))
}

// kill ends a node as a power cut does.
func (c *cluster) kill(i int) {
	s := c.nodes[i].Load()
	_ = s.Process.Kill()
	<-s.ended
}

func (c *cluster) url(i int) string { return c.nodes[i].Load().url }

func (c *cluster) enter(t *testing.T, link string) {
	t.Helper()
	res, err := c.client.Post(c.url(0)+"/enter/"+link, "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for _, cookie := range res.Cookies() {
		if cookie.Name == "tnreserve" {
			c.cookie = cookie.Name + "=" + cookie.Value
		}
	}
	if c.cookie == "" {
		t.Fatal("no session: " + res.Status)
	}
}

// reserve asks a node for one TN: its reservation's id, or "" and the status; an error
// is no answer.
func (c *cluster) reserve(i int, tn tel.Number) (id string, status int, err error) {
	req, err := http.NewRequest(http.MethodPost, c.url(i)+"/api/accounts/9500012/tnreservation", strings.NewReader("<Reservation><ReservedTn>"+tn.Digits()+"</ReservedTn></Reservation>"))
	if err != nil {
		return "", 0, err
	}
	req.SetBasicAuth(c.door.Username, c.door.Password)
	req.Header.Set("Content-Type", "application/xml")
	res, err := c.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "", 0, err
	}
	if res.StatusCode == http.StatusCreated {
		location := res.Header.Get("Location")
		id = location[strings.LastIndex(location, "/")+1:]
	}
	return id, res.StatusCode, nil
}

// shows tells whether a node's search page shows a TN, asked for by its digits.
func (c *cluster) shows(i int, tn tel.Number) (bool, error) {
	res, err := c.page(c.client, i, "/search?seed=1&npa=919&contains="+tn.Digits()[3:])
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("search: %s", res.Status)
	}
	return strings.Contains(string(body), `id="tn-`+tn.Digits()), err
}

func (c *cluster) page(client *http.Client, i int, path string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, c.url(i)+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Cookie", c.cookie)
	req.Header.Set("HX-Request", "true")
	return client.Do(req)
}

// What one node does the others show, and tell their open pages, within a second.
func TestPostgresNodesFollow(t *testing.T) {
	c := newCluster(t)
	var waits []time.Duration
	for round := range 7 {
		here, there := round%3, (round+1)%3
		tn := tel.NewNumber(919, 247, 9000+round)
		if shown, err := c.shows(there, tn); err != nil || !shown {
			t.Fatal("not on the shelf before", shown, err)
		}
		news := c.listen(t, there)
		id, status, err := c.reserve(here, tn)
		if err != nil || id == "" {
			t.Fatal(status, err)
		}
		began := time.Now()
		end := began.Add(10 * time.Second) // one may be slow, on a machine with much else to do
		heard := []string{}
		for !slices.Contains(heard, "shelf") || !slices.Contains(heard, "reservations") {
			select {
			case name := <-news:
				heard = append(heard, name)
			case <-time.After(time.Until(end)):
				t.Fatalf("an open page of another node heard only %q", heard)
			}
		}
		waits = append(waits, time.Since(began))
		for { // its open pages may have heard of it a moment before
			shown, err := c.shows(there, tn)
			if err != nil {
				t.Fatal(err)
			}
			if !shown {
				break
			}
			if time.Now().After(end) {
				t.Fatal("another node still shows it")
			}
		}
	}
	slices.Sort(waits)
	t.Logf("open pages of another node hear of it after %v", waits)
	if waits[len(waits)/2] > time.Second {
		t.Error("that is late")
	}
}

// listen opens a node's event stream.
func (c *cluster) listen(t *testing.T, i int) <-chan string {
	t.Helper()
	res, err := c.page(&http.Client{Transport: &http.Transport{}}, i, fmt.Sprintf("/live?since=%d", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && lines.Text() != ": hello" {
	}
	events := make(chan string, 100)
	go func() {
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				events <- name
			}
		}
	}()
	if shown, err := c.shows(i, tel.NewNumber(919, 247, 1000)); err != nil || !shown { // one question later it listens
		t.Fatal(shown, err)
	}
	return events
}

// Nodes are killed again and again under load: no TN is had twice, nothing that was
// answered is lost, and the others go on.
func TestPostgresNodesKilled(t *testing.T) {
	c := newCluster(t)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var mu sync.Mutex
	had := map[tel.Number][]string{}
	var refused, cut, searches atomic.Int64
	for worker := range 12 {
		all.Go(func() {
			for n := worker / 2; n < 9000 && ctx.Err() == nil; n += 6 { // each TN is wanted twice at once
				tn := tel.NewNumber(919, 247, n)
				i := (n + worker%2) % 3
				id, status, err := c.reserve(i, tn)
				switch {
				case err != nil && i == 2:
					t.Errorf("the node that lives does not answer: %v", err)
				case err != nil:
					cut.Add(1)
					time.Sleep(20 * time.Millisecond)
				case id != "":
					mu.Lock()
					had[tn] = append(had[tn], id)
					mu.Unlock()
				case status >= 500 && status != http.StatusServiceUnavailable:
					t.Errorf("%s: %d", tn, status)
				default:
					refused.Add(1)
				}
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			if shown, err := c.shows(2, tel.NewNumber(919, 247, 9999)); err != nil || !shown || time.Since(start) > 5*time.Second {
				t.Errorf("search on the node that lives: %v %v %v", shown, err, time.Since(start))
				return
			}
			searches.Add(1)
		}
	})
	const kills = 8
	for k := range kills {
		time.Sleep(300 * time.Millisecond)
		c.kill(k % 2)
		time.Sleep(100 * time.Millisecond)
		c.start(t, k%2)
	}
	time.Sleep(300 * time.Millisecond)
	stop()
	all.Wait()
	for i := range c.nodes {
		c.nodes[i].Load().stop(t)
	}
	c.compare(t, had)
	must(t, "check", "--db", c.db)
	t.Logf("%d reserved, %d refused, %d cut, %d searches over %d kills", len(had), refused.Load(), cut.Load(), searches.Load(), kills)
}

// compare finds every acknowledged reservation, once.
func (c *cluster) compare(t *testing.T, had map[tel.Number][]string) {
	t.Helper()
	s, err := database{c.db}.openExisting(t.Context(), &process{stderr: io.Discard}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(had) == 0 {
		t.Error("nothing was reserved")
	}
	for tn, ids := range had {
		if len(ids) != 1 {
			t.Errorf("%s was given away %d times", tn, len(ids))
		}
		r, err := s.Reservation(t.Context(), console, ids[0])
		if err != nil || r.StateAt(s.Now()) != tel.StateLive || len(r.HeldTNs()) != 1 || r.HeldTNs()[0] != tn {
			t.Errorf("%s in %s was acknowledged: %v %+v", tn, ids[0], err, r)
		}
	}
}
