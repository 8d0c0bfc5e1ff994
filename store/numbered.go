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

// Pages by number, for a door whose wire has no cursors. What such a list asks of a row
// to count it hardly ever changes, and new ones come at one end: so the rank of a row,
// counted from the oldest, stands, and whoever walks the pages misses nothing. What is
// asked of a reservation (when it was made, its TNs, its reference, what was refused)
// never changes. Orders that wait do: see pager.loose.

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
	p := pager{
		store: s, ctx: ctx, account: q.Account, from: `reservation r`, time: `r.created_at`, seq: `r.seq`, timed: true,
		where: q.condition(), low: edge(q.From, -1, beforeAll), high: edge(q.To, -1, afterAll), book: q.book(),
	}
	at, err := p.page(q.Page, q.Size)
	if out.Total = at.total; err != nil || at.rows == 0 {
		return out, err
	}
	if out.Rows, err = p.reservations(at); err != nil {
		return out, err
	}
	return out, s.fillAll(ctx, out.Rows)
}

// book names the ranks of the list; of what some TNs were in, which is short, it has
// none.
func (q NumberedQuery) book() string {
	if len(q.TNs) > 0 {
		return ""
	}
	key := "reservations " + q.Account.String() + " " + q.Reference
	if q.Partly != nil {
		key = strconv.FormatBool(*q.Partly) + " " + key
	}
	return key
}

