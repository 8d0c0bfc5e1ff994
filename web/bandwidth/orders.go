package bandwidth

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// wireOrder is an order as it is asked for and echoed. The lower-case id is the
// vendor's.
type wireOrder struct {
	CustomerOrderID    string     `xml:"CustomerOrderId,omitempty"`
	Name               string     `xml:",omitempty"`
	ID                 string     `xml:"id,omitempty"`
	OrderCreateDate    string     `xml:",omitempty"`
	PeerID             string     `xml:"PeerId,omitempty"`
	SiteID             string     `xml:"SiteId,omitempty"`
	BackOrderRequested *bool      `xml:",omitempty"`
	PartialAllowed     *bool      `xml:",omitempty"`
	Type               *orderType `xml:",omitempty"`
}

// orderType is any of the order types: XMLName says which.
type orderType struct {
	XMLName          xml.Name
	TNs              *tnList `xml:"TelephoneNumberList"`
	Reservations     *idList `xml:"ReservationIdList"`
	AreaCode         string  `xml:",omitempty"`
	NpaNxx           string  `xml:",omitempty"`
	NpaNxxX          string  `xml:",omitempty"`
	RateCenter       string  `xml:",omitempty"`
	City             string  `xml:",omitempty"`
	State            string  `xml:",omitempty"`
	Zip              string  `xml:",omitempty"`
	Lata             string  `xml:",omitempty"`
	LocalVanity      string  `xml:",omitempty"`
	EndsIn           string  `xml:",omitempty"`
	TollFreeVanity   string  `xml:",omitempty"`
	TollFreeWildCard string  `xml:"TollFreeWildCardPattern,omitempty"`
	Quantity         int     `xml:",omitempty"`
}

type idList struct {
	ReservationID []string `xml:"ReservationId"`
}

// listOf and idsOf are no element where there is nothing in it.
func listOf(tns []string) *tnList {
	if len(tns) == 0 {
		return nil
	}
	return &tnList{tns}
}

func idsOf(ids []string) *idList {
	if len(ids) == 0 {
		return nil
	}
	return &idList{ids}
}

const (
	typeExisting   = "ExistingTelephoneNumberOrderType"
	typeDisconnect = "DisconnectTelephoneNumberOrderType"
	typeCombined   = "CombinedSearchAndOrderType"
)

type searchType struct {
	name  string
	needs []string
}

// searchTypes are the search-and-order types, each with what it needs beside a
// quantity. The combined one takes whatever there is.
var searchTypes = []searchType{
	{"AreaCodeSearchAndOrderType", []string{"AreaCode"}},
	{"RateCenterSearchAndOrderType", []string{"RateCenter", "State"}},
	{"NPANXXSearchAndOrderType", []string{"NpaNxx"}},
	{"StateSearchAndOrderType", []string{"State"}},
	{"CitySearchAndOrderType", []string{"City", "State"}},
	{"ZIPSearchAndOrderType", []string{"Zip"}},
	{"LATASearchAndOrderType", []string{"Lata"}},
	{"TollFreeVanitySearchAndOrderType", []string{"TollFreeVanity"}},
	{"TollFreeWildCharSearchAndOrderType", []string{"TollFreeWildCardPattern"}},
	{typeCombined, nil},
}

var combined = []string{"AreaCode", "NpaNxx", "NpaNxxX", "RateCenter", "State", "City", "Zip", "Lata", "LocalVanity", "EndsIn", "TollFreeVanity", "TollFreeWildCardPattern"}

type errorList struct {
	Error []wireFault
}

type orderResponse struct {
	XMLName           xml.Name `xml:"OrderResponse"`
	CompletedQuantity *int
	CreatedByUser     string     `xml:",omitempty"`
	ErrorList         *errorList `xml:",omitempty"`
	FailedNumbers     *failedNumber
	LastModifiedDate  string           `xml:",omitempty"`
	OrderCompleteDate string           `xml:",omitempty"`
	Order             *wireOrder       `xml:",omitempty"`
	OrderStatus       string           `xml:",omitempty"`
	Completed         *completedNumber `xml:"CompletedNumbers"`
	Summary           string           `xml:",omitempty"`
	FailedQuantity    *int
}

type failedNumber struct{ FullNumber []string }

type completedNumber struct {
	TelephoneNumber []struct{ FullNumber string }
}

// createOrder places an order. It is judged at once; the answer says RECEIVED all
// the same, and what became of it is in the order itself.
func (c *call) createOrder() error {
	body, err := c.body("Order")
	if err != nil {
		return err
	}
	req, err := c.orderRequest(body)
	if err != nil {
		return err
	}
	return c.placed(c.store.PlaceOrder(c.r.Context(), c.actor, req))
}

