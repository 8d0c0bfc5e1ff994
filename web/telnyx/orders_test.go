package telnyx_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/telnyx"
)

const orders = "/v2/number_orders"

// A retry of an order whose TNs were disconnected since is answered as before; what does
// not say that it is one orders them anew.
func TestRetryAfterDisconnect(t *testing.T) {
	d := open(t)
	body := naming("", "+19195552001")
	first := d.want(200, "acme-admin", "POST", orders, body).get("data.id")
	if _, err := d.Disconnect(ctx, storetest.Actor(tel.RoleAdmin, storetest.Acme), tel.OrderRequest{Account: storetest.Acme, TNs: []tel.Number{number("9195552001")}}); err != nil {
		t.Fatal(err)
	}
	r := d.request("acme-admin", "POST", orders, body)
	r.Header.Set("X-Stainless-Retry-Count", "1")
	if a := d.serve(r); a.Code != 200 || a.get("data.id") != first {
		t.Errorf("a retry: %d %s", a.Code, a.Body)
	}
	if again := d.want(200, "acme-admin", "POST", orders, body).get("data.id"); again == first {
		t.Error("an order that lost its TNs is answered again")
	}
	checkBooks(t, d)
}

func TestOrders(t *testing.T) {
	d := open(t)
	d.reserve(storetest.Globex, number("9195552009"))
	held := d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552001", "+19195552002")).get("data.id")
	a := d.want(200, "acme-admin", "POST", orders, naming(`,"customer_reference":"R","connection_id":"c","messaging_profile_id":"m","billing_group_id":"b","status":"pending","id":"x","account_id":9500002`, "+19195552001", "+18005556001", "+14165550001"))
	orderShape(a, a.at("data"), false)
	a.has(map[string]any{
		"data.status": "success", "data.phone_numbers_count": 3, "data.customer_reference": "R", "data.connection_id": "c", "data.messaging_profile_id": "m", "data.billing_group_id": "b",
		"data.phone_numbers.0.phone_number": "+14165550001", "data.phone_numbers.0.country_code": "CA", "data.phone_numbers.0.status": "success",
		"data.phone_numbers.1.phone_number": "+18005556001", "data.phone_numbers.1.phone_number_type": "toll_free",
		"data.phone_numbers.1.sub_number_order_id": a.get("data.sub_number_orders_ids.1"), "data.phone_numbers.2.sub_number_order_id": a.get("data.sub_number_orders_ids.0"),
	})
	id := a.get("data.id")
	d.want(200, "acme-admin", "GET", reservations+"/"+held, "").has(map[string]any{"data.phone_numbers.0.state": "ordered", "data.phone_numbers.1.state": "live"})
	d.want(200, "acme-member", "GET", orders+"/"+id, "").has(map[string]any{"data.id": id})

	// Refusals leave no order.
	none := d.refused(409, "10027", "/phone_numbers/0/phone_number", "acme-admin", "POST", orders, naming("", "+13125559999", "+19195552009", "+19195552003"))
	none.has(map[string]any{"errors.1.code": "85001", "errors.1.source.pointer": "/phone_numbers/1/phone_number", "errors.2": nil})
	d.refused(422, "10027", "/phone_numbers/0/phone_number", "acme-admin", "POST", orders, naming("", "+13125559999"))
	if err := d.Disable(ctx, root, number("9195552008")); err != nil {
		t.Fatal(err)
	}
	for _, tn := range []string{"+19195552009", "+19195552001", "+19195552008"} {
		if got := d.refused(409, "85001", "", "acme-other", "POST", orders, naming("", tn)).get("errors.0.detail"); got != number(tn).String()+" is not available." {
			t.Error(got)
		}
	}
	d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552005"))
	d.refused(409, "85001", "", "acme-member", "POST", orders, naming("", "+19195552005")) // not the member's hold
	d.refused(409, "85001", "", "acme-member", "POST", orders, naming("", "+19195552006")) // a free one
	d.want(200, "acme-member", "POST", reservations, naming("", "+19195552007"))
	d.want(200, "acme-member", "POST", orders, naming("", "+19195552007"))
	d.Clock.Add(5 * time.Hour)
	d.want(200, "globex-admin", "POST", orders, naming("", "+19195552005"))
	if got := d.refused(409, "85001", "", "acme-admin", "POST", orders, naming("", "+19195552005")).get("errors.0.detail"); !strings.Contains(got, "ran out on 21 November 2026 at 19:00:00 UTC") {
		t.Error(got)
	}

	d.want(200, "acme-admin", "PATCH", orders+"/"+id, `{"customer_reference":"NEW","phone_numbers":[],"status":"failure"}`).has(map[string]any{"data.customer_reference": "NEW", "data.status": "success"})
	d.want(200, "acme-admin", "PATCH", orders+"/"+id, `{}`).has(map[string]any{"data.customer_reference": "NEW"})
	d.want(200, "acme-admin", "PATCH", orders+"/"+id, `{"customer_reference":null}`).has(map[string]any{"data.customer_reference": nil})
	d.refused(422, "10026", "/customer_reference", "acme-admin", "PATCH", orders+"/"+id, `{"customer_reference":7}`)
	d.refused(422, "10027", "/customer_reference", "acme-admin", "PATCH", orders+"/"+id, `{"customer_reference":"`+strings.Repeat("x", 101)+`"}`)

	list := d.want(200, "acme-admin", "GET", orders, "")
	shapes["orders"](list)
	list.has(map[string]any{"meta.total_results": 2, "data.1.id": id, "data.1.phone_numbers.0.id": a.get("data.phone_numbers.0.id")})
	for query, want := range map[string]int{"filter[phone_numbers_count]=3": 1, "filter[status]=success": 2, "filter[status]=failure": 0, "filter[status]=pending": 0, "filter[requirements_met]=true": 2, "filter[requirements_met]=false": 0,
		"filter[customer_reference]=R": 0, "filter[customer_reference]=": 0, "filter[created_at][gt]=2027-01-01T00:00:00Z": 0, "page[number]=2": 2} {
		d.want(200, "acme-admin", "GET", orders+"?"+query, "").has(map[string]any{"meta.total_results": want})
	}
	d.refused(400, "10031", "filter[requirements_met]", "acme-admin", "GET", orders+"?filter[requirements_met]=maybe", "")
	for _, path := range []string{orders, "/v2/number_order_phone_numbers", "/v2/sub_number_orders"} {
		d.refused(403, "10010", "", "acme-member", "GET", path, "")
	}
	checkBooks(t, d)
}

