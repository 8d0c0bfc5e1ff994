package store

import (
	"cmp"
	"context"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"tnreserve/store/shelf"
	"tnreserve/store/tel"
)

// mostShown is how many rows the short lists of a report have.
const mostShown = 10

// ReportQuery asks for a report.
type ReportQuery struct {
	Account tel.AccountID // 0: all that the actor sees
	Range   tel.Range     // of reports over time
}

// reportScope is the account that an actor's report is of; 0 is all.
func (s *Store) reportScope(ctx context.Context, actor tel.Actor, account tel.AccountID) (tel.AccountID, error) {
	if account == 0 && actor.Role != tel.RoleOperator {
		account = actor.Account
	}
	if err := actor.Require(tel.ActSeeReports, account); err != nil || account == 0 {
		return account, err
	}
	_, err := s.Account(ctx, actor, account)
	return account, err
}

// AccountHeld is what an account holds.
type AccountHeld struct {
	Account      tel.AccountID
	Name         string
	Reservations int
	TNs          int
	MaxHeld      int
}

// NearCap tells whether nine tenths of what the account may hold are held.
func (a AccountHeld) NearCap() bool { return a.TNs > 0 && 10*a.TNs >= 9*a.MaxHeld }

// EndingSoon is how soon a report counts what ends.
var EndingSoon = [2]time.Duration{15 * time.Minute, time.Hour}

// Outstanding is what is held at this moment.
type Outstanding struct {
	Accounts []AccountHeld      // that hold something, who holds most first
	Within   [2]int             // reservations that end within each of EndingSoon
	Soon     []*tel.Reservation // that end first; rows as in a list
	Longest  []*tel.Reservation // held longest; rows as in a list
}

// Total adds the accounts up.
func (o Outstanding) Total() (sum AccountHeld) {
	for _, a := range o.Accounts {
		sum.Reservations += a.Reservations
		sum.TNs += a.TNs
		sum.MaxHeld += a.MaxHeld
	}
	return sum
}

// Outstanding reports what is held now, by one account or all.
func (s *Store) Outstanding(ctx context.Context, actor tel.Actor, account tel.AccountID) (*Outstanding, error) {
	account, err := s.reportScope(ctx, actor, account)
	if err != nil {
		return nil, err
	}
	var out Outstanding
	if out.Accounts, err = s.accountsHeld(ctx, account); err != nil {
		return nil, err
	}
	if out.Within, err = s.endingWithin(ctx, account); err != nil {
		return nil, err
	}
	soon, err := s.List(ctx, actor, ListQuery{Account: account, Sort: SortExpires, Limit: mostShown})
	if err != nil {
		return nil, err
	}
	out.Soon = soon.Rows
	out.Longest, err = s.heldLongest(ctx, account)
	return &out, err
}

const stillHeld = `ended_at IS NULL AND expires_at > $2`

// accountsHeld are the accounts that hold something. The account's counter, less what
// only the clock has ended, is what it holds; reservations are counted in the index.
func (s *Store) accountsHeld(ctx context.Context, only tel.AccountID) ([]AccountHeld, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT a.id, a.name, a.max_held, a.max_per_reservation, a.max_share, a.working,
			a.held - (SELECT COALESCE(SUM(tn_count), 0) FROM reservation WHERE account_id = a.id AND ended_at IS NULL AND expires_at <= $2),
			(SELECT COUNT(*) FROM reservation WHERE account_id = a.id AND `+stillHeld+`)
		FROM account a WHERE a.held > 0 AND ($1 = 0 OR a.id = $1)`, int64(only), micros(s.Now()))
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(row scanner) (a AccountHeld, err error) {
		var of tel.Account
		err = row.Scan(&a.Account, &a.Name, &of.Policy.MaxHeld, &of.Policy.MaxPerReservation, &of.Policy.MaxShare, &of.Working, &a.TNs, &a.Reservations)
		a.MaxHeld = of.MayHold()
		return a, err
	})
	list = slices.DeleteFunc(list, func(a AccountHeld) bool { return a.TNs == 0 })
	slices.SortFunc(list, func(a, b AccountHeld) int {
		return cmp.Or(cmp.Compare(b.TNs, a.TNs), cmp.Compare(a.Account, b.Account))
	})
	return list, err
}

// endingWithin counts what ends soon, in the index of what is due.
func (s *Store) endingWithin(ctx context.Context, account tel.AccountID) (n [2]int, err error) {
	now := s.Now()
	args := append([]any{micros(now), micros(now.Add(EndingSoon[0])), micros(now.Add(EndingSoon[1]))}, accountArg(account)...)
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(CASE WHEN expires_at <= $2 THEN 1 END), COUNT(*) FROM reservation WHERE ended_at IS NULL AND expires_at > $1 AND expires_at <= $3`+ofAccount(account, `account_id`, 4), args...).Scan(&n[0], &n[1])
	return n, err
}

