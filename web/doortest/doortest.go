// Package doortest has what the tests of both vendors' doors need.
package doortest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RunClient lets a vendor's own client, from the folder npm, do what client.js demands,
// with its environment.
func RunClient(t *testing.T, whose string, env ...string) {
	t.Helper()
	install(t, whose)
	cmd := exec.Command("node", "client.js")
	cmd.Dir = "npm"
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// install runs npm ci, unless it was run before.
func install(t *testing.T, whose string) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, whose+" npm client was not run: there is no "+program+" here. Install: apt-get install -y nodejs npm")
		}
	}
	asked, err := os.Stat("npm/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if done, err := os.Stat(filepath.Join("npm", "node_modules", ".package-lock.json")); err == nil && !done.ModTime().Before(asked.ModTime()) {
		return
	}
	var out []byte
	for range 2 { // a registry may fail once
		cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
		cmd.Dir = "npm"
		if out, err = cmd.CombinedOutput(); err == nil {
			break
		}
	}
	if err != nil {
		skip(t, whose+" npm client was not run: npm ci failed, is the registry within reach? "+string(out))
	}
}

// skip skips with words, where skipping is allowed.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("TNRESERVE_NO_SKIP") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
