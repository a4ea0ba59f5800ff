package kafka

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// Claim makes the caller the writer of a shard. The producers of the ring get their ids in order,
// each of which fences who had it, and then a barrier is committed through the first of them: who
// claims at the same time cannot have all of that too. A claim that failed in any way, fenced by
// another or without an answer, has no effect but to fence: it is made again. A log that has moved
// is not claimed (*compaction.MovedError), unless Options.Moved says so.
func (l *Log) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	ctx, done, err := l.begin(ctx, shard)
	if err != nil {
		return nil, err
	}
	defer done()
	w := &writer{log: l, shard: shard}
	w.closed, w.closing = context.WithCancel(l.closed)
	for k := range w.ring {
		if w.ring[k], err = l.newProducer(shard, k); err != nil {
			return nil, errors.Join(fmt.Errorf("kafka: %w", err), w.Close())
		}
	}
	if !l.keep(w) { // from here on, closing the log closes it
		return nil, errors.Join(compaction.ErrClosed, w.Close())
	}
	if err := w.take(ctx); err != nil {
		return nil, errors.Join(l.failed(err), w.Close())
	}
	return w, nil
}

// take does what Claim does.
func (w *writer) take(ctx context.Context) error {
	if err := w.log.mend(ctx, w.shard); err != nil {
		return err
	}
	for k, p := range w.ring {
		if _, _, err := p.cl.ProducerID(ctx); err != nil {
			if fenced(err) {
				err = fmt.Errorf("%w: %w", compaction.ErrFenced, err)
			}
			return fmt.Errorf("kafka: producer %d of shard %d: %w", k, w.shard, err)
		}
	}
	// From here on nothing of an earlier owner can be committed any more, and what was is stable: an
	// id is not given while a transaction of its last owner is not over.
	if err := w.log.stable(ctx, w.shard); err != nil {
		return err
	}
	last, mark, err := w.log.lastGroup(ctx, w.shard)
	if err != nil {
		return err
	}
	if mark.Moved != nil && !w.log.options.Moved {
		return &compaction.MovedError{Move: *mark.Moved}
	}
	if own := w.log.options.SecretCheck; len(own) > 0 {
		mark.Secret = own // a claim without a secret passes on what the one before it says
	}
	w.last, w.stamp, w.epoch = last.group, last.nanos, last.epoch+1
	records, err := w.log.barrier(w.shard, last, w.epoch, mark)
	if err != nil {
		return err
	}
	if err := w.ring[0].transact(ctx, records); err != nil {
		return fmt.Errorf("kafka: the barrier of shard %d: %w", w.shard, err)
	}
	w.turn = 1
	w.start = advance(nil, w.log, records)
	w.mark = mark
	w.ends, w.claim = w.start, w.start.Of(ShardsTopic)-1
	w.log.note(w.shard, w.ends)
	return nil
}

// tailStep is how many offsets before the end of each topic are read first: what was appended
// last, its marker and a barrier. Where none of them holds a record, the next step is larger.
const tailStep = 16

// lastGroup returns the number and the stamp of a shard's last group, the epoch of its last claim
// and the mark that stands there: the highest that the last records of its topics have. Every topic
// holds at least its last barrier, and every group has left a record or its trace, whatever was
// compacted. No earlier owner may be able to append any more.
func (l *Log) lastGroup(ctx context.Context, shard int) (
	last header, mark compaction.Mark, err error,
) {
	t, err := l.tail(ctx, shard, l.names)
	if err != nil {
		return header{}, compaction.Mark{}, err
	}
	return t.highest, t.mark, nil
}

// verifyClaims refuses a log that was claimed with another secret, or with other topics of the same
// names, before anybody is fenced because of it.
func (l *Log) verifyClaims(ctx context.Context) error {
	for shard := range l.identity.Shards {
		if _, err := l.tail(ctx, shard, []string{ShardsTopic}); err != nil {
			return err
		}
	}
	return nil
}

