package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/settlement"
)

// A simNode is a machine that runs one process of the program at a time.
type simNode struct {
	s    *simulation
	name string
	host string // where others reach its process over HTTP

	mu   sync.Mutex
	rng  *rand.Rand // what chance does to its disk
	disk *disk
	skew time.Duration // how far its clock is ahead
	life *simProcess   // nil while no process runs
	last *simProcess   // that is being stopped, and has the disk until it is over
	owns []int         // as the group has last told it
}

// A simProcess is one life of the program on a node.
type simProcess struct {
	wire   *wire
	wrong  *wrong // the rule that is left out; nil for none
	ctx    context.Context
	end    context.CancelFunc
	leave  context.CancelFunc // leaves the group in order
	left   chan struct{}      // closed when it has left
	opened chan struct{}      // closed when shards is set
	shards *compaction.Shards
	owning chan struct{} // held by who tells it what it owns
	log    compaction.Log
	killed chan struct{} // closed when its callers lose it
	over   chan struct{} // closed when nothing of it runs any more
}

// errGone is what callers of a process get when it ends under them.
var errGone = errors.New("the process is gone")

// now is the node's clock.
func (n *simNode) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Now().Add(n.skew)
}

// skewed sets how far the node's clock is ahead.
func (n *simNode) skewed(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.skew = d
}

// start begins a process, unless one runs. It opens the log as soon as the brokers let it.
func (n *simNode) start() {
	ctx, end := context.WithCancel(context.Background())
	p := &simProcess{ctx: ctx, end: end, wrong: n.s.wrong, wire: newWire(n, n.s.random()),
		opened: make(chan struct{}), killed: make(chan struct{}), over: make(chan struct{}),
		left: make(chan struct{}), owning: make(chan struct{}, 1)}
	var stay context.Context
	stay, p.leave = context.WithCancel(ctx)
	d := n.give(p)
	if d == nil {
		end()
		return
	}
	go func() {
		defer close(p.over)
		if err := n.run(p, d, stay); err != nil && ctx.Err() == nil {
			n.s.fault("%s: %v", n.name, err)
		}
	}()
}

// run is the process.
func (n *simNode) run(p *simProcess, d *disk, stay context.Context) error {
	logger := slog.New(slog.NewTextHandler(n.s, &slog.HandlerOptions{Level: slog.LevelInfo,
		ReplaceAttr: n.s.shorten})).With("node", n.name)
	var err error
	for wait := time.Second; ; {
		if p.log, err = n.s.open(p.ctx, n, p.wire, logger); err == nil {
			break
		}
		logger.Warn("the log does not open", "error", err)
		select {
		case <-stay.Done():
			close(p.left)
			return nil
		case <-time.After(wait):
		}
	}
	p.shards, err = compaction.NewShards(compaction.Options{
		Log: n.s.mislead(n, p.log), Schema: n.s.schema, Dir: "store", Secret: make([]byte, 32),
		Clock:  func() time.Time { p.wire.stand(); return n.now() },
		Logger: logger, FS: d.fs(p.wire, func() { n.end(p, false) }),
		Shared: true, Standby: n.s.standby, Lease: n.s.lease(), CacheBytes: 1 << 20,
	})
	if err != nil {
		close(p.left)
		return errors.Join(err, p.log.Close())
	}
	close(p.opened)
	c, follow, err := n.cluster(p, logger)
	if err != nil {
		close(p.left)
		return errors.Join(err, p.log.Close())
	}
	defer follow()
	go n.takePart(stay, p, logger)
	beside := make(chan error, 2)
	go func() { beside <- n.worker(p, logger).Run(p.ctx) }()
	go func() { beside <- n.serve(p, c, logger) }()
	err = errors.Join(p.shards.Run(p.ctx), <-beside, <-beside)
	<-p.left
	return errors.Join(err, p.log.Close())
}

// worker is the worker of the process's outbox.
func (n *simNode) worker(p *simProcess, logger *slog.Logger) *gateways.Worker {
	engine := settlement.Engine{Shards: p.shards}
	set := map[string]gateways.Gateway{simCards: simGateway{n.s.provider, p}}
	return gateways.NewWorker(gateways.Options{Engine: engine, Clock: n.now, Logger: logger,
		Poll: 5 * time.Second, Longest: time.Minute, Limit: 1000,
		Handlers: gateways.Settlement().Handlers(engine, set)})
}

// takePart keeps the process in the group until it is to leave.
func (n *simNode) takePart(stay context.Context, p *simProcess, logger *slog.Logger) {
	defer close(p.left)
	for n.s.group == nil && stay.Err() == nil {
		err := kafka.Membership{Connection: n.s.connection(n, p.wire), Logger: logger,
			Own: func(ctx context.Context, shards []int) error {
				return n.told(ctx, p, shards)
			}}.Run(stay)
		if err != nil {
			logger.Warn("the group is joined again", "error", err)
			time.Sleep(time.Second)
		}
	}
}

