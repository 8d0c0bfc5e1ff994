package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

func TestClientCommands(t *testing.T) {
	db := newDB(t)
	fresh := func(args ...string) (c credentials) {
		t.Helper()
		if err := json.Unmarshal([]byte(must(t, append(args, "--db", db, "--json")...).out), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	tryOut := func(what string, c credentials, want bool) {
		t.Helper()
		s, err := store.Open(t.Context(), store.Config{DB: db, Now: time.Now, NoShelf: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		a, byPassword := s.ClientByPassword(t.Context(), c.Username, c.Password, "")
		_, byKey := s.ClientByKey(t.Context(), c.Key, "")
		if (byPassword == nil) != want || (byKey == nil) != want || want && (a.ID != c.ID || a.Account != 9500012 || a.Role != tel.RoleMember) {
			t.Errorf("%s: %+v, %v, %v", what, a, byPassword, byKey)
		}
	}
	list := func() string { t.Helper(); return must(t, "client", "list", "--db", db, "--account", "9500012").out }

	if out := list(); out != "no API client\n" {
		t.Error(out)
	}
	first := fresh("client", "create", "--account", "9500012", "--name", "Web shop", "--role", "member", "--expires", "90d")
	if end, err := time.Parse(time.RFC3339, first.ExpiresAt); err != nil || time.Until(end).Round(time.Hour) != 90*24*time.Hour {
		t.Error(first.ExpiresAt)
	}
	tryOut("made", first, true)
	if out := list(); !strings.Contains(out, first.ID) || !strings.Contains(out, "Web shop") || !strings.Contains(out, "active") || strings.Contains(out, first.Key[:20]) {
		t.Error(out)
	}
	next := fresh("client", "rotate", "--id", first.ID, "--overlap", "24h")
	if next.Key == first.Key || next.Username != first.Username || next.OldUntil == "" {
		t.Error("not rotated")
	}
	tryOut("the old one", first, true)
	tryOut("the new one", next, true)
	last := fresh("client", "rotate", "--id", first.ID, "--overlap", "0s")
	tryOut("replaced at once", next, false)
	tryOut("the last one", last, true)
	if out := must(t, "client", "revoke", "--db", db, "--id", first.ID).out; !strings.Contains(out, "is revoked") {
		t.Error(out)
	}
	tryOut("revoked", last, false)
	if out := list(); !strings.Contains(out, "revoked") {
		t.Error(out)
	}
	if out := must(t, "client", "create", "--db", db, "--account", "9500012", "--name", "Web shop", "--role", "admin").out; !strings.Contains(out, "password  tnr_pass_") || !strings.Contains(out, "not shown again") || strings.Contains(out, "expires") {
		t.Error(out)
	}
	for args, want := range map[string]result{
		"create --account 77 --name A --role member":                       {code: 1, err: "there is no account 77"},
		"create --account 9500012 --name A --role operator":                {code: 2, err: "--role"},
		"create --account 9500012 --name A --role member --expires soon":   {code: 2, err: "not a length of time"},
		"create --account 9500012 --name A --role member --expires 11000d": {code: 2, err: "not a length of time"},
		"create --account 9500012 --role member":                           {code: 2, err: "--name"},
		"list --account 77":                                                {code: 1, err: "there is no account 77"},
		"revoke --id nobody":                                               {code: 1, err: "there is no client nobody"},
		"rotate --id nobody --overlap 1h":                                  {code: 1, err: "there is no client nobody"},
		"rotate --id " + first.ID + " --overlap 1h":                        {code: 1, err: "is revoked"},
		"rotate --id " + first.ID:                                          {code: 2, err: "--overlap"},
	} {
		got := call(t, "", nil, append([]string{"client"}, append(strings.Fields(args), "--db", db)...)...)
		if got.code != want.code || !strings.Contains(got.err, want.err) {
			t.Errorf("%s: %+v", args, got)
		}
	}
	if got := call(t, "", nil, "client", "list", "--account", "1", "--db", filepath.Join(t.TempDir(), "none.db")); got.code != 1 || !strings.Contains(got.err, "there is no database") {
		t.Errorf("%+v", got)
	}
}
