package bandwidth_test

import (
	"bytes"
	"encoding/xml"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"tnreserve/web/bandwidth"
	"tnreserve/web/doortest"
)

// write is an element as XML.
func write(b *bytes.Buffer, e *bandwidth.Element) {
	b.WriteString("<" + e.Name() + ">")
	_ = xml.EscapeText(b, []byte(e.Text()))
	for _, c := range e.Children() {
		write(b, c)
	}
	b.WriteString("</" + e.Name() + ">")
}

func written(e *bandwidth.Element) string {
	var b bytes.Buffer
	write(&b, e)
	return b.String()
}

func TestReadXML(t *testing.T) {
	for in, want := range map[string]string{
		`<a/>`:         `<a></a>`,
		`<a> x </a>  `: `<a>x</a>`,
		"\ufeff<?xml version='1.0'?>\n<!-- c --><a b='c'><d>1</d><!-- x -->&lt;<d><![CDATA[<2>]]></d></a><!-- y -->": `<a>&lt;<d>1</d><d>&lt;2&gt;</d></a>`,
		`<?xml version="1.0" encoding="utf-8" standalone="yes"?><n:a xmlns:n="u" xmlns="v"><n:b/></n:a>`:             `<a><b></b></a>`,
		strings.Repeat("<a>", 32) + strings.Repeat("</a>", 32):                                                       strings.Repeat("<a>", 32) + strings.Repeat("</a>", 32),
		`<a` + attributes(32) + `/>`:                                       `<a></a>`,
		`<a>` + strings.Repeat("<b/>", (bandwidth.MaxTokens-2)/2) + `</a>`: `<a>` + strings.Repeat("<b></b>", (bandwidth.MaxTokens-2)/2) + `</a>`,
	} {
		e, err := bandwidth.ReadXML([]byte(in))
		if err != nil {
			t.Errorf("%.80s: %v", in, err)
		} else if got := written(e); got != want {
			t.Errorf("%.80s: %.80s, not %.80s", in, got, want)
		}
	}
	for _, in := range []string{
		"", "x", " ", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>x", "x<a/>", "<a b=c/>", "<a>&b;</a>", "<a>&#0;</a>", "<a>\x00</a>", "<a>\xff</a>", "<\xff/>", "<a><!-- \xff --></a>",
		`<!DOCTYPE a><a/>`, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`, `<a><!ELEMENT b></a>`,
		`<?php x?><a/>`, `<a><?x y?></a>`, `<a/><?xml version="1.0"?>`, `<A:0/>`, `<a:-b/>`, `<n:a><n:.b/></n:a>`, ` <?xml version="1.0"?><a/>`, `<?xml version="1.1"?><a/>`, `<?xml version="1.0" encoding="iso-8859-1"?><a/>`, `<?xml version="1.0" encoding="utf-16"?><a/>`,
		strings.Repeat("<a>", 33) + strings.Repeat("</a>", 33), `<a` + attributes(33) + `/>`, `<a>` + strings.Repeat("<b/>", bandwidth.MaxTokens/2) + `</a>`,
		`<a>` + strings.Repeat(" ", bandwidth.MaxBody) + `</a>`,
	} {
		if e, err := bandwidth.ReadXML([]byte(in)); err == nil {
			t.Errorf("%.80q is read as %.80s", in, written(e))
		} else if strings.Contains(err.Error(), "XML syntax") || strings.Contains(err.Error(), "EOF") {
			t.Errorf("%.80q: %v", in, err)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("b", i) + `="c"`)
	}
	return b.String()
}

// Whatever is read reads back equal, and is within the limits.
func FuzzReadXML(f *testing.F) {
	for _, s := range []string{reservation, `<?xml version="1.0"?><a b="c"> x<!-- y --><d/>&#13;&amp;<![CDATA[]]]]></a>`, "<a:b xmlns:a='c'/>", "<A:0/>", "<a>\r\n\u0085x\u00a0</a>", "<!DOCTYPE a><a/>", "<a><b></a></b>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e, err := bandwidth.ReadXML(in)
		if err != nil {
			return
		}
		text := written(e)
		if len(text) > bandwidth.MaxBody {
			return
		}
		again, err := bandwidth.ReadXML([]byte(text))
		if err != nil {
			t.Fatalf("%q, read as %q, is not read again", in, text)
		}
		if got := written(again); got != text {
			t.Fatalf("%q reads as %q and then as %q", in, text, got)
		}
	})
}

// hostile are bodies that hurt a reader which does not look out.
func hostile() map[string]string {
	return map[string]string{
		"deep":            strings.Repeat("<a>", bandwidth.MaxBody/3),
		"deep and closed": strings.Repeat("<a>", 30_000) + strings.Repeat("</a>", 30_000),
		"deep beside":     "<Reservation><ReservedTn>9195552000</ReservedTn>" + strings.Repeat("<x>", 35_000) + strings.Repeat("</x>", 35_000),
		"wide":            "<Reservation>" + strings.Repeat("<b/>", 60_000) + "</Reservation>",
		"attributes":      "<Reservation" + strings.Repeat(` a="b"`, 43_000) + "/>",
		"namespaces":      "<Reservation" + strings.Repeat(` xmlns:a="b"`, 21_000) + "/>",
		"entities":        "<Reservation>" + strings.Repeat("&lt;", 65_000) + "</Reservation>",
		"lol":             `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><lolz>&lol2;</lolz>`,
		"comments":        "<Reservation>" + strings.Repeat("x<!---->", 32_000) + "</Reservation>",
		"one comment":     "<Reservation><!--" + strings.Repeat("-", 250_000),
		"one name":        "<" + strings.Repeat("a", 260_000) + "/>",
		"one text":        "<Reservation><ReservedTn>" + strings.Repeat("9", 260_000) + "</ReservedTn></Reservation>",
		"spaces":          strings.Repeat(" ", 262_000) + "<a/>",
		"cdata":           "<Reservation>" + strings.Repeat("<![CDATA[x]]>", 20_000) + "</Reservation>",
		"too long":        "<Reservation>" + strings.Repeat("<ReservedTn>9195552000</ReservedTn>", 400_000) + "</Reservation>",
		"zeros":           strings.Repeat("\x00", 262_000),
	}
}

// Each is refused in no time and 20 MiB, and the reason is not the parser's.
func TestHostileXML(t *testing.T) {
	d := open(t)
	for name, body := range hostile() {
		best, least := time.Hour, uint64(1<<62)
		for range 5 { // the machine may be busy: the best of five is the reader's own
			r := httptest.NewRequest("POST", "http://door.test"+mine("/tnreservation"), strings.NewReader(body))
			r.Header.Set("Content-Type", "application/xml")
			d.sign(r, "acme-admin")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			w := d.serve(r)
			best = min(best, time.Since(start))
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
			if w.Code != 400 && w.Code != 413 || !strings.Contains(w.Body.String(), "<ErrorCode>5044</ErrorCode><Description>Reservation object is invalid.</Description>") {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if best > doortest.NoTime || least > 20<<20 {
			t.Errorf("%s took %s and %d KiB", name, best, least>>10)
		}
	}
}
