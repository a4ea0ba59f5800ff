package compaction

import (
	"time"

	"google.golang.org/protobuf/proto"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// An EffectState is where an effect stands.
type EffectState uint8

// The states of an effect: Waiting has not begun or waits for its next attempt; Begun has an
// attempt under way, or one whose end was never seen; Unknown has an attempt whose outcome must be
// asked for; Dead was given up and waits for a person.
const (
	EffectWaiting EffectState = iota + 1
	EffectBegun
	EffectUnknown
	EffectDead
)

// String returns the state's name, "?" for a number that names none.
func (s EffectState) String() string {
	names := [...]string{"?", "waiting", "begun", "unknown", "dead"}
	if int(s) >= len(names) {
		s = 0
	}
	return names[s]
}

// An Effect is something outside the shard that a committed change wants done: a gateway call, a
// command to another shard. Its record is written in the same append as the change, and ended when
// the effect is done. Times are in UTC.
type Effect struct {
	Tenant    string
	ID        string // unique within the tenant; also the key under which it is done once
	Kind      string // chooses who performs it
	Aggregate string // effects of one aggregate are performed in order
	Payload   []byte
	State     EffectState
	Attempt   int // the attempt that last began; 0 is none
	Due       time.Time
	Created   time.Time
	Began     time.Time // when the first attempt began; zero is never
	LastError string    // a class of failure, never a text from outside
	Sequence  uint64    // order within the tenant
}

// Outbox holds the effects that are not done, under Key(tenant, effect). Its index "aggregate"
// orders them within their aggregate, its index "due" by when they are to be looked at, over all
// tenants of a shard.
var Outbox = NewTable(TableSpec[Effect]{
	Message: (*compactionv1.OutboxRecord)(nil),
	Encode:  encodeEffect,
	Decode:  decodeEffect,
	Indexes: []Index[Effect]{
		{Name: "aggregate", Keys: func(_ string, e Effect) []string {
			return []string{Key(e.Tenant, e.Aggregate, sortable(e.Sequence))}
		}},
		{Name: "due", Keys: func(_ string, e Effect) []string {
			if e.State == EffectDead {
				return nil
			}
			return []string{sortable(uint64(nanoseconds(e.Due)))}
		}},
		{Name: "dead", Keys: func(_ string, e Effect) []string {
			if e.State != EffectDead {
				return nil
			}
			return []string{Key(e.Tenant, sortable(e.Sequence))}
		}},
	},
})

// Emit writes an effect after those the tenant wanted before it. The command sets Tenant, ID, Kind,
// Aggregate and Payload, and Due if that is not now. An effect of the same ID is replaced.
func Emit(tx *Tx, e Effect) error {
	n, err := NextNumber(tx, e.Tenant, "effects")
	if err != nil {
		return err
	}
	e.State, e.Sequence, e.Created = EffectWaiting, n, tx.now
	if e.Due.IsZero() {
		e.Due = tx.now
	}
	Outbox.Put(tx, Key(e.Tenant, e.ID), e)
	return nil
}

// sortable writes n so that texts sort as the numbers do.
func sortable(n uint64) string {
	const digits = 20
	var b [digits]byte
	for i := digits - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:])
}

func encodeEffect(e Effect) ([]byte, error) {
	return proto.Marshal(&compactionv1.OutboxRecord{
		Tenant: e.Tenant, Id: e.ID, Kind: e.Kind, Aggregate: e.Aggregate, Payload: e.Payload,
		Attempt: uint32(e.Attempt), State: compactionv1.OutboxState(e.State),
		DueUnixNano: nanoseconds(e.Due), CreatedUnixNano: nanoseconds(e.Created),
		BeganUnixNano: nanoseconds(e.Began), LastError: e.LastError, Sequence: e.Sequence,
	})
}

func decodeEffect(b []byte) (Effect, error) {
	var m compactionv1.OutboxRecord
	err := proto.Unmarshal(b, &m)
	state := Enum[EffectState](m.State, &err)
	if err != nil {
		return Effect{}, err
	}
	return Effect{
		Tenant: m.Tenant, ID: m.Id, Kind: m.Kind, Aggregate: m.Aggregate, Payload: m.Payload,
		Attempt: int(m.Attempt), State: state, Due: instant(m.DueUnixNano),
		Created: instant(m.CreatedUnixNano), Began: instant(m.BeganUnixNano),
		LastError: m.LastError, Sequence: m.Sequence,
	}, nil
}

// instant is the inverse of nanoseconds.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
