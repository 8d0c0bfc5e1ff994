package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store/intake"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// buying is what a buyer sends from the page that they see.
func buying(a *answer) url.Values {
	form := a.form("#accept")
	form.Set("name", "Ann Buyer")
	form.Set("email", "ann@example.com")
	return form
}

// linkPath makes a purchase link on the reservation's page, as people do.
func linkPath(t *testing.T, v *visitor, r *tel.Reservation) string {
	t.Helper()
	a := v.post("/reservations/"+r.ID+"/links", nil)
	u, err := url.Parse(a.attr("#made-link", "value"))
	if err != nil || a.status != 200 || u.Host != strings.TrimPrefix(v.URL, "http://") || a.attr("#made-copy", "data-copy") != u.String() {
		t.Fatalf("%d: %q %v: %s", a.status, a.attr("#made-link", "value"), err, a.text("#main"))
	}
	return u.Path
}

// payAt gives Acme a payment page and answers the secret.
func (s *site) payAt(address string) (secret string) {
	s.t.Helper()
	v := s.as("acme-admin")
	secret = v.post("/accounts/9500001/selling/secret", nil).text("#made-secret")
	if a := v.post("/accounts/9500001/selling", values("checkout_url", address, "window", "15m", "most_held", "50")); a.status != 200 || secret == "" {
		s.t.Fatalf("%d: %s", a.status, a.text("#main"))
	}
	return secret
}

func TestPurchasePage(t *testing.T) {
	s := open(t)
	member, ann := s.as("acme-member"), s.stranger()
	r := s.reserved("acme-member", 2)
	path := linkPath(t, member, r)
	page := ann.want(200, path)
	page.says("h1", "Your numbers").says("title", "Acme Tel").says("#items", r.TNs[0].TN.String()).says("#sum", "$2.00 a month").says("#left", "4:00:00").says("#go", "Order for $2.00 a month").has(`meta[name=viewport]`)
	if page.doc().Find("nav, aside, a[href='/']").Length() > 0 || strings.Contains(page.text("body"), "tnreserve") || page.header.Get("X-Robots-Tag") != "noindex" || page.header.Get("Cache-Control") != "no-store" {
		t.Error("the house shows, or the page may be kept")
	}
	a := ann.post(path, values("name", " ", "email", "nobody", "terms", page.attr("[name=terms]", "value")))
	a.fault("name", "fill this in")
	a.fault("email", "not an e-mail address")
	if a.status != 422 || a.attr("#email", "value") != "nobody" {
		t.Errorf("%d, e-mail %q", a.status, a.attr("#email", "value"))
	}

	receipt := ann.post(path, buying(page))
	receipt.says("h1", "Thank you").says("#items", "Ann Buyer")
	order := receipt.text("#order")
	if receipt.url.Path != path || order == "" {
		t.Fatalf("order %q at %s", order, receipt.url)
	}
	// Reload, the second click, the back button, another browser.
	for _, again := range []*answer{ann.get(path), ann.post(path, buying(page)), s.stranger().post(path, values("name", "Eve", "email", "eve@example.com")), s.stranger().get(path)} {
		if again.text("#order") != order || again.status != 200 {
			t.Errorf("again: %d, order %q", again.status, again.text("#order"))
		}
	}
	if n := s.one(`SELECT COUNT(*) FROM orders`); n != "1" {
		t.Errorf("%s orders", n)
	}
	s.as("acme-admin").want(200, "/orders/"+order).says("#buyer", "ann@example.com").says("#about", "Purchase link of Acme Tel")
	if a := member.want(200, "/orders/"+order); a.doc().Find("#buyer").Length() > 0 {
		t.Error("a member sees the buyer")
	}
	s.as("acme-admin").want(200, "/reservations/"+r.ID).says("#links", "Ordered").says("#history", "Purchase link made")
	if log := s.Log.String(); strings.Contains(log, "ann@") || strings.Contains(log, path[5:]) {
		t.Error("the log has the buyer, or the token")
	}
}

