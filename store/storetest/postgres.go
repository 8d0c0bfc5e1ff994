package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"tnreserve/store"
)

// onPostgres tells whether the tests of a store run on PostgreSQL: TNRESERVE_TEST_DB=postgres.
func onPostgres() bool { return os.Getenv("TNRESERVE_TEST_DB") == "postgres" }

// Server is a private PostgreSQL: Debian's program, in a temporary folder, behind a Unix
// socket, as an unprivileged user. It ends with the process that started it, however
// that ends.
type Server struct {
	bin, dir string
	keeper   *exec.Cmd // ends the server and removes the folder when its stdin closes
	alive    *os.File
	made     atomic.Int64
	template sync.Once
}

// errNoPostgres says what is missing, and what to install.
var errNoPostgres = errors.New("no PostgreSQL is here. Install: apt-get install -y postgresql")

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Postgres is the process's private server; it is started when it is first asked for.
func Postgres(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = StartPostgres() })
	if errors.Is(shared.err, errNoPostgres) {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// OwnPostgres is a server for one test, which may stop it.
func OwnPostgres(t testing.TB) *Server {
	t.Helper()
	p, err := StartPostgres()
	if errors.Is(err, errNoPostgres) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// StartPostgres makes a server. What the machine loses is lost: it does not wait for the
// disk.
func StartPostgres(settings ...string) (*Server, error) {
	bin, err := postgresPrograms()
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
	if err := p.Start(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// postgresPrograms is the folder of the newest ones.
func postgresPrograms() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errNoPostgres
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
	for _, s := range append([]string{"fsync = off", "full_page_writes = off"}, settings...) {
		text += s + "\n"
	}
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

// Start starts the server after Stop.
func (p *Server) Start() error {
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

// Create makes a new database with our schema and answers its address.
func (p *Server) Create(t testing.TB) string {
	t.Helper()
	var err error
	p.template.Do(func() { err = p.makeTemplate() })
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("t%d", p.made.Add(1))
	if err := p.admin(`CREATE DATABASE ` + name + ` TEMPLATE tnreserve`); err != nil {
		t.Fatal(err)
	}
	return p.URL(name)
}

// CreateEmpty makes a new database with nothing in it and answers its address.
func (p *Server) CreateEmpty(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", p.made.Add(1))
	if err := p.admin(`CREATE DATABASE ` + name); err != nil {
		t.Fatal(err)
	}
	return p.URL(name)
}

func (p *Server) makeTemplate() error {
	if err := p.admin(`CREATE DATABASE tnreserve`); err != nil {
		return err
	}
	s, err := store.Open(context.Background(), store.Config{DB: p.URL("tnreserve"), Now: time.Now, NoShelf: true})
	if err != nil {
		return err
	}
	return s.Close()
}

func (p *Server) admin(statement string) error {
	db, err := sql.Open("pgx", p.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

// Connect opens a second connection to a store's database, as another process would.
func Connect(t testing.TB, path string) *sql.DB {
	t.Helper()
	driver, name := "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	if strings.HasPrefix(path, "postgres://") {
		driver, name = "pgx", path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}
