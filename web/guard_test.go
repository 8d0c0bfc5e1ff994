package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/alexedwards/argon2id"

	"tnreserve/static"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// furnished is a site with something on every page, and what it is.
func furnished(t *testing.T) (*site, target) {
	s := open(t)
	w := &walker{site: s, operator: s.as("operator"), bodies: map[string]target{}}
	to := w.fresh(storetest.Acme)
	w.fresh(storetest.Globex)
	if _, err := s.Cancel(ctx, s.actor("acme-admin"), s.reserved("acme-admin", 2).ID, "changed their mind"); err != nil {
		t.Fatal(err)
	}
	s.reserved("acme-admin", 1)
	return s, to
}

// everyGet are addresses of every page, export and peek, with what can be asked of
// them.
func everyGet(to target) []string {
	list := []string{
		"/search?seed=1&contains=4?2&npa=919,984&place=raleigh&state=NC&lata=426&type=local&order=asc", "/search?order=desc&cursor=x",
		"/search?starts=FLOWERS&ends=00&run=5&nxx=555-2&city=Raleigh&rc=RALEIGH&seed=2", "/search?seed=1&npa=212&contains=99999",
		"/reservations?show=ended&q=" + to.tn, "/reservations?sort=-created&q=ref", "/reservations.csv?show=ended", "/reservations?cursor=bad",
		"/reservations/cancel?id=" + to.live + "&back=/reservations", "/reservations/cancel", "/lookup?q=" + url.QueryEscape("tel:+1-"+to.tn[:3]+"-"+to.tn[3:6]+"-"+to.tn[6:]),
		"/inventory?by=rc&within=919", "/inventory?by=npa", "/inventory?within=nowhere", "/sign-in?next=/search&ended=1", "/sign-in?out=1",
	}
	for _, st := range walk {
		if st.form == nil {
			list = append(list, st.path(to))
		}
	}
	return list
}

func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	s, to := furnished(t)
	visitors := []*visitor{s.stranger()}
	for _, who := range everybody {
		visitors = append(visitors, s.as(who))
	}
	paths := everyGet(to)
	look := func(v *visitor) {
		v.Still = true
		for _, v.HX = range []bool{false, true} {
			for _, path := range paths {
				before := s.version()
				if a := v.get(path); a.status >= 500 {
					t.Errorf("%s: GET %s answers %d", v.who, path, a.status)
				}
				if s.version() != before && !platform(v.who) {
					t.Errorf("%s: GET %s wrote to the database", v.who, path)
				}
				if a := v.do(http.MethodHead, path, nil); a.status >= 500 || a.body != "" {
					t.Errorf("%s: HEAD %s answers %d with %q", v.who, path, a.status, a.body)
				}
			}
		}
	}
	dump := func() []string {
		// that somebody of the platform looked into an account is all that may be new
		return slices.DeleteFunc(s.dump(), func(line string) bool {
			return strings.Contains(line, " kind=desk.looked_up ") || strings.HasPrefix(line, "event_end ")
		})
	}
	before := dump()
	for _, v := range visitors {
		look(v)
	}
	after := dump()
	if d := difference(before, after); d != "" {
		t.Errorf("looking changed the database:\n%s", d)
	}
}

// platform tells who sees every account, and leaves a trace where they look.
func platform(who string) bool { return who == "operator" || who == "support-all" }

func TestWritesFromElsewhereAreRefused(t *testing.T) {
	s, to := furnished(t)
	v := s.as("operator")
	v.Still = true
	posts := 0
	s.unchanged("a write from elsewhere", func() {
		for _, st := range walk {
			if st.form == nil {
				continue
			}
			posts++
			for what, header := range map[string]http.Header{
				"cross-site":          {"Sec-Fetch-Site": {"cross-site"}},
				"same-site":           {"Sec-Fetch-Site": {"same-site"}},
				"cross-site as htmx":  {"Sec-Fetch-Site": {"cross-site"}, "Hx-Request": {"true"}},
				"our origin is a lie": {"Sec-Fetch-Site": {"cross-site"}, "Origin": {s.URL}},
				"no origin":           {"Sec-Fetch-Site": nil, "Origin": {"null"}},
				"foreign origin":      {"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}},
				"another port":        {"Sec-Fetch-Site": nil, "Origin": {"http://127.0.0.1:1"}},
				"our name in theirs":  {"Sec-Fetch-Site": nil, "Origin": {s.URL + ".evil.example"}},
			} {
				v.Header = header
				a := v.post(st.path(to), st.form(to))
				if a.status != http.StatusForbidden {
					t.Errorf("%s, %s: %d", st.pattern, what, a.status)
				}
				if a.header.Get("Content-Security-Policy") == "" || len(a.header["Set-Cookie"]) > 0 {
					t.Errorf("%s, %s: headers %v", st.pattern, what, a.header)
				}
			}
		}
	})
	if posts < 20 {
		t.Errorf("only %d writes tried", posts)
	}
	// A client that says nothing of where it comes from is none that a stranger's page
	// can drive; ours say "same-origin" or the origin.
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"same-origin"}}, {"Sec-Fetch-Site": nil, "Origin": {s.URL}}, {"Sec-Fetch-Site": {"none"}}} {
		v.Header = header
		if a := v.post("/theme", values("theme", "dark")); a.status != http.StatusSeeOther {
			t.Errorf("our own form with %v: %d", header, a.status)
		}
	}
	// Reading is no write, wherever it comes from.
	v.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	v.want(200, "/accounts")
}

