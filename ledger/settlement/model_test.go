package settlement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// The model is what a bookkeeper would write on paper: what each invoice, payment and movement
// comes to, from which every balance follows by addition. It knows no postings and no order.
type model struct {
	*world
	r        *rand.Rand
	invoices []*paperInvoice
	payments []*paperPayment
	moved    []*movement
	excess   int64 // of offline money, accepted as credit
	short    int64 // of offline money, written off
}

type paperInvoice struct {
	quoting.Invoice
	worth, promotion, total, paid, credited int64
	plain                                   int64 // refunded without credit note
	notes                                   []*paperNote
	void, bad                               bool
	codes                                   []string
	use                                     quoting.RedemptionState // of each code
}

// A paperNote is a credit note of which something is left to be refunded.
type paperNote struct {
	id   string
	left int64
}

func (i *paperInvoice) due() int64 { return i.total - i.paid - i.credited }

// back is the part of the platform's promotion that credit notes gave back, rounded half up.
func (i *paperInvoice) back() int64 {
	if i.total == 0 {
		return 0
	}
	return (2*i.promotion*i.credited + i.total) / (2 * i.total)
}

// uses follows what becomes of the promotions: redeemed by the first money, released when none ever
// came and nothing is due any more, restored when all of it is gone again.
func (i *paperInvoice) uses() {
	switch kept := i.paid - i.plain; {
	case i.use == quoting.Reserved && i.paid > 0:
		i.use = quoting.Redeemed
	case i.use == quoting.Reserved && (i.bad || i.due() <= 0 && i.total > 0):
		i.use = quoting.Released
	case i.use == quoting.Redeemed && kept <= 0 && i.total > 0:
		i.use = quoting.Restored
	}
}

type paperPayment struct {
	payments.Payment
	invoice  *paperInvoice
	amount   int64
	refunded int64 // with and without credit note
	plain    int64 // without
	dispute  *payments.DisputeFact
}

// A movement is money that must be seen: at the gateway as a line, offline on the statement.
type movement struct {
	line    payments.PayoutLine
	offline string // the expectation, for offline money
	seen    bool
	bank    int64 // what the bank showed of offline money
}

// books returns what the accounts are to hold.
func (m *model) books() map[ledger.AccountID]int64 {
	b := map[ledger.AccountID]int64{}
	for _, i := range m.invoices {
		if i.void {
			continue
		}
		b["worth"] -= i.worth - i.credited - i.back()
		b[AccountPromotions] += i.promotion - i.back()
		if i.bad {
			b[AccountBadDebt] += max(0, i.due())
		} else {
			b[Receivable(customer)] += max(0, i.due())
		}
		b[Credit(customer)] -= max(0, -i.due())
	}
	b[Credit(customer)] -= m.excess
	b[AccountBadDebt] += m.short
	for _, p := range m.payments {
		fee := (p.amount*25 + 500) / 1000
		b[AccountFeePlat] += fee
		b[AccountFeeOwed] -= fee
		b[AccountRefunds] += p.plain
		if d := p.dispute; d != nil && d.State != payments.DisputeLost {
			b[AccountDisputes] += d.Withdrawn.Minor() - d.Reinstated.Minor()
		}
	}
	for _, x := range m.moved {
		gross, fee := x.line.Gross.Minor(), x.line.Fee.Minor()
		b["fees:stripe"] += fee
		switch {
		case x.offline != "" && x.seen:
			b[AccountBank] += x.bank
		case x.offline != "":
			b[Undeposited("cash")] += gross
		case x.seen:
			b[AccountBank] += gross - fee
		default:
			b[Clearing("stripe")] += gross - fee
		}
	}
	return b
}

