package store_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// linkTo makes a purchase link and answers its token.
func linkTo(t testing.TB, s *storetest.Store, actor tel.Actor, r *tel.Reservation) string {
	t.Helper()
	_, token, err := s.NewPurchaseLink(ctx, actor, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// buyerAt is the purchase behind a token, and its actor.
func buyerAt(t testing.TB, s *storetest.Store, token string) (*tel.Purchase, tel.Actor) {
	t.Helper()
	p, actor, err := s.Purchase(ctx, token, "203.0.113.7")
	if err != nil {
		t.Fatal(err)
	}
	return p, actor
}

func accepting(p *tel.Purchase) tel.Acceptance {
	return tel.Acceptance{Name: "Ann Buyer", Email: "ann@example.com", Terms: p.Terms()}
}

// accept must come to a state.
func accept(t testing.TB, s *storetest.Store, token string, want tel.PurchaseState) *tel.Purchase {
	t.Helper()
	p, buyer := buyerAt(t, s, token)
	p, err := s.AcceptPurchase(ctx, buyer, accepting(p))
	if err != nil || p.StateAt(s.Now()) != want {
		t.Fatalf("accepting: %v %+v", err, p)
	}
	return p
}

// withCheckout gives Acme a payment page and answers the secret that they share.
func withCheckout(t testing.TB, s *storetest.Store) string {
	t.Helper()
	secret := must[string](t)(s.NewCheckoutSecret(ctx, admin, acme))
	sel := tel.DefaultSelling()
	sel.CheckoutURL = "https://pay.example.com/start?shop=7"
	if err := s.SetSelling(ctx, admin, acme, sel); err != nil {
		t.Fatal(err)
	}
	return secret
}

// called is what the payment page is called with.
func called(t testing.TB, s *storetest.Store, buyer tel.Actor) url.Values {
	t.Helper()
	u, err := url.Parse(must[string](t)(s.CheckoutAddress(ctx, buyer, "https://numbers.example/buy/x/return")))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func answer(secret, nonce, status string) url.Values {
	q := url.Values{"nonce": {nonce}, "status": {status}, "reference": {"their own"}}
	q.Set("sig", tel.SignQuery(secret, tel.SignedReturn, q))
	return q
}

func TestPurchase(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, member, raleigh(0), raleigh(1001))
	token := linkTo(t, s, member, r)
	if len(token) != 43 || count(t, file(t, s.Path), `SELECT COUNT(*) FROM purchase WHERE token = $1 OR id = $2`, []byte(token), token) != 0 {
		t.Error("the token is kept as it is")
	}
	p, buyer := buyerAt(t, s, token)
	if p.StateAt(s.Now()) != tel.PurchaseOpen || p.Monthly() != 600_000 || p.AccountName != "Acme Tel" || len(p.Items) != 2 {
		t.Fatalf("%+v, %s a month", p, p.Monthly())
	}
	for _, change := range []func(*tel.Acceptance){
		func(a *tel.Acceptance) { a.Name = " " }, func(a *tel.Acceptance) { a.Email = "ann" }, func(a *tel.Acceptance) { a.Email = "a\r\nb@example.com" }, func(a *tel.Acceptance) { a.Name = strings.Repeat("x", 101) },
	} {
		in := accepting(p)
		change(&in)
		code(t, second(s.AcceptPurchase(ctx, buyer, in)), tel.CodeInvalid)
	}
	in := accepting(p)
	in.Terms = "other"
	code(t, second(s.AcceptPurchase(ctx, buyer, in)), tel.CodeConflict)

	p = accept(t, s, token, tel.PurchaseOrdered)
	if p.Order.State != tel.OrderComplete || p.Order.CreatedBy.Name != "Purchase link of Acme Tel" || p.Order.CreatedBy.Door != "purchase" || p.Buyer.Name != "Ann Buyer" {
		t.Errorf("%+v of %+v", p.Order, p.Buyer)
	}
	if again := accept(t, s, token, tel.PurchaseOrdered); again.Order.ID != p.Order.ID {
		t.Error("two orders")
	}
	got := must[*tel.Buyer](t)(s.BuyerOf(ctx, admin, p.Order))
	same(t, "buyer", got, &tel.Buyer{Name: "Ann Buyer", Email: "ann@example.com"})
	code(t, second(s.BuyerOf(ctx, member, p.Order)), tel.CodeForbidden)
	code(t, second(s.BuyerOf(ctx, rival, p.Order)), tel.CodeNotFound)
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event WHERE facts LIKE '%Ann%' OR facts LIKE '%ann@%' OR actor_name LIKE '%nn%uyer%'`); n != 0 {
		t.Errorf("%d events name the buyer", n)
	}
	links := must[[]tel.PurchaseLink](t)(s.PurchaseLinks(ctx, admin, r))
	if len(links) != 1 || links[0].OrderID != p.Order.ID {
		t.Errorf("%+v", links)
	}
	code(t, s.RevokePurchaseLink(ctx, admin, r.ID, links[0].ID), tel.CodeEnded)
	code(t, third(s.NewPurchaseLink(ctx, admin, r.ID)), tel.CodeEnded)
	checked(t, s.Store)
}

func third[A, B any](_ A, _ B, err error) error { return err }

func TestPurchaseLinksByRole(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0))
	support := storetest.Actor(tel.RoleSupport, acme)
	link, token, err := s.NewPurchaseLink(ctx, member, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[*tel.Actor]tel.Code{&support: tel.CodeForbidden, &rival: tel.CodeNotFound} {
		code(t, third(s.NewPurchaseLink(ctx, *who, r.ID)), want)
		code(t, s.RevokePurchaseLink(ctx, *who, r.ID, link.ID), want)
		code(t, second(s.PurchaseLinks(ctx, *who, r)), want)
		code(t, second(s.Selling(ctx, *who, acme)), want)
		code(t, s.SetSelling(ctx, *who, acme, tel.DefaultSelling()), want)
		code(t, second(s.NewCheckoutSecret(ctx, *who, acme)), want)
	}
	theirs := reserve(t, s, rival, raleigh(5))
	code(t, s.RevokePurchaseLink(ctx, rival, theirs.ID, link.ID), tel.CodeNotFound)
	code(t, third(s.NewPurchaseLink(ctx, admin, "none")), tel.CodeNotFound)

	// What an end user's actor may not, and who may not be one.
	_, buyer := buyerAt(t, s, token)
	code(t, second(s.Reservation(ctx, buyer, r.ID)), tel.CodeNotFound)
	code(t, second(s.Cancel(ctx, buyer, r.ID, "")), tel.CodeNotFound)
	code(t, second(s.Extend(ctx, buyer, r.ID)), tel.CodeNotFound)
	code(t, second(s.PlaceOrder(ctx, buyer, orderOf(acme, raleigh(9)))), tel.CodeNotFound)
	code(t, second(s.Reserve(ctx, buyer, ask(acme, raleigh(9)))), tel.CodeNotFound)
	code(t, second(s.Account(ctx, buyer, acme)), tel.CodeNotFound)
	code(t, second(s.HoldInShop(ctx, buyer, "x", raleigh(9))), tel.CodeNotFound)
	for _, who := range []tel.Actor{operator, admin, member, {}, {Kind: tel.KindLink, ID: link.ID, Role: tel.RoleBuyer, Account: globex}, {Kind: tel.KindShop, ID: link.ID, Role: tel.RoleBuyer, Account: acme}} {
		code(t, second(s.AcceptPurchase(ctx, who, tel.Acceptance{})), tel.CodeNotFound)
		code(t, second(s.LeaveCheckout(ctx, who)), tel.CodeNotFound)
	}

	for range 2 {
		if err := s.RevokePurchaseLink(ctx, member, r.ID, link.ID); err != nil {
			t.Fatal(err)
		}
	}
	code(t, third(s.Purchase(ctx, token, "")), tel.CodeNotFound)
	code(t, third(s.Purchase(ctx, "none", "")), tel.CodeNotFound)
	code(t, second(s.AcceptPurchase(ctx, buyer, tel.Acceptance{})), tel.CodeNotFound)
	for range tel.MostLinks {
		linkTo(t, s, admin, r)
	}
	code(t, third(s.NewPurchaseLink(ctx, admin, r.ID)), tel.CodeConflict)
	checked(t, s.Store)
}

// TestPurchaseLinkOnce: a key makes one link of each reservation, and once that is revoked
// none.
func TestPurchaseLinkOnce(t *testing.T) {
	s := storetest.Open(t)
	key := strings.Repeat("k", tel.MinLinkKey)
	one, other := reserve(t, s, admin, raleigh(0)), reserve(t, s, admin, raleigh(1))
	made := map[string]bool{}
	var link *tel.PurchaseLink
	for _, r := range []*tel.Reservation{one, other, one} {
		l, token, err := s.NewPurchaseLinkOnce(ctx, admin, r.ID, key)
		if err != nil {
			t.Fatal(err)
		}
		if p, _ := buyerAt(t, s, token); p.Reservation.ID != r.ID || p.ID != l.ID {
			t.Errorf("a link to %s, not %s", p.Reservation.ID, r.ID)
		}
		link, made[token] = l, true
	}
	if len(made) != 2 {
		t.Errorf("%d links", len(made))
	}
	if err := s.RevokePurchaseLink(ctx, admin, one.ID, link.ID); err != nil {
		t.Fatal(err)
	}
	code(t, third(s.NewPurchaseLinkOnce(ctx, admin, one.ID, key)), tel.CodeEnded)
	checked(t, s.Store)
}

// TestOnePurchaseForMany: many tabs over two links of a reservation make one order.
func TestOnePurchaseForMany(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0))
	tokens := []string{linkTo(t, s, admin, r), linkTo(t, s, admin, r)}
	var orders [20]string
	parallel(len(orders), func(i int) {
		p, buyer, err := s.Purchase(ctx, tokens[i%2], "")
		if err == nil {
			p, err = s.AcceptPurchase(ctx, buyer, accepting(p))
		}
		switch {
		case err == nil && p.Order != nil:
			orders[i] = p.Order.ID
		case tel.CodeOf(err) != tel.CodeEnded:
			t.Errorf("%d: %v", i, err)
		}
	})
	placed := map[string]int{}
	for _, id := range orders {
		if id != "" {
			placed[id]++
		}
	}
	if len(placed) != 1 || count(t, file(t, s.Path), `SELECT COUNT(*) FROM orders`) != 1 {
		t.Errorf("orders %v", placed)
	}
	for id, n := range placed {
		if n != len(orders)/2 {
			t.Errorf("%d of %d tabs of the link were told of order %s", n, len(orders)/2, id)
		}
	}
	for _, token := range tokens {
		p, _ := buyerAt(t, s, token)
		if st := p.StateAt(s.Now()); st != tel.PurchaseOrdered && st != tel.PurchaseTaken {
			t.Errorf("%s", st)
		}
	}
	checked(t, s.Store)
}

func TestPurchaseRunsOutExactly(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0))
	other := reserve(t, s, admin, raleigh(1))
	token, late := linkTo(t, s, admin, r), linkTo(t, s, admin, other)
	s.Clock.Add(4*time.Hour - us)
	accept(t, s, token, tel.PurchaseOrdered)
	p, buyer := buyerAt(t, s, late)
	s.Clock.Add(us)
	e := code(t, second(s.AcceptPurchase(ctx, buyer, accepting(p))), tel.CodeRanOut)
	if !e.At.Equal(other.ExpiresAt) {
		t.Errorf("it says %v", e.At)
	}
	p, _ = buyerAt(t, s, late)
	if p.StateAt(s.Now()) != tel.PurchaseRanOut || len(p.Items) != 1 {
		t.Errorf("%s %v", p.StateAt(s.Now()), p.Items)
	}
	must[store.Swept](t)(s.Sweep(ctx))
	if p, _ = buyerAt(t, s, late); p.StateAt(s.Now()) != tel.PurchaseRanOut || len(p.Items) != 1 {
		t.Errorf("swept: %s %v", p.StateAt(s.Now()), p.Items)
	}
	checked(t, s.Store)
}

func TestCheckout(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	r := reserve(t, s, admin, raleigh(0))
	token, beside := linkTo(t, s, admin, r), linkTo(t, s, admin, r)
	s.Clock.Add(3*time.Hour + 50*time.Minute)
	accept(t, s, token, tel.PurchasePaying)
	p := accept(t, s, token, tel.PurchasePaying) // the second click
	_, buyer := buyerAt(t, s, token)
	if st := p.Reservation.StateAt(s.Now()); st != tel.StateSubmitted {
		t.Fatalf("%s", st)
	}
	q := called(t, s, buyer)
	if q.Get("sig") != tel.SignQuery(secret, tel.SignedCheckout, without(q, "shop")) || q.Get("amount") != "1.00" || q.Get("currency") != "USD" || q.Get("reservation") != r.ID || q.Get("shop") != "7" {
		t.Errorf("called with %v", q)
	}
	nonce := q.Get("nonce")

	// While the clock stands nobody else has it.
	s.Clock.Add(14 * time.Minute)
	if free(t, s.Store, raleigh(0)) {
		t.Error("free while somebody pays")
	}
	code(t, second(s.Reserve(ctx, rival, ask(globex, raleigh(0)))), tel.CodeNotAvailable)
	if p, _ := buyerAt(t, s, beside); p.StateAt(s.Now()) != tel.PurchaseBusy {
		t.Errorf("beside: %s", p.StateAt(s.Now()))
	}
	other, busy := buyerAt(t, s, beside)
	code(t, second(s.AcceptPurchase(ctx, busy, accepting(other))), tel.CodeConflict)
	code(t, s.RevokePurchaseLink(ctx, admin, r.ID, buyer.ID), tel.CodeConflict)
	code(t, second(s.Extend(ctx, admin, r.ID)), tel.CodeEnded)

	// Answers that count for nothing.
	for what, q := range map[string]url.Values{
		"nothing": {}, "another secret": answer(secret+"x", nonce, "paid"), "no secret": answer("", nonce, "paid"), "another nonce": answer(secret, "x", "paid"), "no status": answer(secret, nonce, ""), "another status": answer(secret, nonce, "perhaps"),
		"changed": changed(answer(secret, nonce, "cancelled"), "status", "paid"), "added": changed(answer(secret, nonce, "paid"), "x", "y"),
		"our own call sent back": changed(called(t, s, buyer), "status", "paid"), "twice": {"status": {"paid", "paid"}},
	} {
		code(t, second(s.ReturnFromCheckout(ctx, buyer, q)), tel.CodeNotFound)
		if p, _ := buyerAt(t, s, token); p.StateAt(s.Now()) != tel.PurchasePaying {
			t.Errorf("%s: %s", what, p.StateAt(s.Now()))
		}
	}
	code(t, second(s.ReturnFromCheckout(ctx, busy, answer(secret, nonce, "paid"))), tel.CodeNotFound)

	p = must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "paid")))
	if p.StateAt(s.Now()) != tel.PurchaseOrdered || p.PaidAt.IsZero() {
		t.Fatalf("%+v", p)
	}
	for _, status := range []string{"paid", "cancelled"} { // the browser goes back and forth
		if again := must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, status))); again.Order.ID != p.Order.ID {
			t.Error("two orders")
		}
	}
	checked(t, s.Store)
}

func without(q url.Values, name string) url.Values {
	out := url.Values{}
	for k, v := range q {
		if k != name {
			out[k] = v
		}
	}
	return out
}

func changed(q url.Values, name, value string) url.Values {
	q.Set(name, value)
	return q
}

// TestPauseOnce: leaving payment lets the clock go on with what was left, and it does
// not stand again.
func TestPauseOnce(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	r := reserve(t, s, admin, raleigh(0))
	token := linkTo(t, s, admin, r)
	s.Clock.Add(3 * time.Hour)
	accept(t, s, token, tel.PurchasePaying)
	_, buyer := buyerAt(t, s, token)
	nonce := called(t, s, buyer).Get("nonce")
	s.Clock.Add(10 * time.Minute)
	p := must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "cancelled")))
	if left := p.Reservation.Left(s.Now()); p.StateAt(s.Now()) != tel.PurchaseOpen || left != time.Hour || p.Buyer.Name != "Ann Buyer" {
		t.Fatalf("%s, %v left, %+v", p.StateAt(s.Now()), left, p.Buyer)
	}
	p = accept(t, s, token, tel.PurchasePaying)
	if st := p.Reservation.StateAt(s.Now()); st != tel.StateLive {
		t.Errorf("the clock stands twice: %s", st)
	}
	s.Clock.Add(time.Hour - us)
	if free(t, s.Store, raleigh(0)) {
		t.Error("free too soon")
	}
	s.Clock.Add(us)
	if !free(t, s.Store, raleigh(0)) {
		t.Error("not free at its end")
	}
	p = must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "paid")))
	if p.StateAt(s.Now()) != tel.PurchasePaidLate || p.Order != nil {
		t.Errorf("%+v", p)
	}
	must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "paid")))
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event WHERE kind = 'purchase.paid_in_vain'`); n != 1 {
		t.Errorf("%d events", n)
	}
	checked(t, s.Store)
}

// TestPaidThroughARevokedLink: once the clock goes on a link can be revoked, and the
// payment that was under way is nobody's secret.
func TestPaidThroughARevokedLink(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	r := reserve(t, s, admin, raleigh(0))
	token := linkTo(t, s, admin, r)
	shown := accept(t, s, token, tel.PurchasePaying)
	_, buyer := buyerAt(t, s, token)
	nonce := called(t, s, buyer).Get("nonce")
	s.Clock.Add(tel.MaxPause)
	if err := s.RevokePurchaseLink(ctx, admin, r.ID, buyer.ID); err != nil {
		t.Fatal(err)
	}
	if p, _ := buyerAt(t, s, token); p.StateAt(s.Now()) != tel.PurchaseCancel {
		t.Errorf("revoked: %s", p.StateAt(s.Now()))
	}
	code(t, second(s.AcceptPurchase(ctx, buyer, accepting(shown))), tel.CodeNotFound)
	code(t, second(s.CheckoutAddress(ctx, buyer, "https://numbers.example/")), tel.CodeEnded)
	code(t, second(s.ReserveSimilar(ctx, buyer, token, raleigh(1))), tel.CodeEnded)
	must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "cancelled")))
	for range 2 {
		p := must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "paid")))
		if p.StateAt(s.Now()) != tel.PurchasePaidLate || p.PaidAt.IsZero() || p.Order != nil {
			t.Errorf("%s %+v", p.StateAt(s.Now()), p)
		}
	}
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event WHERE kind = 'purchase.paid_in_vain'`); n != 1 {
		t.Errorf("%d events", n)
	}
	if links := must[[]tel.PurchaseLink](t)(s.PurchaseLinks(ctx, admin, r)); links[0].PaidAt.IsZero() {
		t.Errorf("%+v", links)
	}
	checked(t, s.Store)
}

// events are how many of a kind there are.
func events(t testing.TB, s *storetest.Store, kind tel.EventKind) int {
	t.Helper()
	return count(t, file(t, s.Path), `SELECT COUNT(*) FROM event WHERE kind = $1`, string(kind))
}

// TestPaidForOther: a payment orders what it was for or nothing, whatever the account
// did meanwhile.
func TestPaidForOther(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	tns := []tel.Number{raleigh(0), raleigh(1)}
	for what, take := range map[string]func(*tel.Reservation){
		"one is ordered": func(r *tel.Reservation) {
			must[*tel.Order](t)(s.PlaceOrder(ctx, admin, tel.OrderRequest{Account: acme, Kind: tel.OrderKindExisting, TNs: tns[:1], ReservationIDs: []string{r.ID}}))
			tns[0] += 10
		},
		"one is dropped after the pause": func(r *tel.Reservation) {
			s.Clock.Add(tel.MaxPause)
			must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, tns[0]))
		},
	} {
		r := reserve(t, s, admin, tns...)
		token := linkTo(t, s, admin, r)
		accept(t, s, token, tel.PurchasePaying)
		_, buyer := buyerAt(t, s, token)
		nonce, before := called(t, s, buyer).Get("nonce"), events(t, s, tel.EventPaidInVain)
		take(r)
		code(t, second(s.CheckoutAddress(ctx, buyer, "https://numbers.example/")), tel.CodeConflict)
		for range 2 {
			p := must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "paid")))
			if p.StateAt(s.Now()) != tel.PurchasePaidLate || p.Order != nil || len(p.Items) != 2 || p.Reservation.StateAt(s.Now()) != tel.StateLive {
				t.Errorf("%s: %s %+v", what, p.StateAt(s.Now()), p)
			}
		}
		if n := events(t, s, tel.EventPaidInVain) - before; n != 1 {
			t.Errorf("%s: %d events", what, n)
		}
		must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
		checked(t, s.Store)
	}

	// Accepted anew, the payment for what was accepted before is another one.
	r := reserve(t, s, admin, tns...)
	token := linkTo(t, s, admin, r)
	accept(t, s, token, tel.PurchasePaying)
	_, buyer := buyerAt(t, s, token)
	nonce := called(t, s, buyer).Get("nonce")
	must[*tel.Purchase](t)(s.LeaveCheckout(ctx, buyer))
	must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, tns[1]))
	accept(t, s, token, tel.PurchasePaying)
	if p := must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, "paid"))); p.Order != nil || p.PaidAt.IsZero() {
		t.Errorf("paid for two, ordered %+v", p.Order)
	}
	checked(t, s.Store)
}

// costs is an import with a TN's new price.
func costs(t *testing.T, s *storetest.Store, tn tel.Number, price string) {
	t.Helper()
	bring(t, s.Store, "tn,monthly_cost\n"+tn.Digits()+","+price+"\n")
}

// TestPriceIsTerms: nobody accepts a price that they were not shown, nor pays another one
// than they accepted last.
func TestPriceIsTerms(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	token := linkTo(t, s, admin, reserve(t, s, admin, raleigh(0)))
	shown, buyer := buyerAt(t, s, token)
	costs(t, s, raleigh(0), "50.00")
	code(t, second(s.AcceptPurchase(ctx, buyer, accepting(shown))), tel.CodeConflict)

	accept(t, s, token, tel.PurchasePaying)
	paid := answer(secret, called(t, s, buyer).Get("nonce"), "paid")
	must[*tel.Purchase](t)(s.LeaveCheckout(ctx, buyer))
	costs(t, s, raleigh(0), "77.00")
	accept(t, s, token, tel.PurchasePaying)
	p := must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, paid))
	if p.Order != nil || p.StateAt(s.Now()) != tel.PurchasePaidLate {
		t.Errorf("paid 50.00 of 77.00, and ordered %+v", p.Order)
	}
	checked(t, s.Store)
}

// TestAcceptedPriceStays: neither receipt nor payment follow an import.
func TestAcceptedPriceStays(t *testing.T) {
	s := storetest.Open(t)
	unpaid := linkTo(t, s, admin, reserve(t, s, admin, raleigh(1)))
	accept(t, s, unpaid, tel.PurchaseOrdered)
	costs(t, s, raleigh(1), "77.00")
	if p, _ := buyerAt(t, s, unpaid); p.Monthly() != 100_000 {
		t.Errorf("the receipt without a payment says %s", p.Monthly())
	}
	secret := withCheckout(t, s)
	r := reserve(t, s, admin, raleigh(0))
	token := linkTo(t, s, admin, r)
	accept(t, s, token, tel.PurchasePaying)
	_, buyer := buyerAt(t, s, token)
	costs(t, s, raleigh(0), "77.00")
	q := called(t, s, buyer)
	if q.Get("amount") != "1.00" {
		t.Errorf("to pay %s", q.Get("amount"))
	}
	p := must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, q.Get("nonce"), "paid")))
	if p.Order == nil || p.Monthly() != 100_000 {
		t.Errorf("%+v at %s", p.Order, p.Monthly())
	}
	if p, _ := buyerAt(t, s, token); p.Monthly() != 100_000 {
		t.Errorf("the receipt says %s", p.Monthly())
	}
}

// TestQuestionsAreTerms: answers go to the questions that were shown.
func TestQuestionsAreTerms(t *testing.T) {
	s := storetest.Open(t)
	ask := func(labels ...string) {
		t.Helper()
		sel := tel.DefaultSelling()
		for _, l := range labels {
			sel.Questions = append(sel.Questions, tel.Question{Label: l})
		}
		if err := s.SetSelling(ctx, admin, acme, sel); err != nil {
			t.Fatal(err)
		}
	}
	ask("Company", "Street")
	p, buyer := buyerAt(t, s, linkTo(t, s, admin, reserve(t, s, admin, raleigh(0))))
	in := accepting(p)
	in.Answers = []string{"Acme", "1 Main St"}
	ask("Street", "Company")
	code(t, second(s.AcceptPurchase(ctx, buyer, in)), tel.CodeConflict)
}

// TestEveryPayment: going to pay and coming back are one event each, however often.
func TestEveryPayment(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	r := reserve(t, s, admin, raleigh(0))
	token := linkTo(t, s, admin, r)
	_, buyer := buyerAt(t, s, token)
	for i := range 3 {
		accept(t, s, token, tel.PurchasePaying)
		q := called(t, s, buyer)
		for range 2 {
			must[*tel.Purchase](t)(s.ReturnFromCheckout(ctx, buyer, answer(secret, q.Get("nonce"), "cancelled")))
		}
		got := []int{events(t, s, tel.EventSubmitted), events(t, s, tel.EventResumed), events(t, s, tel.EventToPayment), events(t, s, tel.EventFromPayment)}
		same(t, "events", got, []int{1, 1, i, i})
	}
	checked(t, s.Store)
}

// TestPaidWithTheSecretBefore: a payment that was under way when the account's secret was
// replaced is noted, for a day; nothing else that is signed with the one before counts.
func TestPaidWithTheSecretBefore(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	var says [3]func(status string) (*tel.Purchase, error)
	for i := range says {
		token := linkTo(t, s, admin, reserve(t, s, admin, raleigh(i)))
		accept(t, s, token, tel.PurchasePaying)
		_, buyer := buyerAt(t, s, token)
		nonce := called(t, s, buyer).Get("nonce")
		says[i] = func(status string) (*tel.Purchase, error) {
			return s.ReturnFromCheckout(ctx, buyer, answer(secret, nonce, status))
		}
	}
	withCheckout(t, s)
	for range 2 { // which replaces nothing of Acme's
		must[string](t)(s.NewCheckoutSecret(ctx, rival, globex))
	}
	code(t, second(says[0]("cancelled")), tel.CodeNotFound)
	for i, wait := range []time.Duration{0, tel.SecretOverlap - us} {
		s.Clock.Add(wait)
		p := must[*tel.Purchase](t)(says[i]("paid"))
		if p.StateAt(s.Now()) != tel.PurchasePaidLate || p.Order != nil || events(t, s, tel.EventPaidInVain) != i+1 {
			t.Errorf("%s %+v", p.StateAt(s.Now()), p)
		}
	}
	s.Clock.Add(us)
	code(t, second(says[2]("paid")), tel.CodeNotFound)
	checked(t, s.Store)
}

// TestSecretBeforeTheLast: a secret that was replaced twice counts for nothing.
func TestSecretBeforeTheLast(t *testing.T) {
	s := storetest.Open(t)
	secret := withCheckout(t, s)
	token := linkTo(t, s, admin, reserve(t, s, admin, raleigh(0)))
	accept(t, s, token, tel.PurchasePaying)
	_, buyer := buyerAt(t, s, token)
	paid := answer(secret, called(t, s, buyer).Get("nonce"), "paid")
	withCheckout(t, s)
	withCheckout(t, s)
	code(t, second(s.ReturnFromCheckout(ctx, buyer, paid)), tel.CodeNotFound)
	checked(t, s.Store)
}

// TestReturnThatNeverComes: after 15 minutes the clock goes on, and the hold runs out
// with the sweeper dead or alive, over a restart too.
func TestReturnThatNeverComes(t *testing.T) {
	for _, swept := range []bool{false, true} {
		s := storetest.Open(t)
		withCheckout(t, s)
		r := reserve(t, s, admin, raleigh(0))
		token := linkTo(t, s, admin, r)
		s.Clock.Add(3*time.Hour + 59*time.Minute)
		accept(t, s, token, tel.PurchasePaying)
		for _, step := range []struct {
			wait  time.Duration
			is    tel.State
			works tel.PurchaseState
		}{{tel.MaxPause - us, tel.StateSubmitted, tel.PurchasePaying}, {us, tel.StateLive, tel.PurchasePaying}, {time.Minute - us, tel.StateLive, tel.PurchasePaying}, {us, tel.StateExpired, tel.PurchaseRanOut}} {
			s.Clock.Add(step.wait)
			if swept {
				must[store.Swept](t)(s.Sweep(ctx))
			}
			got := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID))
			p, _ := buyerAt(t, s, token)
			if got.StateAt(s.Now()) != step.is || p.StateAt(s.Now()) != step.works || free(t, s.Store, raleigh(0)) != (step.is == tel.StateExpired) || free(t, again(t, s), raleigh(0)) != (step.is == tel.StateExpired) {
				t.Errorf("swept %v: %s and %s, not %s and %s", swept, got.StateAt(s.Now()), p.StateAt(s.Now()), step.is, step.works)
			}
			listed := must[store.Listed](t)(s.List(ctx, admin, store.ListQuery{Account: acme, Ended: step.is == tel.StateExpired, Limit: 10}))
			if len(listed.Rows) != 1 {
				t.Errorf("listed %d as %s", len(listed.Rows), step.is)
			}
			checked(t, s.Store)
		}
		reserve(t, s, rival, raleigh(0))
		if got := must[*tel.Account](t)(s.Account(ctx, admin, acme)); got.Held != 0 {
			t.Errorf("%d held", got.Held)
		}
		checked(t, s.Store)
	}
}

func TestSimilarAfterTheEnd(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(7))
	token := linkTo(t, s, admin, r)
	s.Clock.Add(4 * time.Hour)
	p, buyer := buyerAt(t, s, token)
	list := must[[]tel.FoundTN](t)(s.Similar(ctx, buyer, p))
	if len(list) != 6 || !strings.HasSuffix(list[0].TN.Digits(), "007") {
		t.Fatalf("%v", list)
	}
	for _, l := range list {
		if l.Place.City != "Raleigh" {
			t.Errorf("%v is in %s", l.TN, l.Place.City)
		}
	}
	if list[0].TN != raleigh(7) {
		t.Errorf("what ran out is free, and %v is offered first", list[0].TN)
	}
	setPolicy(t, s, acme, func(p *tel.Policy) { p.CoolDown = time.Hour })
	for range 2 { // not written down as over, and written down
		cooled := must[[]tel.FoundTN](t)(s.Similar(ctx, buyer, p))
		if len(cooled) != 6 || slices.ContainsFunc(cooled, func(l tel.FoundTN) bool { return l.TN == raleigh(7) }) {
			t.Errorf("offered while it cools down: %v", cooled)
		}
		must[store.Swept](t)(s.Sweep(ctx))
	}
	setPolicy(t, s, acme, func(p *tel.Policy) { p.CoolDown = 0 })
	for _, on := range []bool{false, true} {
		must[int](t)(s.SwitchReservations(ctx, operator, acme, on, store.LiveKeep))
		now, _ := buyerAt(t, s, token)
		if got := must[[]tel.FoundTN](t)(s.Similar(ctx, buyer, now)); (len(got) > 0) != on {
			t.Errorf("reservation on is %v, and %d are offered", on, len(got))
		}
	}
	wish := list[0].TN
	code(t, second(s.ReserveSimilar(ctx, buyer, token, wish)), tel.CodeEnded) // not allowed
	sel := tel.DefaultSelling()
	sel.OfferSimilar = true
	if err := s.SetSelling(ctx, admin, acme, sel); err != nil {
		t.Fatal(err)
	}
	for _, tn := range []tel.Number{tel.NewNumber(212, 555, 4007), tel.NewNumber(919, 556, 2007)} {
		code(t, second(s.ReserveSimilar(ctx, buyer, token, tn)), tel.CodeNotAvailable)
	}
	taken := reserve(t, s, admin, raleigh(9)) // the account's own hold is nothing a stranger is told of
	e := code(t, second(s.ReserveSimilar(ctx, buyer, token, raleigh(9))), tel.CodeNotAvailable)
	if strings.Contains(e.Message, taken.ID) {
		t.Error(e.Message)
	}
	for renewal := range tel.MostRenewals {
		next := must[string](t)(s.ReserveSimilar(ctx, buyer, token, wish))
		if again := must[string](t)(s.ReserveSimilar(ctx, buyer, token, raleigh(20))); again != next {
			t.Error("the second click held another")
		}
		if p, buyer = buyerAt(t, s, next); p.Reservation.Left(s.Now()) != 15*time.Minute || p.Items[0].TN != wish || p.Renewals != renewal+1 {
			t.Fatalf("%+v", p)
		}
		s.Clock.Add(15 * time.Minute)
		token = next
	}
	code(t, second(s.ReserveSimilar(ctx, buyer, token, wish)), tel.CodeEnded)
	checked(t, s.Store)
}

func TestSelling(t *testing.T) {
	s := storetest.Open(t)
	same(t, "default", must[tel.Selling](t)(s.Selling(ctx, admin, acme)), tel.DefaultSelling())
	good := tel.Selling{Questions: []tel.Question{{Label: " Company ", Required: true}, {Label: "Street"}}, ShopOn: true, Slug: " Acme-Numbers ", Window: 10 * time.Minute, MostHeld: 5, OfferSimilar: true}
	if err := s.SetSelling(ctx, admin, acme, good); err != nil {
		t.Fatal(err)
	}
	got := must[tel.Selling](t)(s.Selling(ctx, operator, acme))
	want := good
	want.Questions, want.Slug = []tel.Question{{Label: "Company", Required: true}, {Label: "Street"}}, "acme-numbers"
	same(t, "kept", got, want)
	code(t, s.SetSelling(ctx, rival, globex, good), tel.CodeConflict)
	for field, spoil := range map[string]func(*tel.Selling){
		"checkout_url": func(x *tel.Selling) { x.CheckoutURL = "https://pay.example.com" }, // no secret yet
		"window":       func(x *tel.Selling) { x.Window = 5 * time.Hour },
		"most_held":    func(x *tel.Selling) { x.MostHeld = 0 },
		"slug":         func(x *tel.Selling) { x.Slug = "a/b" },
		"question-2":   func(x *tel.Selling) { x.Questions = []tel.Question{{Label: "a"}, {Label: "A"}} },
		"question-1": func(x *tel.Selling) {
			for i := range 11 {
				x.Questions = append(x.Questions, tel.Question{Label: ref(i)})
			}
		},
	} {
		x := good
		x.Questions = nil
		spoil(&x)
		if e := code(t, s.SetSelling(ctx, admin, acme, x), tel.CodeInvalid); e.Field != field {
			t.Errorf("%s: %v", field, e)
		}
	}
	withCheckout(t, s)
	for _, bad := range []string{"javascript:alert(1)", "//pay.example.com", "https://u:p@pay.example.com", "https://pay.example.com/#x", "https://pay.example.com?nonce=1", "ftp://pay.example.com", "https://pay.example.com/a b", "https:\\\\pay.example.com", "https://pay.example.com/?a=1;b=2", "https://pay.example.com/?a=%zz", "https://pay.example.com/%zz"} {
		x := tel.DefaultSelling()
		x.CheckoutURL = bad
		code(t, s.SetSelling(ctx, admin, acme, x), tel.CodeInvalid)
	}
	checked(t, s.Store)
}

// What somebody typed and never ordered is forgotten.
func TestBuyersAreForgotten(t *testing.T) {
	s := storetest.Open(t)
	withCheckout(t, s)
	r := reserve(t, s, admin, raleigh(0))
	accept(t, s, linkTo(t, s, admin, r), tel.PurchasePaying)
	db := file(t, s.Path)
	kept := func(left int) {
		t.Helper()
		must[store.Swept](t)(s.Sweep(ctx))
		if n := count(t, db, `SELECT COUNT(*) FROM purchase WHERE buyer <> ''`); n != left {
			t.Errorf("%d buyers are kept, not %d", n, left)
		}
	}
	kept(1)
	s.Clock.Add(30*24*time.Hour + us) // the link is as old, the hold ended later
	kept(1)
	s.Clock.Add(4*time.Hour + tel.MaxPause)
	kept(0)
}
