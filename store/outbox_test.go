package store_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

var sender = tel.System("webhooks")

func due(t testing.TB, s *storetest.Store, endpoint string) []*tel.Delivery {
	t.Helper()
	return must[[]*tel.Delivery](t)(s.DeliveriesDue(ctx, sender, endpoint, 100))
}

// attempt sends a delivery, as far as the store knows: with an answer's status.
func attempt(t testing.TB, s *storetest.Store, d *tel.Delivery, status int) *store.Sending {
	t.Helper()
	sending := must[*store.Sending](t)(s.StartAttempt(ctx, sender, d.ID, "body of "+d.ID))
	if sending == nil {
		t.Fatalf("%s (%s) is not due", d.ID, d.Event)
	}
	finish(t, s, sending, status)
	return sending
}

func finish(t testing.TB, s *storetest.Store, sending *store.Sending, status int) {
	t.Helper()
	r := tel.AttemptResult{Attempt: tel.Attempt{Number: sending.Attempts, At: sending.At, URL: sending.URL, Status: status}, Gone: status == 410}
	if status != 200 {
		r.Error = "It failed."
	}
	if err := s.FinishAttempt(ctx, sender, sending.ID, r, 0.5); err != nil {
		t.Fatal(err)
	}
}

// Every way a reservation and an order can go is told, each time what is so then.
func TestOutbox(t *testing.T) {
	s := storetest.Open(t)
	all, few := endpoint(t, s, acme), endpoint(t, s, acme, tel.WebhookReservationCancelled, tel.WebhookOrderFailed)
	other := endpoint(t, s, globex)
	r := reserve(t, s, admin, raleighs(0, 5)...)
	s.Clock.Add(time.Hour)
	must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
	must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, raleigh(4)))
	req := orderOf(acme, raleigh(0))
	req.ReservationIDs = []string{r.ID}
	part := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req))
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, "changed my mind"))
	lapsed := reserve(t, s, admin, raleigh(10))
	whole := reserve(t, s, admin, raleigh(11))
	req.TNs, req.ReservationIDs = []tel.Number{raleigh(11)}, []string{whole.ID}
	must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req))
	req.TNs, req.ReservationIDs = []tel.Number{tel.NewNumber(212, 555, 4000), raleigh(11)}, nil
	must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req)) // one of two
	must[*tel.Order](t)(s.PlaceOrder(ctx, admin, orderOf(acme, raleigh(11))))
	disconnect(t, s, admin, raleigh(11))
	reserve(t, s, rival, raleigh(20))
	s.Clock.Add(5 * time.Hour)
	if _, err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	list := deliveries(t, s, all.ID)
	same(t, "told of everything", told(list), []tel.WebhookEvent{
		tel.WebhookReservationCreated, tel.WebhookReservationExtended, tel.WebhookReservationCancelled, tel.WebhookReservationOrdered, tel.WebhookOrderComplete, tel.WebhookReservationCancelled,
		tel.WebhookReservationCreated, tel.WebhookReservationCreated, tel.WebhookReservationOrdered, tel.WebhookOrderComplete, tel.WebhookOrderComplete, tel.WebhookOrderFailed,
		tel.WebhookReservationExpired,
	})
	same(t, "told of what was chosen", told(deliveries(t, s, few.ID)), []tel.WebhookEvent{tel.WebhookReservationCancelled, tel.WebhookReservationCancelled, tel.WebhookOrderFailed})
	same(t, "told of the own account's", told(deliveries(t, s, other.ID)), []tel.WebhookEvent{tel.WebhookReservationCreated, tel.WebhookReservationExpired})
	if list[0].ReservationID != r.ID || list[4].OrderID != part.ID || list[12].ReservationID != lapsed.ID || list[4].ReservationID != "" {
		t.Errorf("%+v", list[0])
	}

	then := func(i int) *store.Told { return must[*store.Told](t)(s.Told(ctx, sender, list[i])) }
	for i, want := range []struct {
		state   tel.State
		held    []tel.Number
		expires time.Time
	}{
		{tel.StateLive, raleighs(0, 5), storetest.Start.Add(4 * time.Hour)},
		{tel.StateLive, raleighs(0, 5), storetest.Start.Add(8 * time.Hour)},
		{tel.StateLive, raleighs(0, 4), storetest.Start.Add(8 * time.Hour)},
		{tel.StateLive, raleighs(1, 3), storetest.Start.Add(8 * time.Hour)},
		{},
		{tel.StateCancelled, nil, storetest.Start.Add(8 * time.Hour)},
	} {
		if got := then(i).Reservation; i != 4 && (got.State != want.state || !slices.Equal(got.HeldTNs(), want.held) || !got.ExpiresAt.Equal(want.expires) || len(got.TNs) != 5) {
			t.Errorf("%d, %s: %+v", i, list[i].Event, got)
		}
	}
	// At the end of its history a reservation is what it is.
	got, is := then(5).Reservation, must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID))
	is.AccountName, is.TNCount = "", 0
	same(t, "replayed", got, is)
	for i, want := range map[int]tel.OrderState{4: tel.OrderComplete, 9: tel.OrderComplete, 10: tel.OrderPartial, 11: tel.OrderFailed} {
		o := then(i).Order
		is := must[*tel.Order](t)(s.Order(ctx, admin, o.ID))
		is.AccountName = ""
		if o.State != want || !cmp.Equal(o, is) {
			t.Errorf("order %d: %s", i, cmp.Diff(is, o))
		}
	}
	checked(t, s.Store)
}

