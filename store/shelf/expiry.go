package shelf

import (
	"math"
	"time"

	"tnreserve/store/tel"
)

const (
	never       = math.MaxInt64
	releaseStep = 4096 // TNs freed per turn of the lock, about half a millisecond
	staleSlack  = 1024
)

// due says that a TN is free again at an instant, microseconds since 1970.
type due struct {
	until int64
	tn    tel.Number
}

// expiry keeps the TNs that become free by themselves: for each its instant, and a
// min-heap to find the next. A TN freed early or moved leaves its old entry in the
// heap; an entry counts only while it agrees with the map.
type expiry struct {
	until map[tel.Number]int64
	heap  []due
}

// micros rounds up, so that a TN is never free before its instant.
func micros(t time.Time) int64 {
	us := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		us++
	}
	return us
}

// set makes a TN due at an instant, whatever was before.
func (e *expiry) set(tn tel.Number, until int64) {
	if old, ok := e.until[tn]; ok && old == until {
		return
	}
	e.until[tn] = until
	if len(e.heap) > 2*len(e.until)+staleSlack {
		e.rebuild()
		return
	}
	e.heap = append(e.heap, due{until, tn})
	e.siftUp(len(e.heap) - 1)
}

func (e *expiry) drop(tn tel.Number) {
	if len(e.until) > 0 {
		delete(e.until, tn)
	}
}

// next is the earliest instant in the heap, stale entries included.
func (e *expiry) next() int64 {
	if len(e.heap) == 0 {
		return never
	}
	return e.heap[0].until
}

// pop takes the first entry off the heap; ok tells that its TN is now free.
func (e *expiry) pop() (tn tel.Number, ok bool) {
	top, last := e.heap[0], len(e.heap)-1
	e.heap[0] = e.heap[last]
	e.heap = e.heap[:last]
	e.siftDown(0)
	if until, held := e.until[top.tn]; !held || until != top.until {
		return 0, false
	}
	delete(e.until, top.tn)
	return top.tn, true
}

// rebuild drops the stale entries: without it, TNs held and given back all day
// would pile up until the last of their instants passed.
func (e *expiry) rebuild() {
	e.heap = e.heap[:0]
	for tn, until := range e.until {
		e.heap = append(e.heap, due{until, tn})
	}
	for i := len(e.heap)/2 - 1; i >= 0; i-- {
		e.siftDown(i)
	}
}

func (e *expiry) siftUp(i int) {
	moving := e.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if e.heap[parent].until <= moving.until {
			break
		}
		e.heap[i] = e.heap[parent]
		i = parent
	}
	e.heap[i] = moving
}

func (e *expiry) siftDown(i int) {
	n := len(e.heap)
	if i >= n {
		return
	}
	moving := e.heap[i]
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && e.heap[child+1].until < e.heap[child].until {
			child++
		}
		if e.heap[child].until >= moving.until {
			break
		}
		e.heap[i] = e.heap[child]
		i = child
	}
	e.heap[i] = moving
}

// release frees what is due. The usual answer, nothing, costs one atomic load.
func (s *Shelf) release(now time.Time) {
	for us := now.UnixMicro(); us >= s.nextDue.Load(); {
		s.releaseSome(us)
	}
}

// releaseSome frees a few at a time: a million holds that end together must not
// keep everybody waiting for the lock.
func (s *Shelf) releaseSome(us int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range releaseStep {
		if s.expiry.next() > us {
			break
		}
		if tn, ok := s.expiry.pop(); ok {
			s.setFree(tn, true)
		}
	}
	s.nextDue.Store(s.expiry.next())
}
