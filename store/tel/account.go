package tel

import (
	"strconv"
	"time"
)

// AccountID is the number of an account, a customer of the carrier: 9500012.
// Zero is no account; as an Actor's account it means the whole platform.
type AccountID int64

func (id AccountID) String() string { return strconv.FormatInt(int64(id), 10) }

// LastAccountID is the largest number an account can have: 12 digits.
const LastAccountID AccountID = 999_999_999_999

// ParseAccountID reads an account's number, 1 to 12 digits.
func ParseAccountID(s string) (AccountID, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 || AccountID(id) > LastAccountID {
		return 0, Invalid("account", "%q is not an account number.", s)
	}
	return AccountID(id), nil
}

// Account is a customer of the carrier.
type Account struct {
	ID             AccountID
	Name           string
	ReservationsOn bool
	SwitchLocked   bool   // only an operator may turn the switch
	Policy         Policy // in force
	Limits         Policy // how far the account's own admins may go
	Held           int    // TNs in live reservations
	Working        int    // TNs in service
	// Aging is how long a disconnected TN rests before others may have it; only an
	// operator sets it. 0 for a new account is DefaultAging.
	Aging     time.Duration
	CreatedAt time.Time
	// ExpiringNotice is how long before expiry endpoints are told that a hold runs out;
	// 0 is not at all. A new account has DefaultExpiringNotice.
	ExpiringNotice time.Duration
}

// Policy is how an account may reserve. In Limits the same fields bound what the
// account's own admins may set: at most, but at least for CoolDown.
type Policy struct {
	Window            time.Duration // how long a hold lasts, and what an extension adds
	Ceiling           time.Duration // creation to latest possible expiry
	MaxExtensions     int
	MaxHeld           int           // TNs in live reservations at once
	MaxPerReservation int           // TNs in one reservation
	CoolDown          time.Duration // before the same account may take a TN again; 0 is off
	MaxShare          int           // TNs in live reservations, in percent of those in service; 0 is off
}

// Bounds of every policy; the operator's own hand is bound by them too.
const (
	MinWindow          = time.Second
	MaxCeiling         = 90 * 24 * time.Hour
	MaxCoolDown        = 30 * 24 * time.Hour
	MostExtensions     = 1000
	MostHeld           = 10_000_000
	MostPerReservation = 5000
	MostShare          = 100
)

// How long a TN ages (47 CFR 52.15: at most 90 days for residential customers, 365
// for business).
const (
	DefaultAging  = 90 * 24 * time.Hour
	BusinessAging = 365 * 24 * time.Hour
	MinAging      = time.Second
)

// CheckAging tells why a TN cannot age so long: CodeInvalid, or nil.
func CheckAging(d time.Duration) error {
	if d < MinAging || d > BusinessAging {
		return Invalid("aging", "A disconnected number ages %s to %s.", Span(MinAging), Span(BusinessAging))
	}
	return nil
}

// DefaultPolicy is what a new account begins with.
func DefaultPolicy() Policy {
	return Policy{Window: 4 * time.Hour, Ceiling: 12 * time.Hour, MaxExtensions: 3, MaxHeld: 1000, MaxPerReservation: 100}
}

// DefaultLimits is how far a new account's own admins may go.
func DefaultLimits() Policy {
	return Policy{Window: 24 * time.Hour, Ceiling: 72 * time.Hour, MaxExtensions: 10, MaxHeld: 10_000, MaxPerReservation: 1000}
}

