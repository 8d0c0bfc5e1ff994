package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"time"

	"tnreserve/store/tel"
)

const deliveryColumns = `d.seq, d.id, d.endpoint_id, e.account_id, e.format, d.type, d.event_seq, COALESCE(r.id, ''), COALESCE(o.id, ''), d.state, d.attempts, d.created_at, d.next_at, d.done_at,
	COALESCE(l.status, 0), COALESCE(l.error, ''), d.body`

const deliveryFrom = ` FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id AND e.deleted_at IS NULL JOIN event v ON v.seq = d.event_seq
	LEFT JOIN reservation r ON r.seq = v.reservation LEFT JOIN orders o ON o.seq = v.order_seq
	LEFT JOIN attempt l ON l.delivery = d.seq AND l.number = d.attempts `

func scanDelivery(row scanner, more ...any) (*tel.Delivery, error) {
	var d tel.Delivery
	return &d, row.Scan(append([]any{&d.Seq, &d.ID, &d.Endpoint, &d.Account, (*string)(&d.Format), (*string)(&d.Event), &d.EventSeq, &d.ReservationID, &d.OrderID, (*string)(&d.State), &d.Attempts,
		(*micros)(&d.CreatedAt), (*micros)(&d.NextAt), (*micros)(&d.DoneAt), &d.LastStatus, &d.LastError, &d.Body}, more...)...)
}

// DeliveryQuery asks for a page of an endpoint's deliveries.
type DeliveryQuery struct {
	Endpoint string            // its id
	State    tel.DeliveryState // "" is any
	Cursor   string            // ListedDeliveries.Next of the page before
	Limit    int               // 1 to 500
}

// ListedDeliveries is a page of deliveries, newest first. They have no Tries.
type ListedDeliveries struct {
	Rows []*tel.Delivery
	Next string
}

// Deliveries reads a page of an endpoint's deliveries, by keyset.
func (s *Store) Deliveries(ctx context.Context, actor tel.Actor, q DeliveryQuery) (ListedDeliveries, error) {
	e, err := s.Endpoint(ctx, actor, q.Endpoint)
	if err != nil {
		return ListedDeliveries{}, err
	}
	var c condition
	c.add(`d.endpoint_id = %s`, e.ID)
	if q.State != "" {
		if !slices.Contains(tel.DeliveryStates(), q.State) {
			return ListedDeliveries{}, tel.Invalid("state", "%q is not a state of a delivery.", q.State)
		}
		c.add(`d.state = %s`, string(q.State))
	}
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return ListedDeliveries{}, err
	}
	if after != nil {
		c.add(`d.seq < %s`, after.seq)
	}
	q.Limit = min(max(q.Limit, 1), 500)
	rows, err := s.read.QueryContext(ctx, `SELECT `+deliveryColumns+deliveryFrom+c.where()+` ORDER BY d.seq DESC LIMIT `+strconv.Itoa(q.Limit+1), c.args...)
	if err != nil {
		return ListedDeliveries{}, err
	}
	list, err := collect(rows, func(row scanner) (*tel.Delivery, error) { return scanDelivery(row) })
	out := ListedDeliveries{Rows: list}
	if len(list) > q.Limit {
		out.Rows, out.Next = list[:q.Limit], cursor(0, list[q.Limit-1].Seq)
	}
	return out, err
}

const deliveryByID = `SELECT ` + deliveryColumns + deliveryFrom + ` WHERE d.id = $1`

