package store_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// history makes a store with some of everything.
func history(t *testing.T) *storetest.Store {
	s := storetest.OpenFile(t)
	a := reserve(t, s, admin, raleighs(0, 3)...)
	must[*tel.Reservation](t)(s.Extend(ctx, admin, a.ID))
	must[*tel.Reservation](t)(s.Drop(ctx, admin, a.ID, raleigh(1)))
	b := reserve(t, s, rival, raleighs(10, 2)...)
	must[*tel.Reservation](t)(s.Cancel(ctx, rival, b.ID, "x"))
	reserve(t, s, rival, raleighs(20, 2)...)
	if err := s.Disable(ctx, operator, raleigh(30)); err != nil {
		t.Fatal(err)
	}
	s.Clock.Add(5 * time.Hour)
	c := reserve(t, s, admin, raleighs(40, 3)...)
	req := orderOf(acme, raleighs(40, 2)...)
	req.ReservationIDs = []string{c.ID}
	must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req)) // one is left
	order(t, s, rival, raleighs(50, 2)...)
	disconnect(t, s, rival, raleigh(51))
	must[*tel.Order](t)(s.PlaceOrder(ctx, rival, orderOf(globex, raleigh(0)))) // fails
	wait := waitFor(globex, 3000)
	wait.PartialAllowed = false // takes nothing until it can have all
	must[*tel.Order](t)(s.PlaceOrder(ctx, rival, wait))
	endpoint(t, s, acme, tel.WebhookReservationCreated, tel.WebhookReservationExtended)
	must[*tel.Subscription](t)(s.Subscribe(ctx, admin, tel.Subscription{Account: acme, OrderType: "orders", URL: hook}))
	for _, on := range []bool{false, true} {
		must[int](t)(s.SwitchReservations(ctx, operator, acme, on, store.LiveKeep))
	}
	if err := s.LockSwitch(ctx, operator, acme, true); err != nil {
		t.Fatal(err)
	}
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 900 })
	if err := s.SetAging(ctx, operator, acme, 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	limits := tel.DefaultLimits()
	limits.MaxHeld--
	if err := s.SetLimits(ctx, operator, acme, limits); err != nil {
		t.Fatal(err)
	}
	if err := s.SetExpiringNotice(ctx, admin, acme, 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	d := reserve(t, s, admin, raleigh(60))
	must[*tel.Reservation](t)(s.Extend(ctx, admin, d.ID))
	reserve(t, s, member, raleigh(20)) // ends the rival's
	checked(t, s.Store)
	return s
}

func TestEventsAreNeverChanged(t *testing.T) {
	s := history(t)
	db := file(t, s.Path)
	for _, q := range []string{`UPDATE event SET facts = '{}' WHERE seq = 3`, `UPDATE event SET at = at + 1`, `DELETE FROM event WHERE seq = 3`, `DELETE FROM event`, `REPLACE INTO event SELECT * FROM event WHERE seq = 3`} {
		if _, err := db.Exec(`PRAGMA recursive_triggers = ON`); err != nil { // without it, REPLACE fires no delete trigger: Check finds that
			t.Fatal(err)
		}
		if _, err := db.Exec(q); err == nil || !strings.Contains(err.Error(), "events are never") {
			t.Errorf("%s: %v", q, err)
		}
	}
	checked(t, s.Store)
}

// Somebody with the file in hand, and without the triggers.
func TestTampering(t *testing.T) {
	made := history(t)
	whole := filepath.Join(t.TempDir(), "whole.db")
	if err := made.Backup(ctx, whole); err != nil {
		t.Fatal(err)
	}
	bytes, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	const holdOf = `(SELECT seq FROM reservation WHERE ended_at IS NULL ORDER BY seq LIMIT 1)`
	for name, c := range map[string]struct{ names, sql string }{
		"change a fact":         {"event 6 ", `UPDATE event SET facts = replace(facts, '1919', '1918') WHERE seq = 6`},
		"change who":            {"event 6 ", `UPDATE event SET actor_name = 'eve' WHERE seq = 6`},
		"change when":           {"event 7 ", `UPDATE event SET at = at + 1 WHERE seq = 7`},
		"change the last":       {"was changed", `UPDATE event SET actor_name = 'eve' WHERE seq = (SELECT MAX(seq) FROM event)`},
		"unreadable":            {"cannot be read", `UPDATE event SET facts = 'x' WHERE seq = 7`},
		"hash":                  {"event 7 ", `UPDATE event SET hash = randomblob(32) WHERE seq = 7`},
		"delete in the middle":  {"events 7 to 7 are missing", `DELETE FROM event WHERE seq = 7`},
		"delete the first":      {"events 1 to 2 are missing", `DELETE FROM event WHERE seq < 3`},
		"delete and renumber":   {"event 7 ", `DELETE FROM event WHERE seq = 7; UPDATE event SET seq = seq - 1 WHERE seq > 7`},
		"swap":                  {"event 6 ", `UPDATE event SET seq = -1 WHERE seq = 6; UPDATE event SET seq = 6 WHERE seq = 7; UPDATE event SET seq = 7 WHERE seq = -1`},
		"truncate":              {"not in the history", `DELETE FROM event WHERE seq = (SELECT MAX(seq) FROM event)`},
		"truncate an extension": {"runs to", `DELETE FROM event WHERE seq > (SELECT MIN(seq) FROM event WHERE kind = 'reservation.extended') - 1`},
		"all events":            {"not in the history", `DELETE FROM event`},
		"forge one":             {"event ", `INSERT INTO event SELECT seq + 1, at, 'account.locked', account_id, 0, actor_kind, actor_id, actor_name, actor_role, door, addr, '{}', hash, order_seq FROM event ORDER BY seq DESC LIMIT 1`},
		"give a hold away":      {"the history says", `UPDATE hold SET reservation = (SELECT MIN(seq) FROM reservation) WHERE tn = (SELECT MAX(tn) FROM hold)`},
		"remove a hold":         {"according to the history", `DELETE FROM hold WHERE tn = (SELECT MAX(tn) FROM hold)`},
		"invent a hold":         {"the history says 0", `INSERT INTO hold SELECT 19195552999, ` + holdOf + `; UPDATE reservation SET tn_count = tn_count + 1 WHERE seq = ` + holdOf + `; UPDATE account SET held = held + 1 WHERE id = 9500001`},
		"a held counter":        {"account 9500001 counts", `UPDATE account SET held = held + 1 WHERE id = 9500001`},
		"a working counter":     {"account 9500001 counts", `UPDATE account SET working = working + 1 WHERE id = 9500001`},
		"a TN counter":          {"another number of TNs", `UPDATE reservation SET tn_count = tn_count + 1 WHERE seq = ` + holdOf},
		"a longer hold":         {"runs to", `UPDATE reservation SET expires_at = expires_at + 1 WHERE seq = ` + holdOf},
		"another's reservation": {"belongs to account", `UPDATE reservation SET account_id = 9500002 WHERE seq = ` + holdOf},
		"undo a cancel":         {"the history says cancelled", `UPDATE reservation SET state = 'live', ended_at = NULL WHERE state = 'cancelled'`},
		"an end as another":     {"the history says", `UPDATE reservation SET state = 'ordered' WHERE state = 'cancelled'`},
		"forget a reservation":  {"not in the database", `DELETE FROM past_hold WHERE reservation = (SELECT seq FROM reservation WHERE state = 'cancelled'); DELETE FROM reservation WHERE state = 'cancelled'`},
		"forget its TNs":        {"no TN in the history", `DELETE FROM past_hold WHERE reservation = (SELECT seq FROM reservation WHERE state = 'cancelled')`},
		"held and disabled":     {"held and disabled", `INSERT INTO tn_state (tn, state, since) SELECT MAX(tn), 'disabled', 1 FROM hold`},
		"not in the inventory":  {"not in the inventory", `DELETE FROM block WHERE id = 19195552`},
		"another's TN":          {"the history says \"in service\" with 9500001", `UPDATE tn_state SET account_id = 9500002 WHERE tn = 19195552040`},
		"a TN out of service":   {"in service according to the history", `DELETE FROM tn_state WHERE tn = 19195552040`},
		"a TN into service":     {"no order for it", `INSERT INTO tn_state (tn, state, account_id, since, order_seq) VALUES (19195552600, 'in service', 9500001, 1, 1)`},
		"shorter aging":         {"is aging with account", `UPDATE tn_state SET until = until - 1 WHERE state = 'aging'`},
		"endless aging":         {"without an end", `UPDATE tn_state SET until = NULL WHERE state = 'aging'`},
		"held and in service":   {"held and in service", `INSERT INTO hold SELECT 19195552040, ` + holdOf + `; UPDATE reservation SET tn_count = tn_count + 1 WHERE seq = ` + holdOf},
		"an order's TN":         {"says it has another number of TNs", `DELETE FROM order_tn WHERE tn = 19195552041`},
		"an order's refusal":    {"says nothing of some", `DELETE FROM order_tn WHERE code <> ''`},
		"an order's state":      {"is COMPLETE with", `UPDATE orders SET state = 'COMPLETE', completed = quantity, completed_at = 1 WHERE state = 'FAILED'`},
		"an order's account":    {"for account 9500001", `UPDATE orders SET account_id = 9500001 WHERE state = 'FAILED'`},
		"an order's name":       {"or another name", `UPDATE orders SET customer_order_id = 'X' WHERE state = 'FAILED'`},
		"a closed order":        {"BACKORDERED", `UPDATE orders SET state = 'PARTIAL', completed_at = 1 WHERE state = 'BACKORDERED'`},
		"an order's history":    {"is filed under order", `UPDATE event SET order_seq = 2 WHERE order_seq = 1`},
		"an ordered hold":       {"no order for it", `UPDATE past_hold SET how = 'ordered' WHERE how = 'cancelled'`},
		"an endpoint's URL":     {"is not as the history says", `UPDATE endpoint SET url = 'https://evil.example/' WHERE format = 'json'`},
		"an endpoint's choice":  {"is not as the history says", `UPDATE endpoint SET events = '' WHERE format = 'json'`},
		"an endpoint too many":  {"another number of webhook endpoints", `INSERT INTO endpoint (id, account_id, url, format, events, order_type, order_id, secret, created_at, created_by_name) SELECT 'x', 9500002, url, format, '', '', '', '', 1, '' FROM endpoint WHERE format = 'json'`},
		"an endpoint too few":   {"is in the history, and not in the database", `UPDATE endpoint SET deleted_at = 1 WHERE format = 'json'`},
		"another's delivery":    {"tells another account", `UPDATE endpoint SET account_id = 9500002 WHERE format = 'json'`},
		"a line that stands":    {"waits, and nothing is before it", `UPDATE delivery SET next_at = NULL`},
		"attempts from nowhere": {"attempts", `UPDATE delivery SET attempts = 3`},
		"a subscription's URL":  {"has no endpoint that fits", `UPDATE subscription SET url = 'https://evil.example/'`},
		"a subscription less":   {"of a subscription that does not exist", `DELETE FROM subscription`},
		"the switch":            {"another switch", `UPDATE account SET reservations_on = FALSE WHERE id = 9500001`},
		"the switch's lock":     {"another switch", `UPDATE account SET switch_locked = FALSE WHERE id = 9500001`},
		"a policy":              {"another switch, policy", `UPDATE account SET max_held = max_held + 1 WHERE id = 9500001`},
		"an account's aging":    {"another switch, policy", `UPDATE account SET aging_us = aging_us + 1 WHERE id = 9500001`},
		"limits":                {"another switch, policy", `UPDATE account SET limit_max_held = limit_max_held + 1 WHERE id = 9500001`},
		"an expiring notice":    {"another switch, policy", `UPDATE account SET expiring_us = expiring_us + 1 WHERE id = 9500001`},
		"a first switch":        {"another switch", `UPDATE account SET reservations_on = TRUE WHERE id = 9500003`},
		"a first lock":          {"another switch", `UPDATE account SET switch_locked = TRUE WHERE id = 9500002`},
		"a first aging":         {"another switch, policy", `UPDATE account SET aging_us = aging_us - 1 WHERE id = 9500002`},
		"a first policy":        {"another switch, policy", `UPDATE account SET max_held = max_held + 1 WHERE id = 9500002`},
		"first limits":          {"another switch, policy", `UPDATE account SET limit_max_share = limit_max_share + 1 WHERE id = 9500002`},
		"disabled by hand":      {"shelf", `INSERT INTO tn_state (tn, state, since) VALUES (19195552500, 'disabled', 1)`},
	} {
		t.Run(name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "copy.db")
			if err := os.WriteFile(name, bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			s := storetest.Empty(t, store.Config{DB: name, Now: made.Clock.Now})
			db := file(t, name)
			run(t, db, `DROP TRIGGER event_no_update`, `DROP TRIGGER event_no_delete`, c.sql)
			found := must[[]string](t)(s.Check(ctx))
			for _, f := range found {
				if strings.Contains(f, c.names) {
					return
				}
			}
			t.Errorf("check does not say %q: %q", c.names, found)
		})
	}
}

