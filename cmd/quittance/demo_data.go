package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// checkData holds the data of the stopped server to what was settled: for every key of a settled
// quote, invoice or payment the latest record in the compacted topics is a tombstone, or there is
// none; after a forced cleaning there is none at all; and the store has no open record of it.
func (d *demo) checkData(ctx context.Context, data string) error {
	o := engineOptions{logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		log: local.Options{CleanEvery: -1}}
	return withEngine(ctx, data, o, "", func(e *engine) error {
		if err := restored(ctx, e.shards); err != nil {
			return err
		}
		before, err := d.inLog(ctx, e)
		if err != nil {
			return err
		}
		cleaned, err := e.folder.Clean(ctx, local.CleanOptions{DeleteRetention: new(time.Duration)})
		if err != nil {
			return err
		}
		after, err := d.inLog(ctx, e)
		if err != nil {
			return err
		}
		if after.records > 0 {
			return fmt.Errorf("%d records of what was settled are in the log after a forced cleaning",
				after.records)
		}
		report, err := verify(ctx, e.shards, e.log)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.p.stdout, "\non the data of the stopped server:\n"+
			"✓ %d keys of settled quotes, invoices and payments end in tombstones, in %d records\n"+
			"✓ a forced cleaning took %d superseded records and %d tombstones: none of theirs is left\n",
			before.keys, before.records, cleaned.Superseded, cleaned.Tombstones)
		printReport(d.p.stdout, report)
		if !report.OK {
			return errUnsound
		}
		return d.inStore(e)
	})
}

// A trace is what the log has of what was settled.
type trace struct{ keys, records int }

// inLog reads the compacted topics that hold what is open and fails unless the latest record of
// each key that names something settled is a tombstone.
func (d *demo) inLog(ctx context.Context, e *engine) (trace, error) {
	latest := map[string]bool{} // topic and key → whether the latest record is a tombstone
	var found trace
	topics := openTopics(e.schema)
	shard := compaction.ShardOf(d.dev.Tenant, e.shards.Count())
	err := readLog(ctx, e.log, shard, topics, nil, func(r compaction.Entry) error {
		if d.settledKey(string(r.Key)) {
			latest[r.Topic+" "+string(r.Key)] = r.Value == nil
			found.records++
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	for key, tombstone := range latest {
		if !tombstone {
			return found, fmt.Errorf("the latest record of %s is no tombstone", key)
		}
	}
	found.keys = len(latest)
	return found, nil
}

// openTopics are the compacted topics of what is open. Pointers to what was settled, and the
// answers to commands, are kept for a time and name it too.
func openTopics(s *compaction.Schema) []string {
	var names []string
	for _, t := range s.Topics() {
		if t.Class == compaction.Open && t.Name != compaction.Answers.Topic().Name {
			names = append(names, t.Name)
		}
	}
	return names
}

// settledKey reports whether a part of a key is the id of something that this run settled.
func (d *demo) settledKey(key string) bool {
	for _, part := range strings.Split(key, "/") {
		if d.ids[part] {
			return true
		}
	}
	return false
}

// inStore fails if the store has an open record of something settled.
func (d *demo) inStore(e *engine) error {
	return e.shards.Read(d.dev.Tenant, func(v *compaction.View) error {
		for id := range d.ids {
			for _, topic := range openTopics(e.schema) {
				_, open, err := v.Stored(topic, compaction.Key(d.dev.Tenant, id))
				if err != nil {
					return err
				}
				if open {
					return fmt.Errorf("the store has an open record of %s in %s", id, topic)
				}
			}
		}
		return nil
	})
}
