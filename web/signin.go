package web

import (
	"errors"
	"net/http"
	"net/url"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

func (v *visit) signInPage() error {
	if v.session != nil {
		return v.redirect("/")
	}
	return v.render(http.StatusOK, views.SignInPage(v.shell(), views.SignIn{
		Next: v.localPath(v.query("next")), SignedOut: v.query("out") != "", Ended: v.query("ended") != "", SSO: v.sso != nil,
	}))
}

func (v *visit) signIn() error {
	email := v.form("email")
	session, err := v.store.SignIn(v.r.Context(), email, v.r.PostForm.Get("password"), v.caller())
	if err == nil {
		return v.begin(session, v.localPath(v.form("next")))
	}
	e, ok := errors.AsType[*tel.Error](err)
	if !ok || e.Code != tel.CodeSignIn && e.Code != tel.CodeSlowDown {
		return err
	}
	page := views.SignIn{Email: email, Next: v.localPath(v.form("next")), Error: v.say(e), SSO: v.sso != nil}
	if e.Code == tel.CodeSlowDown {
		page.Wait = max(0, e.At.Sub(v.now))
	}
	return v.render(statusOf(e.Code), views.SignInPage(v.shell(), page))
}

// begin gives the browser its session and shows where the work begins, or the step
// that is left.
func (v *visit) begin(session *store.Session, next string) error {
	if err := v.keep(session); err != nil {
		return err
	}
	if session.Step != tel.StepNone {
		return v.redirect(v.stepAt(session.Step, next))
	}
	if next == "" {
		next = "/"
	}
	return v.redirect(next)
}

// keep gives the browser its session, and the theme that its person chose. The one
// that the browser had before ends.
func (v *visit) keep(session *store.Session) error {
	if v.session != nil {
		if err := v.store.SignOut(v.r.Context(), v.token, v.actor); err != nil {
			return err
		}
	}
	if theme := session.Person.Theme; theme != "" && session.Step == tel.StepNone {
		v.keepTheme(theme)
	}
	return v.sessions.begin(v.r, v.w, session.Token)
}

// stepAt is the page of a step of signing in.
func (v *visit) stepAt(step tel.SignInStep, next string) string {
	at := "/sign-in/second"
	if step == tel.StepSetUp {
		at += "/set-up"
	}
	return with(at, url.Values{"next": {next}})
}

func (v *visit) signOut() error {
	if err := v.store.SignOut(v.r.Context(), v.token, v.actor); err != nil {
		return err
	}
	v.sessions.forget(v.r, v.w)
	return v.redirect("/sign-in?out=1")
}

func (v *visit) setUpPage() error {
	token := v.r.PathValue("token")
	if _, err := v.store.PeekLink(v.r.Context(), store.LinkSetup, token); err != nil {
		return v.linkOver(err, true)
	}
	return v.render(http.StatusOK, views.SetUpPage(v.shell(), views.SetUp{Token: token, Left: store.SetupLife}))
}

func (v *visit) linkOver(err error, setUp bool) error {
	if tel.CodeOf(err) != tel.CodeSignIn {
		return err
	}
	return v.render(http.StatusGone, views.LinkOverPage(v.shell(), views.LinkOver{SetUp: setUp}))
}

func (v *visit) setUp() error {
	token := v.r.PathValue("token")
	n := store.NewPerson{Email: v.form("email"), Name: v.form("name"), Password: v.r.PostForm.Get("password")}
	session, err := v.store.SetUp(v.r.Context(), token, n, v.caller())
	if fields, ok := v.fieldErrors(err); ok {
		return v.render(http.StatusUnprocessableEntity, views.SetUpPage(v.shell(), views.SetUp{Token: token, Email: n.Email, Name: n.Name, Left: store.SetupLife, Errors: fields}))
	}
	if err != nil {
		return v.linkOver(err, true)
	}
	return v.begin(session, "")
}

// behindLink is whom a link is for, who is told in their own language what they do with it
// before they are signed in.
func (v *visit) behindLink(kind store.LinkKind) (*tel.Person, error) {
	p, err := v.store.PeekLink(v.r.Context(), kind, v.r.PathValue("token"))
	if err == nil && v.session == nil {
		v.speak(p.Language)
	}
	return p, err
}

func (v *visit) enterPage() error {
	token := v.r.PathValue("token")
	p, err := v.behindLink(store.LinkEnter)
	if err != nil {
		return v.linkOver(err, false)
	}
	page := views.Enter{Token: token, Name: p.Name, Role: p.Platform}
	if p.Platform == "" && len(p.Memberships) > 0 {
		page.Role, page.Account = p.Memberships[0].Role, p.Memberships[0].AccountName
	}
	return v.render(http.StatusOK, views.EnterPage(v.shell(), page))
}

func (v *visit) enter() error {
	session, err := v.store.Enter(v.r.Context(), v.r.PathValue("token"), v.caller())
	if err != nil {
		return v.linkOver(err, false)
	}
	return v.begin(session, "")
}

// actFor changes the account that the session acts for; an empty one leaves it.
func (v *visit) actFor() error {
	var account tel.AccountID
	if s := v.form("account"); s != "" {
		var err error
		if account, err = tel.ParseAccountID(s); err != nil {
			return tel.NotFound()
		}
	}
	if err := v.store.ActFor(v.r.Context(), v.token, v.actor, account); err != nil {
		return err
	}
	return v.redirect("/")
}
