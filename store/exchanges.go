package store

import (
	"context"
	"fmt"

	"tnreserve/store/shelf"
	"tnreserve/store/tel"
)

// Exchange is an NPA-NXX with TNs that are free.
type Exchange struct {
	NPA, NXX int
	Free     int64
	Place    tel.Place // of one of its free TNs
}

// FreeExchanges lists the exchanges with free TNs within a query, by number, at most
// so many.
func (s *Store) FreeExchanges(ctx context.Context, actor tel.Actor, within tel.Query, most int) (list []Exchange, err error) {
	if !actor.Can(tel.ActSearch) {
		return nil, tel.Forbidden(tel.ActSearch)
	}
	for _, row := range s.shelf.Summary(shelf.ByExchange, within, s.Now()) {
		if row.Free == 0 {
			continue
		}
		if len(list) == most || ctx.Err() != nil {
			return list, ctx.Err()
		}
		x := Exchange{Free: row.Free}
		if _, err := fmt.Sscanf(row.Name, "%d-%d", &x.NPA, &x.NXX); err != nil {
			return nil, err
		}
		q := tel.NewQuery()
		q.NPAs, q.NXX, q.Limit, q.Order, q.State = []int{x.NPA}, x.NXX, 1, tel.OrderAscending, within.State
		found, err := s.shelf.Search(q, s.Now())
		if err != nil {
			return nil, err
		}
		for _, f := range found.TNs {
			x.Place = f.Place
		}
		list = append(list, x)
	}
	return list, nil
}
