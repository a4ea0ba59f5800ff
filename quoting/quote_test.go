package quoting

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// TestQuoteFrozen holds that issuing freezes and hashes the content, that what is stored keeps
// those very bytes through everything that follows, and that an edit is then refused.
func TestQuoteFrozen(t *testing.T) {
	e := start(t)
	q := e.issued("quo_1", "cus_ann")
	v := q.Last()
	if q.Number != 1 || q.Name() != "Q-1" || v.State != QuoteIssued ||
		v.Hash != sha256.Sum256(v.Frozen) {
		t.Errorf("issued: %+v", q)
	}
	if v.Content.Priced.Payable.String() != "178.00" {
		t.Errorf("payable %s", v.Content.Priced.Payable)
	}
	refused[*MoveError](
		e,
		func(tx *compaction.Tx) (Quote, error) { return EditQuote(tx, "acme", "quo_1", quoted(t)) },
	)
	refused[*MoveError](
		e,
		func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", "quo_1") },
	)
	made(e, accept(q))
	got := read(
		e,
		func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", "quo_1") },
	)
	if !bytes.Equal(got.Last().Frozen, v.Frozen) || got.Last().Hash != v.Hash ||
		got.State() != QuoteAccepted {
		t.Errorf("accepted: %+v", got.Last())
	}
	a := got.Last().Acceptance
	if a.Who != "Ann" || a.Channel != ByLink || !a.At.Equal(noon) || a.Hash != v.Hash ||
		a.Priced.Payable.String() != "178.00" {
		t.Errorf("acceptance %+v", a)
	}
}

// TestQuoteAcceptRefused walks through what makes an acceptance void: another hash, nobody's
// name, a state that offers nothing, a quote of another tenant.
func TestQuoteAcceptRefused(t *testing.T) {
	e := start(t)
	q := e.issued("quo_1", "cus_ann")
	other := q
	other.Versions = slices.Clone(q.Versions)
	other.Versions[0].Hash[0]++
	if r := refused[*HashError](e, accept(other)); r.Issued != q.Last().Hash {
		t.Errorf("the refusal names %s", r.Issued)
	}
	if f := refused[*FieldError](e, func(tx *compaction.Tx) (Quote, error) {
		return AcceptQuote(tx, "acme", "quo_1", Answer{Channel: ByLink}, q.Last().Hash, nil)
	}); f.Field != "who" {
		t.Errorf("got %v", f)
	}
	if f := refused[*FieldError](e, func(tx *compaction.Tx) (Quote, error) {
		return AcceptQuote(tx, "acme", "quo_1", Answer{Who: "Ann"}, q.Last().Hash, nil)
	}); f.Field != "channel" {
		t.Errorf("got %v", f)
	}
	elsewhere := q
	elsewhere.Tenant = "acmf"
	refused[*NotFoundError](e, accept(elsewhere))
	made(e, accept(q))
	if m := refused[*MoveError](e, accept(q)); m.From != "accepted" || m.On != "accept" {
		t.Errorf("accepted twice: %v", m)
	}
	refused[*MoveError](
		e,
		func(tx *compaction.Tx) (Quote, error) { return DeclineQuote(tx, "acme", "quo_1", ann) },
	)
}

// TestQuoteExpires holds that validity ends with the last day in the customer's time zone, that
// nothing is accepted after it even before the owner has come round to it, and that the owner then
// expires the quote by itself.
func TestQuoteExpires(t *testing.T) {
	e := start(t)
	made(e, func(tx *compaction.Tx) (Customer, error) {
		return UpdateCustomer(
			tx,
			Customer{Tenant: "acme", ID: "cus_ann", Name: "Ann", TimeZone: "Pacific/Auckland"},
		)
	})
	d := quoted(t)
	d.ValidUntil = "2026-04-05" // the day on which Auckland's summer time ends
	for _, id := range []string{"quo_1", "quo_2"} {
		made(
			e,
			func(tx *compaction.Tx) (Quote, error) { return CreateQuote(tx, "acme", id, "cus_ann", d) },
		)
	}
	q := made(
		e,
		func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", "quo_1") },
	)
	end := time.Date(2026, 4, 5, 12, 0, 0, 0, time.UTC) // midnight at UTC+12
	if !q.Last().Expires.Equal(end) {
		t.Errorf("expires %v, want %v", q.Last().Expires, end)
	}
	e.clock.Store(end.UnixNano())
	if m := refused[*MoveError](e, accept(q)); m.From != "expired" {
		t.Errorf("got %v", m)
	}
	e.eventually("expiry", func() bool {
		return read(
			e,
			func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", "quo_1") },
		).State() ==
			QuoteExpired
	})
	if f := refused[*FieldError](
		e,
		func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", "quo_2") },
	); f.Field != "valid_until" {
		t.Errorf("issued after its end: %v", f)
	}
	d.ValidUntil = "" // the tenant's validity, from the customer's today
	made(e, func(tx *compaction.Tx) (Quote, error) { return EditQuote(tx, "acme", "quo_2", d) })
	q = made(
		e,
		func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", "quo_2") },
	)
	if q.Last().Content.ValidUntil != "2026-05-06" || q.Number != 2 {
		t.Errorf("valid until %s, number %d", q.Last().Content.ValidUntil, q.Number)
	}
}

