package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
)

// trialBooks are what the journals say, read from the brokers beside the nodes.
type trialBooks struct {
	r       *trial
	next    []compaction.Positions // by shard
	folds   []*ledger.Fold
	entered map[string]int // how often each operation's transaction is in the journal
	facts   map[string][]string
}

func newTrialBooks(r *trial) *trialBooks {
	b := &trialBooks{r: r, next: make([]compaction.Positions, r.shards),
		entered: map[string]int{}, facts: map[string][]string{}}
	for shard := range r.shards {
		b.folds = append(b.folds, ledger.NewFold(shard))
	}
	return b
}

// An entry is a transaction as the journal has it.
type trialEntry struct{ tenant, op, id string }

// read reads what has come to a shard's journal. Its entries must follow each other without a gap,
// chained by their hashes, and lead to the balances that they state.
func (b *trialBooks) read(shard int) (entries []trialEntry, err error) {
	ctx, cancel := context.WithTimeout(b.r.t.Context(), time.Minute)
	defer cancel()
	end, err := b.r.log.End(ctx, shard)
	if err != nil {
		return nil, err
	}
	name := ledger.Journal.Topic().Name
	reader, err := b.r.log.Read(ctx, shard,
		compaction.Range{From: b.next[shard], To: end, Topics: []string{name}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		batch, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			b.next[shard] = end
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range batch.Entries {
			if e.Topic != name {
				continue
			}
			if err := b.folds[shard].Add(e.Value); err != nil {
				return nil, err
			}
			if entries, err = b.enter(entries, e.Value); err != nil {
				return nil, err
			}
		}
	}
}

// enter notes the transactions and facts of a journal entry.
func (b *trialBooks) enter(entries []trialEntry, stored []byte) ([]trialEntry, error) {
	entry, err := ledger.DecodeEntry(stored)
	for _, f := range entry.Facts {
		b.facts[f.Subject] = append(b.facts[f.Subject], f.Kind)
	}
	for _, p := range entry.Transactions {
		for _, m := range p.Metadata {
			if m.Key == "op" {
				b.entered[m.Value]++
				entries = append(entries, trialEntry{entry.Tenant, m.Value, p.ID})
			}
		}
	}
	return entries, err
}

// mostRefusals is how often a request may be refused while nodes are stopped and started in order,
// by who waits as long as it is told. Shards take a second to move, and a request waits for two of
// it; on a machine that is busy with much else they took more than four. The counts say how many
// were refused twice: on a machine that does nothing else none should be.
const mostRefusals = 2

// check holds what was answered in a round against what there is.
func (r *trial) check(kind string) {
	r.t.Helper()
	if err := r.failure(); err != nil {
		r.fatal("after %s: %v", kind, err)
	}
	done := map[string]*trialOp{}
	for _, c := range slices.Concat(r.clients, r.guests) {
		for _, o := range c.ops {
			done[o.key] = o
			r.tally.count(o)
			if r.patient && o.refusals > 1 {
				r.tally.twice++
			}
			if r.patient && o.refusals > mostRefusals {
				r.t.Errorf("%s, on a tenant of shard %d, was refused %d times while nodes were stopped and "+
					"started in order", o.key, c.account.tenant.shard, o.refusals)
			}
		}
	}
	r.journaled(kind, done)
	for _, a := range r.accounts {
		if err := r.linear(a); err != nil {
			r.fatal("after %s: %v", kind, err)
		}
	}
	if err := r.repeat(); err != nil {
		r.fatal("after %s: %v", kind, err)
	}
	if err := r.history(r.accounts[rand.IntN(len(r.accounts))]); err != nil {
		r.fatal("after %s: %v", kind, err)
	}
	for _, n := range r.nodes {
		if err := r.verify(n); err != nil {
			r.fatal("after %s: node %d: %v", kind, n.n, err)
		}
	}
	r.tally.rounds[kind]++
}

// journaled reads the journals until they have what was answered. A reader beside the nodes may
// have to wait: a commit is answered before the brokers have marked it in each topic.
func (r *trial) journaled(kind string, done map[string]*trialOp) {
	r.t.Helper()
	missing := func(o *trialOp) bool { return o.effect() != 0 && r.books.entered[o.key] != 1 }
	ops := slices.Collect(maps.Values(done))
	for began := time.Now(); ; {
		for shard := range r.shards {
			entries, err := r.books.read(shard)
			if err == nil {
				err = r.compare(entries, done)
			}
			if err != nil {
				r.fatal("after %s: the journal of shard %d: %v", kind, shard, err)
			}
		}
		i := slices.IndexFunc(ops, missing)
		if i < 0 {
			return
		}
		if time.Since(began) > time.Minute {
			r.fatal("after %s: %s was answered with %s and is in the journal %d times", kind, ops[i].key,
				ops[i].answer, r.books.entered[ops[i].key])
		}
	}
}

// compare holds new entries of a shard's journal against what was answered: each is of an operation
// that was done, is there for the first time, and none stands after one that was sent after its own
// answer had come.
func (r *trial) compare(entries []trialEntry, done map[string]*trialOp) error {
	var latest *trialOp // that was sent, of those before
	for _, e := range entries {
		o := done[e.op]
		switch {
		case o == nil:
			return fmt.Errorf("%s is not known to have been done", e.op)
		case r.books.entered[e.op] > 1:
			return fmt.Errorf("%s was done %d times", e.op, r.books.entered[e.op])
		case o.effect() == 0:
			return fmt.Errorf("%s was done, and answered with %d %s", e.op, o.status, o.answer)
		case o.account.tenant.id != e.tenant:
			return fmt.Errorf("%s is of %s, and was done for %s", e.op, o.account.tenant.id, e.tenant)
		}
		if id, err := o.id(); err != nil || id != e.id {
			return fmt.Errorf("%s is %s, and was answered with %s", e.op, e.id, o.answer)
		}
		if latest != nil && latest.call > o.back {
			return fmt.Errorf("%s comes after %s, which was sent %v after its answer", e.op, latest.key,
				time.Duration(latest.call-o.back))
		}
		if latest == nil || latest.call < o.call {
			latest = o
		}
		o.account.ids = append(o.account.ids, e.id)
	}
	return nil
}

// linear wants an order in which a round's operations on an account may have been done one after
// the other, each between its call and its answer, so that every answer is right: what was read and
// what was refused too. Then the account must hold what they come to, whoever is asked.
func (r *trial) linear(a *trialAccount) error {
	var history []porcupine.Operation
	end := a.balance
	for _, c := range slices.Concat(r.clients, r.guests) {
		if c.account != a {
			continue
		}
		for _, o := range c.ops {
			history = append(history, porcupine.Operation{ClientId: c.n, Input: o, Output: o,
				Call: o.call, Return: o.back})
			end += o.effect()
		}
	}
	began := time.Now()
	found, info := porcupine.CheckOperationsVerbose(trialModel(a.balance), history, time.Minute)
	r.tally.checking += time.Since(began)
	if found != porcupine.Ok {
		return fmt.Errorf("%d operations on %s of %s from %d on are %s%s", len(history), a.wallet,
			a.tenant.id, a.balance, found, r.show(a, info))
	}
	a.balance = end
	for _, n := range r.nodes {
		var now struct{ Balances []struct{ Balance string } }
		r.call(n, a.tenant.keys[roleFinance], http.MethodGet, "/v1/accounts/"+a.wallet, nil, &now)
		if len(now.Balances) != 1 || now.Balances[0].Balance != cents(end) {
			return fmt.Errorf("%s of %s has %v by node %d, and %s by what was answered", a.wallet,
				a.tenant.id, now.Balances, n.n, cents(end))
		}
	}
	return nil
}

// show draws a history that is not linearizable, for a browser.
func (r *trial) show(a *trialAccount, info porcupine.LinearizationInfo) string {
	path := fmt.Sprintf("%s/%s-%s.html", r.t.ArtifactDir(), a.tenant.id,
		strings.ReplaceAll(a.wallet, ":", "-"))
	if err := porcupine.VisualizePath(trialModel(a.balance), info, path); err != nil {
		return fmt.Sprintf(" (and cannot be drawn: %v)", err)
	}
	return ", as drawn in " + path
}

// trialModel is an account as it should be: what is taken from it must be there.
func trialModel(balance int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return balance },
		Step: func(state, input, _ any) (bool, any) {
			balance, o := state.(int64), input.(*trialOp)
			switch {
			case o.kind == look:
				return o.balance == balance, balance
			case o.status != http.StatusCreated:
				return o.balance == balance && o.kind == take && balance < o.amount, balance
			}
			balance += o.effect()
			return balance >= 0, balance
		},
		DescribeOperation: func(input, _ any) string {
			o := input.(*trialOp)
			return fmt.Sprintf("%c %d %s: %d, %d", o.kind, o.amount, o.key, o.status, o.balance)
		},
	}
}

