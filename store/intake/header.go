package intake

import (
	"cmp"
	"strings"
	"unicode"

	"tnreserve/store/tel"
)

// column is one that intake uses.
type column int

const (
	colTN column = iota
	colNPA
	colNXX
	colX
	colStart
	colEnd
	colCity // from here on: what the row says about its TNs
	colState
	colRateCenter
	colLATA
	colCarrier
	colFeatures
	colTier
	colMonthlyCost
	columns // how many there are
)

// columnNames are the names in a header.
var columnNames = map[string]column{
	"tn": colTN, "npa": colNPA, "nxx": colNXX, "x": colX, "start": colStart, "end": colEnd,
	"city": colCity, "state": colState, "rate_center": colRateCenter, "lata": colLATA,
	"carrier": colCarrier, "block_holder": colCarrier,
	"features": colFeatures, "tier": colTier, "monthly_cost": colMonthlyCost,
}

// header tells where a row's fields stand.
type header struct {
	width  int
	at     [columns]int // index in a row, below 0: not there
	unused []string     // as written in the file, clipped
}

func (h *header) has(c column) bool { return h.at[c] >= 0 }

// readHeader reads the first row that is not blank and sets the source to the
// separator that makes the most of it.
func readHeader(s *source) (*header, error) {
	raw, err := s.headerRow()
	if err != nil {
		return nil, err
	}
	var best *header
	var failed error
	var unreadable *fault
	separator, most := ',', 0
	for _, by := range []rune{',', ';', '\t'} {
		s.separate(by)
		fields, f := s.decode(raw)
		if f != nil {
			unreadable = cmp.Or(unreadable, f)
			continue
		}
		h, err := newHeader(fields)
		if n := known(fields); n > most {
			best, failed, separator, most = h, err, by, n
		}
	}
	s.separate(separator)
	switch {
	case failed != nil:
		return nil, failed
	case best == nil && unreadable != nil:
		return nil, badFile("The header of this file cannot be read. %s", unreadable.reason())
	case best == nil:
		return nil, errNoHeader()
	}
	return best, nil
}

func errNoHeader() error {
	return badFile("This file has no header with tn, npa and nxx, or start and end.")
}

// headerRow is a copy of the first row that is not blank.
func (s *source) headerRow() ([]byte, error) {
	for {
		f, err := s.find()
		if err != nil {
			return nil, err
		}
		switch {
		case f.long:
			return nil, badFile("The first line of this file is longer than 64 KiB; it is no header.")
		case f.open:
			return nil, badFile("A quotation mark in this file's header is opened and not closed.")
		case f.next == 0:
			return nil, badFile("This file is empty.")
		}
		raw := append([]byte(nil), s.buf[s.pos:s.pos+f.size]...)
		s.advance(f.next, f.lines)
		if !blank(raw) {
			return raw, nil
		}
	}
}

// known is how many of a header's fields intake uses.
func known(fields []string) int {
	n := 0
	for _, name := range fields {
		if _, ok := columnNames[plainName(name)]; ok {
			n++
		}
	}
	return n
}

// plainName is a column's name in lower case with underscores: "Rate Center" is
// rate_center.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return unicode.ToLower(r)
	}, strings.TrimSpace(s))
}

// newHeader finds the columns, or tells why these cannot be a header.
func newHeader(fields []string) (*header, error) {
	h := &header{width: len(fields)}
	for c := range h.at {
		h.at[c] = -1
	}
	seen := map[string]bool{}
	holder := -1 // block_holder, used where there is no carrier
	for i, written := range fields {
		name := plainName(written)
		if name != "" && seen[name] {
			return nil, badFile("This file's header has the column %s twice.", showName(written))
		}
		seen[name] = true
		c, ok := columnNames[name]
		switch {
		case name == "block_holder":
			holder = i
		case ok:
			h.at[c] = i
		}
	}
	if !h.has(colCarrier) {
		h.at[colCarrier] = holder
	}
	if err := h.settle(); err != nil {
		return nil, err
	}
	h.listUnused(fields)
	return h, nil
}

// settle drops halves of a way to name TNs; there must be a whole one.
func (h *header) settle() error {
	exchange, ranges := h.has(colNPA) && h.has(colNXX), h.has(colStart) && h.has(colEnd)
	if !h.has(colTN) && !exchange && !ranges {
		return errNoHeader()
	}
	if !exchange {
		h.at[colNPA], h.at[colNXX], h.at[colX] = -1, -1, -1
	}
	if !ranges {
		h.at[colStart], h.at[colEnd] = -1, -1
	}
	return nil
}

func (h *header) listUnused(fields []string) {
	used := make([]bool, len(fields))
	for _, i := range h.at {
		if i >= 0 {
			used[i] = true
		}
	}
	for i, written := range fields {
		if !used[i] && plainName(written) != "" {
			h.unused = append(h.unused, showName(written))
		}
	}
}

// unusedNotice names the columns that are passed over, if there are any.
func (h *header) unusedNotice() []tel.Sentence {
	const most = 20
	switch n := len(h.unused); {
	case n == 0:
		return nil
	case n > most:
		return []tel.Sentence{tel.Say("Columns not used: %s and %d more.", strings.Join(h.unused[:most], ", "), n-most)}
	}
	return []tel.Sentence{tel.Say("Columns not used: %s.", strings.Join(h.unused, ", "))}
}

// showName is a column's name as a message can show it: on one line and short.
func showName(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if hidden(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, strings.TrimSpace(s)))
}
