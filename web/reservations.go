package web

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/views/texts"
)

const listPage = 50

// reservations is the list: outstanding or ended, of the account, of all accounts for
// an operator, of the person's own making for a member.
func (v *visit) reservations() error {
	values := v.r.URL.Query()
	q, filter, err := v.readList(values)
	if err != nil {
		return err
	}
	page := views.Reservations{
		Title: v.t("Reservations"), Lede: v.t("Numbers that are kept from everybody else until their time is up."),
		Show: "live", Self: v.self(), Filter: filter, MayChange: v.actor.Can(tel.ActChangeHold), WithAccount: q.Account == 0,
	}
	if q.Ended {
		page.Show, page.Lede = "ended", v.t("What ran out, was cancelled or was ordered.")
	}
	if q.Mine {
		page.Title, page.Lede = v.t("Your reservations"), v.t("What you reserved yourself. Any other reservation of your account opens by its id.")
	} else {
		page.Export = with("/reservations.csv", values, "cursor", "")
	}
	if len(filter.Errors) == 0 {
		if err := v.fillList(&page, q, values); err != nil {
			return err
		}
	}
	v.listLinks(&page, q, values)
	status := http.StatusOK
	if len(filter.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return v.render(status, views.ReservationsPage(v.shell(), page))
}

// readList reads the filters of an address.
func (v *visit) readList(values url.Values) (store.ListQuery, views.ReservationFilter, error) {
	q := v.listQuery()
	q.Ended = values.Get("show") == "ended"
	q.Text, q.Sort, q.Cursor, q.Limit = values.Get("q"), store.Sort(values.Get("sort")), values.Get("cursor"), listPage
	filter := views.ReservationFilter{Q: q.Text, Sort: values.Get("sort"), Errors: map[string]string{}}
	if len([]rune(q.Text)) > tel.MaxReference {
		filter.Errors["q"] = v.t("At most %d characters.", tel.MaxReference)
	}
	if q.Text != "" {
		filter.Clear = with("/reservations", values, "q", "", "cursor", "", "account", "")
	}
	if v.actor.Role != tel.RoleOperator || v.actor.Account != 0 {
		return q, filter, nil
	}
	if s := values.Get("account"); s != "" {
		id, err := tel.ParseAccountID(s)
		if err != nil {
			return q, filter, tel.NotFound()
		}
		q.Account = id
		filter.Clear = with("/reservations", values, "q", "", "cursor", "", "account", "")
	}
	accounts, err := v.store.Accounts(v.r.Context(), v.actor)
	if err != nil {
		return q, filter, err
	}
	filter.Accounts = []views.Choice{{Label: v.t("All accounts"), Selected: q.Account == 0}}
	for _, a := range accounts {
		filter.Accounts = append(filter.Accounts, views.Choice{Value: a.ID.String(), Label: a.Name, Selected: a.ID == q.Account})
	}
	return q, filter, nil
}

const mostCounted = 1000

func (v *visit) fillList(page *views.Reservations, q store.ListQuery, values url.Values) error {
	listed, err := v.store.List(v.r.Context(), v.actor, q)
	if fields, ok := v.fieldErrors(err); ok && fields["q"] != "" {
		page.Filter.Errors = fields
		return nil
	}
	if err != nil {
		return err
	}
	if page.Rows, err = v.lines(listed.Rows); err != nil {
		return err
	}
	if listed.Next != "" {
		page.Next = with("/reservations", values, "cursor", listed.Next)
	}
	if q.Cursor != "" {
		page.First = with("/reservations", values, "cursor", "")
	}
	page.Summary = v.t("%d reservations", len(page.Rows))
	if q.Ended || q.Text != "" {
		page.Total = v.reservationTotal(len(page.Rows), listed.Next != "")
		return nil
	}
	n, more, err := v.countLive(q)
	page.Total = v.reservationTotal(n, more)
	return err
}

// countLive counts live reservations up to mostCounted, and tells whether there are more.
func (v *visit) countLive(q store.ListQuery) (n int, more bool, err error) {
	n, err = v.store.Count(v.r.Context(), v.actor, q, mostCounted+1)
	return min(n, mostCounted), n > mostCounted, err
}

func (v *visit) reservationTotal(n int, more bool) string {
	if more {
		return v.t("More than %d reservations", n)
	}
	return v.t("%d reservations", n)
}

// listLinks are the addresses around a list: tabs and orders.
func (v *visit) listLinks(page *views.Reservations, q store.ListQuery, values url.Values) {
	page.Tabs = []views.Tab{
		{Label: v.t("Outstanding"), Href: with("/reservations", values, "show", "", "cursor", "", "sort", ""), Current: !q.Ended},
		{Label: v.t("Ended|reservations"), Href: with("/reservations", values, "show", "ended", "cursor", "", "sort", ""), Current: q.Ended},
	}
	if q.Ended {
		page.SortExpires = views.SortLink{Dir: "descending"}
		return
	}
	link := func(by, rev store.Sort) views.SortLink {
		l := views.SortLink{Href: with("/reservations", values, "sort", string(by), "cursor", "")}
		switch q.Sort {
		case by:
			l.Dir, l.Href = "ascending", with("/reservations", values, "sort", string(rev), "cursor", "")
		case rev:
			l.Dir = "descending"
		}
		return l
	}
	if q.Sort == "" {
		q.Sort = store.SortExpires
	}
	page.SortExpires = link(store.SortExpires, store.SortExpiresRev)
	page.SortCreated = link(store.SortCreated, store.SortCreatedRev)
}

// lines are reservations as a list shows them.
func (v *visit) lines(rows []*tel.Reservation) ([]views.ReservationLine, error) {
	policies := map[tel.AccountID]tel.Policy{}
	out := make([]views.ReservationLine, len(rows))
	for i, r := range rows {
		p, ok := policies[r.Account]
		if !ok {
			a, err := v.store.Account(v.r.Context(), v.actor, r.Account)
			if err != nil {
				return nil, err
			}
			p = a.Policy
			policies[r.Account] = p
		}
		out[i] = v.line(r, p)
	}
	return out, nil
}

func (v *visit) line(r *tel.Reservation, p tel.Policy) views.ReservationLine {
	l := views.ReservationLine{
		ID: r.ID, TNCount: r.TNCount, AccountID: r.Account, Account: r.AccountName, State: r.StateAt(v.now),
		Extensions: r.Extensions, MaxExtensions: p.MaxExtensions, MayExtend: r.Extendable(p, v.now),
		CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy.Name,
		EndedAt: r.EndedAt, EndedBy: r.EndedBy.Name, EndReason: r.EndReason,
		Reference: r.CustomerReference, Note: r.Note,
	}
	for _, t := range r.TNs {
		l.TNs = append(l.TNs, t.TN)
	}
	if len(r.TNs) > 0 {
		l.Place = r.TNs[0].Place
		l.Left = v.countdown(r, r.TNs[0].TN.String())
		l.Left.MayExtend = l.MayExtend && v.actor.May(tel.ActChangeHold, r.Account)
	}
	if l.State == tel.StateExpired { // nobody's doing, and perhaps not written down yet
		l.EndedAt, l.EndedBy = r.ExpiresAt, ""
	}
	return l
}

// reserve takes TNs for the account acted for.
func (v *visit) reserve() error {
	if v.actor.Account == 0 && v.actor.Can(tel.ActReserve) {
		return tel.Refuse(tel.CodeForbidden, "Choose an account to work for first.")
	}
	req := tel.ReserveRequest{
		Account: v.actor.Account, AllOrNothing: v.form("how") != "any",
		CustomerReference: v.form("customer_reference"), Note: v.form("note"), IdempotencyKey: v.form("key"),
	}
	for _, s := range v.r.PostForm["tn"] {
		tn, err := tel.ParseNumber(s)
		if err != nil {
			return v.backWith(v.back("/search"), err)
		}
		req.TNs = append(req.TNs, tn)
	}
	if s := v.form("for"); s != "" {
		var err error
		if req.For, err = tel.ParseDuration("for", s); err != nil {
			return v.backWith(v.back("/search"), err)
		}
	}
	out, err := v.reserveOnce(req)
	if _, ok := refused(err); err != nil && !ok {
		return err
	}
	flash := v.reserveFlash(out, err)
	if back := v.back("/search"); v.fragment() && strings.HasPrefix(back, "/search?") {
		return v.reserveInPlace(back, req.TNs, flash)
	}
	return v.done(v.back("/search"), flash)
}

// reserveOnce reserves, and gives the answer again to a form that was sent twice. One
// page's nonce serves all its buttons, so the key is of the nonce and what was asked.
// A page may stand open until what it reserved is over: asking again means it then.
func (v *visit) reserveOnce(req tel.ReserveRequest) (tel.Reserved, error) {
	if req.IdempotencyKey == "" {
		return v.store.Reserve(v.r.Context(), v.actor, req)
	}
	for range mostRounds {
		asked, err := json.Marshal(req)
		if err != nil {
			return tel.Reserved{}, err
		}
		req.IdempotencyKey = fmt.Sprintf("page-%x", sha256.Sum256(asked))
		out, err := v.store.Reserve(v.r.Context(), v.actor, req)
		if err != nil || !out.Repeated || !out.Reservation.StateAt(v.now).Ended() {
			return out, err
		}
	}
	req.IdempotencyKey = ""
	return v.store.Reserve(v.r.Context(), v.actor, req)
}

// mostRounds is how often one page's key is moved on: each costs a change.
const mostRounds = 3

// reserveInPlace answers a page that is open: its rows as they now are, where they
// stand, and the panel beside them. A new page would shuffle what people look at.
func (v *visit) reserveInPlace(back string, tns []tel.Number, flash views.Flash) error {
	rows, err := v.rowsNow(tns[:min(len(tns), mostRows)], v.pageQuery(back))
	if err != nil {
		return err
	}
	page := views.Search{Rows: rows, Self: back}
	if err := v.fillReserve(&page); err != nil {
		return err
	}
	v.stay()
	v.flashes = append(v.flashes, flash)
	return v.render(http.StatusOK, views.SearchOutcome(v.shell(), page))
}

// reserveFlash tells what was had and what was not.
func (v *visit) reserveFlash(out tel.Reserved, err error) views.Flash {
	if out.Reservation == nil {
		e, _ := refused(err)
		text := v.say(e)
		if n := len(out.Refused); n > 1 {
			text += " " + v.t("Nor could %d other numbers be had; nothing was reserved.", n-1)
		}
		return views.Flash{Kind: views.FlashError, Text: text}
	}
	r := out.Reservation
	what := r.TNs[0].TN.String()
	if r.TNCount > 1 {
		what = v.t("%d numbers", r.TNCount)
	}
	flash := ok(v.t("Reserved %s for %s.", what, texts.Duration(v.r.Context(), r.ExpiresAt.Sub(r.CreatedAt).Round(time.Second))))
	if n := len(out.Refused); n > 0 {
		flash.Kind = views.FlashWarn
		flash.Text += " " + v.t("%d numbers could not be had.", n)
	}
	flash.Link = &views.FlashAction{Label: v.t("Open|verb"), Href: "/reservations/" + r.ID}
	return flash
}

// reservation is one reservation's page.
func (v *visit) reservation() error { return v.reservationPage("") }

// reservationPage is it with a purchase link that was just made; "" is none.
func (v *visit) reservationPage(made string) error {
	r, err := v.store.OpenReservation(v.r.Context(), v.actor, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	account, err := v.store.Account(v.r.Context(), v.actor, r.Account)
	if err != nil {
		return err
	}
	events, err := v.store.History(v.r.Context(), r)
	if err != nil {
		return err
	}
	page := views.ReservationDetail{
		Reservation: r, Left: v.countdown(r, v.t("this reservation")), Self: "/reservations/" + r.ID, MadeLink: made,
		MaxExtensions: account.Policy.MaxExtensions, Window: account.Policy.Window,
		MayChange: v.actor.May(tel.ActChangeHold, r.Account), MayOrder: v.actor.May(tel.ActOrder, r.Account), WithAccount: v.actor.Sees(0),
	}
	if page.MayExtend = page.MayChange && account.ReservationsOn && r.Extendable(account.Policy, v.now); !page.MayExtend && page.MayChange {
		page.WhyNotExtend = v.whyNotExtend(*r, account)
	}
	page.Left.MayExtend = page.MayExtend
	if page.WithAccount && v.actor.Can(tel.ActManageAccounts) {
		page.AccountHref = "/accounts/" + r.Account.String()
	}
	if page.Orders, err = v.store.OrdersOf(v.r.Context(), r); err != nil {
		return err
	}
	if page.Links, err = v.purchaseLinks(r); err != nil {
		return err
	}
	slices.Reverse(events)
	for _, e := range events {
		page.History = append(page.History, views.Steps(v.r.Context(), []tel.Event{*e})...)
	}
	return v.render(http.StatusOK, views.ReservationPage(v.shell(), page))
}

func (v *visit) whyNotExtend(r tel.Reservation, a *tel.Account) string {
	if !a.ReservationsOn {
		return v.t("Reservation is switched off for %s; holds run out and are not extended.", a.Name)
	}
	if err := r.Extend(a.Policy, v.now); err != nil {
		return v.fault(err)
	}
	return ""
}

func (v *visit) here() string { return "/reservations/" + url.PathEscape(v.r.PathValue("id")) }

func (v *visit) extend() error {
	r, err := v.store.Extend(v.r.Context(), v.actor, v.r.PathValue("id"))
	if err != nil {
		return v.backWith(v.back(v.here()), err)
	}
	return v.done(v.back(v.here()), ok(v.t("Extended: %s left.", texts.Duration(v.r.Context(), r.Left(v.now).Round(time.Second)))))
}

func (v *visit) drop() error {
	tn, err := tel.ParseNumber(v.form("tn"))
	if err != nil {
		return err
	}
	if _, err := v.store.Drop(v.r.Context(), v.actor, v.r.PathValue("id"), tn); err != nil {
		if tel.CodeOf(err) == tel.CodeNotFound && v.mayRead() {
			return v.done(v.here(), views.Flash{Kind: views.FlashError, Text: v.t("%s is not held by this reservation.", tn.String())})
		}
		return v.backWith(v.here(), err)
	}
	return v.done(v.here(), ok(v.t("%s is free again.", tn.String())))
}

// mayRead tells whether the reservation of this address exists for the caller.
func (v *visit) mayRead() bool {
	_, err := v.store.Reservation(v.r.Context(), v.actor, v.r.PathValue("id"))
	return err == nil
}

// mostCancelled is how many reservations one form cancels at most.
const mostCancelled = 500

// cancelPage asks before reservations are cancelled.
func (v *visit) cancelPage() error {
	ids := distinctIDs(v.r.URL.Query()["id"])
	page := views.CancelReservations{Back: v.localPath(v.query("back"))}
	if page.Back == "" {
		page.Back = "/reservations"
	}
	return v.askCancel(http.StatusOK, ids, page)
}

// distinctIDs are the ids of a form, each once however it is written: reading one
// costs as much as it has TNs.
func distinctIDs(typed []string) []string {
	var ids []string
	for _, s := range typed {
		if id, err := store.CanonicalID(s); err == nil {
			s = id
		}
		if !slices.Contains(ids, s) && len(ids) <= mostCancelled {
			ids = append(ids, s)
		}
	}
	return ids
}

func (v *visit) askCancel(status int, ids []string, page views.CancelReservations) error {
	if !v.actor.Can(tel.ActChangeHold) {
		return tel.Forbidden(tel.ActChangeHold)
	}
	if len(ids) == 0 {
		return v.done(page.Back, views.Flash{Kind: views.FlashWarn, Text: v.t("Choose at least one reservation first.")})
	}
	if len(ids) > mostCancelled {
		return tel.Invalid("id", "At most %d reservations at once.", mostCancelled)
	}
	var live []*tel.Reservation
	for _, id := range ids {
		r, err := v.store.Reservation(v.r.Context(), v.actor, id)
		if err != nil {
			return err
		}
		if r.StateAt(v.now).Ended() {
			page.Ended++
			continue
		}
		page.TNs += r.TNCount
		page.Paying = page.Paying || r.StateAt(v.now) == tel.StateSubmitted
		live = append(live, r)
	}
	var err error
	if page.Lines, err = v.lines(live); err != nil {
		return err
	}
	return v.render(status, views.CancelPage(v.shell(), page))
}

// cancel cancels one or many, each by itself: one that ended meanwhile does not keep
// the others.
func (v *visit) cancel() error {
	ids, back := distinctIDs(v.r.PostForm["id"]), v.back("/reservations")
	if len(ids) == 0 || len(ids) > mostCancelled {
		return tel.Invalid("id", "Choose 1 to %d reservations.", mostCancelled)
	}
	for _, id := range ids { // before the first is done: a refusal means that nothing was
		r, err := v.store.Reservation(v.r.Context(), v.actor, id)
		if err == nil {
			err = v.actor.Require(tel.ActChangeHold, r.Account)
		}
		if err != nil {
			return err
		}
	}
	var done cancelling
	for i, id := range ids {
		r, err := v.store.Cancel(v.r.Context(), v.actor, id, v.form("reason"))
		if fields, ok := v.fieldErrors(err); ok {
			return v.askCancel(http.StatusUnprocessableEntity, ids, views.CancelReservations{Back: back, Reason: v.form("reason"), Errors: fields})
		}
		if _, ok := refused(err); ok {
			done.ended++
			continue
		}
		if err != nil && done.reservations == 0 {
			return err
		}
		if err != nil {
			done.left, done.why = len(ids)-i, v.why(err)
			break
		}
		done.reservations++
		done.freed += r.TNCount
	}
	return v.done(back, v.cancelFlash(done))
}

// cancelling is what became of the reservations of a form.
type cancelling struct {
	reservations, freed, ended int
	left                       int    // not tried: it stopped before
	why                        string // it stopped
}

func (v *visit) cancelFlash(c cancelling) views.Flash {
	flash := ok(v.t("Cancelled %s; %s free again.", v.t("%d reservations", c.reservations), v.t("%d numbers", c.freed)))
	if c.ended > 0 {
		flash.Kind = views.FlashWarn
		flash.Text += " " + v.t("%d reservations had ended already.", c.ended)
	}
	if c.left > 0 {
		flash.Kind = views.FlashWarn
		flash.Text += " " + v.t("Then it stopped, with %s to go: %s", v.t("%d reservations", c.left), c.why)
	}
	return flash
}

// reservationsCSV exports the list with its filters, as it streams.
func (v *visit) reservationsCSV() error {
	q, _, err := v.readList(v.r.URL.Query())
	if err != nil {
		return err
	}
	if q.Mine {
		return tel.Forbidden(tel.ActListReservations)
	}
	q.Cursor = ""
	return v.download("reservations", "csv", reservationHead, func(write writeRow) error {
		return v.store.Each(v.r.Context(), v.actor, q, func(r *tel.Reservation) error {
			for _, t := range r.TNs {
				if !t.EndedAt.IsZero() && !t.EndedAt.Equal(r.EndedAt) {
					continue // dropped before
				}
				if err := write(v.reservationCells(r, t)...); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// harmless keeps a spreadsheet from running free text as a formula.
func harmless(s string) string {
	if t := strings.TrimSpace(s); t != "" && strings.ContainsRune("=+-@|%＝＋－＠｜％", []rune(t)[0]) {
		return "'" + s
	}
	return s
}
