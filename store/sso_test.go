package store_test

import (
	"testing"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func TestSignInAs(t *testing.T) {
	s := storetest.Open(t)
	groups, err := tel.ParseGroupRoles("ops=operator, acme-admins=admin@9500001, acme=member@9500001, gone=member@77")
	if err != nil {
		t.Fatal(err)
	}
	enter := func(who store.Identity, in ...string) (*store.Session, error) {
		who.Issuer, who.Places = "https://login.example", groups.Places(in)
		return s.SignInAs(ctx, who, store.Caller{})
	}
	ada := store.Identity{Subject: "1", Email: "Ada@acme.example", Name: "Ada"}
	code(t, second(enter(ada)), tel.CodeSignIn)
	code(t, second(enter(ada, "gone", "others")), tel.CodeSignIn)
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM person`); n != 0 {
		t.Errorf("%d people without a place", n)
	}
	in := must[*store.Session](t)(enter(ada, "acme", "acme-admins"))
	if in.Actor.Role != tel.RoleAdmin || in.Actor.Account != acme || in.Person.Name != "Ada" {
		t.Errorf("%+v", in.Actor)
	}
	// The last admin stays, whatever the groups say; with another they follow.
	if in = must[*store.Session](t)(enter(ada, "acme")); in.Actor.Role != tel.RoleAdmin {
		t.Errorf("%+v", in.Actor)
	}
	person(t, s, "bea@acme.example", tel.RoleAdmin, acme)
	if in = must[*store.Session](t)(enter(ada, "acme")); in.Actor.Role != tel.RoleMember {
		t.Errorf("%+v", in.Actor)
	}
	// Another address and name, the same person; a role that no group speaks of stays.
	must[*tel.Person](t)(s.CreatePerson(ctx, operator, store.NewPerson{Email: "ada@acme.example", Role: tel.RoleSupport, Account: globex}))
	ada.Email, ada.Name = "ada.l@acme.example", "Ada L."
	next := must[*store.Session](t)(enter(ada, "acme"))
	if next.Person.ID != in.Person.ID || next.Person.Email != ada.Email || next.Person.Name != ada.Name || len(next.Person.Memberships) != 2 {
		t.Errorf("%+v", next.Person)
	}
	if in = must[*store.Session](t)(enter(ada)); in.Actor.Account != globex {
		t.Errorf("%+v", in.Actor)
	}
	code(t, second(s.Session(ctx, next.Token, "")), tel.CodeSignIn) // it acted for Acme
	// Somebody else there with an address that is known here is not that person.
	code(t, second(enter(store.Identity{Subject: "2", Email: ada.Email, Name: "Eve"}, "ops")), tel.CodeSignIn)
	// A person with a password is known by the address the first time.
	bob := person(t, s, "bob@globex.example", tel.RoleMember, globex)
	in = must[*store.Session](t)(enter(store.Identity{Subject: "3", Email: bob.Email}, "ops"))
	if in.Person.ID != bob.ID || in.Actor.Role != tel.RoleOperator || in.Person.Name != "N" {
		t.Errorf("%+v", in)
	}
	if in = must[*store.Session](t)(enter(store.Identity{Subject: "3", Email: bob.Email})); in.Actor.Role != tel.RoleOperator {
		t.Error("the last operator went") // stays
	}
	if got := must[*tel.Person](t)(s.Person(ctx, operator, 0, bob.ID)); !got.SSO {
		t.Errorf("%+v", got)
	}
	// The second factor that an account asks for is asked for here too.
	if err := s.RequireFactor(ctx, operator, globex, true); err != nil {
		t.Fatal(err)
	}
	if in = must[*store.Session](t)(enter(ada)); in.Step != tel.StepSetUp {
		t.Errorf("step %q", in.Step)
	}
	checked(t, s.Store)
}

// Whoever was handed the invitation for an address does not come in with the roles of
// the one whom the identity provider knows by it.
func TestFirstSignInAsEndsOldWays(t *testing.T) {
	s := storetest.Open(t)
	eve := must[*store.Session](t)(s.AcceptAsNew(ctx, invite(t, s, admin, "ceo@acme.example", tel.RoleMember, acme), store.NewPerson{Name: "Ceo", Password: password}, store.Caller{}))
	reset := must[string](t)(s.NewResetLink(ctx, admin, acme, eve.Person.ID))
	if err := s.StartFactor(ctx, eve.Actor); err != nil {
		t.Fatal(err)
	}
	ceo := store.Identity{Issuer: "https://login.example", Subject: "1", Email: "ceo@acme.example", Places: tel.Places{0: tel.RoleOperator}}
	in := must[*store.Session](t)(s.SignInAs(ctx, ceo, store.Caller{}))
	if in.Person.ID != eve.Person.ID || in.Actor.Role != tel.RoleOperator {
		t.Errorf("%+v", in.Actor)
	}
	code(t, second(s.Session(ctx, eve.Token, "")), tel.CodeSignIn)
	code(t, second(s.SignIn(ctx, ceo.Email, password, store.Caller{})), tel.CodeSignIn)
	code(t, s.ResetPassword(ctx, reset, newer), tel.CodeSignIn)
	if f := must[*store.Factor](t)(s.WaitingFactor(ctx, in.Actor)); f != nil {
		t.Error("a second factor that somebody else began waits")
	}
	// Nor does a second factor of theirs keep the person out.
	mallory, _, _ := withFactor(t, s, "cfo@acme.example")
	cfo := store.Identity{Issuer: "https://login.example", Subject: "2", Email: "cfo@acme.example", Places: tel.Places{acme: tel.RoleMember}}
	for range 2 {
		in := must[*store.Session](t)(s.SignInAs(ctx, cfo, store.Caller{}))
		if in.Person.ID != mallory.ID || in.Step != "" || !in.Person.FactorAt.IsZero() {
			t.Errorf("step %q, %+v", in.Step, in.Person)
		}
	}
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event WHERE kind = 'person.second_factor_off'`); n != 1 {
		t.Errorf("%d events", n)
	}
	// A password that an operator's link sets afterwards stays.
	if err := s.ResetPassword(ctx, must[string](t)(s.NewResetLink(ctx, operator, 0, eve.Person.ID)), newer); err != nil {
		t.Fatal(err)
	}
	must[*store.Session](t)(s.SignInAs(ctx, ceo, store.Caller{}))
	must[*store.Session](t)(s.SignIn(ctx, ceo.Email, newer, store.Caller{}))
	checked(t, s.Store)
}
