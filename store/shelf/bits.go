package shelf

import (
	"math/bits"

	"tnreserve/store/tel"
)

const words = 16

// Bits is a set of the 1,000 TNs of a thousands-block: bit i%64 of word i/64 is the
// TN with index i, 0–999. The last 24 bits are always zero. The zero value is empty.
type Bits [words]uint64

// Full is the set of all 1,000 TNs.
func Full() Bits {
	var b Bits
	for i := range b {
		b[i] = ^uint64(0)
	}
	b[words-1] = 1<<(tel.BlockSize%64) - 1
	return b
}

// Set puts the TN with index i, 0–999, into the set.
func (b *Bits) Set(i int) { b[i/64] |= 1 << (i % 64) }

// Clear takes the TN with index i, 0–999, out of the set.
func (b *Bits) Clear(i int) { b[i/64] &^= 1 << (i % 64) }

// Has tells whether the TN with index i, 0–999, is in the set.
func (b *Bits) Has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }

// Count is how many TNs are in the set.
func (b *Bits) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b *Bits) empty() bool {
	var any uint64
	for _, w := range b {
		any |= w
	}
	return any == 0
}

func (b *Bits) and(o *Bits) {
	for i := range b {
		b[i] &= o[i]
	}
}

func (b *Bits) or(o *Bits) {
	for i := range b {
		b[i] |= o[i]
	}
}

func (b *Bits) andNot(o *Bits) {
	for i := range b {
		b[i] &^= o[i]
	}
}

// down is the set with every index lowered by k; those below k fall out.
func (b *Bits) down(k int) Bits {
	var out Bits
	word, bit := k/64, k%64
	for i := word; i < words; i++ {
		v := b[i] >> bit
		if i+1 < words {
			v |= b[i+1] << (64 - bit)
		}
		out[i-word] = v
	}
	return out
}

// up is the set with every index raised by k. The caller knows that nothing leaves
// the thousand.
func (b *Bits) up(k int) Bits {
	var out Bits
	word, bit := k/64, k%64
	for i := word; i < words; i++ {
		v := b[i-word] << bit
		if i > word {
			v |= b[i-word-1] >> (64 - bit)
		}
		out[i] = v
	}
	return out
}

// inRuns keeps the TNs that stand in a row of at least n. Doubling the step makes
// a row of 500 nine shifts instead of 499.
func (b *Bits) inRuns(n int) Bits {
	y := *b
	for have := 1; have < n; {
		step := min(have, n-have)
		shifted := y.down(step)
		y.and(&shifted)
		have += step
	}
	// y now marks where such rows begin; grow each beginning to its n TNs.
	for have := 1; have < n; {
		step := min(have, n-have)
		shifted := y.up(step)
		y.or(&shifted)
		have += step
	}
	return y
}

// longestRun is the length of the longest row of TNs in the set, 0–1,000.
func (b *Bits) longestRun() int {
	if b.empty() {
		return 0
	}
	starts, have := *b, 1
	for {
		next := starts.down(have)
		if next.and(&starts); next.empty() {
			break
		}
		starts, have = next, 2*have
	}
	for step := have / 2; step > 0; step /= 2 {
		next := starts.down(step)
		if next.and(&starts); !next.empty() {
			starts, have = next, have+step
		}
	}
	return have
}

// runFrom is how many TNs stand in a row from index i upward, i included.
func (b *Bits) runFrom(i int) int {
	if i >= tel.BlockSize {
		return 0
	}
	room := 64 - i%64
	n := bits.TrailingZeros64(^(b[i/64] >> (i % 64)))
	if n < room {
		return n
	}
	n = room
	for w := i/64 + 1; w < words; w++ {
		more := bits.TrailingZeros64(^b[w])
		if n += more; more < 64 {
			break
		}
	}
	return n
}

// runBelow is how many TNs stand in a row right below index i, i not included.
func (b *Bits) runBelow(i int) int {
	n := bits.LeadingZeros64(^(b[i/64] << (64 - i%64)))
	if n < i%64 {
		return n
	}
	n = i % 64
	for w := i/64 - 1; w >= 0; w-- {
		more := bits.LeadingZeros64(^b[w])
		if n += more; more < 64 {
			break
		}
	}
	return n
}

// nth is the index of the r-th TN of the set, r from 0; the set has more than r.
func (b *Bits) nth(r int) int {
	for i, w := range b {
		if c := bits.OnesCount64(w); r >= c {
			r -= c
			continue
		}
		for ; r > 0; r-- {
			w &= w - 1
		}
		return i*64 + bits.TrailingZeros64(w)
	}
	panic("shelf: nth beyond the set")
}

// next is the first index of the set that is at least i, or 1,000 and more.
func (b *Bits) next(i int) int {
	if i >= tel.BlockSize {
		return i
	}
	w := i / 64
	rest := b[w] >> (i % 64) << (i % 64)
	for rest == 0 {
		if w++; w == words {
			return tel.BlockSize
		}
		rest = b[w]
	}
	return w*64 + bits.TrailingZeros64(rest)
}

// below keeps the TNs whose index is below i, 0–1,000.
func (b *Bits) below(i int) {
	for w := range b {
		switch lo := w * 64; {
		case i <= lo:
			b[w] = 0
		case i < lo+64:
			b[w] &= 1<<(i-lo) - 1
		}
	}
}

// from keeps the TNs whose index is at least i, 0–1,000.
func (b *Bits) from(i int) {
	for w := range b {
		switch lo := w * 64; {
		case i >= lo+64:
			b[w] = 0
		case i > lo:
			b[w] = b[w] >> (i - lo) << (i - lo)
		}
	}
}

// appendTo appends the set's TNs in ascending order.
func (b *Bits) appendTo(tns []tel.Number, block tel.Block) []tel.Number {
	for i, w := range b {
		first := block.Number(i * 64)
		for ; w != 0; w &= w - 1 {
			tns = append(tns, first+tel.Number(bits.TrailingZeros64(w)))
		}
	}
	return tns
}
