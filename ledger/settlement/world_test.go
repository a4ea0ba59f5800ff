package settlement

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

const (
	acme     = "acme"
	platform = "platform"
	customer = "cus_1"
)

var eur = money.MustParseCurrency("EUR")

var tenPercent = decimal.NewFromInt(10)

func euro(minor int64) money.Amount { return money.New(minor, eur) }

// A world is a business, its platform and an engine, for tests to act on.
type world struct {
	t     testing.TB
	ctx   context.Context
	s     *compaction.Shards
	e     Engine
	count int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return worldOn(t, compactiontest.Start(t, Tables()...))
}

func worldOn(t testing.TB, s *compaction.Shards) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx, s: s, e: Engine{s}}
	for _, tenant := range []string{acme, platform} {
		w.must(tenant, func(tx *compaction.Tx) error {
			fee := decimal.Decimal{}
			if tenant == acme {
				fee = decimal.RequireFromString("2.5")
			}
			_, err := quoting.CreateTenant(tx, quoting.Tenant{ID: tenant, Name: tenant,
				PlatformFee: fee})
			if err != nil {
				return err
			}
			_, err = quoting.CreateCustomer(tx, quoting.Customer{Tenant: tenant, ID: customer,
				Name: "A. Customer"})
			return err
		})
	}
	w.must(acme, func(tx *compaction.Tx) error {
		for _, p := range []quoting.Promotion{
			{ID: "pro_ours", Funding: quoting.Tradesperson,
				Coupon: quoting.Coupon{Percent: tenPercent}},
			{ID: "pro_theirs", Funding: quoting.Platform,
				Coupon: quoting.Coupon{Amount: euro(700)}},
		} {
			p.Tenant, p.Name, p.Combinable = acme, p.ID, true
			if _, err := quoting.CreatePromotion(tx, p); err != nil {
				return err
			}
		}
		if _, err := quoting.AddCode(tx, acme, "pro_ours", "TEN"); err != nil {
			return err
		}
		_, err := quoting.AddCode(tx, acme, "pro_theirs", "SEVEN")
		return err
	})
	return w
}

// do has a command decided by a tenant's shard through the Engine.
func (w *world) do(tenant string, decide func(tx *compaction.Tx) error) error {
	_, err := w.e.Do(w.ctx, compaction.Command{Tenant: tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, decide(tx)
		}})
	return err
}

func (w *world) must(tenant string, decide func(tx *compaction.Tx) error) {
	w.t.Helper()
	if err := w.do(tenant, decide); err != nil {
		w.t.Fatal(err)
	}
}

// id returns a new id.
func (w *world) id(prefix string) string {
	w.count++
	return fmt.Sprintf("%s_%d", prefix, w.count)
}

// document is one line of work at 25 % tax.
func document(net int64) quoting.Document {
	return quoting.Document{Currency: eur, Lines: []quoting.Line{{Description: "Work",
		Kind: quoting.Labour, Quantity: decimal.NewFromInt(1), UnitPrice: decimal.New(net, -2),
		Tax: quoting.Tax{Category: quoting.StandardRate, Rate: decimal.NewFromInt(25)}}}}
}

// invoice quotes, issues, accepts and invoices a document, and finalises the invoice.
func (w *world) invoice(d quoting.Document, codes ...string) quoting.Invoice {
	w.t.Helper()
	quote, invoice := w.id("quo"), w.id("inv")
	var made quoting.Invoice
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := quoting.CreateQuote(tx, acme, quote, customer, quoting.Draft{Document: d})
		if err != nil {
			return err
		}
		q, err := quoting.IssueQuote(tx, acme, quote)
		if err != nil {
			return err
		}
		_, err = quoting.AcceptQuote(tx, acme, quote,
			quoting.Answer{Who: "A. Customer", Channel: quoting.ByLink}, q.Last().Hash, codes)
		if err != nil {
			return err
		}
		_, err = quoting.CreateInvoice(tx, acme, invoice, quote, quoting.Entire, "")
		if err != nil {
			return err
		}
		made, err = FinalizeInvoice(tx, acme, invoice)
		return err
	})
	return made
}

// pay makes a payment of an invoice; an amount of 0 is all that is due.
func (w *world) pay(invoice, gateway, method string, minor int64) payments.Payment {
	w.t.Helper()
	var p payments.Payment
	n := NewPayment{ID: w.id("pay"), Invoice: invoice, Gateway: gateway, Method: method}
	if minor != 0 {
		n.Amount = euro(minor)
	}
	w.must(acme, func(tx *compaction.Tx) (err error) {
		p, err = CreatePayment(tx, acme, n)
		return err
	})
	return p
}

// fact is what a gateway says about a payment.
func fact(p payments.Payment, s payments.State, fee int64) payments.Fact {
	f := payments.Fact{Gateway: p.Gateway, GatewayID: "pi_" + p.ID, State: s, Amount: p.Amount,
		Observed: time.Now().UTC()}
	if s == payments.Succeeded {
		f.Received, f.Charge, f.Fee = p.Amount, "ch_"+p.ID, euro(fee)
	}
	return f
}

