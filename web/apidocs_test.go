package web_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"tnreserve/web"
	"tnreserve/web/telnyx"
)

// Whatever the document has is on its page, for anybody.
func TestApiDocs(t *testing.T) {
	t.Parallel()
	s := open(t)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Summary     string
			Parameters  []struct {
				Name, Description string
				Required          bool
			}
			RequestBody any
		}
		Codes map[string]string `json:"x-error-codes"`
	}
	if err := json.Unmarshal(telnyx.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*visitor{s.stranger(), s.as("acme-member")} {
		a := v.want(200, "/api-docs")
		a.says("#docs-base", s.URL+"/v2").has(`#document[href="/v2/openapi.json"]`).says("#start", "Authorization: Bearer")
		operations := 0
		for path, methods := range doc.Paths {
			for method, o := range methods {
				operations++
				op := "#op-" + o.OperationID
				a.says(op+" h3", o.Summary).has(`.d-toc a[href="` + op + `"]`)
				if a.text(op+" .d-verb") != strings.ToUpper(method) || a.text(op+" .d-path") != "/v2"+path {
					t.Errorf("%s %s is %s %s", method, path, a.text(op+" .d-verb"), a.text(op+" .d-path"))
				}
				for _, p := range o.Parameters {
					line := a.doc().Find(op + " .d-fields > div").FilterFunction(func(_ int, e *goquery.Selection) bool { return e.Find("dt code").Text() == p.Name })
					if line.Length() != 1 || !strings.Contains(squeeze(line.Text()), p.Description) || line.Find(".tag").Length() == 1 != p.Required {
						t.Errorf("%s %s: the parameter %s: %q", method, path, p.Name, squeeze(line.Text()))
					}
				}
				examples := a.each(op + " .d-example pre")
				for _, text := range examples {
					if !json.Valid([]byte(text)) || strings.Contains(text, `"string"`) {
						t.Errorf("%s %s: an example is %s", method, path, text)
					}
				}
				if want := 1; o.RequestBody != nil && len(examples) != want+1 || o.RequestBody == nil && len(examples) != want {
					t.Errorf("%s %s has %d examples", method, path, len(examples))
				}
				a.says(op+" .d-words", "200 OK")
			}
		}
		if n := a.doc().Find(".d-op").Length(); n != operations || n < 18 {
			t.Errorf("%d operations on the page, %d in the document", n, operations)
		}
		for code, title := range doc.Codes {
			a.says("#codes", code+title)
		}
		a.says("#op-createNumberReservation .d-words", "phone_numbers[].phone_number Requiredstring").says("#op-createNumberReservation .d-words", "422 Unprocessable Entity85007 Reservation limit exceeded")
		a.says("#op-createNumberReservation .d-shown", `"phone_number": "+13125550101"`).says("#refusals", "401 Unauthorized10009 Authentication failed").says("#refusals", `"code": "85006"`)
		if strings.Contains(a.text("#op-createNumberReservation .d-words"), "401") {
			t.Error("what every request may meet is said again")
		}
	}
}

func TestApiDocsWithoutADocument(t *testing.T) {
	t.Parallel()
	s := open(t)
	srv, err := web.New(web.Config{Store: s.Store.Store})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/api-docs", nil))
	if w.Code != 404 {
		t.Error(w.Code)
	}
	for _, text := range []string{"", "{", "[]", "{}", `{"paths": []}`, `{"servers": [{"url": "/v2"}]}`} {
		if _, err := web.New(web.Config{Store: s.Store.Store, OpenAPI: []byte(text)}); err == nil {
			t.Errorf("%q is no document", text)
		}
	}
}
