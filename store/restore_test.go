package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func restore(s *storetest.Store, db, file string, force bool) (store.Restored, error) {
	return store.Restore(ctx, store.Config{DB: db, Now: s.Clock.Now}, file, force)
}

// What takes the place is whole; what was there is kept beside, with its log in it.
func TestRestore(t *testing.T) {
	s := storetest.OpenFile(t)
	before := reserve(t, s, admin, raleigh(0))
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	if broken, err := store.CheckCopy(ctx, file); err != nil || broken != nil {
		t.Fatal(broken, err)
	}
	after := reserve(t, s, admin, raleigh(1))

	e := code(t, second(restore(s, s.Path, file, false)), tel.CodeConflict)
	if !strings.Contains(e.Message, "exists already") {
		t.Error(e)
	}
	e = code(t, second(restore(s, s.Path, file, true)), tel.CodeConflict)
	if !strings.Contains(e.Message, "is in use") {
		t.Error(e)
	}
	code(t, second(restore(s, s.Path, s.Path, true)), tel.CodeInvalid)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	done, err := restore(s, s.Path, file, true)
	if err != nil {
		t.Fatal(err)
	}
	if done.Kept == "" || !done.Until.Equal(s.Clock.Now()) || done.Steps != nil {
		t.Errorf("%+v", done)
	}
	left, err := filepath.Glob(s.Path + "*")
	if err != nil || len(left) != 2 {
		t.Errorf("%q %v", left, err)
	}
	for path, want := range map[string]bool{s.Path: false, done.Kept: true} {
		opened, err := store.Open(ctx, store.Config{DB: path, Now: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		checked(t, opened)
		if _, err := opened.Reservation(ctx, admin, before.ID); err != nil {
			t.Error(path, err)
		}
		if _, err := opened.Reservation(ctx, admin, after.ID); (err == nil) != want {
			t.Error(path, err)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What cannot be restored leaves everything as it was.
func TestRestoreRefusals(t *testing.T) {
	s := storetest.OpenFile(t)
	reserve(t, s, admin, raleigh(0))
	dir := t.TempDir()
	name := func(n string) string { return filepath.Join(dir, n) }
	copyOf := func(n string, spoil ...string) string {
		if err := s.Backup(ctx, name(n)); err != nil {
			t.Fatal(err)
		}
		db := storetest.Connect(t, name(n))
		for _, statement := range spoil {
			run(t, db, statement)
		}
		db.Close()
		return name(n)
	}
	garbage := name("garbage.db")
	os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 500)), 0o600)
	empty := name("empty.db")
	os.WriteFile(empty, nil, 0o600)
	torn := copyOf("torn.db")
	text, err := os.ReadFile(torn)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(torn, text[:len(text)/2], 0o600)

	target := name("target.db")
	for file, words := range map[string]string{
		name("none.db"): "There is no backup",
		garbage:         "cannot be restored",
		empty:           "no database of tnreserve",
		torn:            "cannot be restored",
		copyOf("broken.db", `UPDATE account SET held = 3`):                            "3 invariants broken",
		copyOf("newer.db", `INSERT INTO schema_step VALUES (9999, 'future')`):         "newer tnreserve",
		copyOf("foreign.db", `DROP TABLE schema_step`, `PRAGMA application_id = 777`): "no database of tnreserve",
	} {
		_, err := restore(s, target, file, false)
		if tel.CodeOf(err) != tel.CodeInvalid || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", file, err)
		}
		if left, _ := filepath.Glob(target + "*"); left != nil {
			t.Errorf("%s left %q", file, left)
		}
	}
	good := copyOf("good.db")
	os.WriteFile(target+"-wal", []byte("of a database that is gone"), 0o600)
	code(t, second(restore(s, target, good, false)), tel.CodeConflict)
	os.Remove(target + "-wal")
	if done, err := restore(s, target, good, false); err != nil || done.Kept != "" {
		t.Error(done, err)
	}
	os.WriteFile(target, []byte(strings.Repeat("this is damaged ", 500)), 0o600) // what a restore is for
	if done, err := restore(s, target, good, true); err != nil || done.Kept == "" {
		t.Error(done, err)
	}
	if e := code(t, second(restore(s, "postgres://x/y", good, false)), tel.CodeInvalid); !strings.Contains(e.Message, "pg_restore") {
		t.Error(e)
	}
}

// Sessions and links that were open when the backup was made are over.
func TestRestoreEndsSessions(t *testing.T) {
	s := storetest.OpenFile(t)
	link, err := s.NewSetupLink(ctx)
	if err != nil || link == "" {
		t.Fatal(link, err)
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target.db")
	if _, err := restore(s, target, file, false); err != nil {
		t.Fatal(err)
	}
	db := storetest.Connect(t, target)
	if n := count(t, db, `SELECT (SELECT COUNT(*) FROM link) + (SELECT COUNT(*) FROM session)`); n != 0 {
		t.Errorf("%d sessions and links are left", n)
	}
	if n := count(t, db, `SELECT COUNT(*) FROM event WHERE kind = 'database.restored'`); n != 1 {
		t.Errorf("%d events", n)
	}
}
