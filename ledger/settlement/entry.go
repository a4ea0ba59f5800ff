package settlement

import (
	"strings"
	"time"
	"unicode"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// A StatementEntry is an entry of the bank's statement, in the words of ISO 20022.
type StatementEntry struct {
	ID          string // the bank's reference of it; unique in the tenant
	Tenant      string
	Reference   string       // the remittance information; personal data
	Amount      money.Amount // below zero for a debit
	BookedOn    time.Time    // the booking date, at midnight UTC
	Expectation string       // what it was matched with, empty for nothing so far
	Created     time.Time
}

// StatementEntries holds the entries that are not matched, or belong to something that is not
// settled, under Key(tenant, entry). Its indexes read "tenant/entry" (those not matched) and
// "tenant/expectation/entry".
var StatementEntries = compaction.NewTable(compaction.TableSpec[StatementEntry]{
	Message: (*ledgerv1.StatementEntryRecord)(nil),
	Encode:  EncodeStatementEntry,
	Decode:  DecodeStatementEntry,
	Indexes: []compaction.Index[StatementEntry]{
		{Name: "unmatched", Keys: func(key string, e StatementEntry) []string {
			if e.Expectation != "" {
				return nil
			}
			return []string{key}
		}},
		{Name: "expectation", Keys: func(_ string, e StatementEntry) []string {
			if e.Expectation == "" {
				return nil
			}
			return []string{compaction.Key(e.Tenant, e.Expectation, e.ID)}
		}},
	},
})

// shortest is how long a word of a reference must be to name anything: shorter ones are in many.
const shortest = 4

// NormalReference returns the normal form of a reference: its letters and digits, in upper case.
func NormalReference(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, s)
}

// words returns the texts by which a remittance information may name an expectation, in normal
// form: the whole, its words, and each two words that follow each other ("RE 2026-17").
func words(s string) []string {
	fields := strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(",;:/+?", r)
	})
	found := []string{NormalReference(s)}
	for i, f := range fields {
		found = append(found, NormalReference(f))
		if i > 0 {
			found = append(found, NormalReference(fields[i-1]+f))
		}
	}
	return references(found...)
}

// references returns those of some texts that can name something, in normal form, each once. A text
// without a digit ("thank you") stands in too many places to name anything.
func references(texts ...string) []string {
	var found []string
	seen := map[string]bool{}
	for _, t := range texts {
		t = NormalReference(t)
		if len(t) >= shortest && len(t) <= 140 && strings.ContainsAny(t, "0123456789") && !seen[t] {
			seen[t] = true
			found = append(found, t)
		}
	}
	return found
}
