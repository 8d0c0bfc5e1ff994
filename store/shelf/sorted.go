package shelf

import (
	"math/bits"
	"slices"
	"sort"

	"tnreserve/store/tel"
)

// ascend is the page after the cursor's TN in ascending order. The cursor is a TN,
// not a count: TNs taken in between move nothing.
func (k *look) ascend(cur cursor, limit int) (tns []tel.Number, next string) {
	after := cur.last
	lo := k.candidateFrom(int64(after) / perGroup)
	var m Bits
	for _, c := range k.candidates[lo:] {
		ex := &k.shelf.index.exchanges[c.exchange]
		if int(ex.free) < k.run {
			continue
		}
		for xs := c.xs; xs != 0 && len(tns) <= limit; xs &= xs - 1 {
			x := bits.TrailingZeros16(xs)
			name := ex.block(x)
			if name < after.Block() || !k.match(c, x, &m) {
				continue
			}
			if name == after.Block() {
				m.from(after.Index() + 1)
			}
			tns = m.appendTo(tns, name)
		}
		if len(tns) > limit {
			break
		}
	}
	return endAt(tns, limit)
}

// descend is the page before the cursor's TN in descending order.
func (k *look) descend(cur cursor, limit int) (tns []tel.Number, next string) {
	before, hi := cur.last, len(k.candidates)
	if cur.kind != kindNone {
		hi = k.candidateFrom(int64(before)/perGroup + 1)
	}
	var m Bits
	for i := hi - 1; i >= 0 && len(tns) <= limit; i-- {
		c := k.candidates[i]
		ex := &k.shelf.index.exchanges[c.exchange]
		if int(ex.free) < k.run {
			continue
		}
		for xs := c.xs; xs != 0 && len(tns) <= limit; {
			x := bits.Len16(xs) - 1
			xs &^= 1 << x
			name := ex.block(x)
			if cur.kind != kindNone && name > before.Block() || !k.match(c, x, &m) {
				continue
			}
			if cur.kind != kindNone && name == before.Block() {
				m.below(before.Index())
			}
			start := len(tns)
			tns = m.appendTo(tns, name)
			slices.Reverse(tns[start:])
		}
	}
	return endAt(tns, limit)
}

// endAt ends a page at limit; next continues it when something was cut off.
func endAt(tns []tel.Number, limit int) ([]tel.Number, string) {
	if len(tns) <= limit {
		return tns, ""
	}
	tns = tns[:limit]
	return tns, cursor{kind: kindSorted, last: tns[limit-1]}.String()
}

// candidateFrom is the position of the first candidate whose exchange key is at
// least key.
func (k *look) candidateFrom(key int64) int {
	return sort.Search(len(k.candidates), func(i int) bool {
		return k.shelf.index.exchanges[k.candidates[i].exchange].key >= key
	})
}