// The parts of orders are found by their ids, which stay.
func TestOrderParts(t *testing.T) {
	d := open(t)
	a := d.want(200, "acme-admin", "POST", orders, naming("", "+19195552001", "+18005556001", "+19195552002"))
	id := a.get("data.id")
	for i := range 3 {
		n := a.at(fmt.Sprintf("data.phone_numbers.%d", i)).(map[string]any)
		d.want(200, "acme-member", "GET", "/v2/number_order_phone_numbers/"+strings.ToUpper(n["id"].(string)), "").has(map[string]any{"data.phone_number": n["phone_number"], "data.order_request_id": id})
	}
	for _, other := range []string{a.get("data.id"), a.get("data.sub_number_orders_ids.0"), telnyx.PartID(id, 19195552003), "x", "12ade33a-21c0-473b-b055-000000003001"} {
		d.refused(404, "10005", "", "acme-admin", "GET", "/v2/number_order_phone_numbers/"+other, "")
	}
	list := d.want(200, "acme-admin", "GET", "/v2/number_order_phone_numbers?filter[country_code]=us&page[size]=2", "")
	shapes["numbers"](list)
	list.has(map[string]any{"meta.total_results": 3, "meta.total_pages": 2, "data.0.phone_number": "+18005556001"})
	d.want(200, "acme-admin", "GET", "/v2/number_order_phone_numbers?filter[country_code]=GB", "").has(map[string]any{"meta.total_results": 0, "meta.total_pages": 0})
	for _, at := range []string{"GET public_key", "POST number_orders", "PATCH number_orders/x", "DELETE number_reservations/x", "POST number_reservations/x/actions/extend"} {
		method, path, _ := strings.Cut(at, " ")
		d.want(400, "acme-admin", method, "/v2/"+path+"?dry_run=true", "").has(map[string]any{"errors.0.code": "10015"})
	}
	for _, list := range []string{"number_order_phone_numbers", "sub_number_orders"} { // where the two are not told apart
		d.want(400, "acme-admin", "GET", "/v2/"+list+"?filter[country_code]=CA", "").has(map[string]any{"errors.0.code": "10031"})
	}

	local := a.get("data.sub_number_orders_ids.0")
	sub := d.want(200, "acme-member", "GET", "/v2/sub_number_orders/"+local+"?filter[include_phone_numbers]=true", "")
	subOrderShape(sub, sub.at("data"))
	sub.has(map[string]any{"data.phone_number_type": "local", "data.phone_numbers_count": 2, "data.order_request_id": id, "data.phone_numbers.1.phone_number": "+19195552002"})
	d.want(200, "acme-admin", "GET", "/v2/sub_number_orders/"+local, "").has(map[string]any{"data.phone_numbers": nil})
	d.refused(404, "10005", "", "acme-admin", "GET", "/v2/sub_number_orders/"+id, "")
	subs := d.want(200, "acme-admin", "GET", "/v2/sub_number_orders?filter[include_phone_numbers]=true&filter[status]=success&filter[order_request_id]="+id, "")
	shapes["suborders"](subs)
	subs.has(map[string]any{"meta.total_results": 2, "data.0.phone_number_type": "local", "data.1.phone_number_type": "toll_free", "data.1.phone_numbers_count": 1})
	// Without its numbers each is the same otherwise.
	toronto := d.want(200, "acme-admin", "POST", orders, naming("", "+14165550001", "+18005556002"))
	some := "/v2/sub_number_orders?filter[order_request_id]=" + toronto.get("data.id")
	with, without := d.want(200, "acme-admin", "GET", some+"&filter[include_phone_numbers]=true", ""), d.want(200, "acme-admin", "GET", some, "")
	without.has(map[string]any{"meta.total_results": 2, "data.0.country_code": "CA", "data.0.phone_numbers_count": 1, "data.0.phone_numbers": nil, "data.1.country_code": "US"})
	for _, s := range with.at("data").([]any) {
		delete(s.(map[string]any), "phone_numbers")
	}
	if !reflect.DeepEqual(with.body, without.body) {
		t.Errorf("%v\n%v", with.body, without.body)
	}
	for query, want := range map[string]int{"filter[phone_number_type]=toll_free": 2, "filter[phone_number_type]=mobile": 0, "filter[phone_numbers_count]=2": 1, "filter[country_code]=GB": 0, "filter[status]=pending": 0} {
		d.want(200, "acme-admin", "GET", "/v2/sub_number_orders?"+query, "").has(map[string]any{"meta.total_results": want})
	}
	if s := d.refused(422, "10027", "", "acme-admin", "PATCH", "/v2/sub_number_orders/"+local+"/cancel", "").get("errors.0.detail"); !strings.Contains(s, "settled") {
		t.Error(s)
	}

	q := tel.NewQuery()
	q.City = "Raleigh"
	waits, err := d.PlaceOrder(ctx, storetest.Actor(tel.RoleAdmin, storetest.Acme), tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindSearch, Search: &tel.OrderSearch{Query: q, Quantity: 4000}, PartialAllowed: true, BackOrder: true})
	if err != nil {
		t.Fatal(err)
	}
	got := d.want(200, "acme-admin", "GET", orders+"/"+waits.ID, "")
	got.has(map[string]any{"data.status": "pending", "data.phone_numbers_count": 4000})
	d.want(200, "acme-admin", "GET", "/v2/sub_number_orders?filter[status]=pending", "").has(map[string]any{"meta.total_results": 1, "data.0.phone_numbers_count": 4000})
	d.want(200, "acme-admin", "PATCH", "/v2/sub_number_orders/"+got.get("data.sub_number_orders_ids.0")+"/cancel", "").has(map[string]any{"data.status": "success"})
	d.refused(422, "10027", "", "acme-admin", "PATCH", "/v2/sub_number_orders/"+got.get("data.sub_number_orders_ids.0")+"/cancel", "")
	x, err := d.Disconnect(ctx, storetest.Actor(tel.RoleAdmin, storetest.Acme), tel.OrderRequest{Account: storetest.Acme, TNs: []tel.Number{number("9195552001")}})
	if err != nil {
		t.Fatal(err)
	}
	d.refused(404, "10005", "", "acme-admin", "GET", orders+"/"+x.ID, "")
	d.refused(404, "10005", "", "acme-admin", "PATCH", orders+"/"+x.ID, `{"customer_reference":"x"}`)
	d.refused(404, "10005", "", "acme-admin", "GET", "/v2/number_order_phone_numbers/"+telnyx.PartID(x.ID, 19195552001), "")
}

