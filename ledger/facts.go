package ledger

import (
	"context"
	"time"

	"github.com/quittance/quittance/compaction"
)

// The history store has a family "fact", made from the journal alone:
//
//	tenant/kind/<day, UTC>/<sequence, 12 digits>-<place in the entry, 4 digits> → JournalFact
const factFamily = "fact"

// Facts returns a page of the facts of a kind of a tenant, oldest first, or newest first if the
// page is reversed. It is level with everything that was committed before the call. The page's
// prefix is that of a day: "2026-03" is March, empty is all. Errors are those of Shards.History.
func Facts(
	ctx context.Context, s *compaction.Shards, tenant, kind string, p compaction.Page,
) ([]compaction.Row[Fact], error) {
	p.Prefix = compaction.Key(tenant, kind, p.Prefix)
	found, err := s.History(ctx, tenant, factFamily, p)
	if err != nil {
		return nil, err
	}
	rows := make([]compaction.Row[Fact], 0, len(found))
	for _, r := range found {
		var e Entry
		if err := e.readFact(r.Value); err != nil {
			return nil, err
		}
		rows = append(rows, compaction.Row[Fact]{Key: r.Key, Cursor: r.Cursor, Value: e.Facts[0]})
	}
	return rows, nil
}

// FactsFrom returns the cursor after which the facts of a kind begin that were established on a
// day, in UTC, or later.
func FactsFrom(tenant, kind string, day time.Time) string {
	return compaction.Key(tenant, kind, day.UTC().Format(time.DateOnly)) + "/"
}

// factRows adds the history rows of an entry's facts.
func (e *Entry) factRows(rows []compaction.Projection) []compaction.Projection {
	for i := range e.Facts {
		f := &e.Facts[i]
		b := make([]byte, 0, len(f.Kind)+len(f.Subject)+len(f.Message)+len(f.Record)+16)
		b = putText(putText(putText(b, 1, f.Kind), 2, f.Subject), 3, f.Message)
		b = putBytes(b, 4, f.Record)
		key := appendPadded([]byte(FactsFrom(e.Tenant, f.Kind, e.At)), e.Sequence, 12)
		key = appendPadded(append(key, '-'), uint64(i), 4)
		rows = append(rows, compaction.Projection{Family: factFamily, Key: string(key), Value: b})
	}
	return rows
}
