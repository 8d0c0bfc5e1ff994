package views

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"tnreserve/store/tel"
)

// adminNow is the instant of every preview, so that two runs look the same.
var adminNow = time.Date(2026, 11, 21, 20, 42, 0, 0, time.UTC)

func adminShell(path, role string) Shell {
	s := Shell{
		SignedIn: true, Path: path, Now: adminNow,
		Person: ShellPerson{Name: "Olive Operator", Initials: "OO", Email: "olive@carrier.example"}, RoleLabel: "Operator",
		Nav: []NavItem{
			{ID: "nav-accounts", Label: "Accounts", Href: "/accounts", Icon: "building-2"},
			{ID: "nav-search", Label: "Search", Href: "/search", Icon: "search"},
			{ID: "nav-reservations", Label: "Reservations", Href: "/reservations", Icon: "timer", Badge: 12, BadgeOf: "live reservations"},
			{ID: "nav-lookup", Label: "Look up", Href: "/lookup", Icon: "phone"},
			{ID: "nav-inventory", Label: "Inventory", Href: "/inventory", Icon: "database"},
		},
	}
	for i := range s.Nav {
		s.Nav[i].Current = strings.HasPrefix(path, s.Nav[i].Href)
	}
	if role == "admin" {
		s.Person, s.RoleLabel, s.AccountName = ShellPerson{"Ada Admin", "AA", "ada@acme.example"}, "Admin", "Acme Tel"
		s.Nav = s.Nav[1:4]
	}
	return s
}

