package kafka

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// A past is what the topics of a log say of how it was when it was served last. A topic that was
// there then has held records, if only a barrier: one that is missing now must not be made, and one
// that was made anew must not be taken for it.
type past struct {
	claims []*compactionv1.ShardRecord // of each shard the last one; nil where there is none
	// headless: ShardsTopic is not there, and others of the log are and hold records.
	headless bool
	// unseen: who looks may not read ShardsTopic.
	unseen bool
}

// look finds what a cluster has of a log, and how that was when it was served last. What was not
// there may have been made, and served, while the claims were read, by a node that was started at
// the same moment: it is looked for again before it is called lost. What was found is there also
// where the error is of reading the claims.
func look(ctx context.Context, cl *kgo.Client, s Spec) (*found, past, error) {
	f, err := find(ctx, cl, s)
	if err != nil {
		return nil, past{}, err
	}
	before, err := f.past(ctx, cl, s)
	if err != nil || len(before.lost(f, s)) == 0 {
		return f, before, err
	}
	f, err = find(ctx, cl, s)
	return f, before, err
}

// past reads the last claims of a log, which every claim of a shard leaves in ShardsTopic.
func (f *found) past(ctx context.Context, cl *kgo.Client, s Spec) (p past, err error) {
	home, ok := f.topics[ShardsTopic]
	if !ok {
		p.headless, err = f.headless(ctx, cl, s)
		return p, err
	}
	l := &Log{options: Options{Prefix: s.Prefix}, admin: cl,
		report: Report{Topics: map[string]TopicID{ShardsTopic: home.id}}}
	for shard := range home.leaders {
		t, err := l.lastRecords(ctx, shard, []string{ShardsTopic})
		if err != nil {
			return past{}, err
		}
		p.claims = append(p.claims, t.claim)
	}
	return p, nil
}

// headless reports whether ShardsTopic is missing and topics that are there hold records. Another
// process may be making the topics at this moment, and have begun to serve them: then it is there
// when it is looked for again.
func (f *found) headless(ctx context.Context, cl *kgo.Client, s Spec) (bool, error) {
	if written, err := f.written(ctx, cl, s); err != nil || !written {
		return false, err
	}
	m, err := metadata(ctx, cl, []string{s.Prefix + ShardsTopic})
	if err != nil || len(m.Topics) != 1 {
		return false, err
	}
	return missing(kerr.ErrorForCode(m.Topics[0].ErrorCode)), nil
}

// written reports whether one of the topics that are there has ever held a record.
func (f *found) written(ctx context.Context, cl *kgo.Client, s Spec) (bool, error) {
	for name := range f.topics {
		empty := true
		err := persist(ctx, func() (err error) {
			empty, err = emptyTopic(ctx, cl, s.Prefix+name)
			return err
		})
		if err != nil || !empty {
			return !empty, err
		}
	}
	return false, nil
}

// restore is what there is to do where what a log kept is gone.
const restore = "restore the cluster as it was; or, where its data are lost, copy the log from " +
	"where it is whole into new topics (quittance copy)"

// allows reports whether a topic that is missing may be made: the log was never served with it.
func (p past) allows(topic string) bool {
	served := func(m *compactionv1.ShardRecord) bool {
		_, ok := topicsOf(m)[topic]
		return ok
	}
	return !p.headless && !p.unseen && !slices.ContainsFunc(p.claims, served)
}

// lost returns what was there when the log was served last and is not now, as faults that no plan
// can mend.
func (p past) lost(f *found, s Spec) (faults []Fault) {
	if p.headless {
		faults = append(faults, Fault{Topic: s.Prefix + ShardsTopic, lost: true,
			What: "it is missing, and other topics of the log are there and hold records: it alone " +
				"says how many shards the log has, and who wrote what",
			Mend: "do not make it anew, nor delete the others: " + restore})
	}
	ids := map[string]TopicID{}
	for _, m := range p.claims {
		if m != nil {
			maps.Copy(ids, topicsOf(m))
			faults = append(faults, otherCluster(f.cluster, m.Cluster)...)
		}
	}
	for _, t := range s.topics() {
		id, served := ids[t.Name]
		if _, ok := f.topics[t.Name]; served && !ok {
			faults = append(faults, Fault{Topic: s.Prefix + t.Name, lost: true,
				What: "it is missing, or may not be seen, and the log was served with it: what the " +
					"log kept in it is gone",
				Mend: "do not make it anew: " + restore})
			continue
		}
		if served && f.topics[t.Name].id != id {
			faults = append(faults, madeAnew(s.Prefix+t.Name))
		}
	}
	return slices.CompactFunc(faults, func(a, b Fault) bool { return a == b })
}

// otherCluster is the fault of a log that was written on another cluster.
func otherCluster(is, was string) []Fault {
	if is == was {
		return nil
	}
	return []Fault{{What: "the log was written on the cluster " + was, lost: true,
		Mend: "point at the cluster that has the log; or " + restore}}
}

// madeAnew is the fault of a topic that has another id than when it was written to.
func madeAnew(topic string) Fault {
	return Fault{Topic: topic, lost: true, Mend: restore,
		What: "the topic was deleted and made anew: what the log kept in it is gone"}
}

// same reports, as a *FaultsError, which of the topics whose ids were written down when the log was
// used last are other topics now, and whether it is another cluster.
func (r Report) same(cluster string, topics map[string]TopicID) error {
	e := &FaultsError{Cluster: r.Cluster, Faults: otherCluster(r.Cluster, cluster)}
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		if have, ok := r.Topics[name]; ok && have != topics[name] {
			e.Faults = append(e.Faults, madeAnew(r.prefix+name))
		}
	}
	if len(e.Faults) == 0 {
		return nil
	}
	return e
}

// verifyClaims refuses a log that was claimed with another secret, or by a program of another make,
// before anybody is fenced because of it.
func (l *Log) verifyClaims() error {
	for shard, m := range l.report.claims {
		if err := (&tail{log: l, shard: shard, claim: m}).same(); err != nil {
			return err
		}
	}
	return nil
}
