package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/tel"
)

type importCommand struct {
	database
	output
	File           string `arg:"" placeholder:"FILE|-" help:"The CSV file, or - for standard input."`
	DryRun         bool   `help:"Read and report only; write nothing, not even a new database."`
	Strict         bool   `help:"Refuse the whole file at the first bad row."`
	AllowFictional bool   `help:"Take 555-0100 to 555-0199, which belong to nobody; for demos."`
}

// Help is what --help shows below the flags.
func (importCommand) Help() string {
	return `The file has a header. Each row names TNs in one of three ways: tn (one TN), npa,nxx[,x] (an
exchange or a thousands-block) or start,end (a range). It may also say city, state, rate_center,
lata, carrier, features, tier and monthly_cost. Bad rows are refused with line and reason, the rest
goes in. Importing only adds and changes; an import that was stopped may be run again.

Examples:
  tnreserve import --db tnreserve.db inventory.csv --dry-run
  tnreserve import --db tnreserve.db inventory.csv
  zcat inventory.csv.gz | tnreserve import --db tnreserve.db - --json`
}

// importReport is what an import prints.
type importReport struct {
	File     string          `json:"file"`
	Rows     int             `json:"rows"`
	Accepted int             `json:"accepted"`
	Refused  int             `json:"refused"`
	Refusals []refusal       `json:"refusals"` // the first 1,000
	Notices  []string        `json:"notices"`
	Blocks   int             `json:"blocks"`
	TNs      int64           `json:"tns"`
	DryRun   bool            `json:"dry_run"`
	Imported *store.Imported `json:"imported,omitempty"`
}

type refusal struct {
	Line   int    `json:"line"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Run reads the file, then writes what it says.
func (c *importCommand) Run(ctx context.Context, p *process) error {
	inv, err := c.read(ctx, p)
	if err != nil {
		return err
	}
	report := newImportReport(c.File, c.DryRun, inv)
	if report.Imported, err = c.bring(ctx, p, inv); err != nil {
		return err
	}
	if err := c.print(p, report); err != nil {
		return err
	}
	if report.Accepted == 0 {
		return fmt.Errorf("%s has no row that can be imported", c.File)
	}
	return nil
}

func (c *importCommand) read(ctx context.Context, p *process) (*intake.Inventory, error) {
	in, size, err := c.input(p)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	bar := newProgress(p.stderr, "reading", "bytes", size)
	defer bar.end()
	inv, err := intake.Read(ctx, in, intake.Options{Strict: c.Strict, AllowFictional: c.AllowFictional,
		Progress: func(n int64) { bar.at(n, size) }})
	if err != nil {
		return nil, fmt.Errorf("%s was refused, nothing was written: %w", c.File, err)
	}
	return inv, nil
}

// input is the file, and its size where that is known.
func (c *importCommand) input(p *process) (io.ReadCloser, int64, error) {
	if c.File == "-" {
		return io.NopCloser(p.stdin), 0, nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read %s: %w", c.File, cause(err))
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("cannot read %s: %w", c.File, err), f.Close())
	}
	return f, info.Size(), nil
}

// cause is a file error without "open NAME" in front.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// bring writes what was read; a dry run only counts what would be written, where
// there is a database to compare with.
func (c *importCommand) bring(ctx context.Context, p *process, inv *intake.Inventory) (*store.Imported, error) {
	switch {
	case len(inv.Blocks) == 0 || c.DryRun && c.exists() != nil:
		return nil, nil
	case c.DryRun:
		cfg := p.config(false)
		cfg.Schema = store.SchemaRefuse
		s, err := c.openExistingWith(ctx, cfg)
		if err != nil {
			return nil, err
		}
		would, err := s.CompareImport(ctx, console, inv)
		return &would, errors.Join(err, s.Close())
	}
	done, err := c.write(ctx, p, inv)
	return &done, err
}

func (c *importCommand) write(ctx context.Context, p *process, inv *intake.Inventory) (store.Imported, error) {
	s, err := c.open(ctx, p, false)
	if err != nil {
		return store.Imported{}, err
	}
	bar := newProgress(p.stderr, "importing", "blocks", int64(len(inv.Blocks)))
	far := 0
	done, err := s.Import(ctx, console, inv, func(n, total int) {
		far = n
		bar.at(int64(n), int64(total))
	})
	bar.end()
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	if err != nil && far > 0 {
		err = fmt.Errorf("%s of %s are imported and stay; run the same import again for the rest. The next ones failed: %w",
			tel.Count(far), tel.Plural(len(inv.Blocks), "block"), err)
	}
	return done, errors.Join(err, s.Close())
}

func newImportReport(file string, dryRun bool, inv *intake.Inventory) importReport {
	r := importReport{File: file, DryRun: dryRun, Rows: inv.Rows, Accepted: inv.Accepted, Refused: inv.RefusedCount,
		Refusals: []refusal{}, Notices: []string{}, Blocks: len(inv.Blocks), TNs: inv.TNs}
	for _, bad := range inv.Refused {
		r.Refusals = append(r.Refusals, refusal{bad.Line, bad.Field, bad.Reason.String()})
	}
	for _, n := range inv.Notices {
		r.Notices = append(r.Notices, n.String())
	}
	return r
}

// refusalsShown is how many refusals a person is shown.
const refusalsShown = 20

func (r importReport) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s read, %s accepted, %s refused\n", r.File, tel.Plural(r.Rows, "row"), tel.Count(r.Accepted), tel.Count(r.Refused))
	for _, bad := range r.Refusals[:min(refusalsShown, len(r.Refusals))] {
		fmt.Fprintf(w, "  line %d, %s: %s\n", bad.Line, cmp.Or(bad.Field, "row"), bad.Reason)
	}
	if more := r.Refused - refusalsShown; more > 0 {
		fmt.Fprintf(w, "  and %s more; --json lists up to 1,000\n", tel.Count(more))
	}
	for _, n := range r.Notices {
		fmt.Fprintf(w, "notice: %s\n", n)
	}
	fmt.Fprintf(w, "%s with %s\n", tel.Plural(r.Blocks, "thousands-block"), tel.Plural(int(r.TNs), "TN"))
	if i := r.Imported; i != nil {
		what := "imported"
		if r.DryRun {
			what = "it would be"
		}
		fmt.Fprintf(w, "%s: %s new, %s changed, %s unchanged; %s new\n", what, tel.Plural(i.BlocksNew, "block"),
			tel.Count(i.BlocksChanged), tel.Count(i.BlocksUnchanged), tel.Plural(int(i.TNsNew), "TN"))
	}
	if r.DryRun {
		fmt.Fprintln(w, "dry run: nothing was written")
	}
}
