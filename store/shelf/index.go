package shelf

import (
	"cmp"
	"math/bits"
	"slices"

	"tnreserve/store/tel"
)

// exchange is an NPA-NXX with its blocks, which stand together in index.blocks.
type exchange struct {
	key    int64  // the TN divided by 10,000, country code included
	digits uint32 // the six national digits, a nibble each, the first uppermost
	first  int32  // its first block in index.blocks
	xs     uint16 // bit x: there is a block with thousands digit x
	free   uint16 // free TNs of all its blocks
	offers uint64 // offerBit of each offer that its TNs have, or had
}

// offerBit stands for an offer in exchange.offers: exact while there are fewer than
// 64 offers, and never wrong to rely on when it is missing.
func offerBit(offer int32) uint64 { return 1 << (offer % 64) }

// block is what the shelf keeps per thousands-block beside the bits. 20 bytes: a
// search over the whole country reads all of them.
type block struct {
	place, offer int32
	slot         int32  // where its bits are; stays when blocks are added
	free         uint16 // free TNs
	run          uint16 // longest row of free TNs
	total        uint16 // TNs that are members
	x            uint8  // thousands digit
	flags        blockFlags
}

type blockFlags uint8

const (
	partial  blockFlags = 1 << iota // not all 1,000 TNs are members
	mixed                           // some TNs have an offer of their own
	allXs    = 1<<10 - 1
	perGroup = 10_000 // TNs of an exchange
)

// index is the inventory in TN order.
type index struct {
	exchanges []exchange
	blocks    []block
	at        map[int64]int32 // exchange key to its position

	// The exchanges of place p, for a search by place:
	// placeExchanges[placeStart[p]:placeStart[p+1]].
	placeStart     []int32
	placeExchanges []int32
}

// nibbles packs the six digits of an exchange.
func nibbles(key int64) uint32 {
	var d uint32
	for shift := 0; shift < 24; shift += 4 {
		d |= uint32(key%10) << shift
		key /= 10
	}
	return d
}

// find gives the positions of a TN's exchange and block.
func (ix *index) find(b tel.Block) (e, pos int32, ok bool) {
	e, ok = ix.at[int64(b)/10]
	if !ok {
		return 0, 0, false
	}
	ex, x := &ix.exchanges[e], b.X()
	if ex.xs>>x&1 == 0 {
		return 0, 0, false
	}
	return e, ex.position(x), true
}

// position is where the exchange's block with thousands digit x is.
func (ex *exchange) position(x int) int32 {
	return ex.first + int32(bits.OnesCount16(ex.xs&(1<<x-1)))
}

func (ex *exchange) block(x int) tel.Block { return tel.Block(ex.key*10 + int64(x)) }

func (ex *exchange) npa() int { return int(ex.key / 1000 % 1000) }

// keyed is a block with its name, on its way into the index.
type keyed struct {
	key tel.Block
	block
}

// merge makes the index anew with fresh blocks, which are sorted and not yet there.
func (ix *index) merge(fresh []keyed) {
	old := *ix
	*ix = index{
		exchanges: make([]exchange, 0, len(old.exchanges)+len(fresh)/10+1),
		blocks:    make([]block, 0, len(old.blocks)+len(fresh)),
	}
	for i := range old.exchanges {
		ex := &old.exchanges[i]
		for j := range bits.OnesCount16(ex.xs) {
			b := old.blocks[int(ex.first)+j]
			key := ex.block(int(b.x))
			for len(fresh) > 0 && fresh[0].key < key {
				ix.add(fresh[0])
				fresh = fresh[1:]
			}
			ix.add(keyed{key, b})
		}
		ix.exchanges[len(ix.exchanges)-1].offers |= ex.offers // of single TNs too
	}
	for _, k := range fresh {
		ix.add(k)
	}
	ix.at = make(map[int64]int32, len(ix.exchanges))
	for i := range ix.exchanges {
		ix.at[ix.exchanges[i].key] = int32(i)
	}
}

// add appends a block; blocks come in ascending order.
func (ix *index) add(k keyed) {
	key := int64(k.key) / 10
	if n := len(ix.exchanges); n == 0 || ix.exchanges[n-1].key != key {
		ix.exchanges = append(ix.exchanges, exchange{key: key, digits: nibbles(key), first: int32(len(ix.blocks))})
	}
	ex := &ix.exchanges[len(ix.exchanges)-1]
	ex.xs |= 1 << k.x
	ex.free += k.free
	ex.offers |= offerBit(k.offer)
	ix.blocks = append(ix.blocks, k.block)
}

// listPlaces makes the lists of exchanges per place, for place ids below n.
func (ix *index) listPlaces(n int) {
	ix.placeStart = make([]int32, n+1)
	ix.eachPlace(func(_, place int32) { ix.placeStart[place+1]++ })
	for p := range n {
		ix.placeStart[p+1] += ix.placeStart[p]
	}
	ix.placeExchanges = make([]int32, ix.placeStart[n])
	fill := slices.Clone(ix.placeStart)
	ix.eachPlace(func(e, place int32) {
		ix.placeExchanges[fill[place]] = e
		fill[place]++
	})
}

// eachPlace calls fn with every exchange and each place of its blocks; a place
// comes twice where another stands between.
func (ix *index) eachPlace(fn func(e, place int32)) {
	for e := range ix.exchanges {
		ex := &ix.exchanges[e]
		last := int32(-1)
		for j := range bits.OnesCount16(ex.xs) {
			if place := ix.blocks[int(ex.first)+j].place; place != last {
				fn(int32(e), place)
				last = place
			}
		}
	}
}

// exchangesOf is the positions of a place's exchanges, ascending.
func (ix *index) exchangesOf(place int32) []int32 {
	if int(place)+1 >= len(ix.placeStart) {
		return nil
	}
	return ix.placeExchanges[ix.placeStart[place]:ix.placeStart[place+1]]
}

// rangeOf is the positions [lo, hi) of an area code's exchanges.
func (ix *index) rangeOf(npa int) (lo, hi int) {
	first := int64(tel.NewNumber(npa, 0, 0)) / perGroup
	return ix.firstFrom(first), ix.firstFrom(first + 1000)
}

// firstFrom is the position of the first exchange whose key is at least key.
func (ix *index) firstFrom(key int64) int {
	i, _ := slices.BinarySearchFunc(ix.exchanges, key, func(ex exchange, key int64) int { return cmp.Compare(ex.key, key) })
	return i
}

// slabs keeps the bits of all blocks in pieces that never move: growing costs one
// piece, not a copy of everything.
type slabs struct {
	pieces []*[slabSize]Bits
	used   int32
}

const slabSize = 512 // 64 KiB a piece

func (s *slabs) at(slot int32) *Bits { return &s.pieces[slot/slabSize][slot%slabSize] }

func (s *slabs) add(b *Bits) int32 {
	if int(s.used) == len(s.pieces)*slabSize {
		s.pieces = append(s.pieces, new([slabSize]Bits))
	}
	slot := s.used
	s.used++
	*s.at(slot) = *b
	return slot
}
