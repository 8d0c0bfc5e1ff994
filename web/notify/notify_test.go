package notify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/telnyx"
)

const (
	acme   = storetest.Acme
	globex = storetest.Globex
)

var (
	ctx      = context.Background()
	operator = storetest.Actor(tel.RoleOperator, 0)
	admin    = storetest.Actor(tel.RoleAdmin, acme)
	rival    = storetest.Actor(tel.RoleAdmin, globex)
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func raleigh(i int) tel.Number { return tel.NewNumber(919, 555, 2000+i) }

func reserve(t testing.TB, s *storetest.Store, actor tel.Actor, tns ...tel.Number) *tel.Reservation {
	t.Helper()
	return must[tel.Reserved](t)(s.Reserve(ctx, actor, tel.ReserveRequest{Account: actor.Account, TNs: tns})).Reservation
}

// got is one request that a receiver had.
type got struct {
	http.Header
	path string
	body []byte
}

// data is what a JSON delivery tells.
func (g got) data(t testing.TB) (d struct {
	EventType  tel.WebhookEvent `json:"event_type"`
	ID         string
	OccurredAt string `json:"occurred_at"`
	Payload    struct {
		ID   string
		Held []string `json:"held_phone_numbers"`
	}
}) {
	t.Helper()
	var envelope struct{ Data json.RawMessage }
	if err := json.Unmarshal(g.body, &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(envelope.Data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// receiver is an endpoint on this machine that remembers what it had.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	list []got
}

// receive answers with what answer does; nil is 200.
func receive(t testing.TB, answer http.HandlerFunc) *receiver {
	t.Helper()
	return receiveOn(t, must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0")), answer)
}

// samePort listens on two addresses, each on the same port.
func samePort(t testing.TB, one, other string) (a, b net.Listener) {
	t.Helper()
	for range 20 {
		a, err := net.Listen("tcp", one+":0")
		if err != nil {
			t.Skipf("cannot listen on %s: %v", one, err)
		}
		b, err := net.Listen("tcp", fmt.Sprint(other, ":", a.Addr().(*net.TCPAddr).Port))
		if err == nil {
			return a, b
		}
		a.Close()
	}
	t.Fatalf("no port is free on both %s and %s", one, other)
	return nil, nil
}

func receiveOn(t testing.TB, ln net.Listener, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.list = append(r.list, got{req.Header, req.URL.Path, body})
		r.mu.Unlock()
		req.Body = io.NopCloser(bytes.NewReader(body))
		if answer != nil {
			answer(w, req)
		}
	}))
	r.Listener.Close()
	r.Listener = ln
	r.Start()
	t.Cleanup(func() { r.CloseClientConnections(); ln.Close() })
	return r
}

func (r *receiver) had() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func endpoint(t testing.TB, s *storetest.Store, account tel.AccountID, url string) *store.NewEndpointSecret {
	t.Helper()
	return must[*store.NewEndpointSecret](t)(s.CreateEndpoint(ctx, operator, tel.NewEndpoint{Account: account, URL: url}))
}

func deliveries(t testing.TB, s *storetest.Store, endpoint string) []*tel.Delivery {
	t.Helper()
	list := must[store.ListedDeliveries](t)(s.Deliveries(ctx, operator, store.DeliveryQuery{Endpoint: endpoint, Limit: 500})).Rows
	slices.Reverse(list)
	return list
}

func last(t testing.TB, s *storetest.Store, endpoint string) *tel.Delivery {
	t.Helper()
	list := deliveries(t, s, endpoint)
	return must[*tel.Delivery](t)(s.Delivery(ctx, operator, list[len(list)-1].ID))
}

func notifier(s *storetest.Store) *Notifier { return New(Config{Store: s.Store, AllowPrivate: true}) }

func checked(t testing.TB, s *storetest.Store) {
	t.Helper()
	if found, err := s.Check(ctx); err != nil || found != nil {
		t.Fatalf("check: %v %q", err, found)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// verify checks both signatures with what a receiver has for it.
func verify(t testing.TB, s *storetest.Store, g got, secrets ...string) {
	t.Helper()
	key := must[[]byte](t)(base64.StdEncoding.DecodeString(must[string](t)(s.WebhookPublicKey(ctx))))
	signature := must[[]byte](t)(base64.StdEncoding.DecodeString(g.Get("telnyx-signature-ed25519")))
	signed := append([]byte(g.Get("telnyx-timestamp")+"|"), g.body...)
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signed, signature) {
		t.Error("the Ed25519 signature is not good")
	}
	if ed25519.Verify(key, append(signed, ' '), signature) {
		t.Error("it is good for anything")
	}
	for _, secret := range secrets {
		if err := must[*standardwebhooks.Webhook](t)(standardwebhooks.NewWebhook(secret)).VerifyIgnoringTimestamp(g.body, g.Header); err != nil {
			t.Error(err)
		}
	}
	if g.Get("webhook-timestamp") != g.Get("telnyx-timestamp") || g.Get("webhook-timestamp") != fmt.Sprint(s.Now().Unix()) {
		t.Errorf("times %q and %q", g.Get("webhook-timestamp"), g.Get("telnyx-timestamp"))
	}
}

func TestDelivered(t *testing.T) {
	s, n := open(t)
	to := receive(t, status(http.StatusAccepted))
	e := endpoint(t, s, acme, to.URL+"/hooks?a=b&c=d")
	r := must[tel.Reserved](t)(s.Reserve(ctx, admin, tel.ReserveRequest{Account: acme, TNs: []tel.Number{raleigh(1), raleigh(2)}, CustomerReference: "<REF> & 1"})).Reservation
	must[*tel.Reservation](t)(s.Drop(ctx, admin, r.ID, raleigh(2)))
	n.Pass(ctx)
	had := to.had()
	if len(had) != 2 {
		t.Fatalf("%d requests", len(had))
	}
	verify(t, s, had[0], e.Secret)
	list := deliveries(t, s, e.ID)
	var shown strings.Builder // what the JSON door shows of it
	encoder := json.NewEncoder(&shown)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(telnyx.ShowReservation(must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID)), s.Now())); err != nil {
		t.Fatal(err)
	}
	want := `{"data":{"event_type":"number_reservation.cancelled","id":"` + list[1].ID + `","occurred_at":"2026-11-21T15:00:00.000000Z","payload":` + strings.TrimSuffix(shown.String(), "}\n") +
		`,"event_phone_numbers":["+19195552002"],"held_phone_numbers":["+19195552001"],"reason":"","number_order_id":null,"last_possible_expiry":"2026-11-22T03:00:00.000000Z"},"record_type":"event"},` +
		`"meta":{"attempt":1,"delivered_to":"` + to.URL + `/hooks?a=b\u0026c=d"}}`
	if d := cmp.Diff(want, string(had[1].body)); d != "" {
		t.Errorf("body:\n%s", d)
	}
	if had[1].Get("webhook-id") != list[1].ID || had[1].Get("Content-Type") != "application/json" || had[0].path != "/hooks" {
		t.Errorf("%v", had[1].Header)
	}
	if d := last(t, s, e.ID); d.State != tel.DeliveryDelivered || d.Tries[0].Status != 202 || !bytes.Equal(d.RequestBody(1, d.Tries[0].URL), had[1].body) {
		t.Errorf("%+v", d)
	}

	// An order, a test, and for a day two signatures after a new secret.
	renewed := must[*store.NewEndpointSecret](t)(s.RotateEndpointSecret(ctx, admin, e.ID, ""))
	o := must[*tel.Order](t)(s.PlaceOrder(ctx, admin, tel.OrderRequest{Account: acme, Kind: tel.OrderKindExisting, TNs: []tel.Number{raleigh(1), raleigh(2), tel.NewNumber(800, 555, 6001)},
		ReservationIDs: []string{r.ID}, PartialAllowed: true, Reference: "R"}))
	must[string](t)(s.TestEndpoint(ctx, admin, e.ID))
	n.Pass(ctx)
	byEvent := map[tel.WebhookEvent]got{}
	for _, g := range to.had()[2:] {
		verify(t, s, g, e.Secret, renewed.Secret)
		byEvent[g.data(t).EventType] = g
	}
	if len(byEvent) != 3 {
		t.Errorf("%d events", len(byEvent))
	}
	ordered := string(byEvent[tel.WebhookReservationOrdered].body)
	if !strings.Contains(ordered, `"event_phone_numbers":["+19195552001"],"held_phone_numbers":[],"reason":"","number_order_id":"`+o.ID+`"`) {
		t.Error(ordered)
	}
	if !strings.Contains(ordered, `"state":"ordered","customer_reference"`) {
		t.Error(ordered)
	}
	order := string(byEvent[tel.WebhookOrderComplete].body)
	for _, part := range []string{`"payload":{"id":"` + o.ID + `","record_type":"number_order","phone_numbers_count":3,"phone_numbers":[{`, `"phone_number":"+18005556001","order_request_id":"` + o.ID + `"`, `"country_code":"US","phone_number_type":"toll_free"`,
		`"requirements_met":true,"status":"success","customer_reference":"R","connection_id":null`} {
		if !strings.Contains(order, part) {
			t.Errorf("no %s in %s", part, order)
		}
	}
	s.Clock.Add(tel.SecretOverlap)
	must[string](t)(s.TestEndpoint(ctx, admin, e.ID))
	n.Pass(ctx)
	all := to.had()
	verify(t, s, all[len(all)-1], renewed.Secret)
	if signatures := strings.Fields(all[len(all)-1].Get("webhook-signature")); len(signatures) != 1 {
		t.Error("signed with the old secret after a day")
	}
	checked(t, s)
}

