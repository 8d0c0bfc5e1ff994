package tel_test

import (
	"strings"
	"testing"
	"time"

	"tnreserve/store/tel"
)

func TestSecret(t *testing.T) {
	for _, prefix := range []string{tel.PasswordPrefix, tel.KeyPrefix} {
		for _, random := range [][tel.SecretBytes]byte{{}, {1, 2, 3}, {27: 1}, [tel.SecretBytes]byte([]byte(strings.Repeat("\xff", tel.SecretBytes)))} {
			s := tel.NewSecret(prefix, random)
			if len(s) != len(prefix)+44 || !tel.WellFormedSecret(prefix, s) {
				t.Fatalf("%q is not well formed", s)
			}
			if hint := tel.SecretHint(s); hint != prefix+"…"+s[len(s)-4:] {
				t.Error(hint)
			}
			// One character mistyped, two swapped, one lost, one too many.
			for i := range s {
				for _, c := range []byte{'0', 'z', 'Q', '_', 0} {
					if bad := s[:i] + string(c) + s[i+1:]; bad != s && tel.WellFormedSecret(prefix, bad) {
						t.Errorf("%q passes for %q", bad, s)
					}
				}
				if i > 0 && s[i] != s[i-1] && tel.WellFormedSecret(prefix, s[:i-1]+s[i:i+1]+s[i-1:i]+s[i+1:]) {
					t.Errorf("%q passes with %d swapped", s, i)
				}
				if tel.WellFormedSecret(prefix, s[:i]+s[i+1:]) || tel.WellFormedSecret(prefix, s[:i]+"0"+s[i:]) {
					t.Errorf("%q passes with another length at %d", s, i)
				}
			}
		}
	}
	key := tel.NewSecret(tel.KeyPrefix, [tel.SecretBytes]byte{})
	for _, s := range []string{"", tel.KeyPrefix, strings.Replace(key, tel.KeyPrefix, tel.PasswordPrefix, 1), "é" + key[2:]} {
		if tel.WellFormedSecret(tel.KeyPrefix, s) || tel.WellFormedSecret(tel.PasswordPrefix, s) {
			t.Errorf("%q passes", s)
		}
	}
	if tel.WellFormedSecret(tel.PasswordPrefix, key) {
		t.Error("a key passes for a password")
	}
}

func TestClientStateAt(t *testing.T) {
	at := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		client tel.Client
		now    time.Time
		want   tel.ClientState
	}{
		{tel.Client{}, at, tel.ClientActive},
		{tel.Client{ExpiresAt: at}, at.Add(-1), tel.ClientActive},
		{tel.Client{ExpiresAt: at}, at, tel.ClientExpired},
		{tel.Client{ExpiresAt: at, RevokedAt: at}, at.Add(-1), tel.ClientRevoked},
		{tel.Client{RevokedAt: at}, at, tel.ClientRevoked},
	} {
		if got := c.client.StateAt(c.now); got != c.want {
			t.Errorf("%+v at %v: %s", c.client, c.now, got)
		}
	}
	for s, ok := range map[string]bool{"admin": true, "member": true, "support": false, "operator": false, "": false, "Admin": false} {
		if r, err := tel.CheckClientRole(s); (err == nil) != ok || ok && string(r) != s {
			t.Error(s, r, err)
		}
	}
}
