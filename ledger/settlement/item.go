package settlement

import (
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// The categories of items, as Stripe reports them where it has a word.
const (
	CategoryCharge          = "charge"
	CategoryRefund          = "refund"
	CategoryRefundFailure   = "refund_failure"
	CategoryDispute         = "dispute"
	CategoryDisputeReversal = "dispute_reversal"
	CategoryFee             = "fee"
	CategoryPayoutFailure   = "payout_reversal"
	CategoryOther           = "other_adjustment"
)

// FactItem is the kind of the facts that hold items; their subject is the item's id.
const FactItem = "reconciliation.item"

// An Item is one movement that was seen at the bank, with what it belongs to: a row of the
// reconciliation report. Its amounts are in one currency.
type Item struct {
	ID             string // the payout line or the statement entry
	Tenant         string
	Category       string
	Gross          money.Amount // below zero for money going out
	Fee            money.Amount
	Net            money.Amount // Gross less Fee
	Gateway        string
	Method         string
	Source         string // the gateway's id of what moved
	GatewayPayment string
	Payment        string // empty where it belongs to no payment
	Refund         string
	Dispute        string
	Payout         string // empty for money that no gateway paid out
	GatewayPayout  string
	StatementEntry string // empty for a payout's
	Invoice        string
	InvoiceNumber  string
	Quote          string
	Customer       string
	Payable        money.Amount // of the whole invoice
	Tax            money.Amount // of the whole invoice
	Promotion      money.Amount // off the whole invoice, its tax not counted
	Created        time.Time    // by the gateway, or when the bank booked it
	Available      time.Time    // when the money was at the bank
	Settled        time.Time    // when the books saw it
	Match          Match
}
