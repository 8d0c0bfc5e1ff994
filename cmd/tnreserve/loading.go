package main

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"tnreserve/web"
)

// loading stands where the doors will be, from when the socket is taken until the
// inventory is in memory. Who watches the server is answered at once; all others wait.
type loading struct {
	watched *http.ServeMux
	once    sync.Once
	over    chan struct{}
	doors   http.Handler // what comes after it; written before over is closed
}

func newLoading() *loading {
	return &loading{watched: web.Loading(), over: make(chan struct{})}
}

// done lets everybody in. Only its first call counts.
func (l *loading) done(doors http.Handler) {
	l.once.Do(func() {
		l.doors = doors
		close(l.over)
	})
}

// fail turns away who still waits: there will be no doors.
func (l *loading) fail() {
	l.done(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "This server is about to end.", http.StatusServiceUnavailable)
	}))
}

// ServeHTTP answers, waits, or lets through.
func (l *loading) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-l.over:
	default:
		if _, pattern := l.watched.Handler(r); pattern != "" {
			l.watched.ServeHTTP(w, r)
			return
		}
		if !l.wait(w, r) {
			return
		}
	}
	l.doors.ServeHTTP(w, r)
}

// wait waits, and tells whether somebody is still there. The times of a request begin
// after it.
func (l *loading) wait(w http.ResponseWriter, r *http.Request) bool {
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	select {
	case <-l.over:
		now := time.Now()
		return errors.Join(rc.SetReadDeadline(now.Add(readTime)), rc.SetWriteDeadline(now.Add(writeTime))) == nil
	case <-r.Context().Done():
		return false
	}
}
