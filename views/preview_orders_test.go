package views

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tnreserve/store/tel"
)

// orderPreviews are the pages of orders and of TNs in service.
func orderPreviews() map[string]func(Shell) templ.Component {
	tn := tel.NewNumber(919, 233, 142)
	place := tel.Place{City: "Raleigh", State: "NC", RateCenter: "RALEIGH", LATA: "426"}
	o := &tel.Order{ID: "34854daa-aaf0-4f6f-9d48-9a91834ad34d", Account: 9500012, AccountName: "Acme Tel", Kind: tel.OrderKindExisting, State: tel.OrderPartial, Quantity: 2, CompletedCount: 1, Name: "Branch in Cary",
		Completed: []tel.OrderedTN{{TN: tn, Place: place}}, Failed: []tel.OrderedTN{{TN: tn + 1, Code: tel.CodeNotAvailable, Message: "Not available."}}, CreatedAt: previewNow, CompletedAt: previewNow}
	waits := *o
	waits.State, waits.Kind, waits.Completed, waits.Failed, waits.Search = tel.OrderBackordered, tel.OrderKindSearch, nil, nil, &tel.OrderSearch{Query: tel.NewQuery(), Quantity: 2}
	left := previewLeft(96, "this reservation")
	picked := []OrderTN{{TN: tn, Place: place, Cost: 100000, Ticked: true}, {TN: tn + 1, Place: place}}
	row := NumberRow{TN: tn, State: tel.TNAging, Place: place, AccountID: 9500012, Account: "Acme Tel", Since: previewNow, Until: previewNow.Add(time.Hour), OrderID: o.ID}
	wrong := map[string]string{"tn": "Choose at least one number.", "customer_order_id": "No.", "name": "No."}
	return map[string]func(Shell) templ.Component{
		"orders": func(s Shell) templ.Component {
			return OrdersPage(s, Orders{Title: "Orders", Self: "/orders", Rows: []*tel.Order{o}, WithAccount: true})
		},
		"orders?none": func(s Shell) templ.Component { return OrdersPage(s, Orders{Title: "Orders", Self: "/orders"}) },
		"orders/one": func(s Shell) templ.Component {
			return OrderPage(s, OrderDetail{Order: o, Self: "/orders/1", MayChange: true, MayLookUp: true, Notes: []tel.OrderNote{{ID: "1", Text: "A note"}}})
		},
		"orders/waits": func(s Shell) templ.Component {
			return OrderPage(s, OrderDetail{Order: &waits, Self: "/orders/1", MayChange: true})
		},
		"orders/new": func(s Shell) templ.Component {
			return NewOrderPage(s, NewOrder{Reservation: "1", Left: &left, TNs: picked, Key: "k"})
		},
		"orders/new?bad": func(s Shell) templ.Component {
			return NewOrderPage(s, NewOrder{TNs: picked, Errors: wrong, Names: OrderNames{Errors: wrong}})
		},
		"orders/new?over": func(s Shell) templ.Component { return NewOrderPage(s, NewOrder{Reservation: "1", Over: true}) },
		"numbers": func(s Shell) templ.Component {
			return NumbersPage(s, Numbers{Self: "/numbers", Aging: true, Rows: []NumberRow{row}, MayChange: true, WithAccount: true})
		},
		"numbers/disconnect": func(s Shell) templ.Component {
			return DisconnectPage(s, Disconnect{TNs: picked, Aging: time.Hour, Errors: wrong})
		},
	}
}

func TestOrderPages(t *testing.T) {
	for name, page := range orderPreviews() {
		t.Run(name, func(t *testing.T) { checkPage(t, parse(t, renderText(t, page(previewShell("/"+name))))) })
	}
}
