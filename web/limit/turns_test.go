package limit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// One who wants much keeps nobody waiting who wants little.
func TestTurnsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		take := func(who string) {
			all.Go(func() {
				leave, err := turns.Take(t.Context(), who)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second)
				mu.Lock()
				order = append(order, who)
				mu.Unlock()
				leave()
				leave() // once more does nothing
			})
			synctest.Wait()
		}
		for range 20 {
			take("a")
		}
		take("b")
		take("b")
		take("c")
		all.Wait()
		if want := []string{"a", "a", "b", "c", "a", "b", "a", "a"}; !slices.Equal(order[:len(want)], want) {
			t.Errorf("%v", order)
		}
		if len(order) != 23 || turns.free != 1 || len(turns.who) != 0 {
			t.Errorf("%d served, %d free, %d kept", len(order), turns.free, len(turns.who))
		}
	})
}

// TestTurnsInOrder: who holds none goes before who holds one, whoever came first; those
// who came after one that gave up move up.
func TestTurnsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(4)
		var order []string
		ask := func(ctx context.Context, who, as string) {
			go func() {
				if _, err := turns.Take(ctx, who); err == nil {
					order = append(order, as)
				}
			}()
			synctest.Wait()
		}
		var leaves []func()
		for _, who := range []string{"x", "x", "y", "a"} {
			leave, err := turns.Take(t.Context(), who)
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		ask(t.Context(), "a", "a2")
		ask(t.Context(), "b", "b1")
		impatient, cancel := context.WithCancel(t.Context())
		ask(impatient, "c", "c1")
		ask(t.Context(), "c", "c2")
		ask(t.Context(), "d", "d1")
		cancel()
		synctest.Wait()
		for _, leave := range leaves {
			leave()
			synctest.Wait()
		}
		if want := []string{"b1", "c2", "d1", "a2"}; !slices.Equal(order, want) {
			t.Errorf("%v", order)
		}
	})
}

func TestTurnsOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(4)
		for range 2 {
			if _, err := turns.Take(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.Take(short, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one has more than half: %v", err)
		}
		if _, err := turns.Take(t.Context(), "b"); err != nil {
			t.Errorf("another finds no place: %v", err)
		}
	})
}

func TestTurnsManyAtOnce(t *testing.T) {
	turns := NewTurns(3)
	var held, served atomic.Int32
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%7)*time.Millisecond)
			defer cancel()
			leave, err := turns.Take(ctx, fmt.Sprint(i%5))
			if err != nil {
				return
			}
			if held.Add(1) > 3 {
				t.Error("more than there are places")
			}
			time.Sleep(100 * time.Microsecond)
			held.Add(-1)
			served.Add(1)
			leave()
		})
	}
	all.Wait()
	if turns.free != 3 || len(turns.who) != 0 || len(turns.waiting) != 0 || served.Load() == 0 {
		t.Errorf("%d free, %d kept, %d wait, %d served", turns.free, len(turns.who), len(turns.waiting), served.Load())
	}
}
