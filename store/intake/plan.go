package intake

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tnreserve/store/tel"
)

const (
	// maxBlocks is how many thousands-blocks a file may name: with some 200 bytes each,
	// 0.4 GB; all area codes of the US in use hold 2.7 million.
	maxBlocks = 2_000_000
	// maxTNOffers is how many TNs may be sold otherwise than their block.
	maxTNOffers = 2_000_000
	// maxWork is how many blocks the ranges of a file may pass over in vain (named
	// before, or refused), and how many TNs of parts of blocks may be compared one by
	// one, in all: a row of 20 bytes can name 8,000 blocks, and a file of such rows
	// must not take a minute. This much takes some 70 ms.
	maxWork = 1_000_000
)

// plan gathers what the rows say by block.
//
// A TN's offer comes from a row that names the TN alone or in a part of a block,
// and only without such a row from one that names the whole block; the order of
// the rows does not matter. Two rows of the same kind must not contradict.
type plan struct {
	allowFictional bool

	index        map[tel.Block]int32 // by exchange (Block / 10), into tens
	tens         [][10]int32         // of each exchange, by X: index in entries + 1, or 0
	entries      [][]entry           // in pieces, so that growing copies nothing
	count        int                 // of entries
	lastExchange tel.Block           // found last, and its place in tens
	lastTen      int32
	last         *entry // found last, or nil: rows are mostly in order
	places       interned[tel.Place]
	offers       interned[tel.Offer]
	own          map[tel.Number]int32 // offers of TNs in parts that differ from their entry's
	room         []Bits               // for the next entries with parts

	work     int
	tns      int64
	repeated int64              // TNs named again
	invented map[tel.Block]bool // blocks of which fictional TNs were left out
	n11      map[tel.Block]bool // exchanges inside of ranges that cannot exist
}

// entry is a block as far as the file has told.
type entry struct {
	block     tel.Block
	place     int32 // of places
	offer     int32 // of offers: that of the row that named the whole, else of the first part
	placeLine int32 // which row completed the place
	offerLine int32 // which row named the whole block
	whole     bool  // a row named the whole block
	parts     *Bits // TNs that rows named alone or in a part of the block, nil for none
}

// claim is what a row wants: TNs from–to, inside one area code.
type claim struct {
	from, to tel.Number
	place    tel.Place
	offer    tel.Offer
	line     int
}

func newPlan(allowFictional bool) *plan {
	return &plan{
		allowFictional: allowFictional,
		index:          map[tel.Block]int32{},
		places:         newInterned[tel.Place](),
		offers:         newInterned[tel.Offer](),
		own:            map[tel.Number]int32{},
		invented:       map[tel.Block]bool{},
		n11:            map[tel.Block]bool{},
	}
}

// claim takes a row as a whole or refuses it as a whole.
func (p *plan) claim(c claim) *fault {
	first, last := c.from.Block(), c.to.Block()
	passed := 0
	if n := int(last - first); n >= 10 { // more than an exchange: a range
		passed = n
	}
	if p.work > maxWork && c.from != c.to { // one TN is always cheap
		return bad("row", "The ranges of this file pass over the same numbers too often; import it in parts.")
	}
	p.work += passed
	fresh := 0
	for b := first; b <= last; b++ {
		if skipped(b) {
			continue
		}
		part := c.part(b, p.allowFictional)
		e := p.find(b)
		if e == nil {
			fresh++
			continue
		}
		if f := p.conflict(e, &c, &part); f != nil {
			return f
		}
	}
	if p.count+fresh > maxBlocks {
		return bad("row", "This file names more than 2,000,000 thousands-blocks; import it in parts.")
	}
	p.take(&c, first, last)
	p.work -= min(passed, fresh)
	return nil
}

