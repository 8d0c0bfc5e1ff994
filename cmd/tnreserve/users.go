package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// someone is whom a command is about.
type someone struct {
	database
	output
	Email string `required:"" placeholder:"ada@acme.example" help:"The person's e-mail address."`
}

// do opens the database, finds the person in an account (0: anywhere) and does
// something about them.
func (c someone) do(ctx context.Context, p *process, account tel.AccountID, fn func(*store.Store, *tel.Person) error) error {
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	person, err := c.find(ctx, s, account)
	if err == nil {
		err = fn(s, person)
	}
	return errors.Join(err, s.Close())
}

func (c someone) find(ctx context.Context, s *store.Store, account tel.AccountID) (*tel.Person, error) {
	email, err := tel.CleanEmail(c.Email)
	if err != nil {
		return nil, err
	}
	list, _, err := s.FindPeople(ctx, console, store.PeopleQuery{Account: account, Text: email})
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.Email == email {
			return p, nil
		}
	}
	if account != 0 {
		return nil, fmt.Errorf("%s has no role in account %d", email, account)
	}
	return nil, fmt.Errorf("there is nobody with the address %s", email)
}

type userListCommand struct {
	database
	output
	Account tel.AccountID `placeholder:"9500012" help:"Only this account's."`
}

// Help is what --help shows below the flags.
func (userListCommand) Help() string {
	return `Examples:
  tnreserve user list --db tnreserve.db
  tnreserve user list --db tnreserve.db --account 9500012 --json`
}

type userList struct {
	People []userLine `json:"people"`
}

type userLine struct {
	Email        string     `json:"email"`
	Name         string     `json:"name"`
	Platform     tel.Role   `json:"platform,omitempty"`
	Accounts     []userRole `json:"accounts"`
	SecondFactor bool       `json:"second_factor"`
	Deactivated  string     `json:"deactivated_at,omitempty"`
}

type userRole struct {
	Account     tel.AccountID `json:"account"`
	Role        tel.Role      `json:"role"`
	Deactivated string        `json:"deactivated_at,omitempty"`
}

func newUserLine(p *tel.Person) userLine {
	u := userLine{Email: p.Email, Name: p.Name, Platform: p.Platform, Accounts: []userRole{}, SecondFactor: !p.FactorAt.IsZero(), Deactivated: day(p.OffAt)}
	for _, m := range p.Memberships {
		u.Accounts = append(u.Accounts, userRole{m.Account, m.Role, day(m.OffAt)})
	}
	return u
}

