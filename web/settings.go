package web

import (
	"net/http"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/views/texts"
)

func (v *visit) settings() error {
	p, err := v.store.Self(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.settingsPage(http.StatusOK, views.Settings{Name: p.Name, Zone: p.Zone, Theme: p.Theme, Language: p.Language, Keys: !v.keysOff()})
}

func (v *visit) settingsPage(status int, page views.Settings) error {
	p, err := v.store.Self(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	list, err := v.store.OwnSessions(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	page.Person, page.Sessions = p, v.sessionRows(list)
	return v.render(status, views.SettingsPage(v.shell(), page))
}

func (v *visit) saveSettings() error {
	n := store.Settings{Name: v.form("name"), Zone: v.form("zone"), Theme: v.form("theme"), Language: v.form("language")}
	err := v.saveOwn(n)
	if fields, ok := v.fieldErrors(err); ok {
		return v.settingsPage(http.StatusUnprocessableEntity, views.Settings{Name: n.Name, Zone: n.Zone, Theme: n.Theme, Language: n.Language, Keys: v.form("keys") == "1", Errors: fields})
	}
	if err != nil {
		return err
	}
	v.keepTheme(n.Theme)
	v.keepKeys(v.form("keys") == "1")
	v.speak(n.Language)
	return v.done("/settings", ok(v.t("Your settings were saved.")))
}

func (v *visit) saveOwn(n store.Settings) error {
	if n.Language != "" && !texts.Known(n.Language) {
		return tel.Invalid("language", "Choose a language from the list.")
	}
	return v.store.SaveSettings(v.r.Context(), v.actor, n)
}

// keepKeys gives this browser its keys, or takes them.
func (v *visit) keepKeys(on bool) {
	value, age := "off", themeLife
	if on {
		value, age = "", -1
	}
	v.sessions.plainCookie(v.w, "keys", value, age)
}

// keepTheme gives this browser a theme; "" leaves it to the system.
func (v *visit) keepTheme(theme string) {
	age := themeLife
	if theme == "" {
		age = -1
	}
	v.sessions.plainCookie(v.w, "theme", theme, age)
}

func (v *visit) changePassword() error {
	err := v.store.ChangePassword(v.r.Context(), v.actor, v.token, v.r.PostForm.Get("old"), v.r.PostForm.Get("password"))
	if fields, ok := v.fieldErrors(err); ok {
		p, err := v.store.Self(v.r.Context(), v.actor)
		if err != nil {
			return err
		}
		return v.settingsPage(http.StatusUnprocessableEntity, views.Settings{Name: p.Name, Zone: p.Zone, Theme: p.Theme, Language: p.Language, Keys: !v.keysOff(), Errors: fields})
	}
	if err != nil {
		return err
	}
	return v.done("/settings", ok(v.t("Your password was changed; your other sessions ended.")))
}

func (v *visit) endOwnSession() error {
	id := v.r.PathValue("session")
	if _, err := v.store.EndOwnSessions(v.r.Context(), v.actor, id, ""); err != nil {
		return err
	}
	if id == v.session.ID {
		v.sessions.forget(v.r, v.w)
		return v.redirect("/sign-in?out=1")
	}
	return v.done("/settings", ok(v.t("That session is over.")))
}

func (v *visit) signOutOthers() error {
	n, err := v.store.EndOwnSessions(v.r.Context(), v.actor, "", v.session.ID)
	if err != nil {
		return err
	}
	return v.done("/settings", ok(v.t("%d other sessions ended.", n)))
}
