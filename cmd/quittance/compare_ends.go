package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/quittance/quittance/compaction"
)

// An endComparison is where a shard of two logs ends. Numbers and stamps go on from there: a log
// that ends in another group would not go on as the other one does.
type endComparison struct {
	Shard  int          `json:"shard"`
	Groups [2]uint64    `json:"groups"`
	Stamps [2]time.Time `json:"stamps"`
}

func (e endComparison) same() bool {
	return e.Groups[0] == e.Groups[1] && e.Stamps[0].Equal(e.Stamps[1])
}

// A secretComparison is what two logs are known to have as their secret: a hash of it, "" where
// that is not known.
type secretComparison struct {
	Same   bool      `json:"same"`
	Checks [2]string `json:"checks"`
}

// compareEnds compares the last groups of the shards, and the secrets.
func (found *logComparison) compareEnds(
	ctx context.Context, logs [2]compaction.Log, places [2]place,
) error {
	for shard := range logs[0].Identity().Shards {
		e := endComparison{Shard: shard}
		for side, l := range logs {
			marked, ok := l.(compaction.MarkedLog)
			if !ok {
				return fmt.Errorf("a %T does not say where it ends", l)
			}
			var err error
			if e.Groups[side], e.Stamps[side], err = marked.Last(ctx, shard); err != nil {
				return err
			}
		}
		found.OK = found.OK && e.same()
		found.Ends = append(found.Ends, e)
	}
	var checks [2][]byte
	for side, l := range logs {
		check, err := places[side].secretCheck(ctx, l)
		if err != nil {
			return err
		}
		checks[side], found.Secrets.Checks[side] = check, hex.EncodeToString(check)
	}
	found.Secrets.Same = bytes.Equal(checks[0], checks[1])
	found.OK = found.OK && found.Secrets.Same
	return nil
}

// secretCheck returns what is known of the secret of the log that is there: by the file in a data
// folder, else by what the log says; nil for nothing.
func (l place) secretCheck(ctx context.Context, log compaction.Log) ([]byte, error) {
	if !l.onCluster() {
		secret, err := readSecret(l.secret())
		if !errors.Is(err, fs.ErrNotExist) {
			return compaction.SecretCheck(secret), err
		}
	}
	m, err := markOf(ctx, log)
	return m.Secret, err
}

// printEnds writes what was found, for people.
func (found logComparison) printEnds(w io.Writer) {
	same, groups := true, uint64(0)
	for _, e := range found.Ends {
		groups += e.Groups[0]
		if e.same() {
			continue
		}
		same = false
		fmt.Fprintf(w, "✗ shard %d ends in group %d of %s, in the second in group %d of %s\n", e.Shard,
			e.Groups[0], e.Stamps[0].Format(time.RFC3339Nano), e.Groups[1],
			e.Stamps[1].Format(time.RFC3339Nano))
	}
	if same {
		fmt.Fprintf(w, "✓ every shard ends in the same group: %d shards, %s groups\n", len(found.Ends),
			thousands(int(groups)))
	}
	checks := found.Secrets.Checks
	switch {
	case !found.Secrets.Same:
		for side, check := range checks {
			if check == "" {
				checks[side] = "not known"
			}
		}
		fmt.Fprintf(w, "✗ the secrets differ: that of the first is %s, of the second %s\n", checks[0],
			checks[1])
	case checks[0] == "":
		fmt.Fprintln(w, "✓ nothing is known of the secret of either")
	default:
		fmt.Fprintf(w, "✓ the secret is the same: %s\n", checks[0])
	}
}
