package bandwidth

import (
	"encoding/xml"
	"net/http/httptest"
	"testing"

	"tnreserve/store/tel"
)

// FuzzOrderRequest: whatever an order's body says, it is refused or asks for something
// that the store takes into its one form, and the echo can be written.
func FuzzOrderRequest(f *testing.F) {
	for _, body := range []string{
		`<Order><ExistingTelephoneNumberOrderType><TelephoneNumberList><TelephoneNumber>9195552000</TelephoneNumber></TelephoneNumberList><ReservationIdList><ReservationId>x</ReservationId></ReservationIdList></ExistingTelephoneNumberOrderType></Order>`,
		`<Order><Name>n</Name><CustomerOrderId>a-1</CustomerOrderId><SiteId>1</SiteId><PartialAllowed>false</PartialAllowed><BackOrderRequested>true</BackOrderRequested><AreaCodeSearchAndOrderType><AreaCode>919</AreaCode><Quantity>5</Quantity></AreaCodeSearchAndOrderType></Order>`,
		`<Order><CombinedSearchAndOrderType><City>Raleigh</City><State>NC</State><LocalVanity>AB*</LocalVanity><EndsIn>true</EndsIn><Quantity>5</Quantity></CombinedSearchAndOrderType></Order>`,
		`<Order><TollFreeWildCharSearchAndOrderType><TollFreeWildCardPattern>8**</TollFreeWildCardPattern><Quantity>1</Quantity></TollFreeWildCharSearchAndOrderType></Order>`,
		`<Order><TollFreeVanitySearchAndOrderType><TollFreeVanity>FLOWERS</TollFreeVanity><Quantity>1</Quantity></TollFreeVanitySearchAndOrderType></Order>`,
		`<Order><NPANXXSearchAndOrderType><NpaNxx>919555</NpaNxx><Quantity>5000</Quantity></NPANXXSearchAndOrderType></Order>`,
		`<Order><LATASearchAndOrderType><Lata>426</Lata><Quantity>5001</Quantity></LATASearchAndOrderType></Order>`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		root, err := readXML(body)
		if err != nil {
			return
		}
		c := &call{r: httptest.NewRequest("POST", "/", nil), account: 1}
		req, err := c.orderRequest(root)
		if _, failed := xml.Marshal(c.echo); failed != nil {
			t.Fatalf("the echo cannot be written: %v", failed)
		}
		if err != nil || req.Clean() != nil {
			return
		}
		o := tel.NewOrder("id", req, tel.Signature{}, c.now)
		if _, failed := xml.Marshal(c.orderOnWire(o)); failed != nil {
			t.Fatalf("the kept order cannot be written: %v", failed)
		}
		if req.Search != nil && (req.Search.Quantity < 1 || req.Search.Quantity > tel.MostPerOrder) {
			t.Fatalf("%+v", req.Search)
		}
	})
}
