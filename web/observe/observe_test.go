package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"tnreserve/web/limit"
)

func TestIDs(t *testing.T) {
	proxy := limit.Proxies{netip.MustParsePrefix("192.0.2.0/24")} // where httptest's requests come from
	for given, taken := range map[string]bool{
		"": false, "a": true, "7f3c1d9e-0b1c-4f6a-9a55-0c2f6f7d2a10": true, "A_b.c-1": true, strings.Repeat("a", mostID): true,
		strings.Repeat("a", mostID+1): false, "9195550123": false, "919-555-0123": false, "a9195550123": false, "a-+19195550123": false, "tn-19195550123-b": false, "a-123456789-123456789.b": true, "a b": false, "a\nlevel=ERROR": false, "a\x1b[2J": false, `a"b`: false, "a/b": false, "<a>": false, "é": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Request-Id"] = []string{given}
		if got := idOf(proxy, r); (got == given) != taken || !safe(got) {
			t.Errorf("%q became %q", given, got)
		}
		if got := idOf(nil, r); got == given || !safe(got) {
			t.Errorf("%q of anybody became %q", given, got)
		}
	}
}

func TestMethods(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if MethodOf(method) != method {
			t.Errorf("%s is %s", method, MethodOf(method))
		}
	}
	for _, method := range []string{"get", "BREW", "9195550123", ""} {
		if MethodOf(method) != "other" {
			t.Errorf("%s is %s", method, MethodOf(method))
		}
	}
}

// A request is told of when it begins and when it has ended, and its line says what
// became of it; also when its handler did not return.
func TestObserved(t *testing.T) {
	var log bytes.Buffer
	var began []string
	var seen []Seen
	o := &Observer{
		Log:   slog.New(slog.NewJSONHandler(&log, nil)),
		Began: func(door string) { began = append(began, door) },
		Ended: func(ctx context.Context, s *Seen) {
			if Of(ctx).ID != s.ID {
				t.Error("another request's context")
			}
			seen = append(seen, *s)
		},
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, r := o.Begin("front", nil, w, r)
		defer q.End()
		q.Route, q.Account, q.Client = "/things/{id}", 9500001, "c1"
		switch r.URL.Path {
		case "/things/abort":
			panic(http.ErrAbortHandler)
		case "/things/silent":
			return
		case "/things/late":
			q.WriteHeader(http.StatusTeapot)
			q.WriteHeader(http.StatusOK)
		}
		_, _ = q.Write([]byte("hello"))
	})
	for _, path := range []string{"/things/1?secret=x", "/things/late", "/things/silent", "/things/abort"} {
		func() {
			defer func() { _ = recover() }()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Header().Get("X-Request-Id") != seen[len(seen)-1].ID {
				t.Errorf("%s: the answer says %q", path, w.Header().Get("X-Request-Id"))
			}
		}()
	}
	if len(began) != 4 || len(seen) != 4 || began[0] != "front" {
		t.Fatalf("%v, %v", began, seen)
	}
	for i, want := range []struct {
		status int
		bytes  int64
	}{{200, 5}, {http.StatusTeapot, 5}, {0, 0}, {0, 0}} {
		if seen[i].Status != want.status || seen[i].Bytes != want.bytes || seen[i].Route != "/things/{id}" {
			t.Errorf("%d: %+v", i, seen[i])
		}
	}
	var line map[string]any
	if err := json.NewDecoder(&log).Decode(&line); err != nil {
		t.Fatal(err)
	}
	delete(line, "time")
	delete(line, "ms")
	delete(line, "id")
	want := map[string]any{"level": "INFO", "msg": "request", "door": "front", "method": "GET", "route": "/things/{id}", "status": 200.0, "bytes": 5.0, "account": "9500001", "client": "c1"}
	for k, v := range want {
		if line[k] != v {
			t.Errorf("%s is %v, not %v", k, line[k], v)
		}
	}
	if len(line) != len(want) {
		t.Errorf("the line has %v", line)
	}
}
