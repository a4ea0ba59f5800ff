package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// logFlags say where the data folder is, and the log if it is not in there.
type logFlags struct {
	dataFlag
	kafkaFlags
}

// on adds to o where the log is.
func (f logFlags) on(p *program, o engineOptions) (engineOptions, error) {
	k, err := f.cluster(p)
	if k != nil {
		k.Create = o.create
	}
	o.cluster = k
	return o, err
}

// cluster returns how the log on a cluster is opened, nil for a log in the data folder.
func (f kafkaFlags) cluster(p *program) (*kafka.Options, error) {
	on, err := f.onKafka()
	if err != nil || !on {
		return nil, err
	}
	c, err := f.connection(p)
	if err != nil {
		return nil, err
	}
	return &kafka.Options{Connection: c, Prefix: f.TopicPrefix}, nil
}

// quiet is on, for a command that claims shards for a while: it refuses a log that nodes serve, and
// says what to ask them in its place.
func (f logFlags) quiet(
	ctx context.Context, p *program, o engineOptions, ask string,
) (engineOptions, error) {
	o, err := f.on(p, o)
	if err != nil || o.cluster == nil {
		return o, err
	}
	return o, idle(ctx, o.cluster.Connection, o.cluster.Prefix, ask)
}

// askByURL is what to do in place of a command that can ask a server.
const askByURL = "Ask one of them: --url URL"

// memberFlags say how a server takes part in a log on a cluster.
type memberFlags struct {
	kafkaFlags
	Advertise      string        `help:"Where the other nodes reach this one; else where it listens." placeholder:"URL"`
	Node           string        `help:"What this node is called in lists; else its host and port." placeholder:"NAME"`
	SessionTimeout time.Duration `help:"How long a node on a cluster may be silent before its shards go to others." default:"10s"`
	Replication    int           `help:"How many copies new topics have; 0 is 3 where there are three brokers, else 1." default:"0"`
	Standby        bool          `help:"Keep the stores of shards that other nodes own level with the log." default:"true" negatable:""`
	CreateTopics   bool          `help:"Create the topics that are missing; else quittance topics apply does." default:"true" negatable:""`
}

// options returns how a server opens the log on a cluster, nil for a log in the data folder.
func (f memberFlags) options(p *program, shards int, listening string) (*kafka.Options, error) {
	o, err := f.cluster(p)
	if err != nil || o == nil {
		return nil, err
	}
	address := f.Advertise
	if address == "" {
		address = listening
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return nil, &usageError{"--advertise: " + address + " is not like http://HOST:PORT"}
	}
	// Every node that says so would be taken for the same one.
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "" || ip != nil && ip.IsUnspecified() {
		return nil, &usageError{"the other nodes cannot reach this one at " + address +
			": give --advertise http://HOST:PORT"}
	}
	node := f.Node
	if node == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		node = host + "-" + u.Port()
	}
	o.Shards, o.Replication, o.Create = shards, f.Replication, f.CreateTopics
	o.Address, o.Node = address, node
	return o, nil
}

// takesSession refuses a session timeout that the brokers would refuse.
func (f memberFlags) takesSession(ctx context.Context, c kafka.Connection, prefix string) error {
	m := kafka.Membership{Connection: c, Prefix: prefix, SessionTimeout: f.SessionTimeout}
	if takes, err := m.TakesSession(ctx); takes || err != nil {
		return err
	}
	return &usageError{fmt.Sprintf("--session-timeout: the brokers take none of %v: it is from their "+
		"group.min.session.timeout.ms, 6s where nobody has set it, to group.max.session.timeout.ms, "+
		"30m", f.SessionTimeout)}
}

// A cluster is this process among those that share a log: which shards it owns, and who owns the
// others.
type cluster struct {
	shards    *compaction.Shards
	log       *kafka.Log
	directory *kafka.Directory
	member    kafka.Membership
	self      string // where others reach this process
	began     time.Time

	joined chan struct{} // closed when the group has told this process its first shards
	ended  chan struct{} // closed when it takes part no longer
	err    error         // why, after that
	leave  context.CancelFunc
	follow context.CancelFunc
}

// newCluster prepares what makes this process one of those that share the log of an engine.
func newCluster(
	e *engine, o kafka.Options, session time.Duration, logger *slog.Logger,
) (*cluster, error) {
	log, ok := e.log.(*kafka.Log)
	if !ok {
		return nil, errors.New("the log is not on a cluster")
	}
	d, err := kafka.OpenDirectory(o.Connection, o.Prefix, e.shards.Count(), logger)
	if err != nil {
		return nil, err
	}
	c := &cluster{shards: e.shards, log: log, directory: d, self: o.Address,
		ended: make(chan struct{}), began: time.Now(),
		joined: make(chan struct{}), member: kafka.Membership{Connection: o.Connection, Prefix: o.Prefix,
			SessionTimeout: session, Own: e.shards.Own, Heard: e.shards.Heard, Logger: logger}}
	c.member.Joined = func() { close(c.joined) }
	return c, nil
}

