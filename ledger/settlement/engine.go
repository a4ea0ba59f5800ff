package settlement

import (
	"bytes"
	"context"
	"errors"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
	"github.com/quittance/quittance/quoting"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// An Engine is Shards whose commands find what was settled. A command that fails with a
// *SettledError is decided again with the final records brought back from the journal. After it,
// what it left as it was ends again as if it had not been touched; what it changed is settled again
// in the same append, if its money was seen, and else stays open until it is.
type Engine struct{ *compaction.Shards }

// tries bounds how often a command is decided: each time something else it needs was settled, or
// was settled again while it was read.
const tries = 8

// Do is Shards.Do. A *SettledError is not given to the command's Refuse. It fails with ErrStale
// when what the command needs is settled again and again meanwhile.
func (e Engine) Do(ctx context.Context, c compaction.Command) (compaction.Answer, error) {
	decide, refuse := c.Decide, c.Refuse
	if refuse != nil {
		c.Refuse = func(err error) (compaction.Answer, bool) {
			var settled *SettledError
			if errors.As(err, &settled) || errors.Is(err, ErrStale) {
				return compaction.Answer{}, false
			}
			return refuse(err)
		}
	}
	var brought []Final
	for range tries {
		answer, err := e.Shards.Do(ctx, c)
		var settled *SettledError
		switch {
		case errors.As(err, &settled):
			f, err := Recall(ctx, e.Shards, c.Tenant, settled.ID)
			if err != nil {
				return answer, err
			}
			brought = append(brought, f)
		case errors.Is(err, ErrStale):
			brought = nil
		default:
			return answer, err
		}
		late := brought
		c.Decide = func(tx *compaction.Tx) (compaction.Answer, error) {
			return decideLate(tx, late, decide)
		}
	}
	return compaction.Answer{}, ErrStale
}

// Reopen brings what an id names, ours or a gateway's, back from the journal as open records, in a
// command of its own. One that is not settled stays as it is. Nothing settles it again but the next
// thing that happens to it, or Settle. Errors are those of Recall and Shards.Do.
func Reopen(ctx context.Context, s *compaction.Shards, tenant, id string) error {
	for range tries {
		f, err := Recall(ctx, s, tenant, id)
		if err != nil || len(f.Records) == 0 {
			return err
		}
		_, err = s.Do(ctx, compaction.Command{Tenant: tenant,
			Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
				return compaction.Answer{}, Rehydrate(tx, f)
			}})
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return ErrStale
}

// decideLate decides a command with final records brought back.
func decideLate(tx *compaction.Tx, finals []Final,
	decide func(*compaction.Tx) (compaction.Answer, error)) (compaction.Answer, error) {
	var taken []map[string]ledger.Pointer
	var before [][][]byte
	for _, f := range finals {
		pointers, err := f.pointers(tx)
		if err == nil {
			err = Rehydrate(tx, f)
		}
		if err != nil {
			return compaction.Answer{}, err
		}
		records, err := f.current(tx)
		if err != nil {
			return compaction.Answer{}, err
		}
		taken, before = append(taken, pointers), append(before, records)
	}
	answer, err := decide(tx)
	if err != nil {
		return answer, err
	}
	for i, f := range finals {
		after, err := f.current(tx)
		if err != nil {
			return answer, err
		}
		if same(before[i], after) {
			f.putBack(tx, taken[i])
		} else if err := f.settleAgain(tx); err != nil {
			return answer, err
		}
	}
	return answer, nil
}

// pointers returns the pointers that Rehydrate takes away, by their keys.
func (f Final) pointers(tx *compaction.Tx) (map[string]ledger.Pointer, error) {
	found := map[string]ledger.Pointer{}
	for _, r := range f.Records {
		ids, err := idsOf(r.Fact)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			key := compaction.Key(f.Tenant, id)
			p, ok, err := ledger.Settled.Get(tx, key)
			if err != nil {
				return nil, err
			}
			if ok {
				found[key] = p
			}
		}
	}
	return found, nil
}

// idsOf returns every id that points to a final record.
func idsOf(f ledger.Fact) ([]string, error) {
	ids := []string{f.Subject}
	switch f.Message {
	case name((*ledgerv1.PaymentRecord)(nil)):
		p, err := payments.DecodePayment(f.Record)
		return append(ids, p.GatewayID, p.Charge), err
	case name((*ledgerv1.RefundRecord)(nil)):
		r, err := payments.DecodeRefund(f.Record)
		return append(ids, r.GatewayID), err
	case name((*ledgerv1.DisputeRecord)(nil)):
		d, err := payments.DecodeDispute(f.Record)
		return append(ids, d.GatewayID), err
	case name((*ledgerv1.PayoutRecord)(nil)):
		p, err := payments.DecodePayout(f.Record)
		return append(ids, p.GatewayID), err
	}
	return ids, nil
}

