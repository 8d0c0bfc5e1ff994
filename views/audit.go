package views

import (
	"cmp"
	"context"
	"strings"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
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
	"reservation": texts.Mark("Reservations"), "order": texts.Mark("Orders"), "tn": texts.Mark("Numbers"), "account": texts.Mark("Accounts"), "person": texts.Mark("People"),
	"client": texts.Mark("API clients"), "inventory": texts.Mark("Inventory"), "desk": texts.Mark("Look-ups"), "database": texts.Mark("Database"),
	"purchase": texts.Mark("Purchases"), "webhook": texts.Mark("Webhooks"), "site": texts.Mark("Sites"), "sippeer": texts.Mark("SIP peers"), "subscription": texts.Mark("Subscriptions"),
}

func familyName(ctx context.Context, family string) string {
	return texts.T(ctx, cmp.Or(families[family], family))
}

func (f AuditFilter) kinds(ctx context.Context) []Choice {
	list := []Choice{{Label: texts.T(ctx, "Everything"), Selected: f.Kind == ""}}
	for _, kind := range f.Kinds {
		list = append(list, Choice{Value: kind, Label: familyName(ctx, kind), Selected: f.Kind == kind})
	}
	if family, one, ok := strings.Cut(f.Kind, "."); ok && one != "" {
		list = append(list, Choice{Value: f.Kind, Label: familyName(ctx, family) + ": " + strings.ReplaceAll(one, "_", " "), Selected: true})
	}
	return list
}

var eventTitles = map[tel.EventKind]string{
	tel.EventReserved: texts.Mark("Reserved"), tel.EventExpired: texts.Mark("Reservation ran out"), tel.EventCancelled: texts.Mark("Reservation cancelled"), tel.EventExtended: texts.Mark("Reservation extended"),
	tel.EventDropped: texts.Mark("Number dropped from a reservation"), tel.EventOrdered: texts.Mark("Reservation ordered"), tel.EventPartOrdered: texts.Mark("Reservation ordered in part"),
	tel.EventOrderCompleted: texts.Mark("Order complete"), tel.EventOrderPartial: texts.Mark("Order partial"), tel.EventOrderFailed: texts.Mark("Order failed"), tel.EventOrderWaits: texts.Mark("Order waits"),
	tel.EventOrderUpdated: texts.Mark("Order renamed"), tel.EventOrderNoted: texts.Mark("Note on an order"),
	tel.EventAccountCreated: texts.Mark("Account created"), tel.EventSwitched: texts.Mark("Reservation switched"), tel.EventLocked: texts.Mark("Switch locked or unlocked"), tel.EventPolicy: texts.Mark("Policy changed"),
	tel.EventPersonCreated: texts.Mark("Person added"), tel.EventSignedIn: texts.Mark("Signed in"), tel.EventSignedOut: texts.Mark("Signed out"), tel.EventRoleChanged: texts.Mark("Role changed"), tel.EventPasswordChanged: texts.Mark("Password changed"),
	tel.EventClientCreated: texts.Mark("API client created"), tel.EventClientRevoked: texts.Mark("API client revoked"), tel.EventClientRotated: texts.Mark("API client’s secrets replaced"),
	tel.EventLookedUp: texts.Mark("Looked up"), tel.EventRestored: texts.Mark("Database restored from a backup"),
	tel.EventDeactivated: texts.Mark("Person deactivated"), tel.EventReactivated: texts.Mark("Person reactivated"), tel.EventFactorOff: texts.Mark("Second factor off"),
	tel.EventFactorOn: texts.Mark("Second factor on"), tel.EventFactorRequired: texts.Mark("Second factor required or not"), tel.EventInvited: texts.Mark("Person invited"),
	tel.EventUninvited: texts.Mark("Invitation withdrawn"), tel.EventJoined: texts.Mark("Invitation accepted"), tel.EventRecoveryCodes: texts.Mark("New recovery codes"),
	tel.EventRecoveryUsed: texts.Mark("Recovery code used"), tel.EventResetLink: texts.Mark("Reset link made"), tel.EventSessionsEnded: texts.Mark("Sessions ended"),
	tel.EventUpdated: texts.Mark("Person changed"), tel.EventSelling: texts.Mark("Selling changed"), tel.EventEndpointCreated: texts.Mark("Endpoint added"),
	tel.EventEndpointChanged: texts.Mark("Endpoint changed"), tel.EventEndpointPaused: texts.Mark("Endpoint paused"), tel.EventEndpointResumed: texts.Mark("Endpoint resumed"),
	tel.EventEndpointDeleted: texts.Mark("Endpoint deleted"), tel.EventEndpointRotated: texts.Mark("Endpoint’s secret replaced"), tel.EventEndpointTested: texts.Mark("Test delivery sent"),
	tel.EventEndpointRedelivered: texts.Mark("Delivery sent again"), tel.EventSiteCreated: texts.Mark("Site created"), tel.EventPeerCreated: texts.Mark("SIP peer created"),
	tel.EventSubscriptionCreated: texts.Mark("Subscription created"), tel.EventSubscriptionChanged: texts.Mark("Subscription changed"), tel.EventSubscriptionDeleted: texts.Mark("Subscription deleted"),
}

// title says what happened.
func (r AuditRow) title(ctx context.Context) string {
	if title := eventTitles[r.Kind]; title != "" {
		return texts.T(ctx, title)
	}
	step := Steps(ctx, []tel.Event{r.Event})[0]
	if step.Title != string(r.Kind) {
		return step.Title
	}
	return upperFirst(strings.NewReplacer(".", " ", "_", " ").Replace(string(r.Kind)))
}

func (r AuditRow) icon(ctx context.Context) string {
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
	return Steps(ctx, []tel.Event{r.Event})[0].Icon
}

// what is in short what it was about.
func (r AuditRow) what(ctx context.Context) string {
	switch {
	case r.Kind == tel.EventLookedUp && r.Facts.Subject != "":
		return texts.T(ctx, "By %s: %s", r.Facts.Reason, r.Facts.Subject)
	case len(r.Facts.TNs) > 0:
		return joinTNs(ctx, r.Facts.TNs)
	case r.Facts.Reason != "":
		return r.Facts.Reason
	}
	return ""
}

// who is who did it, and as whom.
func (r AuditRow) who(ctx context.Context) string {
	a := r.Actor
	switch {
	case a.Kind == tel.KindSystem:
		return texts.T(ctx, "The system: %s", a.Name)
	case a.Kind == tel.KindClient:
		return texts.T(ctx, "%s, API client", a.Name)
	}
	return a.Name
}

func (r AuditRow) as(ctx context.Context) string {
	a := r.Actor
	text := RoleName(ctx, a.Role)
	if a.Kind == tel.KindSystem {
		text = texts.T(ctx, "System|actor")
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

func (r AuditRow) tns(ctx context.Context) string {
	names := make([]string, 0, min(mostNamed, len(r.Facts.TNs)))
	for _, n := range r.Facts.TNs[:min(mostNamed, len(r.Facts.TNs))] {
		names = append(names, n.String())
	}
	text := strings.Join(names, ", ")
	if more := len(r.Facts.TNs) - mostNamed; more > 0 {
		text = texts.T(ctx, "%s and %d more", text, more)
	}
	return text
}

func (r AuditRow) expires() time.Time {
	if r.Facts.ExpiresAt == 0 {
		return time.Time{}
	}
	return time.UnixMicro(r.Facts.ExpiresAt).UTC()
}
