package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type clientCommand struct {
	Create clientCreateCommand `cmd:"" help:"Make an API client and print its credentials, once."`
	List   clientListCommand   `cmd:"" help:"List an account's API clients."`
	Revoke clientRevokeCommand `cmd:"" help:"End an API client at once."`
	Rotate clientRotateCommand `cmd:"" help:"Give an API client new credentials."`
}

type clientCreateCommand struct {
	database
	output
	Account tel.AccountID `required:"" placeholder:"9500012" help:"The account that it works for."`
	Name    string        `required:"" placeholder:"NAME" help:"What people call it."`
	Role    string        `required:"" placeholder:"admin|member" enum:"admin,member" help:"What it may do."`
	Expires time.Duration `placeholder:"90d" default:"0s" help:"How long it lives. Without it: until it is revoked."`
}

// Help is what --help shows below the flags.
func (clientCreateCommand) Help() string {
	return `User name and password are for HTTP Basic, and serve as OAuth2 client id and secret; the key is a
bearer key. They are printed now and never again: the database keeps only their hashes.

A member searches, reserves, and reads and orders by a reservation's id. An admin also lists, looks up
by TN, orders what is free, disconnects, and turns the account's switch.

Examples:
  tnreserve client create --db tnreserve.db --account 9500012 --name "Web shop" --role member
  tnreserve client create --db tnreserve.db --account 9500012 --name CI --role admin --expires 90d --json`
}

// credentials are a client's secrets as the commands print them.
type credentials struct {
	ID        string `json:"id"`
	Username  string `json:"username"`
	Password  string `json:"password"`
	Key       string `json:"key"`
	ExpiresAt string `json:"expires_at,omitempty"`
	// OldUntil is when the password and key that these replace end.
	OldUntil string `json:"old_until,omitempty"`
}

func (c credentials) text(w io.Writer) {
	fmt.Fprintf(w, "id        %s\nusername  %s\npassword  %s\nkey       %s\n", c.ID, c.Username, c.Password, c.Key)
	if c.ExpiresAt != "" {
		fmt.Fprintf(w, "expires   %s\n", c.ExpiresAt)
	}
	if c.OldUntil != "" {
		fmt.Fprintf(w, "the ones before end %s\n", c.OldUntil)
	}
	fmt.Fprintln(w, "Keep them now: they are not shown again.")
}

func newCredentials(c *store.NewClientCredentials) credentials {
	return credentials{ID: c.ID, Username: c.Username, Password: c.Password, Key: c.Key, ExpiresAt: day(c.ExpiresAt)}
}

// day is an instant in the output, "" for none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Run makes the client.
func (c *clientCreateCommand) Run(ctx context.Context, p *process) error {
	var made *store.NewClientCredentials
	if err := c.about(ctx, p, noAccount(c.Account), func(s *store.Store) (err error) {
		made, err = s.CreateClient(ctx, console, store.NewClient{Account: c.Account, Name: c.Name, Role: tel.Role(c.Role), Expires: c.Expires})
		return err
	}); err != nil {
		return err
	}
	return c.print(p, newCredentials(made))
}

type clientListCommand struct {
	database
	output
	Account tel.AccountID `required:"" placeholder:"9500012" help:"The account."`
}

// Help is what --help shows below the flags.
func (clientListCommand) Help() string {
	return `Example:
  tnreserve client list --db tnreserve.db --account 9500012`
}

type clientList struct {
	Clients []clientLine `json:"clients"`
}

type clientLine struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Role       tel.Role        `json:"role"`
	Username   string          `json:"username"`
	State      tel.ClientState `json:"state"`
	CreatedAt  string          `json:"created_at"`
	LastUsedAt string          `json:"last_used_at,omitempty"`
	ExpiresAt  string          `json:"expires_at,omitempty"`
	RevokedAt  string          `json:"revoked_at,omitempty"`
}

func (l clientList) text(w io.Writer) {
	if len(l.Clients) == 0 {
		fmt.Fprintln(w, "no API client")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tROLE\tUSERNAME\tSTATE\tLAST USED\tEXPIRES")
	for _, c := range l.Clients {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.Name, c.Role, c.Username, c.State, orNever(c.LastUsedAt), orNever(c.ExpiresAt))
	}
	_ = t.Flush()
}

func orNever(s string) string {
	if s == "" {
		return "never"
	}
	return s
}

// Run lists them.
func (c *clientListCommand) Run(ctx context.Context, p *process) error {
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	var list []*tel.Client
	if _, err = readAccount(ctx, s, c.Account, nil); err == nil {
		list, err = s.Clients(ctx, console, c.Account)
	}
	now := s.Now()
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	out := clientList{Clients: []clientLine{}}
	for _, k := range list {
		out.Clients = append(out.Clients, clientLine{ID: k.ID, Name: k.Name, Role: k.Role, Username: k.Username, State: k.StateAt(now),
			CreatedAt: day(k.CreatedAt), LastUsedAt: day(k.LastUsedAt), ExpiresAt: day(k.ExpiresAt), RevokedAt: day(k.RevokedAt)})
	}
	return c.print(p, out)
}

type clientRevokeCommand struct {
	database
	output
	ID string `required:"" placeholder:"UUID" help:"The client's id, from \"client list\"."`
}

// Help is what --help shows below the flags.
func (clientRevokeCommand) Help() string {
	return `Its next request is refused. What it has reserved and ordered stays.

Example:
  tnreserve client revoke --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002`
}

type clientRevoked struct {
	ID      string `json:"id"`
	Revoked bool   `json:"revoked"`
}

func (r clientRevoked) text(w io.Writer) { fmt.Fprintf(w, "client %s is revoked\n", r.ID) }

// Run revokes the client.
func (c *clientRevokeCommand) Run(ctx context.Context, p *process) error {
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	err = noClient(c.ID, s.RevokeClient(ctx, console, c.ID))
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return c.print(p, clientRevoked{ID: c.ID, Revoked: true})
}

func noClient(id string, err error) error {
	if tel.CodeOf(err) == tel.CodeNotFound {
		return fmt.Errorf("there is no client %s", id)
	}
	return err
}

type clientRotateCommand struct {
	database
	output
	ID      string        `required:"" placeholder:"UUID" help:"The client's id, from \"client list\"."`
	Overlap time.Duration `required:"" placeholder:"24h" help:"How long the password and key that it has stay good beside the new ones; 0s ends them now."`
}

// Help is what --help shows below the flags.
func (clientRotateCommand) Help() string {
	return `The client keeps its id and user name, and gets a new password and a new key.

Examples:
  tnreserve client rotate --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002 --overlap 24h
  tnreserve client rotate --db tnreserve.db --id 4b0f7c1e-6d0e-4f3a-9a55-2b7cf1a00002 --overlap 0s --json`
}

// Run rotates the client's secrets.
func (c *clientRotateCommand) Run(ctx context.Context, p *process) error {
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	made, err := s.RotateClient(ctx, console, c.ID, "", c.Overlap)
	until := s.Now().Add(c.Overlap)
	if err := errors.Join(noClient(c.ID, err), s.Close()); err != nil {
		return err
	}
	out := newCredentials(made)
	out.OldUntil = day(until)
	return c.print(p, out)
}
