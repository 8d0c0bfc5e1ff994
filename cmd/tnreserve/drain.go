package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// frontend is an HTTP server that can end without cutting a request.
//
// http.Server.Shutdown alone cannot: it closes connections that look idle while a
// request is on its way on them, and drops unanswered what it reads after the call.
// So: stop accepting; answer what still comes on open connections, each with
// "Connection: close"; when all are gone, or have been silent for a while, shut down.
type frontend struct {
	server *http.Server
	conns  connections
	failed chan error // why the socket is served no longer
	// leave, nil for nothing, tells that the end is near; delay is how long everything is
	// served after it, so that a load balancer has time to look elsewhere.
	leave func()
	delay time.Duration
	// endStreams ends the answers that would never end by themselves, and what goes on
	// behind the requests.
	endStreams func()
}

// The times of an end, 10 s in all with some left for closing the database.
const (
	drainQuiet = time.Second     // silence after which a connection counts as idle
	drainMost  = 7 * time.Second // for requests under way, endStreams included
	closeMost  = time.Second     // for Shutdown after that
)

// limits bound the connections that are open at once; 0 is none.
type limits struct{ all, perAddress int }

func newFrontend(h http.Handler, endStreams func(), l limits, log *slog.Logger) *frontend {
	f := &frontend{endStreams: endStreams, failed: make(chan error, 1)}
	f.conns = connections{limits: l, log: log, open: map[net.Conn]http.ConnState{}, perAddress: map[netip.Addr]int{}}
	f.server = &http.Server{
		Handler:           f.closeWhenDraining(h),
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		ConnState:         f.conns.note,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return f
}

func (f *frontend) closeWhenDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.conns.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// begin begins to answer.
func (f *frontend) begin(ln net.Listener) {
	go func() { f.failed <- f.server.Serve(ln) }()
}

// serve goes on until ctx ends, then drains.
func (f *frontend) serve(ctx context.Context, ln net.Listener) error {
	select {
	case err := <-f.failed: // the socket broke
		return errors.Join(err, f.server.Close())
	case <-ctx.Done():
	}
	if err := f.stay(); err != nil {
		return errors.Join(err, f.server.Close())
	}
	f.conns.draining.Store(true)
	_ = ln.Close() // Serve ends with this error, and that is what is wanted
	<-f.failed
	end := time.Now().Add(drainMost) // the streams may take some of it
	f.endStreams()
	f.awaitQuiet(end)
	return f.shutDown()
}

// stay serves on for a while after leave. It answers an error when the socket broke.
func (f *frontend) stay() error {
	if f.leave != nil {
		f.leave()
	}
	if f.delay == 0 {
		return nil
	}
	select {
	case err := <-f.failed:
		return err
	case <-time.After(f.delay):
		return nil
	}
}

// awaitQuiet waits until no request is under way and none is likely on its way.
func (f *frontend) awaitQuiet(end time.Time) {
	for time.Now().Before(end) && !f.conns.quiet(drainQuiet) {
		time.Sleep(10 * time.Millisecond)
	}
}

func (f *frontend) shutDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeMost)
	defer cancel()
	f.conns.closeSilent() // Shutdown would wait for these
	err := f.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		f.conns.log.Warn("requests were still under way after the time for ending; they were cut")
		return f.server.Close()
	}
	return err
}

// connections knows each open connection.
type connections struct {
	limits   limits
	log      *slog.Logger
	draining atomic.Bool
	refused  atomic.Int64

	mu         sync.Mutex
	open       map[net.Conn]http.ConnState
	perAddress map[netip.Addr]int
	changed    time.Time // when one changed last
	warned     time.Time // when a refusal was logged last
}

// note is the server's hook for each connection's changes. A connection above a limit
// is closed before anything is read from it.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = time.Now()
	addr := addressOf(conn)
	switch state {
	case http.StateNew:
		c.open[conn] = state
		c.perAddress[addr]++
		if over(len(c.open), c.limits.all) || over(c.perAddress[addr], c.limits.perAddress) {
			c.refuse(conn, addr)
		}
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		if c.perAddress[addr]--; c.perAddress[addr] <= 0 {
			delete(c.perAddress, addr)
		}
	default:
		c.open[conn] = state
	}
}

func over(n, limit int) bool { return limit > 0 && n > limit }

func (c *connections) refuse(conn net.Conn, addr netip.Addr) {
	_ = conn.Close()
	c.refused.Add(1)
	if time.Since(c.warned) > time.Minute {
		c.warned = time.Now()
		c.log.Warn("too many connections; new ones are closed", "address", addr.String(), "open", len(c.open), "of_address", c.perAddress[addr])
	}
}

// addressOf is who is at the other end; one of IPv6's /64 networks counts as one, for
// that is what a customer gets. A Unix socket's is no address, and all of those count
// together.
func addressOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr
	}
	network, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return network.Addr()
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// closeSilent closes connections on which nothing was ever sent.
func (c *connections) closeSilent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn, state := range c.open {
		if state == http.StateNew {
			_ = conn.Close()
		}
	}
}

// quiet tells whether no connection is open, or none is busy and nothing has happened
// on any for so long.
func (c *connections) quiet(silence time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.open {
		if state == http.StateActive {
			return false
		}
	}
	return len(c.open) == 0 || time.Since(c.changed) >= silence
}
