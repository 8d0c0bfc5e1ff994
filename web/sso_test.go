package web_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tnreserve/store/tel"
	"tnreserve/web"
)

// idp is an identity provider: discovery, keys, and codes that it trades for signed
// tokens, with PKCE and the client's secret checked.
type idp struct {
	*httptest.Server
	t      *testing.T
	key    *rsa.PrivateKey
	now    func() time.Time
	mu     sync.Mutex
	codes  map[string]url.Values // by code: what the browser was sent with
	claims map[string]any        // of whoever signs in there next
	spoil  func(claims jwt.MapClaims)
	signer *rsa.PrivateKey
}

const clientSecret = "a secret of ours"

func newIDP(t *testing.T) *idp {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{t: t, key: key, signer: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "email", "profile", "groups"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		enc := base64.RawURLEncoding.EncodeToString
		p.json(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": enc(key.N.Bytes()), "e": enc(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *idp) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	if secret, _ = url.QueryUnescape(secret); !ok || id != "numbers" || secret != clientSecret {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || r.FormValue("redirect_uri") != asked.Get("redirect_uri") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := jwt.MapClaims{"iss": p.URL, "aud": "numbers", "iat": p.now().Unix(), "exp": p.now().Add(time.Minute).Unix(), "nonce": asked.Get("nonce")}
	maps.Copy(claims, p.claims)
	if p.spoil != nil {
		p.spoil(claims)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"] = "1"
	signed, err := t.SignedString(p.signer)
	if err != nil {
		p.t.Error(err)
	}
	p.json(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": signed})
}

// ssoSite is a site with the provider.
func ssoSite(t *testing.T) (*site, *idp) {
	t.Helper()
	p := newIDP(t)
	groups, err := tel.ParseGroupRoles("ops=operator,acme-admins=admin@9500001")
	if err != nil {
		t.Fatal(err)
	}
	s := openWith(t, "http://numbers.example.com", &web.SSO{Issuer: p.URL, ClientID: "numbers", ClientSecret: clientSecret, Groups: groups})
	p.now = s.Now
	return s, p
}

// there follows the way to the provider, signs in there and answers the address back.
func (p *idp) there(v *visitor, next string) string {
	p.t.Helper()
	v.Still = true
	a := v.get("/sign-in/sso?next=" + url.QueryEscape(next))
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || !strings.HasPrefix(to.String(), p.URL+"/auth?") {
		p.t.Fatalf("%d to %q", a.status, a.header.Get("Location"))
	}
	q := to.Query()
	if q.Get("redirect_uri") != "http://numbers.example.com/sign-in/sso/callback" || q.Get("scope") != "openid email profile groups" || q.Get("state") == "" || q.Get("nonce") == "" {
		p.t.Errorf("asked with %v", q)
	}
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = q
	return "/sign-in/sso/callback?" + url.Values{"state": {q.Get("state")}, "code": {code}}.Encode()
}

func TestSingleSignOn(t *testing.T) {
	s, p := ssoSite(t)
	s.stranger().want(200, "/sign-in?next=%2Fsearch").has(`a#sso[href="/sign-in/sso?next=%2Fsearch"]`)
	p.claims = map[string]any{"sub": "1", "email": "olive@carrier.example", "email_verified": true, "name": "Olive Ops", "groups": []string{"staff", "ops"}}
	v := s.stranger()
	back := p.there(v, "/inventory")
	a := v.get(back)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/inventory" || sessionCookie(a) == nil {
		t.Fatalf("%d to %q: %s", a.status, a.header.Get("Location"), a.text("#main"))
	}
	v.want(200, "/inventory").says(".who-n", "Olive Ops")
	if a := v.get(back); a.status != http.StatusUnauthorized { // the way is used up
		t.Errorf("again: %d", a.status)
	}
	for _, next := range []string{"//evil.com", `/\evil.com`, "https://evil.com"} {
		v := s.stranger()
		if a := v.get(p.there(v, next)); a.header.Get("Location") != "/" {
			t.Errorf("next=%q leads to %q", next, a.header.Get("Location"))
		}
	}
	if got := s.one(`SELECT platform FROM person WHERE email = 'olive@carrier.example'`); got != "operator" {
		t.Error(got)
	}
	// Groups as one text, truth as a text.
	p.claims = map[string]any{"sub": "2", "email": "amy@acme.example", "email_verified": "true", "groups": "acme-admins"}
	v = s.stranger()
	v.get(p.there(v, ""))
	v.Still = false
	v.want(200, "/").says("h1", "Reservations")
}

func TestSingleSignOnRefuses(t *testing.T) {
	s, p := ssoSite(t)
	good := map[string]any{"sub": "1", "email": "olive@carrier.example", "email_verified": true, "groups": []string{"ops"}}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) map[string]any {
		c := maps.Clone(good)
		c[name] = value
		return c
	}
	for _, c := range []struct {
		what, words string
		claims      map[string]any
		spoil       func(jwt.MapClaims)
		signer      *rsa.PrivateKey
		address     func(string) string
	}{
		{what: "an address that is not verified", words: "verified", claims: with("email_verified", false)},
		{what: "no address", words: "verified", claims: with("email", "")},
		{what: "no place here", words: "no place here", claims: with("groups", []string{"others"})},
		{what: "groups of another kind", words: "no place here", claims: with("groups", map[string]any{"ops": true})},
		{what: "another nonce", spoil: func(c jwt.MapClaims) { c["nonce"] = "x" }},
		{what: "no nonce", spoil: func(c jwt.MapClaims) { delete(c, "nonce") }},
		{what: "for another client", spoil: func(c jwt.MapClaims) { c["aud"] = "others" }},
		{what: "of another issuer", spoil: func(c jwt.MapClaims) { c["iss"] = "https://evil.example" }},
		{what: "out of date", spoil: func(c jwt.MapClaims) { c["exp"] = s.Now().Add(-time.Minute).Unix() }},
		{what: "signed by somebody else", signer: other},
		{what: "another state", words: "not begun here", address: func(a string) string { return strings.Replace(a, "state=", "state=x", 1) }},
		{what: "no state", words: "not begun here", address: func(a string) string { return strings.Replace(a, "state=", "s=", 1) }},
		{what: "a code that is none", address: func(a string) string { return strings.Replace(a, "code=", "code=x", 1) }},
		{what: "an error", address: func(a string) string { return strings.Replace(a, "code=", "error=access_denied&c=", 1) }},
	} {
		p.claims, p.spoil, p.signer = good, c.spoil, p.key
		if c.claims != nil {
			p.claims = c.claims
		}
		if c.signer != nil {
			p.signer = c.signer
		}
		v := s.stranger()
		back := p.there(v, "")
		if c.address != nil {
			back = c.address(back)
		}
		s.unchanged(c.what, func() {
			a := v.get(back)
			if a.status != http.StatusUnauthorized || sessionCookie(a) != nil {
				t.Errorf("%s: %d to %q", c.what, a.status, a.header.Get("Location"))
			}
			if words := c.words; words == "" {
				a.says(".note", "did not say who you are")
			} else {
				a.says(".note", words)
			}
		})
	}
	// Somebody else's way: the browser that began it is another one.
	p.claims, p.spoil, p.signer = good, nil, p.key
	victim := s.stranger()
	victim.Still = true
	if a := victim.get(p.there(s.stranger(), "")); a.status != http.StatusUnauthorized || sessionCookie(a) != nil {
		t.Errorf("a way that another browser began: %d", a.status)
	}
	p.Close()
	other2, _ := web.New(web.Config{Store: s.Store.Store, BaseURL: "http://numbers.example.com", SSO: &web.SSO{Issuer: p.URL, ClientID: "a", ClientSecret: "b"}})
	rec := httptest.NewRecorder()
	other2.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/sign-in/sso", nil))
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("a provider that is down: %d", rec.Code)
	}
	if _, err := web.New(web.Config{Store: s.Store.Store, SSO: &web.SSO{}}); tel.CodeOf(err) != tel.CodeInvalid {
		t.Error(err)
	}
	if strings.Contains(s.Log.String(), clientSecret) {
		t.Error("the secret is in the log")
	}
}

// A provider that hangs holds nobody longer than they wait, and one that failed is not
// asked by everybody anew.
func TestProviderThatHangs(t *testing.T) {
	asked, answer := make(chan bool), make(chan http.HandlerFunc)
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		(<-answer)(w, r)
	}))
	defer p.Close()
	s := openWith(t, "http://numbers.example.com", &web.SSO{Issuer: p.URL, ClientID: "numbers", ClientSecret: clientSecret})
	start := func(ctx context.Context) chan int {
		status := make(chan int, 1)
		go func() {
			w := httptest.NewRecorder()
			s.Server.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/sign-in/sso", nil).WithContext(ctx))
			status <- w.Code
		}()
		return status
	}
	answers := func(what string, status chan int, want int) {
		t.Helper()
		select {
		case <-asked:
			t.Fatalf("%s: the provider is asked again", what)
		case got := <-status:
			if got != want {
				t.Errorf("%s: %d, not %d", what, got, want)
			}
		case <-time.After(patience):
			t.Fatalf("%s: no answer", what)
		}
	}
	first := start(ctx)
	<-asked
	gone, leave := context.WithCancel(ctx)
	second := start(gone)
	leave()
	answers("who went away", second, http.StatusServiceUnavailable)
	third := start(ctx)
	answer <- http.NotFound
	answers("who asked", first, http.StatusServiceUnavailable)
	answers("who waited", third, http.StatusServiceUnavailable)
	answers("right after that", start(ctx), http.StatusServiceUnavailable)
	s.Clock.Add(5 * time.Second)
	later := start(ctx)
	<-asked
	answer <- func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys"})
	}
	answers("when it is well again", later, http.StatusSeeOther)
	answers("and from then on", start(ctx), http.StatusSeeOther)
}
