package tel

import (
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Selling is how an account sells to end users.
type Selling struct {
	Questions    []Question // beside name and e-mail
	CheckoutURL  string     // of the account's own payment page; "" is none
	HasSecret    bool       // a secret is shared with that page
	OfferSimilar bool       // a hold that ran out can be followed by another, of a TN like it
	ShopOn       bool
	Slug         string        // the storefront's address: /shop/{slug}
	Window       time.Duration // of holds that end users make themselves
	MostHeld     int           // TNs that the storefront holds at once
}

// Question is what an account asks its buyers.
type Question struct {
	Label    string `json:"label"`
	Required bool   `json:"required,omitempty"`
}

// Bounds of selling.
const (
	MostQuestions  = 10
	MaxLabel       = 60
	MaxAnswer      = 200
	maxEmail       = 254
	MaxCheckoutURL = 500
	MaxSlug        = 40
	MaxShopWindow  = 4 * time.Hour
	MostShopHeld   = 10_000
)

// DefaultSelling is what an account begins with.
func DefaultSelling() Selling { return Selling{Window: 15 * time.Minute, MostHeld: 50} }

// Check brings the settings into their one form and tells everything about them that
// cannot be, with its field (question-1, checkout_url, window, most_held, slug).
func (s *Selling) Check() (faults []*Error) {
	note := func(err *Error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	faults = append(faults, s.checkQuestions()...)
	note(s.checkCheckout())
	s.Window = s.Window.Truncate(time.Microsecond) // what the database keeps
	if s.Window < time.Minute || s.Window > MaxShopWindow {
		note(Invalid("window", "An end user's own hold lasts %s to %s.", Span(time.Minute), Span(MaxShopWindow)))
	}
	if s.MostHeld < 1 || s.MostHeld > MostShopHeld {
		note(Invalid("most_held", "Numbers that the storefront holds at once: 1 to %d.", MostShopHeld))
	}
	note(s.checkSlug())
	return faults
}

func (s *Selling) checkQuestions() (faults []*Error) {
	var kept []Question
	for i, q := range s.Questions {
		field := "question-" + strconv.Itoa(i+1)
		label, err := CleanText(field, q.Label, MaxLabel)
		switch {
		case err != nil:
			faults = append(faults, Invalid(field, "%s", err))
		case label != "" && slices.ContainsFunc(kept, func(k Question) bool { return strings.EqualFold(k.Label, label) }):
			faults = append(faults, Invalid(field, "This is asked already."))
		}
		if label != "" {
			kept = append(kept, Question{label, q.Required})
		}
	}
	if len(faults) > 0 {
		return faults // and leave them where they were typed
	}
	if s.Questions = kept; len(kept) > MostQuestions {
		return []*Error{Invalid("question-1", "At most %d questions.", MostQuestions)}
	}
	return nil
}

func (s *Selling) checkCheckout() *Error {
	if s.CheckoutURL == "" {
		return nil
	}
	u, err := url.Parse(s.CheckoutURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(s.CheckoutURL) > MaxCheckoutURL ||
		strings.ContainsAny(s.CheckoutURL, "\\ \t\r\n") {
		return Invalid("checkout_url", "That is not an address such as https://pay.example.com/checkout, without credentials.")
	}
	own, err := url.ParseQuery(u.RawQuery)
	if err != nil { // it would be sent as it is, and read by nobody
		return Invalid("checkout_url", "What stands behind the ? cannot be read: parameters are parted by &, and a %% is followed by two hexadecimal digits.")
	}
	for _, name := range checkoutParameters {
		if own.Has(name) {
			return Invalid("checkout_url", "The address cannot have a parameter %q of its own.", name)
		}
	}
	if !s.HasSecret {
		return Invalid("checkout_url", "Make the shared secret first: without it anybody could say that they have paid.")
	}
	return nil
}

func (s *Selling) checkSlug() *Error {
	s.Slug = strings.ToLower(strings.TrimSpace(s.Slug))
	if s.Slug == "" {
		if s.ShopOn {
			return Invalid("slug", "A storefront needs its address.")
		}
		return nil
	}
	bad := strings.Trim(s.Slug, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || s.Slug[0] == '-' || s.Slug[len(s.Slug)-1] == '-'
	if bad || len(s.Slug) < 3 || len(s.Slug) > MaxSlug {
		return Invalid("slug", "3 to %d letters, digits and dashes, such as acme-numbers.", MaxSlug)
	}
	return nil
}

// Buyer is who finishes a purchase.
type Buyer struct {
	Name    string   `json:"name"`
	Email   string   `json:"email"`
	Answers []Answer `json:"answers,omitempty"`
}

// Answer is a buyer's to a question, which is kept with it: questions change.
type Answer struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// String keeps buyers out of logs, whoever writes one.
func (Buyer) String() string { return "a buyer" }

// CleanBuyer brings what a buyer typed, an answer to each question in turn, into its
// one form, and tells everything about it that cannot be: the field is name, email or
// answer-1 and so on.
func (s *Selling) CleanBuyer(name, email string, answers []string) (b Buyer, faults []*Error) {
	text := func(field, value string, most int, needed bool) string {
		clean, err := CleanText(field, value, most)
		switch {
		case err != nil:
			faults = append(faults, Invalid(field, "%s", err))
		case clean == "" && needed:
			faults = append(faults, Invalid(field, "Please fill this in."))
		}
		return clean
	}
	b.Name = text("name", name, MaxName, true)
	if b.Email = text("email", email, maxEmail, true); b.Email != "" && !validEmail(b.Email) {
		faults = append(faults, Invalid("email", "That is not an e-mail address such as ann@example.com."))
	}
	for i, q := range s.Questions {
		given := ""
		if i < len(answers) {
			given = answers[i]
		}
		if given = text("answer-"+strconv.Itoa(i+1), given, MaxAnswer, q.Required); given != "" {
			b.Answers = append(b.Answers, Answer{q.Label, given})
		}
	}
	return b, faults
}

func validEmail(s string) bool {
	addr, err := mail.ParseAddress(s)
	return err == nil && addr.Address == s && len(s) <= maxEmail
}
