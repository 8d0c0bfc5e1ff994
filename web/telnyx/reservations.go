package telnyx

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// NumberReservation is one on the wire. State is ours: how it stands.
type NumberReservation struct {
	ID                string           `json:"id"`
	RecordType        string           `json:"record_type"`
	PhoneNumbers      []reservedNumber `json:"phone_numbers"`
	Status            string           `json:"status"`
	State             tel.State        `json:"state"`
	CustomerReference *string          `json:"customer_reference"`
	Errors            string           `json:"errors"`
	CreatedAt         When             `json:"created_at"`
	UpdatedAt         When             `json:"updated_at"`
}

// reservedNumber is a ReservedPhoneNumber. ExpiredAt is when its hold ends, or ended.
type reservedNumber struct {
	ID          string    `json:"id"`
	RecordType  string    `json:"record_type"`
	PhoneNumber string    `json:"phone_number"`
	Status      string    `json:"status"`
	State       tel.State `json:"state,omitempty"`
	ExpiredAt   When      `json:"expired_at"`
	Errors      string    `json:"errors"`
	CreatedAt   When      `json:"created_at"`
	UpdatedAt   When      `json:"updated_at"`

	tn tel.Number
}

const (
	statusSuccess = "success"
	statusPartial = "partial_success"
	statusFailure = "failure"
	statusPending = "pending"
)

const textOnHold = "Number is already on hold"

func (c *call) reservation(r *tel.Reservation) NumberReservation { return ShowReservation(r, c.now) }

// ShowReservation is one as it stands at an instant. Its status is how the attempt went
// and never changes; a TN that was had is a success, whatever became of it.
func ShowReservation(r *tel.Reservation, now time.Time) NumberReservation {
	w := NumberReservation{
		ID: r.ID, RecordType: "number_reservation", PhoneNumbers: []reservedNumber{}, Status: statusSuccess, State: r.StateAt(now),
		CustomerReference: OrNull(r.CustomerReference), CreatedAt: When(r.CreatedAt), UpdatedAt: When(r.UpdatedAt(now)),
	}
	for _, h := range r.TNs {
		w.PhoneNumbers = append(w.PhoneNumbers, reserved(r, h, now))
	}
	for _, tn := range r.Refused {
		w.Status = statusPartial
		n := numberOf(r, tn)
		n.Status, n.Errors, n.UpdatedAt = statusFailure, textOnHold, When(r.CreatedAt)
		w.PhoneNumbers = append(w.PhoneNumbers, n)
	}
	if w.Status == statusPartial {
		w.Errors = fmt.Sprintf("%s of %d could not be reserved", tel.Plural(len(r.Refused), "phone number"), len(w.PhoneNumbers))
	}
	slices.SortFunc(w.PhoneNumbers, func(a, b reservedNumber) int { return cmp.Compare(a.tn, b.tn) })
	return w
}

func numberOf(r *tel.Reservation, tn tel.Number) reservedNumber {
	return reservedNumber{ID: partID(r.ID, uint64(tn)), RecordType: "reserved_phone_number", PhoneNumber: tn.E164(), CreatedAt: When(r.CreatedAt), tn: tn}
}

// reserved shows a TN that the reservation holds or held.
func reserved(r *tel.Reservation, h tel.ReservedTN, now time.Time) reservedNumber {
	n := numberOf(r, h.TN)
	n.Status, n.State, n.ExpiredAt, n.UpdatedAt = statusSuccess, r.StateAt(now), When(r.ExpiresAt), When(r.UpdatedAt(now))
	if !h.EndedAt.IsZero() {
		n.State, n.ExpiredAt, n.UpdatedAt = h.End, When(h.EndedAt), When(h.EndedAt)
	}
	return n
}

// createReservation reserves what it can of several TNs.
func (c *call) createReservation() error {
	body, raw, err := c.body()
	if err != nil {
		return err
	}
	req := tel.ReserveRequest{Account: c.actor.Account, Repeat: c.repeat(raw)}
	if req.CustomerReference, _, err = body.text("customer_reference"); err != nil {
		return err
	}
	if req.TNs, err = body.phoneNumbers(); err != nil {
		return err
	}
	if req.IdempotencyKey, err = c.idempotencyKey(); err != nil {
		return err
	}
	asked := slices.Clone(req.TNs)
	out, err := c.store.Reserve(c.r.Context(), c.actor, req)
	if err != nil {
		return refusedEach(asked, out.Refused, err, func(e *tel.Error) *fault { return c.faultOf(e) })
	}
	w := c.reservation(out.Reservation)
	at, why := places(asked), map[tel.Number]string{}
	slices.SortStableFunc(w.PhoneNumbers, func(a, b reservedNumber) int { return cmp.Compare(at[a.tn], at[b.tn]) })
	for _, e := range out.Refused {
		if e.Code != tel.CodeNotAvailable {
			why[e.TN] = ": " + e.Message
		}
	}
	for i := range w.PhoneNumbers {
		w.PhoneNumbers[i].Errors += why[w.PhoneNumbers[i].tn]
	}
	return c.answer(http.StatusOK, data{Data: w})
}

