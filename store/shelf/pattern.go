package shelf

import (
	"cmp"
	"strings"
	"sync"

	"tnreserve/store/tel"
)

const (
	any3  = 10             // a wildcard among the last three digits
	tails = 11 * 11 * 11   // patterns of the last three digits
	ten   = tel.MaxPattern // digits of a national number
)

// tailMasks holds, for each pattern of the last three digits, the TNs of a block
// that match it: entry (a*11+b)*11+c, where 10 is any digit. 170 KB.
var tailMasks = sync.OnceValue(func() *[tails]Bits {
	fits := func(pattern, digit int) bool { return pattern == any3 || pattern == digit }
	masks := new([tails]Bits)
	for t := range masks {
		for i := range tel.BlockSize {
			if fits(t/121, i/100) && fits(t/11%11, i/10%10) && fits(t%11, i%10) {
				masks[t].Set(i)
			}
		}
	}
	return masks
})

// spot is a pattern laid at one offset of the ten digits, cut where the shelf cuts
// a TN: six digits of the exchange, one of the block, three of the bits.
type spot struct {
	mask, val uint32 // the exchange's nibbles that it fixes, and their digits
	xs        uint16 // the thousands digits that it allows
	tail      *Bits  // the last three digits; nil allows all
}

func (sp *spot) hits(digits uint32) bool { return (digits^sp.val)&sp.mask == 0 }

func spotAt(p tel.Pattern, offset int) spot {
	sp := spot{xs: allXs}
	tail := [3]int{any3, any3, any3}
	for i := range len(p) {
		if p[i] == '?' {
			continue
		}
		d := int(p[i] - '0')
		switch at := offset + i; {
		case at < 6:
			shift := 4 * (5 - at)
			sp.mask |= 0xF << shift
			sp.val |= uint32(d) << shift
		case at == 6:
			sp.xs = 1 << d
		default:
			tail[at-7] = d
		}
	}
	if t := (tail[0]*11+tail[1])*11 + tail[2]; t != tails-1 {
		sp.tail = &tailMasks()[t]
	}
	return sp
}

// shape is a pattern with all offsets that it may stand at. Offsets that ask
// nothing of the exchange are the same everywhere and merged beforehand.
type shape struct {
	spots    []spot
	always   [10]Bits // per thousands digit, what matches in every exchange
	alwaysXs uint16   // thousands digits where always is not empty
}

// newShape lays a pattern at offsets lo to hi. With run > 1 it leaves out what
// cannot give that many TNs in a row.
func newShape(p tel.Pattern, lo, hi, run int) shape {
	var sh shape
	union := [10]Bits{}
	for o := lo; o <= hi; o++ {
		sp := spotAt(p, o)
		tail := sp.tail
		if tail == nil {
			tail = &full
		}
		for x := range 10 {
			if sp.xs>>x&1 == 0 {
				continue
			}
			if sp.mask == 0 {
				sh.always[x].or(tail)
				sh.alwaysXs |= 1 << x
			}
			if sp.mask == 0 || sp.tail != nil {
				union[x].or(tail)
			}
		}
		if sp.mask != 0 {
			sh.spots = append(sh.spots, sp)
		}
	}
	if run > 1 {
		sh.needRuns(&union, run)
	}
	return sh
}

// needRuns drops the thousands digits where all tails together have no row of run
// TNs: only a spot that allows a whole block can help there.
func (sh *shape) needRuns(union *[10]Bits, run int) {
	var able uint16
	for x := range union {
		if union[x].longestRun() >= run {
			able |= 1 << x
		}
	}
	sh.alwaysXs &= able
	kept := sh.spots[:0]
	for _, sp := range sh.spots {
		if sp.tail != nil {
			sp.xs &= able
		}
		if sp.xs != 0 {
			kept = append(kept, sp)
		}
	}
	sh.spots = kept
}

