package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const webhooksOfAcme = "/accounts/9500001/webhooks"

// endpointOf is an account's one endpoint.
func (s *site) endpointOf(account tel.AccountID) *tel.Endpoint {
	s.t.Helper()
	list, err := s.Endpoints(ctx, root, account)
	if err != nil || len(list) != 1 {
		s.t.Fatal(list, err)
	}
	return list[0]
}

func TestWebhooksPage(t *testing.T) {
	s := open(t)
	v := s.as("acme-admin")
	v.want(200, clientsOfAcme).has(`a[href="` + webhooksOfAcme + `"]`)
	a := v.want(200, webhooksOfAcme)
	a.says("#endpoints", "No endpoint yet").has("#nav-clients[aria-current]").says("#public-key", "=")
	form := a.form("#new-endpoint form")
	if len(form["event"]) != len(tel.WebhookEvents()) {
		t.Errorf("at first %d events are chosen, not all", len(form["event"]))
	}
	form.Set("url", "https://example.com/notices?a=1")
	a = v.post(webhooksOfAcme, form)
	secret := a.text("#made-secret")
	if a.status != 200 || !strings.HasPrefix(secret, "whsec_") || a.header.Get("Cache-Control") != "no-store" {
		t.Fatal(a.status, secret)
	}
	e := s.endpointOf(storetest.Acme)
	at := webhooksOfAcme + "/" + e.ID
	if len(e.Events) != 0 || e.CreatedBy != email("acme-admin") {
		t.Errorf("%+v", e)
	}

	// Shown once, logged never.
	everywhere := s.Log.String()
	for _, path := range []string{webhooksOfAcme, at, at + "/rotate", at + "/delete"} {
		everywhere += v.want(200, path).body
	}
	if strings.Contains(everywhere, secret) {
		t.Error("the secret is shown again, or logged")
	}
	row := "#e-" + e.ID
	v.want(200, webhooksOfAcme).says(row, "example.com").says(row, "Active").says(row, "All events").says(row, "Never")

	// Mistakes stand at their fields, and keep what was typed.
	form.Set("url", "http://user:pw@example.com")
	v.post(webhooksOfAcme, form).is(422).says("#new-url-e", "user name or password").has(`#new-url[value="http://user:pw@example.com"]`)
	form.Set("url", "https://example.com/b")
	form.Del("event")
	v.post(webhooksOfAcme, form).is(422).says("#new-events-e", "at least one").has(`.h-events[aria-invalid="true"][aria-describedby="new-events-e"]`)
	form.Set("event", "reservation.stolen")
	v.post(webhooksOfAcme, form).is(422).says("#new-events-e", "reservation.stolen")

	// Other events, another URL.
	change := v.want(200, at).form("#change form")
	change["event"] = []string{"number_order.complete"}
	change.Set("url", "https://example.com/other")
	v.post(at, change).is(200)
	v.want(200, at).says("#facts", "number_order.complete").says("h1 + .lede", "https://example.com/other")

	// Paused, resumed, tested.
	v.post(at+"/pause", nil).is(200)
	if a := v.want(200, at).says(".head", "Paused"); a.doc().Find("#test").Length() != 0 {
		t.Error("a paused endpoint can be tested")
	}
	v.post(at+"/test", nil).is(200).says(".toasts", "paused")
	v.post(at+"/resume", nil).is(200)
	sent := v.post(at+"/test", nil).is(200).url.Path
	v.want(200, sent).says("h1", "webhook.test").says("#attempts", "Not sent yet").has("#delivery[data-again]")
	v.want(200, at).says("#log", "webhook.test").says("#log", "Waiting")
	v.want(200, at+"?state=delivered").says("#log", "None of these")
	v.get(at + "?state=lost").is(422)

	// Another secret; sent twice it replaces nothing.
	rotate := v.want(200, at+"/rotate").form("form.a-ask")
	second := v.post(at+"/rotate?state=lost&cursor=lost", rotate).is(200).text("#made-secret")
	if second == secret || !strings.HasPrefix(second, "whsec_") {
		t.Error(second)
	}
	v.post(at+"/rotate", rotate).is(200).says(".toasts", "replaced already").says("#control", tel.SecretHint(second))

	v.post(at+"/delete", nil).is(200)
	v.want(200, webhooksOfAcme).says("#endpoints", "No endpoint yet")
	v.get(at).is(404)
}

