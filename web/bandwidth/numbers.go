package bandwidth

import (
	"encoding/xml"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// statuses are the states of a TN in Bandwidth's words.
var statuses = map[tel.TNState]string{
	tel.TNAvailable: "Available", tel.TNReserved: "Reserved", tel.TNInService: "Inservice", tel.TNAging: "Aging", tel.TNDisabled: "Disabled",
}

type tnResponse struct {
	XMLName          xml.Name `xml:"TelephoneNumberResponse"`
	TelephoneNumber  string
	Status           string
	LastModifiedDate string `xml:",omitempty"`
	OrderCreateDate  string `xml:",omitempty"`
	OrderID          string `xml:"OrderId,omitempty"`
	OrderType        string `xml:",omitempty"`
	InServiceDate    string `xml:",omitempty"`
	SiteID           string `xml:"SiteId,omitempty"`
	AccountID        string `xml:"AccountId,omitempty"`
}

// tnDetail is a TN with its place; a value that is not known is no element.
type tnDetail struct {
	City         string `xml:",omitempty"`
	LATA         string `xml:"Lata,omitempty"`
	State        string `xml:",omitempty"`
	FullNumber   string
	Tier         string `xml:",omitempty"`
	VendorName   string `xml:",omitempty"`
	RateCenter   string `xml:",omitempty"`
	Status       string `xml:",omitempty"`
	AccountID    string `xml:"AccountId,omitempty"`
	LastModified string `xml:",omitempty"`
}

type tnDetailResponse struct {
	XMLName xml.Name `xml:"TelephoneNumberResponse"`
	Details tnDetail `xml:"TelephoneNumberDetails"`
}

// tier is Bandwidth's: a number, 0 for the usual price. Clients read it as one, so a
// tier with a name is left out.
func tier(o tel.Offer) string {
	switch {
	case o.Tier == "":
		return "0"
	case len(o.Tier) <= 4 && strings.Trim(o.Tier, "0123456789") == "":
		return o.Tier
	}
	return ""
}

// lookUp reads the TN of the path. One that the client has no business with, held or
// sold elsewhere or unknown, does not exist.
func (c *call) lookUp() (*store.TNReport, error) {
	tn, ok := parseTN(c.args[0])
	if !ok {
		return nil, tel.NotFound()
	}
	report, err := c.store.LookUp(c.r.Context(), c.actor, tn)
	if err == nil && report.State == "" {
		err = tel.NotFound()
	}
	return report, err
}

func (c *call) getTN() error {
	report, err := c.lookUp()
	if err != nil {
		return err
	}
	out := tnResponse{TelephoneNumber: c.tn(report.TN), Status: statuses[report.State]}
	if account, since := whose(report); account != 0 {
		out.AccountID, out.LastModifiedDate = account.String(), when(since)
	}
	if n := report.Service; n != nil {
		out.SiteID = n.SiteID
		if n.State == tel.TNInService {
			out.InServiceDate = when(n.Since)
		}
		if n.OrderID != "" {
			out.OrderCreateDate, out.OrderID, out.OrderType = when(n.OrderCreatedAt), n.OrderID, "NEW_NUMBER_ORDER"
		}
	}
	return c.answer(200, out)
}

// whose is the account that has a TN, and since when.
func whose(report *store.TNReport) (tel.AccountID, time.Time) {
	if r := report.Reservation; r != nil {
		return r.Account, r.CreatedAt
	}
	if n := report.Service; n != nil {
		return n.Account, n.Since
	}
	return 0, time.Time{}
}

func (c *call) tnDetails() error {
	report, err := c.lookUp()
	if err != nil {
		return err
	}
	d := c.detail(report.TN, report.Place, report.Offer)
	d.Status = statuses[report.State]
	if account, since := whose(report); account != 0 {
		d.AccountID, d.LastModified = account.String(), when(since)
	}
	return c.answer(200, tnDetailResponse{Details: d})
}

func (c *call) detail(tn tel.Number, p tel.Place, o tel.Offer) tnDetail {
	return tnDetail{City: p.City, LATA: p.LATA, State: p.State, FullNumber: c.tn(tn), Tier: tier(o), VendorName: p.Carrier, RateCenter: p.RateCenter}
}

type tnsInService struct {
	XMLName xml.Name `xml:"TelephoneNumbersResponse"`
	Count   int      `xml:"TelephoneNumberCount"`
	Links   links
	TNs     struct {
		TelephoneNumber []tnDetail
	} `xml:"TelephoneNumbers"`
}

// listTNs lists what an account has in service, or ages.
func (c *call) listTNs() error {
	q, err := c.tnQuery()
	if err != nil {
		return err
	}
	page, err := c.store.TNsInService(c.r.Context(), c.actor, q)
	if err != nil {
		return err
	}
	var out tnsInService
	if out.Count, err = c.store.CountTNs(c.r.Context(), c.actor, q); err != nil {
		return err
	}
	next := ""
	if page.Next != 0 {
		next = c.tn(page.Next)
	}
	out.Links = c.links(next)
	for _, n := range page.Rows {
		d := c.detail(n.TN, n.Place, n.Offer)
		d.Status, d.AccountID, d.LastModified = statuses[n.State], n.Account.String(), when(n.Since)
		out.TNs.TelephoneNumber = append(out.TNs.TelephoneNumber, d)
	}
	return c.answer(200, out)
}

// tnQuery reads which TNs to list. A page begins at its first TN; 1 is the first page.
func (c *call) tnQuery() (q store.TNQuery, err error) {
	q = store.NewTNQuery(c.actor.Account)
	if text := c.query("accountId"); text != "" {
		if q.Account, err = tel.ParseAccountID(text); err != nil || !c.actor.Sees(q.Account) {
			return q, tel.NotFound()
		}
	}
	if q.Limit, err = c.size(500, 2500); err != nil {
		return q, err
	}
	if page := c.query("page"); page != "" && page != "1" {
		var ok bool
		if q.From, ok = parseTN(page); !ok {
			return q, bad(codeRange, "page is out of range: 1, or the first telephone number of the page")
		}
	}
	if text := c.query("status"); text != "" {
		q.Status = "none"
		for state, word := range statuses {
			if strings.EqualFold(word, text) {
				q.Status = state
			}
		}
		if q.Status != tel.TNInService && q.Status != tel.TNAging {
			return q, bad(codeRange, "status is out of range: Inservice or Aging")
		}
	}
	var of tel.Query
	k := criteria{areaCode: c.query("npa"), npaNxx: c.query("npaNxx"), npaNxxx: c.query("npaNxxX"), state: c.query("state"), lata: c.query("lata")}
	of.X = -1
	if err := k.number(&of); err != nil {
		return q, err
	}
	if err := k.place(&of); err != nil {
		return q, err
	}
	if len(of.NPAs) > 0 {
		q.NPA, q.NXX, q.X = of.NPAs[0], of.NXX, of.X
	}
	q.State, q.LATA, q.RateCenter, q.City = of.State, of.LATA, c.query("rateCenter"), c.query("city")
	return q, nil
}
