package shelf

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"tnreserve/store/tel"
)

// cursor is where a page ended. Its text is URL-safe and holds all that the next
// page needs beside the query, the seed included.
type cursor struct {
	kind cursorKind

	last tel.Number // kindSorted: the last TN shown

	origin uint64 // kindDeal: the key that dealing began at
	key    uint64 // kindDeal: the next unit's key

	seed  uint64 // kindWander
	round uint64 // kindWander: times around the exchanges, from 0
	step  uint64 // kindWander: exchanges passed in this round

	offset uint64 // TNs of the next unit that were shown already
}

type cursorKind byte

const (
	kindNone   cursorKind = 0
	kindSorted cursorKind = 's' // ascend, descend
	kindDeal   cursorKind = 'd'
	kindWander cursorKind = 'w'
)

// fields are the cursor's numbers in the order of its text.
func (c *cursor) fields() []*uint64 {
	switch c.kind {
	case kindDeal:
		return []*uint64{&c.origin, &c.key, &c.offset}
	case kindWander:
		return []*uint64{&c.seed, &c.round, &c.step, &c.offset}
	}
	return nil
}

func (c cursor) String() string {
	text := []byte{byte(c.kind)}
	if c.kind == kindSorted {
		text = binary.AppendUvarint(text, uint64(c.last))
	}
	for _, f := range c.fields() {
		text = binary.AppendUvarint(text, *f)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseCursor reads a cursor made for an order; "" is the first page.
func parseCursor(text string, order tel.Layout) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	bad := tel.Invalid("cursor", "That page is not known. Start the search again.")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || strings.ContainsAny(text, "\r\n") { // which base64 passes over
		return cursor{}, bad
	}
	c := cursor{kind: cursorKind(raw[0])}
	sorted := order == tel.OrderAscending || order == tel.OrderDescending
	if known := c.kind == kindSorted || c.kind == kindDeal || c.kind == kindWander; !known || sorted != (c.kind == kindSorted) {
		return cursor{}, bad
	}
	raw = raw[1:]
	fields := c.fields()
	var last uint64
	if c.kind == kindSorted {
		fields = []*uint64{&last}
	}
	for _, f := range fields {
		v, n := binary.Uvarint(raw)
		if n <= 0 {
			return cursor{}, bad
		}
		*f, raw = v, raw[n:]
	}
	if len(raw) > 0 || last > maxE164 || c.round > perGroup || c.offset > tel.BlockSize {
		return cursor{}, bad
	}
	c.last = tel.Number(last)
	return c, nil
}

const maxE164 = 999_999_999_999_999 // fifteen digits