// Check tells what about a policy cannot be: CodeInvalid with the field (window,
// ceiling, max_extensions, max_held, max_per_reservation, cooldown, max_share), or nil.
func (p Policy) Check() error {
	switch {
	case p.Window < MinWindow:
		return Invalid("window", "The window is at least %s.", Span(MinWindow))
	case p.Ceiling < p.Window:
		return Invalid("ceiling", "The ceiling cannot be shorter than the window (%s).", Span(p.Window))
	case p.Ceiling > MaxCeiling:
		return Invalid("ceiling", "The ceiling is at most %s.", Span(MaxCeiling))
	case p.MaxExtensions < 0 || p.MaxExtensions > MostExtensions:
		return Invalid("max_extensions", "Extensions: 0 to %d.", MostExtensions)
	case p.MaxHeld < 1 || p.MaxHeld > MostHeld:
		return Invalid("max_held", "Numbers held at once: 1 to %d.", MostHeld)
	case p.MaxPerReservation < 1 || p.MaxPerReservation > MostPerReservation:
		return Invalid("max_per_reservation", "Numbers per reservation: 1 to %d.", MostPerReservation)
	case p.CoolDown < 0 || p.CoolDown > MaxCoolDown:
		return Invalid("cooldown", "The cool-down is 0 to %s.", Span(MaxCoolDown))
	case p.MaxShare < 0 || p.MaxShare > MostShare:
		return Invalid("max_share", "Percent of the numbers in service: 0 to %d.", MostShare)
	}
	return nil
}

// Within tells where a policy goes further than an account's limits allow its own
// admins: CodeInvalid with the field, or nil.
func (p Policy) Within(limits Policy) error {
	switch {
	case p.Window > limits.Window:
		return Invalid("window", "Your operator allows at most %v.", Span(limits.Window))
	case p.Ceiling > limits.Ceiling:
		return Invalid("ceiling", "Your operator allows at most %v.", Span(limits.Ceiling))
	case p.MaxExtensions > limits.MaxExtensions:
		return Invalid("max_extensions", "Your operator allows at most %v.", limits.MaxExtensions)
	case p.MaxHeld > limits.MaxHeld:
		return Invalid("max_held", "Your operator allows at most %v.", limits.MaxHeld)
	case p.MaxPerReservation > limits.MaxPerReservation:
		return Invalid("max_per_reservation", "Your operator allows at most %v.", limits.MaxPerReservation)
	case p.CoolDown < limits.CoolDown:
		return Invalid("cooldown", "Your operator allows at least %v.", Span(limits.CoolDown))
	case limits.MaxShare > 0 && (p.MaxShare == 0 || p.MaxShare > limits.MaxShare):
		return Invalid("max_share", "Your operator allows at most %v.", limits.MaxShare)
	}
	return nil
}

// CheckReserve is the rule for the request as a whole, before any TN is looked at:
// the switch, the size, the time asked for. It answers the two times of rule 4. The
// cap is CheckHeld's, when it is known how many TNs there would be.
func (a Account) CheckReserve(tns int, asked time.Duration, now time.Time) (expires, limit time.Time, err error) {
	switch {
	case !a.ReservationsOn:
		err = Refuse(CodeReservationsOff, "Reservation is switched off for %s.", a.Name)
	case tns < 1:
		err = Invalid("tn", "Choose at least one number.")
	case tns > a.Policy.MaxPerReservation:
		err = Refuse(CodeTooManyTNs, "%s may put at most %d numbers into one reservation; this asks for %d.", a.Name, a.Policy.MaxPerReservation, tns)
	case asked < 0 || asked > 0 && asked < MinWindow:
		err = Invalid("for", "A hold lasts at least %s.", Span(MinWindow))
	case asked > a.Policy.Window:
		err = Invalid("for", "A hold lasts at most %s.", Span(a.Policy.Window))
	default:
		if asked == 0 {
			asked = a.Policy.Window
		}
		return now.Add(asked), now.Add(a.Policy.Ceiling), nil
	}
	return expires, limit, err
}

// MayHold is how many TNs the account may hold at once. A share of what it has in service
// lowers the cap, but not under one reservation: a new account has nothing in service yet.
func (a Account) MayHold() int {
	if a.Policy.MaxShare == 0 {
		return a.Policy.MaxHeld
	}
	return min(a.Policy.MaxHeld, max(a.Policy.MaxPerReservation, a.Working*a.Policy.MaxShare/100))
}

// CheckHeld is the cap on TNs held at once: CodeTooManyHeld when more TNs would go
// over it.
func (a Account) CheckHeld(held, more int) error {
	if held+more <= a.MayHold() {
		return nil
	}
	return Refuse(CodeTooManyHeld, "%s holds %d numbers and may hold %d at once; %d more is too many.", a.Name, held, a.MayHold(), more)
}
