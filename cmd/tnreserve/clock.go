package main

import (
	"context"
	"log/slog"
	"time"
)

// clock is the wall's time when the program started plus the time that has passed
// since, as the machine's steady counter has it. Holds end by it: when somebody steps
// the wall clock, no hold is freed early or lasts longer.
type clock struct {
	start time.Time
	since func() time.Duration // steady
	wall  func() time.Time     // may step

	told time.Duration // the difference that was logged last
}

func newClock() *clock {
	start := time.Now()
	return &clock{
		start: start.Round(0),
		since: func() time.Duration { return time.Since(start) },
		wall:  func() time.Time { return time.Now().Round(0) }, // Round takes the counter away
	}
}

// Now is the time that holds go by.
func (c *clock) Now() time.Time { return c.start.Add(c.since()) }

const (
	clockLook = 10 * time.Second
	clockSlip = 2 * time.Second // how far the wall may be off before it is an alarm
)

// watch compares with the wall clock until ctx ends.
func (c *clock) watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(clockLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.compare(log)
		}
	}
}

// compare raises an alarm when the wall clock has gone elsewhere, once for each step
// that it makes. It never follows.
func (c *clock) compare(log *slog.Logger) {
	wall, now := c.wall(), c.Now()
	off := wall.Sub(now)
	if c.told != 0 && off.Abs() <= clockSlip/2 { // half: a drift around the limit is no news
		c.told = 0
		log.Info("the wall clock agrees again with the clock that holds go by", "wall", stamp(wall), "ours", stamp(now))
		return
	}
	if off.Abs() <= clockSlip || (off-c.told).Abs() <= clockSlip {
		return
	}
	c.told = off
	log.Warn("the wall clock was stepped; holds go by our own clock. If the wall clock is right, restart to follow it",
		"wall", stamp(wall), "ours", stamp(now), "difference", off.Round(time.Millisecond).String())
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
