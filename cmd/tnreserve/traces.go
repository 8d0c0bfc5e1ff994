package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/web/observe"
)

// traces sends a span for each request, with those of its changes and of the database's
// transactions below it, to an OpenTelemetry collector.
type traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

// newTraces sends to a collector's OTLP endpoint over HTTP. What else OTEL_… variables
// say (headers, sampling) counts too.
func newTraces(ctx context.Context, endpoint string, log *slog.Logger) (*traces, error) {
	to, err := url.JoinPath(endpoint, "v1", "traces")
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(to))
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	b := buildInfo()
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "tnreserve"), attribute.String("service.version", b.Version))))
	return &traces{provider: provider, tracer: provider.Tracer("tnreserve"), log: log}, nil
}

// tracesOutIn bounds how long what is not sent yet is waited for at the end.
const tracesOutIn = 2 * time.Second

func (t *traces) close() {
	ctx, cancel := context.WithTimeout(context.Background(), tracesOutIn)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last traces were not sent", "error", err)
	}
}

// handler begins a span for each request. The one who makes it gets to see nothing that
// may hold a token or a TN: no address, and no header but those that name the trace.
func (t *traces) handler(next http.Handler) http.Handler {
	type whole struct{}
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came := r.Context().Value(whole{}).(*http.Request)
		r.Method, r.URL, r.Header = came.Method, came.URL, came.Header
		next.ServeHTTP(w, r)
	})
	outer := otelhttp.NewHandler(inner, "request", otelhttp.WithTracerProvider(t.provider), otelhttp.WithMeterProvider(metricnoop.NewMeterProvider()),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithSpanNameFormatter(func(string, *http.Request) string { return "request" }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
			next.ServeHTTP(w, r)
			return
		}
		bare := r.WithContext(context.WithValue(r.Context(), whole{}, r))
		bare.Method, bare.URL = observe.MethodOf(r.Method), &url.URL{}
		bare.Header = http.Header{"Traceparent": r.Header["Traceparent"], "Tracestate": r.Header["Tracestate"]}
		outer.ServeHTTP(w, bare)
	})
}

// ended names the span of a request, which has its route only now.
func (t *traces) ended(ctx context.Context, s *observe.Seen) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetName(s.Method + " " + s.Route)
	span.SetAttributes(attribute.String("http.route", s.Route), attribute.String("tnreserve.door", s.Door), attribute.String("tnreserve.request", s.ID))
}

// change is a span for a change, from when it begins to wait; below it one for the
// transaction and one for its commit. What nobody asked for by a request has none.
func (t *traces) change(ctx context.Context) func(store.Turn, error) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return nil
	}
	ctx, span := t.tracer.Start(ctx, "change")
	return func(turn store.Turn, err error) {
		if !turn.Began.IsZero() {
			t.spanned(ctx, turn)
		}
		if code := tel.CodeOf(err); code != "" {
			span.SetAttributes(attribute.String("tnreserve.refused", string(code)))
			if code == tel.CodeInternal {
				span.SetStatus(codes.Error, "")
			}
		}
		span.End()
	}
}

func (t *traces) spanned(ctx context.Context, turn store.Turn) {
	ctx, span := t.tracer.Start(ctx, "transaction", trace.WithTimestamp(turn.Began), trace.WithAttributes(attribute.Int("tnreserve.changes", turn.Changes)))
	if !turn.Flushing.IsZero() {
		_, commit := t.tracer.Start(ctx, "commit", trace.WithTimestamp(turn.Flushing))
		commit.End(trace.WithTimestamp(turn.Ended))
	}
	span.End(trace.WithTimestamp(turn.Ended))
}
