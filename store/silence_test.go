package store_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// wire lies between nodes and PostgreSQL, and can be cut so that nobody is told.
type wire struct {
	folder string // of the server's socket
	port   string
	deaf   atomic.Bool // new connections are taken and never answered
	mu     sync.Mutex
	pairs  []*pair
}

// pair is a connection to a node and the one to the server that goes with it.
type pair struct {
	node, server net.Conn
	silent       atomic.Bool // nothing goes through
	writes       atomic.Bool // it is a node's writer's
}

func newWire(t *testing.T, path string) *wire {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{folder: u.Query().Get("host")}
	_, w.port, _ = net.SplitHostPort(ln.Addr().String())
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			w.connect(conn)
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		w.each((*pair).close)
	})
	return w
}

func (w *wire) connect(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &pair{node: conn}
	w.pairs = append(w.pairs, p)
	if w.deaf.Load() {
		return
	}
	var err error
	if p.server, err = net.Dial("unix", w.folder+"/.s.PGSQL.5432"); err != nil {
		conn.Close()
		return
	}
	go p.copy(p.server, conn)
	go p.copy(conn, p.server)
}

// copy carries one way until an end is closed.
func (p *pair) copy(to io.Writer, from io.Reader) {
	chunk := make([]byte, 64<<10)
	for {
		n, err := from.Read(chunk)
		if bytes.Contains(chunk[:n], []byte("lock_timeout")) { // the writers' setting
			p.writes.Store(true)
		}
		switch {
		case p.silent.Load() && err == nil:
			continue
		case p.silent.Load():
			return
		case err == nil:
			_, err = to.Write(chunk[:n])
		}
		if err != nil {
			p.close()
			return
		}
	}
}

func (p *pair) close() {
	p.node.Close()
	if p.server != nil {
		p.server.Close()
	}
}

func (w *wire) each(fn func(*pair)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pairs {
		fn(p)
	}
}

// through is the address by way of the wire, and then others.
func (w *wire) through(t *testing.T, path, hosts, ports string) string {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", "127.0.0.1"+hosts)
	q.Set("port", w.port+ports)
	u.RawQuery = q.Encode()
	return u.String()
}

func openNode(t *testing.T, s *storetest.Store, path string) *store.Store {
	t.Helper()
	node, err := store.Open(ctx, store.Config{DB: path, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

// answersWithin demands that a change and then a page are answered, and on the shelf.
func answersWithin(t *testing.T, node *store.Store, tn tel.Number, most time.Duration) {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	began := time.Now()
	done := make(chan error, 1)
	go func() {
		_, err := node.Reserve(limit, admin, ask(acme, tn))
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-limit.Done():
		t.Fatalf("a change is not answered within %v", most)
	}
	must[store.Listed](t)(node.List(limit, admin, store.ListQuery{}))
	eventually(t, "the TN is off the shelf", func() bool { return !free(t, node, tn) })
	t.Logf("all was answered after %v", time.Since(began).Round(time.Millisecond))
}

// The connections that read fall silent, as when the database's machine vanishes. What
// follows the other nodes waits on one of them, and changes do not wait for it for long.
func TestPostgresSilence(t *testing.T) {
	t.Cleanup(store.MostForEvents(time.Second)) // when nobody follows any more
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	w := newWire(t, s.Path)
	node := openNode(t, s, w.through(t, s.Path, "", ""))
	parallel(4, func(int) { must[store.Listed](t)(node.List(ctx, admin, store.ListQuery{})) })
	w.each(func(p *pair) { p.silent.Store(!p.writes.Load()) })
	time.Sleep(time.Second) // now it waits
	answersWithin(t, node, raleigh(0), 15*time.Second)
	w.each(func(p *pair) {
		if p.silent.Load() {
			p.close()
		}
	})
	checked(t, node)
}

// Of two servers one falls silent, for new connections too: the other is found in time.
func TestPostgresNextOfTwo(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	w := newWire(t, s.Path)
	node := openNode(t, s, w.through(t, s.Path, ","+w.folder, ",5432"))
	reserve(t, s, admin, raleigh(0))
	w.deaf.Store(true)
	w.each((*pair).close)
	answersWithin(t, node, raleigh(1), 10*time.Second)
	checked(t, node)
}

// The only server falls silent, for new connections too: a change is refused after one try
// to connect, the next one too.
func TestPostgresSilentForNew(t *testing.T) {
	const timeout = 2 * time.Second
	t.Cleanup(store.WaitForDB(time.Second))
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	w := newWire(t, s.Path)
	node := openNode(t, s, w.through(t, s.Path, "", "")+"&connect_timeout=2")
	reserve(t, s, admin, raleigh(0))
	w.deaf.Store(true)
	w.each((*pair).close)
	for range 2 {
		began := time.Now()
		code(t, second(node.Reserve(ctx, admin, ask(acme, raleigh(1)))), tel.CodeBusy)
		if took := time.Since(began); took > timeout*7/4 {
			t.Errorf("refused after %v", took)
		}
	}
	w.deaf.Store(false)
	answersWithin(t, node, raleigh(1), 10*time.Second)
	checked(t, node)
}
