package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Members returns the hosts of the processes that share the shards of the log with a prefix, as
// its group knows them: one that was killed stays for its session timeout.
func Members(ctx context.Context, c Connection, prefix string) ([]string, error) {
	if err := reach(ctx, c); err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(c.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	name := Membership{Prefix: prefix}.Group()
	var hosts []string
	err = persist(ctx, func() error {
		groups, err := kadm.NewClient(cl).DescribeGroups(ctx, name)
		if err == nil {
			err = groups[name].Err
		}
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // which nobody has joined
			// A cluster that has had no group yet makes a place for them when it is first asked.
			return err
		}
		for _, m := range groups[name].Members {
			hosts = append(hosts, m.ClientHost)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("kafka: group %s: %w", name, explain(err, c))
	}
	return hosts, nil
}
