package main

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/quittance/quittance/compaction"
)

// decidePatience is how long what a log does not take for the moment is sent again.
const decidePatience = 10 * time.Second

// decide runs f as a command of a tenant. Where the log took nothing of it, as brokers do now and
// then of the first that a node writes, it is run again for a while: nobody else would do so. What
// has no room, or never will have, is told at once.
func decide(
	ctx context.Context, s *compaction.Shards, tenant string, f func(*compaction.Tx) error,
) error {
	_, err := backoff.Retry(ctx, func() (compaction.Answer, error) {
		a, err := s.Do(ctx, compaction.Command{Tenant: tenant,
			Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
				return compaction.Answer{}, f(tx)
			}})
		if err != nil && !compaction.Passing(err) {
			err = backoff.Permanent(err)
		}
		return a, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(50*time.Millisecond)),
		backoff.WithMaxElapsedTime(decidePatience))
	return err
}
