package store_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// What only PostgreSQL has: nodes that share it, and a server that goes away.

// node opens the same database once more, as another node does.
func node(t testing.TB, s *storetest.Store) *store.Store { return again(t, s) }

func TestPostgresHundredForOneTN(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	nodes := []*store.Store{s.Store, node(t, s)}
	for round := range 5 {
		var won, lost atomic.Int32
		parallel(100, func(i int) {
			actor := []tel.Actor{admin, rival}[i%2]
			_, err := nodes[i/2%2].Reserve(ctx, actor, ask(actor.Account, raleigh(round)))
			switch tel.CodeOf(err) {
			case "":
				won.Add(1)
			case tel.CodeNotAvailable, tel.CodeHeldByYou:
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
		if won.Load() != 1 || lost.Load() != 99 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
	}
	for _, n := range nodes {
		checked(t, n)
	}
}

func TestPostgresMigrateAtOnce(t *testing.T) {
	p := storetest.Postgres(t)
	path := p.CreateEmpty(t)
	steps := make([]int, 4)
	parallel(4, func(i int) {
		s, err := store.Open(ctx, store.Config{DB: path, Now: time.Now})
		if err != nil {
			t.Error(err)
			return
		}
		steps[i] = len(s.Steps())
		s.Close()
	})
	db := storetest.Connect(t, path)
	if n := count(t, db, `SELECT COUNT(*) FROM schema_step`); n == 0 || steps[0]+steps[1]+steps[2]+steps[3] != n {
		t.Errorf("%d steps, taken %v", n, steps)
	}
	run(t, db, `INSERT INTO schema_step VALUES (9999, 'future')`)
	_, err := store.Open(ctx, store.Config{DB: path, Now: time.Now})
	if e := code(t, err, tel.CodeInvalid); !strings.Contains(e.Message, "newer") {
		t.Error(e)
	}
	foreign := p.CreateEmpty(t)
	run(t, storetest.Connect(t, foreign), `CREATE TABLE theirs (x INT)`)
	_, err = store.Open(ctx, store.Config{DB: foreign, Now: time.Now})
	if e := code(t, err, tel.CodeInvalid); !strings.Contains(e.Message, "not tnreserve's") {
		t.Error(e)
	}
	_, err = store.Open(ctx, store.Config{DB: strings.Replace(path, "postgres:///", "postgres://me:secret@/none", 1), Now: time.Now})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestPostgresEventsAreNeverChanged(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	db := file(t, s.Path)
	for _, q := range []string{`UPDATE event SET facts = '{}' WHERE seq = 3`, `DELETE FROM event WHERE seq = 3`, `TRUNCATE event CASCADE`, `INSERT INTO event SELECT * FROM event WHERE seq = 3 ON CONFLICT (seq) DO UPDATE SET facts = ''`} {
		if _, err := db.Exec(q); err == nil || !strings.Contains(err.Error(), "events are never") {
			t.Errorf("%s: %v", q, err)
		}
	}
	run(t, db, `ALTER TABLE event DISABLE TRIGGER ALL`, `UPDATE event SET actor_name = 'eve' WHERE seq = 4`)
	if found := must[[]string](t)(s.Check(ctx)); len(found) == 0 || !strings.Contains(found[0], "event 4 ") {
		t.Error(found)
	}
}

func TestPostgresAnswersAreDurable(t *testing.T) {
	p := storetest.Postgres(t)
	path := p.Create(t)
	run(t, storetest.Connect(t, path), `ALTER DATABASE `+databaseIn(path)+` SET synchronous_commit = off`)
	s := storetest.Empty(t, store.Config{DB: path})
	if got := must[string](t)(s.Setting("synchronous_commit")); got != "on" {
		t.Errorf("synchronous_commit is %s", got)
	}
	if e := code(t, s.Backup(ctx, t.TempDir()+"/copy.db"), tel.CodeInvalid); !strings.Contains(e.Message, "pg_dump") {
		t.Error(e)
	}
}

func databaseIn(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "postgres:///"), "?")
	return name
}

// A text that PostgreSQL does not take is the asker's mistake and nobody else's.
func TestPostgresTextThatIsNone(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	for _, text := range []string{"a\x00b", "a\xffb"} {
		if _, err := s.ClientByPassword(ctx, text, tel.PasswordPrefix+"x", from); err == nil {
			t.Error("somebody came in")
		}
		q := store.NewTNQuery(acme)
		q.City = text
		code(t, second(s.TNsInService(ctx, admin, q)), tel.CodeInvalid)
		together(t, s, 5, func(i int) {
			bad, good := ask(acme, raleigh(100)), ask(acme, raleigh(i))
			bad.IdempotencyKey, good.IdempotencyKey = text, ref(i)
			_, err := s.Reserve(ctx, admin, bad) // which nobody waits with
			code(t, err, tel.CodeInvalid)
			if _, err := s.Reserve(ctx, admin, good); err != nil {
				t.Error(err)
			}
		})
	}
	checked(t, s.Store)
}

// killWriters ends the writers' connections, as a fault of the network would.
const killWriters = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE 'LISTEN%'`

// What was answered is there, what was refused is not, however often connections are cut
// between statements and commits; and hardly anybody notices.
func TestPostgresConnectionsKilled(t *testing.T) {
	const cuts, between = 40, 8 // how many are acknowledged from one cut to the next, at least
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	nodes := []*store.Store{s.Store, node(t, s)}
	db := file(t, s.Path)
	stop := make(chan struct{})
	var all sync.WaitGroup
	tally := reserveUntil(t, stop, &all, nodes, 16)
	cut := 0
	for ; cut < cuts && !tally.over.Load(); cut++ {
		before := tally.acknowledged()
		run(t, db, killWriters)
		eventually(t, "changes go on after a cut", func() bool { return tally.acknowledged() >= before+between || tally.over.Load() })
	}
	close(stop)
	all.Wait()
	tally.compare(t, s.Store)
	tally.bounded(t, cut, 4)
}

// tally is what clients were told.
type tally struct {
	mu      sync.Mutex
	had     map[tel.Number]string // the reservation's id
	unknown map[tel.Number]bool
	busy    int
	over    atomic.Bool // every TN was asked for
}

// reserveUntil lets clients reserve TNs of their own on all nodes.
func reserveUntil(t *testing.T, stop <-chan struct{}, all *sync.WaitGroup, nodes []*store.Store, clients int) *tally {
	out := &tally{had: map[tel.Number]string{}, unknown: map[tel.Number]bool{}}
	var next atomic.Int64
	for c := range clients {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				i := int(next.Add(1))
				tn := tel.NewNumber(919, 555, 2000+i%2000)
				if i >= 2000 {
					tn = tel.NewNumber(984, 200, i%1000)
				}
				if i >= 3000 {
					out.over.Store(true)
					return
				}
				out.note(t, tn, nodes[c%len(nodes)])
			}
		})
	}
	return out
}

func (y *tally) acknowledged() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.had)
}

func (y *tally) note(t *testing.T, tn tel.Number, s *store.Store) {
	got, err := s.Reserve(ctx, admin, ask(acme, tn))
	y.mu.Lock()
	defer y.mu.Unlock()
	switch e, said := errors.AsType[*tel.Error](err); {
	case err == nil:
		y.had[tn] = got.Reservation.ID
	case said && e.Code == tel.CodeBusy:
		y.busy++
	case said && e.Code == tel.CodeInternal:
		y.unknown[tn] = true
	default:
		t.Error(tn, err)
	}
}

// bounded demands that few were refused for each time that the database was out of reach,
// and that nearly all were told what became of theirs.
func (y *tally) bounded(t *testing.T, times, each int) {
	t.Helper()
	t.Logf("%d acknowledged, %d refused as busy, %d unknown over %d times", len(y.had), y.busy, len(y.unknown), times)
	if y.busy > each*times || len(y.unknown) > times {
		t.Errorf("too many were refused, or never knew")
	}
}

// compare looks for every TN at what is really held.
func (y *tally) compare(t *testing.T, s *store.Store) {
	t.Helper()
	rows, err := s.HeldIDs()
	if err != nil {
		t.Fatal(err)
	}
	for tn, id := range y.had {
		if rows[tn] != id {
			t.Errorf("%s: reservation %s was acknowledged, and %q holds it", tn, id, rows[tn])
		}
		delete(rows, tn)
	}
	for tn := range rows {
		if !y.unknown[tn] {
			t.Errorf("%s is held, and nobody was told", tn)
		}
	}
	if len(y.had) == 0 {
		t.Error("nothing was acknowledged")
	}
	checked(t, s)
}

// PostgreSQL is stopped at once and started again under load.
func TestPostgresRestarted(t *testing.T) {
	t.Cleanup(store.WaitForDB(time.Minute)) // a slow machine takes its time to start it; put back when no store is open
	p := storetest.OwnPostgres(t)
	s := storetest.OpenPostgres(t, p)
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	nodes := []*store.Store{s.Store, node(t, s)}
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(stop)
		for range 3 {
			time.Sleep(200 * time.Millisecond)
			if err := p.Stop(); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
			if err := p.Resume(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(200 * time.Millisecond)
	})
	told := reserveUntil(t, stop, &all, nodes, 8)
	all.Wait()
	told.compare(t, s.Store)
	must[*tel.Account](t)(nodes[1].Account(ctx, admin, acme)) // readers come back by themselves
	eventually(t, "the other node follows again", func() bool { return must[int64](t)(nodes[1].Lag(ctx)) == 0 })
	checked(t, nodes[1])
	told.bounded(t, 3, 16)
}

// While the server is away changes are refused in words, in time, and reads too.
func TestPostgresAway(t *testing.T) {
	p := storetest.OwnPostgres(t)
	s := storetest.OpenPostgres(t, p)
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	e := code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(0)))), tel.CodeBusy)
	if took := time.Since(start); took > 10*time.Second || strings.Contains(e.Message, "dial") {
		t.Error(took, e)
	}
	start = time.Now()
	code(t, second(s.Reserve(ctx, admin, ask(acme, raleigh(0)))), tel.CodeBusy)
	code(t, second(s.List(ctx, admin, store.ListQuery{})), tel.CodeBusy)
	must[tel.Found](t)(s.Search(ctx, admin, tel.NewQuery()))
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("the second refusal took %v", took)
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	reserve(t, s, admin, raleigh(0))
	checked(t, s.Store)
}

// A transaction that the server undoes for a reason that passes is run again: while it
// is written, or at its end.
func TestPostgresRunsAgain(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	for _, state := range []string{"40001", "40P01"} {
		tries, err := s.Try(func(try int) string {
			if try == 1 {
				return `DO $$ BEGIN RAISE EXCEPTION 'once' USING ERRCODE = '` + state + `'; END $$`
			}
			return `UPDATE account SET name = 'tried' WHERE id = 9500012`
		})
		if tries != 2 || err != nil {
			t.Errorf("%s: %d tries, %v", state, tries, err)
		}
	}
	db := file(t, s.Path)
	run(t, db, `CREATE SEQUENCE tried`, `CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('tried') = 1 THEN RAISE EXCEPTION 'once' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$`,
		`CREATE CONSTRAINT TRIGGER fail_once AFTER INSERT ON hold DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_once()`)
	reserve(t, s, admin, raleigh(0))
	if tries, holds := count(t, db, `SELECT last_value FROM tried`), count(t, db, `SELECT COUNT(*) FROM hold`); tries != 2 || holds != 1 {
		t.Errorf("%d tries, %d holds", tries, holds)
	}
	checked(t, s.Store)
}

// A connection that is lost after a query has begun is told of in words.
func TestPostgresLostWhileReading(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	const kill = `pg_terminate_backend(pg_backend_pid())`
	e := code(t, s.ReadAll(`SELECT CASE WHEN n = 100000 THEN `+kill+` END FROM generate_series(1, 100001) AS n`), tel.CodeBusy)
	if !strings.Contains(e.Message, "cannot be reached") {
		t.Error(e)
	}
	code(t, s.ReadAtOnce(`SELECT `+kill, `SELECT 1`), tel.CodeBusy)
	must[*tel.Account](t)(s.Account(ctx, admin, acme))
}

// Who reads asks the server that takes writes, also where the address asks for it.
func TestPostgresReadsThePrimary(t *testing.T) {
	path := storetest.Postgres(t).Create(t)
	db := storetest.Connect(t, path)
	run(t, db, `CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT TRUE'`) // a standby
	_, err := store.Open(ctx, store.Config{DB: path + "&search_path=public,pg_catalog", Now: time.Now})
	code(t, err, tel.CodeBusy)
	run(t, db, `DROP FUNCTION public.pg_is_in_recovery`)
	for _, settings := range []string{"&search_path=public,pg_catalog", "&target_session_attrs=read-write"} {
		s, err := store.Open(ctx, store.Config{DB: path + settings, Now: time.Now})
		if err != nil {
			t.Fatal(settings, err)
		}
		s.Close()
	}
}

// A commit whose answer is lost is looked up: it happened, or it did not.
func TestPostgresUnansweredCommit(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	db := file(t, s.Path)
	for i, happened := range []bool{true, false, true, false} {
		s.LoseNextAnswer(happened)
		r := reserve(t, s, admin, raleigh(i)) // done once, whichever it was
		if n := count(t, db, `SELECT COUNT(*) FROM reservation WHERE id = '`+r.ID+`'`); n != 1 {
			t.Errorf("%d reservations", n)
		}
	}
	if n := count(t, db, `SELECT COUNT(*) FROM hold`); n != 4 {
		t.Errorf("%d holds", n)
	}
	// Without an event there is nothing to look for, and nobody is told that it is done.
	s.LoseNextAnswer(true)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	s.LoseNextAnswer(true)
	e := code(t, second(s.NewEnterLink(ctx, tel.System("cli"), "ada@acme.example", time.Hour, false)), tel.CodeInternal)
	if !strings.Contains(e.Message, "nobody knows") {
		t.Error(e)
	}
	checked(t, s.Store)
}

// A node that stands still in the middle of a change keeps the others waiting, and not
// for ever.
func TestPostgresStandstill(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t), "&idle_in_transaction_session_timeout=1s")
	other := node(t, s)
	release := make(chan struct{})
	<-s.Hold(release)
	start := time.Now()
	if _, err := other.Reserve(ctx, admin, ask(acme, raleigh(0))); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 9*time.Second {
		t.Errorf("waited %v", took)
	}
	close(release)
	reserve(t, s, admin, raleigh(1))
	checked(t, s.Store)
}

