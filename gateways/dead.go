package gateways

import (
	"time"

	"github.com/quittance/quittance/compaction"
)

// Dead returns a page of a tenant's dead effects, the oldest first. Page.Prefix is ignored.
func Dead(s compaction.State, tenant string, p compaction.Page) (
	[]compaction.Row[compaction.Effect], error) {
	p.Prefix = compaction.Key(tenant, "")
	return compaction.Outbox.Lookup(s, "dead", p)
}

// Replay has a dead effect performed again, after asking what became of its last attempt where
// something may have. A replayed effect that fails once is dead again if it had used up its
// attempts. It fails with ErrNoEffect.
func Replay(tx *compaction.Tx, tenant, id string) error {
	key, e, err := dead(tx, tenant, id)
	if err != nil {
		return err
	}
	e.State, e.Due = compaction.EffectUnknown, tx.Now()
	if e.LastError == Permanent.String() { // the gateway refused it, so nothing can have happened
		e.State, e.Began = compaction.EffectWaiting, time.Time{}
	}
	compaction.Outbox.Put(tx, key, e)
	return nil
}

// Drop ends a dead effect that will not be performed. It fails with ErrNoEffect.
func Drop(tx *compaction.Tx, tenant, id string) error {
	key, _, err := dead(tx, tenant, id)
	if err != nil {
		return err
	}
	compaction.Outbox.Delete(tx, key)
	return nil
}

func dead(tx *compaction.Tx, tenant, id string) (string, compaction.Effect, error) {
	key := compaction.Key(tenant, id)
	e, ok, err := compaction.Outbox.Get(tx, key)
	if err == nil && (!ok || e.State != compaction.EffectDead) {
		err = ErrNoEffect
	}
	return key, e, err
}
