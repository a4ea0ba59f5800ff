package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// members are engines that share a log, as processes on a cluster do.
type members struct {
	t     *testing.T
	log   *local.Log
	table *compaction.Table[note]
	all   []*compaction.Shards
}

// startMembers runs engines on one log of two shards. None owns a shard yet.
func startMembers(t *testing.T, count int, o compaction.Options) *members {
	t.Helper()
	m := &members{t: t, table: notes(false, never)}
	schema, err := compaction.NewSchema(m.table, compaction.Answers)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	m.log, err = local.Open(dir+"/log", schema.Topics(), local.Options{Shards: 2, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	var ended sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		ended.Wait()
		if err := m.log.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range count {
		o := o
		o.Log, o.Schema, o.Dir, o.Logger = m.log, schema, fmt.Sprintf("%s/store-%d", dir, i), quiet
		o.Secret, o.Shared = []byte("a secret of thirty-two characters"), true
		s, err := compaction.NewShards(o)
		if err != nil {
			t.Fatal(err)
		}
		m.all = append(m.all, s)
		ended.Go(func() {
			if err := s.Run(running); err != nil {
				t.Error(err)
			}
		})
	}
	return m
}

func (m *members) own(i int, shards ...int) {
	m.t.Helper()
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := errors.Join(m.all[i].Own(soon, shards), m.all[i].Restored(soon)); err != nil {
		m.t.Fatal(err)
	}
}

const patience = 2 * time.Minute

// put writes a note of a tenant's by one member, under an idempotency key.
func (m *members) put(i int, tenant, key string, texts int) (compaction.Answer, error) {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return m.all[i].Do(soon, compaction.Command{Tenant: tenant,
		Idempotency: &compaction.Idempotency{Principal: "p", Operation: "put", Key: key},
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			n, _, err := m.table.Get(tx, compaction.Key(tenant, "n"))
			if err != nil {
				return compaction.Answer{}, err
			}
			n.texts += texts
			m.table.Put(tx, compaction.Key(tenant, "n"), n)
			return compaction.Answer{Code: n.texts}, nil
		}})
}

func (m *members) count(i int, tenant string) (n int, err error) {
	err = m.all[i].Read(tenant, func(v *compaction.View) error {
		found, _, err := m.table.Get(v, compaction.Key(tenant, "n"))
		n = found.texts
		return err
	})
	return n, err
}

// tenantOf returns a tenant of a shard of two.
func tenantOf(shard int) string {
	for i := 0; ; i++ {
		if t := fmt.Sprintf("t%d", i); compaction.ShardOf(t, 2) == shard {
			return t
		}
	}
}

// A shard moves: who gave it up refuses, who has it now knows what was done, a retried command gets
// its first answer there, and so it goes back and forth, with standbys and without.
func TestOwnMoves(t *testing.T) {
	for _, standby := range []bool{false, true} {
		t.Run(fmt.Sprintf("standby=%t", standby), func(t *testing.T) {
			m := startMembers(t, 2, compaction.Options{Standby: standby})
			tenant, other := tenantOf(0), tenantOf(1)
			m.own(0, 0, 1)
			if _, err := m.put(1, tenant, "x", 1); !errors.Is(err, compaction.ErrNotServing) {
				t.Fatalf("a shard that is not owned: %v, want ErrNotServing", err)
			}
			want := 0
			for round := range 6 {
				has, hasNot := round%2, (round+1)%2
				key := fmt.Sprintf("k%d", round)
				want += round + 1
				first, err := m.put(has, tenant, key, round+1)
				if err != nil || first.Code != want || first.Replayed {
					t.Fatalf("round %d: %+v, %v, want %d", round, first, err, want)
				}
				if round == 0 {
					m.own(0, 0)
					m.own(1, 1)
				}
				if _, err := m.put(1, other, key, 1); err != nil {
					t.Fatalf("the shard that stays: %v", err)
				}
				owned := [][]int{{}, {1}}
				m.own(has, owned[has]...)
				m.own(hasNot, append(owned[hasNot], 0)...)
				if _, err := m.put(has, tenant, "late", 1); !errors.Is(err, compaction.ErrNotServing) {
					t.Fatalf("round %d: who gave it up: %v, want ErrNotServing", round, err)
				}
				if _, err := m.count(has, tenant); !errors.Is(err, compaction.ErrNotServing) {
					t.Fatalf("round %d: reading where it was: %v, want ErrNotServing", round, err)
				}
				again, err := m.put(hasNot, tenant, key, round+1)
				if err != nil || !again.Replayed || again.Code != want {
					t.Fatalf("round %d, retried: %+v, %v, want the first answer", round, again, err)
				}
				if n, err := m.count(hasNot, tenant); err != nil || n != want {
					t.Fatalf("round %d: %d, %v, want %d", round, n, err, want)
				}
			}
			for i, shard := range []int{0, 1} {
				soon, cancel := context.WithTimeout(ctx, patience)
				defer cancel()
				if err := m.all[i].Restored(soon); err != nil {
					t.Fatal(err)
				}
				if r, err := m.all[i].CompareStore(ctx, shard); err != nil || r.Different != nil {
					t.Errorf("store and log differ in %q: %v", r.Different, err)
				}
			}
		})
	}
}

// A process that still believes it owns a shard which another has claimed answers nothing out of
// its own store: not a write, not a refusal, not a repeated answer, and after its lease no read.
func TestOwnZombie(t *testing.T) {
	const lease = 50 * time.Millisecond
	for name, ask := range map[string]func(m *members, tenant string) error{
		"write": func(m *members, tenant string) error {
			_, err := m.put(0, tenant, "new", 1)
			return err
		},
		"refusal": func(m *members, tenant string) error {
			_, err := m.all[0].Do(ctx, compaction.Command{Tenant: tenant,
				Decide: func(*compaction.Tx) (compaction.Answer, error) {
					return compaction.Answer{}, errors.New("refused, by what is out of date")
				}})
			return err
		},
		"read": func(m *members, tenant string) error {
			time.Sleep(2 * lease) // the lease is a time: this is what it is about
			_, err := m.count(0, tenant)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := startMembers(t, 2, compaction.Options{Lease: lease})
			tenant := tenantOf(0)
			m.own(0, 0)
			if _, err := m.put(0, tenant, "k", 1); err != nil {
				t.Fatal(err)
			}
			w, err := m.log.Claim(ctx, 0) // as another process would
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(ask(m, tenant), w.Close())
			if name == "write" { // resolved by claiming again, which is right while it is assigned
				if err != nil {
					t.Fatalf("a keyed command of a process that is still assigned: %v", err)
				}
				return
			}
			if !errors.Is(err, compaction.ErrFenced) && !errors.Is(err, compaction.ErrNotServing) {
				t.Errorf("%v, want ErrFenced or ErrNotServing", err)
			}
		})
	}
}