// What was cut off the end is missed, even if it left no other trace, and stays so when
// the history goes on from there.
func TestCutOffEnd(t *testing.T) {
	s := storetest.OpenFile(t)
	r := reserve(t, s, admin, raleigh(0))
	for range 3 {
		must[*tel.Reservation](t)(s.OpenReservation(ctx, operator, r.ID))
	}
	checked(t, s.Store)
	db := file(t, s.Path)
	run(t, db, `DROP TRIGGER event_no_delete`, `DELETE FROM event WHERE seq > (SELECT MAX(seq) - 2 FROM event)`)
	found := must[[]string](t)(s.Check(ctx))
	if len(found) != 1 || !strings.Contains(found[0], "are missing at the end") {
		t.Errorf("%q", found)
	}
	for range 3 {
		s.Clock.Add(time.Second)
		must[*tel.Reservation](t)(s.OpenReservation(ctx, operator, r.ID))
		if found = must[[]string](t)(s.Check(ctx)); len(found) != 1 || !strings.Contains(found[0], "event") {
			t.Errorf("it went on: %q", found)
		}
	}
	run(t, db, `DELETE FROM event_end`)
	if found = must[[]string](t)(s.Check(ctx)); len(found) != 1 || !strings.Contains(found[0], "not kept") {
		t.Errorf("%q", found)
	}
}

