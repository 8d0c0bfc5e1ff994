package telnyx_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/telnyx"
)

// belongings are things of one account, or of none.
type belongings struct {
	reservation, order, line, sub string
	held, sold, aging             string // TNs
	reference                     string
}

// furnish gives Globex one of everything.
func furnish(d *door) belongings {
	d.t.Helper()
	b := belongings{held: "+19195552500", sold: "+19195552501", aging: "+19195552502", reference: "THEIRS"}
	b.reservation = d.want(200, "globex-admin", "POST", reservations, naming(`,"customer_reference":"THEIRS"`, b.held)).get("data.id")
	o := d.want(200, "globex-admin", "POST", orders, naming(`,"customer_reference":"THEIRS"`, b.sold, b.aging))
	b.order, b.line, b.sub = o.get("data.id"), o.get("data.phone_numbers.0.id"), o.get("data.sub_number_orders_ids.0")
	if _, err := d.Disconnect(ctx, storetest.Actor(tel.RoleAdmin, storetest.Globex), tel.OrderRequest{Account: storetest.Globex, TNs: []tel.Number{number(b.aging)}}); err != nil {
		d.t.Fatal(err)
	}
	return b
}

// nothing is what belongs to nobody: disabled TNs, which are as little to be had.
func nothing(d *door) belongings {
	d.t.Helper()
	b := belongings{reservation: uuid.NewString(), order: uuid.NewString(), held: "+19195552600", sold: "+19195552601", aging: "+19195552602", reference: "NOBODYS"}
	b.line, b.sub = telnyx.PartID(b.order, uint64(number(b.sold))), telnyx.PartID(b.order, 1)
	for _, tn := range []string{b.held, b.sold, b.aging} {
		if err := d.Disable(ctx, root, number(tn)); err != nil {
			d.t.Fatal(err)
		}
	}
	return b
}

// questions are what can be asked of a route about belongings: paths and bodies.
func questions(method, pattern string, b belongings) (list [][2]string) {
	ask := func(path, body string) { list = append(list, [2]string{"/v2/" + path, body}) }
	switch method + " " + pattern {
	case "POST number_reservations", "POST number_orders":
		for _, tn := range []string{b.held, b.sold, b.aging} {
			ask(pattern, naming("", tn))
		}
		ask(pattern, naming(`,"id":"`+b.reservation+`","reservation_id":"`+b.reservation+`"`, b.held, b.sold, b.aging))
	case "GET number_reservations":
		ask(pattern+"?filter[customer_reference]="+b.reference, "")
		for _, tn := range []string{b.held, b.sold, b.aging} {
			ask(pattern+"?filter[phone_numbers.phone_number]="+tn, "")
		}
	case "GET number_orders":
		ask(pattern+"?filter[customer_reference]="+b.reference, "")
	case "GET sub_number_orders":
		ask(pattern+"?filter[order_request_id]="+b.order, "")
	case "GET number_order_phone_numbers":
		ask(pattern, "")
	case "GET available_phone_numbers":
		for _, tn := range []string{b.held, b.sold, b.aging} {
			ask(pattern+"?filter[phone_number][starts_with]="+tn[2:], "")
		}
	default:
		body := ""
		if method == "PATCH" && strings.HasSuffix(pattern, "number_orders/{id}") {
			body = `{"customer_reference":"x"}`
		}
		for _, id := range []string{b.reservation, b.order, b.line, b.sub} {
			for _, tn := range []string{b.held, b.sold} {
				ask(strings.NewReplacer("{id}", id, "{phone_number}", tn).Replace(pattern), body)
			}
		}
	}
	return list
}

// ofNobody are routes that say the same to all.
var ofNobody = []string{"openapi.json", "public_key"}

// TestNothingCrossesAccounts asks, as clients of Acme, for everything of Globex on
// every route of the site map, and compares with the same question about what belongs
// to nobody: status, headers and body.
func TestNothingCrossesAccounts(t *testing.T) {
	d := open(t)
	theirs, nobodys := furnish(d), nothing(d)
	before, asked := globexRows(d), 0
	for _, route := range telnyx.Routes() {
		if slices.Contains(ofNobody, route[1]) {
			continue
		}
		x, y := questions(route[0], route[1], theirs), questions(route[0], route[1], nobodys)
		for i := range x {
			for _, who := range []string{"acme-admin", "acme-member"} {
				asked++
				a := alike(d.do(who, route[0], x[i][0], x[i][1]), theirs)
				b := alike(d.do(who, route[0], y[i][0], y[i][1]), nobodys)
				if a != b || strings.HasPrefix(a, "5") {
					t.Errorf("%s: %s %s with %s tells theirs from nobody's:\n%s\n%s", who, route[0], x[i][0], x[i][1], a, b)
				}
			}
		}
	}
	if asked < 100 {
		t.Errorf("only %d questions were asked", asked)
	}
	if after := globexRows(d); after != before {
		t.Errorf("Globex was changed:\n%s\n%s", before, after)
	}
}

// alike is an answer with the names of the belongings made alike.
func alike(a answer, b belongings) string {
	a.Header().Del("X-Request-Id")
	text := fmt.Sprint(a.Code, a.Header(), a.Body)
	for i, name := range []string{b.reservation, b.order, b.line, b.sub, b.reference, b.held, b.sold, b.aging, number(b.held).String(), number(b.sold).String(), number(b.aging).String()} {
		text = strings.ReplaceAll(text, name, fmt.Sprintf("{%d}", i))
	}
	return text
}

func readOnly(d *door) *sql.DB {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.Path+"?_pragma=query_only(1)")
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { db.Close() })
	return db
}

// globexRows is what Globex has, by the rows.
func globexRows(d *door) (text string) {
	d.t.Helper()
	db := readOnly(d)
	for _, table := range []string{"account", "reservation", "orders", "tn_state"} {
		where := "account_id"
		if table == "account" {
			where = "id"
		}
		rows, err := db.Query(`SELECT * FROM `+table+` WHERE `+where+` = $1`, int64(storetest.Globex))
		if err != nil {
			d.t.Fatal(err)
		}
		names, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				d.t.Fatal(err)
			}
			text += table
			for _, v := range values {
				text += fmt.Sprintf(" %v", *(v.(*any)))
			}
			text += "\n"
		}
		rows.Close()
	}
	return text
}

func events(d *door) (n int) {
	d.t.Helper()
	if err := readOnly(d).QueryRow(`SELECT COUNT(*) FROM event`).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// What a GET answers may be anything; what it leaves behind is nothing.
func TestLookingChangesNothing(t *testing.T) {
	d := open(t)
	theirs := furnish(d)
	before := events(d)
	for _, route := range telnyx.Routes() {
		if route[0] != "GET" {
			continue
		}
		for _, who := range []string{"globex-admin", "globex-member", "acme-admin", ""} {
			for _, q := range questions("GET", route[1], theirs) {
				if a := d.do(who, "GET", q[0], ""); a.Code >= 500 {
					t.Errorf("%s: %s: %d %s", who, q[0], a.Code, a.Body)
				}
			}
		}
	}
	if after := events(d); after != before {
		t.Errorf("%d events, then %d", before, after)
	}
}