// A shard that is given up answers what it had taken before it goes.
func TestOwnGivesUpInOrder(t *testing.T) {
	m := startMembers(t, 2, compaction.Options{})
	tenant := tenantOf(0)
	m.own(0, 0)
	const callers = 64
	var wait sync.WaitGroup
	var mu sync.Mutex
	acknowledged := 0
	begun := make(chan struct{}, callers)
	for c := range callers {
		wait.Go(func() {
			for n := 0; ; n++ {
				_, err := m.put(0, tenant, fmt.Sprintf("%d-%d", c, n), 1)
				if errors.Is(err, compaction.ErrNotServing) {
					return
				}
				if err != nil {
					t.Errorf("put: %v", err)
					return
				}
				mu.Lock()
				acknowledged++
				mu.Unlock()
				select {
				case begun <- struct{}{}:
				default: // enough
				}
			}
		})
	}
	for range 500 {
		select {
		case <-begun:
		case <-time.After(patience):
			t.Fatal("the callers have stopped")
		}
	}
	m.own(0)
	wait.Wait()
	m.own(1, 0)
	if n, err := m.count(1, tenant); err != nil || n != acknowledged {
		t.Errorf("%d are there, %v; %d were acknowledged", n, err, acknowledged)
	}
}

// A shard that is given and taken away at once is given up at once.
func TestOwnThereAndBack(t *testing.T) {
	m := startMembers(t, 1, compaction.Options{})
	for range 200 {
		for _, shards := range [][]int{{0}, {}, {1}, {0, 1}, {}} {
			soon, cancel := context.WithTimeout(ctx, patience)
			if err := m.all[0].Own(soon, shards); err != nil {
				t.Fatalf("Own(%v): %v", shards, err)
			}
			cancel()
		}
	}
}

