package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting/access"
)

// posting returns the body of a transaction of one posting.
func posting(debit, credit, amount string) map[string]any {
	return map[string]any{"postings": []map[string]string{
		{"debit": debit, "credit": credit, "amount": amount, "currency": "EUR"},
	}}
}

// verified fails the test unless verify says that the running server's data are sound.
func verified(t *testing.T, d devFile) {
	t.Helper()
	var report api.VerifyReport
	if err := d.as(rolePlatform).call(t.Context(), "POST", "/v1/verify", nil, &report); err != nil {
		t.Fatal(err)
	}
	if !report.OK {
		var text strings.Builder
		printReport(&text, report)
		t.Fatalf("the data are not sound:\n%s", &text)
	}
}

// TestGracefulStop stops a server that 32 connections keep busy. Each request must have been
// answered, or not taken: what was not answered must not have been done.
func TestGracefulStop(t *testing.T) {
	dir := t.TempDir()
	p, d := serveDev(t, dir)
	bench := httpBench{host: strings.TrimPrefix(d.URL, "http://"), key: d.Keys[roleTradesperson]}
	var answered atomic.Int64
	busy := make(chan struct{})
	unanswered := make([]string, 32)
	var wg sync.WaitGroup
	for i := range unanswered {
		wg.Go(func() {
			c, err := dial(t.Context(), bench.host)
			if err != nil {
				t.Error(err)
				return
			}
			for n := 0; ; n++ {
				key := fmt.Sprintf("stop-%d-%d", i, n)
				status, body, err := c.send(bench.request(nil, false, key, transactionJSON(i)))
				if err != nil {
					unanswered[i] = key
					_ = c.close() // the server has closed it
					return
				}
				if status != http.StatusCreated {
					t.Errorf("status %d: %s", status, body)
				}
				if answered.Add(1) == 1000 {
					close(busy)
				}
			}
		})
	}
	select {
	case <-busy:
	case <-time.After(time.Minute):
		t.Error("the server was not kept busy")
	}
	p.stop()
	wg.Wait()
	p, d = serveDev(t, dir)
	for i, key := range unanswered {
		body := posting(fmt.Sprintf("assets:cash:%d", i), fmt.Sprintf("income:sales:%d", i), "12.34")
		_, replayed, err := d.as(roleTradesperson).repeat(t.Context(), "/v1/transactions", key, body)
		if err != nil || replayed {
			t.Errorf("%s was taken and not answered (%v)", key, err)
		}
	}
	t.Logf("%d requests were answered before the stop, 32 not taken", answered.Load())
	var history struct{ Balances []struct{ Debits string } }
	err := d.as(roleTradesperson).call(t.Context(), "GET", "/v1/accounts/assets:cash:0", nil, &history)
	if err != nil || len(history.Balances) != 1 {
		t.Errorf("the account: %v, %v", history, err)
	}
	verified(t, d)
	p.stop()
}

// repeat sends a request with an idempotency key and returns the body of its answer, and whether it
// is a replay.
func (c *client) repeat(ctx context.Context, path, key string, body any) (string, bool, error) {
	header := http.Header{}
	text, err := c.send(ctx, "POST", path, key, body, nil, header)
	return string(text), header.Get("Idempotency-Replayed") == "true", err
}

// TestDiskFull fills the disk under a server. Writes are refused and say why, reads go on, and
// both work again when there is room: a small file system of its own where that may be mounted,
// else one that claims to be full.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	// Without a provider in the same process, which would want its own reserve on the same disk.
	c := serveCommand{dataFlag: dataFlag{filepath.Join(dir, "data")}, Listen: "127.0.0.1:0", Dev: true,
		SandboxURL: "http://127.0.0.1:1", Shards: 4, Reserve: 16, LogLevel: "error"}
	ballast := filepath.Join(dir, "ballast")
	var pretended atomic.Bool
	fill := func() { fillDisk(t, ballast) }
	empty := func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256m"); err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
	} else {
		t.Logf("no file system can be mounted (%v): one that claims to be full has to do", err)
		fill, empty = func() { pretended.Store(true) }, func() { pretended.Store(false) }
		c.space = func(string) (uint64, error) {
			if pretended.Load() {
				return 1 << 20, nil
			}
			return 1 << 30, nil
		}
	}
	testDiskFull(t, c, fill, empty)
}

// fillDisk writes a file until there is no room for another byte.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 1<<20); ; {
		if _, err := f.Write(chunk); err == nil {
			continue
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if len(chunk) == 1 {
			break
		}
		chunk = chunk[:len(chunk)/2]
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func testDiskFull(t *testing.T, c serveCommand, fill, empty func()) {
	log := &output{}
	p := seeing(map[string]string{stripeKey: "sk_test", webhookSecret: "whsec_test"})
	p.stdout, p.stderr = log, log
	s, err := startServer(t.Context(), p, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Errorf("%v\n%s", err, log)
		}
	}()
	seller := s.dev.as(roleTradesperson)
	post := func(key string) error {
		_, _, err := seller.repeat(t.Context(), "/v1/transactions", key, posting("a:b", "c:d", "1.00"))
		return err
	}
	if err := post("before"); err != nil {
		t.Fatal(err)
	}
	fill()
	time.Sleep(150 * time.Millisecond) // as long as an old figure of the free space may be used
	for i := range 20 {
		err := post("full")
		var refused *problem
		if !errors.As(err, &refused) || refused.Status != http.StatusInsufficientStorage ||
			!strings.HasSuffix(refused.Type, "/out-of-space") {
			t.Fatalf("posting %d on a full disk: %v, want 507 out-of-space", i, err)
		}
		var account struct{ Balances []struct{ Balance string } }
		err = seller.call(t.Context(), "GET", "/v1/accounts/a:b", nil, &account)
		if err != nil || len(account.Balances) != 1 || account.Balances[0].Balance != "1.00" {
			t.Fatalf("reading on a full disk: %v, %v", account, err)
		}
	}
	empty()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := post("full")
		if err == nil {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("20 s after there is room again: %v\n%s", err, log)
		}
	}
	verified(t, s.dev)
}

