package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// silentConn is a connection whose closing waits for an answer that does not come.
type silentConn struct {
	driver.Conn
	answer <-chan struct{} // nil when it is not silent
	closed *atomic.Int32
}

func (c silentConn) Close() error {
	if c.answer != nil {
		<-c.answer
		c.closed.Add(1)
	}
	return nil
}

// silentServer makes silentConns; of its driver nothing is asked.
type silentServer struct {
	answer <-chan struct{}
	closed atomic.Int32 // of the silent ones
}

func (s *silentServer) Connect(context.Context) (driver.Conn, error) {
	return silentConn{answer: s.answer, closed: &s.closed}, nil
}

func (s *silentServer) Driver() driver.Driver { return nil }

// While idle connections that are silent are being closed, closing them is asked for
// again and new ones come and go: each of the silent ones is closed, and no place is lost.
func TestCloseIdleTwice(t *testing.T) {
	answer := make(chan struct{})
	server := &silentServer{answer: answer}
	db := sql.OpenDB(server)
	defer db.Close()
	db.SetMaxOpenConns(mostReaders)
	db.SetMaxIdleConns(mostReaders)
	use := func() {
		var all []*sql.Conn
		for range 3 {
			conn, err := db.Conn(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn)
		}
		for _, conn := range all {
			if err := conn.Close(); err != nil && !errors.Is(err, driver.ErrBadConn) {
				t.Fatal(err)
			}
		}
	}
	use()
	r := newReader(db, postgresDialect)
	r.closeIdle()
	server.answer = nil // the next ones are not silent
	r.closeIdle()
	time.Sleep(10 * time.Millisecond) // it may be at work
	use()
	close(answer)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if server.closed.Load() == 3 && db.Stats().OpenConnections == db.Stats().Idle {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d silent ones were closed, %+v", server.closed.Load(), db.Stats())
		}
	}
}
