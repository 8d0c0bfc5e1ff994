package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"tnreserve/store/tel"
)

// An order in parts: by the type of its TNs, and TN by TN. Nothing of it is stored: a
// part is known by its order and what it is of.

// SubOrder is the part of an order whose TNs are of one type.
type SubOrder struct {
	Order *tel.Order // with all its TNs
	Type  tel.TNType
	Count int // TNs of the type
}

// SubOrderQuery asks for a page of an account's sub-orders, the latest first.
type SubOrderQuery struct {
	OrderQuery
	OrderID  string     // only of this order; "" any
	Type     tel.TNType // "" any
	Quantity int        // TNs of the type; 0 any
	Page     int
}

// subOrders are an order's types: of a search the type it searched for, otherwise
// those of its TNs.
var subOrders = ` JOIN (SELECT 'local' AS type UNION ALL SELECT 'tollfree') AS y ON (o.kind = 'search' AND (y.type = 'tollfree') = (o.search LIKE '%"Type":"tollfree"%')
	OR o.kind = 'existing' AND EXISTS (SELECT 1 FROM order_tn n WHERE n.order_seq = o.seq AND (y.type = 'tollfree') = ` + tollFree("n.tn") + `))`

// tollFree is tel.Number.TollFree in SQL.
func tollFree(column string) string {
	var parts []string
	for npa := 800; npa < 900; npa++ {
		if tel.TollFreeNPA(npa) {
			parts = append(parts, fmt.Sprintf("%s BETWEEN %d AND %d", column, tel.NewNumber(npa, 0, 0), tel.NewNumber(npa, 999, 9999)))
		}
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// subOrderCount is how many TNs a sub-order is of.
var subOrderCount = `CASE WHEN o.kind = 'search' THEN o.quantity ELSE (SELECT COUNT(*) FROM order_tn n WHERE n.order_seq = o.seq AND (y.type = 'tollfree') = ` + tollFree("n.tn") + `) END`

// SubOrders reads a page by its number.
func (s *Store) SubOrders(ctx context.Context, actor tel.Actor, q SubOrderQuery) (out Numbered[SubOrder], err error) {
	q.Kinds = []tel.OrderKind{tel.OrderKindExisting, tel.OrderKindSearch}
	where, err := s.orderScope(actor, q.OrderQuery)
	if err != nil {
		return out, err
	}
	if q.OrderID != "" {
		where.add(`o.id = %s`, q.OrderID)
	}
	if q.Type != tel.TypeAny {
		where.add(`y.type = %s`, string(q.Type))
	}
	if q.Quantity != 0 {
		where.add(subOrderCount+` = %s`, q.Quantity)
	}
	from := ` FROM orders o` + subOrders
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*)`+from+where.where(), where.args...).Scan(&out.Total); err != nil {
		return out, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+`, y.type, `+subOrderCount+from+where.where()+` ORDER BY o.seq DESC, y.type`+where.page(q.Page, q.Limit), where.args...)
	if err != nil {
		return out, err
	}
	out.Rows, err = collect(rows, func(row scanner) (sub SubOrder, err error) {
		sub.Order, err = scanOrder(row, (*string)(&sub.Type), &sub.Count)
		return sub, err
	})
	for _, sub := range out.Rows {
		if err == nil {
			err = s.fillOrder(sub.Order, s.reader(ctx))
		}
	}
	return out, err
}

// OrderLine is one TN of an order.
type OrderLine struct {
	Order *tel.Order // without its TNs
	tel.OrderedTN
}

// OrderLines reads a page, by its number, of the TNs of an account's orders, the
// latest order first.
func (s *Store) OrderLines(ctx context.Context, actor tel.Actor, q OrderQuery, page int) (out Numbered[OrderLine], err error) {
	q.Kinds = []tel.OrderKind{tel.OrderKindExisting, tel.OrderKindSearch}
	where, err := s.orderScope(actor, q)
	if err != nil {
		return out, err
	}
	const from = ` FROM orders o JOIN order_tn n ON n.order_seq = o.seq`
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*)`+from+where.where(), where.args...).Scan(&out.Total); err != nil {
		return out, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+`, n.tn, n.at, n.code, n.message`+from+where.where()+` ORDER BY o.seq DESC, n.tn`+where.page(page, q.Limit), where.args...)
	if err != nil {
		return out, err
	}
	out.Rows, err = collect(rows, func(row scanner) (l OrderLine, err error) {
		l.Order, err = scanOrder(row, &l.TN, (*micros)(&l.At), (*string)(&l.Code), &l.Message)
		l.Place = s.placeOf(l.TN)
		return l, err
	})
	return out, err
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
