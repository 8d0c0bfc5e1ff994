package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// A database that was closed in peace is one file: whoever copies it has it all.
func TestCloseLeavesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tnreserve.db")
	s, err := store.Open(context.Background(), store.Config{DB: path, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	a := tel.Account{ID: 1, Name: "One", Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
	if err := s.CreateAccount(context.Background(), tel.System("test"), a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accounts(context.Background(), tel.System("test")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Errorf("closing left %v", files)
	}
}
