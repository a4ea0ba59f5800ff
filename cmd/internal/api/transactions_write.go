package api

import "github.com/quittance/quittance/ledger"

// written is JSON that is written already.
type written []byte

// appendTransaction appends what showTransaction shows, as JSON with an end of line. It is written
// by hand because it runs on the shard's goroutine for each transaction; a test compares the two.
func appendTransaction(b []byte, p *ledger.Posted) []byte {
	b = append(append(b, `{"id":"`...), p.ID...)
	b = append(b, `","created":"`...)
	b = p.At.AppendFormat(b, momentForm) // the ledger's times are in UTC
	b = append(append(b, `","phase":"`...), p.Phase.String()...)
	b = append(b, `","postings":[`...)
	for i := range p.Lines {
		l := &p.Lines[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"debit":"`...), l.Debit...)
		b = append(append(b, `","credit":"`...), l.Credit...)
		b = l.Amount.AppendText(append(b, `","amount":"`...))
		b = append(append(b, `","currency":"`...), l.Amount.Currency().String()...)
		b = append(b, `"}`...)
	}
	b = append(b, `],"metadata":{`...)
	for i, pair := range p.Metadata {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, pair.Key), ':')
		b = appendText(b, pair.Value)
	}
	b = append(b, '}')
	if p.Reference != "" {
		b = appendText(append(b, `,"reference":`...), p.Reference)
	}
	if p.Held != "" {
		b = appendText(append(b, `,"held":`...), p.Held)
	}
	return append(b, "}\n"...)
}

// appendText appends s as a JSON text, as encoding/json writes it.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted := marshal(s)
			return append(b, quoted[:len(quoted)-1]...)
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}
