package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// shell is what every page shows around its content.
func (v *visit) shell() views.Shell {
	s := views.Shell{
		Fragment: v.fragment(), Path: v.self(), Now: v.now, Theme: v.theme(), RequestID: v.id(), Flash: v.takeFlashes(),
	}
	if v.session == nil {
		s.Fragment = false
		return s
	}
	p := v.session.Person
	s.SignedIn, s.Live, s.Zone, s.KeysOff = true, true, p.Zone, v.keysOff()
	s.Person = views.ShellPerson{Name: p.Name, Email: p.Email, Initials: initials(p.Name)}
	s.RoleLabel = v.roleLabel()
	s.AccountName = v.session.AccountName
	if v.actor.Role == tel.RoleOperator {
		s.Acting = v.session.AccountName
	}
	s.Accounts = v.choices()
	s.Nav = v.nav()
	return s
}

func (v *visit) roleLabel() string {
	if v.actor.Role == tel.RoleSupport && v.actor.Account == 0 {
		return v.t("Support, all accounts")
	}
	return views.RoleName(v.r.Context(), v.actor.Role)
}

// initials are the first letters of the first and last name.
func initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "?"
	}
	first, _ := utf8.DecodeRuneInString(words[0])
	out := string(first)
	if len(words) > 1 {
		last, _ := utf8.DecodeRuneInString(words[len(words)-1])
		out += string(last)
	}
	return strings.ToUpper(out)
}

// choices are the accounts that a person may act for, where there are several.
func (v *visit) choices() []views.Choice {
	if v.session.Places < 2 {
		return nil
	}
	places, err := v.store.Memberships(v.r.Context(), &v.session.Person)
	if err != nil {
		v.log.Error("memberships", "request", v.id(), "error", err)
		return nil
	}
	list := make([]views.Choice, len(places))
	for i, m := range places {
		list[i] = views.Choice{Value: m.Account.String(), Label: m.AccountName, Selected: m.Account == v.actor.Account}
	}
	if v.session.Person.Platform != "" {
		list = append([]views.Choice{{Label: v.t("All accounts"), Selected: v.actor.Account == 0}}, list...)
	}
	return list
}

// nav is the navigation of a role, in the order of its work.
func (v *visit) nav() []views.NavItem {
	a := v.actor
	list := []views.NavItem{}
	add := func(may bool, n views.NavItem) {
		if may {
			n.Current = v.isAt(n.Href) || n.Also != "" && v.isAt(n.Also)
			list = append(list, n)
		}
	}
	add(a.Can(tel.ActManageAccounts), views.NavItem{ID: "nav-accounts", Label: v.t("Accounts"), Href: "/accounts", Icon: "building-2"})
	add(a.Can(tel.ActManageEveryone), views.NavItem{ID: "nav-people", Label: v.t("People"), Href: "/people", Icon: "users"})
	add(a.Can(tel.ActSearch), views.NavItem{ID: "nav-search", Label: v.t("Search numbers"), Short: v.t("Search"), Href: "/search", Icon: "search"})
	add(a.Can(tel.ActReserve), views.NavItem{ID: "nav-reservations", Label: v.t("Reservations"), Short: v.t("Reserved|reservations, short"), Href: "/reservations", Icon: "timer", Badge: v.liveCount(), BadgeOf: v.t("live reservations")})
	add(a.Can(tel.ActOrder), views.NavItem{ID: "nav-orders", Label: v.t("Orders"), Href: "/orders", Icon: "shopping-cart"})
	add(a.Can(tel.ActListOrders), views.NavItem{ID: "nav-numbers", Label: v.t("Numbers"), Href: "/numbers", Icon: "list"})
	add(true, views.NavItem{ID: "nav-lookup", Label: v.t("Look up"), Href: "/lookup", Icon: "file-search"})
	add(a.Can(tel.ActSeeReports), views.NavItem{ID: "nav-reports", Label: v.t("Reports"), Href: "/reports", Icon: "chart-column"})
	add(a.Can(tel.ActReadEvents), views.NavItem{ID: "nav-audit", Label: v.t("Audit trail"), Short: v.t("Audit|trail, short"), Href: "/audit", Icon: "history"})
	add(a.Can(tel.ActManageInventory), views.NavItem{ID: "nav-inventory", Label: v.t("Inventory"), Href: "/inventory", Icon: "database"})
	add(a.Account != 0 && a.May(tel.ActSeePolicy, a.Account) && !a.Can(tel.ActManageAccounts), views.NavItem{ID: "nav-account", Label: v.t("Account"), Href: "/accounts/" + a.Account.String(), Icon: "building-2"})
	if a.Account != 0 && a.May(tel.ActManageClients, a.Account) && !a.Can(tel.ActManageAccounts) {
		add(true, v.clientsItem()) // it asks the store
	}
	add(a.Account != 0 && a.May(tel.ActManagePeople, a.Account) && !a.Can(tel.ActManageEveryone), views.NavItem{ID: "nav-people", Label: v.t("People"), Href: views.PeoplePath(a.Account), Icon: "users"})
	nearest(list)
	return list
}

