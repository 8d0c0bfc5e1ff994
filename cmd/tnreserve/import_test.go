package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// spoil changes a database behind the store's back.
func spoil(t *testing.T, db, statement string) {
	t.Helper()
	d, err := sql.Open("sqlite", db)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestImport(t *testing.T) {
	db := filepath.Join(t.TempDir(), "new.db")
	csv := writeFile(t, "npa,nxx,city,state,color\n919,247,Raleigh,NC,red\n919,911,Raleigh,NC,red\n984,238,Durham,Nowhere,blue\n")

	r := must(t, "import", "--db", db, csv, "--dry-run")
	for _, want := range []string{"3 rows read, 1 accepted, 2 refused", "line 3, nxx:", "line 4, state:", "Columns not used: color", "10 thousands-blocks with 10,000 TNs", "nothing was written"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	if _, err := os.Stat(db); err == nil {
		t.Fatal("the dry run made a database")
	}
	for _, want := range []string{"10 blocks new, 0 changed, 0 unchanged; 10,000 TNs new", "0 blocks new, 0 changed, 10 unchanged; 0 TNs new"} {
		if r := must(t, "import", "--db", db, csv); !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	before := must(t, "import", "--db", db, csv, "--json").out
	must(t, "import", "--db", db, writeFile(t, "tn\n2125551234\n"), "--dry-run")
	if after := must(t, "import", "--db", db, csv, "--json").out; after != before {
		t.Errorf("the dry run wrote:\n%s\n%s", before, after)
	}
}

func TestImportFromStandardInput(t *testing.T) {
	db := filepath.Join(t.TempDir(), "new.db")
	r := call(t, "start,end\n9192470000,9192471999\n", nil, "import", "--db", db, "-", "--json")
	var got importReport
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != 0 {
		t.Fatal(err, r)
	}
	if got.TNs != 2000 || got.Imported == nil || got.Imported.BlocksNew != 2 || got.Refusals == nil || got.Notices == nil {
		t.Errorf("%+v", got)
	}
}

func TestImportRefused(t *testing.T) {
	db := filepath.Join(t.TempDir(), "new.db")
	for _, c := range []struct {
		name, file string
		args       []string
		err        string
	}{
		{"no CSV", "PK\x03\x04\x00\x00\x00binary\x00", nil, "nothing was written"},
		{"no header", "9192470000\n9192470001\n", nil, "nothing was written"},
		{"strict", "tn\n9192470000\n9119470000\n", []string{"--strict"}, "nothing was written"},
		{"fictional", "tn\n9195550142\n", nil, "has no row that can be imported"},
		{"empty", "", nil, "nothing was written"},
	} {
		r := call(t, "", nil, append([]string{"import", "--db", db, writeFile(t, c.file)}, c.args...)...)
		if r.code != 1 || !strings.Contains(r.err, c.err) {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	if r := call(t, "", nil, "import", "--db", db, "/nowhere.csv"); r.code != 1 || !strings.Contains(r.err, "cannot read /nowhere.csv: no such file") {
		t.Errorf("%+v", r)
	}
	if r := call(t, "", nil, "import", "--db", db, t.TempDir()); r.code != 1 || !strings.Contains(r.err, "it is a folder") {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(db); err == nil {
		t.Error("a refused file made a database")
	}
	must(t, "import", "--db", db, writeFile(t, "tn\n9195550142\n"), "--allow-fictional")
}

// exchanges is a file of n exchanges.
func exchanges(n int) string {
	var b strings.Builder
	b.WriteString("npa,nxx,city,state,rate_center,lata\n")
	for _, npa := range []int{201, 202, 203, 205, 206, 207, 208, 209, 210, 212} {
		for nxx := 220; nxx < 911 && n > 0; nxx++ {
			if nxx%100 != 11 && nxx != 555 {
				fmt.Fprintf(&b, "%d,%d,City %d,NY,CENTER%d,132\n", npa, nxx, nxx%50, nxx%50)
				n--
			}
		}
	}
	return b.String()
}

// An import that is killed in the middle is run again to the same end.
func TestKilledImport(t *testing.T) {
	db := filepath.Join(t.TempDir(), "killed.db")
	const rows = 6000
	csv := writeFile(t, exchanges(rows))
	cmd := exec.Command(program, "import", "--db", db, csv)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitBlocks(t, db)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	must(t, "check", "--db", db)
	var again importReport
	if err := json.Unmarshal([]byte(must(t, "import", "--db", db, csv, "--json").out), &again); err != nil {
		t.Fatal(err)
	}
	i := again.Imported
	if i.BlocksNew == 0 || i.BlocksUnchanged == 0 || i.BlocksChanged != 0 || i.BlocksNew+i.BlocksUnchanged != 10*rows {
		t.Errorf("the kill was not in the middle, or a part is lost: %+v", i)
	}
	must(t, "check", "--db", db)
	if err := json.Unmarshal([]byte(must(t, "import", "--db", db, csv, "--json").out), &again); err != nil || again.Imported.BlocksUnchanged != 10*rows {
		t.Errorf("%v %+v", err, again.Imported)
	}
}

// An import that fails in the middle says what it has written.
func TestImportThatFails(t *testing.T) {
	db := newDB(t)
	spoil(t, db, `CREATE TRIGGER enough BEFORE INSERT ON block WHEN (SELECT COUNT(*) FROM block) >= 2000 BEGIN SELECT RAISE(ABORT, 'enough'); END`)
	csv := writeFile(t, exchanges(300))
	if r := call(t, "", nil, "import", "--db", db, csv); r.code != 1 || !strings.Contains(r.err, "2,000 of 3,000 blocks are imported and stay") {
		t.Errorf("%+v", r)
	}
	if r := call(t, "", nil, "import", "--db", db, csv); r.code != 1 || !strings.Contains(r.err, "2,000 of 3,000 blocks are") {
		t.Errorf("%+v", r)
	}
	spoil(t, db, `DROP TRIGGER enough`)
	if r := must(t, "import", "--db", db, csv); !strings.Contains(r.out, "1,000 blocks new, 0 changed, 2,000 unchanged") {
		t.Error(r.out)
	}
}

// awaitBlocks waits until the first part of an import is there.
func awaitBlocks(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro") // which makes no file
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	there := false
	for end := time.Now().Add(time.Minute); !there; time.Sleep(time.Millisecond) {
		if err = db.QueryRow(`SELECT EXISTS (SELECT 1 FROM block)`).Scan(&there); time.Now().After(end) {
			t.Fatal("no block: ", err)
		}
	}
}

func TestProgressLines(t *testing.T) {
	var out strings.Builder
	g := newProgress(&out, "importing", "blocks", 2000)
	g.at(10, 2000)
	if out.Len() > 0 {
		t.Errorf("a line too early: %s", out.String())
	}
	g.next = time.Now().Add(-time.Millisecond)
	g.at(1500, 2000)
	g.at(1600, 2000)
	g.end()
	if want := "importing: 1,500 of 2,000 blocks, 75 %\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
