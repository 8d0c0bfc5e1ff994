package store_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const newer = "a better passphrase"

func TestChangePassword(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "ada@acme.example", tel.RoleMember, acme)
	here := must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
	there := must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
	me := here.Actor
	link := must[string](t)(s.NewResetLink(ctx, operator, 0, me.ID))
	code(t, s.ChangePassword(ctx, me, here.Token, password, "short"), tel.CodeInvalid)
	if e := code(t, s.ChangePassword(ctx, me, here.Token, "wrong", newer), tel.CodeInvalid); e.Field != "old" {
		t.Error(e.Field)
	}
	if err := s.ChangePassword(ctx, me, here.Token, password, newer); err != nil {
		t.Fatal(err)
	}
	must[*store.Session](t)(s.Session(ctx, here.Token, ""))
	code(t, s.ResetPassword(ctx, link, password), tel.CodeSignIn) // whoever had it would have the last word
	code(t, second(s.Session(ctx, there.Token, "")), tel.CodeSignIn)
	code(t, second(s.SignIn(ctx, "ada@acme.example", password, store.Caller{})), tel.CodeSignIn)
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", newer, store.Caller{}))
	for range 5 { // a stolen session guesses
		code(t, s.ChangePassword(ctx, me, here.Token, "wrong", password), tel.CodeInvalid)
	}
	code(t, s.ChangePassword(ctx, me, here.Token, newer, password), tel.CodeSlowDown)
	checked(t, s.Store)
}

// Four passwords are hashed at once, for the memory it takes; the fifth waits.
func TestHashingWaitsItsTurn(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "ada@acme.example", tel.RoleMember, acme)
	s.TakeHashing(3)
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
	s.TakeHashing(1)
	for _, email := range []string{"ada@acme.example", "nobody@acme.example"} {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		if _, err := s.SignIn(short, email, password, store.Caller{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", email, err)
		}
		cancel()
	}
	s.FreeHashing()
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
}

func TestResetLink(t *testing.T) {
	s := storetest.Open(t)
	ada := person(t, s, "ada@acme.example", tel.RoleMember, acme)
	in := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{}))
	first := must[string](t)(s.NewResetLink(ctx, admin, acme, ada.ID))
	token := must[string](t)(s.NewResetLink(ctx, admin, acme, ada.ID))
	code(t, s.ResetPassword(ctx, first, newer), tel.CodeSignIn) // replaced
	code(t, second(s.Enter(ctx, token, store.Caller{})), tel.CodeSignIn)
	code(t, s.ResetPassword(ctx, token, "short"), tel.CodeInvalid)
	must[*store.Session](t)(s.Session(ctx, in.Token, ""))
	var done atomic.Int32
	parallel(4, func(int) {
		if s.ResetPassword(ctx, token, newer) == nil {
			done.Add(1)
		}
	})
	if done.Load() != 1 {
		t.Errorf("used %d times", done.Load())
	}
	code(t, second(s.Session(ctx, in.Token, "")), tel.CodeSignIn)
	must[*store.Session](t)(s.SignIn(ctx, ada.Email, newer, store.Caller{}))
	late := must[string](t)(s.NewResetLink(ctx, operator, 0, ada.ID))
	s.Clock.Add(24 * time.Hour)
	code(t, s.ResetPassword(ctx, late, password), tel.CodeSignIn)
	for _, p := range []*tel.Person{person(t, s, "boss@acme.example", tel.RoleAdmin, acme), person(t, s, "ada2@acme.example", tel.RoleOperator, 0)} {
		if p.Platform != "" {
			joins(t, s, p, tel.RoleMember, acme)
		}
		code(t, second(s.NewResetLink(ctx, admin, acme, p.ID)), tel.CodeConflict) // an admin takes over nobody who may more
	}
	checked(t, s.Store)
}

func TestSettings(t *testing.T) {
	s := storetest.Open(t)
	person(t, s, "ada@acme.example", tel.RoleMember, acme)
	in := must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
	for _, bad := range []store.Settings{{}, {Name: "a\nb"}, {Name: "A", Zone: "Mars/Olympus"}, {Name: "A", Zone: "../etc/passwd"}, {Name: "A", Zone: "Local"}, {Name: "A", Theme: "pink"}} {
		code(t, s.SaveSettings(ctx, in.Actor, bad), tel.CodeInvalid)
	}
	if err := s.SaveSettings(ctx, in.Actor, store.Settings{Name: "Ada L.", Zone: "Asia/Kolkata", Theme: "dark"}); err != nil {
		t.Fatal(err)
	}
	got := must[*store.Session](t)(s.Session(ctx, in.Token, ""))
	if got.Person.Name != "Ada L." || got.Person.Zone != "Asia/Kolkata" || got.Person.Theme != "dark" {
		t.Errorf("%+v", got.Person)
	}
	for _, zone := range tel.Zones() {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Error(err)
		}
	}
	code(t, s.SaveSettings(ctx, tel.System("x"), store.Settings{Name: "A"}), tel.CodeNotFound)
	checked(t, s.Store)
}

// What an admin gave out while somebody had no other place opens no place that came
// later, however it came.
func TestResetLinkEndsWithAnotherPlace(t *testing.T) {
	s := storetest.Open(t)
	for name, comes := range map[string]func(*tel.Person) error{
		"invited": func(p *tel.Person) error {
			_, err := s.Accept(ctx, as(p, tel.RoleMember, acme), invite(t, s, operator, p.Email, tel.RoleAdmin, globex), store.Passwords{Old: password, New: newer})
			return err
		},
		"to the platform": func(p *tel.Person) error {
			_, err := s.Accept(ctx, as(p, tel.RoleMember, acme), invite(t, s, operator, p.Email, tel.RoleSupport, 0), store.Passwords{Old: password, New: newer})
			return err
		},
	} {
		p := person(t, s, strings.ReplaceAll(name, " ", "-")+"@acme.example", tel.RoleMember, acme)
		token := must[string](t)(s.NewResetLink(ctx, admin, acme, p.ID))
		if err := comes(p); err != nil {
			t.Fatal(name, err)
		}
		code(t, s.ResetPassword(ctx, token, password), tel.CodeSignIn)
		must[*store.Session](t)(s.SignIn(ctx, p.Email, newer, store.Caller{}))
	}
	checked(t, s.Store)
}
