package web

import (
	"cmp"
	"net/http"
	"slices"
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
	if page.More = len(rows) > mostSummary; page.More { // the largest are shown
		slices.SortStableFunc(rows, func(a, b shelf.Row) int { return cmp.Compare(b.TNs, a.TNs) })
	}
	for i, r := range rows {
		page.Sum.Blocks += r.Blocks
		page.Sum.Total += int(r.TNs)
		page.Sum.Free += int(r.Free)
		if i < mostSummary {
			page.Rows = append(page.Rows, views.InventoryRow{Key: r.Name, State: r.State, Blocks: r.Blocks, Total: int(r.TNs), Free: int(r.Free)})
		}
	}
	if page.Sum.Reserved, err = v.heldInAll(page.Within, page.Sum.Total-page.Sum.Free); err != nil {
		return err
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

// heldInAll is how many TNs all accounts hold, -1 for a part of the inventory: the
// shelf knows what is free, not why the rest is not.
func (v *visit) heldInAll(within string, taken int) (int, error) {
	if within != "" {
		return -1, nil
	}
	accounts, err := v.store.Accounts(v.r.Context(), v.actor)
	n := 0
	for _, a := range accounts {
		n += a.Held
	}
	return min(n, taken), err
}
