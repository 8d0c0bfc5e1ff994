package shelf

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"tnreserve/store/tel"

	"pgregory.net/rapid"
)

func bitsOf(indexes ...int) *Bits {
	var b Bits
	for _, i := range indexes {
		b.Set(i)
	}
	return &b
}

// one is a shelf with the block 919-356-0, all free.
func one() (*Shelf, tel.Number) {
	s := New()
	s.SetPlace(1, modelPlaces[1])
	s.SetOffer(1, modelOffers[1])
	s.SetOffer(2, modelOffers[2])
	s.PutBlocks([]Block{{Block: tel.NewBlock(919, 356, 0), Place: 1, Offer: 1}})
	return s, tel.NewNumber(919, 356, 142)
}

func TestTakeAndFree(t *testing.T) {
	s, n := one()
	steps := []struct {
		name string
		do   func()
		free bool
	}{
		{"new", func() {}, true},
		{"take", func() { s.Take(n) }, false},
		{"take again", func() { s.Take(n) }, false},
		{"free", func() { s.Free(n) }, true},
		{"free again", func() { s.Free(n) }, true},
		{"hold", func() { s.TakeUntil(n, noon.Add(time.Hour)) }, false},
		{"free early", func() { s.Free(n) }, true},
		{"take, then until the past", func() { s.Take(n); s.TakeUntil(n, noon.Add(-time.Hour)) }, true},
		{"hold, then take", func() { s.TakeUntil(n, noon.Add(-time.Hour)); s.Take(n) }, false},
	}
	for _, step := range steps {
		step.do()
		if got := s.IsFree(n, noon); got != step.free {
			t.Errorf("%s: free %v", step.name, got)
		}
	}
}

func TestHoldEndsAtItsInstant(t *testing.T) {
	s, n := one()
	until := noon.Add(30 * time.Minute)
	s.TakeUntil(n, until)
	if s.IsFree(n, until.Add(-time.Microsecond)) {
		t.Error("free a microsecond early")
	}
	if !s.IsFree(n, until) {
		t.Error("not free at its instant")
	}

	s.TakeUntil(n, until.Add(time.Hour))
	s.TakeUntil(n, until.Add(2*time.Hour)) // later
	if s.IsFree(n, until.Add(time.Hour)) {
		t.Error("the first instant still counts")
	}
	s.TakeUntil(n, until.Add(time.Hour+time.Minute)) // earlier
	if !s.IsFree(n, until.Add(time.Hour+time.Minute)) {
		t.Error("the later instant still counts")
	}

	s.TakeUntil(n, until.Add(3*time.Hour+time.Nanosecond))
	if s.IsFree(n, until.Add(3*time.Hour)) {
		t.Error("free a nanosecond early")
	}
}

func TestSearchFreesWhatIsDue(t *testing.T) {
	s, _ := one()
	for i := range tel.BlockSize {
		s.TakeUntil(tel.NewNumber(919, 356, i), noon.Add(time.Duration(i)*time.Second))
	}
	for _, after := range []int{-1, 0, 500, 998, 999} {
		found, err := s.Search(tel.NewQuery(), noon.Add(time.Duration(after)*time.Second))
		if err != nil || found.Total != after+1 {
			t.Errorf("after %d s: %d free, %v", after, found.Total, err)
		}
	}
}

// A TN held and freed all day must not grow the heap until its last hold ends.
func TestHeapStaysSmall(t *testing.T) {
	s, n := one()
	for i := range 50_000 {
		s.TakeUntil(n, noon.Add(time.Duration(i)*time.Second))
		s.Free(n)
	}
	if got := len(s.expiry.heap); got > 2*staleSlack {
		t.Errorf("%d entries for no hold", got)
	}
}

func TestUnknownTNsArePassedOver(t *testing.T) {
	s, _ := one()
	part := tel.NewBlock(919, 356, 5)
	s.PutBlocks([]Block{{Block: part, Place: 1, Offer: 1, Members: bitsOf(1, 2)}})
	for _, n := range []tel.Number{0, part.Number(3), tel.NewNumber(919, 356, 9000), tel.NewNumber(212, 993, 1)} {
		s.Take(n)
		s.TakeUntil(n, noon)
		s.Free(n)
		s.SetTNOffer(n, 2)
		if _, _, ok := s.Has(n); ok || s.IsFree(n, noon) {
			t.Errorf("%v is in the inventory", n)
		}
	}
	if _, tns, free := s.Size(); tns != 1002 || free != 1002 {
		t.Errorf("%d TNs, %d free", tns, free)
	}
}

