package bandwidth_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/limit"
)

// The transcripts are written from the contract, by hand: a request and its answer,
// byte for byte, but for headers that say nothing of the contract. Each file begins
// with a fresh door.
//
//	# a remark
//	! advance 4h             something happens
//	> POST /api/… as acme-admin
//	> Content-Type: application/xml
//	>
//	> <body/>
//	< 201
//	< Location: http://door.test/…/{id}
//
// {name} stands for a UUID, the same wherever it stands again.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := player{door: open(t), ids: map[string]string{}}
			p.play(string(text))
		})
	}
}

// player plays one transcript.
type player struct {
	*door
	ids map[string]string
}

func (p *player) play(text string) {
	var asked, said []string
	at := 0
	finish := func() {
		if len(asked) > 0 {
			p.exchange(at, asked, said)
		}
		asked, said = nil, nil
	}
	for i, line := range strings.Split(text, "\n") {
		kind, rest := "", ""
		if line != "" {
			kind, rest = line[:1], strings.TrimPrefix(line[1:], " ")
		}
		switch kind {
		case ">":
			if len(said) > 0 {
				finish()
			}
			if len(asked) == 0 {
				at = i + 1
			}
			asked = append(asked, rest)
		case "<":
			said = append(said, rest)
		case "!":
			finish()
			p.happen(i+1, strings.Fields(rest))
		}
	}
	finish()
}

// happen does what cannot be asked through the door.
func (p *player) happen(at int, words []string) {
	p.t.Helper()
	var err error
	switch words[0] {
	case "advance":
		var d time.Duration
		d, err = time.ParseDuration(words[1])
		p.Clock.Add(d)
	case "reserve": // by another account
		p.reserve(storetest.Globex, number(words[1]))
	case "disable":
		err = p.Disable(ctx, root, number(words[1]))
	case "limit": // one request, and one more every 90 seconds
		p.hang(limit.New(1.0/90, 1, p.Now))
	default:
		p.t.Fatalf("line %d: what is %q?", at, words)
	}
	if err != nil {
		p.t.Fatalf("line %d: %v", at, err)
	}
}

func number(s string) tel.Number {
	n, err := tel.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return n
}

var uuidHere = regexp.MustCompile(`\{[a-z0-9]+\}`)

const uuidPattern = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`

func (p *player) exchange(at int, asked, said []string) {
	p.t.Helper()
	request := uuidHere.ReplaceAllStringFunc(strings.Join(asked, "\n"), func(s string) string { return p.ids[s] })
	head, body, _ := strings.Cut(request, "\n\n")
	lines := strings.Split(head, "\n")
	words := strings.Fields(lines[0])
	r := httptest.NewRequest(words[0], "http://door.test"+words[1], strings.NewReader(body))
	if len(words) == 4 {
		p.sign(r, words[3])
	}
	for _, h := range lines[1:] {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Set(k, v)
	}
	w := p.serve(r)
	got := fmt.Sprint(w.Code)
	var headers []string
	for k := range w.Header() {
		if !slices.Contains([]string{"Cache-Control", "Content-Security-Policy", "X-Content-Type-Options", "Content-Length", "X-Request-Id"}, k) {
			headers = append(headers, "\n"+k+": "+w.Header().Get(k))
		}
	}
	slices.Sort(headers)
	got += strings.Join(headers, "")
	if w.Body.Len() > 0 {
		got += "\n\n" + w.Body.String()
	}
	p.compare(at, asked[0], strings.Join(said, "\n"), got)
}

// compare demands the answer, and remembers the UUIDs that it makes known.
func (p *player) compare(at int, what, want, got string) {
	p.t.Helper()
	var fresh []string
	pattern := "^"
	for rest := want; ; {
		m := uuidHere.FindStringIndex(rest)
		if m == nil {
			pattern += regexp.QuoteMeta(rest) + "$"
			break
		}
		name := rest[m[0]:m[1]]
		pattern += regexp.QuoteMeta(rest[:m[0]])
		switch {
		case p.ids[name] != "":
			pattern += p.ids[name]
		case slices.Contains(fresh, name): // no backreferences: the first one counts
			pattern += uuidPattern
		default:
			fresh = append(fresh, name)
			pattern += "(" + uuidPattern + ")"
		}
		rest = rest[m[1]:]
	}
	m := regexp.MustCompile(pattern).FindStringSubmatch(got)
	if m == nil {
		p.t.Errorf("line %d: %s\nwant:\n%s\ngot:\n%s", at, what, want, got)
		return
	}
	for i, name := range fresh {
		p.ids[name] = m[i+1]
	}
}
