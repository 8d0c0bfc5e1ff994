package bandwidth

import (
	"context"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

type searchResult struct {
	XMLName xml.Name     `xml:"SearchResult"`
	Count   int          `xml:"ResultCount,omitempty"`
	TNs     *tnList      `xml:"TelephoneNumberList"`
	Details *foundDetail `xml:"TelephoneNumberDetailList"`
}

type tnList struct {
	TelephoneNumber []string
}

type foundDetail struct {
	TelephoneNumberDetail []foundTN
}

// foundTN is a TN of a detailed search. LATA is upper case here and nowhere else.
type foundTN struct {
	City       string `xml:",omitempty"`
	LATA       string `xml:",omitempty"`
	RateCenter string `xml:",omitempty"`
	State      string `xml:",omitempty"`
	FullNumber string
	Tier       string `xml:",omitempty"`
	VendorName string `xml:",omitempty"`
}

// mostFound is the largest quantity, and the default.
const mostFound = 5000

// criteria are what a search or a search-and-order asks for, as text: from an
// address or from an order.
type criteria struct {
	areaCode, npaNxx, npaNxxx          string
	rateCenter, state, city, zip, lata string
	localVanity, endsIn                string
	tollFreeVanity, tollFreeWildcard   string
	quantity                           string
	protected, orderBy, detail, lca    string
}

func (c *call) criteria() criteria {
	q := c.query
	return criteria{
		areaCode: q("areaCode"), npaNxx: q("npaNxx"), npaNxxx: q("npaNxxx"),
		rateCenter: q("rateCenter"), state: q("state"), city: q("city"), zip: q("zip"), lata: q("lata"),
		localVanity: q("localVanity"), endsIn: q("endsIn"),
		tollFreeVanity: q("tollFreeVanity"), tollFreeWildcard: q("tollFreeWildCardPattern"),
		quantity: q("quantity"), protected: q("protected"), orderBy: q("orderBy"), detail: q("enableTNDetail"), lca: q("LCA"),
	}
}

// sought is a search made ready. A vanity pattern may stand at several places of the
// last seven digits: that is a query for each.
type sought struct {
	queries  []tel.Query
	quantity int
	nothing  bool // matches no TN of ours, whatever is free
}

// ready turns criteria into queries, or answers the code of what is wrong with them.
func (k criteria) ready() (s sought, err error) {
	q := tel.NewQuery()
	for _, step := range []func(*tel.Query) error{k.number, k.place, k.tollFree, k.order} {
		if err := step(&q); err != nil {
			return s, err
		}
	}
	if s.quantity, err = k.howMany(); err != nil {
		return s, err
	}
	if err := k.flags(&s); err != nil {
		return s, err
	}
	if err := q.Check(); err != nil {
		return s, bad(4000, "The area code does not fit the other search parameters")
	}
	s.queries, err = k.vanity(q)
	return s, err
}

func digits(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789") == "" }

// number reads areaCode, npaNxx and npaNxxx, of which there is one at most.
func (k criteria) number(q *tel.Query) error {
	given := 0
	for _, s := range []string{k.areaCode, k.npaNxx, k.npaNxxx} {
		if s != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return bad(4002, "areaCode, npaNxx and npaNxxx exclude one another")
	case k.areaCode != "":
		npa, _ := strconv.Atoi(k.areaCode)
		if !digits(k.areaCode, 3) || tel.CheckNPA(npa) != nil {
			return bad(4000, "The area code submitted is invalid")
		}
		q.NPAs = []int{npa}
	case given == 1:
		text := k.npaNxx + k.npaNxxx
		want := 6
		if k.npaNxxx != "" {
			want = 7
		}
		if !digits(text, want) {
			return bad(4002, "The NPA/NXX submitted is invalid")
		}
		npa, _ := strconv.Atoi(text[:3])
		nxx, _ := strconv.Atoi(text[3:6])
		if tel.CheckExchange(npa, nxx) != nil {
			return bad(4002, "The NPA/NXX submitted is invalid")
		}
		q.NPAs, q.NXX = []int{npa}, nxx
		if want == 7 {
			q.X = int(text[6] - '0')
		}
	}
	return nil
}

// place reads rateCenter, state, city, zip and lata.
func (k criteria) place(q *tel.Query) error {
	state := strings.ToUpper(k.state)
	switch {
	case state != "" && !isState(state):
		return bad(4006, "The state submitted is invalid")
	case len(k.rateCenter) > tel.MaxName || k.rateCenter != "" && state == "":
		return bad(4001, "The rate center submitted is invalid: it needs its state")
	case len(k.city) > tel.MaxName || k.city != "" && state == "":
		return bad(4005, "The city submitted is invalid: it needs its state")
	case k.zip != "":
		return bad(4007, "The zip code submitted is invalid: this inventory knows none")
	case k.lata != "" && (len(k.lata) < 3 || !digits(k.lata, min(len(k.lata), 5))):
		return bad(4008, "The LATA submitted is invalid")
	}
	q.State, q.RateCenter, q.City, q.LATA = state, k.rateCenter, k.city, k.lata
	return nil
}

// tollFree reads tollFreeWildCardPattern, and that a toll-free vanity is one.
func (k criteria) tollFree(q *tel.Query) error {
	if k.tollFreeVanity != "" || k.tollFreeWildcard != "" {
		q.Type = tel.TypeTollFree
	}
	p := k.tollFreeWildcard
	if p == "" {
		return nil
	}
	if len(p) != 3 || p[0] != '8' || strings.Trim(p, "0123456789*") != "" || k.areaCode+k.npaNxx+k.npaNxxx != "" {
		return bad(4004, "The toll free wild card pattern submitted is invalid")
	}
	for npa := 800; npa < 900; npa++ {
		d := strconv.Itoa(npa)
		if tel.TollFreeNPA(npa) && (p[1] == '*' || p[1] == d[1]) && (p[2] == '*' || p[2] == d[2]) {
			q.NPAs = append(q.NPAs, npa)
		}
	}
	if q.NPAs == nil {
		return bad(4004, "The toll free wild card pattern submitted is invalid: there is no such toll free code")
	}
	return nil
}

// order reads orderBy. Each of its values sorts by the number from the front, so that
// one order serves them all.
func (k criteria) order(q *tel.Query) error {
	if k.orderBy == "" {
		return nil
	}
	if !slices.ContainsFunc([]string{"fullNumber", "npaNxxx", "npaNxx", "areaCode"}, func(s string) bool { return strings.EqualFold(s, k.orderBy) }) {
		return bad(4020, "orderBy is one of fullNumber, npaNxxx, npaNxx and areaCode")
	}
	if k.npaNxx+k.npaNxxx+k.rateCenter+k.city+k.zip+k.tollFreeVanity+k.tollFreeWildcard == "" {
		return bad(4021, "orderBy needs one of npaNxx, npaNxxx, rateCenter, city, zip, tollFreeVanity and tollFreeWildCardPattern")
	}
	q.Order = tel.OrderAscending
	return nil
}

func (k criteria) howMany() (int, error) {
	if k.quantity == "" {
		return mostFound, nil
	}
	n, err := strconv.Atoi(k.quantity)
	if err != nil || n < 1 || n > mostFound {
		return 0, bad(codeRange, "quantity is out of range: 1 to %d", mostFound)
	}
	return n, nil
}

// flags reads what is true or false, and protected. No TN of this inventory is a
// protected one.
func (k criteria) flags(s *sought) error {
	switch strings.ToUpper(k.protected) {
	case "", "NONE", "MIXED":
	case "ONLY":
		s.nothing = true
	default:
		return bad(4022, "protected is one of NONE, ONLY and MIXED")
	}
	for _, f := range []struct{ name, value string }{{"enableTNDetail", k.detail}, {"LCA", k.lca}, {"endsIn", k.endsIn}} {
		if _, ok := parseBool(f.value, false); !ok {
			return bad(codeRange, "%s is out of range: true or false", f.name)
		}
	}
	return nil
}

// vanity reads localVanity, endsIn and tollFreeVanity, and that anything was asked
// for at all.
func (k criteria) vanity(q tel.Query) ([]tel.Query, error) {
	endsIn, _ := parseBool(k.endsIn, false)
	switch {
	case k.localVanity != "" && k.tollFreeVanity != "":
		return nil, bad(4003, "The toll free vanity submitted is invalid: localVanity excludes it")
	case k.localVanity != "":
		p, ok := vanityPattern(k.localVanity, 3, "*_")
		if !ok {
			return nil, bad(codeCriteria, "The local vanity submitted is invalid: 3 to 7 letters, digits, * and _, of which 3 at most are * or _")
		}
		q.Type = tel.TypeLocal
		if q.Check() != nil {
			return nil, bad(4000, "The area code does not fit the other search parameters")
		}
		return inLastSeven(q, p, endsIn), nil
	case endsIn:
		return nil, bad(codeCriteria, "endsIn needs localVanity")
	case k.tollFreeVanity != "":
		p, ok := vanityPattern(k.tollFreeVanity, 4, "")
		if !ok {
			return nil, bad(4003, "The toll free vanity submitted is invalid: 4 to 7 letters and digits")
		}
		return inLastSeven(q, p, false), nil
	case k.areaCode+k.npaNxx+k.npaNxxx+k.state+k.lata+k.tollFreeWildcard == "":
		return nil, bad(codeCriteria, textCriteria)
	}
	return []tel.Query{q}, nil
}

// vanityPattern reads a vanity: letters as on a telephone's keys, and wildcards for
// any one digit.
func vanityPattern(s string, least int, wildcards string) (tel.Pattern, bool) {
	if len(s) < least || len(s) > 7 || strings.IndexFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(wildcards, r))
	}) >= 0 {
		return "", false
	}
	p, err := tel.ParsePattern("localVanity", strings.ReplaceAll(s, "_", "*"))
	return p, err == nil
}

