package views

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// Orders is the list of orders, the latest first.
type Orders struct {
	Title       string // "Orders", for a member "Your orders"
	Lede        string
	Self        string // address of this very page
	Filter      OrderFilter
	Rows        []*tel.Order
	Total       string // "12 orders"
	Summary     string // of the page
	Next        string
	First       string
	WithAccount bool // the operator's list: a column for the account
}

// OrderFilter is the filters of the list as typed. Errors by field: status, kind,
// customer_order_id, tn, from, to.
type OrderFilter struct {
	Status          string
	Kind            string
	CustomerOrderID string
	TN              string
	From            string // days, "2026-11-21"
	To              string
	Accounts        []Choice // for operators; the first is "All accounts"
	Errors          map[string]string
	Clear           string // address without filters, "" when there are none
}

// OrderDetail is one order's page.
type OrderDetail struct {
	Order        *tel.Order
	Self         string
	Notes        []tel.OrderNote // newest first
	History      []Step          // newest first
	Reservations []string        // ids that it was ordered with and that the reader may open
	Buyer        *tel.Buyer      // who ordered through a purchase link, for who may know
	MayChange    bool            // names, notes, closing
	MayLookUp    bool            // TNs lead to what is known of them
	WithAccount  bool
	AccountHref  string // "" no link
	Names        OrderNames
	Note         string // as typed, when it was refused
	NoteError    string
	Key          string // nonce of the form for a note
}

// OrderNames is what can be changed of an order, as typed. Errors by field: name,
// customer_order_id.
type OrderNames struct {
	Name            string
	CustomerOrderID string
	Errors          map[string]string
}

// OrderTN is a TN that an order would take or give up.
type OrderTN struct {
	TN     tel.Number
	Place  tel.Place
	Cost   tel.Money // a month
	Ticked bool
	Until  time.Time // aging: when anybody may have it
}

// NewOrder is the question before TNs are ordered: those of a reservation, or aging
// ones that go back to their last holder.
type NewOrder struct {
	Reservation string // id; "" takes aging TNs back
	Over        bool   // the reservation has ended: there is nothing to order
	Paying      bool   // a buyer pays for it now
	Left        *Countdown
	Account     string // named for operators, "" for everybody else
	AccountID   tel.AccountID
	TNs         []OrderTN
	LeftOut     int // TNs asked for that are not aging with the account
	Names       OrderNames
	Partial     bool
	Key         string // idempotency nonce
	Errors      map[string]string
}

// Disconnect is the question before TNs are taken out of service.
type Disconnect struct {
	Account   string // named for operators
	AccountID tel.AccountID
	TNs       []OrderTN
	LeftOut   int // TNs asked for that are not in service with the account
	Aging     time.Duration
	Names     OrderNames
	Key       string
	Errors    map[string]string
}

// NumberRow is a TN in service or aging.
type NumberRow struct {
	TN        tel.Number
	State     tel.TNState
	Place     tel.Place
	AccountID tel.AccountID
	Account   string
	Since     time.Time
	Until     time.Time // when aging ends
	OrderID   string
	OrderName string
}

// Numbers is the list of TNs that an account has in service, or of those that age.
type Numbers struct {
	Aging       bool // which of the two
	Lede        string
	Self        string
	Tabs        []Tab
	Filter      NumberFilter
	Rows        []NumberRow
	Total       string
	Summary     string
	Next        string
	First       string
	WithAccount bool
	MayChange   bool // disconnect, take back
}

// NumberFilter is the filters of the list as typed. Errors by field: npa, nxx.
type NumberFilter struct {
	NPA, NXX, City, RC string
	States             []Choice // the first is "Any"
	Accounts           []Choice
	Kept               []Hidden
	Errors             map[string]string
	Clear              string
}

func orderPath(id string) string { return "/orders/" + id }

func newOrderPath(reservation string) string { return "/orders/new?reservation=" + reservation }

