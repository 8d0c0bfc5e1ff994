package shelf

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"time"

	"tnreserve/store/tel"
)

// Dimension is what a Summary's rows stand for.
type Dimension string

// The dimensions of a Summary.
const (
	ByState      Dimension = "state"
	ByNPA        Dimension = "npa"
	ByExchange   Dimension = "exchange" // NPA-NXX
	ByBlock      Dimension = "block"    // NPA-NXX-X
	ByRateCenter Dimension = "ratecenter"
	ByCity       Dimension = "city"
	ByLATA       Dimension = "lata"
)

// Row is one line of a Summary.
type Row struct {
	Name   string // "NC", "919", "919-555", "919-555-0", "RALEIGH"
	State  string // for rate centers and cities, whose names repeat between states
	TNs    int64
	Free   int64
	Blocks int
}

// Summary adds up the inventory, free or not, by a dimension, sorted by name. within
// narrows it by NPAs, NXX, X, Type and the fields about places, for going into a
// state or an area code; its other fields are passed over. Nil when it can match
// nothing.
func (s *Shelf) Summary(by Dimension, within tel.Query, now time.Time) []Row {
	if within.NXX == 0 {
		within.X = -1
	}
	within.StartsWith, within.EndsWith, within.Contains, within.Run, within.Feature = "", "", "", 0, ""
	if within.Check() != nil {
		return nil
	}
	digits, err := newDigitTest(within)
	if err != nil {
		return nil
	}
	s.searching.Lock()
	defer s.searching.Unlock()
	s.release(now)
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := s.look(within, digits)
	rows := k.byPlace(by)
	if by == ByNPA || by == ByExchange || by == ByBlock {
		rows = k.byNumber(by)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.State, b.State))
	})
	return rows
}

func (r *Row) add(b *block) {
	r.TNs += int64(b.total)
	r.Free += int64(b.free)
	r.Blocks++
}

// each calls fn with every block that the look may match, free or not, in TN order.
func (k *look) each(fn func(name tel.Block, b *block)) {
	ix := &k.shelf.index
	for _, c := range k.candidates {
		ex := &ix.exchanges[c.exchange]
		for xs := c.xs; xs != 0; xs &= xs - 1 {
			x := bits.TrailingZeros16(xs)
			b := &ix.blocks[ex.position(x)]
			if !k.placed || k.places.has(b.place) {
				fn(ex.block(x), b)
			}
		}
	}
}

// byNumber adds up runs of blocks whose names begin alike.
func (k *look) byNumber(by Dimension) []Row {
	var rows []Row
	last := tel.Block(-1)
	k.each(func(name tel.Block, b *block) {
		if group := name / tel.Block(blocksIn(by)); group != last {
			last = group
			rows = append(rows, Row{Name: numberName(by, name)})
		}
		rows[len(rows)-1].add(b)
	})
	return rows
}

func blocksIn(by Dimension) int {
	switch by {
	case ByNPA:
		return 10_000
	case ByExchange:
		return 10
	}
	return 1
}

func numberName(by Dimension, b tel.Block) string {
	switch by {
	case ByNPA:
		return fmt.Sprintf("%03d", b.NPA())
	case ByExchange:
		return fmt.Sprintf("%03d-%03d", b.NPA(), b.NXX())
	}
	return b.String()
}

// byPlace adds up per place first, of which there are far fewer than blocks, and
// then per name.
func (k *look) byPlace(by Dimension) []Row {
	sums := make([]Row, len(k.shelf.places.list))
	k.each(func(_ tel.Block, b *block) { sums[b.place].add(b) })
	type group struct{ name, state string }
	rows, places := map[group]*Row{}, &k.shelf.places
	for id := range sums {
		if sums[id].Blocks == 0 {
			continue
		}
		var g group
		g.name, g.state = placeName(by, &places.folded[id])
		row := rows[g]
		if row == nil {
			row = new(Row)
			row.Name, row.State = placeName(by, &places.list[id])
			rows[g] = row
		}
		row.TNs += sums[id].TNs
		row.Free += sums[id].Free
		row.Blocks += sums[id].Blocks
	}
	list := make([]Row, 0, len(rows))
	for row := range maps.Values(rows) {
		list = append(list, *row)
	}
	return list
}

func placeName(by Dimension, p *tel.Place) (name, state string) {
	switch by {
	case ByRateCenter:
		return p.RateCenter, p.State
	case ByCity:
		return p.City, p.State
	case ByLATA:
		return p.LATA, ""
	}
	return p.State, ""
}
