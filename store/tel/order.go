package tel

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// OrderState is where an order is in its life.
type OrderState string

// The states. An order is RECEIVED only until it is judged, which is in the change
// that receives it: the history shows both.
const (
	OrderReceived    OrderState = "RECEIVED"
	OrderComplete    OrderState = "COMPLETE"
	OrderPartial     OrderState = "PARTIAL"
	OrderFailed      OrderState = "FAILED"
	OrderBackordered OrderState = "BACKORDERED" // waits for TNs that come free
)

// OrderStates lists every OrderState.
func OrderStates() []OrderState {
	return []OrderState{OrderReceived, OrderComplete, OrderPartial, OrderFailed, OrderBackordered}
}

// ParseOrderState reads a state's name in any case.
func ParseOrderState(s string) (OrderState, error) {
	for _, state := range OrderStates() {
		if strings.EqualFold(string(state), strings.TrimSpace(s)) {
			return state, nil
		}
	}
	return "", Invalid("status", "%q is not a state of an order.", s)
}

// Final tells whether nothing can happen to an order in this state any more.
func (s OrderState) Final() bool { return s != OrderReceived && s != OrderBackordered }

// OrderMove is something that happens to an order.
type OrderMove string

// The moves.
const (
	OrderMoveComplete OrderMove = "complete"
	OrderMovePart     OrderMove = "complete in part"
	OrderMoveFail     OrderMove = "fail"
	OrderMoveWait     OrderMove = "back-order"
	OrderMoveFill     OrderMove = "fill" // some of what it waits for came, not all
)

// OrderMoves lists every OrderMove.
func OrderMoves() []OrderMove {
	return []OrderMove{OrderMoveComplete, OrderMovePart, OrderMoveFail, OrderMoveWait, OrderMoveFill}
}

// orderMoves is the one table of what may happen to an order in which state.
var orderMoves = map[OrderState]map[OrderMove]OrderState{
	OrderReceived: {
		OrderMoveComplete: OrderComplete, OrderMovePart: OrderPartial, OrderMoveFail: OrderFailed, OrderMoveWait: OrderBackordered,
	},
	OrderBackordered: {
		OrderMoveFill: OrderBackordered, OrderMoveComplete: OrderComplete, OrderMovePart: OrderPartial, OrderMoveFail: OrderFailed,
	},
}

// Next is the state after a move, or a refusal in plain words.
func (s OrderState) Next(m OrderMove) (OrderState, error) {
	if next, ok := orderMoves[s][m]; ok {
		return next, nil
	}
	return s, Refuse(CodeEnded, "This order is %s; it is too late to %s it.", s, m)
}

// OrderKind is what an order names: TNs, a search, or TNs to give up.
type OrderKind string

// The kinds of order.
const (
	OrderKindExisting   OrderKind = "existing" // the TNs are named
	OrderKindSearch     OrderKind = "search"   // search and order: so many TNs of a kind
	OrderKindDisconnect OrderKind = "disconnect"
)

// OrderKinds lists every OrderKind.
func OrderKinds() []OrderKind {
	return []OrderKind{OrderKindExisting, OrderKindSearch, OrderKindDisconnect}
}

// Bounds of an order.
const (
	MostPerOrder       = 5000
	MaxOrderName       = 50
	MaxCustomerOrderID = 40
	MaxSite            = 50
	MaxReservationIDs  = 5000
	MostWaiting        = 500 // back-orders of an account
	MaxTie             = 100
)

// OrderSearch asks for so many TNs of a kind; the order gets whichever are free.
type OrderSearch struct {
	Query    Query
	Quantity int
}

// OrderRequest asks for TNs in service, or (a disconnect) out of it.
type OrderRequest struct {
	Account        AccountID
	Kind           OrderKind
	TNs            []Number
	ReservationIDs []string // of the holds that the order consumes
	// UseOwnHolds consumes the account's own live hold without its id, for a door
	// whose orders have no place for one (Telnyx). A member's: those it made.
	UseOwnHolds    bool
	Search         *OrderSearch
	PartialAllowed bool // otherwise all or nothing
	// BackOrder lets a search wait for what is not there yet. Named TNs never wait:
	// one that is held or sold may never come.
	BackOrder       bool
	CustomerOrderID string // the account's own name for it, unlike any other's
	Reference       string // free words of the account's, which may repeat
	Name            string
	SiteID          string
	PeerID          string
	// IdempotencyKey makes repeating safe (rule 9): the same key with the same
	// content within a day gives the first order back. So does CustomerOrderID, for
	// ever.
	IdempotencyKey string
	Repeat         Repeat // counts only without a key
	TypeName       string // the door's own name of the order type, echoed
	Ties           Ties
}

