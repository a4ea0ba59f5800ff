package kafka

import "context"

// tries is how often a cluster is asked while its leaders and coordinators move: for some seconds.
const tries = 10

// persist calls ask until it succeeds, fails for good or has been called often enough, and returns
// its last error. It waits in between, for longer each time, and no longer than ctx.
func persist(ctx context.Context, ask func() error) error {
	for fails := 1; ; fails++ {
		err := ask()
		if err == nil || lasting(err) || fails == tries || pause(ctx, retryBackoff(fails)) != nil {
			return err
		}
	}
}
