package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tnreserve/store/tel"
)

// TNReport is what a person may know of a TN.
type TNReport struct {
	TN tel.Number
	// State is the TN's own for those who see it; otherwise TNAvailable, or "" for
	// "not available": held by another account, sold, disabled and unknown look alike.
	State       tel.TNState
	Known       bool // in the inventory, and the person may know so
	Place       tel.Place
	Offer       tel.Offer
	Reservation *tel.Reservation // that holds it now, if the person sees it
	Past        []PastHold       // latest first, of accounts that the person sees
	Service     *TNInService     // in service or aging, if the person sees its account
}

// PastHold is a hold on a TN that is over.
type PastHold struct {
	Reservation *tel.Reservation
	EndedAt     time.Time
	How         tel.State
}

const mostPast = 100

// LookUp answers for one TN. CodeForbidden for a role that may only read
// reservations by their id.
func (s *Store) LookUp(ctx context.Context, actor tel.Actor, tn tel.Number) (*TNReport, error) {
	if !actor.Can(tel.ActLookUpTN) {
		return nil, tel.Forbidden(tel.ActLookUpTN)
	}
	report := &TNReport{TN: tn}
	place, offer, known := s.shelf.Has(tn)
	free := s.shelf.IsFree(tn, s.Now())
	r, err := s.oneReservation(ctx, actor, `r.ended_at IS NULL AND r.seq = (SELECT reservation FROM hold WHERE tn = $1)`, int64(tn))
	switch {
	case err == nil && r.StateAt(s.Now()) != tel.StateExpired:
		report.State, report.Reservation = tel.TNReserved, r
	case err != nil && tel.CodeOf(err) != tel.CodeNotFound:
		return nil, err
	case free:
		report.State = tel.TNAvailable
	case known:
		if err := s.reportKept(ctx, actor, report); err != nil {
			return nil, err
		}
	}
	if report.State != "" {
		report.Known, report.Place, report.Offer = true, place, offer
	}
	report.Past, err = s.pastHolds(ctx, actor, tn)
	return report, err
}

// reportKept tells of a TN that is in service, aging or disabled, to those who see
// its account.
func (s *Store) reportKept(ctx context.Context, actor tel.Actor, report *TNReport) error {
	kept, err := scanService(s.read.QueryRowContext(ctx, serviceSQL+` WHERE s.tn = $1 AND (s.until IS NULL OR s.until > $2)`, int64(report.TN), micros(s.Now())))
	if errors.Is(err, sql.ErrNoRows) || err == nil && !actor.Sees(kept.Account) {
		return nil
	}
	if err != nil {
		return err
	}
	report.State = kept.State
	if kept.Account != 0 {
		report.Service = kept
	}
	return nil
}

// pastHolds is a TN's history within the actor's scope: in the WHERE, like every
// list.
func (s *Store) pastHolds(ctx context.Context, actor tel.Actor, tn tel.Number) ([]PastHold, error) {
	now := micros(s.Now())
	rows, err := s.read.QueryContext(ctx, `SELECT `+reservationColumns+`, a.name, p.ended_at, p.how FROM past_hold p
			JOIN reservation r ON r.seq = p.reservation JOIN account a ON a.id = r.account_id
			WHERE p.tn = $1 AND ($2 OR r.account_id = $3)
		UNION ALL SELECT `+reservationColumns+`, a.name, r.expires_at, 'expired' FROM hold h
			JOIN reservation r ON r.seq = h.reservation JOIN account a ON a.id = r.account_id
			WHERE h.tn = $1 AND ($2 OR r.account_id = $3) AND r.expires_at <= $4
		ORDER BY 22 DESC LIMIT $5`, int64(tn), actor.Sees(0), int64(actor.Account), now, mostPast)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (PastHold, error) {
		var r tel.Reservation
		p := PastHold{Reservation: &r}
		err := row.Scan(append(reservationFields(&r), &r.AccountName, (*micros)(&p.EndedAt), (*string)(&p.How))...)
		return p, err
	})
}

// RowState is what a page that shows a TN says of it.
type RowState struct {
	Free bool
	Mine *tel.Reservation // of the actor's own account, live, and the actor may see it there
}

// RowStates tells, for TNs on an open search page, which are free and which the
// actor holds itself, so that the page can follow without searching again.
func (s *Store) RowStates(ctx context.Context, actor tel.Actor, tns []tel.Number) (map[tel.Number]RowState, error) {
	if !actor.Can(tel.ActSearch) {
		return nil, tel.Forbidden(tel.ActSearch)
	}
	now := s.Now()
	states := make(map[tel.Number]RowState, len(tns))
	for _, tn := range tns {
		if s.shelf.IsFree(tn, now) {
			states[tn] = RowState{Free: true}
			continue
		}
		r, err := s.ownHold(ctx, actor, tn, now)
		if err != nil {
			return nil, err
		}
		states[tn] = RowState{Mine: r}
	}
	return states, nil
}

// ownHold is the live reservation of a TN that the actor made, or may list.
func (s *Store) ownHold(ctx context.Context, actor tel.Actor, tn tel.Number, now time.Time) (*tel.Reservation, error) {
	r, err := scanReservation(s.read.QueryRowContext(ctx, `SELECT `+reservationColumns+` FROM hold h JOIN reservation r ON r.seq = h.reservation
		WHERE h.tn = $1 AND r.account_id = $2`, int64(tn), int64(actor.Account)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.StateAt(now) == tel.StateExpired || r.CreatedBy.ID != actor.ID && !actor.May(tel.ActListReservations, r.Account) {
		return nil, nil
	}
	return r, nil
}