// A delivery's page tells of each attempt as it was, wherever the endpoint is now; and that
// an endpoint was stopped, or a delivery given up, is told from every page on.
func TestDeliveryPage(t *testing.T) {
	s := open(t)
	v, house := s.as("acme-admin"), tel.System("webhooks")
	made, err := s.CreateEndpoint(ctx, root, tel.NewEndpoint{Account: storetest.Acme, URL: "https://old.example/notices"})
	if err != nil {
		t.Fatal(err)
	}
	at := webhooksOfAcme + "/" + made.ID
	sent := v.post(at+"/test", nil).is(200).url.Path
	id := sent[strings.LastIndex(sent, "/")+1:]
	send := func(r tel.AttemptResult) {
		t.Helper()
		sending, err := s.StartAttempt(ctx, house, id, `{"event_type":"webhook.test"}`)
		if err != nil || sending == nil {
			t.Fatal(sending, err)
		}
		r.Number, r.At, r.URL = sending.Attempts, sending.At, sending.URL
		if err := s.FinishAttempt(ctx, house, id, r, 0.5); err != nil {
			t.Fatal(err)
		}
	}
	send(tel.AttemptResult{Attempt: tel.Attempt{Status: 500, Error: "It answered 500.", Answer: "<b>not now</b>", Took: 1500 * time.Millisecond}})
	if err := s.ChangeEndpoint(ctx, root, made.ID, "https://new.example/notices", nil); err != nil {
		t.Fatal(err)
	}
	body := `{"data":{"event_type":"webhook.test"},"meta":{"attempt":1,"delivered_to":"https://old.example/notices"}}`
	signature, err := s.SignWebhook(ctx, house, s.Now(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	v.want(200, sent).says("h1 + .lede", "To https://new.example/notices").says("#attempts", "To https://old.example/notices").says("#attempts", "It answered 500.").
		says("#attempts", "1.5 s").says("#attempts", "<b>not now</b>").says("#attempts", "webhook-id: "+id).says("#attempts", "telnyx-signature-ed25519: "+signature).says("#body", body)
	if a := v.want(200, "/reservations"); a.doc().Find("#nav-clients .count-badge").Length() != 0 {
		t.Error("a mark without an endpoint that was stopped")
	}
	s.Clock.Add(time.Minute)
	send(tel.AttemptResult{Attempt: tel.Attempt{Status: 410, Error: "It answered 410."}, Gone: true})
	v.want(200, sent).says("#attempts", "To https://new.example/notices").says("#body", `"attempt":2,"delivered_to":"https://new.example/notices"`)
	v.want(200, "/reservations").says("#nav-clients .count-badge", "1 webhooks that were stopped").has(`#nav-clients[href="` + webhooksOfAcme + `"]`)
	v.want(200, at).says("main", "Deliveries were stopped").says("main", "410 Gone")

	// One that others overtook is given up after a day.
	v.post(at+"/resume", nil).is(200)
	s.Clock.Add(tel.RetryFor)
	other, err := s.TestEndpoint(ctx, root, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	first := id
	send(tel.AttemptResult{Attempt: tel.Attempt{Status: 500, Error: "It answered 500."}})
	id = other
	send(tel.AttemptResult{Attempt: tel.Attempt{Status: 200}})
	id = first
	s.Clock.Add(tel.RetryFor)
	send(tel.AttemptResult{Attempt: tel.Attempt{Status: 500, Error: "It answered 500."}})
	v = s.as("acme-admin") // the session is over
	v.want(200, webhooksOfAcme).says("#e-"+made.ID, "1 given up").has(`#e-` + made.ID + ` a[href="` + at + `?state=failed"]`)
	v.want(200, at).says("#facts", "Given up")
}

func TestExpiringNoticeForm(t *testing.T) {
	s := open(t)
	v := s.as("acme-admin")
	form := v.want(200, webhooksOfAcme).form("#notice form")
	if form.Get("notice") != "30m" {
		t.Error(form)
	}
	form.Set("notice", "45m")
	v.post(webhooksOfAcme+"/notice", form).is(200)
	if a, err := s.Account(ctx, root, storetest.Acme); err != nil || a.ExpiringNotice != 45*time.Minute {
		t.Error(a, err)
	}
	for _, bad := range []string{"13h", "-1m", "soon", ""} {
		form.Set("notice", bad)
		v.post(webhooksOfAcme+"/notice", form).is(422).has("#notice .fault")
	}
}

// A twenty-first endpoint is refused in words, above the form.
func TestTooManyEndpoints(t *testing.T) {
	s := open(t)
	for i := range tel.MostEndpoints {
		if _, err := s.CreateEndpoint(ctx, root, tel.NewEndpoint{Account: storetest.Acme, URL: fmt.Sprintf("https://example.com/%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	v := s.as("acme-admin")
	form := v.want(http.StatusOK, webhooksOfAcme).form("#new-endpoint form")
	form.Set("url", "https://example.com/more")
	v.post(webhooksOfAcme, form).is(422).says("#new-endpoint", "at most 20 endpoints")
}
