package main

import (
	"context"
	"fmt"
	"io"
)

type migrateCommand struct {
	database
	output
}

// Help is what --help shows below the flags.
func (migrateCommand) Help() string {
	return `Every other command does this by itself; use it to do so before a new version serves.

Example:
  tnreserve migrate --db tnreserve.db`
}

type migrated struct {
	DB  string `json:"db"`
	New bool   `json:"new"`
}

func (m migrated) text(w io.Writer) {
	if m.New {
		fmt.Fprintf(w, "%s: made, with the current schema\n", m.DB)
		return
	}
	fmt.Fprintf(w, "%s: the schema is current\n", m.DB)
}

// Run opens the database, which brings its schema forward.
func (c *migrateCommand) Run(ctx context.Context, p *process) error {
	isNew := c.exists() != nil
	s, err := c.open(ctx, p, false)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return c.print(p, migrated{DB: c.DB, New: isNew})
}