// chance are ids, and names that are counted by all tests together.
var chance = regexp.MustCompile(`(?i)walked[ -]\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// Mass assignment: fields that a form does not have change nothing.
func TestExtraFieldsChangeNothing(t *testing.T) {
	t.Parallel()
	const evePassword = "long enough for eve"
	extra := func(form url.Values, mine ...string) url.Values {
		out := url.Values{}
		for name, vs := range form {
			out[name] = vs
		}
		for name, value := range map[string]string{
			"role": "operator", "platform": "operator", "account": "9500002", "account_id": "9500002", "acting": "9500002", "person_id": "1",
			"expires_at": "9999999999999999", "limit_at": "9999999999999999", "created_at": "0", "ended_at": "1", "state": "ordered", "extensions": "0",
			"created_by": "eve", "created_by_name": "eve", "id": "9500777", "seq": "1", "tn_count": "0", "held": "0",
			"limit_window": "720h", "limit_ceiling": "720h", "limit_max_held": "999999", "limit_max_share": "100", "switch_locked": "0", "locked": "0", "reservations_on": "1", "on": "1",
			"max_held": "999999", "max_share": "100", "window": "720h", "ceiling": "720h", "max_extensions": "99", "max_per_reservation": "999", "cooldown": "0s",
			"email": "eve@example.com", "password": evePassword, "name": "Eve", "reason": "eve", "note": "eve", "customer_reference": "eve", "for": "1s", "how": "any", "live": "end",
		} {
			if _, has := form[name]; !has && !slices.Contains(mine, name) {
				out.Set(name, value)
			}
		}
		return out
	}
	// mine are fields of the extras that a form really has.
	mine := map[string][]string{
		"POST /reservations":              {"note", "customer_reference", "for", "how"},
		"POST /reservations/cancel":       {"reason"},
		"POST /accounts/{account}/switch": {"live"},
		"POST /accounts":                  {"on"},
		"POST /orders":                    {"name"},
		"POST /orders/{id}":               {"name"},
		"POST /numbers/disconnect":        {"name"},
		"POST /people":                    {"name"},
	}
	// What the same form does alone and with everything else in it, on two sites that
	// began alike; each in the form, and in the address of a form. The walk has every form.
	play := func(more string) []string {
		s := open(t)
		w := &walker{site: s, operator: s.as("operator"), bodies: map[string]target{}}
		for _, st := range walk {
			if st.form == nil {
				continue
			}
			who := "operator"
			for _, may := range []string{"acme-admin", "acme-member"} {
				if status := st.own.of(may); status != http.StatusForbidden && status != http.StatusNotFound {
					who = may
				}
			}
			to, want := w.fresh(storetest.Acme), st.own.of(who)
			if st.pattern == "POST /accounts" {
				to.account, want = "9600000", st.unknown.of(who)
			}
			v := s.as(who)
			v.Still = true
			form, path := st.form(to), st.path(to)
			switch more {
			case "form":
				form = extra(form, mine[st.pattern]...)
			case "address":
				path += "?" + extra(form, mine[st.pattern]...).Encode()
			}
			if got := v.post(path, form); got.status != want {
				t.Errorf("%s %s with more in the %s: %d, not %d: %s", who, st.pattern, more, got.status, want, got.text("#main"))
			}
			w.settle()
		}
		for _, hash := range s.column(`SELECT password FROM person WHERE password <> ''`) {
			if match, err := argon2id.ComparePasswordAndHash(evePassword, hash); match || err != nil {
				t.Errorf("more fields in the %q have set somebody's password (%v)", more, err)
			}
		}
		// Ids and tokens are chance: what is compared is everything else.
		var lines []string
		for _, query := range []string{
			`SELECT name || reservations_on || switch_locked || ending || window_us || '/' || ceiling_us || '/' || max_extensions || '/' || max_held || '/' || max_per_reservation || '/' || cooldown_us || '/' || max_share || '/' || limit_max_share || '/' ||
				limit_window_us || '/' || limit_ceiling_us || '/' || limit_max_extensions || '/' || limit_max_held || '/' || limit_max_per_reservation || '/' || limit_cooldown_us || '/' || held || '/' || created_at FROM account ORDER BY id`,
			`SELECT account_id || state || created_at || '/' || expires_at || '/' || limit_at || '/' || extensions || '/' || tn_count || customer_reference || '/' || note || '/' || created_by_name || created_door || ended_by_name || end_reason FROM reservation ORDER BY seq`,
			`SELECT tn || '/' || reservation FROM hold ORDER BY tn`, `SELECT tn || how FROM past_hold ORDER BY tn`, `SELECT tn || state || COALESCE(account_id, '') || '/' || COALESCE(order_seq, '') FROM tn_state ORDER BY tn`,
			`SELECT account_id || kind || state || quantity || completed || partial_allowed || back_order || customer_order_id || '/' || reference || '/' || name || '/' || site_id || peer_id || created_by_name || created_door FROM orders ORDER BY seq`,
			`SELECT aging_us FROM account ORDER BY id`, `SELECT account_id || questions || checkout_url || offer_similar || shop_on || slug || '/' || window_us || '/' || most_held FROM selling`,
			`SELECT reservation || '/' || account_id || created_by_name || buyer || paying || renewals || '/' || accepted || '/' || COALESCE(order_seq, '') || '/' || COALESCE(paid_at, '') || '/' || COALESCE(revoked_at, '') FROM purchase`,
			`SELECT email || '/' || name || '/' || platform || '/' || (password = '') || '/' || zone || theme || (off_at IS NULL) || (sso IS NULL) FROM person ORDER BY email`,
			`SELECT email || account_id || role || (membership.off_at IS NULL) FROM membership JOIN person ON id = person_id ORDER BY 1`,
			`SELECT email || account_id || role FROM invitation ORDER BY 1`, `SELECT account_id || name || '/' || role || (expires_at IS NULL) || (revoked_at IS NULL) FROM client ORDER BY 1`,
			`SELECT account_id || url || '/' || events || (paused_at IS NULL) || (deleted_at IS NULL) FROM endpoint ORDER BY 1`, `SELECT id || second_factor FROM account ORDER BY id`,
			`SELECT email || account_id FROM session JOIN person ON person.id = person_id ORDER BY 1`, `SELECT who FROM sign_in_failure ORDER BY 1`,
			`SELECT kind || account_id || '/' || reservation || actor_name || actor_role || door FROM event WHERE kind NOT LIKE 'person.created' ORDER BY seq`,
		} {
			lines = append(lines, s.column(query)...)
		}
		for i, line := range lines {
			lines[i] = chance.ReplaceAllString(line, "?")
		}
		return lines
	}
	alone := play("")
	for _, more := range []string{"form", "address"} {
		if d := difference(alone, play(more)); d != "" {
			t.Errorf("more fields in the %s have done something:\n%s", more, d)
		}
	}
}

func TestWaysBackStayHere(t *testing.T) {
	t.Parallel()
	s := open(t)
	away := []string{
		`/\evil.com`, `//evil.com`, "/\t/evil.com", "https://evil.com", "http:evil.com", "javascript:alert(1)", "data:text/html,x", `\\evil.com`, "///evil.com", "/%5cevil.com", "/%2f/evil.com",
		"/nothing-here", "evil.com", "search", " //evil.com", "/\n/evil.com", "/search\r\nSet-Cookie: a=b", "http://" + strings.TrimPrefix(s.URL, "http://") + "@evil.com/", s.URL + "/search",
		"/search\x00", "/sign-out", "/reservations/1/extend", "?next", "#x", "/" + strings.Repeat("x", 3000),
	}
	for _, to := range away {
		if got := s.Server.LocalPath(to); got != "" {
			t.Errorf("%q counts as an address of ours: %q", to, got)
		}
	}
	for _, to := range []string{"/", "/search?npa=919&seed=1", "/reservations/cancel?id=1", "/accounts/9500001", "/lookup?q=%2F%2Fevil.com"} {
		if got := s.Server.LocalPath(to); got != to {
			t.Errorf("%q becomes %q", to, got)
		}
	}
	v, door := s.as("acme-admin"), s.stranger()
	v.Still, door.Still = true, true
	r := s.reserved("acme-admin", 2)
	if _, err := s.CreatePerson(ctx, root, withPassword("way@example.com")); err != nil {
		t.Fatal(err)
	}
	for _, to := range away {
		for _, a := range []*answer{
			v.post("/theme", values("theme", "dark", "back", to)),
			v.post("/reservations/"+r.ID+"/extend", values("back", to)),
			v.post("/reservations", values("tn", "5", "back", to)),
			v.post("/reservations/cancel", values("id", r.ID, "back", to)),
			v.post("/accounts/9500001/switch", values("on", "1", "back", to)),
		} {
			loc := a.header.Get("Location")
			u, err := url.Parse(loc)
			if a.status != http.StatusSeeOther || err != nil || u.Host != "" || u.Scheme != "" || s.Server.LocalPath(loc) == "" {
				t.Errorf("back=%q leads to %d %q", to, a.status, loc)
			}
		}
		for _, a := range []*answer{v.get("/reservations/cancel?id=" + r.ID + "&back=" + url.QueryEscape(to)), door.get("/sign-in?next=" + url.QueryEscape(to))} {
			a.doc().Find("#main a, #main [name=back], #main [name=next]").Each(func(_ int, e *goquery.Selection) {
				if strings.Contains(e.AttrOr("href", "")+e.AttrOr("value", ""), "evil") || strings.HasPrefix(e.AttrOr("href", ""), "javascript") {
					t.Errorf("%s leads to %q", a.url, e.AttrOr("href", "")+e.AttrOr("value", ""))
				}
			})
		}
		if !strings.Contains(to, "evil") {
			continue
		}
		if a := door.post("/sign-in", values("email", "way@example.com", "password", password, "next", to)); a.header.Get("Location") != "/" {
			t.Errorf("next=%q leads to %q", to, a.header.Get("Location"))
		}
	}
	if a := door.post("/sign-in", values("email", "way@example.com", "password", password, "next", "/search?npa=919")); a.header.Get("Location") != "/search?npa=919" {
		t.Errorf("next leads to %q", a.header.Get("Location"))
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	s, to := furnished(t)
	s.Server.Break()
	visitors := []*visitor{s.stranger()}
	for _, who := range []string{"operator", "acme-admin", "acme-member", "support-all"} {
		visitors = append(visitors, s.as(who))
	}
	check := func(v *visitor, what string, a *answer) {
		t.Helper()
		h := a.header
		for name, value := range map[string]string{
			"Content-Security-Policy": csp, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%s: %s answers %d with %s: %q", v.who, what, a.status, name, got)
			}
		}
		if h.Get("Server") != "" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %s says too much: %v", v.who, what, h)
		}
		if a.status == http.StatusTemporaryRedirect {
			return // the mux's own, to an address written the usual way
		}
		if strings.Contains(h.Get("Content-Type"), "html") || strings.Contains(h.Get("Content-Type"), "csv") {
			if h.Get("Cache-Control") != "no-store" || !slices.Contains(h.Values("Vary"), "HX-Request") {
				t.Errorf("%s: %s may be kept: Cache-Control %q, Vary %q", v.who, what, h.Get("Cache-Control"), h.Values("Vary"))
			}
			nothingInline(t, v.who+": "+what, a)
		}
		if strings.Contains(a.body, web.Secret) || strings.Contains(a.body, "goroutine ") {
			t.Errorf("%s: %s shows the inside: %s", v.who, what, a.body)
		}
	}
	paths := append(everyGet(to), "/nothing", "/static/", "/static/../web/server.go", "/%00", "/accounts/x", "/accounts/9500001/", "/reservations/", "//search")
	for _, name := range static.Names() {
		paths = append(paths, static.Path(name))
	}
	for _, v := range visitors {
		v.Still = true
		for _, v.HX = range []bool{false, true} {
			for _, path := range paths {
				check(v, path, v.get(path))
			}
			for path, want := range map[string]int{"/broken/panic": 500, "/broken/error": 500, "/broken/busy": 503, "/broken/slow-down": 429} {
				a := v.get(path)
				check(v, path, a)
				if a.status != want {
					t.Errorf("%s: %s answers %d, not %d", v.who, path, a.status, want)
				}
				if want == 503 && a.header.Get("Retry-After") == "" {
					t.Errorf("%s has no Retry-After", path)
				}
				if want == 500 && !strings.Contains(s.Log.String(), web.Secret) {
					t.Errorf("%s: the log does not say what broke", path)
				}
			}
		}
		v.HX = false
		for path, allow := range map[string]string{"/search": "GET, HEAD", "/reservations": "GET, HEAD, POST", "/sign-out": "POST", "/accounts/9500001/lock": "POST", "/healthz": "GET, HEAD", "/static/x": "GET, HEAD"} {
			for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "BREW"} {
				v.Header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
				a := v.do(method, path, nil)
				check(v, method+" "+path, a)
				if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != allow {
					t.Errorf("%s %s answers %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
				}
			}
		}
		v.Header = http.Header{}
	}
	for _, name := range static.Names() {
		if a := visitors[0].get(static.Path(name)); a.status != 200 || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || a.header.Get("Set-Cookie") != "" || a.body != string(static.Body(name)) {
			t.Errorf("%s: %d, Cache-Control %q", name, a.status, a.header.Get("Cache-Control"))
		}
	}
	// A store that is gone: 5xx with all of it, and a request id that the log has too.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/accounts", "/search?seed=1", "/reservations.csv", "/lookup?q=" + to.tn} {
		a := visitors[1].get(path)
		check(visitors[1], path, a)
		id := a.text("code")
		if a.status != 500 || id == "" || !strings.Contains(s.Log.String(), id) {
			t.Errorf("%s without a database: %d, request %q", path, a.status, id)
		}
	}
}

