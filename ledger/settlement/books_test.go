package settlement

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// Each row of the table of events posts exactly its debits and credits.
func TestRows(t *testing.T) {
	figures := Figures{Customer: "c", Net: euro(900), Taxes: []Share{{"S", euro(225)}},
		Promotion: euro(70), Prepaid: euro(50), Rounding: euro(-5), Payable: euro(1000)}
	deposit := figures
	deposit.Deposit, deposit.Prepaid, deposit.Promotion = true, euro(0), euro(0)
	whole := quoting.WriteOff{Amount: euro(1000)}
	off, err := writtenOff("c", whole, euro(0), euro(1000))
	if err != nil {
		t.Fatal(err)
	}
	if whole.Relief, err = relieved(figures, euro(1000)); err != nil {
		t.Fatal(err)
	}
	relief, err := writtenOff("c", whole, euro(0), euro(1000))
	if err != nil {
		t.Fatal(err)
	}
	recovered, err := writtenOff("c", whole, euro(1000), euro(500))
	if err != nil {
		t.Fatal(err)
	}
	credit, err := creditedShares(figures, euro(0), euro(1000))
	if err != nil {
		t.Fatal(err)
	}
	for event, test := range map[string]struct {
		got  moves
		want string
	}{
		"invoice finalised": {finalised(figures), "receivable:c→revenue 900, " +
			"receivable:c→tax:S 225, platform:promotions→receivable:c 70, " +
			"deposits→receivable:c 50, rounding→receivable:c 5"},
		"deposit invoice": {finalised(deposit), "receivable:c→deposits 900, " +
			"receivable:c→deposits 225, rounding→receivable:c 5"},
		"captured by a gateway": {captured("g", "c", euro(5)), "clearing:g→receivable:c 5"},
		"gateway's fee":         {charged("g", euro(5)), "fees:g→clearing:g 5"},
		"platform's fee":        {platformCharged(euro(5)), "fees:platform→payable:platform 5"},
		"announced":             {announced("cash", "c", euro(5)), "undeposited:cash→receivable:c 5"},
		"paid out":              {paidOut("g", "a", "a", euro(5)), "bank→clearing:g 5"},
		"paid out through": {paidOut("g", "a", "p", euro(5)), "due_from:p→clearing:g 5, " +
			"bank→due_from:p 5"},
		"seen on the statement": {banked("cash", euro(5)), "bank→undeposited:cash 5"},
		"credit note": {credit, "revenue→receivable:c 900, tax:S→receivable:c 225, " +
			"receivable:c→platform:promotions 70, receivable:c→deposits 50, " +
			"receivable:c→rounding 5"},
		"refund of a credit": {refunded("clearing:g", "c", "cn", euro(5)),
			"receivable:c→clearing:g 5"},
		"refund without":        {refunded("clearing:g", "c", "", euro(5)), "refunds→clearing:g 5"},
		"dispute withdrawn":     {withdrawn("g", euro(5)), "disputes→clearing:g 5"},
		"dispute reinstated":    {withdrawn("g", euro(-5)), "clearing:g→disputes 5"},
		"dispute lost":          {lost("c", euro(5)), "receivable:c→disputes 5"},
		"write-off":             {off, "bad_debt→receivable:c 1000"},
		"write-off, tax relief": {relief, "bad_debt→receivable:c 800, tax:S→receivable:c 200"},
		"money after it":        {recovered, "receivable:c→bad_debt 400, receivable:c→tax:S 100"},
		"overpaid":              {overpaid("c", euro(5)), "receivable:c→deposits:c 5"},
		"payout received":       {received("a", euro(5)), "bank→due_to:a 5"},
		"payout passed on":      {passedOn("a", euro(5)), "due_to:a→bank 5"},
		"payout came back":      {cameBack("g", euro(5)), "clearing:g→bank 5"},
		"nothing":               {captured("g", "c", euro(0)), ""},
		"void undoes what it is": {finalised(deposit).back(), "deposits→receivable:c 900, " +
			"deposits→receivable:c 225, receivable:c→rounding 5"},
		"difference accepted": {accepted("undeposited:cash", "c", euro(5)),
			"bad_debt→undeposited:cash 5"},
		"too much accepted": {accepted("undeposited:cash", "c", euro(-5)),
			"undeposited:cash→deposits:c 5"},
	} {
		if got := written(test.got); got != test.want {
			t.Errorf("%s: %s, want %s", event, got, test.want)
		}
	}
}

