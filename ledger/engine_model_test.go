package ledger

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// Random commands of a tenant against the engine and, beside it, the model: they must agree on
// every answer and on every account, and the journal must fold to the same.
func TestEngineModel(t *testing.T) {
	c := &clock{now: day}
	s := start(t, c.Now)
	closings := map[string]int{}
	cases := 0
	rapid.Check(t, func(t *rapid.T) {
		r := &run{t: t, s: s, c: c, m: newModel(), tenant: fmt.Sprintf("t%d", cases)}
		cases++
		t.Repeat(map[string]func(*rapid.T){
			"post": r.post, "record": r.record, "each": r.each, "hold": r.hold,
			"resolve": r.resolve, "configure": r.configure, "time": r.time, "": r.check,
		})
		r.letGo()
		closings[r.tenant] = r.m.closings
	})
	for _, tenant := range []string{"t0", "t1", "t2", "t3"} {
		for tenant, ended := range refold(t, s, tenant) {
			// A case that rapid gave up in the middle may still have had something expire.
			if want, whole := closings[tenant]; whole && ended != want {
				t.Errorf("%d accounts of %s ended, want %d", ended, tenant, want)
			}
		}
	}
}

// run is one tenant of TestEngineModel.
type run struct {
	t      *rapid.T
	s      *compaction.Shards
	c      *clock
	m      *model
	tenant string
	holds  []string
}

// agree runs a command and compares its success with the model's.
func (r *run) agree(ok bool, after *model, f func(tx *compaction.Tx) error) {
	r.t.Helper()
	if err := do(r.s, r.tenant, f); (err == nil) != ok {
		r.t.Fatalf("got %v, and by hand it is allowed: %t", err, ok)
	}
	if ok {
		r.m = after
		r.m.end()
	}
}

func (r *run) post(t *rapid.T)   { r.all(t, Anyone) }
func (r *run) record(t *rapid.T) { r.all(t, MoneyPath) }

func (r *run) all(t *rapid.T, by Caller) {
	ts := rapid.SliceOfN(transactions(), 1, 3).Draw(t, "transactions")
	after, ok := r.m, true
	for _, tx := range ts {
		if ok {
			after, ok = after.try(tx, false, by)
		}
	}
	r.agree(ok, after, func(tx *compaction.Tx) (err error) {
		if by == MoneyPath {
			_, err = Record(tx, r.tenant, "test", ts, []Fact{{Kind: "test", Subject: "s"}})
		} else {
			_, err = Post(tx, r.tenant, ts...)
		}
		return err
	})
}

func (r *run) each(t *rapid.T) {
	ts := rapid.SliceOfN(transactions(), 1, 5).Draw(t, "transactions")
	after := r.m
	allowed := make([]bool, len(ts))
	for i, tx := range ts {
		after, allowed[i] = after.try(tx, false, Anyone)
	}
	r.agree(true, after, func(tx *compaction.Tx) error {
		outcomes, err := PostEach(tx, r.tenant, ts)
		for i, o := range outcomes {
			if (o.Refused == nil) != allowed[i] || (o.Posted != nil) != allowed[i] {
				return fmt.Errorf("transaction %d: %+v, and by hand it is allowed: %t", i, o, allowed[i])
			}
		}
		return err
	})
}

func (r *run) hold(t *rapid.T) {
	tx := transactions().Draw(t, "transaction")
	var expires time.Time
	if minutes := rapid.IntRange(0, 5).Draw(t, "minutes"); minutes > 0 {
		expires = r.c.Now().Add(time.Duration(minutes) * time.Minute)
	}
	after, ok := r.m.try(tx, true, Anyone)
	var id string
	r.agree(ok, after, func(t *compaction.Tx) error {
		p, err := Hold(t, r.tenant, tx, expires)
		id = p.ID
		return err
	})
	if ok {
		r.holds = append(r.holds, id)
		r.m.held[id] = modelHold{tx.Postings, expires}
	}
}

func (r *run) resolve(t *rapid.T) {
	if len(r.holds) == 0 {
		return
	}
	id := rapid.SampledFrom(r.holds).Draw(t, "hold")
	void := rapid.Bool().Draw(t, "void")
	var amounts []money.Amount
	var minor []int64
	for _, p := range r.m.held[id].postings {
		n := rapid.Int64Range(0, p.Amount.Minor()+1).Draw(t, "amount")
		minor = append(minor, n)
		amounts = append(amounts, money.New(n, p.Amount.Currency()))
	}
	after, ok := r.m.resolve(id, minor, r.c.Now(), void)
	r.agree(ok, after, func(tx *compaction.Tx) (err error) {
		if void {
			_, err = VoidHeld(tx, r.tenant, id)
		} else {
			_, err = PostHeld(tx, r.tenant, id, amounts...)
		}
		return err
	})
}

func (r *run) configure(t *rapid.T) {
	id := rapid.SampledFrom(names).Draw(t, "account")
	settings := Settings{Rule(rapid.Uint8Range(0, 2).Draw(t, "rule")), rapid.Bool().Draw(t, "e"),
		rapid.Bool().Draw(t, "closed")}
	ok := !id.Control() && !(settings.Ephemeral && (settings.Rule != NoRule || settings.Closed))
	after := r.m.clone()
	a := after.account(id, eur)
	a.rule, a.ephemeral, a.closed = settings.Rule, settings.Ephemeral, settings.Closed
	after.accounts[name(id, eur)] = a
	err := do(r.s, r.tenant, func(tx *compaction.Tx) error {
		_, err := Configure(tx, r.tenant, id, eur, settings)
		return err
	})
	if (err == nil) != ok {
		t.Fatalf("got %v, and by hand it is allowed: %t", err, ok)
	}
	if ok { // an account that is made ephemeral while empty ends when it is next used
		r.m = after
	}
}

// letGo voids what is still held, so that nothing of this tenant expires while others are tried.
func (r *run) letGo() {
	for _, id := range r.holds {
		if after, ok := r.m.resolve(id, nil, r.c.Now(), true); ok {
			r.agree(true, after, func(tx *compaction.Tx) error {
				_, err := VoidHeld(tx, r.tenant, id)
				return err
			})
		}
	}
}

// time passes, and what is due expires before anything else happens.
func (r *run) time(t *rapid.T) {
	r.c.pass(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
	r.s.Wake()
	now := r.c.Now()
	for _, id := range r.holds {
		if h, ok := r.m.held[id]; ok && !h.expires.IsZero() && !h.expires.After(now) {
			r.m, _ = r.m.resolve(id, nil, now, true)
			r.m.end()
		}
	}
	eventually(r.t, func() bool { return r.due(now) == 0 })
}

func (r *run) due(now time.Time) (due int) {
	err := r.s.Read(r.tenant, func(v *compaction.View) error {
		rows, err := Holds.Scan(v, compaction.Page{Prefix: r.tenant + "/"})
		for _, h := range rows {
			if e := h.Value.Expires; !e.IsZero() && !e.After(now) {
				due++
			}
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return due
}

// check compares every account of the tenant with the model's.
func (r *run) check(t *rapid.T) {
	err := r.s.Read(r.tenant, func(v *compaction.View) error {
		rows, err := Accounts.Scan(v, compaction.Page{Prefix: AccountsPrefix(r.tenant)})
		for _, row := range rows {
			if wrong := r.m.differ(row.Value); wrong != "" {
				t.Fatal(wrong)
			}
		}
		if err == nil && len(rows) != len(r.m.accounts) {
			t.Fatalf("%d accounts, want %d", len(rows), len(r.m.accounts))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
