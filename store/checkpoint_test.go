package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"tnreserve/store/tel"
)

// Where Litestream copies the log it alone moves it: what it wrote into the database
// says so, at once and at the next opening.
func TestLogIsLeftToReplicator(t *testing.T) {
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "tnreserve.db")
	open := func(file string) *Store {
		s, err := Open(ctx, Config{DB: file, Now: time.Now, NoShelf: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := open(file)
	create := func(id tel.AccountID) {
		account := tel.Account{ID: id, Name: "One", Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
		if err := s.CreateAccount(ctx, tel.System("test"), account); err != nil {
			t.Fatal(err)
		}
		if err := s.moveLog(ctx); err != nil {
			t.Fatal(err)
		}
	}
	create(1)
	if n := movedAccounts(t, file); n != 1 {
		t.Fatalf("%d accounts were moved out of the log, not 1", n)
	}
	if _, err := s.write.Exec(`CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)`); err != nil {
		t.Fatal(err)
	}
	create(2)
	if n := movedAccounts(t, file); n != 1 {
		t.Errorf("%d accounts were moved out of the log beside the replicator", n)
	}
	if got, err := s.Pragma("wal_autocheckpoint"); err != nil || got != "250000" {
		t.Error(got, err)
	}
	if got, err := open(file).Pragma("wal_autocheckpoint"); err != nil || got != "250000" {
		t.Error(got, err)
	}
	copied, restored := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "restored.db")
	if err := s.Backup(ctx, copied); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(ctx, Config{DB: restored, Now: time.Now}, copied, false); err != nil {
		t.Fatal(err)
	}
	if got, err := open(restored).Pragma("wal_autocheckpoint"); err != nil || got != "16000" {
		t.Errorf("a restored database is replicated: %s %v", got, err)
	}
}

// movedAccounts counts what is in the file itself, without its log.
func movedAccounts(t *testing.T, file string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+escaped(file)+"?mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT COUNT(*) FROM account`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
