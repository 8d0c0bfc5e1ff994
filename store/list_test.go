package store_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// Every page is read where it begins: nothing is sorted, and of two bounds of a time
// the search is by the higher.
func TestListPagesAreSearched(t *testing.T) {
	s := storetest.Open(t)
	if plan := must[string](t)(s.ListPlan(admin, store.ListQuery{Account: acme})); plan == "" {
		return // PostgreSQL plans by what the tables hold
	}
	deep := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.7", s.Now().Add(time.Hour).UnixMicro()))
	byEnd, byMaking := "reservation_outstanding (account_id=? AND expires_at>?", "reservation_outstanding_new (account_id=?"
	ofAllByEnd, ofAllByMaking := "SEARCH r USING INDEX reservation_due (expires_at>?", "r USING INDEX reservation_oldest"
	for _, c := range []struct {
		q    store.ListQuery
		want string
	}{
		{store.ListQuery{Account: acme, Sort: store.SortExpires}, byEnd + ")"},
		{store.ListQuery{Account: acme, Sort: store.SortExpires, Cursor: deep}, byEnd + ")"},
		{store.ListQuery{Account: acme, Sort: store.SortExpiresRev}, byEnd + ")"},
		{store.ListQuery{Account: acme, Sort: store.SortExpiresRev, Cursor: deep}, byEnd + " AND expires_at<?)"},
		{store.ListQuery{Account: acme, Sort: store.SortCreated}, byMaking + ")"},
		{store.ListQuery{Account: acme, Sort: store.SortCreated, Cursor: deep}, byMaking + " AND seq>?)"},
		{store.ListQuery{Account: acme, Sort: store.SortCreatedRev}, byMaking + ")"},
		{store.ListQuery{Account: acme, Sort: store.SortCreatedRev, Cursor: deep}, byMaking + " AND seq<?)"},
		{store.ListQuery{Sort: store.SortExpires}, ofAllByEnd + ")"},
		{store.ListQuery{Sort: store.SortExpires, Cursor: deep}, ofAllByEnd + ")"},
		{store.ListQuery{Sort: store.SortExpiresRev}, ofAllByEnd + ")"},
		{store.ListQuery{Sort: store.SortExpiresRev, Cursor: deep}, ofAllByEnd + " AND expires_at<?)"},
		{store.ListQuery{Sort: store.SortCreated}, ofAllByMaking},
		{store.ListQuery{Sort: store.SortCreated, Cursor: deep}, ofAllByMaking + " (seq>?)"},
		{store.ListQuery{Sort: store.SortCreatedRev}, ofAllByMaking},
		{store.ListQuery{Sort: store.SortCreatedRev, Cursor: deep}, ofAllByMaking + " (seq<?)"},
	} {
		who := admin
		if c.q.Account == 0 {
			who = operator
		}
		plan := must[string](t)(s.ListPlan(who, c.q))
		if !strings.Contains(plan, c.want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v:\n%s", c.q, plan)
		}
	}
}

// What narrows a list most is what it is searched by: a text or who made them, and not
// the account.
func TestNarrowListsAreSearched(t *testing.T) {
	s := storetest.Open(t)
	for _, c := range []struct {
		q          store.ListQuery
		want, less string
	}{
		{store.ListQuery{Text: "9195552000"}, "INTEGER PRIMARY KEY (rowid=?)", "(account_id=?"},
		{store.ListQuery{Text: "9195552000", Ended: true}, "INTEGER PRIMARY KEY (rowid=?)", "(account_id=?"},
		{store.ListQuery{Text: "PO-1"}, "reservation_reference (customer_reference>? AND customer_reference<?)", "(account_id=?"},
		{store.ListQuery{Text: "PO-1", Ended: true}, "reservation_reference (customer_reference>? AND customer_reference<?)", "(account_id=?"},
		{store.ListQuery{Mine: true}, "reservation_maker (created_by=?", "(account_id=?"},
		{store.ListQuery{Mine: true, Sort: store.SortCreatedRev}, "reservation_maker (created_by=?", "(account_id=?"},
		{store.ListQuery{Ended: true}, "reservation_ended (account_id=? AND ended_at>?)", "SCAN r"},
	} {
		c.q.Account = acme
		plan := must[string](t)(s.ListPlan(admin, c.q))
		if plan != "" && (!strings.Contains(plan, c.want) || strings.Contains(plan, c.less)) {
			t.Errorf("%+v:\n%s", c.q, plan)
		}
	}
	for _, q := range []store.TNQuery{{Account: acme, Status: tel.TNInService, X: -1}, {Account: acme, Status: tel.TNAging, X: -1, From: raleigh(7)}} {
		plan := must[string](t)(s.ServicePlan(admin, q))
		if plan != "" && (!strings.Contains(plan, "tn_state_account (account_id=? AND state=?") || strings.Contains(plan, "TEMP B-TREE")) {
			t.Errorf("%+v:\n%s", q, plan)
		}
	}
}

