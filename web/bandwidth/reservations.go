package bandwidth

import (
	"encoding/xml"
	"errors"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// wireReservation is a reservation. Id stands in no document; without it the npm
// client deletes ".../tnreservation/undefined". ReservationExpires is whole seconds
// left.
type wireReservation struct {
	ID                 string   `xml:"Id"`
	ReservationID      string   `xml:"ReservationId"`
	Account            string   `xml:"AccountId"`
	ReservationExpires int64    `xml:"ReservationExpires"`
	ReservedTN         []string `xml:"ReservedTn"`
}

type reservationResponse struct {
	XMLName     xml.Name `xml:"ReservationResponse"`
	Reservation wireReservation
}

type reservationsResponse struct {
	XMLName      xml.Name `xml:"ReservationsResponse"`
	Reservations struct {
		Count       int
		Reservation []wireReservation
	}
}

// tnReservation is a reservation by its TN, in both of the spellings that the
// documents have.
type tnReservation struct {
	XMLName            xml.Name `xml:"TNReservation"`
	ReservationID      string   `xml:"ReservationID"`
	ReservationId      string   `xml:"ReservationId"`
	Account            string   `xml:"Account"`
	AccountID          string   `xml:"AccountId"`
	ReservationExpires int64    `xml:"ReservationExpires"`
	ReservedTN         string   `xml:"ReservedTN"`
	ReservedTn         string   `xml:"ReservedTn"`
}

func (c *call) wireReservation(r *tel.Reservation) wireReservation {
	w := wireReservation{ID: r.ID, ReservationID: r.ID, Account: r.Account.String(), ReservationExpires: secondsLeft(r, c.now)}
	for _, tn := range r.HeldTNs() {
		w.ReservedTN = append(w.ReservedTN, c.tn(tn))
	}
	return w
}

func secondsLeft(r *tel.Reservation, now time.Time) int64 { return int64(r.Left(now) / time.Second) }

// createReservation reserves one TN: of several, Bandwidth takes the last.
func (c *call) createReservation() error {
	body, err := c.body("Reservation")
	if err != nil {
		return err
	}
	tn, ok := parseTN(body.value("ReservedTn"))
	if !ok {
		return c.route.kind.invalidFault()
	}
	out, err := c.store.Reserve(c.r.Context(), c.actor, tel.ReserveRequest{
		Account: c.account, TNs: []tel.Number{tn}, AllOrNothing: true, IdempotencyKey: c.r.Header.Get("Idempotency-Key"),
	})
	if tel.CodeOf(err) == tel.CodeNotAvailable && c.unknownToInventory(tn) {
		return bad(codeTNNotFound, "Reservation failed: telephone number %s not found.", c.tn(tn))
	}
	if e, ok := errors.AsType[*tel.Error](err); ok && e.Reservation != "" {
		c.w.Header().Set("Location", c.here(c.own("/tnreservation/"+e.Reservation)))
	}
	if err != nil {
		return err
	}
	return c.created(c.own("/tnreservation/" + out.Reservation.ID))
}

// unknownToInventory tells, to who may see the inventory, that a TN is not in it.
func (c *call) unknownToInventory(tn tel.Number) bool {
	if !c.actor.Can(tel.ActManageInventory) {
		return false
	}
	_, _, known := c.store.Shelf().Has(tn)
	return !known
}

// reservationHere reads the reservation of the path. What is not this account's is
// as unknown as what never was.
func (c *call) reservationHere() (*tel.Reservation, error) {
	if _, err := store.CanonicalID(c.args[0]); err != nil {
		return nil, bad(codeParameter, "Reservation request param is invalid.")
	}
	r, err := c.store.Reservation(c.r.Context(), c.actor, c.args[0])
	if err != nil {
		return nil, err
	}
	if r.Account != c.account {
		return nil, tel.NotFound()
	}
	return r, nil
}

// getReservation shows a reservation that holds its TN; one that ended is gone from
// this wire, which has no word for how.
func (c *call) getReservation() error {
	r, err := c.reservationHere()
	if err != nil {
		return err
	}
	if r.StateAt(c.now).Ended() {
		return tel.NotFound()
	}
	return c.answer(200, reservationResponse{Reservation: c.wireReservation(r)})
}

func (c *call) deleteReservation() error {
	r, err := c.reservationHere()
	if err != nil {
		return err
	}
	_, err = c.store.Cancel(c.r.Context(), c.actor, r.ID, "")
	switch tel.CodeOf(err) {
	case "":
		return c.empty(200)
	case tel.CodeEnded, tel.CodeRanOut:
		return &tel.Error{Code: tel.CodeEnded, TN: r.TNs[0].TN}
	}
	return err
}

// mostListed bounds a list that the wire has no pages for; Count is always whole.
const mostListed = 10_000

// listReservations is for admins.
func (c *call) listReservations() error {
	q := store.ListQuery{Account: c.account, Sort: store.SortCreated}
	var out reservationsResponse
	err := c.store.Each(c.r.Context(), c.actor, q, func(r *tel.Reservation) error {
		if out.Reservations.Count++; out.Reservations.Count <= mostListed {
			out.Reservations.Reservation = append(out.Reservations.Reservation, c.wireReservation(r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.answer(200, out)
}

// reservationOfTN answers which of the own account's reservations holds a TN.
func (c *call) reservationOfTN() error {
	tn, ok := parseTN(c.args[0])
	if !ok {
		return bad(codeParameter, "Reservation request param is invalid.")
	}
	report, err := c.store.LookUp(c.r.Context(), c.actor, tn)
	if err != nil {
		return err
	}
	r := report.Reservation
	if r == nil {
		return &fault{status: 404, code: codeNone, text: "Reservation " + c.args[0] + " not found."}
	}
	account := r.Account.String()
	return c.answer(200, tnReservation{
		ReservationID: r.ID, ReservationId: r.ID, Account: account, AccountID: account,
		ReservationExpires: secondsLeft(r, c.now), ReservedTN: c.tn(tn), ReservedTn: c.tn(tn),
	})
}
