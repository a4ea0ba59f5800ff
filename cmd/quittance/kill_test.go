package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKill kills the real server under load, again and again, and holds after each restart that
// nothing acknowledged is lost, that nothing was done twice, that each command repeated with its
// key gets its first answer, and that verify finds nothing. The load is the general ledger, and
// quotes that are paid through a provider in a process of its own, which fails by a seed.
func TestKill(t *testing.T) {
	run := newKilling(t)
	for range *kills {
		run.round()
	}
	run.end()
}

// killing is a server that is killed, and what its clients know.
type killing struct {
	t       *testing.T
	data    string
	listen  string
	sandbox *process
	server  *process
	dev     devFile
	ledgers []*ledgerClient
	payers  []*payer

	kills, replayed, resolved int

	paying     sync.WaitGroup
	stopPaying context.CancelFunc
	load       atomic.Bool // payers begin new quotes
}

// How many clients post and how many take quotes to payment at a time. Each posting client has an
// account of its own, so that its balance says how many of its transactions were done.
const (
	ledgerClients = 16
	payers        = 4
)

func newKilling(t *testing.T) *killing {
	t.Helper()
	k := &killing{t: t, data: filepath.Join(t.TempDir(), "data"), listen: steadyAddress(t)}
	t.Setenv("QUITTANCE_STRIPE_KEY", "sk_test_kill")
	t.Setenv(webhookSecret, "whsec_kill")
	k.sandbox = start(t, "sandbox", "--listen", "127.0.0.1:0",
		"--data", filepath.Join(t.TempDir(), "books"),
		"--webhook-url", "http://"+k.listen+"/v1/webhooks/stripe", "--seed", "7",
		"--decline", "50", "--timeout", "20", "--error-before", "10", "--error-after", "30",
		"--duplicate", "100", "--reorder", "100")
	k.serve()
	for n := range ledgerClients {
		k.ledgers = append(k.ledgers, &ledgerClient{n: n})
	}
	ctx, cancel := context.WithCancel(t.Context())
	k.stopPaying = cancel
	for n := range payers {
		p := newPayer(t, k.dev, n)
		k.payers = append(k.payers, p)
		k.paying.Go(func() { p.run(ctx, &k.load) })
	}
	t.Cleanup(func() { cancel(); k.paying.Wait() })
	return k
}

// serve starts the server on the data as they are.
func (k *killing) serve() {
	k.t.Helper()
	k.server = start(k.t, "serve", "--dev", "--data", k.data, "--listen", k.listen,
		"--sandbox-url", k.sandbox.url, "--call-timeout", "5s")
	var err error
	if k.dev, err = readDev(filepath.Join(k.data, "dev.json")); err != nil {
		k.t.Fatal(err)
	}
}

// round puts load on the server, kills it at a random moment, starts it again and checks.
func (k *killing) round() {
	k.t.Helper()
	ctx, cancel := context.WithCancel(k.t.Context())
	defer cancel()
	var posting sync.WaitGroup
	for _, l := range k.ledgers {
		posting.Go(func() { l.post(ctx, k.dev) })
	}
	k.load.Store(true)
	time.Sleep(time.Duration(200+rand.IntN(600)) * time.Millisecond)
	if err := k.server.kill(); err != nil {
		k.t.Fatal(err)
	}
	k.load.Store(false)
	k.kills++
	cancel()
	posting.Wait()
	k.serve()
	for _, l := range k.ledgers {
		if err := l.check(k); err != nil {
			k.t.Fatalf("after kill %d: %v\n%s", k.kills, err, k.server.log)
		}
	}
	for _, p := range k.payers {
		n, err := p.repeat()
		if err != nil {
			k.t.Fatalf("after kill %d: %v\n%s", k.kills, err, k.server.log)
		}
		k.replayed += n
	}
	verified(k.t, k.dev)
}

// end lets every payment come to its end, holds the provider's books against ours, has all of it
// paid out and settled, and says what was done.
func (k *killing) end() {
	k.t.Helper()
	k.stopPaying()
	k.paying.Wait()
	amounts := map[string]string{}
	for _, p := range k.payers {
		if err := p.finish(amounts); err != nil {
			k.t.Fatalf("%v\n%s", err, k.server.log)
		}
	}
	charges := k.charged(amounts)
	k.payOut(amounts)
	verified(k.t, k.dev)
	acknowledged := 0
	for _, l := range k.ledgers {
		acknowledged += l.done
	}
	k.server.stop()
	k.sandbox.stop()
	k.t.Logf("%d kills: %d transactions acknowledged, each there once; %d answers asked for "+
		"again and the same; %d requests were under way when the server was killed; %d payments, "+
		"charged once each (%d charges), paid out and settled", k.kills, acknowledged,
		k.replayed, k.resolved,
		len(amounts), charges)
}

