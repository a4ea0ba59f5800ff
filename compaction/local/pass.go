package local

import (
	"context"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quittance/quittance/compaction"
)

// A place is where a key's newest record of the dirty part is.
type place struct {
	group uint64
	index int
}

// A pass cleans one family of a shard. A crash anywhere in it leaves a chain that is whole and
// reads the same: each batch deletes values and links the next one to the one before them.
type pass struct {
	log       *Log
	shard     *shard
	family    family
	retention *time.Duration
	now       time.Time

	before mark
	after  mark
	newest map[string]place // by topic number and key
	key    []byte           // for looking newest up

	batch    *pebble.Batch
	deletes  int
	kept     uint64 // the last group that stays
	buf      []byte
	stats    CleanStats
	keepLast uint64 // this group's value stays, empty or not
}

// pass cleans one family of a shard, as far as its map of keys reaches. It is called with c.mu.
func (c *cleaner) pass(
	ctx context.Context, s *shard, f family, o CleanOptions,
) (CleanStats, mark, error) {
	dirty := s.size(f) // before the tail is read, so that nothing after it is counted
	committed, err := s.committed()
	if err != nil {
		return CleanStats{}, mark{}, err
	}
	p := &pass{log: c.log, shard: s, family: f, retention: o.DeleteRetention,
		now: c.log.options.Clock(), newest: map[string]place{}}
	err = p.run(ctx, committed.tails[f])
	if err != nil {
		err = c.log.stop(s, err)
	} else {
		c.last[chainID{s.id, f}] = time.Now()
		if p.keepLast == committed.tails[f] { // else the rest is still dirty
			s.cleaned(f, dirty)
		}
	}
	c.statsMu.Lock()
	defer c.statsMu.Unlock()
	c.stats.add(p.stats)
	c.err = err
	if err == nil {
		c.at = p.now
	}
	return p.stats, p.after, err
}

// run makes the pass over what there is up to tail, the family's last value, which stays.
func (p *pass) run(ctx context.Context, tail uint64) error {
	if tail == 0 {
		return nil
	}
	p.stats.Passes = 1
	var err error
	if p.before, err = readMark(p.log.db, p.shard.id, p.family); err != nil {
		return err
	}
	p.keepLast = tail
	if p.family != bounded {
		// The map may be full before tail is reached: the pass then ends there.
		if p.keepLast, err = p.learn(ctx, tail); err != nil {
			return err
		}
	}
	p.after = mark{clean: p.keepLast}
	p.batch = p.log.db.NewBatch()
	defer func() { _ = p.batch.Close() }() // only gives its memory back
	err = p.walk(ctx, 1, p.keepLast, tail, func(h *header, d decoder, size int) (bool, error) {
		return p.clean(h, d, size)
	})
	if err != nil {
		return err
	}
	if err := p.commit(pebble.Sync); err != nil {
		return err
	}
	// What the pass removed is durably gone: from here on, the next pass may drop tombstones.
	return writeMark(p.log.db, p.shard.id, p.family, p.after)
}

// learn fills the map with the newest place of each key of the dirty part, and returns the group
// that it reaches to.
func (p *pass) learn(ctx context.Context, tail uint64) (uint64, error) {
	reached := max(p.before.clean, 1)
	err := p.walk(ctx, p.before.clean+1, tail, tail, func(h *header, d decoder, _ int) (bool, error) {
		var r stored
		for i := range h.count {
			if err := d.next(&r); err != nil {
				return false, corrupt(p.shard.id, h.group, "%v", err)
			}
			p.newest[string(p.name(&r))] = place{h.group, i}
		}
		reached = h.group
		return len(p.newest) < p.log.options.CleanKeys, nil
	})
	return reached, err
}

// name returns a record's topic and key as the map has them, until the next call.
func (p *pass) name(r *stored) []byte {
	p.key = append(p.key[:0], byte(r.topic>>8), byte(r.topic))
	p.key = append(p.key, r.key...)
	return p.key
}

// walkSize is how many bytes are walked over with one iterator, so that files that were replaced
// meanwhile can go.
const walkSize = 16 << 20

