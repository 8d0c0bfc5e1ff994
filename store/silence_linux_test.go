package store

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Every connection to PostgreSQL bounds how long the other end may be silent.
func TestConnectionsBoundSilence(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, reader := range []bool{false, true} {
		config, err := postgresConfig("postgres://h/x", reader)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := config.DialFunc(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var bound int
		_ = raw.Control(func(fd uintptr) {
			bound, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		})
		if err != nil || time.Duration(bound)*time.Millisecond != mostSilence {
			t.Error(bound, err)
		}
	}
}