// Ties are ids of the customer's own things elsewhere that an order carries: they are
// kept and echoed, and mean nothing here.
type Ties struct {
	ConnectionID       string `json:"connection_id,omitempty"`
	MessagingProfileID string `json:"messaging_profile_id,omitempty"`
	BillingGroupID     string `json:"billing_group_id,omitempty"`
}

// Clean checks the request as a whole and brings it into its one form: TNs and
// reservation ids sorted and once each. CodeInvalid with the field.
func (r *OrderRequest) Clean() error {
	for _, text := range []struct {
		field string
		value *string
		most  int
	}{
		{"name", &r.Name, MaxOrderName}, {"site_id", &r.SiteID, MaxSite}, {"peer_id", &r.PeerID, MaxSite},
		{"type", &r.TypeName, MaxName}, {"customer_reference", &r.Reference, MaxReference},
		{"connection_id", &r.Ties.ConnectionID, MaxTie}, {"messaging_profile_id", &r.Ties.MessagingProfileID, MaxTie},
		{"billing_group_id", &r.Ties.BillingGroupID, MaxTie},
	} {
		var err error
		if *text.value, err = CleanText(text.field, *text.value, text.most); err != nil {
			return err
		}
	}
	var err error
	if r.CustomerOrderID, err = CleanCustomerOrderID(r.CustomerOrderID); err != nil {
		return err
	}
	if err := CheckIdempotencyKey(r.IdempotencyKey); err != nil {
		return err
	}
	return r.cleanWhat()
}

// CheckIdempotencyKey bounds a key that somebody repeats a request under.
func CheckIdempotencyKey(key string) error {
	if len(key) > 255 || !utf8.ValidString(key) {
		return Invalid("idempotency_key", "An idempotency key has at most 255 characters.")
	}
	return nil
}

// cleanWhat is Clean for what is asked for.
func (r *OrderRequest) cleanWhat() error {
	if r.Kind == OrderKindSearch {
		return r.cleanSearch()
	}
	r.Search = nil
	r.TNs = tidy(r.TNs)
	if n := len(r.TNs); n < 1 || n > MostPerOrder {
		return Invalid("tn", "An order names 1 to %d numbers.", MostPerOrder)
	}
	if len(r.ReservationIDs) > MaxReservationIDs {
		return Invalid("reservation_id", "At most %d reservation ids.", MaxReservationIDs)
	}
	ids := make([]string, len(r.ReservationIDs))
	for i, id := range r.ReservationIDs {
		ids[i] = strings.ToLower(strings.TrimSpace(id))
	}
	r.ReservationIDs = tidy(ids)
	return nil
}

func (r *OrderRequest) cleanSearch() error {
	r.TNs, r.ReservationIDs, r.UseOwnHolds = nil, nil, false
	if r.Search == nil {
		return Invalid("search", "Say which numbers to search for.")
	}
	search := *r.Search
	if search.Quantity < 1 || search.Quantity > MostPerOrder {
		return Invalid("quantity", "Quantity: 1 to %d.", MostPerOrder)
	}
	// How a page is laid out is no part of what is ordered.
	search.Query.Cursor, search.Query.Seed, search.Query.Limit = "", 0, 0
	r.Search = &search
	return search.Query.Check()
}

func tidy[T Number | string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// CleanCustomerOrderID checks an account's own name for an order: letters, digits,
// dashes and spaces.
func CleanCustomerOrderID(s string) (string, error) {
	s = strings.TrimSpace(s)
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == ' ')
	}
	if len(s) > MaxCustomerOrderID || strings.ContainsFunc(s, bad) {
		return "", Invalid("customer_order_id", "A customer order id is at most %d letters, digits, dashes and spaces.", MaxCustomerOrderID)
	}
	return s, nil
}

// Quantity is how many TNs the request asks for.
func (r *OrderRequest) Quantity() int {
	if r.Search != nil {
		return r.Search.Quantity
	}
	return len(r.TNs)
}

// Order is a request for TNs and what became of it.
type Order struct {
	ID              string // UUIDv4
	Seq             int64  // the house's own number for it, never shown
	Account         AccountID
	AccountName     string
	Kind            OrderKind
	State           OrderState
	Quantity        int // TNs asked for
	TollFree        int // of them; of a search all or none
	Search          *OrderSearch
	PartialAllowed  bool
	BackOrder       bool
	CustomerOrderID string
	Reference       string
	Name            string
	SiteID          string
	PeerID          string
	TypeName        string
	ReservationIDs  []string // as the request named them
	Ties            Ties
	Completed       []OrderedTN
	Failed          []OrderedTN
	CompletedCount  int // a list has the counts and no TNs
	FailedCount     int
	CreatedAt       time.Time
	ChangedAt       time.Time
	CompletedAt     time.Time // when it became final; zero before
	CreatedBy       Signature
	Repeated        bool // this is the first answer, given again
}