// nothingInline finds what the Content-Security-Policy would stop.
func nothingInline(t *testing.T, what string, a *answer) {
	t.Helper()
	d := a.doc()
	d.Find("*").Each(func(_ int, e *goquery.Selection) {
		name := goquery.NodeName(e)
		for _, attr := range e.Get(0).Attr {
			key, value := strings.ToLower(attr.Key), strings.ToLower(strings.TrimSpace(attr.Val))
			if strings.HasPrefix(key, "on") || key == "style" || strings.HasPrefix(key, "hx-on") || key == "srcdoc" || strings.Contains(value, "js:") && strings.HasPrefix(key, "hx-") {
				t.Errorf("%s: <%s> has %s=%q", what, name, attr.Key, attr.Val)
			}
			if (key == "href" || key == "src" || key == "action" || key == "formaction" || key == "hx-get" || key == "hx-post") &&
				!(strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//") || strings.HasPrefix(value, "#")) {
				t.Errorf("%s: <%s> leads away: %s=%q", what, name, attr.Key, attr.Val)
			}
		}
		switch {
		case name == "style" || name == "iframe" || name == "object" || name == "embed" || name == "base":
			t.Errorf("%s has a <%s>", what, name)
		case name == "script" && (e.AttrOr("src", "") == "" || strings.TrimSpace(e.Text()) != ""):
			t.Errorf("%s has an inline script", what)
		case name == "form" && e.AttrOr("action", "") == "" && e.AttrOr("method", "") != "dialog":
			t.Errorf("%s has a form without an action", what)
		}
	})
}

func TestHTTPSIsKept(t *testing.T) {
	s := openAt(t, "https://numbers.example.com")
	v := s.stranger()
	v.Still = true
	a := v.post("/enter/"+s.link("acme-admin", false), nil)
	if a.header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
	c := sessionCookie(a)
	if c == nil || c.Name != "__Host-tnreserve" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Fatalf("session cookie %+v", c)
	}
	// The plain name counts for nothing where the strict one is set.
	v = s.stranger()
	v.Still = true
	v.Header.Set("Cookie", "tnreserve="+c.Value)
	if a := v.get("/reservations"); a.status != http.StatusSeeOther {
		t.Errorf("a plain cookie signs in: %d", a.status)
	}
	v.Header.Set("Cookie", c.Name+"="+c.Value)
	v.want(200, "/reservations")
	a = v.post("/theme", values("theme", "dark"))
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if !c.Secure || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("cookie %+v", c)
		}
	}
	for _, base := range []string{"numbers.example.com", "ftp://x", "https://", ":"} {
		if _, err := web.New(web.Config{Store: s.Store.Store, BaseURL: base}); tel.CodeOf(err) != tel.CodeInvalid {
			t.Errorf("base URL %q: %v", base, err)
		}
	}
}
