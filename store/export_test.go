package store

import (
	"context"
	"errors"
	"strings"
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

// ListPlan is how SQLite goes about a list's page, a step a line; "" on PostgreSQL.
func (s *Store) ListPlan(actor tel.Actor, q ListQuery) (string, error) {
	text, args, err := s.listSQL(actor, q)
	return s.plan(text, args, err)
}

// OrdersPlan is ListPlan for orders.
func (s *Store) OrdersPlan(actor tel.Actor, q OrderQuery) (string, error) {
	text, args, err := s.ordersSQL(context.Background(), actor, q)
	return s.plan(text, args, err)
}

// ServicePlan is ListPlan for TNs in service.
func (s *Store) ServicePlan(actor tel.Actor, q TNQuery) (string, error) {
	text, args, err := s.servicePageSQL(actor, q)
	return s.plan(text, args, err)
}

// NumberedPlan is how SQLite counts a step of a list that is read by page numbers, and
// how it finds a row in it. Lines wants the list of TNs.
func (s *Store) NumberedPlan(actor tel.Actor, q any) (string, error) {
	var p *pager
	var err error
	switch q := q.(type) {
	case OrderNumberedQuery:
		p, err = s.numberedOrders(context.Background(), actor, q)
	case SubOrderQuery:
		p, err = s.numberedSubOrders(context.Background(), actor, q)
	case OrderQuery:
		p, err = s.numberedLines(context.Background(), actor, q)
	}
	if err != nil {
		return "", err
	}
	c := p.between(rank{seq: 7}, rank{seq: 99})
	columns, sum := p.time+`, `+p.seq, `COUNT(*)`
	if p.weight != "" {
		columns, sum = columns+`, `+p.weight, `SUM(`+p.weight+`)`
	}
	one, err := s.plan(`SELECT `+columns+` FROM `+p.from+c.where()+p.order("DESC")+` LIMIT 1`, c.args, err)
	all, err := s.plan(`SELECT `+sum+` FROM `+p.from+c.where(), c.args, err)
	return one + "\n" + all, err
}

func (s *Store) plan(text string, args []any, err error) (string, error) {
	if err != nil || s.dialect.checkpoint == "" {
		return "", err
	}
	rows, err := s.read.Query("EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		return "", err
	}
	steps, err := collect(rows, func(row scanner) (step string, err error) {
		var id, parent, unused int
		return step, row.Scan(&id, &parent, &unused, &step)
	})
	return strings.Join(steps, "\n"), err
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

// TakeHashing takes so many of the places of those who hash passwords.
func (s *Store) TakeHashing(n int) {
	for range n {
		s.hashing <- struct{}{}
	}
}

// FreeHashing gives one back.
func (s *Store) FreeHashing() { s.doneHashing() }

// Setting asks the connection that writes to PostgreSQL.
func (s *Store) Setting(name string) (v string, err error) {
	return v, s.change(context.Background(), tel.System("test"), func(t *tx) error { return t.row("SHOW " + name).Scan(&v) })
}

// HeldIDs is which reservation holds each TN, by the rows.
func (s *Store) HeldIDs() (map[tel.Number]string, error) {
	held := map[tel.Number]string{}
	rows, err := s.read.QueryContext(context.Background(), `SELECT h.tn, r.id FROM hold h JOIN reservation r ON r.seq = h.reservation`)
	return held, eachRow(rows, err, func(row scanner) error {
		var tn tel.Number
		var id string
		err := row.Scan(&tn, &id)
		held[tn] = id
		return err
	})
}

// LoseNextAnswer cuts the writer's connection at the next commit of something: after it
// happened, or before.
func (s *Store) LoseNextAnswer(happened bool) {
	commit := s.dialect.commit
	s.dialect.commit = func(t *tx) error {
		if t.writes == 0 {
			return commit(t)
		}
		s.dialect.commit = commit
		var err error
		if happened {
			err = commit(t)
		}
		if err == nil {
			_, _ = t.conn.ExecContext(context.Background(), `SELECT pg_terminate_backend(pg_backend_pid())`)
			err = errOutcome{errors.New("on purpose")}
		}
		return err
	}
}

// WaitForDB changes how long changes wait for a database that went away.
func WaitForDB(d time.Duration) (undo func()) {
	before := waitForDB
	waitForDB = d
	return func() { waitForDB = before }
}

// CatchUpAtOnce makes stores that are opened from now on read so many events together.
func CatchUpAtOnce(n int) (undo func()) {
	before := catchUpAtOnce
	catchUpAtOnce = n
	return func() { catchUpAtOnce = before }
}

// StopFollowing makes the store's shelf stand still as if it could not follow, since so
// long ago, until it is told to go on.
func (s *Store) StopFollowing(since time.Duration) (goOn func()) {
	s.applying.Lock()
	s.followed.Store(time.Now().Add(-since))
	return s.applying.Unlock
}

// Try makes a change of one statement, which may be another at each try.
func (s *Store) Try(statement func(try int) string) (tries int, err error) {
	return tries, s.change(context.Background(), tel.System("test"), func(t *tx) error {
		tries++
		_, err := t.exec(statement(tries))
		return err
	})
}

// ReadAll reads the rows of a query; ReadAtOnce reads the first, then a second query, at
// one moment.
func (s *Store) ReadAll(query string) error {
	rows, err := s.read.QueryContext(context.Background(), query)
	return eachRow(rows, err, func(scanner) error { return nil })
}

func (s *Store) ReadAtOnce(query, second string) error {
	tx, err := s.read.snapshot(context.Background())
	if err != nil {
		return err
	}
	defer tx.Rollback()
	_ = tx.QueryRowContext(context.Background(), query).Scan(new(any))
	return tx.QueryRowContext(context.Background(), second).Scan(new(any))
}

// MostForEvents changes how long following the other nodes may wait for the database.
func MostForEvents(d time.Duration) (undo func()) {
	before := mostForEvents
	mostForEvents = d
	return func() { mostForEvents = before }
}

// TooSlow is how many events are asked for at once after following took too long so often,
// and lets another node's be followed again.
func (s *Store) TooSlow(parent context.Context, times int) int {
	s.applying.Lock()
	defer s.applying.Unlock()
	for range times {
		_, done := s.bounded(parent, 0)
		done()
	}
	return s.bite
}
