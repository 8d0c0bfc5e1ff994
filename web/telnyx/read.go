package telnyx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"tnreserve/store/tel"
)

// What a body may be at most. encoding/json itself takes the last of two equal keys,
// any case of a key, and text that is no UTF-8.
const (
	maxBody   = 256 << 10
	maxTokens = 20_000 // 5,000 numbers are 15,000
	maxDepth  = 32
)

// errJSON is the one refusal of a body that is no JSON we read. It says no more: a
// parser's own words are not for clients.
var errJSON = errors.New("the body is not one JSON value within the limits, with each key once")

// readJSON reads a body strictly: UTF-8, one value, no key twice in an object, nothing
// beyond the limits. Numbers stay text. Its own walk over what encoding/json found
// valid costs a tenth of json.Decoder's tokens.
func readJSON(body []byte) (any, error) {
	if len(body) > maxBody || !utf8.Valid(body) || !json.Valid(body) {
		return nil, errJSON
	}
	s := scan{rest: body, left: maxTokens}
	return s.value(maxDepth)
}

// scan walks over valid JSON.
type scan struct {
	rest []byte
	left int // values and keys that may still come
}

// next passes over space and answers what byte comes.
func (s *scan) next() byte {
	s.rest = bytes.TrimLeft(s.rest, " \t\r\n")
	return s.rest[0]
}

func (s *scan) value(depth int) (v any, err error) {
	kind := s.next()
	if s.left--; s.left < 0 || depth == 0 && (kind == '{' || kind == '[') {
		return nil, errJSON
	}
	switch kind {
	case '{':
		return s.object(depth - 1)
	case '[':
		return s.array(depth - 1)
	case '"':
		return s.text()
	}
	end := bytes.IndexAny(s.rest, ",]} \t\r\n")
	if end < 0 {
		end = len(s.rest)
	}
	word := string(s.rest[:end])
	s.rest = s.rest[end:]
	switch word {
	case "null":
		return nil, nil
	case "true", "false":
		return word == "true", nil
	}
	return json.Number(word), nil
}

func (s *scan) object(depth int) (any, error) {
	out := map[string]any{}
	for s.more('}') {
		s.next()
		s.left--
		key, err := s.text()
		if _, twice := out[key]; err != nil || twice {
			return nil, errJSON
		}
		s.next()
		s.rest = s.rest[1:] // the colon
		if out[key], err = s.value(depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *scan) array(depth int) (any, error) {
	out := []any{}
	for s.more(']') {
		v, err := s.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// more passes over what opens or parts, or over the end.
func (s *scan) more(end byte) bool {
	if s.next() != end {
		s.rest = s.rest[1:]
	}
	if s.next() != end {
		return true
	}
	s.rest = s.rest[1:]
	return false
}

func (s *scan) text() (text string, err error) {
	end := 1
	for ; s.rest[end] != '"'; end++ {
		if s.rest[end] == '\\' {
			end++
		}
	}
	raw := s.rest[:end+1]
	s.rest = s.rest[end+1:]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1:end]), nil
	}
	return text, json.Unmarshal(raw, &text)
}

// object is a JSON object and where it stands in the body. Keys that nobody asks for
// are passed over.
type object struct {
	fields  map[string]any
	pointer string
}

// body reads the request's body, an object, and gives its bytes too.
func (c *call) body() (object, []byte, error) {
	if err := c.checkContentType(); err != nil {
		return object{}, nil, err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return object{}, nil, newFault(http.StatusRequestEntityTooLarge, codeBadRequest, "A body has at most "+strconv.Itoa(maxBody>>10)+" KiB.")
	}
	if err != nil {
		return object{}, nil, newFault(http.StatusBadRequest, codeBadRequest, "The body was cut short.")
	}
	v, err := readJSON(raw)
	if err != nil {
		return object{}, nil, newFault(http.StatusBadRequest, codeJSON, "Not read: "+err.Error()+".")
	}
	o, err := asObject(v, "")
	return o, raw, err
}

// checkContentType demands JSON: a browser never sends it from another site without
// asking first.
func (c *call) checkContentType() error {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || kind != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return newFault(http.StatusUnsupportedMediaType, codeMediaType, "Send Content-Type: application/json.")
	}
	return nil
}

func wrongType(pointer, want string, v any) *fault {
	is := "an object"
	switch v.(type) {
	case nil:
		is = "null"
	case bool:
		is = "true or false"
	case string:
		is = "a string"
	case json.Number:
		is = "a number"
	case []any:
		is = "an array"
	}
	return atPointer(http.StatusUnprocessableEntity, codeType, pointer, "This must be "+want+" and is "+is+".")
}

func asObject(v any, pointer string) (object, error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return object{}, wrongType(pointer, "an object", v)
	}
	return object{fields, pointer}, nil
}

// text is a field's text; ok false when it is not there, or null.
func (o object) text(name string) (text string, ok bool, err error) {
	v := o.fields[name]
	if v == nil {
		return "", false, nil
	}
	text, ok = v.(string)
	if !ok {
		return "", false, wrongType(o.pointer+"/"+name, "a string", v)
	}
	return text, true, nil
}

// texts reads texts, each into its place.
func (o object) texts(into map[string]*string) (err error) {
	for name, place := range into {
		if *place, _, err = o.text(name); err != nil {
			return err
		}
	}
	return nil
}

func missing(pointer, detail string) *fault {
	return atPointer(http.StatusBadRequest, codeMissing, pointer, detail)
}

// phoneNumbers are the TNs of "phone_numbers", as they are asked for.
func (o object) phoneNumbers() (tns []tel.Number, err error) {
	pointer := o.pointer + "/phone_numbers"
	v := o.fields["phone_numbers"]
	list, ok := v.([]any)
	switch {
	case v == nil, ok && len(list) == 0:
		return nil, missing(pointer, "Name at least one phone number.")
	case !ok:
		return nil, wrongType(pointer, "an array", v)
	}
	for i, v := range list {
		item, err := asObject(v, pointer+"/"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		tn, err := item.phoneNumber()
		if err != nil {
			return nil, err
		}
		tns = append(tns, tn)
	}
	return tns, nil
}

func (o object) phoneNumber() (tel.Number, error) {
	pointer := o.pointer + "/phone_number"
	text, ok, err := o.text("phone_number")
	if err == nil && !ok {
		err = missing(pointer, "phone_number is missing.")
	}
	if err != nil {
		return 0, err
	}
	if !isE164(text) {
		return 0, atPointer(http.StatusUnprocessableEntity, codeNotE164, pointer, "The phone number must be like +13125550101.")
	}
	n, ok := parseTN(text)
	if !ok {
		return 0, atPointer(http.StatusUnprocessableEntity, codePhoneNumber, pointer, "This cannot be a number of the North American Numbering Plan, and this inventory has no others.")
	}
	return n, nil
}

func isE164(s string) bool {
	return len(s) >= 3 && len(s) <= 16 && s[0] == '+' && s[1] != '0' && strings.Trim(s[1:], "0123456789") == ""
}

// parseTN reads a number in E.164 that can exist.
func parseTN(s string) (tel.Number, bool) {
	if !isE164(s) || len(s) != 12 || s[1] != '1' {
		return 0, false
	}
	n, err := tel.ParseNumber(s)
	return n, err == nil && tel.CheckNANP(n, true) == nil
}
