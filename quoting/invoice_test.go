package quoting

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// billed makes an accepted quote and drafts its invoice.
func (e *engine) billed(n int, codes ...string) Invoice {
	e.t.Helper()
	quote := fmt.Sprintf("quo_%d", n)
	made(e, accept(e.issued(quote, "cus_ann"), codes...))
	return made(e, func(tx *compaction.Tx) (Invoice, error) {
		return CreateInvoice(tx, "acme", fmt.Sprintf("inv_%d", n), quote, Entire, "")
	})
}

func finalize(id string) func(tx *compaction.Tx) (Invoice, error) {
	return func(tx *compaction.Tx) (Invoice, error) { return FinalizeInvoice(tx, "acme", id) }
}

func pay(id string, minor int64) func(tx *compaction.Tx) (Invoice, error) {
	return func(tx *compaction.Tx) (Invoice, error) {
		return ApplyPayment(tx, "acme", id, money.New(minor, eur))
	}
}

// TestInvoiceFinalize holds that finalising numbers, dates, freezes and hashes an invoice, bills
// its quote wholly, and that the bytes stay through what follows.
func TestInvoiceFinalize(t *testing.T) {
	e := start(t)
	e.set(time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)) // still the first of March in New York
	draft := e.billed(1)
	if draft.Number != 0 || draft.Name() != "" || draft.AmountDue().String() != "178.00" {
		t.Errorf("draft %+v", draft)
	}
	i := made(e, finalize("inv_1"))
	if i.State != InvoiceOpen || i.Name() != "INV-1" || i.IssueDate != "2026-03-01" ||
		i.DueDate != "2026-03-15" ||
		i.Hash != sha256.Sum256(i.Frozen) {
		t.Errorf("finalised %+v", i)
	}
	if q := read(
		e,
		func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", "quo_1") },
	); q.State() != QuoteInvoiced {
		t.Errorf("the quote is %v", q.State())
	}
	refused[*MoveError](e, finalize("inv_1"))
	if !i.Overdue("2026-03-16") || i.Overdue("2026-03-15") || i.PartiallyPaid() {
		t.Error("overdue or partially paid at the wrong time")
	}
	part := made(e, pay("inv_1", 10000))
	if part.State != InvoiceOpen || !part.PartiallyPaid() ||
		part.AmountDue().String() != "78.00" {
		t.Errorf("partially paid %+v", part)
	}
	if m := refused[*MoveError](
		e,
		func(tx *compaction.Tx) (Invoice, error) { return VoidInvoice(tx, "acme", "inv_1") },
	); m.From != "partially paid" {
		t.Errorf("got %v", m)
	}
	over := made(e, pay("inv_1", 10000))
	if over.State != InvoicePaid || over.AmountOverpaid().String() != "22.00" ||
		!over.AmountDue().IsZero() ||
		over.Overdue("2027-01-01") {
		t.Errorf("overpaid %+v", over)
	}
	if !bytes.Equal(over.Frozen, i.Frozen) || over.Hash != i.Hash {
		t.Error("what is frozen changed")
	}
}

// TestInvoiceNumbers holds that numbers have no gap: drafts take none, and discarded drafts leave
// no trace on their quote.
func TestInvoiceNumbers(t *testing.T) {
	e := start(t)
	for n := range 3 {
		e.billed(n)
	}
	e.ok(func(tx *compaction.Tx) error { return DiscardInvoice(tx, "acme", "inv_1") })
	for want, id := range []string{"inv_2", "inv_0"} {
		if i := made(e, finalize(id)); i.Number != uint64(want+1) {
			t.Errorf("%s has number %d", id, i.Number)
		}
	}
	refused[*NotFoundError](e, finalize("inv_1"))
	made(e, func(tx *compaction.Tx) (Invoice, error) {
		return CreateInvoice(tx, "acme", "inv_3", "quo_1", Entire, "")
	})
	if i := made(e, finalize("inv_3")); i.Number != 3 {
		t.Errorf("number %d", i.Number)
	}
	if err := e.do(
		func(tx *compaction.Tx) error { return DiscardInvoice(tx, "acme", "inv_3") },
	); !errors.As(
		err,
		new(*MoveError),
	) {
		t.Errorf("discarding what is open: %v", err)
	}
}

