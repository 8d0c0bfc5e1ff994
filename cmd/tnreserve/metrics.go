package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/web/observe"
)

// metrics are the figures for Prometheus. No label has an account, a TN or an id: there
// are as many series as routes, states and codes, whoever asks.
type metrics struct {
	registry *prometheus.Registry
	page     http.Handler

	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	limited  *prometheus.CounterVec

	changes  prometheus.Histogram
	turns    prometheus.Histogram
	flushes  prometheus.Histogram
	sweeping prometheus.Histogram
	sweeps   *prometheus.CounterVec
	ends     *prometheus.CounterVec
}

// Buckets, in seconds: answers from memory take less than a millisecond, and what takes
// longer than 10 s was cut.
var (
	answerTimes = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	commitTimes = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
)

func newMetrics(log *slog.Logger) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	door := []string{"door"}
	route := []string{"door", "method", "route"}
	m.requests = counters("http_requests_total", "Requests answered, by door, route and class of status.", append(route, "status")...)
	m.latency = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: named("http_request_duration_seconds"), Help: "From the request to the end of its answer.", Buckets: answerTimes}, route)
	m.inFlight = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: named("http_requests_in_flight"), Help: "Requests under way, open event streams among them."}, door)
	m.limited = counters("http_requests_limited_total", "Requests answered 429: somebody asks too often.", door...)
	m.changes = histogram("transaction_changes", "Changes that shared a transaction (group commit).", prometheus.ExponentialBuckets(1, 2, 9))
	m.turns = histogram("transaction_duration_seconds", "A transaction of the writer, from begin to end.", commitTimes)
	m.flushes = histogram("commit_duration_seconds", "The commit at its end, which makes it durable.", commitTimes)
	m.sweeping = histogram("sweep_duration_seconds", "A pass of housekeeping.", commitTimes)
	m.sweeps = counters("sweeps_total", "Passes of housekeeping.", "outcome")
	m.ends = counters("sweep_done_total", "What housekeeping wrote down or removed.", "what")
	m.registry.MustRegister(m.requests, m.latency, m.inFlight, m.limited, m.changes, m.turns, m.flushes, m.sweeping, m.sweeps, m.ends,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildMetric())
	m.page = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
	for _, name := range []string{"dashboard", "bandwidth", "telnyx"} {
		m.inFlight.WithLabelValues(name)
		m.limited.WithLabelValues(name)
	}
	for _, outcome := range []string{"done", "failed"} {
		m.sweeps.WithLabelValues(outcome)
	}
	return m
}

func named(name string) string { return "tnreserve_" + name }

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: named(name), Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: named(name), Help: help, Buckets: buckets})
}

func buildMetric() prometheus.Collector {
	b := buildInfo()
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: named("build_info"), Help: "Which tnreserve this is; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.Go}})
	g.Set(1)
	return g
}

func (m *metrics) began(door string) { m.inFlight.WithLabelValues(door).Inc() }

func (m *metrics) ended(_ context.Context, s *observe.Seen) {
	m.inFlight.WithLabelValues(s.Door).Dec()
	m.requests.WithLabelValues(s.Door, s.Method, s.Route, classOf(s.Status)).Inc()
	m.latency.WithLabelValues(s.Door, s.Method, s.Route).Observe(s.Took.Seconds())
	if s.Status == http.StatusTooManyRequests {
		m.limited.WithLabelValues(s.Door).Inc()
	}
}

// classOf is "2xx" and so on; "none" when nobody waited for the answer.
func classOf(status int) string {
	classes := []string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}
	return classes[min(max(status/100, 0), len(classes)-1)]
}

func (m *metrics) turn(t store.Turn) {
	m.changes.Observe(float64(t.Changes))
	m.turns.Observe(t.Ended.Sub(t.Began).Seconds())
	if !t.Flushing.IsZero() {
		m.flushes.Observe(t.Ended.Sub(t.Flushing).Seconds())
	}
}

func (m *metrics) swept(n store.Swept, took time.Duration, err error) {
	m.sweeping.Observe(took.Seconds())
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	m.sweeps.WithLabelValues(outcome).Inc()
	for what, n := range map[string]int{"expired": n.Expired, "switched_off": n.Ended, "aged": n.Aged, "filled": n.Filled, "warned": n.Warned, "removed": n.Removed, "totalled": n.Totalled} {
		m.ends.WithLabelValues(what).Add(float64(n))
	}
}

// watch brings in what the store and the connections know when they are asked.
func (m *metrics) watch(s *store.Store, conns *connections) {
	m.registry.MustRegister(&stored{s},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: named("connections_open"), Help: "Connections of clients."}, func() float64 { return float64(conns.count()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: named("connections_refused_total"), Help: "Connections closed because too many were open."}, func() float64 { return float64(conns.refused.Load()) }))
}

// stored asks the store for its figures whenever somebody looks.
type stored struct{ store *store.Store }

// statsIn bounds how long the database is waited for.
const statsIn = 3 * time.Second

// monitor is who asks.
var monitor = tel.System("metrics")

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(named(name), help, labels, nil)
}

