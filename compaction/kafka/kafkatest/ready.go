package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ready is await with patience.
func (c *Cluster) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.await(ctx)
}

// await asks each running broker, as a client does, until it answers and names as many brokers as
// run: a broker that the controller does not count yet, or no longer, is in no answer.
func (c *Cluster) await(ctx context.Context, more ...kgo.Opt) error {
	want := 0
	for _, b := range c.brokers {
		if b.running() {
			want++
		}
	}
	for i, b := range c.brokers {
		if !b.running() {
			continue
		}
		if err := c.awaitBroker(ctx, b, want, more); err != nil {
			return fmt.Errorf("broker %d: %w; it said last:\n%s", i, err, c.Log(i))
		}
	}
	return nil
}

func (c *Cluster) awaitBroker(
	ctx context.Context, b *broker, want int, more []kgo.Opt,
) error {
	client, err := kgo.NewClient(append(c.dial(b.address()), more...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	again := time.NewTicker(25 * time.Millisecond)
	defer again.Stop()
	for {
		known, err := count(ctx, client)
		if err == nil && known == want {
			return nil
		}
		select {
		case <-b.exited:
			return fmt.Errorf("it ended: %w", b.err)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("it knows of %d brokers, not %d", known, want),
				err, ctx.Err())
		case <-again.C:
		}
	}
}

// count returns how many brokers the one that client is for knows of.
func count(ctx context.Context, client *kgo.Client) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	answer, err := client.SeedBrokers()[0].Request(ctx, request)
	if err != nil {
		return 0, err
	}
	return len(answer.(*kmsg.MetadataResponse).Brokers), nil
}
