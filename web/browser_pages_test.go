package web_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// axe is axe-core 4.14.1 as it comes from npm (MPL-2.0, see testdata/axe.LICENSE). It
// is only here; no page of ours carries it.
//
//go:embed testdata/axe.min.js
var axe string

// view is one page to look at.
type view struct{ name, path string }

// gallery is a site with something on every page, and the pages of each role.
func gallery(t *testing.T) (*site, map[string][]view) {
	t.Helper()
	s := open(t)
	ctx, admin := context.Background(), storetest.Actor(tel.RoleAdmin, storetest.Acme)
	admin.Name = "Ada Lovelace"
	reserve := func(actor tel.Actor, reference, note string, d time.Duration, tns ...tel.Number) string {
		t.Helper()
		out, err := s.Reserve(ctx, actor, tel.ReserveRequest{Account: actor.Account, TNs: tns, AllOrNothing: true, CustomerReference: reference, Note: note, For: d})
		if err != nil {
			t.Fatal(err)
		}
		return out.Reservation.ID
	}
	raleigh, durham := tel.NewNumber(919, 555, 2777), tel.NewNumber(984, 200, 100)
	ranOut := reserve(admin, "Ran out", "", time.Minute, durham+50)
	ended := reserve(admin, "Order 4711", "Wants a number that ends with 50.", 0, durham+51, durham+52)
	if _, err := s.Cancel(ctx, admin, ended, "Customer chose another number"); err != nil {
		t.Fatal(err)
	}
	s.Clock.Add(2 * time.Minute)
	if _, err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	one := reserve(admin, "Order 4712", "", 0, raleigh)
	many := reserve(admin, "A customer with a very long reference that goes on, on-and-on, until 100 characters are used", "And a note. "+strings.Repeat("It says a lot. ", 20), time.Hour, durham, durham+1, durham+2, durham+3)
	reserve(admin, "", "", 4*time.Minute, durham+10)
	reserve(storetest.Actor(tel.RoleAdmin, storetest.Globex), "Theirs", "", 0, tel.NewNumber(212, 555, 4777))
	for i, who := range []string{"acme-member", "acme-admin"} {
		s.as(who).post("/reservations", url.Values{"tn": {(durham + 20 + tel.Number(i)).Digits()}, "customer_reference": {"By " + who}})
	}
	clientAt := clientGallery(s)
	ordered, waiting := orderGallery(s)
	hook, _, sent := (&walker{site: s}).webhook(storetest.Acme)
	hooks := "/accounts/9500001/webhooks"
	search, lookup := "/search?contains=777&order=asc", "/lookup?q=9195552777"
	return s, map[string][]view{
		"nobody": {
			{"sign-in", "/sign-in"}, {"signed-out", "/sign-in?out=1"}, {"link", "/enter/" + s.link("acme-member", true)}, {"link-over", "/enter/nothing"}, {"api-docs", "/api-docs"},
		},
		"operator": {
			{"accounts", "/accounts"}, {"account", "/accounts/9500001"}, {"account-off", "/accounts/9500003"}, {"switch-off", "/accounts/9500001/switch-off"},
			{"clients", "/accounts/9500001/clients"}, {"clients-empty", "/accounts/9500003/clients"}, {"client-revoke", clientAt + "/revoke"}, {"client-rotate", clientAt + "/rotate"},
			{"inventory", "/inventory"}, {"inventory-npa", "/inventory?by=npa"}, {"inventory-within", "/inventory?by=npa&within=NC"}, {"inventory-rc", "/inventory?by=rc"},
			{"import", "/inventory/import"}, {"search", search}, {"reservations", "/reservations"}, {"ended", "/reservations?show=ended"},
			{"reservation", "/reservations/" + many}, {"lookup", lookup}, {"lookup-unknown", "/lookup?q=3125550000"}, {"missing", "/accounts/1"},
			{"orders", "/orders"}, {"order", "/orders/" + ordered}, {"numbers", "/numbers"},
		},
		"support-all": {{"lookup", "/lookup"}, {"lookup-tn", lookup}, {"lookup-id", "/lookup?q=" + many}, {"lookup-past", "/lookup?q=9842000151"}, {"reservation", "/reservations/" + one},
			{"order", "/orders/" + ordered}, {"account", "/accounts/9500001"}},
		"acme-support": {{"lookup-tn", lookup}, {"lookup-other", "/lookup?q=2125554777"}, {"lookup-wrong", "/lookup?q=nonsense"},
			{"order", "/orders/" + ordered}, {"account", "/accounts/9500001"}, {"settings", "/settings"}},
		"acme-admin": {
			{"search", "/search?order=asc"}, {"search-77", search}, {"search-none", "/search?contains=999999&npa=919"}, {"search-wrong", "/search?npa=111&ends=1234567890123"},
			{"reservations", "/reservations"}, {"reservations-none", "/reservations?q=nothing"}, {"ended", "/reservations?show=ended"}, {"reservation", "/reservations/" + one},
			{"reservation-many", "/reservations/" + many}, {"reservation-cancelled", "/reservations/" + ended}, {"reservation-expired", "/reservations/" + ranOut},
			{"cancel", "/reservations/cancel?id=" + one + "&id=" + many}, {"cancel-over", "/reservations/cancel?id=" + ended}, {"account", "/accounts/9500001"}, {"lookup", lookup},
			{"clients", "/accounts/9500001/clients"}, {"client-rotate", clientAt + "/rotate"},
			{"orders", "/orders"}, {"orders-wrong", "/orders?tn=5&from=x"}, {"order", "/orders/" + ordered}, {"order-waits", "/orders/" + waiting}, {"order-new", "/orders/new?reservation=" + many},
			{"numbers", "/numbers"}, {"numbers-aging", "/numbers?status=aging"}, {"disconnect", "/numbers/disconnect?tn=9842000600&tn=9842000601"}, {"take-back", "/orders/new?tn=9842000602"},
			{"lookup-service", "/lookup?q=9842000602"}, {"api-docs", "/api-docs"},
			{"webhooks", hooks}, {"webhook", hooks + "/" + hook}, {"webhook-delivery", hooks + "/" + hook + "/deliveries/" + sent}, {"webhook-rotate", hooks + "/" + hook + "/rotate"}, {"webhook-delete", hooks + "/" + hook + "/delete"},
		},
		"initech-admin": {{"search-off", search}, {"reservations-empty", "/reservations"}, {"account-off", "/accounts/9500003"}},
		"acme-member": {{"search", search}, {"reservations", "/reservations"}, {"lookup-tn", lookup}, {"lookup-id", "/lookup?q=" + one}, {"forbidden", "/accounts"},
			{"orders", "/orders"}, {"order", "/orders/" + ordered}, {"order-new", "/orders/new?reservation=" + many}, {"settings", "/settings"}},
	}
}