var (
	reservationsMetric = describe("reservations_total", "What became of reservations on this node.", "outcome")
	refusedMetric      = describe("reservations_refused_total", "Reservations that were not made, by the reason.", "code")
	ordersMetric       = describe("orders_total", "Orders that came to a state on this node.", "state")
	attemptsMetric     = describe("delivery_attempts_total", "Attempts to deliver webhooks from this node.", "outcome")
	waitingMetric      = describe("changes_waiting", "Changes that wait for the next transaction.")
	blocksMetric       = describe("shelf_blocks", "Thousands-blocks on the shelf.")
	tnsMetric          = describe("shelf_tns", "TNs on the shelf.")
	freeMetric         = describe("shelf_free_tns", "Of these, the ones that are free.")
	behindMetric       = describe("shelf_lag_seconds", "How long ago the shelf was last known to show everything.")
	upMetric           = describe("database_up", "1 when the database answered this scrape.")
	lagMetric          = describe("shelf_lag_events", "Events that the shelf does not show yet.")
	heldMetric         = describe("held_tns", "TNs in live reservations, or in such as ran out a moment ago.")
	backMetric         = describe("backorders", "Orders that wait for TNs.")
	outboxMetric       = describe("outbox_deliveries", "Deliveries that are not done.")
	dueMetric          = describe("outbox_oldest_due_seconds", "How long the oldest delivery that is due has been so.")
	sizeMetric         = describe("database_size_bytes", "Size of the database.")
	logMetric          = describe("database_log_bytes", "Size of SQLite's write-ahead log.")
	poolMetric         = describe("database_connections", "Connections to the database.", "pool", "state")
	poolWaitsMetric    = describe("database_connection_waits_total", "How often somebody waited for a connection.", "pool")
	poolWaitMetric     = describe("database_connection_wait_seconds_total", "How long, added up.", "pool")
)

// Describe lists the metrics.
func (c *stored) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{reservationsMetric, refusedMetric, ordersMetric, attemptsMetric, waitingMetric, blocksMetric, tnsMetric, freeMetric, behindMetric,
		upMetric, lagMetric, heldMetric, backMetric, outboxMetric, dueMetric, sizeMetric, logMetric, poolMetric, poolWaitsMetric, poolWaitMetric} {
		out <- d
	}
}

// collecting writes one look's figures.
type collecting chan<- prometheus.Metric

func (c collecting) gauge(d *prometheus.Desc, value float64, labels ...string) {
	c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (c collecting) counter(d *prometheus.Desc, value float64, labels ...string) {
	c <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

// Collect asks. What the database did not tell is left out, and database_up is 0.
func (c *stored) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statsIn)
	defer cancel()
	stats, err := c.store.Stats(ctx, monitor)
	if stats == nil {
		out <- prometheus.NewInvalidMetric(upMetric, fmt.Errorf("reading the store's figures: %w", err))
		return
	}
	write := collecting(out)
	write.done(stats)
	write.gauge(waitingMetric, float64(stats.Waiting))
	write.gauge(blocksMetric, float64(stats.Blocks))
	write.gauge(tnsMetric, float64(stats.TNs))
	write.gauge(freeMetric, float64(stats.FreeTNs))
	write.gauge(behindMetric, stats.Behind.Seconds())
	write.pools(stats)
	write.database(stats.Database)
}

// outcomes are the events that tell what became of a reservation, and orderEvents those
// of an order's state.
var (
	outcomes = map[tel.EventKind]string{
		tel.EventReserved: "created", tel.EventExtended: "extended", tel.EventCancelled: "cancelled", tel.EventExpired: "expired", tel.EventOrdered: "ordered",
	}
	orderEvents = map[tel.EventKind]tel.OrderState{
		tel.EventOrderPlaced: tel.OrderReceived, tel.EventOrderCompleted: tel.OrderComplete, tel.EventOrderPartial: tel.OrderPartial, tel.EventOrderFailed: tel.OrderFailed, tel.EventOrderWaits: tel.OrderBackordered,
	}
)

func (c collecting) done(s *store.Stats) {
	for kind, outcome := range outcomes {
		c.counter(reservationsMetric, float64(s.Events[kind]), outcome)
	}
	for _, code := range tel.Codes() {
		c.counter(refusedMetric, float64(s.Refused[code]), string(code))
	}
	for kind, state := range orderEvents {
		c.counter(ordersMetric, float64(s.Events[kind]), strings.ToLower(string(state)))
	}
	for _, outcome := range store.AttemptOutcomes() {
		c.counter(attemptsMetric, float64(s.Attempts[outcome]), string(outcome))
	}
}

func (c collecting) pools(s *store.Stats) {
	c.gauge(poolMetric, float64(s.Readers.InUse), "readers", "in_use")
	c.gauge(poolMetric, float64(s.Readers.Idle), "readers", "idle")
	c.counter(poolWaitsMetric, float64(s.Readers.WaitCount), "readers")
	c.counter(poolWaitMetric, s.Readers.WaitDuration.Seconds(), "readers")
	c.gauge(poolMetric, float64(s.Writers.InUse), "writers", "in_use")
	c.gauge(poolMetric, float64(s.Writers.Idle), "writers", "idle")
	c.counter(poolWaitsMetric, float64(s.Writers.WaitCount), "writers")
	c.counter(poolWaitMetric, s.Writers.WaitDuration.Seconds(), "writers")
}

func (c collecting) database(d *store.DatabaseStats) {
	if d == nil {
		c.gauge(upMetric, 0)
		return
	}
	c.gauge(upMetric, 1)
	c.gauge(lagMetric, float64(d.Lag))
	c.gauge(heldMetric, float64(d.HeldTNs))
	c.gauge(backMetric, float64(d.Waiting))
	c.gauge(outboxMetric, float64(d.Outbox))
	c.gauge(dueMetric, d.OldestDue.Seconds())
	c.gauge(sizeMetric, float64(d.Bytes))
	c.gauge(logMetric, float64(d.LogBytes))
}
