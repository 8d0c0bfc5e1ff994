package views

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"tnreserve/static"
	"tnreserve/store/tel"
)

// previewNow is the instant of every preview.
var previewNow = time.Date(2026, 11, 21, 20, 42, 0, 0, time.UTC)

func previewShell(path string) Shell {
	s := Shell{
		SignedIn: true, Live: true, Path: path, Now: previewNow, RequestID: "3f2a",
		Person: ShellPerson{"Ada Admin", "AA", "ada@acme.example"}, RoleLabel: "Admin", AccountName: "Acme Tel",
		Accounts: []Choice{{"9500012", "Acme Tel", true}, {"9500044", "Northwind Telecom", false}},
		Nav: []NavItem{
			{ID: "nav-search", Label: "Search numbers", Short: "Search", Href: "/search", Icon: "search"},
			{ID: "nav-reservations", Label: "Reservations", Short: "Reserved", Href: "/reservations", Icon: "timer", Badge: 4, BadgeOf: "live reservations"},
			{ID: "nav-lookup", Label: "Look up", Href: "/lookup", Icon: "phone"},
			{ID: "nav-account", Label: "Account", Href: "/accounts/9500012", Icon: "building-2"},
		},
	}
	for i := range s.Nav {
		s.Nav[i].Current = strings.HasPrefix(path, s.Nav[i].Href)
	}
	return s
}

func previewLeft(seconds int, of string) Countdown {
	return Countdown{ExpiresAt: previewNow.Add(time.Duration(seconds) * time.Second), Now: previewNow, Total: 4 * time.Hour, Of: of}
}

func previewLines() []ReservationLine {
	line := func(id string, tn tel.Number, count, left int, city, ref, note string) ReservationLine {
		return ReservationLine{
			ID: id, TNs: []tel.Number{tn}, TNCount: count, Place: tel.Place{City: city, State: "NC", RateCenter: strings.ToUpper(city), LATA: "426"},
			AccountID: 9500012, Account: "Acme Tel", State: tel.StateLive, Left: previewLeft(left, tn.String()), MaxExtensions: 3, MayExtend: count != 5,
			CreatedAt: previewNow.Add(-40 * time.Minute), CreatedBy: "ada@acme.example", Reference: ref, Note: note,
		}
	}
	return []ReservationLine{
		line("0b7c1f0e-1111-4e55-9a53-2b7cf1a00001", tel.NewNumber(919, 555, 9017), 1, 24, "Raleigh", "", ""),
		line("0b7c1f0e-2222-4e55-9a53-2b7cf1a00002", tel.NewNumber(919, 555, 2042), 5, 96, "Raleigh", "PO-20419", "Front desk and four phones for the new branch in the old mill"),
		line("0b7c1f0e-3333-4e55-9a53-2b7cf1a00003", tel.NewNumber(984, 555, 142), 1, 14352, "Wake Forest", "a-very-long-customer-reference-that-somebody-pasted-0123456789", ""),
	}
}

func previewSearch() Search {
	q := tel.NewQuery()
	q.Contains = "42"
	places := []tel.Place{{City: "Raleigh", State: "NC", RateCenter: "RALEIGH", LATA: "426"}, {City: "Durham", State: "NC", RateCenter: "DURHAM", LATA: "426"}, {City: "Wake Forest", State: "NC", RateCenter: "WAKEFOREST", LATA: "426"}}
	v := Search{
		Form:  SearchForm{NPA: "919, 984", Contains: "42", States: []Choice{{"", "Any", true}, {"NC", "North Carolina", false}}},
		Chips: []Chip{{"919 or 984", "/search?contains=42"}, {"contains 42", "/search?npa=919,984"}}, Clear: "/search",
		Self: "/search?npa=919,984&contains=42&seed=7", Total: 1284, Next: "/search?npa=919,984&contains=42&seed=7&cursor=50", Spread: "/search?npa=919,984&contains=42",
		Sort: SortLink{Href: "/search?npa=919,984&contains=42&order=asc"}, CanReserve: true,
		Reserve: ReserveForm{Key: "k1", Durations: []Choice{{"15", "15 minutes", false}, {"60", "1 hour", false}, {"", "4 hours", true}}},
		Mine:    &MinePanel{Lines: previewLines(), Total: 4},
	}
	for i, line := range []int{142, 2042, 4242, 4201, 9942, 7042, 7420, 4200, 8842, 9428, 3042, 1424} {
		tn := tel.NewNumber(919, 555, line)
		if i > 6 {
			tn = tel.NewNumber(984, 555, line)
		}
		r := SearchRow{FoundTN: tel.FoundTN{TN: tn, Place: places[i%3], Offer: tel.Offer{Features: "sms,voice", MonthlyCost: 35000}}, State: RowFree, Hit: q.Matched(tn)}
		switch i {
		case 0, 1:
			r.State, r.Reservation, r.Left = RowMine, "0b7c1f0e-3333-4e55-9a53-2b7cf1a00003", previewLeft(96+i*14000, tn.String())
		case 2, 7:
			r.Offer.Tier = "premium"
		case 4:
			r.State = RowGone
		}
		v.Rows = append(v.Rows, r)
	}
	return v
}