func TestPartIDs(t *testing.T) {
	const whole = "12ade33a-21c0-473b-b055-b3c836e1c292"
	for _, n := range []uint64{0, 1, 2, 19195552001, 999_999_999_999_999, 1<<62 - 1} {
		id := telnyx.PartID(whole, n)
		if got, ok := telnyx.PartOf(id); !ok || got != n || !uuidShape.MatchString(id) || id[:18] != whole[:18] {
			t.Errorf("%d is %s and reads as %d", n, id, got)
		}
	}
	for _, id := range []string{"", "x", "12ade33a-21c0-473b-0055-b3c836e1c292", "12ade33a-21c0-473b-c055-b3c836e1c292"} {
		if n, ok := telnyx.PartOf(id); ok {
			t.Errorf("%s is part %d", id, n)
		}
	}
}

const available = "/v2/available_phone_numbers"

// A search whose time is up before it found anything does not say that there is nothing.
func TestLateSearch(t *testing.T) {
	d := open(t)
	if status := telnyx.SearchLate(d.Store.Store, storetest.Actor(tel.RoleMember, storetest.Acme)); status != 503 {
		t.Error(status)
	}
}

func TestSearch(t *testing.T) {
	d := open(t)
	d.reserve(storetest.Acme, number("9195552001"))
	for _, c := range []struct {
		query             string
		found, bestEffort int
		like              string // in each number that is no best effort
	}{
		{"", 100, 0, "+1"},
		{"filter[limit]=3", 3, 0, "+1"},
		{"filter[country_code]=US&filter[national_destination_code]=919&filter[limit]=250", 250, 0, "+1919"},
		{"filter[country_code]=CA&filter[limit]=5", 5, 0, "+1416"},
		{"filter[country_code]=GB", 0, 0, ""},
		{"filter[phone_number][starts_with]=3125550&filter[phone_number][ends_with]=7&filter[phone_number][contains]=55500", 10, 0, "+312555"},
		{"filter[phone_number][ends_with]=2001&filter[national_destination_code]=919", 0, 0, ""},
		{"filter[locality]=chicago&filter[administrative_area]=il&filter[rate_center]=CHICAGO&filter[limit]=2", 2, 0, "+1312"},
		{"filter[phone_number_type]=toll_free&filter[limit]=2", 2, 0, "+1800"},
		{"filter[phone_number_type]=local&filter[phone_number][starts_with]=800", 0, 0, ""},
		{"filter[phone_number_type]=mobile", 0, 0, ""},
		{"filter[features]=sms,voice&filter[administrative_area]=IL&filter[limit]=1", 1, 0, "+1312"},
		{"filter[features]=voice&filter[features]=sms&filter[national_destination_code]=984", 0, 0, ""},
		{"filter[features][]=voice&filter%5Bfeatures%5D%5B%5D=sms&filter[administrative_area]=IL&filter[limit]=1", 1, 0, "+1312"},
		{"filter[features]=fax", 0, 0, ""},
		{"filter[consecutive]=10&filter[limit]=10&filter[national_destination_code]=212", 10, 0, "+1212"},
		{"filter[locality]=Chicago&filter[phone_number][ends_with]=2555&filter[best_effort]=true", 1, 1, ""},
		{"filter[locality]=Chicago&filter[phone_number][ends_with]=2555&filter[best_effort]=false", 0, 0, ""},
		{"filter[national_destination_code]=984&filter[phone_number][ends_with]=011&filter[best_effort]=true&filter[limit]=3", 3, 2, "+1984"},
		{"filter[quickship]=true&filter[reservable]=true&filter[exclude_held_numbers]=true&filter[limit]=1", 1, 0, "+1"},
	} {
		a := d.want(200, "acme-member", "GET", available+"?"+c.query, "")
		availableShape(a)
		a.has(map[string]any{"meta.total_results": c.found, "metadata.total_results": c.found, "meta.best_effort_results": c.bestEffort})
		list := a.at("data").([]any)
		if len(list) != c.found {
			t.Errorf("%s: %d found", c.query, len(list))
		}
		seen := map[any]bool{}
		for i := range list {
			tn := a.get(fmt.Sprintf("data.%d.phone_number", i))
			if best := a.at(fmt.Sprintf("data.%d.best_effort", i)) == true; best != (i >= c.found-c.bestEffort) || seen[tn] || !best && !strings.HasPrefix(tn, strings.Replace(c.like, "+312", "+1312", 1)) {
				t.Errorf("%s: %s", c.query, tn)
			}
			seen[tn] = true
		}
	}
	d.want(200, "acme-admin", "GET", available+"?filter[phone_number][starts_with]=3125550100", "").has(map[string]any{
		"data.0.cost_information.monthly_cost": "1.00000", "data.0.features": "[map[name:sms] map[name:voice]]",
		"data.0.region_information": "[map[region_name:US region_type:country_code] map[region_name:CHICAGO region_type:rate_center] map[region_name:IL region_type:state] map[region_name:Chicago region_type:location]]",
	})
	for _, query := range []string{
		"filter[only_reserved_numbers]=true", "filter[zip]=1", "filter[country_code]=USA", "filter[limit]=0", "filter[limit]=251", "filter[limit]=x", "filter[best_effort]=1", "filter[quickship]=yes",
		"filter[administrative_area]=Illinois", "filter[national_destination_code]=31", "filter[national_destination_code]=911", "filter[national_destination_code]=800&filter[phone_number_type]=local",
		"filter[phone_number_type]=x", "filter[features]=a/b", "filter[features]=a,a,a,a,a,a,a,a,a,a,a", "filter[consecutive]=1001", "filter[consecutive]=0", "filter[locality]=" + strings.Repeat("x", 101),
		"filter[phone_number][contains]=12345678901", "filter[phone_number][contains]=????", "filter[phone_number][contains]=1????2", "filter[phone_number][starts_with]=%2B1312", "filter[phone_number]=312", "filter[locality]=a&filter[locality]=b",
	} {
		d.refused(400, "10031", "", "acme-admin", "GET", available+"?"+query, "")
	}
	d.refused(400, "10015", "page[number]", "acme-admin", "GET", available+"?page[number]=2&page[size]=5", "")
}

// A page of orders of thousands of numbers each is bounded; the usual page always has
// room, whatever an order holds.
func TestLargeOrdersList(t *testing.T) {
	d := open(t)
	for i := range 26 {
		d.want(200, "acme-admin", "POST", orders, naming("", fmt.Sprintf("+1919555%04d", 2100+i)))
	}
	_, err := storetest.Connect(t, d.Path).Exec(fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO order_tn (order_seq, tn, at, code, message) SELECT seq, 13125550000 + i, 0, '', '' FROM orders, n`, tel.MostPerOrder-1))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{orders + "?", "/v2/sub_number_orders?filter[include_phone_numbers]=true&"} {
		d.refused(400, "10015", "page[size]", "acme-admin", "GET", path+"page[size]=250", "")
		d.want(200, "acme-admin", "GET", path+"page[size]=20", "").has(map[string]any{"meta.total_results": 26, "meta.total_pages": 2})
	}
}
