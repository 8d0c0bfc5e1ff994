package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// wire is one client's connection. net/http's own client needs as much of the processor
// for a request as the server does; on the same cores that would be measured too.
type wire struct {
	net.Conn
	in     *bufio.Reader
	before string // what every request begins with, to its Content-Length
}

// dial opens a connection for posts to one path with these header lines.
func (s *server) dial(path string, headers ...string) (*wire, error) {
	host := strings.TrimPrefix(s.URL, "http://")
	conn, err := net.DialTimeout("tcp", host, 10*time.Second)
	if err != nil {
		return nil, err
	}
	lines := append([]string{"POST " + path + " HTTP/1.1", "Host: " + host}, headers...)
	return &wire{conn, bufio.NewReader(conn), strings.Join(lines, "\r\n") + "\r\nContent-Length: "}, nil
}

// post sends a body and reads the answer to its end.
func (w *wire) post(body string) (*http.Response, error) {
	if _, err := fmt.Fprintf(w, "%s%d\r\n\r\n%s", w.before, len(body), body); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res, err
}
