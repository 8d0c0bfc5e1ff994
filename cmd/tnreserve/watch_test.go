package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"tnreserve/store/storetest"
	"tnreserve/web"
)

// book is a log or an output that is read while it is written.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// here is a server in this process.
type here struct {
	t    *testing.T
	url  string
	log  *book
	stop func()
	code chan int
}

func serveHere(t *testing.T, env []string, args ...string) *here {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	h := &here{t: t, log: &book{}, stop: stop, code: make(chan int, 1)}
	out := &book{}
	getenv := func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	go func() {
		h.code <- run(ctx, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...), strings.NewReader(""), out, h.log, getenv)
	}()
	t.Cleanup(stop)
	h.url = strings.TrimPrefix(await(t, out, "tnreserve serves "), "tnreserve serves ")
	return h
}

// await is the first line that begins so.
func await(t *testing.T, out *book, begin string) string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, begin) && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line)
			}
		}
	}
	t.Fatalf("no line with %q in:\n%s", begin, out)
	return ""
}

// ended stops the server and waits.
func (h *here) ended() {
	h.t.Helper()
	h.stop()
	select {
	case code := <-h.code:
		if code != 0 {
			h.t.Errorf("serve ended with %d:\n%s", code, h.log)
		}
	case <-time.After(20 * time.Second):
		h.t.Fatal("serve did not end")
	}
}

// ask makes a request and expects a status. header are names and values in turn.
func (h *here) ask(c *http.Client, want int, method, path, body string, header ...string) (string, http.Header) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	if answer.StatusCode != want {
		h.t.Errorf("%s %s: %s, not %d: %.300s", method, path, answer.Status, want, text)
	}
	return string(text), answer.Header
}

// askTooOften asks until it is refused once.
func (h *here) askTooOften(c *http.Client, header []string) {
	h.t.Helper()
	for range 100 {
		r, err := http.NewRequest(http.MethodGet, h.url+"/v2/number_orders", nil)
		if err != nil {
			h.t.Fatal(err)
		}
		r.Header.Set(header[0], header[1])
		answer, err := c.Do(r)
		if err != nil {
			h.t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusTooManyRequests {
			return
		}
	}
	h.t.Error("it may ask as often as it likes")
}

// scrape reads the metrics: a value by name and labels.
func scrape(t *testing.T, url string) (map[string]float64, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer.Status, err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			values[line[:i]], _ = strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64)
		}
	}
	return values, string(text)
}

// collector is an OpenTelemetry collector that keeps what arrives.
type collector struct {
	mu    sync.Mutex
	raw   []byte
	paths []string
	spans []*tracepb.Span
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var got collectorpb.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &got); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	c.paths = append(c.paths, r.URL.Path)
	for _, resource := range got.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// TestWatched drives every door, with secrets and TNs in all places that have room for
