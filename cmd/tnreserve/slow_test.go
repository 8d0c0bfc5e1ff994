package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// A thousand connections that dribble a request, from an address of their own, take
// nothing from others and are let go after the header's 5 seconds.
func TestSlowClients(t *testing.T) {
	db := newDB(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := serveProcess(t, 0, serveCmd(ctx, db, "--connections-per-addr", "2000"))
	s.awaitHealth(t)
	before := medianAnswer(t, s.url)

	slow := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conns := make([]net.Conn, 0, 1000)
	for range cap(conns) {
		c, err := slow.Dial("tcp", s.url[len("http://"):])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /search HTTP/1.1\r\nHost: slow\r\nX-Dribble: "); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	during := medianAnswer(t, s.url)
	for i, c := range conns {
		if err := c.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("slow connection %d was not let go: %v", i, err)
		}
	}
	// The machine may be busy with something else at one of these times.
	if quiet := max(before, medianAnswer(t, s.url)); during > 10*quiet+20*time.Millisecond {
		t.Errorf("an answer took %s among slow clients and at most %s without them", during, quiet)
	}
	s.stop(t)
}

// medianAnswer is how long the sign-in page takes, the median of 50.
func medianAnswer(t *testing.T, url string) time.Duration {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	var took []time.Duration
	for range 50 {
		start := time.Now()
		res, err := client.Get(url + "/sign-in")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2]
}
