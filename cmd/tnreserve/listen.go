package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// listen takes the socket that systemd hands over, if there is one, else opens addr.
// With systemd's, clients that connect while the server restarts wait in the socket's
// queue for the next process and are not refused.
func listen(getenv func(string) string, addr string, log *slog.Logger) (net.Listener, error) {
	ln, err := inherited(getenv)
	if err != nil {
		return nil, err
	}
	if ln != nil {
		log.Info("serving on the socket of systemd; --addr is not used", "addr", ln.Addr().String())
		return ln, nil
	}
	ln, err = net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another with --addr, such as --addr 127.0.0.1:0", addr, listenCause(err))
	}
	return ln, nil
}

func listenCause(err error) error {
	if e, ok := err.(*net.OpError); ok {
		return e.Err
	}
	return err
}

// firstFD is where the sockets of systemd begin (sd_listen_fds(3)).
const firstFD = 3

// inherited is the socket that systemd handed over, or nil. LISTEN_PID says whether it
// was meant for this process or is left in the environment from a parent.
func inherited(getenv func(string) string) (net.Listener, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	switch n := getenv("LISTEN_FDS"); n {
	case "", "0":
		return nil, nil
	case "1":
		return fileListener(firstFD)
	default:
		return nil, fmt.Errorf("systemd hands over %s sockets; tnreserve takes one", n)
	}
}

func fileListener(fd int) (net.Listener, error) {
	closeOnExec(fd)
	f := os.NewFile(uintptr(fd), "systemd")
	defer f.Close() // the listener has its own descriptor
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("what systemd handed over is no listening socket: %w", err)
	}
	return ln, nil
}

// reachable is the base URL of a listener for somebody on this machine.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://localhost" // a Unix socket: whoever stands in front knows better
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// The bounds of a slow client. Event streams and uploads set their own; an answer's is
// long, for a big export over a slow line.
const (
	headerTime  = 5 * time.Second
	readTime    = 15 * time.Second
	writeTime   = 5 * time.Minute
	idleTime    = 60 * time.Second
	headerBytes = 16 << 10
)
