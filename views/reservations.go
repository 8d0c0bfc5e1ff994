package views

import (
	"context"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
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
	Paying bool              // a buyer pays for one of them now
	Reason string
	Errors map[string]string // reason
	Back   string
}

func (l ReservationLine) href() string { return "/reservations/" + l.ID }

func (l ReservationLine) firstTN(ctx context.Context) string {
	if len(l.TNs) == 0 {
		return texts.T(ctx, "No number")
	}
	return l.TNs[0].String()
}

func (l ReservationLine) place(ctx context.Context) string {
	if rest := placeRest(l.Place); rest != "" {
		return placeName(l.Place) + ", " + l.Place.State
	}
	return placeSaid(ctx, l.Place)
}

func (l ReservationLine) used(ctx context.Context) string {
	return texts.T(ctx, "%d of %d", l.Extensions, l.MaxExtensions)
}

// tnEnd tells how a TN left its reservation.
func tnEnd(ctx context.Context, t tel.ReservedTN, r *tel.Reservation) string {
	switch {
	case t.EndedAt.IsZero():
		return ""
	case t.End == tel.StateCancelled && r.State != tel.StateCancelled:
		return texts.T(ctx, "Dropped")
	}
	return stateLook(ctx, t.End).Name
}

func (v ReservationDetail) title(ctx context.Context) string {
	r := v.Reservation
	if len(r.TNs) == 0 {
		return texts.T(ctx, "Reservation")
	}
	first := r.TNs[0].TN.String()
	if len(r.TNs) > 1 {
		return texts.T(ctx, "%[2]s and %[1]d more", len(r.TNs)-1, first)
	}
	return first
}

func (v ReservationDetail) state() tel.State { return v.Reservation.StateAt(v.Left.Now) }

func (v ReservationDetail) live() bool { return v.state() == tel.StateLive }

func (v CancelReservations) title(ctx context.Context) string {
	if len(v.Lines) == 1 {
		return texts.T(ctx, "Cancel this reservation?")
	}
	return texts.T(ctx, "Cancel %d reservations?", len(v.Lines))
}

func (v CancelReservations) text(ctx context.Context) string {
	s := texts.T(ctx, "%d numbers will be free for others at once. This cannot be undone.", v.TNs)
	if v.Paying {
		s += " " + texts.T(ctx, "A buyer is paying for this just now, and would pay in vain.")
	}
	if v.Ended > 0 {
		s += " " + texts.T(ctx, "Ended already and left as they are: %d.", v.Ended)
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

func (v ReservationDetail) held(ctx context.Context) string {
	return onOff(v.live(), texts.T(ctx, "%d held", v.Reservation.TNCount), "")
}

// ended is when it was over: as written down, or when it ran out.
func (v ReservationDetail) ended() time.Time {
	if v.Reservation.EndedAt.IsZero() {
		return v.Reservation.ExpiresAt
	}
	return v.Reservation.EndedAt
}
