package web_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tnreserve/store/tel"
)

// patience is how long a browser test waits for what must come. It is long: another
// test may have the processor.
const patience = 45 * time.Second

// needTool finds a program that a test cannot do without. The test is skipped where it
// is missing, saying how to get it; with TNRESERVE_NO_SKIP=1 it fails.
func needTool(t *testing.T, name, install string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	text := name + " is missing; install it with: " + install
	if os.Getenv("TNRESERVE_NO_SKIP") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

// chrome starts the browser of a test. Every tab made from it is a child of ctx.
func chrome(t *testing.T) (ctx context.Context) {
	t.Helper()
	path := needTool(t, "chromium", "apt-get install -y chromium")
	dir, err := os.MkdirTemp("", "tnreserve-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir), chromedp.WindowSize(1440, 900),
		chromedp.WSURLReadTimeout(time.Minute), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		leave()
		stop()
		_ = os.RemoveAll(dir)
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// running makes a site whose clock goes, with housekeeping as `serve` does it. Moving
// its clock by hand as well is what lets a test see the end of four hours.
func running(t *testing.T) *site {
	t.Helper()
	s := open(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-stop:
				return
			case now := <-tick.C:
				s.Clock.Add(now.Sub(last))
				last = now
				if _, err := s.Sweep(context.Background()); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return s
}

// tab is one open page of somebody with cookies of their own.
type tab struct {
	*site
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	faults   []string
	expected []string
	live     int // requests with X-Live: 1
}

// tab opens a page. At the test's end everything that the browser complained about
// fails it.
func (s *site) tab(browser context.Context, t *testing.T) *tab {
	t.Helper()
	ctx, leave := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	b := &tab{site: s, t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.notice); err != nil {
		t.Fatal(err)
	}
	b.must(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `addEventListener('securitypolicyviolation', e => console.error('CSP', e.effectiveDirective, e.blockedURI, e.sample))`,
	}))
	t.Cleanup(func() {
		leave()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range b.faults {
			t.Error("the browser complains: " + f)
		}
	})
	return b
}

// call is a protocol command whose answer does not matter.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

// notice collects what a page must never do.
func (b *tab) notice(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fault := ""
	switch e := ev.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			fault = fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		fault = "exception: " + (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			for _, a := range e.Args {
				fault += fmt.Sprintf(" %s %s", a.Value, a.Description)
			}
			fault = "console:" + fault
		}
	case *network.EventLoadingFailed:
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" {
			fault = "request failed: " + e.ErrorText + " " + string(e.BlockedReason)
		}
	case *network.EventRequestWillBeSent:
		if fmt.Sprint(e.Request.Headers["X-Live"]) == "1" {
			b.live++
		}
	case *page.EventJavascriptDialogOpening:
		fault = "a dialog: " + e.Message
		go func() {
			_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	}
	for _, x := range b.expected {
		if strings.Contains(fault, x) {
			return
		}
	}
	if fault != "" && len(b.faults) < 20 {
		b.faults = append(b.faults, fault)
	}
}

// expect names complaints that are as they should be, such as the console line of a 422.
func (b *tab) expect(parts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, parts...)
}

func (b *tab) lives() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live
}

// must does a step within patience.
func (b *tab) must(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, step); err != nil {
		b.t.Fatalf("%s: %v", b.where(), err)
	}
}

func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	return at
}

func (b *tab) goTo(path string) {
	b.t.Helper()
	b.must(chromedp.Navigate(b.URL + path))
}

// click clicks on what is there by then: between its being found and the click the page
// may be drawn anew.
func (b *tab) click(selector string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; {
		b.holds(selector+" can be clicked", fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, selector))
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector)))
		cancel()
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "Could not find node") || time.Now().After(end) {
			b.t.Fatalf("%s: %v", b.where(), err)
		}
	}
}

// fill replaces what stands in a field by typing.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	// found and focused in one step: the page may be on its way to another
	b.holds(selector+" takes the focus", fmt.Sprintf(`(e => { e?.focus(); e?.select(); return e && document.activeElement === e })(document.querySelector(%q))`, selector))
	b.keys(text)
}

// keys presses keys as a keyboard does: a page that takes a key for itself gets no
// letter. (chromedp.KeyEvent sends the letter as well.)
func (b *tab) keys(keys string) {
	b.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		if len(events) == 3 { // down, letter, up
			events[0].Text = events[1].Text
			events = []*input.DispatchKeyEventParams{events[0], events[2]}
		}
		for _, e := range events {
			b.must(call(input.DispatchKeyEvent, *e))
		}
	}
}

// js runs a script, with the rights of the developer tools.
func (b *tab) js(script string) {
	b.t.Helper()
	b.must(chromedp.Evaluate[chromedp.Void](script))
}

// get is the text that a script answers.
func (b *tab) get(script string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+script+")"))
	if err != nil {
		b.t.Fatalf("%s: %s: %v", b.where(), script, err)
	}
	return text
}

// holds waits until a condition in the page is true.
func (b *tab) holds(what, condition string) {
	b.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		ok := false
		ok, err = chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		cancel()
		if err == nil && ok {
			return
		}
	}
	state, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[location.pathname + location.search, document.activeElement.outerHTML.slice(0, 90), document.querySelector('#main')?.innerText.replace(/\s+/g, ' ').slice(0, 1500)].join(' | ')`))
	b.t.Fatalf("%s: not so: %s (%v)\n%s", what, condition, err, state)
}

// reloaded loads the page anew until a condition in it is true.
func (b *tab) reloaded(what, condition string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if b.must(chromedp.Reload()); b.get("!!("+condition+")") == "true" {
			return
		}
	}
	b.t.Fatalf("%s: not so: %s", what, condition)
}

// enter signs somebody in through a link, as they do it.
func (b *tab) enter(who string) {
	b.t.Helper()
	token, err := b.NewEnterLink(context.Background(), tel.System("test"), email(who), time.Hour, false)
	if err != nil {
		b.t.Fatal(err)
	}
	b.goTo("/enter/" + token)
	b.click("#enter")
	b.holds(who+" is in", `location.pathname !== '/enter/`+token+`' && document.querySelector('#side')`)
}

// ready waits until the page's stream is open.
func (b *tab) ready() {
	b.t.Helper()
	b.holds("the stream is open", `document.querySelector('#live')?.dataset.state === 'on'`)
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.must(call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1}))
}

// prefers sets what the system of the reader prefers, as pairs: prefers-color-scheme,
// dark.
func (b *tab) prefers(pairs ...string) {
	b.t.Helper()
	var features []*emulation.MediaFeature
	for i := 0; i+1 < len(pairs); i += 2 {
		features = append(features, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	b.must(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}))
}

func (b *tab) withoutScript() {
	b.t.Helper()
	b.must(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
}

// toast waits for a message.
func (b *tab) toast(text string) {
	b.t.Helper()
	b.holds("the message "+text, fmt.Sprintf(`[...document.querySelectorAll('.toast')].some(t => t.textContent.includes(%q))`, text))
}

func at(path string) string {
	if p, err := url.Parse(path); err == nil && p.RawQuery == "" {
		return fmt.Sprintf(`location.pathname === %q`, path)
	}
	return fmt.Sprintf(`location.pathname + location.search === %q`, path)
}
