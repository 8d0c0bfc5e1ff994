package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

// Subscriptions tell of every order of an account, so that they are for whoever may
// list and report.

const subscriptionColumns = `id, account_id, order_type, order_id, email, digest, url, expiry_us, created_at, changed_at`

func scanSubscription(row scanner) (*tel.Subscription, error) {
	var s tel.Subscription
	var expiry int64
	err := row.Scan(&s.ID, &s.Account, &s.OrderType, &s.OrderID, &s.Email, &s.Digest, &s.URL, &expiry, (*micros)(&s.CreatedAt), (*micros)(&s.ChangedAt))
	s.Expiry = fromMicros(expiry)
	return &s, err
}

// Subscriptions lists an account's, oldest first.
func (s *Store) Subscriptions(ctx context.Context, actor tel.Actor, account tel.AccountID) ([]*tel.Subscription, error) {
	if err := actor.Require(tel.ActListReservations, account); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+subscriptionColumns+` FROM subscription WHERE account_id = $1 ORDER BY created_at, id`, int64(account))
	if err != nil {
		return nil, err
	}
	return collect(rows, scanSubscription)
}

// Subscription reads one of an account by its id.
func (s *Store) Subscription(ctx context.Context, actor tel.Actor, account tel.AccountID, id string) (*tel.Subscription, error) {
	if err := actor.Require(tel.ActListReservations, account); err != nil {
		return nil, err
	}
	canonical, err := CanonicalID(id)
	if err != nil {
		return nil, tel.NotFound()
	}
	sub, err := scanSubscription(s.read.QueryRowContext(ctx, `SELECT `+subscriptionColumns+` FROM subscription WHERE account_id = $1 AND id = $2`, int64(account), canonical))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	return sub, err
}

// Subscribe makes a subscription.
func (s *Store) Subscribe(ctx context.Context, actor tel.Actor, sub tel.Subscription) (*tel.Subscription, error) {
	if err := sub.Check(); err != nil {
		return nil, err
	}
	err := s.change(ctx, actor, func(t *tx) error {
		if _, err := t.accountFor(tel.ActListReservations, sub.Account); err != nil {
			return err
		}
		var have int
		if err := t.row(`SELECT COUNT(*) FROM subscription WHERE account_id = $1`, int64(sub.Account)).Scan(&have); err != nil {
			return err
		}
		if have >= tel.MostSubscriptions {
			return tel.Refuse(tel.CodeConflict, "An account has at most %d subscriptions.", tel.MostSubscriptions)
		}
		sub.ID, sub.CreatedAt, sub.ChangedAt = uuid.NewString(), t.now, t.now
		t.event(tel.EventSubscriptionCreated, sub.Account, 0, tel.Facts{Subject: sub.ID, After: sub})
		if err := t.insertRows(`INSERT INTO subscription (`+subscriptionColumns+`) VALUES `, 10, []any{sub.ID, int64(sub.Account), sub.OrderType, sub.OrderID,
			sub.Email, sub.Digest, sub.URL, sub.Expiry.Microseconds(), micros(sub.CreatedAt), micros(sub.ChangedAt)}); err != nil {
			return err
		}
		return t.tellSubscriber(&sub)
	})
	return &sub, err
}

// ChangeSubscription puts another in the place of one of an account's.
func (s *Store) ChangeSubscription(ctx context.Context, actor tel.Actor, sub tel.Subscription) error {
	if err := sub.Check(); err != nil {
		return err
	}
	return s.changeSubscription(ctx, actor, sub.Account, sub.ID, func(t *tx, was *tel.Subscription) error {
		t.event(tel.EventSubscriptionChanged, sub.Account, 0, tel.Facts{Subject: was.ID, Before: was, After: sub})
		if _, err := t.exec(`UPDATE subscription SET order_type = $1, order_id = $2, email = $3, digest = $4, url = $5, expiry_us = $6, changed_at = $7 WHERE id = $8`,
			sub.OrderType, sub.OrderID, sub.Email, sub.Digest, sub.URL, sub.Expiry.Microseconds(), micros(t.now), was.ID); err != nil {
			return err
		}
		sub.ID = was.ID
		return t.tellSubscriber(&sub)
	})
}

// Unsubscribe ends one of an account's.
func (s *Store) Unsubscribe(ctx context.Context, actor tel.Actor, account tel.AccountID, id string) error {
	return s.changeSubscription(ctx, actor, account, id, func(t *tx, was *tel.Subscription) error {
		t.event(tel.EventSubscriptionDeleted, account, 0, tel.Facts{Subject: was.ID, Before: was})
		if _, err := t.exec(`DELETE FROM subscription WHERE id = $1`, was.ID); err != nil {
			return err
		}
		return t.deleteEndpoint(account, was.ID)
	})
}

// tellSubscriber keeps the endpoint through which a subscription to a URL is told. An
// e-mail subscription has none.
func (t *tx) tellSubscriber(sub *tel.Subscription) error {
	if sub.URL == "" {
		return t.deleteEndpoint(sub.Account, sub.ID)
	}
	e := &tel.Endpoint{ID: sub.ID, Account: sub.Account, URL: sub.URL, Format: tel.FormatBandwidth, OrderType: sub.OrderType, OrderID: sub.OrderID}
	if sub.Expiry > 0 {
		e.ExpiresAt = t.now.Add(sub.Expiry)
	}
	return t.insertEndpoint(e, "")
}

// changeSubscription finds one of an account's inside a change.
func (s *Store) changeSubscription(ctx context.Context, actor tel.Actor, account tel.AccountID, id string, fn func(*tx, *tel.Subscription) error) error {
	canonical, err := CanonicalID(id)
	if err != nil {
		return tel.NotFound()
	}
	return s.change(ctx, actor, func(t *tx) error {
		if _, err := t.accountFor(tel.ActListReservations, account); err != nil {
			return err
		}
		was, err := scanSubscription(t.row(`SELECT `+subscriptionColumns+` FROM subscription WHERE account_id = $1 AND id = $2`, int64(account), canonical))
		if errors.Is(err, sql.ErrNoRows) {
			return tel.NotFound()
		}
		if err != nil {
			return err
		}
		return fn(t, was)
	})
}
