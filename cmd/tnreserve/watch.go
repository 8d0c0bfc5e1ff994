package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"tnreserve/store"
	"tnreserve/web/observe"
)

// watching are the flags of what looks on while the server works.
type watching struct {
	LogFormat    string        `placeholder:"FORMAT" enum:"text,json" default:"text" help:"How lines of the log look: text or json. Default: ${default}."`
	MetricsAddr  string        `placeholder:"HOST:PORT" help:"Serve Prometheus metrics at /metrics there, to whoever can connect, such as 127.0.0.1:9090. Operators see them on the dashboard's own address too."`
	OTLPEndpoint string        `name:"otlp-endpoint" placeholder:"URL" secret:"url" other:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"Send OpenTelemetry traces to this collector, such as http://127.0.0.1:4318; OTEL_EXPORTER_OTLP_ENDPOINT does the same."`
	DrainDelay   time.Duration `placeholder:"0s" default:"0s" help:"After SIGTERM serve on for so long with /readyz answering 503, so that a load balancer looks elsewhere first. Default: ${default}."`
}

func (c *watching) logger(p *process, level slog.Level) *slog.Logger {
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level}))
	}
	return p.logger(level)
}

// faults are what makes no sense.
func (c *watching) faults() (out []string) {
	if !collectorURL(c.OTLPEndpoint) {
		out = append(out, "--otlp-endpoint is not like http://127.0.0.1:4318") // what it is may hold a password anywhere
	}
	if _, _, err := net.SplitHostPort(c.MetricsAddr); c.MetricsAddr != "" && err != nil {
		out = append(out, fmt.Sprintf("--metrics-addr %q is not like 127.0.0.1:9090", c.MetricsAddr))
	}
	if c.DrainDelay < 0 {
		out = append(out, "--drain-delay is 0 or more")
	}
	return out
}

// collectorURL tells whether an address is one that traces can be sent to, or none.
func collectorURL(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return endpoint == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// watch is what looks on.
type watch struct {
	metrics *metrics
	traces  *traces // nil: none
	closing []func()
}

// watch begins to look on. The port of the metrics is taken at once, so that one in use
// is said at once.
func (c *watching) watch(log *slog.Logger) (*watch, error) {
	w := &watch{metrics: newMetrics(log)}
	if c.MetricsAddr != "" {
		if err := w.serveMetrics(c.MetricsAddr, log); err != nil {
			return nil, err
		}
	}
	if c.OTLPEndpoint != "" {
		traces, err := newTraces(context.Background(), c.OTLPEndpoint, log)
		if err != nil {
			w.close()
			return nil, err
		}
		w.traces = traces
		w.closing = append(w.closing, traces.close)
	}
	return w, nil
}

// serveMetrics serves the metrics and nothing else on an address of their own, until
// close.
func (w *watch) serveMetrics(addr string, log *slog.Logger) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another with --metrics-addr", addr, listenCause(err))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.page())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ln) // until it is closed, and then it says so
	}()
	w.closing = append(w.closing, func() {
		_ = server.Close()
		<-ended
	})
	log.Info("serving metrics", "url", "http://"+ln.Addr().String()+"/metrics")
	return nil
}

// close ends what looks on: the last figures and traces go out.
func (w *watch) close() {
	for _, end := range w.closing {
		end()
	}
}

// of says what is looked at.
func (w *watch) of(s *store.Store, conns *connections) { w.metrics.watch(s, conns) }

// page answers with the metrics.
func (w *watch) page() http.Handler { return w.metrics.page }

// observer is told of every request.
func (w *watch) observer(log *slog.Logger) *observe.Observer {
	ended := w.metrics.ended
	if w.traces != nil {
		ended = func(ctx context.Context, s *observe.Seen) {
			w.metrics.ended(ctx, s)
			w.traces.ended(ctx, s)
		}
	}
	return &observe.Observer{Log: log, Began: w.metrics.began, Ended: ended}
}

// store is what the store is to tell.
func (w *watch) store() store.Watch {
	out := store.Watch{Turn: w.metrics.turn}
	if w.traces != nil {
		out.Change = w.traces.change
	}
	return out
}

// handler begins a trace for each request.
func (w *watch) handler(next http.Handler) http.Handler {
	if w.traces == nil {
		return next
	}
	return w.traces.handler(next)
}
