package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction/kafka"
)

// shared has a node claim the shard of a log on a model, and share it until the end of the test.
func shared(ctx context.Context, t *testing.T) (brokers string) {
	t.Helper()
	addresses := modelled(t)
	log := openedAs(ctx, t, addresses, "one")
	claim, err := log.Claim(ctx, 0)
	if err == nil {
		err = errors.Join(claim.Close(), log.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	joined, ended := make(chan struct{}), make(chan error, 1)
	stay, leave := context.WithCancel(context.Background())
	member := kafka.Membership{
		Connection: kafka.Connection{Brokers: addresses},
		Own:        func(context.Context, []int) error { return nil },
		Joined:     func() { close(joined) }, Logger: slog.New(slog.DiscardHandler),
	}
	go func() { ended <- member.Run(stay) }()
	t.Cleanup(func() {
		leave()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-joined:
	case <-ctx.Done():
		t.Fatal("the group told its only member nothing")
	}
	return strings.Join(addresses, ",")
}

// TestServedLog: keys made, listed or revoked beside running nodes took the shard from its owner,
// whose requests waited. Every command that claims shards is refused while nodes serve the log, and
// told where they say that they are reached: the brokers knew each only as a host.
func TestServedLog(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	brokers := shared(ctx, t)
	dir := t.TempDir()
	for _, c := range []struct{ command, want string }{
		{"keys create --tenant acme --role finance --name till",
			`-d '{"name":"till","role":"finance"}' ` + watchedAddress + "/v1/keys"},
		{"keys list --tenant acme", "-H 'Quittance-Tenant: acme'"},
		{"keys revoke key_1 --tenant acme", "-X POST " + watchedAddress + "/v1/keys/key_1/revoke"},
		{"export reconciliation --tenant acme --from 2026-01-01 --to 2026-02-01",
			"--url " + watchedAddress},
		{"verify", "--url " + watchedAddress},
	} {
		refused(t, "1 node serves that log, at "+watchedAddress+";",
			append(strings.Fields(c.command), "--log", "kafka", "--brokers", brokers, "--data", dir)...)
		refused(t, c.want,
			append(strings.Fields(c.command), "--log", "kafka", "--brokers", brokers, "--data", dir)...)
	}
	refused(t, "1 node serves that log, at "+watchedAddress+
		"; one that was killed counts until its session is over. Stop them first, or copy beside",
		"copy", "--from", "kafka:"+brokers, "--to", "local:"+dir)
}

// TestShardsOfBrokers: GET /v1/shards cannot answer while the platform's own shard is not served,
// since nobody's key can be checked then, and that is when an operator asks. The brokers know who
// claimed each shard, and whether the group has given it to somebody since.
func TestShardsOfBrokers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	on := []string{"shards", "--log", "kafka", "--brokers", shared(ctx, t)}
	out := succeed(t, on...)
	for _, want := range []string{"assigned", "one", watchedAddress, "nodes in the group: 1"} {
		if !strings.Contains(out, want) {
			t.Errorf("the brokers do not say %q, but\n%s", want, out)
		}
	}
	var said struct {
		Members int
		Data    []brokerLine
	}
	if err := json.Unmarshal([]byte(succeed(t, append(on, "--json")...)), &said); err != nil {
		t.Fatal(err)
	}
	if said.Members != 1 || len(said.Data) != 1 || said.Data[0].Epoch != 1 ||
		said.Data[0].Status != brokerAssigned {
		t.Errorf("as JSON: %+v", said)
	}
	claimed := kafka.Owner{Node: "one", Address: watchedAddress, Epoch: 3, Claimed: time.Now()}
	lines := brokerLines([]kafka.Owner{claimed, {}}, kafka.Sharing{Members: 1, Shards: []int{1}})
	if lines[0].Status != brokerUnowned || lines[0].Node != "one" ||
		lines[1].Status != brokerAssigned {
		t.Errorf("a shard whose owner is gone, and one that was just given away: %+v", lines)
	}
	refused(t, "or --dev-json; where no node answers, the brokers", "shards")
}

// TestShardsUnavailable: "the tenant's records are not being served" said nothing to an operator
// who had asked about every tenant's.
func TestShardsUnavailable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"type":"/problems/unavailable","title":"T","status":503,"detail":"d"}`)
	}))
	defer server.Close()
	environment := map[string]string{"QUITTANCE_KEY": "qk_x"}
	code, _, stderr := call(t, environment, "shards", "--url", server.URL)
	if want := "quittance shards --log kafka --brokers"; code != exitFailed ||
		!strings.Contains(stderr, want) {
		t.Errorf("exit code %d, %s, want %q", code, stderr, want)
	}
}