// Delivery is one delivery with its attempts.
func (s *Store) Delivery(ctx context.Context, actor tel.Actor, id string) (*tel.Delivery, error) {
	canonical, err := CanonicalID(id)
	if err != nil {
		return nil, tel.NotFound()
	}
	d, err := scanDelivery(s.read.QueryRowContext(ctx, deliveryByID, canonical))
	if err := mayChangeDelivery(actor, d, err); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT number, at, took_us, url, status, error, answer FROM attempt WHERE delivery = $1 ORDER BY number`, d.Seq)
	if err != nil {
		return nil, err
	}
	d.Tries, err = collect(rows, func(row scanner) (a tel.Attempt, err error) {
		var took int64
		err = row.Scan(&a.Number, (*micros)(&a.At), &took, &a.URL, &a.Status, &a.Error, &a.Answer)
		a.Took = fromMicros(took)
		return a, err
	})
	for i := range d.Tries {
		if a := &d.Tries[i]; err == nil && d.Format == tel.FormatJSON {
			a.Signature, err = s.signed(ctx, a.At, d.RequestBody(a.Number, a.URL))
		}
	}
	return d, err
}

// mayChangeDelivery judges a delivery that was read.
func mayChangeDelivery(actor tel.Actor, d *tel.Delivery, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return tel.NotFound()
	}
	if err != nil {
		return err
	}
	return mayManageWebhooks(actor, d.Account)
}

// Redeliver sends a delivery once more, or at once when it waits for its next
// attempt: with the same id and the same body, so that a receiver knows it again.
// CodeConflict while its endpoint is paused, or while it is being sent.
func (s *Store) Redeliver(ctx context.Context, actor tel.Actor, id string) error {
	canonical, err := CanonicalID(id)
	if err != nil {
		return tel.NotFound()
	}
	return s.change(ctx, actor, func(t *tx) error {
		d, err := scanDelivery(t.row(deliveryByID, canonical))
		if err := mayChangeDelivery(t.actor, d, err); err != nil {
			return err
		}
		e, err := scanEndpoint(t.row(endpointSQL+`e.id = $1`, d.Endpoint))
		switch {
		case err != nil:
			return err
		case e.State() == tel.EndpointPaused:
			return errPaused
		case d.State == tel.DeliverySending:
			return tel.Refuse(tel.CodeConflict, "This delivery is being sent; wait for what comes of it.")
		case d.State == tel.DeliveryWaiting && d.NextAt.IsZero():
			return tel.Refuse(tel.CodeConflict, "An earlier delivery about the same thing comes first.")
		}
		t.event(tel.EventEndpointRedelivered, d.Account, 0, tel.Facts{Subject: d.Endpoint, After: d.ID})
		t.outbox.due = true
		_, err = t.exec(`UPDATE delivery SET state = 'waiting', done_at = NULL, next_at = $1, in_a_row = 0, tried_from = NULL WHERE seq = $2`, micros(t.now), d.Seq)
		return err
	})
}

// removeAtOnce is how many old deliveries one change removes.
const removeAtOnce = 200

// What is over: deliveries that stood for tel.DeliveriesStand, those of deleted
// endpoints, and then these endpoints themselves.
const (
	oldDelivery     = `SELECT seq FROM (SELECT seq, created_at FROM delivery ORDER BY seq LIMIT $2) AS oldest WHERE created_at < $1`
	orphanDelivery  = `SELECT seq FROM delivery WHERE endpoint_id = (SELECT MIN(e.id) FROM endpoint e WHERE e.deleted_at < $1 AND EXISTS (SELECT 1 FROM delivery d WHERE d.endpoint_id = e.id)) ORDER BY seq LIMIT $2`
	deletedEndpoint = `SELECT 1 FROM endpoint WHERE deleted_at < $1 LIMIT $2`
)

// sweepDeliveries removes what is over, in small bites; the readers are asked first.
func (s *Store) sweepDeliveries(ctx context.Context) (total int, err error) {
	for _, old := range []struct {
		find   string
		before micros
		remove func(*tx, micros) (int64, error)
	}{
		{oldDelivery, micros(s.Now().Add(-tel.DeliveriesStand)), func(t *tx, before micros) (int64, error) { return t.removeDeliveries(oldDelivery, before) }},
		{orphanDelivery, micros(s.Now()), func(t *tx, before micros) (int64, error) { return t.removeDeliveries(orphanDelivery, before) }},
		{deletedEndpoint, micros(s.Now()), func(t *tx, before micros) (int64, error) {
			return t.exec(`DELETE FROM endpoint WHERE deleted_at < $1 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.endpoint_id = endpoint.id)`, before)
		}},
	} {
		for n := int64(1); n > 0; total += int(n) {
			n = 0
			var found int
			if s.read.QueryRowContext(ctx, old.find, old.before, 1).Scan(&found) != nil {
				break // none, or the change below would say what is wrong
			}
			err := s.change(ctx, tel.System("sweeper"), func(t *tx) (err error) {
				n, err = old.remove(t, old.before)
				return err
			})
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// removeDeliveries removes some deliveries with their attempts. What waited behind one
// of them goes.
func (t *tx) removeDeliveries(which string, before micros) (int64, error) {
	if _, err := t.exec(`DELETE FROM attempt WHERE delivery IN (`+which+`)`, before, removeAtOnce); err != nil {
		return 0, err
	}
	t.writes++
	rows, err := t.query(`DELETE FROM delivery WHERE seq IN (`+which+`) RETURNING endpoint_id, subject, done_at`, before, removeAtOnce)
	if err != nil {
		return 0, err
	}
	type line struct{ endpoint, subject string }
	var undone []line
	n := int64(0)
	err = eachRow(rows, nil, func(row scanner) error {
		var l line
		var done micros
		err := row.Scan(&l.endpoint, &l.subject, &done)
		if time.Time(done).IsZero() {
			undone = append(undone, l)
		}
		n++
		return err
	})
	for _, l := range undone {
		if err == nil {
			err = t.advance(l.endpoint, l.subject)
		}
	}
	return n, err
}
