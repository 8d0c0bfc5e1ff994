package notify

import (
	"encoding/xml"
	"fmt"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// notification is Bandwidth's, for subscriptions to a URL.
type notification struct {
	XMLName          xml.Name `xml:"Notification"`
	Status           tel.OrderState
	SubscriptionID   string `xml:"SubscriptionId"`
	Message          string
	OrderID          string `xml:"OrderId"`
	OrderType        string
	CustomerOrderID  string `xml:"CustomerOrderId,omitempty"`
	LastModifiedDate string
	Completed        *telephoneNumbers `xml:"CompletedTelephoneNumbers"`
}

type telephoneNumbers struct {
	TelephoneNumber []string
}

func notificationXML(told *store.Told) (string, error) {
	o := told.Order
	out := notification{
		Status: o.State, SubscriptionID: told.Endpoint.ID, Message: orderMessage(o), OrderID: o.ID, OrderType: told.Endpoint.OrderType,
		CustomerOrderID: o.CustomerOrderID, LastModifiedDate: o.ChangedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if len(o.Completed) > 0 {
		out.Completed = &telephoneNumbers{}
		if left := len(o.Completed) - mostNamed; left > 0 {
			out.Message += fmt.Sprintf(" %d of them are not named here; the order has all.", left)
		}
		for _, tn := range o.Completed[:min(len(o.Completed), mostNamed)] {
			out.Completed.TelephoneNumber = append(out.Completed.TelephoneNumber, tn.TN.Digits())
		}
	}
	text, err := xml.Marshal(out)
	return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + string(text), err
}

func orderMessage(o *tel.Order) string {
	switch o.State {
	case tel.OrderComplete:
		return fmt.Sprintf("The order is complete: %s.", tel.Plural(o.CompletedCount, "number"))
	case tel.OrderPartial:
		return fmt.Sprintf("The order is complete in part: %s of %d.", tel.Plural(o.CompletedCount, "number"), o.Quantity)
	case tel.OrderBackordered:
		return fmt.Sprintf("The order waits for numbers: it has %d of %d.", o.CompletedCount, o.Quantity)
	}
	return "The order failed."
}
