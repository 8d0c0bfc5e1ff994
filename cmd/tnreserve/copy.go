package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type copyCommand struct {
	DB string `name:"db" aliases:"from" placeholder:"FILE" default:"tnreserve.db" secret:"address" help:"What to copy: an SQLite file, or postgres://user@host/name. Also --from. Default: ${default}."`
	To string `placeholder:"FILE" required:"" secret:"address" help:"Where to: a new file, or an empty PostgreSQL database."`
	output
}

// Help is what --help shows below the flags.
func (copyCommand) Help() string {
	return `Moves a whole installation to another database, of either kind, and compares both row by row. Stop
the servers of the source first: while it is copied they can read it and not change it, and what
they change afterwards is in the source alone. A copy that was interrupted goes on when it is run
again; until it is complete nothing else opens the target.

Examples:
  createdb tnreserve && tnreserve copy --from tnreserve.db --to postgres://tn@db.example/tnreserve
  tnreserve copy --from postgres://tn@db.example/tnreserve --to tnreserve.db`
}

type copiedReport struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Tables int    `json:"tables"`
	Rows   int64  `json:"rows"`
	Before int64  `json:"before"`
}

func (c copiedReport) text(w io.Writer) {
	fmt.Fprintf(w, "copied %s to %s: %s in %d tables, compared row by row, every invariant checked\n", c.From, c.To, tel.Plural(int(c.Rows), "row"), c.Tables)
	if c.Before > 0 {
		fmt.Fprintf(w, "%s of them were there from a copy that was interrupted\n", tel.Count(int(c.Before)))
	}
}

// Run copies, and checks the copy as "tnreserve check" does.
func (c *copyCommand) Run(ctx context.Context, p *process) error {
	from, to := database{c.DB}, database{c.To}
	if err := from.exists(); err != nil {
		return err
	}
	bar := newProgress(p.stderr, "copying and comparing", "rows", 0)
	done, err := store.Copy(ctx, c.DB, c.To, bar.at)
	bar.end()
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; run the same copy again for the rest")
	}
	if err != nil {
		return err
	}
	s, err := to.openExisting(ctx, p, true)
	if err != nil {
		return err
	}
	broken, err := s.Check(ctx)
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("%s is a true copy, and %s broken as in the source: %s", store.NameOf(c.To), tel.Plural(len(broken), "invariant"), broken[0])
	}
	return c.print(p, copiedReport{From: store.NameOf(c.DB), To: store.NameOf(c.To), Tables: done.Tables, Rows: done.Rows, Before: done.Before})
}
