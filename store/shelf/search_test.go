package shelf

import (
	"cmp"
	"encoding/base64"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"tnreserve/store/tel"

	"pgregory.net/rapid"
)

func TestSearchAgreesWithBruteForce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := newModel(rapid.Uint64().Draw(r, "inventory"))
		for range 3 {
			q := drawQuery(r)
			want := m.find(q)
			checkTotal(r, m.shelf, q, len(want))
			for _, order := range []tel.Layout{tel.OrderSpread, tel.OrderAscending, tel.OrderDescending} {
				q.Order = order
				got := slices.Concat(drain(t, m.shelf, q)...)
				checkPages(r, q, got, want)
			}
		}
	})
}

func drawQuery(r *rapid.T) tel.Query {
	q := tel.NewQuery()
	sometimes := func(name string) bool { return rapid.IntRange(0, 5).Draw(r, name) == 0 }
	if sometimes("npa?") {
		q.NPAs = rapid.SliceOfN(rapid.SampledFrom([]int{919, 984, 212, 800, 888, 333}), 1, 4).Draw(r, "npas")
	}
	if sometimes("nxx?") {
		q.NXX = rapid.SampledFrom([]int{356, 919, 993, 444}).Draw(r, "nxx")
		q.X = rapid.IntRange(-1, 9).Draw(r, "x")
	}
	if sometimes("state?") {
		q.State = rapid.SampledFrom([]string{"NC", "NY", "TX"}).Draw(r, "state")
	}
	if sometimes("city?") {
		q.City = rapid.SampledFrom([]string{"durham", "RALEIGH", "Nowhere"}).Draw(r, "city")
	}
	if sometimes("rate center?") {
		q.RateCenter = rapid.SampledFrom([]string{"Raleigh", "ALBANY"}).Draw(r, "rate center")
	}
	if sometimes("place?") {
		q.Place = rapid.SampledFrom([]string{"raleigh", "Durham", "albany"}).Draw(r, "place")
	}
	if sometimes("lata?") {
		q.LATA = rapid.SampledFrom([]string{"426", "132", "134"}).Draw(r, "lata")
	}
	if sometimes("type?") {
		q.Type = rapid.SampledFrom([]tel.TNType{tel.TypeLocal, tel.TypeTollFree}).Draw(r, "type")
		q.NPAs = nil
	}
	if sometimes("country?") {
		q.Country = rapid.SampledFrom([]string{tel.CountryUS, tel.CountryCA}).Draw(r, "country")
	}
	if sometimes("feature?") {
		q.Feature = rapid.SampledFrom([]string{"sms", "voice", "fax", "sms,voice"}).Draw(r, "feature")
	}
	pattern := func(name, like string) tel.Pattern {
		if !sometimes(name + "?") {
			return ""
		}
		return tel.Pattern(rapid.StringMatching(like).Draw(r, name))
	}
	q.StartsWith = pattern("starts", `[29][1?][29][3?]?[5?]?[6?]?[039?]?[0-9]?`)
	q.EndsWith = pattern("ends", `([39]?[56?])?[0-9?]{0,3}[0-9]`)
	q.Contains = pattern("contains", `[39?][0-9?]?[3569?]?([3569?]{1,6})?`)
	if sometimes("run?") {
		q.Run = rapid.SampledFrom([]int{2, 3, 10, 25, 64, 100, 500, 1000}).Draw(r, "run")
	}
	q.Seed = rapid.Uint64().Draw(r, "seed")
	q.Limit = rapid.SampledFrom([]int{37, 250, 999, 5000}).Draw(r, "limit")
	return q
}

func checkTotal(r *rapid.T, s *Shelf, q tel.Query, want int) {
	found, err := s.Search(q, noon)
	if err != nil {
		r.Fatalf("search: %v", err)
	}
	switch {
	case found.More && (found.Total != exactUpTo || want <= exactUpTo):
		r.Fatalf("more than %d, want %d", found.Total, want)
	case !found.More && found.Total != want:
		r.Fatalf("total %d, want %d", found.Total, want)
	}
}

