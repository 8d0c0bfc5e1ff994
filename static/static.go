// Package static holds the embedded style sheet, script, icons and fonts. Each is
// served under an address that carries a hash of its content, so that browsers may
// keep it for good; Path gives that address.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed css/*.css js/*.js icons/*.svg fonts/*.woff2
var files embed.FS

// asset is one file as it is served.
type asset struct {
	name string // "app.css"
	path string // "/static/app.1f2e3d4c5b.css"
	kind string
	body []byte
}

var (
	byName = map[string]*asset{}
	byPath = map[string]*asset{}
)

var kinds = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

func init() {
	// The style sheet names the font, so that fonts come first.
	for _, pattern := range []string{"fonts/*", "icons/*", "js/*"} {
		for _, file := range glob(pattern) {
			add(path.Base(file), read(file))
		}
	}
	add("icons.svg", sprite())
	var css bytes.Buffer
	for _, file := range glob("css/*") {
		css.Write(read(file))
	}
	add("app.css", bytes.ReplaceAll(css.Bytes(), []byte("inter.woff2"), []byte(Path("inter.woff2"))))
}

// sprite puts the Lucide icons into one file of symbols, each by its file's name.
// The mark is no icon but a picture of its own and stays out.
func sprite() []byte {
	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	for _, file := range glob("icons/*") {
		name := strings.TrimSuffix(path.Base(file), ".svg")
		if name == "mark" {
			continue
		}
		svg := string(read(file))
		start, end := strings.Index(svg, "<svg"), strings.LastIndex(svg, "</svg>")
		open := start + strings.IndexByte(svg[start:], '>') + 1
		fmt.Fprintf(&b, `<symbol id="%s" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">%s</symbol>`,
			name, strings.Join(strings.Fields(svg[open:end]), " "))
	}
	b.WriteString(`</svg>`)
	return b.Bytes()
}

func glob(pattern string) []string {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		panic(err)
	}
	return names
}

func read(file string) []byte {
	body, err := files.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return body
}

func add(name string, body []byte) {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	a := &asset{name: name, kind: kinds[ext], body: body}
	a.path = "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:5]) + ext
	byName[name], byPath[a.path] = a, a
}

// Path is the address of a file by its plain name: "app.css", "app.js",
// "htmx.min.js", "icons.svg", "inter.woff2", "mark.svg". It panics for a name that
// does not exist: that is a mistake in a template, and any test finds it.
func Path(name string) string {
	a, ok := byName[name]
	if !ok {
		panic("static: no file " + name)
	}
	return a.path
}

// Names lists every plain name, for tests.
func Names() []string {
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	return names
}

// Body is what a file holds, by its plain name, for tests.
func Body(name string) []byte { return byName[name].body }

// Handler serves everything under /static/. What is not there answers 404.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := byPath[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
	})
}
