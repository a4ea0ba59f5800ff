package api

// roles is a set of roles.
type roles uint8

// The roles that a caller may have. Who has none of them has no key at all.
const (
	tradesperson roles = 1 << iota
	finance
	platform
	customer // of a link: sees and does what concerns one quote or invoice

	nobody  roles = 0 // no key is needed
	anyKey        = tradesperson | finance | platform
	sellers       = tradesperson | platform
	anyone        = anyKey | customer
)

// names returns the names of the roles, as keys bear them.
func (r roles) names() []string {
	var names []string
	for i, name := range [...]string{"tradesperson", "finance", "platform", "customer"} {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
