package store

import (
	"context"
	"fmt"
	"math"
	"slices"
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
	q.Limit = min(max(q.Limit, 1), 1000)
	text, args, err := s.ordersSQL(ctx, actor, q)
	if err != nil {
		return ListedOrders{}, err
	}
	rows, err := s.read.QueryContext(ctx, text, args...)
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

// ordersSQL is the query of a list's page, with its arguments.
func (s *Store) ordersSQL(ctx context.Context, actor tel.Actor, q OrderQuery) (string, []any, error) {
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return "", nil, err
	}
	where, err := s.orderSpan(ctx, actor, q, after)
	if err != nil {
		return "", nil, err
	}
	text := `SELECT ` + orderColumns + `, a.name FROM orders o JOIN account a ON a.id = o.account_id` + where.where() + ` ORDER BY o.seq DESC LIMIT ` + strconv.Itoa(q.Limit+1)
	return text, where.args, nil
}

// orderSpan is orderScope with the times asked for, and where a page continues, as one
// bound of the numbers at either end: of two bounds at one end SQLite searches by one.
func (s *Store) orderSpan(ctx context.Context, actor tel.Actor, q OrderQuery, after *keyAfter) (*condition, error) {
	where, err := s.orderScope(actor, q)
	if err != nil {
		return nil, err
	}
	if !q.From.IsZero() {
		first, err := s.firstSince(ctx, `orders`, `created_at`, q.From)
		if err != nil {
			return nil, err
		}
		where.add(`o.seq >= %s`, first)
	}
	before := int64(math.MaxInt64)
	if !q.To.IsZero() {
		if before, err = s.firstSince(ctx, `orders`, `created_at`, q.To); err != nil {
			return nil, err
		}
	}
	if after != nil {
		before = min(before, after.seq)
	}
	if before != math.MaxInt64 {
		where.add(`o.seq < %s`, before)
	}
	return where, nil
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
	where, err := s.orderSpan(ctx, actor, q, nil)
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
	c.kinds(q.Kinds)
	c.states(q.States)
	if q.CustomerOrderID != "" {
		c.add(`o.customer_order_id = %s AND o.customer_order_id <> ''`, q.CustomerOrderID)
	}
	if q.TN != 0 {
		c.add(`o.seq IN (SELECT order_seq FROM order_tn WHERE tn = %s)`, int64(q.TN))
	}
	return &c, nil
}

// kinds narrows to kinds of orders. What an index is of must stand in the query as it
// stands in the index.
func (c *condition) kinds(list []tel.OrderKind) {
	all := []tel.OrderKind{tel.OrderKindExisting, tel.OrderKindSearch}
	switch {
	case len(list) == 0:
	case len(list) == len(all) && !slices.Contains(list, tel.OrderKindDisconnect):
		c.parts = append(c.parts, `o.kind <> 'disconnect'`)
	default:
		c.in(`o.kind`, len(list), func(i int) string { return string(list[i]) })
		if !slices.Contains(list, tel.OrderKindExisting) {
			c.parts = append(c.parts, `o.kind <> 'existing'`)
		}
	}
}

// states narrows to states of orders. None is kept as RECEIVED: each is judged in the
// change that receives it.
func (c *condition) states(list []tel.OrderState) {
	kept := slices.DeleteFunc(slices.Clone(list), func(s tel.OrderState) bool { return s == tel.OrderReceived })
	if len(list) > 0 && len(kept) == 0 {
		c.parts = append(c.parts, `1 = 0`)
	}
	c.in(`o.state`, len(kept), func(i int) string { return string(kept[i]) })
	if len(kept) > 0 && !slices.Contains(kept, tel.OrderComplete) {
		c.parts = append(c.parts, `o.state <> 'COMPLETE'`)
	}
}