func checkPages(r *rapid.T, q tel.Query, got, want []tel.Number) {
	switch q.Order {
	case tel.OrderSpread:
		got = slices.Sorted(slices.Values(got))
	case tel.OrderDescending:
		want = slices.SortedFunc(slices.Values(want), func(a, b tel.Number) int { return cmp.Compare(b, a) })
	}
	if !slices.Equal(got, want) {
		r.Fatalf("order %q: %d TNs, want %d, or others", q.Order, len(got), len(want))
	}
}

func TestPagesAreFull(t *testing.T) {
	m := newModel(3)
	for _, order := range []tel.Layout{tel.OrderSpread, tel.OrderAscending, tel.OrderDescending} {
		for _, contains := range []tel.Pattern{"", "35"} {
			q := tel.NewQuery()
			q.Order, q.Contains, q.Limit = order, contains, 70
			pages := drain(t, m.shelf, q)
			for i, page := range pages[:len(pages)-1] {
				if len(page) != 70 {
					t.Errorf("order %q contains %q: page %d has %d", order, contains, i, len(page))
				}
			}
		}
	}
}

// big is an inventory of so many exchanges, all free.
func big(exchanges int) *Shelf {
	s := New()
	s.SetPlace(1, modelPlaces[1])
	s.SetOffer(1, modelOffers[1])
	var blocks []Block
	for e := range exchanges {
		for x := range 10 {
			blocks = append(blocks, Block{Block: tel.NewBlock(201+e/700, 212+e%700, x), Place: 1, Offer: 1})
		}
	}
	s.PutBlocks(blocks)
	return s
}

func TestSixtyFourSearchesBeginApart(t *testing.T) {
	s := big(300)
	for name, q := range map[string]tel.Query{
		"anything":          {X: -1},
		"one exchange":      {X: -1, NPAs: []int{201}, NXX: 250},
		"1,000 matches":     {NPAs: []int{201}, NXX: 250, X: 3},
		"one per exchange":  {X: -1, EndsWith: "4321"},
		"20 of an exchange": {X: -1, EndsWith: "?21", Contains: "02"},
	} {
		q.Limit = 20
		seen := map[tel.Number]bool{}
		for range 64 {
			q.Seed = s.NextSeed()
			found, err := s.Search(q, noon)
			if err != nil || len(found.TNs) == 0 {
				t.Fatalf("%s: %v, %v", name, found, err)
			}
			seen[found.TNs[0].TN] = true
		}
		if len(seen) != 64 {
			t.Errorf("%s: 64 searches began with %d TNs", name, len(seen))
		}
	}
}

func TestSpreadPageIsSpread(t *testing.T) {
	s := big(300)
	q := tel.NewQuery()
	q.Seed = s.NextSeed()
	found, _ := s.Search(q, noon)
	exchanges := map[int]bool{}
	for _, f := range found.TNs {
		exchanges[f.TN.NXX()] = true
	}
	if len(found.TNs) != 50 || len(exchanges) != 50 {
		t.Errorf("%d TNs of %d exchanges, want 50 of 50", len(found.TNs), len(exchanges))
	}
	again, _ := s.Search(q, noon)
	if !reflect.DeepEqual(found, again) {
		t.Error("the same seed gave another page")
	}
}

func TestSpreadShowsRowsTogether(t *testing.T) {
	for _, exchanges := range []int{1, 200} { // dealt, wandered
		s := big(exchanges)
		q := tel.NewQuery()
		q.Run, q.Limit, q.Seed = 25, 50, s.NextSeed()
		found, _ := s.Search(q, noon)
		for i, f := range found.TNs {
			if i%25 > 0 && f.TN != found.TNs[i-1].TN+1 {
				t.Fatalf("%d exchanges: %v follows %v", exchanges, f.TN, found.TNs[i-1].TN)
			}
		}
	}
}

