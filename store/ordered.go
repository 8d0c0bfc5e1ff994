package store

import (
	"context"
	"strconv"
	"time"

	"tnreserve/store/tel"
)

// OrderQuery asks for a page of orders.
type OrderQuery struct {
	Account         tel.AccountID    // 0: all that the actor sees
	Mine            bool             // only those that the actor made
	Kinds           []tel.OrderKind  // none is any
	States          []tel.OrderState // none is any
	CustomerOrderID string
	TN              tel.Number // only those that named or got it; 0 any
	From, To        time.Time  // created in [From, To); zero is open
	Cursor          string     // Orders' Next of the page before
	Limit           int        // 1 to 1000
}

// ListedOrders is a page of orders, the latest first. The rows have counts and no
// TNs.
type ListedOrders struct {
	Rows []*tel.Order
	Next string
}

// Orders reads a page of orders by keyset. Admins list their account's, operators
// all; anybody who may order lists, with Mine, what they made themselves.
func (s *Store) Orders(ctx context.Context, actor tel.Actor, q OrderQuery) (ListedOrders, error) {
	where, err := s.orderScope(actor, q)
	if err != nil {
		return ListedOrders{}, err
	}
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return ListedOrders{}, err
	}
	if after != nil {
		where.add(`o.seq < %s`, after.seq)
	}
	q.Limit = min(max(q.Limit, 1), 1000)
	rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+`, a.name FROM orders o JOIN account a ON a.id = o.account_id`+where.where()+` ORDER BY o.seq DESC LIMIT `+strconv.Itoa(q.Limit+1), where.args...)
	if err != nil {
		return ListedOrders{}, err
	}
	list, err := collect(rows, scanNamedOrder)
	if err != nil {
		return ListedOrders{}, err
	}
	out := ListedOrders{Rows: list}
	if len(list) > q.Limit {
		out.Rows = list[:q.Limit]
		last := out.Rows[q.Limit-1]
		out.Next = cursor(last.CreatedAt.UnixMicro(), last.Seq)
	}
	return out, nil
}

// scanNamedOrder reads an order with its account's name behind it.
func scanNamedOrder(row scanner) (*tel.Order, error) {
	var name string
	o, err := scanOrder(row, &name)
	if err == nil {
		o.AccountName = name
	}
	return o, err
}

// CountOrders counts a list's orders, up to a bound, so that it stays cheap.
func (s *Store) CountOrders(ctx context.Context, actor tel.Actor, q OrderQuery, most int) (n int, err error) {
	where, err := s.orderScope(actor, q)
	if err != nil {
		return 0, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM orders o`+where.where()+` LIMIT `+strconv.Itoa(most)+`) AS counted`, where.args...).Scan(&n)
	return n, err
}

// orderScope narrows a list to what the actor may see and asks for: in the WHERE, so
// that no page can leak.
func (s *Store) orderScope(actor tel.Actor, q OrderQuery) (*condition, error) {
	var c condition
	account := q.Account
	if account == 0 && actor.Role != tel.RoleOperator {
		account = actor.Account
	}
	act := tel.ActListOrders
	if q.Mine {
		act = tel.ActOrder
		c.add(`o.created_by = %s`, actor.ID)
	}
	if err := actor.Require(act, account); err != nil {
		return nil, err
	}
	if account != 0 {
		c.add(`o.account_id = %s`, int64(account))
	}
	c.in(`o.kind`, len(q.Kinds), func(i int) string { return string(q.Kinds[i]) })
	c.in(`o.state`, len(q.States), func(i int) string { return string(q.States[i]) })
	if q.CustomerOrderID != "" {
		c.add(`o.customer_order_id = %s`, q.CustomerOrderID)
	}
	if q.TN != 0 {
		c.add(`o.seq IN (SELECT order_seq FROM order_tn WHERE tn = %s)`, int64(q.TN))
	}
	if !q.From.IsZero() {
		c.add(`o.created_at >= %s`, micros(q.From))
	}
	if !q.To.IsZero() {
		c.add(`o.created_at < %s`, micros(q.To))
	}
	return &c, nil
}

// in narrows a column to any of n values; none is any.
func (c *condition) in(column string, n int, value func(int) string) {
	if n == 0 {
		return
	}
	list := ""
	for i := range n {
		if i > 0 {
			list += ", "
		}
		list += c.arg(value(i))
	}
	c.parts = append(c.parts, column+` IN (`+list+`)`)
}
