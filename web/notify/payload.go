package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// event is the data of a delivery in Telnyx's envelope.
type event struct {
	EventType  tel.WebhookEvent `json:"event_type"`
	ID         string           `json:"id"`
	OccurredAt string           `json:"occurred_at"`
	Payload    any              `json:"payload"`
	RecordType string           `json:"record_type"`
}

// numberReservation is Telnyx's NumberReservation, and from ReservationState on what is
// ours.
type numberReservation struct {
	ID                string                `json:"id"`
	RecordType        string                `json:"record_type"`
	PhoneNumbers      []reservedPhoneNumber `json:"phone_numbers"`
	Status            string                `json:"status"`
	CustomerReference *string               `json:"customer_reference"`
	Errors            string                `json:"errors"`
	CreatedAt         string                `json:"created_at"`
	UpdatedAt         string                `json:"updated_at"`

	ReservationState   tel.State `json:"reservation_state"`
	EventPhoneNumbers  []string  `json:"event_phone_numbers"`
	HeldPhoneNumbers   []string  `json:"held_phone_numbers"`
	Reason             string    `json:"reason"`
	NumberOrderID      *string   `json:"number_order_id"`
	LastPossibleExpiry string    `json:"last_possible_expiry"`
}

type reservedPhoneNumber struct {
	ID          string `json:"id"`
	RecordType  string `json:"record_type"`
	PhoneNumber string `json:"phone_number"`
	Status      string `json:"status"`
	ExpiredAt   string `json:"expired_at"` // when it runs out
	Errors      string `json:"errors"`
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
}

// numberOrder is Telnyx's NumberOrder.
type numberOrder struct {
	ID                 string             `json:"id"`
	RecordType         string             `json:"record_type"`
	PhoneNumbersCount  int                `json:"phone_numbers_count"`
	PhoneNumbers       []orderPhoneNumber `json:"phone_numbers"`
	SubNumberOrdersIDs []string           `json:"sub_number_orders_ids"`
	RequirementsMet    bool               `json:"requirements_met"`
	Status             string             `json:"status"`
	CustomerReference  *string            `json:"customer_reference"`
	ConnectionID       *string            `json:"connection_id"`
	MessagingProfileID *string            `json:"messaging_profile_id"`
	BillingGroupID     *string            `json:"billing_group_id"`
	CreatedAt          string             `json:"created_at"`
	UpdatedAt          string             `json:"updated_at"`
}

type orderPhoneNumber struct {
	ID                     string   `json:"id"`
	RecordType             string   `json:"record_type"`
	PhoneNumber            string   `json:"phone_number"`
	CountryCode            string   `json:"country_code"`
	PhoneNumberType        string   `json:"phone_number_type"`
	RegulatoryRequirements []string `json:"regulatory_requirements"`
	RequirementsMet        bool     `json:"requirements_met"`
	RequirementsStatus     string   `json:"requirements_status"`
	Status                 string   `json:"status"`
}

type webhookTest struct {
	RecordType string `json:"record_type"`
	EndpointID string `json:"endpoint_id"`
	Message    string `json:"message"`
}

// The words for how it went.
const (
	wholeSuccess = "success"
	wholePartial = "partial_success"
	wholeFailure = "failure"
)

// render makes a delivery's body: the data object, or Bandwidth's XML.
func (n *Notifier) render(ctx context.Context, d *tel.Delivery) (string, error) {
	told, err := n.store.Told(ctx, house, d)
	if err != nil {
		return "", err
	}
	if d.Format == tel.FormatBandwidth {
		return notificationXML(told)
	}
	e := event{EventType: d.Event, ID: d.ID, OccurredAt: instant(told.Event.At), RecordType: "event"}
	switch {
	case told.Reservation != nil:
		e.Payload = reservationPayload(told, d.OrderID)
	case told.Order != nil:
		e.Payload = orderPayload(told.Order)
	default:
		e.Payload = webhookTest{"webhook_test", d.Endpoint, "A person asked for this test delivery."}
	}
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	err = to.Encode(e)
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), err
}

// instant is a time as Telnyx writes it.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// orNull is a text that may be missing.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func e164s(tns []tel.Number) []string {
	list := make([]string, len(tns))
	for i, tn := range tns {
		list[i] = tn.E164()
	}
	return list
}

func reservationPayload(told *store.Told, order string) numberReservation {
	r, at := told.Reservation, told.Event.At
	about := told.Event.Facts.TNs
	if told.Event.Kind == tel.EventExpiring {
		about = r.HeldTNs()
	}
	out := numberReservation{
		ID: r.ID, RecordType: "number_reservation", PhoneNumbers: []reservedPhoneNumber{}, Status: wholeSuccess, CustomerReference: orNull(r.CustomerReference),
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(at), ReservationState: r.State, EventPhoneNumbers: e164s(about), HeldPhoneNumbers: e164s(r.HeldTNs()),
		Reason: told.Event.Facts.Reason, NumberOrderID: orNull(order), LastPossibleExpiry: instant(r.LimitAt),
	}
	for _, h := range r.TNs {
		updated := at
		if !h.EndedAt.IsZero() {
			updated = h.EndedAt
		}
		out.PhoneNumbers = append(out.PhoneNumbers, reservedPhoneNumber{
			ID: within(r.ID, h.TN), RecordType: "reserved_phone_number", PhoneNumber: h.TN.E164(), Status: wholeSuccess,
			ExpiredAt: instant(r.ExpiresAt), CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(updated),
		})
	}
	return out
}

// within is the id of a number in a reservation or an order: always the same one.
func within(id string, tn tel.Number) string {
	return uuid.NewSHA1(uuid.MustParse(id), []byte(tn.E164())).String()
}

func orderPayload(o *tel.Order) numberOrder {
	out := numberOrder{
		ID: o.ID, RecordType: "number_order", PhoneNumbersCount: o.Quantity, PhoneNumbers: []orderPhoneNumber{}, SubNumberOrdersIDs: []string{}, RequirementsMet: true,
		Status: orderStatus(o.State), CustomerReference: orNull(o.Reference), CreatedAt: instant(o.CreatedAt), UpdatedAt: instant(o.ChangedAt),
	}
	for _, tn := range o.Completed {
		out.PhoneNumbers = append(out.PhoneNumbers, orderedNumber(o.ID, tn.TN, wholeSuccess))
	}
	for _, tn := range o.Failed {
		out.PhoneNumbers = append(out.PhoneNumbers, orderedNumber(o.ID, tn.TN, wholeFailure))
	}
	return out
}

func orderStatus(s tel.OrderState) string {
	switch s {
	case tel.OrderComplete:
		return wholeSuccess
	case tel.OrderPartial:
		return wholePartial
	}
	return wholeFailure
}

func orderedNumber(order string, tn tel.Number, status string) orderPhoneNumber {
	kind := "local"
	if tn.TollFree() {
		kind = "toll_free"
	}
	return orderPhoneNumber{
		ID: within(order, tn), RecordType: "number_order_phone_number", PhoneNumber: tn.E164(), CountryCode: "US", PhoneNumberType: kind,
		RegulatoryRequirements: []string{}, RequirementsMet: true, RequirementsStatus: "approved", Status: status,
	}
}