func open(t testing.TB) (*storetest.Store, *Notifier) {
	t.Helper()
	s := storetest.Open(t)
	return s, notifier(s)
}

// The same delivery again and again: the id and the data stay, only the attempt counts.
func TestRetriesAreTheSame(t *testing.T) {
	s, n := open(t)
	var failures atomic.Int32
	failures.Store(3)
	to := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		if failures.Add(-1) >= 0 {
			http.Error(w, "not now\x00\xff", 500)
		}
	})
	e := endpoint(t, s, acme, to.URL)
	r := reserve(t, s, admin, raleigh(1))
	for range 5 {
		n.Pass(ctx)
		must[*tel.Reservation](t)(s.Reservation(ctx, admin, r.ID))
		s.Clock.Add(3 * time.Minute)
	}
	if err := s.Redeliver(ctx, admin, last(t, s, e.ID).ID); err != nil {
		t.Fatal(err)
	}
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, "")) // tells nothing in what was told before
	n.Pass(ctx)
	had := to.had()
	if len(had) != 6 {
		t.Fatalf("%d requests", len(had))
	}
	for i, g := range had[:5] {
		want := bytes.Replace(had[0].body, []byte(`"attempt":1`), fmt.Appendf(nil, `"attempt":%d`, i+1), 1)
		if !bytes.Equal(g.body, want) || g.Get("webhook-id") != had[0].Get("webhook-id") {
			t.Errorf("attempt %d is another: %s", i+1, g.body)
		}
	}
	d := must[*tel.Delivery](t)(s.Delivery(ctx, admin, had[0].Get("webhook-id")))
	if len(d.Tries) != 5 || d.Tries[0].Error != "It answered 500." || d.Tries[0].Answer != "not now??\n" || d.Tries[4].Error != "" {
		t.Errorf("%+v", d.Tries)
	}
	checked(t, s)
}

