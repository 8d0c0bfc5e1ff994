package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/static"
	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// The walk: every route × every role × {own, another account's, unknown}, plain and
// as htmx asks. What each answers is spelled out from SEMANTICS.md, "who may what".

// target is what a request is aimed at.
type target struct {
	account string
	live    string // a reservation of two TNs
	tn      string // the first of them
	second  string
	link    string // that signs somebody in
	file    string // an import that waits
	free    string // a TN that nobody holds, "" none
	client  string // an API client
	secret  string // the newest of its secrets
	order   string
	service string // a TN in service
	aging   string // a TN that ages
	person  string // a member who is there for the walk
	session string // one of theirs
	waiting string // an invitation to the account
	invite  string // the token of its link
	reset   string // the token of a link that sets the person's password
	buy     string // the token of a purchase link to live
	terms   string // of what is behind it
	share   string // the link's id
	shop    string // a storefront
	hook    string // an endpoint of webhooks
	hint    string // of its secret
	sent    string // a delivery to it
}

// statuses are the expected ones: operator, support of all, admin, support of the
// account, member, nobody.
type statuses [6]int

// of picks a role's.
func (s statuses) of(who string) int {
	switch {
	case who == "operator":
		return s[0]
	case who == "support-all":
		return s[1]
	case strings.HasSuffix(who, "admin"):
		return s[2]
	case strings.HasSuffix(who, "support"):
		return s[3]
	case strings.HasSuffix(who, "member"):
		return s[4]
	}
	return s[5]
}

// step is one line of the table. Where other and unknown are absent, the address
// names nothing that belongs to anybody.
type step struct {
	pattern             string
	path                func(target) string
	form                func(target) url.Values
	own, other, unknown statuses
	quick               bool // a session is changed by it: each request gets a new one
	open                bool // nobody is not sent to sign in
	loud                bool // a refusal is written down too
	noted               bool // that somebody of the platform looked is written down
}

func fixed(path string) func(target) string { return func(target) string { return path } }

