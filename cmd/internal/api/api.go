package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/settlement"
)

// Options say what an API works on.
type Options struct {
	// Shards is the engine. It may still be starting: until it serves, answers are 503.
	Shards *compaction.Shards
	// Clock tells the time for ids and rates; nil is the system's.
	Clock func() time.Time
	// Logger takes a line for each request that failed, at Info, or at Error where somebody has to
	// see to it, and for each other at Debug; nil is slog.Default.
	Logger *slog.Logger
	// RateLimit is how often one key may ask; zero is no limit.
	RateLimit RateLimit
	// Version is the program's, for the description.
	Version string
	// Platform is the id of the platform's own tenant; empty is "platform".
	Platform string
	// Gateways are those that payments may name and that webhooks are taken from, by name. The
	// gateway of money that is only announced, "offline", is always there.
	Gateways map[string]gateways.Gateway
	// Verify checks the books for POST /v1/verify; without it the address is not there.
	Verify func(ctx context.Context) (VerifyReport, error)
	// Peers tells where shards are served, where other processes serve some of them; nil: this
	// process serves all.
	Peers Peers
	// HopSecret signs requests that nodes pass on to each other; at least 32 bytes when Peers is
	// set.
	HopSecret []byte
	// Dial connects to other nodes; nil is by TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Cluster tells how each shard stands, as far as this process knows; nil: by what it serves.
	Cluster func() ([]ShardStatus, error)
	// Registry takes the metrics, and what else is to be served at /metrics; nil makes one.
	Registry *prometheus.Registry
}

// API answers the API's requests. It is an http.Handler and safe for concurrent use.
type API struct {
	shards   *compaction.Shards
	engine   settlement.Engine // shards, with what was settled brought back where it is needed
	clock    func() time.Time
	logger   *slog.Logger
	platform string
	version  string
	gateways map[string]gateways.Gateway
	verify   verifier
	cluster  func() ([]ShardStatus, error)

	residents []string // an id for a tenant of each shard

	peers     Peers // nil where this process serves all shards; the two below are then, too
	hops      *hops
	transport *http.Transport
	patience  time.Duration

	router     chi.Router
	direct     map[string]http.HandlerFunc // POST routes found without the router
	huma       huma.API
	routes     []*route
	keys       *keyring
	limits     *limits
	metrics    *metrics
	requestIDs *ids
}

// New returns the API of an engine. It fails when the engine's schema lacks the tables that the API
// needs.
func New(o Options) (*API, error) {
	if o.Shards == nil {
		return nil, errors.New("api: no engine was given")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Platform == "" {
		o.Platform = "platform"
	}
	a := &API{
		shards: o.Shards, engine: settlement.Engine{Shards: o.Shards}, clock: o.Clock,
		logger: o.Logger, platform: o.Platform, version: o.Version,
		direct: map[string]http.HandlerFunc{}, limits: newLimits(o.RateLimit),
		gateways: o.Gateways, verify: o.Verify, peers: o.Peers, cluster: o.Cluster,
		patience:   patience,
		residents:  residentsOf(o.Shards.Count()),
		metrics:    newMetrics(o.Registry, o.Shards),
		requestIDs: newIDs("req_"),
	}
	var err error
	if a.peers != nil {
		a.transport = newTransport(o.Dial)
		if a.hops, err = newHops(o.HopSecret, o.Clock); err != nil {
			return nil, err
		}
	}
	if a.keys, err = newKeyring(o.Shards, o.Clock); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	a.router = chi.NewRouter()
	a.huma = huma.NewAPI(a.config(), &adapter{humachi.NewAdapter(a.router), a})
	a.register()
	a.pages()
	return a, nil
}

// config is huma's: nothing but JSON, and nothing served by itself.
func (a *API) config() huma.Config {
	c := huma.DefaultConfig("Quittance", a.version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Info.Description = description
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {
		Type: "http", Scheme: "bearer",
		Description: "An API key (`qk_…`), or the token of a customer's link.",
	}}
	return c
}

// description introduces the API in its reference.
const description = `The money path of a service marketplace: quotes, promotions, acceptance,
invoices, payments, payouts, settlement and reconciliation, over a double-entry ledger.

Amounts, quantities, unit prices and rates are texts with a decimal point ("12.50"); an amount has at
most the digits of its currency, an ISO 4217 code. Times are RFC 3339 in UTC. Lists come in pages:
send the next_cursor of one as the cursor of the next, with all other parameters but limit as they
were.

Every mutation takes an Idempotency-Key: repeated with the same key, it is done once and answered
alike. A failure is an RFC 9457 problem; its type leads to a page about it.`

// register registers every operation, resource by resource.
func (a *API) register() {
	a.registerPricing()
	a.registerTransactions()
	a.registerHolds()
	a.registerAccounts()
	a.registerTenants()
	a.registerKeys()
	a.registerCustomers()
	a.registerItems()
	a.registerPromotions()
	a.registerRedemptions()
	a.registerQuotes()
	a.registerLinks()
	a.registerInvoices()
	a.registerPayments()
	a.registerRefunds()
	a.registerDisputes()
	a.registerPayouts()
	a.registerStatements()
	a.registerReconciliation()
	a.registerOutbox()
	a.registerShards()
}

// pages adds what is served beside the operations: probes, metrics, the description and its pages.
func (a *API) pages() {
	r := a.router
	r.NotFound(a.refuseWith(errRoute))
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.(*exchange).fail(&methodError{r.Method})
	})
	a.refuseShadowed()
	serve(r, "/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.(*exchange).write(http.StatusOK, []byte("{\"status\":\"ok\"}\n"))
	})
	serve(r, "/readyz", a.ready)
	r.Post(tellPath, a.told)
	serve(r, "/metrics", a.metrics.handler().ServeHTTP)
	serve(r, "/problems", a.problemIndex)
	serve(r, "/problems/{slug}", a.problemPage)
	a.describe(r)
}

