//go:build unix

package store_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tnreserve/store/storetest"
)

// What root restores belongs to whoever had what was there, or has the folder.
func TestRestoreKeepsTheOwner(t *testing.T) {
	s := storetest.OpenFile(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	owner, folder := os.Getuid(), t.TempDir()
	if owner == 0 {
		owner = 65532
		for _, name := range []string{s.Path, folder} {
			if err := os.Chown(name, owner, owner); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, db := range []string{s.Path, filepath.Join(folder, "new.db")} {
		if _, err := restore(s, db, file, true); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(db)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != uint32(owner) {
			t.Errorf("the server cannot open %s: %v %v", db, info, err)
		}
	}
}
