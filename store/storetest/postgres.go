package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest/postgres"
)

// onPostgres tells whether the tests of a store run on PostgreSQL: TNRESERVE_TEST_DB=postgres.
func onPostgres() bool { return os.Getenv("TNRESERVE_TEST_DB") == "postgres" }

// Server is a private PostgreSQL for tests.
type Server struct {
	*postgres.Server
	made     atomic.Int64
	template sync.Once
}

// shared is the process's.
var shared struct {
	once sync.Once
	Server
	err error
}

// Postgres is the process's private server; it is started when it is first asked for.
// Without PostgreSQL the test is skipped.
func Postgres(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.Server.Server, shared.err = postgres.Start(postgres.Careless...) })
	haveOne(t, shared.err)
	return &shared.Server
}

// OwnPostgres is a server for one test, which may stop it.
func OwnPostgres(t testing.TB) *Server {
	t.Helper()
	p, err := postgres.Start(postgres.Careless...)
	haveOne(t, err)
	t.Cleanup(p.Close)
	return &Server{Server: p}
}

func haveOne(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, postgres.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
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
	if err := p.Run(`CREATE DATABASE ` + name + ` TEMPLATE tnreserve`); err != nil {
		t.Fatal(err)
	}
	return p.URL(name)
}

// CreateEmpty makes a new database with nothing in it and answers its address.
func (p *Server) CreateEmpty(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", p.made.Add(1))
	if err := p.Run(`CREATE DATABASE ` + name); err != nil {
		t.Fatal(err)
	}
	return p.URL(name)
}

func (p *Server) makeTemplate() error {
	if err := p.Run(`CREATE DATABASE tnreserve`); err != nil {
		return err
	}
	s, err := store.Open(context.Background(), store.Config{DB: p.URL("tnreserve"), Now: time.Now, NoShelf: true})
	if err != nil {
		return err
	}
	return s.Close()
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
