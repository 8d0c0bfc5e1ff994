package web

import (
	"net/http"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

func (v *visit) invitation() error {
	return v.showInvitation(http.StatusOK, views.Invitation{})
}

// showInvitation tells nothing of whether somebody signs in with the address already, not
// by its language either: who made the link may look at it too.
func (v *visit) showInvitation(status int, page views.Invitation) error {
	page.Token = v.r.PathValue("token")
	i, err := v.store.PeekInvitation(v.r.Context(), page.Token)
	if err != nil {
		return v.linkOver(err, false)
	}
	page.Email, page.Role, page.Account, page.Until = i.Email, i.Role, i.AccountName, i.ExpiresAt
	if v.session != nil {
		page.SignedInAs, page.HasPassword = v.session.Person.Email, v.session.Person.HasPassword
	}
	return v.render(status, views.InvitationPage(v.shell(), page))
}

func (v *visit) acceptAsNew() error {
	n := store.NewPerson{Name: v.form("name"), Password: v.r.PostForm.Get("password")}
	session, err := v.store.AcceptAsNew(v.r.Context(), v.r.PathValue("token"), n, v.caller())
	if err == nil {
		return v.begin(session, "")
	}
	page := views.Invitation{Name: n.Name}
	if fields, ok := v.fieldErrors(err); ok {
		page.Errors = fields
		return v.showInvitation(http.StatusUnprocessableEntity, page)
	}
	if tel.CodeOf(err) == tel.CodeConflict {
		page.Error = v.fault(err)
		return v.showInvitation(http.StatusConflict, page)
	}
	return v.linkOver(err, false)
}

// acceptInvitation is for somebody who is signed in; they go on in the new place.
func (v *visit) acceptInvitation() error {
	own := store.Passwords{Session: v.token, Old: v.r.PostForm.Get("old"), New: v.r.PostForm.Get("password")}
	i, err := v.store.Accept(v.r.Context(), v.actor, v.r.PathValue("token"), own)
	if fields, ok := v.fieldErrors(err); ok {
		return v.showInvitation(http.StatusUnprocessableEntity, views.Invitation{Errors: fields})
	}
	if tel.CodeOf(err) == tel.CodeSignIn {
		return v.linkOver(err, false)
	}
	if err != nil {
		return v.backWith("/", err)
	}
	if err := v.store.ActFor(v.r.Context(), v.token, v.actor, i.Account); tel.CodeOf(err) == tel.CodeForbidden {
		return v.done(factorAt, views.Flash{Kind: views.FlashWarn, Text: v.fault(err)})
	} else if err != nil { // no error's page: it would say that nothing was done
		return v.done("/", views.Flash{Kind: views.FlashWarn, Text: v.t("The invitation is accepted, but you are not there yet: %s", v.why(err))})
	}
	return v.done("/", ok(v.t("Welcome: you are %s now.", v.t(string(i.Role)))))
}

func (v *visit) resetPage() error {
	return v.showReset(http.StatusOK, nil)
}

func (v *visit) showReset(status int, faults map[string]string) error {
	p, err := v.behindLink(store.LinkReset)
	if err != nil {
		return v.linkOver(err, false)
	}
	return v.render(status, views.ResetPage(v.shell(), views.Reset{Token: v.r.PathValue("token"), Email: p.Email, Errors: faults}))
}

func (v *visit) resetPassword() error {
	if _, err := v.behindLink(store.LinkReset); err != nil {
		return v.linkOver(err, false)
	}
	err := v.store.ResetPassword(v.r.Context(), v.r.PathValue("token"), v.r.PostForm.Get("password"))
	if fields, ok := v.fieldErrors(err); ok {
		return v.showReset(http.StatusUnprocessableEntity, fields)
	}
	if err != nil {
		return v.linkOver(err, false)
	}
	return v.done("/sign-in", ok(v.t("Your password was changed. Sign in with it.")))
}
