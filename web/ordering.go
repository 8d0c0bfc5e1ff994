package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"tnreserve/store/tel"
	"tnreserve/views"
)

// newOrder asks before TNs are ordered: those of a reservation, or aging ones.
func (v *visit) newOrder() error {
	if id := v.query("reservation"); id != "" {
		r, err := v.orderable(id)
		if err != nil {
			return err
		}
		return v.askOrder(http.StatusOK, r, views.NewOrder{Key: rand.Text()}, nil)
	}
	tns, err := v.picked(v.r.URL.Query()["tn"], tel.ActListOrders)
	if err != nil {
		return err
	}
	return v.askTakeBack(http.StatusOK, tns, views.NewOrder{Key: rand.Text()})
}

// orderable reads a reservation for one who may order from it.
func (v *visit) orderable(id string) (*tel.Reservation, error) {
	r, err := v.store.Reservation(v.r.Context(), v.actor, id)
	if err != nil {
		return nil, err
	}
	return r, v.actor.Require(tel.ActOrder, r.Account)
}

// askOrder shows a reservation's TNs to choose from. ticked nil ticks all.
func (v *visit) askOrder(status int, r *tel.Reservation, page views.NewOrder, ticked []tel.Number) error {
	state := r.StateAt(v.now)
	page.Reservation, page.Over, page.Paying = r.ID, state.Ended(), state == tel.StateSubmitted
	left := v.countdown(r, v.t("this reservation"))
	page.Left = &left
	if v.actor.Sees(0) {
		page.Account = r.AccountName
	}
	for _, t := range r.TNs {
		if t.EndedAt.IsZero() {
			page.TNs = append(page.TNs, v.orderTN(t.TN, ticked == nil || slices.Contains(ticked, t.TN)))
		}
	}
	return v.render(status, views.NewOrderPage(v.shell(), page))
}

// askTakeBack shows aging TNs that go back into service.
func (v *visit) askTakeBack(status int, tns []tel.Number, page views.NewOrder) error {
	rows, account, err := v.kept(tns, tel.TNAging)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return v.done("/numbers?status=aging", views.Flash{Kind: views.FlashWarn, Text: v.t("Choose at least one number that is aging first.")})
	}
	page.TNs, page.LeftOut, page.AccountID = rows, len(tns)-len(rows), account
	if page.Account, err = v.accountNamed(account); err != nil {
		return err
	}
	return v.render(status, views.NewOrderPage(v.shell(), page))
}

// placeOrder orders TNs of a reservation, or takes aging ones back.
func (v *visit) placeOrder() error {
	req := tel.OrderRequest{
		Kind: tel.OrderKindExisting, PartialAllowed: v.form("partial") == "1", CustomerOrderID: v.form("customer_order_id"), Name: v.form("name"), IdempotencyKey: v.form("key"),
	}
	if id := v.form("reservation"); id != "" {
		return v.orderReserved(id, req)
	}
	var err error
	if req.TNs, err = v.picked(v.r.PostForm["tn"], tel.ActListOrders); err != nil {
		return err
	}
	if req.Account, err = v.accountOfForm(tel.ActOrder); err != nil {
		return err
	}
	o, err := v.store.PlaceOrder(v.r.Context(), v.actor, v.once(req))
	if fields, ok := v.fieldErrors(nameTaken(err)); ok && len(req.TNs) > 0 {
		return v.askTakeBack(http.StatusUnprocessableEntity, req.TNs, views.NewOrder{
			Names: views.OrderNames{Name: req.Name, CustomerOrderID: req.CustomerOrderID, Errors: fields}, Partial: req.PartialAllowed, Key: rand.Text(), Errors: fields,
		})
	}
	if err != nil {
		return v.backWith("/numbers?status=aging", err)
	}
	return v.done(orderAt(o), v.orderFlash(o))
}

// orderReserved orders TNs of one reservation and of no other: it may have ended when
// the form was sent before.
func (v *visit) orderReserved(id string, req tel.OrderRequest) error {
	r, err := v.orderable(id)
	if err != nil {
		return err
	}
	req.Account, req.ReservationIDs = r.Account, []string{r.ID}
	for _, s := range v.r.PostForm["tn"] {
		tn, err := tel.ParseNumber(s)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(r.TNs, func(t tel.ReservedTN) bool { return t.TN == tn }) {
			return tel.Invalid("tn", "%s is not of this reservation.", tn)
		}
		req.TNs = append(req.TNs, tn)
	}
	var o *tel.Order
	if err = tel.Invalid("tn", "Choose at least one number."); len(req.TNs) > 0 {
		o, err = v.store.PlaceOrder(v.r.Context(), v.actor, v.once(req))
	}
	if fields, ok := v.fieldErrors(nameTaken(err)); ok {
		ticked := append([]tel.Number{}, req.TNs...)
		return v.askOrder(http.StatusUnprocessableEntity, r, views.NewOrder{
			Names: views.OrderNames{Name: req.Name, CustomerOrderID: req.CustomerOrderID, Errors: fields}, Partial: req.PartialAllowed, Key: rand.Text(), Errors: fields,
		}, ticked)
	}
	if err != nil {
		return v.backWith(v.back("/reservations/"+r.ID), err)
	}
	return v.done(orderAt(o), v.orderFlash(o))
}

// once makes a page's nonce the key of this very request: the form sent twice makes
// one order, and sent with other content another.
func (v *visit) once(req tel.OrderRequest) tel.OrderRequest {
	req.IdempotencyKey = ""
	req.IdempotencyKey = v.nonce(req)
	return req
}

// nonce makes the page's nonce, if the form has one, the key of what it asks for.
func (v *visit) nonce(asked any) string {
	nonce := v.form("key")
	if nonce == "" {
		return ""
	}
	content, _ := json.Marshal([]any{nonce, asked}) // plain fields: cannot fail
	return fmt.Sprintf("page-%x", sha256.Sum256(content))
}

// accountOfForm is the account acted for, or the one that the page named for those
// who act for none.
func (v *visit) accountOfForm(act tel.Action) (tel.AccountID, error) {
	id := v.actor.Account
	if id == 0 {
		var err error
		if id, err = tel.ParseAccountID(v.form("account")); err != nil {
			return 0, err
		}
	}
	return id, v.actor.Require(act, id)
}

// orderFlash tells what became of an order.
func (v *visit) orderFlash(o *tel.Order) views.Flash {
	f := v.outcomeFlash(o)
	if o.Repeated {
		f.Text += " " + v.t("This order was placed before; nothing was done twice.")
	}
	return f
}

func (v *visit) outcomeFlash(o *tel.Order) views.Flash {
	if o.Kind == tel.OrderKindDisconnect {
		return v.disconnectFlash(o)
	}
	switch {
	case o.State == tel.OrderComplete:
		return ok(v.t("%d numbers are in service.", o.CompletedCount))
	case o.CompletedCount > 0:
		return views.Flash{Kind: views.FlashWarn, Text: v.t("Only %d of %d numbers are in service.", o.CompletedCount, o.Quantity)}
	}
	return views.Flash{Kind: views.FlashError, Text: v.t("Nothing was ordered. Why not stands below, number by number.")}
}
