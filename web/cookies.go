package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/gorilla/sessions"

	"tnreserve/store"
	"tnreserve/views"
)

// cookieName is the session's name for gorilla/sessions; the cookie's own name says
// more where https allows it.
const cookieName = "tnreserve"

// cookieStore is a sessions.Store over the store's table: the cookie holds a random
// token and nothing else, so that signing out and changing a role count at once.
// gorilla's own stores cannot do that, and do not change the id at sign-in.
type cookieStore struct {
	store  *store.Store
	secure bool
}

var _ sessions.Store = (*cookieStore)(nil)

func (c *cookieStore) name(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return name
}

func (c *cookieStore) options() *sessions.Options {
	return &sessions.Options{Path: "/", HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode}
}

// Get reads the session of a request.
func (c *cookieStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(c, name)
}

// New is Get without the registry: the session that the cookie names, or a new one.
func (c *cookieStore) New(r *http.Request, name string) (*sessions.Session, error) {
	s := sessions.NewSession(c, name)
	s.Options = c.options()
	s.IsNew = true
	if cookie, err := r.Cookie(c.name(name)); err == nil && len(cookie.Value) == tokenLength {
		s.ID, s.IsNew = cookie.Value, false
	}
	return s, nil
}

const tokenLength = 43 // 256 bits in base64url

// Save sends the session's token to the browser; MaxAge below zero takes it away.
func (c *cookieStore) Save(_ *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	http.SetCookie(w, sessions.NewCookie(c.name(s.Name()), s.ID, s.Options))
	return nil
}

// begin gives the browser a new session's token.
func (c *cookieStore) begin(r *http.Request, w http.ResponseWriter, token string) error {
	s, err := c.Get(r, cookieName)
	if err != nil {
		return err
	}
	s.ID = token
	return s.Save(r, w)
}

// forget takes the token away from the browser.
func (c *cookieStore) forget(r *http.Request, w http.ResponseWriter) {
	if s, err := c.Get(r, cookieName); err == nil {
		s.ID, s.Options.MaxAge = "", -1
		_ = s.Save(r, w)
	}
}

// plainCookie sets a cookie that is no secret.
func (c *cookieStore) plainCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: c.name("tn-" + name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode})
}

func (c *cookieStore) readPlain(r *http.Request, name string) string {
	cookie, err := r.Cookie(c.name("tn-" + name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// A message about what was done travels to the next page in a cookie of its own: a
// page that is only looked at changes nothing in the database.

const maxFlash = 3000 // of the 4,096 bytes that a browser keeps of a cookie, with its name

// setFlash keeps a message's text for the next page, of a long one the beginning.
func (v *visit) setFlash(f views.Flash) {
	f.Link = nil // not believed there
	value := packFlash(f)
	for text := []rune(f.Text); len(value) > maxFlash && len(text) > 0; value = packFlash(f) {
		text = text[:len(text)*9/10]
		f.Text = string(text) + "…"
	}
	v.sessions.plainCookie(v.w, "flash", value, int(flashLife.Seconds()))
}

func packFlash(f views.Flash) string {
	var raw bytes.Buffer
	out := json.NewEncoder(&raw)
	out.SetEscapeHTML(false) // which makes six bytes of "<"
	_ = out.Encode(f)        // of texts alone
	return base64.RawURLEncoding.EncodeToString(raw.Bytes())
}

// takeFlashes are the messages to show now; the cookie is cleared.
func (v *visit) takeFlashes() []views.Flash {
	list := v.flashes
	value := v.sessions.readPlain(v.r, "flash")
	if value == "" || v.byItself() {
		return list
	}
	v.sessions.plainCookie(v.w, "flash", "", -1)
	raw, err := base64.RawURLEncoding.DecodeString(value)
	var f views.Flash
	if err == nil && json.Unmarshal(raw, &f) == nil && f.Text != "" {
		f.Link = nil // a cookie may say something, never lead anywhere
		list = append(list, f)
	}
	return list
}
