package quoting

// An InvoiceState is where an invoice stands. The zero InvoiceState is not set. That an invoice is
// overdue or partially paid is derived: see Invoice.
type InvoiceState uint8

// The states of an invoice.
const (
	InvoiceDraft         InvoiceState = iota + 1 // has no number; may be discarded
	InvoiceOpen                                  // to be paid
	InvoicePaid                                  // paid in full
	InvoiceVoid                                  // not to be paid; its number stays
	InvoiceUncollectible                         // not expected to be paid
	invoiceStateEnd
)

var invoiceStateNames = [...]string{"", "draft", "open", "paid", "void", "uncollectible"}

// String returns Stripe's word for s.
func (s InvoiceState) String() string { return nameOf(invoiceStateNames[:], s) }

// Next returns the state that follows s on e, or a *MoveError.
func (s InvoiceState) Next(e InvoiceEvent) (InvoiceState, error) {
	return next(invoiceMoves, "invoice", s, invoiceStateNames[:], e, invoiceEventNames[:])
}

// An InvoiceEvent is what happens to an invoice.
type InvoiceEvent uint8

// The events of an invoice.
const (
	FinalizeEvent InvoiceEvent = iota + 1
	PaidEvent                  // nothing is due any more
	ReopenEvent                // something is due again
	VoidEvent
	UncollectibleEvent
	invoiceEventEnd
)

var invoiceEventNames = [...]string{"", "finalize", "pay", "reopen", "void", "give up"}

// String returns the event's name.
func (e InvoiceEvent) String() string { return nameOf(invoiceEventNames[:], e) }

// An InvoiceMode is which part of a quote an invoice bills. The zero InvoiceMode is not set.
type InvoiceMode uint8

// The modes of an invoice.
const (
	Entire InvoiceMode = iota + 1 // the whole quote
	modeEnd
)

var modeNames = [...]string{"", "entire"}

// String returns the mode's name.
func (m InvoiceMode) String() string { return nameOf(modeNames[:], m) }
