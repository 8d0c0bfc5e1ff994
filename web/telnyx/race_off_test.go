//go:build !race

package telnyx_test

const slowdown = 1
