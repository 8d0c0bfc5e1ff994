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
	Config string `placeholder:"FILE" help:"Read settings from this file (TOML); \"tnreserve config --help\" shows one."`

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
	Restore restoreCommand `cmd:"" help:"Put a backup in the place of a database."`
	Copy    copyCommand    `cmd:"" help:"Copy a whole installation to another database."`
	Version versionCommand `cmd:"" help:"Tell which tnreserve this is."`

	ShowConfig configCommand `cmd:"" name:"config" help:"Print the settings in force for serve, and where each comes from."`
}

// command is a parsed one, ready to go.
type command func(context.Context) error

// parse reads the command line and the environment. It answers nil when the help
// was printed.
func (p *process) parse(args []string) (command, error) {
	helped := false
	from := &settings{getenv: p.getenv, from: map[string]string{}}
	parser, err := kong.New(&commands{},
		kong.Name("tnreserve"),
		kong.Description("Keeps an inventory of telephone numbers (TNs) and lends them out for a while: the first to reserve wins."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Bind(p, from),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(mapDuration)),
		kong.TypeMapper(reflect.TypeFor[tel.AccountID](), kong.MapperFunc(mapAccount)),
		kong.Resolvers(kong.ResolverFunc(from.resolve)),
		kong.ValueFormatter(helpWithVariable),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return nil, err // a mistake in the structs above, which every test would see
	}
	if from.file, err = p.configFile(parser, args); err != nil {
		return nil, usageError(err.Error())
	}
	chosen, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, withHint(err)
	}
	chosen.Bind(chosen)
	return func(ctx context.Context) error {
		chosen.BindTo(ctx, (*context.Context)(nil))
		return chosen.Run()
	}, nil
}

// configFile reads the file that --config or its variable names; nil for none.
func (p *process) configFile(parser *kong.Kong, args []string) (*configFile, error) {
	name := p.getenv(variable("config"))
	given, err := kong.Trace(parser, args)
	if err != nil {
		return nil, err
	}
	for _, path := range given.Path {
		if path.Flag != nil && path.Flag.Name == "config" {
			name, _ = given.FlagValue(path.Flag).(string)
		}
	}
	if name == "" {
		return nil, nil
	}
	file, err := readConfig(name, parser.Model.Node)
	if err != nil {
		return nil, err
	}
	if said := file.warning(); said != "" {
		fmt.Fprintf(p.stderr, "tnreserve: warning: %s\n", said)
	}
	return file, nil
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

func helpWithVariable(v *kong.Value) string {
	if v.Flag == nil || v.Name == "help" {
		return v.Help
	}
	names := variable(v.Name)
	if v.Tag.Has("secret") {
		names += ", or " + names + "_FILE"
	}
	return fmt.Sprintf("%s (%s)", v.Help, names)
}

func mapDuration(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := tel.ParseDuration("", text)
	if err == nil {
		target.SetInt(int64(d))
	}
	return err
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
