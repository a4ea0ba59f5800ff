package settlement

import "slices"

// Best returns the expectation that an entry of a statement pays, and whether there is one. It is
// pure: byReference are the open expectations whose references the entry's text names, byAmount
// those of the entry's amount.
//
// One that is named and whose missing amount is the entry's comes first, the oldest if there are
// several. Then the only one that is named, whatever its amount: what is seen over or under, or in
// another currency, is for a person to work. Then the only one of that amount. Anything else is
// ambiguous, and left to a person.
func Best(e StatementEntry, byReference, byAmount []Expectation) (Expectation, bool) {
	exact := func(x Expectation) bool {
		short, err := x.short()
		return err == nil && short == e.Amount
	}
	var named []Expectation
	for _, x := range byReference {
		if exact(x) {
			named = append(named, x)
		}
	}
	if len(named) > 0 {
		return slices.MinFunc(named, older), true
	}
	if len(byReference) > 0 {
		return byReference[0], len(byReference) == 1
	}
	var equal []Expectation
	for _, x := range byAmount {
		if exact(x) {
			equal = append(equal, x)
		}
	}
	if len(equal) == 1 {
		return equal[0], true
	}
	return Expectation{}, false
}

// older orders expectations by age, then by id.
func older(a, b Expectation) int {
	if n := a.Created.Compare(b.Created); n != 0 {
		return n
	}
	if a.ID < b.ID {
		return -1
	}
	return 1
}
