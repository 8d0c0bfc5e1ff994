package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Restarts under load cut no request: each server takes over the socket of the one
// before, as under systemd.
func TestRestartsCutNothing(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	ctx, stop := context.WithCancel(t.Context())
	var cut, answered atomic.Int64
	var clients sync.WaitGroup
	for range 24 {
		clients.Go(func() { post(ctx, t, "http://"+socket.Addr().String(), &cut, &answered) })
	}
	const restarts = 12
	var longest time.Duration
	for range restarts {
		longest = max(longest, oneLife(t, socket, 200*time.Millisecond))
	}
	stop()
	oneLife(t, socket, 100*time.Millisecond) // for those who still wait
	clients.Wait()
	if cut.Load() > 0 || answered.Load() < 1000 {
		t.Errorf("%d requests cut, %d answered over %d restarts", cut.Load(), answered.Load(), restarts)
	}
	t.Logf("%d answered, 0 cut over %d restarts; the longest drain took %v", answered.Load(), restarts, longest.Round(time.Millisecond))
}

// post sends until ctx ends. A body that cannot be read twice keeps Go's client from
// hiding a cut request by sending it again.
func post(ctx context.Context, t *testing.T, url string, cut, answered *atomic.Int64) {
	client := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		answer, err := client.Post(url, "text/plain", io.NopCloser(strings.NewReader("hello")))
		if err != nil {
			if cut.Add(1) < 4 {
				t.Error(err)
			}
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || string(body) != "hello" {
			cut.Add(1)
			t.Error(string(body), err)
		}
		answered.Add(1)
	}
}

// oneLife serves for a while on a copy of the socket's descriptor and tells how long
// the drain took.
func oneLife(t *testing.T, socket net.Listener, life time.Duration) time.Duration {
	t.Helper()
	file, err := socket.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ln, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		time.Sleep(2 * time.Millisecond)
		_, _ = w.Write(body)
	})
	ctx, stop := context.WithTimeout(t.Context(), life)
	defer stop()
	started := time.Now()
	f := newFrontend(echo, func() {}, limits{}, quietLog())
	f.begin(ln)
	if err := f.serve(ctx, ln); err != nil {
		t.Error(err)
	}
	return time.Since(started) - life
}

// A request on a connection that was kept alive is answered during the drain, and
// told that the connection ends.
func TestDrainAnswersKeptConnections(t *testing.T) {
	release := make(chan struct{})
	f := newFrontend(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
		fmt.Fprint(w, "done")
	}), func() {}, limits{}, quietLog())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	f.begin(ln)
	go func() { ended <- f.serve(ctx, ln) }()

	kept := &http.Client{Transport: &http.Transport{}}
	url := "http://" + ln.Addr().String()
	read(t, kept, url)
	slow := make(chan string, 1)
	go func() { slow <- read(t, &http.Client{Transport: &http.Transport{}}, url+"/slow") }()
	for f.conns.count() < 2 {
		time.Sleep(time.Millisecond)
	}
	stop()
	for !f.conns.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	if got := read(t, kept, url); got != "done, close" {
		t.Errorf("during the drain: %q", got)
	}
	for end := time.Now().Add(drainMost); ; {
		conn, err := net.DialTimeout("tcp", ln.Addr().String(), time.Second)
		if err != nil {
			break
		}
		_ = conn.Close()
		if time.Now().After(end) {
			t.Fatal("new connections are accepted during the drain")
		}
	}
	close(release)
	if got := <-slow; !strings.HasPrefix(got, "done") {
		t.Errorf("the slow request: %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What ends slowly behind the requests takes nothing from the time that is promised.
func TestDrainEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFrontend(http.NotFoundHandler(), func() { time.Sleep(drainMost - time.Second) }, limits{}, quietLog())
		conn, _ := net.Pipe()
		f.conns.note(conn, http.StateActive) // a request that never ends
		ctx, stop := context.WithCancel(t.Context())
		ln := &silentListener{closed: make(chan struct{})}
		stop()
		f.begin(ln)
		began := time.Now()
		if err := f.serve(ctx, ln); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > drainMost+closeMost {
			t.Errorf("the end took %v", took)
		}
	})
}

// silentListener is one that nobody connects to.
type silentListener struct {
	net.Listener
	once   sync.Once
	closed chan struct{}
}

func (l *silentListener) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}

func (l *silentListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func read(t *testing.T, client *http.Client, url string) string {
	answer, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	if answer.Close {
		return string(body) + ", close"
	}
	return string(body)
}

// Streams are told to end; an answer that never ends is cut in the end.
func TestDrainEnds(t *testing.T) {
	draining := make(chan struct{})
	f := newFrontend(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-draining
	}), func() { close(draining) }, limits{}, quietLog())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	f.begin(ln)
	go func() { ended <- f.serve(ctx, ln) }()
	answer, err := http.Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	start := time.Now()
	stop()
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Errorf("the stream was cut: %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > drainMost {
		t.Errorf("it took %v", d)
	}
}
