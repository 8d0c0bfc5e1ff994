package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Files found in another order, at another time, with other rights, by somebody else,
// give the same bytes.
func TestArchivesAreReproducible(t *testing.T) {
	at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	var tars, zips [2][]byte
	for i := range 2 {
		dir := t.TempDir()
		files := []entry{{"tnreserve", filepath.Join(dir, "program"), 0o755}, {"README.md", filepath.Join(dir, "readme"), 0o644}, {"deploy/a", filepath.Join(dir, "a"), 0o644}}
		for _, f := range files {
			if err := os.WriteFile(f.file, bytes.Repeat([]byte(f.name), 1000), 0o600+os.FileMode(i)*0o044); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(f.file, time.Unix(int64(i)*1e6, 0), time.Unix(int64(i)*1e6, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if i == 1 {
			slices.Reverse(files)
		}
		tars[i] = written(t, writeTar, filepath.Join(dir, "x.tar.gz"), files, at)
		zips[i] = written(t, writeZip, filepath.Join(dir, "x.zip"), files, at)
	}
	if !bytes.Equal(tars[0], tars[1]) || !bytes.Equal(zips[0], zips[1]) {
		t.Error("two archives of the same differ")
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(tars[0]))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(unpacked)
	var names []string
	for h, err := archive.Next(); err == nil; h, err = archive.Next() {
		names = append(names, h.Name)
		if !h.ModTime.Equal(at) || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%+v", h)
		}
	}
	z, err := zip.NewReader(bytes.NewReader(zips[0]), int64(len(zips[0])))
	if err != nil || len(z.File) != 3 || z.File[2].Mode().Perm() != 0o755 {
		t.Error(err, z)
	}
	if !slices.Equal(names, []string{"x/README.md", "x/deploy/a", "x/tnreserve"}) {
		t.Errorf("%q", names)
	}
}

func written(t *testing.T, write func(string, string, []entry, time.Time) (string, error), name string, files []entry, at time.Time) []byte {
	t.Helper()
	if _, err := write(name, "x", files, at); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestChosen(t *testing.T) {
	if all, err := chosen(""); err != nil || len(all) != len(targets) {
		t.Error(all, err)
	}
	if one, err := chosen("linux_amd64"); err != nil || len(one) != 1 || one[0].String() != "linux_amd64" {
		t.Error(one, err)
	}
	if none, err := chosen("linux/amd64"); err == nil {
		t.Error(none)
	}
}