// mask keeps in out what the pattern matches in a block.
func (sh *shape) mask(digits uint32, x int, out *Bits) {
	m := sh.always[x]
	for i := range sh.spots {
		sp := &sh.spots[i]
		if sp.xs>>x&1 == 0 || !sp.hits(digits) {
			continue
		}
		if sp.tail == nil {
			return
		}
		m.or(sp.tail)
	}
	out.and(&m)
}

// digitTest is all that a query asks of a TN's digits.
type digitTest struct {
	shapes []shape
	whole  bool // every TN of a block that passes matches

	// Where no spot hits, as in most blocks, the shapes come to this:
	usual   [10]Bits
	usualXs uint16
	word    [10]int8 // the only word of usual that is not zero, or -1
}

func newDigitTest(q tel.Query) (*digitTest, error) {
	t := &digitTest{whole: q.EndsWith == "" && q.Contains == "" && len(q.StartsWith) <= 7 && q.Run <= 1}
	lay := func(p tel.Pattern, lo, hi int) {
		if p != "" {
			t.shapes = append(t.shapes, newShape(p, lo, hi, q.Run))
		}
	}
	if err := checkPatterns(q); err != nil {
		return nil, err
	}
	lay(exchangePattern(q), 3, 3)
	lay(q.StartsWith, 0, 0)
	lay(q.EndsWith, ten-len(q.EndsWith), ten-len(q.EndsWith))
	lay(q.Contains, 0, ten-len(q.Contains))
	t.combine(q.Run)
	return t, nil
}

// combine works out the usual case. Patterns that exclude each other, such as ends
// with 12 and contains 999, are found out here and not block by block.
func (t *digitTest) combine(run int) {
	t.usualXs = allXs
	for x := range t.usual {
		t.usual[x] = full
	}
	for i := range t.shapes {
		t.usualXs &= t.shapes[i].alwaysXs
		for x := range t.usual {
			t.usual[x].and(&t.shapes[i].always[x])
		}
	}
	for x := range t.usual {
		if t.usual[x].longestRun() < max(run, 1) {
			t.usualXs &^= 1 << x
		}
		t.word[x] = onlyWord(&t.usual[x])
	}
}

// onlyWord is the one word of the set that is not zero, or -1.
func onlyWord(b *Bits) int8 {
	only := int8(-1)
	for i, w := range b {
		if w != 0 && only >= 0 {
			return -1
		}
		if w != 0 {
			only = int8(i)
		}
	}
	return only
}

// exchangePattern is NXX and X of a query as four digits.
func exchangePattern(q tel.Query) tel.Pattern {
	if q.NXX == 0 {
		return ""
	}
	p := []byte{byte('0' + q.NXX/100), byte('0' + q.NXX/10%10), byte('0' + q.NXX%10)}
	if q.X >= 0 {
		p = append(p, byte('0'+q.X))
	}
	return tel.Pattern(p)
}

// checkPatterns refuses what tel.ParsePattern would not have made.
func checkPatterns(q tel.Query) error {
	return cmp.Or(checkPattern("starts_with", q.StartsWith), checkPattern("ends_with", q.EndsWith), checkPattern("contains", q.Contains))
}

func checkPattern(field string, p tel.Pattern) error {
	if len(p) > ten {
		return tel.Invalid(field, "A number has ten digits; this asks for %d.", len(p))
	}
	if strings.Trim(string(p), "0123456789?") != "" {
		return tel.Invalid(field, "Digits and ? (any one digit) only.")
	}
	return nil
}

// alive tells which thousands digits of an exchange may hold matches, and at which
// of them a spot hits, so that usual does not hold.
func (t *digitTest) alive(digits uint32) (xs, hit uint16) {
	xs = allXs
	for i := range t.shapes {
		sh := &t.shapes[i]
		mine := sh.alwaysXs
		for j := range sh.spots {
			if sp := &sh.spots[j]; sp.hits(digits) {
				mine |= sp.xs
				hit |= sp.xs
			}
		}
		if xs &= mine; xs == 0 {
			return 0, 0
		}
	}
	return xs & (hit | t.usualXs), hit
}
