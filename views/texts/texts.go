// Package texts says in the reader's language what the pages say. The English text is
// the key: pages read as they look, and a language is one file (es.json) that has every
// text of the program, held complete by a test.
//
// A text is a format of fmt. Numbers come out as the language writes them. One that
// counts has a form for each number of things that the language tells apart, in en.json
// too:
//
//	"%d numbers": {"one": "%d number", "other": "%d numbers"}
//
// A text of several meanings says which, behind a bar that no page shows: "Free|not held".
package texts

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

//go:embed *.json
var files embed.FS

// A Language is what a person may choose.
type Language struct {
	Code string // BCP 47: es
	Name string // in itself: Español
}

// Languages are those that there is a file for, English first.
var Languages = []Language{{"en", "English"}, {"es", "Español"}}

// printers are Languages' own, in their order.
var printers, matcher = load()

// form are a text's by CLDR's plural category, or one under "" for every number.
type form map[string]string

// UnmarshalJSON reads "text" and {"one": "text", "other": "texts"}.
func (f *form) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*f = form{"": ""}
		text := ""
		err := json.Unmarshal(data, &text)
		(*f)[""] = text
		return err
	}
	return json.Unmarshal(data, (*map[string]string)(f))
}

func read(code string) map[string]form {
	data, err := files.ReadFile(code + ".json")
	if err != nil {
		panic(err) // the file is embedded; Languages names one that is not there
	}
	var texts map[string]form
	if err := json.Unmarshal(data, &texts); err != nil {
		panic(fmt.Sprintf("views/texts/%s.json: %v", code, err))
	}
	return texts
}

func load() ([]*message.Printer, language.Matcher) {
	book := catalog.NewBuilder(catalog.Fallback(language.English))
	var tags []language.Tag
	for _, l := range Languages {
		tag := language.MustParse(l.Code)
		tags = append(tags, tag)
		for key, forms := range read(l.Code) {
			var err error
			if text, same := forms[""]; same {
				err = book.SetString(tag, key, text)
			} else {
				err = book.Set(tag, key, selected(forms))
			}
			if err != nil {
				panic(fmt.Sprintf("views/texts/%s.json: %q: %v", l.Code, key, err))
			}
		}
	}
	var printers []*message.Printer
	for _, tag := range tags {
		printers = append(printers, message.NewPrinter(tag, message.Catalog(book)))
	}
	return printers, language.NewMatcher(tags)
}

// selected chooses by the first argument, "other" last as the library wants it.
func selected(forms form) catalog.Message {
	var cases []any
	for _, category := range []string{"zero", "one", "two", "few", "many", "other"} {
		if text, ok := forms[category]; ok {
			cases = append(cases, category, text)
		}
	}
	return plural.Selectf(1, "%d", cases...)
}

type spoken struct{}

// In speaks a language to everything below ctx: a code of Languages. Another code is
// English.
func In(ctx context.Context, code string) context.Context {
	return context.WithValue(ctx, spoken{}, max(0, index(code)))
}

func index(code string) int {
	return slices.IndexFunc(Languages, func(l Language) bool { return l.Code == code })
}

// Known tells whether there is such a language.
func Known(code string) bool { return index(code) >= 0 }

// Of is the language of ctx, for <html lang>.
func Of(ctx context.Context) Language {
	i, _ := ctx.Value(spoken{}).(int)
	return Languages[i]
}

// Asked is the language that suits a browser's Accept-Language best.
func Asked(r *http.Request) string {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return Languages[0].Code
	}
	_, i, _ := matcher.Match(tags...)
	return Languages[i].Code
}

// T is a text in the language of ctx; one that its file lacks is English.
func T(ctx context.Context, english string, args ...any) string {
	i, _ := ctx.Value(spoken{}).(int)
	text := printers[i].Sprintf(english, args...)
	if bar := strings.LastIndexByte(english, '|'); bar >= 0 {
		text = strings.TrimSuffix(text, english[bar:])
	}
	return text
}

// Split is a text around the one %s in it, where an element stands in the sentence.
func Split(ctx context.Context, english string, args ...any) (before, after string) {
	before, after, _ = strings.Cut(T(ctx, english, append(args, "\x00")...), "\x00")
	return before, after
}

// Mark names a text that is said later, where no language is known yet: in a table.
func Mark(english string) string { return english }
