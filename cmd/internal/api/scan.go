package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quittance/quittance/compaction"
)

// maxDepth is how deep the values of a body may be nested. The deepest body of the API has five.
const maxDepth = 16

// scan checks that body is one JSON value, more strictly than encoding/json, which replaces what is
// not UTF-8, and keeps the last of several members of one name: then two bodies could differ and be
// read as the same, or one be read differently by two programs. It returns the members of an object
// in the order of their names, each without the white space outside texts, for comparison with a
// repeated request.
func scan(body []byte) ([]compaction.Field, error) {
	s := &scanner{text: body, names: make([]string, 0, fewNames)}
	s.space()
	if s.peek() != '{' {
		if err := s.value(); err != nil {
			return nil, err
		}
		return nil, s.end()
	}
	s.top = make([]compaction.Field, 0, 8)
	if err := s.object(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.top, func(a, b compaction.Field) int {
		return strings.Compare(a.Name, b.Name)
	})
	return s.top, s.end()
}

// A scanner walks over a JSON text. Its methods leave at behind what they read.
type scanner struct {
	text   []byte
	at     int
	blanks int // bytes of white space passed
	depth  int
	top    []compaction.Field
	names  []string // of the members of the objects that at is in, outermost first
}

func (s *scanner) fault(fix string) error { return &malformedError{rule: ruleSyntax, fix: fix} }

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
			s.blanks++
		default:
			return
		}
	}
}

func (s *scanner) end() error {
	s.space()
	if s.at < len(s.text) {
		return s.fault("has something after its JSON value, at byte " + strconv.Itoa(s.at))
	}
	return nil
}

func (s *scanner) value() error {
	switch c := s.peek(); c {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		return s.string()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		if err := s.word("null"); err != nil {
			return err
		}
		return &forbiddenValueError{malformedError{fix: "must not be null: leave out what has no value"}}
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return s.number()
		}
	}
	if s.at >= len(s.text) {
		return s.fault("is not whole JSON: it ends too early")
	}
	return s.fault("is not JSON at byte " + strconv.Itoa(s.at))
}

func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.text[s.at:], []byte(w)) {
		return s.fault("is not JSON at byte " + strconv.Itoa(s.at))
	}
	s.at += len(w)
	return nil
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return &malformedError{rule: ruleDepth,
			fix: "is nested too deep: at most " + strconv.Itoa(maxDepth) + " levels"}
	}
	s.at++
	s.space()
	return nil
}

// next reads what follows an element, and reports whether another one does.
func (s *scanner) next(closing byte) (bool, error) {
	s.space()
	switch s.peek() {
	case ',':
		s.at++
		s.space()
		return true, nil
	case closing:
		s.at++
		s.depth--
		return false, nil
	}
	if s.at >= len(s.text) {
		return false, s.fault("is not whole JSON: it ends too early")
	}
	return false, s.fault("is not JSON at byte " + strconv.Itoa(s.at))
}

func (s *scanner) object() error {
	if err := s.enter(); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.at++
		s.depth--
		return nil
	}
	seen := names{first: len(s.names)}
	for more := true; more; {
		name, err := s.name()
		if err != nil {
			return err
		}
		if s.has(&seen, name) {
			return inside(name, &malformedError{rule: ruleUnique, fix: "is there twice"})
		}
		from, blanks := s.at, s.blanks
		if err := s.value(); err != nil {
			return inside(name, err)
		}
		if s.top != nil && s.depth == 1 {
			s.top = append(s.top, compaction.Field{Name: name,
				Value: compact(s.text[from:s.at], s.blanks > blanks)})
		}
		if more, err = s.next('}'); err != nil {
			return err
		}
	}
	s.names = s.names[:seen.first]
	return nil
}

// fewNames is up to how many names of an object are compared one by one.
const fewNames = 16

// names are those of the members of an object that were read: the scanner's from first on, or a set
// of them all where they are many.
type names struct {
	first int
	many  map[string]bool
}

