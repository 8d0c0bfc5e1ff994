//go:build !race

package bandwidth_test

import "time"

// noTime is 20 times what a reader needs, as others may have the processor too; what
// grows with the square of a body takes far more.
const noTime = time.Second
