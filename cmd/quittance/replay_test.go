package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// TestRecordLines holds what records look like as lines of JSON, with and without personal data.
// Other programs read them: a line that is written otherwise is a change of their format.
func TestRecordLines(t *testing.T) {
	hash := bytes.Repeat([]byte{7}, 32)
	records := []struct {
		topic string
		key   string
		value proto.Message
	}{
		{"quittance.customers.v1", "acme/cus_1", &quotingv1.CustomerRecord{Tenant: "acme",
			Customer: "cus_1", Name: "Ann Example", Email: "ann@example.org", TimeZone: "Europe/Berlin",
			CreatedUnixNano: 1_700_000_000_000_000_000}},
		{"quittance.journal.v1", "acme", &ledgerv1.JournalEntry{Sequence: 1, PreviousHash: hash,
			Tenant: "acme", Kind: "transactions",
			Transactions: []*ledgerv1.JournalTransaction{{Reference: "for Ann",
				Metadata: []*ledgerv1.Pair{{Key: "note", Value: "Ann's"}}}},
			Facts: []*ledgerv1.JournalFact{{Kind: "payment.settled", Subject: "pay_1",
				Record: []byte("the final record")}}}},
		{"quittance.statements.v1", "acme/st_1", nil},
		{"quittance.outbox.v1", "acme/eff_1", &compactionv1.OutboxRecord{Kind: "payment.confirm",
			Payload: []byte("what it says")}},
	}
	var got bytes.Buffer
	for _, personal := range []bool{false, true} {
		for i, r := range records {
			e := compaction.Entry{Group: uint64(i + 1), Offset: int64(i), Time: time.Unix(1_700_000_000, 5),
				Record: compaction.Record{Topic: r.topic, Key: []byte(r.key)}}
			lines := recordLines{w: &got, personal: personal}
			if r.value != nil {
				var err error
				if e.Value, err = proto.Marshal(r.value); err != nil {
					t.Fatal(err)
				}
				name := r.value.ProtoReflect().Descriptor().FullName()
				if lines.message, err = protoregistry.GlobalTypes.FindMessageByName(name); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := lines.write(3, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden := filepath.Join("testdata", "replay.jsonl")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s(%v)", got.Bytes(), want, err)
	}
	hidden, _, _ := strings.Cut(got.String(), "Ann Example")
	if strings.Count(hidden, "Ann") > 0 {
		t.Errorf("personal data is shown: %s", hidden)
	}
}

// readLines reads lines of JSON.
func readLines(t *testing.T, text string) (lines []recordLine) {
	t.Helper()
	for text := range strings.Lines(text) {
		var l recordLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// TestReplay holds that a topic, or a part of it, comes again in the order in which it was written,
// into a file and into a topic of another cluster.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	copiedBusiness(t, dir)
	replay := func(args ...string) []recordLine {
		t.Helper()
		args = append([]string{"topics", "replay", "--data", dir, "--to", "-"}, args...)
		return readLines(t, succeed(t, args...))
	}
	journal := []string{"--topic", "quittance.journal.v1"}
	all := replay(journal...)
	last := map[int]uint64{}
	for _, l := range all {
		if l.Group < last[l.Shard] {
			t.Fatalf("group %d of shard %d after group %d", l.Group, l.Shard, last[l.Shard])
		}
		last[l.Shard] = l.Group
	}
	one := all[len(all)-1]
	from, to := all[0].Group, one.Group-1
	part := replay(append(journal, "--key-prefix", one.Key, "--shard", strconv.Itoa(one.Shard),
		"--from-group", strconv.FormatUint(from, 10), "--to-group", strconv.FormatUint(to, 10))...)
	for _, l := range part {
		if l.Shard != one.Shard || l.Group < from || l.Group > to || l.Key != one.Key {
			t.Errorf("a part has %+v", l)
		}
	}
	if len(all) < 20 || len(part) == 0 || len(part) >= len(all) {
		t.Errorf("%d records in all, %d in a part", len(all), len(part))
	}
	file := filepath.Join(dir, "file.jsonl")
	succeed(t, append([]string{"topics", "replay", "--data", dir, "--to", file}, journal...)...)
	if b, err := os.ReadFile(file); err != nil || len(readLines(t, string(b))) != len(all) {
		t.Errorf("the file: %d bytes, %v", len(b), err)
	}
	testReplayTo(t, dir, all)

	var keys []string
	for _, l := range replay("--topic", "quittance.accounts.v1") {
		keys = append(keys, l.Key)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	from3, to9 := keys[3], keys[9]
	var got []string
	for _, l := range replay("--topic", "quittance.accounts.v1", "--key-from", from3,
		"--key-to", to9) {
		got = append(got, l.Key)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, keys[3:9]) {
		t.Errorf("the keys from %s to %s: %q, want %q", from3, to9, got, keys[3:9])
	}
}

// TestReplayRange: a range that ends before it begins is a slip. Nothing was replayed and the exit
// code was that of success, so that a script took it for a topic that has no such records.
func TestReplayRange(t *testing.T) {
	for flag, args := range map[string][]string{
		"--to-group": {"--from-group", "9", "--to-group", "8"},
		"--key-to":   {"--key-from", "demo/b", "--key-to", "demo/a"},
	} {
		code, out, stderr := call(t, nil, append([]string{"topics", "replay", "--data", t.TempDir(),
			"--topic", "quittance.keys.v1", "--to", "-"}, args...)...)
		want := flag + ": the range ends before it begins"
		if code != exitUsage || !strings.Contains(stderr, want) || out != "" {
			t.Errorf("%q: exit code %d, want %d and %q\n%s", args, code, exitUsage, want, out+stderr)
		}
	}
}

// TestReplayPositions holds that a replay which was stopped goes on where it stood: its file then
// has each record once, whatever was written after the positions, and other programs need not read
// all of a topic again.
func TestReplayPositions(t *testing.T) {
	dir := t.TempDir()
	copiedBusiness(t, dir)
	lines, positions := filepath.Join(dir, "lines.jsonl"), filepath.Join(dir, "positions")
	args := []string{"topics", "replay", "--data", dir, "--topic", "quittance.keys.v1",
		"--to", lines, "--positions", positions}
	replay := func() string {
		t.Helper()
		succeed(t, args...)
		b, err := os.ReadFile(lines)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	first := replay()
	if again := replay(); again != first || first == "" {
		t.Errorf("nothing has come: got\n%s\nwant\n%s", again, first)
	}
	f, err := os.OpenFile(lines, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"topic":"quitt`) // a process was killed here
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, "keys", "create", "--data", dir, "--tenant", "demo", "--role", "finance")
	rest, ok := strings.CutPrefix(replay(), first)
	if got := readLines(t, rest); !ok || len(got) != 1 || got[0].Topic != "quittance.keys.v1" {
		t.Errorf("what has come since: %q", rest)
	}

	refused(t, "of another log or topic", "topics", "replay", "--data", dir, "--to", lines,
		"--topic", "quittance.quotes.v1", "--positions", positions)
	refused(t, "may not have what was written", append(args[:len(args):len(args)], "--to", "-")...)
	rewrite(t, positions, func(place *replayPlace) {
		if time.Since(place.At) > time.Minute {
			t.Errorf("kept at %v, want now", place.At)
		}
		place.At = place.At.AddDate(0, 0, -4) // half of a week has passed
	})
	refused(t, "begin anew", args...)
}

// replayed passes a topic of a business on to a file. Called again with args, replay goes on.
func replayed(t *testing.T) (lines, positions string, args []string) {
	t.Helper()
	dir := t.TempDir()
	copiedBusiness(t, dir)
	lines, positions = filepath.Join(dir, "lines.jsonl"), filepath.Join(dir, "positions")
	args = []string{"topics", "replay", "--data", dir, "--topic", "quittance.keys.v1",
		"--to", lines, "--positions", positions}
	succeed(t, args...)
	return lines, positions, args
}

// rewrite changes the positions that a replay has kept.
func rewrite(t *testing.T, positions string, change func(*replayPlace)) {
	t.Helper()
	text, err := os.ReadFile(positions)
	if err != nil {
		t.Fatal(err)
	}
	var place replayPlace
	if err := json.Unmarshal(text, &place); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	change(&place)
	if text, err = json.Marshal(place); err == nil {
		err = os.WriteFile(positions, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplayIntoAShorterFile: a file that had lost lines since the positions were kept was taken as
// it was, and the lines were missing for ever. It is refused and left alone, also where it is gone.
func TestReplayIntoAShorterFile(t *testing.T) {
	lines, _, args := replayed(t)
	whole, err := os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	shorter := whole[:len(whole)-1]
	if err := os.WriteFile(lines, shorter, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "what is missing would not come again", args...)
	if got, err := os.ReadFile(lines); err != nil || !bytes.Equal(got, shorter) {
		t.Errorf("the file that was refused has %d bytes, want %d (%v)", len(got), len(shorter), err)
	}
	if err := os.Remove(lines); err != nil {
		t.Fatal(err)
	}
	refused(t, "and has 0", args...)
	if _, err := os.Stat(lines); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that was refused was made: %v", err)
	}
	if err := os.WriteFile(lines, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	succeed(t, args...) // it was put back
}

// TestReplayOfALogSetBack: positions behind the end of a log that was restored from a backup were
// taken for the end: nothing was replayed, and once the log had grown past them, what stood before
// was missing for ever.
func TestReplayOfALogSetBack(t *testing.T) {
	_, positions, args := replayed(t)
	rewrite(t, positions, func(place *replayPlace) {
		if len(place.Shards) == 0 {
			t.Fatal("no positions are kept")
		}
		place.Shards[0].Positions[0].Offset += 10 // groups that the log has lost
	})
	refused(t, "begin anew, into an empty file or topic", args...)
}

// TestReplayPastALogSetBack: whoever starts a replay again until it goes on, as a supervisor does,
// had it go on over a gap once the log had grown past where it stood: nothing shows then that it
// was set back. What was found out once is kept with the positions.
func TestReplayPastALogSetBack(t *testing.T) {
	_, positions, args := replayed(t)
	move := func(groups int64) {
		rewrite(t, positions, func(place *replayPlace) {
			place.Shards[0].Positions[0].Offset += groups
		})
	}
	move(10) // groups that the log has lost
	refused(t, "the log was set back", args...)
	move(-10) // it has grown past them
	refused(t, "Begin anew, into an empty file or topic, without it", args...)
}

// testReplayTo replays the journal of a data folder to a topic on a model of a cluster.
func testReplayTo(t *testing.T, dir string, want []recordLine) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	broker := "kafka:" + c.ListenAddrs()[0]
	args := []string{"topics", "replay", "--data", dir, "--topic", "quittance.journal.v1", "--to"}
	for to, wrong := range map[string]string{
		broker:                                "names no topic",
		broker + "?topic=journal":             "add --personal-data",
		broker + "?topic=no-journal":          "",
		broker + "?topic=quittance.quotes.v1": "one of a log",
	} {
		line := append(args[:len(args):len(args)], to)
		if wrong != "add --personal-data" {
			line = append(line, "--personal-data")
		}
		code, _, stderr := call(t, nil, line...)
		if code == exitDone || !strings.Contains(stderr, wrong) {
			t.Errorf("%v: exit code %d, %s", line, code, stderr)
		}
	}
	succeed(t, append(args, broker+"?topic=journal", "--personal-data")...)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), "journal")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	ends.Each(func(o kadm.ListedOffset) { total += int(o.Offset) })
	if total != len(want) {
		t.Fatalf("%d records were sent of %d", total, len(want))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := map[string][]uint64{}
	for n := 0; n < total; {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			t.Fatal(err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			var e ledgerv1.JournalEntry
			if err := proto.Unmarshal(r.Value, &e); err != nil {
				t.Error(err)
			}
			got[string(r.Key)] = append(got[string(r.Key)], e.Sequence)
			n++
		})
	}
	for key, sequences := range got { // a tenant's entries are in one shard, so they rise
		for i := 1; i < len(sequences); i++ {
			if sequences[i] <= sequences[i-1] {
				t.Errorf("%s: entry %d after %d", key, sequences[i], sequences[i-1])
			}
		}
	}
}
