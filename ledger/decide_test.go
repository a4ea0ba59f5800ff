package ledger

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

var (
	eur = money.MustParseCurrency("EUR")
	usd = money.MustParseCurrency("USD")
	day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// books is a View of accounts and references in memory.
type books struct {
	accounts   map[accountKey]Account
	references map[string]string
	err        error
}

func (b books) Account(id AccountID, c money.Currency) (Account, bool, error) {
	a, ok := b.accounts[accountKey{id, c}]
	return a, ok, b.err
}

func (b books) Reference(r string) (string, bool, error) {
	id, ok := b.references[r]
	return id, ok, b.err
}

func (b books) apply(c Change) {
	for _, a := range c.Accounts {
		b.accounts[accountKey{a.ID, a.Currency}] = a
	}
}

func withAccounts(accounts ...Account) books {
	b := books{accounts: map[accountKey]Account{}, references: map[string]string{"used": "txn_1"}}
	for _, a := range accounts {
		b.accounts[accountKey{a.ID, a.Currency}] = a
	}
	return b
}

func euro(minor int64) money.Amount { return money.New(minor, eur) }

func post(debit, credit AccountID, minor int64) Posting {
	return Posting{debit, credit, euro(minor)}
}

// A posting adds the same amount to a debit and a credit, and to nothing else.
func TestDecide(t *testing.T) {
	view := withAccounts()
	change, err := Decide(view, Transaction{Postings: []Posting{
		post("bank", "sales", 500), post("bank", "tax:s", 100), post("sales", "bank", 50),
	}}, Anyone, day)
	if err != nil {
		t.Fatal(err)
	}
	want := []Account{
		{ID: "bank", Currency: eur, Posted: Sums{600, 50}, Created: day, Version: 1},
		{ID: "sales", Currency: eur, Posted: Sums{50, 500}, Created: day, Version: 1},
		{ID: "tax:s", Currency: eur, Posted: Sums{0, 100}, Created: day, Version: 1},
	}
	if fmt.Sprint(change.Accounts) != fmt.Sprint(want) {
		t.Errorf("accounts\n%v, want\n%v", change.Accounts, want)
	}
	balances := []int64{500, -500, 600, -100, -450, 550}
	for i, l := range change.Lines {
		if l.DebitBalance != euro(balances[2*i]) || l.CreditBalance != euro(balances[2*i+1]) {
			t.Errorf("line %d ends at %v and %v, want %d and %d", i, l.DebitBalance, l.CreditBalance,
				balances[2*i], balances[2*i+1])
		}
	}
	if len(view.accounts) != 0 {
		t.Error("deciding changed what it reads")
	}
}

// Whoever fills an account up to its last minor unit is told which account, on which side and how
// much is left: otherwise every posting of a long transaction may be the one.
func TestDecideOverflow(t *testing.T) {
	view := withAccounts(Account{ID: "a", Currency: eur, Posted: Sums{math.MaxInt64 - 9, 0}},
		Account{ID: "b", Currency: eur, Posted: Sums{0, math.MaxInt64 - 7}})
	for amount, want := range map[int64]OverflowError{
		10: {"a", false, euro(10), euro(9)}, 8: {"b", true, euro(8), euro(7)},
	} {
		_, err := Decide(view, Transaction{Postings: []Posting{post("a", "b", amount)}}, Anyone, day)
		got, ok := errors.AsType[*OverflowError](err)
		if !ok || *got != want || !errors.Is(err, money.ErrOverflow) {
			t.Errorf("%d: got %+v, want %+v", amount, got, want)
		}
	}
}

// One currency of an account knows nothing of the other.
func TestDecideCurrencies(t *testing.T) {
	change, err := Decide(withAccounts(), Transaction{Postings: []Posting{
		post("bank", "sales", 500), {"bank", "sales", money.New(7, usd)},
	}}, Anyone, day)
	if err != nil || len(change.Accounts) != 4 || change.Accounts[2].Balance() != money.New(7, usd) {
		t.Errorf("got %v, %v; want two accounts in each currency", change.Accounts, err)
	}
}

// ladder lists, from the last rung to the first, a way to make a transaction deserve each refusal.
// The ways add up: with all of them from one rung on, the refusal must be that rung's.
var ladder = []struct {
	name string
	give func(*Transaction, books)
	want any // an error, or a pointer to a pointer of its type
}{
	{"rule, credit", func(t *Transaction, b books) {
		b.put(Account{ID: "till", Rule: CreditsMustNotExceedDebits})
		t.Postings[0].Credit = "till"
	}, new(*OverdrawnError)},
	{"rule, debit", func(t *Transaction, b books) {
		b.put(Account{ID: "wallet", Rule: DebitsMustNotExceedCredits})
		t.Postings[0].Debit = "wallet"
	}, new(*OverdrawnError)},
	{"overflow, credit", func(t *Transaction, b books) {
		b.put(Account{ID: "till", Rule: CreditsMustNotExceedDebits, Posted: Sums{0, math.MaxInt64}})
	}, new(*OverflowError)},
	{"overflow, debit", func(t *Transaction, b books) {
		b.put(Account{ID: "wallet", Rule: DebitsMustNotExceedCredits, Posted: Sums{1, 0},
			Pending: Sums{math.MaxInt64 - 1, 0}})
	}, new(*OverflowError)},
	{"closed, credit", func(t *Transaction, b books) {
		b.put(Account{ID: "till", Posted: Sums{0, math.MaxInt64}, Closed: true})
	}, new(*ClosedAccountError)},
	{"closed, debit", func(t *Transaction, b books) {
		b.put(Account{ID: "wallet", Posted: Sums{math.MaxInt64, 0}, Closed: true})
	}, new(*ClosedAccountError)},
	{"currency", func(t *Transaction, b books) {
		t.Postings[0].Amount = money.New(1, money.Currency{})
	}, new(*money.CurrencyError)},
	{"amount", func(t *Transaction, b books) {
		t.Postings[0].Amount = money.New(0, money.Currency{})
	}, new(*AmountError)},
	{"same account", func(t *Transaction, b books) {
		t.Postings[0].Credit = t.Postings[0].Debit
	}, new(*SameAccountError)},
	{"control account, credit", func(t *Transaction, b books) {
		t.Postings[0].Credit = "clearing:stripe"
	}, new(*ControlAccountError)},
	{"control account, debit", func(t *Transaction, b books) {
		t.Postings[0].Debit = "receivable:cus_1"
	}, new(*ControlAccountError)},
	{"account id, credit", func(t *Transaction, b books) {
		t.Postings[0].Credit = "clearing:"
	}, new(*AccountIDError)},
	{"account id, debit", func(t *Transaction, b books) {
		t.Postings[0].Debit = ":receivable"
	}, new(*AccountIDError)},
	{"metadata", func(t *Transaction, b books) {
		t.Metadata = []Pair{{"a", "1"}, {"a", "2"}}
	}, new(*MetadataError)},
	{"too many postings", func(t *Transaction, b books) {
		for len(t.Postings) <= MaxPostings {
			t.Postings = append(t.Postings, post("bank", "sales", 1))
		}
	}, new(*TooManyPostingsError)},
	{"no postings", func(t *Transaction, b books) { t.Postings = nil }, ErrNoPostings},
	{"duplicate reference", func(t *Transaction, b books) {
		t.Reference = "used"
	}, new(*DuplicateReferenceError)},
	{"reference", func(t *Transaction, b books) { t.Reference = "used\n" }, ErrReference},
}

func (b books) put(a Account) {
	a.Currency = eur
	b.accounts[accountKey{a.ID, eur}] = a
}

// Of several reasons the first of the documented order is given, whatever else is wrong; else two
// versions of the program would answer a replayed command differently.
func TestDecideRefusals(t *testing.T) {
	tx := Transaction{Postings: []Posting{post("bank", "sales", 1)}}
	view := withAccounts()
	for _, rung := range ladder {
		rung.give(&tx, view)
		change, err := Decide(view, tx, Anyone, day)
		if !refusedAs(err, rung.want) || len(change.Accounts) != 0 {
			t.Errorf("%s: got %v, %v; want %T", rung.name, change, err, rung.want)
		}
		if _, held := DecideHold(view, tx, day.Add(1), Anyone, day); !refusedAs(held, rung.want) {
			t.Errorf("%s, held: got %v; want %T", rung.name, held, rung.want)
		}
	}
}

// Each refusal must also be found where nothing else is wrong.
func TestDecideRefusedAlone(t *testing.T) {
	for _, rung := range ladder {
		tx := Transaction{Postings: []Posting{post("wallet", "till", 1)}}
		view := withAccounts()
		rung.give(&tx, view)
		if _, err := Decide(view, tx, Anyone, day); !refusedAs(err, rung.want) {
			t.Errorf("%s: got %v; want %T", rung.name, err, rung.want)
		}
	}
}

func refusedAs(err error, want any) bool {
	if sentinel, ok := want.(error); ok {
		return errors.Is(err, sentinel)
	}
	return err != nil && err.Error() != "" && errors.As(err, want)
}

// The money path posts to control accounts, and a receivable comes into being ephemeral.
func TestDecideMoneyPath(t *testing.T) {
	change, err := Decide(withAccounts(), Transaction{Postings: []Posting{
		post("receivable:cus_1", "revenue", 5), post("clearing:stripe", "receivable:cus_1", 5),
	}}, MoneyPath, day)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false} {
		if a := change.Accounts[i]; a.Ephemeral != want || a.ended() != want {
			t.Errorf("%s is ephemeral %t, ended %t; want %t", a.ID, a.Ephemeral, a.ended(), want)
		}
	}
}

