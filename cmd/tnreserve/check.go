package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type checkCommand struct {
	database
	output
}

// Help is what --help shows below the flags.
func (checkCommand) Help() string {
	return `Reads everything and changes nothing: each TN has at most one live hold, the counts agree, the
inventory in memory agrees with the rows, and the history, whose every event is chained to the
one before it, leads to just the holds that there are. Ends with 1 and a list where it does not. A
database of an older tnreserve is refused; "tnreserve migrate" brings it forward.

Example:
  tnreserve check --db tnreserve.db --json`
}

type checked struct {
	DB     string   `json:"db"`
	OK     bool     `json:"ok"`
	Broken []string `json:"broken"`
}

func (c checked) text(w io.Writer) {
	if c.OK {
		fmt.Fprintf(w, "%s: all is well\n", c.DB)
	}
	for _, finding := range c.Broken {
		fmt.Fprintln(w, finding)
	}
}

// Run checks and lists what is broken.
func (c *checkCommand) Run(ctx context.Context, p *process) error {
	far := &phases{out: p.stderr}
	defer far.end()
	cfg := p.config(true)
	cfg.Schema, cfg.Progress = store.SchemaRefuse, far.at
	s, err := c.openExistingWith(ctx, cfg)
	if err != nil {
		return err
	}
	broken, err := checkTwice(ctx, s)
	far.end()
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	if err := c.print(p, checked{DB: store.NameOf(c.DB), OK: len(broken) == 0, Broken: broken}); err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("%s: %s broken", store.NameOf(c.DB), tel.Plural(len(broken), "invariant"))
	}
	return nil
}

// checkTwice believes a finding that is there twice: while a server writes, the
// inventory in memory may be a moment ahead of the rows or behind them.
func checkTwice(ctx context.Context, s *store.Store) ([]string, error) {
	broken, err := s.Check(ctx)
	if err != nil || len(broken) == 0 {
		return []string{}, err
	}
	again, err := s.Check(ctx)
	return slices.DeleteFunc(broken, func(f string) bool { return !slices.Contains(again, f) }), err
}
