package bandwidth

import (
	"encoding/xml"
	"strconv"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type emailSubscription struct {
	Email           string
	DigestRequested string
}

type callbackSubscription struct {
	URL    string
	Expiry string `xml:",omitempty"` // seconds
}

type wireSubscription struct {
	ID        string `xml:"SubscriptionId"`
	OrderType string
	OrderID   string                `xml:"OrderId,omitempty"`
	Email     *emailSubscription    `xml:"EmailSubscription"`
	Callback  *callbackSubscription `xml:"CallbackSubscription"`
}

type subscriptionsResponse struct {
	XMLName xml.Name `xml:"SubscriptionsResponse"`
	List    struct {
		Subscription []wireSubscription
	} `xml:"Subscriptions"`
}

func (r *subscriptionsResponse) add(s *tel.Subscription) {
	w := wireSubscription{ID: s.ID, OrderType: s.OrderType, OrderID: s.OrderID}
	if s.URL != "" {
		w.Callback = &callbackSubscription{URL: s.URL}
		if s.Expiry > 0 {
			w.Callback.Expiry = strconv.FormatInt(int64(s.Expiry/time.Second), 10)
		}
	} else {
		w.Email = &emailSubscription{s.Email, s.Digest}
	}
	r.List.Subscription = append(r.List.Subscription, w)
}

// subscriptionBody reads what a client wants to be told.
func (c *call) subscriptionBody() (s tel.Subscription, err error) {
	body, err := c.body("Subscription")
	if err != nil {
		return s, err
	}
	if body.value("OrderType") == "" {
		return s, bad(codeRequired, "OrderType is required")
	}
	email, callback := body.last("EmailSubscription"), body.last("CallbackSubscription")
	s = tel.Subscription{Account: c.account, OrderType: body.value("OrderType"), OrderID: body.value("OrderId")}
	if email != nil {
		s.Email, s.Digest = email.value("Email"), email.value("DigestRequested")
	}
	if callback != nil {
		s.URL = callback.value("URL")
		if text := callback.value("Expiry"); text != "" {
			seconds, err := strconv.ParseInt(text, 10, 64)
			if err != nil || seconds < 1 || seconds > int64(tel.MaxSubscription/time.Second) {
				return s, bad(codeRange, "Expiry is out of range: seconds, at most %d", int64(tel.MaxSubscription/time.Second))
			}
			s.Expiry = time.Duration(seconds) * time.Second
		}
	}
	if s.Email+s.URL == "" {
		return s, bad(codeRequired, "EmailSubscription or CallbackSubscription is required")
	}
	return s, nil
}

func (c *call) listSubscriptions() error {
	list, err := c.store.Subscriptions(c.r.Context(), c.actor, c.account)
	if err != nil {
		return err
	}
	var out subscriptionsResponse
	for _, s := range list {
		if t := c.query("orderType"); t == "" || t == s.OrderType {
			out.add(s)
		}
	}
	return c.answer(200, out)
}

func (c *call) createSubscription() error {
	s, err := c.subscriptionBody()
	if err != nil {
		return err
	}
	made, err := c.store.Subscribe(c.r.Context(), c.actor, s)
	if err != nil {
		return err
	}
	return c.created(c.own("/subscriptions/" + made.ID))
}

// subscriptionID is the id of the path.
func (c *call) subscriptionID() (string, error) {
	id, err := store.CanonicalID(c.args[0])
	if err != nil {
		return "", bad(codeNotUUID, "The subscription id is not a valid UUID")
	}
	return id, nil
}

func (c *call) getSubscription() error {
	id, err := c.subscriptionID()
	if err != nil {
		return err
	}
	s, err := c.store.Subscription(c.r.Context(), c.actor, c.account, id)
	if err != nil {
		return err
	}
	var out subscriptionsResponse
	out.add(s)
	return c.answer(200, out)
}

func (c *call) putSubscription() error {
	id, err := c.subscriptionID()
	if err != nil {
		return err
	}
	s, err := c.subscriptionBody()
	if err != nil {
		return err
	}
	s.ID = id
	if err := c.store.ChangeSubscription(c.r.Context(), c.actor, s); err != nil {
		return err
	}
	return c.empty(200)
}

func (c *call) deleteSubscription() error {
	id, err := c.subscriptionID()
	if err != nil {
		return err
	}
	if err := c.store.Unsubscribe(c.r.Context(), c.actor, c.account, id); err != nil {
		return err
	}
	return c.empty(200)
}