// What waits is told as it was when it came to wait, and not with what came later.
func TestOutboxBackOrder(t *testing.T) {
	s := storetest.Open(t)
	sub := must[*tel.Subscription](t)(s.Subscribe(ctx, admin, tel.Subscription{Account: acme, OrderType: "orders", URL: hook}))
	json := endpoint(t, s, acme)
	for i := range 2 {
		reserve(t, s, rival, raleighs(1000*i, 100)...)
	}
	req := waitFor(acme, 1900)
	o := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, req))
	s.Clock.Add(5 * time.Hour)
	must[store.Swept](t)(s.Sweep(ctx))
	eventually(t, "the back-order is filled", func() bool { return must[*tel.Order](t)(s.Order(ctx, admin, o.ID)).State == tel.OrderComplete })
	list := deliveries(t, s, sub.ID)
	same(t, "told", told(list), []tel.WebhookEvent{tel.WebhookOrderWaits, tel.WebhookOrderComplete})
	same(t, "in JSON", told(deliveries(t, s, json.ID)), []tel.WebhookEvent{tel.WebhookOrderComplete})
	waits := must[*store.Told](t)(s.Told(ctx, sender, list[0])).Order
	if waits.State != tel.OrderBackordered || waits.CompletedCount != 1800 || len(waits.Completed) != 1800 || !waits.CompletedAt.IsZero() || waits.ID != o.ID {
		t.Errorf("%s with %d of %d", waits.State, waits.CompletedCount, waits.Quantity)
	}
	if full := must[*store.Told](t)(s.Told(ctx, sender, list[1])).Order; full.State != tel.OrderComplete || full.CompletedCount != 1900 {
		t.Errorf("%s with %d of %d", full.State, full.CompletedCount, full.Quantity)
	}
	checked(t, s.Store)
}

// A delivery is there if and only if what it tells of happened.
func TestOutboxIsInTheChange(t *testing.T) {
	s := storetest.OpenFile(t)
	e := endpoint(t, s, acme)
	db := file(t, s.Path)
	held := func() int { return count(t, db, `SELECT COUNT(*) FROM hold`) }
	run(t, db, `CREATE TRIGGER full BEFORE INSERT ON delivery BEGIN SELECT RAISE(ABORT, 'no room'); END`)
	if _, err := s.Reserve(ctx, admin, ask(acme, raleigh(1))); err == nil || held() != 0 {
		t.Errorf("%v, %d held without a delivery", err, held())
	}
	reserve(t, s, rival, raleigh(2)) // who is not told needs none
	run(t, db, `DROP TRIGGER full`, `CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no room'); END`)
	if _, err := s.Reserve(ctx, admin, ask(acme, raleigh(1))); err == nil || len(deliveries(t, s, e.ID)) != 0 {
		t.Errorf("%v, and a delivery of what did not happen", err)
	}
	run(t, db, `DROP TRIGGER full`)
	reserve(t, s, admin, raleigh(1))
	if list := deliveries(t, s, e.ID); len(list) != 1 {
		t.Errorf("%d deliveries", len(list))
	}
	// Many at once, refused and not, in few transactions.
	parallel(60, func(i int) { _, _ = s.Reserve(ctx, admin, ask(acme, raleigh(100+i%40))) })
	if list := deliveries(t, s, e.ID); len(list) != 41 {
		t.Errorf("%d deliveries", len(list))
	}
	checked(t, s.Store)
}

