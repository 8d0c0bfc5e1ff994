package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// TestEveryLinkLeadsSomewhere starts at "/" as everybody and goes wherever the pages
// lead: links, forms, htmx addresses, assets. A page must not offer what answers
// "not yours", "nothing here" or worse.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	s, _ := furnished(t)
	for range 60 { // more than a page
		s.reserved("acme-member", 1)
	}
	nobody := &crawl{t: t, who: "nobody", v: s.stranger(), asked: map[string]bool{}, shapes: map[string]int{}}
	nobody.run("/", "/enter/"+s.link("acme-admin", true), "/enter/x", "/nothing-here", "/api-docs")
	crawls := []*crawl{nobody}
	for _, who := range append(slices.Clone(walkers[:5]), "initech-admin", "operator") {
		c := &crawl{t: t, who: who, v: s.as(who), asked: map[string]bool{}, shapes: map[string]int{}}
		if len(crawls) > 6 {
			c.who, c.acting = "operator for Acme", true
			c.v.post("/accounts/9500001/enter", nil)
		}
		c.run("/", "/nothing-here", "/accounts/9500001x")
		crawls = append(crawls, c)
	}
	pages, forms := 0, 0
	for _, c := range crawls {
		t.Logf("%s: %d pages, %d addresses, %d forms to post", c.who, c.pages, len(c.asked), len(c.posts))
		pages += c.pages
		if c.pages < 3 || len(c.posts) < 1 {
			t.Errorf("%s came to %d pages and %d forms only", c.who, c.pages, len(c.posts))
		}
	}
	for _, c := range crawls {
		for _, p := range c.posts {
			forms++
			c.post(s, p)
		}
	}
	t.Logf("%d pages walked, each as a fragment too; %d forms posted", pages, forms)
}

// crawl is one visitor's way through the site.
type crawl struct {
	t      *testing.T
	who    string
	acting bool
	v      *visitor
	asked  map[string]bool
	shapes map[string]int // how many addresses of a kind
	queue  []string
	pages  int
	posts  []sent
}

type sent struct {
	page, action string
	form         url.Values
	file         bool
}

const (
	mostPages   = 70
	mostOfShape = 2
	mostOfPath  = 9
)

