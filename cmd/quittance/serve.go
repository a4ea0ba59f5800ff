package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
	"github.com/quittance/quittance/gateways/stripe"
)

// serveCommand serves the API.
type serveCommand struct {
	dataFlag
	memberFlags
	Listen      string        `help:"Where to listen; port 0 takes a free one." default:"127.0.0.1:8080"`
	Dev         bool          `help:"Serve a demo business, with the sandbox provider and no limits of rate."`
	Sandbox     bool          `help:"Run the sandbox provider in this process, without a demo business."`
	SandboxURL  string        `name:"sandbox-url" help:"Take payments by a sandbox provider that runs elsewhere." placeholder:"URL"`
	Shards      int           `help:"How many shards a new log has, fixed for its life; 0 is as many as there are, or 16." default:"0"`
	Reserve     int           `help:"Free space, in MiB, that is kept back: below it writes are refused." default:"256"`
	CallTimeout time.Duration `help:"How long a call to a gateway may take before its outcome is unknown." default:"30s"`
	Rate        int           `help:"Requests a second that one key may make; 0 for no limit, as with --dev." default:"200"`
	Unseal      bool          `help:"Serve a log that was copied away, on purpose: what was answered there since is forgotten."`
	NewSecret   bool          `help:"Make a secret for a log whose own is lost: requests that are sent again are not known."`
	LogLevel    string        `help:"What is logged: ${enum}." enum:"debug,info,warn,error" default:"info"`
	LogFormat   string        `help:"How it is logged: ${enum}." enum:"text,json" default:"text"`

	// space replaces the question to the file system for what is free.
	space func(dir string) (uint64, error) `kong:"-"`
}

// Help shows how to begin, and how to serve in earnest.
func (serveCommand) Help() string {
	return `A demo business with keys in DIR/dev.json, payments by the sandbox provider:

    $ quittance serve --dev --data var/dev

In earnest: make a key first (quittance keys create --help), then take payments by Stripe:

    $ QUITTANCE_STRIPE_KEY_FILE=FILE QUITTANCE_STRIPE_WEBHOOK_SECRET_FILE=FILE \
        quittance serve --data DIR --listen 127.0.0.1:8080

Stripe's key and webhook secret are never flags: they are read from QUITTANCE_STRIPE_KEY and
QUITTANCE_STRIPE_WEBHOOK_SECRET, or from the files that the same names with _FILE give. Who takes
cards is said at the start.

On a Kafka cluster, one of several nodes that share the work; every node needs the same DIR/secret:

    $ quittance serve --log kafka --brokers HOST:9092 --data DIR --listen 10.0.0.1:8080

` + kafkaHelp + `

SIGINT or SIGTERM stops it in order: what was taken is answered. A second one ends it at once.`
}

// Run serves until ctx ends.
func (c serveCommand) Run(ctx context.Context, p *program) error {
	s, err := startServer(ctx, p, c)
	if err != nil {
		return err
	}
	s.introduce(p.stdout)
	var provider chan error
	if s.provider != nil {
		provider = s.provider.failed
	}
	var cluster chan struct{}
	if s.cluster != nil {
		cluster = s.cluster.ended
	}
	select {
	case <-ctx.Done():
		s.logger.Info("stopping: what was taken is answered")
	case err = <-s.failed:
	case err = <-provider:
	case <-cluster: // its error is that of stopping
	}
	return errors.Join(err, s.stop())
}

// newLogger returns the logger that the flags ask for, on standard error.
func (c serveCommand) newLogger(w io.Writer) (*slog.Logger, error) {
	var o slog.HandlerOptions
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, &usageError{err.Error()}
	}
	o.Level = level
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, &o)), nil
	}
	return slog.New(slog.NewTextHandler(w, &o)), nil
}

// Limits of the HTTP server. The API bounds each request by itself; these bound clients that send
// or read too slowly.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = time.Minute
	writeTimeout  = 15 * time.Minute // a long report, read slowly
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	stopTimeout   = 45 * time.Second // longer than the API lets a request take
)

// A server is a serving process: what runs, in the order in which it was started.
type server struct {
	c      serveCommand
	logger *slog.Logger
	engine *engine
	// cluster is this process among those that share the log, nil where it is in the data folder.
	cluster *cluster
	dev     devFile
	cards   stripe.Options // of a provider outside of this process, without a key if there is none
	// provider is the sandbox in this process, nil without one.
	provider      *provider
	webhookSecret string // of the provider in this process

	listener net.Listener
	http     *http.Server
	url      string
	failed   chan error // what ended by itself, and should not have

	endWorker context.CancelFunc
	worker    chan error
}

// startServer starts everything that serve serves and returns when it can be asked. The caller
// stops it.
func startServer(ctx context.Context, p *program, c serveCommand) (_ *server, err error) {
	s := &server{c: c, failed: make(chan error, 3)}
	if s.logger, err = c.newLogger(p.stderr); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.cards, err = c.cards(p); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return s, err
	}
	s.url = "http://" + s.listener.Addr().String()
	if err := s.open(ctx, p); err != nil {
		return s, err
	}
	return s, s.begin(ctx)
}

