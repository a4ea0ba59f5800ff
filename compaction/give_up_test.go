package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// TestGiveUp: who would rather fail than wait is told why a shard cannot be claimed. A command
// without the right to do so waited for ever.
func TestGiveUp(t *testing.T) {
	denied := errors.New("not authorised")
	e := startEngine(t, t.TempDir())
	e.options.GiveUp = func(err error) bool { return errors.Is(err, denied) }
	e.stops(denied)
}

// TestReplacedStops: a log of which a part was deleted and made anew is not tried again and again,
// until it is taken for the one that it was: the shard stops and says why.
func TestReplacedStops(t *testing.T) {
	startEngine(t, t.TempDir()).stops(fmt.Errorf("topic: %w", compaction.ErrReplaced))
}

// stops runs an engine whose log refuses every claim for a cause, and wants its shards to stop.
func (e *engine) stops(cause error) {
	var err error
	if e.Shards, err = compaction.NewShards(e.options); err != nil {
		e.t.Fatal(err)
	}
	e.hooks.claim = func(context.Context) error { return cause }
	ended := make(chan error, 1)
	running, cancel := context.WithCancel(ctx)
	go func() { ended <- e.Run(running) }()
	e.within(func(soon context.Context) error {
		err := e.Ready(soon)
		if !errors.Is(err, cause) || !errors.Is(err, compaction.ErrNotServing) {
			e.t.Errorf("%v, want the cause", err)
		}
		return nil
	})
	cancel()
	if err := errors.Join(<-ended, e.log.Close()); err != nil {
		e.t.Error(err)
	}
}
