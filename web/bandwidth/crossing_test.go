package bandwidth_test

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/bandwidth"
	"tnreserve/web/limit"
)

// belongings are things of one account, or of none.
type belongings struct {
	account, reservation, order, disconnect, subscription, site, peer string
	held, sold, aging                                                 string // TNs
}

// furnish gives Globex one of everything.
func furnish(d *door) belongings {
	d.t.Helper()
	globex := storetest.Actor(tel.RoleAdmin, storetest.Globex)
	must := func(err error) {
		if err != nil {
			d.t.Helper()
			d.t.Fatal(err)
		}
	}
	b := belongings{account: storetest.Globex.String(), held: "9195552500", sold: "9195552501", aging: "9195552502"}
	b.reservation = d.reserve(storetest.Globex, number(b.held))
	o, err := d.PlaceOrder(ctx, globex, tel.OrderRequest{Account: storetest.Globex, Kind: tel.OrderKindExisting, TNs: []tel.Number{number(b.sold), number(b.aging)}, CustomerOrderID: "theirs"})
	must(err)
	b.order = o.ID
	_, err = d.AddOrderNote(ctx, globex, o.ID, "secret", "")
	must(err)
	x, err := d.Disconnect(ctx, globex, tel.OrderRequest{Account: storetest.Globex, TNs: []tel.Number{number(b.aging)}, PartialAllowed: true})
	must(err)
	b.disconnect = x.ID
	sub, err := d.Subscribe(ctx, globex, tel.Subscription{Account: storetest.Globex, OrderType: "orders", Email: "secret@example.com"})
	must(err)
	b.subscription = sub.ID
	var site tel.Site
	var p tel.SIPPeer
	for range 30 { // sites count within the account: theirs has a number that ours has not
		site, err = d.CreateSite(ctx, globex, storetest.Globex, tel.Site{Name: "Secret"})
		must(err)
	}
	for range 30 {
		p, err = d.CreateSIPPeer(ctx, globex, storetest.Globex, tel.SIPPeer{Site: site.ID, Name: "Secret"})
		must(err)
	}
	b.site, b.peer = fmt.Sprint(site.ID), fmt.Sprint(p.ID)
	return b
}

// nothing is what belongs to nobody.
func nothing() belongings {
	return belongings{account: "9599999", reservation: uuid.NewString(), order: uuid.NewString(), disconnect: uuid.NewString(), subscription: uuid.NewString(),
		site: "77", peer: "88", held: "9195559500", sold: "9195559501", aging: "9195559502"}
}

// bodies are what is sent to a route that takes something.
func bodies(method, pattern string, b belongings) []string {
	tns := func(list ...string) string {
		return "<TelephoneNumberList><TelephoneNumber>" + strings.Join(list, "</TelephoneNumber><TelephoneNumber>") + "</TelephoneNumber></TelephoneNumberList>"
	}
	switch method + " " + pattern {
	case "PUT accounts/{account}":
		return []string{`<Account><ReservationAllowed>false</ReservationAllowed></Account>`}
	case "POST accounts/{account}/tnreservation":
		var list []string
		for _, tn := range []string{b.held, b.sold, b.aging} {
			list = append(list, `<Reservation><AccountId>`+b.account+`</AccountId><ReservedTn>`+tn+`</ReservedTn></Reservation>`)
		}
		return list
	case "POST accounts/{account}/sites":
		return []string{`<Site><Name>x</Name></Site>`}
	case "POST accounts/{account}/sites/{site}/sippeers":
		return []string{`<SipPeer><PeerName>x</PeerName></SipPeer>`}
	case "POST accounts/{account}/subscriptions", "PUT accounts/{account}/subscriptions/{id}":
		return []string{`<Subscription><OrderType>orders</OrderType><OrderId>` + b.order + `</OrderId><EmailSubscription><Email>a@example.com</Email></EmailSubscription></Subscription>`}
	case "POST accounts/{account}/orders":
		return []string{
			`<Order><ExistingTelephoneNumberOrderType>` + tns(b.held, b.sold, b.aging) + `</ExistingTelephoneNumberOrderType></Order>`,
			`<Order><ExistingTelephoneNumberOrderType>` + tns(b.held) + `<ReservationIdList><ReservationId>` + b.reservation + `</ReservationId></ReservationIdList></ExistingTelephoneNumberOrderType></Order>`,
			`<Order><SiteId>` + b.site + `</SiteId><PeerId>` + b.peer + `</PeerId><ExistingTelephoneNumberOrderType>` + tns(b.sold) + `</ExistingTelephoneNumberOrderType></Order>`,
		}
	case "PUT accounts/{account}/orders/{id}":
		return []string{`<Order><Name>x</Name></Order>`, `<Order><CloseOrder>true</CloseOrder></Order>`}
	case "POST accounts/{account}/orders/{id}/notes", "POST accounts/{account}/disconnects/{id}/notes":
		return []string{`<Note><Description>x</Description></Note>`}
	case "POST accounts/{account}/disconnects":
		return []string{`<DisconnectTelephoneNumberOrder><name>x</name><DisconnectTelephoneNumberOrderType>` + tns(b.held, b.sold, b.aging) + `</DisconnectTelephoneNumberOrderType></DisconnectTelephoneNumberOrder>`}
	}
	return []string{""}
}