func previewReservations() Reservations {
	return Reservations{
		Title: "Reservations", Lede: "Everything that Acme Tel holds now.", Show: "live", Self: "/reservations?show=live",
		Tabs: []Tab{{"Live", "4", "/reservations?show=live", true}, {"Ended", "", "/reservations?show=ended", false}},
		Rows: previewLines(), Total: "3 reservations, 7 numbers", Summary: "1–3", Next: "/reservations?cursor=x",
		SortExpires: SortLink{"/reservations?sort=-expires", "ascending"}, SortCreated: SortLink{"/reservations?sort=-created", ""},
		Export: "/reservations.csv", MayChange: true,
	}
}

func previewDetail() ReservationDetail {
	r := &tel.Reservation{
		ID: "0b7c1f0e-2222-4e55-9a53-2b7cf1a00002", Account: 9500012, AccountName: "Acme Tel", State: tel.StateLive,
		CreatedAt: previewNow.Add(-40 * time.Minute), ExpiresAt: previewNow.Add(96 * time.Second), LimitAt: previewNow.Add(11 * time.Hour), Extensions: 1,
		CustomerReference: "PO-20419", Note: "Front desk and four phones for the new branch", CreatedBy: tel.Signature{Name: "ada@acme.example"}, TNCount: 2,
		TNs: []tel.ReservedTN{
			{TN: tel.NewNumber(919, 555, 2042), Place: tel.Place{City: "Raleigh", State: "NC", LATA: "426"}},
			{TN: tel.NewNumber(919, 555, 2043), Place: tel.Place{City: "Raleigh", State: "NC", LATA: "426"}},
			{TN: tel.NewNumber(919, 555, 2044), Place: tel.Place{City: "Raleigh", State: "NC", LATA: "426"}, EndedAt: previewNow, End: tel.StateCancelled},
		},
	}
	return ReservationDetail{
		Reservation: r, Left: previewLeft(96, "this reservation"), Self: "/reservations/" + r.ID, MaxExtensions: 3, Window: 4 * time.Hour, MayExtend: true, MayChange: true,
		History: []Step{
			{previewNow.Add(-time.Minute), "scissors", "(919) 555-2044 dropped", "ada@acme.example", "", "warn", ""},
			{previewNow.Add(-20 * time.Minute), "timer-reset", "Extended", "ada@acme.example", "Runs out at 20:43:36 UTC", "good", ""},
			{previewNow.Add(-40 * time.Minute), "timer", "3 numbers reserved", "ada@acme.example", "", "", ""},
		},
	}
}

