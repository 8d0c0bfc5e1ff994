package tel

import (
	"time"
)

// State is where a reservation is in its life.
type State string

// The states. Live is not what the row says but what the clock says too: see
// Reservation.StateAt.
const (
	StateLive      State = "live"
	StateSubmitted State = "submitted" // an order waits for something outside; the clock stands
	StateOrdered   State = "ordered"
	StateCancelled State = "cancelled"
	StateExpired   State = "expired"
)

// States lists every State.
func States() []State {
	return []State{StateLive, StateSubmitted, StateOrdered, StateCancelled, StateExpired}
}

// Ended tells whether nothing can happen to a reservation in this state any more.
func (s State) Ended() bool { return s != StateLive && s != StateSubmitted }

// Move is something that happens to a reservation.
type Move string

// The moves.
const (
	MoveExtend Move = "extend"
	MoveDrop   Move = "drop" // one TN of several; dropping the last is MoveCancel
	MoveCancel Move = "cancel"
	MoveSubmit Move = "submit"
	MoveResume Move = "resume" // what was waited for did not come
	MoveOrder  Move = "order"
	MoveExpire Move = "expire"
)

// Moves lists every Move.
func Moves() []Move {
	return []Move{MoveExtend, MoveDrop, MoveCancel, MoveSubmit, MoveResume, MoveOrder, MoveExpire}
}

// moves is the one table of what may happen in which state.
var moves = map[State]map[Move]State{
	StateLive: {
		MoveExtend: StateLive, MoveDrop: StateLive, MoveCancel: StateCancelled,
		MoveSubmit: StateSubmitted, MoveOrder: StateOrdered, MoveExpire: StateExpired,
	},
	StateSubmitted: {
		MoveResume: StateLive, MoveCancel: StateCancelled, MoveOrder: StateOrdered, MoveExpire: StateExpired,
	},
}

// Next is the state after a move, or a refusal in plain words.
func (s State) Next(m Move) (State, error) {
	if next, ok := moves[s][m]; ok {
		return next, nil
	}
	return s, Refuse(CodeEnded, "This reservation is %s; it is too late to %s it.", s, m)
}

// Signature is who did something, as it is kept with what they did.
type Signature struct {
	ID   string
	Name string
	Door string
}

// Sign makes an actor's signature.
func (a Actor) Sign() Signature { return Signature{ID: a.ID, Name: a.Name, Door: a.Door} }

// Reservation holds one or more TNs for an account until a time.
type Reservation struct {
	ID                string // UUIDv4, from crypto/rand
	Seq               int64  // the house's own number for it, never shown
	Account           AccountID
	AccountName       string
	State             State // as kept; StateAt tells what is true now
	CreatedAt         time.Time
	ExpiresAt         time.Time
	LimitAt           time.Time // creation + ceiling: no extension goes beyond
	SubmittedAt       time.Time // when its clock first stood for a payment; zero never
	Extensions        int       // how often it was extended
	CustomerReference string
	Note              string
	CreatedBy         Signature
	EndedAt           time.Time // zero while not ended
	EndedBy           Signature
	EndReason         string
	TNs               []ReservedTN // sorted
	Refused           []Number     // asked for with them and not had
	ChangedAt         time.Time    // extended or lost a TN last; zero never
	TNCount           int          // TNs still held, or held when it ended
}

// ReservedTN is one TN of a reservation.
type ReservedTN struct {
	TN      Number
	Place   Place
	EndedAt time.Time // zero while held
	End     State     // how its hold ended, StateCancelled when it was dropped
}

// MaxPause is how long a hold's clock stands for a payment, once.
const MaxPause = 15 * time.Minute

// PauseEnds is when a clock that stands goes on by itself.
func (r *Reservation) PauseEnds() time.Time { return r.SubmittedAt.Add(MaxPause) }

// StateAt is the state at an instant: a hold that ran out is expired, and one whose
// clock stood long enough is live, whatever has been written (rule 5).
func (r *Reservation) StateAt(now time.Time) State {
	switch {
	case r.State.Ended():
		return r.State
	case !r.ExpiresAt.After(now):
		return StateExpired
	case r.State == StateSubmitted && now.Before(r.PauseEnds()):
		return StateSubmitted
	}
	return StateLive
}

