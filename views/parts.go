package views

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// Countdown is the time left of something, as of Now.
type Countdown struct {
	ExpiresAt time.Time
	Now       time.Time
	Total     time.Duration // what the full ring stands for
	Of        string        // what it is the time of, for screen readers: "(919) 555-0142"
	MayExtend bool          // by who reads this
}

// Field is a labelled input with its hint and its error.
type Field struct {
	Name        string
	ID          string // "" is "f-" + Name
	Label       string
	Value       string
	Type        string // "" is text
	Hint        string
	Error       string
	Placeholder string
	InputMode   string
	Complete    string // autocomplete; "" is off
	Class       string // beside "f"
	Suffix      string // shown behind the input: "numbers"
	MaxLength   int
	Required    bool
	Autofocus   bool
	Multiline   bool
}

// Select is a labelled choice of one.
type Select struct {
	Name, ID, Label, Hint, Error, Class string
	Options                             []Choice
}

// DurationField is a length of time as text, "4h" or "1h30m".
type DurationField struct {
	Name, ID, Label, Hint, Error, Class string
	Value                               string // raw; ShortDuration(d) to begin with
}

// Button is a button, or a link that looks like one when Href is set.
type Button struct {
	ID       string
	Label    string
	More     string // said to screen readers only: " (919) 555-0142"
	Icon     string
	Kind     string // "", "primary", "ghost", "danger"
	Small    bool
	IconOnly bool // on phones only the icon shows
	Href     string
	Type     string // "" is submit
	Name     string
	Value    string
	Form     string // id of the form it belongs to
	Action   string // formaction: the form is sent there instead
	Method   string // formmethod
	Disabled bool
	Plain    bool // a link that is not boosted: a download
}

// Pager is the foot of a list.
type Pager struct {
	Summary string // "1–50 of 1,284"
	Next    string // address, "" is the end
	First   string // address of the beginning, "" is here
	// More, when set, appends the next page in place: the id of the list (a tbody or
	// ul) whose children of the next page are added to it.
	More string
}

// Step is one line of a history.
type Step struct {
	At    time.Time
	Icon  string
	Title string
	By    string
	Text  string
	Tone  string // "", "good", "warn", "bad"
	Href  string // where its title leads, "" nowhere
}

// Toggle is a switch: one button that posts the opposite of what is.
type Toggle struct {
	ID       string
	Action   string // POST address
	Name     string
	On       bool
	OnValue  string // "" is "1"
	OffValue string // "" is "0"
	OnLabel  string // "" is "On"
	OffLabel string // "" is "Off"
	Label    string // what it switches, for screen readers
	Disabled bool
	// OffHref, when set, is the page that asks before it is switched off.
	OffHref string
	Hidden  []Hidden // sent along
}

// ConfirmBox asks before something that cannot be undone.
type ConfirmBox struct {
	Title  string
	Text   string
	Action string
	Hidden []Hidden
	Yes    string
	No     string // label of the way back; "" is "Keep"
	Back   string
	Danger bool
	Icon   string
}

// ShortDuration is a length of time as a form field takes it: "4h", "1h30m", "0s".
// It reads back as the same duration.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Tab is one way to see a list, a link.
type Tab struct {
	Label   string
	Count   string // behind the label, "" none
	Href    string
	Current bool
}

// tnRun is a stretch of a written TN that is marked or not.
type tnRun struct {
	Text string
	Hit  bool
}

// tnRuns cuts "(919) 555-0142" where the marking begins and ends; punctuation
// between two matched digits belongs to them.
func tnRuns(n tel.Number, hit [10]bool) []tnRun {
	var runs []tnRun
	add := func(text string, on bool) {
		if last := len(runs) - 1; last >= 0 && runs[last].Hit == on {
			runs[last].Text += text
			return
		}
		runs = append(runs, tnRun{text, on})
	}
	digit := 0
	for _, c := range n.String() {
		if c >= '0' && c <= '9' {
			add(string(c), hit[digit])
			digit++
			continue
		}
		add(string(c), digit > 0 && digit < 10 && hit[digit-1] && hit[digit])
	}
	return runs
}

