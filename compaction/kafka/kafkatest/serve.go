package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Serve runs one broker for people rather than for a test, on a port of the loopback interface; 0
// is a free one. It calls serving when the broker answers, and returns when ctx ends: nil, with the
// broker and all that it kept gone. A broker that ends by itself is an error, with its last words.
func Serve(ctx context.Context, port int, serving func(address string)) (err error) {
	if err := free(port); err != nil {
		return err
	}
	if missing := missing(); missing != "" {
		return errors.New(missing)
	}
	// It is not one that ends soon, and may be measured: as in earnest.
	c, err := launch(Options{port: port, Bench: true, HeapMB: 1024})
	if c != nil {
		defer func() { err = errors.Join(err, c.end()) }()
	}
	if err != nil {
		return err
	}
	b := c.brokers[0]
	serving(b.address())
	select {
	case <-ctx.Done():
		return nil
	case <-b.exited:
		return fmt.Errorf("the broker ended: %w; it said last:\n%s", b.err, c.Log(0))
	}
}

// free reports who listens on a port as an error: a broker would take a while to say so.
func free(port int) error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("%w: give another port, or end what listens there", err)
	}
	return l.Close()
}

// end kills the brokers and removes what they kept.
func (c *Cluster) end() error {
	for _, b := range c.brokers {
		b.kill()
	}
	return c.folder.remove()
}
