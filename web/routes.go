package web

import (
	"net/http"

	"tnreserve/static"
)

// access is who gets as far as a handler; what they may do there, the store decides.
type access int

const (
	open     access = iota // anybody
	signedIn               // a session; others are sent to sign in
)

// route is one line of the site map.
type route struct {
	pattern string
	access  access
	handle  func(*visit) error
}

// routes is the site map.
func (s *Server) routes() []route {
	return []route{
		{"GET /{$}", signedIn, (*visit).home},
		{"GET /healthz", open, (*visit).healthz},
		{"GET /static/", open, fromHandler(static.Handler())},
		{"POST /theme", open, (*visit).setTheme},
		{"GET /live", signedIn, (*visit).live},

		{"GET /sign-in", open, (*visit).signInPage},
		{"POST /sign-in", open, (*visit).signIn},
		{"POST /sign-out", signedIn, (*visit).signOut},
		{"GET /setup/{token}", open, (*visit).setUpPage},
		{"POST /setup/{token}", open, (*visit).setUp},
		{"GET /enter/{token}", open, (*visit).enterPage},
		{"POST /enter/{token}", open, (*visit).enter},
		{"POST /act-for", signedIn, (*visit).actFor},

		{"GET /search", signedIn, (*visit).search},
		{"GET /search/rows", signedIn, (*visit).searchRows},

		{"GET /reservations", signedIn, (*visit).reservations},
		{"POST /reservations", signedIn, (*visit).reserve},
		{"GET /reservations.csv", signedIn, (*visit).reservationsCSV},
		{"GET /reservations/cancel", signedIn, (*visit).cancelPage},
		{"POST /reservations/cancel", signedIn, (*visit).cancel},
		{"GET /reservations/{id}", signedIn, (*visit).reservation},
		{"POST /reservations/{id}/extend", signedIn, (*visit).extend},
		{"POST /reservations/{id}/drop", signedIn, (*visit).drop},

		{"GET /orders", signedIn, (*visit).orders},
		{"POST /orders", signedIn, (*visit).placeOrder},
		{"GET /orders/new", signedIn, (*visit).newOrder},
		{"GET /orders/{id}", signedIn, (*visit).order},
		{"POST /orders/{id}", signedIn, (*visit).changeOrder},
		{"POST /orders/{id}/notes", signedIn, (*visit).addOrderNote},

		{"GET /numbers", signedIn, (*visit).numbers},
		{"GET /numbers/disconnect", signedIn, (*visit).disconnectPage},
		{"POST /numbers/disconnect", signedIn, (*visit).disconnect},

		{"GET /lookup", signedIn, (*visit).lookup},
		{"POST /lookup/disable", signedIn, (*visit).disable},
		{"POST /lookup/enable", signedIn, (*visit).enable},

		{"GET /accounts", signedIn, (*visit).accounts},
		{"POST /accounts", signedIn, (*visit).createAccount},
		{"GET /accounts/{account}", signedIn, (*visit).account},
		{"GET /accounts/{account}/switch-off", signedIn, (*visit).switchOffPage},
		{"POST /accounts/{account}/switch", signedIn, (*visit).switchReservations},
		{"POST /accounts/{account}/lock", signedIn, (*visit).lockSwitch},
		{"POST /accounts/{account}/policy", signedIn, (*visit).setPolicy},
		{"POST /accounts/{account}/limits", signedIn, (*visit).setLimits},
		{"POST /accounts/{account}/aging", signedIn, (*visit).setAging},
		{"POST /accounts/{account}/enter", signedIn, (*visit).enterAccount},

		{"GET /accounts/{account}/clients", signedIn, (*visit).clients},
		{"POST /accounts/{account}/clients", signedIn, (*visit).createClient},
		{"GET /accounts/{account}/clients/{client}/revoke", signedIn, (*visit).revokeClientPage},
		{"POST /accounts/{account}/clients/{client}/revoke", signedIn, (*visit).revokeClient},
		{"GET /accounts/{account}/clients/{client}/rotate", signedIn, (*visit).rotateClientPage},
		{"POST /accounts/{account}/clients/{client}/rotate", signedIn, (*visit).rotateClient},

		{"GET /accounts/{account}/webhooks", signedIn, (*visit).webhooks},
		{"POST /accounts/{account}/webhooks", signedIn, (*visit).createEndpoint},
		{"POST /accounts/{account}/webhooks/notice", signedIn, (*visit).setExpiringNotice},
		{"GET /accounts/{account}/webhooks/{endpoint}", signedIn, (*visit).endpoint},
		{"POST /accounts/{account}/webhooks/{endpoint}", signedIn, (*visit).changeEndpoint},
		{"POST /accounts/{account}/webhooks/{endpoint}/pause", signedIn, (*visit).pauseEndpoint},
		{"POST /accounts/{account}/webhooks/{endpoint}/resume", signedIn, (*visit).resumeEndpoint},
		{"POST /accounts/{account}/webhooks/{endpoint}/test", signedIn, (*visit).testEndpoint},
		{"GET /accounts/{account}/webhooks/{endpoint}/delete", signedIn, (*visit).deleteEndpointPage},
		{"POST /accounts/{account}/webhooks/{endpoint}/delete", signedIn, (*visit).deleteEndpoint},
		{"GET /accounts/{account}/webhooks/{endpoint}/rotate", signedIn, (*visit).rotateEndpointPage},
		{"POST /accounts/{account}/webhooks/{endpoint}/rotate", signedIn, (*visit).rotateEndpoint},
		{"GET /accounts/{account}/webhooks/{endpoint}/deliveries/{delivery}", signedIn, (*visit).delivery},
		{"POST /accounts/{account}/webhooks/{endpoint}/deliveries/{delivery}/redeliver", signedIn, (*visit).redeliver},

		{"GET /inventory", signedIn, (*visit).inventory},
		{"GET /inventory/import", signedIn, (*visit).importForm},
		{"POST /inventory/import", signedIn, (*visit).upload},
		{"GET /inventory/import/{import}", signedIn, (*visit).importPage},
		{"POST /inventory/import/{import}/confirm", signedIn, (*visit).confirmImport},
		{"POST /inventory/import/{import}/discard", signedIn, (*visit).discardImport},

		{"/", open, (*visit).nothing},
	}
}

// fromHandler makes a route of a plain handler.
func fromHandler(h http.Handler) func(*visit) error {
	return func(v *visit) error {
		h.ServeHTTP(v.w, v.r)
		return nil
	}
}
