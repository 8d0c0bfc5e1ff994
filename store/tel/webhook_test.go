package tel_test

import (
	"testing"
	"time"

	"tnreserve/store/tel"
)

func TestRetryAfter(t *testing.T) {
	for n, want := range map[int]time.Duration{-1: 5 * time.Second, 1: 5 * time.Second, 2: 30 * time.Second, 3: 2 * time.Minute, 8: 4 * time.Hour, 1000: 4 * time.Hour} {
		least, middle, most := tel.RetryAfter(n, 0), tel.RetryAfter(n, 0.5), tel.RetryAfter(n, 1)
		if middle != want || least != want-want/10 || most != want+want/10 {
			t.Errorf("%d: %v, %v, %v", n, least, middle, most)
		}
	}
}

// What an endpoint can choose is what some event tells, and nothing else.
func TestWebhookEvents(t *testing.T) {
	chosen := map[tel.WebhookEvent]bool{}
	var all []tel.WebhookEvent
	for _, e := range tel.WebhookEvents() {
		if e.Says == "" || chosen[e.Event] {
			t.Errorf("%+v", e)
		}
		chosen[e.Event] = true
		all = append(all, e.Event)
	}
	for _, kind := range []tel.EventKind{tel.EventReserved, tel.EventExtended, tel.EventExpiring, tel.EventExpired, tel.EventCancelled, tel.EventDropped, tel.EventOrdered, tel.EventPartOrdered,
		tel.EventOrderCompleted, tel.EventOrderPartial, tel.EventOrderFailed} {
		if !chosen[tel.WebhookOf(kind)] {
			t.Errorf("%s tells %q", kind, tel.WebhookOf(kind))
		}
	}
	for _, kind := range []tel.EventKind{tel.EventOrderPlaced, tel.EventInService, tel.EventSignedIn, tel.EventEndpointCreated} {
		if tel.WebhookOf(kind) != "" {
			t.Errorf("%s is told", kind)
		}
	}
	if clean, err := tel.CheckWebhookEvents(all); err != nil || clean != nil {
		t.Errorf("all of them: %v %v", clean, err)
	}
	now := time.Unix(1000, 0)
	sub := tel.Endpoint{Format: tel.FormatBandwidth, ExpiresAt: now, OrderType: "orders"}
	if sub.Wants(tel.WebhookOrderComplete, now) || !sub.Wants(tel.WebhookOrderWaits, now.Add(-1)) || sub.Wants(tel.WebhookReservationCreated, now.Add(-1)) {
		t.Error("a subscription wants other things")
	}
	if !sub.WantsOrder("x", tel.OrderKindSearch) || sub.WantsOrder("x", tel.OrderKindDisconnect) {
		t.Error("a subscription wants other orders")
	}
	if json := (&tel.Endpoint{Format: tel.FormatJSON}); json.WantsOrder("x", tel.OrderKindDisconnect) || json.Wants(tel.WebhookOrderWaits, now) || !json.Wants(tel.WebhookReservationExpiring, now) {
		t.Error("an endpoint wants other things")
	}
}
