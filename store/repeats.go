package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"tnreserve/store/tel"
)

// Requests that come again without a key (rule 9): they are known by a mark that the
// first one left on what it made.

// mark is a repeat's as it is kept: an actor's own. No idempotency key looks like it: in
// a header no key has control characters, and those that the JSON door makes of one are
// longer.
func (t *tx) mark(r tel.Repeat) string {
	if r.Mark == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(t.actor.ID + "\x00" + r.Mark))
	return "\x1f" + base64.RawURLEncoding.EncodeToString(sum[:18])
}

// markUnless is an order's mark, unless it brings a key, which says more.
func (t *tx) markUnless(req tel.OrderRequest) string {
	if req.IdempotencyKey != "" {
		return ""
	}
	return t.mark(req.Repeat)
}

// repeated gives the reservation that this very request made, if one of its TNs is
// held by it still. Who repeats a request meets its own hold: no index is needed.
func (t *tx) repeated(req tel.ReserveRequest) (*tel.Reserved, error) {
	mark := t.mark(req.Repeat)
	if mark == "" || req.IdempotencyKey != "" {
		return nil, nil
	}
	for _, tn := range req.TNs {
		var seq int64
		err := t.row(`SELECT r.seq FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn = $1 AND r.account_id = $2 AND r.mark = $3 AND r.created_at >= $4`,
			int64(tn), int64(req.Account), mark, micros(t.now.Add(-req.Repeat.Within))).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return t.standingAnswer(seq)
	}
	return nil, nil
}

// standingAnswer is the answer that a reservation was, while it holds its TNs.
func (t *tx) standingAnswer(seq int64) (*tel.Reserved, error) {
	r, err := t.reservation(seq)
	if err != nil || r.StateAt(t.now).Ended() {
		return nil, err
	}
	a, err := t.account(r.Account)
	if err != nil {
		return nil, err
	}
	r.AccountName = a.Name
	out := &tel.Reserved{Reservation: r, Repeated: true}
	for _, tn := range r.Refused {
		out.Refused = append(out.Refused, tel.NotAvailable(tn))
	}
	return out, nil
}

// repeatedOr gives the first answer in place of a refusal.
func (t *tx) repeatedOr(req tel.ReserveRequest, out tel.Reserved, refusal error) (tel.Reserved, error) {
	first, err := t.repeated(req)
	switch {
	case err != nil:
		return tel.Reserved{}, err
	case first != nil:
		return *first, nil
	}
	return out, refusal
}

// extended tells whether this very extend was made before: its key says so, or it is a
// retry and the same actor extended the reservation a short while ago. Extends that do
// not say that they are retries each count, for whoever wants two sends the same twice.
func (t *tx) extended(r *tel.Reservation, again tel.Again) (bool, error) {
	if again.Key != "" {
		_, _, found, err := t.answered(r.Account, again.Key, extendContent(r))
		return found, err
	}
	if again.Within == 0 || r.StateAt(t.now).Ended() {
		return false, nil
	}
	var seq int64
	err := t.row(`SELECT seq FROM event WHERE reservation = $1 AND reservation <> 0 AND kind = $2 AND actor_id = $3 AND at >= $4 LIMIT 1`,
		r.Seq, string(tel.EventExtended), t.actor.ID, micros(t.now.Add(-again.Within))).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (t *tx) rememberExtended(r *tel.Reservation, again tel.Again) error {
	if again.Key == "" {
		return nil
	}
	return t.rememberAnswer(r.Account, again.Key, extendContent(r), r.Seq, "[]")
}

// extendContent is what two extends under one key must share.
func extendContent(r *tel.Reservation) []byte {
	sum := sha256.Sum256([]byte("extend " + r.ID))
	return sum[:]
}

// PlaceWholeOrder is PlaceOrder for named TNs that are wanted all or not at all, and
// without a trace of the attempt: where one cannot be had no order is made, the error
// is the first refusal, and refused has them all.
func (s *Store) PlaceWholeOrder(ctx context.Context, actor tel.Actor, req tel.OrderRequest) (o *tel.Order, refused []*tel.Error, err error) {
	if err := actor.Require(tel.ActOrder, req.Account); err != nil {
		return nil, nil, err
	}
	req.Kind, req.PartialAllowed, req.BackOrder = tel.OrderKindExisting, false, false
	if err := req.Clean(); err != nil {
		return nil, nil, err
	}
	if actor.Role == tel.RoleMember && len(req.ReservationIDs) == 0 && !req.UseOwnHolds {
		return nil, nil, tel.Refuse(tel.CodeForbidden, "Your role orders with a reservation id only.")
	}
	o, err = s.changeToOrder(ctx, actor, len(req.TNs), func(t *tx) (*tel.Order, error) {
		refused = nil
		if first, err := t.firstOrder(req); first != nil || err != nil {
			return first, err
		}
		could, not, err := t.judgeNamed(req)
		if err == nil && len(not) > 0 {
			refused, err = not, not[0]
		}
		if err != nil {
			return nil, err
		}
		return t.makeOrder(req, could, nil)
	})
	return o, refused, err
}

// numbers are TNs in one column, as JSON; "" is none.
type numbers []tel.Number

// Value is for writing.
func (n numbers) Value() (driver.Value, error) {
	if len(n) == 0 {
		return "", nil
	}
	b, err := json.Marshal([]tel.Number(n))
	return string(b), err
}

// Scan is for reading.
func (n *numbers) Scan(v any) error {
	*n = nil
	switch text := v.(type) {
	case string:
		return n.parse([]byte(text))
	case []byte:
		return n.parse(text)
	}
	return fmt.Errorf("a list of TNs is a %T", v)
}

func (n *numbers) parse(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, (*[]tel.Number)(n))
}
