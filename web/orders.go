package web

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

const (
	mostPicked    = 500 // TNs of one form to disconnect or take back
	mostOrderLink = 5   // reservations that an order's page leads to
)

// orders is the list: the account's, all for an operator, what they made themselves
// for a member.
func (v *visit) orders() error {
	values := v.r.URL.Query()
	q, filter, err := v.readOrders(values)
	if err != nil {
		return err
	}
	page := views.Orders{Title: v.t("Orders"), Lede: v.t("What was ordered and disconnected, and what became of it."), Self: v.self(), Filter: filter, WithAccount: q.Account == 0}
	if q.Mine {
		page.Title, page.Lede = v.t("Your orders"), v.t("What you ordered yourself. Any other order of your account opens by its id.")
	}
	if len(filter.Errors) > 0 {
		if err := v.mayList(q); err != nil {
			return err
		}
		page.Total = v.t("%d orders", 0)
		return v.render(http.StatusUnprocessableEntity, views.OrdersPage(v.shell(), page))
	}
	listed, err := v.store.Orders(v.r.Context(), v.actor, q)
	if err != nil {
		return err
	}
	page.Rows = listed.Rows
	n, err := v.store.CountOrders(v.r.Context(), v.actor, q, mostCounted)
	if err != nil {
		return err
	}
	page.Total, page.Summary = v.t("%d orders", n), v.t("%d orders", len(page.Rows))
	if n == mostCounted {
		page.Total = v.t("At least %d orders", n)
	}
	if listed.Next != "" {
		page.Next = with("/orders", values, "cursor", listed.Next)
	}
	if q.Cursor != "" {
		page.First = with("/orders", values, "cursor", "")
	}
	return v.render(http.StatusOK, views.OrdersPage(v.shell(), page))
}

// mayList is the refusal of the list itself, whatever its filters are.
func (v *visit) mayList(q store.OrderQuery) error {
	act := tel.ActListOrders
	if q.Mine {
		act = tel.ActOrder
	}
	return v.actor.Require(act, q.Account)
}

// readOrders reads the filters of an address. Every field that is wrong is told at
// once.
func (v *visit) readOrders(values url.Values) (store.OrderQuery, views.OrderFilter, error) {
	q := store.OrderQuery{Account: v.actor.Account, Mine: !v.actor.Can(tel.ActListOrders), Cursor: values.Get("cursor"), Limit: listPage}
	f := views.OrderFilter{
		Status: strings.ToUpper(v.query("status")), Kind: v.query("kind"), CustomerOrderID: v.query("customer_order_id"), TN: v.query("tn"),
		From: v.query("from"), To: v.query("to"), Errors: map[string]string{},
	}
	note := func(field string, err error) {
		if err != nil {
			f.Errors[field] = v.fault(err)
		}
	}
	var err error
	if f.Status != "" {
		var state tel.OrderState
		state, err = tel.ParseOrderState(f.Status)
		q.States = []tel.OrderState{state}
		note("status", err)
	}
	if f.Kind != "" {
		q.Kinds = []tel.OrderKind{tel.OrderKind(f.Kind)}
		if !slices.Contains(tel.OrderKinds(), q.Kinds[0]) {
			note("kind", tel.Invalid("kind", "%q is not a kind of order.", f.Kind))
		}
	}
	q.CustomerOrderID, err = tel.CleanCustomerOrderID(f.CustomerOrderID)
	note("customer_order_id", err)
	if f.TN != "" {
		q.TN, err = tel.ParseNumber(f.TN)
		note("tn", err)
	}
	q.From, err = parseDay("from", f.From)
	note("from", err)
	q.To, err = parseDay("to", f.To)
	note("to", err)
	if !q.To.IsZero() {
		if q.To = q.To.AddDate(0, 0, 1); f.Errors["from"] == "" && !q.From.Before(q.To) {
			note("to", tel.Invalid("to", "The end is before the beginning."))
		}
	}
	if f.Status+f.Kind+f.CustomerOrderID+f.TN+f.From+f.To != "" {
		f.Clear = "/orders"
	}
	q.Account, f.Accounts, err = v.accountFilter(values, q.Account)
	if values.Get("account") != "" && len(f.Accounts) > 0 {
		f.Clear = "/orders"
	}
	return q, f, err
}

// accountFilter is the account that an operator narrows a list to, and the others.
func (v *visit) accountFilter(values url.Values, own tel.AccountID) (tel.AccountID, []views.Choice, error) {
	if v.actor.Role != tel.RoleOperator || v.actor.Account != 0 {
		return own, nil, nil
	}
	var only tel.AccountID
	if s := values.Get("account"); s != "" {
		var err error
		if only, err = tel.ParseAccountID(s); err != nil {
			return 0, nil, tel.NotFound()
		}
	}
	accounts, err := v.store.Accounts(v.r.Context(), v.actor)
	list := []views.Choice{{Label: v.t("All accounts"), Selected: only == 0}}
	for _, a := range accounts {
		list = append(list, views.Choice{Value: a.ID.String(), Label: a.Name, Selected: a.ID == only})
	}
	return only, list, err
}