func TestMembersChange(t *testing.T) {
	s, _ := one()
	b := tel.NewBlock(919, 356, 5)
	put := func(m *Bits) { s.PutBlocks([]Block{{Block: b, Place: 1, Offer: 1, Members: m}}) }
	put(bitsOf(1, 2, 3))
	s.Take(b.Number(1))
	s.TakeUntil(b.Number(2), noon.Add(time.Hour))
	put(bitsOf(1, 3, 4)) // 2 leaves while held
	put(nil)             // and comes back with all others
	want := map[int]bool{1: false, 2: true, 3: true, 4: true, 999: true}
	for i, free := range want {
		if got := s.IsFree(b.Number(i), noon); got != free {
			t.Errorf("%d: free %v", i, got)
		}
	}
	if err := checkCounts(s); err != nil {
		t.Error(err)
	}
}

func TestOffers(t *testing.T) {
	s, n := one()
	feature := func() int {
		found, _ := s.Search(tel.Query{X: -1, Feature: "SMS"}, noon)
		return found.Total
	}
	check := func(step, offer string, total int) {
		t.Helper()
		if _, o, _ := s.Has(n); o.Features != offer || feature() != total {
			t.Errorf("%s: %q, %d with sms", step, o.Features, feature())
		}
	}
	check("block's", "sms,voice", 1000)
	s.SetTNOffer(n, 2)
	check("own", "voice", 999)
	s.PutBlocks([]Block{{Block: n.Block(), Place: 1, Offer: 2}})
	check("block changes", "voice", 0)
	s.SetTNOffer(n, 1)
	check("own again", "sms,voice", 1)
	s.SetTNOffer(n, 0)
	check("block's again", "voice", 0)
}

func TestPlaceMoves(t *testing.T) {
	s, n := one()
	s.SetPlace(3, modelPlaces[3])
	s.PutBlocks([]Block{{Block: n.Block(), Place: 3, Offer: 1}})
	if s.KnownPlace(tel.Query{City: "Raleigh"}) || !s.KnownPlace(tel.Query{Place: "new york", State: "NY"}) {
		t.Error("the block is where it was")
	}
	renamed := modelPlaces[3]
	renamed.City = "Gotham"
	s.SetPlace(3, renamed)
	if s.KnownPlace(tel.Query{City: "New York"}) || !s.KnownPlace(tel.Query{City: "GOTHAM"}) {
		t.Error("the place has its old name")
	}
}

// Any sequence of changes leaves the counts right, and the shelf agrees with a map.
func TestChanges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := New()
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 2))
		blocks := []tel.Block{tel.NewBlock(919, 356, 0), tel.NewBlock(919, 356, 1), tel.NewBlock(212, 993, 7)}
		member, busy := map[tel.Number]bool{}, map[tel.Number]time.Time{}
		now, forever := noon, noon.AddDate(100, 0, 0)
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			n := blocks[rnd.IntN(3)].Number(rnd.IntN(1000))
			now = now.Add(time.Duration(rnd.IntN(2000)) * time.Microsecond)
			switch rnd.IntN(5) {
			case 0:
				set := someBits(rnd)
				s.PutBlocks([]Block{{Block: n.Block(), Members: set}})
				for i := range tel.BlockSize {
					if member[n.Block().Number(i)] = set.Has(i); !set.Has(i) {
						delete(busy, n.Block().Number(i))
					}
				}
			case 1:
				for i := range tel.Number(30) {
					s.Take(n + i)
					busy[n+i] = forever
				}
			case 2:
				for i := range tel.Number(30) {
					until := now.Add(time.Duration(rnd.IntN(9000)) * time.Microsecond)
					s.TakeUntil(n+i, until)
					busy[n+i] = until
				}
			case 3:
				for i := range tel.Number(30) {
					s.Free(n + i)
					delete(busy, n+i)
				}
			}
			for n := range busy {
				if !member[n] {
					delete(busy, n)
				}
			}
			for range 50 {
				n := blocks[rnd.IntN(3)].Number(rnd.IntN(1000))
				if got, want := s.IsFree(n, now), member[n] && !busy[n].After(now); got != want {
					r.Fatalf("%v: free %v, want %v", n, got, want)
				}
			}
			if err := checkCounts(s); err != nil {
				r.Fatal(err)
			}
		}
	})
}

func TestBitsRuns(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := someBits(rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 3)))
		if got, want := b.longestRun(), longest(b); got != want {
			r.Fatalf("longest run %d, want %d", got, want)
		}
		i := rapid.IntRange(0, 999).Draw(r, "i")
		up, down := 0, 0
		for i+up < 1000 && b.Has(i+up) {
			up++
		}
		for i-down > 0 && b.Has(i-down-1) {
			down++
		}
		if b.runFrom(i) != up || b.runBelow(i) != down {
			r.Fatalf("at %d: %d up, %d down; want %d, %d", i, b.runFrom(i), b.runBelow(i), up, down)
		}
	})
	if f := Full(); f.Count() != 1000 || f.longestRun() != 1000 {
		t.Errorf("full has %d", f.Count())
	}
}

