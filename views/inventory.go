package views

import (
	"context"
	"math"
	"net/url"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// InventoryBy is what a page of the inventory counts by.
type InventoryBy string

// The ways to count.
const (
	ByState      InventoryBy = "state"
	ByNPA        InventoryBy = "npa"
	ByRateCenter InventoryBy = "rc"
)

// Inventory is a page of counts: states, area codes or rate centers, all of them or
// those within a state ("NC") or an area code ("919").
type Inventory struct {
	By     InventoryBy
	Within string
	State  string // with an area code as Within: the state it is in, for the way back
	Rows   []InventoryRow
	Sum    InventorySum // of the rows
	More   bool         // there are more rows than a page shows
}

// InventorySum is how much there is.
type InventorySum struct {
	Blocks   int // thousands-blocks
	Total    int // TNs
	Free     int
	Reserved int // -1: not counted here
}

// Other is what is neither free nor reserved: in service, aging or disabled.
func (s InventorySum) Other() int { return s.Total - s.Free - s.Reserved }

// InventoryRow is one state, area code or rate center.
type InventoryRow struct {
	Key    string // "NC", "919", "RALEIGH"
	State  string // for an area code or a rate center
	Blocks int
	Total  int
	Free   int
}

func inventoryAddr(by InventoryBy, within string) string {
	q := url.Values{"by": {string(by)}}
	if within != "" {
		q.Set("within", within)
	}
	return "/inventory?" + q.Encode()
}

// into is where a row leads: one step down, and from a rate center into search.
func (v Inventory) into(r InventoryRow) string {
	switch v.By {
	case ByState:
		return inventoryAddr(ByNPA, r.Key)
	case ByNPA:
		return inventoryAddr(ByRateCenter, r.Key)
	}
	q := url.Values{"rc": {r.Key}}
	if r.State != "" {
		q.Set("state", r.State)
	}
	return "/search?" + q.Encode()
}

// noun is what the rows are, for one and for many.
func (by InventoryBy) noun(ctx context.Context, n int) string {
	switch by {
	case ByState:
		return texts.T(ctx, "%d states", n)
	case ByNPA:
		return texts.T(ctx, "%d area codes", n)
	}
	return texts.T(ctx, "%d rate centers", n)
}

func (by InventoryBy) heading(ctx context.Context) string {
	switch by {
	case ByState:
		return texts.T(ctx, "State")
	case ByNPA:
		return texts.T(ctx, "Area code")
	}
	return texts.T(ctx, "Rate center")
}

// none names the blocks that have no such thing: toll-free ones are nowhere.
func (by InventoryBy) none(ctx context.Context) string {
	switch by {
	case ByState:
		return texts.T(ctx, "No state")
	case ByNPA:
		return texts.T(ctx, "No area code")
	}
	return texts.T(ctx, "No rate center")
}

// percent is a share in words: "25 %", and never "0 %" or "100 %" for what is not.
func percent(ctx context.Context, part, whole int) string {
	if whole == 0 {
		return "–"
	}
	switch p := float64(part) * 100 / float64(whole); {
	case part > 0 && p < 1:
		return texts.T(ctx, "under 1 %%")
	case part < whole && p > 99:
		return texts.T(ctx, "over 99 %%")
	default:
		return texts.T(ctx, "%d %%", int(math.RoundToEven(p)))
	}
}

// ImportForm is the upload page.
type ImportForm struct {
	Strict     bool // one bad row refuses the file
	Fictional  bool // 555-0100 to 555-0199 are allowed
	MaxBytes   int64
	Errors     map[string]string // field: file
	Unfinished []Import          // of the reader's: previews that wait for an answer, imports under way
}

// Import is one file on its way into the inventory.
type Import struct {
	ID      string
	Name    string // of the file
	Bytes   int64
	State   tel.UploadState
	Blocked bool // it cannot be confirmed

	Rows     int // data rows read
	Accepted int
	Refused  int
	Blocks   int // thousands-blocks that the accepted rows are in
	Added    int // blocks that are new
	Changed  int // blocks that differ from what is there
	TNs      int
	Notices  []tel.Sentence // columns passed over and the like
	Bad      []ImportLine   // the first of the refused rows

	Done int // of Blocks, while it runs or when it was cut off
}

// Same is how many blocks the inventory has already, just so.
func (v Import) Same() int { return v.Blocks - v.Added - v.Changed }

// ImportLine is a refused row.
type ImportLine struct {
	Line   int
	Text   string // the row, shortened
	Reason tel.Sentence
}

func importPath(id, rest string) string { return "/inventory/import/" + url.PathEscape(id) + rest }

// bytesText is a size for people: "12.4 MB".
func bytesText(ctx context.Context, n int64) string {
	switch {
	case n >= 1_000_000:
		return texts.T(ctx, "%v MB", math.Round(float64(n)/1e5)/10)
	case n >= 1000:
		return texts.T(ctx, "%v kB", math.Round(float64(n)/1e2)/10)
	}
	return texts.T(ctx, "%d bytes", n)
}

// title names what is counted: "Inventory", "Inventory of NC", "Inventory of area
// code 919".
func (v Inventory) title(ctx context.Context) string {
	switch {
	case v.Within == "":
		return texts.T(ctx, "Inventory")
	case v.By == ByRateCenter && len(v.Within) == 3:
		return texts.T(ctx, "Inventory of area code %s", v.Within)
	}
	return texts.T(ctx, "Inventory of %s", v.Within)
}

// up is the crumb: one step out.
func (v Inventory) up(ctx context.Context) (label, href string) {
	if v.State != "" && v.State != v.Within {
		return v.State, inventoryAddr(ByNPA, v.State)
	}
	return texts.T(ctx, "Inventory"), "/inventory"
}

// about is the second line of a row: the state, where the page does not say it already.
func (r InventoryRow) about(v Inventory) string {
	if r.State == v.Within || r.State == v.State {
		return ""
	}
	return r.State
}

// id tells rows apart: rate centers of one name stand in several states.
func (r InventoryRow) id() string { return url.PathEscape(r.State + "-" + r.Key) }

// share is a part in whole percent, for a bar: at least 1 for what is not nothing.
func share(part, whole int) int {
	if part <= 0 || whole <= 0 {
		return 0
	}
	return min(max(int(float64(part)*100/float64(whole)), 1), 100)
}

// waits is why a file is among the unfinished ones.
func (v Import) waits(ctx context.Context) string {
	switch v.State {
	case tel.UploadRunning:
		return texts.T(ctx, "This file is being imported.")
	case tel.UploadFailed:
		return texts.T(ctx, "This import was cut off, and can be run again.")
	}
	return texts.T(ctx, "This file is read and waits for you to confirm or discard it.")
}

// importExamples show the three ways to say what is numbered.
var importExamples = []string{
	`npa,nxx,x,city,state,rate_center,lata
919,233,,Raleigh,NC,RALEIGH,426
919,424,7,Durham,NC,DURHAM,426`,
	`tn,city,state,features,tier,monthly_cost
(984) 242-4242,Cary,NC,"sms,voice",premium,15.00`,
	`start,end,city,state
919-833-1000,919-833-1499,Raleigh,NC`,
}

func (v Import) title(ctx context.Context) string {
	if v.Name == "" {
		return texts.T(ctx, "Import|noun")
	}
	return texts.T(ctx, "Import of %s", v.Name)
}

func (v Import) lede(ctx context.Context) string {
	switch v.State {
	case tel.UploadPreview:
		return texts.T(ctx, "A preview. Nothing is written yet.")
	case tel.UploadRunning:
		return texts.T(ctx, "The inventory is being written.")
	}
	return texts.T(ctx, "%d rows, %s.", v.Rows, bytesText(ctx, v.Bytes))
}

// progress is how far it is, in words.
func (v Import) progress(ctx context.Context) string {
	return texts.T(ctx, "%[2]d of %[1]d blocks written", v.Blocks, v.Done)
}

// live makes the page follow the import while it has far to go.
func (v Import) live() templ.Attributes {
	if v.State != tel.UploadRunning {
		return nil
	}
	follow := liveRegion(importPath(v.ID, ""), "#main", "import", "again")
	follow["data-again"] = true // its end is no event
	return follow
}

func (v Import) question(ctx context.Context) string {
	switch {
	case v.Accepted == 0:
		return texts.T(ctx, "No row of this file can be imported")
	case v.Blocked:
		return texts.T(ctx, "This file cannot be imported as a whole")
	case v.Refused > 0:
		return texts.T(ctx, "Import the rows that are good?")
	}
	return texts.T(ctx, "Import this file?")
}

func (v Import) consequence(ctx context.Context) string {
	switch {
	case v.Accepted == 0:
		return texts.T(ctx, "The reasons are below.")
	case v.Blocked:
		return texts.T(ctx, "You asked for all or nothing, and %d rows are refused.", v.Refused)
	case v.Refused > 0:
		return texts.T(ctx, "%d rows are refused and left out; the reasons are below.", v.Refused)
	case v.Added+v.Changed == 0:
		return texts.T(ctx, "The inventory has all of it already, just so: nothing would change.")
	}
	return texts.T(ctx, "Every row is good.")
}

func (v Import) result(ctx context.Context) string {
	return texts.T(ctx, "%s in %s: %d new, %d changed, %d as they were.",
		texts.T(ctx, "%d numbers", v.TNs), texts.T(ctx, "%d blocks", v.Blocks), v.Added, v.Changed, v.Same())
}

// failure is how far an import came that was cut off.
func (v Import) failure(ctx context.Context) string {
	return v.progress(ctx) + ". " + texts.T(ctx, "What was written stays. Run it again for the rest: what is there already is passed over.")
}

// tabs are the ways to count the whole inventory.
func (v Inventory) tabs(ctx context.Context) []Tab {
	var tabs []Tab
	for _, by := range []InventoryBy{ByState, ByNPA, ByRateCenter} {
		tabs = append(tabs, Tab{Label: by.heading(ctx), Href: inventoryAddr(by, ""), Current: by == v.By})
	}
	return tabs
}