// ofAccount narrows to an account as the n-th placeholder; 0 is all, and no condition:
// the database picks another index for it.
func ofAccount(account tel.AccountID, column string, n int) string {
	if account == 0 {
		return ""
	}
	return ` AND ` + column + ` = $` + strconv.Itoa(n)
}

func accountArg(account tel.AccountID) []any {
	if account == 0 {
		return nil
	}
	return []any{int64(account)}
}

// heldLongest are the oldest that are held now, of one account or all. The sum keeps the
// database from going through all that ever were.
func (s *Store) heldLongest(ctx context.Context, account tel.AccountID) ([]*tel.Reservation, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+reservationColumns+` FROM reservation r WHERE r.seq IN (
		SELECT seq FROM reservation WHERE ended_at IS NULL AND expires_at > $1`+ofAccount(account, `account_id`, 3)+` ORDER BY seq + 0 LIMIT $2) ORDER BY r.seq`,
		append([]any{micros(s.Now()), mostShown}, accountArg(account)...)...)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, scanReservation)
	if err != nil {
		return nil, err
	}
	return list, s.dress(ctx, list)
}

// DayOutcomes is what became of the reservations that were made on a day.
type DayOutcomes struct {
	Day tel.Day
	tel.Outcomes
}

// AccountOutcomes is what became of the reservations that an account made.
type AccountOutcomes struct {
	Account tel.AccountID
	Name    string
	tel.Outcomes
}

// Repeat is a TN that an account took again after it had held it.
type Repeat struct {
	Account tel.AccountID
	Name    string
	TN      tel.Number
	Times   int // taken again
}

// OverTime is what became of the reservations that were made in a range of days.
type OverTime struct {
	Days    []DayOutcomes // every day of the range
	Total   tel.Outcomes
	Top     []AccountOutcomes // by TNs taken
	Repeats []Repeat          // most often first
}

// mostRepeats bounds what a report tells of accounts and repeats.
const mostRepeats = 1000

// OverTime reports what became of reservations, by the day they were made, UTC.
func (s *Store) OverTime(ctx context.Context, actor tel.Actor, q ReportQuery) (*OverTime, error) {
	if err := q.Range.Check(); err != nil {
		return nil, err
	}
	account, err := s.reportScope(ctx, actor, q.Account)
	if err != nil {
		return nil, err
	}
	q.Account = account
	var out *OverTime
	err = s.settled(ctx, func(y *tally) (err error) {
		out, err = s.overTime(ctx, y, q)
		return err
	})
	return out, err
}

