//go:build !race

package doortest

import "time"

// NoTime is 20 times what a reader needs, as others may have the processor too; what
// grows with the square of a body takes far more.
const NoTime = time.Second
