package ledger

import (
	"crypto/sha256"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// HashSize is the size of the hashes that chain the journal.
const HashSize = sha256.Size

// Journal is every posting and every fact, for ever. Entries are numbered from 1 in each shard and
// each holds the SHA-256 of the stored bytes of the one before. The history store has a row for
// each side of each posting in it; see History.
var Journal = compaction.NewStream(compaction.StreamSpec{
	Message:  (*ledgerv1.JournalEntry)(nil),
	Sequence: Sequence,
	Project:  project,
})

// An Entry is what one command changed in the books, and the facts it established.
type Entry struct {
	Shard        int
	Sequence     uint64 // from 1, without a gap
	PreviousHash [HashSize]byte
	At           time.Time
	Tenant       string
	Kind         string // of the command: "transactions", "payment.settle"
	Transactions []Posted
	Facts        []Fact
	Closed       []ClosedAccount // ephemeral accounts that ended with the entry
}

// A Fact is something that a command established, and the record of what it is about as it then
// was. Facts are numbered by their entries: of the facts about one subject the last one counts.
type Fact struct {
	Kind    string // what happened: "payment.settled"
	Subject string // the id of what it happened to
	Message string // the full name of the record's message
	Record  []byte // the stored form
}

// A ClosedAccount names an account that ended.
type ClosedAccount struct {
	Account  AccountID
	Currency money.Currency
}

// Kinds of entries that this package writes. Other packages name their own.
const (
	KindTransactions = "transactions"
	KindHeld         = "held"
	KindHeldPosted   = "held.posted"
	KindHeldVoided   = "held.voided"
	KindHeldExpired  = "held.expired"
	KindConfigured   = "account.configured" // also of the fact that holds the account's record
)

// chain appends an entry to the journal and makes it the head, in the append of the command.
func chain(tx *compaction.Tx, head Head, e *Entry) {
	e.PreviousHash = head.Hash
	stored := encodeEntry(e)
	Journal.Append(tx, e.Tenant, stored)
	Heads.Put(tx, HeadKey, Head{e.Sequence, sha256.Sum256(stored)})
}
