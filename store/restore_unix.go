//go:build linux || darwin || freebsd || netbsd || openbsd

package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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

// giveToOwner gives a file that root made to whoever has the one in whose place it is to
// come, or else the folder: the server runs as another.
func giveToOwner(file, place string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(place)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(place))
	}
	if err != nil {
		return err
	}
	made, err := os.Stat(file)
	if err != nil {
		return err
	}
	of, has := info.Sys().(*syscall.Stat_t), made.Sys().(*syscall.Stat_t)
	if of.Uid == has.Uid && of.Gid == has.Gid {
		return nil // where root may not give files away either
	}
	return os.Chown(file, int(of.Uid), int(of.Gid))
}
