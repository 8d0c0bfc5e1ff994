package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tnreserve/store/tel"
	"tnreserve/views"
)

// openAPI is as much of an OpenAPI 3 document as the page of it shows.
type openAPI struct {
	Info struct {
		Title       string `json:"title"`
		Description string `json:"description"`
	} `json:"info"`
	Servers []struct {
		URL string `json:"url"`
	} `json:"servers"`
	Paths      ordered[ordered[apiOperation]] `json:"paths"`
	Components struct {
		Schemas map[string]*apiSchema `json:"schemas"`
	} `json:"components"`
	Codes ordered[string] `json:"x-error-codes"`
}

type apiOperation struct {
	ID          string               `json:"operationId"`
	Summary     string               `json:"summary"`
	Description string               `json:"description"`
	Security    *[]map[string]any    `json:"security"` // of nothing: needs no key
	Parameters  []apiParameter       `json:"parameters"`
	Body        *apiContent          `json:"requestBody"`
	Responses   ordered[*apiContent] `json:"responses"`
}

type apiParameter struct {
	Name        string     `json:"name"`
	In          string     `json:"in"`
	Required    bool       `json:"required"`
	Description string     `json:"description"`
	Schema      *apiSchema `json:"schema"`
}

// apiContent is a body or an answer.
type apiContent struct {
	Description string `json:"description"`
	Content     struct {
		JSON struct {
			Schema *apiSchema `json:"schema"`
		} `json:"application/json"`
	} `json:"content"`
}

type apiSchema struct {
	Ref         string              `json:"$ref"`
	Type        string              `json:"type"`
	Format      string              `json:"format"`
	Description string              `json:"description"`
	Nullable    bool                `json:"nullable"`
	Enum        []string            `json:"enum"`
	Example     json.RawMessage     `json:"example"`
	Default     json.RawMessage     `json:"default"`
	Minimum     json.Number         `json:"minimum"`
	Maximum     json.Number         `json:"maximum"`
	MaxLength   json.Number         `json:"maxLength"`
	Required    []string            `json:"required"`
	Properties  ordered[*apiSchema] `json:"properties"`
	Items       *apiSchema          `json:"items"`
}

// ordered is a JSON object whose names keep their order.
type ordered[T any] []member[T]

type member[T any] struct {
	name  string
	value T
}

func (o *ordered[T]) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("not an object: %.20s", text)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member[T]{name: name.(string)} // a decoder has seen to that
		if err := d.Decode(&m.value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// apiDocs is the page of a document; nil where there is none.
func apiDocs(document []byte) (*views.APIDocs, error) {
	if document == nil {
		return nil, nil
	}
	var d openAPI
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("the OpenAPI document: %w", err)
	}
	if len(d.Servers) == 0 || len(d.Paths) == 0 {
		return nil, errors.New("the OpenAPI document names no server or no path")
	}
	page := &views.APIDocs{Title: d.Info.Title, Text: d.Info.Description, Root: d.Servers[0].URL}
	for _, c := range d.Codes {
		page.Codes = append(page.Codes, views.APICode{Code: c.name, Title: c.value})
	}
	for _, path := range d.Paths {
		for _, o := range path.value {
			page.Groups = d.group(page.Groups, path.name, d.operation(o.name, path.name, o.value))
		}
	}
	page.Refusals = sharedRefusals(page.Groups)
	page.Refused = d.example(&apiSchema{Ref: "#/components/schemas/Errors"})
	return page, nil
}

// group puts an operation to the others of its resource, which the path begins with;
// those that need no key are about the API itself.
func (d *openAPI) group(list []views.APIGroup, path string, o views.APIOperation) []views.APIGroup {
	resource, _, _ := strings.Cut(path[1:], "/")
	title := strings.ToUpper(resource[:1]) + strings.ReplaceAll(resource[1:], "_", " ")
	if o.Open {
		resource, title = "keyless", "About the API"
	}
	i := slices.IndexFunc(list, func(g views.APIGroup) bool { return g.ID == "on-"+resource })
	if i < 0 {
		i, list = len(list), append(list, views.APIGroup{ID: "on-" + resource, Title: title})
	}
	list[i].Operations = append(list[i].Operations, o)
	return list
}

