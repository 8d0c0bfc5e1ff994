package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/views/texts"
)

// Every filter is in the address, so that a search can be kept, shared and gone back
// to. The seed is too: the same address shows the same page.

func (v *visit) search() error {
	if !v.actor.Can(tel.ActSearch) {
		return tel.Forbidden(tel.ActSearch)
	}
	values := v.r.URL.Query()
	// in the form this is "has": a field named "contains" would hide the form's method of
	// that name, which htmx calls
	renamed := values.Has("has")
	if renamed {
		values["contains"] = values["has"]
		delete(values, "has")
	}
	form, query, faults := v.readSearch(values)
	if len(faults) == 0 && query.Order == tel.OrderSpread && values.Get("seed") == "" {
		return v.redirect(with("/search", values, "seed", strconv.FormatUint(v.store.Shelf().NextSeed(), 36)))
	}
	if renamed {
		return v.redirect(with("/search", values))
	}
	form.Errors = faults
	page := views.Search{Form: form, Self: v.self(), Clear: "/search"}
	status := http.StatusOK
	switch {
	case v.byItself(): // an open page takes the list of what it holds, and nothing else
	case len(faults) > 0:
		status = http.StatusUnprocessableEntity
	default:
		leave, err := v.turnToSearch()
		if err != nil {
			return err
		}
		defer leave()
		v.made = leave // before the page is sent: a reader who takes nothing must not keep the place
		if err := v.fillSearch(&page, query, values); err != nil {
			return err
		}
	}
	page.Chips = v.chips(form, values)
	if err := v.fillReserve(&page); err != nil {
		return err
	}
	return v.render(status, views.SearchPage(v.shell(), page))
}

// turnToSearch waits for a person's turn, which they and their account may have only so
// often.
func (v *visit) turnToSearch() (leave func(), err error) {
	if err := v.often(v.pace.searches); err != nil {
		return nil, err
	}
	who := v.actor.Account.String()
	if v.actor.Account == 0 {
		who = v.actor.ID
	}
	return v.queueToSearch(who)
}

// searchPatience is how long a search waits for its turn.
const searchPatience = 2 * time.Second

// queueToSearch waits for a place among those who search, not for ever.
func (v *visit) queueToSearch(who string) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(v.r.Context(), searchPatience)
	defer cancel()
	leave, err = v.cfg.Searches.Take(ctx, who)
	switch {
	case err == nil:
		v.letChangesPass()
		return leave, nil
	case v.r.Context().Err() != nil:
		return nil, v.r.Context().Err()
	}
	return nil, tel.Refuse(tel.CodeBusy, "Many people are searching. Try again in a moment.")
}

// letChangesPass puts a search off for some milliseconds while many changes wait:
// they need the same cores, and a reservation is worth more than a list.
func (v *visit) letChangesPass() {
	const many, steps = 4, 10
	for range steps {
		if v.store.Waiting() < many {
			return
		}
		v.pause(time.Millisecond)
	}
}

