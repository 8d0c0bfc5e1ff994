package bandwidth_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/bandwidth"
	"tnreserve/web/limit"
)

var (
	ctx  = context.Background()
	root = tel.System("test")
)

// door is the real handler on a real store, with a client of every role.
type door struct {
	*storetest.Store
	t       testing.TB
	handler http.Handler
	log     *bytes.Buffer
	clients map[string]*store.NewClientCredentials
	config  bandwidth.Config
}

// members are the clients that every door has. The operator is no client and stands
// for whoever may see the inventory.
var members = map[string]store.NewClient{
	"acme-admin":    {Account: storetest.Acme, Role: tel.RoleAdmin},
	"acme-member":   {Account: storetest.Acme, Role: tel.RoleMember},
	"globex-admin":  {Account: storetest.Globex, Role: tel.RoleAdmin},
	"globex-member": {Account: storetest.Globex, Role: tel.RoleMember},
	"initech-admin": {Account: storetest.Initech, Role: tel.RoleAdmin},
}

func open(t testing.TB) *door { t.Helper(); return openAt(t, "") }

func openAt(t testing.TB, base string) *door {
	t.Helper()
	s := storetest.Open(t)
	d := &door{Store: s, t: t, log: &bytes.Buffer{}, clients: map[string]*store.NewClientCredentials{}}
	for name, n := range members {
		n.Name = name
		c, err := s.CreateClient(ctx, root, n)
		if err != nil {
			t.Fatal(err)
		}
		d.clients[name] = c
	}
	auth := bandwidth.Auth{
		ByPassword: func(ctx context.Context, username, password, addr string) (tel.Actor, error) {
			if username == "operator" {
				return storetest.Actor(tel.RoleOperator, 0), nil
			}
			return s.ClientByPassword(ctx, username, password, addr)
		},
		ByToken: s.ClientByToken, IssueToken: s.IssueToken,
	}
	d.config = bandwidth.Config{Store: s.Store, BaseURL: base, Log: slog.New(slog.NewTextHandler(&guarded{w: d.log}, nil)), Auth: auth}
	d.hang(nil)
	return d
}

// hang makes the handler anew, with limits.
func (d *door) hang(l *limit.Limits) {
	d.config.Limits = l
	d.handler = bandwidth.New(d.config).Beside(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the dashboard", http.StatusTeapot)
	}))
}

// guarded lets many write to one buffer.
type guarded struct {
	mu sync.Mutex
	w  io.Writer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(b)
}

// sign gives a request a client's credentials; nobody's for "".
func (d *door) sign(r *http.Request, who string) {
	if who == "operator" {
		r.SetBasicAuth("operator", "x")
	} else if c := d.clients[who]; c != nil {
		r.SetBasicAuth(c.Username, c.Password)
	}
}

// do sends one request.
func (d *door) do(who, method, path, body string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, "http://door.test"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/xml")
	}
	d.sign(r, who)
	return d.serve(r)
}

func (d *door) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

// want is do with a status that must be.
func (d *door) want(status int, who, method, path, body string) *httptest.ResponseRecorder {
	d.t.Helper()
	w := d.do(who, method, path, body)
	if w.Code != status {
		d.t.Fatalf("%s: %s %s answers %d, not %d: %s", who, method, path, w.Code, status, w.Body)
	}
	return w
}

// reserve is a reservation of an account's, by its id.
func (d *door) reserve(account tel.AccountID, tns ...tel.Number) string {
	d.t.Helper()
	out, err := d.Reserve(ctx, root, tel.ReserveRequest{Account: account, TNs: tns, AllOrNothing: true})
	if err != nil {
		d.t.Fatal(err)
	}
	return out.Reservation.ID
}

func mine(path string) string { return fmt.Sprintf("/api/accounts/%d%s", storetest.Acme, path) }

const reservation = `<Reservation><ReservedTn>9195552000</ReservedTn></Reservation>`
