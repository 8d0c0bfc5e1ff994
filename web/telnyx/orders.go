package telnyx

import (
	"net/http"
	"slices"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// NumberOrder is one on the wire.
type NumberOrder struct {
	ID                 string   `json:"id"`
	RecordType         string   `json:"record_type"`
	PhoneNumbersCount  int      `json:"phone_numbers_count"`
	PhoneNumbers       any      `json:"phone_numbers"`
	SubNumberOrdersIDs []string `json:"sub_number_orders_ids"`
	RequirementsMet    bool     `json:"requirements_met"`
	Status             string   `json:"status"`
	CustomerReference  *string  `json:"customer_reference"`
	ConnectionID       *string  `json:"connection_id"`
	MessagingProfileID *string  `json:"messaging_profile_id"`
	BillingGroupID     *string  `json:"billing_group_id"`
	CreatedAt          When     `json:"created_at"`
	UpdatedAt          When     `json:"updated_at"`
}

// orderNumber is a number_order_phone_number. An order asks for no papers here.
type orderNumber struct {
	ID                     string     `json:"id"`
	RecordType             string     `json:"record_type"`
	PhoneNumber            string     `json:"phone_number"`
	OrderRequestID         string     `json:"order_request_id"`
	SubNumberOrderID       string     `json:"sub_number_order_id"`
	CountryCode            string     `json:"country_code"`
	PhoneNumberType        string     `json:"phone_number_type"`
	RegulatoryRequirements []struct{} `json:"regulatory_requirements"`
	RequirementsMet        bool       `json:"requirements_met"`
	RequirementsStatus     string     `json:"requirements_status"`
	Status                 string     `json:"status"`
}

// listedNumber is what the list of orders shows of a TN.
type listedNumber struct {
	ID          string `json:"id"`
	PhoneNumber string `json:"phone_number"`
}

// statusOf is an order's state on the wire, where there are three. One that has some
// of its TNs is a success, and each TN tells of itself.
func statusOf(s tel.OrderState) string {
	switch s {
	case tel.OrderComplete, tel.OrderPartial:
		return statusSuccess
	case tel.OrderFailed:
		return statusFailure
	}
	return statusPending
}

var statesOf = map[string][]tel.OrderState{
	statusSuccess: {tel.OrderComplete, tel.OrderPartial},
	statusFailure: {tel.OrderFailed},
	statusPending: {tel.OrderReceived, tel.OrderBackordered},
}

// lines are an order's TNs, sorted.
func lines(o *tel.Order) []tel.OrderedTN {
	list := slices.Concat(o.Completed, o.Failed)
	slices.SortFunc(list, func(a, b tel.OrderedTN) int { return int(a.TN - b.TN) })
	return list
}

func wireNumber(o *tel.Order, l tel.OrderedTN) orderNumber {
	n := orderNumber{
		ID: partID(o.ID, uint64(l.TN)), RecordType: "number_order_phone_number", PhoneNumber: l.TN.E164(), OrderRequestID: o.ID,
		SubNumberOrderID: partID(o.ID, partOfType[subType(o, l.TN)]), CountryCode: l.Place.Country(), PhoneNumberType: typeOf(l.TN),
		RegulatoryRequirements: []struct{}{}, RequirementsMet: true, RequirementsStatus: "approved", Status: statusSuccess,
	}
	if l.Code != "" {
		n.Status = statusFailure
	}
	return n
}

func orderHead(o *tel.Order) NumberOrder {
	w := NumberOrder{
		ID: o.ID, RecordType: "number_order", PhoneNumbersCount: o.Quantity, SubNumberOrdersIDs: []string{}, RequirementsMet: true, Status: statusOf(o.State),
		CustomerReference: OrNull(o.Reference), ConnectionID: OrNull(o.Ties.ConnectionID), MessagingProfileID: OrNull(o.Ties.MessagingProfileID),
		BillingGroupID: OrNull(o.Ties.BillingGroupID), CreatedAt: When(o.CreatedAt), UpdatedAt: When(o.ChangedAt),
	}
	for _, t := range typesOf(o) {
		w.SubNumberOrdersIDs = append(w.SubNumberOrdersIDs, partID(o.ID, partOfType[t]))
	}
	return w
}

// ShowOrder is one with its TNs.
func ShowOrder(o *tel.Order) NumberOrder {
	w := orderHead(o)
	list := []orderNumber{}
	for _, l := range lines(o) {
		list = append(list, wireNumber(o, l))
	}
	w.PhoneNumbers = list
	return w
}

// First leaves the first of an order's TNs, n at most, and tells how many it left out.
func (w *NumberOrder) First(n int) (omitted int) {
	if list, ok := w.PhoneNumbers.([]orderNumber); ok && len(list) > n {
		w.PhoneNumbers, omitted = list[:n], len(list)-n
	}
	return omitted
}

// createOrder orders TNs, all or none, with the holds that the account has on them.
func (c *call) createOrder() error {
	body, raw, err := c.body()
	if err != nil {
		return err
	}
	req := tel.OrderRequest{Account: c.actor.Account, UseOwnHolds: true, Repeat: c.repeat(raw)}
	err = body.texts(map[string]*string{
		"customer_reference": &req.Reference, "connection_id": &req.Ties.ConnectionID,
		"messaging_profile_id": &req.Ties.MessagingProfileID, "billing_group_id": &req.Ties.BillingGroupID,
	})
	if err != nil {
		return err
	}
	if req.TNs, err = body.phoneNumbers(); err != nil {
		return err
	}
	if req.IdempotencyKey, err = c.idempotencyKey(); err != nil {
		return err
	}
	o, refused, err := c.store.PlaceWholeOrder(c.r.Context(), c.actor, req)
	if err != nil {
		return refusedEach(req.TNs, refused, err, c.orderRefusal)
	}
	return c.answer(http.StatusOK, data{Data: ShowOrder(o)})
}

// orderRefusal tells of a TN that no block of the inventory contains that it is
// unknown. Of all others nothing is told but that they cannot be had.
func (c *call) orderRefusal(e *tel.Error) *fault {
	if _, _, known := c.store.Shelf().Has(e.TN); known {
		return c.faultOf(e)
	}
	return newFault(http.StatusUnprocessableEntity, codeUnprocessed, "The number "+e.TN.E164()+" is not in this inventory.")
}

// orderHere reads the order of the path. A disconnect is no number order.
func (c *call) orderHere() (*tel.Order, error) {
	o, err := c.store.Order(c.r.Context(), c.actor, c.args[0])
	if err == nil && o.Kind == tel.OrderKindDisconnect {
		err = tel.NotFound()
	}
	return o, err
}

func (c *call) getOrder() error {
	o, err := c.orderHere()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: ShowOrder(o)})
}

