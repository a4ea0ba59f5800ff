package quoting

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// pipe is a price book item of 50.00 and 6 %.
func pipe(t testing.TB) Item {
	return Item{Tenant: "acme", ID: "itm_1", Name: "Pipe", Kind: Material, Currency: eur,
		UnitPrice: dec(t, "50"), Tax: Tax{StandardRate, dec(t, "6")}, Active: true}
}

// ofPipes is a draft of one line of pipe at each price, taxed at 6 %.
func ofPipes(t testing.TB, prices ...string) Draft {
	d := Draft{Document: Document{Currency: eur}}
	for _, price := range prices {
		l := line(t, "1", price, "6")
		l.Item = "itm_1"
		d.Document.Lines = append(d.Document.Lines, l)
	}
	return d
}

func (e *engine) update(i Item) []string {
	e.t.Helper()
	return made(e, func(tx *compaction.Tx) (ids []string, err error) {
		_, ids, err = UpdateItem(tx, i)
		return ids, err
	})
}

func revise(tx *compaction.Tx) (Quote, error) { return ReviseQuote(tx, "acme", "quo_1") }

// pipes makes the item pipe and a draft of lines of it at these prices.
func (e *engine) pipes(prices ...string) {
	e.t.Helper()
	made(e, func(tx *compaction.Tx) (Item, error) { return CreateItem(tx, pipe(e.t)) })
	made(e, func(tx *compaction.Tx) (Quote, error) {
		return CreateQuote(tx, "acme", "quo_1", "cus_ann", ofPipes(e.t, prices...))
	})
}

func nets(q Quote) (all []string) {
	for _, l := range q.Last().Content.Priced.Lines {
		all = append(all, l.Net.String())
	}
	return all
}

