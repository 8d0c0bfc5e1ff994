package web

import (
	"net/http"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// The pages of people come twice: of the whole platform (/people) for operators, and
// of one account (/accounts/{account}/people) for its admins too. peopleHere tells
// which of them an address is of; nil is everybody.
func (v *visit) peopleHere() (*tel.Account, error) {
	if v.r.PathValue("account") == "" {
		if !v.actor.Can(tel.ActManageEveryone) {
			return nil, tel.Forbidden(tel.ActManageEveryone)
		}
		return nil, nil
	}
	a, err := v.accountHere()
	if err != nil {
		return nil, err
	}
	return a, v.actor.Require(tel.ActManagePeople, a.ID)
}

// idOf is an account's number, 0 for everybody.
func idOf(a *tel.Account) tel.AccountID {
	if a == nil {
		return 0
	}
	return a.ID
}

const peoplePerPage = 50

func (v *visit) people() error {
	a, err := v.peopleHere()
	if err != nil {
		return err
	}
	return v.peopleList(http.StatusOK, a, views.InviteForm{Role: string(tel.RoleMember)}, nil)
}

func (v *visit) peopleList(status int, a *tel.Account, form views.InviteForm, link *views.HandedLink) error {
	q := store.PeopleQuery{Account: idOf(a), Text: v.query("q"), After: v.query("after"), Limit: peoplePerPage}
	list, more, err := v.store.FindPeople(v.r.Context(), v.actor, q)
	if err != nil {
		return err
	}
	page := views.People{Account: a, Rows: list, Q: q.Text, Form: form, Link: link, Operator: v.actor.Can(tel.ActManageEveryone), Self: views.PeoplePath(q.Account)}
	if more {
		page.Next = with(page.Self, v.r.URL.Query(), "after", list[len(list)-1].Email)
	}
	if q.After != "" {
		page.First = with(page.Self, v.r.URL.Query(), "after", "")
	}
	if page.Invitations, err = v.store.Invitations(v.r.Context(), v.actor, q.Account); err != nil {
		return err
	}
	if a != nil {
		if page.Required, err = v.store.FactorRequired(v.r.Context(), v.actor, a.ID); err != nil {
			return err
		}
	}
	return v.render(status, views.PeoplePage(v.shell(), page))
}

// invite answers with the link itself: behind a redirect it would have to wait in a
// cookie, an address or a table.
func (v *visit) invite() error {
	a, err := v.peopleHere()
	if err != nil {
		return err
	}
	form := views.InviteForm{Email: v.form("email"), Role: v.form("role")}
	n := store.NewInvitation{Email: form.Email, Role: tel.Role(form.Role), Account: idOf(a)}
	if a == nil {
		if form.Account = v.form("account"); form.Account != "" {
			n.Account, err = tel.ParseAccountID(form.Account)
		}
	}
	token := ""
	if err == nil {
		token, err = v.store.Invite(v.r.Context(), v.actor, n)
	}
	switch code := tel.CodeOf(err); {
	case code == tel.CodeConflict:
		err = tel.Invalid("email", "%s", err)
	case code == tel.CodeNotFound && a == nil:
		err = tel.Invalid("account", "There is no account %s.", n.Account)
	}
	if fields, ok := v.fieldErrors(err); ok {
		form.Errors = fields
		return v.peopleList(http.StatusUnprocessableEntity, a, form, nil)
	}
	if err != nil {
		return err
	}
	return v.peopleList(http.StatusOK, a, views.InviteForm{Role: string(tel.RoleMember)}, &views.HandedLink{
		Title: v.t("Invitation for %s", n.Email), Text: v.t("Whoever opens it becomes what you chose, so hand it to them alone. It works once."),
		URL: v.base() + "/invitations/" + token, Until: v.now.Add(tel.InvitationLife),
	})
}

func (v *visit) revokeInvitation() error {
	a, err := v.peopleHere()
	if err != nil {
		return err
	}
	err = v.store.RevokeInvitation(v.r.Context(), v.actor, idOf(a), v.r.PathValue("invitation"))
	if tel.CodeOf(err) == tel.CodeNotFound {
		return v.done(views.PeoplePath(idOf(a)), views.Flash{Kind: views.FlashWarn, Text: v.t("That invitation is over already.")})
	}
	if err != nil {
		return err
	}
	return v.done(views.PeoplePath(idOf(a)), ok(v.t("The invitation was taken back.")))
}

func (v *visit) requireFactor() error {
	a, err := v.peopleHere()
	if err != nil {
		return err
	}
	on := v.form("on") == "1"
	if err := v.store.RequireFactor(v.r.Context(), v.actor, a.ID, on); err != nil {
		return err
	}
	text := v.t("%s no longer asks its people for a second factor.", a.Name)
	if on {
		text = v.t("%s asks its people for a second factor, from their next sign-in on.", a.Name)
	}
	return v.done(views.PeoplePath(a.ID), ok(text))
}

// personHere reads the person of this address.
func (v *visit) personHere() (*tel.Account, *tel.Person, error) {
	a, err := v.peopleHere()
	if err != nil {
		return nil, nil, err
	}
	p, err := v.store.Person(v.r.Context(), v.actor, idOf(a), v.r.PathValue("person"))
	return a, p, err
}

func (v *visit) person() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	return v.personPage(a, p, nil)
}

