package limit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAllow(t *testing.T) {
	now := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)
	l := New(2, 4, func() time.Time { return now })
	for i := range 4 {
		ok, reset, remaining := l.Allow("a")
		if want := now.Add(time.Duration(i+1) * time.Second / 2); !ok || remaining != 3-i || !reset.Equal(want) {
			t.Errorf("request %d: %v, %v, %d left", i, ok, reset, remaining)
		}
	}
	if ok, reset, remaining := l.Allow("a"); ok || remaining != 0 || !reset.Equal(now.Add(time.Second/2)) {
		t.Errorf("one too many: %v, %v, %d left", ok, reset, remaining)
	}
	if ok, _, remaining := l.Allow("b"); !ok || remaining != 3 {
		t.Errorf("another client pays: %v, %d left", ok, remaining)
	}
	now = now.Add(time.Second/2 - time.Microsecond)
	if ok, _, _ := l.Allow("a"); ok {
		t.Error("too early")
	}
	now = now.Add(time.Microsecond)
	if ok, _, _ := l.Allow("a"); !ok {
		t.Error("at the reset it is refused")
	}
	now = now.Add(time.Hour)
	if _, _, remaining := l.Allow("a"); remaining != 3 || l.Burst() != 4 {
		t.Errorf("rested: %d left", remaining)
	}
}

func TestExactUnderManyAtOnce(t *testing.T) {
	now := time.Now()
	l := New(1, 100, func() time.Time { return now })
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 10 {
				if ok, _, _ := l.Allow("a"); ok {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if allowed.Load() != 100 {
		t.Errorf("%d of 500 were allowed", allowed.Load())
	}
}

func TestTheRestedAreForgotten(t *testing.T) {
	now := time.Now()
	l := New(10, 10, func() time.Time { return now })
	for i := range 20 * fewClients {
		l.Allow(fmt.Sprint(i))
		now = now.Add(time.Millisecond)
	}
	if n := len(l.clients); n > 2*fewClients {
		t.Errorf("%d are remembered", n)
	}
}