// TestInvoiceCreateRefused holds what cannot be billed: what is not agreed, and the same thing
// twice.
func TestInvoiceCreateRefused(t *testing.T) {
	e := start(t)
	create := func(id, quote string, mode InvoiceMode, due Date) func(tx *compaction.Tx) (
		Invoice, error) {
		return func(tx *compaction.Tx) (Invoice, error) {
			return CreateInvoice(tx, "acme", id, quote, mode, due)
		}
	}
	e.issued("quo_9", "cus_ann")
	e.billed(1)
	refused[*MoveError](e, create("inv_9", "quo_9", Entire, ""))
	refused[*NotFoundError](e, create("inv_9", "quo_8", Entire, ""))
	refused[*ExistsError](e, create("inv_1", "quo_1", Entire, ""))
	if a := refused[*AmountError](
		e,
		create("inv_2", "quo_1", Entire, ""),
	); a.Of != "contract value" ||
		!a.Available.IsZero() {
		t.Errorf("got %v", a)
	}
	if f := refused[*FieldError](e, create("inv_2", "quo_1", 0, "")); f.Field != "mode" {
		t.Errorf("got %v", f)
	}
	if f := refused[*FieldError](
		e,
		create("inv_2", "quo_1", Entire, "2026-02-30"),
	); f.Field != "due_date" {
		t.Errorf("got %v", f)
	}
	if m := refused[*MoveError](
		e,
		func(tx *compaction.Tx) (Quote, error) { return CancelQuote(tx, "acme", "quo_1", ann) },
	); m.From != "accepted and billed" {
		t.Errorf("got %v", m)
	}
	made(e, accept(e.issued("quo_3", "cus_ann")))
	// In New York it is still the first of March.
	e.set(time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC))
	if f := refused[*FieldError](
		e,
		create("inv_3", "quo_3", Entire, "2026-02-28"),
	); f.Field != "due_date" || f.Rule != "range" {
		t.Errorf("a due date that is over: got %v", f)
	}
	made(e, create("inv_3", "quo_3", Entire, "2026-03-01"))
	e.set(time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC))
	if f := refused[*FieldError](e, finalize("inv_3")); f.Field != "due_date" {
		t.Errorf("got %v", f)
	}
}

// TestInvoiceVoid holds that a void invoice keeps its number and gives its quote back to be
// invoiced again at the agreed price, with its promotions, which are released when it is cancelled;
// that one given up releases them, keeps what was written off, and may still be paid.
func TestInvoiceVoid(t *testing.T) {
	e := start(t)
	p := e.promote(Promotion{ID: "pro_1", Coupon: Coupon{Percent: dec(t, "10")}}, "one")
	for n := range 2 {
		e.billed(n, "one")
		made(e, finalize(fmt.Sprintf("inv_%d", n)))
	}
	i := made(
		e,
		func(tx *compaction.Tx) (Invoice, error) { return VoidInvoice(tx, "acme", "inv_0") },
	)
	if i.State != InvoiceVoid || i.Number != 1 || e.usage(p.ID, "") != [2]uint64{2, 0} {
		t.Errorf("void %+v, usage %v", i, e.usage(p.ID, ""))
	}
	refused[*MoveError](e, pay("inv_0", 100))
	again := made(e, func(tx *compaction.Tx) (Invoice, error) {
		return CreateInvoice(tx, "acme", "inv_2", "quo_0", Entire, "")
	})
	if again.Priced.Payable != i.Priced.Payable {
		t.Errorf("invoiced again at %v, agreed %v", again.Priced.Payable, i.Priced.Payable)
	}
	if i := made(e, finalize("inv_2")); i.Number != 3 {
		t.Errorf("number %d", i.Number)
	}
	made(e, func(tx *compaction.Tx) (Invoice, error) { return VoidInvoice(tx, "acme", "inv_2") })
	q := made(
		e,
		func(tx *compaction.Tx) (Quote, error) { return CancelQuote(tx, "acme", "quo_0", ann) },
	)
	if q.State() != QuoteCancelled || len(q.Bills) != 0 || e.usage(p.ID, "") != [2]uint64{1, 0} {
		t.Errorf("cancelled %v, bills %v, usage %v", q.State(), q.Bills, e.usage(p.ID, ""))
	}
	off := WriteOff{money.New(16020, eur), []Relief{{StandardRate, money.New(1020, eur)}}}
	i = made(e, func(tx *compaction.Tx) (Invoice, error) {
		return MarkUncollectible(tx, "acme", "inv_1", off)
	})
	if u := e.usage(p.ID, ""); u != [2]uint64{} || !reflect.DeepEqual(*i.WriteOff, off) {
		t.Errorf("usage %v, written off %+v", u, i.WriteOff)
	}
	if i := made(e, pay("inv_1", 16020)); i.State != InvoicePaid {
		t.Errorf("paid after all: %v", i.State)
	}
}

