package web

import (
	"errors"

	"tnreserve/store/tel"
)

// Patterns are the routes as registered, for the test that walks them all.
func (s *Server) Patterns() []string {
	var list []string
	for _, r := range s.routes() {
		list = append(list, r.pattern)
	}
	return list
}

// Secret is what a broken handler says; no page may show it.
const Secret = "secret-detail-of-the-inside"

// Break adds routes that fail in every way that a handler can.
func (s *Server) Break() {
	for pattern, handle := range map[string]func(*visit) error{
		"GET /broken/panic":     func(*visit) error { panic(Secret) },
		"GET /broken/error":     func(*visit) error { return errors.New(Secret) },
		"GET /broken/busy":      func(*visit) error { return tel.Refuse(tel.CodeBusy, "Busy.") },
		"GET /broken/slow-down": func(*visit) error { return tel.Refuse(tel.CodeSlowDown, "Slow down.") },
	} {
		s.mux.HandleFunc(pattern, s.serve(route{pattern, open, handle}))
	}
}

// LocalPath is localPath, for the test of addresses that lead elsewhere.
func (s *Server) LocalPath(to string) string { return s.localPath(to) }

// Harmless is harmless, for the test of formulas.
func Harmless(s string) string { return harmless(s) }

// ReportNames are the tables that can be taken away.
func ReportNames() (names []string) {
	for _, t := range (&visit{}).reportTables(reportAsk{}) {
		names = append(names, t.name)
	}
	return names
}

// ReadElsewhere takes the one place for a file that is read, until it is let go.
func (s *Server) ReadElsewhere() (letGo func()) {
	s.imports.reading <- struct{}{}
	return func() { <-s.imports.reading }
}
