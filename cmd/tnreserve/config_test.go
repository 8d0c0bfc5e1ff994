package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// writeConfig makes a file of settings that only its owner may read.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tnreserve.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// shownConfig is what "tnreserve config" says, by the name of each setting.
func shownConfig(t *testing.T, env []string, args ...string) (map[string]setting, inForce) {
	t.Helper()
	r := call(t, "", env, append([]string{"config", "--json"}, args...)...)
	var got inForce
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != 0 {
		t.Fatalf("%v %+v", err, r)
	}
	by := map[string]setting{}
	for _, s := range got.Settings {
		by[s.Name] = s
	}
	return by, got
}

// A flag goes before its variable, that before the file, and that before the default.
func TestConfigOrder(t *testing.T) {
	file := writeConfig(t, `# where and how
db = "file.db"
addr = "127.0.0.1:1"
idle-staff = "1h30m"
client-rate = 12.5

[serve]
addr = "127.0.0.1:2"
shop-holds = 7
demo = true
base-url = "https://numbers.example"
trusted-proxy = ["10.0.0.0/8", "::1/128"]

[account.set]
max-held = 44
`)
	env := []string{"TNRESERVE_CONFIG=" + file, "TNRESERVE_SHOP_HOLDS=8", "TNRESERVE_SHOP_SEARCHES=9", "TNRESERVE_IDLE_OTHERS=", "TNRESERVE_LOG_LEVEL=warn"}
	got, all := shownConfig(t, env, "--shop-searches", "10")
	for name, want := range map[string]setting{
		"db":             {Value: "file.db", From: file + ":2"},
		"addr":           {Value: "127.0.0.1:2", From: file + ":8"},
		"idle-staff":     {Value: "1h30m", From: file + ":4"},
		"idle-others":    {Value: "4h", From: "default"},
		"client-rate":    {Value: "12.5", From: file + ":5"},
		"demo":           {Value: "true", From: file + ":10"},
		"base-url":       {Value: "https://numbers.example", From: file + ":11"},
		"trusted-proxy":  {Value: "10.0.0.0/8,::1/128", From: file + ":12"},
		"shop-holds":     {Value: "8", From: "TNRESERVE_SHOP_HOLDS"},
		"shop-searches":  {Value: "10", From: "flag"},
		"log-level":      {Value: "warn", From: "TNRESERVE_LOG_LEVEL"},
		"oidc-client-id": {From: "default"},
	} {
		if is := got[name]; is.Value != want.Value || is.From != want.From {
			t.Errorf("%s: %+v, want %+v", name, is, want)
		}
	}
	if len(all.Faults) > 0 || got["check"].Name != "" || got["help"].Name != "" || got["batch"].Name != "" {
		t.Errorf("%+v", all)
	}
	r := call(t, "", nil, "--config", file, "config", "--addr", "127.0.0.1:3")
	if !strings.Contains(r.out, "127.0.0.1:3") || !strings.Contains(r.out, "SETTING") {
		t.Error(r)
	}
}

// The file serves every command, and a table one of them.
func TestConfigForOtherCommands(t *testing.T) {
	db := newDB(t)
	file := writeConfig(t, fmt.Sprintf("db = %q\n[account]\nid = 9500012\n[account.set]\nmax-held = 44\n", db))
	if r := call(t, "", nil, "account", "set", "--config", file); r.code != 0 || !strings.Contains(r.out, "0 of 44 TNs") {
		t.Error(r)
	}
	if r := call(t, "", nil, "check", "--config", file); r.code != 0 || !strings.Contains(r.out, "all is well") {
		t.Error(r)
	}
}

