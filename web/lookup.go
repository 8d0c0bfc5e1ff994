package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// lookup answers the one box: a TN, or the id of a reservation or an order, in any
// usual form. An order has a page of its own and is answered by it.
func (v *visit) lookup() error {
	page := views.Lookup{Query: v.query("q"), Now: v.now}
	if id, err := store.CanonicalID(page.Query); err == nil {
		o, err := v.store.Order(v.r.Context(), v.actor, id)
		if err == nil {
			return v.redirect(orderAt(o))
		}
		if tel.CodeOf(err) != tel.CodeNotFound {
			return err
		}
	}
	status, err := v.answerLookup(&page)
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
		page.Reservation, err = v.store.Reservation(v.r.Context(), v.actor, id)
		if tel.CodeOf(err) == tel.CodeNotFound {
			page.Error = "There is no such reservation or order."
			return http.StatusNotFound, nil
		}
		return http.StatusOK, err
	}
	tn, err := tel.ParseNumber(page.Query)
	if err != nil {
		page.Error = "That is neither a telephone number nor the id of a reservation or an order."
		return http.StatusUnprocessableEntity, nil
	}
	if !v.actor.Can(tel.ActLookUpTN) {
		page.Hint = true
		return http.StatusOK, nil
	}
	report, err := v.store.LookUp(v.r.Context(), v.actor, tn)
	if err != nil {
		return 0, err
	}
	page.TN = v.lookupTN(report)
	return http.StatusOK, nil
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
	if r := report.Reservation; r != nil {
		out.History = append(out.History, views.Step{At: r.CreatedAt, Icon: "timer", Title: "Reserved", By: r.CreatedBy.Name, Text: r.CustomerReference, Tone: "good"})
	}
	for _, p := range report.Past {
		out.History = append(out.History, pastSteps(p)...)
	}
	return out
}

// pastSteps are the end and the beginning of a hold that is over.
func pastSteps(p store.PastHold) []views.Step {
	r := p.Reservation
	end := views.Step{At: p.EndedAt, Icon: "x", Title: "Cancelled", By: r.EndedBy.Name, Text: r.EndReason}
	switch {
	case p.How == tel.StateExpired:
		end.Icon, end.Title, end.By = "hourglass", "Ran out", ""
	case p.How == tel.StateOrdered:
		end.Icon, end.Title, end.Tone = "circle-check", "Ordered", "good"
	case !r.State.Ended():
		end.Icon, end.Title = "minus", "Dropped"
	}
	return []views.Step{end, {At: r.CreatedAt, Icon: "timer", Title: "Reserved", By: r.CreatedBy.Name, Text: r.CustomerReference, Tone: "good"}}
}

func (v *visit) disable() error {
	return v.changeTN(v.store.Disable, "is not offered any more.")
}

func (v *visit) enable() error {
	return v.changeTN(v.store.Enable, "is offered again.")
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
	return v.done(back, ok(tn.String()+" "+done))
}

type tnChange func(context.Context, tel.Actor, tel.Number) error
