package main

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// entry is a file of an archive: its name there, where it is now, and its mode there.
type entry struct {
	name, file string
	mode       fs.FileMode
}

// inOrder sorts by name, so that the order in which files were found is no matter.
func inOrder(files []entry) []entry {
	return slices.SortedFunc(slices.Values(files), func(a, b entry) int { return cmp.Compare(a.name, b.name) })
}

// writeTar writes a .tar.gz in which nothing tells who made it, or when.
func writeTar(name, folder string, files []entry, at time.Time) (string, error) {
	out, err := os.Create(name)
	if err != nil {
		return "", err
	}
	packed := gzip.NewWriter(out)
	archive := tar.NewWriter(packed)
	for _, f := range inOrder(files) {
		if err := addTar(archive, folder, f, at); err != nil {
			return "", errors.Join(err, out.Close())
		}
	}
	return name, errors.Join(archive.Close(), packed.Close(), out.Close())
}

func addTar(archive *tar.Writer, folder string, f entry, at time.Time) error {
	in, err := os.Open(f.file)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: folder + "/" + f.name, Mode: int64(f.mode), Size: info.Size(), ModTime: at, Format: tar.FormatUSTAR, Uname: "root", Gname: "root"}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, in)
	return err
}

// writeZip writes the same for Windows.
func writeZip(name, folder string, files []entry, at time.Time) (string, error) {
	out, err := os.Create(name)
	if err != nil {
		return "", err
	}
	archive := zip.NewWriter(out)
	for _, f := range inOrder(files) {
		if err := addZip(archive, folder, f, at); err != nil {
			return "", errors.Join(err, out.Close())
		}
	}
	return name, errors.Join(archive.Close(), out.Close())
}

func addZip(archive *zip.Writer, folder string, f entry, at time.Time) error {
	in, err := os.Open(f.file)
	if err != nil {
		return err
	}
	defer in.Close()
	header := &zip.FileHeader{Name: folder + "/" + f.name, Method: zip.Deflate, Modified: at}
	header.SetMode(f.mode)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}
