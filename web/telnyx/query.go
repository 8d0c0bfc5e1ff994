package telnyx

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tnreserve/store/tel"
)

// How many items a page has.
const (
	usualPage   = 20
	longestPage = 250
)

// params are the parameters of an address. The first thing that is wrong is kept: a
// handler reads all and asks once.
type params struct {
	values map[string][]string
	err    *fault
}

// pages are the parameters of every list, in both of the spellings that clients have.
var pages = []string{"page[number]", "page[size]", "page_number", "page_size"}

// params decodes the address: brackets literal or encoded, a space as %20 or +, an
// array as name[]. What is not known here is refused: a filter that is passed over
// would answer another question.
func (c *call) params(known ...string) *params {
	p := &params{values: map[string][]string{}}
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		p.refuse(newFault(400, codeBadRequest, "The query string cannot be decoded."))
		return p
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.take(name, values[name], known)
	}
	return p
}

func (p *params) take(name string, values, known []string) {
	plain := strings.TrimSuffix(name, "[]")
	switch {
	case slices.Contains(known, plain):
		p.values[plain] = append(p.values[plain], values...)
	case strings.HasPrefix(plain, "filter"):
		p.refuse(atParameter(codeFilter, shown(name), "The filter "+shown(name)+" is not known here."))
	default:
		p.refuse(atParameter(codeBadRequest, shown(name), "The parameter "+shown(name)+" is not known here."))
	}
	for _, v := range values {
		if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
			p.wrong(plain, "is not valid text")
		}
	}
}

// shown is what a client wrote, fit to be repeated to it.
func shown(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s), 80)
}

func cut(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

func (p *params) refuse(f *fault) {
	if p.err == nil {
		p.err = f
	}
}

// wrong refuses a parameter's value.
func (p *params) wrong(name, why string) {
	code := codeBadRequest
	if strings.HasPrefix(name, "filter") {
		code = codeFilter
	}
	p.refuse(atParameter(code, name, name+" "+why+"."))
}

// check is what was wrong, if anything.
func (p *params) check() error {
	if p.err == nil {
		return nil
	}
	return p.err
}

// text is a parameter that stands once; "" when it does not.
func (p *params) text(name string) string {
	list := p.values[name]
	if len(list) == 0 {
		return ""
	}
	if len(list) > 1 {
		p.wrong(name, "stands more than once")
	}
	return strings.TrimSpace(list[0])
}

// list is an array: repeated, or with commas.
func (p *params) list(name string) (list []string) {
	for _, v := range p.values[name] {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// flag is true or false; ok tells that it was given.
func (p *params) flag(name string) (value, ok bool) {
	switch p.text(name) {
	case "":
		return false, false
	case "true":
		return true, true
	case "false":
		return false, true
	}
	p.wrong(name, "is true or false")
	return false, false
}

// number is a whole number; 0 when it is not given.
func (p *params) number(name string, least, most int) int {
	text := p.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		p.wrong(name, "is "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
		return 0
	}
	return n
}

// oneOf is one of some words; "" when it is not given.
func (p *params) oneOf(name string, words ...string) string {
	text := p.text(name)
	if text != "" && !slices.Contains(words, text) {
		p.wrong(name, "is one of "+strings.Join(words, ", "))
	}
	return text
}

// span is what filter[created_at][gt] and [lt] leave: from, and up to but not
// including, to. Zero is open. The house counts in microseconds.
func (p *params) span() (from, to time.Time) {
	if at := p.instant("filter[created_at][gt]"); !at.IsZero() {
		from = at.Truncate(time.Microsecond).Add(time.Microsecond)
	}
	if at := p.instant("filter[created_at][lt]"); !at.IsZero() {
		if to = at.Truncate(time.Microsecond); to.Before(at) {
			to = to.Add(time.Microsecond)
		}
	}
	return from, to
}

func (p *params) instant(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() >= 1970 && at.Year() < 10_000 {
			return at
		}
	}
	p.wrong(name, "is a time such as 2026-01-31T12:00:00Z")
	return time.Time{}
}

// page is what page of a list is asked for.
type page struct{ number, size int }

func (p *params) page() page {
	at := page{1, usualPage}
	for _, f := range []struct {
		name string
		into *int
		most int
	}{
		{"page[number]", &at.number, 1_000_000_000}, {"page_number", &at.number, 1_000_000_000},
		{"page[size]", &at.size, longestPage}, {"page_size", &at.size, longestPage},
	} {
		if n := p.number(f.name, 1, f.most); n != 0 {
			*f.into = n
		}
	}
	return at
}

// shorter is what an error of a list becomes: that its page would hold too many numbers
// is the size's fault.
func (p *params) shorter(err error) error {
	if e, ok := errors.AsType[*tel.Error](err); ok && e.Field == "limit" {
		p.wrong("page[size]", "is too large: these orders have more numbers together than a page may; ask for fewer at once")
		return p.check()
	}
	return err
}

// meta tells of a list what clients need to walk its pages: without any one of the
// four they walk for ever, or stop early.
type meta struct {
	PageNumber   int `json:"page_number"`
	PageSize     int `json:"page_size"`
	TotalPages   int `json:"total_pages"`
	TotalResults int `json:"total_results"`
}

func (at page) meta(total int) meta {
	return meta{at.number, at.size, (total + at.size - 1) / at.size, total}
}

// oneCountry is country where US and CA cannot be told apart: CA would be answered with
// both.
func (p *params) oneCountry() (ok bool) {
	code, ok := p.country()
	if code == "CA" {
		p.wrong("filter[country_code]", "cannot be CA in this list, which does not tell US and CA apart; leave it away and read each number's country_code")
	}
	return ok
}

// country checks filter[country_code]. ok false tells that nothing here is of that
// country.
func (p *params) country() (code string, ok bool) {
	code = strings.ToUpper(p.text("filter[country_code]"))
	if code == "" {
		return "", true
	}
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		p.wrong("filter[country_code]", "is two letters, such as US")
	}
	return code, code == "US" || code == "CA"
}