// In order per reservation, whatever fails, with many reservations and workers.
func TestInOrder(t *testing.T) {
	s, n := open(t)
	var mu sync.Mutex
	tries := map[string]int{}
	seen := map[string][]tel.WebhookEvent{}
	to := receive(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		defer mu.Unlock()
		if id := req.Header.Get("webhook-id"); tries[id] < len(id)%3+int(id[0])%3 { // some fail a few times
			tries[id]++
			w.WriteHeader(503)
			return
		}
		d := got{body: body}.data(t)
		if seen[d.Payload.ID] == nil || seen[d.Payload.ID][len(seen[d.Payload.ID])-1] != d.EventType {
			seen[d.Payload.ID] = append(seen[d.Payload.ID], d.EventType)
		}
	})
	e := endpoint(t, s, acme, to.URL)
	var ids []string
	for i := range 8 {
		r := reserve(t, s, admin, raleigh(i))
		must[*tel.Reservation](t)(s.Extend(ctx, admin, r.ID))
		must[*tel.Reservation](t)(s.Cancel(ctx, admin, r.ID, ""))
		ids = append(ids, r.ID)
	}
	for range 40 {
		n.Pass(ctx)
		s.Clock.Add(10 * time.Minute)
	}
	for _, id := range ids {
		if d := cmp.Diff([]tel.WebhookEvent{tel.WebhookReservationCreated, tel.WebhookReservationExtended, tel.WebhookReservationCancelled}, seen[id]); d != "" {
			t.Error(d)
		}
	}
	for _, d := range deliveries(t, s, e.ID) {
		if d.State != tel.DeliveryDelivered {
			t.Errorf("%s is %s", d.Event, d.State)
		}
	}
	checked(t, s)
}

