package telnyx

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// availableNumber is an available_phone_number.
type availableNumber struct {
	RecordType      string    `json:"record_type"`
	PhoneNumber     string    `json:"phone_number"`
	VanityFormat    *string   `json:"vanity_format"`
	BestEffort      bool      `json:"best_effort"`
	Quickship       bool      `json:"quickship"`
	Reservable      bool      `json:"reservable"`
	Region          []region  `json:"region_information"`
	Cost            cost      `json:"cost_information"`
	Features        []feature `json:"features"`
	PhoneNumberType string    `json:"phone_number_type"`
}

type region struct {
	Type string `json:"region_type"`
	Name string `json:"region_name"`
}

type cost struct {
	Upfront  string `json:"upfront_cost"`
	Monthly  string `json:"monthly_cost"`
	Currency string `json:"currency"`
}

type feature struct {
	Name string `json:"name"`
}

type found struct {
	TotalResults      int `json:"total_results"`
	BestEffortResults int `json:"best_effort_results"`
}

const (
	typeLocal    = "local"
	typeTollFree = "toll_free"
)

func typeOf(tn tel.Number) string {
	if tn.TollFree() {
		return typeTollFree
	}
	return typeLocal
}

func available(f tel.FoundTN, best bool) availableNumber {
	w := availableNumber{
		RecordType: "available_phone_number", PhoneNumber: f.TN.E164(), BestEffort: best, Quickship: true, Reservable: true,
		Region: []region{{"country_code", f.Place.Country()}}, Features: []feature{}, PhoneNumberType: typeOf(f.TN),
		Cost: cost{"0.00000", fmt.Sprintf("%d.%05d", f.Offer.MonthlyCost/100_000, f.Offer.MonthlyCost%100_000), "USD"},
	}
	for _, r := range []region{{"rate_center", f.Place.RateCenter}, {"state", f.Place.State}, {"location", f.Place.City}} {
		if r.Name != "" {
			w.Region = append(w.Region, r)
		}
	}
	for name := range strings.SplitSeq(f.Offer.Features, ",") {
		if name != "" {
			w.Features = append(w.Features, feature{name})
		}
	}
	return w
}

// sought is a search made ready.
type sought struct {
	query   tel.Query
	limit   int
	best    bool // fill up with what is near
	nothing bool // matches no TN of ours, whatever is free
}

// usualFound is how many TNs are shown where nobody says.
const usualFound = 100

func (c *call) availableNumbers() error {
	if err := c.actor.Require(tel.ActSearch, c.actor.Account); err != nil {
		return err
	}
	p := c.params("filter[country_code]", "filter[phone_number][starts_with]", "filter[phone_number][ends_with]", "filter[phone_number][contains]",
		"filter[locality]", "filter[administrative_area]", "filter[national_destination_code]", "filter[rate_center]", "filter[phone_number_type]",
		"filter[features]", "filter[limit]", "filter[best_effort]", "filter[quickship]", "filter[reservable]", "filter[exclude_held_numbers]", "filter[consecutive]")
	s := p.sought()
	if err := p.check(); err != nil {
		return err
	}
	exact, near, err := c.search(s)
	if err != nil {
		return err
	}
	out := make([]availableNumber, 0, len(exact)+len(near))
	for _, f := range exact {
		out = append(out, available(f, false))
	}
	for _, f := range near {
		out = append(out, available(f, true))
	}
	total := found{len(out), len(near)}
	return c.answer(http.StatusOK, struct {
		Data     []availableNumber `json:"data"`
		Meta     found             `json:"meta"`
		Metadata found             `json:"metadata"`
	}{out, total, total})
}

// sought reads the filters. That a TN can be shipped quickly, be reserved and is not
// held is so of each that is found: these three filters are read and leave all.
func (p *params) sought() sought {
	s := sought{query: tel.NewQuery(), limit: usualFound}
	for _, name := range []string{"filter[quickship]", "filter[reservable]", "filter[exclude_held_numbers]"} {
		p.flag(name)
	}
	s.best, _ = p.flag("filter[best_effort]")
	if n := p.number("filter[limit]", 1, longestPage); n != 0 {
		s.limit = n
	}
	country, ok := p.country()
	s.query.Country, s.nothing = cmp.Or(country, tel.CountryUS), !ok
	p.place(&s.query)
	p.patterns(&s.query)
	p.kind(&s)
	s.query.Run = p.number("filter[consecutive]", 1, tel.MaxRun)
	if p.err == nil {
		if err := s.query.Check(); err != nil {
			p.refuse(newFault(http.StatusBadRequest, codeFilter, err.Error()))
		}
	}
	return s
}

