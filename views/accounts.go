package views

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// AccountList is the operator's page of all accounts.
type AccountList struct {
	Accounts []tel.Account
	Held     int // TNs held by all of them
	Form     AccountForm
}

// AccountForm is what somebody typed to create an account. Fields: id, name.
type AccountForm struct {
	ID     string
	Name   string
	On     bool
	Errors map[string]string
}

// AccountDetail is one account's page, for operators and its own admins.
type AccountDetail struct {
	Account  tel.Account
	Live     int  // reservations that live now
	LiveMore bool // than Live
	People   []AccountPerson
	Policy   PolicyForm
	Limits   PolicyForm
	Operator bool // may lock, set the limits, work for the account
	ReadOnly bool // sees the policy and may change nothing
	Acting   bool // the operator works for this account already
	Aging    AgingForm
	// MayClients leads to the account's API clients.
	MayClients bool
	MaySell    bool // the same for how it sells
}

// live is how many reservations live now, in words.
func (v AccountDetail) live(ctx context.Context) string {
	if v.LiveMore {
		return texts.T(ctx, "more than %d live reservations", v.Live)
	}
	return texts.T(ctx, "%d live reservations", v.Live)
}

// question asks what becomes of the reservations that live now.
func (v SwitchOff) question(ctx context.Context) string {
	numbers := texts.T(ctx, "%d numbers", v.Account.Held)
	if v.LiveMore {
		return texts.T(ctx, "More than %d reservations with %s are live. What becomes of them?", v.Live, numbers)
	}
	return texts.T(ctx, "%d reservations with %s are live. What becomes of them?", v.Live, numbers)
}

// MaySwitch tells whether the reader may turn the switch.
func (v AccountDetail) MaySwitch() bool {
	return !v.ReadOnly && (v.Operator || !v.Account.SwitchLocked)
}

// AccountPerson is one line of the people of an account.
type AccountPerson struct {
	Name  string
	Email string
	Role  tel.Role
}

// SwitchOff is the question before reservation is switched off.
type SwitchOff struct {
	Account  tel.Account
	Live     int  // reservations that live now; Account.Held is their TNs
	LiveMore bool // than Live
	// Last is when the last of them would run out; zero when there are none.
	Last   time.Time
	Errors map[string]string // field: live
}

// PolicyForm is a hold policy, or the limits of one, as typed: durations such as
// "4h", numbers in digits. Errors by field, named as in tel.Policy.Check.
type PolicyForm struct {
	Window            string
	Ceiling           string
	MaxExtensions     string
	MaxHeld           string
	MaxPerReservation string
	CoolDown          string
	MaxShare          string
	Errors            map[string]string
}

// NewPolicyForm is the form that shows a policy as it stands.
func NewPolicyForm(p tel.Policy) PolicyForm {
	return PolicyForm{
		Window: ShortDuration(p.Window), Ceiling: ShortDuration(p.Ceiling),
		MaxExtensions: strconv.Itoa(p.MaxExtensions), MaxHeld: strconv.Itoa(p.MaxHeld),
		MaxPerReservation: strconv.Itoa(p.MaxPerReservation), CoolDown: ShortDuration(p.CoolDown), MaxShare: strconv.Itoa(p.MaxShare),
	}
}

// AgingForm is how long disconnected TNs rest, as typed: "90d".
type AgingForm struct{ Value, Error string }

// NewAgingForm is the form that shows it as it stands.
func NewAgingForm(d time.Duration) AgingForm {
	if days := d / (24 * time.Hour); d > 0 && d%(24*time.Hour) == 0 {
		return AgingForm{Value: strconv.Itoa(int(days)) + "d"}
	}
	return AgingForm{Value: ShortDuration(d)}
}

// policyField is one line of the policy form.
type policyField struct {
	name  string
	label string
	hint  string
	value string
	short bool // a duration, not a number
}

// fields lays the hold policy out. limits are those that bind the reader, nil for
// an operator; the hints say them.
func (f PolicyForm) fields(ctx context.Context, limits *tel.Policy) []policyField {
	all := []policyField{
		{"window", texts.T(ctx, "Default time"), texts.T(ctx, "How long a reservation lasts, and what an extension adds."), f.Window, true},
		{"ceiling", texts.T(ctx, "Longest time in all"), texts.T(ctx, "From creation to the latest end, extensions included."), f.Ceiling, true},
		{"max_extensions", texts.T(ctx, "Extensions"), texts.T(ctx, "How often one reservation may be extended."), f.MaxExtensions, false},
		{"max_held", texts.T(ctx, "Numbers held at once"), texts.T(ctx, "In all live reservations of the account."), f.MaxHeld, false},
		{"max_per_reservation", texts.T(ctx, "Numbers per reservation"), texts.T(ctx, "How many one reservation may hold."), f.MaxPerReservation, false},
		{"cooldown", texts.T(ctx, "Cool-down"), texts.T(ctx, "Before the account may take the same number again; 0s is none."), f.CoolDown, true},
		{"max_share", texts.T(ctx, "Share of its numbers, in percent"), texts.T(ctx, "It holds at most so much of what it has in service, but always what one reservation may hold; 0 is no bound."), f.MaxShare, false},
	}
	if limits != nil {
		bounds := limitBounds(ctx, *limits)
		for i := range all {
			all[i].hint += bounds[i]
		}
	}
	return all
}

