package store_test

import (
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/shelf"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func TestAccounts(t *testing.T) {
	s := storetest.Open(t)
	good := tel.Account{ID: 7, Name: " New & Co ", Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
	if err := s.CreateAccount(ctx, operator, good); err != nil {
		t.Fatal(err)
	}
	code(t, s.CreateAccount(ctx, operator, good), tel.CodeConflict)
	for _, spoil := range []func(*tel.Account){
		func(a *tel.Account) { a.Name = " " }, func(a *tel.Account) { a.Name = "a\nb" }, func(a *tel.Account) { a.ID = 0 }, func(a *tel.Account) { a.ID = -1 },
		func(a *tel.Account) { a.Policy.Window = 0 }, func(a *tel.Account) { a.Limits.MaxHeld = 0 },
	} {
		a := good
		a.ID = 8
		spoil(&a)
		code(t, s.CreateAccount(ctx, operator, a), tel.CodeInvalid)
	}
	for _, who := range []tel.Actor{admin, member, storetest.Actor(tel.RoleSupport, acme)} {
		a := good
		a.ID = 8
		code(t, s.CreateAccount(ctx, who, a), tel.CodeNotFound)
		a.ID = acme
		code(t, s.CreateAccount(ctx, who, a), tel.CodeForbidden)
	}
	good.Name, good.CreatedAt, good.Aging, good.ExpiringNotice = "New & Co", storetest.Start, tel.DefaultAging, tel.DefaultExpiringNotice
	same(t, "read back", must[*tel.Account](t)(s.Account(ctx, operator, 7)), &good)
	names := func(actor tel.Actor) (n int) { return len(must[[]*tel.Account](t)(s.Accounts(ctx, actor))) }
	if names(operator) != 4 || names(admin) != 1 || names(storetest.Actor(tel.RoleSupport, 0)) != 4 || names(tel.Actor{Role: tel.RoleMember}) != 0 {
		t.Error("lists")
	}
	checked(t, s.Store)
}

func TestSwitchAndLock(t *testing.T) {
	s := storetest.Open(t)
	r := reserve(t, s, admin, raleigh(0))
	support := storetest.Actor(tel.RoleSupport, acme)
	for _, who := range []tel.Actor{member, support} {
		code(t, second(s.SwitchReservations(ctx, who, acme, false, store.LiveEnd)), tel.CodeForbidden)
	}
	code(t, s.LockSwitch(ctx, admin, acme, true), tel.CodeForbidden)
	must[int](t)(s.SwitchReservations(ctx, admin, acme, false, store.LiveKeep))
	code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(1)))), tel.CodeReservationsOff)
	code(t, second(s.Extend(ctx, admin, r.ID)), tel.CodeReservationsOff)
	if got := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID)); got.State != tel.StateLive {
		t.Error("a hold that was to be kept ended")
	}
	if err := s.LockSwitch(ctx, operator, acme, true); err != nil {
		t.Fatal(err)
	}
	code(t, second(s.SwitchReservations(ctx, admin, acme, true, store.LiveKeep)), tel.CodeSwitchLocked)
	must[int](t)(s.SwitchReservations(ctx, operator, acme, true, store.LiveKeep))
	must[int](t)(s.SwitchReservations(ctx, operator, acme, false, store.LiveKeep))
	if n := must[int](t)(s.SwitchReservations(ctx, operator, acme, false, store.LiveEnd)); n != 1 { // off already, and now end them
		t.Errorf("%d ended", n)
	}
	if err := s.LockSwitch(ctx, operator, acme, false); err != nil {
		t.Fatal(err)
	}
	must[int](t)(s.SwitchReservations(ctx, admin, acme, true, store.LiveKeep))
	reserve(t, s, admin, raleigh(0))
	checked(t, s.Store)
}

