package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tnreserve/store/tel"
)

const reservationColumns = `r.seq, r.id, r.account_id, r.state, r.created_at, r.expires_at, r.limit_at, r.submitted_at, r.extensions, r.tn_count, r.customer_reference, r.note,
	r.created_by, r.created_by_name, r.created_door, r.ended_at, r.ended_by, r.ended_by_name, r.ended_door, r.end_reason, r.refused, r.changed_at`

func scanReservation(row scanner) (*tel.Reservation, error) {
	var r tel.Reservation
	return &r, row.Scan(reservationFields(&r)...)
}

// reservationFields are the destinations of reservationColumns.
func reservationFields(r *tel.Reservation) []any {
	return []any{&r.Seq, &r.ID, &r.Account, (*string)(&r.State), (*micros)(&r.CreatedAt), (*micros)(&r.ExpiresAt), (*micros)(&r.LimitAt), (*micros)(&r.SubmittedAt), &r.Extensions, &r.TNCount, &r.CustomerReference, &r.Note,
		&r.CreatedBy.ID, &r.CreatedBy.Name, &r.CreatedBy.Door, (*micros)(&r.EndedAt), &r.EndedBy.ID, &r.EndedBy.Name, &r.EndedBy.Door, &r.EndReason, (*numbers)(&r.Refused), (*micros)(&r.ChangedAt)}
}

// Reserve holds TNs for an account. First to reserve wins; each TN is judged by
// itself. When no TN was had (or, with AllOrNothing, not every one) nothing is
// written, the error is the first refusal and Reserved.Refused has them all.
//
// Codes: CodeForbidden, CodeReservationsOff, CodeInvalid, CodeTooManyTNs,
// CodeTooManyHeld, CodeNotAvailable, CodeHeldByYou, CodeCoolingDown, CodeConflict
// (the idempotency key came with other content).
func (s *Store) Reserve(ctx context.Context, actor tel.Actor, req tel.ReserveRequest) (tel.Reserved, error) {
	if err := actor.Require(tel.ActReserve, req.Account); err != nil {
		return tel.Reserved{}, err
	}
	if err := cleanReserve(&req); err != nil {
		return tel.Reserved{}, err
	}
	var out tel.Reserved
	err := s.changeMany(ctx, actor, len(req.TNs), func(t *tx) (err error) {
		out, err = t.reserve(req)
		return err
	})
	s.countRefusal(err)
	return out, err
}

func cleanReserve(req *tel.ReserveRequest) (err error) {
	if req.CustomerReference, err = tel.CleanText("customer_reference", req.CustomerReference, tel.MaxReference); err != nil {
		return err
	}
	if req.Note, err = tel.CleanText("note", req.Note, tel.MaxNote); err != nil {
		return err
	}
	if err := tel.CheckIdempotencyKey(req.IdempotencyKey); err != nil {
		return err
	}
	if len(req.TNs) > tel.MostPerReservation {
		return tel.Refuse(tel.CodeTooManyTNs, "A reservation has at most %d numbers.", tel.MostPerReservation)
	}
	req.For = req.For.Truncate(time.Microsecond) // what the database keeps
	req.TNs = slices.Clone(req.TNs)
	slices.Sort(req.TNs)
	req.TNs = slices.Compact(req.TNs)
	return nil
}

