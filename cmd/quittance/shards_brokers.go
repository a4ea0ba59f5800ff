package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/quittance/quittance/compaction/kafka"
)

// A brokerLine is a shard as the brokers alone tell of it: who claimed it last, and whether the
// group has given it to a process since.
type brokerLine struct {
	Shard   int       `json:"shard"`
	Status  string    `json:"status"`
	Node    string    `json:"node,omitempty"`
	Address string    `json:"address,omitempty"`
	Epoch   uint64    `json:"epoch,omitempty"`
	Claimed time.Time `json:"claimed,omitzero"`
}

// What the brokers tell of a shard.
const (
	brokerAssigned = "assigned"
	brokerUnowned  = "unowned"
)

// askBrokers prints what the brokers know, for when no node can say.
func (c shardsCommand) askBrokers(ctx context.Context, p *program) error {
	connection, err := c.connection(p)
	if err != nil {
		return err
	}
	owners, err := kafka.Owners(ctx, connection, c.TopicPrefix)
	if err != nil {
		return err
	}
	sharing, err := kafka.Members(ctx, connection, c.TopicPrefix)
	if err != nil {
		return err
	}
	lines := brokerLines(owners, sharing)
	if c.JSON {
		text, err := json.Marshal(map[string]any{"members": sharing.Members, "data": lines})
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, string(text))
	} else if err := printBrokerLines(p.stdout, lines, sharing.Members); err != nil {
		return err
	}
	if n := len(lines) - len(sharing.Shards); n > 0 {
		return fmt.Errorf("%d of %d shards are with no node", n, len(lines))
	}
	return nil
}

// brokerLines puts together who claimed each shard last and what the group says.
func brokerLines(owners []kafka.Owner, s kafka.Sharing) []brokerLine {
	lines := make([]brokerLine, len(owners))
	for n, o := range owners {
		lines[n] = brokerLine{Shard: n, Status: brokerUnowned, Node: o.Node, Address: o.Address,
			Epoch: o.Epoch, Claimed: o.Claimed}
		if slices.Contains(s.Shards, n) {
			lines[n].Status = brokerAssigned
		}
	}
	return lines
}

// printBrokerLines writes a table, and under it how many processes there are.
func printBrokerLines(out io.Writer, lines []brokerLine, members int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "shard\tstatus\tclaims\tlast claimed\tby node\tat")
	for _, l := range lines {
		claimed := "never"
		if l.Epoch > 0 {
			claimed = l.Claimed.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\t%s\n", l.Shard, l.Status, l.Epoch, claimed, l.Node, l.Address)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "nodes in the group: %d\n", members)
	return err
}

// withoutPlatform says what to ask where a server cannot: keys of the platform are read in its own
// shard, so that nobody is let in while that is not served.
func withoutPlatform(err error) error {
	var refused *problem
	if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
		return err
	}
	return fmt.Errorf("%w\nThe key cannot be checked while the platform's own shard is not served. "+
		"The brokers know who claimed which shard:\nquittance shards --log kafka --brokers HOST:PORT",
		err)
}
