package web_test

import (
	"context"
	"os"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// TestBrowserPeople does in a real browser what people do about people, and looks at
// each of those pages in its sizes and colours.
func TestBrowserPeople(t *testing.T) {
	t.Parallel()
	browser := chrome(t)
	t.Run("from an invitation to the first sign-in", func(t *testing.T) { inviteJob(t, browser) })
	t.Run("the pages", func(t *testing.T) { peoplePages(t, browser) })
}

func inviteJob(t *testing.T, browser context.Context) {
	s := open(t)
	appClock = s.Now
	pictures := os.Getenv("TNRESERVE_SCREENSHOTS")
	admin := s.tab(browser, t)
	admin.enter("acme-admin")
	admin.click("#nav-people")
	admin.holds("the people", at(peopleOfAcme)+` && document.querySelectorAll('.p-people tbody tr').length === 3`)
	admin.click("#factor-toggle")
	admin.holds("a second factor is asked for", `document.querySelector('#factor-toggle').hasAttribute('data-on')`)
	admin.fill("#invite-email", "nina@acme.example")
	admin.click("#invite-go")
	admin.holds("the link", `document.querySelector('#made-link')`)
	admin.look(view{"link", ""}, pictures, "people")
	admin.size(1440, 900)
	link := admin.get(`new URL(document.querySelector('#made-link').textContent).pathname`)

	b := s.tab(browser, t)
	b.expect("status of 4") // a wrong code
	b.goTo(link)
	b.look(view{"invitation", ""}, pictures, "people")
	b.size(1440, 900)
	b.fill("#name", "Nina New")
	b.fill("#new-password", password)
	b.click("#join")
	b.holds("the second factor comes first", `location.pathname === '/sign-in/second/set-up'`)
	b.look(view{"set-up", ""}, pictures, "people")
	b.size(1440, 900)
	secret := b.get(`document.querySelector('#factor-secret').textContent.replaceAll(' ', '')`)
	b.fill("#code", "000000")
	b.click("#second")
	b.holds("a wrong code", `document.querySelector('.note[data-kind=error]')`)
	b.fill("#code", appCode(t, secret))
	b.click("#second")
	b.holds("the recovery codes", `document.querySelectorAll('#recovery code').length === 10`)
	b.look(view{"recovery", ""}, pictures, "people")
	b.size(1440, 900)
	recovery := b.get(`document.querySelector('#recovery code').textContent`)
	b.click("#codes-kept")
	b.holds("at work", at("/search")+` && document.querySelector('.side .who-n b').textContent === 'Nina New'`)
	admin.goTo(peopleOfAcme)
	admin.holds("the admin sees them", `[...document.querySelectorAll('.p-people tbody tr')].some(r => r.textContent.includes('Nina New') && r.querySelector('.p-factor').textContent.includes('On'))`)

	// The next time it takes both, and a recovery code does once.
	for i, code := range []string{"", recovery} {
		s.Clock.Add(time.Minute)
		b.click(`.side form[action="/sign-out"] button`)
		b.holds("signed out", at("/sign-in?out=1"))
		b.fill("#email", "nina@acme.example")
		b.fill("#password", password)
		b.click("#sign-in")
		b.holds("one more step", at("/sign-in/second")+` && document.querySelector('#code')`)
		if i == 0 {
			b.look(view{"code", ""}, pictures, "people")
			b.size(1440, 900)
			code = appCode(t, secret)
		}
		b.fill("#code", code)
		b.click("#second")
		b.holds("in again", at("/search"))
	}

	// Deactivated, the open page ends by itself.
	b.ready()
	admin.click(`.p-people tbody tr:last-child .a-name`)
	admin.holds("their page", `document.querySelector('#h1')?.textContent === 'Nina New'`)
	admin.look(view{"person", ""}, pictures, "people")
	admin.size(1440, 900)
	admin.click("#deactivate")
	admin.toast("is deactivated")
	b.click("#nav-lookup")
	b.holds("their next click leads out", `location.pathname === '/sign-in'`)
}

func peoplePages(t *testing.T, browser context.Context) {
	s := open(t)
	pictures := os.Getenv("TNRESERVE_SCREENSHOTS")
	for _, n := range []store.NewInvitation{{Email: "a-guest-with-a-rather-long-address@subsidiary.of.acme.example", Role: tel.RoleMember, Account: storetest.Acme}, {Email: "ops2@carrier.example", Role: tel.RoleOperator}} {
		if _, err := s.Invite(context.Background(), root, n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CreatePerson(context.Background(), root, store.NewPerson{Email: "acme-member@example.com", Role: tel.RoleSupport, Account: storetest.Globex}); err != nil {
		t.Fatal(err)
	}
	reset, err := s.NewResetLink(context.Background(), root, 0, s.actor("acme-support").ID)
	if err != nil {
		t.Fatal(err)
	}
	member := s.actor("acme-member").ID
	for role, list := range map[string][]view{
		"nobody":   {{"reset", "/reset/" + reset}},
		"operator": {{"people", "/people"}, {"people-none", "/people?q=nobody-is-called-so"}, {"person", "/people/" + member}, {"account-people", peopleOfAcme}, {"account-person", peopleOfAcme + "/" + member}},
		"acme-admin": {{"people", peopleOfAcme}, {"person", peopleOfAcme + "/" + member}, {"remove", peopleOfAcme + "/" + member + "/remove"}, {"account", "/accounts/9500001"},
			{"settings", "/settings"}, {"factor", "/settings/second-factor"}},
	} {
		b := s.tab(browser, t)
		if role != "nobody" {
			b.enter(role)
		}
		for _, v := range list {
			b.size(1440, 900)
			b.goTo(v.path)
			b.look(v, pictures, "people-"+role)
		}
		if role != "acme-admin" {
			continue
		}
		appClock = s.Now
		b.size(1440, 900)
		b.click("#factor-start")
		b.holds("the picture", `document.querySelector('svg.p-qr')`)
		b.look(view{"factor-picture", ""}, pictures, "people-"+role)
		b.size(1440, 900)
		b.fill("#code", appCode(t, b.get(`document.querySelector('#factor-secret').textContent.replaceAll(' ', '')`)))
		b.click("#factor-confirm")
		b.holds("the codes", `document.querySelector('#recovery')`)
		b.click("#codes-kept")
		b.holds("the settings", at("/settings")+` && document.querySelector('#my-zone')`)
		b.js(`document.querySelector('#my-zone').value = 'Asia/Kolkata'`)
		b.click("#settings-save")
		b.holds("times are there", `document.documentElement.dataset.zone === 'Asia/Kolkata' && /(8|20):30/.test(document.querySelector('#sessions time').textContent)`)
		b.goTo("/settings/second-factor")
		b.look(view{"factor-on", ""}, pictures, "people-"+role)
	}
}
