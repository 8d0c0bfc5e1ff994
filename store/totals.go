package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// Reports over time are sums by account and day. Housekeeping adds the events up, some
// at a time, and keeps the sums with the number of the last event in them; a report adds
// what came after that by itself. So no reservation is made slower by it, a report reads
// a row per day, and it is right to the last event even if housekeeping never ran.

// tallyAtOnce is how many events are added up at a time.
const tallyAtOnce = 1000

// mostTallies is how many times one pass of housekeeping does that.
const mostTallies = 100

type dayKey struct {
	account tel.AccountID
	day     tel.Day
}

type repeatKey struct {
	dayKey
	tn tel.Number
}

// tally is sums of events.
type tally struct {
	last    int64 // event
	events  int
	days    map[dayKey]*tel.Outcomes
	repeats map[repeatKey]int
}

func newTally(after int64) *tally {
	return &tally{last: after, days: map[dayKey]*tel.Outcomes{}, repeats: map[repeatKey]int{}}
}

// of are the sums of an account on a day.
func (y *tally) of(account tel.AccountID, day tel.Day) *tel.Outcomes {
	key := dayKey{account, day}
	if y.days[key] == nil {
		y.days[key] = &tel.Outcomes{}
	}
	return y.days[key]
}

// taking is one TN of a reservation that was made.
type taking struct {
	tn          tel.Number
	reservation int64
	account     tel.AccountID
	day         tel.Day
}

const tallySQL = `SELECT e.seq, e.at, e.kind, e.account_id, e.reservation, e.facts, r.created_at FROM event e LEFT JOIN reservation r ON r.seq = e.reservation WHERE e.seq > $1 ORDER BY e.seq LIMIT $2`

// addEvents adds the events after the last one up to a number.
func (s *Store) addEvents(ctx context.Context, y *tally, most int) error {
	var taken []taking
	rows, err := s.read.QueryContext(ctx, tallySQL, y.last, most)
	err = eachRow(rows, err, func(row scanner) error {
		var e tel.Event
		var facts string
		var made micros
		if err := row.Scan(&e.Seq, (*micros)(&e.At), (*string)(&e.Kind), &e.Account, &e.Reservation, &facts, &made); err != nil {
			return err
		}
		y.last = e.Seq
		y.events++
		if e.Kind == tel.EventReserved {
			if err := json.Unmarshal([]byte(facts), &e.Facts); err != nil {
				return err
			}
			for _, tn := range e.Facts.TNs {
				taken = append(taken, taking{tn, e.Reservation, e.Account, tel.DayOf(e.At)})
			}
		}
		y.add(&e, time.Time(made))
		return nil
	})
	if err != nil {
		return err
	}
	return s.addRepeats(ctx, y, taken)
}

// add adds one event, of a reservation that was made at a time, to its account's and
// everybody's sums of the day that the reservation was made.
func (y *tally) add(e *tel.Event, made time.Time) {
	var o tel.Outcomes
	switch e.Kind {
	case tel.EventReserved:
		o.Reserved, o.TNs = 1, len(e.Facts.TNs)
	case tel.EventOrdered:
		o.Ordered = 1
		o.AddWait(tel.RoundWait(e.At.Sub(made)), 1)
	case tel.EventCancelled:
		o.Cancelled = 1
	case tel.EventExpired:
		o.Expired = 1
	default:
		return
	}
	y.of(e.Account, tel.DayOf(made)).Add(o)
	y.of(0, tel.DayOf(made)).Add(o)
}

// addRepeats finds which TNs their account had held before.
func (s *Store) addRepeats(ctx context.Context, y *tally, taken []taking) error {
	slices.SortFunc(taken, func(a, b taking) int { return int(a.tn - b.tn) })
	tns := make([]tel.Number, len(taken))
	for i, t := range taken {
		tns[i] = t.tn
	}
	before := map[tel.Number][]taking{}
	err := inBites(keys(tns), func(in string, some []any) error {
		rows, err := s.read.QueryContext(ctx, `SELECT p.tn, p.reservation, r.account_id FROM past_hold p JOIN reservation r ON r.seq = p.reservation WHERE p.tn `+in, some...)
		return eachRow(rows, err, func(row scanner) error {
			var p taking
			err := row.Scan(&p.tn, &p.reservation, &p.account)
			before[p.tn] = append(before[p.tn], p)
			return err
		})
	})
	for _, t := range taken {
		if slices.ContainsFunc(before[t.tn], func(p taking) bool { return p.account == t.account && p.reservation < t.reservation }) {
			y.repeats[repeatKey{dayKey{t.account, t.day}, t.tn}]++
		}
	}
	return err
}

// sweepTotals adds up what happened since the last time, a little in each change.
func (s *Store) sweepTotals(ctx context.Context) (events int, err error) {
	for range mostTallies {
		var mark int64
		if err := s.read.QueryRowContext(ctx, markSQL).Scan(&mark); err != nil {
			return events, err
		}
		y := newTally(mark)
		if err := s.addEvents(ctx, y, tallyAtOnce); err != nil || y.events == 0 {
			return events, err
		}
		if err := s.keepTotals(ctx, y, mark); err != nil {
			return events, err
		}
		if events += y.events; y.events < tallyAtOnce {
			break
		}
	}
	return events, nil
}

