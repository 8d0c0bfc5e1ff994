package store

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tnreserve/store/tel"
)

// Sort is an order of a list of reservations; a leading "-" turns it round.
type Sort string

// The orders. Ended lists know only SortEnded.
const (
	SortExpires    Sort = "expires" // soonest first
	SortExpiresRev Sort = "-expires"
	SortCreated    Sort = "created" // oldest first
	SortCreatedRev Sort = "-created"
	SortEnded      Sort = "-ended" // latest first
)

// ListQuery asks for a page of reservations.
type ListQuery struct {
	Account tel.AccountID // 0: all that the actor sees
	Mine    bool          // only those that the actor made
	Ended   bool          // instead of outstanding ones
	Text    string        // a TN, an id, or how a customer reference begins
	Sort    Sort
	Cursor  string // List's next of the page before
	Limit   int    // 1 to 500
}

// Listed is a page of reservations. Each row's TNs has only its first TN; TNCount
// has how many there are.
type Listed struct {
	Rows []*tel.Reservation
	Next string
}

// List reads a page of reservations by keyset, so that a deep page costs what the
// first does. Admins list their account's, operators all; anybody lists, with Mine,
// what they made themselves.
func (s *Store) List(ctx context.Context, actor tel.Actor, q ListQuery) (Listed, error) {
	q.Limit = min(max(q.Limit, 1), 500)
	text, args, err := s.listSQL(actor, q)
	if err != nil {
		return Listed{}, err
	}
	rows, err := s.read.QueryContext(ctx, text, args...)
	if err != nil {
		return Listed{}, err
	}
	var keys []int64
	list, err := collect(rows, func(row scanner) (*tel.Reservation, error) {
		var r tel.Reservation
		var key int64
		err := row.Scan(append(reservationFields(&r), &key)...)
		keys = append(keys, key)
		return &r, err
	})
	if err != nil {
		return Listed{}, err
	}
	out := Listed{Rows: list}
	if len(list) > q.Limit {
		out.Rows = list[:q.Limit]
		out.Next = cursor(keys[q.Limit-1], list[q.Limit-1].Seq)
	}
	return out, s.dress(ctx, out.Rows)
}

// listSQL is the query of a list's page, with its arguments.
func (s *Store) listSQL(actor tel.Actor, q ListQuery) (string, []any, error) {
	where, err := s.listScope(actor, q)
	if err != nil {
		return "", nil, err
	}
	if err := where.text(q.Text); err != nil {
		return "", nil, err
	}
	order, err := keyset(q.Sort, q.Ended)
	if err != nil {
		return "", nil, err
	}
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return "", nil, err
	}
	text := where.sql(order, after, micros(s.Now()), q)
	return text, where.args, nil
}

// condition collects a WHERE and its arguments.
type condition struct {
	parts []string
	args  []any
}

// add appends a condition whose %s become the next placeholders.
func (c *condition) add(sql string, args ...any) {
	names := make([]any, len(args))
	for i, a := range args {
		names[i] = c.arg(a)
	}
	c.parts = append(c.parts, fmt.Sprintf(sql, names...))
}

func (c *condition) arg(a any) string {
	c.args = append(c.args, a)
	return "$" + strconv.Itoa(len(c.args))
}

// listScope narrows a list to what the actor may see: in the WHERE, so that no page
// can leak.
func (s *Store) listScope(actor tel.Actor, q ListQuery) (*condition, error) {
	var c condition
	account := q.Account
	if account == 0 && actor.Role != tel.RoleOperator {
		account = actor.Account
	}
	switch {
	case q.Mine:
		if !actor.Can(tel.ActReserve) {
			return nil, tel.Forbidden(tel.ActListReservations)
		}
		c.add(`r.created_by = %s`, actor.ID)
	case account != 0:
		if err := actor.Require(tel.ActListReservations, account); err != nil {
			return nil, err
		}
	case !actor.May(tel.ActListReservations, 0):
		return nil, tel.Forbidden(tel.ActListReservations)
	}
	if account != 0 {
		if !actor.Sees(account) {
			return nil, tel.NotFound()
		}
		c.add(`r.account_id`+q.notByAccount()+` = %s`, int64(account))
	}
	return &c, nil
}

// notByAccount keeps the database from searching by the account where the text, or who
// made them, leaves less.
func (q ListQuery) notByAccount() string {
	if strings.TrimSpace(q.Text) != "" || q.Mine && !q.Ended {
		return ` + 0`
	}
	return ""
}

// text narrows to a TN, an id or a customer reference's beginning.
func (c *condition) text(s string) error {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil
	}
	if tn, err := tel.ParseNumber(s); err == nil && !hasLetter(strings.TrimPrefix(strings.ToLower(s), "tel:")) {
		c.add(`r.seq IN (SELECT reservation FROM hold WHERE tn = %s UNION ALL SELECT reservation FROM past_hold WHERE tn = %s)`, int64(tn), int64(tn))
		return nil
	}
	if id, err := CanonicalID(s); err == nil {
		c.add(`r.id = %s`, id)
		return nil
	}
	clean, err := tel.CleanText("q", s, tel.MaxReference)
	if err != nil {
		return err
	}
	c.add(`r.customer_reference <> '' AND r.customer_reference >= %s AND r.customer_reference < %s`, clean, clean+"\U0010FFFF")
	return nil
}

// hasLetter: "2026-ORDER-1" is a TN by a telephone's keys, and means a reference.
func hasLetter(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }

// order is a keyset: the column that leads it, and which way.
type order struct {
	key  string
	desc bool
}

