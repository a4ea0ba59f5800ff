package compactiontest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
)

// A Form is the stored form of one kind of value: what writes it and what reads it.
type Form struct {
	name  string
	check func(t *testing.T, b []byte)
}

// FormOf returns the form of a message that two functions write and read. What decode takes must be
// written with bytes that say what was read, fields apart that the message does not have yet, and
// that read as the same value. What it refuses it must refuse whole: nothing of it comes with the
// error.
func FormOf[T any](message proto.Message, encode func(T) ([]byte, error),
	decode func([]byte) (T, error)) Form {
	name := string(message.ProtoReflect().Descriptor().Name())
	return Form{name, func(t *testing.T, b []byte) {
		t.Helper()
		if stored, ok := check(t, name, b, encode, decode, bare[T]); ok {
			sameMessage(t, name, message, b, stored)
		}
	}}
}

// ShownForm is FormOf for values that have more than one stored form, as "1.50" and "1.5" are: what
// is read again must be shown by the same text. A nil show is "%+v".
func ShownForm[T any](name string, encode func(T) ([]byte, error),
	decode func([]byte) (T, error), show func(T) string) Form {
	if show == nil {
		show = bare[T]
	}
	return Form{name, func(t *testing.T, b []byte) {
		t.Helper()
		check(t, name, b, encode, decode, show)
	}}
}

// bare shows a value that has no pointers in it.
func bare[T any](v T) string { return fmt.Sprintf("%+v", v) }

// check reads, writes and reads again. It returns what was written, and whether b was read.
func check[T any](t *testing.T, name string, b []byte, encode func(T) ([]byte, error),
	decode func([]byte) (T, error), show func(T) string) (stored []byte, ok bool) {
	t.Helper()
	v, err := decode(b)
	if err != nil {
		if err.Error() == "" || !reflect.ValueOf(&v).Elem().IsZero() {
			t.Errorf("%s: %x is refused (%v), and gives %s", name, b, err, show(v))
		}
		return nil, false
	}
	if stored, err = encode(v); err != nil {
		t.Fatalf("%s: %s is not written again: %v", name, show(v), err)
	}
	again, err := decode(stored)
	if err != nil || show(again) != show(v) {
		t.Fatalf("%s: %s became %s, %v", name, show(v), show(again), err)
	}
	if twice, err := encode(again); err != nil || !bytes.Equal(twice, stored) {
		t.Errorf("%s: %x is written as %x the next time, %v", name, stored, twice, err)
	}
	return stored, true
}

// sameMessage holds that two stored forms say the same, fields that the contract does not have
// apart.
func sameMessage(t *testing.T, name string, message proto.Message, was, is []byte) {
	t.Helper()
	known := proto.UnmarshalOptions{DiscardUnknown: true}
	a, b := message.ProtoReflect().New().Interface(), message.ProtoReflect().New().Interface()
	if err := known.Unmarshal(was, a); err != nil {
		t.Errorf("%s: %x was read, and is no message: %v", name, was, err)
	} else if err := known.Unmarshal(is, b); err != nil || !proto.Equal(a, b) {
		t.Errorf("%s: %v became %v, %v", name, a, b, err)
	}
}

// FuzzForms gives bytes of any kind to the forms of a package, in turn. It begins with those of the
// package's golden files, each of them given to every form.
func FuzzForms(f *testing.F, forms ...Form) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.bin"))
	if err != nil || len(files) == 0 {
		f.Fatalf("there are no golden files to begin with: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for i := range forms {
			f.Add(byte(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		forms[int(which)%len(forms)].check(t, b)
	})
}