// What happened to a payment goes into the books, whatever was made of the accounts meanwhile; what
// anyone else posts does not, nor an amount that would leave no room.
func TestDecideMoneyPathIsNotShutOut(t *testing.T) {
	closed := Account{ID: "fees:stripe", Currency: eur, Closed: true}
	ruled := Account{ID: "bank", Currency: eur, Rule: CreditsMustNotExceedDebits}
	tx := Transaction{Postings: []Posting{post("fees:stripe", "bank", 5)}}
	if _, err := Decide(withAccounts(closed, ruled), tx, MoneyPath, day); err != nil {
		t.Errorf("the money path: %v", err)
	}
	_, err := Decide(withAccounts(closed, ruled), tx, Anyone, day)
	if !refusedAs(err, new(*ClosedAccountError)) {
		t.Errorf("anyone: %v", err)
	}
	for minor, want := range map[int64]error{MaxAmount: nil, MaxAmount + 1: money.ErrOverflow} {
		tx := Transaction{Postings: []Posting{post("a", "bank", minor)}}
		if _, err := Decide(withAccounts(), tx, Anyone, day); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", minor, err, want)
		}
		if _, err := Decide(withAccounts(), tx, MoneyPath, day); err != nil {
			t.Errorf("%d by the money path: %v", minor, err)
		}
	}
}