// joinCluster makes this process one of those that share the log of an engine.
func joinCluster(
	e *engine, o kafka.Options, session time.Duration, logger *slog.Logger,
) (*cluster, error) {
	c, err := newCluster(e, o, session, logger)
	if err != nil {
		return nil, err
	}
	var follow, stay context.Context
	follow, c.follow = context.WithCancel(context.Background())
	stay, c.leave = context.WithCancel(context.Background())
	go c.directory.Run(follow)
	go c.watch(follow, logger)
	go func() {
		defer close(c.ended)
		c.err = c.member.Run(stay)
	}()
	return c, nil
}

// watch has the log confirm who owns a shard of this process when another has claimed it: one that
// took over, or a command such as quittance keys that needed it for a moment.
func (c *cluster) watch(ctx context.Context, logger *slog.Logger) {
	doubted := map[int]uint64{} // by shard: the claim that was
	told := false
	for ctx.Err() == nil {
		_, changed := c.directory.Owner(0) // what changes while the others are looked at counts, too
		for shard := range c.shards.Count() {
			owner, _ := c.directory.Owner(shard)
			if owner.Epoch == 0 || doubted[shard] == owner.Epoch || !c.shards.Owned(shard) ||
				c.log.Claimed(shard, owner) {
				continue
			}
			doubted[shard] = owner.Epoch
			if owner.Address == c.self && owner.Claimed.After(c.began) && !told {
				told = true
				logger.Error("another node says that it is reached where this one is: "+
					"give each its own --advertise", "node", owner.Node, "address", owner.Address)
			}
			go c.shards.Doubt(shard)
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// ready waits until the group has told this process its shards and they are served, for some time:
// what takes longer is no reason not to pass on what others serve.
func (c *cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, handoverTime)
	defer cancel()
	select {
	case <-c.joined:
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		return nil
	}
	_ = c.shards.Ready(ctx) // /readyz tells
	return nil
}

// Owner returns where the owner of a shard is reached, as api.Peers wants it.
func (c *cluster) Owner(shard int) (address string, here bool, changed <-chan struct{}) {
	owner, changed := c.directory.Owner(shard)
	switch {
	case c.shards.Owned(shard):
		return c.self, true, changed
	case owner.Address == c.self: // it was given up here, and nobody has claimed it since
		return "", false, changed
	}
	return owner.Address, false, changed
}

// status tells how each shard stands, as far as this process knows.
func (c *cluster) status() ([]api.ShardStatus, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	var all []api.ShardStatus
	for _, n := range c.shards.Stats() {
		owner, _ := c.directory.Owner(n.Shard)
		st := api.ShardStatus{Shard: n.Shard, Node: owner.Node, Address: owner.Address, Here: n.Owned,
			Serving: n.Serving, Standby: n.Standby, Stopped: n.Stopped != "", Epoch: owner.Epoch,
			Claimed: owner.Claimed, Group: n.Group}
		if n.Owned || n.Standby {
			end, err := c.log.End(ctx, n.Shard)
			if err != nil {
				return nil, err
			}
			for _, p := range n.Positions {
				st.Positions = append(st.Positions,
					api.ShardPosition{Topic: p.Topic, Offset: p.Next, End: end.Of(p.Topic)})
			}
		}
		all = append(all, st)
	}
	return all, nil
}

// statusTimeout bounds how long the brokers are asked for the ends of topics.
const statusTimeout = 10 * time.Second

// quit gives up the shards of this process, so that others serve them.
func (c *cluster) quit() error {
	c.leave()
	<-c.ended
	return c.err
}

// close ends the rest.
func (c *cluster) close() {
	c.follow()
	c.directory.Close()
}

// demoServed waits until the tenants of the demo business are served by this process.
func (s *server) demoServed(ctx context.Context) error {
	if s.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*s.c.SessionTimeout+handoverTime)
	defer cancel()
	for _, tenant := range []string{platformTenant, demoTenant} {
		shard := compaction.ShardOf(tenant, s.engine.shards.Count())
		for !s.engine.shards.Owned(shard) {
			_, _, changed := s.cluster.Owner(shard)
			select {
			case <-changed:
			case <-s.cluster.ended:
				return s.cluster.err
			case <-ctx.Done():
				return errors.New("another node serves the demo business: " +
					"give --dev to one node, and start it first")
			}
		}
	}
	return s.engine.shards.Ready(ctx)
}

// handoverTime is how long shards may take to come here when nobody else has them.
const handoverTime = 20 * time.Second
