package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.db")
	db := newDB(t)
	for _, c := range []struct {
		name  string
		args  string // DB and MISSING are filled in
		stdin string
		env   []string
		code  int
		out   string // each is a part of what is printed
		err   string
	}{
		{name: "nothing", args: "", code: 2, err: "expected one of"},
		{name: "help", args: "--help", out: "account create"},
		{name: "unknown command", args: "bogus", code: 2, err: "bogus"},
		{name: "unknown flag", args: "sweep --bogus", code: 2, err: "unknown flag --bogus"},
		{name: "where help is", args: "account set --id x", code: 2, err: `Run "tnreserve account set --help"`},
		{name: "version", args: "version", out: "go1."},

		{name: "migrate a new one", args: "migrate --db MISSING.new", out: "made, with the current schema"},
		{name: "migrate", args: "migrate --db DB", out: "the schema is current"},
		{name: "a folder", args: "migrate --db .", code: 1, err: "is a folder"},
		{name: "postgres", args: "migrate --db postgres://me:secret@127.0.0.1:1/tn", code: 1, err: "Cannot open the database postgres://me:xxxxx@127.0.0.1:1/tn"},
		{name: "postgres, where the database must exist", args: "check --db postgres://127.0.0.1:1/tn", code: 1, err: "Cannot open the database"},

		{name: "check", args: "check --db DB", out: "all is well"},
		{name: "check none", args: "check --db MISSING", code: 1, err: "there is no database"},
		{name: "sweep", args: "sweep --db DB", out: "0 reservations ran out"},
		{name: "sweep none", args: "sweep --db MISSING", code: 1, err: "there is no database"},
		{name: "backup none", args: "backup --db MISSING copy.db", code: 1, err: "there is no database"},
		{name: "backup to where", args: "backup --db DB", code: 2, err: "expected \"<file>\""},
		{name: "backup over something", args: "backup --db DB DB", code: 1, err: "exists already"},

		{name: "restore none", args: "restore --db DB.other MISSING", code: 1, err: "There is no backup"},
		{name: "restore postgres", args: "restore --db postgres://h/tn MISSING", code: 1, err: "pg_restore"},
		{name: "half configured", args: "config --check --trusted-proxy 127.0.0.1/32", code: 1, err: "it needs --base-url too"},

		{name: "copy none", args: "copy --from MISSING --to DB.two", code: 1, err: "there is no database"},
		{name: "copy nowhere", args: "copy --from DB", code: 2, err: "--to"},
		{name: "copy over something", args: "copy --from DB --to DB", code: 1, err: "cannot be copied to itself"},

		{name: "account again", args: "account create --db DB --id 9500012 --name Acme", code: 1, err: "exists already"},
		{name: "account without name", args: "account create --db DB --id 1", code: 2, err: "--name"},
		{name: "account by letters", args: "account create --db DB --id abc --name A", code: 2, err: "not an account number"},
		{name: "account on maybe", args: "account create --db DB --id 1 --name A --reservations maybe", code: 2, err: "neither on nor off"},
		{name: "account set nothing", args: "account set --db DB --id 9500012", code: 2, err: "say what to change"},
		{name: "account set unknown", args: "account set --db DB --id 77 --window 1h", code: 1, err: "there is no account 77"},
		{name: "account set none", args: "account set --db MISSING --id 9500012 --window 1h", code: 1, err: "there is no database"},
		{name: "account set no duration", args: "account set --db DB --id 9500012 --window soon", code: 2, err: "not a length of time such as 4h, 90m or 2d"},
		{name: "account set against itself", args: "account set --db DB --id 9500012 --window 2d", code: 1, err: "ceiling cannot be shorter"},
		{name: "account set live alone", args: "account set --db DB --id 9500012 --window 1h --live end", code: 2, err: "goes with --reservations off"},
		{name: "account set live what", args: "account set --db DB --id 9500012 --reservations off --live perhaps", code: 2, err: "--live"},
		{name: "account set", args: "account set --db DB --id 9500012 --window 2h --ceiling 2d --cooldown 30s", out: "holds last 2 hours and at most 2 days with 3 extensions; cool-down: 30 seconds"},
		{name: "account off", args: "account set --db DB --id 9500012 --reservations off", out: "reservations off"},

		{name: "aging too long", args: "account set --db DB --id 9500012 --window 3h --aging 400d", code: 1, err: "ages"},
		{name: "and nothing was set", args: "account set --db DB --id 9500012 --max-extensions 3", out: "holds last 2 hours"},
		{name: "user", args: "user create --db DB --email ada@acme.example --role admin --account 9500012 --password-stdin", stdin: "a long password\n", out: "ada@acme.example can sign in: admin of account 9500012"},
		{name: "user again", args: "user create --db DB --email ada@acme.example --role admin --account 9500012 --password-stdin", stdin: "a long password\n", code: 1, err: "has a role here already"},
		{name: "user elsewhere", args: "user create --db DB --email ada@acme.example --role operator --password-stdin", stdin: "a long password", code: 1, err: "keeps their own password. Invite them"},
		{name: "user invite", args: "user invite --db DB --email ada@acme.example --role operator --base-url https://numbers.example", out: "https://numbers.example/invitations/"},
		{name: "user invite to nowhere", args: "user invite --db DB --email ada@acme.example --role admin --account 5", code: 1, err: "there is no account 5"},
		{name: "user invite of a role", args: "user invite --db DB --email ada@acme.example --role admin", code: 2, err: "needs an account"},
		{name: "operator", args: "user create --db DB --email ops@carrier.example --role operator --password-stdin", stdin: "a long password", out: "operator of the whole platform"},
		{name: "user, short password", args: "user create --db DB --email b@acme.example --role member --account 9500012 --password-stdin", stdin: "short\n", code: 1, err: "at least 10 characters"},
		{name: "user, no password", args: "user create --db DB --email b@acme.example --role member --account 9500012 --password-stdin", code: 1, err: "no password"},
		{name: "user, no terminal", args: "user create --db DB --email b@acme.example --role member --account 9500012", code: 2, err: "--password-stdin"},
		{name: "user of a role", args: "user create --db DB --email b@acme.example --role boss --password-stdin", code: 2, err: "--role"},
		{name: "user of nowhere", args: "user create --db DB --email b@acme.example --role admin --password-stdin", stdin: "a long password", code: 2, err: "needs an account"},
		{name: "operator of an account", args: "user create --db DB --email b@acme.example --role operator --account 9500012 --password-stdin", stdin: "a long password", code: 2, err: "belongs to no account"},
		{name: "user of an unknown account", args: "user create --db DB --email b@acme.example --role admin --account 5 --password-stdin", stdin: "a long password", code: 1, err: "there is no account 5"},
		{name: "user, no address", args: "user create --db DB --email ada --role operator --password-stdin", stdin: "a long password", code: 1, err: "not an e-mail address"},
		{name: "user none", args: "user create --db MISSING --email b@acme.example --role operator --password-stdin", stdin: "a long password", code: 1, err: "there is no database"},

		{name: "user list", args: "user list --db DB --account 9500012", out: "admin@9500012"},
		{name: "user list of nowhere", args: "user list --db DB --account 5", code: 1, err: "there is no account 5"},
		{name: "user list as JSON", args: "user list --db DB --json", out: `"platform": "operator"`},
		{name: "user set, the last admin", args: "user set --db DB --email ada@acme.example --role member --account 9500012", code: 1, err: "the last admin of account 9500012"},
		{name: "user remove, the last admin", args: "user remove --db DB --email ada@acme.example --account 9500012", code: 1, err: "the last admin"},
		{name: "user deactivate, the last admin", args: "user deactivate --db DB --email ada@acme.example", code: 1, err: "the last admin"},
		{name: "user remove, the last operator", args: "user remove --db DB --email ops@carrier.example", code: 1, err: "the last operator"},
		{name: "user set nobody", args: "user set --db DB --email eve@acme.example --role operator", code: 1, err: "there is nobody with the address eve@acme.example"},
		{name: "user set elsewhere", args: "user set --db DB --email ops@carrier.example --role member --account 9500012", code: 1, err: "has no role in account 9500012"},
		{name: "user set where they are nothing", args: "user set --db DB --email ada@acme.example --role support", code: 1, err: "Invite them to it"},
		{name: "another operator", args: "user create --db DB --email two@carrier.example --role operator --password-stdin", stdin: "a long password", out: "operator of the whole platform"},
		{name: "user set", args: "user set --db DB --email two@carrier.example --role support", out: "two@carrier.example is support on the whole platform"},
		{name: "user set an admin for all", args: "user set --db DB --email ada@acme.example --role admin", code: 2, err: "needs an account"},
		{name: "another admin", args: "user create --db DB --email bob@acme.example --role admin --account 9500012 --password-stdin", stdin: "a long password", out: "admin of account 9500012"},
		{name: "user set, one of two", args: "user set --db DB --email ada@acme.example --role member --account 9500012", out: "ada@acme.example is member in account 9500012"},
		{name: "user deactivate", args: "user deactivate --db DB --email ada@acme.example", out: "is deactivated everywhere"},
		{name: "user reset-link of nobody active", args: "user reset-link --db DB --email ada@acme.example", code: 1, err: "is deactivated"},
		{name: "user deactivate --undo", args: "user deactivate --db DB --email ada@acme.example --undo", out: "is active everywhere"},
		{name: "user reset-link", args: "user reset-link --db DB --email ada@acme.example --base-url https://numbers.example", out: "https://numbers.example/reset/"},
		{name: "user reset-link, no factor", args: "user reset-link --db DB --email ada@acme.example --second-factor", code: 1, err: "has no second factor"},
		{name: "user remove", args: "user remove --db DB --email ada@acme.example --account 9500012", out: "is without a role in account 9500012"},

		{name: "half a single sign-on", args: "serve --db DB --addr 127.0.0.1:0 --oidc-issuer https://login.example", code: 2, err: "single sign-on needs"},
		{name: "groups alone", args: "serve --db DB --addr 127.0.0.1:0 --oidc-groups ops=operator", code: 2, err: "single sign-on needs"},
		{name: "single sign-on without a base URL", args: "serve --db DB --addr 127.0.0.1:0 --oidc-issuer https://login.example --oidc-client-id a --oidc-client-secret b", code: 2, err: "needs --base-url too"},
		{name: "single sign-on without https", args: "serve --db DB --addr 127.0.0.1:0 --base-url https://n.example --oidc-issuer http://login.example --oidc-client-id a --oidc-client-secret b", code: 2, err: "is not like https://login.example"},
		{name: "two secrets", args: "serve --db DB --addr 127.0.0.1:0 --base-url https://n.example --oidc-issuer https://login.example --oidc-client-id a --oidc-client-secret b --oidc-client-secret-file c", code: 2, err: "not both"},
		{name: "a secret that is not there", args: "serve --db DB --addr 127.0.0.1:0 --base-url https://n.example --oidc-issuer https://login.example --oidc-client-id a --oidc-client-secret-file MISSING", code: 2, err: "--oidc-client-secret-file"},
		{name: "groups that are none", args: "serve --db DB --addr 127.0.0.1:0 --base-url https://n.example --oidc-issuer https://login.example --oidc-client-id a --oidc-client-secret b --oidc-groups ops=admin", code: 2, err: "needs an account"},

		{name: "variables", args: "account set", env: []string{"TNRESERVE_DB=DB", "TNRESERVE_ID=9500012", "TNRESERVE_MAX_HELD=77"}, out: "holds 0 of 77 TNs"},
		{name: "a flag goes before its variable", args: "account set --max-held 78", env: []string{"TNRESERVE_DB=DB", "TNRESERVE_ID=9500012", "TNRESERVE_MAX_HELD=77"}, out: "holds 0 of 78 TNs"},
		{name: "a bad variable", args: "account set --id 9500012", env: []string{"TNRESERVE_MAX_HELD=many"}, code: 2, err: "--max-held"},
		{name: "an empty variable", args: "sweep --db DB", env: []string{"TNRESERVE_JSON="}, out: "reservations ran out"},
		{name: "a variable for JSON", args: "sweep --db DB", env: []string{"TNRESERVE_JSON=1"}, out: `"expired": 0`},

		{name: "serve nowhere", args: "serve --db DB --addr 256.0.0.1:1", code: 1, err: "cannot listen on 256.0.0.1:1"},
		{name: "serve at a path", args: "serve --db DB --base-url https://numbers.example/here", code: 2, err: "without a path"},
		{name: "serve at nothing", args: "serve --db DB --base-url numbers.example", code: 2, err: "not like https://numbers.example"},
		{name: "serve postgres", args: "serve --addr 127.0.0.1:0 --db postgres://127.0.0.1:1/tn", code: 1, err: "Cannot open the database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fill := strings.NewReplacer("MISSING", missing, "DB", db)
			args := strings.Fields(c.args)
			for i := range args {
				args[i] = fill.Replace(args[i])
			}
			env := make([]string, len(c.env))
			for i, e := range c.env {
				name, value, _ := strings.Cut(e, "=")
				env[i] = name + "=" + fill.Replace(value)
			}
			got := call(t, c.stdin, env, args...)
			if got.code != c.code {
				t.Errorf("exit %d, want %d", got.code, c.code)
			}
			if !strings.Contains(got.out, c.out) || c.err == "" && got.err != "" {
				t.Errorf("stdout: %s\nstderr: %s\nwant %q", got.out, got.err, c.out)
			}
			if !strings.Contains(got.err, c.err) || c.err != "" && got.out != "" {
				t.Errorf("stdout: %s\nstderr: %s\nwant %q", got.out, got.err, c.err)
			}
			if _, err := os.Stat(missing); err == nil {
				t.Fatal("a database was made that nobody asked for")
			}
		})
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	for _, c := range []string{"serve", "migrate", "import", "account create", "account set", "user create", "user invite", "user list", "user set", "user remove", "user deactivate", "user reset-link", "client create", "client list", "client revoke", "client rotate", "sweep", "check", "backup", "restore", "copy", "config", "version"} {
		r := must(t, append(strings.Fields(c), "--help")...)
		if !strings.Contains(r.out, "Example") || !strings.Contains(r.out, "tnreserve "+c) {
			t.Errorf("%s --help has no example:\n%s", c, r.out)
		}
		if c != "version" && !strings.Contains(r.out, "(TNRESERVE_DB") {
			t.Errorf("%s --help does not name its variables:\n%s", c, r.out)
		}
	}
}

