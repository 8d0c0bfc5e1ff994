package views

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
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

// body is what the last attempt sent, or the next one will.
func (v DeliveryDetail) body() string {
	attempt, to := max(v.Delivery.Attempts, 1), v.Endpoint.URL
	if n := len(v.Delivery.Tries); n > 0 && v.Delivery.Tries[n-1].Number == v.Delivery.Attempts {
		to = v.Delivery.Tries[n-1].URL
	}
	return string(v.Delivery.RequestBody(attempt, to))
}

// headers are those that receivers check, of the attempt whose body is shown. The endpoint's own secret may be
// another by now: that signature is not made again.
func (v DeliveryDetail) headers(a tel.Attempt) string {
	at := strconv.FormatInt(a.At.Unix(), 10)
	return "webhook-id: " + v.Delivery.ID + "\nwebhook-timestamp: " + at + "\ntelnyx-timestamp: " + at + "\ntelnyx-signature-ed25519: " + a.Signature
}

func webhooksPath(account tel.AccountID) string { return accountPath(account, "/webhooks") }

func endpointPath(e *tel.Endpoint, rest string) string {
	return webhooksPath(e.Account) + "/" + e.ID + rest
}

func givenUpPath(e *tel.Endpoint) string {
	return endpointPath(e, "?state="+string(tel.DeliveryFailed))
}

func deliveryPath(d *tel.Delivery, rest string) string {
	return webhooksPath(d.Account) + "/" + d.Endpoint + "/deliveries/" + d.ID + rest
}

