package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// FuzzInput holds that no text that a person can give the program, as the place of a log, as a
// document of an input or as a command line, makes reading it panic; that what is read is written
// again and read as the same; and that what is refused is refused whole.
func FuzzInput(f *testing.F) {
	for _, text := range []string{"local:data", "local:", "kafka:a:9092,b:9092",
		"kafka:a:1?prefix=x&replication=3&topic=%25", "kafka:[::1]:9092?prefix=", "kafka:a:1?x;y"} {
		f.Add(byte(0), text)
	}
	for line := range bytes.Lines(sampleDocuments) {
		f.Add(byte(1), string(line))
	}
	f.Add(byte(1), `{"id":"a","currency":"EUR","want":{"payable":"1e999999999"}}`)
	for _, text := range []string{"topics plan --log kafka --brokers a:1", "verify --help -- -"} {
		f.Add(byte(2), text)
	}
	f.Fuzz(func(t *testing.T, which byte, text string) {
		switch {
		case which == 2: // the others take a thousandth of its time
			checkArguments(t, text)
		case which%2 == 1:
			checkSample(t, text)
		default:
			checkPlace(t, text)
		}
	})
}

func checkPlace(t *testing.T, text string) {
	l, err := parsePlace("--to", text)
	if err != nil {
		if !errors.As(err, new(*usageError)) || !reflect.ValueOf(l).IsZero() {
			t.Errorf("%q is refused (%v), and gives %+v", text, err, l)
		}
		return
	}
	if l.text != text || l.onCluster() == (len(l.brokers) == 0) {
		t.Fatalf("%q is read as %+v", text, l)
	}
	written := "local:" + l.dir
	if l.onCluster() {
		settings := url.Values{"prefix": {l.prefix}, "topic": {l.topic}}
		if l.replication > 0 {
			settings.Set("replication", strconv.Itoa(l.replication))
		}
		written = "kafka:" + strings.Join(l.brokers, ",") + "?" + settings.Encode()
	}
	again, err := parsePlace("--to", written)
	if again.text = text; err != nil || !reflect.DeepEqual(again, l) {
		t.Errorf("%q is read as %+v, and %q as %+v, %v", text, l, written, again, err)
	}
}

func checkSample(t *testing.T, text string) {
	s, err := readSample([]byte(text))
	if err != nil {
		if err.Error() == "" || !reflect.ValueOf(s).IsZero() {
			t.Errorf("%q is refused (%v), and gives %+v", text, err, s)
		}
		return
	}
	again, err := readSample(writeSample(t, s))
	if err != nil || shownSample(t, again) != shownSample(t, s) {
		t.Errorf("%q is read as %+v, and then as %+v, %v", text, s, again, err)
	}
}

// writeSample writes a document as it stands in an input.
func writeSample(t *testing.T, s sample) []byte {
	t.Helper()
	line := map[string]any{"id": s.id, "want": s.want}
	for name, value := range s.body {
		line[name] = value
	}
	b, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func shownSample(t *testing.T, s sample) string {
	t.Helper()
	body, err := json.Marshal(s.body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q %q %s %v", s.id, s.currency, body, s.want)
}

func checkArguments(t *testing.T, text string) {
	p := &program{strings.NewReader(""), io.Discard, io.Discard, func(string) string { return "" }}
	command, early, err := p.parse(strings.Fields(text))
	answers := 0
	for _, given := range []bool{command != nil, early != nil, err != nil} {
		if given {
			answers++
		}
	}
	if answers != 1 {
		t.Errorf("%q: the command %v, the exit code %v, the error %v", text, command, early, err)
	}
}

// Of a setting that was given twice the first was taken and the second was not spoken of.
func TestParsePlaceTwice(t *testing.T) {
	l, err := parsePlace("--to", "kafka:a:9092?prefix=a&prefix=b")
	if !errors.As(err, new(*usageError)) || !reflect.ValueOf(l).IsZero() {
		t.Errorf("got %+v, %v, want a refusal", l, err)
	}
}

// A figure with an exponent of nine digits was read, and the first sum with it never ended.
func TestReadSampleEndless(t *testing.T) {
	for _, want := range []string{`{"payable":"1e999999999"}`, `{"taxes":[{"rate":1e-999999999}]}`,
		`{"promotions":[{"amount":"1e30"}]}`} {
		s, err := readSample([]byte(`{"id":"a","currency":"EUR","want":` + want + `}`))
		if err == nil || !reflect.ValueOf(s).IsZero() {
			t.Errorf("%s: got %+v, %v, want an error and nothing else", want, s.id, err)
		}
	}
}

// A document whose figures could not be read came, with its name, beside the error.
func TestReadSampleWhole(t *testing.T) {
	s, err := readSample([]byte(`{"id":"a","currency":"EUR","want":{"payable":"much"}}`))
	if err == nil || !reflect.ValueOf(s).IsZero() {
		t.Errorf("got %+v, %v, want an error and nothing else", s, err)
	}
}