// TestInvoiceOfNothing holds that an invoice that promotions leave nothing of is paid as it is
// finalised, and that a second one of the same quote is still refused.
func TestInvoiceOfNothing(t *testing.T) {
	e := start(t)
	e.promote(Promotion{ID: "pro_1", Coupon: Coupon{Percent: dec(t, "100")}}, "one")
	e.billed(1, "one")
	refused[*AmountError](e, func(tx *compaction.Tx) (Invoice, error) {
		return CreateInvoice(tx, "acme", "inv_2", "quo_1", Entire, "")
	})
	if i := made(
		e,
		finalize("inv_1"),
	); i.State != InvoicePaid || i.Paid.IsZero() ||
		!i.Total().IsZero() {
		t.Errorf("got %+v", i)
	}
}

// TestInvoicePaid walks through what payments, credits and their undoing do to an open invoice of
// 178.00, by value, without an engine.
func TestInvoicePaid(t *testing.T) {
	zero := money.New(0, eur)
	open := Invoice{
		State:          InvoiceOpen,
		Priced:         Priced{Currency: eur, Payable: money.New(17800, eur)},
		AmountPaid:     zero,
		AmountCredited: zero,
	}
	type step struct {
		do    func(Invoice, money.Amount, time.Time) (Invoice, error)
		minor int64
		want  string // state, due, overpaid; or the error's type
	}
	for name, steps := range map[string][]step{
		"in two parts": {{Invoice.Pay, 10000, "open 78.00 0.00"},
			{Invoice.Pay, 7800, "paid 0.00 0.00"}},
		"overpaid": {{Invoice.Pay, 17801, "paid 0.00 0.01"}, {Invoice.Pay, 1, "paid 0.00 0.02"}},
		"credited": {{Invoice.Credit, 17800, "paid 0.00 0.00"},
			{Invoice.Credit, 1, "*quoting.AmountError"}},
		"credited too much": {{Invoice.Credit, 17801, "*quoting.AmountError"}},
		"credited after it was paid, refunded": {
			{Invoice.Pay, 17800, "paid 0.00 0.00"}, {Invoice.Credit, 5000, "paid 0.00 50.00"},
			{Invoice.Unpay, 5000, "paid 0.00 0.00"}},
		"taken back": {{Invoice.Pay, 17800, "paid 0.00 0.00"},
			{Invoice.Unpay, 17800, "open 178.00 0.00"}, {Invoice.Pay, 17800, "paid 0.00 0.00"}},
		"taken back too much": {{Invoice.Pay, 100, "open 177.00 0.00"},
			{Invoice.Unpay, 101, "*quoting.AmountError"}},
		"nothing": {{Invoice.Pay, 0, "*quoting.FieldError"},
			{Invoice.Credit, -1, "*quoting.FieldError"}, {Invoice.Unpay, 0, "*quoting.FieldError"}},
		"without end": {{Invoice.Pay, maxAmount, "paid 0.00 9999999999822.00"},
			{Invoice.Pay, maxAmount, "*quoting.FieldError"}},
	} {
		i := open
		for n, s := range steps {
			after, err := s.do(i, money.New(s.minor, eur), noon)
			got := fmt.Sprintf("%T", err)
			if err == nil {
				got = fmt.Sprintf(
					"%v %s %s",
					after.State,
					after.AmountDue(),
					after.AmountOverpaid(),
				)
				i = after
			}
			if got != s.want {
				t.Errorf("%s, step %d: got %s, want %s", name, n+1, got, s.want)
			}
		}
	}
	for _, s := range []InvoiceState{InvoiceDraft, InvoiceVoid} {
		i := open
		i.State = s
		if _, err := i.Pay(money.New(1, eur), noon); !errors.As(err, new(*MoveError)) {
			t.Errorf("paying what is %v: %v", s, err)
		}
	}
}

