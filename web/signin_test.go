package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const password = "correct horse battery"

func withPassword(email string) store.NewPerson {
	return store.NewPerson{Email: email, Name: "Ada Example", Password: password, Role: tel.RoleMember, Account: storetest.Acme}
}

func sessionCookie(a *answer) *http.Cookie {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasSuffix(c.Name, "tnreserve") {
			return c
		}
	}
	return nil
}

func TestSignInTellsNothing(t *testing.T) {
	s := open(t)
	for i := range 6 {
		if _, err := s.CreatePerson(ctx, root, withPassword(letter(i)+"@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	v := s.stranger()
	const tries = 41
	took := map[string]time.Duration{}
	var ratios []float64
	page := map[string]string{}
	for i := range tries {
		s.Clock.Add(20 * time.Minute) // past the limits, which are another test's
		for kind, email := range map[string]string{"known": letter(i%6) + "@example.com", "unknown": letter(i%6) + "@nowhere.example"} {
			start := time.Now()
			a := v.post("/sign-in", values("email", email, "password", "wrong wrong wrong"))
			took[kind] = time.Since(start)
			text := strings.ReplaceAll(a.body, email, "{email}")
			if page[kind] == "" {
				page[kind] = text
			}
			if a.status != http.StatusUnauthorized || text != page[kind] || sessionCookie(a) != nil {
				t.Errorf("%s: %d, %s", email, a.status, a.text("#main"))
			}
		}
		ratios = append(ratios, took["known"].Seconds()/took["unknown"].Seconds())
	}
	if page["known"] != page["unknown"] {
		t.Errorf("a known and an unknown person get different pages: %s", firstDifference(page["known"], page["unknown"]))
	}
	slices.Sort(ratios) // of two that came one after the other, so that what else goes on delays both
	if r := ratios[tries/2]; r < 1/1.5 || r > 1.5 {
		t.Errorf("a known person takes %.2f times as long as an unknown one", r)
	}
}

func letter(i int) string { return "person-" + string(rune('a'+i)) }

func TestSignInSlowsDown(t *testing.T) {
	s := open(t)
	for _, email := range []string{"ada@example.com", "bob@example.com"} {
		if _, err := s.CreatePerson(ctx, root, withPassword(email)); err != nil {
			t.Fatal(err)
		}
	}
	v := s.stranger()
	try := func(email, password string) *answer {
		return v.post("/sign-in", values("email", email, "password", password))
	}
	for i := range 5 {
		if a := try("ada@example.com", "wrong wrong"); a.status != http.StatusUnauthorized {
			t.Fatalf("failure %d answers %d", i+1, a.status)
		}
	}
	for _, password := range []string{"wrong wrong", password} {
		a := try(" ADA@example.com", password)
		if a.status != http.StatusTooManyRequests {
			t.Errorf("the sixth attempt answers %d", a.status)
		}
		a.says(".note", "15 minutes")
	}
	if a := try("bob@example.com", password); a.status != http.StatusOK {
		t.Errorf("somebody else is kept out: %d", a.status)
	}
	s.Clock.Add(10 * time.Minute)
	if a := try("ada@example.com", password); a.status != http.StatusTooManyRequests {
		t.Errorf("after 10 minutes: %d", a.status)
	} else {
		a.says(".note", "5 minutes")
	}
	s.Clock.Add(5*time.Minute + time.Second)
	if a := try("ada@example.com", password); a.status != http.StatusOK || a.url.Path != "/search" && a.url.Path != "/" {
		t.Errorf("after 15 minutes: %d at %s", a.status, a.url)
	}
}

func TestSessionCookie(t *testing.T) {
	s := open(t)
	if _, err := s.CreatePerson(ctx, root, withPassword("ada@example.com")); err != nil {
		t.Fatal(err)
	}
	v := s.stranger()
	v.Still = true
	planted := strings.Repeat("x", 43)
	v.Header.Set("Cookie", "tnreserve="+planted)
	seen := map[string]bool{planted: true, "": true}
	for range 3 {
		a := v.post("/sign-in", values("email", "ada@example.com", "password", password))
		c := sessionCookie(a)
		if a.status != http.StatusSeeOther || c == nil || seen[c.Value] || len(c.Value) != 43 {
			t.Fatalf("sign-in answers %d with %+v", a.status, c)
		}
		if c.Name != "tnreserve" || !c.HttpOnly || c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 0 {
			t.Errorf("cookie %+v", c)
		}
		if n := s.one(`SELECT COUNT(*) FROM session WHERE CAST(token AS TEXT) = ?`, c.Value); n != "0" {
			t.Error("the token is in the database as it is")
		}
		seen[c.Value] = true
	}
}

func TestSignOutEndsIt(t *testing.T) {
	s := open(t)
	v := s.as("acme-admin")
	a := v.want(200, "/reservations")
	stolen := s.stranger()
	stolen.Still = true
	u := a.url
	for _, c := range v.client.Jar.Cookies(u) {
		stolen.Header.Add("Cookie", c.Name+"="+c.Value)
	}
	stolen.want(200, "/reservations")
	stream := v.listen(t)
	if a := v.post("/sign-out", nil); a.url.Path != "/sign-in" || a.url.RawQuery != "out=1" {
		t.Errorf("sign-out leads to %s", a.url)
	} else {
		a.says("#main", "You are signed out")
	}
	if a := stolen.get("/reservations"); a.status != http.StatusSeeOther {
		t.Errorf("the token lives on: %d", a.status)
	}
	if len(v.client.Jar.Cookies(u)) != 0 {
		t.Errorf("cookies stay: %v", v.client.Jar.Cookies(u))
	}
	stream.over(t)
}

func TestRolesCountAtOnce(t *testing.T) {
	s := open(t)
	other := withPassword("other-admin@example.com")
	other.Role = tel.RoleAdmin
	if _, err := s.CreatePerson(ctx, root, other); err != nil {
		t.Fatal(err)
	}
	v := s.as("acme-admin")
	set := func(role tel.Role) {
		t.Helper()
		if err := s.SetRole(ctx, root, email("acme-admin"), storetest.Acme, role); err != nil {
			t.Fatal(err)
		}
	}
	v.want(200, "/reservations.csv")
	stream := v.listen(t)
	set(tel.RoleMember)
	v.want(403, "/reservations.csv")
	v.want(200, "/reservations").says("h1", "Your reservations")
	set(tel.RoleSupport)
	v.want(403, "/reservations")
	v.want(200, "/accounts/9500001")
	stream.over(t)
	set("")
	if a := v.get("/search"); a.url.Path != "/sign-in" {
		t.Errorf("nobody's place: %s", a.url)
	}
	if a := v.get("/accounts/9500001"); a.url.Path != "/sign-in" {
		t.Errorf("nobody's place: %s", a.url)
	}
}

func TestLinks(t *testing.T) {
	s := open(t)
	once, often := s.link("acme-member", false), s.link("acme-member", true)
	for range 2 {
		s.stranger().want(200, "/enter/"+once).says("button#enter", "Sign in as acme-member")
	}
	for i, want := range []int{200, 410} {
		v := s.stranger()
		if a := v.post("/enter/"+once, nil); a.status != want {
			t.Errorf("use %d of a link: %d", i+1, a.status)
		}
		if got := v.get("/search").url.Path == "/search"; got != (want == 200) {
			t.Errorf("use %d of a link: signed in %v", i+1, got)
		}
	}
	s.stranger().want(410, "/enter/"+once).says("h1", "This link is over")
	for range 3 {
		v := s.stranger()
		v.post("/enter/"+often, nil)
		v.want(200, "/search")
	}
	s.Clock.Add(time.Hour)
	s.stranger().want(410, "/enter/"+often)
	if a := s.stranger().post("/enter/"+often, nil); a.status != http.StatusGone {
		t.Errorf("an old link answers %d", a.status)
	}
}

func TestSetUp(t *testing.T) {
	s := serve(t, storetest.Empty(t, store.Config{}), "")
	token, err := s.NewSetupLink(ctx)
	if err != nil {
		t.Fatal(err)
	}
	v := s.stranger()
	page := v.want(200, "/setup/"+token)
	form := page.form("form[action^='/setup/']")
	for _, bad := range []struct{ email, password, field, words string }{
		{"nobody", password, "email", "not an e-mail address"},
		{"ada@example.com", "short", "password", "at least 10"},
	} {
		form.Set("email", bad.email)
		form.Set("password", bad.password)
		form.Set("name", "Ada")
		a := v.post("/setup/"+token, form)
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", bad.field, a.status)
		}
		a.fault(bad.field, bad.words)
		if strings.Contains(a.body, bad.password) && bad.field == "password" {
			t.Error("the password comes back in the page")
		}
	}
	form.Set("email", "ada@example.com")
	form.Set("password", password)
	if a := v.post("/setup/"+token, form); a.status != http.StatusOK || a.url.Path != "/accounts" {
		t.Fatalf("set-up leads to %d %s", a.status, a.url)
	}
	if a := s.stranger().post("/setup/"+token, form); a.status != http.StatusGone {
		t.Errorf("the second use answers %d", a.status)
	}
	s.stranger().want(410, "/setup/"+token)
	if n := s.one(`SELECT COUNT(*) FROM person`); n != "1" {
		t.Errorf("%s people", n)
	}
	if token, _ := s.NewSetupLink(ctx); token != "" {
		t.Error("there is a new set-up link beside an operator")
	}
}