func (s *Store) overTime(ctx context.Context, y *tally, q ReportQuery) (*OverTime, error) {
	if err := s.addRunOut(ctx, y, q.Account); err != nil {
		return nil, err
	}
	out := &OverTime{Days: make([]DayOutcomes, q.Range.Days())}
	for i := range out.Days {
		out.Days[i].Day = q.Range.From + tel.Day(i)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT day, `+outcomeColumns+` FROM report_day WHERE account_id = $1 AND day BETWEEN $2 AND $3`, int64(q.Account), int64(q.Range.From), int64(q.Range.To))
	err = eachRow(rows, err, func(row scanner) error {
		var day tel.Day
		o, err := scanOutcomes(row, &day)
		if err == nil {
			out.Days[day-q.Range.From].Add(o)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for key, o := range y.days {
		if key.account == q.Account && q.Range.Has(key.day) {
			out.Days[key.day-q.Range.From].Add(*o)
		}
	}
	for _, d := range out.Days {
		out.Total.Add(d.Outcomes)
	}
	if out.Top, err = s.topHolders(ctx, y, q); err != nil {
		return nil, err
	}
	out.Repeats, err = s.repeats(ctx, y, q)
	return out, err
}

// addRunOut counts what the clock has ended and nobody wrote down yet as expired.
func (s *Store) addRunOut(ctx context.Context, y *tally, account tel.AccountID) error {
	rows, err := s.read.QueryContext(ctx, `SELECT account_id, created_at FROM reservation WHERE ended_at IS NULL AND expires_at <= $1`+ofAccount(account, `account_id`, 2),
		append([]any{micros(s.Now())}, accountArg(account)...)...)
	return eachRow(rows, err, func(row scanner) error {
		var of tel.AccountID
		var made micros
		err := row.Scan(&of, &made)
		e := tel.Event{Kind: tel.EventExpired, Account: of}
		y.add(&e, time.Time(made))
		return err
	})
}

// topHolders are the accounts that took most TNs.
func (s *Store) topHolders(ctx context.Context, y *tally, q ReportQuery) ([]AccountOutcomes, error) {
	sums := map[tel.AccountID]*AccountOutcomes{}
	add := func(account tel.AccountID, o tel.Outcomes) {
		if sums[account] == nil {
			sums[account] = &AccountOutcomes{Account: account}
		}
		sums[account].Add(o)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT account_id, SUM(reserved), SUM(tns), SUM(ordered) FROM report_day WHERE day BETWEEN $1 AND $2 AND account_id <> 0`+ofAccount(q.Account, `account_id`, 3)+` GROUP BY account_id`,
		append([]any{int64(q.Range.From), int64(q.Range.To)}, accountArg(q.Account)...)...)
	err = eachRow(rows, err, func(row scanner) error {
		var account tel.AccountID
		var o tel.Outcomes
		err := row.Scan(&account, &o.Reserved, &o.TNs, &o.Ordered)
		add(account, o)
		return err
	})
	for key, o := range y.days {
		if key.account != 0 && (q.Account == 0 || key.account == q.Account) && q.Range.Has(key.day) {
			add(key.account, tel.Outcomes{Reserved: o.Reserved, TNs: o.TNs, Ordered: o.Ordered})
		}
	}
	var list []AccountOutcomes
	for _, a := range sums {
		if a.Reserved > 0 {
			list = append(list, *a)
		}
	}
	slices.SortFunc(list, func(a, b AccountOutcomes) int {
		return cmp.Or(cmp.Compare(b.TNs, a.TNs), cmp.Compare(a.Account, b.Account))
	})
	if err != nil {
		return nil, err
	}
	list = list[:min(mostRepeats, len(list))]
	return list, nameAccounts(ctx, s, list, func(a *AccountOutcomes) (tel.AccountID, *string) { return a.Account, &a.Name })
}

// nameAccounts fills in the name of each row's account.
func nameAccounts[T any](ctx context.Context, s *Store, list []T, of func(*T) (tel.AccountID, *string)) error {
	ids := make([]tel.AccountID, len(list))
	for i := range list {
		ids[i], _ = of(&list[i])
	}
	names := map[tel.AccountID]string{}
	err := inBites(keys(ids), func(in string, some []any) error {
		rows, err := s.read.QueryContext(ctx, `SELECT id, name FROM account WHERE id `+in, some...)
		return eachRow(rows, err, func(row scanner) error {
			var id tel.AccountID
			var name string
			err := row.Scan(&id, &name)
			names[id] = name
			return err
		})
	})
	for i, id := range ids {
		_, name := of(&list[i])
		*name = names[id]
	}
	return err
}

// again are TNs with how often each was taken again, packed so that hundreds of
// thousands are added up by sorting them: a TN may come more than once.
type again []uint64