// OrderedTN is what became of one TN of an order.
type OrderedTN struct {
	TN      Number
	Place   Place
	At      time.Time
	Code    Code   // why not; empty when it was had
	Message string // the same in words
}

// NewOrder is a request as an order that was received.
func NewOrder(id string, r OrderRequest, by Signature, now time.Time) *Order {
	return &Order{
		ID: id, Account: r.Account, Kind: r.Kind, State: OrderReceived, Quantity: r.Quantity(), TollFree: r.tollFree(), Search: r.Search,
		PartialAllowed: r.PartialAllowed, BackOrder: r.BackOrder, CustomerOrderID: r.CustomerOrderID, Reference: r.Reference,
		Name: r.Name, SiteID: r.SiteID, PeerID: r.PeerID, TypeName: r.TypeName, ReservationIDs: r.ReservationIDs, Ties: r.Ties,
		CreatedAt: now, ChangedAt: now, CreatedBy: by,
	}
}

func (r OrderRequest) tollFree() (n int) {
	if r.Kind == OrderKindSearch {
		if r.Search.Query.Type == TypeTollFree {
			return r.Quantity()
		}
		return 0
	}
	for _, tn := range r.TNs {
		if tn.TollFree() {
			n++
		}
	}
	return n
}

// Waits tells whether the order may wait for TNs that are not there.
func (o *Order) Waits() bool { return o.BackOrder && o.Kind == OrderKindSearch }

// Missing is how many TNs the order is still to have.
func (o *Order) Missing() int { return o.Quantity - o.CompletedCount }

// Takes is how many of so many TNs that it could have the order takes now: all or
// nothing, unless it allows a part.
func (o *Order) Takes(could int) int {
	if could = min(could, o.Missing()); could < o.Missing() && !o.PartialAllowed {
		return 0
	}
	return could
}

// Settle moves the order after it took so many TNs: it is complete, or waits for
// the rest, or ends with what it has.
func (o *Order) Settle(took int, now time.Time) error {
	o.CompletedCount += took
	m := OrderMoveComplete
	switch {
	case o.Missing() == 0:
	case o.State == OrderBackordered:
		m = OrderMoveFill
	case o.Waits():
		m = OrderMoveWait
	default:
		m = o.shortMove()
	}
	return o.move(m, now)
}

// Close ends an order that waits, with what it has.
func (o *Order) Close(now time.Time) error { return o.move(o.shortMove(), now) }

// shortMove is how an order ends that has not got all.
func (o *Order) shortMove() OrderMove {
	if o.CompletedCount > 0 {
		return OrderMovePart
	}
	return OrderMoveFail
}

func (o *Order) move(m OrderMove, now time.Time) error {
	next, err := o.State.Next(m)
	if err != nil {
		return err
	}
	o.State, o.ChangedAt = next, now
	if next.Final() {
		o.CompletedAt = now
	}
	return nil
}

// OrderUpdate changes an order's names; nil leaves one as it is. Close ends an order
// that waits.
type OrderUpdate struct {
	Name            *string
	CustomerOrderID *string
	Reference       *string
	Close           bool
}

// OrderNote is a remark on an order.
type OrderNote struct {
	ID   string
	At   time.Time
	By   Signature
	Text string
}

// TNStanding is what a TN is at an instant, by the rows and the clock.
type TNStanding struct {
	State       TNState
	Account     AccountID    // who holds it, has it in service, or ages it; 0 nobody
	Reservation *Reservation // that holds it
	Until       time.Time    // when aging ends
}

// Orderable tells whether an account may have a TN in this standing, covered being
// whether the order brings the hold that it is in. An aging TN goes back to its last
// holder and to nobody else.
func (s TNStanding) Orderable(account AccountID, covered bool) bool {
	if s.State.To(TNInService) != nil {
		return false
	}
	switch s.State {
	case TNReserved:
		return covered && s.Account == account
	case TNAging:
		return s.Account == account
	}
	return true
}

// LeftAlone is what became of a TN that could have been had, in an order that takes
// all or nothing and could not have another.
func LeftAlone(tn Number) *Error {
	return About(tn, CodeConflict, "%s was left alone: this order takes all or nothing, and not every TN was available.", tn)
}