// everyPage looks at each page of each role, light and wide, dark and narrow: axe finds
// nothing serious, nothing sticks out at the side. TNRESERVE_SCREENSHOTS names a folder
// that gets a picture of each, and then of each width in both colours.
func everyPage(t *testing.T, browser context.Context) {
	s, roles := gallery(t)
	pictures := os.Getenv("TNRESERVE_SCREENSHOTS")
	for _, role := range []string{"nobody", "operator", "support-all", "acme-support", "acme-admin", "initech-admin", "acme-member"} {
		t.Run(role, func(t *testing.T) {
			b := s.tab(browser, t)
			b.expect("status of 4") // the pages that say no
			if role != "nobody" {
				b.enter(role)
			}
			for _, v := range roles[role] {
				b.size(1440, 900)
				b.goTo(v.path)
				b.look(v, pictures, role)
			}
			if role == "nobody" {
				b.look(view{"set-up", firstPage(b)}, pictures, role)
			}
			if role == "operator" {
				b.size(1440, 900)
				b.goTo("/inventory/import")
				b.must(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{csvOf(t, 30)}))
				b.click("#upload")
				b.holds("the preview", `document.querySelector('#confirm')`)
				b.look(view{"import-preview", ""}, pictures, role)
				b.size(1440, 900)
				b.click("#confirm")
				b.holds("the result", `document.querySelector('.note[data-kind=ok]')`)
				b.look(view{"import-done", ""}, pictures, role)
				b.size(1440, 900)
				b.goTo("/accounts")
				b.click("#a-enter-9500001")
				b.holds("working for Acme", at("/search"))
				b.look(view{"acting-search", ""}, pictures, role)
			}
			if role == "acme-admin" {
				b.size(1440, 900)
				b.goTo("/accounts/9500001/clients")
				b.fill("#client-name", "Web shop of the warehouse in Raleigh")
				b.click("#client-create")
				b.holds("the credentials", `document.querySelector('#made-key')`)
				b.look(view{"client-made", ""}, pictures, role)
				b.size(1440, 900)
				b.fill("#client-name", "Web shop of the warehouse in Raleigh")
				b.click("#client-create")
				b.holds("the name is taken", `document.querySelector('#client-name[aria-invalid]')`)
				b.look(view{"client-taken", ""}, pictures, role)
				b.size(1440, 900)
				b.goTo("/search?order=asc")
				b.click("#do-2125554003")
				b.toast("Reserved")
				b.js(`document.querySelector('#sel-2125554005').click(); document.querySelector('details.extra').open = true`)
				b.look(view{"search-selected", ""}, pictures, role)
				b.inSpanish(pictures, role)
			}
		})
	}
}