const timesBits, mostTimes = 14, 1<<14 - 1

func (a *again) add(tn tel.Number, times int) {
	for ; times > 0; times -= mostTimes {
		*a = append(*a, uint64(tn)<<timesBits|uint64(min(times, mostTimes)))
	}
}

// each gives every TN once.
func (a again) each(fn func(tn tel.Number, times int)) {
	slices.Sort(a)
	for len(a) > 0 {
		tn, times := a[0]>>timesBits, 0
		for len(a) > 0 && a[0]>>timesBits == tn {
			times += int(a[0] & mostTimes)
			a = a[1:]
		}
		fn(tel.Number(tn), times)
	}
}

// repeats are the TNs that were taken again most often.
func (s *Store) repeats(ctx context.Context, y *tally, q ReportQuery) ([]Repeat, error) {
	all := map[tel.AccountID]*again{}
	of := func(account tel.AccountID) *again {
		if all[account] == nil {
			all[account] = &again{}
		}
		return all[account]
	}
	rows, err := s.read.QueryContext(ctx, `SELECT account_id, repeats FROM report_again WHERE day BETWEEN $1 AND $2`+ofAccount(q.Account, `account_id`, 3),
		append([]any{int64(q.Range.From), int64(q.Range.To)}, accountArg(q.Account)...)...)
	err = eachRow(rows, err, func(row scanner) error {
		var account tel.AccountID
		var text string
		err := row.Scan(&account, &text)
		eachRepeat(text, of(account).add)
		return err
	})
	if err != nil {
		return nil, err
	}
	for k, times := range y.repeats {
		if (q.Account == 0 || k.account == q.Account) && q.Range.Has(k.day) {
			of(k.account).add(k.tn, times)
		}
	}
	list := mostRepeated(all)
	return list, nameAccounts(ctx, s, list, func(r *Repeat) (tel.AccountID, *string) { return r.Account, &r.Name })
}

func byTimes(a, b Repeat) int {
	return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.TN, b.TN), cmp.Compare(a.Account, b.Account))
}

// mostRepeated are the first by their times, found without sorting all by them.
func mostRepeated(all map[tel.AccountID]*again) []Repeat {
	list := make([]Repeat, 0, 2*mostRepeats)
	least := Repeat{Times: -1}
	shorten := func() {
		slices.SortFunc(list, byTimes)
		if len(list) >= mostRepeats {
			list = list[:mostRepeats]
			least = list[mostRepeats-1]
		}
	}
	for account, of := range all {
		of.each(func(tn tel.Number, times int) {
			one := Repeat{Account: account, TN: tn, Times: times}
			if byTimes(one, least) > 0 {
				return
			}
			if list = append(list, one); len(list) == 2*mostRepeats {
				shorten()
			}
		})
	}
	shorten()
	return list
}

// Use is how some part of the inventory is used: for all accounts how much of it is not
// free, for one account what that account has of it.
type Use struct {
	Name      string // "NC", "RALEIGH", "919-555-0"
	State     string // of rate centers, whose names repeat between states
	TNs, Free int64  // of all accounts
	InService int64  // of one account
	Aging     int64
	Reserved  int64
}

// Taken is how many TNs are not free, or what the account has.
func (u Use) Taken() int64 {
	if u.TNs > 0 {
		return u.TNs - u.Free
	}
	return u.InService + u.Aging + u.Reserved
}

// UseQuery asks how the inventory is used.
type UseQuery struct {
	Account tel.AccountID   // 0: all that the actor sees
	By      shelf.Dimension // state, rate center or thousands-block
	State   string          // two letters, "" any
}

