package web

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"tnreserve/store/tel"
	"tnreserve/views"
)

// End users have no account. Who has a link can see and complete the one purchase
// behind it, and every link that is not good answers alike.

// purchaseHere is the purchase of this address and the actor that it stands for.
func (v *visit) purchaseHere() (*tel.Purchase, tel.Actor, error) {
	v.w.Header().Set("X-Robots-Tag", "noindex")
	p, actor, err := v.store.Purchase(v.r.Context(), v.r.PathValue("token"), v.remoteAddr(v.r))
	if tel.CodeOf(err) == tel.CodeNotFound {
		return nil, tel.Actor{}, v.missed()
	}
	return p, actor, err
}

// missed counts what might be guessing.
func (v *visit) missed() error {
	if err := v.slow(v.endUsers.misses, v.neighbourhood()); err != nil {
		return err
	}
	return tel.NotFound()
}

// neighbourhood is the address that limits count: of IPv6 the network, since whoever
// has one address there has them all.
func (v *visit) neighbourhood() string {
	addr, err := netip.ParseAddr(v.remoteAddr(v.r))
	if err != nil || addr.Is4() || addr.Is4In6() {
		return v.remoteAddr(v.r)
	}
	network, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return network.String()
}

func (v *visit) buyPath() string { return "/buy/" + url.PathEscape(v.r.PathValue("token")) }

func (v *visit) purchase() error {
	p, actor, err := v.purchaseHere()
	if err != nil {
		return err
	}
	return v.purchasePage(http.StatusOK, p, actor, views.PurchaseForm{Name: p.Buyer.Name, Email: p.Buyer.Email, Answers: answersOf(p)})
}

// answersOf are what the buyer filled in before, question by question.
func answersOf(p *tel.Purchase) []string {
	list := make([]string, len(p.Selling.Questions))
	for i, q := range p.Selling.Questions {
		for _, a := range p.Buyer.Answers {
			if a.Label == q.Label {
				list[i] = a.Text
			}
		}
	}
	return list
}

func (v *visit) purchasePage(status int, p *tel.Purchase, actor tel.Actor, form views.PurchaseForm) error {
	r := p.Reservation
	page := views.Purchase{Purchase: p, State: p.StateAt(v.now), Path: v.buyPath(), Form: form, Stands: r.StateAt(v.now) == tel.StateSubmitted}
	page.Left = v.countdown(r, v.onOne(p.Items))
	if page.Stands {
		page.Left = views.Countdown{ExpiresAt: r.PauseEnds(), Now: v.now, Total: tel.MaxPause, Of: v.t("the payment")}
	}
	if u, err := url.Parse(p.Selling.CheckoutURL); err == nil {
		page.PayHost = u.Host
	}
	if p.FromShop && p.Selling.ShopOn {
		page.Shop = "/shop/" + p.Selling.Slug
	}
	if page.State == tel.PurchaseRanOut {
		if err := v.fillSimilar(&page, actor); err != nil {
			return err
		}
	}
	return v.render(status, views.PurchasePage(v.shell(), page))
}

// fillSimilar looks for TNs like those that ran out, as a search of the storefront does,
// and as often; the page stands without them.
func (v *visit) fillSimilar(page *views.Purchase, actor tel.Actor) error {
	p := page.Purchase
	if !p.Followable(v.now) {
		return nil
	}
	leave, err := v.turnInShop(p.Account)
	if code := tel.CodeOf(err); code == tel.CodeSlowDown || code == tel.CodeBusy {
		return nil
	}
	if err != nil {
		return err
	}
	defer leave()
	page.TakeAt = page.Shop
	if !p.FromShop && p.Selling.OfferSimilar && p.Renewals < tel.MostRenewals {
		page.TakeAt = page.Path + "/similar"
	}
	page.Similar, err = v.store.Similar(v.r.Context(), actor, p)
	return err
}

// onOne names one TN, or how many there are.
func (v *visit) onOne(items []tel.FoundTN) string {
	if len(items) == 1 {
		return items[0].TN.String()
	}
	return v.t("%d numbers", len(items))
}

