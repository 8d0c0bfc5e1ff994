package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"time"

	"tnreserve/store/tel"
)

// change runs fn in a transaction and answers once what it wrote is durable. fn
// judges first and writes after: a refusal before its first write undoes nothing
// of the neighbours that share the transaction. fn may run more than once, so it
// only assigns results. ctx counts until fn's turn comes; after that the outcome is
// awaited whatever happens to the caller.
func (s *Store) change(ctx context.Context, actor tel.Actor, fn func(*tx) error) error {
	told := s.cfg.Watch.watched(ctx)
	j := &job{ctx: ctx, actor: actor, fn: fn, done: make(chan struct{})}
	err := s.writer.do(ctx, j)
	if told != nil {
		told(j.turn, err)
	}
	return err
}

// largeChange is how many TNs make a change a large one.
const largeChange = 500

// changeMany is change for one of so many TNs. Only one large change waits or runs at
// a time, whoever asks: those who do little wait for one of them, and not for all. An
// order of 5,000 TNs is one change, all or nothing being so, and takes 0.1 s of a
// quiet core (BenchmarkLargeOrder), one of 5,000 reservations of one TN 0.6 s.
func (s *Store) changeMany(ctx context.Context, actor tel.Actor, tns int, fn func(*tx) error) error {
	if tns > largeChange {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s.large <- struct{}{}:
			defer func() { <-s.large }()
		}
	}
	return s.change(ctx, actor, fn)
}

// Waiting is how many changes wait for the next transaction, for those who can put
// off their own work for a moment.
func (s *Store) Waiting() int { return len(s.writer.jobs) }

// writer owns the one connection that writes and commits all changes that wait in
// one transaction (group commit): a durable commit costs a disk's flush, and 64
// clients share it.
type writer struct {
	store      *Store
	conn       *sql.Conn
	ctx        context.Context // of the transaction under way
	lostAt     time.Time       // when the connection was lost; zero while there is one
	jobs       chan *job
	closing    chan struct{}
	ended      chan struct{} // run has answered its last job
	statements map[string]*statement
	turn       Turn // the one under way, or the last
}

type job struct {
	ctx   context.Context
	actor tel.Actor
	fn    func(*tx) error
	err   error
	turn  Turn
	done  chan struct{}
}

func newWriter(s *Store, conn *sql.Conn) *writer {
	return &writer{store: s, conn: conn, ctx: context.Background(), jobs: make(chan *job, 1024), closing: make(chan struct{}), ended: make(chan struct{}), statements: map[string]*statement{}}
}

var errClosed = tel.Refuse(tel.CodeBusy, "The service is closing; nothing was done. Try again in a moment.")

func (w *writer) do(ctx context.Context, j *job) error {
	select {
	case <-w.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	case w.jobs <- j:
	}
	select {
	case <-j.done:
		return j.err
	case <-w.ended:
	}
	select { // it came in beside the closing: the last turn took it, or nobody did
	case <-j.done:
		return j.err
	default:
		return errClosed
	}
}

// close refuses new changes; run ends when those that wait are done.
func (w *writer) close() { close(w.closing) }

func (w *writer) run() {
	defer close(w.ended)
	defer w.release()
	for {
		select {
		case j := <-w.jobs:
			w.takeTurn(j)
		case <-w.closing:
			for {
				select {
				case j := <-w.jobs:
					w.takeTurn(j)
				default:
					return
				}
			}
		}
	}
}

// release gives the connection back. A statement left open would keep SQLite from
// putting its log away when the database is closed.
func (w *writer) release() {
	w.forgetStatements()
	if err := w.conn.Close(); err != nil {
		w.store.log.Warn("closing the writer", "error", err)
	}
}

func (w *writer) forgetStatements() {
	for _, st := range w.statements {
		_ = st.Close()
	}
	clear(w.statements)
}

// takeTurn commits one change together with all that wait behind it.
func (w *writer) takeTurn(first *job) {
	batch := []*job{first}
	for len(batch) < w.store.cfg.Batch {
		select {
		case j := <-w.jobs:
			batch = append(batch, j)
			continue
		default:
		}
		break
	}
	w.commit(batch)
	for _, j := range batch {
		close(j.done)
	}
}

// commit runs a batch in one transaction, and again when it did not happen for a
// reason that may pass. An error is everybody's. When a change fails after it wrote, each
// runs alone, so that nobody pays for a neighbour.
func (w *writer) commit(batch []*job) {
	spoilt, err := w.tryCommit(batch)
	for tries := 1; err != nil && w.mayTryAgain(err, tries); tries++ {
		spoilt, err = w.tryCommit(batch)
	}
	switch {
	case err != nil:
		w.fail(batch, err)
	case spoilt:
		w.commitAlone(batch)
	}
}

// tryCommit answers an error when the transaction did not happen, or nobody knows, and
// spoilt when all was rolled back because a change failed after it wrote.
func (w *writer) tryCommit(batch []*job) (spoilt bool, err error) {
	w.turn = Turn{Changes: len(batch), Began: time.Now()} // a stopwatch; nothing is decided by it
	defer w.tell(batch)
	defer w.limitTime()()
	t, err := w.begin()
	if err != nil {
		return false, err
	}
	for _, j := range batch {
		if j.err = j.ctx.Err(); j.err != nil {
			continue
		}
		before := t.writes
		err := t.attempt(j)
		switch {
		case err == nil:
		case w.passes(err):
			t.rollback()
			return false, err
		case t.writes != before || w.spoils(err):
			j.err = w.foreign(err)
			t.rollback()
			return true, nil
		default:
			j.err = w.foreign(err)
		}
	}
	err = t.finish()
	if t.people {
		w.store.signedIn.forget()
	}
	if err == nil {
		w.store.committed(t)
	}
	return false, err
}

