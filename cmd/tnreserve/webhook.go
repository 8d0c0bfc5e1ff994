package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type webhookCommand struct {
	Create     webhookCreateCommand     `cmd:"" help:"Make an endpoint and print its secret, once."`
	List       webhookListCommand       `cmd:"" help:"List an account's endpoints."`
	Set        webhookSetCommand        `cmd:"" help:"Give an endpoint another URL or other events."`
	Rotate     webhookRotateCommand     `cmd:"" help:"Give an endpoint a new secret and print it, once."`
	Pause      webhookPauseCommand      `cmd:"" help:"Keep an endpoint's deliveries back."`
	Resume     webhookResumeCommand     `cmd:"" help:"Send to an endpoint again, also what waited."`
	Delete     webhookDeleteCommand     `cmd:"" help:"End an endpoint."`
	Test       webhookTestCommand       `cmd:"" help:"Queue a test delivery to an endpoint."`
	Deliveries webhookDeliveriesCommand `cmd:"" help:"Show an endpoint's log: what was sent and what became of it."`
	Redeliver  webhookRedeliverCommand  `cmd:"" help:"Send a delivery again."`
	Notice     webhookNoticeCommand     `cmd:"" help:"Set how long before expiry an account is told that a hold runs out."`
}

// about opens the database for one thing; none says what there is not when it is not found.
func (d *database) about(ctx context.Context, p *process, none string, fn func(*store.Store) error) error {
	s, err := d.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	if err = fn(s); tel.CodeOf(err) == tel.CodeNotFound {
		err = errors.New(none)
	}
	return errors.Join(err, s.Close())
}

func noAccount(id tel.AccountID) string { return fmt.Sprintf("there is no account %d", id) }

type webhookCreateCommand struct {
	database
	output
	Account tel.AccountID      `required:"" placeholder:"9500012" help:"The account that is told."`
	URL     string             `name:"url" required:"" placeholder:"URL" help:"Where it is told: https://example.com/notices."`
	Event   []tel.WebhookEvent `placeholder:"EVENT" help:"What it is told of; comma-separated. Without it: everything."`
}

// Help is what --help shows below the flags.
func (webhookCreateCommand) Help() string {
	return `A served database sends what happens from now on. The secret is for the webhook-signature header of
Standard Webhooks; it is printed now and never again.

` + eventsHelp() + `
Examples:
  tnreserve webhook create --db tnreserve.db --account 9500012 --url https://example.com/notices
  tnreserve webhook create --db tnreserve.db --account 9500012 --url https://example.com/notices --event number_reservation.expiring,number_reservation.expired --json`
}

// eventsHelp are the events for a --help.
func eventsHelp() string {
	text := "Events:\n"
	for _, e := range tel.WebhookEvents() {
		text += fmt.Sprintf("  %-31s %s\n", e.Event, e.Says)
	}
	return text
}

type webhookCreated struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

func (c webhookCreated) text(w io.Writer) {
	fmt.Fprintf(w, "id      %s\nsecret  %s\nKeep the secret now: it is not shown again.\n", c.ID, c.Secret)
}

// Run makes the endpoint.
func (c *webhookCreateCommand) Run(ctx context.Context, p *process) error {
	var out webhookCreated
	if err := c.about(ctx, p, noAccount(c.Account), func(s *store.Store) error {
		made, err := s.CreateEndpoint(ctx, console, tel.NewEndpoint{Account: c.Account, URL: c.URL, Events: c.Event})
		if err == nil {
			out = webhookCreated{made.ID, made.Secret}
		}
		return err
	}); err != nil {
		return err
	}
	return c.print(p, out)
}

type webhookListCommand struct {
	database
	output
	Account tel.AccountID `required:"" placeholder:"9500012" help:"The account."`
}

// Help is what --help shows below the flags.
func (webhookListCommand) Help() string {
	return `Those in the form "bandwidth" are subscriptions that programs made.

Example:
  tnreserve webhook list --db tnreserve.db --account 9500012`
}

type webhookList struct {
	Endpoints []webhookLine `json:"endpoints"`
}

