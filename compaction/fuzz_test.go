package compaction

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// engineRecords are the tables of the engine itself, with the messages that they store.
var engineRecords = []struct {
	d       *topicDefinition
	message proto.Message
}{
	{&Counters.d, &compactionv1.CounterRecord{}},
	{&Answers.d, &compactionv1.IdempotencyRecord{}},
	{&Outbox.d, &compactionv1.OutboxRecord{}},
}

// FuzzDecode holds that bytes of any kind are a record of the engine, the state of a store or
// positions, and then are written again with bytes that say the same, or are refused whole.
func FuzzDecode(f *testing.F) {
	for i, r := range engineRecords {
		b, err := os.ReadFile(filepath.Join("testdata", "golden", r.d.topic.Name+".bin"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), b)
	}
	at := Positions{{"quittance.accounts.v1", 7}, {"quittance.journal.v1", 1 << 40}}
	state := storeState{fingerprint: 1, log: "log", group: 77, stamp: time.Unix(7, 8),
		reached: time.Unix(9, 0), background: true, positions: at, whole: 76,
		kept: mark{"quittance.journal.v1", 6, 76, 7, 8}}
	f.Add(byte(len(engineRecords)), state.encode(nil))
	f.Add(byte(len(engineRecords)+1), append(at.AppendBinary(nil), "rest"...))
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		switch i := int(which) % (len(engineRecords) + 2); i {
		case len(engineRecords):
			checkStoreState(t, b)
		case len(engineRecords) + 1:
			checkPositions(t, b)
		default:
			checkRecord(t, engineRecords[i].d, engineRecords[i].message, b)
		}
	})
}

func checkRecord(t *testing.T, d *topicDefinition, m proto.Message, b []byte) {
	v, err := d.decode(b)
	if err != nil {
		if err.Error() == "" || !reflect.ValueOf(v).IsZero() {
			t.Errorf("%s: %x is refused (%v), and gives %+v", d.topic.Name, b, err, v)
		}
		return
	}
	stored, err := d.encode(v)
	if err != nil {
		t.Fatalf("%s: %+v is not written again: %v", d.topic.Name, v, err)
	}
	known := proto.UnmarshalOptions{DiscardUnknown: true}
	was, is := m.ProtoReflect().New().Interface(), m.ProtoReflect().New().Interface()
	if err := known.Unmarshal(b, was); err != nil {
		t.Fatal(err)
	}
	if err := known.Unmarshal(stored, is); err != nil || !proto.Equal(was, is) {
		t.Errorf("%s: %v became %v, %v", d.topic.Name, was, is, err)
	}
}

func checkStoreState(t *testing.T, b []byte) {
	state, err := decodeStoreState(b)
	if err != nil {
		if !reflect.ValueOf(state).IsZero() {
			t.Errorf("%x is refused (%v), and gives %+v", b, err, state)
		}
		return
	}
	again, err := decodeStoreState(state.encode(nil))
	if err != nil || !reflect.DeepEqual(again, state) {
		t.Errorf("%+v became %+v, %v", state, again, err)
	}
}

func checkPositions(t *testing.T, b []byte) {
	p, rest, err := DecodePositions(b)
	if err != nil {
		if p != nil || rest != nil {
			t.Errorf("%x is refused (%v), and gives %v and %x", b, err, p, rest)
		}
		return
	}
	if !bytes.HasSuffix(b, rest) {
		t.Errorf("%x is not what follows in %x", rest, b)
	}
	for _, q := range p {
		if q.Next < 0 {
			t.Errorf("%x has the place %d in %q", b, q.Next, q.Topic)
		}
	}
	again, none, err := DecodePositions(p.AppendBinary(nil))
	if err != nil || len(none) > 0 || !reflect.DeepEqual(again, p) {
		t.Errorf("%v became %v and %x, %v", p, again, none, err)
	}
}

// A state that does not fit was cut to its lowest bits: an effect of state 257 was read as one that
// waits, and performed.
func TestEffectOfStrangeState(t *testing.T) {
	for _, n := range []compactionv1.OutboxState{257, -255} {
		b, err := proto.Marshal(&compactionv1.OutboxRecord{Id: "eff_1", State: n})
		if err != nil {
			t.Fatal(err)
		}
		if e, err := decodeEffect(b); err == nil || e.ID != "" {
			t.Errorf("state %d: got %+v, %v, want an error and nothing else", n, e, err)
		}
	}
	b, err := proto.Marshal(&compactionv1.OutboxRecord{State: 9})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := decodeEffect(b); err != nil || e.State != 9 {
		t.Errorf("a state of a later version: got %d, %v", e.State, err)
	}
}

// Bytes behind a store's state were passed over, and with its positions cut off the state came
// beside the error.
func TestStoreStateWhole(t *testing.T) {
	state := storeState{fingerprint: 1, log: "log", group: 7, positions: Positions{{"t", 3}}}
	whole := state.encode(nil)
	for _, b := range [][]byte{append(whole[:len(whole):len(whole)], 0), whole[:len(whole)-1]} {
		if state, err := decodeStoreState(b); err == nil || state.log != "" || state.group != 0 {
			t.Errorf("%x: got %+v, %v, want an error and nothing else", b, state, err)
		}
	}
}

// An offset of more than 63 bits was read as one before the beginning.
func TestPositionsTooFar(t *testing.T) {
	b := Positions{{"t", -1}}.AppendBinary(nil)
	if p, _, err := DecodePositions(b); err == nil {
		t.Errorf("got %v, want an error", p)
	}
}
