package web

import (
	"crypto/rand"
	"net/http"

	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/views/texts"
)

func (v *visit) disconnectFlash(o *tel.Order) views.Flash {
	switch {
	case o.State == tel.OrderComplete:
		return ok(v.t("%d numbers disconnected.", o.CompletedCount))
	case o.CompletedCount > 0:
		return views.Flash{Kind: views.FlashWarn, Text: v.t("Only %d of %d numbers disconnected.", o.CompletedCount, o.Quantity)}
	}
	return views.Flash{Kind: views.FlashError, Text: v.t("Nothing was disconnected. Why not stands below, number by number.")}
}

// disconnectPage asks before TNs are taken out of service.
func (v *visit) disconnectPage() error {
	tns, err := v.picked(v.r.URL.Query()["tn"], tel.ActDisconnect)
	if err != nil {
		return err
	}
	return v.askDisconnect(http.StatusOK, tns, views.Disconnect{Key: rand.Text()})
}

func (v *visit) askDisconnect(status int, tns []tel.Number, page views.Disconnect) error {
	rows, account, err := v.kept(tns, tel.TNInService)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return v.done("/numbers", views.Flash{Kind: views.FlashWarn, Text: v.t("Choose at least one number that is in service first.")})
	}
	a, err := v.store.Account(v.r.Context(), v.actor, account)
	if err != nil {
		return err
	}
	page.TNs, page.LeftOut, page.AccountID, page.Aging = rows, len(tns)-len(rows), account, a.Aging
	if v.actor.Sees(0) {
		page.Account = a.Name
	}
	return v.render(status, views.DisconnectPage(v.shell(), page))
}

// disconnect takes TNs out of service, each by itself: one that is not any more does
// not keep the others.
func (v *visit) disconnect() error {
	req := tel.OrderRequest{Kind: tel.OrderKindDisconnect, PartialAllowed: true, CustomerOrderID: v.form("customer_order_id"), Name: v.form("name"), IdempotencyKey: v.form("key")}
	var err error
	if req.TNs, err = v.picked(v.r.PostForm["tn"], tel.ActDisconnect); err != nil {
		return err
	}
	if req.Account, err = v.accountOfForm(tel.ActDisconnect); err != nil {
		return err
	}
	o, err := v.store.Disconnect(v.r.Context(), v.actor, v.once(req))
	if fields, ok := v.fieldErrors(nameTaken(err)); ok && len(req.TNs) > 0 {
		return v.askDisconnect(http.StatusUnprocessableEntity, req.TNs, views.Disconnect{
			Names: views.OrderNames{Name: req.Name, CustomerOrderID: req.CustomerOrderID, Errors: fields}, Key: rand.Text(), Errors: fields,
		})
	}
	if err != nil {
		return v.backWith("/numbers", err)
	}
	return v.done(orderAt(o), v.orderFlash(o))
}

// setAging changes how long TNs rest that an account disconnects.
func (v *visit) setAging() error {
	a, err := v.accountHere()
	if err != nil {
		return err
	}
	if err := v.actor.Require(tel.ActManageInventory, a.ID); err != nil {
		return err
	}
	form := views.AgingForm{Value: v.form("aging")}
	aging, err := tel.ParseDuration("aging", form.Value)
	if err == nil {
		err = v.store.SetAging(v.r.Context(), v.actor, a.ID, aging)
	}
	if fields, ok := v.fieldErrors(err); ok {
		form.Error = fields["aging"]
		return v.accountPage(http.StatusUnprocessableEntity, a, views.NewPolicyForm(a.Policy), views.NewPolicyForm(a.Limits), form)
	}
	if err != nil {
		return err
	}
	return v.done("/accounts/"+a.ID.String(), ok(v.t("Numbers that %s disconnects from now on age for %s.", a.Name, texts.Duration(v.r.Context(), aging))))
}
