package store

import (
	"context"
	"maps"
	"time"

	"tnreserve/store/tel"
)

// Watch is told, by stopwatch, what goes on inside, for meters and traces; functions
// that are nil are not called.
type Watch struct {
	// Change is told that a change begins to wait for its turn. What it answers, if
	// anything, is told how it ended: the turn is the last one that took it. Both are
	// called by many goroutines at once.
	Change func(ctx context.Context) func(Turn, error)
	// Turn is told of each transaction, or try at one, by one goroutine.
	Turn func(Turn)
}

// Turn is a transaction of all the changes that waited.
type Turn struct {
	Changes      int
	Began, Ended time.Time
	// Flushing is when its commit began, which ended with the turn; zero when it came to
	// none.
	Flushing time.Time
}

// watched tells the watch of a change.
func (w *Watch) watched(ctx context.Context) func(Turn, error) {
	if w.Change == nil {
		return nil
	}
	return w.Change(ctx)
}

// deeds counts what this process did since it began.
type deeds struct {
	events   map[tel.EventKind]int64
	refused  map[tel.Code]int64
	attempts map[AttemptOutcome]int64
}

// AttemptOutcome is what came of sending a delivery once.
type AttemptOutcome string

// The outcomes.
const (
	AttemptDelivered AttemptOutcome = "delivered"
	AttemptFailed    AttemptOutcome = "failed"   // it is tried again later
	AttemptGivenUp   AttemptOutcome = "given_up" // it failed, and was the last
	AttemptCut       AttemptOutcome = "cut"      // this server ended meanwhile
)

// AttemptOutcomes lists every AttemptOutcome.
func AttemptOutcomes() []AttemptOutcome {
	return []AttemptOutcome{AttemptDelivered, AttemptFailed, AttemptGivenUp, AttemptCut}
}

func newDeeds() deeds {
	return deeds{map[tel.EventKind]int64{}, map[tel.Code]int64{}, map[AttemptOutcome]int64{}}
}

// count changes the deeds.
func (s *Store) count(fn func(*deeds)) {
	s.counting.Lock()
	defer s.counting.Unlock()
	fn(&s.deeds)
}

// countRefusal counts a reservation that was not made.
func (s *Store) countRefusal(err error) {
	if code := tel.CodeOf(err); code != "" {
		s.count(func(t *deeds) { t.refused[code]++ })
	}
}

func (t *deeds) clone() deeds {
	return deeds{maps.Clone(t.events), maps.Clone(t.refused), maps.Clone(t.attempts)}
}
