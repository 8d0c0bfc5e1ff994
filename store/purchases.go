package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

const purchaseColumns = `p.id, p.account_id, p.created_at, p.created_by_name, p.revoked_at, p.paying, p.paid_at, COALESCE((SELECT o.id FROM orders o WHERE o.seq = p.order_seq), '')`

func linkFields(l *tel.PurchaseLink) []any {
	return []any{&l.ID, &l.Account, (*micros)(&l.CreatedAt), &l.CreatedBy, (*micros)(&l.RevokedAt), &l.Paying, (*micros)(&l.PaidAt), &l.OrderID}
}

// purchaseRow is a purchase with what its end user does not see.
type purchaseRow struct {
	tel.Purchase
	reservation int64
	order       int64
	accepted    []tel.Accepted // nil before anybody did
	nonce       string
	secret      string
	before      string // the secret before it
	beforeUntil time.Time
}

// NewPurchaseLink makes a link for the end user of a reservation that lives. Those
// made before stay good. The token is answered this once; the database keeps its hash.
// CodeRanOut, CodeEnded, CodeConflict when there are too many.
func (s *Store) NewPurchaseLink(ctx context.Context, actor tel.Actor, reservation string) (link *tel.PurchaseLink, token string, err error) {
	return s.NewPurchaseLinkOnce(ctx, actor, reservation, "")
}

