package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

func bring(t *testing.T, s *store.Store, csv string) store.Imported {
	t.Helper()
	return must[store.Imported](t)(s.Import(ctx, operator, read(t, csv), nil))
}

// offerOf is how a TN is sold, as a look-up says and as a store opened afresh says.
func offerOf(t *testing.T, s *storetest.Store, tn tel.Number) (tel.Place, string) {
	t.Helper()
	is := must[*store.TNReport](t)(s.LookUp(ctx, operator, tn))
	fresh, err := store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	same(t, "after a restart", must[*store.TNReport](t)(fresh.LookUp(ctx, operator, tn)), is)
	return is.Place, is.Offer.Tier + " " + is.Offer.MonthlyCost.String()
}

func TestImportAgain(t *testing.T) {
	s := storetest.Open(t)
	db := file(t, s.Path)
	events := func() int { return count(t, db, `SELECT COUNT(*) FROM event WHERE kind = 'inventory.imported'`) }
	before := events()
	same(t, "again", bring(t, s.Store, storetest.Inventory), store.Imported{BlocksUnchanged: 5})
	if events() != before {
		t.Error("an import that changed nothing is an event")
	}
	reserve(t, s, admin, raleigh(0))
	// One block moves to another city, one is new.
	moved := strings.Replace(storetest.Inventory, "919,555,2,Raleigh", "919,555,2,Cary", 1) + "919,555,4,Raleigh,NC,RALEIGH,426,voice,,1.00\n"
	same(t, "changed", bring(t, s.Store, moved), store.Imported{BlocksNew: 1, BlocksChanged: 1, BlocksUnchanged: 4, TNsNew: 1000})
	if place, _ := offerOf(t, s, raleigh(5)); place.City != "Cary" {
		t.Error(place)
	}
	if free(t, s.Store, raleigh(0)) || !free(t, s.Store, tel.NewNumber(919, 555, 4000)) {
		t.Error("what was held is free, or what is new is not")
	}
	checked(t, s.Store)
}

func TestImportUnion(t *testing.T) {
	s := storetest.Open(t)
	base := tel.NewNumber(919, 777, 0)
	same(t, "first", bring(t, s.Store, "start,end\n9197770000,9197770099\n"), store.Imported{BlocksNew: 1, TNsNew: 100})
	same(t, "overlapping", bring(t, s.Store, "start,end\n9197770050,9197770149\n"), store.Imported{BlocksChanged: 1, TNsNew: 50})
	same(t, "contained", bring(t, s.Store, "tn\n9197770000\n"), store.Imported{BlocksUnchanged: 1})
	for i, in := range map[int]bool{0: true, 99: true, 149: true, 150: false} {
		if free(t, s.Store, base+tel.Number(i)) != in {
			t.Error(i)
		}
	}
	same(t, "whole", bring(t, s.Store, "npa,nxx,x\n919,777,0\n"), store.Imported{BlocksChanged: 1, TNsNew: 850})
	same(t, "part of the whole", bring(t, s.Store, "tn\n9197770500\n"), store.Imported{BlocksUnchanged: 1})
	checked(t, s.Store)
}

// A file that names some TNs of a block says nothing of the others, and an empty
// column of a place says nothing at all.
func TestImportOfSomeTNs(t *testing.T) {
	s := storetest.Open(t)
	one, other := raleigh(42), raleigh(43)
	bring(t, s.Store, "tn,tier,monthly_cost\n9195552042,gold,9.00\n")
	if place, offer := offerOf(t, s, one); offer != "gold 9.00" || place.City != "Raleigh" || place.LATA != "426" {
		t.Error(place, offer)
	}
	if place, offer := offerOf(t, s, other); offer != " 1.00" || place.City != "Raleigh" {
		t.Error("one TN's row changed its neighbours:", place, offer)
	}
	same(t, "again", bring(t, s.Store, "tn,tier,monthly_cost\n9195552042,gold,9.00\n"), store.Imported{BlocksUnchanged: 1})
	bring(t, s.Store, "tn,tier,monthly_cost\n9195552042,silver,3.00\n9195552043,gold,9.00\n")
	if _, offer := offerOf(t, s, one); offer != "silver 3.00" {
		t.Error(offer)
	}
	if _, offer := offerOf(t, s, other); offer != "gold 9.00" {
		t.Error(offer)
	}
	bring(t, s.Store, storetest.Inventory) // names all of the block, at one offer
	for _, tn := range []tel.Number{one, other} {
		if _, offer := offerOf(t, s, tn); offer != " 1.00" {
			t.Errorf("%s is still %s", tn, offer)
		}
	}
	bring(t, s.Store, "npa,nxx,x,tn,monthly_cost\n919,555,2,,2.00\n,,,9195552042,7.00\n")
	if _, offer := offerOf(t, s, one); offer != " 7.00" {
		t.Error(offer)
	}
	if _, offer := offerOf(t, s, other); offer != " 2.00" {
		t.Error(offer)
	}
	checked(t, s.Store)
}