var (
	idInPath = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|/[A-Z2-7]{26}|\d{7,10}`)
	notFound = []int{403, 404, 405, 401, 410}
)

// shape is an address without its particulars.
func shape(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	var names []string
	for name, v := range u.Query() {
		if len(v) > 0 && v[0] != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return idInPath.ReplaceAllString(u.Path, "*") + "?" + strings.Join(names, "&")
}

func (c *crawl) run(from ...string) {
	c.queue = from
	for len(c.queue) > 0 && c.pages < mostPages {
		address := c.queue[0]
		c.queue = c.queue[1:]
		c.look(address, slices.Contains(from[1:], address))
	}
}

// offer notes an address that a page leads to.
func (c *crawl) offer(page, address string) {
	if address == "" || strings.HasPrefix(address, "#") {
		return
	}
	base, _ := url.Parse(page)
	u, err := base.Parse(address)
	if err != nil || u.Host != "" {
		c.t.Errorf("%s: %s leads to %q", c.who, page, address)
		return
	}
	u.Fragment = ""
	at := u.RequestURI()
	if c.asked[at] || c.shapes[shape(at)] >= mostOfShape || c.shapes[shape(u.Path)] >= mostOfPath {
		return
	}
	c.asked[at] = true
	c.shapes[shape(at)]++
	if shape(at) != shape(u.Path) {
		c.shapes[shape(u.Path)]++
	}
	c.queue = append(c.queue, at)
}

// look reads a page whole and as a fragment. lost: it is meant to be an error page.
func (c *crawl) look(address string, lost bool) {
	c.t.Helper()
	if address == "/v2/openapi.json" {
		return // the JSON door's, which is not here
	}
	a := c.v.get(address)
	if strings.HasPrefix(address, "/static/") || strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") || strings.HasPrefix(address, "/live?") {
		if a.status != 200 {
			c.t.Errorf("%s: %s answers %d", c.who, address, a.status)
		}
		return
	}
	if !lost && (slices.Contains(notFound, a.status) || a.status >= 500) {
		c.t.Errorf("%s is led to %s, which answers %d: %s", c.who, address, a.status, a.text("#main"))
		return
	}
	c.pages++
	page := a.url.RequestURI()
	nothingInline(c.t, c.who+": "+page, a)
	if a.url.Path != "/search/rows" && (a.doc().Find("h1").Length() != 1 || a.doc().Find("main").Length() != 1 || a.text("title") == "") {
		c.t.Errorf("%s: %s has %d h1, title %q", c.who, page, a.doc().Find("h1").Length(), a.text("title"))
	}
	c.ids(page, a)
	c.read(page, a)
	c.v.HX = true
	f := c.v.get(page)
	c.v.HX = false
	if f.status != a.status || f.text("h1") != a.text("h1") {
		c.t.Errorf("%s: %s is %d %q, as a fragment %d %q", c.who, page, a.status, a.text("h1"), f.status, f.text("h1"))
	}
	if c.who != "nobody" && (strings.Contains(strings.ToLower(f.body), "<!doctype") || strings.Contains(f.body, "<body")) {
		c.t.Errorf("%s: %s as a fragment is a whole page", c.who, page)
	}
	c.read(page, f)
}

// ids: no two elements of a page have the same one, and what is named by id is there.
func (c *crawl) ids(page string, a *answer) {
	seen := map[string]bool{}
	d := a.doc()
	d.Find("[id]").Each(func(_ int, e *goquery.Selection) {
		if id := e.AttrOr("id", ""); id == "" || seen[id] {
			c.t.Errorf("%s: %s has the id %q twice", c.who, page, id)
		} else {
			seen[id] = true
		}
	})
	for _, attr := range []string{"for", "aria-labelledby", "aria-describedby", "form"} {
		d.Find("[" + attr + "]").Each(func(_ int, e *goquery.Selection) {
			for id := range strings.FieldsSeq(e.AttrOr(attr, "")) {
				if !seen[id] {
					c.t.Errorf("%s: %s: %s=%q names nothing", c.who, page, attr, id)
				}
			}
		})
	}
	d.Find("a[href^='#']").Each(func(_ int, e *goquery.Selection) {
		if id := strings.TrimPrefix(e.AttrOr("href", ""), "#"); !seen[id] {
			c.t.Errorf("%s: %s links to #%s, which is not there", c.who, page, id)
		}
	})
}

// filled are values for every field of a form that is asked with GET.
var filled = map[string]string{
	"q": "9195552900", "npa": "919", "has": "5?5", "place": "Raleigh", "starts": "919", "ends": "0", "nxx": "555", "state": "NC", "lata": "426", "run": "2",
}

func (c *crawl) read(page string, a *answer) {
	d := a.doc()
	for _, attr := range []string{"href", "src", "hx-get", "data-live"} {
		d.Find("[" + attr + "]").Each(func(_ int, e *goquery.Selection) { c.offer(page, e.AttrOr(attr, "")) })
	}
	d.Find("form").Each(func(_ int, f *goquery.Selection) {
		method, action := strings.ToLower(f.AttrOr("method", "get")), f.AttrOr("action", "")
		form := defaults(f)
		outside := d.Find("[form='" + f.AttrOr("id", "-") + "']")
		switch method {
		case "get":
			outside.Filter("[type=checkbox]").Slice(0, min(2, outside.Filter("[type=checkbox]").Length())).Each(func(_ int, e *goquery.Selection) {
				form.Add(e.AttrOr("name", ""), e.AttrOr("value", ""))
			})
			c.offer(page, action+"?"+form.Encode())
			f.Find("input:not([type=hidden]), select").Each(func(_ int, e *goquery.Selection) {
				if name := e.AttrOr("name", ""); filled[name] != "" {
					form.Set(name, filled[name])
				}
			})
			c.offer(page, action+"?"+form.Encode())
		case "post":
			f.Find("input[type=checkbox]").Slice(0, min(1, f.Find("input[type=checkbox]").Length())).Each(func(_ int, e *goquery.Selection) {
				form.Add(e.AttrOr("name", ""), e.AttrOr("value", ""))
			})
			f.Find("input[type=radio][required]").First().Each(func(_ int, e *goquery.Selection) { form.Set(e.AttrOr("name", ""), e.AttrOr("value", "")) })
			buttons := f.Find("button").AddSelection(outside.Filter("button"))
			tried := map[string]bool{}
			buttons.Each(func(_ int, b *goquery.Selection) {
				kind := b.AttrOr("type", "submit")
				_, off := b.Attr("disabled")
				if kind != "submit" || off || tried[b.AttrOr("name", "")+idInPath.ReplaceAllString(b.AttrOr("value", ""), "*")] {
					return
				}
				tried[b.AttrOr("name", "")+idInPath.ReplaceAllString(b.AttrOr("value", ""), "*")] = true
				sending := url.Values{}
				for name, vs := range form {
					sending[name] = slices.Clone(vs)
				}
				if name := b.AttrOr("name", ""); name != "" {
					sending.Set(name, b.AttrOr("value", ""))
				}
				c.send(page, b.AttrOr("formaction", action), sending, f.AttrOr("enctype", "") == "multipart/form-data")
			})
			if buttons.Length() == 0 {
				c.t.Errorf("%s: the form %s of %s has no button", c.who, action, page)
			}
		}
	})
}

// send notes a form to be posted once all is read.
func (c *crawl) send(page, action string, form url.Values, file bool) {
	key := "POST " + idInPath.ReplaceAllString(action, "*") + shape(page) + " " + form.Get("theme") + form.Get("how")
	if c.shapes[key] >= 1 || c.shapes["POST "+action] >= 3 {
		return
	}
	c.shapes[key]++
	c.shapes["POST "+action]++
	c.posts = append(c.posts, sent{page, action, form, file})
}

func (c *crawl) post(s *site, p sent) {
	s.restore()
	v := s.stranger()
	if c.who != "nobody" {
		v = s.as(c.v.who)
	}
	if c.acting {
		v.post("/accounts/9500001/enter", nil)
	}
	var a *answer
	if p.file {
		a = v.upload("links.csv", "tn\n2125554001\n")
	} else {
		a = v.post(p.action, p.form)
	}
	ok := a.status == http.StatusOK || a.status == http.StatusUnprocessableEntity
	if c.who == "nobody" {
		ok = ok || a.status == http.StatusUnauthorized || a.status == http.StatusTooManyRequests
	}
	if !ok {
		c.t.Errorf("%s: the form %s of %s, sent with %v, answers %d at %s: %s", c.who, p.action, p.page, p.form, a.status, a.url, a.text("#main"))
	}
}
