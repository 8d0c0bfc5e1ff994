package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"tnreserve/store/tel"
)

// WebhookPublicKey is what everybody checks this installation's signatures with: the
// standard base64 of 32 bytes. It is no secret.
func (s *Store) WebhookPublicKey(ctx context.Context) (string, error) {
	key, err := s.webhookKey(ctx)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)), nil
}

// SignWebhook signs a body sent at an instant with the installation's key, which does not
// leave the store: the standard base64 of the signature over "seconds|body".
func (s *Store) SignWebhook(ctx context.Context, actor tel.Actor, at time.Time, body []byte) (string, error) {
	if err := onlyHouse(actor); err != nil {
		return "", err
	}
	return s.signed(ctx, at, body)
}

func (s *Store) signed(ctx context.Context, at time.Time, body []byte) (string, error) {
	key, err := s.webhookKey(ctx)
	if err != nil {
		return "", err
	}
	message := append(strconv.AppendInt(nil, at.Unix(), 10), '|')
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, append(message, body...))), nil
}

// webhookKey is the installation's key, made at its first use.
func (s *Store) webhookKey(ctx context.Context) (ed25519.PrivateKey, error) {
	if key := s.signing.Load(); key != nil {
		return *key, nil
	}
	const ask = `SELECT seed FROM webhook_key WHERE id = 1`
	var seed []byte
	err := s.read.QueryRowContext(ctx, ask).Scan(&seed)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := make([]byte, ed25519.SeedSize)
		rand.Read(fresh)
		err = s.change(ctx, tel.System("webhooks"), func(t *tx) error {
			if _, err := t.exec(`INSERT INTO webhook_key (id, seed, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING`, fresh, micros(t.now)); err != nil {
				return err
			}
			return t.row(ask).Scan(&seed) // another process may have been faster
		})
	}
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("the key that webhooks are signed with is damaged")
	}
	key := ed25519.NewKeyFromSeed(seed)
	s.signing.Store(&key)
	return key, nil
}
