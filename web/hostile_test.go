package web_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// hostileTexts are those that would run, break out of an attribute, forge a header or a
// log line, or turn a page round. mark is in each, so that it is found again.
var hostileTexts = []string{
	`<script>mark()</script>`, `<ScRiPt src=//evil.example/mark.js></sCrIpT>`, `"><script>mark()</script>`, `'><script>mark()</script>`, `</title><script>mark()</script>`,
	`</textarea><script>mark()</script>`, `</style><script>mark()</script>`, `</script><script>mark()</script>`, `--><script>mark()</script><!--`, `]]><script>mark()</script>`,
	`<img src=x onerror=mark()>`, `<img src="x" onerror="mark()">`, `"><img src=x onerror=mark()>`, `'><img src=x onerror=mark()>`, "<img src=`x` onerror=mark()>", `<img/src/onerror=mark()>`,
	`<svg onload=mark()>`, `<svg/onload=mark()>`, `<svg><script>mark()</script></svg>`, `<svg><a xlink:href="javascript:mark()">x</a></svg>`, `<math><mi xlink:href="javascript:mark()">`,
	`<body onload=mark()>`, `<iframe src="javascript:mark()">`, `<iframe srcdoc="<script>mark()</script>">`, `<object data="javascript:mark()">`, `<embed src="javascript:mark()">`,
	`<a href="javascript:mark()">x</a>`, `<a href="jav&#x09;ascript:mark()">x</a>`, `<form action="javascript:mark()"><button>`, `<input autofocus onfocus=mark()>`, `<details open ontoggle=mark()>`,
	`<video><source onerror=mark()>`, `<audio src=x onerror=mark()>`, `<marquee onstart=mark()>`, `<base href="//evil.example/mark">`, `<meta http-equiv=refresh content="0;url=javascript:mark()">`,
	`<link rel=stylesheet href=//evil.example/mark>`, `<style>@import '//evil.example/mark';</style>`, `<div style="background:url(javascript:mark())">`, `<template><script>mark()</script></template>`, `<noscript><p title="</noscript><img src=x onerror=mark()>">`,
	`" onmouseover="mark()`, `' onmouseover='mark()`, `" autofocus onfocus="mark()" x="`, `" style="x:mark()`, `" hx-get="/evil-mark" hx-trigger="load`, `" hx-on:load="mark()`, `x" formaction="javascript:mark()`,
	`javascript:mark()`, `data:text/html,<script>mark()</script>`, `vbscript:mark()`, `//evil.example/mark`, `/\evil.example/mark`,
	`&lt;script&gt;mark()&lt;/script&gt;`, `&#60;script&#62;mark()&#60;/script&#62;`, `%3Cscript%3Emark()%3C/script%3E`, `\u003cscript\u003emark()`, `+ADw-script+AD4-mark()+ADw-/script+AD4-`,
	`{{mark}}`, `${mark}`, `<%= mark %>`, `{% mark %}`, `＜script＞mark()＜/script＞`, `<scr<script>ipt>mark()</script>`, "mark \U0001F4A9 ẞ İ ﬁ", "mark a\u0301\u0489\u200b\u200d\ufeff", `mark %s %d %!x(MISSING)`, `mark '; DROP TABLE account; --`,
}

// refusedTexts cannot be kept: they would forge a line or turn it round.
var refusedTexts = []string{
	"mark\r\nSet-Cookie: mark=1", "mark\nlevel=ERROR msg=forged", "mark\x00", "mark\x1b[31m", "mark\u2028", "mark\u2029x", "mark\u202etxt", "mark\u2066x", "mark\x7f", "mark\u0085x", "mark\xff\xfe",
}

