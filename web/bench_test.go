package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// benchSite is a handler without a network, and a cookie of an admin who has no caps.
func benchSite(b *testing.B) (http.Handler, *http.Cookie) {
	b.Helper()
	ctx := context.Background()
	s := storetest.Open(b)
	var rows strings.Builder
	rows.WriteString("npa,nxx,city,state,rate_center,lata\n")
	for nxx := 200; nxx < 300; nxx++ {
		if nxx != 211 {
			fmt.Fprintf(&rows, "919,%d,Raleigh,NC,RALEIGH,426\n", nxx)
		}
	}
	inv, err := intake.Read(ctx, strings.NewReader(rows.String()), intake.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Import(ctx, tel.System("test"), inv, nil); err != nil {
		b.Fatal(err)
	}
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

func BenchmarkReserveHTTP(b *testing.B) {
	h, cookie := benchSite(b)
	srv := httptest.NewServer(h)
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			tn := tel.NewNumber(919, 212+int(i/10000)%80, int(i%10000))
			r, _ := http.NewRequest("POST", srv.URL+"/reservations", strings.NewReader(url.Values{"tn": {tn.Digits()}, "back": {"/lookup"}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(cookie)
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
}

func BenchmarkReserve(b *testing.B) {
	h, cookie := benchSite(b)
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			tn := tel.NewNumber(919, 212+int(i/10000)%80, int(i%10000))
			r := httptest.NewRequest("POST", "/reservations", strings.NewReader(url.Values{"tn": {tn.Digits()}, "back": {"/lookup"}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(cookie)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