// tail reads the last record of some of a shard's topics, ShardsTopic among them, and holds the
// last claim against the log as it is.
func (l *Log) tail(ctx context.Context, shard int, names []string) (*tail, error) {
	ends, err := l.offsets(ctx, shard, names, lastStable)
	if err != nil {
		return nil, err
	}
	starts, err := l.offsets(ctx, shard, names, logStart)
	if err != nil {
		return nil, err
	}
	t := &tail{log: l, shard: shard, last: map[string]*kgo.Record{}}
	f := &fetcher{l, l.admin, shard}
	open := names
	for step := int64(tailStep); len(open) > 0; step *= 16 {
		var spans []want
		var next []string
		for _, name := range open {
			from := max(starts[name], ends[name]-step)
			if from < ends[name] {
				spans = append(spans, want{name, from})
			}
			if from > starts[name] {
				next = append(next, name)
			}
		}
		if err := f.sweep(ctx, spans, ends, t.take); err != nil {
			return nil, err
		}
		open = nil
		for _, name := range next {
			if t.last[name] == nil {
				open = append(open, name)
			}
		}
	}
	return t, t.verify(ctx, f)
}

// A tail is what the last records of a shard's topics say.
type tail struct {
	log     *Log
	shard   int
	last    map[string]*kgo.Record // of each topic
	highest header                 // the last group, and the highest epoch
	mark    compaction.Mark        // what the last claim says of the log
}

func (t *tail) take(p piece) error {
	if len(p.records) == 0 {
		return nil
	}
	r := p.records[len(p.records)-1]
	t.last[p.topic] = r
	h, err := headerOf(r)
	if err != nil {
		return t.log.corrupt(t.shard, p.topic, r, t.highest.group+1, err)
	}
	epoch := max(h.epoch, t.highest.epoch)
	if h.group > t.highest.group {
		t.highest = h
	}
	t.highest.epoch = epoch
	return nil
}

// verify refuses a log whose topics are not those of the last claim: one of them was deleted and
// made anew, and what it held is gone. The last record of ShardsTopic is that claim or names where
// it stands.
func (t *tail) verify(ctx context.Context, f *fetcher) error {
	r := t.last[ShardsTopic]
	if r == nil {
		return nil
	}
	m, err := t.decode(r)
	if err != nil || string(r.Key) == string(claimKey(t.shard)) {
		return errors.Join(err, t.same(m))
	}
	var claim *kgo.Record
	at := m.GetClaimOffset()
	spans, to := []want{{ShardsTopic, at}}, map[string]int64{ShardsTopic: at + 1}
	err = f.sweep(ctx, spans, to, func(p piece) error {
		if claim == nil && len(p.records) > 0 && p.records[0].Offset == at {
			claim = p.records[0]
		}
		return nil
	})
	if err != nil || claim == nil {
		return err
	}
	m, err = t.decode(claim)
	return errors.Join(err, t.same(m))
}

func (t *tail) decode(r *kgo.Record) (*compactionv1.ShardRecord, error) {
	m := &compactionv1.ShardRecord{}
	if err := proto.Unmarshal(r.Value, m); err != nil {
		return nil, t.log.corrupt(t.shard, ShardsTopic, r, t.highest.group+1, err)
	}
	return m, nil
}

// same holds the claim before against the log as it is.
func (t *tail) same(m *compactionv1.ShardRecord) error {
	if m == nil {
		return nil
	}
	if m.Ring != ringSize {
		return fmt.Errorf("kafka: shard %d is written by a ring of %d producers, and this program "+
			"has %d: they would not fence each other", t.shard, m.Ring, ringSize)
	}
	t.mark = compaction.MarkOf(m)
	own := t.log.options.SecretCheck
	if len(own) > 0 && len(m.SecretCheck) > 0 && !hmac.Equal(own, m.SecretCheck) {
		return &SecretError{t.shard, m.Node}
	}
	ids := map[string]TopicID{}
	for _, topic := range m.Topics {
		if len(topic.Id) == len(TopicID{}) {
			ids[topic.Name] = TopicID(topic.Id)
		}
	}
	return t.log.report.same(m.Cluster, ids)
}

// corrupt reports a record that is not what this program writes.
func (l *Log) corrupt(shard int, topic string, r *kgo.Record, group uint64, why error) error {
	return &compaction.CorruptError{Shard: shard, Group: group, Topic: topic, Key: string(r.Key),
		Reason: fmt.Sprintf("at offset %d: %v", r.Offset, why)}
}
