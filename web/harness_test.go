package web_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/web"
	"tnreserve/web/telnyx"
)

// site is the real handler on a real store, with people of every role.
type site struct {
	*storetest.Store
	t      *testing.T
	Server *web.Server
	URL    string
	Log    *logBook
	db     *sql.Conn // a look from outside
	nextTN int
}

// people are who lives in every test: name → role and account.
var people = map[string]store.NewPerson{
	"operator":      {Role: tel.RoleOperator},
	"support-all":   {Role: tel.RoleSupport},
	"acme-admin":    {Role: tel.RoleAdmin, Account: storetest.Acme},
	"acme-support":  {Role: tel.RoleSupport, Account: storetest.Acme},
	"acme-member":   {Role: tel.RoleMember, Account: storetest.Acme},
	"globex-admin":  {Role: tel.RoleAdmin, Account: storetest.Globex},
	"globex-member": {Role: tel.RoleMember, Account: storetest.Globex},
	"initech-admin": {Role: tel.RoleAdmin, Account: storetest.Initech},
}

// everybody is people in one order, for tables.
var everybody = []string{"operator", "support-all", "acme-admin", "acme-support", "acme-member", "globex-admin", "globex-member", "initech-admin"}

func email(who string) string { return who + "@example.com" }

var (
	ctx  = context.Background()
	root = tel.System("test")
)

// logBook keeps what the server logs.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open starts a site.
func open(t *testing.T) *site { t.Helper(); return openAt(t, "") }

// openAt starts a site that is reached at a base URL.
func openAt(t *testing.T, base string) *site { t.Helper(); return openWith(t, base, nil) }

// openWith starts a site with an identity provider.
func openWith(t *testing.T, base string, sso *web.SSO) *site {
	t.Helper()
	s := storetest.Open(t)
	for _, who := range everybody {
		p := people[who]
		p.Email, p.Name = email(who), who
		if _, err := s.CreatePerson(ctx, root, p); err != nil {
			t.Fatal(err)
		}
	}
	return serveWith(t, s, base, sso)
}

// serve starts the dashboard on a store.
func serve(t *testing.T, s *storetest.Store, base string) *site {
	t.Helper()
	return serveWith(t, s, base, nil)
}

