package main

import (
	"context"
	"fmt"
	"io"

	"tnreserve/store"
)

type migrateCommand struct {
	database
	output
}

// Help is what --help shows below the flags.
func (migrateCommand) Help() string {
	return `Every other command that writes does this by itself; use it to do so before a new version serves.
There is no way back but a backup: make one first, which the new version can do too.

Example:
  tnreserve migrate --db tnreserve.db`
}

type migrated struct {
	DB    string   `json:"db"`
	New   bool     `json:"new"`
	Steps []string `json:"steps"` // taken now
}

func (m migrated) text(w io.Writer) {
	switch {
	case m.New:
		fmt.Fprintf(w, "%s: made, with the current schema\n", m.DB)
	case len(m.Steps) == 0:
		fmt.Fprintf(w, "%s: the schema is current\n", m.DB)
	default:
		fmt.Fprintf(w, "%s: brought forward\n", m.DB)
	}
	for _, step := range m.Steps {
		fmt.Fprintf(w, "  %s\n", step)
	}
}

// Run opens the database, which brings its schema forward.
func (c *migrateCommand) Run(ctx context.Context, p *process) error {
	isNew := c.exists() != nil
	s, err := c.open(ctx, p, false)
	if err != nil {
		return err
	}
	steps := append([]string{}, s.Steps()...)
	if err := s.Close(); err != nil {
		return err
	}
	return c.print(p, migrated{DB: store.NameOf(c.DB), New: isNew, Steps: steps})
}
