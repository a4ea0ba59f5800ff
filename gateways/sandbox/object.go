package sandbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	gatewaysv1 "github.com/quittance/quittance/gateways/v1"
)

// books is the tenant of the sandbox's own log: it has one set of books.
const books = "sandbox"

// An Object is a record of the sandbox.
type Object struct {
	Kind     string // Stripe's word: "payment_intent", "payout"
	ID       string
	JSON     []byte    // as clients see it
	Sequence uint64    // order of creation
	Parent   string    // what it is listed under beside its kind, empty for nothing
	Send     time.Time // of an event: when it is next sent; zero is never
	Sent     int       // of an event: how often it was sent
	Copies   int       // of an event: how often it is sent in all
	Due      time.Time // when it moves on by itself, or may be forgotten; zero is never
}

// Objects holds everything the sandbox knows, under Key("sandbox", id). Its indexes read
// "sandbox/kind/sequence", "sandbox/kind/parent/sequence" and, for events to send, their time.
var Objects = compaction.NewTable(compaction.TableSpec[Object]{
	Message: (*gatewaysv1.SandboxObjectRecord)(nil),
	Encode:  encodeObject,
	Decode:  decodeObject,
	Indexes: []compaction.Index[Object]{
		{Name: "kind", Keys: func(_ string, o Object) []string {
			return []string{compaction.Key(books, o.Kind, place(o.Sequence))}
		}},
		{Name: "parent", Keys: func(_ string, o Object) []string {
			if o.Parent == "" {
				return nil
			}
			return []string{compaction.Key(books, o.Kind, o.Parent, place(o.Sequence))}
		}},
		{Name: "send", Keys: func(_ string, o Object) []string {
			if o.Send.IsZero() {
				return nil
			}
			return []string{place(uint64(o.Send.UnixNano()))}
		}},
	},
	Due: func(_ string, o Object) time.Time { return o.Due },
})

func init() { Objects.OnDue(due) }

// due moves payouts on and forgets what need not be remembered any longer.
func due(tx *compaction.Tx, key string, o Object) error {
	if o.Kind == kindPayout {
		return arrive(tx, o)
	}
	Objects.Delete(tx, key)
	return nil
}

// place writes a number so that texts sort as the numbers do.
func place(n uint64) string { return fmt.Sprintf("%020d", n) }

func get(s compaction.State, id string) (Object, bool, error) {
	if id == "" || len(id) > 100 || strings.ContainsFunc(id, notInID) {
		return Object{}, false, nil
	}
	return Objects.Get(s, compaction.Key(books, id))
}

// notInID reports whether a character is in no id: keys are made of ids.
func notInID(r rune) bool {
	return !(r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' ||
		r >= 'A' && r <= 'Z')
}

// load reads the object of an id and a kind into v. It is false where there is none.
func load(s compaction.State, kind, id string, v any) (Object, bool, error) {
	o, ok, err := get(s, id)
	if err != nil || !ok || o.Kind != kind {
		return Object{}, false, err
	}
	return o, true, json.Unmarshal(o.JSON, v)
}

// save writes an object that was loaded or made, with v as what clients see.
func save(tx *compaction.Tx, o Object, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	o.JSON = b
	Objects.Put(tx, compaction.Key(books, o.ID), o)
	return nil
}

// create makes a new object. Its id is the prefix, the name of these books, and a number.
func create(tx *compaction.Tx, kind, prefix string) (Object, error) {
	n, err := compaction.NextNumber(tx, books, "objects")
	if err != nil {
		return Object{}, err
	}
	named, _, err := get(tx, bookID)
	if err != nil {
		return Object{}, err
	}
	return Object{Kind: kind, Sequence: n,
		ID: fmt.Sprintf("%s_%s%08d", prefix, named.Parent, n)}, nil
}

// bookID is the object whose Parent names these books, so that ids of other books are not theirs.
const bookID = "book"

// The kinds of objects.
const (
	kindIntent  = "payment_intent"
	kindCharge  = "charge"
	kindRefund  = "refund"
	kindDispute = "dispute"
	kindBalance = "balance_transaction"
	kindPayout  = "payout"
	kindEvent   = "event"
	kindAnswer  = "idempotency_key"
	kindBook    = "book"
)