// places is where each of some TNs stands first.
func places(tns []tel.Number) map[tel.Number]int {
	at := make(map[tel.Number]int, len(tns))
	for i, tn := range slices.Backward(tns) {
		at[tn] = i
	}
	return at
}

// refusedEach is the refusal of all TNs of a request, with an error for each in the
// order of asking. It is 409 as soon as one of them is.
func refusedEach(asked []tel.Number, refused []*tel.Error, err error, say func(*tel.Error) *fault) error {
	if first, ok := errors.AsType[*tel.Error](err); !ok || !slices.Contains(refused, first) {
		return err
	}
	at, f := places(asked), &fault{status: http.StatusUnprocessableEntity}
	slices.SortStableFunc(refused, func(a, b *tel.Error) int { return cmp.Compare(at[a.TN], at[b.TN]) })
	for _, e := range refused {
		one := say(e)
		one.errors[0].Source = &source{Pointer: fmt.Sprintf("/phone_numbers/%d/phone_number", at[e.TN])}
		f.status = min(f.status, one.status)
		f.errors = append(f.errors, one.errors[0])
	}
	return f
}

// getReservation shows one, live or ended.
func (c *call) getReservation() error {
	r, err := c.store.Reservation(c.r.Context(), c.actor, c.args[0])
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: c.reservation(r)})
}

func (c *call) extendReservation() error {
	key, err := c.idempotencyKey()
	if err != nil {
		return err
	}
	again := tel.Again{Key: key}
	if c.retried() {
		again.Within = extendRetriesWithin
	}
	r, err := c.store.ExtendOnce(c.r.Context(), c.actor, c.args[0], again)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: c.reservation(r)})
}

func (c *call) deleteReservation() error {
	r, err := c.store.Cancel(c.r.Context(), c.actor, c.args[0], "")
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: c.reservation(r)})
}

// dropNumber gives one TN back; a client may leave the plus away.
func (c *call) dropNumber() error {
	tn, ok := parseTN("+" + strings.TrimPrefix(c.args[1], "+"))
	if !ok {
		return tel.NotFound()
	}
	r, err := c.store.Drop(c.r.Context(), c.actor, c.args[0], tn)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: c.reservation(r)})
}

// listReservations lists all of the account, live and ended, the latest first.
func (c *call) listReservations() error {
	const status, number, reference = "filter[status]", "filter[phone_numbers.phone_number]", "filter[customer_reference]"
	p := c.params(append(pages, status, "filter[created_at][gt]", "filter[created_at][lt]", number, reference)...)
	at := p.page()
	q := store.NumberedQuery{Account: c.actor.Account, Reference: p.text(reference), Page: at.number, Size: at.size}
	q.From, q.To = p.span()
	none := len(p.values[reference]) > 0 && q.Reference == ""
	switch p.oneOf(status, statusSuccess, statusPartial, statusFailure, statusPending, "failed") {
	case "":
	case statusSuccess, statusPartial:
		partly := p.text(status) == statusPartial
		q.Partly = &partly
	default: // what failed was never made, and nothing waits
		none = true
	}
	for _, text := range p.list(number) {
		tn, ok := parseTN("+" + strings.TrimPrefix(text, "+")) // a plus that was not encoded is a space
		if !ok {
			p.wrong(number, "is a phone number such as +13125550101, or several with commas")
		}
		q.TNs = append(q.TNs, tn)
	}
	if len(p.values[number]) > 0 && len(q.TNs) == 0 {
		p.wrong(number, "names no phone number")
	}
	if len(q.TNs) > store.MostTNsAsked {
		p.wrong(number, fmt.Sprintf("has at most %d phone numbers", store.MostTNsAsked))
	}
	if err := p.check(); err != nil {
		return err
	}
	return c.listed(q, at, none)
}

func (c *call) listed(q store.NumberedQuery, at page, none bool) error {
	list, err := c.store.ReservationsByNumber(c.r.Context(), c.actor, q)
	if err != nil {
		return err
	}
	if none {
		list = store.Numbered[*tel.Reservation]{}
	}
	out := make([]NumberReservation, 0, len(list.Rows))
	for _, r := range list.Rows {
		out = append(out, c.reservation(r))
	}
	return c.answer(http.StatusOK, data{out, at.meta(list.Total)})
}

// partID is the id of a part of something that has a UUIDv4: its first three groups,
// and in the others which part it is. Whoever has it has 60 of the whole's random
// bits, and is asked who they are besides.
func partID(whole string, part uint64) string {
	return fmt.Sprintf("%s%04x-%012x", whole[:19], 0x8000|part>>48&0x3fff, part&(1<<48-1))
}

// partOf reads which part an id is of.
func partOf(id string) (part uint64, ok bool) {
	canonical, err := store.CanonicalID(id)
	if err != nil {
		return 0, false
	}
	var high, low uint64
	if _, err := fmt.Sscanf(canonical[19:], "%04x-%012x", &high, &low); err != nil {
		return 0, false
	}
	part = high&0x3fff<<48 | low
	return part, partID(canonical, part) == canonical
}
