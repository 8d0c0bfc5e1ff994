package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type userCommand struct {
	Create     userCreateCommand     `cmd:"" help:"Make a person who can sign in."`
	Invite     userInviteCommand     `cmd:"" help:"Make a link that gives somebody a role, once."`
	List       userListCommand       `cmd:"" help:"List people and their roles."`
	Set        userSetCommand        `cmd:"" help:"Change a person's role."`
	Remove     userRemoveCommand     `cmd:"" help:"Take a person's role away."`
	Deactivate userDeactivateCommand `cmd:"" help:"Keep a person from signing in, or take that back."`
	ResetLink  userResetLinkCommand  `cmd:"" help:"Make a link that sets a new password, once."`
}

type userCreateCommand struct {
	database
	output
	Email         string        `required:"" placeholder:"ada@acme.example" help:"The e-mail address to sign in with."`
	Name          string        `placeholder:"NAME" help:"The person's name."`
	Role          string        `required:"" placeholder:"operator|admin|support|member" enum:"operator,admin,support,member" help:"What the person may do."`
	Account       tel.AccountID `placeholder:"9500012" help:"The account that the role is in. None for an operator, or for support of all accounts."`
	PasswordStdin bool          `help:"Read the password from standard input. Without it the password is asked for on the terminal."`
}

// Help is what --help shows below the flags.
func (userCreateCommand) Help() string {
	return `Somebody who signs in here already keeps their own password: give them one more role with
"user invite", which they accept as themselves.

Examples:
  tnreserve user create --db tnreserve.db --email ops@carrier.example --role operator
  pass show ada | tnreserve user create --db tnreserve.db --email ada@acme.example --role admin --account 9500012 --password-stdin`
}

type userCreated struct {
	Email   string        `json:"email"`
	Name    string        `json:"name"`
	Role    string        `json:"role"`
	Account tel.AccountID `json:"account,omitempty"`
}

func (u userCreated) text(w io.Writer) {
	where := "of the whole platform"
	if u.Account != 0 {
		where = "of account " + u.Account.String()
	}
	fmt.Fprintf(w, "%s can sign in: %s %s\n", u.Email, u.Role, where)
}

// Run makes the person.
func (c *userCreateCommand) Run(ctx context.Context, p *process) error {
	if err := placed(c.Role, c.Account); err != nil {
		return err
	}
	if err := c.exists(); err != nil { // before a password is typed for nothing
		return err
	}
	password, err := c.password(p)
	if err != nil {
		return err
	}
	var person *tel.Person
	if err := c.about(ctx, p, noAccount(c.Account), func(s *store.Store) (err error) {
		person, err = s.CreatePerson(ctx, console, store.NewPerson{Email: c.Email, Name: c.Name, Password: password, Role: tel.Role(c.Role), Account: c.Account})
		return err
	}); err != nil {
		return err
	}
	return c.print(p, userCreated{Email: person.Email, Name: person.Name, Role: c.Role, Account: c.Account})
}

// placed tells whether a role goes with an account, or with none.
func placed(role string, account tel.AccountID) error {
	if err := tel.CheckPlace(tel.Role(role), account); err != nil {
		return usageError(err.Error())
	}
	return nil
}

// password is never an argument: those are in every process list.
func (c *userCreateCommand) password(p *process) (string, error) {
	if c.PasswordStdin {
		return readPassword(p.stdin)
	}
	in, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usageError("give the password on standard input, with --password-stdin")
	}
	fmt.Fprintf(p.stderr, "Password for %s: ", c.Email)
	typed, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(p.stderr)
	return string(typed), orEmpty(string(typed), err)
}

// readPassword is the first line, without its end.
func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 64<<10)).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	return line, orEmpty(line, err)
}

// orEmpty refuses a missing password: a person without one can sign in by link only.
func orEmpty(password string, err error) error {
	if err == nil && password == "" {
		return errors.New("there was no password on standard input")
	}
	return err
}
