package telnyx_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

const reservations = "/v2/number_reservations"

func TestCreate(t *testing.T) {
	d := open(t)
	d.reserve(storetest.Globex, number("9195552009"))
	a := d.want(200, "acme-admin", "POST", reservations, naming(`,"customer_reference":"MY REF 001","ttl_seconds":60,"status":"x","id":"x","expires_at":"2099-01-01T00:00:00Z","account":9500002`, "+19195552002", "+19195552001"))
	a.has(map[string]any{
		"data.record_type": "number_reservation", "data.status": "success", "data.state": "live", "data.customer_reference": "MY REF 001", "data.errors": "",
		"data.created_at": "2026-11-21T15:00:00.000000Z", "data.updated_at": "2026-11-21T15:00:00.000000Z",
		"data.phone_numbers.0.phone_number": "+19195552002", "data.phone_numbers.1.phone_number": "+19195552001",
		"data.phone_numbers.0.expired_at": "2026-11-21T19:00:00.000000Z", "data.phone_numbers.0.status": "success", "data.phone_numbers.0.errors": "",
	})
	id := a.get("data.id")
	d.want(200, "acme-admin", "GET", reservations+"/"+id, "").has(map[string]any{"data.phone_numbers.0.phone_number": "+19195552001", "data.phone_numbers.1.id": a.get("data.phone_numbers.0.id")})

	partly := d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552003", "+19195552009", "+19195552001"))
	partly.has(map[string]any{
		"data.status": "partial_success", "data.errors": "2 phone numbers of 3 could not be reserved", "data.customer_reference": nil,
		"data.phone_numbers.0.status": "success", "data.phone_numbers.1.status": "failure", "data.phone_numbers.2.status": "failure",
		"data.phone_numbers.1.errors": "Number is already on hold", "data.phone_numbers.1.expired_at": nil,
	})
	if s := partly.get("data.phone_numbers.2.errors"); !strings.Contains(s, id) {
		t.Errorf("the own reservation is not named: %s", s)
	}
	again := d.want(200, "acme-admin", "GET", reservations+"/"+partly.get("data.id"), "")
	again.has(map[string]any{"data.status": "partial_success", "data.phone_numbers.2.status": "failure", "data.phone_numbers.2.phone_number": "+19195552009", "data.phone_numbers.1.status": "success"})

	none := d.refused(409, "85006", "/phone_numbers/0/phone_number", "acme-admin", "POST", reservations, naming(`,"customer_reference":"x"`, "+19195552001", "+19195552009", "+13125559999"))
	none.has(map[string]any{"errors.1.source.pointer": "/phone_numbers/1/phone_number", "errors.2.source.pointer": "/phone_numbers/2/phone_number", "errors.2.code": "85006"})
	if s := none.get("errors.0.detail"); !strings.Contains(s, id) || !strings.Contains(s, "of this account") {
		t.Errorf("the own reservation is not named: %s", s)
	}
	taken, unknown := none.get("errors.1.detail"), none.get("errors.2.detail")
	if strings.ReplaceAll(taken, "(919) 555-2009", "X") != strings.ReplaceAll(unknown, "(312) 555-9999", "X") {
		t.Errorf("held and unknown differ: %q and %q", taken, unknown)
	}
	if s := d.refused(409, "85006", "", "acme-member", "POST", reservations, naming("", "+19195552001")).get("errors.0.detail"); strings.Contains(s, id) {
		t.Errorf("a member is told another client's reservation: %s", s)
	}
	d.refused(403, "10038", "", "initech-admin", "POST", reservations, naming("", "+19195552004"))
	checkBooks(t, d)
}

func checkBooks(t *testing.T, d *door) {
	t.Helper()
	if found, err := d.Check(ctx); err != nil || len(found) > 0 {
		t.Error(err, found)
	}
}

