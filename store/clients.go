package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"tnreserve/store/tel"
)

// NewClient is a client to be created.
type NewClient struct {
	Account tel.AccountID
	Name    string
	Role    tel.Role      // admin or member
	Expires time.Duration // from now; 0 is never
}

// NewClientCredentials is what a client signs in with. It is answered once, when it is
// made; the database keeps hashes.
type NewClientCredentials struct {
	ID        string
	Username  string    // for Basic; OAuth2's client id
	Password  string    // for Basic; OAuth2's client secret
	Key       string    // a bearer key
	ExpiresAt time.Time // zero: never
}

// LogValue and String keep the secrets out of logs, whoever writes one.
func (c *NewClientCredentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
func (c *NewClientCredentials) String() string       { return "credentials of client " + c.ID }

// CreateClient makes a client of an account. CodeConflict when the account has one of
// that name, revoked ones not counted.
func (s *Store) CreateClient(ctx context.Context, actor tel.Actor, n NewClient) (*NewClientCredentials, error) {
	if err := mayManageClients(actor, n.Account); err != nil {
		return nil, err
	}
	name, err := tel.CleanText("name", n.Name, tel.MaxName)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, tel.Invalid("name", "A client needs a name.")
	}
	if _, err := tel.CheckClientRole(string(n.Role)); err != nil {
		return nil, err
	}
	if n.Expires < 0 || n.Expires > tel.MaxClientLife {
		return nil, tel.Invalid("expires", "A client lives at most %s.", tel.Span(tel.MaxClientLife))
	}
	out := newCredentials(uuid.NewString(), "tnc_"+strings.ToLower(rand.Text()[:16]))
	err = s.change(ctx, actor, func(t *tx) error {
		if _, err := t.account(n.Account); err != nil {
			return err
		}
		if err := t.roomForClient(n.Account, name); err != nil {
			return err
		}
		out.ExpiresAt = time.Time{}
		if n.Expires > 0 {
			out.ExpiresAt = t.now.Add(n.Expires)
		}
		if _, err := t.exec(`INSERT INTO client (id, account_id, name, role, username, created_at, created_by_name, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			out.ID, int64(n.Account), name, string(n.Role), out.Username, micros(t.now), t.actor.Name, micros(out.ExpiresAt)); err != nil {
			return err
		}
		t.event(tel.EventClientCreated, n.Account, 0, tel.Facts{Subject: out.ID, After: map[string]any{"name": name, "role": n.Role, "username": out.Username, "expires_at": unixMicro(out.ExpiresAt)}})
		return t.insertSecret(out, 1)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// mayManageClients keeps credentials in people's hands: a program makes none.
func mayManageClients(actor tel.Actor, account tel.AccountID) error {
	if err := actor.Require(tel.ActManageClients, account); err != nil {
		return err
	}
	if actor.Kind == tel.KindClient {
		return tel.Forbidden(tel.ActManageClients)
	}
	return nil
}

func (t *tx) roomForClient(account tel.AccountID, name string) error {
	var clients, named int
	err := t.row(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN name = $1 THEN 1 ELSE 0 END), 0) FROM client WHERE account_id = $2 AND revoked_at IS NULL`, name, int64(account)).Scan(&clients, &named)
	switch {
	case err != nil:
		return err
	case named > 0:
		return tel.Refuse(tel.CodeConflict, "There is a client with this name already.")
	case clients >= tel.MostClients:
		return tel.Invalid("account", "An account has at most %d clients; revoke one first.", tel.MostClients)
	}
	return nil
}

func newCredentials(id, username string) *NewClientCredentials {
	return &NewClientCredentials{ID: id, Username: username, Password: newSecret(tel.PasswordPrefix), Key: newSecret(tel.KeyPrefix)}
}

func newSecret(prefix string) string {
	var random [tel.SecretBytes]byte
	rand.Read(random[:])
	return tel.NewSecret(prefix, random)
}

func (t *tx) insertSecret(c *NewClientCredentials, generation int) error {
	_, err := t.exec(`INSERT INTO client_secret (client_id, generation, password, password_hint, key, key_hint, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		c.ID, generation, tokenHash(c.Password), tel.SecretHint(c.Password), tokenHash(c.Key), tel.SecretHint(c.Key), micros(t.now))
	return err
}

func unixMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

const clientColumns = `c.id, c.account_id, a.name, c.name, c.role, c.username, c.created_at, c.created_by_name, c.expires_at, c.last_used_at, c.revoked_at, c.requests`

func scanClient(row scanner) (*tel.Client, error) {
	var c tel.Client
	return &c, row.Scan(clientTargets(&c)...)
}

func clientTargets(c *tel.Client) []any {
	return []any{&c.ID, &c.Account, &c.AccountName, &c.Name, (*string)(&c.Role), &c.Username, (*micros)(&c.CreatedAt), &c.CreatedBy,
		(*micros)(&c.ExpiresAt), (*micros)(&c.LastUsedAt), (*micros)(&c.RevokedAt), &c.Requests}
}

// mostListed is how many clients a list has; the revoked come last and fall off.
const mostListed = 500

// Clients lists an account's clients, newest first and the revoked last.
func (s *Store) Clients(ctx context.Context, actor tel.Actor, account tel.AccountID) ([]*tel.Client, error) {
	if err := mayManageClients(actor, account); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+clientColumns+` FROM client c JOIN account a ON a.id = c.account_id WHERE c.account_id = $1
		ORDER BY c.revoked_at IS NOT NULL, c.created_at DESC, c.id LIMIT $2`, int64(account), mostListed)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, scanClient)
	if err != nil {
		return nil, err
	}
	if err := s.fillUses(ctx, list); err != nil {
		return nil, err
	}
	return list, s.fillSecrets(ctx, list)
}

// Client is one client.
func (s *Store) Client(ctx context.Context, actor tel.Actor, id string) (*tel.Client, error) {
	c, err := scanClient(s.read.QueryRowContext(ctx, clientByID, id))
	if err := mayChangeClient(actor, c, err); err != nil {
		return nil, err
	}
	if err := s.fillUses(ctx, []*tel.Client{c}); err != nil {
		return nil, err
	}
	return c, s.fillSecrets(ctx, []*tel.Client{c})
}

const clientByID = `SELECT ` + clientColumns + ` FROM client c JOIN account a ON a.id = c.account_id WHERE c.id = $1`

// mayChangeClient judges a client that was read: what is not there and what is another
// account's answer alike.
func mayChangeClient(actor tel.Actor, c *tel.Client, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return tel.NotFound()
	}
	if err != nil {
		return err
	}
	return mayManageClients(actor, c.Account)
}

// fillSecrets reads what may be shown of the secrets that live.
func (s *Store) fillSecrets(ctx context.Context, list []*tel.Client) error {
	now := micros(s.Now())
	for _, c := range list {
		rows, err := s.read.QueryContext(ctx, `SELECT generation, password_hint, key_hint, created_at, expires_at FROM client_secret
			WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY generation DESC`, c.ID, now)
		if err != nil {
			return err
		}
		c.Secrets, err = collect(rows, func(row scanner) (i tel.SecretInfo, err error) {
			return i, row.Scan(&i.ID, &i.PasswordHint, &i.KeyHint, (*micros)(&i.CreatedAt), (*micros)(&i.ExpiresAt))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// RevokeClient ends a client: its next request is refused, its tokens with it. Once
// more changes nothing.
func (s *Store) RevokeClient(ctx context.Context, actor tel.Actor, id string) error {
	return s.change(ctx, actor, func(t *tx) error {
		c, err := scanClient(t.row(clientByID, id))
		if err := mayChangeClient(t.actor, c, err); err != nil {
			return err
		}
		if !c.RevokedAt.IsZero() {
			return nil
		}
		t.event(tel.EventClientRevoked, c.Account, 0, tel.Facts{Subject: c.ID})
		_, err = t.exec(`UPDATE client SET revoked_at = $1 WHERE id = $2`, micros(t.now), c.ID)
		return err
	})
}

// RotateClient gives a client a new password and key in place of those of one secret
// (SecretInfo.ID; "": whichever it has; CodeConflict when it has another by now). Those
// it has live for the overlap, those of an earlier rotation no longer: at most two live
// at once. CodeEnded for a client that is revoked or expired.
func (s *Store) RotateClient(ctx context.Context, actor tel.Actor, id, secret string, overlap time.Duration) (*NewClientCredentials, error) {
	var out *NewClientCredentials
	err := s.change(ctx, actor, func(t *tx) error {
		c, err := scanClient(t.row(clientByID, id))
		if err := mayChangeClient(t.actor, c, err); err != nil {
			return err
		}
		if overlap < 0 || overlap > tel.MaxOverlap {
			return tel.Invalid("overlap", "The old password and key live on for 0 to %s.", tel.Span(tel.MaxOverlap))
		}
		if state := c.StateAt(t.now); state != tel.ClientActive {
			return tel.Refuse(tel.CodeEnded, "This client is %s; create a new one.", state)
		}
		var generation int
		if err := t.row(`SELECT MAX(generation) FROM client_secret WHERE client_id = $1`, id).Scan(&generation); err != nil {
			return err
		}
		if secret != "" && secret != strconv.Itoa(generation) {
			return tel.Refuse(tel.CodeConflict, "The secrets of %s were replaced already; nothing was done now.", c.Name)
		}
		out = newCredentials(c.ID, c.Username)
		out.ExpiresAt = c.ExpiresAt
		until := t.now.Add(overlap)
		t.event(tel.EventClientRotated, c.Account, 0, tel.Facts{Subject: c.ID, ExpiresAt: until.UnixMicro()})
		if _, err := t.exec(`DELETE FROM client_secret WHERE client_id = $1 AND generation < $2`, id, generation); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE client_secret SET expires_at = $1 WHERE client_id = $2`, micros(until), id); err != nil {
			return err
		}
		return t.insertSecret(out, generation+1)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Signing in. Each way reads the client as it is now, so that revoking, expiry and the
// end of an overlap count from the next request on. The secrets are random and long,
// so that one quick hash is enough and nothing is written for each request.

// ClientByPassword is who a user name and password stand for (HTTP Basic, and OAuth2's
// client id and secret). CodeSignIn is one text whatever was wrong; CodeSlowDown takes
// its place for an address that fails often.
func (s *Store) ClientByPassword(ctx context.Context, username, password, addr string) (tel.Actor, error) {
	if !tel.WellFormedSecret(tel.PasswordPrefix, password) {
		return s.clientFailed(addr)
	}
	return s.clientBy(ctx, addr, `c.username = $1`, username, tokenHash(password), func(k *signInRow) []byte { return k.password })
}

// ClientByKey is who a bearer key stands for; refusals as in ClientByPassword.
func (s *Store) ClientByKey(ctx context.Context, key, addr string) (tel.Actor, error) {
	if !tel.WellFormedSecret(tel.KeyPrefix, key) {
		return s.clientFailed(addr)
	}
	hash := tokenHash(key)
	return s.clientBy(ctx, addr, `s.key = $1`, hash, hash, func(k *signInRow) []byte { return k.key })
}

// signInRow is a client with one of its secrets.
type signInRow struct {
	tel.Client
	generation    int64
	password, key []byte
	secretExpires time.Time
}

func (r *signInRow) lives(now time.Time) bool {
	return r.StateAt(now) == tel.ClientActive && (r.secretExpires.IsZero() || now.Before(r.secretExpires))
}

func (s *Store) signInRows(ctx context.Context, where string, arg any) ([]*signInRow, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+clientColumns+`, s.generation, s.password, s.key, s.expires_at
		FROM client c JOIN account a ON a.id = c.account_id JOIN client_secret s ON s.client_id = c.id WHERE `+where, arg)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (*signInRow, error) {
		var r signInRow
		return &r, row.Scan(append(clientTargets(&r.Client), &r.generation, &r.password, &r.key, (*micros)(&r.secretExpires))...)
	})
}

// clientBy finds the client whose secret has a hash. A name that nobody has takes a
// comparison too.
func (s *Store) clientBy(ctx context.Context, addr, where string, arg any, hash []byte, of func(*signInRow) []byte) (tel.Actor, error) {
	rows, err := s.signInRows(ctx, where, arg)
	if err != nil {
		return tel.Actor{}, err
	}
	var found *signInRow
	now := s.Now()
	if len(rows) == 0 {
		subtle.ConstantTimeCompare(make([]byte, sha256.Size), hash)
	}
	for _, r := range rows {
		if subtle.ConstantTimeCompare(of(r), hash) == 1 && r.lives(now) {
			found = r
		}
	}
	if found == nil {
		return s.clientFailed(addr)
	}
	return s.clientIn(ctx, found, addr), nil
}

// clientIn is a client that has shown who it is. The door names itself.
func (s *Store) clientIn(ctx context.Context, r *signInRow, addr string) tel.Actor {
	s.clients.count(r.ID)
	s.touchClient(ctx, &r.Client)
	return tel.Actor{Kind: tel.KindClient, ID: r.ID, Name: r.Name, Role: r.Role, Account: r.Account, Addr: addr}
}

// touchClient notes that a client was used, at most once a minute. That it fails (a
// full disk) keeps nobody out.
func (s *Store) touchClient(ctx context.Context, c *tel.Client) {
	now := s.Now()
	if now.Sub(c.LastUsedAt) < sessionTouch || !s.clients.touch(c.ID, now) {
		return
	}
	err := s.change(ctx, tel.System("client"), func(t *tx) error {
		_, err := t.exec(`UPDATE client SET last_used_at = $1 WHERE id = $2`, micros(t.now), c.ID)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.Warn("client not touched", "error", err)
	}
}

// Failures are counted per address and in memory: guessing 224 bits is hopeless, and a
// write for each would be the harm. An address over the limit is told to slow down
// instead of what is wrong; who shows a good secret from there comes in all the same,
// for behind a proxy all clients have one address.
const (
	failuresPerClientAddr = 50
	mostFailing           = 10_000 // addresses remembered
)

func (s *Store) clientFailed(addr string) (tel.Actor, error) {
	if until := s.clients.failed(addr, s.Now()); !until.IsZero() {
		e := tel.Refuse(tel.CodeSlowDown, "Too many attempts. Try again in a few minutes.")
		e.At = until
		return tel.Actor{}, e
	}
	return tel.Actor{}, tel.Refuse(tel.CodeSignIn, "These credentials are not known here.")
}

// clientMemory is what this process remembers of clients between requests.
type clientMemory struct {
	mu       sync.Mutex
	touched  map[string]time.Time
	failures map[string]*failing
	uses     map[string]int64 // requests of each client that are not written yet
	written  time.Time        // when they last were
	tokenKey []byte
}

// failing is an address that failed, and since when it is counted.
type failing struct {
	since time.Time
	n     int
}

// touch tells whether a client's last use is to be written down now: for many at once
// only one does.
func (m *clientMemory) touch(id string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.touched[id]) < sessionTouch {
		return false
	}
	if m.touched == nil || len(m.touched) >= mostFailing {
		m.touched = map[string]time.Time{}
	}
	m.touched[id] = now
	return true
}

// failed counts a failure. Over the limit it answers when the count begins anew.
func (m *clientMemory) failed(addr string, now time.Time) (until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.failures[addr]
	if f == nil || now.Sub(f.since) >= failureWindow {
		if m.failures == nil || len(m.failures) >= mostFailing {
			m.failures = map[string]*failing{}
		}
		f = &failing{since: now}
		m.failures[addr] = f
	}
	if f.n++; f.n <= failuresPerClientAddr {
		return time.Time{}
	}
	return f.since.Add(failureWindow)
}

// Tokens, for OAuth2's client credentials: signed, short, and worth nothing without
// their client, which is read again at every use.

const (
	tokenLife   = time.Hour
	tokenIssuer = "tnreserve"
)

// tokenClaims is what a token says. Bandwidth's command line reads accounts and roles;
// we read the subject and the generation only.
type tokenClaims struct {
	jwt.RegisteredClaims
	Accounts   []string `json:"accounts"`
	Roles      []string `json:"roles"`
	Generation int64    `json:"gen"`
}

// IssueToken makes a token for a client that has just shown its password. It lives as
// long as the oldest password that could have asked for it, and for an hour at most.
func (s *Store) IssueToken(ctx context.Context, actor tel.Actor) (token string, expiresIn time.Duration, err error) {
	if actor.Kind != tel.KindClient {
		return "", 0, tel.Refuse(tel.CodeForbidden, "Tokens are for API clients.")
	}
	rows, err := s.signInRows(ctx, `c.id = $1`, actor.ID)
	if err != nil {
		return "", 0, err
	}
	now := s.Now()
	var oldest *signInRow
	for _, r := range rows {
		if r.lives(now) && (oldest == nil || r.generation < oldest.generation) {
			oldest = r
		}
	}
	if oldest == nil {
		return "", 0, tel.Refuse(tel.CodeSignIn, "These credentials are not known here.")
	}
	key, err := s.tokenKey(ctx, true)
	if err != nil {
		return "", 0, err
	}
	expires := now.Add(tokenLife)
	for _, end := range []time.Time{oldest.ExpiresAt, oldest.secretExpires} {
		if !end.IsZero() && end.Before(expires) {
			expires = end
		}
	}
	expires = expires.Truncate(time.Second)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, tokenClaims{
		RegisteredClaims: jwt.RegisteredClaims{Issuer: tokenIssuer, Subject: oldest.ID, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires)},
		Accounts:         []string{oldest.Account.String()}, Roles: []string{string(oldest.Role)}, Generation: oldest.generation,
	}).SignedString(key)
	return token, max(0, expires.Sub(now).Truncate(time.Second)), err
}

