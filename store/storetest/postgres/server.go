// Package postgres runs a private PostgreSQL server for tests and measurements.
package postgres

import (
	"bytes"
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Server is a private PostgreSQL: Debian's program, in a temporary folder, behind a Unix
// socket, as an unprivileged user. It ends with the process that started it, however
// that ends.
type Server struct {
	bin, dir string
	keeper   *exec.Cmd // ends the server and removes the folder when its stdin closes
	alive    *os.File
}

// ErrNone says that none is installed, and what to install.
var ErrNone = errors.New("no PostgreSQL is here. Install: apt-get install -y postgresql")

// Careless are settings for tests: the server does not wait for the disk.
var Careless = []string{"fsync = off", "full_page_writes = off"}

// Start makes a server. An ErrNone when there is no program for it.
func Start(settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tnpg")
	if err != nil {
		return nil, err
	}
	p := &Server{bin: bin, dir: dir}
	if err := p.init(settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.keep(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.Resume(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// programs is the folder of the newest ones.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		version := func(file string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(file)))) // 0 for what is no number
			return n
		}
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) })), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrNone
	}
	return filepath.Dir(initdb), nil
}

func (p *Server) init(settings []string) error {
	if err := p.giveAway(); err != nil {
		return err
	}
	if err := p.run("initdb", "-D", p.data(), "--no-sync", "-U", "tnreserve", "-A", "trust", "-E", "UTF8", "--locale=C"); err != nil {
		return err
	}
	text := fmt.Sprintf("listen_addresses = ''\nunix_socket_directories = '%s'\nmax_connections = 300\nshared_buffers = 64MB\n", p.dir)
	text += strings.Join(settings, "\n") + "\n"
	file, err := os.OpenFile(filepath.Join(p.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

func (p *Server) data() string { return filepath.Join(p.dir, "data") }

func (p *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	p.unprivileged(cmd)
	return cmd
}

// run runs one of PostgreSQL's programs. Its output goes to a file: the server inherits
// it, and a pipe would be waited for.
func (p *Server) run(name string, args ...string) error {
	out, err := os.CreateTemp(p.dir, name)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := p.command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		return fmt.Errorf("%s: %w\n%s%s", name, err, bytes.TrimSpace(said), log)
	}
	return os.Remove(out.Name())
}

// keep starts what outlives this process for a moment, to tidy up.
func (p *Server) keep() error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	p.keeper = exec.Command("sh", "-c", `trap '' INT TERM HUP; read gone; kill -INT "$(head -1 "$0/data/postmaster.pid" 2>/dev/null)" 2>/dev/null
		while [ -e "$0/data/postmaster.pid" ] && [ "${n:=0}" -lt 50 ]; do sleep 0.1; n=$((n+1)); done; rm -rf "$0"`, p.dir)
	p.keeper.Stdin = in
	p.alive = out
	err = p.keeper.Start()
	return errors.Join(err, in.Close())
}

// Resume starts the server after Stop.
func (p *Server) Resume() error {
	return p.run("pg_ctl", "-D", p.data(), "-l", filepath.Join(p.dir, "log"), "-w", "-t", "30", "start")
}

// Stop stops it at once, as a power cut of the program would.
func (p *Server) Stop() error {
	return p.run("pg_ctl", "-D", p.data(), "-m", "immediate", "-w", "stop")
}

// Close ends the server and removes its folder.
func (p *Server) Close() {
	_ = p.alive.Close()
	_ = p.keeper.Wait()
}

// URL is a database's address.
func (p *Server) URL(name string) string {
	q := url.Values{"host": {p.dir}, "user": {"tnreserve"}, "sslmode": {"disable"}}
	return "postgres:///" + name + "?" + q.Encode()
}

// Run runs a statement that is about databases.
func (p *Server) Run(statement string) error {
	db, err := sql.Open("pgx", p.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}
