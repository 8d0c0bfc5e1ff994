package store_test

import (
	"bytes"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// codeOf is what an app with a secret shows at the store's time.
func codeOf(t *testing.T, s *storetest.Store, secret string) string {
	t.Helper()
	return must[string](t)(totp.GenerateCode(secret, s.Now()))
}

// withFactor makes a person with a second factor, and answers its secret and the
// recovery codes.
func withFactor(t *testing.T, s *storetest.Store, email string) (actor tel.Actor, secret string, recovery []string) {
	t.Helper()
	person(t, s, email, tel.RoleMember, acme)
	in := must[*store.Session](t)(s.SignIn(ctx, email, password, store.Caller{}))
	if err := s.StartFactor(ctx, in.Actor); err != nil {
		t.Fatal(err)
	}
	f := must[*store.Factor](t)(s.WaitingFactor(ctx, in.Actor))
	recovery = must[[]string](t)(s.ConfirmFactor(ctx, in.Actor, codeOf(t, s, f.Secret)))
	s.Clock.Add(30 * time.Second)
	return in.Actor, f.Secret, recovery
}

func TestSecondFactor(t *testing.T) {
	s := storetest.Open(t)
	_, secret, recovery := withFactor(t, s, "ada@acme.example")
	begin := func() string {
		t.Helper()
		half := must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: "1.2.3.4"}))
		if half.Step != tel.StepCode {
			t.Fatalf("step %q", half.Step)
		}
		code(t, second(s.Session(ctx, half.Token, "")), tel.CodeSignIn) // half a session opens nothing
		return half.Token
	}
	try := func(token, c string) (*store.Session, error) {
		return s.SignInCode(ctx, token, c, store.Caller{Addr: "1.2.3.4"})
	}
	token := begin()
	code(t, second3(s.SignInSetUp(ctx, token, codeOf(t, s, secret), store.Caller{})), tel.CodeSignIn) // no way round
	used := codeOf(t, s, secret)
	in := must[*store.Session](t)(try(token, used[:3]+" "+used[3:]))
	if in.Token == token || in.Step != tel.StepNone {
		t.Error("the token is the one from before")
	}
	must[*store.Session](t)(s.Session(ctx, in.Token, ""))
	code(t, second(try(token, used)), tel.CodeSignIn) // the half session is over
	wrong := code(t, second(try(begin(), "000000")), tel.CodeSignIn)
	same(t, "replay", code(t, second(try(begin(), used)), tel.CodeSignIn), wrong)
	s.Clock.Add(30 * time.Second)
	same(t, "replay a step later", code(t, second(try(begin(), used)), tel.CodeSignIn), wrong)

	// The same code at once from many browsers lets one in.
	s.Clock.Add(15 * time.Minute)
	fresh := codeOf(t, s, secret)
	var let atomic.Int32
	tokens := []string{begin(), begin(), begin(), begin()}
	parallel(4, func(i int) {
		if _, err := try(tokens[i], fresh); err == nil {
			let.Add(1)
		}
	})
	if let.Load() != 1 {
		t.Errorf("one code let %d in", let.Load())
	}

	// Clocks that differ by a step.
	for _, off := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} {
		s.Clock.Add(2 * time.Minute)
		must[*store.Session](t)(try(begin(), must[string](t)(totp.GenerateCode(secret, s.Now().Add(off)))))
	}
	s.Clock.Add(2 * time.Minute)
	code(t, second(try(begin(), must[string](t)(totp.GenerateCode(secret, s.Now().Add(-time.Minute))))), tel.CodeSignIn)

	// Recovery codes, each once, however they are typed.
	if len(recovery) != store.RecoveryCodes {
		t.Fatal(recovery)
	}
	must[*store.Session](t)(try(begin(), strings.ToLower(strings.ReplaceAll(recovery[0], "-", " "))))
	code(t, second(try(begin(), recovery[0])), tel.CodeSignIn)
	if n := must[int](t)(s.RecoveryLeft(ctx, in.Actor)); n != store.RecoveryCodes-1 {
		t.Errorf("%d left", n)
	}
	// Half a session is over after a quarter of an hour.
	token = begin()
	s.Clock.Add(15 * time.Minute)
	code(t, second(try(token, codeOf(t, s, secret))), tel.CodeSignIn)
	code(t, second3(s.StepLeft(ctx, token)), tel.CodeSignIn)
	checked(t, s.Store)
}

func TestSecondFactorSlowsDown(t *testing.T) {
	s := storetest.Open(t)
	_, secret, recovery := withFactor(t, s, "ada@acme.example")
	begin := func(addr string) string {
		return must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: addr})).Token
	}
	token := begin("6.6.6.6")
	var judged atomic.Int32
	parallel(9, func(int) {
		if tel.CodeOf(second(s.SignInCode(ctx, token, "000000", store.Caller{Addr: "6.6.6.6"}))) == tel.CodeSignIn {
			judged.Add(1)
		}
	})
	if judged.Load() != 5 {
		t.Errorf("%d were judged", judged.Load())
	}
	for _, c := range []string{codeOf(t, s, secret), recovery[1]} { // not even the right one
		e := code(t, second(s.SignInCode(ctx, token, c, store.Caller{Addr: "6.6.6.6"})), tel.CodeSlowDown)
		if e.At.IsZero() {
			t.Error("no time to come back")
		}
	}
	// The right password beside it does not begin the count again.
	code(t, second(s.SignInCode(ctx, begin("6.6.6.6"), codeOf(t, s, secret), store.Caller{Addr: "6.6.6.6"})), tel.CodeSlowDown)
	// Nor do many addresses help: six digits are few.
	slow := 0
	for i := range 20 {
		addr := "7.7.7." + ref(i)
		if tel.CodeOf(second(s.SignInCode(ctx, begin(addr), "000000", store.Caller{Addr: addr}))) == tel.CodeSlowDown {
			slow++
		}
	}
	if slow != 5 {
		t.Errorf("%d of 20 were slowed down", slow)
	}
	s.Clock.Add(15*time.Minute + us)
	must[*store.Session](t)(s.SignInCode(ctx, begin("1.1.1.1"), codeOf(t, s, secret), store.Caller{Addr: "1.1.1.1"}))
}

