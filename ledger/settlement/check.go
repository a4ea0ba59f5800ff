package settlement

import (
	"fmt"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// A Fault is a rule of settlement that a record breaks.
type Fault struct {
	Key  string // of the record, or of the account: tenant first
	Rule string
}

// String names the rule and the key.
func (f Fault) String() string { return f.Rule + ": " + f.Key }

// faults bounds how many CheckOpen returns.
const faults = 100

// CheckOpen holds the records of a shard against the rules of settlement and returns what breaks
// them, at most a hundred faults:
//
//   - no record outlives its settlement: what ledger.Settled points to is not open;
//   - no open record belongs to one that was settled;
//   - a customer's receivable is what is due of that customer's open invoices, so it is zero when
//     they are paid, credited, void or written off;
//   - what a promotion's usage counts as reserved are its open reservations, in all and by
//     customer, and the first purchase of a customer is reserved for one that is open;
//   - a clearing account holds what is expected of its gateway, less the fees posted, and an
//     undeposited account what is expected of its method, so nothing is left of settled payments.
//
// It reads all of Settled, so it fails with compaction.ErrRestoring until history is restored.
func CheckOpen(v *compaction.View) ([]Fault, error) {
	k := &checker{v: v, want: map[string]int64{}}
	for _, check := range []func() error{k.settled, k.payments, k.parts, k.expectations, k.invoices,
		k.balances, k.promotions} {
		if err := check(); err != nil {
			return k.found, err
		}
	}
	return k.found, nil
}

// checker collects the faults of a shard.
type checker struct {
	v     *compaction.View
	found []Fault
	want  map[string]int64 // the key of an account → what it is to hold, in minor units
}

func (k *checker) fault(key, rule string) {
	if len(k.found) < faults {
		k.found = append(k.found, Fault{key, rule})
	}
}

// each calls f with every row of a table, a page at a time.
func each[T any](v *compaction.View, t *compaction.Table[T], f func(key string, v T) error) error {
	const page = 1000
	for after := ""; ; {
		rows, err := t.Scan(v, compaction.Page{After: after, Limit: page})
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := f(r.Key, r.Value); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
		after = rows[len(rows)-1].Cursor
	}
}

// has reports whether a table has a key.
func has[T any](s compaction.State, t *compaction.Table[T], key string) (bool, error) {
	_, ok, err := t.Get(s, key)
	return ok, err
}

// open reports whether what a pointer's kind names has an open record.
func (k *checker) open(kind, key string) (bool, error) {
	switch kind {
	case kindPayment, kindAttempt:
		return has(k.v, payments.Payments, key)
	case kindRefund, kindDispute:
		refund, err := has(k.v, payments.Refunds, key)
		if err != nil || refund {
			return refund, err
		}
		return has(k.v, payments.Disputes, key)
	case kindInvoice:
		return has(k.v, quoting.Invoices, key)
	case kindQuote:
		return has(k.v, quoting.Quotes, key)
	case kindRedemption:
		return has(k.v, quoting.Redemptions, key)
	case kindPayout:
		return has(k.v, payments.Payouts, key)
	case kindEntry:
		return has(k.v, StatementEntries, key)
	}
	return false, nil
}

// settled: what is settled has no open record under its id, nor under its subject.
func (k *checker) settled() error {
	return each(k.v, ledger.Settled, func(key string, p ledger.Pointer) error {
		open, err := k.open(p.Kind, key)
		if err == nil && !open && p.Kind == kindGateway {
			tenant, _, _ := strings.Cut(key, "/")
			if open, err = k.open(kindPayment, compaction.Key(tenant, p.Subject)); !open &&
				err == nil {
				open, err = k.open(kindPayout, compaction.Key(tenant, p.Subject))
			}
		}
		if open {
			k.fault(key, "the record of a settled "+p.Kind+" is open")
		}
		return err
	})
}

// gone faults a record whose owner is settled and not open.
func (k *checker) gone(key, what, owner string, open bool, err error) error {
	if err != nil || open {
		return err
	}
	k.fault(key, fmt.Sprintf("an open %s belongs to %s, which is not open", what, owner))
	return nil
}

func (k *checker) payments() error {
	return each(k.v, payments.Payments, func(key string, p payments.Payment) error {
		if p.State == payments.Settled {
			k.fault(key, "a settled payment is open")
		}
		if p.Invoice == "" {
			return nil
		}
		open, err := has(k.v, quoting.Invoices, compaction.Key(p.Tenant, p.Invoice))
		return k.gone(key, "payment", p.Invoice, open, err)
	})
}

// parts: attempts, refunds, disputes and redemptions belong to what is open.
func (k *checker) parts() error {
	belongs := func(key, what, tenant, payment string) error {
		open, err := has(k.v, payments.Payments, compaction.Key(tenant, payment))
		return k.gone(key, what, payment, open, err)
	}
	err := each(k.v, payments.Attempts, func(key string, a payments.Attempt) error {
		return belongs(key, "attempt", a.Tenant, a.Payment)
	})
	if err != nil {
		return err
	}
	err = each(k.v, payments.Refunds, func(key string, r payments.Refund) error {
		return belongs(key, "refund", r.Tenant, r.Payment)
	})
	if err != nil {
		return err
	}
	err = each(k.v, payments.Disputes, func(key string, d payments.Dispute) error {
		return belongs(key, "dispute", d.Tenant, d.Payment)
	})
	if err != nil {
		return err
	}
	err = each(k.v, payments.PayoutLines, func(key string, l payments.PayoutLine) error {
		open, err := has(k.v, payments.Payouts, compaction.Key(l.Tenant, l.Payout))
		return k.gone(key, "payout line", l.Payout, open, err)
	})
	if err != nil {
		return err
	}
	return each(k.v, quoting.Redemptions, func(key string, r quoting.Redemption) error {
		open, err := has(k.v, quoting.Quotes, compaction.Key(r.Tenant, r.Quote))
		return k.gone(key, "redemption", r.Quote, open, err)
	})
}

// expectations: what is expected belongs to an open payment, or to a payout; and accounts hold what
// is expected of them.
func (k *checker) expectations() error {
	return each(k.v, Expectations, func(key string, e Expectation) error {
		switch e.Kind {
		case ExpectPayout:
			return nil
		case ExpectReturnedPayout:
		default:
			open, err := has(k.v, payments.Payments, compaction.Key(e.Tenant, e.Subject))
			if err := k.gone(key, "expectation", e.Subject, open, err); err != nil {
				return err
			}
		}
		if !e.Open() {
			return nil
		}
		c := e.Amount.Currency()
		if e.Kind == ExpectOffline {
			k.hold(e.Tenant, Undeposited(e.Method), c, e.Amount.Minor()-e.Seen.Minor())
		} else {
			k.hold(e.Tenant, Clearing(e.Gateway), c, e.Amount.Minor()-e.Fee.Minor())
		}
		return nil
	})
}

// hold adds to what an account is to hold.
func (k *checker) hold(tenant string, id ledger.AccountID, c money.Currency, minor int64) {
	k.want[ledger.AccountKey(tenant, id, c)] += minor
}

func (k *checker) invoices() error {
	return each(k.v, quoting.Invoices, func(_ string, i quoting.Invoice) error {
		if i.State == quoting.InvoiceOpen {
			k.hold(i.Tenant, Receivable(i.Customer), i.Priced.Currency, i.AmountDue().Minor())
		}
		return nil
	})
}

// balances compares what accounts hold with what they are to hold.
func (k *checker) balances() error {
	err := each(k.v, ledger.Accounts, func(key string, a ledger.Account) error {
		switch a.ID.First() {
		case "receivable", "clearing", "undeposited":
		default:
			return nil
		}
		if got, want := a.Balance().Minor(), k.want[key]; got != want {
			k.fault(key, fmt.Sprintf("the account holds %s and is to hold %s",
				money.New(got, a.Currency), money.New(want, a.Currency)))
		}
		delete(k.want, key)
		return nil
	})
	for key, want := range k.want {
		if want != 0 {
			k.fault(key, "there is no account for what is due or expected")
		}
	}
	return err
}
