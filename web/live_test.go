package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tnreserve/static"
	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// listening is an open event stream.
type listening struct {
	events chan string // names; closed at the stream's end
	retry  string      // ms, after which a browser comes back when it breaks
}

// listen opens /live for what comes from now on, and waits until it is open.
func (v *visitor) listen(t *testing.T) *listening {
	t.Helper()
	return v.listenAt(t, fmt.Sprintf("/live?since=%d", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()))
}

func (v *visitor) listenAt(t *testing.T, address string) *listening {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	client := &http.Client{Jar: v.client.Jar}
	res, err := client.Do(v.request(http.MethodGet, address, nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("/live answers %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	l := &listening{events: make(chan string, 100)}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && lines.Text() != ": hello" {
		l.retry += strings.TrimPrefix(lines.Text(), "retry: ")
	}
	go func() {
		defer res.Body.Close()
		defer close(l.events)
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				l.events <- name
			}
		}
	}()
	return l
}

// hear adds what comes until everything that must come has, or patience ends.
func (l *listening) hear(heard map[string]bool, must []string) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for !heardAll(must, heard) {
		select {
		case name, ok := <-l.events:
			if !ok {
				return
			}
			heard[name] = true
		case <-timer.C:
			return
		}
	}
}

func heardAll(must []string, heard map[string]bool) bool {
	return !slices.ContainsFunc(must, func(name string) bool { return !heard[name] })
}

// drain adds what came meanwhile.
func (l *listening) drain(heard map[string]bool) {
	for len(l.events) > 0 {
		if name, ok := <-l.events; ok {
			heard[name] = true
		}
	}
}

// everyoneHears demands that each stream brings what it must, in order of the alphabet,
// and nothing else soon after.
func everyoneHears(t *testing.T, what string, streams map[string]*listening, want map[string]string) {
	t.Helper()
	heard := map[string]map[string]bool{}
	for who, l := range streams {
		heard[who] = map[string]bool{}
		l.hear(heard[who], strings.Fields(want[who]))
	}
	time.Sleep(700 * time.Millisecond) // longer than the rest between two messages
	for who, l := range streams {
		l.drain(heard[who])
		if got := strings.Join(slices.Sorted(maps.Keys(heard[who])), " "); got != want[who] {
			t.Errorf("%s: %s hears %q, not %q", what, who, got, want[who])
		}
	}
}

// over demands that the stream ends by itself: sooner than its next beat would find the
// reader gone.
func (l *listening) over(t *testing.T) {
	t.Helper()
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	for {
		select {
		case _, ok := <-l.events:
			if !ok {
				return
			}
		case <-timer.C:
			t.Errorf("the stream is still open")
			return
		}
	}
}

// What the server tells and app.js does not listen to never reaches a page.
func TestPagesListenToEveryTopic(t *testing.T) {
	res, err := http.Get(open(t).URL + static.Path("app.js"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	script, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, names, _ := strings.Cut(string(script), "const names = [")
	names, _, _ = strings.Cut(names, "]")
	for _, name := range store.Topics {
		if !strings.Contains(names, "'"+name+"'") {
			t.Errorf("app.js listens to %s, not to %s", names, name)
		}
	}
}

// What happens between the making of a page and its listening is told at once, also when
// the clock of the node that made the page is a little ahead; what happened before the
// process began may have been anything.
func TestNoNewsAreMissed(t *testing.T) {
	s := open(t)
	s.Clock.Add(3 * time.Second) // after the process began, for whatever clock
	streams, want := map[string]*listening{}, map[string]string{}
	opened := func(who, when, address, must string) {
		t.Helper()
		streams[who+", "+when], want[who+", "+when] = s.as(who).listenAt(t, address), must
	}
	page := func(who string) string { return s.as(who).get("/lookup").attr("body", "data-live") }
	must := map[string]string{"operator": "reservations shelf", "acme-admin": "reservations shelf", "globex-admin": "shelf"}
	made := map[string]string{}
	for who := range must {
		made[who] = page(who)
	}
	s.Clock.Add(time.Second)
	s.reserved("acme-member", 1)
	ahead := fmt.Sprintf("/live?since=%d", s.Now().Add(time.Second).UnixMicro())
	s.Clock.Add(3 * time.Second)
	for who, topics := range must {
		opened(who, "whose page is from before", made[who], topics)
		opened(who, "whose page is of a clock ahead", ahead, topics)
		opened(who, "whose page is from after", page(who), "")
	}
	for _, address := range []string{"/live", "/live?since=1", "/live?since=x"} {
		opened("globex-admin", "at "+address, address, "account import orders reservations shelf")
	}
	everyoneHears(t, "at once", streams, want)
	if err := s.Disable(ctx, root, tel.NewNumber(919, 555, 2001)); err != nil {
		t.Fatal(err)
	}
	for who := range want {
		want[who] = "shelf"
	}
	everyoneHears(t, "later", streams, want)
}

func TestNewsReachWhoTheyConcern(t *testing.T) {
	s := open(t)
	streams, retries := map[string]*listening{}, map[string]bool{}
	for _, who := range everybody {
		streams[who] = s.as(who).listen(t)
		ms, err := strconv.Atoi(streams[who].retry)
		if retries[streams[who].retry] = true; err != nil || ms < 1000 || ms >= 3000 {
			t.Errorf("a browser comes back after %q ms", streams[who].retry)
		}
	}
	if len(retries) == 1 {
		t.Error("after a restart all pages come back at once")
	}
	expect := func(what string, err error, want map[string]string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		everyoneHears(t, what, streams, want)
	}
	// of is what those hear who see an account, and what all others do.
	of := func(account string, those, others string) map[string]string {
		want := map[string]string{}
		for _, who := range everybody {
			want[who] = others
			if p := people[who]; p.Account == 0 || strings.HasPrefix(who, account) {
				want[who] = those
			}
		}
		return want
	}
	r := s.reserved("acme-member", 1)
	expect("a reservation", nil, of("acme", "reservations shelf", "shelf"))
	_, err := s.Extend(ctx, s.actor("acme-member"), r.ID)
	expect("an extension", err, of("acme", "reservations", ""))
	_, err = s.Cancel(ctx, s.actor("acme-member"), r.ID, "")
	expect("a cancel", err, of("acme", "reservations shelf", "shelf"))
	_, err = s.PlaceOrder(ctx, s.actor("acme-admin"), tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindExisting, TNs: []tel.Number{s.free()}})
	expect("an order", err, of("acme", "orders shelf", "shelf"))
	expect("a lock", s.LockSwitch(ctx, root, storetest.Globex, true), of("globex", "account", ""))
	expect("a disabled TN", s.Disable(ctx, root, tel.NewNumber(919, 555, 2001)), of("nobody", "shelf", "shelf"))
	s.Server.Drain()
	for _, who := range everybody {
		streams[who].over(t)
	}
}
