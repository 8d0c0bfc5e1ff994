// Package observe sees each request of every door alike: its id, its line in the log,
// and what meters and traces are told of it. Nothing that it tells was written by who
// asked: the route and not the path, which may hold a token or a TN; no query, no
// cookie, and no header but the id that a trusted proxy gave.
package observe

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"tnreserve/store/tel"
	"tnreserve/web/limit"
)

// Observer is told of each request. The functions may be nil.
type Observer struct {
	Log   *slog.Logger
	Began func(door string)
	Ended func(ctx context.Context, s *Seen)
}

// Seen is a request as others may know it.
type Seen struct {
	ID      string
	Door    string
	Method  string // of MethodOf
	Route   string // the pattern; "unknown" when there is none
	Status  int    // 0 when nobody waited for an answer
	Bytes   int64
	Took    time.Duration
	Account tel.AccountID // that was acted for; 0 none
	Client  string        // the id of the API client; "" none
}

// Request is one that is under way. It is the writer of its answer, and remembers what
// was written.
type Request struct {
	http.ResponseWriter
	Seen
	observer *Observer
	ctx      context.Context
	start    time.Time
}

// Begin begins a request at a door, which may have come through proxies. The handler
// goes on with both that are answered, fills in Route, Account and Client, and calls End
// whatever happens.
func (o *Observer) Begin(door string, trusted limit.Proxies, w http.ResponseWriter, r *http.Request) (*Request, *http.Request) {
	q := &Request{ResponseWriter: w, observer: o, start: time.Now()} // a stopwatch; nothing is decided by it
	q.Seen = Seen{ID: idOf(trusted, r), Door: door, Method: MethodOf(r.Method), Route: noRoute}
	q.ctx = context.WithValue(r.Context(), key{}, q)
	w.Header().Set("X-Request-Id", q.ID)
	if o.Began != nil {
		o.Began(door)
	}
	return q, r.WithContext(q.ctx)
}

const noRoute = "unknown"

type key struct{}

// Of is the request of a context; nil when none is under way.
func Of(ctx context.Context) *Request {
	q, _ := ctx.Value(key{}).(*Request)
	return q
}

// End writes the line in the log and tells the others.
func (q *Request) End() {
	q.Took = time.Since(q.start)
	s := &q.Seen
	if q.observer.Log.Enabled(q.ctx, slog.LevelInfo) {
		q.observer.Log.LogAttrs(q.ctx, slog.LevelInfo, "request", s.attrs()...)
	}
	if q.observer.Ended != nil {
		q.observer.Ended(q.ctx, s)
	}
}

func (s *Seen) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("id", s.ID), slog.String("door", s.Door), slog.String("method", s.Method), slog.String("route", s.Route),
		slog.Int("status", s.Status), slog.Int64("ms", s.Took.Milliseconds()), slog.Int64("bytes", s.Bytes),
	}
	if s.Account != 0 {
		attrs = append(attrs, slog.String("account", s.Account.String()))
	}
	if s.Client != "" {
		attrs = append(attrs, slog.String("client", s.Client))
	}
	return attrs
}

// WriteHeader remembers the status.
func (q *Request) WriteHeader(status int) {
	if q.Status == 0 {
		q.Status = status
	}
	q.ResponseWriter.WriteHeader(status)
}

// Write counts what was written.
func (q *Request) Write(b []byte) (int, error) {
	if q.Status == 0 {
		q.Status = http.StatusOK
	}
	n, err := q.ResponseWriter.Write(b)
	q.Bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (q *Request) Unwrap() http.ResponseWriter { return q.ResponseWriter }

const mostID = 64

// idOf is the id that a proxy gave the request, if it is one that can stand anywhere,
// or a new one. Anybody else might give a TN, or the id of another request.
func idOf(trusted limit.Proxies, r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); trusted.Sent(r) && safe(id) {
		return id
	}
	return rand.Text()[:12]
}

// digitsOfTN is how many digits in a row may be a TN.
const digitsOfTN = 10

// safe tells an id of letters, digits and "-_." that holds no telephone number: those
// do not belong into logs.
func safe(id string) bool {
	if id == "" || len(id) > mostID {
		return false
	}
	letters, row := false, 0
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			letters, row = true, 0
		case '0' <= c && c <= '9':
			if row++; row == digitsOfTN {
				return false
			}
		case c == '-', c == '_', c == '.':
			row = 0
		default:
			return false
		}
	}
	return letters
}

// MethodOf is a method of HTTP, "other" for what is none that anybody knows.
func MethodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
