package bandwidth

import (
	"bytes"
	"context"
	"encoding/xml"
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
	Store    *store.Store
	Log      *slog.Logger // nil is silent
	BaseURL  string       // as clients reach the server; "" takes the request's own host
	Auth     Auth
	Limits   *limit.Limits     // of requests per client; nil is none
	Observer *observe.Observer // nil is the log alone
	Proxies  limit.Proxies
	Searches *limit.Turns // shared with the other doors; nil is the door's own
}

// Auth tells who asks. Left empty it is the store's; tests put something of their own
// here.
type Auth struct {
	// ByPassword and ByToken answer the client of a credential: CodeSignIn for none,
	// CodeSlowDown (with Error.At) after too many failures.
	ByPassword func(ctx context.Context, username, password, addr string) (tel.Actor, error)
	ByToken    func(ctx context.Context, token, addr string) (tel.Actor, error)
	IssueToken func(ctx context.Context, actor tel.Actor) (token string, expiresIn time.Duration, err error)
}

// Door answers Bandwidth's clients.
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
	if cfg.Auth.ByPassword == nil {
		cfg.Auth = Auth{ByPassword: cfg.Store.ClientByPassword, ByToken: cfg.Store.ClientByToken, IssueToken: cfg.Store.IssueToken}
	}
	return &Door{cfg: cfg, store: cfg.Store, log: cfg.Log, origin: http.NewCrossOriginProtection()}
}

// Beside answers what stands under one of the door's prefixes and leaves the rest to
// another handler. No mux stands before it: one would redirect, which C# refuses and
// others answer without their credentials.
func (d *Door) Beside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, path, ok := splitPrefix(r.URL.EscapedPath()); ok {
			d.serve(w, r, p, path)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// prefix is one of the ways in.
type prefix struct {
	path string
	e164 bool // TNs are written +1… and not with ten digits
}

// The longer of two that begin alike stands first.
var prefixes = []prefix{{"/api/v1.0", false}, {"/api/v1", false}, {"/api/v2", true}, {"/api", false}, {"/v1.0", false}}

// splitPrefix takes an escaped path apart: the prefix, and the segments after it,
// unescaped. Empty segments are passed over: a base URL may end in a slash.
func splitPrefix(escaped string) (prefix, []string, bool) {
	for _, p := range prefixes {
		if n := len(p.path); len(escaped) >= n && strings.EqualFold(escaped[:n], p.path) && (len(escaped) == n || escaped[n] == '/') {
			var path []string
			for s := range strings.SplitSeq(escaped[n:], "/") {
				if s == "" {
					continue
				}
				if plain, err := url.PathUnescape(s); err == nil {
					s = plain
				}
				path = append(path, s)
			}
			return p, path, true
		}
	}
	return prefix{}, nil, false
}

// call is one request with what every handler needs.
type call struct {
	*Door
	w       http.ResponseWriter
	r       *http.Request
	id      string // of the request, for the log
	prefix  prefix
	route   *route
	args    []string // what stands in the path at the route's {…}, in order
	account tel.AccountID
	actor   tel.Actor
	now     time.Time
	echo    *wireOrder // what an order's refusal repeats
}

// serve answers one request, whatever happens.
func (d *Door) serve(w http.ResponseWriter, r *http.Request, p prefix, path []string) {
	q, r := d.cfg.Observer.Begin("bandwidth", d.cfg.Proxies, w, r)
	defer q.End()
	c := &call{Door: d, w: q, r: r, prefix: p, id: q.ID, route: &unknown, now: d.store.Now()}
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
		return &fault{status: http.StatusForbidden, code: codeDenied, text: textDenied}
	}
	if c.tokenRequest(path) {
		return nil
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	allowed := c.find(path)
	if c.route == &unknown {
		if len(allowed) == 0 {
			return tel.NotFound()
		}
		c.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return &fault{status: http.StatusMethodNotAllowed, text: "The resource does not know this method"}
	}
	if err := c.scope(); err != nil {
		return err
	}
	if err := c.checkContentType(); err != nil {
		return err
	}
	return c.route.handle(c)
}

// scope reads the account of the path. One that the client does not see is unknown.
func (c *call) scope() error {
	c.account = c.actor.Account
	if !c.route.ofAccount() {
		return nil
	}
	text := c.args[0]
	c.args = c.args[1:]
	id, err := tel.ParseAccountID(text)
	if err != nil || !c.actor.Sees(id) {
		return errNoAccount
	}
	c.account = id
	return nil
}

// errNoAccount is the answer for every account but the client's own.
var errNoAccount = tel.NotFound()

// addr is the caller's address.
func (c *call) addr() string { return c.cfg.Proxies.Addr(c.r) }

// query is a parameter of the address; its name's case does not matter, as a path's.
func (c *call) query(name string) string {
	q := c.r.URL.Query()
	if v := q.Get(name); v != "" {
		return strings.TrimSpace(v)
	}
	for k, vs := range q {
		if strings.EqualFold(k, name) && len(vs) > 0 {
			return strings.TrimSpace(vs[0])
		}
	}
	return ""
}

// tn writes a TN as the prefix has it.
func (c *call) tn(n tel.Number) string {
	if c.prefix.e164 {
		return n.E164()
	}
	return n.Digits()
}

func (c *call) tns(list []tel.Number) (text []string) {
	for _, n := range list {
		text = append(text, c.tn(n))
	}
	return text
}

// here is an absolute address under the prefix that the client came by.
func (c *call) here(path string) string {
	base := c.cfg.BaseURL
	if base == "" {
		base = "http://" + c.r.Host
		if c.r.TLS != nil {
			base = "https://" + c.r.Host
		}
	}
	return strings.TrimSuffix(base, "/") + c.prefix.path + path
}

// own is the path of something of the account.
func (c *call) own(path string) string { return "/accounts/" + c.account.String() + path }

const declaration = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`

// answer writes an XML answer: built whole before the first byte.
func (c *call) answer(status int, v any) error {
	var buf bytes.Buffer
	buf.WriteString(declaration)
	if err := xml.NewEncoder(&buf).Encode(v); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.WriteHeader(status)
	if _, err := c.w.Write(shorten(buf.Bytes())); err != nil {
		c.log.Debug("the client went away", "error", err)
	}
	return nil
}

// shorten writes elements without content as one tag: <SearchResult/>. Outside of tags
// there is no bare ">".
func shorten(b []byte) []byte {
	out := b[:0]
	for {
		i := bytes.Index(b, []byte("></"))
		if i < 0 {
			return append(out, b...)
		}
		open := bytes.LastIndexByte(b[:i], '<')
		end := i + 3 + bytes.IndexByte(b[i+3:], '>')
		if open < 0 || !bytes.Equal(b[open+1:i], b[i+3:end]) {
			out, b = append(out, b[:i+1]...), b[i+1:]
			continue
		}
		out, b = append(append(out, b[:i]...), "/>"...), b[end+1:]
	}
}

// empty answers without a body.
func (c *call) empty(status int) error {
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(status)
	return nil
}

// created answers with the address of what there is now, and no body.
func (c *call) created(path string) error {
	c.w.Header().Set("Location", c.here(path))
	return c.empty(http.StatusCreated)
}

const wireTime = "2006-01-02T15:04:05.000Z"

// when writes a time; the zero time is no element.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(wireTime)
}