func serveWith(t *testing.T, s *storetest.Store, base string, sso *web.SSO) *site {
	t.Helper()
	book := &logBook{}
	srv, err := web.New(web.Config{Store: s.Store, BaseURL: base, SSO: sso, OpenAPI: telnyx.OpenAPI(), Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics 1\n") }), EndUsers: web.EndUserLimits{Searches: 1e6, Holds: 1e6, HoldsPerSession: 1e6, Misses: 1e6}, People: web.PeopleLimits{Misses: 1e6}, Log: slog.New(slog.NewTextHandler(book, nil))})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(srv.Handler())
	t.Cleanup(func() {
		srv.Drain()
		h.Close()
	})
	db, err := sql.Open("sqlite", "file:"+s.Path+"?_pragma=query_only(1)&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &site{Store: s, t: t, Server: srv, URL: h.URL, Log: book, db: conn}
}

// version changes whenever anybody has committed anything to the database.
func (s *site) version() (n int64) {
	s.t.Helper()
	if err := s.db.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// breaks lets what a trigger watches fail from now on, as a damaged file does; mend ends
// it.
func (s *site) breaks(when string) (mend func()) {
	s.t.Helper()
	s.alter(`CREATE TRIGGER broken BEFORE ` + when + ` BEGIN SELECT RAISE(ABORT, '` + web.Secret + `'); END`)
	return func() { s.alter(`DROP TRIGGER broken`) }
}

// alter does to the database what the service never would.
func (s *site) alter(statement string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.Path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		s.t.Fatal(err)
	}
}

// dump is everything in the database, a line per row, but for files that wait to be
// imported.
func (s *site) dump() []string {
	s.t.Helper()
	var lines []string
	for _, table := range s.column(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'upload%' ORDER BY name`) {
		rows, err := s.db.QueryContext(ctx, `SELECT * FROM `+table+` ORDER BY 1, 2`)
		if err != nil {
			s.t.Fatal(err)
		}
		names, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				s.t.Fatal(err)
			}
			line := table
			for i, v := range values {
				line += fmt.Sprintf(" %s=%v", names[i], *(v.(*any)))
			}
			lines = append(lines, line)
		}
		if err := rows.Err(); err != nil {
			s.t.Fatal(err)
		}
		rows.Close()
	}
	return lines
}

// column is a query's first column as text.
func (s *site) column(query string, args ...any) (list []string) {
	s.t.Helper()
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v sql.NullString
		if err := rows.Scan(&v); err != nil {
			s.t.Fatal(err)
		}
		list = append(list, v.String)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return list
}

// one is a query's only value.
func (s *site) one(query string, args ...any) string {
	s.t.Helper()
	list := s.column(query, args...)
	if len(list) != 1 {
		s.t.Fatalf("%s: %d rows, not 1", query, len(list))
	}
	return list[0]
}

// difference is what stands in one dump and not in the other.
func difference(before, after []string) string {
	count := map[string]int{}
	for _, l := range before {
		count[l]--
	}
	for _, l := range after {
		count[l]++
	}
	var out []string
	for l, n := range count {
		if n != 0 {
			out = append(out, fmt.Sprintf("%+d %s", n, l))
		}
	}
	return strings.Join(out, "\n")
}

// unchanged runs f and demands that nothing was written meanwhile.
func (s *site) unchanged(what string, f func()) {
	s.t.Helper()
	version := s.version()
	s.same(what, f)
	if !s.t.Failed() && s.version() != version {
		s.t.Errorf("%s wrote to the database, if only what stood there", what)
	}
}

// same runs f and demands that all is as before.
func (s *site) same(what string, f func()) {
	s.t.Helper()
	before := s.dump()
	f()
	if after := s.dump(); difference(before, after) != "" {
		s.t.Errorf("%s changed the database:\n%s", what, difference(before, after))
	}
}

// idOf is a person's id.
func (s *site) actor(who string) tel.Actor {
	s.t.Helper()
	p := people[who]
	return tel.Actor{Kind: tel.KindPerson, ID: s.one(`SELECT id FROM person WHERE email = $1`, email(who)), Name: email(who), Role: p.Role, Account: p.Account, Door: "test"}
}

// free is a TN that nobody has asked for yet.
func (s *site) free() tel.Number {
	for range 2000 {
		s.nextTN++
		n := s.nextTN % 1980
		tn := tel.NewNumber(919, 555, 2999-n)
		if n > 990 {
			tn = tel.NewNumber(919, 555, 4990-n)
		}
		if s.one(fmt.Sprintf(`SELECT (SELECT COUNT(*) FROM hold WHERE tn = %d) + (SELECT COUNT(*) FROM tn_state WHERE tn = %d)`, int64(tn), int64(tn))) == "0" {
			return tn
		}
	}
	s.t.Fatal("no TN is free any more")
	return 0
}

// reserved makes a reservation of n fresh TNs for somebody's own account.
func (s *site) reserved(who string, n int) *tel.Reservation {
	s.t.Helper()
	req := tel.ReserveRequest{Account: people[who].Account, AllOrNothing: true, CustomerReference: "ref of " + who}
	for range n {
		req.TNs = append(req.TNs, s.free())
	}
	return s.reserve(who, req)
}

func (s *site) reserve(who string, req tel.ReserveRequest) *tel.Reservation {
	s.t.Helper()
	out, err := s.Reserve(ctx, s.actor(who), req)
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Reservation
}

// visitor is a browser without a script.
type visitor struct {
	*site
	who    string
	client *http.Client
	HX     bool        // ask as htmx does
	Still  bool        // do not follow redirects
	Header http.Header // sent with everything
}

// stranger is nobody in particular.
func (s *site) stranger() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	v := &visitor{site: s, client: &http.Client{Jar: jar, Timeout: 20 * time.Second}, Header: http.Header{}}
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error {
		if v.Still {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return v
}

// as signs somebody in through a link.
func (s *site) as(who string) *visitor {
	s.t.Helper()
	v := s.stranger()
	v.who = who
	if got := v.post("/enter/"+s.link(who, false), nil); got.status != http.StatusOK {
		s.t.Fatalf("%s cannot enter: %d %s", who, got.status, got.body)
	}
	return v
}

// restore makes everybody what they were, whatever a form has done to them.
func (s *site) restore() {
	s.t.Helper()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for _, who := range everybody {
		p := people[who]
		p.Email, p.Name = email(who), who
		id := s.one(`SELECT id FROM person WHERE email = $1`, p.Email)
		must(s.Deactivate(ctx, root, 0, id, false))
		if p.Account == 0 {
			must(s.SetPlatformRole(ctx, root, p.Email, p.Role))
			continue
		}
		if _, err := s.CreatePerson(ctx, root, p); err != nil && tel.CodeOf(err) != tel.CodeConflict {
			s.t.Fatal(err)
		}
		must(s.Deactivate(ctx, root, p.Account, id, false))
		must(s.SetRole(ctx, root, p.Email, p.Account, p.Role))
		must(s.RequireFactor(ctx, root, p.Account, false))
	}
}

// link is a link that signs somebody in.
func (s *site) link(who string, reusable bool) string {
	s.t.Helper()
	token, err := s.NewEnterLink(ctx, root, email(who), time.Hour, reusable)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// answer is a page as it came.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	url    *url.URL
	body   string
	parsed *goquery.Document
}

func (v *visitor) request(method, path string, form url.Values) *http.Request {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, v.URL+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if v.HX {
		req.Header.Set("HX-Request", "true")
	}
	for name, values := range v.Header {
		req.Header[name] = values
	}
	return req
}

func (v *visitor) send(req *http.Request) *answer {
	v.t.Helper()
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	a := &answer{t: v.t, status: res.StatusCode, header: res.Header, url: res.Request.URL}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return a // has no end
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	a.body = string(text)
	return a
}

func (v *visitor) do(method, path string, form url.Values) *answer {
	v.t.Helper()
	return v.send(v.request(method, path, form))
}

func (v *visitor) get(path string) *answer { v.t.Helper(); return v.do(http.MethodGet, path, nil) }

func (v *visitor) post(path string, form url.Values) *answer {
	v.t.Helper()
	return v.do(http.MethodPost, path, form)
}

// want is get with a status that must be.
func (v *visitor) want(status int, path string) *answer {
	v.t.Helper()
	a := v.get(path)
	if a.status != status {
		v.t.Fatalf("%s: GET %s answers %d, not %d: %s", v.who, path, a.status, status, a.text("#main"))
	}
	return a
}

// upload sends a file the way a browser does.
func (v *visitor) upload(name, text string, options ...string) *answer {
	v.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, o := range options {
		_ = form.WriteField(o, "1")
	}
	if name != "" {
		part, err := form.CreateFormFile("file", name)
		if err != nil {
			v.t.Fatal(err)
		}
		_, _ = io.WriteString(part, text)
	}
	_ = form.Close()
	req := v.request(http.MethodPost, "/inventory/import", nil)
	req.Body = io.NopCloser(&body)
	req.Header.Set("Content-Type", form.FormDataContentType())
	return v.send(req)
}

// doc is the page to look into.
func (a *answer) doc() *goquery.Document {
	a.t.Helper()
	if a.parsed == nil {
		d, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
		if err != nil {
			a.t.Fatal(err)
		}
		a.parsed = d
	}
	return a.parsed
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// text is the words at a selector, with single spaces.
func (a *answer) text(selector string) string {
	a.t.Helper()
	return squeeze(a.doc().Find(selector).Text())
}

// each is the words of every element at a selector.
func (a *answer) each(selector string) (list []string) {
	a.t.Helper()
	a.doc().Find(selector).Each(func(_ int, s *goquery.Selection) { list = append(list, squeeze(s.Text())) })
	return list
}

// attr is an attribute of the first element at a selector.
func (a *answer) attr(selector, name string) string {
	a.t.Helper()
	value, _ := a.doc().Find(selector).First().Attr(name)
	return value
}

// has demands an element.
func (a *answer) has(selector string) *answer {
	a.t.Helper()
	if a.doc().Find(selector).Length() == 0 {
		a.t.Errorf("%s has no %s: %s", a.url, selector, a.text("#main"))
	}
	return a
}

// is checks the status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%d, not %d: %s", a.status, status, a.text("#main"))
	}
	return a
}

// says demands words at a selector.
func (a *answer) says(selector, words string) *answer {
	a.t.Helper()
	if got := a.text(selector); !strings.Contains(got, words) {
		a.t.Errorf("%s says %q at %s (%d), not %q", a.url, got, selector, a.status, words)
	}
	return a
}

// fault demands an error at a field.
func (a *answer) fault(field, words string) {
	a.t.Helper()
	input := a.doc().Find(fmt.Sprintf("#main [name=%q][aria-invalid=true]", field))
	if input.Length() == 0 {
		a.t.Errorf("%s: field %s is not marked (%d): %s", a.url, field, a.status, a.text(".fault"))
		return
	}
	id, _ := input.First().Attr("aria-describedby")
	if got := a.text("#" + id); words == "" && got == "" || !strings.Contains(got, words) {
		a.t.Errorf("%s: field %s says %q, not %q", a.url, field, got, words)
	}
}

// form is what a browser would send for the form at a selector, with its defaults.
func (a *answer) form(selector string) url.Values {
	a.t.Helper()
	f := a.doc().Find(selector).First()
	if f.Length() == 0 {
		a.t.Fatalf("%s has no form %s: %s", a.url, selector, a.text("#main"))
	}
	return defaults(f)
}

// defaults are a form's values as a browser sends them, without a button's.
func defaults(f *goquery.Selection) url.Values {
	values := url.Values{}
	f.Find("input, select, textarea").Each(func(_ int, in *goquery.Selection) {
		name, ok := in.Attr("name")
		if _, off := in.Attr("disabled"); !ok || off {
			return
		}
		switch kind := in.AttrOr("type", "text"); {
		case goquery.NodeName(in) == "select":
			option := in.Find("option[selected]").First()
			if option.Length() == 0 {
				option = in.Find("option").First()
			}
			values.Add(name, option.AttrOr("value", option.Text()))
		case goquery.NodeName(in) == "textarea":
			values.Add(name, in.Text())
		case kind == "checkbox" || kind == "radio":
			if _, on := in.Attr("checked"); on {
				values.Add(name, in.AttrOr("value", "on"))
			}
		case kind != "file":
			values.Add(name, in.AttrOr("value", ""))
		}
	})
	return values
}

// forgetFlash takes the message away that waits for the next page.
func (v *visitor) forgetFlash() {
	u, err := url.Parse(v.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: "tn-flash", Path: "/", MaxAge: -1}})
}

// flash is the message on its way to the next page.
func (a *answer) flash() (f views.Flash) {
	a.t.Helper()
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasSuffix(c.Name, "tn-flash") && c.Value != "" {
			raw, err := base64.RawURLEncoding.DecodeString(c.Value)
			if err == nil {
				err = json.Unmarshal(raw, &f)
			}
			if err != nil {
				a.t.Error(err)
			}
		}
	}
	return f
}

// waitFor waits for what goes on in the background.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("%s does not end", what)
}
