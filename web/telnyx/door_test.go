package telnyx_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/limit"
	"tnreserve/web/telnyx"
)

// Every refusal of the house has a line in every table, no line is for nothing, and
// each code is one of the vendor's with its title.
func TestTablesKnowEveryCode(t *testing.T) {
	for name, table := range telnyx.Tables() {
		for _, code := range tel.Codes() {
			row, ok := table[code]
			if !ok || row.Status < 400 || http.StatusText(row.Status) == "" || telnyx.Titles()[row.Code] == "" {
				t.Errorf("%s: %s has %+v", name, code, row)
			}
		}
		if len(table) != len(tel.Codes()) {
			t.Errorf("%s has %d lines for %d codes", name, len(table), len(tel.Codes()))
		}
		for code, want := range map[tel.Code]string{
			tel.CodeSignIn: "401 10009", tel.CodeForbidden: "403 10010", tel.CodeReservationsOff: "403 10038", tel.CodeNotFound: "404 10005", tel.CodeSlowDown: "429 10011", tel.CodeInternal: "500 10007",
			tel.CodeBusy: "503 10007", tel.CodeTooManyHeld: "422 85007", tel.CodeAtLimit: "422 85008", tel.CodeNoExtensionsLeft: "422 85008",
			tel.CodeNotAvailable: map[string]string{"reservations": "409 85006", "orders": "409 85001"}[name],
		} {
			if got := http.StatusText(table[code].Status) + " " + table[code].Code; got != http.StatusText(atoi(want[:3]))+want[3:] {
				t.Errorf("%s: %s is %s, not %s", name, code, got, want)
			}
		}
	}
	for _, code := range []tel.Code{tel.CodeInternal, tel.CodeBusy, tel.CodeNotFound} {
		if telnyx.Tables()["orders"][code].Text == "" {
			t.Errorf("%s shows the error's own words", code)
		}
	}
}

func atoi(s string) (n int) {
	for _, r := range s {
		n = 10*n + int(r-'0')
	}
	return n
}

// Every title is the vendor's own.
func TestTitles(t *testing.T) {
	f, err := os.Open("testdata/error-codes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	vendor := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if parts := strings.Split(lines.Text(), "\t"); len(parts) > 1 {
			vendor[parts[0]] = parts[1]
		}
	}
	for code, title := range telnyx.Titles() {
		if vendor[code] != title {
			t.Errorf("%s is %q, not %q", code, vendor[code], title)
		}
	}
}

// Who asks: a key, a token, or nobody.
func TestAuthentication(t *testing.T) {
	d := open(t)
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer x", "bearer " + tel.KeyPrefix + "x", "Basic eDp5", "Bearer " + d.clients["acme-admin"].Password, "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30."} {
		r := d.request("", "GET", reservations, "")
		r.Header.Set("Authorization", header)
		a := d.serve(r)
		if a.Code != 401 || a.at("errors.0.code") != "10009" || !strings.HasPrefix(a.Header().Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%q: %d %s", header, a.Code, a.Body)
		}
	}
	actor, err := d.ClientByPassword(ctx, d.clients["acme-admin"].Username, d.clients["acme-admin"].Password, "")
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := d.IssueToken(ctx, actor)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(bearer string) int {
		r := d.request("", "GET", reservations, "")
		r.Header.Set("Authorization", "bEARER  "+bearer)
		return d.serve(r).Code
	}
	if ask(token) != 200 || ask(d.clients["acme-admin"].Key) != 200 {
		t.Error("the token or the key does not work")
	}
	if err := d.RevokeClient(ctx, storetest.Actor(tel.RoleOperator, 0), d.clients["acme-admin"].ID); err != nil {
		t.Fatal(err)
	}
	if ask(token) != 401 || ask(d.clients["acme-admin"].Key) != 401 {
		t.Error("a revoked client comes in")
	}
	for range 60 {
		ask("x")
	}
	if a := d.refused(401, "10009", "", "", "GET", reservations, ""); a.Code != 401 {
		t.Error("no header at all is no attempt")
	}
	r := d.request("", "GET", reservations, "")
	r.Header.Set("Authorization", "Bearer x")
	if a := d.serve(r); a.Code != 429 || a.Header().Get("Retry-After") == "" {
		t.Errorf("guessing is not slowed down: %d", a.Code)
	}
}

