package intake

import (
	"math/bits"

	"tnreserve/store/shelf"
	"tnreserve/store/tel"
)

// Bits are the TNs of a thousands-block, as the shelf keeps them.
type Bits = shelf.Bits

// span is the bits of index from to index to, both included.
func span(from, to int) Bits {
	var m Bits
	for w := from >> 6; w <= to>>6; w++ {
		m[w] = ^uint64(0)
	}
	m[from>>6] &= ^uint64(0) << (from & 63)
	m[to>>6] &= ^uint64(0) >> (63 - to&63)
	return m
}

// without is a's bits that b has not.
func without(a, b *Bits) Bits {
	m := *a
	for w := range m {
		m[w] &^= b[w]
	}
	return m
}

// both is the bits that a and b have.
func both(a, b *Bits) Bits {
	m := *a
	for w := range m {
		m[w] &= b[w]
	}
	return m
}

// each calls f with every index that is set, until f answers false.
func each(b *Bits, f func(i int) bool) {
	for w, word := range b {
		for ; word != 0; word &= word - 1 {
			if !f(w<<6 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

// fictional tells whether the block holds 555-0100 to 555-0199.
func fictional(b tel.Block) bool { return b%10_000 == 5550 }

var (
	allTNs      = span(0, tel.BlockSize-1)
	inventedTNs = span(100, 199) // the fictional TNs of a block NPA-555-0
)
