package bandwidth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tnreserve/store/tel"
	"tnreserve/web/bandwidth"
)

// Every refusal of the house has a line in every table, and no line is for nothing.
func TestTablesKnowEveryCode(t *testing.T) {
	tables := bandwidth.Tables()
	if len(tables) != 5 {
		t.Fatal(len(tables))
	}
	for name, table := range tables {
		for _, code := range tel.Codes() {
			row, ok := table[code]
			switch {
			case !ok:
				t.Errorf("%s has no line for %s", name, code)
			case row.Status < 400 || row.Status > 599 || http.StatusText(row.Status) == "":
				t.Errorf("%s: %s has status %d", name, code, row.Status)
			case code != tel.CodeSlowDown && row.Text == "":
				t.Errorf("%s: %s has no text", name, code)
			case code != tel.CodeSlowDown && code != tel.CodeNotFound && code != tel.CodeNotAvailable && row.Code == 0:
				t.Errorf("%s: %s has no code", name, code)
			}
		}
		if len(table) != len(tel.Codes()) {
			t.Errorf("%s has %d lines for %d codes", name, len(table), len(tel.Codes()))
		}
	}
	for code, status := range map[tel.Code]int{tel.CodeForbidden: 403, tel.CodeSignIn: 401, tel.CodeSlowDown: 429, tel.CodeBusy: 503, tel.CodeInternal: 500, tel.CodeConflict: 409} {
		for name, table := range tables {
			if table[code].Status != status {
				t.Errorf("%s: %s is %d, not %d", name, code, table[code].Status, status)
			}
		}
	}
}

// What is foreign is logged and never shown, in whatever envelope.
func TestForeignErrorsAreNotShown(t *testing.T) {
	d := open(t)
	if err := d.Close(); err != nil { // every call to the store fails now
		t.Fatal(err)
	}
	d.config.Auth.ByPassword = func(context.Context, string, string, string) (tel.Actor, error) {
		return tel.Actor{Kind: tel.KindClient, ID: "x", Role: tel.RoleAdmin, Account: 9500001}, nil
	}
	d.hang(nil)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", mine("/tnreservation"), "", "<ReservationsResponse><ResponseStatus><ErrorCode>500</ErrorCode>"},
		{"POST", mine("/tnreservation"), reservation, "<ReservationResponse><ResponseStatus><ErrorCode>503</ErrorCode>"}, // closing: nothing was done
		{"GET", mine(""), "", "<AccountResponse><Errors><Code>500</Code>"},
		{"GET", mine("/orders"), "", "<OrderResponse><ErrorList><Error><Code>500</Code>"},
		{"GET", mine("/sites"), "", "<SitesResponse><ResponseStatus><ErrorCode>500</ErrorCode>"},
	} {
		r := httptest.NewRequest(c.method, "http://door.test"+c.path, strings.NewReader(c.body))
		r.SetBasicAuth("x", "y")
		if c.body != "" {
			r.Header.Set("Content-Type", "application/xml")
		}
		w := d.serve(r)
		if !strings.Contains(w.Body.String(), c.want) || w.Code < 500 {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "sql") || strings.Contains(w.Body.String(), "closed") {
			t.Errorf("%s shows %s", c.path, w.Body)
		}
		if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if !strings.Contains(d.log.String(), "database is closed") {
		t.Error("not logged: ", d.log.String())
	}
}

// A panic is that request's answer.
func TestPanic(t *testing.T) {
	d := open(t)
	d.config.Auth.ByPassword = func(context.Context, string, string, string) (tel.Actor, error) { panic("boom") }
	d.hang(nil)
	r := httptest.NewRequest("GET", "http://door.test"+mine(""), nil)
	r.SetBasicAuth("x", "y")
	if w := d.serve(r); w.Code != 500 || strings.Contains(w.Body.String(), "boom") || !strings.Contains(w.Body.String(), "<ErrorCode>500</ErrorCode>") {
		t.Error(w.Code, w.Body)
	}
	if !strings.Contains(d.log.String(), "boom") {
		t.Error("not logged")
	}
}
