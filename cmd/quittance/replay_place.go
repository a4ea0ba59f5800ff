package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A replayPlace is where a replay stands, as its file has it: of each shard, what to read next in
// each topic.
type replayPlace struct {
	Log    string       `json:"log"`
	Topic  string       `json:"topic"`
	At     time.Time    `json:"at"`              // when nothing was left to be read
	Bytes  int64        `json:"bytes,omitempty"` // how long the file of lines was
	Shards []shardPlace `json:"shards"`
	// SetBack is set where the log was found to have lost what was passed on: when it has grown past
	// the place, nothing shows that any more.
	SetBack bool `json:"set_back,omitempty"`
}

// A shardPlace is where a replay stands in a shard.
type shardPlace struct {
	Shard     int             `json:"shard"`
	Positions []topicPosition `json:"positions"`
}

// A topicPosition is the offset to read next in a topic; "" is all of them, where a log has one
// order over them.
type topicPosition struct {
	Topic  string `json:"topic"`
	Offset int64  `json:"offset"`
}

// goOn returns where a replay of a topic begins: where its file says, else at the start. It refuses
// a place of another log or topic, one from which the log was set back, and one that is so old that
// tombstones may be gone since.
func (c topicsReplay) goOn(
	l compaction.Log, topic compaction.Topic, now time.Time,
) (place replayPlace, err error) {
	start := replayPlace{Log: l.Identity().ID, Topic: topic.Name, At: now.UTC()}
	if c.Positions == "" {
		return start, nil
	}
	text, err := os.ReadFile(c.Positions)
	if errors.Is(err, fs.ErrNotExist) {
		return start, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &place)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("--positions: %s: %w", c.Positions, err)
	case place.Log != start.Log || place.Topic != start.Topic:
		err = fmt.Errorf("--positions: %s is of another log or topic", c.Positions)
	case place.SetBack:
		err = fmt.Errorf("--positions: %s: %w. Begin anew, into an empty file or topic, without it",
			c.Positions, compaction.ErrSetBack)
	case topic.Class != compaction.AppendOnly && now.Sub(place.At) > topic.DeleteRetention/2:
		err = fmt.Errorf("--positions: %s is of %s, and what was ended since then may be gone without a "+
			"trace: begin anew, into an empty file or topic, without it", c.Positions,
			place.At.Format(time.RFC3339))
	}
	return place, err
}

// note notes where to go on in a shard.
func (p *replayPlace) note(shard int, next compaction.Positions) {
	s := shardPlace{Shard: shard}
	for _, at := range next {
		s.Positions = append(s.Positions, topicPosition{at.Topic, at.Next})
	}
	i := slices.IndexFunc(p.Shards, func(s shardPlace) bool { return s.Shard == shard })
	if i < 0 {
		i = len(p.Shards)
		p.Shards = append(p.Shards, s)
	}
	p.Shards[i] = s
}

// setBack notes that nobody is to go on from where the replay stands.
func (r *replay) setBack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.place.SetBack = true
}

// from returns where to begin in a shard.
func (r *replay) from(shard int) (from compaction.Positions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.place.Shards {
		if s.Shard != shard {
			continue
		}
		for _, at := range s.Positions {
			from = append(from, compaction.Position{Topic: at.Topic, Next: at.Offset})
		}
	}
	from.Sort()
	return from
}

// keepEvery is how often it is written down where a replay stands, levelEvery how often it is
// looked whether anything was left to be read.
const (
	keepEvery  = time.Second
	levelEvery = time.Minute
)

// keep writes down where the replay stands until ctx ends. It fails when what was sent did not
// arrive.
func (r *replay) keep(ctx context.Context, shards []int) error {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for leveled := time.Now(); ; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if time.Since(leveled) > levelEvery {
			if err := r.level(ctx, shards); err != nil && ctx.Err() == nil {
				return err
			}
			leveled = time.Now()
		}
		if err := r.save(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
}

// level notes the time if nothing of the topic was left to be read then. What is ended later is
// still to come, for as long as tombstones are kept. Until then it is the time at which a reader
// that is not done has begun, which may have been in an earlier run.
func (r *replay) level(ctx context.Context, shards []int) error {
	if r.Positions == "" || r.class == compaction.AppendOnly {
		return nil
	}
	at := time.Now().UTC()
	for _, shard := range shards {
		end, err := r.log.End(ctx, shard)
		if err != nil {
			return err
		}
		left := false
		err = r.rest(ctx, shard, end, func(b compaction.Batch) error {
			if left = len(b.Entries) > 0; left {
				return errReplayed
			}
			return nil
		})
		if left {
			return nil
		}
		if err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.place.Shards) <= len(shards) { // else it stands in some that are not read now
		r.place.At = at
	}
	return nil
}

// save writes down where the replay stands, when what it wrote until there is where it is to be. A
// crash before it has some records come again, none is left out.
func (r *replay) save(ctx context.Context) error {
	r.mu.Lock()
	place := r.place
	place.Shards, place.Bytes = slices.Clone(place.Shards), r.out.size()
	r.mu.Unlock()
	if err := r.out.flush(ctx); err != nil || r.Positions == "" {
		return err
	}
	text, err := json.MarshalIndent(place, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(r.Positions, append(text, '\n'))
}