func TestJSON(t *testing.T) {
	db := newDB(t)
	csv := writeFile(t, "npa,nxx\n919,247\n919,911\n")
	for _, c := range []struct {
		args string
		keys []string
	}{
		{"version", []string{"version", "go"}},
		{"migrate --db DB", []string{"db", "new"}},
		{"import --db DB CSV", []string{"file", "rows", "accepted", "refused", "refusals", "notices", "blocks", "tns", "dry_run", "imported"}},
		{"account create --db DB --id 5 --name Five", []string{"id", "name", "reservations", "window", "ceiling", "max_extensions", "max_held", "max_per_reservation", "cooldown", "max_share", "working", "held", "ended"}},
		{"account set --db DB --id 5 --reservations off --live end", []string{"id", "reservations", "held", "ended"}},
		{"client create --db DB --account 5 --name Shop --role member --expires 90d", []string{"id", "username", "password", "key", "expires_at"}},
		{"client list --db DB --account 5", []string{"clients"}},
		{"sweep --db DB", []string{"expired", "ended", "removed"}},
		{"check --db DB", []string{"db", "ok", "broken"}},
		{"backup --db DB DB.copy", []string{"db", "file", "bytes"}},
		{"copy --from DB --to DB.two", []string{"from", "to", "tables", "rows", "before"}},
	} {
		args := append(strings.Fields(strings.NewReplacer("DB", db, "CSV", csv).Replace(c.args)), "--json")
		var got map[string]any
		if err := json.Unmarshal([]byte(must(t, args...).out), &got); err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		for _, key := range c.keys {
			if _, ok := got[key]; !ok {
				t.Errorf("%s: no %q in %v", c.args, key, got)
			}
		}
	}
	must(t, "check", "--db", db+".copy") // the copy is a database
	must(t, "check", "--db", db+".two")
}

func TestCheckListsWhatIsBroken(t *testing.T) {
	db := newDB(t)
	spoil(t, db, `UPDATE account SET held = 3`)
	r := call(t, "", nil, "check", "--db", db)
	if r.code != 1 || !strings.Contains(r.out, "counts 3 held TNs") || !strings.Contains(r.err, "1 invariant broken") {
		t.Errorf("%+v", r)
	}
	r = call(t, "", nil, "check", "--db", db, "--json")
	var got checked
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != 1 || got.OK || len(got.Broken) != 1 {
		t.Errorf("%v %+v", err, r)
	}
}

func TestDamagedFile(t *testing.T) {
	db := writeFile(t, strings.Repeat("this is no database ", 500))
	for _, args := range [][]string{{"check"}, {"sweep"}, {"migrate"}, {"serve", "--addr", "127.0.0.1:0"}} {
		r := call(t, "", nil, append(args, "--db", db)...)
		if r.code != 1 || r.out != "" || !strings.Contains(r.err, db) {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
