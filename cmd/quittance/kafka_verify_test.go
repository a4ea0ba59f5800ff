package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
	"github.com/quittance/quittance/ledger"
)

// TestKafkaVerifyForeign: a record that somebody else has written to a topic of the log stops the
// next claim of its shard. Verify found nothing of it until then, in whatever topic it stood, and
// where groups had come after it, it failed without a report.
func TestKafkaVerifyForeign(t *testing.T) {
	brokers, prefix := kafkatest.Shared(t), kafkatest.Prefix(t)
	client := brokers.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	topics := []string{ledger.Accounts.Topic().Name, ledger.Settled.Topic().Name,
		ledger.Journal.Topic().Name, "quittance.webhooks.v1"}
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	log, err := kafka.Open(t.Context(), kafka.Options{Prefix: prefix, Shards: len(topics),
		Connection: kafka.Connection{Brokers: brokers.Addrs()}, Topics: schema.Topics(), Create: true,
		Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	o := compaction.Options{Log: log, Schema: schema, Dir: t.TempDir(), Logger: quiet,
		Secret: []byte(strings.Repeat("s", secretSize))}
	withStore(t, o, func(s *compaction.Shards) {
		check := func(when string, found []string) {
			t.Helper()
			report, err := verify(t.Context(), s, log)
			if err != nil {
				t.Fatal(err)
			}
			if report.OK != (found == nil) {
				t.Errorf("%s: verify says %+v", when, report)
			}
			for _, name := range found {
				if !strings.Contains(report.Checks[0].Detail, "record acme/x of "+name) {
					t.Errorf("%s: %s is not named: %s", when, name, report.Checks[0].Detail)
				}
			}
		}
		check("nobody else has written", nil)
		for shard, name := range topics {
			garbage := &kgo.Record{Topic: prefix + name, Partition: int32(shard), Key: []byte("acme/x"),
				Value: []byte("x")}
			if err := client.ProduceSync(t.Context(), garbage).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		check("a record of others in each shard", topics)
		for i := range 20 { // in each shard
			move(t, s, fmt.Sprint("tenant", i), "till:one", 5)
		}
		check("groups after it", topics)
	})
}
