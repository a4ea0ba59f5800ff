package kafka

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// TestCloseAtWork: a log that is closed in the middle of claims, appends and reads wakes all of
// them, and waits until nothing of it is left.
func TestCloseAtWork(t *testing.T) {
	brokers := model(t).ListenAddrs()
	for i := range 5 {
		l, err := Open(t.Context(), suiteOptions(brokers, ""))
		if err != nil {
			t.Fatal(err)
		}
		ended, steps := make(chan error, 3), make(chan struct{}, 10_000)
		step := func() {
			select {
			case steps <- struct{}{}:
			default: // enough
			}
		}
		go func() {
			for {
				if _, err := l.Claim(t.Context(), 0); err != nil {
					ended <- err
					return
				}
				step()
			}
		}()
		go func() {
			w, err := l.Claim(t.Context(), 1)
			for err == nil {
				_, err = w.Append(t.Context(), three(w.(*writer).last+1))
				step()
			}
			ended <- err
		}()
		go func() {
			r, err := l.Read(t.Context(), 1, compaction.Range{})
			for err == nil {
				_, err = r.Next(t.Context())
				step()
			}
			ended <- err
		}()
		for range i * i * 5 {
			<-steps
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		for range 3 {
			if err := <-ended; !errors.Is(err, compaction.ErrClosed) {
				t.Errorf("%v, want ErrClosed", err)
			}
		}
	}
}

// TestCloseWaiting: a log can be closed while a broker answers nothing.
func TestCloseWaiting(t *testing.T) {
	wire := &wire{}
	o := suiteOptions(model(t).ListenAddrs(), "")
	o.Dial = wire.dial
	l, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w := claim(t, l, 0)
	end := wire.next(kmsg.EndTxn, hold, 1, nil)
	ended := make(chan error, 1)
	go func() {
		_, err := w.Append(t.Context(), three(1))
		ended <- err
	}()
	<-end.met
	go func() {
		<-l.closed.Done()
		end.release() // a real connection would break
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	err = <-ended
	if !errors.Is(err, compaction.ErrClosed) || !errors.Is(err, compaction.ErrUnknownOutcome) {
		t.Errorf("%v, want both that it was closed and that nobody knows", err)
	}
}
