package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const peopleOfAcme = "/accounts/9500001/people"

// handed is the path of the link that a page shows.
func (a *answer) handed() string {
	a.t.Helper()
	u, err := url.Parse(a.text("#made-link"))
	if err != nil || a.status != http.StatusOK || u.Host == "" || a.header.Get("Cache-Control") != "no-store" {
		a.t.Fatalf("%d, link %q: %s", a.status, u, a.text("#main"))
	}
	return u.Path
}

// shows is what an app with the secret of a page shows.
func (a *answer) shows() string {
	a.t.Helper()
	return appCode(a.t, strings.ReplaceAll(a.text("#factor-secret"), " ", ""))
}

var appClock = func() time.Time { return storetest.Start }

func appCode(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, appClock())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestInviteAndJoin(t *testing.T) {
	s := open(t)
	admin := s.as("acme-admin")
	admin.get("/").has("#nav-people")
	a := admin.want(200, peopleOfAcme)
	a.has("#nav-people[aria-current]").says("#people-list", "acme-member@example.com")
	if strings.Contains(a.text("#main"), "globex") || strings.Contains(a.text("#invite-role"), "Operator") {
		t.Error("an admin sees too much")
	}
	form := a.form("#invite form")
	for field, value := range map[string]string{"email": "nobody", "role": "operator"} {
		bad := url.Values{"email": {"new@acme.example"}, "role": {"member"}}
		bad.Set(field, value)
		a := admin.post(peopleOfAcme, bad)
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", field, a.status)
		}
	}
	form.Set("email", "acme-member@example.com")
	admin.post(peopleOfAcme, form).fault("email", "has a role here already")
	// Known elsewhere or not: the same answer, the same page behind the link.
	var pages []string
	for _, email := range []string{"globex-member@example.com", "unknown-guest@example.com"} {
		form.Set("email", email)
		a := admin.post(peopleOfAcme, form)
		link := a.handed()
		page := s.stranger().want(200, link)
		plain := strings.NewReplacer(email, "{email}", url.QueryEscape(link), "{link}", link, "{link}", a.attr("#invitations li:first-child", "id"), "{id}")
		pages = append(pages, plain.Replace(page.text("body")))
		if link == "" || page.attr("form", "action") == "" {
			t.Error("no form")
		}
	}
	if pages[0] != pages[1] {
		t.Errorf("the link tells whether the address is known: %s", firstDifference(pages[0], pages[1]))
	}

	form.Set("email", "new@acme.example")
	link := admin.post(peopleOfAcme, form).handed()
	admin.want(200, peopleOfAcme).says("#invitations", "new@acme.example")
	v := s.stranger()
	page := v.want(200, link).says("#main", "Member of Acme Tel")
	join := page.form("form[action='" + link + "']")
	join.Set("name", "New Here")
	join.Set("password", "short")
	a = v.post(link, join)
	a.fault("password", "at least 10")
	join.Set("password", password)
	if a := v.post(link, join); a.status != http.StatusOK || a.url.Path != "/search" {
		t.Fatalf("joining leads to %d %s: %s", a.status, a.url, a.text("#main"))
	}
	v.want(403, "/reservations.csv")
	s.stranger().want(410, link)

	// Somebody who signs in here already accepts with their own sign-in.
	form.Set("email", "globex-member@example.com")
	link = admin.post(peopleOfAcme, form).handed()
	if a := s.stranger().post(link, values("name", "Eve", "password", "eve knows it too")); a.status != http.StatusConflict {
		t.Errorf("a stranger accepts for somebody: %d", a.status)
	}
	if a := s.as("globex-admin").post(link+"/accept", nil); a.status != http.StatusForbidden {
		t.Errorf("somebody else accepts: %d", a.status)
	}
	known := s.as("globex-member")
	known.want(200, link).has("#accept")
	if a := known.post(link+"/accept", nil); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.text("#main"))
	}
	known.want(200, "/search").says(".side .who-n", "Acme Tel").has("select#act-side")
	admin.want(200, peopleOfAcme).says("#people-list", "globex-member@example.com")
}

