package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Membership is this process's part in the group of processes that share the shards of a log.
//
// The group is a Kafka consumer group over the partitions of ShardsTopic: who is assigned a
// partition owns that shard. The group decides who should serve; the claim of a shard decides who
// can. So a group that is wrong for a while costs time, never records.
type Membership struct {
	// Connection is how to reach the cluster.
	Connection
	// Prefix is that of the log.
	Prefix string
	// SessionTimeout is how long a process may be silent before its shards go to others; 0 is 10
	// seconds. Brokers refuse less than their group.min.session.timeout.ms, 6 seconds by default.
	SessionTimeout time.Duration
	// Own is told which shards this process owns from now on. It returns when those that it no
	// longer owns have been given up, or ctx ends.
	Own func(ctx context.Context, shards []int) error
	// Joined is called once, when the group has told this process its first shards, or that there
	// are none for it; nil is not called.
	Joined func()
	// Heard is called when the group has answered this process, with the time when it was asked: for a
	// SessionTimeout after that the group gives none of its shards to others. The zero time tells that
	// the group counts it out. nil is not called.
	Heard func(asked time.Time)
	// Logger takes what changes; nil is slog.Default.
	Logger *slog.Logger
}

// Group returns the name of the group.
func (m Membership) Group() string { return m.Prefix + "quittance" }

// DefaultSessionTimeout is how long a process may be silent before its shards go to others.
const DefaultSessionTimeout = 10 * time.Second

// heartbeat is how often a member shows that it is alive and hears of changes: a shard that is to
// move waits for one heartbeat of who has it. With kgo's 3 s a rolling restart stood still for that
// long at each step.
const heartbeat = 500 * time.Millisecond

// handover bounds how long giving shards up may take: then they are claimed regardless, which
// fences who still has them.
const handover = 20 * time.Second

// Run takes part in the group until ctx ends; then it gives every shard up and leaves. Errors:
// those that will not pass by themselves, such as a group that it may not join.
func (m Membership) Run(ctx context.Context) error {
	if m.Logger == nil {
		m.Logger = slog.Default()
	}
	if m.SessionTimeout == 0 {
		m.SessionTimeout = DefaultSessionTimeout
	}
	if err := m.check(); err != nil {
		return err
	}
	if m.Joined == nil {
		m.Joined = func() {}
	}
	m.Joined = sync.OnceFunc(m.Joined)
	if m.Heard == nil {
		m.Heard = func(time.Time) {}
	}
	h := &holding{member: m, shards: map[int]bool{}, turn: make(chan struct{}, 1)}
	cl, err := kgo.NewClient(append(m.options(), m.groupOptions(h)...)...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	// Membership alone is wanted, not the records.
	cl.PauseFetchTopics(m.Prefix + ShardsTopic)
	err = m.stay(ctx, cl)
	// Giving up and leaving must not be cut short by what ended the staying.
	leave, cancel := context.WithTimeout(context.Background(), handover)
	defer cancel()
	err = errors.Join(err, h.change(leave, func() { clear(h.shards) }))
	if e := cl.LeaveGroupContext(leave); e != nil { // the group will notice by itself
		m.Logger.Warn("the group of processes was not told of leaving it", "error", e)
	}
	cl.Close()
	return err
}

// groupOptions are the options of the group's client.
func (m Membership) groupOptions(h *holding) []kgo.Opt {
	topic := m.Prefix + ShardsTopic
	return []kgo.Opt{
		kgo.ConsumerGroup(m.Group()),
		kgo.ConsumeTopics(topic),
		// Shards that stay where they are go on being served while others move.
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(m.SessionTimeout),
		kgo.HeartbeatInterval(min(heartbeat, m.SessionTimeout/4)),
		kgo.RebalanceTimeout(handover + 10*time.Second),
		// Nothing is consumed, so nothing is committed, and where to begin does not matter; the
		// default would rewind to the start.
		kgo.WithHooks(&heartbeats{heard: m.Heard}),
		kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.OnPartitionsAssigned(func(ctx context.Context, _ *kgo.Client, p map[string][]int32) {
			h.gain(ctx, p[topic])
			m.Joined()
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, p map[string][]int32) {
			h.lose(ctx, p[topic])
		}),
		kgo.OnPartitionsLost(func(ctx context.Context, _ *kgo.Client, p map[string][]int32) {
			m.Heard(time.Time{}) // before anything else: they may be another's
			h.lose(ctx, p[topic])
		}),
	}
}

// heartbeats tells of heartbeats that were answered. That the answer says no to a member is told
// a moment later: see OnPartitionsLost.
//
// The client says how long things took and not when they were, and the process may be stopped
// before it says so. What it says when it has asked and what it says when it was answered both give
// the time, or a later one: the earlier one counts.
type heartbeats struct {
	heard func(asked time.Time)
	asked atomic.Pointer[time.Time] // the last one
}

func asksGroup(key int16) bool {
	return key == kmsg.Heartbeat.Int16() || key == kmsg.ConsumerGroupHeartbeat.Int16()
}

// OnBrokerWrite is what the client calls when it has asked.
func (h *heartbeats) OnBrokerWrite(
	_ kgo.BrokerMetadata, key int16, _ int, _, took time.Duration, _ error,
) {
	if asksGroup(key) {
		asked := time.Now().Add(-took)
		h.asked.Store(&asked)
	}
}

// OnBrokerE2E is what the client calls after each answer.
func (h *heartbeats) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e kgo.BrokerE2E) {
	if !asksGroup(key) || e.Err() != nil {
		return
	}
	at := time.Now().Add(-e.DurationE2E())
	if asked := h.asked.Load(); asked != nil && asked.Before(at) {
		at = *asked
	}
	h.heard(at)
}

