package web_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
	"tnreserve/web"
)

// reported is a site where Acme ordered one reservation after 12 minutes, cancelled one
// and holds one with a customer's name, and Globex holds one.
func reported(t *testing.T) *site {
	t.Helper()
	s := open(t)
	ordered, cancelled := s.reserved("acme-admin", 2), s.reserved("acme-member", 1)
	s.Clock.Add(12 * time.Minute)
	req := tel.OrderRequest{Account: storetest.Acme, Kind: tel.OrderKindExisting, TNs: ordered.HeldTNs(), ReservationIDs: []string{ordered.ID}, Reference: "=1+1"}
	if o, err := s.PlaceOrder(ctx, s.actor("acme-admin"), req); err != nil || o.State != tel.OrderComplete {
		t.Fatal(err, o)
	}
	if _, err := s.Cancel(ctx, s.actor("acme-member"), cancelled.ID, "+cancelled"); err != nil {
		t.Fatal(err)
	}
	s.reserved("acme-admin", 1)
	s.reserved("globex-admin", 1)
	return s
}

func TestReportsPage(t *testing.T) {
	s := reported(t)
	a := s.as("acme-admin").want(200, "/reports")
	a.has("#nav-reports[aria-current]").says("#median", "12 minutes")
	cells := func(a *answer, selector string) string { return strings.Join(a.each(selector), " ") }
	if got := cells(a, "#funnel tbody th, #funnel tbody td"); got != "Reserved 3 100 % Ordered 1 33 % Cancelled 1 33 % Ran out 0 0 % Still held 1 33 %" {
		t.Errorf("the funnel: %s", got)
	}
	if got := cells(a, "#outstanding .a-tiles b"); got != "1 1 0 0 0" {
		t.Errorf("outstanding: %s", got)
	}
	a.says("#by-account tbody", "Acme Tel 9500001").says("#use tbody", "NC 2 in service0 aging1 reserved")
	if got := a.each("#days .r-days tbody tr"); len(got) != 30 || got[29] != "21 Nov 20263110" || got[28] != "20 Nov 20260000" {
		t.Errorf("the table behind the chart: %q", got)
	}
	if got := a.each("#days svg desc"); len(got) != 4 || got[0] != "3 from 23 Oct 2026 to 21 Nov 2026; most, 3, on 21 Nov 2026." || got[3] != "None from 23 Oct 2026 to 21 Nov 2026." {
		t.Errorf("the charts say %q", got)
	}
	if strings.Contains(a.body, "Globex") || a.doc().Find("#number-use, [name=account]:not([type=hidden])").Length() != 0 {
		t.Error("an admin sees more than their account")
	}
	op := s.as("operator")
	a = op.want(200, "/reports?from=2026-11-21&to=2026-11-21")
	if got := cells(a, "#top tbody th, #top tbody td"); got != "Acme Tel 3 4 1 Globex 1 1 0" {
		t.Errorf("top holders: %s", got)
	}
	a.says("#funnel tbody tr:first-child td", "4").has("#number-use").has("nav[aria-label=Range] [aria-current]")
	op.want(200, "/reports?account=9500002").says("#funnel tbody tr:first-child td", "1").says("#by-account", "Globex")
	op.want(200, "/reports?by=block&state=nc").says("#use tbody", "919-555-2")
	op.want(200, "/reports?by=block&state=x1").fault("state", "not a state")
	op.want(422, "/reports?from=x&to=2026-13-01").fault("from", "not a day")
	op.want(422, "/reports?from=2026-11-21&to=2026-11-20").fault("to", "before the beginning")
	op.want(422, "/reports?from=2001-01-01").fault("from", "At most")
	op.want(404, "/reports?account=4711")
	long := op.want(200, "/reports?from=2020-01-01&to=2026-11-21")
	if bars := long.doc().Find("#days figure").First().Find("rect.fill").Length(); bars < 50 || bars > 92 {
		t.Errorf("seven years are %d bars", bars)
	}
}

