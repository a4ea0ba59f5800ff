package settlement

import (
	"errors"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
)

// found looks for a record by our id or, where that is empty, by the gateway's. It fails with a
// *SettledError for one that is no longer open.
func found[T any](
	s compaction.State, t *compaction.Table[T], tenant, id, gateway, gatewayID string,
) (T, bool, error) {
	var none T
	if id != "" {
		v, ok, err := t.Get(s, compaction.Key(tenant, id))
		if ok || err != nil {
			return v, ok, err
		}
	}
	if gatewayID != "" {
		// Index texts end in NUL, so this is the gateway's id and none that begins with it.
		exact := compaction.Key(tenant, gateway, gatewayID) + "\x00"
		rows, err := t.Lookup(s, "gateway", compaction.Page{Prefix: exact, Limit: 1})
		if err != nil {
			return none, false, err
		}
		if len(rows) > 0 {
			return rows[0].Value, true, nil
		}
	}
	for _, id := range []string{id, gatewayID} {
		if id == "" {
			continue
		}
		if settled, err := Ended(s, tenant, id); err != nil {
			return none, false, err
		} else if settled {
			return none, false, &SettledError{ID: id}
		}
	}
	return none, false, nil
}

// fresh refuses an id that is taken, also by what is settled. While history is being restored only
// what is open is looked at: ids are random, and payments are not to wait for it.
func fresh[T any](s compaction.State, t *compaction.Table[T], tenant, id string) error {
	_, ok, err := found(s, t, tenant, id, "", "")
	var settled *SettledError
	switch {
	case ok, errors.As(err, &settled):
		return ErrExists
	case errors.Is(err, compaction.ErrRestoring):
		return nil
	}
	return err
}

// Ended reports whether an id, ours or a gateway's, names something that is no longer open.
func Ended(s compaction.State, tenant, id string) (bool, error) {
	_, ok, err := ledger.Settled.Get(s, compaction.Key(tenant, id))
	return ok, err
}

func findPayment(s compaction.State, tenant, id, gateway, gatewayID string) (
	payments.Payment, bool, error) {
	return found(s, payments.Payments, tenant, id, gateway, gatewayID)
}

// openPayment is findPayment for a payment that must be there.
func openPayment(s compaction.State, tenant, id string) (payments.Payment, error) {
	p, ok, err := findPayment(s, tenant, id, "", "")
	if err == nil && !ok {
		err = ErrNotFound
	}
	return p, err
}

// all returns every value under a prefix of an index.
func all[T any](s compaction.State, t *compaction.Table[T], index string, parts ...string) (
	[]T, error) {
	rows, err := t.Lookup(s, index,
		compaction.Page{Prefix: compaction.Key(parts[0], parts[1:]...) + "/"})
	if err != nil {
		return nil, err
	}
	values := make([]T, 0, len(rows))
	for _, r := range rows {
		values = append(values, r.Value)
	}
	return values, nil
}
