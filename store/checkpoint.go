package store

import (
	"context"
	"time"
)

// checkpointEvery is how often what was committed moves from the database's log into
// its file.
const checkpointEvery = 250 * time.Millisecond

// checkpoint does so beside the writer, which would else do it inside a commit that
// everybody waits for: on two cores that took a quarter of the reservations. The
// writer still does it for a log of logPages, of which little is left to move then.
func (s *Store) checkpoint(ctx context.Context) {
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	moved := int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		last := s.highWater.Load()
		if last == moved {
			continue
		}
		if _, err := s.write.ExecContext(ctx, s.dialect.checkpoint); err != nil {
			if ctx.Err() == nil {
				s.log.Warn("moving the log into the database", "error", err)
			}
			continue
		}
		moved = last
	}
}
