package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// kinds are what a page of the audit trail tells, the latest first.
func kinds(page store.Audited) (list []tel.EventKind) {
	for _, e := range page.Rows {
		list = append(list, e.Kind)
	}
	return list
}

func TestAuditByThing(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0), raleigh(1))
	must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, raleigh(1)))
	req := orderOf(acme, raleigh(0))
	req.ReservationIDs = []string{r.ID}
	o := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req))
	theirs := reserve(t, s, rival, raleigh(1))
	support, all := storetest.Actor(tel.RoleSupport, acme), storetest.Actor(tel.RoleSupport, 0)

	held := []tel.EventKind{tel.EventOrdered, tel.EventDropped, tel.EventReserved}
	ordered := []tel.EventKind{tel.EventOrderCompleted, tel.EventInService, tel.EventOrdered, tel.EventOrderPlaced}
	first := []tel.EventKind{tel.EventOrderCompleted, tel.EventInService, tel.EventOrdered, tel.EventOrderPlaced, tel.EventReserved}
	for _, c := range []struct {
		actor tel.Actor
		about string
		want  []tel.EventKind
	}{
		{operator, r.ID, held}, {admin, r.ID, held}, {support, r.ID, held}, {all, r.ID, held}, {rival, r.ID, nil},
		{admin, o.ID, ordered}, {support, o.ID, ordered}, {rival, o.ID, nil},
		{admin, raleigh(0).String(), first}, {rival, raleigh(0).E164(), nil},
		{admin, raleigh(1).Digits(), []tel.EventKind{tel.EventDropped, tel.EventReserved}}, // not what Globex does with it
		{rival, raleigh(1).Digits(), []tel.EventKind{tel.EventReserved}}, {admin, theirs.ID, nil}, {support, theirs.ID, nil},
		{operator, "11111111-2222-4333-8444-555555555555", nil},
	} {
		page := must[store.Audited](t)(s.Audit(ctx, c.actor, store.AuditQuery{About: c.about, Limit: 50}))
		same(t, c.actor.Name+" about "+c.about, kinds(page), c.want)
		for _, e := range page.Rows {
			if !c.actor.Sees(e.Account) || e.AccountName == "" || e.Hash == [32]byte{} || e.Reservation != 0 && e.ReservationID == "" || e.Order != 0 && e.OrderID != o.ID {
				t.Errorf("%s about %s: %+v", c.actor.Name, c.about, e)
			}
		}
	}
	// what support of the platform read is itself an event, once
	same(t, "who looked", kinds(must[store.Audited](t)(s.Audit(ctx, admin, store.AuditQuery{Kind: "desk", Limit: 9}))), []tel.EventKind{tel.EventLookedUp})
	checked(t, s.Store)
}

func TestAuditRights(t *testing.T) {
	s := storetest.Open(t)
	support := storetest.Actor(tel.RoleSupport, acme)
	for _, c := range []struct {
		actor tel.Actor
		q     store.AuditQuery
		want  tel.Code
	}{
		{operator, store.AuditQuery{}, ""}, {admin, store.AuditQuery{}, ""}, {admin, store.AuditQuery{Account: globex}, tel.CodeNotFound}, {member, store.AuditQuery{}, tel.CodeForbidden},
		{member, store.AuditQuery{About: raleigh(0).Digits()}, tel.CodeForbidden}, {support, store.AuditQuery{}, tel.CodeInvalid}, {support, store.AuditQuery{About: " ", Kind: "person"}, tel.CodeInvalid},
		{support, store.AuditQuery{Account: globex, About: raleigh(0).Digits()}, tel.CodeNotFound}, {storetest.Actor(tel.RoleSupport, 0), store.AuditQuery{}, tel.CodeInvalid},
		{admin, store.AuditQuery{Kind: "none"}, tel.CodeInvalid}, {admin, store.AuditQuery{Kind: "order."}, tel.CodeInvalid}, {admin, store.AuditQuery{About: "2026-ORDER-1"}, tel.CodeInvalid},
		{admin, store.AuditQuery{Cursor: "x"}, tel.CodeInvalid}, {admin, store.AuditQuery{Actor: "a\nb"}, tel.CodeInvalid},
	} {
		if got := tel.CodeOf(second(s.Audit(ctx, c.actor, c.q))); got != c.want {
			t.Errorf("%s %+v: %q, want %q", c.actor.Name, c.q, got, c.want)
		}
	}
	code(t, s.EachAudit(ctx, support, store.AuditQuery{About: raleigh(0).Digits()}, nil), tel.CodeForbidden)
	// support reads nothing of people, whatever it names
	p := must[*tel.Person](t)(s.CreatePerson(ctx, operator, store.NewPerson{Email: "eve@example.com", Role: tel.RoleMember, Account: acme}))
	same(t, "an admin reads of people", kinds(must[store.Audited](t)(s.Audit(ctx, admin, store.AuditQuery{About: p.ID, Limit: 9}))), []tel.EventKind{tel.EventPersonCreated})
	same(t, "support does not", kinds(must[store.Audited](t)(s.Audit(ctx, support, store.AuditQuery{About: p.ID, Limit: 9}))), []tel.EventKind(nil))
}

