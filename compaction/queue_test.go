package compaction

import (
	"errors"
	"fmt"
	"testing"
)

func waitingRequest(tenant string, cost int) *request {
	return &request{command: Command{Tenant: tenant, Cost: cost}}
}

// A tenant that floods the queue fills its own share only, and its neighbour's command is in the
// next group however long the flood is.
func TestQueueIsFair(t *testing.T) {
	q := newQueue()
	for i := range tenantShare {
		if err := q.put(waitingRequest("noisy", 8)); err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
	}
	if err := q.put(waitingRequest("noisy", 8)); !errors.Is(err, ErrQueueFull) {
		t.Errorf("a command past the share: %v, want ErrQueueFull", err)
	}
	if err := q.put(waitingRequest("quiet", 8)); err != nil {
		t.Errorf("a neighbour's command: %v", err)
	}
	took := map[string]int{}
	for _, r := range q.take(nil, 256) {
		took[r.command.Tenant]++
	}
	if took["quiet"] != 1 || took["noisy"] == 0 {
		t.Errorf("the first group has %v", took)
	}
}

// However many tenants there are, a queue is full at its bound: no command waits for room, and
// memory is finite.
func TestQueueIsFull(t *testing.T) {
	q := newQueue()
	for i := range queueCapacity {
		if err := q.put(waitingRequest(fmt.Sprint("tenant-", i%32), 1)); err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
	}
	if err := q.put(waitingRequest("another", 1)); !errors.Is(err, ErrQueueFull) {
		t.Errorf("a command past the bound: %v, want ErrQueueFull", err)
	}
	q.take(nil, 1)
	if err := q.put(waitingRequest("another", 1)); err != nil {
		t.Errorf("a command when there is room again: %v", err)
	}
}

// Tenants get the same cost each round, whatever their commands cost, and each its own order.
func TestQueueSharesCost(t *testing.T) {
	q := newQueue()
	for range 640 {
		for _, r := range []*request{waitingRequest("dear", 16), waitingRequest("cheap", 1)} {
			if err := q.put(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	cost := map[string]int{}
	for _, r := range q.take(nil, 1024) {
		cost[r.command.Tenant] += r.cost()
	}
	if d := cost["dear"] - cost["cheap"]; d < -64 || d > 64 {
		t.Errorf("costs are %v, want them within a turn", cost)
	}
}

// What is put comes out once, in each tenant's order, and nothing after the queue was closed.
func TestQueueKeepsOrder(t *testing.T) {
	q := newQueue()
	put := map[string]int{}
	for i := range 1000 {
		tenant := fmt.Sprint("t", i%7)
		r := waitingRequest(tenant, i%5)
		r.outcome.answer.Code = put[tenant]
		put[tenant]++
		if err := q.put(r); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]int{}
	for q.len() > 0 {
		for _, r := range q.take(nil, 50) {
			if r.outcome.answer.Code != got[r.command.Tenant] {
				t.Fatalf("%s: command %d came out as number %d", r.command.Tenant,
					r.outcome.answer.Code, got[r.command.Tenant])
			}
			got[r.command.Tenant]++
		}
	}
	if len(got) != 7 || got["t0"] != put["t0"] {
		t.Errorf("took %v, want %v", got, put)
	}
	q.close(ErrNotServing, false)
	if err := q.put(waitingRequest("t0", 1)); !errors.Is(err, ErrNotServing) {
		t.Errorf("a closed queue took a command: %v", err)
	}
}