// kill ends the process without a word. Its disk is as a crash of the machine leaves it, or lost.
func (n *simNode) kill(lose bool) { n.end(n.process(), lose) }

// end is kill for a process, unless it no longer runs.
func (n *simNode) end(p *simProcess, lose bool) {
	n.mu.Lock()
	if p == nil || n.life != p {
		n.mu.Unlock()
		return
	}
	n.life, n.owns = nil, nil
	if lose {
		n.disk = newDisk()
	} else {
		n.disk = n.disk.crash(n.rng.IntN(101), n.rng)
	}
	n.mu.Unlock()
	close(p.killed)
	p.wire.end()
	p.end()
	n.s.dying.Go(func() { <-p.over })
}

// stop ends the process in order: what it has taken is answered.
func (n *simNode) stop() {
	p := n.take()
	if p == nil {
		return
	}
	p.leave()
	<-p.left
	p.end()
	<-p.over
	close(p.killed)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = nil
}

// give gives the node a process, if none has its disk, and returns that.
func (n *simNode) give(p *simProcess) *disk {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil || n.last != nil {
		return nil
	}
	n.life, n.owns = p, nil
	return n.disk
}

// machine returns the node's disk as it is now.
func (n *simNode) machine() *disk {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.disk
}

// replace gives the node a new disk.
func (n *simNode) replace() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.disk = newDisk()
}

// take takes the process from the node, if one runs, to be stopped.
func (n *simNode) take() *simProcess {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.life
	n.life, n.owns = nil, nil
	if p != nil {
		n.last = p
	}
	return p
}

// process returns the process that runs.
func (n *simNode) process() *simProcess {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.life
}

// tell tells the node which shards it owns, and waits until it has given up the others. It gives
// up where the process does not hear it.
func (n *simNode) tell(shards []int, patience time.Duration) error {
	p := n.process()
	if p == nil {
		return errGone
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-p.opened:
	case <-p.killed:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
	for p.wire.severed() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.killed:
			return errGone
		case <-time.After(100 * time.Millisecond):
		}
	}
	return n.told(ctx, p, shards)
}

// told has a process own what the group tells it.
func (n *simNode) told(ctx context.Context, p *simProcess, shards []int) error {
	select {
	case p.owning <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.owning }()
	n.mu.Lock()
	if n.life == p {
		n.owns = slices.Clone(shards)
	}
	n.mu.Unlock()
	return p.shards.Own(ctx, shards)
}

// own has a process own something else than what the group has told it.
func (n *simNode) own(p *simProcess, shards func(told []int) []int) {
	p.owning <- struct{}{}
	defer func() { <-p.owning }()
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Minute)
	defer cancel()
	if err := p.shards.Own(ctx, shards(n.owned())); err != nil && p.ctx.Err() == nil {
		n.s.fault("%s does not give up what it is no longer to own: %v", n.name, err)
	}
}

// owned returns what the group has last told the node.
func (n *simNode) owned() []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.owns)
}

// do has the node's process decide a command, or loses it with the process.
func (n *simNode) do(ctx context.Context, c compaction.Command) (compaction.Answer, error) {
	type result struct {
		answer compaction.Answer
		err    error
	}
	var r result
	err := n.call(ctx, func(s *compaction.Shards) {
		r.answer, r.err = settlement.Engine{Shards: s}.Do(ctx, c)
	})
	if err != nil {
		return compaction.Answer{}, err
	}
	return r.answer, r.err
}

// call calls f with the process's shards, unless the process ends before f does; errNobody says
// that f was not called.
func (n *simNode) call(ctx context.Context, f func(*compaction.Shards)) error {
	p := n.process()
	if p == nil {
		return errNobody
	}
	select {
	case <-p.opened:
	default:
		return errNobody
	}
	done := make(chan struct{})
	n.s.calls.Go(func() {
		defer close(done)
		p.wire.stand() // whoever asks one that stands still is heard when it goes on
		f(p.shards)
		p.wire.stand()
	})
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.killed:
		return errGone
	}
	select {
	case <-p.killed: // it may have answered, but nobody heard
		return errGone
	default:
		return nil
	}
}

var errNobody = fmt.Errorf("%w: no process", compaction.ErrNotServing)

// owner returns who serves a shard, as far as anybody knows.
func (s *simulation) owner(shard int) *simNode {
	if s.group != nil {
		return s.group.owner(shard)
	}
	for _, n := range s.nodes {
		if slices.Contains(n.owned(), shard) {
			return n
		}
	}
	return nil
}
