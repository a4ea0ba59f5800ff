package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// TestDecideAgain: a command line that changes something does not give up because the log took
// nothing for a moment, which ended `keys create` and `serve --dev`. Where there is no room it says
// so at once.
func TestDecideAgain(t *testing.T) {
	for name, test := range map[string]struct {
		refused error
		want    int64 // appends
	}{
		"for the moment": {fmt.Errorf("%w: out of order", compaction.ErrNotCommitted), 3},
		"for good":       {&compaction.SpaceError{Path: "data"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			schema, err := compaction.NewSchema()
			if err != nil {
				t.Fatal(err)
			}
			books, err := local.Open(t.TempDir(), schema.Topics(), local.Options{Shards: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := books.Close(); err != nil {
					t.Error(err)
				}
			}()
			log := &refusingLog{Log: books, refused: test.refused}
			log.left.Store(2)
			o := compaction.Options{Log: log, Schema: schema, Dir: t.TempDir(),
				Secret: []byte("a secret of thirty-two characters")}
			withStore(t, o, func(s *compaction.Shards) {
				err := decide(t.Context(), s, "acme", func(tx *compaction.Tx) error {
					return compaction.Emit(tx, compaction.Effect{Tenant: "acme", ID: "e", Kind: "k",
						Aggregate: "a"})
				})
				if test.want == 1 && !errors.Is(err, test.refused) || test.want != 1 && err != nil {
					t.Error(err)
				}
				if n := log.asked.Load(); n != test.want {
					t.Errorf("it was sent %d times, want %d", n, test.want)
				}
			})
		})
	}
}

// A refusingLog takes nothing a number of times.
type refusingLog struct {
	compaction.Log
	refused     error
	left, asked atomic.Int64
}

func (l *refusingLog) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	w, err := l.Log.Claim(ctx, shard)
	return refusingWriter{w, l}, err
}

type refusingWriter struct {
	compaction.Writer
	log *refusingLog
}

func (w refusingWriter) Append(ctx context.Context, g compaction.Group) (
	compaction.Positions, error) {
	w.log.asked.Add(1)
	if w.log.left.Add(-1) >= 0 {
		return nil, w.log.refused
	}
	return w.Writer.Append(ctx, g)
}
