package kafka

// claimsKept is how many of its claims of a shard a log knows again: a directory is behind by far
// less.
const claimsKept = 64

// claiming remembers a claim that is about to be written.
func (l *Log) claiming(shard int, o Owner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.claims[shard]
	if n := len(kept); n >= claimsKept {
		kept = append([]Owner(nil), kept[n-claimsKept+1:]...)
	}
	l.claims[shard] = append(kept, o)
}

// Claimed reports whether a claim of a shard that a Directory shows was made through this Log. What
// a process is called does not tell: another may have the same name.
func (l *Log) Claimed(shard int, o Owner) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, own := range l.claims[shard] {
		if own.Epoch == o.Epoch && own.Claimed.Equal(o.Claimed) {
			return true
		}
	}
	return false
}
