package ledger

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/ledger/money"
)

// model is the ledger again, without any care for time or memory: every decision copies all there
// is, and sums are kept as lists of what was added to them.
type model struct {
	accounts map[string]modelAccount // by id and currency
	held     map[string]modelHold
	used     map[string]bool
	touched  map[string]bool // accounts that the command posted to
	closings int
}

type modelAccount struct {
	debits, credits, heldDebits, heldCredits []int64
	rule                                     Rule
	ephemeral, closed                        bool
}

type modelHold struct {
	postings []Posting
	expires  time.Time
}

func newModel() *model {
	return &model{map[string]modelAccount{}, map[string]modelHold{}, map[string]bool{},
		map[string]bool{}, 0}
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.accounts), maps.Clone(m.held), maps.Clone(m.used),
		maps.Clone(m.touched), m.closings}
}

func name(id AccountID, c money.Currency) string { return string(id) + "/" + c.String() }

func sum(list []int64) (total int64) {
	for _, n := range list {
		total += n
	}
	return total
}

func with(list []int64, n int64) []int64 { return append(list[:len(list):len(list)], n) }

// set changes an account that is posted to.
func (m *model) set(id AccountID, c money.Currency, a modelAccount) {
	m.accounts[name(id, c)], m.touched[name(id, c)] = a, true
}

func (m *model) account(id AccountID, c money.Currency) modelAccount {
	a, ok := m.accounts[name(id, c)]
	if !ok {
		a.ephemeral = controls(id.First()) == ephemeral
	}
	return a
}

// try applies a transaction to a copy; ok says whether it may be.
func (m *model) try(t Transaction, held bool, by Caller) (after *model, ok bool) {
	after = m.clone()
	if len(t.Postings) == 0 {
		return m, false
	}
	if t.Reference != "" {
		if m.used[t.Reference] {
			return m, false
		}
		after.used[t.Reference] = true
	}
	for _, p := range t.Postings {
		n, c := p.Amount.Minor(), p.Amount.Currency()
		from, to := after.account(p.Debit, c), after.account(p.Credit, c)
		forbidden := by == Anyone &&
			(p.Debit.Control() || p.Credit.Control() || from.closed || to.closed)
		if n <= 0 || p.Debit == p.Credit || forbidden {
			return m, false
		}
		if held {
			from.heldDebits, to.heldCredits = with(from.heldDebits, n), with(to.heldCredits, n)
		} else {
			from.debits, to.credits = with(from.debits, n), with(to.credits, n)
		}
		if by == Anyone && from.rule == DebitsMustNotExceedCredits &&
			sum(from.debits)+sum(from.heldDebits) > sum(from.credits) {
			return m, false
		}
		if by == Anyone && to.rule == CreditsMustNotExceedDebits &&
			sum(to.credits)+sum(to.heldCredits) > sum(to.debits) {
			return m, false
		}
		after.set(p.Debit, c, from)
		after.set(p.Credit, c, to)
	}
	return after, true
}

// resolve ends a hold, posting amounts of it; ok says whether it may be.
func (m *model) resolve(id string, amounts []int64, at time.Time, void bool) (*model, bool) {
	h, ok := m.held[id]
	if !ok || !void && !h.expires.IsZero() && !h.expires.After(at) {
		return m, false
	}
	after := m.clone()
	for i, p := range h.postings {
		n, c := p.Amount.Minor(), p.Amount.Currency()
		from, to := after.account(p.Debit, c), after.account(p.Credit, c)
		from.heldDebits, to.heldCredits = with(from.heldDebits, -n), with(to.heldCredits, -n)
		if !void {
			if from.closed || to.closed || amounts[i] > n || sum(amounts) == 0 {
				return m, false
			}
			from.debits, to.credits = with(from.debits, amounts[i]), with(to.credits, amounts[i])
		}
		after.set(p.Debit, c, from)
		after.set(p.Credit, c, to)
	}
	delete(after.held, id)
	return after, true
}

// end ends a command: ephemeral accounts that it posted to and left empty are no more.
func (m *model) end() {
	for key := range m.touched {
		if a := m.accounts[key]; a.ephemeral && sum(a.debits) == sum(a.credits) &&
			sum(a.heldDebits) == 0 && sum(a.heldCredits) == 0 {
			delete(m.accounts, key)
			m.closings++
		}
	}
	clear(m.touched)
}

// differ compares an account with the model's; empty is good.
func (m *model) differ(a Account) string {
	w, ok := m.accounts[name(a.ID, a.Currency)]
	if !ok {
		return fmt.Sprintf("%s is there, and should not be", a.ID)
	}
	want := Account{ID: a.ID, Currency: a.Currency, Rule: w.rule, Ephemeral: w.ephemeral,
		Closed: w.closed, Posted: Sums{sum(w.debits), sum(w.credits)},
		Pending: Sums{sum(w.heldDebits), sum(w.heldCredits)}, Created: a.Created, Version: a.Version}
	if a != want {
		return fmt.Sprintf("got %+v, want %+v", a, want)
	}
	return ""
}

// Accounts of the tests: few, so that they meet often; some belong to the money path.
var names = []AccountID{"a", "b", "c:1", "receivable:1", "receivable:2", "clearing:x"}

func postings() *rapid.Generator[[]Posting] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Posting {
		c := rapid.SampledFrom([]money.Currency{eur, eur, usd}).Draw(t, "currency")
		return Posting{rapid.SampledFrom(names).Draw(t, "debit"),
			rapid.SampledFrom(names).Draw(t, "credit"), money.New(rapid.Int64Range(0, 9).Draw(t, "n"), c)}
	}), 0, 3)
}

func transactions() *rapid.Generator[Transaction] {
	return rapid.Custom(func(t *rapid.T) Transaction {
		return Transaction{Postings: postings().Draw(t, "postings"),
			Reference: rapid.SampledFrom([]string{"", "", "", "r/1", "r/2", "r3"}).Draw(t, "reference")}
	})
}

// The pure decision must come to what anyone would by hand, posting by posting.
func TestDecideModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		view, m := withAccounts(), newModel()
		delete(view.references, "used")
		for _, id := range names {
			rule := Rule(rapid.Uint8Range(0, 2).Draw(t, "rule"))
			if id.Control() || rule == NoRule {
				continue
			}
			view.put(Account{ID: id, Rule: rule})
			m.accounts[name(id, eur)] = modelAccount{rule: rule}
		}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			tx := transactions().Draw(t, "transaction")
			by := rapid.SampledFrom([]Caller{Anyone, MoneyPath}).Draw(t, "by")
			change, err := Decide(view, tx, by, day)
			after, ok := m.try(tx, false, by)
			if (err == nil) != ok {
				t.Fatalf("%+v: got %v, and by hand it is allowed: %t", tx, err, ok)
			}
			view.apply(change)
			if m = after; tx.Reference != "" && ok {
				view.references[tx.Reference] = "txn"
			}
		}
		for _, a := range view.accounts {
			if wrong := m.differ(a); wrong != "" {
				t.Fatal(wrong)
			}
		}
		if len(view.accounts) != len(m.accounts) {
			t.Fatalf("%d accounts, want %d", len(view.accounts), len(m.accounts))
		}
	})
}