// readSearch reads the filters of an address: as typed, as a query, and what is wrong
// with each.
func (v *visit) readSearch(values url.Values) (views.SearchForm, tel.Query, map[string]string) {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	form := views.SearchForm{
		NPA: get("npa"), NXX: get("nxx"), State: strings.ToUpper(get("state")), Place: get("place"), City: get("city"), RC: get("rc"), LATA: get("lata"),
		Type: get("type"), Starts: get("starts"), Contains: get("contains"), Ends: get("ends"), Run: get("run"), Order: get("order"), Seed: get("seed"),
	}
	faults := map[string]string{}
	note := func(field string, err error) {
		if e, ok := errors.AsType[*tel.Error](err); ok && faults[field] == "" {
			faults[field] = v.say(e)
		}
	}
	q := tel.NewQuery()
	var err error
	q.NPAs, err = parseNPAs(form.NPA)
	note("npa", err)
	note("nxx", parseNXX(form.NXX, &q))
	q.State, q.Place, q.City, q.RateCenter, q.LATA = form.State, form.Place, form.City, form.RC, form.LATA
	for field, p := range map[string]struct {
		typed string
		to    *tel.Pattern
	}{"starts": {form.Starts, &q.StartsWith}, "contains": {form.Contains, &q.Contains}, "ends": {form.Ends, &q.EndsWith}} {
		*p.to, err = tel.ParsePattern(field, p.typed)
		note(field, err)
	}
	note("starts", q.StartsWith.CheckStart("starts"))
	switch q.Type = tel.TNType(form.Type); q.Type {
	case tel.TypeAny, tel.TypeLocal, tel.TypeTollFree:
	default:
		q.Type, form.Type = tel.TypeAny, ""
	}
	if form.Run != "" {
		if q.Run, err = strconv.Atoi(form.Run); err != nil {
			faults["run"] = v.t("In a row: a whole number.")
		}
	}
	switch q.Order = tel.Layout(form.Order); q.Order {
	case tel.OrderSpread, tel.OrderAscending, tel.OrderDescending:
	default:
		q.Order, form.Order = tel.OrderSpread, ""
	}
	q.Seed, _ = strconv.ParseUint(form.Seed, 36, 64) // any other text is the seed 0
	q.Cursor = get("cursor")
	if err := q.Check(); err != nil {
		e, _ := errors.AsType[*tel.Error](err)
		field := e.Field
		if field == "x" {
			field = "nxx"
		}
		note(field, err)
	}
	if len(faults) == 0 && !v.store.Shelf().KnownPlace(q) {
		faults[placeField(q)] = v.t("The inventory has no such place.")
	}
	form.States = v.stateChoices(v.store.Shelf().States(), form.State)
	return form, q, faults
}

func placeField(q tel.Query) string {
	switch {
	case q.Place+q.City+q.RateCenter != "":
		return "place"
	case q.LATA != "":
		return "lata"
	}
	return "state"
}

// areaCodes are the words of a list of area codes.
func areaCodes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", ;/", r) })
}

func parseNPAs(s string) ([]int, error) {
	var list []int
	for _, word := range areaCodes(s) {
		npa, err := strconv.Atoi(word)
		if err != nil || len(word) != 3 {
			return nil, tel.Invalid("npa", "An area code is three digits, such as 919.")
		}
		if err := tel.CheckNPA(npa); err != nil {
			return nil, err
		}
		if !slices.Contains(list, npa) {
			list = append(list, npa)
		}
	}
	return list, nil
}

// parseNXX reads "555", "555-0", "919-555" or "919-555-0".
func parseNXX(s string, q *tel.Query) error {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()", r) {
			return -1
		}
		return r
	}, s)
	if digits == "" {
		return nil
	}
	bad := tel.Invalid("nxx", "An exchange is 555, 555-0, 919-555 or 919-555-0.")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return bad
	}
	x := -1
	switch len(digits) {
	case 4, 7:
		x = n % 10
		n /= 10
	case 3, 6:
	default:
		return bad
	}
	if err := tel.CheckExchange(200, n%1000); err != nil {
		return err
	}
	if q.NXX, q.X = n%1000, x; len(digits) >= 6 {
		if err := tel.CheckNPA(n / 1000); err != nil {
			return err
		}
		if len(q.NPAs) > 0 && !slices.Contains(q.NPAs, n/1000) {
			return tel.Invalid("nxx", "This exchange is in area code %d; the search is in another.", n/1000)
		}
		q.NPAs = []int{n / 1000}
	}
	return nil
}

func (v *visit) stateChoices(states []string, chosen string) []views.Choice {
	list := []views.Choice{{Label: v.t("Any|state"), Selected: chosen == ""}}
	for _, s := range states {
		if s != "" {
			list = append(list, views.Choice{Value: s, Label: s, Selected: s == chosen})
		}
	}
	return list
}

