package kafka

import (
	"context"
	"net"
)

// watched returns the log's connection as a shard's producers use it: whenever one of them has
// reached a broker, the markers that the shard may miss are written before anything is sent there.
//
// A broker that was killed ends all connections to it. A producer that went on with the new one at
// once, because no group was under way, could begin its next transaction where an older one of its
// own hangs, and with an abort take back what was acknowledged. And a claim that had looked before
// the broker died, and got its ids from the one that came back, would have made the coordinator
// forget what it decided: such a shard could not be claimed any more (TestHanging).
func (l *Log) watched(shard int) Connection {
	c := l.options.Connection
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	c.Dial = func(ctx context.Context, network, host string) (net.Conn, error) {
		conn, err := dial(ctx, network, host)
		if err != nil {
			return nil, err
		}
		if err := l.mend(ctx, shard); err != nil {
			_ = conn.Close() // nothing was sent
			// As an error of dialling, which the client tries again.
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
		return conn, nil
	}
	return c
}