// What is held counts against its account at once and for the other account only when posted.
func TestDecideOverdrawn(t *testing.T) {
	wallet := Account{ID: "wallet", Currency: eur, Rule: DebitsMustNotExceedCredits,
		Posted: Sums{20, 100}, Pending: Sums{30, 1000}}
	till := Account{ID: "till", Currency: eur, Rule: CreditsMustNotExceedDebits,
		Posted: Sums{100, 20}, Pending: Sums{1000, 30}}
	for _, test := range []struct {
		p         Posting
		available int64
	}{
		{post("wallet", "sales", 51), 50}, {post("bank", "till", 51), 50},
		{post("wallet", "sales", 50), -1}, {post("bank", "till", 50), -1},
		{post("bank", "wallet", 5000), -1}, {post("till", "sales", 5000), -1},
	} {
		tx := Transaction{Postings: []Posting{test.p}}
		_, err := Decide(withAccounts(wallet, till), tx, Anyone, day)
		var overdrawn *OverdrawnError
		switch {
		case test.available < 0 && err != nil:
			t.Errorf("%v: %v", test.p, err)
		case test.available >= 0 && !errors.As(err, &overdrawn):
			t.Errorf("%v: got %v; want an *OverdrawnError", test.p, err)
		case overdrawn != nil && (overdrawn.Available != euro(test.available) ||
			overdrawn.Needed != test.p.Amount):
			t.Errorf("%v: got %+v; want %d available", test.p, overdrawn, test.available)
		}
	}
}

// Postings see those before them in their transaction: money may pass through an account that
// cannot be overdrawn, but not before it has arrived.
func TestDecideOrder(t *testing.T) {
	wallet := Account{ID: "wallet", Currency: eur, Rule: DebitsMustNotExceedCredits}
	in, out := post("bank", "wallet", 5), post("wallet", "sales", 5)
	through := Transaction{Postings: []Posting{in, out}}
	if _, err := Decide(withAccounts(wallet), through, Anyone, day); err != nil {
		t.Errorf("in, then out: %v", err)
	}
	_, err := Decide(withAccounts(wallet), Transaction{Postings: []Posting{out, in}}, Anyone, day)
	if !refusedAs(err, new(*OverdrawnError)) {
		t.Errorf("out, then in: got %v; want an *OverdrawnError", err)
	}
}

// A transaction over more accounts than are looked for one by one must come to the same.
func TestDecideMany(t *testing.T) {
	var tx Transaction
	for i := range MaxPostings {
		tx.Postings = append(tx.Postings,
			post("bank", AccountID(fmt.Sprintf("sales:%d", i%300)), int64(i+1)))
	}
	change, err := Decide(withAccounts(), tx, Anyone, day)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, a := range change.Accounts {
		sum += a.Posted.Debits - a.Posted.Credits
	}
	if len(change.Accounts) != 301 || sum != 0 ||
		change.Accounts[0].Posted.Debits != MaxPostings*(MaxPostings+1)/2 {
		t.Errorf("%d accounts, out by %d, bank has %v", len(change.Accounts), sum, change.Accounts[0])
	}
}

