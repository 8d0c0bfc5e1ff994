package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tnreserve/store/tel"
)

// A database that is not in this process can go away in the middle of a change. What
// was not done is done again; what may have been done is looked up before anybody is
// answered.

// errOutcome is a commit that was sent and never answered.
type errOutcome struct{ error }

// errNotDone is a transaction that turned out not to have happened.
var errNotDone = errors.New("the connection was lost before the change was durable")

func unknownOutcome() error {
	return tel.Refuse(tel.CodeInternal, "The database went away, and nobody knows yet whether this was done. Repeating it with the same key is safe.")
}

const (
	mostTries    = 10
	waitToReveal = 15 * time.Second
)

// waitForDB is how long after a connection was lost changes wait for another before they
// are refused, or for one try at all servers where that takes longer; only tests shorten it.
var waitForDB = 5 * time.Second

// limitTime gives the transaction that follows a context of its own.
func (w *writer) limitTime() (done context.CancelFunc) {
	patience := w.store.dialect.patience
	if patience == 0 {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.ctx = ctx
	return func() {
		cancel()
		w.ctx = context.Background()
	}
}

func (w *writer) gone() bool {
	return w.store.dialect.gone != nil && (!w.lostAt.IsZero() || w.store.dialect.gone(w.conn))
}

// passes tells that a failed transaction may be run again: it undid itself, or the
// connection is lost before the commit.
func (w *writer) passes(err error) bool {
	return w.gone() || w.store.dialect.passing != nil && w.store.dialect.passing(err)
}

func (w *writer) spoils(err error) bool {
	return w.store.dialect.spoils != nil && w.store.dialect.spoils(err)
}

// mayTryAgain decides after a transaction that did not happen, and waits for as long as
// it makes sense.
func (w *writer) mayTryAgain(err error, tries int) bool {
	_, said := errors.AsType[*tel.Error](err)
	switch {
	case said, errors.Is(err, context.DeadlineExceeded) && !cannotConnect(err), !w.passes(err) && !errors.Is(err, errNotDone):
		return false
	case w.gone():
		// A transaction begins with a try of its own: where the time is up, that one was all.
		inTime := w.lostAt.IsZero() || time.Since(w.lostAt) < waitForDB
		return inTime && tries < mostTries && w.awaitDatabase(waitForDB)
	}
	time.Sleep(time.Duration(tries) * 5 * time.Millisecond)
	return tries < mostTries
}

// awaitDatabase tries to connect until so long after the connection was lost.
func (w *writer) awaitDatabase(most time.Duration) bool {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		err := w.reconnect()
		if err == nil {
			return true
		}
		if time.Since(w.lostAt)+pause > most {
			w.store.log.Error("the database cannot be reached", "error", err)
			return false
		}
		select {
		case <-w.closing:
			return false
		case <-time.After(pause):
		}
	}
}

// reconnect puts a new connection in the place of a lost one.
func (w *writer) reconnect() error {
	if w.lostAt.IsZero() {
		w.lostAt = time.Now() // a stopwatch; nothing in the database is decided by it
		w.forgetStatements()
		_ = w.conn.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.store.dialect.connecting(w.store.cfg.DB))
	defer cancel()
	conn, err := w.store.write.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	w.store.log.Warn("connected to the database again", "after", time.Since(w.lostAt).Round(time.Millisecond).String())
	w.lostAt = time.Time{}
	return nil
}

// findOut looks what became of a transaction whose commit was not answered. The turn
// that begin waits for is free only when the lost connection's transaction has ended
// one way or the other, so that what it then finds is final.
func (t *tx) findOut(lost errOutcome) error {
	if t.writes == 0 {
		return nil // whichever it was
	}
	t.store.log.Warn("a commit was not answered; looking whether it happened", "error", lost.error)
	if len(t.events) == 0 {
		return unknownOutcome()
	}
	for {
		done, err := t.happened()
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			return errNotDone
		case !t.gone() || !t.awaitDatabase(waitToReveal):
			t.store.log.Error("nobody knows whether a change happened", "error", err)
			return unknownOutcome()
		}
	}
}

// happened tells whether the transaction's first event is in the database.
func (t *tx) happened() (bool, error) {
	defer t.limitTime()()
	if t.gone() {
		if err := t.reconnect(); err != nil {
			return false, err
		}
	}
	if _, err := t.store.dialect.begin(t.writer); err != nil {
		return false, err
	}
	defer t.rollback()
	var hash []byte
	first := t.events[0]
	err := t.settledRow(`SELECT hash FROM event WHERE seq = $1`, first.Seq).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for event %d: %w", first.Seq, err)
	}
	return string(hash) == string(first.Hash[:]), nil
}
