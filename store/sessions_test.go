package store_test

import (
	"bytes"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const password = "correct horse battery"

func person(t *testing.T, s *storetest.Store, email string, role tel.Role, account tel.AccountID) *tel.Person {
	t.Helper()
	return must[*tel.Person](t)(s.CreatePerson(ctx, tel.System("test"), store.NewPerson{Email: email, Name: "N", Password: password, Role: role, Account: account}))
}

func TestSignIn(t *testing.T) {
	s := storetest.Open(t)
	ada := person(t, s, "Ada@Acme.example", tel.RoleAdmin, acme)
	must[*tel.Person](t)(s.CreatePerson(ctx, tel.System("test"), store.NewPerson{Email: "link@acme.example", Role: tel.RoleMember, Account: acme}))
	in := must[*store.Session](t)(s.SignIn(ctx, " ADA@acme.example", password, store.Caller{Addr: "1.2.3.4"}))
	same(t, "actor", in.Actor, tel.Actor{Kind: tel.KindPerson, ID: ada.ID, Name: "ada@acme.example", Role: tel.RoleAdmin, Account: acme, Door: "dashboard", Addr: "1.2.3.4"})
	got := must[*store.Session](t)(s.Session(ctx, in.Token, "5.6.7.8"))
	if got.AccountName != "Acme Tel" || got.Token != "" || got.Actor.Addr != "5.6.7.8" || got.Actor.Role != tel.RoleAdmin {
		t.Errorf("%+v", got)
	}
	text := ""
	for _, c := range [][2]string{{"ada@acme.example", "wrong password"}, {"nobody@acme.example", password}, {"not an address", password}, {"link@acme.example", ""}, {"", ""}, {"ada@acme.example", ""}} {
		_, err := s.SignIn(ctx, c[0], c[1], store.Caller{Addr: "1.2.3.4"})
		e := code(t, err, tel.CodeSignIn)
		if text == "" {
			text = e.Message
		}
		same(t, c[0], *e, tel.Error{Code: tel.CodeSignIn, Message: text, Format: text})
	}
	for _, token := range []string{"", "x", in.Token + "x", in.Token[1:]} {
		code(t, second(s.Session(ctx, token, "")), tel.CodeSignIn)
	}
	if err := s.SignOut(ctx, in.Token, in.Actor); err != nil {
		t.Fatal(err)
	}
	code(t, second(s.Session(ctx, in.Token, "")), tel.CodeSignIn)
	checked(t, s.Store)
}

func TestSlowDown(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	fail := func(addr string) error {
		return second(s.SignIn(ctx, "ada@acme.example", "wrong password", store.Caller{Addr: addr}))
	}
	var slow atomic.Int32
	parallel(12, func(int) { // all at once: five are judged
		if tel.CodeOf(fail("6.6.6.6")) == tel.CodeSlowDown {
			slow.Add(1)
		}
	})
	if slow.Load() != 7 {
		t.Errorf("%d of 12 were slowed down", slow.Load())
	}
	e := code(t, second(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: "6.6.6.6"})), tel.CodeSlowDown) // not even with the right one
	if d := e.At.Sub(s.Now().Add(15 * time.Minute)); d < -time.Second || d > time.Second {
		t.Error(e.At)
	}
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: "1.1.1.1"})) // the owner, from elsewhere
	code(t, fail("6.6.6.6"), tel.CodeSlowDown)
	s.Clock.Add(15*time.Minute + time.Millisecond)
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: "6.6.6.6"}))
	code(t, fail("6.6.6.6"), tel.CodeSignIn) // counted from nothing again
}

// Many people behind one address sign in all day; many failures there are slowed down.
func TestOneAddressManyPeople(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	db := file(t, s.Path)
	for range 48 { // of 50
		if _, err := db.Exec(`INSERT INTO sign_in_failure (who, at) VALUES ('1.2.3.4', $1)`, s.Now().UnixMicro()-1); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		if _, err := s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: "1.2.3.4"}); err != nil {
			t.Fatalf("success %d: %v", i, err)
		}
	}
	for _, want := range []tel.Code{tel.CodeSignIn, tel.CodeSignIn, tel.CodeSlowDown} {
		code(t, second(s.SignIn(ctx, "bob@acme.example", password, store.Caller{Addr: "1.2.3.4"})), want)
	}
}

