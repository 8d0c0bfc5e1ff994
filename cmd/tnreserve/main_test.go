package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the built binary, for what only a real process shows.
var program string

func TestMain(m *testing.M) {
	if db := os.Getenv("TNRESERVE_TEST_RESERVER"); db != "" {
		reserveUntilKilled(db) // this process is a test's child
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tnreserve-cmd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "tnreserve")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// result is how a command ended.
type result struct {
	code     int
	out, err string
}

// call is a command line in this process. env are NAME=value.
func call(t *testing.T, stdin string, env []string, args ...string) result {
	t.Helper()
	getenv := func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	var out, errOut bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(stdin), &out, &errOut, getenv)
	return result{code, out.String(), errOut.String()}
}

// must is a call that succeeds.
func must(t *testing.T, args ...string) result {
	t.Helper()
	r := call(t, "", nil, args...)
	if r.code != 0 {
		t.Fatalf("%v: exit %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r
}

// newDB is the path of a database with an account 9500012.
func newDB(t *testing.T) string {
	t.Helper()
	db := filepath.Join(t.TempDir(), "t.db")
	must(t, "account", "create", "--db", db, "--id", "9500012", "--name", "Acme Tel", "--reservations", "on")
	return db
}

// served is a server process.
type served struct {
	*exec.Cmd
	url    string
	lines  []string // what it printed; all of it when it has ended
	errOut *bytes.Buffer
	ended  chan error
}

// serveProcess starts "tnreserve serve" and waits until it answers. more is how many
// lines to read after the address.
func serveProcess(t *testing.T, more int, cmd *exec.Cmd) *served {
	t.Helper()
	s := &served{Cmd: cmd, errOut: &bytes.Buffer{}, ended: make(chan error, 1)}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = s.errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for n := 0; n <= more && lines.Scan(); n++ {
		s.lines = append(s.lines, lines.Text())
	}
	if len(s.lines) == 0 {
		_ = cmd.Wait()
		t.Fatalf("serve printed nothing: %s", s.errOut)
	}
	s.url = strings.TrimPrefix(s.lines[0], "tnreserve serves ")
	go func() {
		for lines.Scan() {
			s.lines = append(s.lines, lines.Text())
		}
		s.ended <- cmd.Wait()
	}()
	s.awaitHealth(t)
	return s
}

func (s *served) awaitHealth(t *testing.T) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(s.url + "/healthz")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.errOut)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("/healthz: %s", answer.Status)
	}
}

// stop sends SIGTERM and expects a good end in time.
func (s *served) stop(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			t.Fatalf("serve ended with %v\n%s", err, s.errOut)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("serve did not end within 10 s of SIGTERM")
	}
	return time.Since(start)
}

func serveCmd(ctx context.Context, db string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, program, append([]string{"serve", "--db", db, "--addr", "127.0.0.1:0"}, args...)...)
}
