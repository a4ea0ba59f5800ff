package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction/kafka"
)

// nodesAsked is how long the brokers may take to say where the nodes of a log are reached.
const nodesAsked = 10 * time.Second

// A servedError says that nodes share the shards of a log, so that a command does not take them.
type servedError struct {
	nodes int
	at    []string // where the nodes are reached, or where they are
	ask   string   // what to do instead; it may name an address as URL
}

// Error names the nodes and says what to do instead.
func (e *servedError) Error() string {
	who := fmt.Sprintf("%d nodes serve", e.nodes)
	if e.nodes == 1 {
		who = "1 node serves"
	}
	url := "http://HOST:PORT"
	if strings.Contains(e.at[0], "://") {
		url = e.at[0]
	}
	return fmt.Sprintf("%s that log, at %s; one that was killed counts until its session is over. %s",
		who, strings.Join(e.at, ", "), strings.ReplaceAll(e.ask, "URL", url))
}

// idle fails with a *servedError where nodes serve a log: a command that claims shards would stop
// them for a while, and they would take the shards back amid what it does.
func idle(ctx context.Context, c kafka.Connection, prefix, ask string) error {
	sharing, err := kafka.Members(ctx, c, prefix)
	if err != nil || sharing.Members == 0 {
		return err
	}
	return &servedError{sharing.Members, addresses(ctx, c, prefix, sharing), ask}
}

// addresses returns where the nodes of a log say that they are reached, each once. Those that have
// said nothing yet are named as the brokers see them.
func addresses(ctx context.Context, c kafka.Connection, prefix string, s kafka.Sharing) []string {
	ctx, cancel := context.WithTimeout(ctx, nodesAsked)
	defer cancel()
	owners, err := kafka.Owners(ctx, c, prefix)
	if err != nil {
		return s.Hosts // it is an account that may not read
	}
	var at []string
	for _, shard := range s.Shards {
		if shard < len(owners) && owners[shard].Address != "" {
			at = append(at, owners[shard].Address)
		}
	}
	slices.Sort(at)
	if at = slices.Compact(at); len(at) == 0 {
		return s.Hosts
	}
	return at
}
