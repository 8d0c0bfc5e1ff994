//go:build !linux

package store

import "syscall"

// boundSilence leaves it to the keep-alives.
func boundSilence(string, string, syscall.RawConn) error { return nil }
