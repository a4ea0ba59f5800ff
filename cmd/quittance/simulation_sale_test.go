package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
)

// A simSale is a quote that was accepted and invoiced, and its payment.
type simSale struct {
	client   *simClient
	id       string // of all of them, after what each begins with
	card     bool   // by the provider, else by transfer
	minor    int64
	answered bool
}

func (o *simSale) payment() string { return "pay_" + o.id }

// enrol makes the client's tenant, unless another client has, and its customer.
func (c *simClient) enrol(tx *compaction.Tx) error {
	_, err := quoting.CreateTenant(tx, quoting.Tenant{ID: c.tenant, Name: c.tenant})
	if _, there := errors.AsType[*quoting.ExistsError](err); err != nil && !there {
		return err
	}
	_, err = quoting.CreateCustomer(tx, quoting.Customer{Tenant: c.tenant, ID: c.customer(),
		Name: "A. Customer"})
	return err
}

func (c *simClient) customer() string { return "cus_" + strings.ReplaceAll(c.name, "-", "") }

// sell quotes some work, has the quote accepted, invoiced and paid.
func (c *simClient) sell() {
	o := &simSale{client: c, id: fmt.Sprintf("%s.%d", strings.ReplaceAll(c.name, "-", ""), c.steps),
		card: c.rng.IntN(4) > 0, minor: 1 + c.rng.Int64N(90000)}
	c.s.books.sales(o)
	_, err := c.do(compaction.Command{Tenant: c.tenant,
		Idempotency: &compaction.Idempotency{Principal: "sim", Operation: "sell", Key: o.id},
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{Code: 201, Body: []byte(o.payment())}, o.decide(tx)
		}}, false, 0)
	if err != nil && !c.s.over() {
		c.s.fault("%s: sale %s: %v", c.name, o.id, err)
	}
	o.answered = err == nil
}

// decide takes the sale from the draft of its quote to its payment.
func (o *simSale) decide(tx *compaction.Tx) error {
	tenant, quote, invoice := o.client.tenant, "quo_"+o.id, "inv_"+o.id
	d := quoting.Document{Currency: simEuro, Lines: []quoting.Line{{
		Description: "Work", Kind: quoting.Labour, Quantity: decimal.NewFromInt(1),
		UnitPrice: decimal.New(o.minor, -2), Tax: quoting.Tax{Category: quoting.ZeroRated}}}}
	_, err := quoting.CreateQuote(tx, tenant, quote, o.client.customer(), quoting.Draft{Document: d})
	if err != nil {
		return err
	}
	q, err := quoting.IssueQuote(tx, tenant, quote)
	if err != nil {
		return err
	}
	_, err = quoting.AcceptQuote(tx, tenant, quote,
		quoting.Answer{Who: "A. Customer", Channel: quoting.ByLink}, q.Last().Hash, nil)
	if err != nil {
		return err
	}
	if _, err = quoting.CreateInvoice(tx, tenant, invoice, quote, quoting.Entire, ""); err != nil {
		return err
	}
	if _, err = settlement.FinalizeInvoice(tx, tenant, invoice); err != nil {
		return err
	}
	p := settlement.NewPayment{ID: o.payment(), Invoice: invoice, Gateway: simCards, Method: "card"}
	if !o.card {
		p.Gateway, p.Method = settlement.Offline, "transfer"
	}
	_, err = settlement.CreatePayment(tx, tenant, p)
	return err
}

// sales notes a sale that was asked for.
func (b *simBooks) sales(o *simSale) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sold = append(b.sold, o)
}

// settle waits until every payment by card has succeeded, has the provider pay them out and waits
// until they have settled. Each must have been charged once, and those not known at most once.
func (b *simBooks) settle(p *simProcess) {
	b.s.provider.flying.Wait()
	engine := settlement.Engine{Shards: p.shards}
	if !b.until(3*time.Hour, func() (bool, error) { return b.paid(engine) }) {
		b.s.fault("payments do not come to an end, long after everything is well")
		return
	}
	tenants := map[string]bool{}
	for _, o := range b.sold {
		if n := b.s.provider.charges(o.payment()); o.card && (n > 1 || n == 0 && o.answered) {
			b.s.fault("payment %s was charged %d times", o.payment(), n)
		}
		tenants[o.client.tenant] = o.card || tenants[o.client.tenant]
	}
	for tenant, some := range tenants {
		if !some {
			continue
		}
		b.payouts++
		f, lines := b.s.provider.payOut(tenant, fmt.Sprintf("po_%d", b.payouts), time.Now())
		if len(lines) == 0 {
			continue
		}
		err := b.do(engine, tenant, func(tx *compaction.Tx) error {
			return settlement.ApplyPayout(tx, tenant, f, lines)
		})
		if err != nil {
			b.s.fault("the payout to %s: %v", tenant, err)
		}
	}
	if !b.until(3*time.Hour, func() (bool, error) { return b.ended(engine) }) {
		b.s.fault("payments do not settle, long after they were paid out")
	}
}

// until asks whether something is so, again and again.
func (b *simBooks) until(d time.Duration, so func() (bool, error)) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
		if ok, err := so(); ok && err == nil {
			return true
		}
	}
	return false
}

// paid reports whether every payment by card has succeeded. One that was declined is tried again.
func (b *simBooks) paid(engine settlement.Engine) (bool, error) {
	all := true
	for _, o := range b.sold {
		var p payments.Payment
		var ok, ended bool
		err := engine.Read(o.client.tenant, func(v *compaction.View) (err error) {
			p, ok, err = payments.Payments.Get(v, compaction.Key(o.client.tenant, o.payment()))
			if err != nil || ok {
				return err
			}
			ended, err = settlement.Ended(v, o.client.tenant, o.payment())
			return err
		})
		switch {
		case err != nil:
			return false, err
		case !ok && !ended && o.answered:
			b.s.fault("payment %s was answered and is not there", o.payment())
		case ok && p.Amount != money.New(o.minor, simEuro):
			b.s.fault("payment %s is of %v, not of %d", o.payment(), p.Amount, o.minor)
		case !ok || p.State == payments.Succeeded:
		case p.State == payments.RequiresPaymentMethod && p.Code != "":
			all = false
			err := b.do(engine, o.client.tenant, func(tx *compaction.Tx) error {
				_, err := settlement.RetryPayment(tx, o.client.tenant, p.ID, "", "")
				return err
			})
			if err != nil {
				return false, err
			}
		default:
			all = false
		}
	}
	return all, nil
}

// ended reports whether every payment by card has settled.
func (b *simBooks) ended(engine settlement.Engine) (bool, error) {
	for _, o := range b.sold {
		var open bool
		err := engine.Read(o.client.tenant, func(v *compaction.View) (err error) {
			_, open, err = payments.Payments.Get(v, compaction.Key(o.client.tenant, o.payment()))
			return err
		})
		if err != nil || o.card && open {
			return false, err
		}
	}
	return true, nil
}

// do has something decided that has no key.
func (b *simBooks) do(engine settlement.Engine, tenant string,
	decide func(tx *compaction.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := engine.Do(ctx, compaction.Command{Tenant: tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, decide(tx)
		}})
	return err
}