// A receiver that fails, hangs, redirects into the house, drips, sends 64 MB, resets or
// talks nonsense: it delays nobody, loses nothing, and gets nothing out of us.
func TestBadReceivers(t *testing.T) {
	s, _ := open(t)
	n := New(Config{Store: s.Store, AllowPrivate: true, Timeout: 12 * time.Second})
	release, megabyte := make(chan struct{}), make([]byte, 1<<20)
	secret := receive(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "of the house") })
	hijack := func(fn func(net.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				fn(conn)
				conn.Close()
			}
		}
	}
	strange := httptest.NewUnstartedServer(http.NotFoundHandler())
	strange.Config.ErrorLog = log.New(io.Discard, "", 0)
	strange.StartTLS()
	defer strange.Close()
	bad := map[string]struct {
		answer http.HandlerFunc
		url    string
		error  string
	}{
		"fails": {answer: status(500), error: "It answered 500."},
		"hangs": {answer: func(http.ResponseWriter, *http.Request) { <-release }, error: "No answer within 12 seconds."},
		"redirects": {answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, secret.URL+"/latest/meta-data/", http.StatusTemporaryRedirect)
		}, error: "It answered 307, a redirect; redirects are not followed."},
		"drips": {answer: hijack(func(c net.Conn) {
			for _, b := range []byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 1000)) {
				c.Write([]byte{b})
				select {
				case <-release:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}), error: "No answer within 12 seconds."},
		"resets":   {answer: hijack(func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }), error: "The connection was cut before an answer came."},
		"closes":   {answer: hijack(func(net.Conn) {}), error: "The connection was cut before an answer came."},
		"nonsense": {answer: hijack(func(c net.Conn) { io.WriteString(c, "220 smtp.example ESMTP\r\n") }), error: "No answer came, or none that is HTTP."},
		"headers":  {answer: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("y", 1<<20)) }, error: "No answer came, or none that is HTTP."},
		"continues": {answer: hijack(func(c net.Conn) {
			for range 10000 {
				if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
					return
				}
			}
		}), error: "No answer came, or none that is HTTP."},
		"refuses": {url: "http://127.0.0.1:1", error: "The connection was refused."},
		"no TLS":  {url: strings.Replace(secret.URL, "http:", "https:", 1), error: "It speaks HTTP without TLS; its URL is an http one."},
		"strange": {url: strange.URL, error: "Its TLS certificate is by an authority that is not known here."},
		"64 MB": {answer: func(w http.ResponseWriter, _ *http.Request) {
			for range 64 {
				if _, err := w.Write(megabyte); err != nil {
					return
				}
			}
		}},
		"no end": {answer: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "so far")
			w.(http.Flusher).Flush()
			<-release
		}},
	}
	ids := map[string]string{}
	for name, b := range bad {
		to := b.url
		if to == "" {
			to = receive(t, b.answer).URL
		}
		ids[name] = endpoint(t, s, acme, to).ID
	}
	good, own := receive(t, nil), receive(t, nil)
	endpoint(t, s, globex, good.URL)
	endpoint(t, s, acme, own.URL)
	reserve(t, s, admin, raleigh(1), raleigh(2))
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); n.Run(running) }()
	for i := range 30 { // while the others hang
		reserve(t, s, rival, raleigh(100+i))
	}
	eventually(t, "the good ones wait for the others", func() bool { return len(good.had()) == 30 && len(own.had()) == 1 })
	if d := last(t, s, ids["hangs"]); len(d.Tries) > 0 {
		t.Error("the good ones waited for the one that hangs")
	}
	for name, b := range bad {
		var d *tel.Delivery
		eventually(t, name+" was not tried", func() bool {
			d = last(t, s, ids[name])
			return len(d.Tries) > 0
		})
		try := d.Tries[0]
		if try.Error != b.error || len(try.Answer) > tel.MaxWebhookKept || strings.Contains(try.Answer, "house") {
			t.Errorf("%s: %q, answer %.40q", name, try.Error, try.Answer)
		}
		if (b.error == "") != (d.State == tel.DeliveryDelivered) { // one that failed waits, or is tried again by now
			t.Errorf("%s: %s", name, d.State)
		}
	}
	if n := len(secret.had()); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
	close(release)
	stop()
	<-done
	checked(t, s)
}

// What an end cuts is sent by the next process, at once, and counts against nobody.
func TestStop(t *testing.T) {
	s, n := open(t)
	n.drain = 50 * time.Millisecond
	arrived, release := make(chan struct{}), make(chan struct{})
	hang := receive(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
	e := endpoint(t, s, acme, hang.URL)
	reserve(t, s, admin, raleigh(1))
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); n.Run(running) }()
	<-arrived
	stop()
	<-done
	close(release)
	d := last(t, s, e.ID)
	if d.State != tel.DeliveryWaiting || d.NextAt.After(s.Now()) || d.Tries[0].Error != "Sending was cut: the server stopped." {
		t.Errorf("%+v", d)
	}
	if e := must[*tel.Endpoint](t)(s.Endpoint(ctx, admin, e.ID)); !e.FailingSince.IsZero() {
		t.Error("it counts against the endpoint")
	}
	go func() { <-arrived }()
	notifier(s).Pass(ctx)
	if d := last(t, s, e.ID); d.State != tel.DeliveryDelivered || d.Attempts != 2 {
		t.Errorf("%+v", d)
	}
	checked(t, s)
}