// Deliveries about one reservation go one after the other; about others, whenever.
func TestDeliveriesInLine(t *testing.T) {
	s := storetest.Open(t)
	e := endpoint(t, s, acme)
	r := reserve(t, s, admin, raleigh(1))
	must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
	reserve(t, s, admin, raleigh(2))
	same(t, "due", told(due(t, s, e.ID)), []tel.WebhookEvent{tel.WebhookReservationCreated, tel.WebhookReservationCreated})
	first := due(t, s, e.ID)[0]
	attempt(t, s, first, 500)
	same(t, "after a failure", len(due(t, s, e.ID)), 1)
	s.Clock.Add(5 * time.Second)
	attempt(t, s, first, 200)
	same(t, "after it was delivered", told(due(t, s, e.ID)), []tel.WebhookEvent{tel.WebhookReservationCreated, tel.WebhookReservationExtended})
	attempt(t, s, due(t, s, e.ID)[1], 204-4)
	same(t, "and the next", told(due(t, s, e.ID)), []tel.WebhookEvent{tel.WebhookReservationCreated, tel.WebhookReservationCancelled})

	list := deliveries(t, s, e.ID)
	for i, want := range []tel.DeliveryState{tel.DeliveryDelivered, tel.DeliveryDelivered, tel.DeliveryWaiting, tel.DeliveryWaiting} {
		if list[i].State != want {
			t.Errorf("%d is %s", i, list[i].State)
		}
		page := must[store.ListedDeliveries](t)(s.Deliveries(ctx, admin, store.DeliveryQuery{Endpoint: e.ID, State: want, Limit: 10}))
		if len(page.Rows) != 2 {
			t.Errorf("%d are %s", len(page.Rows), want)
		}
	}
	one := must[*tel.Delivery](t)(s.Delivery(ctx, admin, list[0].ID))
	if one.Attempts != 2 || len(one.Tries) != 2 || one.Tries[0].Error == "" || one.Tries[1].Status != 200 || one.Body != "body of "+one.ID || one.LastStatus != 200 {
		t.Errorf("%+v", one)
	}
	if got := string(one.RequestBody(2, hook)); got != `{"data":body of `+one.ID+`,"meta":{"attempt":2,"delivered_to":"`+hook+`"}}` {
		t.Error(got)
	}
	// The last one is extended and cancelled while its first is on its way.
	r = reserve(t, s, admin, raleigh(3))
	sending := must[*store.Sending](t)(s.StartAttempt(ctx, sender, due(t, s, e.ID)[2].ID, "x"))
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
	if n := len(due(t, s, e.ID)); n != 2 {
		t.Errorf("%d due while the first is on its way", n)
	}
	code(t, s.Redeliver(ctx, admin, sending.ID), tel.CodeConflict)
	finish(t, s, sending, 200)
	if list := due(t, s, e.ID); len(list) != 3 || list[2].Event != tel.WebhookReservationCancelled {
		t.Errorf("%d due after it", len(list))
	}
	checked(t, s.Store)
}