// ClientByToken is who a token stands for; refusals as in ClientByPassword.
func (s *Store) ClientByToken(ctx context.Context, token, addr string) (tel.Actor, error) {
	key, err := s.tokenKey(ctx, false)
	if err != nil {
		return tel.Actor{}, err
	}
	if len(key) == 0 { // no token was ever made; an empty key would sign anybody's
		return s.clientFailed(addr)
	}
	var claims tokenClaims
	_, err = jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(), jwt.WithIssuer(tokenIssuer),
		jwt.WithTimeFunc(s.Now), jwt.WithStrictDecoding())
	if err != nil {
		return s.clientFailed(addr)
	}
	rows, err := s.signInRows(ctx, `c.id = $1`, claims.Subject)
	if err != nil {
		return tel.Actor{}, err
	}
	now := s.Now()
	for _, r := range rows {
		if r.generation == claims.Generation && r.lives(now) {
			return s.clientIn(ctx, r, addr), nil
		}
	}
	return s.clientFailed(addr)
}

// tokenKey is the key that tokens are signed with, made when the first one is. It is
// nil where there is none yet.
func (s *Store) tokenKey(ctx context.Context, create bool) ([]byte, error) {
	s.clients.mu.Lock()
	key := s.clients.tokenKey
	s.clients.mu.Unlock()
	if key != nil {
		return key, nil
	}
	const ask = `SELECT key FROM token_key WHERE id = 1`
	err := s.read.QueryRowContext(ctx, ask).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) && create {
		err = s.change(ctx, tel.System("tokens"), func(t *tx) error {
			if _, err := t.exec(`INSERT INTO token_key (id, key, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING`, randomKey(), micros(t.now)); err != nil {
				return err
			}
			return t.row(ask).Scan(&key) // another process may have been faster
		})
	} else if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.clients.mu.Lock()
	s.clients.tokenKey = key
	s.clients.mu.Unlock()
	return key, nil
}

func randomKey() []byte {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return key
}
