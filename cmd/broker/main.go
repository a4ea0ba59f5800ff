package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once, and the broker with it
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the broker until ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	flags.SetOutput(stderr)
	port := flags.Int("port", 9092, "where to listen on 127.0.0.1; 0 takes a free one")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case *port < 0 || *port > 65535 || flags.NArg() > 0:
		fmt.Fprintln(stderr, "broker: -port is from 0 to 65535, and there is nothing else to say")
		return 2
	}
	fmt.Fprintln(stdout, "starting a Kafka broker; the first time, Maven fetches it (54 MB)")
	err := kafkatest.Serve(ctx, *port, func(address string) { introduce(stdout, address) })
	if err != nil {
		fmt.Fprintf(stderr, "broker: %v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, "the broker is gone, and all that was written to it")
	return 0
}

// introduce says where the broker is and what to try.
func introduce(w io.Writer, address string) {
	fmt.Fprint(w, strings.ReplaceAll(`
a Kafka broker serves ADDRESS until Ctrl-C, and then forgets everything

Try, in another terminal:

  bin/quittance topics plan --log kafka --brokers ADDRESS
  bin/quittance serve --dev --data var/try --log kafka --brokers ADDRESS --topic-prefix try.

or go on with "From one machine to a cluster" in README.md. What is in var/try is of no use later.
`, "ADDRESS", address))
}