// has reports whether name is one of n, and makes it one. Objects of few members cost no memory of
// their own.
func (s *scanner) has(n *names, name string) bool {
	if n.many == nil {
		few := s.names[n.first:]
		if slices.Contains(few, name) {
			return true
		}
		if len(few) < fewNames {
			s.names = append(s.names, name)
			return false
		}
		n.many = make(map[string]bool, 4*fewNames)
		for _, earlier := range few {
			n.many[earlier] = true
		}
	}
	twice := n.many[name]
	n.many[name] = true
	return twice
}

// name reads the name of a member and the colon after it.
func (s *scanner) name() (string, error) {
	from := s.at
	if s.peek() != '"' {
		return "", s.fault("is not JSON at byte " + strconv.Itoa(s.at) + ": a name was expected")
	}
	if err := s.string(); err != nil {
		return "", err
	}
	quoted := s.text[from:s.at]
	name := string(quoted[1 : len(quoted)-1])
	if strings.IndexByte(name, '\\') >= 0 {
		if err := json.Unmarshal(quoted, &name); err != nil {
			return "", s.fault("is not JSON at byte " + strconv.Itoa(from))
		}
	}
	s.space()
	if s.peek() != ':' {
		return "", s.fault("is not JSON at byte " + strconv.Itoa(s.at) + ": a colon was expected")
	}
	s.at++
	s.space()
	return name, nil
}

func (s *scanner) array() error {
	if err := s.enter(); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.at++
		s.depth--
		return nil
	}
	for i, more := 0, true; more; i++ {
		err := s.value()
		if err != nil {
			return inside(strconv.Itoa(i), err)
		}
		if more, err = s.next(']'); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) string() error {
	from := s.at
	ascii := true
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			if !ascii && !utf8.Valid(s.text[from:s.at]) {
				return &malformedError{rule: ruleEncoding, fix: "is not UTF-8"}
			}
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return s.fault("is not JSON at byte " + strconv.Itoa(s.at) +
				": a control character in a text")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return s.fault("is not whole JSON: it ends within a text")
}

// escape reads an escape, but for its last byte.
func (s *scanner) escape() error {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		code, ok := s.hex(s.at + 1)
		switch {
		case !ok:
		case code == 0:
			return &forbiddenValueError{malformedError{fix: "must not contain the character NUL"}}
		case code >= 0xdc00 && code < 0xe000:
			return errHalf()
		case code >= 0xd800 && code < 0xdc00:
			low, ok := s.hex(s.at + 7)
			if !ok || !bytes.HasPrefix(s.text[s.at+5:], []byte(`\u`)) || low < 0xdc00 || low >= 0xe000 {
				return errHalf()
			}
			s.at += 10
			return nil
		default:
			s.at += 4
			return nil
		}
	}
	return s.fault("is not JSON at byte " + strconv.Itoa(s.at) + ": no such escape")
}

func errHalf() error {
	return &malformedError{rule: ruleEncoding, fix: "has half of a character, a lone surrogate"}
}

// hex reads four hexadecimal digits.
func (s *scanner) hex(at int) (uint64, bool) {
	if at+4 > len(s.text) {
		return 0, false
	}
	for _, c := range s.text[at : at+4] {
		if lower := c | 0x20; (c < '0' || c > '9') && (lower < 'a' || lower > 'f') {
			return 0, false
		}
	}
	code, err := strconv.ParseUint(string(s.text[at:at+4]), 16, 32)
	return code, err == nil
}

func (s *scanner) number() error {
	from := s.at
	if s.peek() == '-' {
		s.at++
	}
	whole := s.at
	digits := s.digits()
	ok := digits == 1 || digits > 1 && s.text[whole] != '0'
	if ok && s.peek() == '.' {
		s.at++
		ok = s.digits() > 0
	}
	if ok && s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		ok = s.digits() > 0
	}
	if !ok {
		return s.fault("is not JSON at byte " + strconv.Itoa(from) + ": not a number")
	}
	return nil
}

func (s *scanner) digits() int {
	from := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at - from
}

// compact returns a value that was scanned, without the white space it has if blank is set.
func compact(value []byte, blank bool) []byte {
	if !blank {
		return value
	}
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return value // a scanned value is JSON
	}
	return b.Bytes()
}