func cut(s string, n int) string {
	for utf8.RuneCountInString(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// unharmed demands that what somebody typed stands in a page as text and nothing else.
func unharmed(t *testing.T, what, payload string, a *answer) {
	t.Helper()
	nothingInline(t, what, a)
	d := a.doc()
	for name, most := range map[string]int{"body": 1, "head": 1, "title": 1, "main": 1, "base": 0, "math": 0, "img": 0, "video": 0, "audio": 0, "marquee": 0, "template": 0, "noscript": 0, "style": 0, "textarea:not(#list-tns)": 0} {
		if n := d.Find(name).Length(); n > most {
			t.Errorf("%s: %d <%s> with %q", what, n, name, payload)
		}
	}
	d.Find("script").Each(func(_ int, e *goquery.Selection) {
		if !strings.HasPrefix(e.AttrOr("src", ""), "/static/") {
			t.Errorf("%s: a script with %q", what, payload)
		}
	})
	d.Find("link, meta").Each(func(_ int, e *goquery.Selection) {
		if strings.Contains(e.AttrOr("href", "")+e.AttrOr("content", "")+e.AttrOr("http-equiv", ""), "mark()") || e.AttrOr("http-equiv", "") != "" {
			t.Errorf("%s: a %s with %q", what, goquery.NodeName(e), payload)
		}
	})
	d.Find("[hx-get], [hx-trigger]").Each(func(_ int, e *goquery.Selection) {
		if strings.HasPrefix(e.AttrOr("hx-get", ""), "/evil") || e.AttrOr("hx-trigger", "") == "load" {
			t.Errorf("%s: htmx runs %q", what, payload)
		}
	})
	for name, vs := range a.header {
		for _, v := range vs {
			if name != "Set-Cookie" && name != "Location" && (strings.Contains(v, "mark(") || strings.Contains(v, "forged")) || name == "Mark" {
				t.Errorf("%s: header %s: %q", what, name, v)
			}
		}
	}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == "mark" {
			t.Errorf("%s sets a cookie of %q", what, payload)
		}
	}
}

// texts are every text and attribute of a page.
func shownTexts(a *answer) (list []string) {
	d := a.doc()
	list = append(list, d.Text())
	d.Find("*").Each(func(_ int, e *goquery.Selection) {
		for _, attr := range e.Get(0).Attr {
			list = append(list, attr.Val)
		}
	})
	return list
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	s := open(t)
	operator := s.as("operator")
	admin, member, support, platform := s.as("acme-admin"), s.as("acme-member"), s.as("acme-support"), s.as("support-all")
	lineup := []*visitor{operator, admin, member, support, platform}
	tns := map[int]string{}
	for i, payload := range hostileTexts {
		tn := s.free().Digits()
		tns[i] = tn
		v := admin
		if i%2 == 1 {
			v = member
		}
		a := v.post("/reservations", values("tn", tn, "customer_reference", cut(payload, tel.MaxReference), "note", payload))
		if a.status != 200 || !strings.Contains(a.text(".toast"), "Reserved") {
			t.Fatalf("%q: %d %s", payload, a.status, a.text(".toast"))
		}
		unharmed(t, "reserving", payload, a)
		id := s.one(`SELECT r.id FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn = ?`, "1"+tn)
		if got := s.one(`SELECT note FROM reservation WHERE id = ?`, id); got != payload {
			t.Errorf("%q was kept as %q", payload, got)
		}
		q := url.QueryEscape(payload)
		for j, look := range []struct {
			v     *visitor
			path  string
			shown bool
		}{
			{v, "/reservations/" + id, true}, {support, "/lookup?q=" + id, true}, {admin, "/lookup?q=" + tn, true}, {admin, "/reservations?q=" + q, true}, {v, "/reservations/cancel?id=" + id, true},
			{v, "/search?contains=" + q + "&npa=" + q + "&place=" + q + "&city=" + q + "&rc=" + q + "&state=" + q + "&lata=" + q + "&type=" + q + "&run=" + q + "&order=" + q + "&seed=" + q + "&cursor=" + q, false},
			{v, "/search?seed=1&city=" + q, false}, {v, "/search?seed=" + q + "&mark=" + q, false}, {v, "/lookup?q=" + q, true}, {v, "/" + url.PathEscape(payload), false},
			{operator, "/inventory?within=" + q + "&by=" + q, false}, {operator, "/reservations?account=" + q + "&sort=" + q, false}, {v, "/reservations?show=" + q, false}, {v, "/reservations?sort=created&by=" + q, false},
		} {
			if j > 0 && (i+j)%3 != 0 {
				continue // each with every third payload; the lists below show all of them
			}
			look.v.HX = (i+j)%2 == 0
			a := look.v.get(look.path)
			look.v.HX = false
			if a.status >= 500 {
				t.Errorf("%s answers %d", look.path, a.status)
			}
			unharmed(t, look.path, payload, a)
			want := cut(payload, tel.MaxReference)
			if look.shown && !slices.ContainsFunc(shownTexts(a), func(s string) bool { return strings.Contains(squeeze(s), squeeze(want)) }) {
				t.Errorf("%s: %q is not shown as it was typed: %s", look.path, want, a.text("#main"))
			}
		}
		if i%2 == 0 {
			page := v.get("/reservations/cancel?id=" + id)
			form := page.form("form.confirm")
			form.Set("reason", payload)
			unharmed(t, "cancelling", payload, v.post("/reservations/cancel", form))
		}
	}
	for _, v := range lineup {
		for _, path := range []string{"/reservations", "/reservations?show=ended", "/lookup?q=" + tns[0], "/lookup?q=" + tns[1], "/accounts/9500001"} {
			unharmed(t, v.who+" at "+path, "all payloads", v.get(path))
		}
	}
	oneLineEach(t, s.Log.String())
	checkExport(t, admin, hostileTexts)
}

// Names of accounts and people, and what an import brings.
func TestHostileNamesStayText(t *testing.T) {
	t.Parallel()
	s := open(t)
	operator := s.as("operator")
	for i, payload := range hostileTexts {
		name := cut(payload, tel.MaxName)
		id := fmt.Sprint(9700000 + i)
		a := operator.post("/accounts", values("id", id, "name", name))
		if a.status != 200 {
			t.Fatalf("%q: %d %s", name, a.status, a.text("#main"))
		}
		unharmed(t, "creating an account", name, a)
		if got := a.text("h1"); got != squeeze(name) {
			t.Errorf("account %q is headed %q", name, got)
		}
		if i%3 == 0 {
			unharmed(t, "a bad number", name, operator.post("/accounts", values("id", payload, "name", payload)))
			unharmed(t, "a bad policy", name, operator.post("/accounts/"+id+"/policy", values("window", payload, "ceiling", payload, "max_extensions", payload, "max_held", payload, "max_per_reservation", payload, "cooldown", payload)))
		}
		unharmed(t, "a bad sign-in", name, s.stranger().get("/sign-in?next="+url.QueryEscape(payload)))
		mail := fmt.Sprintf("hostile%d@example.com", i)
		acc, _ := tel.ParseAccountID(id)
		p := withPassword(mail)
		p.Account, p.Name, p.Password, p.Role = acc, name, "", tel.RoleAdmin
		if _, err := s.CreatePerson(ctx, root, p); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			link, err := s.NewEnterLink(ctx, root, mail, 1e12, false)
			if err != nil {
				t.Fatal(err)
			}
			v := s.stranger()
			unharmed(t, "a link's page", name, v.get("/enter/"+link))
			unharmed(t, "home", name, v.post("/enter/"+link, nil))
			for _, path := range []string{"/accounts/" + id, "/accounts/" + id + "/switch-off", "/search?seed=1", "/reservations"} {
				unharmed(t, path, name, v.get(path))
			}
			unharmed(t, "switching", name, v.post("/accounts/"+id+"/switch", values("on", "1")))
			operator.post("/accounts/"+id+"/enter", nil)
			unharmed(t, "working for", name, operator.get("/search?seed=1"))
		}
		if i%2 == 1 {
			continue
		}
		quoted := `"` + strings.ReplaceAll(payload, `"`, `""`) + `"`
		page := operator.upload(payload+".csv", "tn,city,state,rate_center,"+quoted+"\n2125554001,"+quoted+",NY,"+quoted+",1\n"+quoted+",x,NY,y,2\n")
		unharmed(t, "an import", payload, page)
		if page.url.Path != "/inventory/import" {
			if i%8 == 0 {
				operator.post(page.url.Path+"/confirm", nil)
				waitFor(t, "an import", func() bool { return !strings.Contains(operator.get(page.url.Path).text("h2"), "Importing") })
				unharmed(t, "an imported place", payload, operator.get("/lookup?q=2125554001"))
				unharmed(t, "an imported place", payload, operator.get("/inventory?by=rc&within=212"))
				unharmed(t, "an imported place", payload, operator.get("/search?npa=212&order=asc"))
			} else {
				operator.post(page.url.Path+"/discard", nil)
			}
		}
	}
	for _, path := range []string{"/accounts", "/reservations", "/inventory?by=rc"} {
		unharmed(t, path, "all payloads", operator.get(path))
	}
	oneLineEach(t, s.Log.String())
}

