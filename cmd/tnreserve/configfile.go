package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// configFile is a file of settings. A key is a flag's name, and holds for every command
// that has the flag; below the name of a command, [serve], for that one alone.
type configFile struct {
	name   string
	values map[string]found // by the key as a whole, such as serve.addr
	secret int              // the line of a secret in it; 0 for none
}

// readConfig reads a file and refuses what no command knows, all of it at once.
func readConfig(name string, root *kong.Node) (*configFile, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	var tree map[string]any
	if _, err := toml.Decode(string(text), &tree); err != nil {
		if e, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, fmt.Errorf("%s:%d: %s", name, e.Position.Line, e.Message)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := configReader{file: &configFile{name: name, values: map[string]found{}}, lines: keyLines(string(text))}
	r.table(root, "", tree)
	slices.SortStableFunc(r.faults, func(a, b fault) int { return a.line - b.line })
	var wrong []string
	for _, f := range r.faults {
		wrong = append(wrong, f.words)
	}
	if len(wrong) > 0 {
		return nil, errors.New(strings.Join(wrong, "\n"))
	}
	return r.file, nil
}

// find is a flag's value for a command: the closest table has the word.
func (c *configFile) find(command *kong.Node, flag string) *found {
	for node := command; node != nil; node = node.Parent {
		if f, ok := c.values[tableOf(node)+flag]; ok {
			return &f
		}
	}
	return nil
}

// tableOf is what stands before a flag's name in the keys of a command. "config" shows
// what holds for serve, so serve's table is its own.
func tableOf(node *kong.Node) string {
	if node.Parent == nil {
		return ""
	}
	name := node.Name
	if name == "config" {
		name = "serve"
	}
	return tableOf(node.Parent) + name + "."
}

// warning says that others can read a secret of the file; "" when they cannot.
func (c *configFile) warning() string {
	info, err := os.Stat(c.name)
	if c.secret == 0 || err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o004 == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: there is a secret in this file, which everybody on this machine may read; chmod 640 %s", c.name, c.secret, c.name)
}

type fault struct {
	line  int
	words string
}

type configReader struct {
	file   *configFile
	lines  map[string]int
	faults []fault
}

// line is where a key stands, or else the table that it is in.
func (r *configReader) line(key string) int {
	for {
		if n, ok := r.lines[key]; ok {
			return n
		}
		i := strings.LastIndex(key, ".")
		if i < 0 {
			return 1
		}
		key = key[:i]
	}
}

func (r *configReader) refuse(key, format string, args ...any) {
	line := r.line(key)
	r.faults = append(r.faults, fault{line, fmt.Sprintf("%s:%d: %s", r.file.name, line, fmt.Sprintf(format, args...))})
}

// table reads the keys below a command's name, or those of the whole file.
func (r *configReader) table(node *kong.Node, before string, keys map[string]any) {
	flags := flagsBelow(node)
	for name, value := range keys {
		key := before + name
		child := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == name })
		switch inner, isTable := value.(map[string]any); {
		case isTable && child >= 0:
			r.table(node.Children[child], key+".", inner)
		case !isTable && flags[name] != nil:
			r.value(key, flags[name], value)
		default:
			r.refuse(key, "%s", unknownKey(node, name, isTable, flags))
		}
	}
}

// flagsBelow are the flags of a command and of those below it.
func flagsBelow(node *kong.Node) map[string]*kong.Flag {
	all := map[string]*kong.Flag{}
	for _, child := range node.Children {
		maps.Copy(all, flagsBelow(child))
	}
	for _, flag := range node.Flags {
		if flag.Name != "help" && flag.Name != "config" {
			all[flag.Name] = flag
		}
	}
	return all
}

func unknownKey(node *kong.Node, name string, isTable bool, flags map[string]*kong.Flag) string {
	what, where := "setting", ""
	known := slices.Collect(maps.Keys(flags))
	if isTable {
		what, known = "command", nil
		for _, child := range node.Children {
			known = append(known, child.Name)
		}
	}
	if node.Parent != nil {
		where = " of \"" + node.Path() + "\""
	}
	words := fmt.Sprintf("%q is no %s%s", name, what, where)
	if near := nearest(name, known); near != "" {
		words += fmt.Sprintf("; is it %q?", near)
	}
	return words
}

func (r *configReader) value(key string, flag *kong.Flag, value any) {
	text, err := asText(flag, value)
	if err == nil {
		err = fits(flag, text)
	}
	if err != nil {
		r.refuse(key, "%s: %v", flag.Name, err)
		return
	}
	line := r.line(key)
	if tells(flag, text) {
		r.file.secret = line
	}
	r.file.values[key] = found{text, fmt.Sprintf("%s:%d", r.file.name, line)}
}

// asText is a value as it would stand on the command line, if it is of the flag's kind.
func asText(flag *kong.Flag, value any) (string, error) {
	list, isList := value.([]any)
	text, isText := value.(string)
	_, isBool := value.(bool)
	number := isNumber(value)
	switch {
	case flag.IsBool():
		if !isBool {
			return "", errors.New("this is true or false, without quotes")
		}
	case flag.IsSlice():
		if isList {
			return joinTexts(list, flag.Tag.Sep)
		}
		if !isText {
			return "", errors.New(`this is a list of texts: ["one", "two"]`)
		}
	case flagIsNumber(flag):
		if !number {
			return "", errors.New("this is a number, without quotes")
		}
	case !isText:
		return "", errors.New("this is a text, in quotes")
	}
	if isText {
		return text, nil
	}
	return fmt.Sprint(value), nil
}

func joinTexts(list []any, sep rune) (string, error) {
	var texts []string
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%v in the list is no text in quotes", v)
		}
		texts = append(texts, text)
	}
	return kong.JoinEscaped(texts, sep), nil
}

func isNumber(value any) bool {
	switch value.(type) {
	case int64, float64:
		return true
	}
	return false
}

func flagIsNumber(flag *kong.Flag) bool {
	t := flag.Target.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != reflect.TypeFor[time.Duration]() && t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64
}

// keyLines finds the line of each key and table, for the words that name it.
func keyLines(text string) map[string]int {
	lines := map[string]int{}
	table := ""
	note := func(key string, n int) {
		if _, ok := lines[key]; !ok {
			lines[key] = n
		}
	}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			table = plainKey(name) + "."
			note(plainKey(name), i+1)
		} else if name, _, ok := strings.Cut(line, "="); ok {
			note(table+plainKey(name), i+1)
		}
	}
	return lines
}

// plainKey is a key without the spaces and quotes that it may be written with.
func plainKey(key string) string {
	parts := strings.Split(key, ".")
	for i := range parts {
		parts[i] = strings.Trim(parts[i], " \t\"'")
	}
	return strings.Join(parts, ".")
}

// nearest is the name that somebody who wrote another one may have meant; "" when none
// is near.
func nearest(wrote string, names []string) string {
	best, most := "", max(2, len(wrote)/3)+1
	slices.Sort(names)
	for _, name := range names {
		if d := distance(strings.ReplaceAll(wrote, "_", "-"), name); d < most {
			best, most = name, d
		}
	}
	return best
}

// distance is how many letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