// chips are the filters in force, each with the address that leaves it out.
func (v *visit) chips(f views.SearchForm, values url.Values) []views.Chip {
	var list []views.Chip
	add := func(name, label string) {
		if strings.TrimSpace(values.Get(name)) != "" {
			list = append(list, views.Chip{Label: label, Remove: with("/search", values, name, "", "cursor", "", "seed", "")})
		}
	}
	add("type", map[string]string{string(tel.TypeLocal): v.t("Local|type"), string(tel.TypeTollFree): v.t("Toll-free")}[f.Type])
	add("npa", strings.Join(areaCodes(f.NPA), " "+v.t("or|area codes")+" "))
	add("nxx", v.t("exchange %s", f.NXX))
	add("state", f.State)
	add("place", f.Place)
	add("city", f.City)
	add("rc", f.RC)
	add("lata", "LATA "+f.LATA)
	add("starts", v.t("starts with %s", f.Starts))
	add("contains", v.t("contains %s", f.Contains))
	add("ends", v.t("ends with %s", f.Ends))
	add("run", v.t("%s in a row", f.Run))
	return list
}

func (v *visit) fillSearch(page *views.Search, q tel.Query, values url.Values) error {
	found, err := v.store.Search(v.r.Context(), v.actor, q)
	if err != nil {
		return err
	}
	page.Total, page.More = found.Total, found.More
	for _, tn := range found.TNs {
		page.Rows = append(page.Rows, views.SearchRow{FoundTN: tn, State: views.RowFree, Hit: q.Matched(tn.TN)})
	}
	if found.Next != "" {
		page.Next = with("/search", values, "cursor", found.Next)
	}
	if q.Cursor != "" {
		page.First = with("/search", values, "cursor", "")
	}
	page.Sort = views.SortLink{Href: with("/search", values, "order", string(tel.OrderAscending), "cursor", "", "seed", "")}
	switch q.Order {
	case tel.OrderAscending:
		page.Sort = views.SortLink{Dir: "ascending", Href: with("/search", values, "order", string(tel.OrderDescending), "cursor", "")}
	case tel.OrderDescending:
		page.Sort = views.SortLink{Dir: "descending", Href: with("/search", values, "order", "", "cursor", "")}
	default:
		page.Spread = with("/search", values, "seed", "", "cursor", "")
	}
	if len(page.Rows) == 0 {
		page.Suggestions = v.suggestions(q, values)
	}
	return nil
}

// suggestions are steps that may find more: fewer digits, fewer in a row, area codes
// near by.
func (v *visit) suggestions(q tel.Query, values url.Values) []views.Suggestion {
	var list []views.Suggestion
	add := func(label string, changes ...string) {
		list = append(list, views.Suggestion{Label: label, Href: with("/search", values, append(changes, "cursor", "", "seed", "")...)})
	}
	if p := strings.TrimSpace(values.Get("contains")); len(p) > 2 {
		add(v.t("Contains %s", p[1:]), "contains", p[1:])
	}
	if p := strings.TrimSpace(values.Get("ends")); len(p) > 2 {
		add(v.t("Ends with %s", p[1:]), "ends", p[1:])
	}
	if q.Run > 2 {
		add(v.t("%s in a row", strconv.Itoa(q.Run/2)), "run", strconv.Itoa(q.Run/2))
	}
	if len(q.NPAs) > 0 {
		for _, npa := range v.store.Shelf().NearestNPAs(q.NPAs[0], 3, v.now) {
			add(v.t("Area code %s", strconv.Itoa(npa)), "npa", strconv.Itoa(npa), "nxx", "")
		}
	}
	return list
}

