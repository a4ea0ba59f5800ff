package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A trialTenant is a business in a shard of its own.
type trialTenant struct {
	id    string
	shard int
	keys  map[string]string // by role
	fresh atomic.Int64      // when the youngest request was sent that was done
}

// served notes that a request that was sent at a time has been done.
func (t *trialTenant) served(sent int64) {
	for known := t.fresh.Load(); known < sent && !t.fresh.CompareAndSwap(known, sent); {
		known = t.fresh.Load()
	}
}

// A trialAccount is what several clients pay into, take from and look at. It must not be overdrawn,
// so that a refusal tells the balance too; what goes in comes from a pool that mirrors it.
type trialAccount struct {
	tenant       *trialTenant
	wallet, pool string
	balance      int64    // in minor units, after the rounds that were checked
	ids          []string // of its transactions, in the order of the journal
	checked      int      // how many of ids the API's history was held against
}

// What a client does to an account.
const (
	pay  = 'p' // into it
	take = 't' // from it
	look = 'l' // at its balance
)

// A trialOp is what a client asked for and was answered. Times are the trial's.
type trialOp struct {
	account *trialAccount
	kind    byte
	amount  int64
	mirror  bool   // looked at by way of the pool
	key     string // for idempotency

	call, last, back int64 // first sent; sent the time that was answered; answered
	sent, refusals   int   // how often sent, and how often answered with 5xx
	status           int
	answer           string
	balance          int64 // that was seen, or that was too low
}

// A trialClient does one thing after the other to an account. It sends what is not answered again,
// with the same key, by way of another node.
type trialClient struct {
	r       *trial
	account *trialAccount
	n       int
	http    *http.Client
	rng     *rand.Rand
	made    int
	ops     []*trialOp // of this round
	failed  atomic.Pointer[error]
	said    atomic.Pointer[string] // what the request that is not answered yet heard last
}

func newTrialClient(r *trial, a *trialAccount, n int) *trialClient {
	return &trialClient{r: r, account: a, n: n, rng: rand.New(rand.NewPCG(uint64(n), 7)),
		http: &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{}}}
}

// work does things until ctx ends. What was begun is brought to its end.
func (c *trialClient) work(ctx context.Context) {
	c.ops = nil
	for ctx.Err() == nil && c.failed.Load() == nil {
		o := c.next()
		c.insist(o, nil)
		if o.back != 0 {
			c.ops = append(c.ops, o)
		}
		pause(ctx, time.Duration(c.rng.IntN(10))*time.Millisecond)
	}
}

// pause waits for a time or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// next makes up what to do. More is wanted than is paid in, so that some is refused.
func (c *trialClient) next() *trialOp {
	c.made++
	o := &trialOp{account: c.account, key: fmt.Sprintf("%s-%d-%d", c.r.prefix, c.n, c.made)}
	switch p := c.rng.IntN(20); {
	case p < 8:
		o.kind, o.amount = pay, int64(1+c.rng.IntN(500))
	case p < 15:
		o.kind, o.amount = take, int64(1+c.rng.IntN(900))
	default:
		o.kind, o.mirror = look, c.rng.IntN(3) == 0
	}
	return o
}

// insist sends an operation until it is answered: first to a node, if that is not nil, then to any.
func (c *trialClient) insist(o *trialOp, first *trialNode) {
	o.call = c.r.now()
	for node := first; ; node = nil {
		if node == nil {
			node = c.r.nodes[c.rng.IntN(len(c.r.nodes))]
		}
		wait, err := c.attempt(o, node)
		if err == nil && wait == 0 {
			o.back = c.r.now()
			c.said.Store(nil)
			if o.kind != look {
				o.account.tenant.served(o.last)
			}
			return
		}
		if err == nil && time.Duration(c.r.now()-o.call) > 2*time.Minute {
			err = fmt.Errorf("%s is not answered for two minutes", o.key)
		}
		if err != nil {
			c.failed.Store(&err)
			return
		}
		pause(c.r.t.Context(), wait)
	}
}