func TestRolesCountAtOnce(t *testing.T) {
	s := storetest.Open(t)
	ada := person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	joins(t, s, ada, tel.RoleMember, globex)
	person(t, s, "bea@acme.example", tel.RoleAdmin, acme)
	in := must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
	code(t, second(s.CreatePerson(ctx, operator, store.NewPerson{Email: ada.Email, Role: tel.RoleMember, Account: acme})), tel.CodeConflict)
	if err := s.SetRole(ctx, admin, "Ada@acme.example ", acme, tel.RoleMember); err != nil {
		t.Fatal(err)
	}
	if got := must[*store.Session](t)(s.Session(ctx, in.Token, "")); got.Actor.Role != tel.RoleMember {
		t.Error(got.Actor)
	}
	for _, bad := range []tel.Role{tel.RoleOperator, "root"} {
		code(t, s.SetRole(ctx, admin, ada.Email, acme, bad), tel.CodeInvalid)
	}
	code(t, s.SetRole(ctx, admin, "nobody@acme.example", acme, tel.RoleMember), tel.CodeNotFound)
	if people := must[[]*tel.Person](t)(s.People(ctx, admin, acme)); len(people) != 2 || people[0].Memberships[0].Role != tel.RoleMember {
		t.Errorf("%+v", people)
	}
	places := must[[]tel.Membership](t)(s.Memberships(ctx, ada))
	same(t, "places", places, []tel.Membership{{Account: acme, AccountName: "Acme Tel", Role: tel.RoleMember}, {Account: globex, AccountName: "Globex", Role: tel.RoleMember}})
	if err := s.ActFor(ctx, in.Token, in.Actor, globex); err != nil {
		t.Fatal(err)
	}
	if got := must[*store.Session](t)(s.Session(ctx, in.Token, "")); got.Actor.Account != globex {
		t.Error(got.Actor)
	}
	if err := s.Deactivate(ctx, operator, acme, ada.ID, true); err != nil {
		t.Fatal(err)
	}
	same(t, "places that may be chosen", must[[]tel.Membership](t)(s.Memberships(ctx, ada)), places[1:])
	for _, account := range []tel.AccountID{acme, initech, 77, 0} {
		same(t, account.String(), code(t, s.ActFor(ctx, in.Token, in.Actor, account), tel.CodeNotFound), tel.NotFound())
	}
	if err := s.SetRole(ctx, operator, ada.Email, globex, ""); err != nil {
		t.Fatal(err)
	}
	code(t, second(s.Session(ctx, in.Token, "")), tel.CodeSignIn)
	checked(t, s.Store)
}

func TestSessionTimeouts(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "op@example.com", tel.RoleOperator, 0)
	person(t, s, "sup@example.com", tel.RoleSupport, 0)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	person(t, s, "mem@acme.example", tel.RoleMember, acme)
	use := func(token string) {
		t.Helper()
		s.TouchSession(ctx, must[*store.Session](t)(s.Session(ctx, token, "")), token)
	}
	for email, idle := range map[string]time.Duration{"op@example.com": 30 * time.Minute, "ada@acme.example": 30 * time.Minute, "sup@example.com": 4 * time.Hour, "mem@acme.example": 4 * time.Hour} {
		in := must[*store.Session](t)(s.SignIn(ctx, email, password, store.Caller{}))
		s.Clock.Add(idle)
		use(in.Token) // and this use counts
		s.Clock.Add(idle + us)
		code(t, second(s.Session(ctx, in.Token, "")), tel.CodeSignIn)

		in = must[*store.Session](t)(s.SignIn(ctx, email, password, store.Caller{}))
		for range 12 * 60 / 20 {
			s.Clock.Add(20 * time.Minute)
			use(in.Token)
		}
		s.Clock.Add(us)
		code(t, second(s.Session(ctx, in.Token, "")), tel.CodeSignIn) // 12 hours, however busy
	}
	s.Clock.Add(13 * time.Hour)
	must[store.Swept](t)(s.Sweep(ctx))
	db := file(t, s.Path)
	if n := count(t, db, `SELECT (SELECT COUNT(*) FROM session) + (SELECT COUNT(*) FROM sign_in_failure)`); n != 0 {
		t.Errorf("%d old rows", n)
	}
}

func TestLinks(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	make := func(reusable bool) string {
		return must[string](t)(s.NewEnterLink(ctx, tel.System("demo"), "ada@acme.example", time.Hour, reusable))
	}
	once, often := make(false), make(true)
	for range 3 {
		if p := must[*tel.Person](t)(s.PeekLink(ctx, store.LinkEnter, once)); p.Email != "ada@acme.example" {
			t.Error(p)
		}
		must[*store.Session](t)(s.Enter(ctx, often, store.Caller{}))
	}
	code(t, second(s.PeekLink(ctx, store.LinkSetup, once)), tel.CodeSignIn) // wrong kind
	code(t, second(s.SetUp(ctx, once, store.NewPerson{Email: "eve@example.com", Password: password}, store.Caller{})), tel.CodeSignIn)
	var in atomic.Int32
	parallel(10, func(int) {
		if _, err := s.Enter(ctx, once, store.Caller{}); err == nil {
			in.Add(1)
		}
	})
	if in.Load() != 1 {
		t.Errorf("one link let %d in", in.Load())
	}
	late := make(true)
	s.Clock.Add(time.Hour - us)
	must[*store.Session](t)(s.Enter(ctx, late, store.Caller{}))
	s.Clock.Add(us)
	code(t, second(s.Enter(ctx, late, store.Caller{})), tel.CodeSignIn)
	code(t, second(s.Enter(ctx, "x", store.Caller{})), tel.CodeSignIn)
	code(t, second(s.NewEnterLink(ctx, tel.System("x"), "nobody@example.com", time.Hour, false)), tel.CodeNotFound)
	code(t, second(s.NewEnterLink(ctx, operator, "ada@acme.example", time.Hour, false)), tel.CodeForbidden)
}