func (t *tx) reserve(req tel.ReserveRequest) (tel.Reserved, error) {
	if first, err := t.firstAnswer(req); err != nil {
		return tel.Reserved{}, err
	} else if first != nil {
		return *first, nil
	}
	account, err := t.account(req.Account)
	if err != nil {
		return tel.Reserved{}, err
	}
	expires, limit, err := account.CheckReserve(len(req.TNs), req.For, t.now)
	if err != nil {
		return t.repeatedOr(req, tel.Reserved{}, err)
	}
	var out tel.Reserved
	var free []tel.Number
	var taken []standing
	for _, tn := range req.TNs {
		st, err := t.judge(account, tn)
		if refusal, ok := errors.AsType[*tel.Error](err); ok {
			out.Refused = append(out.Refused, refusal)
			continue
		}
		if err != nil {
			return tel.Reserved{}, err
		}
		free, taken = append(free, tn), append(taken, st)
	}
	if len(free) == 0 || req.AllOrNothing && len(out.Refused) > 0 {
		return t.repeatedOr(req, out, out.Refused[0])
	}
	if len(out.Refused) > 0 {
		if first, err := t.repeated(req); first != nil || err != nil {
			return *cmp.Or(first, &tel.Reserved{}), err
		}
	}
	held, err := t.held(account, len(free))
	if err != nil {
		return tel.Reserved{}, err
	}
	if err := account.CheckHeld(held, len(free)); err != nil {
		return tel.Reserved{}, err
	}
	if err := t.writeDown(taken); err != nil {
		return tel.Reserved{}, err
	}
	out.Reservation = t.insertReservation(account, req, free, out.Refused, expires, limit)
	return out, t.remember(req, out)
}

// judge decides whether an account may hold a TN now: nil, or the refusal. The
// standing has what must be written down before it can.
func (t *tx) judge(a *accountRow, tn tel.Number) (standing, error) {
	if _, _, known := t.store.shelf.Has(tn); !known {
		return standing{}, tel.NotAvailable(tn)
	}
	if r, ok := t.taken[tn]; ok { // by a neighbour in this transaction
		return standing{}, t.takenBy(a, r, tn)
	}
	st, err := t.settledStanding(tn)
	switch {
	case err != nil:
		return st, err
	case st.State == tel.TNReserved:
		return st, t.takenBy(a, st.Reservation, tn)
	case st.State.To(tel.TNReserved) != nil:
		return st, tel.NotAvailable(tn)
	}
	if st.over != nil && st.over.Account == a.ID {
		if until := st.over.ExpiresAt.Add(a.Policy.CoolDown); until.After(t.now) {
			return st, coolingDown(tn, until)
		}
	}
	return st, t.judgeCoolDown(a, tn)
}

// takenBy is the refusal of a TN that a live reservation holds: only its own account
// is told so, and which one it is only who made it or may list them. With its id a
// member could cancel and order what a colleague holds.
func (t *tx) takenBy(a *accountRow, r *tel.Reservation, tn tel.Number) *tel.Error {
	if r.Account != a.ID {
		return tel.NotAvailable(tn)
	}
	if r.CreatedBy.ID == t.actor.ID || t.actor.May(tel.ActListReservations, a.ID) {
		e := tel.About(tn, tel.CodeHeldByYou, "%s is already in reservation %s of this account.", tn, r.ID)
		e.Reservation = r.ID
		return e
	}
	return tel.About(tn, tel.CodeHeldByYou, "%s is already reserved by this account.", tn)
}

// judgeCoolDown keeps an account from taking a TN again right after its hold ended;
// cancel and reserve would defeat the ceiling otherwise (rule 10).
func (t *tx) judgeCoolDown(a *accountRow, tn tel.Number) error {
	if a.Policy.CoolDown == 0 {
		return nil
	}
	var ended micros
	err := t.row(`SELECT MAX(p.ended_at) FROM past_hold p JOIN reservation r ON r.seq = p.reservation
		WHERE p.tn = $1 AND r.account_id = $2 AND p.how <> 'ordered'`, int64(tn), int64(a.ID)).Scan(&ended)
	if err != nil {
		return err
	}
	if until := time.Time(ended).Add(a.Policy.CoolDown); until.After(t.now) {
		return coolingDown(tn, until)
	}
	return nil
}

func coolingDown(tn tel.Number, until time.Time) *tel.Error {
	e := tel.About(tn, tel.CodeCoolingDown, "This account held %s until a moment ago and may take it again after %s.", tn, tel.Instant(until))
	e.At = until
	return e
}

