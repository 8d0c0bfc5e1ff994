//go:build linux || darwin || freebsd || netbsd || openbsd

package store

import (
	"io"
	"os"
	"syscall"
)

// lockedByOthers asks the system for SQLite's locks on a file that SQLite itself cannot
// read any more.
func lockedByOthers(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	const first, size = 0x40000000, 512 // SQLite's lock bytes
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: first, Len: size}
	err = syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock)
	return err == nil && lock.Type != syscall.F_UNLCK
}