func (d *openAPI) operation(method, path string, o apiOperation) views.APIOperation {
	out := views.APIOperation{
		ID: "op-" + o.ID, Method: strings.ToUpper(method), Path: d.Servers[0].URL + path, Summary: o.Summary, Text: o.Description,
		Open: o.Security != nil && len(*o.Security) == 0,
	}
	for _, p := range o.Parameters {
		f := d.field(p.Name, p.Schema, p.Required)
		f.In, f.Text = p.In, sentences(p.Description, f.Text)
		out.Params = append(out.Params, f)
	}
	if o.Body != nil {
		s := o.Body.Content.JSON.Schema
		out.Body = &views.APIBody{Text: d.resolve(s).Description, Fields: d.fields("", s), Example: d.example(s)}
	}
	for _, r := range o.Responses {
		if r.name == "default" {
			out.Statuses = append(out.Statuses, d.refusals(r.value.Description)...)
			continue
		}
		out.Statuses = append(out.Statuses, views.APIStatus{Status: r.name, Name: statusName(r.name), Text: r.value.Description})
		out.Answer = d.example(r.value.Content.JSON.Schema)
	}
	return out
}

// refusal is one of a list in words: "422 85007 and 10033 at the account's caps".
var refusal = regexp.MustCompile(`\b(\d{3}(?: and \d{3})*) (\d{5}(?:(?:, | and )\d{5})*)([^;]*)`)

// refusals takes the words about refusals apart, a line per status and occasion.
func (d *openAPI) refusals(text string) (list []views.APIStatus) {
	for _, m := range refusal.FindAllStringSubmatch(text, -1) {
		when := strings.Trim(m[3], " .")
		if when != "" {
			when = strings.ToUpper(when[:1]) + when[1:] + "."
		}
		st := views.APIStatus{Text: when}
		for _, code := range numerals.FindAllString(m[2], -1) {
			st.Codes = append(st.Codes, views.APICode{Code: code, Title: d.title(code)})
		}
		for _, status := range numerals.FindAllString(m[1], -1) {
			st.Status, st.Name = status, statusName(status)
			list = append(list, st)
		}
	}
	slices.SortStableFunc(list, func(a, b views.APIStatus) int { return strings.Compare(a.Status, b.Status) })
	return list
}

var numerals = regexp.MustCompile(`\d+`)

func (d *openAPI) title(code string) string {
	for _, c := range d.Codes {
		if c.name == code {
			return c.value
		}
	}
	return ""
}

func statusName(status string) string {
	code, _ := strconv.Atoi(status)
	return http.StatusText(code)
}

// sharedRefusals takes what every operation may answer out of them all.
func sharedRefusals(groups []views.APIGroup) (shared []views.APIStatus) {
	everywhere := func(st views.APIStatus) bool {
		return len(st.Codes) > 0 && !slices.ContainsFunc(groups, func(g views.APIGroup) bool {
			return slices.ContainsFunc(g.Operations, func(o views.APIOperation) bool { return !hasStatus(o.Statuses, st) })
		})
	}
	for _, st := range groups[0].Operations[0].Statuses {
		if everywhere(st) {
			shared = append(shared, st)
		}
	}
	for _, g := range groups {
		for i := range g.Operations {
			o := &g.Operations[i]
			o.Statuses = slices.DeleteFunc(o.Statuses, func(st views.APIStatus) bool { return hasStatus(shared, st) })
		}
	}
	return shared
}

func hasStatus(list []views.APIStatus, st views.APIStatus) bool {
	return slices.ContainsFunc(list, func(o views.APIStatus) bool {
		return o.Status == st.Status && o.Text == st.Text && slices.Equal(o.Codes, st.Codes)
	})
}

