package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest/fill"
	"tnreserve/store/tel"
)

// Of each of the country's blocks so many TNs are in service, and so many held: 10
// million and 1 million in all.
const (
	servedOfBlock = 28
	heldOfBlock   = 3
)

// measureLoad starts the program on a whole country in use.
func (b *bench) measureLoad() error {
	b.title("Starting on a whole country in use")
	db, err := b.copyDB("load.db")
	if err != nil {
		return err
	}
	return b.loadInUse("SQLite", db)
}

// loadInUse fills a database and starts the program on it.
func (b *bench) loadInUse(what, db string) error {
	s, err := store.Open(b.ctx, store.Config{DB: db, Now: time.Now, NoShelf: true})
	if err != nil {
		return err
	}
	if _, err := prepare(b.ctx, s); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	served, holds, err := fill.Country(b.ctx, db, account, time.Now(), servedOfBlock, heldOfBlock)
	if err != nil {
		return err
	}
	var took, cpu times
	var most string
	for range 3 {
		srv, err := b.serve(db)
		if err != nil {
			return err
		}
		took, cpu, most = append(took, srv.ready), append(cpu, srv.cpu()), srv.memory()
		srv.stop()
	}
	b.row(fmt.Sprintf("%s: to the first search, %s TNs in service, %s held", what, tel.Count(int(served)), tel.Count(int(holds))), took.String(), "under 30 s")
	b.row(what+": processor time for that", cpu.String(), "")
	b.row(what+": most memory", most, "under 1 GB")
	return nil
}

// memory is the most that the process has had, "" where that is unknown.
func (s *server) memory() string {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var n int
			fmt.Sscan(kb, &n)
			return fmt.Sprintf("%d MB", n>>10)
		}
	}
	return ""
}

// cutOffFor is how many events a node misses while it stands still.
const cutOffFor = 100_000

// measureCatchUp stops a node while another reserves, lets it go on, and waits until it
// shows what is held now.
func (b *bench) measureCatchUp(db string, next func() tel.Number) error {
	still, err := b.serve(db)
	if err != nil {
		return err
	}
	defer still.stop()
	s, err := store.Open(b.ctx, store.Config{DB: db, Now: time.Now})
	if err != nil {
		return err
	}
	defer s.Close()
	tn := next()
	if shown, err := still.shows(tn); err != nil || !shown {
		return fmt.Errorf("%s is not on the shelf: %w", tn, err)
	}
	if err := still.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	start := time.Now()
	err = b.fill(s, cutOffFor, time.Hour, next)
	if err == nil {
		_, err = s.Reserve(b.ctx, operator, tel.ReserveRequest{Account: account, TNs: []tel.Number{tn}})
	}
	made := time.Since(start)
	if goOn := still.cmd.Process.Signal(syscall.SIGCONT); err != nil || goOn != nil {
		return fmt.Errorf("reserving on one node while another stands still: %w", errors.Join(err, goOn))
	}
	start = time.Now()
	for shown := true; shown; {
		if shown, err = still.shows(tn); err != nil {
			return err
		}
	}
	took := time.Since(start)
	b.row(fmt.Sprintf("a node that stood still for %s events is level again", tel.Count(cutOffFor)), round(took).String(), "")
	b.row("events a second, catching up / reserved by the other node meanwhile", fmt.Sprintf("%.0f/s / %.0f/s", cutOffFor/took.Seconds(), cutOffFor/made.Seconds()), "")
	return nil
}

// shows tells whether a TN is on the search page.
func (s *server) shows(tn tel.Number) (bool, error) {
	digits := tn.Digits()
	_, page, err := s.get("/search?seed=1&npa=" + digits[:3] + "&contains=" + digits[3:])
	return strings.Contains(page, `id="tn-`+digits), err
}
