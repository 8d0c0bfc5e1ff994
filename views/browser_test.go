package views

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tnreserve/static"
	"tnreserve/store/tel"
)

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// stage is a server that knows just enough of reservations to drive the pages.
type stage struct {
	mu     sync.Mutex
	mine   map[tel.Number]time.Time // until when
	gone   map[tel.Number]bool
	flash  []Flash
	posts  []string
	listen map[chan string]bool
}

func (st *stage) say(name string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for c := range st.listen {
		c <- name
	}
}

func (st *stage) search(cursor string) Search {
	v := previewSearch()
	v.Mine = &MinePanel{}
	now := time.Now()
	if cursor != "" {
		v.First, v.Next = "/search", ""
		for i := range v.Rows {
			v.Rows[i].TN += 10_000_000
		}
	}
	for i := range v.Rows {
		r := &v.Rows[i]
		r.State = RowFree
		if until, ok := st.mine[r.TN]; ok && until.After(now) {
			r.State, r.Reservation = RowMine, "r-1"
			r.Left = Countdown{ExpiresAt: until, Now: now, Total: time.Hour, Of: r.TN.String()}
			v.Mine.Lines = append(v.Mine.Lines, ReservationLine{ID: r.TN.Digits(), TNs: []tel.Number{r.TN}, TNCount: 1, Left: r.Left, State: tel.StateLive})
		} else if st.gone[r.TN] {
			r.State = RowGone
		}
	}
	v.Mine.Total = len(v.Mine.Lines)
	v.Self, v.Next = "/search", onOff(cursor == "", "/search?cursor=2", "")
	return v
}

