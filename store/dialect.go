package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tnreserve/store/tel"
)

// dialect is all that differs between databases.
type dialect struct {
	name   string
	driver string
	// dsn makes a data source name; readers may not write.
	dsn func(path string, reader bool) string
	// schema adapts the one migration text.
	schema func(sql string) string
	// claim marks a new database as ours, and refuses one that is somebody else's.
	claim func(context.Context, *sql.Conn) error
	// refusal tells an error of the database that means "nothing was done, repeat
	// later" from any other.
	refusal func(error) *tel.Error
	// checkpoint moves what the log holds into the database while others write.
	checkpoint string
	// integrity is a query that answers "ok", or what is wrong with the file.
	integrity string
	// damaged tells an error that means that the file is none of the database's.
	damaged func(error) bool
}

// logPages of 4 KiB are how long SQLite's log grows while somebody always writes.
const logPages = 16_000

var sqliteDialect = dialect{
	name:   "sqlite",
	driver: "sqlite",
	// Pragmas stand in the DSN because one set by Exec holds for one pooled
	// connection only. synchronous=FULL: NORMAL lost acknowledged writes in a power
	// cut.
	dsn: func(path string, reader bool) string {
		q := url.Values{"_txlock": {"immediate"}, "_pragma": {
			"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			"cache_size(-65536)", "temp_store(memory)", "wal_autocheckpoint(" + strconv.Itoa(logPages) + ")",
		}}
		if reader {
			q.Set("_txlock", "deferred")
			q.Add("_pragma", "query_only(1)")
		}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	},
	// Only INTEGER PRIMARY KEY is SQLite's own row number; BIGINT would cost a second
	// tree for each table.
	schema: func(sql string) string {
		return strings.ReplaceAll(sql, "BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
	},
	claim: claimSQLite,
	refusal: func(err error) *tel.Error {
		e, ok := errors.AsType[*sqlite.Error](err)
		if !ok {
			return nil
		}
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return tel.Refuse(tel.CodeBusy, "The database is busy; nothing was done. Try again in a moment.")
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
			return tel.Refuse(tel.CodeBusy, "The database cannot write at the moment; nothing was done. Try again later.")
		}
		return nil
	},
	checkpoint: `PRAGMA wal_checkpoint(PASSIVE)`,
	integrity:  `PRAGMA integrity_check(20)`,
	damaged: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
	},
}

// applicationID stands in the header of our SQLite files: "tnrs".
const applicationID = 0x746e7273

func claimSQLite(ctx context.Context, conn *sql.Conn) error {
	var id, tables, ours int
	err := conn.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id), COUNT(*), COUNT(CASE WHEN name = 'schema_step' THEN 1 END) FROM sqlite_schema WHERE type = 'table'`).
		Scan(&id, &tables, &ours)
	switch {
	case err != nil || id == applicationID:
		return err
	case id != 0 || tables > 0 && ours == 0:
		return tel.Invalid("db", "This file is an SQLite database, but not one of tnreserve's. Nothing was changed in it.")
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID))
	return err
}

// dialectOf picks the database by what --db looks like.
func dialectOf(db string) (dialect, error) {
	switch {
	case db == "":
		return dialect{}, tel.Invalid("db", "Say which database: --db tnreserve.db")
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		return dialect{}, tel.Invalid("db", "PostgreSQL is not supported yet; give the path of a SQLite file, such as --db tnreserve.db")
	case strings.Contains(db, "://"), strings.ContainsRune(db, 0), strings.HasPrefix(db, ":"), strings.HasPrefix(db, "//"):
		return dialect{}, tel.Invalid("db", "%q is not the path of a SQLite file.", db)
	}
	return sqliteDialect, nil
}
