package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
)

// A logComparison is what verify --compare found.
type logComparison struct {
	OK      bool              `json:"ok"`
	Topics  []topicComparison `json:"topics"`
	Ends    []endComparison   `json:"ends"`
	Secrets secretComparison  `json:"secrets"`
	Chains  []chainCheck      `json:"chains"`
}

// A topicComparison is what it found in a topic.
type topicComparison struct {
	Topic     string    `json:"topic"`
	Compared  string    `json:"compared"` // the last value of each key, or each record
	Records   [2]int    `json:"records"`
	Digests   [2]string `json:"digests"`
	Different []string  `json:"different,omitempty"`
}

// A chainCheck says whether the journal of a log holds.
type chainCheck struct {
	Log      string   `json:"log"`
	Entries  int      `json:"entries"`
	Findings []string `json:"findings,omitempty"`
}

// errDifferent reports a comparison that found something.
var errDifferent = errors.New("the logs are not the same")

// compareLogs opens two logs and compares them.
func (c verifyCommand) compareLogs(ctx context.Context, p *program) (err error) {
	if len(c.Logs) != 2 {
		return &usageError{"verify --compare wants two logs, such as local:var/data"}
	}
	var logs [2]compaction.Log
	var places [2]place
	for i, text := range c.Logs {
		at, err := parsePlace("--compare", text)
		if err != nil {
			return err
		}
		wire, side := c.FromWire, "from"
		if i == 1 {
			wire, side = c.ToWire, "to"
		}
		l, err := at.open(ctx, p, wire, side)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		logs[i], places[i] = l, at
	}
	dir, err := os.MkdirTemp("", "quittance-compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	found, err := comparePair(ctx, logs, c.Logs, dir)
	if err != nil {
		return err
	}
	if err := found.compareEnds(ctx, logs, places); err != nil {
		return err
	}
	if err := found.print(p.stdout, c.JSON); err != nil {
		return err
	}
	if !found.OK {
		return errDifferent
	}
	return nil
}

// comparePair compares two logs topic by topic, and checks the journal's chain in both.
func comparePair(
	ctx context.Context, logs [2]compaction.Log, names []string, dir string,
) (logComparison, error) {
	found := logComparison{OK: true}
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		return found, err
	}
	reports, err := compaction.CompareLogs(ctx, logs[0], logs[1], schema, dir)
	if err != nil {
		return found, err
	}
	for _, r := range reports {
		t := topicComparison{Topic: r.Topic.Name, Compared: "last values", Records: r.Records,
			Different: r.Different}
		if r.Topic.Class == compaction.AppendOnly {
			t.Compared = "records"
		}
		for i, d := range r.Digests {
			t.Digests[i] = hex.EncodeToString(d[:])
		}
		found.OK = found.OK && r.Different == nil && r.Digests[0] == r.Digests[1]
		found.Topics = append(found.Topics, t)
	}
	for i, l := range logs {
		chain := check{}
		for shard := range l.Identity().Shards {
			fold := ledger.NewFold(shard)
			journal := []string{ledger.Journal.Topic().Name}
			err := readLog(ctx, l, shard, journal, nil, func(e compaction.Entry) error {
				chain.count++
				if err := fold.Add(e.Value); err != nil {
					chain.find("%v", err)
				}
				return nil
			})
			if err != nil {
				return found, err
			}
		}
		found.OK = found.OK && len(chain.findings) == 0
		found.Chains = append(found.Chains, chainCheck{names[i], chain.count, chain.findings})
	}
	return found, nil
}

// sign stands before a line of what was compared.
var sign = map[bool]string{true: "✓", false: "✗"}

// print writes what was found, for people or as JSON.
func (found logComparison) print(w io.Writer, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent(found, "", "  ")
		if err == nil {
			_, err = fmt.Fprintln(w, string(text))
		}
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, t := range found.Topics {
		same := t.Different == nil && t.Digests[0] == t.Digests[1]
		count := thousands(t.Records[0])
		if t.Records[1] != t.Records[0] {
			count += " and " + thousands(t.Records[1])
		}
		digest := t.Digests[0][:16]
		if !same {
			digest += " and " + t.Digests[1][:16]
		}
		fmt.Fprintf(table, "%s %s\t%s %s\t%s\n", sign[same], t.Topic, count, t.Compared, digest)
		for _, d := range t.Different {
			fmt.Fprintf(table, "    %s\n", d)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	found.printEnds(w)
	for _, c := range found.Chains {
		fmt.Fprintf(w, "%s the journal's chain holds in %s: %s entries\n", sign[c.Findings == nil],
			c.Log, thousands(c.Entries))
		for _, f := range c.Findings {
			fmt.Fprintf(w, "    %s\n", f)
		}
	}
	return nil
}