// UpdatedAt is when something last happened to the reservation, the clock's doing too.
func (r *Reservation) UpdatedAt(now time.Time) time.Time {
	last := r.CreatedAt
	for _, at := range []time.Time{r.ChangedAt, r.EndedAt} {
		if at.After(last) {
			last = at
		}
	}
	if r.StateAt(now) == StateExpired && r.ExpiresAt.After(last) {
		last = r.ExpiresAt
	}
	return last
}

// Left is the time until expiry, zero when it is over.
func (r *Reservation) Left(now time.Time) time.Duration {
	if r.StateAt(now) != StateLive {
		return 0
	}
	return r.ExpiresAt.Sub(now)
}

// move applies one row of the table, with rule 6: after expiry there is nothing to
// move, and the refusal says when the hold ran out.
func (r *Reservation) move(m Move, now time.Time) error {
	from := r.StateAt(now)
	if m != MoveExpire && from == StateExpired {
		e := Refuse(CodeRanOut, "This hold ran out on %s; reserve again while the number is still free.", Instant(r.ExpiresAt))
		e.At = r.ExpiresAt
		return e
	}
	if m == MoveExpire {
		from = r.State
	}
	next, err := from.Next(m)
	if err == nil {
		r.State = next
	}
	return err
}

// Extend moves the expiry by the account's window, never beyond the ceiling
// (rule 4). CodeRanOut, CodeEnded, CodeNoExtensionsLeft, CodeAtLimit.
func (r *Reservation) Extend(p Policy, now time.Time) error {
	if err := r.move(MoveExtend, now); err != nil {
		return err
	}
	if !r.ExpiresAt.Before(r.LimitAt) {
		return Refuse(CodeAtLimit, "This reservation already runs as long as it may, %s in all.", Span(r.LimitAt.Sub(r.CreatedAt)))
	}
	if r.Extensions >= p.MaxExtensions {
		return Refuse(CodeNoExtensionsLeft, "This reservation was extended %d of %d times; there is no more.", r.Extensions, p.MaxExtensions)
	}
	r.ExpiresAt = r.ExpiresAt.Add(p.Window)
	if r.ExpiresAt.After(r.LimitAt) {
		r.ExpiresAt = r.LimitAt
	}
	r.Extensions++
	return nil
}

// Extendable tells whether Extend would work now.
func (r *Reservation) Extendable(p Policy, now time.Time) bool {
	trial := *r
	return trial.Extend(p, now) == nil
}

// Accepts tells why a purchase cannot be completed now: CodeRanOut, CodeEnded, or nil.
func (r *Reservation) Accepts(now time.Time) error {
	trial := *r
	return trial.move(MoveOrder, now)
}

// Submit stops the clock for a payment, once: expiry and limit move as if it stood as
// long as it may, so that whoever reads them needs to know nothing of it. CodeRanOut,
// CodeEnded.
func (r *Reservation) Submit(now time.Time) error {
	if !r.SubmittedAt.IsZero() && r.StateAt(now) == StateLive {
		return Refuse(CodeEnded, "The clock of this reservation stood once already.")
	}
	if err := r.move(MoveSubmit, now); err != nil {
		return err
	}
	r.SubmittedAt, r.ExpiresAt, r.LimitAt = now, r.ExpiresAt.Add(MaxPause), r.LimitAt.Add(MaxPause)
	return nil
}

// Resume lets the clock go on with the time that was left when it stood. CodeRanOut,
// CodeEnded when it does not stand.
func (r *Reservation) Resume(now time.Time) error {
	if err := r.move(MoveResume, now); err != nil {
		return err
	}
	unused := r.PauseEnds().Sub(now)
	r.ExpiresAt, r.LimitAt = r.ExpiresAt.Add(-unused), r.LimitAt.Add(-unused)
	return nil
}

// Cancel gives everything back, for a reason in a person's words ("" is none).
func (r *Reservation) Cancel(by Signature, reason string, now time.Time) error {
	return r.end(MoveCancel, by, reason, now, now)
}

// Order lets TNs leave the hold into service: ended tells that these were the last.
// The rest stays held, with the same expiry. CodeRanOut, CodeEnded.
func (r *Reservation) Order(tns int, by Signature, now time.Time) (ended bool, err error) {
	if tns >= r.TNCount {
		return true, r.end(MoveOrder, by, "", now, now)
	}
	trial := *r
	if err := trial.move(MoveOrder, now); err != nil {
		return false, err
	}
	r.TNCount -= tns
	return false, nil
}

