package main

import (
	"path/filepath"
	"strings"
	"testing"

	"tnreserve/store/storetest"
)

func TestCopyCommand(t *testing.T) {
	dir := t.TempDir()
	copyThereAndBack(t, filepath.Join(dir, "there.db"), filepath.Join(dir, "back.db"))
	empty := write(t, filepath.Join(dir, "empty.db"), "")
	if r := call(t, "", nil, "copy", "--from", empty, "--to", filepath.Join(dir, "none.db")); r.code != 1 || !strings.Contains(r.err, "is empty") {
		t.Errorf("%+v", r)
	}
}

func TestPostgresCopyCommand(t *testing.T) {
	copyThereAndBack(t, storetest.Postgres(t).CreateEmpty(t), filepath.Join(t.TempDir(), "back.db"))
}

func copyThereAndBack(t *testing.T, there, back string) {
	t.Helper()
	db := newDB(t)
	must(t, "import", "--db", db, writeFile(t, "npa,nxx\n919,247\n"))
	for _, way := range [][2]string{{db, there}, {there, back}} {
		r := must(t, "copy", "--from", way[0], "--to", way[1])
		if !strings.Contains(r.out, "every invariant checked") || strings.Contains(r.out, "from a copy that was interrupted") {
			t.Error(r.out)
		}
		must(t, "account", "set", "--db", way[1], "--id", "9500012", "--max-held", "7")
		if r := call(t, "", nil, "copy", "--from", way[0], "--to", way[1]); r.code != 1 || !strings.Contains(r.err, "in use") {
			t.Errorf("%+v", r)
		}
	}
	must(t, "check", "--db", back)
}