// firstPage opens what the first operator of an installation sees.
func firstPage(b *tab) (path string) {
	b.t.Helper()
	s := serve(b.t, storetest.Empty(b.t, store.Config{}), "")
	token, err := s.NewSetupLink(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	path = "/setup/" + token
	b.size(1440, 900)
	b.must(chromedp.Navigate(s.URL + path))
	b.holds("the form", `document.querySelector('form[action^="/setup/"]')`)
	return path
}

// inSpanish looks at pages whose words are longer in another language.
func (b *tab) inSpanish(pictures, role string) {
	b.t.Helper()
	b.size(1440, 900)
	b.goTo("/settings")
	b.js(`document.querySelector('#my-language').value = 'es'`)
	b.click("#settings-save")
	b.holds("Spanish", `document.documentElement.lang === 'es'`)
	for _, v := range []view{{"search-es", "/search?order=asc"}, {"reservations-es", "/reservations"}, {"settings-es", "/settings"}, {"audit-es", "/audit"}} {
		b.size(1440, 900)
		b.goTo(v.path)
		b.look(v, pictures, role)
	}
}

// look checks the page that is open in all its sizes and colours.
func (b *tab) look(v view, pictures, role string) {
	b.t.Helper()
	b.js(axe)
	b.js(`document.fonts.ready.then(() => 1)`)
	told := map[string]bool{}
	var rules []string // at first all of them
	for _, width := range []int64{1440, 390} {
		for _, colours := range []string{"light", "dark"} {
			b.size(width, 900)
			// without motion, so that no colour is measured on its way to another
			b.prefers("prefers-color-scheme", colours, "prefers-reduced-motion", "reduce")
			b.holds("drawn", fmt.Sprintf(`innerWidth === %d && matchMedia('(prefers-color-scheme: %s)').matches`, width, colours))
			if pictures == "" && (width == 1440) != (colours == "light") {
				continue // each width and each colour once: axe takes most of a run's time
			}
			for _, f := range b.axe(rules...) {
				line := f.Impact + " " + f.ID + ": " + strings.Join(f.Nodes, "\n\t")
				if told[line] {
					continue
				}
				told[line] = true
				if f.Impact == "serious" || f.Impact == "critical" {
					b.t.Errorf("%s %s at %d, %s: %s", v.name, v.path, width, colours, line)
				} else {
					b.t.Logf("%s %s at %d, %s: %s", v.name, v.path, width, colours, line)
				}
			}
			if pictures != "" {
				b.picture(filepath.Join(pictures, fmt.Sprintf("%s-%s-%d-%s.png", role, v.name, width, colours)))
			}
			rules = []string{"color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"} // what size and colour change
		}
	}
	if blank := b.get(`[...document.querySelectorAll('svg.i')].filter(i => i.checkVisibility() && !i.querySelector('use').getBBox().width).map(i => i.innerHTML).join()`); blank != "" {
		b.t.Errorf("%s %s has icons that are none: %s", v.name, v.path, blank)
	}
	// What is meant to be swiped (code, the chips, the strip of reservations on a phone) may.
	for _, width := range []int64{320, 480, 768, 939, 941, 1200, 1920} {
		b.size(width, 900)
		b.holds("drawn", fmt.Sprintf(`innerWidth === %d`, width))
		if wide := b.get(`[document.documentElement, ...document.querySelectorAll('body, body *')]
			.filter(e => e.scrollWidth > e.clientWidth + 1 && (e === document.documentElement || /auto|scroll/.test(getComputedStyle(e).overflowX)) && !e.matches('pre, input, textarea, .chips, .holds ul'))
			.map(e => e.tagName + '.' + e.className + '#' + e.id + ' ' + e.scrollWidth + ' > ' + e.clientWidth + ' because of ' +
				([...e.querySelectorAll('*')].filter(x => x.checkVisibility() && x.getBoundingClientRect().right > e.getBoundingClientRect().left + e.clientWidth + 1).map(x => x.outerHTML.slice(0, 60))[0])).join('\n')`); wide != "" {
			b.t.Errorf("%s %s scrolls sideways at %d: %s", v.name, v.path, width, wide)
		}
	}
}

type finding struct {
	Impact, ID string
	Nodes      []string
}

// axe runs the rules that are named, or every one.
func (b *tab) axe(rules ...string) (list []finding) {
	b.t.Helper()
	only := ""
	if len(rules) > 0 {
		only = `, runOnly: ["` + strings.Join(rules, `", "`) + `"]`
	}
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ['violations']`+only+`}).then(r => JSON.stringify(r.violations.map(v =>
		({Impact: v.impact, ID: v.id, Nodes: v.nodes.slice(0, 4).map(n => n.target.join(' ') + ' ' + n.failureSummary.replace(/\s+/g, ' ').slice(0, 300))}))))`, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.Unmarshal([]byte(text), &list)
	}
	if err != nil {
		b.t.Fatalf("%s: axe: %v", b.where(), err)
	}
	return list
}

func (b *tab) picture(file string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, shot.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// hostile are texts that a careless page would run.
var hostile = []string{
	`<script>pwned=1</script>`, `"><script>pwned=2</script>`, `'><script>pwned=3</script>`, `</title><script>pwned=4</script>`, `</textarea><script>pwned=5</script>`,
	`--><script>pwned=6</script>`, `]]><script>pwned=7</script>`, `<ScRiPt>pwned=8</sCrIpT>`, `<script src=data:,pwned=9></script>`, `<script/x>pwned=10</script>`,
	`<img src=x onerror=pwned=11>`, `"><img src=x onerror=alert(12)>`, `'><img src=x onerror=alert(13)>`, `<img src="x" onerror="alert(14)"`, `<img/src/onerror=alert(15)>`,
	`<svg onload=pwned=16>`, `<svg/onload=alert(17)>`, `<svg><script>pwned=18</script></svg>`, `<svg><animate onbegin=alert(19) attributeName=x>`, `<svg><a xlink:href="javascript:alert(20)"><text>x</text></a></svg>`,
	`<math><mtext></mtext><mglyph><style><img src=x onerror=alert(21)>`, `<body onload=alert(22)>`, `<iframe src=javascript:alert(23)>`, `<iframe srcdoc="<script>top.pwned=24</script>">`, `<object data=javascript:alert(25)>`,
	`<embed src=javascript:alert(26)>`, `<details open ontoggle=alert(27)>`, `<input autofocus onfocus=alert(28)>`, `" autofocus onfocus=alert(29) x="`, `' onmouseover=alert(30) x='`,
	`" onclick="alert(31)`, `javascript:alert(32)`, `JaVaScRiPt:alert(33)`, `data:text/html,<script>alert(34)</script>`, `<a href="javascript:alert(35)">x</a>`,
	`<form action=javascript:alert(36)><button>x`, `<base href=//evil.example/>`, `<meta http-equiv=refresh content="0;url=javascript:alert(37)">`, `<link rel=stylesheet href=data:,*{color:red}>`, `<style>*{display:none}</style>`,
	`<style>@import'//evil.example'</style>`, `<div style="position:fixed;inset:0">x</div>`, `<template><script>pwned=43</script></template>`, `<noscript><p title="</noscript><img src=x onerror=alert(44)>">`, `<video><source onerror=alert(45)>`,
	`<marquee onstart=alert(46)>`, `<x hx-get="/accounts" hx-trigger=load>`, `<x hx-on:htmx:load="pwned=48">`, `<x hx-on::after-swap=alert(49)>`, `<div hx-swap-oob="true" id=main>gone</div>`,
	`<div hx-trigger="load[pwned=51]" hx-get=/search>`, `<div hx-vals='js:{x:pwned=52}' hx-get=/search hx-trigger=load>`, `{{constructor.constructor('pwned=53')()}}`, `${pwned=54}`, "`;pwned=55;//",
	`';pwned=56;//`, `";pwned=57;//`, `\"-alert(58)-\"`, `%3Cscript%3Epwned=59%3C/script%3E`, `&lt;script&gt;pwned=60&lt;/script&gt;`, `<button id=rows data-rows hx-get=/static/x hx-trigger=load>`, `＜script＞pwned=62＜/script＞`,
}

