package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// Options say how a provider behaves. Only Dir is required.
type Options struct {
	// Dir is the folder of its books.
	Dir string
	// Key is the API key that requests must carry; empty takes any.
	Key string
	// URL is the address under which customers reach it, for actions; empty gives them addresses
	// that lead nowhere.
	URL string
	// Endpoints are where webhooks are sent. More can be added by Subscribe.
	Endpoints []Endpoint
	// Arrival is how long a payout is on its way; 0 is paid when it is made.
	Arrival time.Duration
	// Faults are what goes wrong.
	Faults Faults
	// Clock tells the time; nil is the system's. The helper that advances the clock adds to it.
	Clock func() time.Time
	// Client sends webhooks; nil is a client with a timeout of ten seconds.
	Client *http.Client
	// Logger takes what an operator should know; nil is slog.Default.
	Logger *slog.Logger
}

// An Endpoint is where webhooks are sent, and the secret they are signed with.
type Endpoint struct {
	URL    string
	Secret string
}

// A Provider is a payment provider that moves no money. Its methods may be called from any
// goroutine.
type Provider struct {
	o      Options
	log    *local.Log
	shards *compaction.Shards
	dice   *dice
	offset atomic.Int64 // nanoseconds that the helper has advanced the clock by

	mu        sync.Mutex
	endpoints []Endpoint

	wake chan struct{} // there may be something to send
}

// Open opens the books in the folder, making them where there are none. Nothing runs before Run:
// until then requests are answered 503.
func Open(ctx context.Context, o Options) (*Provider, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		return nil, errors.New("sandbox: no folder for the books")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	schema, err := compaction.NewSchema(Objects)
	if err != nil {
		return nil, err
	}
	p := &Provider{o: o, dice: newDice(o.Faults), endpoints: o.Endpoints,
		wake: make(chan struct{}, 1)}
	p.log, err = local.Open(filepath.Join(o.Dir, "log"), schema.Topics(),
		local.Options{Shards: 1, Logger: o.Logger, Clock: p.now})
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	p.shards, err = compaction.NewShards(compaction.Options{
		Log: p.log, Schema: schema, Dir: filepath.Join(o.Dir, "store"), Clock: p.now,
		Logger: o.Logger, CacheBytes: 16 << 20,
		Secret: []byte("the sandbox keeps no secrets: it has no answers to hash"),
	})
	if err != nil {
		return nil, errors.Join(err, p.log.Close())
	}
	return p, nil
}

// Subscribe adds an address to send webhooks to. It lasts as long as the provider is open.
func (p *Provider) Subscribe(e Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endpoints = append(p.endpoints, e)
}

// Run keeps the books, sends webhooks and pays out every day, until ctx ends.
func (p *Provider) Run(ctx context.Context) error {
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return p.shards.Run(running) })
	g.Go(func() error {
		if err := p.Ready(running); err != nil {
			return err
		}
		g.Go(func() error { return p.sendAll(running) })
		g.Go(func() error { return p.payDaily(running) })
		return nil
	})
	err := g.Wait()
	p.o.Client.CloseIdleConnections()
	// What was under way when it was ended meets books that end, too.
	if ctx.Err() != nil &&
		(errors.Is(err, context.Canceled) || errors.Is(err, compaction.ErrNotServing)) {
		return nil
	}
	return err
}

// Ready waits until requests are answered. It fails when ctx ends or the books cannot be kept.
func (p *Provider) Ready(ctx context.Context) error {
	if err := p.shards.Ready(ctx); err != nil {
		return err
	}
	return p.do(ctx, func(tx *compaction.Tx) error {
		_, ok, err := get(tx, bookID)
		if err != nil {
			return err
		}
		if !ok {
			name := make([]byte, 5)
			if _, err := rand.Read(name); err != nil {
				return err
			}
			named := Object{Kind: kindBook, ID: bookID, Parent: hex.EncodeToString(name)}
			return save(tx, named, clock{Day: day(tx.Now())})
		}
		var c clock
		_, _, err = load(tx, kindBook, bookID, &c)
		p.offset.Store(c.Offset)
		return err
	})
}

// clock is what is kept of time: the last day that was paid out, and how far the helper has
// advanced the clock.
type clock struct {
	Day    string `json:"day"`
	Offset int64  `json:"offset_nanoseconds"`
}

// Close closes the books. Run must have returned.
func (p *Provider) Close() error { return p.log.Close() }

// now is the time of the books.
func (p *Provider) now() time.Time {
	return p.o.Clock().Add(time.Duration(p.offset.Load())).UTC()
}

// do has something decided by the one writer of the books; it is durable when do returns.
func (p *Provider) do(ctx context.Context, decide func(tx *compaction.Tx) error) error {
	_, err := p.shards.Do(ctx, compaction.Command{Tenant: books,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, decide(tx)
		}})
	if err == nil {
		p.poke()
	}
	return err
}

// poke wakes the sender.
func (p *Provider) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
