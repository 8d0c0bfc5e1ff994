package bandwidth

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type links struct {
	First string `xml:"first"`
	Next  string `xml:"next,omitempty"`
}

type orderRow struct {
	CountOfTNs       int
	UserID           string `xml:"userId"`
	LastModifiedDate string `xml:"lastModifiedDate"`
	OrderType        string
	OrderDate        string
	OrderID          string `xml:"orderId"`
	OrderStatus      string
	CustomerOrderID  string `xml:"CustomerOrderId,omitempty"`
}

type ordersResponse struct {
	XMLName xml.Name `xml:"ResponseSelectWrapper"`
	List    struct {
		TotalCount        int
		Links             links
		OrderIDUserIDDate []orderRow `xml:"OrderIdUserIdDate"`
	} `xml:"ListOrderIdUserIdDate"`
}

// mostCounted bounds TotalCount, so that a list stays cheap.
const mostCounted = 1_000_000

func (c *call) listOrders() error {
	q, typeName, err := c.orderQuery()
	if err != nil {
		return err
	}
	page, err := c.store.Orders(c.r.Context(), c.actor, q)
	if err != nil {
		return badPage(err)
	}
	var out ordersResponse
	if out.List.TotalCount, err = c.store.CountOrders(c.r.Context(), c.actor, q, mostCounted); err != nil {
		return err
	}
	out.List.Links = c.links(page.Next)
	for _, o := range page.Rows {
		out.List.OrderIDUserIDDate = append(out.List.OrderIDUserIDDate, orderRow{
			CountOfTNs: o.CompletedCount, UserID: o.CreatedBy.Name, LastModifiedDate: when(o.ChangedAt), OrderType: typeName,
			OrderDate: when(o.CreatedAt), OrderID: o.ID, OrderStatus: string(o.State), CustomerOrderID: o.CustomerOrderID,
		})
	}
	return c.answer(200, out)
}

func badPage(err error) error {
	if e, ok := errors.AsType[*tel.Error](err); ok && e.Code == tel.CodeInvalid && e.Field == "cursor" {
		return bad(codeRange, "page is out of range: 1, or what a next link says")
	}
	return err
}

func (c *call) orderQuery() (q store.OrderQuery, typeName string, err error) {
	q = store.OrderQuery{Account: c.account, CustomerOrderID: c.query("customerOrderId"), Kinds: []tel.OrderKind{tel.OrderKindExisting, tel.OrderKindSearch}}
	typeName = "new_number"
	if c.collection() == "/disconnects/" {
		q.Kinds, typeName = []tel.OrderKind{tel.OrderKindDisconnect}, "disconnect"
	}
	if q.Limit, err = c.size(300, 1000); err != nil {
		return q, "", err
	}
	if page := c.query("page"); page != "1" {
		q.Cursor = page
	}
	if text := c.query("status"); text != "" {
		state, err := tel.ParseOrderState(text)
		if err != nil {
			return q, "", bad(codeRange, "status is out of range")
		}
		q.States = []tel.OrderState{state}
	}
	var fromOK, toOK bool
	q.From, fromOK = parseDay(c.query("startdate"), false)
	q.To, toOK = parseDay(c.query("enddate"), true)
	if !fromOK || !toOK {
		return q, "", bad(codeRange, "startdate and enddate are like 2026-11-21")
	}
	return q, typeName, nil
}

// parseDay reads a day or an instant; the end of a range takes in its whole day.
func parseDay(s string, end bool) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		if end {
			t = t.AddDate(0, 0, 1)
		}
		return t, t.Year() >= 1970 && t.Year() < 2200
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil && t.Year() >= 1970 && t.Year() < 2200
}

// size reads how many rows a page has; more than most are most.
func (c *call) size(fallback, most int) (int, error) {
	text := c.query("size")
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, bad(codeRange, "size is out of range: 1 to %d", most)
	}
	return min(n, most), nil
}

// links are a page's: to the first, and to the next where there is one.
func (c *call) links(next string) links {
	l := links{First: c.link("1", "first")}
	if next != "" {
		l.Next = c.link(next, "next")
	}
	return l
}

func (c *call) link(page, rel string) string {
	q := c.r.URL.Query()
	for k := range q {
		if strings.EqualFold(k, "page") {
			q.Del(k)
		}
	}
	q.Set("page", page)
	_, path, _ := splitPrefix(c.r.URL.EscapedPath())
	return fmt.Sprintf(`Link=<%s>;rel="%s";`, c.here("/"+strings.Join(path, "/")+"?"+q.Encode()), rel)
}
