package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"tnreserve/store/shelf"
	"tnreserve/store/tel"
)

// event notes what happened; it is written with the rest of the transaction.
func (t *tx) event(kind tel.EventKind, account tel.AccountID, reservation int64, facts tel.Facts) *tel.Event {
	t.writes++
	e := &tel.Event{At: t.now, Kind: kind, Account: account, Reservation: reservation, Order: facts.Order, Actor: t.actor, Facts: facts}
	t.events = append(t.events, e)
	return e
}

// last is the transaction's last event, nil when it has none.
func (t *tx) last() *tel.Event {
	if len(t.events) == 0 {
		return nil
	}
	return t.events[len(t.events)-1]
}

const eventColumns = `seq, at, kind, account_id, reservation, actor_kind, actor_id, actor_name, actor_role, door, addr, facts, hash, order_seq`

// flushEvents chains and writes the transaction's events, many rows a statement:
// what a statement costs is mostly the statement.
func (t *tx) flushEvents() error {
	args := make([]any, 0, 14*len(t.events))
	for i, e := range t.events {
		facts, err := e.Facts.Encode()
		if err != nil {
			return err
		}
		e.Seq = t.chain.seq + int64(i) + 1
		before := t.chain.hash
		if i > 0 {
			before = t.events[i-1].Hash
		}
		e.Hash = e.ChainHash(before, facts)
		a := e.Actor
		args = append(args, e.Seq, micros(e.At), string(e.Kind), int64(e.Account), e.Reservation, string(a.Kind), a.ID, a.Name, string(a.Role), a.Door, a.Addr, string(facts), e.Hash[:], e.Order)
	}
	return t.insertRows(`INSERT INTO event (`+eventColumns+`) VALUES `, 14, args)
}

// endSQL keeps the number and the hash of the last event. It stays at an event that is
// gone or another one, so that a history whose end was cut off stays short of it however
// it goes on.
func endSQL(seq, hash string) string {
	return `INSERT INTO event_end (id, seq, hash) VALUES (1, ` + seq + `, ` + hash + `) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash
		WHERE EXISTS (SELECT 1 FROM event e WHERE e.seq = event_end.seq AND e.hash = event_end.hash)`
}

// insertRows inserts rows of n columns.
func (t *tx) insertRows(insert string, n int, args []any) error {
	for len(args) > 0 {
		rows := rowsAtOnce(len(args) / n)
		if _, err := t.exec(insert+t.store.dialect.values(rows, n), args[:rows*n]...); err != nil {
			return err
		}
		args = args[rows*n:]
	}
	return nil
}

// rowsAtOnce is how many of the rows left one statement takes: one of a few numbers,
// so that there are few statement texts and they stay prepared.
func rowsAtOnce(left int) int {
	for _, size := range []int{64, 32, 16, 8, 4, 2} {
		if left >= size {
			return size
		}
	}
	return 1
}

// valuesList is "($1,$2),($3,$4)" for 2 rows of 2 columns.
func valuesList(rows, columns int) string {
	key := [2]int{rows, columns}
	if text, ok := valuesLists.Load(key); ok {
		return text.(string)
	}
	all := make([]string, rows)
	for r := range rows {
		one := make([]string, columns)
		for c := range columns {
			one[c] = "$" + strconv.Itoa(r*columns+c+1)
		}
		all[r] = "(" + strings.Join(one, ",") + ")"
	}
	text := strings.Join(all, ",")
	valuesLists.Store(key, text)
	return text
}

// valuesLists keeps them: making one costs as much as a row.
var valuesLists sync.Map

// committed makes a transaction's effect visible: on the shelf, on open pages.
func (s *Store) committed(t *tx) {
	if len(t.events) == 0 {
		return
	}
	s.highWater.Store(max(s.highWater.Load(), t.now.UnixMicro()))
	s.count(func(y *deeds) {
		for _, e := range t.events {
			y.events[e.Kind]++
		}
	})
	t.outbox.wake(s.outgoing)
	s.applying.Lock()
	defer s.applying.Unlock()
	ctx := context.Background()
	if s.applied.Load() < t.chain.seq {
		s.catchUp(ctx, t.chain.seq) // another process wrote in between
	}
	if s.applied.Load() == t.chain.seq { // else somebody has read ours meanwhile, or will
		s.notFollowed(ctx, s.apply(ctx, t.events))
	}
}

// notFollowed tells of events that could not be applied; the next look takes them again.
func (s *Store) notFollowed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.log.Error("following events", "error", err)
	}
}

// followEvery is how soon what another process wrote is seen here; only tests that
// let hours pass change it, for stores that are opened then.
var followEvery = 250 * time.Millisecond

// follow brings in what other processes wrote: another node, or a command line beside
// the server. wake only makes it quicker.
func (s *Store) follow(ctx context.Context, wake <-chan struct{}) {
	tick := time.NewTicker(s.followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
		s.applying.Lock()
		s.catchUp(ctx, lastEvent)
		s.applying.Unlock()
	}
}

