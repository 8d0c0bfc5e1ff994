package web_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// The whole job through the pages alone, without a script.

func TestOperatorRunsAccounts(t *testing.T) {
	s := open(t)
	op := s.as("operator")
	page := op.want(200, "/accounts")
	form := page.form("form[action='/accounts']")
	for _, bad := range []struct{ id, name, field, words string }{
		{"x", "New", "id", "1 to 12 digits"}, {"", "New", "id", "1 to 12 digits"}, {"9500001", "New", "id", "already"}, {"9500012", " ", "name", "needs a name"},
	} {
		form.Set("id", bad.id)
		form.Set("name", bad.name)
		a := op.post("/accounts", form)
		a.fault(bad.field, bad.words)
		if got := a.attr("#new-id", "value"); got != bad.id {
			t.Errorf("what was typed is lost: %q", got)
		}
	}
	form.Set("id", "9500012")
	form.Set("name", "Umbrella")
	a := op.post("/accounts", form)
	a.says("h1", "Umbrella").says(".toast", "was created").says("#switch", "Off")
	if a.url.Path != "/accounts/9500012" {
		t.Errorf("a new account leads to %s", a.url)
	}
	toggle := func(a *answer) *answer {
		t.Helper()
		f := a.doc().Find("#switch form.toggle-f")
		b := f.Find("button")
		return op.post(f.AttrOr("action", ""), values(b.AttrOr("name", ""), b.AttrOr("value", "")))
	}
	toggle(a).says(".toast", "Reservation is on for Umbrella").has("#switch a.toggle[data-on]")

	// Off asks what becomes of live holds.
	kept, ended := s.reserved("acme-member", 2), s.reserved("globex-member", 3)
	ask := op.want(200, op.get("/accounts/9500001").attr("#switch a.toggle", "href"))
	ask.says("legend", "1 reservation with 2 numbers is live")
	if a := op.post("/accounts/9500001/switch", values("on", "0")); a.status != 422 || !strings.Contains(a.text(".fault"), "Choose what becomes of them") {
		t.Errorf("without an answer: %d %s", a.status, a.text(".fault"))
	}
	off := ask.form("form.a-ask")
	off.Set("live", "keep")
	op.post("/accounts/9500001/switch", off).says(".toast", "Reservation is off for Acme Tel").says("#switch", "every new reservation is refused")
	off.Set("live", "end")
	op.post("/accounts/9500002/switch", off).says(".toast", "1 reservation ended")
	for r, state := range map[*tel.Reservation]string{kept: "live", ended: "cancelled"} {
		if got := s.one(`SELECT state FROM reservation WHERE id = ?`, r.ID); got != state {
			t.Errorf("a reservation is %s, not %s", got, state)
		}
	}
	member := s.as("acme-member")
	member.want(200, "/search?npa=919&order=asc").says(".note", "switched off for Acme Tel")
	member.post("/reservations", values("tn", "9195552000")).says(".toast", "switched off")
	member.want(200, "/reservations/"+kept.ID).says("#about", "holds run out")
	if member.get("/search?npa=919&order=asc").doc().Find("[data-reserve], #reserve-go").Length() != 0 {
		t.Error("a page offers to reserve while it is off")
	}

	// The lock keeps the account's own admin from the switch.
	op.post("/accounts/9500001/lock", values("locked", "1")).says(".toast", "Only operators")
	admin := s.as("acme-admin")
	admin.want(200, "/accounts/9500001").says("#switch", "An operator locked this switch")
	admin.post("/accounts/9500001/switch", values("on", "1")).says(".toast", "locked")
	op.post("/accounts/9500001/lock", values("locked", "0"))
	admin.post("/accounts/9500001/switch", values("on", "1")).says(".toast", "Reservation is on")

	// The list tells what each holds.
	op.want(200, "/accounts").says("#a-9500001 .a-held", "2 of 1,000").says("#a-9500012 th", "Umbrella")

	// Working for an account, and leaving it.
	a = op.post("/accounts/9500001/enter", nil)
	a.says("#acting", "Working for Acme Tel")
	op.post("/reservations", values("tn", "9195552001")).says(".toast", "Reserved (919) 555-2001")
	op.post("/act-for", values("account", ""))
	if got := op.get("/accounts").text("#acting"); got != "" {
		t.Errorf("left, and still %q", got)
	}
	if a := op.post("/reservations", values("tn", "9195552002")); a.status != 403 {
		t.Errorf("reserving for no account: %d", a.status)
	}
}