func (p *params) place(q *tel.Query) {
	q.City, q.RateCenter = p.name("filter[locality]"), p.name("filter[rate_center]")
	q.State = strings.ToUpper(p.text("filter[administrative_area]"))
	if s := q.State; s != "" && (len(s) != 2 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		p.wrong("filter[administrative_area]", "is a state's two letters, such as IL")
	}
	const ndc = "filter[national_destination_code]"
	if text := p.text(ndc); text != "" {
		npa, err := strconv.Atoi(text)
		if err != nil || len(text) != 3 || tel.CheckNPA(npa) != nil {
			p.wrong(ndc, "is an area code, such as 312")
		}
		q.NPAs = []int{npa}
	}
}

func (p *params) name(name string) string {
	text := p.text(name)
	if len(text) > tel.MaxName {
		p.wrong(name, "is too long")
	}
	return text
}

func (p *params) patterns(q *tel.Query) {
	for name, into := range map[string]*tel.Pattern{"starts_with": &q.StartsWith, "ends_with": &q.EndsWith, "contains": &q.Contains} {
		name = "filter[phone_number][" + name + "]"
		text := p.text(name)
		pattern, err := tel.ParsePattern(name, text)
		if err != nil || len(text) > 20 {
			p.wrong(name, "is up to ten digits, without the country code")
			continue
		}
		*into = pattern
	}
}

// kind reads the type and the features.
func (p *params) kind(s *sought) {
	switch p.oneOf("filter[phone_number_type]", typeLocal, typeTollFree, "mobile", "national", "shared_cost", "landline") {
	case "":
	case typeLocal:
		s.query.Type = tel.TypeLocal
	case typeTollFree:
		s.query.Type = tel.TypeTollFree
	default:
		s.nothing = true
	}
	features := p.list("filter[features]")
	s.query.Feature = strings.Join(features, ",")
	for _, f := range features {
		if len(f) > 32 || strings.Trim(f, "abcdefghijklmnopqrstuvwxyz_") != "" {
			p.wrong("filter[features]", "names features such as sms, mms, voice")
		}
	}
	if len(features) > 10 {
		p.wrong("filter[features]", "names at most 10 features")
	}
}

// longestSearch is after what time a search answers what it has.
const longestSearch = 2 * time.Second

// search waits for a place and searches.
func (c *call) search(s sought) (exact, near []tel.FoundTN, err error) {
	if s.nothing {
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), longestSearch)
	defer cancel()
	leave, err := c.cfg.Searches.Take(ctx, c.actor.Account.String())
	if err != nil {
		if err := c.r.Context().Err(); err != nil {
			return nil, nil, err
		}
		return nil, nil, tooMany()
	}
	defer leave()
	return c.inTime(ctx, s)
}

func tooMany() error {
	return newFault(http.StatusServiceUnavailable, codeInternal, "Too many searches are running; nothing was done. Try again in a moment.")
}

// inTime finds what matches, and with best effort fills up with what is near: the same in
// any place and area code. That nothing was found in time does not mean that there is
// nothing.
func (c *call) inTime(ctx context.Context, s sought) (exact, near []tel.FoundTN, err error) {
	if exact, err = c.collect(ctx, s, s.query, nil); err != nil {
		return nil, nil, err
	}
	wider := s.query
	wider.City, wider.RateCenter, wider.NPAs = "", "", nil
	narrow := s.query.City+s.query.RateCenter != "" || len(s.query.NPAs) > 0
	if s.best && narrow && len(exact) < s.limit {
		near, err = c.collect(ctx, s, wider, exact)
	}
	if err == nil && ctx.Err() != nil && len(exact)+len(near) == 0 {
		err = tooMany()
	}
	return exact, near, err
}

// mostPages bounds one search: a page of one that hardly anything matches may be
// short.
const mostPages = 20

// collect reads pages of a query until there are enough, or time is up.
func (c *call) collect(ctx context.Context, s sought, q tel.Query, had []tel.FoundTN) (out []tel.FoundTN, err error) {
	q.Seed = c.store.Shelf().NextSeed()
	for range mostPages {
		q.Limit = max(s.limit-len(had)-len(out), q.Run)
		page, err := c.store.Search(ctx, c.actor, q)
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		for _, f := range page.TNs {
			double := slices.ContainsFunc(had, func(h tel.FoundTN) bool { return h.TN == f.TN })
			if !double && len(had)+len(out) < s.limit {
				out = append(out, f)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" || len(had)+len(out) >= s.limit || ctx.Err() != nil {
			break
		}
	}
	return out, c.r.Context().Err()
}