func TestCaps(t *testing.T) {
	d := open(t)
	p := tel.DefaultPolicy()
	p.MaxHeld, p.MaxPerReservation = 3, 2
	if err := d.SetPolicy(ctx, root, storetest.Acme, p); err != nil {
		t.Fatal(err)
	}
	d.refused(422, "10033", "/phone_numbers", "acme-admin", "POST", reservations, naming("", "+19195552001", "+19195552002", "+19195552003"))
	d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552001", "+19195552002"))
	d.refused(422, "85007", "", "acme-admin", "POST", reservations, naming("", "+19195552003", "+19195552004"))
}

// Extend to the limit, then what ended tells how.
func TestExtendAndEnd(t *testing.T) {
	d := open(t)
	a := d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552001", "+19195552002", "+19195552003"))
	at := reservations + "/" + a.get("data.id")
	d.Clock.Add(time.Minute)
	d.want(200, "acme-member", "POST", at+"/actions/extend", "").has(map[string]any{"data.phone_numbers.0.expired_at": "2026-11-21T23:00:00.000000Z", "data.phone_numbers.2.expired_at": "2026-11-21T23:00:00.000000Z", "data.updated_at": "2026-11-21T15:01:00.000000Z"})
	d.want(200, "acme-admin", "POST", at+"/actions/extend", "")
	d.refused(422, "85008", "", "acme-admin", "POST", at+"/actions/extend", "")
	d.Clock.Add(time.Minute)
	for _, path := range []string{"/phone_numbers/+19195552001", "/phone_numbers/%2B19195552002"} {
		d.want(200, "acme-admin", "DELETE", at+path, "")
	}
	one := d.want(200, "acme-admin", "GET", at, "")
	one.has(map[string]any{"data.status": "success", "data.state": "live", "data.phone_numbers.0.state": "cancelled", "data.phone_numbers.0.status": "success", "data.phone_numbers.0.expired_at": "2026-11-21T15:02:00.000000Z", "data.phone_numbers.2.state": "live"})
	d.refused(422, "10027", "", "acme-admin", "DELETE", at+"/phone_numbers/19195552003", "")
	d.refused(404, "10005", "", "acme-admin", "DELETE", at+"/phone_numbers/19195552001", "")
	d.refused(404, "10005", "", "acme-admin", "DELETE", at+"/phone_numbers/x", "")
	d.want(200, "acme-member", "DELETE", at, "").has(map[string]any{"data.state": "cancelled", "data.status": "success"})
	for _, again := range [][2]string{{"DELETE", at}, {"POST", at + "/actions/extend"}, {"DELETE", at + "/phone_numbers/19195552003"}} {
		d.refused(422, "10027", "", "acme-admin", again[0], again[1], "")
	}
	b := d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552004"))
	d.Clock.Add(4 * time.Hour)
	at = reservations + "/" + b.get("data.id")
	d.want(200, "acme-admin", "GET", at, "").has(map[string]any{"data.state": "expired", "data.phone_numbers.0.state": "expired", "data.phone_numbers.0.expired_at": "2026-11-21T19:02:00.000000Z", "data.updated_at": "2026-11-21T19:02:00.000000Z"})
	if s := d.refused(422, "10027", "", "acme-admin", "POST", at+"/actions/extend", "").get("errors.0.detail"); !strings.Contains(s, "21 November 2026 at 19:02:00 UTC") {
		t.Error(s)
	}
	checkBooks(t, d)
}

// What comes again byte for byte from the same client is answered as before; all else
// meets its own hold.
func TestRepeats(t *testing.T) {
	for _, c := range []struct{ path, taken string }{{reservations, "85006"}, {"/v2/number_orders", "85001"}} {
		t.Run(c.path, func(t *testing.T) { repeats(t, c.path, c.taken) })
	}
}

