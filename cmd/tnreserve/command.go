package main

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"tnreserve/store/tel"
)

// commands is the command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the dashboard, and programs beside it."`
	Migrate migrateCommand `cmd:"" help:"Bring a database's schema forward, or make a new one."`
	Import  importCommand  `cmd:"" help:"Bring inventory in from a CSV file."`
	Account accountCommand `cmd:"" help:"Accounts, the customers of the carrier."`
	User    userCommand    `cmd:"" help:"People who sign in."`
	Client  clientCommand  `cmd:"" help:"API clients, the programs of an account."`
	Webhook webhookCommand `cmd:"" help:"Endpoints, where an account is told what happens."`
	Sweep   sweepCommand   `cmd:"" help:"Make one pass of housekeeping."`
	Check   checkCommand   `cmd:"" help:"Verify every invariant of a database."`
	Backup  backupCommand  `cmd:"" help:"Write a consistent copy of a database, also while it is served."`
	Copy    copyCommand    `cmd:"" help:"Copy a whole installation to another database."`
	Version versionCommand `cmd:"" help:"Tell which tnreserve this is."`
}

// command is a parsed one, ready to go.
type command func(context.Context) error

// parse reads the command line and the environment. It answers nil when the help
// was printed.
func (p *process) parse(args []string) (command, error) {
	helped := false
	parser, err := kong.New(&commands{},
		kong.Name("tnreserve"),
		kong.Description("Keeps an inventory of telephone numbers (TNs) and lends them out for a while: the first to reserve wins."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Bind(p),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(mapDuration)),
		kong.TypeMapper(reflect.TypeFor[tel.AccountID](), kong.MapperFunc(mapAccount)),
		kong.Resolvers(kong.ResolverFunc(p.fromEnvironment)),
		kong.ValueFormatter(helpWithVariable),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return nil, err // a mistake in the structs above, which every test would see
	}
	chosen, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, withHint(err)
	}
	return func(ctx context.Context) error {
		chosen.BindTo(ctx, (*context.Context)(nil))
		return chosen.Run()
	}, nil
}

// withHint says where to read how it is done.
func withHint(err error) error {
	path := "tnreserve"
	if e, ok := errors.AsType[*kong.ParseError](err); ok && e.Context.Selected() != nil {
		path = e.Context.Selected().FullPath()
	}
	return usageError(fmt.Sprintf("%v\nRun \"%s --help\" for more.", err, path))
}

// variable is the name of a flag in the environment: --base-url is TNRESERVE_BASE_URL.
func variable(flag string) string {
	return "TNRESERVE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment gives a flag that is not on the command line its variable's value.
// An empty variable counts as not set.
func (p *process) fromEnvironment(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" {
		return nil, nil
	}
	if value := p.getenv(variable(flag.Name)); value != "" {
		return value, nil
	}
	return nil, nil
}

func helpWithVariable(v *kong.Value) string {
	if v.Flag == nil || v.Name == "help" {
		return v.Help
	}
	return fmt.Sprintf("%s (%s)", v.Help, variable(v.Name))
}

func mapDuration(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := parseDuration(text)
	if err == nil {
		target.SetInt(int64(d))
	}
	return err
}

// parseDuration reads Go's forms (90m, 1h30m, 0s) and days in front of them: 2d, 1d12h.
func parseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	} else if rest == "" {
		rest = "0s"
	}
	var n int
	d, err := time.ParseDuration(rest)
	if _, scanErr := fmt.Sscanf(days+"\n", "%d\n", &n); err != nil || scanErr != nil || d < 0 || n < 0 || n > 36500 {
		return 0, fmt.Errorf("%q is not a duration such as 90m, 4h or 2d", s)
	}
	return time.Duration(n)*24*time.Hour + d, nil
}

func mapAccount(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("account", &text); err != nil {
		return err
	}
	id, err := tel.ParseAccountID(text)
	target.SetInt(int64(id))
	return err
}

// onOff is a switch as a person writes it.
type onOff bool

var _ encoding.TextUnmarshaler = (*onOff)(nil)

// UnmarshalText reads "on" or "off".
func (o *onOff) UnmarshalText(text []byte) error {
	switch string(text) {
	case "on":
		*o = true
	case "off":
		*o = false
	default:
		return fmt.Errorf("%q is neither on nor off", text)
	}
	return nil
}

func (o onOff) String() string {
	if o {
		return "on"
	}
	return "off"
}
