package main

import (
	"slices"
	"strings"
	"testing"
)

// What goes with the program has its license, and that of each thing in it.
func TestLicensesGoWithTheProgram(t *testing.T) {
	t.Chdir("../..")
	list, err := besides(target{"windows", "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"LICENSE", "README.md", "deploy/nginx.conf", "licenses/htmx.txt", "licenses/go/LICENSE", "licenses/modernc.org/sqlite/LICENSE", "licenses/github.com/a-h/templ/LICENSE"} {
		if !slices.ContainsFunc(list, func(e entry) bool { return e.name == want }) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, e := range list {
		if strings.HasSuffix(e.name, "/") || strings.Contains(e.name, "..") || strings.Contains(e.name, "Docker") || strings.HasSuffix(e.name, "compose.yaml") {
			t.Errorf("%+v", e)
		}
	}
}