// patchOrder changes the customer's reference: all else of an order is settled when
// it is made.
func (c *call) patchOrder() error {
	body, _, err := c.body()
	if err != nil {
		return err
	}
	var u tel.OrderUpdate
	if text, ok, err := body.text("customer_reference"); err != nil {
		return err
	} else if _, given := body.fields["customer_reference"]; ok || given { // null takes it away
		u.Reference = &text
	}
	o, err := c.orderHere()
	if err != nil {
		return err
	}
	if o, err = c.store.UpdateOrder(c.r.Context(), c.actor, o.ID, u); err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: ShowOrder(o)})
}

func (c *call) listOrders() error {
	const count, reference, met = "filter[phone_numbers_count]", "filter[customer_reference]", "filter[requirements_met]"
	p := c.params(append(pages, "filter[status]", "filter[created_at][gt]", "filter[created_at][lt]", count, reference, met)...)
	at := p.page()
	q := store.OrderNumberedQuery{OrderQuery: c.orderQuery(p, at), Quantity: p.number(count, 1, tel.MostPerOrder), Reference: p.text(reference), Page: at.number}
	value, given := p.flag(met)
	none := given && !value || len(p.values[reference]) > 0 && q.Reference == ""
	if err := p.check(); err != nil {
		return err
	}
	list, err := c.store.OrdersByNumber(c.r.Context(), c.actor, q)
	if err != nil {
		return p.shorter(err)
	}
	if none {
		list = store.Numbered[*tel.Order]{}
	}
	out := make([]NumberOrder, 0, len(list.Rows))
	for _, o := range list.Rows {
		w, numbers := orderHead(o), []listedNumber{}
		for _, l := range lines(o) {
			numbers = append(numbers, listedNumber{partID(o.ID, uint64(l.TN)), l.TN.E164()})
		}
		w.PhoneNumbers = numbers
		out = append(out, w)
	}
	return c.answer(http.StatusOK, data{out, at.meta(list.Total)})
}

// orderQuery is what the lists of orders and of their parts share.
func (c *call) orderQuery(p *params, at page) store.OrderQuery {
	q := store.OrderQuery{Account: c.actor.Account, Limit: at.size, States: statesOf[p.oneOf("filter[status]", statusPending, statusSuccess, statusFailure)]}
	q.From, q.To = p.span()
	return q
}

// listOrderNumbers lists the TNs of all orders. Both countries that are here have the
// country code 1, and are not told apart.
func (c *call) listOrderNumbers() error {
	p := c.params(append(pages, "filter[country_code]")...)
	at := p.page()
	ours := p.oneCountry()
	if err := p.check(); err != nil {
		return err
	}
	list, err := c.store.OrderLines(c.r.Context(), c.actor, c.orderQuery(p, at), at.number)
	if err != nil {
		return err
	}
	if !ours {
		list = store.Numbered[store.OrderLine]{}
	}
	out := make([]orderNumber, 0, len(list.Rows))
	for _, l := range list.Rows {
		out = append(out, wireNumber(l.Order, l.OrderedTN))
	}
	return c.answer(http.StatusOK, data{out, at.meta(list.Total)})
}

// partHere reads the order that an id in the path names a part of.
func (c *call) partHere() (o *tel.Order, part uint64, err error) {
	part, ok := partOf(c.args[0])
	if !ok {
		return nil, 0, tel.NotFound()
	}
	if o, err = c.store.OrderBegins(c.r.Context(), c.actor, c.args[0]); err == nil && o.Kind == tel.OrderKindDisconnect {
		err = tel.NotFound()
	}
	return o, part, err
}

func (c *call) getOrderNumber() error {
	o, part, err := c.partHere()
	if err != nil {
		return err
	}
	for _, l := range lines(o) {
		if uint64(l.TN) == part {
			return c.answer(http.StatusOK, data{Data: wireNumber(o, l)})
		}
	}
	return tel.NotFound()
}
