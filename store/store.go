package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tnreserve/store/shelf"
	"tnreserve/store/tel"
)

// Config says how to open a Store.
type Config struct {
	DB  string           // path of the SQLite file, or postgres://…
	Now func() time.Time // the clock; wall time that never steps (see cmd)
	Log *slog.Logger     // nil is silent
	// Batch is how many waiting changes one transaction takes at most; 0 is 256.
	// 1 gives each change its own, which the benchmark compares against.
	Batch int
	// NoShelf leaves the inventory out of memory, for commands that neither search
	// nor reserve.
	NoShelf bool
	Schema  Schema // what becomes of an older one; usually it is brought forward
	// IdleStaff and IdleOthers end a session that was not used for so long: the one
	// for operators and admins, the other for everybody else. AbsoluteSession ends
	// any. 0 is 30 minutes, 4 hours and 12 hours.
	IdleStaff, IdleOthers, AbsoluteSession time.Duration
	Watch                                  Watch // the zero Watch is told nothing
	// Progress, if set, is told how far Check, Backup and Restore are: with what, and of
	// how many.
	Progress func(what, unit string, done, total int64)
}

// Schema is what Open does with a database whose schema is older than the program's.
type Schema int

// The ways.
const (
	SchemaForward Schema = iota // brings it forward
	SchemaRefuse                // refuses it, for who only reads
	SchemaTake                  // takes it as it is, for Backup alone, which copies whatever it holds
)

func (c Config) progress(what, unit string, done, total int64) {
	if c.Progress != nil {
		c.Progress(what, unit, done, total)
	}
}

// Store is the service. It is safe for concurrent use; Close ends it.
type Store struct {
	cfg     Config
	dialect dialect
	log     *slog.Logger
	read    *reader
	write   *sql.DB
	shelf   *shelf.Shelf
	writer  *writer
	hub     *hub
	hashing chan struct{} // a place per password hash under way
	large   chan struct{} // the place of the one large change
	freed   chan struct{} // wakes who fills back-orders
	clients clientMemory
	books   books // of numbered lists

	outgoing chan struct{} // wakes who sends deliveries
	signing  atomic.Pointer[ed25519.PrivateKey]

	signedIn signedIn
	looks    looks

	highWater atomic.Int64 // µs; time never goes behind it
	applying  sync.Mutex
	applied   atomic.Int64 // the last event that the shelf has seen; written while applying
	followed  atomic.Value // time.Time: when it had seen all

	followEvery   time.Duration
	catchUpAtOnce int
	bite          int // of events asked for at once, at most catchUpAtOnce; guarded by applying

	counting sync.Mutex
	deeds    deeds // guarded by counting

	node string // names this process to the others

	waiting  atomic.Bool // some order may wait for TNs
	cameFree atomic.Bool // some TN may have come free since back-orders were filled

	steps   []string // migrations taken at Open
	logLeft bool     // to a replicator; of open, then of checkpoint
	stop    context.CancelFunc
	closed  sync.Once
	stopped sync.WaitGroup
}

// Open opens the database, brings its schema forward, loads the shelf and starts to
// take changes. A *tel.Error tells in plain words what is wrong with the database.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	d, err := dialectOf(cfg.DB)
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Store{cfg: cfg, dialect: d, log: cfg.Log, node: rand.Text(), deeds: newDeeds(), shelf: shelf.New(), hashing: make(chan struct{}, 4), large: make(chan struct{}, 1), freed: make(chan struct{}, 1), outgoing: make(chan struct{}, 1)}
	s.hub = newHub(s.Now)
	s.followEvery, s.catchUpAtOnce, s.bite = followEvery, catchUpAtOnce, catchUpAtOnce
	s.waiting.Store(true) // until somebody has looked
	s.cameFree.Store(true)
	if err := s.open(ctx); err != nil {
		s.closeDatabases()
		return nil, plainOpenError(cfg.DB, d, err)
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	for value, fallback := range map[*time.Duration]time.Duration{
		&c.IdleStaff: 30 * time.Minute, &c.IdleOthers: 4 * time.Hour, &c.AbsoluteSession: 12 * time.Hour,
	} {
		if *value == 0 {
			*value = fallback
		}
	}
	if c.Batch == 0 {
		c.Batch = 256
	}
	return c
}

