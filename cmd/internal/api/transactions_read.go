package api

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
)

// postByHand posts a transaction whose body is of the plain kind that programs send. It leaves
// every other body to the description's machinery, which tells what is wrong with it.
func postByHand(x *exchange) bool {
	d := reader{text: string(x.body), raw: x.body}
	var body transactionBody
	if !d.whole(func() bool { return d.transaction(&body, true) }) {
		return false
	}
	x.fields = d.sorted()
	c, err := x.post(&body)
	if err != nil {
		x.fail(err)
		return true
	}
	x.do(c)
	return true
}

// batchByHand is postByHand for a batch.
func batchByHand(x *exchange) bool {
	d := reader{text: string(x.body), raw: x.body}
	var body batchBody
	if !d.whole(func() bool { return d.batch(&body) }) {
		return postOneByOne(x)
	}
	x.fields = d.sorted()
	x.do(x.postEach(&body, make([]error, len(body.Transactions))))
	return true
}

// A reader reads bodies of transactions without reflection, and only plain ones: printable ASCII,
// no escapes, no field twice, nothing that the description refuses. Its methods return false for
// the rest. A fuzzer compares it with the machinery: what it takes, that takes too, and reads
// alike.
type reader struct {
	text   string // of which values are parts
	raw    []byte
	at     int
	blanks int
	fields [3]compaction.Field
	count  int
}

// whole reads a value with nothing but white space around it.
func (d *reader) whole(value func() bool) bool {
	d.space()
	if !value() {
		return false
	}
	d.space()
	return d.at == len(d.text)
}

func (d *reader) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\n', '\t', '\r':
			d.at++
			d.blanks++
		default:
			return
		}
	}
}

// byte reads one byte and the white space after it.
func (d *reader) byte(c byte) bool {
	if d.at >= len(d.text) || d.text[d.at] != c {
		return false
	}
	d.at++
	d.space()
	return true
}

// plain reads a text and the white space after it.
func (d *reader) plain() (string, bool) {
	if d.at >= len(d.text) || d.text[d.at] != '"' {
		return "", false
	}
	from := d.at + 1
	for i := from; i < len(d.text); i++ {
		switch c := d.text[i]; {
		case c == '"':
			d.at = i + 1
			s := d.text[from:i]
			d.space()
			return s, true
		case c < ' ' || c > '~' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// object reads an object. Member is given each name and reads the value.
func (d *reader) object(member func(name string) bool) bool {
	if !d.byte('{') {
		return false
	}
	if d.byte('}') {
		return true
	}
	for {
		name, ok := d.plain()
		if !ok || !d.byte(':') || !member(name) {
			return false
		}
		if d.byte('}') {
			return true
		}
		if !d.byte(',') {
			return false
		}
	}
}

// list reads a list.
func (d *reader) list(element func() bool) bool {
	if !d.byte('[') {
		return false
	}
	if d.byte(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if d.byte(']') {
			return true
		}
		if !d.byte(',') {
			return false
		}
	}
}

// keep notes a member of the body for the idempotency record.
func (d *reader) keep(name string, from, blanks int) {
	value := bytes.TrimRight(d.raw[from:d.at], " \t\r\n")
	if d.blanks > blanks {
		var b bytes.Buffer
		if json.Compact(&b, value) == nil {
			value = b.Bytes()
		}
	}
	d.fields[d.count] = compaction.Field{Name: name, Value: value}
	d.count++
}

// sorted returns what was kept, by name: at most three.
func (d *reader) sorted() []compaction.Field {
	f := d.fields[:d.count]
	for i := 1; i < len(f); i++ {
		for j := i; j > 0 && f[j].Name < f[j-1].Name; j-- {
			f[j], f[j-1] = f[j-1], f[j]
		}
	}
	return f
}

func (d *reader) batch(body *batchBody) bool {
	ok := d.object(func(name string) bool {
		if name != "transactions" || body.Transactions != nil {
			return false
		}
		from, blanks := d.at, d.blanks
		body.Transactions = make([]transactionBody, 0, 1+len(d.text)/128)
		ok := d.list(func() bool {
			body.Transactions = append(body.Transactions, transactionBody{})
			return d.transaction(&body.Transactions[len(body.Transactions)-1], false)
		})
		d.keep(name, from, blanks)
		return ok
	})
	return ok && len(body.Transactions) > 0
}

// transaction reads a transaction; top says that it is the body itself.
func (d *reader) transaction(t *transactionBody, top bool) bool {
	referenced := false
	ok := d.object(func(name string) bool {
		from, blanks, ok := d.at, d.blanks, false
		switch {
		case name == "postings" && t.Postings == nil:
			t.Postings = make([]postingBody, 0, 1)
			ok = d.list(func() bool {
				t.Postings = append(t.Postings, postingBody{})
				return d.posting(&t.Postings[len(t.Postings)-1])
			})
		case name == "metadata" && t.Metadata == nil:
			t.Metadata = metadata{}
			ok = d.metadata(t.Metadata)
		case name == "reference" && !referenced:
			referenced = true
			t.Reference, ok = d.plain()
			t.Reference = strings.Clone(t.Reference)
		}
		if ok && top {
			d.keep(name, from, blanks)
		}
		return ok
	})
	return ok && len(t.Postings) > 0 && len(t.Postings) <= ledger.MaxPostings &&
		len(t.Metadata) <= ledger.MaxMetadata && len(t.Reference) <= ledger.MaxReference
}

func (d *reader) metadata(m metadata) bool {
	return d.object(func(name string) bool {
		value, ok := d.plain()
		if _, twice := m[name]; !ok || twice || len(value) > ledger.MaxMetadataValue {
			return false
		}
		m[strings.Clone(name)] = strings.Clone(value)
		return true
	})
}

// posting reads a posting. Accounts are kept by the ledger, so they are copied out of the body; the
// rest is read before the body goes.
func (d *reader) posting(p *postingBody) bool {
	ok := d.object(func(name string) bool {
		s, ok := d.plain()
		if !ok || s == "" {
			return false
		}
		switch {
		case name == "debit" && p.Debit == "":
			p.Debit = accountText(strings.Clone(s))
		case name == "credit" && p.Credit == "":
			p.Credit = accountText(strings.Clone(s))
		case name == "amount" && p.Amount == "":
			p.Amount = positiveText(s)
		case name == "currency" && p.Currency == "":
			p.Currency = currencyCode(s)
		default:
			return false
		}
		return true
	})
	return ok && isAccount(p.Debit) && isAccount(p.Credit) && p.Amount.plain() && p.Currency.plain()
}

// isAccount reports whether s matches accountPattern.
func isAccount(s accountText) bool {
	_, err := ledger.ParseAccountID(string(s))
	return err == nil
}

// plain reports whether a matches the pattern of its schema.
func (a positiveText) plain() bool {
	whole, fraction, point := strings.Cut(string(a), ".")
	return digits(whole, 19) && (len(whole) == 1 || whole[0] != '0') &&
		(!point || digits(fraction, 4))
}

// digits reports whether s is 1 to n decimal digits.
func digits(s string, n int) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= n
}

// plain reports whether c matches the pattern of its schema.
func (c currencyCode) plain() bool {
	for i := range len(c) {
		if c[i] < 'A' || c[i] > 'Z' {
			return false
		}
	}
	return len(c) == 3
}
