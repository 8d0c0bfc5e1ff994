package store

import (
	"context"
	"database/sql"
	"errors"

	"tnreserve/store/tel"
)

// shopKeeper is who made the holds of storefronts, whoever the visitors were.
const shopKeeper = "storefront"

// Shop is the storefront at an address, for the visitor whose browser has a session
// ("" none yet), and the actor that may search and hold there. CodeNotFound when there
// is none or it is closed.
func (s *Store) Shop(ctx context.Context, slug, session, addr string) (*tel.Shop, tel.Actor, error) {
	shop, err := s.openShop(s.source(ctx), `s.slug = $1 AND s.slug <> ''`, slug)
	if err != nil {
		return nil, tel.Actor{}, err
	}
	actor := tel.Actor{Kind: tel.KindShop, ID: shopKeeper, Name: "Storefront of " + shop.AccountName, Role: tel.RoleBuyer, Account: shop.Account, Door: "shop", Addr: addr}
	last, nth, err := s.lastShopHold(s.source(ctx), session, shop.Account)
	if err != nil {
		return nil, tel.Actor{}, err
	}
	if last != nil && !last.Reservation.StateAt(s.Now()).Ended() {
		shop.Holding, shop.Token = &last.Purchase, tel.ShopToken(session, shop.Account, nth)
	}
	return shop, actor, nil
}

// openShop reads the storefront that a condition finds, if it is open.
func (s *Store) openShop(from source, where string, arg any) (*tel.Shop, error) {
	var shop tel.Shop
	var window int64
	var err error
	shop.Selling, _, err = scanSelling(from.row(`SELECT `+sellingColumns+`, a.id, a.name, a.reservations_on, a.window_us FROM selling s JOIN account a ON a.id = s.account_id WHERE s.shop_on AND `+where, arg),
		&shop.Account, &shop.AccountName, &shop.Open, &window)
	shop.Window = min(shop.Selling.Window, fromMicros(window))
	if err == nil && !shop.Selling.ShopOn {
		err = tel.NotFound()
	}
	return &shop, err
}

// lastShopHold is the latest purchase that a session began in an account's storefront,
// nil if none, and how many it began.
func (s *Store) lastShopHold(from source, session string, account tel.AccountID) (*purchaseRow, int, error) {
	if session == "" {
		return nil, 0, nil
	}
	var id string
	var nth int
	err := from.row(`SELECT id, nth FROM purchase WHERE session = $1 AND account_id = $2 ORDER BY nth DESC LIMIT 1`, tokenHash(session), int64(account)).Scan(&id, &nth)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	p, err := s.purchase(from, `p.id = $1`, id)
	if tel.CodeOf(err) == tel.CodeNotFound { // revoked
		return nil, nth, nil
	}
	return p, nth, err
}

// SearchShop finds free TNs for a storefront's visitor, without those that the account may
// not take again yet. Of these it counts out what it met; the page is shorter where they
// are most.
func (s *Store) SearchShop(ctx context.Context, actor tel.Actor, q tel.Query) (tel.Found, error) {
	if err := actor.Require(tel.ActShop, actor.Account); err != nil {
		return tel.Found{}, err
	}
	if err := ctx.Err(); err != nil {
		return tel.Found{}, err
	}
	page := q.Limit
	q.Limit *= 4
	found, err := s.shelf.Search(q, s.Now())
	if err != nil {
		return tel.Found{}, err
	}
	all := len(found.TNs)
	found.TNs, err = s.withoutCooling(ctx, actor.Account, found.TNs)
	found.Total -= all - len(found.TNs)
	found.TNs = found.TNs[:min(len(found.TNs), page)]
	return found, err
}

// HoldInShop holds one TN for a storefront's visitor and answers the token of its
// purchase. A session holds one at a time: what it held before is free again, and
// asking for what it holds changes nothing. Codes: CodeNotFound when the storefront is
// closed, CodeNotAvailable, CodeConflict while the visitor pays for another,
// CodeTooManyHeld, CodeReservationsOff.
func (s *Store) HoldInShop(ctx context.Context, actor tel.Actor, session string, tn tel.Number) (token string, err error) {
	if err := actor.Require(tel.ActShop, actor.Account); err != nil || actor.Kind != tel.KindShop || session == "" {
		return "", tel.NotFound()
	}
	err = s.change(ctx, actor, func(t *tx) error {
		shop, err := s.openShop(t.source(), `s.account_id = $1`, int64(actor.Account))
		if err != nil {
			return err
		}
		last, nth, err := s.lastShopHold(t.source(), session, shop.Account)
		if err != nil {
			return err
		}
		if last != nil && last.Reservation.StateAt(t.now).Ended() {
			last = nil
		}
		token = tel.ShopToken(session, shop.Account, nth)
		switch {
		case last != nil && last.StateAt(t.now) != tel.PurchaseOpen:
			return tel.Refuse(tel.CodeConflict, "You are paying for another number. Finish that first, or go back from it.")
		case last != nil && last.Items[0].TN == tn:
			return nil
		}
		if err := t.roomInShop(shop, last); err != nil {
			return err
		}
		r, err := t.holdForBuyer(shop.Selling, tel.ReserveRequest{Account: shop.Account, TNs: []tel.Number{tn}})
		if err != nil {
			return err
		}
		token = tel.ShopToken(session, shop.Account, nth+1)
		if _, err := t.insertPurchase(r, tokenHash(token), newPurchase{session: tokenHash(session), nth: nth + 1}); err != nil {
			return err
		}
		return t.letGo(last)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// roomInShop keeps visitors from emptying the account's shelf together.
func (t *tx) roomInShop(shop *tel.Shop, last *purchaseRow) error {
	var held int
	err := t.row(`SELECT COALESCE(SUM(tn_count), 0) FROM reservation WHERE created_by = $1 AND account_id = $2 AND expires_at > $3 AND ended_at IS NULL`,
		shopKeeper, int64(shop.Account), micros(t.now)).Scan(&held)
	if last != nil {
		held--
	}
	if err == nil && held >= shop.Selling.MostHeld {
		return tel.ForStrangers(tel.Refuse(tel.CodeTooManyHeld, ""), 0)
	}
	return err
}

// letGo gives back what a visitor held before.
func (t *tx) letGo(p *purchaseRow) error {
	if p == nil {
		return nil
	}
	if err := p.Reservation.Cancel(t.actor.Sign(), "Another number was chosen in the storefront.", t.now); err != nil {
		return err
	}
	return t.end(p.Reservation, tel.EventCancelled)
}
