package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
	"github.com/quittance/quittance/ledger"
)

// endsOf returns where each partition of a topic ends.
func endsOf(ctx context.Context, c *kgo.Client, topic string) (map[int32]int64, error) {
	listed, err := kadm.NewClient(c).ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends, listed.Error()
}

// keeping are compacted topics that keep the ids of what is settled on purpose: pointers into the
// journal for as long as refunds and disputes may come, and the answers of requests that may be
// sent again.
var keeping = []string{ledger.Settled.Topic().Name, compaction.Answers.Topic().Name}

// TestKafkaClean has a quote paid and settled, and the broker compact: then neither it nor its
// invoice and payment are anywhere on the broker's disk, but in the journal and where ids are kept
// on purpose. The settings are those of production, but for the times, which are in seconds.
func TestKafkaClean(t *testing.T) {
	r := newTrial(t, trialShape{nodes: 1, shards: 1, perWay: 0, topics: map[string]string{
		"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01",
		"compression.type": "uncompressed"}, brokers: kafkatest.Options{Steady: true}})
	r.alter(cleaned) // what no node would start with: tombstones go after a second
	gone := r.deal(0)
	if left := r.onDisk(gone); len(left) == 0 {
		r.fatal("the test shows nothing: %v is nowhere on the disk before it is compacted", gone)
	}
	began := time.Now()
	deals := 1
	var left map[string][]string
	r.until("nothing is left on the disk of what was settled", 5*time.Minute, func() bool {
		r.deal(deals) // what is written last is never compacted
		deals++
		left = r.onDisk(gone)
		if time.Since(began) > 4*time.Minute {
			r.fatal("there is still %v", left)
		}
		return len(left) == 0
	})
	for topic, found := range r.inRecords(gone) {
		r.t.Errorf("there is still %v in %s", slices.Sorted(maps.Keys(found)), topic)
	}
	if err := r.verify(r.nodes[0]); err != nil {
		r.t.Error(err)
	}
	r.t.Logf("%d ids of %d settled are gone from the disk %.1f s after, with the last of %d deals",
		len(gone), len(gone), time.Since(began).Seconds(), deals)
}

// deal takes a quote to its settlement, paid by a transfer, and returns the ids of what is over.
func (r *trial) deal(n int) []string {
	r.t.Helper()
	node, keys := r.nodes[0], r.tenants[0].keys
	seller, transfer := keys[roleTradesperson], fmt.Sprintf("TRANSFER-%d-X", n)
	var customer, quote, issued, invoice, payment reference
	r.call(node, seller, "POST", "/v1/customers", map[string]string{"name": "Ida"}, &customer)
	r.call(node, seller, "POST", "/v1/quotes", map[string]any{
		"customer": customer.ID, "currency": "EUR", "lines": []any{map[string]any{
			"quantity": "1", "unit_price": "100.00",
			"tax": map[string]string{"category": "Z", "rate": "0"}}}}, &quote)
	at := "/v1/quotes/" + quote.ID
	r.call(node, seller, "POST", at+"/issue", nil, &issued)
	r.call(node, seller, "POST", at+"/accept", map[string]any{"who": "Ida", "hash": issued.Hash}, nil)
	r.call(node, seller, "POST", "/v1/invoices", map[string]string{"quote": quote.ID}, &invoice)
	r.call(node, seller, "POST", "/v1/invoices/"+invoice.ID+"/finalize", nil, nil)
	r.call(node, seller, "POST", "/v1/payments", map[string]string{"invoice": invoice.ID,
		"gateway": "offline", "method": "transfer", "reference": transfer}, &payment)
	r.call(node, keys[roleFinance], "POST", "/v1/statement_entries", map[string]string{
		"id": "bank-" + payment.ID, "currency": "EUR", "amount": "100.00",
		"reference": "transfer of I., " + transfer,
		"booked_on": time.Now().UTC().Format(time.DateOnly)}, nil)
	r.until("the payment is settled", time.Minute, func() bool {
		var now reference
		r.call(node, seller, "GET", "/v1/payments/"+payment.ID, nil, &now)
		return now.Status == "settled"
	})
	return []string{quote.ID, invoice.ID, payment.ID}
}

// compactedTopics are the compacted topics that keep nothing of what is settled.
func (r *trial) compactedTopics() (names []string) {
	r.t.Helper()
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, t := range schema.Topics() {
		if t.Class != compaction.AppendOnly && !slices.Contains(keeping, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

// onDisk returns which files of those topics have which of some texts, whatever the files are for.
func (r *trial) onDisk(texts []string) map[string][]string {
	r.t.Helper()
	found := map[string][]string{}
	for _, topic := range r.compactedTopics() {
		folders, err := filepath.Glob(filepath.Join(r.brokers.DataDir(0), r.prefix+topic+"-*"))
		if err != nil || len(folders) == 0 {
			r.fatal("%s has no folder on the broker's disk: %v", topic, err)
		}
		for _, folder := range folders {
			err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || !strings.HasSuffix(path, ".log") {
					return nil // files come and go
				}
				content, _ := os.ReadFile(path)
				for _, text := range texts {
					if bytes.Contains(content, []byte(text)) {
						name := filepath.Join(filepath.Base(folder), d.Name())
						found[name] = append(found[name], text)
					}
				}
				return nil
			})
			if err != nil {
				r.fatal("%v", err)
			}
		}
	}
	return found
}

// inRecords returns which of those topics have which of some texts in their records.
func (r *trial) inRecords(texts []string) map[string]map[string]int {
	r.t.Helper()
	all := map[string]map[string]int{}
	for _, topic := range r.compactedTopics() {
		found, err := r.search(topic, texts)
		if err != nil {
			r.fatal("%v", err)
		}
		if len(found) > 0 {
			all[topic] = found
		}
	}
	return all
}
