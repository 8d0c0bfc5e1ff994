package store_test

import (
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// The last operator and the last admin stay, whoever asks and by whatever way.
func TestTheLastStay(t *testing.T) {
	s := storetest.Open(t)
	op := person(t, s, "op@example.com", tel.RoleOperator, 0)
	ada := person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	for what, err := range map[string]error{
		"demote":                s.SetRole(ctx, operator, ada.Email, acme, tel.RoleMember),
		"remove":                s.SetRole(ctx, operator, ada.Email, acme, ""),
		"themselves":            s.SetRole(ctx, as(ada, tel.RoleAdmin, acme), ada.Email, acme, ""),
		"deactivate here":       s.Deactivate(ctx, as(ada, tel.RoleAdmin, acme), acme, ada.ID, true),
		"deactivate everywhere": s.Deactivate(ctx, operator, 0, ada.ID, true),
		"operator to nothing":   s.SetPlatformRole(ctx, tel.System("cli"), op.Email, ""),
		"operator to support":   s.SetPlatformRole(ctx, operator, op.Email, tel.RoleSupport),
		"operator off":          s.Deactivate(ctx, operator, 0, op.ID, true),
	} {
		if tel.CodeOf(err) != tel.CodeConflict {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A deactivated admin is none: neither one to fall back on nor one to keep.
	bea := person(t, s, "bea@acme.example", tel.RoleAdmin, acme)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(s.Deactivate(ctx, admin, acme, bea.ID, true))
	code(t, s.SetRole(ctx, operator, ada.Email, acme, ""), tel.CodeConflict)
	ok(s.SetRole(ctx, operator, bea.Email, acme, tel.RoleMember))
	ok(s.SetRole(ctx, operator, bea.Email, acme, tel.RoleAdmin))
	ok(s.Deactivate(ctx, admin, acme, bea.ID, false))
	ok(s.Deactivate(ctx, operator, 0, bea.ID, true))
	code(t, s.SetRole(ctx, operator, ada.Email, acme, ""), tel.CodeConflict)
	ok(s.Deactivate(ctx, operator, 0, bea.ID, false))
	ok(s.SetRole(ctx, operator, ada.Email, acme, ""))
	checked(t, s.Store)
}

func TestTheLastStayInARace(t *testing.T) {
	s := storetest.Open(t)
	a, b := person(t, s, "a@example.com", tel.RoleAdmin, acme), person(t, s, "b@example.com", tel.RoleAdmin, acme)
	for _, email := range []string{"c@example.com", "d@example.com"} {
		must[*tel.Person](t)(s.CreatePerson(ctx, tel.System("test"), store.NewPerson{Email: email, Role: tel.RoleOperator}))
	}
	back := func() {
		for _, p := range []*tel.Person{a, b} {
			s.Deactivate(ctx, operator, acme, p.ID, false)
			s.SetRole(ctx, operator, p.Email, acme, tel.RoleAdmin)
		}
		for _, email := range []string{"c@example.com", "d@example.com"} {
			s.SetPlatformRole(ctx, operator, email, tel.RoleOperator)
		}
	}
	ways := []func(i int) error{
		func(i int) error { return s.SetRole(ctx, operator, []*tel.Person{a, b}[i].Email, acme, tel.RoleMember) },
		func(i int) error { return s.Deactivate(ctx, operator, acme, []*tel.Person{a, b}[i].ID, true) },
		func(i int) error {
			return s.SetPlatformRole(ctx, operator, []string{"c@example.com", "d@example.com"}[i], "")
		},
	}
	for round := range 10 {
		for way, fn := range ways {
			back()
			var done atomic.Int32
			together(t, s, 2, func(i int) {
				if fn(i) == nil {
					done.Add(1)
				}
			})
			if done.Load() != 1 {
				t.Fatalf("round %d, way %d: %d of 2 went", round, way, done.Load())
			}
		}
	}
	checked(t, s.Store)
}

func TestDeactivated(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "op@example.com", tel.RoleOperator, 0)
	ada := person(t, s, "ada@acme.example", tel.RoleMember, acme)
	joins(t, s, ada, tel.RoleMember, globex)
	in := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{}))
	link := must[string](t)(s.NewEnterLink(ctx, tel.System("demo"), ada.Email, time.Hour, false))
	reset := must[string](t)(s.NewResetLink(ctx, operator, 0, ada.ID))
	if err := s.Deactivate(ctx, admin, acme, ada.ID, true); err != nil {
		t.Fatal(err)
	}
	code(t, second(s.Session(ctx, in.Token, "")), tel.CodeSignIn)
	code(t, s.ActFor(ctx, in.Token, in.Actor, acme), tel.CodeNotFound)
	if got := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{})); got.Actor.Account != globex {
		t.Errorf("%+v", got.Actor) // still somebody elsewhere
	}
	if err := s.Deactivate(ctx, operator, 0, ada.ID, true); err != nil {
		t.Fatal(err)
	}
	_, unknown := s.SignIn(ctx, "nobody@acme.example", password, store.Caller{})
	same(t, "deactivated and unknown", second(s.SignIn(ctx, ada.Email, password, store.Caller{})), unknown)
	for _, err := range []error{second(s.Enter(ctx, link, store.Caller{})), s.ResetPassword(ctx, reset, password), second(s.SignInAs(ctx, store.Identity{Issuer: "i", Subject: "s", Email: ada.Email}, store.Caller{}))} {
		code(t, err, tel.CodeSignIn)
	}
	code(t, second(s.NewResetLink(ctx, operator, 0, ada.ID)), tel.CodeConflict)
	if err := s.Deactivate(ctx, operator, 0, ada.ID, false); err != nil {
		t.Fatal(err)
	}
	must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{}))
	checked(t, s.Store)
}

