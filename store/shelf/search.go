package shelf

import (
	"math/bits"
	"slices"
	"strings"
	"time"

	"tnreserve/store/tel"
)

const (
	// exactUpTo is how many matching TNs are counted one by one; a query without
	// patterns on the last digits is counted to the end from the blocks' counts.
	exactUpTo = 10_000
	maxLimit  = 5000

	// wholeBlocks is how many blocks are added up for an exact count, half a
	// millisecond; the largest state has 35,000.
	wholeBlocks = 50_000
)

// Search finds free TNs. Found.Total is exact up to 10,000; beyond, More tells that
// counting stopped there. Queries that ask nothing of the last three digits and of
// rows are mostly counted to the end.
//
// With Run, a TN matches when it stands in a row of at least Run TNs of one
// thousands-block that are all free and match all else; Total counts those TNs.
// OrderSpread then shows Run or more TNs of a row together.
//
// CodeInvalid, with the field, for what Query.Check refuses and for a bad cursor.
// At most one search works at a time.
func (s *Shelf) Search(q tel.Query, now time.Time) (tel.Found, error) {
	if err := q.Check(); err != nil {
		return tel.Found{}, err
	}
	cur, err := parseCursor(q.Cursor, q.Order)
	if err != nil {
		return tel.Found{}, err
	}
	digits, err := newDigitTest(q)
	if err != nil {
		return tel.Found{}, err
	}
	s.searching.Lock()
	defer s.searching.Unlock()
	s.release(now)
	s.mu.RLock()
	defer s.mu.RUnlock()

	k := s.look(q, digits)
	found := tel.Found{}
	found.Total, found.More = k.count()
	tns, next, err := k.page(q, cur)
	if err != nil {
		return tel.Found{}, err
	}
	found.Next = next
	found.TNs = make([]tel.FoundTN, len(tns))
	for i, n := range tns {
		_, b, _ := s.member(n)
		place, offer := s.describe(n, b)
		found.TNs[i] = tel.FoundTN{TN: n, Place: place, Offer: offer}
	}
	return found, nil
}

// page lays out one page in the order that is asked for.
func (k *look) page(q tel.Query, cur cursor) (tns []tel.Number, next string, err error) {
	limit := min(max(q.Limit, 1), maxLimit)
	switch {
	case q.Order == tel.OrderAscending:
		tns, next = k.ascend(cur, limit)
	case q.Order == tel.OrderDescending:
		tns, next = k.descend(cur, limit)
	case cur.kind == kindWander || cur.kind == kindNone && !k.complete:
		tns, next = k.wander(cur, q.Seed, limit)
	default:
		return k.deal(cur, q.Seed, limit)
	}
	return tns, next, nil
}

// candidate is an exchange that may hold matches.
type candidate struct {
	exchange int32
	xs       uint16 // the blocks to look at
	hit      uint16 // those among them where digitTest.usual does not hold
}

// look is one search in progress: the query made ready for this inventory.
type look struct {
	*scratch
	shelf     *Shelf
	digits    *digitTest
	run       int      // TNs in a row, at least 1
	placed    bool     // scratch.places narrows
	offers    []bool   // by offer id, whether it has the feature; nil is any
	offerMask uint64   // offerBit of those that have it
	npas      []uint16 // sorted; empty is any
	typ       tel.TNType
	work      int // what was looked at so far, see wanderWork

	complete bool // scratch.found holds all matches
}

// scratch is memory that searches use one after another.
type scratch struct {
	candidates []candidate // in TN order
	found      []tel.Number
	places     bitset // by place id
	exchanges  bitset // by position
	units      []unit
}

// bitset is a set of small integers.
type bitset []uint64

func (b *bitset) reset(n int) {
	size := (n + 63) / 64
	*b = slices.Grow((*b)[:0], size)[:size]
	clear(*b)
}

func (b bitset) set(i int32)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int32) bool { return b[i/64]>>(i%64)&1 != 0 }

// look readies a query. Which exchanges are candidates depends on the inventory
// alone, not on what is free, so that a cursor into them stays good.
func (s *Shelf) look(q tel.Query, digits *digitTest) *look {
	k := &look{scratch: &s.scratch, shelf: s, digits: digits, run: max(q.Run, 1), typ: q.Type}
	k.found = k.found[:0]
	for _, npa := range q.NPAs {
		k.npas = append(k.npas, uint16(npa))
	}
	slices.Sort(k.npas)
	k.npas = slices.Compact(k.npas)
	k.offers, k.offerMask = s.offersWith(q.Feature)
	k.candidates = k.candidates[:0]
	if w := s.places.where(q); w != (where{}) {
		k.candidatesAt(s.places.matching(w))
		return k
	}
	if len(k.npas) == 0 {
		k.candidatesIn(0, len(s.index.exchanges))
	}
	for _, npa := range k.npas {
		k.candidatesIn(s.index.rangeOf(int(npa)))
	}
	return k
}

// offersWith tells per offer id whether it has what is asked for; nil when that is
// nothing.
func (s *Shelf) offersWith(feature string) (with []bool, mask uint64) {
	if feature == "" {
		return nil, 0
	}
	feature = strings.ToLower(feature)
	with = make([]bool, len(s.offers))
	for id := range s.offers {
		if with[id] = s.offers[id].HasAll(feature); with[id] {
			mask |= offerBit(int32(id))
		}
	}
	return with, mask
}

func (k *look) candidatesIn(lo, hi int) {
	for e := lo; e < hi; e++ {
		k.consider(int32(e))
	}
}

