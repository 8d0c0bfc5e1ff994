package store

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"
)

// reader reads through statements that stay prepared: for a small query, preparing
// it is most of what it costs.
type reader struct {
	*sql.DB
	dialect    dialect
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
	closing    atomic.Bool // connections that nobody used
}

// mostStatements bounds what is kept. The texts are few and our own; a list's vary
// with its filters.
const mostStatements = 200

// mostReaders is how many connections read at once.
const mostReaders = 8

func newReader(db *sql.DB, d dialect) *reader {
	return &reader{DB: db, dialect: d, statements: map[string]*sql.Stmt{}}
}

// prepared is the statement of a text, or nil when the text is to be run as it is.
func (r *reader) prepared(ctx context.Context, text string) *sql.Stmt {
	r.mu.RLock()
	st, n := r.statements[text], len(r.statements)
	r.mu.RUnlock()
	if st != nil || n >= mostStatements {
		return st
	}
	fresh, err := r.DB.PrepareContext(ctx, text)
	if err != nil {
		return nil // running it will say what is wrong
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if st := r.statements[text]; st != nil {
		_ = fresh.Close() // somebody was faster
		return st
	}
	r.statements[text] = fresh
	return fresh
}

// QueryContext is sql.DB's, prepared. A connection that was lost since it was used last
// is no error: reading is tried on others.
func (r *reader) QueryContext(ctx context.Context, text string, args ...any) (results, error) {
	rows, err := onceMore(r, func() (*sql.Rows, error) { return r.query(ctx, text, args...) })
	return plainRows{rows, r}, r.plain(err)
}

// results are rows that are read one after the other.
type results interface {
	scanner
	Next() bool
	Err() error
	Close() error
}

// onceMore does again what failed for a connection that was lost since it was used last.
func onceMore[T any](r *reader, fn func() (T, error)) (out T, err error) {
	for range mostLost {
		if out, err = fn(); !r.lost(err) {
			break
		}
	}
	return out, err
}

func (r *reader) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if st := r.prepared(ctx, text); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return r.DB.QueryContext(ctx, text, args...)
}

// QueryRowContext is sql.DB's, prepared; lost connections as in QueryContext.
func (r *reader) QueryRowContext(ctx context.Context, text string, args ...any) scanner {
	row, _ := onceMore(r, func() (*sql.Row, error) {
		row := r.queryRow(ctx, text, args...)
		return row, row.Err()
	})
	return plainRow{row, r}
}

// snapshot begins to read at one moment of the database.
func (r *reader) snapshot(ctx context.Context) (*snapshot, error) {
	tx, err := onceMore(r, func() (*sql.Tx, error) { return r.DB.BeginTx(ctx, r.dialect.snapshot) })
	return &snapshot{tx, r}, r.plain(err)
}

// What fails after a query has begun is said in words too.

type plainRows struct {
	*sql.Rows
	r *reader
}

func (p plainRows) Err() error { return p.r.plain(p.Rows.Err()) }

type plainRow struct {
	*sql.Row
	r *reader
}

func (p plainRow) Scan(dest ...any) error { return p.r.plain(p.Row.Scan(dest...)) }

type snapshot struct {
	*sql.Tx
	r *reader
}

func (s *snapshot) QueryContext(ctx context.Context, text string, args ...any) (results, error) {
	rows, err := s.Tx.QueryContext(ctx, text, args...)
	return plainRows{rows, s.r}, s.r.plain(err)
}

func (s *snapshot) QueryRowContext(ctx context.Context, text string, args ...any) scanner {
	return plainRow{s.Tx.QueryRowContext(ctx, text, args...), s.r}
}

// mostLost is how many connections may turn out lost for one query: all that are open,
// and a new one.
const mostLost = mostReaders + 1

func (r *reader) lost(err error) bool {
	return err != nil && r.dialect.lost != nil && r.dialect.lost(err)
}

// plain is an error in words, where the database is not in this process and may be out
// of reach.
func (r *reader) plain(err error) error {
	if err == nil || r.dialect.lost == nil {
		return err
	}
	if refusal := r.dialect.refusal(err); refusal != nil {
		return refusal
	}
	return err
}

func (r *reader) queryRow(ctx context.Context, text string, args ...any) *sql.Row {
	if st := r.prepared(ctx, text); st != nil {
		return st.QueryRowContext(ctx, args...)
	}
	return r.DB.QueryRowContext(ctx, text, args...)
}

// closeIdle closes the connections that nobody uses. It waits until nobody will use them:
// the closing of one that is silent takes seconds. Meanwhile none may become idle: the
// pool would put it where it keeps those that it still has to close.
func (r *reader) closeIdle() {
	if r.closing.CompareAndSwap(false, true) {
		go func() {
			defer r.closing.Store(false)
			r.SetMaxIdleConns(0)
			r.SetMaxIdleConns(mostReaders)
		}()
	}
	for range 100 {
		if r.Stats().Idle == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// Close closes the statements, then the database.
func (r *reader) Close() error {
	for _, st := range r.statements {
		_ = st.Close()
	}
	return r.DB.Close()
}
