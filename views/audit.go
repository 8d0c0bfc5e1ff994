package views

import (
	"cmp"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// Audit is the audit trail, the latest first.
type Audit struct {
	Self        string
	Filter      AuditFilter
	Rows        []AuditRow
	Summary     string
	Next        string
	First       string
	Reached     time.Time // how far back a filtered page looked, when there may be more
	Export      string    // "" none
	WithAccount bool
	OneThing    bool // the reader reads the history of one thing at a time
}

// AuditFilter is the filters as typed. Errors by field: from, to, kind, actor, about.
type AuditFilter struct {
	From, To, Kind, Actor, About string
	Kinds                        []string // families of kinds
	Accounts                     []Choice
	Errors                       map[string]string
	Clear                        string
}

// AuditRow is one entry.
type AuditRow struct {
	tel.Event
	AccountName   string
	ReservationID string
	OrderID       string
	Before, After string // as they are kept
	Hash          string
}

// families are what the kinds of event are called together.
var families = map[string]string{
	"reservation": "Reservations", "order": "Orders", "tn": "Numbers", "account": "Accounts", "person": "People",
	"client": "API clients", "inventory": "Inventory", "desk": "Look-ups", "database": "Database",
}

func (f AuditFilter) kinds() []Choice {
	list := []Choice{{Label: "Everything", Selected: f.Kind == ""}}
	for _, kind := range f.Kinds {
		list = append(list, Choice{Value: kind, Label: cmp.Or(families[kind], kind), Selected: f.Kind == kind})
	}
	if family, one, ok := strings.Cut(f.Kind, "."); ok && one != "" {
		list = append(list, Choice{Value: f.Kind, Label: cmp.Or(families[family], family) + ": " + strings.ReplaceAll(one, "_", " "), Selected: true})
	}
	return list
}

var eventTitles = map[tel.EventKind]string{
	tel.EventReserved: "Reserved", tel.EventExpired: "Reservation ran out", tel.EventCancelled: "Reservation cancelled", tel.EventExtended: "Reservation extended",
	tel.EventDropped: "Number dropped from a reservation", tel.EventOrdered: "Reservation ordered", tel.EventPartOrdered: "Reservation ordered in part",
	tel.EventOrderCompleted: "Order complete", tel.EventOrderPartial: "Order partial", tel.EventOrderFailed: "Order failed", tel.EventOrderWaits: "Order waits",
	tel.EventOrderUpdated: "Order renamed", tel.EventOrderNoted: "Note on an order",
	tel.EventAccountCreated: "Account created", tel.EventSwitched: "Reservation switched", tel.EventLocked: "Switch locked or unlocked", tel.EventPolicy: "Policy changed",
	tel.EventPersonCreated: "Person added", tel.EventSignedIn: "Signed in", tel.EventSignedOut: "Signed out", tel.EventRoleChanged: "Role changed", tel.EventPasswordChanged: "Password changed",
	tel.EventClientCreated: "API client created", tel.EventClientRevoked: "API client revoked", tel.EventClientRotated: "API client’s secrets replaced",
	tel.EventLookedUp: "Looked up", tel.EventRestored: "Database restored from a backup",
}

// title says what happened.
func (r AuditRow) title() string {
	if title := eventTitles[r.Kind]; title != "" {
		return title
	}
	step := Steps([]tel.Event{r.Event})[0]
	if step.Title != string(r.Kind) {
		return step.Title
	}
	return upperFirst(strings.NewReplacer(".", " ", "_", " ").Replace(string(r.Kind)))
}

func (r AuditRow) icon() string {
	switch family, _, _ := strings.Cut(string(r.Kind), "."); family {
	case "account":
		return "building-2"
	case "person":
		return "user"
	case "client":
		return "plug"
	case "desk":
		return "file-search"
	}
	return Steps([]tel.Event{r.Event})[0].Icon
}

// what is in short what it was about.
func (r AuditRow) what() string {
	switch {
	case r.Kind == tel.EventLookedUp && r.Facts.Subject != "":
		return "By " + r.Facts.Reason + ": " + r.Facts.Subject
	case len(r.Facts.TNs) > 0:
		return joinTNs(r.Facts.TNs)
	case r.Facts.Reason != "":
		return r.Facts.Reason
	}
	return ""
}

// who is who did it, and as whom.
func (r AuditRow) who() string {
	a := r.Actor
	switch {
	case a.Kind == tel.KindSystem:
		return "The house: " + a.Name
	case a.Kind == tel.KindClient:
		return a.Name + ", API client"
	}
	return a.Name
}

func (r AuditRow) as() string {
	a := r.Actor
	text := roleName(a.Role)
	if a.Kind == tel.KindSystem {
		text = "System"
	}
	return text
}

func (r AuditRow) from() string {
	if r.Actor.Addr == "" {
		return orDash(r.Actor.Door)
	}
	return r.Actor.Door + ", " + r.Actor.Addr
}

// shortHash is enough of a hash to compare by eye.
func (r AuditRow) shortHash() string { return r.Hash[:min(10, len(r.Hash))] }

// mostNamed is how many TNs an entry names.
const mostNamed = 100

func (r AuditRow) tns() string {
	names := make([]string, 0, min(mostNamed, len(r.Facts.TNs)))
	for _, n := range r.Facts.TNs[:min(mostNamed, len(r.Facts.TNs))] {
		names = append(names, n.String())
	}
	text := strings.Join(names, ", ")
	if more := len(r.Facts.TNs) - mostNamed; more > 0 {
		text += " and " + tel.Count(more) + " more"
	}
	return text
}

func (r AuditRow) expires() time.Time {
	if r.Facts.ExpiresAt == 0 {
		return time.Time{}
	}
	return time.UnixMicro(r.Facts.ExpiresAt).UTC()
}
