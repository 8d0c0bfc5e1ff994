package bandwidth

import (
	"tnreserve/store/tel"
)

// createDisconnect takes TNs out of service.
func (c *call) createDisconnect() error {
	body, err := c.body("DisconnectTelephoneNumberOrder")
	if err != nil {
		return err
	}
	orderName := body.value("name")
	if orderName == "" {
		orderName = body.value("Name")
	}
	c.echo = &wireOrder{CustomerOrderID: body.value("CustomerOrderId"), Name: orderName, Type: &orderType{XMLName: name(typeDisconnect)}}
	list := body.last(typeDisconnect)
	if list == nil {
		return bad(codeRequired, "%s is required", typeDisconnect)
	}
	tns, err := c.orderedTNs(list)
	if err != nil {
		return err
	}
	return c.placed(c.store.Disconnect(c.r.Context(), c.actor, tel.OrderRequest{
		Account: c.account, TNs: tns, PartialAllowed: true, CustomerOrderID: c.echo.CustomerOrderID, Name: orderName,
		IdempotencyKey: c.r.Header.Get("Idempotency-Key"), TypeName: typeDisconnect,
	}))
}
