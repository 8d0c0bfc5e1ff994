package tel_test

import (
	"testing"
	"time"

	"tnreserve/store/tel"
)

func TestRoundWait(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		-time.Second: 0, 999 * time.Millisecond: 0, 59*time.Second + 999*time.Millisecond: 59 * time.Second, 69 * time.Second: time.Minute,
		9*time.Minute + 59*time.Second: 9*time.Minute + 50*time.Second, 10*time.Minute + 59*time.Second: 10 * time.Minute, 119*time.Minute + 59*time.Second: 119 * time.Minute,
		129 * time.Minute: 2 * time.Hour, 23*time.Hour + 59*time.Minute: 23*time.Hour + 50*time.Minute, 24*time.Hour + 59*time.Minute: 24 * time.Hour, 90 * 24 * time.Hour: 90 * 24 * time.Hour,
	} {
		if got := tel.RoundWait(d); got != int64(want/time.Second) {
			t.Errorf("%v: %d, want %v", d, got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		waits tel.Waits
		want  time.Duration
		ok    bool
	}{
		{nil, 0, false}, {tel.Waits{7: 1}, 7 * time.Second, true}, {tel.Waits{7: 1, 60: 1}, 7 * time.Second, true},
		{tel.Waits{7: 1, 60: 2}, time.Minute, true}, {tel.Waits{1: 2, 5: 1, 9: 2}, 5 * time.Second, true}, {tel.Waits{0: 10, 9: 1}, 0, true},
	} {
		if got, ok := c.waits.Median(); got != c.want || ok != c.ok {
			t.Errorf("%v: %v %v, want %v", c.waits, got, ok, c.want)
		}
	}
}

func TestDays(t *testing.T) {
	for at, want := range map[string]string{"1970-01-01T00:00:00Z": "1970-01-01", "1969-12-31T23:59:59Z": "1969-12-31", "2026-11-21T23:59:59Z": "2026-11-21", "2026-11-22T01:00:00+02:00": "2026-11-21"} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tel.DayOf(when); got.String() != want || !got.Start().Equal(tel.DayOf(got.Start()).Start()) {
			t.Errorf("%s is on %s, want %s", at, got, want)
		}
	}
}
