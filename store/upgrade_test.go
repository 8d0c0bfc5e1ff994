package store_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tnreserve/migrations"
	"tnreserve/store"
)

// olderDB is a database as the first so many steps make it.
func olderDB(t *testing.T, steps int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "older.db")
	db := file(t, path)
	defer db.Close()
	run(t, db, `PRAGMA synchronous = OFF`, `CREATE TABLE schema_step (version BIGINT PRIMARY KEY, name TEXT NOT NULL)`)
	for _, name := range must[[]string](t)(fs.Glob(migrations.Files, "*.sql")) {
		if must[int](t)(strconv.Atoi(name[:4])) > steps || strings.HasSuffix(name, ".postgres.sql") {
			continue
		}
		text := must[[]byte](t)(migrations.Files.ReadFile(name))
		run(t, db, strings.ReplaceAll(string(text), "BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"),
			`INSERT INTO schema_step VALUES (`+name[:4]+`, '`+name+`')`)
	}
	return path
}

// fill gives an older database what one of today holds, as far as it had room for it.
func fill(t *testing.T, path, today string) {
	t.Helper()
	db := file(t, path)
	defer db.Close()
	run(t, db, `PRAGMA synchronous = OFF`, `ATTACH '`+today+`' AS today`)
	rows := must[*sql.Rows](t)(db.Query(`SELECT s.name, group_concat(c.name) FROM main.sqlite_schema s JOIN pragma_table_info(s.name, 'main') c
		WHERE s.name <> 'schema_step' AND s.name IN (SELECT name FROM today.sqlite_schema WHERE type = 'table') GROUP BY 1`))
	var statements []string
	for rows.Next() {
		var table, columns string
		if err := rows.Scan(&table, &columns); err != nil {
			t.Fatal(err)
		}
		statements = append(statements, `DELETE FROM main.`+table, `INSERT INTO main.`+table+` (`+columns+`) SELECT `+columns+` FROM today.`+table)
	}
	rows.Close()
	run(t, db, statements...)
}

// Whatever step since the webhooks a database had come to, what it held is whole when it
// was brought forward: what is in service and aging, the counters, the history and its end.
func TestUpgrade(t *testing.T) {
	made := history(t)
	for steps := 6; ; steps++ {
		path := olderDB(t, steps)
		fill(t, path, made.Path)
		s := must[*store.Store](t)(store.Open(ctx, store.Config{DB: path, Now: made.Clock.Now}))
		if len(s.Steps()) == 0 {
			s.Close()
			break
		}
		checked(t, s)
		s.Close()
	}
}

// The copy of an older database is checked whatever it is called; where there is no place
// for that, it is not said that nothing was done.
func TestCheckOlderCopy(t *testing.T) {
	path := olderDB(t, 6)
	t.Chdir(filepath.Dir(path))
	cfg := store.Config{Now: time.Now}
	const copied = "file:copy.db"
	if err := os.Rename(path, copied); err != nil {
		t.Fatal(err)
	}
	if broken, err := store.CheckCopy(ctx, cfg, copied); err != nil || broken != nil {
		t.Error(broken, err)
	}
	long := strings.Repeat("x", 240) // with more behind it, too long for a name
	if err := os.Rename(copied, long); err != nil {
		t.Fatal(err)
	}
	_, err := store.CheckCopy(ctx, cfg, long)
	if err == nil || !strings.HasPrefix(err.Error(), "checking the copy: ") || strings.Contains(err.Error(), "othing was changed") {
		t.Error(err)
	}
}