// stay reads what the client has to say until ctx ends or it says that it cannot go on.
func (m Membership) stay(ctx context.Context, cl *kgo.Client) error {
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if fetches.IsClientClosed() {
			return errors.New("kafka: the client of the group was closed")
		}
		for _, e := range fetches.Errors() {
			var group *kgo.ErrGroupSession
			if denied(e.Err) || errors.Is(e.Err, kerr.InvalidSessionTimeout) ||
				errors.Is(e.Err, kerr.InconsistentGroupProtocol) {
				return fmt.Errorf("kafka: group %s: %w", m.Group(), explain(e.Err, m.Connection))
			}
			if errors.As(e.Err, &group) {
				m.Logger.Warn("the group of processes is joined again", "error", group.Err)
				continue
			}
			m.Logger.Warn("the group of processes", "error", e.Err)
		}
	}
}

// holding is which shards the group has given this process.
type holding struct {
	member Membership
	turn   chan struct{} // holds a token while somebody changes shards
	shards map[int]bool
}

// gain adds shards.
func (h *holding) gain(ctx context.Context, partitions []int32) {
	h.log(h.change(ctx, func() {
		for _, p := range partitions {
			h.shards[int(p)] = true
		}
	}))
}

// lose takes shards away.
func (h *holding) lose(ctx context.Context, partitions []int32) {
	h.log(h.change(ctx, func() {
		for _, p := range partitions {
			delete(h.shards, int(p))
		}
	}))
}

// change tells the owner of the shards about a change, once it is one.
func (h *holding) change(ctx context.Context, f func()) error {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	before := maps.Clone(h.shards)
	f()
	if maps.Equal(before, h.shards) {
		return nil
	}
	now := slices.Sorted(maps.Keys(h.shards))
	h.member.Logger.Info("the shards of this process", "shards", now)
	ctx, cancel := context.WithTimeout(ctx, handover)
	defer cancel()
	return h.member.Own(ctx, now)
}

func (h *holding) log(err error) {
	if err != nil {
		h.member.Logger.Warn("shards were not given up in time", "error", err)
	}
}