// runPayloads puts each of them wherever people can write, and looks at all pages: they
// are shown as text, and nothing else happens.
func runPayloads(t *testing.T, browser context.Context) {
	s := open(t)
	ctx, system := context.Background(), tel.System("test")
	const acme = storetest.Acme
	var ids []string
	tn := tel.NewNumber(984, 200, 100)
	for i, p := range hostile {
		actor := storetest.Actor(tel.RoleAdmin, acme)
		actor.Name = p
		for _, cancelled := range []bool{true, false} {
			out, err := s.Reserve(ctx, actor, tel.ReserveRequest{Account: acme, TNs: []tel.Number{tn + tel.Number(i)}, CustomerReference: p, Note: p})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, out.Reservation.ID)
			if cancelled {
				if _, err := s.Cancel(ctx, actor, out.Reservation.ID, p); err != nil {
					t.Fatal(err)
				}
			}
		}
		account := tel.Account{ID: tel.AccountID(1000 + i), Name: p, ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
		if err := s.CreateAccount(ctx, system, account); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreatePerson(ctx, system, store.NewPerson{Email: fmt.Sprintf("p%d@example.com", i), Name: p, Role: tel.RoleMember, Account: acme}); err != nil {
			t.Fatal(err)
		}
	}
	unharmed := func(b *tab, what string) {
		t.Helper()
		b.holds("drawn", `document.readyState === 'complete' && document.querySelector('main')`)
		if got := b.get(`[typeof pwned, document.querySelectorAll('script:not([src^="/static/"]), style, iframe, object, embed, base, #main svg script, [onerror], [onload], [onfocus], [onclick], #main img').length, location.host].join(' ')`); got != "undefined 0 "+strings.TrimPrefix(s.URL, "http://") {
			t.Errorf("%s: %s", what, got)
		}
	}
	for _, who := range []string{"operator", "acme-admin"} {
		b := s.tab(browser, t)
		b.expect("status of 4")
		b.enter(who)
		b.ready()
		globals := b.get(`Object.keys(window).sort().join()`)
		paths := []string{"/reservations?order=asc", "/reservations?show=ended", "/accounts/9500001", "/accounts", "/accounts/1000", "/search?order=asc", "/lookup?q=9842000100",
			"/reservations/cancel?id=" + ids[1] + "&id=" + ids[3] + "&id=" + ids[7], "/reservations/" + ids[0]}
		for i, id := range ids {
			if i%8 == 1 && who == "acme-admin" {
				paths = append(paths, "/reservations/"+id)
			}
		}
		for i, p := range hostile {
			q := url.QueryEscape(p)
			if who == "acme-admin" {
				paths = append(paths, "/search?npa="+q+"&contains="+q+"&place="+q+"&state="+q+"&order="+q+"&city="+q+"&rc="+q+"&run="+q, []string{"/reservations?q=", "/lookup?q="}[i%2]+q)
			} else if i%6 == 0 {
				paths = append(paths, fmt.Sprintf("/accounts/%d", 1000+i), fmt.Sprintf("/accounts/%d/switch-off", 1000+i), "/inventory?within="+q, "/sign-in?next="+q)
			}
		}
		for i, path := range paths {
			if i%5 == 0 { // as a whole page; the others as htmx brings them
				b.goTo(path)
			} else {
				b.js(fmt.Sprintf(`window.mark = 1; (a => { a.id = 'go'; a.href = %q; a.textContent = 'go'; document.querySelector('#main').append(a); htmx.process(a); a.click() })(document.createElement('a'))`, path))
				b.holds("brought "+path, `!document.querySelector('#main > a#go')`)
			}
			unharmed(b, who+" "+path)
		}
		b.goTo("/search")
		b.ready()
		if more := b.get(fmt.Sprintf(`Object.keys(window).filter(k => !%q.split(',').includes(k)).join()`, globals)); more != "" {
			t.Errorf("the page has new globals: %s", more)
		}
	}
	for _, i := range []int{1, 11, 28, 46, 49} {
		b := s.tab(browser, t)
		b.enter(fmt.Sprintf("p%d", i))
		unharmed(b, "named "+hostile[i])
		b.holds("their name is text", fmt.Sprintf(`document.querySelector('.side .who-n b').textContent === %q`, hostile[i]))
	}
}
