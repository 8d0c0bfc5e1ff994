//go:build race

package telnyx_test

// slowdown is what the race detector costs a reader that is nothing but small steps.
const slowdown = 40
