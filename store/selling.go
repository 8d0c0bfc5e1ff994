package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"reflect"

	"tnreserve/store/tel"
)

const sellingColumns = `s.questions, s.checkout_url, s.checkout_secret, s.offer_similar, s.shop_on, s.slug, s.window_us, s.most_held`

// scanSelling reads how an account sells, and the secret that it shares with its
// payment page.
func scanSelling(row scanner, more ...any) (sel tel.Selling, secret string, err error) {
	var questions string
	var window int64
	err = row.Scan(append([]any{&questions, &sel.CheckoutURL, &secret, &sel.OfferSimilar, &sel.ShopOn, &sel.Slug, &window, &sel.MostHeld}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return tel.DefaultSelling(), "", nil
	}
	if err != nil {
		return sel, "", err
	}
	sel.HasSecret, sel.Window = secret != "", fromMicros(window)
	return sel, secret, json.Unmarshal([]byte(questions), &sel.Questions)
}

const sellingSQL = `SELECT ` + sellingColumns + ` FROM selling s WHERE s.account_id = $1`

func (t *tx) selling(account tel.AccountID) (tel.Selling, string, error) {
	return scanSelling(t.row(sellingSQL, int64(account)))
}

// Selling reads how an account sells to end users.
func (s *Store) Selling(ctx context.Context, actor tel.Actor, account tel.AccountID) (tel.Selling, error) {
	if err := actor.Require(tel.ActSetSelling, account); err != nil {
		return tel.Selling{}, err
	}
	sel, _, err := scanSelling(s.read.QueryRowContext(ctx, sellingSQL, int64(account)))
	return sel, err
}

// SetSelling changes how an account sells to end users. CodeInvalid with the first
// field that is wrong, CodeConflict when another account has the storefront's address.
func (s *Store) SetSelling(ctx context.Context, actor tel.Actor, account tel.AccountID, want tel.Selling) error {
	return s.change(ctx, actor, func(t *tx) error {
		if _, err := t.accountFor(tel.ActSetSelling, account); err != nil {
			return err
		}
		is, secret, err := t.selling(account)
		if err != nil {
			return err
		}
		want.HasSecret = is.HasSecret
		if faults := want.Check(); len(faults) > 0 {
			return faults[0]
		}
		if err := t.slugIsFree(account, want.Slug); err != nil {
			return err
		}
		if reflect.DeepEqual(want, is) {
			return nil
		}
		t.event(tel.EventSelling, account, 0, tel.Facts{Before: is, After: want})
		return t.writeSelling(account, want, secret)
	})
}

func (t *tx) slugIsFree(account tel.AccountID, slug string) error {
	var others int
	err := t.row(`SELECT COUNT(*) FROM selling WHERE slug = $1 AND slug <> '' AND account_id <> $2`, slug, int64(account)).Scan(&others)
	if err == nil && others > 0 {
		return tel.Refuse(tel.CodeConflict, "Another storefront has this address.")
	}
	return err
}

func (t *tx) writeSelling(account tel.AccountID, sel tel.Selling, secret string) error {
	questions, err := json.Marshal(sel.Questions)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO selling (account_id, questions, checkout_url, checkout_secret, offer_similar, shop_on, slug, window_us, most_held) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (account_id) DO UPDATE SET questions = excluded.questions, checkout_url = excluded.checkout_url, checkout_secret = excluded.checkout_secret, offer_similar = excluded.offer_similar,
			shop_on = excluded.shop_on, slug = excluded.slug, window_us = excluded.window_us, most_held = excluded.most_held`,
		int64(account), string(questions), sel.CheckoutURL, secret, sel.OfferSimilar, sel.ShopOn, sel.Slug, sel.Window.Microseconds(), sel.MostHeld)
	return err
}

// NewCheckoutSecret makes the secret that an account shares with its payment page, in
// place of the one before. It is answered this once. The database keeps it as it is,
// for signatures need it; nobody can read it there through us. What is signed with the
// one before orders nothing any more, but for tel.SecretOverlap a payment is noted.
func (s *Store) NewCheckoutSecret(ctx context.Context, actor tel.Actor, account tel.AccountID) (string, error) {
	if actor.Kind == tel.KindClient {
		return "", tel.Forbidden(tel.ActSetSelling)
	}
	secret := newSecret(tel.CheckoutPrefix)
	err := s.change(ctx, actor, func(t *tx) error {
		if _, err := t.accountFor(tel.ActSetSelling, account); err != nil {
			return err
		}
		sel, before, err := t.selling(account)
		if err != nil {
			return err
		}
		t.event(tel.EventSelling, account, 0, tel.Facts{Subject: "secret"})
		if err := t.writeSelling(account, sel, secret); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE selling SET secret_before = $1, before_until = $2 WHERE account_id = $3`, before, micros(t.now.Add(tel.SecretOverlap)), int64(account))
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}
