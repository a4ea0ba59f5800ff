package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A Sharing is what the brokers know of the processes that share the shards of a log. One that was
// killed counts until its session is over.
type Sharing struct {
	// Members is how many processes there are.
	Members int
	// Hosts are where they are, as the brokers see it: each host once, sorted. Where others reach a
	// process is in what it claimed.
	Hosts []string
	// Shards are those that one of the processes was told to own. There are none while the group
	// decides anew.
	Shards []int
}

// Members returns who shares the shards of the log with a prefix, as its group knows them.
func Members(ctx context.Context, c Connection, prefix string) (Sharing, error) {
	if err := reach(ctx, c); err != nil {
		return Sharing{}, err
	}
	cl, err := kgo.NewClient(c.options()...)
	if err != nil {
		return Sharing{}, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	name := Membership{Prefix: prefix}.Group()
	var found Sharing
	err = persist(ctx, func() error {
		groups, err := kadm.NewClient(cl).DescribeGroups(ctx, name)
		if err == nil {
			err = groups[name].Err
		}
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // which nobody has joined
			// A cluster that has had no group yet makes a place for them when it is first asked.
			return err
		}
		found = sharing(groups[name], prefix+ShardsTopic)
		return nil
	})
	if err != nil {
		return Sharing{}, fmt.Errorf("kafka: group %s: %w", name, explain(err, c))
	}
	return found, nil
}

// sharing returns what a group says of itself.
func sharing(g kadm.DescribedGroup, topic string) Sharing {
	found := Sharing{Members: len(g.Members)}
	for _, m := range g.Members {
		found.Hosts = append(found.Hosts, strings.TrimPrefix(m.ClientHost, "/"))
	}
	slices.Sort(found.Hosts)
	found.Hosts = slices.Compact(found.Hosts)
	for shard := range g.AssignedPartitions()[topic] {
		found.Shards = append(found.Shards, int(shard))
	}
	slices.Sort(found.Shards)
	return found
}
