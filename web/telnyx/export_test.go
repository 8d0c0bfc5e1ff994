package telnyx

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// Routes are the site map's methods and patterns.
func Routes() (list [][2]string) {
	for _, r := range routes {
		list = append(list, [2]string{r.method, r.pattern})
	}
	return list
}

// RouteOf is the pattern that answers a request; "" for none.
func RouteOf(r *http.Request) string {
	path, _ := splitPrefix(r.URL.EscapedPath())
	c := call{r: r, route: &unknown}
	if c.find(path); c.route == &unknown {
		return ""
	}
	return c.route.pattern
}

// Open tells whether a route is for everybody.
func Open(method, pattern string) bool {
	for _, r := range routes {
		if r.method == method && r.pattern == pattern {
			return r.open
		}
	}
	return false
}

// Row is what a table says of a code.
type Row struct {
	Status     int
	Code, Text string
}

// Tables are the error tables by name.
func Tables() map[string]map[tel.Code]Row {
	tables := map[string]map[tel.Code]Row{}
	for name, t := range map[string]table{"reservations": reservationTable, "orders": orderTable} {
		tables[name] = map[tel.Code]Row{}
		for code, r := range t {
			tables[name][code] = Row{r.status, r.code, r.text}
		}
	}
	return tables
}

// Titles are the vendor's by code.
func Titles() map[string]string { return maps.Clone(titles) }

// SearchLate is the status of a search when the time for it is up; 0 it is answered.
func SearchLate(s *store.Store, actor tel.Actor) int {
	c := &call{Door: New(Config{Store: s}), route: &unknown, r: httptest.NewRequest(http.MethodGet, "/v2/available_phone_numbers", nil), actor: actor}
	late, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := c.inTime(late, sought{query: tel.NewQuery(), limit: usualFound, best: true}); err != nil {
		return c.faultOf(err).status
	}
	return 0
}

// ReadJSON is the reader; PartID and PartOf name parts.
var (
	ReadJSON = readJSON
	PartID   = partID
	PartOf   = partOf
)

// Decode reads an address as a list does, and answers what it understood.
func Decode(r *http.Request) (values map[string][]string, err error) {
	p := (&call{r: r}).params(append(pages, "filter[status]", "filter[features]", "filter[created_at][gt]", "filter[created_at][lt]")...)
	p.page()
	p.list("filter[features]")
	p.text("filter[status]")
	p.span()
	return p.values, p.check()
}

// The limits of a body.
const (
	MaxBody   = maxBody
	MaxTokens = maxTokens
	MaxDepth  = maxDepth
)