// in narrows a column to any of n values; none is any.
func (c *condition) in(column string, n int, value func(int) string) {
	if n == 0 {
		return
	}
	if n == 1 {
		c.add(column+` = %s`, value(0))
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

// OrderNumberedQuery asks for a page of an account's orders that got TNs, or were to:
// all but disconnects, the latest first.
type OrderNumberedQuery struct {
	OrderQuery
	Quantity  int // 0 any
	Reference string
	Page      int // from 1
}

// OrdersByNumber reads a page by its number. The rows have their TNs.
func (s *Store) OrdersByNumber(ctx context.Context, actor tel.Actor, q OrderNumberedQuery) (out Numbered[*tel.Order], err error) {
	p, err := s.numberedOrders(ctx, actor, q)
	if err != nil {
		return out, err
	}
	at, err := p.page(q.Page, q.Limit)
	if out.Total = at.total; err != nil || at.rows == 0 {
		return out, err
	}
	out.Rows, err = p.orders(at.top, at.rows)
	return out, err
}

func (s *Store) numberedOrders(ctx context.Context, actor tel.Actor, q OrderNumberedQuery) (*pager, error) {
	p, err := s.orderPager(ctx, actor, q.OrderQuery, "orders "+strconv.Itoa(q.Quantity))
	if err != nil {
		return nil, err
	}
	if q.Quantity != 0 {
		p.where.add(`o.quantity = %s`, q.Quantity)
	}
	if q.Quantity > 1 {
		p.where.parts = append(p.where.parts, `o.quantity <> 1`)
	}
	if q.Reference != "" {
		p.where.add(`o.reference = %s AND o.reference <> ''`, q.Reference)
		p.book = "" // it can be changed
	}
	return p, nil
}

// orderPager pages an account's orders but disconnects, under a name that tells its
// further conditions.
func (s *Store) orderPager(ctx context.Context, actor tel.Actor, q OrderQuery, name string) (*pager, error) {
	q.Kinds = []tel.OrderKind{tel.OrderKindExisting, tel.OrderKindSearch}
	if q.Account == 0 {
		q.Account = actor.Account
	}
	where, err := s.orderScope(actor, q)
	if err != nil {
		return nil, err
	}
	p := &pager{store: s, ctx: ctx, account: q.Account, from: `orders o`, time: `o.created_at`, seq: `o.seq`, where: where, low: beforeAll, high: afterAll}
	for _, end := range []struct {
		at time.Time
		to *rank
	}{{q.From, &p.low}, {q.To, &p.high}} {
		first, err := s.firstSince(ctx, `orders`, `created_at`, end.at)
		if err != nil {
			return nil, err
		}
		*end.to = edge(end.at, first-1, *end.to)
	}
	p.book = fmt.Sprint(name, " ", q.Account, " ", q.States)
	if len(q.States) > 0 {
		p.loose = p.waiting
	}
	waiting := len(q.States) > 0 && !slices.ContainsFunc(q.States, tel.OrderState.Final)
	if waiting || q.TN != 0 || q.CustomerOrderID != "" || q.Mine || q.Account == 0 {
		p.book = "" // few, or nobody asks
	}
	return p, nil
}

// waiting are the account's orders that wait, oldest first, with how many TNs each has.
func (p *pager) waiting() (ranks, error) {
	rows, err := p.store.read.QueryContext(p.ctx, `SELECT o.created_at, o.seq, o.completed FROM orders o WHERE o.account_id = $1 AND o.state = 'BACKORDERED' AND o.state <> 'COMPLETE' ORDER BY o.seq`, int64(p.account))
	if err != nil {
		return nil, err
	}
	return collect(rows, scanRank)
}

// orders reads so many orders from a key downwards, with their TNs.
func (p *pager) orders(top rank, n int) ([]*tel.Order, error) {
	c := p.between(beforeAll, top)
	rows, err := p.store.read.QueryContext(p.ctx, `SELECT `+orderColumns+` FROM orders o`+c.where()+p.order("DESC")+` LIMIT `+c.arg(n), c.args...)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(row scanner) (*tel.Order, error) { return scanOrder(row) })
	if err != nil {
		return nil, err
	}
	return list, p.store.fillOrders(p.ctx, list)
}