// NewPurchaseLinkOnce is NewPurchaseLink that the same key, a secret of tel.MinLinkKey
// characters or more, answers with the same link when it comes again. CodeEnded when that
// was revoked meanwhile.
func (s *Store) NewPurchaseLinkOnce(ctx context.Context, actor tel.Actor, reservation, key string) (link *tel.PurchaseLink, token string, err error) {
	token, hash := newToken()
	if len(key) >= tel.MinLinkKey {
		token = tel.LinkToken(key, actor.ID, reservation)
		hash = tokenHash(token)
	}
	err = s.change(ctx, actor, func(t *tx) error {
		r, err := t.shareable(reservation)
		if err != nil {
			return err
		}
		if err := r.Accepts(t.now); err != nil {
			return err
		}
		var before tel.PurchaseLink
		err = t.row(`SELECT `+purchaseColumns+` FROM purchase p WHERE p.token = $1`, hash).Scan(linkFields(&before)...)
		switch {
		case err == nil && before.RevokedAt.IsZero():
			link = &before
			return nil
		case err == nil:
			return tel.Refuse(tel.CodeEnded, "This link was made and revoked; make another one.")
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		var links int
		if err := t.row(`SELECT COUNT(*) FROM purchase WHERE reservation = $1 AND revoked_at IS NULL`, r.Seq).Scan(&links); err != nil {
			return err
		}
		if links >= tel.MostLinks {
			return tel.Refuse(tel.CodeConflict, "A reservation has at most %d links; revoke one first.", tel.MostLinks)
		}
		link, err = t.insertPurchase(r, hash, newPurchase{})
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return link, token, nil
}

// shareable reads a reservation whose links the actor may make and revoke.
func (t *tx) shareable(id string) (*tel.Reservation, error) {
	r, err := t.bySomeID(id)
	if err != nil {
		return nil, err
	}
	return r, t.actor.Require(tel.ActShareReservation, r.Account)
}

// newPurchase is what a purchase begins with.
type newPurchase struct {
	buyer    tel.Buyer
	renewals int
	session  []byte // nil: not in the storefront
	nth      int
}

func (t *tx) insertPurchase(r *tel.Reservation, hash []byte, n newPurchase) (*tel.PurchaseLink, error) {
	link := &tel.PurchaseLink{ID: uuid.NewString(), Account: r.Account, CreatedAt: t.now, CreatedBy: t.actor.Name}
	buyer, err := asJSON(n.buyer, n.buyer.Name == "")
	if err != nil {
		return nil, err
	}
	if err := t.flushReserved(); err != nil { // which numbers the reservation
		return nil, err
	}
	t.event(tel.EventLinkMade, r.Account, r.Seq, tel.Facts{Subject: link.ID})
	_, err = t.exec(`INSERT INTO purchase (id, token, reservation, account_id, created_at, created_by_name, buyer, renewals, session, nth) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		link.ID, hash, r.Seq, int64(r.Account), micros(t.now), link.CreatedBy, buyer, n.renewals, n.session, n.nth)
	return link, err
}

// PurchaseLinks lists a reservation's links, newest first.
func (s *Store) PurchaseLinks(ctx context.Context, actor tel.Actor, r *tel.Reservation) ([]tel.PurchaseLink, error) {
	if err := actor.Require(tel.ActShareReservation, r.Account); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+purchaseColumns+` FROM purchase p WHERE p.reservation = $1 ORDER BY p.created_at DESC, p.id LIMIT $2`, r.Seq, mostListed)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (l tel.PurchaseLink, err error) { return l, row.Scan(linkFields(&l)...) })
}

// RevokePurchaseLink ends a link. Once more changes nothing. CodeEnded when it placed
// its order, CodeConflict while its buyer pays.
func (s *Store) RevokePurchaseLink(ctx context.Context, actor tel.Actor, reservation, id string) error {
	return s.change(ctx, actor, func(t *tx) error {
		r, err := t.shareable(reservation)
		if err != nil {
			return err
		}
		var l tel.PurchaseLink
		err = t.row(`SELECT `+purchaseColumns+` FROM purchase p WHERE p.id = $1 AND p.reservation = $2`, id, r.Seq).Scan(linkFields(&l)...)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return tel.NotFound()
		case err != nil:
			return err
		case !l.RevokedAt.IsZero():
			return nil
		case l.OrderID != "" || !l.PaidAt.IsZero():
			return tel.Refuse(tel.CodeEnded, "This link was used; what was done through it stays.")
		case l.Paying && r.StateAt(t.now) == tel.StateSubmitted:
			return tel.Refuse(tel.CodeConflict, "Somebody is paying through this link. Try again when the clock goes on.")
		}
		t.event(tel.EventLinkRevoked, r.Account, r.Seq, tel.Facts{Subject: l.ID})
		_, err = t.exec(`UPDATE purchase SET revoked_at = $1 WHERE id = $2`, micros(t.now), l.ID)
		return err
	})
}

// The end user's side. A token stands for an actor of its own kind, and the actor for
// the one purchase; a link that was revoked is as unknown as one that never was, unless
// its buyer was sent to pay: a payment may still be reported, and is told to both sides.

const purchaseSQL = `SELECT ` + purchaseColumns + `, p.reservation, COALESCE(p.order_seq, 0), p.nonce, p.buyer, p.accepted, p.renewals, p.session IS NOT NULL, a.name, a.reservations_on, COALESCE(s.secret_before, ''), s.before_until
	FROM purchase p JOIN account a ON a.id = p.account_id LEFT JOIN selling s ON s.account_id = p.account_id WHERE (p.revoked_at IS NULL OR p.nonce <> '') AND `

func scanPurchase(row scanner) (*purchaseRow, error) {
	var p purchaseRow
	var buyer, accepted string
	err := row.Scan(append(linkFields(&p.PurchaseLink), &p.reservation, &p.order, &p.nonce, &buyer, &accepted, &p.Renewals, &p.FromShop, &p.AccountName, &p.Open, &p.before, (*micros)(&p.beforeUntil))...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if buyer != "" && err == nil {
		err = json.Unmarshal([]byte(buyer), &p.Buyer)
	}
	if accepted != "" && err == nil {
		err = json.Unmarshal([]byte(accepted), &p.accepted)
	}
	return &p, err
}

// source is a transaction or the readers.
type source struct {
	row   func(string, ...any) scanner
	query func(string, ...any) (results, error)
}

func (t *tx) source() source { return source{t.row, t.query} }

func (s *Store) source(ctx context.Context) source {
	return source{func(q string, args ...any) scanner { return s.read.QueryRowContext(ctx, q, args...) }, s.reader(ctx)}
}

// purchase reads the one that a condition finds, whole.
func (s *Store) purchase(from source, where string, args ...any) (*purchaseRow, error) {
	p, err := scanPurchase(from.row(purchaseSQL+where, args...))
	if err != nil {
		return nil, err
	}
	if p.Reservation, err = scanReservation(from.row(`SELECT `+reservationColumns+` FROM reservation r WHERE r.seq = $1`, p.reservation)); err != nil {
		return nil, err
	}
	p.Reservation.AccountName = p.AccountName
	if err := s.fillTNs(p.Reservation, from.query); err != nil {
		return nil, err
	}
	if p.Selling, p.secret, err = scanSelling(from.row(sellingSQL, int64(p.Account))); err != nil {
		return nil, err
	}
	if p.order != 0 {
		if p.Order, err = scanOrder(from.row(`SELECT `+orderColumns+` FROM orders o WHERE o.seq = $1`, p.order)); err != nil {
			return nil, err
		}
		if err := s.fillOrder(p.Order, from.query); err != nil {
			return nil, err
		}
	}
	s.fillItems(p)
	return p, nil
}

// fillItems are the TNs that the purchase is about, with what they cost: once the buyer
// was sent to pay or has ordered, what was accepted then.
func (s *Store) fillItems(p *purchaseRow) {
	add := func(tn tel.Number) *tel.Offer {
		place, offer, _ := s.shelf.Has(tn)
		p.Items = append(p.Items, tel.FoundTN{TN: tn, Place: place, Offer: offer})
		return &p.Items[len(p.Items)-1].Offer
	}
	switch {
	case p.accepted != nil && (p.Order != nil || p.Paying || !p.PaidAt.IsZero()):
		for _, a := range p.accepted {
			add(a.TN).MonthlyCost = a.MonthlyCost
		}
	case p.Order != nil:
		for _, tn := range p.Order.Completed {
			add(tn.TN)
		}
	default:
		for _, tn := range p.Reservation.TNs {
			if tn.EndedAt.Equal(p.Reservation.EndedAt) {
				add(tn.TN)
			}
		}
	}
}

// holdsAccepted tells whether what the buyer accepted is what the reservation holds.
func (p *purchaseRow) holdsAccepted() bool {
	return p.accepted == nil || slices.EqualFunc(p.accepted, p.Reservation.HeldTNs(), func(a tel.Accepted, tn tel.Number) bool { return a.TN == tn })
}

// Purchase is what a link's token stands for, and the actor that may complete it.
func (s *Store) Purchase(ctx context.Context, token, addr string) (*tel.Purchase, tel.Actor, error) {
	p, err := s.purchase(s.source(ctx), `p.token = $1`, tokenHash(token))
	if err != nil {
		return nil, tel.Actor{}, err
	}
	return &p.Purchase, tel.Actor{
		Kind: tel.KindLink, ID: p.ID, Name: "Purchase link of " + p.AccountName, Role: tel.RoleBuyer, Account: p.Account, Door: "purchase", Addr: addr,
	}, nil
}

// changePurchase is a change to the actor's one purchase. It answers the purchase as
// it is then.
func (s *Store) changePurchase(ctx context.Context, actor tel.Actor, fn func(*tx, *purchaseRow) error) (out *tel.Purchase, err error) {
	err = s.change(ctx, actor, func(t *tx) error {
		p, err := t.ownPurchase()
		if err != nil {
			return err
		}
		if err := fn(t, p); err != nil {
			return err
		}
		p, err = t.ownPurchase()
		if err == nil {
			out = &p.Purchase
		}
		return err
	})
	return out, err
}

func (t *tx) ownPurchase() (*purchaseRow, error) {
	if err := t.actor.Require(tel.ActPurchase, t.actor.Account); err != nil || t.actor.Kind != tel.KindLink {
		return nil, tel.NotFound()
	}
	return t.store.purchase(t.source(), `p.id = $1 AND p.account_id = $2`, t.actor.ID, int64(t.actor.Account))
}

// AcceptPurchase completes a purchase: it places the order for what the reservation
// holds. With a payment page of the account's it only notes who buys and stops the
// clock; the order comes with the page's answer. Done twice, or in two tabs, it is done
// once.
//
// Codes: CodeInvalid with the field, CodeConflict when what was shown has changed or
// somebody else is paying, CodeRanOut, CodeEnded.
func (s *Store) AcceptPurchase(ctx context.Context, actor tel.Actor, in tel.Acceptance) (*tel.Purchase, error) {
	return s.changePurchase(ctx, actor, func(t *tx, p *purchaseRow) error {
		switch p.StateAt(t.now) {
		case tel.PurchaseOrdered, tel.PurchasePaying, tel.PurchasePaidLate:
			return nil
		case tel.PurchaseBusy:
			return tel.Refuse(tel.CodeConflict, "Somebody is paying for this already.")
		}
		if !p.RevokedAt.IsZero() {
			return tel.NotFound()
		}
		if err := p.Reservation.Accepts(t.now); err != nil {
			return err
		}
		if in.Terms != p.Terms() { // before the answers: they may be to other questions
			return tel.Refuse(tel.CodeConflict, "What is offered or asked here has changed. Look again before you accept.")
		}
		buyer, faults := p.Selling.CleanBuyer(in.Name, in.Email, in.Answers)
		if len(faults) > 0 {
			return faults[0]
		}
		p.Buyer, p.accepted = buyer, nil
		for _, i := range p.Items {
			p.accepted = append(p.accepted, tel.Accepted{TN: i.TN, MonthlyCost: i.Offer.MonthlyCost})
		}
		if p.Selling.CheckoutURL == "" {
			return t.orderPurchase(p)
		}
		return t.submitPurchase(p)
	})
}

// orderPurchase places a purchase's order. Its reservation lives and covers all that is
// asked for, so that nothing is left out.
func (t *tx) orderPurchase(p *purchaseRow) error {
	r := p.Reservation
	req := tel.OrderRequest{Account: r.Account, Kind: tel.OrderKindExisting, TNs: r.HeldTNs(), ReservationIDs: []string{r.ID}, Reference: r.CustomerReference, Name: "Purchase"}
	if err := req.Clean(); err != nil {
		return err
	}
	o, err := t.placeOrder(req)
	if err != nil {
		return err
	}
	if o.State != tel.OrderComplete {
		return errors.New("a purchase's order is " + string(o.State))
	}
	return t.writeAcceptance(p, o.Seq, false)
}

// writeAcceptance writes down who bought or is sent to pay, and what.
func (t *tx) writeAcceptance(p *purchaseRow, order any, paying bool) error {
	buyer, err := asJSON(p.Buyer, p.Buyer.Name == "")
	if err != nil {
		return err
	}
	accepted, err := asJSON(p.accepted, p.accepted == nil)
	if err != nil {
		return err
	}
	n, err := t.exec(`UPDATE purchase SET order_seq = $1, buyer = $2, accepted = $3, nonce = $4, paying = $5 WHERE id = $6 AND order_seq IS NULL`, order, buyer, accepted, p.nonce, paying, p.ID)
	return oneRow(n, err)
}

// submitPurchase sends a purchase to be paid. The hold's clock stands the first time.
func (t *tx) submitPurchase(p *purchaseRow) error {
	p.nonce = p.Nonce(p.nonce)
	if p.Reservation.SubmittedAt.IsZero() {
		if err := p.Reservation.Submit(t.now); err != nil {
			return err
		}
		if err := t.writePause(p.Reservation, tel.EventSubmitted); err != nil {
			return err
		}
	} else {
		t.event(tel.EventToPayment, p.Account, p.Reservation.Seq, tel.Facts{Subject: p.ID})
	}
	return t.writeAcceptance(p, nil, true)
}

// resume lets a hold's clock go on.
func (t *tx) resume(r *tel.Reservation) error {
	if err := r.Resume(t.now); err != nil {
		return err
	}
	if err := t.writePause(r, tel.EventResumed); err != nil {
		return err
	}
	return t.warnOfPassed(r)
}

// writePause writes down that a hold's clock stands, or goes on.
func (t *tx) writePause(r *tel.Reservation, kind tel.EventKind) error {
	n, err := t.exec(`UPDATE reservation SET state = $1, expires_at = $2, limit_at = $3, submitted_at = $4 WHERE seq = $5 AND ended_at IS NULL`,
		string(r.State), micros(r.ExpiresAt), micros(r.LimitAt), micros(r.SubmittedAt), r.Seq)
	t.event(kind, r.Account, r.Seq, tel.Facts{TNs: r.HeldTNs(), ExpiresAt: r.ExpiresAt.UnixMicro()})
	return oneRow(n, err)
}

// CheckoutAddress is where the buyer pays, who comes back to an address of ours.
// CodeEnded when there is nothing to pay now, CodeConflict when what was accepted is not
// what is held any more.
func (s *Store) CheckoutAddress(ctx context.Context, actor tel.Actor, back string) (string, error) {
	if err := actor.Require(tel.ActPurchase, actor.Account); err != nil {
		return "", err
	}
	p, err := s.purchase(s.source(ctx), `p.id = $1 AND p.account_id = $2`, actor.ID, int64(actor.Account))
	if err != nil {
		return "", err
	}
	if p.StateAt(s.Now()) != tel.PurchasePaying || p.Selling.CheckoutURL == "" {
		return "", tel.Refuse(tel.CodeEnded, "There is nothing to pay now.")
	}
	if !p.holdsAccepted() {
		return "", tel.Refuse(tel.CodeConflict, "What is kept for you has changed. Go back and look again before you pay.")
	}
	return p.CheckoutAddress(p.secret, p.nonce, back)
}

// LeaveCheckout takes a purchase back from payment; the clock goes on if it stands.
func (s *Store) LeaveCheckout(ctx context.Context, actor tel.Actor) (*tel.Purchase, error) {
	return s.changePurchase(ctx, actor, (*tx).leaveCheckout)
}

func (t *tx) leaveCheckout(p *purchaseRow) error {
	if p.StateAt(t.now) != tel.PurchasePaying {
		return nil
	}
	if p.Reservation.StateAt(t.now) == tel.StateSubmitted {
		if err := t.resume(p.Reservation); err != nil {
			return err
		}
	} else {
		t.event(tel.EventFromPayment, p.Account, p.Reservation.Seq, tel.Facts{Subject: p.ID})
	}
	_, err := t.exec(`UPDATE purchase SET paying = $1 WHERE id = $2`, false, p.ID)
	return err
}

// ReturnFromCheckout takes the payment page's answer: the order is placed, or the
// purchase is taken back. The signature is what allows it, and anything else is
// CodeNotFound. A payment for what is not held any more or not all that is, through a
// link that was revoked, or signed with the secret before and soon enough, is noted, for
// the account to give back.
func (s *Store) ReturnFromCheckout(ctx context.Context, actor tel.Actor, answer url.Values) (*tel.Purchase, error) {
	return s.changePurchase(ctx, actor, func(t *tx, p *purchaseRow) error {
		paid, err := tel.CheckReturn(p.secret, p.nonce, answer)
		present := err == nil
		if !present {
			if paid, _ = tel.CheckReturn(p.before, p.nonce, answer); !paid || !t.now.Before(p.beforeUntil) {
				return err
			}
		}
		state := p.StateAt(t.now)
		switch {
		case state == tel.PurchaseOrdered || state == tel.PurchasePaidLate:
			return nil
		case !paid:
			return t.leaveCheckout(p)
		}
		if _, err := t.exec(`UPDATE purchase SET paid_at = $1, paying = $2 WHERE id = $3`, micros(t.now), false, p.ID); err != nil {
			return err
		}
		if present && answer.Get("nonce") == p.nonce && p.holdsAccepted() && p.RevokedAt.IsZero() && p.Reservation.Accepts(t.now) == nil {
			return t.orderPurchase(p)
		}
		t.event(tel.EventPaidInVain, p.Account, p.Reservation.Seq, tel.Facts{Subject: p.ID})
		if state == tel.PurchasePaying && p.Reservation.StateAt(t.now) == tel.StateSubmitted {
			return t.resume(p.Reservation)
		}
		return nil
	})
}

// After a hold ran out.

const mostSimilar = 6

// Similar are free TNs like those of a purchase whose hold ran out: of the same place,
// those that end alike first, without those that the account may not take again yet. None
// while reservation is off.
func (s *Store) Similar(ctx context.Context, actor tel.Actor, p *tel.Purchase) ([]tel.FoundTN, error) {
	if err := actor.Require(tel.ActPurchase, p.Account); err != nil {
		return nil, err
	}
	if !p.Followable(s.Now()) {
		return nil, nil
	}
	first := p.Items[0]
	q := tel.NewQuery()
	q.State, q.City, q.RateCenter, q.Limit = first.Place.State, first.Place.City, first.Place.RateCenter, 4*mostSimilar
	if q.State == "" { // toll-free: anywhere, under any of its codes
		q.Type = tel.TypeTollFree
	}
	var list []tel.FoundTN
	digits := first.TN.Digits()
	for _, from := range []int{6, 7, 8, 10} {
		q.EndsWith = tel.Pattern(digits[from:])
		q.Seed = uint64(first.TN) // the same page shows the same TNs
		found, err := s.shelf.Search(q, s.Now())
		if err != nil {
			return nil, err
		}
		for _, tn := range found.TNs {
			if !slices.ContainsFunc(list, func(l tel.FoundTN) bool { return l.TN == tn.TN }) {
				list = append(list, tn)
			}
		}
	}
	list, err := s.withoutCooling(ctx, p.Account, list)
	return list[:min(len(list), mostSimilar)], err
}

// withoutCooling leaves out the TNs that an account held until a moment ago and may not
// take again yet.
func (s *Store) withoutCooling(ctx context.Context, account tel.AccountID, list []tel.FoundTN) ([]tel.FoundTN, error) {
	var coolDown int64
	err := s.read.QueryRowContext(ctx, `SELECT cooldown_us FROM account WHERE id = $1`, int64(account)).Scan(&coolDown)
	if err != nil || coolDown == 0 {
		return list, err
	}
	tns := make([]tel.Number, len(list))
	for i, t := range list {
		tns[i] = t.TN
	}
	cooling := map[tel.Number]bool{}
	err = inBites(keys(tns), func(in string, some []any) error {
		of := fmt.Sprintf(`.tn %s AND r.account_id = $%d AND `, in, len(some)+1)
		since := fmt.Sprintf(` > $%d`, len(some)+2)
		rows, err := s.read.QueryContext(ctx, `SELECT p.tn FROM past_hold p JOIN reservation r ON r.seq = p.reservation WHERE p`+of+`p.how <> 'ordered' AND p.ended_at`+since+
			` UNION SELECT h.tn FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h`+of+`r.expires_at`+since,
			append(some, int64(account), micros(s.Now().Add(-fromMicros(coolDown))))...)
		return eachRow(rows, err, func(row scanner) error {
			var tn tel.Number
			err := row.Scan(&tn)
			cooling[tn] = true
			return err
		})
	})
	return slices.DeleteFunc(list, func(t tel.FoundTN) bool { return cooling[t.TN] }), err
}

// ReserveSimilar holds a TN like those of a purchase whose hold ran out, for the same
// buyer, and answers the token of its link. Asked again it answers the same. CodeEnded
// when that is not allowed here or any more, CodeNotAvailable.
func (s *Store) ReserveSimilar(ctx context.Context, actor tel.Actor, token string, tn tel.Number) (next string, err error) {
	next = tel.NextToken(token)
	_, err = s.changePurchase(ctx, actor, func(t *tx, p *purchaseRow) error {
		var before int
		if err := t.row(`SELECT COUNT(*) FROM purchase WHERE token = $1`, tokenHash(next)).Scan(&before); err != nil || before > 0 {
			return err
		}
		if err := t.mayFollow(p, tn); err != nil {
			return err
		}
		r, err := t.holdForBuyer(p.Selling, tel.ReserveRequest{Account: p.Account, TNs: []tel.Number{tn}, CustomerReference: p.Reservation.CustomerReference})
		if err != nil {
			return err
		}
		_, err = t.insertPurchase(r, tokenHash(next), newPurchase{buyer: p.Buyer, renewals: p.Renewals + 1})
		return err
	})
	return next, err
}

// mayFollow judges whether a hold that ran out can be followed by one of another TN.
func (t *tx) mayFollow(p *purchaseRow, tn tel.Number) error {
	switch {
	case p.StateAt(t.now) != tel.PurchaseRanOut || !p.Selling.OfferSimilar || p.FromShop:
		return tel.Refuse(tel.CodeEnded, "Another number cannot be chosen here.")
	case p.Renewals >= tel.MostRenewals || t.now.Sub(p.Reservation.ExpiresAt) > tel.SimilarFor:
		return tel.Refuse(tel.CodeEnded, "It is too late to choose another number here. Ask %s for a new link.", p.AccountName)
	}
	place, _, known := t.store.shelf.Has(tn)
	alike := slices.ContainsFunc(p.Items, func(i tel.FoundTN) bool {
		return i.Place.State == place.State && i.Place.City == place.City && i.Place.RateCenter == place.RateCenter
	})
	if !known || !alike {
		return tel.NotAvailable(tn)
	}
	return nil
}

// holdForBuyer holds one TN for the short time that end users get themselves.
func (t *tx) holdForBuyer(sel tel.Selling, req tel.ReserveRequest) (*tel.Reservation, error) {
	a, err := t.account(req.Account)
	if err != nil {
		return nil, err
	}
	req.AllOrNothing, req.For = true, min(sel.Window, a.Policy.Window)
	if err := cleanReserve(&req); err != nil {
		return nil, err
	}
	out, err := t.reserve(req)
	if err != nil {
		return nil, tel.ForStrangers(err, req.TNs[0])
	}
	return out.Reservation, nil
}

// BuyerOf is who placed an order through a purchase link; nil when nobody did.
func (s *Store) BuyerOf(ctx context.Context, actor tel.Actor, o *tel.Order) (*tel.Buyer, error) {
	if err := actor.Require(tel.ActReadBuyer, o.Account); err != nil {
		return nil, err
	}
	var text string
	err := s.read.QueryRowContext(ctx, `SELECT buyer FROM purchase WHERE order_seq = $1`, o.Seq).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) || err == nil && text == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var b tel.Buyer
	return &b, json.Unmarshal([]byte(text), &b)
}

// buyerKept is how long what somebody filled in and never ordered is kept after the
// hold's end.
const buyerKept = 30 * 24 * time.Hour
