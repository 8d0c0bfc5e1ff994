package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

// The outbox: for each event that an endpoint wants to be told of, a delivery is
// written in the event's own change. So there is one if and only if what it tells of
// happened.

// outbox is what a transaction has to tell.
type outbox struct {
	list      []outgoing
	inLine    map[[2]string]bool // endpoints and subjects in list
	endpoints map[tel.AccountID][]*tel.Endpoint
	due       bool // something may be sent now
}

// outgoing is a delivery that is to be written.
type outgoing struct {
	id, endpoint string
	event        *tel.Event // has its number when events are written
	told         tel.WebhookEvent
	subject      string
	nextAt       time.Time // zero: it waits behind an earlier one
}

func (o *outbox) add(g outgoing, nextAt time.Time) {
	if o.inLine == nil {
		o.inLine = map[[2]string]bool{}
	}
	g.nextAt = nextAt
	o.list = append(o.list, g)
	o.inLine[[2]string{g.endpoint, g.subject}] = true
	o.due = o.due || !nextAt.IsZero()
}

func (o *outbox) wake(sender chan<- struct{}) {
	if !o.due {
		return
	}
	select {
	case sender <- struct{}{}:
	default:
	}
}

// flushOutbox writes the deliveries of a transaction's events. An account without
// endpoints costs a look at its row, which is read already.
func (t *tx) flushOutbox() error {
	for _, e := range t.events {
		told := tel.WebhookOf(e.Kind)
		if told == "" || told == tel.WebhookTest {
			continue
		}
		a, err := t.account(e.Account)
		if err != nil {
			return err
		}
		if a.endpoints == 0 {
			continue
		}
		if err := t.tell(e, told); err != nil {
			return err
		}
	}
	args := make([]any, 0, 8*len(t.outbox.list))
	for _, g := range t.outbox.list {
		args = append(args, g.id, g.endpoint, g.event.Seq, string(g.told), g.subject, string(tel.DeliveryWaiting), micros(g.nextAt), micros(t.now))
	}
	return t.insertRows(`INSERT INTO delivery (id, endpoint_id, event_seq, type, subject, state, next_at, created_at) VALUES `, 8, args)
}

// tell puts an event into the outbox for each endpoint that wants it.
func (t *tx) tell(e *tel.Event, told tel.WebhookEvent) error {
	endpoints, err := t.endpointsOf(e.Account)
	if err != nil {
		return err
	}
	var order struct {
		id   string
		kind tel.OrderKind
	}
	for _, to := range endpoints {
		if !to.Wants(told, t.now) {
			continue
		}
		subject := "reservation " + strconv.FormatInt(e.Reservation, 10)
		if told.OfOrder() {
			subject = "order " + strconv.FormatInt(e.Order, 10)
			if order.id == "" {
				if err := t.row(`SELECT id, kind FROM orders WHERE seq = $1`, e.Order).Scan(&order.id, (*string)(&order.kind)); err != nil {
					return err
				}
			}
			if !to.WantsOrder(order.id, order.kind) {
				continue
			}
		}
		behind, err := t.behindAnother(to.ID, subject, e.Kind)
		if err != nil {
			return err
		}
		nextAt := t.now
		if behind {
			nextAt = time.Time{}
		}
		t.outbox.add(outgoing{id: uuid.NewString(), endpoint: to.ID, event: e, told: told, subject: subject}, nextAt)
	}
	return nil
}

// endpointsOf reads an account's endpoints once per transaction.
func (t *tx) endpointsOf(account tel.AccountID) ([]*tel.Endpoint, error) {
	if list, ok := t.outbox.endpoints[account]; ok {
		return list, nil
	}
	rows, err := t.query(endpointSQL+`e.account_id = $1 ORDER BY e.created_at, e.id`, int64(account))
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(row scanner) (*tel.Endpoint, error) { return scanEndpoint(row) })
	if t.outbox.endpoints == nil {
		t.outbox.endpoints = map[tel.AccountID][]*tel.Endpoint{}
	}
	t.outbox.endpoints[account] = list
	return list, err
}

// behindAnother tells whether an endpoint has an earlier delivery about the same
// thing that is not done.
func (t *tx) behindAnother(endpoint, subject string, kind tel.EventKind) (bool, error) {
	if kind == tel.EventReserved {
		return false, nil // the first there is
	}
	if t.outbox.inLine[[2]string{endpoint, subject}] {
		return true, nil
	}
	var n int
	err := t.row(`SELECT COUNT(*) FROM (SELECT 1 FROM delivery WHERE endpoint_id = $1 AND subject = $2 AND done_at IS NULL LIMIT 1) AS d`, endpoint, subject).Scan(&n)
	return n > 0, err
}

