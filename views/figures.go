package views

import (
	"context"
	"strings"
	"time"

	"tnreserve/views/texts"
)

// Count is a whole number as the reader's language writes it: "1,284".
func Count(ctx context.Context, n int) string { return texts.T(ctx, "%d", n) }

var units = []struct {
	size time.Duration
	text string
}{
	{24 * time.Hour, texts.Mark("%d days")}, {time.Hour, texts.Mark("%d hours")},
	{time.Minute, texts.Mark("%d minutes")}, {time.Second, texts.Mark("%d seconds")},
}

// Duration is a length of time in a person's words: "4 hours", "1 hour 30 minutes".
func Duration(ctx context.Context, d time.Duration) string {
	if d == 0 {
		return texts.T(ctx, "none|time")
	}
	var parts []string
	for _, unit := range units {
		if n := d / unit.size; n > 0 && len(parts) < 2 {
			parts = append(parts, texts.T(ctx, unit.text, int(n)))
			d %= unit.size
		}
	}
	if len(parts) == 0 {
		return d.String()
	}
	return strings.Join(parts, " ")
}