func TestLineBreaksAreRefused(t *testing.T) {
	s := open(t)
	admin, operator := s.as("acme-admin"), s.as("operator")
	r := s.reserved("acme-admin", 1)
	s.unchanged("a text with control characters", func() {
		for _, text := range refusedTexts {
			text += "." // trimming must not mend it
			for _, a := range []*answer{
				admin.post("/reservations", values("tn", "9195552100", "note", text)),
				admin.post("/reservations", values("tn", "9195552100", "customer_reference", text)),
				admin.post("/reservations/cancel", values("id", r.ID, "reason", text)),
				operator.post("/accounts", values("id", "9500050", "name", text)),
				admin.get("/reservations?q=" + url.QueryEscape(text)),
				admin.get("/lookup?q=" + url.QueryEscape(text)),
				admin.get("/search?contains=" + url.QueryEscape(text)),
				admin.get("/" + url.PathEscape(text)),
				admin.post("/theme", values("theme", "dark", "back", "/search?x="+text)),
			} {
				unharmed(t, a.url.Path, text, a)
				if a.status >= 500 {
					t.Errorf("%q: %s answers %d", text, a.url, a.status)
				}
			}
		}
	})
	oneLineEach(t, s.Log.String())
	if strings.Contains(s.Log.String(), "\x1b") {
		t.Error("the log has an escape in it")
	}
}

