package main

import (
	"context"
	"fmt"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// What the demo's accounts do beyond reserving, so that every page has something to
// look at: programs, a storefront, links for end users, orders of every kind. All of it
// happens when the demo is filled, for a past would have to be invented.

const ada, nia, cleo = "ada@acme.example", "nia@northwind.example", "cleo@contoso.example"

// demoAdmins are who arranges an account's things.
var demoAdmins = []struct {
	account tel.AccountID
	email   string
	domain  string
	clients []store.NewClient
}{
	{acme, ada, "acme.example", []store.NewClient{{Name: "Web shop", Role: tel.RoleMember, Expires: 90 * 24 * time.Hour}, {Name: "Billing", Role: tel.RoleAdmin}}},
	{northwind, nia, "northwind.example", []store.NewClient{{Name: "Provisioning", Role: tel.RoleAdmin}}},
	{contoso, cleo, "contoso.example", []store.NewClient{{Name: "Call center", Role: tel.RoleMember, Expires: 365 * 24 * time.Hour}}},
}

// demoDoors comes before the reservations, so that there is something to tell.
func demoDoors(ctx context.Context, s *store.Store, actors demoActors) error {
	for _, a := range demoAdmins {
		actor := actors[a.account][a.email]
		if err := demoEndpoint(ctx, s, actor, "https://hooks."+a.domain+"/numbers"); err != nil {
			return err
		}
		for _, n := range a.clients {
			n.Account = a.account
			if _, err := s.CreateClient(ctx, actor, n); unlessThere(err) != nil {
				return err
			}
		}
	}
	shop := tel.DefaultSelling()
	shop.Questions = []tel.Question{{Label: "Company"}, {Label: "Street and city", Required: true}}
	shop.OfferSimilar, shop.ShopOn, shop.Slug = true, true, "acme"
	return s.SetSelling(ctx, actors[acme][ada], acme, shop)
}

// demoEndpoint makes an endpoint that is paused: nobody listens at a name under .example,
// and a demo calls nobody by itself. What it would be told waits there to be seen.
func demoEndpoint(ctx context.Context, s *store.Store, actor tel.Actor, url string) error {
	have, err := s.Endpoints(ctx, actor, actor.Account)
	if err != nil {
		return err
	}
	if len(have) > 0 {
		return s.PauseEndpoint(ctx, actor, have[0].ID)
	}
	made, err := s.CreateEndpoint(ctx, actor, tel.NewEndpoint{Account: actor.Account, URL: url})
	if err != nil {
		return err
	}
	return s.PauseEndpoint(ctx, actor, made.ID)
}

// demoStorefront is the path of the demo's storefront while it is open.
func demoStorefront(ctx context.Context, s *store.Store) (string, error) {
	selling, err := s.Selling(ctx, demoHand, acme)
	if err != nil || !selling.ShopOn {
		return "", err
	}
	return "/shop/" + selling.Slug, nil
}

// sell is what becomes of a reservation with a customer.
func (h demoHold) sell(ctx context.Context, s *store.Store, actor tel.Actor, r *tel.Reservation) error {
	switch {
	case h.ordered:
		_, err := s.PlaceOrder(ctx, actor, tel.OrderRequest{Account: h.account, Kind: tel.OrderKindExisting, TNs: h.tns(), ReservationIDs: []string{r.ID}, CustomerOrderID: h.order})
		return err
	case h.bought:
		_, token, err := s.NewPurchaseLink(ctx, actor, r.ID)
		if err != nil {
			return err
		}
		return demoPurchase(ctx, s, token)
	case h.offered:
		links, err := s.PurchaseLinks(ctx, actor, r)
		if err != nil || len(links) > 0 {
			return err
		}
		_, _, err = s.NewPurchaseLink(ctx, actor, r.ID)
		return err
	}
	return nil
}

// sold tells whether an earlier filling came as far as the order.
func (h demoHold) sold(ctx context.Context, s *store.Store) (bool, error) {
	if !h.ordered && !h.bought {
		return false, nil
	}
	found, err := s.Orders(ctx, demoHand, store.OrderQuery{Account: h.account, TN: h.tns()[0], Limit: 1})
	return len(found.Rows) > 0, err
}

// demoPurchase is an end user who accepts.
func demoPurchase(ctx context.Context, s *store.Store, token string) error {
	p, buyer, err := s.Purchase(ctx, token, "")
	if err != nil {
		return err
	}
	_, err = s.AcceptPurchase(ctx, buyer, tel.Acceptance{Name: "Eve Endler", Email: "eve@bakery.example", Answers: []string{"Eve's Bakery", "12 Mill Street, Raleigh"}, Terms: p.Terms()})
	return err
}

// demoOrder is an order by an account's own name for it, which gives a second attempt
// the first one's answer.
type demoOrder struct {
	account tel.AccountID
	by      string
	req     tel.OrderRequest
}

func demoOrders() []demoOrder {
	tns := func(npa, nxx, from, n int) (list []tel.Number) {
		for i := range n {
			list = append(list, tel.NewNumber(npa, nxx, from+i))
		}
		return list
	}
	search := func(npa, quantity int) *tel.OrderSearch {
		q := tel.NewQuery()
		q.NPAs = []int{npa}
		return &tel.OrderSearch{Query: q, Quantity: quantity}
	}
	taken := tns(404, 247, 5000, 2) // Northwind holds them
	return []demoOrder{
		{acme, ada, tel.OrderRequest{CustomerOrderID: "PO-1001", Name: "Branch in Cary", TNs: tns(919, 247, 3300, 8)}},
		{acme, ada, tel.OrderRequest{CustomerOrderID: "PO-1002", Name: "Five in Atlanta", TNs: append(tns(404, 247, 5100, 3), taken...), PartialAllowed: true}},
		{acme, ada, tel.OrderRequest{CustomerOrderID: "PO-1003", Name: "The two that were missing", TNs: taken}},
		{acme, ada, tel.OrderRequest{CustomerOrderID: "PO-1004", Name: "Any 25 in Anchorage", Search: search(907, 25)}},
		// The demo has no area code 307: this waits until somebody imports it.
		{acme, ada, tel.OrderRequest{CustomerOrderID: "PO-1005", Name: "Ten in Wyoming, when there are some", Search: search(307, 10), BackOrder: true}},
		{acme, ada, tel.OrderRequest{CustomerOrderID: "PO-1006", Name: "Two lines given up", Kind: tel.OrderKindDisconnect, TNs: tns(919, 247, 3306, 2)}},
		{northwind, nia, tel.OrderRequest{CustomerOrderID: "NW-290", Name: "Nashville office", TNs: tns(615, 247, 3000, 4)}},
		{northwind, nia, tel.OrderRequest{CustomerOrderID: "NW-301", Name: "Fax line closed", Kind: tel.OrderKindDisconnect, TNs: tns(615, 247, 3003, 1)}},
		{contoso, cleo, tel.OrderRequest{CustomerOrderID: "C-8990", Name: "Phoenix", TNs: tns(602, 237, 4500, 3)}},
		{contoso, cleo, tel.OrderRequest{CustomerOrderID: "C-8995", Name: "One too many", Kind: tel.OrderKindDisconnect, TNs: tns(602, 237, 4502, 1)}},
	}
}

func (o demoOrder) place(ctx context.Context, s *store.Store, actor tel.Actor) (err error) {
	o.req.Account = o.account
	switch {
	case o.req.Kind == tel.OrderKindDisconnect:
		_, err = s.Disconnect(ctx, actor, o.req)
		return err
	case o.req.Search != nil:
		o.req.Kind = tel.OrderKindSearch
	default:
		o.req.Kind = tel.OrderKindExisting
	}
	_, err = s.PlaceOrder(ctx, actor, o.req)
	return err
}

func demoBusiness(ctx context.Context, s *store.Store) error {
	actors, err := readDemoActors(ctx, s)
	if err != nil {
		return err
	}
	if err := demoDoors(ctx, s, actors); err != nil {
		return err
	}
	for _, h := range demoHolds() {
		if err := h.make(ctx, s, actors[h.account][h.email]); err != nil {
			return fmt.Errorf("%s: %w", h.order, err)
		}
	}
	for _, o := range demoOrders() {
		if err := o.place(ctx, s, actors[o.account][o.by]); err != nil {
			return fmt.Errorf("%s: %w", o.req.CustomerOrderID, err)
		}
	}
	return nil
}
