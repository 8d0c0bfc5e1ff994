package views

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// Lookup is the answer of the one box: a TN, a reservation, an order, or what is called
// so.
type Lookup struct {
	Query       string
	Now         time.Time
	TN          *LookupTN
	Reservation *tel.Reservation
	Order       *tel.Order
	Called      []*tel.Reservation // whose reference begins so, each with its first TN
	Orders      []*tel.Order       // that took TNs of the reservation, or are called so
	More        bool               // there may be more that is called so
	Hint        bool               // a member asked for a TN: ids only
	Lists       bool               // the reader may look up lists
	Error       string             // why there is no answer
}

// LookupList is the answer for a pasted list of TNs.
type LookupList struct {
	Pasted      string // as it was typed
	Error       string // why there is no answer
	Now         time.Time
	Lines       []LookupLine
	Invalid     []BadLine // what is no TN
	Twice       int       // TNs that stood there before
	WithAccount bool
	SeesAll     bool // an operator: a TN without a state is in no inventory
}

// LookupLine is what the reader may know of one TN of a list.
type LookupLine struct {
	TN          tel.Number
	State       tel.TNState // "" for "not available"
	Place       tel.Place
	AccountID   tel.AccountID // 0 none
	Account     string
	Reservation string // id
	Reference   string
	Order       string // id
	Since       time.Time
	Until       time.Time
}

// BadLine is something pasted that is no TN.
type BadLine struct {
	Line int
	Text string
}

var tnStates = map[tel.TNState]string{
	tel.TNAvailable: texts.Mark("available"), tel.TNReserved: texts.Mark("reserved"), tel.TNInService: texts.Mark("in service"),
	tel.TNAging: texts.Mark("aging"), tel.TNDisabled: texts.Mark("disabled"),
}

// LineState is a TN's state in a list, in words; English, as files have it.
func LineState(s tel.TNState, seesAll bool) string {
	switch {
	case s != "":
		return tnStates[s]
	case seesAll:
		return texts.Mark("not in the inventory")
	}
	return texts.Mark("not available")
}

func lineState(ctx context.Context, s tel.TNState, seesAll bool) string {
	return texts.T(ctx, LineState(s, seesAll))
}

func (v LookupList) summary(ctx context.Context) string {
	states := map[string]int{}
	var names []string
	for _, l := range v.Lines {
		name := lineState(ctx, l.State, v.SeesAll)
		if states[name]++; states[name] == 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = texts.T(ctx, "%d %s|state", states[name], name)
	}
	return strings.Join(names, ", ")
}

// LookupTN is what the reader may know of a TN.
type LookupTN struct {
	TN tel.Number
	// Hidden: it is not available and nothing else may be told (rules 1 and 12).
	// Every field but TN is then ignored.
	Hidden bool
	// State is "" for an operator when the TN is not in the inventory.
	State       tel.TNState
	Place       tel.Place
	Offer       tel.Offer
	Reservation *tel.Reservation // the live one that holds it, in the reader's scope
	Service     *NumberRow       // in service or aging, in the reader's scope
	History     []Step           // newest first, in the reader's scope; see Steps
	CanReserve  bool             // the reader may reserve and the account's switch is on
	Key         string           // idempotency nonce of the reserve form
	CanDisable  bool             // operator
}

func (v Lookup) title(ctx context.Context) string {
	if v.Query == "" {
		return texts.T(ctx, "Look up")
	}
	return texts.T(ctx, "Look up %s", v.Query)
}

// live lets an answer follow what happens; what was not found is asked for once.
func (v Lookup) live() templ.Attributes {
	if v.TN == nil && v.Reservation == nil && v.Order == nil && len(v.Called)+len(v.Orders) == 0 {
		return nil
	}
	return liveRegion(v.addr(), "#answer", "reservations", "shelf", "orders")
}

func (v Lookup) addr() string { return "/lookup?q=" + url.QueryEscape(v.Query) }

