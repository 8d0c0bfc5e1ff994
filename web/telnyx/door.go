package telnyx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/web/limit"
	"tnreserve/web/observe"
)

// Config is what the door needs.
type Config struct {
	Store   *store.Store
	Log     *slog.Logger // nil is silent
	BaseURL string       // as clients reach the server; https: asks browsers to stay with it
	// ByToken answers the client of a bearer key or token: CodeSignIn for none,
	// CodeSlowDown (with Error.At) after too many failures. nil is the store's; tests
	// put something of their own here.
	ByToken  func(ctx context.Context, token, addr string) (tel.Actor, error)
	Limits   *limit.Limits     // of requests per client; nil is none
	Observer *observe.Observer // nil is the log alone
	Proxies  limit.Proxies
	Searches *limit.Turns // shared with the other doors; nil is the door's own
}

// Door answers Telnyx's clients.
type Door struct {
	cfg    Config
	store  *store.Store
	log    *slog.Logger
	origin *http.CrossOriginProtection
}

// New makes the door.
func New(cfg Config) *Door {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Searches == nil {
		cfg.Searches = limit.NewSearchTurns()
	}
	if cfg.Observer == nil {
		cfg.Observer = &observe.Observer{Log: cfg.Log}
	}
	d := &Door{cfg: cfg, store: cfg.Store, log: cfg.Log, origin: http.NewCrossOriginProtection()}
	if cfg.ByToken == nil {
		d.cfg.ByToken = d.byToken
	}
	return d
}

const prefix = "/v2"

// Beside answers what stands under the door's prefix and leaves the rest to another
// handler. No mux stands before it: one would redirect.
func (d *Door) Beside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := splitPrefix(r.URL.EscapedPath()); ok {
			d.serve(w, r, path)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// splitPrefix takes an escaped path apart into the segments after the prefix,
// unescaped. Empty segments are passed over: a base URL may end in a slash.
func splitPrefix(escaped string) (path []string, ok bool) {
	rest, ok := strings.CutPrefix(escaped, prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return nil, false
	}
	for s := range strings.SplitSeq(rest, "/") {
		if s == "" {
			continue
		}
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
		path = append(path, s)
	}
	return path, true
}

// call is one request with what every handler needs.
type call struct {
	*Door
	w     http.ResponseWriter
	r     *http.Request
	id    string // of the request, for the log
	route *route
	args  []string // what stands in the path at the route's {…}, in order
	actor tel.Actor
	now   time.Time
}

// serve answers one request, whatever happens.
func (d *Door) serve(w http.ResponseWriter, r *http.Request, path []string) {
	q, r := d.cfg.Observer.Begin("telnyx", d.cfg.Proxies, w, r)
	defer q.End()
	c := &call{Door: d, w: q, r: r, id: q.ID, route: &unknown, now: d.store.Now()}
	h := q.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if strings.HasPrefix(d.cfg.BaseURL, "https:") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	defer func() {
		q.Route, q.Account, q.Client = c.route.pattern, c.actor.Account, c.actor.ID
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			d.log.Error("a handler panicked", "request", c.id, "panic", p, "stack", string(debug.Stack()))
			if q.Status == 0 {
				c.refuse(c.faultOf(errors.New("panic")))
			}
		}
	}()
	if err := c.handle(path); err != nil {
		c.fail(err)
	}
}

// handle admits the request and hands it to its route.
func (c *call) handle(path []string) error {
	if err := c.origin.Check(c.r); err != nil {
		return newFault(http.StatusForbidden, codeForbidden, "This request comes from another site.")
	}
	allowed := c.find(path)
	if c.route.open {
		return c.route.handle(c)
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	if c.route == &unknown {
		if len(allowed) == 0 {
			return tel.NotFound()
		}
		c.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return newFault(http.StatusMethodNotAllowed, codeMethod, "Allowed here: "+strings.Join(allowed, ", ")+".")
	}
	return c.route.handle(c)
}

// addr is the caller's address.
func (c *call) addr() string { return c.cfg.Proxies.Addr(c.r) }

// data is every answer that is no error.
type data struct {
	Data any `json:"data"`
	Meta any `json:"meta,omitempty"`
}

// answer writes a JSON answer: built whole before the first byte.
func (c *call) answer(status int, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // browsers are told not to guess
	if err := enc.Encode(v); err != nil {
		return err
	}
	c.write(status, buf.Bytes())
	return nil
}

func (c *call) write(status int, text []byte) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	if _, err := c.w.Write(text); err != nil {
		c.log.Debug("the client went away", "error", err)
	}
}

// When is a time on the wire; the zero time is null.
type When time.Time

// MarshalJSON writes six fractional digits and Z.
func (t When) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return time.Time(t).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000Z"`), nil
}

// OrNull is a text that is null when there is none.
func OrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
