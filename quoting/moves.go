package quoting

import "fmt"

type move[S, E ~uint8] struct {
	from S
	on   E
}

// quoteMoves lists every legal step of a version of a quote. What is absent is refused.
var quoteMoves = map[move[QuoteState, QuoteEvent]]QuoteState{
	{QuoteDraft, IssueEvent}:  QuoteIssued,
	{QuoteDraft, CancelEvent}: QuoteCancelled,

	{QuoteIssued, AcceptEvent}:    QuoteAccepted,
	{QuoteIssued, DeclineEvent}:   QuoteDeclined,
	{QuoteIssued, ExpireEvent}:    QuoteExpired,
	{QuoteIssued, ChangesEvent}:   QuoteChangesRequested,
	{QuoteIssued, SupersedeEvent}: QuoteSuperseded,
	{QuoteIssued, CancelEvent}:    QuoteCancelled,

	{QuoteChangesRequested, SupersedeEvent}: QuoteSuperseded,
	{QuoteChangesRequested, DeclineEvent}:   QuoteDeclined,
	{QuoteChangesRequested, CancelEvent}:    QuoteCancelled,

	{QuoteAccepted, BillEvent}:   QuoteInvoiced,
	{QuoteAccepted, CancelEvent}: QuoteCancelled, // as long as nothing of it is billed

	{QuoteInvoiced, UnbillEvent}: QuoteAccepted, // its invoice is void
}

// redemptionMoves lists every legal step of a redemption.
var redemptionMoves = map[move[RedemptionState, RedemptionEvent]]RedemptionState{
	{Reserved, RedeemEvent}:  Redeemed,
	{Reserved, ReleaseEvent}: Released,
	{Redeemed, RestoreEvent}: Restored,
}

// invoiceMoves lists every legal step of an invoice.
var invoiceMoves = map[move[InvoiceState, InvoiceEvent]]InvoiceState{
	{InvoiceDraft, FinalizeEvent}: InvoiceOpen,

	{InvoiceOpen, PaidEvent}:          InvoicePaid,
	{InvoiceOpen, VoidEvent}:          InvoiceVoid,
	{InvoiceOpen, UncollectibleEvent}: InvoiceUncollectible,

	{InvoicePaid, ReopenEvent}: InvoiceOpen, // a payment was taken back

	{InvoiceUncollectible, PaidEvent}: InvoicePaid, // paid after all
	{InvoiceUncollectible, VoidEvent}: InvoiceVoid,
}

// A MoveError refuses an event that the state of a quote, a redemption or an invoice does not
// allow.
type MoveError struct {
	Subject string // "quote", "redemption", "invoice"
	From    string // the state's name
	On      string // what was to be done
}

// Error names the state and what was to be done.
func (e *MoveError) Error() string {
	return fmt.Sprintf("the %s is %s: cannot %s it", e.Subject, e.From, e.On)
}

// next returns the state that follows by a table, or a *MoveError.
func next[S, E ~uint8](
	table map[move[S, E]]S, subject string, s S, states []string, e E, events []string,
) (S, error) {
	if to, ok := table[move[S, E]{s, e}]; ok {
		return to, nil
	}
	return s, &MoveError{subject, nameOf(states, s), nameOf(events, e)}
}
