package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// TNInService is a TN that an account has in service or had until it began to age.
type TNInService struct {
	TN             tel.Number
	State          tel.TNState
	Account        tel.AccountID
	AccountName    string
	Since          time.Time // in this state
	Until          time.Time // when aging ends
	Place          tel.Place
	Offer          tel.Offer
	OrderID        string // that put it into service
	OrderCreatedAt time.Time
	OrderName      string
	SiteID         string
	PeerID         string
}

// TNQuery asks for a page of an account's TNs. Make it with NewTNQuery.
type TNQuery struct {
	Account    tel.AccountID // 0: all that the actor sees
	Status     tel.TNState   // in service or aging; "" is both
	NPA        int           // 0 any
	NXX        int           // only with NPA; 0 any
	X          int           // only with NXX; -1 any
	State      string        // two letters
	City       string        // whole name, case-insensitive
	RateCenter string        // whole name, case-insensitive
	LATA       string
	From       tel.Number // the first TN of the page; 0 is the first of all
	Limit      int        // 1 to 2500
}

// NewTNQuery asks for everything that an account has in service.
func NewTNQuery(account tel.AccountID) TNQuery {
	return TNQuery{Account: account, Status: tel.TNInService, X: -1, Limit: 50}
}

// ListedTNs is a page of TNs, in their order.
type ListedTNs struct {
	Rows []*TNInService
	Next tel.Number // From of the next page, 0 at the end
}

const serviceSQL = `SELECT s.tn, s.state, COALESCE(s.account_id, 0), COALESCE(a.name, ''), s.since, s.until, COALESCE(o.id, ''), o.created_at, COALESCE(o.name, ''), COALESCE(o.site_id, ''), COALESCE(o.peer_id, '')
	FROM tn_state s LEFT JOIN account a ON a.id = s.account_id LEFT JOIN orders o ON o.seq = s.order_seq`

func scanService(row scanner) (*TNInService, error) {
	var n TNInService
	return &n, row.Scan(&n.TN, (*string)(&n.State), &n.Account, &n.AccountName, (*micros)(&n.Since), (*micros)(&n.Until), &n.OrderID, (*micros)(&n.OrderCreatedAt), &n.OrderName, &n.SiteID, &n.PeerID)
}

// TNsInService reads a page of what an account has in service, or ages, by keyset.
func (s *Store) TNsInService(ctx context.Context, actor tel.Actor, q TNQuery) (ListedTNs, error) {
	where, err := s.serviceScope(actor, q)
	if err != nil {
		return ListedTNs{}, err
	}
	if q.From != 0 {
		where.add(`s.tn >= %s`, int64(q.From))
	}
	q.Limit = min(max(q.Limit, 1), 2500)
	rows, err := s.read.QueryContext(ctx, serviceSQL+where.where()+` ORDER BY s.tn LIMIT `+strconv.Itoa(q.Limit+1), where.args...)
	if err != nil {
		return ListedTNs{}, err
	}
	list, err := collect(rows, scanService)
	if err != nil {
		return ListedTNs{}, err
	}
	out := ListedTNs{Rows: list}
	if len(list) > q.Limit {
		out.Rows, out.Next = list[:q.Limit], list[q.Limit].TN
	}
	for _, n := range out.Rows {
		n.Place, n.Offer, _ = s.shelf.Has(n.TN)
	}
	return out, nil
}

// CountTNs counts a list's TNs, From and Limit apart.
func (s *Store) CountTNs(ctx context.Context, actor tel.Actor, q TNQuery) (n int, err error) {
	where, err := s.serviceScope(actor, q)
	if err != nil {
		return 0, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM tn_state s`+where.where(), where.args...).Scan(&n)
	return n, err
}

func (c *condition) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return ` WHERE ` + strings.Join(c.parts, ` AND `)
}

// serviceScope narrows to what the actor may see and asks for.
func (s *Store) serviceScope(actor tel.Actor, q TNQuery) (*condition, error) {
	var c condition
	account := q.Account
	if account == 0 && actor.Role != tel.RoleOperator {
		account = actor.Account
	}
	if err := actor.Require(tel.ActListOrders, account); err != nil {
		return nil, err
	}
	c.add(`s.account_id IS NOT NULL`)
	if account != 0 {
		c.add(`s.account_id = %s`, int64(account))
	}
	switch q.Status {
	case "":
		c.add(`s.state IN ('in service', 'aging')`)
	case tel.TNInService, tel.TNAging:
		c.add(`s.state = %s`, string(q.Status))
	default:
		return nil, tel.Invalid("status", "Numbers in service or aging can be listed.")
	}
	c.add(`(s.until IS NULL OR s.until > %s)`, micros(s.Now()))
	if err := c.digits(q); err != nil {
		return nil, err
	}
	c.place(q)
	return &c, nil
}

// digits narrows to an area code, exchange or thousands-block.
func (c *condition) digits(q TNQuery) error {
	if q.NPA == 0 {
		if q.NXX != 0 {
			return tel.Invalid("nxx", "An exchange needs its area code.")
		}
		return nil
	}
	if err := tel.CheckNPA(q.NPA); err != nil {
		return err
	}
	from, n := tel.NewNumber(q.NPA, 0, 0), tel.Number(10_000_000)
	if q.NXX != 0 {
		if err := tel.CheckExchange(q.NPA, q.NXX); err != nil {
			return err
		}
		from, n = tel.NewNumber(q.NPA, q.NXX, 0), 10_000
		if q.X > 9 {
			return tel.Invalid("x", "A thousands-block is one digit.")
		}
		if q.X >= 0 {
			from, n = from+tel.Number(1000*q.X), 1000
		}
	}
	c.add(`s.tn BETWEEN %s AND %s`, int64(from), int64(from+n-1))
	return nil
}

// place narrows to where the TNs' blocks are.
func (c *condition) place(q TNQuery) {
	var p condition
	p.args = c.args
	for _, f := range []struct{ column, value string }{{"p.state", q.State}, {"p.city", q.City}, {"p.rate_center", q.RateCenter}, {"p.lata", q.LATA}} {
		if f.value != "" {
			p.add(`LOWER(`+f.column+`) = LOWER(%s)`, strings.TrimSpace(f.value))
		}
	}
	if c.args = p.args; len(p.parts) > 0 {
		c.parts = append(c.parts, `EXISTS (SELECT 1 FROM block b JOIN place p ON p.id = b.place_id WHERE b.id = s.tn / 1000 AND `+strings.Join(p.parts, ` AND `)+`)`)
	}
}