func orderLook(ctx context.Context, s tel.OrderState) look {
	switch s {
	case tel.OrderComplete:
		return look{"good", "circle-check", texts.T(ctx, "Complete")}
	case tel.OrderPartial:
		return look{"warn", "circle-dashed", texts.T(ctx, "Partial")}
	case tel.OrderFailed:
		return look{"bad", "circle-x", texts.T(ctx, "Failed")}
	case tel.OrderBackordered:
		return look{"info", "hourglass", texts.T(ctx, "Back-ordered")}
	case tel.OrderReceived:
		return look{"info", "inbox", texts.T(ctx, "Received")}
	}
	return look{"off", "info", string(s)}
}

func orderKind(ctx context.Context, k tel.OrderKind) string {
	switch k {
	case tel.OrderKindSearch:
		return texts.T(ctx, "By search")
	case tel.OrderKindDisconnect:
		return texts.T(ctx, "Disconnect|kind of order")
	}
	return texts.T(ctx, "Chosen numbers")
}

// orderLede says it as a sentence. How far the order came stands where news reach it.
func orderLede(ctx context.Context, k tel.OrderKind) string {
	switch k {
	case tel.OrderKindSearch:
		return texts.T(ctx, "An order of whatever fits a search.")
	case tel.OrderKindDisconnect:
		return texts.T(ctx, "Numbers taken out of service.")
	}
	return texts.T(ctx, "An order of chosen numbers.")
}

// orderTitle is what an order is called: its name, or what it is for.
func orderTitle(ctx context.Context, o *tel.Order) string {
	if o.Name != "" {
		return o.Name
	}
	if o.Kind == tel.OrderKindDisconnect {
		return texts.T(ctx, "Disconnect of %d numbers", o.Quantity)
	}
	return texts.T(ctx, "Order of %d numbers", o.Quantity)
}

// orderGot is how far an order came: "2 of 3".
func orderGot(ctx context.Context, o *tel.Order) string {
	return texts.T(ctx, "%d of %d", o.CompletedCount, o.Quantity)
}

// whyNot says why an order did not get a TN. What is kept of it is English.
func whyNot(ctx context.Context, t tel.OrderedTN) string {
	if texts.Of(ctx) != texts.Languages[0] {
		switch t.Code {
		case tel.CodeNotAvailable:
			return texts.Refusal(ctx, tel.NotAvailable(t.TN))
		case tel.CodeConflict:
			return texts.Refusal(ctx, tel.LeftAlone(t.TN))
		}
	}
	return t.Message
}

// orderGotNumbers is the same with its noun: "2 of 3 numbers".
func orderGotNumbers(ctx context.Context, o *tel.Order) string {
	return texts.T(ctx, "%[2]d of %[1]d numbers", o.Quantity, o.CompletedCount)
}

// more tells whether a filter is in use that narrow screens fold away.
func (f OrderFilter) more() bool {
	e := f.Errors
	return f.CustomerOrderID+f.TN+f.From+f.To != "" || picked(f.Accounts) || e["customer_order_id"]+e["tn"]+e["from"]+e["to"] != ""
}

// more tells whether a filter is in use that narrow screens fold away.
func (f NumberFilter) more() bool { return f.City+f.RC != "" || picked(f.States) || picked(f.Accounts) }

// picked tells whether one but the first is selected.
func picked(list []Choice) bool {
	return len(list) > 0 && slices.ContainsFunc(list[1:], func(c Choice) bool { return c.Selected })
}

func (f OrderFilter) statuses(ctx context.Context) []Choice {
	list := []Choice{{Label: texts.T(ctx, "Any")}}
	for _, s := range tel.OrderStates() {
		if s != tel.OrderReceived { // nothing stays in it
			list = append(list, Choice{Value: string(s), Label: orderLook(ctx, s).Name})
		}
	}
	return chosen(f.Status, list...)
}