// repeat asks again for the last answers of each client, by way of any node.
func (r *trial) repeat() error {
	for _, c := range r.clients {
		some := slices.DeleteFunc(slices.Clone(c.ops), func(o *trialOp) bool { return o.kind == look })
		for _, o := range some[max(0, len(some)-5):] {
			if err := c.again(o); err != nil {
				return err
			}
			r.tally.replayed++
		}
	}
	if r.cards == nil {
		return nil
	}
	n, err := r.cards.repeat()
	r.tally.replayed += n
	return err
}

// history holds an account's history, as the API tells it, against the journal.
func (r *trial) history(a *trialAccount) error {
	want := a.ids[a.checked:]
	a.checked = len(a.ids)
	n := r.nodes[rand.IntN(len(r.nodes))]
	var found []string
	for path := "?"; path != "" && len(found) < len(want); {
		var page struct {
			Data []struct{ Transaction string }
			Next string `json:"next_cursor"`
		}
		r.call(n, a.tenant.keys[roleFinance], http.MethodGet, "/v1/accounts/"+a.wallet+
			"/history"+path+"&limit=100&order=desc", nil, &page)
		for _, m := range page.Data {
			found = append(found, m.Transaction)
		}
		if path = ""; page.Next != "" {
			path = "?cursor=" + page.Next
		}
	}
	slices.Reverse(found)
	if found = found[max(0, len(found)-len(want)):]; !slices.Equal(found, want) {
		return fmt.Errorf("the history of %s of %s has %v, the journal %v", a.wallet, a.tenant.id,
			found, want)
	}
	return nil
}

// verify has a node verify what it holds.
func (r *trial) verify(n *trialNode) error {
	c := &client{url: n.url(), key: r.platform, http: newHTTPClient()}
	var report api.VerifyReport
	err := insisted(func() error {
		return c.call(r.t.Context(), http.MethodPost, "/v1/verify", nil, &report)
	})
	if err != nil {
		return err
	}
	if !report.OK {
		var text strings.Builder
		printReport(&text, report)
		return fmt.Errorf("the data are not sound:\n%s", &text)
	}
	return nil
}
