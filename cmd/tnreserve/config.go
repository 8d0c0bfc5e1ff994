package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"tnreserve/store/tel"
)

// configCommand takes serve's flags, and tells of them.
type configCommand struct {
	serveCommand
	Check bool `help:"Only say what is wrong, and end with 1 if something is."`
}

// Help is what --help shows below the flags.
func (configCommand) Help() string {
	return `Every setting is a flag, else a variable (--base-url is TNRESERVE_BASE_URL), else a key of the file that
--config or TNRESERVE_CONFIG names, else its default. In the file, which is TOML, the keys are the
flags' names; those in a table [serve] are for serve alone:

  db = "/var/lib/tnreserve/tnreserve.db"
  base-url = "https://numbers.example"
  [serve]
  trusted-proxy = ["127.0.0.1/32", "::1/128"]

A secret's variable may name a file instead: TNRESERVE_DB_FILE, TNRESERVE_OIDC_CLIENT_SECRET_FILE.

Examples:
  tnreserve config --config /etc/tnreserve/tnreserve.toml
  tnreserve config --check`
}

// inForce is what serve would run with.
type inForce struct {
	Settings []setting `json:"settings"`
	Faults   []string  `json:"faults"`
}

type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"` // a secret is masked
	From  string `json:"from"`  // "flag", a variable, file:line or "default"
}

func (f inForce) text(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SETTING\tVALUE\tFROM")
	for _, s := range f.Settings {
		value := s.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, value, s.From)
	}
	_ = t.Flush()
	for _, fault := range f.Faults {
		fmt.Fprintf(w, "wrong: %s\n", fault)
	}
}

// Run prints what is in force, or what is wrong with it.
func (c *configCommand) Run(ctx *kong.Context, p *process, s *settings) error {
	is := inForce{Settings: s.list(ctx), Faults: append([]string{}, c.faults()...)}
	if !c.Check {
		return output{c.JSON}.print(p, is)
	}
	if len(is.Faults) > 0 {
		return errors.New(strings.Join(is.Faults, "\n"))
	}
	return output{c.JSON}.print(p, checkedConfig{OK: true})
}

type checkedConfig struct {
	OK bool `json:"ok"`
}

func (checkedConfig) text(w io.Writer) { fmt.Fprintln(w, "the configuration is whole") }

// list has each setting of serve, as it is in force.
func (s *settings) list(ctx *kong.Context) []setting {
	given := map[string]bool{}
	for _, path := range ctx.Path {
		if path.Flag != nil && !path.Resolved {
			given[path.Flag.Name] = true
		}
	}
	var list []setting
	for _, flag := range ctx.Flags() {
		switch flag.Name {
		case "help", "config", "check", "json": // about this command, and not serve's
			continue
		}
		if flag.Hidden {
			continue
		}
		from := "default"
		if given[flag.Name] {
			from = "flag"
		} else if f, ok := s.from[flag.Name]; ok {
			from = f
		}
		list = append(list, setting{flag.Name, masked(flag, shown(ctx.FlagValue(flag))), from})
	}
	return list
}

// shown is a value as one would write it.
func shown(value any) string {
	switch v := value.(type) {
	case time.Duration:
		return shortDuration(v)
	case []netip.Prefix:
		var list []string
		for _, one := range v {
			list = append(list, one.String())
		}
		return strings.Join(list, ",")
	}
	return fmt.Sprint(value)
}

// shortDuration leaves the zeros out of 4h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zeros := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zeros) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// halfConfigured is why serve does not start, all of it.
func halfConfigured(faults []string) error {
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return usageError(faults[0])
	}
	return usageError(fmt.Sprintf("%s have to be put right before it can serve:\n  - %s", tel.Plural(len(faults), "setting"), strings.Join(faults, "\n  - ")))
}
