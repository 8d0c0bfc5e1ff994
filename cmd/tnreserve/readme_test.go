package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// unsaidDefaults are the words for what a setting without a default comes to.
var unsaidDefaults = []string{"none", "nobody's", "where it listens"}

// The README's table has each setting of serve with its default, and no other.
func TestReadmeSettings(t *testing.T) {
	settings, _ := shownConfig(t, nil)
	left := maps.Clone(settings)
	delete(left, "demo")
	for name, said := range settingsTable(t) {
		for _, name := range settingsNamed(settings, name) {
			delete(left, name)
			unsaid := settings[name].Value == "" && slices.Contains(unsaidDefaults, said)
			if said != settings[name].Value && !unsaid {
				t.Errorf("%s is %q by default, and the README says %q", name, settings[name].Value, said)
			}
		}
		if len(settingsNamed(settings, name)) == 0 {
			t.Errorf("serve has no setting %q", name)
		}
	}
	for name := range left {
		t.Errorf("the README's table has no %q", name)
	}
}

// settingsNamed are those of a name, or of its beginning where it ends with "…".
func settingsNamed(settings map[string]setting, name string) (names []string) {
	start, several := strings.CutSuffix(name, "…")
	for has := range settings {
		if has == name || several && strings.HasPrefix(has, start) {
			names = append(names, has)
		}
	}
	return names
}

// settingsTable has the defaults by the names of the settings. A row may have several,
// each with its default.
func settingsTable(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| setting | what it is | default |\n|---|---|---|\n")
	settings := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 3 {
			break
		}
		names, defaults := strings.Split(cells[0], ", "), strings.Split(cells[2], ", ")
		if len(names) != len(defaults) {
			t.Errorf("%d names and %d defaults: %s", len(names), len(defaults), line)
			continue
		}
		for i, name := range names {
			settings[strings.Trim(name, "`")] = strings.Trim(defaults[i], "`")
		}
	}
	if len(settings) == 0 {
		t.Error("there is no table of settings")
	}
	return settings
}
