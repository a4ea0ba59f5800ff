package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// processDir, when it is set, makes the test binary a provider on that folder: TestKill needs one
// that it can kill.
const processDir = "SANDBOX_TEST_PROCESS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(processDir); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve runs a provider at an address of its own choice, which it prints when it is ready.
func serve(dir string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	p, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		if p.Ready(ctx) == nil {
			fmt.Println(l.Addr())
		}
	}()
	go func() { fmt.Fprintln(os.Stderr, http.Serve(l, p.Handler())) }()
	return p.Run(ctx)
}

// process starts the provider and returns its client and how to kill it.
func process(t *testing.T, dir string) (client, func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the provider ended by itself")
		}
	})
	t.Cleanup(kill)
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	return client{t, "http://" + address, "sk_test"}, kill
}

// TestKill ends the provider by SIGKILL under load, again and again: every payment that was
// acknowledged is there, its key gets the first answer, and no payment is there twice.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	answers := map[string]string{} // by key
	var mu sync.Mutex
	for round := range 3 {
		c, kill := process(t, dir)
		for key, first := range answers {
			_, header, b, err := c.do(http.MethodPost, "/v1/payment_intents", parameters(key), key)
			if err != nil || string(b) != first || header.Get("Idempotent-Replayed") != "true" {
				t.Fatalf("round %d: %s was answered %s, now %s, %v", round, key, first, b, err)
			}
		}
		var load sync.WaitGroup
		var acknowledged atomic.Int64
		enough := make(chan struct{})
		for worker := range 4 {
			load.Go(func() {
				for n := 0; ; n++ {
					key := fmt.Sprintf("%d-%d-%d", round, worker, n)
					status, _, b, err := c.do(http.MethodPost, "/v1/payment_intents",
						parameters(key), key)
					if err != nil || status != 200 {
						return // killed
					}
					mu.Lock()
					answers[key] = string(b)
					mu.Unlock()
					if acknowledged.Add(1) == 10 {
						close(enough)
					}
				}
			})
		}
		select {
		case <-enough:
			time.Sleep(100 * time.Millisecond) // so that it is killed at any moment
		case <-time.After(time.Minute):
			t.Error("hardly a payment is acknowledged within a minute")
		}
		kill()
		load.Wait()
	}
	c, _ := process(t, dir)
	seen := map[string]int{}
	for after := ""; ; {
		var l pageOf[intent]
		c.get(200, "/v1/payment_intents", "limit=100&starting_after="+after, &l)
		for _, pi := range l.Data {
			seen[pi.Metadata["key"]]++
			after = pi.ID
		}
		if !l.HasMore {
			break
		}
	}
	for key := range answers {
		if seen[key] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", key, seen[key])
		}
	}
}

func parameters(key string) string {
	return "amount=100&currency=eur&confirm=true&payment_method=pm_card_visa&metadata[key]=" +
		strings.ReplaceAll(key, "&", "")
}
