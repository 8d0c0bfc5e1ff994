package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

type accountCommand struct {
	Create accountCreateCommand `cmd:"" help:"Make an account."`
	Set    accountSetCommand    `cmd:"" help:"Switch reservation on or off for an account, or change its policy."`
}

type accountCreateCommand struct {
	database
	output
	ID           tel.AccountID `required:"" placeholder:"9500012" help:"The account's number, 1 to 12 digits."`
	Name         string        `required:"" placeholder:"NAME" help:"The account's name."`
	Reservations onOff         `placeholder:"on|off" default:"off" help:"Whether it may reserve. Default: ${default}."`
}

// Help is what --help shows below the flags.
func (accountCreateCommand) Help() string {
	return `The account begins with the usual policy (holds of 4 hours, at most 12 with 3 extensions);
"tnreserve account set" changes it.

Example:
  tnreserve account create --db tnreserve.db --id 9500012 --name "Acme Tel" --reservations on`
}

// Run makes the account.
func (c *accountCreateCommand) Run(ctx context.Context, p *process) error {
	s, err := c.open(ctx, p, false)
	if err != nil {
		return err
	}
	a := tel.Account{ID: c.ID, Name: c.Name, ReservationsOn: bool(c.Reservations), Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()}
	err = s.CreateAccount(ctx, console, a)
	out, readErr := readAccount(ctx, s, c.ID, err)
	if err := errors.Join(readErr, s.Close()); err != nil {
		return err
	}
	return c.print(p, out)
}

type accountSetCommand struct {
	database
	output
	ID                tel.AccountID  `required:"" placeholder:"9500012" help:"The account's number."`
	Reservations      *onOff         `placeholder:"on|off" help:"Whether it may reserve."`
	Live              string         `placeholder:"keep|end" enum:"keep,end" default:"keep" help:"When switching off: live holds run to their expiry (keep, the default) or end now (end)."`
	Window            *time.Duration `placeholder:"4h" help:"How long a hold lasts, and what an extension adds."`
	Ceiling           *time.Duration `placeholder:"12h" help:"How long a hold may last with all its extensions."`
	MaxExtensions     *int           `placeholder:"N" help:"How often a hold may be extended."`
	MaxHeld           *int           `placeholder:"N" help:"How many TNs the account may hold at once."`
	MaxPerReservation *int           `placeholder:"N" help:"How many TNs one reservation may have."`
	Cooldown          *time.Duration `placeholder:"0s" help:"How long the account may not take a TN again after its hold ended; 0s is off."`
	MaxShare          *int           `placeholder:"N" help:"How many it may hold at once, in percent of its TNs in service, though never less than one reservation may have; 0 is off."`
	Aging             *time.Duration `placeholder:"90d" help:"How long a TN that it disconnects rests before others may have it: 90d for residential customers, 365d for business."`
}

// Help is what --help shows below the flags.
func (accountSetCommand) Help() string {
	return `Only what is given changes. Durations: 90m, 4h, 1h30m, 2d. A new policy counts for new holds.

Examples:
  tnreserve account set --db tnreserve.db --id 9500012 --reservations on
  tnreserve account set --db tnreserve.db --id 9500012 --reservations off --live end
  tnreserve account set --db tnreserve.db --id 9500012 --window 2h --ceiling 2d --max-held 500`
}

// Run changes the policy first: if that is refused, the switch stays too.
func (c *accountSetCommand) Run(ctx context.Context, p *process) error {
	if err := c.sensible(); err != nil {
		return err
	}
	if c.Aging != nil { // with the policy, which is asked for first, it would be half done
		if err := tel.CheckAging(*c.Aging); err != nil {
			return err
		}
	}
	s, err := c.openExisting(ctx, p, false)
	if err != nil {
		return err
	}
	ended, err := c.set(ctx, s)
	out, err := readAccount(ctx, s, c.ID, err)
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	out.Ended = ended
	return c.print(p, out)
}

func (c *accountSetCommand) sensible() error {
	switchingOff := c.Reservations != nil && !bool(*c.Reservations)
	switch {
	case c.Live == "end" && !switchingOff:
		return usageError("--live end goes with --reservations off")
	case c.Reservations == nil && c.Aging == nil && !c.changesPolicy():
		return usageError("say what to change: --reservations, --window, --ceiling, --max-extensions, --max-held, --max-per-reservation, --cooldown, --max-share or --aging")
	}
	return nil
}

