package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"slices"
	"strings"

	"tnreserve/store/tel"
)

// Copying moves a whole installation to another database, of the other kind or of the
// same, row by row as the migrations lay them out.

// Copied counts what a copy moved.
type Copied struct {
	Tables int
	Rows   int64
	Before int64 // rows that an interrupted copy had brought already
}

// Copy copies one database into another, which must be empty or the rest of an
// interrupted copy, and compares both by count and content. The source cannot be
// written meanwhile: what was answered before is in the copy, and nothing after it is
// lost. progress, if set, is told the rows done, each once when copied and once when
// compared.
func Copy(ctx context.Context, from, to string, progress func(done, total int64)) (out Copied, err error) {
	if from == to {
		return out, tel.Invalid("to", "A database cannot be copied to itself.")
	}
	tables, err := layout(ctx)
	if err != nil {
		return out, err
	}
	c := copier{ctx: ctx, tables: tables, progress: progress}
	defer func() {
		if closing := c.close(); err == nil {
			err = closing
		}
	}()
	if c.from, err = openEnd(ctx, from); err != nil {
		return out, err
	}
	if err := refuseHalf(ctx, c.from.conn); err != nil {
		return out, err
	}
	if c.to, err = openEnd(ctx, to); err != nil {
		return out, err
	}
	if err := c.run(); err != nil {
		if ctx.Err() != nil {
			return c.out, ctx.Err()
		}
		for _, end := range []*copyEnd{c.from, c.to} {
			if refusal := end.store.dialect.refusal(err); refusal != nil {
				return c.out, tel.Refuse(refusal.Code, "Copying stopped: %v. Run it again to go on.", err)
			}
		}
		return c.out, err
	}
	return c.out, nil
}

// copyEnd is one of the two databases.
type copyEnd struct {
	*writer
	name string
	db   *sql.DB
	open bool // a transaction
}