// Expire writes down what the clock decided: it ended when it ran out. Before that
// it is refused: a hold is never released early.
func (r *Reservation) Expire(by Signature, now time.Time) error {
	if !r.State.Ended() && r.ExpiresAt.After(now) {
		return Refuse(CodeConflict, "This hold has not run out yet.")
	}
	return r.end(MoveExpire, by, "", r.ExpiresAt, now)
}

func (r *Reservation) end(m Move, by Signature, reason string, at, now time.Time) error {
	if err := r.move(m, now); err != nil {
		return err
	}
	r.EndedAt, r.EndedBy, r.EndReason = at, by, reason
	return nil
}

// Drop checks that one TN may leave the reservation. The last one may not: that is
// a cancel, and the caller says so to its user.
func (r *Reservation) Drop(tn Number, now time.Time) error {
	if err := r.move(MoveDrop, now); err != nil {
		return err
	}
	for _, held := range r.TNs {
		if held.TN == tn && held.EndedAt.IsZero() {
			if r.TNCount == 1 {
				return Refuse(CodeEnded, "%s is the last number of this reservation; cancel the reservation instead.", tn)
			}
			r.TNCount--
			return nil
		}
	}
	return Refuse(CodeNotFound, "%s is not held by this reservation.", tn)
}

// HeldTNs are the TNs that the reservation still holds.
func (r *Reservation) HeldTNs() []Number {
	var held []Number
	for _, h := range r.TNs {
		if h.EndedAt.IsZero() {
			held = append(held, h.TN)
		}
	}
	return held
}

// ReserveRequest asks for TNs.
type ReserveRequest struct {
	Account           AccountID
	TNs               []Number
	AllOrNothing      bool          // otherwise as many as possible
	For               time.Duration // 0 is the account's window
	CustomerReference string
	Note              string
	// IdempotencyKey makes repeating safe (rule 9): the same key with the same
	// content within a day gives the first answer back. Empty is none.
	IdempotencyKey string
	Repeat         Repeat
}

// Repeat lets a request be known when its sender repeats it without a key of its own,
// because the first answer was lost (rule 9).
type Repeat struct {
	Mark   string        // what makes two requests of one actor the same; "" is nothing
	Within time.Duration // how long ago the first one was at most
	Retry  bool          // its sender says that it comes again
}

// Again tells how an extend is known when it comes again: it has no content of its own.
type Again struct {
	Key    string        // an idempotency key; "" is none
	Within time.Duration // of a retry: how long ago the first one was at most; 0 is no retry
}

// Reserved is the answer: the reservation, nil when no TN was had, and a refusal
// for each TN that was not.
type Reserved struct {
	Reservation *Reservation
	Refused     []*Error
	Repeated    bool // this is the first answer, given again
}

// TNState is where a TN is in its life.
type TNState string

// The states of a TN.
const (
	TNAvailable TNState = "available"
	TNReserved  TNState = "reserved"
	TNInService TNState = "in service"
	TNAging     TNState = "aging"
	TNDisabled  TNState = "disabled"
)

// TNStates lists every TNState.
func TNStates() []TNState {
	return []TNState{TNAvailable, TNReserved, TNInService, TNAging, TNDisabled}
}

// tnMoves is the one table of allowed moves of a TN (SEMANTICS.md). An aging TN may
// go back into service only with its last holder: see TNStanding.Orderable.
var tnMoves = map[TNState][]TNState{
	TNAvailable: {TNReserved, TNInService, TNDisabled},
	TNReserved:  {TNAvailable, TNInService},
	TNInService: {TNAging},
	TNAging:     {TNAvailable, TNInService, TNDisabled},
	TNDisabled:  {TNAvailable},
}

// To checks one move of a TN: nil, or a refusal that tells no more than its code.
func (s TNState) To(next TNState) error {
	for _, allowed := range tnMoves[s] {
		if allowed == next {
			return nil
		}
	}
	return Refuse(CodeNotAvailable, "A number that is %s cannot become %s.", s, next)
}

// NotAvailable is the one refusal of a TN that the caller cannot have.
func NotAvailable(tn Number) *Error {
	return About(tn, CodeNotAvailable, "%s is not available.", tn)
}