func TestPersonPage(t *testing.T) {
	s := open(t)
	admin, member := s.as("acme-admin"), s.as("acme-member")
	at := peopleOfAcme + "/" + s.actor("acme-member").ID
	admin.want(200, at).says("h1", "acme-member").says("#sessions", "Last used")
	admin.post(at+"/role", values("role", "support")).says(".toast", "was changed")
	member.want(403, "/reservations")
	admin.post(at+"/role", values("role", "member"))
	me := peopleOfAcme + "/" + s.actor("acme-admin").ID
	for path, form := range map[string]url.Values{"/role": values("role", "member"), "/remove": nil, "/active": values("off", "1")} {
		admin.post(me+path, form).says(".toast", "last admin")
	}
	stream := member.listen(t)
	admin.post(at+"/active", values("off", "1")).says(".toast", "is deactivated")
	stream.over(t)
	if a := member.get("/search"); a.url.Path != "/sign-in" {
		t.Errorf("a deactivated member is at %s", a.url)
	}
	admin.post(at+"/active", values("off", "0"))
	member = s.as("acme-member")
	link := admin.post(at+"/reset", nil).handed()
	v := s.stranger()
	v.want(200, link).says("#main", "acme-member@example.com")
	v.post(link, values("password", "short")).fault("password", "at least 10")
	if a := v.post(link, values("password", password)); a.url.Path != "/sign-in" {
		t.Errorf("a new password leads to %s", a.url)
	} else {
		a.says(".note", "Sign in with it")
	}
	if a := member.get("/search"); a.url.Path != "/sign-in" {
		t.Error("a session outlives its password")
	}
	if a := v.post("/sign-in", values("email", "acme-member@example.com", "password", password)); a.url.Path != "/search" {
		t.Errorf("the new password leads to %s", a.url)
	}
	end := admin.get(at).attr("#sessions li form", "action")
	admin.post(end, nil).says(".toast", "is over")
	if a := v.get("/search"); a.url.Path != "/sign-in" {
		t.Error("a session that was ended lives")
	}
	admin.want(200, at+"/remove")
	admin.post(at+"/remove", nil).says(".toast", "no longer one of")
	admin.want(404, at)

	op := s.as("operator")
	op.want(200, "/people?q=GLOBEX").says("#people-list", "globex-admin@example.com")
	if got := op.get("/people?q=globex").each("#people-list tbody tr"); len(got) != 2 {
		t.Errorf("%q", got)
	}
	whole := "/people/" + s.actor("globex-member").ID
	op.want(200, whole).says("#accounts", "Globex").has(`#accounts a[href="/accounts/9500002/people/` + s.actor("globex-member").ID + `"]`)
	op.post(whole+"/role", values("role", "support")).says(".toast", "was changed")
	op.post("/people/"+s.actor("operator").ID+"/active", values("off", "1")).says(".toast", "last operator")
	op.post("/people", values("email", "x@example.com", "role", "member", "account", "")).fault("account", "needs an account")
	op.post("/people", values("email", "x@example.com", "role", "member", "account", "77")).fault("account", "no account 77")
	op.post("/people", values("email", "x@example.com", "role", "operator", "account", "")).handed()
}

func TestSettingsPage(t *testing.T) {
	s := open(t)
	v := s.as("acme-member")
	a := v.want(200, "/settings")
	if n := len(a.each("#my-zone option")); n < 400 {
		t.Errorf("%d time zones", n)
	}
	form := a.form("#you form")
	form.Set("zone", "Asia/Kolkata")
	form.Set("theme", "dark")
	form.Set("name", "Max Member")
	a = v.post("/settings", form)
	a.has("html[data-zone='Asia/Kolkata'][data-theme=dark]").says(".side .who-n", "Max Member")
	if got := a.text("#sessions time"); !strings.Contains(got, "20:30 IST") { // 15:00 UTC
		t.Errorf("times are %q", got)
	}
	// Another browser has the theme from signing in on.
	s.as("acme-member").want(200, "/settings").has("html[data-theme=dark]")
	form.Set("zone", "Mars/Olympus")
	v.post("/settings", form).fault("zone", "from the list")
	form.Set("zone", "")
	form.Set("theme", "")
	if a := v.post("/settings", form); a.doc().Find("html[data-theme], html[data-zone]").Length() > 0 {
		t.Error("a theme or a zone stays")
	}
	form.Del("keys")
	v.post("/settings", form).has("html[data-keys=off]").has("#my-keys:not([checked])")
	form.Set("keys", "1")
	v.post("/settings", form).has("html:not([data-keys])").has("#my-keys[checked]")
	if a := v.post("/settings/sign-out", nil); !strings.Contains(a.text(".toast"), "1 other session") {
		t.Error(a.text(".toast"))
	}
	v.post("/settings/password", values("old", "wrong wrong", "password", password)).fault("old", "not your password")
	own := v.get("/settings").attr("#sessions li form", "action")
	if a := v.post(own, nil); a.url.Path != "/sign-in" {
		t.Errorf("ending one's own session leads to %s", a.url)
	}
}

