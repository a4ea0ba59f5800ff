package reconciliation

import (
	"strings"
	"time"

	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/settlement"
)

// The records a row can be: the first column.
const (
	RecordSettled = "settled" // a movement that was seen at the bank
	RecordOpen    = "open"    // an expectation that was not seen, or needs a person
	RecordTotal   = "total"   // the sum of the settled rows of a currency
)

// columns are the names of the cells of a row, in their order. Names that Stripe's report has mean
// what they mean there; invoice_payable, invoice_tax and invoice_promotion are those of the whole
// invoice, and are the same in each row of it.
var columns = []string{
	"record", "status", "reporting_category", "automatic_payout_id",
	"automatic_payout_effective_at_utc", "balance_transaction_id", "created_utc",
	"available_on_utc", "currency", "gross", "fee", "net", "source_id", "charge_id",
	"payment_intent_id", "payment_method_type", "customer_id", "payment_id", "refund_id",
	"dispute_id", "invoice_id", "invoice_number", "quote_id", "statement_entry_id",
	"invoice_payable", "invoice_tax", "invoice_promotion", "settled_utc",
}

// A Row is one line of the report.
type Row struct {
	Record string // RecordSettled, RecordOpen or RecordTotal
	Status string // how it was matched: "auto", "manual", "forced"; of an open one, its status
	Item   settlement.Item
}

// cells returns the row's cells. Texts that a spreadsheet would take for a formula, because they
// begin with =, +, -, @, a tab or a line's end, get an apostrophe before them; amounts do not.
func (r Row) cells() []string {
	i := r.Item
	balanceTransaction, charge := "", ""
	if i.StatementEntry == "" && r.Record == RecordSettled {
		balanceTransaction = i.ID
	}
	if i.Category == settlement.CategoryCharge && i.GatewayPayment != "" {
		charge = i.Source
	}
	effective := ""
	if i.Payout != "" {
		effective = moment(i.Available)
	}
	return []string{
		r.Record, r.Status, i.Category, text(i.GatewayPayout), effective,
		text(balanceTransaction), moment(i.Created), moment(i.Available),
		i.Gross.Currency().String(), i.Gross.String(), i.Fee.String(), i.Net.String(),
		text(i.Source), text(charge), text(i.GatewayPayment), text(i.Method), text(i.Customer),
		text(i.Payment), text(i.Refund), text(i.Dispute), text(i.Invoice), text(i.InvoiceNumber),
		text(i.Quote), text(i.StatementEntry), known(i.Payable, i.Invoice),
		known(i.Tax, i.Invoice), known(i.Promotion, i.Invoice), moment(i.Settled),
	}
}

// moment writes a time as Stripe's reports do, in UTC; nothing for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// known writes an amount of an invoice, nothing where there is none.
func known(a money.Amount, invoice string) string {
	if invoice == "" {
		return ""
	}
	return a.String()
}

// text keeps a cell from being a formula.
func text(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
