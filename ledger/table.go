package ledger

import (
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// Accounts holds what is on each account, under AccountKey. Only the functions of this package
// write it. The accounts of a tenant sort by name, then by currency.
var Accounts = compaction.NewTable(compaction.TableSpec[Account]{
	Message: (*ledgerv1.AccountRecord)(nil),
	Encode:  EncodeAccount,
	Decode:  DecodeAccount,
	Cached:  true,
})

// AccountKey is the key of an account in one currency: "acme/revenue/EUR".
func AccountKey(tenant string, id AccountID, c money.Currency) string {
	return compaction.Key(tenant, string(id), c.String())
}

// AccountsPrefix is what the keys of all accounts of a tenant begin with; with an account id, those
// of the account in each currency.
func AccountsPrefix(tenant string, id ...AccountID) string {
	prefix := tenant + "/"
	for _, id := range id {
		prefix += string(id) + "/"
	}
	return prefix
}

// Balances returns an account in each of its currencies, sorted by currency: none for an account
// that does not exist.
func Balances(s compaction.State, tenant string, id AccountID) ([]Account, error) {
	rows, err := Accounts.Scan(s, compaction.Page{Prefix: AccountsPrefix(tenant, id)})
	if err != nil {
		return nil, err
	}
	var accounts []Account
	for _, r := range rows {
		accounts = append(accounts, r.Value)
	}
	return accounts, nil
}

// Holds has the transactions whose amounts are held, under Key(tenant, transaction). When its time
// is over the amounts are let go.
var Holds = compaction.NewTable(compaction.TableSpec[Held]{
	Message: (*ledgerv1.HeldRecord)(nil),
	Encode:  encodeHeld,
	Decode:  decodeHeld,
	Due:     func(_ string, h Held) time.Time { return h.Expires },
})

// ReferenceRetention is how long a reference is kept from being used twice.
const ReferenceRetention = 2 * 365 * 24 * time.Hour

// A Reference says which transaction has it and until when.
type Reference struct {
	Transaction string
	Expires     time.Time
}

// References has the references of transactions, under Key(tenant, reference).
var References = compaction.NewTable(compaction.TableSpec[Reference]{
	Message: (*ledgerv1.ReferenceRecord)(nil),
	Encode:  encodeReference,
	Decode:  decodeReference,
	Due:     func(_ string, r Reference) time.Time { return r.Expires },
})

// A Pointer says which journal entry holds the final record of something that is no longer open.
type Pointer struct {
	Sequence uint64 // of the journal entry, in the tenant's shard
	Kind     string // what the id names: "payment", "invoice", "quote", a gateway's object
	Subject  string // the fact's subject in the entry, where it is not the id itself
	Settled  time.Time
	Expires  time.Time // the end of the refund and dispute window; zero is never
}

// Settled points from each id that is no longer open, ours and the gateways', to its final record,
// under Key(tenant, id). A pointer is forgotten when it expires; the journal keeps the record.
var Settled = compaction.NewTable(compaction.TableSpec[Pointer]{
	Message: (*ledgerv1.SettledRecord)(nil),
	Encode:  encodePointer,
	Decode:  decodePointer,
	Due:     func(_ string, p Pointer) time.Time { return p.Expires },
})

// A Head is the last entry of a shard's journal.
type Head struct {
	Sequence uint64
	Hash     [HashSize]byte // the SHA-256 of the entry's stored bytes
}

// Heads has the head of the shard's journal, under HeadKey.
var Heads = compaction.NewTable(compaction.TableSpec[Head]{
	Message: (*ledgerv1.JournalHead)(nil),
	Encode:  encodeHead,
	Decode:  decodeHead,
	Cached:  true,
})

// HeadKey is the one key of Heads.
const HeadKey = compaction.ShardTenant + "/journal"

func init() {
	Holds.OnDue(func(tx *compaction.Tx, _ string, h Held) error { return expire(tx, h) })
	References.OnDue(func(tx *compaction.Tx, key string, _ Reference) error {
		References.Delete(tx, key)
		return nil
	})
	Settled.OnDue(func(tx *compaction.Tx, key string, _ Pointer) error {
		Settled.Delete(tx, key)
		return nil
	})
}

// Tables returns what the package keeps, for the program's schema.
func Tables() []compaction.Definition {
	return []compaction.Definition{Accounts, Holds, References, Settled, Heads, Journal}
}

// tenantOf returns the tenant of a record's key.
func tenantOf(key string) string {
	tenant, _, _ := strings.Cut(key, "/")
	return tenant
}
