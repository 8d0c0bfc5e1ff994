package shelf

import (
	"cmp"
	"math/bits"
	"slices"
	"sort"

	"tnreserve/store/tel"
)

// golden is the golden ratio's fraction of 2^64: multiples of it, each taken as a
// fraction, lie as evenly as any sequence can.
const golden = 0x9E3779B97F4A7C15

// silver is √2−1 as a fraction of 2^64. Wandering strides by it and not by golden,
// or else what one seed shows second would be what the next seed shows first.
const silver = 0x6A09E667F3BCC908

// Both ways of spreading deal out units: a TN, or with Query.Run a piece of a row
// that is shown together.
type unit struct {
	key   uint64
	first int32 // in look.found
	n     int32
}

// mix scatters a TN over 64 bits, one to one (the finalizer of splitmix64).
func mix(n tel.Number) uint64 {
	x := uint64(n) * golden
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// share is floor(frac × n), the seed taken as a fraction of 2^64.
func share(frac uint64, n int) (int, uint64) {
	hi, lo := bits.Mul64(frac, uint64(n))
	return int(hi), lo
}

// deal lays out a few matches: all units in the order of a fixed hash, as a circle
// entered where the seed says. Successive seeds enter at ranks far apart; and as a
// TN's place in the circle is its own, a TN taken between two pages makes nothing
// repeat and nothing missing.
func (k *look) deal(cur cursor, seed uint64, limit int) (tns []tel.Number, next string, err error) {
	if !k.complete && !k.gather(2*exactUpTo) {
		return nil, "", tel.Invalid("cursor", "Many more numbers came free meanwhile. Start the search again.")
	}
	units := sortUnits(k.cut())
	if len(units) == 0 {
		return nil, "", nil
	}
	if cur.kind == kindNone {
		start, _ := share(seed, len(units))
		cur = cursor{kind: kindDeal, origin: units[start].key, key: units[start].key}
	}
	// Measured from the origin, keys ascend around the whole circle.
	start := sort.Search(len(units), func(i int) bool { return units[i].key >= cur.origin })
	at := func(i int) unit { return units[(start+i)%len(units)] }
	i := sort.Search(len(units), func(i int) bool { return at(i).key-cur.origin >= cur.key-cur.origin })
	skip := 0
	if i < len(units) && at(i).key == cur.key {
		skip = int(cur.offset)
	}
	for ; i < len(units); i++ {
		u := at(i)
		rest := k.found[u.first : u.first+u.n]
		rest = rest[min(skip, len(rest)):]
		if room := limit - len(tns); len(rest) > room || room == 0 {
			tns = append(tns, rest[:room]...)
			return tns, cursor{kind: kindDeal, origin: cur.origin, key: u.key, offset: uint64(int(u.n) - len(rest) + room)}.String(), nil
		}
		tns, skip = append(tns, rest...), 0
	}
	return tns, "", nil
}

// cut cuts the found TNs into units.
func (k *look) cut() []unit {
	units := k.units[:0]
	for i := 0; i < len(k.found); {
		end := i + 1
		for k.run > 1 && end < len(k.found) && k.found[end] == k.found[end-1]+1 && k.found[end].Index() != 0 {
			end++
		}
		for i < end {
			n := pieceOf(end-i, k.run)
			units = append(units, unit{mix(k.found[i]), int32(i), int32(n)})
			i += n
		}
	}
	k.units = units
	return units
}

// pieceOf is how many TNs of a row of length n make the next unit: run of them, or
// all when less than another run would be left.
func pieceOf(n, run int) int {
	if n < 2*run {
		return n
	}
	return run
}

// sortUnits sorts by key. Keys are even over 64 bits, so throwing each into the
// bucket of its upper bits leaves next to nothing to sort: 0.1 ms for 10,000, where
// comparing takes 1 ms.
func sortUnits(units []unit) []unit {
	if len(units) < 64 {
		slices.SortFunc(units, func(a, b unit) int { return cmp.Compare(a.key, b.key) })
		return units
	}
	width := bits.Len(uint(len(units)))
	bucket := func(u *unit) uint64 { return u.key >> (64 - width) }
	ends := make([]int32, 1<<width+1)
	for i := range units {
		ends[bucket(&units[i])+1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	out := make([]unit, len(units))
	for i := range units {
		b := bucket(&units[i])
		out[ends[b]] = units[i]
		ends[b]++
	}
	for i := 1; i < len(out); i++ {
		u, j := out[i], i
		for ; j > 0 && out[j-1].key > u.key; j-- {
			out[j] = out[j-1]
		}
		out[j] = u
	}
	return out
}

// A page of wandering does this much work at most once it shows anything, and is
// then shorter than asked for: deep in a search that hardly any exchange matches,
// going around could otherwise take seconds, which somebody would use.
const (
	wanderWork = 1_000_000 // some 5 ms
	blockWork  = 10        // a block's bits, measured in exchanges passed
)

// wander lays out many matches without having them all: it goes around the
// candidate exchanges with a long stride and shows one unit of each, in the next
// round the second of each, until a whole round shows nothing.
func (k *look) wander(cur cursor, seed uint64, limit int) (tns []tel.Number, next string) {
	n := len(k.candidates)
	if cur.kind == kindNone {
		cur = cursor{kind: kindWander, seed: seed}
	}
	if n == 0 || cur.step > uint64(n) {
		return nil, ""
	}
	stride := strideFor(n)
	start, line := share(cur.seed, n)
	k.work = 0
	for idle := 0; idle < n; k.work++ {
		if cur.step == uint64(n) {
			cur.step, cur.round = 0, cur.round+1
		}
		c := k.candidates[(start+int(cur.step)*stride)%n]
		shown := k.unitOf(c, int(cur.round), line)
		if idle++; len(shown) > 0 {
			idle = 0
		}
		shown = shown[min(int(cur.offset), len(shown)):]
		room := limit - len(tns)
		if len(shown) > room || k.work > wanderWork && len(tns) > 0 {
			taken := min(room, len(shown))
			cur.offset += uint64(taken)
			return append(tns, shown[:taken]...), cur.String()
		}
		tns = append(tns, shown...)
		cur.step, cur.offset = cur.step+1, 0
	}
	return tns, ""
}

// strideFor is a stride near silver × n that reaches all of n.
func strideFor(n int) int {
	stride, _ := share(silver, n)
	for stride = max(stride, 1); gcd(stride, n) != 1; {
		stride++
	}
	return stride
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// unitOf gives the unit that an exchange shows in a round, counted from a line of
// the exchange that depends on the seed (line, as a fraction of 2^64) and, so that
// not all exchanges show the same line, on the exchange. It looks at blocks from
// that line's on and at last at what is below the line: in early rounds the first
// block has it already.
func (k *look) unitOf(c candidate, round int, line uint64) []tel.Number {
	ex := &k.shelf.index.exchanges[c.exchange]
	if int(ex.free) < (round+1)*k.run {
		return nil
	}
	start, _ := share(line+mix(tel.Number(ex.key)), perGroup)
	firstX, firstI := start/tel.BlockSize, start%tel.BlockSize
	var m Bits
	for turn := range 11 {
		x, lo, hi := (firstX+turn)%10, 0, tel.BlockSize
		switch turn {
		case 0:
			lo = firstI
		case 10:
			hi = firstI
		}
		if c.xs>>x&1 == 0 || !k.match(c, x, &m) {
			continue
		}
		shown, passed := k.unitIn(&m, ex.block(x), lo, hi, round)
		if shown != nil {
			return shown
		}
		round -= passed
	}
	return nil
}

// unitIn gives the r-th unit of a block's matches among those that begin at index
// lo to hi-1, or how many such units there are.
func (k *look) unitIn(m *Bits, name tel.Block, lo, hi, r int) (shown []tel.Number, passed int) {
	if k.run == 1 {
		m.from(lo)
		m.below(hi)
		if n := m.Count(); r >= n {
			return nil, n
		}
		return append(k.found[:0], name.Number(m.nth(r))), 0
	}
	k.found = m.appendTo(k.found[:0], name)
	for _, u := range k.cut() {
		if i := k.found[u.first].Index(); i < lo || i >= hi {
			continue
		}
		if passed == r {
			return k.found[u.first : u.first+u.n], 0
		}
		passed++
	}
	return nil, passed
}