func repeats(t *testing.T, path, taken string) {
	d := open(t)
	body := naming(`,"customer_reference":"a"`, "+19195552001", "+19195552002")
	ask := func(who, body string, headers ...string) answer {
		r := d.request(who, "POST", path, body)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return d.serve(r)
	}
	first := ask("acme-admin", body).get("data.id")
	same := func(what string, a answer) {
		t.Helper()
		if a.Code != 200 || a.get("data.id") != first {
			t.Errorf("%s: %d %s", what, a.Code, a.Body)
		}
	}
	refused := func(what string, a answer) {
		t.Helper()
		if a.Code != 409 || a.at("errors.0.code") != taken {
			t.Errorf("%s: %d %s", what, a.Code, a.Body)
		}
	}
	same("at once", ask("acme-admin", body))
	d.Clock.Add(time.Minute)
	same("within a minute", ask("acme-admin", body, "X-Stainless-Retry-Count", "0"))
	d.Clock.Add(time.Microsecond)
	refused("after a minute", ask("acme-admin", body))
	refused("retry count 0", ask("acme-admin", body, "X-Stainless-Retry-Count", "0"))
	refused("retry count of nonsense", ask("acme-admin", body, "X-Stainless-Retry-Count", "x"))
	same("a retry", ask("acme-admin", body, "X-Stainless-Retry-Count", "1"))
	refused("another byte", ask("acme-admin", body+" ", "X-Stainless-Retry-Count", "1"))
	refused("another client", ask("acme-other", body, "X-Stainless-Retry-Count", "1"))
	refused("another account", ask("globex-admin", body, "X-Stainless-Retry-Count", "1"))
	refused("a key that is new", ask("acme-admin", body, "Idempotency-Key", "k", "X-Stainless-Retry-Count", "1"))

	keyed := naming("", "+19195552003")
	first = ask("acme-admin", keyed, "Idempotency-Key", "k").get("data.id")
	d.Clock.Add(3 * time.Hour)
	same("the key", ask("acme-admin", keyed, "Idempotency-Key", "k"))
	if a := ask("acme-admin", naming("", "+19195552004"), "Idempotency-Key", "k"); a.Code != 409 || a.at("errors.0.code") != "10027" {
		t.Errorf("other content: %d %s", a.Code, a.Body)
	}
	refused("another client's key", ask("acme-other", keyed, "Idempotency-Key", "k"))
	if a := ask("acme-admin", keyed, "Idempotency-Key", strings.Repeat("k", 256)); a.Code != 400 {
		t.Errorf("a long key: %d", a.Code)
	}
	checkBooks(t, d)
}

