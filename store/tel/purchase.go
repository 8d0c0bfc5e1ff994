package tel

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PurchaseLink is a link that lets whoever has it finish the purchase of what one
// reservation holds.
type PurchaseLink struct {
	ID        string // a UUID; the token in the address is another secret
	Account   AccountID
	CreatedAt time.Time
	CreatedBy string
	RevokedAt time.Time // zero: not revoked
	Paying    bool      // its buyer was sent to the payment page and is not back
	PaidAt    time.Time // when a payment was reported; zero never
	OrderID   string    // that it placed; "" none
}

// MostLinks is how many links of a reservation can be good at once.
const MostLinks = 20

// MinLinkKey is how long a key must be that a link's token is made of.
const MinLinkKey = 26

// MostRenewals is how often in a row a hold that ran out can be followed by another.
const MostRenewals = 3

// SimilarFor is how long after its end a hold can be followed by another.
const SimilarFor = 24 * time.Hour

// Purchase is what stands behind a link, as its end user sees it.
type Purchase struct {
	PurchaseLink
	AccountName string
	Reservation *Reservation
	Items       []FoundTN // what the reservation holds, or held when it ended
	Selling     Selling
	Buyer       Buyer // as last filled in, or with the order
	Order       *Order
	Renewals    int
	FromShop    bool // the hold was made in the storefront
	Open        bool // the account's reservation is on
}

// PurchaseState is what an end user can do with a purchase.
type PurchaseState string

// The states of a purchase.
const (
	PurchaseOpen     PurchaseState = "open"      // to be filled in and accepted
	PurchasePaying   PurchaseState = "paying"    // accepted here, and to be paid
	PurchaseBusy     PurchaseState = "busy"      // somebody pays through another link
	PurchaseOrdered  PurchaseState = "ordered"   // here: there is a receipt
	PurchaseTaken    PurchaseState = "taken"     // ordered, and not here
	PurchaseCancel   PurchaseState = "cancelled" // or its link revoked, by the account
	PurchaseRanOut   PurchaseState = "ran out"
	PurchasePaidLate PurchaseState = "paid late" // paid when there was nothing left to order
)

// PurchaseStates lists every PurchaseState.
func PurchaseStates() []PurchaseState {
	return []PurchaseState{PurchaseOpen, PurchasePaying, PurchaseBusy, PurchaseOrdered, PurchaseTaken, PurchaseCancel, PurchaseRanOut, PurchasePaidLate}
}

// StateAt is the purchase's state at an instant.
func (p *Purchase) StateAt(now time.Time) PurchaseState {
	state := p.Reservation.StateAt(now)
	switch {
	case p.Order != nil:
		return PurchaseOrdered
	case !p.PaidAt.IsZero():
		return PurchasePaidLate
	case !p.RevokedAt.IsZero():
		return PurchaseCancel
	case state == StateOrdered:
		return PurchaseTaken
	case state == StateCancelled:
		return PurchaseCancel
	case state == StateExpired:
		return PurchaseRanOut
	case p.Paying:
		return PurchasePaying
	case state == StateSubmitted:
		return PurchaseBusy
	}
	return PurchaseOpen
}

// Followable tells whether a hold that ran out can still be followed by one of a TN like
// those that it held.
func (p *Purchase) Followable(now time.Time) bool {
	return p.Open && len(p.Items) > 0 && now.Sub(p.Reservation.ExpiresAt) <= SimilarFor
}

// Accepted is a TN at the price that an end user accepted.
type Accepted struct {
	TN          Number `json:"tn"`
	MonthlyCost Money  `json:"monthly_cost"`
}

// Priced tells whether each TN has a price: at 0 nobody gave it one.
func (p *Purchase) Priced() bool {
	return !slices.ContainsFunc(p.Items, func(t FoundTN) bool { return t.Offer.MonthlyCost == 0 })
}

// Monthly is what the TNs cost a month, together. Unless Priced it is too little.
func (p *Purchase) Monthly() (sum Money) {
	for _, t := range p.Items {
		sum += t.Offer.MonthlyCost
	}
	return sum
}