// attempt sends an operation to a node once. It returns how long to wait before the next attempt, 0
// when it was answered, and an error for an answer that there should not be.
func (c *trialClient) attempt(o *trialOp, node *trialNode) (wait time.Duration, err error) {
	o.sent++
	o.last = c.r.now()
	status, text, header, err := c.send(o, node)
	wait = 25 * time.Millisecond
	said := fmt.Sprintf("%d %s%v", status, text, err)
	c.said.Store(&said)
	if err != nil {
		return wait, nil // nobody knows
	}
	switch status {
	case http.StatusOK, http.StatusCreated:
		o.status, o.answer = status, string(text)
		return 0, o.see(text)
	case http.StatusUnprocessableEntity:
		o.status = status
		refused, err := told[struct{ Type, Detail, Available string }](text)
		if err != nil || !strings.HasSuffix(refused.Type, "/account-overdrawn") {
			return 0, fmt.Errorf("%s: %s", o.key, text)
		}
		o.answer = refused.Detail
		o.balance, err = minor(refused.Available)
		return 0, err
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		o.refusals++
		after, err := strconv.Atoi(header.Get("Retry-After"))
		if err != nil {
			return 0, fmt.Errorf("%s: %d without Retry-After: %s", o.key, status, text)
		}
		if c.r.patient {
			wait = time.Duration(after) * time.Second
		}
		return wait, nil
	}
	return 0, fmt.Errorf("%s of node %d: %d %s", o.key, node.n, status, text)
}

// send makes the request and returns what it is answered.
func (c *trialClient) send(o *trialOp, node *trialNode) (int, []byte, http.Header, error) {
	method, path, content := http.MethodGet, "/v1/accounts/"+o.account.wallet, []byte(nil)
	if o.mirror {
		path = "/v1/accounts/" + o.account.pool
	}
	if o.kind != look {
		method, path = http.MethodPost, "/v1/transactions"
		var err error
		if content, err = json.Marshal(o.body()); err != nil {
			return 0, nil, nil, err
		}
	}
	q, err := http.NewRequest(method, node.url()+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, nil, err
	}
	q.Header.Set("Authorization", "Bearer "+o.account.tenant.keys[roleTradesperson])
	if o.kind != look {
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Idempotency-Key", o.key)
	}
	a, err := c.http.Do(q)
	if err != nil {
		return 0, nil, nil, err
	}
	text, err := io.ReadAll(a.Body)
	if e := a.Body.Close(); err == nil {
		err = e
	}
	return a.StatusCode, text, a.Header, err
}

// body is the transaction that o asks for. Its metadata name the operation, in the journal too.
func (o *trialOp) body() map[string]any {
	debit, credit := o.account.wallet, o.account.pool
	if o.kind == take {
		debit, credit = credit, debit
	}
	body := posting(debit, credit, cents(o.amount))
	body["metadata"] = map[string]string{"op": o.key}
	return body
}

// see takes the balance from an answer that shows an account.
func (o *trialOp) see(text []byte) error {
	if o.kind != look {
		return nil
	}
	account, err := told[struct{ Balances []struct{ Balance string } }](text)
	if err != nil || len(account.Balances) != 1 {
		return fmt.Errorf("the account %s: %s", o.account.wallet, text)
	}
	o.balance, err = minor(account.Balances[0].Balance)
	if o.mirror {
		o.balance = -o.balance
	}
	return err
}

// minor reads an amount in euro.
func minor(text string) (int64, error) {
	return strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64)
}

// id is that of the transaction, if there is one.
func (o *trialOp) id() (string, error) {
	posted, err := told[struct{ ID string }]([]byte(o.answer))
	return posted.ID, err
}

// effect is what o has changed the balance by.
func (o *trialOp) effect() int64 {
	switch {
	case o.status != http.StatusCreated:
		return 0
	case o.kind == take:
		return -o.amount
	}
	return o.amount
}

// again sends an answered operation again, by way of any node. It must be answered as it was.
func (c *trialClient) again(o *trialOp) error {
	repeated := &trialOp{account: o.account, kind: o.kind, amount: o.amount, key: o.key}
	c.insist(repeated, nil)
	if err := c.failed.Load(); err != nil {
		return *err
	}
	if repeated.status != o.status || repeated.answer != o.answer {
		return fmt.Errorf("%s was answered %d %q, and is answered %d %q now", o.key, o.status, o.answer,
			repeated.status, repeated.answer)
	}
	return nil
}
