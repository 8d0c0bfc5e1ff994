package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// The Telnyx door stands beside the dashboard too, takes the client's key, and counts
// its requests with those at the other door.
func TestServeTelnyxDoor(t *testing.T) {
	db := newDB(t)
	must(t, "account", "create", "--db", db, "--id", "9500777", "--name", "Door")
	made := must(t, "client", "create", "--db", db, "--account", "9500777", "--name", "door", "--role", "admin", "--json")
	var client struct{ Username, Password, Key string }
	if err := json.Unmarshal([]byte(made.out), &client); err != nil {
		t.Fatal(err)
	}
	s := serveProcess(t, 1, serveCmd(t.Context(), db, "--client-rate", "0.01", "--client-burst", "2"))
	defer s.stop(t)
	for i, want := range []int{200, 200, 429} {
		path := []string{"/v2/number_reservations", "/api/accounts/9500777", "/v2/number_orders"}[i]
		req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+client.Key)
		if i == 1 {
			req.SetBasicAuth(client.Username, client.Password)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, not %d", path, res.StatusCode, want)
		}
	}
}

// The Bandwidth door stands beside the dashboard, knows a client made on the command
// line, and lets it ask so often and no more.
func TestServeBandwidthDoor(t *testing.T) {
	db := newDB(t)
	must(t, "account", "create", "--db", db, "--id", "9500777", "--name", "Door")
	made := must(t, "client", "create", "--db", db, "--account", "9500777", "--name", "door", "--role", "admin", "--json")
	var client struct{ Username, Password string }
	if err := json.Unmarshal([]byte(made.out), &client); err != nil {
		t.Fatal(err)
	}
	s := serveProcess(t, 1, serveCmd(t.Context(), db, "--client-rate", "0.01", "--client-burst", "2"))
	defer s.stop(t)
	for i, want := range []int{200, 200, 429} {
		req, err := http.NewRequest(http.MethodGet, s.url+"/api/accounts/9500777", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(client.Username, client.Password)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("request %d: %d, not %d", i, res.StatusCode, want)
		}
	}
	if r := call(t, "", nil, "serve", "--db", db, "--shop-holds", "0"); r.code != exitUsage || !strings.Contains(r.err, "--shop-holds") {
		t.Errorf("no holds in storefronts: %d %s", r.code, r.err)
	}
	if r := call(t, "", nil, "serve", "--db", db, "--client-rate", "-1"); r.code != exitUsage || !strings.Contains(r.err, "--client-rate") {
		t.Error(r)
	}
}
