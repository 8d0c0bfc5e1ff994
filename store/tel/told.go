package tel

import (
	"slices"
	"time"
)

// ReservationAt is a reservation as its history left it with an event: what is told late
// must not tell what came after.
func ReservationAt(r *Reservation, history []*Event, upTo int64) *Reservation {
	then := &Reservation{ID: r.ID, Seq: r.Seq, Account: r.Account, AccountName: r.AccountName, CreatedAt: r.CreatedAt, LimitAt: r.LimitAt.Add(-stood(history)),
		CustomerReference: r.CustomerReference, Note: r.Note, CreatedBy: r.CreatedBy, Refused: r.Refused}
	for _, e := range history {
		if e.Seq <= upTo {
			then.replay(e)
		}
	}
	return then
}

// stood is by how much pauses have moved a reservation's limit.
func stood(history []*Event) (d time.Duration) {
	var r Reservation
	for _, e := range history {
		d += r.replayPause(e)
	}
	return d
}

// replayPause lets the clock stand or go on, and tells by how much that moves expiry and
// limit.
func (r *Reservation) replayPause(e *Event) time.Duration {
	switch e.Kind {
	case EventSubmitted:
		r.SubmittedAt = e.At
		return MaxPause
	case EventResumed:
		return e.At.Sub(r.PauseEnds())
	}
	return 0
}

// ends is how the holds of an event's TNs end.
var ends = map[EventKind]State{
	EventDropped: StateCancelled, EventCancelled: StateCancelled, EventExpired: StateExpired, EventOrdered: StateOrdered, EventPartOrdered: StateOrdered,
}

func (r *Reservation) replay(e *Event) {
	r.LimitAt = r.LimitAt.Add(r.replayPause(e))
	switch e.Kind {
	case EventReserved:
		r.State, r.ExpiresAt = StateLive, time.UnixMicro(e.Facts.ExpiresAt).UTC()
		for _, tn := range e.Facts.TNs {
			r.TNs = append(r.TNs, ReservedTN{TN: tn})
		}
	case EventExtended:
		r.ExpiresAt, r.ChangedAt = time.UnixMicro(e.Facts.ExpiresAt).UTC(), e.At
		r.Extensions++
	case EventSubmitted:
		r.State, r.ExpiresAt = StateSubmitted, time.UnixMicro(e.Facts.ExpiresAt).UTC()
	case EventResumed:
		r.State, r.ExpiresAt = StateLive, time.UnixMicro(e.Facts.ExpiresAt).UTC()
	}
	if how, ok := ends[e.Kind]; ok {
		r.replayEnd(e, how)
	}
	r.TNCount = len(r.HeldTNs())
}

func (r *Reservation) replayEnd(e *Event, how State) {
	at := e.At
	if how == StateExpired {
		at = r.ExpiresAt // whenever it was written down
	}
	for i := range r.TNs {
		if _, found := slices.BinarySearch(e.Facts.TNs, r.TNs[i].TN); found {
			r.TNs[i].EndedAt, r.TNs[i].End = at, how
		}
	}
	if e.Kind == EventDropped || e.Kind == EventPartOrdered {
		r.ChangedAt = e.At
	} else {
		r.State, r.EndedAt, r.EndedBy, r.EndReason = how, at, e.Actor.Sign(), e.Facts.Reason
	}
}

// orderStates are the states that events bring an order to.
var orderStates = map[EventKind]OrderState{
	EventOrderCompleted: OrderComplete, EventOrderPartial: OrderPartial, EventOrderFailed: OrderFailed, EventOrderWaits: OrderBackordered,
}

// AsOf takes back what happened to an order after an event that brought it to a state.
// Its names stay as they are now.
func (o *Order) AsOf(e *Event) {
	later := func(tn OrderedTN) bool { return tn.At.After(e.At) }
	o.Completed = slices.DeleteFunc(o.Completed, later)
	o.Failed = slices.DeleteFunc(o.Failed, later)
	o.State, o.ChangedAt, o.CompletedAt = orderStates[e.Kind], e.At, time.Time{}
	o.CompletedCount, o.FailedCount = len(o.Completed), 0
	if o.State.Final() {
		o.CompletedAt, o.FailedCount = e.At, o.Missing()
	}
}
