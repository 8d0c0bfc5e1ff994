package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"tnreserve/store/tel"
)

// Restored tells of a copy that was put in place.
type Restored struct {
	Until    time.Time // of its last event; what came later is not in it
	Steps    []string  // the migrations that it needed
	Sessions int64     // that were in it and were ended
	Kept     string    // the new name of the database that was there before; "" for none
}

// Restore puts a copy in the place of the database cfg.DB, which nothing may have open.
// The copy is brought forward and checked before. What stands in the place is refused
// with CodeConflict, or with force kept beside under a name of the time.
func Restore(ctx context.Context, cfg Config, file string, force bool) (out Restored, err error) {
	d, err := dialectOf(cfg.DB)
	if err != nil {
		return out, err
	}
	if d.backup != "" {
		return out, tel.Invalid("db", "%s", d.backup)
	}
	r := restorer{ctx: ctx, cfg: cfg.withDefaults(), force: force, out: &out}
	if r.file, err = filepath.Abs(file); err != nil { // SQLite reads "file:…" as an address
		return out, err
	}
	if r.target, err = filepath.Abs(cfg.DB); err != nil {
		return out, err
	}
	r.part = r.target + ".restoring-" + rand.Text()[:8] // nobody else's who restores now
	defer r.removePart()
	for _, step := range []func() error{r.mayReplace, r.look, r.notInUse, r.copy, r.verify, r.replace} {
		if err := step(); err != nil {
			return out, err
		}
	}
	return out, nil
}

type restorer struct {
	ctx                context.Context
	cfg                Config
	force              bool
	file, target, part string
	out                *Restored
}

// The files beside a database that belong to it: what they hold is a part of it, and
// would ruin another.
var logs = []string{"-wal", "-journal", "-shm"}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func (r *restorer) mayReplace() error {
	from, err := os.Stat(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return tel.Invalid("file", "There is no backup %s.", r.file)
	}
	if err != nil {
		return r.badCopy(err)
	}
	to, err := os.Stat(r.target)
	if err == nil && os.SameFile(from, to) {
		return tel.Invalid("file", "%s is the database itself, not a backup of it.", r.file)
	}
	if err == nil && to.IsDir() {
		return tel.Invalid("db", "%s is a folder, not a database file.", r.target)
	}
	return r.mayTakeName()
}

func (r *restorer) mayTakeName() error {
	for _, end := range append([]string{""}, logs...) {
		if !r.force && exists(r.target+end) {
			return tel.Refuse(tel.CodeConflict, "%s exists already; --force keeps it beside, under a name of this time.", r.target+end)
		}
	}
	return nil
}

// notInUse is asked before the copying, which takes a while, and again after it.
func (r *restorer) notInUse() error {
	release, err := r.alone()
	release()
	return err
}

// alone keeps everybody else out of the database that is to be replaced, and brings
// what its log holds into it, until it is released.
func (r *restorer) alone() (release func(), err error) {
	if !exists(r.target) {
		return func() {}, nil
	}
	db, err := sql.Open("sqlite", "file:"+escaped(r.target)+"?_pragma=busy_timeout(0)")
	if err != nil {
		return func() {}, err
	}
	db.SetMaxOpenConns(1)
	release = func() { _ = db.Close() }
	for _, step := range []string{`PRAGMA journal_mode = DELETE`, `PRAGMA locking_mode = EXCLUSIVE`, `BEGIN EXCLUSIVE`} {
		if _, err = db.ExecContext(r.ctx, step); err != nil {
			break
		}
	}
	if err == nil {
		return release, nil
	}
	release()
	if refusal := sqliteDialect.refusal(err); refusal == nil && sqliteDialect.damaged(err) && !lockedByOthers(r.target) {
		return func() {}, nil // a damaged one is what a restore is for
	}
	return func() {}, tel.Refuse(tel.CodeConflict, "%s is in use (%v). Stop the server and whatever else has it open first.", r.target, err)
}

// look sees whether the backup is one, before anything else is touched.
func (r *restorer) look() error {
	db, err := openCopy(r.file)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := wholeCopy(r.ctx, db); err != nil {
		return r.badCopy(err)
	}
	var steps int
	if err := db.QueryRowContext(r.ctx, `SELECT COUNT(*) FROM sqlite_schema WHERE name = 'schema_step'`).Scan(&steps); err != nil {
		return r.badCopy(err)
	}
	if steps == 0 {
		return tel.Invalid("file", "%s is no database of tnreserve's. Nothing was changed.", r.file)
	}
	return nil
}

// copy reads the backup through the database, which leaves none of its log out.
func (r *restorer) copy() error {
	db, err := openCopy(r.file)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := r.cfg.vacuumInto(r.ctx, db, r.part); err != nil {
		return r.badCopy(err)
	}
	return nil
}

