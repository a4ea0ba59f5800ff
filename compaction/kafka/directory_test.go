package kafka

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A followed directory runs until the end of the test.
type followed struct {
	*Directory
	t *testing.T
}

func directed(t *testing.T, c Connection) *followed {
	t.Helper()
	d, err := OpenDirectory(c, "", 2, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		d.Close()
	})
	return &followed{d, t}
}

// shows waits until an owner of a shard is shown. Until then none may be shown that is older than
// one that was.
func (f *followed) shows(shard int, epoch uint64) Owner {
	f.t.Helper()
	late := time.After(30 * time.Second)
	before, _ := f.Owner(shard)
	for {
		owner, changed := f.Owner(shard)
		if owner.Epoch < before.Epoch {
			f.t.Errorf("shard %d is shown as claim %d after claim %d", shard, owner.Epoch, before.Epoch)
		}
		if before = owner; owner.Epoch == epoch {
			return owner
		}
		select {
		case <-changed:
		case <-late:
			f.t.Fatalf("shard %d is owned by %+v, want claim %d", shard, owner, epoch)
		}
	}
}

// TestDirectoryStart: a directory that begins shows the last owner of a shard, and none of those
// before: requests would be passed on to them. It then shows each claim, but no older one, whoever
// wrote that again.
func TestDirectoryStart(t *testing.T) {
	brokers := model(t).ListenAddrs()
	o := suiteOptions(brokers, "")
	o.Node, o.Address = "one", "10.0.0.1:8080"
	l := opened(t, o)
	var first *writer
	for range 40 {
		w := claim(t, l, 0)
		if first == nil {
			first = w
		}
	}
	add(t, claim(t, l, 1), three(1))
	d := directed(t, o.Connection)
	owner := d.shows(0, 40)
	if owner.Node != o.Node || owner.Address != o.Address || owner.Claimed.IsZero() {
		t.Errorf("the owner is %+v", owner)
	}
	d.shows(1, 1)
	r := at(t, l, 0, ShardsTopic, first.claim)
	produced(t, brokers, &kgo.Record{Topic: ShardsTopic, Key: r.Key, Value: r.Value,
		Headers: r.Headers})
	claim(t, l, 1)
	d.shows(1, 2) // who follows has read on since
	if owner, _ := d.Owner(0); owner.Epoch != 40 {
		t.Errorf("the owner is that of claim %d, want 40", owner.Epoch)
	}
	claim(t, l, 0)
	d.shows(0, 41)
}

// TestDirectoryPieces: claims that come piece by piece, as those of a long topic do, are shown when
// the last one has come.
func TestDirectoryPieces(t *testing.T) {
	l := opened(t, suiteOptions(model(t).ListenAddrs(), ""))
	var claims []*kgo.Record
	for range 3 {
		claims = append(claims, at(t, l, 0, ShardsTopic, claim(t, l, 0).claim))
	}
	d, err := OpenDirectory(l.options.Connection, "", 1, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, want := range []uint64{0, 0, 3} {
		d.read(kgo.FetchTopicPartition{Topic: ShardsTopic, FetchPartition: kgo.FetchPartition{
			LastStableOffset: claims[2].Offset + 1, Records: claims[i : i+1]}})
		if owner, _ := d.Owner(0); owner.Epoch != want {
			t.Errorf("after claim %d the owner is that of claim %d, want %d", i+1, owner.Epoch, want)
		}
	}
}

// TestDirectoryUncommitted: a claim that was not committed is none. It may be a rival's who is
// fenced before it is.
func TestDirectoryUncommitted(t *testing.T) {
	l, wire := wired(t, models)
	claim(t, l, 0)
	d := directed(t, l.options.Connection)
	d.shows(0, 1)
	end := wire.next(kmsg.EndTxn, hold, 1, nil)
	claimed := make(chan error, 1)
	go func() {
		_, err := l.Claim(context.Background(), 0)
		claimed <- err
	}()
	<-end.met // its records are written
	claim(t, l, 1)
	d.shows(1, 1) // and who follows has read on since
	if owner, _ := d.Owner(0); owner.Epoch != 1 {
		t.Errorf("a claim that is not committed is shown: %+v", owner)
	}
	end.release()
	if err := <-claimed; err != nil {
		t.Fatal(err)
	}
	d.shows(0, 2)
}

// TestDirectoryAnew: where the topic no longer has what was to come next, it is read again from
// what is its start by now, and owners that were are not shown meanwhile.
func TestDirectoryAnew(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	for range 5 {
		claim(t, l, 0)
	}
	d := directed(t, l.options.Connection)
	d.shows(0, 5)
	gone := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: ShardsTopic,
		Partitions: []int32{0}, Err: kerr.OffsetOutOfRange})
	claim(t, l, 1) // which has who follows ask for more
	if err := gone.Wait(aMinute(t), 1); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		claim(t, l, 0)
	}
	d.shows(0, 10)
}

// TestDirectoryRestored: a cluster that was restored has fewer claims than were shown. What it has
// counts, once all of it has been read again.
func TestDirectoryRestored(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	first := at(t, l, 0, ShardsTopic, claim(t, l, 0).claim)
	w := claim(t, l, 0)
	d := directed(t, l.options.Connection)
	d.shows(0, 2)
	emptied(t, admins(t, c.ListenAddrs()), ShardsTopic, w.ends)
	produced(t, c.ListenAddrs(), &kgo.Record{Topic: ShardsTopic, Key: first.Key, Value: first.Value,
		Headers: first.Headers})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: ShardsTopic, Partitions: []int32{0},
		Err: kerr.OffsetOutOfRange})
	claim(t, l, 1) // which has who follows ask for more
	_, changed := d.Owner(0)
	for owner, _ := d.Owner(0); owner.Epoch != 1; owner, changed = d.Owner(0) {
		select {
		case <-changed:
		case <-aMinute(t).Done():
			t.Fatalf("the owner is that of claim %d, want 1", owner.Epoch)
		}
	}
}

// TestDirectoryDataLoss: where the client finds that the brokers have lost claims, and goes on from
// where they parted from it, those that come are of the epochs that are lost. They count all the
// same: requests were passed on to an owner that was, until the claims had caught up.
func TestDirectoryDataLoss(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	first := at(t, l, 0, ShardsTopic, claim(t, l, 0).claim)
	w := claim(t, l, 0)
	d, err := OpenDirectory(l.options.Connection, "", l.identity.Shards, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	shows := func(epoch uint64) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		owner, _ := d.Owner(0)
		for ; owner.Epoch != epoch && ctx.Err() == nil; owner, _ = d.Owner(0) {
			d.cl.PollFetches(ctx).EachPartition(d.read)
		}
		if owner.Epoch != epoch {
			t.Fatalf("the owner is that of claim %d, want %d", owner.Epoch, epoch)
		}
	}
	shows(2)
	emptied(t, admins(t, c.ListenAddrs()), ShardsTopic, w.ends)
	d.read(kgo.FetchTopicPartition{Topic: ShardsTopic, FetchPartition: kgo.FetchPartition{
		Err: &kgo.ErrDataLoss{Topic: ShardsTopic}}})
	produced(t, c.ListenAddrs(), &kgo.Record{Topic: ShardsTopic, Key: first.Key, Value: first.Value,
		Headers: first.Headers})
	shows(1)
}