// placed answers for an order or disconnect that was made.
func (c *call) placed(o *tel.Order, err error) error {
	if err != nil {
		return invalidOrder(err)
	}
	c.echo.ID, c.echo.OrderCreateDate = o.ID, when(o.CreatedAt)
	c.w.Header().Set("Location", c.here(c.own(c.collection()+o.ID)))
	return c.answer(http.StatusCreated, orderResponse{Order: c.echo, OrderStatus: string(tel.OrderReceived)})
}

// collection is "/orders/" or "/disconnects/", whichever the path is of.
func (c *call) collection() string { return "/" + c.route.segments[2] + "/" }

// invalidOrder gives what is wrong with an order its code, by the field.
func invalidOrder(err error) error {
	e, ok := errors.AsType[*tel.Error](err)
	if !ok || e.Code != tel.CodeInvalid {
		return err
	}
	switch e.Field {
	case "customer_order_id":
		return bad(codeCustomerID, "CustomerOrderId is at most %d letters, digits, dashes and spaces", tel.MaxCustomerOrderID)
	case "name":
		return bad(codeRange, "Name is out of range: at most %d characters, no control characters", tel.MaxOrderName)
	case "site_id", "peer_id":
		return bad(codeRange, "SiteId or PeerId is out of range")
	case "tn":
		return bad(codeRange, "TelephoneNumberList is out of range: 1 to %d telephone numbers", tel.MostPerOrder)
	case "reservation_id":
		return bad(codeRange, "ReservationIdList is out of range: at most %d ids", tel.MaxReservationIDs)
	case "quantity":
		return bad(codeRange, "Quantity is out of range: 1 to %d", tel.MostPerOrder)
	case "back_order":
		return bad(codeRange, "BackOrderRequested is out of range: at most %d orders of an account wait", tel.MostWaiting)
	case "note":
		return bad(codeRange, "Description is out of range: 1 to %d characters on one line", tel.MaxNote)
	}
	return err
}

// orderRequest reads an order. What it understood becomes the echo, for a refusal too.
func (c *call) orderRequest(body *element) (req tel.OrderRequest, err error) {
	c.echo = &wireOrder{CustomerOrderID: body.value("CustomerOrderId"), Name: body.value("Name"), PeerID: body.value("PeerId"), SiteID: body.value("SiteId")}
	req = tel.OrderRequest{
		Account: c.account, CustomerOrderID: c.echo.CustomerOrderID, Name: c.echo.Name, PeerID: c.echo.PeerID, SiteID: c.echo.SiteID,
		IdempotencyKey: c.r.Header.Get("Idempotency-Key"),
	}
	var partialOK, backOK bool
	req.PartialAllowed, partialOK = parseBool(body.value("PartialAllowed"), true)
	req.BackOrder, backOK = parseBool(body.value("BackOrderRequested"), false)
	if !partialOK || !backOK {
		return req, bad(codeRange, "PartialAllowed and BackOrderRequested are true or false")
	}
	c.echo.PartialAllowed, c.echo.BackOrderRequested = &req.PartialAllowed, &req.BackOrder
	var types []*element
	for _, e := range body.children {
		if strings.HasSuffix(e.name, "OrderType") {
			types = append(types, e)
		}
	}
	if len(types) != 1 {
		return req, bad(codeRequired, "Exactly one order type is required")
	}
	req.TypeName = types[0].name
	c.echo.Type = &orderType{XMLName: name(req.TypeName)}
	if req.TypeName == typeExisting {
		req.Kind = tel.OrderKindExisting
		req.ReservationIDs = texts(types[0], "ReservationIdList", "ReservationId")
		c.echo.Type.Reservations = idsOf(req.ReservationIDs)
		req.TNs, err = c.orderedTNs(types[0])
		return req, err
	}
	req.Kind = tel.OrderKindSearch
	req.Search, err = c.orderSearch(types[0])
	return req, err
}

// texts are the children's texts of all lists of a name: one list with many children
// and lists of one child each, which the npm client's array form makes, are the same.
func texts(e *element, list, child string) (all []string) {
	for _, l := range e.all(list) {
		for _, t := range l.all(child) {
			if t.text != "" {
				all = append(all, t.text)
			}
		}
	}
	return all
}

func (c *call) orderedTNs(e *element) (tns []tel.Number, err error) {
	given := texts(e, "TelephoneNumberList", "TelephoneNumber")
	c.echo.Type.TNs = listOf(given)
	for _, text := range given {
		tn, ok := parseTN(text)
		if !ok {
			f := bad(codeRange, "The telephone number is not one")
			f.number = text
			return nil, f
		}
		tns = append(tns, tn)
	}
	if len(tns) == 0 {
		return nil, bad(codeRequired, "TelephoneNumberList is required")
	}
	return tns, nil
}

