package store

import (
	"context"
	"database/sql"
	"errors"

	"tnreserve/store/tel"
)

// Told is what a delivery tells of, as it was right after its event: deliveries wait
// for each other, and the reservation may have gone on meanwhile.
type Told struct {
	Event       *tel.Event
	Reservation *tel.Reservation // nil: it is about an order, or a test
	Order       *tel.Order       // nil: it is about a reservation, or a test
	Endpoint    *tel.Endpoint
}

// Told reads what a delivery tells of.
func (s *Store) Told(ctx context.Context, actor tel.Actor, d *tel.Delivery) (*Told, error) {
	if err := onlyHouse(actor); err != nil {
		return nil, err
	}
	out := &Told{}
	var err error
	if out.Endpoint, err = scanEndpoint(s.read.QueryRowContext(ctx, endpointSQL+`e.id = $1`, d.Endpoint)); errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	} else if err != nil {
		return nil, err
	}
	if out.Event, err = scanEvent(s.read.QueryRowContext(ctx, `SELECT `+eventColumns+` FROM event WHERE seq = $1`, d.EventSeq)); err != nil {
		return nil, err
	}
	switch {
	case d.Event.OfOrder():
		out.Order, err = s.orderAt(ctx, out.Event)
	case out.Event.Reservation != 0:
		out.Reservation, err = s.reservationAt(ctx, out.Event)
	}
	return out, err
}

// reservationAt is a reservation as its history has it up to an event.
func (s *Store) reservationAt(ctx context.Context, upTo *tel.Event) (*tel.Reservation, error) {
	now, err := scanReservation(s.read.QueryRowContext(ctx, `SELECT `+reservationColumns+` FROM reservation r WHERE r.seq = $1`, upTo.Reservation))
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE reservation = $1 AND reservation <> 0 ORDER BY seq`, upTo.Reservation)
	if err != nil {
		return nil, err
	}
	events, err := collect(rows, scanEvent)
	if err != nil {
		return nil, err
	}
	then := tel.ReservationAt(now, events, upTo.Seq)
	for i := range then.TNs {
		then.TNs[i].Place = s.placeOf(then.TNs[i].TN)
	}
	return then, nil
}

// orderAt is an order as it was when an event brought it to its state.
func (s *Store) orderAt(ctx context.Context, at *tel.Event) (*tel.Order, error) {
	o, err := scanOrder(s.read.QueryRowContext(ctx, `SELECT `+orderColumns+` FROM orders o WHERE o.seq = $1`, at.Order))
	if err != nil {
		return nil, err
	}
	if err := s.fillOrder(o, s.reader(ctx)); err != nil {
		return nil, err
	}
	o.AsOf(at)
	return o, nil
}
