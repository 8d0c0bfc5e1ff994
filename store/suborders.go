package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tnreserve/store/tel"
)

// An order in parts: by the type of its TNs, and TN by TN. Nothing of it is stored: a
// part is known by its order and what it is of.

// SubOrder is the part of an order whose TNs are of one type.
type SubOrder struct {
	Order *tel.Order // with all its TNs, where they are wanted
	Type  tel.TNType
	Count int       // TNs of the type
	Place tel.Place // of the first of them; nothing while there is none, and for toll-free ones
}

// SubOrderQuery asks for a page of an account's sub-orders, the latest first.
type SubOrderQuery struct {
	OrderQuery
	OrderID  string     // only of this order; "" any
	Type     tel.TNType // "" any
	Quantity int        // TNs of the type; 0 any
	TNs      bool       // wanted too: they are thousands
	Page     int        // from 1
}

// parts are an order's sub-orders that are asked for; local is where the first of its
// local TNs is.
func (q SubOrderQuery) parts(o *tel.Order, local tel.Place) (list []SubOrder) {
	for _, part := range []SubOrder{{o, tel.TypeLocal, o.Quantity - o.TollFree, local}, {o, tel.TypeTollFree, o.TollFree, tel.Place{}}} {
		if part.Count > 0 && (q.Type == tel.TypeAny || q.Type == part.Type) && (q.Quantity == 0 || q.Quantity == part.Count) {
			list = append(list, part)
		}
	}
	return list
}

// conditions are what parts asks, in SQL: one per type.
func (q SubOrderQuery) conditions() (list []string) {
	for _, of := range []struct {
		kind  tel.TNType
		count string
	}{{tel.TypeLocal, `o.quantity - o.toll_free`}, {tel.TypeTollFree, `o.toll_free`}} {
		is := of.count + ` > 0`
		if q.Quantity != 0 {
			is = of.count + ` = ` + strconv.Itoa(q.Quantity)
		}
		if q.Type == tel.TypeAny || q.Type == of.kind {
			list = append(list, is)
		}
	}
	return list
}

// SubOrders reads a page by its number.
func (s *Store) SubOrders(ctx context.Context, actor tel.Actor, q SubOrderQuery) (out Numbered[SubOrder], err error) {
	p, err := s.numberedSubOrders(ctx, actor, q)
	if err != nil {
		return out, err
	}
	at, err := p.page(q.Page, q.Limit)
	if out.Total = at.total; err != nil || at.rows == 0 {
		return out, err
	}
	c := p.between(beforeAll, at.top)
	rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+`, COALESCE((SELECT n.tn FROM order_tn n WHERE n.order_seq = o.seq AND NOT `+isTollFree+` ORDER BY n.tn LIMIT 1), 0)
		FROM orders o`+c.where()+p.order("DESC")+` LIMIT `+c.arg(at.rows+1), c.args...) // each is one or two
	if err != nil {
		return out, err
	}
	list, err := collect(rows, func(row scanner) (*tel.Order, error) {
		var first tel.Number
		o, err := scanOrder(row, &first)
		if err == nil {
			out.Rows = append(out.Rows, q.parts(o, s.placeOf(first))...)
		}
		return o, err
	})
	if err == nil && q.TNs {
		err = s.fillOrders(ctx, list)
	}
	end := min(at.skip+at.rows, len(out.Rows))
	out.Rows = out.Rows[min(at.skip, end):end]
	return out, err
}

// isTollFree is tel.Number's TollFree in SQL, of order_tn as n.
const isTollFree = `n.tn / 10000000 IN (1800, 1833, 1844, 1855, 1866, 1877, 1888)`

func (s *Store) numberedSubOrders(ctx context.Context, actor tel.Actor, q SubOrderQuery) (*pager, error) {
	p, err := s.orderPager(ctx, actor, q.OrderQuery, fmt.Sprint("sub-orders ", q.Type, " ", q.Quantity))
	if err != nil {
		return nil, err
	}
	if q.OrderID != "" {
		p.where.add(`o.id = %s`, q.OrderID)
		p.book = ""
	}
	conditions := q.conditions()
	if q.Type != tel.TypeAny || q.Quantity != 0 { // otherwise each order has one
		p.where.parts = append(p.where.parts, `(`+strings.Join(conditions, ` OR `)+`)`)
	}
	if q.Type == tel.TypeTollFree {
		p.where.parts = append(p.where.parts, `o.toll_free > 0`)
	}
	for i, is := range conditions {
		conditions[i] = `CASE WHEN ` + is + ` THEN 1 ELSE 0 END`
	}
	p.weight = strings.Join(conditions, ` + `)
	return p, nil
}

// OrderLine is one TN of an order.
type OrderLine struct {
	Order *tel.Order // without its TNs
	tel.OrderedTN
}

// OrderLines reads a page, by its number, of the TNs of an account's orders, the
// latest order first.
func (s *Store) OrderLines(ctx context.Context, actor tel.Actor, q OrderQuery, page int) (out Numbered[OrderLine], err error) {
	p, err := s.numberedLines(ctx, actor, q)
	if err != nil {
		return out, err
	}
	at, err := p.page(page, q.Limit)
	if out.Total = at.total; err != nil || at.rows == 0 {
		return out, err
	}
	out.Rows, err = p.lines(at)
	return out, err
}

// numberedLines pages TNs: of named ones each has a line, of a search those that were
// had.
func (s *Store) numberedLines(ctx context.Context, actor tel.Actor, q OrderQuery) (*pager, error) {
	p, err := s.orderPager(ctx, actor, q, "lines")
	if err != nil {
		return nil, err
	}
	p.weight = `CASE WHEN o.kind = 'search' THEN o.completed ELSE o.quantity END`
	p.where.parts = append(p.where.parts, `(o.completed > 0 OR o.kind <> 'search')`)
	p.loose = p.waiting
	return p, nil
}

func (p *pager) lines(at place) ([]OrderLine, error) {
	c := p.between(beforeAll, at.top)
	rows, err := p.store.read.QueryContext(p.ctx, `SELECT `+orderColumns+`, n.tn, n.at, n.code, n.message FROM orders o JOIN order_tn n ON n.order_seq = o.seq`+c.where()+
		p.order("DESC")+`, n.tn LIMIT `+c.arg(at.rows)+` OFFSET `+c.arg(at.skip), c.args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (l OrderLine, err error) {
		l.Order, err = scanOrder(row, &l.TN, (*micros)(&l.At), (*string)(&l.Code), &l.Message)
		l.Place = p.store.placeOf(l.TN)
		return l, err
	})
}

// OrderBegins reads the order whose id begins like another UUID, up to its fourth
// group: ids of an order's parts are made so. Refusals as in Order.
func (s *Store) OrderBegins(ctx context.Context, actor tel.Actor, like string) (*tel.Order, error) {
	canonical, err := CanonicalID(like)
	if err != nil {
		return nil, tel.NotFound()
	}
	var id string
	begin := canonical[:len("00000000-0000-0000-")]
	err = s.read.QueryRowContext(ctx, `SELECT o.id FROM orders o WHERE o.id BETWEEN $1 AND $2`, begin+"0000-000000000000", begin+"ffff-ffffffffffff").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return s.Order(ctx, actor, id)
}