// compare holds the books against the model.
func (m *model) compare(step string) {
	m.t.Helper()
	m.check()
	want := m.books()
	for _, id := range []ledger.AccountID{Receivable(customer), Credit(customer), "worth",
		AccountPromotions, AccountBadDebt, AccountFeePlat, AccountFeeOwed, AccountRefunds,
		AccountDisputes, "fees:stripe", AccountBank, Clearing("stripe"), Undeposited("cash")} {
		got := m.holds(acme, id)
		if id == "worth" {
			got = m.holds(acme, AccountRevenue) + m.holds(acme, Tax("S"))
		}
		if got != want[id] {
			m.t.Errorf("after %s: %s holds %d, want %d", step, id, got, want[id])
		}
	}
	m.compareUses(step)
	if m.t.Failed() {
		m.t.FailNow()
	}
}

// compareUses holds the counts of the promotions against the model.
func (m *model) compareUses(step string) {
	m.t.Helper()
	want := map[string][2]uint64{}
	for _, i := range m.invoices {
		for _, code := range i.codes {
			n := want[code]
			switch i.use {
			case quoting.Reserved:
				n[0]++
			case quoting.Redeemed:
				n[1]++
			}
			want[code] = n
		}
	}
	for code, promotion := range map[string]string{"TEN": "pro_ours", "SEVEN": "pro_theirs"} {
		if got := m.usage(promotion); got != want[code] {
			m.t.Errorf("after %s: %s is used %v, want %v", step, promotion, got, want[code])
		}
	}
}

func (m *model) addInvoice() {
	if i, ok := some(m.r, m.invoices, func(i *paperInvoice) bool { return i.void }); ok {
		m.invoiceAgain(i)
		return
	}
	var codes []string
	for _, c := range []string{"TEN", "SEVEN"} {
		if m.r.IntN(3) == 0 {
			codes = append(codes, c)
		}
	}
	i := m.invoice(document(1_000+m.r.Int64N(100_000)), codes...)
	use := quoting.Reserved
	if i.State == quoting.InvoicePaid {
		use = quoting.Redeemed
	}
	m.invoices = append(m.invoices, &paperInvoice{Invoice: i, codes: codes, use: use,
		worth: i.Priced.TaxInclusive.Minor(), promotion: i.Priced.PromotionTotal.Minor(),
		total: i.Priced.Payable.Minor()})
}

// invoiceAgain invoices the quote of a void invoice: the new one is worth what that was, and the
// promotions are those that were reserved all the while.
func (m *model) invoiceAgain(i *paperInvoice) {
	i.Invoice, i.void = m.again(i.Quote), false
}

// some returns one of those that fit.
func some[T any](r *rand.Rand, all []T, fits func(T) bool) (T, bool) {
	var fitting []T
	for _, x := range all {
		if fits(x) {
			fitting = append(fitting, x)
		}
	}
	if len(fitting) == 0 {
		var none T
		return none, false
	}
	return fitting[r.IntN(len(fitting))], true
}

// payable is an invoice that may be paid.
func payable(i *paperInvoice) bool { return !i.void && !i.bad && i.due() > 0 }

func (m *model) part(of int64) int64 {
	if m.r.IntN(2) == 0 {
		return of
	}
	return 1 + m.r.Int64N(of)
}

func (m *model) payInvoice() {
	i, ok := some(m.r, m.invoices, payable)
	if !ok {
		return
	}
	amount := m.part(i.due())
	p := &paperPayment{invoice: i, amount: amount}
	if m.r.IntN(3) == 0 {
		p.Payment = m.pay(i.ID, Offline, "cash", amount)
		m.moved = append(m.moved, &movement{offline: p.ID, line: line(0, p.Payment, p.ID, amount, 0)})
	} else {
		fee := m.r.Int64N(200)
		p.Payment = m.pay(i.ID, "stripe", "pm_card", amount)
		if m.r.IntN(3) == 0 {
			declined := fact(p.Payment, payments.RequiresPaymentMethod, 0)
			declined.Code = "card_declined"
			m.apply(p, declined)
		}
		known := fact(p.Payment, payments.Succeeded, fee)
		if m.r.IntN(2) == 0 { // the fee comes later
			known.Fee = euro(0)
		}
		m.apply(p, known)
		m.apply(p, fact(p.Payment, payments.Succeeded, fee))
		m.moved = append(m.moved, &movement{
			line: line(payments.LinePayment, p.Payment, "ch_"+p.ID, amount, fee)})
	}
	i.paid += amount
	i.uses()
	m.payments = append(m.payments, p)
}

