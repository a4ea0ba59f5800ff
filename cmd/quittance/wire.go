package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
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

// gateways returns the gateways by name: what no provider carries, and Stripe, or the sandbox in
// its place.
func (s *server) gateways(ctx context.Context, p *program) (map[string]gateways.Gateway, error) {
	set := map[string]gateways.Gateway{offline.Name: offline.New()}
	key, err := p.secretFrom("QUITTANCE_STRIPE_KEY")
	if err != nil {
		return nil, err
	}
	secret, err := p.secretFrom(webhookSecret)
	if err != nil {
		return nil, err
	}
	o := stripe.Options{URL: s.c.SandboxURL, Key: key, WebhookSecret: secret}
	switch inside := s.c.Sandbox || s.c.Dev && s.c.SandboxURL == ""; {
	case inside && key != "":
		return nil, &usageError{"QUITTANCE_STRIPE_KEY is set: " +
			"the sandbox in this process would take payments in Stripe's place"}
	case inside:
		if err := s.startSandbox(ctx); err != nil {
			return nil, err
		}
		o = stripe.Options{URL: s.provider.url, Key: "sk_sandbox", WebhookSecret: s.webhookSecret}
	case key == "":
		return set, nil // cash, cheque and transfer only
	}
	set[stripe.Name], err = stripe.New(o)
	return set, err
}

// startSandbox starts the provider in this process. Its webhooks are signed with a secret that both
// know for as long as they run.
func (s *server) startSandbox(ctx context.Context) (err error) {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	s.webhookSecret = "whsec_" + hex.EncodeToString(random)
	s.provider, err = startProvider(ctx, "127.0.0.1:0", sandbox.Options{
		Dir: filepath.Join(s.c.Data, "sandbox"), Logger: s.logger,
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
