package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWebhookCommands(t *testing.T) {
	db := newDB(t)
	webhook := func(args ...string) string {
		t.Helper()
		return must(t, append(append([]string{"webhook"}, args...), "--db", db)...).out
	}
	if out := webhook("list", "--account", "9500012"); out != "no endpoint\n" {
		t.Error(out)
	}
	var made webhookCreated
	out := webhook("create", "--account", "9500012", "--url", "https://example.com/in", "--event", "number_reservation.expired,number_reservation.expiring", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || !strings.HasPrefix(made.Secret, "whsec_") {
		t.Fatal(out)
	}
	list := func() webhookLine {
		t.Helper()
		var l webhookList
		if err := json.Unmarshal([]byte(webhook("list", "--account", "9500012", "--json")), &l); err != nil || len(l.Endpoints) != 1 {
			t.Fatalf("%v %+v", err, l)
		}
		return l.Endpoints[0]
	}
	if e := list(); e.ID != made.ID || e.URL != "https://example.com/in" || len(e.Events) != 2 || e.State != "active" || e.Waiting != 0 {
		t.Errorf("%+v", e)
	}
	if out := webhook("test", "--id", made.ID); !strings.Contains(out, "is tested") || !strings.Contains(out, "delivery ") {
		t.Error(out)
	}
	if out := webhook("pause", "--id", made.ID); !strings.Contains(out, "is paused") {
		t.Error(out)
	}
	if e := list(); e.State != "paused" || e.Waiting != 1 {
		t.Errorf("%+v", e)
	}
	webhook("resume", "--id", made.ID)
	if out := webhook("list", "--account", "9500012"); !strings.Contains(out, made.ID) || !strings.Contains(out, "active") || strings.Contains(out, made.Secret) {
		t.Error(out)
	}

	// Another URL, other events; what is not given stays.
	if out := webhook("set", "--id", made.ID, "--url", "https://example.com/other"); !strings.Contains(out, "is changed") {
		t.Error(out)
	}
	if e := list(); e.URL != "https://example.com/other" || len(e.Events) != 2 {
		t.Errorf("%+v", e)
	}
	webhook("set", "--id", made.ID, "--event", "number_order.failed")
	if e := list(); e.URL != "https://example.com/other" || len(e.Events) != 1 || e.Events[0] != "number_order.failed" {
		t.Errorf("%+v", e)
	}
	webhook("set", "--id", made.ID, "--all-events")
	if e := list(); len(e.Events) != 0 {
		t.Errorf("%+v", e)
	}
	var second webhookCreated
	if err := json.Unmarshal([]byte(webhook("rotate", "--id", made.ID, "--json")), &second); err != nil || second.ID != made.ID || !strings.HasPrefix(second.Secret, "whsec_") || second.Secret == made.Secret {
		t.Errorf("%v %+v", err, second)
	}
	if out := webhook("notice", "--account", "9500012", "--before", "15m"); !strings.Contains(out, "15 minutes before") {
		t.Error(out)
	}
	if out := webhook("notice", "--account", "9500012", "--before", "0s"); !strings.Contains(out, "not told before") {
		t.Error(out)
	}

	// The log, and a delivery once more.
	var log webhookDeliveries
	if err := json.Unmarshal([]byte(webhook("deliveries", "--id", made.ID, "--json")), &log); err != nil || len(log.Deliveries) != 1 {
		t.Fatalf("%v %+v", err, log)
	}
	d := log.Deliveries[0]
	if d.Event != "webhook.test" || d.State != "waiting" || d.Attempts != 0 || d.CreatedAt == "" || d.NextAt == "" {
		t.Errorf("%+v", d)
	}
	if out := webhook("deliveries", "--id", made.ID, "--state", "waiting", "--limit", "1"); !strings.Contains(out, d.ID) || !strings.Contains(out, "webhook.test") {
		t.Error(out)
	}
	if out := webhook("deliveries", "--id", made.ID, "--state", "failed"); out != "no delivery\n" {
		t.Error(out)
	}
	if out := webhook("redeliver", "--id", d.ID); out != "delivery "+d.ID+" goes out as soon as the database is served\n" {
		t.Error(out)
	}
	webhook("delete", "--id", made.ID)
	if out := webhook("list", "--account", "9500012"); out != "no endpoint\n" {
		t.Error(out)
	}
	for args, want := range map[string]result{
		"create --account 77 --url https://example.com":                {code: 1, err: "there is no account 77"},
		"create --account 9500012 --url ftp://example.com":             {code: 1, err: "not a URL"},
		"create --account 9500012 --url https://u:p@example.com":       {code: 1, err: "user name or password"},
		"create --account 9500012 --url https://example.com --event x": {code: 1, err: "not an event"},
		"create --account 9500012":                                     {code: 2, err: "--url"},
		"list --account 77":                                            {code: 1, err: "there is no account 77"},
		"pause --id nobody":                                            {code: 1, err: "there is no endpoint nobody"},
		"resume --id " + made.ID:                                       {code: 1, err: "there is no endpoint"},
		"delete --id 00000000-0000-4000-8000-000000000000":             {code: 1, err: "there is no endpoint"},
		"set --url https://example.com --id nobody":                    {code: 1, err: "there is no endpoint nobody"},
		"set --id nobody":                                              {code: 2, err: "say what to change"},
		"set --id nobody --event number_order.failed --all-events":     {code: 2, err: "--all-events"},
		"rotate --id nobody":                                           {code: 1, err: "there is no endpoint nobody"},
		"deliveries --id nobody":                                       {code: 1, err: "there is no endpoint nobody"},
		"deliveries --id nobody --limit 0":                             {code: 2, err: "1 to 500"},
		"redeliver --id nobody":                                        {code: 1, err: "there is no delivery nobody"},
		"notice --account 77 --before 1m":                              {code: 1, err: "there is no account 77"},
		"notice --account 9500012 --before 9000h":                      {code: 1, err: ""},
		"test": {code: 2, err: "--id"},
	} {
		got := call(t, "", nil, append([]string{"webhook"}, append(strings.Fields(args), "--db", db)...)...)
		if got.code != want.code || !strings.Contains(got.err, want.err) {
			t.Errorf("%s: %+v", args, got)
		}
	}
	if out := must(t, "webhook", "create", "--help").out; !strings.Contains(out, "number_order.failed") {
		t.Error(out)
	}
}

// A served database sends; to this machine only when it is told that it may. What the
// command line queues beside the server is sent too.
func TestServeWebhooks(t *testing.T) {
	db := newDB(t)
	had := make(chan string, 10)
	to := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		had <- string(body)
	}))
	defer to.Close()
	var made webhookCreated
	if err := json.Unmarshal([]byte(must(t, "webhook", "create", "--db", db, "--account", "9500012", "--url", to.URL, "--json").out), &made); err != nil {
		t.Fatal(err)
	}
	failing := func() bool {
		return !strings.Contains(must(t, "webhook", "list", "--db", db, "--account", "9500012").out, " -  ")
	}
	s := serveProcess(t, 1, serveCmd(t.Context(), db))
	must(t, "webhook", "test", "--db", db, "--id", made.ID)
	for end := time.Now().Add(10 * time.Second); !failing(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was tried")
		}
	}
	s.stop(t)
	if len(had) != 0 {
		t.Error("a loopback address was sent to")
	}
	s = serveProcess(t, 1, serveCmd(t.Context(), db, "--allow-private-webhooks"))
	select {
	case body := <-had:
		if !strings.Contains(body, `"event_type":"webhook.test"`) || !strings.Contains(body, `"attempt":2`) && !strings.Contains(body, `"attempt":3`) {
			t.Error(body)
		}
	case <-time.After(time.Minute):
		t.Error("nothing was sent")
	}
	s.stop(t)
	must(t, "check", "--db", db)
}
