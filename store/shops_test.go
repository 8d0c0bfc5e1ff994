package store_test

import (
	"fmt"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// openShop opens Acme's storefront.
func openShop(t testing.TB, s *storetest.Store, change func(*tel.Selling)) {
	t.Helper()
	sel := tel.DefaultSelling()
	sel.ShopOn, sel.Slug = true, "acme"
	if change != nil {
		change(&sel)
	}
	if err := s.SetSelling(ctx, admin, acme, sel); err != nil {
		t.Fatal(err)
	}
}

func visitor(t testing.TB, s *storetest.Store, session string) (*tel.Shop, tel.Actor) {
	t.Helper()
	shop, actor, err := s.Shop(ctx, "acme", session, "203.0.113.8")
	if err != nil {
		t.Fatal(err)
	}
	return shop, actor
}

func TestShop(t *testing.T) {
	s := storetest.Open(t)
	code(t, third(s.Shop(ctx, "acme", "", "")), tel.CodeNotFound)
	code(t, third(s.Shop(ctx, "", "", "")), tel.CodeNotFound)
	openShop(t, s, nil)
	shop, actor := visitor(t, s, "")
	if shop.AccountName != "Acme Tel" || shop.Holding != nil {
		t.Fatalf("%+v", shop)
	}
	q := tel.NewQuery()
	q.City = "Raleigh"
	if found := must[tel.Found](t)(s.SearchShop(ctx, actor, q)); found.Total != 2000 {
		t.Errorf("%d found", found.Total)
	}
	code(t, second(s.SearchShop(ctx, member, q)), tel.CodeForbidden)
	code(t, second(s.Search(ctx, actor, q)), tel.CodeForbidden)

	first := must[string](t)(s.HoldInShop(ctx, actor, "one", raleigh(0)))
	if again := must[string](t)(s.HoldInShop(ctx, actor, "one", raleigh(0))); again != first {
		t.Error("the second click held it again")
	}
	shop, _ = visitor(t, s, "one")
	if shop.Holding == nil || shop.Token != first || shop.Holding.Items[0].TN != raleigh(0) || shop.Holding.Reservation.Left(s.Now()) != 15*time.Minute {
		t.Fatalf("%+v", shop.Holding)
	}
	if other, _ := visitor(t, s, "two"); other.Holding != nil {
		t.Error("another's hold")
	}
	code(t, second(s.HoldInShop(ctx, actor, "two", raleigh(0))), tel.CodeNotAvailable)
	next := must[string](t)(s.HoldInShop(ctx, actor, "one", raleigh(1)))
	if !free(t, s.Store, raleigh(0)) || free(t, s.Store, raleigh(1)) {
		t.Error("one at a time")
	}
	if p, _ := buyerAt(t, s, first); p.StateAt(s.Now()) != tel.PurchaseCancel {
		t.Errorf("the first is %s", p.StateAt(s.Now()))
	}
	code(t, second(s.HoldInShop(ctx, actor, "one", tel.NewNumber(919, 556, 1))), tel.CodeNotAvailable)
	if p := accept(t, s, next, tel.PurchaseOrdered); p.Order.CompletedCount != 1 || !p.FromShop {
		t.Errorf("%+v", p.Order)
	}
	after := must[string](t)(s.HoldInShop(ctx, actor, "one", raleigh(2))) // bought: another one then
	s.Clock.Add(15 * time.Minute)
	if shop, _ = visitor(t, s, "one"); shop.Holding != nil || !free(t, s.Store, raleigh(2)) {
		t.Errorf("after its end: %+v", shop.Holding)
	}
	p, buyer := buyerAt(t, s, after)
	code(t, second(s.ReserveSimilar(ctx, buyer, after, p.Items[0].TN)), tel.CodeEnded)
	openShop(t, s, func(x *tel.Selling) { x.ShopOn = false })
	code(t, third(s.Shop(ctx, "acme", "", "")), tel.CodeNotFound)
	code(t, second(s.HoldInShop(ctx, actor, "one", raleigh(3))), tel.CodeNotFound)
	checked(t, s.Store)
}

// TestShopCap: visitors together hold so many and no more, and never more than the
// account may.
func TestShopCap(t *testing.T) {
	s := storetest.Open(t)
	openShop(t, s, func(x *tel.Selling) { x.MostHeld = 7 })
	_, actor := visitor(t, s, "")
	had := func() (n int) {
		var got [50]bool
		parallel(len(got), func(i int) {
			_, err := s.HoldInShop(ctx, actor, fmt.Sprint("visitor ", i), raleigh(i))
			got[i] = err == nil
			if err != nil && tel.CodeOf(err) != tel.CodeTooManyHeld {
				t.Error(err)
			}
		})
		for _, ok := range got {
			if ok {
				n++
			}
		}
		return n
	}
	if n := had(); n != 7 {
		t.Errorf("%d holds, not 7", n)
	}
	for i := range 50 { // whoever holds one may still change
		if shop, _ := visitor(t, s, fmt.Sprint("visitor ", i)); shop.Holding != nil {
			must[string](t)(s.HoldInShop(ctx, actor, fmt.Sprint("visitor ", i), raleigh(100)))
			break
		}
	}
	s.Clock.Add(15 * time.Minute)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 3 })
	if n := had(); n != 3 {
		t.Errorf("%d holds, not 3", n)
	}
	checked(t, s.Store)
}

func TestShopPolicy(t *testing.T) {
	s := storetest.Open(t)
	openShop(t, s, nil)
	_, actor := visitor(t, s, "")
	setPolicy(t, s, acme, func(p *tel.Policy) { p.Window = 5 * time.Minute })
	token := must[string](t)(s.HoldInShop(ctx, actor, "one", raleigh(0)))
	if p, _ := buyerAt(t, s, token); p.Reservation.Left(s.Now()) != 5*time.Minute {
		t.Errorf("%v left", p.Reservation.Left(s.Now()))
	}
	setPolicy(t, s, acme, func(p *tel.Policy) { p.CoolDown = time.Hour })
	must[string](t)(s.HoldInShop(ctx, actor, "one", raleigh(9)))
	theirs := reserve(t, s, rival, raleigh(5)) // which keeps nobody else from it
	must[*tel.Reservation](t)(s.Cancel(ctx, rival, theirs.ID, ""))
	q := tel.NewQuery()
	q.StartsWith = "919555200" // raleigh(0) was let go, and cools down
	if found := must[tel.Found](t)(s.SearchShop(ctx, actor, q)); found.Total != 8 || len(found.TNs) != 8 {
		t.Errorf("%d found", found.Total)
	}
	for i := range 5 { // of ten, those that a page begins with
		r := reserve(t, s, admin, raleigh(10+i))
		must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
	}
	q.StartsWith, q.Order, q.Limit = "919555201", tel.OrderAscending, 4
	if found := must[tel.Found](t)(s.SearchShop(ctx, actor, q)); found.Total != 5 || len(found.TNs) != 4 || found.TNs[0].TN != raleigh(15) {
		t.Errorf("a page of %+v", found)
	}
	if _, err := s.SwitchReservations(ctx, admin, acme, false, true); err != nil {
		t.Fatal(err)
	}
	e := code(t, second(s.HoldInShop(ctx, actor, "two", raleigh(1))), tel.CodeReservationsOff)
	if e.Message != "No more numbers can be held just now. Try again later." {
		t.Error(e.Message)
	}
	checked(t, s.Store)
}