// An address that is inside is not connected to, however it is written.
func TestInsideAddresses(t *testing.T) {
	s := storetest.Open(t)
	n := New(Config{Store: s.Store})
	resolver(t).Store(netip.Addr{})
	var connections atomic.Int32
	ln := must[net.Listener](t)(net.Listen("tcp", ":0"))
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	}()
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST.", "0.0.0.0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
		"[2002:7f00:1::]", "[2001::7f00:1]", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "[fe80::1%25lo]", "[fe80::1]",
	} {
		if _, err := url.Parse("http://" + host); err != nil {
			t.Fatal(err)
		}
		e := endpoint(t, s, acme, "http://"+host+":"+port+"/")
		must[string](t)(s.TestEndpoint(ctx, admin, e.ID))
		n.Pass(ctx)
		if try := last(t, s, e.ID).Tries[0]; try.Error != nowhere {
			t.Errorf("%s: %+v", host, try)
		}
		if err := s.DeleteEndpoint(ctx, admin, e.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestPublic(t *testing.T) {
	for _, inside := range strings.Fields(`0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255
		192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
		:: ::1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
		2002:7f00:1:: 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1`) {
		if public(netip.MustParseAddr(inside)) {
			t.Errorf("%s counts as public", inside)
		}
	}
	for _, outside := range []string{"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.254", "2606:4700::1111", "2a00:1450::1", "2001:4860::8888"} {
		if !public(netip.MustParseAddr(outside)) {
			t.Errorf("%s does not count as public", outside)
		}
	}
	if public(netip.Addr{}) || public(netip.MustParseAddr("2606:4700::1%eth0")) {
		t.Error("no address, or one with a zone")
	}
}

// What leads back to this server is inside, by its name, by what that resolves to, and by
// the machine's own addresses; while the name does not resolve, what it did last counts.
func TestHome(t *testing.T) {
	now, fault := time.Now(), error(nil)
	answer := []netip.Addr{netip.MustParseAddr("::ffff:8.8.4.4"), netip.MustParseAddr("2606:4700::1111")}
	h := newHome("https://Numbers.example:8443", func() time.Time { return now }, func(error) {})
	h.resolve = func(context.Context, string, string) ([]netip.Addr, error) { return slices.Clone(answer), fault }
	h.local = func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.IPv4(9, 9, 9, 9), Mask: net.CIDRMask(24, 32)}}, nil
	}
	judge := func(addr string, want error) {
		t.Helper()
		if err := h.onlyOutside(ctx, netip.MustParseAddr(addr)); err != want {
			t.Errorf("%s: %v, not %v", addr, err, want)
		}
	}
	for _, own := range []string{"8.8.4.4", "2606:4700::1111", "9.9.9.9"} {
		judge(own, homeError{})
	}
	judge("9.9.9.8", nil)
	judge("127.0.0.1", insideError{netip.MustParseAddr("127.0.0.1")})
	answer = []netip.Addr{netip.MustParseAddr("1.1.1.1")}
	judge("1.1.1.1", nil)
	now = now.Add(time.Minute)
	judge("1.1.1.1", homeError{})
	judge("8.8.4.4", nil)
	now, fault = now.Add(time.Hour), errors.New("no answer")
	judge("1.1.1.1", homeError{})
	if !h.named("numbers.example.") || h.named("numbers.example.org") || newHome("", time.Now, nil).named("") {
		t.Error("the own name")
	}
	s, n := open(t)
	n.home = h
	e := endpoint(t, s, acme, "https://numbers.EXAMPLE/v2/number_orders")
	must[string](t)(s.TestEndpoint(ctx, admin, e.ID))
	n.Pass(ctx)
	if d := last(t, s, e.ID); d.Tries[0].Error != (homeError{}).Error() {
		t.Errorf("%+v", d)
	}
}

// asked is a resolver's question that nobody has answered yet.
type asked struct {
	ctx    context.Context
	answer chan []netip.Addr // nothing: none came
}

func (a asked) reply(list ...string) {
	var addrs []netip.Addr
	for _, one := range list {
		addrs = append(addrs, netip.MustParseAddr(one))
	}
	a.answer <- addrs
}

// asking is a home whose resolver answers when it is told to.
func asking(clock func() time.Time) (*home, chan asked) {
	questions := make(chan asked, 10)
	h := newHome("https://numbers.example", clock, func(error) {})
	h.local = func() ([]net.Addr, error) { return nil, nil }
	h.resolve = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		a := asked{ctx, make(chan []netip.Addr)}
		questions <- a
		if list := <-a.answer; list != nil {
			return list, nil
		}
		return nil, errors.New("no answer")
	}
	return h, questions
}