// take writes a claim that was found good.
func (p *plan) take(c *claim, first, last tel.Block) {
	place, offer := p.places.id(c.place), p.offers.id(c.offer)
	for b := first; b <= last; b++ {
		if skipped(b) {
			p.n11[b/10] = true
			continue
		}
		part := c.part(b, p.allowFictional)
		if part.invented {
			p.invented[b] = true
		}
		e := p.find(b)
		if e == nil {
			e = p.add(entry{block: b, place: place, offer: offer, placeLine: lineNo(c.line), offerLine: lineNo(c.line)})
		} else if e.place != place {
			p.complete(e, c)
		}
		if part.whole {
			p.takeWhole(e, offer, &part, c.line)
		} else {
			p.takePart(e, offer, &part)
		}
	}
}

// skipped tells whether the block stands in an exchange N11, which cannot exist.
// The ends of a claim never do.
func skipped(b tel.Block) bool { return b/10%100 == 11 }

// part is what a claim wants of one block.
type part struct {
	tns      Bits // not filled when whole: ranges name many blocks
	whole    bool
	invented bool // fictional TNs were left out
}

// total is how many TNs that is.
func (w *part) total() int64 {
	switch {
	case !w.whole:
		return int64(w.tns.Count())
	case w.invented:
		return tel.BlockSize - 100
	}
	return tel.BlockSize
}

func (c *claim) part(b tel.Block, allowFictional bool) (w part) {
	from, to := 0, tel.BlockSize-1
	if c.from.Block() == b {
		from = c.from.Index()
	}
	if c.to.Block() == b {
		to = c.to.Index()
	}
	keep := allowFictional || !fictional(b)
	if from == 0 && to == tel.BlockSize-1 {
		w.whole, w.invented = true, !keep
		return w
	}
	w.tns = span(from, to)
	if !keep {
		kept := without(&w.tns, &inventedTNs)
		w.invented = kept != w.tns
		w.tns = kept
	}
	return w
}

// piece is how many entries are made at once.
const piece = 1024

func (p *plan) at(i int) *entry { return &p.entries[i/piece][i%piece] }

// find is a block's entry, or nil.
func (p *plan) find(b tel.Block) *entry {
	if p.last != nil && p.last.block == b {
		return p.last
	}
	ten := p.ten(b / 10)
	if ten < 0 || p.tens[ten][b%10] == 0 {
		return nil
	}
	p.last = p.at(int(p.tens[ten][b%10] - 1))
	return p.last
}

// ten is where an exchange stands in tens, below 0: nowhere.
func (p *plan) ten(exchange tel.Block) int32 {
	if p.lastExchange != exchange {
		i, ok := p.index[exchange]
		if !ok {
			return -1
		}
		p.lastExchange, p.lastTen = exchange, i
	}
	return p.lastTen
}

func (p *plan) add(e entry) *entry {
	ten := p.ten(e.block / 10)
	if ten < 0 {
		ten = int32(len(p.tens))
		p.index[e.block/10] = ten
		p.tens = append(p.tens, [10]int32{})
	}
	if p.count%piece == 0 {
		p.entries = append(p.entries, make([]entry, piece))
	}
	p.last = p.at(p.count)
	*p.last = e
	p.count++
	p.tens[ten][e.block%10] = int32(p.count)
	return p.last
}

// conflict tells what an earlier row said otherwise.
func (p *plan) conflict(e *entry, c *claim, w *part) *fault {
	if f := elsewhere(e, p.places.list[e.place], c.place); f != nil {
		return f
	}
	if w.whole {
		if e.whole && p.offers.list[e.offer] != c.offer {
			return bad("row", "%s has other features, tier or monthly_cost since line %d.", e.block, e.offerLine)
		}
		return nil
	}
	return p.partConflict(e, c, w)
}

