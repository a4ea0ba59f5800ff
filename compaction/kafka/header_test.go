package kafka

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// goldenHeaders are headers and the bytes that say so, written when the format was made.
var goldenHeaders = []struct {
	header
	bytes string
}{
	{header{recordKind, 1, 1, 1, 0}, "11 01 01 01 0000000000000000"},
	{header{recordKind, 300, 5000, 7, 1772355600123456789}, "11 ac02 8827 07 1898ac0729086d15"},
	{header{traceKind, 1 << 40, 0, 129, -1}, "12 808080808020 00 8101 ffffffffffffffff"},
	{header{barrierKind, 0, 0, 1, 0}, "13 00 00 01 0000000000000000"},
}

// TestHeader: the bytes of headers are those of every log that was ever written.
func TestHeader(t *testing.T) {
	for _, c := range goldenHeaders {
		want, err := hex.DecodeString(strings.ReplaceAll(c.bytes, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.header.append(nil); !bytes.Equal(got, want) {
			t.Errorf("%+v is % x, want % x", c.header, got, want)
		}
		if h, err := decodeHeader(want); err != nil || h != c.header {
			t.Errorf("% x is %+v, %v; want %+v", want, h, err, c.header)
		}
		for n := range want {
			if h, err := decodeHeader(want[:n]); err == nil {
				t.Errorf("% x, cut off, is %+v", want[:n], h)
			}
		}
	}
}

// TestHeaderTime: a group's stamp comes back to the nanosecond, and there is none before the first
// group.
func TestHeaderTime(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC)
	got := header{group: 1, nanos: stamped(1, at)}.time()
	if !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("got %v, want %v", got, at)
	}
	if got := (header{nanos: stamped(0, time.Time{})}).time(); !got.IsZero() {
		t.Errorf("got %v, want none", got)
	}
}

// TestHeaderForeign: a record that this program did not write is an error, and a header that a
// mirror added is none.
func TestHeaderForeign(t *testing.T) {
	own := kgo.RecordHeader{Key: headerKey, Value: header{recordKind, 1, 1, 1, 0}.append(nil)}
	other := kgo.RecordHeader{Key: "mirror", Value: []byte("a")}
	newer := kgo.RecordHeader{Key: headerKey, Value: append([]byte{0x21}, own.Value[1:]...)}
	for _, c := range []struct {
		headers []kgo.RecordHeader
		fails   bool
	}{
		{[]kgo.RecordHeader{own}, false},
		{[]kgo.RecordHeader{other, own, other}, false},
		{nil, true},
		{[]kgo.RecordHeader{other}, true},
		{[]kgo.RecordHeader{own, own}, true},
		{[]kgo.RecordHeader{newer}, true},
	} {
		if _, err := headerOf(&kgo.Record{Headers: c.headers}); (err != nil) != c.fails {
			t.Errorf("%v: %v", c.headers, err)
		}
	}
}

// FuzzHeader: no bytes make decoding panic, and each header has one form.
func FuzzHeader(f *testing.F) {
	for _, c := range goldenHeaders {
		f.Add(c.header.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHeader(b)
		if err != nil {
			if h != (header{}) {
				t.Errorf("% x is refused (%v), and gives %+v", b, err, h)
			}
			return
		}
		if again := h.append(nil); !bytes.Equal(again, b) {
			t.Errorf("% x is %+v, which is % x", b, h, again)
		}
	})
}
