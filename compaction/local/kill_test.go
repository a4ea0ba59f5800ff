package local

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quittance/quittance/compaction"
)

// appendForEver appends, as the other process of TestKilled, and says what was acknowledged.
func appendForEver(dir string) error {
	ctx := context.Background()
	l, err := Open(dir, testTopics, Options{Shards: 1, CleanEvery: -1})
	if err != nil {
		return err
	}
	w, err := l.Claim(ctx, 0)
	if err != nil {
		return err
	}
	for number := uint64(w.Start()[0].Next); ; number++ {
		g := compaction.Group{Number: number, Time: start, Records: []compaction.Record{
			record(topicOpen, fmt.Sprint(number%50), fmt.Sprint(number)),
			record(topicJournal, "j", fmt.Sprint(number))}}
		if _, err := w.Append(ctx, g); err != nil {
			return err
		}
		fmt.Println(number)
		if number%200 == 0 {
			if _, err := l.Clean(ctx, CleanOptions{}); err != nil {
				return err
			}
		}
	}
}

// A process that is killed, again and again, leaves everything that it was told was durable.
func TestKilled(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for round := range 5 {
		c := exec.Command(program)
		c.Env = append(os.Environ(), "QUITTANCE_TEST_APPEND="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		acked := 0
		for i := 0; i < 350 && lines.Scan(); i++ {
			if acked, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatalf("the other process: %s", lines.Text())
			}
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // killed, as was wanted
		l := openLog(t, dir, Options{})
		got, err := read(t.Context(), l, 0, topicJournal)
		if err != nil || len(got) < acked || acked < (round+1)*300 {
			t.Fatalf("round %d: %d records, %v; %d were acknowledged", round, len(got), err, acked)
		}
		for i, e := range got {
			if string(e.Value) != fmt.Sprint(i+1) {
				t.Fatalf("round %d: record %d is %s", round, i+1, e.Value)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A run of emptied groups that is longer than a batch may be, over more bytes than an iterator
// walks, leaves nothing behind after two cleanings.
func TestCleanLongRun(t *testing.T) {
	l, err := Open("log", testTopics, inMemory(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := claim(t, l, 0)
	value := string(make([]byte, 1000))
	const groups = maxDeletes + 4000
	for number := range uint64(groups) {
		add(t, w, number+1, record(topicOpen, "a", value))
	}
	for pass, want := range []int{2, 1} {
		if _, _, err := l.cleaner.pass(t.Context(), l.shards[0], open, CleanOptions{}); err != nil {
			t.Fatal(err)
		}
		got, err := read(t.Context(), l, 0)
		if err != nil || len(got) != 1 || got[0].Group != groups {
			t.Errorf("pass %d: %d records are left, %v", pass+1, len(got), err)
		}
		if n := values(t, l); n != want {
			t.Errorf("pass %d: %d values are left, want %d", pass+1, n, want)
		}
	}
}

// values counts what is stored of shard 0's compacted records.
func values(t *testing.T, l *Log) (n int) {
	t.Helper()
	c, err := openChain(l.db, open, 0, 1, l.shards[0].end.group, l.shards[0].end.tails[open])
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for ; c.valid; n++ {
		if err := c.advance(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
