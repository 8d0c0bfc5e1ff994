package web_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestPagesQuick(t *testing.T) {
	s := open(t)
	for who := range people {
		v := s.as(who)
		for _, p := range []string{"/", "/search?contains=42", "/reservations", "/reservations?show=ended", "/lookup", "/lookup?q=9195552042", "/accounts", "/accounts/9500001", "/inventory", "/inventory?by=npa&within=NC", "/inventory/import", "/accounts/9500001/switch-off"} {
			a := v.get(p)
			t.Log(who, p, a.status, a.text("h1"), a.url)
			if a.status >= 500 {
				t.Error(a.body)
			}
		}
	}
	v := s.as("acme-member")
	a := v.post("/reservations", url.Values{"tn": {"9195552042"}, "back": {"/search?contains=42&seed=1"}})
	t.Log(a.status, a.url, a.text(".toast"))
	v.HX = true
	a = v.post("/reservations", url.Values{"tn": {"9195552043"}, "back": {"/search?contains=42&seed=1"}})
	t.Log(a.status, a.url, a.text(".toast"), len(a.body))
	if a.status != http.StatusOK {
		t.Error(a.body)
	}
}
