package views

import "strings"

// APIDocs is the page that shows a door of JSON in the words of its own document.
type APIDocs struct {
	Title    string
	Text     string
	Root     string // path that every operation is below, "/v2"
	Base     string // address of this installation, "https://numbers.example.com"
	Groups   []APIGroup
	Refusals []APIStatus // what every request may be answered
	Refused  string      // an example of it
	Codes    []APICode
}

// APIGroup is what can be done with one resource.
type APIGroup struct {
	ID         string
	Title      string
	Operations []APIOperation
}

// APIOperation is one method at one path.
type APIOperation struct {
	ID       string
	Method   string
	Path     string // whole, "/v2/number_orders/{id}"
	Summary  string
	Text     string
	Open     bool // needs no key
	Params   []APIField
	Body     *APIBody // nil: none
	Statuses []APIStatus
	Answer   string // an example
}

// APIBody is what is sent.
type APIBody struct {
	Text    string
	Fields  []APIField
	Example string
}

// APIField is a parameter or a field of a body.
type APIField struct {
	Name     string
	In       string // "query", "path", "header"; "" a body
	Type     string
	Required bool
	Text     string
}

// APIStatus is a status and when it is answered.
type APIStatus struct {
	Status string
	Name   string // "Not Found"
	Codes  []APICode
	Text   string
}

// APICode is a code of an error and its title.
type APICode struct{ Code, Title string }

func (v APIDocs) document() string { return v.Root + "/openapi.json" }

// lede is the first sentence about the door; rest are the others.
func (v APIDocs) lede() string {
	first, _, _ := strings.Cut(v.Text, ". ")
	return strings.TrimSuffix(first, ".") + "."
}

func (v APIDocs) rest() string {
	_, rest, _ := strings.Cut(v.Text, ". ")
	return rest
}

func (v APIDocs) try() string {
	return "curl -g -H \"Authorization: Bearer $KEY\" \\\n  \"" + v.Base + v.Root + "/available_phone_numbers?filter[limit]=5\""
}

// kind is "string, in the path".
func (f APIField) kind() string {
	if f.In == "" {
		return f.Type
	}
	return f.Type + ", in the " + f.In
}
