package main

import (
	"encoding/json"
	"io"
)

// output is the flag of each command that prints a result.
type output struct {
	JSON bool `name:"json" help:"Print the result as JSON."`
}

// print writes a result for a program or for a person.
func (o output) print(p *process, result interface{ text(io.Writer) }) error {
	if !o.JSON {
		result.text(p.stdout)
		return nil
	}
	return writeJSON(p.stdout, result)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
