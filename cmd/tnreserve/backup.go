package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type backupCommand struct {
	database
	output
	File string `arg:"" help:"The file to write; it must not exist."`
}

// Help is what --help shows below the flags.
func (backupCommand) Help() string {
	return `The copy is complete and checked before it gets its name; a server may go on serving meanwhile. Then
every invariant is held against it; where one is broken the copy stays, and the command fails and
says so. A database of an older tnreserve is copied as it is: for the check a second copy is brought
forward, and removed. "tnreserve restore" puts a backup in place. Never copy the database file of a running or killed
server by hand: a part of it is still in the -wal file.

Example:
  tnreserve backup --db tnreserve.db /backups/tnreserve-$(date +%F).db`
}

type backedUp struct {
	DB    string `json:"db"`
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func (b backedUp) text(w io.Writer) {
	fmt.Fprintf(w, "copied %s to %s (%s), whole, every invariant checked\n", b.DB, b.File, humanize.Bytes(uint64(b.Bytes)))
}

// Run writes the copy.
func (c *backupCommand) Run(ctx context.Context, p *process) error {
	far := &phases{out: p.stderr}
	defer far.end()
	cfg := p.config(false)
	cfg.Schema, cfg.Progress = store.SchemaTake, far.at
	s, err := c.openExistingWith(ctx, cfg)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Backup(ctx, c.File), s.Close()); err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	broken, err := store.CheckCopy(ctx, cfg, c.File)
	far.end()
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("%s is a true copy, and %s broken as in the database: %s", c.File, tel.Plural(len(broken), "invariant"), broken[0])
	}
	return c.print(p, backedUp{DB: store.NameOf(c.DB), File: c.File, Bytes: info.Size()})
}
