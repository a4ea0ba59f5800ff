package gateways_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/gateways/sandbox"
	"github.com/quittance/quittance/gateways/stripe"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
)

// A path is the money path of two businesses through one provider's account, as the program wires
// it: the books of settlement, the worker, the sandbox and its webhooks.
type path struct {
	*testing.T
	engine   settlement.Engine
	provider *sandbox.Provider
	address  string
}

// tenants of the path; the platform holds the provider's account.
var tenants = []string{"acme", "baker", "platform"}

func newPath(t *testing.T, f sandbox.Faults) path {
	p, address := runSandbox(t, f)
	g, err := stripe.New(stripe.Options{URL: address, Key: testKey, WebhookSecret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	set := map[string]gateways.Gateway{stripe.Name: g}
	shards := compactiontest.Start(t, append(settlement.Tables(), gateways.Tables()...)...)
	s := path{t, settlement.Engine{Shards: shards}, p, address}
	hooks := httptest.NewServer(hook(gateways.Intake{Engine: s.engine, Gateways: set,
		Platform: "platform"}))
	t.Cleanup(hooks.Close)
	p.Subscribe(sandbox.Endpoint{URL: hooks.URL, Secret: testSecret})
	w := &world{T: t}
	w.start(gateways.Options{Engine: s.engine, Poll: 5 * time.Millisecond, First: time.Millisecond,
		Longest: 20 * time.Millisecond, Limit: 1000,
		Handlers: gateways.Settlement().Handlers(s.engine, set)})
	for _, tenant := range tenants {
		s.do(tenant, func(tx *compaction.Tx) error {
			_, err := quoting.CreateTenant(tx, quoting.Tenant{ID: tenant, Name: tenant})
			if err != nil {
				return err
			}
			_, err = quoting.CreateCustomer(tx, quoting.Customer{Tenant: tenant, ID: "cus_1",
				Name: "A. Customer"})
			return err
		})
	}
	return s
}

func (s path) do(tenant string, decide func(tx *compaction.Tx) error) {
	s.Helper()
	_, err := s.engine.Do(context.Background(), compaction.Command{Tenant: tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, decide(tx)
		}})
	if err != nil {
		s.Fatal(err)
	}
}

// invoice quotes, accepts and finalises an invoice of an amount without tax, and has it paid.
func (s path) invoice(tenant string, n int, minor int64) {
	s.Helper()
	quote, invoice := fmt.Sprintf("quo_%d", n), fmt.Sprintf("inv_%d", n)
	d := quoting.Document{Currency: money.MustParseCurrency("EUR"), Lines: []quoting.Line{{
		Description: "Work", Kind: quoting.Labour, Quantity: decimal.NewFromInt(1),
		UnitPrice: decimal.New(minor, -2), Tax: quoting.Tax{Category: quoting.ZeroRated}}}}
	s.do(tenant, func(tx *compaction.Tx) error {
		_, err := quoting.CreateQuote(tx, tenant, quote, "cus_1", quoting.Draft{Document: d})
		if err != nil {
			return err
		}
		q, err := quoting.IssueQuote(tx, tenant, quote)
		if err != nil {
			return err
		}
		_, err = quoting.AcceptQuote(tx, tenant, quote, quoting.Answer{Who: "A. Customer",
			Channel: quoting.ByLink}, q.Last().Hash, nil)
		if err != nil {
			return err
		}
		_, err = quoting.CreateInvoice(tx, tenant, invoice, quote, quoting.Entire, "")
		if err != nil {
			return err
		}
		if _, err = settlement.FinalizeInvoice(tx, tenant, invoice); err != nil {
			return err
		}
		_, err = settlement.CreatePayment(tx, tenant, settlement.NewPayment{
			ID: fmt.Sprintf("pay_%d", n), Invoice: invoice, Gateway: stripe.Name,
			Method: "pm_card_visa"})
		return err
	})
}

// retry gives every payment that was declined another attempt, and reports whether one was.
func (s path) retry() bool {
	s.Helper()
	again := false
	for _, tenant := range tenants {
		var declined []compaction.Row[payments.Payment]
		s.read(tenant, func(v *compaction.View) (err error) {
			declined, err = payments.Payments.Lookup(v, "state", compaction.Page{
				Prefix: compaction.Key(tenant, payments.RequiresPaymentMethod.String(), "")})
			return err
		})
		for _, r := range declined {
			if r.Value.Code == "" {
				continue
			}
			again = true
			s.do(tenant, func(tx *compaction.Tx) error {
				_, err := settlement.RetryPayment(tx, tenant, r.Value.ID, "", "")
				return err
			})
		}
	}
	return again
}

func (s path) read(tenant string, f func(v *compaction.View) error) {
	s.Helper()
	if err := s.engine.Read(tenant, f); err != nil {
		s.Fatal(err)
	}
}

// quiet waits until there is nothing left to be told or done.
func (s path) quiet() {
	s.Helper()
	w := &world{T: s.T, shards: s.engine.Shards, gateway: newScripted()}
	w.until("it is quiet", func() bool {
		pending, err := s.provider.Pending()
		if err != nil {
			s.Fatal(err)
		}
		return pending == 0 && w.outbox() == 0 && !s.retry() && w.outbox() == 0
	})
}

// count returns how many records of a topic are open, over all tenants.
func (s path) count(topic string) int {
	s.Helper()
	n := 0
	err := s.engine.Each(func(_ int, v *compaction.View) error {
		more, err := v.Count("quittance." + topic + ".v1")
		n += more
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// helper calls a test helper of the provider.
func (s path) helper(name, parameters string, v any) {
	s.Helper()
	r, err := http.NewRequest(http.MethodPost, s.address+"/v1/test_helpers/"+name,
		strings.NewReader(parameters))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil || answer.StatusCode != 200 {
		s.Fatalf("%s: %d %s %v", name, answer.StatusCode, b, err)
	}
}

// holds returns what an account holds, in minor units: debits less credits.
func (s path) holds(tenant, account string) (minor int64) {
	s.Helper()
	s.read(tenant, func(v *compaction.View) error {
		a, _, err := ledger.Accounts.Get(v, ledger.AccountKey(tenant, ledger.AccountID(account),
			money.MustParseCurrency("EUR")))
		minor = a.Posted.Debits - a.Posted.Credits
		return err
	})
	return minor
}

// settled checks that nothing is open, that no rule is broken, and that the banks of all tenants
// together hold what the provider paid out.
func (s path) settled(paid int64) {
	s.Helper()
	for _, topic := range []string{"payments", "attempts", "refunds", "disputes", "payouts",
		"payoutlines", "invoices", "quotes", "outbox"} {
		if n := s.count(topic); n != 0 {
			s.Errorf("%d %s are open", n, topic)
		}
	}
	bank := int64(0)
	for _, tenant := range tenants {
		bank += s.holds(tenant, "bank")
		for _, account := range []string{"clearing:stripe", "receivable:cus_1", "disputes"} {
			if minor := s.holds(tenant, account); minor != 0 {
				s.Errorf("%s holds %d in %s", tenant, minor, account)
			}
		}
	}
	if bank != paid {
		s.Errorf("the banks hold %d, %d was paid out", bank, paid)
	}
	err := s.engine.Each(func(_ int, v *compaction.View) error {
		found, err := settlement.CheckOpen(v)
		for _, f := range found {
			s.Error(f)
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}

// TestPath takes the money of two businesses through a provider at which everything goes wrong:
// paid, paid out by one payout, settled, gone from the open records; then a refund after it was
// settled, and a dispute that is won, each through another payout. To the cent, every time.
func TestPath(t *testing.T) {
	s := newPath(t, sandbox.Faults{Seed: 11, Decline: 150, Timeout: 100, ErrorBefore: 100,
		ErrorAfter: 100, Duplicate: 300, Reorder: 300, Conflict: 300, Hang: 10 * time.Millisecond})
	const each = 10
	for n := range 2 * each {
		s.invoice(tenants[n%2], n, int64(1000+37*n))
	}
	s.quiet()
	s.settled(s.payOut())

	s.do("acme", func(tx *compaction.Tx) error {
		_, err := settlement.CreateRefund(tx, "acme", settlement.NewRefund{ID: "ref_1",
			Payment: "pay_4", Amount: money.New(500, money.MustParseCurrency("EUR")),
			Reason: "requested_by_customer"})
		return err
	})
	s.quiet()
	var d struct {
		ID string `json:"id"`
	}
	s.helper("disputes", "payment_intent="+s.intent("pay_6"), &d)
	s.quiet()
	s.invoice("acme", 2*each, 90_000) // so that there is something to pay out
	s.quiet()
	s.payOut()
	if n := s.count("disputes"); n != 1 {
		t.Errorf("%d disputes are open, want 1", n)
	}
	s.helper("disputes/"+d.ID+"/close", "outcome=won", &d)
	s.quiet()
	s.settled(s.payOut())
	if got := s.holds("acme", "refunds"); got != 500 {
		t.Errorf("refunds hold %d", got)
	}
}

// payOut has the provider pay out, waits until the books have it, and returns what was paid out so
// far: where a day begins meanwhile the provider has done some of it by itself.
func (s path) payOut() (sum int64) {
	s.Helper()
	var all struct {
		Data []struct {
			Amount int64 `json:"amount"`
		} `json:"data"`
	}
	s.helper("payouts", "", &all)
	s.quiet()
	for !asked(s.T, s.address+"/v1/payouts?limit=100", &all) {
	}
	for _, p := range all.Data {
		sum += p.Amount
	}
	return sum
}

// intent returns the provider's id of a payment.
func (s path) intent(payment string) string {
	s.Helper()
	var l struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	s.provider.SetFaults(sandbox.Faults{Duplicate: 300, Reorder: 300})
	query := url.Values{"query": {`metadata["payment"]:"` + payment + `"`}}
	ask(s.T, s.address+"/v1/payment_intents/search?"+query.Encode(), &l)
	if len(l.Data) != 1 {
		s.Fatalf("the provider has %d payment intents of %s", len(l.Data), payment)
	}
	return l.Data[0].ID
}
