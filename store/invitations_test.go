package store_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// as is the actor of a person in a role that they have.
func as(p *tel.Person, role tel.Role, account tel.AccountID) tel.Actor {
	return tel.Actor{Kind: tel.KindPerson, ID: p.ID, Name: p.Email, Role: role, Account: account, Door: "test"}
}

func invite(t *testing.T, s *storetest.Store, by tel.Actor, email string, role tel.Role, account tel.AccountID) string {
	t.Helper()
	return must[string](t)(s.Invite(ctx, by, store.NewInvitation{Email: email, Role: role, Account: account}))
}

// joins gives somebody a place more and leaves them the password they had.
func joins(t *testing.T, s *storetest.Store, p *tel.Person, role tel.Role, account tel.AccountID) {
	t.Helper()
	self := tel.Actor{Kind: tel.KindPerson, ID: p.ID}
	must[*tel.Invitation](t)(s.Accept(ctx, self, invite(t, s, tel.System("test"), p.Email, role, account), store.Passwords{Old: password, New: newer}))
	if err := s.ChangePassword(ctx, self, "", newer, password); err != nil {
		t.Fatal(err)
	}
}

func TestInvitationOfSomebodyNew(t *testing.T) {
	s := storetest.Open(t)
	token := invite(t, s, admin, " Ada@acme.example", tel.RoleMember, acme)
	i := must[*tel.Invitation](t)(s.PeekInvitation(ctx, token))
	if i.Email != "ada@acme.example" || i.Role != tel.RoleMember || i.AccountName != "Acme Tel" || i.CreatedBy != admin.Name || !i.ExpiresAt.Equal(s.Now().Add(7*24*time.Hour)) {
		t.Errorf("%+v", i)
	}
	for _, bad := range []store.NewPerson{{Name: "Ada"}, {Name: "Ada", Password: "short"}, {Name: "A\nda", Password: password}} {
		code(t, second(s.AcceptAsNew(ctx, token, bad, store.Caller{})), tel.CodeInvalid)
	}
	var in atomic.Pointer[store.Session]
	var times atomic.Int32
	parallel(6, func(int) {
		// Role and account are the invitation's, whatever is sent along.
		got, err := s.AcceptAsNew(ctx, token, store.NewPerson{Name: "Ada", Email: "eve@example.com", Password: password, Role: tel.RoleOperator}, store.Caller{})
		if err == nil {
			times.Add(1)
			in.Store(got)
		} else if tel.CodeOf(err) != tel.CodeSignIn {
			t.Error(err)
		}
	})
	if times.Load() != 1 {
		t.Fatalf("accepted %d times", times.Load())
	}
	if a := in.Load().Actor; a.Role != tel.RoleMember || a.Account != acme || a.Name != "ada@acme.example" {
		t.Errorf("%+v", a)
	}
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
	code(t, second(s.PeekInvitation(ctx, token)), tel.CodeSignIn)
	checked(t, s.Store)
}

func TestInvitationOfSomebodyKnown(t *testing.T) {
	s := storetest.Open(t)
	ada := person(t, s, "ada@acme.example", tel.RoleAdmin, globex)
	bob := person(t, s, "bob@acme.example", tel.RoleMember, globex)
	token := invite(t, s, admin, ada.Email, tel.RoleMember, acme)
	code(t, second(s.AcceptAsNew(ctx, token, store.NewPerson{Name: "Eve", Password: "another password"}, store.Caller{})), tel.CodeConflict)
	own := store.Passwords{Old: password, New: newer}
	code(t, second(s.Accept(ctx, as(bob, tel.RoleMember, globex), token, own)), tel.CodeForbidden)
	for _, bad := range []store.Passwords{{}, {Old: password}, {New: newer}, {Old: "wrong password", New: newer}, {Old: password, New: "short"}, {Old: password, New: password}} {
		code(t, second(s.Accept(ctx, as(ada, tel.RoleAdmin, globex), token, bad)), tel.CodeInvalid)
	}
	if got := must[*tel.Person](t)(s.Person(ctx, operator, 0, ada.ID)); len(got.Memberships) != 1 {
		t.Error("a role before it was accepted")
	}
	must[*tel.Invitation](t)(s.Accept(ctx, as(ada, tel.RoleAdmin, globex), token, own))
	code(t, second(s.Accept(ctx, as(ada, tel.RoleAdmin, globex), token, own)), tel.CodeSignIn)
	got := must[*tel.Person](t)(s.Person(ctx, operator, 0, ada.ID))
	if len(got.Memberships) != 2 || got.Memberships[0].Role != tel.RoleMember || got.Memberships[0].Account != acme {
		t.Errorf("%+v", got.Memberships)
	}
	must[*store.Session](t)(s.SignIn(ctx, ada.Email, newer, store.Caller{}))
	code(t, second(s.SignIn(ctx, ada.Email, password, store.Caller{})), tel.CodeSignIn)
	code(t, second(s.Invite(ctx, admin, store.NewInvitation{Email: ada.Email, Role: tel.RoleAdmin, Account: acme})), tel.CodeConflict)

	// To the platform.
	op := invite(t, s, operator, bob.Email, tel.RoleOperator, 0)
	must[*tel.Invitation](t)(s.Accept(ctx, as(bob, tel.RoleMember, globex), op, own))
	if got := must[*tel.Person](t)(s.Person(ctx, operator, 0, bob.ID)); got.Platform != tel.RoleOperator {
		t.Errorf("%+v", got)
	}
	checked(t, s.Store)
}

