package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/shelf"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// defaultDays is the range of a report that names none.
const defaultDays = 30

// reportAsk is what an address asks of the reports.
type reportAsk struct {
	query  store.ReportQuery
	use    store.UseQuery
	filter views.ReportFilter
}

// reports shows what is outstanding, what became of reservations, and how the inventory
// is used.
func (v *visit) reports() error {
	ask, err := v.readReports()
	if err != nil {
		return err
	}
	page := views.Reports{Self: v.self(), Filter: ask.filter, Now: v.now, Filing: v.actor.Can(tel.ActManageInventory) && ask.query.Account == 0}
	if len(ask.filter.Errors) > 0 {
		return v.render(http.StatusUnprocessableEntity, views.ReportsPage(v.shell(), page))
	}
	if page.Outstanding, err = v.outstanding(ask); err != nil {
		return err
	}
	if page.OverTime, err = v.overTime(ask); err != nil {
		return err
	}
	if page.Use, err = v.use(ask); err != nil {
		return err
	}
	return v.render(http.StatusOK, views.ReportsPage(v.shell(), page))
}

// readReports reads the filters. What is refused as a whole is an error; what is wrong
// in a field stands in the filter.
func (v *visit) readReports() (reportAsk, error) {
	var ask reportAsk
	if !v.actor.Can(tel.ActSeeReports) {
		return ask, tel.Forbidden(tel.ActSeeReports)
	}
	values := v.r.URL.Query()
	today := tel.DayOf(v.now)
	r := tel.Range{From: today - defaultDays + 1, To: today}
	f := views.ReportFilter{From: v.query("from"), To: v.query("to"), State: strings.ToUpper(v.query("state")), Errors: map[string]string{}}
	for _, day := range []struct {
		name, typed string
		to          *tel.Day
	}{{"from", f.From, &r.From}, {"to", f.To, &r.To}} {
		at, err := parseDay(day.name, day.typed)
		if err != nil {
			f.Errors[day.name] = v.fault(err)
		} else if !at.IsZero() {
			*day.to = tel.DayOf(at)
		}
	}
	if f.From == "" && f.To != "" {
		r.From = r.To - defaultDays + 1
	}
	if fields, ok := v.fieldErrors(r.Check()); ok && len(f.Errors) == 0 {
		f.Errors = fields
	}
	account, accounts, err := v.accountFilter(values, v.actor.Account)
	if err != nil {
		return ask, err
	}
	ask.query = store.ReportQuery{Account: account, Range: r}
	ask.use = store.UseQuery{Account: account, By: useBy(v.query("by")), State: f.State}
	f.Accounts, f.Range, f.All = accounts, r, account == 0
	f.Presets = v.presets(values, r, today)
	f.Query = values
	ask.filter = f
	return ask, nil
}

// presets are the usual ranges, up to today.
func (v *visit) presets(values url.Values, r tel.Range, today tel.Day) (tabs []views.Tab) {
	for _, p := range []struct {
		label string
		days  tel.Day
	}{{v.t("Today"), 1}, {v.t("%d days", 7), 7}, {v.t("%d days", 30), 30}, {v.t("%d days", 90), 90}} {
		from := today - p.days + 1
		tabs = append(tabs, views.Tab{
			Label: p.label, Href: with("/reports", values, "from", from.String(), "to", today.String()),
			Current: r == tel.Range{From: from, To: today},
		})
	}
	return tabs
}

func useBy(s string) shelf.Dimension {
	switch by := shelf.Dimension(s); by {
	case shelf.ByRateCenter, shelf.ByBlock:
		return by
	}
	return shelf.ByState
}

func (v *visit) outstanding(ask reportAsk) (views.Outstanding, error) {
	out, err := v.store.Outstanding(v.r.Context(), v.actor, ask.query.Account)
	if err != nil {
		return views.Outstanding{}, err
	}
	page := views.Outstanding{Total: held(out.Total()), Within: out.Within}
	for _, a := range out.Accounts {
		page.Accounts = append(page.Accounts, held(a))
		if a.NearCap() {
			page.Near = append(page.Near, held(a))
		}
	}
	if page.Soon, err = v.lines(out.Soon); err != nil {
		return page, err
	}
	page.Longest, err = v.lines(out.Longest)
	return page, err
}