func placeName(p tel.Place) string {
	switch {
	case p.City != "":
		return p.City
	case p.RateCenter != "":
		return p.RateCenter
	case p.State == "":
		return texts.Mark("Toll-free")
	}
	return p.State
}

// placeSaid is placeName for pages: toll-free numbers have no place.
func placeSaid(ctx context.Context, p tel.Place) string {
	if p.City+p.RateCenter+p.State == "" {
		return texts.T(ctx, placeName(p))
	}
	return placeName(p)
}

func placeRest(p tel.Place) string {
	var parts []string
	if p.State != "" && p.State != placeName(p) {
		parts = append(parts, p.State)
	}
	if p.RateCenter != "" && !strings.EqualFold(strings.ReplaceAll(p.RateCenter, " ", ""), strings.ReplaceAll(placeName(p), " ", "")) {
		parts = append(parts, p.RateCenter)
	} else if p.LATA != "" {
		parts = append(parts, "LATA "+p.LATA)
	}
	return strings.Join(parts, " · ")
}

// The tones of a countdown, in seconds left.
const (
	soonSeconds = 5 * 60
	nowSeconds  = 30
)

func (c Countdown) seconds() int {
	left := int(max(0, (c.ExpiresAt.Sub(c.Now)+time.Second-1)/time.Second))
	if c.Total > 0 { // an end is rounded up to a whole second: never "4:00:01" of 4 hours
		return min(left, c.total())
	}
	return left
}

func (c Countdown) total() int { return int(max(1, c.Total/time.Second)) }

func (c Countdown) leftFor(ctx context.Context) string {
	if c.Of == "" {
		return texts.T(ctx, "left|time")
	}
	return texts.T(ctx, "left for %s", c.Of)
}

func (c Countdown) percent() int { return min(100, 100*c.seconds()/c.total()) }

func (c Countdown) tone() string {
	switch s := c.seconds(); {
	case s <= nowSeconds:
		return "now"
	case s <= soonSeconds:
		return "soon"
	}
	return "calm"
}

