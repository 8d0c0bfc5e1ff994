package store

import (
	"context"
	"database/sql"
	"sync"
)

// reader reads through statements that stay prepared: for a small query, preparing
// it is most of what it costs.
type reader struct {
	*sql.DB
	dialect    dialect
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
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
func (r *reader) QueryContext(ctx context.Context, text string, args ...any) (rows *sql.Rows, err error) {
	for range mostLost {
		if rows, err = r.query(ctx, text, args...); !r.lost(err) {
			break
		}
	}
	return rows, r.plain(err)
}

func (r *reader) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if st := r.prepared(ctx, text); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return r.DB.QueryContext(ctx, text, args...)
}

// QueryRowContext is sql.DB's, prepared; lost connections as in QueryContext.
func (r *reader) QueryRowContext(ctx context.Context, text string, args ...any) scanner {
	var row *sql.Row
	for range mostLost {
		if row = r.queryRow(ctx, text, args...); !r.lost(row.Err()) {
			break
		}
	}
	if err := r.plain(row.Err()); err != nil {
		return failedRow{err}
	}
	return row
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

// Close closes the statements, then the database.
func (r *reader) Close() error {
	for _, st := range r.statements {
		_ = st.Close()
	}
	return r.DB.Close()
}