func (c *call) orderSearch(e *element) (*tel.OrderSearch, error) {
	i := slices.IndexFunc(searchTypes, func(t searchType) bool { return t.name == e.name })
	if i < 0 {
		c.echo.Type = nil
		return nil, bad(codeRequired, "The order type is not known")
	}
	needs := searchTypes[i].needs
	for _, n := range append([]string{"Quantity"}, needs...) {
		if e.value(n) == "" {
			return nil, bad(codeRequired, "%s is required", n)
		}
	}
	if e.name == typeCombined {
		needs = combined
	}
	k, echo := criteria{quantity: e.value("Quantity")}, c.echo.Type
	for _, n := range needs {
		v := e.value(n)
		into := map[string][2]*string{
			"AreaCode": {&k.areaCode, &echo.AreaCode}, "NpaNxx": {&k.npaNxx, &echo.NpaNxx}, "NpaNxxX": {&k.npaNxxx, &echo.NpaNxxX},
			"RateCenter": {&k.rateCenter, &echo.RateCenter}, "State": {&k.state, &echo.State}, "City": {&k.city, &echo.City}, "Zip": {&k.zip, &echo.Zip}, "Lata": {&k.lata, &echo.Lata},
			"LocalVanity": {&k.localVanity, &echo.LocalVanity}, "EndsIn": {&k.endsIn, &echo.EndsIn},
			"TollFreeVanity": {&k.tollFreeVanity, &echo.TollFreeVanity}, "TollFreeWildCardPattern": {&k.tollFreeWildcard, &echo.TollFreeWildCard},
		}[n]
		*into[0], *into[1] = v, v
	}
	s, err := k.ready()
	if err != nil {
		return nil, err
	}
	echo.Quantity = s.quantity
	q := s.queries[0]
	if len(s.queries) > 1 { // at more than one place: an order has one query
		q.EndsWith, q.Contains = "", q.EndsWith
	}
	return &tel.OrderSearch{Query: q, Quantity: s.quantity}, nil
}

// orderHere reads the order of the path: the account's, and of the path's family.
func (c *call) orderHere() (*tel.Order, error) { return c.orderBy(c.store.Order) }

// orderHead is orderHere for what shows no TNs.
func (c *call) orderHead() (*tel.Order, error) { return c.orderBy(c.store.OrderHead) }

func (c *call) orderBy(read func(context.Context, tel.Actor, string) (*tel.Order, error)) (*tel.Order, error) {
	if _, err := store.CanonicalID(c.args[0]); err != nil {
		return nil, bad(codeNotUUID, "The order id is not a valid UUID")
	}
	o, err := read(c.r.Context(), c.actor, c.args[0])
	if err != nil {
		return nil, err
	}
	if o.Account != c.account || (o.Kind == tel.OrderKindDisconnect) != (c.collection() == "/disconnects/") {
		return nil, tel.NotFound()
	}
	return o, nil
}

func (c *call) getOrder() error {
	o, err := c.orderHere()
	if err != nil {
		return err
	}
	out := orderResponse{
		CompletedQuantity: &o.CompletedCount, CreatedByUser: o.CreatedBy.Name, LastModifiedDate: when(o.ChangedAt), OrderCompleteDate: when(o.CompletedAt),
		Order: c.orderOnWire(o), OrderStatus: string(o.State), Summary: summary(o), FailedQuantity: &o.FailedCount,
	}
	if errs := c.orderErrors(o); len(errs) > 0 {
		out.ErrorList = &errorList{errs}
	}
	if len(o.Failed) > 0 {
		out.FailedNumbers = &failedNumber{c.tns(tnsOf(o.Failed))}
	}
	if len(o.Completed) > 0 {
		out.Completed = &completedNumber{}
		for _, d := range o.Completed {
			out.Completed.TelephoneNumber = append(out.Completed.TelephoneNumber, struct{ FullNumber string }{c.tn(d.TN)})
		}
	}
	return c.answer(200, out)
}

// orderErrors are why an order that is final has not got all.
func (c *call) orderErrors(o *tel.Order) (list []wireFault) {
	if !o.State.Final() {
		return nil
	}
	for _, f := range o.Failed {
		text := textTaken
		switch {
		case o.Kind == tel.OrderKindDisconnect:
			text = "The telephone number is not in service in this account"
		case f.Code == tel.CodeConflict:
			text = "The telephone number was left alone: the order takes all or nothing"
		}
		list = append(list, wireFault{codeTNTaken, text, c.tn(f.TN)})
	}
	if len(o.Failed) == 0 && o.FailedCount > 0 {
		list = append(list, wireFault{Code: codeTNTaken, Description: fmt.Sprintf("%d of the telephone numbers were not available", o.FailedCount)})
	}
	return list
}