// What no command knows is refused where it stands, all of it at once.
func TestConfigFileRefusals(t *testing.T) {
	for text, want := range map[string][]string{
		"adr = \"x\"":                              {`:1: "adr" is no setting; is it "addr"?`},
		"\nbase_url = \"x\"":                       {`:2: "base_url" is no setting; is it "base-url"?`},
		"[serv]\naddr = \"x\"":                     {`:1: "serv" is no command; is it "serve"?`},
		"[serve]\nmax-held = 3":                    {`:2: "max-held" is no setting of "serve"`},
		"[account.sett]\nid = 5":                   {`:1: "sett" is no command of "account"; is it "set"?`},
		"addr = 8080":                              {":1: addr: this is a text, in quotes"},
		"shop-holds = \"7\"":                       {":1: shop-holds: this is a number, without quotes"},
		"shop-holds = 7.5":                         {":1: shop-holds: "},
		"demo = \"yes\"":                           {":1: demo: this is true or false"},
		"demo = 1\nserve.addr = 5":                 {":1: demo: ", ":2: addr: "},
		"# one\nidle-staff = \"soon\"":             {":2: idle-staff: \"soon\" is not a length of time such as"},
		"trusted-proxy = [\"10.0.0.0/8\", 3]":      {":1: trusted-proxy: 3 in the list"},
		"trusted-proxy = [\"ten\"]":                {":1: trusted-proxy: "},
		"log-level = \"loud\"":                     {`:1: log-level: "loud" is none of debug, info, warn, error`},
		"addr = \"x\"\naddr = \"y\"":               {":2: "},
		"addr = \"x\"\n[serve]\n[serve]\ndemo = 1": {":3: "},
		"addr = ":                     {":1: "},
		"help = true\nconfig = \"x\"": {`:1: "help" is no setting`, `:2: "config" is no setting`},
		"serve = 5":                   {`:1: "serve" is no setting`},
		"db = { serve = 5 }":          {`:1: "db" is no command`},
	} {
		file := writeConfig(t, text)
		r := call(t, "", nil, "config", "--config", file)
		if r.code != 2 || r.out != "" {
			t.Errorf("%q: %+v", text, r)
		}
		for _, part := range want {
			if !strings.Contains(r.err, file+part) {
				t.Errorf("%q: %q is not in\n%s", text, part, r.err)
			}
		}
	}
	if r := call(t, "", nil, "check", "--config", "nowhere.toml"); r.code != 2 || !strings.Contains(r.err, "nowhere.toml") {
		t.Error(r)
	}
}

// No secret is shown, wherever it comes from, and a file that gives one away is warned of.
func TestConfigSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	db, secret := "postgres://tn:hush@db.example/tn?sslmode=require", "hush hush"
	for _, c := range []struct {
		env  []string
		args []string
		db   string // where it comes from
		oidc string
	}{
		{nil, []string{"--db", db, "--oidc-client-secret", secret}, "flag", "flag"},
		{[]string{"TNRESERVE_DB=" + db, "TNRESERVE_OIDC_CLIENT_SECRET=" + secret}, nil, "TNRESERVE_DB", "TNRESERVE_OIDC_CLIENT_SECRET"},
		{[]string{"TNRESERVE_DB_FILE=" + write("db", db+"\n"), "TNRESERVE_OIDC_CLIENT_SECRET=" + secret}, nil, "TNRESERVE_DB_FILE", "TNRESERVE_OIDC_CLIENT_SECRET"},
		{nil, []string{"--config", write("c.toml", fmt.Sprintf("db = %q\noidc-client-secret = %q\n", db, secret))}, filepath.Join(dir, "c.toml:1"), filepath.Join(dir, "c.toml:2")},
	} {
		got, all := shownConfig(t, c.env, c.args...)
		if fmt.Sprint(all) == "" || strings.Contains(fmt.Sprint(all), "hush") {
			t.Errorf("a secret is shown: %+v", all)
		}
		if got["db"].Value != "postgres://tn:xxxxx@db.example/tn?sslmode=require" || got["db"].From != c.db {
			t.Errorf("%+v", got["db"])
		}
		if got["oidc-client-secret"].Value != "********" || got["oidc-client-secret"].From != c.oidc {
			t.Errorf("%+v", got["oidc-client-secret"])
		}
	}
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"TNRESERVE_DB=a.db", "TNRESERVE_DB_FILE=" + write("both", "b.db")}, "give TNRESERVE_DB or TNRESERVE_DB_FILE, not both"},
		{[]string{"TNRESERVE_DB_FILE=" + filepath.Join(dir, "none")}, "TNRESERVE_DB_FILE: "},
		{[]string{"TNRESERVE_DB_FILE=" + write("empty", "\n")}, "is empty"},
	} {
		if r := call(t, "", c.env, "check"); r.code != 2 || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: %+v", c.env, r)
		}
	}
	file := newDB(t)
	if r := call(t, "", []string{"TNRESERVE_DB_FILE=" + write("trimmed", file+"\r\n")}, "check"); r.code != 0 {
		t.Error(r)
	}
	open := write("open.toml", "addr = \"127.0.0.1:0\"\ndb = \"postgres://tn:hush@db.example/tn\"\n")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := call(t, "", nil, "config", "--config", open); r.code != 0 || !strings.Contains(r.err, "warning: "+open+":2: there is a secret in this file") {
		t.Error(r)
	}
	if err := os.WriteFile(open, []byte("db = \"postgres://tn@db.example/tn\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := call(t, "", nil, "config", "--config", open); r.code != 0 || r.err != "" {
		t.Error(r)
	}
}

