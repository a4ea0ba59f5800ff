package reconciliation

import (
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
)

// An Exception is an expectation that is not matched, with the status it has at a time.
type Exception struct {
	Expectation settlement.Expectation
	Status      settlement.Status // Missing among them
}

// Open returns a page of a tenant's expectations that are not matched, by id, as they stand at a
// time. The page's prefix is that of an id.
func Open(s compaction.State, tenant string, at time.Time, p compaction.Page) (
	[]compaction.Row[Exception], error) {
	limit := p.Limit
	p.Prefix, p.Limit = compaction.Key(tenant, p.Prefix), page
	var rows []compaction.Row[Exception]
	for {
		found, err := settlement.Expectations.Scan(s, p)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			if !r.Value.Open() {
				continue
			}
			rows = append(rows, compaction.Row[Exception]{Key: r.Key, Cursor: r.Cursor,
				Value: Exception{r.Value, r.Value.StatusAt(at)}})
			if limit > 0 && len(rows) == limit {
				return rows, nil
			}
		}
		if len(found) < page {
			return rows, nil
		}
		p.After = found[len(found)-1].Cursor
	}
}

// open calls f with a row for each expectation that came to be before a time and is open.
func open(v *compaction.View, tenant string, before time.Time, f func(Row) error) error {
	for p := (compaction.Page{Prefix: tenant + "/", Limit: page}); ; {
		found, err := settlement.Expectations.Scan(v, p)
		if err != nil {
			return err
		}
		for _, r := range found {
			e := r.Value
			if !e.Open() || !e.Created.Before(before) {
				continue
			}
			i, err := expected(v, e)
			if err != nil {
				return err
			}
			if err := f(Row{RecordOpen, e.StatusAt(before).String(), i}); err != nil {
				return err
			}
		}
		if len(found) < page {
			return nil
		}
		p.After = found[len(found)-1].Cursor
	}
}

// categories are the reporting categories of what is expected.
var categories = map[settlement.ExpectationKind]string{
	settlement.ExpectPayment:         settlement.CategoryCharge,
	settlement.ExpectOffline:         settlement.CategoryCharge,
	settlement.ExpectRefund:          settlement.CategoryRefund,
	settlement.ExpectRefundFailure:   settlement.CategoryRefundFailure,
	settlement.ExpectDispute:         settlement.CategoryDispute,
	settlement.ExpectDisputeReversal: settlement.CategoryDisputeReversal,
	settlement.ExpectReturnedPayout:  settlement.CategoryPayoutFailure,
	settlement.ExpectPayout:          "payout",
}

// expected returns what an expectation would be as an item.
func expected(s compaction.State, e settlement.Expectation) (settlement.Item, error) {
	zero := money.New(0, e.Amount.Currency())
	i := settlement.Item{ID: e.ID, Tenant: e.Tenant, Category: categories[e.Kind],
		Gross: e.Amount, Fee: e.Fee, Gateway: e.Gateway, Method: e.Method, Created: e.Created,
		Payable: zero, Tax: zero, Promotion: zero}
	var err error
	if i.Net, err = e.Amount.Sub(e.Fee); err != nil {
		return i, err
	}
	if e.Kind == settlement.ExpectPayout || e.Kind == settlement.ExpectReturnedPayout {
		i.Payout, i.GatewayPayout = e.Subject, strings.TrimPrefix(e.Subject, e.Gateway+"-")
		return i, nil
	}
	p, ok, err := payments.Payments.Get(s, compaction.Key(e.Tenant, e.Subject))
	if err != nil || !ok {
		return i, err
	}
	i.Payment, i.Invoice, i.Customer = p.ID, p.Invoice, p.Customer
	i.GatewayPayment, i.Source = p.GatewayID, p.Charge
	if e.Kind == settlement.ExpectOffline {
		i.GatewayPayment, i.Source = "", e.ID
	}
	switch e.Kind {
	case settlement.ExpectRefund, settlement.ExpectRefundFailure:
		i.Refund, i.Source = e.Source, ""
	case settlement.ExpectDispute, settlement.ExpectDisputeReversal:
		i.Dispute, i.Source = e.Source, ""
	case settlement.ExpectOffline:
		if e.Source != "" {
			i.Refund, i.Category = e.Source, settlement.CategoryRefund
		}
	}
	inv, ok, err := quoting.Invoices.Get(s, compaction.Key(e.Tenant, p.Invoice))
	if err != nil || !ok {
		return i, err
	}
	i.InvoiceNumber, i.Quote = inv.Name(), inv.Quote
	i.Payable, i.Tax = inv.Priced.Payable, inv.Priced.Tax
	for _, promotion := range inv.Priced.Promotions {
		if i.Promotion, err = i.Promotion.Add(promotion.Amount); err != nil {
			return i, err
		}
	}
	return i, nil
}