// charged holds that the provider has charged each payment once, and nothing else.
func (k *killing) charged(amounts map[string]string) (charges int) {
	provider := &client{url: k.sandbox.url, key: "sk_test_kill", http: newHTTPClient()}
	succeeded := map[string]int{}
	for after := ""; ; {
		var page struct {
			Data []struct {
				ID       string            `json:"id"`
				Status   string            `json:"status"`
				Amount   int64             `json:"amount"`
				Metadata map[string]string `json:"metadata"`
			} `json:"data"`
			HasMore bool `json:"has_more"`
		}
		err := errors.New("not asked")
		for range 20 { // the provider's seeded faults are for whoever asks
			if err == nil {
				break
			}
			err = provider.call(k.t.Context(), "GET", "/v1/payment_intents?limit=100"+after, nil, &page)
		}
		if err != nil {
			k.t.Fatal(err)
		}
		for _, intent := range page.Data {
			after = "&starting_after=" + intent.ID
			payment := intent.Metadata["payment"]
			if intent.Status != "succeeded" {
				continue
			}
			charges++
			succeeded[payment]++
			ours := amounts[payment]
			theirs := fmt.Sprintf("%d.%02d", intent.Amount/100, intent.Amount%100)
			if theirs != ours {
				k.t.Errorf("%s of %s is charged with %s, want %q", intent.ID, payment, theirs, ours)
			}
		}
		if !page.HasMore {
			break
		}
	}
	for payment := range amounts {
		if succeeded[payment] != 1 {
			k.t.Errorf("payment %s was charged %d times", payment, succeeded[payment])
		}
	}
	return charges
}

// payOut has the provider pay out, until every payment is settled.
func (k *killing) payOut(amounts map[string]string) {
	provider := &client{url: k.sandbox.url, key: "sk_test_kill", http: newHTTPClient()}
	err := provider.call(k.t.Context(), "POST", "/v1/test_helpers/payouts", nil, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	d := &demo{seller: k.dev.as(roleTradesperson)}
	for payment := range amounts {
		err := insisted(func() error {
			return d.wait(k.t.Context(), "/v1/payments/"+payment, "settled")
		})
		if err != nil {
			k.t.Fatalf("%v\n%s", err, k.server.log)
		}
	}
}

// A ledgerClient posts one transaction after the other and remembers every answer.
type ledgerClient struct {
	n    int
	sent int // transactions sent, each with its own key
	done int // transactions known to be done

	recent []answered // acknowledged since the last kill
	open   string     // the key of a transaction whose answer never came, empty for none
	failed error      // an answer that there should not have been
}

// answered is a request and its first answer.
type answered struct {
	path, key string
	body      any
	answer    string
}

// again repeats the request, whose answer must be the first one.
func (a answered) again(ctx context.Context, c *client) error {
	var answer string
	var replayed bool
	err := insisted(func() (err error) {
		answer, replayed, err = c.repeat(ctx, a.path, a.key, a.body)
		return err
	})
	if err != nil || !replayed || answer != a.answer {
		return fmt.Errorf("%s was answered %q, and is answered %q now (%v)", a.key, a.answer, answer, err)
	}
	return nil
}

func (l *ledgerClient) account() string { return fmt.Sprintf("load:%d", l.n) }

func (l *ledgerClient) body() any { return posting(l.account(), "load:all", "0.01") }

// post posts until the server is gone.
func (l *ledgerClient) post(ctx context.Context, d devFile) {
	c := d.as(roleTradesperson)
	l.recent = l.recent[:0]
	for ctx.Err() == nil {
		key := fmt.Sprintf("kill-%d-%d", l.n, l.sent)
		l.sent++
		answer, _, err := c.repeat(context.WithoutCancel(ctx), "/v1/transactions", key, l.body())
		if err == nil {
			l.recent = append(l.recent, answered{"/v1/transactions", key, l.body(), answer})
			l.done++
			continue
		}
		var refused *problem
		if errors.As(err, &refused) && refused.Status != http.StatusServiceUnavailable {
			l.failed = err
		}
		l.open = key
		return
	}
}

// check holds the server to what it answered before it was killed.
func (l *ledgerClient) check(k *killing) error {
	if l.failed != nil {
		return l.failed
	}
	c, ctx := k.dev.as(roleTradesperson), k.t.Context()
	if l.open != "" {
		if err := l.expect(ctx, c, l.done, l.done+1); err != nil {
			return err
		}
		if _, _, err := c.repeat(ctx, "/v1/transactions", l.open, l.body()); err != nil {
			return fmt.Errorf("repeating %s, whose answer never came: %w", l.open, err)
		}
		l.open = ""
		l.done++
		k.resolved++
	}
	// The last ones matter most: they were answered just before the kill.
	for _, first := range l.recent[max(0, len(l.recent)-20):] {
		if err := first.again(ctx, c); err != nil {
			return err
		}
		k.replayed++
	}
	return l.expect(ctx, c, l.done, l.done)
}

// expect holds that the account's balance is that of so many transactions.
func (l *ledgerClient) expect(ctx context.Context, c *client, least, most int) error {
	var account struct{ Balances []struct{ Balance string } }
	err := c.call(ctx, "GET", "/v1/accounts/"+l.account(), nil, &account)
	var none *problem
	if errors.As(err, &none) && none.Status == http.StatusNotFound && least == 0 {
		return nil
	}
	if err != nil || len(account.Balances) != 1 {
		return fmt.Errorf("account %s: %v, %w", l.account(), account, err)
	}
	balance := account.Balances[0].Balance
	for n := least; n <= most; n++ {
		if balance == fmt.Sprintf("%d.%02d", n/100, n%100) {
			return nil
		}
	}
	return fmt.Errorf("account %s has %s after %d transactions (%d at most)", l.account(), balance,
		least, most)
}
