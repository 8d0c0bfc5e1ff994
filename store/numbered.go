package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tnreserve/store/tel"
)

// Pages by number, for a door whose wire has no cursors. What such a list shows of a
// reservation to count it (when it was made, its TNs, its reference, what was refused)
// never changes, and new ones come at one end: so the rank of a row, counted from the
// oldest, stands for ever, and whoever walks the pages misses nothing.

// NumberedQuery asks for a page of all of an account's reservations, live and ended,
// the latest first.
type NumberedQuery struct {
	Account   tel.AccountID
	Partly    *bool        // only those of which some TNs were refused, or none was
	TNs       []tel.Number // only those that hold or held one of these
	Reference string       // only those with exactly this customer reference
	From, To  time.Time    // made in [From, To); zero is open
	Page      int          // from 1
	Size      int          // 1 to 250
}

// Numbered is a page of a list, and how many there are in all.
type Numbered[T any] struct {
	Rows  []T
	Total int
}

// mostPages keeps what is multiplied from running over.
const mostPages = 1 << 40

// MostTNsAsked is how many TNs one query names at most.
const MostTNsAsked = 100

// ReservationsByNumber reads a page by its number. The rows have all their TNs.
func (s *Store) ReservationsByNumber(ctx context.Context, actor tel.Actor, q NumberedQuery) (out Numbered[*tel.Reservation], err error) {
	if err := actor.Require(tel.ActListReservations, q.Account); err != nil {
		return out, err
	}
	if len(q.TNs) > MostTNsAsked {
		return out, tel.Invalid("tn", "At most %d numbers at once.", MostTNsAsked)
	}
	q.Page, q.Size = min(max(q.Page, 1), mostPages), min(max(q.Size, 1), 250)
	p := pager{store: s, ctx: ctx, where: q.condition()}
	var top rank
	if len(q.TNs) > 0 {
		top, out.Total, err = p.few(q)
	} else {
		top, out.Total, err = p.many(q)
	}
	left := out.Total - (q.Page-1)*q.Size
	if err != nil || left <= 0 {
		return out, err
	}
	out.Rows, err = p.rows(q, top, min(left, q.Size))
	return out, err
}

// condition is what does not depend on time.
func (q NumberedQuery) condition() *condition {
	var c condition
	c.add(`r.account_id = %s`, int64(q.Account))
	if q.Reference != "" {
		c.add(`r.customer_reference = %s AND r.customer_reference <> ''`, q.Reference)
	}
	if q.Partly != nil && *q.Partly {
		c.parts = append(c.parts, `r.refused_count > 0`)
	} else if q.Partly != nil {
		c.parts = append(c.parts, `r.refused_count = 0`)
	}
	if len(q.TNs) > 0 {
		var list []string
		for _, tn := range q.TNs {
			list = append(list, c.arg(int64(tn)))
		}
		in := ` IN (` + strings.Join(list, ", ") + `)`
		c.parts = append(c.parts, `r.seq IN (SELECT reservation FROM hold WHERE tn`+in+` UNION SELECT reservation FROM past_hold WHERE tn`+in+`)`)
	}
	return &c
}

// rank is a row's place in a list: its key, and how many rows there are up to it from
// the oldest one.
type rank struct {
	at, seq int64
	n       int
}

var (
	beforeAll = rank{at: -1 << 62}
	afterAll  = rank{at: 1 << 62}
)

func (k rank) after(o rank) bool { return k.at > o.at || k.at == o.at && k.seq > o.seq }

// pager reads one page.
type pager struct {
	store *Store
	ctx   context.Context
	where *condition
}