// walk calls visit with the family's values of a range of groups until it answers false, and
// verifies the chain as readers do.
func (p *pass) walk(ctx context.Context, from, to, tail uint64,
	visit func(*header, decoder, int) (bool, error),
) error {
	for from <= to {
		next, err := p.stride(ctx, from, to, tail, visit)
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// stride is a part of walk; it returns where the next begins.
func (p *pass) stride(ctx context.Context, from, to, tail uint64,
	visit func(*header, decoder, int) (bool, error),
) (uint64, error) {
	c, err := openChain(p.log.db, p.family, p.shard.id, from, to, tail)
	if err != nil {
		return 0, err
	}
	defer c.close()
	for size := 0; c.valid; {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-p.log.closing:
			return 0, compaction.ErrClosed
		default:
		}
		n := len(c.body.b)
		on, err := visit(&c.head, c.body, n)
		if err != nil {
			return 0, err
		}
		if !on {
			return math.MaxUint64, nil
		}
		if size += n; size > walkSize {
			return c.head.group + 1, nil
		}
		if err := c.advance(); err != nil {
			return 0, err
		}
	}
	return math.MaxUint64, nil
}

// clean writes a value again without what has to go, deletes it when nothing is left, or leaves
// it as it is.
func (p *pass) clean(h *header, d decoder, size int) (bool, error) {
	if p.family == bounded && !p.mayExpire(h) {
		// Everything from here on is too young: it only has to follow what is left.
		p.keepLast = h.group
	}
	records := p.buf[:0]
	count := 0
	for i := range h.count {
		var r stored
		if err := d.next(&r); err != nil {
			return false, corrupt(p.shard.id, h.group, "%v", err)
		}
		if p.stays(h, &r, i) {
			count++
			records = appendStored(records, r.topic, r.key, r.value)
		}
	}
	if err := d.end(); err != nil {
		return false, corrupt(p.shard.id, h.group, "%v", err)
	}
	p.buf = records
	var key [keySize]byte
	k := groupKey(key[:0], p.family, p.shard.id, h.group)
	if count == 0 && h.group != p.keepLast && p.deletes < maxDeletes {
		p.deletes++
		p.stats.Removed++
		return true, p.batch.Delete(k, nil)
	}
	if count != h.count || h.prev != p.kept {
		if err := p.rewrite(k, h, count, records); err != nil {
			return false, err
		}
	}
	p.kept = h.group
	p.after.bytes += uint64(size)
	// The chain is whole here, so the batch may end.
	if p.batch.Len() >= batchSize || p.deletes >= maxDeletes {
		if err := p.commit(pebble.NoSync); err != nil {
			return false, err
		}
	}
	return p.family != bounded || h.group != p.keepLast, nil
}

// maxDeletes bounds a batch: a run of emptied values that is longer keeps one of them, empty, for
// the next pass.
const maxDeletes = 1 << 14

// rewrite puts a value into the batch again with other records or another link, and reads it back
// from its bytes first.
func (p *pass) rewrite(key []byte, h *header, count int, records []byte) error {
	changed := *h
	changed.prev, changed.count = p.kept, count
	v := seal(key, append(appendHeader(nil, &changed), records...))
	var again header
	d, err := openedBytes(key, v, p.shard.id, &again)
	if err != nil {
		return err
	}
	var r stored
	for range again.count {
		if err := d.next(&r); err != nil {
			return corrupt(p.shard.id, h.group, "the cleaner made a value that does not decode")
		}
	}
	if err := d.end(); err != nil || again != changed {
		return corrupt(p.shard.id, h.group, "the cleaner made a value that does not decode")
	}
	p.stats.Rewritten++
	return p.batch.Set(key, v, nil)
}

// mayExpire reports whether a group is so old that some record of it may have to go.
func (p *pass) mayExpire(h *header) bool {
	for _, t := range p.log.topics.byName {
		if t.family == bounded && t.Retention > 0 && p.now.Sub(h.time()) > t.Retention {
			return true
		}
	}
	return false
}

// stays decides about a record, counts it when it has to go, and notes when it will if it is a
// tombstone.
func (p *pass) stays(h *header, r *stored, index int) bool {
	t := p.log.topics.find(r.topic)
	if t == nil {
		return true // a reader stops at it and names it
	}
	age := p.now.Sub(h.time())
	if p.family == bounded {
		if t.Retention > 0 && age > t.Retention {
			p.stats.Expired++
			return false
		}
		return true
	}
	if n, ok := p.newest[string(p.name(r))]; ok &&
		(n.group > h.group || n.group == h.group && n.index > index) {
		p.stats.Superseded++
		return false
	}
	if r.value != nil {
		return true
	}
	retention := t.DeleteRetention
	if p.retention != nil {
		retention = *p.retention
	}
	// In the part that was clean when the pass began, older values of the key are durably gone. A
	// tombstone from after it still has values to remove, in this very pass.
	if h.group <= p.before.clean && age >= retention {
		p.stats.Tombstones++
		return false
	}
	if due := h.time().Add(t.DeleteRetention).Unix(); p.after.due == 0 || due < p.after.due {
		p.after.due = due
	}
	return true
}

// commit writes the batch. WALs are replayed in order, so a crash loses only a suffix of what was
// committed without being synced.
func (p *pass) commit(o *pebble.WriteOptions) error {
	if err := p.log.space.admitCleaner(p.batch.Len()); err != nil {
		return err
	}
	if err := p.log.db.Apply(p.batch, o); err != nil {
		return err
	}
	p.deletes = 0
	p.batch.Reset()
	return nil
}
