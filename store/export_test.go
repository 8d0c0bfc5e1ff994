package store

import (
	"context"
	"errors"
	"time"

	"tnreserve/store/tel"
)

// Pragma asks the connection that writes.
func (s *Store) Pragma(name string) (v string, err error) {
	return v, s.change(context.Background(), tel.System("test"), func(t *tx) error { return t.row("PRAGMA " + name).Scan(&v) })
}

// ReaderPragma asks a connection that reads.
func (s *Store) ReaderPragma(name string) (v string, err error) {
	return v, s.read.QueryRow("PRAGMA " + name).Scan(&v)
}

// FailAfterWriting is a change that writes and then fails; Panic one that panics.
func (s *Store) FailAfterWriting(account tel.AccountID) error {
	return s.change(context.Background(), tel.System("test"), func(t *tx) error {
		if _, err := t.exec(`UPDATE account SET held = held + 7, name = 'broken' WHERE id = $1`, int64(account)); err != nil {
			return err
		}
		return errors.New("on purpose")
	})
}

func (s *Store) Panic() error {
	return s.change(context.Background(), tel.System("test"), func(*tx) error { panic("on purpose") })
}

// Hold makes the writer wait in a change until release is closed, so that what comes
// meanwhile is committed together.
func (s *Store) Hold(release chan struct{}) (held chan struct{}) {
	held = make(chan struct{})
	go s.change(context.Background(), tel.System("test"), func(*tx) error {
		close(held)
		<-release
		return nil
	})
	return held
}

// HastyBusy makes the writer wait for other processes only so long.
func (s *Store) HastyBusy(ms string) error { return s.writer.raw("PRAGMA busy_timeout = " + ms) }

// FollowEvery makes stores that are opened from now on look for other processes'
// events only so often.
func FollowEvery(d time.Duration) (undo func()) {
	before := followEvery
	followEvery = d
	return func() { followEvery = before }
}

// FailingAddresses is how many addresses are remembered because clients failed there.
func (s *Store) FailingAddresses() int { return len(s.clients.failures) }

// PageStep makes ranks known more often.
func PageStep(n int) (undo func()) {
	before := pageStep
	pageStep = n
	return func() { pageStep = before }
}
