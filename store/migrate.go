package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"tnreserve/migrations"
	"tnreserve/store/tel"
)

// step is one file of the migrations folder.
type step struct {
	version int
	name    string
	sql     string
}

// steps lists the migrations that a dialect understands, in order.
func steps(d dialect) ([]step, error) {
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return nil, err
	}
	var list []step
	for _, name := range names {
		parts := strings.Split(name, ".")
		if len(parts) == 3 && parts[1] != d.name {
			continue
		}
		version, err := strconv.Atoi(name[:4])
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number: %w", name, err)
		}
		text, err := migrations.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list = append(list, step{version, name, d.schema(string(text))})
	}
	return list, nil
}

// migrate brings the schema forward, one step per transaction, and refuses a schema
// that is newer than this program. It answers the names of the steps taken.
func migrate(ctx context.Context, conn *sql.Conn, d dialect) ([]string, error) {
	list, err := steps(d)
	if err != nil {
		return nil, err
	}
	if err := createSteps(ctx, conn); err != nil {
		return nil, err
	}
	have, err := schemaVersion(ctx, conn, list)
	if err != nil {
		return nil, err
	}
	var taken []string
	for _, s := range list {
		if s.version <= have {
			continue
		}
		done, err := takeStep(ctx, conn, d, s)
		if err != nil {
			return taken, fmt.Errorf("migration %s: %w", s.name, err)
		}
		if done {
			taken = append(taken, s.name)
		}
	}
	return taken, nil
}

// schemaVersion is the last step that a database has taken; one that is newer than the
// program is refused.
func schemaVersion(ctx context.Context, db rowQuerier, list []step) (have int, err error) {
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_step`).Scan(&have); err != nil {
		return 0, err
	}
	if newest := list[len(list)-1].version; have > newest {
		return 0, tel.Invalid("db", "This database was made by a newer tnreserve (schema %d, this program knows %d). Use the newer program.", have, newest)
	}
	return have, nil
}

// schemaBehind tells whether a database lacks steps, and takes none.
func schemaBehind(ctx context.Context, db rowQuerier, d dialect) (bool, error) {
	list, err := steps(d)
	if err != nil {
		return false, err
	}
	have, err := schemaVersion(ctx, db, list)
	_, said := errors.AsType[*tel.Error](err)
	if err != nil && !said && ctx.Err() == nil && !d.damaged(err) && d.refusal(err) == nil {
		return false, tel.Invalid("db", "There is no database of tnreserve's here (%v).", err)
	}
	return have < list[len(list)-1].version, err
}

// createSteps tries again: of two processes that create a table at once, one may be
// refused although it asks for it only IF NOT EXISTS.
func createSteps(ctx context.Context, conn *sql.Conn) (err error) {
	for range 3 {
		if _, err = conn.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_step (version BIGINT PRIMARY KEY, name TEXT NOT NULL)`); err == nil {
			return nil
		}
	}
	return err
}

// takeStep runs one step unless another process has just taken it.
func takeStep(ctx context.Context, conn *sql.Conn, d dialect, s step) (done bool, err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	if d.lockSteps != "" {
		if _, err := tx.ExecContext(ctx, d.lockSteps); err != nil {
			return false, err
		}
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM schema_step WHERE version = $1`, s.version).Scan(&n); err != nil || n > 0 {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, s.sql); err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO schema_step (version, name) VALUES ($1, $2)`, s.version, s.name); err != nil {
		return false, err
	}
	return true, tx.Commit()
}
