package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
)

// purchasePreviews are what end users see, and what sets it.
func purchasePreviews() map[string]func(Shell) templ.Component {
	tn := tel.FoundTN{TN: tel.NewNumber(919, 233, 142), Place: tel.Place{City: "Raleigh", State: "NC"}, Offer: tel.Offer{MonthlyCost: 100000}}
	free := tel.FoundTN{TN: tel.NewNumber(800, 233, 142)}
	wrong := map[string]string{"name": "No.", "email": "No.", "answer-1": "No.", "slug": "No.", "question-3": "No.", "checkout_url": "No.", "window": "No.", "most_held": "No."}
	r := &tel.Reservation{ID: "0b7c1f0e-1111-4e55-9a53-2b7cf1a00001", State: tel.StateLive, ExpiresAt: previewNow.Add(time.Hour)}
	sel := tel.Selling{Questions: []tel.Question{{Label: "Company", Required: true}}, Window: 15 * time.Minute}
	p := &tel.Purchase{
		PurchaseLink: tel.PurchaseLink{ID: r.ID}, AccountName: "Acme Tel", Reservation: r, Items: []tel.FoundTN{tn, free}, Selling: sel,
		Buyer: tel.Buyer{Name: "Ann", Email: "ann@example.com"}, Order: &tel.Order{ID: r.ID, CreatedAt: previewNow},
	}
	shop := &tel.Shop{AccountName: "Acme Tel", Selling: sel, Holding: p, Token: "x"}
	list := map[string]func(Shell) templ.Component{
		"buy/wrong": func(s Shell) templ.Component {
			return PurchasePage(s, Purchase{Purchase: p, State: tel.PurchaseOpen, Path: "/buy/x", Form: PurchaseForm{Errors: wrong}, PayHost: "pay.example.com"})
		},
		"shop": func(s Shell) templ.Component {
			return ShopPage(s, Shop{Shop: shop, Path: "/shop/x", Back: "/shop/x", Left: previewLeft(96, "it"), Rows: []SearchRow{{FoundTN: tn}}, Total: "1 number", Other: "/shop/x?seed=1"})
		},
		"shop/none": func(s Shell) templ.Component {
			return ShopPage(s, Shop{Shop: &tel.Shop{AccountName: "Acme Tel"}, Path: "/shop/x", Back: "/shop/x", Total: "0 numbers"})
		},
		"selling": func(s Shell) templ.Component {
			return SellingPage(s, Selling{Account: tel.Account{ID: 9500012, Name: "Acme Tel"}, Form: NewSellingForm(sel), Secret: "tnr_check_x", ShopAt: "/shop/x"})
		},
		"selling/wrong": func(s Shell) templ.Component {
			f := NewSellingForm(sel)
			f.Errors = wrong
			return SellingPage(s, Selling{Account: tel.Account{ID: 9500012, Name: "Acme Tel"}, Form: f})
		},
	}
	for _, state := range tel.PurchaseStates() {
		list["buy/"+string(state)] = func(s Shell) templ.Component {
			return PurchasePage(s, Purchase{Purchase: p, State: state, Path: "/buy/x", Left: previewLeft(96, "it"), PayHost: "pay.example.com", Similar: p.Items, TakeAt: "/buy/x/similar"})
		}
	}
	return list
}

func TestPurchasePages(t *testing.T) {
	for name, page := range purchasePreviews() {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, renderText(t, page(previewShell("/"+name))))
			if strings.HasPrefix(name, "selling") {
				checkPage(t, doc)
				return
			}
			checkParts(t, doc)
			for _, one := range []string{"main#main", "h1#h1", "a.skip", "#announce[aria-live=polite]", "title"} {
				if n := doc.Find(one).Length(); n != 1 {
					t.Errorf("%d of %s, want 1", n, one)
				}
			}
			if n := doc.Find("nav, aside, #toasts").Length(); n != 0 {
				t.Errorf("%d parts of the dashboard", n)
			}
		})
	}
}
