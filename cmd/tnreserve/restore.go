package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type restoreCommand struct {
	database
	output
	Force bool   `help:"Also where there is a database already; it is kept beside, under a name of the time."`
	File  string `arg:"" help:"The backup."`
}

// Help is what --help shows below the flags.
func (restoreCommand) Help() string {
	return `Stop the server first: a database that is in use is refused. The backup itself is only read. A copy of
it is brought to the current schema and checked as by "tnreserve check", and takes the place in one
step; until then nothing has changed. Where a backup with a broken invariant must do, put it in the
place by hand.

What happened after the backup is not in it, and its sessions, links and invitations are ended. Look
after: people who were deactivated and API clients that were revoked since count again; webhooks that
were due are sent again, under the same webhook-id.

Example:
  tnreserve restore --db tnreserve.db /backups/tnreserve-2026-11-22.db`
}

type restoredReport struct {
	DB       string   `json:"db"`
	File     string   `json:"file"`
	Until    string   `json:"until"` // the backup's last event
	Sessions int64    `json:"sessions_ended"`
	Steps    []string `json:"steps"` // migrations that it needed
	Kept     string   `json:"kept,omitempty"`
}

func (r restoredReport) text(w io.Writer) {
	fmt.Fprintf(w, "restored %s from %s, every invariant checked; its last event is of %s, and what came later is not in it\n", r.DB, r.File, r.Until)
	fmt.Fprintf(w, "%s ended, and all links and invitations; people deactivated and API clients revoked since then count again, and webhooks that were due are sent again\n", tel.Plural(int(r.Sessions), "session"))
	if r.Kept != "" {
		fmt.Fprintf(w, "what was there before is %s\n", r.Kept)
	}
}

// Run verifies the backup and puts a copy of it in place.
func (c *restoreCommand) Run(ctx context.Context, p *process) error {
	log := p.logger(slog.LevelError) // the backup's clock is behind, and is meant to be
	lockForSure(log)
	far := &phases{out: p.stderr}
	done, err := store.Restore(ctx, store.Config{DB: c.DB, Now: newClock().Now, Log: log, Progress: far.at}, c.File, c.Force)
	far.end()
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; nothing was changed")
	}
	if err != nil {
		return err
	}
	return c.print(p, restoredReport{DB: c.DB, File: c.File, Until: done.Until.Format(time.RFC3339), Sessions: done.Sessions, Steps: append([]string{}, done.Steps...), Kept: done.Kept})
}
