package settlement

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
)

// Window is how long ledger.Settled points to what was settled: the time in which refunds and
// disputes may come. The journal keeps the record for ever.
const Window = 540 * 24 * time.Hour

// A change collects what one command posts and establishes, for one journal entry. Records are put
// as they come; the entry and the pointers to it are written at the end, by write.
type change struct {
	tx           *compaction.Tx
	tenant, kind string
	transactions []ledger.Transaction
	facts        []ledger.Fact
	pointers     []pointer
}

// pointer is an id that is no longer open, and the subject of its final record.
type pointer struct{ id, kind, subject string }

func begin(tx *compaction.Tx, tenant, kind string) *change {
	return &change{tx: tx, tenant: tenant, kind: kind}
}

func (c *change) at() time.Time { return c.tx.Now() }

func (c *change) key(id string) string { return compaction.Key(c.tenant, id) }

// post adds a transaction: what happened, and to what.
func (c *change) post(event string, m moves, about ...ledger.Pair) {
	if len(m) == 0 {
		return
	}
	metadata := []ledger.Pair{{Key: "event", Value: event}}
	for _, p := range about {
		if p.Value != "" {
			metadata = append(metadata, p)
		}
	}
	c.transactions = append(c.transactions, ledger.Transaction{Postings: m, Metadata: metadata})
}

// fact adds a fact with the record's stored form.
func (c *change) fact(kind, subject string, m proto.Message, stored []byte, err error) error {
	if err != nil {
		return err
	}
	c.facts = append(c.facts, ledger.Fact{Kind: kind, Subject: subject, Record: stored,
		Message: string(m.ProtoReflect().Descriptor().FullName())})
	return nil
}

// point has ledger.Settled point from an id to the entry, where there is an id.
func (c *change) point(kind, subject string, ids ...string) {
	for _, id := range ids {
		if id != "" {
			c.pointers = append(c.pointers, pointer{id, kind, subject})
		}
	}
}

// write writes the entry, if there is anything to write, and the pointers to it.
func (c *change) write() error {
	_, err := ledger.Record(c.tx, c.tenant, c.kind, c.transactions, c.facts)
	if err != nil || len(c.pointers) == 0 {
		return err
	}
	head, _, err := ledger.Heads.Get(c.tx, ledger.HeadKey)
	if err != nil {
		return err
	}
	for _, p := range c.pointers {
		v := ledger.Pointer{Sequence: head.Sequence, Kind: p.kind, Settled: c.at(),
			Expires: c.at().Add(Window)}
		if p.subject != p.id {
			v.Subject = p.subject
		}
		ledger.Settled.Put(c.tx, c.key(p.id), v)
	}
	return nil
}

// about names what a transaction is about; empty values are left out.
func about(payment, invoice, other string) []ledger.Pair {
	return []ledger.Pair{{Key: "payment", Value: payment}, {Key: "invoice", Value: invoice},
		{Key: "by", Value: other}}
}