// What an admin sees and changes ends at the account, and so does what a program may.
func TestPeopleOfOthers(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "op@example.com", tel.RoleOperator, 0)
	bob := person(t, s, "bob@globex.example", tel.RoleMember, globex)
	both := person(t, s, "both@example.com", tel.RoleMember, globex)
	joins(t, s, both, tel.RoleMember, acme)
	mine := person(t, s, "mine@acme.example", tel.RoleMember, acme)
	in := must[*store.Session](t)(s.SignIn(ctx, both.Email, password, store.Caller{Addr: "1.2.3.4", Browser: "Firefox on Linux"})) // acts for Acme
	there := must[*store.Session](t)(s.SignIn(ctx, both.Email, password, store.Caller{}))
	if err := s.ActFor(ctx, there.Token, there.Actor, globex); err != nil {
		t.Fatal(err)
	}
	const unknown = "6f2c1f0e-8c56-4a37-9d0c-3f6f6f0b9a11"
	for name, call := range map[string]func(a tel.Actor, account tel.AccountID, id string) error{
		"Person":       func(a tel.Actor, c tel.AccountID, id string) error { return second(s.Person(ctx, a, c, id)) },
		"Deactivate":   func(a tel.Actor, c tel.AccountID, id string) error { return s.Deactivate(ctx, a, c, id, true) },
		"NewResetLink": func(a tel.Actor, c tel.AccountID, id string) error { return second(s.NewResetLink(ctx, a, c, id)) },
		"Sessions":     func(a tel.Actor, c tel.AccountID, id string) error { return second(s.Sessions(ctx, a, c, id)) },
		"EndSessions": func(a tel.Actor, c tel.AccountID, id string) error {
			return second(s.EndSessions(ctx, a, c, id, ""))
		},
		"ResetFactor": func(a tel.Actor, _ tel.AccountID, id string) error { return s.ResetFactor(ctx, a, id) },
	} {
		for _, account := range []tel.AccountID{acme, globex, 0} {
			same(t, name, call(admin, account, bob.ID), call(admin, account, unknown))
			code(t, call(admin, account, bob.ID), tel.CodeNotFound)
		}
		code(t, call(member, acme, mine.ID), map[bool]tel.Code{true: tel.CodeNotFound, false: tel.CodeForbidden}[name == "ResetFactor"])
		program := admin
		program.Kind = tel.KindClient
		if c := tel.CodeOf(call(program, acme, mine.ID)); c != tel.CodeForbidden && c != tel.CodeNotFound {
			t.Errorf("%s by a program: %q", name, c)
		}
	}
	got := must[*tel.Person](t)(s.Person(ctx, admin, acme, both.ID))
	if len(got.Memberships) != 1 || got.Memberships[0].Account != acme || got.Platform != "" {
		t.Errorf("an admin sees %+v", got)
	}
	list := must[[]store.SessionInfo](t)(s.Sessions(ctx, admin, acme, both.ID))
	if len(list) != 1 || list[0].ID != in.ID || list[0].Addr != "1.2.3.4" || list[0].Browser != "Firefox on Linux" {
		t.Errorf("an admin sees the sessions %+v", list)
	}
	if n := must[int](t)(s.EndSessions(ctx, admin, acme, both.ID, "")); n != 1 {
		t.Errorf("%d sessions ended", n)
	}
	code(t, second(s.Session(ctx, in.Token, "")), tel.CodeSignIn)
	must[*store.Session](t)(s.Session(ctx, there.Token, "")) // not the account's
	if all := must[[]store.SessionInfo](t)(s.Sessions(ctx, operator, 0, both.ID)); len(all) != 1 || all[0].ID != there.ID {
		t.Errorf("an operator sees the sessions %+v", all)
	}
	// A link for a new password would open the other account too.
	code(t, second(s.NewResetLink(ctx, admin, acme, both.ID)), tel.CodeConflict)
	must[string](t)(s.NewResetLink(ctx, admin, acme, mine.ID))
	must[string](t)(s.NewResetLink(ctx, operator, 0, both.ID))
	checked(t, s.Store)
}

