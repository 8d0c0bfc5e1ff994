package bandwidth

import (
	"net/http"
	"slices"
	"strings"
)

// route is one line of the door's site map. Segments match in any case; what stands
// at {…} goes to call.args.
type route struct {
	method  string
	pattern string
	kind    *kind
	root    string // of refusals
	handle  func(*call) error

	segments []string
}

func (r *route) ofAccount() bool { return strings.HasPrefix(r.pattern, "accounts/{account}") }

// Routes that stand in no table: before a request is known, and for tokens.
var (
	unknown    = route{pattern: "unknown", kind: &resourceKind, root: "ErrorResponse"}
	tokenRoute = route{pattern: "oauth2/token", kind: &resourceKind, root: "ErrorResponse"}
)

// routes is the site map.
var routes = withSegments([]route{
	{method: "GET", pattern: "accounts/{account}", kind: &otherKind, root: "AccountResponse", handle: (*call).getAccount},
	{method: "PUT", pattern: "accounts/{account}", kind: &otherKind, root: "AccountResponse", handle: (*call).putAccount},
	{method: "GET", pattern: "accounts/{account}/products", kind: &otherKind, root: "AccountProductsResponse", handle: (*call).products},

	{method: "GET", pattern: "accounts/{account}/tnreservation", kind: &reservationKind, root: "ReservationsResponse", handle: (*call).listReservations},
	{method: "POST", pattern: "accounts/{account}/tnreservation", kind: &reservationKind, root: "ReservationResponse", handle: (*call).createReservation},
	{method: "GET", pattern: "accounts/{account}/tnreservation/{id}", kind: &reservationKind, root: "ReservationResponse", handle: (*call).getReservation},
	{method: "DELETE", pattern: "accounts/{account}/tnreservation/{id}", kind: &reservationKind, root: "ReservationResponse", handle: (*call).deleteReservation},
	{method: "GET", pattern: "tns/{tn}/tnreservation", kind: &reservationKind, root: "ReservationResponse", handle: (*call).reservationOfTN},

	{method: "GET", pattern: "accounts/{account}/availableNumbers", kind: &searchKind, root: "SearchResult", handle: (*call).availableNumbers},
	{method: "GET", pattern: "accounts/{account}/availableNpaNxx", kind: &searchKind, root: "SearchResultForAvailableNpaNxx", handle: (*call).availableNpaNxx},
	{method: "GET", pattern: "cities", kind: &otherKind, root: "CityResponse", handle: (*call).cities},
	{method: "GET", pattern: "rateCenters", kind: &otherKind, root: "RateCenterResponse", handle: (*call).rateCenters},

	{method: "GET", pattern: "tns", kind: &resourceKind, root: "TelephoneNumbersResponse", handle: (*call).listTNs},
	{method: "GET", pattern: "tns/{tn}", kind: &resourceKind, root: "TelephoneNumberResponse", handle: (*call).getTN},
	{method: "GET", pattern: "tns/{tn}/tndetails", kind: &resourceKind, root: "TelephoneNumberResponse", handle: (*call).tnDetails},

	{method: "POST", pattern: "accounts/{account}/orders", kind: &orderKind, root: "OrderResponse", handle: (*call).createOrder},
	{method: "GET", pattern: "accounts/{account}/orders", kind: &orderKind, root: "OrderResponse", handle: (*call).listOrders},
	{method: "GET", pattern: "accounts/{account}/orders/{id}", kind: &orderKind, root: "OrderResponse", handle: (*call).getOrder},
	{method: "PUT", pattern: "accounts/{account}/orders/{id}", kind: &orderKind, root: "OrderResponse", handle: (*call).putOrder},
	{method: "GET", pattern: "accounts/{account}/orders/{id}/history", kind: &orderKind, root: "OrderResponse", handle: (*call).orderHistory},
	{method: "GET", pattern: "accounts/{account}/orders/{id}/notes", kind: &resourceKind, root: "NotesResponse", handle: (*call).orderNotes},
	{method: "POST", pattern: "accounts/{account}/orders/{id}/notes", kind: &resourceKind, root: "NotesResponse", handle: (*call).addOrderNote},
	{method: "GET", pattern: "accounts/{account}/orders/{id}/tns", kind: &orderKind, root: "OrderResponse", handle: (*call).orderTNs},
	{method: "GET", pattern: "accounts/{account}/orders/{id}/areaCodes", kind: &orderKind, root: "OrderResponse", handle: (*call).orderAreaCodes},
	{method: "GET", pattern: "accounts/{account}/orders/{id}/npaNxx", kind: &orderKind, root: "OrderResponse", handle: (*call).orderNpaNxx},
	{method: "GET", pattern: "accounts/{account}/orders/{id}/totals", kind: &orderKind, root: "OrderResponse", handle: (*call).orderTotals},

	{method: "POST", pattern: "accounts/{account}/disconnects", kind: &orderKind, root: "OrderResponse", handle: (*call).createDisconnect},
	{method: "GET", pattern: "accounts/{account}/disconnects", kind: &orderKind, root: "OrderResponse", handle: (*call).listOrders},
	{method: "GET", pattern: "accounts/{account}/disconnects/{id}", kind: &orderKind, root: "OrderResponse", handle: (*call).getOrder},
	{method: "GET", pattern: "accounts/{account}/disconnects/{id}/notes", kind: &resourceKind, root: "NotesResponse", handle: (*call).orderNotes},
	{method: "POST", pattern: "accounts/{account}/disconnects/{id}/notes", kind: &resourceKind, root: "NotesResponse", handle: (*call).addOrderNote},

	{method: "GET", pattern: "accounts/{account}/sites", kind: &resourceKind, root: "SitesResponse", handle: (*call).listSites},
	{method: "POST", pattern: "accounts/{account}/sites", kind: &resourceKind, root: "SiteResponse", handle: (*call).createSite},
	{method: "GET", pattern: "accounts/{account}/sites/{site}", kind: &resourceKind, root: "SiteResponse", handle: (*call).getSite},
	{method: "GET", pattern: "accounts/{account}/sites/{site}/sippeers", kind: &resourceKind, root: "TNSipPeersResponse", handle: (*call).listPeers},
	{method: "POST", pattern: "accounts/{account}/sites/{site}/sippeers", kind: &resourceKind, root: "SipPeerResponse", handle: (*call).createPeer},
	{method: "GET", pattern: "accounts/{account}/sites/{site}/sippeers/{peer}", kind: &resourceKind, root: "SipPeerResponse", handle: (*call).getPeer},

	{method: "GET", pattern: "accounts/{account}/subscriptions", kind: &resourceKind, root: "SubscriptionsResponse", handle: (*call).listSubscriptions},
	{method: "POST", pattern: "accounts/{account}/subscriptions", kind: &resourceKind, root: "SubscriptionsResponse", handle: (*call).createSubscription},
	{method: "GET", pattern: "accounts/{account}/subscriptions/{id}", kind: &resourceKind, root: "SubscriptionsResponse", handle: (*call).getSubscription},
	{method: "PUT", pattern: "accounts/{account}/subscriptions/{id}", kind: &resourceKind, root: "SubscriptionsResponse", handle: (*call).putSubscription},
	{method: "DELETE", pattern: "accounts/{account}/subscriptions/{id}", kind: &resourceKind, root: "SubscriptionsResponse", handle: (*call).deleteSubscription},
})

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
		case !strings.EqualFold(s, path[i]):
			return nil, false
		}
	}
	return args, true
}
