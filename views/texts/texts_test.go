package texts

import (
	"context"
	"testing"
)

func TestT(t *testing.T) {
	en, es := In(context.Background(), "en"), In(context.Background(), "es")
	for _, c := range []struct {
		got, want string
	}{
		{T(en, "%d numbers", 1), "1 number"},
		{T(en, "%d numbers", 12345), "12,345 numbers"},
		{T(es, "%d numbers", 1), "1 número"},
		{T(es, "%d numbers", 12345), "12.345 números"},
		{T(es, "Nobody says this of %s", "Ada"), "Nobody says this of Ada"},
		{T(en, "Free|not held"), "Free"},
		{T(context.Background(), "100%% sure"), "100% sure"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
