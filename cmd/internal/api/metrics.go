package api

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quittance/quittance/compaction"
)

// metrics counts requests by route and status. Labels are of the API's own making: no ids, no
// tenants, nothing that a caller chooses.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	unknown  *routeMetrics // of requests that no route took
	hops     *prometheus.CounterVec
}

// routeMetrics are the counters of one route, looked up once.
type routeMetrics struct {
	method, path string
	seconds      prometheus.Observer
	requests     [600]atomic.Pointer[prometheus.Counter] // by status
}

func newMetrics(registry *prometheus.Registry, shards *compaction.Shards) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quittance_http_requests_total",
			Help: "Requests answered, by method, route and status."},
			[]string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "quittance_http_request_duration_seconds",
			Help:    "Time from the request's head to the end of its answer, by method and route.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route"}),
		hops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quittance_http_hops_total",
			Help: "Requests sent to other nodes, by why and whether they were answered."},
			[]string{"hop", "outcome"}),
	}
	registry.MustRegister(m.requests, m.seconds, m.hops, engine{shards},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.unknown = m.of("other", "none")
	return m
}

func (m *metrics) of(method, path string) *routeMetrics {
	return &routeMetrics{method: method, path: path,
		seconds: m.seconds.WithLabelValues(method, path)}
}

// observe counts an answered request. Status 0 is an answer that never began.
func (m *metrics) observe(rt *route, status int, took time.Duration) {
	r := m.unknown
	if rt != nil {
		r = rt.metrics
	}
	if status < 100 || status >= len(r.requests) {
		status = http.StatusOK // a handler that wrote nothing was answered for by net/http
	}
	c := r.requests[status].Load()
	if c == nil {
		counter := m.requests.WithLabelValues(r.method, r.path, strconv.Itoa(status))
		c = &counter
		r.requests[status].Store(c)
	}
	(*c).Inc()
	r.seconds.Observe(took.Seconds())
}

// passed counts a request that was sent to another node.
func (m *metrics) passed(kind hopKind, err error) {
	outcome := "answered"
	if err != nil {
		outcome = "failed"
	}
	m.hops.WithLabelValues(string(kind), outcome).Inc()
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// engine tells Prometheus what the shards are doing.
type engine struct{ shards *compaction.Shards }

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("quittance_shard_"+name, help, []string{"shard"}, nil)
}

var (
	shardServing  = describe("serving", "1 while the shard is served.")
	shardStopped  = describe("stopped", "1 after the shard has stopped for a reason to be mended.")
	shardQueue    = describe("queue_commands", "Commands waiting.")
	shardCommands = describe("commands_total", "Commands decided.")
	shardGroups   = describe("groups_total", "Groups of commands appended.")
	shardRecords  = describe("records_total", "Records appended.")
	shardClaims   = describe("claims_total", "Times the shard was claimed.")
	shardRebuilds = describe("rebuilds_total", "Times the store was rebuilt from the log.")
)

// Describe lists the figures, for Prometheus.
func (e engine) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{shardServing, shardStopped, shardQueue, shardCommands,
		shardGroups, shardRecords, shardClaims, shardRebuilds} {
		c <- d
	}
}

// Collect reads the figures, for Prometheus.
func (e engine) Collect(c chan<- prometheus.Metric) {
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	for _, s := range e.shards.Stats() {
		put := func(d *prometheus.Desc, t prometheus.ValueType, v float64) {
			c <- prometheus.MustNewConstMetric(d, t, v, strconv.Itoa(s.Shard))
		}
		put(shardServing, gauge, truth(s.Serving))
		put(shardStopped, gauge, truth(s.Stopped != ""))
		put(shardQueue, gauge, float64(s.Queue))
		put(shardCommands, counter, float64(s.Commands))
		put(shardGroups, counter, float64(s.Groups))
		put(shardRecords, counter, float64(s.Records))
		put(shardClaims, counter, float64(s.Claims))
		put(shardRebuilds, counter, float64(s.Rebuilds))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
