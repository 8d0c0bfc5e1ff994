package main

import (
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"tnreserve/store"
)

// settings finds the value of each flag that is not on the command line: in the
// environment first, then in the file, then under the name that other programs know too
// (the flag's tag other).
type settings struct {
	getenv func(string) string
	file   *configFile       // nil for none
	from   map[string]string // where the value of each flag was found
}

// found is a flag's value as a text, and where it stands.
type found struct{ value, from string }

// resolve is kong's question for a flag that was not given.
func (s *settings) resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" || flag.Name == "config" {
		return nil, nil
	}
	f, err := s.inEnvironment(ctx, flag)
	if err != nil {
		return nil, err
	}
	if f == nil && s.file != nil {
		f = s.file.find(ctx.Selected(), flag.Name)
	}
	if name := flag.Tag.Get("other"); f == nil && name != "" && s.getenv(name) != "" {
		f = &found{s.getenv(name), name}
	}
	if f == nil {
		return nil, nil
	}
	if err := fits(flag, f.value); err != nil {
		return nil, fmt.Errorf("%s: %w", f.from, err)
	}
	s.from[flag.Name] = f.from
	return f.value, nil
}

// inEnvironment looks for a flag's variable, and for a secret's file too. An empty
// variable counts as not set.
func (s *settings) inEnvironment(ctx *kong.Context, flag *kong.Flag) (*found, error) {
	name := variable(flag.Name)
	value, file := s.getenv(name), ""
	if isSecret(flag) && !hasFlag(ctx, flag.Name+"-file") {
		file = s.getenv(name + "_FILE")
	}
	switch {
	case value != "" && file != "":
		return nil, fmt.Errorf("give %s or %s_FILE, not both", name, name)
	case value != "":
		return &found{value, name}, nil
	case file == "":
		return nil, nil
	}
	value, err := readSecret(file)
	if err != nil {
		return nil, fmt.Errorf("%s_FILE: %w", name, err)
	}
	return &found{value, name + "_FILE"}, nil
}

func hasFlag(ctx *kong.Context, name string) bool {
	return slices.ContainsFunc(ctx.Flags(), func(f *kong.Flag) bool { return f.Name == name })
}

// readSecret reads a file that holds a secret and nothing else but the end of a line.
func readSecret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return value, nil
}

// fits tries a value on a flag, so that a refusal can say where the value stands.
func fits(flag *kong.Flag, value string) error {
	if flag.Enum != "" && !slices.Contains(flag.EnumSlice(), value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(flag.EnumSlice(), ", "))
	}
	scan := kong.Scan().PushTyped(value, kong.FlagValueToken)
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, reflect.New(flag.Target.Type()).Elem())
}

// A secret's flag is tagged secret:"address" when it is one only by the password within
// it, secret:"url" when it is so and is always a URL, and secret:"all" otherwise.
func isSecret(flag *kong.Flag) bool { return flag.Tag.Has("secret") }

// masked is a flag's value as it may be shown.
func masked(flag *kong.Flag, value string) string {
	switch {
	case value == "" || !isSecret(flag):
		return value
	case flag.Tag.Get("secret") == "address", flag.Tag.Get("secret") == "url" && collectorURL(value):
		return store.NameOf(value)
	}
	return "********"
}

// tells whether showing a value would give a secret away.
func tells(flag *kong.Flag, value string) bool {
	if value == "" || !isSecret(flag) {
		return false
	}
	u, err := url.Parse(value)
	if flag.Tag.Get("secret") == "all" || err != nil {
		return true
	}
	_, password := u.User.Password()
	return password || u.Query().Has("password") || u.Query().Has("sslpassword")
}