// adminPreviews are the pages of this half of the dashboard, by the path that shows
// each.
func adminPreviews() map[string]func(Shell) templ.Component {
	outside := func(s Shell) Shell { return Shell{Path: s.Path, Now: s.Now, Theme: s.Theme} }
	acme := tel.Account{ID: 9500012, Name: "Acme Tel", ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits(), Held: 241, CreatedAt: adminNow.AddDate(-1, 2, 3)}
	locked := acme
	locked.ReservationsOn, locked.SwitchLocked = false, true
	full := tel.Account{ID: 9500044, Name: "Northwind Telecommunications of the Greater Carolinas", ReservationsOn: true, SwitchLocked: true, Policy: tel.DefaultPolicy(), Held: 990}
	full.Policy.CoolDown = 90 * time.Minute
	none := tel.Account{ID: 9500101, Name: "Blue Ridge Voice", Policy: tel.DefaultPolicy()}
	list := AccountList{Accounts: []tel.Account{acme, full, none}, Held: 1231}
	listBad := list
	listBad.Form = AccountForm{ID: "95a", Errors: map[string]string{"id": `"95a" is not an account number.`, "name": "A name, please."}}

	detail := AccountDetail{
		Account: acme, Live: 17, Operator: true, Policy: NewPolicyForm(acme.Policy), Limits: NewPolicyForm(acme.Limits),
		People: []AccountPerson{{"Ada Admin", "ada@acme.example", tel.RoleAdmin}, {"Sam Support", "sam@acme.example", tel.RoleSupport}, {"Maximiliane Featherstonehaugh", "maximiliane.featherstonehaugh@subsidiary.acme.example", tel.RoleMember}},
	}
	own := detail
	own.Operator, own.Account = false, locked
	own.Policy.Window = "30h"
	own.Policy.Errors = map[string]string{"window": "Your operator allows at most 1 day."}
	fresh := AccountDetail{Account: none, Operator: true, Policy: NewPolicyForm(none.Policy), Limits: NewPolicyForm(tel.DefaultLimits())}

	clients := Clients{Account: acme, Now: adminNow, Form: NewClientForm(), Operator: true, Clients: []*tel.Client{
		{ID: "a1", Account: acme.ID, Name: "Web shop", Role: tel.RoleMember, Username: "tnc_k3v9", CreatedAt: adminNow.AddDate(0, -1, 0), CreatedBy: "ada@acme.example", LastUsedAt: adminNow, ExpiresAt: adminNow.AddDate(0, 2, 0),
			Secrets: []tel.SecretInfo{{ID: "2"}, {ID: "1", ExpiresAt: adminNow.Add(time.Hour)}}},
		{ID: "a2", Account: acme.ID, Name: "Leaked", Role: tel.RoleAdmin, Username: "tnc_x", CreatedAt: adminNow.AddDate(0, -1, 0), RevokedAt: adminNow},
		{ID: "a3", Account: acme.ID, Name: "Trial", Role: tel.RoleAdmin, Username: "tnc_y", CreatedAt: adminNow.AddDate(0, -1, 0), ExpiresAt: adminNow},
	}}
	clientsMade, clientsBad := clients, clients
	clientsMade.Made = &ClientCredentials{Name: "Web shop", Username: "tnc_k3v9", Password: "tnr_pass_1", Key: "tnr_live_1", Rotated: true, OldUntil: adminNow}
	clientsBad.Form.Errors = map[string]string{"name": "A client needs a name.", "role": "No.", "expires": "No.", "account": "An account has at most 100 clients; revoke one first."}

	states := Inventory{By: ByState, Sum: InventorySum{357340, 357340000, 268005000, 1231}, Rows: []InventoryRow{
		{Key: "CA", Blocks: 42310, Total: 42310000, Free: 31003000}, {Key: "NC", Blocks: 12040, Total: 12040000, Free: 2400},
		{Key: "NJ", Blocks: 9020, Total: 9020000, Free: 9020000}, {Key: "WY", Blocks: 120, Total: 120000},
	}}
	centers := Inventory{By: ByRateCenter, Within: "919", State: "NC", Sum: InventorySum{1204, 1204000, 903000, 88}, Rows: []InventoryRow{
		{Key: "RALEIGH", State: "NC", Blocks: 640, Total: 640000, Free: 480000}, {Key: "CHAPELHILL", State: "NC", Blocks: 210, Total: 210000, Free: 20100},
	}}
	imp := Import{ID: "7", Name: "acme-2026-11.csv", Bytes: 1_240_512, State: tel.UploadPreview, Rows: 35734, Accepted: 35731, Refused: 3, Blocks: 357310, Added: 1200, Changed: 14, TNs: 357310000,
		Notices: []tel.Sentence{tel.Say("Columns not used: %s.", "ilec_name, match")},
		Bad: []ImportLine{
			{Line: 12, Text: "911,555,Raleigh,NC,RALEIGH,426,,\"VERIZON SOUTH, INC.\",nanpa_block", Reason: tel.Say("Area code %d cannot exist: N11 codes are services such as 911.", 911)},
			{Line: 1904, Text: "1.2125551234E+10,New York,NY", Reason: tel.Say("%q: the spreadsheet rounded this number; format the column as text.", "1.2125551234E+10")},
			{Line: 20017, Text: "<script>alert(1)</script>,x,y", Reason: tel.Say("%q is not three digits.", "<script>alert(1)</script>")},
		}}
	state := func(i Import, s tel.UploadState) Import {
		i.State, i.Done = s, 121000
		return i
	}
	strict := imp
	strict.Blocked = true
	failed := state(imp, tel.UploadFailed)

	tn := tel.NewNumber(919, 233, 142)
	place := tel.Place{City: "Raleigh", State: "NC", RateCenter: "RALEIGH", LATA: "426", Carrier: "Bandwidth.com CLEC, LLC - NC"}
	held := &tel.Reservation{ID: "6f1c2a9e-5b1f-4d7e-9a64-0c5b8f2d1e37", Account: 9500012, AccountName: "Acme Tel", State: tel.StateLive, CreatedAt: adminNow.Add(-3 * time.Hour), ExpiresAt: adminNow.Add(59*time.Minute + 12*time.Second), LimitAt: adminNow.Add(9 * time.Hour), CustomerReference: "PO-4471", Note: "For the new branch in Cary.", CreatedBy: tel.Signature{Name: "ada@acme.example"}, TNCount: 3}
	over := *held
	over.State, over.EndedAt, over.EndReason = tel.StateCancelled, adminNow.Add(-time.Hour), "customer chose another"
	offer := tel.Offer{Features: "sms,voice", Tier: "premium", MonthlyCost: 1500000}
	events := []tel.Event{
		{At: adminNow.Add(-3 * time.Hour), Kind: tel.EventReserved, Actor: tel.Actor{Name: "ada@acme.example"}},
		{At: adminNow.Add(-26 * time.Hour), Kind: tel.EventCancelled, Actor: tel.Actor{Name: "sam@other.example"}, Facts: tel.Facts{Reason: "customer chose another"}},
		{At: adminNow.Add(-28 * time.Hour), Kind: tel.EventReserved, Actor: tel.Actor{Name: "sam@other.example"}},
		{At: adminNow.AddDate(0, -2, 0), Kind: tel.EventDisabled, Actor: tel.Actor{Name: "olive@carrier.example"}},
	}
	look := func(v Lookup) func(Shell) templ.Component {
		v.Now = adminNow
		return func(s Shell) templ.Component { return LookupPage(s, v) }
	}
	door := func(v SignIn) func(Shell) templ.Component {
		return func(s Shell) templ.Component { return SignInPage(outside(s), v) }
	}
	imported := func(v Import) func(Shell) templ.Component {
		return func(s Shell) templ.Component { return ImportPage(s, v) }
	}
	pages := map[string]func(Shell) templ.Component{
		"/accounts":             func(s Shell) templ.Component { return AccountsPage(s, list) },
		"/accounts?bad":         func(s Shell) templ.Component { return AccountsPage(s, listBad) },
		"/accounts?empty":       func(s Shell) templ.Component { return AccountsPage(s, AccountList{}) },
		"/accounts/9500012":     func(s Shell) templ.Component { return AccountPage(s, detail) },
		"/accounts/9500101":     func(s Shell) templ.Component { return AccountPage(s, fresh) },
		"/accounts/9500012?own": func(s Shell) templ.Component { return AccountPage(adminShell(s.Path, "admin").themed(s), own) },
		"/accounts/9500012/switch-off": func(s Shell) templ.Component {
			return SwitchOffPage(s, SwitchOff{Account: acme, Live: 17, Last: adminNow.Add(3 * time.Hour)})
		},
		"/accounts/9500012/switch-off?bad": func(s Shell) templ.Component {
			return SwitchOffPage(s, SwitchOff{Account: acme, Live: 17, Errors: map[string]string{"live": "Choose one of the two."}})
		},
		"/accounts/9500101/switch-off":   func(s Shell) templ.Component { return SwitchOffPage(s, SwitchOff{Account: none}) },
		"/accounts/9500012/clients":      func(s Shell) templ.Component { return ClientsPage(s, clients) },
		"/accounts/9500012/clients?made": func(s Shell) templ.Component { return ClientsPage(s, clientsMade) },
		"/accounts/9500012/clients?bad":  func(s Shell) templ.Component { return ClientsPage(s, clientsBad) },
		"/accounts/9500101/clients": func(s Shell) templ.Component {
			return ClientsPage(s, Clients{Account: none, Now: adminNow, Form: NewClientForm()})
		},
		"/accounts/9500012/clients/revoke": func(s Shell) templ.Component {
			return ClientRevokePage(s, ClientQuestion{Account: acme, Client: clients.Clients[0], Now: adminNow})
		},
		"/accounts/9500012/clients/rotate": func(s Shell) templ.Component {
			return ClientRotatePage(s, ClientQuestion{Account: acme, Client: clients.Clients[0], Now: adminNow, Overlap: "24h"})
		},
		"/accounts/9500012/clients/ended": func(s Shell) templ.Component {
			return ClientRotatePage(s, ClientQuestion{Account: acme, Client: clients.Clients[1], Now: adminNow})
		},
		"/accounts/9500012/clients/again": func(s Shell) templ.Component {
			return ClientRevokePage(s, ClientQuestion{Account: acme, Client: clients.Clients[1], Now: adminNow})
		},
		"/inventory":        func(s Shell) templ.Component { return InventoryPage(s, states) },
		"/inventory?within": func(s Shell) templ.Component { return InventoryPage(s, centers) },
		"/inventory?empty":  func(s Shell) templ.Component { return InventoryPage(s, Inventory{By: ByState}) },
		"/inventory/import": func(s Shell) templ.Component {
			return ImportFormPage(s, ImportForm{MaxBytes: 256_000_000, Unfinished: []Import{imp}})
		},
		"/inventory/import?bad": func(s Shell) templ.Component {
			return ImportFormPage(s, ImportForm{MaxBytes: 256_000_000, Errors: map[string]string{"file": "This is no CSV file."}})
		},
		"/inventory/import/7":           imported(imp),
		"/inventory/import/7?strict":    imported(strict),
		"/inventory/import/7?running":   imported(state(imp, tel.UploadRunning)),
		"/inventory/import/7?done":      imported(state(imp, tel.UploadDone)),
		"/inventory/import/7?failed":    imported(failed),
		"/inventory/import/7?discarded": imported(state(imp, tel.UploadDiscarded)),
		"/lookup":                       look(Lookup{}),
		"/lookup?held":                  look(Lookup{Query: "919 233 0142", TN: &LookupTN{TN: tn, State: tel.TNReserved, Place: place, Offer: offer, Reservation: held, History: Steps(context.Background(), events), CanDisable: true}}),
		"/lookup?free":                  look(Lookup{Query: "919 233 0142", TN: &LookupTN{TN: tn, State: tel.TNAvailable, Place: place, CanReserve: true, CanDisable: true, Key: "k"}}),
		"/lookup?disabled":              look(Lookup{Query: "919 233 0142", TN: &LookupTN{TN: tn, State: tel.TNDisabled, Place: place, CanDisable: true, History: Steps(context.Background(), events[3:])}}),
		"/lookup?hidden":                look(Lookup{Query: "919 233 0142", TN: &LookupTN{TN: tn, Hidden: true}}),
		"/lookup?absent":                look(Lookup{Query: "919 233 0142", TN: &LookupTN{TN: tn}}),
		"/lookup?reservation":           look(Lookup{Query: held.ID, Reservation: held}),
		"/lookup?ended":                 look(Lookup{Query: held.ID, Reservation: &over}),
		"/lookup?none":                  look(Lookup{Query: "6f1c2a9e"}),
		"/lookup?hint":                  look(Lookup{Query: "919 233 0142", Hint: true}),
		"/lookup?bad":                   look(Lookup{Query: "hello", Error: `"hello" is neither a TN nor a reservation id.`}),
		"/sign-in":                      door(SignIn{}),
		"/sign-in?out":                  door(SignIn{SignedOut: true}),
		"/sign-in?ended":                door(SignIn{Ended: true, Next: "/reservations"}),
		"/sign-in?bad":                  door(SignIn{Email: "ada@acme.example", Error: "The e-mail address or the password is wrong."}),
		"/sign-in?slow":                 door(SignIn{Email: "ada@acme.example", Wait: 4 * time.Minute}),
		"/setup/token": func(s Shell) templ.Component {
			return SetUpPage(outside(s), SetUp{Token: "token", Left: 28 * time.Minute, Errors: map[string]string{"password": "A password has at least 10 characters; a few words do well."}})
		},
		"/enter/token": func(s Shell) templ.Component {
			return EnterPage(outside(s), Enter{Token: "token", Name: "Ada Admin", Role: tel.RoleAdmin, Account: "Acme Tel"})
		},
		"/enter/over": func(s Shell) templ.Component { return LinkOverPage(outside(s), LinkOver{}) },
		"/setup/over": func(s Shell) templ.Component { return LinkOverPage(outside(s), LinkOver{SetUp: true}) },
		"/404-outside": func(s Shell) templ.Component {
			return ProblemPage(outside(s), Problem{Status: 404})
		},
	}
	for _, status := range []int{400, 403, 404, 405, 429, 500, 503} {
		pages[fmt.Sprintf("/%d", status)] = func(s Shell) templ.Component {
			p := Problem{Status: status, RequestID: "01JD8Z3V6Q"}
			if status == 429 || status == 503 {
				p.Wait = 30 * time.Second
			}
			return ProblemPage(s, p)
		}
	}
	return pages
}

