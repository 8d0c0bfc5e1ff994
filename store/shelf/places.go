package shelf

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// places is the table of places and the ways to find one by name.
type places struct {
	list      []tel.Place // by id
	folded    []tel.Place // the same, as names are compared
	countries []string

	city, rateCenter, state, lata, country map[string][]int32 // folded name to ids
}

func newPlaces() places {
	return places{
		list: make([]tel.Place, 1), folded: make([]tel.Place, 1), countries: make([]string, 1),
		city: map[string][]int32{}, rateCenter: map[string][]int32{},
		state: map[string][]int32{}, lata: map[string][]int32{}, country: map[string][]int32{},
	}
}

func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func (p *places) grow(id int32) {
	for len(p.list) <= int(id) {
		p.list = append(p.list, tel.Place{})
		p.folded = append(p.folded, tel.Place{})
		p.countries = append(p.countries, "")
	}
}

func (p *places) set(id int32, place tel.Place) {
	p.grow(id)
	f := tel.Place{City: fold(place.City), State: fold(place.State), RateCenter: fold(place.RateCenter), LATA: fold(place.LATA)}
	old := p.folded[id]
	p.list[id], p.folded[id] = place, f
	rename(p.city, old.City, f.City, id)
	rename(p.rateCenter, old.RateCenter, f.RateCenter, id)
	rename(p.state, old.State, f.State, id)
	rename(p.lata, old.LATA, f.LATA, id)
	rename(p.country, p.countries[id], place.Country(), id)
	p.countries[id] = place.Country()
}

func rename(by map[string][]int32, from, to string, id int32) {
	if from == to {
		return
	}
	if from != "" {
		by[from] = slices.DeleteFunc(by[from], func(other int32) bool { return other == id })
	}
	if to != "" {
		by[to] = append(by[to], id)
	}
}

// where is the part of a query that is about places, with folded names.
type where struct{ city, rateCenter, either, state, lata, country string }

// where is it with what narrows nothing left out: a country that all places are in.
func (p *places) where(q tel.Query) where {
	w := where{fold(q.City), fold(q.RateCenter), fold(q.Place), fold(q.State), fold(q.LATA), q.Country}
	if len(p.country) == 1 && len(p.country[q.Country]) > 0 {
		w.country = ""
	}
	return w
}

func (p *places) fits(w where, id int32) bool {
	f := &p.folded[id]
	return (w.country == "" || w.country == p.countries[id]) &&
		(w.city == "" || w.city == f.City) &&
		(w.rateCenter == "" || w.rateCenter == f.RateCenter) &&
		(w.either == "" || w.either == f.City || w.either == f.RateCenter) &&
		(w.state == "" || w.state == f.State) &&
		(w.lata == "" || w.lata == f.LATA)
}

// matching gives the ids of the places that fit, some perhaps twice. It looks
// through the shortest of the lists by name.
func (p *places) matching(w where) []int32 {
	var shortest []int32
	first := true
	try := func(asked bool, ids []int32) {
		if asked && (first || len(ids) < len(shortest)) {
			shortest, first = ids, false
		}
	}
	try(w.city != "", p.city[w.city])
	try(w.rateCenter != "", p.rateCenter[w.rateCenter])
	try(w.either != "", slices.Concat(p.city[w.either], p.rateCenter[w.either]))
	try(w.lata != "", p.lata[w.lata])
	try(w.state != "", p.state[w.state])
	try(w.country != "", p.country[w.country])
	var ids []int32
	for _, id := range shortest {
		if p.fits(w, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// KnownPlace tells whether the inventory has any block, free or not, at the place
// that the query's State, City, RateCenter, Place and LATA describe together. A
// query that names no place is known.
func (s *Shelf) KnownPlace(q tel.Query) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	w := s.places.where(q)
	if w == (where{}) {
		return true
	}
	return slices.ContainsFunc(s.places.matching(w), s.inUse)
}

func (s *Shelf) inUse(place int32) bool { return len(s.index.exchangesOf(place)) > 0 }

// States lists the states of the inventory, sorted.
func (s *Shelf) States() []string {
	return s.names("", "", 0, func(p *tel.Place) string { return p.State })
}

// Cities lists the cities of the inventory that begin with a prefix, sorted, at
// most limit (0 is no limit); state "" is any. Case does not matter.
func (s *Shelf) Cities(state, prefix string, limit int) []string {
	return s.names(state, prefix, limit, func(p *tel.Place) string { return p.City })
}

// RateCenters lists the rate centers of the inventory as Cities does the cities.
func (s *Shelf) RateCenters(state, prefix string, limit int) []string {
	return s.names(state, prefix, limit, func(p *tel.Place) string { return p.RateCenter })
}

func (s *Shelf) names(state, prefix string, limit int, name func(*tel.Place) string) []string {
	w, prefix := where{state: fold(state)}, fold(prefix)
	s.mu.RLock()
	defer s.mu.RUnlock()
	seen := map[string]string{}
	for id := range s.places.list {
		f := &s.places.folded[id]
		if key := name(f); key != "" && s.places.fits(w, int32(id)) && strings.HasPrefix(key, prefix) && s.inUse(int32(id)) {
			seen[key] = name(&s.places.list[id])
		}
	}
	names := slices.SortedFunc(maps.Values(seen), func(a, b string) int { return cmp.Compare(fold(a), fold(b)) })
	if limit > 0 && len(names) > limit {
		names = names[:limit]
	}
	return names
}

// NearestNPAs lists up to n other area codes with free TNs in the states that an
// area code serves: first those that share a LATA with it, among equals the one
// with the most free TNs. It is empty when the area code is not in the inventory.
func (s *Shelf) NearestNPAs(npa, n int, now time.Time) []int {
	s.release(now)
	s.mu.RLock()
	defer s.mu.RUnlock()
	states, latas := s.served(npa)
	type neighbour struct {
		npa  int
		near bool
		free int64
	}
	by := map[int]*neighbour{}
	for i := range s.index.exchanges {
		ex := &s.index.exchanges[i]
		f := &s.places.folded[s.index.blocks[ex.first].place]
		if ex.free == 0 || ex.npa() == npa || !states[f.State] {
			continue
		}
		nb := by[ex.npa()]
		if nb == nil {
			nb = &neighbour{npa: ex.npa()}
			by[nb.npa] = nb
		}
		nb.free += int64(ex.free)
		nb.near = nb.near || latas[f.LATA]
	}
	list := slices.SortedFunc(maps.Values(by), func(a, b *neighbour) int {
		if a.near != b.near {
			return cmp.Compare(btoi(b.near), btoi(a.near))
		}
		return cmp.Or(cmp.Compare(b.free, a.free), cmp.Compare(a.npa, b.npa))
	})
	var npas []int
	for _, nb := range list[:min(n, len(list))] {
		npas = append(npas, nb.npa)
	}
	return npas
}

// served is the states and LATAs of an area code's exchanges, folded.
func (s *Shelf) served(npa int) (states, latas map[string]bool) {
	states, latas = map[string]bool{}, map[string]bool{}
	lo, hi := s.index.rangeOf(npa)
	for _, ex := range s.index.exchanges[lo:hi] {
		f := &s.places.folded[s.index.blocks[ex.first].place]
		states[f.State] = f.State != ""
		latas[f.LATA] = f.LATA != ""
	}
	return states, latas
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
