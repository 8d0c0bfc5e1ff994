package tel

import (
	"encoding/binary"
	"hash/crc32"
	"math/big"
	"strings"
	"time"
)

// Client is a program that asks through one of the doors, in one account.
type Client struct {
	ID          string // a UUID
	Account     AccountID
	AccountName string
	Name        string
	Role        Role   // RoleAdmin or RoleMember
	Username    string // for Basic; OAuth2's client id
	CreatedAt   time.Time
	CreatedBy   string    // how to show who made it
	ExpiresAt   time.Time // zero: never
	LastUsedAt  time.Time // zero: never; to the minute
	RevokedAt   time.Time // zero: not revoked
	Requests    int64     // that it made in all, reads too
	RequestsDay int64     // in the last 24 hours, by whole hours
	Secrets     []SecretInfo
}

// SecretInfo is what may be shown of a client's password and key, which are made and
// replaced together. The newest comes first; the one before lives for the overlap of
// a rotation.
type SecretInfo struct {
	ID           string
	PasswordHint string // "tnr_pass_…Ab1Z"
	KeyHint      string // "tnr_live_…Zy9X"
	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: with the client
}

// ClientState is what becomes of a client's requests.
type ClientState string

// The states of a client.
const (
	ClientActive  ClientState = "active"
	ClientExpired ClientState = "expired"
	ClientRevoked ClientState = "revoked"
)

// StateAt is the client's state at an instant: at its expiry it has expired.
func (c *Client) StateAt(now time.Time) ClientState {
	switch {
	case !c.RevokedAt.IsZero():
		return ClientRevoked
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return ClientExpired
	}
	return ClientActive
}

// Bounds of clients.
const (
	MaxClientLife = 3650 * 24 * time.Hour
	MaxOverlap    = 30 * 24 * time.Hour
	MostClients   = 100 // of an account, not counting the revoked
)

// CheckClientRole reads what a client may be.
func CheckClientRole(s string) (Role, error) {
	if r := Role(s); r == RoleAdmin || r == RoleMember {
		return r, nil
	}
	return "", Invalid("role", "A client is admin or member.")
}

// The kinds of secret, by what they begin with: people and scanners of source code
// know them by it.
const (
	PasswordPrefix = "tnr_pass_"
	KeyPrefix      = "tnr_live_"
)

// A secret is its prefix, SecretBytes random bytes as 38 digits of base 62, and 6
// check digits: the CRC-32 of what stands before.
const (
	SecretBytes  = 28 // 224 bits
	secretDigits = 38
	checkDigits  = 6
)

// NewSecret writes random bytes as a secret.
func NewSecret(prefix string, random [SecretBytes]byte) string {
	s := prefix + base62(random[:], secretDigits)
	return s + secretCheck(s)
}

// WellFormedSecret tells a secret from a mistyped one without looking anything up.
func WellFormedSecret(prefix, s string) bool {
	if len(s) != len(prefix)+secretDigits+checkDigits || !strings.HasPrefix(s, prefix) {
		return false
	}
	body := s[:len(s)-checkDigits]
	return s[len(body):] == secretCheck(body)
}

func secretCheck(s string) string {
	return base62(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s))), checkDigits)
}

func base62(b []byte, digits int) string {
	text := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", digits-len(text)) + text
}

// SecretHint is what may be shown of a secret: enough to tell two apart.
func SecretHint(s string) string {
	i := strings.LastIndexByte(s, '_') + 1
	return s[:i] + "…" + s[len(s)-4:]
}