// TestReviseTakesTheNewPrice holds that a new version of a quote says what the price book says by
// then, with its figures, and that the draft it is goes on following: an item that went from 50 to
// 60 was quoted at 50 for ever. A price written by hand stays, and so does what was issued.
func TestReviseTakesTheNewPrice(t *testing.T) {
	e := start(t)
	e.pipes("50", "49")
	issued := made(e, func(tx *compaction.Tx) (Quote, error) {
		return IssueQuote(tx, "acme", "quo_1")
	})
	item := pipe(t)
	item.UnitPrice, item.Tax = dec(t, "60"), Tax{StandardRate, dec(t, "10")}
	if got := e.update(item); got != nil {
		t.Errorf("repriced %v, which were issued", got)
	}
	q := made(e, revise)
	if got := nets(q); !slices.Equal(got, []string{"60.00", "49.00"}) {
		t.Errorf("the new version has %v", got)
	}
	if p := q.Last().Content.Priced; p.Tax.String() != "10.90" || p.Payable.String() != "119.90" {
		t.Errorf("the new version's tax is %s, payable %s", p.Tax, p.Payable)
	}
	if q.Versions[0].Hash != issued.Last().Hash || q.Versions[0].State != QuoteSuperseded ||
		q.Versions[0].Content.Priced.Payable.String() != "104.94" {
		t.Errorf("what was issued is now %+v", q.Versions[0])
	}
	item.UnitPrice = dec(t, "70")
	if got := e.update(item); !slices.Equal(got, []string{"quo_1"}) {
		t.Errorf("repriced %v", got)
	}
	q = read(e, func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", "quo_1") })
	if got := nets(q); !slices.Equal(got, []string{"70.00", "49.00"}) {
		t.Errorf("the draft has %v", got)
	}
}

// TestReviseByHandStays holds that a price which the book comes to by chance is still the hand's.
func TestReviseByHandStays(t *testing.T) {
	e := start(t)
	e.pipes("60")
	item := pipe(t)
	for _, price := range []string{"60", "70"} {
		item.UnitPrice = dec(t, price)
		if got := e.update(item); got != nil {
			t.Errorf("at %s: repriced %v", price, got)
		}
	}
}

// TestItemTaxReprices holds that a change of an item's tax is taken into drafts, unless their line
// has a tax of its own.
func TestItemTaxReprices(t *testing.T) {
	e := start(t)
	made(e, func(tx *compaction.Tx) (Item, error) { return CreateItem(tx, pipe(t)) })
	d := ofPipes(t, "50", "50")
	d.Document.Lines[1].Tax = Tax{ReverseCharge, dec(t, "0")}
	made(e, func(tx *compaction.Tx) (Quote, error) {
		return CreateQuote(tx, "acme", "quo_1", "cus_ann", d)
	})
	item := pipe(t)
	item.Tax.Rate = dec(t, "20")
	if got := e.update(item); !slices.Equal(got, []string{"quo_1"}) {
		t.Errorf("repriced %v", got)
	}
	q := read(e, func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", "quo_1") })
	if got := q.Last().Content.Priced.Tax.String(); got != "10.00" {
		t.Errorf("tax %s", got)
	}
}

// TestItemInactive holds that no new line takes an item that is no longer offered, and that a draft
// which had it can still be edited and a quote which had it revised.
func TestItemInactive(t *testing.T) {
	e := start(t)
	e.pipes("50")
	item := pipe(t)
	item.Active = false
	e.update(item)
	f := refused[*FieldError](e, func(tx *compaction.Tx) (Quote, error) {
		return CreateQuote(tx, "acme", "quo_2", "cus_ann", ofPipes(t, "50"))
	})
	if f.Field != "lines.0.item" || f.Rule != "inactive" {
		t.Errorf("got %v", f)
	}
	made(e, func(tx *compaction.Tx) (Quote, error) {
		return EditQuote(tx, "acme", "quo_1", ofPipes(t, "50", "51"))
	})
	made(e, func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", "quo_1") })
	made(e, revise)
	made(e, func(tx *compaction.Tx) (Quote, error) {
		return EditQuote(tx, "acme", "quo_1", quoted(t))
	})
	refused[*FieldError](e, func(tx *compaction.Tx) (Quote, error) {
		return EditQuote(tx, "acme", "quo_1", ofPipes(t, "50"))
	})
}

// TestRepriceOldLines holds that lines which were stored before it was noted what of them is the
// item's are compared with the item instead, as they always were.
func TestRepriceOldLines(t *testing.T) {
	e := start(t)
	e.pipes("50", "49")
	e.ok(func(tx *compaction.Tx) error {
		q, err := FindQuote(tx, "acme", "quo_1")
		if err != nil {
			return err
		}
		for n := range q.Versions[0].Content.Document.Lines {
			q.Versions[0].Content.Document.Lines[n].Book = FromBook{}
		}
		Quotes.Put(tx, compaction.Key("acme", "quo_1"), q)
		return nil
	})
	item := pipe(t)
	item.UnitPrice = dec(t, "60")
	e.update(item)
	q := read(e, func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", "quo_1") })
	if got := nets(q); !slices.Equal(got, []string{"60.00", "49.00"}) {
		t.Errorf("the draft has %v", got)
	}
}

// TestLineBookStored holds that what of a line is the item's is stored, and nothing where it was
// not noted: lines of old quotes keep their bytes.
func TestLineBookStored(t *testing.T) {
	for _, b := range []FromBook{{}, {Known: true}, {true, true, false, false},
		{true, false, true, true}} {
		l := line(t, "1", "50", "6")
		l.Book = b
		stored, err := proto.Marshal(encodeDocument(Document{Currency: eur, Lines: []Line{l}}))
		if err != nil {
			t.Fatal(err)
		}
		var m quotingv1.DocumentRecord
		if err := proto.Unmarshal(stored, &m); err != nil {
			t.Fatal(err)
		}
		var d decoder
		if got := d.document(&m).Lines[0].Book; got != b || d.err != nil {
			t.Errorf("%+v became %+v (%v)", b, got, d.err)
		}
		if (m.Lines[0].Book == nil) == b.Known {
			t.Errorf("%+v is stored as %v", b, m.Lines[0].Book)
		}
	}
}
