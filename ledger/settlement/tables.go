package settlement

import (
	"slices"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
	"github.com/quittance/quittance/quoting/access"
)

// Tables returns everything that the money path keeps, for the program's schema: the ledger,
// payments, quoting, access, and what this package keeps.
func Tables() []compaction.Definition {
	return slices.Concat(ledger.Tables(), payments.Tables(), quoting.Tables(), access.Tables(),
		[]compaction.Definition{Expectations, StatementEntries})
}
