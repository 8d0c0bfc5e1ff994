package web

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/web/limit"
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
	OpenAPI        []byte // the JSON door's document, which a page shows; nil: no page
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
	// searching has a place per search page that is made at once: half the cores, so
	// that those who search never starve those who reserve.
	searching chan struct{}
	draining  chan struct{}
	drained   sync.Once
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
	s := &Server{cfg: cfg, store: cfg.Store, log: cfg.Log, draining: make(chan struct{}), searching: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
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
	s.endUsers = newEndUsers(cfg.EndUsers, cfg.Store.Now)
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

// Drain ends event streams and stops imports between two changes, so that a server
// can shut down. It may be called more than once.
func (s *Server) Drain() {
	s.drained.Do(func() {
		close(s.draining)
		s.imports.stop()
	})
}

// guard is around everything: headers that every answer carries, a request id, the
// log line, and what becomes of a panic.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now() // the log's own stopwatch; nothing is decided by it
		id := rand.Text()[:12]
		r = r.WithContext(context.WithValue(r.Context(), requestID{}, id))
		secureHeaders(w.Header(), s.sessions.secure)
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.Error("a handler panicked", "request", id, "panic", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					http.Error(rec, "Something broke. Request "+id, http.StatusInternalServerError)
				}
			}
			s.log.Info("request", "id", id, "method", r.Method, "route", r.Pattern, "status", rec.status, "ms", time.Since(start).Milliseconds())
		}()
		next.ServeHTTP(rec, r)
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

// requestID is the context's key of the id that log lines and 5xx pages share.
type requestID struct{}

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

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
	case "", "/", "GET /live", "GET /healthz", "GET /static/", "GET /search/rows", "GET /reservations.csv", "GET /reports/{file}", "GET /audit.csv", "GET /sign-in/sso", "GET " + ssoCallback, "GET /buy/{token}/checkout", "GET /buy/{token}/return":
		return "" // no page
	}
	return u.RequestURI()
}
