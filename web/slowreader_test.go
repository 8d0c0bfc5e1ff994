package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tnreserve/store/tel"
	"tnreserve/web"
)

// stuck is a reader that takes nothing until it is let go.
type stuck struct {
	*httptest.ResponseRecorder
	writing, letGo chan struct{}
}

func (s stuck) Write(b []byte) (int, error) {
	s.writing <- struct{}{}
	<-s.letGo
	return s.ResponseRecorder.Write(b)
}

// Readers who take nothing keep nobody else from searching.
func TestStuckReadersKeepNoPlace(t *testing.T) {
	s := open(t)
	srv, err := web.New(web.Config{Store: s.Store.Store})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.NewEnterLink(context.Background(), tel.System("test"), email("acme-admin"), time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	entered := httptest.NewRecorder()
	srv.Handler().ServeHTTP(entered, httptest.NewRequest("POST", "/enter/"+token, nil))
	search := func(w http.ResponseWriter) {
		r := httptest.NewRequest("GET", "/search?npa=919&seed=1", nil)
		r.AddCookie(entered.Result().Cookies()[0])
		srv.Handler().ServeHTTP(w, r)
	}
	letGo := make(chan struct{})
	defer close(letGo)
	for range 40 { // more than there are places on any machine that tests this
		w := stuck{httptest.NewRecorder(), make(chan struct{}, 100), letGo}
		go search(w)
		select {
		case <-w.writing:
		case <-time.After(5 * time.Second):
			t.Fatal("a search waits for readers who take nothing")
		}
	}
	w := httptest.NewRecorder()
	if search(w); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}