// acceptPurchase places the order, or sends the buyer on to payment. Sent twice it does
// nothing twice.
func (v *visit) acceptPurchase() error {
	p, actor, err := v.purchaseHere()
	if err != nil {
		return err
	}
	form := views.PurchaseForm{Name: v.form("name"), Email: v.form("email")}
	for i := range p.Selling.Questions {
		form.Answers = append(form.Answers, v.form("answer-"+strconv.Itoa(i+1)))
	}
	_, err = v.store.AcceptPurchase(v.r.Context(), actor, tel.Acceptance{Name: form.Name, Email: form.Email, Answers: form.Answers, Terms: v.form("terms")})
	if tel.CodeOf(err) == tel.CodeInvalid {
		_, faults := p.Selling.CleanBuyer(form.Name, form.Email, form.Answers)
		form.Errors = v.byField(faults)
		return v.purchasePage(http.StatusUnprocessableEntity, p, actor, form)
	}
	if code := tel.CodeOf(err); code == tel.CodeRanOut || code == tel.CodeEnded {
		err = nil // the page says so, and what now
	}
	if err != nil {
		return v.backWith(v.buyPath(), err)
	}
	return v.redirect(v.buyPath())
}

// byField are faults by the field, the first of each.
func (v *visit) byField(faults []*tel.Error) map[string]string {
	out := map[string]string{}
	for _, e := range faults {
		if out[e.Field] == "" {
			out[e.Field] = v.say(e)
		}
	}
	return out
}

// checkout leads to the account's payment page. It is a link's address and no form's:
// the Content-Security-Policy lets forms lead nowhere else.
func (v *visit) checkout() error {
	_, actor, err := v.purchaseHere()
	if err != nil {
		return err
	}
	to, err := v.store.CheckoutAddress(v.r.Context(), actor, v.absolute(v.buyPath()+"/return"))
	if tel.CodeOf(err) == tel.CodeEnded {
		return v.redirect(v.buyPath())
	}
	if err != nil {
		return err
	}
	return v.redirect(to)
}

// absolute is an address of ours as others reach it.
func (v *visit) absolute(path string) string { return v.base() + path }

func (v *visit) leaveCheckout() error {
	_, actor, err := v.purchaseHere()
	if err != nil {
		return err
	}
	if _, err := v.store.LeaveCheckout(v.r.Context(), actor); err != nil {
		return v.backWith(v.buyPath(), err)
	}
	return v.redirect(v.buyPath())
}

// returnFromCheckout is where the payment page sends its buyer back to. It changes
// something although it is a GET: its signature is what allows it. The address that it
// leaves in the history is the purchase's own.
func (v *visit) returnFromCheckout() error {
	_, actor, err := v.purchaseHere()
	if err != nil {
		return err
	}
	_, err = v.store.ReturnFromCheckout(v.r.Context(), actor, v.r.URL.Query())
	if tel.CodeOf(err) == tel.CodeNotFound {
		return v.missed()
	}
	if err != nil {
		return v.backWith(v.buyPath(), err)
	}
	return v.redirect(v.buyPath())
}

// takeSimilar holds another TN for the buyer of a hold that ran out.
func (v *visit) takeSimilar() error {
	_, actor, err := v.purchaseHere()
	if err != nil {
		return err
	}
	if err := v.slow(v.endUsers.holds, v.neighbourhood()); err != nil {
		return err
	}
	tn, err := tel.ParseNumber(v.form("tn"))
	if err != nil {
		return v.backWith(v.buyPath(), err)
	}
	next, err := v.store.ReserveSimilar(v.r.Context(), actor, v.r.PathValue("token"), tn)
	if err != nil {
		return v.backWith(v.buyPath(), err)
	}
	return v.redirect("/buy/" + next)
}

// Links, from the dashboard.

// purchaseLinks are a reservation's links, for those who may make them.
func (v *visit) purchaseLinks(r *tel.Reservation) (*views.PurchaseLinks, error) {
	if !v.actor.May(tel.ActShareReservation, r.Account) {
		return nil, nil
	}
	list, err := v.store.PurchaseLinks(v.r.Context(), v.actor, r)
	if err != nil {
		return nil, err
	}
	links := &views.PurchaseLinks{Reservation: r.ID, Links: list, MayMake: !r.StateAt(v.now).Ended(), Key: rand.Text()}
	if len(list) == 0 && !links.MayMake {
		return nil, nil
	}
	return links, nil
}

// makeLink answers with the link itself: behind a redirect it would have to wait in a
// cookie or an address. The page loaded again shows the same one.
func (v *visit) makeLink() error {
	_, token, err := v.store.NewPurchaseLinkOnce(v.r.Context(), v.actor, v.r.PathValue("id"), v.form("key"))
	if err != nil {
		return v.backWith(v.here(), err)
	}
	return v.reservationPage(v.absolute("/buy/" + token))
}

func (v *visit) revokeLink() error {
	if err := v.store.RevokePurchaseLink(v.r.Context(), v.actor, v.r.PathValue("id"), v.r.PathValue("link")); err != nil {
		return v.backWith(v.here(), err)
	}
	return v.done(v.here(), ok(v.t("The purchase link is revoked; it opens nothing any more.")))
}