// roles are a person's, in words.
func (u userLine) roles() string {
	var list []string
	if u.Platform != "" {
		list = append(list, string(u.Platform))
	}
	for _, r := range u.Accounts {
		text := string(r.Role) + "@" + r.Account.String()
		if r.Deactivated != "" {
			text += " (deactivated)"
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (l userList) text(w io.Writer) {
	if len(l.People) == 0 {
		fmt.Fprintln(w, "nobody")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "EMAIL\tNAME\tROLES\tSECOND FACTOR\tSTATE")
	for _, u := range l.People {
		factor, state := "off", "active"
		if u.SecondFactor {
			factor = "on"
		}
		if u.Deactivated != "" {
			state = "deactivated"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", u.Email, u.Name, u.roles(), factor, state)
	}
	_ = t.Flush()
}

// Run lists them.
func (c *userListCommand) Run(ctx context.Context, p *process) error {
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	out := userList{People: []userLine{}}
	if c.Account != 0 {
		_, err = readAccount(ctx, s, c.Account, nil)
	}
	if err == nil {
		var list []*tel.Person
		list, _, err = s.FindPeople(ctx, console, store.PeopleQuery{Account: c.Account})
		for _, person := range list {
			out.People = append(out.People, newUserLine(person))
		}
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return c.print(p, out)
}

type userSetCommand struct {
	someone
	Role    string        `required:"" placeholder:"operator|admin|support|member" enum:"operator,admin,support,member" help:"What the person shall be."`
	Account tel.AccountID `placeholder:"9500012" help:"The account that the role is in; the person has one there already. None for an operator, or for support of all accounts."`
}

// Help is what --help shows below the flags.
func (userSetCommand) Help() string {
	return `It counts from the person's next request on. The last operator and the last admin of an account
stay what they are.

Examples:
  tnreserve user set --db tnreserve.db --email ada@acme.example --role member --account 9500012
  tnreserve user set --db tnreserve.db --email ops@carrier.example --role operator`
}

type userChanged struct {
	Email   string        `json:"email"`
	Account tel.AccountID `json:"account,omitempty"`
	Role    string        `json:"role"`
}

func (u userChanged) text(w io.Writer) {
	what, where := u.Role, "on the whole platform"
	if u.Role == "" {
		what = "without a role"
	}
	if u.Account != 0 {
		where = "in account " + u.Account.String()
	}
	fmt.Fprintf(w, "%s is %s %s\n", u.Email, what, where)
}

// setRole changes the role of a person, "" takes it away.
func setRole(ctx context.Context, p *process, c someone, account tel.AccountID, role string) error {
	err := c.do(ctx, p, account, func(s *store.Store, person *tel.Person) error {
		if account == 0 {
			return s.SetPlatformRole(ctx, console, person.Email, tel.Role(role))
		}
		return s.SetRole(ctx, console, person.Email, account, tel.Role(role))
	})
	if err != nil {
		return err
	}
	return c.print(p, userChanged{Email: c.Email, Account: account, Role: role})
}

// Run changes the role.
func (c *userSetCommand) Run(ctx context.Context, p *process) error {
	if err := placed(c.Role, c.Account); err != nil {
		return err
	}
	return setRole(ctx, p, c.someone, c.Account, c.Role)
}

type userRemoveCommand struct {
	someone
	Account tel.AccountID `placeholder:"9500012" help:"The account. Without it: what the person is on the whole platform."`
}

// Help is what --help shows below the flags.
func (userRemoveCommand) Help() string {
	return `The person's next request there is refused. What they have reserved and ordered stays.

Example:
  tnreserve user remove --db tnreserve.db --email ada@acme.example --account 9500012`
}

// Run takes the role away.
func (c *userRemoveCommand) Run(ctx context.Context, p *process) error {
	return setRole(ctx, p, c.someone, c.Account, "")
}

type userDeactivateCommand struct {
	someone
	Account tel.AccountID `placeholder:"9500012" help:"Only in this account. Without it: everywhere."`
	Undo    bool          `help:"Take it back."`
}

// Help is what --help shows below the flags.
func (userDeactivateCommand) Help() string {
	return `Roles are kept, sessions end. The last operator and the last admin of an account cannot be
deactivated.

Examples:
  tnreserve user deactivate --db tnreserve.db --email ada@acme.example
  tnreserve user deactivate --db tnreserve.db --email ada@acme.example --undo`
}

type userDeactivated struct {
	Email       string        `json:"email"`
	Account     tel.AccountID `json:"account,omitempty"`
	Deactivated bool          `json:"deactivated"`
}

func (u userDeactivated) text(w io.Writer) {
	state, where := "active", "everywhere"
	if u.Deactivated {
		state = "deactivated"
	}
	if u.Account != 0 {
		where = "in account " + u.Account.String()
	}
	fmt.Fprintf(w, "%s is %s %s\n", u.Email, state, where)
}

// Run deactivates the person.
func (c *userDeactivateCommand) Run(ctx context.Context, p *process) error {
	err := c.do(ctx, p, c.Account, func(s *store.Store, person *tel.Person) error {
		return s.Deactivate(ctx, console, c.Account, person.ID, !c.Undo)
	})
	if err != nil {
		return err
	}
	return c.print(p, userDeactivated{Email: c.Email, Account: c.Account, Deactivated: !c.Undo})
}

// reachedAt is for links that are handed out.
type reachedAt struct {
	BaseURL string `name:"base-url" placeholder:"URL" default:"http://127.0.0.1:8080" help:"How people reach the server. Default: ${default}."`
}

// base is refused before the link is made.
func (c *reachedAt) base() (string, error) {
	base, ok := cleanBase(c.BaseURL)
	if !ok || base == "" {
		return "", usageError(fmt.Sprintf("--base-url %q is not like https://numbers.example, without a path", c.BaseURL))
	}
	return base, nil
}

type userInviteCommand struct {
	someone
	Role    string        `required:"" placeholder:"operator|admin|support|member" enum:"operator,admin,support,member" help:"What the person shall be."`
	Account tel.AccountID `placeholder:"9500012" help:"The account that the role is in. None for an operator, or for support of all accounts."`
	reachedAt
}

// Help is what --help shows below the flags.
func (userInviteCommand) Help() string {
	return `The link is good for seven days and once; one from before to the same account is over. Somebody new
chooses a password there; who signs in here already signs in, and chooses a new one.

Examples:
  tnreserve user invite --db tnreserve.db --email ada@acme.example --role admin --account 9500012 --base-url https://numbers.example
  tnreserve user invite --db tnreserve.db --email ops@carrier.example --role operator`
}

type userInvited struct {
	Email string `json:"email"`
	URL   string `json:"url"`
}

func (u userInvited) text(w io.Writer) {
	fmt.Fprintf(w, "hand this to %s alone (%s, once): %s\n", u.Email, tel.HumanDuration(tel.InvitationLife), u.URL)
}

// Run makes the link.
func (c *userInviteCommand) Run(ctx context.Context, p *process) error {
	if err := placed(c.Role, c.Account); err != nil {
		return err
	}
	base, err := c.base()
	if err != nil {
		return err
	}
	var token string
	if err := c.about(ctx, p, noAccount(c.Account), func(s *store.Store) (err error) {
		token, err = s.Invite(ctx, console, store.NewInvitation{Email: c.Email, Role: tel.Role(c.Role), Account: c.Account})
		return err
	}); err != nil {
		return err
	}
	return c.print(p, userInvited{Email: c.Email, URL: base + "/invitations/" + token})
}

type userResetLinkCommand struct {
	someone
	reachedAt
	SecondFactor bool `help:"Also take away the second factor, for somebody who lost their phone and their recovery codes."`
}

// Help is what --help shows below the flags.
func (userResetLinkCommand) Help() string {
	return `The link is good for 24 hours and once; one from before is over. Whoever has it sets the person's
password.

Examples:
  tnreserve user reset-link --db tnreserve.db --email ada@acme.example --base-url https://numbers.example
  tnreserve user reset-link --db tnreserve.db --email ops@carrier.example --second-factor`
}

type userReset struct {
	Email string `json:"email"`
	URL   string `json:"url"`
}

func (u userReset) text(w io.Writer) {
	fmt.Fprintf(w, "sets a new password for %s (24 hours, once): %s\n", u.Email, u.URL)
}

// Run makes the link.
func (c *userResetLinkCommand) Run(ctx context.Context, p *process) error {
	base, err := c.base()
	if err != nil {
		return err
	}
	token := ""
	err = c.do(ctx, p, 0, func(s *store.Store, person *tel.Person) (err error) {
		if c.SecondFactor {
			if err := s.ResetFactor(ctx, console, person.ID); err != nil {
				return err
			}
		}
		token, err = s.NewResetLink(ctx, console, 0, person.ID)
		return err
	})
	if err != nil {
		return err
	}
	return c.print(p, userReset{Email: c.Email, URL: base + "/reset/" + token})
}