// The group hands a shard over when it has not heard of its owner for a while, over a connection of
// its own: appends that go on do not count there. So the owner's reads trust its store no longer
// than the group's last answer allows, however lately it has appended.
func TestOwnUnheard(t *testing.T) {
	m := startMembers(t, 2, compaction.Options{Lease: time.Hour})
	tenant := tenantOf(0)
	m.own(0, 0)
	stale := func() bool {
		t.Helper()
		w, err := m.log.Claim(ctx, 0) // as another process would
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.count(0, tenant)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil && !errors.Is(err, compaction.ErrNotServing) {
			t.Fatalf("%v, want ErrNotServing", err)
		}
		return err == nil // the next write has the shard claimed again
	}
	for i, c := range []struct {
		name string
		told func()
		want bool // a read is answered from the store
	}{
		{"a process in no group", func() {}, true},
		{"a group that has not answered for an hour", func() {
			m.all[0].Heard(time.Now().Add(-time.Hour - time.Second))
		}, false},
		{"a group that has just answered", func() { m.all[0].Heard(time.Now()) }, true},
		{"a group that counts this process out", func() { m.all[0].Heard(time.Time{}) }, false},
	} {
		c.told()
		m.mend(0, tenant, fmt.Sprint(i))
		if got := stale(); got != c.want {
			t.Errorf("%s: a read was answered from the store: %t, want %t", c.name, got, c.want)
		}
	}
}

// mend writes by a member whose shard may just have been dropped, until it is served again.
func (m *members) mend(i int, tenant, key string) {
	m.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		_, err := m.put(i, tenant, key, 1)
		if err == nil {
			return
		}
		if !errors.Is(err, compaction.ErrNotServing) || time.Now().After(end) {
			m.t.Fatal(err)
		}
	}
}

// Who is told that another may have claimed a shard reads nothing of it before the log has said
// whose it is, though its lease has an hour to go.
func TestOwnDoubt(t *testing.T) {
	m := startMembers(t, 2, compaction.Options{Lease: time.Hour})
	tenant := tenantOf(0)
	m.own(0, 0)
	if _, err := m.put(0, tenant, "k", 1); err != nil {
		t.Fatal(err)
	}
	m.all[0].Doubt(0) // it is not so
	if n, err := m.count(0, tenant); err != nil || n != 1 {
		t.Errorf("%d, %v after a doubt that was wrong, want 1", n, err)
	}
	claims := m.all[0].Stats()[0].Claims
	w, err := m.log.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := m.count(0, tenant); err != nil || n != 1 {
		t.Errorf("%d, %v within the lease, want 1", n, err)
	}
	m.all[0].Doubt(0)
	_, err = m.count(0, tenant)
	again := m.all[0].Stats()[0].Claims > claims // a while after: then it is its own again
	if !errors.Is(err, compaction.ErrNotServing) && !again {
		t.Errorf("%v after a doubt that was right, want ErrNotServing", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m.mend(0, tenant, "again")
	if got := m.all[0].Stats()[0].Claims; got != claims+1 {
		t.Errorf("it was claimed %d times since, want once", got-claims)
	}
	m.all[1].Doubt(0) // nothing of it is read there
}