func TestPurchaseLinksEnd(t *testing.T) {
	s := open(t)
	admin, ann := s.as("acme-admin"), s.stranger()
	r := s.reserved("acme-admin", 1)
	first, second := linkPath(t, admin, r), linkPath(t, admin, r)
	page := admin.want(200, "/reservations/"+r.ID)
	if n := page.doc().Find("#links li").Length(); n != 2 || strings.Contains(page.body, first) {
		t.Errorf("%d links; a token is shown again: %v", n, strings.Contains(page.body, first))
	}
	shown := ann.want(200, first)
	for _, action := range []string{page.attr("#links li form", "action"), page.attr("#links li:last-child form", "action")} {
		admin.post(action, nil).says(".toast", "is revoked")
	}
	gone := ann.want(404, first)
	revoked := noTarget
	revoked.buy = first[5:]
	compare(t, "revoked", gone, ann.want(404, "/buy/"+noToken), revoked, noTarget)
	ann.Still = true
	if a := ann.post(first, buying(shown)); a.status != 404 {
		t.Errorf("a revoked link orders: %d", a.status)
	}
	ann.want(404, second)
	form := admin.want(200, "/reservations/"+r.ID).form("#links > form")
	once := admin.post("/reservations/"+r.ID+"/links", form)
	if again := admin.post("/reservations/"+r.ID+"/links", form); again.attr("#made-link", "value") != once.attr("#made-link", "value") || s.one(`SELECT COUNT(*) FROM purchase`) != "3" {
		t.Error("the page loaded again made another link")
	}
	third := linkPath(t, admin, r)
	admin.post("/reservations/cancel", values("id", r.ID))
	if over := admin.want(200, "/reservations/"+r.ID).says("#links", "Over"); over.doc().Find("#links button").Length() > 0 || strings.Contains(over.text("#links"), "Active") {
		t.Errorf("links of what is over: %s", over.text("#links"))
	}
	ann.Still = false
	ann.want(200, third).says("h1", "No longer offered")
	if a := admin.post("/reservations/"+r.ID+"/links", nil); !strings.Contains(a.text(".toast"), "cancelled") {
		t.Errorf("a link to what is over: %s", a.text(".toast"))
	}

	r = s.reserved("acme-admin", 1)
	path := linkPath(t, admin, r)
	admin.post("/orders", values("reservation", r.ID, "tn", r.TNs[0].TN.Digits()))
	a := ann.want(200, path)
	a.says("h1", "Ordered already")
	if a.doc().Find("#order").Length() > 0 {
		t.Error("somebody else's receipt")
	}
}

func TestPurchaseQuestions(t *testing.T) {
	s := open(t)
	admin, ann := s.as("acme-admin"), s.stranger()
	a := admin.post("/accounts/9500001/selling", values("question-1", "Company", "required-1", "1", "question-4", "Floor", "window", "soon", "most_held", "x", "slug", "A!", "checkout_url", "https://pay.example.com"))
	for field, words := range map[string]string{"window": "length of time", "most_held": "whole number", "slug": "letters, digits", "checkout_url": "secret first"} {
		a.fault(field, words)
	}
	if a.status != 422 || a.attr("#question-4", "value") != "Floor" {
		t.Errorf("%d, question %q", a.status, a.attr("#question-4", "value"))
	}
	admin.post("/accounts/9500001/selling", values("question-1", "Company", "required-1", "1", "question-4", "Floor", "window", "15m", "most_held", "50")).says(".toast", "was saved")
	r := s.reserved("acme-admin", 1)
	path := linkPath(t, admin, r)
	page := ann.want(200, path)
	page.says("#accept", "Company").says("#accept", "Floor (optional)")
	form := buying(page)
	ann.post(path, form).fault("answer-1", "fill this in")
	form.Set("answer-1", "Acme & Sons")
	order := ann.post(path, form).text("#order")
	admin.want(200, "/orders/"+order).says("#buyer", "Acme & Sons")
}

