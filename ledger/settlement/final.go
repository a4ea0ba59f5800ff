package settlement

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
	"github.com/quittance/quittance/quoting"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// A Final is what the journal has of something that was settled: the final records of a payment
// with its attempts, refunds and disputes, of its invoice, and of its quote with its redemptions;
// or those of an invoice that was never paid, or of a quote that came to nothing; or those of a
// payout. Only what is no longer open is in it.
type Final struct {
	Tenant  string
	Records []FinalRecord
}

// A FinalRecord is one final record.
type FinalRecord struct {
	ID       string // the key of its pointer in ledger.Settled
	Sequence uint64 // of the journal entry
	Fact     ledger.Fact
}

// Recall reads the final record of an id, ours or a gateway's, and of what belongs to it, from the
// journal. One for which ledger.Settled has nothing gives a Final without records. Errors are those
// of Shards.Read and ledger.Recall.
func Recall(ctx context.Context, s *compaction.Shards, tenant, id string) (Final, error) {
	f := Final{Tenant: tenant}
	entries := map[uint64]ledger.Entry{}
	for ids := []string{id}; len(ids) > 0; ids = ids[1:] {
		p, ok, err := pointerTo(s, tenant, ids[0])
		if err != nil {
			return f, err
		}
		subject := ids[0]
		if p.Subject != "" {
			subject = p.Subject
		}
		if !ok || f.has(subject) {
			continue
		}
		e, known := entries[p.Sequence]
		if !known {
			if e, err = ledger.Recall(ctx, s, tenant, p.Sequence); err != nil {
				return f, err
			}
			entries[p.Sequence] = e
		}
		more, err := f.take(e, subject)
		if err != nil {
			return f, err
		}
		ids = append(ids, more...)
	}
	return f, nil
}

func pointerTo(s *compaction.Shards, tenant, id string) (p ledger.Pointer, ok bool, err error) {
	err = s.Read(tenant, func(v *compaction.View) error {
		p, ok, err = ledger.Settled.Get(v, compaction.Key(tenant, id))
		return err
	})
	return p, ok, err
}

func (f *Final) has(id string) bool {
	return slices.ContainsFunc(f.Records, func(r FinalRecord) bool { return r.Fact.Subject == id })
}

// take adds the final record of a subject and of what belongs to it from an entry, and returns the
// ids of what it belongs to itself.
func (f *Final) take(e ledger.Entry, subject string) ([]string, error) {
	var more []string
	for _, fact := range e.Facts {
		owner, up, err := belongs(fact)
		if err != nil {
			return nil, err
		}
		if owner == "" || f.has(fact.Subject) || fact.Subject != subject && owner != subject {
			continue
		}
		f.Records = append(f.Records, FinalRecord{fact.Subject, e.Sequence, fact})
		if fact.Subject == subject && up != "" {
			more = append(more, up)
		}
	}
	return more, nil
}

// name is the full name of a message.
func name(m proto.Message) string { return string(m.ProtoReflect().Descriptor().FullName()) }

// The kinds of facts that are final records.
var finals = map[string]bool{"payment.settled": true, "payment.canceled": true,
	"payment.given_up": true, "attempt.final": true, "refund.final": true, "dispute.final": true,
	"invoice.settled": true, "quote.settled": true, "quote.closed": true,
	"redemption.final": true, "payout.settled": true}

// belongs returns, for a final record, the id it is brought back with, and the id of what must be
// brought back with it; for any other fact nothing.
func belongs(f ledger.Fact) (owner, up string, err error) {
	if !finals[f.Kind] {
		return "", "", nil
	}
	switch f.Message {
	case name((*ledgerv1.PaymentRecord)(nil)):
		p, err := payments.DecodePayment(f.Record)
		return p.ID, p.Invoice, err
	case name((*ledgerv1.AttemptRecord)(nil)):
		a, err := payments.DecodeAttempt(f.Record)
		return a.Payment, "", err
	case name((*ledgerv1.RefundRecord)(nil)):
		r, err := payments.DecodeRefund(f.Record)
		return r.Payment, r.Payment, err
	case name((*ledgerv1.DisputeRecord)(nil)):
		d, err := payments.DecodeDispute(f.Record)
		return d.Payment, d.Payment, err
	case name((*quotingv1.InvoiceRecord)(nil)):
		i, err := quoting.DecodeInvoice(f.Record)
		return i.ID, i.Quote, err
	case name((*quotingv1.QuoteRecord)(nil)):
		q, err := quoting.DecodeQuote(f.Record)
		return q.ID, "", err
	case name((*quotingv1.RedemptionRecord)(nil)):
		r, err := quoting.DecodeRedemption(f.Record)
		return r.Quote, r.Quote, err
	case name((*ledgerv1.PayoutRecord)(nil)):
		p, err := payments.DecodePayout(f.Record)
		return p.ID, "", err
	}
	return "", "", nil
}