// Utilisation reports how the inventory is used, the most used first: the whole of it,
// from memory, for operators; what one account has of it otherwise.
func (s *Store) Utilisation(ctx context.Context, actor tel.Actor, q UseQuery) ([]Use, error) {
	account, err := s.reportScope(ctx, actor, q.Account)
	if err != nil {
		return nil, err
	}
	if q.By != shelf.ByState && q.By != shelf.ByRateCenter && q.By != shelf.ByBlock {
		return nil, tel.Invalid("by", "By state, rate center or thousands-block.")
	}
	within := tel.NewQuery()
	within.State = q.State
	if err := within.Check(); err != nil {
		return nil, tel.Invalid("state", "%q is not a state such as NC.", q.State)
	}
	var list []Use
	if account == 0 {
		for _, r := range s.shelf.Summary(q.By, within, s.Now()) {
			list = append(list, Use{Name: r.Name, State: r.State, TNs: r.TNs, Free: r.Free})
		}
	} else if list, err = s.accountUse(ctx, account, q); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Taken(), a.Taken()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.State, b.State))
	})
	return list, nil
}

// accountUse is what an account has, by where it is.
func (s *Store) accountUse(ctx context.Context, account tel.AccountID, q UseQuery) ([]Use, error) {
	sums := map[[2]string]*Use{}
	rows, err := s.read.QueryContext(ctx, `SELECT MIN(tn), state, COUNT(*) FROM tn_state WHERE account_id = $1 AND state IN ('in service', 'aging') AND (until IS NULL OR until > $2) GROUP BY tn / 1000, state
		UNION ALL SELECT MIN(h.tn), 'reserved', COUNT(*) FROM reservation r JOIN hold h ON h.reservation = r.seq WHERE r.account_id = $1 AND r.`+stillHeld+` GROUP BY h.tn / 1000`, int64(account), micros(s.Now()))
	err = eachRow(rows, err, func(row scanner) error {
		var tn tel.Number
		var state tel.TNState
		var n int64
		if err := row.Scan(&tn, (*string)(&state), &n); err != nil {
			return err
		}
		place := s.placeOf(tn)
		if q.State != "" && place.State != q.State {
			return nil
		}
		name, in := useName(q.By, tn, place)
		use := sums[[2]string{name, in}]
		if use == nil {
			use = &Use{Name: name, State: in}
			sums[[2]string{name, in}] = use
		}
		switch state {
		case tel.TNInService:
			use.InService += n
		case tel.TNAging:
			use.Aging += n
		default:
			use.Reserved += n
		}
		return nil
	})
	list := make([]Use, 0, len(sums))
	for use := range maps.Values(sums) {
		list = append(list, *use)
	}
	return list, err
}

func useName(by shelf.Dimension, tn tel.Number, p tel.Place) (name, state string) {
	switch by {
	case shelf.ByRateCenter:
		return p.RateCenter, p.State
	case shelf.ByBlock:
		return tn.Block().String(), ""
	}
	return p.State, ""
}

// blocksAtOnce is how many blocks one step of EachNumberUse reads.
const blocksAtOnce = 2000

// EachNumberUse walks all thousands-blocks with how their TNs are used, for the carrier's
// report on number use. It holds no transaction open and stops at the first error of fn.
func (s *Store) EachNumberUse(ctx context.Context, actor tel.Actor, fn func(tel.NumberUse) error) error {
	if err := mayManageInventory(actor); err != nil {
		return err
	}
	for after := tel.Block(-1); ; {
		blocks, err := s.numberUse(ctx, after)
		if err != nil || len(blocks) == 0 {
			return err
		}
		for _, u := range blocks {
			if err := fn(*u); err != nil {
				return err
			}
		}
		after = blocks[len(blocks)-1].Block
	}
}

