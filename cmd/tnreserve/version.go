package main

import (
	"fmt"
	"io"
	"runtime/debug"
)

type versionCommand struct{ output }

// Help is what --help shows below the flags.
func (versionCommand) Help() string { return "Example:\n  tnreserve version --json" }

// built is what the program knows about how it was built.
type built struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"` // files differed from the revision
	Go       string `json:"go"`
}

func (b built) text(w io.Writer) {
	fmt.Fprintf(w, "tnreserve %s", b.Version)
	if b.Revision != "" {
		fmt.Fprintf(w, ", revision %s of %s", b.Revision, b.Time)
	}
	if b.Modified {
		fmt.Fprint(w, ", modified")
	}
	fmt.Fprintf(w, ", %s\n", b.Go)
}

// Run prints it.
func (c *versionCommand) Run(p *process) error { return c.print(p, buildInfo()) }

func buildInfo() built {
	b := built{Version: "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