// open opens the engine: with every shard served, or as one of those that share them.
func (s *server) open(ctx context.Context, p *program) error {
	c := s.c
	o, err := c.memberFlags.options(p, c.Shards, s.url)
	if err == nil && o != nil {
		err = c.takesSession(ctx, o.Connection, o.Prefix) // before a topic is made
	}
	if err != nil {
		return err
	}
	s.engine, err = openEngine(ctx, c.Data, engineOptions{
		logger: s.logger, create: true, log: local.Options{
			Shards: c.newShards(), Reserve: uint64(max(0, c.Reserve)) << 20, Space: c.space,
		},
		unseal: c.Unseal, newSecret: c.NewSecret,
		cluster: o, member: true, standby: c.Standby, lease: c.SessionTimeout / 2,
	})
	if err != nil {
		return err
	}
	if o == nil {
		return s.ready(ctx)
	}
	s.cluster, err = joinCluster(s.engine, *o, c.SessionTimeout, s.logger)
	if err != nil {
		return err
	}
	return s.cluster.ready(ctx)
}

// ready waits until each shard is served or has stopped. One that has stopped, whose log is
// damaged, is no reason not to serve the others.
func (s *server) ready(ctx context.Context) error {
	if err := s.engine.shards.Ready(ctx); !errors.Is(err, compaction.ErrNotServing) {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		starting := func(n compaction.Stats) bool { return !n.Serving && n.Stopped == "" }
		if !slices.ContainsFunc(s.engine.shards.Stats(), starting) {
			s.logger.Error("a shard has stopped; the others are served")
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newShards is how many shards a new log has; an old one keeps the number it was made with.
func (c serveCommand) newShards() int {
	if _, err := os.Stat(filepath.Join(c.Data, "log", "groups")); err == nil {
		return 0
	}
	return c.Shards
}

// begin starts what stands on the engine: the demo business, the provider, the worker, HTTP.
func (s *server) begin(ctx context.Context) error {
	set, err := s.gateways(ctx)
	if err != nil {
		return err
	}
	handler, err := s.handler(set)
	if err != nil {
		return err
	}
	if s.c.Dev {
		if err := s.demoServed(ctx); err != nil {
			return err
		}
		sandbox := s.c.SandboxURL
		if s.provider != nil {
			sandbox = s.provider.url
		}
		if s.dev, err = seedDemo(ctx, s.engine, s.url, sandbox); err != nil {
			return err
		}
	}
	var worker context.Context
	worker, s.endWorker = context.WithCancel(context.Background())
	s.worker = make(chan error, 1)
	go func() { s.worker <- s.newWorker(set, handler).Run(worker) }()
	s.http = newHTTPServer(handler, s.logger)
	go func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return nil
}

// newHTTPServer returns a server with limits of time and size.
func newHTTPServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// stop stops what was started, in the opposite order: no new requests, answers to those that were
// taken, no new calls to gateways, the engine, the folder.
func (s *server) stop() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if s.cluster != nil { // first, so that others serve what comes while this one stops
		errs = append(errs, s.cluster.quit())
	}
	if s.http != nil {
		errs = append(errs, s.http.Shutdown(ctx))
	} else if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.endWorker != nil {
		s.endWorker()
		errs = append(errs, <-s.worker)
	}
	if s.provider != nil {
		errs = append(errs, s.provider.stop(ctx))
	}
	if s.cluster != nil {
		s.cluster.close()
	}
	if s.engine != nil {
		errs = append(errs, s.engine.close())
	}
	return errors.Join(errs...)
}

// introduce says what is served and what to try.
func (s *server) introduce(w io.Writer) {
	where := "the data in " + s.c.Data
	if s.cluster != nil {
		where = "the log at " + strings.Join(s.c.Brokers, ",")
	}
	fmt.Fprintf(w, "quittance serves %s, on %s\n\n", s.url, where)
	fmt.Fprintf(w, "  reference     %s/reference\n", s.url)
	fmt.Fprintf(w, "  description   %s/openapi.json\n", s.url)
	fmt.Fprintf(w, "  health        %s/readyz, %s/metrics\n", s.url, s.url)
	fmt.Fprintf(w, "  cards         %s\n", s.cardsBy())
	if !s.c.Dev {
		fmt.Fprintf(w, "\nKeys are made with: quittance keys create --help\n")
		return
	}
	file := filepath.Join(s.c.Data, "dev.json")
	fmt.Fprintf(w, "  demo business %s, its keys in %s\n", s.dev.Tenant, file)
	fmt.Fprintf(w, "\nTry:\n\n  URL=%s\n  KEY=%s\n", s.url, s.dev.Keys[roleTradesperson])
	fmt.Fprint(w, strings.ReplaceAll(`
  curl -s -H "Authorization: Bearer $KEY" $URL/v1/quotes
  curl -s -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' $URL/v1/transactions \
    -d '{"postings":[{"debit":"cash:till","credit":"sales:tools","amount":"12.34","currency":"EUR"}]}'
  curl -s -H "Authorization: Bearer $KEY" $URL/v1/accounts/cash:till

  quittance demo --dev-json FILE     shows the whole path, from quote to the finance file
  quittance verify --dev-json FILE   checks the books
`, "FILE", file))
}
