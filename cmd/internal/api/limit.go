package api

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A RateLimit is how often one key may ask. The zero RateLimit is no limit.
type RateLimit struct {
	PerSecond int // requests a second, in the long run
	Burst     int // requests at once; 0 is PerSecond
}

// maxLimiters bounds how many keys' rates are remembered. Those asked for least recently are
// forgotten, which gives them a full burst again.
const maxLimiters = 10_000

// limits remembers how often each principal has asked. It is safe for concurrent use.
type limits struct {
	limit RateLimit

	mu         sync.Mutex
	young, old map[string]*rate.Limiter // two generations
}

func newLimits(l RateLimit) *limits {
	if l.Burst == 0 {
		l.Burst = l.PerSecond
	}
	return &limits{limit: l, young: map[string]*rate.Limiter{}}
}

// take counts a request and refuses it with a *rateError if it is one too many.
func (l *limits) take(principal string, now time.Time) error {
	if l.limit.PerSecond <= 0 {
		return nil
	}
	r := l.of(principal).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	return &rateError{int(math.Ceil(wait.Seconds()))}
}

func (l *limits) of(principal string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.young[principal]; x != nil {
		return x
	}
	x := l.old[principal]
	if x == nil {
		x = rate.NewLimiter(rate.Limit(l.limit.PerSecond), l.limit.Burst)
	}
	if len(l.young) >= maxLimiters/2 {
		l.old, l.young = l.young, map[string]*rate.Limiter{}
	}
	l.young[principal] = x
	return x
}
