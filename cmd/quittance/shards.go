package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// shardsCommand shows who owns which shard.
type shardsCommand struct {
	remoteFlags
	JSON bool `name:"json" help:"Print what the server says as JSON, with the place in each topic."`
}

// Help shows what is printed.
func (shardsCommand) Help() string {
	return `A line a shard: who owns it and how it stands there, how often and when it was claimed, the last
group its owner has applied, and how many records its owner's store is behind the log. Any node can
be asked, with a key of the platform:

    $ QUITTANCE_KEY=qk_platform_... quittance shards --url http://127.0.0.1:8080

+ marks shards whose store the node that was asked keeps warm for when it is to serve them.`
}

// A shardLine is a shard as a server tells of it.
type shardLine struct {
	Shard     int       `json:"shard"`
	Status    string    `json:"status"`
	Node      string    `json:"node"`
	Address   string    `json:"address"`
	Here      bool      `json:"here"`
	Standby   bool      `json:"standby"`
	Epoch     uint64    `json:"epoch"`
	Claimed   time.Time `json:"claimed"`
	Group     uint64    `json:"group"`
	Positions []struct {
		Offset int64 `json:"offset"`
		End    int64 `json:"end"`
	} `json:"positions"`
}

// behind returns how many records, and markers of transactions, the log has beyond the store.
func (l shardLine) behind() string {
	if l.Positions == nil {
		return ""
	}
	behind := int64(0)
	for _, p := range l.Positions {
		// The marker of the last transaction is in the log, and nothing for a store.
		behind += max(0, p.End-p.Offset-1)
	}
	return fmt.Sprint(behind)
}

// Run asks a server and prints what it says.
func (c shardsCommand) Run(ctx context.Context, p *program) error {
	if !c.given() {
		return &usageError{"shards asks a running server: give --url, or --dev-json"}
	}
	r, err := c.client(p, rolePlatform)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := r.call(ctx, "GET", "/v1/shards", nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(p.stdout, string(raw))
		return err
	}
	var answer struct {
		Data []shardLine `json:"data"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	return errors.Join(printShards(p.stdout, answer.Data), unserved(answer.Data))
}

// printShards writes a table.
func printShards(out io.Writer, lines []shardLine) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "shard\tstatus\tnode\taddress\tclaims\tlast claimed\tgroup\tbehind")
	for _, l := range lines {
		mark := ""
		if l.Standby {
			mark = "+"
		}
		claimed, claims := "", ""
		if l.Epoch > 0 {
			claimed, claims = l.Claimed.Format(time.RFC3339), fmt.Sprint(l.Epoch)
		}
		fmt.Fprintf(w, "%d%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", l.Shard, mark, l.Status, l.Node,
			l.Address, claims, claimed, l.Group, l.behind())
	}
	return w.Flush()
}

// unserved is an error where a shard is not served, for scripts.
func unserved(lines []shardLine) error {
	var missing []string
	for _, l := range lines {
		if l.Status != "serving" {
			missing = append(missing, fmt.Sprintf("%d (%s)", l.Shard, l.Status))
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("not served: shard %s", strings.Join(missing, ", "))
}