// 1,200 reservations, every order and page size; nothing that stays is missed, and
// nothing comes twice, while others come and go between the pages.
func TestListPages(t *testing.T) {
	s := storetest.Open(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	steady := map[string]*tel.Reservation{}
	var order []*tel.Reservation
	var mu sync.Mutex
	for round := range 12 {
		parallel(100, func(j int) {
			i := 100*round + j
			req := ask(acme, raleigh(i))
			req.For = time.Hour + time.Duration(i*7919%400)*time.Second // many run out at once
			got, err := s.Reserve(ctx, admin, req)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			steady[got.Reservation.ID] = got.Reservation
			order = append(order, got.Reservation)
		})
		s.Clock.Add(time.Millisecond)
	}
	next := 1200
	var transient []string
	churn := func() { // one comes, one goes
		transient = append(transient, reserve(t, s, admin, raleigh(next%2000)).ID)
		if next++; len(transient) > 3 {
			must[*tel.Reservation](t)(s.Cancel(ctx, admin, transient[0], ""))
			transient = transient[1:]
		}
	}
	key := map[store.Sort]func(a, b *tel.Reservation) int{
		store.SortExpires:    func(a, b *tel.Reservation) int { return a.ExpiresAt.Compare(b.ExpiresAt) },
		store.SortExpiresRev: func(a, b *tel.Reservation) int { return b.ExpiresAt.Compare(a.ExpiresAt) },
		store.SortCreated:    func(a, b *tel.Reservation) int { return int(a.Seq - b.Seq) },
		store.SortCreatedRev: func(a, b *tel.Reservation) int { return int(b.Seq - a.Seq) },
	}
	walk := func(q store.ListQuery, want int, cmp func(a, b *tel.Reservation) int, between func()) {
		t.Helper()
		got := map[string]bool{}
		var last *tel.Reservation
		for page := 0; ; page++ {
			list := must[store.Listed](t)(s.List(ctx, admin, q))
			if len(list.Rows) > q.Limit || list.Next != "" && len(list.Rows) < q.Limit {
				t.Fatalf("a page of %d", len(list.Rows))
			}
			for _, r := range list.Rows {
				if got[r.ID] {
					t.Fatalf("%+v: twice", q)
				}
				if last != nil && cmp(last, r) > 0 {
					t.Fatalf("%+v: not in order", q)
				}
				if r.AccountName != "Acme Tel" || len(r.TNs) != 1 || r.TNs[0].Place.City != "Raleigh" {
					t.Fatalf("%+v", r)
				}
				got[r.ID], last = true, r
			}
			if q.Cursor = list.Next; q.Cursor == "" {
				break
			}
			if between != nil && page%10 == 0 {
				between()
			}
		}
		n := 0
		for id := range steady {
			if got[id] {
				n++
			}
		}
		if n != want {
			t.Fatalf("%+v: %d of %d", q, n, want)
		}
	}
	for by, cmp := range key {
		limits := []int{50}
		if by == store.SortExpires || by == store.SortCreatedRev { // a leading column with equals, and without
			limits = append(limits, 7)
		}
		for _, limit := range limits {
			walk(store.ListQuery{Sort: by, Limit: limit}, 1200, cmp, churn)
		}
	}
	walk(store.ListQuery{Sort: store.SortExpires, Limit: 1}, 1200, key[store.SortExpires], nil)
	for _, id := range transient {
		must[*tel.Reservation](t)(s.Cancel(ctx, admin, id, ""))
	}

	// Half run out; the sweeper writes them down between the pages, and some are swept before.
	s.Clock.Add(time.Hour + 200*time.Second)
	over := 0
	for _, r := range order {
		if r.StateAt(s.Now()) == tel.StateExpired {
			over++
		}
	}
	end := func(r *tel.Reservation) time.Time {
		if r.EndedAt.IsZero() {
			return r.ExpiresAt
		}
		return r.EndedAt
	}
	latest := func(a, b *tel.Reservation) int { return end(b).Compare(end(a)) }
	for _, limit := range []int{7, 50} {
		walk(store.ListQuery{Ended: true, Limit: limit}, over, latest, nil)
	}
	walk(store.ListQuery{Ended: true, Limit: 7}, over, latest, func() { must[store.Swept](t)(s.Sweep(ctx)) })
	walk(store.ListQuery{Limit: 50}, 1200-over, key[store.SortExpires], nil)

	n := 0
	if err := s.Each(ctx, operator, store.ListQuery{}, func(*tel.Reservation) error { n++; return nil }); err != nil || n != 1200-over {
		t.Error(n, err)
	}
	stop := fmt.Errorf("enough")
	if err := s.Each(ctx, operator, store.ListQuery{}, func(*tel.Reservation) error { return stop }); err != stop {
		t.Error(err)
	}
	checked(t, s.Store)
}

func TestListCursorAndSort(t *testing.T) {
	s := storetest.Open(t)
	raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, cursor := range []string{"x", "!!!", "%00", raw("1"), raw("1."), raw(".1"), raw("a.b"), raw("1.2.3"), raw("99999999999999999999.1"), raw("1.1' OR 1=1"), raw("1.2") + "="} {
		for _, ended := range []bool{false, true} {
			if e := code(t, second(s.List(ctx, admin, store.ListQuery{Cursor: cursor, Ended: ended})), tel.CodeInvalid); e.Field != "cursor" {
				t.Errorf("%q: %+v", cursor, e)
			}
		}
	}
	for _, by := range []store.Sort{"x", "r.seq", "expires; DROP TABLE hold", "-ended"} {
		code(t, second(s.List(ctx, admin, store.ListQuery{Sort: by})), tel.CodeInvalid)
	}
}

func TestListText(t *testing.T) {
	s := storetest.Open(t)
	refs := []string{"PO-100%", "PO-100_", "PO-1000", "O'Brien", `say "hi"`, "2026-ORDER-1", `back\slash`, "Ünïcode"}
	ids := map[string]string{}
	for i, r := range refs {
		req := ask(acme, raleigh(2*i), raleigh(2*i+1))
		req.CustomerReference = r
		ids[r] = must[tel.Reserved](t)(s.Reserve(ctx, admin, req)).Reservation.ID
	}
	find := func(text string, ended bool) (got []string) {
		t.Helper()
		for _, r := range must[store.Listed](t)(s.List(ctx, admin, store.ListQuery{Text: text, Ended: ended, Sort: store.SortCreated, Limit: 99})).Rows {
			got = append(got, r.ID)
		}
		return got
	}
	for _, r := range refs {
		same(t, r, find(r, false), []string{ids[r]})
	}
	same(t, "prefix", find("PO-100", false), []string{ids["PO-100%"], ids["PO-100_"], ids["PO-1000"]})
	same(t, "spaces", find("  O'B ", false), []string{ids["O'Brien"]})
	for _, none := range []string{"%", "_", "O-1", "po-100", "'; DROP TABLE hold; --", "9195559999", "7f6d2f6a-4a8e-4f3c-9a43-0c9a2b1d1f00"} {
		same(t, none, find(none, false), []string(nil))
	}
	code(t, second(s.List(ctx, admin, store.ListQuery{Text: "a\x00b"})), tel.CodeInvalid)
	for _, tn := range []string{raleigh(3).String(), raleigh(3).E164(), raleigh(3).Digits()} {
		same(t, tn, find(tn, false), []string{ids["PO-100_"]})
	}
	same(t, "id", find(ids["O'Brien"], false), []string{ids["O'Brien"]})
	must[*tel.Reservation](t)(s.Drop(ctx, admin, ids["PO-1000"], raleigh(4)))
	same(t, "a TN that was dropped", find(raleigh(4).Digits(), false), []string{ids["PO-1000"]})
	if r := must[store.Listed](t)(s.List(ctx, admin, store.ListQuery{Text: ids["PO-1000"]})).Rows[0]; r.TNs[0].TN != raleigh(5) || r.TNCount != 1 {
		t.Errorf("the first TN is one that is not held: %+v", r)
	}
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, ids["PO-1000"], ""))
	same(t, "ended", find("PO-1000", true), []string{ids["PO-1000"]})
}