// numberUse reads some blocks after one.
func (s *Store) numberUse(ctx context.Context, after tel.Block) ([]*tel.NumberUse, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT b.id, b.members, p.city, p.state, p.rate_center, p.lata, p.carrier FROM block b JOIN place p ON p.id = b.place_id WHERE b.id > $1 ORDER BY b.id LIMIT $2`, int64(after), blocksAtOnce)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(row scanner) (*tel.NumberUse, error) {
		var u tel.NumberUse
		var members []byte
		p := &u.Place
		err := row.Scan(&u.Block, &members, &p.City, &p.State, &p.RateCenter, &p.LATA, &p.Carrier)
		u.Available = tnsIn(members)
		return &u, err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list, s.addUse(ctx, list)
}

// tnsIn counts a block's members; none said is all of them.
func tnsIn(members []byte) (n int) {
	if members == nil {
		return tel.BlockSize
	}
	for _, b := range members {
		n += bits.OnesCount8(b)
	}
	return n
}

// addUse moves what is used from available to where it belongs.
func (s *Store) addUse(ctx context.Context, list []*tel.NumberUse) error {
	byBlock := make(map[tel.Block]*tel.NumberUse, len(list))
	for _, u := range list {
		byBlock[u.Block] = u
	}
	now := s.Now()
	rows, err := s.read.QueryContext(ctx, `SELECT tn / 1000, state, COUNT(*) FROM tn_state WHERE tn BETWEEN $1 AND $2 AND (until IS NULL OR until > $3) GROUP BY tn / 1000, state
		UNION ALL SELECT h.tn / 1000, 'reserved', COUNT(*) FROM hold h JOIN reservation r ON r.seq = h.reservation
			WHERE h.tn BETWEEN $1 AND $2 AND r.customer_reference <> '' AND r.expires_at > $3 AND r.created_at > $4 GROUP BY h.tn / 1000`,
		int64(list[0].Block.Number(0)), int64(lastTN(list[len(list)-1].Block)), micros(now), micros(now.Add(-tel.MostReserved)))
	return eachRow(rows, err, func(row scanner) error {
		var block tel.Block
		var state tel.TNState
		var n int
		err := row.Scan(&block, (*string)(&state), &n)
		if u := byBlock[block]; u != nil {
			u.Take(state, n)
		}
		return err
	})
}

// madeAtOnce is how many reservations one step of EachMade reads.
const madeAtOnce = keysAtOnce

// EachMade walks the reservations that were made in a report's range, oldest first, with
// their TNs, for an export. It holds no transaction open and stops at the first error of
// fn.
func (s *Store) EachMade(ctx context.Context, actor tel.Actor, q ReportQuery, fn func(*tel.Reservation) error) error {
	if err := q.Range.Check(); err != nil {
		return err
	}
	account, err := s.reportScope(ctx, actor, q.Account)
	if err != nil {
		return err
	}
	made := madeByAll
	if account != 0 {
		made = madeByOne
	}
	next, err := s.firstSince(ctx, made.table, made.column, q.Range.From.Start())
	if err != nil {
		return err
	}
	end, err := s.firstSince(ctx, made.table, made.column, (q.Range.To + 1).Start())
	if err != nil {
		return err
	}
	for {
		var list []*tel.Reservation
		rows, err := s.read.QueryContext(ctx, made.sql+ofAccount(account, `e.account_id`, 3)+made.order, append([]any{next, end}, accountArg(account)...)...)
		err = eachRow(rows, err, func(row scanner) error {
			var r tel.Reservation
			list = append(list, &r)
			return row.Scan(append(reservationFields(&r), &r.AccountName, &next)...)
		})
		if err != nil || len(list) == 0 {
			return err
		}
		next++
		if err := s.fillAll(ctx, list); err != nil {
			return err
		}
		for _, r := range list {
			if err := fn(r); err != nil {
				return err
			}
		}
	}
}

// madeBy is how reservations are found in the order they were made: all by their number,
// an account's by its events.
type madeBy struct{ table, column, sql, order string }

var (
	madeByAll = madeBy{`reservation`, `created_at`, `SELECT ` + reservationColumns + `, a.name, r.seq FROM reservation r JOIN account a ON a.id = r.account_id WHERE r.seq >= $1 AND r.seq < $2`,
		` ORDER BY r.seq LIMIT ` + strconv.Itoa(madeAtOnce)}
	madeByOne = madeBy{`event`, `at`, `SELECT ` + reservationColumns + `, a.name, e.seq FROM event e JOIN reservation r ON r.seq = e.reservation JOIN account a ON a.id = r.account_id
		WHERE e.seq >= $1 AND e.seq < $2 AND e.kind = 'reservation.created'`, ` ORDER BY e.seq LIMIT ` + strconv.Itoa(madeAtOnce)}
)
