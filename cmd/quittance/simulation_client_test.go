package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting/access"
)

// A simClient does one thing after the other for a tenant, on accounts of its own: it posts sales
// to its till, with and without keys, and takes from a purse that cannot be overdrawn. It knows
// what the balances must be.
type simClient struct {
	s      *simulation
	rng    *rand.Rand
	name   string
	tenant string
	key    string // of the API
	steps  int
	keyed  []*simOp // that were answered
	till   span     // the balance of its till
	purse  span     // what is in its purse
	past   []known  // both, before
}

// A known is what a client knew of its balances until a time.
type known struct {
	until       time.Time
	till, purse span
}

// A span is between what certainly was and what may have been done.
type span struct{ low, high int64 }

// A simOp is one posting that a client wants, and what has become of it.
type simOp struct {
	client   *simClient
	id       string // in the transaction's metadata, and its key unless bare
	bare     bool   // without an idempotency key
	http     bool   // over HTTP, to any node
	debit    ledger.AccountID
	credit   ledger.AccountID
	amount   int64
	invoked  int64  // ticks of the simulation
	answered int64  // 0 while nobody knows
	posted   string // the transaction's id, when it was posted
	refused  bool
	nothing  bool // an error said that nothing was written, and nobody tried again
}

var simEuro = money.MustParseCurrency("EUR")

// shard is where the client's tenant lives.
func (c *simClient) shard() int { return compaction.ShardOf(c.tenant, c.s.shards) }

func (c *simClient) account(name string) ledger.AccountID {
	return ledger.AccountID(name + ":" + c.name)
}

// run does one thing after the other until it is ended.
func (c *simClient) run(ended <-chan struct{}) {
	c.configure()
	for {
		select {
		case <-ended:
			return
		case <-time.After(time.Duration(c.rng.ExpFloat64() * float64(c.s.pause))):
		}
		c.steps++
		if c.s.wrong != nil { // all the more to be seen
			c.read()
		}
		switch n := c.rng.IntN(100); {
		case n < 40:
			o := c.op("assets:till", "income:sales", c.rng.Int64N(1000)+1, false)
			o.http = c.s.http != nil && c.rng.IntN(2) == 0
			c.post(o)
		case n < 55:
			c.post(c.op("assets:till", "income:sales", c.rng.Int64N(1000)+1, true))
		case n < 65: // fill the purse
			c.post(c.op("assets:till", "liabilities:purse", c.rng.Int64N(500)+1, false))
		case n < 80: // take from it
			bare := c.rng.IntN(4) == 0
			c.post(c.op("liabilities:purse", "income:sales", c.rng.Int64N(500)+1, bare))
		case n < 86:
			c.read()
		case n < 91:
			c.sell()
		default:
			c.again()
		}
	}
}

// op is a new posting.
func (c *simClient) op(debit, credit string, amount int64, bare bool) *simOp {
	o := &simOp{client: c, id: fmt.Sprintf("%s-%d", c.name, c.steps), bare: bare,
		debit: c.account(debit), credit: c.account(credit), amount: amount}
	c.s.books.add(o)
	return o
}

// configure makes the purse one that cannot be overdrawn.
func (c *simClient) configure() {
	k, text, err := access.NewKey(c.tenant, c.name, access.Tradesperson, time.Now())
	if err != nil {
		c.s.fault("%s: %v", c.name, err)
	}
	c.key = text
	_, err = c.do(compaction.Command{Tenant: c.tenant,
		Idempotency: &compaction.Idempotency{Principal: "sim", Operation: "configure", Key: c.name},
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			access.PutKey(tx, k)
			_, err := ledger.Configure(tx, c.tenant, c.account("liabilities:purse"), simEuro,
				ledger.Settings{Rule: ledger.DebitsMustNotExceedCredits})
			return compaction.Answer{Code: 200}, errors.Join(err, c.enrol(tx))
		}}, false, 0)
	if err != nil {
		c.s.fault("%s: configure: %v", c.name, err)
	}
}