// clientsItem is the way to an account's programs, and straight to its webhooks while some
// of them are stopped.
func (v *visit) clientsItem() views.NavItem {
	at := "/accounts/" + v.actor.Account.String()
	n := views.NavItem{ID: "nav-clients", Label: v.t("API clients"), Short: v.t("Clients"), Href: at + "/clients", Also: at + "/webhooks", Icon: "plug"}
	stopped, err := v.store.StoppedEndpoints(v.r.Context(), v.actor, v.actor.Account)
	if err == nil && stopped > 0 {
		n.Href, n.Also, n.Badge, n.BadgeOf = n.Also, n.Href, stopped, v.t("webhooks that were stopped")
	}
	return n
}

// isAt tells whether this page is at an address or below it.
func (v *visit) isAt(path string) bool {
	return v.r.URL.Path == path || strings.HasPrefix(v.r.URL.Path, path+"/")
}

// nearest leaves the mark of the current page on the item of the longest address.
func nearest(list []views.NavItem) {
	best := -1
	for i, n := range list {
		if n.Current && (best < 0 || len(n.Href) > len(list[best].Href)) {
			best = i
		}
	}
	for i := range list {
		list[i].Current = i == best
	}
}

// liveCount is how many live reservations the person's list has, up to one more than
// a badge shows.
func (v *visit) liveCount() int {
	n, err := v.store.Count(v.r.Context(), v.actor, v.listQuery(), views.MostBadge+1)
	if err != nil {
		return 0
	}
	return n
}

// listQuery is the person's own list of reservations: the account's for those who
// may list it, all for an operator, what they made themselves for a member.
func (v *visit) listQuery() store.ListQuery {
	return store.ListQuery{Account: v.actor.Account, Mine: !v.actor.May(tel.ActListReservations, v.actor.Account)}
}

func (v *visit) theme() string {
	switch t := v.sessions.readPlain(v.r, "theme"); t {
	case "light", "dark":
		return t
	}
	return ""
}

const themeLife = 365 * 24 * 60 * 60 // seconds

// keysOff tells whether this browser does without the keys that are single letters: who
// speaks to a computer, or presses keys by accident, would set them off.
func (v *visit) keysOff() bool { return v.sessions.readPlain(v.r, "keys") == "off" }

func (v *visit) setTheme() error {
	theme := v.form("theme")
	if theme != "light" && theme != "dark" {
		return tel.Invalid("theme", "There are two themes: light and dark.")
	}
	v.keepTheme(theme)
	return v.redirect(v.back("/"))
}

// home sends everybody to where their work begins.
func (v *visit) home() error {
	switch v.actor.Role {
	case tel.RoleOperator:
		return v.redirect("/accounts")
	case tel.RoleAdmin:
		return v.redirect("/reservations")
	case tel.RoleSupport:
		return v.redirect("/lookup")
	}
	return v.redirect("/search")
}

// aside is how far apart the clocks may be of the node that made a page and of the one
// that it listens at. A page hears what it knows already rather than miss something.
const aside = 2 * time.Second

// live is the event stream of an open page, from when the page was made (since, µs).
// It carries topics and no data: the page asks again and is answered by its own rights.
func (v *visit) live() error {
	rc := http.NewResponseController(v.w)
	if err := rc.SetReadDeadline(noDeadline); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("X-Accel-Buffering", "no")
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method == http.MethodHead {
		return nil
	}
	since, _ := strconv.ParseInt(v.r.URL.Query().Get("since"), 10, 64) // 0 hears all: the page asks once too often
	l := v.store.Listen(v.actor, time.UnixMicro(since).Add(-aside))
	defer l.Close()
	return v.stream(rc, l)
}