// partConflict compares the offers of TNs that were named in a part before.
func (p *plan) partConflict(e *entry, c *claim, w *part) *fault {
	if e.parts == nil {
		return p.roomForOwn(e, c, w)
	}
	again := both(e.parts, &w.tns)
	if again == (Bits{}) || len(p.own) == 0 && p.offers.list[e.offer] == c.offer {
		return p.roomForOwn(e, c, w)
	}
	p.workOn(w)
	var f *fault
	each(&again, func(i int) bool {
		if tn := e.block.Number(i); p.offers.list[p.offerOf(e, tn)] != c.offer {
			f = bad("row", "An earlier row gives %s other features, tier or monthly_cost.", tn)
		}
		return f == nil
	})
	if f != nil {
		return f
	}
	return p.roomForOwn(e, c, w)
}

// roomForOwn bounds the offers of single TNs, of which a short row can name 999.
func (p *plan) roomForOwn(e *entry, c *claim, w *part) *fault {
	if len(p.own) >= maxTNOffers && p.offers.list[e.offer] != c.offer {
		return bad("row", "More than 2,000,000 numbers have other features, tier or monthly_cost than their block; import the file in parts.")
	}
	return nil
}

// workOn counts TNs that are looked at one by one; single ones are paid for by
// their row's length.
func (p *plan) workOn(w *part) {
	if n := int(w.total()); n > 1 {
		p.work += n
	}
}

// offerOf is the offer of a TN that was named in a part.
func (p *plan) offerOf(e *entry, tn tel.Number) int32 {
	if o, ok := p.own[tn]; ok {
		return o
	}
	return e.offer
}

// takeWhole notes that a row named the whole block. TNs that were named in parts
// keep their offer, which so far may have stood for the block's.
func (p *plan) takeWhole(e *entry, offer int32, w *part, line int) {
	total := w.total()
	if e.whole {
		p.repeated += total
		return
	}
	e.whole, e.offerLine = true, lineNo(line)
	was := e.offer
	e.offer = offer
	if e.parts == nil {
		p.tns += total
		return
	}
	named := int64(e.parts.Count())
	p.tns += total - named
	p.repeated += named
	if was == offer {
		return
	}
	each(e.parts, func(i int) bool {
		tn := e.block.Number(i)
		if o, ok := p.own[tn]; !ok {
			p.own[tn] = was
		} else if o == offer {
			delete(p.own, tn)
		}
		return true
	})
}

// takePart notes TNs that a row named alone or in a part of the block.
func (p *plan) takePart(e *entry, offer int32, w *part) {
	if e.parts == nil {
		e.parts = p.newBits()
	}
	fresh := without(&w.tns, e.parts)
	count, named := int64(fresh.Count()), w.total()
	if e.whole {
		p.repeated += named
	} else {
		p.tns += count
		p.repeated += named - count
	}
	if e.offer != offer {
		each(&fresh, func(i int) bool {
			p.own[e.block.Number(i)] = offer
			return true
		})
	}
	for i := range fresh {
		e.parts[i] |= fresh[i]
	}
}

// newBits takes an empty set from a piece of many: a file of scattered TNs needs a
// million of them.
func (p *plan) newBits() *Bits {
	if len(p.room) == 0 {
		p.room = make([]Bits, 64)
	}
	b := &p.room[0]
	p.room = p.room[1:]
	return b
}

// complete adds to an entry's place what it did not say yet.
func (p *plan) complete(e *entry, c *claim) {
	old := p.places.list[e.place]
	full := tel.Place{
		City:       cmp.Or(old.City, c.place.City),
		State:      cmp.Or(old.State, c.place.State),
		RateCenter: cmp.Or(old.RateCenter, c.place.RateCenter),
		LATA:       cmp.Or(old.LATA, c.place.LATA),
		Carrier:    cmp.Or(old.Carrier, c.place.Carrier),
	}
	if full != old {
		e.place, e.placeLine = p.places.id(full), lineNo(c.line)
	}
}