func (c *accountSetCommand) changesPolicy() bool {
	return c.Window != nil || c.Ceiling != nil || c.MaxExtensions != nil || c.MaxHeld != nil || c.MaxPerReservation != nil || c.Cooldown != nil || c.MaxShare != nil
}

func (c *accountSetCommand) set(ctx context.Context, s *store.Store) (ended int, err error) {
	if c.changesPolicy() {
		a, err := s.Account(ctx, console, c.ID)
		if err != nil {
			return 0, err
		}
		if err := s.SetPolicy(ctx, console, c.ID, c.policy(a.Policy)); err != nil {
			return 0, err
		}
	}
	if c.Aging != nil {
		if err := s.SetAging(ctx, console, c.ID, *c.Aging); err != nil {
			return 0, err
		}
	}
	if c.Reservations == nil {
		return 0, nil
	}
	return s.SwitchReservations(ctx, console, c.ID, bool(*c.Reservations), store.Live(c.Live == "end"))
}

// policy is the account's own with what was given in its place.
func (c *accountSetCommand) policy(p tel.Policy) tel.Policy {
	put(&p.Window, c.Window)
	put(&p.Ceiling, c.Ceiling)
	put(&p.MaxExtensions, c.MaxExtensions)
	put(&p.MaxHeld, c.MaxHeld)
	put(&p.MaxPerReservation, c.MaxPerReservation)
	put(&p.CoolDown, c.Cooldown)
	put(&p.MaxShare, c.MaxShare)
	return p
}

func put[T any](into, given *T) {
	if given != nil {
		*into = *given
	}
}

// accountState is an account as the commands print it.
type accountState struct {
	ID                tel.AccountID `json:"id"`
	Name              string        `json:"name"`
	Reservations      string        `json:"reservations"`
	Window            string        `json:"window"`
	Ceiling           string        `json:"ceiling"`
	MaxExtensions     int           `json:"max_extensions"`
	MaxHeld           int           `json:"max_held"`
	MaxPerReservation int           `json:"max_per_reservation"`
	Cooldown          string        `json:"cooldown"`
	MaxShare          int           `json:"max_share"` // percent of Working; 0 is off
	Working           int           `json:"working"`   // TNs in service
	Aging             string        `json:"aging"`
	Held              int           `json:"held"`
	Ended             int           `json:"ended"` // reservations that switching off has ended

	policy tel.Policy
	aging  time.Duration
}

// readAccount reads an account for printing, unless what was done to it failed.
func readAccount(ctx context.Context, s *store.Store, id tel.AccountID, failed error) (accountState, error) {
	var a *tel.Account
	if failed == nil {
		a, failed = s.Account(ctx, console, id)
	}
	if tel.CodeOf(failed) == tel.CodeNotFound {
		failed = errors.New(noAccount(id))
	}
	if failed != nil {
		return accountState{}, failed
	}
	p := a.Policy
	return accountState{ID: a.ID, Name: a.Name, Reservations: onOff(a.ReservationsOn).String(), Held: a.Held,
		Window: p.Window.String(), Ceiling: p.Ceiling.String(), Cooldown: p.CoolDown.String(), Aging: a.Aging.String(),
		MaxExtensions: p.MaxExtensions, MaxHeld: p.MaxHeld, MaxPerReservation: p.MaxPerReservation, MaxShare: p.MaxShare, Working: a.Working, policy: p, aging: a.Aging}, nil
}

func (a accountState) text(w io.Writer) {
	fmt.Fprintf(w, "%d %s: reservations %s\n", a.ID, a.Name, a.Reservations)
	fmt.Fprintf(w, "holds last %s and at most %s with %s; cool-down: %s; disconnected TNs age %s\n",
		tel.HumanDuration(a.policy.Window), tel.HumanDuration(a.policy.Ceiling), tel.Plural(a.MaxExtensions, "extension"), tel.HumanDuration(a.policy.CoolDown), tel.HumanDuration(a.aging))
	fmt.Fprintf(w, "holds %s of %s, at most %s per reservation\n", tel.Count(a.Held), tel.Plural(a.MaxHeld, "TN"), tel.Count(a.MaxPerReservation))
	if a.MaxShare > 0 {
		fmt.Fprintf(w, "and at most %d%% of the %s in service, or one reservation\n", a.MaxShare, tel.Plural(a.Working, "TN"))
	}
	if a.Ended > 0 {
		fmt.Fprintf(w, "ended %s\n", tel.Plural(a.Ended, "live reservation"))
	}
}
