package views

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
)

// peoplePreviews are the pages of people and of a person's own settings.
func peoplePreviews() (inside, outside map[string]func(Shell) templ.Component) {
	acme := &tel.Account{ID: 9500012, Name: "Acme Tel"}
	ada := &tel.Person{ID: "1", Email: "ada@acme.example", Name: "Ada", Platform: tel.RoleSupport, CreatedAt: previewNow, FactorAt: previewNow, SSO: true,
		Memberships: []tel.Membership{{Account: 1, AccountName: "A", Role: tel.RoleAdmin}, {Account: 2, AccountName: "B", Role: tel.RoleMember, OffAt: previewNow}, {Account: 3, AccountName: "C", Role: tel.RoleMember}, {Account: 4, AccountName: "D", Role: tel.RoleMember}}}
	off := &tel.Person{ID: "2", Email: "off@acme.example", Name: "Off", OffAt: previewNow, Memberships: []tel.Membership{{Account: 9500012, Role: tel.RoleMember}}}
	here := &tel.Person{ID: "3", Email: "here@acme.example", Name: "Here", Memberships: []tel.Membership{{Account: 9500012, Role: tel.RoleMember, OffAt: previewNow}}}
	none := &tel.Person{ID: "4", Email: "none@acme.example", Name: "None"}
	link := &HandedLink{Title: "Invitation", Text: "Once.", URL: "https://numbers.example/invitations/x", Until: previewNow}
	waiting := []*tel.Invitation{{ID: "9", Email: "guest@acme.example", Role: tel.RoleMember, CreatedBy: "ada@acme.example", ExpiresAt: previewNow}}
	wrong := map[string]string{"email": "No.", "role": "No.", "account": "No.", "name": "No.", "zone": "No.", "theme": "No.", "old": "No.", "password": "No.", "code": "No.", "codes": "No.", "off": "No."}
	sessions := []SessionRow{{ID: "1", Browser: "Firefox on Linux", Addr: "192.0.2.1", Account: "Acme Tel", CreatedAt: previewNow, SeenAt: previewNow, Current: true}, {ID: "2", CreatedAt: previewNow, SeenAt: previewNow}}
	qr := &FactorPicture{Path: "M0 0h1v1h-1z", Size: 33, Secret: "ABCD EFGH"}
	list := func(v People) func(Shell) templ.Component {
		return func(s Shell) templ.Component { return PeoplePage(s, v) }
	}
	one := func(v PersonDetail) func(Shell) templ.Component {
		return func(s Shell) templ.Component { return PersonPage(s, v) }
	}
	inside = map[string]func(Shell) templ.Component{
		"people":          list(People{Rows: []*tel.Person{ada, off, none}, Self: "/people", Next: "/people?after=x", First: "/people", Invitations: waiting, Link: link, Operator: true}),
		"people?bad":      list(People{Self: "/people", Form: InviteForm{Errors: wrong}}),
		"people?account":  list(People{Account: acme, Rows: []*tel.Person{off, here}, Self: "/accounts/9500012/people", Required: true, Invitations: waiting, Operator: true}),
		"people/1":        one(PersonDetail{Person: ada, Sessions: sessions, Operator: true, Link: link}),
		"people/4":        one(PersonDetail{Person: none, Operator: true}),
		"people/2":        one(PersonDetail{Account: acme, Person: off}),
		"people/3":        one(PersonDetail{Account: acme, Person: here, Sessions: sessions}),
		"people/3/remove": func(s Shell) templ.Component { return RemovePersonPage(s, PersonDetail{Account: acme, Person: here}) },
		"settings": func(s Shell) templ.Component {
			return SettingsPage(s, Settings{Person: ada, Name: "Ada", Zone: "Europe/Berlin", Theme: "dark", Sessions: sessions})
		},
		"settings?bad":     func(s Shell) templ.Component { return SettingsPage(s, Settings{Person: none, Errors: wrong}) },
		"settings/factor":  func(s Shell) templ.Component { return FactorPage(s, FactorSettings{}) },
		"settings/picture": func(s Shell) templ.Component { return FactorPage(s, FactorSettings{Picture: qr, Errors: wrong}) },
		"settings/on": func(s Shell) templ.Component {
			return FactorPage(s, FactorSettings{Since: previewNow, Left: 9, Errors: wrong})
		},
		"settings/codes": func(s Shell) templ.Component {
			return CodesPage(s, RecoveryCodes{Codes: []string{"A", "B"}, Next: "/settings"})
		},
	}
	outside = map[string]func(Shell) templ.Component{
		"sign-in/second":        func(s Shell) templ.Component { return CodePage(s, Code{Next: "/search", Error: "No."}) },
		"sign-in/second?slow":   func(s Shell) templ.Component { return CodePage(s, Code{Wait: time.Minute}) },
		"sign-in/second/set-up": func(s Shell) templ.Component { return FactorSetUpPage(s, Code{Picture: qr}) },
		"sign-in/second?codes":  func(s Shell) templ.Component { return DoorCodesPage(s, RecoveryCodes{Codes: []string{"A"}, Next: "/"}) },
		"sign-in?sso":           func(s Shell) templ.Component { return SignInPage(s, SignIn{SSO: true, Next: "/search"}) },
		"invitations/x": func(s Shell) templ.Component {
			return InvitationPage(s, Invitation{Token: "x", Email: "a@b.cd", Role: tel.RoleOperator, Until: previewNow, Error: "No.", Errors: wrong})
		},
		"invitations/x?signed": func(s Shell) templ.Component {
			return InvitationPage(s, Invitation{Token: "x", Email: "a@b.cd", SignedInAs: "a@b.cd", Role: tel.RoleMember, Account: "Acme Tel"})
		},
		"invitations/x?somebody": func(s Shell) templ.Component {
			return InvitationPage(s, Invitation{Token: "x", Email: "a@b.cd", SignedInAs: "b@b.cd", Role: tel.RoleMember, Account: "Acme Tel"})
		},
		"reset/x": func(s Shell) templ.Component { return ResetPage(s, Reset{Token: "x", Email: "a@b.cd", Errors: wrong}) },
	}
	return inside, outside
}

func TestPeoplePages(t *testing.T) {
	inside, outside := peoplePreviews()
	for name, page := range inside {
		t.Run(name, func(t *testing.T) { checkPage(t, parse(t, renderText(t, page(previewShell("/"+name))))) })
	}
	for name, page := range outside {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, renderText(t, page(Shell{Path: "/" + name, Now: previewNow})))
			for _, want := range []string{"h1", "main#main", "title"} {
				if n := doc.Find(want).Length(); n != 1 {
					t.Errorf("%d of %s", n, want)
				}
			}
		})
	}
}

func TestChosenZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[*time.Location]string{nil: "20:42 UTC", berlin: "21:42 CET"} {
		var b strings.Builder
		if err := When(previewNow, "").Render(InZone(context.Background(), zone), &b); err != nil || !strings.Contains(b.String(), want) || !strings.Contains(b.String(), "20:42:00 UTC") {
			t.Errorf("%v: %s", zone, b.String())
		}
	}
}