func TestFindPeople(t *testing.T) {
	s := storetest.Open(t)
	for _, email := range []string{"a@x.example", "b_c@x.example", "bxc@x.example", "c%@x.example", "d@y.example"} {
		person(t, s, email, tel.RoleMember, acme)
	}
	person(t, s, "e@y.example", tel.RoleMember, globex)
	find := func(a tel.Actor, q store.PeopleQuery) (emails []string, more bool) {
		t.Helper()
		list, more, err := s.FindPeople(ctx, a, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			emails = append(emails, p.Email)
		}
		return emails, more
	}
	for text, want := range map[string][]string{"B_C": {"b_c@x.example"}, "%": {"c%@x.example"}, "Y.example": {"d@y.example"}, `\`: nil, "'; --": nil, "n": {"a@x.example", "b_c@x.example", "bxc@x.example", "c%@x.example", "d@y.example"}} {
		got, _ := find(admin, store.PeopleQuery{Account: acme, Text: text})
		same(t, text, got, want)
	}
	got, more := find(operator, store.PeopleQuery{Limit: 4})
	same(t, "first page", got, []string{"a@x.example", "b_c@x.example", "bxc@x.example", "c%@x.example"})
	rest, last := find(operator, store.PeopleQuery{Limit: 4, After: got[3]})
	same(t, "second page", rest, []string{"d@y.example", "e@y.example"})
	if !more || last {
		t.Error(more, last)
	}
	code(t, second3(s.FindPeople(ctx, admin, store.PeopleQuery{})), tel.CodeNotFound)
	code(t, second3(s.FindPeople(ctx, admin, store.PeopleQuery{Account: globex})), tel.CodeNotFound)
}

func second3[A, B any](_ A, _ B, err error) error { return err }
