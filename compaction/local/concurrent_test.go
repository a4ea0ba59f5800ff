package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// Appends, followers, readers from the start and the cleaner work beside each other; a follower
// that applies everything it is given, and a reader afterwards, both know the latest values.
func TestConcurrent(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{Shards: 1, Reserve: minReserve, CleanKeys: 4})
	w := claim(t, l, 0)
	const groups = 600
	var wait sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	follower := newModel()
	wait.Go(func() { follow(t, l, follower, groups) })
	wait.Go(func() {
		for ctx.Err() == nil {
			if _, err := l.Clean(ctx, CleanOptions{}); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	wait.Go(func() {
		for ctx.Err() == nil {
			if _, err := read(ctx, l, 0); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	rng := rand.New(rand.NewPCG(1, 1))
	want := newModel()
	for number := range uint64(groups) {
		g := randomGroup(rng, number+1)
		for _, r := range g.Records {
			want.apply(r.Topic, string(r.Key), r.Value)
		}
		if _, err := w.Append(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if number%100 == 99 { // another owner, in the middle of everything
			w = claim(t, l, 0)
		}
	}
	stop()
	wait.Wait()
	if got := fold(t, l, 0); !got.equal(want) {
		t.Errorf("the log means %v, want %v", got, want)
	}
	if !follower.equal(want) {
		t.Errorf("the follower has %v, want %v", follower, want)
	}
}

// follow applies groups to a model as they come, until the last one.
func follow(t *testing.T, l *Log, m *model, last uint64) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := l.Read(ctx, 0, compaction.Range{})
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	for {
		b, err := r.Next(ctx)
		if err != nil {
			t.Error(fmt.Errorf("follow: %w", err))
			return
		}
		for _, e := range b.Entries {
			m.apply(e.Topic, string(e.Key), e.Value)
		}
		if b.Group == last {
			return
		}
	}
}
