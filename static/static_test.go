package static

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestServesEverything(t *testing.T) {
	for _, name := range Names() {
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, httptest.NewRequest("GET", Path(name), nil))
		h := w.Result().Header
		if w.Code != 200 || h.Get("Content-Type") == "" || !strings.Contains(h.Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest("GET", "/static/app.css", nil))
	if w.Code != 404 {
		t.Errorf("without its hash: %d, want 404", w.Code)
	}
	if css := string(Body("app.css")); !strings.Contains(css, Path("inter.woff2")) || !strings.HasPrefix(strings.TrimSpace(css), "/*") {
		t.Error("the style sheet does not begin with the tokens or lacks the font's address")
	}
}
