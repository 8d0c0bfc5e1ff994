//go:build !race

package bandwidth_test

// slowdown is how much slower than 50 ms a busy machine may read what is hostile; the
// race detector multiplies it.
const slowdown = 4
