package ledger

import "strings"

// The id of a transaction says where it lies, so that Decide needs no randomness and the journal
// need not store it: "txn_", then in base 32 the shard (3 digits), the sequence of the journal
// entry (10) and the place of the transaction in the entry (3). Ids of a tenant sort by age.
const (
	transactionPrefix = "txn_"
	shardDigits       = 3
	sequenceDigits    = 10
	placeDigits       = 3
	transactionLength = len(transactionPrefix) + shardDigits + sequenceDigits + placeDigits
)

// digits32 are Crockford's, in lower case: they sort as numbers do.
const digits32 = "0123456789abcdefghjkmnpqrstvwxyz"

// TransactionID returns the id of a transaction by its place in the journal: the shard, the
// sequence of the entry and the transaction's index in it.
func TransactionID(shard int, sequence uint64, index int) string {
	var id [transactionLength]byte
	at := copy(id[:], transactionPrefix)
	at += putDigits(id[at:at+shardDigits], uint64(shard))
	at += putDigits(id[at:at+sequenceDigits], sequence)
	putDigits(id[at:at+placeDigits], uint64(index))
	return string(id[:])
}

// ParseTransactionID returns the place in the journal that an id names. It fails with
// ErrNoTransaction for a text that TransactionID never returns.
func ParseTransactionID(id string) (shard int, sequence uint64, index int, err error) {
	if len(id) != transactionLength || !strings.HasPrefix(id, transactionPrefix) {
		return 0, 0, 0, ErrNoTransaction
	}
	text := id[len(transactionPrefix):]
	n, ok := readDigits(text[:shardDigits])
	sequence, ok2 := readDigits(text[shardDigits : shardDigits+sequenceDigits])
	i, ok3 := readDigits(text[shardDigits+sequenceDigits:])
	if !ok || !ok2 || !ok3 {
		return 0, 0, 0, ErrNoTransaction
	}
	return int(n), sequence, int(i), nil
}

// putDigits fills b with the last digits of n and returns how many.
func putDigits(b []byte, n uint64) int {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = digits32[n%32]
		n /= 32
	}
	return len(b)
}

func readDigits(s string) (n uint64, ok bool) {
	for i := range len(s) {
		d := strings.IndexByte(digits32, s[i])
		if d < 0 {
			return 0, false
		}
		n = n*32 + uint64(d)
	}
	return n, true
}