// current returns the stored forms of the open records of f as the command has left them, nil for
// one that is not open.
func (f Final) current(tx *compaction.Tx) ([][]byte, error) {
	var records [][]byte
	for _, r := range f.Records {
		var b []byte
		var err error
		key := compaction.Key(f.Tenant, r.Fact.Subject)
		switch r.Fact.Message {
		case name((*ledgerv1.PaymentRecord)(nil)):
			b, err = stored(tx, payments.Payments, key, payments.EncodePayment)
		case name((*ledgerv1.RefundRecord)(nil)):
			b, err = stored(tx, payments.Refunds, key, payments.EncodeRefund)
		case name((*ledgerv1.DisputeRecord)(nil)):
			b, err = stored(tx, payments.Disputes, key, payments.EncodeDispute)
		case name((*quotingv1.InvoiceRecord)(nil)):
			b, err = stored(tx, quoting.Invoices, key, quoting.EncodeInvoice)
		case name((*quotingv1.QuoteRecord)(nil)):
			b, err = stored(tx, quoting.Quotes, key, quoting.EncodeQuote)
		case name((*quotingv1.RedemptionRecord)(nil)):
			b, err = stored(tx, quoting.Redemptions, key, quoting.EncodeRedemption)
		case name((*ledgerv1.PayoutRecord)(nil)):
			b, err = stored(tx, payments.Payouts, key, payments.EncodePayout)
		}
		if err != nil {
			return nil, err
		}
		records = append(records, b)
	}
	return records, nil
}

func stored[T any](tx *compaction.Tx, t *compaction.Table[T], key string,
	encode func(T) ([]byte, error)) ([]byte, error) {
	v, ok, err := t.Get(tx, key)
	if err != nil || !ok {
		return nil, err
	}
	return encode(v)
}

func same(a, b [][]byte) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) || !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// putBack ends records that were brought back and not changed, as they were ended before.
func (f Final) putBack(tx *compaction.Tx, pointers map[string]ledger.Pointer) {
	for _, r := range f.Records {
		key := compaction.Key(f.Tenant, r.Fact.Subject)
		switch r.Fact.Message {
		case name((*ledgerv1.PaymentRecord)(nil)):
			payments.Payments.Delete(tx, key)
		case name((*ledgerv1.AttemptRecord)(nil)):
			if a, err := payments.DecodeAttempt(r.Fact.Record); err == nil {
				payments.Attempts.Delete(tx,
					payments.AttemptKey(f.Tenant, a.Payment, a.Number))
			}
		case name((*ledgerv1.RefundRecord)(nil)):
			payments.Refunds.Delete(tx, key)
		case name((*ledgerv1.DisputeRecord)(nil)):
			payments.Disputes.Delete(tx, key)
		case name((*quotingv1.InvoiceRecord)(nil)):
			quoting.Invoices.Delete(tx, key)
		case name((*quotingv1.QuoteRecord)(nil)):
			quoting.Quotes.Delete(tx, key)
		case name((*quotingv1.RedemptionRecord)(nil)):
			quoting.Redemptions.Delete(tx, key)
		case name((*ledgerv1.PayoutRecord)(nil)):
			payments.Payouts.Delete(tx, key)
		}
	}
	for key, p := range pointers {
		ledger.Settled.Put(tx, key, p)
	}
}

// settleAgain settles what was brought back and changed, as far as its money was seen.
func (f Final) settleAgain(tx *compaction.Tx) error {
	c := begin(tx, f.Tenant, "settle.again")
	for _, r := range f.Records {
		id := r.Fact.Subject
		switch r.Fact.Message {
		case name((*ledgerv1.PaymentRecord)(nil)):
			p, ok, err := payments.Payments.Get(tx, c.key(id))
			switch {
			case err != nil:
				return err
			case !ok:
			case p.State == payments.Canceled:
				err = c.endPayment(p, "payment.canceled")
			default:
				err = c.settleIfClear(id)
			}
			if err != nil {
				return err
			}
		case name((*quotingv1.InvoiceRecord)(nil)):
			if err := c.endInvoice(id); err != nil {
				return err
			}
		case name((*quotingv1.QuoteRecord)(nil)):
			if err := c.endQuote(id); err != nil {
				return err
			}
		case name((*ledgerv1.PayoutRecord)(nil)):
			p, ok, err := payments.Payouts.Get(tx, c.key(id))
			if err == nil && ok {
				err = c.endPayout(p)
			}
			if err != nil {
				return err
			}
		}
	}
	return c.write()
}
