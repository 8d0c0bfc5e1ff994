package web_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// TestBrowser does in a real browser what people do. A complaint of the browser, a
// report of the Content-Security-Policy, an exception or a failed request fails it.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := chrome(t)
	for _, c := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"every page", everyPage}, // the longest first
		{"the main job", mainJob},
		{"the import", importJob},
		{"without a script", withoutScript},
		{"keys and focus", keysAndFocus},
		{"orders follow", ordersFollow},
		{"warnings before the end", warnings},
		{"the idle rule", idleRule},
		{"a proxy's own page", proxysPage},
		{"script payloads", runPayloads},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, browser)
		})
	}
}

const rowsOf777 = "/search?contains=77&npa=919&order=asc"

// state is a condition about a row of search.
func state(tn, state string) string {
	return fmt.Sprintf(`document.getElementById('tn-%s')?.dataset.state === %q`, tn, state)
}

func mainJob(t *testing.T, browser context.Context) {
	s := running(t)

	op := s.tab(browser, t)
	op.enter("operator")
	op.holds("an operator begins at the accounts", at("/accounts"))
	op.holds("Initech is off", `!document.querySelector('#a-sw-9500003').hasAttribute('data-on')`)
	op.js(`window.mark = 1`)
	op.click("#a-sw-9500003")
	op.holds("Initech is on", `document.querySelector('#a-sw-9500003, #switch-toggle')?.hasAttribute('data-on') && window.mark`)
	op.toast("Reservation is on for Initech")
	op.click(`.side form[action="/sign-out"] button`)
	op.holds("signed out", `location.pathname === '/sign-in' && document.body.textContent.includes('You are signed out')`)
	op.js(`history.back()`)
	op.holds("going back shows nothing", `location.pathname === '/sign-in' && location.search.includes('next=') && !document.querySelector('#side')`)

	me, other := s.tab(browser, t), s.tab(browser, t)
	me.enter("initech-admin")
	me.holds("an admin begins at the reservations", at("/reservations")+` && document.body.textContent.includes('Nothing is reserved now')`)
	me.ready()
	me.js(`window.mark = 1`)
	me.click("#nav-search")
	me.holds("search", at("/search")+` && document.activeElement.id === 'h1' && document.querySelectorAll('#rows > tr').length === 50`)
	me.fill("#f-npa", "919")
	me.fill("#f-contains", "77")
	me.keys("\r")
	me.holds("found", `location.search.includes('contains=77') && location.search.includes('npa=919') && document.querySelectorAll('#rows > tr').length === 38`)
	me.holds("every number shows what matched", `[...document.querySelectorAll('#rows > tr')].every(r => [...r.querySelectorAll('mark')].some(m => m.textContent.replace(/\D/g, '').includes('77')))`)
	me.holds("all in one page", `window.mark`)

	first := me.get(`document.querySelector('#rows > tr').id.slice(3)`)
	other.enter("globex-admin")
	other.goTo(rowsOf777)
	other.ready()
	other.js(`window.mark = 1`)
	other.holds("another account sees it free", state(first, "free"))
	me.js(`window.steps = history.length`)
	me.click("#do-" + first)
	me.toast("Reserved (919)") // before it goes by itself
	me.holds("the row is mine, in place", state(first, "mine")+` && document.querySelector('#rows > tr').id === 'tn-`+first+`'`)
	me.holds("the panel follows", `document.querySelectorAll('#mine li').length === 1`)
	me.holds("the badge follows", `document.querySelector('#nav-reservations .count-badge').textContent.trim().startsWith('1')`)
	me.holds("the focus stays", `document.activeElement.id === 'do-`+first+`'`)
	me.holds("no step in the history", `history.length === window.steps && window.mark`)
	other.holds("gone for the other account", state(first, "gone"))

	// Three by keyboard, for a short time.
	var held []string
	for len(held) < 3 {
		me.keys("j")
		tn := me.get(`document.querySelector('tr.cursor').id.slice(3)`)
		if tn != first {
			me.keys("x")
			held = append(held, tn)
		}
	}
	me.keys("k")
	me.holds("k goes up", `document.querySelector('tr.cursor').id === 'tn-`+held[1]+`'`)
	me.holds("three are selected", `document.querySelector('#bulk [data-selected]').textContent === '3'`)
	me.js(`(o => { o.value = '29s'; o.selected = true })(document.querySelector('#f-for').lastElementChild)`)
	me.click("#reserve-go")
	for _, tn := range held {
		me.holds("mine", state(tn, "mine"))
		other.holds("gone", state(tn, "gone"))
	}
	me.toast("Reserved 3 numbers for 29 seconds")
	me.holds("the last seconds look so", `document.querySelector('#tn-`+held[0]+` .count').dataset.tone === 'now'`)
	s.Clock.Add(29 * time.Second)
	for _, tn := range held {
		me.holds("free again by itself", state(tn, "free"))
		other.holds("free again for the other account too", state(tn, "free"))
	}
	me.holds("nothing was loaded anew", `window.mark && document.querySelectorAll('#mine li').length === 1`)
	other.holds("nothing was loaded anew", `window.mark`)

	// An hour later the one that is left is extended, then cancelled.
	s.Clock.Add(10 * time.Minute)
	before := me.get(`document.querySelector('#mine .count').dataset.countdown`)
	me.click(`#mine [id^=mx-]`)
	me.toast("Extended")
	me.holds("more time", fmt.Sprintf(`+document.querySelector('#mine .count').dataset.countdown > %s && location.search.includes('contains=77') && window.mark`, before))
	me.js(`window.id = document.querySelector('#mine li').id.slice(2)`)
	me.click(`#mine a[href^="/reservations/cancel"]`)
	me.holds("asked first", at("/reservations/cancel")+` && document.activeElement.id === 'h1'`)
	me.holds("not yet", `document.querySelectorAll('.mini li').length === 1`)
	other.holds("still gone", state(first, "gone"))
	me.fill("#f-reason", "Customer chose another number")
	me.click("#confirm-yes")
	me.toast("Cancelled 1 reservation; 1 number free again")
	me.holds("back at the list", at("/reservations")+` && document.body.textContent.includes('Nothing is reserved now')`)
	other.holds("free for the other account", state(first, "free"))
	me.js(`document.querySelector('nav.seg a[href*="show=ended"]').click()`)
	me.holds("what ended, with the reason", `document.querySelectorAll('#rows > tr').length === 2 && document.body.textContent.includes('Customer chose another number')`)

	// Back and forward show what is so now.
	me.js(`history.back()`)
	me.holds("back to the list", `location.pathname === '/reservations' && !location.search.includes('ended') && document.body.textContent.includes('Nothing is reserved now')`)
	me.js(`history.back()`)
	me.holds("back to the question, which is over", at("/reservations/cancel")+` && document.body.textContent.includes('ended already')`)
	me.js(`history.back()`)
	me.holds("back to search, with the row as it is now", at("/search")+` && `+state(first, "free")+` && document.querySelectorAll('#mine li').length === 0`)
	me.holds("the form says what was searched", `document.querySelector('#f-contains').value === '77'`)
	me.js(`history.forward()`)
	me.holds("forward", at("/reservations/cancel"))
	me.js(`history.forward()`)
	me.holds("forward to the list", at("/reservations")+` && document.querySelector('#nav-reservations[aria-current]') && window.mark`)
	me.holds("and it is live", `document.querySelector('#live').dataset.state === 'on'`)

	// Somebody else of the account reserves.
	colleague := func(line int, reference string) {
		_, err := s.Reserve(context.Background(), storetest.Actor(tel.RoleMember, storetest.Initech), tel.ReserveRequest{
			Account: storetest.Initech, TNs: []tel.Number{tel.NewNumber(984, 200, line)}, CustomerReference: reference,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	listed := func(n int, reference string) string {
		return fmt.Sprintf(`document.querySelectorAll('#rows > tr').length === %d && document.body.textContent.includes(%q)`, n, reference)
	}
	colleague(123, "From a colleague")
	me.holds("the list follows by itself", listed(1, "From a colleague"))

	// And once more after the server made the next page and before it is here.
	me.click("#nav-search")
	me.holds("search", at("/search")+` && document.activeElement.id === 'h1'`)
	me.js(`{ const ask = window.fetch; window.fetch = async (...a) => { window.fetch = ask; const r = await ask(...a); await new Promise(go => window.arrive = go); return r } }`)
	me.js(`document.body.addEventListener('live:reservations', () => window.heard = true)`)
	me.click("#nav-reservations")
	me.holds("a page on its way", `window.arrive`)
	colleague(124, "Meanwhile")
	me.holds("the news are here first", `window.heard`)
	me.js(`window.arrive()`)
	me.holds("the page shows what happened on its way", at("/reservations")+` && `+listed(2, "Meanwhile"))
}

// csvOf is a file of n thousands-blocks and two bad rows.
func csvOf(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("npa,nxx,x,city,state,rate_center,lata\n911,555,1,Nowhere,NC,NOWHERE,1\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,%d,%d,Tampa,FL,TAMPA,952\n", 301+i/800, 220+i/10%80, i%10)
	}
	b.WriteString("1.2E+10,x,y,,,,\n")
	path := filepath.Join(t.TempDir(), "blocks.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func importJob(t *testing.T, browser context.Context) {
	s := running(t)
	op := s.tab(browser, t)
	op.enter("operator")
	op.goTo("/inventory/import")
	op.ready()
	op.must(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{csvOf(t, 3000)}))
	op.click("#upload")
	op.holds("the preview", `document.querySelector('#confirm')?.textContent.includes('3,000,000') && document.body.textContent.includes('2 rows refused')`)
	op.holds("the refused lines", `[...document.querySelectorAll('.a-bad tbody th')].map(e => e.textContent.replace(/\D/g, '')).join() === '2,3003'`)
	op.ready()
	op.js(`window.mark = 1`)
	op.click("#confirm")
	op.holds("progress, then the result, by itself", `document.querySelector('.note[data-kind=ok]')?.textContent.includes('Done') && window.mark`)
	op.click(`.note a[href="/inventory"]`)
	op.holds("it is there", at("/inventory")+` && document.querySelector('#inv-FL, [id*="FL"]')`)
}

func withoutScript(t *testing.T, browser context.Context) {
	s := running(t)
	_, err := s.CreatePerson(context.Background(), tel.System("test"), store.NewPerson{
		Email: "ada@example.com", Name: "Ada", Password: "a few words do well", Role: tel.RoleAdmin, Account: storetest.Acme,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := s.tab(browser, t)
	b.withoutScript()
	b.goTo("/reservations?show=ended")
	b.holds("sent to sign in", at("/sign-in"))
	b.expect("status of 401")
	b.fill("#email", "ada@example.com")
	b.fill("#password", "not this one")
	b.keys("\r")
	b.holds("refused", `document.querySelector('.note[data-kind=error]')`)
	b.fill("#password", "a few words do well")
	b.click("#sign-in")
	b.holds("in, where it was meant to go", `location.pathname + location.search === '/reservations?show=ended' && document.querySelector('#side')`)
	b.holds("no script ran", `!document.documentElement.classList.contains('js')`)

	b.click("#nav-search")
	b.holds("search", at("/search"))
	b.fill("#f-contains", "777")
	b.keys("\r")
	b.holds("found", `location.search.includes('contains=777') && document.querySelectorAll('#rows > tr').length === 5 && document.querySelector('#rows mark')`)
	b.expect("status of 422")
	b.fill("#f-npa", "111")
	b.click("#go")
	b.holds("an impossible filter, at its field", `document.querySelector('#f-npa[aria-invalid]') && document.querySelector('#f-npa-e.fault')`)
	b.fill("#f-npa", "919")
	b.click("#go")
	b.holds("two", `document.querySelectorAll('#rows > tr').length === 2`)
	tn := b.get(`document.querySelector('#rows > tr').id.slice(3)`)
	b.click("#do-" + tn)
	b.toast("Reserved (919)")
	b.holds("it left the results and is in the panel", `location.pathname === '/search' && document.querySelectorAll('#mine li').length === 1`)
	b.click(`#mine [id^=mx-]`)
	b.toast("Extended")
	b.click("#nav-search")
	b.holds("search", `document.querySelectorAll('#rows > tr').length === 50`)
	b.js(`[...document.querySelectorAll('#rows .c-sel input')].slice(0, 2).forEach(i => i.click())`)
	b.click("#reserve-go")
	b.toast("Reserved 2 numbers")
	b.click("#nav-reservations")
	b.holds("two reservations", at("/reservations")+` && document.querySelectorAll('#rows > tr').length === 2`)
	b.js(`document.querySelectorAll('#rows .c-sel input').forEach(i => i.click())`)
	b.click("#cancel-go")
	b.holds("asked first", at("/reservations/cancel")+` && document.querySelectorAll('.mini li').length === 2`)
	b.fill("#f-reason", "Enough")
	b.click("#confirm-yes")
	b.toast("Cancelled 2 reservations; 3 numbers free again")
	b.click(`.side form[action="/sign-out"] button`)
	b.holds("out", at("/sign-in"))

	if _, err := s.Reserve(context.Background(), storetest.Actor(tel.RoleMember, storetest.Acme), tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{tel.NewNumber(984, 200, 123)}}); err != nil {
		t.Fatal(err)
	}
	b.enter("operator")
	b.click("#a-sw-9500001")
	b.holds("asked first", at("/accounts/9500001/switch-off"))
	b.click("#live-end")
	b.click("#switch-off")
	b.toast("Reservation is off for Acme Tel. 1 reservation ended.")
	b.goTo("/inventory/import")
	b.must(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{csvOf(t, 20)}))
	b.click("#upload")
	b.holds("the preview", `document.querySelector('#confirm')`)
	b.click("#confirm")
	b.holds("confirmed", `document.querySelector('.note[data-kind=ok], #import-progress')`)
	b.reloaded("done", `document.querySelector('.note[data-kind=ok]')`)
	b.click(".theme button:not([hidden])")
	b.holds("the theme is kept", `document.documentElement.dataset.theme === 'dark'`)
}

func keysAndFocus(t *testing.T, browser context.Context) {
	s := running(t)
	b := s.tab(browser, t)
	b.enter("acme-admin")
	b.goTo("/search?contains=777")
	b.ready()
	b.js(`document.activeElement.blur()`)
	b.keys("\t")
	b.holds("Tab shows the skip link first", `document.activeElement.matches('.skip') && (r => r.top >= 0 && r.bottom > 10 && r.left >= 0)(document.activeElement.getBoundingClientRect())`)
	b.keys("\r")
	b.holds("it leads to the content", `location.hash === '#main'`)
	b.keys("\t")
	b.holds("the next Tab is inside the content", `document.activeElement.closest('#main')`)
	b.js(`document.querySelector('.skip').focus(); window.bare = []; window.stops = 0`)
	// Every stop of the Tab key shows where it is.
	for range 60 {
		b.keys("\t")
		if b.get(`(e => {
			if (!e || e === document.body || e.matches('.skip')) return 'end';
			stops++;
			const looks = [e, e.parentElement, e.nextElementSibling, e.closest('label')].filter(Boolean).map(x => getComputedStyle(x));
			if (!looks.some(c => c.outlineStyle !== 'none' && parseFloat(c.outlineWidth) > 0 || c.boxShadow !== 'none')) bare.push(e.outerHTML.slice(0, 80));
			return '';
		})(document.activeElement)`) == "end" {
			break
		}
	}
	if bare := b.get(`bare.join('\n')`); bare != "" {
		t.Errorf("the focus cannot be seen on:\n%s", bare)
	}
	b.holds("the keyboard reaches everything", `stops > 25`)

	b.js(`document.activeElement.blur()`)
	b.keys("/")
	b.holds("/ goes to the box", `document.activeElement.id === 'q' && document.activeElement.value === ''`)
	b.keys("?")
	b.holds("? in a field is a letter", `document.activeElement.value === '?' && !document.querySelector('#keys').open`)
	b.js(`document.activeElement.value = ''; document.activeElement.blur()`)
	b.keys("?")
	b.holds("? explains the keys", `document.querySelector('#keys').open && document.querySelector('#keys').contains(document.activeElement)`)
	b.keys("\x1b")
	b.holds("Escape closes", `!document.querySelector('#keys').open`)
	b.keys("j")
	b.keys("r")
	b.holds("r reserves the row", `document.querySelector('tr.cursor').dataset.state === 'mine'`)
	const fourth = `document.querySelector('#rows > tr:nth-child(4) .c-sel input')`
	b.js(fourth + `.focus()`)
	b.keys("x")
	b.holds("x selects the row that has the focus", fourth+`.checked && document.querySelectorAll('tr.cursor').length === 1`)
	b.keys("x")
	b.js(`document.documentElement.dataset.keys = 'off'; document.activeElement.blur()`)
	b.keys("?")
	b.holds("keys can be switched off", `!document.querySelector('#keys').open`)
	b.js(`delete document.documentElement.dataset.keys`)

	b.keys("/")
	b.keys("9195550000\r")
	b.holds("looked up from the search page, whole", `location.pathname === '/lookup' && document.activeElement.id === 'h1' && !document.querySelector('#filters')`)

	for _, id := range []string{"nav-reservations", "nav-lookup", "nav-account", "nav-search"} {
		b.js(`scrollTo(0, 9999)`)
		b.click("#" + id)
		b.holds(id+" leads to its heading", `document.querySelector('#`+id+`[aria-current]') && document.activeElement === document.querySelector('h1') && scrollY === 0`)
	}

	// The theme: the system's, until somebody chooses.
	b.prefers("prefers-color-scheme", "dark")
	b.holds("dark as the system", `getComputedStyle(document.querySelector('.on-dark')).display !== 'none'`)
	dark := b.get(`getComputedStyle(document.documentElement).backgroundColor`)
	b.click(".on-dark")
	b.holds("light at once", `document.documentElement.dataset.theme === 'light' && document.activeElement.matches('.on-light') && getComputedStyle(document.documentElement).backgroundColor !== '`+dark+`'`)
	// the server is told behind the page's back
	b.reloaded("light after a reload", `document.documentElement.dataset.theme === 'light' && getComputedStyle(document.documentElement).backgroundColor !== '`+dark+`'`)

	b.prefers("prefers-reduced-motion", "reduce")
	b.must(chromedp.Reload())
	b.ready()
	b.holds("nothing moves for those who asked", `[...document.querySelectorAll('*')].every(e => [getComputedStyle(e), getComputedStyle(e, '::before'), getComputedStyle(e, '::after')].every(c => c.animationName === 'none' || parseFloat(c.animationDuration) < .01) && parseFloat(getComputedStyle(e).transitionDuration) < .01)`)
}

func warnings(t *testing.T, browser context.Context) {
	s := running(t)
	b := s.tab(browser, t)
	b.enter("acme-member")
	b.goTo("/search?contains=777&npa=919")
	b.ready()
	tn := b.get(`document.querySelector('#rows > tr').id.slice(3)`)
	b.click("#do-" + tn)
	b.holds("mine", state(tn, "mine"))
	b.holds("a clock that is not read out every second", `(e => e.getAttribute('role') === 'timer' && (e.getAttribute('aria-live') ?? 'off') === 'off')(document.querySelector('#mine .count time'))`)
	far := tel.NewNumber(984, 200, 1)
	// The clock jumps; somebody else's reservation makes the page ask. It is told anew after
	// the first warning is due, and before the second one is.
	for i, left := range []time.Duration{128, 118, 38} {
		ends := b.get(`document.querySelector('#mine .count time').dateTime`)
		end, err := time.Parse(time.RFC3339, ends)
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Add(end.Add(-left * time.Second).Sub(s.Now()))
		if _, err := s.Reserve(context.Background(), storetest.Actor(tel.RoleMember, storetest.Acme), tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{far + tel.Number(i)}}); err != nil {
			t.Fatal(err)
		}
		b.holds("the page was told", fmt.Sprintf(`+document.querySelector('#mine .count').dataset.countdown <= %d`, left+1)) // its end is written in whole seconds
		if left == 128 {
			continue
		}
		say := map[time.Duration]string{118: "2 minutes left", 38: "30 seconds left"}[left]
		b.holds("announced politely: "+say, fmt.Sprintf(`(e => e.textContent.includes(%q) && e.getAttribute('aria-live') === 'polite')(document.querySelector('#announce'))`, say))
	}
	b.holds("shown by more than a colour", `document.querySelector('#mine .count').dataset.tone === 'now'`)
	b.click(`#mine [id^=mx-]`)
	b.toast("Extended")
	b.holds("an extension is one press away", `document.querySelector('#mine .count').dataset.tone === 'calm'`)
}

// proxysPage: what somebody else answers replaces nothing, and what was said of a form
// lasts until it is read.
func proxysPage(t *testing.T, browser context.Context) {
	b := running(t).tab(browser, t)
	b.enter("acme-admin")
	b.goTo("/accounts/9500001")
	b.ready()
	const unknown = `[...document.querySelectorAll('.toast')].map(t => t.dataset.kind + t.textContent.includes('unknown')).join() === 'errortrue'`
	b.js(`window.asked = 0; window.fetch = async () => { window.asked++; return new Response('<h1>502 Bad Gateway</h1>', {status: 502}) }`)
	b.click("#policy-save")
	b.holds("what became of it is unknown", unknown)
	b.js(`window.asked = 0; document.body.dispatchEvent(new CustomEvent('live:account'))`)
	b.holds("the page asked by itself", `window.asked > 0`)
	b.js(`window.asked = 0`)
	b.click("#nav-orders")
	b.holds("another page was asked for", `window.asked > 0`)
	b.js(`setTimeout(() => window.asked = 'then', 300)`)
	b.holds("a while later", `window.asked === 'then'`)
	b.holds("the page and the message stand", unknown+` && document.querySelector('#policy') && `+at("/accounts/9500001"))
	b.click(`.toast [data-dismiss][aria-label="Dismiss the message"]`)
	b.holds("who has read it takes it away", `!document.querySelector('.toast')`)
	b.click("#nav-orders")
	b.toast("No connection.")

	b.goTo("/search?npa=919&order=asc")
	b.ready()
	b.js(`window.fetch = async () => new Response('<div hx-swap-oob="beforeend:#toasts"><div class="toast" data-kind="error"><p>Ours</p></div></div>', {status: 503, headers: {'HX-Reswap': 'none'}})`)
	b.click("#pager-more")
	b.toast("Ours")
	b.holds("it is said once", `document.querySelectorAll('.toast').length === 1`)
}

func idleRule(t *testing.T, browser context.Context) {
	s := running(t)
	b := s.tab(browser, t)
	b.enter("acme-admin")
	b.goTo("/reservations")
	b.ready()
	seen := b.lives()
	far, n := tel.NewNumber(984, 200, 1), tel.Number(0)
	another := func() {
		n++
		if _, err := s.Reserve(context.Background(), storetest.Actor(tel.RoleMember, storetest.Acme), tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{far + n}}); err != nil {
			t.Fatal(err)
		}
	}
	another()
	b.holds("the list follows", `document.querySelectorAll('#rows > tr').length === 1`)
	if b.lives() == seen {
		t.Error("a page that refreshed itself did not say so (X-Live: 1)")
	}
	// 20 minutes with refreshes and 20 more: nobody was here for 40, so that is the end.
	s.Clock.Add(20 * time.Minute)
	another()
	b.holds("the list follows", `document.querySelectorAll('#rows > tr').length === 2`)
	b.expect("status of 401", "ERR_INCOMPLETE_CHUNKED_ENCODING")
	s.Clock.Add(20 * time.Minute)
	another()
	b.holds("an open page alone does not keep a session", `location.pathname === '/sign-in' && location.search.includes('next=')`)
}