// parseDay reads a day, "2026-11-21", as its first instant UTC.
func parseDay(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse("2006-01-02", s)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}, tel.Invalid(field, "%q is not a day such as 2026-11-21.", s)
	}
	return t, nil
}

// order is one order's page.
func (v *visit) order() error {
	o, err := v.store.OpenOrder(v.r.Context(), v.actor, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.orderPage(http.StatusOK, o, views.OrderDetail{Names: views.OrderNames{Name: o.Name, CustomerOrderID: o.CustomerOrderID}})
}

func (v *visit) orderPage(status int, o *tel.Order, page views.OrderDetail) error {
	page.Order, page.Self, page.Key = o, orderAt(o), rand.Text()
	page.MayChange = v.actor.May(tel.ActOrder, o.Account)
	page.MayLookUp = v.actor.Can(tel.ActLookUpTN)
	if v.actor.May(tel.ActReadBuyer, o.Account) {
		var err error
		if page.Buyer, err = v.store.BuyerOf(v.r.Context(), v.actor, o); err != nil {
			return err
		}
	}
	if page.WithAccount = v.actor.Sees(0); page.WithAccount && v.actor.Can(tel.ActManageAccounts) {
		page.AccountHref = "/accounts/" + o.Account.String()
	}
	events, err := v.store.OrderHistory(v.r.Context(), o)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(events) {
		if e.Kind != tel.EventOrderNoted { // they stand by themselves
			page.History = append(page.History, views.OrderSteps(v.r.Context(), []tel.Event{*e})...)
		}
	}
	if page.Notes, err = v.store.OrderNotes(v.r.Context(), o); err != nil {
		return err
	}
	slices.Reverse(page.Notes)
	for _, id := range o.ReservationIDs[:min(len(o.ReservationIDs), mostOrderLink)] {
		r, err := v.store.Reservation(v.r.Context(), v.actor, id)
		if err == nil {
			page.Reservations = append(page.Reservations, r.ID)
		} else if err != nil && tel.CodeOf(err) != tel.CodeNotFound {
			return err
		}
	}
	return v.render(status, views.OrderPage(v.shell(), page))
}

func orderAt(o *tel.Order) string { return "/orders/" + o.ID }

// orderHere reads the order of this address, for those who may change it.
func (v *visit) orderHere() (*tel.Order, error) {
	o, err := v.store.OrderHead(v.r.Context(), v.actor, v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return o, v.actor.Require(tel.ActOrder, o.Account)
}

// changeOrder changes an order's names, or closes one that waits.
func (v *visit) changeOrder() error {
	o, err := v.orderHere()
	if err != nil {
		return err
	}
	names := views.OrderNames{Name: v.form("name"), CustomerOrderID: v.form("customer_order_id")}
	u, done := tel.OrderUpdate{Name: &names.Name, CustomerOrderID: &names.CustomerOrderID}, v.t("The order was saved.")
	if v.form("close") == "1" {
		u, done = tel.OrderUpdate{Close: true}, v.t("The order is closed; it ends with what it has.")
	}
	_, err = v.store.UpdateOrder(v.r.Context(), v.actor, o.ID, u)
	if fields, ok := v.fieldErrors(nameTaken(err)); ok && !u.Close {
		names.Errors = fields
		if o, err = v.store.Order(v.r.Context(), v.actor, o.ID); err != nil {
			return err
		}
		return v.orderPage(http.StatusUnprocessableEntity, o, views.OrderDetail{Names: names})
	}
	if err != nil {
		return v.backWith(orderAt(o), err)
	}
	return v.done(orderAt(o), ok(done))
}

// nameTaken puts a conflict at the field that it is about: pages have nonces of their
// own, so that only the customer order id can have been used before.
func nameTaken(err error) error {
	if tel.CodeOf(err) != tel.CodeConflict {
		return err
	}
	return tel.Invalid("customer_order_id", "Another order has this customer order id.")
}

func (v *visit) addOrderNote() error {
	o, err := v.orderHere()
	if err != nil {
		return err
	}
	_, err = v.store.AddOrderNote(v.r.Context(), v.actor, o.ID, v.form("note"), v.nonce(v.form("note")))
	if fields, ok := v.fieldErrors(err); ok {
		if o, err = v.store.Order(v.r.Context(), v.actor, o.ID); err != nil {
			return err
		}
		return v.orderPage(http.StatusUnprocessableEntity, o, views.OrderDetail{
			Names: views.OrderNames{Name: o.Name, CustomerOrderID: o.CustomerOrderID}, Note: v.form("note"), NoteError: fields["note"],
		})
	}
	if err != nil {
		return err
	}
	return v.done(orderAt(o), ok(v.t("The note was added.")))
}
