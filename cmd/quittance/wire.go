package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting/access"
)

// platformTenant is the tenant of the platform itself: it holds the gateways' accounts.
const platformTenant = "platform"

// definitions are the topics that the program keeps.
func definitions() []compaction.Definition {
	return slices.Concat(ledger.Tables(), payments.Tables(), access.Tables(), gateways.Tables())
}

// gateways returns the gateways by name.
func (s *server) gateways(ctx context.Context, p *program) (map[string]gateways.Gateway, error) {
	return map[string]gateways.Gateway{}, nil
}

// newWorker returns the worker of the outbox.
func newWorker(e *engine, set map[string]gateways.Gateway, logger *slog.Logger) *gateways.Worker {
	return gateways.NewWorker(gateways.Options{
		Engine: e.shards, Handlers: gateways.Books{}.Handlers(e.shards, set), Logger: logger,
	})
}

// handler returns the API.
func (s *server) handler(map[string]gateways.Gateway) (http.Handler, error) {
	o := api.Options{
		Shards: s.engine.shards, Logger: s.logger, Version: version(), Platform: platformTenant,
		RateLimit: api.RateLimit{PerSecond: s.c.Rate, Burst: 2 * s.c.Rate},
	}
	if s.c.Dev {
		o.RateLimit = api.RateLimit{}
	}
	return api.New(o)
}

type provider struct{ url string }

func (p *provider) stop(context.Context) error { return nil }