func (v *visit) personPage(a *tel.Account, p *tel.Person, link *views.HandedLink) error {
	list, err := v.store.Sessions(v.r.Context(), v.actor, idOf(a), p.ID)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.PersonPage(v.shell(), views.PersonDetail{
		Account: a, Person: p, Sessions: v.sessionRows(list), Link: link, Operator: v.actor.Can(tel.ActManageEveryone),
	}))
}

// sessionRows are sessions as a table shows them; the one that asks is marked.
func (v *visit) sessionRows(list []store.SessionInfo) []views.SessionRow {
	rows := make([]views.SessionRow, len(list))
	for i, s := range list {
		rows[i] = views.SessionRow{ID: s.ID, Account: s.AccountName, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, Addr: s.Addr, Browser: s.Browser, Current: s.ID == v.session.ID}
	}
	return rows
}

// doneWith goes back to a person's page, with a refusal as a message.
func (v *visit) doneWith(a *tel.Account, p *tel.Person, err error, text string) error {
	to := views.PersonPath(idOf(a), p.ID)
	if err != nil {
		return v.backWith(to, err)
	}
	return v.done(to, ok(text))
}

func (v *visit) setRole() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	role := tel.Role(v.form("role"))
	if a == nil {
		err = v.store.SetPlatformRole(v.r.Context(), v.actor, p.Email, role)
	} else if role == "" {
		err = tel.Invalid("role", "Choose a role, or remove them.")
	} else {
		err = v.store.SetRole(v.r.Context(), v.actor, p.Email, a.ID, role)
	}
	return v.doneWith(a, p, err, v.t("The role of %s was changed. It counts from now on.", p.Name))
}

func (v *visit) removePage() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.RemovePersonPage(v.shell(), views.PersonDetail{Account: a, Person: p}))
}

func (v *visit) removePerson() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	if err := v.store.SetRole(v.r.Context(), v.actor, p.Email, a.ID, ""); err != nil {
		return v.backWith(views.PersonPath(a.ID, p.ID), err)
	}
	return v.done(views.PeoplePath(a.ID), ok(v.t("%s is no longer one of %s.", p.Name, a.Name)))
}

func (v *visit) deactivate() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	off := v.form("off") == "1"
	text := v.t("%s is back.", p.Name)
	if off {
		text = v.t("%s is deactivated. Their next request is refused.", p.Name)
	}
	return v.doneWith(a, p, v.store.Deactivate(v.r.Context(), v.actor, idOf(a), p.ID, off), text)
}

// resetLink answers with the link itself, as invite does.
func (v *visit) resetLink() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	token, err := v.store.NewResetLink(v.r.Context(), v.actor, idOf(a), p.ID)
	if err != nil {
		return v.doneWith(a, p, err, "")
	}
	return v.personPage(a, p, &views.HandedLink{
		Title: v.t("New password for %s", p.Name), Text: v.t("Whoever opens it sets the password, so hand it to them alone. It works once; links from before are over."),
		URL: v.base() + "/reset/" + token, Until: v.now.Add(tel.ResetLife),
	})
}

func (v *visit) signOutPerson() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	n, err := v.store.EndSessions(v.r.Context(), v.actor, idOf(a), p.ID, "")
	return v.doneWith(a, p, err, v.t("%d sessions of %s ended.", n, p.Name))
}

func (v *visit) endSession() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	if _, err := v.store.EndSessions(v.r.Context(), v.actor, idOf(a), p.ID, v.r.PathValue("session")); err != nil {
		return err
	}
	return v.doneWith(a, p, nil, v.t("That session is over."))
}

func (v *visit) resetFactor() error {
	a, p, err := v.personHere()
	if err != nil {
		return err
	}
	return v.doneWith(a, p, v.store.ResetFactor(v.r.Context(), v.actor, p.ID), v.t("The second factor of %s is off, and their sessions ended.", p.Name))
}

// zone is the time zone that the reader chose; nil leaves it to the browser.
func (v *visit) zone() *time.Location {
	if v.session == nil || v.session.Person.Zone == "" {
		return nil
	}
	zone, err := time.LoadLocation(v.session.Person.Zone)
	if err != nil {
		v.log.Warn("a time zone cannot be read", "zone", v.session.Person.Zone, "error", err)
		return nil
	}
	return zone
}
