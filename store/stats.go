package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"time"

	"tnreserve/store/tel"
)

// Stats are figures of this moment, for meters.
type Stats struct {
	// What this process did since it began.
	Events   map[tel.EventKind]int64
	Refused  map[tel.Code]int64 // reservations that were not made
	Attempts map[AttemptOutcome]int64

	Waiting int // changes that wait for the next transaction

	Blocks   int
	TNs      int64 // on the shelf
	FreeTNs  int64
	Behind   time.Duration // how long ago the shelf was last known to show all events
	Readers  sql.DBStats
	Writers  sql.DBStats
	Database *DatabaseStats // nil when the database did not answer
}

// DatabaseStats are figures that the database was asked for.
type DatabaseStats struct {
	Lag       int64 // events that the shelf does not show yet
	HeldTNs   int64 // of reservations that have not ended or been found to
	Waiting   int64 // back-orders
	Outbox    int64 // deliveries that are not done
	OldestDue time.Duration
	Bytes     int64 // of the database
	LogBytes  int64 // of SQLite's write-ahead log
}

// Stats reads the figures. Without the database's answer there are still the others,
// beside the error.
func (s *Store) Stats(ctx context.Context, actor tel.Actor) (*Stats, error) {
	if err := actor.Require(tel.ActWatch, 0); err != nil {
		return nil, err
	}
	s.counting.Lock()
	did := s.deeds.clone()
	s.counting.Unlock()
	out := &Stats{
		Events: did.events, Refused: did.refused, Attempts: did.attempts,
		Waiting: s.Waiting(), Behind: s.behind(), Readers: s.read.Stats(), Writers: s.write.Stats(),
	}
	out.Blocks, out.TNs, out.FreeTNs = s.shelf.SizeAt(s.Now())
	db, err := s.databaseStats(ctx)
	if err == nil {
		out.Database = db
	}
	return out, err
}

func (s *Store) databaseStats(ctx context.Context) (*DatabaseStats, error) {
	var d DatabaseStats
	var last int64
	var due micros
	now := s.Now()
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT COALESCE(MAX(seq), 0) FROM event), (SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM account), (SELECT COUNT(*) FROM orders WHERE state = 'BACKORDERED'),
		(SELECT COUNT(*) FROM delivery WHERE done_at IS NULL),
		(SELECT MIN(d.next_at) FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id WHERE d.next_at <= $1 AND e.paused_at IS NULL AND e.deleted_at IS NULL)`, micros(now)).
		Scan(&last, &d.HeldTNs, &d.Waiting, &d.Outbox, &due)
	if err != nil {
		return nil, err
	}
	d.Lag = max(0, last-s.applied.Load())
	if at := time.Time(due); !at.IsZero() {
		d.OldestDue = now.Sub(at)
	}
	d.Bytes, d.LogBytes, err = s.dialect.size(ctx, s)
	return &d, err
}

// sizeSQLite looks at the files without opening them: closing one would drop SQLite's
// locks.
func sizeSQLite(_ context.Context, s *Store) (database, log int64, err error) {
	info, err := os.Stat(s.cfg.DB)
	if err != nil {
		return 0, 0, err
	}
	wal, err := os.Stat(s.cfg.DB + "-wal")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return info.Size(), 0, nil
	case err != nil:
		return 0, 0, err
	}
	return info.Size(), wal.Size(), nil
}

func sizePostgres(ctx context.Context, s *Store) (database, log int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&database)
	return database, 0, err
}

// followsWithin is how far behind the events a shelf may be that is searched. Bringing
// in a large import takes a moment.
const followsWithin = 10 * time.Second

// Ready tells in words that may be shown why requests had better go elsewhere; nil is
// that they may come here.
func (s *Store) Ready(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return tel.Refuse(tel.CodeBusy, "The database does not answer.")
	}
	switch {
	case s.cfg.NoShelf:
		return tel.Refuse(tel.CodeBusy, "The inventory is not loaded.")
	case s.behind() > followsWithin:
		return tel.Refuse(tel.CodeBusy, "The inventory is %s behind what happened.", s.behind().Round(time.Second))
	}
	return nil
}

// behind is how long ago the shelf was last known to show everything, by stopwatch.
func (s *Store) behind() time.Duration {
	at, ok := s.followed.Load().(time.Time)
	if !ok {
		return 0 // nothing is followed
	}
	return time.Since(at)
}