// themed takes the theme over from the shell of the request.
func (s Shell) themed(from Shell) Shell {
	s.Theme, s.Fragment = from.Theme, from.Fragment
	return s
}

func render(t *testing.T, c templ.Component) *goquery.Document {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Every page has one heading, ids that are its own, a name for each field, nothing
// that the Content-Security-Policy would block; its fragment has the same main part.
func TestAdminPages(t *testing.T) {
	for path, page := range adminPreviews() {
		t.Run(path, func(t *testing.T) {
			s := adminShell(path, "operator")
			doc := render(t, page(s))
			if n := doc.Find("main h1").Length(); n != 1 {
				t.Errorf("%d h1 in main, want 1", n)
			}
			if found := doc.Find("[style], style, script:not([src]), [onclick]"); found.Length() > 0 {
				t.Errorf("blocked by the policy: %s", found.First().Nodes[0].Data)
			}
			var ids []string
			doc.Find("[id]").Each(func(_ int, e *goquery.Selection) { ids = append(ids, e.AttrOr("id", "")) })
			slices.Sort(ids)
			for i := range ids[1:] {
				if ids[i] == ids[i+1] {
					t.Errorf("id %q stands twice", ids[i])
				}
			}
			doc.Find("[aria-describedby], [aria-labelledby]").Each(func(_ int, e *goquery.Selection) {
				for _, id := range strings.Fields(e.AttrOr("aria-describedby", "") + " " + e.AttrOr("aria-labelledby", "")) {
					if _, ok := slices.BinarySearch(ids, id); !ok {
						t.Errorf("%q is pointed at and missing", id)
					}
				}
			})
			doc.Find("main [hx-get]").Each(func(_ int, e *goquery.Selection) {
				if part := e.AttrOr("hx-select", "#none"); doc.Find(part).Length() != 1 {
					t.Errorf("a live region takes over %q, which is not on the page", part)
				}
			})
			s.Fragment = true
			main, _ := doc.Find("main").Html()
			if part, _ := render(t, page(s)).Find("main").Html(); part != main {
				t.Error("the fragment's main part differs from the page's")
			}
		})
	}
}

// What is hidden stays hidden, whatever else the view model carries.
func TestLookupHidden(t *testing.T) {
	v := Lookup{Query: "9192330142", Now: adminNow, TN: &LookupTN{
		TN: tel.NewNumber(919, 233, 142), Hidden: true, State: tel.TNReserved, Place: tel.Place{City: "Raleigh"},
		Reservation: &tel.Reservation{ID: "secret-id", AccountName: "Acme Tel"}, CanReserve: true, CanDisable: true,
		History: []Step{{Title: "Reserved", By: "ada@acme.example"}},
	}}
	text := render(t, LookupPage(adminShell("/lookup", "admin"), v)).Find("#answer").Text()
	for _, secret := range []string{"reserved", "Raleigh", "secret-id", "ada@", "Disable"} {
		if strings.Contains(text, secret) {
			t.Errorf("the answer tells %q: %s", secret, text)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		part, whole int
		want        string
	}{{0, 0, "–"}, {0, 10, "0 %"}, {1, 1000, "under 1 %"}, {999, 1000, "over 99 %"}, {1000, 1000, "100 %"}, {1, 4, "25 %"}} {
		if got := percent(context.Background(), c.part, c.whole); got != c.want {
			t.Errorf("percent(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}
