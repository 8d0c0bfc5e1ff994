package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tnreserve/store/tel"
)

// dialect is all that differs between databases.
type dialect struct {
	name string
	// open makes a pool of connections; readers may not write.
	open func(db string, reader bool) (*sql.DB, error)
	// quick is a query that answers "ok", or what makes the file unfit to serve from; ""
	// asks nothing.
	quick string
	// schema adapts the one migration text.
	schema func(sql string) string
	// values is valuesList in the form that costs the driver least.
	values func(rows, columns int) string
	// lockSteps, "" for none, lets one process at a time take a step.
	lockSteps string
	// claim marks a new database as ours, and refuses one that is somebody else's.
	claim func(context.Context, *sql.Conn) error
	// snapshot begins a transaction that reads at one moment.
	snapshot *sql.TxOptions
	// begin opens the transaction of a batch, waits until no other process has one, and
	// reads the last event.
	begin func(*writer) (lastLink, error)
	// commit ends it. An errOutcome means that the answer never came.
	commit func(*tx) error
	// patience bounds a batch's transaction, for a database that may be far away; 0 is
	// no bound.
	patience time.Duration
	// connecting bounds one try to connect again; nil where no connection is lost.
	connecting func(db string) time.Duration
	// passing tells an error that undid the transaction and may not come again; nil
	// knows none.
	passing func(error) bool
	// spoils tells an error after which the transaction takes no more statements; nil
	// knows none.
	spoils func(error) bool
	// gone tells that a connection is lost; nil for a database that is in this process.
	gone func(*sql.Conn) bool
	// lost tells a reader's error that another connection would not make; nil knows none.
	lost func(error) bool
	// listen calls wake when another process has committed events, until ctx or the
	// connection ends; nil leaves it to asking now and then.
	listen func(ctx context.Context, db, node string, wake func()) error
	// keepTurn, "" for nothing, lets a transaction stand still for as long as it likes;
	// renumber, nil for none, makes a table's numbers go on after rows that were copied
	// with theirs.
	keepTurn string
	renumber func(table, column string) string
	// backup says who copies the database and restores it, where this program does not.
	backup string
	// refusal tells an error of the database that means "nothing was done, repeat
	// later" from any other.
	refusal func(error) *tel.Error
	// checkpoint moves what the log holds into the database while others write; "" leaves
	// it to the database.
	checkpoint string
	// replicated is a query that tells whether another program copies the log and must be
	// the one that moves it, "" for none; leaveLog lets it.
	replicated, leaveLog string
	// integrity is a query that answers "ok", or what is wrong with the file.
	integrity string
	// size is how many bytes the database has, and its log where that is its own file.
	size func(context.Context, *Store) (database, log int64, err error)
	// busy tells an error that is over when another process has finished; nil knows none.
	busy func(error) bool
	// damaged tells an error that means that the file is none of the database's.
	damaged func(error) bool
}

// logPages of 4 KiB are how long SQLite's log grows while somebody always writes.
const logPages = 16_000

// leftPages are how long it grows while a replicator should see to it: twice what
// Litestream bears.
const leftPages = 250_000

var sqliteDialect = dialect{
	name:  "sqlite",
	open:  openSQLite,
	quick: `PRAGMA quick_check(1)`,
	// Only INTEGER PRIMARY KEY is SQLite's own row number; BIGINT would cost a second
	// tree for each table.
	schema: func(sql string) string {
		return strings.ReplaceAll(sql, "BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
	},
	values:   questionMarks,
	claim:    claimSQLite,
	snapshot: &sql.TxOptions{ReadOnly: true},
	begin:    beginSQLite,
	commit:   commitSQLite,
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
	replicated: `SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = '_litestream_seq'`,
	leaveLog:   `PRAGMA wal_autocheckpoint = ` + strconv.Itoa(leftPages),
	integrity:  `PRAGMA integrity_check(20)`,
	size:       sizeSQLite,
	busy: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && e.Code()&0xff == sqlite3.SQLITE_BUSY
	},
	damaged: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
	},
}

// openSQLite names the pragmas in the DSN because one set by Exec holds for one pooled
// connection only. synchronous=FULL: NORMAL lost acknowledged writes in a power cut.
func openSQLite(path string, reader bool) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-65536)", "temp_store(memory)", "wal_autocheckpoint(" + strconv.Itoa(logPages) + ")",
	}}
	if reader {
		q.Set("_txlock", "deferred")
		q.Add("_pragma", "query_only(1)")
	}
	return sql.Open("sqlite", "file:"+escaped(path)+"?"+q.Encode())
}

// questionMarks is "(?,?),(?,?)" for 2 rows of 2 columns. SQLite's driver looks for a
// numbered place's name among all others: with 1,000 of them that took as long as
// writing the rows.
func questionMarks(rows, columns int) string {
	one := "(" + strings.Repeat(",?", columns)[1:] + ")"
	return strings.Repeat(","+one, rows)[1:]
}

func commitSQLite(t *tx) error {
	if last := t.last(); last != nil {
		if _, err := t.exec(endSQL("$1", "$2"), last.Seq, last.Hash[:]); err != nil {
			return err
		}
	}
	return t.raw("COMMIT")
}

func beginSQLite(w *writer) (last lastLink, err error) {
	if err := w.raw("BEGIN IMMEDIATE"); err != nil {
		return last, err
	}
	st, err := w.prepared(`SELECT seq, at, hash FROM event ORDER BY seq DESC LIMIT 1`)
	if err == nil {
		err = st.QueryRowContext(w.ctx).Scan(&last.seq, &last.at, &last.hash)
	}
	if err != nil && err != sql.ErrNoRows {
		return last, errors.Join(err, w.raw("ROLLBACK"))
	}
	return last, nil
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
		return dialect{}, tel.Invalid("db", "Say which database: --db tnreserve.db, or --db postgres://…")
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		return postgresDialect, nil
	case strings.Contains(db, "://"), strings.ContainsRune(db, 0), strings.HasPrefix(db, ":"), strings.HasPrefix(db, "//"):
		return dialect{}, tel.Invalid("db", "%q is neither the path of a SQLite file nor postgres://….", NameOf(db))
	}
	return sqliteDialect, nil
}
