package store_test

import (
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const hook = "https://hooks.example.com/in"

// endpoint makes one of an account, told of the events named, or of all.
func endpoint(t testing.TB, s *storetest.Store, account tel.AccountID, events ...tel.WebhookEvent) *store.NewEndpointSecret {
	t.Helper()
	return must[*store.NewEndpointSecret](t)(s.CreateEndpoint(ctx, operator, tel.NewEndpoint{Account: account, URL: hook, Events: events}))
}

// deliveries are all that were written for an endpoint, oldest first.
func deliveries(t testing.TB, s *storetest.Store, id string) (list []*tel.Delivery) {
	t.Helper()
	for q := (store.DeliveryQuery{Endpoint: id, Limit: 2}); ; {
		page, err := s.Deliveries(ctx, operator, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Rows {
			list = append([]*tel.Delivery{d}, list...)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return list
		}
	}
}

// told are the events of deliveries.
func told(list []*tel.Delivery) (events []tel.WebhookEvent) {
	for _, d := range list {
		events = append(events, d.Event)
	}
	return events
}

func TestEndpoint(t *testing.T) {
	s := storetest.Open(t)
	made := must[*store.NewEndpointSecret](t)(s.CreateEndpoint(ctx, admin, tel.NewEndpoint{Account: acme, URL: " " + hook + " ",
		Events: []tel.WebhookEvent{tel.WebhookOrderComplete, tel.WebhookReservationCreated, tel.WebhookOrderComplete}}))
	if !strings.HasPrefix(made.Secret, "whsec_") || len(made.Secret) != 38 || strings.Contains(made.String(), made.Secret) {
		t.Errorf("secret %q", made.Secret)
	}
	e := must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, strings.ToUpper(made.ID)))
	same(t, "the endpoint", e, &tel.Endpoint{ID: made.ID, Account: acme, AccountName: "Acme Tel", URL: hook, Format: tel.FormatJSON,
		Events: []tel.WebhookEvent{tel.WebhookReservationCreated, tel.WebhookOrderComplete}, SecretHint: "whsec_…" + made.Secret[34:], CreatedAt: s.Now(), CreatedBy: admin.Name})

	if err := s.ChangeEndpoint(ctx, admin, made.ID, "http://other.example:8443/x?y=1", nil); err != nil {
		t.Fatal(err)
	}
	rotated := must[*store.NewEndpointSecret](t)(s.RotateEndpointSecret(ctx, admin, made.ID, ""))
	if err := s.PauseEndpoint(ctx, admin, made.ID); err != nil {
		t.Fatal(err)
	}
	list := must[[]*tel.Endpoint](t)(s.Endpoints(ctx, admin, acme))
	if len(list) != 1 || list[0].URL != "http://other.example:8443/x?y=1" || list[0].Events != nil || list[0].State() != tel.EndpointPaused || rotated.Secret == made.Secret {
		t.Errorf("%+v", list)
	}
	code(t, second(s.TestEndpoint(ctx, admin, made.ID)), tel.CodeConflict)
	if err := s.ResumeEndpoint(ctx, admin, made.ID); err != nil {
		t.Fatal(err)
	}
	must[string](t)(s.TestEndpoint(ctx, admin, made.ID))
	same(t, "deliveries", told(deliveries(t, s, made.ID)), []tel.WebhookEvent{tel.WebhookTest})

	if err := s.DeleteEndpoint(ctx, admin, made.ID); err != nil {
		t.Fatal(err)
	}
	code(t, second(s.Endpoint(ctx, admin, made.ID)), tel.CodeNotFound)
	code(t, second(s.Deliveries(ctx, admin, store.DeliveryQuery{Endpoint: made.ID})), tel.CodeNotFound)
	db := file(t, s.Path)
	for _, kind := range []string{"created", "changed", "rotated", "paused", "resumed", "tested", "deleted"} {
		if n := count(t, db, `SELECT COUNT(*) FROM event WHERE kind = $1 AND account_id = $2 AND facts LIKE '%' || $3 || '%'`, "webhook."+kind, int64(acme), made.ID); n != 1 {
			t.Errorf("%d events %s", n, kind)
		}
	}
	if n := count(t, db, `SELECT COUNT(*) FROM event WHERE facts LIKE '%whsec%'`); n != 0 {
		t.Error("a secret is in the history")
	}
	if n := count(t, db, `SELECT COUNT(*) FROM endpoint WHERE secret || old_secret <> ''`); n != 0 {
		t.Error("the secret of a deleted endpoint is kept")
	}
	checked(t, s.Store)
}

