package main

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
)

// simBooks are what a bookkeeper beside the program knows: every posting that was asked for and
// what was answered. They are held against the journal in the end.
type simBooks struct {
	s   *simulation
	mu  sync.Mutex
	ops []*simOp

	sold    []*simSale
	payouts int
}

func (b *simBooks) add(o *simOp) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ops = append(b.ops, o)
}

// repeat sends an answered posting again and wants the first answer.
func (b *simBooks) repeat(o *simOp) {
	a, err := o.client.ask(o, 0)
	want := compaction.Answer{Code: 201, Body: []byte(o.posted)}
	if o.refused {
		want = compaction.Answer{Code: 409, Body: []byte("overdrawn")}
	}
	if err != nil || !a.Replayed || a.Code != want.Code || string(a.Body) != string(want.Body) {
		b.s.fault("%s again: got %d %s (replayed: %t, %v), the first answer was %d %s",
			o.id, a.Code, a.Body, a.Replayed, err, want.Code, want.Body)
	}
	b.s.replays.Add(1)
}

// An entered op is where the journal has it.
type entered struct {
	sequence uint64
	id       string
	amount   int64
}

// journal reads where each op stands in the journals of all shards.
func (b *simBooks) journal(ctx context.Context, log compaction.Log) (map[string][]entered, error) {
	found := map[string][]entered{}
	for shard := range b.s.shards {
		next := uint64(1)
		err := readLog(ctx, log, shard, []string{ledger.Journal.Topic().Name}, nil,
			func(e compaction.Entry) error {
				if e.Topic != ledger.Journal.Topic().Name {
					return nil
				}
				entry, err := ledger.DecodeEntry(e.Value)
				if err != nil {
					return err
				}
				if entry.Sequence != next {
					b.s.fault("shard %d: entry %d where %d is due", shard, entry.Sequence, next)
				}
				next = entry.Sequence + 1
				for _, p := range entry.Transactions {
					id := subject(p.Metadata)
					found[id] = append(found[id],
						entered{entry.Sequence, p.ID, p.Lines[0].Amount.Minor()})
				}
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// subject says what a posting is about: a client's op, or what happened to what.
func subject(pairs []ledger.Pair) (text string) {
	for _, m := range pairs {
		if m.Key == "op" {
			return m.Value
		}
		text += " " + m.Value
	}
	return text
}

// check holds the journal against the books: nothing that was answered is missing, nothing is there
// twice, nothing that was refused or said not to be written is there, and what was asked for after
// an answer comes after it.
func (b *simBooks) check(ctx context.Context, log compaction.Log) {
	found, err := b.journal(ctx, log)
	if err != nil {
		b.s.fault("the journal cannot be read: %v", err)
		return
	}
	byShard := map[int][]*simOp{}
	for _, o := range b.ops {
		in := found[o.id]
		delete(found, o.id)
		switch {
		case len(in) > 1:
			b.s.fault("%s was done %d times: %v", o.id, len(in), in)
		case o.answered == 0 && !o.nothing:
			b.s.unknown++
		case (o.refused || o.nothing) && len(in) > 0:
			b.s.fault("%s was not to be done, and is entry %d", o.id, in[0].sequence)
		case o.posted != "" && len(in) == 0:
			b.s.fault("%s was answered with %s and is not in the journal", o.id, o.posted)
		case o.posted != "" && (in[0].id != o.posted || in[0].amount != o.amount):
			b.s.fault("%s was answered with %s of %d and is %v", o.id, o.posted, o.amount, in[0])
		}
		if o.posted != "" && len(in) == 1 {
			byShard[o.client.shard()] = append(byShard[o.client.shard()], o)
		}
	}
	for id, in := range found {
		if len(in) != 1 { // the payers' own
			b.s.fault("%s is in the journal %d times", id, len(in))
		}
	}
	for _, ops := range byShard {
		b.order(ops)
	}
}

// order wants the journal's order to agree with the clients': whatever was answered before
// something else was asked for comes before it.
func (b *simBooks) order(ops []*simOp) {
	sequence := func(o *simOp) uint64 {
		_, n, _, err := ledger.ParseTransactionID(o.posted)
		if err != nil {
			b.s.fault("%s: %v", o.id, err)
		}
		return n
	}
	byAnswer := slices.Clone(ops)
	slices.SortFunc(byAnswer, func(x, y *simOp) int { return cmp.Compare(x.answered, y.answered) })
	slices.SortFunc(ops, func(x, y *simOp) int { return cmp.Compare(x.invoked, y.invoked) })
	var last *simOp // the one furthest down the journal of those answered before
	for _, o := range ops {
		for len(byAnswer) > 0 && byAnswer[0].answered < o.invoked {
			if last == nil || sequence(byAnswer[0]) > sequence(last) {
				last = byAnswer[0]
			}
			byAnswer = byAnswer[1:]
		}
		if last != nil && sequence(last) > sequence(o) {
			b.s.fault("%s (entry %d) was asked for after %s (entry %d) was answered",
				o.id, sequence(o), last.id, sequence(last))
		}
	}
}

// groups wants the log itself to hold whole groups only, each once, in the order of their numbers,
// whatever topic they are read from.
func (b *simBooks) groups(ctx context.Context, log compaction.Log) {
	for shard := range b.s.shards {
		end, err := log.End(ctx, shard)
		if err != nil {
			b.s.fault("shard %d: %v", shard, err)
			return
		}
		r, err := log.Read(ctx, shard, compaction.Range{To: end})
		if err != nil {
			b.s.fault("shard %d: %v", shard, err)
			return
		}
		counts, last, at := map[uint64]int{}, uint64(0), time.Time{}
		for {
			batch, err := r.Next(ctx)
			if err == io.EOF {
				break
			}
			if err != nil {
				b.s.fault("shard %d: %v", shard, err)
				break
			}
			seen := map[uint64]int{}
			for _, e := range batch.Entries {
				if e.Group <= last || counts[e.Group] > 0 {
					b.s.fault("shard %d: group %d again, or late", shard, e.Group)
				}
				seen[e.Group]++
				if seen[e.Group] > e.Count {
					b.s.fault("shard %d: group %d has more than its %d records", shard, e.Group, e.Count)
				}
			}
			for _, e := range batch.Entries {
				if seen[e.Group] != e.Count {
					b.s.fault("shard %d: %d of the %d records of group %d", shard, seen[e.Group],
						e.Count, e.Group)
					break
				}
				counts[e.Group] = e.Count
			}
			if batch.Time.Before(at) {
				b.s.fault("shard %d: group %d is of %v, after one of %v", shard, batch.Group, batch.Time, at)
			}
			last, at = max(last, batch.Group), batch.Time
		}
		if err := r.Close(); err != nil {
			b.s.fault("shard %d: %v", shard, err)
		}
		b.s.groups += len(counts)
	}
}
