package bandwidth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"tnreserve/store/storetest"
	"tnreserve/web/doortest"
	"tnreserve/web/limit"
)

// Bandwidth's own client, from the folder npm: what each step demands is in client.js.
func TestBandwidthsOwnClient(t *testing.T) {
	d := open(t)
	open := httptest.NewServer(d.handler)
	defer open.Close()
	d.hang(limit.New(0.001, 1, d.Now))
	limited := httptest.NewServer(d.handler)
	defer limited.Close()
	who := d.clients["acme-admin"]
	doortest.RunClient(t, "Bandwidth's", "ENDPOINT="+open.URL+"/api", "LIMITED="+limited.URL+"/api", "ACCOUNT="+storetest.Acme.String(),
		"USERNAME="+who.Username, "PASSWORD="+who.Password)
}

// The door answers under its prefixes and leaves the rest alone.
func TestBesideTheDashboard(t *testing.T) {
	d := open(t)
	for path, ours := range map[string]bool{
		"/api": true, "/api/": true, "/API/v2/tns": true, "/v1.0/tns": true, "/V1.0": true, "/api/v3/x": true, "//api": false,
		"/": false, "/apiary": false, "/v1.0x": false, "/v1": false, "/v2/number_orders": false, "/search": false, "/reservations": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://door.test/", nil)
		r.URL.Path = path
		if w := d.serve(r); (w.Code != http.StatusTeapot) != ours {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
