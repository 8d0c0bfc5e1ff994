package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

func TestLanguage(t *testing.T) {
	t.Parallel()
	s := open(t)
	lang := func(v *visitor, path string) string {
		a := v.get(path)
		found, _ := a.doc().Find("html").Attr("lang")
		return found
	}
	nobody := s.stranger()
	for header, want := range map[string]string{"": "en", "es-MX,es;q=0.9,en;q=0.5": "es", "en-GB,es;q=0.9": "en", "fr": "en", "%%%": "en"} {
		nobody.Header.Set("Accept-Language", header)
		if got := lang(nobody, "/sign-in"); got != want {
			t.Errorf("Accept-Language %q is answered in %q", header, got)
		}
	}
	if a := nobody.get("/sign-in"); !slices.Contains(a.header.Values("Vary"), "Accept-Language") {
		t.Errorf("Vary %q", a.header.Values("Vary"))
	}
	v := s.as("acme-member")
	v.Header.Set("Accept-Language", "es")
	if got := lang(v, "/search"); got != "es" {
		t.Errorf("a browser's language: %q", got)
	}
	settings := func(language string) *answer {
		return v.post("/settings", url.Values{"name": {"Mia"}, "language": {language}})
	}
	if a := settings("en"); !strings.Contains(a.doc().Find(".toast").Text(), "Your settings were saved.") {
		t.Errorf("what was done is not said in the language just chosen: %s", a.doc().Find(".toast").Text())
	}
	if got := lang(v, "/search"); got != "en" {
		t.Errorf("a person's language: %q", got)
	}
	v.Header.Del("Accept-Language")
	if a := settings("es"); !strings.Contains(a.doc().Find(".toast").Text(), "Se guardaron sus ajustes.") {
		t.Errorf("not in Spanish: %s", a.doc().Find(".toast").Text())
	}
	a := v.get("/settings")
	if got := a.doc().Find("#my-language option[selected]").AttrOr("value", ""); got != "es" {
		t.Errorf("the settings show %q", got)
	}
	if words := a.doc().Find("body").AttrOr("data-words", ""); !strings.Contains(words, "Puede prolongarla.") {
		t.Errorf("the script's words: %q", words)
	}
	for _, language := range []string{"fr", "es\x00", strings.Repeat("x", 200), "../es"} {
		if a := settings(language); a.status != http.StatusUnprocessableEntity || a.doc().Find("#my-language[aria-invalid]").Length() != 1 {
			t.Errorf("language %q: %d", language, a.status)
		}
	}
	for path, want := range map[string]string{"/accounts": "Su rol no puede hacer esto: ver todas las cuentas, crear una.", "/nothing": "No hay nada en esta dirección", "/search?npa=111": "El código de área 111 no puede existir"} {
		if a := v.get(path); !strings.Contains(a.doc().Text(), want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
	if a := s.as("acme-admin").get("/search?npa=111"); !strings.Contains(a.doc().Text(), "Area code 111 cannot exist") {
		t.Error("a refusal in English is another")
	}
}

// englishWords are frequent in English and no words of Spanish.
var englishWords = regexp.MustCompile(`(?i)(^|[^\pL])(the|and|of|with|your|this|that|is|are|from|until|reserved|cancel|search|numbers?|orders?|account|more|left)([^\pL]|$)`)

// stayEnglish are pages for programmers.
var stayEnglish = regexp.MustCompile(`^/(api-docs|metrics)`)

// typed are names and codes of the walk's own things, wherever they stand.
var typed = regexp.MustCompile(`(^|· )ref of |^For the walk$|^acme-numbers$|^number_(reservation|order)\.`)

// data are parts of a page that say what somebody typed, names and facts as they are
// kept.
const data = "script, style, pre, code, select[name=zone], select[name=account], .who, .acting, .u-who, .u-what .below, .defs, .city, .place, .chips, h1, .lede"

// Spanish readers are shown no English.
func TestPagesAreSpanish(t *testing.T) {
	t.Parallel()
	s, to := furnished(t)
	visitors := []*visitor{s.stranger()}
	for _, who := range everybody {
		visitors = append(visitors, s.as(who))
	}
	told := map[string]bool{}
	for _, v := range visitors {
		v.Header.Set("Accept-Language", "es")
		for _, path := range everyGet(to) {
			a := v.get(path)
			if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || stayEnglish.MatchString(a.url.Path) {
				continue
			}
			d := a.doc()
			if lang := d.Find("html").AttrOr("lang", ""); lang != "es" && d.Find("header").Length() > 0 {
				t.Errorf("%s: %s is in %q", v.who, path, lang)
			}
			d.Find(data).Remove()
			for _, text := range spoken(d) {
				if englishWords.MatchString(text) && !typed.MatchString(text) && !told[text] {
					told[text] = true
					t.Errorf("%s: %s says %q", v.who, path, text)
				}
			}
		}
	}
}

// spoken are a page's texts and what its attributes say.
func spoken(d *goquery.Document) (list []string) {
	d.Find("body *").Each(func(_ int, e *goquery.Selection) {
		for _, name := range []string{"title", "aria-label", "placeholder"} {
			list = append(list, e.AttrOr(name, ""))
		}
		e.Contents().Each(func(_ int, c *goquery.Selection) {
			if goquery.NodeName(c) == "#text" {
				list = append(list, strings.Join(strings.Fields(c.Text()), " "))
			}
		})
	})
	return list
}
