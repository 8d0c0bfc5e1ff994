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
		{"GET /readyz", open, (*visit).readyz},
		{"GET /metrics", signedIn, (*visit).metrics},
		{"GET /static/", open, fromHandler(static.Handler())},
		{"POST /theme", open, (*visit).setTheme},
		{"GET /live", signedIn, (*visit).live},
		{"GET /api-docs", open, (*visit).apiDocs},

		{"GET /sign-in", open, (*visit).signInPage},
		{"POST /sign-in", open, (*visit).signIn},
		{"POST /sign-out", signedIn, (*visit).signOut},
		{"GET /setup/{token}", open, (*visit).setUpPage},
		{"POST /setup/{token}", open, (*visit).setUp},
		{"GET /enter/{token}", open, (*visit).enterPage},
		{"POST /enter/{token}", open, (*visit).enter},
		{"POST /act-for", signedIn, (*visit).actFor},
		{"GET /sign-in/second", open, (*visit).codePage},
		{"POST /sign-in/second", open, (*visit).signInCode},
		{"GET /sign-in/second/set-up", open, (*visit).factorSetUpPage},
		{"POST /sign-in/second/set-up", open, (*visit).factorSetUp},
		{"GET /sign-in/sso", open, (*visit).ssoStart},
		{"GET " + ssoCallback, open, (*visit).ssoReturn},
		{"GET /invitations/{token}", open, (*visit).invitation},
		{"POST /invitations/{token}", open, (*visit).acceptAsNew},
		{"POST /invitations/{token}/accept", signedIn, (*visit).acceptInvitation},
		{"GET /reset/{token}", open, (*visit).resetPage},
		{"POST /reset/{token}", open, (*visit).resetPassword},

		{"GET /settings", signedIn, (*visit).settings},
		{"POST /settings", signedIn, (*visit).saveSettings},
		{"POST /settings/password", signedIn, (*visit).changePassword},
		{"POST /settings/sign-out", signedIn, (*visit).signOutOthers},
		{"POST /settings/sessions/{session}/end", signedIn, (*visit).endOwnSession},
		{"GET /settings/second-factor", signedIn, (*visit).factor},
		{"POST /settings/second-factor", signedIn, (*visit).confirmFactor},
		{"POST /settings/second-factor/start", signedIn, (*visit).startFactor},
		{"POST /settings/second-factor/codes", signedIn, (*visit).newCodes},
		{"POST /settings/second-factor/off", signedIn, (*visit).dropFactor},

		{"GET /people", signedIn, (*visit).people},
		{"POST /people", signedIn, (*visit).invite},
		{"POST /people/invitations/{invitation}/revoke", signedIn, (*visit).revokeInvitation},
		{"GET /people/{person}", signedIn, (*visit).person},
		{"POST /people/{person}/role", signedIn, (*visit).setRole},
		{"POST /people/{person}/active", signedIn, (*visit).deactivate},
		{"POST /people/{person}/reset", signedIn, (*visit).resetLink},
		{"POST /people/{person}/second-factor", signedIn, (*visit).resetFactor},
		{"POST /people/{person}/sign-out", signedIn, (*visit).signOutPerson},
		{"POST /people/{person}/sessions/{session}/end", signedIn, (*visit).endSession},

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

		{"POST /reservations/{id}/links", signedIn, (*visit).makeLink},
		{"POST /reservations/{id}/links/{link}/revoke", signedIn, (*visit).revokeLink},

		{"GET /buy/{token}", open, (*visit).purchase},
		{"POST /buy/{token}", open, (*visit).acceptPurchase},
		{"GET /buy/{token}/checkout", open, (*visit).checkout},
		{"POST /buy/{token}/back", open, (*visit).leaveCheckout},
		{"GET /buy/{token}/return", open, (*visit).returnFromCheckout},
		{"POST /buy/{token}/similar", open, (*visit).takeSimilar},
		{"GET /shop/{slug}", open, (*visit).shop},
		{"POST /shop/{slug}", open, (*visit).holdInShop},

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
		{"POST /lookup/list", signedIn, (*visit).lookupList},
		{"POST /lookup/list.csv", signedIn, (*visit).lookupListCSV},
		{"POST /lookup/disable", signedIn, (*visit).disable},
		{"POST /lookup/enable", signedIn, (*visit).enable},

		{"GET /reports", signedIn, (*visit).reports},
		{"GET /reports/{file}", signedIn, (*visit).reportFile},
		{"GET /audit", signedIn, (*visit).audit},
		{"GET /audit.csv", signedIn, (*visit).auditCSV},

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

		{"GET /accounts/{account}/selling", signedIn, (*visit).selling},
		{"POST /accounts/{account}/selling", signedIn, (*visit).setSelling},
		{"POST /accounts/{account}/selling/secret", signedIn, (*visit).makeCheckoutSecret},

		{"GET /accounts/{account}/clients", signedIn, (*visit).clients},
		{"POST /accounts/{account}/clients", signedIn, (*visit).createClient},
		{"GET /accounts/{account}/clients/{client}/revoke", signedIn, (*visit).revokeClientPage},
		{"POST /accounts/{account}/clients/{client}/revoke", signedIn, (*visit).revokeClient},
		{"GET /accounts/{account}/clients/{client}/rotate", signedIn, (*visit).rotateClientPage},
		{"POST /accounts/{account}/clients/{client}/rotate", signedIn, (*visit).rotateClient},

		{"GET /accounts/{account}/people", signedIn, (*visit).people},
		{"POST /accounts/{account}/people", signedIn, (*visit).invite},
		{"POST /accounts/{account}/second-factor", signedIn, (*visit).requireFactor},
		{"POST /accounts/{account}/invitations/{invitation}/revoke", signedIn, (*visit).revokeInvitation},
		{"GET /accounts/{account}/people/{person}", signedIn, (*visit).person},
		{"POST /accounts/{account}/people/{person}/role", signedIn, (*visit).setRole},
		{"GET /accounts/{account}/people/{person}/remove", signedIn, (*visit).removePage},
		{"POST /accounts/{account}/people/{person}/remove", signedIn, (*visit).removePerson},
		{"POST /accounts/{account}/people/{person}/active", signedIn, (*visit).deactivate},
		{"POST /accounts/{account}/people/{person}/reset", signedIn, (*visit).resetLink},
		{"POST /accounts/{account}/people/{person}/sign-out", signedIn, (*visit).signOutPerson},
		{"POST /accounts/{account}/people/{person}/sessions/{session}/end", signedIn, (*visit).endSession},

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