// A file without a column says nothing of it, for a block as for a TN with an offer of
// its own; the preview counts what the import then does.
func TestImportWithoutColumns(t *testing.T) {
	s := storetest.Open(t)
	one, other := raleigh(42), raleigh(43)
	offer := func(tn tel.Number) tel.Offer { return must[*store.TNReport](t)(s.LookUp(ctx, operator, tn)).Offer }
	both := func(name, csv string, want store.Imported) {
		t.Helper()
		same(t, name+", preview", must[store.Imported](t)(s.CompareImport(ctx, operator, read(t, csv))), want)
		same(t, name, bring(t, s.Store, csv), want)
		same(t, name+", again", must[store.Imported](t)(s.CompareImport(ctx, operator, read(t, csv))), store.Imported{BlocksUnchanged: want.BlocksNew + want.BlocksChanged + want.BlocksUnchanged})
	}
	both("a block", "npa,nxx,x,features,tier,monthly_cost\n919,555,2,sms|voice,gold,9.00\n", store.Imported{BlocksChanged: 1})
	gold := tel.Offer{Features: "sms,voice", Tier: "gold", MonthlyCost: 900_000}
	both("its place only", "npa,nxx,x\n919,555,2\n", store.Imported{BlocksUnchanged: 1})
	both("a TN only", "tn\n9195552042\n", store.Imported{BlocksUnchanged: 1})
	both("a TN's price", "tn,monthly_cost\n9195552042,7.00\n", store.Imported{BlocksChanged: 1})
	cheap := gold
	cheap.MonthlyCost = 700_000
	same(t, "one", offer(one), cheap)
	same(t, "other", offer(other), gold)
	both("the tier of all", "npa,nxx,x,tier\n919,555,2,\n", store.Imported{BlocksChanged: 1})
	cheap.Tier, gold.Tier = "", ""
	same(t, "one", offer(one), cheap)
	same(t, "other", offer(other), gold)
	both("no features", "tn,features\n9195552043,\n", store.Imported{BlocksChanged: 1})
	same(t, "one", offer(one), cheap)
	same(t, "other", offer(other), tel.Offer{MonthlyCost: 900_000})
	both("new", "npa,nxx,x,tn,tier\n919,556,0,,\n,,,9195560001,gold\n", store.Imported{BlocksNew: 1, TNsNew: 1000})
	same(t, "one of the new", offer(tel.NewNumber(919, 556, 1)), tel.Offer{Tier: "gold"})
	same(t, "another", offer(tel.NewNumber(919, 556, 2)), tel.Offer{})
	both("more of a part", "start,end,tier\n9195570000,9195570099,gold\n", store.Imported{BlocksNew: 1, TNsNew: 100})
	both("more of a part", "tn\n9195570100\n", store.Imported{BlocksChanged: 1, TNsNew: 1})
	same(t, "of the block's offer", offer(tel.NewNumber(919, 557, 100)), tel.Offer{Tier: "gold"})
	checked(t, s.Store)
}

// An import that was cut off is run again to the same end; what a neighbour breaks
// in the same transaction is written all the same.
func TestImportCutOffAndDisturbed(t *testing.T) {
	s := storetest.Open(t)
	var csv strings.Builder
	csv.WriteString("npa,nxx,city,state\n")
	for i := range 300 {
		if (212+i)%100 == 11 {
			continue
		}
		fmt.Fprintf(&csv, "336,%d,City %d,NC\n", 212+i, i)
	}
	inv := read(t, csv.String())
	cut, cancel := context.WithCancel(ctx)
	if _, err := s.Import(cut, operator, inv, func(done, total int) {
		if done >= 1000 {
			cancel()
		}
	}); err == nil {
		t.Fatal("not cut off")
	}
	checked(t, s.Store)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				s.FailAfterWriting(acme)
				reserve(t, s, admin, raleigh(i%1000))
				s.Clock.Add(4 * time.Hour)
			}
		}
	})
	got := must[store.Imported](t)(s.Import(ctx, operator, inv, nil))
	close(stop)
	wg.Wait()
	if got.BlocksNew+got.BlocksUnchanged != len(inv.Blocks) || got.BlocksUnchanged == 0 || got.BlocksNew == 0 || got.BlocksChanged != 0 {
		t.Errorf("%+v", got)
	}
	q := tel.NewQuery()
	q.City = "City 298"
	if found := must[tel.Found](t)(s.Search(ctx, admin, q)); found.Total != 10_000 {
		t.Error(found.Total)
	}
	checked(t, s.Store)
	checked(t, again(t, s))
}

