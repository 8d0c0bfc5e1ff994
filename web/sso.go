package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// SSO is the identity provider that people may sign in with (OpenID Connect).
type SSO struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Groups       tel.GroupRoles // what its groups mean here
}

const ssoCallback = "/sign-in/sso/callback"

// provider asks for the identity provider's settings when they are first needed, so
// that this server starts while that one is down.
type provider struct {
	SSO
	callback string
	now      func() time.Time
	client   *http.Client
	mu       sync.Mutex
	last     *discovery // nil: nobody has asked
}

// discovery is one question for the settings, and when it is done its answer.
type discovery struct {
	done  chan struct{}
	found *oidc.Provider
	err   error
	at    time.Time
}

// failedFor is how long a question that failed answers for those after it: anybody may
// have this server ask.
const failedFor = 5 * time.Second

func newProvider(s SSO, base string, now func() time.Time) *provider {
	return &provider{SSO: s, callback: base + ssoCallback, now: now, client: &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// find waits for the settings as long as who needs them does.
func (p *provider) find(ctx context.Context) (*oidc.Provider, error) {
	d := p.asked()
	select {
	case <-d.done:
		return d.found, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// asked is the question whose answer counts now, if there is none yet a new one.
func (p *provider) asked() *discovery {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || p.last.over(p.now()) {
		p.last = &discovery{done: make(chan struct{})}
		go p.ask(p.last)
	}
	return p.last
}

// over tells whether a question failed so long ago that another is due.
func (d *discovery) over(now time.Time) bool {
	select {
	case <-d.done:
		return d.err != nil && now.Sub(d.at) >= failedFor
	default:
		return false
	}
}

func (p *provider) ask(d *discovery) {
	// Its keys are fetched with this context later: not a request's.
	d.found, d.err = oidc.NewProvider(p.context(context.Background()), p.Issuer)
	d.at = p.now()
	close(d.done)
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	scopes := []string{oidc.ScopeOpenID, "email", "profile"}
	var knows struct {
		Scopes []string `json:"scopes_supported"`
	}
	if found.Claims(&knows) == nil && slices.Contains(knows.Scopes, "groups") {
		scopes = append(scopes, "groups")
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.callback, Scopes: scopes}
}

// ssoTrip is what the browser keeps while it is at the identity provider.
type ssoTrip struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next,omitempty"`
}

const (
	ssoCookie = "sso"
	tripLife  = 10 * time.Minute
)

func unreachable() error {
	return tel.Refuse(tel.CodeBusy, "The single sign-on service cannot be reached. Try again in a moment, or sign in with a password.")
}

// ssoStart sends the browser to the identity provider.
func (v *visit) ssoStart() error {
	if v.sso == nil {
		return tel.NotFound()
	}
	found, err := v.sso.find(v.r.Context())
	if err != nil {
		v.log.Error("the identity provider cannot be asked", "request", v.id(), "error", err)
		return unreachable()
	}
	trip := ssoTrip{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: v.localPath(v.query("next"))}
	raw, err := json.Marshal(trip)
	if err != nil {
		return err
	}
	v.sessions.plainCookie(v.w, ssoCookie, base64.RawURLEncoding.EncodeToString(raw), int(tripLife.Seconds()))
	return v.redirect(v.sso.oauth(found).AuthCodeURL(trip.State, oidc.Nonce(trip.Nonce), oauth2.S256ChallengeOption(trip.Verifier)))
}

// takeTrip reads what the browser kept, once.
func (v *visit) takeTrip() (trip ssoTrip, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(v.sessions.readPlain(v.r, ssoCookie))
	if err != nil || len(raw) == 0 || json.Unmarshal(raw, &trip) != nil {
		return trip, false
	}
	v.sessions.plainCookie(v.w, ssoCookie, "", -1)
	state := v.query("state")
	return trip, trip.State != "" && trip.Nonce != "" && subtle.ConstantTimeCompare([]byte(state), []byte(trip.State)) == 1
}

// ssoReturn is where the identity provider sends the browser back to.
func (v *visit) ssoReturn() error {
	if v.sso == nil {
		return tel.NotFound()
	}
	trip, ok := v.takeTrip()
	if !ok {
		return v.notSignedIn(tel.Refuse(tel.CodeSignIn, "This sign-in was not begun here, or took too long. Begin again."))
	}
	who, err := v.sso.identify(v.r.Context(), v.query("code"), trip)
	if err != nil {
		v.log.Warn("single sign-on failed", "request", v.id(), "error", err, "answer", v.query("error"))
		return v.notSignedIn(err)
	}
	session, err := v.store.SignInAs(v.r.Context(), who, v.caller())
	if err != nil {
		return v.notSignedIn(err)
	}
	return v.begin(session, v.localPath(trip.Next))
}

// notSignedIn shows the sign-in page with what was wrong.
func (v *visit) notSignedIn(err error) error {
	e, ok := errors.AsType[*tel.Error](err)
	if !ok {
		e = tel.Refuse(tel.CodeSignIn, "The single sign-on service did not say who you are. Begin again.")
	} else if e.Code == tel.CodeBusy {
		return err
	}
	return v.render(statusOf(tel.CodeSignIn), views.SignInPage(v.shell(), views.SignIn{Error: v.say(e), SSO: true}))
}

// identify trades a code for who somebody is. Every foreign error is one text outside.
func (p *provider) identify(ctx context.Context, code string, trip ssoTrip) (who store.Identity, err error) {
	found, err := p.find(ctx)
	if err != nil {
		return who, err
	}
	ctx = p.context(ctx)
	token, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(trip.Verifier))
	if err != nil {
		return who, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := found.VerifierContext(p.context(context.Background()), &oidc.Config{ClientID: p.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return who, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(trip.Nonce)) != 1 {
		return who, errors.New("the nonce is another")
	}
	var claims ssoClaims
	if err := id.Claims(&claims); err != nil {
		return who, err
	}
	if claims.Email == "" || !isTrue(claims.Verified) {
		return who, tel.Refuse(tel.CodeSignIn, "The single sign-on service has no verified e-mail address of yours.")
	}
	return store.Identity{Issuer: id.Issuer, Subject: id.Subject, Email: claims.Email, Name: claims.Name, Places: p.Groups.Places(groupNames(claims.Groups))}, nil
}

// ssoClaims is what we read of an id token. Providers differ in how they write truth
// and lists.
type ssoClaims struct {
	Email    string          `json:"email"`
	Verified json.RawMessage `json:"email_verified"`
	Name     string          `json:"name"`
	Groups   json.RawMessage `json:"groups"`
}

func isTrue(raw json.RawMessage) bool { return strings.Trim(string(raw), `"`) == "true" }

func groupNames(raw json.RawMessage) (list []string) {
	var one string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	return nil
}
