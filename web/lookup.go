package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/views/texts"
)

// lookup answers the one box: a TN in any usual form, the id of a reservation or an
// order, or what a customer calls it.
func (v *visit) lookup() error {
	page := views.Lookup{Query: v.query("q"), Now: v.now, Lists: v.actor.Can(tel.ActLookUpTN)}
	status, err := v.answerLookup(&page)
	if err == nil && status == http.StatusNotFound {
		err = v.often(v.pace.misses) // as with an address of an id: see fail
	}
	if err != nil {
		return err
	}
	return v.render(status, views.LookupPage(v.shell(), page))
}

func (v *visit) answerLookup(page *views.Lookup) (status int, err error) {
	if page.Query == "" {
		return http.StatusOK, nil
	}
	if id, err := store.CanonicalID(page.Query); err == nil {
		if status, err = v.lookupID(page, id); status != http.StatusNotFound || !v.actor.Can(tel.ActLookUpTN) {
			return status, err
		}
		return v.lookupReference(page) // customers number theirs so too
	}
	if !v.actor.Can(tel.ActLookUpTN) {
		page.Hint = true
		return http.StatusOK, nil
	}
	tn, err := tel.ParseNumber(page.Query)
	if err != nil || hasLetter(page.Query) {
		return v.lookupReference(page)
	}
	report, err := v.store.LookUp(v.r.Context(), v.actor, tn)
	if err != nil {
		return 0, err
	}
	page.TN = v.lookupTN(report)
	_, err = v.calledSo(page) // "2026000123" may be a customer's own number for something
	if tel.CodeOf(err) == tel.CodeInvalid {
		err = nil // nobody calls anything so
	}
	return http.StatusOK, err
}

// hasLetter: "2026-ORDER-1" is a TN by a telephone's keys, and means a reference.
func hasLetter(s string) bool {
	return strings.ContainsFunc(strings.TrimPrefix(strings.ToLower(s), "tel:"), unicode.IsLetter)
}

// lookupID finds a reservation, or else an order. What is neither, and what is another
// account's, is answered alike.
func (v *visit) lookupID(page *views.Lookup, id string) (status int, err error) {
	page.Reservation, err = v.store.OpenReservation(v.r.Context(), v.actor, id)
	if err == nil {
		page.Orders, err = v.store.OrdersOf(v.r.Context(), page.Reservation)
		return http.StatusOK, err
	}
	if tel.CodeOf(err) == tel.CodeNotFound {
		page.Order, err = v.store.OpenOrder(v.r.Context(), v.actor, id)
	}
	if tel.CodeOf(err) == tel.CodeNotFound {
		page.Error = v.t("There is no such reservation or order.")
		return http.StatusNotFound, nil
	}
	return http.StatusOK, err
}

func (v *visit) lookupReference(page *views.Lookup) (status int, err error) {
	found, err := v.calledSo(page)
	switch fields, wrong := v.fieldErrors(err); {
	case wrong:
		page.Error = fields["q"]
		return http.StatusUnprocessableEntity, nil
	case err != nil:
		return 0, err
	case found:
		page.Error = ""
		return http.StatusOK, nil
	}
	if page.Error == "" {
		page.Error = v.t("No number, reservation or order goes by that name.")
	}
	return http.StatusNotFound, nil
}

// calledSo finds what customers call so.
func (v *visit) calledSo(page *views.Lookup) (found bool, err error) {
	refs, err := v.store.FindReference(v.r.Context(), v.actor, page.Query)
	if tel.CodeOf(err) == tel.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	page.Called, page.Orders = refs.Reservations, refs.Orders
	page.More = len(page.Called) == store.MostReferences || len(page.Orders) == store.MostReferences
	return true, nil
}

// lookupList answers for a pasted list of TNs.
func (v *visit) lookupList() error {
	tns, page, err := v.pastedList()
	if err != nil {
		return err
	}
	if page.Error != "" {
		return v.render(http.StatusUnprocessableEntity, views.LookupListPage(v.shell(), page))
	}
	lines, err := v.store.LookUpAll(v.r.Context(), v.actor, tns)
	if err != nil {
		return err
	}
	for _, l := range lines {
		page.Lines = append(page.Lines, v.lookupLine(l))
	}
	return v.render(http.StatusOK, views.LookupListPage(v.shell(), page))
}