func (m *model) apply(p *paperPayment, f payments.Fact) {
	m.must(acme, func(tx *compaction.Tx) error { return ApplyPayment(tx, acme, p.ID, f) })
}

func (m *model) refundPayment() {
	p, ok := some(m.r, m.payments, func(p *paperPayment) bool {
		return p.dispute == nil && p.amount > p.refunded
	})
	if !ok {
		return
	}
	amount, note := m.part(p.amount-p.refunded), ""
	of, found := some(m.r, p.invoice.notes, func(n *paperNote) bool { return n.left > 0 })
	if found && m.r.IntN(3) > 0 {
		note, amount = of.id, min(amount, of.left)
		of.left -= amount
	}
	r := m.refund(p.ID, amount, note)
	p.refunded += amount
	if note == "" {
		p.plain += amount
		p.invoice.plain += amount
	} else {
		p.invoice.paid -= amount
	}
	p.invoice.uses()
	x := &movement{line: line(payments.LineRefund, p.Payment, "re_"+r, -amount, 0)}
	if x.line.Refund = r; p.Gateway == Offline {
		x.offline = r
	}
	m.moved = append(m.moved, x)
}

func (m *model) disputePayment() {
	p, ok := some(m.r, m.payments, func(p *paperPayment) bool {
		return p.Gateway != Offline && (p.dispute == nil && p.refunded == 0 ||
			p.dispute != nil && p.dispute.State == payments.DisputeNeedsResponse)
	})
	if !ok {
		return
	}
	id := "dp_" + p.ID
	if p.dispute == nil {
		p.dispute = &payments.DisputeFact{Gateway: "stripe", GatewayID: id,
			State: payments.DisputeNeedsResponse, Amount: euro(p.amount),
			Withdrawn: euro(p.amount), Fee: euro(m.r.Int64N(2) * 1_500)}
		m.moved = append(m.moved, &movement{line: line(payments.LineDispute, p.Payment, id,
			-p.amount, p.dispute.Fee.Minor())})
	} else if m.r.IntN(2) == 0 {
		p.dispute.State, p.dispute.Reinstated = payments.DisputeWon, euro(p.amount)
		x := &movement{line: line(payments.LineDisputeReversal, p.Payment, id, p.amount, 0)}
		x.line.ID += "-back"
		m.moved = append(m.moved, x)
	} else {
		p.dispute.State = payments.DisputeLost
		p.invoice.paid -= p.amount
		p.invoice.uses()
	}
	for range 1 + m.r.IntN(2) {
		p.dispute.Observed = time.Now().UTC()
		m.must(acme, func(tx *compaction.Tx) error {
			return ApplyDispute(tx, acme, p.ID, *p.dispute)
		})
	}
}

// payOut pays out what the gateway holds: some of it, or all.
func (m *model) payOut(everything bool) {
	var lines []payments.PayoutLine
	for _, x := range m.moved {
		if x.offline == "" && !x.seen && (everything || m.r.IntN(2) == 0) {
			x.seen = true
			lines = append(lines, x.line)
		}
	}
	if len(lines) > 0 {
		m.payout(lines...)
	}
}

// bankShows has the bank show offline money: exactly, or with a difference that is accepted.
func (m *model) bankShows(x *movement, exact bool) {
	x.seen, x.bank = true, x.line.Gross.Minor()
	difference := int64(0)
	if !exact && x.bank > 10 && m.r.IntN(3) == 0 {
		difference = m.r.Int64N(21) - 10
	}
	x.bank += difference
	m.must(acme, func(tx *compaction.Tx) error {
		_, err := MatchStatementEntry(tx, acme, StatementEntry{ID: "entry_" + x.offline,
			Reference: "CASH " + x.offline, Amount: euro(x.bank)})
		return err
	})
	if difference == 0 {
		return
	}
	m.must(acme, func(tx *compaction.Tx) error { return AcceptDifference(tx, acme, x.offline) })
	m.excess += max(0, difference)
	m.short += max(0, -difference)
}