type webhookLine struct {
	ID            string             `json:"id"`
	URL           string             `json:"url"`
	Format        tel.EndpointFormat `json:"format"`
	Events        []tel.WebhookEvent `json:"events"` // none is all
	State         tel.EndpointState  `json:"state"`
	PausedAt      string             `json:"paused_at,omitempty"`
	PausedBecause string             `json:"paused_because,omitempty"`
	FailingSince  string             `json:"failing_since,omitempty"`
	LastSuccessAt string             `json:"last_success_at,omitempty"`
	Waiting       int                `json:"waiting"`
	CreatedAt     string             `json:"created_at"`
	ExpiresAt     string             `json:"expires_at,omitempty"`
}

func (l webhookList) text(w io.Writer) {
	if len(l.Endpoints) == 0 {
		fmt.Fprintln(w, "no endpoint")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tURL\tFORM\tEVENTS\tSTATE\tFAILING SINCE\tWAITING")
	for _, e := range l.Endpoints {
		events := "all"
		if len(e.Events) > 0 {
			events = fmt.Sprint(len(e.Events))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", e.ID, e.URL, e.Format, events, e.State, orDash(e.FailingSince), e.Waiting)
	}
	_ = t.Flush()
	for _, e := range l.Endpoints {
		if e.PausedBecause != "" {
			fmt.Fprintf(w, "%s is paused: %s\n", e.ID, e.PausedBecause)
		}
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Run lists them.
func (c *webhookListCommand) Run(ctx context.Context, p *process) error {
	var list []*tel.Endpoint
	if err := c.about(ctx, p, noAccount(c.Account), func(s *store.Store) error {
		_, err := s.Account(ctx, console, c.Account)
		if err == nil {
			list, err = s.Endpoints(ctx, console, c.Account)
		}
		return err
	}); err != nil {
		return err
	}
	out := webhookList{Endpoints: []webhookLine{}}
	for _, e := range list {
		out.Endpoints = append(out.Endpoints, webhookLine{ID: e.ID, URL: e.URL, Format: e.Format, Events: append([]tel.WebhookEvent{}, e.Events...), State: e.State(),
			PausedAt: day(e.PausedAt), PausedBecause: e.PausedBecause, FailingSince: day(e.FailingSince), LastSuccessAt: day(e.LastSuccessAt), Waiting: e.Waiting,
			CreatedAt: day(e.CreatedAt), ExpiresAt: day(e.ExpiresAt)})
	}
	return c.print(p, out)
}

// endpointFlags are what the commands about one endpoint take.
type endpointFlags struct {
	database
	output
	ID string `name:"id" required:"" placeholder:"UUID" help:"The endpoint's id, from \"webhook list\"."`
}

// with opens the database for one thing about the endpoint.
func (f *endpointFlags) with(ctx context.Context, p *process, fn func(*store.Store) error) error {
	return f.about(ctx, p, "there is no endpoint "+f.ID, fn)
}

// change does one thing to the endpoint and says so.
func (f *endpointFlags) change(ctx context.Context, p *process, done string, fn func(*store.Store) (delivery string, err error)) error {
	out := webhookChanged{ID: f.ID, Done: done}
	if err := f.with(ctx, p, func(s *store.Store) (err error) {
		out.Delivery, err = fn(s)
		return err
	}); err != nil {
		return err
	}
	return f.print(p, out)
}

type webhookChanged struct {
	ID       string `json:"id"`
	Done     string `json:"done"`
	Delivery string `json:"delivery,omitempty"`
}

func (c webhookChanged) text(w io.Writer) {
	fmt.Fprintf(w, "endpoint %s is %s\n", c.ID, c.Done)
	if c.Delivery != "" {
		fmt.Fprintf(w, textGoesOut, c.Delivery)
	}
}

const textGoesOut = "delivery %s goes out as soon as the database is served\n"

type webhookPauseCommand struct{ endpointFlags }

// Help is what --help shows below the flags.
func (webhookPauseCommand) Help() string {
	return `What happens meanwhile waits for it, for 30 days at most.

Example:
  tnreserve webhook pause --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002`
}

// Run pauses the endpoint.
func (c *webhookPauseCommand) Run(ctx context.Context, p *process) error {
	return c.change(ctx, p, "paused", func(s *store.Store) (string, error) { return "", s.PauseEndpoint(ctx, console, c.ID) })
}

type webhookResumeCommand struct{ endpointFlags }

// Help is what --help shows below the flags.
func (webhookResumeCommand) Help() string {
	return `Example:
  tnreserve webhook resume --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002`
}

// Run resumes the endpoint.
func (c *webhookResumeCommand) Run(ctx context.Context, p *process) error {
	return c.change(ctx, p, "resumed", func(s *store.Store) (string, error) { return "", s.ResumeEndpoint(ctx, console, c.ID) })
}

type webhookDeleteCommand struct{ endpointFlags }

// Help is what --help shows below the flags.
func (webhookDeleteCommand) Help() string {
	return `Nothing more is sent to it, and its deliveries are not kept.

Example:
  tnreserve webhook delete --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002`
}

// Run deletes the endpoint.
func (c *webhookDeleteCommand) Run(ctx context.Context, p *process) error {
	return c.change(ctx, p, "deleted", func(s *store.Store) (string, error) { return "", s.DeleteEndpoint(ctx, console, c.ID) })
}

type webhookTestCommand struct{ endpointFlags }

// Help is what --help shows below the flags.
func (webhookTestCommand) Help() string {
	return `It is sent by the server, so that what comes of it shows on the dashboard.

Example:
  tnreserve webhook test --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002`
}

// Run queues a test.
func (c *webhookTestCommand) Run(ctx context.Context, p *process) error {
	return c.change(ctx, p, "tested", func(s *store.Store) (string, error) { return s.TestEndpoint(ctx, console, c.ID) })
}

type webhookSetCommand struct {
	endpointFlags
	URL       string             `name:"url" placeholder:"URL" help:"Where it is told from now on, also of what waits."`
	Event     []tel.WebhookEvent `placeholder:"EVENT" xor:"events" help:"What it is told of, in place of what it was; comma-separated."`
	AllEvents bool               `xor:"events" help:"Tell it of everything."`
}

// Help is what --help shows below the flags.
func (webhookSetCommand) Help() string {
	return `Only what is given changes.

` + eventsHelp() + `
Examples:
  tnreserve webhook set --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002 --url https://example.com/notices
  tnreserve webhook set --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002 --event number_order.complete,number_order.failed`
}

// Run changes the endpoint.
func (c *webhookSetCommand) Run(ctx context.Context, p *process) error {
	if c.URL == "" && len(c.Event) == 0 && !c.AllEvents {
		return usageError("say what to change: --url, --event or --all-events")
	}
	return c.change(ctx, p, "changed", func(s *store.Store) (string, error) {
		e, err := s.Endpoint(ctx, console, c.ID)
		if err != nil {
			return "", err
		}
		url, events := cmp.Or(c.URL, e.URL), e.Events
		if len(c.Event) > 0 || c.AllEvents {
			events = c.Event
		}
		return "", s.ChangeEndpoint(ctx, console, c.ID, url, events)
	})
}

type webhookRotateCommand struct{ endpointFlags }

// Help is what --help shows below the flags.
func (webhookRotateCommand) Help() string {
	return `The new secret is printed now and never again. For ` + tel.HumanDuration(tel.SecretOverlap) + ` deliveries are signed with the old one too.

Example:
  tnreserve webhook rotate --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002`
}

// Run replaces the secret.
func (c *webhookRotateCommand) Run(ctx context.Context, p *process) error {
	var out webhookCreated
	if err := c.with(ctx, p, func(s *store.Store) error {
		made, err := s.RotateEndpointSecret(ctx, console, c.ID, "")
		if err == nil {
			out = webhookCreated{made.ID, made.Secret}
		}
		return err
	}); err != nil {
		return err
	}
	return c.print(p, out)
}

type webhookDeliveriesCommand struct {
	endpointFlags
	State tel.DeliveryState `placeholder:"STATE" help:"Only those in this state: waiting, sending, delivered, failed."`
	Limit int               `placeholder:"N" default:"50" help:"How many at most, 1 to 500. Default: ${default}."`
}

// Help is what --help shows below the flags.
func (webhookDeliveriesCommand) Help() string {
	return `The latest first. They are kept for ` + tel.HumanDuration(tel.DeliveriesStand) + `.

Example:
  tnreserve webhook deliveries --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002 --state failed`
}

type webhookDeliveries struct {
	Deliveries []webhookDelivery `json:"deliveries"`
}

type webhookDelivery struct {
	ID            string            `json:"id"`
	Event         tel.WebhookEvent  `json:"event"`
	ReservationID string            `json:"reservation_id,omitempty"`
	OrderID       string            `json:"order_id,omitempty"`
	State         tel.DeliveryState `json:"state"`
	Attempts      int               `json:"attempts"`
	CreatedAt     string            `json:"created_at"`
	NextAt        string            `json:"next_at,omitempty"` // of the next attempt
	DoneAt        string            `json:"done_at,omitempty"`
	LastStatus    int               `json:"last_status,omitempty"` // of the last attempt's answer
	LastError     string            `json:"last_error,omitempty"`
}

func (l webhookDeliveries) text(w io.Writer) {
	if len(l.Deliveries) == 0 {
		fmt.Fprintln(w, "no delivery")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tEVENT\tABOUT\tCREATED\tSTATE\tATTEMPTS\tNEXT\tLAST ERROR")
	for _, d := range l.Deliveries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", d.ID, d.Event, orDash(cmp.Or(d.ReservationID, d.OrderID)), d.CreatedAt, d.State, d.Attempts, orDash(d.NextAt), orDash(d.LastError))
	}
	_ = t.Flush()
}

// Run lists them.
func (c *webhookDeliveriesCommand) Run(ctx context.Context, p *process) error {
	if c.Limit < 1 || c.Limit > 500 {
		return usageError("--limit is 1 to 500")
	}
	out := webhookDeliveries{Deliveries: []webhookDelivery{}}
	if err := c.with(ctx, p, func(s *store.Store) error {
		list, err := s.Deliveries(ctx, console, store.DeliveryQuery{Endpoint: c.ID, State: c.State, Limit: c.Limit})
		for _, d := range list.Rows {
			out.Deliveries = append(out.Deliveries, webhookDelivery{ID: d.ID, Event: d.Event, ReservationID: d.ReservationID, OrderID: d.OrderID, State: d.State,
				Attempts: d.Attempts, CreatedAt: day(d.CreatedAt), NextAt: day(d.NextAt), DoneAt: day(d.DoneAt), LastStatus: d.LastStatus, LastError: d.LastError})
		}
		return err
	}); err != nil {
		return err
	}
	return c.print(p, out)
}

type webhookRedeliverCommand struct {
	database
	output
	ID string `name:"id" required:"" placeholder:"UUID" help:"The delivery's id, from \"webhook deliveries\"."`
}

// Help is what --help shows below the flags.
func (webhookRedeliverCommand) Help() string {
	return `It goes out under the same webhook-id, by which a receiver tells a repetition.

Example:
  tnreserve webhook redeliver --db tnreserve.db --id 0d3c3a52-7f0e-4d0f-8a3b-6a1f0c9e0003`
}

type webhookRedelivered struct {
	Delivery string `json:"delivery"`
}

func (d webhookRedelivered) text(w io.Writer) { fmt.Fprintf(w, textGoesOut, d.Delivery) }

// Run queues the delivery again.
func (c *webhookRedeliverCommand) Run(ctx context.Context, p *process) error {
	if err := c.about(ctx, p, "there is no delivery "+c.ID, func(s *store.Store) error { return s.Redeliver(ctx, console, c.ID) }); err != nil {
		return err
	}
	return c.print(p, webhookRedelivered{c.ID})
}

type webhookNoticeCommand struct {
	database
	output
	Account tel.AccountID `required:"" placeholder:"9500012" help:"The account that is told."`
	Before  time.Duration `required:"" placeholder:"30m" help:"How long before a hold ends; 0s is not at all."`
}

// Help is what --help shows below the flags.
func (webhookNoticeCommand) Help() string {
	return `It counts for all of the account's endpoints that are told of number_reservation.expiring.

Example:
  tnreserve webhook notice --db tnreserve.db --account 9500012 --before 30m`
}

type webhookNotice struct {
	Account tel.AccountID `json:"account"`
	Before  string        `json:"before"`

	before time.Duration
}

func (n webhookNotice) text(w io.Writer) {
	if n.before == 0 {
		fmt.Fprintf(w, "account %d is not told before a hold runs out\n", n.Account)
		return
	}
	fmt.Fprintf(w, "account %d is told %s before a hold runs out\n", n.Account, tel.HumanDuration(n.before))
}

// Run sets the notice.
func (c *webhookNoticeCommand) Run(ctx context.Context, p *process) error {
	if err := c.about(ctx, p, noAccount(c.Account), func(s *store.Store) error { return s.SetExpiringNotice(ctx, console, c.Account, c.Before) }); err != nil {
		return err
	}
	return c.print(p, webhookNotice{c.Account, c.Before.String(), c.Before})
}
