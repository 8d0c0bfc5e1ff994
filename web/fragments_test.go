package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// TestRegionsOutliveErrors: an error has no part of the page that asked, so what follows
// by itself must not be replaced by one.
func TestRegionsOutliveErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := s.as("acme-admin")
	r := s.reserved("acme-admin", 1)
	for _, path := range []string{"/search?order=asc", "/reservations", "/reservations/" + r.ID, "/orders", "/accounts/9500001"} {
		regions := v.want(200, path).doc().Find("[hx-get]:not([hx-swap=none])")
		if regions.Length() == 0 {
			t.Errorf("%s follows nothing", path)
		}
		regions.Each(func(_ int, e *goquery.Selection) {
			if e.AttrOr("hx-status:4xx", "") != "swap:none" || e.AttrOr("hx-status:5xx", "") != "swap:none" {
				t.Errorf("%s: #%s is replaced by an error", path, e.AttrOr("id", ""))
			}
		})
	}
	// what is held is followed beside filters that were refused too
	v.want(422, "/search?npa=111").has("#mine[hx-get]")
	v.Header = http.Header{"X-Live": {"1"}}
	v.want(200, "/search?npa=111").has("#mine li")
}

// TestAnswersToForms: who loads the page again after a form was refused, or goes back to
// it, is at a page; and what was typed stays where the same may be sent again.
func TestAnswersToForms(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := s.as("acme-admin")
	v.HX = true
	for path, form := range map[string]url.Values{"/accounts/9500001/policy": values("window", "x"), "/accounts/9500002/policy": values("window", "4h"), "/nothing": values("a", "b")} {
		if a := v.post(path, form); a.status < 400 || a.header.Get("HX-Push-Url") != "false" {
			t.Errorf("%s is answered %d and its address becomes %q", path, a.status, a.header.Get("HX-Push-Url"))
		}
	}
	if a := v.get("/search?npa=1"); a.status != http.StatusUnprocessableEntity || a.header.Get("HX-Push-Url") != "" {
		t.Errorf("a refused search is answered %d %q", a.status, a.header.Get("HX-Push-Url"))
	}
	for range 5 {
		v.post("/settings/password", values("old", "wrong wrong", "password", password))
	}
	a := v.post("/settings/password", values("old", "wrong wrong", "password", password))
	if a.status != http.StatusTooManyRequests || a.header.Get("HX-Reswap") != "none" || a.doc().Find("main").Length() > 0 {
		t.Errorf("too many tries are answered %d %q", a.status, a.header.Get("HX-Reswap"))
	}
	a.says("[hx-swap-oob] .toast[data-kind=error]", "Nothing was done")

	// where not even who asks can be read
	s.Clock.Add(time.Minute) // sessions are remembered for a while
	s.alter(`ALTER TABLE session RENAME TO away`)
	stays := func(a *answer, said int) {
		t.Helper()
		if a.status < 500 || a.header.Get("HX-Reswap") != "none" || a.header.Get("HX-Push-Url") != "false" || a.doc().Find("main, nav").Length() > 0 || a.doc().Find("[hx-swap-oob] .toast[data-kind=error]").Length() != said {
			t.Errorf("without a session it is answered %d %q: %s", a.status, a.header.Get("HX-Reswap"), a.body)
		}
	}
	stays(v.post("/accounts/9500001/policy", values("window", "4h")), 1)
	stays(v.get("/reservations"), 1)
	v.Header = http.Header{"X-Live": {"1"}}
	stays(v.get("/reservations"), 0) // the page asks again by itself
	s.alter(`ALTER TABLE away RENAME TO session`)
	v.want(200, "/reservations")
}

// TestSignInFromAnOpenPage: whatever a page asks when its session is over leads to
// signing in, and from there back to where its reader stood.
func TestSignInFromAnOpenPage(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := s.as("acme-member")
	v.want(200, "/search")
	s.Clock.Add(13 * time.Hour)
	const stood = "/search?npa=919&order=asc"
	v.get("/live").is(http.StatusNoContent)
	why := v.request("HEAD", "/live", nil)
	why.Header.Set("HX-Request", "true")
	if a := v.send(why); !strings.HasPrefix(a.header.Get("HX-Redirect"), "/sign-in?ended=1") {
		t.Errorf("after its stream ended the page is led to %q", a.header.Get("HX-Redirect"))
	}
	for name, c := range map[string]struct {
		method, path, next string
		headers            []string
	}{
		"its rows":                {"GET", "/search/rows?tn=9192000001", stood, []string{"HX-Request", "X-Live"}},
		"the page by itself":      {"GET", stood, stood, []string{"HX-Request", "X-Live"}},
		"another page":            {"GET", "/reservations?q=x", "/reservations?q=x", []string{"HX-Request"}},
		"a form":                  {"POST", "/reservations", stood, []string{"HX-Request"}},
		"the state of its stream": {"HEAD", "/live", stood, []string{"HX-Request"}},
		"going back":              {"GET", "/reservations", "/reservations", []string{"HX-History-Restore-Request"}},
	} {
		req := v.request(c.method, c.path, values())
		for _, h := range c.headers {
			req.Header.Set(h, map[bool]string{true: "1", false: "true"}[h == "X-Live"])
		}
		req.Header.Set("HX-Current-URL", s.URL+stood)
		a := v.send(req)
		to, err := url.Parse(a.header.Get("HX-Redirect"))
		if err != nil || a.status != http.StatusUnauthorized || to.Path != "/sign-in" || to.Query().Get("next") != c.next {
			t.Errorf("%s is answered %d and leads to %q", name, a.status, to)
		}
	}
	req := v.request("POST", "/reservations", values())
	req.Header.Set("HX-Request", "true")
	req.Header.Set("HX-Current-URL", "https://evil.example/x")
	if a := v.send(req); a.header.Get("HX-Redirect") != "/sign-in?ended=1" && a.header.Get("HX-Redirect") != "/sign-in" {
		t.Errorf("an address that is no page leads to %q", a.header.Get("HX-Redirect"))
	}
}
