package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	if broken, err := store.CheckCopy(ctx, store.Config{Now: s.Clock.Now}, file); err != nil || broken != nil {
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

// Sessions, links and invitations that were open when the backup was made are over.
func TestRestoreEndsSessions(t *testing.T) {
	s := storetest.OpenFile(t)
	must[string](t)(s.NewSetupLink(ctx))
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: from}))
	invite(t, s, operator, "new@acme.example", tel.RoleMember, acme)
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target.db")
	if done := must[store.Restored](t)(restore(s, target, file, false)); done.Sessions != 1 {
		t.Errorf("%d sessions were ended", done.Sessions)
	}
	db := storetest.Connect(t, target)
	if n := count(t, db, `SELECT (SELECT COUNT(*) FROM link) + (SELECT COUNT(*) FROM session) + (SELECT COUNT(*) FROM invitation)`); n != 0 {
		t.Errorf("%d sessions, links and invitations are left", n)
	}
	if n := count(t, db, `SELECT COUNT(*) FROM event WHERE kind = 'database.restored'`); n != 1 {
		t.Errorf("%d events", n)
	}
}

// Of two who restore at once neither spoils the other's copy.
func TestRestoreTwiceAtOnce(t *testing.T) {
	s := storetest.OpenFile(t)
	r := reserve(t, s, admin, raleigh(0))
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target.db")
	var done atomic.Int32
	parallel(4, func(int) {
		switch _, err := restore(s, target, file, false); tel.CodeOf(err) {
		case "":
			done.Add(1)
		case tel.CodeConflict:
		default:
			t.Error(err)
		}
	})
	if done.Load() == 0 {
		t.Error("nobody restored anything")
	}
	if left, _ := filepath.Glob(target + ".restoring*"); left != nil {
		t.Errorf("left %q", left)
	}
	opened := must[*store.Store](t)(store.Open(ctx, store.Config{DB: target, Now: s.Clock.Now}))
	defer opened.Close()
	must[*tel.Reservation](t)(opened.Reservation(ctx, admin, r.ID))
	checked(t, opened)
}

// A copy of which a part is still in its log does not take the place: here somebody else
// has it open.
func TestRestoreNotClosedWhole(t *testing.T) {
	s := storetest.OpenFile(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target.db")
	var once sync.Once
	now := func() time.Time {
		if logs, _ := filepath.Glob(target + ".restoring*-wal"); logs != nil {
			once.Do(func() {
				run(t, storetest.Connect(t, strings.TrimSuffix(logs[0], "-wal")), `BEGIN`, `CREATE TEMP TABLE seen AS SELECT COUNT(*) FROM event`)
			})
		}
		return s.Clock.Now()
	}
	_, err := store.Restore(ctx, store.Config{DB: target, Now: now}, file, false)
	if e := code(t, err, tel.CodeConflict); !strings.Contains(e.Message, "not closed whole") {
		t.Error(e)
	}
	if left, _ := filepath.Glob(target); left != nil {
		t.Errorf("left %q", left)
	}
}

// A backup that is none does not touch the database that it would replace.
func TestRestoreLooksAtTheBackupFirst(t *testing.T) {
	s := storetest.OpenFile(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := must[[]byte](t)(os.ReadFile(s.Path))
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 500)), 0o600)
	code(t, second(restore(s, s.Path, garbage, true)), tel.CodeInvalid)
	if after := must[[]byte](t)(os.ReadFile(s.Path)); !bytes.Equal(before, after) {
		t.Error("the database was changed")
	}
	below := filepath.Join(garbage, "copy.db") // a file is no folder
	if e := code(t, second(restore(s, s.Path, below, true)), tel.CodeInvalid); strings.Contains(e.Message, "There is no backup") {
		t.Error(e)
	}
}

// Of two backups that are given one name at once, one has it and the other is refused.
func TestBackupsOfOneName(t *testing.T) {
	s := storetest.OpenFile(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	var made atomic.Int32
	parallel(4, func(int) {
		err := s.Backup(ctx, file)
		if err == nil {
			made.Add(1)
		} else {
			code(t, err, tel.CodeConflict)
		}
	})
	if made.Load() != 1 {
		t.Errorf("%d have the name", made.Load())
	}
	if broken, err := store.CheckCopy(ctx, store.Config{Now: s.Clock.Now}, file); err != nil || broken != nil {
		t.Error(broken, err)
	}
	if left, _ := filepath.Glob(file + "?*"); left != nil {
		t.Error(left)
	}
}
