package reconciliation

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
)

var update = flag.Bool("update", false, "write the golden report anew")

const acme = "acme"

var (
	eur = money.MustParseCurrency("EUR")
	t0  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func euro(minor int64) money.Amount { return money.New(minor, eur) }

// A world is an engine whose clock the test moves.
type world struct {
	t   *testing.T
	ctx context.Context
	s   *compaction.Shards
	now *atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	now := &atomic.Int64{}
	now.Store(t0.UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()) }
	s := compactiontest.StartAt(t, t.TempDir(), clock, settlement.Tables()...)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	w := &world{t, ctx, s, now}
	w.must(func(tx *compaction.Tx) error {
		_, err := quoting.CreateTenant(tx, quoting.Tenant{ID: acme, Name: "Acme"})
		if err != nil {
			return err
		}
		_, err = quoting.CreateCustomer(tx, quoting.Customer{Tenant: acme, ID: "-cus", Name: "C"})
		if err != nil {
			return err
		}
		_, err = quoting.CreatePromotion(tx, quoting.Promotion{Tenant: acme, ID: "pro_1",
			Name: "Ten", Funding: quoting.Tradesperson,
			Coupon: quoting.Coupon{Percent: decimal.NewFromInt(10)}})
		if err == nil {
			_, err = quoting.AddCode(tx, acme, "pro_1", "TEN")
		}
		return err
	})
	return w
}