func TestPolicyWithinLimits(t *testing.T) {
	s := storetest.Open(t)
	p := tel.DefaultPolicy()
	p.Window, p.Ceiling, p.MaxExtensions = 24*time.Hour, 72*time.Hour, 10 // to the limit
	if err := s.SetPolicy(ctx, admin, acme, p); err != nil {
		t.Fatal(err)
	}
	p.Window++
	if e := code(t, s.SetPolicy(ctx, admin, acme, p), tel.CodeInvalid); e.Field != "window" {
		t.Error(e)
	}
	if err := s.SetPolicy(ctx, operator, acme, p); err != nil { // the operator may
		t.Error(err)
	}
	p.Window = 0
	code(t, s.SetPolicy(ctx, operator, acme, p), tel.CodeInvalid)
	code(t, s.SetPolicy(ctx, member, acme, tel.DefaultPolicy()), tel.CodeForbidden)
	code(t, s.SetLimits(ctx, admin, acme, tel.DefaultLimits()), tel.CodeForbidden)
	l := tel.DefaultLimits()
	l.MaxHeld, l.CoolDown = 5, time.Minute
	if err := s.SetLimits(ctx, operator, acme, l); err != nil {
		t.Fatal(err)
	}
	code(t, s.SetPolicy(ctx, admin, acme, tel.DefaultPolicy()), tel.CodeInvalid)
	r := reserve(t, s, admin, raleigh(0))
	p = tel.DefaultPolicy()
	p.Window, p.Ceiling = time.Hour, time.Hour
	if err := s.SetPolicy(ctx, operator, acme, p); err != nil {
		t.Fatal(err)
	}
	if got := must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID)); !got.ExpiresAt.Equal(r.ExpiresAt) {
		t.Error("a new policy moved a live hold")
	}
	checked(t, s.Store)
}

