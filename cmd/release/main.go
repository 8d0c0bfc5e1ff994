// Command release builds the archives of a release. The same commit and the same Go
// give the same bytes, whoever builds them and wherever.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// target is a system that the program is built for.
type target struct{ os, arch string }

var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

func (t target) String() string { return t.os + "_" + t.arch }

func (t target) program() string {
	if t.os == "windows" {
		return "tnreserve.exe"
	}
	return "tnreserve"
}

// environment is what the go command builds for the system with.
func (t target) environment() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
}

func main() {
	out := flag.String("out", "bin/release", "the folder to write the archives to")
	only := flag.String("only", "", "one system alone, such as linux_amd64")
	flag.Parse()
	if err := release(*out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// chosen are all systems, or the one of a name.
func chosen(only string) ([]target, error) {
	if only == "" {
		return targets, nil
	}
	for _, t := range targets {
		if t.String() == only {
			return []target{t}, nil
		}
	}
	return nil, fmt.Errorf("there is no system %q to build for", only)
}

// release builds for every system, from the top of the project.
func release(out, only string) error {
	systems, err := chosen(only)
	if err != nil {
		return err
	}
	at, err := commitTime()
	if err != nil {
		return err
	}
	version, err := git("describe", "--tags", "--always", "--abbrev=12", "--dirty")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var sums strings.Builder
	for _, t := range systems {
		name := fmt.Sprintf("tnreserve_%s_%s", version, t)
		archive, err := buildArchive(out, name, t, at)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		line, err := sum(archive)
		if err != nil {
			return err
		}
		fmt.Print(line)
		sums.WriteString(line)
	}
	checksums := "checksums.txt"
	if only != "" {
		checksums = only + ".txt" // not in the place of all systems'
	}
	return os.WriteFile(filepath.Join(out, checksums), []byte(sums.String()), 0o644)
}

// commitTime is the time that every file gets: SOURCE_DATE_EPOCH, else the commit's.
func commitTime() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		var err error
		if text, err = git("show", "-s", "--format=%ct", "HEAD"); err != nil {
			return time.Time{}, err
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	return strings.TrimSpace(string(out)), err
}

// besides are the files that go with the program.
func besides(t target) ([]entry, error) {
	list := []entry{{"README.md", "README.md", 0o644}, {"LICENSE", "LICENSE", 0o644}}
	for folder, from := range map[string]string{"deploy/": "cmd/tnreserve/deploy/*", "licenses/": "static/licenses/*"} {
		found, err := filepath.Glob(from)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			if needsSource(filepath.Base(file)) {
				continue
			}
			list = append(list, entry{folder + filepath.Base(file), file, 0o644})
		}
	}
	modules, err := licenses(t)
	return append(list, modules...), err
}

// needsSource tells a file of deploy that builds from the project.
func needsSource(name string) bool {
	return strings.HasPrefix(name, "Dockerfile") || name == "compose.yaml"
}

func buildArchive(out, name string, t target, at time.Time) (string, error) {
	beside, err := besides(t)
	if err != nil {
		return "", err
	}
	program := filepath.Join(out, name+".program")
	defer os.Remove(program)
	// A GOFLAGS in Go's own settings may say otherwise, and the program would not know its
	// version.
	build := exec.Command("go", "build", "-buildvcs=true", "-trimpath", "-ldflags=-s -w -buildid=", "-o", program, "./cmd/tnreserve")
	build.Env = t.environment()
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	files := append([]entry{{t.program(), program, 0o755}}, beside...)
	if t.os == "windows" {
		return writeZip(filepath.Join(out, name+".zip"), name, files, at)
	}
	return writeTar(filepath.Join(out, name+".tar.gz"), name, files, at)
}

// sum is a line as sha256sum -c reads it.
func sum(file string) (string, error) {
	text, err := os.ReadFile(file)
	return fmt.Sprintf("%x  %s\n", sha256.Sum256(text), filepath.Base(file)), err
}
