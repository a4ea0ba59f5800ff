package compaction_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

// model is the naive twin of a shard's outbox: a map, folded by hand.
type model map[string]compaction.Effect

// texts returns what the index "aggregate" should list, in order.
func (m model) texts() []string {
	var texts []string
	for key, e := range m {
		texts = append(texts, fmt.Sprintf("%s/%s/%020d\x00%s", e.Tenant, e.Aggregate, e.Sequence, key))
	}
	slices.Sort(texts)
	return texts
}

// check compares everything a state shows of the outbox with the model.
func (m model) check(s compaction.State, p compaction.Page) error {
	keys := slices.Sorted(maps.Keys(m))
	rows, err := compaction.Outbox.Scan(s, p)
	if err != nil {
		return err
	}
	var got []string
	for _, r := range rows {
		if r.Value.Sequence != m[r.Key].Sequence {
			return fmt.Errorf("%s is %v, want %v", r.Key, r.Value, m[r.Key])
		}
		got = append(got, r.Cursor)
	}
	if want := cut(keys, p); !slices.Equal(got, want) {
		return fmt.Errorf("scan %+v is %q, want %q", p, got, want)
	}
	p.After = ""
	rows, err = compaction.Outbox.Lookup(s, "aggregate", p)
	got = nil
	for _, r := range rows {
		got = append(got, r.Cursor)
	}
	if want := cut(m.texts(), p); !slices.Equal(got, want) {
		return fmt.Errorf("lookup %+v is %q, want %q", p, got, want)
	}
	return err
}

// cut takes a page out of sorted texts, naively.
func cut(texts []string, p compaction.Page) []string {
	var page []string
	for _, t := range texts {
		past := p.After == "" || cmp.Compare(t, p.After) == map[bool]int{false: 1, true: -1}[p.Reverse]
		if strings.HasPrefix(t, p.Prefix) && past {
			page = append(page, t)
		}
	}
	if p.Reverse {
		slices.Reverse(page)
	}
	if p.Limit > 0 && len(page) > p.Limit {
		page = page[:p.Limit]
	}
	return page
}

var errModel = errors.New("the model says no")

// Commands see those before them, failed ones leave nothing, and what is stored, scanned and
// indexed is the naive fold, also after a restart with or without the store.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "model")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := model{}
		for range rapid.IntRange(1, 3).Draw(rt, "lives") {
			t.Run("life", func(t *testing.T) { live(t, rt, dir, m) })
			if rapid.Bool().Draw(rt, "lose the store") {
				if err := os.RemoveAll(dir + "/store"); err != nil {
					rt.Fatal(err)
				}
			}
		}
	})
}

// live runs an engine over some random commands, each checked against the model inside and after.
func live(t *testing.T, rt *rapid.T, dir string, m model) {
	s := compactiontest.StartAt(t, dir, nil)
	page := rapid.Custom(func(t *rapid.T) compaction.Page {
		return compaction.Page{
			Prefix:  rapid.SampledFrom([]string{"acme/", "acme/a", "acme/b"}).Draw(t, "prefix"),
			After:   rapid.SampledFrom([]string{"", "acme/a1", "acme/b0"}).Draw(t, "after"),
			Limit:   rapid.IntRange(0, 3).Draw(t, "limit"),
			Reverse: rapid.Bool().Draw(t, "reverse"),
		}
	})
	for range rapid.IntRange(1, 8).Draw(rt, "commands") {
		next := maps.Clone(m)
		fails := rapid.IntRange(0, 3).Draw(rt, "fails") == 0
		_, err := s.Do(ctx, compaction.Command{Tenant: "acme",
			Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
				for range rapid.IntRange(1, 4).Draw(rt, "writes") {
					write(rt, tx, next)
				}
				if err := next.check(tx, page.Draw(rt, "inside")); err != nil {
					return compaction.Answer{}, err
				}
				if fails {
					return compaction.Answer{}, errModel
				}
				return compaction.Answer{}, nil
			}})
		switch {
		case fails && errors.Is(err, errModel):
		case err != nil:
			rt.Fatal(err)
		default:
			clear(m)
			maps.Copy(m, next)
		}
		p := page.Draw(rt, "outside")
		if err := s.Read("acme", func(v *compaction.View) error { return m.check(v, p) }); err != nil {
			rt.Fatal(err)
		}
	}
	if err := s.Restored(ctx); err != nil {
		rt.Fatal(err)
	}
	r, err := s.CompareStore(ctx, compaction.ShardOf("acme", 2))
	if err != nil || r.Different != nil {
		rt.Fatalf("store and log differ in %v: %v", r.Different, err)
	}
}

// write changes one random key in a transaction and in the model.
func write(rt *rapid.T, tx *compaction.Tx, m model) {
	id := rapid.SampledFrom([]string{"a0", "a1", "b0", "b1"}).Draw(rt, "id")
	key := compaction.Key("acme", id)
	if rapid.IntRange(0, 2).Draw(rt, "kind") == 0 {
		compaction.Outbox.Delete(tx, key)
		delete(m, key)
		return
	}
	e := compaction.Effect{Tenant: "acme", ID: id, State: compaction.EffectWaiting,
		Aggregate: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "aggregate"),
		Sequence:  rapid.Uint64Range(1, 5).Draw(rt, "sequence")}
	compaction.Outbox.Put(tx, key, e)
	m[key] = e
}

// A remembered answer is forgotten by the owner itself when its time is over.
func TestAnswersExpire(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := compactiontest.NewClock(now)
	s := compactiontest.StartAt(t, t.TempDir(), clock.Now)
	signal, cancel, err := s.Subscribe(compaction.Answers.Topic().Name)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	c := add("acme", "invoice")
	c.Idempotency = &compaction.Idempotency{Principal: "key_1", Operation: "add", Key: "k"}
	do(t, s, c)
	<-signal
	clock.Set(now.Add(compaction.AnswerRetention - time.Second))
	if a := do(t, s, c); !a.Replayed {
		t.Error("the answer was forgotten before its time")
	}
	clock.Set(now.Add(compaction.AnswerRetention))
	s.Wake()
	select {
	case <-signal:
	case <-time.After(time.Minute):
		t.Fatal("nothing was forgotten")
	}
	err = s.Each(func(_ int, v *compaction.View) error {
		n, err := v.Count(compaction.Answers.Topic().Name)
		if n != 0 {
			t.Errorf("%d answers are still remembered", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