func openEnd(ctx context.Context, name string) (*copyEnd, error) {
	d, err := dialectOf(name)
	if err != nil {
		return nil, err
	}
	db, err := d.open(name, false)
	if err != nil {
		return nil, err
	}
	s := &Store{dialect: d, write: db, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	conn, err := prepareEnd(ctx, s)
	if err != nil {
		_ = db.Close()
		return nil, plainOpenError(name, d, err)
	}
	return &copyEnd{writer: newWriter(s, conn), name: name, db: db}, nil
}

func prepareEnd(ctx context.Context, s *Store) (*sql.Conn, error) {
	s.write.SetMaxOpenConns(1)
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := quickCheck(ctx, conn, s.dialect); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if err := s.dialect.claim(ctx, conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if _, err := migrate(ctx, conn, s.dialect); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// copyTable is a table as both databases have it.
type copyTable struct {
	name    string
	columns []string
	kinds   []string // of the columns, as the migrations declare them
	key     []string // the primary key; none for a table without
	refers  []string // tables that must be filled before
	numbers bool     // its key is one number, which the database may have to go on from
}

// layout reads the tables from the migrations, in an order in which they can be filled.
// Uploads are left out: nobody misses them after an hour, and a piece of one is large.
func layout(ctx context.Context) ([]copyTable, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	list, err := steps(sqliteDialect)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if _, err := db.ExecContext(ctx, s.sql); err != nil {
			return nil, err
		}
	}
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('upload', 'upload_piece') ORDER BY name`)
	if err != nil {
		return nil, err
	}
	names, err := collect(rows, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
	if err != nil {
		return nil, err
	}
	var tables []copyTable
	for _, name := range names {
		t, err := describe(ctx, db, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return inOrder(tables), nil
}

func describe(ctx context.Context, db *sql.DB, name string) (copyTable, error) {
	t := copyTable{name: name}
	keys := map[int]string{}
	rows, err := db.QueryContext(ctx, `SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid`, name)
	err = eachRow(rows, err, func(row scanner) error {
		var column, kind string
		var pk int
		err := row.Scan(&column, &kind, &pk)
		t.columns, t.kinds = append(t.columns, column), append(t.kinds, kind)
		if pk > 0 {
			keys[pk] = column
			t.numbers = kind == "INTEGER"
		}
		return err
	})
	for i := 1; i <= len(keys); i++ {
		t.key = append(t.key, keys[i])
	}
	t.numbers = t.numbers && len(keys) == 1
	if err != nil {
		return t, err
	}
	rows, err = db.QueryContext(ctx, `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1)`, name)
	return t, eachRow(rows, err, func(row scanner) error {
		var other string
		err := row.Scan(&other)
		t.refers = append(t.refers, other)
		return err
	})
}

// inOrder puts every table behind those that it refers to.
func inOrder(tables []copyTable) (sorted []copyTable) {
	placed := map[string]bool{}
	for len(sorted) < len(tables) {
		before := len(sorted)
		for _, t := range tables {
			ready := !placed[t.name] && !slices.ContainsFunc(t.refers, func(r string) bool { return r != t.name && !placed[r] })
			if ready {
				placed[t.name] = true
				sorted = append(sorted, t)
			}
		}
		if len(sorted) == before {
			return tables // they refer to each other in a circle; the database will say so
		}
	}
	return sorted
}

func (t copyTable) list() string { return strings.Join(t.columns, ", ") }

// order is what its rows are read in: the key, or all columns.
func (t copyTable) order() string {
	if len(t.key) == 0 {
		return t.list()
	}
	return strings.Join(t.key, ", ")
}

// values are destinations for a row of all columns.
func (t copyTable) values() []any {
	row := make([]any, len(t.kinds))
	for i, kind := range t.kinds {
		switch kind {
		case "BOOLEAN":
			row[i] = new(sql.NullBool)
		case "INTEGER", "BIGINT":
			row[i] = new(sql.NullInt64)
		case "BYTEA":
			row[i] = new([]byte)
		default:
			row[i] = new(sql.NullString)
		}
	}
	return row
}

type copier struct {
	ctx      context.Context
	from, to *copyEnd
	tables   []copyTable
	progress func(done, total int64)
	done     int64
	total    int64 // each row counts twice: copied, compared
	out      Copied
}

func (c *copier) run() error {
	if err := c.from.take(); err != nil {
		return err
	}
	goesOn, err := c.mark()
	if err != nil {
		return err
	}
	for _, t := range c.tables {
		n, err := count(c.ctx, c.from, t)
		if err != nil {
			return err
		}
		c.total += 2 * n
	}
	for _, t := range c.tables {
		if err := c.table(t, goesOn); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	c.out.Tables, c.out.Rows = len(c.tables), c.done
	for _, t := range c.tables {
		if err := c.compare(t); err != nil {
			return err
		}
	}
	_, err = c.to.conn.ExecContext(c.ctx, `DELETE FROM schema_step WHERE version = $1`, copyMark)
	return err
}

// take keeps everybody else from writing to the source.
func (e *copyEnd) take() error {
	if _, err := e.store.dialect.begin(e.writer); err != nil {
		return err
	}
	e.open = true
	if keep := e.store.dialect.keepTurn; keep != "" {
		_, err := e.conn.ExecContext(e.ctx, keep)
		return err
	}
	return nil
}

func (e *copyEnd) close() error {
	if e == nil {
		return nil
	}
	if e.open {
		if _, err := e.conn.ExecContext(context.Background(), `ROLLBACK`); err != nil && !e.gone() {
			return err
		}
	}
	e.release()
	return e.db.Close()
}

func (c *copier) close() error { return errors.Join(c.from.close(), c.to.close()) }

// copyMark is the step of the schema that stands in a database while it is filled by a
// copy; nobody else opens it.
const copyMark = 0

// refuseHalf refuses a database that a copy was not finished into.
func refuseHalf(ctx context.Context, conn *sql.Conn) error {
	var n int
	if err := conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM schema_step WHERE version = $1`, copyMark).Scan(&n); err != nil || n == 0 {
		return err
	}
	return tel.Invalid("db", "A copy into this database is under way, or was interrupted. Run the same \"tnreserve copy\" again to finish it.")
}

// mark notes in the target what is copied into it, by the last event of the source, and
// tells whether that was begun before.
func (c *copier) mark() (goesOn bool, err error) {
	var seq int64
	var head []byte
	err = c.from.conn.QueryRowContext(c.ctx, `SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1`).Scan(&seq, &head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	mark := fmt.Sprintf("copy up to event %d %x", seq, head)
	var have string
	err = c.to.conn.QueryRowContext(c.ctx, `SELECT name FROM schema_step WHERE version = $1`, copyMark).Scan(&have)
	switch {
	case err == nil && have == mark:
		return true, nil
	case err == nil:
		return false, tel.Refuse(tel.CodeConflict, "The source has changed since this copy was begun. Make the target anew, and copy again.")
	case !errors.Is(err, sql.ErrNoRows):
		return false, err
	}
	for _, t := range c.tables {
		n, err := count(c.ctx, c.to, t)
		if err != nil {
			return false, err
		}
		if n > 0 {
			return false, tel.Refuse(tel.CodeConflict, "%s is in use (table %s has rows). Copy into a new database.", NameOf(c.to.name), t.name)
		}
	}
	_, err = c.to.conn.ExecContext(c.ctx, `INSERT INTO schema_step (version, name) VALUES ($1, $2)`, copyMark, mark)
	return false, err
}

func count(ctx context.Context, e *copyEnd, t copyTable) (n int64, err error) {
	return n, e.conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+t.name).Scan(&n)
}

// copyAtOnce is how many rows are read and committed together.
const copyAtOnce = 2000

