package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const clientsOfAcme = "/accounts/9500001/clients"

// madeClient are the credentials that a page shows.
func (a *answer) madeClient() (username, password, key string) {
	a.t.Helper()
	if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
		a.t.Fatalf("%d, Cache-Control %q: %s", a.status, a.header.Get("Cache-Control"), a.text("#main"))
	}
	return a.text("#made-username"), a.text("#made-password"), a.text("#made-key")
}

func (s *site) clientNamed(account tel.AccountID, name string) *tel.Client {
	s.t.Helper()
	list, err := s.Clients(ctx, root, account)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range list {
		if c.Name == name {
			return c
		}
	}
	s.t.Fatalf("no client %s", name)
	return nil
}

func TestClientsPage(t *testing.T) {
	s := open(t)
	v := s.as("acme-admin")
	v.get("/").has("#nav-clients")
	v.want(200, "/accounts/9500001").has(`#clients a[href="` + clientsOfAcme + `"]`).has("#nav-account[aria-current]")
	a := v.want(200, clientsOfAcme)
	a.has("#nav-clients[aria-current]").says("#client-list", "No API client yet")
	if n := a.doc().Find(".side [aria-current]").Length(); n != 1 {
		t.Errorf("%d items of the navigation are current", n)
	}
	a.says("#connect-account", "9500001").says("#connect-xml", s.URL+"/api/v1").says("#connect-json", s.URL+"/v2").has(`#connect a[href="/api-docs"]`).says("#connect-token", s.URL+"/api/v1/oauth2/token")
	form := a.form("#new-client form")
	form.Set("name", "Web shop")
	a = v.post(clientsOfAcme, form)
	username, password, key := a.madeClient()
	a.says("#made", "Copy them now").says("#made", "Credentials of Web shop")
	for _, text := range []string{username, password, key} {
		if a.attr(`[data-copy="`+text+`"]`, "aria-label") == "" {
			t.Errorf("no button copies %s", text)
		}
	}
	for _, login := range []func() (tel.Actor, error){
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, username, password, "") },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, key, "") },
	} {
		if got, err := login(); err != nil || got.Account != storetest.Acme || got.Role != tel.RoleMember || got.Name != "Web shop" {
			t.Fatal(got, err)
		}
	}
	c := s.clientNamed(storetest.Acme, "Web shop")
	if !c.ExpiresAt.Equal(c.CreatedAt.Add(365*24*time.Hour)) || c.CreatedBy != email("acme-admin") {
		t.Errorf("%+v", c)
	}

	// Once, and never again.
	a = v.want(200, clientsOfAcme)
	row := "#k-" + c.ID
	a.says(row, "Web shop").says(row, username).says(row, "Active").says(row, "Member").says(row, "21 Nov 2026, 15:00 UTC").says(row, "21 Nov 2027")
	everywhere := strings.Join(s.dump(), "\n") + s.Log.String() + a.body
	for _, path := range []string{"/", "/accounts/9500001", clientsOfAcme + "/" + c.ID + "/rotate", clientsOfAcme + "/" + c.ID + "/revoke"} {
		everywhere += v.get(path).body
	}
	for _, secret := range []string{password, key, password[9:], key[9:47]} {
		if strings.Contains(everywhere, secret) {
			t.Errorf("%s is shown or kept", secret)
		}
	}
	u, _ := url.Parse(s.URL)
	for _, cookie := range v.client.Jar.Cookies(u) {
		if strings.Contains(cookie.Value, "tnr_") {
			t.Error("a secret is in the cookie", cookie.Name)
		}
	}

	// Sent again by a reload: the name is taken, at its field, and nothing is made.
	s.unchanged("creating again", func() {
		a := v.post(clientsOfAcme, form)
		a.fault("name", "There is a client with this name already.")
		if a.status != 422 || a.attr("#client-name", "value") != "Web shop" {
			t.Error(a.status)
		}
	})
	for field, bad := range map[string]url.Values{
		"name":    values("name", "a\nb", "role", "member"),
		"role":    values("name", "x", "role", "operator"),
		"expires": values("name", "x", "role", "member", "expires", "soon"),
	} {
		v.post(clientsOfAcme, bad).fault(field, "")
	}
	for _, life := range []string{"0s", "3651d", "0"} {
		v.post(clientsOfAcme, values("name", "x", "role", "member", "expires", life)).fault("expires", "")
	}
	if a := v.post(clientsOfAcme, values("name", "For good", "role", "admin", "expires", "")); a.status != 200 {
		t.Error(a.status)
	}
	// Fields that the form does not have change nothing.
	_, eve, _ := v.post(clientsOfAcme+"?role=admin&account=9500002", values("name", "Eve", "role", "member", "expires", "30d", "account", "9500002", "account_id", "9500002",
		"id", "1", "username", "eve", "password", "eve", "key", "eve", "expires_at", "0", "created_by", "eve", "revoked_at", "1")).madeClient()
	if c := s.clientNamed(storetest.Acme, "Eve"); c.Role != tel.RoleMember || c.ID == "1" || c.Username == "eve" || eve == "eve" || c.CreatedBy == "eve" || !c.RevokedAt.IsZero() || c.ExpiresAt.IsZero() {
		t.Errorf("%+v", c)
	}
	if c := s.clientNamed(storetest.Acme, "For good"); !c.ExpiresAt.IsZero() || c.Role != tel.RoleAdmin {
		t.Errorf("%+v", c)
	}
}