// Clock is seconds as people read a timer: "3:59:12", "12:41", "0:24", and days
// from two on: "2d 3:00".
func Clock(s int) string {
	switch d := s / 86400; {
	case d >= 2:
		return fmt.Sprintf("%dd %d:%02d", d, s%86400/3600, s%3600/60)
	case s >= 3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s%3600/60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// exact is an instant to the second, for hovering.
func exact(ctx context.Context, t time.Time) string {
	t = t.UTC()
	return texts.T(ctx, "%s %s %s, %s", t.Format("2"), texts.Month(ctx, t.Month()), t.Format("2006"), t.Format("15:04:05 UTC"))
}

func whenText(ctx context.Context, t time.Time) string {
	month := string([]rune(texts.Month(ctx, t.Month()))[:3])
	return t.Format("2") + " " + month + t.Format(" 2006, 15:04 MST")
}

// capTone says when a cap comes near: from nine tenths on, and when it is reached.
func capTone(used, most int) string {
	switch {
	case used >= most:
		return "now"
	case used*10 >= most*9:
		return "soon"
	}
	return "calm"
}

func (b Button) class() string {
	class := "btn"
	if b.Kind != "" {
		class += " " + b.Kind
	}
	if b.Small {
		class += " sm"
	}
	if b.IconOnly {
		class += " icon-only"
	}
	return class
}

func (b Button) kindOf() string { return cmp.Or(b.Type, "submit") }

func (f Field) id() string  { return cmp.Or(f.ID, "f-"+f.Name) }
func (f Select) id() string { return cmp.Or(f.ID, "f-"+f.Name) }

func (f Field) attrs() templ.Attributes {
	a := described(f.id(), f.Hint, f.Error)
	a["id"], a["name"] = f.id(), f.Name
	a["autocomplete"] = cmp.Or(f.Complete, "off")
	a["required"], a["autofocus"] = f.Required, f.Autofocus
	if !f.Multiline {
		a["type"] = cmp.Or(f.Type, "text")
	}
	if f.Placeholder != "" {
		a["placeholder"] = f.Placeholder
	}
	if f.InputMode != "" {
		a["inputmode"] = f.InputMode
	}
	if f.MaxLength > 0 {
		a["maxlength"] = strconv.Itoa(f.MaxLength)
	}
	return a
}

func described(id, hint, fault string) templ.Attributes {
	a := templ.Attributes{}
	if fault != "" {
		a["aria-invalid"] = "true"
	}
	if fault != "" || hint != "" {
		a["aria-describedby"] = id + "-e"
	}
	return a
}

func (f DurationField) hint(ctx context.Context) string {
	return cmp.Or(f.Hint, texts.T(ctx, "Such as 4h, 90m or 1h30m"))
}

func (t Toggle) next() string {
	if t.On {
		return cmp.Or(t.OffValue, "0")
	}
	return cmp.Or(t.OnValue, "1")
}

func (t Toggle) state(ctx context.Context) string {
	if t.On {
		return cmp.Or(t.OnLabel, texts.T(ctx, "On|switch"))
	}
	return cmp.Or(t.OffLabel, texts.T(ctx, "Off|switch"))
}

func (c ConfirmBox) no(ctx context.Context) string {
	return cmp.Or(c.No, texts.T(ctx, "Keep|as it is"))
}

func onOff(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

func roleIcon(r tel.Role) string {
	switch r {
	case tel.RoleOperator:
		return "shield"
	case tel.RoleAdmin:
		return "key-round"
	case tel.RoleSupport:
		return "headset"
	}
	return "user"
}

var roleNames = map[tel.Role]string{
	tel.RoleOperator: texts.Mark("Operator"), tel.RoleAdmin: texts.Mark("Admin"), tel.RoleSupport: texts.Mark("Support"), tel.RoleMember: texts.Mark("Member"),
	tel.RoleBuyer: texts.Mark("Buyer"),
}

// RoleName is a role for people.
func RoleName(ctx context.Context, r tel.Role) string {
	if r == "" {
		return ""
	}
	return texts.T(ctx, roleNames[r])
}

// look is how a state shows: a tone, a shape and a word.
type look struct{ Kind, Icon, Name string }

func stateLook(ctx context.Context, s tel.State) look {
	switch s {
	case tel.StateLive:
		return look{"good", "timer", texts.T(ctx, "Live")}
	case tel.StateSubmitted:
		return look{"info", "hourglass", texts.T(ctx, "Order under way")}
	case tel.StateOrdered:
		return look{"good", "circle-check", texts.T(ctx, "Ordered")}
	case tel.StateCancelled:
		return look{"off", "ban", texts.T(ctx, "Cancelled")}
	case tel.StateExpired:
		return look{"off", "clock", texts.T(ctx, "Expired")}
	}
	return look{"off", "info", string(s)}
}

func tnStateLook(ctx context.Context, s tel.TNState) look {
	switch s {
	case tel.TNAvailable:
		return look{"good", "circle-check", texts.T(ctx, "Available")}
	case tel.TNReserved:
		return look{"info", "timer", texts.T(ctx, "Reserved")}
	case tel.TNInService:
		return look{"off", "phone", texts.T(ctx, "In service")}
	case tel.TNAging:
		return look{"off", "hourglass", texts.T(ctx, "Aging")}
	case tel.TNDisabled:
		return look{"off", "circle-slash", texts.T(ctx, "Disabled")}
	}
	return look{"off", "info", string(s)}
}

func noteIcon(kind string) string {
	switch kind {
	case "ok":
		return "circle-check"
	case "warn":
		return "triangle-alert"
	case "error":
		return "circle-alert"
	}
	return "info"
}
