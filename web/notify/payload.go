package notify

import (
	"bytes"
	"context"
	"encoding/json"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/web/telnyx"
)

// event is the data of a delivery in Telnyx's envelope.
type event struct {
	EventType  tel.WebhookEvent `json:"event_type"`
	ID         string           `json:"id"`
	OccurredAt telnyx.When      `json:"occurred_at"`
	Payload    any              `json:"payload"`
	RecordType string           `json:"record_type"`
}

// reservationNews is a reservation as the event left it, as the JSON door shows it, and
// what the event was about.
type reservationNews struct {
	telnyx.NumberReservation
	EventPhoneNumbers  []string    `json:"event_phone_numbers"`
	HeldPhoneNumbers   []string    `json:"held_phone_numbers"`
	Reason             string      `json:"reason"`
	NumberOrderID      *string     `json:"number_order_id"`
	LastPossibleExpiry telnyx.When `json:"last_possible_expiry"`
	omission
}

type orderNews struct {
	telnyx.NumberOrder
	omission
}

// omission is how many phone_numbers were left out.
type omission struct {
	PhoneNumbersOmitted int `json:"phone_numbers_omitted,omitempty"`
}

// mostNamed is how many TNs a delivery names in a list: bodies are kept for a while, one
// for each endpoint. Who wants all asks the door.
const mostNamed = 250

type webhookTest struct {
	RecordType string `json:"record_type"`
	EndpointID string `json:"endpoint_id"`
	Message    string `json:"message"`
}

// render makes a delivery's body: the data object, or Bandwidth's XML.
func (n *Notifier) render(ctx context.Context, d *tel.Delivery) (string, error) {
	told, err := n.store.Told(ctx, house, d)
	if err != nil {
		return "", err
	}
	if d.Format == tel.FormatBandwidth {
		return notificationXML(told)
	}
	e := event{EventType: d.Event, ID: d.ID, OccurredAt: telnyx.When(told.Event.At), RecordType: "event"}
	e.Payload = payloadOf(told, d)
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	err = to.Encode(e)
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), err
}

func payloadOf(told *store.Told, d *tel.Delivery) any {
	switch {
	case told.Reservation != nil:
		return newsOf(told, d.OrderID)
	case told.Order != nil:
		news := orderNews{NumberOrder: telnyx.ShowOrder(told.Order)}
		news.PhoneNumbersOmitted = news.First(mostNamed)
		return news
	}
	return webhookTest{"webhook_test", d.Endpoint, "A person asked for this test delivery."}
}

// e164s are TNs on the wire, the first of many.
func e164s(tns []tel.Number) []string {
	list := make([]string, min(len(tns), mostNamed))
	for i, tn := range tns[:len(list)] {
		list[i] = tn.E164()
	}
	return list
}

func newsOf(told *store.Told, order string) reservationNews {
	r := told.Reservation
	about := told.Event.Facts.TNs
	if told.Event.Kind == tel.EventExpiring {
		about = r.HeldTNs()
	}
	news := reservationNews{
		NumberReservation: telnyx.ShowReservation(r, told.Event.At), EventPhoneNumbers: e164s(about), HeldPhoneNumbers: e164s(r.HeldTNs()),
		Reason: told.Event.Facts.Reason, NumberOrderID: telnyx.OrNull(order), LastPossibleExpiry: telnyx.When(r.LimitAt),
	}
	if all := news.PhoneNumbers; len(all) > mostNamed {
		news.PhoneNumbers, news.PhoneNumbersOmitted = all[:mostNamed], len(all)-mostNamed
	}
	return news
}
