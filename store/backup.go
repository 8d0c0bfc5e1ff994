package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"tnreserve/store/tel"
)

// Backup writes a consistent copy of the database to a new file while the service
// goes on, and opens it to see that it is whole. The file appears under its name only
// when it is complete. CodeConflict when the file exists.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.dialect.backup != "" {
		return tel.Invalid("db", "%s", s.dialect.backup)
	}
	file, err := filepath.Abs(file) // SQLite reads "file:…" as an address
	if err != nil {
		return err
	}
	// A log that an older database of this name left behind would be read into the copy
	// and ruin it.
	for _, name := range []string{file, file + "-wal", file + "-shm", file + "-journal"} {
		if _, err := os.Lstat(name); err == nil {
			return tel.Refuse(tel.CodeConflict, "%s exists already; choose another name.", name)
		}
	}
	part := file + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// VACUUM INTO reads at one moment and writes elsewhere: nobody waits for it. The
	// readers' connections may not write, so it gets one of its own.
	db, err := s.dialect.open(s.cfg.DB, false)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, part); err != nil {
		return errors.Join(fmt.Errorf("copying the database: %w", err), os.Remove(part))
	}
	if err := checkPages(ctx, part); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, file); err != nil {
		return err
	}
	return syncFolder(file)
}

// CheckCopy holds every invariant against a backup, as Check does against a database,
// and leaves it as it is. It answers what is broken.
func CheckCopy(ctx context.Context, file string) ([]string, error) {
	db, err := openCopy(file)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	s := &Store{cfg: Config{NoShelf: true}, dialect: sqliteDialect, read: newReader(db, sqliteDialect)}
	return s.Check(ctx)
}

// openCopy opens a file to read it and no more. Without a log beside it nobody writes
// it, and it can be read in a folder that cannot be written.
func openCopy(file string) (*sql.DB, error) {
	settings := "?mode=ro"
	if !exists(file+"-wal") && !exists(file+"-journal") {
		settings += "&immutable=1"
	}
	return sql.Open("sqlite", "file:"+escaped(file)+settings)
}

func escaped(file string) string { return (&url.URL{Path: file}).EscapedPath() }

func checkPages(ctx context.Context, file string) error {
	db, err := openCopy(file)
	if err != nil {
		return err
	}
	defer db.Close()
	return wholeCopy(ctx, db)
}

func wholeCopy(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("the copy is damaged: %s", verdict)
	}
	return nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncFolder makes a file's name in its folder durable. Windows has no such thing.
func syncFolder(file string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