// lines reads a CSV back.
func lines(t *testing.T, a *answer) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// sheet reads a workbook's first sheet back.
func sheet(t *testing.T, a *answer) [][]string {
	t.Helper()
	book, err := excelize.OpenReader(bytes.NewReader([]byte(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestReportFiles reads every table back in both formats.
func TestReportFiles(t *testing.T) {
	s := reported(t)
	op, admin := s.as("operator"), s.as("acme-admin")
	rows := map[string]int{"outstanding": 2, "days": 30, "accounts": 2, "repeats": 0, "use": 3, "reservations": 5, "number-use": 5}
	for _, name := range web.ReportNames() {
		c, x := op.want(200, "/reports/"+name+".csv"), op.want(200, "/reports/"+name+".xlsx")
		if !strings.Contains(c.header.Get("Content-Disposition"), `filename="`+name+`-2026-11-21.csv"`) || !strings.Contains(x.header.Get("Content-Type"), "spreadsheetml") {
			t.Errorf("%s: %v %v", name, c.header, x.header)
		}
		fromCSV, fromXLSX := lines(t, c), sheet(t, x)
		if len(fromCSV) != rows[name]+1 || len(fromXLSX) != len(fromCSV) {
			t.Errorf("%s: %d and %d rows, want %d", name, len(fromCSV), len(fromXLSX), rows[name]+1)
			continue
		}
		for i, line := range fromCSV {
			for j, cell := range line {
				if got := append(fromXLSX[i], make([]string, len(line))...)[j]; got != cell {
					t.Errorf("%s, row %d: %q in one, %q in the other", name, i, cell, got)
				}
			}
		}
	}
	if got := lines(t, admin.want(200, "/reports/use.csv")); got[1][2]+got[1][3] != "" || got[1][4] == "" {
		t.Errorf("what an account has of the inventory: %q", got)
	}
	made := lines(t, admin.want(200, "/reports/reservations.csv"))
	if len(made) != 5 || made[3][16] != "'+cancelled" || made[3][7] != "cancelled" || made[1][7] != "ordered" || made[1][3] != "9195552997" {
		t.Errorf("%q", made)
	}
	if got := fmt.Sprint(lines(t, op.want(200, "/reports/number-use.csv"))[3]); got != "[919 555 2 NC RALEIGH 426  1000 2 0 2 0 0 996]" {
		t.Errorf("the block in use: %s", got)
	}
	if got := lines(t, op.want(200, "/reports/days.csv?from=2026-11-21&to=2026-11-21&account=9500001")); fmt.Sprint(got[1]) != "[2026-11-21 3 4 1 1 0 1 720]" {
		t.Errorf("a day of an account: %q", got)
	}
	admin.want(403, "/reports/number-use.csv")
	admin.want(422, "/reports/days.csv?from=x")
	op.want(404, "/reports/days.csv?account=4711")
}

// TestFormulasAreGuardedEverywhere: text that a spreadsheet would run is text in every
// download.
func TestFormulasAreGuardedEverywhere(t *testing.T) {
	s := open(t)
	if err := s.CreateAccount(ctx, root, tel.Account{ID: 4711, Name: "=cmd|' /C calc'!A0", ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}); err != nil {
		t.Fatal(err)
	}
	actor := storetest.Actor(tel.RoleAdmin, 4711)
	actor.Name = "@SUM(1)"
	out, err := s.Reserve(ctx, actor, tel.ReserveRequest{Account: 4711, TNs: []tel.Number{s.free()}, CustomerReference: "=1+1", Note: "-2"})
	if err != nil {
		t.Fatal(err)
	}
	op := s.as("operator")
	files := map[string][][]string{
		"list": lines(t, op.post("/lookup/list.csv", values("tns", out.Reservation.TNs[0].TN.Digits()+"\n=HYPERLINK(1)"))), "audit": lines(t, op.want(200, "/audit.csv")),
	}
	for _, name := range web.ReportNames() {
		files[name+".csv"] = lines(t, op.want(200, "/reports/"+name+".csv"))
		files[name+".xlsx"] = sheet(t, op.want(200, "/reports/"+name+".xlsx"))
	}
	seen := 0
	for name, rows := range files {
		for _, row := range rows {
			for _, cell := range row {
				if strings.HasPrefix(cell, "'") {
					seen++
				}
				if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@|%") {
					t.Errorf("%s has the cell %q", name, cell)
				}
			}
		}
	}
	if seen < 12 {
		t.Errorf("%d cells were guarded", seen)
	}
}

func TestAuditPage(t *testing.T) {
	s := reported(t)
	admin := s.as("acme-admin")
	a := admin.want(200, "/audit")
	a.has("#nav-audit[aria-current]").has("#export").says("#entries li:first-child", "Signed in acme-admin@example.com dashboard, 127.0.0.1")
	if strings.Contains(a.body, "globex") {
		t.Error("an admin reads another account's")
	}
	hash := s.one(`SELECT LOWER(HEX(hash)) FROM event WHERE account_id = 9500001 ORDER BY seq DESC LIMIT 1`)
	a.says("#entries li:first-child summary", hash[:10]).says("#entries li:first-child .defs", hash)
	if got := admin.want(200, "/audit?kind=order").each("#entries summary b"); fmt.Sprint(got) != "[Order complete Order placed]" {
		t.Errorf("orders: %q", got)
	}
	admin.want(200, "/audit?actor=acme-member@example.com&kind=reservation.cancelled").says("#entries", "Reservation cancelled").says("#entries .defs", "+cancelled")
	admin.want(422, "/audit?about=nonsense&from=x").fault("from", "not a day")
	admin.want(422, "/audit?about=nonsense").fault("about", "neither")
	admin.want(422, "/audit?cursor=x")
	rows := lines(t, admin.want(200, "/audit.csv?kind=reservation"))
	if len(rows) != 6 || rows[1][2] != "reservation.created" || rows[1][18] == "" {
		t.Errorf("%q", rows)
	}

	support := s.as("acme-support")
	support.want(200, "/audit").says("#list", "Whose history?")
	tn := s.one(`SELECT tn FROM tn_state WHERE state = 'in service' ORDER BY tn LIMIT 1`)
	support.want(200, "/audit?about="+tn).says("#entries", "In service")
	support.want(403, "/audit.csv?about="+tn)
	// what the platform's support looks up, the account reads
	s.as("support-all").want(200, "/lookup?q="+tn)
	admin.want(200, "/audit?kind=desk").says("#entries", "Looked up").says("#entries", "support-all@example.com")
}

func TestLookUpAList(t *testing.T) {
	s := reported(t)
	mine, foreign := s.reserved("acme-admin", 1), s.reserved("globex-admin", 1)
	free := s.free()
	pasted := mine.TNs[0].TN.String() + ", " + foreign.TNs[0].TN.E164() + "\r\n\"nonsense <b>\"; " + free.Digits() + "\n" + mine.TNs[0].TN.Digits() + "\n\n"
	v := s.as("acme-support")
	a := v.post("/lookup/list", values("tns", pasted))
	if a.status != 200 {
		t.Fatal(a.status, a.text("#main"))
	}
	if got := a.each("#rows tr"); len(got) != 3 || !strings.Contains(got[0], "Reserved") || !strings.Contains(got[1], "Not available") || !strings.Contains(got[2], "Available") {
		t.Errorf("%q", got)
	}
	a.says(".u-bad", "Line 2: nonsense <b>").says(".note[data-kind=info]", "1 number was listed more than once")
	if strings.Contains(a.body, "Globex") || strings.Contains(a.body, foreign.ID) {
		t.Error("another account's reservation is told")
	}
	rows := lines(t, v.post("/lookup/list.csv", a.form("form:has(#lines-csv)")))
	if len(rows) != 5 || rows[1][7] != mine.ID || fmt.Sprint(rows[2]) != "["+foreign.TNs[0].TN.Digits()+" not available           ]" || rows[4][1] != "not a number" {
		t.Errorf("%q", rows)
	}
	many := func(n int) string { return strings.Repeat("x\n", n) }
	if a := v.post("/lookup/list", values("tns", many(store.MostLookedUp))); a.status != 200 {
		t.Errorf("%d lines answer %d", store.MostLookedUp, a.status)
	}
	v.post("/lookup/list", values("tns", many(store.MostLookedUp+1))).fault("tns", "At most 2,500")
	v.post("/lookup/list", values("tns", " \n")).fault("tns", "at least one")
	if a := v.post("/lookup/list.csv", values("tns", "")); a.status != 422 {
		t.Errorf("no list as a file answers %d", a.status)
	}
}

// TestLookUpLeadsOn: a reservation leads to its order, and what is called something is
// found by it.
func TestLookUpLeadsOn(t *testing.T) {
	s := reported(t)
	v := s.as("acme-support")
	ordered := s.one(`SELECT id FROM reservation WHERE state = 'ordered'`)
	order := s.one(`SELECT id FROM orders`)
	link := "a[href='/orders/" + order + "']"
	v.want(200, "/lookup?q="+ordered).has("#reservation " + link)
	v.want(200, "/reservations/"+ordered).has("#main " + link)
	v.want(200, "/lookup?q="+strings.ToUpper(order)).says("#order", "Complete").has("#order-open")
	tn := s.one(`SELECT tn FROM tn_state ORDER BY tn LIMIT 1`)
	if got := v.want(200, "/lookup?q="+tn).has("#history " + link).each("#history li b"); fmt.Sprint(got) != "[In service Reserved]" {
		t.Errorf("the history is %q", got)
	}
	v.want(200, "/lookup?q=ref+of").says("#called", "ref of acme-admin").says("#called", "ref of acme-member")
	v.want(200, "/lookup?q=%3D1%2B1").has("#called-orders " + link)
	v.want(404, "/lookup?q=ref+of+globex").fault("q", "goes by that name")
	member := s.as("acme-member")
	member.want(200, "/lookup?q="+order).has("#order")
	member.want(200, "/lookup?q=ref+of").says("#answer", "by their id")
}
