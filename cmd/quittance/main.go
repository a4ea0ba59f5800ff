package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	tuneMemory(os.Getenv)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// Exit codes: what was asked for was done, it failed, it was not asked for properly.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// A program is what a command sees of the world outside.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// run is the program: it does what args ask for until it is done or ctx ends, and returns the exit
// code.
func run(
	ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer,
	getenv func(string) string,
) int {
	p := &program{stdin, stdout, stderr, getenv}
	command, early, err := p.parse(args)
	if early != nil {
		return *early
	}
	if err == nil {
		command.BindTo(ctx, (*context.Context)(nil))
		err = command.Run(p)
	}
	if err == nil {
		return exitDone
	}
	return p.complain(command, err)
}

// complain says why a command was not done, and where its help is when it was not asked for
// properly. It returns the exit code.
func (p *program) complain(command *kong.Context, err error) int {
	var bad *usageError
	var parse *kong.ParseError
	switch {
	case errors.As(err, &parse):
		command = parse.Context
		if errors.As(err, &bad) {
			err = bad // without the name of the command, which stands below
		}
	case errors.As(err, &bad):
	default:
		fmt.Fprintf(p.stderr, "quittance: %v\n", err)
		return exitFailed
	}
	help := "quittance"
	if command != nil && command.Selected() != nil {
		help = command.Selected().FullPath()
	}
	fmt.Fprintf(p.stderr, "quittance: %v\nTry: %s --help\n", err, help)
	return exitUsage
}

// parse reads the command line. It returns an exit code when that was all there was to do, as with
// --help.
func (p *program) parse(args []string) (command *kong.Context, early *int, err error) {
	parser, err := p.parser()
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case exitEarly:
			early = (*int)(&v)
		default:
			panic(v)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err = parser.Parse(args)
	return command, nil, err
}

// A usageError reports flags that do not go together.
type usageError struct{ why string }

func (e *usageError) Error() string { return e.why }

// exitEarly is the panic with which the parser is left.
type exitEarly int

// parser makes the parser of the command line. A flag that is not given is taken from the
// environment: --data from QUITTANCE_DATA.
func (p *program) parser() (*kong.Kong, error) {
	return kong.New(&commands{},
		kong.Name("quittance"),
		kong.Description(description),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { panic(exitEarly(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 96}),
		kong.ValueFormatter(func(v *kong.Value) string {
			if v.Flag == nil || v.Name == "help" {
				return v.Help
			}
			return strings.TrimSpace(v.Help + " ($" + variable(v.Name) + ")")
		}),
		kong.Resolvers(kong.ResolverFunc(
			func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
				text := p.getenv(variable(flag.Name))
				if text == "" || flag.Name == "help" {
					return nil, nil
				}
				if flag.Target.Kind() == reflect.Bool {
					return text == "1" || text == "true" || text == "yes", nil
				}
				return text, nil
			})),
	)
}

// variable names the environment variable of a flag.
func variable(flag string) string {
	return "QUITTANCE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