// reservations reads a page.
func (p *pager) reservations(at place) ([]*tel.Reservation, error) {
	c := p.between(beforeAll, at.top)
	rows, err := p.store.read.QueryContext(p.ctx, `SELECT `+reservationColumns+`, a.name FROM reservation r JOIN account a ON a.id = r.account_id`+c.where()+p.order("DESC")+` LIMIT `+c.arg(at.rows), c.args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (*tel.Reservation, error) {
		var r tel.Reservation
		return &r, row.Scan(append(reservationFields(&r), &r.AccountName)...)
	})
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

// rank is a row's place in a list: its key, and what there is up to it from the oldest
// one.
type rank struct {
	at, seq int64
	n       int
}

var (
	beforeAll = rank{at: -1 << 62}
	afterAll  = rank{at: 1 << 62}
)

func (k rank) after(o rank) bool { return k.at > o.at || k.at == o.at && k.seq > o.seq }

// edge is the key up to which everything is older than an instant.
func edge(at time.Time, seq int64, open rank) rank {
	if at.IsZero() {
		return open
	}
	return rank{at: at.UnixMicro(), seq: seq}
}

// pager reads one page of a list.
type pager struct {
	store     *Store
	ctx       context.Context
	account   tel.AccountID
	from      string // the table
	time, seq string // columns: when a row was made, and its number
	timed     bool   // rows are ordered by their time and then by number; otherwise by number alone
	weight    string // how many lines of the list a row is, 0 for none; "" is one
	where     *condition
	low, high rank   // the list is what is in (low, high]
	book      string // under what name its ranks are remembered; "" for a short one
	// loose are the rows, with how much they have, that may still come into the list,
	// leave it or become more lines; nil for none. What they have only grows.
	loose func() (ranks, error)
}

// place is where a page is: the row that it begins with, how many lines of that row
// were on the page before, and how many lines the page has.
type place struct {
	top        rank
	skip, rows int
	total      int // lines of the list
}

func (p *pager) page(page, size int) (at place, err error) {
	page, size = min(max(page, 1), mostPages), min(max(size, 1), 250)
	var near rank
	if p.book == "" {
		near = p.high
		near.n, err = p.count(p.low, p.high)
		at.total = near.n
	}
	var known ranks
	var last rank
	if p.book != "" {
		known, last, at.total, err = p.many()
		near = last
	}
	left := at.total - (page-1)*size
	if err != nil || left <= 0 {
		return at, err
	}
	want := near.n - (page-1)*size
	if i, _ := slices.BinarySearchFunc(known, want, func(k rank, n int) int { return k.n - n }); i < len(known) && known[i].n < last.n {
		near = known[i]
	}
	at.rows = min(left, size)
	at.top, at.skip, err = p.find(near, want)
	return at, err
}

// many counts a list by the ranks that are known of it, and answers them with its last
// row.
func (p *pager) many() (known ranks, last rank, total int, err error) {
	if known, err = p.store.books.of(p.book).extend(p); err != nil {
		return nil, last, 0, err
	}
	last, ok, err := p.key(beforeAll, p.high, "DESC", 0) // what comes from here on is for the next time
	if err != nil || !ok {
		return nil, last, 0, err
	}
	if last.n, err = known.of(p, last); err != nil {
		return nil, last, 0, err
	}
	low, err := known.of(p, p.low)
	return known, last, max(last.n-low, 0), err
}

// find is the row with a line of the list, from a row of a known rank downwards, and how
// many of its lines come before that one.
func (p *pager) find(near rank, want int) (top rank, skip int, err error) {
	if p.weight == "" {
		top, _, err = p.key(beforeAll, near, "DESC", near.n-want)
		return top, 0, err
	}
	for left := near.n; ; {
		list, err := p.weights(near, left-want+1) // each is a line or more
		if err != nil || len(list) == 0 {
			return top, 0, err
		}
		for _, k := range list {
			if left-k.n < want {
				return k, left - want, nil
			}
			left -= k.n
		}
		near = list[len(list)-1]
		near.seq--
	}
}

// weights are so many rows downwards, or as many as are read at once, each with how many
// lines it is.
func (p *pager) weights(from rank, most int) (ranks, error) {
	c := p.between(beforeAll, from)
	rows, err := p.store.read.QueryContext(p.ctx, `SELECT `+p.time+`, `+p.seq+`, `+p.weight+` FROM `+p.from+c.where()+p.order("DESC")+` LIMIT `+c.arg(min(most, pageStep)), c.args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanRank)
}

func scanRank(row scanner) (k rank, err error) { return k, row.Scan(&k.at, &k.seq, &k.n) }

func (p *pager) order(way string) string {
	if p.timed {
		return ` ORDER BY ` + p.time + ` ` + way + `, ` + p.seq + ` ` + way
	}
	return ` ORDER BY ` + p.seq + ` ` + way
}

// between is the list narrowed to the keys in (low, high].
func (p *pager) between(low, high rank) *condition {
	c := &condition{parts: slices.Clone(p.where.parts), args: slices.Clone(p.where.args)}
	if low.at != beforeAll.at {
		c.parts = append(c.parts, p.beyond(c, ">", low))
	}
	if high.at != afterAll.at {
		c.parts = append(c.parts, p.beyond(c, "<=", high))
	}
	return c
}

func (p *pager) beyond(c *condition, than string, k rank) string {
	if !p.timed {
		return p.seq + ` ` + than + ` ` + c.arg(k.seq)
	}
	at := c.arg(k.at)
	return p.time + ` ` + than[:1] + `= ` + at + ` AND (` + p.time + `, ` + p.seq + `) ` + than + ` (` + at + `, ` + c.arg(k.seq) + `)`
}

// count is how many lines there are in (low, high].
func (p *pager) count(low, high rank) (n int, err error) {
	c, sum := p.between(low, high), `COUNT(*)`
	if p.weight != "" {
		sum = `CAST(COALESCE(SUM(` + p.weight + `), 0) AS BIGINT)`
	}
	return n, p.store.read.QueryRowContext(p.ctx, `SELECT `+sum+` FROM `+p.from+c.where(), c.args...).Scan(&n)
}

// key is the key of the row after so many in (low, high], from either end; ok false
// when there are no so many.
func (p *pager) key(low, high rank, way string, skip int) (k rank, ok bool, err error) {
	c := p.between(low, high)
	err = p.store.read.QueryRowContext(p.ctx, `SELECT `+p.time+`, `+p.seq+` FROM `+p.from+c.where()+p.order(way)+` LIMIT 1 OFFSET `+c.arg(skip), c.args...).Scan(&k.at, &k.seq)
	if errors.Is(err, sql.ErrNoRows) {
		return k, false, nil
	}
	return k, err == nil, err
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
	loose []looseRows // per known rank: those since the one before, when it was counted
}

// looseRows are rows that may change, in sum.
type looseRows struct{ rows, have int }

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
func (b *books) of(key string) *book {
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
		b.first, b.known, b.loose = first, nil, nil
	}
	var loose ranks
	if p.loose != nil {
		// Read before anything is counted: what settles meanwhile is counted again the
		// next time.
		if loose, err = p.loose(); err != nil {
			return nil, err
		}
	}
	if loose, err = b.recount(p, loose); err != nil {
		return nil, err
	}
	settled := p.store.Now().Add(-settles).UnixMicro()
	for {
		last := b.known.last()
		k, ok, err := p.key(last, afterAll, "ASC", pageStep-1)
		if err != nil || !ok || k.at > settled {
			return b.known, err
		}
		if k.n = last.n + pageStep; p.weight != "" {
			n, err := p.count(last, k)
			if err != nil {
				return nil, err
			}
			k.n = last.n + n
		}
		var since looseRows
		since, loose = loose.upTo(k)
		b.known, b.loose = append(b.known, k), append(b.loose, since)
	}
}

// recount counts those steps again in which a loose row changed, and answers the loose
// rows behind the last step. Others may read the ranks as they were.
func (b *book) recount(p *pager, loose ranks) (ranks, error) {
	if p.loose == nil {
		return nil, nil
	}
	known, shift, low := slices.Clone(b.known), 0, beforeAll
	for i := range known {
		var since looseRows
		since, loose = loose.upTo(known[i])
		if since != b.loose[i] {
			n, err := p.count(low, known[i])
			if err != nil {
				b.known, b.loose = nil, nil
				return nil, err
			}
			shift, b.loose[i] = low.n+n-known[i].n, since
		}
		known[i].n += shift
		low = known[i]
	}
	b.known = known
	return loose, nil
}

// upTo parts the rows up to a key from the rest, and adds them up.
func (list ranks) upTo(k rank) (sum looseRows, rest ranks) {
	for len(list) > 0 && !list[0].after(k) {
		sum.rows, sum.have, list = sum.rows+1, sum.have+list[0].n, list[1:]
	}
	return sum, list
}

func (known ranks) last() rank {
	if len(known) == 0 {
		return beforeAll
	}
	return known[len(known)-1]
}

// of is how many lines there are up to a key.
func (known ranks) of(p *pager, key rank) (int, error) {
	if key.at == beforeAll.at {
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
