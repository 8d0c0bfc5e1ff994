package bandwidth

import (
	"encoding/xml"

	"tnreserve/store"
)

type accountResponse struct {
	XMLName xml.Name `xml:"AccountResponse"`
	Account struct {
		AccountID          string `xml:"AccountId"`
		CompanyName        string
		ReservationAllowed bool
	}
}

type product struct {
	Name     string
	Features *features `xml:",omitempty"`
}

type features struct{ Feature []string }

type productsResponse struct {
	XMLName  xml.Name  `xml:"AccountProductsResponse"`
	Products []product `xml:"Products>Product"`
}

func (c *call) getAccount() error {
	a, err := c.store.Account(c.r.Context(), c.actor, c.account)
	if err != nil {
		return err
	}
	var out accountResponse
	out.Account.AccountID, out.Account.CompanyName, out.Account.ReservationAllowed = a.ID.String(), a.Name, a.ReservationsOn
	return c.answer(200, out)
}

// putAccount turns reservation on or off. The wire does not ask what becomes of live
// holds; they run to their expiry.
func (c *call) putAccount() error {
	body, err := c.body("Account")
	if err != nil {
		return err
	}
	text := body.value("ReservationAllowed")
	if text == "" {
		return bad(codeRequired, "ReservationAllowed is required")
	}
	on, ok := parseBool(text, false)
	if !ok {
		return bad(codeRange, "ReservationAllowed is out of range: true or false")
	}
	if _, err := c.store.SwitchReservations(c.r.Context(), c.actor, c.account, on, store.LiveKeep); err != nil {
		return err
	}
	return c.getAccount()
}

// products names what the account may do: to reserve is a feature.
func (c *call) products() error {
	a, err := c.store.Account(c.r.Context(), c.actor, c.account)
	if err != nil {
		return err
	}
	numbers := product{Name: "Origination"}
	if a.ReservationsOn {
		numbers.Features = &features{[]string{"RESERVATION"}}
	}
	return c.answer(200, productsResponse{Products: []product{numbers}})
}