// A resolver that hangs at the own name keeps no delivery from going out, and is not
// asked again by each. Before its first answer nothing goes out.
func TestHomeThatDoesNotResolve(t *testing.T) {
	now := time.Now()
	h, questions := asking(func() time.Time { return now })
	verdicts := make(chan error, 10)
	judge := func(addr string) error { return h.onlyOutside(ctx, netip.MustParseAddr(addr)) }
	later := func(addr string) { go func() { verdicts <- judge(addr) }() }
	cut, cancel := context.WithCancel(ctx)
	go func() { verdicts <- h.onlyOutside(cut, netip.MustParseAddr("8.8.4.4")) }()
	first := <-questions
	later("8.8.4.4")
	cancel() // the delivery that asks, not the question
	if end, ok := first.ctx.Deadline(); first.ctx.Err() != nil || !ok || time.Until(end) > askMost {
		t.Errorf("the question ends with its delivery, or too late: %v", end)
	}
	first.reply("8.8.4.4")
	for range 2 {
		if err := <-verdicts; err != (homeError{}) {
			t.Errorf("before the first answer: %v", err)
		}
	}

	now = now.Add(knownFor)
	later("1.1.1.1")
	second := <-questions
	if judge("8.8.4.4") != (homeError{}) || judge("9.9.9.9") != nil || judge("1.1.1.1") != nil {
		t.Error("while one asks, others do not go by what was known")
	}
	second.reply()
	if err := <-verdicts; err != nil {
		t.Error(err)
	}
	if judge("8.8.4.4") != (homeError{}) || judge("9.9.9.9") != nil {
		t.Error("what was known is forgotten")
	}
	now = now.Add(askAgain)
	later("1.1.1.1")
	(<-questions).reply("1.1.1.1")
	if err := <-verdicts; err != (homeError{}) || judge("8.8.4.4") != nil || len(questions) != 0 {
		t.Errorf("it resolves again: %v, %d questions", err, len(questions))
	}
}

// book collects a log.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// What fails is logged once while it lasts, beside what works; so is that this machine's
// addresses cannot be read, which is why nothing is sent then.
func TestFaultsAreLoggedOnce(t *testing.T) {
	s := storetest.Open(t)
	var log book
	n := New(Config{Store: s.Store, Log: slog.New(slog.NewTextHandler(&log, nil))})
	bad := errors.New("one that stays")
	for range 3 {
		n.complain("bad", bad)
		n.complain("good", nil)
		n.complain(looking, nil)
	}
	if said := log.String(); strings.Count(said, "failed") != 1 || strings.Contains(said, "again") {
		t.Errorf("logged:\n%s", said)
	}
	n.complain("bad", nil)
	n.complain("bad", nil)
	if said := log.String(); strings.Count(said, "works again") != 1 {
		t.Errorf("logged:\n%s", said)
	}
	n.home.local = func() ([]net.Addr, error) { return nil, errors.New("no netlink") }
	e := endpoint(t, s, acme, "http://8.8.8.8/")
	for range 2 {
		must[string](t)(s.TestEndpoint(ctx, admin, e.ID))
		n.Pass(ctx)
	}
	if d := last(t, s, e.ID); d.Tries[0].Error != (homeError{}).Error() || strings.Count(log.String(), "no netlink") != 1 {
		t.Errorf("%+v\n%s", d, log.String())
	}
}

// However many TNs there are, a body stays small, and says what it leaves out.
func TestLargeBodies(t *testing.T) {
	r := &tel.Reservation{ID: "6f2c1f0e-8c56-4a37-9d0c-3f6f6f0b9a11", State: tel.StateLive, TNCount: 5000}
	o := &tel.Order{ID: r.ID, Kind: tel.OrderKindExisting, State: tel.OrderComplete, Quantity: 5000, CompletedCount: 5000}
	facts := tel.Facts{}
	for i := range tel.Number(5000) {
		r.TNs, facts.TNs = append(r.TNs, tel.ReservedTN{TN: 19195550000 + i}), append(facts.TNs, 19195550000+i)
		o.Completed = append(o.Completed, tel.OrderedTN{TN: 19195550000 + i})
	}
	told := &store.Told{Event: &tel.Event{Facts: facts}, Endpoint: &tel.Endpoint{}}
	for _, about := range []func(){func() { told.Reservation = r }, func() { told.Reservation, told.Order = nil, o }} {
		about()
		text := must[[]byte](t)(json.Marshal(payloadOf(told, &tel.Delivery{})))
		var got struct {
			Numbers []any `json:"phone_numbers"`
			Event   []any `json:"event_phone_numbers"`
			Held    []any `json:"held_phone_numbers"`
			Omitted int   `json:"phone_numbers_omitted"`
		}
		if err := json.Unmarshal(text, &got); err != nil || len(text) > 120<<10 || len(got.Numbers) != 250 || got.Omitted != 4750 || len(got.Event) > 250 || len(got.Held) > 250 {
			t.Errorf("%v, %d bytes, %d numbers, %d omitted", err, len(text), len(got.Numbers), got.Omitted)
		}
	}
	if text := must[string](t)(notificationXML(told)); len(text) > 120<<10 || !strings.Contains(text, "5,000 numbers. 4750 of them are not named here") {
		t.Errorf("%d bytes: %.400s", len(text), text)
	}
}

