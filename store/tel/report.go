package tel

import (
	"slices"
	"time"
)

// Day is a day, UTC, counted from 1970.
type Day int64

const dayLength = 24 * time.Hour

// DayOf is the day of an instant.
func DayOf(t time.Time) Day { return Day(floorDiv(t.Unix(), int64(dayLength/time.Second))) }

// Start is the day's first instant.
func (d Day) Start() time.Time { return time.Unix(int64(d)*int64(dayLength/time.Second), 0).UTC() }

func (d Day) String() string { return d.Start().Format(time.DateOnly) }

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

// MostReportDays bounds the range of a report.
const MostReportDays = 3660

// Range is the days of a report, both included.
type Range struct{ From, To Day }

// Check tells why a range cannot be: CodeInvalid with the field, or nil.
func (r Range) Check() error {
	switch {
	case r.To < r.From:
		return Invalid("to", "The end is before the beginning.")
	case r.Days() > MostReportDays:
		return Invalid("from", "At most %d days at once.", MostReportDays)
	}
	return nil
}

// Days is how many there are.
func (r Range) Days() int { return int(r.To-r.From) + 1 }

// Has tells whether a day is one of them.
func (r Range) Has(d Day) bool { return d >= r.From && d <= r.To }

// Outcomes is what became of the reservations that were made in some time.
type Outcomes struct {
	Reserved  int // reservations
	TNs       int // that they took
	Ordered   int
	Cancelled int
	Expired   int
	Waits     Waits
}

// Live is how many of them are still held.
func (o Outcomes) Live() int { return o.Reserved - o.Ordered - o.Cancelled - o.Expired }

// Add takes others in.
func (o *Outcomes) Add(more Outcomes) {
	o.Reserved += more.Reserved
	o.TNs += more.TNs
	o.Ordered += more.Ordered
	o.Cancelled += more.Cancelled
	o.Expired += more.Expired
	for wait, n := range more.Waits {
		o.AddWait(wait, n)
	}
}

// AddWait notes that n reservations were ordered after a wait.
func (o *Outcomes) AddWait(wait int64, n int) {
	if o.Waits == nil {
		o.Waits = Waits{}
	}
	o.Waits[wait] += n
}

// Waits are times from a reservation to its order: seconds, as RoundWait leaves them,
// and how many waited so long.
type Waits map[int64]int

// RoundWait rounds a wait down to what a person would say, so that a day's waits are
// few: to the second in the first minute, to 10 seconds in the first 10 minutes, to the
// minute in the first 2 hours, to 10 minutes in the first day, to the hour after that.
func RoundWait(d time.Duration) int64 {
	step := time.Hour
	switch {
	case d < time.Minute:
		step = time.Second
	case d < 10*time.Minute:
		step = 10 * time.Second
	case d < 2*time.Hour:
		step = time.Minute
	case d < dayLength:
		step = 10 * time.Minute
	}
	return int64(max(0, d).Truncate(step) / time.Second)
}

// Median is the wait that half of them did not exceed, rounded down; false when there
// is none.
func (w Waits) Median() (time.Duration, bool) {
	var all int
	lengths := make([]int64, 0, len(w))
	for wait, n := range w {
		all += n
		lengths = append(lengths, wait)
	}
	slices.Sort(lengths)
	for _, wait := range lengths {
		if all -= 2 * w[wait]; all <= 0 {
			return time.Duration(wait) * time.Second, true
		}
	}
	return 0, false
}

// NumberUse is how a thousands-block's TNs are used, in the categories of 47 CFR
// 52.15(f)(1).
//
// Assigned: in service for a customer. Reserved: held at the request of a specific
// customer for future use, for no more than 180 days; a hold without a customer
// reference is for nobody in particular, and counts as available. Aging: disconnected
// and not yet for anybody else. Administrative: disabled, which is how the carrier keeps
// TNs for itself. Available: the rest. Intermediate, TNs that another carrier gives to
// its own customers, cannot be told from assigned here: whoever files moves them over.
type NumberUse struct {
	Block          Block
	Place          Place
	Assigned       int
	Intermediate   int
	Reserved       int
	Aging          int
	Administrative int
	Available      int
}

// MostReserved is how long a TN may be held and count as reserved.
const MostReserved = 180 * dayLength

// Take moves available TNs to where a state belongs.
func (u *NumberUse) Take(s TNState, n int) {
	u.Available -= n
	switch s {
	case TNInService:
		u.Assigned += n
	case TNReserved:
		u.Reserved += n
	case TNAging:
		u.Aging += n
	case TNDisabled:
		u.Administrative += n
	default:
		u.Available += n
	}
}

// TNs is how many the block has.
func (u NumberUse) TNs() int {
	return u.Assigned + u.Intermediate + u.Reserved + u.Aging + u.Administrative + u.Available
}
