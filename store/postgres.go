package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"tnreserve/store/tel"
)

// PostgreSQL works like SQLite here: every node has one writer that commits all that
// waits together, and the transactions of all nodes take turns by the lock on one row.
// So a rule that reads and then writes is right on both, and events commit in their
// order.
var postgresDialect = dialect{
	name:      "postgres",
	open:      openPostgres,
	schema:    postgresSchema,
	lockSteps: `SET LOCAL lock_timeout = 0; LOCK TABLE schema_step IN EXCLUSIVE MODE`,
	values:    valuesList,
	claim:     claimPostgres,
	snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	begin:     beginPostgres,
	commit:    commitPostgres,
	patience:  30 * time.Second,
	connecting: func(db string) time.Duration {
		config, err := postgresConfig(db, false)
		if err != nil || config.ConnectTimeout == 0 {
			return mostConnecting
		}
		// Each try may use its time up, though those with and without TLS mostly share one; then
		// there is some to begin.
		return min(mostConnecting, time.Duration(1+len(config.Fallbacks))*config.ConnectTimeout+time.Second)
	},
	passing: func(err error) bool {
		switch sqlState(err) {
		case "40001", "40P01": // serialization failure, deadlock
			return true
		}
		return false
	},
	spoils: func(err error) bool { return sqlState(err) != "" },
	gone: func(conn *sql.Conn) bool {
		gone := true
		_ = conn.Raw(func(c any) error {
			gone = c.(*stdlib.Conn).Conn().IsClosed()
			return nil
		})
		return gone
	},
	lost:     func(err error) bool { return lostPostgres(err) && !cannotConnect(err) },
	listen:   listenPostgres,
	size:     sizePostgres,
	keepTurn: `SET LOCAL idle_in_transaction_session_timeout = 0`,
	renumber: func(table, column string) string {
		return `SELECT setval(pg_get_serial_sequence('` + table + `', '` + column + `'), COALESCE(MAX(` + column + `), 0) + 1, FALSE) FROM ` + table
	},
	backup:  "A PostgreSQL database is copied and restored by its own tools: pg_dump --format=custom and pg_restore, or pg_basebackup with WAL archiving.",
	refusal: refusalPostgres,
	damaged: func(err error) bool {
		state := sqlState(err)
		return state == "XX001" || state == "XX002"
	},
}

// openPostgres adds to the address what is not said there.
func openPostgres(db string, reader bool) (*sql.DB, error) {
	config, err := postgresConfig(db, reader)
	if err != nil {
		return nil, err
	}
	if reader {
		return stdlib.OpenDB(*config), nil
	}
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		// An answer means that the change is durable, whatever the server's default.
		_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'`)
		return err
	})), nil
}

// The writer's limits. A node that stops in mid-change (a suspended machine, a cut
// cable) must not keep the others waiting: the server ends its transaction.
// Readers ask the one that takes writes too: a standby may be behind it.
var (
	readerSettings = map[string]string{"target_session_attrs": "primary", "default_transaction_read_only": "on"}
	writerSettings = map[string]string{"target_session_attrs": "read-write", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "5s"}
)

func postgresConfig(db string, reader bool) (*pgx.ConnConfig, error) {
	bad := tel.Invalid("db", "That is no address of a PostgreSQL database; one looks like postgres://user@host:5432/tnreserve")
	u, err := url.Parse(db)
	if err != nil {
		return nil, bad
	}
	q := u.Query()
	settings := writerSettings
	if reader {
		settings = readerSettings
	}
	for name, value := range settings {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	if reader && q.Get("target_session_attrs") == "read-write" {
		q.Set("target_session_attrs", "primary") // a connection that only reads is never that
	}
	patient := q.Has("connect_timeout")
	for name, value := range map[string]string{"connect_timeout": "5", "application_name": "tnreserve"} {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, bad
	}
	elsewhere := func(f *pgconn.FallbackConfig) bool { return f.Host != config.Host || f.Port != config.Port }
	if !patient && slices.ContainsFunc(config.Fallbacks, elsewhere) {
		config.ConnectTimeout = 2 * time.Second // a silent one must not use up the time of the next
	}
	config.DialFunc = dialer(config.ConnectTimeout).DialContext
	return config, nil
}

// mostConnecting is how long all servers of an address together are waited for.
const mostConnecting = 30 * time.Second

// mostSilence is about how long a server may answer nothing that a living machine
// answers by itself, before its connection counts as lost.
const mostSilence = 10 * time.Second

func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: boundSilence, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: mostSilence / 2, Interval: mostSilence / 5, Count: 2}}
}

// CheckName tells what is wrong with a database's name or address, without opening it.
func CheckName(db string) error {
	d, err := dialectOf(db)
	if err != nil || d.name != postgresDialect.name {
		return err
	}
	_, err = postgresConfig(db, false)
	return err
}

// NameOf is a database's name as it may be shown: an address without its password.
func NameOf(db string) string {
	if !strings.Contains(db, "://") {
		return db
	}
	u, err := url.Parse(db)
	if err != nil {
		return db[:strings.Index(db, "://")] + "://…"
	}
	q := u.Query()
	q.Del("password")
	q.Del("sslpassword")
	u.RawQuery = q.Encode()
	return u.Redacted()
}

var (
	textColumn = regexp.MustCompile(`\bTEXT\b`)
	rowNumber  = regexp.MustCompile(`\bBIGINT PRIMARY KEY\b`)
)