// A name that leads outside when it is looked up first and inside the next time: what
// counts is what is connected to.
func TestResolverChangesItsAnswer(t *testing.T) {
	s, n := open(t)
	outside := netip.MustParseAddr("127.0.0.2") // for this test
	n.client = newClient(func(_ context.Context, a netip.Addr) error {
		if a == outside {
			return nil
		}
		return insideError{a}
	})
	answer := resolver(t)
	answer.Store(outside)
	answered := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }
	outer, inner := samePort(t, "127.0.0.2", "127.0.0.1")
	out, in := receiveOn(t, outer, answered), receiveOn(t, inner, answered)
	port := outer.Addr().(*net.TCPAddr).Port
	e := endpoint(t, s, acme, fmt.Sprintf("http://hooks.example:%d/", port))
	must[string](t)(s.TestEndpoint(ctx, admin, e.ID))
	n.Pass(ctx)
	if d := last(t, s, e.ID); d.State != tel.DeliveryDelivered || len(out.had()) != 1 {
		t.Fatalf("%+v", d)
	}
	answer.Store(netip.MustParseAddr("127.0.0.1"))
	must[string](t)(s.TestEndpoint(ctx, admin, e.ID))
	n.Pass(ctx)
	if d := last(t, s, e.ID); d.State != tel.DeliveryWaiting || d.Tries[0].Error != nowhere || len(in.had()) != 0 {
		t.Errorf("%+v", d)
	}
}

// resolver answers every question for an address with one, or that there is none, for
// the whole process, until the test ends.
func resolver(t testing.TB) *atomic.Value {
	t.Helper()
	conn := must[net.PacketConn](t)(net.ListenPacket("udp", "127.0.0.1:0"))
	t.Cleanup(func() { conn.Close() })
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	var answer atomic.Value
	go func() {
		for buf := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			conn.WriteTo(dnsAnswer(buf[:size], answer.Load().(netip.Addr)), from)
		}
	}()
	return &answer
}