// TestCheckoutAndBack is the whole way over a payment page of the account's own.
func TestCheckoutAndBack(t *testing.T) {
	s := open(t)
	secret := s.payAt("https://pay.example.com/start?shop=7")
	ann := s.stranger()
	ann.Still = true
	r := s.reserved("acme-admin", 1)
	path := linkPath(t, s.as("acme-admin"), r)
	if a := ann.get(path + "/checkout"); a.header.Get("Location") != path {
		t.Errorf("nothing to pay leads to %q", a.header.Get("Location"))
	}
	page := ann.get(path)
	page.says("#go", "go on to payment")
	if a := ann.post(path, buying(page)); a.status != 303 || a.header.Get("Location") != path {
		t.Fatalf("a form leads to %q", a.header.Get("Location"))
	}
	page = ann.get(path)
	page.says("h1", "Payment").says("#payment", "pay.example.com").says("#left", "15:00")
	if page.attr("#pay", "href") != path+"/checkout" {
		t.Errorf("to payment by %q", page.attr("#pay", "href"))
	}
	s.as("acme-admin").want(200, "/reservations/"+r.ID).says("#about", "Order under way").says("#links", "At payment")
	for _, door := range []string{"/reservations/cancel?id=" + r.ID, "/orders/new?reservation=" + r.ID} {
		s.as("acme-admin").want(200, door).says("#main", "A buyer is paying for this")
	}
	to, err := url.Parse(ann.get(page.attr("#pay", "href")).header.Get("Location"))
	if err != nil || to.Host != "pay.example.com" || to.Query().Get("return") != s.URL+path+"/return" {
		t.Fatalf("payment at %s", to)
	}
	back := func(status string) string {
		q := values("nonce", to.Query().Get("nonce"), "status", status)
		q.Set("sig", tel.SignQuery(secret, tel.SignedReturn, q))
		return path + "/return?" + q.Encode()
	}
	s.unchanged("an answer that is not signed", func() {
		for _, forged := range []string{path + "/return", path + "/return?" + to.RawQuery, strings.Replace(back("cancelled"), "status=cancelled", "status=paid", 1), back("paid") + "&x=1", back("paid") + "&status=paid"} {
			if a := ann.get(forged); a.status != 404 {
				t.Errorf("%s: %d", forged, a.status)
			}
		}
	})
	s.Clock.Add(10 * time.Minute)
	if a := ann.get(back("cancelled")); a.header.Get("Location") != path {
		t.Errorf("back at %q", a.header.Get("Location"))
	}
	page = ann.get(path)
	page.says("h1", "Your number").says("#left", "4:00:00")
	if page.attr("#name", "value") != "Ann Buyer" {
		t.Error("what was filled in is gone")
	}
	ann.post(path, buying(page))
	ann.get(path).says("h1", "Payment").says("#payment", "Nothing was heard from there yet")
	if a := ann.post(path+"/back", nil); a.header.Get("Location") != path {
		t.Error(a.status)
	}
	ann.post(path, buying(ann.get(path)))
	ann.Header.Set("Sec-Fetch-Site", "cross-site") // as the payment page sends it
	if a := ann.get(back("paid")); a.status != 303 || a.header.Get("Location") != path {
		t.Errorf("paid: %d %q", a.status, a.header.Get("Location"))
	}
	ann.get(path).says("h1", "Thank you")
}

