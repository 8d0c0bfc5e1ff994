package web_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// TestBrowserPurchases does in a real browser what end users do.
func TestBrowserPurchases(t *testing.T) {
	t.Parallel()
	browser := chrome(t)
	for _, c := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"from link to receipt", linkToReceipt},
		{"two tabs at once", twoTabs},
		{"the end on the page", endOnThePage},
		{"what is to be mended stays", mendedForm},
		{"a return that never comes", returnNeverComes},
		{"payment without a script", paymentWithoutScript},
		{"a storefront", storefront},
		{"their pages", endUserPages},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, browser) })
	}
}

// buy fills in the form that is open.
func (b *tab) buy() {
	b.t.Helper()
	b.fill("#name", "Ann Buyer")
	b.fill("#email", "ann@example.com")
	b.click("#go")
}

const thanked = `document.querySelector('h1').textContent === 'Thank you' && document.querySelector('#order').textContent.length === 36`

func linkToReceipt(t *testing.T, browser context.Context) {
	s := running(t)
	r := s.reserved("acme-member", 2)
	me, ann := s.tab(browser, t), s.tab(browser, t)
	me.enter("acme-member")
	me.goTo("/reservations/" + r.ID)
	me.ready()
	me.click("#link")
	me.holds("the link, ready to be copied", `document.querySelector('#made-link').value.includes('/buy/') && document.querySelector('#made-copy').checkVisibility()`)
	link := me.get(`document.querySelector('#made-link').value`)
	path := strings.TrimPrefix(link, s.URL)
	me.holds("it is in the list", `document.querySelectorAll('#links li').length === 1`)

	ann.size(360, 740)
	ann.goTo(path)
	ann.holds("what is offered", `document.querySelectorAll('#items li').length === 2 && document.querySelector('header').textContent.includes('Acme Tel') && document.querySelector('.count').dataset.tone === 'calm'`)
	first := ann.get(`document.querySelector('#left time').textContent`)
	ann.holds("the clock goes", `document.querySelector('#left time').textContent !== '`+first+`'`)
	ann.js(`document.querySelector('#name').focus()`)
	ann.keys("Ann Buyer\tann@example.com\t\r") // nothing but the keyboard
	ann.holds("the receipt", thanked)
	order := ann.get(`document.querySelector('#order').textContent`)
	ann.js(`window.mark = 1; location.reload()`)
	ann.holds("the same after a reload", "!window.mark && "+thanked)
	ann.js(`window.mark = 1; history.back()`)
	ann.holds("the same behind the back button", `!window.mark && document.querySelector('#order')?.textContent === '`+order+`'`)
	me.holds("the reservation's page follows", `document.querySelector('#links').textContent.includes('Ordered') && document.querySelector('#made-link').value === '`+link+`'`)
	if n := s.one(`SELECT COUNT(*) FROM orders`); n != "1" {
		t.Errorf("%s orders", n)
	}
}

func twoTabs(t *testing.T, browser context.Context) {
	s := running(t)
	token, _, _ := s.shared(s.reserved("acme-admin", 1))
	tabs := []*tab{s.tab(browser, t), s.tab(browser, t)}
	for _, b := range tabs {
		b.goTo("/buy/" + token)
		b.fill("#name", "Ann Buyer")
		b.fill("#email", "ann@example.com")
	}
	for _, b := range tabs { // the second is sent while the first is on its way
		b.js(`setTimeout(() => { document.querySelector('#go').click(); document.querySelector('#go').click() })`)
	}
	for _, b := range tabs {
		b.holds("the receipt", thanked)
	}
	if a, b := tabs[0].get(`document.querySelector('#order').textContent`), tabs[1].get(`document.querySelector('#order').textContent`); a != b || s.one(`SELECT COUNT(*) FROM orders`) != "1" {
		t.Errorf("orders %s and %s", a, b)
	}
}