// limitFields lays the limits out, under the same names.
func (f PolicyForm) limitFields(ctx context.Context) []policyField {
	short := texts.T(ctx, "Such as 4h, 90m or 1h30m.")
	return []policyField{
		{"window", texts.T(ctx, "Default time, at most"), short, f.Window, true},
		{"ceiling", texts.T(ctx, "Longest time, at most"), short, f.Ceiling, true},
		{"max_extensions", texts.T(ctx, "Extensions, at most"), "", f.MaxExtensions, false},
		{"max_held", texts.T(ctx, "Numbers held, at most"), "", f.MaxHeld, false},
		{"max_per_reservation", texts.T(ctx, "Numbers per reservation, at most"), "", f.MaxPerReservation, false},
		{"cooldown", texts.T(ctx, "Cool-down, at least"), texts.T(ctx, "0s lets them do without one."), f.CoolDown, true},
		{"max_share", texts.T(ctx, "Share of its numbers, in percent, at most"), texts.T(ctx, "0 lets them do without a bound."), f.MaxShare, false},
	}
}

// limitBounds are an account's limits in words, in the order of the fields.
func limitBounds(ctx context.Context, l tel.Policy) [7]string {
	most := func(s string) string { return " " + texts.T(ctx, "At most %s.", s) }
	bounds := [7]string{
		most(texts.Duration(ctx, l.Window)), most(texts.Duration(ctx, l.Ceiling)), most(Count(ctx, l.MaxExtensions)),
		most(Count(ctx, l.MaxHeld)), most(Count(ctx, l.MaxPerReservation)), "", "",
	}
	if l.MaxShare > 0 {
		bounds[6] = most(Count(ctx, l.MaxShare))
	}
	if l.CoolDown > 0 {
		bounds[5] = " " + texts.T(ctx, "At least %s.", texts.Duration(ctx, l.CoolDown))
	}
	return bounds
}

// policySummary is a policy in one line of a table.
func policySummary(ctx context.Context, p tel.Policy) string {
	s := texts.T(ctx, "%s, up to %s", ShortDuration(p.Window), ShortDuration(p.Ceiling)) + " · " + texts.T(ctx, "%d extensions", p.MaxExtensions)
	if p.CoolDown > 0 {
		s += " · " + texts.T(ctx, "cool-down %s", ShortDuration(p.CoolDown))
	}
	return s
}

// since is a day in full: "2 January 2006".
func since(ctx context.Context, t time.Time) string {
	t = t.UTC()
	return texts.T(ctx, "%s %s %s|day", t.Format("2"), texts.Month(ctx, t.Month()), t.Format("2006"))
}

func accountPath(id tel.AccountID, rest string) string { return "/accounts/" + id.String() + rest }

// bounds are the limits that bind the reader: none for an operator.
func (v AccountDetail) bounds() *tel.Policy {
	if v.Operator {
		return nil
	}
	return &v.Account.Limits
}

// liveRegion makes an element fetch the page again when the server tells of a
// change, and take over the same part of the answer. The events are names of /live.
func liveRegion(addr, part string, events ...string) templ.Attributes {
	triggers := make([]string, len(events))
	for i, e := range events {
		triggers[i] = "live:" + e + " from:body throttle:1s"
	}
	return templ.Attributes{
		"hx-get":     string(templ.URL(addr)),
		"hx-trigger": strings.Join(triggers, ", "),
		"hx-select":  part,
		"hx-target":  part,
		"hx-swap":    "outerMorph",
		// An error has no such part: what is shown stays until the next change.
		"hx-status:4xx": "swap:none",
		"hx-status:5xx": "swap:none",
	}
}

// alsoLive makes a region's one request bring other parts of the page too.
func alsoLive(region templ.Attributes, parts ...string) templ.Attributes {
	region["hx-select-oob"] = strings.Join(parts, ":outerMorph,") + ":outerMorph"
	return region
}
