package telnyx_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"tnreserve/web/telnyx"
)

// document is the door's OpenAPI document.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(telnyx.OpenAPI())
	if err == nil {
		err = doc.Validate(ctx)
	}
	return doc, err
})

// The document names every route, and no other; who needs no key is said; every
// parameter and every body that it names is read, and no other.
func TestDocumentAndRoutes(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var routes, named []string
	for _, r := range telnyx.Routes() {
		routes = append(routes, r[0]+" /"+r[1])
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			named = append(named, method+" "+path)
			open := op.Security != nil && len(*op.Security) == 0
			if open != telnyx.Open(method, path[1:]) {
				t.Errorf("%s %s: open is %v in the document", method, path, open)
			}
			for name := range strings.SplitSeq(path, "/") {
				if strings.HasPrefix(name, "{") && op.Parameters.GetByInAndName("path", strings.Trim(name, "{}")) == nil {
					t.Errorf("%s %s does not describe %s", method, path, name)
				}
			}
		}
	}
	slices.Sort(routes)
	slices.Sort(named)
	if !slices.Equal(routes, named) {
		t.Errorf("the routes are\n%v\nthe document has\n%v", routes, named)
	}
}

// The document says what every code means, in the words of the answers.
func TestDocumentAndCodes(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	said, _ := doc.Extensions["x-error-codes"].(map[string]any)
	for code, title := range telnyx.Titles() {
		if said[code] != title {
			t.Errorf("%s is %q, in the document %v", code, title, said[code])
		}
	}
	if len(said) != len(telnyx.Titles()) {
		t.Errorf("the document has %d codes, the door %d", len(said), len(telnyx.Titles()))
	}
}

// What a list reads by name the document has, and what the document has is read.
func TestDocumentAndParameters(t *testing.T) {
	d := open(t)
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	example := map[string]string{"page[number]": "1", "page[size]": "5", "filter[created_at][gt]": "2026-01-01T00:00:00Z", "filter[created_at][lt]": "2027-01-01T00:00:00Z",
		"filter[status]": "success", "filter[phone_numbers.phone_number]": "%2B13125550101", "filter[country_code]": "US", "filter[phone_number_type]": "local",
		"filter[order_request_id]": "12ade33a-21c0-473b-b055-b3c836e1c292", "filter[administrative_area]": "IL", "filter[national_destination_code]": "312", "filter[features]": "sms"}
	asked := 0
	for path, item := range doc.Paths.Map() {
		if item.Get == nil || strings.Contains(path, "{") || len(item.Get.Parameters) == 0 {
			continue
		}
		for _, p := range item.Get.Parameters {
			value := example[p.Value.Name]
			switch {
			case value != "":
			case p.Value.Schema.Value.Type.Is("boolean"):
				value = "true"
			default:
				value = "1"
			}
			asked++
			d.want(200, "acme-admin", "GET", "/v2"+path+"?"+p.Value.Name+"="+value, "")
		}
		d.refused(400, "10031", "filter[nonsense]", "acme-admin", "GET", "/v2"+path+"?filter[nonsense]=1", "")
	}
	if asked < 30 {
		t.Error("asked only", asked)
	}
}

// checkDocument holds an answer against the document.
func checkDocument(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	pattern := telnyx.RouteOf(r)
	if pattern == "" {
		return
	}
	method := r.Method
	if method == http.MethodHead {
		return
	}
	responses := doc.Paths.Value("/" + pattern).GetOperation(method).Responses
	response := responses.Status(a.Code)
	if response == nil {
		response = responses.Default()
	}
	if err := response.Value.Content.Get("application/json").Schema.Value.VisitJSON(a.body); err != nil {
		t.Errorf("%s %s: the answer is not as the document says: %v", method, r.URL, err)
	}
	errs, _ := a.body["errors"].([]any)
	for _, e := range errs {
		if code, _ := e.(map[string]any)["code"].(string); !saysRefusal(*response.Value.Description, a.Code, code) {
			t.Errorf("%s %s: %d %s is not in the document: %s", method, r.URL, a.Code, code, *response.Value.Description)
		}
	}
	undocumented(t, a, response.Value.Content.Get("application/json").Schema.Value, a.body, pattern)
}

var statusOrCode = regexp.MustCompile(`\b(\d{3}|\d{5})\b`)

// saysRefusal tells whether a text such as "503 and 500 10007; 422 10026 and 10027"
// has a status and a code together.
func saysRefusal(text string, status int, code string) bool {
	for part := range strings.SplitSeq(text, ";") {
		if said := statusOrCode.FindAllString(part, -1); slices.Contains(said, strconv.Itoa(status)) && slices.Contains(said, code) {
			return true
		}
	}
	return false
}

// undocumented looks for fields that the document does not have.
func undocumented(t testing.TB, a answer, s *openapi3.Schema, v any, at string) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, in := range v {
			p := s.Properties[name]
			if len(s.Properties) > 0 && p == nil {
				t.Errorf("%s.%s is not in the document: %.300s", at, name, a.Body)
			} else if p != nil {
				undocumented(t, a, p.Value, in, at+"."+name)
			}
		}
	case []any:
		for _, in := range v {
			undocumented(t, a, s.Items.Value, in, at+"[]")
		}
	}
}