// mendedForm: what was typed stays through what the page asks by itself, though the server
// refused and forgot it.
func mendedForm(t *testing.T, browser context.Context) {
	s := running(t)
	token, _, _ := s.shared(s.reserved("acme-admin", 1))
	b := s.tab(browser, t)
	b.goTo("/buy/" + token)
	b.js(`document.querySelector('#accept').noValidate = true`)
	b.fill("#name", "Ann Buyer")
	b.fill("#email", "ann")
	b.expect("422")
	b.click("#go")
	b.holds("the refusal", `document.querySelector('#email[aria-invalid]') && document.querySelector('.note[data-kind=error]')`)
	b.js(`document.body.dispatchEvent(new CustomEvent('live:reservations'))`)
	b.holds("the page as it is now", `!document.querySelector('.note[data-kind=error]')`)
	b.holds("what was typed and what is to be mended", `document.querySelector('#name').value === 'Ann Buyer' && document.querySelector('#email[aria-invalid]').value === 'ann' && document.querySelector('#accept .fault')`)
	b.buy()
	b.holds("the receipt", thanked)
}

func endOnThePage(t *testing.T, browser context.Context) {
	s := running(t)
	sel := tel.DefaultSelling()
	sel.OfferSimilar = true
	if err := s.SetSelling(ctx, root, storetest.Acme, sel); err != nil {
		t.Fatal(err)
	}
	b := s.tab(browser, t) // before the time begins
	out, err := s.Reserve(ctx, s.actor("acme-admin"), tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{s.free()}, For: 25 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	token, _, _ := s.shared(out.Reservation)
	b.goTo("/buy/" + token)
	b.holds("the last seconds", `document.querySelector('.count')?.dataset.tone === 'now'`)
	b.holds("the end, by itself", `document.querySelector('h1').textContent === 'The time is up' && !document.querySelector('#accept')`)
	b.holds("when it was", `document.querySelector('#left time').dateTime.startsWith('2026-11-21T15:0')`)
	tn := b.get(`document.querySelector('#similar button').value`)
	b.click("#similar button")
	b.holds("another one is kept", `document.querySelector('#accept') && document.querySelector('#items li').id === 'tn-`+tn+`' && location.pathname !== '/buy/`+token+`'`)
	b.buy()
	b.holds("the receipt", thanked)
}

// cashier is a payment page of another site, which answers as it is pressed.
func cashier(t *testing.T, s *site) {
	t.Helper()
	var secret string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		call := r.URL.Query()
		call.Del("shop")
		if q.Get("sig") != tel.SignQuery(secret, tel.SignedCheckout, call) {
			http.Error(w, "not signed", http.StatusForbidden)
			return
		}
		if ref := r.Header.Get("Referer"); strings.Contains(ref, "buy") {
			t.Errorf("the payment page is told %q", ref)
		}
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Pay</title><link rel="icon" href="data:,"><h1>Pay %s</h1>`, html.EscapeString(q.Get("amount")))
		for _, status := range []string{"paid", "cancelled"} {
			answer := url.Values{"nonce": {q.Get("nonce")}, "status": {status}}
			answer.Set("sig", tel.SignQuery(secret, tel.SignedReturn, answer))
			fmt.Fprintf(w, `<p><a id="%s" href="%s">%s</a>`, status, html.EscapeString(q.Get("return")+"?"+answer.Encode()), status)
		}
	}))
	t.Cleanup(page.Close)
	secret = s.payAt(page.URL + "/?shop=7")
}

func paymentWithoutScript(t *testing.T, browser context.Context) {
	s := running(t)
	cashier(t, s)
	token, _, _ := s.shared(s.reserved("acme-admin", 1))
	b := s.tab(browser, t)
	b.withoutScript()
	b.goTo("/buy/" + token)
	b.buy()
	b.holds("asked to pay", `document.querySelector('h1').textContent === 'Payment'`)
	b.click("#pay")
	b.holds("at the payment page", `document.querySelector('h1').textContent === 'Pay 1.00'`)
	b.click("#cancelled")
	b.holds("back, with the time that is left", at("/buy/"+token)+` && document.querySelector('#accept') && document.querySelector('#name').value === 'Ann Buyer'`)
	b.click("#go")
	b.click("#pay")
	b.holds("at the payment page", `document.querySelector('#paid')`)
	answer := b.get(`document.querySelector('#paid').href`)
	b.click("#paid")
	b.holds("the receipt", at("/buy/"+token)+" && "+thanked)
	b.goTo(strings.TrimPrefix(answer, s.URL)) // the payment page's link, pressed again
	b.holds("the receipt", at("/buy/"+token)+" && "+thanked)
	if n := s.one(`SELECT COUNT(*) FROM orders`); n != "1" {
		t.Errorf("%s orders", n)
	}
}

func returnNeverComes(t *testing.T, browser context.Context) {
	s := running(t)
	cashier(t, s)
	r := s.reserved("acme-admin", 1)
	token, _, _ := s.shared(r)
	s.Clock.Add(3*time.Hour + 59*time.Minute)
	b := s.tab(browser, t)
	b.goTo("/buy/" + token)
	b.buy()
	b.holds("the clock stands", `document.querySelector('#left').textContent.includes('the clock stands') && document.querySelector('.count').dataset.tone === 'calm'`)
	began, err := strconv.ParseInt(s.one(`SELECT submitted_at FROM reservation WHERE id = ?`, r.ID), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Add(time.UnixMicro(began).Add(tel.MaxPause - 25*time.Second).Sub(s.Now()))
	b.js(`location.reload()`)
	b.holds("the last seconds of the pause", `document.querySelector('.count')?.dataset.tone === 'now'`)
	b.holds("then it goes on by itself", `document.querySelector('#payment')?.textContent.includes('Nothing was heard') && !document.querySelector('#left').textContent.includes('stands')`)
	s.Clock.Add(time.Minute)
	b.js(`document.body.dispatchEvent(new CustomEvent('live:reservations', {bubbles: true}))`)
	b.holds("and runs out", `document.querySelector('h1').textContent === 'The time is up'`)
	waitFor(t, "the hold", func() bool { return s.one(`SELECT state FROM reservation WHERE id = ?`, r.ID) == "expired" })
}

func storefront(t *testing.T, browser context.Context) {
	s := running(t)
	slug := s.openShop(storetest.Acme)
	b := s.tab(browser, t)
	b.size(360, 740)
	b.goTo("/shop/" + slug)
	b.fill("#f-contains", "77")
	b.click("#search")
	b.holds("found", `location.search.includes('contains=77') && document.querySelectorAll('#results li').length === 24 && document.querySelector('#results mark')`)
	first := b.get(`document.querySelector('#results li button').value`)
	b.click("#results li button")
	b.holds("it is kept", `location.pathname.startsWith('/buy/') && document.querySelector('#items li').id === 'tn-`+first+`'`)
	b.click("header .brand")
	b.holds("back in the shop", at("/shop/"+slug)+` && document.querySelector('#holding')`)
	b.click("#order")
	b.buy()
	b.holds("the receipt", thanked)
}

// endUserPages are looked at as everyPage looks at the others.
func endUserPages(t *testing.T, browser context.Context) {
	s := open(t)
	secret := s.payAt("https://pay.example.com/start")
	sel := tel.DefaultSelling()
	sel.ShopOn, sel.Slug, sel.OfferSimilar, sel.Questions = true, "acme-numbers", true, []tel.Question{{Label: "Company", Required: true}, {Label: "Street and number"}}
	set := func(checkout string) {
		t.Helper()
		sel.CheckoutURL = checkout
		if err := s.SetSelling(ctx, root, storetest.Acme, sel); err != nil {
			t.Fatal(err)
		}
	}
	accept := func(path string) {
		t.Helper()
		v := s.stranger()
		form := buying(v.get(path))
		form.Set("answer-1", "Warehouse of the Raleigh branch")
		v.post(path, form)
	}
	link := func(n int) (string, *tel.Reservation) {
		t.Helper()
		r := s.reserved("acme-admin", n)
		token, _, _ := s.shared(r)
		return "/buy/" + token, r
	}
	over, _ := link(1)
	late, lateOf := link(1)
	set("https://pay.example.com/start")
	accept(late)
	s.Clock.Add(4*time.Hour + tel.MaxPause)
	q := url.Values{"nonce": {s.one(`SELECT nonce FROM purchase WHERE nonce <> ''`)}, "status": {"paid"}}
	q.Set("sig", tel.SignQuery(secret, tel.SignedReturn, q))
	s.stranger().get(late + "/return?" + q.Encode())
	paying, payingOf := link(2)
	accept(paying)
	busy, _, _ := s.shared(s.reserved("acme-admin", 1))
	set("")
	open, openOf := link(3)
	done, _ := link(2)
	accept(done)
	cancelled, of := link(1)
	if _, err := s.Cancel(ctx, root, of.ID, ""); err != nil {
		t.Fatal(err)
	}
	taken, _, _ := s.shared(openOf)
	pictures := os.Getenv("TNRESERVE_SCREENSHOTS")

	b := s.tab(browser, t)
	b.expect("status of 4")
	for _, v := range []view{
		{"open", open}, {"paying", paying}, {"busy", "/buy/" + busy}, {"done", done}, {"ran-out", over}, {"late", late}, {"cancelled", cancelled}, {"again", "/buy/" + taken},
		{"shop", "/shop/acme-numbers"}, {"shop-none", "/shop/acme-numbers?contains=9999999"}, {"shop-wrong", "/shop/acme-numbers?npa=1"}, {"link-unknown", "/buy/nothing"},
	} {
		b.size(1440, 900)
		b.goTo(v.path)
		b.look(v, pictures, "buyer")
	}
	b.size(1440, 900)
	b.goTo(open)
	b.js(`document.querySelector('#accept').noValidate = true`)
	b.fill("#email", "nobody")
	b.click("#go")
	b.holds("refused", `document.querySelector('.fault')`)
	b.look(view{"open-wrong", open}, pictures, "buyer")
	b.size(1440, 900)
	b.goTo("/shop/acme-numbers?contains=77")
	b.click("#results li button")
	b.holds("kept", `document.querySelector('#accept')`)
	b.goTo("/shop/acme-numbers?contains=77")
	b.look(view{"shop-holding", "/shop/acme-numbers"}, pictures, "buyer")

	b = s.tab(browser, t)
	b.expect("status of 4")
	b.enter("acme-admin")
	for _, v := range []view{
		{"selling", "/accounts/9500001/selling"}, {"links", "/reservations/" + openOf.ID}, {"links-paying", "/reservations/" + payingOf.ID}, {"links-late", "/reservations/" + lateOf.ID},
		{"account-selling", "/accounts/9500001"}, {"order-bought", "/orders/" + s.one(`SELECT o.id FROM orders o JOIN purchase p ON p.order_seq = o.seq LIMIT 1`)},
	} {
		b.size(1440, 900)
		b.goTo(v.path)
		b.look(v, pictures, "acme-admin")
	}
	b.size(1440, 900)
	b.goTo("/reservations/" + openOf.ID)
	b.click("#link")
	b.holds("the link", `document.querySelector('#made-link')`)
	b.look(view{"link-made", ""}, pictures, "acme-admin")
	b.size(1440, 900)
	b.goTo("/accounts/9500001/selling")
	b.click("#secret-new")
	b.holds("the secret", `document.querySelector('#made-secret')`)
	b.look(view{"secret-made", ""}, pictures, "acme-admin")
}
