package tel

import "time"

// Shop is an account's storefront, as a visitor sees it.
type Shop struct {
	Account     AccountID
	AccountName string
	Selling     Selling
	Open        bool          // visitors can take TNs: reservation is switched on
	Window      time.Duration // of a visitor's hold
	Holding     *Purchase     // what this browser holds, nil nothing
	Token       string        // of Holding
}

// ForStrangers is a refusal without what only the account may know: what it holds
// itself, how much, and since when.
func ForStrangers(err error, tn Number) error {
	switch CodeOf(err) {
	case CodeHeldByYou, CodeCoolingDown, CodeNotAvailable:
		return NotAvailable(tn)
	case CodeReservationsOff, CodeTooManyHeld, CodeTooManyTNs:
		return Refuse(CodeOf(err), "No more numbers can be held just now. Try again later.")
	}
	return err
}
