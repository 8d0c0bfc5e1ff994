package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

func TestServe(t *testing.T) {
	db := filepath.Join(t.TempDir(), "new.db")
	s := serveProcess(t, 1, serveCmd(t.Context(), db))
	if !strings.HasPrefix(s.url, "http://127.0.0.1:") || strings.HasSuffix(s.url, ":0") {
		t.Errorf("address %q", s.url)
	}
	if len(s.lines) != 2 || !strings.Contains(s.lines[1], "set-up link") || !strings.Contains(s.lines[1], s.url+"/setup/") {
		t.Errorf("%q", s.lines)
	}
	idle, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close() // it never sends anything, and nobody waits for it
	t.Logf("ended %v after SIGTERM, with an idle connection open", s.stop(t).Round(time.Millisecond))

	r := call(t, "a long password\n", nil, "user", "create", "--db", db, "--email", "o@carrier.example", "--role", "operator", "--password-stdin")
	if r.code != 0 {
		t.Fatal(r.err)
	}
	s = serveProcess(t, 0, serveCmd(t.Context(), db))
	s.stop(t)
	if len(s.lines) != 1 {
		t.Errorf("a database with people gives a set-up link: %q", s.lines)
	}
}

func TestServeFacts(t *testing.T) {
	db := newDB(t)
	for _, c := range []struct {
		args []string
		want []string // beginnings of the lines
	}{
		{nil, []string{"tnreserve serves http://127.0.0.1:", "set-up link for the first operator (30 minutes, once): http://127.0.0.1:"}},
		{[]string{"--base-url", "https://numbers.example/"}, []string{"tnreserve serves http://127.0.0.1:", "set-up link for the first operator (30 minutes, once): https://numbers.example/setup/"}},
		{[]string{"--demo"}, []string{"tnreserve serves", "this database is not the demo's", "set-up link"}},
		{[]string{"--json"}, []string{`{"kind":"address","url":"http://127.0.0.1:`, `{"kind":"set-up","url":"http://127.0.0.1:`}},
	} {
		ctx, stop := context.WithCancel(t.Context())
		var out, errOut strings.Builder
		// Ends at once: what it prints, it prints before it waits.
		stopSoon := &stopOnLine{Builder: &out, lines: len(c.want), stop: stop}
		args := append([]string{"serve", "--db", db, "--addr", "127.0.0.1:0", "--log-level", "warn"}, c.args...)
		if code := run(ctx, args, strings.NewReader(""), stopSoon, &errOut, func(string) string { return "" }); code != 0 {
			t.Fatalf("%v: exit %d\n%s", c.args, code, errOut.String())
		}
		stop()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != len(c.want) {
			t.Fatalf("%v: %q", c.args, lines)
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%v: %q, want %q…", c.args, lines[i], want)
			}
		}
	}
}

// stopOnLine ends the server when it has printed so many lines.
type stopOnLine struct {
	*strings.Builder
	lines int
	stop  func()
}

func (s *stopOnLine) Write(b []byte) (int, error) {
	n, err := s.Builder.Write(b)
	if strings.Count(s.String(), "\n") >= s.lines {
		s.stop()
	}
	return n, err
}

func TestServePortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	db := filepath.Join(t.TempDir(), "none.db")
	r := call(t, "", nil, "serve", "--db", db, "--addr", ln.Addr().String())
	if r.code != 1 || !strings.Contains(r.err, "address already in use") || !strings.Contains(r.err, "--addr 127.0.0.1:0") {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(db); err == nil {
		t.Error("a server that could not listen made a database")
	}
}

