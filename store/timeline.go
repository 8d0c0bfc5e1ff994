package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"tnreserve/store/tel"
)

// TNChange is what became of a TN without a hold or an order: it was taken off the
// market, offered again, or its aging came to its end.
type TNChange struct {
	Kind tel.EventKind // EventDisabled, EventEnabled or EventAged
	At   time.Time
	By   string // "" for time itself
}

// changesOfTN are a TN's changes, the latest first. That it was disabled knows who sees
// the platform, as with its state; that it aged, who sees the order that disconnected it.
func (s *Store) changesOfTN(ctx context.Context, actor tel.Actor, tn tel.Number, orders []TNOrder) ([]TNChange, error) {
	offered, err := s.offeredChanges(ctx, tn)
	if err != nil {
		return nil, err
	}
	list, err := s.agingEnds(ctx, orders, offered)
	if err != nil {
		return nil, err
	}
	if actor.Sees(0) {
		list = append(list, offered...)
	}
	slices.SortStableFunc(list, func(a, b TNChange) int { return b.At.Compare(a.At) })
	return list, nil
}

// offeredChanges are a TN's disablings and enablings.
func (s *Store) offeredChanges(ctx context.Context, tn tel.Number) (list []TNChange, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE kind IN ('tn.disabled', 'tn.enabled') AND facts LIKE $1 ORDER BY seq DESC LIMIT $2`,
		`%`+strconv.FormatInt(int64(tn), 10)+`%`, mostPast)
	err = eachRow(rows, err, func(row scanner) error {
		e, err := scanEvent(row)
		if err == nil && slices.Contains(e.Facts.TNs, tn) {
			list = append(list, TNChange{e.Kind, e.At, e.Actor.Name})
		}
		return err
	})
	return list, err
}

// agingEnds are the ends of what a TN's disconnects began, whether anybody wrote them
// down yet or not.
func (s *Store) agingEnds(ctx context.Context, orders []TNOrder, offered []TNChange) (list []TNChange, err error) {
	untils, err := s.agingUntil(ctx, orders)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	for i, o := range orders {
		if until, ok := untils[o.Order.Seq]; ok && o.Code == "" && !until.After(now) && !cutShort(o.At, until, orders[:i], offered) {
			list = append(list, TNChange{Kind: tel.EventAged, At: until})
		}
	}
	return list, nil
}

// cutShort tells whether aging from a time on ended before its time: the last holder took
// the TN back, or it was disabled.
func cutShort(from, until time.Time, later []TNOrder, offered []TNChange) bool {
	return slices.ContainsFunc(later, func(o TNOrder) bool { return o.Code == "" && o.At.Before(until) }) ||
		slices.ContainsFunc(offered, func(c TNChange) bool {
			return c.Kind == tel.EventDisabled && !c.At.Before(from) && c.At.Before(until)
		})
}

// agingUntil is when what disconnects began ends, by the order's number.
func (s *Store) agingUntil(ctx context.Context, orders []TNOrder) (map[int64]time.Time, error) {
	var seqs []int64
	for _, o := range orders {
		if o.Order.Kind == tel.OrderKindDisconnect {
			seqs = append(seqs, o.Order.Seq)
		}
	}
	untils := map[int64]time.Time{}
	err := inBites(keys(seqs), func(in string, some []any) error {
		rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE order_seq <> 0 AND order_seq `+in+` AND kind = 'tn.disconnected'`, some...)
		return eachRow(rows, err, func(row scanner) error {
			e, err := scanEvent(row)
			if err == nil {
				untils[e.Order] = time.UnixMicro(e.Facts.ExpiresAt).UTC()
			}
			return err
		})
	})
	return untils, err
}
