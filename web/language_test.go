package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
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

// Who is known before they are signed in is told in the language that they chose, whatever
// their browser asks for.
func TestLanguageAtTheDoor(t *testing.T) {
	s := open(t)
	ada, err := s.CreatePerson(ctx, root, withPassword("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	me := tel.Actor{Kind: tel.KindPerson, ID: ada.ID, Name: ada.Email, Role: tel.RoleAdmin, Account: storetest.Acme}
	if err := s.SaveSettings(ctx, me, store.Settings{Name: "Ada", Language: "es"}); err != nil {
		t.Fatal(err)
	}
	v := s.stranger()
	v.Header.Set("Accept-Language", "en")
	spanish := func(a *answer, path string) *answer {
		t.Helper()
		if lang := a.doc().Find("html").AttrOr("lang", ""); lang != "es" || a.url.Path != path {
			t.Errorf("%s is in %q", a.url.Path, lang)
		}
		return a
	}
	signIn := func() *answer {
		t.Helper()
		return v.post("/sign-in", values("email", "ada@example.com", "password", password))
	}
	enter, err := s.NewEnterLink(ctx, root, "ada@example.com", time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	spanish(v.get("/enter/"+enter), "/enter/"+enter)
	reset, err := s.NewResetLink(ctx, root, storetest.Acme, ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	spanish(v.get("/reset/"+reset), "/reset/"+reset)
	spanish(v.post("/reset/"+reset, values("password", "short")), "/reset/"+reset).says("#main", "caracteres")
	invitation, err := s.Invite(ctx, root, store.NewInvitation{Email: "ada@example.com", Role: tel.RoleMember, Account: storetest.Globex})
	if err != nil {
		t.Fatal(err)
	}
	if lang := v.get("/invitations/"+invitation).doc().Find("html").AttrOr("lang", ""); lang != "en" {
		t.Errorf("an invitation tells, being in %q, that its address is somebody's", lang)
	}

	if err := s.RequireFactor(ctx, root, storetest.Acme, true); err != nil {
		t.Fatal(err)
	}
	const setUp, second = "/sign-in/second/set-up", "/sign-in/second"
	spanish(signIn(), setUp)
	spanish(v.post(setUp, values("code", "000000")), setUp).says("#main", "código")
	appClock = s.Now
	shown := v.get(setUp).shows()
	spanish(v.post(setUp, values("code", shown)), setUp) // the recovery codes
	s.Clock.Add(time.Minute)
	v.post("/sign-out", nil)
	if lang := v.get("/sign-in").doc().Find("html").AttrOr("lang", ""); lang != "en" {
		t.Errorf("nobody is known, and the page is in %q", lang)
	}
	spanish(signIn(), second)
	spanish(v.post(second, values("code", "000000")), second).says("#main", "código")
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

// What a file's rows and the file itself are refused for, and what is noticed, is told in
// Spanish.
func TestImportIsSpanish(t *testing.T) {
	t.Parallel()
	s := open(t)
	op := s.as("operator")
	op.Header.Set("Accept-Language", "es")
	columns := strings.Split("tn,npa,nxx,start,end,city,state,rate_center,lata,carrier,features,tier,monthly_cost,colour", ",")
	file := strings.Join(columns, ",") + "\n"
	for _, row := range []string{
		"tn=3035551000|city=Denver|state=CO|rate_center=DENVER|lata=656|carrier=Acme|features=sms|tier=gold|monthly_cost=1.00|colour=red", "tn=3035551000|city=Denver|features=sms|tier=gold|monthly_cost=1.00",
		"tn=2115551234", "tn=1.21E+10", "tn=3035550142", "tn=303555", "tn=+44 20 7946 0000", "tn=9192.5", "tn=" + strings.Repeat("1", 70), "tn=3035551000|npa=303|nxx=555", "tn=3005551000",
		"npa=303", "npa=abc|nxx=555", "npa=303|nxx=211", "npa=303|nxx=55", "start=3035551000", "start=3035559999|end=3035551000", "start=3035551000|end=3045551000", "start=3035550100|end=3035550105",
		"tn=3035551001|city=\x01", "tn=3035551001|city=\xff", "tn=3035551001|rate_center=" + strings.Repeat("x", 70), "tn=3035551001|state=Nowhere", "tn=3035551001|city=Boulder", "tn=3035551001|state=NE",
		"tn=3035551001|rate_center=BOULDER", "tn=3035551001|lata=657", "tn=3035551001|lata=x", "tn=3035551001|carrier=Other", "tn=3035551001|features=s!", "tn=3035551001|features=" + strings.Repeat("x ", 600),
		"tn=3035551001|features=a b c d e f g h i j k l m n o p q r s t u v w x y z", "tn=3035551001|tier=g!", "tn=3035551001|monthly_cost=x", "tn=3035551001|monthly_cost=-1", "tn=3035551000|features=voice",
		"tn=303\"555", "tn=" + strings.Repeat("x", 70_000), "npa=303|nxx=556", "npa=303|nxx=556|features=voice", "start=3032000000|end=3039999999", "npa=303|nxx=555|x=0", "tn=4362345678",
	} {
		fields := make([]string, len(columns))
		for _, f := range strings.Split(row, "|") {
			name, text, _ := strings.Cut(f, "=")
			if i := slices.Index(columns, name); i >= 0 {
				fields[i] = text
			}
		}
		file += strings.Join(fields, ",") + "\n"
	}
	file += "too,few\n" + strings.Repeat(",", 300) + "x\n"
	a := op.upload("números.csv", file)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text("#main"))
	}
	d := a.doc()
	if n := d.Find(".a-bad tbody tr").Length(); n < 30 {
		t.Errorf("%d rows are refused: %s", n, d.Find(".a-bad").Text())
	}
	if n := d.Find(".a-notices li").Length(); n < 4 {
		t.Errorf("%d notices: %s", n, d.Find(".a-notices").Text())
	}
	d.Find("code").Remove()
	for _, text := range spoken(d) {
		if englishWords.MatchString(text) {
			t.Errorf("the preview says %q", text)
		}
	}
	for reason, want := range map[string]string{
		"N11":      "El código de área 211 no puede existir: los códigos N11 son servicios como el 911.",
		"a place":  "303-555-1 está en el rate center DENVER desde la línea 2; un bloque de mil tiene un solo lugar.",
		"a word":   "Este valor (ciudad) contiene un carácter de control.",
		"a notice": "Columnas no usadas: colour.",
	} {
		if !strings.Contains(a.doc().Find("#import").Text(), want) {
			t.Errorf("%s is not told as %q", reason, want)
		}
	}
	for name, text := range map[string]string{"x.png": "\x89PNG\x00", "x.pdf": "%PDF-1", "x.zip": "PK\x03\x04", "x.json": "{}", "none.csv": "colour\nred\n", "twice.csv": "tn,tn\n1,1\n", "quote.csv": "tn,\"x\n", "head.csv": "tn\n", "": ""} {
		says := op.upload(name, text).doc().Find("#file-e, .f-err, [id=file-e]").Text()
		if says == "" || englishWords.MatchString(says) {
			t.Errorf("%s is refused with %q", name, says)
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