// advance lets the next delivery of a line go, when the one before it is done.
func (t *tx) advance(endpoint, subject string) error {
	n, err := t.exec(`UPDATE delivery SET next_at = $1 WHERE next_at IS NULL AND seq = (SELECT MIN(seq) FROM delivery WHERE endpoint_id = $2 AND subject = $3 AND done_at IS NULL)`,
		micros(t.now), endpoint, subject)
	t.outbox.due = t.outbox.due || n > 0
	return err
}

// The sender's side. These are for the house itself.

func onlyHouse(actor tel.Actor) error {
	if actor.Kind != tel.KindSystem {
		return tel.Forbidden(tel.ActManageWebhooks)
	}
	return nil
}

// Outgoing wakes when a delivery may have become due.
func (s *Store) Outgoing() <-chan struct{} { return s.outgoing }

// DueEndpoint is an endpoint for which some delivery is due.
type DueEndpoint struct {
	ID      string
	Account tel.AccountID
	Failing bool // its last answer was none, or not a good one
}

// EndpointsDue lists the endpoints for which some delivery is due.
func (s *Store) EndpointsDue(ctx context.Context, actor tel.Actor) ([]DueEndpoint, error) {
	if err := onlyHouse(actor); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT e.id, e.account_id, e.failing_since IS NOT NULL FROM endpoint e WHERE e.deleted_at IS NULL AND e.paused_at IS NULL
		AND EXISTS (SELECT 1 FROM delivery d WHERE d.endpoint_id = e.id AND d.next_at <= $1)`, micros(s.Now()))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (d DueEndpoint, err error) { return d, row.Scan(&d.ID, &d.Account, &d.Failing) })
}

// DeliveriesDue are some of the deliveries that an endpoint is due, those that have
// waited longest first.
func (s *Store) DeliveriesDue(ctx context.Context, actor tel.Actor, endpoint string, limit int) ([]*tel.Delivery, error) {
	if err := onlyHouse(actor); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+deliveryColumns+deliveryFrom+` WHERE d.endpoint_id = $1 AND d.next_at <= $2 AND e.paused_at IS NULL ORDER BY d.next_at, d.seq LIMIT `+strconv.Itoa(limit),
		endpoint, micros(s.Now()))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (*tel.Delivery, error) { return scanDelivery(row) })
}

// lease is for how long who began an attempt is waited for before somebody else tries:
// longer than an attempt may take.
const lease = time.Minute

// Sending is an attempt under way.
type Sending struct {
	*tel.Delivery // Attempts is this one's number
	At            time.Time
	URL           string
	Secrets       []string // to sign with, the newest first; a subscription has none
}

// StartAttempt begins an attempt of a delivery that is due, with a body, which stays
// that of the first attempt. It answers nil when the delivery is not due any more:
// another process is at it, or its endpoint was paused or deleted.
func (s *Store) StartAttempt(ctx context.Context, actor tel.Actor, id, body string) (*Sending, error) {
	if err := onlyHouse(actor); err != nil {
		return nil, err
	}
	var out *Sending
	err := s.change(ctx, actor, func(t *tx) error {
		out = nil
		w, err := t.underWay(id)
		if err != nil || w == nil || !w.due(t.now) {
			return err
		}
		if w.State == tel.DeliverySending { // and nobody said what came of it
			cut := tel.Attempt{Number: w.Attempts, At: w.NextAt.Add(-lease), URL: w.url, Error: "The server stopped during this attempt; what came of it is not known."}
			if err := t.insertAttempt(w.Delivery, cut); err != nil {
				return err
			}
		}
		if w.Body == "" {
			w.Body = body
		}
		w.Attempts++
		out = &Sending{Delivery: w.Delivery, At: t.now, URL: w.url, Secrets: w.secrets(t.now)}
		_, err = t.exec(`UPDATE delivery SET state = 'sending', body = $1, attempts = $2, in_a_row = in_a_row + 1, tried_from = COALESCE(tried_from, $3), next_at = $4 WHERE seq = $5`,
			w.Body, w.Attempts, micros(t.now), micros(t.now.Add(lease)), w.Seq)
		return err
	})
	return out, err
}

// underWay is a delivery with what sending it needs.
type underWay struct {
	*tel.Delivery
	subject           string
	inARow            int
	triedFrom         time.Time
	url               string
	secret, oldSecret string
	oldUntil          time.Time
	pausedAt          time.Time
	failingSince      time.Time
	lastSuccess       time.Time
}

func (t *tx) underWay(id string) (*underWay, error) {
	var w underWay
	var err error
	w.Delivery, err = scanDelivery(t.row(`SELECT `+deliveryColumns+`, d.subject, d.in_a_row, d.tried_from, e.url, e.secret, e.old_secret, e.old_until, e.paused_at, e.failing_since, e.last_success_at`+deliveryFrom+` WHERE d.id = $1`, id),
		&w.subject, &w.inARow, (*micros)(&w.triedFrom), &w.url, &w.secret, &w.oldSecret, (*micros)(&w.oldUntil), (*micros)(&w.pausedAt), (*micros)(&w.failingSince), (*micros)(&w.lastSuccess))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &w, err
}

func (w *underWay) due(now time.Time) bool {
	return w.pausedAt.IsZero() && !w.NextAt.IsZero() && !w.NextAt.After(now)
}

func (w *underWay) secrets(now time.Time) (list []string) {
	if w.secret != "" {
		list = append(list, w.secret)
	}
	if w.oldSecret != "" && now.Before(w.oldUntil) {
		list = append(list, w.oldSecret)
	}
	return list
}

func (t *tx) insertAttempt(d *tel.Delivery, a tel.Attempt) error {
	_, err := t.exec(`INSERT INTO attempt (delivery, number, at, took_us, url, status, error, answer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (delivery, number) DO UPDATE SET took_us = excluded.took_us, status = excluded.status, error = excluded.error, answer = excluded.answer`,
		d.Seq, a.Number, micros(a.At), a.Took.Microseconds(), a.URL, a.Status, a.Error, a.Answer)
	return err
}

// FinishAttempt writes down what came of an attempt, and what follows from it: the
// delivery is done, or tried again later. One that failed for tel.RetryFor is given
// up when its endpoint took others meanwhile; when it took nothing, the endpoint is
// paused. spread is of tel.RetryAfter.
func (s *Store) FinishAttempt(ctx context.Context, actor tel.Actor, id string, r tel.AttemptResult, spread float64) error {
	if err := onlyHouse(actor); err != nil {
		return err
	}
	var outcome AttemptOutcome
	err := s.change(ctx, actor, func(t *tx) error {
		outcome = ""
		w, err := t.underWay(id)
		if err != nil || w == nil {
			return err
		}
		if err := t.insertAttempt(w.Delivery, r.Attempt); err != nil {
			return err
		}
		switch {
		case w.State != tel.DeliverySending || w.Attempts != r.Number:
			return nil // somebody else is at it: the lease ran out
		case r.Stopped:
			outcome = AttemptCut
			_, err := t.exec(`UPDATE delivery SET state = 'waiting', next_at = $1, in_a_row = in_a_row - 1 WHERE seq = $2`, micros(t.now), w.Seq)
			return err
		case !r.Failed():
			outcome = AttemptDelivered
			return t.delivered(w)
		}
		outcome, err = t.notDelivered(w, r, spread)
		return err
	})
	if err == nil && outcome != "" {
		s.count(func(y *deeds) { y.attempts[outcome]++ })
	}
	return err
}

// noteSuccess is how often an endpoint's last success is written down at most.
const noteSuccess = time.Minute

func (t *tx) delivered(w *underWay) error {
	if !w.failingSince.IsZero() || t.now.Sub(w.lastSuccess) >= noteSuccess {
		if _, err := t.exec(`UPDATE endpoint SET failing_since = NULL, last_success_at = $1 WHERE id = $2`, micros(t.now), w.Endpoint); err != nil {
			return err
		}
	}
	return t.endDelivery(w, tel.DeliveryDelivered)
}

func (t *tx) endDelivery(w *underWay, state tel.DeliveryState) error {
	if _, err := t.exec(`UPDATE delivery SET state = $1, done_at = $2, next_at = NULL WHERE seq = $3`, string(state), micros(t.now), w.Seq); err != nil {
		return err
	}
	return t.advance(w.Endpoint, w.subject)
}

func (t *tx) notDelivered(w *underWay, r tel.AttemptResult, spread float64) (AttemptOutcome, error) {
	if w.failingSince.IsZero() {
		w.failingSince = r.At
		if _, err := t.exec(`UPDATE endpoint SET failing_since = $1 WHERE id = $2`, micros(r.At), w.Endpoint); err != nil {
			return "", err
		}
	}
	last := w.triedFrom.Add(tel.RetryFor)
	over := !t.now.Before(last)
	if over && w.failingSince.After(w.triedFrom) {
		return AttemptGivenUp, t.endDelivery(w, tel.DeliveryFailed)
	}
	next := t.now.Add(tel.RetryAfter(w.inARow, spread))
	if next.After(last) {
		next = last
	}
	if _, err := t.exec(`UPDATE delivery SET state = 'waiting', next_at = $1 WHERE seq = $2`, micros(next), w.Seq); err != nil {
		return "", err
	}
	switch {
	case !w.pausedAt.IsZero():
		return AttemptFailed, nil
	case r.Gone:
		return AttemptFailed, t.pauseFailing(w, "The endpoint answered 410 Gone: it wants nothing more.")
	case over:
		return AttemptFailed, t.pauseFailing(w, "Nothing could be delivered for "+tel.HumanDuration(tel.RetryFor)+". Last: "+r.Error)
	}
	return AttemptFailed, nil
}

func (t *tx) pauseFailing(w *underWay, because string) error {
	return t.pauseEndpoint(&tel.Endpoint{ID: w.Endpoint, Account: w.Account}, because)
}