func (r *restorer) badCopy(err error) error {
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if r.target == "" {
		return err // it is only checked
	}
	return tel.Invalid("file", "%s cannot be restored: %v. Nothing was changed.", r.file, err)
}

// verify holds every invariant against the copy.
func (r *restorer) verify() error { return r.opened(r.verifyOpen) }

// opened opens the copy as a server would, which brings its schema forward.
func (r *restorer) opened(fn func(*Store) error) error {
	if !exists(r.part) { // opening would make one
		return r.badCopy(fmt.Errorf("%s was removed meanwhile", r.part))
	}
	cfg := r.cfg
	cfg.DB, cfg.NoShelf, cfg.Schema = r.part, true, SchemaForward
	s, err := Open(r.ctx, cfg)
	if err != nil {
		return r.badCopy(err)
	}
	err = fn(s)
	if closing := s.Close(); err == nil {
		err = closing
	}
	return err
}

func (r *restorer) verifyOpen(s *Store) error {
	broken, err := s.Check(r.ctx)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return tel.Invalid("file", "%s cannot be restored, for %s broken in it: %s. Nothing was changed.", r.file, tel.Plural(len(broken), "invariant"), broken[0])
	}
	r.out.Steps = s.Steps()
	var last micros
	if err := s.read.QueryRowContext(r.ctx, `SELECT COALESCE(MAX(at), 0) FROM event`).Scan(&last); err != nil {
		return err
	}
	r.out.Until = time.Time(last)
	r.out.Sessions, err = s.endWhatWasOpen(r.ctx)
	return err
}

// endWhatWasOpen ends the sessions, links and invitations of a copy: some of them were
// ended, used or taken back after it was made.
func (s *Store) endWhatWasOpen(ctx context.Context) (sessions int64, err error) {
	err = s.change(ctx, tel.System("restore"), func(t *tx) error {
		ended, err := t.exec(`DELETE FROM session`)
		if err != nil {
			return err
		}
		sessions = ended
		for _, end := range []string{`DELETE FROM link`, `DELETE FROM invitation`} {
			if _, err := t.exec(end); err != nil {
				return err
			}
		}
		if err := t.forgetReplicator(); err != nil {
			return err
		}
		t.event(tel.EventRestored, 0, 0, tel.Facts{Before: sessions})
		return nil
	})
	return sessions, err
}

// forgetReplicator takes away what a replicator wrote into the database that was copied.
// If there still is one, it writes it again.
func (t *tx) forgetReplicator() error {
	for _, table := range []string{"_litestream_seq", "_litestream_lock"} {
		if _, err := t.exec(`DROP TABLE IF EXISTS ` + table); err != nil {
			return err
		}
	}
	return nil
}

// replace gives the copy its name in one step. Whoever looks at the name at any moment
// finds the one database or the other, whole.
func (r *restorer) replace() error {
	release, err := r.alone()
	defer func() { release() }()
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which does not rename what is open
		release()
	}
	for _, end := range logs { // its close tells nobody that it could not bring them in
		if exists(r.part + end) {
			return tel.Refuse(tel.CodeConflict, "%s was not closed whole: %s is left. Nothing was changed.", r.part, r.part+end)
		}
	}
	if err := r.mayTakeName(); err != nil {
		return err
	}
	if err := syncFile(r.part); err != nil {
		return err
	}
	if err := giveToOwner(r.part, r.target); err != nil { // root of a container may not, or of another machine's folder
		r.cfg.Log.Warn("the restored database belongs to whoever restored it; see that the server may open it", "error", err)
	}
	if err := r.putAside(); err != nil {
		return err
	}
	if err := os.Rename(r.part, r.target); err != nil {
		return err
	}
	return syncFolder(r.target)
}

// putAside gives what is in the place a second name, and its log the one that goes with
// it.
func (r *restorer) putAside() error {
	name := r.target + ".before-" + r.cfg.Now().UTC().Format("20060102T150405Z")
	if exists(name) {
		return tel.Refuse(tel.CodeConflict, "%s exists already; try again in a second.", name)
	}
	if exists(r.target) {
		if err := os.Link(r.target, name); err != nil { // not every file system has links
			if err := os.Rename(r.target, name); err != nil {
				return err
			}
		}
		r.out.Kept = name
	}
	for _, end := range logs {
		if err := os.Rename(r.target+end, name+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("putting %s aside: %w", r.target+end, err)
		}
	}
	return nil
}

func (r *restorer) removePart() {
	for _, end := range append([]string{""}, logs...) {
		_ = os.Remove(r.part + end)
	}
}
