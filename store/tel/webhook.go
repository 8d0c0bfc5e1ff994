package tel

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of event about an account's webhooks. Facts.Subject is the endpoint's id.
const (
	EventEndpointCreated     EventKind = "webhook.created"
	EventEndpointChanged     EventKind = "webhook.changed"
	EventEndpointPaused      EventKind = "webhook.paused" // Facts.Reason says why
	EventEndpointResumed     EventKind = "webhook.resumed"
	EventEndpointDeleted     EventKind = "webhook.deleted"
	EventEndpointRotated     EventKind = "webhook.rotated" // it has a new secret
	EventEndpointTested      EventKind = "webhook.tested"
	EventEndpointRedelivered EventKind = "webhook.redelivered" // Facts.After is the delivery's id
)

// WebhookEvent is what an endpoint can be told of.
type WebhookEvent string

// The webhook events. A dropped TN is a cancelled one of its reservation, and a part
// that is ordered an ordered one: what they tell says which TNs are still held.
const (
	WebhookReservationCreated   WebhookEvent = "number_reservation.created"
	WebhookReservationExtended  WebhookEvent = "number_reservation.extended"
	WebhookReservationExpiring  WebhookEvent = "number_reservation.expiring"
	WebhookReservationExpired   WebhookEvent = "number_reservation.expired"
	WebhookReservationCancelled WebhookEvent = "number_reservation.cancelled"
	WebhookReservationOrdered   WebhookEvent = "number_reservation.ordered"
	WebhookOrderComplete        WebhookEvent = "number_order.complete"
	WebhookOrderFailed          WebhookEvent = "number_order.failed"
	// WebhookOrderWaits is told to subscriptions in Bandwidth's form only.
	WebhookOrderWaits WebhookEvent = "number_order.backordered"
	// WebhookTest is a test delivery; every endpoint gets those it asks for.
	WebhookTest WebhookEvent = "webhook.test"
)

// WebhookEventInfo is a webhook event with a sentence that explains it.
type WebhookEventInfo struct {
	Event WebhookEvent
	Says  string
}

// WebhookEvents lists what an endpoint may choose from.
func WebhookEvents() []WebhookEventInfo {
	return []WebhookEventInfo{
		{WebhookReservationCreated, "Numbers were reserved."},
		{WebhookReservationExtended, "A reservation was extended; it has a new expiry."},
		{WebhookReservationExpiring, "A reservation runs out soon; how long before is a setting of the account."},
		{WebhookReservationExpired, "A reservation ran out; its numbers are free again."},
		{WebhookReservationCancelled, "A reservation was cancelled, or one of its numbers was dropped; the payload says which numbers it still holds."},
		{WebhookReservationOrdered, "A reservation was ordered, or some of its numbers were; the payload says which numbers it still holds."},
		{WebhookOrderComplete, "An order is complete, or complete in part; each number says whether it was had."},
		{WebhookOrderFailed, "An order failed; it got none of its numbers."},
	}
}

// webhookOf is what endpoints are told of which event.
var webhookOf = map[EventKind]WebhookEvent{
	EventReserved:       WebhookReservationCreated,
	EventExtended:       WebhookReservationExtended,
	EventExpiring:       WebhookReservationExpiring,
	EventExpired:        WebhookReservationExpired,
	EventCancelled:      WebhookReservationCancelled,
	EventDropped:        WebhookReservationCancelled,
	EventOrdered:        WebhookReservationOrdered,
	EventPartOrdered:    WebhookReservationOrdered,
	EventOrderCompleted: WebhookOrderComplete,
	EventOrderPartial:   WebhookOrderComplete,
	EventOrderFailed:    WebhookOrderFailed,
	EventOrderWaits:     WebhookOrderWaits,
	EventEndpointTested: WebhookTest,
}

// WebhookOf is what endpoints are told of a kind of event; "" is nothing.
func WebhookOf(kind EventKind) WebhookEvent { return webhookOf[kind] }