// them, and looks at what is told of it: figures that move, a line each, spans; and
// nowhere a secret or a TN.
func TestWatched(t *testing.T) {
	db := newDB(t)
	must(t, "import", "--db", db, writeFile(t, "npa,nxx,city,state\n919,247,Raleigh,NC\n"))
	made := must(t, "client", "create", "--db", db, "--account", "9500012", "--name", "watched", "--role", "admin", "--json")
	var client struct{ Username, Password, Key string }
	if err := json.Unmarshal([]byte(made.out), &client); err != nil {
		t.Fatal(err)
	}
	const password = "correct-horse-battery"
	if r := call(t, password+"\n", nil, "user", "create", "--db", db, "--email", "o@carrier.example", "--role", "operator", "--password-stdin"); r.code != 0 {
		t.Fatal(r.err)
	}
	collector := &collector{}
	traced := httptest.NewServer(collector)
	defer traced.Close()
	h := serveHere(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + traced.URL}, "--db", db, "--metrics-addr", "127.0.0.1:0", "--log-format", "json", "--client-rate", "0.01", "--client-burst", "40",
		"--trusted-proxy", "127.0.0.1/32,::1/128", "--base-url", "http://numbers.example.com")
	var line struct{ URL string }
	if err := json.Unmarshal([]byte(await(t, h.log, "serving metrics")), &line); err != nil {
		t.Fatal(err)
	}
	before, _ := scrape(t, line.URL)

	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	program := &http.Client{CheckRedirect: browser.CheckRedirect}
	basic := func(r ...string) []string {
		req := &http.Request{Header: http.Header{}}
		req.SetBasicAuth(client.Username, client.Password)
		return append(r, "Authorization", req.Header.Get("Authorization"))
	}
	const traceID, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	secrets := []string{client.Password, client.Key, password, strings.TrimPrefix(basic()[1], "Basic ")}
	tns := []string{"9192470101", "919-247-0101", "919%2D247", "9192470102", "9192470103", "919 247"}

	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	h.ask(browser, 401, "POST", "/sign-in?sEcReT0=1", url.Values{"email": {"sEcReT1@x.example"}, "password": {"sEcReT2"}}.Encode(), form...)
	h.ask(browser, 303, "POST", "/sign-in", url.Values{"email": {"o@carrier.example"}, "password": {password}}.Encode(), form...)
	for _, path := range []string{"/setup/sEcReT3", "/enter/sEcReT4?x=sEcReT5", "/reset/sEcReT6", "/invitations/sEcReT7", "/buy/sEcReT8"} {
		h.ask(program, map[bool]int{true: 404, false: 410}[strings.HasPrefix(path, "/buy")], "GET", path, "")
	}
	h.ask(browser, 200, "GET", "/lookup?q=919-247-0101", "", "X-Other", "sEcReT9")
	h.ask(browser, 404, "GET", "/reservations/9192470101", "")
	h.ask(program, 404, "GET", "/no/such/9192470101", "")
	h.ask(program, 405, "BREW9192470101", "/", "", "User-Agent", "sEcReT13", "X-Forwarded-For", "9192470101")
	_, header := h.ask(program, 200, "GET", "/sign-in", "", "X-Request-Id", "from-the-proxy-7")
	if got := header.Get("X-Request-Id"); got != "from-the-proxy-7" {
		t.Errorf("the answer's id is %q", got)
	}
	secrets = append(secrets, "sEcReT")
	for _, c := range jar.Cookies(mustParse(t, h.url)) {
		secrets = append(secrets, c.Value)
	}

	api := "/api/v1/accounts/9500012"
	xml := []string{"Content-Type", "application/xml"}
	reserve := `<Reservation><ReservedTn>9192470101</ReservedTn></Reservation>`
	_, header = h.ask(program, 201, "POST", api+"/tnreservation?sEcReT10=1", reserve, basic(append(xml, "traceparent", "00-"+traceID+"-"+parent+"-01", "X-Request-Id", "traced")...)...)
	id := header.Get("Location")[strings.LastIndexByte(header.Get("Location"), '/')+1:]
	h.ask(program, 200, "GET", api+"/tnreservation/"+id, "", basic()...)
	h.ask(program, 200, "GET", "/api/tns/9192470102/tndetails", "", basic()...)
	h.ask(program, 401, "GET", api+"/tnreservation", "", "Authorization", "Bearer sEcReT11")
	bearer := []string{"Authorization", "Bearer " + client.Key, "Content-Type", "application/json"}
	h.ask(program, 409, "POST", "/v2/number_reservations", `{"phone_numbers":[{"phone_number":"+19192470101"}]}`, bearer...)
	h.ask(program, 200, "POST", "/v2/number_orders", `{"phone_numbers":[{"phone_number":"+19192470103"}]}`, bearer...)
	h.ask(program, 404, "DELETE", "/v2/number_reservations/"+id+"/phone_numbers/+19192470102", "", bearer...)
	h.ask(program, 401, "GET", "/v2/number_orders", "", "Authorization", "Bearer tnr_live_sEcReT12")
	h.ask(program, 200, "DELETE", api+"/tnreservation/"+id, "", basic()...)
	h.askTooOften(program, bearer)

	after, text := scrape(t, line.URL)
	moved := func(series string) float64 { return after[series] - before[series] }
	for series, want := range map[string]float64{
		`tnreserve_http_requests_total{door="bandwidth",method="POST",route="accounts/{account}/tnreservation",status="2xx"}`: 1,
		`tnreserve_http_requests_total{door="telnyx",method="POST",route="number_reservations",status="4xx"}`:                 1,
		`tnreserve_http_requests_total{door="dashboard",method="GET",route="/enter/{token}",status="4xx"}`:                    1,
		`tnreserve_http_requests_total{door="dashboard",method="POST",route="/sign-in",status="3xx"}`:                         1,
		`tnreserve_http_request_duration_seconds_count{door="dashboard",method="GET",route="/lookup"}`:                        1,
		`tnreserve_http_requests_limited_total{door="telnyx"}`:                                                                1,
		`tnreserve_http_requests_in_flight{door="telnyx"}`:                                                                    0,
		`tnreserve_reservations_total{outcome="created"}`:                                                                     1,
		`tnreserve_reservations_total{outcome="cancelled"}`:                                                                   1,
		`tnreserve_reservations_total{outcome="expired"}`:                                                                     0,
		`tnreserve_reservations_refused_total{code="held_by_you"}`:                                                            1,
		`tnreserve_orders_total{state="complete"}`:                                                                            1,
		`tnreserve_shelf_free_tns`: -1,
		`tnreserve_held_tns`:       0,
	} {
		if got := moved(series); got != want {
			t.Errorf("%s moved by %v, not %v", series, got, want)
		}
	}
	for series, least := range map[string]float64{
		"tnreserve_database_up": 1, "tnreserve_shelf_tns": 10_000, "tnreserve_database_size_bytes": 4096, "tnreserve_transaction_changes_count": 3,
		"tnreserve_commit_duration_seconds_count": 3, "go_goroutines": 5, `tnreserve_database_connections{pool="writers",state="in_use"}`: 1,
	} {
		if after[series] < least {
			t.Errorf("%s is %v", series, after[series])
		}
	}
	if behind := after["tnreserve_shelf_lag_seconds"]; behind <= 0 || behind > 5 || after["tnreserve_shelf_lag_events"] != 0 {
		t.Errorf("the shelf is %v s behind", behind)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Error(err)
	}
	own, _ := h.ask(browser, 200, "GET", "/metrics", "")
	if !strings.Contains(own, "tnreserve_build_info{") {
		t.Errorf("an operator sees %.200s", own)
	}
	h.ask(program, 303, "GET", "/metrics", "")
	for i := range 30 {
		h.ask(program, 404, "GET", fmt.Sprintf("/no/such/%d", i), "")
	}
	later, _ := scrape(t, line.URL)
	if more := len(later) - len(after); more > 40 { // the page /metrics itself, on two counts
		t.Errorf("30 addresses that are none made %d series", more)
	}
	h.ended()

	log := h.log.String()
	requests := 0
	for l := range strings.Lines(log) {
		var one map[string]any
		if err := json.Unmarshal([]byte(l), &one); err != nil {
			t.Errorf("no line of JSON: %s", l)
		}
		if one["msg"] == "request" {
			requests++
		}
		if one["id"] == "traced" && (one["door"] != "bandwidth" || one["account"] != "9500012" || one["status"] != 201.0 || one["route"] != "accounts/{account}/tnreservation") {
			t.Errorf("%s", l)
		}
	}
	if requests < 50 {
		t.Errorf("%d requests in the log", requests)
	}
	for _, s := range append(secrets, tns...) {
		for what, where := range map[string]string{"the log": log, "the metrics": text, "the traces": string(collector.raw)} {
			if i := strings.Index(where, s); i >= 0 {
				t.Errorf("%s says %q: …%s…", what, s, where[max(0, i-100):min(len(where), i+40)])
			}
		}
	}
	if strings.Contains(text, "9500012") {
		t.Error("the metrics name an account")
	}
	collector.look(t, traceID, parent)
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// look finds the spans of one trace, each below the one before.
func (c *collector) look(t *testing.T, traceID, parent string) {
	t.Helper()
	if len(c.spans) == 0 || c.paths[0] != "/v1/traces" {
		t.Fatalf("%d spans at %v", len(c.spans), c.paths)
	}
	for _, name := range []string{"POST accounts/{account}/tnreservation", "change", "transaction", "commit"} {
		found := ""
		for _, s := range c.spans {
			if hex.EncodeToString(s.TraceId) == traceID && hex.EncodeToString(s.ParentSpanId) == parent && s.Name == name {
				found = hex.EncodeToString(s.SpanId)
				if s.EndTimeUnixNano < s.StartTimeUnixNano {
					t.Errorf("%s ends before it begins", name)
				}
			}
		}
		if found == "" {
			t.Fatalf("no span %q below %s", name, parent)
		}
		parent = found
	}
	for _, s := range c.spans {
		if s.Name == "request" || strings.HasSuffix(s.Name, "/healthz") {
			t.Errorf("a span is %s", s.Name)
		}
	}
}

