package web_test

import (
	"context"
	"testing"

	"tnreserve/store/storetest"
)

// ordersFollow: what others order shows by itself, and keeps what was ticked; a note
// leaves its field when it is written; the sum follows what is ticked.
func ordersFollow(t *testing.T, browser context.Context) {
	s := running(t)
	b := s.tab(browser, t)
	b.enter("acme-admin")
	b.goTo("/orders")
	b.ready()
	first := s.inService(storetest.Acme, 1)[0].Digits()
	b.holds("the order shows", `document.querySelector('.o-name')`)

	b.goTo("/numbers")
	b.ready()
	b.click("#sel-" + first)
	second := s.inService(storetest.Acme, 1)[0].Digits()
	b.holds("the TN shows", `document.querySelector('#sel-`+second+`')`)
	b.holds("the other is ticked still", `document.querySelector('#sel-`+first+`').checked`)

	b.goTo("/orders")
	b.click(".o-name")
	b.holds("the order's page", `document.querySelector('#note')`)
	mend := s.breaks("INSERT ON event")
	b.expect("status of 500")
	b.fill("#note", "Called the customer")
	b.click("#note-add")
	b.toast("ours, not yours")
	b.holds("what could not be done is kept", `document.querySelector('#note').value === 'Called the customer'`)
	mend()
	b.click("#note-add")
	b.holds("the note", `document.querySelectorAll('.o-notes li').length === 1`)
	b.holds("the empty field", `document.querySelector('#note').value === ''`)

	r := s.reserved("acme-admin", 3)
	b.goTo("/orders/new?reservation=" + r.ID)
	b.click("#pick-" + r.TNs[1].TN.Digits())
	b.holds("the sum", `document.querySelector('#monthly').textContent.includes('2 numbers')`)
}
