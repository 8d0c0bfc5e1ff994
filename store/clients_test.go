package store_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const from = "192.0.2.7"

func client(t testing.TB, s *storetest.Store, account tel.AccountID, name string, life time.Duration) *store.NewClientCredentials {
	t.Helper()
	return must[*store.NewClientCredentials](t)(s.CreateClient(ctx, operator, store.NewClient{Account: account, Name: name, Role: tel.RoleMember, Expires: life}))
}

func rotate(t testing.TB, s *storetest.Store, id string, overlap time.Duration) *store.NewClientCredentials {
	t.Helper()
	return must[*store.NewClientCredentials](t)(s.RotateClient(ctx, admin, id, "", overlap))
}

func issue(t testing.TB, s *storetest.Store, id string) (string, time.Duration) {
	t.Helper()
	tok, life, err := s.IssueToken(ctx, tel.Actor{Kind: tel.KindClient, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return tok, life
}

// ways are all the ways in with one set of credentials, and with a token, "" none.
func ways(s *store.Store, c *store.NewClientCredentials, token string) map[string]error {
	_, byPassword := s.ClientByPassword(ctx, c.Username, c.Password, from)
	_, byKey := s.ClientByKey(ctx, c.Key, from)
	list := map[string]error{"password": byPassword, "key": byKey}
	if token != "" {
		_, list["token"] = s.ClientByToken(ctx, token, from)
	}
	return list
}

// comesIn demands that every way in is open, or that none is.
func comesIn(t testing.TB, s *store.Store, what string, c *store.NewClientCredentials, token string, want bool) {
	t.Helper()
	for way, err := range ways(s, c, token) {
		if (err == nil) != want || err != nil && tel.CodeOf(err) != tel.CodeSignIn {
			t.Errorf("%s, by %s: %v", what, way, err)
		}
	}
}

func TestClient(t *testing.T) {
	s := storetest.Open(t)
	made := must[*store.NewClientCredentials](t)(s.CreateClient(ctx, admin, store.NewClient{Account: acme, Name: "  Shop ", Role: tel.RoleAdmin, Expires: 90 * 24 * time.Hour}))
	want := tel.Actor{Kind: tel.KindClient, ID: made.ID, Name: "Shop", Role: tel.RoleAdmin, Account: acme, Addr: from}
	same(t, "by password", must[tel.Actor](t)(s.ClientByPassword(ctx, made.Username, made.Password, from)), want)
	same(t, "by key", must[tel.Actor](t)(s.ClientByKey(ctx, made.Key, from)), want)
	token, life := issue(t, s, made.ID)
	same(t, "by token", must[tel.Actor](t)(s.ClientByToken(ctx, token, from)), want)
	if life != time.Hour {
		t.Error(life)
	}
	want.Door = "xml"
	if r := reserve(t, s, want, raleigh(1)); r.CreatedBy.Name != "Shop" || r.Account != acme {
		t.Errorf("%+v", r.CreatedBy)
	}

	list := must[[]*tel.Client](t)(s.Clients(ctx, admin, acme))
	same(t, "the list", list, []*tel.Client{{
		ID: made.ID, Account: acme, AccountName: "Acme Tel", Name: "Shop", Role: tel.RoleAdmin, Username: made.Username,
		CreatedAt: s.Now(), CreatedBy: admin.Name, ExpiresAt: s.Now().Add(90 * 24 * time.Hour), LastUsedAt: s.Now(),
		Requests: 3, RequestsDay: 3,
		Secrets: []tel.SecretInfo{{ID: "1", PasswordHint: tel.SecretHint(made.Password), KeyHint: tel.SecretHint(made.Key), CreatedAt: s.Now()}},
	}})
	same(t, "one", must[*tel.Client](t)(s.Client(ctx, admin, made.ID)), list[0])
	db := file(t, s.Path)
	if n := count(t, db, `SELECT COUNT(*) FROM event WHERE kind = 'client.created' AND account_id = $1 AND facts LIKE '%"name":"Shop"%'`, int64(acme)); n != 1 {
		t.Errorf("%d events", n)
	}
	checked(t, s.Store)
}

func TestClientRefused(t *testing.T) {
	s := storetest.Open(t)
	good := store.NewClient{Account: acme, Name: "Shop", Role: tel.RoleMember}
	made := client(t, s, acme, "Taken", 0)
	program := tel.Actor{Kind: tel.KindClient, ID: made.ID, Name: "x", Role: tel.RoleAdmin, Account: acme}
	for _, c := range []struct {
		what   string
		actor  tel.Actor
		change func(*store.NewClient)
		code   tel.Code
		field  string
	}{
		{"no name", admin, func(n *store.NewClient) { n.Name = " " }, tel.CodeInvalid, "name"},
		{"a long name", admin, func(n *store.NewClient) { n.Name = strings.Repeat("é", 101) }, tel.CodeInvalid, "name"},
		{"a name of two lines", admin, func(n *store.NewClient) { n.Name = "a\nb" }, tel.CodeInvalid, "name"},
		{"a name that is taken", admin, func(n *store.NewClient) { n.Name = "Taken" }, tel.CodeConflict, ""},
		{"an operator", operator, func(n *store.NewClient) { n.Role = tel.RoleOperator }, tel.CodeInvalid, "role"},
		{"support", admin, func(n *store.NewClient) { n.Role = tel.RoleSupport }, tel.CodeInvalid, "role"},
		{"no role", admin, func(n *store.NewClient) { n.Role = "" }, tel.CodeInvalid, "role"},
		{"before now", admin, func(n *store.NewClient) { n.Expires = -1 }, tel.CodeInvalid, "expires"},
		{"too long", admin, func(n *store.NewClient) { n.Expires = tel.MaxClientLife + 1 }, tel.CodeInvalid, "expires"},
		{"by a member", member, func(*store.NewClient) {}, tel.CodeForbidden, ""},
		{"by support", storetest.Actor(tel.RoleSupport, acme), func(*store.NewClient) {}, tel.CodeForbidden, ""},
		{"by a program", program, func(*store.NewClient) {}, tel.CodeForbidden, ""},
		{"by another account", rival, func(*store.NewClient) {}, tel.CodeNotFound, ""},
		{"for no account", admin, func(n *store.NewClient) { n.Account = 0 }, tel.CodeNotFound, ""},
		{"for an unknown account", operator, func(n *store.NewClient) { n.Account = 77 }, tel.CodeNotFound, ""},
	} {
		n := good
		c.change(&n)
		_, err := s.CreateClient(ctx, c.actor, n)
		if e := code(t, err, c.code); e.Field != c.field {
			t.Errorf("%s: field %q", c.what, e.Field)
		}
	}
	if list := must[[]*tel.Client](t)(s.Clients(ctx, operator, acme)); len(list) != 1 {
		t.Errorf("%d clients", len(list))
	}
	for i := range tel.MostClients - 1 {
		client(t, s, acme, fmt.Sprint("Client ", i), 0)
	}
	if e := code(t, second(s.CreateClient(ctx, admin, good)), tel.CodeInvalid); e.Field != "account" {
		t.Errorf("%+v", e)
	}
	client(t, s, globex, "Taken", 0) // another account's names and number are its own
	if err := s.RevokeClient(ctx, admin, made.ID); err != nil {
		t.Fatal(err)
	}
	client(t, s, acme, "Taken", 0) // a revoked client takes no place
	if list := must[[]*tel.Client](t)(s.Clients(ctx, admin, acme)); len(list) != tel.MostClients+1 || list[tel.MostClients].ID != made.ID {
		t.Errorf("%d clients, the revoked one not at the end", len(list))
	}
}

// Another account's client answers as one that never was.
func TestClientOfAnother(t *testing.T) {
	s := storetest.Open(t)
	made := client(t, s, globex, "Shop", 0)
	const none = "11111111-2222-4333-8444-555555555555"
	for _, actor := range []tel.Actor{admin, member, storetest.Actor(tel.RoleSupport, acme), {}} {
		for what, ask := range map[string]func(id string) error{
			"read":   func(id string) error { return second(s.Client(ctx, actor, id)) },
			"revoke": func(id string) error { return s.RevokeClient(ctx, actor, id) },
			"rotate": func(id string) error { return second(s.RotateClient(ctx, actor, id, "", time.Hour)) },
			"badly":  func(id string) error { return second(s.RotateClient(ctx, actor, id, "", -1)) },
		} {
			other, unknown := code(t, ask(made.ID), tel.CodeNotFound), code(t, ask(none), tel.CodeNotFound)
			if d := cmp.Diff(unknown, other); d != "" {
				t.Errorf("%s as %s tells them apart: %s", what, actor.Name, d)
			}
		}
		code(t, second(s.Clients(ctx, actor, globex)), tel.CodeNotFound)
	}
	own := client(t, s, acme, "Shop", 0)
	for _, actor := range []tel.Actor{member, {Kind: tel.KindClient, ID: own.ID, Role: tel.RoleAdmin, Account: acme}} {
		code(t, s.RevokeClient(ctx, actor, own.ID), tel.CodeForbidden)
		code(t, second(s.RotateClient(ctx, actor, own.ID, "", 0)), tel.CodeForbidden)
		code(t, second(s.Client(ctx, actor, own.ID)), tel.CodeForbidden)
		code(t, second(s.Clients(ctx, actor, acme)), tel.CodeForbidden)
	}
	comesIn(t, s.Store, "after all that", made, "", true)
	comesIn(t, s.Store, "after all that", own, "", true)
}

func TestClientFailsAlike(t *testing.T) {
	s := storetest.Open(t)
	made, other := client(t, s, acme, "Shop", 0), client(t, s, globex, "Shop", 0)
	gone := client(t, s, acme, "Gone", 0)
	old := client(t, s, acme, "Old", time.Minute)
	oldToken, _ := issue(t, s, old.ID)
	if err := s.RevokeClient(ctx, admin, gone.ID); err != nil {
		t.Fatal(err)
	}
	s.Clock.Add(time.Minute)
	strange := tel.NewSecret(tel.PasswordPrefix, [tel.SecretBytes]byte{1})
	strangeKey := tel.NewSecret(tel.KeyPrefix, [tel.SecretBytes]byte{1})
	want := tel.Refuse(tel.CodeSignIn, "These credentials are not known here.")
	for i, f := range []func() (tel.Actor, error){
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, "", "", from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, made.Username, "", from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, made.Username, strange, from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, "tnc_nobody", strange, from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, "tnc_nobody", made.Password, from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, made.Username, other.Password, from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, made.Username, made.Key, from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, made.ID, made.Password, from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, gone.Username, gone.Password, from) },
		func() (tel.Actor, error) { return s.ClientByPassword(ctx, old.Username, old.Password, from) },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, "", from) },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, strangeKey, from) },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, made.Password, from) },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, made.Key+" ", from) },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, strings.ToLower(made.Key), from) },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, gone.Key, from) },
		func() (tel.Actor, error) { return s.ClientByKey(ctx, old.Key, from) },
		func() (tel.Actor, error) { return s.ClientByToken(ctx, "", from) },
		func() (tel.Actor, error) { return s.ClientByToken(ctx, "a.b.c", from) },
		func() (tel.Actor, error) { return s.ClientByToken(ctx, oldToken, from) },
	} {
		actor, err := f()
		same(t, fmt.Sprint("the answer to failure ", i), code(t, err, tel.CodeSignIn), want)
		same(t, "the actor", actor, tel.Actor{})
	}
	comesIn(t, s.Store, "the right ones", made, "", true)
}

