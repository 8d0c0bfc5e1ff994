package main

import (
	"bufio"
	"fmt"
	"os"
)

const (
	wantedNPAs = 343
	wanted     = 35_734 // exchanges
	countryTNs = wanted * 10_000
)

// writeCountry makes an inventory of the size of the United States' numbering plan:
// 35,734 exchanges in 343 area codes, so that anybody can measure without data of
// their own. Places are invented and repeat as real ones do.
func writeCountry(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "npa,nxx,city,state,rate_center,lata")
	states := []string{"AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "DC", "PR", "GU"}
	npas, rows := 0, 0
	for npa := 201; npas < wantedNPAs; npa++ {
		if npa/10%10 == 9 || special(npa) {
			continue
		}
		state := states[npas*len(states)/wantedNPAs]
		npas++
		for i, nxx := 0, 200+npa%7; nxx <= 999 && i < 105 && rows < wanted; nxx += 7 {
			if nxx%100 == 11 || nxx == 555 {
				continue
			}
			city := i / 12
			fmt.Fprintf(w, "%d,%d,City %d-%d,%s,RC%d%c,%d\n", npa, nxx, npa, city, state, npa, 'A'+city, 120+npas*225/wantedNPAs*3)
			i++
			rows++
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// special are codes that are no place's: those that an import refuses.
func special(npa int) bool {
	return npa/10%10 == npa%10 || npa/10 == 37 || npa/10 == 96
}
