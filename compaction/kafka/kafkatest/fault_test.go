package kafkatest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPause wants a paused broker to answer nothing, with its connections open, and to go on where
// it was: that is how a stalled machine looks from outside.
func TestPause(t *testing.T) {
	c := Start(t, Options{})
	client := c.Client()
	topic(t, client, "t")
	produce(t, client, "t", "before")
	c.Pause(0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := client.Ping(ctx); err == nil {
		t.Error("a paused broker answers")
	}
	c.Resume(0)
	produce(t, client, "t", "after")
}

// TestStop wants a stopped broker to have closed its folder in order: no recovery at its restart.
func TestStop(t *testing.T) {
	c := Start(t, Options{})
	c.Stop(0)
	if _, err := os.Stat(filepath.Join(c.DataDir(0), ".kafka_cleanshutdown")); err != nil {
		t.Error(err)
	}
	c.Restart(0)
}

// TestFull wants a broker whose disk is full to fail as one does: it says why and ends, and with
// space again it serves what was acknowledged.
func TestFull(t *testing.T) {
	t.Run("mounted", func(t *testing.T) { testFull(t, Options{DiskMB: 64}) })
	t.Run("unmounted", func(t *testing.T) { testFull(t, Options{DiskMB: 64, unmounted: true}) })
}

func testFull(t *testing.T, o Options) {
	c := Start(t, o)
	client := c.Client()
	topic(t, client, "t")
	produce(t, client, "t", "before")
	c.Fill(0)
	once := c.Client(kgo.DisableIdempotentWrite(), kgo.RecordRetries(0))
	large := &kgo.Record{Topic: "t", Value: make([]byte, 100_000)}
	if err := once.ProduceSync(limit(t), large).FirstErr(); err == nil {
		t.Error("written to a full disk")
	}
	<-c.Exited(0)
	// Where the limit is on the process, whatever it writes first may be what ends it.
	if c.brokers[0].mounted && !strings.Contains(c.Log(0), "No space left on device") {
		t.Errorf("the broker ended with\n%s", c.Log(0))
	}
	c.Free(0)
	c.Restart(0)
	if got := consume(t, c, "t", 1); got[0] != "before" {
		t.Errorf("read %q", got)
	}
}

// TestClean wants a topic to be compacted within seconds where its settings ask for it, down to
// what lies on the disk.
func TestClean(t *testing.T) {
	c, name := Shared(t), Prefix(t)+"t"
	client := c.Client()
	settings := map[string]string{
		"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01",
		"delete.retention.ms": "100",
	}
	pointers := map[string]*string{}
	for k, v := range settings {
		pointers[k] = &v
	}
	_, err := kadm.NewClient(client).CreateTopic(limit(t), 1, -1, pointers, name)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for ctx := limit(t); ; {
		for _, value := range []string{"a-secret-of-old", "new"} {
			r := &kgo.Record{Topic: name, Key: []byte("k"), Value: []byte(value)}
			if value == "a-secret-of-old" && time.Since(began) > time.Second {
				continue // new ones make segments that can be cleaned
			}
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(began) > time.Second && !onDisk(t, c, name, "a-secret-of-old") {
			t.Logf("cleaned in %v", time.Since(began))
			return
		}
		time.Sleep(100 * time.Millisecond) // a segment's time
	}
}

// onDisk reports whether the files of a topic's partition hold a text.
func onDisk(t *testing.T, c *Cluster, topic, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.DataDir(0), topic+"-0*", "*.log*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files of the topic", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}