// fillReserve adds what a person needs to reserve what they see, and beside it what
// they have reserved.
func (v *visit) fillReserve(page *views.Search) error {
	if !v.actor.Can(tel.ActReserve) {
		return nil
	}
	mine, err := v.minePanel()
	if err != nil {
		return err
	}
	page.Mine = mine
	if v.actor.Account == 0 {
		page.WhyNot = v.t("To reserve, choose an account to work for on the Accounts page.")
		return nil
	}
	account, err := v.store.Account(v.r.Context(), v.actor, v.actor.Account)
	if err != nil {
		return err
	}
	if !account.ReservationsOn {
		page.WhyNot = v.t("Reservation is switched off for %s.", account.Name)
		return nil
	}
	page.CanReserve = true
	page.Reserve = views.ReserveForm{Key: rand.Text(), How: "all", Durations: v.durations(account.Policy.Window)}
	return nil
}

// durations are the account's window and the usual shorter times.
func (v *visit) durations(window time.Duration) []views.Choice {
	list := []views.Choice{{Label: texts.Duration(v.r.Context(), window), Selected: true}}
	for _, d := range []time.Duration{24 * time.Hour, 4 * time.Hour, 2 * time.Hour, time.Hour, 30 * time.Minute, 15 * time.Minute, 5 * time.Minute} {
		if d < window {
			list = append(list, views.Choice{Value: views.ShortDuration(d), Label: texts.Duration(v.r.Context(), d)})
		}
	}
	return list
}

const minePanelLines = 5

// minePanel is what the person has reserved, soonest expiry first.
func (v *visit) minePanel() (*views.MinePanel, error) {
	q := v.listQuery()
	q.Mine, q.Limit = true, minePanelLines
	page, err := v.store.List(v.r.Context(), v.actor, q)
	if err != nil {
		return nil, err
	}
	total, err := v.store.Count(v.r.Context(), v.actor, q, 1000)
	if err != nil {
		return nil, err
	}
	lines, err := v.lines(page.Rows)
	return &views.MinePanel{Lines: lines, Total: total}, err
}

// mostRows is how many rows of an open page ask how they are at once.
const mostRows = 400

// searchRows answers an open page: how the rows it shows are now.
func (v *visit) searchRows() error {
	var tns []tel.Number
	for _, s := range v.r.URL.Query()["tn"] {
		if tn, err := tel.ParseNumber(s); err == nil && len(tns) < mostRows {
			tns = append(tns, tn)
		}
	}
	rows, err := v.rowsNow(tns, v.pageQuery(v.r.Header.Get("HX-Current-URL")))
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.SearchRows(rows, v.mayReserveNow()))
}

// pageQuery is the search of a page's address, for highlighting.
func (v *visit) pageQuery(address string) tel.Query {
	u, err := url.Parse(address)
	if err != nil {
		return tel.NewQuery()
	}
	_, q, _ := v.readSearch(u.Query())
	return q
}

func (v *visit) rowsNow(tns []tel.Number, q tel.Query) ([]views.SearchRow, error) {
	states, err := v.store.RowStates(v.r.Context(), v.actor, tns)
	if err != nil {
		return nil, err
	}
	rows := make([]views.SearchRow, 0, len(tns))
	for _, tn := range tns {
		row := views.SearchRow{State: views.RowGone, Hit: q.Matched(tn)}
		row.TN = tn
		switch st := states[tn]; {
		case st.Free:
			row.State = views.RowFree
		case st.Mine != nil:
			row.State, row.Reservation = views.RowMine, st.Mine.ID
			row.Left = v.countdown(st.Mine, tn.String())
		}
		if row.State != views.RowGone { // gone and never heard of look alike
			row.Place, row.Offer, _ = v.store.Shelf().Has(tn)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (v *visit) countdown(r *tel.Reservation, of string) views.Countdown {
	return views.Countdown{ExpiresAt: r.ExpiresAt, Now: v.now, Total: r.ExpiresAt.Sub(r.CreatedAt), Of: of}
}

func (v *visit) mayReserveNow() bool {
	if v.actor.Account == 0 || !v.actor.May(tel.ActReserve, v.actor.Account) {
		return false
	}
	account, err := v.store.Account(v.r.Context(), v.actor, v.actor.Account)
	return err == nil && account.ReservationsOn
}