// placeText is a place in words: "Raleigh, NC".
func placeText(p tel.Place) string {
	if p.City == "" || p.State == "" {
		return orDash(p.City + p.State)
	}
	return p.City + ", " + p.State
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// Steps are the events of a TN or of a reservation as lines of its history.
func Steps(ctx context.Context, events []tel.Event) []Step {
	steps := make([]Step, len(events))
	for i, e := range events {
		s := Step{At: e.At, Icon: "history", Title: string(e.Kind), By: e.Actor.Name, Text: e.Facts.Reason}
		switch e.Kind {
		case tel.EventReserved:
			s.Icon, s.Title, s.Tone = "timer", texts.T(ctx, "Reserved|event"), "good"
		case tel.EventExtended:
			s.Icon, s.Title = "timer-reset", texts.T(ctx, "Extended|event")
		case tel.EventDropped:
			s.Icon, s.Title = "minus", texts.T(ctx, "Dropped|event")
			s.Text = joinTNs(ctx, e.Facts.TNs)
		case tel.EventCancelled:
			s.Icon, s.Title = "x", texts.T(ctx, "Cancelled|event")
		case tel.EventExpired:
			s.Icon, s.Title, s.By = "hourglass", texts.T(ctx, "Ran out"), ""
		case tel.EventExpiring:
			s.Icon, s.Title, s.By = "hourglass", texts.T(ctx, "Expiry notice"), ""
		case tel.EventOrdered:
			s.Icon, s.Title, s.Tone = "shopping-cart", texts.T(ctx, "Ordered|event"), "good"
		case tel.EventSubmitted:
			s.Icon, s.Title = "hourglass", texts.T(ctx, "Went on to payment; the clock stands")
		case tel.EventResumed:
			s.Icon, s.Title = "timer", texts.T(ctx, "Back from payment; the clock goes on")
		case tel.EventLinkMade:
			s.Icon, s.Title = "plus", texts.T(ctx, "Purchase link made")
		case tel.EventLinkRevoked:
			s.Icon, s.Title = "ban", texts.T(ctx, "Purchase link revoked")
		case tel.EventToPayment:
			s.Icon, s.Title = "hourglass", texts.T(ctx, "Went on to payment again")
		case tel.EventFromPayment:
			s.Icon, s.Title = "undo-2", texts.T(ctx, "Back from payment")
		case tel.EventPaidInVain:
			s.Icon, s.Title, s.Tone = "triangle-alert", texts.T(ctx, "Paid in vain: what was paid for could not be ordered"), "bad"
		case tel.EventPartOrdered:
			s.Icon, s.Title, s.Tone = "shopping-cart", texts.T(ctx, "Ordered in part"), "good"
			s.Text = joinTNs(ctx, e.Facts.TNs)
		case tel.EventInService:
			s.Icon, s.Title, s.Tone = "phone", texts.T(ctx, "In service"), "good"
			s.Text = joinTNs(ctx, e.Facts.TNs)
		case tel.EventDisconnected:
			s.Icon, s.Title, s.Tone = "power", texts.T(ctx, "Disconnected|event"), "warn"
			s.Text = joinTNs(ctx, e.Facts.TNs)
		case tel.EventAged:
			s.Icon, s.Title = "hourglass", texts.T(ctx, "Aging is over")
			s.Text = joinTNs(ctx, e.Facts.TNs)
		case tel.EventOrderPlaced:
			s.Icon, s.Title = "shopping-cart", texts.T(ctx, "Order placed")
		case tel.EventOrderCompleted:
			s.Icon, s.Title, s.Tone = "circle-check", texts.T(ctx, "Complete"), "good"
		case tel.EventOrderPartial:
			s.Icon, s.Title, s.Tone = "circle-dashed", texts.T(ctx, "Partial"), "warn"
		case tel.EventOrderFailed:
			s.Icon, s.Title, s.Tone = "circle-x", texts.T(ctx, "Failed"), "bad"
		case tel.EventOrderWaits:
			s.Icon, s.Title = "hourglass", texts.T(ctx, "Back-ordered")
		case tel.EventOrderUpdated:
			s.Icon, s.Title = "pencil", texts.T(ctx, "Name or customer order id changed")
		case tel.EventOrderNoted:
			s.Icon, s.Title = "info", texts.T(ctx, "Note")
		case tel.EventImported:
			s.Icon, s.Title = "upload", texts.T(ctx, "Imported")
		case tel.EventDisabled:
			s.Icon, s.Title, s.Tone = "ban", texts.T(ctx, "Disabled|event"), "bad"
		case tel.EventEnabled:
			s.Icon, s.Title, s.Tone = "check", texts.T(ctx, "Offered again"), "good"
		}
		steps[i] = s
	}
	return steps
}

// joinTNs names a few TNs, and counts more of them.
func joinTNs(ctx context.Context, tns []tel.Number) string {
	if len(tns) > 3 {
		return texts.T(ctx, "%d numbers", len(tns))
	}
	names := make([]string, len(tns))
	for i, n := range tns {
		names[i] = n.String()
	}
	return strings.Join(names, ", ")
}

func orderedTNs(o *tel.Order) []tel.Number {
	tns := make([]tel.Number, len(o.Completed))
	for i, t := range o.Completed {
		tns[i] = t.TN
	}
	return tns
}

func reservedTNs(r *tel.Reservation) []tel.Number {
	tns := make([]tel.Number, len(r.TNs))
	for i, t := range r.TNs {
		tns[i] = t.TN
	}
	return tns
}

// comma is what follows the i-th of n things in a row.
func comma(i, n int) string { return onOff(i < n-1, ",", "") }