func TestSetUpOnce(t *testing.T) {
	s := storetest.Empty(t, store.Config{})
	old := must[string](t)(s.NewSetupLink(ctx))
	s.Clock.Add(store.SetupLife)
	another := must[string](t)(s.NewSetupLink(ctx)) // another node's
	token := must[string](t)(s.NewSetupLink(ctx))
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM link`); n != 2 {
		t.Errorf("%d links are kept", n)
	}
	must[*tel.Person](t)(s.PeekLink(ctx, store.LinkSetup, another))
	who := store.NewPerson{Email: "op@example.com", Password: password, Role: tel.RoleMember, Account: acme} // the role is not theirs to choose
	code(t, second(s.SetUp(ctx, old, who, store.Caller{})), tel.CodeSignIn)
	weak := who
	weak.Password = ""
	code(t, second(s.SetUp(ctx, token, weak, store.Caller{})), tel.CodeInvalid) // and the link still opens
	var mu atomic.Int32
	var in *store.Session
	parallel(8, func(i int) {
		n := who
		n.Email = string(rune('a'+i)) + "@example.com"
		got, err := s.SetUp(ctx, token, n, store.Caller{})
		if err == nil {
			mu.Add(1)
			in = got
		} else if tel.CodeOf(err) != tel.CodeSignIn {
			t.Error(err)
		}
	})
	if mu.Load() != 1 || in.Actor.Role != tel.RoleOperator || in.Actor.Account != 0 {
		t.Fatalf("%d were set up: %+v", mu.Load(), in)
	}
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM link`); n != 0 {
		t.Errorf("%d links are left", n)
	}
	if again := must[string](t)(s.NewSetupLink(ctx)); again != "" {
		t.Error("a set-up link beside a person")
	}
	late := storetest.Empty(t, store.Config{})
	token = must[string](t)(late.NewSetupLink(ctx))
	late.Clock.Add(store.SetupLife)
	code(t, second(late.SetUp(ctx, token, who, store.Caller{})), tel.CodeSignIn)
	checked(t, s.Store)
}

// A stolen database file signs nobody in.
func TestTokensAreHashedAtRest(t *testing.T) {
	s := storetest.OpenFile(t)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	link := must[string](t)(s.NewEnterLink(ctx, tel.System("demo"), "ada@acme.example", time.Hour, true))
	in := must[*store.Session](t)(s.Enter(ctx, link, store.Caller{}))
	for _, name := range []string{s.Path, s.Path + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{link, in.Token, password} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s has a secret in it", name)
			}
		}
	}
}

func TestPeople(t *testing.T) {
	s := storetest.Open(t)
	for _, n := range []store.NewPerson{
		{Email: "x", Role: tel.RoleAdmin, Account: acme}, {Email: "a@b.cd", Role: "root"}, {Email: "a@b.cd", Role: tel.RoleAdmin}, {Email: "a@b.cd", Role: tel.RoleMember},
		{Email: "a@b.cd", Role: tel.RoleOperator, Account: acme}, {Email: "a@b.cd", Role: tel.RoleAdmin, Account: acme, Password: "short"}, {Email: "a@b.cd", Role: tel.RoleAdmin, Account: acme, Name: "a\nb"},
	} {
		code(t, second(s.CreatePerson(ctx, operator, n)), tel.CodeInvalid)
	}
	code(t, second(s.CreatePerson(ctx, operator, store.NewPerson{Email: "a@b.cd", Role: tel.RoleAdmin, Account: 77})), tel.CodeNotFound)
	code(t, second(s.CreatePerson(ctx, admin, store.NewPerson{Email: "a@b.cd", Role: tel.RoleOperator})), tel.CodeNotFound) // an admin makes no operators
	code(t, second(s.CreatePerson(ctx, member, store.NewPerson{Email: "a@b.cd", Role: tel.RoleMember, Account: acme})), tel.CodeForbidden)
	p := must[*tel.Person](t)(s.CreatePerson(ctx, admin, store.NewPerson{Email: "a@b.cd", Role: tel.RoleMember, Account: acme}))
	if p.Name != "a@b.cd" {
		t.Error(p)
	}
	more := store.NewPerson{Email: "a@b.cd", Role: tel.RoleOperator}
	op := must[*tel.Person](t)(s.CreatePerson(ctx, operator, more))
	if op.ID != p.ID || op.Platform != tel.RoleOperator {
		t.Errorf("%+v", op)
	}
	more.Role, more.Account = tel.RoleAdmin, globex
	if again := must[*tel.Person](t)(s.CreatePerson(ctx, operator, more)); again.Platform != tel.RoleOperator {
		t.Errorf("%+v", again)
	}
	code(t, second(s.CreatePerson(ctx, operator, store.NewPerson{Email: "a@b.cd", Role: tel.RoleSupport})), tel.CodeConflict)
	code(t, second(s.CreatePerson(ctx, operator, store.NewPerson{Email: "a@b.cd", Password: password, Role: tel.RoleSupport, Account: initech})), tel.CodeConflict) // it would be nobody's
	checked(t, s.Store)
}
