package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/quoting/access"
)

// onCluster adds to o the cluster to measure on, if one was named.
func (c benchCommand) onCluster(p *program, o engineOptions) (engineOptions, error) {
	return logFlags{kafkaFlags: c.kafkaFlags}.on(p, o)
}

// removeLog removes the topics that were measured on.
func (c benchCommand) removeLog(ctx context.Context, p *program) (err error) {
	wire, err := c.connection(p)
	if err != nil {
		return err
	}
	spec, err := c.spec(0, 0)
	if err != nil {
		return err
	}
	admin, err := kafka.OpenAdmin(ctx, wire)
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.Remove(ctx, spec)
}

// tenantsOf returns a tenant of each of so many shards, in order.
func tenantsOf(prefix string, shards, count int) []string {
	tenants := make([]string, count)
	for i, left := 0, count; left > 0; i++ {
		tenant := prefix + strconv.Itoa(i)
		if n := compaction.ShardOf(tenant, shards); n < count && tenants[n] == "" {
			tenants[n], left = tenant, left-1
		}
	}
	return tenants
}

// benchCluster measures the engine on a cluster: callers of one shard, callers spread over more,
// and how long it takes to claim a shard that is idle.
func benchCluster(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	o, err := c.onCluster(p, benchLog(p))
	if err != nil {
		return nil, err
	}
	var figures []figure
	err = withEngine(ctx, filepath.Join(dir, "data"), o, "", func(e *engine) error {
		b := engineBench{shards: e.shards, duration: c.Duration}
		for _, m := range []struct {
			callers, shards, pairs int
			keyed                  bool
		}{
			{16, 1, 1, true}, {64, 1, 1, true}, {64, 1, 1, false}, {64, 1, 1000, true},
			{64, 1, 1000, false}, {256, 1, 1, true}, {256, 1, 1000, true},
			{512, 4, 1, true}, {2048, 4, 1, true}, {2048, 4, 1, false}, {2048, 4, 1000, true},
			{2048, 4, 1000, false},
		} {
			tenants := tenantsOf("bench-", e.shards.Count(), m.shards)
			f, err := b.spread(ctx, tenants, m.callers, m.pairs, m.keyed)
			if err != nil {
				return err
			}
			figures = append(figures, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	claims, err := benchClaims(ctx, o)
	return append(figures, claims), err
}

// spread has callers post one posting a command over some tenants, with idempotency keys or
// without.
func (b *engineBench) spread(
	ctx context.Context, tenants []string, callers, pairs int, keyed bool,
) (figure, error) {
	b.runs++
	transactions, err := hotTransactions(pairs)
	if err != nil {
		return figure{}, err
	}
	unique := "" // no keys
	if keyed {
		unique = strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	f, err := measure(ctx, fmt.Sprintf("engine on the cluster, %d callers", callers), callers, 1,
		b.duration, func(ctx context.Context, caller, n int) error {
			tenant := tenants[caller%len(tenants)]
			return b.one(ctx, tenant, transactions, unique, caller+n*callers)
		})
	f.note = fmt.Sprintf("%d shards", len(tenants))
	if len(tenants) == 1 {
		f.note = "one shard"
	}
	f.note += ", one hot pair"
	if pairs > 1 {
		f.note = fmt.Sprintf("%s, %s accounts", f.note, thousands(2*pairs))
	}
	if !keyed {
		f.note += ", no idempotency keys"
	}
	return f, err
}

// benchClaims claims shards that nobody writes to, one after the other.
func benchClaims(ctx context.Context, o engineOptions) (_ figure, err error) {
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		return figure{}, err
	}
	k := *o.cluster
	k.Topics, k.Logger = schema.Topics(), o.logger
	log, err := kafka.Open(ctx, k)
	if err != nil {
		return figure{}, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	var all []time.Duration
	for i := range 50 {
		began := time.Now()
		w, err := log.Claim(ctx, i%log.Identity().Shards)
		if err != nil {
			return figure{}, err
		}
		all = append(all, time.Since(began))
		if err := w.Close(); err != nil {
			return figure{}, err
		}
	}
	f := figure{name: "claim of an idle shard", note: fmt.Sprintf("%d claims", len(all))}
	f.timed(all)
	return f, nil
}

// benchNoise measures what the neighbours of a noisy tenant in one shard feel: ten tenants at a
// share each, then one of them at ten times its share. Calls begin on time, whatever became of
// those before.
func benchNoise(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	o, err := c.onCluster(p, benchLog(p))
	if err != nil {
		return nil, err
	}
	var figures []figure
	err = withEngine(ctx, filepath.Join(dir, "data"), o, "", func(e *engine) error {
		b := engineBench{shards: e.shards, duration: c.Duration}
		for _, times := range []int{1, 10} {
			f, err := b.noise(ctx, times)
			if err != nil {
				return err
			}
			figures = append(figures, f)
		}
		return nil
	})
	return figures, err
}

// share is how many commands a second are a tenant's share in benchNoise.
const share = 500

// noise has nine tenants post their share and one so many times as much; it times the nine.
func (b *engineBench) noise(ctx context.Context, times int) (figure, error) {
	transactions, err := hotTransactions(1000)
	if err != nil {
		return figure{}, err
	}
	var tenants []string
	for i := 0; len(tenants) < 10; i++ {
		tenant := "neighbour-" + strconv.Itoa(i)
		if compaction.ShardOf(tenant, b.shards.Count()) == 0 {
			tenants = append(tenants, tenant)
		}
	}
	samples := make([][]time.Duration, len(tenants))
	unique := strconv.FormatInt(time.Now().UnixNano(), 36)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var refused atomic.Int64 // of the noisy one: its queue was full
	for i, tenant := range tenants {
		rate := share
		if i == 0 {
			rate *= times
		}
		all.Go(func() {
			var mu sync.Mutex
			var calls sync.WaitGroup
			begin := time.Now()
			for n := 0; n < int(b.duration.Seconds()*float64(rate)) && ctx.Err() == nil; n++ {
				due := begin.Add(time.Duration(n) * time.Second / time.Duration(rate))
				time.Sleep(time.Until(due))
				calls.Go(func() {
					err := b.one(ctx, tenant, transactions, unique, n)
					if i == 0 && errors.Is(err, compaction.ErrQueueFull) {
						refused.Add(1)
						return
					}
					if err != nil {
						cancel(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					samples[i] = append(samples[i], time.Since(due))
				})
			}
			calls.Wait()
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return figure{}, err
	}
	neighbours := slices.Concat(samples[1:]...)
	f := figure{name: "nine neighbours", done: len(neighbours), took: b.duration,
		note: "of a tenant at its share"}
	f.timed(neighbours)
	if times > 1 {
		f.note = fmt.Sprintf("of a tenant at %d times its share, refused %d times", times,
			refused.Load())
	}
	return f, nil
}

// one posts once, under a key of its own that begins with unique; with none if that is empty.
func (b *engineBench) one(
	ctx context.Context, tenant string, transactions []ledger.Transaction, unique string, n int,
) error {
	var key *compaction.Idempotency
	if unique != "" {
		key = &compaction.Idempotency{
			Principal: "bench", Operation: "post", Key: unique + "-" + strconv.Itoa(n),
		}
	}
	_, err := b.shards.Do(ctx, compaction.Command{Tenant: tenant, Idempotency: key,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			_, err := ledger.Post(tx, tenant, transactions[n%len(transactions)])
			return compaction.Answer{Code: 1}, err
		}})
	return err
}

// benchHTTPCluster measures one posting a request over HTTP on a server of its own on the cluster.
func benchHTTPCluster(
	ctx context.Context, p *program, c benchCommand, dir string,
) (_ []figure, err error) {
	data := filepath.Join(dir, "data")
	o, err := c.onCluster(p, benchLog(p))
	if err != nil {
		return nil, err
	}
	b := &httpBench{duration: c.Duration}
	err = withEngine(ctx, data, o, benchTenant, func(e *engine) (err error) {
		_, b.key, err = createKey(ctx, e.shards, benchTenant, "bench", access.Tradesperson)
		return err
	})
	if err != nil {
		return nil, err
	}
	server, err := startChild(ctx, io.Discard, "serve", "--data", data, "--sandbox", "--rate", "0",
		"--listen", "127.0.0.1:0", "--log-level", "error", "--log", "kafka",
		"--brokers", strings.Join(c.Brokers, ","), "--topic-prefix", c.TopicPrefix)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	b.host = strings.TrimPrefix(server.url, "http://")
	f, err := b.run(ctx, 1, 1)
	f.name += ", on the cluster"
	return []figure{f}, err
}
