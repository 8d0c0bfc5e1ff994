package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

var licenseName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)

// licenses are those of Go and of each module in a system's program: they want to go
// where it goes.
func licenses(t target) ([]entry, error) {
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "./cmd/tnreserve")
	list.Env = t.environment()
	text, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the modules: %w", err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	folders := map[string]string{"go": strings.TrimSpace(string(root))}
	for line := range strings.Lines(string(text)) {
		if module, folder, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			folders[module] = folder
		}
	}
	var out []entry
	for module, folder := range folders {
		found, err := licensesOf(module, folder)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func licensesOf(module, folder string) (out []entry, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	for _, file := range files {
		if name := filepath.Base(file); licenseName.MatchString(name) && filepath.Ext(name) != ".go" {
			out = append(out, entry{"licenses/" + module + "/" + name, file, 0o644})
		}
	}
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s has no license in %s", module, folder)
	}
	return out, err
}
