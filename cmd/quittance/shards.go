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
	kafkaFlags
	JSON bool `name:"json" help:"Print what the server says as JSON, with the place in each topic."`
}

// Help shows what is printed.
func (shardsCommand) Help() string {
	return `A line a shard: who owns it and how it stands there, how often and when it was claimed, the last
group its owner has, and how far its owner's store is behind the log: how many places of its topics
hold something that the store has not taken in, be it a record or what ends a transaction. It is 0
while nothing is written; a transaction that was given up counts until the next one, or until the
shard was quiet for two minutes. Any node can be asked, with a key of the platform:

    $ QUITTANCE_KEY=qk_platform_... quittance shards --url http://127.0.0.1:8080

+ marks shards whose store the node that was asked keeps warm for when it is to serve them.

Where no node can say, since none runs or the platform's own shard is not served, the brokers can:
who claimed each shard last, and whether the group of nodes has given it to one of them since
(assigned) or not (unowned). Whether that node serves it, only the node knows:

    $ quittance shards --log kafka --brokers HOST:9092

An account needs the role copy or serve for that. Exits with 1 where a shard is not served.

` + kafkaHelp
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

// behind returns how many records, and markers of transactions, the log has beyond the store. The
// marker of the last transaction of each topic is left out.
func (l shardLine) behind() string {
	if l.Positions == nil {
		return ""
	}
	behind := int64(0)
	for _, p := range l.Positions {
		behind += max(0, p.End-p.Offset-1)
	}
	return fmt.Sprint(behind)
}

// Run asks a server and prints what it says.
func (c shardsCommand) Run(ctx context.Context, p *program) error {
	if !c.given() {
		on, err := c.onKafka()
		if err != nil {
			return err
		}
		if on {
			return c.askBrokers(ctx, p)
		}
		return &usageError{"shards asks a running server: give --url, or --dev-json; " +
			"where no node answers, the brokers: --log kafka --brokers HOST:PORT,..."}
	}
	r, err := c.client(p, rolePlatform)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := r.call(ctx, "GET", "/v1/shards", nil, &raw); err != nil {
		return withoutPlatform(err)
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
