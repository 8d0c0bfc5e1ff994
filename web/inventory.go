package web

import (
	"net/http"
	"strconv"

	"tnreserve/store/shelf"
	"tnreserve/store/tel"
	"tnreserve/views"
)

const mostSummary = 500

// inventory counts what there is: by state, area code or rate center, and one step
// into a state or an area code.
func (v *visit) inventory() error {
	page := views.Inventory{By: views.ByState, Within: v.query("within")}
	dim := shelf.ByState
	switch views.InventoryBy(v.query("by")) {
	case views.ByNPA:
		page.By, dim = views.ByNPA, shelf.ByNPA
	case views.ByRateCenter:
		page.By, dim = views.ByRateCenter, shelf.ByRateCenter
	}
	within := tel.NewQuery()
	if npa, err := strconv.Atoi(page.Within); err == nil {
		within.NPAs = []int{npa}
	} else {
		within.State = page.Within
	}
	if err := within.Check(); err != nil {
		return err
	}
	rows, err := v.store.Summary(v.actor, dim, within)
	if err != nil {
		return err
	}
	for i, r := range rows {
		page.Sum.Blocks += r.Blocks
		page.Sum.Total += int(r.TNs)
		page.Sum.Free += int(r.Free)
		if i >= mostSummary {
			page.More = true
			continue
		}
		page.Rows = append(page.Rows, views.InventoryRow{Key: r.Name, State: r.State, Blocks: r.Blocks, Total: int(r.TNs), Free: int(r.Free)})
	}
	if len(within.NPAs) > 0 {
		states, err := v.store.Summary(v.actor, shelf.ByState, within)
		if err != nil {
			return err
		}
		if len(states) == 1 {
			page.State = states[0].Name
		}
	}
	return v.render(http.StatusOK, views.InventoryPage(v.shell(), page))
}