func TestPaidTooLate(t *testing.T) {
	s := open(t)
	secret := s.payAt("http://127.0.0.1:9/pay")
	admin, ann := s.as("acme-admin"), s.stranger()
	r := s.reserved("acme-admin", 1)
	path := linkPath(t, admin, r)
	ann.post(path, buying(ann.get(path)))
	ann.Still = true
	to, _ := url.Parse(ann.get(path + "/checkout").header.Get("Location"))
	ann.Still = false
	s.Clock.Add(4*time.Hour + tel.MaxPause)
	ann.want(200, path).says("h1", "The time is up").says(".lede", "We heard of no payment").has("#reference")
	q := values("nonce", to.Query().Get("nonce"), "status", "paid")
	q.Set("sig", tel.SignQuery(secret, tel.SignedReturn, q))
	a := ann.get(path + "/return?" + q.Encode())
	a.says("h1", "Paid, not ordered").has("#reference")
	s.as("acme-admin").want(200, "/reservations/"+r.ID).says("#links", "Paid, not ordered").says("#history", "Paid in vain")
}

// TestNoPrice: a price that nobody gave is not "free".
func TestNoPrice(t *testing.T) {
	s := open(t)
	inv, err := intake.Read(ctx, strings.NewReader("npa,nxx,x,city,state\n919,777,0,Raleigh,NC\n"), intake.Options{})
	if err == nil {
		_, err = s.Import(ctx, root, inv, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	ann := s.stranger()
	ann.Still = true
	out, err := s.Reserve(ctx, s.actor("acme-admin"), tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{tel.NewNumber(919, 555, 2000), tel.NewNumber(919, 777, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	path := linkPath(t, s.as("acme-admin"), out.Reservation)
	page := ann.get(path)
	page.says("#items", "Price on request").says("#items", "$1.00 a month").says("#sum", "Price on request").has("#no-price")
	if label := page.text("#go"); label != "Order" {
		t.Errorf("the button says %q", label)
	}
	s.payAt("https://pay.example.com/start")
	ann.post(path, buying(page))
	ann.get(path).says("#payment-h", "To be paid at pay.example.com")
	to, _ := url.Parse(ann.get(path + "/checkout").header.Get("Location"))
	if q := to.Query(); to.Host != "pay.example.com" || q.Has("amount") || q.Has("currency") || q.Get("nonce") == "" {
		t.Errorf("to pay: %s", to)
	}
}

func TestSimilarOnThePage(t *testing.T) {
	s := open(t)
	admin, ann := s.as("acme-admin"), s.stranger()
	r := s.reserved("acme-admin", 1)
	path := linkPath(t, admin, r)
	s.Clock.Add(4 * time.Hour)
	page := ann.want(200, path)
	page.says("h1", "The time is up").says("#left", "21 Nov 2026, 19:00 UTC").says("#similar", "Ask Acme Tel")
	if page.doc().Find("#similar button").Length() != 0 || page.doc().Find("#similar li").Length() != 6 {
		t.Errorf("%d similar, %d buttons", page.doc().Find("#similar li").Length(), page.doc().Find("#similar button").Length())
	}
	s.as("acme-admin").post("/accounts/9500001/selling", values("offer_similar", "1", "window", "15m", "most_held", "50"))
	wish := ann.want(200, path).attr("#similar button", "value")
	next := ann.post(path+"/similar", values("tn", wish))
	next.says("h1", "Your number").says("#left", "15:00")
	if next.url.Path == path || next.attr("#items li", "id") != "tn-"+wish {
		t.Errorf("%s has %s", next.url, next.attr("#items li", "id"))
	}
	if again := ann.post(path+"/similar", values("tn", wish)); again.url.Path != next.url.Path {
		t.Error("the second click held another")
	}
	ann.post(next.url.Path, buying(next)).says("h1", "Thank you")
}

func TestHostileBuyers(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin, ann := s.as("acme-admin"), s.stranger()
	for i, payload := range hostileTexts {
		label, name := cut(payload, tel.MaxLabel), cut(payload, tel.MaxName)
		unharmed(t, "selling", payload, admin.post("/accounts/9500001/selling", values("question-1", label, "window", "15m", "most_held", "50")))
		if i%4 == 0 {
			unharmed(t, "selling, refused", payload, admin.post("/accounts/9500001/selling", values("question-1", label, "checkout_url", payload, "window", payload, "most_held", payload, "slug", payload)))
			unharmed(t, "a shop that is none", payload, ann.get("/shop/"+url.PathEscape(payload)))
			unharmed(t, "a link that is none", payload, ann.get("/buy/"+url.PathEscape(payload)))
		}
		r := s.reserved("acme-admin", 1)
		path := linkPath(t, admin, r)
		page := ann.get(path)
		unharmed(t, "the purchase", payload, page)
		form := buying(page)
		form.Set("email", payload)
		form.Set("name", name)
		form.Set("answer-1", payload)
		bad := ann.post(path, form)
		unharmed(t, "refused", payload, bad)
		if bad.status != 422 || bad.attr("#email", "value") != strings.TrimSpace(payload) {
			t.Errorf("%q: %d, e-mail %q", payload, bad.status, bad.attr("#email", "value"))
		}
		form.Set("email", "ann@example.com")
		receipt := ann.post(path, form)
		unharmed(t, "the receipt", payload, receipt)
		a := admin.get("/orders/" + receipt.text("#order"))
		unharmed(t, "the order", payload, a)
		if !strings.Contains(a.text("#buyer"), squeeze(name)) {
			t.Errorf("%q is shown as %s", name, a.text("#buyer"))
		}
	}
	r := s.reserved("acme-admin", 1)
	path := linkPath(t, admin, r)
	page := ann.get(path)
	for _, text := range refusedTexts {
		for _, field := range []string{"name", "email", "answer-1"} {
			form := buying(page)
			form.Set(field, "a"+text+"b")
			if a := ann.post(path, form); a.status != 422 {
				t.Errorf("%s %q: %d", field, text, a.status)
			}
		}
	}
	oneLineEach(t, s.Log.String())
}

// Fields that a buyer's form does not have change nothing.
func TestBuyersAssignNothing(t *testing.T) {
	s := open(t)
	ann := s.stranger()
	r := s.reserved("acme-admin", 1)
	path := linkPath(t, s.as("acme-admin"), r)
	form := buying(ann.get(path))
	for name, value := range map[string]string{"tn": s.free().Digits(), "reservation": "x", "account": "9500002", "amount": "0", "paid_at": "1", "paying": "1", "order_seq": "1", "partial": "1", "customer_order_id": "x", "state": "x", "answer-1": "x", "answer-99": "x"} {
		form.Set(name, value)
	}
	order := ann.post(path+"?terms=x&name=Eve", form).text("#order")
	if got := s.one(`SELECT account_id || kind || quantity || completed || customer_order_id || name FROM orders WHERE id = ?`, order); got != "9500001existing11Purchase" {
		t.Error(got)
	}
	if got := s.one(`SELECT buyer FROM purchase`); got != `{"name":"Ann Buyer","email":"ann@example.com"}` {
		t.Error(got)
	}
}

func TestShopPages(t *testing.T) {
	s := open(t)
	ann, bob := s.stranger(), s.stranger()
	ann.want(404, "/shop/shop-9500001")
	slug := s.openShop(storetest.Acme)
	path := "/shop/" + slug
	page := ann.want(200, path+"?contains=77&npa=919")
	page.says("title", "Acme Tel").says("#results-h", "38 numbers").has("#other")
	if page.doc().Find("#results li").Length() != 24 || len(page.header["Set-Cookie"]) != 0 {
		t.Errorf("%d rows, cookies %v", page.doc().Find("#results li").Length(), page.header["Set-Cookie"])
	}
	ann.want(422, path+"?npa=1").fault("npa", "three digits")
	first := page.attr("#results li button", "value")
	held := ann.post(path, values("tn", first, "back", path))
	held.says("h1", "Your number").says("#left", "15:00")
	if !strings.HasPrefix(held.url.Path, "/buy/") {
		t.Fatal(held.url)
	}
	ann.want(200, path).says("#holding", "is kept for you")
	if a := ann.get(path); a.attr("#order", "href") != held.url.Path {
		t.Errorf("order it at %q", a.attr("#order", "href"))
	}
	taken := bob.post(path, values("tn", first, "back", path+"?npa=919"))
	taken.says(".note", "is not available. Choose another one.")
	if taken.url.RequestURI() != path+"?npa=919" || taken.doc().Find("#holding").Length() > 0 {
		t.Errorf("%s", taken.url)
	}
	second := page.attr("#results li:nth-child(2) button", "value")
	next := ann.post(path, values("tn", second, "back", path))
	next.says("#items", "$")
	ann.want(200, held.url.Path).says("h1", "No longer offered")
	if got := s.one(`SELECT COUNT(*) FROM hold`); got != "1" {
		t.Errorf("%s held by one visitor", got)
	}
	s.Clock.Add(15 * time.Minute)
	over := ann.want(200, next.url.Path)
	if over.attr("#again", "href") != path || over.attr("#similar form", "action") != path || over.doc().Find("#similar button").Length() != 6 {
		t.Errorf("search again at %q, take one like it at %q", over.attr("#again", "href"), over.attr("#similar form", "action"))
	}
	ann.post(path, values("tn", over.attr("#similar button", "value"))).says("h1", "Your number")
	if _, err := s.SwitchReservations(ctx, root, storetest.Acme, false, false); err != nil {
		t.Fatal(err)
	}
	if closed := ann.want(200, path); closed.has("#closed").doc().Find("#results button").Length() > 0 {
		t.Error("a closed storefront offers to take one")
	}
	if got := s.one(`SELECT created_by_name || created_door FROM reservation WHERE seq = 1`); got != "Storefront of Acme Telshop" {
		t.Error(got)
	}
}

// TestShopLimits: exactly as many as are allowed, however many ask at once.
func TestShopLimits(t *testing.T) {
	s := open(t)
	slug := s.openShop(storetest.Acme)
	srv, err := web.New(web.Config{Store: s.Store.Store, EndUsers: web.EndUserLimits{Searches: 13, Holds: 11, HoldsPerSession: 4, Misses: 7}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, addr, cookie string, form url.Values) int {
		r, _ := http.NewRequest(method, path, strings.NewReader(form.Encode()))
		r.RemoteAddr = addr
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if cookie != "" {
			r.Header.Set("Cookie", "tn-shop="+cookie)
		}
		w := &statusWriter{header: http.Header{}}
		srv.Handler().ServeHTTP(w, r)
		return w.status
	}
	many := func(do func(i int) int) map[int]int {
		var mu sync.Mutex
		var all sync.WaitGroup
		got := map[int]int{}
		for i := range 50 {
			all.Go(func() {
				status := do(i)
				mu.Lock()
				defer mu.Unlock()
				got[status]++
			})
		}
		all.Wait()
		return got
	}
	tn := func(i int) url.Values { return values("tn", tel.NewNumber(919, 555, 3000+i).Digits()) }
	session := func(i int) string { return fmt.Sprintf("%043d", i) }
	for _, c := range []struct {
		what string
		ok   int
		n    int
		do   func(i int) int
	}{
		{"searches", 200, 13, func(int) int { return ask("GET", "/shop/"+slug, "203.0.113.1:5", "", nil) }},
		{"searches of another address", 200, 13, func(int) int { return ask("GET", "/shop/"+slug, "203.0.113.2:5", "", nil) }},
		{"searches over IPv6", 200, 13, func(i int) int { return ask("GET", "/shop/"+slug, fmt.Sprintf("[2001:db8::%x]:5", i+1), "", nil) }},
		{"holds", 303, 11, func(i int) int { return ask("POST", "/shop/"+slug, "203.0.113.1:5", session(100+i), tn(i)) }},
		{"holds of one browser", 303, 4, func(i int) int {
			return ask("POST", "/shop/"+slug, fmt.Sprintf("198.51.100.%d:5", i+1), session(1), tn(60+i))
		}},
		{"misses", 404, 7, func(i int) int { return ask("GET", "/buy/"+session(i), "203.0.113.9:5", "", nil) }},
	} {
		got := many(c.do)
		if got[c.ok] != c.n || got[429] != 50-c.n {
			t.Errorf("%s: %v, and %d are allowed", c.what, got, c.n)
		}
	}
	r := s.reserved("acme-admin", 1)
	token, _, _ := s.shared(r)
	if status := ask("GET", "/buy/"+token, "203.0.113.9:5", "", nil); status != 200 {
		t.Errorf("a good link from an address that missed often: %d", status)
	}
	s.Clock.Add(time.Minute)
	if status := ask("GET", "/shop/"+slug, "203.0.113.1:5", "", nil); status != 200 {
		t.Errorf("a minute later: %d", status)
	}
}

// TestShopByItself: a storefront that is open and asks for what it holds searches nothing,
// and is answered whatever was asked there before.
func TestShopByItself(t *testing.T) {
	s := open(t)
	path := "/shop/" + s.openShop(storetest.Acme)
	ask := s.buyersDoor(web.EndUserLimits{Searches: 1})
	for range 2 {
		for _, query := range []string{"?npa=919", "?npa=1"} {
			if w := ask(path+query, "X-Live"); w.Code != 200 || strings.Contains(w.Body.String(), `name="tn"`) {
				t.Errorf("by itself %s: %d", query, w.Code)
			}
		}
	}
	for i, want := range []int{200, 429} {
		if w := ask(path); w.Code != want {
			t.Errorf("search %d: %d, not %d", i+1, w.Code, want)
		}
	}
}

// TestSimilarIsASearch: what is offered when the time is up counts as a search of a
// storefront does, and where nothing can be offered nobody searches.
func TestSimilarIsASearch(t *testing.T) {
	s := open(t)
	shop := "/shop/" + s.openShop(storetest.Acme)
	token, _, _ := s.shared(s.reserved("acme-admin", 1))
	s.Clock.Add(4 * time.Hour)
	ask := s.buyersDoor(web.EndUserLimits{Searches: 2})
	for i, offered := range []bool{true, true, false} {
		if w := ask("/buy/" + token); w.Code != 200 || strings.Contains(w.Body.String(), `id="similar"`) != offered {
			t.Errorf("%d, similar ones at time %d: %v", w.Code, i+1, !offered)
		}
	}
	for what, change := range []func(){
		func() { s.reservations(storetest.Acme, false) },
		func() { s.reservations(storetest.Acme, true); s.Clock.Add(tel.SimilarFor + time.Microsecond) },
	} {
		ask := s.buyersDoor(web.EndUserLimits{Searches: 1})
		change()
		for _, path := range []string{"/buy/" + token, shop} {
			if w := ask(path); w.Code != 200 || strings.Contains(w.Body.String(), `id="similar"`) {
				t.Errorf("%d, %s: %d", what, path, w.Code)
			}
		}
	}
}

// reservations switches an account's reservation on or off.
func (s *site) reservations(account tel.AccountID, on bool) {
	s.t.Helper()
	if _, err := s.SwitchReservations(ctx, root, account, on, false); err != nil {
		s.t.Fatal(err)
	}
}

// buyersDoor answers how a dashboard of these limits answers people without an account,
// who may send headers that say "1".
func (s *site) buyersDoor(limits web.EndUserLimits) func(path string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	srv, err := web.New(web.Config{Store: s.Store.Store, EndUsers: limits})
	if err != nil {
		s.t.Fatal(err)
	}
	return func(path string, headers ...string) *httptest.ResponseRecorder {
		r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
		for _, h := range headers {
			r.Header.Set(h, "1")
		}
		srv.Handler().ServeHTTP(w, r)
		return w
	}
}

// statusWriter keeps an answer's status.
type statusWriter struct {
	header http.Header
	status int
}

func (w *statusWriter) Header() http.Header { return w.header }
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}
func (w *statusWriter) Write(b []byte) (int, error) { w.WriteHeader(200); return len(b), nil }
