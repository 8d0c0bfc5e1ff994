package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/web/observe"
)

// statusOf is the dashboard's table from the one vocabulary to HTTP.
func statusOf(code tel.Code) int {
	switch code {
	case tel.CodeInvalid:
		return http.StatusUnprocessableEntity
	case tel.CodeNotFound:
		return http.StatusNotFound
	case tel.CodeForbidden, tel.CodeReservationsOff, tel.CodeSwitchLocked:
		return http.StatusForbidden
	case tel.CodeNotAvailable, tel.CodeHeldByYou, tel.CodeRanOut, tel.CodeEnded, tel.CodeNoExtensionsLeft, tel.CodeAtLimit,
		tel.CodeTooManyHeld, tel.CodeTooManyTNs, tel.CodeCoolingDown, tel.CodeConflict:
		return http.StatusConflict
	case tel.CodeSignIn:
		return http.StatusUnauthorized
	case tel.CodeSlowDown:
		return http.StatusTooManyRequests
	case tel.CodeBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail is the one funnel: an error becomes an answer here and nowhere else.
func (v *visit) fail(err error) {
	if errors.Is(err, context.Canceled) && v.r.Context().Err() != nil {
		return // nobody waits for an answer
	}
	code := tel.CodeOf(err)
	if code == tel.CodeNotFound && v.session != nil && v.r.Pattern != "/" {
		if often := v.often(v.pace.misses); often != nil { // perhaps guessing
			err, code = often, tel.CodeOf(often)
		}
	}
	if code == tel.CodeSignIn && v.r.URL.Path != "/sign-in" && v.session == nil {
		v.toSignIn()
		return
	}
	problem := views.Problem{Status: statusOf(code)}
	if e, ok := errors.AsType[*tel.Error](err); ok {
		problem.Message = v.say(e)
		if !e.At.IsZero() {
			problem.Wait = max(0, e.At.Sub(v.now))
		}
	}
	if first, rest, _ := strings.Cut(strings.TrimPrefix(v.r.URL.EscapedPath(), "/"), "/"); first == "buy" || first == "shop" {
		name, _, _ := strings.Cut(rest, "/")
		problem.Outside, problem.Back = true, "/"+first+"/"+name // for who has no other page here
	}
	if code == tel.CodeNotFound {
		problem.Back = ""
		problem.Message = "" // one text, whatever it was
	}
	if problem.Status >= 500 {
		problem.RequestID = v.id()
		v.log.Error("request failed", "request", problem.RequestID, "route", v.r.Pattern, "error", err)
	}
	if problem.Status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", "1")
	}
	if err := v.tell(problem); err != nil {
		v.log.Error("the error page failed", "request", v.id(), "error", err)
		http.Error(v.w, http.StatusText(problem.Status), problem.Status)
	}
}

// tell answers with a problem's page; where a form was sent from a page that stays open,
// with a message on it when the same form may do later: what was typed is not lost. So it
// is where nobody knows whose page that is: the problem's would have nothing around it.
func (v *visit) tell(p views.Problem) error {
	if v.fragment() && v.token != "" && (v.r.Method == http.MethodPost || v.session == nil) && (p.Status >= 500 || p.Status == http.StatusTooManyRequests) {
		v.stay()
		v.keepAddress()
		if !v.byItself() {
			v.flashes = append(v.flashes, views.Flash{Kind: views.FlashError, Text: p.Said(v.r.Context())})
		}
		return v.render(p.Status, views.News(views.Shell{Flash: v.takeFlashes()}))
	}
	return v.render(p.Status, views.ProblemPage(v.shell(), p))
}

func (v *visit) id() string {
	return observe.Of(v.r.Context()).ID
}

// toSignIn sends somebody who is not signed in to do so, or to finish it, and back
// afterwards: to what they asked for or, when that is no page of its own, to where they
// stood.
func (v *visit) toSignIn() {
	q := url.Values{}
	if v.r.Method == http.MethodGet && v.r.URL.Path != "/" && !v.byItself() {
		q.Set("next", v.localPath(v.self()))
	}
	if q.Get("next") == "" && v.fragment() {
		q.Set("next", v.standsAt())
	}
	to := with("/sign-in", q)
	if v.token != "" {
		if step, _, err := v.store.StepLeft(v.r.Context(), v.token); err == nil {
			to = v.stepAt(step, q.Get("next"))
		} else {
			q.Set("ended", "1")
			to = with("/sign-in", q)
			if v.scripted() || v.r.URL.Path != "/live" {
				v.sessions.forget(v.r, v.w) // a stream says nothing: its page asks why, with the cookie
			}
		}
	}
	if v.scripted() {
		v.leave(to)
		v.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if v.r.URL.Path == "/live" {
		v.w.WriteHeader(http.StatusNoContent) // tells an event stream not to come back
		return
	}
	_ = v.redirect(to)
}

// refused tells whether an error is a refusal that a page can show beside what was
// asked, rather than instead of it.
func refused(err error) (*tel.Error, bool) {
	e, ok := errors.AsType[*tel.Error](err)
	if !ok || statusOf(e.Code) != http.StatusConflict && statusOf(e.Code) != http.StatusUnprocessableEntity && e.Code != tel.CodeReservationsOff && e.Code != tel.CodeSwitchLocked {
		return nil, false
	}
	return e, true
}

// backWith goes back with a refusal as a message, or fails with the error.
func (v *visit) backWith(to string, err error) error {
	if e, ok := refused(err); ok {
		return v.done(to, views.Flash{Kind: views.FlashError, Text: v.say(e)})
	}
	return err
}

// why says to who asked why something failed after other things of the same form were
// done: the page of an error would say that nothing was.
func (v *visit) why(err error) string {
	e, ok := errors.AsType[*tel.Error](err)
	if !ok || statusOf(e.Code) >= 500 {
		v.log.Error("request failed in part", "request", v.id(), "route", v.r.Pattern, "error", err)
	}
	if !ok {
		return v.t("The fault is ours, not yours.")
	}
	return v.say(e)
}

// fieldErrors are a form's errors by field, from one refusal.
func (v *visit) fieldErrors(err error) (map[string]string, bool) {
	e, ok := errors.AsType[*tel.Error](err)
	if !ok || e.Code != tel.CodeInvalid || e.Field == "" {
		return nil, false
	}
	return map[string]string{e.Field: v.say(e)}, true
}

// nothing answers for every address that is none.
func (v *visit) nothing() error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		r := &http.Request{Method: method, URL: v.r.URL, Host: v.r.Host}
		if _, pattern := v.mux.Handler(r); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return tel.NotFound()
	}
	v.w.Header().Set("Allow", strings.Join(allowed, ", "))
	return v.render(http.StatusMethodNotAllowed, views.ProblemPage(v.shell(), views.Problem{Status: http.StatusMethodNotAllowed}))
}

const flashLife = time.Minute