// TestQuoteVersions holds that a revision supersedes what was issued, that only one version is ever
// live, and that a quote keeps its number.
func TestQuoteVersions(t *testing.T) {
	e := start(t)
	q := e.issued("quo_1", "cus_ann")
	made(e, func(tx *compaction.Tx) (Quote, error) {
		return RequestChanges(tx, "acme", "quo_1", Answer{"Ann", ByEmail, "Without the pipe"})
	})
	refused[*MoveError](e, accept(q))
	q = made(
		e,
		func(tx *compaction.Tx) (Quote, error) { return ReviseQuote(tx, "acme", "quo_1") },
	)
	refused[*MoveError](
		e,
		func(tx *compaction.Tx) (Quote, error) { return ReviseQuote(tx, "acme", "quo_1") },
	)
	d := quoted(t)
	d.Document.Lines = d.Document.Lines[:1]
	made(e, func(tx *compaction.Tx) (Quote, error) { return EditQuote(tx, "acme", "quo_1", d) })
	old := q.Versions[0].Hash
	q = made(
		e,
		func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", "quo_1") },
	)
	if q.Number != 1 || len(q.Versions) != 2 || q.Versions[0].State != QuoteSuperseded ||
		q.Last().Hash == old {
		t.Errorf("revised: %+v", q)
	}
	if s := q.Versions[0].Statement; s == nil || s.Text != "Without the pipe" {
		t.Errorf("statement %+v", s)
	}
	live := 0
	for _, v := range q.Versions {
		if v.State.Live() {
			live++
		}
	}
	if live != 1 {
		t.Errorf("%d live versions", live)
	}
	stale := q
	stale.Versions = q.Versions[:1]
	refused[*HashError](e, accept(stale))
	q = made(e, accept(q))
	if q.Agreed().Payable.String() != "125.00" {
		t.Errorf("agreed %s", q.Agreed().Payable)
	}
}

// TestQuoteIndexes holds that list pages find quotes by state and customer as they change.
func TestQuoteIndexes(t *testing.T) {
	e := start(t)
	e.issued("quo_1", "cus_ann")
	made(
		e,
		func(tx *compaction.Tx) (Quote, error) {
			return CreateQuote(tx, "acme", "quo_2", "cus_bob", quoted(t))
		},
	)
	find := func(index, prefix string) (ids []string) {
		for _, r := range read(e, func(s compaction.State) ([]compaction.Row[Quote], error) {
			return Quotes.Lookup(s, index, compaction.Page{Prefix: prefix})
		}) {
			ids = append(ids, r.Value.ID)
		}
		return ids
	}
	for _, x := range []struct{ index, prefix, want string }{
		{"state", "acme/issued/", "quo_1"}, {"state", "acme/draft/", "quo_2"},
		{"customer", "acme/cus_bob/", "quo_2"},
	} {
		if got := find(x.index, x.prefix); !slices.Equal(got, []string{x.want}) {
			t.Errorf("%s %s: %v, want %s", x.index, x.prefix, got, x.want)
		}
	}
}

