package tel_test

import (
	"testing"

	"tnreserve/store/tel"
)

func TestPatternStarts(t *testing.T) {
	for _, s := range []string{"", "9", "91", "919", "?1", "?1?", "91?", "9192", "919?", "919555", "919FLO", "9195550142", "9?1"} {
		p, _ := tel.ParsePattern("starts", s)
		if err := p.CheckStart("starts"); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"0", "1", "111", "?11", "911", "29", "?9", "1919", "9190", "9191", "919?11", "919911"} {
		p, err := tel.ParsePattern("starts", s)
		if err != nil {
			t.Fatal(err)
		}
		if e := code(t, p.CheckStart("starts"), tel.CodeInvalid); e.Field != "starts" {
			t.Errorf("%q: %s", s, e.Field)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]string{
		"0s": "0s", "0": "0s", "90m": "1h30m0s", "1h30m": "1h30m0s", "2d": "48h0m0s", "1d12h": "36h0m0s", "0d": "0s", "4 H": "4h0m0s", " 1d 1h30m": "25h30m0s", "3650d": "87600h0m0s",
	} {
		if got, err := tel.ParseDuration("for", s); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "5", "d", "-2d", "-5m", "2dd", "2d-1h", "1.5d", "soon", "99999999d", "0x2d", "3651d", "1d1d", "3650d2562047h"} {
		if got, err := tel.ParseDuration("for", s); err == nil {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
}
