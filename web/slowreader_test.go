package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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

// entered signs somebody in at a server and answers their cookie.
func (s *site) entered(srv *web.Server, who string) *http.Cookie {
	s.t.Helper()
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/enter/"+s.link(who, false), nil))
	return w.Result().Cookies()[0]
}

// Readers who take nothing keep nobody else from searching.
func TestStuckReadersKeepNoPlace(t *testing.T) {
	s := open(t)
	srv, err := web.New(web.Config{Store: s.Store.Store})
	if err != nil {
		t.Fatal(err)
	}
	cookie := s.entered(srv, "acme-admin")
	search := func(w http.ResponseWriter) {
		r := httptest.NewRequest("GET", "/search?npa=919&seed=1", nil)
		r.AddCookie(cookie)
		srv.Handler().ServeHTTP(w, r)
	}
	letGo := make(chan struct{})
	defer close(letGo)
	for range 40 { // more than there are places on any machine that tests this
		w := stuck{httptest.NewRecorder(), make(chan struct{}, 100), letGo}
		go search(w)
		select {
		case <-w.writing:
		case <-time.After(patience):
			t.Fatal("a search waits for readers who take nothing")
		}
	}
	w := httptest.NewRecorder()
	if search(w); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}

// timed notes the deadlines of a connection, and tells when a handler has begun.
type timed struct {
	*httptest.ResponseRecorder
	begun       chan struct{}
	read, write time.Time
}

func (w *timed) SetReadDeadline(t time.Time) error  { w.read = t; return nil }
func (w *timed) SetWriteDeadline(t time.Time) error { w.write = t; return nil }

func (w *timed) Header() http.Header {
	select {
	case w.begun <- struct{}{}:
	default:
	}
	return w.ResponseRecorder.Header()
}

// A file has its time from when its turn comes, to come in and to be answered.
func TestUploadsThatWaitLoseNoTime(t *testing.T) {
	s := open(t)
	r := httptest.NewRequest("POST", "/inventory/import", strings.NewReader("no form"))
	r.AddCookie(s.entered(s.Server, "operator"))
	w, answered := &timed{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{}, 1)}, make(chan struct{})
	letGo := s.Server.ReadElsewhere()
	go func() {
		s.Server.Handler().ServeHTTP(w, r)
		close(answered)
	}()
	<-w.begun
	time.Sleep(50 * time.Millisecond) // for who would begin too early
	turn := time.Now()
	letGo()
	<-answered
	if w.read.Sub(turn) < 5*time.Minute || w.write.Sub(w.read) < time.Minute {
		t.Errorf("%v to read it, %v to answer after that", w.read.Sub(turn), w.write.Sub(w.read))
	}
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}