func (d *openAPI) resolve(s *apiSchema) *apiSchema {
	for s != nil && s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	if s == nil {
		return &apiSchema{}
	}
	return s
}

// fields are those of a body, with those inside them.
func (d *openAPI) fields(before string, s *apiSchema) (list []views.APIField) {
	s = d.resolve(s)
	for _, p := range s.Properties {
		list = append(list, d.field(before+p.name, p.value, slices.Contains(s.Required, p.name)))
		inner, mark := d.resolve(p.value), "."
		if inner.Items != nil {
			inner, mark = d.resolve(inner.Items), "[]."
		}
		list = append(list, d.fields(before+p.name+mark, inner)...)
	}
	return list
}

func (d *openAPI) field(name string, s *apiSchema, required bool) views.APIField {
	s = d.resolve(s)
	kind := s.Type
	switch {
	case s.Items != nil:
		kind = "array of " + d.resolve(s.Items).Type + "s"
	case s.Format != "":
		kind += ", " + s.Format
	}
	return views.APIField{Name: name, Type: kind, Required: required, Text: sentences(s.Description, s.bounds())}
}

// bounds says what a value may be.
func (s *apiSchema) bounds() string {
	var list []string
	add := func(on bool, format string, args ...any) {
		if on {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	add(len(s.Enum) > 0, "One of %s.", strings.Join(s.Enum, ", "))
	add(s.Minimum != "" && s.Maximum != "", "%s to %s.", s.Minimum, s.Maximum)
	add(s.Minimum != "" && s.Maximum == "", "%s or more.", s.Minimum)
	add(s.MaxLength != "", "At most %s characters.", s.MaxLength)
	add(s.Default != nil, "%s if absent.", s.Default)
	add(s.Nullable, "It may be null.")
	return strings.Join(list, " ")
}

func sentences(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), " ")
}

// example is a value of a schema, as it is shown.
func (d *openAPI) example(s *apiSchema) string {
	var out bytes.Buffer
	if err := json.Indent(&out, d.value(s), "", "  "); err != nil {
		return ""
	}
	return out.String()
}

func (d *openAPI) value(s *apiSchema) json.RawMessage {
	s = d.resolve(s)
	switch {
	case s.Example != nil:
		return s.Example
	case len(s.Enum) > 0:
		return quoted(s.Enum[0])
	case s.Default != nil:
		return s.Default
	case s.Type == "object":
		return d.object(s)
	case s.Items != nil:
		if item := d.value(s.Items); string(item) != "{}" {
			return slices.Concat([]byte("["), item, []byte("]"))
		}
		return json.RawMessage("[]")
	}
	return s.plain()
}

// object leaves out what need not be there and has nothing to show.
func (d *openAPI) object(s *apiSchema) json.RawMessage {
	var list [][]byte
	for _, p := range s.Properties {
		v := d.value(p.value)
		if string(v) != "null" || slices.Contains(s.Required, p.name) {
			list = append(list, slices.Concat(quoted(p.name), []byte(":"), v))
		}
	}
	return slices.Concat([]byte("{"), bytes.Join(list, []byte(",")), []byte("}"))
}

func (s *apiSchema) plain() json.RawMessage {
	switch {
	case s.Format == "date-time":
		return quoted("2026-11-21T15:00:00.000000Z")
	case s.Format == "uuid":
		return quoted("12ade33a-21c0-473b-b055-b3c836e1c292")
	case s.Nullable:
		return json.RawMessage("null")
	case s.Type == "integer":
		return json.RawMessage("1")
	case s.Type == "boolean":
		return json.RawMessage("true")
	}
	return quoted("string")
}

func quoted(s string) json.RawMessage {
	text, _ := json.Marshal(s) // a string always can be
	return text
}

// apiDocs shows how programs use the JSON door. It is no secret, as its document is not.
func (v *visit) apiDocs() error {
	if v.docs == nil {
		return tel.NotFound()
	}
	page := *v.docs
	page.Base = v.base()
	return v.render(http.StatusOK, views.APIDocsPage(v.shell(), page))
}