// captured pays an invoice at the gateway.
func (w *world) captured(invoice string, minor, fee int64) payments.Payment {
	w.t.Helper()
	p := w.pay(invoice, "stripe", "pm_card", minor)
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, p.ID, fact(p, payments.Succeeded, fee))
	})
	return p
}

// line is a payout line of a payment.
func line(kind payments.LineKind, p payments.Payment, source string, gross, fee int64,
) payments.PayoutLine {
	return payments.PayoutLine{ID: "txn_" + source, Owner: acme, Kind: kind, Payment: p.ID,
		GatewayPayment: "pi_" + p.ID, Source: source, Gross: euro(gross), Fee: euro(fee),
		Net: euro(gross - fee), Created: time.Now().UTC()}
}

// payout pays lines out: the platform's books, each owner's, and the answers.
func (w *world) payout(lines ...payments.PayoutLine) string {
	w.t.Helper()
	sum := int64(0)
	for _, l := range lines {
		sum += l.Net.Minor()
	}
	f := payments.PayoutFact{Gateway: "stripe", GatewayID: w.id("po"), State: payments.PayoutPaid,
		Amount: euro(sum), Trace: "TRACE" + fmt.Sprint(w.count), Observed: time.Now().UTC(),
		Arrival: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)}
	w.must(platform, func(tx *compaction.Tx) error { return ApplyPayout(tx, platform, f, lines) })
	w.tell(PayoutID("stripe", f.GatewayID))
	return f.GatewayID
}

// tell carries the effects of kind payout.line to the owners and their answers back, each twice.
func (w *world) tell(payout string) {
	w.t.Helper()
	for _, e := range w.effects(platform, payments.EffectPayoutLine) {
		n, err := payments.DecodeLine(e.Payload)
		if err != nil {
			w.t.Fatal(err)
		}
		code := ""
		for range 2 {
			w.must(n.Line.Owner, func(tx *compaction.Tx) (err error) {
				code, err = ApplyPayoutLine(tx, n)
				return err
			})
		}
		for range 2 {
			w.must(platform, func(tx *compaction.Tx) error {
				compaction.Outbox.Delete(tx, compaction.Key(platform, e.ID))
				return AnswerPayoutLine(tx, n.Line, code)
			})
		}
	}
}

// effects returns the effects of a kind that wait.
func (w *world) effects(tenant, kind string) []compaction.Effect {
	w.t.Helper()
	var found []compaction.Effect
	w.read(tenant, func(v *compaction.View) error {
		rows, err := compaction.Outbox.Scan(v, compaction.Page{Prefix: tenant + "/"})
		for _, r := range rows {
			if r.Value.Kind == kind {
				found = append(found, r.Value)
			}
		}
		return err
	})
	return found
}

func (w *world) read(tenant string, f func(v *compaction.View) error) {
	w.t.Helper()
	if err := w.s.Read(tenant, f); err != nil {
		w.t.Fatal(err)
	}
}

// holds returns what an account holds, in minor units: debits less credits.
func (w *world) holds(tenant string, id ledger.AccountID) int64 {
	w.t.Helper()
	var minor int64
	w.read(tenant, func(v *compaction.View) error {
		a, _, err := ledger.Accounts.Get(v, ledger.AccountKey(tenant, id, eur))
		minor = a.Posted.Debits - a.Posted.Credits
		return err
	})
	return minor
}

// check holds every rule of CheckOpen, and that the books balance and are the fold of the journal.
func (w *world) check() {
	w.t.Helper()
	err := w.s.Each(func(shard int, v *compaction.View) error {
		found, err := CheckOpen(v)
		for _, f := range found {
			w.t.Error(f)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// fold compares the books with the fold of the journal, which checks the chain as well.
func (w *world) fold() {
	w.t.Helper()
	for _, tenant := range []string{acme, platform} {
		f := ledger.NewFold(compaction.ShardOf(tenant, w.s.Count()))
		for n := uint64(1); ; n++ {
			e, err := w.s.Entry(w.ctx, tenant, ledger.Journal, n)
			if errors.Is(err, compaction.ErrNoEntry) {
				break
			}
			if err == nil {
				err = f.Add(e.Value)
			}
			if err != nil {
				w.t.Fatal(err)
			}
		}
		w.read(tenant, func(v *compaction.View) error {
			found, err := f.Compare(v)
			for _, text := range found {
				w.t.Error(text)
			}
			return err
		})
	}
}

// gone holds that nothing is open but customers, tenants, promotions and counters.
func (w *world) gone() {
	w.t.Helper()
	for _, tenant := range []string{acme, platform} {
		w.read(tenant, func(v *compaction.View) error {
			for _, topic := range []string{"payments", "attempts", "refunds", "disputes", "payouts",
				"payoutlines", "quotes", "invoices", "redemptions", "links"} {
				n, err := v.Count("quittance." + topic + ".v1")
				if err != nil {
					return err
				}
				if n != 0 {
					w.t.Errorf("%d %s are open", n, topic)
				}
			}
			return nil
		})
	}
}

func account(id string) ledger.AccountID { return ledger.AccountID(id) }
