package shelf

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tnreserve/store/tel"
)

// PlaceID and OfferID are the database's ids of places and offers: small and
// dense, from 1. The shelf's tables are as long as the largest.
type (
	PlaceID = int
	OfferID = int
)

// Block is a thousands-block as it comes onto the shelf.
type Block struct {
	Block   tel.Block
	Place   PlaceID
	Offer   OfferID
	Members *Bits // the TNs that are in the inventory; nil means all 1,000
}

// Shelf is the inventory in memory. Make it with New. All methods may be called at
// once from many goroutines.
type Shelf struct {
	// searching lets one search work at a time: searches that share the machine
	// with reserving would otherwise take it over. It also guards scratch. Taken
	// before mu, never after.
	searching sync.Mutex
	scratch   scratch

	mu      sync.RWMutex // guards all below but the atomics
	index   index
	free    slabs
	members map[int32]*Bits // by slot, for partial blocks
	own     map[tel.Block][]ownOffer
	places  places
	offers  []tel.Offer
	expiry  expiry
	tns     int64
	freeTNs int64

	nextDue atomic.Int64 // expiry.next(), to be read without the lock
	seed    atomic.Uint64
}

// ownOffer is the offer of a TN that differs from its block's.
type ownOffer struct {
	index int32 // in the block
	offer int32
}

// New is an empty shelf.
func New() *Shelf {
	s := &Shelf{
		members: map[int32]*Bits{},
		own:     map[tel.Block][]ownOffer{},
		places:  newPlaces(),
		offers:  make([]tel.Offer, 1),
		expiry:  expiry{until: map[tel.Number]int64{}},
	}
	s.nextDue.Store(never)
	s.seed.Store(rand.Uint64())
	return s
}

// NextSeed is a Query.Seed for one more search. Successive seeds lie as far from
// each other as they can (multiples of the golden ratio), so that people who search
// for the same at once are shown different TNs first.
func (s *Shelf) NextSeed() uint64 { return s.seed.Add(golden) }

// SetPlace says what a place id stands for; again to change it.
func (s *Shelf) SetPlace(id PlaceID, p tel.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places.set(int32(id), p)
}

// SetOffer says what an offer id stands for; again to change it.
func (s *Shelf) SetOffer(id OfferID, o tel.Offer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.growOffers(id)
	s.offers[id] = o
}

func (s *Shelf) growOffers(id OfferID) {
	for len(s.offers) <= id {
		s.offers = append(s.offers, tel.Offer{})
	}
}

// SetTNOffer gives a TN an offer other than its block's; 0 gives it its block's
// again. It lasts when the block's offer changes. A TN that is not in the inventory
// is passed over.
func (s *Shelf) SetTNOffer(n tel.Number, offer OfferID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ex, b, ok := s.member(n)
	if !ok {
		return
	}
	s.growOffers(offer)
	ex.offers |= offerBit(int32(offer))
	list := s.own[n.Block()]
	for i := range list {
		if int(list[i].index) == n.Index() {
			list[i] = list[len(list)-1]
			list = list[:len(list)-1]
			break
		}
	}
	if offer != 0 {
		list = append(list, ownOffer{int32(n.Index()), int32(offer)})
	}
	if len(list) == 0 {
		delete(s.own, n.Block())
		b.flags &^= mixed
		return
	}
	s.own[n.Block()] = list
	b.flags |= mixed
}

// Change is what becomes of one TN: free, taken until an instant, or taken until
// somebody frees it (the zero Until).
type Change struct {
	TN    tel.Number
	Free  bool
	Until time.Time
}

// Update makes changes, in order, under one lock: somebody who searches is waited for
// once and not once per TN. TNs that are not in the inventory are passed over.
func (s *Shelf) Update(changes []Change) {
	if len(changes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		if !s.setFree(c.TN, c.Free) {
			continue
		}
		if c.Free || c.Until.IsZero() {
			s.expiry.drop(c.TN)
		} else {
			s.expiry.set(c.TN, micros(c.Until))
		}
	}
	if next := s.expiry.next(); next != s.nextDue.Load() {
		s.nextDue.Store(next)
	}
}

// Take makes a TN not free until Free: in service or disabled.
func (s *Shelf) Take(n tel.Number) { s.Update([]Change{{TN: n}}) }

// TakeUntil makes a TN not free before an instant, at which it is free again by
// itself: held or aging. Called again it moves the instant, either way.
func (s *Shelf) TakeUntil(n tel.Number, until time.Time) { s.Update([]Change{{TN: n, Until: until}}) }

// Free makes a TN free, whatever it was before.
func (s *Shelf) Free(n tel.Number) { s.Update([]Change{{TN: n, Free: true}}) }

// setFree changes a TN's bit and the counts that stand beside it; ok is false when
// the TN is not in the inventory.
func (s *Shelf) setFree(n tel.Number, free bool) (ok bool) {
	ex, b, ok := s.member(n)
	if !ok {
		return false
	}
	set, i := s.free.at(b.slot), n.Index()
	if set.Has(i) == free {
		return true
	}
	below, above := set.runBelow(i), set.runFrom(i+1)
	row := below + 1 + above
	if free {
		set.Set(i)
		b.free++
		ex.free++
		s.freeTNs++
		b.run = max(b.run, uint16(row))
		return true
	}
	set.Clear(i)
	b.free--
	ex.free--
	s.freeTNs--
	if row < int(b.run) {
		return true
	}
	// The longest row was broken. Mostly its larger half is the longest now, because
	// no more TNs than that are left elsewhere.
	longest, elsewhere := max(below, above), int(b.free)-below-above
	if elsewhere > longest {
		longest = set.longestRun()
	}
	b.run = uint16(longest)
	return true
}

// member finds a TN of the inventory.
func (s *Shelf) member(n tel.Number) (*exchange, *block, bool) {
	e, pos, ok := s.index.find(n.Block())
	if !ok {
		return nil, nil, false
	}
	b := &s.index.blocks[pos]
	if b.flags&partial != 0 && !s.members[b.slot].Has(n.Index()) {
		return nil, nil, false
	}
	return &s.index.exchanges[e], b, true
}

// Has gives a TN's place and offer; ok is false when it is not in the inventory.
func (s *Shelf) Has(n tel.Number) (place tel.Place, offer tel.Offer, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, b, ok := s.member(n)
	if !ok {
		return tel.Place{}, tel.Offer{}, false
	}
	place, offer = s.describe(n, b)
	return place, offer, true
}

// describe gives the place and offer of a TN in a block.
func (s *Shelf) describe(n tel.Number, b *block) (tel.Place, tel.Offer) {
	offer := b.offer
	if b.flags&mixed != 0 {
		for _, o := range s.own[n.Block()] {
			if int(o.index) == n.Index() {
				offer = o.offer
			}
		}
	}
	return s.places.list[b.place], s.offers[offer]
}

// IsFree tells whether a TN is in the inventory and free at an instant.
func (s *Shelf) IsFree(n tel.Number, now time.Time) bool {
	s.release(now)
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, b, ok := s.member(n)
	return ok && s.free.at(b.slot).Has(n.Index())
}

// SizeAt is Size at an instant.
func (s *Shelf) SizeAt(now time.Time) (blocks int, tns, free int64) {
	s.release(now)
	return s.Size()
}

// Size is how many blocks and TNs are on the shelf and how many of the TNs are
// free, as of the last call that was told the time.
func (s *Shelf) Size() (blocks int, tns, free int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.index.blocks), s.tns, s.freeTNs
}
