package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"modernc.org/sqlite"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// database is the flag that most commands share.
type database struct {
	DB string `name:"db" placeholder:"FILE" default:"tnreserve.db" secret:"address" help:"The database: an SQLite file, or postgres://user@host/name. Default: ${default}."`
}

// console is who the events name when the command line did something.
var console = tel.System("cli")

// open opens the database, or makes one, for a command that neither searches nor
// reserves; with the inventory in memory when the command needs it.
func (d database) open(ctx context.Context, p *process, inventory bool) (*store.Store, error) {
	return d.openWith(ctx, p.config(inventory))
}

func (p *process) config(inventory bool) store.Config {
	return store.Config{Now: newClock().Now, Log: p.logger(slog.LevelWarn), NoShelf: !inventory}
}

// openExisting is open for a command to which a new, empty database would be of no
// use: a mistyped name must not leave a file behind.
func (d database) openExisting(ctx context.Context, p *process, inventory bool) (*store.Store, error) {
	return d.openExistingWith(ctx, p.config(inventory))
}

func (d database) openExistingWith(ctx context.Context, cfg store.Config) (*store.Store, error) {
	if err := d.exists(); err != nil {
		return nil, err
	}
	return d.openWith(ctx, cfg)
}

func (d database) openWith(ctx context.Context, cfg store.Config) (*store.Store, error) {
	lockForSure(cfg.Log)
	cfg.DB = d.DB
	return store.Open(ctx, cfg)
}

// exists looks without opening: closing any descriptor of the database file would
// drop this process's locks on it.
func (d database) exists() error {
	if strings.Contains(d.DB, "://") {
		return nil // a server says itself what it has
	}
	switch info, err := os.Stat(d.DB); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no database %s; \"tnreserve migrate --db %s\" makes one", d.DB, d.DB)
	case err == nil && info.Size() == 0:
		return fmt.Errorf("%s is empty: there is no database in it", d.DB)
	}
	return nil
}

// lockForSure asks SQLite for locks that belong to the open file and not to the
// process: with the others, closing any descriptor of the file drops them all. It
// counts only before the first database is opened.
func lockForSure(log *slog.Logger) {
	if _, err := sqlite.OFDLocking(true); err != nil && !errors.Is(err, sqlite.ErrOFDLockingTooLate) {
		log.Debug("this system has no OFD locks; the usual ones do as well while nothing else opens the database file", "error", err)
	}
}

// logger writes to stderr; control characters in values come out quoted.
func (p *process) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
}