// Twenty copies with one flipped byte each, in what a page holds of its table or
// index (a byte in free space changes nothing). Noticed when it is opened or checked. It
// is in what the history tells whole; that a name, a note or a price is another one
// byte nothing could tell.
func TestDamage(t *testing.T) {
	s := history(t)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	for i := range 80 {
		reserve(t, s, admin, raleighs(100+5*i, 4)...)
	}
	whole := filepath.Join(t.TempDir(), "whole.db")
	if err := s.Backup(ctx, whole); err != nil {
		t.Fatal(err)
	}
	db := file(t, whole)
	var pages []int
	rows, err := db.Query(`SELECT pageno FROM dbstat WHERE name IN ('event', 'hold', 'past_hold', 'hold_reservation', 'reservation_due', 'reservation_outstanding') AND ncell > 0`)
	if err != nil {
		// dbstat is not compiled in: ask for the roots, which stand for their tables
		rows, err = db.Query(`SELECT rootpage FROM sqlite_master WHERE tbl_name IN ('event', 'hold', 'past_hold') AND rootpage > 0`)
	}
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, n)
	}
	rows.Close()
	db.Close()
	bytes, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	size := int(binary.BigEndian.Uint16(bytes[16:]))
	rng := rand.New(rand.NewPCG(7, 7))
	noticed := 0
	for i := range 20 {
		page := pages[rng.IntN(len(pages))] - 1
		header := page * size
		start := int(binary.BigEndian.Uint16(bytes[header+5:])) // where the cells begin
		at := header + start + rng.IntN(size-start)
		damaged := append([]byte(nil), bytes...)
		damaged[at] ^= byte(1 + rng.IntN(255))
		name := filepath.Join(t.TempDir(), ref(i))
		if err := os.WriteFile(name, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if why := notice(name, s); why == "" {
			t.Errorf("copy %d: byte %d of page %d: not noticed", i, at%size, page+1)
		} else {
			noticed++
		}
	}
	t.Logf("%d of 20 noticed, over %d pages", noticed, len(pages))
}

func notice(name string, s *storetest.Store) string {
	copied, err := store.Open(ctx, store.Config{DB: name, Now: s.Clock.Now})
	if err != nil {
		return err.Error()
	}
	defer copied.Close()
	found, err := copied.Check(ctx)
	if err != nil {
		return err.Error()
	}
	return strings.Join(found, "; ")
}