func TestEndpointRefused(t *testing.T) {
	s := storetest.Open(t)
	for url, field := range map[string]string{
		"": "url", "ftp://example.com": "url", "example.com/x": "url", "https://": "url", "https:///x": "url", "https://u:p@example.com": "url", "https://u@example.com": "url",
		"https://example.com/#x": "url", "https://example.com/#": "url", "https://example.com:0/": "url", "https://example.com:99999/": "url", "https://example.com:x/": "url",
		"https://exa mple.com/": "url", "https://example.com/\r\nX: y": "url", "https://example.com/" + strings.Repeat("a", 2000): "url", "//example.com": "url", "javascript:alert(1)": "url",
	} {
		if e := code(t, second(s.CreateEndpoint(ctx, admin, tel.NewEndpoint{Account: acme, URL: url})), tel.CodeInvalid); e.Field != field {
			t.Errorf("%q: %+v", url, e)
		}
	}
	for _, event := range []tel.WebhookEvent{"", "x", tel.WebhookTest, tel.WebhookOrderWaits} {
		if e := code(t, second(s.CreateEndpoint(ctx, admin, tel.NewEndpoint{Account: acme, URL: hook, Events: []tel.WebhookEvent{event}})), tel.CodeInvalid); e.Field != "events" {
			t.Errorf("%q: %+v", event, e)
		}
	}
	for range tel.MostEndpoints {
		endpoint(t, s, acme)
	}
	code(t, second(s.CreateEndpoint(ctx, admin, tel.NewEndpoint{Account: acme, URL: hook})), tel.CodeConflict)
	code(t, second(s.CreateEndpoint(ctx, operator, tel.NewEndpoint{Account: 77, URL: hook})), tel.CodeNotFound)
}

// Whoever may not manage an account's webhooks gets nowhere with any method, and
// another account's endpoint or delivery is as unknown as one that never was.
func TestEndpointsOfOthers(t *testing.T) {
	s := storetest.Open(t)
	made := endpoint(t, s, acme)
	delivery := must[string](t)(s.TestEndpoint(ctx, admin, made.ID))
	program := tel.Actor{Kind: tel.KindClient, ID: "c", Name: "c", Role: tel.RoleAdmin, Account: acme}
	methods := func(id, delivery string, account tel.AccountID) map[string]func(tel.Actor) error {
		return map[string]func(tel.Actor) error{
			"create": func(a tel.Actor) error {
				return second(s.CreateEndpoint(ctx, a, tel.NewEndpoint{Account: account, URL: hook}))
			},
			"list":        func(a tel.Actor) error { return second(s.Endpoints(ctx, a, account)) },
			"notice":      func(a tel.Actor) error { return s.SetExpiringNotice(ctx, a, account, time.Hour) },
			"read":        func(a tel.Actor) error { return second(s.Endpoint(ctx, a, id)) },
			"change":      func(a tel.Actor) error { return s.ChangeEndpoint(ctx, a, id, hook, nil) },
			"pause":       func(a tel.Actor) error { return s.PauseEndpoint(ctx, a, id) },
			"resume":      func(a tel.Actor) error { return s.ResumeEndpoint(ctx, a, id) },
			"delete":      func(a tel.Actor) error { return s.DeleteEndpoint(ctx, a, id) },
			"rotate":      func(a tel.Actor) error { return second(s.RotateEndpointSecret(ctx, a, id, "")) },
			"test":        func(a tel.Actor) error { return second(s.TestEndpoint(ctx, a, id)) },
			"deliveries":  func(a tel.Actor) error { return second(s.Deliveries(ctx, a, store.DeliveryQuery{Endpoint: id})) },
			"delivery":    func(a tel.Actor) error { return second(s.Delivery(ctx, a, delivery)) },
			"redeliver":   func(a tel.Actor) error { return s.Redeliver(ctx, a, delivery) },
			"due":         func(a tel.Actor) error { return second(s.EndpointsDue(ctx, a)) },
			"what is due": func(a tel.Actor) error { return second(s.DeliveriesDue(ctx, a, id, 1)) },
			"start":       func(a tel.Actor) error { return second(s.StartAttempt(ctx, a, delivery, "x")) },
			"finish":      func(a tel.Actor) error { return s.FinishAttempt(ctx, a, delivery, tel.AttemptResult{}, 0) },
			"sign":        func(a tel.Actor) error { return second(s.SignWebhook(ctx, a, s.Now(), nil)) },
		}
	}
	db := file(t, s.Path)
	before := count(t, db, `SELECT COUNT(*) FROM event`)
	for name, method := range methods(made.ID, delivery, acme) {
		for _, a := range []tel.Actor{member, storetest.Actor(tel.RoleSupport, acme), storetest.Actor(tel.RoleSupport, 0), program} {
			if err := method(a); tel.CodeOf(err) != tel.CodeForbidden {
				t.Errorf("%s as %s: %v", name, a.Name, err)
			}
		}
	}
	others, none := methods(made.ID, delivery, acme), methods("00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000000", 9599999)
	for name := range others {
		got, want := others[name](rival), none[name](rival)
		if tel.CodeOf(got) != tel.CodeOf(want) || got.Error() != want.Error() || tel.CodeOf(got) != tel.CodeNotFound && tel.CodeOf(got) != tel.CodeForbidden {
			t.Errorf("%s of another account: %v, of none: %v", name, got, want)
		}
	}
	if n := count(t, db, `SELECT COUNT(*) FROM event`); n != before {
		t.Errorf("%d changes were made", n-before)
	}
}
