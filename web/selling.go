package web

import (
	"net/http"
	"strconv"

	"tnreserve/store/tel"
	"tnreserve/views"
)

// sellingHere is the account of this address and how it sells, for those who set it.
func (v *visit) sellingHere() (*tel.Account, tel.Selling, error) {
	a, err := v.accountHere()
	if err != nil {
		return nil, tel.Selling{}, err
	}
	sel, err := v.store.Selling(v.r.Context(), v.actor, a.ID)
	return a, sel, err
}

func (v *visit) selling() error {
	a, sel, err := v.sellingHere()
	if err != nil {
		return err
	}
	return v.sellingPage(http.StatusOK, a, sel, views.NewSellingForm(sel), "")
}

func (v *visit) sellingPage(status int, a *tel.Account, sel tel.Selling, form views.SellingForm, secret string) error {
	page := views.Selling{Account: *a, Form: form, Secret: secret, Base: v.absolute("")}
	if sel.ShopOn {
		page.ShopAt = "/shop/" + sel.Slug
	}
	return v.render(status, views.SellingPage(v.shell(), page))
}

// setSelling saves the settings. Every field that is wrong is told at once.
func (v *visit) setSelling() error {
	a, is, err := v.sellingHere()
	if err != nil {
		return err
	}
	want, form, faults := v.readSelling(is)
	if len(faults) == 0 {
		err = v.store.SetSelling(v.r.Context(), v.actor, a.ID, want)
	}
	if tel.CodeOf(err) == tel.CodeConflict {
		err = tel.Invalid("slug", "Another storefront has this address.")
	}
	if fields, ok := v.fieldErrors(err); ok {
		faults = fields
	} else if err != nil {
		return err
	}
	if len(faults) > 0 {
		form.Errors = faults
		return v.sellingPage(http.StatusUnprocessableEntity, a, is, form, "")
	}
	return v.done(sellingAt(a), ok(v.t("How %s sells was saved.", a.Name)))
}

func sellingAt(a *tel.Account) string { return "/accounts/" + a.ID.String() + "/selling" }

// readSelling reads the settings as typed.
func (v *visit) readSelling(is tel.Selling) (tel.Selling, views.SellingForm, map[string]string) {
	form := views.SellingForm{
		CheckoutURL: v.form("checkout_url"), HasSecret: is.HasSecret, OfferSimilar: v.form("offer_similar") == "1", ShopOn: v.form("shop_on") == "1",
		Slug: v.form("slug"), Window: v.form("window"), MostHeld: v.form("most_held"),
	}
	for i := range tel.MostQuestions {
		n := strconv.Itoa(i + 1)
		form.Questions = append(form.Questions, tel.Question{Label: v.form("question-" + n), Required: v.form("required-"+n) == "1"})
	}
	want := tel.Selling{Questions: form.Questions, CheckoutURL: form.CheckoutURL, HasSecret: is.HasSecret, OfferSimilar: form.OfferSimilar, ShopOn: form.ShopOn, Slug: form.Slug}
	var faults []*tel.Error
	note := func(err error) {
		if e, ok := err.(*tel.Error); ok {
			faults = append(faults, e)
		}
	}
	var err error
	want.Window, err = tel.ParseDuration("window", form.Window)
	note(err)
	want.MostHeld, err = parseCount("most_held", form.MostHeld)
	note(err)
	checked := want
	return want, form, v.byField(append(faults, checked.Check()...))
}

// makeCheckoutSecret answers with the secret itself, as createClient does.
func (v *visit) makeCheckoutSecret() error {
	a, _, err := v.sellingHere()
	if err != nil {
		return err
	}
	secret, err := v.store.NewCheckoutSecret(v.r.Context(), v.actor, a.ID)
	if err != nil {
		return err
	}
	sel, err := v.store.Selling(v.r.Context(), v.actor, a.ID)
	if err != nil {
		return err
	}
	return v.sellingPage(http.StatusOK, a, sel, views.NewSellingForm(sel), secret)
}
