package payments

type move[S, E ~uint8] struct {
	from S
	on   E
}

// moves lists every legal step of a payment. What is absent is refused.
var moves = map[move[State, Event]]State{
	{RequiresPaymentMethod, Act}:       RequiresAction,
	{RequiresPaymentMethod, Process}:   Processing,
	{RequiresPaymentMethod, Authorize}: RequiresCapture,
	{RequiresPaymentMethod, Succeed}:   Succeeded,
	{RequiresPaymentMethod, Decline}:   RequiresPaymentMethod,
	{RequiresPaymentMethod, Cancel}:    Canceled,
	{RequiresPaymentMethod, Expire}:    Expired,
	{RequiresPaymentMethod, Conflict}:  Conflicted,

	{RequiresAction, Process}:   Processing,
	{RequiresAction, Authorize}: RequiresCapture,
	{RequiresAction, Succeed}:   Succeeded,
	{RequiresAction, Decline}:   RequiresPaymentMethod,
	{RequiresAction, Cancel}:    Canceled,
	{RequiresAction, Expire}:    Expired,
	{RequiresAction, Conflict}:  Conflicted,

	// The clock never gives up a payment that a gateway is working on: its outcome is asked for.
	{Processing, Act}:       RequiresAction,
	{Processing, Authorize}: RequiresCapture,
	{Processing, Succeed}:   Succeeded,
	{Processing, Decline}:   RequiresPaymentMethod,
	{Processing, Cancel}:    Canceled,
	{Processing, Conflict}:  Conflicted,

	{RequiresCapture, Succeed}:  Succeeded,
	{RequiresCapture, Decline}:  RequiresPaymentMethod, // the capture failed
	{RequiresCapture, Cancel}:   Canceled,
	{RequiresCapture, Expire}:   Expired,
	{RequiresCapture, Conflict}: Conflicted,

	{Succeeded, Settle}:   Settled,
	{Succeeded, Conflict}: Conflicted,
	{Settled, Reopen}:     Succeeded,

	// Money that comes after a cancellation contradicts the gateway's own word; money that comes
	// after our clock gave up is only late.
	{Canceled, Conflict}: Conflicted,
	{Expired, Succeed}:   Succeeded,
	{Expired, Cancel}:    Canceled,
	{Expired, Conflict}:  Conflicted,

	{Conflicted, Resolve}: Succeeded,
	{Conflicted, Cancel}:  Canceled,
}

// Next returns the state that follows s on e, or a *MoveError.
func (s State) Next(e Event) (State, error) {
	if to, ok := moves[move[State, Event]{s, e}]; ok {
		return to, nil
	}
	return s, &MoveError{"payment", s.String(), e.String()}
}

// refundMoves lists every legal step of a refund: from a state to a state.
var refundMoves = map[[2]RefundState]bool{
	{RefundRequested, RefundPending}:   true,
	{RefundRequested, RefundSucceeded}: true,
	{RefundRequested, RefundFailed}:    true,
	{RefundRequested, RefundCanceled}:  true,
	{RefundPending, RefundSucceeded}:   true,
	{RefundPending, RefundFailed}:      true,
	{RefundPending, RefundCanceled}:    true,
	{RefundSucceeded, RefundFailed}:    true, // the customer's bank sent it back
}

// disputeMoves lists every legal step of a dispute: from a state to a state.
var disputeMoves = map[[2]DisputeState]bool{
	{DisputeNeedsResponse, DisputeUnderReview}: true,
	{DisputeNeedsResponse, DisputeWon}:         true,
	{DisputeNeedsResponse, DisputeLost}:        true, // accepted, or no evidence came in time
	{DisputeUnderReview, DisputeNeedsResponse}: true, // more evidence is wanted
	{DisputeUnderReview, DisputeWon}:           true,
	{DisputeUnderReview, DisputeLost}:          true,
	{DisputeWon, DisputeNeedsResponse}:         true, // reopened before arbitration
	{DisputeWon, DisputeLost}:                  true,
	{DisputeLost, DisputeWon}:                  true, // the customer's bank gave in late
}

// payoutMoves lists every legal step of a payout: from a state to a state.
var payoutMoves = map[[2]PayoutState]bool{
	{PayoutPending, PayoutInTransit}: true,
	{PayoutPending, PayoutPaid}:      true,
	{PayoutPending, PayoutFailed}:    true,
	{PayoutPending, PayoutCanceled}:  true,
	{PayoutInTransit, PayoutPaid}:    true,
	{PayoutInTransit, PayoutFailed}:  true,
	{PayoutPaid, PayoutFailed}:       true, // the bank sent it back
}