// between is the list narrowed to the keys in (low, high].
func (p *pager) between(low, high rank) *condition {
	c := &condition{parts: slices.Clone(p.where.parts), args: slices.Clone(p.where.args)}
	if low != beforeAll {
		at := c.arg(low.at)
		c.parts = append(c.parts, `r.created_at >= `+at+` AND (r.created_at, r.seq) > (`+at+`, `+c.arg(low.seq)+`)`)
	}
	if high != afterAll {
		at := c.arg(high.at)
		c.parts = append(c.parts, `r.created_at <= `+at+` AND (r.created_at, r.seq) <= (`+at+`, `+c.arg(high.seq)+`)`)
	}
	return c
}

func (p *pager) count(low, high rank) (n int, err error) {
	c := p.between(low, high)
	return n, p.store.read.QueryRowContext(p.ctx, `SELECT COUNT(*) FROM reservation r`+c.where(), c.args...).Scan(&n)
}

// key is the key of the row after so many in (low, high], from either end; ok false
// when there are no so many.
func (p *pager) key(low, high rank, way string, skip int) (k rank, ok bool, err error) {
	c := p.between(low, high)
	err = p.store.read.QueryRowContext(p.ctx, `SELECT r.created_at, r.seq FROM reservation r`+c.where()+` ORDER BY r.created_at `+way+`, r.seq `+way+` LIMIT 1 OFFSET `+c.arg(skip), c.args...).Scan(&k.at, &k.seq)
	if errors.Is(err, sql.ErrNoRows) {
		return k, false, nil
	}
	return k, err == nil, err
}

// edge is the key before which everything is older than an instant.
func edge(at time.Time, open rank) rank {
	if at.IsZero() {
		return open
	}
	return rank{at: at.UnixMicro(), seq: -1}
}

// few counts a list of what some TNs were in, which is short.
func (p *pager) few(q NumberedQuery) (top rank, total int, err error) {
	low, high := edge(q.From, beforeAll), edge(q.To, afterAll)
	if total, err = p.count(low, high); err != nil || total == 0 {
		return top, 0, err
	}
	top, _, err = p.key(low, high, "DESC", (q.Page-1)*q.Size)
	return top, total, err
}

// many counts a list by the ranks that are known of it, and finds where the page
// begins from the nearest one.
func (p *pager) many(q NumberedQuery) (top rank, total int, err error) {
	known, err := p.store.books.of(q).extend(p)
	if err != nil {
		return top, 0, err
	}
	low, high := edge(q.From, beforeAll), edge(q.To, afterAll)
	last, ok, err := p.key(beforeAll, high, "DESC", 0) // what comes from here on is for the next time
	if err != nil || !ok {
		return top, 0, err
	}
	if last.n, err = known.of(p, last); err != nil {
		return top, 0, err
	}
	if low.n, err = known.of(p, low); err != nil {
		return top, 0, err
	}
	total = last.n - low.n
	want := last.n - (q.Page-1)*q.Size
	if total <= 0 || want <= low.n {
		return top, max(total, 0), nil
	}
	near := last
	if i, _ := slices.BinarySearchFunc(known, want, func(k rank, n int) int { return k.n - n }); i < len(known) && known[i].n < last.n {
		near = known[i]
	}
	top, _, err = p.key(beforeAll, near, "DESC", near.n-want)
	return top, total, err
}

// rows reads so many rows from a key downwards.
func (p *pager) rows(q NumberedQuery, top rank, n int) ([]*tel.Reservation, error) {
	c := p.between(beforeAll, top)
	rows, err := p.store.read.QueryContext(p.ctx, `SELECT `+reservationColumns+`, a.name FROM reservation r JOIN account a ON a.id = r.account_id`+c.where()+` ORDER BY r.created_at DESC, r.seq DESC LIMIT `+c.arg(n), c.args...)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(row scanner) (*tel.Reservation, error) {
		var r tel.Reservation
		return &r, row.Scan(append(reservationFields(&r), &r.AccountName)...)
	})
	if err != nil {
		return nil, err
	}
	return list, p.store.fillAll(p.ctx, list)
}

// books remember, per list that was asked for, the rank of every pageStep-th row, so
// that no page is further away than that from a known one.
type books struct {
	mu   sync.Mutex
	list map[string]*book
}