func TestSecondFactorRequired(t *testing.T) {
	s := storetest.Open(t)
	ada := person(t, s, "ada@acme.example", tel.RoleMember, acme)
	code(t, s.RequireFactor(ctx, member, acme, true), tel.CodeForbidden)
	code(t, s.RequireFactor(ctx, rival, acme, true), tel.CodeNotFound)
	before := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{}))
	if err := s.RequireFactor(ctx, admin, acme, true); err != nil {
		t.Fatal(err)
	}
	must[*store.Session](t)(s.Session(ctx, before.Token, "")) // counts from the next sign-in on
	half := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{}))
	if half.Step != tel.StepSetUp {
		t.Fatalf("step %q", half.Step)
	}
	code(t, second(s.Session(ctx, half.Token, "")), tel.CodeSignIn)
	code(t, second(s.SignInCode(ctx, half.Token, "000000", store.Caller{})), tel.CodeSignIn)
	f := must[*store.Factor](t)(s.FactorToSetUp(ctx, half.Token))
	if e := code(t, second3(s.SignInSetUp(ctx, half.Token, "000000", store.Caller{})), tel.CodeInvalid); e.Field != "code" {
		t.Error(e)
	}
	again := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{}))
	same(t, "the picture stays", must[*store.Factor](t)(s.FactorToSetUp(ctx, again.Token)), f)
	in, recovery, err := s.SignInSetUp(ctx, half.Token, codeOf(t, s, f.Secret), store.Caller{})
	if err != nil || len(recovery) != store.RecoveryCodes {
		t.Fatal(err, recovery)
	}
	must[*store.Session](t)(s.Session(ctx, in.Token, ""))
	code(t, second(s.FactorToSetUp(ctx, again.Token)), tel.CodeSignIn) // and it is not set up twice
	code(t, second3(s.SignInSetUp(ctx, again.Token, codeOf(t, s, f.Secret), store.Caller{})), tel.CodeConflict)
	s.Clock.Add(time.Minute)
	code(t, s.DropFactor(ctx, in.Actor, codeOf(t, s, f.Secret)), tel.CodeConflict)
	if err := s.RequireFactor(ctx, operator, acme, false); err != nil {
		t.Fatal(err)
	}
	code(t, s.DropFactor(ctx, in.Actor, "000000"), tel.CodeInvalid)
	if err := s.DropFactor(ctx, in.Actor, codeOf(t, s, f.Secret)); err != nil { // the refusal did not use it up
		t.Fatal(err)
	}
	if got := must[*store.Session](t)(s.SignIn(ctx, ada.Email, password, store.Caller{})); got.Step != tel.StepNone {
		t.Errorf("step %q", got.Step)
	}
	// Who comes to work for such an account later needs one too.
	bob := person(t, s, "bob@globex.example", tel.RoleMember, globex)
	in = must[*store.Session](t)(s.SignIn(ctx, bob.Email, password, store.Caller{}))
	joins(t, s, bob, tel.RoleMember, acme)
	if err := s.RequireFactor(ctx, admin, acme, true); err != nil {
		t.Fatal(err)
	}
	code(t, s.ActFor(ctx, in.Token, in.Actor, acme), tel.CodeForbidden)
	checked(t, s.Store)
}

func TestSecondFactorLost(t *testing.T) {
	s := storetest.OpenFile(t)
	me, secret, recovery := withFactor(t, s, "ada@acme.example")
	code(t, s.ResetFactor(ctx, admin, me.ID), tel.CodeNotFound)
	codes := must[[]string](t)(s.NewRecoveryCodes(ctx, me, codeOf(t, s, secret)))
	code(t, second(s.NewRecoveryCodes(ctx, me, recovery[0])), tel.CodeInvalid) // replaced
	for _, name := range []string{s.Path, s.Path + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range codes {
			if bytes.Contains(b, []byte(c)) || bytes.Contains(b, []byte(strings.ReplaceAll(c, "-", ""))) {
				t.Error("a recovery code is in the file")
			}
		}
	}
	if err := s.ResetFactor(ctx, operator, me.ID); err != nil {
		t.Fatal(err)
	}
	code(t, s.ResetFactor(ctx, operator, me.ID), tel.CodeConflict)
	if n := count(t, file(t, s.Path), `SELECT (SELECT COUNT(*) FROM session) + (SELECT COUNT(*) FROM recovery_code) + (SELECT COUNT(*) FROM second_factor)`); n != 0 {
		t.Errorf("%d rows stay", n)
	}
	in := must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{}))
	if in.Step != tel.StepNone {
		t.Errorf("step %q", in.Step)
	}
	for _, err := range []error{second(s.ConfirmFactor(ctx, in.Actor, "000000")), second(s.ConfirmFactor(ctx, in.Actor, ""))} { // none was begun
		code(t, err, tel.CodeInvalid)
	}
	checked(t, s.Store)
}