func written(m moves) string {
	var all []string
	for _, p := range m {
		all = append(all, fmt.Sprintf("%s→%s %d", p.Debit, p.Credit, p.Amount.Minor()))
	}
	return strings.Join(all, ", ")
}

// A declined card leaves the price as it is and its promotion reserved; what is paid too much is
// the customer's credit; a conflicting echo waits for a person.
func TestApplyPayment(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000), "TEN")
	p := w.pay(i.ID, "stripe", "pm_card", 0)
	apply := func(f payments.Fact) {
		t.Helper()
		w.must(acme, func(tx *compaction.Tx) error { return ApplyPayment(tx, acme, "", f) })
		w.check()
	}
	declined := fact(p, payments.RequiresPaymentMethod, 0)
	declined.Code = "card_declined"
	w.must(acme, func(tx *compaction.Tx) error { return ApplyPayment(tx, acme, p.ID, declined) })
	w.must(acme, func(tx *compaction.Tx) error {
		r, err := quoting.RedemptionsOf(tx, acme, i.Quote)
		if err == nil && r[0].State != quoting.Reserved {
			t.Errorf("after a decline the promotion is %v", r[0].State)
		}
		return err
	})
	other := fact(p, payments.Succeeded, 175)
	other.Amount = euro(1)
	apply(other)
	w.must(acme, func(tx *compaction.Tx) error {
		p, _, err := payments.Payments.Get(tx, compaction.Key(acme, p.ID))
		if p.State != payments.Conflicted {
			t.Errorf("after another amount was echoed it is %v", p.State)
		}
		return err
	})
	if err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := VoidInvoice(tx, acme, i.ID)
		return err
	}); !isUnderWay(err, p.ID, payments.Conflicted) {
		t.Errorf("an invoice with a conflicted payment: %v", err)
	}
	if err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := CreditInvoice(tx, acme, i.ID, "crn_1", p.Amount)
		return err
	}); !isUnderWay(err, p.ID, payments.Conflicted) {
		t.Errorf("a credit of what a payment may have taken: %v", err)
	}
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := ResolvePayment(tx, acme, p.ID, p.Amount)
		return err
	})
	w.check()
	if got := w.holds(acme, Receivable(customer)); got != 0 {
		t.Errorf("receivable %d", got)
	}
}

// Money that comes after our clock gave up, and after the invoice was paid otherwise, becomes the
// customer's credit.
func TestApplyPaymentLate(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	late := w.expired(i.ID, 0)
	cash := w.pay(i.ID, Offline, "cash", 0)
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := MatchStatementEntry(tx, acme, StatementEntry{ID: "e1", Amount: cash.Amount,
			Reference: cash.ID, BookedOn: time.Now()})
		return err
	})
	w.check()
	w.gone()
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, late.ID, fact(late, payments.Succeeded, 0))
	})
	w.check()
	if got := w.holds(acme, Credit(customer)); got != -12_500 {
		t.Errorf("the customer's credit is %d", got)
	}
	w.payout(line(payments.LinePayment, late, "ch_"+late.ID, 12_500, 100))
	w.check()
	w.fold()
	w.gone()
}

// Whatever the money path posts to stays open and has no rule: a closed revenue account kept
// invoices from being finalised, and a closed fees account kept captured money out of the books.
func TestAccountsStayOpen(t *testing.T) {
	for _, id := range []ledger.AccountID{AccountRevenue, AccountDeposits, AccountRounding,
		AccountRefunds, AccountDisputes, AccountBadDebt, AccountBank, AccountPromotions,
		AccountFeeOwed, AccountFeePlat, Receivable("c"), Tax("S"), Clearing("g"), Fees("g"),
		Undeposited("cash"), Credit("c"), DueTo("t"), DueFrom("t"), Suspense("g")} {
		if !id.MoneyPath() {
			t.Errorf("%s can be closed", id)
		}
	}
}
