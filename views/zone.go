package views

import (
	"context"
	"time"
	_ "time/tzdata" // zones by name, where the system has none
)

// zoneKey is the context's key of the reader's time zone. It is in the context because
// a time may stand anywhere in a page.
type zoneKey struct{}

// InZone renders times in a zone that the reader chose; nil is UTC, which the browser
// rewrites into its own.
func InZone(ctx context.Context, zone *time.Location) context.Context {
	if zone == nil {
		return ctx
	}
	return context.WithValue(ctx, zoneKey{}, zone)
}

func zoneOf(ctx context.Context) *time.Location {
	if zone, ok := ctx.Value(zoneKey{}).(*time.Location); ok {
		return zone
	}
	return time.UTC
}
