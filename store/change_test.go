package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// A power cut loses nothing that was acknowledged only with these.
func TestPragmas(t *testing.T) {
	s := storetest.OpenFile(t)
	for name, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000", "query_only": "0"} {
		if got := must[string](t)(s.Pragma(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"query_only": "1", "journal_mode": "wal", "busy_timeout": "5000"} {
		if got := must[string](t)(s.ReaderPragma(name)); got != want {
			t.Errorf("readers: %s is %s, want %s", name, got, want)
		}
	}
}

// Of changes that share a transaction, one that fails after it wrote and one that
// panics undo nothing of the others'.
func TestNeighboursOfAFailedChange(t *testing.T) {
	s := storetest.Open(t)
	together(t, s, 60, func(i int) {
		switch {
		case i < 20:
			reserve(t, s, admin, raleigh(i))
		case i%2 == 0:
			if err := s.FailAfterWriting(acme); tel.CodeOf(err) != tel.CodeInternal {
				t.Error(err)
			}
		default:
			if err := s.Panic(); tel.CodeOf(err) != tel.CodeInternal {
				t.Error(err)
			}
		}
	})
	if a := must[*tel.Account](t)(s.Account(ctx, admin, acme)); a.Held != 20 || a.Name != "Acme Tel" {
		t.Errorf("%+v", a)
	}
	checked(t, s.Store)
}

func TestLockedByAnotherProcess(t *testing.T) {
	s := storetest.OpenFile(t)
	if err := s.HastyBusy("50"); err != nil {
		t.Fatal(err)
	}
	other := file(t, s.Path)
	run(t, other, `BEGIN IMMEDIATE`)
	e := code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(0)))), tel.CodeBusy)
	if strings.Contains(e.Message, "SQLITE") {
		t.Error(e)
	}
	start := time.Now()
	must[store.Listed](t)(s.List(ctx, admin, store.ListQuery{}))
	must[tel.Found](t)(s.Search(ctx, admin, tel.NewQuery()))
	if d := time.Since(start); d > 4*time.Second {
		t.Errorf("reads waited %v", d)
	}
	run(t, other, `ROLLBACK`)
	reserve(t, s, admin, raleigh(0))
	checked(t, s.Store)
}

// What comes beside or after the closing is refused and never hangs.
func TestClose(t *testing.T) {
	for range 2 {
		s := storetest.Open(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			parallel(30, func(i int) {
				for j := range 20 {
					_, err := s.Reserve(ctx, admin, ask(acme, raleigh(20*i+j)))
					if c := tel.CodeOf(err); c != "" && c != tel.CodeBusy {
						t.Error(err)
					}
				}
			})
		}()
		time.Sleep(3 * time.Millisecond)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("a change hangs after the closing")
		}
		code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(0)))), tel.CodeBusy)
		checked(t, again(t, s))
	}
}

func TestMigrateAgainAndNewer(t *testing.T) {
	s := storetest.Open(t)
	db := file(t, s.Path)
	n := count(t, db, `SELECT COUNT(*) FROM schema_step`)
	again(t, s)
	if count(t, db, `SELECT COUNT(*) FROM schema_step`) != n || n < 2 {
		t.Errorf("%d steps", n)
	}
	run(t, db, `INSERT INTO schema_step VALUES (9999, 'future')`)
	_, err := store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now})
	if e := code(t, err, tel.CodeInvalid); !strings.Contains(e.Message, "newer") {
		t.Error(e)
	}
	path := filepath.Join(t.TempDir(), "fresh.db")
	parallel(4, func(int) { // at once, on a file that is not there yet
		s, err := store.Open(ctx, store.Config{DB: path, Now: time.Now})
		if err != nil {
			t.Error(err)
			return
		}
		s.Close()
	})
}

func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	text, short := filepath.Join(dir, "text.db"), filepath.Join(dir, "short.db")
	os.WriteFile(text, []byte(strings.Repeat("this is no database ", 500)), 0o600)
	os.WriteFile(short, []byte("SQLite format 3\x00 and then nothing that makes sense"), 0o600)
	for db, words := range map[string]string{
		"": "which database", "postgres://localhost:1/x": "Cannot open the database postgres://localhost:1/x", "postgresql://x:y:z": "no address", "mysql://x": "neither the path",
		dir: "folder", text: "no database", short: "damaged", filepath.Join(dir, "no", "such", "folder.db"): "Cannot open",
	} {
		_, err := store.Open(ctx, store.Config{DB: db, Now: time.Now})
		if tel.CodeOf(err) == tel.CodeInternal || err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v (%s)", db, err, tel.CodeOf(err))
		}
	}
	for _, name := range []string{"with space.db", "per%cent?.db", "hash#é.db"} { // names that a DSN could misread
		s := storetest.Empty(t, store.Config{DB: filepath.Join(dir, name)})
		if _, err := os.Stat(s.Path); err != nil {
			t.Error(err)
		}
		if err := s.Backup(ctx, filepath.Join(dir, "copy of "+name)); err != nil {
			t.Error(err)
		}
	}
}

// A database that is refused is let go of: no connection stays, which would keep its log.
func TestRefusedDatabaseIsLetGo(t *testing.T) {
	for _, spoil := range []string{`UPDATE block SET members = x'00'`, `INSERT INTO schema_step VALUES (9999, 'future')`} {
		s := storetest.OpenFile(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		db := file(t, s.Path)
		run(t, db, spoil)
		db.Close()
		if _, err := store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now}); err == nil {
			t.Fatal("opened")
		}
		if left, _ := filepath.Glob(s.Path + "-*"); left != nil {
			t.Errorf("after %s: %q", spoil, left)
		}
	}
}

func TestBackupWhileWriting(t *testing.T) {
	s := storetest.OpenFile(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					r := reserve(t, s, admin, raleigh(500*w+i%500))
					if _, err := s.Cancel(ctx, admin, r.ID, ""); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	dir := t.TempDir()
	for i := range 3 {
		name := filepath.Join(dir, ref(i))
		if err := s.Backup(ctx, name); err != nil {
			t.Fatal(err)
		}
		copied, err := store.Open(ctx, store.Config{DB: name, Now: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		checked(t, copied)
		copied.Close()
		code(t, s.Backup(ctx, name), tel.CodeConflict)
		if found := must[[]string](t)(s.Check(ctx)); found != nil { // also while others write
			t.Error(found)
		}
	}
	close(stop)
	wg.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part*")); left != nil {
		t.Error(left)
	}
	code(t, s.Backup(ctx, s.Path), tel.CodeConflict)
	checked(t, s.Store)
}

// Following that took too long asks for fewer events, down to one, and for more again
// when it went well; who had no time left, or closes, asks for no fewer.
func TestFollowingTakesSmallerBites(t *testing.T) {
	s := storetest.Open(t)
	other := again(t, s)
	all := other.TooSlow(ctx, 0)
	for _, until := range []time.Time{time.Now(), time.Now().Add(time.Hour)} {
		late, stop := context.WithDeadline(ctx, until)
		stop()
		if n := other.TooSlow(late, 3); n != all {
			t.Errorf("%d of %d for %v", n, all, late.Err())
		}
	}
	if n := other.TooSlow(ctx, 1); n != all/2 {
		t.Errorf("%d after %d", n, all)
	}
	if n := other.TooSlow(ctx, 20); n != 1 {
		t.Errorf("%d at the least", n)
	}
	for i := range 5 {
		reserve(t, s, admin, raleigh(i))
	}
	eventually(t, "it follows", func() bool { return !free(t, other, raleigh(4)) && other.TooSlow(ctx, 0) > 4 })
}
