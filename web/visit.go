package web

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/web/observe"
)

// visit is one request with what every handler needs.
type visit struct {
	*Server
	w       http.ResponseWriter
	r       *http.Request
	token   string         // of the session's cookie, "" none
	session *store.Session // nil when nobody is signed in
	actor   tel.Actor      // zero when nobody is signed in
	now     time.Time
	flashes []views.Flash // for this very answer, beside those the cookie brought
	made    func()        // if set, called when a page is made and before it is sent
}

// maxForm bounds a form; a file to import has its own bound.
const maxForm = 256 << 10

// serve turns a route into a handler: who asks, may they come in, and what becomes
// of an error.
func (s *Server) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Server: s, w: w, r: r, now: s.store.Now()}
		if err := v.admit(rt); err != nil {
			v.fail(err)
			return
		}
		if err := rt.handle(v); err != nil {
			v.fail(err)
		}
	}
}

// admit finds out who asks and reads the form.
func (v *visit) admit(rt route) error {
	if strings.HasPrefix(rt.pattern, "GET /static/") || rt.pattern == "GET /healthz" || rt.pattern == "GET /readyz" {
		return nil
	}
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Add("Vary", "HX-Request")
	err := v.identify()
	if v.session == nil {
		v.w.Header().Add("Vary", "Accept-Language")
	}
	v.speak(v.chosenLanguage())
	if err != nil && (rt.access == signedIn || tel.CodeOf(err) != tel.CodeSignIn) {
		return err
	}
	if v.r.Method == http.MethodPost && rt.pattern != "POST /inventory/import" {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
		if err := v.r.ParseForm(); err != nil {
			return tel.Invalid("form", "This form could not be read.")
		}
	}
	return nil
}

// identify reads the session, with the roles of this moment.
func (v *visit) identify() error {
	cookie, err := v.sessions.Get(v.r, cookieName)
	if err != nil {
		return err
	}
	v.token = cookie.ID
	if v.token == "" {
		return tel.Refuse(tel.CodeSignIn, "Please sign in.")
	}
	session, err := v.store.Session(v.r.Context(), v.token, v.remoteAddr(v.r))
	if err != nil {
		return err
	}
	v.session, v.actor = session, session.Actor
	observe.Of(v.r.Context()).Account = v.actor.Account
	if v.byItself() {
		v.r = v.r.WithContext(store.Unasked(v.r.Context()))
	} else {
		v.store.TouchSession(v.r.Context(), session, v.token)
	}
	return nil
}

// form is a value that was posted, query one of the address: never the other, so
// that an address cannot slip a field into a form.
func (v *visit) form(name string) string  { return strings.TrimSpace(v.r.PostForm.Get(name)) }
func (v *visit) query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// render answers with a page: built whole before the first byte, so that an error
// in it can still be answered as one.
func (v *visit) render(status int, page templ.Component) error {
	var buf bytes.Buffer
	if err := page.Render(views.InZone(v.r.Context(), v.zone()), &buf); err != nil {
		return err
	}
	if v.made != nil {
		v.made()
	}
	if v.r.Method == http.MethodPost && v.fragment() {
		v.keepAddress() // nobody can go back to, or load again, the address of a form
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, err := v.w.Write(buf.Bytes())
	if err != nil {
		v.log.Debug("the reader went away", "error", err)
	}
	return nil
}

// redirect answers a form: see the page at an address of ours.
func (v *visit) redirect(to string) error {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// back is where a form came from, or a fallback.
func (v *visit) back(fallback string) string {
	if to := v.localPath(v.form("back")); to != "" {
		return to
	}
	return fallback
}

// done tells what was done and goes back.
func (v *visit) done(to string, flash views.Flash) error {
	v.setFlash(flash)
	return v.redirect(to)
}

func ok(text string) views.Flash { return views.Flash{Kind: views.FlashOK, Text: text} }

// self is this page's own address with its filters.
func (v *visit) self() string { return v.r.URL.RequestURI() }

// with is an address with a changed filter; "" takes it away.
func with(path string, q url.Values, changes ...string) string {
	c := url.Values{}
	for k, vs := range q {
		if len(vs) > 0 && vs[0] != "" {
			c[k] = vs[:1]
		}
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if changes[i+1] == "" {
			c.Del(changes[i])
		} else {
			c.Set(changes[i], changes[i+1])
		}
	}
	if len(c) == 0 {
		return path
	}
	return path + "?" + c.Encode()
}
