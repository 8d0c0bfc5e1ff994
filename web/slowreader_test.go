package web_test

import (
	"bytes"
	"io"
	"mime/multipart"
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

// fileForm is a form with a file, as a browser sends it.
func fileForm(text string) (body *bytes.Buffer, kind string) {
	body = &bytes.Buffer{}
	form := multipart.NewWriter(body)
	part, _ := form.CreateFormFile("file", "numbers.csv") // a buffer cannot fail
	_, _ = io.WriteString(part, text)
	_ = form.Close()
	return body, form.FormDataContentType()
}

// A file that has come in has its time to be answered from when its turn comes.
func TestUploadsThatWaitLoseNoTime(t *testing.T) {
	s := open(t)
	body, kind := fileForm("npa,nxx\n303,555\n")
	r := httptest.NewRequest("POST", "/inventory/import", body)
	r.Header.Set("Content-Type", kind)
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
	if !w.read.IsZero() || w.write.Sub(turn) < 5*time.Minute {
		t.Errorf("read until %v, %v to answer", w.read, w.write.Sub(turn))
	}
	if w.Code != http.StatusSeeOther {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// What is no CSV is refused before the rest of it has come; a file that takes its time
// keeps nobody else's from being read.
func TestSlowUploads(t *testing.T) {
	s := open(t)
	cookie := s.entered(s.Server, "operator")
	begin := func(text string) (rest *io.PipeWriter, answered chan *httptest.ResponseRecorder) {
		whole, kind := fileForm(text)
		in, out := io.Pipe()
		r := httptest.NewRequest("POST", "/inventory/import", in)
		r.Header.Set("Content-Type", kind)
		r.AddCookie(cookie)
		answered = make(chan *httptest.ResponseRecorder, 1)
		go func() {
			w := httptest.NewRecorder()
			s.Server.Handler().ServeHTTP(w, r)
			answered <- w
		}()
		go out.Write(whole.Bytes()[:whole.Len()-10_000]) // the end is still to come
		return out, answered
	}
	none, picture := begin("\x89PNG\r\n\x1a\n\x00\x00" + strings.Repeat("x", 20_000))
	select {
	case w := <-picture:
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("a picture: %d", w.Code)
		}
	case <-time.After(patience):
		t.Fatal("a picture is read to its end")
	}
	_ = none.Close()
	rest, slow := begin("npa,nxx\n" + strings.Repeat("303,555\n", 5000))
	s.as("operator").upload("numbers.csv", "npa,nxx\n303,555\n").has("#confirm")
	_ = rest.CloseWithError(io.ErrUnexpectedEOF)
	if w := <-slow; w.Code != http.StatusUnprocessableEntity {
		t.Errorf("half a file: %d", w.Code)
	}
	if n := s.one(`SELECT COUNT(*) FROM upload`); n != "1" {
		t.Errorf("%s uploads are kept, not the whole one", n)
	}
}
