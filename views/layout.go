// Package views holds the pages as templ components, one family per file, and the
// plain view models that they show. It knows nothing of requests or the store.
package views

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// Shell is what every page needs to know beside its own content: who looks, from
// where, and what to tell them.
type Shell struct {
	// Fragment renders only the main part, the title and the bits around it that
	// may have changed, for a request that htmx made. The page is the same call.
	Fragment bool

	SignedIn    bool
	Path        string // of this request, for the way back and the current nav item
	Now         time.Time
	Theme       string // "light", "dark" or "" for the system's
	Zone        string // chosen time zone; "" is the browser's
	KeysOff     bool   // no single letter does anything
	RequestID   string
	Live        bool // open /live
	Person      ShellPerson
	RoleLabel   string
	AccountName string   // acted for, "" none
	Acting      string   // an operator works for this account: the banner's name
	Accounts    []Choice // to switch between, when there are several
	Nav         []NavItem
	Flash       []Flash
}

// ShellPerson is who is signed in.
type ShellPerson struct{ Name, Initials, Email string }

// NavItem is one entry of the side bar and, where Tab is set, of the bottom tabs.
type NavItem struct {
	ID      string // stable: "nav-search"
	Label   string
	Short   string // for the bottom tabs; "" is Label
	Href    string
	Also    string // another address that it is the way to
	Icon    string
	Current bool
	Badge   int    // 0 shows none, more than MostBadge that there are more
	BadgeOf string // what is counted, for screen readers: "live reservations"
}

// MostBadge is as far as a badge counts.
const MostBadge = 99

func (n NavItem) badge() string {
	if n.Badge > MostBadge {
		return strconv.Itoa(MostBadge) + "+"
	}
	return strconv.Itoa(n.Badge)
}

// Choice is one option of a select or of a segmented control.
type Choice struct {
	Value    string
	Label    string
	Selected bool
}

// FlashKind is the tone of a message.
type FlashKind string

// The kinds of message.
const (
	FlashOK    FlashKind = "ok"
	FlashWarn  FlashKind = "warn"
	FlashError FlashKind = "error"
)

// Flash is a message about what was just done.
type Flash struct {
	Kind  FlashKind
	Text  string
	Until time.Time    // said behind the text in the reader's own zone; zero is none
	Link  *FlashAction // a page to look at
}

// FlashAction is a link of a message.
type FlashAction struct{ Label, Href string }

// Hidden is one hidden input of a form.
type Hidden struct{ Name, Value string }

// whoLine is the line below the person's name.
func (s Shell) whoLine() string {
	if s.AccountName == "" {
		return s.RoleLabel
	}
	return s.RoleLabel + " · " + s.AccountName
}

// mostTabs is how many bottom tabs a phone has room for.
const mostTabs = 5

// tabs are the bottom tabs: all there are, or the first few with the others under More.
func (s Shell) tabs() []NavItem {
	if len(s.Nav) <= mostTabs {
		return s.Nav
	}
	return s.Nav[:mostTabs-1]
}

func (s Shell) underMore() []NavItem { return s.Nav[len(s.tabs()):] }

func anyCurrent(list []NavItem) bool {
	return slices.ContainsFunc(list, func(n NavItem) bool { return n.Current })
}

func (n NavItem) short() string { return cmp.Or(n.Short, n.Label) }

func current(n NavItem) templ.Attributes {
	if n.Current {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

// outOfBand marks what htmx puts in its place beside the main part.
func outOfBand(oob bool) templ.Attributes {
	if oob {
		return templ.Attributes{"hx-swap-oob": "outerMorph"}
	}
	return nil
}