// OfOrder tells whether an order is what the event is about.
func (e WebhookEvent) OfOrder() bool { return strings.HasPrefix(string(e), "number_order.") }

// EndpointFormat is the form in which an endpoint is told.
type EndpointFormat string

// The formats.
const (
	FormatJSON      EndpointFormat = "json"      // made by a person
	FormatBandwidth EndpointFormat = "bandwidth" // a subscription of a program, in XML
)

// EndpointState is whether an endpoint is sent to.
type EndpointState string

// The states of an endpoint. What happens while it is paused waits for it.
const (
	EndpointActive EndpointState = "active"
	EndpointPaused EndpointState = "paused"
)

// Endpoint is where an account is told what happens.
type Endpoint struct {
	ID            string // UUIDv4
	Account       AccountID
	AccountName   string
	URL           string
	Format        EndpointFormat
	Events        []WebhookEvent // none is all
	OrderType     string         // of a subscription: "orders", "disconnects"
	OrderID       string         // of a subscription to one order
	SecretHint    string         // "whsec_…Ab1Z"; "" for a subscription, which has none
	PausedAt      time.Time      // zero: active
	PausedBecause string         // in a person's words; "" when a person did it
	FailingSince  time.Time      // the first failure since the last success; zero: none
	LastSuccessAt time.Time      // zero: never
	Waiting       int            // deliveries that are not done
	GivenUp       int            // deliveries that were given up
	CreatedAt     time.Time
	CreatedBy     string    // how to show who made it
	ExpiresAt     time.Time // of a subscription; zero: never
}

// State is active or paused.
func (e *Endpoint) State() EndpointState {
	if e.PausedAt.IsZero() {
		return EndpointActive
	}
	return EndpointPaused
}

// Wants tells whether the endpoint is to be told of an event at an instant. A
// subscription also asks which order it is of.
func (e *Endpoint) Wants(event WebhookEvent, now time.Time) bool {
	switch {
	case !e.ExpiresAt.IsZero() && !now.Before(e.ExpiresAt):
		return false
	case e.Format == FormatBandwidth:
		return event.OfOrder()
	case event == WebhookOrderWaits:
		return false
	}
	return len(e.Events) == 0 || slices.Contains(e.Events, event)
}

// WantsOrder tells whether an order of a kind is one that the endpoint is told of. In
// the JSON form an order puts TNs into service; a disconnect is none.
func (e *Endpoint) WantsOrder(id string, kind OrderKind) bool {
	ofType := (e.OrderType == "disconnects") == (kind == OrderKindDisconnect)
	return ofType && (e.OrderID == "" || strings.EqualFold(e.OrderID, id))
}

// NewEndpoint is an endpoint to be created.
type NewEndpoint struct {
	Account AccountID
	URL     string
	Events  []WebhookEvent // none is all
}

// Bounds of webhooks.
const (
	MostEndpoints   = 20 // of an account, subscriptions of programs not counted
	MaxEndpointURL  = 2000
	MaxWebhookKept  = 4 << 10 // of an answer, in bytes
	DeliveriesStand = 30 * 24 * time.Hour
	// DefaultExpiringNotice is how long before expiry a new account is told of it.
	DefaultExpiringNotice = 30 * time.Minute
	// SecretOverlap is how long deliveries are signed with the secret before the last
	// one too, and a payment that is signed with it is noted.
	SecretOverlap = 24 * time.Hour
)

// CheckEndpointURL reads where an endpoint is. Whether its address may be sent to is
// decided when it is connected to, for a name's address can change.
func CheckEndpointURL(s string) (string, error) {
	s, err := CleanText("url", s, MaxEndpointURL)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", Invalid("url", "That is not a URL such as https://example.com/notices.")
	case u.User != nil:
		return "", Invalid("url", "A URL with a user name or password is not taken; deliveries are signed instead.")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return "", Invalid("url", "A URL here has no part after #.")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", Invalid("url", "%q is not a port.", port)
		}
	}
	return s, nil
}

