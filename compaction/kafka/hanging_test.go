package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestJudge: only a decision about this very transaction is taken for one.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		state       string
		epoch, open int
		want        verdict
	}{
		{"CompleteCommit", 8, 7, commit}, {"CompleteAbort", 8, 7, abandon},
		{"CompleteCommit", 8, 8, unclear}, {"CompleteCommit", 8, 6, unclear},
		{"CompleteAbort", 8, 6, unclear}, {"PrepareCommit", 8, 7, wait},
		{"PrepareAbort", 8, 8, wait}, {"PrepareEpochFence", 8, 7, wait},
		{"PrepareCommit", 8, 6, wait}, {"Ongoing", 8, 8, leave}, {"Ongoing", 8, 7, unclear},
		{"Empty", 8, 7, unclear}, {"Dead", 8, 7, unclear},
	} {
		s := kmsg.NewDescribeTransactionsResponseTransactionState()
		s.State, s.ProducerEpoch = c.state, int16(c.epoch)
		if got := judge(openTransaction{epoch: int32(c.open)}, &s); got != c.want {
			t.Errorf("%s %d, open %d: %v, want %v", c.state, c.epoch, c.open, got, c.want)
		}
	}
	if got := judge(openTransaction{}, nil); got != unclear {
		t.Errorf("another's transaction: %v", got)
	}
}

// A hang is a shard of whose first group a partition has the record and not the marker.
type hang struct {
	secured
	prefix string
	log    *Log
	group  compaction.Group
}