// A socket of systemd is served, and while no process does, connections wait in it.
func TestServeSystemdSocket(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	db := newDB(t)
	start := func() *served {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve --db "$1"`, program, db)
		cmd.ExtraFiles = []*os.File{socket}
		return serveProcess(t, 0, cmd)
	}
	s := start()
	if s.url != "http://"+ln.Addr().String() {
		t.Errorf("serves %s, the socket is %s", s.url, ln.Addr())
	}
	s.stop(t)
	waiting := make(chan error, 1)
	go func() {
		answer, err := http.Get(s.url + "/healthz")
		if err == nil {
			err = answer.Body.Close()
		}
		waiting <- err
	}()
	time.Sleep(100 * time.Millisecond)
	start().stop(t)
	if err := <-waiting; err != nil {
		t.Errorf("who connected between two processes was cut: %v", err)
	}
}

func TestInheritedIsForThisProcessOnly(t *testing.T) {
	env := map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": fmt.Sprint(os.Getpid() + 1)}
	if ln, err := inherited(func(n string) string { return env[n] }); ln != nil || err != nil {
		t.Error(ln, err)
	}
	env = map[string]string{"LISTEN_FDS": "2", "LISTEN_PID": fmt.Sprint(os.Getpid())}
	if _, err := inherited(func(n string) string { return env[n] }); err == nil || !strings.Contains(err.Error(), "takes one") {
		t.Error(err)
	}
}

func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "0.0.0.0:80": "http://localhost:80", "[::]:80": "http://localhost:80", "[::1]:9": "http://[::1]:9",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(tcp); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// What was acknowledged is there after a kill -9.
func TestKilledServerKeepsReservations(t *testing.T) {
	db := reserversDB(t)
	must(t, "webhook", "create", "--db", db, "--account", "9500012", "--url", "https://example.com/in")
	acknowledged := map[string]bool{}
	for range 3 {
		for id := range killedWhileReserving(t, db, 150) {
			acknowledged[id] = true
		}
	}
	must(t, "check", "--db", db)
	s, err := database{db}.openExisting(t.Context(), &process{stderr: os.Stderr}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id := range acknowledged {
		r, err := s.Reservation(t.Context(), console, id)
		if err != nil || r.StateAt(s.Now()) != tel.StateLive || len(r.HeldTNs()) != 1 {
			t.Fatalf("reservation %s was acknowledged: %v %+v", id, err, r)
		}
	}
	t.Logf("%d acknowledged over 3 kills, none lost", len(acknowledged))
	inOutbox(t, s, acknowledged)
}

// inOutbox demands that each reservation that is there is to be told of, once, and
// nothing else is.
func inOutbox(t *testing.T, s *store.Store, acknowledged map[string]bool) {
	t.Helper()
	endpoints, err := s.Endpoints(t.Context(), console, 9500012)
	if err != nil || len(endpoints) != 1 {
		t.Fatal(err, endpoints)
	}
	told := map[string]int{}
	for q := (store.DeliveryQuery{Endpoint: endpoints[0].ID, Limit: 500}); ; {
		page, err := s.Deliveries(t.Context(), console, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Rows {
			told[d.ReservationID]++
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	a, err := s.Account(t.Context(), console, 9500012)
	if err != nil || a.Held != len(told) {
		t.Errorf("%v: %d TNs held, %d reservations told of", err, a.Held, len(told))
	}
	for id := range acknowledged {
		if told[id] != 1 {
			t.Errorf("reservation %s is told of %d times", id, told[id])
		}
	}
}

// reserversDB has more TNs than a process reserves before it is killed.
func reserversDB(t *testing.T) string {
	t.Helper()
	db := newDB(t)
	must(t, "import", "--db", db, writeFile(t, exchanges(reserversTNs/10_000)))
	must(t, "account", "set", "--db", db, "--id", "9500012", "--max-held", fmt.Sprint(reserversTNs))
	return db
}

const reserversTNs = 200_000

// killedWhileReserving kills a process that reserves after it has acknowledged some.
func killedWhileReserving(t *testing.T, db string, after int) map[string]bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "TNRESERVE_TEST_RESERVER="+db)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a torn line was no acknowledgement
			break
		}
		ids[strings.TrimSpace(line)] = true
		if len(ids) == after {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if len(ids) < after {
		t.Fatalf("the child ended by itself after %d", len(ids))
	}
	return ids
}

// reserveUntilKilled is that process: 16 at once, each id printed when Reserve has
// answered.
func reserveUntilKilled(db string) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{DB: db, Now: newClock().Now})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := worker; i < reserversTNs; i += 16 {
				got, err := s.Reserve(ctx, console, tel.ReserveRequest{Account: 9500012, TNs: []tel.Number{tel.NewNumber(201, 220+i/10_000, i%10_000)}})
				if err == nil {
					os.Stdout.WriteString(got.Reservation.ID + "\n")
				}
			}
		})
	}
	all.Wait()
	os.Exit(0)
}

// Slow clients and many connections.

func TestLimitPerAddress(t *testing.T) {
	f := newFrontend(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}), func() {}, limits{all: 100, perAddress: 3}, quietLog())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	f.begin(ln)
	go func() { done <- f.serve(ctx, ln) }()
	var open []net.Conn
	for range 3 {
		open = append(open, ask(t, ln.Addr(), true))
	}
	ask(t, ln.Addr(), false)
	open[0].Close()
	for f.conns.count() > 2 {
		time.Sleep(time.Millisecond)
	}
	open = append(open, ask(t, ln.Addr(), true))
	for _, c := range open {
		c.Close()
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// ask opens a connection, asks once and keeps it open.
func ask(t *testing.T, addr net.Addr, want bool) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if got := err == nil && strings.Contains(line, "200"); got != want {
		t.Fatalf("answered %v (%q, %v), want %v", got, line, err, want)
	}
	return conn
}

func TestAddressOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7:1": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", in)
		if err != nil {
			t.Fatal(err)
		}
		if got := addressOf(remote{addr: tcp}).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

type remote struct {
	net.Conn
	addr net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.addr }
