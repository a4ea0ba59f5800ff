package gateways

import (
	"context"
	"errors"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
)

// A Tell is what the books of one tenant have to tell those of another, in a form that can go from
// process to process. Telling it twice changes nothing: a payout line is applied once by its id,
// and what is said of a dispute are totals.
type Tell struct {
	Tenant  string // whose books are told
	Kind    string // payments.EffectPayoutLine or payments.EffectDisputeFind
	Payload []byte
}

// Elsewhere reaches the books of tenants whose shards other processes own.
type Elsewhere interface {
	// Tell has a message written to the books of its tenant, by Books.Take where they are kept, and
	// returns the code that they answer. It is written when Tell returns; after an error it may be,
	// and is to be told again. An error that is compaction.ErrNotServing says that the books could
	// not be reached; any other, that they refused.
	Tell(ctx context.Context, t Tell) (code string, err error)
}

// ErrTell refuses a message to the books of another tenant that cannot be read.
var ErrTell = errors.New("the message to the books cannot be read")

// Take writes what is told to the books of a tenant that an engine serves, and returns the code
// that they answer. It fails with ErrTell, with what the books refuse, and with the engine's
// errors.
func (b Books) Take(ctx context.Context, engine Engine, t Tell) (code string, err error) {
	apply, err := b.told(t)
	if err != nil {
		return "", errors.Join(ErrTell, err)
	}
	_, err = engine.Do(ctx, compaction.Command{Tenant: t.Tenant,
		Decide: func(tx *compaction.Tx) (_ compaction.Answer, err error) {
			code, err = apply(tx)
			return compaction.Answer{}, err
		}})
	return code, err
}

// told returns what a message does to the books that are told.
func (b Books) told(t Tell) (func(tx *compaction.Tx) (code string, err error), error) {
	switch t.Kind {
	case payments.EffectPayoutLine:
		n, err := payments.DecodeLine(t.Payload)
		if err == nil && n.Line.Owner != t.Tenant {
			err = errors.New("gateways: a line of another tenant")
		}
		return func(tx *compaction.Tx) (string, error) { return b.ApplyPayoutLine(tx, n) }, err
	case payments.EffectDisputeFind:
		payment, f, err := decodeDispute(t.Payload)
		return func(tx *compaction.Tx) (string, error) {
			return "", b.ApplyDispute(tx, t.Tenant, payment, f)
		}, err
	}
	return nil, errors.New("gateways: there is no message of kind " + t.Kind)
}

// tell has something written to the books of another tenant, wherever they are kept. A refusal may
// pass: what it depends on may still be on its way.
func (b Books) tell(ctx context.Context, engine Engine, gateway string, t Tell) (string, error) {
	code, err := b.Take(ctx, engine, t)
	if errors.Is(err, compaction.ErrNotServing) && b.Elsewhere != nil {
		code, err = b.Elsewhere.Tell(ctx, t)
	}
	switch {
	case err == nil:
		return code, nil
	case errors.Is(err, ErrTell):
		return "", &Error{Class: Permanent, Gateway: gateway, Code: "payload"}
	case engineFailed(err) || ctx.Err() != nil:
		return "", &Error{Class: Transient, Gateway: gateway, Code: "not_serving"}
	default:
		return "", &Error{Class: Transient, Gateway: gateway, Code: "refused"}
	}
}
