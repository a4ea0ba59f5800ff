package kafka

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// Claim makes the caller the writer of a shard. The producers of the ring get their ids in order,
// each of which fences who had it, and then a barrier is committed through the first of them: who
// claims at the same time cannot have all of that too. A claim that failed in any way, fenced by
// another or without an answer, has no effect but to fence: it is made again. A log that has moved
// is not claimed (*compaction.MovedError), unless Options.Moved says so; one of which a topic was
// deleted and made anew since it was opened is not at all (compaction.ErrReplaced).
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
		return nil, errors.Join(l.failed(l.absent(ctx, shard, err)), w.Close())
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
	t, err := w.log.tail(ctx, w.shard, w.log.names)
	if err != nil {
		return err
	}
	last, mark := t.highest, t.mark
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
	w.ends = t.ends
	check := func(records []*kgo.Record) error {
		if err := w.follow(records); err != nil {
			return err
		}
		return t.adjoins(ctx, records)
	}
	if err := w.ring[0].transact(ctx, records, check); err != nil {
		return fmt.Errorf("kafka: the barrier of shard %d: %w", w.shard, err)
	}
	w.turn = 1
	w.start = advance(nil, w.log, records)
	if err := t.fetcher.confirm(ctx, w.start); err != nil {
		return err
	}
	w.mark = mark
	w.ends, w.claim = w.start, w.start.Of(ShardsTopic)-1
	w.claimed()
	return nil
}

// tailStep is how many offsets before the end of each topic are read first: what was appended
// last, its marker and a barrier. Where none of them holds a record, the next step is larger.
const tailStep = 16

// tail reads the last record of some of a shard's topics, ShardsTopic among them, and holds the
// last claim against the log as it is. The highest that the last records of all topics have is the
// shard's last group, and the epoch of its last claim: every topic holds at least its last barrier,
// and every group has left a record or its trace, whatever was compacted. No earlier owner may be
// able to append any more, then.
func (l *Log) tail(ctx context.Context, shard int, names []string) (*tail, error) {
	t, err := l.lastRecords(ctx, shard, names)
	if err == nil {
		err = t.same()
	}
	return t, err
}

// lastRecords does what tail does, but for holding the claim against anything.
func (l *Log) lastRecords(ctx context.Context, shard int, names []string) (*tail, error) {
	f := &fetcher{log: l, cl: l.admin, shard: shard}
	err := persist(ctx, func() (err error) {
		f.led, err = f.leaders(ctx, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	ends, err := l.offsets(ctx, shard, names, lastStable)
	if err != nil {
		return nil, err
	}
	starts, err := l.offsets(ctx, shard, names, logStart)
	if err != nil {
		return nil, err
	}
	t := &tail{log: l, shard: shard, fetcher: f, last: map[string]*kgo.Record{}}
	for _, name := range names {
		t.ends = append(t.ends, compaction.Position{Topic: name, Next: ends[name]})
	}
	open := names
	for step := int64(tailStep); len(open) > 0; step *= 16 {
		var spans []want
		var next []string
		for _, name := range open {
			from := max(starts[name], ends[name]-step)
			if from < ends[name] {
				spans = append(spans, want{topic: name, from: from})
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
	t.claim, err = t.claimed(ctx)
	return t, err
}

// A tail is what the last records of a shard's topics say.
type tail struct {
	log     *Log
	shard   int
	fetcher *fetcher
	ends    compaction.Positions      // where the topics are stable
	last    map[string]*kgo.Record    // of each topic
	claim   *compactionv1.ShardRecord // nil where there is none
	highest header                    // the last group, and the highest epoch
	mark    compaction.Mark           // what the last claim says of the log
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

// claimed returns the last claim. The last record of ShardsTopic is that, or names where it stands.
func (t *tail) claimed(ctx context.Context) (*compactionv1.ShardRecord, error) {
	r := t.last[ShardsTopic]
	if r == nil {
		return nil, nil
	}
	m, err := t.decode(r)
	if err != nil || string(r.Key) == string(claimKey(t.shard)) {
		return m, err
	}
	var claim *kgo.Record
	at := m.GetClaimOffset()
	spans, to := []want{{topic: ShardsTopic, from: at}}, map[string]int64{ShardsTopic: at + 1}
	err = t.fetcher.sweep(ctx, spans, to, func(p piece) error {
		if claim == nil && len(p.records) > 0 && p.records[0].Offset == at {
			claim = p.records[0]
		}
		return nil
	})
	if err != nil || claim == nil {
		return nil, err
	}
	return t.decode(claim)
}

func (t *tail) decode(r *kgo.Record) (*compactionv1.ShardRecord, error) {
	m := &compactionv1.ShardRecord{}
	if err := proto.Unmarshal(r.Value, m); err != nil {
		return nil, t.log.corrupt(t.shard, ShardsTopic, r, t.highest.group+1, err)
	}
	return m, nil
}

// adjoins fails where committed records stand between the ends that were read and a barrier that is
// not yet committed. A broker that has not heard yet that others lead in its place, as one that was
// stopped for a while, tells of an end that was. Where the barrier stands every replica in sync
// says.
func (t *tail) adjoins(ctx context.Context, barrier []*kgo.Record) error {
	var spans []want
	to := map[string]int64{}
	for _, r := range barrier {
		topic := t.log.unprefixed(r.Topic)
		if end := t.ends.Of(topic); end < r.Offset {
			spans = append(spans, want{topic: topic, from: end})
			to[topic] = r.Offset
		}
	}
	if len(spans) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, adjoinTime)
	defer cancel()
	t.fetcher.led = nil // others may lead them
	return t.fetcher.sweep(ctx, spans, to, func(p piece) error {
		if len(p.records) == 0 {
			return nil // it was aborted
		}
		return fmt.Errorf("kafka: a broker said that %s ends at %d, and there is more",
			t.log.options.Prefix+p.topic, t.ends.Of(p.topic))
	})
}

// adjoinTime is how long the brokers may take to show what stands before a barrier. Its transaction
// is open meanwhile.
const adjoinTime = 3 * time.Second

// same holds the claim before against the log as it is. It refuses a log whose topics are not those
// of that claim: one of them was deleted and made anew, and what it held is gone.
func (t *tail) same() error {
	m := t.claim
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
	return t.log.report.same(m.Cluster, topicsOf(m))
}

// topicsOf returns the ids of the topics that a claim was made with, none for no claim.
func topicsOf(m *compactionv1.ShardRecord) map[string]TopicID {
	ids := map[string]TopicID{}
	for _, topic := range m.GetTopics() {
		if len(topic.Id) == len(TopicID{}) {
			ids[topic.Name] = TopicID(topic.Id)
		}
	}
	return ids
}

// corrupt reports a record that is not what this program writes.
func (l *Log) corrupt(shard int, topic string, r *kgo.Record, group uint64, why error) error {
	return &compaction.CorruptError{Shard: shard, Group: group, Topic: topic, Key: string(r.Key),
		Reason: fmt.Sprintf("at offset %d: %v", r.Offset, why)}
}