type book struct {
	mu    sync.Mutex
	first rank // the oldest row when the ranks were counted
	known ranks
}

// ranks ascend.
type ranks []rank

// pageStep is a variable for the tests.
var pageStep = 1000

const (
	mostBooks = 1000
	// settles is after what time nothing can come before a row any more: where
	// several write at once the clock's order and the commits' may differ.
	settles = 5 * time.Second
)

// of is the book of a list; that it forgets all when there are many costs those who
// ask next a count.
func (b *books) of(q NumberedQuery) *book {
	key := q.Account.String() + " " + q.Reference
	if q.Partly != nil {
		key = strconv.FormatBool(*q.Partly) + " " + key
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil || len(b.list) >= mostBooks && b.list[key] == nil {
		b.list = map[string]*book{}
	}
	if b.list[key] == nil {
		b.list[key] = &book{}
	}
	return b.list[key]
}

// extend counts on from the last known rank and answers what is known then. If the
// oldest rows are gone it begins anew.
func (b *book) extend(p *pager) (ranks, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first, ok, err := p.key(beforeAll, afterAll, "ASC", 0)
	if err != nil || !ok {
		return nil, err
	}
	if first != b.first {
		b.first, b.known = first, nil
	}
	settled := p.store.Now().Add(-settles).UnixMicro()
	for {
		last := b.known.last()
		k, ok, err := p.key(last, afterAll, "ASC", pageStep-1)
		if err != nil || !ok || k.at > settled {
			return b.known, err
		}
		k.n = last.n + pageStep
		b.known = append(b.known, k)
	}
}

func (known ranks) last() rank {
	if len(known) == 0 {
		return beforeAll
	}
	return known[len(known)-1]
}

// of is how many rows there are up to a key.
func (known ranks) of(p *pager, key rank) (int, error) {
	if key == beforeAll {
		return 0, nil
	}
	i, _ := slices.BinarySearchFunc(known, key, func(k, key rank) int {
		if k.after(key) {
			return 1
		}
		return -1
	})
	n, err := p.count(known[:i].last(), key)
	return known[:i].last().n + n, err
}

// OrderNumberedQuery asks for a page of an account's orders that got TNs, or were to:
// all but disconnects, the latest first.
type OrderNumberedQuery struct {
	OrderQuery
	Quantity  int // 0 any
	Reference string
	Page      int
}

// OrdersByNumber reads a page by its number. The rows have their TNs. Orders are few
// beside reservations: they are counted each time.
func (s *Store) OrdersByNumber(ctx context.Context, actor tel.Actor, q OrderNumberedQuery) (out Numbered[*tel.Order], err error) {
	q.Kinds = []tel.OrderKind{tel.OrderKindExisting, tel.OrderKindSearch}
	where, err := s.orderScope(actor, q.OrderQuery)
	if err != nil {
		return out, err
	}
	if q.Quantity != 0 {
		where.add(`o.quantity = %s`, q.Quantity)
	}
	if q.Reference != "" {
		where.add(`o.reference = %s`, q.Reference)
	}
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM orders o`+where.where(), where.args...).Scan(&out.Total); err != nil {
		return out, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+orderColumns+` FROM orders o`+where.where()+` ORDER BY o.seq DESC`+where.page(q.Page, q.Limit), where.args...)
	if err != nil {
		return out, err
	}
	if out.Rows, err = collect(rows, func(row scanner) (*tel.Order, error) { return scanOrder(row) }); err != nil {
		return out, err
	}
	for _, o := range out.Rows {
		if err := s.fillOrder(o, s.reader(ctx)); err != nil {
			return out, err
		}
	}
	return out, nil
}

// page is the end of a query for one numbered page.
func (c *condition) page(number, size int) string {
	size = min(max(size, 1), 250)
	return ` LIMIT ` + c.arg(size) + ` OFFSET ` + c.arg(int64(max(number, 1)-1)*int64(size))
}
