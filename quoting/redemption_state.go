package quoting

// A RedemptionState is where a redemption stands. The zero RedemptionState is not set.
type RedemptionState uint8

// The states of a redemption. Reserved and redeemed ones count against the promotion's limits.
const (
	Reserved RedemptionState = iota + 1 // waits for the payment
	Redeemed                            // paid for
	Released                            // given back before it was redeemed
	Restored                            // given back after it was redeemed
	redemptionStateEnd
)

var redemptionStateNames = [...]string{"", "reserved", "redeemed", "released", "restored"}

// String returns the state's name.
func (s RedemptionState) String() string { return nameOf(redemptionStateNames[:], s) }

// Next returns the state that follows s on e, or a *MoveError.
func (s RedemptionState) Next(e RedemptionEvent) (RedemptionState, error) {
	return next(redemptionMoves, "redemption", s, redemptionStateNames[:], e, redemptionEventNames[:])
}

// A RedemptionEvent is what happens to a redemption.
type RedemptionEvent uint8

// The events of a redemption.
const (
	RedeemEvent RedemptionEvent = iota + 1
	ReleaseEvent
	RestoreEvent
	redemptionEventEnd
)

var redemptionEventNames = [...]string{"", "redeem", "release", "restore"}

// String returns the event's name.
func (e RedemptionEvent) String() string { return nameOf(redemptionEventNames[:], e) }
