package telnyx

import (
	"net/http"
	"slices"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// wireSubOrder is a sub_number_order: the part of an order that is of one type.
type wireSubOrder struct {
	ID                     string        `json:"id"`
	RecordType             string        `json:"record_type"`
	OrderRequestID         string        `json:"order_request_id"`
	CountryCode            string        `json:"country_code"`
	PhoneNumberType        string        `json:"phone_number_type"`
	PhoneNumbersCount      int           `json:"phone_numbers_count"`
	PhoneNumbers           []orderNumber `json:"phone_numbers,omitempty"`
	RegulatoryRequirements []struct{}    `json:"regulatory_requirements"`
	RequirementsMet        bool          `json:"requirements_met"`
	IsBlock                bool          `json:"is_block_sub_number_order"`
	Status                 string        `json:"status"`
	CustomerReference      *string       `json:"customer_reference"`
	CreatedAt              When          `json:"created_at"`
	UpdatedAt              When          `json:"updated_at"`
}

// partOfType numbers a type in a sub-order's id: no TN is so small.
var partOfType = map[tel.TNType]uint64{tel.TypeLocal: 1, tel.TypeTollFree: 2}

var typeNames = map[tel.TNType]string{tel.TypeLocal: typeLocal, tel.TypeTollFree: typeTollFree}

// typesOf are the types that an order has parts of: a search is one part.
func typesOf(o *tel.Order) []tel.TNType {
	if o.Kind == tel.OrderKindSearch {
		return []tel.TNType{subType(o, 0)}
	}
	var list []tel.TNType
	for _, l := range lines(o) {
		if t := subType(o, l.TN); !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	slices.Sort(list)
	return list
}

// subType is the type of the part that a TN of an order belongs to.
func subType(o *tel.Order, tn tel.Number) tel.TNType {
	free := tn.TollFree()
	if o.Kind == tel.OrderKindSearch {
		free = o.Search != nil && o.Search.Query.Type == tel.TypeTollFree
	}
	if free {
		return tel.TypeTollFree
	}
	return tel.TypeLocal
}

// subOrderHead is one without its TNs.
func subOrderHead(o *tel.Order, t tel.TNType, count int, place tel.Place) wireSubOrder {
	return wireSubOrder{
		ID: partID(o.ID, partOfType[t]), RecordType: "sub_number_order", OrderRequestID: o.ID, CountryCode: place.Country(), PhoneNumberType: typeNames[t], PhoneNumbersCount: count,
		RegulatoryRequirements: []struct{}{}, RequirementsMet: true, Status: statusOf(o.State), CustomerReference: OrNull(o.Reference),
		CreatedAt: When(o.CreatedAt), UpdatedAt: When(o.ChangedAt),
	}
}

func subOrder(o *tel.Order, t tel.TNType, withNumbers bool) wireSubOrder {
	var place tel.Place
	numbers := []orderNumber{}
	for _, l := range lines(o) {
		if subType(o, l.TN) == t {
			if len(numbers) == 0 {
				place = l.Place
			}
			numbers = append(numbers, wireNumber(o, l))
		}
	}
	count := len(numbers)
	if o.Kind == tel.OrderKindSearch {
		count = o.Quantity
	}
	w := subOrderHead(o, t, count, place)
	if withNumbers {
		w.PhoneNumbers = numbers
	}
	return w
}

// subOrderHere reads the order and the type of the sub-order of the path.
func (c *call) subOrderHere() (*tel.Order, tel.TNType, error) {
	o, part, err := c.partHere()
	if err != nil {
		return nil, "", err
	}
	for _, t := range typesOf(o) {
		if partOfType[t] == part {
			return o, t, nil
		}
	}
	return nil, "", tel.NotFound()
}

const include = "filter[include_phone_numbers]"

func (c *call) getSubOrder() error {
	p := c.params(include)
	with, _ := p.flag(include)
	if err := p.check(); err != nil {
		return err
	}
	o, t, err := c.subOrderHere()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: subOrder(o, t, with)})
}

func (c *call) listSubOrders() error {
	const order, kind, count = "filter[order_request_id]", "filter[phone_number_type]", "filter[phone_numbers_count]"
	p := c.params(append(pages, "filter[status]", order, "filter[country_code]", kind, count, include)...)
	at := p.page()
	q := store.SubOrderQuery{OrderQuery: c.orderQuery(p, at), Quantity: p.number(count, 1, tel.MostPerOrder), Page: at.number}
	ours := p.oneCountry()
	if text := p.text(order); text != "" {
		id, err := store.CanonicalID(text)
		if q.OrderID = id; err != nil {
			p.wrong(order, "is the id of an order")
		}
	}
	switch p.oneOf(kind, typeLocal, typeTollFree, "mobile", "national", "shared_cost", "landline") {
	case "":
	case typeLocal:
		q.Type = tel.TypeLocal
	case typeTollFree:
		q.Type = tel.TypeTollFree
	default:
		ours = false
	}
	q.TNs, _ = p.flag(include)
	if err := p.check(); err != nil {
		return err
	}
	list, err := c.store.SubOrders(c.r.Context(), c.actor, q)
	if err != nil {
		return p.shorter(err)
	}
	if !ours {
		list = store.Numbered[store.SubOrder]{}
	}
	out := make([]wireSubOrder, 0, len(list.Rows))
	for _, sub := range list.Rows {
		w := subOrderHead(sub.Order, sub.Type, sub.Count, sub.Place)
		if q.TNs {
			w = subOrder(sub.Order, sub.Type, true)
		}
		out = append(out, w)
	}
	return c.answer(http.StatusOK, data{out, at.meta(list.Total)})
}

// cancelSubOrder ends an order that waits, with what it has. What is in service stays
// there.
func (c *call) cancelSubOrder() error {
	o, t, err := c.subOrderHere()
	if err != nil {
		return err
	}
	if o.State.Final() {
		return tel.Refuse(tel.CodeEnded, "This order is settled; only one that waits for numbers can be cancelled.")
	}
	if o, err = c.store.UpdateOrder(c.r.Context(), c.actor, o.ID, tel.OrderUpdate{Close: true}); err != nil {
		return err
	}
	return c.answer(http.StatusOK, data{Data: subOrder(o, t, true)})
}