// postgresSchema numbers rows by themselves, as SQLite does, and compares texts byte by
// byte, as SQLite does, whatever language the database speaks.
func postgresSchema(sql string) string {
	sql = rowNumber.ReplaceAllString(sql, `BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY`)
	return textColumn.ReplaceAllString(sql, `TEXT COLLATE "C"`)
}

func claimPostgres(ctx context.Context, conn *sql.Conn) error {
	var tables, ours int
	var encoding string
	err := conn.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(CASE WHEN tablename = 'schema_step' THEN 1 END), current_setting('server_encoding') FROM pg_tables WHERE schemaname = current_schema()`).
		Scan(&tables, &ours, &encoding)
	switch {
	case err != nil:
		return err
	case tables > 0 && ours == 0:
		return tel.Invalid("db", "This PostgreSQL database has tables, and they are not tnreserve's. Nothing was changed in it.")
	case encoding != "UTF8":
		return tel.Invalid("db", "This PostgreSQL database keeps its texts as %s. Make one with UTF8: createdb --encoding=UTF8 --template=template0 tnreserve", encoding)
	}
	return nil
}

// beginPostgres waits for the turn. All is one message: a round trip is what a change
// costs most.
func beginPostgres(w *writer) (last lastLink, err error) {
	err = w.conn.Raw(func(c any) error {
		answers, err := c.(*stdlib.Conn).Conn().PgConn().Exec(w.ctx, `BEGIN ISOLATION LEVEL READ COMMITTED;
			SELECT id FROM turn WHERE id = 1 FOR UPDATE;
			SELECT seq, at, encode(hash, 'hex') FROM event ORDER BY seq DESC LIMIT 1`).ReadAll()
		if err == nil && len(answers[1].Rows) != 1 {
			err = errors.New("table turn has lost its row: INSERT INTO turn VALUES (1)")
		}
		if err != nil || len(answers[2].Rows) == 0 {
			return err
		}
		return last.parse(answers[2].Rows[0])
	})
	if err != nil && !w.gone() {
		_, _ = w.conn.ExecContext(w.ctx, `ROLLBACK`)
	}
	return last, err
}

// parse reads the columns as texts.
func (l *lastLink) parse(row [][]byte) error {
	seq, err1 := strconv.ParseInt(string(row[0]), 10, 64)
	at, err2 := strconv.ParseInt(string(row[1]), 10, 64)
	sum, err3 := hex.DecodeString(string(row[2]))
	l.seq, l.at, l.hash = seq, micros(time.UnixMicro(at).UTC()), sum
	return errors.Join(err1, err2, err3)
}

// commitPostgres tells the other nodes in the same transaction. An error that the server
// sends says that nothing was done; no answer says nothing. What the driver calls safe to
// retry is not: for a connection that is lost in mid-answer it says "conn closed", as for
// one on which nothing was sent.
func commitPostgres(t *tx) error {
	text := `COMMIT`
	if last := t.last(); last != nil {
		text = endSQL(strconv.FormatInt(last.Seq, 10), `'\x`+hex.EncodeToString(last.Hash[:])+`'`) + `; NOTIFY tnreserve, '` + t.store.node + `'; COMMIT`
	}
	return t.conn.Raw(func(c any) error {
		conn := c.(*stdlib.Conn).Conn()
		if conn.IsClosed() {
			return errors.New("the connection was lost before the commit")
		}
		tag, err := conn.Exec(t.ctx, text)
		refused, answered := errors.AsType[*pgconn.PgError](err)
		switch {
		case err == nil && tag.String() == "COMMIT":
			return nil
		case err == nil:
			return errors.New("the transaction had failed before its end: " + tag.String())
		case answered && refused.SeverityUnlocalized == "ERROR":
			return err
		}
		return errOutcome{err}
	})
}

// listenPostgres calls wake at what other nodes notify.
func listenPostgres(ctx context.Context, db, node string, wake func()) error {
	config, err := postgresConfig(db, true)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `LISTEN tnreserve`); err != nil {
		return err
	}
	wake() // for what came before
	for {
		heard, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if heard.Payload != node {
			wake()
		}
	}
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// lostPostgres tells that the server is out of reach, goes down or comes up.
func lostPostgres(err error) bool {
	if state := sqlState(err); state != "" {
		return strings.HasPrefix(state, "08") || state == "57P01" || state == "57P02" || state == "57P03"
	}
	if cannotConnect(err) {
		return true
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, errNotDone)
}

func cannotConnect(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

func refusalPostgres(err error) *tel.Error {
	state := sqlState(err)
	switch {
	case errors.Is(err, context.Canceled):
		return nil // the caller's doing
	case state == "22021":
		return tel.Invalid("text", "A text has characters that no text has; nothing was done.")
	case state == "53100":
		return tel.Refuse(tel.CodeBusy, "The database cannot write at the moment; nothing was done. Try again later.")
	case lostPostgres(err), strings.HasPrefix(state, "53"), state == "25006":
		return tel.Refuse(tel.CodeBusy, "The database cannot be reached at the moment; nothing was done. Try again in a moment.")
	case state == "40001", state == "40P01", state == "55P03", state == "57014", errors.Is(err, context.DeadlineExceeded):
		return tel.Refuse(tel.CodeBusy, "The database is busy; nothing was done. Try again in a moment.")
	}
	return nil
}