// CheckWebhookEvents brings a choice of events into its one form: in the order of the
// list, once each; all of them is none.
func CheckWebhookEvents(chosen []WebhookEvent) ([]WebhookEvent, error) {
	var clean []WebhookEvent
	all := WebhookEvents()
	for _, info := range all {
		if slices.Contains(chosen, info.Event) {
			clean = append(clean, info.Event)
		}
	}
	for _, e := range chosen {
		if !slices.Contains(clean, e) {
			return nil, Invalid("events", "%q is not an event that can be told.", e)
		}
	}
	if len(clean) == len(all) {
		return nil, nil
	}
	return clean, nil
}

// CheckExpiringNotice tells why an account cannot be told so long before expiry:
// CodeInvalid, or nil. 0 is not at all.
func (a Account) CheckExpiringNotice(d time.Duration) error {
	if d < 0 || d > 0 && d < MinWindow || d > a.Policy.Ceiling {
		return Invalid("notice", "Notice before expiry: 0 (none) to %s.", Span(a.Policy.Ceiling))
	}
	return nil
}

// DeliveryState is what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting   DeliveryState = "waiting" // for its first or its next attempt
	DeliverySending   DeliveryState = "sending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed" // given up
)

// DeliveryStates lists every DeliveryState.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{DeliveryWaiting, DeliverySending, DeliveryDelivered, DeliveryFailed}
}

// Delivery is one event told to one endpoint.
type Delivery struct {
	ID            string // UUIDv4; the webhook-id header, the same in every attempt
	Seq           int64  // the house's own number for it, never shown
	Endpoint      string // its id
	Account       AccountID
	Format        EndpointFormat
	Event         WebhookEvent
	EventSeq      int64
	ReservationID string // that it is about, "" none
	OrderID       string // that it is about, "" none
	State         DeliveryState
	Attempts      int
	CreatedAt     time.Time
	NextAt        time.Time // of the next attempt; zero when done, or behind an earlier delivery of its reservation or order
	DoneAt        time.Time
	LastStatus    int    // of the last attempt's answer; 0 none came
	LastError     string // why the last attempt failed, "" it did not
	// Body is what is sent, in every attempt the same; "" before the first. In the JSON
	// form it is the data object: see RequestBody.
	Body  string
	Tries []Attempt // oldest first; one delivery's only, a list has none
}

// Attempt is one try to deliver.
type Attempt struct {
	Number int
	At     time.Time
	Took   time.Duration
	URL    string
	Status int    // of the answer; 0 none came
	Error  string // why it failed, in a person's words; "" it did not
	Answer string // its beginning
	// Signature is telnyx-signature-ed25519, made again when it is shown; "" in Bandwidth's
	// form.
	Signature string
}

// RequestBody is the body of an attempt, byte for byte.
func (d *Delivery) RequestBody(attempt int, to string) []byte {
	if d.Format == FormatBandwidth {
		return []byte(d.Body)
	}
	url, _ := json.Marshal(to) // a string: cannot fail
	return fmt.Appendf(nil, `{"data":%s,"meta":{"attempt":%d,"delivered_to":%s}}`, d.Body, attempt, url)
}

// AttemptResult is what came of an attempt.
type AttemptResult struct {
	Attempt
	Gone    bool // the endpoint says that it is no more
	Stopped bool // the house stopped meanwhile; it counts against nobody
}

// Failed tells whether the attempt did not deliver.
func (r AttemptResult) Failed() bool { return r.Error != "" }

// retryAfter is how long after each failed attempt the next one comes; the last goes
// on.
var retryAfter = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour,
}

// RetryFor is how long a delivery is tried.
const RetryFor = 24 * time.Hour

// RetryAfter is how long after its n-th attempt in a row failed a delivery is tried
// again. spread, from 0 to 1, keeps many from coming back at one instant: 10 % either
// way.
func RetryAfter(n int, spread float64) time.Duration {
	d := retryAfter[min(max(n, 1), len(retryAfter))-1]
	return d + time.Duration((spread-0.5)/5*float64(d))
}
