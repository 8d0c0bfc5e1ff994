package bandwidth_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tnreserve/store/storetest"
	"tnreserve/web/limit"
)

// Bandwidth's own client, from the folder npm: what each step demands is in client.js.
func TestBandwidthsOwnClient(t *testing.T) {
	installClient(t)
	d := open(t)
	open := httptest.NewServer(d.handler)
	defer open.Close()
	d.hang(limit.New(0.001, 1, d.Now))
	limited := httptest.NewServer(d.handler)
	defer limited.Close()
	who := d.clients["acme-admin"]
	cmd := exec.Command("node", "client.js")
	cmd.Dir = "npm"
	cmd.Env = append(os.Environ(), "ENDPOINT="+open.URL+"/api", "LIMITED="+limited.URL+"/api", "ACCOUNT="+storetest.Acme.String(),
		"USERNAME="+who.Username, "PASSWORD="+who.Password)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// installClient runs npm ci, unless it was run before.
func installClient(t *testing.T) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, "Bandwidth's npm client was not run: there is no "+program+" here. Install: apt-get install -y nodejs npm")
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
		skip(t, "Bandwidth's npm client was not run: npm ci failed, is the registry within reach? "+string(out))
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

// The door answers under its prefixes and leaves the rest alone.
func TestBesideTheDashboard(t *testing.T) {
	d := open(t)
	for path, ours := range map[string]bool{
		"/api": true, "/api/": true, "/API/v2/tns": true, "/v1.0/tns": true, "/V1.0": true, "/api/v3/x": true, "//api": false,
		"/": false, "/apiary": false, "/v1.0x": false, "/v1": false, "/v2/number_orders": false, "/search": false, "/reservations": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://door.test/", nil)
		r.URL.Path = path
		if w := d.serve(r); (w.Code != http.StatusTeapot) != ours {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
