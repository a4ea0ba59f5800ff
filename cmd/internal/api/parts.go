package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/quittance/quittance/compaction"
)

// A scope says who answers for which shards, where the answer is about all of them.
type scope struct {
	here  []int            // those that this process answers for
	there map[string][]int // the others, by the address of the process that owns them
}

// scope divides the shards among those who own them; each is in it once, so that nothing is missed
// and nothing counted twice while shards move. For a node that was asked for its part it is what it
// was asked for. It fails when a shard has no owner.
func (x *exchange) scope() (scope, error) {
	s := scope{there: map[string][]int{}}
	c := x.across
	if c != nil && c.hop != nil && c.hop.Kind == hopPart {
		s.here = c.hop.Shards
		return s, nil
	}
	for n := range x.api.shards.Count() {
		if x.api.peers == nil || x.api.shards.Owned(n) {
			s.here = append(s.here, n)
			continue
		}
		address, self, changed := x.api.peers.Owner(n)
		if address == "" || self {
			c.shard, c.changed, c.absent = n, changed, address == ""
			return s, &elsewhereError{n}
		}
		s.there[address] = append(s.there[address], n)
	}
	return s, nil
}

// each calls f with a view of each shard of the scope that is here, as it is now. It fails when one
// of them is not served.
func (s scope) each(x *exchange, f func(v *compaction.View) error) error {
	for _, n := range s.here {
		if err := x.api.shards.Read(x.api.residents[n], f); err != nil {
			return err
		}
	}
	return nil
}

// residentsOf returns an id of each shard that a tenant who lived there could have. What is read by
// tenant is current: it is read after the log has confirmed who owns the shard.
func residentsOf(shards int) []string {
	ids := make([]string, shards)
	for left, i := shards, 0; left > 0; i++ {
		id := "t" + strconv.Itoa(i)
		if n := compaction.ShardOf(id, shards); ids[n] == "" {
			ids[n] = id
			left--
		}
	}
	return ids
}

// gather asks every other owner of a scope for its part of the answer: one request each, which they
// answer for those shards alone. It fails when one of them does not.
func gather[T any](x *exchange, s scope) ([]T, error) {
	var (
		mu       sync.Mutex
		parts    []T
		failures []error
		asked    sync.WaitGroup
	)
	for address, shards := range s.there {
		asked.Go(func() {
			var part T
			answer, err := x.askPart(x.r.Context(), address, shards)
			if err == nil {
				err = json.Unmarshal(answer, &part)
			}
			mu.Lock()
			defer mu.Unlock()
			parts = append(parts, part)
			if err != nil {
				failures = append(failures, fmt.Errorf("api: the part of %s: %w", address, err))
			}
		})
	}
	asked.Wait()
	return parts, errors.Join(failures...)
}

// askPart asks one owner for its part of the answer to this request.
func (x *exchange) askPart(ctx context.Context, address string, shards []int) ([]byte, error) {
	vouched, err := x.vouch()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, x.r.Method, address+x.r.URL.RequestURI(), nil)
	if err != nil {
		return nil, err
	}
	r.Header[requestIDHeader] = []string{x.id}
	return x.api.ask(r, nil, hop{Kind: hopPart, Shards: shards, Caller: vouched})
}