func fields(pairs ...string) func(target) url.Values {
	return func(target) url.Values { return values(pairs...) }
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

var policyForm = []string{"window", "4h", "ceiling", "12h", "max_extensions", "3", "max_held", "900", "max_per_reservation", "100", "cooldown", "0s", "max_share", "0"}

func all(status int) statuses {
	return statuses{status, status, status, status, status, status}
}

var (
	reads    = statuses{200, 200, 200, 200, 200, 303} // whoever sees it
	operates = statuses{200, 403, 403, 403, 403, 303}
	managers = statuses{200, 403, 200, 403, 403, 303}
	gone     = statuses{404, 404, 404, 404, 404, 303}
	hidden   = statuses{200, 200, 404, 404, 404, 303} // another account's

	operatesNot = statuses{404, 403, 403, 403, 403, 303}

	manages      = statuses{200, 403, 200, 403, 403, 303} // what an account's admins do
	managesOther = statuses{200, 403, 404, 404, 404, 303}
	changes      = statuses{303, 403, 303, 403, 403, 303}
	changesOther = statuses{303, 403, 404, 404, 404, 303}
)

// ownAdmins is what operators and the account's admins get and its others do not;
// notTheirs is the same of another account.
func ownAdmins(status int) statuses { return statuses{status, 403, status, 403, 403, 303} }
func notTheirs(status int) statuses { return statuses{status, 403, 404, 404, 404, 303} }

var walk = []step{
	{pattern: "GET /{$}", path: fixed("/"), own: all(303)},
	{pattern: "GET /healthz", path: fixed("/healthz"), own: all(200), open: true},
	{pattern: "GET /readyz", path: fixed("/readyz"), own: all(200), open: true},
	{pattern: "GET /metrics", path: fixed("/metrics"), own: statuses{200, 403, 404, 404, 404, 303}},
	{pattern: "GET /static/", path: fixed(static.Path("app.css")), own: all(200), open: true},
	{pattern: "GET /static/", path: fixed("/static/nothing.css"), own: all(404), open: true},
	{pattern: "POST /theme", path: fixed("/theme"), form: fields("theme", "dark", "back", "/lookup"), own: all(303), open: true},
	{pattern: "POST /theme", path: fixed("/theme"), form: fields("theme", "pink"), own: all(422), open: true},
	{pattern: "GET /live", path: fixed("/live"), own: statuses{200, 200, 200, 200, 200, 204}},

	{pattern: "GET /api-docs", path: fixed("/api-docs"), own: all(200), open: true},

	{pattern: "GET /sign-in", path: fixed("/sign-in"), own: statuses{303, 303, 303, 303, 303, 200}, open: true},
	{pattern: "POST /sign-in", path: fixed("/sign-in"), form: fields("email", "", "password", "wrong"), own: all(401), open: true, loud: true},
	{pattern: "POST /sign-out", path: fixed("/sign-out"), form: fields(), own: all(303), quick: true},
	{pattern: "GET /setup/{token}", path: fixed("/setup/none"), own: all(410), open: true},
	{pattern: "POST /setup/{token}", path: fixed("/setup/none"), form: fields("email", "eve@example.com", "name", "Eve", "password", "long enough it is"), own: all(410), open: true},
	{pattern: "GET /enter/{token}", path: func(t target) string { return "/enter/" + t.link }, own: all(200), unknown: all(410), open: true},
	{pattern: "POST /enter/{token}", path: func(t target) string { return "/enter/" + t.link }, form: fields(), own: all(303), unknown: all(410), quick: true, open: true},
	{pattern: "POST /act-for", path: fixed("/act-for"), form: func(t target) url.Values { return values("account", t.account) }, quick: true,
		own: statuses{303, 404, 303, 303, 303, 303}, other: statuses{303, 404, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /act-for", path: fixed("/act-for"), form: fields("account", ""), quick: true, own: statuses{303, 303, 404, 404, 404, 303}},
	{pattern: "GET /sign-in/second", path: fixed("/sign-in/second"), own: all(303), open: true},
	{pattern: "POST /sign-in/second", path: fixed("/sign-in/second"), form: fields("code", "000000"), own: all(303), open: true},
	{pattern: "GET /sign-in/second/set-up", path: fixed("/sign-in/second/set-up"), own: all(303), open: true},
	{pattern: "POST /sign-in/second/set-up", path: fixed("/sign-in/second/set-up"), form: fields("code", "000000"), own: all(303), open: true},
	{pattern: "GET /sign-in/sso", path: fixed("/sign-in/sso"), own: all(404), open: true},
	{pattern: "GET /sign-in/sso/callback", path: fixed("/sign-in/sso/callback?state=x&code=y"), own: all(404), open: true},
	{pattern: "GET /invitations/{token}", path: func(t target) string { return "/invitations/" + t.invite }, own: all(200), unknown: all(410), open: true},
	{pattern: "POST /invitations/{token}", path: func(t target) string { return "/invitations/" + t.invite }, form: fields("name", "Walked", "password", "long enough it is"), own: all(303), unknown: all(410), quick: true, open: true},
	{pattern: "POST /invitations/{token}", path: func(t target) string { return "/invitations/" + t.invite }, form: fields("name", "Walked", "password", "short"), own: all(422), unknown: all(410), open: true},
	{pattern: "POST /invitations/{token}/accept", path: func(t target) string { return "/invitations/" + t.invite + "/accept" }, form: fields(), own: statuses{403, 403, 403, 403, 403, 303}, unknown: statuses{410, 410, 410, 410, 410, 303}},
	{pattern: "GET /reset/{token}", path: func(t target) string { return "/reset/" + t.reset }, own: all(200), unknown: all(410), open: true},
	{pattern: "POST /reset/{token}", path: func(t target) string { return "/reset/" + t.reset }, form: fields("password", "long enough it is"), own: all(303), unknown: all(410), open: true},
	{pattern: "POST /reset/{token}", path: func(t target) string { return "/reset/" + t.reset }, form: fields("password", "short"), own: all(422), unknown: all(410), open: true},

	{pattern: "GET /settings", path: fixed("/settings"), own: reads},
	{pattern: "POST /settings", path: fixed("/settings"), form: fields("name", "Walked", "zone", "Europe/Berlin", "theme", "dark"), own: all(303)},
	{pattern: "POST /settings", path: fixed("/settings"), form: fields("name", "Walked", "zone", "Mars/Olympus"), own: statuses{422, 422, 422, 422, 422, 303}},
	{pattern: "POST /settings/password", path: fixed("/settings/password"), form: fields("old", "x", "password", "short"), own: statuses{422, 422, 422, 422, 422, 303}},
	{pattern: "POST /settings/sign-out", path: fixed("/settings/sign-out"), form: fields(), own: all(303)},
	{pattern: "POST /settings/sessions/{session}/end", path: func(t target) string { return "/settings/sessions/" + t.session + "/end" }, form: fields(), own: all(303), unknown: all(303)},
	{pattern: "GET /settings/second-factor", path: fixed("/settings/second-factor"), own: reads},
	{pattern: "POST /settings/second-factor", path: fixed("/settings/second-factor"), form: fields("code", "000000"), own: statuses{422, 422, 422, 422, 422, 303}},
	{pattern: "POST /settings/second-factor/start", path: fixed("/settings/second-factor/start"), form: fields(), own: all(303)},
	{pattern: "POST /settings/second-factor/codes", path: fixed("/settings/second-factor/codes"), form: fields("code", "000000"), own: statuses{422, 422, 422, 422, 422, 303}, loud: true},
	{pattern: "POST /settings/second-factor/off", path: fixed("/settings/second-factor/off"), form: fields("code", "000000"), own: statuses{422, 422, 422, 422, 422, 303}, loud: true},

	{pattern: "GET /people", path: fixed("/people"), own: operates},
	{pattern: "GET /people", path: fixed("/people?q=acme&after=a"), own: operates},
	{pattern: "POST /people", path: fixed("/people"), form: func(t target) url.Values {
		return values("email", nextEmail(), "role", "member", "account", t.account)
	}, own: operates, unknown: statuses{422, 403, 403, 403, 403, 303}},
	{pattern: "POST /people", path: fixed("/people"), form: fields("email", "nobody", "role", "operator"), own: statuses{422, 403, 403, 403, 403, 303}},
	{pattern: "POST /people/invitations/{invitation}/revoke", path: func(t target) string { return "/people/invitations/" + t.waiting + "/revoke" }, form: fields(), own: statuses{303, 403, 403, 403, 403, 303}},
	{pattern: "GET /people/{person}", path: personAt("/people", ""), own: operates, unknown: operatesNot},
	{pattern: "POST /people/{person}/role", path: personAt("/people", "/role"), form: fields("role", "support"), own: statuses{303, 403, 403, 403, 403, 303}, unknown: operatesNot},
	{pattern: "POST /people/{person}/active", path: personAt("/people", "/active"), form: fields("off", "1"), own: statuses{303, 403, 403, 403, 403, 303}, unknown: operatesNot},
	{pattern: "POST /people/{person}/reset", path: personAt("/people", "/reset"), form: fields(), own: operates, unknown: operatesNot},
	{pattern: "POST /people/{person}/second-factor", path: personAt("/people", "/second-factor"), form: fields(), own: statuses{303, 403, 403, 403, 403, 303}, unknown: operatesNot},
	{pattern: "POST /people/{person}/sign-out", path: personAt("/people", "/sign-out"), form: fields(), own: statuses{303, 403, 403, 403, 403, 303}, unknown: operatesNot},
	{pattern: "POST /people/{person}/sessions/{session}/end", path: func(t target) string { return "/people/" + t.person + "/sessions/" + t.session + "/end" }, form: fields(), own: statuses{303, 403, 403, 403, 403, 303}, unknown: operatesNot},

	{pattern: "GET /search", path: fixed("/search"), own: all(303)},
	{pattern: "GET /search", path: fixed("/search?contains=42&seed=1"), own: reads},
	{pattern: "GET /search", path: fixed("/search?npa=111"), own: statuses{422, 422, 422, 422, 422, 303}},
	{pattern: "GET /search/rows", path: func(t target) string { return "/search/rows?tn=" + t.tn }, own: reads, other: reads},

	{pattern: "GET /reservations", path: fixed("/reservations"), own: statuses{200, 403, 200, 403, 200, 303}},
	{pattern: "GET /reservations", path: fixed("/reservations?show=ended"), own: statuses{200, 403, 200, 403, 200, 303}},
	{pattern: "GET /reservations", path: func(t target) string { return "/reservations?q=" + t.live },
		own: statuses{200, 403, 200, 403, 200, 303}, other: statuses{200, 403, 200, 403, 200, 303}, unknown: statuses{200, 403, 200, 403, 200, 303}},
	{pattern: "GET /reservations", path: func(t target) string { return "/reservations?account=" + t.account },
		own: statuses{200, 403, 200, 403, 200, 303}, other: statuses{200, 403, 200, 403, 200, 303}, unknown: statuses{200, 403, 200, 403, 200, 303}},
	{pattern: "POST /reservations", path: fixed("/reservations"), form: func(t target) url.Values { return values("tn", t.free, "back", "/lookup") },
		own: statuses{403, 403, 303, 403, 303, 303}},
	{pattern: "POST /reservations", path: fixed("/reservations"), form: func(t target) url.Values { return values("tn", t.tn) },
		own: statuses{403, 403, 303, 403, 303, 303}, other: statuses{403, 403, 303, 403, 303, 303}, unknown: statuses{403, 403, 303, 403, 303, 303}},
	{pattern: "GET /reservations.csv", path: fixed("/reservations.csv"), own: statuses{200, 403, 200, 403, 403, 303}},
	{pattern: "GET /reservations.csv", path: func(t target) string { return "/reservations.csv?account=" + t.account },
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 200, 403, 403, 303}, unknown: statuses{200, 403, 200, 403, 403, 303}},
	{pattern: "GET /reservations/cancel", path: func(t target) string { return "/reservations/cancel?id=" + t.live },
		own: statuses{200, 403, 200, 403, 200, 303}, other: statuses{200, 403, 404, 403, 404, 303}, unknown: statuses{404, 403, 404, 403, 404, 303}},
	{pattern: "POST /reservations/cancel", path: fixed("/reservations/cancel"), form: func(t target) url.Values { return values("id", t.live, "reason", "walk") },
		own: statuses{303, 403, 303, 403, 303, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "GET /reservations/{id}", path: func(t target) string { return "/reservations/" + t.live },
		own: reads, other: hidden, unknown: gone, noted: true},
	{pattern: "POST /reservations/{id}/extend", path: func(t target) string { return "/reservations/" + t.live + "/extend" }, form: fields(),
		own: statuses{303, 403, 303, 403, 303, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /reservations/{id}/drop", path: func(t target) string { return "/reservations/" + t.live + "/drop" }, form: func(t target) url.Values { return values("tn", t.second) },
		own: statuses{303, 403, 303, 403, 303, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},

	{pattern: "POST /reservations/{id}/links", path: func(t target) string { return "/reservations/" + t.live + "/links" }, form: fields(),
		own: statuses{200, 403, 200, 403, 200, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /reservations/{id}/links/{link}/revoke", path: func(t target) string { return "/reservations/" + t.live + "/links/" + t.share + "/revoke" }, form: fields(),
		own: statuses{303, 403, 303, 403, 303, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},

	{pattern: "GET /buy/{token}", path: buyPath(""), own: all(200), unknown: all(404), open: true},
	{pattern: "POST /buy/{token}", path: buyPath(""), form: func(t target) url.Values { return values("name", "Ann", "email", "ann@example.com", "terms", t.terms) }, own: all(303), unknown: all(404), open: true},
	{pattern: "POST /buy/{token}", path: buyPath(""), form: func(t target) url.Values { return values("name", "", "terms", t.terms) }, own: all(422), unknown: all(404), open: true},
	{pattern: "GET /buy/{token}/checkout", path: buyPath("/checkout"), own: all(303), unknown: all(404), open: true},
	{pattern: "POST /buy/{token}/back", path: buyPath("/back"), form: fields(), own: all(303), unknown: all(404), open: true},
	{pattern: "GET /buy/{token}/return", path: buyPath("/return?status=paid&nonce=x&sig=x"), own: all(404), unknown: all(404), open: true},
	{pattern: "POST /buy/{token}/similar", path: buyPath("/similar"), form: func(t target) url.Values { return values("tn", t.free) }, own: all(303), unknown: all(404), open: true},
	{pattern: "GET /shop/{slug}", path: func(t target) string { return "/shop/" + t.shop }, own: all(200), unknown: all(404), open: true},
	{pattern: "GET /shop/{slug}", path: func(t target) string { return "/shop/" + t.shop + "?npa=1" }, own: all(422), unknown: all(404), open: true},
	{pattern: "POST /shop/{slug}", path: func(t target) string { return "/shop/" + t.shop }, form: func(t target) url.Values { return values("tn", t.free) }, own: all(303), unknown: all(404), open: true},

	{pattern: "GET /orders", path: fixed("/orders"), own: statuses{200, 403, 200, 403, 200, 303}},
	{pattern: "GET /orders", path: fixed("/orders?status=none&from=soon"), own: statuses{422, 403, 422, 403, 422, 303}},
	{pattern: "GET /orders", path: func(t target) string { return "/orders?account=" + t.account },
		own: statuses{200, 403, 200, 403, 200, 303}, other: statuses{200, 403, 200, 403, 200, 303}, unknown: statuses{200, 403, 200, 403, 200, 303}},
	{pattern: "GET /orders", path: func(t target) string { return "/orders?tn=" + t.service },
		own: statuses{200, 403, 200, 403, 200, 303}, other: statuses{200, 403, 200, 403, 200, 303}, unknown: statuses{200, 403, 200, 403, 200, 303}},
	{pattern: "GET /orders/new", path: func(t target) string { return "/orders/new?reservation=" + t.live },
		own: statuses{200, 403, 200, 403, 200, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "GET /orders/new", path: func(t target) string { return "/orders/new?tn=" + t.aging },
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 303, 403, 403, 303}, unknown: statuses{303, 403, 303, 403, 403, 303}},
	{pattern: "POST /orders", path: fixed("/orders"), form: func(t target) url.Values { return values("reservation", t.live, "tn", t.tn, "name", "Walked") },
		own: statuses{303, 403, 303, 403, 303, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /orders", path: fixed("/orders"), form: func(t target) url.Values { return values("reservation", t.live) },
		own: statuses{422, 403, 422, 403, 422, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /orders", path: fixed("/orders"), form: func(t target) url.Values { return values("tn", t.aging, "account", t.account) },
		own: statuses{303, 403, 303, 403, 403, 303}},
	{pattern: "GET /orders/{id}", path: func(t target) string { return "/orders/" + t.order }, own: reads, other: hidden, unknown: gone, noted: true},
	{pattern: "POST /orders/{id}", path: func(t target) string { return "/orders/" + t.order }, form: func(target) url.Values { return values("name", nextClient()) },
		own: statuses{303, 403, 303, 403, 303, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /orders/{id}", path: func(t target) string { return "/orders/" + t.order }, form: fields("customer_order_id", "no_such"),
		own: statuses{422, 403, 422, 403, 422, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /orders/{id}/notes", path: func(t target) string { return "/orders/" + t.order + "/notes" }, form: fields("note", "walked by"),
		own: statuses{303, 403, 303, 403, 303, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /orders/{id}/notes", path: func(t target) string { return "/orders/" + t.order + "/notes" }, form: fields("note", ""),
		own: statuses{422, 403, 422, 403, 422, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},

	{pattern: "GET /numbers", path: fixed("/numbers"), own: statuses{200, 403, 200, 403, 403, 303}},
	{pattern: "GET /numbers", path: fixed("/numbers?npa=9&status=aging"), own: statuses{422, 403, 422, 403, 403, 303}},
	{pattern: "GET /numbers", path: func(t target) string { return "/numbers?account=" + t.account + "&status=aging" },
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 200, 403, 403, 303}, unknown: statuses{200, 403, 200, 403, 403, 303}},
	{pattern: "GET /numbers/disconnect", path: func(t target) string { return "/numbers/disconnect?tn=" + t.service },
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 303, 403, 403, 303}, unknown: statuses{303, 403, 303, 403, 403, 303}},
	{pattern: "POST /numbers/disconnect", path: fixed("/numbers/disconnect"), form: func(t target) url.Values { return values("tn", t.service, "account", t.account) },
		own: statuses{303, 403, 303, 403, 403, 303}},

	{pattern: "GET /lookup", path: fixed("/lookup"), own: reads},
	{pattern: "GET /lookup", path: fixed("/lookup?q=hello"), own: statuses{404, 404, 404, 404, 200, 303}},
	{pattern: "GET /lookup", path: func(t target) string { return "/lookup?q=" + t.live }, own: reads, other: hidden, unknown: gone, noted: true},
	{pattern: "GET /lookup", path: func(t target) string { return "/lookup?q=" + t.order }, own: reads, other: hidden, unknown: gone, noted: true},
	{pattern: "GET /lookup", path: func(t target) string { return "/lookup?q=" + t.tn }, own: reads, other: reads, unknown: reads, noted: true},
	{pattern: "POST /lookup/list", path: fixed("/lookup/list"), form: func(t target) url.Values { return values("tns", t.tn+"\n"+t.service) }, noted: true,
		own: statuses{200, 200, 200, 200, 403, 303}, other: statuses{200, 200, 200, 200, 403, 303}, unknown: statuses{200, 200, 200, 200, 403, 303}},
	{pattern: "POST /lookup/list", path: fixed("/lookup/list"), form: fields("tns", " "), own: statuses{422, 422, 422, 422, 403, 303}},
	{pattern: "POST /lookup/list.csv", path: fixed("/lookup/list.csv"), form: func(t target) url.Values { return values("tns", t.tn+"\n"+t.service) }, noted: true,
		own: statuses{200, 200, 200, 200, 403, 303}, other: statuses{200, 200, 200, 200, 403, 303}, unknown: statuses{200, 200, 200, 200, 403, 303}},
	{pattern: "POST /lookup/disable", path: fixed("/lookup/disable"), form: func(t target) url.Values { return values("tn", t.free) }, own: statuses{303, 403, 403, 403, 403, 303}},
	{pattern: "POST /lookup/disable", path: fixed("/lookup/disable"), form: func(t target) url.Values { return values("tn", t.tn) },
		own: statuses{303, 403, 403, 403, 403, 303}, other: statuses{303, 403, 403, 403, 403, 303}, unknown: statuses{404, 403, 403, 403, 403, 303}},
	{pattern: "POST /lookup/enable", path: fixed("/lookup/enable"), form: fields("tn", disabledTN), own: statuses{303, 403, 403, 403, 403, 303}},

	{pattern: "GET /reports", path: fixed("/reports"), own: managers},
	{pattern: "GET /reports", path: func(t target) string { return "/reports?by=block&state=NC&account=" + t.account }, own: managers, other: managers, unknown: statuses{404, 403, 200, 403, 403, 303}},
	{pattern: "GET /reports", path: fixed("/reports?from=2026-11-21&to=2026-11-01"), own: statuses{422, 403, 422, 403, 403, 303}},
	{pattern: "GET /reports/{file}", path: fixed("/reports/days.csv"), own: managers},
	{pattern: "GET /reports/{file}", path: func(t target) string { return "/reports/reservations.csv?account=" + t.account }, own: managers, other: managers, unknown: statuses{404, 403, 200, 403, 403, 303}},
	{pattern: "GET /reports/{file}", path: fixed("/reports/number-use.csv"), own: operates},
	{pattern: "GET /reports/{file}", path: fixed("/reports/nothing.csv"), own: statuses{404, 403, 404, 403, 403, 303}},
	{pattern: "GET /reports/{file}", path: fixed("/reports/days.pdf"), own: statuses{404, 403, 404, 403, 403, 303}},
	{pattern: "GET /audit", path: fixed("/audit"), own: statuses{200, 200, 200, 200, 403, 303}},
	{pattern: "GET /audit", path: fixed("/audit?kind=none&from=soon"), own: statuses{422, 200, 422, 200, 403, 303}},
	{pattern: "GET /audit", path: func(t target) string { return "/audit?about=" + t.live }, own: statuses{200, 200, 200, 200, 403, 303}, noted: true,
		other: statuses{200, 200, 200, 200, 403, 303}, unknown: statuses{200, 200, 200, 200, 403, 303}},
	{pattern: "GET /audit", path: func(t target) string { return "/audit?about=" + t.tn }, own: statuses{200, 200, 200, 200, 403, 303}, noted: true,
		other: statuses{200, 200, 200, 200, 403, 303}, unknown: statuses{200, 200, 200, 200, 403, 303}},
	{pattern: "GET /audit.csv", path: fixed("/audit.csv"), own: managers},
	{pattern: "GET /audit.csv", path: func(t target) string { return "/audit.csv?account=" + t.account }, own: managers, other: managers, unknown: managers},

	{pattern: "GET /accounts", path: fixed("/accounts"), own: operates},
	{pattern: "POST /accounts", path: fixed("/accounts"), form: func(t target) url.Values { return values("id", t.account, "name", "Walked") },
		own: statuses{422, 403, 403, 403, 403, 303}, other: statuses{422, 403, 403, 403, 403, 303}, unknown: statuses{303, 403, 403, 403, 403, 303}},
	{pattern: "GET /accounts/{account}", path: func(t target) string { return "/accounts/" + t.account },
		own: statuses{200, 200, 200, 200, 403, 303}, other: hidden, unknown: gone},
	{pattern: "GET /accounts/{account}/switch-off", path: func(t target) string { return "/accounts/" + t.account + "/switch-off" },
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/switch", path: func(t target) string { return "/accounts/" + t.account + "/switch" }, form: fields("on", "0", "live", "keep"),
		own: statuses{303, 403, 303, 403, 403, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/switch", path: func(t target) string { return "/accounts/" + t.account + "/switch" }, form: fields("on", "0"),
		own: statuses{422, 403, 422, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/lock", path: func(t target) string { return "/accounts/" + t.account + "/lock" }, form: fields("locked", "1"),
		own: statuses{303, 403, 403, 403, 403, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/policy", path: func(t target) string { return "/accounts/" + t.account + "/policy" }, form: fields(policyForm...),
		own: statuses{303, 403, 303, 403, 403, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/policy", path: func(t target) string { return "/accounts/" + t.account + "/policy" }, form: fields("window", "soon"),
		own: statuses{422, 403, 422, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/limits", path: func(t target) string { return "/accounts/" + t.account + "/limits" }, form: fields(policyForm...),
		own: statuses{303, 403, 403, 403, 403, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/limits", path: func(t target) string { return "/accounts/" + t.account + "/limits" }, form: fields("window", "soon"),
		own: statuses{422, 403, 403, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/aging", path: func(t target) string { return "/accounts/" + t.account + "/aging" }, form: fields("aging", "30d"),
		own: statuses{303, 403, 403, 403, 403, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/aging", path: func(t target) string { return "/accounts/" + t.account + "/aging" }, form: fields("aging", "400d"),
		own: statuses{422, 403, 403, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/enter", path: func(t target) string { return "/accounts/" + t.account + "/enter" }, form: fields(), quick: true,
		own: statuses{303, 403, 403, 403, 403, 303}, other: statuses{303, 403, 403, 403, 403, 303}, unknown: statuses{404, 403, 403, 403, 403, 303}},

	{pattern: "GET /accounts/{account}/selling", path: func(t target) string { return "/accounts/" + t.account + "/selling" },
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/selling", path: func(t target) string { return "/accounts/" + t.account + "/selling" },
		form: fields("window", "20m", "most_held", "9", "question-1", "Company"),
		own:  statuses{303, 403, 303, 403, 403, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/selling", path: func(t target) string { return "/accounts/" + t.account + "/selling" }, form: fields("window", "soon"),
		own: statuses{422, 403, 422, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/selling/secret", path: func(t target) string { return "/accounts/" + t.account + "/selling/secret" }, form: fields(),
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},

	{pattern: "GET /accounts/{account}/clients", path: func(t target) string { return "/accounts/" + t.account + "/clients" },
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/clients", path: func(t target) string { return "/accounts/" + t.account + "/clients" },
		form: func(target) url.Values { return values("name", nextClient(), "role", "member", "expires", "90d") },
		own:  statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/clients", path: func(t target) string { return "/accounts/" + t.account + "/clients" }, form: fields("name", "", "role", "operator"),
		own: statuses{422, 403, 422, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "GET /accounts/{account}/clients/{client}/revoke", path: clientPath("/revoke"),
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/clients/{client}/revoke", path: clientPath("/revoke"), form: fields(),
		own: statuses{303, 403, 303, 403, 403, 303}, other: statuses{303, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "GET /accounts/{account}/clients/{client}/rotate", path: clientPath("/rotate"),
		own: statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/clients/{client}/rotate", path: clientPath("/rotate"),
		form: func(t target) url.Values { return values("overlap", "1h", "secret", t.secret) },
		own:  statuses{200, 403, 200, 403, 403, 303}, other: statuses{200, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/clients/{client}/rotate", path: clientPath("/rotate"), form: fields("overlap", "soon"),
		own: statuses{422, 403, 422, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},

	{pattern: "GET /accounts/{account}/people", path: func(t target) string { return "/accounts/" + t.account + "/people" }, own: ownAdmins(200), other: notTheirs(200), unknown: gone},
	{pattern: "POST /accounts/{account}/people", path: func(t target) string { return "/accounts/" + t.account + "/people" }, form: func(target) url.Values { return values("email", nextEmail(), "role", "member") },
		own: ownAdmins(200), other: notTheirs(200), unknown: gone},
	{pattern: "POST /accounts/{account}/people", path: func(t target) string { return "/accounts/" + t.account + "/people" }, form: fields("email", "eve@example.com", "role", "operator"),
		own: ownAdmins(422), other: notTheirs(422), unknown: gone},
	{pattern: "POST /accounts/{account}/second-factor", path: func(t target) string { return "/accounts/" + t.account + "/second-factor" }, form: fields("on", "0"), own: ownAdmins(303), other: notTheirs(303), unknown: gone},
	{pattern: "POST /accounts/{account}/invitations/{invitation}/revoke", path: func(t target) string { return "/accounts/" + t.account + "/invitations/" + t.waiting + "/revoke" }, form: fields(),
		own: ownAdmins(303), other: notTheirs(303), unknown: gone},
	{pattern: "GET /accounts/{account}/people/{person}", path: personIn(""), own: ownAdmins(200), other: notTheirs(200), unknown: gone},
	{pattern: "POST /accounts/{account}/people/{person}/role", path: personIn("/role"), form: fields("role", "support"), own: ownAdmins(303), other: notTheirs(303), unknown: gone},
	{pattern: "POST /accounts/{account}/people/{person}/role", path: personIn("/role"), form: fields("role", "operator"), own: ownAdmins(303), other: notTheirs(303), unknown: gone},
	{pattern: "GET /accounts/{account}/people/{person}/remove", path: personIn("/remove"), own: ownAdmins(200), other: notTheirs(200), unknown: gone},
	{pattern: "POST /accounts/{account}/people/{person}/remove", path: personIn("/remove"), form: fields(), own: ownAdmins(303), other: notTheirs(303), unknown: gone},
	{pattern: "POST /accounts/{account}/people/{person}/active", path: personIn("/active"), form: fields("off", "1"), own: ownAdmins(303), other: notTheirs(303), unknown: gone},
	{pattern: "POST /accounts/{account}/people/{person}/reset", path: personIn("/reset"), form: fields(), own: ownAdmins(200), other: notTheirs(200), unknown: gone},
	{pattern: "POST /accounts/{account}/people/{person}/sign-out", path: personIn("/sign-out"), form: fields(), own: ownAdmins(303), other: notTheirs(303), unknown: gone},
	{pattern: "POST /accounts/{account}/people/{person}/sessions/{session}/end", path: func(t target) string { return personIn("/sessions/")(t) + t.session + "/end" }, form: fields(), own: ownAdmins(303), other: notTheirs(303), unknown: gone},

	{pattern: "GET /accounts/{account}/webhooks", path: hooksPath(""), own: manages, other: managesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks", path: hooksPath(""), form: fields("url", "https://example.com/x", "event", "number_order.complete"), own: manages, other: managesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks", path: hooksPath(""), form: fields("url", "ftp://example.com", "event", "number_order.complete"),
		own: statuses{422, 403, 422, 403, 403, 303}, other: statuses{422, 403, 404, 404, 404, 303}, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/notice", path: hooksPath("/notice"), form: fields("notice", "20m"), own: changes, other: changesOther, unknown: gone},
	{pattern: "GET /accounts/{account}/webhooks/{endpoint}", path: endpointPath(""), own: manages, other: managesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/{endpoint}", path: endpointPath(""), form: fields("url", "https://example.com/y", "event", "number_order.complete"), own: changes, other: changesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/{endpoint}/pause", path: endpointPath("/pause"), form: fields(), own: changes, other: changesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/{endpoint}/resume", path: endpointPath("/resume"), form: fields(), own: changes, other: changesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/{endpoint}/test", path: endpointPath("/test"), form: fields(), own: changes, other: changesOther, unknown: gone},
	{pattern: "GET /accounts/{account}/webhooks/{endpoint}/deliveries/{delivery}", path: deliveryPath(""), own: manages, other: managesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/{endpoint}/deliveries/{delivery}/redeliver", path: deliveryPath("/redeliver"), form: fields(), own: changes, other: changesOther, unknown: gone},
	{pattern: "GET /accounts/{account}/webhooks/{endpoint}/rotate", path: endpointPath("/rotate"), own: manages, other: managesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/{endpoint}/rotate", path: endpointPath("/rotate"), form: func(t target) url.Values { return values("secret", t.hint) }, own: manages, other: managesOther, unknown: gone},
	{pattern: "GET /accounts/{account}/webhooks/{endpoint}/delete", path: endpointPath("/delete"), own: manages, other: managesOther, unknown: gone},
	{pattern: "POST /accounts/{account}/webhooks/{endpoint}/delete", path: endpointPath("/delete"), form: fields(), own: changes, other: changesOther, unknown: gone},

	{pattern: "GET /inventory", path: fixed("/inventory"), own: operates},
	{pattern: "GET /inventory", path: fixed("/inventory?by=npa&within=NC"), own: operates},
	{pattern: "GET /inventory/import", path: fixed("/inventory/import"), own: operates},
	{pattern: "POST /inventory/import", path: fixed("/inventory/import"), form: fields("file", "tn"), own: statuses{422, 403, 403, 403, 403, 303}},
	{pattern: "GET /inventory/import/{import}", path: func(t target) string { return "/inventory/import/" + t.file },
		own: operates, unknown: statuses{404, 403, 403, 403, 403, 303}},
	{pattern: "POST /inventory/import/{import}/confirm", path: func(t target) string { return "/inventory/import/" + t.file + "/confirm" }, form: fields(),
		own: statuses{303, 403, 403, 403, 403, 303}, unknown: statuses{404, 403, 403, 403, 403, 303}},
	{pattern: "POST /inventory/import/{import}/discard", path: func(t target) string { return "/inventory/import/" + t.file + "/discard" }, form: fields(),
		own: statuses{303, 403, 403, 403, 403, 303}, unknown: statuses{404, 403, 403, 403, 403, 303}},

	{pattern: "/", path: fixed("/nothing-here"), own: all(404), open: true},
	{pattern: "/", path: fixed("/accounts/9500001/persons"), own: all(404), open: true},
	{pattern: "/", path: fixed("/reservations"), form: nil, own: statuses{200, 403, 200, 403, 200, 303}},
}

const (
	disabledTN = "9195552000"
	unknownTN  = "9195559001" // in no block of the inventory
	noToken    = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

func buyPath(rest string) func(target) string {
	return func(t target) string { return "/buy/" + t.buy + rest }
}

func clientPath(rest string) func(target) string {
	return func(t target) string { return "/accounts/" + t.account + "/clients/" + t.client + rest }
}

func personAt(list, rest string) func(target) string {
	return func(t target) string { return list + "/" + t.person + rest }
}

func personIn(rest string) func(target) string {
	return func(t target) string { return personAt("/accounts/"+t.account+"/people", rest)(t) }
}

func nextEmail() string {
	return strings.ToLower(strings.ReplaceAll(nextClient(), " ", "-")) + "@example.com"
}

func hooksPath(rest string) func(target) string {
	return func(t target) string { return "/accounts/" + t.account + "/webhooks" + rest }
}

func endpointPath(rest string) func(target) string {
	return func(t target) string { return hooksPath("/" + t.hook + rest)(t) }
}

func deliveryPath(rest string) func(target) string {
	return func(t target) string { return endpointPath("/deliveries/" + t.sent + rest)(t) }
}

var clientsNamed atomic.Int64

func nextClient() string {
	return fmt.Sprint("Walked ", clientsNamed.Add(1))
}

// walker prepares what is walked on.
type walker struct {
	*site
	operator *visitor
	bodies   map[string]target // by account, while they are as they were
	clients  map[string]string // by account
}

var noTarget = target{account: "9599999", live: "11111111-2222-4333-8444-555555555555", tn: unknownTN, second: "9195559002", link: noToken, file: "NOSUCHIMPORTNOSUCHIMPORT55", client: "11111111-2222-4333-8444-666666666666",
	order: "11111111-2222-4333-8444-777777777777", service: "9195559003", aging: "9195559004", hook: "11111111-2222-4333-8444-888888888888", sent: "11111111-2222-4333-8444-999999999999",
	person: "11111111-2222-4333-8444-bbbbbbbbbbbb", session: "11111111-2222-4333-8444-cccccccccccc", waiting: "11111111-2222-4333-8444-aaaaaaaaaaaa", invite: noToken, reset: noToken,
	buy: noToken, share: "11111111-2222-4333-8444-dddddddddddd", shop: "no-such-shop"}

// fresh makes sure that an account has what the walk is aimed at.
func (w *walker) fresh(account tel.AccountID) target {
	w.t.Helper()
	if t, ok := w.bodies[account.String()]; ok {
		return t
	}
	member := map[tel.AccountID]string{storetest.Acme: "acme-member", storetest.Globex: "globex-member"}[account]
	if _, err := w.SwitchReservations(ctx, root, account, true, false); err != nil {
		w.t.Fatal(err)
	}
	if err := w.LockSwitch(ctx, root, account, false); err != nil {
		w.t.Fatal(err)
	}
	r := w.reserved(member, 2)
	t := target{account: account.String(), live: r.ID, tn: r.TNs[0].TN.Digits(), second: r.TNs[1].TN.Digits(), link: w.link(member, true), free: w.free().Digits()}
	if err := w.Disable(ctx, root, tel.NewNumber(919, 555, 2000)); err != nil && tel.CodeOf(err) != tel.CodeNotAvailable {
		w.t.Fatal(err)
	}
	if w.operator.get("/inventory").url.Path == "/sign-in" { // their other sessions were ended
		w.operator = w.as("operator")
	}
	a := w.operator.upload("walk.csv", "tn,city,state\n2125554001,New York,NY\n")
	t.file = a.url.Path[strings.LastIndexByte(a.url.Path, '/')+1:]
	t.client, t.secret = w.client(account)
	t.order, t.service, t.aging = w.ordered(account)
	w.employed(account, &t)
	t.buy, t.share, t.terms = w.shared(r)
	t.shop = w.openShop(account)
	t.hook, t.hint, t.sent = w.webhook(account)
	w.bodies[account.String()] = t
	return t
}

// employed makes a member who is signed in, a link that sets their password, and an
// invitation.
func (w *walker) employed(account tel.AccountID, to *target) {
	w.t.Helper()
	email, guest := nextEmail(), nextEmail()
	p, err := w.CreatePerson(ctx, root, store.NewPerson{Email: email, Name: "Walked", Role: tel.RoleMember, Account: account})
	if err != nil {
		w.t.Fatal(err)
	}
	link, err := w.NewEnterLink(ctx, root, email, time.Hour, false)
	if err != nil {
		w.t.Fatal(err)
	}
	in, err := w.Enter(ctx, link, store.Caller{Addr: "192.0.2.1", Browser: "Firefox on Linux"})
	if err != nil {
		w.t.Fatal(err)
	}
	to.person, to.session = p.ID, in.ID
	if to.reset, err = w.NewResetLink(ctx, root, 0, p.ID); err != nil {
		w.t.Fatal(err)
	}
	if to.invite, err = w.Invite(ctx, root, store.NewInvitation{Email: guest, Role: tel.RoleMember, Account: account}); err != nil {
		w.t.Fatal(err)
	}
	to.waiting = w.one(`SELECT id FROM invitation WHERE email = $1`, guest)
}

// ordered makes sure that an account has an order, a TN in service and one that ages.
func (s *site) ordered(account tel.AccountID) (id, service, aging string) {
	s.t.Helper()
	at := 400 + 10*int(account-storetest.Acme)
	tns := []tel.Number{tel.NewNumber(984, 200, at), tel.NewNumber(984, 200, at+1)}
	for _, tn := range tns {
		is := s.standing(tn)
		if is == nil || is.State == tel.TNAging && tn == tns[0] {
			s.order(root, tel.OrderRequest{Account: account, Kind: tel.OrderKindExisting, TNs: []tel.Number{tn}, Name: "For the walk"})
		}
		if is := s.standing(tn); is.State == tel.TNInService && tn == tns[1] {
			if _, err := s.Disconnect(ctx, root, tel.OrderRequest{Account: account, TNs: tns[1:]}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return s.standing(tns[0]).OrderID, tns[0].Digits(), tns[1].Digits()
}

// shared makes a purchase link of a reservation.
func (s *site) shared(r *tel.Reservation) (token, id, terms string) {
	s.t.Helper()
	link, token, err := s.NewPurchaseLink(ctx, root, r.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	p, _, err := s.Purchase(ctx, token, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return token, link.ID, p.Terms()
}

// openShop makes sure that an account's storefront is open.
func (s *site) openShop(account tel.AccountID) (slug string) {
	s.t.Helper()
	sel := tel.DefaultSelling()
	sel.ShopOn, sel.Slug = true, "shop-"+account.String()
	if err := s.SetSelling(ctx, root, account, sel); err != nil {
		s.t.Fatal(err)
	}
	return sel.Slug
}

// client makes sure that an account has an API client that is not revoked.
func (w *walker) client(account tel.AccountID) (id, secret string) {
	w.t.Helper()
	c, err := w.Client(ctx, root, w.clients[account.String()])
	if err != nil || !c.RevokedAt.IsZero() {
		made, err := w.CreateClient(ctx, root, store.NewClient{Account: account, Name: nextClient(), Role: tel.RoleMember})
		if err != nil {
			w.t.Fatal(err)
		}
		if w.clients == nil {
			w.clients = map[string]string{}
		}
		w.clients[account.String()] = made.ID
		return made.ID, "1"
	}
	return c.ID, c.Secrets[0].ID
}

// webhook makes sure that an account has an endpoint that is sent to, and a delivery.
func (w *walker) webhook(account tel.AccountID) (id, hint, sent string) {
	w.t.Helper()
	if _, err := w.WebhookPublicKey(ctx); err != nil { // made at its first use
		w.t.Fatal(err)
	}
	list, err := w.Endpoints(ctx, root, account)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		if err := w.DeleteEndpoint(ctx, root, e.ID); err != nil {
			w.t.Fatal(err)
		}
	}
	made, err := w.CreateEndpoint(ctx, root, tel.NewEndpoint{Account: account, URL: "https://example.com/notices"})
	if err != nil {
		w.t.Fatal(err)
	}
	if sent, err = w.TestEndpoint(ctx, root, made.ID); err != nil {
		w.t.Fatal(err)
	}
	return made.ID, tel.SecretHint(made.Secret), sent
}

// settle forgets what a request has changed.
func (w *walker) settle() {
	waitFor(w.t, "an import", func() bool { return w.one(`SELECT COUNT(*) FROM upload WHERE state = 'running'`) == "0" })
	for _, t := range w.bodies {
		w.operator.post("/inventory/import/"+t.file+"/discard", nil)
		if _, err := w.Cancel(ctx, root, t.live, ""); err != nil && tel.CodeOf(err) != tel.CodeEnded {
			w.t.Fatal(err)
		}
	}
	w.bodies = map[string]target{}
}

func TestEveryRouteByEveryRole(t *testing.T) {
	t.Parallel()
	s := open(t)
	listed := map[string]bool{}
	for _, st := range walk {
		listed[st.pattern] = true
	}
	for _, pattern := range s.Server.Patterns() {
		if !listed[pattern] {
			t.Errorf("route %s is not in the walk: add what each role gets there", pattern)
		}
	}
	w := &walker{site: s, operator: s.as("operator"), bodies: map[string]target{}}
	visitors := map[string]*visitor{"nobody": s.stranger()}
	for _, who := range walkers[:len(walkers)-1] {
		visitors[who] = s.as(who)
	}
	asked := 0
	for i, st := range walk {
		for _, who := range walkers {
			for _, hx := range []bool{false, true} {
				name := fmt.Sprintf("%d %s as %s, htmx %v", i, st.pattern, who, hx)
				asked += w.step(name, st, who, hx, visitors[who])
			}
		}
	}
	t.Logf("%d requests", asked)
}

var walkers = append(slices.Clone(everybody[:len(everybody)-1]), "nobody")

func (w *walker) step(name string, st step, who string, hx bool, v *visitor) (asked int) {
	w.t.Helper()
	own, other := storetest.Acme, storetest.Globex
	if strings.HasPrefix(who, "globex") {
		own, other = other, own
	}
	var answers [3]*answer
	var targets [3]target
	for i, want := range []statuses{st.own, st.other, st.unknown} {
		if want == (statuses{}) {
			continue
		}
		asked++
		switch i {
		case 0:
			targets[i] = w.fresh(own)
		case 1:
			targets[i] = w.fresh(other)
		case 2:
			targets[i] = noTarget
			if st.pattern == "POST /accounts" && who == "operator" {
				targets[i].account = fmt.Sprint(9600000 + w.nextTN)
				w.nextTN++
			}
		}
		u := v
		if st.quick {
			if u = w.stranger(); who != "nobody" {
				u = w.as(who)
			}
		}
		u.HX, u.Still = hx, true
		answers[i] = w.ask(fmt.Sprintf("%s, %s", name, []string{"own", "another's", "unknown"}[i]), u, st, targets[i], st.expect(want, who, hx))
	}
	if answers[1] != nil && answers[2] != nil && who != "operator" && who != "support-all" {
		compare(w.t, name, answers[1], answers[2], targets[1], targets[2])
	}
	return asked
}

// expect is the status for one who asks, and whether the database may change.
func (st step) expect(want statuses, who string, hx bool) int {
	status := want.of(who)
	if who == "nobody" && hx && !st.open {
		return http.StatusUnauthorized
	}
	return status
}

func (w *walker) ask(name string, v *visitor, st step, to target, want int) *answer {
	w.t.Helper()
	method, form := http.MethodGet, url.Values(nil)
	if st.form != nil {
		method, form = http.MethodPost, st.form(to)
		if st.loud {
			form.Set("email", fmt.Sprintf("nobody%d@example.com", w.nextTN))
			w.nextTN++
		}
	}
	version := w.version()
	reads := method == http.MethodGet || want >= 400 || v.who == "" && !st.open
	a := v.do(method, st.path(to), form)
	if a.status != want {
		w.t.Errorf("%s: %d, not %d: %s", name, a.status, want, a.text("#main"))
	}
	w.upkeep(name, a)
	v.forgetFlash()
	if a.status == http.StatusSeeOther && v.who == "operator" {
		w.imported(st, to)
	}
	if noted := st.noted && platform(v.who); w.version() != version && !noted {
		if reads && !st.loud {
			w.t.Errorf("%s: this wrote to the database; the last event is %s", name, w.one(`SELECT kind FROM event ORDER BY seq DESC LIMIT 1`))
		}
		w.settle()
	} else if method == http.MethodPost && a.status == http.StatusSeeOther && strings.Contains(st.pattern, "import") {
		w.settle()
	}
	return a
}

// imported waits for the import that a request has begun, so that the next one does not
// find it under way.
func (w *walker) imported(st step, to target) {
	w.t.Helper()
	if page, ok := strings.CutSuffix(st.path(to), "/confirm"); ok && strings.HasPrefix(page, "/inventory") {
		waitFor(w.t, "the import", func() bool { return !strings.Contains(w.operator.get(page).text("h2"), "Importing") })
	}
}

// upkeep is what holds for every answer.
func (w *walker) upkeep(name string, a *answer) {
	w.t.Helper()
	if a.header.Get("Content-Security-Policy") == "" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		w.t.Errorf("%s: no security headers", name)
	}
	if strings.Contains(a.header.Get("Content-Type"), "html") {
		if a.header.Get("Cache-Control") != "no-store" || !slices.Contains(a.header.Values("Vary"), "HX-Request") {
			w.t.Errorf("%s: Cache-Control %q, Vary %q", name, a.header.Get("Cache-Control"), a.header.Values("Vary"))
		}
	}
}

var (
	nonce = regexp.MustCompile(`name="key" value="[A-Z2-7]+"`)
	reqID = regexp.MustCompile(`request <code class="num">[A-Z2-7]+</code>`)
)

// same is an answer without what names its target, and without chance.
func same(a *answer, to target) string {
	forms := []string{to.live, "{id}", to.account, "{account}", to.file, "{file}", to.client, "{client}", to.order, "{order}", to.person, "{person}", to.session, "{session}", to.waiting, "{invitation}", to.hook, "{endpoint}", to.sent, "{delivery}", to.share, "{share}", to.buy, "{buy}"}
	for _, tn := range []string{to.tn, to.second, to.service, to.aging} {
		if n, err := tel.ParseNumber(tn); err == nil {
			forms = append(forms, n.E164(), "{e164}", n.Digits(), "{tn}", n.String(), "{tn}", url.QueryEscape(n.String()), "{tn}")
		}
	}
	plain := strings.NewReplacer(forms...)
	h := a.header.Clone()
	h.Del("Date")
	h.Del("Content-Length")
	h.Del("X-Request-Id")
	out := fmt.Sprint(a.status, "\n")
	for _, name := range sorted(h) {
		if name == "Set-Cookie" {
			out += fmt.Sprintf("flash %+v, %d cookies\n", a.flash(), len(h[name]))
			continue
		}
		out += fmt.Sprint(name, ": ", h[name], "\n")
	}
	body := reqID.ReplaceAllString(nonce.ReplaceAllString(a.body, "{key}"), "{request}")
	return plain.Replace(out + body)
}

func sorted(h http.Header) (names []string) {
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// compare demands that another account's thing answers just as an unknown one.
func compare(t *testing.T, name string, other, unknown *answer, otherTo, unknownTo target) {
	t.Helper()
	a, b := same(other, otherTo), same(unknown, unknownTo)
	if a != b {
		t.Errorf("%s: another account's and an unknown one are told apart:\n%s", name, firstDifference(a, b))
	}
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("< %.400s\n> %.400s", as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(as), len(bs))
}

// TestTakenTNsLookAlike: a TN that another account holds, a disabled one and one in
// service answer the same wherever somebody names it.
func TestTakenTNsLookAlike(t *testing.T) {
	s := open(t)
	held := s.reserved("globex-member", 1).TNs[0].TN
	off := s.free()
	if err := s.Disable(ctx, root, off); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"acme-admin", "acme-member", "acme-support"} {
		v := s.as(who)
		v.Still = true
		for _, path := range []string{"/search/rows?tn=%s", "/lookup?q=%s"} {
			a, b := v.get(fmt.Sprintf(path, held.Digits())), v.get(fmt.Sprintf(path, off.Digits()))
			compare(t, who+" "+path, a, b, target{tn: held.Digits()}, target{tn: off.Digits()})
		}
		if who != "acme-support" {
			var said []string
			for _, tn := range []string{held.Digits(), off.Digits(), unknownTN} {
				n, _ := tel.ParseNumber(tn)
				said = append(said, strings.ReplaceAll(v.post("/reservations", values("tn", tn)).flash().Text, n.String(), "{tn}"))
			}
			if said[0] != said[1] || said[0] != said[2] || said[0] == "" {
				t.Errorf("%s is told %q", who, said)
			}
		}
	}
}

// TestSessionsEndWithTime: a session that was not used, or is too old, leads to
// signing in, and every page with it.
func TestSessionsEndWithTime(t *testing.T) {
	s := open(t)
	admin, member := s.as("acme-admin"), s.as("acme-member")
	s.Clock.Add(29 * time.Minute)
	admin.want(200, "/reservations")
	s.Clock.Add(29 * time.Minute)
	admin.Header.Set("X-Live", "1") // a page that refreshes itself is no use of the session
	admin.want(200, "/reservations")
	s.Clock.Add(2 * time.Minute)
	admin.Header.Del("X-Live")
	if a := admin.get("/reservations?q=x"); a.url.Path != "/sign-in" || a.attr("[name=next]", "value") != "/reservations?q=x" {
		t.Errorf("an idle admin is at %s, next %q", a.url, a.attr("[name=next]", "value"))
	}
	member.want(200, "/search")
	for range 11 {
		s.Clock.Add(time.Hour)
		member.get("/search")
	}
	s.Clock.Add(time.Minute)
	if a := member.get("/search"); a.url.Path != "/sign-in" {
		t.Errorf("a member of 12 hours is at %s", a.url)
	}
}
