//go:build !race

package bandwidth_test

const slowdown = 1