const markSQL = `SELECT COALESCE((SELECT seq FROM report_mark WHERE id = 1), 0)`

// keepTotals adds sums to those that are kept, unless another process has done so.
func (s *Store) keepTotals(ctx context.Context, y *tally, mark int64) error {
	return s.change(ctx, tel.System("sweeper"), func(t *tx) error {
		n, err := t.exec(`INSERT INTO report_mark (id, seq) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq WHERE report_mark.seq = $2`, y.last, mark)
		if err != nil || n == 0 {
			return err
		}
		for key, o := range y.days {
			if err := t.addDay(key, *o); err != nil {
				return err
			}
		}
		return t.addRepeats(y.repeats)
	})
}

// longestPart is how long a row of report_again grows before another is begun, so that
// adding to it stays cheap.
const longestPart = 16_000

// addRepeats keeps which TNs were taken again.
func (t *tx) addRepeats(repeats map[repeatKey]int) error {
	texts := map[dayKey][]byte{}
	for key, times := range repeats {
		text := texts[key.dayKey]
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(key.tn), 10)
		texts[key.dayKey] = strconv.AppendInt(append(text, ' '), int64(times), 10)
	}
	for key, text := range texts {
		if err := t.addAgain(key, string(text)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) addAgain(key dayKey, text string) error {
	var part, long int64
	err := t.row(`SELECT part, LENGTH(repeats) FROM report_again WHERE day = $1 AND account_id = $2 ORDER BY part DESC LIMIT 1`, int64(key.day), int64(key.account)).Scan(&part, &long)
	if errors.Is(err, sql.ErrNoRows) {
		err, part = nil, -1
	}
	if err != nil {
		return err
	}
	if part < 0 || long > longestPart {
		_, err = t.exec(`INSERT INTO report_again (day, account_id, part, repeats) VALUES ($1, $2, $3, $4)`, int64(key.day), int64(key.account), part+1, text)
		return err
	}
	n, err := t.exec(`UPDATE report_again SET repeats = repeats || ',' || CAST($1 AS TEXT) WHERE day = $2 AND account_id = $3 AND part = $4`, text, int64(key.day), int64(key.account), part)
	return oneRow(n, err)
}

// eachRepeat reads a row of report_again.
func eachRepeat(text string, fn func(tn tel.Number, times int)) {
	for one := range strings.SplitSeq(text, ",") {
		tn, times, _ := strings.Cut(one, " ")
		number, _ := strconv.ParseInt(tn, 10, 64) // written by addRepeats
		n, _ := strconv.Atoi(times)
		fn(tel.Number(number), n)
	}
}

// addDay adds to the sums of an account and day.
func (t *tx) addDay(key dayKey, o tel.Outcomes) error {
	if o.Waits != nil {
		have, err := scanOutcomes(t.row(`SELECT `+outcomeColumns+` FROM report_day WHERE account_id = $1 AND day = $2`, int64(key.account), int64(key.day)))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		have.Add(tel.Outcomes{Waits: o.Waits})
		o.Waits = have.Waits
	}
	waits, err := json.Marshal(o.Waits)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO report_day (account_id, day, `+outcomeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account_id, day) DO UPDATE SET reserved = report_day.reserved + excluded.reserved, tns = report_day.tns + excluded.tns, ordered = report_day.ordered + excluded.ordered,
			cancelled = report_day.cancelled + excluded.cancelled, expired = report_day.expired + excluded.expired,
			waits = CASE excluded.waits WHEN 'null' THEN report_day.waits ELSE excluded.waits END`,
		int64(key.account), int64(key.day), o.Reserved, o.TNs, o.Ordered, o.Cancelled, o.Expired, string(waits))
	return err
}

const outcomeColumns = `reserved, tns, ordered, cancelled, expired, waits`

func scanOutcomes(row scanner, more ...any) (o tel.Outcomes, err error) {
	var waits string
	if err = row.Scan(append(more, &o.Reserved, &o.TNs, &o.Ordered, &o.Cancelled, &o.Expired, &waits)...); err == nil {
		err = json.Unmarshal([]byte(waits), &o.Waits)
	}
	return o, err
}

// settled runs fn, which adds kept sums to those of the events that are not in them yet,
// and again when housekeeping moved some from the one to the other meanwhile.
func (s *Store) settled(ctx context.Context, fn func(*tally) error) error {
	for range 10 {
		var before, after int64
		if err := s.read.QueryRowContext(ctx, markSQL).Scan(&before); err != nil {
			return err
		}
		y := newTally(before)
		for more := true; more; {
			have := y.events
			if err := s.addEvents(ctx, y, tallyAtOnce); err != nil {
				return err
			}
			more = y.events-have == tallyAtOnce
		}
		if err := fn(y); err != nil {
			return err
		}
		if err := s.read.QueryRowContext(ctx, markSQL).Scan(&after); err != nil || before == after {
			return err
		}
	}
	return tel.Refuse(tel.CodeBusy, "The report could not be made at this moment; try again.")
}