// command is what o asks for, of another amount where wrong is not 0.
func (o *simOp) command(wrong int64) compaction.Command {
	amount := o.amount + wrong
	c := compaction.Command{
		Tenant: o.client.tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			posted, err := ledger.Post(tx, o.client.tenant, ledger.Transaction{
				Postings: []ledger.Posting{{Debit: o.debit, Credit: o.credit,
					Amount: money.New(amount, simEuro)}},
				Metadata: []ledger.Pair{{Key: "op", Value: o.id}},
			})
			if err != nil {
				return compaction.Answer{}, err
			}
			return compaction.Answer{Code: 201, Body: []byte(posted[0].ID)}, nil
		},
		Refuse: func(err error) (compaction.Answer, bool) {
			var overdrawn *ledger.OverdrawnError
			return compaction.Answer{Code: 409, Body: []byte("overdrawn")}, errors.As(err, &overdrawn)
		},
	}
	if !o.bare {
		c.Idempotency = &compaction.Idempotency{Principal: "sim", Operation: "post", Key: o.id,
			Fields: []compaction.Field{{Name: "amount", Value: fmt.Append(nil, amount)}}}
	}
	return c
}

// post has o done. Now and then it loses patience and never learns what became of it.
func (c *simClient) post(o *simOp) {
	patience := 0
	if c.rng.IntN(20) == 0 {
		patience = 1 + c.rng.IntN(3)
	}
	c.may(o)
	o.invoked = c.s.tick.Add(1)
	a, err := c.ask(o, patience)
	c.settle(o, a, err)
}

// ask has o done over HTTP or by the engine.
func (c *simClient) ask(o *simOp, patience int) (compaction.Answer, error) {
	if o.http {
		return c.send(o, patience)
	}
	return c.do(o.command(0), o.bare, patience)
}

// settle notes what became of o.
func (c *simClient) settle(o *simOp, a compaction.Answer, err error) {
	at := c.s.tick.Add(1)
	switch {
	case err == nil:
		o.answered = at
		if o.refused = a.Code == 409; !o.refused {
			o.posted = string(a.Body)
		}
		c.learn(o)
		if !o.bare {
			c.keyed = append(c.keyed, o)
		}
	case certain(err):
		if o.bare {
			o.nothing = true
			c.undo(o)
		}
	case !unknown(err):
		c.s.fault("%s: %s: %v", c.name, o.id, err)
	}
}

