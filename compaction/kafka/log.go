package kafka

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// A Log is a log on a cluster. Its methods may be called from any goroutine.
type Log struct {
	options  Options
	identity compaction.Identity
	report   Report
	topics   map[string]compaction.Topic // ShardsTopic is one of them
	names    []string                    // theirs, sorted
	admin    *kgo.Client
	patience patience
	mending  []chan struct{} // of each shard: held by who looks for its missing markers

	closed  context.Context // ends when the log is closed
	closing context.CancelFunc

	mu      sync.Mutex
	over    bool               // no goroutine may begin any more
	open    map[io.Closer]bool // writers and readers
	running sync.WaitGroup     // what goes on in the background
	known   map[int]appended   // of each shard
	claims  map[int][]Owner    // of each shard: the last claims that were made here
}

var _ compaction.Log = (*Log)(nil)

// Open opens the log on a cluster: it holds the cluster against what the log needs, having mended
// that first where Options.Create allows. It fails with a *FaultsError where the cluster would not
// keep the log, and with an error that names the cause where it cannot be reached or lets nobody
// in.
func Open(ctx context.Context, o Options) (*Log, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	l := &Log{options: o, patience: defaultPatience,
		open: map[io.Closer]bool{}, known: map[int]appended{}, claims: map[int][]Owner{}}
	l.closed, l.closing = context.WithCancel(context.Background())
	var err error
	if l.admin, err = kgo.NewClient(clientOptions(l.options.Connection)...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	err = l.verify(ctx)
	if err == nil {
		err = l.verifyClaims()
	}
	if err != nil {
		l.admin.Close()
		return nil, l.failed(err)
	}
	return l, nil
}

// verify holds the cluster against what the log needs.
func (l *Log) verify(ctx context.Context) error {
	o := l.options
	if err := reach(ctx, o.Connection); err != nil {
		return err
	}
	warn := func(warnings []string) {
		for _, w := range warnings {
			o.Logger.Warn(w)
		}
	}
	var err error
	l.report, err = check(ctx, l.admin, o.spec())
	if faults := (&FaultsError{}); o.Create && errors.As(err, &faults) && !faults.lost() {
		warnings, e := l.create(ctx)
		if e != nil {
			return explain(e, o.Connection)
		}
		warn(warnings)
		l.report, err = check(ctx, l.admin, o.spec())
	}
	if err != nil {
		return explain(err, o.Connection)
	}
	warn(l.report.Warnings)
	l.topics = map[string]compaction.Topic{}
	for _, t := range o.spec().topics() {
		l.topics[t.Name] = t
		l.names = append(l.names, t.Name)
	}
	slices.Sort(l.names)
	id := l.report.Topics[ShardsTopic]
	l.identity = compaction.Identity{
		ID: l.report.Cluster + "/" + hex.EncodeToString(id[:]), Shards: l.report.Shards,
	}
	l.mending = make([]chan struct{}, l.identity.Shards)
	for i := range l.mending {
		l.mending[i] = make(chan struct{}, 1)
	}
	return nil
}

// create makes the topics that are missing.
func (l *Log) create(ctx context.Context) (warnings []string, err error) {
	p, err := newPlan(ctx, l.admin, l.options.spec(), nil)
	if err != nil {
		return nil, err
	}
	return p.creating().apply(ctx, l.admin)
}

// Identity returns the ids of the cluster and of ShardsTopic: another cluster, or topics that were
// deleted and made anew, are another log.
func (l *Log) Identity() compaction.Identity { return l.identity }

// Close ends the log: whoever waits for it is woken, with compaction.ErrClosed.
func (l *Log) Close() error {
	l.closing()
	l.mu.Lock()
	l.over = true
	open := l.open
	l.open = nil
	l.mu.Unlock()
	for c := range open {
		_ = c.Close() // those of this package do not fail
	}
	l.running.Wait()
	l.admin.Close()
	return nil
}

// begin checks that the log is open and the shard is one of it, and returns a context that also
// ends with the log.
func (l *Log) begin(ctx context.Context, shard int) (context.Context, context.CancelFunc, error) {
	if l.closed.Err() != nil {
		return nil, nil, compaction.ErrClosed
	}
	if shard < 0 || shard >= l.identity.Shards {
		return nil, nil, fmt.Errorf("kafka: shard %d: there are %d", shard, l.identity.Shards)
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.closed, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

// failed says what an error of a call means where the log may have been closed meanwhile.
func (l *Log) failed(err error) error {
	if err != nil && l.closed.Err() != nil {
		return compaction.ErrClosed
	}
	return explain(err, l.options.Connection)
}

// keep closes c with the log, unless forget is called first. It reports false where the log was
// closed already.
func (l *Log) keep(c io.Closer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.open[c] = true
	return true
}

func (l *Log) forget(c io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// background runs f; Close waits for it where it has not begun to wait yet.
func (l *Log) background(f func()) {
	l.mu.Lock()
	over := l.over
	if !over {
		l.running.Go(f)
	}
	l.mu.Unlock()
	if over {
		f()
	}
}

// unprefixed returns the name of a topic as entries have it.
func (l *Log) unprefixed(topic string) string {
	return strings.TrimPrefix(topic, l.options.Prefix)
}
