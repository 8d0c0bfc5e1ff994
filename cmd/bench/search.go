package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// measureImport brings the whole country in with the program itself.
func (b *bench) measureImport() error {
	b.title("Import of the whole country")
	start := time.Now()
	args := []string{"import", "--db", b.db, b.csv}
	if b.made {
		args = append(args, "--strict") // all of it goes in, or what follows measures less
	}
	out, err := exec.CommandContext(b.ctx, b.binary, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	b.row("import", round(time.Since(start)).String(), "under 15 s")
	info, err := os.Stat(b.db)
	if err != nil {
		return err
	}
	b.row("database", fmt.Sprintf("%d MB", info.Size()>>20), "under 300 MB")
	return nil
}

// searches are every filter of the issue, and combinations, as addresses of the
// search page would have them.
func searches() map[string]func(*tel.Query) {
	pattern := func(p *tel.Pattern, s string) { *p, _ = tel.ParsePattern("", s) }
	return map[string]func(*tel.Query){
		"nothing":                    func(*tel.Query) {},
		"npa":                        func(q *tel.Query) { q.NPAs = []int{415} },
		"five npas":                  func(q *tel.Query) { q.NPAs = []int{415, 919, 303, 206, 718} },
		"npa-nxx":                    func(q *tel.Query) { q.NPAs, q.NXX = []int{919}, 220 },
		"npa-nxx-x":                  func(q *tel.Query) { q.NPAs, q.NXX, q.X = []int{919}, 220, 4 },
		"nxx alone":                  func(q *tel.Query) { q.NXX = 220 },
		"state":                      func(q *tel.Query) { q.State = "CA" },
		"local":                      func(q *tel.Query) { q.Type = tel.TypeLocal },
		"toll-free":                  func(q *tel.Query) { q.Type = tel.TypeTollFree },
		"lata":                       func(q *tel.Query) { q.LATA = "730" },
		"starts with 4":              func(q *tel.Query) { pattern(&q.StartsWith, "4152") },
		"ends with 4":                func(q *tel.Query) { pattern(&q.EndsWith, "4242") },
		"ends with 7":                func(q *tel.Query) { pattern(&q.EndsWith, "5554242") },
		"contains 2":                 func(q *tel.Query) { pattern(&q.Contains, "42") },
		"contains 3":                 func(q *tel.Query) { pattern(&q.Contains, "424") },
		"contains 4":                 func(q *tel.Query) { pattern(&q.Contains, "4242") },
		"contains 5":                 func(q *tel.Query) { pattern(&q.Contains, "42424") },
		"contains 6":                 func(q *tel.Query) { pattern(&q.Contains, "424242") },
		"contains 7":                 func(q *tel.Query) { pattern(&q.Contains, "4242424") },
		"contains 10":                func(q *tel.Query) { pattern(&q.Contains, "4152504242") },
		"word of 7 letters":          func(q *tel.Query) { pattern(&q.Contains, "FLOWERS") },
		"wildcards 12??12":           func(q *tel.Query) { pattern(&q.Contains, "12??12") },
		"wildcards 7?7?7?7":          func(q *tel.Query) { pattern(&q.Contains, "7?7?7?7") },
		"2 in a row":                 func(q *tel.Query) { q.Run = 2 },
		"25 in a row":                func(q *tel.Query) { q.Run = 25 },
		"100 in a row":               func(q *tel.Query) { q.Run = 100 },
		"state + contains 3":         func(q *tel.Query) { q.State = "CA"; pattern(&q.Contains, "777") },
		"state + word":               func(q *tel.Query) { q.State = "TX"; pattern(&q.Contains, "FLOWERS") },
		"lata + ends with 4":         func(q *tel.Query) { q.LATA = "730"; pattern(&q.EndsWith, "0000") },
		"starts + ends":              func(q *tel.Query) { pattern(&q.StartsWith, "4"); pattern(&q.EndsWith, "77") },
		"state + 25 in a row":        func(q *tel.Query) { q.State = "CA"; q.Run = 25 },
		"contains 3 + 5 in a row":    func(q *tel.Query) { pattern(&q.Contains, "424"); q.Run = 5 },
		"npas + wildcard + ends":     func(q *tel.Query) { q.NPAs = []int{415, 919}; pattern(&q.Contains, "1?1"); pattern(&q.EndsWith, "9") },
		"ascending, contains 4":      func(q *tel.Query) { q.Order = tel.OrderAscending; pattern(&q.Contains, "4242") },
		"descending, state + ends 2": func(q *tel.Query) { q.Order = tel.OrderDescending; q.State = "CA"; pattern(&q.EndsWith, "42") },
	}
}

var operator = tel.System("bench")

// measureSearch asks the store itself, a thousand times each.
func (b *bench) measureSearch() error {
	b.title("Search in the store, whole country, each asked 1,000 times with a start of its own")
	start := time.Now()
	s, err := store.Open(b.ctx, store.Config{DB: b.db, Now: time.Now})
	if err != nil {
		return err
	}
	defer s.Close()
	b.row("database opened and shelf loaded", round(time.Since(start)).String(), "")
	var worst time.Duration
	for _, name := range slices.Sorted(maps.Keys(searches())) {
		var took times
		q := tel.NewQuery()
		searches()[name](&q)
		found := ""
		for range 1000 {
			q.Seed = s.Shelf().NextSeed()
			t := time.Now()
			page, err := s.Search(b.ctx, operator, q)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			took = append(took, time.Since(t))
			if found = tel.Count(page.Total); page.More {
				found = "more than " + found
			}
		}
		worst = max(worst, took.quantile(.99))
		b.row(name, took.String(), found)
	}
	b.row("worst p99", round(worst).String(), "under 5 ms")
	return nil
}
