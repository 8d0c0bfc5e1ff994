package store

import (
	"context"
	"database/sql"
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
		if err := s.moveLog(ctx); err != nil {
			if ctx.Err() == nil {
				s.log.Warn("moving the log into the database", "error", err)
			}
			continue
		}
		moved = last
	}
}

// moveLog does it once, unless another program copies the log.
func (s *Store) moveLog(ctx context.Context) error {
	if err := s.leaveLog(ctx, s.write, s.writer.conn); err != nil || s.logLeft {
		return err
	}
	_, err := s.write.ExecContext(ctx, s.dialect.checkpoint)
	return err
}

// leaveLog leaves moving the log to a replicator, where there is one: what somebody else
// moves it may never have copied, and its copy was found damaged. Should it be gone, the
// writer keeps the log from growing without end. Whether there is one is asked on a
// connection that is not the writer's once that writes: a question that is cut short cuts
// what else runs on its connection.
func (s *Store) leaveLog(ctx context.Context, ask rowQuerier, writer *sql.Conn) error {
	if s.dialect.replicated == "" {
		return nil
	}
	was := s.logLeft
	if err := ask.QueryRowContext(ctx, s.dialect.replicated).Scan(&s.logLeft); err != nil || s.logLeft == was {
		return err
	}
	if !s.logLeft {
		s.log.Info("the database is not replicated any more")
		return nil
	}
	s.log.Info("the database is replicated: moving its log is left to the replicator")
	_, err := writer.ExecContext(context.WithoutCancel(ctx), s.dialect.leaveLog)
	return err
}

// rowQuerier is a connection, or a pool of them.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