func (f OrderFilter) kinds(ctx context.Context) []Choice {
	list := []Choice{{Label: texts.T(ctx, "Any")}}
	for _, k := range tel.OrderKinds() {
		list = append(list, Choice{Value: string(k), Label: orderKind(ctx, k)})
	}
	return chosen(f.Kind, list...)
}

func (v OrderDetail) done(ctx context.Context) string {
	return onOff(v.Order.Kind == tel.OrderKindDisconnect, texts.T(ctx, "Disconnected"), texts.T(ctx, "Completed"))
}

func (v OrderDetail) waits() bool { return v.Order.State == tel.OrderBackordered }

func (v OrderDetail) lookUp(n tel.Number) string {
	if !v.MayLookUp {
		return ""
	}
	return "/lookup?q=" + n.Digits()
}

// asked is what an order by search looked for, in words.
func (v OrderDetail) asked(ctx context.Context) string {
	if v.Order.Search == nil {
		return ""
	}
	q := v.Order.Search.Query
	var parts []string
	add := func(value, text string) {
		if value != "" {
			parts = append(parts, text)
		}
	}
	var npas []string
	for _, npa := range q.NPAs {
		npas = append(npas, strconv.Itoa(npa))
	}
	add(strings.Join(npas, ""), texts.T(ctx, "area code %s", strings.Join(npas, texts.T(ctx, " or "))))
	if q.NXX != 0 {
		parts = append(parts, texts.T(ctx, "exchange %s", strconv.Itoa(q.NXX)))
	}
	add(q.City, texts.T(ctx, "city %s", q.City))
	add(q.RateCenter, texts.T(ctx, "rate center %s", q.RateCenter))
	add(q.Place, q.Place)
	add(q.State, q.State)
	add(q.LATA, texts.T(ctx, "LATA %s", q.LATA))
	switch q.Type {
	case tel.TypeLocal:
		parts = append(parts, texts.T(ctx, "local"))
	case tel.TypeTollFree:
		parts = append(parts, texts.T(ctx, "toll-free"))
	}
	add(q.Feature, texts.T(ctx, "with %s", q.Feature))
	add(string(q.StartsWith), texts.T(ctx, "starts with %s", string(q.StartsWith)))
	add(string(q.Contains), texts.T(ctx, "contains %s", string(q.Contains)))
	add(string(q.EndsWith), texts.T(ctx, "ends with %s", string(q.EndsWith)))
	if q.Run > 1 {
		parts = append(parts, texts.T(ctx, "in a row: %d", q.Run))
	}
	if len(parts) == 0 {
		return texts.T(ctx, "Any number")
	}
	s := []rune(strings.Join(parts, ", "))
	return strings.ToUpper(string(s[:1])) + string(s[1:])
}

// OrderSteps are the events of an order as lines of its history.
func OrderSteps(ctx context.Context, events []tel.Event) []Step {
	steps := Steps(ctx, events)
	for i, e := range events {
		switch e.Kind {
		case tel.EventOrdered:
			steps[i].Title = texts.T(ctx, "Took all of a reservation")
		case tel.EventPartOrdered:
			steps[i].Title = texts.T(ctx, "Took part of a reservation")
		}
	}
	return steps
}

// monthly is what the ticked TNs cost a month.
func (v NewOrder) monthly() tel.Money {
	var sum tel.Money
	for _, t := range v.TNs {
		if t.Ticked {
			sum += t.Cost
		}
	}
	return sum
}

func (v NewOrder) ticked() (n int) {
	for _, t := range v.TNs {
		if t.Ticked {
			n++
		}
	}
	return n
}

func (v NewOrder) title(ctx context.Context) string {
	if v.Reservation == "" {
		return onOff(len(v.TNs) == 1, texts.T(ctx, "Take this number back?"), texts.T(ctx, "Take %d numbers back?", len(v.TNs)))
	}
	return onOff(len(v.TNs) == 1, texts.T(ctx, "Order this number?"), texts.T(ctx, "Order %d numbers?", len(v.TNs)))
}

