//go:build race

package bandwidth_test

// slowdown is what the race detector costs a reader that is nothing but small steps.
const slowdown = 40