func TestClientRevokedAndExpired(t *testing.T) {
	s := storetest.Open(t)
	made := client(t, s, acme, "Shop", 0)
	token, _ := issue(t, s, made.ID)
	comesIn(t, s.Store, "live", made, token, true)
	beside := again(t, s) // another process on the same file
	comesIn(t, beside, "live, elsewhere", made, token, true)
	if err := s.RevokeClient(ctx, admin, made.ID); err != nil {
		t.Fatal(err)
	}
	comesIn(t, s.Store, "revoked", made, token, false)
	comesIn(t, beside, "revoked, elsewhere", made, token, false)
	code(t, second(s.RotateClient(ctx, admin, made.ID, "", 0)), tel.CodeEnded)
	_, _, err := s.IssueToken(ctx, tel.Actor{Kind: tel.KindClient, ID: made.ID})
	code(t, err, tel.CodeSignIn)
	if err := s.RevokeClient(ctx, admin, made.ID); err != nil {
		t.Fatal(err)
	}
	db := file(t, s.Path)
	if n := count(t, db, `SELECT COUNT(*) FROM event WHERE kind = 'client.revoked'`); n != 1 {
		t.Errorf("%d events of revoking", n)
	}

	brief := client(t, s, acme, "Brief", 10*time.Minute)
	token, life := issue(t, s, brief.ID)
	if life != 10*time.Minute {
		t.Errorf("a token lives for %v, longer than its client", life)
	}
	s.Clock.Add(10*time.Minute - us)
	comesIn(t, s.Store, "a moment before its expiry", brief, token, true)
	s.Clock.Add(us)
	comesIn(t, s.Store, "at its expiry", brief, token, false)
	code(t, second(s.RotateClient(ctx, admin, brief.ID, "", 0)), tel.CodeEnded)
	_, _, err = s.IssueToken(ctx, admin)
	code(t, err, tel.CodeForbidden)
}