func TestSummary(t *testing.T) {
	m := newModel(7)
	type sum struct{ tns, free int64 }
	want := map[Dimension]map[string]sum{}
	put := func(by Dimension, name string, free bool) {
		if want[by] == nil {
			want[by] = map[string]sum{}
		}
		s := want[by][name]
		s.tns++
		if free {
			s.free++
		}
		want[by][name] = s
	}
	for _, tn := range m.tns {
		p := m.places[tn.place]
		put(ByState, p.State, tn.free)
		put(ByNPA, tn.digits[:3], tn.free)
		put(ByExchange, tn.digits[:3]+"-"+tn.digits[3:6], tn.free)
		put(ByBlock, tn.n.Block().String(), tn.free)
		put(ByCity, p.City+p.State, tn.free)
		put(ByRateCenter, p.RateCenter+p.State, tn.free)
		put(ByLATA, p.LATA, tn.free)
	}
	for by, names := range want {
		got := map[string]sum{}
		rows := m.shelf.Summary(by, tel.Query{}, noon)
		blocks := 0
		for _, row := range rows {
			got[row.Name+row.State] = sum{row.TNs, row.Free}
			blocks += row.Blocks
		}
		if !reflect.DeepEqual(got, names) || blocks != 18 {
			t.Errorf("%s: got %v of %d blocks, want %v", by, got, blocks, names)
		}
		if !slices.IsSortedFunc(rows, func(a, b Row) int { return slices.Compare([]string{a.Name, a.State}, []string{b.Name, b.State}) }) {
			t.Errorf("%s: not sorted: %v", by, rows)
		}
	}
	for _, row := range m.shelf.Summary(ByBlock, tel.Query{NPAs: []int{919}, NXX: 356, X: -1}, noon) {
		if row.Name[:7] != "919-356" {
			t.Errorf("within 919-356: %v", row)
		}
	}
	for _, row := range m.shelf.Summary(ByRateCenter, tel.Query{State: "NY"}, noon) {
		if row.State != "NY" {
			t.Errorf("within NY: %v", row)
		}
	}
}

func TestSuggestions(t *testing.T) {
	s, _ := one()
	for id := 2; id < len(modelPlaces); id++ {
		s.SetPlace(id, modelPlaces[id])
	}
	s.SetPlace(5, tel.Place{City: "Unused", State: "TX"})
	s.PutBlocks([]Block{
		{Block: tel.NewBlock(984, 200, 0), Place: 2}, {Block: tel.NewBlock(212, 200, 0), Place: 3},
		{Block: tel.NewBlock(518, 200, 0), Place: 4}, {Block: tel.NewBlock(252, 200, 0), Place: 2},
	})
	for i, got := range [][]string{s.States(), s.Cities("", "d", 0), s.Cities("nc", "", 1), s.RateCenters("NY", "nw", 5), s.RateCenters("TX", "", 5)} {
		want := [][]string{{"NC", "NY"}, {"Durham"}, {"Durham"}, {"NWYRCYZN01"}, nil}[i]
		if !slices.Equal(got, want) {
			t.Errorf("%d: got %v, want %v", i, got, want)
		}
	}
	if got := s.NearestNPAs(919, 5, noon); !slices.Equal(got, []int{252, 984}) {
		t.Errorf("near 919: %v", got)
	}
	if got := s.NearestNPAs(702, 5, noon); len(got) != 0 {
		t.Errorf("near an unknown area code: %v", got)
	}
}

// For the race detector: everything at once.
func TestConcurrentUse(t *testing.T) {
	s := big(30)
	var wg sync.WaitGroup
	spawn := func(do func(rnd *rand.Rand, i int)) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(9, 9))
			for i := range 200 {
				do(rnd, i)
			}
		})
	}
	some := func(rnd *rand.Rand) tel.Number { return tel.NewNumber(201, 212+rnd.IntN(35), rnd.IntN(10_000)) }
	for range 2 {
		spawn(func(rnd *rand.Rand, i int) {
			s.Take(some(rnd))
			s.TakeUntil(some(rnd), noon.Add(time.Duration(rnd.IntN(300))*time.Second))
			s.Free(some(rnd))
			s.SetTNOffer(some(rnd), 1)
		})
		spawn(func(rnd *rand.Rand, i int) {
			q := tel.NewQuery()
			q.Seed, q.Run, q.Feature = s.NextSeed(), i%3, "sms"
			if _, err := s.Search(q, noon.Add(time.Duration(i)*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	spawn(func(rnd *rand.Rand, i int) {
		s.PutBlocks([]Block{{Block: some(rnd).Block(), Place: 1 + i%3, Offer: 1}})
		s.SetPlace(1+i%3, modelPlaces[1+i%3])
	})
	spawn(func(rnd *rand.Rand, i int) {
		n := some(rnd)
		s.IsFree(n, noon.Add(time.Duration(i)*time.Second))
		s.Has(n)
		s.Summary(ByState, tel.Query{}, noon)
		s.Cities("NC", "", 3)
		s.NearestNPAs(201, 3, noon)
	})
	wg.Wait()
	if err := checkCounts(s); err != nil {
		t.Error(err)
	}
}