// TestInvoiceIndexes holds that list pages find invoices by state, customer, quote and due date.
func TestInvoiceIndexes(t *testing.T) {
	e := start(t)
	e.billed(1)
	e.billed(2)
	made(e, finalize("inv_2"))
	for _, x := range []struct {
		index, prefix string
		want          []string
	}{
		{"state", "acme/open/", []string{"inv_2"}}, {"state", "acme/draft/", []string{"inv_1"}},
		{"customer", "acme/cus_ann/", []string{"inv_1", "inv_2"}},
		{"quote", "acme/quo_1/", []string{"inv_1"}}, {"due", "acme/2026-03-15/", []string{"inv_2"}},
	} {
		var got []string
		for _, r := range read(e, func(s compaction.State) ([]compaction.Row[Invoice], error) {
			return Invoices.Lookup(s, x.index, compaction.Page{Prefix: x.prefix})
		}) {
			got = append(got, r.Value.ID)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s %s: %v, want %v", x.index, x.prefix, got, x.want)
		}
	}
}

// TestToday holds that a tenant's day is that of its own zone on both sides of its midnight, and
// that a tenant without a record lives by UTC.
func TestToday(t *testing.T) {
	e := start(t) // acme's is New York's zone, five hours behind
	for _, c := range []struct {
		tenant string
		at     time.Time
		want   Date
	}{
		{"acme", time.Date(2026, 3, 2, 4, 59, 59, 0, time.UTC), "2026-03-01"},
		{"acme", time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC), "2026-03-02"},
		{"acmf", time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), "2026-03-02"},
	} {
		got := read(e, func(s compaction.State) (Date, error) { return Today(s, c.tenant, c.at) })
		if got != c.want {
			t.Errorf("%s at %v: %s, want %s", c.tenant, c.at, got, c.want)
		}
	}
}

// TestInvoiceDueAtOnce holds that a tenant whose invoices are due at once can say so: a term of no
// days once meant the default of fourteen.
func TestInvoiceDueAtOnce(t *testing.T) {
	e := start(t)
	terms := Tenant{ID: "acme", Name: "Acme", DueAtOnce: true}
	made(e, func(tx *compaction.Tx) (Tenant, error) { return UpdateTenant(tx, terms) })
	e.billed(1)
	if i := made(e, finalize("inv_1")); i.DueDate != i.IssueDate {
		t.Errorf("issued %s and due %s", i.IssueDate, i.DueDate)
	}
	terms.PaymentDays = 3
	f := refused[*FieldError](e, func(tx *compaction.Tx) (Tenant, error) {
		return UpdateTenant(tx, terms)
	})
	if f.Field != "payment_days" {
		t.Errorf("got %v", f)
	}
}