func (s *Store) open(ctx context.Context) error {
	conn, err := s.connectPatiently(ctx)
	if err != nil {
		return err
	}
	if !s.cfg.NoShelf {
		if err := s.loadShelf(ctx); err != nil {
			return errors.Join(fmt.Errorf("loading the inventory: %w", err), conn.Close())
		}
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.writer = newWriter(s, conn)
	s.stopped.Go(s.writer.run)
	if !s.cfg.NoShelf {
		wake := make(chan struct{}, 1)
		s.stopped.Go(func() { s.follow(background, wake) })
		if s.dialect.listen != nil {
			s.stopped.Go(func() { s.listen(background, wake) })
		}
		s.stopped.Go(func() { s.fillWhenFreed(background) })
		if s.dialect.checkpoint != "" {
			s.stopped.Go(func() { s.checkpoint(background) })
		}
	}
	return nil
}

// connectPatiently tries again: while another process makes the same database, or is the
// last to close it, SQLite refuses some things at once and does not wait.
func (s *Store) connectPatiently(ctx context.Context) (*sql.Conn, error) {
	patience, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		conn, err := s.connect(ctx)
		if err == nil || s.dialect.busy == nil || !s.dialect.busy(err) {
			return conn, err
		}
		select {
		case <-patience.Done():
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
		_ = s.closeDatabases()
	}
}

// connect opens both pools, brings the schema forward, and answers the writer's
// connection.
func (s *Store) connect(ctx context.Context) (conn *sql.Conn, err error) {
	if s.write, err = s.dialect.open(s.cfg.DB, false); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(2) // the writer's own, and one that checkpoints
	if conn, err = s.write.Conn(ctx); err != nil {
		return nil, err
	}
	if err := s.makeReady(ctx, conn); err != nil {
		_ = conn.Close() // closing the pool leaves open what is in use
		return nil, err
	}
	return conn, nil
}

func (s *Store) makeReady(ctx context.Context, conn *sql.Conn) error {
	if err := quickCheck(ctx, conn, s.dialect); err != nil {
		return err
	}
	if err := s.leaveLog(ctx, conn, conn); err != nil {
		return err
	}
	if err := s.bringForward(ctx, conn); err != nil {
		return err
	}
	if err := refuseHalf(ctx, conn); err != nil {
		return err
	}
	readers, err := s.dialect.open(s.cfg.DB, true)
	if err != nil {
		return err
	}
	s.read = newReader(readers, s.dialect)
	s.read.SetMaxOpenConns(mostReaders)
	s.read.SetMaxIdleConns(mostReaders)
	return s.loadHighWater(ctx)
}

func (s *Store) bringForward(ctx context.Context, conn *sql.Conn) error {
	if s.cfg.Schema != SchemaForward {
		behind, err := schemaBehind(ctx, conn, s.dialect)
		if err == nil && behind && s.cfg.Schema == SchemaRefuse {
			err = tel.Invalid("db", "This database is of an older tnreserve. Make a backup, then \"tnreserve migrate\" brings it forward; nothing was changed.")
		}
		return err
	}
	if err := s.dialect.claim(ctx, conn); err != nil {
		return err
	}
	steps, err := migrate(ctx, conn, s.dialect)
	s.steps = append(s.steps, steps...)
	return err
}

// Steps are the names of the migrations that opening the database took.
func (s *Store) Steps() []string { return s.steps }

// Close lets the changes under way finish and closes the database.
func (s *Store) Close() (err error) {
	s.closed.Do(func() {
		s.stop()
		if lost := s.writeUsesNow(context.Background(), s.clients.takeUses(s.Now(), true)); lost != nil {
			s.log.Warn("requests of clients not counted", "error", lost)
		}
		s.writer.close()
		s.stopped.Wait()
		err = s.closeDatabases()
	})
	return err
}

func (s *Store) closeDatabases() error {
	var err error
	if s.read != nil {
		err = s.read.Close()
	}
	if s.write != nil {
		err = errors.Join(err, s.write.Close())
	}
	return err
}

// Now is the store's time: the clock's, in whole microseconds, never behind what
// the database has seen.
func (s *Store) Now() time.Time {
	return time.UnixMicro(max(s.cfg.Now().UnixMicro(), s.highWater.Load())).UTC()
}

// loadHighWater keeps a clock that was set back from freeing or lengthening holds.
func (s *Store) loadHighWater(ctx context.Context) error {
	var at sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT MAX(at) FROM event WHERE seq >= (SELECT COALESCE(MAX(seq), 0) - 1000 FROM event)`).Scan(&at); err != nil {
		return err
	}
	s.highWater.Store(at.Int64)
	if behind := time.Duration(at.Int64-s.cfg.Now().UnixMicro()) * time.Microsecond; behind > 2*time.Second {
		s.log.Warn("this machine's clock is behind the database's last event", "behind", behind.Round(time.Second).String())
	}
	return nil
}

// quickCheck refuses to serve from a damaged file.
func quickCheck(ctx context.Context, conn *sql.Conn, d dialect) error {
	if d.quick == "" {
		return nil
	}
	var verdict string
	if err := conn.QueryRowContext(ctx, d.quick).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return tel.Invalid("db", "The database file is damaged (%s). Restore a backup; nothing was changed.", verdict)
	}
	return nil
}

// plainOpenError says in a person's words why a database cannot be opened.
func plainOpenError(path string, d dialect, err error) error {
	path = NameOf(path)
	if _, ok := errors.AsType[*tel.Error](err); ok {
		return err
	}
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return tel.Invalid("db", "%s is a folder, not a database file.", path)
	}
	if d.damaged(err) {
		return tel.Invalid("db", "%s is no database, or a damaged one (%v). Restore a backup; nothing was changed.", path, err)
	}
	if e := d.refusal(err); e != nil {
		return tel.Refuse(e.Code, "Cannot open the database %s: %v", path, err)
	}
	return fmt.Errorf("cannot open the database %s: %w", path, err)
}
