package views

import (
	"context"
	"strconv"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// Purchase is what an end user with a purchase link sees.
type Purchase struct {
	Purchase *tel.Purchase
	State    tel.PurchaseState
	Path     string    // /buy/{token}
	Left     Countdown // until the hold runs out, or until a clock that stands goes on
	Stands   bool      // the hold's clock stands
	Form     PurchaseForm
	PayHost  string // of the payment page, "" none
	Similar  []tel.FoundTN
	TakeAt   string // address that holds one of Similar, "" none
	Shop     string // address of the storefront that the hold came from, "" none
}

// PurchaseForm is what an end user typed. Errors by field: name, email, answer-1 and
// so on.
type PurchaseForm struct {
	Name    string
	Email   string
	Answers []string
	Errors  map[string]string
}

// PurchaseLinks is a reservation's links, for those who may make them.
type PurchaseLinks struct {
	Reservation string
	Links       []tel.PurchaseLink // newest first
	MayMake     bool               // it lives
	Key         string             // of the next one
}

func (v Purchase) title(ctx context.Context) string {
	switch v.State {
	case tel.PurchaseOpen:
		return onOff(v.many(), texts.T(ctx, "Your numbers"), texts.T(ctx, "Your number"))
	case tel.PurchasePaying:
		return texts.T(ctx, "Payment")
	case tel.PurchaseBusy:
		return texts.T(ctx, "Somebody is paying for this")
	case tel.PurchaseOrdered:
		return texts.T(ctx, "Thank you")
	case tel.PurchaseTaken:
		return texts.T(ctx, "Ordered already")
	case tel.PurchasePaidLate:
		return texts.T(ctx, "Paid, not ordered")
	case tel.PurchaseRanOut:
		return texts.T(ctx, "The time is up")
	}
	return texts.T(ctx, "No longer offered")
}

func (v Purchase) lede(ctx context.Context) string {
	unheard := texts.T(ctx, "We heard of no payment. If you have paid, ask %s and name this reference.", v.Purchase.AccountName)
	switch {
	case !v.unheard():
		return v.outcome(ctx)
	case v.State == tel.PurchaseRanOut:
		return unheard
	}
	return v.outcome(ctx) + " " + unheard
}

func (v Purchase) outcome(ctx context.Context) string {
	from := v.Purchase.AccountName
	switch v.State {
	case tel.PurchaseOpen:
		return onOff(v.many(), texts.T(ctx, "Kept for you by %s. They are yours once you order them.", from), texts.T(ctx, "Kept for you by %s. It is yours once you order it.", from))
	case tel.PurchasePaying:
		return texts.T(ctx, "One step is left. The order is placed when %s hears that you have paid.", from)
	case tel.PurchaseBusy:
		return texts.T(ctx, "It was opened through another link, and is being paid for there. If that is not you, ask %s.", from)
	case tel.PurchaseOrdered:
		return onOff(v.many(), texts.T(ctx, "The numbers are yours."), texts.T(ctx, "The number is yours.")) + " " + texts.T(ctx, "Keep this page: its address shows your receipt again.")
	case tel.PurchaseTaken:
		return texts.T(ctx, "An order was placed for this, and not through this link. If that was not you, ask %s.", from)
	case tel.PurchasePaidLate:
		return texts.T(ctx, "Your payment arrived when what it was for could not be ordered any more. %s sees that you have paid; ask them for your money back or for another number, and name this reference.", from)
	case tel.PurchaseRanOut:
		return texts.T(ctx, "Nobody was charged, and nothing was ordered.")
	}
	return texts.T(ctx, "%s took this back. Ask them for a new link.", from)
}

// unheard tells that it is over and its buyer, sent to pay, was not heard of: they may
// have paid.
func (v Purchase) unheard() bool {
	return v.Purchase.Paying && (v.State == tel.PurchaseRanOut || v.State == tel.PurchaseTaken || v.State == tel.PurchaseCancel)
}

// question is what an account asks, as the form labels it.
func question(ctx context.Context, q tel.Question) string {
	if q.Required {
		return q.Label
	}
	return texts.T(ctx, "%s (optional)", q.Label)
}

func (v Purchase) many() bool { return len(v.Purchase.Items) != 1 }

// refreshes tells whether time changes what the page says.
func (v Purchase) refreshes() bool {
	return v.State == tel.PurchaseOpen || v.State == tel.PurchasePaying || v.State == tel.PurchaseBusy
}

func (f PurchaseForm) answer(i int) string {
	if i < len(f.Answers) {
		return f.Answers[i]
	}
	return ""
}

func answerName(i int) string { return "answer-" + strconv.Itoa(i+1) }

// monthly is a price as end users read it: 0 is none given, not free.
func monthly(ctx context.Context, m tel.Money) string {
	if m == 0 {
		return texts.T(ctx, "Price on request")
	}
	return texts.T(ctx, "%s a month", money(m))
}

// together is what all of it costs.
func (v Purchase) together(ctx context.Context) string {
	if !v.Purchase.Priced() {
		return monthly(ctx, 0)
	}
	return monthly(ctx, v.Purchase.Monthly())
}

// orderFor is the button that orders, at a price.
func (v Purchase) orderFor(ctx context.Context) string {
	if !v.Purchase.Priced() {
		return texts.T(ctx, "Order|verb")
	}
	return texts.T(ctx, "Order for %s", v.together(ctx))
}

// toPay is how much is to be paid, and where.
func (v Purchase) toPay(ctx context.Context) string {
	if !v.Purchase.Priced() {
		return texts.T(ctx, "To be paid at %s", v.PayHost)
	}
	return texts.T(ctx, "%s, to be paid at %s", v.together(ctx), v.PayHost)
}

// buyerPlace is a place as end users know it.
func buyerPlace(ctx context.Context, p tel.Place) string {
	if p.City != "" && p.State != "" {
		return placeText(p)
	}
	return placeSaid(ctx, p)
}

// state is how a link shows in the list.
func (v PurchaseLinks) state(ctx context.Context, l tel.PurchaseLink) look {
	switch {
	case l.OrderID != "":
		return look{"good", "circle-check", texts.T(ctx, "Ordered|link")}
	case !l.PaidAt.IsZero():
		return look{"bad", "triangle-alert", texts.T(ctx, "Paid, not ordered")}
	case !l.RevokedAt.IsZero():
		return look{"off", "ban", texts.T(ctx, "Revoked|link")}
	case !v.MayMake:
		return look{"off", "hourglass", texts.T(ctx, "Over|link")}
	case l.Paying:
		return look{"info", "hourglass", texts.T(ctx, "At payment")}
	}
	return look{"good", "circle-check", texts.T(ctx, "Active|link")}
}

// revocable tells whether there is anything to take back.
func (v PurchaseLinks) revocable(l tel.PurchaseLink) bool {
	return v.MayMake && l.RevokedAt.IsZero() && l.OrderID == "" && l.PaidAt.IsZero()
}

func linksPath(reservation, rest string) string {
	return "/reservations/" + reservation + "/links" + rest
}