// A failure to read is no refusal: it comes through as it is.
func TestDecideFailure(t *testing.T) {
	failure := errors.New("the disk is gone")
	view := withAccounts()
	view.err = failure
	tx := Transaction{Postings: []Posting{post("a", "b", 1)}}
	if _, err := Decide(view, tx, Anyone, day); err != failure {
		t.Errorf("got %v", err)
	}
	tx.Reference = "r"
	if _, err := Decide(view, tx, Anyone, day); err != failure {
		t.Errorf("with a reference: got %v", err)
	}
}

// Account ids are parts of keys and of texts that people type; their form is narrow.
func TestParseAccountID(t *testing.T) {
	for _, id := range []string{"a", "a:b", "receivable:cus_01h2x", "A.b-c_9:0:Z", "-", ".",
		strings.Repeat("x", 255)} {
		if got, err := ParseAccountID(id); err != nil || string(got) != id {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", ":", "a:", ":a", "a::b", "a/b", "a b", "é", "a\x00", "a\n",
		strings.Repeat("x", 256)} {
		var refused *AccountIDError
		if _, err := ParseAccountID(id); !errors.As(err, &refused) {
			t.Errorf("%q: got %v, want an *AccountIDError", id, err)
		}
	}
}

// Held amounts are posted in full, in part or not at all, and nothing of them stays pending.
func TestDecideHeld(t *testing.T) {
	held := Held{Transaction: "txn_1", Postings: []Posting{post("a", "b", 10), post("a", "c", 5)},
		Expires: day.Add(time.Hour)}
	for _, test := range []struct {
		name    string
		amounts []money.Amount
		at      time.Duration
		want    any // an error, or the posted debits of a
	}{
		{"all", nil, 0, int64(15)},
		{"part", []money.Amount{euro(3), euro(0)}, 0, int64(3)},
		{"expired", nil, time.Hour, ErrNotHeld},
		{"too few amounts", []money.Amount{euro(3)}, 0, new(*HeldAmountsError)},
		{"other currency", []money.Amount{euro(11), money.New(1, usd)}, 0, new(*HeldAmountError)},
		{"other currency first", []money.Amount{money.New(1, usd), euro(11)}, 0,
			new(*money.MismatchError)},
		{"more than is held", []money.Amount{euro(0), euro(6)}, 0, new(*HeldAmountError)},
		{"less than nothing", []money.Amount{euro(-1), euro(5)}, 0, new(*HeldAmountError)},
		{"nothing", []money.Amount{euro(0), euro(0)}, 0, ErrNothingPosted},
	} {
		view := withAccounts()
		change, err := DecideHold(view, Transaction{Postings: held.Postings}, held.Expires, Anyone, day)
		if err != nil {
			t.Fatal(err)
		}
		view.apply(change)
		change, err = DecidePost(view, held, test.amounts, day.Add(test.at))
		posted, ok := test.want.(int64)
		if !ok {
			if !refusedAs(err, test.want) {
				t.Errorf("%s: got %v, want %T", test.name, err, test.want)
			}
			continue
		}
		if err != nil || change.Accounts[0].Posted.Debits != posted ||
			change.Accounts[0].Pending != (Sums{}) {
			t.Errorf("%s: got %v, %v; want %d posted and nothing pending", test.name,
				change.Accounts, err, posted)
		}
	}
}

// On a closed account held amounts can still be let go, but not posted.
func TestDecideHeldClosed(t *testing.T) {
	held := Held{Postings: []Posting{post("a", "b", 10)}}
	closed := Account{ID: "b", Currency: eur, Closed: true, Pending: Sums{0, 10}}
	open := Account{ID: "a", Currency: eur, Pending: Sums{10, 0}}
	if _, err := DecidePost(withAccounts(open, closed), held, nil, day); !refusedAs(err,
		new(*ClosedAccountError)) {
		t.Errorf("post: got %v, want a *ClosedAccountError", err)
	}
	change, err := DecideVoid(withAccounts(open, closed), held, day)
	if err != nil || !change.Accounts[0].Empty() || !change.Accounts[1].Empty() {
		t.Errorf("void: %v, %v", change, err)
	}
}

// A hold must not begin after it ended.
func TestDecideHoldExpiry(t *testing.T) {
	tx := Transaction{Postings: []Posting{post("a", "b", 10)}}
	if _, err := DecideHold(withAccounts(), tx, day, Anyone, day); !errors.Is(err, ErrExpiry) {
		t.Errorf("got %v, want ErrExpiry", err)
	}
	if _, err := DecideHold(withAccounts(), tx, time.Time{}, Anyone, day); err != nil {
		t.Errorf("for ever: %v", err)
	}
}
