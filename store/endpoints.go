package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

// NewEndpointSecret is what an endpoint's deliveries are signed with, in the form of
// Standard Webhooks. It is answered once, when it is made.
type NewEndpointSecret struct {
	ID     string // the endpoint's
	Secret string // "whsec_…"
}

// LogValue and String keep the secret out of logs, whoever writes one.
func (n *NewEndpointSecret) LogValue() slog.Value { return slog.StringValue(n.String()) }
func (n *NewEndpointSecret) String() string       { return "secret of endpoint " + n.ID }

const secretPrefix = "whsec_"

// newEndpointSecret has 192 bits, as Standard Webhooks asks for at least, and no
// padding.
func newEndpointSecret() string {
	var random [24]byte
	rand.Read(random[:])
	return secretPrefix + base64.StdEncoding.EncodeToString(random[:])
}

const endpointColumns = `e.id, e.account_id, a.name, e.url, e.format, e.events, e.order_type, e.order_id, e.secret, e.paused_at, e.paused_because, e.failing_since, e.last_success_at,
	e.created_at, e.created_by_name, e.expires_at`

// scanEndpoint reads an endpoint; of its secret only what may be shown.
func scanEndpoint(row scanner, more ...any) (*tel.Endpoint, error) {
	var e tel.Endpoint
	var events, secret string
	err := row.Scan(append([]any{&e.ID, &e.Account, &e.AccountName, &e.URL, (*string)(&e.Format), &events, &e.OrderType, &e.OrderID, &secret, (*micros)(&e.PausedAt), &e.PausedBecause,
		(*micros)(&e.FailingSince), (*micros)(&e.LastSuccessAt), (*micros)(&e.CreatedAt), &e.CreatedBy, (*micros)(&e.ExpiresAt)}, more...)...)
	e.Events = eventsOf(events)
	if secret != "" {
		e.SecretHint = tel.SecretHint(secret)
	}
	return &e, err
}

// eventsOf reads the column of an endpoint's choice of events.
func eventsOf(column string) (list []tel.WebhookEvent) {
	for _, name := range strings.Fields(column) {
		list = append(list, tel.WebhookEvent(name))
	}
	return list
}

func eventsColumn(list []tel.WebhookEvent) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = string(e)
	}
	return strings.Join(names, " ")
}

// mayManageWebhooks keeps endpoints in people's hands: what a program arranges are its
// subscriptions.
func mayManageWebhooks(actor tel.Actor, account tel.AccountID) error {
	if err := actor.Require(tel.ActManageWebhooks, account); err != nil {
		return err
	}
	if actor.Kind == tel.KindClient {
		return tel.Forbidden(tel.ActManageWebhooks)
	}
	return nil
}

