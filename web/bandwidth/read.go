package bandwidth

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"tnreserve/store/tel"
)

// What a body may be at most. encoding/xml itself bounds neither nesting nor the
// number of roots, and reads a tag with all its attributes before it shows it.
const (
	maxBody       = 256 << 10
	maxToken      = 16 << 10 // bytes of one tag, text or comment
	maxTokens     = 20_000
	maxDepth      = 32
	maxAttributes = 32
)

// element is one element of a body: its name without a namespace, its text without
// the space around it, and what stands in it. Attributes say nothing at this door.
type element struct {
	name     string
	text     string
	children []*element
}

// errXML is the one refusal of a body that is no XML we read. It says no more: a
// parser's own words are not for clients.
var errXML = errors.New("the body is not well-formed XML within the limits")

// readXML reads a body strictly: UTF-8, one root, no DOCTYPE, no processing
// instruction but the declaration, and nothing beyond the limits.
func readXML(body []byte) (*element, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // .NET likes to send one
	if len(body) > maxBody || !utf8.Valid(body) {
		return nil, errXML
	}
	in := &metered{Reader: bytes.NewReader(body)}
	s := scan{decoder: xml.NewDecoder(in)}
	for {
		at := s.decoder.InputOffset()
		in.taken = 0
		token, err := s.decoder.Token()
		if err == io.EOF && s.root != nil && len(s.open) == 0 {
			return s.root, nil
		}
		if err != nil || !s.take(token, at) {
			return nil, errXML
		}
	}
}

// metered gives out no more than one token may have.
type metered struct {
	*bytes.Reader
	taken int
}

func (m *metered) ReadByte() (byte, error) {
	if m.taken++; m.taken > maxToken {
		return 0, errXML
	}
	return m.Reader.ReadByte()
}

// scan is a body half read.
type scan struct {
	decoder *xml.Decoder
	root    *element
	open    []*element
	texts   [][]byte // of the open elements
	tokens  int
}

// take takes one token; false refuses the body.
func (s *scan) take(token xml.Token, at int64) bool {
	if s.tokens++; s.tokens > maxTokens {
		return false
	}
	switch t := token.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		last := len(s.open) - 1
		s.open[last].text = strings.TrimSpace(string(s.texts[last]))
		s.open, s.texts = s.open[:last], s.texts[:last]
	case xml.CharData:
		if len(s.open) == 0 {
			return len(bytes.TrimSpace(t)) == 0
		}
		last := len(s.open) - 1
		s.texts[last] = append(s.texts[last], t...)
	case xml.ProcInst:
		return t.Target == "xml" && at == 0
	case xml.Comment:
	default: // DOCTYPE and its like
		return false
	}
	return true
}

func (s *scan) start(t xml.StartElement) bool {
	if len(t.Attr) > maxAttributes || len(s.open) >= maxDepth || !beginsName(t.Name.Local) {
		return false
	}
	e := &element{name: t.Name.Local}
	if len(s.open) > 0 {
		parent := s.open[len(s.open)-1]
		parent.children = append(parent.children, e)
	} else if s.root != nil {
		return false
	} else {
		s.root = e
	}
	s.open, s.texts = append(s.open, e), append(s.texts, nil)
	return true
}

// beginsName tells whether what stands after an element's prefix is a name by itself;
// encoding/xml looks at the two together and takes <a:0/>.
func beginsName(local string) bool {
	first, _ := utf8.DecodeRuneInString(local)
	return first == '_' || unicode.In(first, unicode.Letter, unicode.Nl)
}

// all are the children of a name.
func (e *element) all(name string) (list []*element) {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// last is the last child of a name, or nil: of several Bandwidth takes the last.
func (e *element) last(name string) *element {
	list := e.all(name)
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// value is the text of the last child of a name, "" where there is none.
func (e *element) value(name string) string {
	if c := e.last(name); c != nil {
		return c.text
	}
	return ""
}

// checkContentType demands XML of a write that has a body. A browser sends Basic
// credentials by itself, but never this type from another site without asking first.
func (c *call) checkContentType() error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead || c.r.ContentLength == 0 {
		return nil
	}
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || kind != "application/xml" || given && !strings.EqualFold(charset, "utf-8") {
		return &fault{status: http.StatusUnsupportedMediaType, code: c.route.kind.invalid, text: "Send Content-Type: application/xml"}
	}
	return nil
}

// body reads the request's body, whose root must have a name.
func (c *call) body(root string) (*element, error) {
	invalid := c.route.kind.invalidFault()
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		invalid.status = http.StatusRequestEntityTooLarge
		return nil, invalid
	}
	if err != nil {
		return nil, invalid // cut short, or too slow
	}
	e, err := readXML(raw)
	if err != nil || e.name != root {
		return nil, invalid
	}
	return e, nil
}

// parseTN reads a TN in either of the two forms, with or without the plus.
func parseTN(s string) (tel.Number, bool) {
	digits := strings.TrimPrefix(s, "+")
	if n := len(digits); n != 10 && n != 11 || n == 10 && len(s) == 11 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := tel.ParseNumber(digits)
	return n, err == nil
}

// parseBool reads true or false in any case; "" is a fallback.
func parseBool(s string, fallback bool) (value, ok bool) {
	switch strings.ToLower(s) {
	case "":
		return fallback, true
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return fallback, false
}
