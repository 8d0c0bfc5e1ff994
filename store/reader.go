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
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
}

// mostStatements bounds what is kept. The texts are few and our own; a list's vary
// with its filters.
const mostStatements = 200

func newReader(db *sql.DB) *reader { return &reader{DB: db, statements: map[string]*sql.Stmt{}} }

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

// QueryContext is sql.DB's, prepared.
func (r *reader) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if st := r.prepared(ctx, text); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return r.DB.QueryContext(ctx, text, args...)
}

// QueryRowContext is sql.DB's, prepared.
func (r *reader) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
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
