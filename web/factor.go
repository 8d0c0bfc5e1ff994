package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// The second factor: at the door, and in the settings.

// picture is a factor that is being set up as its page shows it.
func picture(f *store.Factor) (*views.FactorPicture, error) {
	address := "otpauth://totp/" + url.PathEscape("tnreserve:"+f.Email) + "?" + url.Values{"secret": {f.Secret}, "issuer": {"tnreserve"}}.Encode()
	code, err := qr.Encode(address, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	var path strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	return &views.FactorPicture{Path: path.String(), Size: size, Secret: grouped(f.Secret)}, nil
}

// grouped writes a secret in groups of four, for typing.
func grouped(s string) string {
	var out []string
	for ; len(s) > 4; s = s[4:] {
		out = append(out, s[:4])
	}
	return strings.Join(append(out, s), " ")
}

func (v *visit) caller() store.Caller {
	return store.Caller{Addr: v.remoteAddr(v.r), Browser: browserName(v.r.UserAgent())}
}

// stepLeft shows the page only to whom that step is left, in their language.
func (v *visit) stepLeft(step tel.SignInStep) error {
	left, language, err := v.store.StepLeft(v.r.Context(), v.token)
	if err == nil && left != step {
		err = tel.Refuse(tel.CodeSignIn, "Please sign in.")
	}
	if err == nil {
		v.speak(language)
	}
	return err
}

func (v *visit) codePage() error {
	if err := v.stepLeft(tel.StepCode); err != nil {
		return v.startAgain(err)
	}
	return v.render(http.StatusOK, views.CodePage(v.shell(), views.Code{Next: v.localPath(v.query("next"))}))
}

// startAgain leads back to the beginning of signing in.
func (v *visit) startAgain(err error) error {
	if tel.CodeOf(err) != tel.CodeSignIn {
		return err
	}
	if v.session != nil {
		return v.redirect("/")
	}
	return v.redirect("/sign-in?ended=1")
}

func (v *visit) signInCode() error {
	if err := v.stepLeft(tel.StepCode); err != nil {
		return v.startAgain(err)
	}
	next := v.localPath(v.form("next"))
	session, err := v.store.SignInCode(v.r.Context(), v.token, v.form("code"), v.caller())
	if err == nil {
		return v.begin(session, next)
	}
	page := views.Code{Next: next}
	status, text, ok := v.doorFault(err)
	if !ok {
		return err
	}
	page.Wait, page.Error = text.wait, text.words
	return v.render(status, views.CodePage(v.shell(), page))
}

func (v *visit) factorSetUpPage() error {
	if err := v.stepLeft(tel.StepSetUp); err != nil {
		return v.startAgain(err)
	}
	return v.askFactor(http.StatusOK, views.Code{Next: v.localPath(v.query("next"))})
}

func (v *visit) askFactor(status int, page views.Code) error {
	f, err := v.store.FactorToSetUp(v.r.Context(), v.token)
	if err != nil {
		return v.startAgain(err)
	}
	if page.Picture, err = picture(f); err != nil {
		return err
	}
	return v.render(status, views.FactorSetUpPage(v.shell(), page))
}

// factorSetUp answers with the recovery codes themselves, which are shown this once.
func (v *visit) factorSetUp() error {
	if err := v.stepLeft(tel.StepSetUp); err != nil {
		return v.startAgain(err)
	}
	next := v.localPath(v.form("next"))
	session, codes, err := v.store.SignInSetUp(v.r.Context(), v.token, v.form("code"), v.caller())
	if err == nil {
		if err := v.keep(session); err != nil {
			return err
		}
		if next == "" {
			next = "/"
		}
		return v.render(http.StatusOK, views.DoorCodesPage(v.shell(), views.RecoveryCodes{Codes: codes, Next: next}))
	}
	page := views.Code{Next: next}
	status, text, ok := v.doorFault(err)
	if !ok {
		return err
	}
	page.Wait, page.Error = text.wait, text.words
	return v.askFactor(status, page)
}

func (v *visit) factor() error { return v.factorPage(http.StatusOK, nil) }

func (v *visit) factorPage(status int, faults map[string]string) error {
	p, err := v.store.Self(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	page := views.FactorSettings{Since: p.FactorAt, Errors: faults}
	if page.Left, err = v.store.RecoveryLeft(v.r.Context(), v.actor); err != nil {
		return err
	}
	f, err := v.store.WaitingFactor(v.r.Context(), v.actor)
	if err == nil && f != nil {
		page.Picture, err = picture(f)
	}
	if err != nil {
		return err
	}
	return v.render(status, views.FactorPage(v.shell(), page))
}

const factorAt = "/settings/second-factor"

func (v *visit) startFactor() error {
	if err := v.store.StartFactor(v.r.Context(), v.actor); err != nil {
		return v.backWith(factorAt, err)
	}
	return v.redirect(factorAt)
}

func (v *visit) confirmFactor() error {
	codes, err := v.store.ConfirmFactor(v.r.Context(), v.actor, v.form("code"))
	return v.afterCode("code", err, func() error { return v.showCodes(codes) })
}

func (v *visit) newCodes() error {
	codes, err := v.store.NewRecoveryCodes(v.r.Context(), v.actor, v.form("code"))
	return v.afterCode("codes", err, func() error { return v.showCodes(codes) })
}

func (v *visit) showCodes(codes []string) error {
	return v.render(http.StatusOK, views.CodesPage(v.shell(), views.RecoveryCodes{Codes: codes, Next: "/settings"}))
}

func (v *visit) dropFactor() error {
	err := v.store.DropFactor(v.r.Context(), v.actor, v.form("code"))
	return v.afterCode("off", err, func() error { return v.done("/settings", ok(v.t("Your second factor is off."))) })
}

// afterCode shows what is wrong with a code at its own form.
func (v *visit) afterCode(form string, err error, then func() error) error {
	if fields, ok := v.fieldErrors(err); ok {
		return v.factorPage(http.StatusUnprocessableEntity, map[string]string{form: fields["code"]})
	}
	if err != nil {
		return v.backWith(factorAt, err)
	}
	return then()
}

// fault is what a page of the door says of a refusal.
type fault struct {
	words string
	wait  time.Duration
}

// doorFault is a refusal that a page of the door shows beside its form.
func (v *visit) doorFault(err error) (status int, f fault, ok bool) {
	e, ok := errors.AsType[*tel.Error](err)
	if !ok || e.Code != tel.CodeSignIn && e.Code != tel.CodeSlowDown && e.Code != tel.CodeInvalid {
		return 0, f, false
	}
	f.words = v.say(e)
	if e.Code == tel.CodeSlowDown {
		f.wait = max(0, e.At.Sub(v.now))
	}
	return statusOf(e.Code), f, true
}
