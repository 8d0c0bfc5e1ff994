package bandwidth

import (
	"encoding/xml"
	"fmt"
	"strings"

	"tnreserve/store/tel"
)

type exchange struct {
	City     string `xml:",omitempty"`
	NPA      string `xml:"Npa"`
	NXX      string `xml:"Nxx"`
	Quantity int64
	State    string `xml:",omitempty"`
}

type exchanges struct {
	XMLName xml.Name `xml:"SearchResultForAvailableNpaNxx"`
	List    struct {
		AvailableNpaNxx []exchange
	} `xml:"AvailableNpaNxxList"`
}

// availableNpaNxx counts what is free per exchange; quantity is how many exchanges
// are listed at most.
func (c *call) availableNpaNxx() error {
	if err := c.actor.Require(tel.ActSearch, c.account); err != nil {
		return err
	}
	k := criteria{areaCode: c.query("areaCode"), state: c.query("state"), quantity: c.query("quantity")}
	s, err := k.ready()
	if err != nil {
		return err
	}
	list, err := c.store.FreeExchanges(c.r.Context(), c.actor, s.queries[0], s.quantity)
	if err != nil {
		return err
	}
	var out exchanges
	for _, x := range list {
		out.List.AvailableNpaNxx = append(out.List.AvailableNpaNxx, exchange{
			City: x.Place.City, NPA: fmt.Sprintf("%03d", x.NPA), NXX: fmt.Sprintf("%03d", x.NXX), Quantity: x.Free, State: x.Place.State,
		})
	}
	return c.answer(200, out)
}

type city struct {
	Name string
}

type cityResponse struct {
	XMLName xml.Name `xml:"CityResponse"`
	Count   int      `xml:"ResultCount"`
	Cities  struct {
		City []city
	}
}

type rateCenter struct {
	Abbreviation string
	Name         string
}

type rateCenterResponse struct {
	XMLName     xml.Name `xml:"RateCenterResponse"`
	Count       int      `xml:"ResultCount"`
	RateCenters struct {
		RateCenter []rateCenter
	}
}

// stateOf reads the state that lists of places need.
func (c *call) stateOf() (string, error) {
	state := strings.ToUpper(c.query("state"))
	switch {
	case state == "":
		return "", bad(codeRequired, "state is required")
	case !isState(state):
		return "", bad(4006, "The state submitted is invalid")
	}
	return state, nil
}

func (c *call) cities() error {
	state, err := c.stateOf()
	if err != nil {
		return err
	}
	var out cityResponse
	for _, name := range c.store.Shelf().Cities(state, "", 0) {
		out.Cities.City = append(out.Cities.City, city{name})
	}
	out.Count = len(out.Cities.City)
	return c.answer(200, out)
}

func (c *call) rateCenters() error {
	state, err := c.stateOf()
	if err != nil {
		return err
	}
	var out rateCenterResponse
	for _, name := range c.store.Shelf().RateCenters(state, "", 0) {
		out.RateCenters.RateCenter = append(out.RateCenters.RateCenter, rateCenter{name, name})
	}
	out.Count = len(out.RateCenters.RateCenter)
	return c.answer(200, out)
}