func TestPolicyAndLimits(t *testing.T) {
	s := open(t)
	op, admin := s.as("operator"), s.as("acme-admin")
	form := admin.want(200, "/accounts/9500001").form("#policy form")
	if form.Get("window") != "4h" || form.Get("max_held") != "1000" {
		t.Errorf("the policy shows as %v", form)
	}
	s.unchanged("a bad policy", func() {
		for field, bad := range map[string][2]string{
			"window": {"soon", "not a length of time"}, "ceiling": {"1h", "shorter than the window"}, "max_extensions": {"-1", "whole number"},
			"max_held": {"x", "whole number"}, "max_per_reservation": {"0", "1 to"}, "cooldown": {"99d", "cool-down is 0 to"}, "max_share": {"101", "0 to 100"},
		} {
			f := url.Values{}
			for k, v := range form {
				f[k] = slices.Clone(v)
			}
			f.Set(field, bad[0])
			a := admin.post("/accounts/9500001/policy", f)
			if a.status != 422 {
				t.Errorf("%s=%s: %d", field, bad[0], a.status)
			}
			a.fault(field, bad[1])
			if a.attr("#policy-"+field, "value") != bad[0] {
				t.Errorf("%s: what was typed is lost", field)
			}
		}
		many := url.Values{}
		for k := range form {
			many.Set(k, "?")
		}
		if n := len(admin.post("/accounts/9500001/policy", many).each("#policy .fault")); n != 7 {
			t.Errorf("%d of 7 faults are told at once", n)
		}
		form.Set("window", "25h")
		form.Set("ceiling", "48h")
		admin.post("/accounts/9500001/policy", form).fault("window", "Your operator allows at most 1 day")
	})
	form.Set("window", "1h 30m")
	form.Set("ceiling", "2d")
	form.Set("max_per_reservation", "2")
	form.Set("cooldown", "10m")
	admin.post("/accounts/9500001/policy", form).says(".toast", "was saved")
	admin.post("/reservations", values("tn", "9195552001", "tn", "9195552002", "tn", "9195552003")).says(".toast", "at most 2 numbers")
	admin.post("/reservations", values("tn", "9195552001")).says(".toast", "for 1 hour 30 minutes")
	limits := op.want(200, "/accounts/9500001").form("#limits form")
	limits.Set("max_held", "5")
	op.post("/accounts/9500001/limits", limits).says(".toast", "limits of Acme Tel were saved")
	admin.post("/accounts/9500001/policy", form).fault("max_held", "at most 5")
	if a := op.post("/accounts/9500001/policy", form); a.status != 200 {
		t.Errorf("limits bind the operator: %d", a.status)
	}
	// Cool-down: cancelled and wanted again.
	id := s.one(`SELECT id FROM reservation`)
	admin.post("/reservations/cancel", values("id", id))
	admin.post("/reservations", values("tn", "9195552001")).says(".toast", "may take it again after")
	s.Clock.Add(10 * time.Minute)
	admin.post("/reservations", values("tn", "9195552001")).says(".toast", "Reserved")
}

func TestImportThroughThePages(t *testing.T) {
	s := open(t)
	op := s.as("operator")
	const file = "\ufefftn,city,state,rate_center,colour\r\n3035551000,Denver,CO,DENVER,blue\r\n2115551234,X,CO,X,\r\n1.21E+10,Y,NY,Y,\r\n(303) 555-1001,Denver,CO,DENVER,red\r\n3035550142,Denver,CO,DENVER,\r\n"
	var preview *answer
	s.unchanged("no file", func() {
		for _, bad := range []struct{ name, text string }{{"", ""}, {"x.png", "\x89PNG\r\n\x1a\n\x00\x00"}, {"empty.csv", ""}, {"none.csv", "colour,shape\nred,round\n"}} {
			a := op.upload(bad.name, bad.text)
			if a.status != 422 {
				t.Errorf("%q: %d", bad.name, a.status)
			}
			a.fault("file", "")
		}
		if a := op.post("/inventory/import", values("file", "x")); a.status != 422 {
			t.Errorf("a form without a file: %d", a.status)
		}
	})
	s.same("a preview", func() {
		preview = op.upload("numbers.csv", file)
		if preview.status != 200 || !strings.HasPrefix(preview.url.Path, "/inventory/import/") {
			t.Fatalf("an upload leads to %d %s: %s", preview.status, preview.url, preview.text("#main"))
		}
		op.want(200, "/inventory/import").says(".note", "numbers.csv")
	})
	tiles := preview.each(".a-tiles > div")
	for i, want := range []string{"Rows read5", "Accepted2", "Refused3", "Numbers2", "New blocks1"} {
		if i >= len(tiles) || !strings.HasPrefix(tiles[i], want) {
			t.Errorf("tile %d of %q is not %q", i, tiles, want)
		}
	}
	bad := preview.each(".a-bad tbody tr")
	if len(bad) != 3 || !strings.HasPrefix(bad[0], "Line 3") || !strings.Contains(bad[0], "N11") || !strings.HasPrefix(bad[1], "Line 4") || !strings.HasPrefix(bad[2], "Line 6") || !strings.Contains(bad[2], "fictional") {
		t.Errorf("refused: %q", bad)
	}
	preview.says(".a-notices", "colour")
	if got := op.get("/search?npa=303&order=asc").text("#results-h"); !strings.HasPrefix(got, "0") && !strings.HasPrefix(got, "No") {
		t.Errorf("before the import: %s", got)
	}
	action := preview.attr("form:has(#confirm)", "action")
	op.post(action, nil)
	op.post(action, nil) // twice is once
	waitFor(t, "the import", func() bool { return op.get(preview.url.Path).doc().Find("#import-progress").Length() == 0 })
	op.want(200, preview.url.Path).says("#outcome", "Done").says("#import", "3 rows refused")
	op.want(200, "/search?npa=303&order=asc").says("#rows", "(303) 555-1001").says("#results-h", "2")
	op.want(200, "/inventory?by=npa&within=CO").says("tbody", "303")
	if n := s.one(`SELECT COUNT(*) FROM event WHERE kind = 'inventory.imported' AND seq > 1`); n != "1" {
		t.Errorf("%s imports in the history", n)
	}
	// Again: nothing differs.
	again := op.upload("numbers.csv", file)
	again.says(".a-tiles", "0 changed, 1 the same")
	s.same("discarding", func() {
		op.post(again.url.Path+"/discard", nil).says(".toast", "nothing was written")
		op.post(again.url.Path+"/confirm", nil).says("#outcome", "Discarded")
	})
	// Confirmed in one tab, discarded in another: what was written is not denied.
	if a := op.post(preview.url.Path+"/discard", nil); a.url.Path != preview.url.Path || a.text(".toast") != "" {
		t.Errorf("discarding what is done leads to %s: %s", a.url, a.text(".toast"))
	}
	// Strict: one bad row refuses the file. Fictional: allowed when asked for.
	strict := op.upload("numbers.csv", file, "strict")
	if strict.doc().Find("#confirm").Length() != 0 {
		t.Error("a strict import with bad rows can be confirmed")
	}
	s.unchanged("a blocked import", func() { op.post(strict.url.Path+"/confirm", nil) })
	op.upload("numbers.csv", file, "fictional").says(".a-tiles", "Accepted3")
}