func (m *model) unseen() (*movement, bool) {
	return some(m.r, m.moved, func(x *movement) bool { return x.offline != "" && !x.seen })
}

func (m *model) give() {
	i, ok := some(m.r, m.invoices, payable)
	if !ok {
		return
	}
	m.must(acme, func(tx *compaction.Tx) (err error) {
		if i.paid == 0 && i.credited == 0 && m.r.IntN(2) == 0 {
			i.void = true
			_, err = VoidInvoice(tx, acme, i.ID)
		} else {
			i.bad = true
			_, err = MarkUncollectible(tx, acme, i.ID, false)
		}
		return err
	})
	i.uses()
}

func (m *model) credit() {
	i, ok := some(m.r, m.invoices, func(i *paperInvoice) bool {
		return !i.void && !i.bad && i.total > i.credited
	})
	if !ok {
		return
	}
	amount := m.part(i.total - i.credited)
	i.credited += amount
	note := &paperNote{m.id("crn"), amount}
	i.notes = append(i.notes, note)
	m.world.credit(i.ID, note.id, amount)
	i.uses()
}

func (m *model) late() {
	p, ok := some(m.r, m.payments, func(p *paperPayment) bool { return p.Gateway != Offline })
	if ok {
		m.apply(p, fact(p.Payment, payments.Succeeded, m.feeOf(p)))
	}
}

func (m *model) feeOf(p *paperPayment) int64 {
	i := slices.IndexFunc(m.moved, func(x *movement) bool { return x.line.Source == "ch_"+p.ID })
	return m.moved[i].line.Fee.Minor()
}

// TestModel does anything in any order, and after each step the books hold what the model says, and
// no open record breaks a rule; when all money was seen nothing is open.
func TestModel(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &model{world: newWorld(t), r: rand.New(rand.NewPCG(seed, 7))}
			steps := []struct {
				name string
				do   func()
			}{
				{"an invoice", m.addInvoice}, {"a payment", m.payInvoice},
				{"another payment", m.payInvoice}, {"a refund", m.refundPayment},
				{"a dispute", m.disputePayment}, {"a payout", func() { m.payOut(false) }},
				{"a credit note", m.credit}, {"a late fact", m.late},
				{"the bank", func() {
					if x, ok := m.unseen(); ok {
						m.bankShows(x, false)
					}
				}},
				{"giving up", func() {
					if m.r.IntN(3) == 0 {
						m.give()
					}
				}},
			}
			m.addInvoice()
			for range 60 {
				s := steps[m.r.IntN(len(steps))]
				s.do()
				m.compare(s.name)
			}
			m.finish()
		})
	}
}

// finish has everything seen and decided, and holds that nothing is open.
func (m *model) finish() {
	for _, p := range m.payments {
		if d := p.dispute; d != nil && d.State == payments.DisputeNeedsResponse {
			d.State, d.Observed = payments.DisputeLost, time.Now().UTC()
			p.invoice.paid -= p.amount
			m.must(acme, func(tx *compaction.Tx) error { return ApplyDispute(tx, acme, p.ID, *d) })
			p.invoice.uses()
		}
	}
	for _, i := range m.invoices {
		if i.void {
			m.invoiceAgain(i)
		}
		if payable(i) {
			i.bad = true
			m.must(acme, func(tx *compaction.Tx) error {
				_, err := MarkUncollectible(tx, acme, i.ID, false)
				return err
			})
			i.uses()
		}
	}
	for x, ok := m.unseen(); ok; x, ok = m.unseen() {
		m.bankShows(x, true)
	}
	m.payOut(true)
	m.compare("the end")
	m.gone()
	m.fold()
	for shard := range m.s.Count() {
		report, err := m.s.CompareStore(m.ctx, shard)
		if err != nil || len(report.Different) > 0 {
			m.t.Errorf("the store differs from the log: %v, %v", report.Different, err)
		}
	}
}
