package ledger

import "strings"

// An AccountID names an account within its tenant: 1 to 255 characters, parts of ASCII letters,
// digits, "_", "." and "-", separated by ":". Letters of either case differ.
type AccountID string

// MaxAccountID is the length of the longest account id.
const MaxAccountID = 255

// ParseAccountID returns the account id that s is. It fails with an *AccountIDError.
func ParseAccountID(s string) (AccountID, error) {
	if !AccountID(s).valid() {
		return "", &AccountIDError{ID: strings.Clone(s)}
	}
	return AccountID(s), nil
}

// valid reports whether id has the form of an account id.
func (id AccountID) valid() bool {
	if len(id) == 0 || len(id) > MaxAccountID {
		return false
	}
	separated := true // a part has yet to begin
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '_', c == '-', c == '.':
			separated = false
		case c == ':' && !separated:
			separated = true
		default:
			return false
		}
	}
	return !separated
}

// First returns the first part of id: "receivable" of "receivable:cus_1".
func (id AccountID) First() string {
	first, _, _ := strings.Cut(string(id), ":")
	return first
}

// Control reports whether id is a control account: one whose balance has its details in the records
// of payments and invoices, so that only the money path may post to it.
func (id AccountID) Control() bool {
	c := controls(id.First())
	return c == lasting || c == ephemeral
}

// MoneyPath reports whether the money path posts to id. Such an account is always open and has no
// rule: what has happened to a payment must go into the books.
func (id AccountID) MoneyPath() bool { return controls(id.First()) != notControl }

// control says what the first part of an account id means.
type control uint8

const (
	notControl control = iota
	shared             // the money path posts to it, and everybody else may
	lasting            // the money path alone does
	ephemeral          // so too, and it comes into being as an ephemeral account
)

// controls is the list of the money path's accounts. There is a receivable for each customer, so it
// must end when it is empty.
func controls(first string) control {
	switch first {
	case "receivable":
		return ephemeral
	case "clearing", "undeposited", "deposits", "disputes", "platform":
		return lasting
	case "revenue", "tax", "rounding", "refunds", "bad_debt", "bank", "fees", "payable", "due_to",
		"due_from", "suspense":
		return shared
	}
	return notControl
}
