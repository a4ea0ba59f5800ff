package quoting

// A QuoteState is where a version of a quote stands. The zero QuoteState is not set.
type QuoteState uint8

// The states of a version of a quote.
const (
	QuoteDraft            QuoteState = iota + 1 // may be edited
	QuoteIssued                                 // waits for the customer
	QuoteChangesRequested                       // waits for a new version
	QuoteAccepted                               // agreed
	QuoteInvoiced                               // agreed and wholly invoiced
	QuoteDeclined                               // turned down by the customer
	QuoteExpired                                // not answered in time
	QuoteSuperseded                             // has a newer version
	QuoteCancelled                              // withdrawn
	quoteStateEnd
)

var quoteStateNames = [...]string{"", "draft", "issued", "changes_requested", "accepted",
	"invoiced",
	"declined", "expired", "superseded", "cancelled"}

// String returns the state's name.
func (s QuoteState) String() string { return nameOf(quoteStateNames[:], s) }

// Live reports whether a version in s is the quote's live one, of which there is at most one.
func (s QuoteState) Live() bool { return s >= QuoteDraft && s <= QuoteInvoiced }

// Next returns the state that follows s on e, or a *MoveError.
func (s QuoteState) Next(e QuoteEvent) (QuoteState, error) {
	return next(quoteMoves, "quote", s, quoteStateNames[:], e, quoteEventNames[:])
}

// A QuoteEvent is what happens to a version of a quote.
type QuoteEvent uint8

// The events of a version of a quote.
const (
	IssueEvent QuoteEvent = iota + 1
	AcceptEvent
	DeclineEvent
	ExpireEvent
	ChangesEvent
	SupersedeEvent // by a new version
	CancelEvent
	BillEvent   // wholly
	UnbillEvent // an invoice of it is void
	quoteEventEnd
)

var quoteEventNames = [...]string{"", "issue", "accept", "decline", "expire", "request changes to",
	"revise", "cancel", "invoice", "reopen"}

// String returns the event's name.
func (e QuoteEvent) String() string { return nameOf(quoteEventNames[:], e) }

// A Channel is how an answer to a quote came. The zero Channel is not set.
type Channel uint8

// The channels of an answer.
const (
	ByLink   Channel = iota + 1 // the customer's own link
	ByAPI                       // a program
	InPerson                    // written down by the tradesperson on the spot
	ByPhone                     // written down by the tradesperson after a call
	ByEmail                     // by e-mail
	ByPost                      // on paper
	channelEnd
)

var channelNames = [...]string{"", "link", "api", "in_person", "phone", "email", "post"}

// String returns the channel's name.
func (c Channel) String() string { return nameOf(channelNames[:], c) }

// ParseChannel returns the channel of a name, and whether there is one.
func ParseChannel(name string) (Channel, bool) { return parseName[Channel](channelNames[:], name) }