// orderOnWire is a kept order as its request was.
func (c *call) orderOnWire(o *tel.Order) *wireOrder {
	w := &wireOrder{
		CustomerOrderID: o.CustomerOrderID, Name: o.Name, ID: o.ID, OrderCreateDate: when(o.CreatedAt), PeerID: o.PeerID, SiteID: o.SiteID,
		BackOrderRequested: &o.BackOrder, PartialAllowed: &o.PartialAllowed,
	}
	t := &orderType{}
	w.Type = t
	switch o.Kind {
	case tel.OrderKindSearch:
		t.XMLName = name(typeCombined)
		if slices.ContainsFunc(searchTypes, func(s searchType) bool { return s.name == o.TypeName }) {
			t.XMLName = name(o.TypeName)
		}
		if o.Search != nil {
			t.search(o.Search)
		}
		return w
	case tel.OrderKindDisconnect:
		t.XMLName, w.BackOrderRequested, w.PartialAllowed = name(typeDisconnect), nil, nil
	default:
		t.XMLName, t.Reservations = name(typeExisting), idsOf(o.ReservationIDs)
	}
	tns := tnsOf(slices.Concat(o.Completed, o.Failed))
	slices.Sort(tns)
	t.TNs = listOf(c.tns(tns))
	return w
}

func tnsOf(list []tel.OrderedTN) (tns []tel.Number) {
	for _, x := range list {
		tns = append(tns, x.TN)
	}
	return tns
}

// search writes a kept search in the vendor's words. Letters of a vanity were kept as
// digits.
func (t *orderType) search(s *tel.OrderSearch) {
	q := s.Query
	t.Quantity, t.RateCenter, t.City, t.State, t.Lata = s.Quantity, q.RateCenter, q.City, q.State, q.LATA
	vanity := strings.ReplaceAll(strings.TrimRight(string(q.EndsWith+q.Contains), "?"), "?", "*")
	switch {
	case len(q.NPAs) > 1 || q.Type == tel.TypeTollFree && len(q.NPAs) == 1 && vanity == "":
		t.TollFreeWildCard = wildcardOf(q.NPAs)
	case len(q.NPAs) == 1 && q.NXX == 0:
		t.AreaCode = fmt.Sprintf("%03d", q.NPAs[0])
	case len(q.NPAs) == 1 && q.X < 0:
		t.NpaNxx = fmt.Sprintf("%03d%03d", q.NPAs[0], q.NXX)
	case len(q.NPAs) == 1:
		t.NpaNxxX = fmt.Sprintf("%03d%03d%d", q.NPAs[0], q.NXX, q.X)
	}
	switch {
	case vanity == "":
	case q.Type == tel.TypeTollFree:
		t.TollFreeVanity = vanity
	default:
		t.LocalVanity = vanity
		if q.EndsWith != "" && len(vanity) < 7 {
			t.EndsIn = "true"
		}
	}
}

// wildcardOf is the pattern that toll-free codes were found by.
func wildcardOf(npas []int) string {
	p := []byte(strconv.Itoa(npas[0]))
	for _, npa := range npas {
		for i, d := range []byte(strconv.Itoa(npa)) {
			if p[i] != d {
				p[i] = '*'
			}
		}
	}
	return string(p)
}

// summary is "3 numbers ordered in (804, 919)".
func summary(o *tel.Order) string {
	what := "ordered"
	if o.Kind == tel.OrderKindDisconnect {
		what = "disconnected"
	}
	s := fmt.Sprintf("%d numbers %s", o.CompletedCount, what)
	if o.CompletedCount == 1 {
		s = "1 number " + what
	}
	var npas []string
	for _, t := range o.Completed {
		if npa := fmt.Sprintf("%03d", t.TN.NPA()); !slices.Contains(npas, npa) {
			npas = append(npas, npa)
		}
	}
	if len(npas) > 0 {
		s += " in (" + strings.Join(npas, ", ") + ")"
	}
	return s
}

// putOrder renames an order, or closes one that waits.
func (c *call) putOrder() error {
	if _, err := c.orderHead(); err != nil {
		return err
	}
	body, err := c.body("Order")
	if err != nil {
		return err
	}
	var u tel.OrderUpdate
	if e := body.last("Name"); e != nil {
		u.Name = &e.text
	}
	if e := body.last("CustomerOrderId"); e != nil {
		u.CustomerOrderID = &e.text
	}
	var ok bool
	if u.Close, ok = parseBool(body.value("CloseOrder"), false); !ok {
		return bad(codeRange, "CloseOrder is out of range: true or false")
	}
	o, err := c.store.UpdateOrder(c.r.Context(), c.actor, c.args[0], u)
	if err != nil {
		return invalidOrder(err)
	}
	return c.answer(200, orderResponse{Order: c.orderOnWire(o), OrderStatus: string(o.State)})
}
