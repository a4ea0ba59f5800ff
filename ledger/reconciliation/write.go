package reconciliation

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/settlement"
)

// page is how many rows are read at once.
const page = 500

// A Total is the sum of the settled rows of a currency.
type Total struct {
	Rows            int
	Gross, Fee, Net money.Amount
}

// Write writes a tenant's report as CSV: RFC 4180 with CRLF line ends and a header. First the
// movements that the books saw at the bank from the time from, included, until to, not included,
// both in UTC, in the order they were seen; then what was expected before to and is still open, in
// the order of its ids, with the status it has at to; then a row of totals for each currency of the
// first part, by code. It returns the totals.
//
// It streams, so what was written before an error stays written. Errors are those of w,
// Shards.Read, Shards.History, and *compaction.TenantError.
func Write(ctx context.Context, w io.Writer, s *compaction.Shards, tenant string,
	from, to time.Time) ([]Total, error) {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(columns); err != nil {
		return nil, err
	}
	totals := map[string]*Total{}
	put := func(r Row) error {
		if r.Record == RecordSettled {
			if err := add(totals, r.Item); err != nil {
				return err
			}
		}
		return out.Write(r.cells())
	}
	if err := Rows(ctx, s, tenant, from, to, put); err != nil {
		return nil, err
	}
	var sums []Total
	for _, t := range totals {
		sums = append(sums, *t)
	}
	slices.SortFunc(sums, func(a, b Total) int {
		return cmp.Compare(a.Gross.Currency().String(), b.Gross.Currency().String())
	})
	for _, t := range sums {
		r := Row{Record: RecordTotal, Item: settlement.Item{Gross: t.Gross, Fee: t.Fee, Net: t.Net}}
		if err := out.Write(r.cells()); err != nil {
			return nil, err
		}
	}
	out.Flush()
	return sums, out.Error()
}

// add adds an item to the total of its currency.
func add(totals map[string]*Total, i settlement.Item) error {
	code := i.Gross.Currency().String()
	t := totals[code]
	if t == nil {
		zero := money.New(0, i.Gross.Currency())
		t = &Total{Gross: zero, Fee: zero, Net: zero}
		totals[code] = t
	}
	t.Rows++
	for _, sum := range []struct {
		to *money.Amount
		a  money.Amount
	}{{&t.Gross, i.Gross}, {&t.Fee, i.Fee}, {&t.Net, i.Net}} {
		var err error
		if *sum.to, err = sum.to.Add(sum.a); err != nil {
			return fmt.Errorf("reconciliation: total in %s: %w", code, err)
		}
	}
	return nil
}

// Rows calls f with each row of the report but the totals: see Write. It stops at the first error,
// which it returns.
func Rows(ctx context.Context, s *compaction.Shards, tenant string, from, to time.Time,
	f func(Row) error) error {
	return s.Read(tenant, func(v *compaction.View) error {
		head, _, err := ledger.Heads.Get(v, ledger.HeadKey)
		if err != nil {
			return err
		}
		p := compaction.Page{Limit: page,
			After: ledger.FactsFrom(tenant, settlement.FactItem, from)}
		for {
			found, err := ledger.Facts(ctx, s, tenant, settlement.FactItem, p)
			if err != nil {
				return err
			}
			more, err := settled(found, head.Sequence, from, to, f)
			if err != nil {
				return err
			}
			if !more || len(found) < page {
				break
			}
			p.After = found[len(found)-1].Cursor
		}
		return open(v, tenant, to, f)
	})
}

// settled calls f with the items of a period up to a journal entry, and reports whether later rows
// may be of the period too.
func settled(found []compaction.Row[ledger.Fact], last uint64, from, to time.Time,
	f func(Row) error) (more bool, err error) {
	for _, r := range found {
		n, err := sequenceOf(r.Key)
		if err != nil {
			return false, err
		}
		i, err := settlement.DecodeItem(r.Value.Record)
		if err != nil {
			return false, err
		}
		if n > last || !i.Settled.Before(to) {
			return false, nil
		}
		if i.Settled.Before(from) {
			continue
		}
		if err := f(Row{RecordSettled, i.Match.String(), i}); err != nil {
			return false, err
		}
	}
	return true, nil
}

// sequenceOf returns the number of the journal entry that a fact's key in history ends with.
func sequenceOf(key string) (uint64, error) {
	place := key[strings.LastIndexByte(key, '/')+1:]
	number, _, _ := strings.Cut(place, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reconciliation: the history has a key that is none: %w", err)
	}
	return n, nil
}
