package bandwidth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// authenticate finds out who asks and counts the request.
func (c *call) authenticate() (err error) {
	if c.actor, err = c.client(); err != nil {
		return err
	}
	c.actor.Door = "bandwidth"
	if c.cfg.Limits == nil {
		return nil
	}
	if ok, reset, _ := c.cfg.Limits.Allow(c.actor.ID); !ok {
		return &tel.Error{Code: tel.CodeSlowDown, Message: "Too many requests.", At: reset}
	}
	return nil
}

// client is whose credential the request carries. Cookies count for nothing.
func (c *call) client() (tel.Actor, error) {
	ctx, header := c.r.Context(), c.r.Header.Get("Authorization")
	if scheme, token, ok := strings.Cut(header, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return c.cfg.Auth.ByToken(ctx, strings.TrimSpace(token), c.addr())
	}
	if username, password, ok := c.r.BasicAuth(); ok {
		return c.cfg.Auth.ByPassword(ctx, username, password, c.addr())
	}
	return tel.Actor{}, tel.Refuse(tel.CodeSignIn, "No credentials.")
}

// challenge asks for credentials: the Java client gives them only when asked.
func (c *call) challenge() { c.w.Header().Set("WWW-Authenticate", `Basic realm="tnreserve"`) }

// slowDown answers somebody who asks too much: no body, and when to come back.
func (c *call) slowDown(err error) {
	at := c.now.Add(time.Second)
	if e, ok := errors.AsType[*tel.Error](err); ok && e.At.After(c.now) {
		at = e.At
	}
	c.w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(at.Add(time.Second-1).Unix(), 10)) // rounded up
	_ = c.empty(http.StatusTooManyRequests)
}

const maxForm = 8 << 10

// tokenRequest answers POST {prefix}/oauth2/token, in JSON as OAuth 2 has it; false
// for every other path.
func (c *call) tokenRequest(path []string) bool {
	if len(path) != 2 || !strings.EqualFold(path[0], "oauth2") || !strings.EqualFold(path[1], "token") {
		return false
	}
	c.route = &tokenRoute
	if c.r.Method != http.MethodPost {
		c.w.Header().Set("Allow", http.MethodPost)
		c.refuseToken(http.StatusMethodNotAllowed, "invalid_request")
		return true
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxForm)
	if err := c.r.ParseForm(); err != nil {
		c.refuseToken(http.StatusBadRequest, "invalid_request")
		return true
	}
	c.issue(c.r.PostForm)
	return true
}

func (c *call) issue(form url.Values) {
	if form.Get("grant_type") != "client_credentials" {
		what := "unsupported_grant_type"
		if form.Get("grant_type") == "" {
			what = "invalid_request"
		}
		c.refuseToken(http.StatusBadRequest, what)
		return
	}
	if _, _, basic := c.r.BasicAuth(); !basic && form.Get("client_id") != "" {
		c.r.SetBasicAuth(form.Get("client_id"), form.Get("client_secret")) // the other way of RFC 6749, 2.3.1
	}
	if _, _, basic := c.r.BasicAuth(); !basic { // a token does not make tokens
		c.refuseToken(http.StatusUnauthorized, "invalid_client")
		return
	}
	err := c.authenticate()
	var token string
	var life time.Duration
	if err == nil {
		token, life, err = c.cfg.Auth.IssueToken(c.r.Context(), c.actor)
	}
	switch tel.CodeOf(err) {
	case "":
		c.json(http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(life / time.Second)})
	case tel.CodeSlowDown:
		c.slowDown(err)
	case tel.CodeSignIn, tel.CodeForbidden, tel.CodeNotFound:
		c.refuseToken(http.StatusUnauthorized, "invalid_client")
	case tel.CodeBusy:
		c.w.Header().Set("Retry-After", "1")
		c.refuseToken(http.StatusServiceUnavailable, "temporarily_unavailable")
	default:
		c.log.Error("request failed", "request", c.id, "route", c.route.pattern, "error", err)
		c.refuseToken(http.StatusInternalServerError, "server_error")
	}
}

func (c *call) refuseToken(status int, what string) {
	if status == http.StatusUnauthorized {
		c.challenge()
	}
	c.json(status, map[string]any{"error": what})
}

func (c *call) json(status int, v map[string]any) {
	text, _ := json.Marshal(v) // plain values: cannot fail
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(text)
}