// Where cancelling many stops in the middle, what was done is told, and where none was
// done it is an error.
func TestCancellingStopsInTheMiddle(t *testing.T) {
	s := open(t)
	admin, form := s.as("acme-admin"), url.Values{"back": {"/reservations"}}
	for range 4 {
		form.Add("id", s.reserved("acme-admin", 2).ID)
	}
	mend := s.breaks(`DELETE ON hold WHEN (SELECT COUNT(*) FROM hold) <= 4`)
	a := admin.post("/reservations/cancel", form).is(200)
	a.says(".toast", "Cancelled 2 reservations; 4 numbers free again. Then it stopped, with 2 reservations to go: The fault is ours, not yours.")
	if kind := a.attr(".toast", "data-kind"); kind != "warn" || !strings.Contains(s.Log.String(), web.Secret) {
		t.Errorf("a message of kind %q; the log:\n%s", kind, s.Log)
	}
	admin.post("/reservations/cancel", url.Values{"id": form["id"][2:]}).is(500)
	mend()
	admin.post("/reservations/cancel", form).says(".toast", "Cancelled 2 reservations; 4 numbers free again. 2 reservations had ended already.")
}

// As far as they are counted, reservations are told exactly.
func TestCountedReservations(t *testing.T) {
	t.Parallel()
	s := open(t)
	actor := s.actor("acme-admin")
	var all sync.WaitGroup
	for start := range 20 {
		all.Go(func() {
			for i := range 50 {
				if _, err := s.Reserve(ctx, actor, tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{tel.NewNumber(919, 555, 2000+50*start+i)}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if got := s.as("acme-admin").want(200, "/reservations").text("#list-h"); !strings.HasPrefix(got, "1,000 reservations") {
		t.Errorf("1,000 are %q", got)
	}
	s.reserve("globex-admin", tel.ReserveRequest{Account: storetest.Globex, TNs: []tel.Number{tel.NewNumber(919, 555, 3000)}})
	s.as("operator").want(200, "/reservations").says("#list-h", "More than 1,000 reservations")
}

// A long message is shortened on its way to the next page, not lost.
func TestLongMessages(t *testing.T) {
	admin := open(t).as("acme-admin")
	for _, long := range []string{strings.Repeat("<", 1000), strings.Repeat("é", 3000)} {
		admin.post("/reservations", values("tn", "9195552001", "for", long)).says(".toast", long[:900])
	}
}

func TestSearchByEveryFilter(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := s.as("acme-admin")
	for query, want := range map[string]string{
		"npa=919": "2,000", "npa=919,984": "3,000", "npa=919&nxx=555": "2,000", "nxx=919-555-2": "1,000", "nxx=555-3": "1,000", "state=NC": "3,000", "state=nc": "3,000", "place=raleigh": "2,000", "place=NEW+YORK": "1,000",
		"city=Durham": "1,000", "rc=RALEIGH": "2,000", "lata=426": "3,000", "type=local": "4,000", "type=tollfree": "1,000", "starts=9195552": "1,000", "ends=042": "5", "contains=5552042": "1",
		"contains=5552?42": "10", "contains=JJJ2042": "1", "run=3&npa=919": "", "npa=919&state=NC&ends=7&type=local&lata=426": "200", "": "5,000", "state=NC&npa=212": "0",
	} {
		a := v.want(200, "/search?"+query)
		got := a.text("#results-h")
		if want == "0" {
			if a.doc().Find("#rows tr").Length() != 0 {
				t.Errorf("%s: %s", query, got)
			}
			a.has(".empty")
			continue
		}
		if want != "" && !strings.HasPrefix(got, want+" ") {
			t.Errorf("%s: %q, not %s", query, got, want)
		}
		// As many chips as filters, each leading to the search without it.
		filters := 0
		asked, _ := url.ParseQuery(query)
		for name := range asked {
			filters++
			found := false
			for _, chip := range a.doc().Find(".chips .chip").EachIter() {
				u, _ := url.Parse(chip.AttrOr("href", ""))
				found = found || !u.Query().Has(name)
			}
			if !found {
				t.Errorf("%s: no chip takes %s away", query, name)
			}
		}
		if n := len(a.each(".chips .chip")); n != filters {
			t.Errorf("%s: %d chips", query, n)
		}
		if query != "" && !strings.Contains(a.url.RawQuery, "seed=") {
			t.Errorf("%s: the page's place is not in its address", query)
		}
		if again := v.get(a.url.RequestURI()); !slices.Equal(again.each("#rows tr"), a.each("#rows tr")) {
			t.Errorf("%s: the same address shows other rows", query)
		}
	}
	s.unchanged("an impossible search", func() {
		for query, want := range map[string][2]string{
			"npa=111": {"npa", "cannot exist"}, "npa=91": {"npa", "three digits"}, "npa=abc": {"npa", "three digits"}, "npa=911": {"npa", "N11"}, "npa=291": {"npa", "N9X"}, "npa=800&type=local": {"npa", "toll-free"},
			"nxx=1": {"nxx", "An exchange is"}, "nxx=211": {"nxx", "N11"}, "nxx=000": {"nxx", "cannot exist"}, "nxx=919-000": {"nxx", "cannot exist"}, "nxx=111-555": {"nxx", "cannot exist"}, "starts=111": {"starts", "No number begins so"}, "starts=1919": {"starts", "No number begins so"}, "contains=12345678901": {"has", "ten digits"}, "contains=1?????": {"has", "wildcards"}, "contains=???": {"has", "at least one digit"},
			"contains=FLOWERSFLOWERS": {"has", "ten digits"}, "contains=1%232": {"has", "only"}, "starts=x!": {"starts", "only"}, "place=Atlantis": {"place", "no such place"}, "state=ZZ": {"state", "no such place"},
			"lata=999": {"lata", "no such place"}, "run=x": {"run", "whole number"}, "run=9999": {"run", "In a row"}, "nxx=212-555&npa=919": {"nxx", "another"},
		} {
			a := v.want(422, "/search?"+query)
			a.fault(want[0], want[1])
			if a.doc().Find("#rows tr").Length() != 0 {
				t.Errorf("%s finds something", query)
			}
		}
	})
	// Order, and all pages without repeats or gaps.
	page := v.want(200, "/search?starts=9195552&order=asc")
	seen := map[string]bool{}
	last := ""
	for pages := 1; ; pages++ {
		for _, id := range attrs(page, "#rows tr", "id") {
			if seen[id] || id < last {
				t.Fatalf("page %d: %s comes after %s, seen before: %v", pages, id, last, seen[id])
			}
			seen[id], last = true, id
		}
		next := page.attr("#pager-more, #pager-next", "href")
		if next == "" {
			break
		}
		page = v.want(200, next)
	}
	if len(seen) != 1000 {
		t.Errorf("%d TNs on all pages", len(seen))
	}
	spread := v.want(200, "/search?npa=984")
	for range 4 {
		for _, id := range attrs(spread, "#rows tr", "id") {
			if seen[id] {
				t.Fatalf("%s twice", id)
			}
			seen[id] = true
		}
		spread = v.want(200, spread.attr("#pager-more", "href"))
	}
	down := v.want(200, v.get("/search?npa=919&order=asc").attr("th.c-tn a", "href"))
	if ids := attrs(down, "#rows tr", "id"); len(ids) != 50 || ids[0] != "tn-9195553999" {
		t.Errorf("downwards begins %v", ids[:min(3, len(ids))])
	}
	// What was matched is marked.
	if got := v.want(200, "/search?contains=5552042").each("#rows mark"); strings.Join(got, "") != "555-2042" {
		t.Errorf("marked %q", got)
	}
	v.want(200, "/search?npa=919&ends=4?").has("#rows mark")
}

func attrs(a *answer, selector, name string) (list []string) {
	a.t.Helper()
	for _, e := range a.doc().Find(selector).EachIter() {
		list = append(list, e.AttrOr(name, ""))
	}
	return list
}

func TestReserving(t *testing.T) {
	s := open(t)
	admin, member, other := s.as("acme-admin"), s.as("acme-member"), s.as("globex-member")
	page := admin.want(200, "/search?starts=919555204&order=asc")
	// One, by its row's button; the same click again is the same reservation.
	one := page.form("#reserve-one")
	one.Set("tn", page.attr("#rows button[form=reserve-one]", "value"))
	a := admin.post("/reservations", one)
	a.says(".toast", "Reserved (919) 555-2040 for 4 hours")
	if a.url.RequestURI() != page.url.RequestURI() {
		t.Errorf("it leads to %s, not back to %s", a.url, page.url)
	}
	if a.doc().Find("#tn-9195552040").Length() != 0 {
		t.Error("a reserved TN is still in search")
	}
	a.says("#mine", "(919) 555-2040")
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			v := *admin
			client := *v.client
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			v.client = &client
			if got := v.post("/reservations", one).flash().Text; !strings.Contains(got, "Reserved (919) 555-2040") {
				t.Errorf("the same click again: %q", got)
			}
		})
	}
	both.Wait()
	if n := s.one(`SELECT COUNT(*) FROM reservation`); n != "1" {
		t.Fatalf("%s reservations of one click", n)
	}
	// Several, shorter, with reference and note.
	bulk := page.form("#reserve")
	bulk["tn"] = []string{"9195552041", "9195552042", "9195552043"}
	bulk.Set("for", "30m")
	bulk.Set("customer_reference", "PO-7")
	bulk.Set("note", "for Bob")
	admin.post("/reservations", bulk).says(".toast", "Reserved 3 numbers for 30 minutes")
	if got := s.one(`SELECT ((expires_at - created_at) / 1000000) || customer_reference || note || tn_count FROM reservation WHERE tn_count = 3`); got != "1800PO-7for Bob3" {
		t.Errorf("reserved %s", got)
	}
	// All or nothing tells what is gone; as many as possible takes the rest.
	s.unchanged("all or nothing", func() {
		a := other.post("/reservations", values("tn", "9195552041", "tn", "9195552042", "tn", "9195552050", "how", "all", "back", "/search?npa=919&seed=1"))
		a.says(".toast", "(919) 555-2041").says(".toast", "nothing was reserved").has(".toast[data-kind=error]")
	})
	other.post("/reservations", values("tn", "9195552041", "tn", "9195552050", "tn", "9195552051", "how", "any")).says(".toast", "Reserved 2 numbers").says(".toast", "1 number could not be had").has(".toast[data-kind=warn]")
	member.post("/reservations", values("tn", "9195552041")).says(".toast", "already reserved by this account")
	admin.post("/reservations", values("tn", "9195552041")).says(".toast", "already in reservation")
	// What a form must not ask for.
	s.unchanged("a bad request", func() {
		for _, form := range []url.Values{
			values(), values("tn", "x"), values("tn", "9195552060", "for", "5h"), values("tn", "9195552060", "for", "soon"), values("tn", "9195552060", "for", "-1h"),
			values("tn", unknownTN), values("tn", "9195552060", "note", strings.Repeat("x", 501)), values("tn", "9195552060", "customer_reference", strings.Repeat("x", 101)),
		} {
			a := admin.post("/reservations", form)
			if a.status != 200 {
				t.Errorf("%v: %d", form, a.status)
			}
			a.has(".toast[data-kind=error]")
		}
		if a := admin.post("/reservations", values("note", strings.Repeat("x", 300<<10))); a.status != 422 {
			t.Errorf("a form of 300 kB: %d", a.status)
		}
	})
	// In place, as htmx asks.
	member.HX = true
	a = member.post("/reservations", values("tn", "9195552070", "back", "/search?npa=919&seed=1", "key", "K"))
	if a.header.Get("HX-Reswap") != "none" || !strings.Contains(a.body, `id="tn-9195552070"`) || !strings.Contains(a.body, `data-state="mine"`) {
		t.Errorf("in place: %v %.300s", a.header, a.body)
	}
	member.HX = false
	// The hold is over, the page still stands: the same button means it anew.
	s.Clock.Add(4 * time.Hour)
	member.post("/reservations", values("tn", "9195552070", "back", "/search?npa=919&seed=1", "key", "K")).says(".toast", "Reserved (919) 555-2070")
	member.post("/reservations", values("tn", "9195552070", "back", "/search?npa=919&seed=1", "key", "K")).says(".toast", "Reserved (919) 555-2070")
	if got := s.column(`SELECT r.created_at FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn = 19195552070`); len(got) != 1 || got[0] != fmt.Sprint(s.Now().UnixMicro()) {
		t.Errorf("reserved again: %v", got)
	}
	// The same page, the same TN, another length of time: no talk of keys.
	member.post("/reservations/cancel", values("id", s.one(`SELECT r.id FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn = 19195552070`)))
	member.post("/reservations", values("tn", "9195552070", "key", "K", "for", "30m")).says(".toast", "for 30 minutes")
}

func TestReservationsList(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin := s.as("acme-admin")
	var ids []string
	for i := range 120 {
		who := []string{"acme-admin", "acme-member"}[i%2]
		r := s.reserve(who, tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{s.free()}, For: time.Duration(60+(i*37)%120) * time.Minute, CustomerReference: fmt.Sprintf("job %03d", i)})
		ids = append(ids, r.ID)
		s.Clock.Add(time.Second)
	}
	foreign := s.reserved("globex-member", 1)
	two := s.reserved("acme-member", 3)
	ids = append(ids, two.ID)
	all := func(v *visitor, path string) (list []string) {
		t.Helper()
		for pages := 0; path != "" && pages < 10; pages++ {
			a := v.want(200, path)
			for _, id := range attrs(a, "#rows tr", "id") {
				list = append(list, strings.TrimPrefix(id, "r-"))
			}
			path = a.attr("#pager-next", "href")
		}
		return list
	}
	listed := all(admin, "/reservations")
	if len(listed) != 121 || slices.Contains(listed, foreign.ID) || len(slices.Compact(slices.Sorted(slices.Values(listed)))) != 121 {
		t.Errorf("%d listed", len(listed))
	}
	byCreated := all(admin, "/reservations?sort=created")
	if !slices.Equal(byCreated, ids) {
		t.Error("sorted by creation it is not")
	}
	reversed := all(admin, "/reservations?sort=-created")
	slices.Reverse(reversed)
	if !slices.Equal(reversed, ids) {
		t.Error("sorted by creation, latest first, it is not")
	}
	late := all(admin, "/reservations?sort=-expires")
	slices.Reverse(late)
	if !slices.Equal(late, listed) {
		t.Error("sorted by expiry, it depends on the way")
	}
	admin.want(200, "/reservations").says("#list-h", "121 reservations")
	for q, want := range map[string]int{"job": 120, "job 00": 10, "job+007": 1, two.ID: 1, strings.ToUpper(two.ID): 1, two.TNs[1].TN.Digits(): 1, url.QueryEscape(two.TNs[2].TN.String()): 1, foreign.ID: 0, foreign.TNs[0].TN.Digits(): 0, "nothing": 0} {
		if got := all(admin, "/reservations?q="+strings.ReplaceAll(q, " ", "+")); len(got) != want {
			t.Errorf("%q finds %d, not %d", q, len(got), want)
		}
	}
	admin.want(422, "/reservations?q="+strings.Repeat("x", 101)).fault("q", "100 characters")
	// The export is the list.
	if _, err := s.Drop(ctx, s.actor("acme-member"), two.ID, two.TNs[0].TN); err != nil {
		t.Fatal(err)
	}
	export := func(path string) (list, tns []string) {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(admin.want(200, path).body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows[1:] {
			if len(list) == 0 || list[len(list)-1] != r[0] {
				list = append(list, r[0])
			}
			tns = append(tns, r[3])
		}
		return list, tns
	}
	for _, filter := range []string{"", "?sort=-created", "?q=job+00", "?q=nothing"} {
		list, tns := export(admin.get("/reservations"+filter).attr("a[href*='.csv']", "href"))
		if want := all(admin, "/reservations"+filter); !slices.Equal(list, want) {
			t.Errorf("%s: %d in the export, %d in the list", filter, len(list), len(want))
		}
		if slices.Contains(tns, two.TNs[0].TN.Digits()) {
			t.Errorf("%s: a TN that was dropped is in the export", filter)
		}
	}
	// Extend, drop, cancel one.
	a := admin.want(200, "/reservations/"+two.ID)
	a.says("#tns", "2 held").says("#tns", "Dropped")
	admin.post(a.attr("form:has(#extend)", "action"), a.form("form:has(#extend)")).says(".toast", "Extended").says("#about", "1 of 3 times")
	a = admin.post("/reservations/"+two.ID+"/drop", values("tn", two.TNs[1].TN.Digits()))
	a.says(".toast", "is free again").says("#tns", "1 held")
	admin.post("/reservations/"+two.ID+"/drop", values("tn", two.TNs[1].TN.Digits())).says(".toast", "is not held")
	if a.doc().Find("#tns form").Length() != 0 {
		t.Error("the last TN can be dropped")
	}
	// Many: chosen, asked, given a reason, done.
	ask := admin.want(200, "/reservations/cancel?"+url.Values{"id": ids[:3], "back": {"/reservations?sort=created"}}.Encode())
	ask.says(".confirm h2", "Cancel 3 reservations?")
	form := ask.form("form.confirm")
	form.Set("reason", strings.Repeat("x", 201))
	s.unchanged("a reason that is too long", func() {
		if a := admin.post("/reservations/cancel", form); a.status != 422 {
			t.Errorf("a long reason: %d", a.status)
		} else {
			a.fault("reason", "200 characters")
		}
	})
	form.Set("reason", "changed their mind")
	a = admin.post("/reservations/cancel", form)
	a.says(".toast", "Cancelled 3 reservations; 3 numbers free again")
	if a.url.RequestURI() != "/reservations?sort=created" {
		t.Errorf("it leads to %s", a.url)
	}
	admin.want(200, "/reservations?show=ended").says("#rows", "changed their mind").says("#rows", "Cancelled").says("#list-h", "3 reservations")
	admin.post("/reservations/cancel", form).says(".toast", "3 reservations had ended already")
	admin.want(200, "/reservations/cancel").says(".toast", "Choose at least one")
	// One that is not theirs among them: none is cancelled.
	s.unchanged("cancelling another account's beside one's own", func() {
		if a := admin.post("/reservations/cancel", values("id", ids[5], "id", foreign.ID)); a.status != 404 {
			t.Errorf("%d", a.status)
		}
	})
	if list, _ := export("/reservations.csv?show=ended"); !slices.Equal(list, all(admin, "/reservations?show=ended")) {
		t.Errorf("the export of ended ones is %v", list)
	}
	// All run out, and nobody sweeps.
	for range 24 {
		s.Clock.Add(25 * time.Minute)
		admin.get("/reservations")
	}
	admin.want(200, "/reservations").says(".empty", "Nothing is reserved now")
	for range 2 {
		list, tns := export("/reservations.csv?show=ended")
		if want := all(admin, "/reservations?show=ended"); !slices.Equal(list, want) || len(want) != 121 || len(tns) != 121 {
			t.Errorf("ended: %d in the export with %d TNs, %d in the list", len(list), len(tns), len(want))
		}
		if _, err := s.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExpiryWithoutASweeper(t *testing.T) {
	s := open(t)
	admin, other, support := s.as("acme-admin"), s.as("globex-member"), s.as("acme-support")
	admin.post("/reservations", values("tn", "9195552042", "for", "15m"))
	id := s.one(`SELECT id FROM reservation`)
	at := func(free bool) {
		t.Helper()
		if got := other.want(200, "/search?contains=9195552042").doc().Find("#tn-9195552042").Length() == 1; got != free {
			t.Errorf("free in search: %v", got)
		}
		state := map[bool]string{false: "gone", true: "free"}[free]
		if got := other.want(200, "/search/rows?tn=9195552042").attr("tr", "data-state"); got != state {
			t.Errorf("on an open page: %q", got)
		}
		if got := admin.want(200, "/reservations").doc().Find("#r-"+id).Length() == 0; got != free {
			t.Errorf("outstanding: %v", !got)
		}
		if got := admin.want(200, "/reservations?show=ended").doc().Find("#r-"+id).Length() == 1; got != free {
			t.Errorf("ended: %v", got)
		}
	}
	at(false)
	admin.want(200, "/reservations").says("#r-"+id, "15:00")
	support.want(200, "/lookup?q=9195552042").says("#tn", "Reserved").says("#held", "acme-admin")
	s.Clock.Add(15*time.Minute - time.Microsecond)
	at(false)
	s.Clock.Add(time.Microsecond)
	for _, v := range []*visitor{admin, other, support} {
		v.get("/lookup") // this is a use of the session, and noted
	}
	s.unchanged("time", func() {
		at(true)
		support.want(200, "/lookup?q=9195552042").says("#tn", "Available").says("#history", "Ran out")
		admin.want(200, "/reservations/"+id).says("#about", "Expired")
		admin.want(200, "/lookup?q="+id).says("#reservation", "Expired")
		a := admin.post("/reservations/"+id+"/extend", nil)
		a.says(".toast", "ran out")
		admin.post("/reservations/cancel", values("id", id)).says(".toast", "had ended already")
		if a := admin.want(200, "/reservations/"+id); a.doc().Find("#extend, #cancel").Length() != 0 {
			t.Error("an expired reservation can be extended or cancelled")
		}
	})
	other.post("/reservations", values("tn", "9195552042")).says(".toast", "Reserved (919) 555-2042")
	// The old id never touches the new hold.
	admin.post("/reservations/cancel", values("id", id))
	admin.post("/reservations/"+id+"/drop", values("tn", "9195552042"))
	if n := s.one(`SELECT COUNT(*) FROM hold WHERE tn = 19195552042`); n != "1" {
		t.Error("an old id freed a new hold")
	}
	admin.want(200, "/lookup?q=9195552042").says("#tn", "Not available")
}

func TestLookUpByRole(t *testing.T) {
	s := open(t)
	mine, foreign := s.reserved("acme-admin", 1), s.reserved("globex-admin", 1)
	order, _, aging := s.ordered(storetest.Acme)
	theirs, _, _ := s.ordered(storetest.Globex)
	n := mine.TNs[0].TN
	d := n.Digits()
	forms := []string{n.String(), d, n.E164(), "1" + d, "tel:" + n.E164(), d[:3] + "." + d[3:6] + "." + d[6:], d[:3] + "-" + d[3:6] + "-" + d[6:], " " + d + " "}
	for _, who := range []string{"operator", "support-all", "acme-admin", "acme-support"} {
		v := s.as(who)
		for _, q := range forms {
			v.want(200, "/lookup?q="+url.QueryEscape(q)).says("#tn", "Reserved").says("#held", mine.ID)
		}
	}
	for _, who := range everybody[:5] {
		v := s.as(who)
		for _, q := range []string{mine.ID, strings.ToUpper(mine.ID), strings.ReplaceAll(mine.ID, "-", ""), "{" + mine.ID + "}", "urn:uuid:" + mine.ID} {
			v.want(200, "/lookup?q="+url.QueryEscape(q)).says("#reservation", mine.ID)
		}
		if who != "acme-member" {
			v.want(404, "/lookup?q=hello").fault("q", "goes by that name")
		}
		for q, want := range map[string]int{order: 200, strings.ToUpper(order): 200, theirs: map[bool]int{true: 200, false: 404}[who == "operator" || who == "support-all"]} {
			if a := v.want(want, "/lookup?q="+q); want == 200 && a.doc().Find(`#answer a[href="/orders/`+strings.ToLower(q)+`"]`).Length() == 0 {
				t.Errorf("%s does not find the order %s: %s", who, q, a.text("#answer"))
			}
		}
	}
	for _, who := range []string{"acme-admin", "acme-support"} {
		a := s.as(who).want(200, "/lookup?q="+foreign.TNs[0].TN.Digits())
		a.says("#tn", "Not available")
		if strings.Contains(a.body, "Globex") || strings.Contains(a.body, foreign.ID) {
			t.Errorf("%s is told who holds it", who)
		}
	}
	member := s.as("acme-member")
	member.want(200, "/lookup?q="+d).says("#answer", "by their id")
	// A member has the list of what they made, and any of the account's by its id.
	if member.want(200, "/reservations").doc().Find("#r-"+mine.ID).Length() != 0 {
		t.Error("a member's list has another's reservation")
	}
	member.want(200, "/reservations/"+mine.ID)
	member.post("/reservations/"+mine.ID+"/extend", nil).says(".toast", "Extended")
	if member.want(200, "/reservations").doc().Find("a[href*='.csv']").Length() != 0 {
		t.Error("a member is offered an export")
	}
	member.post("/reservations/cancel", values("id", mine.ID, "reason", "found a better one")).says(".toast", "Cancelled 1 reservation")
	op := s.as("operator")
	op.want(200, "/lookup?q="+d).says("#history", "found a better one")
	op.post("/lookup/disable", values("tn", d)).says(".toast", "not offered any more").says("#tn", "Disabled")
	op.post("/lookup/disable", values("tn", foreign.TNs[0].TN.Digits())).says(".toast", "cannot become")
	if s.as("globex-admin").want(200, "/search?contains="+d).doc().Find("#rows tr").Length() != 0 {
		t.Error("a disabled TN is in search")
	}
	op.post("/lookup/enable", values("tn", d)).says(".toast", "offered again").says("#tn", "Available").
		says("#history", "Disabled").says("#history", "Offered again").says("#history", email("operator"))
	if a := s.as("acme-admin").want(200, "/lookup?q="+d); strings.Contains(a.text("#history"), "Offered again") {
		t.Error("an account is told what the platform did with a TN")
	}
	s.Clock.Add(400 * 24 * time.Hour)
	s.as("acme-admin").want(200, "/lookup?q="+aging).says("#history", "Aging is over")
}

// TestSwitchAgainstReserve flips the switch while others reserve: nothing that was
// asked for after it went off comes through.
func TestSwitchAgainstReserve(t *testing.T) {
	s := open(t)
	op := s.as("operator")
	op.post("/accounts/9500001/enter", nil)
	stop := make(chan struct{})
	var storm sync.WaitGroup
	for i := range 4 {
		v := s.as([]string{"acme-admin", "acme-member"}[i%2])
		v.Still = true
		storm.Go(func() {
			for line := 0; ; line++ {
				select {
				case <-stop:
					return
				default:
					v.post("/reservations", values("tn", tel.NewNumber(919, 555, 2000+i*250+line%250).Digits()))
				}
			}
		})
	}
	op.Still = true
	for range 10 {
		op.post("/accounts/9500001/switch", values("on", "0", "live", "end"))
		was := s.one(`SELECT COUNT(*) FROM reservation`)
		if n := s.one(`SELECT COUNT(*) FROM hold`); n != "0" {
			t.Errorf("%s TNs are held after the switch ended all", n)
		}
		time.Sleep(10 * time.Millisecond)
		if now := s.one(`SELECT COUNT(*) FROM reservation`); now != was {
			t.Errorf("%s reservations became %s while it was off", was, now)
		}
		op.post("/accounts/9500001/switch", values("on", "1"))
		time.Sleep(10 * time.Millisecond)
	}
	close(stop)
	storm.Wait()
	if n := s.one(`SELECT COUNT(*) FROM reservation`); n == "0" {
		t.Error("nothing was reserved at all")
	}
	problems, err := s.Check(ctx)
	if err != nil || len(problems) > 0 {
		t.Errorf("check: %v %v", problems, err)
	}
}

// TestSupportSeesThePolicy: the account's page offers support nothing that it may not
// do, and says nothing that it does not know.
func TestSupportSeesThePolicy(t *testing.T) {
	s := open(t)
	s.reserved("acme-member", 2)
	for _, who := range []string{"acme-support", "support-all"} {
		a := s.as(who).want(200, "/accounts/9500001")
		a.says("#policy", "4h").says("#use", "2 of 1,000").says("#switch", "On")
		if a.doc().Find("#main form button:not([disabled]), #main form input, #people, #main a[href='/reservations']").Length() != 0 {
			t.Errorf("%s is offered: %s", who, a.text("#main"))
		}
	}
}
