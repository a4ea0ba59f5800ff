package local

import (
	"errors"
	"math"
	"reflect"
	"testing"
)

// FuzzValue holds that bytes of any kind below a checksum that is right are a header and its
// records, and then are written again and read as the same, or are refused whole.
func FuzzValue(f *testing.F) {
	h := header{group: 7, prev: 5, tails: tails{0, 7, 6, 5, 4}, sec: -1, nsec: 999_999_999,
		total: 3, count: 2}
	b := appendStored(appendHeader(nil, &h), 1, []byte("acme/a"), []byte("value"))
	f.Add(appendStored(b, 300, []byte("acme/b"), nil))
	f.Add(appendHeader(nil, &header{group: 1}))
	f.Add(appendHeader(nil, &header{group: 1, total: math.MaxInt64, count: math.MaxInt64}))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, records, err := readValue(b)
		if err != nil {
			if h != (header{}) || records != nil {
				t.Errorf("%x is refused (%v), and gives %+v and %v", b, err, h, records)
			}
			return
		}
		again := appendHeader(nil, &h)
		for _, r := range records {
			again = appendStored(again, r.topic, r.key, r.value)
		}
		h2, records2, err := readValue(again)
		if err != nil || h2 != h || !reflect.DeepEqual(records2, records) {
			t.Errorf("%+v %v became %+v %v, %v", h, records, h2, records2, err)
		}
	})
}

// readValue reads a value as a reader of the log does, which makes room for its records first.
func readValue(b []byte) (h header, records []stored, err error) {
	d := decoder{b: b}
	if err := d.header(&h); err != nil {
		return h, nil, err
	}
	records = make([]stored, 0, h.count)
	for range h.count {
		var r stored
		if err := d.next(&r); err != nil {
			return header{}, partly(r), err
		}
		records = append(records, r)
	}
	if err := d.end(); err != nil {
		return header{}, nil, err
	}
	return h, records, nil
}

// partly returns r if anything of it was read.
func partly(r stored) []stored {
	if r.topic == 0 && r.key == nil && r.value == nil {
		return nil
	}
	return []stored{r}
}

// A header that says more records than can follow it made the reader ask for as much room, which
// ended the program; one beyond 63 bits was a number below zero.
func TestHeaderWithoutRecords(t *testing.T) {
	for _, h := range []header{
		{group: 1, total: math.MaxInt64, count: math.MaxInt64},
		{group: 1, total: 5, count: 5},
		{group: 1, total: -1, count: -1},
		{group: 1, nsec: -1},
	} {
		var got header
		d := decoder{b: appendHeader(nil, &h)}
		if err := d.header(&got); !errors.Is(err, errShape) || got != (header{}) {
			t.Errorf("%+v: got %+v, %v, want %v and nothing else", h, got, err, errShape)
		}
	}
}
