package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

func (v *visit) accounts() error {
	return v.accountList(http.StatusOK, views.AccountForm{})
}

func (v *visit) accountList(status int, form views.AccountForm) error {
	if !v.actor.Can(tel.ActManageAccounts) {
		return tel.Forbidden(tel.ActManageAccounts)
	}
	list, err := v.store.Accounts(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	page := views.AccountList{Form: form}
	for _, a := range list {
		page.Accounts = append(page.Accounts, *a)
		page.Held += a.Held
	}
	return v.render(status, views.AccountsPage(v.shell(), page))
}

func (v *visit) createAccount() error {
	if !v.actor.Can(tel.ActManageAccounts) {
		return tel.Forbidden(tel.ActManageAccounts)
	}
	form := views.AccountForm{ID: v.form("id"), Name: v.form("name"), On: v.form("on") == "1"}
	id, err := tel.ParseAccountID(form.ID)
	if err != nil {
		err = tel.Invalid("id", "An account number is 1 to 12 digits.")
	} else {
		err = v.store.CreateAccount(v.r.Context(), v.actor, tel.Account{
			ID: id, Name: form.Name, ReservationsOn: form.On, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits(),
		})
	}
	if tel.CodeOf(err) == tel.CodeConflict {
		err = tel.Invalid("id", "There is an account with this number already.")
	}
	if fields, ok := v.fieldErrors(err); ok {
		form.Errors = fields
		return v.accountList(http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return v.done("/accounts/"+id.String(), ok(v.t("Account %s was created.", form.Name)))
}

// accountHere reads the account of this address, for those who may see its policy.
func (v *visit) accountHere() (*tel.Account, error) {
	id, err := tel.ParseAccountID(v.r.PathValue("account"))
	if err != nil {
		return nil, tel.NotFound()
	}
	if err := v.actor.Require(tel.ActSeePolicy, id); err != nil {
		return nil, err
	}
	return v.store.Account(v.r.Context(), v.actor, id)
}

func (v *visit) account() error {
	a, err := v.accountHere()
	if err != nil {
		return err
	}
	return v.accountPage(http.StatusOK, a, views.NewPolicyForm(a.Policy), views.NewPolicyForm(a.Limits), views.NewAgingForm(a.Aging))
}

func (v *visit) accountPage(status int, a *tel.Account, policy, limits views.PolicyForm, aging views.AgingForm) error {
	page := views.AccountDetail{Account: *a, Policy: policy, Limits: limits, Aging: aging, Operator: v.actor.Can(tel.ActLockSwitch), Acting: v.actor.Account == a.ID && v.actor.Can(tel.ActLockSwitch)}
	page.ReadOnly = !v.actor.May(tel.ActSetPolicy, a.ID)
	page.MayClients = v.actor.May(tel.ActManageClients, a.ID)
	page.MaySell = v.actor.May(tel.ActSetSelling, a.ID)
	var err error
	if v.actor.May(tel.ActListReservations, a.ID) {
		if page.Live, page.LiveMore, err = v.countLive(store.ListQuery{Account: a.ID}); err != nil {
			return err
		}
	}
	if v.actor.May(tel.ActManagePeople, a.ID) {
		people, err := v.store.People(v.r.Context(), v.actor, a.ID)
		if err != nil {
			return err
		}
		for _, p := range people {
			page.People = append(page.People, views.AccountPerson{Name: p.Name, Email: p.Email, Role: p.Memberships[0].Role})
		}
	}
	return v.render(status, views.AccountPage(v.shell(), page))
}

// switchOffPage asks what becomes of live holds.
func (v *visit) switchOffPage() error {
	a, err := v.accountHere()
	if err != nil {
		return err
	}
	if err := v.actor.Require(tel.ActSwitch, a.ID); err != nil {
		return err
	}
	return v.askSwitchOff(http.StatusOK, a, nil)
}

func (v *visit) askSwitchOff(status int, a *tel.Account, faults map[string]string) error {
	page := views.SwitchOff{Account: *a, Errors: faults}
	q := store.ListQuery{Account: a.ID}
	var err error
	if page.Live, page.LiveMore, err = v.countLive(q); err != nil {
		return err
	}
	q.Sort, q.Limit = store.SortExpiresRev, 1
	last, err := v.store.List(v.r.Context(), v.actor, q)
	if err != nil {
		return err
	}
	if len(last.Rows) > 0 {
		page.Last = last.Rows[0].ExpiresAt
	}
	return v.render(status, views.SwitchOffPage(v.shell(), page))
}

func (v *visit) switchReservations() error {
	a, err := v.accountHere()
	if err != nil {
		return err
	}
	on := v.form("on") == "1"
	live := store.LiveKeep
	switch choice := v.form("live"); {
	case on || choice == "keep":
	case choice == "end":
		live = store.LiveEnd
	default:
		if err := v.actor.Require(tel.ActSwitch, a.ID); err != nil {
			return err
		}
		return v.askSwitchOff(http.StatusUnprocessableEntity, a, map[string]string{"live": v.t("Choose what becomes of them.")})
	}
	ended, err := v.store.SwitchReservations(v.r.Context(), v.actor, a.ID, on, live)
	if err != nil {
		return v.backWith(v.back("/accounts/"+a.ID.String()), err)
	}
	text := v.t("Reservation is on for %s.", a.Name)
	if !on {
		text = v.t("Reservation is off for %s.", a.Name)
		if live == store.LiveEnd {
			text += " " + v.t("%d reservations ended.", ended)
		}
	}
	return v.done(v.back("/accounts/"+a.ID.String()), ok(text))
}

func (v *visit) lockSwitch() error {
	a, err := v.accountHere()
	if err != nil {
		return err
	}
	locked := v.form("locked") == "1"
	if err := v.store.LockSwitch(v.r.Context(), v.actor, a.ID, locked); err != nil {
		return err
	}
	text := v.t("The account's own admins may turn the switch.")
	if locked {
		text = v.t("Only operators may turn the switch now.")
	}
	return v.done(v.back("/accounts/"+a.ID.String()), ok(text))
}

// readPolicy reads a policy as typed. Every field that is wrong is told at once.
func (v *visit) readPolicy() (tel.Policy, views.PolicyForm) {
	f := views.PolicyForm{
		Window: v.form("window"), Ceiling: v.form("ceiling"), MaxExtensions: v.form("max_extensions"),
		MaxHeld: v.form("max_held"), MaxPerReservation: v.form("max_per_reservation"), CoolDown: v.form("cooldown"), MaxShare: v.form("max_share"),
		Errors: map[string]string{},
	}
	var p tel.Policy
	var err error
	note := func(field string, err error) {
		if e, ok := errors.AsType[*tel.Error](err); ok {
			f.Errors[field] = v.say(e)
		}
	}
	p.Window, err = tel.ParseDuration("window", f.Window)
	note("window", err)
	p.Ceiling, err = tel.ParseDuration("ceiling", f.Ceiling)
	note("ceiling", err)
	p.CoolDown, err = tel.ParseDuration("cooldown", f.CoolDown)
	note("cooldown", err)
	p.MaxExtensions, err = parseCount("max_extensions", f.MaxExtensions)
	note("max_extensions", err)
	p.MaxHeld, err = parseCount("max_held", f.MaxHeld)
	note("max_held", err)
	p.MaxPerReservation, err = parseCount("max_per_reservation", f.MaxPerReservation)
	note("max_per_reservation", err)
	p.MaxShare, err = parseCount("max_share", cmp.Or(f.MaxShare, "0"))
	note("max_share", err)
	return p, f
}

func parseCount(field, s string) (int, error) {
	n, err := strconv.Atoi(strings.NewReplacer(",", "", " ", "", "\u00a0", "").Replace(s))
	if err != nil || n < 0 || n > 1_000_000_000 {
		return 0, tel.Invalid(field, "%q is not a whole number.", s)
	}
	return n, nil
}

func (v *visit) setPolicy() error {
	a, err := v.accountHere()
	if err != nil {
		return err
	}
	p, form := v.readPolicy()
	if len(form.Errors) == 0 {
		err = v.store.SetPolicy(v.r.Context(), v.actor, a.ID, p)
	} else {
		err = v.actor.Require(tel.ActSetPolicy, a.ID)
	}
	if fields, ok := v.fieldErrors(err); ok {
		form.Errors = fields
	} else if err != nil {
		return err
	}
	if len(form.Errors) > 0 {
		return v.accountPage(http.StatusUnprocessableEntity, a, form, views.NewPolicyForm(a.Limits), views.NewAgingForm(a.Aging))
	}
	return v.done("/accounts/"+a.ID.String(), ok(v.t("The policy of %s was saved. It counts for reservations from now on.", a.Name)))
}

func (v *visit) setLimits() error {
	a, err := v.accountHere()
	if err != nil {
		return err
	}
	p, form := v.readPolicy()
	if len(form.Errors) == 0 {
		err = v.store.SetLimits(v.r.Context(), v.actor, a.ID, p)
	} else {
		err = v.actor.Require(tel.ActLockSwitch, a.ID)
	}
	if fields, ok := v.fieldErrors(err); ok {
		form.Errors = fields
	} else if err != nil {
		return err
	}
	if len(form.Errors) > 0 {
		return v.accountPage(http.StatusUnprocessableEntity, a, views.NewPolicyForm(a.Policy), form, views.NewAgingForm(a.Aging))
	}
	return v.done("/accounts/"+a.ID.String(), ok(v.t("The limits of %s were saved.", a.Name)))
}

// enterAccount lets an operator work for an account.
func (v *visit) enterAccount() error {
	if !v.actor.Can(tel.ActManageAccounts) {
		return tel.Forbidden(tel.ActManageAccounts)
	}
	id, err := tel.ParseAccountID(v.r.PathValue("account"))
	if err != nil {
		return tel.NotFound()
	}
	if err := v.store.ActFor(v.r.Context(), v.token, v.actor, id); err != nil {
		return err
	}
	return v.redirect("/search")
}