// certain reports whether an error promises that nothing was written.
func certain(err error) bool {
	if errors.Is(err, compaction.ErrUnknownOutcome) {
		return false
	}
	for _, target := range []error{compaction.ErrNotServing, compaction.ErrNotCommitted,
		compaction.ErrFenced, compaction.ErrQueueFull} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// unknown reports whether after an error anything may have happened.
func unknown(err error) bool {
	return errors.Is(err, compaction.ErrUnknownOutcome) || errors.Is(err, errGone) ||
		errors.Is(err, context.DeadlineExceeded)
}

// do has a command decided by whoever serves its shard, trying again until it is answered; once
// only without a key, but until somebody is there to ask. A patience other than 0 is how often it
// tries at most.
func (c *simClient) do(
	command compaction.Command, once bool, patience int,
) (a compaction.Answer, err error) {
	for tries := 1; ; tries++ {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		a, err = c.node().do(ctx, command)
		cancel()
		if err == nil || !certain(err) && !unknown(err) {
			return a, err
		}
		nobody := errors.Is(err, compaction.ErrNotServing) && certain(err)
		if once && !nobody || tries == patience || c.s.over() {
			return a, err
		}
		time.Sleep(time.Duration(100+c.rng.IntN(900)) * time.Millisecond)
	}
}

// node is whom the client asks next: mostly the owner, else anybody.
func (c *simClient) node() *simNode {
	if n := c.s.owner(c.shard()); n != nil && c.rng.IntN(10) > 0 {
		return n
	}
	return c.s.nodes[c.rng.IntN(len(c.s.nodes))]
}

// again repeats what was answered: the first answer must come, and another request under its key
// must be refused.
func (c *simClient) again() {
	if len(c.keyed) == 0 {
		return
	}
	o := c.keyed[c.rng.IntN(len(c.keyed))]
	if !o.http && c.rng.IntN(4) == 0 {
		_, err := c.do(o.command(1), false, 0)
		var mismatch *compaction.IdempotencyMismatchError
		if !errors.As(err, &mismatch) || mismatch.Field != "amount" {
			c.s.fault("%s: another request under the key of %s: %v", c.name, o.id, err)
		}
		return
	}
	c.s.books.repeat(o)
}

// read reads the balances of the client's accounts where they are served, or asks every node: all
// that was answered before must be in them, and nothing that was never asked for.
func (c *simClient) read() {
	if c.rng.IntN(2) == 0 {
		c.readAt(c.node())
		return
	}
	for _, n := range c.s.nodes {
		c.readAt(n)
	}
}

// readAt reads them at a node, if it serves them or believes that it does.
func (c *simClient) readAt(n *simNode) {
	var till, purse int64
	var err error
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	gone := n.call(ctx, func(s *compaction.Shards) {
		err = s.Read(c.tenant, func(v *compaction.View) error {
			var failed error
			till, err = c.balance(v, "assets:till")
			purse, failed = c.balance(v, "liabilities:purse")
			return errors.Join(err, failed)
		})
	})
	switch {
	case gone != nil:
	case err == nil:
		c.s.reads.Add(1)
		k := c.lately()
		if till < k.till.low || till > k.till.high || -purse < k.purse.low || -purse > k.purse.high {
			c.s.fault("%s reads at %s: till %d, want %v; purse %d, want %v",
				c.name, n.name, till, k.till, -purse, k.purse)
		}
	case !certain(err) && !unknown(err):
		c.s.fault("%s reads at %s: %v", c.name, n.name, err)
	}
}

// balance returns what is in one of the client's accounts.
func (c *simClient) balance(v *compaction.View, name string) (minor int64, err error) {
	accounts, err := ledger.Balances(v, c.tenant, c.account(name))
	for _, a := range accounts {
		minor = a.Balance().Minor()
	}
	return minor, err
}

// lately returns what a read may show. Where two nodes believe that they own a shard, one of them
// may show what was true a lease ago.
func (c *simClient) lately() known {
	k := known{till: c.till, purse: c.purse}
	if !c.s.split {
		return k
	}
	from := time.Now().Add(-session / 2)
	for _, p := range slices.Backward(c.past) {
		if p.until.Before(from) {
			break
		}
		k.till, k.purse = k.till.with(p.till), k.purse.with(p.purse)
	}
	return k
}

// with returns the span that holds both.
func (b span) with(other span) span { return span{min(b.low, other.low), max(b.high, other.high)} }

// may widens the balances by what o may do.
func (c *simClient) may(o *simOp) {
	c.each(o, func(b *span, amount int64) {
		if amount > 0 {
			b.high += amount
		} else {
			b.low += amount
		}
	})
}

// undo narrows them again: nothing was done.
func (c *simClient) undo(o *simOp) {
	c.each(o, func(b *span, amount int64) {
		if amount > 0 {
			b.high -= amount
		} else {
			b.low -= amount
		}
	})
}

// learn narrows the balances by o's answer, and holds a refusal against what was in the purse.
func (c *simClient) learn(o *simOp) {
	c.undo(o)
	take := strings.HasPrefix(string(o.debit), "liabilities:purse")
	switch {
	case o.refused && !take:
		c.s.fault("%s: %s cannot be refused", c.name, o.id)
	case o.refused:
		if c.purse.low >= o.amount {
			c.s.fault("%s: %d was refused, and at least %d is there", c.name, o.amount, c.purse.low)
		}
		return
	case take && c.purse.high < o.amount:
		c.s.fault("%s: %d was taken, and at most %d is there", c.name, o.amount, c.purse.high)
	}
	c.each(o, func(b *span, amount int64) { b.low, b.high = b.low+amount, b.high+amount })
}

// each calls f with the balances that o changes, and by how much.
func (c *simClient) each(o *simOp, f func(b *span, amount int64)) {
	c.past = append(c.past, known{time.Now(), c.till, c.purse})
	if o.debit == c.account("assets:till") {
		f(&c.till, o.amount)
	}
	if o.credit == c.account("liabilities:purse") {
		f(&c.purse, o.amount)
	}
	if o.debit == c.account("liabilities:purse") {
		f(&c.purse, -o.amount)
	}
}
