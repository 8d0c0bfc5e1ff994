package main

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// The drill: a backup under load, more load, kill -9, restore. What was acknowledged
// before the backup began is there, and nothing is broken.
func TestBackupKillRestore(t *testing.T) {
	db := reserversDB(t)
	load := startReserving(t, db)
	load.await(t, 150)
	before := load.acknowledged()
	file := filepath.Join(t.TempDir(), "copy.db")
	must(t, "backup", "--db", db, file)
	load.await(t, len(load.acknowledged())+150)
	if r := call(t, "", nil, "restore", "--db", db, "--force", file); r.code != 1 || !strings.Contains(r.err, "is in use") {
		t.Errorf("a database in use: %+v", r)
	}
	load.kill()
	all := load.acknowledged()
	if r := call(t, "", nil, "restore", "--db", db, file); r.code != 1 || !strings.Contains(r.err, "exists already") {
		t.Errorf("over something: %+v", r)
	}
	r := must(t, "restore", "--db", db, "--force", file)
	if !strings.Contains(r.out, "every invariant checked") || !strings.Contains(r.out, ".before-") {
		t.Error(r.out)
	}
	must(t, "check", "--db", db)
	kept, _ := filepath.Glob(db + ".before-*")
	if len(kept) != 1 {
		t.Fatalf("%q", kept)
	}
	must(t, "check", "--db", kept[0])
	lives(t, db, before)
	lives(t, kept[0], all)
	t.Logf("%d acknowledged before the backup began, %d before the kill", len(before), len(all))
}

func lives(t *testing.T, db string, ids map[string]bool) {
	t.Helper()
	s, err := database{db}.openExisting(t.Context(), &process{stderr: os.Stderr}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id := range ids {
		if r, err := s.Reservation(t.Context(), console, id); err != nil || r.StateAt(s.Now()) != tel.StateLive || len(r.HeldTNs()) != 1 {
			t.Fatalf("reservation %s in %s was acknowledged: %v %+v", id, db, err, r)
		}
	}
}

// reserving is a process that reserves until it is killed.
type reserving struct {
	*exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	ids map[string]bool
	did *sync.Cond
}

func startReserving(t *testing.T, db string) *reserving {
	t.Helper()
	l := &reserving{Cmd: exec.CommandContext(t.Context(), os.Args[0]), ended: make(chan struct{}), ids: map[string]bool{}}
	l.did = sync.NewCond(&l.mu)
	l.Env = append(os.Environ(), "TNRESERVE_TEST_RESERVER="+db)
	l.Stderr = os.Stderr
	out, err := l.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			close(l.ended)
			l.did.Broadcast()
		}()
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil { // a torn line was no acknowledgement
				return
			}
			l.mu.Lock()
			l.ids[strings.TrimSpace(line)] = true
			l.did.Broadcast()
			l.mu.Unlock()
		}
	}()
	return l
}

// await waits until so many were acknowledged.
func (l *reserving) await(t *testing.T, n int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.ids) < n {
		select {
		case <-l.ended:
			t.Fatalf("it ended after %d of %d", len(l.ids), n)
		default:
			l.did.Wait()
		}
	}
}

func (l *reserving) acknowledged() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.ids)
}

func (l *reserving) kill() {
	_ = l.Process.Kill()
	<-l.ended
	_ = l.Wait()
}

// Two processes that bring a database forward at once take each step once.
func TestMigrateAtOnce(t *testing.T) {
	migrateAtOnce(t, filepath.Join(t.TempDir(), "new.db"))
}

func TestPostgresMigrateAtOnce(t *testing.T) {
	migrateAtOnce(t, storetest.Postgres(t).CreateEmpty(t))
}

func migrateAtOnce(t *testing.T, db string) {
	t.Helper()
	var all sync.WaitGroup
	outs := make([]string, 4)
	for i := range outs {
		all.Go(func() {
			out, err := exec.CommandContext(t.Context(), program, "migrate", "--db", db, "--json").CombinedOutput()
			if outs[i] = string(out); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	taken := map[string]int{}
	for _, out := range outs {
		var m migrated
		if err := json.Unmarshal([]byte(out), &m); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, step := range m.Steps {
			taken[step]++
		}
	}
	if len(taken) < 10 {
		t.Errorf("%d steps", len(taken))
	}
	for step, n := range taken {
		if n != 1 {
			t.Errorf("%s was taken %d times", step, n)
		}
	}
	must(t, "check", "--db", db)
}
