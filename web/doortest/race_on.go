//go:build race

package doortest

import "time"

// NoTime is longer where the race detector looks at each small step of a reader.
const NoTime = 4 * time.Second