func TestMine(t *testing.T) {
	s := storetest.Open(t)
	other := member
	other.ID = "another member"
	a, b := reserve(t, s, member, raleigh(0)), reserve(t, s, other, raleigh(1))
	list := func(who tel.Actor, mine bool) (ids []string) {
		for _, r := range must[store.Listed](t)(s.List(ctx, who, store.ListQuery{Mine: mine, Sort: store.SortCreated, Limit: 9})).Rows {
			ids = append(ids, r.ID)
		}
		return ids
	}
	same(t, "mine", list(member, true), []string{a.ID})
	same(t, "others'", list(other, true), []string{b.ID})
	same(t, "admin", list(admin, false), []string{a.ID, b.ID})
	same(t, "admin's own", list(admin, true), []string(nil))
	code(t, second(s.List(ctx, member, store.ListQuery{})), tel.CodeForbidden)
	code(t, second(s.List(ctx, storetest.Actor(tel.RoleSupport, acme), store.ListQuery{Mine: true})), tel.CodeForbidden)
	must[*tel.Reservation](t)(s.Reservation(ctx, other, a.ID)) // by its id, any of the account
	elsewhere := member
	elsewhere.Account = globex // the same person, acting for another account
	same(t, "elsewhere", list(elsewhere, true), []string(nil))
	rows := must[map[tel.Number]store.RowState](t)(s.RowStates(ctx, other, raleighs(0, 2)))
	if rows[raleigh(0)].Mine != nil || rows[raleigh(1)].Mine == nil {
		t.Errorf("%+v", rows)
	}
}

// A list does not stumble over what ends between its statements.
func TestListWhileEnding(t *testing.T) {
	s := storetest.Open(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 120 {
			r, err := s.Reserve(ctx, admin, ask(acme, raleigh(i), raleigh(i+1000)))
			if err == nil {
				_, err = s.Cancel(ctx, admin, r.Reservation.ID, "")
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		for _, ended := range []bool{false, true} {
			for _, r := range must[store.Listed](t)(s.List(ctx, admin, store.ListQuery{Ended: ended, Limit: 20})).Rows {
				if r.TNs[0].TN == 0 {
					t.Fatalf("no TN: %+v", r)
				}
			}
		}
	}
}