// hangs makes one, of whose owner nothing is left.
func (c secured) hangs(t *testing.T, end kgo.TransactionEndTry) hang {
	t.Helper()
	h := hang{secured: c, prefix: kafkatest.Prefix(t)}
	c.prepare(t, h.prefix, Grant{Serve, "User:quittance"})
	h.log = opened(t, c.options("quittance", Plain, h.prefix))
	w := claim(t, h.log, 0)
	h.forge(t, w, end)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

// forge has a transaction hang, as a coordinator does that forgets to write a marker: the group's
// transaction is ended without the journal, which is sent afterwards, under the epoch that the
// transaction had.
func (h *hang) forge(t *testing.T, w *writer, end kgo.TransactionEndTry) {
	t.Helper()
	h.group = compaction.Group{Number: 1, Time: time.Unix(1, 0),
		Records: []compaction.Record{rec(open, "a", "1"), rec(journal, "a", "1")}}
	records, err := w.records(h.group)
	if err != nil {
		t.Fatal(err)
	}
	cl := w.ring[1].cl // which has not written to the journal
	id, epoch, err := cl.ProducerID(aMinute(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := <-w.ring[1].produce(records[:1]); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(aMinute(t), end); err != nil {
		t.Fatal(err)
	}
	h.send(t, records[1], id, epoch)
}

// send produces a record in a transaction that nobody has begun. The brokers look at that for
// newer versions of the request, whatever their settings are.
func (h hang) send(t *testing.T, r *kgo.Record, id int64, epoch int16) {
	t.Helper()
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.Produce), 11)
	cl, err := kgo.NewClient(append(h.as("quittance", Plain).options(), kgo.MaxVersions(versions))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	req := kmsg.NewPtrProduceRequest()
	name := h.log.transactionalID(0, 1)
	req.TransactionID, req.Acks, req.TimeoutMillis = &name, -1, 10_000
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = r.Partition, transactional(r, id, epoch)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.Partitions = r.Topic, []kmsg.ProduceRequestTopicPartition{p}
	req.Topics = append(req.Topics, topic)
	resp, err := cl.Broker(1).RetriableRequest(aMinute(t), req)
	if err != nil {
		t.Fatal(err)
	}
	got := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		t.Fatal(err)
	}
}

// transactional is a batch of one record.
func transactional(r *kgo.Record, id int64, epoch int16) []byte {
	record := []byte{0, 0, 0} // attributes, and what it is behind the batch's time and offset
	for _, b := range [][]byte{r.Key, r.Value} {
		record = append(binary.AppendVarint(record, int64(len(b))), b...)
	}
	record = binary.AppendVarint(record, int64(len(r.Headers)))
	for _, h := range r.Headers {
		for _, b := range [][]byte{[]byte(h.Key), h.Value} {
			record = append(binary.AppendVarint(record, int64(len(b))), b...)
		}
	}
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{PartitionLeaderEpoch: -1, Magic: 2, Attributes: 1 << 4,
		FirstTimestamp: now, MaxTimestamp: now, ProducerID: id, ProducerEpoch: epoch, NumRecords: 1,
		Records: append(binary.AppendVarint(nil, int64(len(record))), record...)}
	b := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// open returns the open transactions of the shard.
func (h hang) open(t *testing.T) map[openTransaction]int32 {
	t.Helper()
	all, err := h.log.openTransactions(aMinute(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestHanging: a claim writes the marker that a partition misses as the coordinator decided, tells
// of it, and gives the shard with all that was committed; where it may not or where nobody knows
// what was decided, it says so and changes nothing. Nor does it with brokers that are too old.
func TestHanging(t *testing.T) {
	c := secured{kafkatest.Start(t, kafkatest.Options{SASL: true, TLS: true, Authorizer: true,
		Steady: true,
		Users:  map[string]string{"operator": password, "quittance": password},
		Config: map[string]string{"transaction.partition.verification.enable": "false"}})}
	for name, end := range map[string]kgo.TransactionEndTry{
		"Committed": kgo.TryCommit, "Aborted": kgo.TryAbort,
	} {
		t.Run(name, func(t *testing.T) { c.hangs(t, end).testMended(t, end == kgo.TryCommit) })
	}
	t.Run("Forgotten", func(t *testing.T) { c.hangs(t, kgo.TryCommit).testForgotten(t) })
	t.Run("Reconnect", c.testReconnect)
}

// testReconnect: an owner that has lost its connections, as by a broker's end, has the markers
// written before it goes on. Else its next transaction would be one with what hangs there, and an
// abort of it would take back what was acknowledged.
func (c secured) testReconnect(t *testing.T) {
	h := hang{secured: c, prefix: kafkatest.Prefix(t)}
	c.prepare(t, h.prefix, Grant{Serve, "User:quittance"})
	o := c.options(kafkatest.AdminUser, Plain, h.prefix)
	var mu sync.Mutex
	var conns []net.Conn
	o.Connection.Dial = func(ctx context.Context, network, host string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			conns = append(conns, conn)
		}
		return conn, err
	}
	h.log = opened(t, o)
	w := claim(t, h.log, 0)
	h.forge(t, w, kgo.TryCommit)
	mu.Lock()
	for _, conn := range conns {
		_ = conn.Close() // what of it is closed already does not matter
	}
	mu.Unlock()
	records, err := w.records(compaction.Group{Number: 2, Time: time.Unix(2, 0),
		Records: []compaction.Record{rec(journal, "b", "2")}})
	if err != nil {
		t.Fatal(err)
	}
	p := w.ring[1]
	if !c.takesMarkers(t) {
		p.patience = patience{produce: time.Second, abort: time.Second}
		err := p.transact(aMinute(t), records, w.follow)
		if !errors.Is(err, compaction.ErrUnknownOutcome) {
			t.Errorf("an owner goes on after what hangs: %v", err)
		}
		h.testLeft(t)
		return
	}
	if err := p.cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := <-p.produce(records); err != nil {
		t.Fatal(err)
	}
	if err := p.cl.EndTransaction(aMinute(t), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	w = claim(t, opened(t, o), 0)
	groups, _ := contents(t, h.log, 0, compaction.Range{To: w.Start()})
	if len(groups) != 1 || groups[1] != len(h.group.Records) {
		t.Errorf("groups %v, want the first alone, whole", groups)
	}
}

// takesMarkers reports whether the brokers know of markers that come too late, as they do since
// Kafka 4.2. To others none is sent.
func (c secured) takesMarkers(t *testing.T) bool {
	t.Helper()
	brokers, err := kadm.NewClient(c.Client()).ApiVersions(aMinute(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range brokers {
		version, ok := b.KeyMaxVersion(kmsg.WriteTxnMarkers.Int16())
		if !ok || version < 2 {
			return false
		}
	}
	return true
}

// testLeft: where the marker cannot be written safely the shard is not claimed, whoever asks, the
// error says what would help, and what hangs is as it was.
func (h hang) testLeft(t *testing.T) {
	t.Helper()
	before := h.open(t)
	l := opened(t, h.options(kafkatest.AdminUser, Plain, h.prefix))
	_, err := l.Claim(aMinute(t), 0)
	if err == nil || !strings.Contains(err.Error(), "Kafka 4.2 or later is needed") {
		t.Errorf("claimed with %v", err)
	}
	if after := h.open(t); len(after) != 1 || !maps.Equal(before, after) {
		t.Errorf("open were %v and are %v, want the same one", before, after)
	}
}

func (h hang) testMended(t *testing.T, committed bool) {
	if n := len(h.open(t)); n != 1 {
		t.Fatalf("%d transactions are open, want 1", n)
	}
	h.unstable(t)
	if !h.takesMarkers(t) {
		h.testLeft(t)
		return
	}
	_, err := h.log.Claim(aMinute(t), 0)
	if err == nil || !strings.Contains(err.Error(), "ALTER on CLUSTER") || denied(err) {
		t.Fatalf("without the right: %v", err)
	}
	var told bytes.Buffer
	o := h.options(kafkatest.AdminUser, Plain, h.prefix)
	o.Logger = slog.New(slog.NewTextHandler(&told, nil))
	l := opened(t, o)
	w := claim(t, l, 0)
	want := map[uint64]int{}
	if committed {
		want[1] = len(h.group.Records)
	}
	groups, _ := contents(t, l, 0, compaction.Range{To: w.Start()})
	if len(groups) != len(want) || groups[1] != want[1] || w.last != uint64(len(want)) {
		t.Errorf("groups %v, last %d, want %v", groups, w.last, want)
	}
	if n := strings.Count(told.String(), "level=WARN"); n != 1 ||
		!strings.Contains(told.String(), h.prefix+journal) {
		t.Errorf("told:\n%s", &told)
	}
	if open := h.open(t); len(open) > 0 {
		t.Errorf("open still: %v", open)
	}
	add(t, w, three(w.last+1))
}

// unstable holds that a claim which has not looked, or may not, does not go on from an end that a
// hanging transaction hides: it would give the numbers of hidden groups again.
func (h hang) unstable(t *testing.T) {
	t.Helper()
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := h.log.stable(soon, 0); err == nil {
		t.Error("a shard is taken for stable though a transaction hides its end")
	}
}

func (h hang) testForgotten(t *testing.T) {
	// Somebody who does not look before: another program, or one that may not.
	c := h.as("quittance", Plain)
	c.Dial = (&net.Dialer{}).DialContext
	cl, err := kgo.NewClient(append(h.log.producerOptions(0, 1), kgo.Dialer(c.dialTLS))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(aMinute(t)); err != nil {
		t.Fatal(err)
	}
	_, err = opened(t, h.options(kafkatest.AdminUser, Plain, h.prefix)).Claim(aMinute(t), 0)
	if err == nil || !strings.Contains(err.Error(), "find-hanging") ||
		!strings.Contains(err.Error(), h.prefix+journal+"-0") {
		t.Errorf("got %v", err)
	}
	if n := len(h.open(t)); n != 1 {
		t.Errorf("%d transactions are open, want 1", n)
	}
}