func TestAuditPagesAndFilters(t *testing.T) {
	s := storetest.Open(t)
	var want []string
	for i := range 25 {
		s.Clock.Add(time.Hour)
		r := reserve(t, s, admin, raleigh(i))
		want = append([]string{r.ID}, want...)
		reserve(t, s, rival, raleigh(1000+i))
		if i%10 == 0 {
			if err := s.LockSwitch(ctx, operator, acme, i%20 == 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	walk := func(actor tel.Actor, q store.AuditQuery) (ids []string) {
		t.Helper()
		for {
			page := must[store.Audited](t)(s.Audit(ctx, actor, q))
			for _, e := range page.Rows {
				ids = append(ids, e.ReservationID)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return ids
			}
		}
	}
	for _, limit := range []int{1, 7, 25, 1000} {
		same(t, "an account's reservations", walk(admin, store.AuditQuery{Kind: "reservation", Limit: limit}), want)
		same(t, "the operator's of it", walk(operator, store.AuditQuery{Kind: "reservation.created", Account: acme, Limit: limit}), want)
		same(t, "by who", walk(operator, store.AuditQuery{Actor: "ADMIN-9500001@example.com", Limit: limit}), want)
	}
	from := storetest.Start.Add(10 * time.Hour)
	same(t, "a time", walk(admin, store.AuditQuery{Kind: "reservation", From: from, To: from.Add(3 * time.Hour), Limit: 2}), want[25-12:25-9])
	same(t, "no time", walk(admin, store.AuditQuery{From: from.Add(100 * time.Hour), Limit: 2}), []string(nil))
	if n := len(walk(admin, store.AuditQuery{Kind: "account", Limit: 2})); n != 4 { // made, and locked or unlocked three times
		t.Errorf("%d events of the account, want 4", n)
	}
	n := 0
	if err := s.EachAudit(ctx, operator, store.AuditQuery{}, func(store.AuditEntry) error { n++; return nil }); err != nil || n != count(t, file(t, s.Path), `SELECT COUNT(*) FROM event`) {
		t.Errorf("exported %d: %v", n, err)
	}
}

// TestAuditLooksOnlySoFar: a filter that nothing fits does not read the whole history for
// one page, and says how far it looked.
func TestAuditLooksOnlySoFar(t *testing.T) {
	s := storetest.Open(t)
	db := file(t, s.Path)
	run(t, db, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000)
		INSERT INTO event (seq, at, kind, account_id, reservation, actor_kind, actor_id, actor_name, actor_role, door, addr, facts, hash, order_seq)
		SELECT 1000 + i, 1800000000000000 + i, 'order.noted', 9500001, 0, 'person', 'a', 'ada', 'admin', 'test', '', '{}', (SELECT hash FROM event WHERE seq = 1), 1 FROM n`)
	pages := 0
	for cursor := ""; ; pages++ {
		page := must[store.Audited](t)(s.Audit(ctx, operator, store.AuditQuery{Actor: "nobody", Limit: 5, Cursor: cursor}))
		if len(page.Rows) != 0 || (page.Next != "") == page.Reached.IsZero() {
			t.Fatalf("%+v", page)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if pages != 2 {
		t.Errorf("%d pages before the last, want 2", pages)
	}
}

// TestFamilies: every kind of event can be asked for.
func TestFamilies(t *testing.T) {
	files, err := filepath.Glob("tel/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		source := must[[]byte](t)(os.ReadFile(file))
		for _, m := range regexp.MustCompile(`EventKind\s+= "(\w+)\.`).FindAllSubmatch(source, -1) {
			found++
			if !slices.Contains(store.Families(), string(m[1])) {
				t.Errorf("%s: %s is no family", file, m[1])
			}
		}
	}
	if found < 60 {
		t.Errorf("%d kinds found", found)
	}
	s := storetest.Open(t)
	linkTo(t, s, admin, reserve(t, s, admin, raleigh(0)))
	for _, family := range store.Families() {
		must[store.Audited](t)(s.Audit(ctx, operator, store.AuditQuery{Kind: family, Limit: 9}))
	}
	same(t, "purchases", kinds(must[store.Audited](t)(s.Audit(ctx, admin, store.AuditQuery{Kind: "purchase", Limit: 9}))), []tel.EventKind{tel.EventLinkMade})
}
