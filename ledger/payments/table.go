package payments

import (
	"time"

	"github.com/quittance/quittance/compaction"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// Payments holds the open payments under Key(tenant, payment). Its indexes read
// "tenant/state/payment", of their Status, "tenant/invoice/payment" and
// "tenant/gateway/gateway's id".
//
// A payment whose time is over, and that no gateway is working on, expires by itself. Its gateway
// is then asked to cancel it, and what the gateway answers ends it.
var Payments = compaction.NewTable(compaction.TableSpec[Payment]{
	Message: (*ledgerv1.PaymentRecord)(nil),
	Encode:  EncodePayment,
	Decode:  DecodePayment,
	Indexes: []compaction.Index[Payment]{
		{Name: "state", Keys: func(_ string, p Payment) []string {
			return []string{compaction.Key(p.Tenant, p.Status().String(), p.ID)}
		}},
		{Name: "invoice", Keys: func(_ string, p Payment) []string {
			return keyIf(p.Invoice, p.Tenant, p.Invoice, p.ID)
		}},
		{Name: "gateway", Keys: func(_ string, p Payment) []string {
			return keyIf(p.GatewayID, p.Tenant, p.Gateway, p.GatewayID)
		}},
	},
	Due: func(_ string, p Payment) time.Time {
		if p.State.Open() && p.State != Processing {
			return p.Expires
		}
		return time.Time{}
	},
})

func init() { Payments.OnDue(expire) }

// expire gives up a payment, and asks the gateway to do so: it may have money of it after all.
func expire(tx *compaction.Tx, key string, p Payment) error {
	p, err := p.Move(Expire, tx.Now())
	if err != nil {
		return err
	}
	Payments.Put(tx, key, p)
	e, err := p.CancelEffect()
	if err != nil {
		return err
	}
	return compaction.Emit(tx, e)
}

// Attempts holds the attempts of the open payments under Key(tenant, payment, number): see
// AttemptKey.
var Attempts = compaction.NewTable(compaction.TableSpec[Attempt]{
	Message: (*ledgerv1.AttemptRecord)(nil),
	Encode:  EncodeAttempt,
	Decode:  DecodeAttempt,
})

// AttemptKey is the key of a payment's attempt. Keys of a payment sort by number.
func AttemptKey(tenant, payment string, number int) string {
	return compaction.Key(tenant, payment, attemptNumber(number))
}

// Refunds holds the open refunds under Key(tenant, refund). Its indexes read
// "tenant/payment/refund", "tenant/state/refund" and "tenant/gateway/gateway's id".
var Refunds = compaction.NewTable(compaction.TableSpec[Refund]{
	Message: (*ledgerv1.RefundRecord)(nil),
	Encode:  EncodeRefund,
	Decode:  DecodeRefund,
	Indexes: []compaction.Index[Refund]{
		{Name: "payment", Keys: func(_ string, r Refund) []string {
			return []string{compaction.Key(r.Tenant, r.Payment, r.ID)}
		}},
		{Name: "state", Keys: func(_ string, r Refund) []string {
			return []string{compaction.Key(r.Tenant, r.State.String(), r.ID)}
		}},
		{Name: "gateway", Keys: func(_ string, r Refund) []string {
			return keyIf(r.GatewayID, r.Tenant, r.Gateway, r.GatewayID)
		}},
	},
})

// Disputes holds the open disputes under Key(tenant, dispute). Its indexes read
// "tenant/payment/dispute", "tenant/state/dispute" and "tenant/gateway/gateway's id".
var Disputes = compaction.NewTable(compaction.TableSpec[Dispute]{
	Message: (*ledgerv1.DisputeRecord)(nil),
	Encode:  EncodeDispute,
	Decode:  DecodeDispute,
	Indexes: []compaction.Index[Dispute]{
		{Name: "payment", Keys: func(_ string, d Dispute) []string {
			return []string{compaction.Key(d.Tenant, d.Payment, d.ID)}
		}},
		{Name: "state", Keys: func(_ string, d Dispute) []string {
			return []string{compaction.Key(d.Tenant, d.State.String(), d.ID)}
		}},
		{Name: "gateway", Keys: func(_ string, d Dispute) []string {
			return keyIf(d.GatewayID, d.Tenant, d.Gateway, d.GatewayID)
		}},
	},
})

// Payouts holds the open payouts under Key(tenant, payout), the tenant being the one that holds
// the gateway's account. Its indexes read "tenant/state/payout" and "tenant/gateway/gateway's id".
var Payouts = compaction.NewTable(compaction.TableSpec[Payout]{
	Message: (*ledgerv1.PayoutRecord)(nil),
	Encode:  EncodePayout,
	Decode:  DecodePayout,
	Indexes: []compaction.Index[Payout]{
		{Name: "state", Keys: func(_ string, p Payout) []string {
			return []string{compaction.Key(p.Tenant, p.State.String(), p.ID)}
		}},
		{Name: "gateway", Keys: func(_ string, p Payout) []string {
			return keyIf(p.GatewayID, p.Tenant, p.Gateway, p.GatewayID)
		}},
	},
})

// PayoutLines holds the lines of the open payouts under Key(tenant, payout, line). Its index
// "state" reads "tenant/state/payout/line".
var PayoutLines = compaction.NewTable(compaction.TableSpec[PayoutLine]{
	Message: (*ledgerv1.PayoutLineRecord)(nil),
	Encode:  EncodePayoutLine,
	Decode:  DecodePayoutLine,
	Indexes: []compaction.Index[PayoutLine]{
		{Name: "state", Keys: func(_ string, l PayoutLine) []string {
			return []string{compaction.Key(l.Tenant, l.State.String(), l.Payout, l.ID)}
		}},
	},
})

// Tables returns what the package keeps, for the program's schema.
func Tables() []compaction.Definition {
	return []compaction.Definition{Payments, Attempts, Refunds, Disputes, Payouts, PayoutLines}
}

// keyIf returns the key as the only text of an index, or none where what it is about is not known.
func keyIf(known, tenant string, parts ...string) []string {
	if known == "" {
		return nil
	}
	return []string{compaction.Key(tenant, parts...)}
}