// addresses are a route's, in an account, naming the belongings.
func addresses(pattern, account string, b belongings) (list []string) {
	fill := func(id string) string {
		return "/api/" + strings.NewReplacer("{account}", account, "{id}", id, "{site}", b.site, "{peer}", b.peer).Replace(pattern)
	}
	switch {
	case strings.Contains(pattern, "{tn}"):
		for _, tn := range []string{b.held, b.sold, b.aging} {
			list = append(list, "/api/"+strings.ReplaceAll(pattern, "{tn}", tn))
		}
	case pattern == "tns":
		list = []string{"/api/tns?accountId=" + b.account}
	case strings.Contains(pattern, "/tnreservation/"):
		list = []string{fill(b.reservation)}
	case strings.Contains(pattern, "/subscriptions/"):
		list = []string{fill(b.subscription)}
	case strings.Contains(pattern, "/orders/"), strings.Contains(pattern, "/disconnects/"):
		list = []string{fill(b.order), fill(b.disconnect), fill(b.reservation)}
	case strings.Contains(pattern, "/availableN"):
		list = []string{fill("") + "?areaCode=212", fill("")}
	case strings.Contains(pattern, "/orders"):
		list = []string{fill("") + "?customerOrderId=theirs", fill("")}
	default:
		list = []string{fill("")}
	}
	return list
}

// perAccount are routes whose answer is about the client's own account only: nothing
// of another's can be named there.
var perAccount = []string{"cities", "rateCenters"}