// tell tells the changes, and who watches, of the turn that ended.
func (w *writer) tell(batch []*job) {
	w.turn.Ended = time.Now() // a stopwatch
	for _, j := range batch {
		j.turn = w.turn
	}
	if w.store.cfg.Watch.Turn != nil {
		w.store.cfg.Watch.Turn(w.turn)
	}
}

func (w *writer) commitAlone(batch []*job) {
	if len(batch) == 1 {
		return // its own error stands, and nothing was written
	}
	for _, j := range batch {
		w.commit([]*job{j})
	}
}

// fail answers everybody in a batch whose transaction did not happen.
func (w *writer) fail(batch []*job, err error) {
	for _, j := range batch {
		if j.err == nil {
			j.err = w.foreign(err)
		}
	}
}

func (w *writer) foreign(err error) error {
	if refusal := w.store.dialect.refusal(err); refusal != nil {
		w.store.log.Error("the database refused a change", "error", err)
		return refusal
	}
	return err
}

// tx is one transaction: the changes of a batch, one after the other, at one time.
type tx struct {
	*writer
	now      time.Time
	actor    tel.Actor // of the change that runs now
	writes   int
	accounts map[tel.AccountID]*accountRow
	events   []*tel.Event
	reserved []newReservation                // to be written together
	taken    map[tel.Number]*tel.Reservation // their TNs
	people   bool                            // who may do what changed
	outbox   outbox
	chain    struct { // the last event before this transaction
		seq  int64
		hash [sha256.Size]byte
	}
}

func (w *writer) begin() (*tx, error) {
	t := &tx{writer: w, accounts: map[tel.AccountID]*accountRow{}, taken: map[tel.Number]*tel.Reservation{}}
	if w.gone() {
		if err := w.reconnect(); err != nil {
			return nil, err
		}
	}
	last, err := w.store.dialect.begin(w)
	if err != nil {
		return nil, err
	}
	t.chain.seq = last.seq
	copy(t.chain.hash[:], last.hash)
	t.now = w.store.Now() // after the lock: time in the event table never runs back
	if at := time.Time(last.at); at.After(t.now) {
		t.now = at // another process with a clock ahead of ours
	}
	return t, nil
}

// lastLink is the end of the chain of events; zero when there is none.
type lastLink struct {
	seq  int64
	at   micros
	hash []byte
}

// attempt runs one change; a panic is that change's error, not the server's end.
func (t *tx) attempt(j *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.store.log.Error("a change panicked", "panic", p, "stack", string(debug.Stack()))
			t.writes++ // whatever it did, undo it
			err = fmt.Errorf("a change panicked: %v", p)
		}
	}()
	t.actor = j.actor
	return j.fn(t)
}

// finish writes down what is left and commits.
func (t *tx) finish() error {
	err := t.flush()
	if err == nil {
		t.turn.Flushing = time.Now() // a stopwatch
		err = t.store.dialect.commit(t)
	}
	if outcome, ok := errors.AsType[errOutcome](err); ok {
		return t.findOut(outcome)
	}
	if err != nil {
		t.rollback()
	}
	return err
}

func (t *tx) flush() error {
	if err := t.flushReserved(); err != nil {
		return err
	}
	if err := t.flushAccounts(); err != nil {
		return err
	}
	if err := t.flushEvents(); err != nil {
		return err
	}
	return t.flushOutbox()
}

func (t *tx) rollback() {
	if t.gone() {
		return // the database does it
	}
	if err := t.raw("ROLLBACK"); err != nil {
		t.store.log.Warn("rollback", "error", err)
	}
}

func (w *writer) raw(sql string) error {
	st, err := w.prepared(sql)
	if err == nil {
		_, err = st.ExecContext(w.ctx)
	}
	return err
}

// statement is a prepared statement. people tells that it changes who may do what,
// found by its text so that nobody can forget to say so.
type statement struct {
	*sql.Stmt
	people bool
}

var changesPeople = regexp.MustCompile(`^(INSERT INTO|UPDATE|DELETE FROM) (session|person|membership)\b`)

// prepared keeps one prepared statement per SQL text for the writer's connection.
func (w *writer) prepared(sql string) (*statement, error) {
	if st, ok := w.statements[sql]; ok {
		return st, nil
	}
	st, err := w.conn.PrepareContext(w.ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, sql)
	}
	w.statements[sql] = &statement{st, changesPeople.MatchString(sql)}
	return w.statements[sql], nil
}

// exec writes and answers how many rows it touched.
func (t *tx) exec(sql string, args ...any) (int64, error) {
	t.writes++
	if err := t.flushReserved(); err != nil {
		return 0, err
	}
	st, err := t.prepared(sql)
	if err != nil {
		return 0, err
	}
	t.people = t.people || st.people
	res, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *tx) query(sql string, args ...any) (results, error) {
	if err := t.flushReserved(); err != nil {
		return nil, err
	}
	st, err := t.prepared(sql)
	if err != nil {
		return nil, err
	}
	t.people = t.people || st.people
	return st.QueryContext(t.ctx, args...)
}

// scanner is a row, or the error in its place.
type scanner interface{ Scan(dest ...any) error }

type failedRow struct{ err error }

func (f failedRow) Scan(...any) error { return f.err }

func (t *tx) row(sql string, args ...any) scanner {
	if err := t.flushReserved(); err != nil {
		return failedRow{err}
	}
	return t.settledRow(sql, args...)
}

// settledRow reads what the reservations made in this transaction, which may not be
// written yet, cannot change.
func (t *tx) settledRow(sql string, args ...any) scanner {
	st, err := t.prepared(sql)
	if err != nil {
		return failedRow{err}
	}
	t.people = t.people || st.people
	return st.QueryRowContext(t.ctx, args...)
}