func TestList(t *testing.T) {
	d := open(t)
	d.reserve(storetest.Globex, number("9195552900"))
	var ids []string
	for i := range 45 {
		more := ""
		if i%3 == 0 {
			more = `,"customer_reference":"MY REF"`
		}
		tns := []string{fmt.Sprintf("+1919555%04d", 2000+i)}
		if i%5 == 0 {
			tns = append(tns, "+19195552900")
		}
		ids = append(ids, d.want(200, "acme-admin", "POST", reservations, naming(more, tns...)).get("data.id"))
		d.Clock.Add(time.Second)
	}
	d.want(200, "acme-admin", "DELETE", reservations+"/"+ids[44], "")
	for _, c := range []struct {
		query                             string
		number, size, pages, total, shown int
		first                             int // index in ids
	}{
		{"", 1, 20, 3, 45, 20, 44},
		{"page[number]=3", 3, 20, 3, 45, 5, 4},
		{"page%5Bnumber%5D=2&page%5Bsize%5D=44", 2, 44, 2, 45, 1, 0},
		{"page_number=2&page_size=10", 2, 10, 5, 45, 10, 34},
		{"page[size]=250", 1, 250, 1, 45, 45, 44},
		{"page[number]=4", 4, 20, 3, 45, 0, 0},
		{"page[number]=1000000000&page[size]=250", 1000000000, 250, 1, 45, 0, 0},
		{"filter[status]=success", 1, 20, 2, 36, 20, 44},
		{"filter[status]=partial_success", 1, 20, 1, 9, 9, 40},
		{"filter[status]=failure", 1, 20, 0, 0, 0, 0},
		{"filter[customer_reference]=MY+REF", 1, 20, 1, 15, 15, 42},
		{"filter[customer_reference]=MY%20REF&filter[status]=partial_success", 1, 20, 1, 3, 3, 30},
		{"filter[customer_reference]=", 1, 20, 0, 0, 0, 0},
		{"filter[customer_reference]=my+ref", 1, 20, 0, 0, 0, 0},
		{"filter[phone_numbers.phone_number]=%2B19195552007", 1, 20, 1, 1, 1, 7},
		{"filter[phone_numbers.phone_number]=+19195552007,+19195552044", 1, 20, 1, 2, 2, 44},
		{"filter[phone_numbers.phone_number][]=19195552007&filter[phone_numbers.phone_number][]=19195552008", 1, 20, 1, 2, 2, 8},
		{"filter[phone_numbers.phone_number]=%2B19195552900", 1, 20, 0, 0, 0, 0},
		{"filter[created_at][gt]=2026-11-21T15:00:40Z", 1, 20, 1, 4, 4, 44},
		{"filter[created_at][gt]=2026-11-21T15:00:39.9999999Z", 1, 20, 1, 5, 5, 44},
		{"filter[created_at][lt]=2026-11-21T15:00:05Z", 1, 20, 1, 5, 5, 4},
		{"filter[created_at][lt]=2026-11-21T15:00:05.0000001Z", 1, 20, 1, 6, 6, 5},
		{"filter[created_at][gt]=2026-11-21&filter[created_at][lt]=2026-11-21T10:00:05-05:00", 1, 20, 1, 5, 5, 4},
	} {
		a := d.want(200, "acme-admin", "GET", reservations+"?"+c.query, "")
		shapes["reservations"](a)
		list := a.at("data").([]any)
		a.has(map[string]any{"meta.page_number": float64(c.number), "meta.page_size": c.size, "meta.total_pages": c.pages, "meta.total_results": c.total})
		if len(list) != c.shown {
			t.Errorf("%s: %d are shown", c.query, len(list))
		} else if c.shown > 0 && a.get("data.0.id") != ids[c.first] {
			t.Errorf("%s: begins with the wrong one", c.query)
		}
	}
	for query, code := range map[string]string{
		"filter[nonsense]=1": "10031", "filter=1": "10031", "filter[status]=x": "10031", "filter[status]=success&filter[status]=success": "10031",
		"filter[created_at]=2026-01-01": "10031", "filter[created_at][gt]=yesterday": "10031", "filter[phone_numbers.phone_number]=x": "10031",
		"filter[phone_numbers.phone_number]=": "10031", "filter[phone_numbers.phone_number]=%2B4420794600": "10031", "filter[customer_reference]=%ff": "10031", "filter[customer_reference]=a%00": "10031",
		"page[size]=251": "10015", "page[size]=0": "10015", "page[number]=0": "10015", "page[number]=x": "10015", "page[number]=-1": "10015", "page[number]=99999999999999999999": "10015", "page[number]=1&page[number]=2": "10015",
		"sort=-created_at": "10015", "a;b": "10015", "%zz": "10015", "x%0a=1": "10015",
		"filter[phone_numbers.phone_number]=" + strings.Repeat("19195552000,", 101): "10031",
	} {
		source := ""
		if name, _, _ := strings.Cut(query, "="); strings.HasPrefix(query, "filter") {
			source, _ = url.QueryUnescape(name)
		}
		d.refused(400, code, source, "acme-admin", "GET", reservations+"?"+query, "")
	}
	d.refused(403, "10010", "", "acme-member", "GET", reservations, "")
	d.want(200, "globex-admin", "GET", reservations, "").has(map[string]any{"meta.total_results": 1})
}