func held(a store.AccountHeld) views.AccountHeld {
	return views.AccountHeld{ID: a.Account, Name: a.Name, Reservations: a.Reservations, TNs: a.TNs, MaxHeld: a.MaxHeld}
}

func (v *visit) overTime(ask reportAsk) (views.OverTime, error) {
	out, err := v.store.OverTime(v.r.Context(), v.actor, ask.query)
	if err != nil {
		return views.OverTime{}, err
	}
	page := views.OverTime{Total: out.Total}
	for _, d := range out.Days {
		page.Days = append(page.Days, views.DayOutcomes{Day: d.Day, Outcomes: d.Outcomes})
	}
	for _, a := range out.Top[:min(mostShown, len(out.Top))] {
		page.Top = append(page.Top, views.AccountTook{ID: a.Account, Name: a.Name, Outcomes: a.Outcomes})
	}
	for _, r := range out.Repeats[:min(mostShown, len(out.Repeats))] {
		page.Repeats = append(page.Repeats, views.Repeat{ID: r.Account, Name: r.Name, TN: r.TN, Times: r.Times})
	}
	return page, nil
}

const (
	mostShown = 10  // rows of a report's short lists
	mostUse   = 100 // rows of how the inventory is used
)

func (v *visit) use(ask reportAsk) (views.UseReport, error) {
	rows, err := v.store.Utilisation(v.r.Context(), v.actor, ask.use)
	if fields, ok := v.fieldErrors(err); ok {
		return views.UseReport{StateError: fields["state"]}, nil
	}
	if err != nil {
		return views.UseReport{}, err
	}
	page := views.UseReport{By: string(ask.use.By), Rows: len(rows)}
	for _, by := range []struct {
		label string
		by    shelf.Dimension
	}{{v.t("State"), shelf.ByState}, {v.t("Rate center"), shelf.ByRateCenter}, {v.t("Thousands-block"), shelf.ByBlock}} {
		page.Tabs = append(page.Tabs, views.Tab{Label: by.label, Href: with("/reports", v.r.URL.Query(), "by", string(by.by)) + "#use", Current: by.by == ask.use.By})
	}
	for _, u := range rows[:min(mostUse, len(rows))] {
		page.Use = append(page.Use, views.Use{Name: u.Name, State: u.State, TNs: u.TNs, Taken: u.Taken(), InService: u.InService, Aging: u.Aging, Reserved: u.Reserved})
	}
	return page, nil
}

// reportFile is one table of the reports as a file, with the filter applied.
func (v *visit) reportFile() error {
	ask, err := v.readReports()
	if err != nil {
		return err
	}
	for _, field := range []string{"from", "to"} {
		if text := ask.filter.Errors[field]; text != "" {
			return tel.Invalid(field, "%s", text)
		}
	}
	what, format := fileName(v.r.PathValue("file"))
	for _, t := range v.reportTables(ask) {
		if t.name == what {
			return v.download(t.name, format, t.header, t.fill)
		}
	}
	return tel.NotFound()
}

// reportTable is a table that can be taken away.
type reportTable struct {
	name   string
	header []any
	fill   func(writeRow) error
}

func head(names ...string) []any {
	list := make([]any, len(names))
	for i, n := range names {
		list[i] = n
	}
	return list
}

func (v *visit) reportTables(ask reportAsk) []reportTable {
	return []reportTable{
		{"outstanding", head("account", "account_name", "reservations", "tns", "max_held", "near_cap"), func(w writeRow) error { return v.writeOutstanding(ask, w) }},
		{"days", head("day", "reserved", "tns", "ordered", "cancelled", "expired", "still_held", "median_seconds_to_order"), func(w writeRow) error { return v.writeDays(ask, w) }},
		{"accounts", head("account", "account_name", "reserved", "tns", "ordered"), func(w writeRow) error { return v.writeTop(ask, w) }},
		{"repeats", head("account", "account_name", "tn", "times_taken_again"), func(w writeRow) error { return v.writeRepeats(ask, w) }},
		{"use", head("name", "state", "tns", "free", "taken", "in_service", "aging", "reserved"), func(w writeRow) error { return v.writeUse(ask, w) }},
		{"reservations", reservationHead, func(w writeRow) error { return v.writeMade(ask, w) }},
		{"number-use", head("npa", "nxx", "x", "state", "rate_center", "lata", "carrier", "tns", "assigned", "intermediate", "reserved", "aging", "administrative", "available"), v.writeNumberUse},
	}
}

