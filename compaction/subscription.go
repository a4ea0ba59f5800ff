package compaction

import (
	"fmt"
	"slices"
	"sync"
)

// subscriptions are the channels that want to know of changed topics, by the topic's number.
type subscriptions struct {
	mu    sync.RWMutex
	byID  [256][]chan struct{}
	count int
}

// Subscribe returns a channel that holds a token after a group that wrote to topic was committed,
// before its commands are answered; what is read after a token has been taken is as of that group.
// Several groups may leave one token. One is left for every topic when a shard is served again,
// too, since it may hold groups whose append had an unknown outcome. Cancel ends the subscription.
func (s *Shards) Subscribe(topic string) (signal <-chan struct{}, cancel func(), err error) {
	d := s.o.Schema.byTopic[topic]
	if d == nil {
		return nil, nil, fmt.Errorf("compaction: there is no topic %s", topic)
	}
	c := make(chan struct{}, 1)
	x := &s.subscriptions
	x.mu.Lock()
	defer x.mu.Unlock()
	x.byID[d.id] = append(x.byID[d.id], c)
	x.count++
	return c, sync.OnceFunc(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.byID[d.id] = slices.DeleteFunc(x.byID[d.id], func(y chan struct{}) bool { return y == c })
		x.count--
	}), nil
}

// notify leaves a token with everybody who subscribed to a touched topic.
func (s *Shards) notify(touched *[256]bool) {
	x := &s.subscriptions
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.count == 0 {
		return
	}
	for id, hit := range touched {
		if hit {
			x.leave(id)
		}
	}
}

// leave leaves a token with everybody who subscribed to a topic. It is called with mu.
func (x *subscriptions) leave(topic int) {
	for _, c := range x.byID[topic] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// everybody runs change and leaves a token with all who had subscribed before it.
func (x *subscriptions) everybody(change func()) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	change()
	for id := range x.byID {
		x.leave(id)
	}
}
