package web_test

import (
	"os"
	"testing"
)

// TestBrowserDesk looks at the pages of the support desk, the reports and the audit
// trail as each role, in all sizes and colours, and does in them what needs a browser.
func TestBrowserDesk(t *testing.T) {
	t.Parallel()
	browser := chrome(t)
	s, _ := gallery(t)
	pictures := os.Getenv("TNRESERVE_SCREENSHOTS")
	order := s.one(`SELECT id FROM orders WHERE state = 'COMPLETE' ORDER BY seq LIMIT 1`)
	reports, audit := view{"reports", "/reports"}, view{"audit", "/audit"}
	const heldTN = `document.querySelector('#tn')?.textContent.includes('Reserved') && document.querySelector('#held')`
	for _, c := range []struct {
		role  string
		views []view
		finds string // what a held TN shows to them
	}{
		{"operator", []view{reports, {"reports-block", "/reports?by=block&from=2026-01-01&to=2026-11-21"}, audit, {"lookup-called", "/lookup?q=Order"}}, heldTN},
		{"acme-admin", []view{reports, {"reports-wrong", "/reports?from=x"}, audit, {"audit-accounts", "/audit?kind=account"}, {"lookup-order", "/lookup?q=" + order}, {"lookup-timeline", "/lookup?q=9842000602"}}, heldTN},
		{"support-all", []view{audit, {"audit-tn", "/audit?about=9195552777"}}, heldTN},
		{"acme-support", nil, heldTN},
		{"acme-member", nil, `document.querySelector('#answer')?.textContent.includes('by their id')`},
		{"initech-admin", []view{reports}, `document.querySelector('#tn')?.textContent.includes('Not available') && !document.querySelector('#held')`},
	} {
		t.Run(c.role, func(t *testing.T) {
			b := s.tab(browser, t)
			b.expect("status of 4")
			b.enter(c.role)
			for _, v := range c.views {
				b.size(1440, 900)
				b.goTo(v.path)
				if v.name == "audit" {
					b.js(`document.querySelector('.u-entry')?.setAttribute('open', '')`)
				}
				b.look(v, pictures, c.role)
			}
			b.size(1440, 900)
			b.goTo("/settings")
			b.lookUp("9195552777")
			b.holds(c.role+" finds it", c.finds)
			if c.role == "acme-admin" {
				b.deskByHand(pictures, c.role)
			}
		})
	}
}

// lookUp asks the one box from the keyboard.
func (b *tab) lookUp(what string) {
	b.t.Helper()
	b.js(`document.activeElement.blur()`)
	b.keys("/")
	b.holds("the box has the focus", `document.activeElement.id === 'q'`)
	b.fill("#q", what)
	b.keys("\r")
	b.holds("looked up", `location.pathname === '/lookup'`)
}

// deskByHand uses the one box from the keyboard, pastes a list, and goes on by More on a
// phone.
func (b *tab) deskByHand(pictures, role string) {
	b.t.Helper()
	b.size(1440, 900)
	b.goTo("/reports")
	b.lookUp("Order 4712")
	b.holds("found by reference", `document.querySelector('#called a')?.textContent === 'Order 4712'`)
	b.goTo("/lookup")
	b.fill("#list-tns", "9195552777, (212) 555-4777\nnonsense\n9842000602")
	b.click("#list-go")
	b.holds("the list", `document.querySelectorAll('#rows > tr').length === 3 && document.querySelector('.u-bad').textContent.includes('nonsense')`)
	b.look(view{"lookup-list", ""}, pictures, role)
	b.size(390, 844)
	b.goTo("/search")
	b.click("#tab-more")
	b.holds("more is open", `document.querySelector('.rest[open] #tab-nav-audit').checkVisibility()`)
	if pictures != "" {
		b.picture(pictures + "/" + role + "-more-390.png")
	}
	b.click("#tab-nav-audit")
	b.holds("the audit trail", at("/audit")+` && !document.querySelector('.rest[open]')`)
}
