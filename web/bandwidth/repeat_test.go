package bandwidth_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"tnreserve/store/storetest"
)

// A POST that is repeated without a key is refused as any other; its maker and admins
// find the hold by the answer, a colleague who may not list does not.
func TestRepeatedReservation(t *testing.T) {
	d := openAt(t, "https://numbers.example")
	const path = "/api/accounts/9500001/tnreservation"
	again := func(who, tn, at string) {
		t.Helper()
		w := d.want(400, who, "POST", path, `<Reservation><ReservedTn>`+tn+`</ReservedTn></Reservation>`)
		if got := w.Header().Get("Location"); got != at || !strings.Contains(w.Body.String(), "<ErrorCode>5041</ErrorCode>") {
			t.Errorf("%s, %s: %q, want %q: %s", who, tn, got, at, w.Body)
		}
	}
	for maker, tn := range map[string]string{"acme-admin": "9195552001", "acme-member": "9195552002"} {
		at := d.want(201, maker, "POST", path, `<Reservation><ReservedTn>`+tn+`</ReservedTn></Reservation>`).Header().Get("Location")
		again(maker, tn, at)
		again("acme-admin", tn, at)
		if maker == "acme-admin" {
			again("acme-member", tn, "")
		}
	}
	d.reserve(storetest.Globex, number("9195552003"))
	again("acme-admin", "9195552003", "")
	again("acme-admin", "9195559999", "")
}

// A note under a key is one note.
func TestRepeatedNote(t *testing.T) {
	d := openAt(t, "")
	order := `<Order><ExistingTelephoneNumberOrderType><TelephoneNumberList><TelephoneNumber>9195552001</TelephoneNumber></TelephoneNumberList></ExistingTelephoneNumberOrderType></Order>`
	at := strings.TrimPrefix(d.want(201, "acme-admin", "POST", "/api/accounts/9500001/orders", order).Header().Get("Location"), "http://door.test") + "/notes"
	note := func(text, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "http://door.test"+at, strings.NewReader(`<Note><Description>`+text+`</Description></Note>`))
		r.Header.Set("Content-Type", "application/xml")
		r.Header.Set("Idempotency-Key", key)
		d.sign(r, "acme-admin")
		return d.serve(r)
	}
	first, second := note("one", "k"), note("one", "k")
	if first.Code != 201 || second.Code != 201 || first.Header().Get("Location") != second.Header().Get("Location") {
		t.Error(first.Code, first.Header(), second.Code, second.Header())
	}
	if w := note("two", "k"); w.Code != 409 {
		t.Error(w.Code, w.Body)
	}
	if w := note("two", strings.Repeat("k", 256)); w.Code != 400 {
		t.Error(w.Code, w.Body)
	}
	if n := strings.Count(d.want(200, "acme-admin", "GET", at, "").Body.String(), "<Note>"); n != 1 {
		t.Errorf("%d notes", n)
	}
}
