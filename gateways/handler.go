package gateways

import (
	"context"

	"github.com/quittance/quittance/compaction"
)

// A Handler performs the effects of one kind. Its methods may be called concurrently, but never
// for two effects of one aggregate at a time.
type Handler interface {
	// Perform does what the effect wants, once whatever happens: with the same Call.Key it may be
	// called again after an outcome that is not known. It returns what follows from the outcome.
	// Its errors are classed: see ClassOf.
	Perform(ctx context.Context, e compaction.Effect, c Call) (Outcome, error)
}

// An Outcome writes what follows from what was done. It runs in the command that ends the effect,
// so that both are committed or neither: an effect that is performed again has its outcome written
// once. An error is a refusal: the effect is dead until a person looks at it.
type Outcome func(tx *compaction.Tx) error

// Nothing is the Outcome of an effect from which nothing follows.
func Nothing(*compaction.Tx) error { return nil }

// A Beginner is a Handler that writes something when an attempt begins, in the command that
// commits the beginning. ErrObsolete ends the effect without performing it.
type Beginner interface {
	// Begin writes what is to be known before the call.
	Begin(tx *compaction.Tx, e compaction.Effect) error
}

// A Resolver is a Handler that can ask what became of an attempt whose end was not seen. One that
// is none is performed again.
type Resolver interface {
	// Resolve asks, and changes nothing at the gateway. An error of class Absent says that what
	// the effect wants had not happened when it was asked.
	Resolve(ctx context.Context, e compaction.Effect, c Call) (Outcome, error)
	// Lost returns what follows from the effect having certainly not happened.
	Lost(e compaction.Effect, c Call) (Outcome, error)
}

// A Failer is a Handler that writes something when an attempt has failed, in the command that
// commits the failure.
type Failer interface {
	// Fail writes what is to be known after an attempt of this class of failure.
	Fail(tx *compaction.Tx, e compaction.Effect, class Class) error
}
