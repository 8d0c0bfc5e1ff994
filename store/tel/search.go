package tel

import (
	"slices"
	"strconv"
	"strings"
)

// Pattern is what part of a TN should look like: '0'–'9' for a digit, '?' for any
// one digit. Empty asks for nothing.
type Pattern string

// What a search may ask for at most: a longer pattern cannot match ten digits, and
// wildcards cost the searcher's neighbours time.
const (
	MaxPattern   = 10
	MaxWildcards = 3
	MaxRun       = BlockSize
	MaxNPAs      = 50
)

const letterKeys = "22233344455566677778889999" // A–Z on a telephone's keys

// ParsePattern reads what somebody typed: digits, '?' or '*' for any one digit, letters as on
// a telephone's keys (FLOWERS is 3569377), and the punctuation of a TN, which is
// passed over. CodeInvalid with the given field when it cannot match any TN.
func ParsePattern(field, s string) (Pattern, error) {
	var p []byte
	wild := 0
	for _, r := range strings.ToUpper(strings.TrimSpace(s)) {
		switch {
		case r >= '0' && r <= '9':
			p = append(p, byte(r))
		case r >= 'A' && r <= 'Z':
			p = append(p, letterKeys[r-'A'])
		case r == '?' || r == '*':
			p = append(p, '?')
			wild++
		case strings.ContainsRune(" -.()", r):
		default:
			return "", Invalid(field, "Digits, letters and ? (any one digit) only.")
		}
	}
	switch {
	case len(p) > MaxPattern:
		return "", Invalid(field, "A number has ten digits; this asks for %d.", len(p))
	case wild > MaxWildcards:
		return "", Invalid(field, "At most %d wildcards.", MaxWildcards)
	case len(p) > 0 && wild == len(p):
		return "", Invalid(field, "Give at least one digit beside the wildcards.")
	}
	return Pattern(p), nil
}

// CheckStart tells why no TN begins with the pattern, as far as it goes, or nil.
func (p Pattern) CheckStart(field string) error {
	area, exchange := p[:min(3, len(p))], p[min(3, len(p)):min(6, len(p))]
	if !area.begins(CheckNPA) {
		return Invalid(field, "No number begins so: an area code begins with 2 to 9, has no 9 in the middle and does not end with 11.")
	}
	if !exchange.begins(func(nxx int) error { return CheckExchange(200, nxx) }) {
		return Invalid(field, "No number begins so: after the area code comes 2 to 9, and not 11 after that.")
	}
	return nil
}

// begins tells whether some code of three digits that can be begins so.
func (p Pattern) begins(check func(int) error) bool {
	for code := 200; code <= 999; code++ {
		if check(code) == nil && p.MatchAt(strconv.Itoa(code), 0) {
			return true
		}
	}
	return false
}

// MatchAt tells whether the pattern fits the ten digits at an offset.
func (p Pattern) MatchAt(digits string, offset int) bool {
	if offset < 0 || offset+len(p) > len(digits) {
		return false
	}
	for i := range len(p) {
		if p[i] != '?' && p[i] != digits[offset+i] {
			return false
		}
	}
	return true
}

// TNType narrows a search to local or toll-free TNs.
type TNType string

// The types of TN that can be searched for; TypeAny asks for none.
const (
	TypeAny      TNType = ""
	TypeLocal    TNType = "local"
	TypeTollFree TNType = "tollfree"
)

// Layout is how a page of found TNs is laid out. OrderSpread, the default, starts at
// a random place and spreads the page over all matches, so that people who search
// for the same at once are not all shown the same TN first.
type Layout string

// The orders of a page.
const (
	OrderSpread     Layout = ""
	OrderAscending  Layout = "asc"
	OrderDescending Layout = "desc"
)

// Query is a search for free TNs; every field that is set must match.
type Query struct {
	NPAs       []int  // any of these area codes
	NXX        int    // exchange 200–999, with or without NPAs; 0 any
	X          int    // thousands-block digit, only with NXX; -1 any
	State      string // two letters, upper case
	City       string // whole name, case-insensitive
	RateCenter string // whole name, case-insensitive
	Place      string // city or rate center, whichever has that name
	LATA       string
	Country    string // CountryUS or CountryCA
	Type       TNType
	Feature    string // such as "sms"; several, all of them wanted, with commas
	StartsWith Pattern
	EndsWith   Pattern
	Contains   Pattern
	Run        int // this many consecutive TNs inside a thousands-block; 0 or 1 any
	Order      Layout
	Seed       uint64 // where OrderSpread starts; the same seed gives the same page
	Cursor     string // continues a search: Found.Next of the page before
	Limit      int    // TNs on a page, 1–5000
}

