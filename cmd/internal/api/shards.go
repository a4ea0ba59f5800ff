package api

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"
)

// A ShardStatus is what a process knows of a shard.
type ShardStatus struct {
	Shard   int
	Node    string // what its owner is called; empty where it has none, or needs no name
	Address string // where the other nodes reach its owner
	Here    bool   // the process that tells owns it
	Serving bool   // and serves it
	Standby bool   // the process that tells keeps its store level with the log
	Stopped bool   // it has stopped for a reason that only an operator can mend
	Epoch   uint64 // counts its claims; 0 is not known
	Claimed time.Time
	Group   uint64 // the last group that the store here has; 0 is not known
	// Lag is how many groups the log is known to have beyond that; nil where that is not known.
	Lag *uint64
	// Positions is where the store here is in each topic, sorted by topic; nil is not known.
	Positions []ShardPosition
}

// A ShardPosition is a place in a topic of a shard.
type ShardPosition struct {
	Topic  string `json:"topic"`
	Offset int64  `json:"offset" doc:"Of the next record."`
	End    int64  `json:"end,omitempty" doc:"Of the next record that will be written, where it is known."`
}

type shardRecord struct {
	Shard     int             `json:"shard" doc:"The number of the shard, from 0."`
	Status    string          `json:"status" enum:"serving,opening,stopped,unreachable,unowned" doc:"opening: its owner has it and does not serve it yet; unreachable: its owner did not answer for it; unowned: it has none at the moment."`
	Node      string          `json:"node,omitempty" doc:"What its owner is called."`
	Address   string          `json:"address,omitempty" doc:"Where the other nodes reach its owner." example:"http://10.0.0.1:8080"`
	Here      bool            `json:"here" doc:"Whether the node that answers owns it: that of the caller's own tenant."`
	Standby   bool            `json:"standby" doc:"Whether the node that answers keeps a store of it for when it comes there."`
	Epoch     uint64          `json:"epoch,omitempty" doc:"Counts its claims."`
	Claimed   moment          `json:"claimed,omitzero" doc:"When it was claimed last."`
	Group     uint64          `json:"group,omitempty" doc:"The last group of commands that its store has since it was opened."`
	Lag       *uint64         `json:"lag,omitempty" doc:"How many groups the log has that its store has not, where that is known."`
	Positions []ShardPosition `json:"positions,omitempty" doc:"Where its store is in each topic."`
}

type shardPage struct {
	Data []shardRecord `json:"data" doc:"Every shard, by its number."`
}

func (a *API) registerShards() {
	query[struct{}](a, route{
		id: "list-shards", path: "/v1/shards", tag: operatorTag, roles: platform, parts: true,
		summary: "List shards",
		description: "Who owns each shard of the log and how it stands there. Owners are asked; of one " +
			"that does not answer within two seconds stands here what the others know.",
	}, listShards)
}

// listShards puts together what the owners say of their shards. It answers whoever is missing: it
// is what an operator looks at then.
func listShards(x *exchange, _ *struct{}) (shardPage, error) {
	known := x.api.shardStatus()
	out := shardPage{Data: make([]shardRecord, 0, len(known))}
	for _, s := range known {
		out.Data = append(out.Data, showShard(s))
	}
	if x.across == nil || x.across.hop != nil && x.across.hop.Kind == hopPart {
		return out, nil
	}
	answers := x.askOwners(known)
	for i, row := range out.Data {
		said, ok := answers[row.Address]
		if row.Here || row.Address == "" {
			continue
		}
		if !ok {
			out.Data[i].Status = "unreachable"
			continue
		}
		for _, theirs := range said.Data {
			if theirs.Shard == row.Shard && theirs.Here {
				theirs.Here, theirs.Standby = false, row.Standby
				theirs.Node, theirs.Address = cmp.Or(theirs.Node, row.Node), row.Address
				theirs.Epoch = cmp.Or(theirs.Epoch, row.Epoch)
				out.Data[i] = theirs
			}
		}
	}
	return out, nil
}

// askOwners asks the other owners for what they say of the shards, and returns the answers of those
// that give one in time, by their address.
func (x *exchange) askOwners(known []ShardStatus) map[string]shardPage {
	ctx, cancel := context.WithTimeout(x.r.Context(), x.api.patience)
	defer cancel()
	var mu sync.Mutex
	var asked sync.WaitGroup
	answers, seen := map[string]shardPage{}, map[string]bool{}
	for _, s := range known {
		if s.Here || s.Address == "" || seen[s.Address] {
			continue
		}
		seen[s.Address] = true
		asked.Go(func() {
			var page shardPage
			answer, err := x.askPart(ctx, s.Address, nil)
			if err == nil {
				err = json.Unmarshal(answer, &page)
			}
			if err != nil {
				x.api.logger.Debug("an owner did not answer for its shards", "address", s.Address,
					"error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answers[s.Address] = page
		})
	}
	asked.Wait()
	return answers
}

// shardStatus returns what this process knows of each shard, by number: what the cluster tells,
// unless it cannot at the moment, and how the shard stands here, which the engine knows best.
func (a *API) shardStatus() []ShardStatus {
	all := make([]ShardStatus, a.shards.Count())
	for n := range all {
		if a.peers != nil {
			all[n].Address, _, _ = a.peers.Owner(n)
		}
	}
	if a.cluster != nil {
		known, err := a.cluster()
		if err != nil {
			a.logger.Warn("the cluster does not tell how its shards stand", "error", err)
		}
		for _, s := range known {
			if s.Shard >= 0 && s.Shard < len(all) {
				all[s.Shard] = s
			}
		}
	}
	for _, n := range a.shards.Stats() {
		s := &all[n.Shard]
		s.Shard, s.Here, s.Serving, s.Standby = n.Shard, n.Owned, n.Serving, n.Standby
		s.Stopped, s.Group = n.Stopped != "", cmp.Or(s.Group, n.Group)
	}
	return all
}

func showShard(s ShardStatus) shardRecord {
	out := shardRecord{Shard: s.Shard, Node: s.Node, Address: s.Address, Here: s.Here,
		Standby: s.Standby, Epoch: s.Epoch, Claimed: moment(s.Claimed), Group: s.Group, Lag: s.Lag,
		Positions: s.Positions, Status: "opening"}
	switch {
	case s.Stopped:
		out.Status = "stopped"
	case s.Serving:
		out.Status = "serving"
	case !s.Here && s.Address == "":
		out.Status = "unowned"
	}
	return out
}
