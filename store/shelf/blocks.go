package shelf

import (
	"cmp"
	"slices"

	"tnreserve/store/tel"
)

var full = Full()

// PutBlocks adds blocks, or changes place, offer and members of those that are
// there. TNs that become members are free; TNs that were members stay free or taken;
// TNs that no longer are members leave the inventory. Of a block that comes twice
// the last counts.
//
// Adding rebuilds the index, which takes some milliseconds when the shelf is large:
// put many at once.
func (s *Shelf) PutBlocks(blocks []Block) {
	blocks = sorted(blocks)
	s.mu.Lock()
	defer s.mu.Unlock()
	var fresh []keyed
	moved := false
	for i := range blocks {
		b := &blocks[i]
		s.places.grow(int32(b.Place))
		s.growOffers(b.Offer)
		if e, pos, ok := s.index.find(b.Block); ok {
			moved = s.change(e, pos, b) || moved
			continue
		}
		fresh = append(fresh, s.fresh(b))
	}
	if len(fresh) > 0 {
		s.index.merge(fresh)
	}
	if len(fresh) > 0 || moved {
		s.index.listPlaces(len(s.places.list))
	}
}

// sorted gives the blocks in TN order, each once. It leaves the caller's alone.
func sorted(blocks []Block) []Block {
	ascending := func(i int) bool { return blocks[i-1].Block < blocks[i].Block }
	inOrder := true
	for i := 1; i < len(blocks) && inOrder; i++ {
		inOrder = ascending(i)
	}
	if inOrder {
		return blocks
	}
	blocks = slices.Clone(blocks)
	slices.SortStableFunc(blocks, func(a, b Block) int { return cmp.Compare(a.Block, b.Block) })
	kept := blocks[:0]
	for i, b := range blocks {
		if i+1 == len(blocks) || blocks[i+1].Block != b.Block {
			kept = append(kept, b)
		}
	}
	return kept
}

// fresh makes a block that is not yet there, all its members free.
func (s *Shelf) fresh(b *Block) keyed {
	members := memberBits(b)
	n := uint16(members.Count())
	k := keyed{b.Block, block{
		place: int32(b.Place), offer: int32(b.Offer), slot: s.free.add(members),
		free: n, run: tel.BlockSize, total: n, x: uint8(b.Block.X()),
	}}
	if n < tel.BlockSize {
		k.run = uint16(members.longestRun())
		k.flags = partial
		s.members[k.slot] = new(*members)
	}
	s.tns += int64(n)
	s.freeTNs += int64(n)
	return k
}

func memberBits(b *Block) *Bits {
	if b.Members == nil {
		return &full
	}
	members := *b.Members
	members.and(&full)
	return &members
}

// change gives a block that is there a new place, offer and members; moved tells
// that the place is another.
func (s *Shelf) change(e, pos int32, in *Block) (moved bool) {
	ex, b := &s.index.exchanges[e], &s.index.blocks[pos]
	moved = b.place != int32(in.Place)
	b.place, b.offer = int32(in.Place), int32(in.Offer)
	ex.offers |= offerBit(b.offer)
	was := &full
	if b.flags&partial != 0 {
		was = s.members[b.slot]
	}
	if is := memberBits(in); *is != *was {
		s.changeMembers(ex, b, in.Block, was, is)
	}
	return moved
}

func (s *Shelf) changeMembers(ex *exchange, b *block, name tel.Block, was, is *Bits) {
	gone, come := *was, *is
	gone.andNot(is)
	come.andNot(was)
	for i := gone.next(0); i < tel.BlockSize; i = gone.next(i + 1) {
		s.expiry.drop(name.Number(i))
	}
	set := s.free.at(b.slot)
	set.andNot(&gone)
	set.or(&come)

	before, total := *b, is.Count()
	b.free, b.total, b.run = uint16(set.Count()), uint16(total), uint16(set.longestRun())
	ex.free = ex.free - before.free + b.free
	s.freeTNs += int64(b.free) - int64(before.free)
	s.tns += int64(b.total) - int64(before.total)

	delete(s.members, b.slot)
	b.flags &^= partial
	if total < tel.BlockSize {
		s.members[b.slot] = new(*is)
		b.flags |= partial
	}
	s.dropOwn(b, name, &gone)
}

// dropOwn forgets the offers of TNs that left the inventory.
func (s *Shelf) dropOwn(b *block, name tel.Block, gone *Bits) {
	if b.flags&mixed == 0 {
		return
	}
	list := slices.DeleteFunc(s.own[name], func(o ownOffer) bool { return gone.Has(int(o.index)) })
	if s.own[name] = list; len(list) == 0 {
		delete(s.own, name)
		b.flags &^= mixed
	}
}
