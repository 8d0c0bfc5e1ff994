package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type sweepCommand struct {
	database
	output
}

// Help is what --help shows below the flags.
func (sweepCommand) Help() string {
	return `A running server does this every second. Nothing depends on it: a hold that ran out is free
at once, and this only writes it down and removes old sessions and links.

Example:
  tnreserve sweep --db tnreserve.db`
}

type swept store.Swept

func (s swept) text(w io.Writer) {
	fmt.Fprintf(w, "%s ran out, %s ended because reservation was switched off, %s aged, %s went to back-orders, %s told to run out soon, %s removed\n",
		tel.Plural(s.Expired, "reservation"), tel.Count(s.Ended), tel.Plural(s.Aged, "TN"), tel.Count(s.Filled), tel.Count(s.Warned), tel.Plural(s.Removed, "old row"))
}

// Run makes one pass.
func (c *sweepCommand) Run(ctx context.Context, p *process) error {
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	done, err := s.Sweep(ctx)
	if err := errors.Join(err, ctx.Err(), s.Close()); err != nil {
		return err
	}
	return c.print(p, swept(done))
}
