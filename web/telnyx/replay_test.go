package telnyx_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"tnreserve/store/storetest"
)

// recording is one request of a real client, byte for byte but for its key and ids.
type recording struct {
	SDK, Method, Path string
	RawQuery          string `json:"raw_query"`
	Headers           map[string]string
	Body              json.RawMessage
}

// wants is what each recorded request is answered: the status and, where it is
// refused, the code. Keys are "METHOD path" with ids made alike, and for some the
// beginning of the query.
var wants = []struct{ request, answer string }{
	{"POST number_reservations {}", "400 10004"},
	{"POST number_reservations", "200 reservation"},
	{"GET number_reservations/{id}", "200 reservation"},
	{"GET number_reservations/{word} nobody", "401 10009"},
	{"GET number_reservations/{word}", "404 10005"},
	{"POST number_reservations/{id}/actions/extend", "200 reservation"},
	{"POST number_reservations/{word}/actions/extend", "404 10005"},
	{"GET number_reservations", "200 reservations"},
	{"GET available_phone_numbers only_reserved_numbers", "400 10031"},
	{"GET available_phone_numbers page[number]", "400 10015"},
	{"GET available_phone_numbers", "200 available"},
	{"POST number_orders", "200 order"},
	{"GET number_orders/{id}", "200 order"},
	{"PATCH number_orders/{id}", "200 order"},
	{"GET number_orders", "200 orders"},
	{"GET number_order_phone_numbers/{id}", "200 number"},
	{"GET number_order_phone_numbers", "200 numbers"},
	{"GET sub_number_orders/{id}", "200 suborder"},
	{"GET sub_number_orders", "200 suborders"},
	{"PATCH sub_number_orders/{id}/cancel", "422 10027"},
}

var recordedID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// name is a recording's key in wants.
func (r recording) name() string {
	segments := strings.Split(strings.TrimPrefix(r.Path, "/v2/"), "/")
	if len(segments) > 1 {
		segments[1] = map[bool]string{true: "{id}", false: "{word}"}[recordedID.MatchString(segments[1])]
	}
	name := r.Method + " " + strings.Join(segments, "/")
	switch {
	case r.Headers["authorization"] == "":
		name += " nobody"
	case string(r.Body) == "{}":
		name += " {}"
	}
	query := strings.NewReplacer("%5B", "[", "%5D", "]").Replace(r.RawQuery)
	for _, odd := range []string{"only_reserved_numbers", "page[number]"} {
		if strings.HasPrefix(name, "GET available") && strings.Contains(query, odd) {
			name += " " + odd
		}
	}
	return name
}

