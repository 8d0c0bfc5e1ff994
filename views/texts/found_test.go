package texts

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	templparser "github.com/a-h/templ/parser/v2"
	"github.com/a-h/templ/parser/v2/visitor"
)

// root is the module's.
const root = "../.."

// sayers take the text as their first argument, refusers a format after what is
// refused.
var (
	sayers   = []string{"T", "Split", "Mark", "t"}
	refusers = map[string]int{"Refuse": 1, "Invalid": 1, "About": 2, "Say": 0}
	// of a file's rows, in intake alone
	readers = map[string]int{"bad": 1, "badFile": 0}
)

// said are all texts of the program: where each stands.
func said(t *testing.T) map[string]string {
	found := map[string]string{}
	for _, dir := range []string{"views", "views/texts", "web"} {
		eachGo(t, dir, func(where string, c *ast.CallExpr, name string) {
			if slices.Contains(sayers, name) {
				note(found, where, c.Args, func(a ast.Expr) bool { return isText(a) })
			}
		})
	}
	for _, dir := range []string{"store", "store/tel", "store/shelf", "web"} {
		eachGo(t, dir, func(where string, c *ast.CallExpr, name string) {
			if at, ok := refusers[name]; ok && !machine(where, c) && len(c.Args) > at {
				note(found, where, c.Args[at:at+1], isText)
			}
		})
	}
	eachGo(t, "store/intake", func(where string, c *ast.CallExpr, name string) {
		for _, known := range []map[string]int{refusers, readers} {
			if at, ok := known[name]; ok && len(c.Args) > at {
				note(found, where, c.Args[at:at+1], isText)
			}
		}
	})
	script, err := os.ReadFile(root + "/static/js/app.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`tr\((?:[^'()]*\? )?'([^']*)'(?: : '([^']*)')?`).FindAllSubmatch(script, -1) {
		for _, text := range m[1:] {
			if len(text) > 0 {
				found[string(text)] = "static/js/app.js"
			}
		}
	}
	return found
}

// machine tells whether a refusal is for those who run the program at a command line,
// in English like their logs.
func machine(where string, c *ast.CallExpr) bool {
	switch strings.TrimPrefix(strings.SplitN(where, ":", 2)[0], root+"/") {
	case "store/backup.go", "store/copy.go", "store/migrate.go", "store/restore.go", "store/stats.go", "store/store.go", "store/tel/group.go":
		return true
	}
	field := text(c.Args[0])
	return field == "db" || field == "base-url"
}

func isText(a ast.Expr) bool {
	return strings.IndexFunc(text(a), unicode.IsLetter) >= 0 && text(a) != "%s"
}

// text is a constant string, "" when it is none.
func text(e ast.Expr) string {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.ADD {
		return text(b.X) + text(b.Y)
	}
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	return ""
}

// note keeps the first of args that is a text.
func note(found map[string]string, where string, args []ast.Expr, is func(ast.Expr) bool) {
	for _, a := range args[:min(2, len(args))] { // a context may come first
		if is(a) && text(a) != "%s" {
			found[text(a)] = where
			return
		}
	}
}

func eachGo(t *testing.T, dir string, fn func(where string, c *ast.CallExpr, name string)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	set := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				fn(set.Position(c.Pos()).String(), c, called(c))
			}
			return true
		})
	}
}

// called is the name of what a call calls, without its package or receiver.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// A language has every text of the program, in order, and no other.
func TestLanguagesAreWhole(t *testing.T) {
	used := said(t)
	for _, l := range Languages {
		have := read(l.Code)
		for _, key := range slices.Sorted(maps.Keys(used)) {
			if _, ok := have[key]; !ok && l.Code != "en" {
				t.Errorf("%s.json lacks %q (%s)", l.Code, key, used[key])
			}
		}
		for _, key := range slices.Sorted(maps.Keys(have)) {
			if used[key] == "" {
				t.Errorf("%s.json has %q, which nobody says", l.Code, key)
			}
			for category, form := range have[key] {
				if got, want := verbs(form), verbs(key); category != "one" && !slices.Equal(got, want) {
					t.Errorf("%s.json: %q says %v, and its key %v", l.Code, key, got, want)
				}
			}
		}
		inOrder(t, l.Code)
	}
	es, en := read("es"), read("en")
	for key, forms := range es {
		_, same := forms[""]
		if _, counts := en[key]; counts == same {
			t.Errorf("%q counts in one language and not in the other", key)
		}
	}
}

