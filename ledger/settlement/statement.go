package settlement

import (
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// MatchStatementEntry takes an entry of the bank's statement, once by its id, and matches it with
// what it pays, by reference and amount: see Best. For an offline payment: bank → undeposited, for
// what was seen; when that is exactly what was announced, the payment is settled. For a payout, the
// bank has it already: the expectation ends. What nothing matches stays, for a person to match. It
// returns the entry as it is kept; one that was taken before is returned as it was given.
//
// Refusals: ErrReference, and ErrExists for the id of an entry that says something else.
func MatchStatementEntry(tx *compaction.Tx, tenant string, e StatementEntry) (
	StatementEntry, error) {
	if e.ID == "" || e.Amount.IsZero() || e.Amount.Currency().IsZero() {
		return e, ErrReference
	}
	c := begin(tx, tenant, "statement.entry")
	if known, ok, err := StatementEntries.Get(tx, c.key(e.ID)); ok || err != nil {
		same := known.Amount == e.Amount && known.BookedOn.Equal(e.BookedOn) &&
			known.Reference == e.Reference
		if err == nil && !same {
			err = ErrExists
		}
		return known, err
	}
	if ended, err := Ended(tx, tenant, e.ID); ended || err != nil {
		return e, err
	}
	e.Tenant, e.Created, e.Expectation = tenant, c.at(), ""
	byReference, byAmount, err := c.candidates(e)
	if err != nil {
		return e, err
	}
	if x, ok := Best(e, byReference, byAmount); ok {
		if e, err = c.see(e, x, Auto); err != nil {
			return e, err
		}
		return e, c.write()
	}
	StatementEntries.Put(tx, c.key(e.ID), e)
	b, err := EncodeStatementEntry(e)
	err = c.fact("statement_entry.unmatched", e.ID, (*ledgerv1.StatementEntryRecord)(nil), b, err)
	if err != nil {
		return e, err
	}
	return e, c.write()
}

// candidates returns the open expectations that an entry names, and those of its amount.
func (c *change) candidates(e StatementEntry) (byReference, byAmount []Expectation, err error) {
	seen := map[string]bool{}
	for _, w := range words(e.Reference) {
		named, err := all(c.tx, Expectations, "reference", c.tenant, w)
		if err != nil {
			return nil, nil, err
		}
		for _, x := range named {
			if !seen[x.ID] {
				seen[x.ID] = true
				byReference = append(byReference, x)
			}
		}
	}
	rows, err := Expectations.Lookup(c.tx, "amount",
		compaction.Page{Prefix: amountPrefix(c.tenant, e.Amount) + "/", Limit: 2})
	for _, r := range rows {
		byAmount = append(byAmount, r.Value)
	}
	return byReference, byAmount, err
}

// see matches an entry with an expectation, posts what the bank shows, and settles what is whole.
func (c *change) see(e StatementEntry, x Expectation, m Match) (StatementEntry, error) {
	x, err := x.See(e.Amount, e.ID, m, c.at())
	if err != nil {
		return e, err
	}
	e.Expectation = x.ID
	StatementEntries.Put(c.tx, c.key(e.ID), e)
	b, err := EncodeStatementEntry(e)
	err = c.fact("statement_entry.matched", e.ID, (*ledgerv1.StatementEntryRecord)(nil), b, err)
	if err != nil {
		return e, err
	}
	if x.Kind == ExpectOffline && x.Status != CurrencyMismatch {
		c.post("bank_seen", banked(x.Method, e.Amount), about(x.Subject, "", e.ID)...)
		if err := c.seenItem(x, e, m); err != nil {
			return e, err
		}
	}
	return e, c.conclude(x)
}

// conclude puts an expectation as it is now, and ends or settles what it belongs to if it is
// matched.
func (c *change) conclude(x Expectation) error {
	if err := c.expect(x); err != nil || x.Status != Matched {
		return err
	}
	if x.Kind == ExpectPayout || x.Kind == ExpectReturnedPayout {
		return c.endExpectation(x)
	}
	p, ok, err := payments.Payments.Get(c.tx, c.key(x.Subject))
	if err != nil || !ok {
		return err
	}
	if x.ID == p.ID {
		p.SettledBy, p.Updated = x.MatchedBy, c.at()
		payments.Payments.Put(c.tx, c.key(p.ID), p)
	} else if err := c.settledRefund(x.Source, x.MatchedBy); err != nil {
		return err
	}
	return c.settleIfClear(p.ID)
}

// seenItem keeps what the bank showed of an offline payment as an item of the report.
func (c *change) seenItem(x Expectation, e StatementEntry, m Match) error {
	p, _, err := payments.Payments.Get(c.tx, c.key(x.Subject))
	if err != nil {
		return err
	}
	inv, err := invoiceOf(c.tx, p)
	if err != nil {
		return err
	}
	i := itemOf(c, c.tenant, e.Amount.Currency(), p, inv)
	i.ID, i.StatementEntry, i.Match = e.ID, e.ID, m
	i.Gross, i.Fee, i.Net = e.Amount, money.New(0, e.Amount.Currency()), e.Amount
	i.Gateway, i.Source, i.Category = Offline, x.ID, CategoryCharge
	if x.Source != "" {
		i.Category, i.Refund = CategoryRefund, x.Source
	}
	i.Created, i.Available = e.BookedOn, e.BookedOn
	return c.factItem(i)
}

// MatchByHand matches an entry that is not matched with an open expectation that a person chose;
// force accepts a difference of the amounts: see AcceptDifference. Refusals: ErrNotFound,
// ErrMatched, ErrMatch.
func MatchByHand(tx *compaction.Tx, tenant, entry, expectation string, force bool) (
	StatementEntry, error) {
	c := begin(tx, tenant, "statement.match")
	e, ok, err := StatementEntries.Get(tx, c.key(entry))
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return e, err
	}
	x, err := c.openExpectation(expectation)
	if err != nil {
		return e, err
	}
	if e.Expectation != "" || !x.Kind.Bank() {
		return e, ErrMatched
	}
	if e, err = c.see(e, x, Manual); err != nil {
		return e, err
	}
	if x, ok, err = Expectations.Get(tx, c.key(expectation)); err != nil {
		return e, err
	}
	if ok && x.Open() {
		if !force || x.Status == CurrencyMismatch {
			return e, ErrMatch
		}
		if err := c.accept(x); err != nil {
			return e, err
		}
	}
	return e, c.write()
}

