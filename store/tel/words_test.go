package tel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tnreserve/store/tel"
)

func TestParseNumber(t *testing.T) {
	const n = 19195550142
	for _, s := range []string{"9195550142", "19195550142", "+19195550142", "(919) 555-0142", "919.555.0142", "919-555-0142",
		"1-919-555-0142", "1 919 555 0142", "+1 (919) 555-0142", "tel:+1-919-555-0142", " 9195550142\t", "919/555/0142"} {
		if got, err := tel.ParseNumber(s); got != n || err != nil {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1", "555-0142", "91955501420", "29195550142", "+449195550142", "+9195550142", "9195550142 ext. 5", "abc",
		"9195550142,9195550143", "919555014\x00", strings.Repeat("9", 65), "1.2125551234E+10", "９１９５５５０１４２0", "<script>"} {
		got, err := tel.ParseNumber(s)
		if e, ok := errors.AsType[*tel.Error](err); !ok || got != 0 || e.Code != tel.CodeInvalid || e.Field != "tn" {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
	if got, err := tel.ParseNumber("1-800-FLOWERS"); err != nil || got != 18003569377 {
		t.Error(got, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := tel.NewNumber(rapid.IntRange(200, 999).Draw(t, "npa"), rapid.IntRange(200, 999).Draw(t, "nxx"), rapid.IntRange(0, 9999).Draw(t, "line"))
		for _, s := range []string{n.String(), n.E164(), n.Digits(), fmt.Sprint(int64(n))} {
			if got, err := tel.ParseNumber(s); got != n || err != nil {
				t.Fatalf("%q: %v %v", s, got, err)
			}
		}
		if b := n.Block(); b.Number(n.Index()) != n || tel.NewBlock(n.NPA(), n.NXX(), n.Line()/1000) != b || b.NPA() != n.NPA() || b.NXX() != n.NXX() || b.X() != n.Line()/1000 {
			t.Fatal(n, b)
		}
		if got := tel.NewNumber(n.NPA(), n.NXX(), n.Line()); got != n {
			t.Fatal(got)
		}
	})
	rapid.Check(t, func(t *rapid.T) { // anything: no panic, and what is accepted has ten digits
		if n, err := tel.ParseNumber(rapid.String().Draw(t, "s")); err == nil && (n < 1_00_0000_0000 || n > 1_99_9999_9999) {
			t.Fatal(n)
		}
	})
}

func TestCheckNANP(t *testing.T) {
	for digits, field := range map[string]string{
		"9192000000": "", "9195550099": "", "9195550200": "", "8005550000": "", "2002000000": "",
		"1195552000": "npa", "0195552000": "npa", "9115552000": "npa", "2115552000": "npa", "2905552000": "npa", "9995552000": "npa",
		"9191552000": "nxx", "9190552000": "nxx", "9199112000": "nxx", "9192112000": "nxx", "9195550100": "tn", "9195550199": "tn",
	} {
		n, err := tel.ParseNumber(digits)
		if err != nil {
			t.Fatal(digits, err)
		}
		err = tel.CheckNANP(n, false)
		if field == "" {
			code(t, err, "")
			continue
		}
		if e := code(t, err, tel.CodeInvalid); e.Field != field {
			t.Errorf("%s: %+v", digits, e)
		}
		if err := tel.CheckNANP(n, true); (err == nil) != (field == "tn") {
			t.Errorf("%s allowing fictional: %v", digits, err)
		}
	}
	for npa := range 1100 {
		want := npa >= 200 && npa <= 999 && npa%100 != 11 && npa/10%10 != 9
		if err := tel.CheckNPA(npa); (err == nil) != want {
			t.Errorf("%d: %v", npa, err)
		}
	}
	for _, npa := range []int{800, 833, 844, 855, 866, 877, 888} {
		if !tel.NewNumber(npa, 555, 2000).TollFree() {
			t.Error(npa)
		}
	}
	if tel.TollFreeNPA(822) || tel.TollFreeNPA(899) || tel.TollFreeNPA(919) {
		t.Error("toll-free")
	}
}

func TestParsePattern(t *testing.T) {
	for s, want := range map[string]tel.Pattern{
		"": "", "  ": "", "flowers": "3569377", "FLOWERS": "3569377", "12??12": "12??12", "1*3": "1?3", "(919) 555-01": "91955501", "919.555": "919555",
		"ABCDEFGHIJ": "2223334445", "KLMNOPQRST": "5566677778", "UVWXYZ": "889999", "0123456789": "0123456789", "1???": "1???",
	} {
		if got, err := tel.ParsePattern("contains", s); got != want || err != nil {
			t.Errorf("%q: %q %v, want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"01234567890", "?????1", "?", "????", "1????", "12%", "12_", "é", "1;DROP", "١٢٣", "\x00"} {
		if _, err := tel.ParsePattern("ends", s); true {
			if e := code(t, err, tel.CodeInvalid); e.Field != "ends" {
				t.Errorf("%q: %+v", s, e)
			}
		}
	}
	if p := tel.Pattern("1?3"); !p.MatchAt("0123", 1) || p.MatchAt("0123", 2) || p.MatchAt("0123", -1) || p.MatchAt("0124", 1) {
		t.Error("MatchAt")
	}
}

func TestQueryCheck(t *testing.T) {
	if err := tel.NewQuery().Check(); err != nil {
		t.Fatal(err)
	}
	for field, set := range map[string]func(*tel.Query){
		"npa": func(q *tel.Query) { q.NPAs = []int{919, 111} }, "nxx": func(q *tel.Query) { q.NXX = 911 }, "run": func(q *tel.Query) { q.Run = 1001 },
		"state": func(q *tel.Query) { q.State = "nc" },
	} {
		q := tel.NewQuery()
		set(&q)
		if e := code(t, q.Check(), tel.CodeInvalid); e.Field != field {
			t.Errorf("%s: %+v", field, e)
		}
	}
	for _, q := range []tel.Query{{X: 3}, {X: 10, NXX: 555}, {X: -1, NPAs: make([]int, 51)}, {X: -1, NPAs: []int{919}, Type: tel.TypeTollFree}, {X: -1, NPAs: []int{800}, Type: tel.TypeLocal}, {X: -1, Run: -1}} {
		code(t, q.Check(), tel.CodeInvalid)
	}
	q := tel.Query{StartsWith: "91?", EndsWith: "42", Contains: "55"}
	if got := q.Matched(tel.NewNumber(919, 555, 142)); got != [10]bool{true, true, false, true, true, false, false, false, true, true} {
		t.Error(got)
	}
}

func TestMoney(t *testing.T) {
	for s, want := range map[string]string{"": "0.00", "1": "1.00", "$0.35": "0.35", " 1.25 ": "1.25", "0.35001": "0.35001", ".5": "0.50", "1.": "1.00", "999999999.99999": "999999999.99999"} {
		m, err := tel.ParseMoney(s)
		if err != nil || m.String() != want {
			t.Errorf("%q: %s %v", s, m, err)
		}
		if again, err := tel.ParseMoney(m.String()); again != m || err != nil {
			t.Errorf("%q reads back as %v %v", s, again, err)
		}
	}
	for _, s := range []string{"-1", "1,25", "1.234567", "1234567890", ".", "1.2.3", "1e3", "+1", "NaN", "$$1", "0x1"} {
		_, err := tel.ParseMoney(s)
		code(t, err, tel.CodeInvalid)
	}
}

func TestCleanText(t *testing.T) {
	for s, want := range map[string]string{"  Sales line ": "Sales line", "": "", "Übergröße 🙂": "Übergröße 🙂", `<b>"'&%_`: `<b>"'&%_`} {
		if got, err := tel.CleanText("note", s, 100); got != want || err != nil {
			t.Errorf("%q: %q %v", s, got, err)
		}
	}
	for _, s := range []string{"a\nb", "a\rb", "a\tb", "a\x1b[31m", "a\x00b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "a\u0085b", "a\x7fb", "\xff", "\xed\xa0\x80", strings.Repeat("é", 101)} {
		_, err := tel.CleanText("note", s, 100)
		if e := code(t, err, tel.CodeInvalid); e.Field != "note" {
			t.Errorf("%q: %+v", s, e)
		}
	}
	if got, err := tel.CleanText("note", strings.Repeat("é", 100), 100); err != nil || len(got) != 200 {
		t.Error(err)
	}
}

func TestSmallWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "none", time.Second: "1 second", 90 * time.Minute: "1 hour 30 minutes", 4 * time.Hour: "4 hours", 25 * time.Hour: "1 day 1 hour",
		90 * 24 * time.Hour: "90 days", time.Hour + time.Minute + time.Second: "1 hour 1 minute", 300 * time.Millisecond: "300ms",
	} {
		if got := tel.HumanDuration(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 TNs", 1: "1 TN", 999: "999 TNs", 1000: "1,000 TNs", 1234567: "1,234,567 TNs", -1000: "-1,000 TNs"} {
		if got := tel.Plural(n, "TN"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for s, want := range map[string]string{"Ada@Acme.Example ": "ada@acme.example"} {
		if got, err := tel.CleanEmail(s); got != want || err != nil {
			t.Error(got, err)
		}
	}
	for _, s := range []string{"", "ada", "ada@", "@acme.example", "Ada <ada@acme.example>", "a@b.c,d@e.f", "a b@c.de", "a\u2028@b.cd", "a\u202e@b.cd", "a\x7f@b.cd", "a\xff@b.cd", "a@b.c\n", strings.Repeat("a", 250) + "@b.cd"} {
		if _, err := tel.CleanEmail(s); s != "a@b.c\n" { // trimmed
			code(t, err, tel.CodeInvalid)
		}
	}
	for p, ok := range map[string]bool{"": false, "123456789": false, "1234567890": true, "ééééééééé": false, "éééééééééé": true, strings.Repeat("x", 1024): true, strings.Repeat("x", 1025): false} {
		if err := tel.CheckPassword(p); (err == nil) != ok {
			t.Errorf("%d: %v", len(p), err)
		}
	}
	for s, ok := range map[string]bool{"1": true, "9500012": true, "999999999999": true, "1000000000000": false, "0": false, "-1": false, "": false, "x": false} {
		if _, err := tel.ParseAccountID(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestErrors(t *testing.T) {
	if tel.CodeOf(nil) != "" || tel.CodeOf(errors.New("x")) != tel.CodeInternal || tel.CodeOf(fmt.Errorf("w: %w", tel.NotFound())) != tel.CodeNotFound {
		t.Error("CodeOf")
	}
	seen := map[tel.Code]bool{}
	for _, c := range tel.Codes() {
		if seen[c] || c == "" {
			t.Error(c)
		}
		seen[c] = true
	}
}

// Every field of an event counts for its hash, and where one ends and the next begins.
func TestChainHash(t *testing.T) {
	base := func() *tel.Event {
		return &tel.Event{Seq: 7, At: noon, Kind: tel.EventReserved, Account: 1, Reservation: 2,
			Actor: tel.Actor{Kind: tel.KindPerson, ID: "ab", Name: "cd", Role: tel.RoleAdmin, Door: "d", Addr: "a"}}
	}
	facts := []byte(`{"tns":[1]}`)
	var before [32]byte
	want := base().ChainHash(before, facts)
	if want != base().ChainHash(before, facts) {
		t.Fatal("not the same twice")
	}
	for name, change := range map[string]func(*tel.Event){
		"seq": func(e *tel.Event) { e.Seq++ }, "at": func(e *tel.Event) { e.At = e.At.Add(time.Microsecond) }, "kind": func(e *tel.Event) { e.Kind += "x" },
		"account": func(e *tel.Event) { e.Account++ }, "reservation": func(e *tel.Event) { e.Reservation++ }, "actor kind": func(e *tel.Event) { e.Actor.Kind = tel.KindSystem },
		"id": func(e *tel.Event) { e.Actor.ID = "x" }, "name": func(e *tel.Event) { e.Actor.Name = "x" }, "role": func(e *tel.Event) { e.Actor.Role = "x" },
		"door": func(e *tel.Event) { e.Actor.Door = "x" }, "addr": func(e *tel.Event) { e.Actor.Addr = "x" },
		"boundary": func(e *tel.Event) { e.Actor.ID, e.Actor.Name = "abc", "d" },
		"swap":     func(e *tel.Event) { e.Account, e.Reservation = 2, 1 },
	} {
		e := base()
		change(e)
		if e.ChainHash(before, facts) == want {
			t.Errorf("%s does not count", name)
		}
	}
	if base().ChainHash([32]byte{1}, facts) == want || base().ChainHash(before, []byte(`{"tns":[2]}`)) == want {
		t.Error("the event before, or the facts, do not count")
	}
}