// CreateEndpoint makes an endpoint of an account, which is told from this change on.
// CodeInvalid with the field (url, events), CodeConflict when there are too many.
func (s *Store) CreateEndpoint(ctx context.Context, actor tel.Actor, n tel.NewEndpoint) (*NewEndpointSecret, error) {
	if err := mayManageWebhooks(actor, n.Account); err != nil {
		return nil, err
	}
	url, events, err := checkEndpoint(n.URL, n.Events)
	if err != nil {
		return nil, err
	}
	out := &NewEndpointSecret{ID: uuid.NewString(), Secret: newEndpointSecret()}
	err = s.change(ctx, actor, func(t *tx) error {
		if _, err := t.account(n.Account); err != nil {
			return err
		}
		var have int
		if err := t.row(`SELECT COUNT(*) FROM endpoint WHERE account_id = $1 AND format = 'json' AND deleted_at IS NULL`, int64(n.Account)).Scan(&have); err != nil {
			return err
		}
		if have >= tel.MostEndpoints {
			return tel.Refuse(tel.CodeConflict, "An account has at most %d endpoints; delete one first.", tel.MostEndpoints)
		}
		t.event(tel.EventEndpointCreated, n.Account, 0, tel.Facts{Subject: out.ID, After: endpointFacts{url, events}})
		return t.insertEndpoint(&tel.Endpoint{ID: out.ID, Account: n.Account, URL: url, Format: tel.FormatJSON, Events: events}, out.Secret)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// endpointFacts is what the history keeps of an endpoint: never a secret.
type endpointFacts struct {
	URL    string             `json:"url"`
	Events []tel.WebhookEvent `json:"events,omitempty"`
}

func checkEndpoint(url string, events []tel.WebhookEvent) (string, []tel.WebhookEvent, error) {
	url, err := tel.CheckEndpointURL(url)
	if err != nil {
		return "", nil, err
	}
	events, err = tel.CheckWebhookEvents(events)
	return url, events, err
}

// insertEndpoint writes an endpoint, or (a subscription's) changes the one that is
// there, deleted or paused, and begins anew with it.
func (t *tx) insertEndpoint(e *tel.Endpoint, secret string) error {
	a, err := t.account(e.Account)
	if err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO endpoint (id, account_id, url, format, events, order_type, order_id, secret, created_at, created_by_name, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE SET url = excluded.url, order_type = excluded.order_type, order_id = excluded.order_id, expires_at = excluded.expires_at,
			deleted_at = NULL, paused_at = NULL, paused_because = '', failing_since = NULL`,
		e.ID, int64(e.Account), e.URL, string(e.Format), eventsColumn(e.Events), e.OrderType, e.OrderID, secret, micros(t.now), t.actor.Name, micros(e.ExpiresAt)); err != nil {
		return err
	}
	return t.countEndpoints(a)
}

// countEndpoints keeps the account's number of endpoints, which tells its changes
// whether there is anybody to tell.
func (t *tx) countEndpoints(a *accountRow) error {
	t.writes++
	return t.row(`UPDATE account SET endpoints = (SELECT COUNT(*) FROM endpoint e WHERE e.account_id = $1 AND e.deleted_at IS NULL) WHERE id = $1 RETURNING endpoints`, int64(a.ID)).Scan(&a.endpoints)
}

const endpointSQL = `SELECT ` + endpointColumns + ` FROM endpoint e JOIN account a ON a.id = e.account_id WHERE e.deleted_at IS NULL AND `

// endpointWaitingSQL also counts what waits for it and what it was given up.
const endpointWaitingSQL = `SELECT ` + endpointColumns + `, (SELECT COUNT(*) FROM delivery d WHERE d.endpoint_id = e.id AND d.state IN ('waiting', 'sending')),
	(SELECT COUNT(*) FROM delivery d WHERE d.endpoint_id = e.id AND d.state = 'failed')
	FROM endpoint e JOIN account a ON a.id = e.account_id WHERE e.deleted_at IS NULL AND `

func scanWaitingEndpoint(row scanner) (*tel.Endpoint, error) {
	var waiting, givenUp int
	e, err := scanEndpoint(row, &waiting, &givenUp)
	e.Waiting, e.GivenUp = waiting, givenUp
	return e, err
}

// StoppedEndpoints counts an account's endpoints that were stopped and not by a person.
func (s *Store) StoppedEndpoints(ctx context.Context, actor tel.Actor, account tel.AccountID) (n int, err error) {
	if err := mayManageWebhooks(actor, account); err != nil {
		return 0, err
	}
	return n, s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM endpoint WHERE account_id = $1 AND deleted_at IS NULL AND paused_because <> ''`, int64(account)).Scan(&n)
}

// Endpoints lists an account's, oldest first, its programs' subscriptions to a URL
// among them.
func (s *Store) Endpoints(ctx context.Context, actor tel.Actor, account tel.AccountID) ([]*tel.Endpoint, error) {
	if err := mayManageWebhooks(actor, account); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, endpointWaitingSQL+`e.account_id = $1 ORDER BY e.created_at, e.id`, int64(account))
	if err != nil {
		return nil, err
	}
	return collect(rows, scanWaitingEndpoint)
}

// Endpoint is one endpoint.
func (s *Store) Endpoint(ctx context.Context, actor tel.Actor, id string) (*tel.Endpoint, error) {
	canonical, err := CanonicalID(id)
	if err != nil {
		return nil, tel.NotFound()
	}
	e, err := scanWaitingEndpoint(s.read.QueryRowContext(ctx, endpointWaitingSQL+`e.id = $1`, canonical))
	if err := mayChangeEndpoint(actor, e, err); err != nil {
		return nil, err
	}
	return e, nil
}

// mayChangeEndpoint judges an endpoint that was read: what is not there and what is
// another account's answer alike.
func mayChangeEndpoint(actor tel.Actor, e *tel.Endpoint, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return tel.NotFound()
	}
	if err != nil {
		return err
	}
	return mayManageWebhooks(actor, e.Account)
}

// changeEndpoint finds an endpoint inside a change.
func (s *Store) changeEndpoint(ctx context.Context, actor tel.Actor, id string, fn func(*tx, *tel.Endpoint) error) error {
	canonical, err := CanonicalID(id)
	if err != nil {
		return tel.NotFound()
	}
	return s.change(ctx, actor, func(t *tx) error {
		e, err := scanEndpoint(t.row(endpointSQL+`e.id = $1`, canonical))
		if err := mayChangeEndpoint(t.actor, e, err); err != nil {
			return err
		}
		return fn(t, e)
	})
}

// ownEndpoint refuses what belongs to a program's subscription.
func ownEndpoint(e *tel.Endpoint) error {
	if e.Format == tel.FormatJSON {
		return nil
	}
	return tel.Refuse(tel.CodeConflict, "This is a subscription that a program made; it is changed and deleted there. It can be paused here.")
}

// ChangeEndpoint gives an endpoint another URL and other events (none is all). What
// waits goes to the new URL.
func (s *Store) ChangeEndpoint(ctx context.Context, actor tel.Actor, id, url string, events []tel.WebhookEvent) error {
	url, events, err := checkEndpoint(url, events)
	if err != nil {
		return err
	}
	return s.changeEndpoint(ctx, actor, id, func(t *tx, e *tel.Endpoint) error {
		if err := ownEndpoint(e); err != nil {
			return err
		}
		if e.URL == url && slices.Equal(e.Events, events) {
			return nil
		}
		t.event(tel.EventEndpointChanged, e.Account, 0, tel.Facts{Subject: e.ID, Before: endpointFacts{e.URL, e.Events}, After: endpointFacts{url, events}})
		_, err := t.exec(`UPDATE endpoint SET url = $1, events = $2 WHERE id = $3`, url, eventsColumn(events), e.ID)
		return err
	})
}

// PauseEndpoint keeps deliveries back until it is resumed. What happens meanwhile
// waits with them, for tel.DeliveriesStand at most. Once more changes nothing.
func (s *Store) PauseEndpoint(ctx context.Context, actor tel.Actor, id string) error {
	return s.changeEndpoint(ctx, actor, id, func(t *tx, e *tel.Endpoint) error {
		if e.State() == tel.EndpointPaused {
			return nil
		}
		return t.pauseEndpoint(e, "")
	})
}

// pauseEndpoint pauses for a reason in a person's words; "" is that a person wanted
// it.
func (t *tx) pauseEndpoint(e *tel.Endpoint, because string) error {
	t.event(tel.EventEndpointPaused, e.Account, 0, tel.Facts{Subject: e.ID, Reason: because})
	_, err := t.exec(`UPDATE endpoint SET paused_at = $1, paused_because = $2 WHERE id = $3`, micros(t.now), because, e.ID)
	return err
}

// ResumeEndpoint sends to an endpoint again, what waited for it at once, and each for
// a whole day anew.
func (s *Store) ResumeEndpoint(ctx context.Context, actor tel.Actor, id string) error {
	return s.changeEndpoint(ctx, actor, id, func(t *tx, e *tel.Endpoint) error {
		if e.State() == tel.EndpointActive {
			return nil
		}
		t.event(tel.EventEndpointResumed, e.Account, 0, tel.Facts{Subject: e.ID})
		if err := t.beginAnew(e.ID); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE endpoint SET paused_at = NULL, paused_because = '', failing_since = NULL WHERE id = $1`, e.ID)
		return err
	})
}

// beginAnew has what waits for an endpoint tried at once, and for a whole day.
func (t *tx) beginAnew(endpoint string) error {
	t.outbox.due = true
	_, err := t.exec(`UPDATE delivery SET next_at = $1, in_a_row = 0, tried_from = NULL WHERE endpoint_id = $2 AND next_at IS NOT NULL AND state = 'waiting' AND in_a_row > 0`, micros(t.now), endpoint)
	return err
}

// DeleteEndpoint ends an endpoint: nothing more is sent to it, and what was kept of
// its deliveries goes.
func (s *Store) DeleteEndpoint(ctx context.Context, actor tel.Actor, id string) error {
	return s.changeEndpoint(ctx, actor, id, func(t *tx, e *tel.Endpoint) error {
		if err := ownEndpoint(e); err != nil {
			return err
		}
		t.event(tel.EventEndpointDeleted, e.Account, 0, tel.Facts{Subject: e.ID, Before: endpointFacts{e.URL, e.Events}})
		return t.deleteEndpoint(e.Account, e.ID)
	})
}

// deleteEndpoint takes an endpoint away, if it is there; housekeeping does the rest.
func (t *tx) deleteEndpoint(account tel.AccountID, id string) error {
	a, err := t.account(account)
	if err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE endpoint SET deleted_at = $1, secret = '', old_secret = '' WHERE id = $2 AND deleted_at IS NULL`, micros(t.now), id); err != nil {
		return err
	}
	return t.countEndpoints(a)
}

// RotateEndpointSecret gives an endpoint a new secret in place of the one with a hint ("":
// whichever it has; CodeConflict when it has another by now). For tel.SecretOverlap its
// deliveries are signed with the one before too.
func (s *Store) RotateEndpointSecret(ctx context.Context, actor tel.Actor, id, hint string) (*NewEndpointSecret, error) {
	var out *NewEndpointSecret
	err := s.changeEndpoint(ctx, actor, id, func(t *tx, e *tel.Endpoint) error {
		if err := ownEndpoint(e); err != nil {
			return err
		}
		if hint != "" && hint != e.SecretHint {
			return tel.Refuse(tel.CodeConflict, "The secret was replaced already; nothing was done now.")
		}
		out = &NewEndpointSecret{ID: e.ID, Secret: newEndpointSecret()}
		until := t.now.Add(tel.SecretOverlap)
		t.event(tel.EventEndpointRotated, e.Account, 0, tel.Facts{Subject: e.ID, ExpiresAt: until.UnixMicro()})
		_, err := t.exec(`UPDATE endpoint SET old_secret = secret, old_until = $1, secret = $2 WHERE id = $3`, micros(until), out.Secret, e.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TestEndpoint queues a test delivery and answers its id. CodeConflict while the
// endpoint is paused.
func (s *Store) TestEndpoint(ctx context.Context, actor tel.Actor, id string) (delivery string, err error) {
	err = s.changeEndpoint(ctx, actor, id, func(t *tx, e *tel.Endpoint) error {
		if err := ownEndpoint(e); err != nil {
			return err
		}
		if e.State() == tel.EndpointPaused {
			return errPaused
		}
		delivery = uuid.NewString()
		event := t.event(tel.EventEndpointTested, e.Account, 0, tel.Facts{Subject: e.ID})
		t.outbox.add(outgoing{id: delivery, endpoint: e.ID, event: event, told: tel.WebhookTest, subject: "test " + delivery}, t.now)
		return nil
	})
	return delivery, err
}

var errPaused = tel.Refuse(tel.CodeConflict, "This endpoint is paused; resume it first.")

// SetExpiringNotice changes how long before expiry an account's endpoints are told
// that a hold runs out; 0 is not at all.
func (s *Store) SetExpiringNotice(ctx context.Context, actor tel.Actor, id tel.AccountID, notice time.Duration) error {
	if err := mayManageWebhooks(actor, id); err != nil {
		return err
	}
	notice = notice.Truncate(time.Microsecond) // what the database keeps
	return s.change(ctx, actor, func(t *tx) error {
		a, err := t.account(id)
		if err != nil {
			return err
		}
		if err := a.CheckExpiringNotice(notice); err != nil || a.ExpiringNotice == notice {
			return err
		}
		if _, err := t.exec(`UPDATE account SET expiring_us = $1, expiring_since = CASE WHEN expiring_us < $1 THEN $2 ELSE expiring_since END WHERE id = $3`, notice.Microseconds(), micros(t.now), int64(id)); err != nil {
			return err
		}
		t.event(tel.EventPolicy, id, 0, tel.Facts{Subject: "expiring notice", Before: a.ExpiringNotice, After: notice})
		a.ExpiringNotice = notice
		return t.warnFrom(id, t.now.Add(notice))
	})
}
