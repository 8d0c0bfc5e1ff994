package views

import (
	"strconv"

	"tnreserve/store/tel"
)

// Selling is the page of how an account sells to end users.
type Selling struct {
	Account tel.Account
	Form    SellingForm
	Secret  string // just made, shown this once
	ShopAt  string // address of the storefront that is open, "" none
	Base    string // this server as people reach it
}

// SellingForm is the settings as typed. Errors by field, named as in tel.Selling.Check.
type SellingForm struct {
	Questions    []tel.Question // as many as there can be; the free ones are empty
	CheckoutURL  string
	HasSecret    bool
	OfferSimilar bool
	ShopOn       bool
	Slug         string
	Window       string
	MostHeld     string
	Errors       map[string]string
}

// NewSellingForm is the form of the settings as they are.
func NewSellingForm(s tel.Selling) SellingForm {
	f := SellingForm{
		CheckoutURL: s.CheckoutURL, HasSecret: s.HasSecret, OfferSimilar: s.OfferSimilar, ShopOn: s.ShopOn, Slug: s.Slug,
		Window: ShortDuration(s.Window), MostHeld: strconv.Itoa(s.MostHeld),
	}
	f.Questions = append(make([]tel.Question, 0, tel.MostQuestions), s.Questions...)
	for len(f.Questions) < tel.MostQuestions {
		f.Questions = append(f.Questions, tel.Question{})
	}
	return f
}

// shown is how many questions stand open: those in use, and one to add.
func (f SellingForm) shown() int {
	last := 1
	for i, q := range f.Questions {
		if q.Label != "" || q.Required || f.Errors[questionName(i)] != "" {
			last = i + 2
		}
	}
	return min(last, len(f.Questions))
}

func sellingPath(account tel.AccountID, rest string) string {
	return accountPath(account, "/selling"+rest)
}

func questionName(i int) string { return "question-" + strconv.Itoa(i+1) }