// An import tells the others of the blocks that it changed, as runs of neighbours, and
// of no others.
func TestImportTellsWhatItChanged(t *testing.T) {
	s := storetest.Open(t)
	two := again(t, s)
	var csv strings.Builder
	csv.WriteString("npa,nxx,city,state\n")
	for nxx := range 40 {
		fmt.Fprintf(&csv, "336,%d,Eden,NC\n", 212+nxx) // 400 blocks in a row
	}
	bring(t, s.Store, csv.String())
	bring(t, s.Store, "tn,monthly_cost\n2125554000,7.00\n3362120000,3.00\n3362150001,3.00\n3362151001,3.00\n3362300002,3.00\n9195552042,9.00\n9197770000,1.00\n")
	db := file(t, s.Path)
	var facts string
	if err := db.QueryRow(`SELECT facts FROM event WHERE kind = 'inventory.imported' ORDER BY seq DESC LIMIT 1`).Scan(&facts); err != nil {
		t.Fatal(err)
	}
	same(t, "facts", facts, `{"blocks":[[12125554,12125554],[13362120,13362120],[13362150,13362151],[13362300,13362300],[19195552,19195552],[19197770,19197770]]}`)
	for _, tn := range []tel.Number{tel.NewNumber(212, 555, 4000), tel.NewNumber(336, 215, 1), raleigh(42), raleigh(43)} {
		offerOf(t, s, tn)
	}
	eventually(t, "seen", func() bool { return must[int64](t)(two.Lag(ctx)) == 0 })
	checked(t, two)
}

// What another process imported is read again when it could not be read at first.
func TestImportThatCouldNotBeRead(t *testing.T) {
	s := storetest.Open(t)
	two := again(t, s)
	db := file(t, s.Path)
	goOn := two.StopFollowing(0)
	bring(t, s.Store, "npa,nxx,x,city,state\n919,888,1,Apex,NC\n")
	reserve(t, s, admin, raleigh(0))
	run(t, db, `ALTER TABLE block RENAME TO block_away`)
	goOn()
	if _, err := two.Reserve(ctx, rival, ask(globex, raleigh(1))); err != nil { // which looks at what came before
		t.Fatal(err)
	}
	if lag := must[int64](t)(two.Lag(ctx)); lag != 3 {
		t.Errorf("%d events behind", lag)
	}
	run(t, db, `ALTER TABLE block_away RENAME TO block`)
	eventually(t, "level", func() bool { return must[int64](t)(two.Lag(ctx)) == 0 })
	if !free(t, two, tel.NewNumber(919, 888, 1000)) {
		t.Error("imported, and not free")
	}
	if free(t, two, raleigh(0)) || free(t, two, raleigh(1)) {
		t.Error("free, and held")
	}
	checked(t, two)
}

func TestTwoStoresOnOneFile(t *testing.T) {
	s := storetest.Open(t)
	two := again(t, s)
	l := two.Listen(admin, two.Now())
	defer l.Close()
	r := reserve(t, s, admin, raleigh(0))
	code(t, second(two.Reserve(ctx, rival, ask(globex, raleigh(0)))), tel.CodeNotAvailable) // the database decides, at once
	eventually(t, "held", func() bool { return !free(t, two, raleigh(0)) })
	select {
	case <-l.Wake:
	case <-time.After(10 * time.Second):
		t.Error("the listener was not woken")
	}
	if heard := l.Take(); heard != store.TopicReservations|store.TopicShelf {
		t.Error(heard)
	}
	must[*tel.Reservation](t)(two.Extend(ctx, admin, r.ID))
	must[*tel.Reservation](t)(two.Drop(ctx, admin, reserve(t, s, admin, raleighs(10, 2)...).ID, raleigh(10)))
	eventually(t, "dropped", func() bool { return free(t, s.Store, raleigh(10)) && !free(t, s.Store, raleigh(11)) })
	bring(t, two, "npa,nxx,x,city,state\n919,888,1,Apex,NC\n")
	eventually(t, "imported", func() bool { return free(t, s.Store, tel.NewNumber(919, 888, 1000)) })
	reserve(t, s, rival, tel.NewNumber(919, 888, 1000))
	parallel(8, func(i int) { // both write at once
		db := []*store.Store{s.Store, two}[i%2]
		for j := range 20 {
			if _, err := db.Reserve(ctx, admin, ask(acme, raleigh(100+20*i+j))); err != nil {
				t.Error(err)
			}
		}
	})
	eventually(t, "the same shelf", func() bool {
		a, b := must[[]string](t)(s.Check(ctx)), must[[]string](t)(two.Check(ctx))
		return a == nil && b == nil
	})
	s.Clock.Add(-time.Hour) // a second machine's clock that is behind writes no events out of order
	must[*tel.Reservation](t)(two.Cancel(ctx, admin, r.ID, ""))
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM event a JOIN event b ON b.seq = a.seq + 1 WHERE b.at < a.at`); n != 0 {
		t.Errorf("time ran back %d times", n)
	}
}
