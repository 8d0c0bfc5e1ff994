package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
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
	l := &listening{make(chan string, 100)}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && lines.Text() != ": hello" {
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
	// The hello goes out before the listener's turn is sure: one question later it is.
	v.get("/healthz")
	return l
}

// hears waits for events; all that came in the while after the last count too.
func (l *listening) hears(within time.Duration) map[string]bool {
	heard := map[string]bool{}
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		select {
		case name, ok := <-l.events:
			if !ok {
				return heard
			}
			heard[name] = true
		case <-timer.C:
			return heard
		}
	}
}

// names are what was heard, in order of the alphabet.
func (l *listening) names(within time.Duration) string {
	return strings.Join(slices.Sorted(maps.Keys(l.hears(within))), " ")
}

// over demands that the stream ends in time.
func (l *listening) over(t *testing.T, within time.Duration) {
	t.Helper()
	timer := time.NewTimer(within)
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

// What happens between the making of a page and its listening is told at once; what
// happened before the process began may have been anything.
func TestNoNewsAreMissed(t *testing.T) {
	s := open(t)
	made := map[string]string{}
	for _, who := range []string{"operator", "acme-admin", "globex-admin"} {
		made[who] = s.as(who).get("/lookup").attr("body", "data-live")
	}
	s.Clock.Add(time.Second)
	s.reserved("acme-member", 1)
	for who, want := range map[string]string{"operator": "reservations shelf", "acme-admin": "reservations shelf", "globex-admin": "shelf"} {
		if got := s.as(who).listenAt(t, made[who]).names(700 * time.Millisecond); got != want {
			t.Errorf("%s, whose page is from before: hears %q, not %q", who, got, want)
		}
		if got := s.as(who).listenAt(t, s.as(who).get("/lookup").attr("body", "data-live")).names(700 * time.Millisecond); got != "" {
			t.Errorf("%s, whose page is from after: hears %q", who, got)
		}
	}
	all := "account import orders reservations shelf"
	for _, address := range []string{"/live", "/live?since=1", "/live?since=x"} {
		if got := s.as("globex-admin").listenAt(t, address).names(700 * time.Millisecond); got != all {
			t.Errorf("%s hears %q, not %q", address, got, all)
		}
	}
}

func TestNewsReachWhoTheyConcern(t *testing.T) {
	s := open(t)
	streams := map[string]*listening{}
	for _, who := range everybody {
		streams[who] = s.as(who).listen(t)
	}
	const while = 700 * time.Millisecond
	expect := func(what string, want map[string]string) {
		t.Helper()
		time.Sleep(while)
		for _, who := range everybody {
			heard := streams[who].hears(time.Millisecond)
			got := []string{}
			for _, name := range []string{"shelf", "reservations", "account", "import"} {
				if heard[name] {
					got = append(got, name)
				}
			}
			if strings.Join(got, " ") != want[who] {
				t.Errorf("%s: %s hears %q, not %q", what, who, got, want[who])
			}
		}
	}
	r := s.reserved("acme-member", 1)
	both, one := "shelf reservations", "shelf"
	acme := map[string]string{"operator": both, "support-all": both, "acme-admin": both, "acme-support": both, "acme-member": both, "globex-admin": one, "globex-member": one, "initech-admin": one}
	expect("a reservation", acme)
	if _, err := s.Extend(ctx, s.actor("acme-member"), r.ID); err != nil {
		t.Fatal(err)
	}
	own := "reservations"
	expect("an extension", map[string]string{"operator": own, "support-all": own, "acme-admin": own, "acme-support": own, "acme-member": own})
	if _, err := s.Cancel(ctx, s.actor("acme-member"), r.ID, ""); err != nil {
		t.Fatal(err)
	}
	expect("a cancel", acme)
	if err := s.LockSwitch(ctx, root, storetest.Globex, true); err != nil {
		t.Fatal(err)
	}
	expect("a lock", map[string]string{"operator": "account", "support-all": "account", "globex-admin": "account", "globex-member": "account"})
	if err := s.Disable(ctx, root, tel.NewNumber(919, 555, 2001)); err != nil {
		t.Fatal(err)
	}
	everyone := map[string]string{}
	for _, who := range everybody {
		everyone[who] = "shelf"
	}
	expect("a disabled TN", everyone)
	s.Server.Drain()
	for _, who := range everybody {
		streams[who].over(t, 2*time.Second)
	}
}
