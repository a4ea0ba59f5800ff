package quoting

// nameOf returns the name of a value that numbers the names from 0; the first is of no value.
func nameOf[T ~uint8](names []string, v T) string {
	if int(v) >= len(names) {
		return names[0]
	}
	return names[v]
}

// parseName returns the value whose name is given; the first name belongs to no value.
func parseName[T ~uint8](names []string, name string) (T, bool) {
	for i, n := range names[1:] {
		if n == name {
			return T(i + 1), true
		}
	}
	return 0, false
}