// programTabs are the two sides of what programs have to do with an account.
func programTabs(ctx context.Context, account tel.AccountID, current string) []Tab {
	return []Tab{
		{Label: texts.T(ctx, "API clients"), Href: clientsPath(account), Current: current == "clients"},
		{Label: texts.T(ctx, "Webhooks"), Href: webhooksPath(account), Current: current == "webhooks"},
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

func endpointLook(ctx context.Context, e *tel.Endpoint) look {
	switch {
	case !e.PausedAt.IsZero() && e.PausedBecause != "":
		return look{"bad", "circle-x", texts.T(ctx, "Stopped")}
	case !e.PausedAt.IsZero():
		return look{"off", "circle-slash", texts.T(ctx, "Paused")}
	case !e.FailingSince.IsZero():
		return look{"warn", "triangle-alert", texts.T(ctx, "Failing")}
	}
	return look{"good", "circle-check", texts.T(ctx, "Active|endpoint")}
}

func endpointWants(ctx context.Context, e *tel.Endpoint) string {
	switch {
	case e.Format == tel.FormatBandwidth && e.OrderID != "":
		return texts.T(ctx, "What becomes of order %s", e.OrderID)
	case e.Format == tel.FormatBandwidth:
		return texts.T(ctx, "What becomes of %s", e.OrderType)
	case len(e.Events) == 0:
		return texts.T(ctx, "All events")
	case len(e.Events) == 1:
		return string(e.Events[0])
	}
	return texts.T(ctx, "%d events", len(e.Events))
}

func deliveryLook(ctx context.Context, d *tel.Delivery) look {
	switch {
	case d.State == tel.DeliveryDelivered:
		return look{"good", "circle-check", texts.T(ctx, "Delivered|delivery")}
	case d.State == tel.DeliveryFailed:
		return look{"bad", "circle-x", texts.T(ctx, "Given up|delivery")}
	case d.State == tel.DeliverySending:
		return look{"wait", "refresh-cw", texts.T(ctx, "Sending")}
	case d.Attempts > 0:
		return look{"warn", "rotate-ccw", texts.T(ctx, "Trying again")}
	}
	return look{"wait", "clock", texts.T(ctx, "Waiting|delivery")}
}

// cameOf is what came of a delivery's last attempt.
func cameOf(ctx context.Context, d *tel.Delivery) string {
	switch {
	case d.Attempts == 0:
		return texts.T(ctx, "Not sent yet")
	case d.LastError != "":
		return said(ctx, d.LastError)
	}
	return answered(ctx, d.LastStatus)
}

func answered(ctx context.Context, status int) string {
	if status == 0 {
		return texts.T(ctx, "No answer")
	}
	return texts.T(ctx, "Answered %s", strconv.Itoa(status))
}

func attemptLook(ctx context.Context, a tel.Attempt) look {
	if a.Error == "" {
		return look{"good", "circle-check", answered(ctx, a.Status)}
	}
	return look{"bad", "circle-x", cmp.Or(said(ctx, a.Error), answered(ctx, a.Status))}
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

func (v EndpointDetail) states(ctx context.Context) []Tab {
	path := endpointPath(v.Endpoint, "")
	list := []Tab{{Label: texts.T(ctx, "All"), Href: path, Current: v.State == ""}}
	for _, s := range []struct {
		state tel.DeliveryState
		label string
	}{{tel.DeliveryWaiting, texts.T(ctx, "Waiting|deliveries")}, {tel.DeliveryDelivered, texts.T(ctx, "Delivered|deliveries")}, {tel.DeliveryFailed, texts.T(ctx, "Given up|deliveries")}} {
		list = append(list, Tab{Label: s.label, Href: path + "?state=" + string(s.state), Current: v.State == s.state})
	}
	return list
}

// subscribed tells whether a program made the endpoint, which is not changed here.
func subscribed(e *tel.Endpoint) bool { return e.Format == tel.FormatBandwidth }

func (s EndpointSecret) title(ctx context.Context) string {
	at := strings.TrimPrefix(strings.TrimPrefix(s.URL, "https://"), "http://")
	return onOff(s.Rotated, texts.T(ctx, "New signing secret of %s", at), texts.T(ctx, "Signing secret of %s", at))
}

// written are sentences that tel has, or that were written down of a delivery, with
// their figures taken out.
var written = []string{
	texts.Mark("Numbers were reserved."),
	texts.Mark("A reservation was extended; it has a new expiry."),
	texts.Mark("A reservation runs out soon; how long before is a setting of the account."),
	texts.Mark("A reservation ran out; its numbers are free again."),
	texts.Mark("A reservation was cancelled, or one of its numbers was dropped; the payload says which numbers it still holds."),
	texts.Mark("A reservation was ordered, or some of its numbers were; the payload says which numbers it still holds."),
	texts.Mark("An order is complete, or complete in part; each number says whether it was had."),
	texts.Mark("An order failed; it got none of its numbers."),
	texts.Mark("The request could not be made."),
	texts.Mark("It answered %s."),
	texts.Mark("It answered %s, a redirect; redirects are not followed."),
	texts.Mark("Its TLS certificate is for another name."),
	texts.Mark("Its TLS certificate is by an authority that is not known here."),
	texts.Mark("Its TLS certificate has expired, or is not valid yet."),
	texts.Mark("Its TLS certificate is not good."),
	texts.Mark("The host's name could not be resolved."), // as it was told before
	texts.Mark("The host has no public address; nothing is sent there."),
	texts.Mark("It speaks HTTP without TLS; its URL is an http one."),
	texts.Mark("Sending was cut: the server stopped."),
	texts.Mark("No answer within %s seconds."),
	texts.Mark("The connection was refused."),
	texts.Mark("The connection was cut before an answer came."),
	texts.Mark("No answer came, or none that is HTTP."),
	texts.Mark("The endpoint answered %s Gone: it wants nothing more."),
	texts.Mark("Nothing could be delivered for %s day. Last:"),
}

var figures = regexp.MustCompile(`\d+`)

// said is one of written in the reader's language, and anything else as it is.
func said(ctx context.Context, sentence string) string {
	if first, rest, found := strings.Cut(sentence, " Last: "); found {
		return said(ctx, first+" Last:") + " " + said(ctx, rest)
	}
	key := figures.ReplaceAllString(sentence, "%s")
	if !slices.Contains(written, key) {
		return sentence
	}
	var args []any
	for _, figure := range figures.FindAllString(sentence, -1) {
		args = append(args, figure)
	}
	return texts.T(ctx, key, args...)
}
