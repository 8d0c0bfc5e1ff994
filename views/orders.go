package views

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
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

func orderLook(s tel.OrderState) look {
	switch s {
	case tel.OrderComplete:
		return look{"good", "circle-check", "Complete"}
	case tel.OrderPartial:
		return look{"warn", "circle-dashed", "Partial"}
	case tel.OrderFailed:
		return look{"bad", "circle-x", "Failed"}
	case tel.OrderBackordered:
		return look{"info", "hourglass", "Back-ordered"}
	case tel.OrderReceived:
		return look{"info", "inbox", "Received"}
	}
	return look{"off", "info", string(s)}
}

func orderKind(k tel.OrderKind) string {
	switch k {
	case tel.OrderKindSearch:
		return "By search"
	case tel.OrderKindDisconnect:
		return "Disconnect"
	}
	return "Chosen numbers"
}

// orderLede says it as a sentence. How far the order came stands where news reach it.
func orderLede(k tel.OrderKind) string {
	switch k {
	case tel.OrderKindSearch:
		return "An order of whatever fits a search."
	case tel.OrderKindDisconnect:
		return "Numbers taken out of service."
	}
	return "An order of chosen numbers."
}

// orderTitle is what an order is called: its name, or what it is for.
func orderTitle(o *tel.Order) string {
	if o.Name != "" {
		return o.Name
	}
	what := tel.Plural(o.Quantity, "number")
	if o.Kind == tel.OrderKindDisconnect {
		return "Disconnect of " + what
	}
	return "Order of " + what
}

// orderGot is how far an order came: "2 of 3".
func orderGot(o *tel.Order) string {
	return tel.Count(o.CompletedCount) + " of " + tel.Count(o.Quantity)
}

// orderGotNumbers is the same with its noun: "2 of 3 numbers".
func orderGotNumbers(o *tel.Order) string {
	return tel.Count(o.CompletedCount) + " of " + tel.Plural(o.Quantity, "number")
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

func (f OrderFilter) statuses() []Choice {
	list := []Choice{{Label: "Any"}}
	for _, s := range tel.OrderStates() {
		if s != tel.OrderReceived { // nothing stays in it
			list = append(list, Choice{Value: string(s), Label: orderLook(s).Name})
		}
	}
	return chosen(f.Status, list...)
}

func (f OrderFilter) kinds() []Choice {
	list := []Choice{{Label: "Any"}}
	for _, k := range tel.OrderKinds() {
		list = append(list, Choice{Value: string(k), Label: orderKind(k)})
	}
	return chosen(f.Kind, list...)
}

func (v OrderDetail) done() string {
	return onOff(v.Order.Kind == tel.OrderKindDisconnect, "Disconnected", "Completed")
}

func (v OrderDetail) waits() bool { return v.Order.State == tel.OrderBackordered }

func (v OrderDetail) lookUp(n tel.Number) string {
	if !v.MayLookUp {
		return ""
	}
	return "/lookup?q=" + n.Digits()
}

// asked is what an order by search looked for, in words.
func (v OrderDetail) asked() string {
	if v.Order.Search == nil {
		return ""
	}
	q := v.Order.Search.Query
	var parts []string
	add := func(label, value string) {
		if value != "" {
			parts = append(parts, strings.TrimSpace(label+" "+value))
		}
	}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	var npas []string
	for _, npa := range q.NPAs {
		npas = append(npas, strconv.Itoa(npa))
	}
	add("area code", strings.Join(npas, " or "))
	add("exchange", number(q.NXX))
	add("city", q.City)
	add("rate center", q.RateCenter)
	add("", q.Place)
	add("", q.State)
	add("LATA", q.LATA)
	add("", map[tel.TNType]string{tel.TypeLocal: "local", tel.TypeTollFree: "toll-free"}[q.Type])
	add("with", q.Feature)
	add("starts with", string(q.StartsWith))
	add("contains", string(q.Contains))
	add("ends with", string(q.EndsWith))
	if q.Run > 1 {
		add("in a row:", number(q.Run))
	}
	if len(parts) == 0 {
		return "Any number"
	}
	s := strings.Join(parts, ", ")
	return strings.ToUpper(s[:1]) + s[1:]
}

// OrderSteps are the events of an order as lines of its history.
func OrderSteps(events []tel.Event) []Step {
	steps := Steps(events)
	for i, e := range events {
		switch e.Kind {
		case tel.EventOrdered:
			steps[i].Title = "Took all of a reservation"
		case tel.EventPartOrdered:
			steps[i].Title = "Took part of a reservation"
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

func (v NewOrder) title() string {
	if v.Reservation == "" {
		return onOff(len(v.TNs) == 1, "Take this number back?", "Take "+tel.Plural(len(v.TNs), "number")+" back?")
	}
	return onOff(len(v.TNs) == 1, "Order this number?", "Order "+tel.Plural(len(v.TNs), "number")+"?")
}

func (v NewOrder) text() string {
	whose := ""
	if v.Account != "" {
		whose = " for " + v.Account
	}
	if v.Reservation == "" {
		return onOff(len(v.TNs) == 1, "It goes", "They go") + " back into service" + whose + " at once." + leftOut(v.LeftOut, "aging")
	}
	if len(v.TNs) == 1 {
		return "It goes into service" + whose + " at once, and the reservation ends."
	}
	return "What is ticked goes into service" + whose + " at once. The reservation ends with its last number, and lives on with the rest otherwise."
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

func (v Disconnect) title() string {
	return onOff(len(v.TNs) == 1, "Disconnect this number?", "Disconnect "+tel.Plural(len(v.TNs), "number")+"?")
}

func (v Disconnect) text() string {
	whose := ""
	if v.Account != "" {
		whose = " of " + v.Account
	}
	aging := tel.HumanDuration(v.Aging)
	if len(v.TNs) == 1 {
		return "Calls to it" + whose + " end at once. It ages for " + aging +
			": until then nobody else can have it and you can take it back. After that it is free for everybody." + leftOut(v.LeftOut, "in service")
	}
	return "Calls to them" + whose + " end at once. They age for " + aging +
		": until then nobody else can have them and you can take them back. After that they are free for everybody." + leftOut(v.LeftOut, "in service")
}

func leftOut(n int, what string) string {
	if n == 0 {
		return ""
	}
	return " Not " + what + " and left out: " + tel.Count(n) + "."
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

func (r NumberRow) order() string {
	if r.OrderName != "" {
		return r.OrderName
	}
	return "Order"
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