// oneLineEach: every line of the log begins as a line does, and none is forged.
func oneLineEach(t *testing.T, log string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for _, line := range lines {
		if !strings.HasPrefix(line, "time=") || strings.HasPrefix(line, "level=ERROR msg=forged") {
			t.Errorf("a line of the log is not one: %q", line)
		}
	}
	if len(lines) < 10 {
		t.Errorf("only %d lines in the log", len(lines))
	}
}

// checkExport reads the CSV the way a spreadsheet would.
func checkExport(t *testing.T, v *visitor, notes []string) {
	t.Helper()
	seen := 0
	for _, path := range []string{"/reservations.csv", "/reservations.csv?show=ended"} {
		a := v.want(200, path)
		rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			seen++
			for i, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@|%\t\r") {
					t.Errorf("%s: column %s begins a formula: %q", path, rows[0][i], cell)
				}
			}
			if note := row[slices.Index(rows[0], "note")]; !slices.Contains(notes, note) && !slices.Contains(notes, strings.TrimPrefix(note, "'")) {
				t.Errorf("%s: note %q", path, note)
			}
			if tn := row[slices.Index(rows[0], "tn")]; len(tn) != 10 || strings.Trim(tn, "0123456789") != "" {
				t.Errorf("%s: TN %q", path, tn)
			}
		}
	}
	if seen != len(notes) {
		t.Errorf("%d of %d reservations were exported", seen, len(notes))
	}
}

func TestFormulasAreGuarded(t *testing.T) {
	for _, start := range []string{"=", "+", "-", "@", "|", "%", "\t=", "\r=", "\n=", " =", "\u00a0=", "\u3000=", "＝", "＋", "－", "＠", "｜", "％"} {
		if got := web.Harmless(start + "1+1"); !strings.HasPrefix(got, "'") {
			t.Errorf("%q goes out as %q", start+"1+1", got)
		}
	}
	for _, s := range []string{"", "a=b", "1+1", "Ann", "'=1", "5 %"} {
		if got := web.Harmless(s); got != s {
			t.Errorf("%q goes out as %q", s, got)
		}
	}
	s := open(t)
	admin := s.as("acme-admin")
	var notes []string
	for _, start := range []string{"=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠", "｜", "％"} {
		note := start + `HYPERLINK("http://evil.example","mark")`
		notes = append(notes, note)
		admin.post("/reservations", values("tn", s.free().Digits(), "note", note, "customer_reference", note))
	}
	checkExport(t, admin, notes)
	a := admin.get("/reservations.csv")
	if d := a.header.Get("Content-Disposition"); d != `attachment; filename="reservations-`+storetest.Start.Format("2006-01-02")+`.csv"` {
		t.Errorf("Content-Disposition %q", d)
	}
	if strings.Contains(a.body, ",+1") {
		t.Error("a TN with + in the export")
	}
}