// Without an endpoint nothing is made that could send.
func TestUntraced(t *testing.T) {
	w, err := new(watching).watch(quietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	h := http.NewServeMux()
	if w.traces != nil || w.store().Change != nil || w.handler(h) != http.Handler(h) {
		t.Error("it traces")
	}
}

func TestWatchingFlags(t *testing.T) {
	db := newDB(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--otlp-endpoint", "collector:4317"}, "--otlp-endpoint"},
		{[]string{"--metrics-addr", "9090"}, "--metrics-addr"},
		{[]string{"--drain-delay", "-1s"}, "--drain-delay"},
		{[]string{"--log-format", "xml"}, "--log-format"},
		{[]string{"--drain-delay", "soon"}, "--drain-delay"},
	} {
		if r := call(t, "", nil, append([]string{"serve", "--db", db, "--addr", "127.0.0.1:0"}, c.args...)...); r.code != exitUsage || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: %d %s", c.args, r.code, r.err)
		}
	}
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	if r := call(t, "", nil, "serve", "--db", db, "--addr", "127.0.0.1:0", "--metrics-addr", taken.Listener.Addr().String()); r.code != exitFailed || !strings.Contains(r.err, "--metrics-addr") {
		t.Errorf("%d %s", r.code, r.err)
	}
}