// table copies one, from where an interrupted copy stopped.
func (c *copier) table(t copyTable, goesOn bool) error {
	after, err := c.begun(t, goesOn)
	if err != nil {
		return err
	}
	for {
		batch, err := c.read(t, after)
		if err != nil {
			return err
		}
		if err := c.write(t, batch); err != nil {
			return err
		}
		c.step(int64(len(batch)))
		if len(batch) < copyAtOnce || len(t.key) == 0 {
			break
		}
		after = t.keyOf(batch[len(batch)-1])
	}
	if renumber := c.to.store.dialect.renumber; renumber != nil && t.numbers {
		_, err = c.to.conn.ExecContext(c.ctx, renumber(t.name, t.key[0]))
	}
	return err
}

// begun is the last key that an interrupted copy has brought; nil for none. A table
// without a key is small, and begun anew.
func (c *copier) begun(t copyTable, goesOn bool) ([]any, error) {
	if !goesOn {
		return nil, nil
	}
	if len(t.key) == 0 {
		_, err := c.to.conn.ExecContext(c.ctx, `DELETE FROM `+t.name)
		return nil, err
	}
	rows, err := c.to.conn.QueryContext(c.ctx, `SELECT `+t.list()+` FROM `+t.name+` ORDER BY `+strings.Join(t.key, " DESC, ")+` DESC LIMIT 1`)
	if err != nil {
		return nil, err
	}
	last, err := collect(rows, t.scan)
	if err != nil || len(last) == 0 {
		return nil, err
	}
	n, err := count(c.ctx, c.to, t)
	c.out.Before += n
	c.step(n)
	return t.keyOf(last[0]), err
}

func (t copyTable) scan(row scanner) ([]any, error) {
	values := t.values()
	return values, row.Scan(values...)
}

func (t copyTable) keyOf(row []any) (key []any) {
	for _, name := range t.key {
		key = append(key, plainValue(row[slices.Index(t.columns, name)]))
	}
	return key
}

// plainValue is what a destination has, as an argument.
func plainValue(v any) any {
	switch v := v.(type) {
	case *sql.NullBool:
		return *v
	case *sql.NullInt64:
		return *v
	case *[]byte:
		return *v
	case *sql.NullString:
		return *v
	}
	return v
}

func (c *copier) read(t copyTable, after []any) ([][]any, error) {
	text := `SELECT ` + t.list() + ` FROM ` + t.name
	if after != nil {
		text += ` WHERE (` + strings.Join(t.key, ", ") + `) > ` + valuesList(1, len(t.key))
	}
	text += ` ORDER BY ` + t.order()
	if len(t.key) > 0 {
		text += fmt.Sprint(` LIMIT `, copyAtOnce)
	}
	rows, err := c.from.conn.QueryContext(c.ctx, text, after...)
	if err != nil {
		return nil, err
	}
	return collect(rows, t.scan)
}

func (c *copier) write(t copyTable, batch [][]any) error {
	tx, err := c.to.conn.BeginTx(c.ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert := `INSERT INTO ` + t.name + ` (` + t.list() + `) VALUES `
	for len(batch) > 0 {
		n := rowsAtOnce(len(batch))
		args := make([]any, 0, n*len(t.columns))
		for _, row := range batch[:n] {
			for _, v := range row {
				args = append(args, plainValue(v))
			}
		}
		if _, err := tx.ExecContext(c.ctx, insert+valuesList(n, len(t.columns)), args...); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return tx.Commit()
}

func (c *copier) step(n int64) {
	c.done += n
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
}

// compare looks at every row of a table at both ends.
func (c *copier) compare(t copyTable) error {
	is, n, err := c.sum(c.from, t)
	if err != nil {
		return err
	}
	got, m, err := c.sum(c.to, t)
	if err != nil {
		return err
	}
	c.step(n)
	if n != m || is != got {
		return tel.Refuse(tel.CodeConflict, "Table %s has %d rows in the source and %d in the copy, or other content. Make the target anew, and copy again with the source's servers stopped.", t.name, n, m)
	}
	return nil
}

// sum reads a table in its order into one hash.
func (c *copier) sum(e *copyEnd, t copyTable) (sum [sha256.Size]byte, n int64, err error) {
	all := sha256.New()
	rows, err := e.conn.QueryContext(c.ctx, `SELECT `+t.list()+` FROM `+t.name+` ORDER BY `+t.order())
	err = eachRow(rows, err, func(row scanner) error {
		values, err := t.scan(row)
		for _, v := range values {
			addTo(all, v)
		}
		n++
		return err
	})
	return [sha256.Size]byte(all.Sum(nil)), n, err
}

// addTo writes a value so that no two rows read alike.
func addTo(h hash.Hash, v any) {
	switch v := v.(type) {
	case *sql.NullBool:
		fmt.Fprint(h, v.Valid, v.Bool, ";")
	case *sql.NullInt64:
		fmt.Fprint(h, v.Valid, v.Int64, ";")
	case *[]byte:
		fmt.Fprint(h, *v == nil, len(*v), ";")
		h.Write(*v)
	case *sql.NullString:
		fmt.Fprint(h, v.Valid, len(v.String), ";", v.String)
	}
}
