package intake

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"tnreserve/store/tel"
)

// codes remembers which area codes and exchanges are good: a file has a million TNs
// and at most 800 of each, and the library takes 16 µs.
type codes struct {
	npa [1000]verdict
	nxx [1000]verdict
}

type verdict struct {
	known   bool
	strange bool // good, but the library does not know it
	fault   *fault
}

// check tells why an NPA-NXX cannot be in anybody's inventory, or nil. The field
// is the column that named the two, or "" when each has its own.
func (c *codes) check(field string, npa, nxx int) *fault {
	f := c.checkNPA(npa)
	if f == nil {
		f = c.checkNXX(nxx)
	}
	if f != nil && field != "" {
		return &fault{field, f.why}
	}
	return f
}

func (c *codes) checkNPA(npa int) *fault {
	v := &c.npa[npa]
	if !v.known {
		*v = verdict{known: true}
		if err := tel.CheckNPA(npa); err != nil {
			v.fault = because("npa", err)
		} else if !inUse(npa) {
			if v.strange = assignable(npa); !v.strange {
				v.fault = bad("npa", "Area code %d is not in use in any country of +1.", npa)
			}
		}
	}
	return v.fault
}

func (c *codes) checkNXX(nxx int) *fault {
	v := &c.nxx[nxx]
	if !v.known {
		*v = verdict{known: true}
		if err := tel.CheckExchange(200, nxx); err != nil { // 200: of the exchange only
			v.fault = because("nxx", err)
		}
	}
	return v.fault
}

// inUse asks the library whether an area code belongs to a region of +1 or is
// toll-free, premium or personal.
//
// The question is the region and not IsValidNumber: for the islands that have an
// area code to themselves the library lists the exchanges it knows (340 and 684
// among them), which would refuse real TNs as soon as an exchange is opened.
// IsPossibleNumber is no question at all: it only counts digits.
func inUse(npa int) bool {
	country, national := int32(1), uint64(npa)*1_000_0000+234_5678
	n := &phonenumbers.PhoneNumber{CountryCode: &country, NationalNumber: &national}
	return phonenumbers.GetRegionCodeForNumber(n) != ""
}

// assignable tells whether an area code may be opened for a place one day: it is no
// easily recognised code (N00, N22 … N88, kept for services) and not 37X or 96X
// (kept for blocks of ten).
//
// The library lags behind: it does not know 436, 624 and 861, in service since 2023
// and 2024, nor 710, the US government's. Refusing such codes would keep an operator
// from their own TNs until the next release, so they are accepted with a notice.
// What is no code for places changes so seldom that there the library is believed.
func assignable(npa int) bool {
	return npa/10%10 != npa%10 && npa/10 != 37 && npa/10 != 96
}

// strangers are the area codes of the blocks that the library does not know.
func (c *codes) strangers(blocks []Block) []string {
	var list []string
	last := 0
	for i := range blocks { // sorted
		if npa := blocks[i].Block.NPA(); npa != last {
			if last = npa; c.npa[npa].strange {
				list = append(list, strconv.Itoa(npa))
			}
		}
	}
	return list
}

func strangersNotice(npas []string) tel.Sentence {
	const most = 20
	names := strings.Join(npas[:min(len(npas), most)], ", ")
	if n := len(npas) - most; n > 0 {
		return tel.Say("Area codes that the telephone number library does not know: %s and %d more. Check that they are in service.", names, n)
	}
	return tel.Say("Area codes that the telephone number library does not know: %s. Check that they are in service.", names)
}
