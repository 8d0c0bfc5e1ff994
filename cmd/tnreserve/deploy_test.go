package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	yaml "github.com/oasdiff/yaml3"
)

// deployed are the files of the folder deploy, by name.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("deploy/*")
	if err != nil || len(names) < 8 {
		t.Fatal(names, err)
	}
	files := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = string(text)
	}
	return files
}

// Each flag and variable that the files name is one of the command line's.
func TestDeployNamesSettings(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("tnreserve"))
	if err != nil {
		t.Fatal(err)
	}
	flags := flagsBelow(parser.Model.Node)
	variables := map[string]bool{"TNRESERVE_CONFIG": true}
	for name, flag := range flags {
		variables[variable(name)] = true
		if isSecret(flag) {
			variables[variable(name)+"_FILE"] = true
		}
	}
	for file, text := range deployed(t) {
		for _, name := range regexp.MustCompile(`TNRESERVE_[A-Z_]+`).FindAllString(text, -1) {
			if !variables[name] {
				t.Errorf("%s: there is no variable %s", file, name)
			}
		}
		for line := range strings.Lines(text) {
			if !regexp.MustCompile(`tnreserve(:| [a-z]+) .*--`).MatchString(line) || strings.Contains(line, "useradd") {
				continue
			}
			for _, name := range regexp.MustCompile(`--[a-z-]+`).FindAllString(line, -1) {
				if flags[name[2:]] == nil && name != "--check" {
					t.Errorf("%s: there is no flag %s", file, name)
				}
			}
		}
	}
}

func TestDeployConfigFile(t *testing.T) {
	if r := must(t, "config", "--check", "--config", "deploy/tnreserve.toml"); r.err != "" {
		t.Error(r.err)
	}
}

// Every file that leads to the server leads to the same port.
func TestDeployPortsAgree(t *testing.T) {
	got, _ := shownConfig(t, nil, "--config", "deploy/tnreserve.toml")
	_, port, err := net.SplitHostPort(got["addr"].Value)
	if err != nil {
		t.Fatal(err)
	}
	files := deployed(t)
	for file, line := range map[string]string{
		"tnreserve.socket": "ListenStream=127.0.0.1:" + port + "\n",
		"Caddyfile":        "reverse_proxy 127.0.0.1:" + port + " ",
		"nginx.conf":       "server 127.0.0.1:" + port + ";",
		"Dockerfile":       "TNRESERVE_ADDR=0.0.0.0:" + port + "\n",
		"compose.yaml":     `["127.0.0.1:` + port + ":" + port + `"]`,
	} {
		if !strings.Contains(files[file], line) {
			t.Errorf("%s has no %q", file, line)
		}
	}
	if !strings.Contains(files["Dockerfile"], "EXPOSE "+port+"\n") {
		t.Error("the Dockerfile exposes another port")
	}
	for _, file := range []string{"litestream.yml", "tnreserve.toml"} {
		if !strings.Contains(files[file], "/var/lib/tnreserve/tnreserve.db") {
			t.Errorf("%s names another database", file)
		}
	}
}

func TestDeployYAML(t *testing.T) {
	files := deployed(t)
	var compose struct {
		Services map[string]struct {
			Build       map[string]string
			Environment map[string]string
			Secrets     []string
		}
		Secrets map[string]struct{ File string }
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(files["compose.yaml"]), &compose); err != nil {
		t.Fatal(err)
	}
	for name, s := range compose.Services {
		for _, secret := range s.Secrets {
			if compose.Secrets[secret].File == "" {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
		for _, value := range s.Environment {
			if secret, ok := strings.CutPrefix(value, "/run/secrets/"); ok && !slices.Contains(s.Secrets, secret) {
				t.Errorf("%s is not given the secret %s", name, secret)
			}
		}
		if s.Build != nil && s.Environment["TNRESERVE_DB"] != "" {
			t.Errorf("%s: the image's TNRESERVE_DB stands beside TNRESERVE_DB_FILE", name)
		}
	}
	if len(compose.Services) != 3 {
		t.Errorf("%d services", len(compose.Services))
	}
	var litestream struct {
		DBs []struct {
			Path    string
			Replica map[string]string
		}
	}
	if err := yaml.Unmarshal([]byte(files["litestream.yml"]), &litestream); err != nil || len(litestream.DBs) != 1 || litestream.DBs[0].Replica["type"] == "" {
		t.Error(err, litestream)
	}
}

// Blocks end where they should, and statements of nginx with a semicolon.
func TestDeployProxies(t *testing.T) {
	files := deployed(t)
	for _, file := range []string{"nginx.conf", "Caddyfile"} {
		depth := 0
		for line := range strings.Lines(files[file]) {
			line = strings.TrimSpace(line)
			switch {
			case line == "" || line[0] == '#':
			case strings.HasSuffix(line, "{"):
				depth++
			case line == "}":
				depth--
			case file == "nginx.conf" && !strings.HasSuffix(line, ";"):
				t.Errorf("%s: %q has no end", file, line)
			}
			if depth < 0 {
				t.Errorf("%s: a block ends twice", file)
			}
		}
		if depth != 0 {
			t.Errorf("%s: a block has no end", file)
		}
	}
	for file, unbuffered := range map[string]string{"nginx.conf": "proxy_buffering off;", "Caddyfile": "flush_interval -1"} {
		if !strings.Contains(files[file], unbuffered) {
			t.Errorf("%s holds streams of events back", file)
		}
	}
}

var unitLine = regexp.MustCompile(`^(#.*|\[(Unit|Service|Socket|Timer|Install)\]|[A-Z][A-Za-z]+=.*)?$`)

func TestDeployUnits(t *testing.T) {
	files := deployed(t)
	dir := t.TempDir()
	var units []string
	for _, name := range []string{"tnreserve.service", "tnreserve.socket", "tnreserve-backup.service", "tnreserve-backup.timer"} {
		for line := range strings.Lines(files[name]) {
			if !unitLine.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s: %q", name, line)
			}
		}
		units = append(units, filepath.Join(dir, name))
		text := strings.ReplaceAll(files[name], "/usr/local/bin/tnreserve", program)
		if err := os.WriteFile(units[len(units)-1], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(files["tnreserve.service"], "AF_NETLINK") {
		t.Error("the unit forbids to read the machine's own addresses, without which no webhook is sent")
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("without systemd-analyze only the form is looked at")
		return
	}
	if out, err := exec.Command(analyze, append([]string{"verify"}, units...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := exec.Command(analyze, "security", "--offline=yes", "--threshold=15", units[0]).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
