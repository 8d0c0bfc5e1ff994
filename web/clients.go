package web

import (
	"net/http"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// clientsHere reads the account of this address, for those who manage its clients.
func (v *visit) clientsHere() (*tel.Account, error) {
	a, err := v.accountHere()
	if err != nil {
		return nil, err
	}
	return a, v.actor.Require(tel.ActManageClients, a.ID)
}

func (v *visit) clients() error {
	a, err := v.clientsHere()
	if err != nil {
		return err
	}
	return v.clientList(http.StatusOK, a, views.NewClientForm(), nil)
}

func (v *visit) clientList(status int, a *tel.Account, form views.ClientForm, made *views.ClientCredentials) error {
	list, err := v.store.Clients(v.r.Context(), v.actor, a.ID)
	if err != nil {
		return err
	}
	return v.render(status, views.ClientsPage(v.shell(), views.Clients{
		Account: *a, Clients: list, Now: v.now, Form: form, Base: v.base(), Operator: v.actor.Can(tel.ActManageAccounts), Docs: v.docs != nil, Made: made,
	}))
}

// base is the address under which people, and so programs too, reach this server.
func (v *visit) base() string {
	if v.cfg.BaseURL != "" {
		return strings.TrimRight(v.cfg.BaseURL, "/")
	}
	if v.r.TLS != nil {
		return "https://" + v.r.Host
	}
	return "http://" + v.r.Host
}

// createClient answers with the credentials themselves: behind a redirect they would
// have to wait in a cookie, an address or a table.
func (v *visit) createClient() error {
	a, err := v.clientsHere()
	if err != nil {
		return err
	}
	form := views.ClientForm{Name: v.form("name"), Role: v.form("role"), Expires: v.form("expires"), Errors: map[string]string{}}
	n := store.NewClient{Account: a.ID, Name: form.Name, Role: tel.Role(form.Role)}
	if form.Expires != "" {
		n.Expires, err = tel.ParseDuration("expires", form.Expires)
		if err == nil && n.Expires == 0 {
			err = tel.Invalid("expires", "That is too short for a client.")
		}
	}
	var made *store.NewClientCredentials
	if err == nil {
		made, err = v.store.CreateClient(v.r.Context(), v.actor, n)
	}
	if tel.CodeOf(err) == tel.CodeConflict {
		err = tel.Invalid("name", "There is a client with this name already.")
	}
	if fields, ok := v.fieldErrors(err); ok {
		form.Errors = fields
		return v.clientList(http.StatusUnprocessableEntity, a, form, nil)
	}
	if err != nil {
		return err
	}
	return v.clientList(http.StatusOK, a, views.NewClientForm(), &views.ClientCredentials{
		Name: form.Name, Username: made.Username, Password: made.Password, Key: made.Key,
	})
}

// clientHere reads the client of this address, which must be the account's.
func (v *visit) clientHere() (*tel.Account, *tel.Client, error) {
	a, err := v.clientsHere()
	if err != nil {
		return nil, nil, err
	}
	c, err := v.store.Client(v.r.Context(), v.actor, v.r.PathValue("client"))
	if err == nil && c.Account != a.ID {
		err = tel.NotFound()
	}
	return a, c, err
}

func (v *visit) revokeClientPage() error {
	a, c, err := v.clientHere()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.ClientRevokePage(v.shell(), views.ClientQuestion{Account: *a, Client: c, Now: v.now}))
}

func (v *visit) revokeClient() error {
	a, c, err := v.clientHere()
	if err != nil {
		return err
	}
	if err := v.store.RevokeClient(v.r.Context(), v.actor, c.ID); err != nil {
		return err
	}
	return v.done(clientsAt(a), ok(v.t("%s is revoked; its next request is refused.", c.Name)))
}

func clientsAt(a *tel.Account) string { return "/accounts/" + a.ID.String() + "/clients" }

func (v *visit) rotateClientPage() error {
	a, c, err := v.clientHere()
	if err != nil {
		return err
	}
	return v.askRotate(http.StatusOK, a, c, "24h", nil)
}

func (v *visit) askRotate(status int, a *tel.Account, c *tel.Client, overlap string, faults map[string]string) error {
	return v.render(status, views.ClientRotatePage(v.shell(), views.ClientQuestion{Account: *a, Client: c, Now: v.now, Overlap: overlap, Errors: faults}))
}

// rotateClient answers with the new credentials, as createClient does. The form names
// the secrets that it replaces: sent twice, or beside a colleague, it does nothing.
func (v *visit) rotateClient() error {
	a, c, err := v.clientHere()
	if err != nil {
		return err
	}
	overlap, err := tel.ParseDuration("overlap", v.form("overlap"))
	if fields, ok := v.fieldErrors(err); ok {
		return v.askRotate(http.StatusUnprocessableEntity, a, c, v.form("overlap"), fields)
	}
	if len(c.Secrets) > 0 && v.form("secret") != c.Secrets[0].ID {
		return v.done(clientsAt(a), views.Flash{Kind: views.FlashWarn, Text: v.t("The secrets of %s were replaced already; nothing was done now.", c.Name)})
	}
	made, err := v.store.RotateClient(v.r.Context(), v.actor, c.ID, v.form("secret"), overlap)
	if fields, ok := v.fieldErrors(err); ok {
		return v.askRotate(http.StatusUnprocessableEntity, a, c, v.form("overlap"), fields)
	}
	if err != nil {
		return v.backWith(clientsAt(a), err)
	}
	page := &views.ClientCredentials{Name: c.Name, Username: made.Username, Password: made.Password, Key: made.Key, Rotated: true}
	if overlap > 0 {
		page.OldUntil = v.now.Add(overlap).Truncate(time.Second)
	}
	return v.clientList(http.StatusOK, a, views.NewClientForm(), page)
}
