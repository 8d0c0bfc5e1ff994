package telnyx_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web/doortest"
	"tnreserve/web/limit"
	"tnreserve/web/notify"
)

// Telnyx's own client, from the folder npm: what each step demands is in client.js.
func TestTelnyxsOwnClient(t *testing.T) {
	d := open(t)
	steady, err := json.Marshal(sixHundred(d))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", d.handler)
	mux.HandleFunc("/broken/", func(w http.ResponseWriter, r *http.Request) {
		broken := open(t)
		broken.Close()
		r.Header.Set("Authorization", "Bearer "+broken.clients["acme-admin"].Key)
		http.StripPrefix("/broken", broken.handler).ServeHTTP(w, r)
	})
	whole := httptest.NewServer(mux)
	defer whole.Close()
	d.hang(limit.New(0.001, 1, d.Now))
	limited := httptest.NewServer(d.handler)
	defer limited.Close()
	cutter := newCutter(t, whole.Listener.Addr().String())
	control := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/steady":
			w.Write(steady)
		case "/cut":
			cutter.armed.Store(true)
		case "/was-cut":
			fmt.Fprint(w, cutter.cut.Load())
		}
	}))
	defer control.Close()

	doortest.RunClient(t, "Telnyx's", append(signedWebhook(d), "BASE="+whole.URL+"/v2", "LIMITED="+limited.URL+"/v2", "CUT=http://"+cutter.Addr().String()+"/v2", "CONTROL="+control.URL,
		"ADMIN="+d.clients["acme-admin"].Key, "MEMBER="+d.clients["acme-member"].Key, "GLOBEX="+d.clients["globex-admin"].Key, "INITECH="+d.clients["initech-admin"].Key)...)
	checkBooks(t, d)
}

// sixHundred are reservations of Globex, by their ids.
func sixHundred(d *door) (ids []string) {
	for i := range 600 {
		ids = append(ids, d.reserve(storetest.Globex, number(fmt.Sprint(9195553000+i))))
	}
	return ids
}

// signedWebhook is a delivery that a receiver got, byte for byte, and the key to
// check it with.
func signedWebhook(d *door) []string {
	d.t.Helper()
	var hook []byte
	to := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			hook, err = json.Marshal(map[string]any{"body": string(body), "headers": map[string]string{
				"telnyx-timestamp": r.Header.Get("telnyx-timestamp"), "telnyx-signature-ed25519": r.Header.Get("telnyx-signature-ed25519"),
			}})
		}
		if err != nil {
			d.t.Error(err)
		}
	}))
	defer to.Close()
	e, err := d.CreateEndpoint(ctx, root, tel.NewEndpoint{Account: storetest.Acme, URL: to.URL})
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.TestEndpoint(ctx, root, e.ID); err != nil {
		d.t.Fatal(err)
	}
	notify.New(notify.Config{Store: d.Store.Store, AllowPrivate: true}).Pass(ctx)
	if err := d.DeleteEndpoint(ctx, root, e.ID); err != nil {
		d.t.Fatal(err)
	}
	key, err := d.WebhookPublicKey(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	return []string{"WEBHOOK=" + string(hook), "PUBLIC_KEY=" + key}
}

// cutter passes connections on. When it is armed it cuts the next answer off: the
// server has committed, and the client hears nothing of it.
type cutter struct {
	net.Listener
	server string
	armed  atomic.Bool
	cut    atomic.Int32
}

func newCutter(t *testing.T, server string) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: ln, server: server}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go c.pass(conn)
		}
	}()
	return c
}

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if c.armed.CompareAndSwap(true, false) {
			c.cut.Add(1)
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}
