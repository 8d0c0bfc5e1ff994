package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// AuditQuery asks for a page of the audit trail.
type AuditQuery struct {
	Account  tel.AccountID // 0: all that the actor sees
	From, To time.Time     // in [From, To); zero is open
	Kind     string        // "reservation" for all kinds of that family, "reservation.created" for one, "" for all
	Actor    string        // the name of who did it, in any case; "" anybody
	About    string        // a TN, or the id of a reservation, an order, a person or a client; "" anything
	Cursor   string        // Audit's Next of the page before
	Limit    int           // 1 to 1000
}

// AuditEntry is an event with the names of what it is about.
type AuditEntry struct {
	*tel.Event
	AccountName   string
	ReservationID string
	OrderID       string
}

// Audited is a page of the audit trail, the latest first. A page that is filtered looks
// through so many events and no more: Next may lead on from a page that has fewer rows
// than were asked for, and Reached then tells how far it looked.
type Audited struct {
	Rows    []AuditEntry
	Next    string
	Reached time.Time
}

// mostLooked is how many events one filtered page looks through.
const mostLooked = 20_000

// Families are the families of event kinds: what stands before the dot.
func Families() []string {
	return []string{"reservation", "purchase", "order", "tn", "account", "person", "client", "webhook", "site", "sippeer", "subscription", "inventory", "desk", "database"}
}

// Audit reads a page of the audit trail by keyset. Admins read their account's,
// operators all. Support reads what it may look up: the history of one TN, reservation
// or order in its scope, so that About must name one; CodeInvalid when it does not.
func (s *Store) Audit(ctx context.Context, actor tel.Actor, q AuditQuery) (Audited, error) {
	a := audit{store: s, ctx: ctx, q: q}
	if err := a.scope(actor); err != nil {
		return Audited{}, err
	}
	if err := a.bounds(); err != nil {
		return Audited{}, err
	}
	if err := a.narrow(); err != nil {
		return Audited{}, err
	}
	out, err := a.page()
	if err != nil || actor.Role != tel.RoleSupport {
		return out, err
	}
	accounts := map[tel.AccountID]bool{}
	for _, e := range out.Rows {
		accounts[e.Account] = true
	}
	return out, s.noteLooks(ctx, actor, looksOf(accounts, func(tel.AccountID) look { return look{asked: "history", subject: q.About} }))
}

