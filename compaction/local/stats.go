package local

import "time"

// Stats are a snapshot of a log's figures, for an operator's metrics.
type Stats struct {
	Groups    uint64 // appended since the log began, all shards
	Bytes     uint64 // on disk, of the database
	Available uint64 // bytes free, as they were known last
	Reserve   uint64 // bytes kept back
	Refused   uint64 // writes refused for want of space since Open
	Damaged   int    // shards that have stopped
	Cleaned   time.Time
	CleanErr  error // of the cleaner's last pass
	Clean     CleanStats
}

// Stats returns the log's figures. Those of a closed log are zero.
func (l *Log) Stats() Stats {
	if _, err := l.enter(0); err != nil {
		return Stats{}
	}
	defer l.leave()
	var st Stats
	for _, s := range l.shards {
		e, err := s.committed()
		st.Groups += e.group
		if err != nil {
			st.Damaged++
		}
	}
	st.Bytes = l.db.Metrics().DiskSpaceUsage()
	l.space.mu.Lock()
	st.Available, st.Reserve, st.Refused = l.space.available, l.space.reserve, l.space.refusals
	l.space.mu.Unlock()
	l.cleaner.statsMu.Lock()
	st.Cleaned, st.CleanErr, st.Clean = l.cleaner.at, l.cleaner.err, l.cleaner.stats
	l.cleaner.statsMu.Unlock()
	return st
}