// dnsAnswer is the shortest answer to a question for an IPv4 address, and to any other
// that there is none.
func dnsAnswer(question []byte, addr netip.Addr) []byte {
	end := 12 + bytes.IndexByte(question[12:], 0) + 5
	out := slices.Clone(question[:end])
	out[2], out[3] = 0x81, 0x80 // an answer
	copy(out[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	if binary.BigEndian.Uint16(question[end-4:]) == 1 && addr.IsValid() {
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, addr.AsSlice()...)
	}
	return out
}

// A subscription is told in Bandwidth's XML, byte for byte.
func TestBandwidthNotification(t *testing.T) {
	s, n := open(t)
	to := receive(t, nil)
	orders := must[*tel.Subscription](t)(s.Subscribe(ctx, admin, tel.Subscription{Account: acme, OrderType: "orders", URL: to.URL + "/cb"}))
	gone := must[*tel.Subscription](t)(s.Subscribe(ctx, admin, tel.Subscription{Account: acme, OrderType: "disconnects", URL: to.URL + "/gone"}))
	place := func(tns ...tel.Number) *tel.Order {
		s.Clock.Add(time.Millisecond)
		return must[*tel.Order](t)(s.PlaceOrder(ctx, admin, tel.OrderRequest{Account: acme, Kind: tel.OrderKindExisting, TNs: tns, PartialAllowed: true, CustomerOrderID: fmt.Sprint("PO ", len(tns))}))
	}
	o := place(raleigh(1), raleigh(2))
	n.Pass(ctx)
	head := `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Notification><Status>`
	want := head + `COMPLETE</Status><SubscriptionId>` + orders.ID + `</SubscriptionId><Message>The order is complete: 2 numbers.</Message><OrderId>` + o.ID +
		`</OrderId><OrderType>orders</OrderType><CustomerOrderId>PO 2</CustomerOrderId><LastModifiedDate>2026-11-21T15:00:00.001Z</LastModifiedDate>` +
		`<CompletedTelephoneNumbers><TelephoneNumber>9195552001</TelephoneNumber><TelephoneNumber>9195552002</TelephoneNumber></CompletedTelephoneNumbers></Notification>`
	had := to.had()
	if d := cmp.Diff(want, string(had[0].body)); d != "" {
		t.Error(d)
	}
	if had[0].Get("Content-Type") != "application/xml; charset=utf-8" || had[0].Get("webhook-signature") != "" {
		t.Errorf("%v", had[0].Header)
	}
	place(raleigh(1), raleigh(2), raleigh(3))
	place(raleigh(1))
	req := tel.OrderRequest{Account: acme, Kind: tel.OrderKindDisconnect, TNs: []tel.Number{raleigh(1)}}
	must[*tel.Order](t)(s.Disconnect(ctx, admin, req))
	n.Pass(ctx)
	told := map[string]string{}
	for _, g := range to.had()[1:] {
		var parsed notification
		if err := xml.Unmarshal(g.body, &parsed); err != nil {
			t.Fatal(err)
		}
		told[g.path+" "+string(parsed.Status)] = parsed.Message
	}
	if d := cmp.Diff(map[string]string{"/cb PARTIAL": "The order is complete in part: 1 number of 3.", "/cb FAILED": "The order failed.", "/gone COMPLETE": "The order is complete: 1 number."}, told); d != "" {
		t.Error(d)
	}
	if d := last(t, s, gone.ID); !bytes.Equal(d.RequestBody(1, ""), []byte(d.Body)) {
		t.Errorf("%+v", d)
	}
	checked(t, s)
}

// No endpoint takes all places, and many that fail or are slow leave room for the others,
// in their own account too.
func TestPlaces(t *testing.T) {
	n := New(Config{})
	took := func(e store.DueEndpoint) bool { _, ok := n.take(e); return ok }
	one := store.DueEndpoint{ID: "a", Account: 1}
	if !took(one) || took(one) {
		t.Error("one that never answered has no place, or two")
	}
	n.answered("a", false)
	for i := 1; i <= placesEndpoint; i++ {
		if took(one) != (i < placesEndpoint) {
			t.Errorf("place %d", i)
		}
	}
	for i := range 200 {
		e := store.DueEndpoint{ID: fmt.Sprint("f", i), Account: tel.AccountID(100 + i), Failing: i%2 == 0}
		if !e.Failing {
			n.answered(e.ID, true)
			n.answered(e.ID, false) // that it is quick in between changes nothing
		}
		if took(e) != (i < placesPoor) {
			t.Errorf("failing %d", i)
		}
		if took(e) {
			t.Error("an endpoint that fails or is slow has two places")
		}
	}
	for i := range placesAccount {
		if took(store.DueEndpoint{ID: fmt.Sprint("g", i), Account: 1}) != (i < placesAccount-placesEndpoint) {
			t.Errorf("place %d of the account", i)
		}
	}
	n.count(spot{endpoint: "a", account: 1}, -1)
	if !took(one) {
		t.Error("a place that was left is lost")
	}
	if n.forget(time.Now().Add(forgetAfter / 2)); len(n.slowUntil) != 101 {
		t.Errorf("half an hour later %d endpoints are known, not 101", len(n.slowUntil))
	}
	if n.forget(time.Now().Add(forgetAfter + 2*slowFor)); len(n.slowUntil) > 0 {
		t.Errorf("%d endpoints are known for ever", len(n.slowUntil))
	}
	n = New(Config{})
	for i := range placesAccount {
		if took(store.DueEndpoint{ID: fmt.Sprint("f", i), Account: 1, Failing: true}) != (i < placesPoorAccount) {
			t.Errorf("failing %d of the account", i)
		}
	}
}

// Endpoints that take all they are sent, but slowly, delay nobody, also not in their own
// account.
func TestSlowReceivers(t *testing.T) {
	s, n := open(t)
	n.slow = 20 * time.Millisecond
	var slow, now, most atomic.Int32
	for range 4 {
		endpoint(t, s, acme, receive(t, func(http.ResponseWriter, *http.Request) {
			slow.Add(1)
			if at := now.Add(1); at > most.Load() {
				most.Store(at)
			}
			time.Sleep(200 * time.Millisecond)
			now.Add(-1)
		}).URL)
	}
	for i := range 40 {
		reserve(t, s, admin, raleigh(i))
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); n.Run(running) }()
	eventually(t, "the slow ones are told nothing", func() bool { return slow.Load() >= 20 })
	own, other := receive(t, nil), receive(t, nil)
	endpoint(t, s, acme, own.URL)
	endpoint(t, s, globex, other.URL)
	for i := range 5 {
		reserve(t, s, admin, raleigh(100+i))
		reserve(t, s, rival, raleigh(200+i))
	}
	eventually(t, "the others wait", func() bool { return len(own.had()) == 5 && len(other.had()) == 5 })
	if n := slow.Load(); n > 100 {
		t.Errorf("the others waited until the slow ones had been told %d times", n)
	}
	if n := most.Load(); n > 4 {
		t.Errorf("four slow endpoints had %d places", n)
	}
	n.drain = 0
	stop()
	<-done
}

// Two processes on one database: each delivery is sent by one of them.
func TestTwoProcesses(t *testing.T) {
	s, one := open(t)
	second := must[*store.Store](t)(store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now, NoShelf: true}))
	t.Cleanup(func() { second.Close() })
	two := New(Config{Store: second, AllowPrivate: true})
	to := receive(t, nil)
	endpoint(t, s, acme, to.URL)
	for i := range 60 {
		reserve(t, s, admin, raleigh(i))
	}
	var both sync.WaitGroup
	both.Go(func() { one.Pass(ctx) })
	both.Go(func() { two.Pass(ctx) })
	both.Wait()
	seen := map[string]bool{}
	for _, g := range to.had() {
		seen[g.Get("webhook-id")] = true
		verify(t, s, g) // one key for the installation
	}
	if len(to.had()) != 60 || len(seen) != 60 {
		t.Errorf("%d requests, %d deliveries", len(to.had()), len(seen))
	}
	checked(t, s)
}