// lookupListCSV is the answer to a list as a file. A line that is no TN is named in it.
func (v *visit) lookupListCSV() error {
	tns, page, err := v.pastedList()
	if err != nil {
		return err
	}
	if page.Error != "" {
		return &tel.Error{Code: tel.CodeInvalid, Field: "tns", Message: page.Error}
	}
	lines, err := v.store.LookUpAll(v.r.Context(), v.actor, tns)
	if err != nil {
		return err
	}
	return v.download("numbers", "csv", head("tn", "status", "account", "account_name", "city", "state", "rate_center", "reservation_id", "expires_at", "customer_reference", "order_id", "since", "until"), func(write writeRow) error {
		for _, l := range lines {
			if err := write(v.lineCells(l)...); err != nil {
				return err
			}
		}
		for _, bad := range page.Invalid {
			if err := write(bad.Text, "not a number", "", "", "", "", "", "", "", "", "", "", ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func (v *visit) lineCells(l store.TNLine) []any {
	account, id, reference, order := "", "", "", ""
	var expires, since, until time.Time
	if l.Account != 0 {
		account = l.Account.String()
	}
	if r := l.Reservation; r != nil {
		id, reference, expires = r.ID, r.CustomerReference, r.ExpiresAt
	}
	if n := l.Service; n != nil {
		order, since, until = n.OrderID, n.Since, n.Until
	}
	return []any{l.TN, views.LineState(l.State, v.actor.Can(tel.ActManageInventory)), account, l.AccountName, l.Place.City, l.Place.State, l.Place.RateCenter, id, expires, reference, order, since, until}
}

// pastedList reads TNs, one per line or parted by commas or semicolons, each once in
// the order given. What is none is named.
func (v *visit) pastedList() (tns []tel.Number, page views.LookupList, err error) {
	if !v.actor.Can(tel.ActLookUpTN) {
		return nil, page, tel.Forbidden(tel.ActLookUpTN)
	}
	page = views.LookupList{Pasted: v.form("tns"), Now: v.now, WithAccount: v.actor.Sees(0), SeesAll: v.actor.Can(tel.ActManageInventory)}
	seen := map[tel.Number]bool{}
	for at, line := range strings.Split(page.Pasted, "\n") {
		for _, text := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' || r == '\t' || r == '\r' }) {
			text = strings.Trim(strings.TrimSpace(text), `"'`)
			if text == "" {
				continue
			}
			tn, err := tel.ParseNumber(text)
			switch {
			case err != nil:
				page.Invalid = append(page.Invalid, views.BadLine{Line: at + 1, Text: shorten(text)})
			case seen[tn]:
				page.Twice++
			default:
				seen[tn] = true
				tns = append(tns, tn)
			}
			if len(tns)+len(page.Invalid) > store.MostLookedUp {
				page.Error = v.t("At most %d numbers at once.", store.MostLookedUp)
				page.Invalid = nil
				return nil, page, nil
			}
		}
	}
	if len(tns)+len(page.Invalid) == 0 {
		page.Error = v.t("Paste at least one number.")
	}
	return tns, page, nil
}

// shorten keeps what was typed to the length of a line.
func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (v *visit) lookupLine(l store.TNLine) views.LookupLine {
	line := views.LookupLine{TN: l.TN, State: l.State, Place: l.Place, AccountID: l.Account, Account: l.AccountName}
	if r := l.Reservation; r != nil {
		line.Reservation, line.Reference, line.Until = r.ID, r.CustomerReference, r.ExpiresAt
	}
	if n := l.Service; n != nil {
		line.Order, line.Since, line.Until = n.OrderID, n.Since, n.Until
	}
	return line
}

func (v *visit) lookupTN(report *store.TNReport) *views.LookupTN {
	out := &views.LookupTN{
		TN: report.TN, Hidden: !report.Known && !v.actor.Can(tel.ActManageInventory), State: report.State,
		Place: report.Place, Offer: report.Offer, Reservation: report.Reservation,
		CanReserve: report.State == tel.TNAvailable && v.mayReserveNow(), Key: rand.Text(),
		CanDisable: v.actor.Can(tel.ActManageInventory),
	}
	if report.Service != nil {
		row := numberRow(report.Service)
		out.Service = &row
	}
	out.History = v.tnHistory(report)
	return out
}

// tnHistory is every hold, order, disconnect and other change of a TN that the reader
// sees, the latest first.
func (v *visit) tnHistory(report *store.TNReport) []views.Step {
	var steps []views.Step
	ordered := map[time.Time]bool{}
	for _, o := range report.Orders {
		steps = append(steps, v.orderStep(o))
		ordered[o.At] = ordered[o.At] || o.Code == ""
	}
	if r := report.Reservation; r != nil {
		steps = append(steps, v.reservedStep(r))
	}
	for _, p := range report.Past {
		if p.How != tel.StateOrdered || !ordered[p.EndedAt] { // which the order tells
			steps = append(steps, v.endStep(p))
		}
		steps = append(steps, v.reservedStep(p.Reservation))
	}
	for _, c := range report.Changes {
		e := tel.Event{Kind: c.Kind, At: c.At, Actor: tel.Actor{Name: c.By}}
		steps = append(steps, views.Steps(v.r.Context(), []tel.Event{e})...)
	}
	slices.SortStableFunc(steps, func(a, b views.Step) int { return b.At.Compare(a.At) })
	return steps
}

func (v *visit) orderStep(o store.TNOrder) views.Step {
	s := views.Step{At: o.At, Icon: "phone", Title: v.t("In service"), By: o.Order.CreatedBy.Name, Text: o.Order.Name, Tone: "good", Href: "/orders/" + o.Order.ID}
	switch {
	case o.Code != "":
		s.Icon, s.Title, s.Tone = "circle-x", v.t("Could not be ordered"), "bad"
	case o.Order.Kind == tel.OrderKindDisconnect:
		s.Icon, s.Title, s.Tone = "power", v.t("Disconnected|event"), "warn"
	}
	return s
}

func (v *visit) reservedStep(r *tel.Reservation) views.Step {
	return views.Step{At: r.CreatedAt, Icon: "timer", Title: v.t("Reserved|event"), By: r.CreatedBy.Name, Text: r.CustomerReference, Tone: "good", Href: "/reservations/" + r.ID}
}

// endStep is how a hold ended.
func (v *visit) endStep(p store.PastHold) views.Step {
	r := p.Reservation
	end := views.Step{At: p.EndedAt, Icon: "x", Title: v.t("Cancelled|event"), By: r.EndedBy.Name, Text: r.EndReason}
	switch {
	case p.How == tel.StateExpired:
		end.Icon, end.Title, end.By = "hourglass", v.t("Ran out"), ""
	case p.How == tel.StateOrdered:
		end.Icon, end.Title, end.Tone = "circle-check", v.t("Ordered|event"), "good"
	case p.DroppedBy != "":
		end.Icon, end.Title, end.By, end.Text = "minus", v.t("Dropped|event"), p.DroppedBy, ""
	}
	return end
}

func (v *visit) disable() error {
	return v.changeTN(v.store.Disable, texts.Mark("%s is not offered any more."))
}

func (v *visit) enable() error {
	return v.changeTN(v.store.Enable, texts.Mark("%s is offered again."))
}

// changeTN does something to a TN and goes back to where it was looked up.
func (v *visit) changeTN(change tnChange, done string) error {
	if !v.actor.Can(tel.ActManageInventory) {
		return tel.Forbidden(tel.ActManageInventory)
	}
	tn, err := tel.ParseNumber(v.form("tn"))
	if err != nil {
		return err
	}
	back := "/lookup?q=" + url.QueryEscape(tn.Digits())
	if err := change(v.r.Context(), v.actor, tn); err != nil {
		return v.backWith(back, err)
	}
	return v.done(back, ok(v.t(done, tn.String())))
}

type tnChange func(context.Context, tel.Actor, tel.Number) error
