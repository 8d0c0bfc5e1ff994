package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

func (v *visit) orderTN(tn tel.Number, ticked bool) views.OrderTN {
	place, offer, _ := v.store.Shelf().Has(tn)
	return views.OrderTN{TN: tn, Place: place, Cost: offer.MonthlyCost, Ticked: ticked}
}

// picked reads the TNs that somebody ticked, for those who have an action.
func (v *visit) picked(list []string, act tel.Action) (tns []tel.Number, err error) {
	if !v.actor.Can(act) {
		return nil, tel.Forbidden(act)
	}
	for _, s := range list {
		tn, err := tel.ParseNumber(s)
		if err != nil {
			return nil, err
		}
		tns = append(tns, tn)
	}
	slices.Sort(tns)
	if tns = slices.Compact(tns); len(tns) > mostPicked {
		return nil, tel.Invalid("tn", "At most %d numbers at once.", mostPicked)
	}
	return tns, nil
}

// kept finds which of some TNs one account has in a state, and that account: the one
// acted for, or for all accounts the first TN's.
func (v *visit) kept(tns []tel.Number, state tel.TNState) (rows []views.OrderTN, account tel.AccountID, err error) {
	account = v.actor.Account
	for _, tn := range tns {
		q := store.NewTNQuery(account)
		q.Status, q.From, q.Limit = state, tn, 1
		listed, err := v.store.TNsInService(v.r.Context(), v.actor, q)
		if err != nil {
			return nil, 0, err
		}
		if len(listed.Rows) == 0 || listed.Rows[0].TN != tn {
			continue
		}
		account = listed.Rows[0].Account
		rows = append(rows, v.orderTN(tn, true))
	}
	return rows, account, nil
}

// accountNamed is an account's name for those who work for several.
func (v *visit) accountNamed(id tel.AccountID) (string, error) {
	if !v.actor.Sees(0) {
		return "", nil
	}
	a, err := v.store.Account(v.r.Context(), v.actor, id)
	if err != nil {
		return "", err
	}
	return a.Name, nil
}

// numbers is the list of TNs in service, or of those that age.
func (v *visit) numbers() error {
	if !v.actor.Can(tel.ActListOrders) {
		return tel.Forbidden(tel.ActListOrders)
	}
	values := v.r.URL.Query()
	q := store.NewTNQuery(v.actor.Account)
	page := views.Numbers{Lede: v.t("What was ordered and works now."), Self: v.self(), MayChange: v.actor.Can(tel.ActDisconnect), Filter: views.NumberFilter{
		NPA: v.query("npa"), NXX: v.query("nxx"), City: v.query("city"), RC: v.query("rc"), Errors: map[string]string{},
	}}
	f := &page.Filter
	if page.Aging = values.Get("status") == "aging"; page.Aging {
		q.Status, page.Lede = tel.TNAging, v.t("Disconnected numbers rest here. Take one back before it comes free.")
		f.Kept = []views.Hidden{{Name: "status", Value: "aging"}}
	}
	q.City, q.RateCenter, q.State, q.Limit = f.City, f.RC, strings.ToUpper(v.query("state")), listPage
	f.States = v.stateChoices(v.store.Shelf().States(), q.State)
	q.NPA = v.digitsField("npa", f.NPA, f.Errors)
	q.NXX = v.digitsField("nxx", f.NXX, f.Errors)
	if s := values.Get("from"); s != "" {
		from, err := tel.ParseNumber(s)
		if err != nil {
			return err
		}
		q.From = from
	}
	var err error
	if q.Account, f.Accounts, err = v.accountFilter(values, q.Account); err != nil {
		return err
	}
	page.WithAccount = q.Account == 0
	if f.NPA+f.NXX+f.City+f.RC+q.State != "" || len(f.Accounts) > 0 && q.Account != 0 {
		f.Clear = with("/numbers", url.Values{"status": values["status"]})
	}
	page.Tabs = []views.Tab{
		{Label: v.t("In service|numbers"), Href: with("/numbers", values, "status", "", "from", ""), Current: !page.Aging},
		{Label: v.t("Aging|numbers"), Href: with("/numbers", values, "status", "aging", "from", ""), Current: page.Aging},
	}
	return v.fillNumbers(page, q, values)
}

func (v *visit) fillNumbers(page views.Numbers, q store.TNQuery, values url.Values) error {
	var listed store.ListedTNs
	var n int
	var err error
	if len(page.Filter.Errors) == 0 {
		if listed, err = v.store.TNsInService(v.r.Context(), v.actor, q); err == nil {
			n, err = v.store.CountTNs(v.r.Context(), v.actor, q)
		}
		if fields, ok := v.fieldErrors(err); ok {
			page.Filter.Errors = fields
		} else if err != nil {
			return err
		}
	}
	status := http.StatusOK
	if len(page.Filter.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	for _, t := range listed.Rows {
		page.Rows = append(page.Rows, numberRow(t))
	}
	page.Total, page.Summary = v.t("%d numbers", n), v.t("%d numbers", len(page.Rows))
	if listed.Next != 0 {
		page.Next = with("/numbers", values, "from", listed.Next.Digits())
	}
	if q.From != 0 {
		page.First = with("/numbers", values, "from", "")
	}
	return v.render(status, views.NumbersPage(v.shell(), page))
}

func numberRow(t *store.TNInService) views.NumberRow {
	return views.NumberRow{
		TN: t.TN, State: t.State, Place: t.Place, AccountID: t.Account, Account: t.AccountName, Since: t.Since, Until: t.Until, OrderID: t.OrderID, OrderName: t.OrderName,
	}
}

// digitsField reads three digits; 0 is none.
func (v *visit) digitsField(field, s string, faults map[string]string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 3 || n < 200 {
		faults[field] = v.t("Three digits, the first of them 2 to 9.")
	}
	return n
}
