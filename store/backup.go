package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"tnreserve/store/tel"
)

// Backup writes a consistent copy of the database, of whatever schema, to a new file
// while the service goes on, and opens it to see that it is whole. The file appears under its name only
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
	part := file + ".part-" + rand.Text()[:8] // nobody else's who makes the same copy now
	// VACUUM INTO reads at one moment and writes elsewhere: nobody waits for it. The
	// readers' connections may not write, so it gets one of its own.
	db, err := s.dialect.open(s.cfg.DB, false)
	if err != nil {
		return err
	}
	defer db.Close()
	defer os.Remove(part)
	if err := s.cfg.vacuumInto(ctx, db, part); err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	if err := checkPages(ctx, part); err != nil {
		return err
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := takeName(part, file); err != nil {
		return err
	}
	return syncFolder(file)
}

// takeName gives a file a name that nothing has; of two who take it at once one gets it.
// Where there are no links the name is an empty file's for a moment.
func takeName(part, file string) error {
	err := os.Link(part, file)
	if err != nil && !errors.Is(err, fs.ErrExist) { // not every file system has links
		err = claimName(part, file)
	}
	if errors.Is(err, fs.ErrExist) {
		return tel.Refuse(tel.CodeConflict, "%s exists already; choose another name.", file)
	}
	return err
}

func claimName(part, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(f.Close(), os.Rename(part, file)); err != nil {
		_ = os.Remove(file)
	}
	return err
}

// vacuumInto writes all that a database holds into a new file. How far it is can be seen
// by the file's size alone, which is about the database's in the end.
func (c Config) vacuumInto(ctx context.Context, db *sql.DB, file string) error {
	var total int64
	if err := db.QueryRowContext(ctx, `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`).Scan(&total); err != nil {
		return err
	}
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		look := time.NewTicker(200 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-done:
				return
			case <-look.C:
				if info, err := os.Stat(file); err == nil {
					c.progress("copying", "bytes", min(info.Size(), total), total)
				}
			}
		}
	})
	_, err := db.ExecContext(ctx, `VACUUM INTO $1`, file)
	close(done)
	watching.Wait()
	return err
}

// CheckCopy holds every invariant against a backup, as Check does against a database,
// and leaves it as it is; one of an older schema is brought forward in a copy of its own
// for that. It answers what is broken.
func CheckCopy(ctx context.Context, cfg Config, file string) (broken []string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("checking the copy: %w", err)
		}
	}()
	file, err = filepath.Abs(file) // SQLite reads "file:…" as an address
	if err != nil {
		return nil, err
	}
	db, err := openCopy(file)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	behind, err := schemaBehind(ctx, db, sqliteDialect)
	if err != nil {
		return nil, err
	}
	if !behind {
		s := &Store{cfg: Config{NoShelf: true, Progress: cfg.Progress}, dialect: sqliteDialect, read: newReader(db, sqliteDialect)}
		return s.Check(ctx)
	}
	r := restorer{ctx: ctx, cfg: cfg, file: file, part: file + ".checking-" + rand.Text()[:8]}
	defer r.removePart()
	if err := r.copy(); err != nil {
		return nil, err
	}
	err = r.opened(func(s *Store) error {
		broken, err = s.Check(ctx)
		return err
	})
	return broken, err
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