// EachAudit walks a filtered audit trail, page by page, for an export. It holds no
// transaction open and stops at the first error of fn. CodeForbidden for support, which
// exports nothing.
func (s *Store) EachAudit(ctx context.Context, actor tel.Actor, q AuditQuery, fn func(AuditEntry) error) error {
	if actor.Role == tel.RoleSupport {
		return tel.Forbidden(tel.ActReadEvents)
	}
	q.Limit = 1000
	for {
		page, err := s.Audit(ctx, actor, q)
		if err != nil {
			return err
		}
		for _, e := range page.Rows {
			if err := fn(e); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// audit is the reading of one page.
type audit struct {
	store *Store
	ctx   context.Context
	q     AuditQuery
	condition
	account       tel.AccountID // 0: all
	other         bool          // only what is about neither a reservation nor an order
	first, before int64         // events in [first, before)
	filtered      bool          // rows are left out on the way
	sources       []string      // how to find the rows, where not by going through all
}

// scope narrows to what the actor may read: in the WHERE, like every list.
func (a *audit) scope(actor tel.Actor) error {
	a.account = a.q.Account
	if a.account == 0 && actor.Role != tel.RoleOperator {
		a.account = actor.Account
	}
	if err := actor.Require(tel.ActReadEvents, a.account); err != nil {
		return err
	}
	if actor.Role != tel.RoleSupport {
		return nil
	}
	if strings.TrimSpace(a.q.About) == "" {
		return tel.Invalid("about", "Name a number, a reservation or an order: your role reads the history of one at a time.")
	}
	a.parts = append(a.parts, `(e.reservation <> 0 OR e.order_seq <> 0 OR e.kind IN ('tn.disabled', 'tn.enabled', 'tn.aged'))`)
	return nil
}

// bounds finds the events of the time asked for: time never runs back in the table, so
// that its number finds them without an index on time.
func (a *audit) bounds() (err error) {
	a.q.Limit = min(max(a.q.Limit, 1), 1000)
	if a.first, err = a.store.firstSince(a.ctx, `event`, `at`, a.q.From); err != nil {
		return err
	}
	a.before = 1<<62 - 1
	if !a.q.To.IsZero() {
		if a.before, err = a.store.firstSince(a.ctx, `event`, `at`, a.q.To); err != nil {
			return err
		}
	}
	after, err := parseCursor(a.q.Cursor)
	if after != nil {
		a.before = min(a.before, after.seq)
	}
	return err
}

// firstSince is the number of the first row of a table that is not before a time: one
// more than the last when there is none. Numbers and times rise together.
func (s *Store) firstSince(ctx context.Context, table, column string, at time.Time) (int64, error) {
	if at.IsZero() {
		return 0, nil
	}
	var low, high int64 // the answer is in (low, high]
	if err := s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) + 1 FROM `+table).Scan(&high); err != nil {
		return 0, err
	}
	for low+1 < high {
		middle := low + (high-low)/2
		var next int64
		var is micros
		err := s.read.QueryRowContext(ctx, `SELECT seq, `+column+` FROM `+table+` WHERE seq >= $1 ORDER BY seq LIMIT 1`, middle).Scan(&next, &is)
		switch {
		case err != nil:
			return 0, err
		case time.Time(is).Before(at):
			low = min(next, high-1)
		default:
			high = middle
		}
	}
	return high, nil
}

func (a *audit) narrow() error {
	if err := a.kind(); err != nil {
		return err
	}
	name, err := tel.CleanText("actor", a.q.Actor, tel.MaxName)
	if err != nil {
		return err
	}
	if name != "" {
		a.filtered = true
		a.add(`LOWER(e.actor_name) = LOWER(%s)`, name)
	}
	return a.about(strings.TrimSpace(a.q.About))
}

// kind narrows to a kind or a family of kinds. Those about neither a reservation nor an
// order are few among many, and have an index of their own.
func (a *audit) kind() error {
	if a.q.Kind == "" {
		return nil
	}
	family, one, whole := strings.Cut(a.q.Kind, ".")
	if !slices.Contains(Families(), family) || whole && one == "" || len(a.q.Kind) > 50 {
		return tel.Invalid("kind", "%q is not a kind of event.", a.q.Kind)
	}
	a.filtered = true
	if whole {
		a.add(`e.kind = %s`, a.q.Kind)
	} else {
		a.add(`e.kind >= %s AND e.kind < %s`, family+".", family+"/")
	}
	switch family {
	case "account", "person", "client", "webhook", "site", "sippeer", "subscription", "inventory", "desk", "database":
		a.other = true
	}
	return nil
}

const aboutOther = `e.reservation = 0 AND e.order_seq = 0`

// about narrows to one thing. Its events are found by the reservations and orders that
// it was in; events that name other TNs of theirs are left out.
func (a *audit) about(thing string) error {
	if thing == "" {
		return nil
	}
	if id, err := CanonicalID(thing); err == nil {
		a.sources = []string{
			`e.reservation <> 0 AND e.reservation = (SELECT seq FROM reservation WHERE id = ` + a.arg(id) + `)`,
			`e.order_seq <> 0 AND e.order_seq = (SELECT seq FROM orders WHERE id = ` + a.arg(id) + `)`,
			aboutOther + ` AND e.facts LIKE ` + a.arg(`%"subject":"`+id+`"%`),
		}
		return nil
	}
	tn, err := tel.ParseNumber(thing)
	if err != nil || hasLetter(strings.TrimPrefix(strings.ToLower(thing), "tel:")) {
		return tel.Invalid("about", "This is neither a number nor an id.")
	}
	n, names := a.arg(int64(tn)), a.arg(`%`+strconv.FormatInt(int64(tn), 10)+`%`)
	a.parts = append(a.parts, `(e.facts NOT LIKE '%"tns":%' OR e.facts LIKE `+names+`)`)
	a.sources = []string{
		`e.reservation <> 0 AND e.reservation IN (SELECT reservation FROM hold WHERE tn = ` + n + ` UNION SELECT reservation FROM past_hold WHERE tn = ` + n + `)`,
		`e.reservation = 0 AND e.order_seq <> 0 AND e.order_seq IN (SELECT order_seq FROM order_tn WHERE tn = ` + n + `)`,
		aboutOther + ` AND e.facts LIKE ` + names,
	}
	return nil
}

const auditColumns = `e.seq, e.at, e.kind, e.account_id, e.reservation, e.actor_kind, e.actor_id, e.actor_name, e.actor_role, e.door, e.addr, e.facts, e.hash, e.order_seq`

// page reads the rows and what they are about.
func (a *audit) page() (Audited, error) {
	floor, err := a.floor()
	if err != nil {
		return Audited{}, err
	}
	list, err := a.rows(floor)
	if err != nil {
		return Audited{}, err
	}
	var out Audited
	switch {
	case len(list) > a.q.Limit:
		list = list[:a.q.Limit]
		out.Next = cursor(0, list[a.q.Limit-1].Seq)
	case floor > a.first:
		out.Next = cursor(0, floor)
		err = a.store.read.QueryRowContext(a.ctx, `SELECT at FROM event WHERE seq = $1`, floor).Scan((*micros)(&out.Reached))
	}
	out.Rows = list
	return out, err
}

// floor is how far back this page looks: nothing bounds what is found by what it is
// about, or not filtered.
func (a *audit) floor() (floor int64, err error) {
	if a.sources != nil || !a.filtered {
		return a.first, nil
	}
	var c condition
	a.where(&c, a.first)
	var n int
	err = a.store.read.QueryRowContext(a.ctx, `SELECT COALESCE(MIN(seq), 0), COUNT(*) FROM (SELECT e.seq FROM event e`+c.where()+` ORDER BY e.seq DESC LIMIT `+strconv.Itoa(mostLooked)+`) AS looked`, c.args...).Scan(&floor, &n)
	if n < mostLooked {
		floor = a.first
	}
	return floor, err
}

// where is what an index answers: the account, or what is about something else, and the
// numbers. What is added to a column keeps the database from another index than the one
// that the rows are found by.
func (a *audit) where(c *condition, floor int64) {
	switch {
	case a.account != 0 && (a.sources != nil || a.other):
		c.add(`e.account_id + 0 = %s`, int64(a.account))
	case a.account != 0:
		c.add(`e.account_id = %s`, int64(a.account))
	}
	if a.other {
		c.parts = append(c.parts, aboutOther)
	}
	c.add(`e.seq >= %s AND e.seq < %s`, floor, a.before)
}

// rows reads one row more than asked for, which tells that there is a next page.
func (a *audit) rows(floor int64) ([]AuditEntry, error) {
	a.where(&a.condition, floor)
	sources := a.sources
	if sources == nil {
		sources = []string{`1 = 1`}
	}
	limit := ` ORDER BY seq DESC LIMIT ` + strconv.Itoa(a.q.Limit+1)
	parts := make([]string, len(sources))
	for i, source := range sources {
		parts[i] = `SELECT * FROM (SELECT ` + eventColumns + ` FROM event e WHERE ` + source + ` AND ` + strings.Join(a.parts, ` AND `) + limit + `) AS s` + strconv.Itoa(i)
	}
	rows, err := a.store.read.QueryContext(a.ctx, `SELECT `+auditColumns+`, COALESCE(c.name, ''), COALESCE(r.id, ''), COALESCE(o.id, '') FROM (`+strings.Join(parts, ` UNION ALL `)+`) AS e
		LEFT JOIN account c ON c.id = e.account_id LEFT JOIN reservation r ON r.seq = e.reservation LEFT JOIN orders o ON o.seq = e.order_seq ORDER BY e.seq DESC LIMIT `+strconv.Itoa(a.q.Limit+1), a.args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (AuditEntry, error) {
		var entry AuditEntry
		e, _, err := scanEventFacts(withMore{row, []any{&entry.AccountName, &entry.ReservationID, &entry.OrderID}})
		entry.Event = e
		return entry, err
	})
}

// withMore scans further columns behind those of what is scanned.
type withMore struct {
	scanner
	more []any
}

func (w withMore) Scan(dest ...any) error { return w.scanner.Scan(append(dest, w.more...)...) }