// Each attempt comes later than the one before, for a day; then the endpoint is
// paused, keeps what is for it, and gets it when it is resumed.
func TestEndpointPausedAfterADay(t *testing.T) {
	s := storetest.Open(t)
	e := endpoint(t, s, acme)
	reserve(t, s, admin, raleigh(1))
	d := due(t, s, e.ID)[0]
	var after []time.Duration
	for must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, e.ID)).State() == tel.EndpointActive {
		if len(due(t, s, e.ID)) == 0 {
			t.Fatalf("nothing is due after %v", after)
		}
		attempt(t, s, d, 503)
		now := must[*tel.Delivery](t)(s.Delivery(ctx, admin, d.ID))
		if wait := now.NextAt.Sub(s.Now()); wait > 0 {
			s.Clock.Add(wait - us)
			if len(due(t, s, e.ID)) != 0 {
				t.Fatal("due too early")
			}
			s.Clock.Add(us)
			after = append(after, wait)
		}
	}
	second, minute, hour := time.Second, time.Minute, time.Hour
	same(t, "waits", after[:9], []time.Duration{5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, hour, 2 * hour, 4 * hour, 4 * hour})
	if since := s.Now().Sub(storetest.Start); since != 24*hour || len(after) != 13 {
		t.Errorf("paused after %v and %d waits", since, len(after))
	}
	paused := must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, e.ID))
	if !strings.Contains(paused.PausedBecause, "1 day") || !strings.Contains(paused.PausedBecause, "It failed.") || paused.Waiting != 1 || !paused.FailingSince.Equal(storetest.Start) {
		t.Errorf("%+v", paused)
	}
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event WHERE kind = 'webhook.paused' AND actor_kind = 'system' AND account_id = $1`, int64(acme)); n != 1 {
		t.Errorf("%d events tell of it", n)
	}
	reserve(t, s, admin, raleigh(2)) // meanwhile
	s.Clock.Add(100 * hour)
	if len(due(t, s, e.ID)) != 0 || len(must[[]store.DueEndpoint](t)(s.EndpointsDue(ctx, sender))) != 0 {
		t.Error("something is due to a paused endpoint")
	}
	if sending := must[*store.Sending](t)(s.StartAttempt(ctx, sender, d.ID, "")); sending != nil {
		t.Error("a paused endpoint is sent to")
	}
	code(t, s.Redeliver(ctx, admin, d.ID), tel.CodeConflict)
	if err := s.ResumeEndpoint(ctx, admin, e.ID); err != nil {
		t.Fatal(err)
	}
	list := due(t, s, e.ID)
	if len(list) != 2 {
		t.Fatalf("%d due after it was resumed", len(list))
	}
	attempt(t, s, list[0], 503) // a whole day anew
	if now := must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, e.ID)); now.State() != tel.EndpointActive {
		t.Error("paused at once")
	}
	attempt(t, s, list[1], 410)
	if now := must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, e.ID)); now.State() != tel.EndpointPaused || !strings.Contains(now.PausedBecause, "410") {
		t.Errorf("410 does not pause: %+v", now)
	}
	checked(t, s.Store)
}

// An endpoint that takes others is not paused for one that it does not take.
func TestDeliveryGivenUp(t *testing.T) {
	s := storetest.Open(t)
	e := endpoint(t, s, acme)
	r := reserve(t, s, admin, raleigh(1))
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
	poison := due(t, s, e.ID)[0]
	for i := 2; ; i++ {
		attempt(t, s, poison, 500)
		reserve(t, s, admin, raleigh(i))
		for _, d := range due(t, s, e.ID) {
			if d.ID != poison.ID {
				attempt(t, s, d, 200)
			}
		}
		now := must[*tel.Delivery](t)(s.Delivery(ctx, admin, poison.ID))
		if now.State == tel.DeliveryFailed {
			break
		}
		s.Clock.Add(now.NextAt.Sub(s.Now()))
		for _, d := range due(t, s, e.ID) { // expiries
			if d.ID != poison.ID {
				attempt(t, s, d, 200)
			}
		}
	}
	if now := must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, e.ID)); now.State() != tel.EndpointActive {
		t.Errorf("%+v", now)
	}
	list := must[store.ListedDeliveries](t)(s.Deliveries(ctx, admin, store.DeliveryQuery{Endpoint: e.ID, State: tel.DeliveryDelivered, Limit: 500}))
	if !slices.ContainsFunc(list.Rows, func(d *tel.Delivery) bool {
		return d.Event == tel.WebhookReservationCancelled && d.ReservationID == r.ID
	}) &&
		!slices.ContainsFunc(due(t, s, e.ID), func(d *tel.Delivery) bool { return d.ReservationID == r.ID }) {
		t.Error("what waited behind it did not go on")
	}
	// A person may want it once more: the same id, the same body.
	if err := s.Redeliver(ctx, admin, poison.ID); err != nil {
		t.Fatal(err)
	}
	if again := attempt(t, s, poison, 200); again.ID != poison.ID || again.Body != "body of "+poison.ID {
		t.Errorf("%+v", again)
	}
	checked(t, s.Store)
}

// Who began an attempt and died: another process sends it again, when the lease is
// over, and what the first one still says changes nothing.
func TestLease(t *testing.T) {
	s := storetest.Open(t)
	e := endpoint(t, s, acme)
	reserve(t, s, admin, raleigh(1))
	d := due(t, s, e.ID)[0]
	lost := must[*store.Sending](t)(s.StartAttempt(ctx, sender, d.ID, "first"))
	other := again(t, s)
	s.Clock.Add(time.Minute - us)
	if sending := must[*store.Sending](t)(other.StartAttempt(ctx, sender, d.ID, "second")); sending != nil {
		t.Fatal("two are at it")
	}
	s.Clock.Add(us)
	sending := must[*store.Sending](t)(other.StartAttempt(ctx, sender, d.ID, "second"))
	if sending == nil || sending.Attempts != 2 || sending.Body != "first" {
		t.Fatalf("%+v", sending)
	}
	finish(t, s, lost, 500)
	finish(t, s, sending, 200)
	now := must[*tel.Delivery](t)(s.Delivery(ctx, admin, d.ID))
	if now.State != tel.DeliveryDelivered || len(now.Tries) != 2 {
		t.Errorf("%+v", now)
	}
	checked(t, s.Store)
}

func TestDeletionStopsDeliveries(t *testing.T) {
	s := storetest.Open(t)
	e, kept := endpoint(t, s, acme), endpoint(t, s, acme)
	for i := range 450 {
		reserve(t, s, admin, raleigh(i))
	}
	sending := must[*store.Sending](t)(s.StartAttempt(ctx, sender, due(t, s, e.ID)[0].ID, "x"))
	attempt(t, s, due(t, s, e.ID)[1], 200)
	waiting := due(t, s, e.ID)[0]
	if err := s.DeleteEndpoint(ctx, admin, e.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(due(t, s, e.ID)); n != 0 {
		t.Errorf("%d due", n)
	}
	if again := must[*store.Sending](t)(s.StartAttempt(ctx, sender, waiting.ID, "x")); again != nil {
		t.Error("sent to a deleted endpoint")
	}
	finish(t, s, sending, 200)
	code(t, second(s.Delivery(ctx, admin, waiting.ID)), tel.CodeNotFound)
	code(t, s.Redeliver(ctx, admin, waiting.ID), tel.CodeNotFound)
	checked(t, s.Store)
	s.Clock.Add(time.Second)
	must[store.Swept](t)(s.Sweep(ctx))
	db := file(t, s.Path)
	if n := count(t, db, `SELECT (SELECT COUNT(*) FROM delivery WHERE endpoint_id = $1) + (SELECT COUNT(*) FROM endpoint WHERE id = $1) + (SELECT COUNT(*) FROM attempt)`, e.ID); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := len(deliveries(t, s, kept.ID)); n != 450 {
		t.Errorf("%d of the other's", n)
	}
	// After 30 days deliveries go, those that were never sent too, and those behind them
	// take their place.
	must[store.Swept](t)(s.Sweep(ctx))
	s.Clock.Add(tel.DeliveriesStand - time.Hour)
	swept := must[store.Swept](t)(s.Sweep(ctx)) // they expire
	s.Clock.Add(2 * time.Hour)
	swept = must[store.Swept](t)(s.Sweep(ctx))
	if list := deliveries(t, s, kept.ID); swept.Removed < 450 || len(list) != 450 || list[0].Event != tel.WebhookReservationExpired || len(due(t, s, kept.ID)) != 100 {
		t.Errorf("%+v, %d left", swept, len(list))
	}
	checked(t, s.Store)
}

// Notices before expiry: once per expiry, again after an extension, for those who want
// them, and a restart forgets nothing.
func TestExpiringNotice(t *testing.T) {
	s := storetest.Open(t)
	e := endpoint(t, s, acme, tel.WebhookReservationExpiring)
	endpoint(t, s, globex, tel.WebhookReservationCreated)
	sweep := func(s *store.Store) int { t.Helper(); return must[store.Swept](t)(s.Sweep(ctx)).Warned }
	r := reserve(t, s, admin, raleighs(0, 3)...)
	reserve(t, s, rival, raleigh(10))
	s.Clock.Add(4*time.Hour - 30*time.Minute - us)
	if n := sweep(s.Store); n != 0 {
		t.Fatal("too early")
	}
	s.Clock.Add(us)
	if n := sweep(s.Store); n != 1 {
		t.Fatalf("%d told", n)
	}
	other := again(t, s)
	for range 3 {
		s.Clock.Add(time.Minute)
		if n := sweep(s.Store) + sweep(other); n != 0 {
			t.Fatal("told twice")
		}
	}
	must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
	if sweep(s.Store) != 0 {
		t.Error("told of an expiry that is hours away")
	}
	s.Clock.Add(4 * time.Hour)
	if n := sweep(other) + sweep(s.Store); n != 1 {
		t.Errorf("%d told after an extension", n)
	}
	list := deliveries(t, s, e.ID)
	same(t, "told", told(list), []tel.WebhookEvent{tel.WebhookReservationExpiring, tel.WebhookReservationExpiring})
	if got := must[*store.Told](t)(s.Told(ctx, sender, list[1])).Reservation; got.TNCount != 3 || !got.ExpiresAt.Equal(storetest.Start.Add(8*time.Hour)) || got.State != tel.StateLive {
		t.Errorf("%+v", got)
	}
	s.Clock.Add(time.Hour)
	sweep(s.Store)

	// Off is off; the ceiling bounds it; many at one instant come in bites, each once.
	for notice, want := range map[time.Duration]tel.Code{-us: tel.CodeInvalid, time.Microsecond: tel.CodeInvalid, 12*time.Hour + us: tel.CodeInvalid, 12 * time.Hour: "", 0: ""} {
		code(t, s.SetExpiringNotice(ctx, admin, acme, notice), want)
	}
	if err := s.SetExpiringNotice(ctx, admin, acme, 0); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		reserve(t, s, admin, raleigh(100+i))
	}
	s.Clock.Add(4*time.Hour - time.Minute)
	if n := sweep(s.Store); n != 0 {
		t.Errorf("%d told where it is off", n)
	}
	if err := s.SetExpiringNotice(ctx, admin, acme, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	if a := must[*tel.Account](t)(s.Account(ctx, admin, acme)); a.ExpiringNotice != 2*time.Minute {
		t.Error(a.ExpiringNotice)
	}
	if n := sweep(s.Store); n != 100 {
		t.Errorf("%d told", n)
	}
	if n := sweep(s.Store) + sweep(other); n != 0 {
		t.Errorf("%d told again", n)
	}
	s.Clock.Add(time.Minute)
	if n := sweep(s.Store); n != 0 { // they ran out
		t.Errorf("%d told after the end", n)
	}
	checked(t, s.Store)
}

// A notice that becomes shorter hides no end of a hold that it comes before, and nobody is
// warned of one end twice, nor of one that was set nearer than the notice.
func TestExpiringNoticeShorter(t *testing.T) {
	s := storetest.Open(t)
	endpoint(t, s, acme, tel.WebhookReservationExpiring)
	sweep := func(want int, what string) {
		t.Helper()
		if n := must[store.Swept](t)(s.Sweep(ctx)).Warned; n != want {
			t.Errorf("%s: %d told, not %d", what, n, want)
		}
	}
	notice := func(d time.Duration) {
		t.Helper()
		if err := s.SetExpiringNotice(ctx, admin, acme, d); err != nil {
			t.Fatal(err)
		}
	}
	notice(4 * time.Hour)
	reserve(t, s, admin, raleigh(0))
	sweep(1, "as long before as it lasts")
	setPolicy(t, s, acme, func(p *tel.Policy) { p.Window = 2 * time.Hour })
	short := reserve(t, s, admin, raleigh(1)) // until 2 h
	sweep(0, "shorter than the notice, before the last that was told")
	s.Clock.Add(time.Hour)
	notice(time.Hour)
	sweep(1, "the one that the longer notice did not tell")
	r := reserve(t, s, admin, raleigh(2)) // until 3 h
	s.Clock.Add(time.Hour)
	sweep(1, "made since")
	s.Clock.Add(time.Hour)
	sweep(0, "told at the longer notice")
	setPolicy(t, s, acme, func(p *tel.Policy) { p.Window = 10 * time.Minute })
	reserve(t, s, admin, raleigh(3))
	s.Clock.Add(59 * time.Minute)
	reserve(t, s, admin, raleigh(4)) // until 4 h 9 min: after all that was told
	sweep(0, "shorter than the notice, after the last that was told")
	for _, r := range []*tel.Reservation{short, r} {
		if got := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID)); got.State != tel.StateExpired {
			t.Errorf("%+v", got)
		}
	}
	checked(t, s.Store)
}

// A notice that becomes longer is of holds that were made under the shorter one too, and
// of none that is made nearer to its end afterwards.
func TestExpiringNoticeLonger(t *testing.T) {
	s := storetest.Open(t)
	endpoint(t, s, acme, tel.WebhookReservationExpiring)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.Window = time.Hour })
	reserve(t, s, admin, raleigh(0))
	s.Clock.Add(10 * time.Minute)
	if err := s.SetExpiringNotice(ctx, admin, acme, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	s.Clock.Add(time.Second)
	reserve(t, s, admin, raleigh(1))
	for _, want := range []int{1, 0} {
		if n := must[store.Swept](t)(s.Sweep(ctx)).Warned; n != want {
			t.Errorf("%d told, not %d", n, want)
		}
	}
	checked(t, s.Store)
}

// Who reserves in the transaction in which holds are warned of is not warned of that one.
func TestExpiringNoticeInOneTransaction(t *testing.T) {
	s := storetest.Open(t)
	endpoint(t, s, acme, tel.WebhookReservationExpiring)
	reserve(t, s, admin, raleigh(0))
	s.Clock.Add(4*time.Hour - 30*time.Minute)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.Window = 10 * time.Minute })
	release := make(chan struct{})
	<-s.Hold(release)
	var both sync.WaitGroup
	both.Go(func() { reserve(t, s, admin, raleigh(1)) })
	eventually(t, "the hold waits", func() bool { return s.Waiting() == 1 })
	both.Go(func() {
		if n := must[store.Swept](t)(s.Sweep(ctx)).Warned; n != 1 {
			t.Errorf("%d told, not 1", n)
		}
	})
	eventually(t, "both wait", func() bool { return s.Waiting() == 2 })
	close(release)
	both.Wait()
	checked(t, s.Store)
}

// A clock that stands for a payment keeps nobody from being warned: with the latest end
// that can be, and when it goes on with the one that is.
func TestExpiringNoticeInAPause(t *testing.T) {
	s := storetest.Open(t)
	e := endpoint(t, s, acme, tel.WebhookReservationExpiring)
	withCheckout(t, s)
	sweep := func(want int) {
		t.Helper()
		if n := must[store.Swept](t)(s.Sweep(ctx)).Warned; n != want {
			t.Errorf("%d told, not %d", n, want)
		}
	}
	stands, goesOn := reserve(t, s, admin, raleigh(0)), reserve(t, s, admin, raleigh(1))
	s.Clock.Add(time.Minute)
	reserve(t, s, admin, raleigh(2))
	s.Clock.Add(4*time.Hour - 21*time.Minute)
	accept(t, s, linkTo(t, s, admin, stands), tel.PurchasePaying)
	token := linkTo(t, s, admin, goesOn)
	accept(t, s, token, tel.PurchasePaying)
	sweep(1)
	s.Clock.Add(5 * time.Minute) // 30 before the latest end
	sweep(2)
	_, buyer := buyerAt(t, s, token)
	db := file(t, s.Path)
	mark := func() int {
		return count(t, db, `SELECT expires_at FROM expiring_told WHERE account_id = $1`, int64(acme))
	}
	before := mark()
	must[*tel.Purchase](t)(s.LeaveCheckout(ctx, buyer))
	sweep(0)
	if mark() != before { // the account's other holds would be looked at again
		t.Error("who goes back from payment set back what the account was told")
	}
	if list := must[[]*tel.Event](t)(s.History(ctx, goesOn)); list[len(list)-1].Kind != tel.EventExpiring || list[len(list)-1].Actor.ID != "clock" {
		t.Errorf("%+v", list[len(list)-1])
	}
	ends := map[string]time.Time{}
	for _, d := range deliveries(t, s, e.ID) {
		then := must[*store.Told](t)(s.Told(ctx, sender, d))
		r := then.Reservation
		ends[r.ID] = r.ExpiresAt
		want := tel.StateSubmitted
		if r.ID != stands.ID && !r.ExpiresAt.Equal(storetest.Start.Add(4*time.Hour+tel.MaxPause)) {
			want = tel.StateLive
		}
		if limit := r.ExpiresAt.Add(8 * time.Hour); r.StateAt(then.Event.At) != want || !r.LimitAt.Equal(limit) {
			t.Errorf("told as %s with the limit %v, not %v", r.StateAt(then.Event.At), r.LimitAt, limit)
		}
	}
	for _, r := range []*tel.Reservation{stands, goesOn} {
		if is := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID)); !ends[r.ID].Equal(is.ExpiresAt) {
			t.Errorf("told last of %v, and it is %v", ends[r.ID], is.ExpiresAt)
		}
	}
	checked(t, s.Store)
}

// A subscription to a URL is told through an endpoint of its own: of its orders, until
// it expires.
func TestSubscriptionIsTold(t *testing.T) {
	s := storetest.Open(t)
	sub := func(change func(*tel.Subscription)) *tel.Subscription {
		n := tel.Subscription{Account: acme, OrderType: "orders", URL: hook}
		change(&n)
		return must[*tel.Subscription](t)(s.Subscribe(ctx, admin, n))
	}
	orders := sub(func(*tel.Subscription) {})
	disconnects := sub(func(n *tel.Subscription) { n.OrderType = "disconnects" })
	short := sub(func(n *tel.Subscription) { n.Expiry = time.Hour })
	mail := sub(func(n *tel.Subscription) { n.URL, n.Email = "", "a@example.com" })
	o := order(t, s, admin, raleigh(1))
	one := sub(func(n *tel.Subscription) { n.OrderID = strings.ToUpper(o.ID) })
	disconnect(t, s, admin, raleigh(1))
	s.Clock.Add(time.Hour)
	order(t, s, admin, raleigh(2))
	second := func(id string) int { return len(deliveries(t, s, id)) }
	for id, want := range map[string]int{orders.ID: 2, disconnects.ID: 1, short.ID: 1, one.ID: 0} {
		if n := second(id); n != want {
			t.Errorf("%d deliveries, not %d", n, want)
		}
	}
	e := must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, orders.ID))
	if e.Format != tel.FormatBandwidth || e.SecretHint != "" {
		t.Errorf("%+v", e)
	}
	code(t, s.DeleteEndpoint(ctx, admin, orders.ID), tel.CodeConflict)
	code(t, s.ChangeEndpoint(ctx, admin, orders.ID, hook, nil), tel.CodeConflict)
	if _, err := s.TestEndpoint(ctx, admin, orders.ID); tel.CodeOf(err) != tel.CodeConflict {
		t.Error(err)
	}
	if _, err := s.RotateEndpointSecret(ctx, admin, orders.ID, ""); tel.CodeOf(err) != tel.CodeConflict {
		t.Error(err)
	}
	if err := s.PauseEndpoint(ctx, admin, orders.ID); err != nil {
		t.Fatal(err)
	}
	checked(t, s.Store)
	to := func(id, url, email string) {
		t.Helper()
		if err := s.ChangeSubscription(ctx, admin, tel.Subscription{ID: id, Account: acme, OrderType: "orders", URL: url, Email: email}); err != nil {
			t.Fatal(err)
		}
		checked(t, s.Store)
	}
	to(orders.ID, hook+"/2", "")
	to(mail.ID, hook+"/3", "")
	to(short.ID, "", "b@example.com")
	list := must[[]*tel.Endpoint](t)(s.Endpoints(ctx, admin, acme))
	var urls []string
	for _, e := range list {
		urls = append(urls, e.URL[len(hook):])
		if e.State() != tel.EndpointActive {
			t.Error("a change does not begin anew")
		}
	}
	slices.Sort(urls)
	same(t, "endpoints", urls, []string{"", "", "/2", "/3"})
	to(short.ID, hook+"/4", "")
	for _, id := range []string{orders.ID, disconnects.ID, short.ID, mail.ID, one.ID} {
		if err := s.Unsubscribe(ctx, admin, acme, id); err != nil {
			t.Fatal(err)
		}
	}
	if list := must[[]*tel.Endpoint](t)(s.Endpoints(ctx, admin, acme)); len(list) != 0 {
		t.Errorf("%d endpoints left", len(list))
	}
	order(t, s, admin, raleigh(3))
	checked(t, s.Store)
}

// Subscriptions of a database from before get their endpoints.
func TestSubscriptionsBefore(t *testing.T) {
	path := olderDB(t, 5)
	db := file(t, path)
	run(t, db, `INSERT INTO account VALUES (7, 'Old', TRUE, FALSE, FALSE, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1)`,
		`INSERT INTO subscription VALUES ('4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002', 7, 'orders', '', '', '', 'https://example.com/cb', 3600000000, 1, 5)`,
		`INSERT INTO subscription VALUES ('4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00003', 7, 'orders', '', 'a@example.com', 'NONE', '', 0, 1, 1)`)
	db.Close()
	s := storetest.Empty(t, store.Config{DB: path})
	list := must[[]*tel.Endpoint](t)(s.Endpoints(ctx, operator, 7))
	if len(list) != 1 || list[0].URL != "https://example.com/cb" || list[0].ExpiresAt.UnixMicro() != 3600000005 {
		t.Errorf("%+v", list)
	}
	if n := count(t, file(t, path), `SELECT endpoints FROM account`); n != 1 {
		t.Errorf("counted %d", n)
	}
}