// verbs are what a text takes, whatever the order.
func verbs(text string) []string {
	var list []string
	next := 1
	for _, m := range regexp.MustCompile(`%(?:\[(\d+)\])?([a-z%])`).FindAllStringSubmatch(strings.ReplaceAll(text, "%%", ""), -1) {
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		list = append(list, strconv.Itoa(next)+m[2])
		next++
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func inOrder(t *testing.T, code string) {
	t.Helper()
	data, err := files.ReadFile(code + ".json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	last, depth, isKey := "", 0, false
	for {
		tok, err := d.Token()
		if err != nil {
			return
		}
		switch v := tok.(type) {
		case json.Delim:
			if depth++; v == '}' {
				depth -= 2
			}
			isKey = depth == 1
		case string:
			if depth == 1 && isKey {
				if v <= last {
					t.Errorf("%s.json: %q stands behind %q", code, v, last)
				}
				last = v
			}
			if depth == 1 {
				isKey = !isKey
			}
		}
	}
}

// english are texts that no language has: names, and formats of what is typed.
var english = regexp.MustCompile(`^(· tnreserve|tnreserve|tnreserve serve|UTC|LATA|OCN|CSV|XLSX|API|OK|URL|Raleigh|RALEIGH|[JKXR]|Ctrl|NXX|NPA|TN|FLOWERS)$|^\S+@\S+$|^https?://\S+$`)

// unsaid are pages that stay English: programmers read them.
var unsaid = []string{"apidocs.templ"}

// No page has words of its own beside the texts.
func TestPagesSayTexts(t *testing.T) {
	pages, err := fs.Glob(os.DirFS(root), "views/*.templ")
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	for _, page := range pages {
		if slices.Contains(unsaid, filepath.Base(page)) {
			continue
		}
		file, err := templparser.Parse(root + "/" + page)
		if err != nil {
			t.Fatal(err)
		}
		v := visitor.New()
		words := func(at templparser.Position, s string) {
			if s = strings.TrimSpace(html.UnescapeString(s)); strings.IndexFunc(s, unicode.IsLetter) >= 0 && !english.MatchString(s) {
				t.Errorf("%s:%d says %q by itself", page, at.Line+1, s)
			}
		}
		elements := v.Element
		v.Element = func(n *templparser.Element) error {
			if n.Name == "code" { // what is typed as it stands
				return nil
			}
			return elements(n)
		}
		v.Text = func(n *templparser.Text) error { words(n.Range.From, n.Value); return nil }
		v.ConstantAttribute = func(n *templparser.ConstantAttribute) error {
			switch n.Key.String() {
			case "title", "aria-label", "placeholder", "alt":
				words(n.ValueRange.From, n.Value)
			}
			return nil
		}
		if err := file.Visit(v); err != nil {
			t.Fatal(err)
		}
	}
}

// shown are fields and components whose texts a page shows.
var (
	shownFields     = []string{"Label", "Hint", "Title", "Text", "More", "Yes", "No", "Placeholder", "BadgeOf", "Short", "WhyNot"}
	shownComponents = []string{"Layout", "Bare", "Head", "Crumb", "Empty", "Note", "Card", "Def", "ok"}
)

// No view has words of its own in what it hands to a component.
func TestViewsHandOnTexts(t *testing.T) {
	for _, dir := range []string{"views", "web"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		for _, file := range files {
			base := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".go"), "_templ")
			if strings.HasSuffix(file, "_test.go") || slices.Contains(unsaid, base+".templ") {
				continue
			}
			f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(shownFields, key.Name) {
						wordless(t, set, n.Value)
					}
				case *ast.CallExpr:
					if slices.Contains(shownComponents, called(n)) {
						for _, a := range n.Args {
							wordless(t, set, a)
						}
					}
				}
				return true
			})
		}
	}
}

// named are arguments that are no texts: ids, icons, kinds, addresses.
var named = regexp.MustCompile(`^[a-z0-9-]*$|^/|^#`)

func wordless(t *testing.T, set *token.FileSet, e ast.Expr) {
	t.Helper()
	if b, ok := e.(*ast.BinaryExpr); ok {
		wordless(t, set, b.X)
		wordless(t, set, b.Y)
		return
	}
	if s := strings.TrimSpace(text(e)); strings.IndexFunc(s, unicode.IsLetter) >= 0 && !named.MatchString(s) && !english.MatchString(s) {
		t.Errorf("%s: %q is in no language", set.Position(e.Pos()), s)
	}
}
