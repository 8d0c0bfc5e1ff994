package views

import (
	"strconv"

	"tnreserve/store/tel"
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
	MayHold  bool   // one of Similar can be held here
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
}

func (v Purchase) title() string {
	switch v.State {
	case tel.PurchaseOpen:
		return onOff(v.many(), "Your numbers", "Your number")
	case tel.PurchasePaying:
		return "Payment"
	case tel.PurchaseBusy:
		return "Somebody is paying for this"
	case tel.PurchaseOrdered:
		return "Thank you"
	case tel.PurchaseTaken:
		return "Ordered already"
	case tel.PurchasePaidLate:
		return "Paid too late"
	case tel.PurchaseRanOut:
		return "The time is over"
	}
	return "No longer offered"
}

func (v Purchase) lede() string {
	from := v.Purchase.AccountName
	switch v.State {
	case tel.PurchaseOpen:
		return onOff(v.many(), "Kept for you by "+from+". They are yours once you order them.", "Kept for you by "+from+". It is yours once you order it.")
	case tel.PurchasePaying:
		return "One step is left. The order is placed when " + from + " hears that you have paid."
	case tel.PurchaseBusy:
		return "It was opened through another link, and is being paid for there. If that is not you, ask " + from + "."
	case tel.PurchaseOrdered:
		return onOff(v.many(), "The numbers are yours.", "The number is yours.") + " Keep this page: its address shows your receipt again."
	case tel.PurchaseTaken:
		return "An order was placed for this, and not through this link. If that was not you, ask " + from + "."
	case tel.PurchasePaidLate:
		return "Your payment arrived when this could not be ordered any more. " + from + " sees that you have paid; ask them for your money back or for another number, and name this reference."
	case tel.PurchaseRanOut:
		return "Nobody was charged, and nothing was ordered."
	}
	return from + " took this back. Ask them for a new link."
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

// monthly is a price as end users read it.
func monthly(m tel.Money) string {
	if m == 0 {
		return "No charge"
	}
	return money(m) + " a month"
}

// buyerPlace is a place as end users know it.
func buyerPlace(p tel.Place) string {
	if p.City != "" && p.State != "" {
		return placeText(p)
	}
	return placeName(p)
}

// linkState is how a link shows in its list.
func linkState(l tel.PurchaseLink) look {
	switch {
	case l.OrderID != "":
		return look{"good", "circle-check", "Ordered"}
	case !l.PaidAt.IsZero():
		return look{"bad", "triangle-alert", "Paid, not ordered"}
	case !l.RevokedAt.IsZero():
		return look{"off", "ban", "Revoked"}
	case l.Paying:
		return look{"info", "hourglass", "At payment"}
	}
	return look{"good", "circle-check", "Active"}
}

// revocable tells whether there is anything to take back.
func revocable(l tel.PurchaseLink) bool {
	return l.RevokedAt.IsZero() && l.OrderID == "" && l.PaidAt.IsZero()
}

func linksPath(reservation, rest string) string {
	return "/reservations/" + reservation + "/links" + rest
}
