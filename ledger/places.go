package ledger

import "github.com/quittance/quittance/ledger/money"

// accountKey names an account of a tenant.
type accountKey struct {
	id       AccountID
	currency money.Currency
}

// places numbers accounts in the order in which they are added.
type places struct {
	keys  []accountKey
	index map[accountKey]int // of keys; only where there are more than few
}

// few is up to how many accounts are looked for one by one.
const few = 8

// find returns the number of an account.
func (p *places) find(id AccountID, c money.Currency) (int, bool) {
	if p.index != nil {
		i, ok := p.index[accountKey{id, c}]
		return i, ok
	}
	for i := range p.keys {
		if k := &p.keys[i]; k.id == id && k.currency == c {
			return i, true
		}
	}
	return 0, false
}

// add numbers an account that was not found.
func (p *places) add(id AccountID, c money.Currency) int {
	i := len(p.keys)
	p.keys = append(p.keys, accountKey{id, c})
	switch {
	case p.index != nil:
		p.index[accountKey{id, c}] = i
	case len(p.keys) > few:
		p.index = make(map[accountKey]int, max(2*few, cap(p.keys)))
		for i, k := range p.keys {
			p.index[k] = i
		}
	}
	return i
}

// reset forgets all accounts.
func (p *places) reset() { p.keys, p.index = p.keys[:0], nil }
