package bandwidth

import (
	"encoding/xml"
	"fmt"

	"tnreserve/store/tel"
)

type historyStep struct {
	OrderDate string
	Note      string
	Author    string
	Status    string
}

type historyResponse struct {
	XMLName xml.Name      `xml:"OrderHistoryWrapper"`
	Steps   []historyStep `xml:"OrderHistory"`
}

// historyWords are the steps of an order that the wire has words for.
var historyWords = map[tel.EventKind]struct {
	state tel.OrderState
	note  string
}{
	tel.EventOrderPlaced:    {tel.OrderReceived, "Order received"},
	tel.EventOrderCompleted: {tel.OrderComplete, "Order complete"},
	tel.EventOrderPartial:   {tel.OrderPartial, "Order complete in part"},
	tel.EventOrderFailed:    {tel.OrderFailed, "Order failed"},
	tel.EventOrderWaits:     {tel.OrderBackordered, "Order backordered - awaiting additional numbers"},
}

func (c *call) orderHistory() error {
	o, err := c.orderHead()
	if err != nil {
		return err
	}
	events, err := c.store.OrderHistory(c.r.Context(), o)
	if err != nil {
		return err
	}
	var out historyResponse
	for _, e := range events {
		if w, ok := historyWords[e.Kind]; ok {
			out.Steps = append(out.Steps, historyStep{when(e.At), w.note, e.Actor.Name, string(w.state)})
		}
	}
	return c.answer(200, out)
}

type wireNote struct {
	ID          string `xml:"Id"`
	UserID      string `xml:"UserId"`
	Description string
	Date        string `xml:"LastDateModifier"`
}

type notesResponse struct {
	XMLName xml.Name `xml:"Notes"`
	Note    []wireNote
}

func (c *call) orderNotes() error {
	o, err := c.orderHead()
	if err != nil {
		return err
	}
	list, err := c.store.OrderNotes(c.r.Context(), o)
	if err != nil {
		return err
	}
	var out notesResponse
	for _, n := range list {
		out.Note = append(out.Note, wireNote{n.ID, n.By.Name, n.Text, when(n.At)})
	}
	return c.answer(200, out)
}

// addOrderNote notes what the client says; who it is, the credential says and not the
// note's UserId.
func (c *call) addOrderNote() error {
	if _, err := c.orderHead(); err != nil {
		return err
	}
	body, err := c.body("Note")
	if err != nil {
		return err
	}
	if body.value("Description") == "" {
		return bad(codeRequired, "Description is required")
	}
	n, err := c.store.AddOrderNote(c.r.Context(), c.actor, c.args[0], body.value("Description"), c.r.Header.Get("Idempotency-Key"))
	if err != nil {
		return invalidOrder(err)
	}
	return c.created(c.own(c.collection() + c.args[0] + "/notes/" + n.ID))
}

type tnsResponse struct {
	XMLName         xml.Name `xml:"TelephoneNumbers"`
	Count           int
	TelephoneNumber []string
}

func (c *call) orderTNs() error {
	o, err := c.orderHere()
	if err != nil {
		return err
	}
	return c.answer(200, tnsResponse{Count: len(o.Completed), TelephoneNumber: c.tns(tnsOf(o.Completed))})
}

type report struct {
	AreaCode string `xml:",omitempty"`
	NPANXX   string `xml:"NPA-NXX,omitempty"`
	Count    int
}

type reportsResponse struct {
	XMLName xml.Name `xml:"TelephoneDetailsReports"`
	Reports []report `xml:"TelephoneDetailsReport"`
}

func (c *call) orderAreaCodes() error {
	return c.orderReport(func(tn tel.Number) report { return report{AreaCode: fmt.Sprintf("%03d", tn.NPA())} })
}

func (c *call) orderNpaNxx() error {
	return c.orderReport(func(tn tel.Number) report { return report{NPANXX: fmt.Sprintf("%03d%03d", tn.NPA(), tn.NXX())} })
}

func (c *call) orderTotals() error {
	return c.orderReport(func(tel.Number) report { return report{} })
}

// orderReport counts an order's TNs by what they share. They come sorted.
func (c *call) orderReport(of func(tel.Number) report) error {
	o, err := c.orderHere()
	if err != nil {
		return err
	}
	var out reportsResponse
	for _, t := range o.Completed {
		r := of(t.TN)
		if last := len(out.Reports) - 1; last >= 0 && out.Reports[last].AreaCode == r.AreaCode && out.Reports[last].NPANXX == r.NPANXX {
			out.Reports[last].Count++
			continue
		}
		r.Count = 1
		out.Reports = append(out.Reports, r)
	}
	return c.answer(200, out)
}