// Who signs in with a password shows it to join one more account, and chooses another.
func TestJoiningWithAPassword(t *testing.T) {
	s := open(t)
	ada, err := s.CreatePerson(ctx, root, withPassword("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Invite(ctx, root, store.NewInvitation{Email: ada.Email, Role: tel.RoleMember, Account: storetest.Globex})
	if err != nil {
		t.Fatal(err)
	}
	v := s.stranger()
	at := "/invitations/" + token
	if a := v.post("/sign-in", values("email", ada.Email, "password", password, "next", at)); a.url.Path != at {
		t.Fatalf("signing in leads to %s", a.url)
	}
	v.post(at+"/accept", values("old", "wrong wrong", "password", "a new password")).fault("old", "not your password")
	v.post(at+"/accept", values("old", password, "password", password)).fault("password", "another password")
	v.post(at+"/accept", values("old", password, "password", "a new password")).says(".toast", "member now")
	if a := s.stranger().post("/sign-in", values("email", ada.Email, "password", password)); a.url.Path != "/sign-in" {
		t.Errorf("the old password leads to %s", a.url)
	}
}

// Joining is done when the invitation is taken: that going there fails does not undo it.
func TestJoinedButNotThere(t *testing.T) {
	s := open(t)
	token, err := s.Invite(ctx, root, store.NewInvitation{Email: email("globex-member"), Role: tel.RoleMember, Account: storetest.Acme})
	if err != nil {
		t.Fatal(err)
	}
	v := s.as("globex-member")
	mend := s.breaks(`UPDATE OF account_id ON session`)
	v.post("/invitations/"+token+"/accept", nil).is(200).says(".toast", "The invitation is accepted, but you are not there yet")
	mend()
	v.post("/act-for", values("account", storetest.Acme.String())).is(200).says("#side", "Acme")
}

func TestSecondFactorAtTheDoor(t *testing.T) {
	s := open(t)
	if _, err := s.CreatePerson(ctx, root, withPassword("ada@example.com")); err != nil {
		t.Fatal(err)
	}
	admin := s.as("acme-admin")
	admin.post("/accounts/9500001/second-factor", values("on", "1")).says(".toast", "from their next sign-in on").has("#factor-toggle[data-on]")
	v := s.stranger()
	signIn := func() *answer {
		t.Helper()
		return v.post("/sign-in", values("email", "ada@example.com", "password", password, "next", "/lookup"))
	}
	a := signIn()
	if a.url.Path != "/sign-in/second/set-up" || a.attr("svg.p-qr path", "d") == "" {
		t.Fatalf("signing in leads to %s", a.url)
	}
	for _, path := range []string{"/", "/search", "/settings", "/sign-in/second", "/settings/second-factor", "/accounts/9500001"} {
		if a := v.get(path); a.url.Path != "/sign-in/second/set-up" && !(path == "/sign-in/second" && a.url.Path == "/sign-in") {
			t.Errorf("%s leads to %s before anything else", path, a.url)
		}
	}
	secret := a.text("#factor-secret")
	a = v.post("/sign-in/second/set-up", values("code", "000000", "next", "/lookup"))
	if a.status != http.StatusUnprocessableEntity || a.text("#factor-secret") != secret {
		t.Errorf("a wrong code: %d", a.status)
	}
	appClock = s.Now
	shown := a.shows()
	a = v.post("/sign-in/second/set-up", values("code", shown, "next", "/lookup"))
	codes := a.each("#recovery code")
	if a.status != http.StatusOK || len(codes) != store.RecoveryCodes || a.attr("#codes-kept", "href") != "/lookup" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %q", a.status, codes)
	}
	v.want(200, "/settings").says("#factor", "On since")
	s.Clock.Add(time.Minute)
	v.post("/sign-out", nil)
	a = signIn()
	if a.url.Path != "/sign-in/second" {
		t.Fatalf("signing in leads to %s", a.url)
	}
	if a := v.get("/search?npa=919"); a.url.Path != "/sign-in/second" || a.attr("[name=next]", "value") != "/search?npa=919" {
		t.Errorf("half signed in: %s", a.url)
	}
	for _, bad := range []string{shown, "", "12345", "000000", codes[0] + "x"} {
		if a := v.post("/sign-in/second", values("code", bad, "next", "/lookup")); a.status != http.StatusUnauthorized {
			t.Errorf("code %q: %d", bad, a.status)
		}
	}
	if a := v.post("/sign-in/second", values("code", codes[0])); a.status != http.StatusTooManyRequests {
		t.Errorf("the sixth attempt: %d", a.status)
	}
	s.Clock.Add(16 * time.Minute)
	signIn()
	for _, next := range []string{"//evil.com", "/lookup"} {
		v.Still = true
		a = v.post("/sign-in/second", values("code", codes[0], "next", next))
		v.Still = false
		if want := map[bool]string{true: "/", false: "/sign-in?ended=1"}[next == "//evil.com"]; a.header.Get("Location") != want && a.header.Get("Location") != "/" {
			t.Errorf("next=%q leads to %q", next, a.header.Get("Location"))
		}
	}
	v.want(200, "/settings/second-factor").says("#codes", "9 left")
	v.post("/settings/second-factor/off", values("code", codes[1])).says(".toast", "asks its people")

	op := s.as("operator")
	op.post("/people/"+s.one(`SELECT id FROM person WHERE email = 'ada@example.com'`)+"/second-factor", nil).says(".toast", "is off")
	if a := v.get("/search"); a.url.Path != "/sign-in" {
		t.Errorf("a session outlives its second factor: %s", a.url)
	}
}

func TestSecondFactorInSettings(t *testing.T) {
	s := open(t)
	appClock = s.Now
	v := s.as("acme-member")
	v.want(200, "/settings/second-factor").has("#factor-start")
	a := v.post("/settings/second-factor/start", nil).has("svg.p-qr")
	v.post("/settings/second-factor", values("code", "000000")).fault("code", "not the code")
	a = v.post("/settings/second-factor", values("code", a.shows()))
	codes := a.each("#recovery code")
	if len(codes) != store.RecoveryCodes {
		t.Fatal(codes)
	}
	v.post("/settings/second-factor/start", nil).says(".toast", "on already")
	fresh := v.post("/settings/second-factor/codes", values("code", codes[0])).each("#recovery code")
	if len(fresh) != store.RecoveryCodes || fresh[0] == codes[0] {
		t.Fatal(fresh)
	}
	v.post("/settings/second-factor/off", values("code", codes[1])).fault("code", "wrong")
	v.post("/settings/second-factor/off", values("code", fresh[1])).says(".toast", "is off")
	v.want(200, "/settings").says("#factor", "Off")
	s.stranger().want(200, "/sign-in")
}

// Names, addresses and browsers of people are anybody's text.
func TestHostilePeopleStayText(t *testing.T) {
	t.Parallel()
	s := open(t)
	operator, admin := s.as("operator"), s.as("acme-admin")
	for i, payload := range hostileTexts {
		if i%3 != 0 {
			continue
		}
		name := cut(payload, tel.MaxName)
		p := withPassword(letter(i%26) + strings.Repeat("x", i/26) + "-hostile@example.com")
		p.Name, p.Password = name, ""
		made, err := s.CreatePerson(ctx, root, p)
		if err != nil {
			t.Fatal(err)
		}
		link, err := s.NewEnterLink(ctx, root, p.Email, time.Hour, false)
		if err != nil {
			t.Fatal(err)
		}
		v := s.stranger()
		v.Header.Set("User-Agent", payload)
		v.post("/enter/"+link, nil)
		unharmed(t, "settings", name, v.get("/settings"))
		unharmed(t, "bad settings", name, v.post("/settings", values("name", name, "zone", payload, "theme", payload)))
		unharmed(t, "a bad code", name, v.post("/settings/second-factor", values("code", payload)))
		for _, look := range []*answer{operator.get("/people/" + made.ID), admin.get(peopleOfAcme + "/" + made.ID), admin.get(peopleOfAcme + "/" + made.ID + "/remove"), operator.get("/people?q=" + url.QueryEscape(payload))} {
			unharmed(t, look.url.Path, name, look)
		}
		unharmed(t, "an invitation", name, operator.post("/people", values("email", payload, "role", payload, "account", payload)))
		unharmed(t, "a bad code at the door", name, s.stranger().post("/sign-in/second", values("code", payload, "next", payload)))
		unharmed(t, "a link", name, s.stranger().get("/invitations/"+url.PathEscape(payload)))
		unharmed(t, "single sign-on", name, s.stranger().get("/sign-in/sso/callback?state="+url.QueryEscape(payload)+"&error="+url.QueryEscape(payload)))
	}
	unharmed(t, "people", "all payloads", operator.get("/people"))
	if got := s.column(`SELECT DISTINCT browser FROM session WHERE browser <> ''`); len(got) > 6 {
		t.Errorf("browsers are kept as %q", got)
	}
	for _, text := range refusedTexts {
		s.unchanged("control characters", func() {
			admin.post("/settings", values("name", text+"."))
			admin.post(peopleOfAcme, values("email", text+"@example.com", "role", "member"))
		})
	}
	oneLineEach(t, s.Log.String())
}