func (v *visit) writeOutstanding(ask reportAsk, write writeRow) error {
	out, err := v.store.Outstanding(v.r.Context(), v.actor, ask.query.Account)
	if err != nil {
		return err
	}
	for _, a := range out.Accounts {
		near := "no"
		if a.NearCap() {
			near = "yes"
		}
		if err := write(a.Account.String(), a.Name, a.Reservations, a.TNs, a.MaxHeld, near); err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) writeDays(ask reportAsk, write writeRow) error {
	out, err := v.store.OverTime(v.r.Context(), v.actor, ask.query)
	if err != nil {
		return err
	}
	for _, d := range out.Days {
		median := ""
		if wait, ok := d.Waits.Median(); ok {
			median = strconv.Itoa(int(wait / time.Second))
		}
		if err := write(d.Day, d.Reserved, d.TNs, d.Ordered, d.Cancelled, d.Expired, d.Live(), median); err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) writeTop(ask reportAsk, write writeRow) error {
	out, err := v.store.OverTime(v.r.Context(), v.actor, ask.query)
	if err != nil {
		return err
	}
	for _, a := range out.Top {
		if err := write(a.Account.String(), a.Name, a.Reserved, a.TNs, a.Ordered); err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) writeRepeats(ask reportAsk, write writeRow) error {
	out, err := v.store.OverTime(v.r.Context(), v.actor, ask.query)
	if err != nil {
		return err
	}
	for _, r := range out.Repeats {
		if err := write(r.Account.String(), r.Name, r.TN, r.Times); err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) writeUse(ask reportAsk, write writeRow) error {
	rows, err := v.store.Utilisation(v.r.Context(), v.actor, ask.use)
	if err != nil {
		return err
	}
	for _, u := range rows {
		tns, free := any(u.TNs), any(u.Free)
		if u.TNs == 0 { // of one account: the inventory is everybody's
			tns, free = "", ""
		}
		if err := write(u.Name, u.State, tns, free, u.Taken(), u.InService, u.Aging, u.Reserved); err != nil {
			return err
		}
	}
	return nil
}

// writeMade is a line per TN of every reservation made in the range.
func (v *visit) writeMade(ask reportAsk, write writeRow) error {
	return v.store.EachMade(v.r.Context(), v.actor, ask.query, func(r *tel.Reservation) error {
		for _, t := range r.TNs {
			if err := write(v.reservationCells(r, t)...); err != nil {
				return err
			}
		}
		return nil
	})
}

var reservationHead = head("reservation_id", "account", "account_name", "tn", "city", "state", "rate_center", "status", "created_at", "expires_at", "ended_at",
	"extensions", "customer_reference", "note", "created_by", "ended_by", "end_reason")

func (v *visit) reservationCells(r *tel.Reservation, t tel.ReservedTN) []any {
	status, ended := r.StateAt(v.now), r.EndedAt
	if !t.EndedAt.IsZero() { // by itself, perhaps, before the others
		status, ended = t.End, t.EndedAt
	}
	return []any{
		r.ID, r.Account.String(), r.AccountName, t.TN, t.Place.City, t.Place.State, t.Place.RateCenter,
		string(status), r.CreatedAt, r.ExpiresAt, ended, r.Extensions,
		r.CustomerReference, r.Note, r.CreatedBy.Name, r.EndedBy.Name, r.EndReason,
	}
}

func (v *visit) writeNumberUse(write writeRow) error {
	return v.store.EachNumberUse(v.r.Context(), v.actor, func(u tel.NumberUse) error {
		return write(u.Block.NPA(), u.Block.NXX(), u.Block.X(), u.Place.State, u.Place.RateCenter, u.Place.LATA, u.Place.Carrier,
			u.TNs(), u.Assigned, u.Intermediate, u.Reserved, u.Aging, u.Administrative, u.Available)
	})
}