// elsewhere tells in what two places differ: a thousands-block has one. What one of
// them does not say is no difference, nor is the case of letters.
func elsewhere(e *entry, is, want tel.Place) *fault {
	if is == want {
		return nil
	}
	differ := func(a, b string) bool { return a != "" && b != "" && !strings.EqualFold(a, b) }
	switch {
	case differ(is.City, want.City):
		return bad("city", "%s is %s since line %d; a thousands-block has one place.", e.block, where(is), e.placeLine)
	case differ(is.State, want.State):
		return bad("state", "%s is %s since line %d; a thousands-block has one place.", e.block, where(is), e.placeLine)
	case differ(is.RateCenter, want.RateCenter):
		return bad("rate_center", "%s is in rate center %s since line %d; a thousands-block has one place.", e.block, is.RateCenter, e.placeLine)
	case differ(is.LATA, want.LATA):
		return bad("lata", "%s is in LATA %s since line %d; a thousands-block has one place.", e.block, is.LATA, e.placeLine)
	case differ(is.Carrier, want.Carrier):
		return bad("carrier", "%s is with %s since line %d; a thousands-block has one place.", e.block, is.Carrier, e.placeLine)
	}
	return nil
}

// where is "Raleigh, NC", or what is known of it.
func where(p tel.Place) string {
	if p.City != "" && p.State != "" {
		return p.City + ", " + p.State
	}
	return p.City + p.State
}

// lineNo keeps a line in four bytes; nobody looks for line two thousand million.
func lineNo(line int) int32 { return int32(min(line, 1<<31-1)) }

// blocks is the plan by block, in order.
func (p *plan) blocks() []Block {
	list := make([]Block, 0, p.count)
	for _, exchange := range slices.Sorted(maps.Keys(p.index)) {
		for _, i := range p.tens[p.index[exchange]] {
			if i == 0 {
				continue
			}
			e := p.at(int(i - 1))
			list = append(list, Block{e.block, p.places.list[e.place], p.offers.list[e.offer], p.members(e)})
		}
	}
	return list
}

// members is nil for all 1,000 TNs.
func (p *plan) members(e *entry) *Bits {
	switch {
	case e.whole && fictional(e.block) && !p.allowFictional:
		m := without(&allTNs, &inventedTNs)
		return &m
	case e.whole || *e.parts == allTNs:
		return nil
	}
	return e.parts
}

// tnOffers is what the parts say otherwise than their blocks.
func (p *plan) tnOffers() []TNOffer {
	if len(p.own) == 0 {
		return nil
	}
	list := make([]TNOffer, 0, len(p.own))
	for tn, o := range p.own {
		list = append(list, TNOffer{TN: tn, Offer: p.offers.list[o]})
	}
	slices.SortFunc(list, func(a, b TNOffer) int { return cmp.Compare(a.TN, b.TN) })
	p.own = nil
	return list
}

// notices is what a person should know although no row was refused for it.
func (p *plan) notices() []tel.Sentence {
	var list []tel.Sentence
	if n := int(p.repeated); n > 0 {
		list = append(list, tel.Say("Numbers named more than once in this file: %d. Each counts once.", n))
	}
	if n := len(p.invented); n > 0 {
		list = append(list, tel.Say("555-0100 to 555-0199 are fictional and were left out. Area codes with them: %d.", n))
	}
	if n := len(p.n11); n > 0 {
		list = append(list, tel.Say("Exchanges left out of ranges because they cannot exist: %d. N11 codes are services such as 911.", n))
	}
	return list
}

// interned keeps each value once and names it by a number.
type interned[T comparable] struct {
	list []T
	ids  map[T]int32
	last int32
}

func newInterned[T comparable]() interned[T] {
	return interned[T]{ids: map[T]int32{}, last: -1}
}

func (in *interned[T]) id(v T) int32 {
	if in.last >= 0 && in.list[in.last] == v {
		return in.last
	}
	id, ok := in.ids[v]
	if !ok {
		id = int32(len(in.list))
		in.list = append(in.list, v)
		in.ids[v] = id
	}
	in.last = id
	return id
}
