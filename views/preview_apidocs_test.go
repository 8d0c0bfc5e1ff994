package views

import (
	"strings"
	"testing"
)

func previewAPIDocs() APIDocs {
	refused := APIStatus{Status: "404", Name: "Not Found", Codes: []APICode{{"10005", "Resource not found"}}, Text: "When it has ended."}
	return APIDocs{
		Title: "Telephone numbers", Text: "The door. Times are UTC.", Root: "/v2", Base: "https://numbers.example", Refused: "{}",
		Refusals: []APIStatus{refused}, Codes: refused.Codes,
		Groups: []APIGroup{
			{ID: "on-number_orders", Title: "Number orders", Operations: []APIOperation{
				{ID: "op-a", Method: "POST", Path: "/v2/number_orders", Summary: "Order numbers", Text: "All or none.", Answer: "{}",
					Params:   []APIField{{Name: "Idempotency-Key", In: "header", Type: "string", Text: "For a day."}},
					Body:     &APIBody{Text: "Ordered with its hold.", Fields: []APIField{{Name: "phone_numbers", Type: "array of objects", Required: true}}, Example: "{}"},
					Statuses: []APIStatus{{Status: "200", Name: "OK", Text: "Done."}, refused}},
			}},
			{ID: "on-keyless", Title: "About the API", Operations: []APIOperation{{ID: "op-b", Method: "GET", Path: "/v2/public_key", Summary: "The key", Open: true, Answer: "{}"}}},
		},
	}
}

func TestAPIDocsPage(t *testing.T) {
	v := previewAPIDocs()
	doc := parse(t, renderText(t, APIDocsPage(previewShell("/api-docs"), v)))
	checkPage(t, doc)
	if got := doc.Find("#op-a .d-fields dd").First().Text(); !strings.Contains(got, "string, in the header") {
		t.Error(got)
	}
	for _, sel := range []string{"#op-b .d-op-h:contains('needs no key')", "#start .d-text:contains('Times are UTC.')", ".lede:contains('The door.')"} {
		if doc.Find(sel).Length() != 1 {
			t.Error("no", sel)
		}
	}
	alone := parse(t, renderText(t, APIDocsPage(Shell{Path: "/api-docs"}, v)))
	checkParts(t, alone)
	if alone.Find("body.bare").Length() != 1 || alone.Find(".side").Length() != 0 {
		t.Error("not alone for people who are not signed in")
	}
	v.Text = "One sentence."
	if v.lede() != "One sentence." || v.rest() != "" {
		t.Error(v.lede(), v.rest())
	}
}
