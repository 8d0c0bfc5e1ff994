// Package intake reads an inventory file (CSV) into thousands-blocks. It is pure:
// no SQL, no HTTP, no clock. What it answers is a plan that the store may show as
// a preview, write, or throw away.
//
// A row names TNs in exactly one of three ways:
//
//	tn            one TN
//	npa,nxx[,x]   a whole exchange, or with x one thousands-block of it
//	start,end     a range inside one area code
//
// and may say where they are (city, state, rate_center, lata, carrier or
// block_holder) and how they are sold (features, tier, monthly_cost). Columns come
// in any order under names of any case; other columns are passed over with a
// notice. An empty place column says nothing; the offer columns are literal: a row
// whose features are empty is a row without features, and only a file without the
// column says nothing of them.
//
// What one row costs is bounded: a line has at most 64 KiB and 200 fields, a file at
// most 2,000,000 blocks, and ranges that overlap each other run out of work.
package intake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"tnreserve/store/tel"
)

// DefaultRefusals is how many refusals a report keeps when Options do not say.
const DefaultRefusals = 1000

// Options say how strictly a file is read. The zero value is usual.
type Options struct {
	Strict         bool // the first bad row ends the reading
	AllowFictional bool // take 555-0100 to 555-0199, for demos and tests

	// MaxRefusals is how many refusals are kept in the report (all are counted):
	// 0 means DefaultRefusals, below 0 none.
	MaxRefusals int

	// Progress, if set, is called from Read's goroutine after each piece of the
	// file (up to 256 KiB) with the number of bytes read so far.
	Progress func(bytesRead int64)
}

// Inventory is what a file says.
type Inventory struct {
	Blocks   []Block   // sorted by Block, each once
	TNOffers []TNOffer // sorted by TN, each once: what differs from the block's Offer
	Says     OfferColumns

	Rows         int // rows below the header that are not empty
	Accepted     int // Rows without the refused ones
	RefusedCount int
	TNs          int64 // distinct TNs in Blocks

	Refused []Refusal      // in the file's order, the first Options.MaxRefusals
	Notices []tel.Sentence // about the file, safe to show as text
}

// Block is one thousands-block. The offer of a TN in it is the TN's TNOffer where
// there is one, else Offer. A block that only single TNs and parts of ranges name
// has the offer of the first of them.
type Block struct {
	Block   tel.Block
	Place   tel.Place
	Offer   tel.Offer
	Members *Bits // which TNs there are; nil means all 1,000
}

// TNOffer is a TN that is sold otherwise than its block.
type TNOffer struct {
	TN    tel.Number
	Offer tel.Offer
}

// OfferColumns are the parts of an offer that the header has a column for.
type OfferColumns struct{ Features, Tier, MonthlyCost bool }

// Over is an offer with what the file says in its place.
func (c OfferColumns) Over(was, said tel.Offer) tel.Offer {
	if c.Features {
		was.Features = said.Features
	}
	if c.Tier {
		was.Tier = said.Tier
	}
	if c.MonthlyCost {
		was.MonthlyCost = said.MonthlyCost
	}
	return was
}

// Refusal is a row that was left out.
type Refusal struct {
	Line   int          // of the file, the first line is 1; where the row starts
	Field  string       // the column's name; "row" when it is about the whole row
	Reason tel.Sentence // safe to show as text
}

// Read reads a whole file. A row that is refused does not stop the others; with
// Options.Strict it does, and the error names its line.
//
// Errors: a *tel.Error with CodeInvalid, Field "file", for what is no CSV, has no
// usable header, or no rows, found before more than the beginning is read; with
// Strict one with the row's field; the context's error (looked at between pieces
// of the file: a Reader that blocks is for the caller to close); the Reader's own.
func Read(ctx context.Context, r io.Reader, o Options) (*Inventory, error) {
	src := newSource(ctx, r, o.Progress)
	if err := src.sniff(); err != nil {
		return nil, err
	}
	head, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	rd := newReader(head, o)
	if err := rd.rows(ctx, src); err != nil {
		return nil, err
	}
	return rd.finish(), nil
}

// Sniff refuses by its beginning what Read would refuse by it, and answers the whole file
// again.
func Sniff(ctx context.Context, r io.Reader) (io.Reader, error) {
	var begun bytes.Buffer
	src := newSource(ctx, io.TeeReader(r, &begun), nil)
	err := src.sniff()
	if err == nil {
		_, err = readHeader(src)
	}
	return io.MultiReader(&begun, r), err
}

// badFile is the refusal of a whole file.
func badFile(format string, args ...any) error {
	return tel.Invalid("file", format, args...)
}

// fault is why a row is refused. Its text is made only for the refusals that are
// kept: a hostile file has more of them than anybody reads.
type fault struct {
	field string
	why   tel.Sentence
}

func bad(field, format string, args ...any) *fault {
	return &fault{field, tel.Say(format, args...)}
}

// reason is why, to be kept: with copies of what it quotes, which shares one string with
// its row, as long as the row.
func (f *fault) reason() tel.Sentence {
	return tel.Sentence{Format: f.why.Format, Args: copies(f.why.Args)}
}

func copies(args []any) []any {
	list := slices.Clone(args)
	for i, arg := range list {
		switch a := arg.(type) {
		case string:
			list[i] = strings.Clone(a)
		case *tel.Error:
			list[i] = &tel.Error{Code: a.Code, Field: a.Field, Message: strings.Clone(a.Message), Format: a.Format, Args: copies(a.Args)}
		}
	}
	return list
}

// because is a fault with the words of a refusal from tel.
func because(field string, err error) *fault {
	if e, ok := errors.AsType[*tel.Error](err); ok {
		return bad(field, "%s", e)
	}
	return bad(field, "%s", err.Error())
}