func TestClientRotated(t *testing.T) {
	s := storetest.Open(t)
	first := client(t, s, acme, "Shop", 0)
	before, _ := issue(t, s, first.ID)
	next := rotate(t, s, first.ID, 30*time.Minute)
	if next.ID != first.ID || next.Username != first.Username || next.Password == first.Password || next.Key == first.Key {
		t.Fatal("the new credentials are not new")
	}
	during, life := issue(t, s, first.ID)
	if life != 30*time.Minute { // the old password may have asked for it
		t.Errorf("a token of the overlap lives for %v", life)
	}
	c := must[*tel.Client](t)(s.Client(ctx, admin, first.ID))
	if len(c.Secrets) != 2 || !c.Secrets[1].ExpiresAt.Equal(s.Now().Add(30*time.Minute)) || c.Secrets[0].KeyHint != tel.SecretHint(next.Key) {
		t.Errorf("%+v", c.Secrets)
	}
	s.Clock.Add(30*time.Minute - us)
	comesIn(t, s.Store, "the old one in the overlap", first, before, true)
	comesIn(t, s.Store, "the new one", next, during, true)
	s.Clock.Add(us)
	comesIn(t, s.Store, "the old one after the overlap", first, before, false)
	comesIn(t, s.Store, "a token of the overlap", first, during, false)
	comesIn(t, s.Store, "the new one", next, "", true)
	if _, life := issue(t, s, first.ID); life != time.Hour {
		t.Errorf("afterwards a token lives for %v", life)
	}

	// Twice within an overlap: two live, never three. At once: one.
	third := rotate(t, s, first.ID, time.Hour)
	fourth := rotate(t, s, first.ID, time.Hour)
	comesIn(t, s.Store, "two ago", next, "", false)
	comesIn(t, s.Store, "one ago", third, "", true)
	token, _ := issue(t, s, first.ID)
	fifth := rotate(t, s, first.ID, 0)
	comesIn(t, s.Store, "replaced at once", fourth, token, false)
	token, life = issue(t, s, first.ID)
	comesIn(t, s.Store, "the one in its place", fifth, token, true)
	if life != time.Hour || len(must[*tel.Client](t)(s.Client(ctx, admin, first.ID)).Secrets) != 1 {
		t.Error(life)
	}
	for _, overlap := range []time.Duration{-1, tel.MaxOverlap + 1} {
		if e := code(t, second(s.RotateClient(ctx, admin, first.ID, "", overlap)), tel.CodeInvalid); e.Field != "overlap" {
			t.Error(e.Field)
		}
	}
	comesIn(t, s.Store, "after a refused rotation", fifth, token, true)
	checked(t, s.Store)
}

