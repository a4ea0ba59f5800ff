package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// comparePage is how many accounts are read at once.
const comparePage = 4096

// Compare compares the fold with the accounts of the shard and the head of its journal, and adds up
// the accounts of each tenant and currency, whose debits and credits must be equal, posted as well
// as pending. It returns what it finds, sorted; nothing is good. The fold must have reached exactly
// the journal's head in s.
func (f *Fold) Compare(s compaction.State) ([]string, error) {
	head, _, err := Heads.Get(s, HeadKey)
	if err != nil {
		return nil, err
	}
	c := comparison{fold: f, totals: map[total]*balance{}, seen: map[foldKey]bool{}}
	if head != f.head {
		c.find("the head of shard %d is entry %d (%x), and the journal ends with entry %d (%x)",
			f.shard, head.Sequence, head.Hash[:4], f.head.Sequence, f.head.Hash[:4])
	}
	page := compaction.Page{Limit: comparePage}
	for {
		rows, err := Accounts.Scan(s, page)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			c.account(tenantOf(r.Key), r.Key, r.Value)
		}
		if len(rows) < comparePage {
			break
		}
		page.After = rows[len(rows)-1].Cursor
	}
	c.missing()
	c.unbalanced()
	return c.findings, nil
}

type comparison struct {
	fold     *Fold
	totals   map[total]*balance
	seen     map[foldKey]bool
	findings []string
}

type total struct {
	tenant   string
	currency money.Currency
}

// A balance is a sum of debits less credits. It is not bound to 64 bits, as an account is.
type balance struct{ posted, pending big.Int }

func (b *balance) add(a Account) {
	difference(&b.posted, a.Posted)
	difference(&b.pending, a.Pending)
}

// difference adds debits less credits to sum.
func difference(sum *big.Int, s Sums) {
	sum.Add(sum, big.NewInt(s.Debits-s.Credits)) // both are zero or more, so it fits
}

func (c *comparison) find(format string, args ...any) {
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}

// account compares one account.
func (c *comparison) account(tenant, stored string, a Account) {
	if want := AccountKey(tenant, a.ID, a.Currency); want != stored {
		c.find("the record of account %s has the key %s", want, stored)
	}
	t := total{tenant, a.Currency}
	if c.totals[t] == nil {
		c.totals[t] = &balance{}
	}
	c.totals[t].add(a)
	key := foldKey{tenant, a.ID, a.Currency}
	c.seen[key] = true
	want := c.fold.accounts[key]
	if want == nil {
		want = &folded{} // configured, and nothing posted to it
	}
	if a.Posted != want.posted || a.Pending != want.pending {
		c.find("account %s has posted %v and pending %v, and by the journal %v and %v", stored,
			a.Posted, a.Pending, want.posted, want.pending)
	}
}

// missing finds accounts of the journal that are not there.
func (c *comparison) missing() {
	order := func(a, b foldKey) int {
		return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.id, b.id),
			cmp.Compare(a.currency.String(), b.currency.String()))
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.fold.accounts), order) {
		if !c.seen[k] {
			c.find("account %s is in the journal, and not there", AccountKey(k.tenant, k.id, k.currency))
		}
	}
}

// unbalanced finds books whose debits and credits differ.
func (c *comparison) unbalanced() {
	order := func(a, b total) int {
		return cmp.Or(cmp.Compare(a.tenant, b.tenant),
			cmp.Compare(a.currency.String(), b.currency.String()))
	}
	for _, t := range slices.SortedFunc(maps.Keys(c.totals), order) {
		if b := c.totals[t]; b.posted.Sign() != 0 || b.pending.Sign() != 0 {
			c.find("the books of %s in %s are out of balance by %v posted and %v pending", t.tenant,
				t.currency, &b.posted, &b.pending)
		}
	}
}
