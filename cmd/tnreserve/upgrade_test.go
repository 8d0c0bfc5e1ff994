package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tnreserve/migrations"
)

// olderDB is a database as the first tnreserve made it.
func olderDB(t *testing.T) (db string, version func() int) {
	t.Helper()
	db = filepath.Join(t.TempDir(), "older.db")
	spoil(t, db, `CREATE TABLE schema_step (version INTEGER PRIMARY KEY, name TEXT NOT NULL)`)
	text, err := migrations.Files.ReadFile("0001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	spoil(t, db, strings.ReplaceAll(string(text), "BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"))
	spoil(t, db, `INSERT INTO schema_step VALUES (1, '0001_start.sql')`)
	return db, func() (n int) {
		d, err := sql.Open("sqlite", db)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.QueryRow(`SELECT MAX(version) FROM schema_step`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// What only reads brings no schema forward: the backup before an upgrade may be made
// with either program.
func TestOlderDatabase(t *testing.T) {
	db, version := olderDB(t)
	csv := writeFile(t, "npa,nxx\n919,247\n")
	for _, args := range [][]string{{"check"}, {"import", csv, "--dry-run"}} {
		if r := call(t, "", nil, append(args, "--db", db)...); r.code != 1 || !strings.Contains(r.err, "older tnreserve") {
			t.Errorf("%q: %+v", args, r)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if r := must(t, "backup", "--db", db, copied); !strings.Contains(r.out, "every invariant checked") {
		t.Error(r.out)
	}
	if left, _ := filepath.Glob(copied + "*"); len(left) != 1 {
		t.Errorf("%q", left)
	}
	if n := version(); n != 1 {
		t.Errorf("brought forward to %d", n)
	}
	must(t, "migrate", "--db", db)
	must(t, "check", "--db", db)
	if version() == 1 {
		t.Error("not brought forward")
	}
	must(t, "restore", "--db", db, "--force", copied)
}

// A dry run makes no database of an empty file.
func TestDryRunOnEmptyFile(t *testing.T) {
	db := writeFile(t, "")
	must(t, "import", "--db", db, writeFile(t, "npa,nxx\n919,247\n"), "--dry-run")
	if info, err := os.Stat(db); err != nil || info.Size() != 0 {
		t.Error(info, err)
	}
}