// inLastSeven lays a pattern at every place of the last seven digits, or at their
// end only.
func inLastSeven(q tel.Query, p tel.Pattern, endsIn bool) (list []tel.Query) {
	for after := 0; len(p)+after <= 7; after++ {
		q.EndsWith = p + tel.Pattern(strings.Repeat("?", after))
		list = append(list, q)
		if endsIn {
			break
		}
	}
	return list
}

// longestSearch is after what time a search answers what it has.
const longestSearch = 2 * time.Second

// search collects what is found, each TN once.
func (c *call) search(s sought) ([]tel.FoundTN, error) {
	if s.nothing {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), longestSearch)
	defer cancel()
	var found []tel.FoundTN
	if leave, err := c.cfg.Searches.Take(ctx, c.actor.Account.String()); err == nil {
		defer leave()
	} else {
		s.queries = nil
	}
	for _, q := range s.queries {
		q.Seed = c.store.Shelf().NextSeed()
		part, err := c.searchOne(ctx, q, s.quantity)
		found = append(found, part...)
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
	}
	switch {
	case c.r.Context().Err() != nil:
		return nil, c.r.Context().Err()
	case ctx.Err() != nil && len(found) == 0:
		return nil, tel.Refuse(tel.CodeBusy, "Too many searches are running; nothing was done. Try again in a moment.")
	}
	if len(s.queries) > 1 {
		found = once(found, s.queries[0].Order == tel.OrderAscending)
	}
	return found[:min(len(found), s.quantity)], nil
}

