// Command bench measures what the README promises and prints it as a table. It is no
// test: a machine is fast or slow, and the figures are for a person to read. All
// that is compared is compared in one run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	data := flag.String("data", "", "CSV with npa,nxx,city,state,rate_center,lata of the whole country; empty makes one of that size")
	binary := flag.String("binary", "bin/tnreserve", "the program to measure")
	dir := flag.String("dir", "", "folder for databases; empty is a temporary one")
	only := flag.String("only", "", "comma-separated: import,search,http,reserve,holds,load,postgres; empty is all")
	holds := flag.Int("holds", 1_000_000, "live holds for the part \"holds\"")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, *binary, *dir, *only, *holds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run: where it works, and what it found.
type bench struct {
	ctx    context.Context
	binary string
	dir    string
	csv    string
	made   bool   // csv, by writeCountry
	db     string // the whole country, imported
	holds  int
	table  *tabwriter.Writer
}

func run(ctx context.Context, data, binary, dir, only string, holds int) error {
	if dir == "" {
		temp, err := os.MkdirTemp("", "tnreserve-bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	b := &bench{ctx: ctx, binary: binary, dir: dir, csv: data, db: filepath.Join(dir, "country.db"), holds: holds, table: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
	defer b.table.Flush()
	if b.csv == "" {
		b.csv, b.made = filepath.Join(dir, "country.csv"), true
		if err := writeCountry(b.csv); err != nil {
			return err
		}
	}
	parts := []struct {
		name string
		run  func() error
	}{{"import", b.measureImport}, {"search", b.measureSearch}, {"http", b.measureHTTP}, {"reserve", b.measureReserve}, {"holds", b.measureHolds}, {"load", b.measureLoad}, {"postgres", b.measurePostgres}}
	if _, err := os.Stat(b.db); err != nil && only != "" && only != "postgres" && !strings.Contains(only, "import") {
		return fmt.Errorf("%s is not there yet: the part \"import\" comes first", b.db)
	}
	for _, p := range parts {
		if only != "" && !slices.Contains(strings.Split(only, ","), p.name) {
			continue
		}
		if err := p.run(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		b.table.Flush()
	}
	return nil
}

func (b *bench) title(s string) { fmt.Fprintf(b.table, "\n%s\n", s) }

// row prints a line: what, the figure, and what was asked for.
func (b *bench) row(what, figure, wanted string) {
	fmt.Fprintf(b.table, "  %s\t%s\t%s\n", what, figure, wanted)
}

// times are durations of which quantiles are asked.
type times []time.Duration

func (t times) quantile(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	slices.Sort(t)
	return t[min(len(t)-1, int(q*float64(len(t))))]
}

func (t times) String() string {
	return fmt.Sprintf("p50 %s  p99 %s  max %s", round(t.quantile(.5)), round(t.quantile(.99)), round(t.quantile(1)))
}

func round(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