// Each of the recorded requests, each on a door of its own on which what it speaks of
// is there.
func TestRecordedRequests(t *testing.T) {
	text, err := os.ReadFile("testdata/requests.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []recording
	if err := json.Unmarshal(text, &list); err != nil || len(list) != 70 {
		t.Fatal(err, len(list))
	}
	used := map[string]bool{}
	for i, r := range list {
		name := r.name()
		used[name] = true
		t.Run(fmt.Sprintf("%02d %s", i, name), func(t *testing.T) { replay(t, r, name) })
	}
	for _, w := range wants {
		if !used[w.request] {
			t.Errorf("%s stands for nothing recorded", w.request)
		}
	}
}

func replay(t *testing.T, rec recording, name string) {
	d := open(t)
	held := d.reserve(storetest.Acme, number("+13125550105"))
	placed := d.want(200, "acme-admin", "POST", "/v2/number_orders", naming(`,"customer_reference":"MY REF 001"`, "+13125550106"))
	ids := map[string]string{
		"number_reservations": held, "number_orders": placed.get("data.id"),
		"sub_number_orders": placed.get("data.sub_number_orders_ids.0"), "number_order_phone_numbers": placed.get("data.phone_numbers.0.id"),
	}
	if name == "GET number_reservations" { // something to be found
		d.want(200, "acme-admin", "POST", "/v2/number_reservations", naming(`,"customer_reference":"MY REF 001"`, "+13125550101"))
	}
	family := strings.Split(rec.Path, "/")[2]
	path := recordedID.ReplaceAllString(rec.Path, ids[family])
	query := recordedID.ReplaceAllString(rec.RawQuery, ids["number_orders"])
	// The recordings are of August; the clock here stands in November.
	query = strings.NewReplacer("2026-08-01", "2026-11-01", "2026-09-01", "2026-12-01").Replace(query)
	if query != "" {
		query = "?" + query
	}
	body := ""
	if string(rec.Body) != "null" {
		body = string(rec.Body)
	}
	r := httptest.NewRequest(rec.Method, "http://door.test"+path+query, strings.NewReader(body))
	for k, v := range rec.Headers {
		r.Header.Set(k, v)
	}
	if rec.Headers["authorization"] != "" {
		r.Header.Set("Authorization", "Bearer "+d.clients["acme-admin"].Key)
	}
	a := d.serve(r)
	want := ""
	for _, w := range wants {
		if w.request == name {
			want = w.answer
		}
	}
	status, shape, _ := strings.Cut(want, " ")
	if fmt.Sprint(a.Code) != status {
		t.Fatalf("%d, not %q: %s", a.Code, want, a.Body)
	}
	if a.Code != 200 {
		a.has(map[string]any{"errors.0.code": shape})
		return
	}
	shapes[shape](a)
	if rec.RawQuery != "" && strings.HasSuffix(shape, "s") && !strings.Contains(query, "pending") {
		pageTwo := strings.Contains(query, "number%5D=2") || strings.Contains(query, "number%5D=3") || strings.Contains(query, "number]=2") || strings.Contains(query, "page_number=2")
		if n := len(a.at("data").([]any)); (n == 0) != pageTwo {
			t.Errorf("%d found: %s", n, a.Body)
		}
	}
}

// shapes are what the contract says of each kind of answer.
var shapes = map[string]func(answer){
	"reservation": func(a answer) { reservationShape(a, a.at("data")) },
	"order":       func(a answer) { orderShape(a, a.at("data"), false) },
	"number":      func(a answer) { numberShape(a, a.at("data")) },
	"suborder":    func(a answer) { subOrderShape(a, a.at("data")) },
	"reservations": func(a answer) {
		listShape(a, func(v any) { reservationShape(a, v) })
	},
	"orders":    func(a answer) { listShape(a, func(v any) { orderShape(a, v, true) }) },
	"numbers":   func(a answer) { listShape(a, func(v any) { numberShape(a, v) }) },
	"suborders": func(a answer) { listShape(a, func(v any) { subOrderShape(a, v) }) },
	"available": availableShape,
}

func listShape(a answer, each func(any)) {
	a.t.Helper()
	for _, name := range []string{"page_number", "page_size", "total_pages", "total_results"} {
		if _, ok := a.at("meta." + name).(float64); !ok {
			a.t.Errorf("meta.%s is missing: %s", name, a.Body)
		}
	}
	list, ok := a.at("data").([]any)
	if !ok {
		a.t.Fatalf("no list: %s", a.Body)
	}
	for _, v := range list {
		each(v)
	}
}

var (
	uuidShape = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	timeShape = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
	tnShape   = regexp.MustCompile(`^\+1\d{10}$`)
)

// fields demands what the contract says of an object's fields: a pattern, a word, or
// what a value's Go type is.
func fields(a answer, v any, want map[string]any) map[string]any {
	a.t.Helper()
	o, ok := v.(map[string]any)
	if !ok {
		a.t.Fatalf("no object but %v: %s", v, a.Body)
	}
	for name, w := range want {
		got, there := o[name]
		good := there
		switch w := w.(type) {
		case *regexp.Regexp:
			s, _ := got.(string)
			good = w.MatchString(s)
		case string:
			good = got == w
		case []any: // any of these types
			good = false
			for _, t := range w {
				good = good || there && fmt.Sprintf("%T", t) == fmt.Sprintf("%T", got)
			}
		}
		if !good {
			a.t.Errorf("%s is %v, which is not %v: %.500s", name, got, w, a.Body)
		}
	}
	return o
}

var (
	textOrNull = []any{"", nil}
	anyNumber  = []any{1.0}
	anyBool    = []any{true}
	anyList    = []any{[]any{}}
)

func reservationShape(a answer, v any) {
	a.t.Helper()
	o := fields(a, v, map[string]any{
		"id": uuidShape, "record_type": "number_reservation", "status": regexp.MustCompile("^(success|partial_success)$"), "customer_reference": textOrNull,
		"errors": []any{""}, "created_at": timeShape, "updated_at": timeShape, "phone_numbers": anyList,
	})
	for _, n := range o["phone_numbers"].([]any) {
		n := fields(a, n, map[string]any{
			"id": uuidShape, "record_type": "reserved_phone_number", "phone_number": tnShape, "status": regexp.MustCompile("^(success|failure)$"),
			"errors": []any{""}, "created_at": timeShape, "updated_at": timeShape, "expired_at": textOrNull,
		})
		if at, ok := n["expired_at"].(string); n["status"] == "success" && (!ok || !timeShape.MatchString(at)) {
			a.t.Errorf("expired_at %v", n)
		}
	}
}

func orderShape(a answer, v any, listed bool) {
	a.t.Helper()
	o := fields(a, v, map[string]any{
		"id": uuidShape, "record_type": "number_order", "phone_numbers_count": anyNumber, "phone_numbers": anyList, "sub_number_orders_ids": anyList,
		"requirements_met": anyBool, "status": regexp.MustCompile("^(pending|success|failure)$"), "customer_reference": textOrNull, "connection_id": textOrNull,
		"messaging_profile_id": textOrNull, "billing_group_id": textOrNull, "created_at": timeShape, "updated_at": timeShape,
	})
	for _, n := range o["phone_numbers"].([]any) {
		if !listed {
			numberShape(a, n)
		} else if n := fields(a, n, map[string]any{"id": uuidShape, "phone_number": tnShape}); len(n) != 2 {
			a.t.Errorf("a listed number has %v", n)
		}
	}
}

func numberShape(a answer, v any) {
	a.t.Helper()
	fields(a, v, map[string]any{
		"id": uuidShape, "record_type": "number_order_phone_number", "phone_number": tnShape, "country_code": regexp.MustCompile("^(US|CA)$"),
		"phone_number_type": regexp.MustCompile("^(local|toll_free)$"), "regulatory_requirements": anyList, "requirements_met": anyBool,
		"requirements_status": "approved", "status": regexp.MustCompile("^(pending|success|failure)$"),
	})
}

func subOrderShape(a answer, v any) {
	a.t.Helper()
	fields(a, v, map[string]any{
		"id": uuidShape, "record_type": "sub_number_order", "order_request_id": uuidShape, "country_code": regexp.MustCompile("^(US|CA)$"),
		"phone_number_type": regexp.MustCompile("^(local|toll_free)$"), "phone_numbers_count": anyNumber, "regulatory_requirements": anyList,
		"requirements_met": anyBool, "status": regexp.MustCompile("^(pending|success|failure)$"), "created_at": timeShape, "updated_at": timeShape,
	})
}

func availableShape(a answer) {
	a.t.Helper()
	for _, name := range []string{"meta", "metadata"} {
		fields(a, a.at(name), map[string]any{"total_results": anyNumber, "best_effort_results": anyNumber})
	}
	for _, v := range a.at("data").([]any) {
		o := fields(a, v, map[string]any{
			"record_type": "available_phone_number", "phone_number": tnShape, "vanity_format": textOrNull, "best_effort": anyBool, "quickship": anyBool, "reservable": anyBool,
			"region_information": anyList, "cost_information": []any{map[string]any{}}, "features": anyList, "phone_number_type": regexp.MustCompile("^(local|toll_free)$"),
		})
		money := regexp.MustCompile(`^\d+\.\d{5}$`)
		fields(a, o["cost_information"], map[string]any{"upfront_cost": money, "monthly_cost": money, "currency": "USD"})
		for _, f := range o["features"].([]any) {
			fields(a, f, map[string]any{"name": []any{""}})
		}
		for _, r := range o["region_information"].([]any) {
			fields(a, r, map[string]any{"region_type": regexp.MustCompile("^(country_code|rate_center|state|location)$"), "region_name": []any{""}})
		}
	}
}