// listen wakes follow as soon as another node has committed.
func (s *Store) listen(ctx context.Context, wake chan<- struct{}) {
	for ctx.Err() == nil {
		err := s.dialect.listen(ctx, s.cfg.DB, s.node, func() {
			select {
			case wake <- struct{}{}:
			default: // it is awake
			}
		})
		if ctx.Err() == nil {
			s.log.Debug("listening for other nodes; asking now and then goes on", "error", err)
			sleep(ctx, time.Second)
		}
	}
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// lastEvent is beyond all numbers of events.
const lastEvent = int64(1<<63 - 1)

// catchUpAtOnce bounds how many events are in memory when a node was cut off for long;
// only tests change it, for stores that are opened then.
var catchUpAtOnce = 5000

// catchUp applies the events after the last one applied, up to a number. The caller
// holds applying.
func (s *Store) catchUp(ctx context.Context, to int64) {
	if s.cfg.NoShelf {
		return
	}
	for {
		asked := time.Now() // a stopwatch; nothing in the database is decided by it
		bite := s.bite
		events, err := s.someEvents(ctx, s.applied.Load(), to, bite)
		if err == nil {
			err = s.apply(ctx, events)
		}
		if err != nil {
			s.notFollowed(ctx, err)
			return
		}
		s.bite = min(2*bite, s.catchUpAtOnce)
		if len(events) < bite {
			if to == lastEvent {
				s.followed.Store(asked)
			}
			return
		}
	}
}

// The most that following reads may take: changes wait behind it, and of a server that
// went away silently no answer comes. Imported blocks can be many. Only tests change it.
var mostForEvents = 10 * time.Second

const mostForBlocks = time.Minute

func (s *Store) someEvents(ctx context.Context, after, to int64, most int) ([]*tel.Event, error) {
	ctx, cancel := s.bounded(ctx, mostForEvents)
	defer cancel()
	rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`, after, to, most)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanEvent)
}

// bounded gives following reads so much time. When that was too little, the connections
// that nobody uses are closed: they are as silent, perhaps. And fewer events are asked for
// next, for a database that is only slow. The caller holds applying.
func (s *Store) bounded(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	until, cancel := context.WithTimeout(ctx, most)
	return until, func() {
		if errors.Is(until.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			s.bite = max(1, s.bite/2)
			s.read.closeIdle()
		}
		cancel()
	}
}

// Lag is how many events there are that this process's shelf has not seen yet.
func (s *Store) Lag(ctx context.Context) (int64, error) {
	var last int64
	if err := s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM event`).Scan(&last); err != nil {
		return 0, err
	}
	return max(0, last-s.applied.Load()), nil
}

// apply brings events onto the shelf, together, and tells the open pages; or none of
// them, when what they tell of could not be read.
func (s *Store) apply(ctx context.Context, events []*tel.Event) error {
	var changes []shelf.Change
	var imported [][2]tel.Block
	freed := false
	for _, e := range events {
		of := shelfChanges(e)
		changes = append(changes, of...)
		imported = append(imported, e.Facts.Blocks...)
		freed = freed || e.Kind == tel.EventImported || len(of) > 0 && of[0].Free
		if e.Kind == tel.EventOrderWaits {
			s.waiting.Store(true)
		}
	}
	if !s.cfg.NoShelf {
		// Imported blocks first: they only add TNs, which a later event may take.
		if len(imported) > 0 {
			bounded, cancel := s.bounded(ctx, mostForBlocks)
			defer cancel()
			if err := s.putBlocks(bounded, s.read, joined(imported)); err != nil {
				return fmt.Errorf("loading imported blocks: %w", err)
			}
		}
		s.shelf.Update(changes)
	}
	for _, e := range events {
		if strings.HasPrefix(string(e.Kind), "person.") {
			s.signedIn.forget() // perhaps another process's doing
		}
		s.applied.Store(e.Seq)
		s.hub.tell(e)
	}
	if freed {
		s.noteFreed()
	}
	return nil
}

// shelfChanges is what an event means for what is free.
func shelfChanges(e *tel.Event) []shelf.Change {
	var c shelf.Change
	switch e.Kind {
	case tel.EventReserved, tel.EventExtended, tel.EventSubmitted, tel.EventResumed, tel.EventDisconnected:
		c.Until = time.UnixMicro(e.Facts.ExpiresAt)
	case tel.EventDropped, tel.EventCancelled, tel.EventExpired, tel.EventEnabled, tel.EventAged:
		c.Free = true
	case tel.EventDisabled, tel.EventInService:
	default:
		return nil
	}
	list := make([]shelf.Change, len(e.Facts.TNs))
	for i, tn := range e.Facts.TNs {
		c.TN = tn
		list[i] = c
	}
	return list
}

func scanEvent(row scanner) (*tel.Event, error) {
	e, _, err := scanEventFacts(row)
	return e, err
}

// scanEventFacts reads an event and the facts as they are stored, which is what the
// chain's hash was made over.
func scanEventFacts(row scanner) (*tel.Event, []byte, error) {
	var e tel.Event
	var at micros
	var kind, actorKind, role, facts string
	var hash []byte
	a := &e.Actor
	err := row.Scan(&e.Seq, &at, &kind, &e.Account, &e.Reservation, &actorKind, &a.ID, &a.Name, &role, &a.Door, &a.Addr, &facts, &hash, &e.Order)
	if err != nil {
		return nil, nil, err
	}
	e.At, e.Kind, a.Kind, a.Role = time.Time(at), tel.EventKind(kind), tel.ActorKind(actorKind), tel.Role(role)
	if len(hash) != sha256.Size {
		return nil, nil, fmt.Errorf("event %d has a hash of %d bytes", e.Seq, len(hash))
	}
	copy(e.Hash[:], hash)
	if err := json.Unmarshal([]byte(facts), &e.Facts); err != nil {
		return nil, nil, fmt.Errorf("event %d has unreadable facts: %w", e.Seq, err)
	}
	return &e, []byte(facts), nil
}

// collect reads all rows through scan and closes them.
func collect[T any](rows results, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
