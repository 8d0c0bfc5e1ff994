package views

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// Reports is the page of reports.
type Reports struct {
	Self        string
	Filter      ReportFilter
	Now         time.Time
	Outstanding Outstanding
	OverTime    OverTime
	Use         UseReport
	Filing      bool // the reader may take the number-use report
}

// ReportFilter is the filters as typed. Errors by field: from, to.
type ReportFilter struct {
	From, To string // days
	State    string
	Range    tel.Range // as it counts
	All      bool      // all accounts
	Accounts []Choice  // for operators; the first is "All accounts"
	Presets  []Tab
	Query    url.Values
	Errors   map[string]string
}

// AccountHeld is what an account holds now.
type AccountHeld struct {
	ID                         tel.AccountID
	Name                       string
	Reservations, TNs, MaxHeld int
}

// Outstanding is what is held now.
type Outstanding struct {
	Total         AccountHeld
	Accounts      []AccountHeld
	Near          []AccountHeld // of them, those near their cap
	Within        [2]int        // reservations that end within 15 minutes, within an hour
	Soon, Longest []ReservationLine
}

// DayOutcomes is what became of the reservations of a day.
type DayOutcomes struct {
	Day tel.Day
	tel.Outcomes
}

// AccountTook is what an account reserved.
type AccountTook struct {
	ID   tel.AccountID
	Name string
	tel.Outcomes
}

// Repeat is a TN that an account took again.
type Repeat struct {
	ID    tel.AccountID
	Name  string
	TN    tel.Number
	Times int
}

// OverTime is what became of the reservations of some days.
type OverTime struct {
	Total   tel.Outcomes
	Days    []DayOutcomes
	Top     []AccountTook
	Repeats []Repeat
}

// Use is how a part of the inventory is used: TNs is 0 where the report is of one
// account.
type Use struct {
	Name, State                            string
	TNs, Taken, InService, Aging, Reserved int64
}

// UseReport is how the inventory is used, the most used first.
type UseReport struct {
	By         string // "state", "ratecenter", "block"
	Tabs       []Tab
	Use        []Use
	Rows       int // in all
	StateError string
}

// file is the address of one of the reports' tables as a file, with the filters.
func (v Reports) file(name string) string {
	q := url.Values{}
	for _, key := range []string{"from", "to", "account", "by", "state"} {
		if s := v.Filter.Query.Get(key); s != "" {
			q.Set(key, s)
		}
	}
	if len(q) == 0 {
		return "/reports/" + name
	}
	return "/reports/" + name + "?" + q.Encode()
}

// outcome is one line of the funnel.
type outcome struct {
	Name string
	N    int
}

func (o OverTime) funnel(ctx context.Context) []outcome {
	t := o.Total
	return []outcome{
		{texts.T(ctx, "Reserved|reservations"), t.Reserved}, {texts.T(ctx, "Ordered|reservations"), t.Ordered}, {texts.T(ctx, "Cancelled|reservations"), t.Cancelled},
		{texts.T(ctx, "Ran out|reservations"), t.Expired}, {texts.T(ctx, "Still held"), t.Live()},
	}
}

func (o OverTime) median(ctx context.Context) string {
	if wait, ok := o.Total.Waits.Median(); ok {
		return waitText(ctx, wait)
	}
	return "–"
}

// waitText is a wait in words, for which less than a second is none.
func waitText(ctx context.Context, d time.Duration) string {
	if d == 0 {
		return texts.T(ctx, "under 1 second")
	}
	return texts.Duration(ctx, d)
}

// mostBars is how many bars a chart has at most; longer ranges put days together.
const mostBars = 92

// bin is some days that follow each other, as one bar.
type bin struct {
	From, To tel.Day
	tel.Outcomes
}

func (b bin) days(ctx context.Context) string {
	if b.From == b.To {
		return dayText(ctx, b.From)
	}
	return dayText(ctx, b.From) + " – " + dayText(ctx, b.To)
}

