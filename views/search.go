package views

import (
	"context"
	"strconv"
	"strings"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// Search is the page of search: the filters, what they found, and beside it the
// reservations that the person has under way.
type Search struct {
	Form   SearchForm
	Chips  []Chip
	Clear  string // address without filters
	Self   string // address of this very page, for the way back and for refreshes
	Rows   []SearchRow
	Total  int
	More   bool   // Total is only what was counted; there are more
	First  string // address of the first page, "" is here
	Next   string // address of the next page, "" is the end
	Sort   SortLink
	Spread string // address of another spread-out page; "" where an order is asked for

	CanReserve  bool
	WhyNot      string // "Reservation is switched off for Acme Tel.", when the role could
	Reserve     ReserveForm
	Mine        *MinePanel // nil: this person has no reservations of their own
	Suggestions []Suggestion
}

// SearchForm is the filters as typed, and what is wrong with each (field → text:
// npa, nxx, state, place, lata, starts, contains, ends, run).
type SearchForm struct {
	NPA, NXX, State, Place, LATA, Type, Starts, Contains, Ends, Run string
	City, RC                                                        string // narrower than Place, from links
	Order, Seed                                                     string
	States                                                          []Choice // to choose from; the first is "Any"
	Errors                                                          map[string]string
}

// Chip is one filter in force, with the address that leaves it out.
type Chip struct{ Label, Remove string }

// Suggestion is a step that may find more: "Contains 420", "Area code 984".
type Suggestion struct{ Label, Href string }

// SortLink is the address that sorts by a column, and how it is sorted now: "",
// "ascending" or "descending".
type SortLink struct{ Href, Dir string }

func (l SortLink) aria() string {
	if l.Dir == "" {
		return "none"
	}
	return l.Dir
}

func (l SortLink) icon() string {
	switch l.Dir {
	case "ascending":
		return "arrow-up"
	case "descending":
		return "arrow-down"
	}
	return "chevrons-up-down"
}

// RowState is what a row of a search is to the one who looks.
type RowState string

// The states of a row. Gone says nothing about why.
const (
	RowFree RowState = "free"
	RowMine RowState = "mine"
	RowGone RowState = "gone"
)

// SearchRow is one TN found.
type SearchRow struct {
	tel.FoundTN
	State       RowState
	Hit         [10]bool  // the digits that matched
	Reservation string    // id, when mine
	Left        Countdown // when mine
}

// ReserveForm is what goes with a reservation.
type ReserveForm struct {
	Key       string // nonce: repeating the same request is safe
	Durations []Choice
	How       string // "all" or "any"
}

// MinePanel is "Your reservations" beside the results, soonest expiry first.
type MinePanel struct {
	Lines []ReservationLine
	Total int // all that live, of which Lines are the first
}

func (v Search) total(ctx context.Context) string {
	if v.More {
		return texts.T(ctx, "More than %d numbers", v.Total)
	}
	return texts.T(ctx, "%d numbers", v.Total)
}

func (v Search) summary(ctx context.Context) string {
	if v.First == "" {
		return texts.T(ctx, "First %d numbers", len(v.Rows))
	}
	return texts.T(ctx, "%d numbers more", len(v.Rows))
}

// wide tells whether a filter of the folded part is in use or wrong.
func (f SearchForm) wide() bool {
	if f.NXX+f.State+f.LATA+f.Starts+f.Ends+f.Run != "" {
		return true
	}
	for _, field := range []string{"nxx", "state", "lata", "starts", "ends", "run"} {
		if f.Errors[field] != "" {
			return true
		}
	}
	return false
}

func (f SearchForm) types(ctx context.Context) []Choice {
	return []Choice{
		{"", texts.T(ctx, "Any|type"), f.Type == ""},
		{string(tel.TypeLocal), texts.T(ctx, "Local|type"), f.Type == string(tel.TypeLocal)},
		{string(tel.TypeTollFree), texts.T(ctx, "Toll-free"), f.Type == string(tel.TypeTollFree)},
	}
}

func (f SearchForm) kept() []Hidden {
	var h []Hidden
	for _, kept := range []Hidden{{"city", f.City}, {"rc", f.RC}, {"order", f.Order}} {
		if kept.Value != "" {
			h = append(h, kept)
		}
	}
	return h
}

// runs are the usual lengths, and whatever else was typed into the address.
func (f SearchForm) runs(ctx context.Context) []Choice {
	choices := []Choice{{"", texts.T(ctx, "Any|length"), f.Run == ""}}
	known := f.Run == ""
	for _, n := range []int{2, 3, 5, 10, 25, 50, 100} {
		s := strconv.Itoa(n)
		choices = append(choices, Choice{s, texts.T(ctx, "%d numbers", n), f.Run == s})
		known = known || f.Run == s
	}
	if !known {
		choices = append(choices, Choice{f.Run, f.Run, true})
	}
	return choices
}

func (f ReserveForm) hows(ctx context.Context) []Choice {
	return []Choice{
		{"all", texts.T(ctx, "All or nothing"), f.How != "any"},
		{"any", texts.T(ctx, "As many as possible"), f.How == "any"},
	}
}

// features is an offer's features for people: "Voice · SMS".
func features(o tel.Offer) string {
	var names []string
	for f := range strings.SplitSeq(o.Features, ",") {
		switch f = strings.TrimSpace(f); f {
		case "":
		case "sms", "mms", "e911":
			names = append(names, strings.ToUpper(f))
		default:
			names = append(names, strings.ToUpper(f[:1])+f[1:])
		}
	}
	return strings.Join(names, " · ")
}

func rowID(n tel.Number) string { return "tn-" + n.Digits() }
