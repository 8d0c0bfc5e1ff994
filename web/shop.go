package web

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/web/limit"
)

// EndUserLimits bound what people without an account may do, so that nobody scrapes or
// empties a storefront. An address of IPv6 counts as its network. 0 is the usual.
type EndUserLimits struct {
	Searches        int // in storefronts, a minute and address; 60
	Holds           int // an hour and address; 20
	HoldsPerSession int // an hour and browser; 10
	Misses          int // links that are not good, a minute and address; 30
}

// endUsers are the limits at work.
type endUsers struct{ searches, holds, sessions, misses *limit.Limits }

func newEndUsers(l EndUserLimits, now func() time.Time) endUsers {
	of := func(n, usual int, per time.Duration) *limit.Limits {
		if n == 0 {
			n = usual
		}
		return limit.New(float64(n)/per.Seconds(), n, now)
	}
	return endUsers{of(l.Searches, 60, time.Minute), of(l.Holds, 20, time.Hour), of(l.HoldsPerSession, 10, time.Hour), of(l.Misses, 30, time.Minute)}
}

// slow counts something that somebody does, and refuses it when it is too often.
func (v *visit) slow(l *limit.Limits, who string) error {
	allowed, reset, _ := l.Allow(who)
	if allowed {
		return nil
	}
	e := tel.Refuse(tel.CodeSlowDown, "You have done this too often in a short time.")
	e.At = reset
	return e
}

// PeopleLimits bound what a signed-in person may ask, and the people of an account
// together ten times as much.
type PeopleLimits struct {
	SearchRate  float64 // searches a second on the long run; 0 is no limit
	SearchBurst int     // searches at once
	Misses      int     // pages, forms and look-ups of nothing that they may see, a minute; 0 is 30
}

// pace are the limits at work; nil does not bound.
type pace struct{ searches, misses *personal }

type personal struct{ each, together *limit.Limits }

func newPace(l PeopleLimits, now func() time.Time) pace {
	of := func(rate float64, burst int) *personal {
		if rate == 0 {
			return nil
		}
		return &personal{limit.New(rate, burst, now), limit.New(10*rate, 10*burst, now)}
	}
	misses := cmp.Or(l.Misses, 30)
	return pace{of(l.SearchRate, l.SearchBurst), of(float64(misses)/60, misses)}
}

// often counts something that the signed-in person does, for them and their account.
func (v *visit) often(l *personal) error {
	if l == nil {
		return nil
	}
	if err := v.slow(l.each, v.actor.ID); err != nil || v.actor.Account == 0 {
		return err
	}
	return v.slow(l.together, v.actor.Account.String())
}

const shopPage = 24

// shop is a storefront: a search, and what this browser holds.
func (v *visit) shop() error {
	shop, actor, err := v.shopHere()
	if err != nil {
		return err
	}
	asked := shopFilters(v.r.URL.Query())
	form, query, faults := v.readSearch(asked)
	form.Errors = faults
	path := "/shop/" + shop.Selling.Slug
	page := views.Shop{Shop: shop, Path: path, Form: form, Back: with(path, asked)}
	if shop.Holding != nil {
		page.Left = v.countdown(shop.Holding.Reservation, v.onOne(shop.Holding.Items))
	}
	status := http.StatusOK
	switch {
	case v.byItself(): // an open page takes what is held, and nothing else
	case len(faults) > 0:
		status, page.Total = http.StatusUnprocessableEntity, v.t("%d numbers", 0)
	default:
		leave, err := v.turnInShop(shop.Account)
		if err != nil {
			return err
		}
		defer leave()
		v.made = leave // before the page is sent: a reader who takes nothing must not keep the place
		if err := v.fillShop(&page, actor, query, asked); err != nil {
			return err
		}
	}
	return v.render(status, views.ShopPage(v.shell(), page))
}

// turnInShop waits for an end user's turn to search, which an address may do only so
// often.
func (v *visit) turnInShop(account tel.AccountID) (leave func(), err error) {
	if err := v.slow(v.endUsers.searches, v.neighbourhood()); err != nil {
		return nil, err
	}
	return v.queueToSearch("shop " + account.String())
}

// shopFilters are those that a storefront has, of an address.
func shopFilters(values url.Values) url.Values {
	asked := url.Values{}
	for _, name := range []string{"place", "state", "npa", "contains", "seed"} {
		if s := values.Get(name); s != "" {
			asked.Set(name, s)
		}
	}
	return asked
}

// shopHere is the storefront of this address, with what its visitor's browser holds.
func (v *visit) shopHere() (*tel.Shop, tel.Actor, error) {
	shop, actor, err := v.store.Shop(v.r.Context(), v.r.PathValue("slug"), v.shopSession(), v.remoteAddr(v.r))
	if tel.CodeOf(err) == tel.CodeNotFound {
		err = v.missed()
	}
	return shop, actor, err
}

// shopSession is what tells a browser from others in storefronts, "" before it holds
// anything.
func (v *visit) shopSession() string {
	if s := v.sessions.readPlain(v.r, "shop"); len(s) == tokenLength {
		return s
	}
	return ""
}

// shopDay is how long a browser is known in storefronts.
const shopDay = 24 * 60 * 60

func (v *visit) fillShop(page *views.Shop, actor tel.Actor, q tel.Query, asked url.Values) error {
	q.Limit = shopPage
	if q.Seed == 0 {
		q.Seed = v.store.Shelf().NextSeed()
	}
	found, err := v.store.SearchShop(v.r.Context(), actor, q)
	if err != nil {
		return err
	}
	page.Total = v.t("%d numbers", found.Total)
	if found.More {
		page.Total = v.t("More than %d numbers", found.Total)
	}
	for _, tn := range found.TNs {
		page.Rows = append(page.Rows, views.SearchRow{FoundTN: tn, State: views.RowFree, Hit: q.Matched(tn.TN)})
	}
	if found.Total > len(found.TNs) {
		page.Other = with(page.Path, asked, "seed", strconv.FormatUint(v.store.Shelf().NextSeed(), 36))
	}
	return nil
}

// holdInShop holds one TN and goes on to order it.
func (v *visit) holdInShop() error {
	_, actor, err := v.shopHere()
	if err != nil {
		return err
	}
	path := "/shop/" + url.PathEscape(v.r.PathValue("slug"))
	tn, err := tel.ParseNumber(v.form("tn"))
	if err != nil {
		return v.backWith(v.back(path), err)
	}
	if err := v.slow(v.endUsers.holds, v.neighbourhood()); err != nil {
		return err
	}
	session := v.shopSession()
	if session == "" {
		raw := make([]byte, 32)
		rand.Read(raw)
		session = base64.RawURLEncoding.EncodeToString(raw)
	}
	if err := v.slow(v.endUsers.sessions, session); err != nil {
		return err
	}
	token, err := v.store.HoldInShop(v.r.Context(), actor, session, tn)
	if e, ok := refused(err); ok {
		return v.done(v.back(path), views.Flash{Kind: views.FlashError, Text: v.say(e) + " " + v.t("Choose another one.")})
	}
	if err != nil {
		return err
	}
	v.sessions.plainCookie(v.w, "shop", session, shopDay)
	return v.redirect("/buy/" + token)
}