// manyTenants fills a data folder with transactions of a tenant in each shard, and returns a key of
// each.
func manyTenants(t *testing.T, dir string, transactions int) (tenants, keys []string) {
	t.Helper()
	log := &program{stderr: &output{}}
	err := withEngine(t.Context(), dir, benchLog(log), "", func(e *engine) error {
		tenants, keys = make([]string, e.shards.Count()), make([]string, e.shards.Count())
		for n := 0; ; n++ {
			tenant := fmt.Sprintf("tenant-%d", n)
			shard := compaction.ShardOf(tenant, len(tenants))
			if tenants[shard] != "" {
				continue
			}
			_, text, err := createKey(t.Context(), e.shards, tenant, "test", access.Tradesperson)
			if err != nil {
				return err
			}
			tenants[shard], keys[shard] = tenant, text
			if err := bulk(t.Context(), e, tenant, transactions); err != nil {
				return err
			}
			if done := strings.Join(tenants, "/"); !strings.Contains("/"+done+"/", "//") {
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return tenants, keys
}

// bulk posts transactions with metadata that do not compress.
func bulk(ctx context.Context, e *engine, tenant string, n int) error {
	eur := money.MustParseCurrency("EUR")
	for range n {
		noise := make([]byte, 200)
		rand.Read(noise) // never fails
		err := decide(ctx, e.shards, tenant, func(tx *compaction.Tx) error {
			_, err := ledger.Post(tx, tenant, ledger.Transaction{
				Postings: []ledger.Posting{{Debit: "a:b", Credit: "c:d", Amount: money.New(100, eur)}},
				Metadata: []ledger.Pair{{Key: "noise", Value: hex.EncodeToString(noise)}},
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// flip changes a byte in the middle of each file that matches, and returns how many there were.
func flip(t *testing.T, dir string, match func(name string) bool) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !match(d.Name()) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return err
		}
		b[len(b)/2] ^= 0x40
		files++
		return os.WriteFile(path, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestStoreCorrupt changes a byte in every file of the store while the server is stopped: it makes
// the store anew from the log, serves, and everything is as it was.
func TestStoreCorrupt(t *testing.T) {
	dir := t.TempDir()
	_, keys := manyTenants(t, dir, 20)
	files := flip(t, filepath.Join(dir, "store"), func(string) bool { return true })
	p, d := serveDev(t, dir)
	for _, key := range keys {
		c := &client{url: d.URL, key: key, http: newHTTPClient()}
		var account struct{ Balances []struct{ Balance string } }
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			err := c.call(t.Context(), "GET", "/v1/accounts/a:b", nil, &account)
			if err == nil && len(account.Balances) == 1 && account.Balances[0].Balance == "20.00" {
				break
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("after 30 s: %v, %v\n%s", account, err, p.log)
			}
		}
	}
	t.Logf("%d files were changed", files)
	verified(t, d)
	p.stop()
}

// TestLogCorrupt changes a byte in the log and takes the store away. The shard whose record it is
// stops and names it, nothing is skipped, and the other shards serve.
func TestLogCorrupt(t *testing.T) {
	dir := t.TempDir()
	_, keys := manyTenants(t, dir, 100)
	tables := func(name string) bool { return strings.HasSuffix(name, ".sst") }
	if n := flip(t, filepath.Join(dir, "log"), tables); n == 0 {
		t.Fatal("the log has no tables")
	}
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve", "--data", dir, "--sandbox", "--listen", "127.0.0.1:0")
	if !p.says("a shard is damaged") { // only history may read what it is in, a moment later
		t.Fatalf("the damage is not found\n%s", p.log)
	}
	served, stopped := 0, 0
	for shard, key := range keys {
		c := &client{url: p.url, key: key, http: newHTTPClient()}
		post := func() error {
			return c.call(t.Context(), "POST", "/v1/transactions", posting("a:b", "c:d", "1.00"), nil)
		}
		err := post()
		var refused *problem
		if errors.As(err, &refused) && refused.Status == http.StatusInternalServerError {
			err = post() // the first to meet the damage is told nothing of it; then the shard has stopped
		}
		switch {
		case err == nil:
			served++
		case errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable:
			stopped++
			want := fmt.Sprintf("the log is damaged at shard %d, group ", shard)
			if !p.says(want) {
				t.Errorf("shard %d does not say what stopped it:\n%s", shard, p.log)
			}
		default:
			t.Error(err)
		}
	}
	if served == 0 || stopped == 0 {
		t.Errorf("%d shards serve and %d have stopped, want some of both\n%s", served, stopped, p.log)
	}
	ready, err := http.Get(p.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(ready.Body)
	if err = errors.Join(err, ready.Body.Close()); err != nil {
		t.Error(err)
	}
	if ready.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d %s", ready.StatusCode, &body)
	}
	p.stop()
	t.Logf("%d shards went on serving, %d stopped", served, stopped)
}
