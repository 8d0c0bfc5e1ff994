package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"tnreserve/store/tel"
)

// What watches this server: a supervisor, a load balancer, a monitor.

// healthz answers while this process answers at all: not to do so is a reason to
// start it anew.
func (v *visit) healthz() error {
	alive(v.w)
	return nil
}

func alive(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readyIn bounds how long the database is waited for.
const readyIn = 2 * time.Second

// readiness is what /readyz tells.
type readiness struct {
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"` // in plain words, when it is not
}

// readyz answers whether requests are to be sent here: a load balancer sends them to
// another node until they are.
func (v *visit) readyz() error { return v.readiness().tell(v.w) }

func (state readiness) tell(w http.ResponseWriter) error {
	status := http.StatusOK
	if !state.Ready {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(state)
}

// Loading answers as /healthz and /readyz do for a server that has no dashboard yet.
func Loading() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		secureHeaders(w.Header(), false)
		alive(w)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		secureHeaders(w.Header(), false)
		_ = readiness{Reason: "This server is still loading the inventory."}.tell(w)
	})
	return mux
}

func (v *visit) readiness() readiness {
	if v.leaving.Load() {
		return readiness{Reason: "This server is about to end."}
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), readyIn)
	defer cancel()
	if err := v.store.Ready(ctx); err != nil {
		return readiness{Reason: err.Error()}
	}
	return readiness{Ready: true}
}

// metrics are for operators; a monitor reads them where --metrics-addr says.
func (v *visit) metrics() error {
	if err := v.actor.Require(tel.ActWatch, 0); err != nil {
		return err
	}
	if v.cfg.Metrics == nil {
		return tel.NotFound()
	}
	v.cfg.Metrics.ServeHTTP(v.w, v.r)
	return nil
}
