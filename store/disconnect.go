package store

import (
	"context"

	"tnreserve/store/tel"
)

// Disconnect takes TNs of an account out of service. Each ages for the account's
// aging time and is then available by itself; meanwhile its last holder may order it
// again, and nobody else. TN by TN like PlaceOrder: what is not in service with the
// account is refused, whatever it is.
func (s *Store) Disconnect(ctx context.Context, actor tel.Actor, req tel.OrderRequest) (*tel.Order, error) {
	if err := actor.Require(tel.ActDisconnect, req.Account); err != nil {
		return nil, err
	}
	req.Kind, req.ReservationIDs, req.UseOwnHolds, req.BackOrder = tel.OrderKindDisconnect, nil, false, false
	if err := req.Clean(); err != nil {
		return nil, err
	}
	return s.changeToOrder(ctx, actor, len(req.TNs), func(t *tx) (*tel.Order, error) {
		if first, err := t.firstOrder(req); first != nil || err != nil {
			return first, err
		}
		could, refused, err := t.judgeEach(req, func(st standing) bool {
			return st.State.To(tel.TNAging) == nil && st.Account == req.Account
		})
		if err != nil {
			return nil, err
		}
		return t.makeOrder(req, could, refused)
	})
}

func (t *tx) outOfService(o *tel.Order, a *accountRow, take []standing) error {
	until := t.now.Add(a.Aging)
	var tns []tel.Number
	for _, st := range take {
		tns = append(tns, st.tn)
	}
	a.work(-len(tns))
	t.event(tel.EventDisconnected, o.Account, 0, tel.Facts{Order: o.Seq, TNs: tns, ExpiresAt: until.UnixMicro()})
	return t.execEach(keys(tns), `UPDATE tn_state SET state = %s, since = %s, until = %s WHERE state = %s AND account_id = %s AND tn`,
		string(tel.TNAging), micros(t.now), micros(until), string(tel.TNInService), int64(o.Account))
}
