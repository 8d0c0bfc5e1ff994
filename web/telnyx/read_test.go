package telnyx_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"tnreserve/web/doortest"
	"tnreserve/web/telnyx"
)

func TestReadJSON(t *testing.T) {
	for _, in := range []string{
		`{}`, ` {"a":[1,2.5e3,"x",null,true,{"b":"\u00e9\ud83d\ude00"}]} `, `[]`, `7`, `"x"`, `null`, `{"a":{"c":1},"b":{"c":1}}`, `{"":1," ":2}`,
		strings.Repeat("[", telnyx.MaxDepth) + strings.Repeat("]", telnyx.MaxDepth), "[" + strings.Repeat("1,", telnyx.MaxTokens-2) + "1]",
	} {
		if _, err := telnyx.ReadJSON([]byte(in)); err != nil {
			t.Errorf("%.80s: %v", in, err)
		}
	}
	for _, in := range []string{
		"", " ", "{", "}", `{"a"}`, `{"a":}`, `{a:1}`, `[1,]`, `[1 2]`, `{"a":1}{`, `{}[]`, `{} null`, "\x00", "{\"a\":\"\x01\"}", "\"\xff\"", "\xef\xbb\xbf{}", `{"a":1,"\u0061":2}`, `{"a":{"b":[{"c":1,"c":2}]}}`, `01`, `+1`, `1.`, `.5`, `'a'`, `tru`, `//`, `"\x"`,
		strings.Repeat("[", telnyx.MaxDepth+1) + strings.Repeat("]", telnyx.MaxDepth+1), "[" + strings.Repeat("1,", telnyx.MaxTokens) + "1]", strings.Repeat(" ", telnyx.MaxBody) + "1",
	} {
		if v, err := telnyx.ReadJSON([]byte(in)); err == nil {
			t.Errorf("%.80q is read as %v", in, v)
		}
	}
}

// Whatever is read reads back equal.
func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{naming(`,"customer_reference":"x"`, "+13125550101"), `{"a":[1e5,"\ud800",null]}`, `{"a":1,"a":2}`, "[[[]]]", "{}x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := telnyx.ReadJSON(in)
		if err != nil {
			return
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%q is not written again: %v", in, err)
		}
		if len(text) > telnyx.MaxBody {
			return
		}
		again, err := telnyx.ReadJSON(text)
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("%q reads as %v and then as %v: %v", in, v, again, err)
		}
	})
}

// Whatever an address says, it is understood or refused in words, and what is
// understood means the same when it is written anew.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"page%5Bnumber%5D=2&page[size]=10", "filter[features][]=a&filter[features]=b,c", "filter[status]=a+b%20c", "filter[created_at][gt]=2026-01-01T00:00:00Z", "a;b", "%zz", "filter[x]=%ff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/v2/number_reservations", nil)
		r.URL.RawQuery = query
		values, err := telnyx.Decode(r)
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("%q is refused without words", query)
			}
			return
		}
		r.URL.RawQuery = url.Values(values).Encode()
		if again, err := telnyx.Decode(r); err != nil || !reflect.DeepEqual(values, again) {
			t.Fatalf("%q reads as %v and then as %v: %v", query, values, again, err)
		}
	})
}

// hostile are bodies that hurt a reader which does not look out.
func hostile() map[string]string {
	wide := func(one string, n int) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	return map[string]string{
		"deep":            strings.Repeat("[", telnyx.MaxBody),
		"deep and closed": strings.Repeat("[", 120_000) + strings.Repeat("]", 120_000),
		"deep objects":    strings.Repeat(`{"a":`, 40_000) + "1" + strings.Repeat("}", 40_000),
		"deep beside":     `{"phone_numbers":[{"phone_number":"+19195552001"}],"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
		"wide":            `{"phone_numbers":[` + wide("1", 120_000) + "]}",
		"wide objects":    `{"phone_numbers":[` + wide("{}", 80_000) + "]}",
		"keys":            `{` + wide(`"a":1`, 40_000) + "}",
		"one key":         `{"` + strings.Repeat("a", 250_000) + `":1}`,
		"one text":        naming(`,"customer_reference":"`+strings.Repeat("x", 250_000)+`"`, "+19195552001"),
		"one number":      `{"phone_numbers":` + strings.Repeat("9", 250_000) + "}",
		"exponent":        `{"phone_numbers":1e999999999}`,
		"escapes":         `{"phone_numbers":"` + strings.Repeat(`\u0000`, 40_000) + `"}`,
		"spaces":          strings.Repeat(" ", 260_000) + "{}",
		"too long":        naming("", strings.Repeat("9", 8_000_000)),
		"zeros":           strings.Repeat("\x00", 260_000),
		"all numbers":     naming("", strings.Split(wide("+19195552001", 7_000), ",")...)[:200_000],
		"not E.164":       naming("", strings.Split(wide("9", 10_000), ",")...),
	}
}

// Each is refused in no time and 20 MiB, and the reason is not the parser's.
func TestHostileJSON(t *testing.T) {
	d := open(t)
	for name, body := range hostile() {
		best, least := time.Hour, uint64(1<<62)
		for range 5 { // the machine may be busy: the best of five is the reader's own
			r := d.request("acme-admin", "POST", reservations, body)
			w := httptest.NewRecorder()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			d.handler.ServeHTTP(w, r)
			best = min(best, time.Since(start))
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
			if w.Code != 400 && w.Code != 413 && w.Code != 422 || w.Body.Len() > 1000 || strings.Contains(w.Body.String(), "invalid character") || strings.Contains(w.Body.String(), "unexpected end") {
				t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
			}
		}
		if best > doortest.NoTime || least > 20<<20 {
			t.Errorf("%s took %s and %d KiB", name, best, least>>10)
		}
	}
}

// Addresses as long as a server lets them be.
func TestHostileQueries(t *testing.T) {
	d := open(t)
	const longest = 16 << 10
	fill := func(s string) string { return strings.Repeat(s, longest/len(s)) }
	for name, query := range map[string]string{
		"many":      fill("a=1&"),
		"different": fill("filter[a]=1&filter[b]=2&"),
		"one name":  fill("filter[") + "=1",
		"one value": "filter[customer_reference]=" + fill("x"),
		"commas":    "filter[phone_numbers.phone_number]=" + fill(","),
		"numbers":   "filter[phone_numbers.phone_number]=" + fill("19195552001,"),
		"repeated":  fill("filter[phone_numbers.phone_number]=19195552001&"),
		"percents":  fill("%25"),
		"brackets":  fill("[]"),
		"size":      "page[size]=" + fill("9"),
	} {
		best := time.Hour
		for range 5 {
			start := time.Now()
			a := d.do("acme-admin", "GET", reservations+"?"+query, "")
			best = min(best, time.Since(start))
			if a.Code >= 500 || a.Code == 200 && name != "commas" && name != "one value" || a.Body.Len() > 2000 {
				t.Errorf("%s: %d %.300s", name, a.Code, a.Body)
			}
		}
		if best > doortest.NoTime {
			t.Errorf("%s took %s", name, best)
		}
	}
}