// NewQuery is a search for anything.
func NewQuery() Query { return Query{X: -1, Limit: 50} }

// Check tells what about the query cannot match any TN: CodeInvalid with the field
// (npa, nxx, x, state, run), or nil. Patterns are checked by ParsePattern.
func (q Query) Check() error {
	if len(q.NPAs) > MaxNPAs {
		return Invalid("npa", "At most %d area codes at once.", MaxNPAs)
	}
	for _, npa := range q.NPAs {
		if err := CheckNPA(npa); err != nil {
			return err
		}
		if q.Type == TypeTollFree && !TollFreeNPA(npa) {
			return Invalid("npa", "%d is not a toll-free code.", npa)
		}
		if q.Type == TypeLocal && TollFreeNPA(npa) {
			return Invalid("npa", "%d is a toll-free code, not a local one.", npa)
		}
	}
	if q.NXX != 0 {
		if err := CheckExchange(200, q.NXX); err != nil {
			return err
		}
	}
	switch {
	case q.X >= 0 && q.NXX == 0:
		return Invalid("nxx", "A thousands-block needs its exchange.")
	case q.X > 9:
		return Invalid("nxx", "A thousands-block is one digit.")
	case q.Run < 0 || q.Run > MaxRun:
		return Invalid("run", "In a row: 1 to %d.", MaxRun)
	case q.State != "" && (len(q.State) != 2 || q.State[0] < 'A' || q.State[0] > 'Z' || q.State[1] < 'A' || q.State[1] > 'Z'):
		return Invalid("state", "A state is two letters, such as NC.")
	}
	return nil
}

// Matched marks which of the TN's ten digits the query's patterns matched, for
// highlighting: start and end with all of them, contains at its first place.
func (q Query) Matched(n Number) [10]bool {
	var hit [10]bool
	d := n.Digits()
	mark := func(p Pattern, offset int) {
		for i := range len(p) {
			hit[offset+i] = hit[offset+i] || p[i] != '?'
		}
	}
	if q.StartsWith != "" && q.StartsWith.MatchAt(d, 0) {
		mark(q.StartsWith, 0)
	}
	if o := len(d) - len(q.EndsWith); q.EndsWith != "" && q.EndsWith.MatchAt(d, o) {
		mark(q.EndsWith, o)
	}
	if q.Contains != "" {
		for o := range len(d) {
			if q.Contains.MatchAt(d, o) {
				mark(q.Contains, o)
				break
			}
		}
	}
	return hit
}

// Place is where a thousands-block is: what its 1,000 TNs share.
type Place struct {
	City       string
	State      string // two letters
	RateCenter string
	LATA       string
	Carrier    string // the block's holder
}

// The countries of the numbering plan that are told apart.
const (
	CountryUS = "US"
	CountryCA = "CA"
)

// provinces are Canada's.
const provinces = "AB BC MB NB NL NS NT NU ON PE QC SK YT"

// Country is a place's, by its state; what names none, as toll-free TNs do, counts as
// the United States'.
func (p Place) Country() string {
	if len(p.State) == 2 && strings.Contains(provinces, p.State) {
		return CountryCA
	}
	return CountryUS
}

// Offer is how a TN is sold: what it can do and what it costs.
type Offer struct {
	Features    string // lower case, comma-separated, sorted: "sms,voice"
	Tier        string // such as "premium"; empty is the usual one
	MonthlyCost Money
}

// Has tells whether the offer has a feature such as "sms".
func (o Offer) Has(feature string) bool {
	return slices.Contains(strings.Split(o.Features, ","), feature)
}

// HasAll tells whether the offer has each of some features, separated by commas.
func (o Offer) HasAll(features string) bool {
	for f := range strings.SplitSeq(features, ",") {
		if !o.Has(f) {
			return false
		}
	}
	return true
}

// FoundTN is one TN of a search's answer.
type FoundTN struct {
	TN    Number
	Place Place
	Offer Offer
}

// Found is a page of a search.
type Found struct {
	TNs   []FoundTN
	Total int    // how many match in all; with More, at least this many
	More  bool   // counting stopped at Total
	Next  string // Query.Cursor of the next page, "" at the end
}