// previews are the pages of search and reservations, each in every state that looks
// different.
func previews() map[string]func(Shell) templ.Component {
	search := previewSearch()
	empty, wrong, support := search, search, search
	empty.Rows, empty.Total, empty.Next = nil, 0, ""
	empty.Suggestions = []Suggestion{{"Contains 4", "/search?contains=4"}, {"Also area code 743", "/search?npa=919,984,743"}}
	empty.Mine = &MinePanel{}
	wrong.Form.NPA, wrong.Form.Errors = "111", map[string]string{"npa": "Area code 111 cannot exist: the first digit is 2 to 9.", "ends": "Digits, letters and ? (any one digit) only."}
	wrong.Form.Ends, wrong.Rows, wrong.Total = "0#", nil, 0
	support.CanReserve, support.Mine, support.WhyNot = false, nil, "Reservation is switched off for Acme Tel."
	live := previewReservations()
	operator := live
	operator.WithAccount = true
	operator.Filter = ReservationFilter{Q: "919", Clear: "/reservations", Accounts: []Choice{{"", "All accounts", true}, {"9500012", "Acme Tel", false}}}
	none := live
	none.Rows, none.Total, none.Next = nil, "No reservations", ""
	ended := live
	ended.Show, ended.SortExpires.Dir, ended.Total = "ended", "descending", "3 reservations"
	ended.Tabs = []Tab{{"Live", "4", "/reservations?show=live", false}, {"Ended", "", "/reservations?show=ended", true}}
	ended.Rows = previewLines()
	for i := range ended.Rows {
		l := &ended.Rows[i]
		l.State, l.EndedAt, l.EndedBy = tel.States()[2+i], previewNow.Add(-time.Duration(i*30)*time.Hour), "ada@acme.example"
		if i == 1 {
			l.EndReason = "Customer chose another number"
		}
	}
	cancel := CancelReservations{Lines: previewLines(), TNs: 7, Ended: 1, Back: "/reservations"}
	over := previewDetail()
	r := *over.Reservation
	r.State, r.EndedAt, r.EndReason, r.EndedBy = tel.StateCancelled, previewNow, "Customer chose another number", tel.Signature{Name: "ada@acme.example"}
	over.Reservation, over.MayChange, over.WithAccount, over.AccountHref = &r, false, true, "/accounts/9500012"
	return map[string]func(Shell) templ.Component{
		"search":                func(s Shell) templ.Component { return SearchPage(s, search) },
		"search?empty":          func(s Shell) templ.Component { return SearchPage(s, empty) },
		"search?wrong":          func(s Shell) templ.Component { return SearchPage(s, wrong) },
		"search?support":        func(s Shell) templ.Component { s.Acting = "Acme Tel"; return SearchPage(s, support) },
		"reservations":          func(s Shell) templ.Component { return ReservationsPage(s, live) },
		"reservations?operator": func(s Shell) templ.Component { s.Acting = "Acme Tel"; return ReservationsPage(s, operator) },
		"reservations?none":     func(s Shell) templ.Component { return ReservationsPage(s, none) },
		"reservations?ended":    func(s Shell) templ.Component { return ReservationsPage(s, ended) },
		"reservations/one":      func(s Shell) templ.Component { return ReservationPage(s, previewDetail()) },
		"reservations/over":     func(s Shell) templ.Component { return ReservationPage(s, over) },
		"reservations/cancel":   func(s Shell) templ.Component { return CancelPage(s, cancel) },
		"reservations/gone":     func(s Shell) templ.Component { return CancelPage(s, CancelReservations{Back: "/reservations"}) },
	}
}

