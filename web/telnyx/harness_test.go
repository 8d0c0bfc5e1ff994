package telnyx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/limit"
	"tnreserve/web/telnyx"
)

var (
	ctx  = context.Background()
	root = tel.System("test")
)

// door is the real handler on a real store, with a client of every role.
type door struct {
	*storetest.Store
	t       testing.TB
	handler http.Handler
	log     *bytes.Buffer
	clients map[string]*store.NewClientCredentials
	config  telnyx.Config
}

var members = map[string]store.NewClient{
	"acme-admin":    {Account: storetest.Acme, Role: tel.RoleAdmin},
	"acme-other":    {Account: storetest.Acme, Role: tel.RoleAdmin},
	"acme-member":   {Account: storetest.Acme, Role: tel.RoleMember},
	"globex-admin":  {Account: storetest.Globex, Role: tel.RoleAdmin},
	"globex-member": {Account: storetest.Globex, Role: tel.RoleMember},
	"initech-admin": {Account: storetest.Initech, Role: tel.RoleAdmin},
}

// chicago is what the recorded requests ask for.
const chicago = "npa,nxx,x,city,state,rate_center,lata,features,tier,monthly_cost\n312,555,0,Chicago,IL,CHICAGO,358,\"sms,voice\",,1.00\n416,555,0,Toronto,ON,TORONTO,888,voice,,1.50\n"

func open(t testing.TB) *door {
	t.Helper()
	s := storetest.Open(t)
	inv, err := intake.Read(ctx, strings.NewReader(chicago), intake.Options{AllowFictional: true})
	if err != nil || inv.RefusedCount > 0 {
		t.Fatal(err, inv)
	}
	if _, err := s.Import(ctx, root, inv, nil); err != nil {
		t.Fatal(err)
	}
	d := &door{Store: s, t: t, log: &bytes.Buffer{}, clients: map[string]*store.NewClientCredentials{}}
	for name, n := range members {
		n.Name = name
		if d.clients[name], err = s.CreateClient(ctx, root, n); err != nil {
			t.Fatal(err)
		}
	}
	d.config = telnyx.Config{Store: s.Store, Log: slog.New(slog.NewTextHandler(&guarded{w: d.log}, nil))}
	d.hang(nil)
	return d
}

// hang makes the handler anew, with limits.
func (d *door) hang(l *limit.Limits) {
	d.config.Limits = l
	d.handler = telnyx.New(d.config).Beside(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the dashboard", http.StatusTeapot)
	}))
}

// guarded lets many write to one buffer.
type guarded struct {
	mu sync.Mutex
	w  io.Writer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(b)
}

// answer is what came, with its JSON as plain values.
type answer struct {
	*httptest.ResponseRecorder
	t    testing.TB
	body map[string]any
}

// serve asks the real handler. Whatever the answer is, it holds what all must.
func (d *door) serve(r *http.Request) answer {
	d.t.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	a := answer{ResponseRecorder: w, t: d.t}
	if w.Code == http.StatusTeapot {
		return a
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
		d.t.Fatalf("%s %s: %d is no JSON: %v: %.200s", r.Method, r.URL, w.Code, err, w.Body)
	}
	checkAnswer(d.t, r, a)
	checkDocument(d.t, r, a)
	return a
}

// checkAnswer is what every answer of the door has in common.
func checkAnswer(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	what := fmt.Sprintf("%s %s: %d %.300s", r.Method, r.URL, a.Code, a.Body)
	h := a.Header()
	if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" {
		t.Errorf("%s: headers %v", what, h)
	}
	errs, _ := a.body["errors"].([]any)
	if (a.Code >= 400) != (len(errs) > 0) {
		t.Errorf("%s: status and errors do not agree", what)
	}
	if (a.Code == 409) != (h.Get("X-Should-Retry") == "false") {
		t.Errorf("%s: x-should-retry %q", what, h.Get("X-Should-Retry"))
	}
	for _, e := range errs {
		e := e.(map[string]any)
		for _, key := range []string{"code", "title", "detail"} {
			if s, ok := e[key].(string); !ok || s == "" {
				t.Errorf("%s: error without %s", what, key)
			}
		}
		if m, ok := e["meta"].(map[string]any); !ok || m["url"] == "" {
			t.Errorf("%s: error without meta.url", what)
		}
	}
}

// request makes one, signed by a client; nobody's for "".
func (d *door) request(who, method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "http://door.test"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c := d.clients[who]; c != nil {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	return r
}

func (d *door) do(who, method, path, body string) answer {
	d.t.Helper()
	return d.serve(d.request(who, method, path, body))
}

// want is do with a status that must be.
func (d *door) want(status int, who, method, path, body string) answer {
	d.t.Helper()
	a := d.do(who, method, path, body)
	if a.Code != status {
		d.t.Fatalf("%s: %s %s with %.200s answers %d, not %d: %s", who, method, path, body, a.Code, status, a.Body)
	}
	return a
}

// refused is want with the vendor's code of the first error and where it is.
func (d *door) refused(status int, code, source, who, method, path, body string) answer {
	d.t.Helper()
	a := d.want(status, who, method, path, body)
	if got := a.get("errors.0.code"); got != code {
		d.t.Errorf("%s %s with %.200s: code %v, not %s: %s", method, path, body, got, code, a.Body)
	}
	if got := fmt.Sprint(a.at("errors.0.source.pointer"), a.at("errors.0.source.parameter")); source != "" && got != source+"<nil>" && got != "<nil>"+source {
		d.t.Errorf("%s %s with %.200s: source %s, not %s", method, path, body, got, source)
	}
	return a
}

// at walks to a value by names and indexes: "data.phone_numbers.0.id".
func (a answer) at(path string) any {
	var v any = a.body
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i := 0
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// get is at for a text that must be there.
func (a answer) get(path string) string {
	a.t.Helper()
	s, ok := a.at(path).(string)
	if !ok {
		a.t.Fatalf("no text at %s: %s", path, a.Body)
	}
	return s
}

// has demands values, as %v writes them.
func (a answer) has(want map[string]any) {
	a.t.Helper()
	for path, v := range want {
		if got := a.at(path); fmt.Sprint(got) != fmt.Sprint(v) {
			a.t.Errorf("%s is %v, not %v: %.600s", path, got, v, a.Body)
		}
	}
}

// reserve is a reservation of an account's, by its id.
func (d *door) reserve(account tel.AccountID, tns ...tel.Number) string {
	d.t.Helper()
	out, err := d.Reserve(ctx, root, tel.ReserveRequest{Account: account, TNs: tns, AllOrNothing: true})
	if err != nil {
		d.t.Fatal(err)
	}
	return out.Reservation.ID
}

// naming is a body that names TNs, with more fields if need be.
func naming(more string, tns ...string) string {
	var list []string
	for _, tn := range tns {
		list = append(list, `{"phone_number":"`+tn+`"}`)
	}
	return `{"phone_numbers":[` + strings.Join(list, ",") + `]` + more + `}`
}

func number(s string) tel.Number {
	n, err := tel.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return n
}