func TestToken(t *testing.T) {
	s := storetest.Open(t)
	made := client(t, s, acme, "Shop", 0)
	forged := func(key any, method jwt.SigningMethod, change func(jwt.MapClaims)) string {
		claims := jwt.MapClaims{"iss": "tnreserve", "sub": made.ID, "exp": s.Now().Add(time.Hour).Unix(), "gen": 1, "accounts": []string{acme.String()}}
		change(claims)
		return must[string](t)(jwt.NewWithClaims(method, claims).SignedString(key))
	}
	asIs := func(jwt.MapClaims) {}
	code(t, second(s.ClientByToken(ctx, forged([]byte{}, jwt.SigningMethodHS256, asIs), from)), tel.CodeSignIn) // there is no key yet

	token, _ := issue(t, s, made.ID)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal(token)
	}
	var payload map[string]any
	if err := json.Unmarshal(must[[]byte](t)(base64.RawURLEncoding.DecodeString(parts[1])), &payload); err != nil {
		t.Fatal(err)
	}
	same(t, "the payload", payload, map[string]any{
		"iss": "tnreserve", "sub": made.ID, "iat": float64(s.Now().Unix()), "exp": float64(s.Now().Add(time.Hour).Unix()),
		"accounts": []any{"9500001"}, "roles": []any{"member"}, "gen": 1.0,
	})

	var key []byte
	if err := file(t, s.Path).QueryRow(`SELECT key FROM token_key`).Scan(&key); err != nil || len(key) != 32 {
		t.Fatal(err, len(key))
	}
	other := client(t, s, globex, "Shop", 0)
	comesIn(t, s.Store, "signed with the key", made, forged(key, jwt.SigningMethodHS256, asIs), true)
	for what, bad := range map[string]string{
		"no signature":       parts[0] + "." + parts[1] + ".",
		"two parts":          parts[0] + "." + parts[1],
		"four parts":         token + ".x",
		"a longer signature": token + "A",
		"another payload":    parts[0] + "." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iss":"tnreserve","sub":%q,"exp":9999999999,"gen":1}`, other.ID)) + "." + parts[2],
		"no algorithm":       forged(jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone, asIs),
		"another algorithm":  forged(key, jwt.SigningMethodHS512, asIs),
		"another key":        forged([]byte(strings.Repeat("k", 32)), jwt.SigningMethodHS256, asIs),
		"an empty key":       forged([]byte{}, jwt.SigningMethodHS256, asIs),
		"no end":             forged(key, jwt.SigningMethodHS256, func(c jwt.MapClaims) { delete(c, "exp") }),
		"over":               forged(key, jwt.SigningMethodHS256, func(c jwt.MapClaims) { c["exp"] = s.Now().Unix() }),
		"another issuer":     forged(key, jwt.SigningMethodHS256, func(c jwt.MapClaims) { c["iss"] = "elsewhere" }),
		"nobody":             forged(key, jwt.SigningMethodHS256, func(c jwt.MapClaims) { c["sub"] = "" }),
		"no generation":      forged(key, jwt.SigningMethodHS256, func(c jwt.MapClaims) { delete(c, "gen") }),
		"one to come":        forged(key, jwt.SigningMethodHS256, func(c jwt.MapClaims) { c["gen"] = 2 }),
	} {
		if _, err := s.ClientByToken(ctx, bad, "addr of "+what); tel.CodeOf(err) != tel.CodeSignIn {
			t.Errorf("%s: %v", what, err)
		}
	}
	// What a token says of account and role counts for nothing: the database does.
	lying := forged(key, jwt.SigningMethodHS256, func(c jwt.MapClaims) { c["accounts"], c["roles"] = []string{globex.String()}, []string{"operator"} })
	if a := must[tel.Actor](t)(s.ClientByToken(ctx, lying, from)); a.Account != acme || a.Role != tel.RoleMember {
		t.Errorf("%+v", a)
	}
	s.Clock.Add(time.Hour - us)
	must[tel.Actor](t)(s.ClientByToken(ctx, token, from))
	s.Clock.Add(us)
	code(t, second(s.ClientByToken(ctx, token, from)), tel.CodeSignIn)

	// The key is one for all processes and for good.
	token, _ = issue(t, s, made.ID)
	must[tel.Actor](t)(again(t, s).ClientByToken(ctx, token, from))
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM token_key`); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func TestClientLastUse(t *testing.T) {
	s := storetest.OpenFile(t)
	made := client(t, s, acme, "Shop", 0)
	used := func() time.Time { return must[*tel.Client](t)(s.Client(ctx, admin, made.ID)).LastUsedAt }
	if !used().IsZero() {
		t.Error(used())
	}
	db := file(t, s.Path)
	version := func() int { return count(t, db, `PRAGMA data_version`) }
	start, v := s.Now(), version()
	parallel(20, func(int) { comesIn(t, s.Store, "use", made, "", true) })
	if !used().Equal(start) || version() == v {
		t.Error(used())
	}
	v = version()
	for range 59 {
		s.Clock.Add(time.Second)
		comesIn(t, s.Store, "use", made, "", true)
	}
	if version() != v || !used().Equal(start) {
		t.Error("written down again within a minute")
	}
	s.Clock.Add(time.Second)
	comesIn(t, s.Store, "use", made, "", true)
	if !used().Equal(start.Add(time.Minute)) {
		t.Error(used())
	}
}

// Requests are counted, and written down at most once a minute and at the end.
func TestClientUses(t *testing.T) {
	s := storetest.Open(t)
	c, idle := client(t, s, acme, "Busy", 0), client(t, s, acme, "Idle", 0)
	is := func(st *store.Store, all, day int64) {
		t.Helper()
		list := must[[]*tel.Client](t)(st.Clients(ctx, admin, acme))
		one := must[*tel.Client](t)(st.Client(ctx, admin, c.ID))
		for _, k := range append(list, one) {
			if want := [2]int64{all, day}; k.ID == c.ID && [2]int64{k.Requests, k.RequestsDay} != want || k.ID == idle.ID && k.Requests != 0 {
				t.Errorf("%s: %d, %d in a day; want %v", k.Name, k.Requests, k.RequestsDay, want)
			}
		}
	}
	beside := again(t, s)
	written := func() int64 { t.Helper(); return must[*tel.Client](t)(beside.Client(ctx, admin, c.ID)).Requests }
	sweep := func() { t.Helper(); must[store.Swept](t)(s.Sweep(ctx)) }
	parallel(50, func(int) { must[tel.Actor](t)(s.ClientByKey(ctx, c.Key, from)) })
	if is(s.Store, 50, 50); written() != 0 {
		t.Error("a request wrote")
	}
	sweep()
	if is(s.Store, 50, 50); written() != 50 {
		t.Error("not written")
	}
	must[tel.Actor](t)(s.ClientByPassword(ctx, c.Username, c.Password, from))
	_, _ = s.ClientByPassword(ctx, c.Username, idle.Password, from) // nobody's
	s.Clock.Add(time.Minute - us)
	if sweep(); written() != 50 {
		t.Error("written twice in a minute")
	}
	s.Clock.Add(us)
	sweep()
	is(s.Store, 51, 51)
	s.Clock.Add(24 * time.Hour)
	must[tel.Actor](t)(s.ClientByKey(ctx, c.Key, from))
	is(s.Store, 52, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	is(beside, 52, 1)
}

func TestClientFailuresPerAddress(t *testing.T) {
	s := storetest.OpenFile(t)
	made := client(t, s, acme, "Shop", 0)
	fail := func(addr string) error { return second(s.ClientByKey(ctx, made.Key+"x", addr)) }
	db := file(t, s.Path)
	v := count(t, db, `PRAGMA data_version`)
	for range 50 {
		code(t, fail(from), tel.CodeSignIn)
	}
	e := code(t, fail(from), tel.CodeSlowDown)
	if !e.At.Equal(s.Now().Add(15 * time.Minute)) {
		t.Error(e.At)
	}
	code(t, second(s.ClientByPassword(ctx, made.Username, "", from)), tel.CodeSlowDown)
	code(t, second(s.ClientByToken(ctx, "a.b.c", from)), tel.CodeSlowDown)
	code(t, fail("192.0.2.8"), tel.CodeSignIn)
	if count(t, db, `PRAGMA data_version`) != v {
		t.Error("failures are written down one by one")
	}
	comesIn(t, s.Store, "the right one, from behind the same proxy", made, "", true)
	s.Clock.Add(15 * time.Minute)
	code(t, fail(from), tel.CodeSignIn)
	for i := range 25_000 { // an address each: the memory is bounded
		_ = fail(fmt.Sprint(i))
	}
	if n := s.FailingAddresses(); n > 10_000 {
		t.Errorf("%d addresses are remembered", n)
	}
}

// No secret is in the database's files, in a log, or in what a careless line prints.
func TestClientSecretsAreNowhere(t *testing.T) {
	var log bytes.Buffer
	s := storetest.Empty(t, store.Config{DB: filepath.Join(t.TempDir(), "tnreserve.db"), Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err := s.CreateAccount(ctx, operator, tel.Account{ID: acme, Name: "Acme", Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}); err != nil {
		t.Fatal(err)
	}
	var secrets []string
	made := client(t, s, acme, "Shop", 0)
	for _, c := range []*store.NewClientCredentials{made, rotate(t, s, made.ID, time.Hour), rotate(t, s, made.ID, 0)} {
		token, _ := issue(t, s, made.ID)
		_ = ways(s.Store, c, token)
		slog.New(slog.NewTextHandler(&log, nil)).Info("made", "client", c)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "client", c)
		fmt.Fprintf(&log, "%v %+v %s", c, c, c)
		for _, secret := range []string{c.Password, c.Key} {
			secrets = append(secrets, secret, secret[len(tel.KeyPrefix):len(secret)-6])
		}
		secrets = append(secrets, token, token[strings.LastIndexByte(token, '.')+1:])
	}
	texts := map[string][]byte{"the log": log.Bytes()}
	for _, name := range must[[]string](t)(filepath.Glob(s.Path + "*")) {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		// Reading a copy: closing a descriptor of the file itself drops SQLite's locks.
		copied := filepath.Join(t.TempDir(), "copy")
		if name == s.Path {
			if err := s.Backup(ctx, copied); err != nil {
				t.Fatal(err)
			}
			name = copied
		}
		texts[name] = must[[]byte](t)(os.ReadFile(name))
	}
	for where, text := range texts {
		if len(text) == 0 && where != s.Path+"-wal" {
			t.Errorf("%s is empty", where)
		}
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s has %s", where, secret)
			}
		}
	}
}

// Hashes of secrets are compared in constant time, and in no other way.
func TestClientComparesInConstantTime(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "clients.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, i := range f.Imports {
		imports = append(imports, i.Path.Value)
	}
	if !slices.Contains(imports, `"crypto/subtle"`) || slices.Contains(imports, `"bytes"`) {
		t.Errorf("clients.go imports %v", imports)
	}
	text := must[[]byte](t)(os.ReadFile("clients.go"))
	if n := bytes.Count(text, []byte("subtle.ConstantTimeCompare(")); n != 2 {
		t.Errorf("%d comparisons in constant time", n)
	}
}

// Sent twice, or beside a colleague, a rotation is done once: one more would end at once
// what was to live on for the overlap.
func TestRotatingAtOnce(t *testing.T) {
	s := storetest.Open(t)
	made := must[*store.NewClientCredentials](t)(s.CreateClient(ctx, admin, store.NewClient{Account: acme, Name: "Shop", Role: tel.RoleMember}))
	secret := must[*tel.Client](t)(s.Client(ctx, admin, made.ID)).Secrets[0].ID
	hook := must[*store.NewEndpointSecret](t)(s.CreateEndpoint(ctx, admin, tel.NewEndpoint{Account: acme, URL: "https://acme.example/hook"}))
	hint := tel.SecretHint(hook.Secret)
	var clients, endpoints atomic.Int32
	parallel(6, func(int) {
		for of, err := range map[*atomic.Int32]error{
			&clients:   second(s.RotateClient(ctx, admin, made.ID, secret, time.Hour)),
			&endpoints: second(s.RotateEndpointSecret(ctx, admin, hook.ID, hint)),
		} {
			if err == nil {
				of.Add(1)
			} else if tel.CodeOf(err) != tel.CodeConflict {
				t.Error(err)
			}
		}
	})
	if clients.Load() != 1 || endpoints.Load() != 1 {
		t.Errorf("%d rotations of a client, %d of an endpoint", clients.Load(), endpoints.Load())
	}
	must[tel.Actor](t)(s.ClientByKey(ctx, made.Key, ""))
	checked(t, s.Store)
}
