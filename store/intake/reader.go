package intake

import (
	"context"
	"errors"
	"io"
	"strings"

	"tnreserve/store/tel"
)

// maxSayings bounds how many different texts of a row's place and offer are
// remembered, so that they are not checked anew in every row.
const maxSayings = 50_000

// reader turns rows into claims on blocks.
type reader struct {
	head  *header
	opt   Options
	codes codes
	plan  *plan
	inv   *Inventory

	sayings map[string]saying // by the row's text, see describe
	key     []byte
	last    saying
	lastKey []byte
}

// saying is what a row says about its TNs.
type saying struct {
	place tel.Place
	offer tel.Offer
}

func newReader(head *header, o Options) *reader {
	if o.MaxRefusals == 0 {
		o.MaxRefusals = DefaultRefusals
	}
	return &reader{
		head: head, opt: o, plan: newPlan(o.AllowFictional), inv: &Inventory{},
		sayings: map[string]saying{},
	}
}

// rows reads everything below the header.
func (rd *reader) rows(ctx context.Context, src *source) error {
	for n := 0; ; n++ {
		if n%256 == 0 { // a row may name 8,000 blocks: the source asks too seldom
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		r, err := src.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r.fault == nil && empty(r.fields) {
			continue
		}
		rd.inv.Rows++
		f := r.fault
		if f == nil {
			f = rd.row(r.fields, r.line)
		}
		if err := rd.note(r.line, f); err != nil {
			return err
		}
	}
	if rd.inv.Rows == 0 {
		return badFile("This file has a header and no rows below it.")
	}
	return nil
}

// empty tells whether a row is only separators, as spreadsheets leave them below a
// table.
func empty(fields []string) bool {
	for _, f := range fields {
		if strings.TrimSpace(f) != "" {
			return false
		}
	}
	return true
}

// note counts a row and, if it has a fault, its refusal.
func (rd *reader) note(line int, f *fault) error {
	if f == nil {
		rd.inv.Accepted++
		return nil
	}
	if rd.opt.Strict {
		return tel.Invalid(f.field, "Line %d: %s", line, f.reason())
	}
	rd.inv.RefusedCount++
	if len(rd.inv.Refused) < rd.opt.MaxRefusals {
		rd.inv.Refused = append(rd.inv.Refused, Refusal{Line: line, Field: f.field, Reason: f.reason()})
	}
	return nil
}

// row puts one row into the plan.
func (rd *reader) row(fields []string, line int) *fault {
	if f := rd.checkWidth(fields); f != nil {
		return f
	}
	from, to, f := rd.numbers(fields)
	if f != nil {
		return f
	}
	s, f := rd.describe(fields)
	if f != nil {
		return f
	}
	return rd.plan.claim(claim{from: from, to: to, place: s.place, offer: s.offer, line: line})
}

// checkWidth refuses a row whose fields may have slipped into other columns. Empty
// ones too many at the end are a spreadsheet's habit.
func (rd *reader) checkWidth(fields []string) *fault {
	want := rd.head.width
	if len(fields) < want || len(fields) > want && !empty(fields[want:]) {
		return bad("row", "This row has %d fields and the header %d.", len(fields), want)
	}
	return nil
}

// get is a field without the spaces around it, "" when there is no such column.
func (rd *reader) get(fields []string, c column) string {
	if i := rd.head.at[c]; i >= 0 {
		return strings.TrimSpace(fields[i])
	}
	return ""
}

// numbers is the first and last TN that a row names, in whichever of the three
// ways it is filled.
func (rd *reader) numbers(fields []string) (from, to tel.Number, f *fault) {
	tn := rd.get(fields, colTN)
	npa, nxx, x := rd.get(fields, colNPA), rd.get(fields, colNXX), rd.get(fields, colX)
	start, end := rd.get(fields, colStart), rd.get(fields, colEnd)
	exchange, ranges := npa+nxx+x != "", start+end != ""
	switch {
	case tn != "" && exchange, tn != "" && ranges, exchange && ranges:
		return 0, 0, bad("row", "This row names its numbers in two ways; fill tn, or npa and nxx, or start and end.")
	case tn != "":
		from, f = rd.single(tn)
		return from, from, f
	case exchange:
		return rd.exchange(npa, nxx, x)
	case ranges:
		return rd.between(start, end)
	}
	return 0, 0, bad("row", "This row names no number: tn, npa and nxx, start and end are empty or missing.")
}

func (rd *reader) single(s string) (tel.Number, *fault) {
	n, f := parseTN("tn", s)
	if f != nil {
		return 0, f
	}
	if f := rd.codes.check("tn", n.NPA(), n.NXX()); f != nil {
		return 0, f
	}
	if n.Fictional() && !rd.opt.AllowFictional {
		return 0, fictional555("tn")
	}
	return n, nil
}

func fictional555(field string) *fault {
	return bad(field, "555-0100 to 555-0199 are fictional and belong to nobody.")
}

func (rd *reader) exchange(npa, nxx, x string) (from, to tel.Number, f *fault) {
	a, f := parseCode("npa", npa, 3)
	if f != nil {
		return 0, 0, f
	}
	b, f := parseCode("nxx", nxx, 3)
	if f != nil {
		return 0, 0, f
	}
	if f := rd.codes.check("", a, b); f != nil {
		return 0, 0, f
	}
	if x == "" {
		return tel.NewNumber(a, b, 0), tel.NewNumber(a, b, 9999), nil
	}
	c, f := parseCode("x", x, 1)
	if f != nil {
		return 0, 0, f
	}
	block := tel.NewBlock(a, b, c)
	return block.Number(0), block.Number(tel.BlockSize - 1), nil
}

func (rd *reader) between(start, end string) (from, to tel.Number, f *fault) {
	if from, f = rd.bound("start", start); f != nil {
		return 0, 0, f
	}
	if to, f = rd.bound("end", end); f != nil {
		return 0, 0, f
	}
	switch {
	case from > to:
		return 0, 0, bad("end", "The end of this range comes before its start.")
	case from.NPA() != to.NPA():
		return 0, 0, bad("end", "This range goes over more than one area code; give each its own row.")
	case from.Fictional() && to.Fictional() && from.Block() == to.Block() && !rd.opt.AllowFictional:
		return 0, 0, fictional555("start")
	}
	return from, to, nil
}

// bound is an end of a range. It may be fictional: what is, is left out later.
func (rd *reader) bound(field, s string) (tel.Number, *fault) {
	if s == "" {
		return 0, bad(field, "A range needs its start and its end.")
	}
	n, f := parseTN(field, s)
	if f != nil {
		return 0, f
	}
	return n, rd.codes.check(field, n.NPA(), n.NXX())
}

// describe reads a row's place and offer. Rows repeat each other's, so what was
// checked is looked up by its text first. A saying's fields are copies: those of
// the row share one string as long as the row.
func (rd *reader) describe(fields []string) (saying, *fault) {
	rd.key = rd.key[:0]
	for c := colCity; c < columns; c++ {
		if i := rd.head.at[c]; i >= 0 {
			rd.key = append(rd.key, fields[i]...)
		}
		rd.key = append(rd.key, 0) // in no field: control characters are refused
	}
	if string(rd.key) == string(rd.lastKey) && rd.lastKey != nil {
		return rd.last, nil
	}
	s, ok := rd.sayings[string(rd.key)]
	if !ok {
		var f *fault
		if s, f = rd.parse(fields); f != nil {
			return saying{}, f
		}
		if len(rd.sayings) >= maxSayings {
			clear(rd.sayings)
		}
		rd.sayings[string(rd.key)] = s
	}
	rd.last, rd.lastKey = s, append(rd.lastKey[:0], rd.key...)
	return s, nil
}

// parse checks a row's place and offer.
func (rd *reader) parse(fields []string) (saying, *fault) {
	var s saying
	var first *fault
	text := func(into *string, c column, read func(string) (string, *fault)) {
		if first == nil {
			*into, first = read(rd.get(fields, c))
			*into = strings.Clone(*into)
		}
	}
	named := func(field string) func(string) (string, *fault) {
		return func(s string) (string, *fault) { return parseText(field, s) }
	}
	text(&s.place.City, colCity, named("city"))
	text(&s.place.State, colState, parseState)
	text(&s.place.RateCenter, colRateCenter, named("rate_center"))
	text(&s.place.LATA, colLATA, parseLATA)
	text(&s.place.Carrier, colCarrier, named("carrier"))
	text(&s.offer.Features, colFeatures, parseFeatures)
	text(&s.offer.Tier, colTier, parseTier)
	if first == nil {
		s.offer.MonthlyCost, first = parseCost(rd.get(fields, colMonthlyCost))
	}
	return s, first
}

// finish is the report.
func (rd *reader) finish() *Inventory {
	inv := rd.inv
	rd.sayings = nil
	inv.Notices = append(rd.head.unusedNotice(), rd.plan.notices()...)
	inv.TNs = rd.plan.tns
	inv.Says = OfferColumns{Features: rd.head.has(colFeatures), Tier: rd.head.has(colTier), MonthlyCost: rd.head.has(colMonthlyCost)}
	inv.TNOffers = rd.plan.tnOffers()
	inv.Blocks = rd.plan.blocks()
	if npas := rd.codes.strangers(inv.Blocks); len(npas) > 0 {
		inv.Notices = append(inv.Notices, strangersNotice(npas))
	}
	return inv
}
