package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/views/texts"
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
	page.Reservation, page.Over = r.ID, r.StateAt(v.now).Ended()
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

func (v *visit) orderTN(tn tel.Number, ticked bool) views.OrderTN {
	place, offer, _ := v.store.Shelf().Has(tn)
	return views.OrderTN{TN: tn, Place: place, Cost: offer.MonthlyCost, Ticked: ticked}
}

// picked reads the TNs that somebody ticked, for those who have an action.
func (v *visit) picked(list []string, act tel.Action) (tns []tel.Number, err error) {
	if !v.actor.Can(act) {
		return nil, tel.Forbidden(act)
	}
	for _, s := range list {
		tn, err := tel.ParseNumber(s)
		if err != nil {
			return nil, err
		}
		tns = append(tns, tn)
	}
	slices.Sort(tns)
	if tns = slices.Compact(tns); len(tns) > mostPicked {
		return nil, tel.Invalid("tn", "At most %d numbers at once.", mostPicked)
	}
	return tns, nil
}

// kept finds which of some TNs one account has in a state, and that account: the one
// acted for, or for all accounts the first TN's.
func (v *visit) kept(tns []tel.Number, state tel.TNState) (rows []views.OrderTN, account tel.AccountID, err error) {
	account = v.actor.Account
	for _, tn := range tns {
		q := store.NewTNQuery(account)
		q.Status, q.From, q.Limit = state, tn, 1
		listed, err := v.store.TNsInService(v.r.Context(), v.actor, q)
		if err != nil {
			return nil, 0, err
		}
		if len(listed.Rows) == 0 || listed.Rows[0].TN != tn {
			continue
		}
		account = listed.Rows[0].Account
		rows = append(rows, v.orderTN(tn, true))
	}
	return rows, account, nil
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

// accountNamed is an account's name for those who work for several.
func (v *visit) accountNamed(id tel.AccountID) (string, error) {
	if !v.actor.Sees(0) {
		return "", nil
	}
	a, err := v.store.Account(v.r.Context(), v.actor, id)
	if err != nil {
		return "", err
	}
	return a.Name, nil
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

func (v *visit) disconnectFlash(o *tel.Order) views.Flash {
	switch {
	case o.State == tel.OrderComplete:
		return ok(v.t("%d numbers disconnected.", o.CompletedCount))
	case o.CompletedCount > 0:
		return views.Flash{Kind: views.FlashWarn, Text: v.t("Only %d of %d numbers disconnected.", o.CompletedCount, o.Quantity)}
	}
	return views.Flash{Kind: views.FlashError, Text: v.t("Nothing was disconnected. Why not stands below, number by number.")}
}

// numbers is the list of TNs in service, or of those that age.
func (v *visit) numbers() error {
	if !v.actor.Can(tel.ActListOrders) {
		return tel.Forbidden(tel.ActListOrders)
	}
	values := v.r.URL.Query()
	q := store.NewTNQuery(v.actor.Account)
	page := views.Numbers{Lede: v.t("What was ordered and works now."), Self: v.self(), MayChange: v.actor.Can(tel.ActDisconnect), Filter: views.NumberFilter{
		NPA: v.query("npa"), NXX: v.query("nxx"), City: v.query("city"), RC: v.query("rc"), Errors: map[string]string{},
	}}
	f := &page.Filter
	if page.Aging = values.Get("status") == "aging"; page.Aging {
		q.Status, page.Lede = tel.TNAging, v.t("Disconnected numbers rest here. Take one back before it comes free.")
		f.Kept = []views.Hidden{{Name: "status", Value: "aging"}}
	}
	q.City, q.RateCenter, q.State, q.Limit = f.City, f.RC, strings.ToUpper(v.query("state")), listPage
	f.States = v.stateChoices(v.store.Shelf().States(), q.State)
	q.NPA = v.digitsField("npa", f.NPA, f.Errors)
	q.NXX = v.digitsField("nxx", f.NXX, f.Errors)
	if s := values.Get("from"); s != "" {
		from, err := tel.ParseNumber(s)
		if err != nil {
			return err
		}
		q.From = from
	}
	var err error
	if q.Account, f.Accounts, err = v.accountFilter(values, q.Account); err != nil {
		return err
	}
	page.WithAccount = q.Account == 0
	if f.NPA+f.NXX+f.City+f.RC+q.State != "" || len(f.Accounts) > 0 && q.Account != 0 {
		f.Clear = with("/numbers", url.Values{"status": values["status"]})
	}
	page.Tabs = []views.Tab{
		{Label: v.t("In service|numbers"), Href: with("/numbers", values, "status", "", "from", ""), Current: !page.Aging},
		{Label: v.t("Aging|numbers"), Href: with("/numbers", values, "status", "aging", "from", ""), Current: page.Aging},
	}
	return v.fillNumbers(page, q, values)
}

func (v *visit) fillNumbers(page views.Numbers, q store.TNQuery, values url.Values) error {
	var listed store.ListedTNs
	var n int
	var err error
	if len(page.Filter.Errors) == 0 {
		if listed, err = v.store.TNsInService(v.r.Context(), v.actor, q); err == nil {
			n, err = v.store.CountTNs(v.r.Context(), v.actor, q)
		}
		if fields, ok := v.fieldErrors(err); ok {
			page.Filter.Errors = fields
		} else if err != nil {
			return err
		}
	}
	status := http.StatusOK
	if len(page.Filter.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	for _, t := range listed.Rows {
		page.Rows = append(page.Rows, numberRow(t))
	}
	page.Total, page.Summary = v.t("%d numbers", n), v.t("%d numbers", len(page.Rows))
	if listed.Next != 0 {
		page.Next = with("/numbers", values, "from", listed.Next.Digits())
	}
	if q.From != 0 {
		page.First = with("/numbers", values, "from", "")
	}
	return v.render(status, views.NumbersPage(v.shell(), page))
}

func numberRow(t *store.TNInService) views.NumberRow {
	return views.NumberRow{
		TN: t.TN, State: t.State, Place: t.Place, AccountID: t.Account, Account: t.AccountName, Since: t.Since, Until: t.Until, OrderID: t.OrderID, OrderName: t.OrderName,
	}
}

// digitsField reads three digits; 0 is none.
func (v *visit) digitsField(field, s string, faults map[string]string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 3 || n < 200 {
		faults[field] = v.t("Three digits, the first of them 2 to 9.")
	}
	return n
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
	aging, err := parseDuration("aging", form.Value)
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
