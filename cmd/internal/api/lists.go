package api

import (
	"net/http"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/settlement"
)

// find reads one record of the exchange's tenant.
func find[T any](
	x *exchange, id string, get func(s compaction.State, tenant, id string) (T, error),
) (T, error) {
	var out T
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		out, err = get(v, x.tenant, id)
		return err
	})
	return out, err
}

// list reads a page of a table of the exchange's tenant, by id.
func list[T, U any](
	x *exchange, in Paging, table *compaction.Table[T], show func(T) U,
) (page[U], error) {
	p := in.of(x.tenant + "/")
	var rows []compaction.Row[T]
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		rows, err = table.Scan(v, p)
		return err
	})
	if err != nil {
		return page[U]{}, err
	}
	return pageOf(p, rows, show), nil
}

// lookup reads a page of an index whose texts begin with the tenant and value.
func lookup[T, U any](
	x *exchange, in Paging, table *compaction.Table[T], index, value string, show func(T) U,
) (page[U], error) {
	if strings.Contains(value, "/") {
		return page[U]{Data: []U{}}, nil // no record has a part with a slash
	}
	p := in.of(compaction.Key(x.tenant, value) + "/")
	var rows []compaction.Row[T]
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		rows, err = table.Lookup(v, index, p)
		return err
	})
	if err != nil {
		return page[U]{}, err
	}
	return pageOf(p, rows, show), nil
}

// A filter is an index and the text to look for in it.
type filter struct{ index, value string }

// listBy reads a page by the filter that has a value, or of the whole table. It refuses two filters
// at once: there is an index for each, none for both.
func listBy[T, U any](
	x *exchange, in Paging, table *compaction.Table[T], filters []filter, show func(T) U,
) (page[U], error) {
	var by filter
	for _, f := range filters {
		if f.value != "" && by.value != "" {
			return page[U]{}, refuse("query."+f.index, "exclusive", "goes with no other filter")
		}
		if f.value != "" {
			by = f
		}
	}
	if by.value != "" {
		return lookup(x, in, table, by.index, by.value, show)
	}
	return list(x, in, table, show)
}

// findOrRecall reads one record of the exchange's tenant; one that is no longer open is read from
// the journal, as it was when it ended.
func findOrRecall[T any](
	x *exchange, id string, get func(s compaction.State, tenant, id string) (T, error),
	decode func(stored []byte) (T, error),
) (T, error) {
	v, err := find(x, id, get)
	if err == nil || problemOf(err).Status != http.StatusNotFound {
		return v, err
	}
	final, recallErr := settlement.Recall(x.r.Context(), x.api.shards, x.tenant, id)
	if recallErr != nil {
		return v, recallErr
	}
	for _, r := range final.Records {
		if r.Fact.Subject == id {
			return decode(r.Fact.Record)
		}
	}
	return v, err
}

// ended returns err, or errEnded where it says that there is no such record and there was one.
func ended(tx *compaction.Tx, tenant, id string, err error) error {
	if err == nil || problemOf(err).Status != http.StatusNotFound {
		return err
	}
	over, readErr := settlement.Ended(tx, tenant, id)
	if readErr != nil {
		return readErr
	}
	if over {
		return errEnded
	}
	return err
}

// open returns a getter of a table's records under Key(tenant, id).
func open[T any](table *compaction.Table[T]) func(compaction.State, string, string) (T, error) {
	return func(s compaction.State, tenant, id string) (T, error) {
		v, ok, err := table.Get(s, compaction.Key(tenant, id))
		if err == nil && !ok {
			err = errNotFound
		}
		return v, err
	}
}
