package views

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// Webhooks is the page of an account's endpoints.
type Webhooks struct {
	Account   tel.Account
	Endpoints []*tel.Endpoint
	Operator  bool // came by the account's page
	Form      EndpointForm
	Notice    NoticeForm
	Made      *EndpointSecret // just made, shown this once
	PublicKey string
}

// EndpointForm is what somebody typed for an endpoint. Fields: url, events; account
// for what concerns neither.
type EndpointForm struct {
	URL    string
	Events []tel.WebhookEvent // none is all
	Errors map[string]string
}

// NoticeForm is how long before expiry an account is told.
type NoticeForm struct {
	Value string // raw
	Error string
}

// NewNoticeForm is the form as it begins.
func NewNoticeForm(d time.Duration) NoticeForm { return NoticeForm{Value: ShortDuration(d)} }

// EndpointSecret is shown once, on the answer to the form that made it.
type EndpointSecret struct {
	URL     string
	Secret  string
	Rotated bool
}

// EndpointDetail is the page of one endpoint with its log.
type EndpointDetail struct {
	Account    tel.Account
	Endpoint   *tel.Endpoint
	Form       EndpointForm
	Made       *EndpointSecret
	Deliveries []*tel.Delivery
	State      tel.DeliveryState // that the log is narrowed to, "" any
	Self       string
	Next       string // address of the next page, "" is the end
	First      string
}

// DeliveryDetail is the page of one delivery.
type DeliveryDetail struct {
	Account  tel.Account
	Endpoint *tel.Endpoint
	Delivery *tel.Delivery
	Self     string
}

// EndpointQuestion is the page before an endpoint is deleted or its secret replaced.
type EndpointQuestion struct {
	Account  tel.Account
	Endpoint *tel.Endpoint
}

func webhooksPath(account tel.AccountID) string { return accountPath(account, "/webhooks") }

func endpointPath(e *tel.Endpoint, rest string) string {
	return webhooksPath(e.Account) + "/" + e.ID + rest
}

func deliveryPath(d *tel.Delivery, rest string) string {
	return webhooksPath(d.Account) + "/" + d.Endpoint + "/deliveries/" + d.ID + rest
}

// programTabs are the two sides of what programs have to do with an account.
func programTabs(account tel.AccountID, current string) []Tab {
	return []Tab{
		{Label: "API clients", Href: clientsPath(account), Current: current == "clients"},
		{Label: "Webhooks", Href: webhooksPath(account), Current: current == "webhooks"},
	}
}

func (f EndpointForm) has(e tel.WebhookEvent) bool {
	return len(f.Events) == 0 || slices.Contains(f.Events, e)
}

// endpointHost is the short name of an endpoint.
func endpointHost(e *tel.Endpoint) string {
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return e.URL
}

func endpointLook(e *tel.Endpoint) look {
	switch {
	case !e.PausedAt.IsZero() && e.PausedBecause != "":
		return look{"bad", "circle-x", "Stopped"}
	case !e.PausedAt.IsZero():
		return look{"off", "circle-slash", "Paused"}
	case !e.FailingSince.IsZero():
		return look{"warn", "triangle-alert", "Failing"}
	}
	return look{"good", "circle-check", "Active"}
}

func endpointWants(e *tel.Endpoint) string {
	switch {
	case e.Format == tel.FormatBandwidth && e.OrderID != "":
		return "What becomes of order " + e.OrderID
	case e.Format == tel.FormatBandwidth:
		return "What becomes of " + e.OrderType
	case len(e.Events) == 0:
		return "All events"
	case len(e.Events) == 1:
		return string(e.Events[0])
	}
	return strconv.Itoa(len(e.Events)) + " events"
}

func deliveryLook(d *tel.Delivery) look {
	switch {
	case d.State == tel.DeliveryDelivered:
		return look{"good", "circle-check", "Delivered"}
	case d.State == tel.DeliveryFailed:
		return look{"bad", "circle-x", "Given up"}
	case d.State == tel.DeliverySending:
		return look{"wait", "refresh-cw", "Sending"}
	case d.Attempts > 0:
		return look{"warn", "rotate-ccw", "Trying again"}
	}
	return look{"wait", "clock", "Waiting"}
}

// outcome is what came of a delivery's last attempt.
func outcome(d *tel.Delivery) string {
	switch {
	case d.Attempts == 0:
		return "Not sent yet"
	case d.LastError != "":
		return d.LastError
	}
	return answered(d.LastStatus)
}

func answered(status int) string {
	if status == 0 {
		return "No answer"
	}
	return "Answered " + strconv.Itoa(status)
}

func attemptLook(a tel.Attempt) look {
	if a.Error == "" {
		return look{"good", "circle-check", answered(a.Status)}
	}
	return look{"bad", "circle-x", cmp.Or(a.Error, answered(a.Status))}
}

func took(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// waits tells whether something changes without an event: app.js asks again then.
func (v Webhooks) waits() bool {
	return slices.ContainsFunc(v.Endpoints, func(e *tel.Endpoint) bool { return e.Waiting > 0 && e.PausedAt.IsZero() })
}

func (v EndpointDetail) waits() bool {
	return slices.ContainsFunc(v.Deliveries, func(d *tel.Delivery) bool { return !done(d) })
}

func done(d *tel.Delivery) bool {
	return d.State == tel.DeliveryDelivered || d.State == tel.DeliveryFailed
}

func (v EndpointDetail) states() []Tab {
	path := endpointPath(v.Endpoint, "")
	list := []Tab{{Label: "All", Href: path, Current: v.State == ""}}
	for _, s := range []struct {
		state tel.DeliveryState
		label string
	}{{tel.DeliveryWaiting, "Waiting"}, {tel.DeliveryDelivered, "Delivered"}, {tel.DeliveryFailed, "Given up"}} {
		list = append(list, Tab{Label: s.label, Href: path + "?state=" + string(s.state), Current: v.State == s.state})
	}
	return list
}

// subscribed tells whether a program made the endpoint, which is not changed here.
func subscribed(e *tel.Endpoint) bool { return e.Format == tel.FormatBandwidth }

func (s EndpointSecret) title() string {
	return onOff(s.Rotated, "New signing secret of ", "Signing secret of ") + strings.TrimPrefix(strings.TrimPrefix(s.URL, "https://"), "http://")
}