// TestItemReprices holds that a price book change takes hold in open drafts at once, in lines that
// have the book's price, and never in what was issued.
func TestItemReprices(t *testing.T) {
	e := start(t)
	item := Item{
		Tenant:    "acme",
		ID:        "itm_1",
		Name:      "Pipe",
		Kind:      Material,
		Currency:  eur,
		UnitPrice: dec(t, "10"),
		Tax:       Tax{StandardRate, dec(t, "6")},
		Active:    true,
	}
	d := quoted(t)
	d.Document.Lines[1].Item = "itm_1"
	byHand := d.Document.Lines[1]
	byHand.UnitPrice = dec(t, "9")
	d.Document.Lines = append(d.Document.Lines, byHand)
	if f := refused[*FieldError](e, func(tx *compaction.Tx) (Quote, error) {
		return CreateQuote(tx, "acme", "quo_1", "cus_ann", d)
	}); f.Field != "lines.1.item" {
		t.Errorf("got %v", f)
	}
	made(e, func(tx *compaction.Tx) (Item, error) { return CreateItem(tx, item) })
	for _, id := range []string{"quo_1", "quo_2"} {
		made(
			e,
			func(tx *compaction.Tx) (Quote, error) { return CreateQuote(tx, "acme", id, "cus_ann", d) },
		)
	}
	made(e, func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", "quo_2") })
	item.UnitPrice = dec(t, "12")
	changed := made(
		e,
		func(tx *compaction.Tx) (ids []string, err error) {
			_, ids, err = UpdateItem(tx, item)
			return ids, err
		},
	)
	if !slices.Equal(changed, []string{"quo_1"}) {
		t.Errorf("repriced %v", changed)
	}
	lines := func(id string) (nets []string) {
		q := read(
			e,
			func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", id) },
		)
		for _, l := range q.Last().Content.Priced.Lines {
			nets = append(nets, l.Net.String())
		}
		return nets
	}
	if got := lines("quo_1"); !slices.Equal(got, []string{"100.00", "60.00", "45.00"}) {
		t.Errorf("the draft has %v", got)
	}
	if got := lines("quo_2"); !slices.Equal(got, []string{"100.00", "50.00", "45.00"}) {
		t.Errorf("the issued one has %v", got)
	}
}

// TestBookRefused holds that tenants, customers and items are created once, found only in their
// tenant, and refused by field.
func TestBookRefused(t *testing.T) {
	e := start(t)
	refused[*ExistsError](
		e,
		func(tx *compaction.Tx) (Tenant, error) {
			return CreateTenant(tx, Tenant{ID: "acme", Name: "A"})
		},
	)
	refused[*compaction.TenantError](
		e,
		func(tx *compaction.Tx) (Tenant, error) { return CreateTenant(tx, Tenant{ID: "A", Name: "A"}) },
	)
	refused[*NotFoundError](
		e,
		func(tx *compaction.Tx) (Tenant, error) {
			return UpdateTenant(tx, Tenant{ID: "none", Name: "A"})
		},
	)
	refused[*ExistsError](e, func(tx *compaction.Tx) (Customer, error) {
		return CreateCustomer(tx, Customer{Tenant: "acme", ID: "cus_ann", Name: "A"})
	})
	refused[*NotFoundError](
		e,
		func(tx *compaction.Tx) (Customer, error) { return FindCustomer(tx, "acmf", "cus_ann") },
	)
	refused[*NotFoundError](
		e,
		func(tx *compaction.Tx) (Item, error) { return FindItem(tx, "acme", "itm_1") },
	)
	refused[*NotFoundError](e, func(tx *compaction.Tx) (Quote, error) {
		return CreateQuote(tx, "acme", "quo_1", "cus_none", quoted(t))
	})
	for field, c := range map[string]Customer{
		"name": {ID: "cus_x"}, "id": {Name: "x"},
		"time_zone": {ID: "cus_x", Name: "x", TimeZone: "../etc/passwd"},
		"email":     {ID: "cus_x", Name: "x", Email: "x"},
		"phone":     {ID: "cus_x", Name: "x", Phone: "\x01"},
	} {
		c.Tenant = "acme"
		if f := refused[*FieldError](
			e,
			func(tx *compaction.Tx) (Customer, error) { return CreateCustomer(tx, c) },
		); f.Field != field {
			t.Errorf("%s: got %v", field, f)
		}
	}
}

// TestQuoteTerms holds that the limit of terms counts characters, as the API does: what one door
// takes the other must not refuse.
func TestQuoteTerms(t *testing.T) {
	e := start(t)
	d := quoted(t)
	create := func(tx *compaction.Tx) (Quote, error) {
		return CreateQuote(tx, "acme", "quo_1", "cus_ann", d)
	}
	d.Terms = strings.Repeat("ü", MaxTerms+1)
	if f := refused[*FieldError](e, create); f.Field != "terms" {
		t.Errorf("got %v", f)
	}
	d.Terms = strings.Repeat("ü", MaxTerms)
	made(e, create)
}

// A name that shows nothing is none: nobody can tell later who accepted, or whose quote it is.
func TestBlankNames(t *testing.T) {
	e := start(t)
	q := e.issued("quo_1", "cus_ann")
	for _, blank := range []string{"", "  ", "\u00a0\u2003"} {
		for field, f := range map[string]func(tx *compaction.Tx) error{
			"who": func(tx *compaction.Tx) error {
				by := Answer{Who: blank, Channel: ByLink}
				_, err := AcceptQuote(tx, "acme", "quo_1", by, q.Last().Hash, nil)
				return err
			},
			"name": func(tx *compaction.Tx) error {
				_, err := CreateCustomer(tx, Customer{Tenant: "acme", ID: "cus_x", Name: blank})
				return err
			},
			"name ": func(tx *compaction.Tx) error {
				_, err := CreateTenant(tx, Tenant{ID: "bolt", Name: blank})
				return err
			},
			"name  ": func(tx *compaction.Tx) error {
				_, err := CreatePromotion(tx, Promotion{Tenant: "acme", ID: "pro_1", Name: blank,
					Funding: Tradesperson, Coupon: Coupon{Percent: dec(t, "10")}})
				return err
			},
		} {
			got, ok := errors.AsType[*FieldError](e.do(f))
			if !ok || got.Field != strings.TrimSpace(field) || got.Rule != "text" {
				t.Errorf("%q as a %s: %v", blank, field, got)
			}
		}
	}
}
