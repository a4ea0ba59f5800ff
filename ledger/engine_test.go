package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/ledger/money"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start runs an engine with a clock, nil for the system's, and waits until references can be read.
func start(t testing.TB, now func() time.Time) *compaction.Shards {
	t.Helper()
	s := compactiontest.StartAt(t, t.TempDir(), now, Tables()...)
	eventually(t, func() bool {
		return !slices.ContainsFunc(s.Stats(), func(st compaction.Stats) bool { return st.Restoring })
	})
	return s
}

// do runs one command of a tenant and returns its refusal.
func do(s *compaction.Shards, tenant string, f func(tx *compaction.Tx) error) error {
	_, err := s.Do(context.Background(), compaction.Command{Tenant: tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, f(tx)
		}})
	return err
}

// refold folds the journal of a tenant's shard and compares. It returns how many accounts ended.
func refold(t interface {
	Helper()
	Fatal(...any)
	Error(...any)
}, s *compaction.Shards, tenant string) (ended map[string]int) {
	t.Helper()
	var head Head
	fold := NewFold(compaction.ShardOf(tenant, s.Count()))
	ended = map[string]int{}
	err := s.Read(tenant, func(v *compaction.View) (err error) {
		if head, _, err = Heads.Get(v, HeadKey); err != nil {
			return err
		}
		for n := uint64(1); n <= head.Sequence; n++ {
			stored, err := s.Entry(context.Background(), tenant, Journal, n)
			if err != nil {
				return err
			}
			if err := fold.Add(stored.Value); err != nil {
				t.Error(err)
			}
			e, err := DecodeEntry(stored.Value)
			if err != nil {
				return err
			}
			ended[e.Tenant] += len(e.Closed)
		}
		findings, err := fold.Compare(v)
		for _, f := range findings {
			t.Error(f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

// A command's postings, its entry in the journal, its rows of history and the answer to "which
// transaction was that" must tell one story.
func TestPost(t *testing.T) {
	s := start(t, nil)
	ctx := context.Background()
	var posted []Posted
	err := do(s, "acme", func(tx *compaction.Tx) (err error) {
		posted, err = Post(tx, "acme",
			Transaction{Postings: []Posting{post("bank", "sales", 500)}, Reference: "INV/1",
				Metadata: []Pair{{"invoice", "1"}}},
			Transaction{Postings: []Posting{post("sales", "tax", 100)}})
		return err
	})
	if err != nil || len(posted) != 2 {
		t.Fatal(posted, err)
	}
	for _, p := range posted {
		got, err := Find(ctx, s, "acme", p.ID)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(p) {
			t.Errorf("Find(%s)\ngot  %v, %v\nwant %v", p.ID, got, err, p)
		}
	}
	rows, err := History(ctx, s, "acme", "sales", eur, compaction.Page{})
	if err != nil || len(rows) != 2 || rows[0].Value.Balance != euro(-500) ||
		rows[1].Value.Balance != euro(-400) || rows[1].Value.Transaction != posted[1].ID {
		t.Errorf("History: %+v, %v", rows, err)
	}
	newest, err := History(ctx, s, "acme", "sales", eur, compaction.Page{Reverse: true, Limit: 1})
	if err != nil || len(newest) != 1 || newest[0] != rows[1] {
		t.Errorf("newest: %+v, %v", newest, err)
	}
	err = s.Read("acme", func(v *compaction.View) error {
		balances, err := Balances(v, "acme", "sales")
		if err != nil || len(balances) != 1 || balances[0].Balance() != euro(-400) {
			t.Errorf("Balances: %+v, %v", balances, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	refold(t, s, "acme")
}

// Ids of other tenants, of other shards and of nothing are not found, whoever asks.
func TestFindForeign(t *testing.T) {
	s := start(t, nil)
	tenants := []string{"acme", "globex", "initech", "hooli", "umbrella"}
	own := map[string]string{}
	for _, tenant := range tenants {
		err := do(s, tenant, func(tx *compaction.Tx) error {
			posted, err := Post(tx, tenant, Transaction{Postings: []Posting{post("a", "b", 1)}})
			own[tenant] = posted[0].ID
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	shard, sequence, _, _ := ParseTransactionID(own["acme"])
	for _, tenant := range tenants {
		for _, id := range []string{own["acme"], TransactionID(shard, sequence, 1), "txn_", "", "txn_x",
			TransactionID(shard, sequence+100, 0), TransactionID(shard+1, sequence, 0)} {
			p, err := Find(context.Background(), s, tenant, id)
			if id == own[tenant] {
				if err != nil || p.ID != id {
					t.Errorf("%s of %s: got %v, %v", id, tenant, p, err)
				}
			} else if !errors.Is(err, ErrNoTransaction) {
				t.Errorf("%s of %s: got %v, %v; want ErrNoTransaction", id, tenant, p, err)
			}
		}
	}
}

// A refused transaction takes all of its command with it; one of many that are posted each by
// itself takes nothing but itself.
func TestPostEach(t *testing.T) {
	s := start(t, nil)
	good := Transaction{Postings: []Posting{post("a", "b", 1)}, Reference: "r"}
	bad := Transaction{Postings: []Posting{post("a", "b", 1), post("a", "a", 1)}}
	err := do(s, "acme", func(tx *compaction.Tx) error {
		_, err := Post(tx, "acme", good, bad)
		return err
	})
	if !refusedAs(err, new(*SameAccountError)) {
		t.Errorf("Post: got %v, want a *SameAccountError", err)
	}
	var outcomes []Outcome
	err = do(s, "acme", func(tx *compaction.Tx) (err error) {
		outcomes, err = PostEach(tx, "acme", []Transaction{bad, good, good, bad})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var duplicate *DuplicateReferenceError
	if outcomes[1].Refused != nil || !errors.As(outcomes[2].Refused, &duplicate) ||
		duplicate.Transaction != outcomes[1].Posted.ID ||
		!refusedAs(outcomes[0].Refused, new(*SameAccountError)) || outcomes[3].Posted != nil {
		t.Errorf("outcomes: %+v", outcomes)
	}
	err = do(s, "acme", func(tx *compaction.Tx) error {
		_, err := PostEach(tx, "acme", make([]Transaction, 3))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	err = do(s, "acme", func(tx *compaction.Tx) error {
		many := Transaction{Postings: make([]Posting, MaxCommandPostings/2+1)}
		_, err := PostEach(tx, "acme", []Transaction{many, many})
		return err
	})
	if !refusedAs(err, new(*TooManyPostingsError)) {
		t.Errorf("too many: got %v, want a *TooManyPostingsError", err)
	}
	if e, err := Recall(context.Background(), s, "acme", 2); !errors.Is(err, compaction.ErrNoEntry) {
		t.Errorf("commands that changed nothing wrote %+v, %v", e, err)
	}
	refold(t, s, "acme")
}

// A receivable ends when it is paid, and begins anew with the next invoice.
func TestRecordEphemeral(t *testing.T) {
	s := start(t, nil)
	record := func(facts []Fact, postings ...Posting) {
		t.Helper()
		err := do(s, "acme", func(tx *compaction.Tx) error {
			_, err := Record(tx, "acme", "invoice.test", []Transaction{{Postings: postings}}, facts)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	balances := func() (accounts []Account) {
		t.Helper()
		err := s.Read("acme", func(v *compaction.View) (err error) {
			accounts, err = Balances(v, "acme", "receivable:1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return accounts
	}
	record(nil, post("receivable:1", "revenue", 100))
	if got := balances(); len(got) != 1 || got[0].Balance() != euro(100) {
		t.Errorf("invoiced: %+v", got)
	}
	fact := Fact{"invoice.paid", "inv_1", "x", []byte("record")}
	record([]Fact{fact}, post("clearing:x", "receivable:1", 100))
	if got := balances(); len(got) != 0 {
		t.Errorf("paid: %+v", got)
	}
	e, err := Recall(context.Background(), s, "acme", 2)
	if err != nil || len(e.Closed) != 1 || e.Closed[0] != (ClosedAccount{"receivable:1", eur}) ||
		len(e.Facts) != 1 || fmt.Sprint(e.Facts[0]) != fmt.Sprint(fact) {
		t.Errorf("entry: %+v, %v", e, err)
	}
	record(nil, post("receivable:1", "revenue", 7))
	if got := balances(); len(got) != 1 || got[0].Posted != (Sums{7, 0}) {
		t.Errorf("invoiced again: %+v", got)
	}
	refold(t, s, "acme")
}

// Accounts that are not what the journal says are found, each of them and the books they are in.
func TestCompareFindings(t *testing.T) {
	s := start(t, nil)
	err := do(s, "acme", func(tx *compaction.Tx) error {
		_, err := Post(tx, "acme", Transaction{Postings: []Posting{post("a", "b", 7)}},
			Transaction{Postings: []Posting{post("c", "b", 1)}})
		a := Account{ID: "a", Currency: eur, Posted: Sums{9, 0}}
		Accounts.Put(tx, AccountKey("acme", "a", eur), a)
		Accounts.Put(tx, AccountKey("acme", "x", eur), a)
		Accounts.Delete(tx, AccountKey("acme", "c", eur))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Entry(context.Background(), "acme", Journal, 1)
	if err != nil {
		t.Fatal(err)
	}
	fold := NewFold(compaction.ShardOf("acme", s.Count()))
	check := func(want ...string) {
		t.Helper()
		err := s.Read("acme", func(v *compaction.View) error {
			findings, err := fold.Compare(v)
			for i := range max(len(findings), len(want)) {
				if i >= len(findings) || i >= len(want) || !strings.Contains(findings[i], want[i]) {
					t.Errorf("found %q, want %q", findings, want)
					break
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check("the head of shard", "acme/a/EUR has posted", "acme/b/EUR has posted",
		"record of account acme/a/EUR has the key acme/x/EUR", "acme/x/EUR has posted",
		"out of balance by 10 posted")
	if err := fold.Add(e.Value); err != nil {
		t.Fatal(err)
	}
	check("acme/a/EUR has posted", "record of account acme/a/EUR has the key acme/x/EUR",
		"acme/x/EUR has posted", "acme/c/EUR is in the journal", "out of balance by 10 posted")
}

// Settings are kept in the journal too, and only once.
func TestConfigure(t *testing.T) {
	s := start(t, nil)
	configure := func(id AccountID, c money.Currency, settings Settings) error {
		return do(s, "acme", func(tx *compaction.Tx) error {
			_, err := Configure(tx, "acme", id, c, settings)
			return err
		})
	}
	for _, test := range []struct {
		id       AccountID
		c        money.Currency
		settings Settings
		want     any
	}{
		{"a:", eur, Settings{}, new(*AccountIDError)},
		{"clearing:x", money.Currency{}, Settings{}, new(*ControlAccountError)},
		{"fees:x", eur, Settings{Closed: true}, new(*ControlAccountError)},
		{"a", money.Currency{}, Settings{Rule: 9}, new(*money.CurrencyError)},
		{"a", eur, Settings{Rule: 9, Ephemeral: true}, new(*RuleError)},
		{"a", eur, Settings{Rule: DebitsMustNotExceedCredits, Ephemeral: true}, ErrSettings},
		{"a", eur, Settings{Closed: true, Ephemeral: true}, ErrSettings},
	} {
		if err := configure(test.id, test.c, test.settings); !refusedAs(err, test.want) {
			t.Errorf("%+v: got %v, want %T", test, err, test.want)
		}
	}
	for range 2 { // the second writes nothing
		if err := configure("a", eur, Settings{Rule: DebitsMustNotExceedCredits}); err != nil {
			t.Fatal(err)
		}
	}
	err := do(s, "acme", func(tx *compaction.Tx) error {
		_, err := Post(tx, "acme", Transaction{Postings: []Posting{post("a", "b", 1)}})
		return err
	})
	if !refusedAs(err, new(*OverdrawnError)) {
		t.Errorf("got %v, want an *OverdrawnError", err)
	}
	if e, err := Recall(context.Background(), s, "acme", 1); err != nil || len(e.Facts) != 1 {
		t.Errorf("entry: %+v, %v", e, err)
	}
	if _, err := Recall(context.Background(), s, "acme", 2); !errors.Is(err, compaction.ErrNoEntry) {
		t.Errorf("settings that did not change were written: %v", err)
	}
	refold(t, s, "acme")
}

// Commands of many callers at once, on one hot pair of accounts and on many: what was acknowledged
// is in the books, once.
func TestPostConcurrent(t *testing.T) {
	s := start(t, nil)
	const callers, each = 8, 50
	var group sync.WaitGroup
	for n := range callers {
		tenant := fmt.Sprintf("t%d", n%3)
		group.Go(func() {
			for i := range each {
				err := do(s, tenant, func(tx *compaction.Tx) error {
					_, err := Post(tx, tenant, Transaction{Postings: []Posting{
						post("hot", "cold", 1), post("hot", AccountID(fmt.Sprintf("own:%d.%d", n, i)), 1)}})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for n := range 3 {
		tenant := fmt.Sprintf("t%d", n)
		refold(t, s, tenant)
		want := int64(2 * each * (callers/3 + map[bool]int{true: 1}[n < callers%3]))
		err := s.Read(tenant, func(v *compaction.View) error {
			hot, err := Balances(v, tenant, "hot")
			if err == nil && (len(hot) != 1 || hot[0].Balance() != euro(want)) {
				t.Errorf("%s: %+v, want %d", tenant, hot, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A reference may be used again when its time is over.
func TestReferenceExpires(t *testing.T) {
	c := &clock{now: day}
	s := start(t, c.Now)
	use := func() error {
		return do(s, "acme", func(tx *compaction.Tx) error {
			_, err := Post(tx, "acme",
				Transaction{Postings: []Posting{post("a", "b", 1)}, Reference: "r"})
			return err
		})
	}
	if err := use(); err != nil {
		t.Fatal(err)
	}
	c.pass(ReferenceRetention - 1)
	if err := use(); !refusedAs(err, new(*DuplicateReferenceError)) {
		t.Errorf("just before: got %v, want a *DuplicateReferenceError", err)
	}
	c.pass(1)
	if err := use(); err != nil {
		t.Errorf("at the time: %v", err)
	}
}

// Pointers to final records are forgotten at the end of their window.
func TestSettledExpires(t *testing.T) {
	c := &clock{now: day}
	s := start(t, c.Now)
	err := do(s, "acme", func(tx *compaction.Tx) error {
		Settled.Put(tx, compaction.Key("acme", "pay_1"),
			Pointer{Sequence: 1, Kind: "payment", Settled: tx.Now(), Expires: tx.Now().Add(time.Hour)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	there := func() (ok bool) {
		err := s.Read("acme", func(v *compaction.View) (err error) {
			_, ok, err = Settled.Get(v, compaction.Key("acme", "pay_1"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !there() {
		t.Fatal("forgotten at once")
	}
	c.pass(time.Hour)
	s.Wake()
	eventually(t, func() bool { return !there() })
}

func eventually(t interface {
	Helper()
	Fatal(...any)
}, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen within 10 s")
		}
	}
}