func keyset(by Sort, ended bool) (order, error) {
	if ended {
		return order{"r.ended_at", true}, nil
	}
	switch by {
	case SortExpires, "":
		return order{"r.expires_at", false}, nil
	case SortExpiresRev:
		return order{"r.expires_at", true}, nil
	case SortCreated:
		return order{"r.seq", false}, nil
	case SortCreatedRev:
		return order{"r.seq", true}, nil
	}
	return order{}, tel.Invalid("sort", "The list cannot be sorted that way.")
}

// sql is the page's query. A list of ended ones is of two parts, so that nothing
// depends on the sweeper: what was ended, and what only the clock has ended.
func (c *condition) sql(o order, after *keyAfter, now micros, q ListQuery) string {
	if !q.Ended {
		return c.outstanding(o, after, now, q)
	}
	at := c.arg(now)
	swept := c.part(o, after, q.Limit, `r.ended_at IS NOT NULL`)
	unswept := c.part(order{"r.expires_at", true}, after, q.Limit, `r.ended_at IS NULL AND r.expires_at <= `+at)
	return `SELECT * FROM (` + swept + `) AS swept UNION ALL SELECT * FROM (` + unswept + `) AS unswept ORDER BY key DESC, seq DESC LIMIT ` + strconv.Itoa(q.Limit+1)
}

// outstanding is the query of those that live, so that the keyset's index answers it:
// by their end, where they begin to live is where the first page begins, because of
// two lower bounds SQLite may search by the lower one; by their making, the end must
// not look like something to search by.
func (c *condition) outstanding(o order, after *keyAfter, now micros, q ListQuery) string {
	const open = `r.ended_at IS NULL`
	switch {
	case o.key == "r.expires_at" && !o.desc:
		if at := time.Time(now).UnixMicro(); after == nil || after.key < at {
			after = &keyAfter{at, math.MaxInt64}
		}
		return c.part(o, after, q.Limit, open)
	case o.key == "r.seq":
		return c.part(o, after, q.Limit, open+` AND r.expires_at + 0 > `+c.arg(now))
	}
	return c.part(o, after, q.Limit, open+` AND r.expires_at > `+c.arg(now))
}

func (c *condition) part(o order, after *keyAfter, limit int, which string) string {
	way, past := " ASC", ">"
	if o.desc {
		way, past = " DESC", "<"
	}
	parts := append([]string{which}, c.parts...)
	if after != nil {
		k, s := c.arg(after.key), c.arg(after.seq)
		parts = append(parts, o.key+" "+past+"= "+k, "("+o.key+", r.seq) "+past+" ("+k+", "+s+")")
	}
	return `SELECT ` + reservationColumns + `, ` + o.key + ` AS key FROM reservation r WHERE ` + strings.Join(parts, ` AND `) +
		` ORDER BY ` + o.key + way + `, r.seq` + way + ` LIMIT ` + strconv.Itoa(limit+1)
}

// keyAfter is where a page continues.
type keyAfter struct{ key, seq int64 }

func cursor(key, seq int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", key, seq))
}

func parseCursor(s string) (*keyAfter, error) {
	if s == "" {
		return nil, nil
	}
	bad := tel.Invalid("cursor", "This page's address is damaged; start again from the first page.")
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, bad
	}
	key, seq, ok := strings.Cut(string(raw), ".")
	k, err1 := strconv.ParseInt(key, 10, 64)
	n, err2 := strconv.ParseInt(seq, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return nil, bad
	}
	return &keyAfter{k, n}, nil
}

// firstTNSQL asks the rows of this moment and not the reservation that was read a
// moment before, which may have ended since: what it holds, or held when it ended.
const firstTNSQL = `SELECT COALESCE((SELECT MIN(tn) FROM hold WHERE reservation = $1),
	(SELECT MIN(tn) FROM past_hold WHERE reservation = $1 AND ended_at = (SELECT MAX(ended_at) FROM past_hold WHERE reservation = $1)), 0)`

// dress fills in each row's first TN and account name.
func (s *Store) dress(ctx context.Context, rows []*tel.Reservation) error {
	names := map[tel.AccountID]string{}
	for _, r := range rows {
		var first tel.ReservedTN
		err := s.read.QueryRowContext(ctx, firstTNSQL, r.Seq).Scan(&first.TN)
		if err != nil {
			return err
		}
		first.Place = s.placeOf(first.TN)
		r.TNs = []tel.ReservedTN{first}
		if _, ok := names[r.Account]; !ok {
			var name string
			if err := s.read.QueryRowContext(ctx, `SELECT name FROM account WHERE id = $1`, int64(r.Account)).Scan(&name); err != nil {
				return err
			}
			names[r.Account] = name
		}
		r.AccountName = names[r.Account]
	}
	return nil
}

// Count counts a list's outstanding reservations, up to a bound, so that it stays
// cheap.
func (s *Store) Count(ctx context.Context, actor tel.Actor, q ListQuery, most int) (n int, err error) {
	where, err := s.listScope(actor, q)
	if err != nil {
		return 0, err
	}
	at := where.arg(micros(s.Now()))
	parts := append([]string{`r.ended_at IS NULL AND r.expires_at > ` + at}, where.parts...)
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM reservation r WHERE `+strings.Join(parts, ` AND `)+` LIMIT `+strconv.Itoa(most)+`) AS counted`, where.args...).Scan(&n)
	return n, err
}

// Each walks all reservations of a list, page by page, for an export. It holds no
// transaction open and stops at the first error of fn.
func (s *Store) Each(ctx context.Context, actor tel.Actor, q ListQuery, fn func(*tel.Reservation) error) error {
	q.Limit = 500
	for {
		page, err := s.List(ctx, actor, q)
		if err != nil {
			return err
		}
		for _, r := range page.Rows {
			if r.TNCount > 1 {
				if err := s.fillTNs(r, s.reader(ctx)); err != nil {
					return err
				}
			}
			if err := fn(r); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}