func (t *tx) insertReservation(a *accountRow, req tel.ReserveRequest, tns []tel.Number, refused []*tel.Error, expires, limit time.Time) *tel.Reservation {
	r := &tel.Reservation{
		ID: uuid.NewString(), Account: a.ID, AccountName: a.Name, State: tel.StateLive,
		CreatedAt: t.now, ExpiresAt: expires, LimitAt: limit,
		CustomerReference: req.CustomerReference, Note: req.Note,
		CreatedBy: t.actor.Sign(), TNCount: len(tns),
	}
	for _, tn := range tns {
		t.taken[tn] = r
		r.TNs = append(r.TNs, tel.ReservedTN{TN: tn, Place: t.store.placeOf(tn)})
	}
	for _, e := range refused {
		r.Refused = append(r.Refused, e.TN)
	}
	a.count(len(tns))
	e := t.event(tel.EventReserved, a.ID, 0, tel.Facts{TNs: tns, ExpiresAt: expires.UnixMicro()})
	t.reserved = append(t.reserved, newReservation{r, e, t.mark(req.Repeat)})
	return r
}

// newReservation is made and not written yet, with its event, which needs its number.
type newReservation struct {
	*tel.Reservation
	event *tel.Event
	mark  string
}

// flushReserved writes the reservations made so far, many rows a statement. Whatever
// else reads or writes in the transaction comes after it.
func (t *tx) flushReserved() (err error) {
	if len(t.reserved) == 0 {
		return nil
	}
	list, writes := t.reserved, t.writes
	t.reserved = nil
	clear(t.taken)
	defer func() {
		t.writes = writes // they were counted when they were made
		if err != nil {
			t.writes++ // whoever asked: all is undone, for those before are acknowledged with the rest
		}
	}()
	for len(list) > 0 {
		n := rowsAtOnce(len(list))
		if err := t.writeReserved(list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (t *tx) writeReserved(list []newReservation) error {
	args := make([]any, 0, 15*len(list))
	byID := make(map[string]newReservation, len(list))
	for _, r := range list {
		byID[r.ID] = r
		args = append(args, r.ID, int64(r.Account), string(r.State), micros(r.CreatedAt), micros(r.ExpiresAt), micros(r.LimitAt), r.TNCount,
			r.CustomerReference, r.Note, r.CreatedBy.ID, r.CreatedBy.Name, r.CreatedBy.Door, r.mark, numbers(r.Refused), len(r.Refused))
	}
	rows, err := t.query(`INSERT INTO reservation (id, account_id, state, created_at, expires_at, limit_at, tn_count, customer_reference, note, created_by, created_by_name, created_door, mark, refused, refused_count)
		VALUES `+t.store.dialect.values(len(list), 15)+` RETURNING id, seq`, args...)
	err = eachRow(rows, err, func(row scanner) error {
		var id string
		var seq int64
		err := row.Scan(&id, &seq)
		byID[id].Seq, byID[id].event.Reservation = seq, seq
		return err
	})
	if err != nil {
		return err
	}
	var holds []any
	for _, r := range list {
		for _, tn := range r.TNs {
			holds = append(holds, int64(tn.TN), r.Seq)
		}
	}
	return t.insertRows(`INSERT INTO hold (tn, reservation) VALUES `, 2, holds)
}

func (s *Store) placeOf(tn tel.Number) tel.Place {
	place, _, _ := s.shelf.Has(tn)
	return place
}

// Idempotency (rule 9): the first answer under a key stands for a day.

const answerStands = 24 * time.Hour

// content is what two requests under one key must share.
func content(req tel.ReserveRequest) []byte {
	req.IdempotencyKey, req.Repeat = "", tel.Repeat{}
	b, _ := json.Marshal(req) // plain fields: cannot fail
	sum := sha256.Sum256(b)
	return sum[:]
}

// answered finds what was answered under a key; found is false for nothing.
func (t *tx) answered(account tel.AccountID, key string, content []byte) (seq int64, refused string, found bool, err error) {
	if key == "" {
		return 0, "", false, nil
	}
	var before []byte
	err = t.row(`SELECT content, reservation, refused FROM answered WHERE account_id = $1 AND key = $2 AND at > $3`,
		int64(account), key, micros(t.now.Add(-answerStands))).Scan(&before, &seq, &refused)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", false, nil
	}
	if err == nil && !slices.Equal(before, content) {
		err = tel.Refuse(tel.CodeConflict, "This idempotency key was used for a different request.")
	}
	return seq, refused, err == nil, err
}

// firstAnswer gives the answer that this key had before, if any.
func (t *tx) firstAnswer(req tel.ReserveRequest) (*tel.Reserved, error) {
	seq, refused, found, err := t.answered(req.Account, req.IdempotencyKey, content(req))
	if !found || err != nil {
		return nil, err
	}
	out := &tel.Reserved{Repeated: true}
	if err := json.Unmarshal([]byte(refused), &out.Refused); err != nil {
		return nil, err
	}
	if out.Reservation, err = t.reservation(seq); err != nil {
		return nil, err
	}
	a, err := t.account(req.Account)
	if err != nil {
		return nil, err
	}
	out.Reservation.AccountName = a.Name
	return out, nil
}

func (t *tx) remember(req tel.ReserveRequest, out tel.Reserved) error {
	if req.IdempotencyKey == "" {
		return nil
	}
	refused, err := json.Marshal(out.Refused)
	if err != nil {
		return err
	}
	if err := t.flushReserved(); err != nil { // which numbers the reservation
		return err
	}
	return t.rememberAnswer(req.Account, req.IdempotencyKey, content(req), out.Reservation.Seq, string(refused))
}

func (t *tx) rememberAnswer(account tel.AccountID, key string, content []byte, seq int64, refused string) error {
	_, err := t.exec(`INSERT INTO answered (account_id, key, content, reservation, refused, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, key) DO UPDATE SET content = excluded.content, reservation = excluded.reservation, refused = excluded.refused, at = excluded.at`,
		int64(account), key, content, seq, refused, micros(t.now))
	return err
}

// reservation reads one with its TNs inside the transaction.
func (t *tx) reservation(seq int64) (*tel.Reservation, error) {
	r, err := scanReservation(t.row(`SELECT `+reservationColumns+` FROM reservation r WHERE r.seq = $1`, seq))
	if err != nil {
		return nil, err
	}
	return r, t.store.fillTNs(r, t.query)
}

const reservationTNsSQL = `SELECT tn, NULL, '' FROM hold WHERE reservation = $1
	UNION ALL SELECT tn, ended_at, how FROM past_hold WHERE reservation = $1 ORDER BY 1`

// fillTNs reads the TNs of a reservation through a transaction's or a reader's query.
func (s *Store) fillTNs(r *tel.Reservation, query func(string, ...any) (results, error)) error {
	rows, err := query(reservationTNsSQL, r.Seq)
	if err != nil {
		return err
	}
	r.TNs, err = collect(rows, func(row scanner) (tel.ReservedTN, error) {
		var h tel.ReservedTN
		err := row.Scan(&h.TN, (*micros)(&h.EndedAt), (*string)(&h.End))
		h.Place = s.placeOf(h.TN)
		return h, err
	})
	return err
}

// changeable reads, by its public id, a reservation that the actor may change. What
// the actor does not see is answered as unknown.
func (t *tx) changeable(id string) (*tel.Reservation, *accountRow, error) {
	r, err := t.bySomeID(id)
	if err != nil {
		return nil, nil, err
	}
	if err := t.actor.Require(tel.ActChangeHold, r.Account); err != nil {
		return nil, nil, err
	}
	a, err := t.account(r.Account)
	if err != nil {
		return nil, nil, err
	}
	r.AccountName = a.Name
	return r, a, t.store.fillTNs(r, t.query)
}

func (t *tx) bySomeID(id string) (*tel.Reservation, error) {
	canonical, err := CanonicalID(id)
	if err != nil {
		return nil, tel.NotFound()
	}
	r, err := scanReservation(t.row(`SELECT `+reservationColumns+` FROM reservation r WHERE r.id = $1`, canonical))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	return r, err
}

// CanonicalID reads a reservation id in any usual form: either case, with or without
// hyphens, braces or "urn:uuid:". CodeInvalid for what is no UUID.
func CanonicalID(s string) (string, error) {
	id, err := uuid.Parse(strings.TrimSpace(s))
	if err != nil {
		return "", tel.Invalid("id", "That is not a reservation id.")
	}
	return id.String(), nil
}

// Extend moves a reservation's expiry by its account's window, up to its limit. Only
// a successful extend ever moves it. CodeRanOut, CodeEnded, CodeAtLimit,
// CodeNoExtensionsLeft, CodeNotFound, CodeReservationsOff.
func (s *Store) Extend(ctx context.Context, actor tel.Actor, id string) (*tel.Reservation, error) {
	return s.ExtendOnce(ctx, actor, id, tel.Again{})
}

// ExtendOnce is Extend for callers whose requests may come again: then the reservation
// is answered as it is. CodeConflict when the key came with another reservation.
func (s *Store) ExtendOnce(ctx context.Context, actor tel.Actor, id string, again tel.Again) (*tel.Reservation, error) {
	if err := tel.CheckIdempotencyKey(again.Key); err != nil {
		return nil, err
	}
	var out *tel.Reservation
	err := s.change(ctx, actor, func(t *tx) error {
		r, a, err := t.changeable(id)
		if err != nil {
			return err
		}
		if done, err := t.extended(r, again); done || err != nil {
			out = r
			return err
		}
		if !a.ReservationsOn {
			return tel.Refuse(tel.CodeReservationsOff, "Reservation is switched off for %s; holds run out and are not extended.", a.Name)
		}
		was := r.ExpiresAt
		if err := r.Extend(a.Policy, t.now); err != nil {
			return err
		}
		r.ChangedAt = t.now
		n, err := t.exec(`UPDATE reservation SET expires_at = $1, extensions = $2, changed_at = $3 WHERE seq = $4 AND ended_at IS NULL AND expires_at = $5`,
			micros(r.ExpiresAt), r.Extensions, micros(t.now), r.Seq, micros(was))
		if err := oneRow(n, err); err != nil {
			return err
		}
		t.event(tel.EventExtended, r.Account, r.Seq, tel.Facts{TNs: r.HeldTNs(), ExpiresAt: r.ExpiresAt.UnixMicro(), Before: was.UnixMicro()})
		out = r
		return t.rememberExtended(r, again)
	})
	return out, err
}

// oneRow is a guard: an update that names a row's state must find it so.
func oneRow(n int64, err error) error { return eachOfRows(n, 1, err) }

// eachOfRows is the same for a statement on several.
func eachOfRows(n int64, rows int, err error) error {
	if err == nil && n != int64(rows) {
		return errors.New("a row changed under a change")
	}
	return err
}

// Drop gives one TN of a reservation back and keeps the rest.
func (s *Store) Drop(ctx context.Context, actor tel.Actor, id string, tn tel.Number) (*tel.Reservation, error) {
	var out *tel.Reservation
	err := s.change(ctx, actor, func(t *tx) error {
		r, a, err := t.changeable(id)
		if err != nil {
			return err
		}
		if err := r.Drop(tn, t.now); err != nil {
			return err
		}
		n, err := t.exec(`DELETE FROM hold WHERE tn = $1 AND reservation = $2`, int64(tn), r.Seq)
		if err := oneRow(n, err); err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO past_hold (tn, reservation, ended_at, how) VALUES ($1, $2, $3, $4)`, int64(tn), r.Seq, micros(t.now), string(tel.StateCancelled)); err != nil {
			return err
		}
		r.ChangedAt = t.now
		if _, err := t.exec(`UPDATE reservation SET tn_count = $1, changed_at = $2 WHERE seq = $3`, r.TNCount, micros(t.now), r.Seq); err != nil {
			return err
		}
		a.count(-1)
		t.event(tel.EventDropped, r.Account, r.Seq, tel.Facts{TNs: []tel.Number{tn}})
		out = r
		return t.store.fillTNs(r, t.query)
	})
	return out, err
}

// Cancel gives all TNs of a reservation back at once, for a reason in a person's
// words.
func (s *Store) Cancel(ctx context.Context, actor tel.Actor, id, reason string) (*tel.Reservation, error) {
	reason, err := tel.CleanText("reason", reason, tel.MaxReason)
	if err != nil {
		return nil, err
	}
	var out *tel.Reservation
	err = s.change(ctx, actor, func(t *tx) error {
		r, _, err := t.changeable(id)
		if err != nil {
			return err
		}
		if err := r.Cancel(t.actor.Sign(), reason, t.now); err != nil {
			return err
		}
		out = r
		return t.end(r, tel.EventCancelled)
	})
	return out, err
}

// end writes down a reservation that Cancel or Expire has just ended.
func (t *tx) end(r *tel.Reservation, kind tel.EventKind) error { return t.endFor(r, kind, 0) }

// endFor is end for an order (0 is none).
func (t *tx) endFor(r *tel.Reservation, kind tel.EventKind, order int64) error {
	a, err := t.account(r.Account)
	if err != nil {
		return err
	}
	n, err := t.exec(`UPDATE reservation SET state = $1, ended_at = $2, ended_by = $3, ended_by_name = $4, ended_door = $5, end_reason = $6 WHERE seq = $7 AND ended_at IS NULL`,
		string(r.State), micros(r.EndedAt), r.EndedBy.ID, r.EndedBy.Name, r.EndedBy.Door, r.EndReason, r.Seq)
	if err := oneRow(n, err); err != nil {
		return err
	}
	freed, err := t.freeHolds([]int64{r.Seq})
	if err != nil {
		return err
	}
	a.count(-len(freed[r.Seq]))
	t.event(kind, r.Account, r.Seq, tel.Facts{TNs: freed[r.Seq], Reason: r.EndReason, Order: order})
	for i := range r.TNs {
		if r.TNs[i].EndedAt.IsZero() {
			r.TNs[i].EndedAt, r.TNs[i].End = r.EndedAt, r.State
		}
	}
	return nil
}

// freeHolds makes the holds of reservations that have just ended past ones, and
// answers their TNs.
func (t *tx) freeHolds(seqs []int64) (map[int64][]tel.Number, error) {
	freed := make(map[int64][]tel.Number, len(seqs))
	err := inBites(keys(seqs), func(in string, some []any) error {
		if _, err := t.exec(`INSERT INTO past_hold (tn, reservation, ended_at, how) SELECT h.tn, r.seq, r.ended_at, r.state FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.reservation `+in, some...); err != nil {
			return err
		}
		rows, err := t.query(`DELETE FROM hold WHERE reservation `+in+` RETURNING reservation, tn`, some...)
		return eachRow(rows, err, func(row scanner) error {
			var seq int64
			var tn tel.Number
			err := row.Scan(&seq, &tn)
			freed[seq] = append(freed[seq], tn)
			return err
		})
	})
	for _, tns := range freed {
		slices.Sort(tns)
	}
	return freed, err
}

// expireNow ends a reservation that ran out and that nobody swept.
func (t *tx) expireNow(seq int64) error {
	r, err := scanReservation(t.row(`SELECT `+reservationColumns+` FROM reservation r WHERE r.seq = $1`, seq))
	if err != nil {
		return err
	}
	return t.expire(r)
}

// expire is the clock's doing.
func (t *tx) expire(r *tel.Reservation) error {
	return t.asClock(func() error {
		if err := r.Expire(t.actor.Sign(), t.now); err != nil {
			return err
		}
		return t.end(r, tel.EventExpired)
	})
}

// expireAll is expire for many, in few statements.
func (t *tx) expireAll(list []*tel.Reservation) error {
	return t.asClock(func() error {
		for _, r := range list {
			if err := r.Expire(t.actor.Sign(), t.now); err != nil {
				return err
			}
		}
		return t.endAll(list, tel.EventExpired, "", `expires_at`)
	})
}

// cancelAll cancels many, in few statements.
func (t *tx) cancelAll(list []*tel.Reservation, reason string) error {
	for _, r := range list {
		if err := r.Cancel(t.actor.Sign(), reason, t.now); err != nil {
			return err
		}
	}
	return t.endAll(list, tel.EventCancelled, reason, `%s`, micros(t.now))
}

// endAll is end for many that ended alike, when the SQL of a time says.
func (t *tx) endAll(list []*tel.Reservation, kind tel.EventKind, reason, at string, times ...any) error {
	if len(list) == 0 {
		return nil
	}
	seqs := make([]int64, len(list))
	for i, r := range list {
		seqs[i] = r.Seq
	}
	by := t.actor.Sign()
	values := append([]any{string(list[0].State), by.ID, by.Name, by.Door, reason}, times...)
	if err := t.execEach(keys(seqs), `UPDATE reservation SET state = %s, ended_by = %s, ended_by_name = %s, ended_door = %s, end_reason = %s, ended_at = `+at+` WHERE ended_at IS NULL AND seq`, values...); err != nil {
		return err
	}
	freed, err := t.freeHolds(seqs)
	if err != nil {
		return err
	}
	for _, r := range list {
		a, err := t.account(r.Account)
		if err != nil {
			return err
		}
		a.count(-len(freed[r.Seq]))
		t.event(kind, r.Account, r.Seq, tel.Facts{TNs: freed[r.Seq], Reason: reason})
	}
	return nil
}

// Reservation reads one by its id. Another account's is as unknown as one that never
// was.
func (s *Store) Reservation(ctx context.Context, actor tel.Actor, id string) (*tel.Reservation, error) {
	canonical, err := CanonicalID(id)
	if err != nil {
		return nil, tel.NotFound()
	}
	return s.oneReservation(ctx, actor, `r.id = $1`, canonical)
}

// oneReservation reads the one that a condition finds, if the actor may.
func (s *Store) oneReservation(ctx context.Context, actor tel.Actor, where string, arg any) (*tel.Reservation, error) {
	var r tel.Reservation
	err := s.read.QueryRowContext(ctx, `SELECT `+reservationColumns+`, a.name FROM reservation r JOIN account a ON a.id = r.account_id WHERE `+where, arg).
		Scan(append(reservationFields(&r), &r.AccountName)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	if err := actor.Require(tel.ActReadReservation, r.Account); err != nil {
		return nil, err
	}
	return &r, s.fillTNs(&r, s.reader(ctx))
}

// reader is the readers' query with a context, in the shape that a tx has.
func (s *Store) reader(ctx context.Context) func(string, ...any) (results, error) {
	return func(q string, args ...any) (results, error) { return s.read.QueryContext(ctx, q, args...) }
}

// History is what happened to a reservation, oldest first. The reservation comes from
// Reservation, which made the check.
func (s *Store) History(ctx context.Context, r *tel.Reservation) ([]*tel.Event, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE reservation = $1 AND reservation <> 0 ORDER BY seq LIMIT 1000`, r.Seq)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanEvent)
}