// A server that is told to end says so first and goes on as before, new connections
// and all, so that a load balancer has time.
func TestDrainDelay(t *testing.T) {
	h := serveHere(t, nil, "--db", newDB(t), "--drain-delay", "5s")
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if text, header := h.ask(fresh, 200, "GET", "/readyz", ""); strings.TrimSpace(text) != `{"ready":true}` || header.Get("Content-Type") != "application/json" {
		t.Error(text, header)
	}
	asked := time.Now()
	h.stop()
	for leaving := false; !leaving; {
		answer, err := fresh.Get(h.url + "/readyz")
		if err != nil {
			t.Fatalf("after %v: %v", time.Since(asked), err)
		}
		leaving = answer.StatusCode == 503
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if leaving && !strings.Contains(string(text), "about to end") {
			t.Errorf("%s", text)
		}
	}
	h.ask(fresh, 200, "GET", "/healthz", "")
	h.ask(fresh, 200, "GET", "/sign-in", "")
	if code := <-h.code; code != 0 || time.Since(asked) < 4900*time.Millisecond {
		t.Errorf("it ended with %d after %v", code, time.Since(asked))
	}
}

// While a server loads it says so to who watches it, and lets others wait; one that is
// told to end meanwhile turns them away.
func TestLoading(t *testing.T) {
	for name, want := range map[string]int{"loaded": http.StatusOK, "ended": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			db := newDB(t)
			other, err := sql.Open("sqlite", db)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			other.SetMaxOpenConns(1)
			if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil { // the server waits for it
				t.Fatal(err)
			}
			addr := net.JoinHostPort(proxyAddress, freePort(t))
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			h := &here{t: t, url: "http://" + addr, log: &book{}, stop: stop, code: make(chan int, 1)}
			go func() {
				h.code <- run(ctx, []string{"serve", "--addr", addr, "--db", db}, strings.NewReader(""), &book{}, h.log, func(string) string { return "" })
			}()
			awaitPort(t, addr)
			if text, header := h.ask(http.DefaultClient, 503, "GET", "/readyz", ""); !strings.Contains(text, "loading") || header.Get("Content-Type") != "application/json" || header.Get("Retry-After") == "" {
				t.Error(text, header)
			}
			h.ask(http.DefaultClient, 200, "GET", "/healthz", "")
			var waited atomic.Bool
			var waits sync.WaitGroup
			waits.Go(func() {
				h.ask(http.DefaultClient, want, "GET", "/sign-in", "")
				if !waited.Load() {
					t.Error("it was answered before the end of the loading")
				}
			})
			time.Sleep(200 * time.Millisecond)
			waited.Store(true)
			if want != http.StatusOK {
				stop()
			}
			if _, err := other.Exec("ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			waits.Wait()
			if want == http.StatusOK {
				h.ask(http.DefaultClient, 200, "GET", "/readyz", "")
				h.ended()
			}
		})
	}
}

func awaitPort(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s", addr)
}

// What it costs to be watched, on a page of a few kilobytes.
func BenchmarkWatched(b *testing.B) {
	s := storetest.Open(b)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer sink.Close()
	for _, c := range []struct{ name, endpoint string }{{"log", ""}, {"log,metrics", ""}, {"log,metrics,traces", sink.URL}} {
		b.Run(c.name, func(b *testing.B) {
			cfg := web.Config{Store: s.Store, Log: log}
			w, err := (&watching{OTLPEndpoint: c.endpoint}).watch(log)
			if err != nil {
				b.Fatal(err)
			}
			defer w.close()
			if c.name != "log" {
				cfg.Observer = w.observer(log)
			}
			srv, err := web.New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			h := w.handler(srv.Handler())
			for b.Loop() {
				answer := httptest.NewRecorder()
				if h.ServeHTTP(answer, httptest.NewRequest("GET", "/sign-in", nil)); answer.Code != 200 && answer.Code != 303 {
					b.Fatal(answer.Code)
				}
			}
		})
	}
}
