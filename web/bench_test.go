package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// benchSite is a handler without a network, and a cookie of an admin who has no caps.
func benchSite(b *testing.B) (http.Handler, *http.Cookie) {
	b.Helper()
	ctx := context.Background()
	s := storetest.Open(b)
	p := tel.DefaultPolicy()
	p.MaxHeld = tel.MostHeld
	if err := s.SetPolicy(ctx, tel.System("test"), storetest.Acme, p); err != nil {
		b.Fatal(err)
	}
	if _, err := s.CreatePerson(ctx, tel.System("test"), store.NewPerson{Email: "a@example.com", Role: tel.RoleAdmin, Account: storetest.Acme}); err != nil {
		b.Fatal(err)
	}
	token, err := s.NewEnterLink(ctx, tel.System("test"), "a@example.com", time.Hour, false)
	if err != nil {
		b.Fatal(err)
	}
	srv, err := web.New(web.Config{Store: s.Store})
	if err != nil {
		b.Fatal(err)
	}
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/enter/"+token, nil))
	return srv.Handler(), w.Result().Cookies()[0]
}

func BenchmarkSearchFragment(b *testing.B) {
	h, cookie := benchSite(b)
	for b.Loop() {
		r := httptest.NewRequest("GET", "/search?npa=919&seed=1", nil)
		r.AddCookie(cookie)
		r.Header.Set("HX-Request", "true")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkReserve(b *testing.B) {
	h, cookie := benchSite(b)
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tn := tel.NewNumber(919, 555, 2000+int(n.Add(1))%2000)
			r := httptest.NewRequest("POST", "/reservations", strings.NewReader(url.Values{"tn": {tn.Digits()}, "back": {"/lookup"}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(cookie)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