// serve answers GET and HEAD, by which some load balancers ask: the connection takes no body then.
func serve(r chi.Router, path string, h http.HandlerFunc) {
	r.Get(path, h)
	r.Head(path, h)
}

func (a *API) refuseWith(err error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.(*exchange).fail(err) }
}

// refuseShadowed refuses the methods that an address lacks where a pattern of another operation
// would take it: GET /v1/transactions/batch is no transaction.
func (a *API) refuseShadowed() {
	described := map[string]bool{}
	for _, rt := range a.routes {
		described[rt.method+rt.path] = true
	}
	for _, rt := range a.routes {
		for _, m := range methods {
			if strings.Contains(rt.path, "{") || described[m+rt.path] ||
				!a.router.Match(chi.NewRouteContext(), m, rt.path) {
				continue
			}
			a.router.MethodFunc(m, rt.path, a.refuseWith(&methodError{m}))
		}
	}
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// allowed lists the methods that an address has: those described for it literally, or else those
// of the pattern that it matches.
func (a *API) allowed(r *http.Request) string {
	var have []string
	for _, rt := range a.routes {
		if rt.path == r.URL.Path {
			have = append(have, rt.method)
		}
	}
	if len(have) > 0 {
		return strings.Join(have, ", ")
	}
	for _, m := range methods {
		if a.router.Match(chi.NewRouteContext(), m, r.URL.Path) {
			have = append(have, m)
		}
	}
	return strings.Join(have, ", ")
}

// A readiness is the answer of /readyz.
type readiness struct {
	Status string       `json:"status"`
	Shards []shardState `json:"shards,omitempty"` // those that are not served
}

type shardState struct {
	Shard  int    `json:"shard"`
	Reason string `json:"reason"`
}

// ready answers whether every shard that is owned here is served, and if not, which is not and why.
func (a *API) ready(w http.ResponseWriter, _ *http.Request) {
	out, status := readiness{Status: "ready"}, http.StatusOK
	for _, s := range a.shards.Stats() {
		if s.Serving || !s.Owned {
			continue
		}
		reason := "it is being opened"
		if s.Stopped != "" {
			reason = "it has stopped: see the log"
		}
		out.Shards = append(out.Shards, shardState{s.Shard, reason})
		out.Status, status = "not ready", http.StatusServiceUnavailable
	}
	x := w.(*exchange)
	x.write(status, marshal(out))
	if status != http.StatusOK {
		a.logger.Log(context.Background(), slog.LevelDebug, "not ready", "shards", len(out.Shards))
	}
}
