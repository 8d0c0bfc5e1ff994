package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type webhookCommand struct {
	Create webhookCreateCommand `cmd:"" help:"Make an endpoint and print its secret, once."`
	List   webhookListCommand   `cmd:"" help:"List an account's endpoints."`
	Pause  webhookPauseCommand  `cmd:"" help:"Keep an endpoint's deliveries back."`
	Resume webhookResumeCommand `cmd:"" help:"Send to an endpoint again, also what waited."`
	Delete webhookDeleteCommand `cmd:"" help:"End an endpoint."`
	Test   webhookTestCommand   `cmd:"" help:"Queue a test delivery to an endpoint."`
}

type webhookCreateCommand struct {
	database
	output
	Account tel.AccountID      `required:"" placeholder:"9500012" help:"The account that is told."`
	URL     string             `name:"url" required:"" placeholder:"URL" help:"Where it is told: https://example.com/notices."`
	Event   []tel.WebhookEvent `placeholder:"EVENT" help:"What it is told of; comma-separated. Without it: everything."`
}

// Help is what --help shows below the flags.
func (webhookCreateCommand) Help() string {
	text := "A served database sends what happens from now on. The secret is for the webhook-signature header of\nStandard Webhooks; it is printed now and never again.\n\nEvents:\n"
	for _, e := range tel.WebhookEvents() {
		text += fmt.Sprintf("  %-31s %s\n", e.Event, e.Says)
	}
	return text + `
Examples:
  tnreserve webhook create --db tnreserve.db --account 9500012 --url https://example.com/notices
  tnreserve webhook create --db tnreserve.db --account 9500012 --url https://example.com/notices --event number_reservation.expiring,number_reservation.expired --json`
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
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	made, err := s.CreateEndpoint(ctx, console, tel.NewEndpoint{Account: c.Account, URL: c.URL, Events: c.Event})
	if tel.CodeOf(err) == tel.CodeNotFound {
		err = fmt.Errorf("there is no account %d", c.Account)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return c.print(p, webhookCreated{made.ID, made.Secret})
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
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	var list []*tel.Endpoint
	_, err = readAccount(ctx, s, c.Account, nil)
	if tel.CodeOf(err) == tel.CodeNotFound {
		err = fmt.Errorf("there is no account %d", c.Account)
	}
	if err == nil {
		list, err = s.Endpoints(ctx, console, c.Account)
	}
	if err := errors.Join(err, s.Close()); err != nil {
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

// change opens the database, does one thing to the endpoint and says so.
func (f *endpointFlags) change(ctx context.Context, p *process, done string, fn func(*store.Store) (delivery string, err error)) error {
	s, err := f.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	delivery, err := fn(s)
	if tel.CodeOf(err) == tel.CodeNotFound {
		err = fmt.Errorf("there is no endpoint %s", f.ID)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return f.print(p, webhookChanged{ID: f.ID, Done: done, Delivery: delivery})
}

type webhookChanged struct {
	ID       string `json:"id"`
	Done     string `json:"done"`
	Delivery string `json:"delivery,omitempty"`
}

func (c webhookChanged) text(w io.Writer) {
	fmt.Fprintf(w, "endpoint %s is %s\n", c.ID, c.Done)
	if c.Delivery != "" {
		fmt.Fprintf(w, "delivery %s goes out as soon as the database is served\n", c.Delivery)
	}
}

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
