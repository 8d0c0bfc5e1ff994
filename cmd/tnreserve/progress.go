package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"tnreserve/store/tel"
)

// progress shows how far some long work is: a bar on a terminal, a line every two
// seconds elsewhere.
type progress struct {
	out  io.Writer
	what string
	unit string
	bar  *progressbar.ProgressBar // nil: lines
	next time.Time                // when the next line is due
}

const progressLines = 2 * time.Second

// newProgress begins to show; total below 1 is unknown.
func newProgress(out io.Writer, what, unit string, total int64) *progress {
	g := &progress{out: out, what: what, unit: unit, next: time.Now().Add(progressLines)}
	if isTerminal(out) {
		if total < 1 {
			total = -1
		}
		g.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
			progressbar.OptionSetItsString(unit),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return g
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// at says how far it is.
func (g *progress) at(done, total int64) {
	if g.bar != nil {
		if total > 0 && total != g.bar.GetMax64() {
			g.bar.ChangeMax64(total)
		}
		_ = g.bar.Set64(done) // a terminal that is gone stops no work
		return
	}
	now := time.Now()
	if now.Before(g.next) {
		return
	}
	g.next = now.Add(progressLines)
	if total < 1 {
		fmt.Fprintf(g.out, "%s: %s %s\n", g.what, tel.Count(int(done)), g.unit)
		return
	}
	fmt.Fprintf(g.out, "%s: %s of %s %s, %d %%\n", g.what, tel.Count(int(done)), tel.Count(int(total)), g.unit, 100*done/total)
}

// end takes the bar away.
func (g *progress) end() {
	if g.bar != nil {
		_ = g.bar.Finish()
	}
}

// phases shows works that follow each other.
type phases struct {
	out io.Writer
	now *progress
}

// at says how far the work is that goes on now.
func (g *phases) at(what, unit string, done, total int64) {
	if g.now == nil || g.now.what != what {
		g.end()
		g.now = newProgress(g.out, what, unit, total)
	}
	g.now.at(done, total)
}

func (g *phases) end() {
	if g.now != nil {
		g.now.end()
		g.now = nil
	}
}