// MarkReceived says that what is missing of an offline payment reached the bank, which no statement
// shows. note is the id under which that is kept. Refusals: ErrNotFound, ErrMatched.
func MarkReceived(tx *compaction.Tx, tenant, expectation, note string) error {
	c := begin(tx, tenant, "statement.receive")
	x, err := c.openExpectation(expectation)
	if err != nil {
		return err
	}
	if x.Kind != ExpectOffline {
		return ErrMatched
	}
	missing, err := x.short()
	if err != nil {
		return err
	}
	_, err = c.see(StatementEntry{ID: note, Tenant: tenant, Amount: missing,
		BookedOn: c.at().Truncate(24 * time.Hour), Created: c.at()}, x, Manual)
	if err != nil {
		return err
	}
	return c.write()
}

// AcceptDifference accepts what was seen of an expectation as all there will be, which writes off
// what is missing: bad_debt → where the money was to be; what came too much becomes the customer's
// credit. Then what it belongs to is settled. Refusals: ErrNotFound, ErrMatched.
func AcceptDifference(tx *compaction.Tx, tenant, expectation string) error {
	c := begin(tx, tenant, "expectation.accept")
	x, err := c.openExpectation(expectation)
	if err != nil {
		return err
	}
	if err := c.accept(x); err != nil {
		return err
	}
	return c.write()
}

func (c *change) accept(x Expectation) error {
	short, err := x.short()
	if err != nil {
		return err
	}
	p, known, err := payments.Payments.Get(c.tx, c.key(x.Subject))
	if err != nil {
		return err
	}
	at := AccountBank
	switch {
	case known:
		at = moneyAt(p)
	case x.Kind == ExpectReturnedPayout:
		at = Clearing(x.Gateway)
	}
	if known && p.Gateway != Offline { // what its line would have cleared, less the fee posted
		if short, err = x.Amount.Sub(x.Fee); err != nil {
			return err
		}
	}
	c.post("difference_accepted", accepted(at, p.Customer, short), about(x.Subject, "", x.ID)...)
	x.Status, x.Match, x.Updated = Matched, Forced, c.at()
	return c.conclude(x)
}

// openExpectation returns an expectation that is not matched.
func (c *change) openExpectation(id string) (Expectation, error) {
	x, ok, err := Expectations.Get(c.tx, c.key(id))
	switch {
	case err != nil:
		return x, err
	case !ok:
		return x, ErrNotFound
	case !x.Open():
		return x, ErrMatched
	}
	return x, nil
}
