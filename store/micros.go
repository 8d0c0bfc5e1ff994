package store

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// micros keeps a time as BIGINT microseconds since 1970, UTC; the zero time is NULL.
// TIMESTAMP breaks max() and coalesce() on SQLite and shifts zones on PostgreSQL.
type micros time.Time

func (m micros) Value() (driver.Value, error) {
	if time.Time(m).IsZero() {
		return nil, nil
	}
	return time.Time(m).UnixMicro(), nil
}

func (m *micros) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*m = micros{}
	case int64:
		*m = micros(time.UnixMicro(v).UTC())
	default:
		return fmt.Errorf("a time is BIGINT microseconds, not %T", v)
	}
	return nil
}