func (v NewOrder) text(ctx context.Context) string {
	if v.Paying {
		return v.effect(ctx) + " " + texts.T(ctx, "A buyer is paying for this just now, and would pay in vain.")
	}
	return v.effect(ctx)
}

func (v NewOrder) effect(ctx context.Context) string {
	switch {
	case v.Reservation == "":
		return v.takeBackText(ctx) + leftOut(v.LeftOut, texts.T(ctx, "Not aging and left out: %d.", v.LeftOut))
	case len(v.TNs) == 1 && v.Account == "":
		return texts.T(ctx, "It goes into service at once, and the reservation ends.")
	case len(v.TNs) == 1:
		return texts.T(ctx, "It goes into service for %s at once, and the reservation ends.", v.Account)
	case v.Account == "":
		return texts.T(ctx, "What is ticked goes into service at once. The reservation ends with its last number, and lives on with the rest otherwise.")
	}
	return texts.T(ctx, "What is ticked goes into service for %s at once. The reservation ends with its last number, and lives on with the rest otherwise.", v.Account)
}

func (v NewOrder) takeBackText(ctx context.Context) string {
	if v.Account == "" {
		return texts.T(ctx, "They go back into service at once.", len(v.TNs))
	}
	return texts.T(ctx, "They go back into service for %[2]s at once.", len(v.TNs), v.Account)
}

func (v NewOrder) back() string {
	if v.Reservation == "" {
		return "/numbers?status=aging"
	}
	return "/reservations/" + v.Reservation
}

func (v NewOrder) hidden() []Hidden {
	hidden := []Hidden{{"key", v.Key}}
	if v.Reservation != "" {
		return append(hidden, Hidden{"reservation", v.Reservation})
	}
	return append(hidden, Hidden{"account", v.AccountID.String()})
}

func (v Disconnect) title(ctx context.Context) string {
	return onOff(len(v.TNs) == 1, texts.T(ctx, "Disconnect this number?"), texts.T(ctx, "Disconnect %d numbers?", len(v.TNs)))
}

func (v Disconnect) text(ctx context.Context) string {
	ends := texts.T(ctx, "Calls to them end at once.", len(v.TNs))
	if v.Account != "" {
		ends = texts.T(ctx, "Calls to them of %[2]s end at once.", len(v.TNs), v.Account)
	}
	return ends + " " +
		texts.T(ctx, "They age for %[2]s: until then nobody else can have them and you can take them back. After that they are free for everybody.", len(v.TNs), texts.Duration(ctx, v.Aging)) +
		leftOut(v.LeftOut, texts.T(ctx, "Not in service and left out: %d.", v.LeftOut))
}

// leftOut is a sentence more where something was left out.
func leftOut(n int, sentence string) string {
	if n == 0 {
		return ""
	}
	return " " + sentence
}

func (v Disconnect) hidden() []Hidden {
	hidden := []Hidden{{"key", v.Key}, {"account", v.AccountID.String()}}
	for _, t := range v.TNs {
		hidden = append(hidden, Hidden{"tn", t.TN.Digits()})
	}
	return hidden
}

func (r NumberRow) act(aging bool) string {
	q := url.Values{"tn": {r.TN.Digits()}}
	return onOff(aging, "/orders/new?", "/numbers/disconnect?") + q.Encode()
}

func (r NumberRow) order(ctx context.Context) string {
	if r.OrderName != "" {
		return r.OrderName
	}
	return texts.T(ctx, "Order")
}

func money(m tel.Money) string {
	if m == 0 {
		return "–"
	}
	return "$" + m.String()
}

// pickFault marks a field of several as wrong, at the first of them.
func pickFault(wrong bool) templ.Attributes {
	if !wrong {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": "pick-e"}
}

// dayValue is a day for a date field; a browser takes no other text there.
func dayValue(s string) string {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return ""
	}
	return s
}