// mostPages bounds one search: a page of a search that hardly anything matches may
// be short.
const mostPages = 20

func (c *call) searchOne(ctx context.Context, q tel.Query, quantity int) (found []tel.FoundTN, err error) {
	for range mostPages {
		q.Limit = quantity - len(found)
		page, err := c.store.Search(ctx, c.actor, q)
		if err != nil {
			return found, err
		}
		found = append(found, page.TNs...)
		if q.Cursor = page.Next; q.Cursor == "" || len(found) >= quantity {
			break
		}
	}
	return found, nil
}

// once drops doubles, and sorts where an order was asked for.
func once(list []tel.FoundTN, sorted bool) []tel.FoundTN {
	seen := make(map[tel.Number]bool, len(list))
	list = slices.DeleteFunc(list, func(f tel.FoundTN) bool {
		double := seen[f.TN]
		seen[f.TN] = true
		return double
	})
	if sorted {
		slices.SortFunc(list, func(a, b tel.FoundTN) int { return int(a.TN - b.TN) })
	}
	return list
}

func (c *call) availableNumbers() error {
	if err := c.actor.Require(tel.ActSearch, c.account); err != nil {
		return err
	}
	k := c.criteria()
	s, err := k.ready()
	if err != nil {
		return err
	}
	found, err := c.search(s)
	if err != nil {
		return err
	}
	out := searchResult{Count: len(found)}
	detailed, _ := parseBool(k.detail, false)
	switch {
	case len(found) == 0:
	case detailed:
		out.Details = &foundDetail{}
		for _, f := range found {
			out.Details.TelephoneNumberDetail = append(out.Details.TelephoneNumberDetail, foundTN{
				City: f.Place.City, LATA: f.Place.LATA, RateCenter: f.Place.RateCenter, State: f.Place.State,
				FullNumber: c.tn(f.TN), Tier: tier(f.Offer), VendorName: f.Place.Carrier,
			})
		}
	default:
		out.TNs = &tnList{}
		for _, f := range found {
			out.TNs.TelephoneNumber = append(out.TNs.TelephoneNumber, c.tn(f.TN))
		}
	}
	return c.answer(200, out)
}

// states are the two-letter codes of the North American Numbering Plan's states,
// districts, territories and provinces.
const states = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY " +
	"DC PR VI GU AS MP AB BC MB NB NL NS NT NU ON PE QC SK YT"

func isState(s string) bool { return len(s) == 2 && slices.Contains(strings.Fields(states), s) }