// candidatesAt collects the exchanges of places through a bitset, which sorts them
// and drops doubles in one.
func (k *look) candidatesAt(places []int32) {
	ix := &k.shelf.index
	k.placed = true
	k.places.reset(len(k.shelf.places.list))
	k.exchanges.reset(len(ix.exchanges))
	for _, p := range places {
		k.places.set(p)
		for _, e := range ix.exchangesOf(p) {
			k.exchanges.set(e)
		}
	}
	for i, w := range k.exchanges {
		for ; w != 0; w &= w - 1 {
			e := int32(i*64 + bits.TrailingZeros64(w))
			if k.inNPAs(&ix.exchanges[e]) {
				k.consider(e)
			}
		}
	}
}

func (k *look) inNPAs(ex *exchange) bool {
	if len(k.npas) == 0 {
		return true
	}
	_, ok := slices.BinarySearch(k.npas, uint16(ex.npa()))
	return ok
}

func (k *look) consider(e int32) {
	ex := &k.shelf.index.exchanges[e]
	if k.typ != tel.TypeAny && tel.TollFreeNPA(ex.npa()) != (k.typ == tel.TypeTollFree) {
		return
	}
	if k.offers != nil && ex.offers&k.offerMask == 0 {
		return
	}
	xs, hit := k.digits.alive(ex.digits)
	if xs &= ex.xs; xs != 0 {
		k.candidates = append(k.candidates, candidate{e, xs, hit})
	}
}

// match writes to out the free TNs of a block that match; ok is false when there
// are none, and out is then undefined.
func (k *look) match(c candidate, x int, out *Bits) (ok bool) {
	s := k.shelf
	ex := &s.index.exchanges[c.exchange]
	b := &s.index.blocks[ex.position(x)]
	if !k.worth(b) {
		return false
	}
	k.work += blockWork
	set, usual, byTN := s.free.at(b.slot), c.hit>>x&1 == 0, k.offers != nil && b.flags&mixed != 0
	if w := k.digits.word[x]; w >= 0 && usual && !byTN && k.run == 1 {
		return matchWord(set, &k.digits.usual[x], w, out)
	}
	*out = *set
	if byTN {
		k.keepOffered(ex.block(x), b, out)
	}
	if usual {
		out.and(&k.digits.usual[x])
	} else {
		for i := range k.digits.shapes {
			k.digits.shapes[i].mask(ex.digits, x, out)
		}
	}
	if k.run > 1 {
		*out = out.inRuns(k.run)
	}
	return !out.empty()
}

// matchWord is match for a mask with one word, as every ending of three digits is.
// It is so short that the processor fetches the next blocks meanwhile, which makes
// it several times faster than looking at all words.
func matchWord(set, mask *Bits, w int8, out *Bits) bool {
	v := set[w] & mask[w]
	if v == 0 {
		return false
	}
	*out = Bits{}
	out[w] = v
	return true
}

// worth tells from what stands beside the bits whether to look at them.
func (k *look) worth(b *block) bool {
	switch {
	case int(b.run) < k.run:
		return false
	case k.placed && !k.places.has(b.place):
		return false
	case k.offers != nil && !k.offers[b.offer] && b.flags&mixed == 0:
		return false
	}
	return true
}

// keepOffered keeps the TNs whose own or block's offer has the feature.
func (k *look) keepOffered(name tel.Block, b *block, out *Bits) {
	var with Bits
	if k.offers[b.offer] {
		with = full
	}
	for _, o := range k.shelf.own[name] {
		if k.offers[o.offer] {
			with.Set(int(o.index))
		} else {
			with.Clear(int(o.index))
		}
	}
	out.and(&with)
}

// count counts the matches and, up to exactUpTo of them, leaves them in found.
func (k *look) count() (total int, more bool) {
	if k.digits.whole {
		if total, more = k.countWhole(); more || total > exactUpTo {
			return total, more
		}
	}
	if k.gather(exactUpTo) {
		return len(k.found), false
	}
	return exactUpTo, true
}

// countWhole counts by blocks, without looking at bits where it can. Beyond
// exactUpTo it gives up after wholeBlocks.
func (k *look) countWhole() (total int, more bool) {
	ix, seen := &k.shelf.index, 0
	byExchange := !k.placed && k.offers == nil
	var m Bits
	for _, c := range k.candidates {
		ex := &ix.exchanges[c.exchange]
		if byExchange && c.xs == ex.xs {
			total += int(ex.free)
			continue
		}
		if seen += bits.OnesCount16(c.xs); seen > wholeBlocks && total > exactUpTo {
			return exactUpTo, true
		}
		for xs := c.xs; xs != 0; xs &= xs - 1 {
			x := bits.TrailingZeros16(xs)
			b := &ix.blocks[ex.position(x)]
			switch {
			case !k.worth(b):
			case k.offers == nil || b.flags&mixed == 0:
				total += int(b.free)
			case k.match(c, x, &m):
				total += m.Count()
			}
		}
	}
	return total, false
}

// gather collects the matches in TN order; false when there are more than most.
func (k *look) gather(most int) (all bool) {
	k.found, k.complete = k.found[:0], false
	var m Bits
	for _, c := range k.candidates {
		ex := &k.shelf.index.exchanges[c.exchange]
		if int(ex.free) < k.run {
			continue
		}
		for xs := c.xs; xs != 0; xs &= xs - 1 {
			x := bits.TrailingZeros16(xs)
			if !k.match(c, x, &m) {
				continue
			}
			if k.found = m.appendTo(k.found, ex.block(x)); len(k.found) > most {
				return false
			}
		}
	}
	k.complete = true
	return true
}