// A half-configured server says all that is missing, and does not start.
func TestHalfConfigured(t *testing.T) {
	args := []string{"--addr", "8080", "--oidc-issuer", "login.example", "--trusted-proxy", "127.0.0.1/32", "--shop-holds", "0", "--connections=-1"}
	wants := []string{"--addr \"8080\"", "needs --oidc-client-id too", "needs --oidc-client-secret or", "needs --base-url too", "is not like https://login.example", "--trusted-proxy says", "--shop-searches and --shop-holds", "--connections and"}
	_, all := shownConfig(t, nil, args...)
	for _, r := range []result{
		call(t, "", nil, append([]string{"config", "--check"}, args...)...),
		call(t, "", nil, append([]string{"serve", "--db", filepath.Join(t.TempDir(), "never.db")}, args...)...),
		{code: len(wants), err: strings.Join(all.Faults, "\n")},
	} {
		for _, want := range wants {
			if !strings.Contains(r.err, want) {
				t.Errorf("%q is not in\n%s", want, r.err)
			}
		}
	}
	if r := call(t, "", nil, append([]string{"config", "--check"}, args...)...); r.code != 1 || r.out != "" {
		t.Error(r)
	}
	if r := call(t, "", nil, append([]string{"serve"}, args...)...); r.code != 2 {
		t.Error(r)
	}
	if r := must(t, "config", "--check"); r.out != "the configuration is whole\n" {
		t.Error(r)
	}
}

// Every setting of serve that help shows is one that config lists.
func TestConfigListsEverySetting(t *testing.T) {
	got, _ := shownConfig(t, nil)
	help := must(t, "serve", "--help").out
	for _, flag := range regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(help, -1) {
		if name := flag[2:]; got[name].Name == "" && !slices.Contains([]string{"help", "config", "json"}, name) {
			t.Errorf("%s is not listed", flag)
		}
	}
}

// What stops serve is found before, wherever it stands, and told without its secrets.
func TestConfigChecksAddresses(t *testing.T) {
	for _, env := range []string{"TNRESERVE_DB=postgress://tn:secret@db/x", "TNRESERVE_DB=postgres://tn:secret@db:none/x", "OTEL_EXPORTER_OTLP_ENDPOINT=tn:secret@collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT=http:/tn:secret@h", "OTEL_EXPORTER_OTLP_ENDPOINT=ftp://tn:secret@h"} {
		r := call(t, "", []string{env}, "config", "--check")
		shown := call(t, "", []string{env}, "config")
		if r.code != 1 || shown.code != 0 || strings.Contains(r.out+r.err+shown.out+shown.err, "tn:secret") {
			t.Errorf("%s: %d %s%s", env, r.code, r.err, shown.out)
		}
	}
	got, _ := shownConfig(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://tn:secret@127.0.0.1:4318"})
	if is := got["otlp-endpoint"]; is.From != "OTEL_EXPORTER_OTLP_ENDPOINT" || is.Value != "http://tn:xxxxx@127.0.0.1:4318" {
		t.Errorf("%+v", is)
	}
}