func TestRotateAndRevokeClient(t *testing.T) {
	s := open(t)
	v := s.as("operator")
	v.want(200, "/accounts/9500001").has(`#clients a[href="` + clientsOfAcme + `"]`)
	_, oldPassword, oldKey := v.post(clientsOfAcme, values("name", "Shop", "role", "member", "expires", "30d")).madeClient()
	c := s.clientNamed(storetest.Acme, "Shop")
	here := clientsOfAcme + "/" + c.ID
	good := func(what, key string, want bool) {
		t.Helper()
		if _, err := s.ClientByKey(ctx, key, ""); (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
	}

	form := v.want(200, here+"/rotate").form("#main form")
	if form.Get("overlap") != "24h" {
		t.Error(form)
	}
	a := v.post(here+"/rotate", form)
	username, password, key := a.madeClient()
	a.says("#made", "New credentials of Shop").says("#made", "22 Nov 2026").says("#k-"+c.ID, "Old secrets until")
	if username != c.Username || password == oldPassword || key == oldKey {
		t.Error("not rotated")
	}
	good("the old key in the overlap", oldKey, true)
	good("the new key", key, true)
	s.unchanged("the form sent again", func() {
		v.post(here+"/rotate", form).says(".toast", "were replaced already")
	})
	v.want(200, here+"/rotate").says("#main", "A rotation is under way")
	s.Clock.Add(24 * time.Hour)
	v = s.as("acme-admin")
	good("the old key after the overlap", oldKey, false)
	v.want(200, here+"/rotate")
	for _, bad := range []string{"", "soon", "31d", "-1h"} {
		form := v.get(here + "/rotate").form("#main form")
		form.Set("overlap", bad)
		v.post(here+"/rotate", form).fault("overlap", "")
	}
	good("the key after bad forms", key, true)

	v.want(200, here+"/revoke").says(".confirm", "cannot be undone").has(`.confirm a[href="` + clientsOfAcme + `"]`)
	good("the key while asked", key, true)
	a = v.post(here+"/revoke", nil)
	a.says(".toast", "Shop is revoked").says("#k-"+c.ID, "Revoked")
	if a.doc().Find("#k-"+c.ID+" a").Length() != 0 {
		t.Error("a revoked client can be changed")
	}
	good("the key revoked", key, false)
	v.want(200, here+"/rotate").says("#main", "This client has ended")
	v.want(200, here+"/revoke").says("#main", "revoked already")
	if a := v.post(here+"/rotate", values("overlap", "1h", "secret", "2")); !strings.Contains(a.text(".toast"), "is revoked") {
		t.Error(a.status, a.text(".toast"))
	}

	// A client is found below its own account only, whoever asks.
	op := s.as("operator")
	for _, path := range []string{"/rotate", "/revoke"} {
		op.want(404, "/accounts/9500002/clients/"+c.ID+path)
		if a := op.post("/accounts/9500002/clients/"+c.ID+path, values("overlap", "1h")); a.status != 404 {
			t.Error(path, a.status)
		}
	}
	// It has ended by itself.
	op.post(clientsOfAcme, values("name", "Brief", "role", "member", "expires", "30d"))
	brief := s.clientNamed(storetest.Acme, "Brief")
	s.Clock.Add(17 * 24 * time.Hour)
	op = s.as("operator")
	op.get(clientsOfAcme).says("#k-"+brief.ID, "Ends soon")
	s.Clock.Add(13 * 24 * time.Hour)
	op = s.as("operator")
	op.get(clientsOfAcme).says("#k-"+brief.ID, "Expired")
}

// clientGallery fills an account with clients in every state and answers where one is.
func clientGallery(s *site) string {
	s.t.Helper()
	first := ""
	for i, n := range []store.NewClient{
		{Name: "Web shop", Role: tel.RoleMember, Expires: 90 * 24 * time.Hour},
		{Name: "Nightly report of all that is outstanding, to the finance department", Role: tel.RoleAdmin},
		{Name: "Till", Role: tel.RoleMember, Expires: 5 * 24 * time.Hour},
		{Name: "Trial", Role: tel.RoleMember, Expires: time.Millisecond},
		{Name: "Leaked", Role: tel.RoleAdmin},
	} {
		n.Account = storetest.Acme
		made, err := s.CreateClient(context.Background(), s.actor("acme-admin"), n)
		if err == nil && i == 0 {
			first = clientsOfAcme + "/" + made.ID
			if _, err = s.RotateClient(ctx, root, made.ID, "", 24*time.Hour); err == nil {
				_, err = s.ClientByKey(ctx, made.Key, "")
			}
		}
		if err == nil && n.Name == "Leaked" {
			err = s.RevokeClient(ctx, root, made.ID)
		}
		if err != nil {
			s.t.Fatal(fmt.Errorf("%s: %w", n.Name, err))
		}
	}
	s.Clock.Add(time.Second) // the trial is over
	return first
}