func (st *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", contentPolicy)
	if strings.HasPrefix(r.URL.Path, "/static/") {
		static.Handler().ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/live" {
		c := make(chan string, 9)
		st.mu.Lock()
		st.listen[c] = true
		st.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": open\n\n")
		for {
			w.(http.Flusher).Flush()
			select {
			case name := <-c:
				fmt.Fprintf(w, "event: %s\ndata: 1\n\n", name)
			case <-r.Context().Done():
				st.mu.Lock()
				delete(st.listen, c)
				st.mu.Unlock()
				return
			}
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	_ = r.ParseForm()
	s := previewShell(r.URL.Path)
	s.Fragment, s.Now = r.Header.Get("HX-Request") == "true", time.Now()
	s.Nav[1].Badge = len(st.mine)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	var page templ.Component
	switch r.Method + " " + r.URL.Path {
	case "POST /reservations":
		st.posts = append(st.posts, r.PostForm.Encode())
		for _, digits := range r.PostForm["tn"] {
			tn, _ := tel.ParseNumber(digits)
			st.mine[tn] = time.Now().Add(time.Hour)
			st.flash = append(st.flash, Flash{Kind: FlashOK, Text: "Reserved " + tn.String(), Until: st.mine[tn]})
		}
		http.Redirect(w, r, r.PostForm.Get("back"), http.StatusSeeOther)
		return
	case "POST /theme":
		st.posts = append(st.posts, r.PostForm.Encode())
		http.Redirect(w, r, "/search", http.StatusSeeOther)
		return
	case "GET /search":
		s.Flash, st.flash = st.flash, nil
		page = SearchPage(s, st.search(r.Form.Get("cursor")))
	case "GET /search/rows":
		var rows []SearchRow
		for _, row := range append(st.search("").Rows, st.search("2").Rows...) {
			for _, digits := range r.Form["tn"] {
				if row.TN.Digits() == digits {
					rows = append(rows, row)
				}
			}
		}
		page = SearchRows(rows, true)
	case "GET /reservations":
		page = ReservationsPage(s, previewReservations())
	default:
		http.NotFound(w, r)
		return
	}
	_ = page.Render(r.Context(), w)
}

// TestBrowser walks through search in a real browser under the real policy: that
// htmx morphs, boosts and refreshes as the pages count on.
func TestBrowser(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is missing: apt-get install chromium")
	}
	st := &stage{mine: map[tel.Number]time.Time{}, gone: map[tel.Number]bool{}, listen: map[chan string]bool{}}
	server := httptest.NewServer(st)
	defer server.CloseClientConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, leave := chromedp.NewContext(ctx)
	defer leave()
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			t.Errorf("the browser complains: %s %s", e.Entry.Text, e.Entry.URL)
		case *runtime.EventExceptionThrown:
			t.Errorf("a script failed: %s", &chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails})
		}
	}); err != nil {
		t.Fatal(err)
	}
	do := func(js string) {
		t.Helper()
		if err := chromedp.Do(ctx, func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
			return chromedp.Evaluate[chromedp.Void](js)(ctx, tab)
		}); err != nil {
			t.Fatalf("%s: %v", js, err)
		}
	}
	holds := func(what, js string) {
		t.Helper()
		for range 200 {
			if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+js+")")); err == nil && ok {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		state, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`[location.href, document.activeElement.outerHTML.slice(0, 80), document.querySelectorAll("#rows > tr").length, document.title, document.querySelector("[aria-current]")?.id, [...document.querySelectorAll("#rows > tr")].map(r => r.dataset.state)].join(" ")`))
		t.Errorf("%s: not so: %s (%s)", what, js, state)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/search")); err != nil {
		t.Fatal(err)
	}
	holds("the stream opens", `document.querySelector('.live-t').textContent === 'Live'`)
	holds("the policy keeps inline styles out and ours in", `getComputedStyle(document.querySelector('.btn.primary')).borderRadius === '8px'`)
	holds("digits are tabular", `(() => { const w = s => { const e = document.createElement('span'); e.className = 'num'; e.textContent = s; document.body.append(e); const x = e.getBoundingClientRect().width; e.remove(); return x }; return w('1111') === w('0000') })()`)
	do(`window.mark = 1; document.querySelector('#sel-9195554201').click(); document.querySelector('#sel-9195557042').click(); document.querySelector('#f-place').value = 'typed'; scrollTo(0, 260)`)
	holds("the bar counts", `document.querySelector('#bulk [data-selected]').textContent === '2' && document.querySelector('#bulk').checkVisibility()`)
	do(`window.steps = history.length; const b = document.querySelector('#do-9195554242'); b.focus({preventScroll: true}); window.at = scrollY; b.click()`)
	holds("the row is mine", `document.querySelector('#tn-9195554242').dataset.state === 'mine'`)
	holds("no page was loaded, nothing was lost", `window.mark && document.querySelector('#sel-9195554201').checked && document.querySelector('#sel-9195557042').checked && document.querySelector('#f-place').value === 'typed'`)
	holds("the scroll stays", `scrollY === window.at`)
	holds("the focus stays", `document.activeElement.id === 'do-9195554242'`)
	holds("no step in the history", `history.length === window.steps && location.pathname === '/search'`)
	holds("said so", `document.querySelector('.toast p').textContent.includes('Reserved (919) 555-4242')`)
	holds("the badge follows", `document.querySelector('#nav-reservations .count-badge').textContent.trim().startsWith('1')`)
	holds("the panel follows", `document.querySelectorAll('#mine li').length === 1`)
	st.mu.Lock()
	if len(st.posts) != 1 || strings.Count(st.posts[0], "tn=") != 1 {
		t.Errorf("one row's button sent %q", st.posts)
	}
	st.gone[tel.NewNumber(919, 555, 4201)] = true
	st.mine[tel.NewNumber(919, 555, 142)] = time.Now().Add(8 * time.Second)
	st.mu.Unlock()

	st.say("shelf")
	st.say("reservations")
	holds("somebody took it", `document.querySelector('#tn-9195554201').dataset.state === 'gone' && document.querySelector('#sel-9195557042').checked`)
	holds("the toast is still there", `document.querySelector('.toast')`)
	holds("mine from elsewhere", `document.querySelector('#tn-9195550142').dataset.state === 'mine' && document.querySelectorAll('#mine li').length === 2`)
	holds("the count follows", `document.querySelector('#bulk [data-selected]').textContent === '1'`)
	holds("time runs out and the row is free", `document.querySelector('#tn-9195550142').dataset.state === 'free' && document.querySelectorAll('#mine li').length === 1`)

	do(`document.querySelector('#pager-more').click()`)
	holds("more rows below", `document.querySelectorAll('#rows > tr').length === 24 && !document.querySelector('#pager-more') && location.search === ''`)
	do(`document.querySelector('#reserve-go').click()`)
	holds("the selection is reserved", `document.querySelector('#tn-9195557042').dataset.state === 'mine'`)

	do(`document.querySelector('.theme [value=dark]').click()`)
	holds("dark at once", `document.documentElement.dataset.theme === 'dark' && getComputedStyle(document.documentElement).colorScheme === 'dark' && window.mark`)
	do(`document.querySelector('#nav-reservations').click()`)
	holds("another page", `location.pathname === '/reservations' && document.title.startsWith('Reservations') && document.querySelector('h1').textContent === 'Reservations' && window.mark`)
	holds("its heading has the focus", `document.activeElement === document.querySelector('h1') && scrollY === 0`)
	holds("the navigation follows", `document.querySelector('#nav-reservations[aria-current]') && !document.querySelector('#nav-search[aria-current]') && document.querySelector('#tab-nav-reservations[aria-current]')`)
	do(`document.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true})); document.dispatchEvent(new KeyboardEvent('keydown', {key: 'x', bubbles: true}))`)
	holds("keys select", `document.querySelector('tr.cursor .c-sel input').checked`)
	do(`history.back()`)
	holds("back again", `location.pathname === '/search' && document.querySelectorAll('#rows > tr').length === 12 && document.querySelector('#tn-9195554242').dataset.state === 'mine' && document.querySelector('#nav-search[aria-current]') && document.querySelector('.live-t').textContent === 'Live'`)
	st.mu.Lock()
	delete(st.gone, tel.NewNumber(919, 555, 4201))
	st.mu.Unlock()
	st.say("shelf")
	holds("live goes on after going back", `document.querySelector('#tn-9195554201').dataset.state === 'free'`)
	do(`document.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}))`)
	holds("the box", `document.activeElement.id === 'q'`)
}