// The answer to an admin who invites is the same whoever the address belongs to, and so
// are the link and what the list says.
func TestInvitingTellsNothing(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "known@globex.example", tel.RoleAdmin, globex)
	person(t, s, "ops@carrier.example", tel.RoleOperator, 0)
	var seen []tel.Invitation
	for _, email := range []string{"known@globex.example", "ops@carrier.example", "unknown@globex.example"} {
		i := must[*tel.Invitation](t)(s.PeekInvitation(ctx, invite(t, s, admin, email, tel.RoleMember, acme)))
		i.ID, i.Email = "", ""
		seen = append(seen, *i)
	}
	same(t, "known and unknown", seen[0], seen[2])
	same(t, "operator and unknown", seen[1], seen[2])
	if list, _, _ := s.FindPeople(ctx, admin, store.PeopleQuery{Account: acme}); len(list) != 0 {
		t.Errorf("the list of people tells: %+v", list)
	}
}

func TestInvitationsEnd(t *testing.T) {
	s := storetest.Open(t)
	first := invite(t, s, admin, "ada@acme.example", tel.RoleMember, acme)
	next := invite(t, s, admin, "ada@acme.example", tel.RoleAdmin, acme) // replaces it
	code(t, second(s.PeekInvitation(ctx, first)), tel.CodeSignIn)
	elsewhere := invite(t, s, rival, "ada@acme.example", tel.RoleMember, globex)
	list := must[[]*tel.Invitation](t)(s.Invitations(ctx, admin, acme))
	if len(list) != 1 || list[0].Role != tel.RoleAdmin {
		t.Fatalf("%+v", list)
	}
	code(t, s.RevokeInvitation(ctx, rival, acme, list[0].ID), tel.CodeNotFound)
	code(t, s.RevokeInvitation(ctx, rival, globex, list[0].ID), tel.CodeNotFound)
	if err := s.RevokeInvitation(ctx, admin, acme, list[0].ID); err != nil {
		t.Fatal(err)
	}
	code(t, second(s.PeekInvitation(ctx, next)), tel.CodeSignIn)
	s.Clock.Add(7*24*time.Hour - us)
	must[*tel.Invitation](t)(s.PeekInvitation(ctx, elsewhere))
	s.Clock.Add(us)
	code(t, second(s.PeekInvitation(ctx, elsewhere)), tel.CodeSignIn)
	code(t, second(s.AcceptAsNew(ctx, elsewhere, store.NewPerson{Name: "Ada", Password: password}, store.Caller{})), tel.CodeSignIn)
	s.Clock.Add(us)
	must[store.Swept](t)(s.Sweep(ctx))
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM invitation`); n != 0 {
		t.Errorf("%d old invitations", n)
	}
	for _, n := range []store.NewInvitation{{Email: "x", Role: tel.RoleMember, Account: acme}, {Email: "a@b.cd", Role: "root", Account: acme}, {Email: "a@b.cd", Role: tel.RoleOperator, Account: acme}, {Email: "a@b.cd", Account: acme}} {
		code(t, second(s.Invite(ctx, admin, n)), tel.CodeInvalid)
	}
	code(t, second(s.Invite(ctx, admin, store.NewInvitation{Email: "a@b.cd", Role: tel.RoleOperator})), tel.CodeNotFound)
	code(t, second(s.Invite(ctx, member, store.NewInvitation{Email: "a@b.cd", Role: tel.RoleMember, Account: acme})), tel.CodeForbidden)
	program := admin
	program.Kind = tel.KindClient
	code(t, second(s.Invite(ctx, program, store.NewInvitation{Email: "a@b.cd", Role: tel.RoleMember, Account: acme})), tel.CodeForbidden)
	checked(t, s.Store)
}

// What one account's admin knows of somebody opens no other place: not by being there
// already, nor by a link or a session from before.
func TestOneAdminsPasswordOpensNoOtherPlace(t *testing.T) {
	s := storetest.Open(t)
	token := invite(t, s, rival, "ada@example.com", tel.RoleMember, globex)
	known := must[*store.Session](t)(s.AcceptAsNew(ctx, token, store.NewPerson{Name: "Ada", Password: password}, store.Caller{})) // by Globex's admin
	ada := &known.Person
	own := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{}))

	e := code(t, second(s.CreatePerson(ctx, admin, store.NewPerson{Email: ada.Email, Role: tel.RoleMember, Account: acme})), tel.CodeConflict)
	if strings.Contains(e.Message, "password") {
		t.Errorf("an account's admin is told who signs in elsewhere: %s", e)
	}
	program := admin
	program.Kind = tel.KindClient
	code(t, second(s.CreatePerson(ctx, program, store.NewPerson{Email: "new@acme.example", Role: tel.RoleMember, Account: acme})), tel.CodeForbidden)
	code(t, second(s.CreatePerson(ctx, tel.System("cli"), store.NewPerson{Email: ada.Email, Password: newer, Role: tel.RoleMember, Account: acme})), tel.CodeConflict)
	code(t, s.SetPlatformRole(ctx, operator, ada.Email, tel.RoleSupport), tel.CodeConflict)

	must[*tel.Invitation](t)(s.Accept(ctx, own.Actor, invite(t, s, admin, ada.Email, tel.RoleAdmin, acme), store.Passwords{Session: own.Token, Old: password, New: newer}))
	code(t, second(s.Session(ctx, known.Token, "")), tel.CodeSignIn)
	code(t, second(s.SignIn(ctx, ada.Email, password, store.Caller{})), tel.CodeSignIn)
	must[*store.Session](t)(s.Session(ctx, own.Token, ""))
	must[*store.Session](t)(s.SignIn(ctx, ada.Email, newer, store.Caller{}))
	code(t, second(s.NewResetLink(ctx, rival, globex, ada.ID)), tel.CodeConflict)
	checked(t, s.Store)
}