// What is taken between two pages must neither come again nor hide anything else.
func TestPagingWhileOthersTake(t *testing.T) {
	for _, order := range []tel.Layout{tel.OrderSpread, tel.OrderAscending, tel.OrderDescending} {
		s := big(1)
		q := tel.NewQuery()
		q.Order, q.Limit, q.Seed, q.EndsWith = order, 40, s.NextSeed(), "1"
		rnd := rand.New(rand.NewPCG(1, 2))
		taken, seen := map[tel.Number]bool{}, map[tel.Number]int{}
		for {
			found, err := s.Search(q, noon)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found.TNs {
				seen[f.TN]++
			}
			for range 20 {
				n := tel.NewNumber(201, 212, rnd.IntN(1000)*10+1)
				taken[n] = true
				s.Take(n)
			}
			if q.Cursor = found.Next; q.Cursor == "" {
				break
			}
		}
		for line := 1; line < 10_000; line += 10 {
			if n := tel.NewNumber(201, 212, line); seen[n] > 1 || seen[n] == 0 && !taken[n] {
				t.Errorf("order %q: %v came %d times", order, n, seen[n])
			}
		}
	}
}

func TestLimitIsClamped(t *testing.T) {
	s := big(2)
	for limit, want := range map[int]int{-1: 1, 0: 1, 1: 1, 5000: 5000, 9999: 5000} {
		q := tel.NewQuery()
		q.Limit = limit
		if found, _ := s.Search(q, noon); len(found.TNs) != want {
			t.Errorf("limit %d gave %d", limit, len(found.TNs))
		}
	}
}

func TestBadQueries(t *testing.T) {
	s := big(1)
	deal := cursor{kind: kindDeal, origin: 1, key: 2}.String()
	for field, q := range map[string]tel.Query{
		"npa":         {X: -1, NPAs: []int{911}},
		"run":         {X: -1, Run: 1001},
		"starts_with": {X: -1, StartsWith: "12345678901"},
		"ends_with":   {X: -1, EndsWith: "1x2"},
		"contains":    {X: -1, Contains: "-"},
		"cursor":      {X: -1, Cursor: deal, Order: tel.OrderAscending},
	} {
		_, err := s.Search(q, noon)
		if e, ok := err.(*tel.Error); !ok || e.Code != tel.CodeInvalid || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestBadCursors(t *testing.T) {
	s := big(2)
	good := cursor{kind: kindWander, seed: 5, round: 1, step: 1}.String()
	texts := []string{"x", "!", good + "A", good[:len(good)-2], base64.RawURLEncoding.EncodeToString([]byte("q12")), "====", "\n" + good}
	for _, text := range texts {
		if _, err := parseCursor(text, tel.OrderSpread); tel.CodeOf(err) != tel.CodeInvalid {
			t.Errorf("%q: got %v", text, err)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(r, "raw")
		raw = append([]byte{rapid.SampledFrom([]byte("sdwx")).Draw(r, "kind")}, raw...)
		q := tel.NewQuery()
		q.Cursor = base64.RawURLEncoding.EncodeToString(raw)
		q.Order = rapid.SampledFrom([]tel.Layout{tel.OrderSpread, tel.OrderAscending, tel.OrderDescending}).Draw(r, "order")
		q.Contains = rapid.SampledFrom([]tel.Pattern{"", "777"}).Draw(r, "contains")
		if _, err := s.Search(q, noon); err != nil && tel.CodeOf(err) != tel.CodeInvalid {
			r.Fatalf("%v", err)
		}
	})
}

func TestEmptyShelf(t *testing.T) {
	s := New()
	for _, order := range []tel.Layout{tel.OrderSpread, tel.OrderAscending, tel.OrderDescending} {
		q := tel.NewQuery()
		q.Order = order
		found, err := s.Search(q, noon)
		if err != nil || found.Total != 0 || len(found.TNs) != 0 || found.Next != "" {
			t.Errorf("order %q: %+v, %v", order, found, err)
		}
	}
}
