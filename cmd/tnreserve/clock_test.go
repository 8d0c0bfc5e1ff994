package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestClockFollowsNoStep(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var passed, step time.Duration
	c := &clock{start: start, since: func() time.Duration { return passed }, wall: func() time.Time { return start.Add(passed + step) }}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	look := func() string {
		out.Reset()
		c.compare(log)
		return out.String()
	}

	passed = time.Minute
	step = 1900 * time.Millisecond
	if got := look(); got != "" {
		t.Errorf("an alarm for %v: %s", step, got)
	}
	step = 4 * time.Hour
	got := look()
	for _, want := range []string{"level=WARN", "wall=2026-11-21T16:01:00.000Z", "ours=2026-11-21T12:01:00.000Z", "difference=4h0m0s"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if now := c.Now(); !now.Equal(start.Add(time.Minute)) {
		t.Errorf("the clock was stepped to %v", now)
	}
	if got := look(); got != "" {
		t.Errorf("said twice: %s", got)
	}
	step = -time.Hour
	if got := look(); !strings.Contains(got, "difference=-1h0m0s") {
		t.Errorf("a step back is not said: %s", got)
	}
	step = 0
	if got := look(); !strings.Contains(got, "agrees again") {
		t.Errorf("the end is not said: %s", got)
	}
	if got := look(); got != "" {
		t.Errorf("said twice: %s", got)
	}
}

func TestClockSlowDrift(t *testing.T) {
	var off time.Duration
	start := time.Now()
	c := &clock{start: start, since: func() time.Duration { return 0 }, wall: func() time.Time { return start.Add(off) }}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for range 30 { // 100 ms at a look
		off += 100 * time.Millisecond
		c.compare(log)
	}
	if n := strings.Count(out.String(), "WARN"); n != 1 {
		t.Errorf("%d alarms for a drift of 3 s:\n%s", n, out.String())
	}
}

func TestNewClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		before := c.Now()
		time.Sleep(4 * time.Hour)
		if d := c.Now().Sub(before); d != 4*time.Hour {
			t.Errorf("4 hours are %v", d)
		}
		var out bytes.Buffer
		c.compare(slog.New(slog.NewTextHandler(&out, nil)))
		if out.Len() > 0 {
			t.Error(out.String())
		}
	})
}
