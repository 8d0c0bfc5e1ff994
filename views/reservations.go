package views

import (
	"strconv"
	"time"

	"tnreserve/store/tel"
)

// ReservationLine is one reservation in a list.
type ReservationLine struct {
	ID            string
	TNs           []tel.Number // at least the first
	TNCount       int
	Place         tel.Place // of the first TN
	AccountID     tel.AccountID
	Account       string
	State         tel.State // as of now
	Left          Countdown // while live
	Extensions    int
	MaxExtensions int
	MayExtend     bool
	CreatedAt     time.Time
	CreatedBy     string
	EndedAt       time.Time
	EndedBy       string
	EndReason     string
	Reference     string
	Note          string
}

// Reservations is the list of reservations, live or ended.
type Reservations struct {
	Title       string // "Reservations", for a member "Your reservations"
	Lede        string
	Show        string // "live" or "ended"
	Tabs        []Tab
	Self        string // address of this very page
	Filter      ReservationFilter
	Rows        []ReservationLine
	Total       string // "12 reservations, 57 TNs"
	Summary     string // of the page: "1–50"
	Next        string
	First       string
	SortExpires SortLink // of ended ones: when they ended
	SortCreated SortLink
	Export      string // "" for who may not
	WithAccount bool   // the operator's list: a column for the account
	MayChange   bool   // extend, cancel, order
}

// ReservationFilter is the filters of the list as typed.
type ReservationFilter struct {
	Q        string
	By       string
	Sort     string
	Accounts []Choice          // for operators; the first is "All accounts"
	Errors   map[string]string // q, by
	Clear    string            // address without filters, "" when there are none
}

// ReservationDetail is one reservation's page.
type ReservationDetail struct {
	Reservation   *tel.Reservation
	Left          Countdown // while live
	Self          string
	MaxExtensions int
	Window        time.Duration // what an extension adds
	MayExtend     bool
	WhyNotExtend  string // in a sentence, when live and not extendable
	MayChange     bool   // cancel, drop
	MayOrder      bool
	WithAccount   bool
	AccountHref   string         // "" no link
	Orders        []*tel.Order   // that took numbers of it
	History       []Step         // newest first
	Links         *PurchaseLinks // nil for who may make none
	MadeLink      string         // just made, shown this once
}

// CancelReservations is the question before reservations are cancelled.
type CancelReservations struct {
	Lines  []ReservationLine // live ones
	Ended  int               // of those asked for, how many have ended already
	TNs    int               // that would be free again
	Reason string
	Errors map[string]string // reason
	Back   string
}

func (l ReservationLine) href() string { return "/reservations/" + l.ID }

func (l ReservationLine) firstTN() string {
	if len(l.TNs) == 0 {
		return "No number"
	}
	return l.TNs[0].String()
}

func (l ReservationLine) place() string {
	if rest := placeRest(l.Place); rest != "" {
		return placeName(l.Place) + ", " + l.Place.State
	}
	return placeName(l.Place)
}

func (l ReservationLine) used() string {
	return strconv.Itoa(l.Extensions) + " of " + strconv.Itoa(l.MaxExtensions)
}

// tnEnd tells how a TN left its reservation.
func tnEnd(t tel.ReservedTN, r *tel.Reservation) string {
	switch {
	case t.EndedAt.IsZero():
		return ""
	case t.End == tel.StateCancelled && r.State != tel.StateCancelled:
		return "Dropped"
	}
	return stateLook(t.End).Name
}

func (v ReservationDetail) title() string {
	r := v.Reservation
	if len(r.TNs) == 0 {
		return "Reservation"
	}
	first := r.TNs[0].TN.String()
	if len(r.TNs) > 1 {
		return first + " and " + tel.Count(len(r.TNs)-1) + " more"
	}
	return first
}

func (v ReservationDetail) state() tel.State { return v.Reservation.StateAt(v.Left.Now) }

func (v ReservationDetail) live() bool { return v.state() == tel.StateLive }

func (v CancelReservations) title() string {
	if len(v.Lines) == 1 {
		return "Cancel this reservation?"
	}
	return "Cancel " + tel.Plural(len(v.Lines), "reservation") + "?"
}

func (v CancelReservations) text() string {
	s := tel.Plural(v.TNs, "number") + " will be free for others at once. This cannot be undone."
	if v.Ended > 0 {
		s += " " + "Ended already and left as they are: " + tel.Count(v.Ended) + "."
	}
	return s
}

func (v CancelReservations) hidden() []Hidden {
	hidden := []Hidden{{"back", v.Back}}
	for _, l := range v.Lines {
		hidden = append(hidden, Hidden{"id", l.ID})
	}
	return hidden
}

// selectable tells whether rows can be ticked, to cancel several at once.
func (v Reservations) selectable() bool { return v.MayChange && v.Show != "ended" }

func (v ReservationDetail) held() string {
	return onOff(v.live(), tel.Count(v.Reservation.TNCount)+" held", "")
}

// ended is when it was over: as written down, or when it ran out.
func (v ReservationDetail) ended() time.Time {
	if v.Reservation.EndedAt.IsZero() {
		return v.Reservation.ExpiresAt
	}
	return v.Reservation.EndedAt
}