func renderText(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parse(t *testing.T, text string) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestPages renders every page whole and as a fragment and looks for what each must
// have. TNRESERVE_PREVIEW names a folder that the pages and their assets are written
// to, for looking at them through any file server.
func TestPages(t *testing.T) {
	dir := os.Getenv("TNRESERVE_PREVIEW")
	for name, page := range previews() {
		t.Run(name, func(t *testing.T) {
			s := previewShell("/" + name)
			s.Flash = []Flash{{Kind: FlashOK, Text: "Reserved (919) 555-0142", Until: previewNow.Add(4 * time.Hour), Link: &FlashAction{Label: "Open", Href: "/reservations/1"}}}
			whole := renderText(t, page(s))
			checkPage(t, parse(t, whole))
			s.Fragment = true
			part := renderText(t, page(s))
			if strings.Contains(part, "<html") || !strings.HasPrefix(part, "<title>") {
				t.Errorf("the fragment is not only a title and a main part: %.80s", part)
			}
			if doc := parse(t, part); doc.Find("main#main").Length() != 1 || doc.Find("[hx-swap-oob]").Length() < 4 {
				t.Error("the fragment lacks the main part or what goes out of band")
			}
			if dir == "" {
				return
			}
			file := filepath.Join(dir, strings.NewReplacer("/", "-", "?", "-").Replace(name)+".html")
			if err := os.WriteFile(file, []byte(whole), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
	if dir != "" {
		for _, name := range static.Names() {
			file := filepath.Join(dir, filepath.FromSlash(static.Path(name)))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, static.Body(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func checkPage(t *testing.T, doc *goquery.Document) {
	t.Helper()
	for _, one := range []string{"main#main", "h1[tabindex='-1']", "a.skip[href='#main']", "nav[aria-label=Main]", "nav#tabs", "#toasts[role=status]", "#announce[aria-live=polite]", "form#lookup[action='/lookup']", "title"} {
		if n := doc.Find(one).Length(); n != 1 {
			t.Errorf("%d of %s, want 1", n, one)
		}
	}
	checkParts(t, doc)
}

// checkParts is checkPage for what is inside any page.
func checkParts(t *testing.T, doc *goquery.Document) {
	t.Helper()
	ids := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, el *goquery.Selection) {
		id, _ := el.Attr("id")
		if ids[id] {
			t.Errorf("id %q twice", id)
		}
		ids[id] = true
	})
	doc.Find("label[for]").Each(func(_ int, el *goquery.Selection) {
		if id, _ := el.Attr("for"); !ids[id] {
			t.Errorf("a label for %q, which is not there", id)
		}
	})
	for _, ref := range []string{"aria-labelledby", "aria-describedby", "form"} {
		doc.Find("[" + ref + "]").Each(func(_ int, el *goquery.Selection) {
			if id, _ := el.Attr(ref); !ids[id] {
				t.Errorf("%s=%q, which is not there", ref, id)
			}
		})
	}
	if n := doc.Find("script:not([src]), style, [style], [onclick], a[href='about:invalid#TemplFailedSanitizationURL']").Length(); n > 0 {
		t.Errorf("%d inline scripts, styles or refused addresses", n)
	}
	doc.Find("button, a").Each(func(_ int, el *goquery.Selection) {
		if label, _ := el.Attr("aria-label"); label == "" && strings.TrimSpace(el.Text()) == "" {
			html, _ := goquery.OuterHtml(el)
			t.Errorf("without a name: %s", html)
		}
	})
	if call := regexp.MustCompile(`@[A-Z]\w*\(`).FindString(doc.Text()); call != "" {
		t.Errorf("templ took %s for text", call)
	}
	// a form answers for a field before its own method of that name, which htmx may call
	if n := doc.Find("body[hx-boost\\:inherited] form").Find("[name=contains], [name=matches], [name=remove], [name=attributes], [name=parentNode], [name=nextSibling]").Length(); n > 0 {
		t.Errorf("%d fields hide what htmx asks their form", n)
	}
	doc.Find("form").Each(func(_ int, el *goquery.Selection) {
		method, _ := el.Attr("method")
		if action, _ := el.Attr("action"); action == "" && method != "dialog" {
			t.Error("a form without an address")
		}
	})
}

func TestTNRuns(t *testing.T) {
	hit := [10]bool{2: true, 3: true, 9: true}
	var got []string
	for _, run := range tnRuns(tel.NewNumber(919, 555, 142), hit) {
		if run.Hit {
			got = append(got, "["+run.Text+"]")
		} else {
			got = append(got, run.Text)
		}
	}
	if text := strings.Join(got, ""); text != "(91[9) 5]55-014[2]" {
		t.Error(text)
	}
}

func TestClock(t *testing.T) {
	for s, want := range map[int]string{0: "0:00", 24: "0:24", 761: "12:41", 14352: "3:59:12", 172800: "2d 0:00", 86399: "23:59:59"} {
		if got := Clock(s); got != want {
			t.Errorf("Clock(%d) = %s, want %s", s, got, want)
		}
	}
}