// Terms names what is accepted and asked, TNs, price and questions: they may change while
// a page is open.
func (p *Purchase) Terms() string {
	text := p.offered()
	for _, q := range p.Selling.Questions {
		text += q.Label + "\n"
	}
	return digest(text)
}

func (p *Purchase) offered() string {
	var b strings.Builder
	for _, t := range p.Items {
		fmt.Fprintf(&b, "%d %d\n", t.TN, t.Offer.MonthlyCost)
	}
	return b.String()
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Nonce is what a payment page's answer must name: a secret word, and what is to be paid
// for. Of a purchase that goes to payment again the word stays.
func (p *Purchase) Nonce(before string) string {
	return cmp.Or(secretWord(before), rand.Text()) + "." + digest(p.offered())
}

func secretWord(nonce string) string {
	word, _, _ := strings.Cut(nonce, ".")
	return word
}

// Acceptance is what an end user sends: who they are and what they saw.
type Acceptance struct {
	Name    string
	Email   string
	Answers []string // to the account's questions, in turn
	Terms   string   // Purchase.Terms of the page
}

// The account's payment page is called, and answers, with signed parameters: HMAC-SHA256
// in hex under the shared secret, over a word that tells the two ways apart, a line
// feed, and the other parameters as a query sorted by name.

// checkoutParameters are those that the payment page is called with.
var checkoutParameters = []string{"amount", "currency", "expires", "nonce", "reservation", "return", "sig"}

// The ways that a signature is good for.
const (
	SignedCheckout = "checkout"
	SignedReturn   = "return"
)

// CheckoutPrefix is what a secret for payment pages begins with.
const CheckoutPrefix = "tnr_check_"

// SignQuery signs parameters; a "sig" among them does not count.
func SignQuery(secret, way string, q url.Values) string {
	rest := url.Values{}
	for name, values := range q {
		if name != "sig" {
			rest[name] = values
		}
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(way + "\n" + rest.Encode()))
	return hex.EncodeToString(mac.Sum(nil))
}

// CheckoutAddress is the payment page's address for a purchase: what is to be paid, if
// there is a price, by when, and where to come back to.
func (p *Purchase) CheckoutAddress(secret, nonce, back string) (string, error) {
	u, err := url.Parse(p.Selling.CheckoutURL)
	if err != nil {
		return "", err
	}
	ours := url.Values{
		"expires": {strconv.FormatInt(p.Reservation.ExpiresAt.Unix(), 10)},
		"nonce":   {nonce}, "reservation": {p.Reservation.ID}, "return": {back},
	}
	if p.Priced() {
		ours.Set("amount", p.Monthly().String())
		ours.Set("currency", "USD")
	}
	ours.Set("sig", SignQuery(secret, SignedCheckout, ours))
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += ours.Encode()
	return u.String(), nil
}

// CheckReturn judges what a payment page sent its buyer back with: whether it was
// paid. What for is the nonce's to tell: it may be another one of this purchase.
// CodeNotFound for anything that is not signed, or not for this purchase.
func CheckReturn(secret, nonce string, q url.Values) (paid bool, err error) {
	for _, values := range q {
		if len(values) != 1 {
			return false, NotFound()
		}
	}
	sig := SignQuery(secret, SignedReturn, q)
	switch {
	case secret == "" || nonce == "" || !hmac.Equal([]byte(sig), []byte(q.Get("sig"))) || secretWord(q.Get("nonce")) != secretWord(nonce):
		return false, NotFound()
	case !slices.Contains([]string{"paid", "cancelled"}, q.Get("status")):
		return false, NotFound()
	}
	return q.Get("status") == "paid", nil
}

// NextToken is the token of the hold that follows one that ran out: who has the one
// can have the other, and asking twice is asking for the same.
func NextToken(token string) string { return deriveToken(token, "next") }

// LinkToken is the token of the link that somebody makes with a key.
func LinkToken(key, actor, reservation string) string {
	return deriveToken(key, "link "+actor+" "+reservation)
}

// ShopToken is the token of a browser session's nth hold in an account's storefront.
func ShopToken(session string, account AccountID, nth int) string {
	return deriveToken(session, fmt.Sprintf("shop %d %d", account, nth))
}

func deriveToken(token, what string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(what))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
