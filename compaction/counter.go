package compaction

import (
	"google.golang.org/protobuf/proto"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// Counters holds the last number given out of each series, under Key(tenant, series). Use
// NextNumber.
var Counters = NewTable(TableSpec[uint64]{
	Message: (*compactionv1.CounterRecord)(nil),
	Encode: func(n uint64) ([]byte, error) {
		return proto.Marshal(&compactionv1.CounterRecord{Value: n})
	},
	Decode: func(b []byte) (uint64, error) {
		var r compactionv1.CounterRecord
		if err := proto.Unmarshal(b, &r); err != nil {
			return 0, err
		}
		return r.Value, nil
	},
})

// NextNumber takes the next number of a tenant's series, from 1. The number is taken in the same
// append as everything else the command writes, so a series has no gap and no number twice.
func NextNumber(tx *Tx, tenant, series string) (uint64, error) {
	n, _, err := Counters.Get(tx, Key(tenant, series))
	if err != nil {
		return 0, err
	}
	Counters.Put(tx, Key(tenant, series), n+1)
	return n + 1, nil
}
