// Command tnreserve keeps an inventory of telephone numbers and lends them out for a
// while. This folder only wires: commands, settings, signals and background loops.
// The rules live in store/tel, the service in store, the dashboard in web.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	private()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to finish; after it the usual rule holds again, so that
	// the second ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// process is what a command has of the world around it, so that a test can be it.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// run is the whole program but for its signals.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	p := &process{stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	chosen, err := p.parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "tnreserve: %v\n", err)
		return exitUsage
	}
	if chosen == nil { // --help was all that was asked for
		return exitOK
	}
	err = chosen(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "tnreserve: %s\n", plainError(err))
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// usageError is a command line that parses and still makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }

func plainError(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return err.Error()
}
