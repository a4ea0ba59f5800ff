package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/quittance/quittance/gateways/sandbox"
)

// sandboxCommand serves the provider that moves no money as a process of its own.
type sandboxCommand struct {
	Listen     string `help:"Where to listen; port 0 takes a free one." default:"127.0.0.1:8090"`
	Data       string `help:"The folder of its books." default:"var/sandbox"`
	WebhookURL string `name:"webhook-url" help:"Where webhooks are sent." placeholder:"URL"`
	faultFlags
}

// faultFlags say what goes wrong, each in so many of a thousand cases.
type faultFlags struct {
	Seed        uint64 `help:"The same seed and requests meet the same faults." group:"Faults, in so many of a thousand cases:"`
	Decline     int    `help:"Decline a method that would succeed." group:"Faults, in so many of a thousand cases:"`
	Timeout     int    `help:"Do what was asked and never answer." group:"Faults, in so many of a thousand cases:"`
	ErrorBefore int    `help:"Answer 500 and do nothing." group:"Faults, in so many of a thousand cases:"`
	ErrorAfter  int    `help:"Do what was asked and answer 500." group:"Faults, in so many of a thousand cases:"`
	Duplicate   int    `help:"Send a webhook twice." group:"Faults, in so many of a thousand cases:"`
	Reorder     int    `help:"Send a webhook after those that follow it." group:"Faults, in so many of a thousand cases:"`
	Late        int    `help:"Send a webhook a minute late." group:"Faults, in so many of a thousand cases:"`
	Conflict    int    `help:"Send a webhook that says that something else happened." group:"Faults, in so many of a thousand cases:"`
}

func (f faultFlags) faults() sandbox.Faults {
	return sandbox.Faults{Seed: f.Seed, Decline: f.Decline, Timeout: f.Timeout,
		ErrorBefore: f.ErrorBefore, ErrorAfter: f.ErrorAfter, Duplicate: f.Duplicate,
		Reorder: f.Reorder, Late: f.Late, Conflict: f.Conflict}
}

// Help shows how it stands beside a server.
func (sandboxCommand) Help() string {
	return `A payment provider in Stripe's shapes, with durable books, that moves no money. serve --dev has
one in its own process. As another process, with faults that are the same on every run:

    $ export QUITTANCE_STRIPE_KEY=sk_test_any QUITTANCE_STRIPE_WEBHOOK_SECRET=whsec_any
    $ quittance sandbox --listen 127.0.0.1:8090 \
        --webhook-url http://127.0.0.1:8080/v1/webhooks/stripe --seed 7 --decline 50 --timeout 20
    $ quittance serve --dev --sandbox-url http://127.0.0.1:8090

Both take the key and the secret from the environment. Ask it to pay out now:

    $ curl -u sk_test_any: -X POST http://127.0.0.1:8090/v1/test_helpers/payouts`
}

// Run serves the provider until ctx ends.
func (c sandboxCommand) Run(ctx context.Context, p *program) error {
	if err := ownBooks(c.Data); err != nil {
		return err
	}
	key, err := p.secretFrom(stripeKey)
	if err != nil {
		return err
	}
	o := sandbox.Options{Dir: c.Data, Key: key, Faults: c.faults(), Logger: p.logger(slog.LevelInfo)}
	if c.WebhookURL != "" {
		secret, err := p.secretFrom(webhookSecret)
		if err != nil {
			return err
		}
		if secret == "" {
			return &usageError{"webhooks are signed: set " + webhookSecret}
		}
		o.Endpoints = []sandbox.Endpoint{{URL: c.WebhookURL, Secret: secret}}
	}
	s, err := startProvider(ctx, c.Listen, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "the sandbox serves %s, on the books in %s\n", s.url, c.Data)
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return errors.Join(err, s.stop(stopping))
}

// ownBooks refuses the data folder of a server, which QUITTANCE_DATA may be meant for: the books of
// the provider would be written into its log.
func ownBooks(dir string) error {
	switch _, err := os.Stat(filepath.Join(dir, "secret")); {
	case err == nil:
		return &usageError{fmt.Sprintf("--data: %s is the data folder of a server; the books of the "+
			"sandbox are in one of their own, such as %s", dir, filepath.Join(dir, "sandbox"))}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// A provider is the sandbox, serving.
type provider struct {
	url    string
	books  *sandbox.Provider
	http   *http.Server
	end    context.CancelFunc
	ended  chan error
	failed chan error // what ended by itself, and should not have
}

// startProvider opens the books and serves them.
func startProvider(ctx context.Context, listen string, o sandbox.Options) (*provider, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	s := &provider{url: "http://" + listener.Addr().String(), ended: make(chan error, 1),
		failed: make(chan error, 1)}
	o.URL = s.url
	if s.books, err = sandbox.Open(ctx, o); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	var running context.Context
	running, s.end = context.WithCancel(context.Background())
	go func() { s.ended <- s.books.Run(running) }()
	s.http = newHTTPServer(s.books.Handler(), o.Logger)
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	if err := s.books.Ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop(ctx))
	}
	return s, nil
}

// stop answers what was taken and closes the books.
func (s *provider) stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	s.end()
	return errors.Join(err, <-s.ended, s.books.Close())
}
