package telnyx

import (
	"net/http"
	"slices"
	"strings"
)

// route is one line of the door's site map. What stands at {…} goes to call.args.
type route struct {
	method  string
	pattern string
	table   *table // of refusals
	open    bool   // to everybody, without a key
	handle  func(*call) error

	segments []string
}

// unknown stands for what is no route, and for a request that is not known yet.
var unknown = route{pattern: "unknown", table: &reservationTable}

// routes is the site map.
var routes = withSegments([]route{
	{method: "POST", pattern: "number_reservations", table: &reservationTable, handle: plain((*call).createReservation)},
	{method: "GET", pattern: "number_reservations", table: &reservationTable, handle: (*call).listReservations},
	{method: "GET", pattern: "number_reservations/{id}", table: &reservationTable, handle: plain((*call).getReservation)},
	{method: "DELETE", pattern: "number_reservations/{id}", table: &reservationTable, handle: plain((*call).deleteReservation)},
	{method: "POST", pattern: "number_reservations/{id}/actions/extend", table: &reservationTable, handle: plain((*call).extendReservation)},
	{method: "DELETE", pattern: "number_reservations/{id}/phone_numbers/{phone_number}", table: &reservationTable, handle: plain((*call).dropNumber)},

	{method: "GET", pattern: "available_phone_numbers", table: &reservationTable, handle: (*call).availableNumbers},

	{method: "POST", pattern: "number_orders", table: &orderTable, handle: plain((*call).createOrder)},
	{method: "GET", pattern: "number_orders", table: &orderTable, handle: (*call).listOrders},
	{method: "GET", pattern: "number_orders/{id}", table: &orderTable, handle: plain((*call).getOrder)},
	{method: "PATCH", pattern: "number_orders/{id}", table: &orderTable, handle: plain((*call).patchOrder)},
	{method: "GET", pattern: "number_order_phone_numbers", table: &orderTable, handle: (*call).listOrderNumbers},
	{method: "GET", pattern: "number_order_phone_numbers/{id}", table: &orderTable, handle: plain((*call).getOrderNumber)},
	{method: "GET", pattern: "sub_number_orders", table: &orderTable, handle: (*call).listSubOrders},
	{method: "GET", pattern: "sub_number_orders/{id}", table: &orderTable, handle: (*call).getSubOrder},
	{method: "PATCH", pattern: "sub_number_orders/{id}/cancel", table: &orderTable, handle: plain((*call).cancelSubOrder)},

	{method: "GET", pattern: "public_key", table: &reservationTable, open: true, handle: plain((*call).publicKey)},
	{method: "GET", pattern: "openapi.json", table: &reservationTable, open: true, handle: plain((*call).openAPI)},
})

// plain is a route whose address has no parameters: one that stands there is refused.
func plain(handle func(*call) error) func(*call) error {
	return func(c *call) error {
		if err := c.params().check(); err != nil {
			return err
		}
		return handle(c)
	}
}

func withSegments(list []route) []route {
	for i := range list {
		list[i].segments = strings.Split(list[i].pattern, "/")
	}
	return list
}

// find sets the request's route. Where the path is known and the method is not, it
// answers the methods that are.
func (c *call) find(path []string) (allowed []string) {
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range routes {
		args, ok := routes[i].match(path)
		if !ok {
			continue
		}
		if routes[i].method == method {
			c.route, c.args = &routes[i], args
			return nil
		}
		allowed = append(allowed, routes[i].method)
	}
	slices.Sort(allowed)
	return allowed
}

func (r *route) match(path []string) (args []string, ok bool) {
	if len(path) != len(r.segments) {
		return nil, false
	}
	for i, s := range r.segments {
		switch {
		case s[0] == '{':
			args = append(args, path[i])
		case s != path[i]:
			return nil, false
		}
	}
	return args, true
}
