package web_test

import (
	"strings"
	"testing"
	"time"

	"tnreserve/store/tel"
)

// A TN that was dropped from a reservation tells who dropped it, whatever becomes of the
// rest and by whom.
func TestDroppedByWhom(t *testing.T) {
	s := open(t)
	for _, end := range []string{"cancelled", "ordered", "still held"} {
		r := s.reserved("acme-member", 3)
		for i, who := range []string{"acme-member", "acme-admin"} {
			s.Clock.Add(time.Minute)
			if _, err := s.Drop(ctx, s.actor(who), r.ID, r.TNs[i].TN); err != nil {
				t.Fatal(err)
			}
		}
		s.Clock.Add(time.Minute)
		var err error
		switch end {
		case "cancelled":
			_, err = s.Cancel(ctx, s.actor("acme-admin"), r.ID, "a reason of its own")
		case "ordered":
			_, err = s.PlaceOrder(ctx, s.actor("acme-admin"), tel.OrderRequest{Account: r.Account, Kind: tel.OrderKindExisting, TNs: []tel.Number{r.TNs[2].TN}, ReservationIDs: []string{r.ID}})
		}
		if err != nil {
			t.Fatal(err)
		}
		a := s.as("acme-admin").want(200, "/lookup?q="+r.TNs[0].TN.Digits())
		a.says("#history", "Dropped")
		if got := a.text("#history"); !strings.Contains(got, email("acme-member")) || strings.Contains(got, email("acme-admin")) || strings.Contains(got, "a reason of its own") || strings.Contains(got, "Cancelled") {
			t.Errorf("%s: %s", end, got)
		}
	}
}

// Only an answer follows what happens: what was not found, or not asked, is all the same
// afterwards.
func TestLookUpsThatFollow(t *testing.T) {
	s := open(t)
	r := s.reserved("acme-admin", 1)
	for path, follows := range map[string]bool{"/lookup": false, "/lookup?q=nothing": false, "/lookup?q=" + r.ID: true, "/lookup?q=ref+of": true, "/lookup?q=9195550000": true} {
		if got := s.as("acme-admin").get(path).doc().Find("#answer[hx-get]").Length() > 0; got != follows {
			t.Errorf("%s follows: %v", path, got)
		}
	}
	if s.as("acme-member").want(200, "/lookup?q=9195550000").doc().Find("#answer[hx-get]").Length() > 0 {
		t.Error("a hint follows something")
	}
}

// What customers call their things is found even where it looks like an id or a TN.
func TestLookUpWhatLooksLikeSomethingElse(t *testing.T) {
	s := open(t)
	v, member, other := s.as("acme-admin"), s.as("acme-member"), s.as("globex-admin")
	for _, name := range []string{"6f1c2a9e-0000-4000-8000-000000000001", "6F1C2A9E000040008000000000000002", "2026000123", "12026000123"} {
		req := tel.ReserveRequest{Account: people["acme-admin"].Account, TNs: []tel.Number{s.free()}, AllOrNothing: true, CustomerReference: name}
		r := s.reserve("acme-admin", req)
		if got := v.want(200, "/lookup?q="+name).attr("#called a", "href"); got != "/reservations/"+r.ID {
			t.Errorf("%s leads to %q", name, got)
		}
		if strings.Contains(other.get("/lookup?q="+name).body, r.ID) || strings.Contains(member.get("/lookup?q="+name).body, r.ID) {
			t.Errorf("%s: another account's, or found by a member", name)
		}
	}
	v.want(404, "/lookup?q=6f1c2a9e-0000-4000-8000-000000000003").says(".fault", "no such reservation")
	member.want(404, "/lookup?q=6f1c2a9e-0000-4000-8000-000000000001")
}
