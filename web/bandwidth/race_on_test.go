//go:build race

package bandwidth_test

import "time"

// noTime is longer where the race detector looks at each small step of a reader.
const noTime = 4 * time.Second