// dayText is a day in a few letters: "2 Jan 2006".
func dayText(ctx context.Context, d tel.Day) string {
	t := d.Start()
	return t.Format("2 ") + string([]rune(texts.Month(ctx, t.Month()))[:3]) + t.Format(" 2006")
}

// bins puts days together so that there are few enough.
func (o OverTime) bins() []bin {
	size := (len(o.Days) + mostBars - 1) / mostBars
	var list []bin
	for i, d := range o.Days {
		if i%size == 0 {
			list = append(list, bin{From: d.Day})
		}
		last := &list[len(list)-1]
		last.To = d.Day
		last.Add(d.Outcomes)
	}
	return list
}

// chart is one figure over time, as bars of a common height.
type chart struct {
	ID, Name string
	Bars     []bar
	Sum      int
	Highest  int
	When     string // of the highest
	From, To string
}

type bar struct {
	N    int
	What string
}

// charts are the same days, one figure each, so that nothing is told by colour alone.
func (o OverTime) charts(ctx context.Context) []chart {
	bins := o.bins()
	list := []chart{
		{ID: "reserved", Name: texts.T(ctx, "Reserved|reservations")}, {ID: "ordered", Name: texts.T(ctx, "Ordered|reservations")},
		{ID: "cancelled", Name: texts.T(ctx, "Cancelled|reservations")}, {ID: "expired", Name: texts.T(ctx, "Ran out|reservations")},
	}
	for i := range list {
		c := &list[i]
		for _, b := range bins {
			n := []int{b.Reserved, b.Ordered, b.Cancelled, b.Expired}[i]
			c.Bars = append(c.Bars, bar{n, b.days(ctx)})
			if c.Sum += n; n > c.Highest {
				c.Highest, c.When = n, b.days(ctx)
			}
		}
		c.From, c.To = dayText(ctx, bins[0].From), dayText(ctx, bins[len(bins)-1].To)
	}
	return list
}

// The chart's own units: a bar's width, the gap beside it, the height of the highest.
const (
	barWidth  = 8
	barGap    = 2
	barHeight = 48
)

func (c chart) box() string {
	return fmt.Sprintf("0 0 %d %d", len(c.Bars)*(barWidth+barGap), barHeight)
}

func barX(i int) string { return strconv.Itoa(i*(barWidth+barGap) + barGap/2) }

// height is at least 1 for what is not nothing.
func (c chart) height(b bar) int {
	if b.N == 0 {
		return 0
	}
	return max(1, b.N*barHeight/max(1, c.Highest))
}

func (c chart) says(ctx context.Context) string {
	if c.Sum == 0 {
		return texts.T(ctx, "None from %s to %s.", c.From, c.To)
	}
	return texts.T(ctx, "%d from %s to %s; most, %d, on %s.", c.Sum, c.From, c.To, c.Highest, c.When)
}

func (u UseReport) heading(ctx context.Context) string {
	switch u.By {
	case "ratecenter":
		return texts.T(ctx, "Rate center")
	case "block":
		return texts.T(ctx, "Thousands-block")
	}
	return texts.T(ctx, "State")
}

// name of a row: toll-free numbers have no state.
func (u Use) name(ctx context.Context) string {
	if u.Name == "" {
		return texts.T(ctx, "Toll-free or none")
	}
	return u.Name
}

func (u UseReport) most() int64 {
	var most int64 = 1
	for _, row := range u.Use {
		most = max(most, row.Taken)
	}
	return most
}

func (f ReportFilter) rangeText(ctx context.Context) string {
	if f.Range.From == f.Range.To {
		return dayText(ctx, f.Range.From)
	}
	return texts.T(ctx, "%s to %s|days", dayText(ctx, f.Range.From), dayText(ctx, f.Range.To))
}

// held is how long a reservation is held so far.
func (v Reports) held(ctx context.Context, l ReservationLine) string {
	return texts.Duration(ctx, v.Now.Sub(l.CreatedAt).Truncate(time.Second))
}