// Another node's sessions count here, and its sign-out soon after.
func TestPostgresSessionsOnEveryNode(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	other := node(t, s)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	in := must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: from}))
	must[*store.Session](t)(other.Session(ctx, in.Token, from))
	if err := s.SignOut(ctx, in.Token, in.Actor); err != nil {
		t.Fatal(err)
	}
	eventually(t, "signed out on the other node", func() bool {
		return tel.CodeOf(second(other.Session(ctx, in.Token, from))) == tel.CodeSignIn
	})
}

// A node that was cut off for long catches up, in pieces.
func TestPostgresCatchesUp(t *testing.T) {
	defer store.FollowEvery(time.Hour)()
	defer store.CatchUpAtOnce(50)()
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	setPolicy(t, s, acme, func(p *tel.Policy) { p.MaxHeld = 5000 })
	other := must[*store.Store](t)(store.Open(ctx, store.Config{DB: s.Path + "&application_name=cutoff", Now: s.Clock.Now}))
	defer other.Close()
	db := file(t, s.Path)
	parallel(16, func(i int) {
		for j := range 20 {
			reserve(t, s, admin, raleigh(20*i+j))
		}
	})
	eventually(t, "caught up", func() bool { return must[int64](t)(other.Lag(ctx)) == 0 })
	run(t, db, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cutoff'`) // its LISTEN too
	parallel(16, func(i int) {
		for j := range 20 {
			reserve(t, s, admin, raleigh(1000+20*i+j))
		}
	})
	eventually(t, "caught up after a cut", func() bool { return must[int64](t)(other.Lag(ctx)) == 0 })
	if free(t, other, raleigh(1100)) {
		t.Error("still on the shelf")
	}
	checked(t, other)
}

// Housekeeping and back-orders on every node do each piece once.
func TestPostgresEachPieceOnce(t *testing.T) {
	s := storetest.OpenPostgres(t, storetest.Postgres(t))
	nodes := []*store.Store{s.Store, node(t, s), node(t, s)}
	for i := range 100 {
		reserve(t, s, admin, raleigh(i))
	}
	gone := raleighs(1900, 50)
	order(t, s, admin, gone...)
	disconnect(t, s, admin, gone...)
	for range 3 {
		must[*tel.Order](t)(s.PlaceOrder(ctx, rival, waitFor(globex, 1970)))
	}
	endpoint(t, s, acme, tel.WebhookReservationExpiring, tel.WebhookReservationExpired)
	s.Clock.Add(3*time.Hour + 45*time.Minute)
	sweepOnAll := func() { parallel(6, func(i int) { must[store.Swept](t)(nodes[i%3].Sweep(ctx)) }) }
	sweepOnAll()
	s.Clock.Add(time.Hour)
	sweepOnAll()
	db := file(t, s.Path)
	for _, kind := range []string{"reservation.expiring", "reservation.expired"} {
		if n := count(t, db, `SELECT COUNT(*) FROM event WHERE kind = '`+kind+`'`); n != 100 {
			t.Errorf("%d events tell of 100 reservations: %s", n, kind)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM delivery WHERE type = 'number_`+kind+`'`); n != 100 {
			t.Errorf("%d deliveries tell of 100 reservations: %s", n, kind)
		}
	}
	s.Clock.Add(90 * 24 * time.Hour)
	sweepOnAll()
	if n := count(t, db, `SELECT SUM(json_array_length(facts::json -> 'tns')) FROM event WHERE kind = 'tn.aged'`); n != 50 {
		t.Errorf("of 50 TNs it is told %d times that they aged", n)
	}
	eventually(t, "all nodes agree", func() bool {
		for _, n := range nodes {
			if found, err := n.Check(ctx); err != nil || found != nil {
				return false
			}
		}
		return count(t, db, `SELECT COUNT(*) FROM tn_state`) == 2000 // all of Raleigh is in service
	})
}