// Rehydrate brings final records back as open ones, as they were, and takes away the pointers to
// them; a settled payment is succeeded again. It posts nothing. It fails with ErrStale when one was
// settled again since it was read.
func Rehydrate(tx *compaction.Tx, f Final) error {
	for _, r := range f.Records {
		p, ok, err := ledger.Settled.Get(tx, compaction.Key(f.Tenant, r.ID))
		if err != nil {
			return err
		}
		if ok && p.Sequence != r.Sequence {
			return ErrStale
		}
		if !ok {
			continue // it was brought back by another command, or has no pointer of its own
		}
		if err := f.restore(tx, r); err != nil {
			return err
		}
	}
	return nil
}

// restore brings one record back.
func (f Final) restore(tx *compaction.Tx, r FinalRecord) error {
	b := r.Fact.Record
	switch r.Fact.Message {
	case name((*ledgerv1.PaymentRecord)(nil)):
		p, err := payments.DecodePayment(b)
		if err == nil && p.State == payments.Settled {
			p, err = p.Move(payments.Reopen, tx.Now())
		}
		return put(tx, f.Tenant, payments.Payments, p, err, p.ID, p.GatewayID, p.Charge)
	case name((*ledgerv1.AttemptRecord)(nil)):
		a, err := payments.DecodeAttempt(b)
		if err != nil {
			return err
		}
		payments.Attempts.Put(tx, payments.AttemptKey(f.Tenant, a.Payment, a.Number), a)
		unpoint(tx, f.Tenant, a.Effect)
	case name((*ledgerv1.RefundRecord)(nil)):
		x, err := payments.DecodeRefund(b)
		return put(tx, f.Tenant, payments.Refunds, x, err, x.ID, x.GatewayID)
	case name((*ledgerv1.DisputeRecord)(nil)):
		d, err := payments.DecodeDispute(b)
		return put(tx, f.Tenant, payments.Disputes, d, err, d.ID, d.GatewayID)
	case name((*quotingv1.InvoiceRecord)(nil)):
		i, err := quoting.DecodeInvoice(b)
		return put(tx, f.Tenant, quoting.Invoices, i, err, i.ID)
	case name((*quotingv1.QuoteRecord)(nil)):
		q, err := quoting.DecodeQuote(b)
		return put(tx, f.Tenant, quoting.Quotes, q, err, q.ID)
	case name((*quotingv1.RedemptionRecord)(nil)):
		x, err := quoting.DecodeRedemption(b)
		return put(tx, f.Tenant, quoting.Redemptions, x, err, x.ID)
	case name((*ledgerv1.PayoutRecord)(nil)):
		p, err := payments.DecodePayout(b)
		return put(tx, f.Tenant, payments.Payouts, p, err, p.ID, p.GatewayID)
	}
	return nil
}

// put puts a record under the first of its ids, and takes away the pointers to all of them.
func put[T any](tx *compaction.Tx, tenant string, t *compaction.Table[T], v T, err error,
	ids ...string) error {
	if err != nil {
		return err
	}
	t.Put(tx, compaction.Key(tenant, ids[0]), v)
	for _, id := range ids {
		unpoint(tx, tenant, id)
	}
	return nil
}

func unpoint(tx *compaction.Tx, tenant, id string) {
	if id != "" {
		ledger.Settled.Delete(tx, compaction.Key(tenant, id))
	}
}
