package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// site is the real handler on a real store, with people of every role.
type site struct {
	*storetest.Store
	t   *testing.T
	URL string
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

func email(who string) string { return who + "@example.com" }

// open starts a site.
func open(t *testing.T) *site {
	t.Helper()
	s := storetest.Open(t)
	for who, p := range people {
		p.Email, p.Name = email(who), who
		if _, err := s.CreatePerson(context.Background(), tel.System("test"), p); err != nil {
			t.Fatal(err)
		}
	}
	srv, err := web.New(web.Config{Store: s.Store})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(srv.Handler())
	t.Cleanup(func() {
		srv.Drain()
		h.Close()
	})
	return &site{Store: s, t: t, URL: h.URL}
}

// visitor is a browser without a script.
type visitor struct {
	*site
	who    string
	client *http.Client
	HX     bool // ask as htmx does
}

// stranger is nobody in particular.
func (s *site) stranger() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &visitor{site: s, client: &http.Client{Jar: jar, Timeout: 10 * time.Second}}
}

// as signs somebody in through a link.
func (s *site) as(who string) *visitor {
	s.t.Helper()
	token, err := s.NewEnterLink(context.Background(), tel.System("test"), email(who), time.Hour, false)
	if err != nil {
		s.t.Fatal(err)
	}
	v := s.stranger()
	v.who = who
	if got := v.post("/enter/"+token, nil); got.status != http.StatusOK {
		s.t.Fatalf("%s cannot enter: %d %s", who, got.status, got.body)
	}
	return v
}

// answer is a page as it came.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	url    *url.URL
	body   string
}

func (v *visitor) do(method, path string, form url.Values) *answer {
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
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return &answer{v.t, res.StatusCode, res.Header, res.Request.URL, string(text)}
}

func (v *visitor) get(path string) *answer { v.t.Helper(); return v.do(http.MethodGet, path, nil) }

func (v *visitor) post(path string, form url.Values) *answer {
	v.t.Helper()
	return v.do(http.MethodPost, path, form)
}

// doc is the page to look into.
func (a *answer) doc() *goquery.Document {
	a.t.Helper()
	d, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	if err != nil {
		a.t.Fatal(err)
	}
	return d
}

// text is the words at a selector, with single spaces.
func (a *answer) text(selector string) string {
	a.t.Helper()
	return strings.Join(strings.Fields(a.doc().Find(selector).Text()), " ")
}