// A reservation is the same through every door.
func TestSameReservations(t *testing.T) {
	d := open(t)
	out, err := d.Reserve(ctx, storetest.Actor(tel.RoleAdmin, storetest.Acme), tel.ReserveRequest{Account: storetest.Acme, TNs: []tel.Number{number("9195552001")}, CustomerReference: "dashboard"})
	if err != nil {
		t.Fatal(err)
	}
	d.want(200, "acme-member", "GET", reservations+"/"+strings.ToUpper(out.Reservation.ID), "").has(map[string]any{"data.customer_reference": "dashboard"})
	id := d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552002")).get("data.id")
	r, err := d.Reservation(ctx, root, id)
	if err != nil || r.CreatedBy.Door != "telnyx" || r.CreatedBy.ID != d.clients["acme-admin"].ID {
		t.Errorf("%v %+v", err, r)
	}
	if got, err := d.List(ctx, storetest.Actor(tel.RoleAdmin, storetest.Acme), store.ListQuery{Account: storetest.Acme, Limit: 9}); err != nil || len(got.Rows) != 2 {
		t.Error(got, err)
	}
}

// A retry of an extend, or one under the same key, counts once; any other counts.
func TestRepeatedExtend(t *testing.T) {
	d := open(t)
	at := reservations + "/" + d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552001")).get("data.id") + "/actions/extend"
	other := reservations + "/" + d.want(200, "acme-admin", "POST", reservations, naming("", "+19195552002")).get("data.id") + "/actions/extend"
	ask := func(who, path string, headers ...string) answer {
		r := d.request(who, "POST", path, "")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return d.serve(r)
	}
	until := func(what, hour string, a answer) {
		t.Helper()
		if a.Code != 200 || a.at("data.phone_numbers.0.expired_at") != "2026-11-21T"+hour+":00:00.000000Z" {
			t.Errorf("%s: %d %s", what, a.Code, a.Body)
		}
	}
	ended := "2026-11-22T03:00:00.000000Z"
	until("a retry of what never arrived", "23", ask("acme-admin", at, "X-Stainless-Retry-Count", "1"))
	until("its retry", "23", ask("acme-admin", at, "X-Stainless-Retry-Count", "2"))
	d.Clock.Add(90 * time.Second)
	until("a late one", "23", ask("acme-admin", at, "X-Stainless-Retry-Count", "2"))
	for _, who := range []string{"acme-other", "acme-admin", "globex-admin"} {
		a := ask(who, at, "X-Stainless-Retry-Count", "1")
		want := map[string]int{"acme-other": 200, "acme-admin": 200, "globex-admin": 404}[who]
		if a.Code != want || want == 200 && a.at("data.phone_numbers.0.expired_at") != ended {
			t.Errorf("%s: %d %s", who, a.Code, a.Body)
		}
	}
	d.Clock.Add(time.Microsecond)
	if a := ask("acme-admin", at); a.Code != 422 || a.at("errors.0.code") != "85008" {
		t.Errorf("at the limit: %d %s", a.Code, a.Body)
	}

	until("a key", "23", ask("acme-admin", other, "Idempotency-Key", "k"))
	until("the key again", "23", ask("acme-admin", other, "Idempotency-Key", "k", "X-Stainless-Retry-Count", "1"))
	if a := ask("acme-admin", at, "Idempotency-Key", "k"); a.Code != 409 || a.at("errors.0.code") != "10027" {
		t.Errorf("the key of another: %d %s", a.Code, a.Body)
	}
	if a := ask("acme-other", other, "Idempotency-Key", "k"); a.Code != 200 || a.at("data.phone_numbers.0.expired_at") != ended {
		t.Errorf("another client's key: %d %s", a.Code, a.Body)
	}
	d.want(200, "acme-admin", "DELETE", strings.TrimSuffix(other, "/actions/extend"), "")
	if a := ask("acme-admin", other, "X-Stainless-Retry-Count", "1"); a.Code != 422 {
		t.Errorf("a retry after the end: %d %s", a.Code, a.Body)
	}
	checkBooks(t, d)
}
