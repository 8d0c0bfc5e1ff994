package web

import (
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/web/limit"
	"tnreserve/web/observe"
)

// Config is what the dashboard needs.
type Config struct {
	Store          *store.Store
	Log            *slog.Logger
	BaseURL        string // as people reach it; "" takes the request's host. https makes cookies Secure
	Version        string
	TrustedProxies limit.Proxies
	SSO            *SSO // nil: none. It needs a BaseURL
	EndUsers       EndUserLimits
	People         PeopleLimits
	Searches       *limit.Turns      // shared with the other doors; nil is its own
	OpenAPI        []byte            // the JSON door's document, which a page shows; nil: no page
	Metrics        http.Handler      // what operators see at /metrics; nil: nothing
	Observer       *observe.Observer // nil is the log alone
}

// Server serves the dashboard.
type Server struct {
	cfg      Config
	store    *store.Store
	log      *slog.Logger
	sessions *cookieStore
	imports  *imports
	sso      *provider // nil: none
	endUsers endUsers
	docs     *views.APIDocs // nil: none
	mux      *http.ServeMux
	handler  http.Handler
	pace     pace
	leaving  atomic.Bool // about to end: /readyz says so
	draining chan struct{}
	drained  sync.Once
}

// New makes the dashboard. It fails only for a base URL or a document that is none.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || cfg.BaseURL != "" && (base.Host == "" || base.Scheme != "http" && base.Scheme != "https") {
		return nil, tel.Invalid("base-url", "%q is not an address such as https://numbers.example.com", cfg.BaseURL)
	}
	if cfg.Observer == nil {
		cfg.Observer = &observe.Observer{Log: cfg.Log}
	}
	if cfg.Searches == nil {
		cfg.Searches = limit.NewSearchTurns()
	}
	s := &Server{cfg: cfg, store: cfg.Store, log: cfg.Log, draining: make(chan struct{})}
	s.sessions = &cookieStore{store: cfg.Store, secure: base.Scheme == "https"}
	if cfg.SSO != nil {
		if cfg.BaseURL == "" {
			return nil, tel.Invalid("base-url", "Single sign-on needs the base URL, which the identity provider sends people back to.")
		}
		s.sso = newProvider(*cfg.SSO, cfg.BaseURL, cfg.Store.Now)
	}
	if s.docs, err = apiDocs(cfg.OpenAPI); err != nil {
		return nil, err
	}
	s.imports = newImports(cfg.Store, cfg.Log)
	s.endUsers, s.pace = newEndUsers(cfg.EndUsers, cfg.Store.Now), newPace(cfg.People, cfg.Store.Now)
	s.mux = http.NewServeMux()
	for _, r := range s.routes() {
		s.mux.HandleFunc(r.pattern, s.serve(r))
	}
	// No tokens in forms: a browser says itself where a request comes from.
	s.handler = s.guard(http.NewCrossOriginProtection().Handler(s.mux))
	return s, nil
}

// Handler answers every request of the dashboard.
func (s *Server) Handler() http.Handler { return s.handler }

// Leave lets /readyz say that this server is about to end, so that nothing new is sent
// here; all is answered as before.
func (s *Server) Leave() { s.leaving.Store(true) }

// Drain ends event streams and stops imports between two changes, so that a server
// can shut down. It may be called more than once.
func (s *Server) Drain() {
	s.Leave()
	s.drained.Do(func() {
		close(s.draining)
		s.imports.drain()
	})
}

// guard is around everything: headers that every answer carries, a request id, the
// log line, and what becomes of a panic.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, r := s.cfg.Observer.Begin("dashboard", s.cfg.TrustedProxies, w, r)
		defer q.End()
		secureHeaders(q.Header(), s.sessions.secure)
		defer func() {
			if _, path, found := strings.Cut(r.Pattern, " "); found {
				q.Route = path
			} else if r.Pattern != "" {
				q.Route = r.Pattern
			}
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.Error("a handler panicked", "request", q.ID, "panic", p, "stack", string(debug.Stack()))
				if q.Status == 0 {
					http.Error(q, "Something broke. Request "+q.ID, http.StatusInternalServerError)
				}
			}
		}()
		next.ServeHTTP(q, r)
	})
}

// csp allows our own files and nothing else: no inline script or style anywhere.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure are headers that every answer carries; the slices are shared, and only ever
// read.
var secure = map[string][]string{
	"Content-Security-Policy":      {csp},
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"same-origin"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Permissions-Policy":           {"camera=(), geolocation=(), microphone=()"},
}

func secureHeaders(h http.Header, https bool) {
	maps.Copy(h, secure)
	if https {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// remoteAddr is the caller's address.
func (s *Server) remoteAddr(r *http.Request) string { return s.cfg.TrustedProxies.Addr(r) }

// localPath gives back an address inside the site, or "" for anything else. Browsers
// read "/\evil.com" and "//evil.com" as another host.
func (s *Server) localPath(to string) string {
	if to == "" || to[0] != '/' || strings.ContainsAny(to, "\\\r\n\t\x00") || strings.HasPrefix(to, "//") || len(to) > 2000 {
		return ""
	}
	u, err := url.ParseRequestURI(to)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return ""
	}
	_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, URL: u, Host: "local"})
	switch pattern {
	case "", "/", "GET /live", "GET /healthz", "GET /readyz", "GET /metrics", "GET /static/", "GET /search/rows", "GET /reservations.csv", "GET /reports/{file}", "GET /audit.csv", "GET /sign-in/sso", "GET " + ssoCallback, "GET /buy/{token}/checkout", "GET /buy/{token}/return":
		return "" // no page
	}
	return u.RequestURI()
}
