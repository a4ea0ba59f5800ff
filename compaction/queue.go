package compaction

import (
	"slices"
	"sync"
)

// Bounds of a shard's queue. A tenant has a share of its own, so that whoever floods a shard fills
// no room but theirs; the bound over all tenants keeps memory finite.
const (
	tenantShare   = 1024
	queueCapacity = 16 * 1024
)

// A queue holds the commands that wait for a shard, in order per tenant, and hands them out in
// turns: each turn gives every waiting tenant the same amount of cost (deficit round robin).
type queue struct {
	mu      sync.Mutex
	tenants map[string]*waiting // those with something waiting
	ring    []*waiting          // the same, in turn
	length  int
	closed  error

	signal chan struct{} // holds a token when something is waiting or the queue was closed
}

// waiting is a tenant's own queue.
type waiting struct {
	tenant   string
	requests []*request
	credit   int
}

// turn is how much cost a tenant may spend each round.
const turn = 64

func newQueue() *queue {
	return &queue{tenants: map[string]*waiting{}, signal: make(chan struct{}, 1)}
}

// put adds a request, or says why it cannot.
func (q *queue) put(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return q.closed
	}
	w := q.tenants[r.command.Tenant]
	if q.length >= queueCapacity || w != nil && len(w.requests) >= tenantShare {
		return ErrQueueFull
	}
	if w == nil {
		w = &waiting{tenant: r.command.Tenant}
		q.tenants[w.tenant] = w
		q.ring = append(q.ring, w)
	}
	w.requests = append(w.requests, r)
	q.length++
	q.wake()
	return nil
}

func (q *queue) wake() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// take moves waiting requests into out, in turns, until their cost reaches limit.
func (q *queue) take(out []*request, limit int) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	cost := 0
	for len(q.ring) > 0 && cost < limit {
		w := q.ring[0]
		w.credit += turn
		n := 0
		for n < len(w.requests) && w.credit > 0 && cost < limit {
			c := w.requests[n].cost()
			w.credit -= c
			cost += c
			n++
		}
		out = append(out, w.requests[:n]...)
		q.length -= n
		q.ring = q.ring[1:]
		if n == len(w.requests) {
			delete(q.tenants, w.tenant)
			continue
		}
		w.requests = slices.Delete(w.requests, 0, n)
		q.ring = append(q.ring, w)
	}
	if q.length > 0 {
		q.wake()
	}
	return out
}

// restore puts requests that were taken back to where they were, before what has come since.
func (q *queue) restore(requests []*request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range slices.Backward(requests) {
		w := q.tenants[r.command.Tenant]
		if w == nil {
			w = &waiting{tenant: r.command.Tenant}
			q.tenants[w.tenant] = w
			q.ring = append(q.ring, w)
		}
		w.requests = slices.Insert(w.requests, 0, r)
		w.credit += r.cost()
	}
	q.length += len(requests)
	q.wake()
}

// close refuses what comes from now on. With drop it also returns what is waiting.
func (q *queue) close(err error, drop bool) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed == nil {
		q.closed = err
	}
	q.wake()
	if !drop {
		return nil
	}
	var dropped []*request
	for _, w := range q.ring {
		dropped = append(dropped, w.requests...)
	}
	q.ring, q.length = nil, 0
	clear(q.tenants)
	return dropped
}

// len returns how many requests wait.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.length
}