func (w *world) must(decide func(tx *compaction.Tx) error) {
	w.t.Helper()
	_, err := settlement.Engine{Shards: w.s}.Do(w.ctx, compaction.Command{Tenant: acme,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, decide(tx)
		}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// invoice bills 100.00 and 25 % tax, with a code or without, in a currency.
func (w *world) invoice(n int, c money.Currency, codes ...string) quoting.Invoice {
	w.t.Helper()
	quote, invoice := fmt.Sprint("quo_", n), fmt.Sprint("inv_", n)
	var i quoting.Invoice
	w.must(func(tx *compaction.Tx) error {
		_, err := quoting.CreateQuote(tx, acme, quote, "-cus", quoting.Draft{
			Document: quoting.Document{Currency: c, Lines: []quoting.Line{{Description: "Work",
				Kind: quoting.Labour, Quantity: decimal.NewFromInt(1),
				UnitPrice: decimal.NewFromInt(100),
				Tax: quoting.Tax{Category: quoting.StandardRate,
					Rate: decimal.NewFromInt(25)}}}}})
		if err != nil {
			return err
		}
		q, err := quoting.IssueQuote(tx, acme, quote)
		if err != nil {
			return err
		}
		_, err = quoting.AcceptQuote(tx, acme, quote,
			quoting.Answer{Who: "C", Channel: quoting.ByAPI}, q.Last().Hash, codes)
		if err != nil {
			return err
		}
		_, err = quoting.CreateInvoice(tx, acme, invoice, quote, quoting.Entire, "")
		if err == nil {
			i, err = settlement.FinalizeInvoice(tx, acme, invoice)
		}
		return err
	})
	return i
}

// card takes a payment of all that is due at the gateway.
func (w *world) card(i quoting.Invoice, fee int64) {
	w.t.Helper()
	id, a := "pay_"+i.ID, i.AmountDue()
	w.must(func(tx *compaction.Tx) error {
		_, err := settlement.CreatePayment(tx, acme, settlement.NewPayment{ID: id,
			Invoice: i.ID, Gateway: "stripe", Method: "pm_card"})
		if err != nil {
			return err
		}
		return settlement.ApplyPayment(tx, acme, id, payments.Fact{Gateway: "stripe",
			GatewayID: "pi_" + i.ID, State: payments.Succeeded, Amount: a, Received: a,
			Fee: money.New(fee, a.Currency()), Charge: "ch_" + i.ID, Observed: tx.Now()})
	})
}

// line is a payout line of the payment of an invoice.
func line(i quoting.Invoice, kind payments.LineKind, source string, gross, fee int64,
) payments.LineNotice {
	c := i.Priced.Currency
	return payments.LineNotice{Gateway: "stripe", Arrival: t0.Add(48 * time.Hour),
		Line: payments.PayoutLine{ID: "txn_" + source, Tenant: acme, Payout: "stripe-po_1",
			Owner: acme, Kind: kind, Payment: "pay_" + i.ID, GatewayPayment: "pi_" + i.ID,
			Source: source, Gross: money.New(gross, c), Fee: money.New(fee, c),
			Net: money.New(gross-fee, c), Created: t0}}
}

func (w *world) payOut(n payments.LineNotice) {
	w.t.Helper()
	w.must(func(tx *compaction.Tx) error {
		code, err := settlement.ApplyPayoutLine(tx, n)
		if code != "" {
			w.t.Errorf("the line %s is refused: %s", n.Line.ID, code)
		}
		return err
	})
}

// scene is a business with something of everything: settled by a payout and by the bank, refunded
// late, in two currencies, and open.
func scene(t *testing.T) *world {
	w := newWorld(t)
	kwd := money.MustParseCurrency("KWD")
	first, dinar := w.invoice(1, eur, "TEN"), w.invoice(2, kwd)
	cash, open := w.invoice(3, eur), w.invoice(4, eur)
	w.card(first, 190)
	w.card(dinar, 2_000)
	w.card(open, 205)
	w.must(func(tx *compaction.Tx) error {
		_, err := settlement.CreatePayment(tx, acme, settlement.NewPayment{ID: "pay_cash",
			Invoice: cash.ID, Gateway: settlement.Offline, Method: "cash"})
		return err
	})
	w.payOut(line(first, payments.LinePayment, "ch_inv_1", 11_250, 190))
	w.now.Add(int64(24 * time.Hour))
	w.payOut(line(dinar, payments.LinePayment, "ch_inv_2", 125_000, 2_500))
	w.must(func(tx *compaction.Tx) error {
		_, err := settlement.MatchStatementEntry(tx, acme, settlement.StatementEntry{
			ID: "entry-1", Reference: "INV-3, thank you", Amount: euro(12_500),
			BookedOn: t0.Truncate(24 * time.Hour)})
		return err
	})
	w.now.Add(int64(24 * time.Hour))
	w.payOut(line(first, payments.LineRefund, "re_1", -1_000, 0))
	return w
}

// The report of a period has each movement once, in order, and the sums of what it has; it is the
// same bytes whenever it is written.
func TestWrite(t *testing.T) {
	w := scene(t)
	var got, again bytes.Buffer
	totals, err := Write(w.ctx, &got, w.s, acme, t0, t0.Add(30*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(w.ctx, &again, w.s, acme, t0, t0.Add(30*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), again.Bytes()) {
		t.Error("the report differs from itself")
	}
	if len(totals) != 2 || totals[0].Gross != euro(22_750) || totals[0].Rows != 3 {
		t.Errorf("totals %+v", totals)
	}
	path := filepath.Join("testdata", "report.csv")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the report is\n%s\nwant\n%s", got.Bytes(), want)
	}
}

// A period has what was seen from its beginning until before its end, and nothing else.
func TestWritePeriod(t *testing.T) {
	w := scene(t)
	day := 24 * time.Hour
	for _, test := range []struct {
		from, to time.Time
		want     int
	}{
		{t0, t0.Add(day), 1}, {t0.Add(day), t0.Add(2 * day), 2}, {t0.Add(1), t0.Add(2*day + 1), 3},
		{t0.Add(3 * day), t0.Add(9 * day), 0}, {t0.Add(-9 * day), t0, 0},
	} {
		rows := 0
		err := Rows(w.ctx, w.s, acme, test.from, test.to, func(r Row) error {
			if r.Record == RecordSettled {
				rows++
			}
			return nil
		})
		if err != nil || rows != test.want {
			t.Errorf("from %v to %v: %d rows, %v; want %d", test.from, test.to, rows, err, test.want)
		}
	}
}

// Cells that people can fill in are no formulas; every row has every column.
func TestRowCells(t *testing.T) {
	w := scene(t)
	var out bytes.Buffer
	if _, err := Write(w.ctx, &out, w.s, acme, t0, t0.Add(30*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for n, row := range rows {
		for i, cell := range row {
			number := columns[i] == "gross" || columns[i] == "fee" || columns[i] == "net"
			if cell != "" && bytes.ContainsAny([]byte(cell[:1]), "=+-@\t\r\n") && !number {
				t.Errorf("row %d, %s: %q may be a formula", n, columns[i], cell)
			}
		}
	}
}

// What is open is listed with the status that the clock gives it.
func TestOpen(t *testing.T) {
	w := scene(t)
	err := w.s.Read(acme, func(v *compaction.View) error {
		rows, err := Open(v, acme, t0.Add(time.Hour), compaction.Page{})
		if len(rows) != 1 || rows[0].Value.Status != settlement.Expected {
			t.Errorf("open: %+v", rows)
		}
		rows, err2 := Open(v, acme, t0.Add(365*24*time.Hour), compaction.Page{Limit: 1})
		if err == nil {
			err = err2
		}
		if len(rows) != 1 || rows[0].Value.Status != settlement.Missing {
			t.Errorf("missing: %+v", rows)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Each beginning that a spreadsheet takes for a formula is defused.
func TestText(t *testing.T) {
	for s, want := range map[string]string{"": "", "a=b": "a=b", "=1+1": "'=1+1", "+49": "'+49",
		"-x": "'-x", "@x": "'@x", "\tx": "'\tx", "\r\nx": "'\r\nx", "é": "é"} {
		if got := text(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}
