package shelf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tnreserve/store/tel"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// model is the inventory as anybody would write it down, to compare the shelf with.
type model struct {
	shelf  *Shelf
	places []tel.Place
	offers []tel.Offer
	tns    []modelTN // ascending
}

type modelTN struct {
	n      tel.Number
	digits string
	place  int
	offer  int
	free   bool
}

var modelPlaces = []tel.Place{
	{},
	{City: "Raleigh", State: "NC", RateCenter: "RALEIGH", LATA: "426"},
	{City: "Durham", State: "NC", RateCenter: "RALEIGH", LATA: "426"},
	{City: "New York", State: "NY", RateCenter: "NWYRCYZN01", LATA: "132"},
	{City: "Durham", State: "NY", RateCenter: "ALBANY", LATA: "134"},
}

var modelOffers = []tel.Offer{{}, {Features: "sms,voice", MonthlyCost: 35000}, {Features: "voice"}}

// newModel makes some 14,000 TNs: exchanges with holes, blocks of one exchange in
// different places, blocks with few members. Half of the seeds make it so that
// most searches find few.
func newModel(seed uint64) *model {
	m := &model{shelf: New(), places: modelPlaces, offers: modelOffers}
	for id := 1; id < len(m.places); id++ {
		m.shelf.SetPlace(id, m.places[id])
	}
	for id := 1; id < len(m.offers); id++ {
		m.shelf.SetOffer(id, m.offers[id])
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	var blocks []Block
	for _, e := range [][2]int{{919, 356}, {919, 919}, {984, 356}, {212, 993}, {800, 356}, {888, 723}} {
		for _, x := range []int{0, 3, 9} {
			b := Block{Block: tel.NewBlock(e[0], e[1], x), Place: 1 + rnd.IntN(4), Offer: 1 + rnd.IntN(2)}
			if rnd.IntN(4) == 0 {
				b.Members = someBits(rnd)
			}
			blocks = append(blocks, b)
		}
	}
	rnd.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	half := len(blocks) / 2
	m.shelf.PutBlocks(blocks[:half])
	m.shelf.PutBlocks(blocks[half:])
	for _, b := range blocks {
		m.add(b, rnd)
	}
	slices.SortFunc(m.tns, func(a, b modelTN) int { return int(a.n - b.n) })
	return m
}

// someBits is a random set: thin, thick or in rows.
func someBits(rnd *rand.Rand) *Bits {
	var b Bits
	kind := rnd.IntN(3)
	for i := 0; i < tel.BlockSize; i++ {
		switch kind {
		case 0:
			if rnd.IntN(20) == 0 {
				b.Set(i)
			}
		case 1:
			if rnd.IntN(20) != 0 {
				b.Set(i)
			}
		default:
			for row := rnd.IntN(60); row > 0 && i < tel.BlockSize; row, i = row-1, i+1 {
				b.Set(i)
			}
			i += rnd.IntN(60)
		}
	}
	return &b
}

func (m *model) add(b Block, rnd *rand.Rand) {
	free := Full()
	if rnd.IntN(3) != 0 {
		free = *someBits(rnd)
	}
	for i := range tel.BlockSize {
		if b.Members != nil && !b.Members.Has(i) {
			continue
		}
		tn := modelTN{n: b.Block.Number(i), place: b.Place, offer: b.Offer, free: free.Has(i)}
		tn.digits = tn.n.Digits()
		if !tn.free {
			m.shelf.Take(tn.n)
		}
		if rnd.IntN(400) == 0 {
			tn.offer = 1 + rnd.IntN(2)
			m.shelf.SetTNOffer(tn.n, tn.offer)
		}
		m.tns = append(m.tns, tn)
	}
}

// find is the oracle: all matches, ascending.
func (m *model) find(q tel.Query) []tel.Number {
	var hits []tel.Number
	for i := range m.tns {
		if m.matches(q, &m.tns[i]) {
			hits = append(hits, m.tns[i].n)
		}
	}
	if q.Run <= 1 {
		return hits
	}
	var rows []tel.Number
	for i := 0; i < len(hits); {
		end := i + 1
		for end < len(hits) && hits[end] == hits[end-1]+1 && hits[end].Block() == hits[i].Block() {
			end++
		}
		if end-i >= q.Run {
			rows = append(rows, hits[i:end]...)
		}
		i = end
	}
	return rows
}

func (m *model) matches(q tel.Query, tn *modelTN) bool {
	p, n := m.places[tn.place], tn.n
	same := func(want, is string) bool { return want == "" || strings.EqualFold(want, is) }
	switch {
	case !tn.free,
		len(q.NPAs) > 0 && !slices.Contains(q.NPAs, n.NPA()),
		q.NXX != 0 && q.NXX != n.NXX(),
		q.X >= 0 && q.X != n.Block().X(),
		!same(q.State, p.State), !same(q.City, p.City), !same(q.RateCenter, p.RateCenter), !same(q.LATA, p.LATA),
		!same(q.Place, p.City) && !same(q.Place, p.RateCenter),
		q.Type == tel.TypeTollFree && !n.TollFree(), q.Type == tel.TypeLocal && n.TollFree(),
		q.Feature != "" && !m.offers[tn.offer].HasAll(q.Feature),
		q.Country != "" && q.Country != p.Country(),
		q.StartsWith != "" && !q.StartsWith.MatchAt(tn.digits, 0),
		q.EndsWith != "" && !q.EndsWith.MatchAt(tn.digits, 10-len(q.EndsWith)):
		return false
	}
	if q.Contains == "" {
		return true
	}
	for o := range 10 {
		if q.Contains.MatchAt(tn.digits, o) {
			return true
		}
	}
	return false
}

// checkCounts compares all counts that the shelf keeps beside the bits with the bits.
func checkCounts(s *Shelf) error {
	var tns, free int64
	for _, ex := range s.index.exchanges {
		sum := 0
		for x := range 10 {
			if ex.xs>>x&1 == 0 {
				continue
			}
			b, members := s.index.blocks[ex.position(x)], Full()
			if b.flags&partial != 0 {
				members = *s.members[b.slot]
			}
			set := s.free.at(b.slot)
			stray := *set
			stray.andNot(&members)
			if int(b.x) != x || int(b.free) != set.Count() || int(b.run) != longest(set) || int(b.total) != members.Count() || !stray.empty() {
				return fmt.Errorf("block %v: %+v, bits have %d free, %d in a row", ex.block(x), b, set.Count(), longest(set))
			}
			sum += int(b.free)
			tns += int64(b.total)
		}
		if int(ex.free) != sum {
			return fmt.Errorf("exchange %d: free %d, blocks have %d", ex.key, ex.free, sum)
		}
		free += int64(sum)
	}
	if tns != s.tns || free != s.freeTNs {
		return fmt.Errorf("shelf has %d of %d free, blocks have %d of %d", s.freeTNs, s.tns, free, tns)
	}
	return nil
}

func longest(b *Bits) int {
	best, row := 0, 0
	for i := range tel.BlockSize {
		if row++; !b.Has(i) {
			row = 0
		}
		best = max(best, row)
	}
	return best
}

// drain pages through a search to its end.
func drain(t testing.TB, s *Shelf, q tel.Query) (pages [][]tel.Number) {
	t.Helper()
	for range 100_000 {
		found, err := s.Search(q, noon)
		if err != nil {
			t.Fatalf("search %+v: %v", q, err)
		}
		page := make([]tel.Number, len(found.TNs))
		for i, f := range found.TNs {
			page[i] = f.TN
		}
		pages = append(pages, page)
		if found.Next == "" {
			return pages
		}
		if len(page) == 0 {
			t.Fatalf("an empty page with a next one: %+v", q)
		}
		q.Cursor, q.Seed = found.Next, 0
	}
	t.Fatalf("no end: %+v", q)
	return nil
}