// What is no route, and what a route does not take.
func TestUnknown(t *testing.T) {
	d := open(t)
	for path, want := range map[string]int{"/v2": 404, "/v2/": 404, "/v2/nothing": 404, "/v2/number_reservations/": 200, "//v2": 0, "/v2x": 0, "/V2/number_reservations": 0, "/": 0, "/api/v2/x": 0, "/v2//number_orders": 200,
		"/v2/Number_Orders": 404, "/v2/number_reservations/a/b": 404, "/v2/number_reservations/%2e%2e": 404, "/v2/number_reservations/..%2fx": 404} {
		r := d.request("acme-admin", "GET", "/", "")
		r.URL.Path, r.URL.RawPath = strings.ReplaceAll(strings.ReplaceAll(path, "%2e", "."), "%2f", "/"), path
		if a := d.serve(r); a.Code != want && !(want == 0 && a.Code == http.StatusTeapot) {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
	if a := d.refused(405, "10030", "", "acme-admin", "PUT", reservations, "{}"); a.Header().Get("Allow") != "GET, POST" {
		t.Error(a.Header())
	}
	d.refused(405, "10030", "", "acme-admin", "GET", reservations+"/x/actions/extend", "")
	d.refused(401, "10009", "", "", "GET", "/v2/nothing", "")
	r := d.request("acme-admin", "HEAD", reservations, "")
	w := httptest.NewRecorder()
	if d.handler.ServeHTTP(w, r); w.Code != 200 {
		t.Error("HEAD:", w.Code)
	}
	d.want(200, "", "GET", "/v2/openapi.json", "").has(map[string]any{"openapi": "3.0.3"})
	key := d.want(200, "", "GET", "/v2/public_key", "")
	if raw, err := base64.StdEncoding.DecodeString(key.get("data.public")); err != nil || len(raw) != 32 {
		t.Error(key.Body)
	}
}

// Bodies that are refused, each by name.
func TestBodies(t *testing.T) {
	d := open(t)
	for _, path := range []string{reservations, orders} {
		for body, want := range map[string]string{
			`{}`: "400 10004 /phone_numbers", `{"phone_numbers":null}`: "400 10004 /phone_numbers", `{"phone_numbers":[]}`: "400 10004 /phone_numbers", `{"Phone_Numbers":[{"phone_number":"+19195552001"}]}`: "400 10004 /phone_numbers",
			`{"phone_numbers":[{}]}`: "400 10004 /phone_numbers/0/phone_number", `{"phone_numbers":[{"phone_number":null}]}`: "400 10004 /phone_numbers/0/phone_number",
			`{`: "400 10023 ", `{}{}`: "400 10023 ", `{} x`: "400 10023 ", `{"a":1,"a":2}`: "400 10023 ", `{"a":[{"b":{"c":1,"c":1}}]}`: "400 10023 ", `{"a":"` + "\xff" + `"}`: "400 10023 ", "\ufeff{}": "400 10023 ", `{"a":NaN}`: "400 10023 ", `{'a':1}`: "400 10023 ", `{"a":1,}`: "400 10023 ",
			`[]`: "422 10026 ", `null`: "422 10026 ", `"x"`: "422 10026 ", `7`: "422 10026 ",
			`{"phone_numbers":{}}`: "422 10026 /phone_numbers", `{"phone_numbers":"+19195552001"}`: "422 10026 /phone_numbers", `{"phone_numbers":["+19195552001"]}`: "422 10026 /phone_numbers/0",
			`{"phone_numbers":[{"phone_number":19195552001}]}`: "422 10026 /phone_numbers/0/phone_number", `{"phone_numbers":[{"phone_number":"+19195552001"},{"phone_number":true}]}`: "422 10026 /phone_numbers/1/phone_number",
			`{"phone_numbers":[{"phone_number":"+19195552001"}],"customer_reference":7}`:   "422 10026 /customer_reference",
			naming(`,"customer_reference":"a\nb"`, "+19195552001"):                         "422 10027 /customer_reference",
			naming(`,"customer_reference":"`+strings.Repeat("x", 101)+`"`, "+19195552001"): "422 10027 /customer_reference",
			naming("", "9195552001"): "422 10016 /phone_numbers/0/phone_number", naming("", "+1 919 555 2001"): "422 10016 /phone_numbers/0/phone_number", naming("", ""): "422 10016 /phone_numbers/0/phone_number", naming("", "+19195552001", "+0123456789"): "422 10016 /phone_numbers/1/phone_number",
			naming("", "+1919555200100000"): "422 10016 /phone_numbers/0/phone_number", naming("", "+442079460000"): "422 10002 /phone_numbers/0/phone_number", naming("", "+19111112001"): "422 10002 /phone_numbers/0/phone_number", naming("", "+1919555200"): "422 10002 /phone_numbers/0/phone_number",
		} {
			d.refused(atoi(want[:3]), want[4:9], want[10:], "acme-admin", "POST", path, body)
		}
	}
	d.refused(422, "10026", "/connection_id", "acme-admin", "POST", orders, naming(`,"connection_id":7`, "+19195552001"))
	d.refused(422, "10027", "/billing_group_id", "acme-admin", "POST", orders, naming(`,"billing_group_id":"a\u0000"`, "+19195552001"))
	for _, kind := range []string{"", "text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonx"} {
		r := d.request("acme-admin", "POST", reservations, naming("", "+19195552001"))
		r.Header.Set("Content-Type", kind)
		if a := d.serve(r); a.Code != 415 || a.at("errors.0.code") != "10014" {
			t.Errorf("%q: %d", kind, a.Code)
		}
	}
	r := d.request("acme-admin", "POST", reservations, naming("", "+19195552001"))
	r.Header.Set("Content-Type", "Application/JSON; Charset=UTF-8")
	if a := d.serve(r); a.Code != 200 {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// A browser that is made to ask from another site is sent away, and changes nothing.
func TestOtherSites(t *testing.T) {
	d := open(t)
	before := events(d)
	for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		for _, route := range telnyx.Routes() {
			if route[0] == "GET" {
				continue
			}
			r := d.request("acme-admin", route[0], "/v2/"+route[1], naming("", "+19195552001"))
			r.Header.Set(header[0], header[1])
			if a := d.serve(r); a.Code != 403 || a.at("errors.0.code") != "10010" {
				t.Errorf("%v: %v: %d", header, route, a.Code)
			}
		}
	}
	if events(d) != before {
		t.Error("something was changed")
	}
}

// Each client may ask so often, and is told.
func TestLimits(t *testing.T) {
	d := open(t)
	d.hang(limit.New(0.5, 2, d.Now))
	for i, want := range []string{"200 2 1 2 ", "200 2 0 4 ", "429 2 0 2 2"} {
		a := d.do("acme-admin", "GET", reservations, "")
		h := a.Header()
		if got := strings.Join([]string{itoa(a.Code), h.Get("x-ratelimit-limit"), h.Get("x-ratelimit-remaining"), h.Get("x-ratelimit-reset"), h.Get("Retry-After")}, " "); got != want {
			t.Errorf("request %d: %q, not %q", i, got, want)
		}
		if a.Code == 429 {
			a.has(map[string]any{"errors.0.code": "10011"})
		}
	}
	d.want(200, "acme-member", "GET", available+"?filter[limit]=1", "")
	d.Clock.Add(2 * time.Second)
	d.want(200, "acme-admin", "GET", reservations, "")
}

func itoa(n int) string {
	s := ""
	for ; n > 0; n /= 10 {
		s = string(rune('0'+n%10)) + s
	}
	return s
}

// What is foreign is logged and never shown.
func TestForeignErrorsAreNotShown(t *testing.T) {
	d := open(t)
	if err := d.Close(); err != nil { // every call to the store fails now
		t.Fatal(err)
	}
	d.config.ByToken = func(context.Context, string, string) (tel.Actor, error) {
		return tel.Actor{Kind: tel.KindClient, ID: "x", Role: tel.RoleAdmin, Account: storetest.Acme}, nil
	}
	d.hang(nil)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{{"GET", reservations, "", 500}, {"POST", reservations, naming("", "+19195552001"), 503}, {"GET", orders, "", 500}, {"POST", orders, naming("", "+19195552001"), 503}} {
		a := d.refused(c.status, "10007", "", "acme-admin", c.method, c.path, c.body)
		if text := a.Body.String(); strings.Contains(text, "sql") || strings.Contains(text, "closed") || strings.Contains(text, "closing") {
			t.Errorf("%s shows %s", c.path, text)
		}
		if a.Code == 503 && a.Header().Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if !strings.Contains(d.log.String(), "database is closed") {
		t.Error("not logged:", d.log)
	}
}

// A panic is that request's answer.
func TestPanic(t *testing.T) {
	d := open(t)
	d.config.ByToken = func(context.Context, string, string) (tel.Actor, error) { panic("boom") }
	d.hang(nil)
	if a := d.refused(500, "10007", "", "acme-admin", "GET", reservations, ""); strings.Contains(a.Body.String(), "boom") || !strings.Contains(d.log.String(), "boom") {
		t.Error(a.Body, d.log)
	}
}

// What a client sends makes no second line in the log.
func TestLog(t *testing.T) {
	d := open(t)
	d.do("acme-admin", "GET", "/v2/a%0ab%1b%e2%80%a8c?x%0ay=1", "")
	if n := strings.Count(d.log.String(), "\n"); n != 1 || strings.Contains(d.log.String(), d.clients["acme-admin"].Key) {
		t.Errorf("%d lines: %s", n, d.log)
	}
}

// Behind a proxy every client has its own address: in the history, and where failures
// are counted. A header that did not come from the proxy counts for nothing.
func TestProxies(t *testing.T) {
	d := open(t)
	d.config.Proxies = limit.Proxies{netip.MustParsePrefix("127.0.0.0/8")}
	d.hang(nil)
	ask := func(remote, forwarded, key string) answer {
		r := d.request("", "GET", "/v2/number_orders", "")
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", forwarded)
		r.Header.Set("Authorization", "Bearer "+key)
		return d.serve(r)
	}
	for range 60 {
		ask("127.0.0.1:1", "198.51.100.1, 203.0.113.66", "tnr_live_none")
	}
	for _, c := range []struct {
		remote, forwarded string
		want              int
	}{
		{"127.0.0.1:1", "203.0.113.66", 429}, {"127.0.0.1:1", "203.0.113.7", 401}, {"127.0.0.1:1", "198.51.100.1", 401},
		{"203.0.113.66:1", "203.0.113.8", 429}, {"203.0.113.9:1", "203.0.113.66", 401},
	} {
		if got := ask(c.remote, c.forwarded, "tnr_live_none").Code; got != c.want {
			t.Errorf("%s for %s answers %d, not %d", c.remote, c.forwarded, got, c.want)
		}
	}
	r := d.request("acme-admin", "POST", "/v2/number_reservations", `{"phone_numbers":[{"phone_number":"+13125550101"}]}`)
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "198.51.100.1, 2001:db8::7")
	made, err := d.Reservation(ctx, root, d.serve(r).get("data.id"))
	if err != nil {
		t.Fatal(err)
	}
	history, err := d.History(ctx, made)
	if err != nil || history[0].Actor.Addr != "2001:db8::7" {
		t.Errorf("%v %v", history, err)
	}
}
