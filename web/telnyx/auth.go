package telnyx

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// authenticate finds out who asks and counts the request.
func (c *call) authenticate() (err error) {
	scheme, token, ok := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return tel.Refuse(tel.CodeSignIn, "Send Authorization: Bearer, with a key of a client.")
	}
	if c.actor, err = c.cfg.ByToken(c.r.Context(), strings.TrimSpace(token), c.addr()); err != nil {
		return err
	}
	c.actor.Door = "telnyx"
	return c.count()
}

// byToken is the client of a key, or of an OAuth 2 token that it asked for before.
func (d *Door) byToken(ctx context.Context, token, addr string) (tel.Actor, error) {
	if strings.HasPrefix(token, tel.KeyPrefix) {
		return d.store.ClientByKey(ctx, token, addr)
	}
	return d.store.ClientByToken(ctx, token, addr)
}

// count counts the request against the client's limit and tells how much is left.
func (c *call) count() error {
	if c.cfg.Limits == nil {
		return nil
	}
	ok, reset, remaining := c.cfg.Limits.Allow(c.actor.ID)
	h := c.w.Header()
	h.Set("X-Ratelimit-Limit", strconv.Itoa(c.cfg.Limits.Burst()))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Ratelimit-Reset", c.secondsUntil(reset))
	if ok {
		return nil
	}
	return &tel.Error{Code: tel.CodeSlowDown, Message: "This client asks too often.", At: reset}
}

// secondsUntil is rounded up.
func (c *call) secondsUntil(at time.Time) string {
	return strconv.Itoa(max(0, int((at.Sub(c.now)+time.Second-1)/time.Second)))
}

// comeBack tells somebody who was refused for now when to ask again.
func (c *call) comeBack(err error) {
	at := c.now.Add(time.Second)
	if e, ok := errors.AsType[*tel.Error](err); ok && e.At.After(c.now) {
		at = e.At
	}
	c.w.Header().Set("Retry-After", c.secondsUntil(at))
}

// What makes repeating safe.

// repeatsWithin is how long a request that comes again byte for byte is the same one,
// when it does not say of itself that it is a retry.
const (
	repeatsWithin = time.Minute
	retriesWithin = 24 * time.Hour
	// Two extends are always the same byte for byte. So only a retry counts as one, and
	// for as long as Telnyx's clients wait for an answer and before they ask again.
	extendRetriesWithin = 90 * time.Second
)

// repeat is how the store knows this request when it comes again: the route and the
// body, to the byte. The store adds the client.
func (c *call) repeat(body []byte) tel.Repeat {
	r := tel.Repeat{Mark: c.route.method + " " + c.route.pattern + "\n" + string(body), Within: repeatsWithin}
	if c.retried() {
		r.Within, r.Retry = retriesWithin, true
	}
	return r
}

// retried tells whether the client says that it sent this request before.
func (c *call) retried() bool {
	n, err := strconv.Atoi(c.r.Header.Get("X-Stainless-Retry-Count"))
	return err == nil && n > 0
}

// idempotencyKey is the header's key within the client and the route; "" is none. It
// begins with a character that no header can have, so that no other door's is like it.
func (c *call) idempotencyKey() (string, error) {
	key := c.r.Header.Get("Idempotency-Key")
	switch {
	case key == "":
		return "", nil
	case len(key) > 255:
		f := newFault(http.StatusBadRequest, codeBadRequest, "An Idempotency-Key has at most 255 characters.")
		f.errors[0].Source = &source{Parameter: "Idempotency-Key"}
		return "", f
	}
	sum := sha256.Sum256([]byte(c.actor.ID + "\x00" + c.route.method + " " + c.route.pattern + "\x00" + key))
	return "\x1f" + base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
