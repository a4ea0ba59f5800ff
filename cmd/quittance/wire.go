package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/gateways/offline"
	"github.com/quittance/quittance/gateways/sandbox"
	"github.com/quittance/quittance/gateways/stripe"
	"github.com/quittance/quittance/ledger/settlement"
)

// platformTenant is the tenant of the platform itself: it holds the gateways' accounts.
const platformTenant = "platform"

// definitions are the topics that the program keeps.
func definitions() []compaction.Definition {
	return slices.Concat(settlement.Tables(), gateways.Tables())
}

// inside reports whether card payments are taken by a sandbox in this process.
func (c serveCommand) inside() bool { return c.Sandbox || c.Dev && c.SandboxURL == "" }

// cards returns as whom card payments are taken from a provider outside of this process: by no key,
// if there is none. Half of what a provider needs is refused, not done without: a server that is
// paid and believes no webhook would never learn of it.
func (c serveCommand) cards(p *program) (o stripe.Options, err error) {
	o.URL = c.SandboxURL
	if o.Key, err = p.secretFrom(stripeKey); err != nil {
		return o, err
	}
	if o.WebhookSecret, err = p.secretFrom(webhookSecret); err != nil {
		return o, err
	}
	switch {
	case c.inside() && o.Key != "":
		return o, &usageError{stripeKey + " is set: " +
			"the sandbox in this process would take payments in Stripe's place"}
	case o.Key != "" && o.WebhookSecret == "":
		return o, &usageError{fmt.Sprintf("%s is set, and webhooks are signed: set %s, or %s_FILE "+
			"with the name of a file", stripeKey, webhookSecret, webhookSecret)}
	case o.Key == "" && c.SandboxURL != "":
		return o, &usageError{fmt.Sprintf("--sandbox-url wants a key for the provider there: set %s "+
			"and %s as they are set for it", stripeKey, webhookSecret)}
	}
	return o, nil
}

// The variables of a provider: of the key by which it is asked, and of the secret by which its
// webhooks are signed.
const (
	stripeKey     = "QUITTANCE_STRIPE_KEY"
	webhookSecret = "QUITTANCE_STRIPE_WEBHOOK_SECRET"
)

// gateways returns the gateways by name: what no provider carries, and Stripe, or the sandbox in
// its place.
func (s *server) gateways(ctx context.Context) (set map[string]gateways.Gateway, err error) {
	set = map[string]gateways.Gateway{offline.Name: offline.New()}
	o := s.cards
	switch {
	case s.c.inside():
		if err := s.startSandbox(ctx); err != nil {
			return nil, err
		}
		o = stripe.Options{URL: s.provider.url, Key: "sk_sandbox", WebhookSecret: s.webhookSecret}
	case o.Key == "":
		return set, nil // cash, cheque and transfer only
	}
	set[stripe.Name], err = stripe.New(o)
	return set, err
}

// cardsBy says who takes card payments.
func (s *server) cardsBy() string {
	switch {
	case s.provider != nil:
		return "the sandbox at " + s.provider.url + ": no money moves"
	case s.c.SandboxURL != "":
		return "the sandbox at " + s.c.SandboxURL + ": no money moves"
	case s.cards.Key != "":
		return "Stripe"
	}
	return "not taken: there is no " + stripeKey
}

// startSandbox starts the provider in this process. Its webhooks are signed with a secret that both
// know for as long as they run.
func (s *server) startSandbox(ctx context.Context) (err error) {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	s.webhookSecret = "whsec_" + hex.EncodeToString(random)
	s.provider, err = startProvider(ctx, "127.0.0.1:0", sandbox.Options{
		Dir:    filepath.Join(s.c.Data, "sandbox"),
		Logger: s.logger.With("log", "sandbox"), // whose shards have numbers of their own
		Endpoints: []sandbox.Endpoint{
			{URL: s.url + "/v1/webhooks/" + stripe.Name, Secret: s.webhookSecret},
		},
	})
	return err
}

// newWorker returns the worker of the outbox.
func (s *server) newWorker(set map[string]gateways.Gateway, a *api.API) *gateways.Worker {
	shards := settlement.Engine{Shards: s.engine.shards}
	books := gateways.Settlement()
	if s.cluster != nil {
		books.Elsewhere = a
	}
	return gateways.NewWorker(gateways.Options{
		Engine: shards, Logger: s.logger,
		Handlers: books.Handlers(shards, set),
		Timeout:  s.c.CallTimeout,
	})
}

// handler returns the API.
func (s *server) handler(set map[string]gateways.Gateway) (*api.API, error) {
	o := api.Options{
		Shards: s.engine.shards, Logger: s.logger, Version: version(), Platform: platformTenant,
		Registry: s.engine.registry(), Gateways: set,
		Verify: func(ctx context.Context) (api.VerifyReport, error) {
			return verify(ctx, s.engine.shards, s.engine.log)
		},
		RateLimit: api.RateLimit{PerSecond: s.c.Rate, Burst: 2 * s.c.Rate},
	}
	if s.cluster != nil {
		o.Peers, o.HopSecret, o.Cluster = s.cluster, s.engine.secret, s.cluster.status
	}
	if s.c.Dev {
		o.RateLimit = api.RateLimit{}
	}
	return api.New(o)
}