// For every method that takes an id or an account: what is another account's answers
// exactly as what does not exist, whatever the asker's role.
func TestNothingCrossesAccounts(t *testing.T) {
	s := storetest.Open(t)
	ops := tel.System("test")
	for email, account := range map[string]tel.AccountID{"ada@acme.example": acme, "bob@globex.example": globex} {
		must[*tel.Person](t)(s.CreatePerson(ctx, ops, store.NewPerson{Email: email, Role: tel.RoleMember, Account: account}))
	}
	theirs := reserve(t, s, rival, raleighs(0, 2)...)
	ended := reserve(t, s, rival, raleigh(2))
	must[*tel.Reservation](t)(s.Cancel(ctx, rival, ended.ID, ""))
	const nobody, unknown = tel.AccountID(424242), "6f2c1f0e-8c56-4a37-9d0c-3f6f6f0b9a11"

	byID := map[string]func(a tel.Actor, id string) error{
		"Reservation": func(a tel.Actor, id string) error { return second(s.Reservation(ctx, a, id)) },
		"Extend":      func(a tel.Actor, id string) error { return second(s.Extend(ctx, a, id)) },
		"Drop":        func(a tel.Actor, id string) error { return second(s.Drop(ctx, a, id, raleigh(0))) },
		"Cancel":      func(a tel.Actor, id string) error { return second(s.Cancel(ctx, a, id, "x")) },
	}
	byAccount := map[string]func(a tel.Actor, id tel.AccountID) error{
		"Account": func(a tel.Actor, id tel.AccountID) error { return second(s.Account(ctx, a, id)) },
		"Reserve": func(a tel.Actor, id tel.AccountID) error { return second(s.Reserve(ctx, a, ask(id, raleigh(9)))) },
		"SwitchReservations": func(a tel.Actor, id tel.AccountID) error {
			return second(s.SwitchReservations(ctx, a, id, false, store.LiveEnd))
		},
		"LockSwitch": func(a tel.Actor, id tel.AccountID) error { return s.LockSwitch(ctx, a, id, true) },
		"SetPolicy":  func(a tel.Actor, id tel.AccountID) error { return s.SetPolicy(ctx, a, id, tel.DefaultPolicy()) },
		"SetLimits":  func(a tel.Actor, id tel.AccountID) error { return s.SetLimits(ctx, a, id, tel.DefaultLimits()) },
		"People":     func(a tel.Actor, id tel.AccountID) error { return second(s.People(ctx, a, id)) },
		"SetRole": func(a tel.Actor, id tel.AccountID) error {
			return s.SetRole(ctx, a, "bob@globex.example", id, tel.RoleAdmin)
		},
		"CreatePerson": func(a tel.Actor, id tel.AccountID) error {
			return second(s.CreatePerson(ctx, a, store.NewPerson{Email: "eve@acme.example", Password: "long enough", Role: tel.RoleAdmin, Account: id}))
		},
		"CreateAccount": func(a tel.Actor, id tel.AccountID) error {
			return s.CreateAccount(ctx, a, tel.Account{ID: id, Name: "x", Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()})
		},
		"List": func(a tel.Actor, id tel.AccountID) error { return second(s.List(ctx, a, store.ListQuery{Account: id})) },
		"ListMine": func(a tel.Actor, id tel.AccountID) error {
			return second(s.List(ctx, a, store.ListQuery{Account: id, Mine: true}))
		},
		"Each": func(a tel.Actor, id tel.AccountID) error {
			return s.Each(ctx, a, store.ListQuery{Account: id}, func(*tel.Reservation) error { t.Error("a row"); return nil })
		},
		"ActFor": func(a tel.Actor, id tel.AccountID) error { return s.ActFor(ctx, "token", a, id) },
	}
	before := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event`)
	for _, role := range []tel.Role{tel.RoleAdmin, tel.RoleSupport, tel.RoleMember} {
		a := storetest.Actor(role, acme)
		for name, call := range byID {
			for _, id := range []string{theirs.ID, ended.ID} {
				same(t, name+" by "+string(role), call(a, id), call(a, unknown))
				code(t, call(a, id), tel.CodeNotFound)
			}
		}
		for name, call := range byAccount {
			same(t, name+" by "+string(role), call(a, globex), call(a, nobody))
			if c := tel.CodeOf(call(a, globex)); c != tel.CodeNotFound && c != tel.CodeForbidden {
				t.Errorf("%s by %s: %v", name, role, c)
			}
		}
		for name, err := range map[string]error{
			"Import":  second(s.Import(ctx, a, read(t, storetest.Inventory), nil)),
			"Disable": s.Disable(ctx, a, raleigh(9)), "Enable": s.Enable(ctx, a, raleigh(9)),
			"Summary": second(s.Summary(a, shelf.ByState, tel.NewQuery())),
			"NewLink": second(s.NewEnterLink(ctx, a, "bob@globex.example", time.Hour, false)),
		} {
			if tel.CodeOf(err) != tel.CodeForbidden {
				t.Errorf("%s by %s: %v", name, role, err)
			}
		}
		if a.Can(tel.ActListReservations) {
			for _, text := range []string{"", theirs.ID, raleigh(0).Digits()} {
				for _, over := range []bool{false, true} {
					if got := must[store.Listed](t)(s.List(ctx, a, store.ListQuery{Text: text, Ended: over})); len(got.Rows) > 0 {
						t.Errorf("%q lists another account's", text)
					}
				}
			}
		} else {
			code(t, second(s.List(ctx, a, store.ListQuery{})), tel.CodeForbidden)
		}
	}
	if after := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event`); after != before {
		t.Errorf("%d events by people who may nothing", after-before)
	}
	for _, tn := range []tel.Number{raleigh(0), raleigh(2)} {
		if r := must[*store.TNReport](t)(s.LookUp(ctx, admin, tn)); r.Reservation != nil || len(r.Past) > 0 {
			t.Errorf("look-up shows another account's: %+v", r)
		}
	}
	if r := must[*store.TNReport](t)(s.LookUp(ctx, storetest.Actor(tel.RoleSupport, 0), raleigh(0))); r.Reservation == nil || r.Reservation.ID != theirs.ID {
		t.Error("support of all accounts sees all")
	}
	l := s.Listen(admin, s.Now())
	defer l.Close()
	must[*tel.Reservation](t)(s.Extend(ctx, rival, theirs.ID))
	if heard := l.Take(); heard != 0 {
		t.Errorf("heard %v of another account", heard)
	}
	must[*tel.Reservation](t)(s.Cancel(ctx, rival, theirs.ID, ""))
	if heard := l.Take(); heard != store.TopicShelf {
		t.Errorf("heard %v", heard)
	}
	reserve(t, s, member, raleigh(0))
	if heard := l.Take(); heard != store.TopicShelf|store.TopicReservations {
		t.Errorf("heard %v", heard)
	}
}