// TestNothingCrossesAccounts asks, as a client of Acme, for everything of Globex on
// every route of the site map, under Globex's account and under its own, and compares
// with the same question about what belongs to nobody: status, headers and body.
func TestNothingCrossesAccounts(t *testing.T) {
	d := open(t)
	theirs, nobodys := furnish(d), nothing()
	own := storetest.Acme.String()
	asked := 0
	before := globexRows(d)
	for _, route := range bandwidth.Routes() {
		method, pattern := route[0], route[1]
		if slices.Contains(perAccount, pattern) {
			continue
		}
		for _, accounts := range [][2]string{{theirs.account, nobodys.account}, {own, own}} {
			if accounts[0] == own && !strings.Contains(pattern, "{id}") && !strings.Contains(pattern, "{site}") && bodies(method, pattern, theirs)[0] == "" {
				continue // the own account's own page
			}
			if accounts[0] == own && (pattern == "accounts/{account}" || pattern == "accounts/{account}/sites") {
				continue // nothing of theirs can be named
			}
			a, b := addresses(pattern, accounts[0], theirs), addresses(pattern, accounts[1], nobodys)
			for i := range a {
				x, y := bodies(method, pattern, theirs), bodies(method, pattern, nobodys)
				for j := range x {
					for _, who := range []string{"acme-admin", "acme-member"} {
						asked++
						d.sameAnswer(who, method, [2]string{a[i], b[i]}, [2]string{x[j], y[j]}, theirs, nobodys)
					}
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

// sameAnswer compares the answers about what is theirs and what is nobody's. Where an
// order is made, what became of it is compared as well.
func (d *door) sameAnswer(who, method string, paths, sent [2]string, theirs, nobodys belongings) {
	d.t.Helper()
	var got [2]string
	for i, b := range []belongings{theirs, nobodys} {
		got[i] = d.told(who, method, paths[i], sent[i], b)
	}
	if got[0] != got[1] {
		d.t.Errorf("%s: %s %s with %s tells theirs from nobody's:\n%s\n%s", who, method, paths[0], sent[0], got[0], got[1])
	}
}

func (d *door) told(who, method, path, body string, b belongings) string {
	w := d.do(who, method, path, body)
	if w.Code >= 500 {
		d.t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	said := answerOf(w, b)
	if made := w.Header().Get("Location"); made != "" {
		id := made[strings.LastIndexByte(made, '/')+1:]
		said += answerOf(d.do(who, "GET", strings.TrimPrefix(made, "http://door.test"), ""), b)
		said = strings.ReplaceAll(said, "/"+id, "/{made}")
		said = strings.ReplaceAll(said, ">"+id+"<", ">{made}<")
	}
	return said
}

// answerOf is an answer with the names of the belongings made alike.
func answerOf(w *httptest.ResponseRecorder, b belongings) string {
	w.Header().Del("X-Request-Id")
	text := fmt.Sprint(w.Code, w.Header(), w.Body)
	for i, name := range []string{b.reservation, b.order, b.disconnect, b.subscription, b.account, b.held, b.sold, b.aging} {
		text = strings.ReplaceAll(text, name, fmt.Sprintf("{%d}", i))
	}
	for _, name := range []string{"SiteId>" + b.site, "PeerId>" + b.peer} {
		text = strings.ReplaceAll(text, name, "{…}")
	}
	return text
}

// globexRows is what Globex has, by the rows.
func globexRows(d *door) string {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.Path+"?_pragma=query_only(1)")
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	text := ""
	for _, table := range []string{"account", "reservation", "orders", "tn_state", "subscription", "site", "sip_peer"} {
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

var id = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// Mass assignment: elements that a body does not have change nothing.
func TestExtraElementsChangeNothing(t *testing.T) {
	play := func(more string) string {
		d := open(t)
		list := func(tn string) string {
			return `<TelephoneNumberList><TelephoneNumber>` + tn + `</TelephoneNumber></TelephoneNumberList>` + more
		}
		for _, c := range [][2]string{
			{"/tnreservation", `<Reservation><ReservedTn>9195552000</ReservedTn>` + more + `</Reservation>`},
			{"/orders", `<Order><ExistingTelephoneNumberOrderType>` + list("9195552001") + `</ExistingTelephoneNumberOrderType>` + more + `</Order>`},
			{"/disconnects", `<DisconnectTelephoneNumberOrder><DisconnectTelephoneNumberOrderType>` + list("9195552001") + `</DisconnectTelephoneNumberOrderType>` + more + `</DisconnectTelephoneNumberOrder>`},
		} {
			d.want(201, "globex-admin", "POST", "/api/accounts/9500002"+c[0], c[1])
		}
		return id.ReplaceAllString(globexRows(d), "{id}")
	}
	const other = "11111111-2222-4333-8444-555555555555"
	alone := play("")
	if more := play(`<AccountId>9500001</AccountId><accountId>9500001</accountId><ReservationId>` + other + `</ReservationId><OrderId>` + other + `</OrderId><id>` + other + `</id><Status>EXPIRED</Status><OrderStatus>FAILED</OrderStatus>` +
		`<ReservationExpires>1</ReservationExpires><ExpiresAt>9999999999999999</ExpiresAt><CreatedByUser>eve</CreatedByUser><UserId>eve</UserId><OrderCreateDate>2000-01-01T00:00:00.000Z</OrderCreateDate>` +
		`<CompletedQuantity>99</CompletedQuantity><Role>operator</Role><MaxHeld>999999</MaxHeld>`); more != alone {
		t.Errorf("more elements have done something:\n%s\n%s", alone, more)
	}
}

// What a GET answers may be anything; what it leaves behind is nothing.
func TestLookingChangesNothing(t *testing.T) {
	d := open(t)
	theirs := furnish(d)
	before := events(d)
	for _, route := range bandwidth.Routes() {
		if route[0] != "GET" {
			continue
		}
		for _, who := range []string{"globex-admin", "globex-member", "acme-admin", ""} { // what an operator looks at is written down
			for _, path := range addresses(route[1], theirs.account, theirs) {
				if w := d.do(who, "GET", path, ""); w.Code >= 500 {
					t.Errorf("%s: %s: %d %s", who, path, w.Code, w.Body)
				}
			}
		}
	}
	if after := events(d); after != before {
		t.Errorf("%d events, then %d", before, after)
	}
}

func events(d *door) (n int) {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.Path+"?_pragma=query_only(1)")
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT COUNT(*) FROM event`).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// A change through the door is an event of the client that made it.
func TestChangesAreTheClients(t *testing.T) {
	d := open(t)
	w := d.want(201, "acme-admin", "POST", mine("/tnreservation"), reservation)
	id := w.Header().Get("Location")
	r, err := d.Reservation(ctx, root, id[strings.LastIndexByte(id, '/')+1:])
	if err != nil {
		t.Fatal(err)
	}
	if by := r.CreatedBy; by.ID != d.clients["acme-admin"].ID || by.Name != "acme-admin" || by.Door != "bandwidth" {
		t.Errorf("%+v", by)
	}
	history, err := d.History(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if a := history[0].Actor; a.Kind != tel.KindClient || a.Door != "bandwidth" || a.Addr != "192.0.2.1" {
		t.Errorf("%+v", a)
	}
}

// Behind a proxy the history has the client's own address, and failures count there.
func TestProxies(t *testing.T) {
	d := open(t)
	d.config.Proxies = limit.Proxies{netip.MustParsePrefix("192.0.2.1/32")} // which httptest asks from
	d.hang(nil)
	ask := func(who, forwarded string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "http://door.test"+mine("/tnreservation"), strings.NewReader(reservation))
		r.Header.Set("Content-Type", "application/xml")
		r.Header.Set("X-Forwarded-For", forwarded)
		r.SetBasicAuth("nobody", "x")
		d.sign(r, who)
		return d.serve(r)
	}
	for range 60 {
		ask("", "203.0.113.66")
	}
	if a, b := ask("", "203.0.113.66").Code, ask("", "203.0.113.66, 203.0.113.7").Code; a != 429 || b != 401 {
		t.Errorf("who failed gets %d, another %d", a, b)
	}
	id := ask("acme-admin", "198.51.100.1, 2001:db8::7").Header().Get("Location")
	r, err := d.Reservation(ctx, root, id[strings.LastIndexByte(id, '/')+1:])
	if err != nil {
		t.Fatal(err)
	}
	history, err := d.History(ctx, r)
	if err != nil || history[0].Actor.Addr != "2001:db8::7" {
		t.Errorf("%v %v", history, err)
	}
}

// A revoked client is out at its next request, and its tokens with it.
func TestRevoked(t *testing.T) {
	d := open(t)
	r := httptest.NewRequest("POST", "http://door.test/api/v1/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d.sign(r, "acme-admin")
	w := d.serve(r)
	_, rest, ok := strings.Cut(w.Body.String(), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	if w.Code != 200 || !ok || strings.Count(token, ".") != 2 || w.Header().Get("Cache-Control") != "no-store" || !strings.Contains(w.Body.String(), `"token_type":"Bearer"`) {
		t.Fatal(w.Code, w.Header(), w.Body)
	}
	bearer := func() int {
		r := httptest.NewRequest("GET", "http://door.test"+mine(""), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		return d.serve(r).Code
	}
	if bearer() != 200 {
		t.Error("the token does not work")
	}
	if err := d.RevokeClient(ctx, storetest.Actor(tel.RoleOperator, 0), d.clients["acme-admin"].ID); err != nil {
		t.Fatal(err)
	}
	if got := bearer(); got != 401 {
		t.Error("token of a revoked client:", got)
	}
	d.want(401, "acme-admin", "GET", mine(""), "")
}

// The answer to a base URL is under it, whatever host the request named.
func TestBaseURL(t *testing.T) {
	d := openAt(t, "https://numbers.example")
	w := d.want(201, "acme-admin", "POST", mine("/tnreservation"), reservation)
	if to := w.Header().Get("Location"); !strings.HasPrefix(to, "https://numbers.example/api/accounts/9500001/tnreservation/") {
		t.Error(to)
	}
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS under https")
	}
}

// What was done through the door is what the events say.
func TestBooksAreInOrder(t *testing.T) {
	d := open(t)
	furnish(d)
	for i := range 5 {
		d.want(201, "acme-admin", "POST", mine("/tnreservation"), fmt.Sprintf(`<Reservation><ReservedTn>919555260%d</ReservedTn></Reservation>`, i))
	}
	d.want(201, "acme-admin", "POST", mine("/orders"), `<Order><AreaCodeSearchAndOrderType><AreaCode>984</AreaCode><Quantity>20</Quantity></AreaCodeSearchAndOrderType></Order>`)
	found, err := d.Check(ctx)
	if err != nil || len(found) > 0 {
		t.Error(err, found)
	}

}
